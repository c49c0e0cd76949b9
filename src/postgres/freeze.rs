//! The freeze: the source's database made read-only at the cutover, and the way back.
//! Never called with a read-only session, and never touches a row.
//!
//! It holds back every client that plays by the rules; a session that sets itself to read-write, or a role with its own
//! `default_transaction_read_only=off`, gets through. Stop the app as well.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::postgres::connector::Access;
use crate::postgres::quote::{ident, literal};
use crate::postgres::session::Session;

/// How a session that freezes is called on the server.
const FREEZING: &str = "migrate-wizard freeze";

/// What a freeze did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    pub database: String,
    /// It was frozen before: nothing was written.
    pub already: bool,
    /// Sessions of other clients that were ended, so that they come back read-only.
    pub ended: u64,
    /// Sessions that we may not end (a superuser's): they may still write.
    pub left: u64,
}

/// New sessions of this database begin read-only; those of other clients are ended. Twice equals once.
pub async fn freeze(session: &Session) -> Result<Frozen> {
    // A freeze that is cut off may still be at work on the server: by this name the thaw finds and ends it.
    session.batch(&format!("set application_name = {}", literal(FREEZING))).await?;
    let already = is_frozen(session).await?;
    let database: String = session.value("select current_database()::text", &[]).await?;
    if !already {
        write(session, &format!("alter database {} set default_transaction_read_only = on", ident(&database))).await?;
    }
    let (mut ended, mut left) = (0, 0);
    let others = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and application_name <> 'migrate-wizard'";
    for row in session.query(others, &[]).await? {
        let pid: i32 = row.get(0);
        match session.value::<bool>("select pg_terminate_backend($1)", &[&pid]).await {
            Ok(true) => ended += 1,
            // It left by itself.
            Ok(false) => {}
            Err(error) if error.kind == Kind::Denied => left += 1,
            Err(error) => return Err(error),
        }
    }
    session.batch("reset application_name").await?;
    Ok(Frozen { database, already, ended, left })
}

/// Takes the freeze back for new sessions. Twice equals once.
pub async fn thaw(session: &Session) -> Result<()> {
    end_freezing(session).await?;
    if !is_frozen(session).await? {
        return Ok(());
    }
    let database: String = session.value("select current_database()::text", &[]).await?;
    write(session, &format!("alter database {} reset default_transaction_read_only", ident(&database))).await
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

/// Whether the database's own setting makes new sessions read-only.
pub async fn is_frozen(session: &Session) -> Result<bool> {
    session.value(include_str!("../../assets/sql/frozen.sql"), &[]).await
}

/// The session itself may have begun read-only because of the freeze.
async fn write(session: &Session, sql: &str) -> Result<()> {
    if session.access() != Access::ReadWrite {
        return Err(Error::new(Kind::Refused, format!("the session on {} is read-only", session.label()))
            .hint("freeze and thaw need a read-write session"));
    }
    session.batch("begin read write").await?;
    if let Err(error) = session.batch(sql).await {
        session.rollback().await?;
        return Err(
            error.hint("only the owner of the database can freeze it: connect as the owner, or stop the app and every job that writes")
        );
    }
    session.commit().await
}
