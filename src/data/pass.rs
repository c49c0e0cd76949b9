//! Passes as the ledger has them: which one is the last, whether its first process is still there, how a new one begins, and the signs
//! of life of processes on a server that cannot see its sessions.
//! Never settles a chunk: that is `ledger.rs`.

use std::time::Duration;

use crate::data::again;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// How long a process counts as there after its last sign of life, where the server cannot tell whether its sessions are; it gives
/// one every [`HEARTBEAT`]. A process that comes back after a crash need not wait for it: its new pass takes all chunks at once.
pub const LEASE_SECONDS: u64 = 15;
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// The same for SQL.
pub(super) fn lease() -> String {
    format!("now() + interval '{LEASE_SECONDS} seconds'")
}

/// A condition: the session that this row names is gone.
fn session_gone(row: &str) -> String {
    format!("not exists (select 1 from pg_stat_activity a where a.pid = {row}.pid and a.backend_start = {row}.since)")
}

/// A condition: the process that began pass `p` is gone. Postgres knows its sessions; on DSQL a pass ends with its lease.
fn pass_gone(dsql: bool) -> String {
    if dsql { "(p.until is null or p.until < now())".to_owned() } else { session_gone("p") }
}

/// A condition: the worker that holds chunk `c` is gone. On DSQL its process is, whose sign of life is a row of its own, because one
/// in the chunk's row would end the chunk's batches in conflicts.
pub(super) fn worker_gone(dsql: bool) -> String {
    if dsql {
        "not exists (select 1 from migrate_wizard.process a where a.id = split_part(c.worker, '-', 1) and a.until >= now())".to_owned()
    } else {
        session_gone("c")
    }
}

/// Who holds a row: the values of `pid`, `since` and `until`.
pub(super) fn me(dsql: bool) -> [String; 3] {
    if dsql {
        ["0".to_owned(), "now()".to_owned(), lease()]
    } else {
        let since = "(select backend_start from pg_stat_activity where pid = pg_backend_pid())";
        ["pg_backend_pid()".to_owned(), since.to_owned(), lease()]
    }
}

/// The same as columns to be set.
pub(super) fn mine(dsql: bool) -> String {
    let [pid, since, until] = me(dsql);
    format!("pid = {pid}, since = {since}, until = {until}")
}

/// A pass as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRow {
    pub pass: i32,
    /// `cutting`, `open`, `ended`, `left`.
    pub state: String,
    /// Its first process is still there.
    pub alive: bool,
    pub snapshot: Option<String>,
    pub source: String,
    /// The moment of the source that it copies.
    pub horizon: Option<String>,
    /// The moment of the target before it wrote.
    pub there: Option<String>,
    pub choice: String,
}

impl PassRow {
    /// Some process works on it.
    pub fn at_work(&self) -> bool {
        self.alive && matches!(self.state.as_str(), "cutting" | "open")
    }
}

/// The newest pass.
pub async fn last_pass(session: &Session, dsql: bool) -> Result<Option<PassRow>> {
    Ok(passes(session, dsql).await?.pop())
}

/// All passes, oldest first.
pub async fn passes(session: &Session, dsql: bool) -> Result<Vec<PassRow>> {
    let sql = format!(
        "select pass, state, not ({}), snapshot, source, horizon, there, choice from migrate_wizard.pass p order by pass",
        pass_gone(dsql)
    );
    let rows = session.text(&sql).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let mut values = row.into_iter();
            let mut next = || values.next().flatten();
            Some(PassRow {
                pass: next()?.parse().ok()?,
                state: next()?,
                alive: next()? == "t",
                snapshot: next(),
                source: next()?,
                horizon: next(),
                there: next(),
                choice: next().unwrap_or_default(),
            })
        })
        .collect())
}

/// What a new pass begins with.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    pub snapshot: Option<&'a str>,
    pub source: &'a str,
    pub horizon: Option<&'a str>,
    pub there: Option<&'a str>,
    pub choice: &'a str,
}

fn literal_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), literal)
}

/// Begins pass `pass`; `false` when another process began it first. Who began it is there with the row: nobody takes it for left.
pub async fn begin_pass(target: &Session, pass: i32, opening: &Opening<'_>, dsql: bool) -> Result<bool> {
    let sql = format!(
        "insert into migrate_wizard.pass (pass, state, snapshot, source, horizon, there, choice, pid, since, until) \
         values ({pass}, 'cutting', {}, {}, {}, {}, {}, {}) on conflict (pass) do nothing",
        literal_or_null(opening.snapshot),
        literal(opening.source),
        literal_or_null(opening.horizon),
        literal_or_null(opening.there),
        literal(opening.choice),
        me(dsql).join(", "),
    );
    if again::write(target, &sql).await? == 0 {
        return Ok(false);
    }
    let left = format!("update migrate_wizard.pass set state = 'left' where pass < {pass} and state in ('cutting', 'open')");
    again::write(target, &left).await?;
    Ok(true)
}

/// Writes down that indexes, keys and what else of the schema follow the rows of this pass: until [`schema_made`], rows alone are not a move.
pub async fn schema_follows(target: &Session, pass: i32) -> Result<()> {
    again::write(target, &format!("update migrate_wizard.pass set follows = 'schema' where pass = {pass}")).await.map(drop)
}

/// All of it is there.
pub async fn schema_made(target: &Session) -> Result<()> {
    again::write(target, "update migrate_wizard.pass set follows = null where follows is not null").await.map(drop)
}

/// Whether a process with this source and choice may share the pass.
pub fn joinable(other: &PassRow, identity: &str, choice: &str) -> Result<()> {
    if other.source != identity || other.choice != choice {
        return Err(Error::new(Kind::Conflict, format!("another copy (pass {}) writes to this target", other.pass))
            .cause(if other.source == identity { "it copies other tables" } else { "it copies from another database" })
            .hint("let it end, or stop it, then run the same command again"));
    }
    Ok(())
}

/// A sign of life of a process, on a server that cannot tell whether its sessions are there; `leads` is the pass that it began.
pub async fn keep(target: &Session, process: &str, leads: Option<i32>) -> Result<()> {
    let sql = format!(
        "insert into migrate_wizard.process (id, until) values ({}, {}) on conflict (id) do update set until = excluded.until",
        literal(process),
        lease()
    );
    again::write(target, &sql).await?;
    if let Some(pass) = leads {
        again::write(target, &format!("update migrate_wizard.pass set until = {} where pass = {pass}", lease())).await?;
    }
    Ok(())
}

/// Forgets the processes that are gone.
pub async fn forget_processes(target: &Session) -> Result<()> {
    again::write(target, "delete from migrate_wizard.process where until < now() - interval '1 hour'").await.map(drop)
}
