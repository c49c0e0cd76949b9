//! Rule: a foreign key that cascades is kept, with a word about how many rows one transaction may change.
//! Never changes what happens to the children.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::names;

/// pg_query's letter for CASCADE.
const CASCADE: &str = "c";

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for (table, key) in draft.foreign_keys.clone() {
        if key.fk_del_action == CASCADE || key.fk_upd_action == CASCADE {
            let what = format!("cascades from {} into {table}", names::relation(key.pktable.as_ref()));
            draft.say("DSQL-FK-CASCADE", &format!("{table}.{}", key.conname), what, &[("table", &table)])?;
        }
    }
    Ok(())
}
