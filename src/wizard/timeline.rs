//! The runbook as it goes: each step with a time, when it ended and how far from the plan, and how long writes have been stopped.
//! Pure: what a moment of the journal means on the clock is told by the caller.

use crate::text;
use crate::wizard::plan::Books;
use crate::wizard::state::{State, Status};
use crate::wizard::view::{Standing, StepView, TimelineLine, TimelineView};

/// A moment of the journal: milliseconds since the epoch, and the hour as a person reads it.
pub type Moment = (i64, String);

/// `None` until the run has come to a step with a time.
pub fn timeline(
    books: &Books,
    state: &State,
    steps: &[StepView],
    current: Option<&str>,
    clock: &dyn Fn(&str) -> Option<Moment>,
    now_ms: i64,
) -> Option<TimelineView> {
    let timed: Vec<&str> =
        books.forward.iter().filter(|book| book.steps.iter().any(|step| step.at.is_some())).map(|book| book.phase.as_str()).collect();
    let own: Vec<&StepView> = steps.iter().filter(|step| timed.contains(&step.phase.as_str())).collect();
    let begun = |step: &&StepView| current == Some(step.id.as_str()) || step.standing != Standing::Waiting;
    if state.journey != "move" || !own.iter().any(begun) {
        return None;
    }
    let ended = |id: &str| {
        let step = state.steps.get(id).filter(|s| matches!(s.status, Status::Done | Status::Answered))?;
        clock(&step.at)
    };
    // T is when the first step of that time came to its end.
    let t = own.iter().filter(|step| step.at.as_deref() == Some("T")).find_map(|step| ended(&step.id)).map(|(ms, _)| ms);
    let mut before = ("T".to_owned(), 0);
    let mut lines = Vec::with_capacity(own.len());
    for step in &own {
        if let Some(at) = &step.at
            && let Some(offset) = text::runbook_time(at)
        {
            before = (at.clone(), offset);
        }
        let end = ended(&step.id);
        let apart = end.as_ref().zip(t).map(|((end, _), t)| end - t - before.1 * 1000);
        let sign = |ms: i64| if ms < 0 { '-' } else { '+' };
        lines.push(TimelineLine {
            step: step.id.clone(),
            at: before.0.clone(),
            title: step.title.clone(),
            standing: step.standing,
            ended: end.map(|(_, hour)| hour),
            apart: apart.map(|ms| match std::time::Duration::from_secs(ms.unsigned_abs() / 1000) {
                std::time::Duration::ZERO => "+0s".to_owned(),
                apart => format!("{}{}", sign(ms), text::duration(apart)),
            }),
            took: step.took.clone(),
            estimate: step.estimate.clone(),
        });
    }
    let guard = own.iter().find_map(|step| Some((step.id.as_str(), books.find(&step.id)?.1.guard_until.as_deref()?)));
    let frozen = guard.and_then(|(freeze, until)| {
        let (since, _) = ended(freeze)?;
        let kept = ended(until).map(|(ms, _)| ms);
        Some((u64::try_from(kept.unwrap_or(now_ms) - since).unwrap_or(0), kept.is_none()))
    });
    let open = |step: &&&StepView| !matches!(step.standing, Standing::Done | Standing::Skipped);
    Some(TimelineView {
        next: own.iter().find(open).map(|step| step.title.clone()),
        no_return: own
            .iter()
            .filter(open)
            .find(|step| books.find(&step.id).is_some_and(|(_, found)| found.irreversible.is_some()))
            .map(|step| step.title.clone()),
        frozen_ms: frozen.map(|(ms, _)| ms),
        stopped: frozen.is_some_and(|(_, now)| now),
        lines,
    })
}
