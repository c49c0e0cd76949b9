//! The way back of one statement: what takes its object away again.
//! Only for objects that a statement makes by itself; what goes with its table needs no statement of its own.

use super::statement::{Kind, Statement};

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
        Kind::ForeignKey | Kind::Exclusion => of_table(""),
        Kind::Trigger => match parts.as_slice() {
            [schema, table, name] => Some(format!("drop trigger if exists {} on {}.{}", ident(name), ident(schema), ident(table))),
            _ => None,
        },
        Kind::Function => Some(statement.object.clone()).and_then(|_| {
            let text = &statement.sql;
            let from = text.to_uppercase().find("FUNCTION ")? + "FUNCTION ".len();
            let signature = text.get(from..)?;
            let name = signature.get(..signature.find('(')?)?.trim();
            Some(format!("drop function if exists {name} cascade"))
        }),
        Kind::Schema => {
            Some(statement.object.as_str()).filter(|s| *s != "public").map(|s| format!("drop schema if exists {} cascade", ident(s)))
        }
        Kind::Session
        | Kind::Extension
        | Kind::Default
        | Kind::Identity
        | Kind::PrimaryKey
        | Kind::Unique
        | Kind::Check
        | Kind::Validation
        | Kind::Refresh
        | Kind::Procedure
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
