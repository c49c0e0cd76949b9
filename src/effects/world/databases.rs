//! The two databases of a world: which source is meant, and the target that a stack made or a sandbox's disposable server.
//! Sends no statement.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::World;
use crate::cloud;
use crate::effects::dsql_login;
use crate::effects::target_ref::TargetRef;
use crate::error::{Context, Error, Kind, Result};
use crate::postgres::local::LocalServer;
use crate::postgres::{self, Connector};
use crate::progress::aside;

impl World {
    /// The source database, which nobody can write to through this.
    pub fn source(&self) -> Result<Connector> {
        self.named_source().map(|connector| connector.only_reading())
    }

    /// The source database for the freeze; in a dry run not even that.
    pub fn source_to_freeze(&self) -> Result<Connector> {
        self.named_source().map(|connector| self.as_the_run_allows(connector))
    }

    /// The same, writing while the freeze holds everybody else back: for the way back alone.
    pub fn source_past_the_freeze(&self) -> Result<Connector> {
        self.source_to_freeze().map(|connector| connector.past_the_freeze())
    }

    fn as_the_run_allows(&self, connector: Connector) -> Connector {
        if self.dry { connector.only_reading() } else { connector }
    }

    fn named_source(&self) -> Result<Connector> {
        let asked = self.secrets.lock().ok().and_then(|s| s.get("source_url").cloned());
        match (asked, &self.source) {
            (Some(url), _) => Connector::from_url(&url),
            (None, Some(connector)) => Ok(connector.clone()),
            (None, None) => Err(Error::new(Kind::Input, "no source database is named").hint(
                "export SOURCE_DATABASE_URL='postgresql://user@host/db' (Replit: Deployments, your app, Database, connection string), keep the password in ~/.pgpass or in the URL, then start again",
            )),
        }
    }

    /// The target database: the sandbox's disposable server, or what the stack made.
    pub async fn target(&self, target: &TargetRef) -> Result<Connector> {
        self.named_target(target).await.map(|connector| self.as_the_run_allows(connector))
    }

    async fn named_target(&self, target: &TargetRef) -> Result<Connector> {
        if self.sandbox {
            let options = postgres::local::Options { database: "app".to_owned(), ..postgres::local::Options::default() };
            let folder = self.server_dir()?;
            let server = self.server.get_or_try_init(|| LocalServer::start(&folder, &options)).await?;
            return Ok(server.connector());
        }
        if let Some(given) = &self.given_target {
            return Ok(given.clone());
        }
        let aws = self.aws().await?;
        let port = if target.port.is_empty() { "5432" } else { &target.port };
        if target.kind == "dsql" {
            let cluster = Connector::from_url_alone(&format!("postgresql://admin@{}:{port}/postgres?sslmode=verify-full", target.host))?;
            return Ok(dsql_login::with_tokens(&cluster, aws));
        }
        let secret = cloud::secrets::value(aws, &target.secret_arn).await?;
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(secret.expose()).map_err(|_| {
            Error::new(Kind::Conflict, format!("the secret {} does not hold user and password as JSON", target.secret_arn))
                .hint("it is made by the database's stack: deploy the stack again")
        })?;
        let text = |key: &str| fields.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let database = if target.database.is_empty() { "app" } else { &target.database };
        Ok(Connector::from_url_alone(&format!("postgresql://{}@{}:{port}/{database}?sslmode=verify-full", text("username"), target.host))?
            .with_password(&text("password")))
    }

    /// Where the sandbox's server keeps its files: outside the app, so that a server that may not run as root can reach it.
    fn server_dir(&self) -> Result<PathBuf> {
        let all = std::env::temp_dir().join("migrate-wizard");
        if !all.exists() {
            let what = format!("cannot make {}", all.display());
            let hint = "check that the temporary folder (TMPDIR) can be written to";
            std::fs::create_dir_all(&all).or_fail(Kind::Input, &what, hint)?;
            // As with the temporary folder itself: other users of this machine rehearse too, each in folders of their own.
            #[cfg(unix)]
            std::fs::set_permissions(&all, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).or_fail(Kind::Input, &what, hint)?;
        }
        Ok(all.join(&self.run))
    }

    /// Stops the sandbox's server, whichever session of the run started it: one that was killed may have left it to a session that had no
    /// more use for it. Its data stays for the next.
    pub async fn close(&self) {
        if !self.sandbox {
            return;
        }
        let stopped = async { postgres::local::stop(&self.server_dir()?).await };
        if let Err(error) = stopped.await {
            aside(format_args!("{error}"));
        }
    }
}

/// The source that the environment names; `None` when it names none.
pub(super) fn source_from_env() -> Result<Option<Connector>> {
    const NAMES: [&str; 2] = ["SOURCE_DATABASE_URL", "DATABASE_URL"];
    let named = NAMES.iter().chain(&postgres::layers::NAMING).any(|n| std::env::var_os(n).is_some_and(|v| !v.is_empty()));
    if named { Connector::from_env(&NAMES).map(Some) } else { Ok(None) }
}
