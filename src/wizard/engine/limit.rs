//! How long a guard may stand: when its time is over and what it stands for was not reached, the session is cut short and the guard released.
//! Knows no freeze, and never counts in a roll back, whose steps release the guard in their turn.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Engine;
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::effect::World;
use crate::wizard::plan::{self, Planned};
use crate::wizard::state::{State, Status};
use crate::wizard::template;

/// A guard that stands, and until when it may.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    guard: String,
    /// From this step on its time no longer counts.
    until: String,
    /// The answers that say how long.
    answers: String,
    length: Duration,
    ends: Instant,
}

impl Standing {
    pub(super) fn error(&self) -> Error {
        let Self { guard, until, answers, length, .. } = self;
        Error::new(
            Kind::Failed,
            format!("`{guard}` may stand for {} at most, and `{until}` was not reached: it is released", text::duration(*length)),
        )
        .hint(format!("start again to go on: it is put up again, and what ran under it runs again; more time: --set {answers}=1h"))
    }
}

/// The guard whose time counts.
#[derive(Debug, Default)]
pub(super) struct Limit(watch::Sender<Option<Standing>>);

impl Limit {
    /// Comes to its end when the time of a guard is over.
    pub(super) fn over(&self) -> impl Future<Output = Standing> + use<> {
        let mut standing = self.0.subscribe();
        async move {
            loop {
                let now = standing.borrow_and_update().clone();
                let changed = match &now {
                    Some(now) => tokio::select! {
                        () = tokio::time::sleep_until(now.ends) => return now.clone(),
                        changed = standing.changed() => changed,
                    },
                    None => standing.changed().await,
                };
                if changed.is_err() {
                    return std::future::pending().await;
                }
            }
        }
    }

    /// After each entry: a guard that was released, reached its step or is rolled back has no limit any more.
    pub(super) fn heed(&self, state: &State) {
        self.0.send_if_modified(|standing| {
            // Done under an earlier guard is not done under this one.
            let begun = |step: &str| state.steps.get(step).map_or(0, |s| s.started_n);
            let done = |s: &Standing| state.status(&s.until) == Status::Done && begun(&s.until) > begun(&s.guard);
            let ends = standing.as_ref().is_some_and(|s| state.rollback.is_some() || state.status(&s.guard) == Status::Undone || done(s));
            if ends {
                *standing = None;
            }
            ends
        });
    }
}

impl<W: World> Engine<W> {
    /// The step is about to put a guard up: from now on its time counts.
    pub(super) fn limit_guard(&self, planned: &Planned<'_>) -> Result<()> {
        let Some(at_most) = &planned.step.guard_at_most else { return Ok(()) };
        let all = self.state.facts();
        let wrong = |why: String| Error::new(Kind::Input, format!("`guard-at-most`: {why}")).hint("write it like 90s, 30m or 1h30m");
        let time = template::fill(&at_most.time, &plan::facts_for(planned, &all)).map_err(|e| wrong(e.to_string()))?;
        let length = text::parse_duration(&time).ok_or_else(|| wrong(format!("`{time}` is not a duration")))?;
        let holes = template::holes(&at_most.time).unwrap_or_default();
        let answers = holes.iter().flat_map(|hole| hole.paths.iter().copied()).collect::<Vec<_>>().join(", ");
        let standing = Standing { guard: planned.id.clone(), until: at_most.until.clone(), answers, length, ends: Instant::now() + length };
        self.limit.0.send_replace(Some(standing));
        Ok(())
    }
}
