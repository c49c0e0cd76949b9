//! Was this text written by pg_dump? What is written by hand (serial, a type without its schema) is refused where tables
//! are rewritten, and a type that only another product has everywhere: it would be read wrongly. Never changes a statement.

use pg_query::NodeEnum;
use pg_query::protobuf::ColumnDef;

use super::parse::Source;
use super::place::Text;
use super::product::Product;
use super::wrong;
use crate::error::Result;

const LOAD: &str =
    "load the file into an empty Postgres, run `pg_dump --schema-only --no-owner --no-privileges` there, and convert what it prints";

/// Refuses forms that pg_dump never prints, naming the place.
pub fn check(text: &Text<'_>, sources: &[Source], rewritten: bool) -> Result<()> {
    for source in sources {
        match &source.node {
            NodeEnum::CreateEnumStmt(made) if rewritten && made.type_name.len() < 2 => {
                return Err(wrong::at(text, source.offset, "a type without its schema: this is not the output of pg_dump", LOAD));
            }
            NodeEnum::CreateStmt(table) => {
                for element in &table.table_elts {
                    if let Some(NodeEnum::ColumnDef(column)) = &element.node {
                        one(text, source, column, rewritten)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn one(text: &Text<'_>, source: &Source, column: &ColumnDef, rewritten: bool) -> Result<()> {
    let names = column.type_name.as_ref().map(|t| super::names::parts(&t.names)).unwrap_or_default();
    let [only] = names.as_slice() else { return Ok(()) };
    let at = source.offset.saturating_add(usize::try_from(column.location).unwrap_or_default());
    if let Some(product) = Product::of_type(only) {
        return Err(wrong::at(
            text,
            at,
            &format!("column `{}` has type {only}, which PostgreSQL has not", column.colname),
            &product.hint(),
        ));
    }
    let serial = matches!(only.as_str(), "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8");
    if serial && rewritten {
        return Err(wrong::at(text, at, &format!("column `{}` is serial: this is not the output of pg_dump", column.colname), LOAD));
    }
    Ok(())
}
