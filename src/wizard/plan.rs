//! What is next: `next(playbooks, state)` alone decides, and it is pure.
//! No I/O and no clock; it builds no effect, it only fills holes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::wizard::journal::Source;
use crate::wizard::playbook::{Action, EffectSpec, Playbook, Step};
use crate::wizard::state::{End, State, Status};
use crate::wizard::template::{self, Facts};

/// A step with its place in the run: `each` steps stand once for each item.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// `service[web]` for an item of `each`, else the step's id.
    pub id: String,
    pub item: Option<String>,
    pub step: &'a Step,
    pub phase: &'a str,
    /// `None` while what `when` asks for is not known yet.
    pub applies: Option<bool>,
    /// Questions asked before this step, for a step that takes `${answers}`: a later answer does not make it stale.
    pub asked: Vec<&'a str>,
}

/// What happens next.
#[derive(Debug, Clone)]
pub enum Next<'a> {
    Ask(Planned<'a>),
    Manual(Planned<'a>),
    Effect(Planned<'a>),
    /// Started or undoing without an end: probe first.
    Recover {
        planned: Option<Planned<'a>>,
        id: String,
        undoing: bool,
    },
    Undo {
        id: String,
        title: String,
    },
    UndoManual {
        planned: Planned<'a>,
        items: Vec<String>,
    },
    /// Steps are at work, and what comes next needs one of them, or may not run beside them.
    Wait,
    /// Every step is done and the journal does not say so yet.
    Finish,
    /// Everything is undone and the journal does not say so yet.
    CloseRollback,
    Ended(End),
}

/// The playbooks of a journey and of its roll back.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub forward: Vec<Playbook>,
    pub rollback: Vec<Playbook>,
}

impl Books {
    /// All steps of the journey, `each` unfolded by the facts.
    pub fn outline<'a>(&'a self, facts: &Facts) -> Vec<Planned<'a>> {
        unfold(&self.forward, facts)
    }

    pub fn rollback_outline<'a>(&'a self, facts: &Facts) -> Vec<Planned<'a>> {
        unfold(&self.rollback, facts)
    }

    /// The step behind an id such as `service[web]`.
    pub fn find(&self, id: &str) -> Option<(&Playbook, &Step)> {
        let base = id.split('[').next().unwrap_or(id);
        self.forward.iter().chain(&self.rollback).find_map(|b| b.steps.iter().find(|s| s.id == base).map(|s| (b, s)))
    }
}

fn unfold<'a>(books: &'a [Playbook], facts: &Facts) -> Vec<Planned<'a>> {
    let mut out = Vec::new();
    let mut questions: Vec<&str> = Vec::new();
    for book in books {
        for step in &book.steps {
            let applies = applies(step, facts);
            let asked = match &step.action {
                Action::Ask(_) => {
                    questions.push(&step.id);
                    Vec::new()
                }
                Action::Manual(_) => Vec::new(),
                Action::Effect(spec) => {
                    if spec.takes_answers() {
                        questions.clone()
                    } else {
                        Vec::new()
                    }
                }
            };
            let alone = |applies| Planned { id: step.id.clone(), item: None, step, phase: &book.phase, applies, asked: asked.clone() };
            match &step.each {
                None => out.push(alone(applies)),
                Some(list) => match facts.get(list) {
                    None => out.push(alone(applies.filter(|yes| !yes))),
                    Some(value) => {
                        for item in template::plain(value).split(',').map(str::trim).filter(|i| !i.is_empty()) {
                            out.push(Planned { id: format!("{}[{item}]", step.id), item: Some(item.to_owned()), ..alone(applies) });
                        }
                    }
                },
            }
        }
    }
    out
}

fn applies(step: &Step, facts: &Facts) -> Option<bool> {
    holds(&step.when, facts)
}

/// Among the values of a `when`: whatever it is, as long as it is something.
pub const ANYTHING: &str = "*";

/// Is this fact one of the values? A list is, when one of its items is.
fn is_one_of(fact: &Value, values: &[String]) -> bool {
    let one = |fact: &Value| {
        let text = template::plain(fact);
        values.iter().any(|value| *value == text || (value == ANYTHING && !text.is_empty()))
    };
    fact.as_array().map_or_else(|| one(fact), |items| items.iter().any(one))
}

/// Do all conditions hold? `None` while a fact that one asks for is not known.
pub fn holds(conditions: &BTreeMap<String, Vec<String>>, facts: &Facts) -> Option<bool> {
    let mut all_known = true;
    for (name, values) in conditions {
        match facts.get(name) {
            Some(value) if is_one_of(value, values) => {}
            Some(_) => return Some(false),
            None => all_known = false,
        }
    }
    all_known.then_some(true)
}

/// The facts as one step sees them: inside `each`, `${item}` and its siblings' outputs without the brackets.
pub fn facts_for<'f>(planned: &Planned<'_>, facts: &'f Facts) -> Cow<'f, Facts> {
    let mut own = planned.item.as_ref().map_or(Cow::Borrowed(facts), |item| Cow::Owned(template::for_item(item, facts)));
    if !planned.asked.is_empty()
        && let Some(Value::Object(answers)) = own.to_mut().get_mut("answers")
    {
        answers.retain(|id, _| planned.asked.contains(&id.as_str()));
    }
    own
}

/// The effect of a step with its holes filled.
pub fn resolve(planned: &Planned<'_>, spec: &EffectSpec, facts: &Facts) -> Result<Value> {
    template::fill_value(&spec.value(), &facts_for(planned, facts)).map_err(|e| {
        Error::new(Kind::Input, format!("step `{}`: {e}", planned.id))
            .hint("an earlier step that gives it was skipped or has not run: go back to it, or give the hole a fallback in the playbook")
    })
}

/// Why a done step has to run again: what it was built from is not what is known now.
pub fn stale(planned: &Planned<'_>, state: &State, facts: &Facts) -> Option<String> {
    let done = state.steps.get(&planned.id).filter(|s| s.status == Status::Done)?;
    if done.refresh {
        return Some("the freeze it relied on was released".into());
    }
    let Action::Effect(spec) = &planned.step.action else { return None };
    let (_, was) = done.effect.as_ref()?;
    let now = resolve(planned, spec, facts).ok()?;
    (was != &now).then(|| difference(was, &now))
}

/// `database: rds → dsql`, the first few differing leaves.
fn difference(was: &Value, now: &Value) -> String {
    let mut changes = Vec::new();
    leaves("", was, now, &mut changes);
    let more = changes.len().saturating_sub(3);
    changes.truncate(3);
    let mut text = changes.join(", ");
    if more > 0 {
        text.push_str(&format!(", {more} more"));
    }
    text
}

fn leaves(path: &str, was: &Value, now: &Value, into: &mut Vec<String>) {
    match (was, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeMap<&String, ()> = a.keys().chain(b.keys()).map(|k| (k, ())).collect();
            for key in keys.keys() {
                let below = if path.is_empty() { (*key).clone() } else { format!("{path}.{key}") };
                leaves(&below, a.get(*key).unwrap_or(&Value::Null), b.get(*key).unwrap_or(&Value::Null), into);
            }
        }
        (a, b) if a != b => into.push(format!("{path}: {} → {}", template::plain(a), template::plain(b))),
        (_, _) => {}
    }
}

/// What happens next in this run, beside the steps `at_work`. `has_secret` says whether a secret answer is still in memory.
pub fn next<'a>(books: &'a Books, state: &State, at_work: &BTreeSet<String>, has_secret: &dyn Fn(&str) -> bool) -> Next<'a> {
    if let Some(end) = state.ended {
        return Next::Ended(end);
    }
    let facts = state.facts();
    if state.rollback.is_some() {
        return next_back(books, state, &facts);
    }
    let outline = books.outline(&facts);
    for (id, step) in &state.steps {
        let undoing = step.status == Status::Undoing || step.status == Status::UndoFailed;
        // what lost its guard comes in its turn, after the guard
        let cut_off = step.status == Status::Started && !step.refresh;
        if (cut_off || undoing) && !at_work.contains(id) {
            return Next::Recover { planned: outline.iter().find(|p| &p.id == id).cloned(), id: id.clone(), undoing };
        }
    }
    // steps whose end is not known yet: at work, or waiting for one of those
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for planned in outline {
        if planned.applies != Some(true) {
            continue;
        }
        if at_work.contains(&planned.id) {
            open.insert(&planned.step.id);
            continue;
        }
        let Some(next) = forward(&planned, state, &facts, has_secret) else { continue };
        if at_work.is_empty() {
            return next;
        }
        if !planned.step.parallel {
            return Next::Wait;
        }
        if !takes_from(planned.step, &open) {
            return next;
        }
        open.insert(&planned.step.id);
    }
    if at_work.is_empty() { Next::Finish } else { Next::Wait }
}

/// Does a step take a fact of one of these steps, for its fields or to know whether it applies?
fn takes_from(step: &Step, open: &BTreeSet<&str>) -> bool {
    let mut paths: Vec<String> = step.when.keys().chain(&step.each).cloned().collect();
    if let Action::Effect(spec) = &step.action {
        template::paths(&spec.value(), &mut paths);
    }
    paths.iter().any(|path| open.contains(path.split(['.', '[']).next().unwrap_or(path)))
}

fn forward<'a>(planned: &Planned<'a>, state: &State, facts: &Facts, has_secret: &dyn Fn(&str) -> bool) -> Option<Next<'a>> {
    let step = state.steps.get(&planned.id);
    match &planned.step.action {
        Action::Ask(ask) => {
            let answered = step.and_then(|s| s.answer.as_ref()).is_some_and(|(value, _)| {
                let secret = ask.kind == crate::wizard::view::AnswerKind::Secret;
                if secret { has_secret(&planned.id) } else { legal(ask, &template::plain(value)).is_ok() }
            });
            (!answered).then(|| Next::Ask(planned.clone()))
        }
        Action::Manual(_) => (step.is_none_or(|s| s.status != Status::Done)).then(|| Next::Manual(planned.clone())),
        Action::Effect(_) => {
            let fresh = step.is_some_and(|s| s.status == Status::Done) && stale(planned, state, facts).is_none();
            (!fresh).then(|| Next::Effect(planned.clone()))
        }
    }
}

fn next_back<'a>(books: &'a Books, state: &State, facts: &Facts) -> Next<'a> {
    let since = state.rollback.as_ref().map_or(0, |r| r.since);
    for (id, step) in &state.steps {
        if step.status == Status::Started && step.started_n > since {
            return Next::Recover {
                planned: books.rollback_outline(facts).into_iter().find(|p| &p.id == id),
                id: id.clone(),
                undoing: false,
            };
        }
    }
    if state.rollback.as_ref().is_some_and(|r| r.to.is_none()) {
        for planned in books.rollback_outline(facts) {
            let done = state.steps.get(&planned.id).is_some_and(|s| s.status == Status::Done || s.answer.is_some());
            if planned.applies == Some(true) && !done {
                return match &planned.step.action {
                    Action::Ask(_) => Next::Ask(planned),
                    Action::Manual(_) => Next::Manual(planned),
                    Action::Effect(_) => Next::Effect(planned),
                };
            }
        }
    }
    match undoable(books, state).into_iter().next() {
        None => Next::CloseRollback,
        Some(id) => {
            let facts = facts.clone();
            let planned = books.outline(&facts).into_iter().find(|p| p.id == id);
            match planned {
                Some(planned) => match &planned.step.action {
                    Action::Manual(manual) => {
                        let own = facts_for(&planned, &facts);
                        let items = manual.undo.iter().map(|t| template::fill(t, &own).unwrap_or_else(|_| t.clone())).collect();
                        Next::UndoManual { planned, items }
                    }
                    Action::Ask(_) | Action::Effect(_) => Next::Undo { title: planned.step.title.clone(), id },
                },
                None => Next::Undo { title: books.find(&id).map_or_else(|| id.clone(), |(_, s)| s.title.clone()), id },
            }
        }
    }
}

/// Ids of what a roll back undoes, newest first. Steps that only read are not in it: their start says nothing was to be touched.
pub fn undoable(books: &Books, state: &State) -> Vec<String> {
    let since = state.rollback.as_ref().map_or(u64::MAX, |r| r.since);
    let floor = state.rollback.as_ref().and_then(|r| r.to.as_ref()).and_then(|to| state.steps.get(to)).map_or(0, |s| s.started_n);
    let mut found: Vec<(u64, &String)> = state
        .steps
        .iter()
        .filter(|(_, s)| s.started_n < since && s.started_n >= floor && s.started_n > 0)
        .filter(|(id, s)| match s.status {
            Status::Done | Status::Started | Status::Failed | Status::Undoing | Status::UndoFailed => {
                let manual_undo = books.find(id).is_some_and(|(_, step)| match &step.action {
                    Action::Manual(m) => !m.undo.is_empty(),
                    Action::Ask(_) | Action::Effect(_) => false,
                });
                manual_undo || (s.effect.is_some() && s.writes)
            }
            Status::Waiting | Status::Answered | Status::Undone => false,
        })
        .map(|(id, s)| (s.started_n, id))
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, id)| id.clone()).collect()
}

/// The step that a roll back back to `name` means: a step, an `each` step without its item, or a phase; the first of it that was begun.
pub fn back_to(books: &Books, state: &State, name: &str) -> Option<String> {
    let named = |id: &str| id == name || id.split('[').next() == Some(name) || books.find(id).is_some_and(|(book, _)| book.phase == name);
    let begun = state.steps.iter().filter(|(id, s)| s.started_n > 0 && named(id));
    begun.min_by_key(|(_, s)| s.started_n).map(|(id, _)| id.clone())
}

/// Is this answer one the question takes? `Err` says what was expected.
pub fn legal(ask: &crate::wizard::playbook::Ask, value: &str) -> Result<(), String> {
    use crate::wizard::view::AnswerKind;
    match ask.kind {
        AnswerKind::Choice if ask.options.iter().any(|o| o.id == value) => Ok(()),
        AnswerKind::Choice => {
            let known: Vec<_> = ask.options.iter().map(|o| o.id.as_str()).collect();
            Err(format!("`{value}` is not one of: {}", known.join(", ")))
        }
        AnswerKind::Number if value.trim().parse::<u64>().is_ok() => Ok(()),
        AnswerKind::Number => Err(format!("`{value}` is not a whole number")),
        AnswerKind::Text | AnswerKind::Secret if value.trim().is_empty() && ask.optional => Ok(()),
        AnswerKind::Text | AnswerKind::Secret if value.trim().is_empty() => Err("an answer is needed here".into()),
        AnswerKind::Text | AnswerKind::Secret => match &ask.form {
            Some(form) if !form.pattern.is_match(value.trim()) => Err(format!("`{value}` is not {}", form.expected)),
            Some(_) | None => Ok(()),
        },
    }
}

/// A suggested answer and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    pub value: String,
    pub source: Source,
}
