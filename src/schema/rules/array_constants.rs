//! Rule: an array constant as the JSON array that stands for it.
//! Never guesses: what is not a constant gives `None`.

use pg_query::{Node, NodeEnum};
use serde_json::Value;

use crate::schema::tree;

/// `'{a,b}'::text[]`, `ARRAY['a'::text, 'b'::text]` → `["a","b"]`.
/// `element` is the element type of the column, which decides how an element is written.
pub fn to_json(node: &Node, element: &str) -> Option<String> {
    value(node, element).map(|value| value.to_string())
}

fn value(node: &Node, element: &str) -> Option<Value> {
    match node.node.as_ref()? {
        NodeEnum::TypeCast(cast) => value(cast.arg.as_deref()?, element),
        NodeEnum::AArrayExpr(array) => {
            array.elements.iter().map(|item| scalar(item, element)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        NodeEnum::AConst(constant) if !constant.isnull => literal(&tree::constant(node)?, element),
        _ => None,
    }
}

fn scalar(node: &Node, element: &str) -> Option<Value> {
    match node.node.as_ref()? {
        NodeEnum::AArrayExpr(_) => value(node, element),
        NodeEnum::AConst(constant) if constant.isnull => Some(Value::Null),
        NodeEnum::TypeCast(cast) => scalar(cast.arg.as_deref()?, element),
        _ => typed(&tree::constant(node)?, element),
    }
}

/// One element as PostgreSQL's `to_jsonb` would write it.
fn typed(text: &str, element: &str) -> Option<Value> {
    match element {
        "int2" | "int4" | "int8" => text.parse::<i64>().ok().map(Value::from),
        "bool" => match text {
            "t" | "true" => Some(Value::Bool(true)),
            "f" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        "float4" | "float8" | "numeric" => serde_json::from_str(text).ok().filter(Value::is_number),
        _ => Some(Value::String(text.to_owned())),
    }
}

/// PostgreSQL's array text: `{a,"b c",NULL,{nested}}`.
fn literal(text: &str, element: &str) -> Option<Value> {
    let mut rest = text.trim().chars().peekable();
    let value = list(&mut rest, element)?;
    rest.next().is_none().then_some(value)
}

fn list(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, element: &str) -> Option<Value> {
    if rest.next()? != '{' {
        return None;
    }
    let mut items = Vec::new();
    if rest.peek() == Some(&'}') {
        rest.next();
        return Some(Value::Array(items));
    }
    loop {
        items.push(if rest.peek() == Some(&'{') { list(rest, element)? } else { item(rest, element)? });
        match rest.next()? {
            ',' => {}
            '}' => return Some(Value::Array(items)),
            _ => return None,
        }
    }
}

fn item(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, element: &str) -> Option<Value> {
    let quoted = rest.next_if_eq(&'"').is_some();
    let mut text = String::new();
    loop {
        match *rest.peek()? {
            '\\' => {
                rest.next();
                text.push(rest.next()?);
            }
            '"' if quoted => {
                rest.next();
                break;
            }
            ',' | '}' if !quoted => break,
            other => {
                rest.next();
                text.push(other);
            }
        }
    }
    if !quoted && text.eq_ignore_ascii_case("null") { Some(Value::Null) } else { typed(if quoted { &text } else { text.trim() }, element) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_constants_become_json() {
        for (element, given, then) in [
            ("text", "'{}'::text[]", Some("[]")),
            ("text", "'{a,\"b c\",NULL,\"NULL\"}'::text[]", Some(r#"["a","b c",null,"NULL"]"#)),
            ("int4", "'{1,2}'::integer[]", Some("[1,2]")),
            ("bool", "'{t,f}'::boolean[]", Some("[true,false]")),
            ("int4", "'{{1,2},{3,4}}'::integer[]", Some("[[1,2],[3,4]]")),
            ("text", "ARRAY['a'::text, 'b'::text]", Some(r#"["a","b"]"#)),
            ("text", "ARRAY[]::text[]", Some("[]")),
            ("int8", "ARRAY[1, 2]", Some("[1,2]")),
            ("text", "ARRAY['x'::character varying, NULL]::text[]", Some(r#"["x",null]"#)),
            ("text", "string_to_array('a,b', ',')", None),
        ] {
            assert_eq!(to_json(&tree::expression(given).unwrap(), element).as_deref(), then, "{given}");
        }
    }
}
