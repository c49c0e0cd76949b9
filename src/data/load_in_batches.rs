//! A chunk in small transactions: its first load, its replacement, its record in the ledger, each tried again after what passes.
//! Never trusts that a range is still empty after an error: what is there by then is compared.

use crate::data::again::{self, broken, pause, transient};
use crate::data::batches::{Batches, How};
use crate::data::chunk::whose;
use crate::data::ledger::{self, Claim, Settled};
use crate::data::plan::{Side, TablePlan};
use crate::data::quarantine;
use crate::data::worker::{Outcome, Worker};
use crate::error::{Error, Result};

impl<'a> Worker<'a> {
    pub fn batches<'w>(&'w mut self, claim: &'w Claim, table: &'w TablePlan, how: How) -> Batches<'w, 'a> {
        // A target without limits of its own gets its rows in batches only where one of them cannot go.
        let limits = self.crew.limits.unwrap_or(self.crew.batch_limits);
        Batches::new(self, claim, table, limits, how)
    }

    /// Loads an empty range.
    pub async fn load_in_batches(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        self.clear_the_way(table).await?;
        if table.columns.is_empty() {
            return self.load_nothings(claim, table).await;
        }
        if table.key.is_empty() {
            // Rows without a key are told by their place, which may be another one this time.
            again::write(&self.to.session, &quarantine::forget_places(table, claim.range.chunk)).await?;
        }
        let mut writer = self.batches(claim, table, How::Fresh);
        writer.read(claim.range.span.conditions(table, Side::Source)).await?;
        writer.finish().await?;
        let (rows, bytes, quarantined) = (writer.written, writer.bytes, writer.quarantined);
        let settled = Settled { how: "loaded", rows, bytes, anew: false, wrote: false };
        self.record_batches(claim, &settled).await?;
        Ok(Outcome { rows: rows + quarantined, written: rows, quarantined })
    }

    /// A table without a column that can be written: rows of nothing, so many at a time, until there are as many as on the source.
    async fn load_nothings(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        let count = |side| format!("select count(*) from {}{}", table.rows_of(side), whose(&claim.range.span.conditions(table, side)));
        let rows: i64 = self.from.session.value(&count(Side::Source), &[]).await?;
        let most = self.crew.limits.unwrap_or(self.crew.batch_limits).batch_rows(false) as i64;
        let mut tries = 0;
        loop {
            let there: Result<i64> = self.to.session.value(&count(Side::Target), &[]).await;
            let wrote = match there {
                Ok(there) if there >= rows => break,
                Ok(there) => {
                    let some = (rows - there).min(most);
                    self.to.session.affected(&format!("insert into {} select from generate_series(1, {some})", table.qualified())).await
                }
                Err(error) => Err(error),
            };
            match wrote {
                Ok(_) => tries = 0,
                Err(error) => self.pause_or_fail(error, &mut tries).await?,
            }
        }
        let rows = u64::try_from(rows).unwrap_or_default();
        let settled = Settled { how: "loaded", rows, bytes: 0, anew: false, wrote: false };
        self.record_batches(claim, &settled).await?;
        Ok(Outcome { rows, written: rows, quarantined: 0 })
    }

    /// Empties the range, then loads it.
    pub async fn replace_in_batches(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        let keys: Vec<&str> = table.key.iter().map(|key| key.name.as_str()).collect();
        let mut most = self.crew.limits.unwrap_or(self.crew.batch_limits).batch_rows(false);
        let mut tries = 0;
        loop {
            let sql = delete_some(table.rows_of(Side::Target), &keys, &claim.range.span.conditions(table, Side::Target), most);
            match self.to.session.affected(&sql).await {
                Ok(0) => break,
                Ok(_) => tries = 0,
                // Rows of other tables that go with these count too, and so do rows that are alike.
                Err(error) if crate::postgres::fault::sqlstate(&error) == Some("54000") && most > 1 => most /= 2,
                Err(error) => self.pause_or_fail(error, &mut tries).await?,
            }
        }
        self.load_in_batches(claim, table).await
    }

    /// Records a chunk that was written in batches.
    pub async fn record_batches(&mut self, claim: &Claim, settled: &Settled) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.ledger.record(&self.to.session, claim, settled).await {
                Ok(()) => return Ok(()),
                Err(error) if ledger::is_lost(&error) => return Err(error),
                Err(error) => self.pause_or_fail(error, &mut tries).await?,
            }
        }
    }

    /// After an error that trying again may mend: a pause, and a new session where the old one broke.
    pub async fn pause_or_fail(&mut self, error: Error, tries: &mut u32) -> Result<()> {
        let limits = self.crew.limits.unwrap_or(self.crew.batch_limits);
        if *tries >= limits.retries || !transient(&error) {
            return Err(error);
        }
        *tries += 1;
        self.crew.tally.retried();
        pause(&limits, *tries).await;
        if broken(&error) || self.to.session.is_closed() {
            self.reconnect_patiently().await
        } else {
            let _ = self.to.session.rollback().await;
            Ok(())
        }
    }
}

/// Deletes some rows of a range, at most so many where rows differ. Without a key a row is told by all its values.
pub fn delete_some(rows: &str, keys: &[&str], conditions: &[String], most: usize) -> String {
    let whose = whose(conditions);
    let (row, of) = match keys {
        [] => ("md5(t::text)".to_owned(), "md5(t::text)".to_owned()),
        keys => (format!("({})", keys.join(", ")), keys.join(", ")),
    };
    format!("delete from {rows} as t where {row} in (select {of} from {rows} as t{whose} limit {most})")
}
