//! Holes in playbook text: `${path}` and `${path|fallback}`, filled from facts; `$${` is a literal `${`.
//! Knows nothing of what a fact means and reads nothing but the map it is given.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is known so far: answers by question id, outputs as `step.output`, `run.*`.
pub type Facts = BTreeMap<String, Value>;

/// One `${…}` in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole<'a> {
    pub path: &'a str,
    pub fallback: Option<&'a str>,
    /// Byte offset of the `$`.
    pub at: usize,
    /// Byte length with the braces.
    pub len: usize,
}

/// Why a text could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    #[error("nothing is known as `{0}`")]
    Missing(String),
    #[error("`${{` without a closing `}}`")]
    Unclosed,
}

/// All holes of a text, in order.
pub fn holes(text: &str) -> Result<Vec<Hole<'_>>, Unfilled> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find("${") {
        let start = at + next;
        if start > 0 && text.as_bytes().get(start - 1) == Some(&b'$') {
            at = start + 2;
            continue;
        }
        let end = text[start..].find('}').ok_or(Unfilled::Unclosed)? + start;
        let inner = &text[start + 2..end];
        let (path, fallback) = inner.split_once('|').map_or((inner, None), |(p, f)| (p, Some(f)));
        found.push(Hole { path: path.trim(), fallback, at: start, len: end + 1 - start });
        at = end + 1;
    }
    Ok(found)
}

/// A fact as the text that replaces its hole.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The text with every hole filled.
pub fn fill(text: &str, facts: &Facts) -> Result<String, Unfilled> {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for hole in holes(text)? {
        out.push_str(&text[from..hole.at]);
        match (facts.get(hole.path), hole.fallback) {
            (Some(value), _) if !value.is_null() => out.push_str(&plain(value)),
            (_, Some(fallback)) => out.push_str(fallback),
            (_, None) => return Err(Unfilled::Missing(hole.path.to_owned())),
        }
        from = hole.at + hole.len;
    }
    out.push_str(&text[from..]);
    Ok(out.replace("$${", "${"))
}

/// The value with every hole in every text filled. A text that is one hole alone takes the fact as it is, list or table.
pub fn fill_value(value: &Value, facts: &Facts) -> Result<Value, Unfilled> {
    Ok(match value {
        Value::String(text) => {
            let found = holes(text)?;
            match found.as_slice() {
                [hole] if hole.at == 0 && hole.len == text.len() => match facts.get(hole.path) {
                    Some(fact) if !fact.is_null() => fact.clone(),
                    Some(_) | None => Value::String(fill(text, facts)?),
                },
                _ => Value::String(fill(text, facts)?),
            }
        }
        Value::Array(items) => Value::Array(items.iter().map(|v| fill_value(v, facts)).collect::<Result<_, _>>()?),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| Ok((k.clone(), fill_value(v, facts)?))).collect::<Result<_, _>>()?),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Every hole path in every text of a value.
pub fn paths(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.extend(holes(text).unwrap_or_default().iter().map(|h| h.path.to_owned())),
        Value::Array(items) => items.iter().for_each(|v| paths(v, into)),
        Value::Object(map) => map.values().for_each(|v| paths(v, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn holes_are_filled_from_facts_or_fallback() {
        let facts = Facts::from([("a".into(), json!("x")), ("n.port".into(), json!(3000)), ("l".into(), json!(["p", "q"]))]);
        assert_eq!(fill("${a}:${n.port}/${none|0}", &facts), Ok("x:3000/0".into()));
        assert_eq!(fill("$${a}", &facts), Ok("${a}".into()));
        assert_eq!(fill("${none}", &facts), Err(Unfilled::Missing("none".into())));
        assert_eq!(fill("${a", &facts), Err(Unfilled::Unclosed));
        assert_eq!(fill_value(&json!({"k": ["${l}", "${l}!"]}), &facts), Ok(json!({"k": [["p", "q"], "p,q!"]})));
    }
}
