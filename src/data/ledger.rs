//! What has been done, in the target itself: schema `migrate_wizard`. A chunk's row says who works on it and which pass settled it.
//! A chunk is only ever marked as settled in the transaction that wrote its rows, or that found them equal, and only by who holds it.

use std::collections::BTreeMap;

use crate::data::chunk::{Range, Span};
use crate::data::differ::Key;
use crate::data::plan::TablePlan;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::literal;

/// One definition for each transaction: DSQL takes no more.
const TABLES: [&str; 6] = [
    "create schema if not exists migrate_wizard",
    "create table if not exists migrate_wizard.pass (pass integer primary key, state text not null, pid integer, since timestamptz, until timestamptz, \
     snapshot text, source text not null, horizon text, there text, choice text, opened timestamptz default now(), ended timestamptz)",
    "create table if not exists migrate_wizard.chunk (\"table\" text, chunk integer, lo text, hi text, rank bigint, shape text, pass integer, how text, \
     rows bigint, bytes bigint, xids text, taken integer, worker text, pid integer, since timestamptz, until timestamptz, batches integer, \
     at timestamptz, primary key (\"table\", chunk))",
    "create table if not exists migrate_wizard.quarantine (\"table\" text, key text, reason text, at timestamptz default now(), primary key (\"table\", key))",
    "create table if not exists migrate_wizard.conflict (\"table\" text, key text, reason text, at timestamptz default now(), primary key (\"table\", key))",
    "create table if not exists migrate_wizard.aside (id text primary key, \"table\" text, restore text, at timestamptz default now())",
];

/// A worker's hold on a chunk, where the server cannot tell whether the worker's session is still there; renewed with every batch.
const LEASE: &str = "interval '60 seconds'";

/// What the ledger knows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Of the columns and the key that it was copied with.
    pub shape: String,
    /// All its chunks are written down.
    pub complete: bool,
    pub by_pages: bool,
    /// Every chunk was settled by some pass.
    pub settled: bool,
}

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
    /// The process that had it before and is gone.
    pub left_by: Option<i32>,
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
    dsql: bool,
}

/// Whether there is a ledger.
pub async fn exists(session: &Session) -> Result<bool> {
    let sql = "select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'migrate_wizard' and c.relname = 'chunk'";
    Ok(session.value::<i64>(sql, &[]).await? > 0)
}

/// Creates the ledger where it is not there. Two who do it at once both succeed.
pub async fn create(target: &Session) -> Result<()> {
    for sql in TABLES {
        for attempt in 1.. {
            match target.batch(sql).await {
                Ok(()) => break,
                // Another process made it between the look and the deed, or changed the catalogue of a DSQL cluster.
                Err(error) if attempt < 8 && matches!(sqlstate(&error), Some("23505" | "42P06" | "42P07" | "40001" | "XX000")) => {
                    tokio::time::sleep(std::time::Duration::from_millis(40 * attempt)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A condition: the process that this row names is gone. Postgres knows its sessions; on DSQL a hold ends with its lease.
pub(super) fn gone(row: &str, dsql: bool) -> String {
    if dsql {
        format!("({row}.until is null or {row}.until < now())")
    } else {
        format!("not exists (select 1 from pg_stat_activity a where a.pid = {row}.pid and a.backend_start = {row}.since)")
    }
}

/// Columns that say who holds a row.
pub(super) fn mine(dsql: bool) -> String {
    if dsql {
        format!("pid = 0, since = now(), until = now() + {LEASE}")
    } else {
        format!(
            "pid = pg_backend_pid(), since = (select backend_start from pg_stat_activity where pid = pg_backend_pid()), until = now() + {LEASE}"
        )
    }
}

impl Ledger {
    pub fn new(pass: i32, worker: impl Into<String>, dsql: bool) -> Self {
        Self { pass, worker: worker.into(), dsql }
    }

    /// The tables whose chunks are written down.
    pub async fn known(&self, target: &Session) -> Result<BTreeMap<String, Known>> {
        // The last chunk is open at its upper end; it is written last.
        let sql = "select \"table\", coalesce(max(shape), ''), count(*) filter (where hi = ''), count(*) filter (where lo like 'page %'), \
                   count(*) filter (where pass is null) from migrate_wizard.chunk group by \"table\"";
        let read = |row: Vec<Option<String>>| {
            let [table, shape, last, pages, unsettled] = <[Option<String>; 5]>::try_from(row).ok()?;
            let known = Known { shape: shape?, complete: last? != "0", by_pages: pages? != "0", settled: unsettled? == "0" };
            Some((table?, known))
        };
        Ok(target.text(sql).await?.into_iter().filter_map(read).collect())
    }

    /// Writes down the chunks of a table, the last one last.
    pub async fn add(&self, target: &Session, table: &TablePlan, ranges: &[Range]) -> Result<()> {
        let (label, shape, rank) = (literal(&table.label()), literal(&table.shape()), table.bytes / ranges.len().max(1) as u64);
        for ranges in ranges.chunks(1000) {
            let values: Vec<String> = ranges
                .iter()
                .map(|range| {
                    let (lo, hi) = range.span.bounds();
                    format!("({label}, {}, {}, {}, {rank}, {shape})", range.chunk, literal(&lo), literal(&hi))
                })
                .collect();
            let sql = format!(
                "insert into migrate_wizard.chunk (\"table\", chunk, lo, hi, rank, shape) values {} \
                 on conflict (\"table\", chunk) do update set lo = excluded.lo, hi = excluded.hi, rank = excluded.rank, shape = excluded.shape",
                values.join(", ")
            );
            target.affected(&sql).await?;
        }
        Ok(())
    }

    /// Forgets the chunks of a table, which then is cut anew.
    pub async fn forget(&self, target: &Session, table: &str) -> Result<()> {
        target.affected(&format!("delete from migrate_wizard.chunk where \"table\" = {}", literal(table))).await.map(drop)
    }

    /// Makes one chunk of a table that has several.
    pub async fn make_whole(&self, target: &Session, table: &str) -> Result<()> {
        let table = literal(table);
        target.begin().await?;
        target
            .affected(&format!(
                "update migrate_wizard.chunk set lo = '', hi = '', (pass, rows, xids) = (select min(pass), sum(rows), string_agg(nullif(xids, ''), ',') \
                 from migrate_wizard.chunk where \"table\" = {table}) where \"table\" = {table} and chunk = 0"
            ))
            .await?;
        target.affected(&format!("delete from migrate_wizard.chunk where \"table\" = {table} and chunk > 0")).await?;
        target.commit().await
    }

    /// Sets the state of the pass: `open` once all is cut.
    pub async fn state(&self, target: &Session, state: &str) -> Result<()> {
        target.affected(&format!("update migrate_wizard.pass set state = {} where pass = {}", literal(state), self.pass)).await.map(drop)
    }

    /// Marks the pass as ended.
    pub async fn close(&self, target: &Session) -> Result<()> {
        target
            .affected(&format!(
                "update migrate_wizard.pass set state = 'ended', ended = now() where pass = {} and state = 'open'",
                self.pass
            ))
            .await
            .map(drop)
    }

    /// Keeps the pass, on a server where holds end with their lease.
    pub async fn keep(&self, target: &Session) -> Result<()> {
        if self.dsql {
            target.affected(&format!("update migrate_wizard.pass set until = now() + {LEASE} where pass = {}", self.pass)).await?;
        }
        Ok(())
    }

    /// Which tables belong to this pass, as a condition.
    fn of_pass(tables: &[String]) -> String {
        let names: Vec<String> = tables.iter().map(|name| literal(name)).collect();
        if names.is_empty() { "false".to_owned() } else { format!("c.\"table\" in ({})", names.join(", ")) }
    }

    /// Takes the largest chunk that this pass has not settled and nobody holds.
    pub async fn claim(&self, target: &Session, tables: &[String]) -> Result<Option<Claim>> {
        let free = format!(
            "(c.pass is null or c.pass < {pass}) and (c.taken is null or c.taken < {pass} or (c.taken = {pass} and (c.worker is null or {gone})))",
            pass = self.pass,
            gone = gone("c", self.dsql)
        );
        // Where sessions cannot be told apart, two who look at once should not look at the same chunk.
        let (limit, order) = if self.dsql { (16, "") } else { (1, " for update skip locked") };
        for _ in 0..64 {
            let sql = format!(
                "select \"table\", chunk, lo, hi, pass, rows, xids, case when taken = {} then pid end from migrate_wizard.chunk c where {} and {free} \
                 order by rank desc, \"table\", chunk limit {limit}{order}",
                self.pass,
                Self::of_pass(tables)
            );
            // Look and hold are one transaction on Postgres, so that nobody looks at what is about to be held.
            target.begin().await?;
            let rows = target.text(&sql).await?;
            let pick = usize::from(uuid::Uuid::new_v4().as_bytes()[0]) % rows.len().max(1);
            let Some(row) = rows.into_iter().nth(pick) else {
                target.rollback().await?;
                return Ok(None);
            };
            let claim = read_claim(row).ok_or_else(|| Error::bug("a row of the ledger could not be read"))?;
            let take = format!(
                "update migrate_wizard.chunk c set taken = {}, worker = {}, batches = 0, {} where \"table\" = {} and chunk = {} and {free}",
                self.pass,
                literal(&self.worker),
                mine(self.dsql),
                literal(&claim.table),
                claim.range.chunk
            );
            let taken = async {
                let taken = target.affected(&take).await?;
                target.commit().await?;
                Ok::<_, Error>(taken)
            };
            match taken.await {
                Ok(1) => return Ok(Some(claim)),
                Ok(_) => {}
                Err(error) if sqlstate(&error) == Some("40001") => {
                    let _ = target.rollback().await;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Holds a chunk by a new session after the old one broke; fails when it is another worker's by now.
    pub async fn hold(&self, target: &Session, claim: &Claim) -> Result<()> {
        let sql = format!("update migrate_wizard.chunk set {} where {}", mine(self.dsql), self.held(claim));
        self.must_hold(target, &sql, claim).await
    }

    /// Takes a chunk from a worker of the same process, which gave it up.
    pub async fn take_over(&self, target: &Session, claim: &Claim) -> Result<()> {
        let sql = format!(
            "update migrate_wizard.chunk set worker = {}, batches = 0, {} where \"table\" = {} and chunk = {} and taken = {}",
            literal(&self.worker),
            mine(self.dsql),
            literal(&claim.table),
            claim.range.chunk,
            self.pass
        );
        self.must_hold(target, &sql, claim).await
    }

    fn held(&self, claim: &Claim) -> String {
        format!(
            "\"table\" = {} and chunk = {} and taken = {} and worker = {}",
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
            "update migrate_wizard.chunk set pass = {}, how = '{}', rows = {}, bytes = {}, xids = {xids}, at = now() where {}",
            self.pass,
            settled.how,
            settled.rows,
            settled.bytes,
            self.held(claim)
        )
    }

    /// Runs [`Self::settle`]; fails when the chunk is no longer this worker's, so that its transaction is rolled back.
    pub async fn record(&self, target: &Session, claim: &Claim, settled: &Settled) -> Result<()> {
        self.must_hold(target, &self.settle(claim, settled), claim).await
    }

    async fn must_hold(&self, target: &Session, sql: &str, claim: &Claim) -> Result<()> {
        if target.affected(sql).await? == 1 {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, format!("{}, chunk {} was taken over by another worker", claim.table, claim.range.chunk + 1))
            .cause(LOST)
            .hint("nothing is lost: its rows are written by who holds it now"))
    }

    /// The statement that counts a batch in the batch's own transaction, and keeps the hold.
    pub fn batch(&self, claim: &Claim, batch: u32) -> String {
        format!("update migrate_wizard.chunk set batches = {batch}, until = now() + {LEASE} where {}", self.held(claim))
    }

    /// Runs [`Self::batch`].
    pub async fn count_batch(&self, target: &Session, claim: &Claim, batch: u32) -> Result<()> {
        self.must_hold(target, &self.batch(claim, batch), claim).await
    }

    /// How many batches of a chunk have committed; asked when a commit got no answer.
    pub async fn batches(&self, target: &Session, claim: &Claim) -> Result<u32> {
        let sql = format!("select coalesce(max(batches), 0)::bigint from migrate_wizard.chunk where {}", self.held(claim));
        Ok(u32::try_from(target.value::<i64>(&sql, &[]).await?).unwrap_or_default())
    }

    /// Says that a chunk waits for the end of the pass, so that nobody waits for it.
    pub async fn put_off(&self, target: &Session, claim: &Claim) -> Result<()> {
        let sql = format!("update migrate_wizard.chunk set how = 'late' where {}", self.held(claim));
        self.must_hold(target, &sql, claim).await
    }

    /// How many chunks of these tables the pass has neither settled nor put off to its end.
    pub async fn open_chunks(&self, target: &Session, tables: &[String]) -> Result<u64> {
        let sql = format!(
            "select count(*) from migrate_wizard.chunk c where {} and (c.pass is null or c.pass < {pass}) and not (c.taken = {pass} and c.how is not distinct from 'late')",
            Self::of_pass(tables),
            pass = self.pass
        );
        Ok(u64::try_from(target.value::<i64>(&sql, &[]).await?).unwrap_or_default())
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

    /// The process that held a chunk before and is gone may have left a session that the server has not missed yet.
    pub async fn end_session(target: &Session, pid: i32) -> Result<()> {
        let sql = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid = {pid} and application_name = 'migrate-wizard' and usename = current_user"
        );
        target.text(&sql).await.map(drop)
    }
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
        left_by: values.next()?.and_then(|pid| pid.parse().ok()),
    })
}

/// The tables that were written to, as `schema.table`.
pub async fn tables(target: &Session) -> Result<Vec<String>> {
    let rows = target.text("select distinct \"table\" from migrate_wizard.chunk where taken is not null order by 1").await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}
