//! Rule: extensions are left out; what used one has findings of its own.
//! Never looks for what used it.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::statement::Kind;

/// Records that an extension is not carried over.
pub fn leave_out(draft: &mut Draft<'_>, name: &str) -> Result<()> {
    let extensions = &draft.capabilities.extensions;
    let id = extensions.known.get(name).unwrap_or(&extensions.other).clone();
    draft.drop(Kind::Extension, &id, name, format!("extension {name} is left out"), name)
}
