//! Sessions as the mover needs them: values printed alike on both sides, no time limits, one moment shared by all readers.
//! The source's session is always read-only.

use crate::error::{Error, Kind, Result};
use crate::postgres::quote::literal;
use crate::postgres::{Access, Connector, Session};

/// Text forms must not depend on a server's or a role's taste. `row_security = off` makes a filtered read an error instead of a loss.
const SETTINGS: [(&str, &str); 11] = [
    ("datestyle", "'ISO, MDY'"),
    ("intervalstyle", "'postgres'"),
    ("timezone", "'UTC'"),
    ("extra_float_digits", "1"),
    ("bytea_output", "'hex'"),
    ("xmlbinary", "'base64'"),
    ("lc_monetary", "'C'"),
    ("row_security", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// A reader in a transaction of its own moment, or of the moment `snapshot` names.
pub async fn source(connector: &Connector, snapshot: Option<&str>) -> Result<Session> {
    let session = connector.connect(Access::ReadOnly).await?;
    session.settings(&SETTINGS).await?;
    session.begin_snapshot().await?;
    if let Some(snapshot) = snapshot {
        session.batch(&format!("set transaction snapshot {}", literal(snapshot))).await?;
    }
    Ok(session)
}

/// The name of the session's moment for other readers; `None` where the server has no such thing (DSQL).
pub async fn export(session: &Session) -> Result<Option<String>> {
    if session.is_dsql().await? {
        return Ok(None);
    }
    session.value("select pg_export_snapshot()", &[]).await.map(Some)
}

/// A writer.
#[derive(Debug)]
pub struct Target {
    pub session: Session,
    /// Triggers and foreign keys do not fire for this session.
    pub replica: bool,
}

pub async fn target(connector: &Connector) -> Result<Target> {
    let session = connector.connect(Access::ReadWrite).await?;
    session.settings(&SETTINGS).await?;
    session.settings(&[("synchronous_commit", "off")]).await?;
    let replica = session.settings(&[("session_replication_role", "replica")]).await?.is_empty();
    Ok(Target { session, replica })
}

/// "migrate-wizard" on a telephone's keys: the advisory lock of a copy.
const LOCK: i64 = 6_447_283_949;

/// Waits until no other copy writes to this target, then marks it as being written to by us. A killed run's session is gone in seconds.
pub async fn claim(lead: &Session) -> Result<()> {
    for _ in 0..60 {
        if lead.value::<bool>("select pg_try_advisory_lock($1)", &[&LOCK]).await? {
            share(lead).await?;
            lead.query("select pg_advisory_unlock($1)", &[&LOCK]).await?;
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    Err(Error::new(Kind::Conflict, format!("another copy writes to {}", lead.label()))
        .hint("let it end, or stop it, then run the same command again"))
}

/// A writer of the copy that holds the claim.
pub async fn share(session: &Session) -> Result<()> {
    session.query("select pg_advisory_lock_shared($1)", &[&LOCK]).await.map(drop)
}

/// The two must not be one.
pub fn distinct(source: &Connector, target: &Connector) -> Result<()> {
    if (source.host(), source.port(), source.database()) == (target.host(), target.port(), target.database()) {
        return Err(Error::new(Kind::Input, format!("source and target are the same database: {}", source.label())).hint("check both URLs"));
    }
    Ok(())
}
