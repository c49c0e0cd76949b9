//! What has been done, in the target itself: schema `migrate_wizard`. A chunk's row says who works on it and which pass settled it.
//! A chunk is only ever marked as settled in the transaction that wrote its rows, or that found them equal, and only by who holds it.

use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::data::again;
use crate::data::chunk::{Range, Span, whose};
use crate::data::differ::Key;
use crate::data::pass::{lease, mine, worker_gone};
use crate::data::plan::{Side, TablePlan};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// One definition for each transaction: DSQL takes no more.
const TABLES: [&str; 8] = [
    "create schema if not exists migrate_wizard",
    "create table if not exists migrate_wizard.pass (pass integer primary key, state text not null, pid integer, since timestamptz, until timestamptz, \
     snapshot text, source text not null, horizon text, there text, choice text, follows text, opened timestamptz default now(), ended timestamptz)",
    "create table if not exists migrate_wizard.chunk (\"table\" text, chunk integer, lo text, hi text, rank bigint, shape text, pass integer, how text, \
     rows bigint, bytes bigint, xids text, taken integer, worker text, pid integer, since timestamptz, until timestamptz, batches integer, \
     at timestamptz, primary key (\"table\", chunk))",
    "create table if not exists migrate_wizard.quarantine (\"table\" text, key text, reason text, at timestamptz default now(), primary key (\"table\", key))",
    "create table if not exists migrate_wizard.conflict (\"table\" text, key text, reason text, at timestamptz default now(), primary key (\"table\", key))",
    "create table if not exists migrate_wizard.process (id text primary key, until timestamptz not null)",
    "create table if not exists migrate_wizard.carried (\"table\" text primary key, rows bigint not null)",
    "create table if not exists migrate_wizard.aside (id text primary key, \"table\" text, restore text, at timestamptz default now())",
];

/// A chunk that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub table: String,
    pub range: Range,
    /// The pass that settled it last.
    pub settled: Option<i32>,
    pub rows: u64,
    /// Transactions of ours that wrote rows of it, as 32-bit numbers.
    pub xids: Vec<u32>,
    /// Nobody ever held it.
    pub fresh: bool,
    /// Batches of it that were committed since it was cut.
    pub batches: u32,
}

/// What [`read_claim`] reads.
const CLAIM: &str = "c.\"table\", c.chunk, c.lo, c.hi, c.pass, c.rows, c.xids, c.taken is null, coalesce(c.batches, 0)";

/// Chunks that a pass has not settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// In hand, or free.
    pub open: u64,
    /// Other chunks stood in their way: they come last, together.
    pub late: u64,
}

/// How a chunk was settled, for its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// `loaded`, `equal`, `changed`, `replaced`.
    pub how: &'static str,
    pub rows: u64,
    pub bytes: u64,
    /// Rows of earlier transactions are gone.
    pub anew: bool,
    /// This transaction wrote rows.
    pub wrote: bool,
}

/// A ledger as one worker of one pass uses it.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub pass: i32,
    worker: String,
    pub(super) dsql: bool,
}

/// Whether indexes, keys and what else was to follow the rows of a copy are still to be made.
pub async fn schema_follows(session: &Session) -> Result<bool> {
    Ok(exists(session).await? && session.value::<i64>("select count(*) from migrate_wizard.pass where follows is not null", &[]).await? > 0)
}

/// How many of its tables are there.
pub async fn tables_there(session: &Session) -> Result<i64> {
    let sql = "select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = 'migrate_wizard' and c.relkind = 'r' and c.relname in ('pass', 'chunk', 'quarantine', 'conflict', 'process', 'carried', 'aside')";
    session.value::<i64>(sql, &[]).await
}

/// Whether there is a ledger. One whose making was interrupted is none: nothing was written into it.
pub async fn exists(session: &Session) -> Result<bool> {
    Ok(tables_there(session).await? == TABLES.len() as i64 - 1)
}

/// Creates the ledger where it is not there. Two who do it at once both succeed.
pub async fn create(target: &Session) -> Result<()> {
    // On DSQL a definition ends the transactions of everybody else in a conflict: none without need.
    if exists(target).await? {
        return Ok(());
    }
    let [schema, tables @ ..] = &TABLES;
    // What the others need: it may have to be tried again.
    again::define(target, schema).await?;
    for outcome in join_all(tables.iter().map(|sql| again::define(target, sql))).await {
        outcome?;
    }
    Ok(())
}

impl Ledger {
    pub fn new(pass: i32, worker: impl Into<String>, dsql: bool) -> Self {
        Self { pass, worker: worker.into(), dsql }
    }

    /// Sets the state of the pass: `open` once all is cut.
    pub async fn state(&self, target: &Session, state: &str) -> Result<()> {
        let sql = format!("update migrate_wizard.pass set state = {} where pass = {} and state <> 'left'", literal(state), self.pass);
        again::write(target, &sql).await.map(drop)
    }

    /// Marks the pass as ended.
    pub async fn close(&self, target: &Session) -> Result<()> {
        let sql = format!("update migrate_wizard.pass set state = 'ended', ended = now() where pass = {} and state = 'open'", self.pass);
        again::write(target, &sql).await.map(drop)
    }

    /// Which tables belong to this pass, as a condition.
    fn of_pass(tables: &[String]) -> String {
        let names: Vec<String> = tables.iter().map(|name| literal(name)).collect();
        if names.is_empty() { "false".to_owned() } else { format!("c.\"table\" in ({})", names.join(", ")) }
    }

    /// A condition: neither this pass nor a later one settled the chunk. Whoever goes on with an older moment must not undo a newer one.
    fn unsettled(&self) -> String {
        format!("(c.pass is null or c.pass < {})", self.pass)
    }

    /// Takes the largest chunk that this pass has not settled and nobody holds.
    pub async fn claim(&self, target: &Session, tables: &[String]) -> Result<Option<Claim>> {
        // What an earlier pass had in hand may be cut anew as long as this one is not cut to its end.
        let free = format!(
            "{} and (c.taken is null or (c.taken = {pass} and (c.worker is null or {gone})) \
             or (c.taken < {pass} and exists (select 1 from migrate_wizard.pass p where p.pass = {pass} and p.state <> 'cutting')))",
            self.unsettled(),
            pass = self.pass,
            gone = worker_gone(self.dsql)
        );
        // Where sessions cannot be told apart, two who look at once should not look at the same chunk.
        let (limit, order) = if self.dsql { (16, "") } else { (1, " for update skip locked") };
        for _ in 0..64 {
            let sql = format!(
                "select {CLAIM} from migrate_wizard.chunk c where {} and {free} order by rank desc, \"table\", chunk limit {limit}{order}",
                Self::of_pass(tables)
            );
            // Look and hold are one transaction on Postgres, so that nobody looks at what is about to be held.
            let (begun, rows) = join(target.begin(), target.text(&sql)).await;
            begun?;
            let rows = rows?;
            let pick = usize::from(uuid::Uuid::new_v4().as_bytes()[0]) % rows.len().max(1);
            let Some(row) = rows.into_iter().nth(pick) else {
                target.rollback().await?;
                return Ok(None);
            };
            let claim = read_claim(row).ok_or_else(|| Error::bug("a row of the ledger could not be read"))?;
            let take = format!(
                "update migrate_wizard.chunk c set taken = {}, worker = {}, how = null, {} where \"table\" = {} and chunk = {} and {free}",
                self.pass,
                literal(&self.worker),
                mine(self.dsql),
                literal(&claim.table),
                claim.range.chunk
            );
            let (taken, committed) = join(target.affected(&take), target.commit()).await;
            match taken.and_then(|taken| committed.map(|()| taken)) {
                Ok(1) => return Ok(Some(claim)),
                Ok(_) => {}
                Err(error) if again::conflict(&error) => {
                    let _ = target.rollback().await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Gives up what this worker holds without knowing it, because the answer to its claim was lost; `but` stays with it.
    pub async fn release(&self, target: &Session, but: Option<&Claim>) -> Result<()> {
        let but = but.map(|claim| format!(" and not (\"table\" = {} and chunk = {})", literal(&claim.table), claim.range.chunk));
        let sql = format!(
            "update migrate_wizard.chunk c set worker = null where taken = {} and worker = {} and how is distinct from 'late' and {}{}",
            self.pass,
            literal(&self.worker),
            self.unsettled(),
            but.unwrap_or_default()
        );
        again::write(target, &sql).await.map(drop)
    }

    /// Ends the session that holds a chunk, where the server has not missed it yet: it may hold locks.
    async fn end_session(&self, target: &Session, claim: &Claim) -> Result<()> {
        if self.dsql {
            return Ok(());
        }
        let sql = format!(
            "select pg_terminate_backend(a.pid) from migrate_wizard.chunk c join pg_stat_activity a on a.pid = c.pid and a.backend_start = c.since \
             where {} and a.pid <> pg_backend_pid()",
            self.held(claim)
        );
        target.text(&sql).await.map(drop)
    }

    /// Holds a chunk by a new session after the old one broke; fails when it is another worker's by now.
    pub async fn hold(&self, target: &Session, claim: &Claim) -> Result<()> {
        self.end_session(target, claim).await?;
        let sql = format!("update migrate_wizard.chunk c set {} where {}", mine(self.dsql), self.held(claim));
        self.must_change(target, &sql, claim).await
    }

    /// The same, to begin with it anew; says how it was settled when only the answer was lost.
    pub async fn take_back(&self, target: &Session, claim: &Claim) -> Result<Option<(String, u64)>> {
        let held = self.held(claim);
        self.end_session(target, claim).await?;
        // Waits for the end of a transaction that was about to settle it, or ends it in a conflict.
        let sql = format!("update migrate_wizard.chunk c set {} where {held}", mine(self.dsql));
        self.must_change(target, &sql, claim).await?;
        let sql = format!("select how, rows from migrate_wizard.chunk c where {held} and pass = {}", self.pass);
        let row = target.text(&sql).await?.into_iter().next();
        Ok(row.and_then(|row| Some((row.first()?.clone()?, row.get(1)?.as_ref()?.parse().ok()?))))
    }

    /// Takes a chunk of this pass whatever worker of this process had it, to begin with it anew.
    pub async fn take_over(&self, target: &Session, claim: &Claim) -> Result<()> {
        let sql = format!(
            "update migrate_wizard.chunk set worker = {}, {} where \"table\" = {} and chunk = {} and taken = {}",
            literal(&self.worker),
            mine(self.dsql),
            literal(&claim.table),
            claim.range.chunk,
            self.pass
        );
        self.must_change(target, &sql, claim).await
    }

    /// Sets a chunk aside that others stand in the way of, until [`Self::take_late`].
    pub async fn late(&self, target: &Session, claim: &Claim) -> Result<()> {
        let sql = format!("update migrate_wizard.chunk c set how = 'late', {} where {}", mine(self.dsql), self.held(claim));
        self.must_change(target, &sql, claim).await
    }

    /// Takes all late chunks, whoever set them aside, because they stand in each other's way: of one table, or of all.
    pub async fn take_late(&self, target: &Session, tables: &[String], of_all: bool) -> Result<Vec<Claim>> {
        let late = format!("{} and c.taken = {} and c.how = 'late' and {}", Self::of_pass(tables), self.pass, self.unsettled());
        let of = match of_all {
            true => String::new(),
            false => format!("c.\"table\" = (select min(c.\"table\") from migrate_wizard.chunk c where {late}) and "),
        };
        let sql = format!(
            "update migrate_wizard.chunk c set worker = {}, how = null, {} where {of}{late} returning {CLAIM}",
            literal(&self.worker),
            mine(self.dsql)
        );
        let mut claims: Vec<Claim> = target.text(&sql).await?.into_iter().filter_map(read_claim).collect();
        claims.sort_by(|a, b| (&a.table, a.range.chunk).cmp(&(&b.table, b.range.chunk)));
        Ok(claims)
    }

    fn held(&self, claim: &Claim) -> String {
        format!(
            "c.\"table\" = {} and c.chunk = {} and c.taken = {} and c.worker = {}",
            literal(&claim.table),
            claim.range.chunk,
            self.pass,
            literal(&self.worker)
        )
    }

    /// The statement that marks a chunk as settled, for the chunk's own transaction: it must touch exactly one row.
    pub fn settle(&self, claim: &Claim, settled: &Settled) -> String {
        let xid = "(pg_current_xact_id()::text::bigint & 4294967295)";
        let xids = match (self.dsql, settled.wrote, settled.anew) {
            (true, _, _) => "''".to_owned(),
            (false, true, true) => format!("{xid}::text"),
            (false, true, false) => format!("concat_ws(',', nullif(xids, ''), {xid})"),
            (false, false, _) => "coalesce(xids, '')".to_owned(),
        };
        format!(
            "update migrate_wizard.chunk c set pass = {}, how = '{}', rows = {}, bytes = {}, xids = {xids}, at = now() where {}",
            self.pass,
            settled.how,
            settled.rows,
            settled.bytes,
            self.held(claim)
        )
    }

    /// Runs [`Self::settle`]; fails when the chunk is no longer this worker's, so that its transaction is rolled back.
    pub async fn record(&self, target: &Session, claim: &Claim, settled: &Settled) -> Result<()> {
        if target.affected(&self.settle(claim, settled)).await? == 1 { Ok(()) } else { Err(lost(claim)) }
    }

    /// Writes down who wrote the chunk's rows on the target, whoever it was; with more writers than these, the next pass compares values again.
    pub async fn know_writers(&self, target: &Session, claim: &Claim, table: &TablePlan) -> Result<()> {
        let whose = whose(&claim.range.span.conditions(table, Side::Target));
        let sql = format!(
            "update migrate_wizard.chunk c set xids = (select case when count(*) <= 2000 then coalesce(string_agg(x::text, ','), '') else '' end \
             from (select distinct xmin::text as x from {}{whose} limit 2001) w) where {}",
            table.rows_of(Side::Target),
            self.held(claim)
        );
        target.affected(&sql).await.map(drop)
    }

    /// A change of a chunk's row in a transaction of its own.
    async fn must_change(&self, target: &Session, sql: &str, claim: &Claim) -> Result<()> {
        if again::write(target, sql).await? == 1 { Ok(()) } else { Err(lost(claim)) }
    }

    /// The statement that counts a batch in the batch's own transaction, before its rows. It touches no row when the batch is there already,
    /// from a commit whose answer was lost, or when the chunk is another worker's by now.
    pub fn count_batch(&self, claim: &Claim, batch: u32) -> String {
        format!(
            "update migrate_wizard.chunk c set batches = {batch}, until = {} where {} and coalesce(batches, 0) < {batch}",
            lease(),
            self.held(claim)
        )
    }

    /// How many batches of a chunk have committed; asked when a commit got no answer.
    pub async fn batches(&self, target: &Session, claim: &Claim) -> Result<u32> {
        let sql = format!("select coalesce(max(batches), 0) from migrate_wizard.chunk c where {}", self.held(claim));
        let batches = target.text(&sql).await?.into_iter().flatten().flatten().next();
        batches.and_then(|batches| batches.parse().ok()).ok_or_else(|| Error::bug("a count of batches could not be read"))
    }

    /// The chunks of these tables that the pass has not settled.
    pub async fn left(&self, target: &Session, tables: &[String]) -> Result<Left> {
        let sql = format!(
            "select count(*), count(*) filter (where c.taken = {} and c.how = 'late') from migrate_wizard.chunk c where {} and {}",
            self.pass,
            Self::of_pass(tables),
            self.unsettled()
        );
        let row = target.text(&sql).await?.into_iter().next().unwrap_or_default();
        let count = |i: usize| row.get(i).and_then(|value| value.as_ref()?.parse().ok()).unwrap_or_default();
        let (all, late): (u64, u64) = (count(0), count(1));
        Ok(Left { open: all.saturating_sub(late), late })
    }

    /// Sets a row aside that cannot go, by its key. Twice equals once.
    pub fn quarantine(table: &str, key: &Key, reason: &str) -> String {
        format!(
            "insert into migrate_wizard.quarantine (\"table\", key, reason) values ({}, {}, {}) on conflict (\"table\", key) do nothing",
            literal(table),
            literal(&serde_json::Value::from(key.clone()).to_string()),
            literal(reason)
        )
    }
}

pub fn lost(claim: &Claim) -> Error {
    Error::new(Kind::Conflict, format!("{}, chunk {} was taken over by another worker", claim.table, claim.range.chunk + 1))
        .cause(LOST)
        .hint("nothing is lost: its rows are written by who holds it now")
}

const LOST: &str = "the ledger says that this worker does not hold it";

/// Whether an error says that the chunk is another worker's now.
pub fn is_lost(error: &Error) -> bool {
    error.causes.iter().any(|cause| cause == LOST)
}

fn read_claim(row: Vec<Option<String>>) -> Option<Claim> {
    let mut values = row.into_iter();
    let table = values.next()??;
    let chunk = values.next()??.parse().ok()?;
    let (lo, hi) = (values.next()?.unwrap_or_default(), values.next()?.unwrap_or_default());
    Some(Claim {
        table,
        range: Range { chunk, span: Span::parse(&lo, &hi)? },
        settled: values.next()?.and_then(|pass| pass.parse().ok()),
        rows: values.next()?.and_then(|rows| rows.parse().ok()).unwrap_or_default(),
        xids: values.next()?.unwrap_or_default().split(',').filter_map(|xid| xid.parse().ok()).collect(),
        fresh: values.next()?.as_deref() == Some("t"),
        batches: values.next()?.and_then(|batches| batches.parse().ok()).unwrap_or_default(),
    })
}

/// The tables that were written to, as `schema.table`.
pub async fn tables(target: &Session) -> Result<Vec<String>> {
    let rows = target.text("select distinct \"table\" from migrate_wizard.chunk where taken is not null order by 1").await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}
