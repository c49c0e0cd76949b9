//! Parts of scripts that several edits look for, and whole statements taken out.
//! Knows nothing of Replit or AWS.

use std::ops::Range;

use super::super::orm::script::{Part, Script, arguments, text_of};

/// `process.env.NAME`.
pub fn env_name(part: &Part<'_>) -> Option<String> {
    let object = part.field("object").filter(|object| object.text() == "process.env")?;
    match part.kind().as_ref() {
        "member_expression" => part.field("property").map(|name| name.text().into_owned()),
        "subscript_expression" => part.field("index").and_then(|index| text_of(&index)),
        _ => None,
    }
    .filter(|_| object.range().start == part.range().start)
}

/// The value of an environment variable that must be set, as this file may write it.
pub fn required(script: &Script, name: &str) -> String {
    format!("process.env.{name}{}", if is_typed(&script.path) { "!" } else { "" })
}

pub fn is_typed(path: &str) -> bool {
    [".ts", ".tsx", ".mts", ".cts"].iter().any(|end| path.ends_with(end))
}

/// Calls of a function by this name, `f(…)` and `x.f(…)`.
pub fn calls<'r>(root: &Part<'r>, name: &str) -> Vec<Part<'r>> {
    let of_name = |part: &Part<'_>| {
        part.field("function").is_some_and(|function| match function.kind().as_ref() {
            "identifier" => function.text() == name,
            "member_expression" => function.field("property").is_some_and(|property| property.text() == name),
            _ => false,
        })
    };
    root.dfs().filter(|part| part.kind() == "call_expression" && of_name(part)).collect()
}

/// The function that a part stands in, the nearest one.
pub fn function_of<'r>(part: &Part<'r>) -> Option<Part<'r>> {
    part.ancestors().find(|up| is_function(up))
}

pub fn is_function(part: &Part<'_>) -> bool {
    matches!(part.kind().as_ref(), "function_declaration" | "function_expression" | "arrow_function" | "method_definition")
}

/// The name of a function, as it is declared.
pub fn name_of(function: &Part<'_>) -> Option<String> {
    let own = function.field("name").map(|name| name.text().into_owned());
    own.or_else(|| function.parent().filter(|up| up.kind() == "variable_declarator")?.field("name").map(|name| name.text().into_owned()))
}

/// A declared function of this name.
pub fn function<'r>(root: &Part<'r>, name: &str) -> Option<Part<'r>> {
    root.dfs().find(|part| is_function(part) && name_of(part).as_deref() == Some(name))
}

/// The statement that a part is, or stands in, in its block.
pub fn statement_of<'r>(part: &Part<'r>) -> Option<Part<'r>> {
    let is_statement =
        |part: &Part<'_>| part.parent().is_some_and(|up| matches!(up.kind().as_ref(), "program" | "statement_block" | "class_body"));
    if is_statement(part) { Some(part.clone()) } else { part.ancestors().find(is_statement) }
}

/// Lines from the indent of a statement to its end. Of two empty lines that would meet, or one behind a bracket, one goes, too.
pub fn lines_of(script: &Script, range: Range<usize>) -> Range<usize> {
    let text = &script.text;
    let start = range.start - script.indent(range.start).len();
    let rest = text.get(range.end..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
    let mut end = if rest.get(blank..).is_some_and(|rest| rest.starts_with('\n')) { range.end + blank + 1 } else { range.end };
    let newline = script.style().newline;
    let (head, tail) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
    if tail.starts_with(newline)
        && (head.is_empty() || head.ends_with(&newline.repeat(2)) || head.trim_end_matches([' ', '\t']).ends_with(&format!("{{{newline}")))
    {
        end += newline.len();
    }
    start..end
}

/// The exported statement around a declaration, else the declaration.
pub fn exported<'r>(part: &Part<'r>) -> Part<'r> {
    part.parent().filter(|up| up.kind() == "export_statement").unwrap_or_else(|| part.clone())
}

/// `const app = express()`: the statement, and the name.
pub fn express_app<'r>(script: &'r Script) -> Option<(Part<'r>, String)> {
    let made = script.root().dfs().find(|part| {
        part.kind() == "variable_declarator"
            && part.field("value").is_some_and(|value| value.text() == "express()" && arguments(&value).is_empty())
    })?;
    let name = made.field("name")?.text().into_owned();
    Some((statement_of(&made)?, name))
}

/// The literals of a file, with and without holes.
pub fn strings<'r>(root: &Part<'r>) -> Vec<Part<'r>> {
    root.dfs().filter(|part| matches!(part.kind().as_ref(), "string" | "template_string")).collect()
}

/// The literal is the name of a module.
pub fn is_module(part: &Part<'_>) -> bool {
    part.parent().is_some_and(|up| matches!(up.kind().as_ref(), "import_statement" | "export_statement"))
}

/// The literal stands where any expression may stand: no key, no type, no name of a module.
pub fn is_value(part: &Part<'_>) -> bool {
    let Some(up) = part.parent() else { return false };
    let is_key = up.kind() == "pair" && up.field("key").is_some_and(|key| key.range() == part.range());
    !is_key
        && !is_module(part)
        && !matches!(up.kind().as_ref(), "literal_type" | "property_signature" | "enum_assignment" | "export_specifier")
}
