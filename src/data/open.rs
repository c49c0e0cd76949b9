//! Sessions as the mover needs them: values printed alike on both sides, no time limits, one moment shared by all readers.
//! The source's session is always read-only.

use futures_util::future::join;

use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::literal;
use crate::postgres::session::Frames;
use crate::postgres::{Access, Connector, Session};

/// Text forms must not depend on a server's or a role's taste. All that Aurora DSQL lets a session set.
const FORMS: [(&str, &str); 4] =
    [("datestyle", "'ISO, MDY'"), ("intervalstyle", "'postgres'"), ("timezone", "'UTC'"), ("extra_float_digits", "1")];

/// `row_security = off` makes a filtered read an error instead of a loss. Compiling a query costs more than it saves in a scan of one
/// chunk, and ten times the query itself in one of the catalogue. A dead peer is noticed within a minute or two.
const SETTINGS: [(&str, &str); 9] = [
    ("standard_conforming_strings", "on"),
    ("bytea_output", "'hex'"),
    ("xmlbinary", "'base64'"),
    ("lc_monetary", "'C'"),
    ("row_security", "off"),
    ("jit", "off"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "6"),
];

/// Time limits of the database or the role, as far as this version has them: a session may always lift its own.
const UNLIMITED: &str = "select set_config(name, '0', false) from pg_settings where name in \
    ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

/// What a writer asks for besides; a server that refuses one goes without.
/// New large values as lz4: pglz costs more than the bytes it saves.
const WRITING: [(&str, &str); 3] =
    [("synchronous_commit", "off"), ("default_toast_compression", "lz4"), ("maintenance_work_mem", "'512MB'")];

/// A session and what it may do there.
#[derive(Debug)]
pub struct Opened {
    pub session: Session,
    pub dsql: bool,
    /// Triggers and foreign keys do not fire for this session.
    pub replica: bool,
}

impl Opened {
    /// The rows of a query in the text form of COPY. On DSQL without COPY, of which it is not certain that it is there.
    pub async fn rows(&self, select: &str) -> Result<Frames> {
        if self.dsql { self.session.select_out(select).await } else { self.session.copy_out(&format!("copy ({select}) to stdout")).await }
    }
}

/// A reader. On Postgres in a transaction of its own moment, or of the moment that `snapshot` names; on DSQL, where a transaction
/// may last five minutes only, each statement sees its own moment.
pub async fn reader(connector: &Connector, snapshot: Option<&str>) -> Result<Opened> {
    let session = connector.connect(Access::ReadOnly).await?;
    let dsql = prepare(&session).await?;
    if !dsql {
        at(&session, snapshot).await?;
    }
    Ok(Opened { session, dsql, replica: false })
}

/// Begins a transaction at a moment.
pub async fn at(session: &Session, snapshot: Option<&str>) -> Result<()> {
    let Some(snapshot) = snapshot else { return session.begin_snapshot().await };
    let take = format!("set transaction snapshot {}", literal(snapshot));
    let (begun, taken) = join(session.begin_snapshot(), session.batch(&take)).await;
    begun.and(taken)
}

/// Whether an error of [`at`] says that whoever took the moment no longer holds it: its name is unknown (22023, since version 16 42704), or it
/// ended just while it was taken over (55000).
pub fn moment_gone(error: &Error) -> bool {
    matches!(sqlstate(error), Some("22023" | "42704" | "55000"))
}

/// The name of the session's moment for other readers; `None` where the server has no such thing (DSQL).
pub async fn export(opened: &Opened) -> Result<Option<String>> {
    if opened.dsql {
        return Ok(None);
    }
    opened.session.value("select pg_export_snapshot()", &[]).await.map(Some)
}

/// A writer.
pub async fn writer(connector: &Connector) -> Result<Opened> {
    let session = connector.connect(Access::ReadWrite).await?;
    let dsql = prepare(&session).await?;
    if dsql {
        return Ok(Opened { session, dsql, replica: false });
    }
    let (set, refused) = join(session.settings(&WRITING), session.settings(&[("session_replication_role", "replica")])).await;
    set?;
    let replica = refused?.is_empty();
    Ok(Opened { session, dsql, replica })
}

/// A writer for whom keys hold and triggers fire, as for any other client.
pub async fn plain_writer(connector: &Connector) -> Result<Opened> {
    let session = connector.connect(Access::ReadWrite).await?;
    let dsql = prepare(&session).await?;
    Ok(Opened { session, dsql, replica: false })
}

/// A session that builds indexes and keys.
pub async fn builder(connector: &Connector) -> Result<Session> {
    Ok(writer(connector).await?.session)
}

async fn prepare(session: &Session) -> Result<bool> {
    let (dsql, set) = join(session.is_dsql(), session.settings(&FORMS)).await;
    set?;
    if dsql? {
        return Ok(true);
    }
    let (unlimited, set) = join(session.text(UNLIMITED), session.settings(&SETTINGS)).await;
    unlimited?;
    set?;
    Ok(false)
}

/// The same of what the servers say of themselves: a database has many names. Whether it is another one is only known where both tell.
pub async fn distinct_servers(source: &Opened, target: &Opened) -> Result<()> {
    if source.dsql || target.dsql {
        return Ok(());
    }
    // A copy of a server's files keeps its number, but is started at another moment.
    let sql = "select pg_postmaster_start_time()::text || ' ' || oid::text from pg_database where datname = current_database()";
    let (one, other) = tokio::try_join!(source.session.text(sql), target.session.text(sql))?;
    if one == other {
        return Err(Error::new(Kind::Input, "source and target are the same database")
            .cause(format!("{} and {} are one server, started once", source.session.label(), target.session.label()))
            .hint("check both URLs"));
    }
    Ok(())
}

/// The two must not be one.
pub fn distinct(source: &Connector, target: &Connector) -> Result<()> {
    if (source.host(), source.port(), source.database()) == (target.host(), target.port(), target.database()) {
        return Err(Error::new(Kind::Input, format!("source and target are the same database: {}", source.label())).hint("check both URLs"));
    }
    Ok(())
}
