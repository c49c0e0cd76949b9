//! One pass: every chunk of every common table made equal to the source, several at a time.
//! Safe to drop at any await and to run again: a second pass copies only what differs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as Turn, mpsc};

use crate::data::chunk::{self, Cutter, Range};
use crate::data::insert::Limits;
use crate::data::ledger::Ledger;
use crate::data::plan::{Choice, Plan, Side, TablePlan, plan};
use crate::data::settle::{Outcome, Work};
use crate::data::{catalog, open};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::{Connector, Session};
use crate::progress::{Reporter, Unit};

/// What to do with rows on the target that this tool did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Stop with an error that names the tables.
    Refuse,
    /// Make them equal to the source, which may delete them.
    Replace,
}

/// How to copy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Chunks at the same time; each takes one session on either side, and one more reads the keys.
    pub jobs: usize,
    pub choice: Choice,
    pub existing: Existing,
    /// Rows of a chunk at most; `None` is [`chunk::ROWS`].
    pub chunk_rows: Option<u64>,
    /// Batches instead of COPY; a DSQL target gets them by itself.
    pub limits: Option<Limits>,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: 4, choice: Choice::default(), existing: Existing::Refuse, chunk_rows: None, limits: None }
    }
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyReport {
    pub pass: i32,
    /// An earlier run had begun this pass.
    pub resumed: bool,
    /// All readers saw the same moment.
    pub consistent: bool,
    pub tables: Vec<TableCopied>,
    pub rows_copied: u64,
    pub rows_equal: u64,
    pub seconds: f64,
    pub notes: Vec<String>,
}

/// One table's part of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCopied {
    pub schema: String,
    pub name: String,
    pub chunks_copied: u64,
    pub chunks_equal: u64,
    pub rows_copied: u64,
    pub rows_equal: u64,
}

/// Makes the target's tables equal to the source's. The source is only read.
pub async fn copy(source: &Connector, target: &Connector, options: &Options, reporter: &Reporter) -> Result<CopyReport> {
    let start = Instant::now();
    open::distinct(source, target)?;
    // `lead` holds the moment that all readers share, and walks the keys.
    let lead = open::source(source, None).await?;
    let snapshot = open::export(&lead).await?;
    let to = open::target(target).await?;
    let dsql = to.session.is_dsql().await?;
    let limits = if dsql { Some(options.limits.unwrap_or(Limits::DSQL)) } else { options.limits };
    if !dsql {
        open::claim(&to.session).await?;
    }
    let mut plan = plan(&catalog::read(&lead).await?, &catalog::read(&to.session).await?, &options.choice)?;
    if snapshot.is_none() {
        plan.notes.push("the source cannot share a snapshot: each reader sees its own moment, so writes must have stopped".to_owned());
    }
    let empty = preflight(&plan, &to, options.existing).await?;
    let ledger = Ledger::open(&to.session).await?;
    if ledger.resumed {
        reporter.log(format!("going on with pass {}, which an earlier run did not end", ledger.pass));
    }
    let pass = Pass {
        plan: &plan,
        empty,
        ledger,
        limits,
        locks: !dsql,
        chunk_rows: options.chunk_rows.unwrap_or_else(|| limits.map_or(chunk::ROWS, Limits::chunk_rows)),
        reporter,
        tally: Mutex::new(
            plan.tables.iter().map(|t| TableCopied { schema: t.schema.clone(), name: t.name.clone(), ..TableCopied::default() }).collect(),
        ),
        late: Mutex::new(BTreeMap::new()),
    };
    let (sender, receiver) = mpsc::channel(options.jobs.max(1) * 2);
    let receiver = Turn::new(receiver);
    let workers = (0..options.jobs.max(1)).map(|_| pass.work(source, target, snapshot.as_deref(), &receiver));
    tokio::try_join!(pass.cut(&lead, sender), futures_util::future::try_join_all(workers))?;
    pass.settle_late(&lead, &to.session).await?;
    to.session.settings(&[("synchronous_commit", "on")]).await?;
    ledger.close(&to.session).await?;
    Ok(pass.report(snapshot.is_some(), start))
}

/// Whether each table is empty on the target; fails with everything that stands in the way.
async fn preflight(plan: &Plan, to: &open::Target, existing: Existing) -> Result<Vec<bool>> {
    let ours = crate::data::ledger::exists(&to.session).await?;
    let mut problems = Vec::new();
    let mut empty = Vec::new();
    for table in &plan.tables {
        let label = table.label();
        let has_rows: bool = to.session.value(&format!("select exists (select 1 from {})", table.rows_of(Side::Target)), &[]).await?;
        empty.push(!has_rows);
        for trigger in table.always_triggers.iter().chain(table.triggers.iter().filter(|_| !to.replica)) {
            problems.push(format!("trigger {trigger} on {label} would fire for every copied row"));
        }
        if has_rows && !to.replica && !table.foreign_keys.is_empty() {
            problems.push(format!(
                "{label} has rows and foreign keys ({}), and this user may not set session_replication_role",
                table.foreign_keys.join(", ")
            ));
        }
        if has_rows && !ours && existing == Existing::Refuse {
            problems.push(format!("{label} already has rows that migrate-wizard did not write"));
        }
    }
    if problems.is_empty() {
        return Ok(empty);
    }
    let error = Error::new(Kind::Conflict, "the target is not ready for the copy");
    Err(problems
        .iter()
        .fold(error, Error::cause)
        .hint("check that this is the right target; empty the tables and create triggers and foreign keys after the data"))
}

struct Pass<'a> {
    plan: &'a Plan,
    empty: Vec<bool>,
    ledger: Ledger,
    limits: Option<Limits>,
    /// The target has advisory locks (DSQL has none).
    locks: bool,
    chunk_rows: u64,
    reporter: &'a Reporter,
    tally: Mutex<Vec<TableCopied>>,
    /// Chunks that another chunk stood in the way of, by table.
    late: Mutex<BTreeMap<usize, Vec<Range>>>,
}

impl Pass<'_> {
    /// Cuts all tables, as fast as the workers take the pieces.
    async fn cut(&self, lead: &Session, queue: mpsc::Sender<(usize, Range)>) -> Result<()> {
        for (index, table) in self.plan.tables.iter().enumerate() {
            let mut cutter = Cutter::new(table, chunk::size(table, self.chunk_rows));
            while let Some(range) = cutter.next(lead).await? {
                if queue.send((index, range)).await.is_err() {
                    // Every worker has ended with an error, which is the one to tell.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes pieces until there are none.
    async fn work(
        &self,
        source: &Connector,
        target: &Connector,
        snapshot: Option<&str>,
        queue: &Turn<mpsc::Receiver<(usize, Range)>>,
    ) -> Result<()> {
        let from = open::source(source, snapshot).await?;
        let to = open::target(target).await?;
        if self.locks {
            open::share(&to.session).await?;
        }
        loop {
            let Some((index, range)) = queue.lock().await.recv().await else { return Ok(()) };
            let Some(table) = self.plan.tables.get(index) else { continue };
            let work = Work { from: &from, to: &to.session, table, ledger: &self.ledger, limits: self.limits };
            match work.settle(&range, self.empty.get(index).copied().unwrap_or_default()).await {
                Ok(outcome) => self.count(index, table, &range, outcome),
                Err(error) if matches!(sqlstate(&error), Some("23505" | "23503" | "23P01" | "40P01")) => {
                    self.reporter.log(format!("{}, chunk {}: waits for the others ({})", table.label(), range.chunk + 1, error.line()));
                    if let Ok(mut late) = self.late.lock() {
                        late.entry(index).or_default().push(range);
                    }
                }
                Err(error) => {
                    return Err(Error {
                        what: format!("cannot copy {}, chunk {}: {}", table.label(), range.chunk + 1, error.what),
                        ..error
                    });
                }
            }
        }
    }

    /// The chunks that waited: all of a table in one transaction.
    async fn settle_late(&self, lead: &Session, to: &Session) -> Result<()> {
        let late = self.late.lock().map(|mut late| std::mem::take(&mut *late)).unwrap_or_default();
        for (index, ranges) in late {
            let Some(table) = self.plan.tables.get(index) else { continue };
            let work = Work { from: lead, to, table, ledger: &self.ledger, limits: self.limits };
            if self.limits.is_some() {
                for range in &ranges {
                    let outcome = work.settle(range, false).await?;
                    self.count(index, table, range, outcome);
                }
                continue;
            }
            let rows = work.replace_all(&ranges, true).await?;
            for (i, range) in ranges.iter().enumerate() {
                self.count(index, table, range, Outcome::Copied { rows: if i == 0 { rows } else { 0 } });
            }
        }
        Ok(())
    }

    fn count(&self, index: usize, table: &TablePlan, range: &Range, outcome: Outcome) {
        let Ok(mut tally) = self.tally.lock() else { return };
        if let Some(own) = tally.get_mut(index) {
            match outcome {
                Outcome::Equal { rows } => {
                    own.chunks_equal += 1;
                    own.rows_equal += rows;
                }
                Outcome::Copied { rows } => {
                    own.chunks_copied += 1;
                    own.rows_copied += rows;
                }
            }
        }
        let done: u64 = tally.iter().map(|table| table.rows_copied + table.rows_equal).sum();
        // An estimate is corrected upwards by what was seen.
        let total: u64 =
            tally.iter().zip(&self.plan.tables).map(|(seen, table)| (seen.rows_copied + seen.rows_equal).max(table.rows)).sum();
        drop(tally);
        self.reporter.progress(done, Some(total), Unit::Rows, format!("{}, chunk {}", table.label(), range.chunk + 1));
    }

    fn report(&self, consistent: bool, start: Instant) -> CopyReport {
        let tables = self.tally.lock().map(|tally| tally.clone()).unwrap_or_default();
        CopyReport {
            pass: self.ledger.pass,
            resumed: self.ledger.resumed,
            consistent,
            rows_copied: tables.iter().map(|table| table.rows_copied).sum(),
            rows_equal: tables.iter().map(|table| table.rows_equal).sum(),
            tables,
            seconds: start.elapsed().as_secs_f64(),
            notes: self.plan.notes.clone(),
        }
    }
}
