//! One batch: its statement, its transaction with the ledger's count of it, and what became of it.
//! The count is written first: a batch that an earlier try had committed shows before a row of it is sent again.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{join, join3, join4};

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

/// Bytes that are sent to COPY at once.
const PIECE: usize = 64 << 10;

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
        let by_copy = self.by_copy();
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
        if broken(&error) {
            // No answer. The new session holds the chunk by a change of its row, so that the old transaction cannot commit any more; then
            // the ledger knows whether it did.
            self.worker.reconnect_patiently().await?;
            return Ok(match self.is_there(number).await? {
                true => Sent::Committed,
                false if bytes > LARGE => Sent::TooLong(error.cause("the connection ended after a statement of this size")),
                false => Sent::Again,
            });
        }
        // The server said why, so nothing was kept; a refused COPY costs the session all the same.
        if self.worker.to.session.is_closed() {
            self.worker.reconnect_patiently().await?;
        } else {
            let _ = self.worker.to.session.rollback().await;
        }
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

    /// One round trip for all that comes before the commit of an INSERT: the count is looked at before anything is kept.
    async fn transact(&self, number: u32, rows: &[Row], statement: &str, by_copy: bool) -> Result<()> {
        let to = &self.worker.to.session;
        let count = self.worker.ledger.count_batch(self.claim, number);
        if by_copy {
            // A COPY that begins where the transaction has failed costs the session: only its reading goes along with the count.
            let (begun, counted, copy) = join3(to.begin(), to.affected(&count), to.prepare(statement)).await;
            began(begun)?;
            if counted? == 0 {
                return self.not_counted(number).await;
            }
            let frames = futures_util::stream::iter(pieces(rows)).boxed();
            // The end of a transaction that has failed keeps nothing of it, whatever it is called.
            let (copied, committed) = join(to.copy_in_prepared(statement, copy?, frames, |_| {}), to.commit()).await;
            return copied.and(committed);
        }
        let delete = (self.how == How::Anew).then(|| delete_keys(self.table, &rows.iter().map(|row| keys(&row.key)).collect::<Vec<Key>>()));
        let delete = async { if let Some(sql) = &delete { to.affected(sql).await.map(drop) } else { Ok(()) } };
        let (begun, counted, deleted, inserted) = join4(to.begin(), to.affected(&count), delete, to.batch(statement)).await;
        began(begun)?;
        if counted? == 0 {
            return self.not_counted(number).await;
        }
        deleted.and(inserted)?;
        to.commit().await
    }

    /// The count was no longer to be made: the batch is there already, from a commit whose answer was lost, or the chunk is another worker's.
    async fn not_counted(&self, number: u32) -> Result<()> {
        self.worker.to.session.rollback().await?;
        if self.is_there(number).await? { Ok(()) } else { Err(ledger::lost(self.claim)) }
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

/// Where no transaction began, what followed may have been kept one by one: neither a conflict nor a lost answer, but the end of the pass.
/// The next one compares the chunk.
fn began(outcome: Result<()>) -> Result<()> {
    outcome.map_err(|error| {
        if broken(&error) {
            error
        } else {
            Error::new(error.kind, "the target began no transaction").cause(error.line().replace("SQLSTATE ", ""))
        }
    })
}

/// The rows as COPY takes them, a piece at a time: a batch is not in memory twice.
fn pieces(rows: &[Row]) -> impl Iterator<Item = Result<Bytes>> + Send + use<> {
    let mut rest = rows.iter().map(|row| row.values.clone()).collect::<Vec<_>>().into_iter();
    std::iter::from_fn(move || {
        let mut piece = Vec::with_capacity(PIECE);
        while let Some(values) = (piece.len() < PIECE).then(|| rest.next()).flatten() {
            piece.extend_from_slice(&values);
            piece.push(b'\n');
        }
        (!piece.is_empty()).then(|| Ok(piece.into()))
    })
}

/// What an INSERT does with a row whose key is there.
fn over(table: &TablePlan) -> String {
    let keys: Vec<&str> = table.key.iter().map(|key| key.name.as_str()).collect();
    let names = table.columns.iter().map(|column| ident(&column.name)).filter(|name| !keys.contains(&name.as_str()));
    let sets: Vec<String> = names.map(|name| format!("{name} = excluded.{name}")).collect();
    let then = if sets.is_empty() { "nothing".to_owned() } else { format!("update set {}", sets.join(", ")) };
    format!(" on conflict ({}) do {then}", keys.join(", "))
}
