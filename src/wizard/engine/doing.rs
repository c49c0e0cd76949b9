//! How the engine does a step: start, follow, recover, undo, release.
//! Every touch of the world is here and every one has its journal entry first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Engine, Flow, Paused, now, token};
use crate::error::{Error, Kind, Result};
use crate::progress::{Note, Reporter};
use crate::wizard::effect::{Apply, Context, Need, Outputs, Probe, Touch, World};
use crate::wizard::journal::Entry;
use crate::wizard::plan::{self, Planned};
use crate::wizard::playbook::{Action, EffectSpec, Manual};
use crate::wizard::state::{Status, StepState};
use crate::wizard::view::{Command, Event, Mode, Outcome};

/// How a piece of work came to its end.
enum Ending<T> {
    Came(Result<T>),
    Aborted,
}

impl<W: World> Engine<W> {
    fn spec<'a>(planned: &Planned<'a>) -> Result<&'a EffectSpec> {
        match &planned.step.action {
            Action::Effect(spec) => Ok(spec),
            Action::Ask(_) | Action::Manual(_) => Err(Error::bug(format!("step `{}` has no effect", planned.id))),
        }
    }

    /// An effect's turn: preview and gate unless it only reads, then do it.
    pub(super) async fn effect(&mut self, planned: &Planned<'_>) -> Result<Flow> {
        let spec = Self::spec(planned)?;
        let fields = plan::resolve(planned, spec, &self.state.facts())?;
        let effect = self.registry.build(&spec.kind, fields.clone())?;
        let writes = effect.touch() != Touch::Reads;
        if (writes || planned.step.look)
            && let Some(flow) = self.gate(planned, effect.as_ref()).await?
        {
            return Ok(flow);
        }
        let attempt = match self.state.steps.get(&planned.id) {
            Some(s) => s.attempt + 1,
            None => 1,
        };
        self.start(planned, effect, &spec.kind, fields, attempt).await
    }

    async fn start(&mut self, planned: &Planned<'_>, effect: Box<dyn Apply<W>>, kind: &str, fields: Value, attempt: u32) -> Result<Flow> {
        let by_example = self.only_by_example(effect.needs());
        let before = match &by_example {
            Some(_) => Outputs::new(),
            None => match effect.before(&self.world).await {
                Ok(before) => before,
                Err(error) => {
                    self.begin(planned, kind, fields, attempt, Outputs::new(), effect.touch())?;
                    return self.fail(&planned.id, error, 0);
                }
            },
        };
        self.begin(planned, kind, fields, attempt, before, effect.touch())?;
        self.finish(planned, effect, attempt, by_example).await
    }

    fn begin(&mut self, planned: &Planned<'_>, kind: &str, fields: Value, attempt: u32, before: Outputs, touch: Touch) -> Result<()> {
        let writes = touch != Touch::Reads;
        self.append(Entry::Started { step: planned.id.clone(), attempt, kind: kind.to_owned(), fields, before, writes })
    }

    /// From `Started` to its end.
    async fn finish(&mut self, planned: &Planned<'_>, effect: Box<dyn Apply<W>>, attempt: u32, by_example: Option<String>) -> Result<Flow> {
        let begun = Instant::now();
        if let Some(why) = by_example {
            let (outputs, simulated) = match self.exemplify(planned, effect.as_ref(), &why).await {
                Ok(came) => came,
                Err(error) => return self.fail(&planned.id, error, millis(begun.elapsed())),
            };
            let took_ms = millis(begun.elapsed());
            self.append(Entry::Done { step: planned.id.clone(), outputs, took_ms, simulated })?;
            return Ok(Flow::Go);
        }
        if let Err(error) = self.limit_guard(planned) {
            return self.fail(&planned.id, error, 0);
        }
        if planned.step.parallel {
            self.send_off(planned, effect, attempt);
            return Ok(Flow::Go);
        }
        let cx = self.context(&planned.id, attempt);
        self.show_running(planned, effect.as_ref(), attempt, false);
        let world = Arc::clone(&self.world);
        let work = effect.apply(&world, &cx);
        match self.follow(planned, effect.as_ref(), attempt, work).await {
            Ending::Aborted => Ok(Flow::End(Outcome::Interrupted)),
            Ending::Came(Ok(outputs)) => {
                self.done(&planned.id, outputs, millis(begun.elapsed())).await?;
                Ok(Flow::Go)
            }
            Ending::Came(Err(error)) => self.fail(&planned.id, error, millis(begun.elapsed())),
        }
    }

    /// A dry or simulated step: reads where it can, writes nowhere, goes on with found or example outputs.
    /// With the outputs whether they are simulated: what was read is not.
    /// Errors where nothing outside is to blame: what needs nothing fails here as it would for real.
    async fn exemplify(&mut self, planned: &Planned<'_>, effect: &dyn Apply<W>, why: &str) -> Result<(Outputs, bool)> {
        let about = effect.describe();
        let readable = self.world.readable(effect.needs()).await;
        let simulated = self.world.simulates(effect.needs()).is_some();
        if effect.touch() == Touch::Reads && readable && !simulated {
            let cx = self.context(&planned.id, 1);
            match effect.apply(&self.world, &cx).await {
                Ok(outputs) => return Ok((outputs, false)),
                Err(error) if effect.needs() == Need::Nothing => return Err(error),
                Err(error) => self.log(Some(&planned.id), &format!("{why}: cannot be read ({}), going on with an example", error.line())),
            }
            return Ok((effect.example(), true));
        }
        self.log(Some(&planned.id), &format!("{why}: {} — {}", about.sentence, about.command));
        if readable
            && !simulated
            && let Ok(Probe::Present(outputs)) = effect.probe(&self.world).await
        {
            self.log(Some(&planned.id), "it is there already");
            return Ok((outputs, true));
        }
        Ok((effect.example(), true))
    }

    pub(super) fn context(&self, step: &str, attempt: u32) -> Context {
        let events = self.events.clone();
        let id = step.to_owned();
        let reporter = Reporter::new(move |note| {
            let event = match note {
                Note::Progress(progress) => Event::Progress { step: id.clone(), progress },
                Note::Log(line) => Event::Log { at: now(), step: Some(id.clone()), line },
            };
            let _face_gone = events.send(event);
        });
        let before = self.state.steps.get(step).map(|s| s.before.clone()).unwrap_or_default();
        Context { token: token(&self.state.run, step, attempt), reporter, before }
    }

    /// Waits for the work, obeying stop (after this step), abort (now) and the step's timeout.
    async fn follow<T>(
        &mut self,
        planned: &Planned<'_>,
        effect: &dyn Apply<W>,
        attempt: u32,
        work: impl Future<Output = Result<T>>,
    ) -> Ending<T> {
        let work = limited(&planned.id, planned.step.timeout, work);
        tokio::pin!(work);
        loop {
            tokio::select! {
                came = &mut work => return Ending::Came(came),
                command = self.commands.recv() => match command {
                    None | Some(Command::Abort) => return Ending::Aborted,
                    Some(Command::Stop) => {
                        self.stopping = true;
                        self.show_running(planned, effect, attempt, false);
                    }
                    Some(Command::Answer { .. } | Command::Reopen { .. } | Command::ManualDone { .. } | Command::Apply { .. } | Command::Retry { .. }
                        | Command::Rollback { .. } | Command::ConfirmRollback { .. } | Command::Back) => {}
                },
            }
        }
    }

    /// Waits for a look at the world, unless the person would rather stop: nothing has begun yet.
    pub(super) async fn look<T>(&mut self, work: impl Future<Output = T>) -> std::result::Result<T, Flow> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                came = &mut work => return Ok(came),
                command = self.commands.recv() => match command {
                    None | Some(Command::Abort) => return Err(Flow::End(Outcome::Interrupted)),
                    Some(Command::Stop) => return Err(Flow::End(Outcome::Stopped)),
                    Some(Command::Answer { .. } | Command::Reopen { .. } | Command::ManualDone { .. } | Command::Apply { .. } | Command::Retry { .. }
                        | Command::Rollback { .. } | Command::ConfirmRollback { .. } | Command::Back) => {}
                },
            }
        }
    }

    fn fail(&mut self, step: &str, error: Error, took_ms: u64) -> Result<Flow> {
        self.append(Entry::Failed { step: step.to_owned(), error: error.line(), hint: error.hint.clone(), took_ms })?;
        self.paused = Some(Paused { step: step.to_owned(), error, undoing: false });
        Ok(Flow::Go)
    }

    /// A step whose start has no end: the world is asked what became of it.
    pub(super) async fn recover(&mut self, planned: Option<&Planned<'_>>, id: &str, undoing: bool) -> Result<Flow> {
        if undoing {
            return self.undo(id, false).await;
        }
        let Some(planned) = planned else {
            self.log(Some(id), "it was begun and no longer applies: undoing it");
            return self.undo(id, false).await;
        };
        let Some((state, (kind, fields))) = self.state.steps.get(id).and_then(|s| s.effect.clone().map(|e| (s.clone(), e))) else {
            return Err(Error::bug(format!("step `{id}` was started without an effect")));
        };
        let effect = self.registry.build(&kind, fields.clone())?;
        let by_example = self.only_by_example(effect.needs());
        if by_example.is_some() {
            return self.finish(planned, effect, state.attempt, by_example).await;
        }
        self.log(Some(id), "it was interrupted: finding out what became of it");
        match effect.probe(&self.world).await {
            Ok(Probe::Present(outputs)) if effect.touch() == Touch::Writes => {
                self.log(Some(id), "it had come to its end");
                self.append(Entry::Done { step: id.to_owned(), outputs, took_ms: 0, simulated: false })?;
                Ok(Flow::Go)
            }
            Ok(Probe::Present(_) | Probe::Absent) => {
                self.log(Some(id), "going on where it was");
                self.begin(planned, &kind, fields, state.attempt, state.before, effect.touch())?;
                self.finish(planned, effect, state.attempt, None).await
            }
            Ok(Probe::Conflict(why)) => {
                self.fail(id, Error::new(Kind::Conflict, why).hint("mend what is in the way, then try again, or roll back"), 0)
            }
            Err(error) => self.fail(id, error, 0),
        }
    }

    /// Undoes one step; a failure waits for a decision.
    pub(super) async fn undo(&mut self, id: &str, guard: bool) -> Result<Flow> {
        match self.undo_now(id, guard).await? {
            Ending::Aborted => Ok(Flow::End(Outcome::Interrupted)),
            Ending::Came(Ok(())) => Ok(Flow::Go),
            Ending::Came(Err(error)) => {
                self.paused = Some(Paused { step: id.to_owned(), error, undoing: true });
                Ok(Flow::Go)
            }
        }
    }

    async fn undo_now(&mut self, id: &str, guard: bool) -> Result<Ending<()>> {
        let Some(state) = self.state.steps.get(id).cloned() else { return Ok(Ending::Came(Ok(()))) };
        self.append(Entry::UndoStarted { step: id.to_owned(), guard })?;
        let begun = Instant::now();
        let result = match &state.effect {
            None => Ending::Came(Ok(())),
            Some((kind, fields)) => {
                let effect = self.registry.build(kind, fields.clone())?;
                if state.simulated || self.only_by_example(effect.needs()).is_some() || effect.touch() == Touch::Reads {
                    Ending::Came(Ok(()))
                } else {
                    let cx = self.context(id, state.attempt);
                    let books = Arc::clone(&self.books);
                    let facts = self.state.facts();
                    let outline = books.outline(&facts);
                    let world = Arc::clone(&self.world);
                    match outline.iter().find(|p| p.id == id) {
                        Some(planned) => {
                            self.show_running(planned, effect.as_ref(), state.attempt, true);
                            let work = effect.undo(&world, &cx, &state.outputs);
                            // A guard is released on the way out, when the face may be gone: nothing may call it off.
                            if guard { Ending::Came(work.await) } else { self.follow(planned, effect.as_ref(), state.attempt, work).await }
                        }
                        None => Ending::Came(effect.undo(&world, &cx, &state.outputs).await),
                    }
                }
            }
        };
        match &result {
            Ending::Aborted => {}
            Ending::Came(Ok(())) => self.append(Entry::UndoDone { step: id.to_owned(), took_ms: millis(begun.elapsed()) })?,
            Ending::Came(Err(error)) => {
                self.append(Entry::UndoFailed { step: id.to_owned(), error: error.line(), hint: error.hint.clone() })?
            }
        }
        Ok(result)
    }

    /// Guards (a freeze) that are up and whose last step is not done, nor the one begun that they are kept from: released on every way out and
    /// on the way in.
    pub(super) async fn release_guards(&mut self) -> Result<()> {
        if self.state.ended.is_some() || self.state.mode == Mode::Dry {
            return Ok(());
        }
        let up = |s: &StepState| matches!(s.status, Status::Done | Status::Started | Status::Failed | Status::Undoing | Status::UndoFailed);
        let standing = self.state.steps.iter().filter(|(_, s)| up(s)).filter_map(|(id, _)| {
            let (_, step) = self.books.find(id)?;
            let until = step.guard_until.as_ref()?;
            let kept = step.guard_kept_from.as_ref().filter(|from| self.state.begun_under(from, id)).cloned();
            (!self.state.reached(until, id)).then(|| (id.clone(), kept))
        });
        for (id, kept) in standing.collect::<Vec<_>>() {
            if let Some(from) = kept {
                self.log(
                    Some(&id),
                    &format!("the guard is kept, because `{from}` was begun under it: go on, or go back, which releases it"),
                );
                continue;
            }
            self.log(Some(&id), "releasing the guard");
            if let Ending::Came(Err(error)) = self.undo_now(&id, true).await? {
                return Err(Error::new(error.kind, format!("the guard `{id}` could not be released"))
                    .because(&error)
                    .hint(format!("run `migrate-wizard` again as soon as it can be reached: releasing comes first. {}", error.hint)));
            }
        }
        Ok(())
    }

    /// Does the checklist's own check find it done?
    pub(super) async fn verify_manual(&mut self, planned: &Planned<'_>, manual: &Manual) -> Result<std::result::Result<bool, String>> {
        let Some(spec) = &manual.verify else { return Ok(Ok(false)) };
        let fields = plan::resolve(planned, spec, &self.state.facts())?;
        let effect = self.registry.build(&spec.kind, fields)?;
        if self.only_by_example(effect.needs()).is_some() {
            return Ok(Ok(false));
        }
        Ok(match effect.probe(&self.world).await {
            Ok(Probe::Present(_)) => Ok(true),
            Ok(Probe::Absent) => Err(format!("not yet: {}", effect.describe().sentence)),
            Ok(Probe::Conflict(why)) => Err(why),
            Err(error) => Err(error.line()),
        })
    }
}

/// The work, with its step's limit of time.
pub(super) async fn limited<T>(step: &str, limit: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(limit) = limit else { return work.await };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(Kind::Failed, format!("step `{step}` took longer than its limit of {}", crate::text::duration(limit)))
            .hint("what it had done is found out on the next try: try again, or raise `timeout` in the playbook"))
    })
}

pub(super) fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
