//! The freeze: the source's database made to take no more writes at the cutover, in one of three ways, and the way back of each.
//! Never called with a read-only session, and never touches a row.

mod moment;
mod read_only;
mod revoke;
mod rights;
mod triggers;

pub use moment::{Moment, Verdict, moment, still};
pub use revoke::Taken;
pub use rights::{Allowed, allowed};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::postgres::connector::Access;
use crate::postgres::quote::literal;
use crate::postgres::session::Session;

/// How a session that freezes is called on the server.
const FREEZING: &str = "migrate-wizard freeze";

/// What holds writers back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// New sessions begin read-only, the others are ended. A session that sets itself to read-write gets through.
    #[default]
    ReadOnly,
    /// A trigger on every table refuses; its owner alone could take it away.
    Triggers,
    /// The rights to write are taken from everybody, the owners too. Superusers need none.
    Revoke,
}

impl How {
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::Triggers, Self::Revoke];

    /// As playbooks and answers say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Triggers => "triggers",
            Self::Revoke => "revoke",
        }
    }
}

/// What a freeze did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    pub database: String,
    /// It was frozen before: nothing was written.
    pub already: bool,
    /// Sessions of other clients that were ended.
    pub ended: u64,
    /// Sessions that we may not end (a superuser's). Whether they may still write depends on the way.
    pub left: u64,
    /// Where writing stood when it was done.
    pub moment: Moment,
}

/// Nobody who plays by the rules of the chosen way writes from here on. Twice equals once.
pub async fn freeze(session: &Session, how: How) -> Result<Frozen> {
    must_write(session)?;
    // A freeze that is cut off may still be at work on the server: by this name the thaw finds and ends it.
    session.batch(&format!("set application_name = {}", literal(FREEZING))).await?;
    let already = is_frozen(session, how).await?;
    let database: String = session.value("select current_database()::text", &[]).await?;
    let (ended, left) = match how {
        How::ReadOnly => read_only::freeze(session, &database, already).await?,
        How::Triggers => triggers::freeze(session).await?,
        How::Revoke => revoke::freeze(session).await?,
    };
    let prepared: i64 = session.value("select count(*) from pg_prepared_xacts where database = current_database()", &[]).await?;
    if prepared > 0 {
        return Err(Error::new(Kind::Conflict, "a prepared transaction of the source may still be committed")
            .hint("see pg_prepared_xacts: commit or roll it back, then try again"));
    }
    let moment = moment(session, left > 0).await?;
    session.batch("reset application_name").await?;
    Ok(Frozen { database, already, ended, left, moment })
}

/// Takes the freeze back. `taken` is what [`How::Revoke`] took away. Twice equals once.
pub async fn thaw(session: &Session, how: How, taken: &[Taken]) -> Result<()> {
    must_write(session)?;
    end_freezing(session).await?;
    match how {
        How::ReadOnly => read_only::thaw(session).await,
        How::Triggers => triggers::thaw(session).await,
        How::Revoke => revoke::thaw(session, taken).await,
    }
}

/// Whether the source is held in this way, whoever did it.
pub async fn is_frozen(session: &Session, how: How) -> Result<bool> {
    match how {
        How::ReadOnly => read_only::is_frozen(session).await,
        How::Triggers => triggers::is_frozen(session).await,
        How::Revoke => revoke::is_frozen(session).await,
    }
}

/// What [`How::Revoke`] would take away now: to be written down before it does.
pub async fn to_be_taken(session: &Session) -> Result<Vec<Taken>> {
    revoke::to_be_taken(session).await
}

fn must_write(session: &Session) -> Result<()> {
    if session.access() == Access::ReadWrite {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, format!("the session on {} is read-only", session.label()))
        .hint("freeze and thaw need a read-write session"))
}

/// Ends a freeze whose client is gone and waits until it is: else it could still take effect after the thaw.
async fn end_freezing(session: &Session) -> Result<()> {
    let at_work = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = $1";
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while session.value::<i64>(at_work, &[&FREEZING]).await? > 0 {
        if tokio::time::Instant::now() > until {
            return Err(Error::new(Kind::Conflict, "a freeze that was cut off is still at work on the source")
                .hint("run the same command again in a moment"));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Ends the sessions of other clients and waits until they are gone, with what they were about to commit. How many were ended, how many may not be.
/// Of other people's sessions a server may hide everything but whose they are.
async fn end_others(session: &Session) -> Result<(u64, u64)> {
    let others = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and usesysid is not null \
                  and coalesce(backend_type, 'client backend') = 'client backend' and coalesce(application_name, '') <> 'migrate-wizard'";
    let (mut told, mut left): (Vec<i32>, u64) = (Vec::new(), 0);
    for row in session.query(others, &[]).await? {
        let pid: i32 = row.get(0);
        match session.value::<bool>("select pg_terminate_backend($1)", &[&pid]).await {
            Ok(true) => told.push(pid),
            // It left by itself.
            Ok(false) => {}
            Err(error) if error.kind == Kind::Denied => left += 1,
            Err(error) => return Err(error),
        }
    }
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    let there = "select count(*) from pg_stat_activity where pid = any($1) and datname = current_database()";
    let mut open: i64 = session.value(there, &[&told]).await?;
    while open > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        open = session.value(there, &[&told]).await?;
    }
    let open = u64::try_from(open).unwrap_or_default();
    Ok((told.len() as u64 - open, left + open))
}
