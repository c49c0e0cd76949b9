//! New sessions of the database begin read-only: a setting of the database, for every client that plays by the rules.
//! Never holds back a session that sets itself to read-write, or a role with its own `default_transaction_read_only=off`.

use super::end_others;
use crate::error::Result;
use crate::postgres::quote::ident;
use crate::postgres::session::Session;

pub(super) async fn freeze(session: &Session, database: &str, already: bool) -> Result<(u64, u64)> {
    if !already {
        write(session, &format!("alter database {} set default_transaction_read_only = on", ident(database))).await?;
    }
    let (first, _) = end_others(session).await?;
    // One that was just coming in may have read its settings before they were changed, and was on no list yet.
    let (second, left) = end_others(session).await?;
    Ok((first + second, left))
}

pub(super) async fn thaw(session: &Session) -> Result<()> {
    if !is_frozen(session).await? {
        return Ok(());
    }
    let database: String = session.value("select current_database()::text", &[]).await?;
    write(session, &format!("alter database {} reset default_transaction_read_only", ident(&database))).await
}

/// Whether the database's own setting makes new sessions read-only.
pub(super) async fn is_frozen(session: &Session) -> Result<bool> {
    session.value(include_str!("../../../assets/sql/frozen.sql"), &[]).await
}

/// The session itself may have begun read-only because of the freeze.
async fn write(session: &Session, sql: &str) -> Result<()> {
    session.batch("begin read write").await?;
    if let Err(error) = session.batch(sql).await {
        session.rollback().await?;
        return Err(error.hint(
            "only the owner of the database can freeze it so: choose another way (freeze_how), connect as the owner, or stop the app and every job that writes",
        ));
    }
    session.commit().await
}
