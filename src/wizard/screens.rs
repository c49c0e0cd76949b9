//! From playbooks and state to the view: outline, phases, questions, gates.
//! Pure: no I/O, no clock; decides nothing about what happens next.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::text;
use crate::wizard::plan::{self, Books, Planned, Suggestion};
use crate::wizard::playbook::{Action, Ask};
use crate::wizard::state::{State, Status};
use crate::wizard::template::{self, Facts};
use crate::wizard::view::{
    AnswerKind, AskView, OptionView, Outcome, PhaseView, RollbackLine, RollbackView, RunView, Screen, Standing, StepView, View,
};

/// Durations of the last rehearsal, by step id.
pub type Rehearsed = BTreeMap<String, Duration>;

/// "rehearsed: 2m10s" where a rehearsal knows, else "about 3m" from the playbook.
pub fn estimate(planned: &Planned<'_>, rehearsed: &Rehearsed) -> Option<String> {
    rehearsed
        .get(&planned.id)
        .map(|d| format!("rehearsed: {}", text::duration(*d)))
        .or_else(|| planned.step.estimate.as_ref().map(|e| format!("about {e}")))
}

/// Everything around the screen.
pub fn view(books: &Books, state: &State, rehearsed: &Rehearsed, screen: Screen, banner: Option<String>, cost: Option<String>) -> View {
    let facts = state.facts();
    let mut planned = books.outline(&facts);
    if state.rollback.is_some() {
        planned.extend(books.rollback_outline(&facts));
    }
    let steps: Vec<StepView> =
        planned.iter().filter(|p| p.applies != Some(false)).map(|p| step_view(p, state, &facts, rehearsed, screen.step())).collect();
    let mut phases: Vec<PhaseView> = Vec::new();
    for book in books.forward.iter().chain(if state.rollback.is_some() { books.rollback.as_slice() } else { &[] }) {
        let own: Vec<&StepView> = steps.iter().filter(|s| s.phase == book.phase).collect();
        let done = own.iter().filter(|s| s.standing == Standing::Done).count();
        let has = |standing| own.iter().any(|s| s.standing == standing);
        let status = if has(Standing::Failed) {
            Standing::Failed
        } else if has(Standing::Running) {
            Standing::Running
        } else if has(Standing::Current) {
            Standing::Current
        } else if own.is_empty() {
            Standing::Skipped
        } else if done == own.len() {
            Standing::Done
        } else if has(Standing::Stale) {
            Standing::Stale
        } else if has(Standing::Undone) {
            Standing::Undone
        } else {
            Standing::Waiting
        };
        phases.push(PhaseView { id: book.phase.clone(), title: book.title.clone(), status, done, total: own.len() });
    }
    let app = facts.get("app_name").or_else(|| facts.get("run.app")).map(template::plain).unwrap_or_default();
    View {
        run: RunView {
            id: state.run.clone(),
            app,
            mode: state.mode,
            simulated: banner,
            account: state.account.as_ref().map(|(account, region)| format!("{account} {region}")),
        },
        phases,
        steps,
        screen,
        cost,
        timeline: None,
    }
}

fn step_view(planned: &Planned<'_>, state: &State, facts: &Facts, rehearsed: &Rehearsed, current: Option<&str>) -> StepView {
    let own = state.steps.get(&planned.id);
    let stale = plan::stale(planned, state, facts);
    let status = own.map(|s| s.status).unwrap_or_default();
    let standing = match status {
        Status::Started | Status::Undoing => Standing::Running,
        Status::Failed | Status::UndoFailed => Standing::Failed,
        _ if current == Some(planned.id.as_str()) => Standing::Current,
        Status::Waiting => Standing::Waiting,
        Status::Answered => Standing::Done,
        Status::Done if stale.is_some() => Standing::Stale,
        Status::Done => Standing::Done,
        Status::Undone => Standing::Undone,
    };
    let note = match (own, &stale) {
        (_, Some(why)) => Some(format!("stale: {why}")),
        (Some(s), None) => match (&s.error, &s.answer) {
            (Some((what, _)), _) => Some(what.clone()),
            (None, Some((value, source))) if !value.is_null() => Some(format!("{} ({})", template::plain(value), source.words())),
            (None, Some(_)) => Some("kept in memory only".into()),
            (None, None) if s.simulated && s.status == Status::Done => Some("simulated".into()),
            (None, None) => None,
        },
        (None, None) => None,
    };
    let took = own.filter(|s| s.status == Status::Done && s.took_ms > 0).map(|s| text::duration(Duration::from_millis(s.took_ms)));
    StepView {
        id: planned.id.clone(),
        phase: planned.phase.to_owned(),
        title: title(planned),
        question: matches!(planned.step.action, Action::Ask(_)),
        standing,
        took,
        estimate: estimate(planned, rehearsed),
        at: planned.step.at.clone(),
        note,
    }
}

/// The step's title, with its item.
pub fn title(planned: &Planned<'_>) -> String {
    match &planned.item {
        Some(item) => format!("{} ({item})", planned.step.title),
        None => planned.step.title.clone(),
    }
}

/// Why the step is there, with what is known filled in.
pub fn why(planned: &Planned<'_>, facts: &Facts) -> String {
    template::fill(&planned.step.why, &plan::facts_for(planned, facts)).unwrap_or_else(|_| planned.step.why.clone())
}

/// A question as a face shows it. `cost_of` gives the difference each option would make, `against` what speaks against an answer.
#[allow(clippy::too_many_arguments)]
pub fn ask(
    planned: &Planned<'_>,
    ask: &Ask,
    facts: &Facts,
    suggestion: Option<Suggestion>,
    error: Option<String>,
    reopened: bool,
    stales: Vec<String>,
    cost_of: &dyn Fn(&str) -> Option<String>,
    against: &dyn Fn(&str) -> Vec<String>,
) -> AskView {
    let recommended = ask.recommendation(facts);
    let typed = suggestion.as_ref().filter(|_| ask.options.is_empty() && ask.kind != AnswerKind::Secret);
    AskView {
        step: planned.id.clone(),
        title: title(planned),
        why: why(planned, facts),
        kind: ask.kind,
        options: ask
            .options
            .iter()
            .map(|o| OptionView {
                id: o.id.clone(),
                label: o.label.clone(),
                consequence: o.consequence.clone(),
                recommended: recommended.answer.as_ref() == Some(&o.id),
                cost: cost_of(&o.id),
                against: against(&o.id),
            })
            .collect(),
        against: typed.map(|s| against(&s.value)).unwrap_or_default(),
        suggested: suggestion.as_ref().map(|s| s.value.clone()),
        source: suggestion.as_ref().map(|s| s.source.words().to_owned()),
        because: recommended.because,
        error,
        reopened,
        stales,
    }
}

/// Titles of done steps that were built from this answer.
pub fn built_from(books: &Books, state: &State, question: &str) -> Vec<String> {
    books
        .outline(&state.facts())
        .iter()
        .filter(|p| state.status(&p.id) == Status::Done)
        .filter(|p| {
            let mut uses: Vec<String> = p.step.when.keys().cloned().collect();
            uses.extend(p.step.each.clone());
            if let Action::Effect(spec) = &p.step.action {
                template::paths(&spec.value(), &mut uses);
            }
            uses.iter().any(|u| u == question)
        })
        .map(title)
        .collect()
}

/// What a roll back would do; `describe` gives the sentence of a step's undo.
pub fn rollback(books: &Books, state: &State, to: Option<&str>, error: Option<String>, describe: &dyn Fn(&str) -> String) -> RollbackView {
    let mut preview = state.clone();
    preview.ended = None;
    preview.rollback = Some(crate::wizard::state::Rollback { to: to.map(str::to_owned), since: u64::MAX });
    let ids = plan::undoable(books, &preview);
    let facts = state.facts();
    let irreversible = ids
        .iter()
        .filter_map(|id| books.find(id).and_then(|(_, s)| s.irreversible.as_ref().map(|why| format!("{}: {why}", s.title))))
        .collect();
    let steps = ids
        .iter()
        .map(|id| RollbackLine {
            step: id.clone(),
            title: books.find(id).map_or_else(|| id.clone(), |(_, s)| s.title.clone()),
            describe: match books.find(id).map(|(_, s)| &s.action) {
                Some(Action::Manual(manual)) => manual
                    .undo
                    .iter()
                    .map(|item| template::fill(item, &facts).unwrap_or_else(|_| item.clone()))
                    .collect::<Vec<_>>()
                    .join("; "),
                Some(Action::Ask(_) | Action::Effect(_)) | None => describe(id),
            },
        })
        .collect();
    RollbackView { steps, irreversible, type_to_confirm: state.run.clone(), error }
}

/// What there is to do after a journey, by its name: when it is finished, when it was rehearsed. A journey that is not here is a move.
const AFTER: [(&str, &[&str], &[&str]); 5] = [
    (
        "stacks",
        &["see whether AWS has what was decided: migrate-wizard stacks diff", "take all of it away: migrate-wizard stacks destroy"],
        FOR_GOOD,
    ),
    (
        "destroy",
        &["what was kept, if anything, is named above and goes on costing until you delete it: migrate-wizard log shows it again"],
        FOR_GOOD,
    ),
    ("repair", &["deploy what was decided: migrate-wizard stacks deploy"], FOR_GOOD),
    (
        "back",
        &[
            "it can be taken back itself: migrate-wizard rollback --because CAUSE --undo",
            "what was not taken back, and what both sides cost: docs/rollback.md",
        ],
        FOR_GOOD,
    ),
    ("rotate", &["the way back stays open: migrate-wizard secrets rotate --back"], FOR_GOOD),
];
const FOR_GOOD: &[&str] = &["for good: the same command without --dry-run"];

/// What to do next, at the end of a run. `report` is the path of the report that the run wrote.
pub fn next(state: &State, outcome: Outcome, report: Option<&str>) -> Vec<String> {
    let after = AFTER.iter().find(|(journey, _, _)| *journey == state.journey);
    let words = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    match (outcome, after) {
        (Outcome::Finished, Some((_, finished, _))) => words(finished),
        (Outcome::Rehearsed, Some((_, _, rehearsed))) => words(rehearsed),
        (Outcome::Finished, None) => {
            let closed =
                state.steps.values().any(|s| s.status == Status::Done && s.effect.as_ref().is_some_and(|(kind, _)| kind == "ledger"));
            let back = if closed {
                "the way back by rows is closed; what is left at Replit is yours to end on the day you chose"
            } else if state.sandbox {
                "the way back: b here, or later migrate-wizard rollback --sandbox with the same AWS_ENDPOINT_URL"
            } else {
                "the way back stays open: migrate-wizard rollback"
            };
            vec![format!("read the report: {}", report.unwrap_or("migrate-wizard report")), back.to_owned()]
        }
        (Outcome::Rehearsed, None) => words(&["see every change it would make: migrate-wizard plan", "go live: migrate-wizard"]),
        (Outcome::RolledBack, _) => words(&["everything that could be undone is undone; begin anew with migrate-wizard --new"]),
        (Outcome::Stopped | Outcome::Failed | Outcome::Interrupted, _) => words(&["start again to go on"]),
    }
}
