//! Rule: the declared widths of a key's columns fit into what a key may hold.
//! Never shortens a column.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, CreateStmt};

use super::draft::{Draft, columns, constraints};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let Some(limit) = draft.capabilities.limit("key_bytes").cloned() else { return Ok(()) };
    let mut wide = Vec::new();
    for table in &mut draft.tables {
        let keys: Vec<(String, Vec<String>)> = constraints(&mut table.create)
            .filter(|key| matches!(key.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique))
            .map(|key| (key.conname.clone(), names::parts(&key.keys)))
            .collect();
        for (name, keys) in keys {
            wide.push((format!("{}.{name}", table.name), width(&mut table.create, &keys), keys.join(", ")));
        }
    }
    for (name, index) in draft.indexes.clone() {
        let keys: Vec<String> = index
            .index_params
            .iter()
            .filter_map(|node| match &node.node {
                Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => Some(element.name.clone()),
                _ => None,
            })
            .collect();
        if let Some(table) = draft.table(&names::relation(index.relation.as_ref())) {
            wide.push((name, width(&mut table.create, &keys), keys.join(", ")));
        }
    }
    for (object, bytes, keys) in wide.into_iter().filter(|(_, bytes, _)| *bytes > limit.value) {
        draft.say(
            &limit.finding,
            &object,
            format!("its key is declared {bytes} bytes wide, more than {}", limit.value),
            &[("detail", &keys)],
        )?;
    }
    Ok(())
}

/// Declared bytes; columns without a declared width count nothing.
fn width(create: &mut CreateStmt, keys: &[String]) -> u64 {
    columns(create)
        .filter(|column| keys.contains(&column.colname))
        .filter_map(|column| {
            column
                .type_name
                .as_ref()
                .filter(|t| matches!(names::type_base(t).as_str(), "varchar" | "bpchar"))
                .and_then(super::retype::width)
        })
        .fold(0, u64::saturating_add)
}
