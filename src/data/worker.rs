//! One worker of a pass: takes chunks from the ledger until none is left, and settles each on its own two sessions.
//! Safe to drop at any await: a chunk is settled as a whole or not at all.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::data::horizon::Horizon;
use crate::data::ledger::{self, Claim, Ledger};
use crate::data::limits::Limits;
use crate::data::open::{self, Opened};
use crate::data::pass;
use crate::data::plan::{Plan, Side, TablePlan};
use crate::data::tally::Tally;
use crate::error::{Error, Result};
use crate::postgres::Connector;
use crate::postgres::fault::sqlstate;

/// What all workers of one process share.
#[derive(Debug)]
pub struct Crew<'a> {
    pub plan: &'a Plan,
    pub source: &'a Connector,
    pub target: &'a Connector,
    pub snapshot: Option<String>,
    /// The moments of earlier passes that can be compared with it.
    pub bases: BTreeMap<i32, Horizon>,
    /// Batches instead of one transaction for each chunk.
    pub limits: Option<Limits>,
    /// Of batches on a target without limits, for rows that cannot go.
    pub batch_limits: Limits,
    /// Bytes of a batch, so that all workers' batches together stay small.
    pub batch_bytes: usize,
    /// Batches go by COPY; otherwise by INSERT.
    pub by_copy: bool,
    /// Tables that had no row on the target when the pass began.
    pub empty: Vec<bool>,
    /// Labels of the tables, for the ledger.
    pub tables: Vec<String>,
    /// Tables whose keys and triggers are set aside.
    pub cleared: tokio::sync::Mutex<HashSet<String>>,
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
}

/// SQLSTATEs of a chunk that another chunk stands in the way of: unique, foreign key, exclusion, deadlock.
const IN_THE_WAY: [&str; 4] = ["23505", "23503", "23P01", "40P01"];

pub fn in_the_way(error: &Error) -> bool {
    sqlstate(error).is_some_and(|state| IN_THE_WAY.contains(&state))
}

impl<'a> Worker<'a> {
    pub async fn open(crew: &'a Crew<'a>, pass: i32, number: usize) -> Result<Self> {
        let (from, to) = tokio::try_join!(open::reader(crew.source, crew.snapshot.as_deref()), open::writer(crew.target))?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{}-{number}", id.get(..8).unwrap_or(&id));
        Ok(Self { ledger: Ledger::new(pass, &name, to.dsql), crew, from, to, name: format!("worker {}", number + 1), holding: None })
    }

    /// Takes chunks until none is left; the chunks that others stood in the way of come back.
    pub async fn work(&mut self) -> Result<Vec<Claim>> {
        let mut late = Vec::new();
        loop {
            self.renew_when_old().await?;
            let Some(claim) = self.ledger.claim(&self.to.session, &self.crew.tables).await? else {
                // What others hold may come free; what is put off is settled at the end.
                let left = self.ledger.open_chunks(&self.to.session, &self.crew.tables).await?;
                if left == 0 && self.is_cut().await? {
                    return Ok(late);
                }
                self.must_have_lead().await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if let Some(pid) = claim.left_by.filter(|pid| *pid > 0 && !self.to.dsql) {
                Ledger::end_session(&self.to.session, pid).await?;
            }
            let Some((index, table)) = self.table(&claim) else { continue };
            self.crew.tally.begin(&self.name, index, &claim.range);
            self.holding = Some(claim.clone());
            let settled = self.settle(&claim, table).await;
            self.holding = None;
            match settled {
                Ok(outcome) => self.crew.tally.end(&self.name, index, &outcome),
                Err(error) if in_the_way(&error) => {
                    let _ = self.to.session.rollback().await;
                    self.crew.tally.log(format!(
                        "{}, chunk {}: waits for the others ({})",
                        claim.table,
                        claim.range.chunk + 1,
                        error.line()
                    ));
                    self.crew.tally.drop_chunk(&self.name);
                    self.ledger.put_off(&self.to.session, &claim).await?;
                    late.push(claim);
                }
                Err(error) if ledger::is_lost(&error) => {
                    let _ = self.to.session.rollback().await;
                    self.crew.tally.log(error.line());
                    self.crew.tally.drop_chunk(&self.name);
                }
                Err(error) => {
                    let what = format!("cannot copy {}, chunk {}: {}", claim.table, claim.range.chunk + 1, error.what);
                    return Err(Error { what, ..error });
                }
            }
        }
    }

    pub fn table(&self, claim: &Claim) -> Option<(usize, &'a TablePlan)> {
        let index = self.crew.tables.iter().position(|label| *label == claim.table)?;
        Some((index, self.crew.plan.tables.get(index)?))
    }

    /// Makes the chunk equal.
    async fn settle(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
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
        if self.crew.plan.tables.iter().zip(&self.crew.empty).any(|(other, empty)| *empty && other.label() == table.label())
            && claim.left_by.is_none()
        {
            return Ok(true);
        }
        let whose = crate::data::chunk::whose(&claim.range.span.conditions(table, Side::Target));
        let sql = format!("select not exists (select 1 from {}{whose})", table.rows_of(Side::Target));
        self.to.session.value(&sql, &[]).await
    }

    /// Fails when another pass has begun since: this one was left, and what it copied is not its to call done.
    async fn is_cut(&self) -> Result<bool> {
        match pass::last_pass(&self.to.session, self.to.dsql).await? {
            Some(last) if last.pass > self.ledger.pass => Err(pass_lost()),
            Some(last) => Ok(matches!(last.state.as_str(), "open" | "ended")),
            None => Ok(false),
        }
    }

    /// A pass whose cutting process died will never be cut to the end, and one that was left is not ours to go on with.
    async fn must_have_lead(&self) -> Result<()> {
        let last = pass::last_pass(&self.to.session, self.to.dsql).await?;
        match last {
            Some(last) if last.pass == self.ledger.pass && (last.alive || last.state != "cutting") && last.state != "left" => Ok(()),
            _ => Err(pass_lost()),
        }
    }

    /// A new session on the target after the old one broke.
    pub async fn reconnect(&mut self) -> Result<()> {
        self.to = open::writer(self.crew.target).await?;
        match &self.holding {
            Some(claim) => self.ledger.hold(&self.to.session, claim).await,
            None => Ok(()),
        }
    }

    async fn renew_when_old(&mut self) -> Result<()> {
        let Some(limits) = &self.crew.limits else { return Ok(()) };
        if self.to.dsql && self.to.session.age() > limits.session_age() {
            self.reconnect().await?;
        }
        if self.from.dsql && self.from.session.age() > limits.session_age() {
            self.from = open::reader(self.crew.source, None).await?;
        }
        Ok(())
    }
}

/// The pass cannot be gone on with: its moment is gone. A new pass converges.
pub fn pass_lost() -> Error {
    Error::new(crate::error::Kind::Unreachable, "the process that began this pass is gone, and its moment of the source with it")
        .hint("run the same command again: a new pass copies only what is missing")
}
