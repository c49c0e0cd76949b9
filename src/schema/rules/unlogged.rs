//! Rule: an unlogged table becomes an ordinary one.
//! Never touches what is in the table.

use super::draft::Draft;
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut made_durable = Vec::new();
    for table in &mut draft.tables {
        if let Some(relation) = table.create.relation.as_mut().filter(|relation| relation.relpersistence == "u") {
            relation.relpersistence = "p".into();
            made_durable.push(table.name.clone());
        }
    }
    for object in made_durable {
        draft.say("DSQL-UNLOGGED", &object, "an unlogged table becomes an ordinary one", &[])?;
    }
    Ok(())
}
