//! Rule: foreign keys come after the data, unchecked at first and then validated in the background.
//! Never orders tables: keys that come last need no order.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::ConstrType;

use super::draft::{Draft, constraints};
use crate::error::Result;
use crate::schema::names;
use crate::schema::options::ForeignKeys;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let unique = unique_sets(draft);
    for (table, mut key) in std::mem::take(&mut draft.foreign_keys) {
        let object = format!("{table}.{}", key.conname);
        draft.decide("foreign_keys", &object);
        if draft.options.foreign_keys.of(&object) == ForeignKeys::Dropped {
            super::dropped_keys::leave_out(draft, &object, &table, &key)?;
            continue;
        }
        let parent = names::relation(key.pktable.as_ref());
        let there = |draft: &mut Draft<'_>, table: &str, columns: &[pg_query::Node]| {
            names::parts(columns).iter().all(|column| draft.column(table, column).is_some())
        };
        if !there(draft, &table, &key.fk_attrs) || draft.table(&parent).is_none() {
            super::dependents::left_out(draft, Kind::Check, &object, format!("foreign key to {parent} is left out"), &parent)?;
            continue;
        }
        let referred = names::parts(&key.pk_attrs);
        if !unique.contains(&(parent.clone(), referred.iter().cloned().collect())) {
            let on = format!("{parent}.{}", referred.join(", "));
            let what = format!("foreign key to {parent} is left out: its key on {} is", referred.join(", "));
            super::dependents::left_out(draft, Kind::Check, &object, what, &on)?;
            continue;
        }
        if let Some(range) = key.pktable.as_mut() {
            range.inh = true;
        }
        draft.foreign_keys.push((table, key));
    }
    if !draft.foreign_keys.is_empty() {
        let count = u64::try_from(draft.foreign_keys.len()).unwrap_or_default();
        draft.say("DSQL-FK", "foreign keys", format!("{} added after the data", crate::text::plural(count, "foreign key")), &[])?;
    }
    Ok(())
}

/// What a foreign key may refer to: tables, each with the columns of a key or a unique index; of a primary key also with none,
/// which stands for it.
fn unique_sets(draft: &mut Draft<'_>) -> BTreeSet<(String, BTreeSet<String>)> {
    let mut out = BTreeSet::new();
    for table in &mut draft.tables {
        for constraint in constraints(&mut table.create) {
            let primary = constraint.contype() == ConstrType::ConstrPrimary;
            if primary || constraint.contype() == ConstrType::ConstrUnique {
                out.insert((table.name.clone(), names::parts(&constraint.keys).into_iter().collect()));
            }
            if primary {
                out.insert((table.name.clone(), BTreeSet::new()));
            }
        }
    }
    let plain = |node: &pg_query::Node| match &node.node {
        Some(NodeEnum::IndexElem(element)) if element.expr.is_none() => Some(element.name.clone()),
        _ => None,
    };
    for (_, index) in draft.indexes.iter().filter(|(_, index)| index.unique && index.where_clause.is_none()) {
        if let Some(columns) = index.index_params.iter().map(plain).collect() {
            out.insert((names::relation(index.relation.as_ref()), columns));
        }
    }
    out
}
