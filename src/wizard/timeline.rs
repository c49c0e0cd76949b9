//! The runbook as it goes: each step with a time, when it ended and how far from the plan, and how long writes have been stopped.
//! Pure: what T is and how long writes are stopped is the runbook's to say, and what a moment of the journal is on the clock the caller's.

use crate::text;
use crate::wizard::plan::Books;
use crate::wizard::runbook::{ended, hours, t_as_it_came, timed, writes_stopped};
use crate::wizard::state::State;
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
    let timed: Vec<&str> = timed(books).map(|book| book.phase.as_str()).collect();
    let own: Vec<&StepView> = steps.iter().filter(|step| timed.contains(&step.phase.as_str())).collect();
    let begun = |step: &&StepView| current == Some(step.id.as_str()) || step.standing != Standing::Waiting;
    if state.journey != "move" || !own.iter().any(begun) {
        return None;
    }
    let hours: Vec<_> = hours(own.iter().map(|step| step.at.as_deref())).collect();
    let at_t = own.iter().zip(&hours).filter(|(_, hour)| hour.offset_s == 0).map(|(step, _)| step.id.as_str());
    let t = t_as_it_came(state, at_t, clock).map(|(ms, _)| ms);
    let mut lines = Vec::with_capacity(own.len());
    for (step, hour) in own.iter().zip(hours) {
        let end = ended(state, &step.id).and_then(clock);
        let apart = end.as_ref().zip(t).map(|((end, _), t)| end - t - hour.offset_s * 1000);
        let sign = |ms: i64| if ms < 0 { '-' } else { '+' };
        lines.push(TimelineLine {
            step: step.id.clone(),
            at: hour.at,
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
    let frozen = guard.and_then(|(freeze, until)| writes_stopped(state, freeze, until, |at| clock(at).map(|(ms, _)| ms), now_ms));
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
