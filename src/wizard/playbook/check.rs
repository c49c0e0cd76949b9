//! Whether the playbooks of a journey stand together: ids, facts and effects that steps name, answers that can be given.
//! Reads no file, and builds effects only to see whether their fields will do.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::{Action, Ask, Playbook, caret};
use crate::error::Result;
use crate::wizard::plan;
use crate::wizard::template::{self, Facts};
use crate::wizard::view::AnswerKind;

/// Checks a whole journey: unique ids, known facts in `when`, `each` and holes, known effects with good fields.
/// `texts` maps file names to their text (for carets); `build` makes an effect from kind and filled fields and gives its example outputs.
pub fn check(
    books: &[Playbook],
    texts: &BTreeMap<String, String>,
    given: &Facts,
    build: &dyn Fn(&str, Value) -> Result<Facts>,
) -> Result<()> {
    let mut facts = given.clone();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut questions: BTreeSet<&str> = BTreeSet::new();
    for book in books {
        let text = texts.get(&book.file).map_or("", String::as_str);
        for step in &book.steps {
            let here = |needle: &str, what: &str, expected: &str| caret(&book.file, text, locate(text, &step.id, needle), what, expected);
            if let Some(other) = seen.insert(&step.id, &book.file) {
                let quoted = format!("\"{}\"", step.id);
                let again =
                    text.rfind(&format!("id = {quoted}")).map_or_else(|| locate(text, &step.id, &step.id), |i| i + 5..i + 5 + quoted.len());
                let what = format!("the step id `{}` is used twice (first in {other})", step.id);
                return Err(caret(
                    &book.file,
                    text,
                    again,
                    &what,
                    "give one of them another id: ids are unique over all playbooks of a journey",
                ));
            }
            let recommended = match &step.action {
                Action::Ask(ask) => ask.recommended_when.as_slice(),
                Action::Manual(_) | Action::Effect(_) => &[],
            };
            for (key, name, values) in (step.when.iter().map(|(n, v)| ("when", n, v)))
                .chain(step.rollback_when.iter().map(|(n, v)| ("rollback-when", n, v)))
                .chain(recommended.iter().flat_map(|one| one.when.iter().map(|(n, v)| ("recommended-when", n, v))))
            {
                if !facts.contains_key(name) {
                    return Err(here(
                        name,
                        &format!("`{key}` asks for `{name}`, which no earlier step gives"),
                        "name an earlier question's id or `step.output`",
                    ));
                }
                if let Some(ask) = questions.get(name.as_str()).and(find_ask(books, name)) {
                    for value in values.iter().filter(|value| *value != plan::ANYTHING) {
                        if ask.kind == AnswerKind::Choice && !ask.options.iter().any(|o| &o.id == value) {
                            let known: Vec<_> = ask.options.iter().map(|o| o.id.as_str()).collect();
                            return Err(here(
                                value,
                                &format!("`{value}` is not an option of `{name}`"),
                                &format!("one of: {}", known.join(", ")),
                            ));
                        }
                    }
                }
            }
            if let Some(unknown) = step.rollback_to.iter().find(|to| !seen.contains_key(to.as_str())) {
                let what = format!("`rollback-to` names no earlier step: `{unknown}`");
                return Err(here(unknown, &what, "name the id of a step before this one"));
            }
            let mut local = facts.clone();
            if let Some(list) = &step.each {
                if !facts.contains_key(list) {
                    return Err(here(
                        list,
                        &format!("`each` asks for `{list}`, which no earlier step gives"),
                        "name an earlier answer or output",
                    ));
                }
                let items = facts.get(list).map(template::plain).unwrap_or_default();
                local = template::for_item(items.split(',').next().unwrap_or("item").trim(), &facts);
            }
            let fill = |value: &Value| {
                template::fill_value(value, &local).map_err(|e| match &e {
                    template::Unfilled::Missing(path) => here(
                        &format!("${{{path}"),
                        &e.to_string(),
                        "name an earlier question, `step.output` or `run.*`, or give a fallback: ${name|fallback}",
                    ),
                    template::Unfilled::Unclosed => here("${", &e.to_string(), "close the hole with `}`"),
                })
            };
            if let Some(at_most) = &step.guard_at_most {
                let time = template::plain(&fill(&Value::String(at_most.time.clone()))?);
                if crate::text::parse_duration(&time).is_none() {
                    let what = format!("`guard-at-most`: `{time}` is not a duration");
                    return Err(here("guard-at-most", &what, "write it like 90s, 30m or 1h30m"));
                }
            }
            match &step.action {
                Action::Ask(ask) => {
                    for one in recommended {
                        let answer = template::plain(&fill(&Value::String(one.answer.get_ref().clone()))?);
                        if let Err(expected) = plan::legal(ask, &answer) {
                            let what = format!("`recommended-when` answers what `{}` does not take", step.id);
                            return Err(caret(&book.file, text, one.answer.span(), &what, &expected));
                        }
                    }
                    for because in recommended.iter().map(|one| &one.because).chain([&ask.because]) {
                        fill(&Value::String(because.clone()))?;
                    }
                    let value = match (&ask.recommended, &ask.default) {
                        (Some(id), _) => id.clone(),
                        (None, Some(text)) => template::plain(&fill(&Value::String(text.clone()))?),
                        (None, None) => ask.options.first().map_or("text", |o| o.id.as_str()).to_owned(),
                    };
                    facts.insert(step.id.clone(), Value::String(value));
                    questions.insert(&step.id);
                }
                Action::Manual(manual) => {
                    for item in manual.items.iter().chain(&manual.undo) {
                        fill(&Value::String(item.clone()))?;
                    }
                    if let Some(verify) = &manual.verify {
                        build(&verify.kind, fill(&verify.value())?).map_err(|e| here(&verify.kind, &e.what, &e.hint))?;
                    }
                }
                Action::Effect(spec) => {
                    let outputs = build(&spec.kind, fill(&spec.value())?).map_err(|e| here(&spec.kind, &e.what, &e.hint))?;
                    for (name, value) in outputs {
                        let value = if step.each.is_some() { Value::String(template::plain(&value)) } else { value };
                        facts.insert(format!("{}.{name}", step.id), value);
                    }
                }
            }
            if !matches!(step.action, Action::Ask(_)) {
                facts.insert(format!("{}.done", step.id), Value::String("yes".into()));
                facts.insert(format!("{}.done_at", step.id), Value::String("2026-01-01T00:00:00Z".into()));
            }
        }
    }
    for book in books {
        let text = texts.get(&book.file).map_or("", String::as_str);
        for step in &book.steps {
            let named = [
                ("guard-until", step.guard_until.as_ref()),
                ("guard-kept-from", step.guard_kept_from.as_ref()),
                ("guard-at-most", step.guard_at_most.as_ref().map(|most| &most.until)),
            ];
            for (key, until) in named.into_iter().filter_map(|(key, until)| Some((key, until?))) {
                if !seen.contains_key(until.as_str()) {
                    let what = format!("`{key}` names no step: `{until}`");
                    return Err(caret(&book.file, text, locate(text, &step.id, until), &what, "name a later step's id"));
                }
            }
        }
    }
    Ok(())
}

fn find_ask<'a>(books: &'a [Playbook], id: &str) -> Option<&'a Ask> {
    books.iter().flat_map(|b| &b.steps).find(|s| s.id == id).and_then(|s| match &s.action {
        Action::Ask(ask) => Some(ask),
        Action::Manual(_) | Action::Effect(_) => None,
    })
}

/// Where `needle` stands in the step's own lines; the step's id when it is not found.
fn locate(text: &str, id: &str, needle: &str) -> Range<usize> {
    let quoted = format!("id = \"{id}\"");
    let start = text.find(&quoted).unwrap_or(0);
    let end = text[start..].find("\n[[step]]").map_or(text.len(), |i| start + i);
    let mut at = start;
    for line in text.get(start..end).unwrap_or_default().split_inclusive('\n') {
        // what is said to people may hold any word
        let prose = ["title", "why", "because", "label", "consequence"].iter().any(|key| line.trim_start().starts_with(key));
        if let Some(i) = line.find(needle).filter(|_| !prose) {
            return at + i..at + i + needle.len();
        }
        at += line.len();
    }
    start..start + quoted.len().min(text.len() - start)
}
