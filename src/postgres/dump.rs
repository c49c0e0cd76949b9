//! The live schema as SQL, taken by pg_dump.
//! Never puts the password into an argument or an environment variable, and never dumps rows.

use std::process::Stdio;

use tokio::process::Command;

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::connector::{Access, Connector};
use crate::postgres::encryption::{SslMode, Trust};
use crate::postgres::private_file::Temporary;
use crate::postgres::programs::{self, Program};
use crate::postgres::{authorities, passfile};

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
    let password = connector.password_for_now().await?;
    let secret =
        password.map(|password| Temporary::new("pgpass", &passfile::line("*", connector.port, "*", "*", password.expose()))).transpose()?;
    let authorities = authorities_file(connector)?;
    let mut command = Command::new(&pg_dump.path);
    command.args(["--schema-only", "--no-owner", "--no-privileges", "--no-password"]);
    command.arg("--exclude-schema=migrate_wizard_freeze");
    for schema in exclude_schemas {
        command.arg(format!("--exclude-schema={}", crate::postgres::quote::ident(schema)));
    }
    environment(&mut command, connector);
    for (name, file) in [("PGPASSFILE", &secret), ("PGSSLROOTCERT", &authorities)] {
        if let Some(file) = file {
            command.env(name, file.path());
        }
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
            .hint("the user must be able to read every schema; leave a schema out with --except, or use the owner of the database"));
    }
    let text =
        String::from_utf8(output.stdout).or_fail(Kind::Failed, what, "the database's encoding is not UTF-8: that is not supported yet")?;
    Ok(without_freeze(text))
}

/// The schema as it is when no freeze is on: triggers of ours are no part of the app.
fn without_freeze(text: String) -> String {
    const OURS: &str = " migrate_wizard_freeze; Type: TRIGGER; ";
    if !text.contains(OURS) {
        return text;
    }
    // Each object is a comment of three lines and what follows it, until the next comment.
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("--\n-- Name: ") {
        let (before, object) = rest.split_at(at);
        kept.push_str(before);
        let end = object[3..].find("\n--\n-- ").map_or(object.len(), |i| i + 3 + 1);
        let (object, after) = object.split_at(end);
        if !object.lines().nth(1).is_some_and(|name| name.contains(OURS)) {
            kept.push_str(object);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn environment(command: &mut Command, connector: &Connector) {
    for name in [
        "PGPASSWORD",
        "PGSERVICE",
        "PGHOSTADDR",
        "PGOPTIONS",
        "PGSSLROOTCERT",
        "PGCHANNELBINDING",
        "PGREQUIREAUTH",
        "PGSSLCRL",
        "PGSSLCRLDIR",
    ] {
        command.env_remove(name);
    }
    command
        .env("PGHOST", &connector.host)
        .env("PGPORT", connector.port.to_string())
        .env("PGUSER", &connector.user)
        .env("PGDATABASE", &connector.database)
        .env("PGSSLMODE", connector.ssl.name())
        .env("PGAPPNAME", "migrate-wizard")
        .env("PGCONNECT_TIMEOUT", connector.timeout().as_secs().to_string())
        .env("PGCLIENTENCODING", "UTF8");
    if let Some(options) = &connector.options {
        command.env("PGOPTIONS", options);
    }
    if let Some(address) = connector.address {
        command.env("PGHOSTADDR", address.to_string());
    }
    if connector.require_channel_binding {
        command.env("PGCHANNELBINDING", "require");
    }
    if let Trust::File(path) = &connector.trust {
        command.env("PGSSLROOTCERT", path);
    }
}

/// libpq knows one file of authorities only: the system's and ours go into one for it, when it is to check any.
fn authorities_file(connector: &Connector) -> Result<Option<Temporary>> {
    if !matches!(connector.ssl, SslMode::VerifyCa | SslMode::VerifyFull) {
        return Ok(None);
    }
    authorities::pem(&connector.trust).map(|text| Temporary::new("pem", &text)).transpose()
}
