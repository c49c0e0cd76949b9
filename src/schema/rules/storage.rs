//! Rule: how a table's rows are stored is left out: parameters, tablespace, access method, compression.
//! Never touches what a column may hold.

use super::draft::{Draft, columns};
use crate::error::Result;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut left_out = Vec::new();
    for table in &mut draft.tables {
        let create = &mut table.create;
        if !create.options.is_empty() || !create.tablespacename.is_empty() {
            left_out.push(table.name.clone());
        }
        create.options.clear();
        create.tablespacename.clear();
        create.access_method.clear();
        for column in columns(create) {
            column.compression.clear();
            column.storage.clear();
            column.storage_name.clear();
            column.fdwoptions.clear();
        }
    }
    for object in left_out {
        draft.say("DSQL-STORAGE", &object, "storage parameters are left out", &[])?;
    }
    Ok(())
}
