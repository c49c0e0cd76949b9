//! Rule: a sequence that no single column owns stays: bigint, with a cache that the target allows.
//! Never changes where a sequence stands.

use super::draft::Draft;
use super::identity::{cache, identity, kept_options};
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut notes = Vec::new();
    for sequence in &mut draft.sequences {
        let numbers = cache(draft.options.serial_keys.of(&sequence.name));
        let mut options = kept_options(&sequence.create.options);
        options.extend(identity(&[], numbers)?.options);
        sequence.create.options = options;
        sequence.create.if_not_exists = true;
        if let Some(range) = sequence.create.sequence.as_mut().filter(|range| range.relpersistence != "p") {
            range.relpersistence = "p".into();
        }
        notes.push((sequence.name.clone(), numbers));
    }
    for (name, numbers) in notes {
        draft.decide("serial_keys", &name);
        draft.say("DSQL-SEQUENCE", &name, format!("bigint with CACHE {numbers}"), &[])?;
    }
    Ok(())
}
