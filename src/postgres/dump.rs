//! The live schema as SQL, taken by pg_dump.
//! Never puts the password into an argument or an environment variable, and never dumps rows.

use std::process::Stdio;

use tokio::process::Command;

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::connector::{Access, Connector, SslMode};
use crate::postgres::passfile::{self, Temporary};
use crate::postgres::programs::{self, Program};

/// Where distributions keep the trusted authorities; libpq before version 16 has to be told.
const BUNDLES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// A pg_dump of at least this major version (it refuses servers newer than itself).
pub async fn find_pg_dump(min_major: u32) -> Result<Program> {
    programs::find("pg_dump", min_major).await
}

/// `pg_dump --schema-only` without owners and rights. `exclude_schemas` are names, not patterns.
pub async fn schema_only(connector: &Connector, exclude_schemas: &[String]) -> Result<String> {
    let session = connector.connect(Access::ReadOnly).await?;
    let version: i32 = session.value("select current_setting('server_version_num')::int", &[]).await?;
    drop(session);
    let pg_dump = find_pg_dump(u32::try_from(version / 10_000).unwrap_or_default()).await?;
    let secret = match &connector.password {
        Some(password) => Some(Temporary::new(&passfile::line("*", connector.port, "*", "*", password))?),
        None => None,
    };
    let mut command = Command::new(&pg_dump.path);
    command.args(["--schema-only", "--no-owner", "--no-privileges", "--no-password"]);
    for schema in exclude_schemas {
        command.arg(format!("--exclude-schema={}", crate::postgres::quote::ident(schema)));
    }
    environment(&mut command, connector);
    if let Some(secret) = &secret {
        command.env("PGPASSFILE", secret.path());
    }
    let what = format!("cannot dump the schema of {}", connector.label());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.or_fail(
        Kind::Failed,
        &what,
        format!("check that {} can be run", pg_dump.path.display()),
    )?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(Kind::Failed, what)
            .cause(said.trim())
            .hint("the user must be able to read every schema; leave one out with an exclusion, or use the owner of the database"));
    }
    String::from_utf8(output.stdout).or_fail(Kind::Failed, what, "the database's encoding is not UTF-8: that is not supported yet")
}

fn environment(command: &mut Command, connector: &Connector) {
    for name in ["PGPASSWORD", "PGSERVICE", "PGHOSTADDR", "PGOPTIONS", "PGSSLROOTCERT", "PGCHANNELBINDING"] {
        command.env_remove(name);
    }
    command
        .env("PGHOST", &connector.host)
        .env("PGPORT", connector.port.to_string())
        .env("PGUSER", &connector.user)
        .env("PGDATABASE", &connector.database)
        .env("PGSSLMODE", connector.ssl.name())
        .env("PGAPPNAME", "migrate-wizard")
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGCLIENTENCODING", "UTF8");
    if let Some(options) = &connector.options {
        command.env("PGOPTIONS", options);
    }
    let verifies = matches!(connector.ssl, SslMode::VerifyCa | SslMode::VerifyFull);
    if let Some(path) = &connector.root_cert {
        command.env("PGSSLROOTCERT", path);
    } else if verifies {
        let bundle = BUNDLES.into_iter().find(|path| std::path::Path::new(path).is_file());
        command.env("PGSSLROOTCERT", bundle.unwrap_or("system"));
    }
}
