//! Leaving: the ledger goes when the move is done; a roll back also empties what was copied.
//! Never touches a table that the ledger does not name.

use serde::{Deserialize, Serialize};

use crate::data::load_in_batches::delete_some;
use crate::data::{again, aside, catalog, ledger, pass};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{ident, qualified};
use crate::postgres::{Access, Connector, Session};

/// What an undo emptied, as `schema.table`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub tables: Vec<String>,
}

/// Puts back what is still set aside, then removes the ledger. Afterwards the target's rows are no longer ours: another copy is refused,
/// and the way back knows no row any more. Twice equals once; `false` when there was no ledger.
///
/// Errors: [`Kind::Refused`] while indexes and keys that were to follow the rows are not made, unless `anyway`.
pub async fn finish(target: &Connector, anyway: bool) -> Result<bool> {
    let to = target.connect(Access::ReadWrite).await?;
    let (begun, something) = (ledger::exists(&to).await?, leaves_something(&to).await?);
    if !anyway && ledger::schema_follows(&to).await? {
        return Err(Error::new(Kind::Refused, format!("the move to {} is not at its end", to.label()))
            .cause("indexes, keys and what else was to follow the rows were not all made")
            .hint("run `migrate-wizard data copy --with-schema` again: it makes what is missing; if you made them by hand, `data finish --anyway`"));
    }
    if begun && !to.is_dsql().await? {
        aside::restore(&to).await?;
    }
    drop_ledger(&to).await?;
    Ok(something)
}

/// Is there a ledger on it, or something left of one?
pub async fn has_ledger(target: &Connector) -> Result<bool> {
    leaves_something(&target.connect(Access::ReadOnly).await?).await
}

/// Indexes, keys and what else follows the rows are all there.
pub async fn schema_made(target: &Connector) -> Result<()> {
    pass::schema_made(&target.connect(Access::ReadWrite).await?).await
}

/// Empties the tables that the ledger names, then removes it. Twice equals once.
pub async fn undo(target: &Connector) -> Result<Undone> {
    let to = target.connect(Access::ReadWrite).await?;
    if !ledger::exists(&to).await? {
        if leaves_something(&to).await? {
            drop_ledger(&to).await?;
        }
        return Ok(Undone::default());
    }
    let written = ledger::tables(&to).await?;
    let tables: Vec<catalog::Table> = catalog::read(&to).await?.into_iter().filter(|table| written.contains(&table.label())).collect();
    if to.is_dsql().await? {
        empty_all(&to, &tables).await?;
    } else if !tables.is_empty() {
        let names: Vec<String> = tables.iter().map(catalog::Table::rows_of).collect();
        to.batch(&format!("truncate {}", names.join(", ")))
            .await
            .map_err(|error| error.hint("a table that was not copied refers to one that was: empty it first"))?;
    }
    drop_ledger(&to).await?;
    Ok(Undone { tables: tables.iter().map(catalog::Table::label).collect() })
}

/// DSQL has no TRUNCATE, and its foreign keys hold: a table that others refer to is emptied after them.
async fn empty_all(to: &Session, tables: &[catalog::Table]) -> Result<()> {
    let mut left: Vec<&catalog::Table> = tables.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let mut why: Option<Error> = None;
        let mut kept = Vec::new();
        let mut deleted = 0;
        for table in left {
            match empty_in_batches(to, table, &mut deleted).await {
                Ok(()) => {}
                Err(error) if matches!(sqlstate(&error), Some("23503" | "54000")) => {
                    why = Some(error);
                    kept.push(table);
                }
                Err(error) => return Err(error),
            }
        }
        left = kept;
        if let Some(error) = why.filter(|_| left.len() == before && deleted == 0) {
            return Err(error.hint("a table that was not copied refers to one that was: empty it first"));
        }
    }
    Ok(())
}

/// DSQL changes at most 3,000 rows in a transaction, and those of other tables that go with them count too.
async fn empty_in_batches(to: &Session, table: &catalog::Table, deleted: &mut u64) -> Result<()> {
    let name = qualified(&table.schema, &table.name);
    let key: Vec<String> = table.key.iter().map(|column| ident(column)).collect();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let mut most = 2000;
    loop {
        match again::write(to, &delete_some(&name, &key, &[], most)).await {
            Ok(0) => return Ok(()),
            Ok(rows) => *deleted += rows,
            Err(error) if sqlstate(&error) == Some("54000") && most > 1 => most /= 2,
            Err(error) => return Err(error),
        }
    }
}

/// Something is there of a ledger, whose making or removal may have been interrupted.
async fn leaves_something(session: &Session) -> Result<bool> {
    Ok(ledger::tables_there(session).await? > 0)
}

/// Table and schema one by one: DSQL takes a single definition for each transaction.
async fn drop_ledger(to: &Session) -> Result<()> {
    for table in ["conflict", "quarantine", "carried", "aside", "process", "pass", "chunk"] {
        again::define(to, &format!("drop table if exists migrate_wizard.{table}")).await?;
    }
    again::define(to, "drop schema if exists migrate_wizard").await
}
