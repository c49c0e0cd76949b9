//! What the engine puts on show and what it waits for: questions, gates, checklists, failures, ends.
//! Touches nothing of the world but by read-only previews.

use std::sync::Arc;

use super::{Engine, Flow};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, World};
use crate::wizard::journal::Entry;
use crate::wizard::plan::{self, Books, Planned, Suggestion};
use crate::wizard::playbook::{Action, Ask, Manual};
use crate::wizard::screens;
use crate::wizard::state::{End, Status};
use crate::wizard::template;
use crate::wizard::timeline::{Moment, timeline};
use crate::wizard::view::{Command, EndedView, Event, FailedView, ManualView, Mode, Outcome, RunningView, Screen};

/// A moment of the journal on this machine's clock.
fn on_the_clock(at: &str) -> Option<Moment> {
    let at: jiff::Timestamp = at.parse().ok()?;
    Some((at.as_millisecond(), at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()))
}

impl<W: World> Engine<W> {
    pub(super) fn show(&self, screen: Screen) {
        let cost = self.world.cost(&self.state.facts());
        let banner = match self.state.mode {
            Mode::Dry => Some("dry run: nothing is touched".into()),
            Mode::Live => self.world.banner(),
        };
        let mut view = screens::view(&self.books, &self.state, &self.settings.rehearsed, screen, banner, cost);
        let now = jiff::Timestamp::now().as_millisecond();
        view.timeline = timeline(&self.books, &self.state, &view.steps, view.screen.step(), &on_the_clock, now);
        self.send(Event::View(Box::new(view)));
    }

    pub(super) fn show_ask(&self, planned: &Planned<'_>, ask: &Ask, suggestion: Option<Suggestion>) {
        let facts = self.state.facts();
        let stales = match self.state.status(&planned.id) {
            Status::Answered => screens::built_from(&self.books, &self.state, &planned.id),
            Status::Waiting | Status::Started | Status::Done | Status::Failed | Status::Undoing | Status::UndoFailed | Status::Undone => {
                Vec::new()
            }
        };
        let cost_of = |option: &str| self.world.cost_of(&facts, &planned.id, option);
        let against = |answer: &str| self.world.against(&facts, &planned.id, answer);
        self.show(Screen::Ask(screens::ask(
            planned,
            ask,
            &facts,
            suggestion,
            self.refused.clone(),
            self.reopened.is_some(),
            stales,
            &cost_of,
            &against,
        )));
    }

    pub(super) fn show_running(&self, planned: &Planned<'_>, effect: &dyn Apply<W>, attempt: u32, undoing: bool) {
        let about = effect.describe();
        self.show(Screen::Running(RunningView {
            step: planned.id.clone(),
            title: screens::title(planned),
            why: screens::why(planned, &self.state.facts()),
            describe: about.sentence,
            // The command is that of doing it.
            command: if undoing { String::new() } else { about.command },
            estimate: screens::estimate(planned, &self.settings.rehearsed),
            elapsed_ms: 0,
            attempt,
            undoing,
            stopping: self.stopping,
        }));
    }

    /// An earlier question again; the answer marks what was built from it stale.
    pub(super) async fn ask_again(&mut self, id: &str) -> Result<Flow> {
        let books = Arc::clone(&self.books);
        let outline = books.outline(&self.state.facts());
        let Some((planned, Action::Ask(ask))) = outline.iter().find(|p| p.id == id).map(|p| (p, &p.step.action)) else {
            self.reopened = None;
            return Ok(Flow::Go);
        };
        let suggestion = self.suggest(planned, ask);
        self.show_ask(planned, ask, suggestion);
        match self.command().await? {
            Command::Answer { step, value } if step == id => {
                let stales = screens::built_from(&self.books, &self.state, id);
                self.take_answer(id, ask, &value)?;
                if self.refused.is_none() {
                    self.reopened = None;
                    self.paused = None;
                    self.settings.answers.remove(id);
                    if !stales.is_empty() {
                        self.log(Some(id), &format!("built from this answer, looked at again: {}", stales.join(", ")));
                    }
                }
                Ok(Flow::Go)
            }
            Command::Back => {
                self.reopened = None;
                self.refused = None;
                Ok(Flow::Go)
            }
            other => self.elsewhere(other),
        }
    }

    pub(super) async fn manual(&mut self, planned: &Planned<'_>) -> Result<Flow> {
        let Action::Manual(manual) = &planned.step.action else { return Err(Error::bug("a checklist without its text")) };
        let rehearsal = self.state.rehearsal();
        if self.settings.unattended || self.state.mode == Mode::Dry {
            let verdict = self.verify_manual(planned, manual).await?;
            return match verdict {
                Ok(verified) if verified || rehearsal || self.settings.confirmed.contains(&planned.id) => {
                    if !verified {
                        self.log(Some(&planned.id), "checklist passed over: nobody is here to do it");
                    }
                    self.append(Entry::Ticked { step: planned.id.clone(), verified })?;
                    Ok(Flow::Go)
                }
                Ok(_) => {
                    Err(Error::new(Kind::Input, format!("the checklist `{}` waits for human hands: {}", planned.id, planned.step.title))
                        .hint(format!("do it, then run again with --confirm {}, or run without --yes", planned.id)))
                }
                Err(why) => Err(Error::new(Kind::Conflict, format!("the checklist `{}` is not done", planned.id))
                    .cause(why)
                    .hint("do it, then run again")),
            };
        }
        self.show(Screen::Manual(self.manual_view(planned, manual)));
        match self.command().await? {
            Command::ManualDone { step } if step == planned.id => {
                match self.verify_manual(planned, manual).await? {
                    Ok(verified) => {
                        self.refused = None;
                        self.append(Entry::Ticked { step: planned.id.clone(), verified })?;
                    }
                    Err(why) => self.refused = Some(why),
                }
                Ok(Flow::Go)
            }
            other => self.elsewhere(other),
        }
    }

    fn manual_view(&self, planned: &Planned<'_>, manual: &Manual) -> ManualView {
        let all = self.state.facts();
        let facts = plan::facts_for(planned, &all);
        let verified_by = manual.verify.as_ref().and_then(|spec| {
            let fields = plan::resolve(planned, spec, &all).ok()?;
            self.registry.build(&spec.kind, fields).ok().map(|e| e.describe().sentence)
        });
        ManualView {
            step: planned.id.clone(),
            title: screens::title(planned),
            why: screens::why(planned, &all),
            items: manual.items.iter().map(|i| template::fill(i, &facts).unwrap_or_else(|_| i.clone())).collect(),
            verified_by,
            error: self.refused.clone(),
        }
    }

    /// The undo list of a checklist, newest first with the rest of the roll back.
    pub(super) async fn undo_manual(&mut self, planned: &Planned<'_>, items: Vec<String>) -> Result<Flow> {
        if !(self.settings.unattended || self.state.mode == Mode::Dry) {
            self.show(Screen::Manual(ManualView {
                step: planned.id.clone(),
                title: format!("Undo: {}", screens::title(planned)),
                why: screens::why(planned, &self.state.facts()),
                items,
                verified_by: None,
                error: None,
            }));
            match self.command().await? {
                Command::ManualDone { step } if step == planned.id => {}
                other => return self.elsewhere(other),
            }
        } else {
            for item in items {
                self.log(Some(&planned.id), &format!("left to you: {item}"));
            }
        }
        self.append(Entry::UndoStarted { step: planned.id.clone(), guard: false })?;
        self.append(Entry::UndoDone { step: planned.id.clone(), took_ms: 0 })?;
        Ok(Flow::Go)
    }

    pub(super) async fn offer_rollback(&mut self, to: Option<String>) -> Result<Flow> {
        let describe = |id: &str| {
            let effect = self.state.steps.get(id).and_then(|s| s.effect.clone());
            effect.and_then(|(kind, fields)| self.registry.build(&kind, fields).ok()).map_or_else(String::new, |e| e.describe().sentence)
        };
        let view = screens::rollback(&self.books, &self.state, to.as_deref(), self.refused.clone(), &describe);
        if self.settings.unattended {
            for why in &view.irreversible {
                self.log(None, &format!("cannot be undone — {why}"));
            }
            self.offered = None;
            self.append(Entry::RollbackStarted { to, because: None })?;
            return Ok(Flow::Go);
        }
        self.show(Screen::RollbackGate(view));
        match self.command().await? {
            Command::ConfirmRollback { typed } if typed.trim() == self.state.run => {
                self.offered = None;
                self.refused = None;
                self.paused = None;
                self.append(Entry::RollbackStarted { to, because: None })?;
                Ok(Flow::Go)
            }
            Command::ConfirmRollback { .. } => {
                self.refused = Some(format!("type the run's id, `{}`, to roll back", self.state.run));
                Ok(Flow::Go)
            }
            Command::Back => {
                self.offered = None;
                self.refused = None;
                Ok(Flow::Go)
            }
            other => self.elsewhere(other),
        }
    }

    pub(super) async fn wait_on_failure(&mut self) -> Result<Flow> {
        let Some(paused) = &self.paused else { return Ok(Flow::Go) };
        let title = self.books.find(&paused.step).map_or_else(|| paused.step.clone(), |(_, s)| s.title.clone());
        if self.settings.unattended {
            if self.goes_back()? {
                return Ok(Flow::Go);
            }
            let Some(paused) = &self.paused else { return Ok(Flow::Go) };
            let mut error = paused.error.clone();
            error.what = format!("step `{}` ({title}) failed: {}", paused.step, error.what);
            return Err(error);
        }
        self.show(Screen::Failed(FailedView {
            step: paused.step.clone(),
            title,
            what: paused.error.what.clone(),
            causes: paused.error.causes.clone(),
            hint: paused.error.hint.clone(),
            undoing: paused.undoing,
            undoable: plan::undoable(&self.books, &self.state).len(),
        }));
        match self.command().await? {
            Command::Retry { step } if self.paused.as_ref().is_some_and(|p| p.step == step) => {
                self.paused = None;
                Ok(Flow::Go)
            }
            other => self.elsewhere(other),
        }
    }

    pub(super) async fn ended(&mut self, end: End) -> Result<Flow> {
        let outcome = match (end, self.state.mode) {
            (End::RolledBack, _) => Outcome::RolledBack,
            (End::Finished, Mode::Dry) => Outcome::Rehearsed,
            (End::Finished, Mode::Live) => Outcome::Finished,
        };
        let facts = self.state.facts();
        let mut summary = vec![format!("{} steps, {} journal entries, run {}", self.state.steps.len(), self.state.entries, self.state.run)];
        let books = Arc::clone(&self.books);
        for planned in books.outline(&facts) {
            let done = self.state.steps.get(&planned.id).filter(|s| s.status == Status::Done);
            if let Some(text) = done.and_then(|s| s.outputs.get("summary")) {
                summary.push(format!("{}: {}", screens::title(&planned), template::plain(text)));
            }
        }
        let report = facts.get("report.path").map(template::plain);
        let next = screens::next(&self.state, outcome, report.as_deref());
        self.show(Screen::Ended(EndedView { outcome, summary, next }));
        if self.settings.unattended {
            return Ok(Flow::End(outcome));
        }
        loop {
            match self.command().await? {
                Command::Rollback { to } if end == End::Finished => {
                    self.offered = Some(to);
                    return Ok(Flow::Go);
                }
                Command::Stop | Command::Abort | Command::Back | Command::Apply { .. } | Command::ManualDone { .. } => {
                    return Ok(Flow::End(outcome));
                }
                Command::Rollback { .. }
                | Command::Answer { .. }
                | Command::Reopen { .. }
                | Command::Retry { .. }
                | Command::ConfirmRollback { .. } => {}
            }
        }
    }
}

/// An entry as a line of the log; `None` where it has nothing to say.
pub fn words(entry: &Entry, books: &Books) -> Option<(Option<String>, String)> {
    let title = |id: &str| books.find(id).map_or_else(|| id.to_owned(), |(_, s)| s.title.clone());
    let took = |ms: u64| crate::text::duration(std::time::Duration::from_millis(ms));
    Some(match entry {
        Entry::Opened { run, .. } => (None, format!("run {run} opened")),
        Entry::Resumed { .. } => (None, "resumed".into()),
        Entry::Pinned { account, region } => (None, format!("this run is tied to AWS account {account}, region {region}")),
        Entry::Answered { step, value, source } => {
            let value = if value.is_null() { "(kept in memory only)".to_owned() } else { template::plain(value) };
            let value = if value.is_empty() { "none".to_owned() } else { value };
            (Some(step.clone()), format!("{}: {value} ({})", title(step), source.words()))
        }
        Entry::Started { step, attempt, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            (Some(step.clone()), format!("{}: started{again}", title(step)))
        }
        Entry::Done { step, took_ms, simulated, .. } => {
            (Some(step.clone()), format!("{}: done in {}{}", title(step), took(*took_ms), if *simulated { " (simulated)" } else { "" }))
        }
        Entry::Failed { step, error, .. } => (Some(step.clone()), format!("{}: failed: {error}", title(step))),
        Entry::Ticked { step, verified } => {
            (Some(step.clone()), format!("{}: ticked{}", title(step), if *verified { ", verified" } else { "" }))
        }
        Entry::RollbackStarted { to, because } => {
            let how_far = to.as_ref().map_or("rolling back everything".into(), |to| format!("rolling back to {to}"));
            (None, because.as_ref().map_or(how_far.clone(), |because| format!("{how_far}, by itself: {because}")))
        }
        Entry::UndoStarted { step, guard } => {
            (Some(step.clone()), format!("{}: {}", title(step), if *guard { "releasing" } else { "undoing" }))
        }
        Entry::UndoDone { step, took_ms } => (Some(step.clone()), format!("{}: undone in {}", title(step), took(*took_ms))),
        Entry::UndoFailed { step, error, .. } => (Some(step.clone()), format!("{}: undo failed: {error}", title(step))),
        Entry::RolledBack {} => (None, "rolled back".into()),
        Entry::Finished {} => (None, "finished".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_was_awaited_is_a_moment_as_an_entry_of_the_journal_is() {
        let entry = on_the_clock("2026-12-05T21:00:00.000Z").unwrap();
        assert_eq!(on_the_clock("2026-12-05T22:00:00+01:00[Europe/Berlin]").unwrap(), entry);
        assert_eq!(on_the_clock(""), None);
    }
}
