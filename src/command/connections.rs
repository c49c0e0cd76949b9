//! Which databases a command on its own means: the flag, else its variable, and for the source what psql would connect to.
//! Opens nothing: it says how to connect, and prints what a person should know of it.

use crate::cli::RunArgs;
use crate::cloud::{self, Aws, snapshot};
use crate::effects::dsql_login;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Connector, HostKind, layers};
use crate::progress::aside;

/// The variable that names the source when no flag says otherwise.
pub const SOURCE: &str = "SOURCE_DATABASE_URL";

/// The source: `url`, else the variable `name`; when that is the usual one and not set, what `PGSERVICE` and the PG* variables name.
pub async fn source(args: &RunArgs, url: Option<&str>, name: &str) -> Result<Connector> {
    let connector = match url {
        Some(url) => Connector::from_url(url)?,
        None if is_set(name) || (name == SOURCE && layers::NAMING.iter().any(|name| is_set(name))) => Connector::from_env(&[name])?,
        None => return Err(unnamed(name, "source", ", or set PGHOST or PGSERVICE")),
    };
    ready(args, "source", connector).await
}

/// The target: `url`, else the variable `name`. The PG* variables fill up what it leaves out, but never name it: they mean the source.
pub async fn target(args: &RunArgs, url: Option<&str>, name: &str) -> Result<Connector> {
    let connector = match url {
        Some(url) => Connector::from_url(url)?,
        None if is_set(name) => Connector::from_env(&[name])?,
        None => return Err(unnamed(name, "target", "")),
    };
    ready(args, "target", connector).await
}

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

fn unnamed(name: &str, side: &str, besides: &str) -> Error {
    Error::new(Kind::Usage, format!("{name} is not set")).hint(format!(
        "export {name}='postgresql://user@host/db' (the password may stand in ~/.pgpass), {}name the URL with --{side}{besides}",
        if besides.is_empty() { "or " } else { "" }
    ))
}

/// Says what was read otherwise than it was written; a DSQL cluster without a password gets IAM tokens.
async fn ready(args: &RunArgs, side: &str, connector: Connector) -> Result<Connector> {
    for note in connector.notes() {
        aside(format_args!("{side}: {note}"));
    }
    if connector.kind() != HostKind::Dsql {
        return Ok(connector);
    }
    if connector.has_password() {
        return Ok(connector.with_rate(dsql_login::CONNECTIONS_PER_SECOND));
    }
    // Signing a token calls nothing, so reading is all that this session ever needs.
    let mut options = cloud::Options::new(cloud::Access::ReadOnly);
    options.profile.clone_from(&args.aws_profile);
    options.region = snapshot::dsql_region(connector.host()).map(str::to_owned).or_else(|| args.region.clone());
    Ok(dsql_login::with_tokens(&connector, &Aws::connect(options).await?))
}
