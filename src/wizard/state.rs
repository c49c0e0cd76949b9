//! The state of a run: a pure fold of its journal; one match says which entry may follow which status.
//! No I/O, no clock, no tokio: the same entries always give the same state.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::wizard::effect::Outputs;
use crate::wizard::journal::{Entry, Record, Source};
use crate::wizard::template::Facts;
use crate::wizard::view::Mode;

/// Where a step stands, derived by replay and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Waiting,
    Answered,
    /// Begun and not known to have ended: probe first, never guess.
    Started,
    Done,
    Failed,
    Undoing,
    UndoFailed,
    Undone,
}

/// Everything the journal says of one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepState {
    pub status: Status,
    pub attempt: u32,
    /// Kind and resolved fields of the last start.
    pub effect: Option<(String, Value)>,
    pub before: Outputs,
    /// The effect touches the world (so a roll back undoes it).
    pub writes: bool,
    pub outputs: Outputs,
    pub answer: Option<(Value, Source)>,
    /// What went wrong, and what to do next.
    pub error: Option<(String, String)>,
    pub took_ms: u64,
    pub simulated: bool,
    /// A guard that it relied on was released: it has to run again.
    pub refresh: bool,
    /// Number of the entry that started it last; orders the roll back.
    pub started_n: u64,
    /// When it last changed.
    pub at: String,
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Finished,
    RolledBack,
}

/// A roll back under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Back to and including this step; everything when `None`.
    pub to: Option<String>,
    /// Entry number of its start: steps started later belong to the roll back itself.
    pub since: u64,
}

/// The run as far as the journal tells.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub run: String,
    pub journey: String,
    pub mode: Mode,
    pub sandbox: bool,
    pub account: Option<(String, String)>,
    pub given: Facts,
    pub steps: BTreeMap<String, StepState>,
    pub rollback: Option<Rollback>,
    pub ended: Option<End>,
    pub entries: u64,
    pub opened_at: String,
    pub last_at: String,
    guard_undo: Option<String>,
}

impl State {
    /// The state after all records.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Self> {
        let mut records = records.into_iter();
        let first = records.next().ok_or_else(|| {
            Error::new(Kind::Input, "the journal is empty")
                .hint("remove the run's folder under .migrate-wizard and start again: nothing had been done")
        })?;
        let Entry::Opened { run, journey, mode, sandbox, facts, .. } = &first.what else {
            return Err(Error::new(Kind::Input, "the journal does not begin with an opening entry").hint("restore the file from a backup"));
        };
        let mut state = Self {
            run: run.clone(),
            journey: journey.clone(),
            mode: *mode,
            sandbox: *sandbox,
            account: None,
            given: facts.clone(),
            steps: BTreeMap::new(),
            rollback: None,
            ended: None,
            entries: 1,
            opened_at: first.at.clone(),
            last_at: first.at.clone(),
            guard_undo: None,
        };
        for record in records {
            state.apply(record)?;
        }
        Ok(state)
    }

    /// One entry more; an entry that may not follow is refused and changes nothing.
    pub fn apply(&mut self, record: &Record) -> Result<()> {
        match &record.what {
            Entry::Opened { .. } => return Err(self.illegal(record, "a run is opened once")),
            Entry::Resumed { .. } => {}
            Entry::Pinned { account, region } => match &self.account {
                Some((pinned, _)) if pinned != account => return Err(self.illegal(record, "the account is pinned to another one")),
                Some(_) | None => self.account = Some((account.clone(), region.clone())),
            },
            Entry::RollbackStarted { to, .. } => {
                if self.ended == Some(End::RolledBack) {
                    return Err(self.illegal(record, "it is rolled back already"));
                }
                self.ended = None;
                self.rollback = Some(Rollback { to: to.clone(), since: record.n });
            }
            Entry::RolledBack {} => match self.rollback.take() {
                Some(done) => self.ended = done.to.is_none().then_some(End::RolledBack),
                None => return Err(self.illegal(record, "no roll back was started")),
            },
            Entry::Finished {} => {
                if self.ended.is_some() || self.rollback.is_some() {
                    return Err(self.illegal(record, "it had ended or was rolling back"));
                }
                self.ended = Some(End::Finished);
            }
            Entry::Answered { step, .. }
            | Entry::Started { step, .. }
            | Entry::Done { step, .. }
            | Entry::Failed { step, .. }
            | Entry::Ticked { step, .. }
            | Entry::UndoStarted { step, .. }
            | Entry::UndoDone { step, .. }
            | Entry::UndoFailed { step, .. } => {
                if self.ended.is_some() {
                    return Err(self.illegal(record, "the run had ended"));
                }
                self.step_entry(step.clone(), record)?;
            }
        }
        self.entries = record.n;
        self.last_at.clone_from(&record.at);
        Ok(())
    }

    fn step_entry(&mut self, id: String, record: &Record) -> Result<()> {
        let now = self.steps.get(&id).map(|s| s.status).unwrap_or_default();
        let Some(next) = follow(now, &record.what) else {
            return Err(self.illegal(record, &format!("step `{id}` was {now:?}")));
        };
        let step = self.steps.entry(id.clone()).or_default();
        step.status = next;
        step.at.clone_from(&record.at);
        match &record.what {
            Entry::Answered { value, source, .. } => step.answer = Some((value.clone(), *source)),
            Entry::Started { attempt, kind, fields, before, writes, .. } => {
                step.attempt = *attempt;
                step.writes = *writes;
                step.effect = Some((kind.clone(), fields.clone()));
                // What was there before the first touch is what an undo must bring back: later tries do not replace it.
                let first_touch = !matches!(now, Status::Started | Status::Failed | Status::Done);
                if first_touch || step.before.is_empty() {
                    step.before.clone_from(before);
                }
                step.error = None;
                step.refresh = false;
                step.started_n = record.n;
            }
            Entry::Done { outputs, took_ms, simulated, .. } => {
                step.outputs.clone_from(outputs);
                step.took_ms = *took_ms;
                step.simulated = *simulated;
                step.refresh = false;
            }
            Entry::Failed { error, hint, took_ms, .. } => {
                step.error = Some((error.clone(), hint.clone()));
                step.took_ms = *took_ms;
            }
            Entry::Ticked { .. } => {
                step.refresh = false;
                step.started_n = record.n;
            }
            Entry::UndoStarted { guard, .. } => self.guard_undo = guard.then(|| id.clone()),
            Entry::UndoDone { .. } => {
                step.outputs.clear();
                step.error = None;
                let started = step.started_n;
                if self.guard_undo.take().as_deref() == Some(&id) {
                    for other in self.steps.values_mut() {
                        // what was cut off under it, too: going on without it would be another thing
                        if matches!(other.status, Status::Done | Status::Started) && other.started_n > started {
                            other.refresh = true;
                        }
                    }
                }
            }
            Entry::UndoFailed { error, hint, .. } => step.error = Some((error.clone(), hint.clone())),
            Entry::Opened { .. }
            | Entry::Resumed { .. }
            | Entry::Pinned { .. }
            | Entry::RollbackStarted { .. }
            | Entry::RolledBack {}
            | Entry::Finished {} => {}
        }
        Ok(())
    }

    fn illegal(&self, record: &Record, why: &str) -> Error {
        Error::new(Kind::Input, format!("journal entry {} cannot follow: {why}", record.n))
            .hint("the journal does not tell a possible story: restore it from a backup, or report it with `migrate-wizard log`")
    }

    /// What is known: given facts, answers (each, and all as `answers`), outputs of what is done.
    pub fn facts(&self) -> Facts {
        let mut facts = self.given.clone();
        let mut answers = serde_json::Map::new();
        for (id, step) in &self.steps {
            if let Some((value, source)) = &step.answer {
                facts.insert(id.clone(), value.clone());
                answers.insert(id.clone(), serde_json::json!({ "value": value, "source": source.words() }));
            }
            if step.status == Status::Done {
                facts.insert(format!("{id}.done"), Value::from("yes"));
                facts.insert(format!("{id}.done_at"), Value::from(step.at.clone()));
                for (name, value) in &step.outputs {
                    facts.insert(format!("{id}.{name}"), value.clone());
                }
            }
        }
        // All answers with their sources as one fact: for records and generated files.
        facts.insert("answers".into(), Value::Object(answers));
        facts
    }

    /// Does nothing of this run last: dry, sandbox or tour? Then recommended answers may be taken and checklists passed over unattended.
    pub fn rehearsal(&self) -> bool {
        self.mode == Mode::Dry || self.sandbox || self.journey == "tour"
    }

    /// Whether the step that a guard stands until was done under it. From then on it is no guard: a roll back takes it back in its turn,
    /// not before what must be undone under it.
    pub fn reached(&self, until: &str, guard: &str) -> bool {
        let begun = |step: &str| self.steps.get(step).map_or(0, |s| s.started_n);
        match self.status(until) {
            Status::Done => true,
            Status::Undoing | Status::UndoFailed | Status::Undone => begun(until) > begun(guard),
            Status::Waiting | Status::Answered | Status::Started | Status::Failed => false,
        }
    }

    /// Whether a step was begun under a guard, whatever became of it.
    pub fn begun_under(&self, step: &str, guard: &str) -> bool {
        let begun = |step: &str| self.steps.get(step).map_or(0, |s| s.started_n);
        !matches!(self.status(step), Status::Waiting | Status::Answered) && begun(step) > begun(guard)
    }

    pub fn status(&self, step: &str) -> Status {
        self.steps.get(step).map(|s| s.status).unwrap_or_default()
    }
}

/// The one table of the house: which status follows when an entry meets a status; `None` where it may not.
pub fn follow(status: Status, entry: &Entry) -> Option<Status> {
    use Status::{Answered, Done, Failed, Started, UndoFailed, Undoing, Undone, Waiting};
    match (status, entry) {
        (Waiting | Answered | Undone, Entry::Answered { .. }) => Some(Answered),
        (Waiting | Started | Done | Failed | Undone, Entry::Started { .. }) => Some(Started),
        (Started, Entry::Done { .. }) => Some(Done),
        (Started, Entry::Failed { .. }) => Some(Failed),
        (Waiting | Done | Undone, Entry::Ticked { .. }) => Some(Done),
        (Started | Done | Failed | Undoing | UndoFailed, Entry::UndoStarted { .. }) => Some(Undoing),
        (Undoing, Entry::UndoDone { .. }) => Some(Undone),
        (Undoing, Entry::UndoFailed { .. }) => Some(UndoFailed),
        (
            Waiting | Answered | Started | Done | Failed | Undoing | UndoFailed | Undone,
            Entry::Answered { .. }
            | Entry::Started { .. }
            | Entry::Done { .. }
            | Entry::Failed { .. }
            | Entry::Ticked { .. }
            | Entry::UndoStarted { .. }
            | Entry::UndoDone { .. }
            | Entry::UndoFailed { .. }
            | Entry::Opened { .. }
            | Entry::Resumed { .. }
            | Entry::Pinned { .. }
            | Entry::RollbackStarted { .. }
            | Entry::RolledBack {}
            | Entry::Finished {},
        ) => None,
    }
}
