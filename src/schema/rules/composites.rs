//! Rule: composite and range types are left out; a column of one holds the text of its values.
//! Never splits a value into columns.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for name in draft.composites.clone() {
        draft.drop(Kind::Enum, "DSQL-COMPOSITE-TYPE", &name, format!("type {name} is left out"), &name)?;
    }
    Ok(())
}
