//! Conditions around an address that becomes APP_URL, where they ask for a variable of Replit's that is never set on AWS.
//! Never judges a condition that something else can make true.

use super::super::orm::edit::Edit;
use super::super::orm::script::{Part, Script, arguments, bare, items};
use super::syntax::{env_name, is_function};
use super::uploads::folder::constant;

/// `never` in `assets/files/env.toml`: they say that this is Replit, or where in it.
pub const NAMES: [&str; 4] = ["REPL_ID", "REPL_SLUG", "REPL_OWNER", "REPLIT_DEV_DOMAIN"];

const OWN: &str = "process.env.APP_URL";

/// How far constants are followed.
const DEEP: usize = 4;

/// What becomes of the condition that an address depends on.
pub enum Around {
    /// Nothing of ours keeps it from being reached.
    Open,
    /// This instead of the address's own edit.
    Whole(Edit),
    /// This beside the address's own edit.
    Beside(Edit),
    /// AWS never comes to it, and a person is to say what is asked instead: the line.
    Closed(usize),
}

/// Whether this is true on AWS, where it is known.
fn on_aws(script: &Script, part: &Part<'_>, deep: usize) -> Option<bool> {
    let deep = deep.checked_sub(1)?;
    let part = bare(part);
    if let Some(name) = env_name(&part) {
        return NAMES.contains(&name.as_str()).then_some(false);
    }
    match part.kind().as_ref() {
        "unary_expression" if part.text().starts_with('!') => on_aws(script, &part.field("argument")?, deep).map(|is| !is),
        "call_expression" if part.field("function")?.text() == "Boolean" => on_aws(script, arguments(&part).first()?, deep),
        "identifier" => on_aws(script, &constant(script, &part)?, deep),
        "binary_expression" => {
            let (left, right) = (part.field("left")?, part.field("right")?);
            let both = || (on_aws(script, &left, deep), on_aws(script, &right, deep));
            let is_never = || env_name(&bare(&left)).is_some_and(|name| NAMES.contains(&name.as_str()));
            match part.field("operator")?.text().as_ref() {
                "&&" => match both() {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
                "||" => match both() {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
                "===" | "==" if is_never() => equals(&right),
                "!==" | "!=" if is_never() => equals(&right).map(|is| !is),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What is not set equals this.
fn equals(other: &Part<'_>) -> Option<bool> {
    match other.kind().as_ref() {
        "undefined" | "null" => Some(true),
        "identifier" if other.text() == "undefined" => Some(true),
        "string" => Some(false),
        _ => None,
    }
}

/// For an address and its edit; `is_one`: the text has such an address.
pub fn around(script: &Script, part: &Part<'_>, edit: &Edit, is_one: impl Fn(&str) -> bool) -> Around {
    let mut inner = part.clone();
    // the name that a file of TypeScript gives a value that must be set
    let is_whole = edit.text.trim_end_matches('!') == OWN;
    for up in part.ancestors() {
        if is_function(&up) {
            break;
        }
        let found = match up.kind().as_ref() {
            "ternary_expression" => ternary(script, &up, &inner, part, is_whole, &is_one),
            "binary_expression" => and(script, &up, &inner, part, is_whole),
            "if_statement" => branch(script, &up, &inner, part),
            "statement_block" | "program" => before(script, &up, &inner, part),
            _ => None,
        };
        if let Some(found) = found {
            return found;
        }
        inner = up;
    }
    Around::Open
}

/// `process.env.REPL_SLUG ? "https://…" : "http://localhost:3000"`.
fn ternary(
    script: &Script,
    up: &Part<'_>,
    inner: &Part<'_>,
    part: &Part<'_>,
    is_whole: bool,
    is_one: &impl Fn(&str) -> bool,
) -> Option<Around> {
    let (condition, yes, no) = (up.field("condition")?, up.field("consequence")?, up.field("alternative")?);
    let is_yes = inner.range() == yes.range();
    if !is_yes && inner.range() != no.range() || on_aws(script, &condition, DEEP)? == is_yes {
        return None;
    }
    let other = if is_yes { &no } else { &yes };
    if bare(inner).range() != part.range() || is_one(&other.text()) {
        return Some(Around::Closed(script.line(condition.range().start)));
    }
    Some(if is_whole {
        Around::Whole(Edit::new(up.range(), format!("{OWN} ?? {}", operand(other)), super::hosts::WHY))
    } else {
        Around::Beside(Edit::new(condition.range(), if is_yes { OWN.to_owned() } else { format!("!{OWN}") }, super::hosts::WHY))
    })
}

/// `process.env.REPL_SLUG && "https://…"`.
fn and(script: &Script, up: &Part<'_>, inner: &Part<'_>, part: &Part<'_>, is_whole: bool) -> Option<Around> {
    let (left, right) = (up.field("left")?, up.field("right")?);
    let is_and = up.field("operator")?.text() == "&&";
    if !is_and || inner.range() != right.range() || on_aws(script, &left, DEEP)? {
        return None;
    }
    Some(if bare(inner).range() != part.range() {
        Around::Closed(script.line(left.range().start))
    } else if is_whole {
        Around::Whole(Edit::new(up.range(), OWN, super::hosts::WHY))
    } else {
        Around::Beside(Edit::new(left.range(), OWN, super::hosts::WHY))
    })
}

/// `if (process.env.REPL_SLUG) return "https://…"`, and what stands behind `else`.
fn branch(script: &Script, up: &Part<'_>, inner: &Part<'_>, part: &Part<'_>) -> Option<Around> {
    let (condition, yes) = (up.field("condition")?, up.field("consequence")?);
    let is_yes = inner.range() == yes.range();
    if inner.range() == condition.range() || on_aws(script, &condition, DEEP)? == is_yes {
        return None;
    }
    // `else` is a clause of its own
    let body = if is_yes { Some(inner.clone()) } else { items(inner).into_iter().next() };
    let is_all = body.is_some_and(|body| gives(&body, part));
    Some(if is_all { Around::Beside(asked(&condition, is_yes)) } else { Around::Closed(script.line(condition.range().start)) })
}

/// `if (!process.env.REPL_SLUG) return "http://localhost:3000"; return "https://…"`.
fn before(script: &Script, block: &Part<'_>, inner: &Part<'_>, part: &Part<'_>) -> Option<Around> {
    let (first, condition) = items(block)
        .into_iter()
        .take_while(|statement| statement.range() != inner.range())
        .filter(|statement| statement.kind() == "if_statement" && statement.field("alternative").is_none())
        .filter_map(|statement| Some((statement.field("consequence")?, statement.field("condition")?)))
        .find(|(_, condition)| on_aws(script, condition, DEEP) == Some(true))?;
    let only = alone(&first)?;
    if only.kind() != "return_statement" {
        return None;
    }
    Some(if gives(inner, part) { Around::Beside(asked(&condition, false)) } else { Around::Closed(script.line(condition.range().start)) })
}

fn asked(condition: &Part<'_>, is_yes: bool) -> Edit {
    Edit::new(condition.range(), if is_yes { format!("({OWN})") } else { format!("(!{OWN})") }, super::hosts::WHY)
}

/// The statement, or the only one of a block.
fn alone<'r>(body: &Part<'r>) -> Option<Part<'r>> {
    if body.kind() != "statement_block" {
        return Some(body.clone());
    }
    let mut inside = items(body).into_iter();
    inside.next().filter(|_| inside.next().is_none())
}

/// All that it does is to return the address, or to keep it in a variable.
fn gives(body: &Part<'_>, part: &Part<'_>) -> bool {
    let Some(only) = alone(body) else { return false };
    let value = items(&only).into_iter().next().and_then(|value| match (only.kind().as_ref(), value.kind().as_ref()) {
        ("return_statement", _) => Some(value),
        ("expression_statement", "assignment_expression") => value.field("right"),
        _ => None,
    });
    value.is_some_and(|value| bare(&value).range() == part.range())
}

/// As it may stand behind `??`.
fn operand(part: &Part<'_>) -> String {
    let plain = [
        "string",
        "template_string",
        "number",
        "identifier",
        "undefined",
        "null",
        "member_expression",
        "subscript_expression",
        "call_expression",
        "parenthesized_expression",
        "non_null_expression",
    ];
    if plain.contains(&part.kind().as_ref()) { part.text().into_owned() } else { format!("({})", part.text()) }
}
