//! Rule: of two keys on the same columns one is made, as PostgreSQL does in CREATE TABLE without a word.
//! Never touches keys that differ in anything, the order of their columns too.

use std::collections::BTreeMap;

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint};

use super::draft::{Draft, constraints};
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut left_out = Vec::new();
    for table in &mut draft.tables {
        let mut first = BTreeMap::new();
        let mut twins = Vec::new();
        for wanted in [ConstrType::ConstrPrimary, ConstrType::ConstrUnique] {
            for key in constraints(&mut table.create).filter(|key| key.contype() == wanted && !key.keys.is_empty()) {
                let name = key.conname.clone();
                match first.get(&of(key)) {
                    Some(other) => twins.push((name, String::clone(other), names::parts(&key.keys).join(", "))),
                    None => _ = first.insert(of(key), name),
                }
            }
        }
        let is_twin = |found: &Constraint| twins.iter().any(|(name, ..)| !name.is_empty() && *name == found.conname);
        table.create.table_elts.retain(|node| !matches!(&node.node, Some(NodeEnum::Constraint(found)) if is_twin(found)));
        left_out.extend(twins.into_iter().map(|(name, other, columns)| (table.name.clone(), name, other, columns)));
    }
    for (table, name, other, columns) in left_out {
        let what = format!("the key on {columns} is left out: {other} is the same");
        draft.drop(Kind::Check, "DSQL-KEY-TWICE", &format!("{table}.{name}"), what, &other)?;
    }
    Ok(())
}

/// What makes two keys the same.
fn of(key: &Constraint) -> (Vec<String>, Vec<String>, bool) {
    (names::parts(&key.keys), names::parts(&key.including), key.nulls_not_distinct)
}
