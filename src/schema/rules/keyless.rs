//! Rule: a table without a primary key is carried over, with a word: none can be added later.
//! Never invents a key.

use pg_query::protobuf::ConstrType;

use super::draft::{Draft, columns, constraint, constraints};
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut keyless = Vec::new();
    for table in &mut draft.tables {
        let beside = columns(&mut table.create).any(|column| constraint(column, ConstrType::ConstrPrimary).is_some());
        if !beside && !constraints(&mut table.create).any(|found| found.contype() == ConstrType::ConstrPrimary) {
            keyless.push(table.name.clone());
        }
    }
    for table in keyless {
        draft.say("DSQL-NO-KEY", &table, "has no primary key", &[])?;
    }
    Ok(())
}
