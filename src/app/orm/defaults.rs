//! The default of a column as the converted schema has it, written for Drizzle.
//! Never evaluates SQL: only constants become values of the app.

use serde_json::Value;

use super::script::{Style, template};

/// The text of `'…'` or `'…'::type`.
fn constant(sql: &str) -> Option<String> {
    let inside = sql.trim().strip_prefix('\'')?;
    // Two quotes are one inside of the text; a single one ends it.
    let (mut close, mut skip) = (None, false);
    for (at, _) in inside.match_indices('\'') {
        if std::mem::take(&mut skip) {
            continue;
        }
        if inside.get(at + 1..).is_some_and(|rest| rest.starts_with('\'')) {
            skip = true;
        } else {
            close = Some(at);
            break;
        }
    }
    let close = close?;
    let after = inside.get(close + 1..)?;
    (after.is_empty() || after.starts_with("::")).then(|| inside.get(..close).unwrap_or_default().replace("''", "'"))
}

/// `'["a"]'::jsonb` as a literal of the app: `["a"]`.
pub fn json(sql: &str, style: Style) -> Option<String> {
    let value: Value = serde_json::from_str(&constant(sql)?).ok()?;
    Some(literal(&value, style))
}

fn literal(value: &Value, style: Style) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => style.text(text),
        Value::Array(items) => format!("[{}]", items.iter().map(|item| literal(item, style)).collect::<Vec<_>>().join(", ")),
        Value::Object(pairs) if pairs.is_empty() => "{}".to_owned(),
        Value::Object(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}: {}", style.text(key), literal(value, style))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// `` sql`now()` `` with the name that `sql` has in the file.
pub fn tagged(sql_name: &str, sql: &str) -> String {
    format!("{sql_name}`{}`", template(sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_become_values() {
        let style = Style { quote: '"', semicolons: true, newline: "\n" };
        for (sql, then) in [
            ("'[]'::jsonb", Some("[]")),
            (r#"'["a","it''s ok",null]'::jsonb"#, Some(r#"["a", "it's ok", null]"#)),
            ("'[1,[2]]'::jsonb", Some("[1, [2]]")),
            ("'{}'", Some("{}")),
            ("''''::text", None),
            ("now()", None),
        ] {
            assert_eq!(json(sql, style).as_deref(), then, "{sql}");
        }
    }
}
