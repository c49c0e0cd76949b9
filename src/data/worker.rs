//! One worker of a pass: takes chunks from the ledger until none is left, and settles each on its own two sessions, which it opens
//! anew when they break.
//! Safe to drop at any await: a chunk is settled as a whole or not at all.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::data::again;
use crate::data::chunk::Span;
use crate::data::horizon::Horizon;
use crate::data::ledger::{self, Claim, Ledger, Left};
use crate::data::limits::Limits;
use crate::data::open::{self, Opened};
use crate::data::pass;
use crate::data::plan::{Plan, Side, TablePlan};
use crate::data::tally::Tally;
use crate::error::{Error, Kind, Result};
use crate::postgres::Connector;
use crate::postgres::fault::sqlstate;

/// What all workers of one process share.
#[derive(Debug)]
pub struct Crew<'a> {
    pub plan: &'a Plan,
    pub source: &'a Connector,
    pub target: &'a Connector,
    pub snapshot: Option<String>,
    /// The name of this process, with which its workers' names begin.
    pub process: String,
    /// The moments of earlier passes that can be compared with it.
    pub bases: BTreeMap<i32, Horizon>,
    /// Batches instead of one transaction for each chunk.
    pub limits: Option<Limits>,
    /// Of batches on a target without limits, for rows that cannot go.
    pub batch_limits: Limits,
    /// Bytes of a batch, so that all workers' batches together stay small; of one by INSERT likewise.
    pub copy_bytes: usize,
    pub insert_bytes: usize,
    /// Batches go by COPY; otherwise by INSERT.
    pub by_copy: bool,
    /// Tables that had no row on the target when the pass began.
    pub empty: Vec<bool>,
    /// Labels of the tables, for the ledger.
    pub tables: Vec<String>,
    /// Tables whose keys and triggers are set aside.
    pub cleared: tokio::sync::Mutex<HashSet<String>>,
    /// Told when a worker of this process has settled a chunk: whoever waits for the last ones looks again.
    pub settled: tokio::sync::Notify,
    pub tally: &'a Tally,
}

/// What happened to a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows of the source in it.
    pub rows: u64,
    /// Rows that were written or deleted for it; 0 when it was equal.
    pub written: u64,
    pub quarantined: u64,
}

impl Outcome {
    pub fn equal(rows: u64) -> Self {
        Self { rows, ..Self::default() }
    }
}

/// A worker with its sessions.
#[derive(Debug)]
pub struct Worker<'a> {
    pub crew: &'a Crew<'a>,
    pub from: Opened,
    pub to: Opened,
    pub ledger: Ledger,
    pub name: String,
    /// The chunk in hand.
    holding: Option<Claim>,
    /// Batches and deletions that were committed: what stands in the way may have gone with them.
    pub commits: u64,
    /// Rows that they wrote or deleted for the chunk in hand.
    pub put: u64,
}

/// What a worker did.
pub(super) enum Step {
    Settled,
    /// Others are at it.
    Wait,
    Done,
}

/// Between two looks.
const WAIT: Duration = Duration::from_millis(100);
/// New connections without progress in between; then the whole pass is begun anew.
const TRIES: u32 = 4;

/// SQLSTATEs of a chunk that another chunk stands in the way of: unique, foreign key, exclusion, deadlock.
const IN_THE_WAY: [&str; 4] = ["23505", "23503", "23P01", "40P01"];

pub fn in_the_way(error: &Error) -> bool {
    sqlstate(error).is_some_and(|state| IN_THE_WAY.contains(&state))
}

impl<'a> Worker<'a> {
    pub async fn open(crew: &'a Crew<'a>, pass: i32, number: usize) -> Result<Self> {
        let (from, to) = tokio::try_join!(open_source(crew), open::writer(crew.target))?;
        let name = format!("{}-{}", crew.process, short_id());
        let ledger = Ledger::new(pass, &name, to.dsql);
        Ok(Self { ledger, crew, from, to, name: format!("worker {}", number + 1), holding: None, commits: 0, put: 0 })
    }

    /// Takes chunks until the pass has none left. A broken connection is opened anew, a few times without progress in between.
    pub async fn work(&mut self) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.step().await {
                Ok(Step::Done) => return Ok(()),
                Ok(Step::Wait) => {
                    let _later = tokio::time::timeout(WAIT, self.crew.settled.notified()).await;
                }
                Ok(Step::Settled) => {
                    tries = 0;
                    self.crew.settled.notify_waiters();
                }
                Err(error) if self.may_pass(&error) => self.begin_anew(error, &mut tries).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether new sessions, or on DSQL another try, may mend it.
    fn may_pass(&self, error: &Error) -> bool {
        !is_pass_lost(error) && if self.to.dsql { again::transient(error) } else { error.kind == Kind::Unreachable }
    }

    async fn step(&mut self) -> Result<Step> {
        self.renew_when_old().await?;
        let claim = match self.holding.take() {
            Some(claim) => claim,
            None => match self.ledger.claim(&self.to.session, &self.crew.tables).await? {
                Some(claim) => claim,
                None => return self.none_is_free().await,
            },
        };
        let Some((index, table)) = self.table(&claim) else { return Ok(Step::Settled) };
        self.crew.tally.begin(&self.name, index, &claim.range);
        self.holding = Some(claim.clone());
        self.put = 0;
        let error = match self.settle(&claim, table).await {
            Ok(outcome) => {
                self.holding = None;
                self.crew.tally.end(&self.name, index, &outcome);
                return Ok(Step::Settled);
            }
            Err(error) => error,
        };
        self.crew.tally.drop_chunk(&self.name, self.put);
        if in_the_way(&error) {
            self.holding = None;
            self.out_of_transaction().await?;
            self.crew.tally.log(format!("{}, chunk {}: waits for the others ({})", claim.table, claim.range.chunk + 1, error.line()));
            return self.ledger.late(&self.to.session, &claim).await.map(|()| Step::Settled);
        }
        if ledger::is_lost(&error) {
            self.holding = None;
            self.out_of_transaction().await?;
            self.crew.tally.log(error.line());
            return Ok(Step::Settled);
        }
        let what = format!("cannot copy {}, chunk {}: {}", claim.table, claim.range.chunk + 1, error.what);
        Err(Error { what, ..error })
    }

    /// What others hold may come free; what stands in each other's way comes last; then the pass is over.
    async fn none_is_free(&mut self) -> Result<Step> {
        // Asked first: a pass that is cut gets no more chunks.
        let cut = self.is_cut().await?;
        match self.ledger.left(&self.to.session, &self.crew.tables).await? {
            Left { open: 0, late: 0 } if cut => Ok(Step::Done),
            Left { open: 0, .. } if cut => self.settle_late().await,
            Left { .. } => {
                if self.to.dsql {
                    // Perhaps held by this worker, which was never told so.
                    self.ledger.release(&self.to.session, None).await?;
                }
                Ok(Step::Wait)
            }
        }
    }

    /// After an error that may pass: sessions that work, and the chunk in hand again, if it still is and was not settled after all.
    async fn begin_anew(&mut self, mut error: Error, tries: &mut u32) -> Result<()> {
        let most = if self.to.dsql { self.crew.batch_limits.retries } else { TRIES };
        loop {
            *tries += 1;
            if *tries > most {
                return Err(error);
            }
            self.crew.tally.retried();
            self.crew.tally.log(format!("{}; {} tries again, {tries} of {most}", error.line(), self.name));
            match self.to.dsql {
                true => again::pause(&self.crew.batch_limits, *tries).await,
                false => tokio::time::sleep(WAIT * (1 << *tries)).await,
            }
            match self.reopen().await {
                Err(again) if self.may_pass(&again) => error = again,
                other => return other,
            }
        }
    }

    async fn reopen(&mut self) -> Result<()> {
        if !self.to.dsql || self.to.session.is_closed() {
            self.to = open::writer(self.crew.target).await?;
        } else {
            self.to.session.rollback().await?;
        }
        // A session whose transaction failed sees nothing any more.
        if !self.from.dsql || self.from.session.is_closed() {
            self.from = open_source(self.crew).await?;
        }
        if self.to.dsql {
            self.ledger.release(&self.to.session, self.holding.as_ref()).await?;
        }
        let Some(claim) = &mut self.holding else { return Ok(()) };
        claim.fresh = false;
        let claim = claim.clone();
        let settled = match self.ledger.take_back(&self.to.session, &claim).await {
            Err(error) if ledger::is_lost(&error) => {
                self.holding = None;
                self.crew.tally.log(error.line());
                return Ok(());
            }
            other => other?,
        };
        let batches = self.ledger.batches(&self.to.session, &claim).await?;
        if let Some(holding) = &mut self.holding {
            holding.batches = batches;
        }
        if let (Some((how, rows)), Some((index, _))) = (settled, self.table(&claim)) {
            // Only the answer to its commit was lost.
            self.holding = None;
            let written = if how == "equal" { 0 } else { rows };
            self.crew.tally.begin(&self.name, index, &claim.range);
            self.crew.tally.end(&self.name, index, &Outcome { rows, written, quarantined: 0 });
        }
        Ok(())
    }

    pub fn table(&self, claim: &Claim) -> Option<(usize, &'a TablePlan)> {
        let index = self.crew.tables.iter().position(|label| *label == claim.table)?;
        Some((index, self.crew.plan.tables.get(index)?))
    }

    /// Makes the chunk equal.
    async fn settle(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        if matches!(claim.range.span, Span::Pages { .. }) {
            // Of the source: they tell nothing of the target. An earlier try left no row, unless it went in batches.
            return if claim.batches == 0 { self.load(claim, table).await } else { Err(pass_lost()) };
        }
        if claim.settled.is_none() {
            return if self.is_empty(claim, table).await? { self.load(claim, table).await } else { self.compare(claim, table).await };
        }
        let base = claim.settled.and_then(|pass| self.crew.bases.get(&pass)).cloned();
        match base {
            Some(base) => self.catch_up(claim, table, &base).await,
            None => self.compare(claim, table).await,
        }
    }

    /// Whether the chunk has no row on the target.
    async fn is_empty(&self, claim: &Claim, table: &TablePlan) -> Result<bool> {
        let empty =
            |label: String| self.crew.plan.tables.iter().zip(&self.crew.empty).any(|(other, empty)| *empty && other.label() == label);
        if claim.fresh && empty(table.label()) {
            return Ok(true);
        }
        let whose = crate::data::chunk::whose(&claim.range.span.conditions(table, Side::Target));
        let sql = format!("select not exists (select 1 from {}{whose})", table.rows_of(Side::Target));
        self.to.session.value(&sql, &[]).await
    }

    /// Whether the pass is cut to its end. An error where it cannot be gone on with: whoever cuts it is gone, or a later pass took over.
    async fn is_cut(&self) -> Result<bool> {
        let all = pass::passes(&self.to.session, self.to.dsql).await?;
        let newest = all.last().is_some_and(|last| last.pass == self.ledger.pass);
        let own = all.iter().find(|row| row.pass == self.ledger.pass);
        match own.map(|own| (own.state.as_str(), own.alive)) {
            Some(("ended", _)) => Ok(true),
            Some(("open", _)) if newest => Ok(true),
            Some(("cutting", true)) if newest => Ok(false),
            _ => Err(pass_lost()),
        }
    }

    /// After an error: the session as before its transaction, or another one where it is of no use any more.
    pub async fn out_of_transaction(&mut self) -> Result<()> {
        if self.to.session.is_closed() { self.reconnect_patiently().await } else { self.to.session.rollback().await }
    }

    /// A new session on the target after the old one broke.
    pub async fn reconnect(&mut self) -> Result<()> {
        self.to = open::writer(self.crew.target).await?;
        match &self.holding {
            Some(claim) => self.ledger.hold(&self.to.session, claim).await,
            None => Ok(()),
        }
    }

    /// A new session, however long the server takes to let one in.
    pub async fn reconnect_patiently(&mut self) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.reconnect().await {
                Err(error) if again::broken(&error) && tries < self.crew.batch_limits.retries => {
                    tries += 1;
                    again::pause(&self.crew.batch_limits, tries + 2).await;
                }
                other => return other,
            }
        }
    }

    /// Before a server that ends sessions at a certain age ends these.
    pub async fn renew_when_old(&mut self) -> Result<()> {
        let age = self.crew.batch_limits.session_age();
        if self.to.dsql && self.to.session.age() > age {
            self.reconnect().await?;
        }
        if self.from.dsql && self.from.session.age() > age {
            self.from = open_source(self.crew).await?;
        }
        Ok(())
    }
}

/// A reader at the moment of the pass.
async fn open_source(crew: &Crew<'_>) -> Result<Opened> {
    match open::reader(crew.source, crew.snapshot.as_deref()).await {
        Err(error) if crew.snapshot.is_some() && open::moment_gone(&error) => Err(pass_lost()),
        other => other,
    }
}

const PASS_LOST: &str = "the process that began this pass is gone, and its moment of the source with it";

/// The pass cannot be gone on with: its moment is gone. A new pass converges.
pub fn pass_lost() -> Error {
    Error::new(Kind::Unreachable, PASS_LOST).hint("run the same command again: a new pass copies only what is missing")
}

pub fn is_pass_lost(error: &Error) -> bool {
    error.what == PASS_LOST
}

/// A name that nobody else has.
pub fn short_id() -> String {
    let mut id = uuid::Uuid::new_v4().simple().to_string();
    id.truncate(8);
    id
}
