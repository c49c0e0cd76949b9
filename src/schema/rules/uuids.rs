//! Rule: functions of extensions that make a uuid become the built-in one.
//! Never changes a stored value.

use super::draft::Draft;
use crate::error::Result;

/// Says that the default of `object` calls the built-in function now.
pub fn renamed(draft: &mut Draft<'_>, object: &str, function: &str) -> Result<()> {
    draft.say("DSQL-UUID", object, format!("default {function}() becomes gen_random_uuid()"), &[("detail", function)])
}
