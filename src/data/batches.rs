//! Writing in small transactions, for a target that limits them: batches by rows and bytes, conflicts tried again, a batch that is too
//! large halved down to the one row that cannot go, which is set aside with its key and the reason.
//! Never sends a batch twice without asking the ledger whether it is there: a commit without an answer may have happened.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::data::catch_up::delete_keys;
use crate::data::chunk::whose;
use crate::data::copy_text::{Lines, push_row};
use crate::data::differ::{Key, keys, split};
use crate::data::ledger::{self, Claim, Ledger, Settled};
use crate::data::limits::Limits;
use crate::data::load::is_about_a_row;
use crate::data::plan::{Side, TablePlan};
use crate::data::worker::{Outcome, Worker};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;

/// A statement of more bytes than this that ends the connection was too long for the server, not for the network.
const LARGE: usize = 1 << 20;

/// A row: its key as COPY writes it, and its values.
#[derive(Debug, Clone)]
struct Row {
    key: Bytes,
    values: Bytes,
}

/// Fills and sends the batches of one chunk.
pub struct Batches<'w, 'a> {
    worker: &'w mut Worker<'a>,
    claim: &'w Claim,
    table: &'w TablePlan,
    limits: Limits,
    /// A row may be there already: it is deleted in the same transaction.
    replacing: bool,
    rows: Vec<Row>,
    /// What `rows` count on the target, and their bytes as a statement.
    counted: usize,
    statement: usize,
    batch: u32,
    pub written: u64,
    pub bytes: u64,
    pub quarantined: u64,
}

impl<'a> Worker<'a> {
    pub fn batches<'w>(&'w mut self, claim: &'w Claim, table: &'w TablePlan, replacing: bool) -> Batches<'w, 'a> {
        // A target without limits of its own gets its rows in batches only where one of them cannot go.
        let limits = self.crew.limits.unwrap_or(self.crew.batch_limits);
        Batches {
            worker: self,
            claim,
            table,
            limits,
            replacing,
            rows: Vec::new(),
            counted: 0,
            statement: 0,
            batch: 0,
            written: 0,
            bytes: 0,
            quarantined: 0,
        }
    }

    /// Loads an empty range.
    pub async fn load_in_batches(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        self.clear_the_way(table).await?;
        if table.columns.is_empty() {
            return self.load_nothings(claim, table).await;
        }
        let mut writer = self.batches(claim, table, false);
        writer.read(claim.range.span.conditions(table, Side::Source)).await?;
        writer.flush().await?;
        let (rows, bytes, quarantined) = (writer.written, writer.bytes, writer.quarantined);
        let settled = Settled { how: "loaded", rows, bytes, anew: false, wrote: false };
        self.record_batches(claim, &settled).await?;
        Ok(Outcome { rows: rows + quarantined, written: rows, quarantined })
    }

    /// A table without a column that can be written: rows of nothing, so many at a time.
    async fn load_nothings(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        let whose = whose(&claim.range.span.conditions(table, Side::Source));
        let count: i64 = self.from.session.value(&format!("select count(*) from {}{whose}", table.rows_of(Side::Source)), &[]).await?;
        let rows = u64::try_from(count).unwrap_or_default();
        let most = self.crew.limits.unwrap_or(self.crew.batch_limits).batch_rows(false) as u64;
        let mut left = rows;
        while left > 0 {
            let some = left.min(most);
            self.to.session.affected(&format!("insert into {} select from generate_series(1, {some})", table.qualified())).await?;
            left -= some;
        }
        let settled = Settled { how: "loaded", rows, bytes: 0, anew: false, wrote: false };
        self.record_batches(claim, &settled).await?;
        Ok(Outcome { rows, written: rows, quarantined: 0 })
    }

    /// Empties the range, then loads it.
    pub async fn replace_in_batches(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        let conditions = claim.range.span.conditions(table, Side::Target);
        let rows = table.rows_of(Side::Target);
        let keys: Vec<&str> = table.key.iter().map(|key| key.name.as_str()).collect();
        let most = self.crew.limits.unwrap_or(self.crew.batch_limits).batch_rows(false);
        let sql = if keys.is_empty() {
            format!("delete from {rows}{}", whose(&conditions))
        } else {
            let key = keys.join(", ");
            format!("delete from {rows} where ({key}) in (select {key} from {rows}{} limit {most})", whose(&conditions))
        };
        let mut tries = 0;
        loop {
            match self.to.session.affected(&sql).await {
                Ok(0) => break,
                Ok(_) => tries = 0,
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
    async fn pause_or_fail(&mut self, error: Error, tries: &mut u32) -> Result<()> {
        let limits = self.crew.limits.unwrap_or(self.crew.batch_limits);
        if *tries >= limits.retries || !(conflict(&error) || error.kind == Kind::Unreachable) {
            return Err(error);
        }
        *tries += 1;
        self.crew.tally.retried();
        pause(&limits, *tries).await;
        if error.kind == Kind::Unreachable && !conflict(&error) {
            self.reconnect().await
        } else {
            let _ = self.to.session.rollback().await;
            Ok(())
        }
    }
}

/// Longer each time, and by chance, so that two writers that met part.
async fn pause(limits: &Limits, tries: u32) {
    let longest = limits.retry_ms.saturating_mul(1 << tries.min(7)).min(5000);
    let chance = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis(longest / 2 + longest * chance / 510)).await;
}

/// A conflict with another transaction: nothing of it was kept, or (server unavailable) perhaps all.
fn conflict(error: &Error) -> bool {
    matches!(sqlstate(error), Some("40001" | "40P01")) || unavailable(error)
}

fn unavailable(error: &Error) -> bool {
    sqlstate(error) == Some("XX000") && error.causes.iter().any(|cause| cause.contains("server unavailable"))
}

/// How a sent batch ended: it may be sent again as it is, or it is too large or has a row that cannot go.
enum Sent {
    Committed,
    Again,
    Refused(Error),
}

impl Batches<'_, '_> {
    /// Reads rows of the source and sends the batches that become full.
    pub async fn read(&mut self, conditions: Vec<String>) -> Result<()> {
        let keys = self.table.key_prints(Side::Source).into_iter();
        let values = self.table.columns.iter().map(|column| column.value.as_str());
        let fields: Vec<&str> = keys.chain(values).collect();
        let sql = format!("copy (select {} from {}{}) to stdout", fields.join(", "), self.table.rows_of(Side::Source), whose(&conditions));
        let mut frames = self.worker.from.session.copy_out(&sql).await?;
        let mut lines = Lines::default();
        let mut skipping = false;
        while let Some(frame) = frames.next().await {
            let frame = frame?;
            self.worker.crew.tally.moved(&self.worker.name, frame.len() as u64);
            for line in lines.feed(&frame) {
                if std::mem::take(&mut skipping) {
                    continue;
                }
                self.push(line).await?;
            }
            if lines.open() > self.limits.message_bytes && !skipping {
                // Longer than any message may be: its beginning, where the key is, is all that is needed of it.
                skipping = true;
                let row = self.row(lines.beginning(64 << 10));
                self.set_aside(&row, "the row is longer than the target takes in one message").await?;
            }
            if skipping {
                lines.forget();
            }
        }
        Ok(())
    }

    fn row(&self, line: Bytes) -> Row {
        if self.table.key.is_empty() {
            return Row { key: Bytes::new(), values: line };
        }
        let (key, values) = split(&line, self.table.key.len());
        Row { key: Bytes::copy_from_slice(key), values: Bytes::copy_from_slice(values) }
    }

    async fn push(&mut self, line: Bytes) -> Result<()> {
        let row = self.row(line);
        let counts = self.limits.row_counts(row.values.len(), self.table.indexes);
        // A literal may double a quote or a backslash; a statement that comes out too long is halved.
        let text = row.values.len() + row.values.len() / 8 + 4 * self.table.columns.len();
        let most = self.worker.crew.batch_bytes.min(self.limits.batch_bytes());
        let full = self.rows.len() >= self.limits.batch_rows(self.replacing)
            || self.counted + counts > most
            || self.statement + text > most.min(self.limits.statement_bytes());
        if full && !self.rows.is_empty() {
            self.flush().await?;
        }
        self.counted += counts;
        self.statement += text;
        self.rows.push(row);
        Ok(())
    }

    /// Sends what is there.
    pub async fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        (self.counted, self.statement) = (0, 0);
        // Parts that are still to be sent, the first one last.
        let mut parts = if rows.is_empty() { Vec::new() } else { vec![rows] };
        let mut tries = 0;
        while let Some(part) = parts.pop() {
            match self.send(&part).await? {
                Sent::Committed => {
                    tries = 0;
                    self.written += part.len() as u64;
                    self.bytes += part.iter().map(|row| row.values.len() as u64).sum::<u64>();
                    self.worker.crew.tally.wrote(&self.worker.name, part.len() as u64);
                }
                Sent::Again => {
                    tries += 1;
                    self.worker.crew.tally.retried();
                    if tries > self.limits.retries {
                        return Err(Error::new(Kind::Conflict, format!("a batch of {} met a conflict {tries} times", self.table.label()))
                            .hint(
                                "something else writes to these rows: let it end, then run the same command again; it goes on from here",
                            ));
                    }
                    pause(&self.limits, tries).await;
                    parts.push(part);
                }
                Sent::Refused(error) => match part.as_slice() {
                    [row] => {
                        let row = row.clone();
                        let reason = error.causes.first().cloned().unwrap_or_else(|| error.what.clone());
                        self.set_aside(&row, &reason).await?;
                    }
                    _ => {
                        let mut first = part;
                        let second = first.split_off(first.len() / 2);
                        parts.push(second);
                        parts.push(first);
                    }
                },
            }
        }
        Ok(())
    }

    /// Deletes rows by their keys, in a transaction of their own.
    pub async fn delete(&mut self, keys: &[Key]) -> Result<()> {
        let sql = delete_keys(self.table, keys);
        let mut tries = 0;
        loop {
            // Deleting twice equals once: no need to ask what became of it.
            match self.worker.to.session.affected(&sql).await {
                Ok(_) => return Ok(()),
                Err(error) => self.worker.pause_or_fail(error, &mut tries).await?,
            }
        }
    }

    async fn send(&mut self, rows: &[Row]) -> Result<Sent> {
        self.batch += 1;
        let (statement, copied) = if self.worker.crew.by_copy && !self.replacing {
            (format!("copy {} ({}) from stdin", self.table.qualified(), self.table.column_list()).into_bytes(), true)
        } else {
            (self.insert(rows), false)
        };
        let bytes = if copied { rows.iter().map(|row| row.values.len()).sum() } else { statement.len() };
        let statement = String::from_utf8(statement).map_err(|_| Error::bug("a batch is not UTF-8"))?;
        let outcome = self.transact(rows, &statement, copied).await;
        let Err(error) = outcome else { return Ok(Sent::Committed) };
        if ledger::is_lost(&error) {
            return Err(error);
        }
        if error.kind == Kind::Unreachable && !conflict(&error) {
            // No answer: the ledger knows whether it is there.
            self.worker.reconnect_patiently().await?;
            return Ok(match self.is_there().await? {
                true => Sent::Committed,
                false if bytes > LARGE => Sent::Refused(error.cause("the connection ended after a statement of this size")),
                false => Sent::Again,
            });
        }
        let _ = self.worker.to.session.rollback().await;
        if conflict(&error) {
            return Ok(if unavailable(&error) && self.is_there().await? { Sent::Committed } else { Sent::Again });
        }
        if is_about_a_row(&error) { Ok(Sent::Refused(error)) } else { Err(error) }
    }

    async fn is_there(&self) -> Result<bool> {
        Ok(self.worker.ledger.batches(&self.worker.to.session, self.claim).await? >= self.batch)
    }

    async fn transact(&self, rows: &[Row], statement: &str, copied: bool) -> Result<()> {
        let to = &self.worker.to.session;
        to.begin().await?;
        if self.replacing {
            let keys: Vec<Key> = rows.iter().map(|row| keys(&row.key)).collect();
            to.affected(&delete_keys(self.table, &keys)).await?;
        }
        if copied {
            let mut text = Vec::with_capacity(rows.iter().map(|row| row.values.len() + 1).sum());
            for row in rows {
                text.extend_from_slice(&row.values);
                text.push(b'\n');
            }
            let frames = futures_util::stream::once(async { Ok(Bytes::from(text)) }).boxed();
            to.copy_in(statement, frames, |_| {}).await?;
        } else {
            to.batch(statement).await?;
        }
        self.worker.ledger.count_batch(to, self.claim, self.batch).await?;
        to.commit().await
    }

    fn insert(&self, rows: &[Row]) -> Vec<u8> {
        let overriding = if self.table.overriding { " overriding system value" } else { "" };
        let mut out = format!("insert into {} ({}){overriding} values ", self.table.qualified(), self.table.column_list()).into_bytes();
        out.reserve(rows.iter().map(|row| row.values.len() + row.values.len() / 8 + 4 * self.table.columns.len()).sum());
        for (i, row) in rows.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_row(&mut out, &row.values);
        }
        out
    }

    /// Sets a row aside: by its key where it has one, else by what it begins with is not told, because values are not ours to write down.
    async fn set_aside(&mut self, row: &Row, reason: &str) -> Result<()> {
        let key = if self.table.key.is_empty() {
            vec![format!("row {} of the chunk", self.written + self.quarantined + 1)]
        } else {
            keys(&row.key)
        };
        let sql = Ledger::quarantine(&self.table.label(), &key, reason);
        let mut tries = 0;
        loop {
            match self.worker.to.session.affected(&sql).await {
                Ok(_) => break,
                Err(error) => self.worker.pause_or_fail(error, &mut tries).await?,
            }
        }
        self.quarantined += 1;
        self.worker.crew.tally.quarantined(&format!("{} {}: set aside: {reason}", self.table.label(), serde_json::Value::from(key)));
        Ok(())
    }
}

impl Worker<'_> {
    /// A new session, however long the server takes to come back within the connector's patience.
    async fn reconnect_patiently(&mut self) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.reconnect().await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind == Kind::Unreachable && tries < 5 => {
                    tries += 1;
                    pause(&self.crew.batch_limits, tries + 2).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
