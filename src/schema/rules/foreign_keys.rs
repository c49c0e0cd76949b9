//! Rule: foreign keys come after the data, unchecked at first and then validated in the background.
//! Never orders tables: keys that come last need no order.

use super::draft::Draft;
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
