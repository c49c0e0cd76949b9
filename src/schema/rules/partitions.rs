//! Rule: a partitioned table becomes one table; its partitions, with their indexes and constraints, vanish into it.
//! Never touches columns.

use pg_query::NodeEnum;

use super::draft::{Draft, constraints};
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

const ID: &str = "DSQL-PARTITION";

/// Partitions vanish into their parent, with their indexes and constraints.
pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for table in &draft.tables {
        if table.create.partbound.is_some() {
            let parent = table.create.inh_relations.first().and_then(|node| match &node.node {
                Some(NodeEnum::RangeVar(range)) => Some(names::relation(Some(range))),
                _ => None,
            });
            draft.partitions.insert(table.name.clone(), parent.unwrap_or_default());
        }
    }
    let partitions = draft.partitions.clone();
    for (child, parent) in &partitions {
        draft.drop(Kind::Table, ID, child, format!("partition {child} becomes part of {parent}"), parent)?;
    }
    for table in std::mem::take(&mut draft.tables) {
        let mut table = table;
        if !partitions.contains_key(&table.name) {
            draft.tables.push(table);
            continue;
        }
        for constraint in constraints(&mut table.create) {
            if !constraint.conname.is_empty() {
                let object = format!("{}.{}", table.name, constraint.conname);
                draft.drop(Kind::Check, ID, &object, "the partition's constraint is served by its parent's", &object)?;
            }
        }
    }
    for (name, index) in std::mem::take(&mut draft.indexes) {
        if partitions.contains_key(&names::relation(index.relation.as_ref())) {
            draft.drop(Kind::Index, ID, &name, "the partition's index is served by its parent's", &name)?;
        } else {
            draft.indexes.push((name, index));
        }
    }
    for (table, constraint) in std::mem::take(&mut draft.foreign_keys) {
        if partitions.contains_key(&table) {
            let object = format!("{table}.{}", constraint.conname);
            draft.drop(Kind::Check, ID, &object, "the partition's foreign key is served by its parent's", &object)?;
        } else {
            draft.foreign_keys.push((table, constraint));
        }
    }
    let mut whole = Vec::new();
    for table in &mut draft.tables {
        if table.create.partspec.take().is_some() {
            whole.push(table.name.clone());
        }
    }
    for object in whole {
        draft.say(ID, &object, "a partitioned table becomes one table", &[("table", object.as_str())])?;
    }
    Ok(())
}
