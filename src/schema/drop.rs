//! The way back of one statement: what takes its object away again.
//! Only for objects that a statement makes by itself; what goes with its table needs no statement of its own.

use super::statement::{Kind, Statement};

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Name and arguments after `word`, without their defaults: overloaded functions differ by them alone.
fn signature(sql: &str, word: &str) -> Option<String> {
    let text = sql.get(sql.to_ascii_uppercase().find(word)? + word.len()..)?;
    let (mut depth, mut quote, mut kept, mut skipping) = (0, None, String::new(), false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 1 => skipping = false,
            (None, _) => {
                let rest = text.get(at..).unwrap_or_default();
                let default = rest.get(..9).is_some_and(|next| next.eq_ignore_ascii_case(" default ")) || rest.starts_with(" = ");
                skipping |= depth == 1 && default;
            }
        }
        let ends = depth == 0 && quote.is_none() && c == ')';
        if !skipping || ends {
            kept.push(c);
        }
        if ends {
            return Some(kept.trim().to_owned());
        }
    }
    None
}

/// `DROP … IF EXISTS` for the statement's object; `None` where it goes with another or takes nothing away.
pub fn drop_statement(statement: &Statement) -> Option<String> {
    let parts: Vec<&str> = statement.object.splitn(3, '.').collect();
    let two = || match parts.as_slice() {
        [schema, name] => Some(format!("{}.{}", ident(schema), ident(name))),
        _ => None,
    };
    let of_table = |what: &str| match parts.as_slice() {
        [schema, table, name] => {
            Some(format!("alter table if exists {}.{} drop constraint if exists {}{what}", ident(schema), ident(table), ident(name)))
        }
        _ => None,
    };
    match statement.kind {
        Kind::Table => two().map(|o| format!("drop table if exists {o} cascade")),
        Kind::View => two().map(|o| format!("drop view if exists {o} cascade")),
        Kind::MaterializedView => two().map(|o| format!("drop materialized view if exists {o} cascade")),
        Kind::Sequence => two().map(|o| format!("drop sequence if exists {o} cascade")),
        Kind::Index => two().map(|o| format!("drop index if exists {o}")),
        Kind::Enum | Kind::Composite | Kind::Range => two().map(|o| format!("drop type if exists {o} cascade")),
        Kind::Domain => two().map(|o| format!("drop domain if exists {o} cascade")),
        Kind::PrimaryKey | Kind::ForeignKey | Kind::Exclusion | Kind::Unique | Kind::Check => of_table(""),
        Kind::Trigger => match parts.as_slice() {
            [schema, table, name] => Some(format!("drop trigger if exists {} on {}.{}", ident(name), ident(schema), ident(table))),
            _ => None,
        },
        Kind::Function => signature(&statement.sql, "FUNCTION ").map(|s| format!("drop function if exists {s} cascade")),
        Kind::Procedure => signature(&statement.sql, "PROCEDURE ").map(|s| format!("drop procedure if exists {s} cascade")),
        Kind::Schema => {
            Some(statement.object.as_str()).filter(|s| *s != "public").map(|s| format!("drop schema if exists {} cascade", ident(s)))
        }
        Kind::Session
        | Kind::Values
        | Kind::Extension
        | Kind::Default
        | Kind::Identity
        | Kind::Validation
        | Kind::Refresh
        | Kind::Aggregate
        | Kind::Operator
        | Kind::Cast
        | Kind::Collation
        | Kind::TextSearch
        | Kind::Language
        | Kind::AccessMethod
        | Kind::EventTrigger
        | Kind::Rule
        | Kind::Policy
        | Kind::RowSecurity
        | Kind::Statistics
        | Kind::Comment
        | Kind::SequenceOwner
        | Kind::Partition
        | Kind::IndexPartition
        | Kind::Setting
        | Kind::Publication
        | Kind::Subscription
        | Kind::Foreign
        | Kind::Privilege
        | Kind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_told_by_its_arguments_without_their_defaults() {
        let one = "CREATE FUNCTION public.\"odd (name\"(a integer, b numeric(10,2) DEFAULT 1.5, c text DEFAULT 'x, y)'::text, VARIADIC d text[]) RETURNS text LANGUAGE sql AS $$select ')'$$";
        assert_eq!(signature(one, "FUNCTION ").unwrap(), "public.\"odd (name\"(a integer, b numeric(10,2), c text, VARIADIC d text[])");
        assert_eq!(signature("create procedure p() language sql as ''", "PROCEDURE ").unwrap(), "p()");
        assert_eq!(signature("create table t (a int", "FUNCTION "), None);
    }
}
