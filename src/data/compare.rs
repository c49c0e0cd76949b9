//! A chunk made equal by its values: fingerprints of parts on both servers, then row by row where a part differs.
//! The way for rows that nobody knows the history of: without an earlier moment, written by others, or on a server without row versions.

use std::sync::atomic::AtomicU64;

use crate::data::batches::How;
use crate::data::catch_up::{delete_keys, of_keys};
use crate::data::chunk::{Cut, Cutter, Span};
use crate::data::differ::{Difference, What, differ};
use crate::data::fingerprint;
use crate::data::ledger::{Claim, Settled};
use crate::data::load::is_about_a_row;
use crate::data::plan::{Side, TablePlan};
use crate::data::worker::{Outcome, Worker};
use crate::error::Result;

/// Keys that one chunk may differ in and still be mended row by row.
const ROW_BY_ROW: usize = 100_000;
/// Keys in one condition.
const KEYS: usize = 500;

impl Worker<'_> {
    /// Compares the chunk's values, and mends what differs.
    pub async fn compare(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        let (rows, different) = self.different_parts(table, &claim.range.span).await?;
        if different.is_empty() {
            self.settle_equal(claim, table, rows).await?;
            return Ok(Outcome::equal(rows));
        }
        if table.key.is_empty() || table.columns.is_empty() {
            return self.replace(claim, table).await;
        }
        let mut differences = Vec::new();
        let mut found = 0;
        for span in &different {
            let Some(difference) = differ(&self.from, &self.to, table, span, What::Rows).await? else {
                return self.replace(claim, table).await;
            };
            found += difference.len();
            differences.push(difference);
            if found > ROW_BY_ROW {
                return self.replace(claim, table).await;
            }
        }
        if self.crew.limits.is_none() {
            match self.mend(claim, table, rows, &differences).await {
                // One of the rows cannot go: it is found and set aside.
                Err(error) if is_about_a_row(&error) => self.out_of_transaction().await?,
                other => return other,
            }
        }
        self.mend_in_batches(claim, table, rows, differences).await
    }

    /// Rows of the source, and the parts whose fingerprints differ.
    async fn different_parts(&self, table: &TablePlan, span: &Span) -> Result<(u64, Vec<Span>)> {
        let cut = match (&self.crew.limits, table.key.is_empty()) {
            (Some(limits), false) => Cut::Rows(limits.chunk_rows()),
            (_, _) => Cut::for_comparing(table, None),
        };
        let mut cutter = Cutter::within(table, cut, span);
        let (mut rows, mut different) = (0, Vec::new());
        while let Some(part) = cutter.next(&self.from.session).await? {
            let (a, b) = fingerprint::of_both(&self.from.session, &self.to.session, table, &part.span).await?;
            rows += a.rows;
            if a != b {
                different.push(part.span);
            }
        }
        Ok((rows, different))
    }

    /// Found equal: whoever wrote the target's rows, they are right, and are known from now on.
    async fn settle_equal(&mut self, claim: &Claim, table: &TablePlan, rows: u64) -> Result<()> {
        let settled = Settled { how: "equal", rows, bytes: 0, anew: false, wrote: false };
        if self.to.dsql {
            return self.record_batches(claim, &settled).await;
        }
        let to = &self.to.session;
        to.begin().await?;
        self.ledger.record(to, claim, &settled).await?;
        self.ledger.know_writers(to, claim, table).await?;
        to.commit().await
    }

    async fn mend(&mut self, claim: &Claim, table: &TablePlan, rows: u64, differences: &[Difference]) -> Result<Outcome> {
        self.clear_the_way(table).await?;
        let to = &self.to.session;
        to.begin().await?;
        let mut gone = 0;
        for difference in differences {
            for keys in difference.only_target.chunks(KEYS) {
                gone += to.affected(&delete_keys(table, keys)).await?;
            }
            for keys in difference.changed.chunks(KEYS) {
                to.affected(&delete_keys(table, keys)).await?;
            }
        }
        let bytes = AtomicU64::new(0);
        self.fetch(table, &["false".to_owned()]).await?;
        for difference in differences {
            for keys in difference.only_source.chunks(KEYS).chain(difference.changed.chunks(KEYS)) {
                self.fetch_more(table, &[of_keys(table, Side::Source, keys)], &bytes).await?;
            }
        }
        let inserted = self.insert_fetched(table).await?;
        // The rows that were equal are of writers that nobody wrote down: the next pass compares values again.
        let settled = Settled { how: "changed", rows, bytes: bytes.into_inner(), anew: false, wrote: inserted > 0 };
        self.ledger.record(to, claim, &settled).await?;
        to.commit().await?;
        Ok(Outcome { rows, written: inserted + gone, quarantined: 0 })
    }

    async fn mend_in_batches(&mut self, claim: &Claim, table: &TablePlan, rows: u64, differences: Vec<Difference>) -> Result<Outcome> {
        let mut writer = self.batches(claim, table, if table.upserts { How::Over } else { How::Anew });
        for difference in differences {
            for keys in difference.only_target.chunks(KEYS) {
                writer.delete(keys).await?;
            }
            for keys in difference.only_source.chunks(KEYS).chain(difference.changed.chunks(KEYS)) {
                writer.read(vec![of_keys(table, Side::Source, keys)]).await?;
            }
        }
        writer.finish().await?;
        let (written, quarantined) = (writer.written, writer.quarantined);
        let settled = Settled { how: "changed", rows: rows - quarantined.min(rows), bytes: 0, anew: false, wrote: written > 0 };
        self.record_batches(claim, &settled).await?;
        Ok(Outcome { rows, written, quarantined })
    }
}
