//! One batch: its statement, its transaction with the ledger's count of it, and what became of it.
//! The count is written first: a batch that an earlier try had committed shows before a row of it is sent again.

use bytes::Bytes;
use futures_util::StreamExt;

use crate::data::again::{broken, conflict, unavailable};
use crate::data::batches::{Batches, How};
use crate::data::catch_up::delete_keys;
use crate::data::copy_text::push_row;
use crate::data::differ::{Key, keys};
use crate::data::ledger;
use crate::data::load::is_about_a_row;
use crate::data::plan::TablePlan;
use crate::data::worker::in_the_way;
use crate::error::{Error, Result};
use crate::postgres::quote::ident;

/// A statement of more bytes than this that ends the connection was too long for the server, not for the network.
const LARGE: usize = 1 << 20;

/// A row: its key as COPY writes it, and its values.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: Bytes,
    pub values: Bytes,
}

/// How a sent batch ended.
pub enum Sent {
    Committed,
    /// It can be sent again as it is.
    Again,
    /// The connection ended after so many bytes.
    TooLong(Error),
    /// Too large, or one of its rows cannot go.
    Refused(Error),
    /// Other rows stand in the way: of a unique index, or of a foreign key.
    Blocked(Error),
}

impl Batches<'_, '_> {
    /// Sends rows as the batch of this number.
    pub(super) async fn send(&mut self, number: u32, rows: &[Row]) -> Result<Sent> {
        let by_copy = self.worker.crew.by_copy && self.how == How::Fresh;
        let statement = match by_copy {
            true => format!("copy {} ({}) from stdin", self.table.qualified(), self.table.column_list()).into_bytes(),
            false => self.insert(rows),
        };
        let bytes = if by_copy { rows.iter().map(|row| row.values.len()).sum() } else { statement.len() };
        if bytes > self.limits.statement_bytes() {
            // No need to lose a connection over it.
            return Ok(Sent::Refused(Error::new(
                crate::error::Kind::Failed,
                "the statement is longer than the target takes in one message",
            )));
        }
        let statement = String::from_utf8(statement).map_err(|_| Error::bug("a batch is not UTF-8"))?;
        let Err(error) = self.transact(number, rows, &statement, by_copy).await else { return Ok(Sent::Committed) };
        if ledger::is_lost(&error) {
            return Err(error);
        }
        if broken(&error) || self.worker.to.session.is_closed() {
            // No answer. The new session holds the chunk by a change of its row, so that the old transaction cannot commit any more; then
            // the ledger knows whether it did.
            self.worker.reconnect_patiently().await?;
            return Ok(match self.is_there(number).await? {
                true => Sent::Committed,
                false if bytes > LARGE => Sent::TooLong(error.cause("the connection ended after a statement of this size")),
                false => Sent::Again,
            });
        }
        let _ = self.worker.to.session.rollback().await;
        if conflict(&error) {
            return Ok(if unavailable(&error) && self.is_there(number).await? { Sent::Committed } else { Sent::Again });
        }
        if is_about_a_row(&error) {
            return Ok(Sent::Refused(error));
        }
        if in_the_way(&error) { Ok(Sent::Blocked(error)) } else { Err(error) }
    }

    async fn is_there(&self, number: u32) -> Result<bool> {
        Ok(self.worker.ledger.batches(&self.worker.to.session, self.claim).await? >= number)
    }

    async fn transact(&self, number: u32, rows: &[Row], statement: &str, by_copy: bool) -> Result<()> {
        let to = &self.worker.to.session;
        to.begin().await?;
        if !self.worker.ledger.count_batch(to, self.claim, number).await? {
            return to.rollback().await;
        }
        if self.how == How::Anew {
            let keys: Vec<Key> = rows.iter().map(|row| keys(&row.key)).collect();
            to.affected(&delete_keys(self.table, &keys)).await?;
        }
        if by_copy {
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
        if self.how == How::Over {
            out.extend_from_slice(over(self.table).as_bytes());
        }
        out
    }
}

/// What an INSERT does with a row whose key is there.
fn over(table: &TablePlan) -> String {
    let keys: Vec<&str> = table.key.iter().map(|key| key.name.as_str()).collect();
    let names = table.columns.iter().map(|column| ident(&column.name)).filter(|name| !keys.contains(&name.as_str()));
    let sets: Vec<String> = names.map(|name| format!("{name} = excluded.{name}")).collect();
    let then = if sets.is_empty() { "nothing".to_owned() } else { format!("update set {}", sets.join(", ")) };
    format!(" on conflict ({}) do {then}", keys.join(", "))
}
