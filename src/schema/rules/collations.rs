//! Rule: COLLATE is left out of columns and domains: everything sorts by byte.
//! Never touches indexes: see `indexes`.

use super::draft::{Draft, columns};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut left_out = Vec::new();
    for table in &mut draft.tables {
        for column in columns(&mut table.create) {
            if let Some(collate) = column.coll_clause.take() {
                left_out.push((format!("{}.{}", table.name, column.colname), column.colname.clone(), collate));
            }
        }
    }
    for (name, domain) in &mut draft.domains {
        if let Some(collate) = domain.coll_clause.take() {
            left_out.push((name.clone(), name.clone(), collate));
        }
    }
    for (object, column, collate) in left_out {
        let what = format!("COLLATE {} is left out", names::parts(&collate.collname).join("."));
        draft.say("DSQL-COLLATE", &object, what, &[("column", &column)])?;
    }
    Ok(())
}
