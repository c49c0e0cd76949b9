//! Rule: counts stay under the service's limits.
//! Never changes the schema: it only says where it is too big.

use std::collections::BTreeMap;

use pg_query::NodeEnum;
use pg_query::protobuf::ConstrType;

use super::draft::{Draft, columns, constraints};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut counts: Vec<(&str, String, usize)> = vec![
        ("tables", "schema".into(), draft.tables.len()),
        ("views", "schema".into(), draft.views.len()),
        ("sequences", "schema".into(), draft.sequences.len()),
        ("schemas", "schema".into(), draft.schemas.iter().filter(|schema| schema.schemaname != "public").count()),
    ];
    let mut indexes_of = BTreeMap::<String, usize>::new();
    for (_, index) in &draft.indexes {
        let count = indexes_of.entry(names::relation(index.relation.as_ref())).or_default();
        *count = count.saturating_add(1);
    }
    for table in &mut draft.tables {
        counts.push(("columns_per_table", table.name.clone(), columns(&mut table.create).count()));
        let mut indexes = indexes_of.get(&table.name).copied().unwrap_or_default();
        for key in
            constraints(&mut table.create).filter(|key| matches!(key.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique))
        {
            indexes = indexes.saturating_add(1);
            counts.push(("columns_per_key", format!("{}.{}", table.name, key.conname), key.keys.len()));
        }
        counts.push(("indexes_per_table", table.name.clone(), indexes));
    }
    for (name, index) in &draft.indexes {
        let columns = index.index_params.iter().filter(|node| matches!(node.node, Some(NodeEnum::IndexElem(_)))).count();
        counts.push(("columns_per_key", name.clone(), columns));
    }
    for (what, object, count) in counts {
        let Some(limit) = draft.capabilities.limit(what).filter(|limit| u64::try_from(count).unwrap_or(u64::MAX) > limit.value).cloned()
        else {
            continue;
        };
        draft.say(&limit.finding, &object, format!("{count} {}, more than {}", what.replace('_', " "), limit.value), &[])?;
    }
    Ok(())
}
