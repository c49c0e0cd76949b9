//! One chunk made equal: compare, and copy when it differs.
//! Delete, copy and ledger row are one transaction; leaving at any await leaves the chunk as it was (or, under batch limits, visibly unequal).

use crate::data::chunk::Range;
use crate::data::fingerprint::fingerprint;
use crate::data::insert::{self, Limits};
use crate::data::ledger::Ledger;
use crate::data::plan::{Side, TablePlan};
use crate::error::Result;
use crate::postgres::Session;

/// What happened to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Equal { rows: u64 },
    Copied { rows: u64 },
}

impl Outcome {
    /// `rows` came where `there` rows were: a range that is empty on both sides was equal.
    fn of(rows: u64, there: u64) -> Self {
        if rows == 0 && there == 0 { Self::Equal { rows } } else { Self::Copied { rows } }
    }
}

/// A chunk and the two sessions to settle it with.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    pub from: &'a Session,
    pub to: &'a Session,
    pub table: &'a TablePlan,
    pub ledger: &'a Ledger,
    pub limits: Option<Limits>,
}

impl Work<'_> {
    /// Makes the range equal. `empty`: the target's table had no row when the pass began, and nobody but us writes to it.
    pub async fn settle(&self, range: &Range, empty: bool) -> Result<Outcome> {
        let mut there = 0;
        if !empty {
            let target = fingerprint(self.to, self.table, Side::Target, range).await?;
            there = target.rows;
            if there > 0 {
                let source = fingerprint(self.from, self.table, Side::Source, range).await?;
                if source == target {
                    self.to.batch(&self.ledger.record(&self.table.label(), range, there, &target.to_string())).await?;
                    return Ok(Outcome::Equal { rows: there });
                }
            }
        }
        if let Some(limits) = self.limits {
            let frames = self.from.copy_out(&self.read(range, "text")).await?;
            let record = |rows| self.ledger.record(&self.table.label(), range, rows, "");
            let rows = insert::replace(self.to, self.table, range, there, limits, frames, record).await?;
            return Ok(Outcome::of(rows, there));
        }
        let rows = self.replace_all(std::slice::from_ref(range), there > 0).await?;
        Ok(Outcome::of(rows, there))
    }

    /// Replaces the rows of all these ranges in one transaction: for chunks that stand in each other's way, such as two rows that
    /// swapped a unique value.
    pub async fn replace_all(&self, ranges: &[Range], delete: bool) -> Result<u64> {
        self.to.begin().await?;
        match self.replace(ranges, delete).await {
            Ok(rows) => {
                self.to.commit().await?;
                Ok(rows)
            }
            Err(error) => {
                // The error matters, not whether a broken session could still roll back.
                let _ = self.to.rollback().await;
                Err(error)
            }
        }
    }

    async fn replace(&self, ranges: &[Range], delete: bool) -> Result<u64> {
        if delete {
            for range in ranges {
                self.to
                    .execute(&format!("delete from {}{}", self.table.rows_of(Side::Target), range.condition(self.table, Side::Target)), &[])
                    .await?;
            }
        }
        let format = if self.table.binary { "binary" } else { "text" };
        let write = format!("copy {} ({}) from stdin (format {format})", self.table.qualified(), self.table.column_list());
        let mut total = 0;
        for range in ranges {
            let frames = self.from.copy_out(&self.read(range, format)).await?;
            let rows = self.to.copy_in(&write, frames).await?;
            self.to.batch(&self.ledger.record(&self.table.label(), range, rows, "")).await?;
            total += rows;
        }
        Ok(total)
    }

    fn read(&self, range: &Range, format: &str) -> String {
        let values: Vec<&str> = self.table.columns.iter().map(|column| column.value.as_str()).collect();
        let (rows, condition) = (self.table.rows_of(Side::Source), range.condition(self.table, Side::Source));
        format!("copy (select {} from {rows}{condition}) to stdout (format {format})", values.join(", "))
    }
}
