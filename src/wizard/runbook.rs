//! The runbook: the phases whose steps have times, each step with what was planned of it and what became of it.
//! Pure: playbooks and state in, lines out; the clock is the caller's, who turns moments into seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::text;
use crate::wizard::effect::Registry;
use crate::wizard::forecast::{Coming, to_the_end};
use crate::wizard::plan::{self, Books, Planned, Suggestion};
use crate::wizard::playbook::Action;
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
    /// As the playbook has it, or that of the step before.
    pub at: String,
    /// Seconds from T.
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
    pub fn line(&self, step: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.step == step)
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

/// The runbook of a journey: every phase that has a step with a time. `None` when there is no such phase.
pub fn runbook<W>(
    books: &Books,
    state: &State,
    answers: &BTreeMap<String, Suggestion>,
    rehearsed: &Rehearsed,
    registry: &Registry<W>,
) -> Option<Runbook> {
    let timed: Vec<_> = books.forward.iter().filter(|book| book.steps.iter().any(|step| step.at.is_some())).collect();
    let first = *timed.first()?;
    let (coming, facts) = to_the_end(books, state, answers, rehearsed, registry);
    let mut lines: Vec<Line> = Vec::new();
    let mut freeze: Option<(String, String)> = None;
    let mut frozen = false;
    for planned in books.outline(&facts).iter().filter(|p| timed.iter().any(|book| book.phase == p.phase) && p.applies == Some(true)) {
        let before = lines.last().map_or(("T", 0), |line: &Line| (line.at.as_str(), line.offset_s));
        let at = planned.step.at.as_deref().and_then(|at| Some((at, text::runbook_time(at)?))).unwrap_or(before);
        let at = (at.0.to_owned(), at.1);
        if let Some(until) = &planned.step.guard_until {
            freeze = Some((planned.id.clone(), until.clone()));
            frozen = true;
        }
        if freeze.as_ref().is_some_and(|(_, until)| *until == planned.step.id) {
            frozen = false;
        }
        lines.push(line(planned, at, state, &facts, &coming, rehearsed, registry, frozen));
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
    (at, offset_s): (String, i64),
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
    let ended = known.filter(|s| matches!(s.status, Status::Done | Status::Answered));
    Line {
        step: planned.id.clone(),
        title: screens::title(planned),
        owner,
        kind,
        does,
        command,
        at,
        offset_s,
        estimate_ms: millis(&step.estimate),
        rehearsed_ms: rehearsed.get(&planned.id).map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        timeout_ms: step.timeout.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        abort_if: step.abort_if.clone(),
        verify,
        undo,
        irreversible: step.irreversible.clone(),
        status: state.status(&planned.id),
        ended_at: ended.map(|s| s.at.clone()),
        took_ms: ended.map(|s| s.took_ms).filter(|ms| *ms > 0),
        frozen,
    }
}
