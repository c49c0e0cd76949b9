//! The engine: one loop that asks `next`, shows it, and does it; the only writer of the journal.
//! Holds no knowledge of what an effect does; mode (live or dry) is known here and nowhere below.

mod asking;
mod crew;
mod doing;
mod gate;
mod going_back;
mod limit;
mod showing;

pub use showing::words;

use crew::Crew;
use limit::Limit;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::error::{Error, Result};
use crate::wizard::effect::{Need, Registry, World};
use crate::wizard::journal::{Entry, Journal, Record};
use crate::wizard::plan::{self, Books, Next, Suggestion};
use crate::wizard::playbook::Action;
use crate::wizard::screens::Rehearsed;
use crate::wizard::state::{End, State, Status};
use crate::wizard::view::{Command, Event, Mode, Outcome};

/// How this session of the run behaves; nothing here is durable.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Gates are passed without asking; a missing answer is an error.
    pub unattended: bool,
    /// Irreversible steps and checklists that were confirmed by flag.
    pub confirmed: BTreeSet<String>,
    /// Answers from flags, an answers file or a profile.
    pub answers: BTreeMap<String, Suggestion>,
    pub rehearsed: Rehearsed,
    /// Begin with the roll back, back to and including a step.
    pub rollback: Option<Option<String>>,
}

/// What went wrong with the step on show; waits for a decision.
struct Paused {
    step: String,
    error: Error,
    undoing: bool,
}

/// One session of a run.
pub struct Engine<W: World> {
    books: Arc<Books>,
    registry: Registry<W>,
    world: Arc<W>,
    journal: Journal,
    state: State,
    settings: Settings,
    events: UnboundedSender<Event>,
    commands: UnboundedReceiver<Command>,
    paused: Option<Paused>,
    /// The roll back on show, not begun.
    offered: Option<Option<String>>,
    /// What made an unattended run go back by itself.
    went_back: Option<Error>,
    /// An earlier question, opened again.
    reopened: Option<String>,
    /// Why the last input was refused.
    refused: Option<String>,
    stopping: bool,
    crew: Crew,
    limit: Limit,
}

/// Why the loop ends.
enum Flow {
    Go,
    End(Outcome),
}

impl<W: World> Engine<W> {
    /// An engine over an open journal. `records` are what it held.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        books: Arc<Books>,
        registry: Registry<W>,
        world: Arc<W>,
        journal: Journal,
        state: State,
        settings: Settings,
        events: UnboundedSender<Event>,
        commands: UnboundedReceiver<Command>,
    ) -> Self {
        let offered = settings.rollback.clone().filter(|_| state.rollback.is_none() && state.ended != Some(End::RolledBack));
        Self {
            books,
            registry,
            world,
            journal,
            state,
            settings,
            events,
            commands,
            paused: None,
            offered,
            went_back: None,
            reopened: None,
            refused: None,
            stopping: false,
            crew: Crew::default(),
            limit: Limit::default(),
        }
    }

    /// Runs until the end, a stop or a failure nobody waits for. Guards are released on every way out.
    pub async fn run(mut self) -> Result<Outcome> {
        // A panic of ours is a way out too: the guards come down before it goes on.
        let over = self.limit.over();
        let session = AssertUnwindSafe(self.session()).catch_unwind();
        let ended = tokio::select! {
            biased;
            ended = session => ended,
            standing = over => Ok(Err(standing.error())),
        };
        let outcome = match ended {
            Ok(outcome) => {
                // Nobody is at work but where time was over.
                self.crew.dismiss();
                outcome
            }
            Err(panic) => {
                self.crew.dismiss();
                if let Err(error) = self.release_guards().await {
                    self.log(None, &error.line());
                }
                std::panic::resume_unwind(panic)
            }
        };
        let released = self.release_guards().await;
        let outcome = match (outcome, released) {
            (Ok(outcome), Ok(())) => Ok(outcome),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        };
        let told = match &outcome {
            Ok(outcome) => *outcome,
            Err(_) => Outcome::Failed,
        };
        let _face_may_be_gone = self.events.send(Event::Ended { outcome: told });
        outcome
    }

    async fn session(&mut self) -> Result<Outcome> {
        if let Some((account, _)) = self.state.account.clone() {
            self.world.check_account(&account).await?;
        }
        self.release_guards().await?;
        self.change_by_flags()?;
        loop {
            match self.turn().await {
                Ok(Flow::Go) => {}
                Ok(Flow::End(Outcome::Stopped)) if !self.crew.is_empty() => self.stopping = true,
                Ok(Flow::End(outcome)) => return Ok(outcome),
                Err(error) => {
                    self.drain().await;
                    return Err(error);
                }
            }
        }
    }

    async fn turn(&mut self) -> Result<Flow> {
        if self.must_drain() {
            return self.wait_for_crew().await;
        }
        if let Some(failed) = self.crew.failed.take() {
            self.paused = Some(failed);
        }
        if self.stopping {
            Ok(Flow::End(Outcome::Stopped))
        } else if let Some(outcome) = self.heed() {
            Ok(Flow::End(outcome))
        } else if let Some(to) = self.offered.clone() {
            self.offer_rollback(to).await
        } else if let Some(step) = self.reopened.clone() {
            self.ask_again(&step).await
        } else if self.paused.is_some() {
            self.wait_on_failure().await
        } else {
            self.step().await
        }
    }

    async fn step(&mut self) -> Result<Flow> {
        let books = Arc::clone(&self.books);
        let world = Arc::clone(&self.world);
        match plan::next(&books, &self.state, &self.crew.at_work(), &|id| world.has_secret(id)) {
            Next::Wait => self.wait_for_crew().await,
            Next::Ask(planned) => match &planned.step.action {
                Action::Ask(ask) => self.ask(&planned, ask).await,
                Action::Manual(_) | Action::Effect(_) => Err(Error::bug("a question without its text")),
            },
            Next::Manual(planned) => self.manual(&planned).await,
            Next::UndoManual { planned, items } => self.undo_manual(&planned, items).await,
            Next::Effect(planned) => self.effect(&planned).await,
            Next::Recover { planned, id, undoing } => self.recover(planned.as_ref(), &id, undoing).await,
            Next::Undo { id, .. } => self.undo(&id, false).await,
            Next::Finish => {
                self.append(Entry::Finished {})?;
                Ok(Flow::Go)
            }
            Next::CloseRollback => {
                self.append(Entry::RolledBack {})?;
                if let Some(error) = self.went_back.take() {
                    return Err(error);
                }
                if self.state.ended.is_none() {
                    self.log(None, "rolled back to the step you named; start again to go forward from there");
                    return Ok(Flow::End(Outcome::RolledBack));
                }
                Ok(Flow::Go)
            }
            Next::Ended(end) => self.ended(end).await,
        }
    }

    /// Commands that mean the same on every waiting screen.
    fn elsewhere(&mut self, command: Command) -> Result<Flow> {
        match command {
            Command::Stop => Ok(Flow::End(Outcome::Stopped)),
            Command::Abort => Ok(Flow::End(Outcome::Interrupted)),
            Command::Rollback { to } => {
                self.refused = None;
                self.offered = Some(to);
                Ok(Flow::Go)
            }
            Command::Reopen { step } => {
                let is_question = self.books.find(&step).is_some_and(|(_, s)| matches!(s.action, Action::Ask(_)));
                if is_question && self.state.status(&step) == Status::Answered {
                    self.reopened = Some(step);
                }
                Ok(Flow::Go)
            }
            Command::Back
            | Command::Answer { .. }
            | Command::ManualDone { .. }
            | Command::Apply { .. }
            | Command::Retry { .. }
            | Command::ConfirmRollback { .. } => Ok(Flow::Go),
        }
    }

    /// With nobody to ask, what a signal sent between two steps is read by no screen.
    fn heed(&mut self) -> Option<Outcome> {
        match self.settings.unattended.then(|| self.commands.try_recv().ok()).flatten()? {
            Command::Stop => Some(Outcome::Stopped),
            Command::Abort => Some(Outcome::Interrupted),
            Command::Answer { .. }
            | Command::Reopen { .. }
            | Command::ManualDone { .. }
            | Command::Apply { .. }
            | Command::Retry { .. }
            | Command::Rollback { .. }
            | Command::ConfirmRollback { .. }
            | Command::Back => None,
        }
    }

    /// Writes the entry, folds it in, tells the faces' log.
    fn append(&mut self, entry: Entry) -> Result<()> {
        let record = self.journal.append(now(), entry)?;
        self.state.apply(&record)?;
        self.limit.heed(&self.state);
        self.log_record(&record);
        Ok(())
    }

    fn log_record(&self, record: &Record) {
        if let Some((step, line)) = words(&record.what, &self.books) {
            self.send(Event::Log { at: record.at.clone(), step, line });
        }
    }

    fn log(&self, step: Option<&str>, line: &str) {
        self.send(Event::Log { at: now(), step: step.map(str::to_owned), line: crate::text::redact(line) });
    }

    fn send(&self, event: Event) {
        // A face that has gone is noticed at the next command.
        let _gone = self.events.send(event);
    }

    /// May this effect not be applied, and why? In a dry run nothing is; a world may simulate one need.
    fn only_by_example(&self, need: Need) -> Option<String> {
        match self.state.mode {
            Mode::Dry => Some("dry run".into()),
            Mode::Live => self.world.simulates(need),
        }
    }
}

/// Seconds are enough for people, milliseconds order the lines.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The same for every try of one attempt: letters, digits and dashes only, at most 128.
pub fn token(run: &str, step: &str, attempt: u32) -> String {
    let text: String = format!("mw-{run}-{step}-{attempt}").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    text.chars().take(128).collect()
}
