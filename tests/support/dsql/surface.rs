//! What DSQL refuses in any statement: words and functions it does not have, settings it does not take.
//! Definitions are judged elsewhere, and what depends on a transaction too.

use pg_query::NodeEnum;
use pg_query::protobuf::{SelectStmt, VariableSetKind, VariableSetStmt};

use super::definition::option;
use super::refusal::Refusal;
use super::statement::unsupported;
use super::words::Words;

/// The settings that can be set.
const SETTINGS: [&str; 6] = ["client_encoding", "datestyle", "extra_float_digits", "intervalstyle", "timezone", "search_path"];
/// Of a row's own columns none is known to be there.
const SYSTEM_COLUMNS: [&str; 5] = ["xmin", "xmax", "cmin", "cmax", "ctid"];
const FUNCTIONS: [&str; 3] = ["pg_export_snapshot", "pg_notify", "lastval"];

/// What is refused wherever it stands.
pub fn anywhere(words: &Words) -> Result<(), Refusal> {
    for place in 0..words.len() {
        if !words.is_word(place) {
            continue;
        }
        let word = words.word(place);
        let called = words.text(place + 1) == "(";
        if SYSTEM_COLUMNS.contains(&word.as_str()) && !called && !(place > 0 && words.is(place - 1, "as")) {
            return Err(Refusal::new("42703", format!("column \"{word}\" does not exist")));
        }
        if called && (FUNCTIONS.contains(&word.as_str()) || word.starts_with("pg_advisory_") || word.starts_with("pg_try_advisory_")) {
            return Err(unsupported(&format!("function {word}")));
        }
        if called && word == "set_config" {
            let name = words.literal(place + 2).unwrap_or_default();
            settable(name)?;
        }
        match word.as_str() {
            "tablesample" => return Err(unsupported("TABLESAMPLE")),
            "for" if words.is(place + 1, "share") => return Err(unsupported("FOR SHARE")),
            "for" if words.is(place + 1, "no") && words.is(place + 2, "key") => return Err(unsupported("FOR NO KEY UPDATE")),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a query changes rows in one of its WITH parts.
pub fn writes(stmt: &SelectStmt) -> bool {
    stmt.with_clause.iter().flat_map(|with| &with.ctes).any(|cte| match &cte.node {
        Some(NodeEnum::CommonTableExpr(cte)) => matches!(
            cte.ctequery.as_ref().and_then(|query| query.node.as_ref()),
            Some(NodeEnum::InsertStmt(_) | NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_))
        ),
        _ => false,
    })
}

fn settable(name: &str) -> Result<(), Refusal> {
    if SETTINGS.contains(&name.to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        Err(Refusal::unsupported(format!("setting configuration parameter \"{name}\" not supported")))
    }
}

/// SET and RESET.
pub fn setting(stmt: &VariableSetStmt) -> Result<(), Refusal> {
    match stmt.kind() {
        VariableSetKind::VarSetMulti if stmt.name == "SESSION CHARACTERISTICS" => characteristics(stmt),
        VariableSetKind::VarSetMulti => Err(unsupported("SET TRANSACTION")),
        VariableSetKind::VarResetAll => Err(unsupported("RESET ALL")),
        VariableSetKind::VarSetValue
        | VariableSetKind::VarSetDefault
        | VariableSetKind::VarSetCurrent
        | VariableSetKind::VarReset
        | VariableSetKind::Undefined => settable(&stmt.name),
    }
}

/// `SET SESSION CHARACTERISTICS AS TRANSACTION`: only what every transaction is anyway, and READ ONLY.
fn characteristics(stmt: &VariableSetStmt) -> Result<(), Refusal> {
    for (name, value) in stmt.args.iter().filter_map(option) {
        match (name.as_str(), value.as_str()) {
            ("transaction_isolation", "repeatable read") | ("transaction_read_only", _) => {}
            (other, value) => return Err(unsupported(&format!("{other} {value}"))),
        }
    }
    Ok(())
}
