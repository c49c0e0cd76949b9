//! Rule: foreign keys come after the data, unchecked at first and then validated in the background.
//! Never orders tables: keys that come last need no order.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

/// pg_query's letter for CASCADE.
const CASCADE: &str = "c";

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for (table, mut key) in std::mem::take(&mut draft.foreign_keys) {
        let object = format!("{table}.{}", key.conname);
        let parent = names::relation(key.pktable.as_ref());
        let there = |draft: &mut Draft<'_>, table: &str, columns: &[pg_query::Node]| {
            names::parts(columns).iter().all(|column| draft.column(table, column).is_some())
        };
        if !there(draft, &table, &key.fk_attrs) || draft.table(&parent).is_none() {
            draft.drop(Kind::Check, "DSQL-DEPENDENT", &object, format!("foreign key to {parent} is left out"), &parent)?;
            continue;
        }
        if key.fk_del_action == CASCADE || key.fk_upd_action == CASCADE {
            draft.say("DSQL-FK-CASCADE", &object, format!("cascades from {parent} into {table}"), &[("table", &table)])?;
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
