//! Holes in playbook text, filled from facts: `${path}`, `${path|fallback}`, `${first,second}` (the first that is known),
//! `${path?from=to,other=another}` (a value in the target's words), `${step[*].output}` (of every item of an `each` step); `$${` is a literal `${`.
//! Knows nothing of what a fact means and reads nothing but the map it is given.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is known so far: answers by question id, outputs as `step.output`, `run.*`.
pub type Facts = BTreeMap<String, Value>;

/// One `${…}` in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole<'a> {
    /// The first that is known is taken.
    pub paths: Vec<&'a str>,
    /// Value → what stands for it; other values stay as they are.
    pub words: Vec<(&'a str, &'a str)>,
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
        let (asked, fallback) = inner.split_once('|').map_or((inner, None), |(p, f)| (p, Some(f)));
        let (paths, words) = asked.split_once('?').map_or((asked, ""), |(p, w)| (p, w));
        found.push(Hole {
            paths: paths.split(',').map(str::trim).collect(),
            words: words.split(',').filter_map(|w| w.split_once('=')).map(|(from, to)| (from.trim(), to.trim())).collect(),
            fallback,
            at: start,
            len: end + 1 - start,
        });
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

impl Hole<'_> {
    /// The first known fact, in the hole's own words.
    fn value(&self, facts: &Facts) -> Option<Value> {
        let fact = self.paths.iter().find_map(|p| known(p, facts))?;
        let text = plain(&fact);
        let word = self.words.iter().find(|(from, _)| *from == text);
        Some(word.map_or(fact, |(_, to)| Value::from(*to)))
    }
}

/// A fact by path; `x[*].y` is the `y` of every item of `x`, as a comma list.
fn known(path: &str, facts: &Facts) -> Option<Value> {
    let Some((step, output)) = path.split_once("[*].") else { return facts.get(path).filter(|v| !v.is_null()).cloned() };
    let (head, tail) = (format!("{step}["), format!("].{output}"));
    let all: Vec<String> =
        facts.iter().filter(|(name, _)| name.starts_with(&head) && name.ends_with(&tail)).map(|(_, v)| plain(v)).collect();
    if all.is_empty() { known(&format!("{step}.{output}"), facts) } else { Some(Value::from(all.join(","))) }
}

/// The text with every hole filled.
pub fn fill(text: &str, facts: &Facts) -> Result<String, Unfilled> {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for hole in holes(text)? {
        out.push_str(&text[from..hole.at]);
        match (hole.value(facts), hole.fallback) {
            (Some(value), _) => out.push_str(&plain(&value)),
            (None, Some(fallback)) => out.push_str(fallback),
            (None, None) => return Err(Unfilled::Missing(hole.paths.join(","))),
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
                [hole] if hole.at == 0 && hole.len == text.len() => match hole.value(facts) {
                    Some(fact) => fact,
                    None => Value::String(fill(text, facts)?),
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
        Value::String(text) => into.extend(holes(text).unwrap_or_default().iter().flat_map(|h| h.paths.iter().map(|p| (*p).to_owned()))),
        Value::Array(items) => items.iter().for_each(|v| paths(v, into)),
        Value::Object(map) => map.values().for_each(|v| paths(v, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The facts as one item of `each` sees them: `${item}`, and of every `x[item].y` also `x.y`.
pub fn for_item(item: &str, facts: &Facts) -> Facts {
    let mut own = facts.clone();
    let mark = format!("[{item}].");
    for (name, value) in facts {
        if let Some((step, output)) = name.split_once(&mark) {
            own.insert(format!("{}.{output}", step.trim_end_matches('.')), value.clone());
        }
    }
    own.insert("item".into(), Value::from(item));
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn holes_are_filled_from_facts_or_fallback() {
        let facts = Facts::from([("a".into(), json!("x")), ("n.port".into(), json!(3000)), ("l".into(), json!(["p", "q"]))]);
        assert_eq!(fill("${a}:${n.port}/${none|0}", &facts), Ok("x:3000/0".into()));
        assert_eq!(fill("${none,a?x=ex,y=why}", &facts), Ok("ex".into()));
        let each = Facts::from([("s[a].arn".into(), json!("1")), ("s[b].arn".into(), json!("2"))]);
        assert_eq!(fill("${s[*].arn}", &each), Ok("1,2".into()));
        assert_eq!(fill("${a?y=why}", &facts), Ok("x".into()));
        assert_eq!(fill("$${a}", &facts), Ok("${a}".into()));
        assert_eq!(fill("${none}", &facts), Err(Unfilled::Missing("none".into())));
        assert_eq!(fill("${a", &facts), Err(Unfilled::Unclosed));
        assert_eq!(fill_value(&json!({"k": ["${l}", "${l}!"]}), &facts), Ok(json!({"k": [["p", "q"], "p,q!"]})));
    }
}
