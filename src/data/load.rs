//! A first load: a chunk's rows by COPY into a range that is empty, with its ledger row in the same transaction.
//! A table that is one chunk is truncated and frozen in that transaction, which spares the target a second pass over it.

use futures_util::future::join;

use crate::data::chunk::whose;
use crate::data::ledger::{Claim, Settled};
use crate::data::plan::{Side, TablePlan};
use crate::data::worker::{Outcome, Worker};
use crate::error::{Error, Result};
use crate::postgres::fault::sqlstate;

/// Whether an error is about a row's values rather than about the world: too long, out of range, not a valid form, a check.
pub fn is_about_a_row(error: &Error) -> bool {
    sqlstate(error).is_some_and(|state| state.starts_with("22") || matches!(state, "23502" | "23514" | "54000" | "42804"))
}

impl Worker<'_> {
    /// Copies the chunk's rows; its range is empty on the target.
    pub async fn load(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        if self.crew.limits.is_some() {
            return self.load_in_batches(claim, table).await;
        }
        match self.load_at_once(claim, table).await {
            Err(error) if is_about_a_row(&error) && !table.columns.is_empty() => {
                self.out_of_transaction().await?;
                self.crew.tally.log(format!("{}: row by row from here ({})", table.label(), error.line()));
                self.load_in_batches(claim, table).await
            }
            other => other,
        }
    }

    async fn load_at_once(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        self.clear_the_way(table).await?;
        let to = &self.to.session;
        let whole = claim.range.span.is_all() && table.plain && !table.columns.is_empty();
        let mut frozen = false;
        if whole {
            match to.batch(&format!("begin; truncate {}", table.rows_of(Side::Target))).await {
                Ok(()) => frozen = true,
                // Another table refers to it, or this user may only insert.
                Err(error) if matches!(sqlstate(&error), Some("0A000" | "42501")) => {
                    to.rollback().await?;
                    to.begin().await?;
                    to.affected(&format!("delete from {}", table.rows_of(Side::Target))).await?;
                }
                Err(error) => return Err(error),
            }
        } else {
            to.begin().await?;
        }
        let (rows, bytes) = self.write(claim, table, frozen).await?;
        let settled = Settled { how: "loaded", rows, bytes, anew: true, wrote: rows > 0 };
        self.ledger.record(&self.to.session, claim, &settled).await?;
        self.to.session.commit().await?;
        Ok(Outcome { rows, written: rows, quarantined: 0 })
    }

    /// The rows of the chunk by COPY, inside an open transaction: their number and bytes.
    pub async fn write(&self, claim: &Claim, table: &TablePlan, frozen: bool) -> Result<(u64, u64)> {
        if table.columns.is_empty() {
            return self.write_defaults(claim, table).await;
        }
        let format = if table.binary { "binary" } else { "text" };
        let freeze = if frozen { ", freeze" } else { "" };
        let conditions = claim.range.span.conditions(table, Side::Source);
        let read = async {
            match table.binary {
                true => self.from.session.copy_out(&read(table, &conditions, format)).await,
                false => self.from.rows(&select(table, &conditions)).await,
            }
        };
        let write = format!("copy {} ({}) from stdin (format {format}{freeze})", table.qualified(), table.column_list());
        let (frames, copy) = join(read, self.to.session.prepare(&write)).await;
        let bytes = std::sync::atomic::AtomicU64::new(0);
        let sent = |count| {
            bytes.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            self.crew.tally.moved(&self.name, count);
        };
        let rows = self.to.session.copy_in_prepared(&write, copy?, frames?, sent).await?;
        Ok((rows, bytes.into_inner()))
    }

    /// A table whose every column is computed, or that has none: as many rows of nothing.
    async fn write_defaults(&self, claim: &Claim, table: &TablePlan) -> Result<(u64, u64)> {
        let whose = whose(&claim.range.span.conditions(table, Side::Source));
        let count: i64 = self.from.session.value(&format!("select count(*) from {}{whose}", table.rows_of(Side::Source)), &[]).await?;
        let sql = format!("insert into {} select from generate_series(1, {count})", table.qualified());
        Ok((self.to.session.affected(&sql).await?, 0))
    }
}

/// The statement that reads rows of the source.
pub fn read(table: &TablePlan, conditions: &[String], format: &str) -> String {
    format!("copy ({}) to stdout (format {format})", select(table, conditions))
}

/// The rows of the source that fulfil the conditions, as they are written to the target.
pub fn select(table: &TablePlan, conditions: &[String]) -> String {
    let values: Vec<&str> = table.columns.iter().map(|column| column.value.as_str()).collect();
    format!("select {} from {}{}", values.join(", "), table.rows_of(Side::Source), whose(conditions))
}
