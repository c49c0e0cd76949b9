//! Steps at work at the same time: each in a task of its own, their ends written down one after the other by the engine.
//! Starts nothing by itself and never writes the journal from a task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::doing::{limited, millis};
use super::{Engine, Flow, Paused, now};
use crate::error::Result;
use crate::progress::{Note, Part, Progress, Reporter, Unit};
use crate::wizard::effect::{Apply, Context, Outputs, World};
use crate::wizard::journal::Entry;
use crate::wizard::plan::Planned;
use crate::wizard::screens;
use crate::wizard::template;
use crate::wizard::view::{Command, Event, Outcome, RunningView, Screen};

/// One step at work.
struct Member {
    title: String,
    why: String,
    describe: String,
    command: String,
    estimate: Option<String>,
    attempt: u32,
    begun: Instant,
}

/// How a step's work came to its end.
pub(super) struct Ended {
    pub step: String,
    pub came: Result<Outputs>,
    pub took: Duration,
}

/// What is at work, and what went wrong first.
#[derive(Default)]
pub(super) struct Crew {
    tasks: JoinSet<Ended>,
    members: BTreeMap<String, Member>,
    /// Order of their starts: the first is the one on show.
    order: Vec<String>,
    told: Arc<Mutex<Told>>,
    /// The first failure; nothing more is started, and it is put on show when the others have come to their end.
    pub(super) failed: Option<Paused>,
}

/// The latest word of each, merged for the step on show.
#[derive(Default)]
struct Told {
    latest: BTreeMap<String, (String, Option<Progress>)>,
    shown: String,
}

impl Told {
    /// One report for all: the step's own while it is alone.
    fn merged(&self) -> Option<Progress> {
        if self.latest.len() == 1 {
            return self.latest.values().next().and_then(|(_, progress)| progress.clone());
        }
        let parts = self.latest.values().map(|(title, progress)| match progress {
            Some(p) => {
                let (done, total, unit) = (p.done, p.total, p.unit);
                Part { name: title.clone(), done, total, unit, note: p.message.clone(), remaining_s: p.remaining_s }
            }
            None => Part { name: title.clone(), done: 0, total: None, unit: Unit::Steps, note: String::new(), remaining_s: None },
        });
        let parts: Vec<Part> = parts.collect();
        let counted: Vec<&Part> = parts.iter().filter(|part| part.unit == Unit::Resources).collect();
        let total = counted.iter().map(|part| part.total).sum::<Option<u64>>().filter(|_| counted.len() == parts.len());
        let done = counted.iter().map(|part| part.done).sum();
        let mut all = Progress::new(done, total, Unit::Resources, format!("{} steps at the same time", parts.len()));
        all.parts = parts;
        Some(all)
    }
}

impl Crew {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn at_work(&self) -> BTreeSet<String> {
        self.members.keys().cloned().collect()
    }

    /// Waits for the next end. Pending for ever while nobody is at work. A panic of a step goes on here.
    pub(super) async fn next(&mut self) -> Ended {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => {
                self.members.remove(&ended.step);
                self.order.retain(|step| *step != ended.step);
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.latest.remove(&ended.step);
                told.shown = self.order.first().cloned().unwrap_or_default();
                ended
            }
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    /// Drops everybody where they are: a crash that we chose.
    pub(super) fn dismiss(&mut self) {
        self.tasks.abort_all();
        self.members.clear();
        self.order.clear();
    }

    fn reporter(&self, step: &str, events: UnboundedSender<Event>) -> Reporter {
        let (step, told) = (step.to_owned(), Arc::clone(&self.told));
        Reporter::new(move |note| {
            let event = match note {
                Note::Progress(progress) => {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let Some(entry) = told.latest.get_mut(&step) else { return };
                    entry.1 = Some(progress);
                    let Some(progress) = told.merged() else { return };
                    Event::Progress { step: told.shown.clone(), progress }
                }
                Note::Log(line) => Event::Log { at: now(), step: Some(step.clone()), line },
            };
            let _face_gone = events.send(event);
        })
    }
}

impl<W: World> Engine<W> {
    /// Sets a step to work beside the others; its `Started` is in the journal.
    pub(super) fn send_off(&mut self, planned: &Planned<'_>, effect: Box<dyn Apply<W>>, attempt: u32) {
        let step = planned.id.clone();
        let about = effect.describe();
        let member = Member {
            title: screens::title(planned),
            why: screens::why(planned, &self.state.facts()),
            describe: about.sentence,
            command: about.command,
            estimate: screens::estimate(planned, &self.settings.rehearsed),
            attempt,
            begun: Instant::now(),
        };
        self.crew.order.push(step.clone());
        {
            let mut told = self.crew.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.latest.insert(step.clone(), (member.title.clone(), None));
            told.shown = self.crew.order.first().cloned().unwrap_or_default();
        }
        self.crew.members.insert(step.clone(), member);
        let Context { token, before, .. } = self.context(&step, attempt);
        let cx = Context { token, before, reporter: self.crew.reporter(&step, self.events.clone()) };
        let (world, limit) = (Arc::clone(&self.world), planned.step.timeout);
        self.crew.tasks.spawn(async move {
            let begun = Instant::now();
            let came = limited(&step, limit, effect.apply(&world, &cx)).await;
            Ended { step, came, took: begun.elapsed() }
        });
        self.show_crew();
    }

    /// Waits until one of those at work has come to its end, obeying stop and abort.
    pub(super) async fn wait_for_crew(&mut self) -> Result<Flow> {
        self.show_crew();
        tokio::select! {
            ended = self.crew.next() => {
                self.settle(ended).await?;
                Ok(Flow::Go)
            }
            command = self.commands.recv() => match command {
                None | Some(Command::Abort) => Ok(Flow::End(Outcome::Interrupted)),
                Some(Command::Stop) => {
                    self.stopping = true;
                    Ok(Flow::Go)
                }
                Some(Command::Answer { .. } | Command::Reopen { .. } | Command::ManualDone { .. } | Command::Apply { .. } | Command::Retry { .. }
                    | Command::Rollback { .. } | Command::ConfirmRollback { .. } | Command::Back) => Ok(Flow::Go),
            },
        }
    }

    /// Lets those at work come to their end, whatever it is: on the way out with an error.
    pub(super) async fn drain(&mut self) {
        while !self.crew.is_empty() {
            match self.wait_for_crew().await {
                Ok(Flow::Go) => {}
                Ok(Flow::End(_)) | Err(_) => self.crew.dismiss(),
            }
        }
    }

    /// Writes an end down.
    pub(super) async fn settle(&mut self, ended: Ended) -> Result<()> {
        let took_ms = millis(ended.took);
        match ended.came {
            Ok(outputs) => self.done(&ended.step, outputs, took_ms).await,
            Err(error) => {
                self.append(Entry::Failed { step: ended.step.clone(), error: error.line(), hint: error.hint.clone(), took_ms })?;
                self.crew.failed.get_or_insert(Paused { step: ended.step, error, undoing: false });
                Ok(())
            }
        }
    }

    /// `Done`, and the account's pin where the step found it.
    pub(super) async fn done(&mut self, step: &str, outputs: Outputs, took_ms: u64) -> Result<()> {
        let pins = outputs.get("aws_account").zip(outputs.get("aws_region")).map(|(a, r)| (template::plain(a), template::plain(r)));
        self.append(Entry::Done { step: step.to_owned(), outputs, took_ms, simulated: false })?;
        if let Some((account, region)) = pins
            && self.state.account.is_none()
        {
            self.world.check_account(&account).await?;
            self.append(Entry::Pinned { account, region })?;
        }
        Ok(())
    }

    /// The first of those at work, with all of them in words.
    fn show_crew(&mut self) {
        let all: Vec<&Member> = self.crew.order.iter().filter_map(|step| self.crew.members.get(step)).collect();
        let Some((step, first)) = self.crew.order.first().zip(all.first()) else { return };
        let alone = all.len() == 1;
        let joined =
            |of: fn(&Member) -> &str, with: &str| all.iter().map(|m| of(m)).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(with);
        let running = RunningView {
            step: step.clone(),
            title: joined(|m| &m.title, ", "),
            why: if alone { first.why.clone() } else { "They need nothing of each other, so they are made at the same time.".to_owned() },
            describe: joined(|m| &m.describe, "; "),
            command: joined(|m| &m.command, "\n"),
            estimate: if alone { first.estimate.clone() } else { None },
            elapsed_ms: millis(first.begun.elapsed()),
            attempt: first.attempt,
            undoing: false,
            stopping: self.stopping,
        };
        self.show(Screen::Running(running));
    }

    /// The next command. What is at work goes on meanwhile; a failure there calls the person away from what was on show.
    pub(super) async fn command(&mut self) -> Result<Command> {
        loop {
            if self.crew.failed.is_some() {
                return Ok(Command::Back);
            }
            let ended = tokio::select! {
                // a face that has gone away means "stop now"
                command = self.commands.recv() => return Ok(command.unwrap_or(Command::Abort)),
                ended = self.crew.next(), if !self.crew.is_empty() => ended,
            };
            self.settle(ended).await?;
        }
    }

    /// Those at work must come to their end first: a stop, a failure, or a roll back is waiting.
    pub(super) fn must_drain(&self) -> bool {
        !self.crew.is_empty() && (self.stopping || self.crew.failed.is_some() || self.offered.is_some())
    }
}
