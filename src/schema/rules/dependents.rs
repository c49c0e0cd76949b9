//! Rule: what stands on something that is not carried over is left out with it.
//! Never looks for what stands on what: the rule at work knows.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::statement::Kind;

pub const ID: &str = "DSQL-DEPENDENT";

/// Records that `object` goes because `on` is not there.
pub fn left_out(draft: &mut Draft<'_>, kind: Kind, object: &str, what: impl Into<String>, on: &str) -> Result<()> {
    draft.drop(kind, ID, object, what, on)
}
