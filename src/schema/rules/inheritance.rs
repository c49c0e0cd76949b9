//! Rule: a table that inherits gets its parents' columns written into it.
//! Never changes the parents.

use pg_query::NodeEnum;

use super::draft::{Draft, columns};
use crate::error::Result;
use crate::schema::names;

/// Columns of the parents are written into the child; a parent stands before its child in a dump.
pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut notes = Vec::new();
    for at in 0..draft.tables.len() {
        let Some(table) = draft.tables.get_mut(at) else { continue };
        let name = table.name.clone();
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
            let Some(found) = draft.tables.named(parent) else { continue };
            inherited.extend(found.create.table_elts.iter().filter(|node| matches!(node.node, Some(NodeEnum::ColumnDef(_)))).cloned());
            notes.push((name.clone(), format!("inherits from {parent}: its columns are written into the table")));
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
