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
        if !is_unique(draft, &parent, &referred) {
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

/// Whether a key or a unique index of the table is on just these columns; on none: whether it has a primary key.
fn is_unique(draft: &mut Draft<'_>, table: &str, columns: &[String]) -> bool {
    let wanted: BTreeSet<&String> = columns.iter().collect();
    let same = |found: Vec<String>| found.iter().collect::<BTreeSet<_>>() == wanted;
    let by_key = draft.table(table).is_some_and(|found| {
        constraints(&mut found.create).any(|constraint| match constraint.contype() {
            ConstrType::ConstrPrimary => columns.is_empty() || same(names::parts(&constraint.keys)),
            ConstrType::ConstrUnique => same(names::parts(&constraint.keys)),
            _ => false,
        })
    });
    by_key
        || draft.indexes.iter().any(|(_, index)| {
            let plain = |node: &pg_query::Node| match &node.node {
                Some(NodeEnum::IndexElem(element)) if element.expr.is_none() => Some(element.name.clone()),
                _ => None,
            };
            index.unique
                && index.where_clause.is_none()
                && names::relation(index.relation.as_ref()) == table
                && index.index_params.iter().map(plain).collect::<Option<Vec<_>>>().is_some_and(same)
        })
}
