//! Was this text written by pg_dump? What is written by hand (serial, a type without its schema) is refused where tables
//! are rewritten: it would be read wrongly. Never changes a statement.

use pg_query::NodeEnum;
use pg_query::protobuf::ColumnDef;

use super::parse::Source;
use crate::error::{Error, Kind, Result};

/// Refuses forms that pg_dump never prints, naming the line.
pub fn check(sources: &[Source]) -> Result<()> {
    for source in sources {
        let written = match &source.node {
            NodeEnum::CreateEnumStmt(made) if made.type_name.len() < 2 => Some("a type without its schema".to_owned()),
            NodeEnum::CreateStmt(table) => table.table_elts.iter().find_map(|element| match &element.node {
                Some(NodeEnum::ColumnDef(column)) => by_hand(column),
                _ => None,
            }),
            _ => None,
        };
        if let Some(what) = written {
            return Err(Error::new(Kind::Input, format!("line {}: {what}: this is not the output of pg_dump", source.line))
                .hint("load the file into an empty Postgres, run `pg_dump --schema-only --no-owner --no-privileges` there, and convert what it prints"));
        }
    }
    Ok(())
}

fn by_hand(column: &ColumnDef) -> Option<String> {
    let names = column.type_name.as_ref().map(|t| t.names.as_slice()).unwrap_or_default();
    let last = names.last().and_then(|n| match &n.node {
        Some(NodeEnum::String(s)) => Some(s.sval.as_str()),
        _ => None,
    });
    let serial = last.is_some_and(|t| matches!(t, "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"));
    serial.then(|| format!("column `{}` is serial", column.colname))
}
