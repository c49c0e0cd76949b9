//! What DSQL holds a transaction to: one definition and no rows with it, an age, a size, and the luck of its COMMIT.
//! Every statement runs in a transaction that the stand-in began, so that it alone decides how one ends.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::jobs;
use super::refusal::Refusal;
use super::session::Session;
use super::statement::{Kind, Statement};
use super::wire::{self, Frame};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Idle,
    /// Ends with the query or the batch.
    Implicit,
    /// The client said BEGIN.
    Explicit,
}

#[derive(Debug, Default)]
pub struct Transaction {
    pub phase: Phase,
    pub failed: bool,
    began: Option<Instant>,
    writes: u64,
    definitions: u64,
    jobs: Vec<String>,
    /// Definitions committed before this began.
    catalogue: u64,
    /// The limits that the session behind was told.
    told: String,
}

impl Transaction {
    pub fn status(&self) -> u8 {
        match (self.phase, self.failed) {
            (Phase::Idle | Phase::Implicit, _) => b'I',
            (Phase::Explicit, false) => b'T',
            (Phase::Explicit, true) => b'E',
        }
    }

    fn end(&mut self) {
        *self = Self { told: std::mem::take(&mut self.told), ..Self::default() };
    }
}

/// An error that a commit ended in, or nothing.
type Verdict = Result<(), Frame>;

impl Session {
    pub(super) async fn begin_if_idle(&mut self) -> io::Result<()> {
        if self.transaction.phase != Phase::Idle {
            return Ok(());
        }
        let rules = self.shared.rules();
        let limits = [
            ("max_rows", rules.rows),
            ("row_bytes", rules.row_bytes),
            ("value_bytes", rules.value_bytes),
            ("key_bytes", rules.key_bytes),
            ("row_overhead", rules.row_overhead),
            ("index_overhead", rules.index_overhead),
        ];
        let told: Vec<String> = limits.iter().map(|(name, value)| format!("set_config('standin.{name}', '{value}', false)")).collect();
        let told = format!("select {}", told.join(", "));
        if told != self.transaction.told {
            self.own(&told).await?;
            self.transaction.told = told;
        }
        self.own("begin isolation level repeatable read").await?;
        self.transaction.phase = Phase::Implicit;
        self.transaction.began = Some(Instant::now());
        self.transaction.catalogue = self.shared.catalogue.load(Ordering::SeqCst);
        Ok(())
    }

    /// A statement of the stand-in's own that cannot fail. Should it fail the stand-in is wrong, which the test's output shows.
    async fn own(&mut self, sql: &str) -> io::Result<Vec<Vec<Option<String>>>> {
        let rows = self.backend.run(sql).await?;
        Ok(rows.unwrap_or_else(|error| panic!("the stand-in's `{sql}`: {}", error.field(b'M').unwrap_or_default())))
    }

    /// BEGIN, COMMIT and ROLLBACK; whether it was one.
    pub(super) async fn control(&mut self, statement: &Statement) -> io::Result<bool> {
        let failed = self.transaction.failed;
        match (&statement.kind, self.transaction.phase) {
            _ if statement.refusal.is_some() => return Ok(false),
            // In a transaction that failed, and a BEGIN within another: the server behind has the right answer.
            (Kind::Begin { .. }, Phase::Explicit) => return Ok(false),
            (Kind::Begin { read_only }, Phase::Idle | Phase::Implicit) => {
                self.transaction.phase = Phase::Explicit;
                if *read_only {
                    self.own("set transaction read only").await?;
                }
                self.emit(&wire::complete("BEGIN")).await?;
            }
            (Kind::Commit, _) if !failed => match self.commit().await? {
                Ok(()) => self.emit(&wire::complete("COMMIT")).await?,
                Err(error) => {
                    self.emit(&error).await?;
                    self.transaction.failed = true;
                }
            },
            (Kind::Commit | Kind::Rollback, _) => {
                self.roll_back().await?;
                self.emit(&wire::complete("ROLLBACK")).await?;
            }
            (Kind::Read | Kind::Write | Kind::Definition | Kind::Job(_) | Kind::Wait(_), _) => return Ok(false),
        }
        self.shared.count(|seen| seen.statements += 1);
        Ok(true)
    }

    async fn roll_back(&mut self) -> io::Result<()> {
        self.own("rollback").await?;
        self.transaction.end();
        Ok(())
    }

    /// Whether a statement may run; if not, it was refused.
    pub(super) async fn admit(&mut self, statement: &Statement) -> io::Result<bool> {
        self.shared.count(|seen| seen.statements += 1);
        // The server behind says 25P02.
        if self.transaction.failed {
            return Ok(true);
        }
        match self.judge(statement) {
            Ok(()) => Ok(true),
            Err(refusal) => self.refuse(&refusal).await.map(|()| false),
        }
    }

    fn judge(&mut self, statement: &Statement) -> Result<(), Refusal> {
        if let Some(refusal) = &statement.refusal {
            return Err(refusal.clone());
        }
        self.young()?;
        let transaction = &mut self.transaction;
        let mixed = Refusal::unsupported("ddl and dml are not supported in the same transaction");
        match &statement.kind {
            Kind::Write if transaction.definitions > 0 => return Err(mixed),
            Kind::Write => transaction.writes += 1,
            Kind::Definition | Kind::Job(_) if transaction.writes > 0 => return Err(mixed),
            Kind::Definition | Kind::Job(_) if transaction.definitions > 0 => {
                return Err(Refusal::unsupported("multiple ddl statements not supported in a transaction"));
            }
            Kind::Definition => transaction.definitions += 1,
            Kind::Job(id) => {
                transaction.definitions += 1;
                transaction.jobs.push(id.clone());
            }
            Kind::Begin { .. } | Kind::Commit | Kind::Rollback | Kind::Read | Kind::Wait(_) => {}
        }
        let rules = self.shared.rules();
        let words = statement.sql.trim_start().get(..4).unwrap_or_default();
        if words.eq_ignore_ascii_case("copy") {
            let allowed = if statement.kind == Kind::Write { rules.copy } else { rules.copy_out };
            if !allowed {
                return Err(Refusal::unsupported("COPY is not supported"));
            }
        }
        Ok(())
    }

    fn young(&self) -> Result<(), Refusal> {
        if self.transaction.began.is_some_and(|began| began.elapsed() > self.shared.rules().age) {
            return Err(Refusal::new("54000", "transaction age limit of 300s exceeded"));
        }
        Ok(())
    }

    /// After a statement: what only its being done shows. Passes its completion on, or fails.
    pub(super) async fn confirm(&mut self, statement: &Statement, completion: &Frame) -> io::Result<bool> {
        if statement.kind == Kind::Definition
            && let Err(error) = self.backend.run("select sys.standin_check()").await?
        {
            self.fail(&error).await?;
            return Ok(false);
        }
        if let Err(refusal) = self.young() {
            self.refuse(&refusal).await?;
            return Ok(false);
        }
        self.emit(completion).await?;
        Ok(true)
    }

    /// Says no, and leaves the transaction behind as an error leaves it.
    pub(super) async fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.shared.count(|seen| seen.refusals += 1);
        if !self.transaction.failed {
            let _division_by_zero = self.backend.run("select 1/0").await?;
            self.transaction.failed = true;
        }
        self.emit(&refusal.error()).await
    }

    /// What no BEGIN opened ends here.
    pub(super) async fn end_implicit(&mut self) -> io::Result<()> {
        match self.transaction.phase {
            Phase::Explicit => Ok(()),
            Phase::Idle => {
                self.transaction.failed = false;
                Ok(())
            }
            Phase::Implicit if self.transaction.failed => self.roll_back().await,
            Phase::Implicit => match self.commit().await? {
                Ok(()) => Ok(()),
                Err(error) => self.emit(&error).await,
            },
        }
    }

    /// Waits until a job has ended; whether there is such a job, and no transaction of the client's in which to wait for ever.
    pub(super) async fn wait(&mut self, job: &str) -> io::Result<bool> {
        if self.transaction.failed {
            return Ok(true);
        }
        let known = self.shared.jobs.borrow().contains_key(job);
        let within = self.is_explicit() || self.transaction.writes + self.transaction.definitions > 0;
        let refusal = match (known, within) {
            (_, true) => Refusal::new("2D000", "invalid transaction termination"),
            (false, false) => Refusal::new("22023", format!("job {job} does not exist")),
            (true, false) => {
                self.roll_back().await?;
                let mut jobs = self.shared.jobs.subscribe();
                jobs.wait_for(|jobs| jobs.get(job).copied().unwrap_or(true)).await.map_err(io::Error::other)?;
                self.begin_if_idle().await?;
                return Ok(true);
            }
        };
        self.refuse(&refusal).await?;
        Ok(false)
    }

    /// COMMIT as DSQL has it: the transaction is over afterwards, whatever came of it. An `Err` closes the connection.
    async fn commit(&mut self) -> io::Result<Verdict> {
        let rules = self.shared.rules();
        let (mut rows, mut bytes) = (0, 0);
        if self.transaction.writes > 0 {
            let counted = self.own("select current_setting('standin.rows', true), current_setting('standin.bytes', true)").await?;
            let number = |column: usize| counted.first().and_then(|row| row.get(column)?.as_ref()?.parse::<u64>().ok()).unwrap_or(0);
            (rows, bytes) = (number(0), number(1));
        }
        let defined = self.transaction.definitions > 0;
        if let Err(refusal) = self.hinder(rows, bytes, defined) {
            self.roll_back().await?;
            return Ok(Err(refusal.error()));
        }
        if let Err(error) = self.backend.run("commit").await? {
            self.transaction.end();
            return Ok(Err(error));
        }
        let jobs = std::mem::take(&mut self.transaction.jobs);
        self.transaction.end();
        if rows == 0 && !defined {
            return Ok(Ok(()));
        }
        if defined {
            // Its own definition is not news to this connection.
            self.shared.catalogue.fetch_add(1, Ordering::SeqCst);
        }
        self.shared.count(|seen| {
            seen.commits += 1;
            seen.largest_transaction_rows = seen.largest_transaction_rows.max(rows);
            seen.largest_transaction_bytes = seen.largest_transaction_bytes.max(bytes);
        });
        jobs::start(&self.shared, jobs);
        if self.shared.happens(rules.lost_commit_rate) {
            self.shared.count(|seen| seen.lost_commits += 1);
            return Err(io::Error::other("the answer of this commit is lost"));
        }
        Ok(Ok(()))
    }

    /// Why this commit does not come about.
    fn hinder(&self, rows: u64, bytes: u64, defined: bool) -> Result<(), Refusal> {
        let rules = self.shared.rules();
        let refused = |refusal: Refusal| {
            self.shared.count(|seen| seen.refusals += 1);
            Err(refusal)
        };
        if let Err(refusal) = self.young() {
            return refused(refusal);
        }
        if bytes > rules.bytes {
            return refused(
                Refusal::new("54000", "transaction size limit 10mb exceeded").detail(format!("Current transaction size {bytes} bytes")),
            );
        }
        let conflict = |message: &str| {
            self.shared.count(|seen| seen.conflicts += 1);
            Err(Refusal::new("40001", message))
        };
        let changes = rows > 0 || defined;
        let redefined = self.transaction.catalogue != self.shared.catalogue.load(Ordering::SeqCst);
        if changes && (redefined || self.shared.happens(rules.schema_conflict_rate)) {
            return conflict("schema has been updated by another transaction, please retry: (OC001)");
        }
        if rows > 0 && self.shared.happens(rules.conflict_rate) {
            return conflict("change conflicts with another transaction, please retry: (OC000)");
        }
        Ok(())
    }
}
