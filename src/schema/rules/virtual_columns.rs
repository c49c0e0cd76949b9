//! Rule: a virtual generated column becomes a stored one.
//! Never changes what is computed.

use pg_query::protobuf::ConstrType;

use super::draft::{Draft, columns, constraint};
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut stored = Vec::new();
    for table in &mut draft.tables {
        for column in columns(&mut table.create) {
            let object = format!("{}.{}", table.name, column.colname);
            if let Some(found) = constraint(column, ConstrType::ConstrGenerated).filter(|found| found.generated_kind == "v") {
                found.generated_kind = "s".into();
                stored.push(object);
            }
        }
    }
    for object in stored {
        draft.say("DSQL-VIRTUAL", &object, "a virtual generated column becomes a stored one", &[])?;
    }
    Ok(())
}
