//! The runbook: the phases whose steps have times, each step with what was planned of it and what became of it; what T is and how long
//! writes are stopped, for all who tell it. Pure: playbooks and state in, lines out; the clock is the caller's, who turns moments into time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::text;
use crate::wizard::effect::Registry;
use crate::wizard::forecast::{Coming, to_the_end};
use crate::wizard::plan::{self, Books, Planned, Suggestion};
use crate::wizard::playbook::{Action, Playbook};
use crate::wizard::screens::{self, Rehearsed};
use crate::wizard::state::{State, Status};
use crate::wizard::template::{self, Facts};

/// One step of the runbook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub step: String,
    pub title: String,
    pub owner: String,
    /// `ask`, `manual` or the effect's kind.
    pub kind: String,
    /// What is done; the items of a checklist; the answer that a question has, or would take.
    pub does: Vec<String>,
    pub command: String,
    /// See [`Hour`].
    pub at: String,
    pub offset_s: i64,
    /// From the playbook.
    pub estimate_ms: Option<u64>,
    /// From the last rehearsal.
    pub rehearsed_ms: Option<u64>,
    pub timeout_ms: Option<u64>,
    pub abort_if: Option<String>,
    /// How it is verified, where a person does it.
    pub verify: Option<String>,
    pub undo: Vec<String>,
    pub irreversible: Option<String>,
    pub status: Status,
    /// When it came to its end, as the journal has it.
    pub ended_at: Option<String>,
    pub took_ms: Option<u64>,
    /// The step stands between the freeze and the moment from which it is kept.
    pub frozen: bool,
}

impl Line {
    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Done | Status::Answered)
    }

    /// How long it is expected to take: as rehearsed, else as the playbook says.
    pub fn expected(&self) -> Option<Duration> {
        self.rehearsed_ms.or(self.estimate_ms).map(Duration::from_millis)
    }
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runbook {
    pub title: String,
    pub why: String,
    pub lines: Vec<Line>,
    /// The step that stops writes, and the one from which it is kept.
    pub freeze: Option<(String, String)>,
    /// What the steps while nobody can write are expected to take together.
    pub frozen_ms: u64,
    /// The same by the hours of the plan, which leave room for what people do.
    pub planned_ms: u64,
    /// Steps in it that no time is known of, so that they are not in `frozen_ms`.
    pub not_counted: Vec<String>,
    /// Of these, steps whose time no rehearsal has measured.
    pub not_rehearsed: Vec<String>,
}

impl Runbook {
    /// What became of T: see [`t_as_it_came`].
    pub fn t<M>(&self, state: &State, clock: impl Fn(&str) -> Option<M>) -> Option<M> {
        t_as_it_came(state, self.lines.iter().filter(|line| line.offset_s == 0).map(|line| line.step.as_str()), clock)
    }

    /// The first that is open.
    pub fn next(&self) -> Option<&Line> {
        self.lines.iter().find(|line| !line.is_done())
    }

    /// The first that can not be undone and is open: until it the way back is open.
    pub fn point_of_no_return(&self) -> Option<&Line> {
        self.lines.iter().find(|line| line.irreversible.is_some() && !line.is_done())
    }
}

/// A step's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// As a playbook writes it: `T+10m`.
    pub at: String,
    /// Seconds from T.
    pub offset_s: i64,
}

/// The phases that have a step with a time, in order.
pub fn timed(books: &Books) -> impl Iterator<Item = &Playbook> {
    books.forward.iter().filter(|book| book.steps.iter().any(|step| step.at.is_some()))
}

/// The time of each of these steps: as its playbook has it, or that of the step before; T until there is one.
pub fn hours<'a>(steps: impl IntoIterator<Item = Option<&'a str>>) -> impl Iterator<Item = Hour> {
    steps.into_iter().scan(Hour { at: "T".to_owned(), offset_s: 0 }, |last, at| {
        if let Some((at, offset_s)) = at.and_then(|at| Some((at, text::runbook_time(at)?))) {
            *last = Hour { at: at.to_owned(), offset_s };
        }
        Some(last.clone())
    })
}

/// When a step came to its end, as the journal has it.
pub fn ended<'s>(state: &'s State, step: &str) -> Option<&'s str> {
    let step = state.steps.get(step).filter(|s| matches!(s.status, Status::Done | Status::Answered))?;
    Some(&step.at)
}

/// What became of T, on the caller's clock: the hour that was awaited (the output `at` of the first of the steps at T that came to its
/// end) or, where nothing was awaited, when that step ended.
pub fn t_as_it_came<'a, M>(state: &State, steps_at_t: impl IntoIterator<Item = &'a str>, clock: impl Fn(&str) -> Option<M>) -> Option<M> {
    let (step, end) = steps_at_t.into_iter().find_map(|step| Some((step, ended(state, step)?)))?;
    let awaited = state.steps.get(step).and_then(|s| s.outputs.get("at")?.as_str());
    awaited.and_then(&clock).or_else(|| clock(end))
}

/// How long nobody could write, in milliseconds, and whether that goes on: from the end of the step that stops writes to the end of the
/// one from which that is kept. `None` before. The caller's clock tells milliseconds since 1970.
pub fn writes_stopped(state: &State, freeze: &str, until: &str, clock: impl Fn(&str) -> Option<i64>, now_ms: i64) -> Option<(u64, bool)> {
    let since = clock(ended(state, freeze)?)?;
    let kept = ended(state, until).and_then(clock);
    Some((u64::try_from(kept.unwrap_or(now_ms) - since).unwrap_or(0), kept.is_none()))
}

/// The runbook of a journey: every phase that has a step with a time. `None` when there is no such phase.
pub fn runbook<W>(
    books: &Books,
    state: &State,
    answers: &BTreeMap<String, Suggestion>,
    rehearsed: &Rehearsed,
    registry: &Registry<W>,
) -> Option<Runbook> {
    let first = timed(books).next()?;
    let (coming, facts) = to_the_end(books, state, answers, rehearsed, registry);
    let mut lines: Vec<Line> = Vec::new();
    let mut freeze: Option<(String, String)> = None;
    let mut frozen = false;
    let outline: Vec<Planned<'_>> = books.outline(&facts).into_iter().filter(|p| timed(books).any(|book| book.phase == p.phase)).collect();
    let hours = hours(outline.iter().map(|planned| planned.step.at.as_deref()));
    for (planned, hour) in outline.iter().zip(hours).filter(|(planned, _)| planned.applies == Some(true)) {
        if let Some(until) = &planned.step.guard_until {
            freeze = Some((planned.id.clone(), until.clone()));
            frozen = true;
        }
        if freeze.as_ref().is_some_and(|(_, until)| *until == planned.step.id) {
            frozen = false;
        }
        lines.push(line(planned, hour, state, &facts, &coming, rehearsed, registry, frozen));
    }
    let in_freeze = || lines.iter().filter(|line| line.frozen);
    let hour = |step: &str| lines.iter().find(|line| line.step == step).map(|line| line.offset_s);
    let planned_s = freeze.as_ref().and_then(|(from, until)| Some(hour(until)? - hour(from)?)).unwrap_or(0);
    Some(Runbook {
        title: first.title.clone(),
        why: first.why.clone(),
        frozen_ms: in_freeze().filter_map(Line::expected).map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)).sum(),
        planned_ms: u64::try_from(planned_s).unwrap_or(0) * 1000,
        not_counted: in_freeze().filter(|line| line.expected().is_none() && line.kind != "ask").map(|line| line.step.clone()).collect(),
        not_rehearsed: in_freeze().filter(|line| line.rehearsed_ms.is_none() && line.kind != "ask").map(|line| line.step.clone()).collect(),
        freeze,
        lines,
    })
}

#[allow(clippy::too_many_arguments)]
fn line<W>(
    planned: &Planned<'_>,
    hour: Hour,
    state: &State,
    facts: &Facts,
    coming: &[Coming],
    rehearsed: &Rehearsed,
    registry: &Registry<W>,
    frozen: bool,
) -> Line {
    let step = planned.step;
    let own = plan::facts_for(planned, facts);
    let filled = |text: &String| template::fill(text, &own).unwrap_or_else(|_| text.clone());
    let known = state.steps.get(&planned.id);
    let millis =
        |text: &Option<String>| text.as_deref().and_then(text::parse_duration).map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
    let to_come = coming.iter().find(|c| c.step == planned.id);
    let (kind, does, command, verify, undo) = match &step.action {
        Action::Ask(_) => {
            let shown = |value| Some(template::plain(value)).filter(|text| !text.is_empty()).unwrap_or_else(|| "none".to_owned());
            let answer = known.and_then(|s| s.answer.as_ref()).map(|(value, source)| format!("{} ({})", shown(value), source.words()));
            let does = answer.or_else(|| to_come.map(|c| c.describe.clone()));
            ("ask".to_owned(), does.into_iter().collect(), String::new(), None, Vec::new())
        }
        Action::Manual(manual) => {
            let verify = manual.verify.as_ref().and_then(|spec| {
                let fields = template::fill_value(&spec.value(), &own).ok()?;
                Some(registry.build(&spec.kind, fields).ok()?.describe().sentence)
            });
            let items = manual.items.iter().map(filled).collect();
            ("manual".to_owned(), items, String::new(), verify, manual.undo.iter().map(filled).collect())
        }
        Action::Effect(spec) => {
            let begun = known.and_then(|s| s.effect.clone()).filter(|_| to_come.is_none());
            let about = begun.and_then(|(kind, fields)| Some(registry.build(&kind, fields).ok()?.describe()));
            let (does, command) = match (about, to_come) {
                (Some(about), _) => (about.sentence, about.command),
                (None, Some(c)) => (c.describe.clone(), c.command.clone()),
                (None, None) => (String::new(), String::new()),
            };
            let undo = if to_come.is_none_or(|c| c.writes) { vec!["migrate-wizard rollback undoes it".to_owned()] } else { Vec::new() };
            (spec.kind.clone(), vec![does], command, None, undo)
        }
    };
    let owner = step.owner.clone().unwrap_or_else(|| if matches!(step.action, Action::Effect(_)) { "wizard" } else { "you" }.to_owned());
    let ended_at = ended(state, &planned.id).map(str::to_owned);
    Line {
        step: planned.id.clone(),
        title: screens::title(planned),
        owner,
        kind,
        does,
        command,
        at: hour.at,
        offset_s: hour.offset_s,
        estimate_ms: millis(&step.estimate),
        rehearsed_ms: rehearsed.get(&planned.id).map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        timeout_ms: step.timeout.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        abort_if: step.abort_if.clone(),
        verify,
        undo,
        irreversible: step.irreversible.clone(),
        status: state.status(&planned.id),
        took_ms: known.filter(|_| ended_at.is_some()).map(|s| s.took_ms).filter(|ms| *ms > 0),
        ended_at,
        frozen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wizard::journal::{Entry, FORMAT, Record};
    use crate::wizard::view::Mode;

    /// A run in which each of these steps came to its end at that second, saying `at` where it awaited something.
    fn state(steps: &[(&str, &str, Option<&str>)]) -> State {
        let opened = Entry::Opened {
            format: FORMAT,
            run: "r".into(),
            journey: "move".into(),
            mode: Mode::Live,
            sandbox: false,
            tool: "0".into(),
            facts: BTreeMap::new(),
        };
        let mut records = vec![("0".to_owned(), opened)];
        for (step, at, awaited) in steps {
            let (step, kind) = ((*step).to_owned(), "wait".to_owned());
            let outputs = awaited.iter().map(|at| ("at".to_owned(), serde_json::Value::from(*at))).collect();
            let (fields, before) = (serde_json::Value::Null, BTreeMap::new());
            records.push(((*at).to_owned(), Entry::Started { step: step.clone(), attempt: 1, kind, fields, before, writes: false }));
            records.push(((*at).to_owned(), Entry::Done { step, outputs, took_ms: 1, simulated: false }));
        }
        let records: Vec<Record> = records.into_iter().zip(1..).map(|((at, what), n)| Record { n, at, sum: String::new(), what }).collect();
        State::replay(&records).unwrap()
    }

    fn seconds(at: &str) -> Option<i64> {
        at.parse().ok()
    }

    #[test]
    fn a_step_without_a_time_has_that_of_the_step_before() {
        let all: Vec<(String, i64)> = hours([None, Some("T-1h"), None, Some("T+90s"), None]).map(|hour| (hour.at, hour.offset_s)).collect();
        let all: Vec<(&str, i64)> = all.iter().map(|(at, offset)| (at.as_str(), *offset)).collect();
        assert_eq!(all, [("T", 0), ("T-1h", -3600), ("T-1h", -3600), ("T+90s", 90), ("T+90s", 90)]);
    }

    #[test]
    fn t_is_the_hour_that_was_awaited_else_the_end_of_the_first_step_at_t() {
        let at_t = ["until_t", "ready", "freeze"];
        let t = |state: &State| t_as_it_came(state, at_t, seconds);
        assert_eq!(t(&state(&[("snapshot", "5", Some("99"))])), None, "no step at T has ended");
        assert_eq!(t(&state(&[("until_t", "700", Some("600")), ("ready", "710", None)])), Some(600), "however late it was noticed");
        assert_eq!(t(&state(&[("until_t", "700", Some("")), ("ready", "710", None)])), Some(700), "a rehearsal awaits nothing");
        assert_eq!(t(&state(&[("freeze", "720", None), ("ready", "710", None)])), Some(710), "the first in the order of the runbook");
    }

    #[test]
    fn writes_are_stopped_from_the_end_of_the_freeze_to_the_end_of_the_switch() {
        let stopped = |steps: &[(&str, &str, Option<&str>)]| writes_stopped(&state(steps), "freeze", "switched", seconds, 50);
        assert_eq!(stopped(&[("ready", "5", None)]), None);
        assert_eq!(stopped(&[("freeze", "10", None)]), Some((40, true)));
        assert_eq!(stopped(&[("freeze", "10", None), ("switched", "35", None)]), Some((25, false)));
        assert_eq!(stopped(&[("freeze", "60", None)]), Some((0, true)), "a clock that was set back");
    }
}
