//! Rule: primary keys, unique and exclusion constraints stand inside CREATE TABLE and use only what a key may hold.
//! Never adds a key that the source does not have.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateStmt};

use super::draft::{Change, Draft, columns, constraints};
use super::tables::Table;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    // What foreign keys refer to: table and columns.
    let referred: BTreeSet<(String, Vec<String>)> =
        draft.foreign_keys.iter().map(|(_, key)| (names::relation(key.pktable.as_ref()), names::parts(&key.pk_attrs))).collect();
    draft.each(|draft, table| {
        let mut left_out = Vec::new();
        let is_key = |found: &&mut Constraint| matches!(found.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique);
        let keys: Vec<Constraint> = constraints(&mut table.create).filter(is_key).map(|key| key.clone()).collect();
        for constraint in &keys {
            if !keep(draft, table, constraint, &referred)? {
                left_out.push(constraint.conname.clone());
            }
        }
        for constraint in constraints(&mut table.create) {
            constraint.indexspace.clear();
            constraint.options.clear();
        }
        table
            .create
            .table_elts
            .retain(|node| !matches!(&node.node, Some(NodeEnum::Constraint(found)) if left_out.contains(&found.conname)));
        Ok(())
    })
}

fn keep(draft: &mut Draft<'_>, table: &mut Table, constraint: &Constraint, referred: &BTreeSet<(String, Vec<String>)>) -> Result<bool> {
    let object = format!("{}.{}", table.name, constraint.conname);
    let keys = names::parts(&constraint.keys);
    for key in &keys {
        let Some(base) = type_of(&mut table.create, key) else {
            let on = format!("{}.{key}", table.name);
            super::dependents::left_out(draft, Kind::Check, &object, format!("the key on {key} is left out"), &on)?;
            return Ok(false);
        };
        if draft.capabilities.types.not_indexable.contains(&base) {
            draft.drop(Kind::Check, "DSQL-KEY-TYPE", &object, format!("the key on {key} ({base}) is left out"), key)?;
            return Ok(false);
        }
    }
    let folded = keys.iter().any(|key| draft.change(&table.name, key) == Some(Change::FoldCase));
    if folded && constraint.contype() == ConstrType::ConstrUnique {
        let referred = referred.contains(&(table.name.clone(), keys.clone()));
        super::folded_keys::index(draft, &table.create, constraint, referred)?;
        if !referred {
            super::folded_keys::replaced(draft, &object, &keys.join(", "))?;
            return Ok(false);
        }
        super::folded_keys::beside(draft, &object, &keys.join(", "))?;
    }
    Ok(true)
}

/// The base type of a column as it is now; `None` when the column is not there.
pub fn type_of(create: &mut CreateStmt, column: &str) -> Option<String> {
    columns(create).find(|found| found.colname == column).and_then(|found| found.type_name.as_ref().map(names::type_base))
}
