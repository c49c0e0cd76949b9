//! What is still to come: every step from here to the end, filled with what is known and, where nothing is, with examples.
//! Pure: it builds effects to describe them and applies none.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::wizard::effect::{Registry, Touch};
use crate::wizard::plan::{self, Books, Planned, Suggestion};
use crate::wizard::playbook::{Action, Ground};
use crate::wizard::screens::{self, Rehearsed};
use crate::wizard::state::{State, Status};
use crate::wizard::template::{self, Facts};
use crate::wizard::view::AnswerKind;

/// One step to come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coming {
    pub step: String,
    pub phase: String,
    pub title: String,
    /// `ask`, `manual` or the effect's kind.
    pub kind: String,
    pub writes: bool,
    /// What will be done; for a question, the answer it would take.
    pub describe: String,
    /// The equivalent command, empty where there is none.
    pub command: String,
    pub estimate: Option<String>,
    pub irreversible: Option<String>,
    /// An effect's fields, filled with what is known and with examples; null for all else.
    #[serde(skip)]
    pub fields: Value,
}

/// All that is to come, in order.
pub fn forecast<W>(
    books: &Books,
    state: &State,
    answers: &BTreeMap<String, Suggestion>,
    rehearsed: &Rehearsed,
    registry: &Registry<W>,
) -> Vec<Coming> {
    to_the_end(books, state, answers, rehearsed, registry).0
}

/// All that is to come, and what is then known.
pub fn to_the_end<W>(
    books: &Books,
    state: &State,
    answers: &BTreeMap<String, Suggestion>,
    rehearsed: &Rehearsed,
    registry: &Registry<W>,
) -> (Vec<Coming>, Facts) {
    let mut facts = state.facts();
    let mut seen = BTreeSet::new();
    let mut coming = Vec::new();
    while let Some(planned) = books.outline(&facts).into_iter().find(|p| p.applies == Some(true) && !seen.contains(&p.id)) {
        seen.insert(planned.id.clone());
        let own = plan::facts_for(&planned, &facts);
        let done = state.status(&planned.id) == Status::Done && plan::stale(&planned, state, &facts).is_none();
        match &planned.step.action {
            Action::Ask(ask) => {
                if facts.contains_key(&planned.id) {
                    continue;
                }
                let told = ask.recommendation(&own);
                let word = match (ask.kind, told.ground) {
                    (AnswerKind::Choice, _) => "recommended",
                    (AnswerKind::Text | AnswerKind::Number | AnswerKind::Secret, Ground::Question) => "default",
                    (AnswerKind::Text | AnswerKind::Number | AnswerKind::Secret, Ground::Fact | Ground::Finding) => "detected",
                };
                let (value, source) = match (answers.get(&planned.id), told.answer) {
                    (Some(given), _) => (given.value.clone(), given.source.words().to_owned()),
                    (None, Some(value)) if told.ground == Ground::Finding => (value, format!("{word}: {}", told.because)),
                    (None, Some(value)) => (value, word.to_owned()),
                    (None, None) if ask.options.is_empty() => (String::new(), "you are asked".to_owned()),
                    (None, None) => (ask.options.first().map(|o| o.id.clone()).unwrap_or_default(), "first option".to_owned()),
                };
                let shown = if value.is_empty() { "none" } else { value.as_str() };
                coming.push(line(&planned, "ask", false, format!("{shown} ({source})"), String::new(), rehearsed));
                facts.insert(planned.id.clone(), Value::from(value));
            }
            Action::Manual(manual) => {
                if !done {
                    let items: Vec<_> = manual.items.iter().map(|i| template::fill(i, &own).unwrap_or_else(|_| i.clone())).collect();
                    coming.push(line(&planned, "manual", false, items.join("; "), String::new(), rehearsed));
                }
                facts.insert(format!("{}.done", planned.id), Value::from("yes"));
            }
            Action::Effect(spec) => {
                if done {
                    continue;
                }
                let filled = template::fill_value(&spec.value(), &own).ok();
                let effect = filled.and_then(|fields| Some((registry.build(&spec.kind, fields.clone()).ok()?, fields)));
                match effect {
                    None => coming.push(line(
                        &planned,
                        &spec.kind,
                        true,
                        "cannot be described yet: it depends on a step that has not run".into(),
                        String::new(),
                        rehearsed,
                    )),
                    Some((effect, fields)) => {
                        let about = effect.describe();
                        let told = line(&planned, &spec.kind, effect.touch() != Touch::Reads, about.sentence, about.command, rehearsed);
                        coming.push(Coming { fields, ..told });
                        for (name, value) in effect.example() {
                            facts.entry(format!("{}.{name}", planned.id)).or_insert(value);
                        }
                        facts.insert(format!("{}.done", planned.id), Value::from("yes"));
                    }
                }
            }
        }
    }
    (coming, facts)
}

fn line(planned: &Planned<'_>, kind: &str, writes: bool, describe: String, command: String, rehearsed: &Rehearsed) -> Coming {
    Coming {
        step: planned.id.clone(),
        phase: planned.phase.to_owned(),
        title: screens::title(planned),
        kind: kind.to_owned(),
        writes,
        describe,
        command,
        estimate: screens::estimate(planned, rehearsed),
        irreversible: planned.step.irreversible.clone(),
        fields: Value::Null,
    }
}
