//! Leaving: the ledger goes when the move is done; a roll back also empties what was copied.
//! Never touches a table that the ledger does not name.

use serde::{Deserialize, Serialize};

use crate::data::{aside, catalog, ledger};
use crate::error::Result;
use crate::postgres::quote::qualified;
use crate::postgres::{Access, Connector, Session};

/// What an undo emptied, as `schema.table`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub tables: Vec<String>,
}

/// Puts back what is still set aside, then removes the ledger. Afterwards the target's rows are no longer ours: another copy is refused,
/// and the way back knows no row any more. Twice equals once.
pub async fn finish(target: &Connector) -> Result<()> {
    let to = target.connect(Access::ReadWrite).await?;
    if ledger::exists(&to).await? && !to.is_dsql().await? {
        aside::restore(&to).await?;
    }
    drop_ledger(&to).await
}

/// Empties the tables that the ledger names, then removes it. Twice equals once.
pub async fn undo(target: &Connector) -> Result<Undone> {
    let to = target.connect(Access::ReadWrite).await?;
    if !ledger::exists(&to).await? {
        return Ok(Undone::default());
    }
    let written = ledger::tables(&to).await?;
    let tables: Vec<catalog::Table> = catalog::read(&to).await?.into_iter().filter(|table| written.contains(&table.label())).collect();
    if to.is_dsql().await? {
        for table in &tables {
            empty_in_batches(&to, table).await?;
        }
    } else if !tables.is_empty() {
        let names: Vec<String> = tables.iter().map(catalog::Table::rows_of).collect();
        to.batch(&format!("truncate {}", names.join(", ")))
            .await
            .map_err(|error| error.hint("a table that was not copied refers to one that was: empty it first"))?;
    }
    drop_ledger(&to).await?;
    Ok(Undone { tables: tables.iter().map(catalog::Table::label).collect() })
}

/// DSQL has no TRUNCATE and changes at most 3,000 rows in a transaction.
async fn empty_in_batches(to: &Session, table: &catalog::Table) -> Result<()> {
    let name = qualified(&table.schema, &table.name);
    let key: Vec<String> = table.key.iter().map(|column| crate::postgres::quote::ident(column)).collect();
    let key = key.join(", ");
    let sql = if key.is_empty() {
        format!("delete from {name}")
    } else {
        format!("delete from {name} where ({key}) in (select {key} from {name} limit 2000)")
    };
    while to.execute(&sql, &[]).await? > 0 {}
    Ok(())
}

/// Table and schema one by one: DSQL takes a single definition for each transaction.
async fn drop_ledger(to: &Session) -> Result<()> {
    for table in ["conflict", "quarantine", "aside", "pass", "chunk"] {
        to.batch(&format!("drop table if exists migrate_wizard.{table}")).await?;
    }
    to.batch("drop schema if exists migrate_wizard").await
}
