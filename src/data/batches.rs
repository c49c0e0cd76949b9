//! Writing in small transactions, for a target that limits them: batches by rows and bytes, conflicts tried again, a batch that is too
//! large halved down to the one row that cannot go, which is set aside with its key and the reason.
//! Never sends a batch twice without asking the ledger whether it is there: a commit without an answer may have happened.

use bytes::Bytes;
use futures_util::StreamExt;

use crate::data::again::pause;
use crate::data::batch::{Row, Sent};
use crate::data::catch_up::delete_keys;
use crate::data::chunk::whose;
use crate::data::copy_text::Lines;
use crate::data::differ::{Key, keys, split};
use crate::data::ledger::{Claim, Ledger};
use crate::data::limits::Limits;
use crate::data::plan::{Side, TablePlan};
use crate::data::worker::{Worker, in_the_way};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::literal;

/// What is there of the rows that are to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing.
    Fresh,
    /// Perhaps a row of the same key, which is written over: nothing that refers to it is touched.
    Over,
    /// Perhaps a row of the same key, which is deleted in the same transaction.
    Anew,
}

/// Rows that others stand in the way of, at most: with more, the whole chunk waits until the others are done.
const BLOCKED: usize = 200;

/// Fills and sends the batches of one chunk.
pub struct Batches<'w, 'a> {
    pub(super) worker: &'w mut Worker<'a>,
    pub(super) claim: &'w Claim,
    pub(super) table: &'w TablePlan,
    pub(super) limits: Limits,
    pub(super) how: How,
    rows: Vec<Row>,
    /// What `rows` count on the target, and their bytes as a statement.
    counted: usize,
    statement: usize,
    /// Batches that were begun, of earlier tries at the chunk too; not known before the first.
    last: Option<u32>,
    /// Rows and deletions that other rows stand in the way of, and the error that says so.
    blocked: Vec<Row>,
    blocked_deletions: Vec<Key>,
    why: Option<Error>,
    /// Rows that were written or deleted.
    pub written: u64,
    pub bytes: u64,
    pub quarantined: u64,
}

impl<'w, 'a> Batches<'w, 'a> {
    pub fn new(worker: &'w mut Worker<'a>, claim: &'w Claim, table: &'w TablePlan, limits: Limits, how: How) -> Self {
        Self {
            worker,
            claim,
            table,
            limits,
            how,
            rows: Vec::new(),
            counted: 0,
            statement: 0,
            last: None,
            blocked: Vec::new(),
            blocked_deletions: Vec::new(),
            why: None,
            written: 0,
            bytes: 0,
            quarantined: 0,
        }
    }

    /// Reads rows of the source and sends the batches that become full.
    pub async fn read(&mut self, conditions: Vec<String>) -> Result<()> {
        let keys = self.table.key_prints(Side::Source).into_iter();
        let values = self.table.columns.iter().map(|column| column.value.as_str());
        let fields: Vec<&str> = keys.chain(values).collect();
        let sql = format!("select {} from {}{}", fields.join(", "), self.table.rows_of(Side::Source), whose(&conditions));
        let mut frames = self.worker.from.rows(&sql).await?;
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
                self.flush().await?;
                let row = self.row(lines.beginning(64 << 10));
                self.set_aside(&row, "the row is longer than the target takes in one message").await?;
            }
            if skipping {
                lines.forget();
            }
        }
        Ok(())
    }

    /// Whether batches go by COPY.
    pub(super) fn by_copy(&self) -> bool {
        self.worker.crew.by_copy && self.how == How::Fresh
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
        let crew = self.worker.crew;
        let most = if self.by_copy() { crew.copy_bytes } else { crew.insert_bytes }.min(self.limits.batch_bytes());
        let full = self.rows.len() >= self.limits.batch_rows(self.how == How::Anew)
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
    async fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        (self.counted, self.statement) = (0, 0);
        self.send_all(rows).await
    }

    /// Sends rows as one batch, in parts where that cannot go.
    async fn send_all(&mut self, rows: Vec<Row>) -> Result<()> {
        // Parts that are still to be sent, the first one last; with its number, one that was begun.
        let mut parts = if rows.is_empty() { Vec::new() } else { vec![(None, rows)] };
        let mut tries = 0;
        while let Some((begun, mut part)) = parts.pop() {
            let number = match begun {
                Some(number) => number,
                None => self.next_number().await?,
            };
            match self.send(number, &part).await? {
                Sent::Committed => {
                    tries = 0;
                    self.worker.commits += 1;
                    self.worker.put += part.len() as u64;
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
                    parts.push((Some(number), part));
                }
                // A single row of this size: perhaps the network after all.
                Sent::TooLong(_) if part.len() == 1 && tries < 3 => {
                    tries += 1;
                    self.worker.crew.tally.retried();
                    pause(&self.limits, tries).await;
                    parts.push((Some(number), part));
                }
                Sent::TooLong(error) | Sent::Refused(error) | Sent::Blocked(error) if part.len() > 1 => {
                    tries = 0;
                    if in_the_way(&error) && (self.how == How::Fresh || self.blocked.len() > BLOCKED) {
                        return Err(error);
                    }
                    let second = part.split_off(part.len() / 2);
                    parts.push((None, second));
                    parts.push((None, part));
                }
                Sent::Blocked(error) => {
                    if self.how == How::Fresh {
                        return Err(error);
                    }
                    self.blocked.append(&mut part);
                    self.why = Some(error);
                }
                Sent::TooLong(error) | Sent::Refused(error) => {
                    tries = 0;
                    if let [row] = part.as_slice() {
                        let reason = error.causes.first().cloned().unwrap_or_else(|| error.what.clone());
                        self.set_aside(row, &reason).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A number that no batch of the chunk had: one of an earlier try would be taken for it.
    async fn next_number(&mut self) -> Result<u32> {
        let mut tries = 0;
        let last = loop {
            match self.last {
                Some(last) => break last,
                None => match self.worker.ledger.batches(&self.worker.to.session, self.claim).await {
                    Ok(last) => break last,
                    Err(error) => self.worker.pause_or_fail(error, &mut tries).await?,
                },
            }
        };
        self.last = Some(last + 1);
        Ok(last + 1)
    }

    /// Deletes rows by their keys, in transactions of their own: rows of other tables that go with them count too.
    pub async fn delete(&mut self, keys: &[Key]) -> Result<()> {
        let mut parts = if keys.is_empty() { Vec::new() } else { vec![keys.to_vec()] };
        let mut tries = 0;
        while let Some(mut part) = parts.pop() {
            // Deleting twice equals once: no need to ask what became of it.
            match self.worker.to.session.affected(&delete_keys(self.table, &part)).await {
                Ok(gone) => {
                    tries = 0;
                    self.worker.commits += u64::from(gone > 0);
                    self.worker.put += gone;
                    self.written += gone;
                }
                Err(error) if (in_the_way(&error) && sqlstate(&error) != Some("40P01")) || sqlstate(&error) == Some("54000") => {
                    let _ = self.worker.to.session.rollback().await;
                    if part.len() == 1 {
                        self.blocked_deletions.append(&mut part);
                        self.why = Some(error);
                        continue;
                    }
                    let second = part.split_off(part.len() / 2);
                    parts.push(second);
                    parts.push(part);
                }
                Err(error) => {
                    self.worker.pause_or_fail(error, &mut tries).await?;
                    parts.push(part);
                }
            }
        }
        Ok(())
    }

    /// Sends what is left, and tries again what other rows of the table stood in the way of. Fails with what still does.
    pub async fn finish(&mut self) -> Result<()> {
        self.flush().await?;
        let mut freed = false;
        while !self.blocked.is_empty() || !self.blocked_deletions.is_empty() {
            let before = self.blocked.len() + self.blocked_deletions.len();
            let (rows, deletions) = (std::mem::take(&mut self.blocked), std::mem::take(&mut self.blocked_deletions));
            self.send_all(rows).await?;
            self.delete(&deletions).await?;
            if self.blocked.len() + self.blocked_deletions.len() < before {
                continue;
            }
            if !freed && self.why.as_ref().is_some_and(|why| sqlstate(why) == Some("23505")) && !self.is_referred_to().await? {
                // Rows that exchanged a unique value: the old ones go first.
                freed = true;
                let old: Vec<Key> = self.blocked.iter().map(|row| keys(&row.key)).collect();
                let written = self.written;
                self.delete(&old).await?;
                self.written = written;
                continue;
            }
            let error = self.why.take().unwrap_or_else(|| Error::bug("rows are in the way of each other"));
            return Err(if sqlstate(&error) == Some("23505") {
                error.hint("rows exchanged a value that must be unique, and others refer to them: drop that index on the target, run the same command again, then make the index again")
            } else {
                error.hint("rows refer to each other in a ring, or to rows that are not there: drop that foreign key on the target, run the same command again, then make it again")
            });
        }
        Ok(())
    }

    /// Whether a foreign key points at the table: then a row of it cannot go for a moment without taking others along.
    async fn is_referred_to(&self) -> Result<bool> {
        let sql = format!(
            "select exists (select 1 from pg_constraint where contype = 'f' and confrelid = {}::regclass)",
            literal(&self.table.qualified())
        );
        self.worker.to.session.value(&sql, &[]).await
    }

    /// Sets a row aside: by its key where it has one, else by its place, because values are not ours to write down.
    async fn set_aside(&mut self, row: &Row, reason: &str) -> Result<()> {
        let place = || vec![format!("chunk {}, row {}", self.claim.range.chunk + 1, self.written + self.quarantined + 1)];
        let key = if self.table.key.is_empty() { place() } else { keys(&row.key) };
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
