//! Rule: primary keys, unique and exclusion constraints stand inside CREATE TABLE and use only what a key may hold.
//! Never adds a key that the source does not have.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateStmt};

use super::draft::{Change, Draft, Table, columns, constraints};
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for at in 0..draft.tables.len() {
        let Some(mut table) = draft.tables.get(at).cloned() else { continue };
        let mut left_out = Vec::new();
        for constraint in constraints(&mut table.create.clone()) {
            let is_key = matches!(constraint.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique);
            if is_key && !keep(draft, &mut table, constraint)? {
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
        if let Some(place) = draft.tables.get_mut(at) {
            *place = table;
        }
    }
    Ok(())
}

fn keep(draft: &mut Draft<'_>, table: &mut Table, constraint: &Constraint) -> Result<bool> {
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
        let referred = draft
            .foreign_keys
            .iter()
            .any(|(_, key)| names::relation(key.pktable.as_ref()) == table.name && names::parts(&key.pk_attrs) == keys);
        super::folded_keys::index(draft, &table.create, constraint, referred)?;
        if !referred {
            super::folded_keys::replaced(draft, &object, &keys.join(", "))?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The base type of a column as it is now; `None` when the column is not there.
pub fn type_of(create: &mut CreateStmt, column: &str) -> Option<String> {
    columns(create).find(|found| found.colname == column).and_then(|found| found.type_name.as_ref().map(names::type_base))
}
