//! One client's connection: its messages in order, each judged, sent on, and answered before the next is read.
//! What a transaction may hold is in `transaction.rs`, the extended protocol in `extended.rs`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::backend::Backend;
use super::shared::Shared;
use super::statement::{JobName, Kind, Statement, split};
use super::transaction::{Phase, Transaction};
use super::wire::{self, Frame};

/// Bytes that may wait before they are sent to the client.
const WAITING: usize = 1 << 16;

pub struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) backend: Backend,
    pub(super) transaction: Transaction,
    pub(super) statements: BTreeMap<String, Statement>,
    pub(super) portals: BTreeMap<String, Statement>,
    /// After an error of the extended protocol, until Sync.
    pub(super) skipping: bool,
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    waiting: Vec<u8>,
}

impl Session {
    pub fn new(shared: Arc<Shared>, client: TcpStream, backend: Backend) -> Self {
        let (from, to) = client.into_split();
        Self {
            shared,
            backend,
            transaction: Transaction::default(),
            statements: BTreeMap::new(),
            portals: BTreeMap::new(),
            skipping: false,
            from: BufReader::with_capacity(1 << 16, from),
            to,
            waiting: Vec::new(),
        }
    }

    /// Until the client leaves, a message is too large, or an answer is to be lost: the end of this closes the connection.
    pub async fn run(mut self) -> io::Result<()> {
        loop {
            let frame = self.receive().await?;
            match frame.tag {
                b'X' => return Ok(()),
                b'Q' => self.simple(&frame.text()).await?,
                // As a server does outside COPY.
                b'd' | b'c' | b'f' => {}
                _ => self.extended(frame).await?,
            }
        }
    }

    async fn receive(&mut self) -> io::Result<Frame> {
        let limit = self.shared.rules().message;
        let frame = wire::read(&mut self.from, limit).await?;
        self.shared.count(|seen| seen.largest_message = seen.largest_message.max(frame.size() as u64));
        Ok(frame)
    }

    pub(super) async fn emit(&mut self, frame: &Frame) -> io::Result<()> {
        frame.write_to(&mut self.waiting);
        if self.waiting.len() > WAITING { self.flush().await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&std::mem::take(&mut self.waiting)).await
    }

    pub(super) async fn ready(&mut self) -> io::Result<()> {
        let status = self.transaction.status();
        self.emit(&wire::ready(status)).await?;
        self.flush().await
    }

    /// A simple query: statement by statement, one implicit transaction where they open none themselves.
    async fn simple(&mut self, text: &str) -> io::Result<()> {
        self.skipping = false;
        let statements = split(text);
        if statements.is_empty() {
            self.emit(&Frame::new(b'I', [])).await?;
        }
        for sql in statements {
            let statement = Statement::read(&sql);
            self.begin_if_idle().await?;
            if self.control(&statement).await? {
                if self.transaction.failed {
                    break;
                }
                continue;
            }
            if !self.admit(&statement).await? {
                break;
            }
            if let Kind::Wait(JobName::Literal(job)) = &statement.kind
                && !self.wait(job).await?
            {
                break;
            }
            if !self.perform(&statement, wire::query(&statement.sql)).await? {
                break;
            }
        }
        self.end_implicit().await?;
        self.ready().await
    }

    /// Sends a statement on and passes on what comes back; whether it worked. Its completion is held back until it is certain.
    pub(super) async fn perform(&mut self, statement: &Statement, message: Frame) -> io::Result<bool> {
        let simple = message.tag == b'Q';
        let mut frames = vec![message];
        if !simple {
            frames.push(wire::flush());
        }
        self.backend.send(&frames).await?;
        let (mut completion, mut worked) = (None, true);
        loop {
            let frame = self.backend.read().await?;
            let ends = match frame.tag {
                b'E' => {
                    self.fail(&frame).await?;
                    worked = false;
                    !simple
                }
                b'C' => {
                    completion = Some(frame);
                    !simple
                }
                b's' | b'I' => {
                    self.emit(&frame).await?;
                    !simple
                }
                b'Z' => true,
                b'G' => {
                    self.emit(&frame).await?;
                    self.copy_in().await?;
                    false
                }
                _ => {
                    self.emit(&frame).await?;
                    false
                }
            };
            if ends {
                break;
            }
        }
        match completion {
            Some(completion) if worked => self.confirm(statement, &completion).await,
            _ => Ok(worked),
        }
    }

    /// Passes on what the client copies in. The server is not listened to meanwhile: should it have an error, it says it once and
    /// ignores the rest.
    async fn copy_in(&mut self) -> io::Result<()> {
        self.flush().await?;
        loop {
            let frame = self.receive().await?;
            let ends = matches!(frame.tag, b'c' | b'f');
            match frame.tag {
                b'd' | b'c' | b'f' => self.backend.send(&[frame]).await?,
                // Flush and Sync mean nothing here.
                b'H' | b'S' => {}
                other => return Err(io::Error::other(format!("message {} within COPY", char::from(other)))),
            }
            if ends {
                return self.backend.send(&[wire::flush()]).await;
            }
        }
    }

    /// An error of the server behind, without what betrays the stand-in.
    pub(super) async fn fail(&mut self, error: &Frame) -> io::Result<()> {
        let ours = [b'W', b'q'].into_iter().any(|kind| error.field(kind).is_some_and(|text| text.contains("standin")));
        self.transaction.failed = true;
        if ours {
            self.shared.count(|seen| seen.refusals += 1);
            self.emit(&wire::without_context(error)).await
        } else {
            self.emit(error).await
        }
    }

    /// Whether the transaction is one of the client's own making.
    pub(super) fn is_explicit(&self) -> bool {
        self.transaction.phase == Phase::Explicit
    }
}
