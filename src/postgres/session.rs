//! One connection: statements, transactions and COPY, every error mapped by `fault.rs`.
//! A read-only session never passes on a statement that would make itself writable.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Kind, Result};
use crate::postgres::connector::{Access, Connector};
use crate::postgres::dial::cancel;
use crate::postgres::fault::fault;

/// What COPY sends, frame by frame.
pub type Frames = BoxStream<'static, Result<Bytes>>;

/// A parameter of a statement.
pub type Param<'a> = &'a (dyn ToSql + Sync);

/// An open connection. Dropping it while a statement runs cancels that statement on the server.
///
/// Statements whose futures are polled together (`futures_util::future::join`, which polls in order) go one right after another, without
/// waiting for an answer in between: a round trip for all of them. Each still stands for itself. Within a transaction the ones after one
/// that failed fail too; never send so what must not happen without the one before, unless both end with the same commit.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
    tls: MakeRustlsConnect,
    access: Access,
    label: String,
    /// Where to ask for a statement to be given up.
    to: Connector,
    /// Statements that were begun and have not ended, those whose future was dropped among them.
    busy: AtomicUsize,
    /// A COPY was refused after its statement was taken: answers no longer belong to their questions.
    out_of_step: AtomicBool,
    since: Instant,
}

impl Session {
    pub(super) fn new(client: Client, driver: JoinHandle<()>, tls: MakeRustlsConnect, access: Access, to: Connector) -> Self {
        Self {
            client,
            driver,
            tls,
            access,
            label: to.label(),
            to,
            busy: AtomicUsize::new(0),
            out_of_step: AtomicBool::new(false),
            since: Instant::now(),
        }
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// How long ago it was opened: a server may end a session at a certain age (DSQL: an hour), so renew it before.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// "db on host:port as user".
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Rows of a statement with parameters.
    pub async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.allowed(sql)?;
        self.run(sql, self.client.query(sql, params)).await
    }

    /// The only row; `None` when there is none.
    pub async fn query_opt(&self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// The first column of the only row.
    pub async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str, params: &[Param<'_>]) -> Result<T> {
        let row = self.query_opt(sql, params).await?.ok_or_else(|| self.fail(sql, "it returned no row"))?;
        row.try_get(0).map_err(|error| fault(self.what(sql), &error))
    }

    /// The first column of the only row as JSON, read into `T`.
    pub async fn json<T: serde::de::DeserializeOwned>(&self, sql: &str) -> Result<T> {
        let text =
            self.text(sql).await?.into_iter().next().and_then(|row| row.into_iter().next().flatten()).unwrap_or_else(|| "null".to_owned());
        serde_json::from_str(&text).map_err(|error| Error::bug(self.what(sql)).because(&error))
    }

    /// Rows as the server prints them, without parameters; only the last statement's rows when there are several.
    pub async fn text(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        self.allowed(sql)?;
        let mut rows = Vec::new();
        for message in self.run(sql, self.client.simple_query(sql)).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|i| row.try_get(i).ok().flatten().map(str::to_owned)).collect())
                }
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                _ => {}
            }
        }
        Ok(rows)
    }

    /// Number of rows touched.
    pub async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        self.allowed(sql)?;
        self.run(sql, self.client.execute(sql, params)).await
    }

    /// Rows touched by a statement without parameters, in one round trip.
    pub async fn affected(&self, sql: &str) -> Result<u64> {
        self.allowed(sql)?;
        let messages = self.run(sql, self.client.simple_query(sql)).await?;
        let count = messages.iter().map(|message| if let SimpleQueryMessage::CommandComplete(rows) = message { *rows } else { 0 });
        Ok(count.sum())
    }

    /// Several statements without results; one transaction unless they say otherwise.
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.allowed(sql)?;
        self.run(sql, self.client.batch_execute(sql)).await
    }

    /// Opens a transaction in which everything sees the same moment.
    pub async fn begin_snapshot(&self) -> Result<()> {
        self.batch("begin isolation level repeatable read read only").await
    }

    pub async fn begin(&self) -> Result<()> {
        self.batch("begin").await
    }

    pub async fn commit(&self) -> Result<()> {
        self.batch("commit").await
    }

    pub async fn rollback(&self) -> Result<()> {
        self.batch("rollback").await
    }

    /// The frames of `COPY … TO STDOUT`, one by one.
    pub async fn copy_out(&self, sql: &str) -> Result<Frames> {
        self.allowed(sql)?;
        let stream = self.run(sql, self.client.copy_out(sql)).await?;
        let what = self.what(sql);
        Ok(stream.map(move |frame| frame.map_err(|error| fault(&what, &error))).boxed())
    }

    /// The rows of a query, one by one, each as a line of COPY's text form: for a server that may not have COPY.
    pub async fn select_out(&self, sql: &str) -> Result<Frames> {
        self.allowed(sql)?;
        let stream = self.run(sql, self.client.simple_query_raw(sql)).await?;
        let what = self.what(sql);
        let line = move |message: Result<SimpleQueryMessage, tokio_postgres::Error>| {
            std::future::ready(match message {
                Ok(SimpleQueryMessage::Row(row)) => Some(Ok(copy_line(&row))),
                Ok(_) => None,
                Err(error) => Some(Err(fault(&what, &error))),
            })
        };
        Ok(stream.filter_map(line).boxed())
    }

    /// The server or the network ended it, or it is of no use any more.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.out_of_step.load(Ordering::Relaxed)
    }

    /// A statement the server has read and not run: for [`Self::copy_in_prepared`].
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.allowed(sql)?;
        self.run(sql, self.client.prepare(sql)).await
    }

    /// Sends frames to `COPY … FROM STDIN`; the number of rows the server took. A frame that is an error aborts the copy.
    /// `sent` is told of the bytes of each frame.
    pub async fn copy_in(&self, sql: &str, frames: Frames, sent: impl Fn(u64)) -> Result<u64> {
        let statement = self.prepare(sql).await?;
        self.copy_in_prepared(sql, statement, frames, sent).await
    }

    /// The same with the statement of this text, which was prepared before.
    pub async fn copy_in_prepared(&self, sql: &str, statement: Statement, frames: Frames, sent: impl Fn(u64)) -> Result<u64> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let rows = self.send_frames(sql, statement, frames, sent).await;
        self.busy.fetch_sub(1, Ordering::Relaxed);
        rows
    }

    async fn send_frames(&self, sql: &str, statement: Statement, mut frames: Frames, sent: impl Fn(u64)) -> Result<u64> {
        let what = self.what(sql);
        let sink = self.client.copy_in::<_, Bytes>(&statement).await.map_err(|error| {
            // The driver and the server do not agree any more on whose turn it is.
            self.out_of_step.store(true, Ordering::Relaxed);
            fault(&what, &error)
        })?;
        let mut sink = std::pin::pin!(sink);
        while let Some(frame) = frames.next().await {
            let frame = frame?;
            let bytes = frame.len() as u64;
            if let Err(error) = sink.feed(frame).await {
                // What the server has against the rows it says when it is asked for the end; the broken pipe alone says nothing.
                return Err(fault(&what, &sink.finish().await.err().unwrap_or(error)));
            }
            sent(bytes);
        }
        sink.finish().await.map_err(|error| fault(&what, &error))
    }

    /// Sets what the server lets us set; a refused setting is skipped and named in the answer.
    pub async fn settings(&self, settings: &[(&str, &str)]) -> Result<Vec<String>> {
        let mut refused = Vec::new();
        // One round trip when the server takes them all.
        let all: Vec<String> = settings.iter().map(|(name, value)| format!("set {name} = {value}")).collect();
        match self.batch(&all.join("; ")).await {
            Ok(()) => return Ok(refused),
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(_) => {}
        }
        for (name, value) in settings {
            if let Err(error) = self.batch(&format!("set {name} = {value}")).await {
                if error.kind == Kind::Unreachable {
                    return Err(error);
                }
                refused.push((*name).to_owned());
            }
        }
        Ok(refused)
    }

    /// Whether this is Aurora DSQL: only it has `sys.jobs`.
    pub async fn is_dsql(&self) -> Result<bool> {
        let sql = "select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'sys' and c.relname = 'jobs'";
        let count = self.text(sql).await?.into_iter().flatten().flatten().next();
        Ok(count.is_some_and(|count| count != "0"))
    }

    pub(super) async fn begin_read_only_by_statement(&self) -> Result<()> {
        let sql = "set session characteristics as transaction read only";
        self.run(sql, self.client.batch_execute(sql)).await
    }

    async fn run<T>(&self, sql: &str, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let result = work.await;
        self.busy.fetch_sub(1, Ordering::Relaxed);
        result.map_err(|error| fault(self.what(sql), &error))
    }

    fn what(&self, sql: &str) -> String {
        let line = sql.split_whitespace().take(9).collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(80).collect();
        format!("`{short}{}` failed on {}", if short.len() < sql.trim().len() { "…" } else { "" }, self.label)
    }

    fn fail(&self, sql: &str, why: &str) -> Error {
        Error::new(Kind::Failed, self.what(sql)).cause(why).hint("report this with the server's version")
    }

    fn allowed(&self, sql: &str) -> Result<()> {
        if self.access == Access::ReadOnly && unlocks(sql) {
            return Err(Error::new(Kind::Refused, format!("the session on {} is read-only and stays so", self.label))
                .hint("the source is only ever written to by the freeze at cutover"));
        }
        Ok(())
    }
}

/// A row as COPY writes it, with its line feed.
fn copy_line(row: &tokio_postgres::SimpleQueryRow) -> Bytes {
    let mut line = Vec::new();
    for column in 0..row.len() {
        if column > 0 {
            line.push(b'\t');
        }
        match row.try_get(column) {
            Ok(Some(text)) => text.bytes().for_each(|byte| copy_byte(&mut line, byte)),
            Ok(None) | Err(_) => line.extend_from_slice(b"\\N"),
        }
    }
    line.push(b'\n');
    Bytes::from(line)
}

fn copy_byte(line: &mut Vec<u8>, byte: u8) {
    let escaped = match byte {
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        11 => b'v',
        12 => b'f',
        _ => return line.push(byte),
    };
    line.extend_from_slice(&[b'\\', escaped]);
}

/// Whether a statement would lift the read-only state of its own session.
fn unlocks(sql: &str) -> bool {
    let words = sql.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    words.contains("transaction_read_only") && ["set ", "reset ", "set_config("].iter().any(|verb| words.contains(verb))
        || words.contains("read write")
        || words.starts_with("reset all")
        || words.starts_with("discard all")
        || words.contains("; reset all")
        || words.contains("; discard all")
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.busy.load(Ordering::Relaxed) > 0
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (token, tls, to) = (self.client.cancel_token(), self.tls.clone(), self.to.clone());
            let driver = self.driver.abort_handle();
            runtime.spawn(async move {
                let _ = tokio::time::timeout(Duration::from_secs(5), cancel(&to, &token, &tls)).await;
                driver.abort();
            });
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({}, {:?})", self.label, self.access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unlocks_a_read_only_session() {
        for sql in [
            "SET default_transaction_read_only = off",
            "begin  read\n write",
            "set transaction_read_only to off",
            "select set_config('default_transaction_read_only', 'off', false)",
            "RESET ALL",
            "select 1; discard all",
        ] {
            assert!(unlocks(sql), "{sql}");
        }
        for sql in ["select 1", "begin isolation level repeatable read read only", "show transaction_read_only"] {
            assert!(!unlocks(sql), "{sql}");
        }
    }
}
