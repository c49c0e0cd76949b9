//! Rule: partitioned, inherited, typed and unlogged tables become plain ones; storage settings go.
//! Never touches columns other than to write inherited ones into the child.

use pg_query::NodeEnum;

use super::draft::{Draft, columns};
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    partitions(draft)?;
    inheritance(draft)?;
    let mut notes = Vec::new();
    for table in &mut draft.tables {
        let create = &mut table.create;
        if let Some(relation) = create.relation.as_mut().filter(|relation| relation.relpersistence == "u") {
            relation.relpersistence = "p".into();
            notes.push(("DSQL-UNLOGGED", table.name.clone(), "an unlogged table becomes an ordinary one"));
        }
        if create.partspec.take().is_some() {
            notes.push(("DSQL-PARTITION", table.name.clone(), "a partitioned table becomes one table"));
        }
        if !create.options.is_empty() || !create.tablespacename.is_empty() {
            notes.push(("DSQL-SETTING", table.name.clone(), "storage parameters are left out"));
        }
        create.options.clear();
        create.tablespacename.clear();
        create.access_method.clear();
        for column in columns(create) {
            column.compression.clear();
            column.storage.clear();
            column.storage_name.clear();
            column.fdwoptions.clear();
        }
    }
    for (id, object, what) in notes {
        draft.say(id, &object, what, &[("table", object.as_str())])?;
    }
    Ok(())
}

/// Partitions vanish into their parent, with their indexes and constraints.
fn partitions(draft: &mut Draft<'_>) -> Result<()> {
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
    let id = "DSQL-PARTITION";
    for (child, parent) in &partitions {
        draft.drop(Kind::Table, id, child, format!("partition {child} becomes part of {parent}"), parent)?;
    }
    for table in std::mem::take(&mut draft.tables) {
        let mut table = table;
        if !partitions.contains_key(&table.name) {
            draft.tables.push(table);
            continue;
        }
        for constraint in super::draft::constraints(&mut table.create) {
            if !constraint.conname.is_empty() {
                let object = format!("{}.{}", table.name, constraint.conname);
                draft.drop(Kind::Check, id, &object, "the partition's constraint is served by its parent's", &object)?;
            }
        }
    }
    for (name, index) in std::mem::take(&mut draft.indexes) {
        if partitions.contains_key(&names::relation(index.relation.as_ref())) {
            draft.drop(Kind::Index, id, &name, "the partition's index is served by its parent's", &name)?;
        } else {
            draft.indexes.push((name, index));
        }
    }
    for (table, constraint) in std::mem::take(&mut draft.foreign_keys) {
        if partitions.contains_key(&table) {
            let object = format!("{table}.{}", constraint.conname);
            draft.drop(Kind::Check, id, &object, "the partition's foreign key is served by its parent's", &object)?;
        } else {
            draft.foreign_keys.push((table, constraint));
        }
    }
    Ok(())
}

/// Columns of the parents are written into the child; a parent stands before its child in a dump.
fn inheritance(draft: &mut Draft<'_>) -> Result<()> {
    let mut notes = Vec::new();
    for at in 0..draft.tables.len() {
        let Some(table) = draft.tables.get(at) else { continue };
        let parents: Vec<String> = table
            .create
            .inh_relations
            .iter()
            .filter_map(|node| match &node.node {
                Some(NodeEnum::RangeVar(range)) => Some(names::relation(Some(range))),
                _ => None,
            })
            .collect();
        let mut inherited = Vec::new();
        for parent in &parents {
            let Some(found) = draft.tables.iter().find(|table| table.name == *parent) else { continue };
            inherited.extend(found.create.table_elts.iter().filter(|node| matches!(node.node, Some(NodeEnum::ColumnDef(_)))).cloned());
            notes.push((table.name.clone(), format!("inherits from {parent}: its columns are written into the table")));
        }
        let Some(table) = draft.tables.get_mut(at) else { continue };
        let own: Vec<String> = columns(&mut table.create).map(|column| column.colname.clone()).collect();
        inherited.retain(|node| !matches!(&node.node, Some(NodeEnum::ColumnDef(column)) if own.contains(&column.colname)));
        table.create.inh_relations.clear();
        table.create.table_elts.splice(0..0, inherited);
    }
    for (object, what) in notes {
        draft.say("DSQL-INHERIT", &object, what, &[])?;
    }
    Ok(())
}
