//! Rule: a generated column says the same with the target's types and functions, or is left out, to be computed elsewhere.
//! Never evaluates an expression.

use pg_query::NodeEnum;
use pg_query::protobuf::ConstrType;

use super::draft::{Draft, columns, constraint};
use super::tables::Table;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::conversion::TypeChange;
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    draft.each(|draft, table| of_table(draft, &words, table))
}

fn of_table(draft: &mut Draft<'_>, words: &Vocabulary, table: &mut Table) -> Result<()> {
    let mut left_out = Vec::new();
    for column in columns(&mut table.create) {
        let (name, type_name) = (column.colname.clone(), column.type_name.clone());
        let Some(found) = constraint(column, ConstrType::ConstrGenerated) else { continue };
        let Some(expression) = found.raw_expr.as_deref_mut() else { continue };
        let before = expression.clone();
        words.rewrite(expression);
        if let Some(obstacle) = words.obstacle(expression, std::slice::from_ref(&table.name)) {
            let what = format!("the generated column is left out: {obstacle}");
            let from = type_name.as_ref().map(tree::type_sql).transpose()?.unwrap_or_default();
            leave_out(draft, &table.name, &name, what, from, &tree::expression_sql(&before)?)?;
            left_out.push(name);
        }
    }
    table.create.table_elts.retain(|node| !matches!(&node.node, Some(NodeEnum::ColumnDef(column)) if left_out.contains(&column.colname)));
    Ok(())
}

/// Records that a generated column is not carried over; the caller takes it out of its table.
pub fn leave_out(draft: &mut Draft<'_>, table: &str, column: &str, what: impl Into<String>, from: String, before: &str) -> Result<()> {
    let object = format!("{table}.{column}");
    draft.gone.insert((Kind::Table, object.clone()));
    draft.say("DSQL-GENERATED", &object, what, &[("column", column), ("detail", before)])?;
    draft.type_changes.push(TypeChange { table: table.to_owned(), column: column.to_owned(), from, to: String::new() });
    Ok(())
}
