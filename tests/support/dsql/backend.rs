//! A session on the Postgres behind the stand-in: opening it, sending to it, statements of the stand-in's own.
//! Refuses nothing and counts nothing; the client's prepared statements and portals are never touched by the stand-in's.

use std::io;

use migrate_wizard::postgres::Connector;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::wire::{self, Frame, put_text};
use crate::support::postgres::password;

/// Name of the stand-in's own statement and portal.
const OWN: &str = "~";

/// An open session.
pub struct Backend {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    /// What the server said when it opened the session: its parameters, and the key to cancel with.
    pub greeting: Vec<Frame>,
}

/// What a statement of the stand-in's own gave.
pub type Rows = Result<Vec<Vec<Option<String>>>, Frame>;

impl Backend {
    /// Opens a session as the backing's own user; `parameters` go into the start-up packet.
    pub async fn open(backing: &Connector, parameters: &[(&str, &str)]) -> io::Result<Self> {
        let stream = TcpStream::connect((backing.host(), backing.port())).await?;
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        let mut backend = Self { from: BufReader::with_capacity(1 << 16, from), to, greeting: Vec::new() };
        let mut all = vec![("user", backing.user()), ("database", backing.database())];
        all.extend_from_slice(parameters);
        backend.to.write_all(&wire::startup(&all)).await?;
        backend.log_in(&password(backing)).await?;
        Ok(backend)
    }

    async fn log_in(&mut self, password: &str) -> io::Result<()> {
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let frame = self.read().await?;
            let code = frame.body.get(..4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
            let rest = frame.body.get(4..).unwrap_or_default();
            match (frame.tag, code) {
                (b'R', 0) => {}
                (b'R', 10) => {
                    let mut body = Vec::new();
                    put_text(&mut body, SCRAM_SHA_256);
                    body.extend_from_slice(&u32::try_from(scram.message().len()).unwrap_or_default().to_be_bytes());
                    body.extend_from_slice(scram.message());
                    self.send(&[Frame::new(b'p', body)]).await?;
                }
                (b'R', 11) => {
                    scram.update(rest)?;
                    self.send(&[Frame::new(b'p', scram.message())]).await?;
                }
                (b'R', 12) => scram.finish(rest)?,
                (b'S' | b'K', _) => self.greeting.push(frame),
                (b'Z', _) => return Ok(()),
                (b'E', _) => return Err(io::Error::other(frame.field(b'M').unwrap_or_default())),
                _ => {}
            }
        }
    }

    pub async fn read(&mut self) -> io::Result<Frame> {
        wire::read(&mut self.from, usize::MAX).await
    }

    pub async fn send(&mut self, frames: &[Frame]) -> io::Result<()> {
        let mut out = Vec::with_capacity(frames.iter().map(Frame::size).sum());
        frames.iter().for_each(|frame| frame.write_to(&mut out));
        self.to.write_all(&out).await
    }

    /// Runs one statement for the stand-in itself: its rows, or the error.
    pub async fn run(&mut self, sql: &str) -> io::Result<Rows> {
        let mut parse = Vec::new();
        put_text(&mut parse, OWN);
        put_text(&mut parse, sql);
        parse.extend_from_slice(&[0, 0]);
        let mut bind = Vec::new();
        put_text(&mut bind, OWN);
        put_text(&mut bind, OWN);
        bind.extend_from_slice(&[0; 6]);
        let mut execute = Vec::new();
        put_text(&mut execute, OWN);
        execute.extend_from_slice(&[0; 4]);
        let close = |kind: u8| {
            let mut body = vec![kind];
            put_text(&mut body, OWN);
            Frame::new(b'C', body)
        };
        // Closed first: after an error in the middle those of before would still be there.
        let frames = [close(b'P'), close(b'S'), Frame::new(b'P', parse), Frame::new(b'B', bind), Frame::new(b'E', execute), wire::sync()];
        self.send(&frames).await?;
        let (mut rows, mut error) = (Vec::new(), None);
        loop {
            let frame = self.read().await?;
            match frame.tag {
                b'D' => rows.push(frame.values()),
                b'E' => error = Some(frame),
                b'Z' => return Ok(error.map_or(Ok(rows), Err)),
                _ => {}
            }
        }
    }
}
