//! Rule: a key that was checked at the end of a transaction is checked at once.
//! Never touches foreign keys: they may stay deferrable.

use pg_query::protobuf::ConstrType;

use super::draft::{Draft, constraints};
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut changed = Vec::new();
    for table in &mut draft.tables {
        for key in constraints(&mut table.create) {
            let is_key = matches!(key.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique);
            if is_key && (key.deferrable || key.initdeferred) {
                key.deferrable = false;
                key.initdeferred = false;
                changed.push(format!("{}.{}", table.name, key.conname));
            }
        }
    }
    for object in changed {
        draft.say("DSQL-DEFERRABLE", &object, "is checked at once, no longer at the end of a transaction", &[("detail", &object)])?;
    }
    Ok(())
}
