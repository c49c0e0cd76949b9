//! Playbooks: one TOML file per phase, an ordered list of steps; the knowledge of what to do when.
//! Pure data and its checks: no I/O (the text comes in), no clock, nothing of AWS or SQL.

mod check;
mod recommended;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use toml::Spanned;

use crate::error::{Error, Kind, Result};
use crate::wizard::view::AnswerKind;

pub use check::check;
pub use recommended::{Ground, Recommendation, RecommendedWhen};

/// One phase of a journey.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// Where it came from, for messages.
    pub file: String,
    pub phase: String,
    pub title: String,
    pub why: String,
    /// `move` (the eight phases), `tour`, `rollback`.
    pub journey: String,
    /// Position in the journey.
    pub order: u32,
    pub steps: Vec<Step>,
}

/// One step of a phase.
#[derive(Debug, Clone)]
pub struct Step {
    pub id: String,
    pub title: String,
    pub why: String,
    /// Every key is an answer or fact; its value must be one of the list.
    pub when: BTreeMap<String, Vec<String>>,
    /// Why it cannot be undone: asks for the step's id to be typed.
    pub irreversible: Option<String>,
    /// Runbook time: `T-2h`.
    pub at: Option<String>,
    /// Who does it or answers for it; none: the wizard does an effect, the person at the keyboard all else.
    pub owner: Option<String>,
    /// Typical duration: `3m`.
    pub estimate: Option<String>,
    pub timeout: Option<std::time::Duration>,
    pub abort_if: Option<String>,
    /// A fact holding a comma list: the step stands once for each item, as `id[item]`, with `${item}`.
    pub each: Option<String>,
    /// For a guard: the step after which it is kept rather than undone on exit.
    pub guard_until: Option<String>,
    /// For a guard: the step from whose begin on it is kept: what leans on it may be at work outside, whatever became of that step.
    pub guard_kept_from: Option<String>,
    /// How long a guard may stand before it is released by itself.
    pub guard_at_most: Option<GuardAtMost>,
    /// It may run at the same time as other such steps that it takes nothing from, and that come before or after it without another step between.
    pub parallel: bool,
    /// What an effect that only reads has to show is put on show first, and waits for a word.
    pub look: bool,
    /// With nobody there and all of these holding, as with `when`, its failure begins the roll back; empty: never.
    pub rollback_when: BTreeMap<String, Vec<String>>,
    /// How far that goes: the first of these steps that was begun; empty: all the way.
    pub rollback_to: Vec<String>,
    pub action: Action,
}

/// How long a guard may stand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardAtMost {
    /// A duration; may have holes.
    pub time: String,
    /// Once this step was done under it, its time no longer counts: from there on it could not be released by itself without harm.
    pub until: String,
}

/// What a step does: exactly one of three.
#[derive(Debug, Clone)]
pub enum Action {
    Ask(Ask),
    Manual(Manual),
    Effect(EffectSpec),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ask {
    pub kind: AnswerKind,
    /// For a choice: the recommended option's id.
    pub recommended: Option<String>,
    #[serde(default)]
    pub because: String,
    /// What is proposed instead where something was found: the first that holds.
    #[serde(default)]
    pub recommended_when: Vec<RecommendedWhen>,
    /// For text and number: what Enter gives; may have holes.
    pub default: Option<String>,
    /// For text: may it be empty?
    #[serde(default)]
    pub optional: bool,
    /// For text: what it must look like.
    pub form: Option<Form>,
    #[serde(default, rename = "option")]
    pub options: Vec<Choice>,
}

/// What a text must look like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// A regular expression for the whole text.
    #[serde(deserialize_with = "whole")]
    pub pattern: Regex,
    /// The same in words.
    pub expected: String,
}

fn whole<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Regex, D::Error> {
    let pattern = String::deserialize(from)?;
    Regex::new(&format!("^(?:{pattern})$")).map_err(D::Error::custom)
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub id: String,
    pub label: String,
    pub consequence: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    pub items: Vec<String>,
    /// Shown when the step is rolled back.
    #[serde(default)]
    pub undo: Vec<String>,
    /// An effect whose probe must find it present.
    pub verify: Option<EffectSpec>,
}

/// An effect with its holes still open.
#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(try_from = "serde_json::Map<String, Value>")]
pub struct EffectSpec {
    pub kind: String,
    pub fields: serde_json::Map<String, Value>,
}

impl TryFrom<serde_json::Map<String, Value>> for EffectSpec {
    type Error = String;

    fn try_from(mut fields: serde_json::Map<String, Value>) -> std::result::Result<Self, String> {
        match fields.remove("kind") {
            Some(Value::String(kind)) => Ok(Self { kind, fields }),
            Some(_) | None => Err("an effect needs `kind = \"…\"`".into()),
        }
    }
}

impl EffectSpec {
    /// Does a field take all answers?
    pub fn takes_answers(&self) -> bool {
        self.fields.values().any(|v| v.as_str() == Some("${answers}"))
    }

    pub fn value(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawBook {
    phase: String,
    title: String,
    why: String,
    #[serde(default = "move_journey")]
    journey: String,
    #[serde(default)]
    order: u32,
    #[serde(default, rename = "step")]
    steps: Vec<Spanned<RawStep>>,
}

fn move_journey() -> String {
    "move".into()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawStep {
    id: Spanned<String>,
    title: String,
    why: String,
    #[serde(default)]
    when: BTreeMap<String, toml::Value>,
    irreversible: Option<String>,
    at: Option<Spanned<String>>,
    owner: Option<String>,
    estimate: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    abort_if: Option<String>,
    each: Option<String>,
    guard_until: Option<String>,
    guard_kept_from: Option<String>,
    guard_at_most: Option<GuardAtMost>,
    #[serde(default)]
    parallel: bool,
    #[serde(default)]
    look: bool,
    #[serde(default)]
    rollback_when: BTreeMap<String, toml::Value>,
    #[serde(default)]
    rollback_to: Vec<String>,
    ask: Option<Ask>,
    manual: Option<Manual>,
    effect: Option<EffectSpec>,
}

/// A message with file, line and a caret under the place.
pub fn caret(file: &str, text: &str, span: Range<usize>, what: &str, expected: &str) -> Error {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or("");
    let line_no = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
    let column = before.get(line_start..).unwrap_or("").chars().count();
    let width = text.get(span.start..span.end.min(line_start + line.len())).map_or(1, |s| s.chars().count()).max(1);
    let gutter = line_no.to_string();
    let pad = " ".repeat(gutter.len());
    let place =
        format!("{file}:{line_no}:{}\n{pad} |\n{gutter} | {line}\n{pad} | {}{} {what}", column + 1, " ".repeat(column), "^".repeat(width));
    Error::new(Kind::Input, format!("{what} ({file}:{line_no}:{})", column + 1)).cause(place).hint(expected)
}

/// Reads one playbook; the error shows file, line and a caret, and what was expected.
pub fn parse(file: &str, text: &str) -> Result<Playbook> {
    let raw: RawBook = toml::from_str(text).map_err(|e| {
        caret(
            file,
            text,
            e.span().unwrap_or(0..1),
            &e.message().replace('\n', " "),
            "see CONTRIBUTING.md, \"Playbooks\", for the keys of a playbook, a step and an action",
        )
    })?;
    let mut steps = Vec::with_capacity(raw.steps.len());
    for spanned in raw.steps {
        let span = spanned.span();
        steps.push(step(file, text, span, spanned.into_inner())?);
    }
    Ok(Playbook { file: file.into(), phase: raw.phase, title: raw.title, why: raw.why, journey: raw.journey, order: raw.order, steps })
}

fn step(file: &str, text: &str, _span: Range<usize>, raw: RawStep) -> Result<Step> {
    let id_span = raw.id.span();
    let id = raw.id.into_inner();
    let place = |what: &str, expected: &str| caret(file, text, id_span.clone(), what, expected);
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(place("a step id has letters, digits, `-` and `_` only", "rename the step"));
    }
    let action = match (raw.ask, raw.manual, raw.effect) {
        (Some(ask), None, None) => Action::Ask(check_ask(ask, &place)?),
        (None, Some(manual), None) => Action::Manual(manual),
        (None, None, Some(effect)) => Action::Effect(effect),
        (None, None, None) => {
            return Err(place("this step has no action", "give it exactly one of [step.ask], [step.manual], [step.effect]"));
        }
        (Some(_), _, _) | (_, Some(_), _) => {
            return Err(place("this step has more than one action", "keep exactly one of [step.ask], [step.manual], [step.effect]"));
        }
    };
    let length = |raw: &Option<Spanned<String>>| -> Result<Option<std::time::Duration>> {
        raw.as_ref()
            .map(|s| {
                crate::text::parse_duration(s.as_ref())
                    .ok_or_else(|| caret(file, text, s.span(), "not a duration", "write it like 90s, 2m10s or 1h30m"))
            })
            .transpose()
    };
    length(&raw.estimate)?;
    if let Some(at) = &raw.at
        && crate::text::runbook_time(at.as_ref()).is_none()
    {
        return Err(caret(file, text, at.span(), "not a time of a runbook", "write it like T, T-2h or T+10m"));
    }
    if raw.parallel && (raw.irreversible.is_some() || raw.guard_until.is_some() || !matches!(action, Action::Effect(_))) {
        return Err(place("only an effect that can be undone and is no guard can be `parallel`", "leave `parallel` out"));
    }
    if raw.guard_until.is_none() && (raw.guard_at_most.is_some() || raw.guard_kept_from.is_some()) {
        return Err(place(
            "only a guard may stand for so long, or be kept",
            "leave `guard-at-most` and `guard-kept-from` out, or say `guard-until`",
        ));
    }
    if (!raw.rollback_when.is_empty() && !matches!(action, Action::Effect(_)))
        || (raw.rollback_when.is_empty() && !raw.rollback_to.is_empty())
    {
        return Err(place("`rollback-when` is for an effect, and `rollback-to` says how far that goes", "leave them out, or name both"));
    }
    if raw.look && (raw.parallel || !matches!(action, Action::Effect(_))) {
        return Err(place("only an effect on its own has something to `look` at", "leave `look` out"));
    }
    Ok(Step {
        timeout: length(&raw.timeout)?,
        id,
        title: raw.title,
        why: raw.why,
        when: conditions("when", raw.when, &place)?,
        rollback_when: conditions("rollback-when", raw.rollback_when, &place)?,
        rollback_to: raw.rollback_to,
        irreversible: raw.irreversible,
        at: raw.at.map(Spanned::into_inner),
        owner: raw.owner,
        estimate: raw.estimate.map(Spanned::into_inner),
        abort_if: raw.abort_if,
        each: raw.each,
        guard_until: raw.guard_until,
        guard_kept_from: raw.guard_kept_from,
        guard_at_most: raw.guard_at_most,
        parallel: raw.parallel,
        look: raw.look,
        action,
    })
}

/// `when`, or what has its shape.
fn conditions(key: &str, raw: BTreeMap<String, toml::Value>, place: &dyn Fn(&str, &str) -> Error) -> Result<BTreeMap<String, Vec<String>>> {
    let wrong = || {
        place(
            &format!("`{key}` maps a name to a text or a list of texts"),
            &format!("write {key} = {{ database = [\"rds\", \"aurora\"] }}"),
        )
    };
    raw.into_iter().map(|(name, values)| Ok((name, allowed(&values).ok_or_else(wrong)?))).collect()
}

/// The values a `when` allows: one text or a list of them.
fn allowed(values: &toml::Value) -> Option<Vec<String>> {
    match values {
        toml::Value::String(one) => Some(vec![one.clone()]),
        toml::Value::Array(many) => many.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => {
            None
        }
    }
}

fn check_ask(ask: Ask, place: &dyn Fn(&str, &str) -> Error) -> Result<Ask> {
    match ask.kind {
        AnswerKind::Choice => {
            if ask.options.is_empty() {
                return Err(place("a choice without options", "add [[step.ask.option]] with id, label and consequence"));
            }
            if let Some(id) = &ask.recommended
                && !ask.options.iter().any(|o| &o.id == id)
            {
                let known: Vec<_> = ask.options.iter().map(|o| o.id.as_str()).collect();
                return Err(place(&format!("`{id}` is recommended but not an option"), &format!("one of: {}", known.join(", "))));
            }
        }
        AnswerKind::Text | AnswerKind::Number | AnswerKind::Secret => {
            if !ask.options.is_empty() {
                return Err(place("only a choice has options", "remove the options or set kind = \"choice\""));
            }
        }
    }
    Ok(ask)
}
