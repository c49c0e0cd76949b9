//! Rule: a default says the same with the target's types and functions, or is left out.
//! Never evaluates an expression.

use pg_query::protobuf::ConstrType;

use super::draft::{Draft, columns, constraint, remove};
use super::tables::Table;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    draft.each(|draft, table| of_table(draft, &words, table))
}

fn of_table(draft: &mut Draft<'_>, words: &Vocabulary, table: &mut Table) -> Result<()> {
    for column in columns(&mut table.create) {
        let object = format!("{}.{}", table.name, column.colname);
        let Some(default) = constraint(column, ConstrType::ConstrDefault).and_then(|found| found.raw_expr.as_deref_mut()) else { continue };
        let before = default.clone();
        for function in words.rewrite(default) {
            super::uuids::renamed(draft, &object, &function)?;
        }
        if let Some(obstacle) = words.obstacle(default, &[]) {
            let before = tree::expression_sql(&before)?;
            remove(column, ConstrType::ConstrDefault);
            left_out(draft, &object, format!("DEFAULT {before} is left out: {obstacle}"), &before)?;
        }
    }
    Ok(())
}

/// Says that a default is left out.
pub fn left_out(draft: &mut Draft<'_>, object: &str, what: impl Into<String>, before: &str) -> Result<()> {
    draft.say("DSQL-DEFAULT", object, what, &[("detail", before)])
}
