//! Messages of the PostgreSQL protocol, version 3: reading them one by one, building those the stand-in says itself.
//! Knows nothing of what a message means for a transaction, and never looks into a statement.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// One message: its type and what follows its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Frame {
    pub fn new(tag: u8, body: impl Into<Vec<u8>>) -> Self {
        Self { tag, body: body.into() }
    }

    /// Bytes on the wire.
    pub fn size(&self) -> usize {
        self.body.len() + 5
    }

    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.push(self.tag);
        out.extend_from_slice(&length(self.body.len() + 4));
        out.extend_from_slice(&self.body);
    }

    /// The text up to the first zero byte: a statement, a name, a command's tag.
    pub fn text(&self) -> String {
        take_text(&mut self.body.as_slice())
    }

    /// The values of a `DataRow` in text form.
    pub fn values(&self) -> Vec<Option<String>> {
        let mut rest = self.body.get(2..).unwrap_or_default();
        let mut values = Vec::new();
        while rest.len() >= 4 {
            values.push(take_bytes(&mut rest).map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        }
        values
    }

    /// A field of an `ErrorResponse`: `b'C'` is the SQLSTATE, `b'M'` the message.
    pub fn field(&self, kind: u8) -> Option<String> {
        fields(&self.body).into_iter().find(|(k, _)| *k == kind).map(|(_, text)| text)
    }
}

/// What an `ErrorResponse` holds.
fn fields(body: &[u8]) -> Vec<(u8, String)> {
    let mut rest = body;
    let mut found = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        if kind == 0 {
            break;
        }
        rest = after;
        found.push((kind, take_text(&mut rest)));
    }
    found
}

/// The same error without its context: on DSQL no procedure of ours stands behind a limit.
pub fn without_context(error: &Frame) -> Frame {
    let kept = fields(&error.body).into_iter().filter(|(kind, _)| !b"WFLRqp".contains(kind));
    let mut body = Vec::new();
    for (kind, text) in kept {
        body.push(kind);
        put_text(&mut body, &text);
    }
    body.push(0);
    Frame::new(b'E', body)
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// Takes a zero-terminated text off the front.
pub fn take_text(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = rest.get(end + 1..).unwrap_or_default();
    text
}

pub fn take_i16(rest: &mut &[u8]) -> i16 {
    let value = rest.get(..2).map_or(0, |b| i16::from_be_bytes([b[0], b[1]]));
    *rest = rest.get(2..).unwrap_or_default();
    value
}

/// Takes a value with its length in front; `None` is a null.
pub fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = rest.get(..4).map_or(-1, |b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    *rest = rest.get(4..).unwrap_or_default();
    let length = usize::try_from(length).ok()?;
    let value = rest.get(..length).unwrap_or_default();
    *rest = rest.get(length..).unwrap_or_default();
    Some(value)
}

/// Reads a message; one of more than `limit` bytes is an error, and none of it is read.
pub async fn read<R: AsyncRead + Unpin>(from: &mut R, limit: usize) -> io::Result<Frame> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length + 1 > limit || length < 4 {
        return Err(io::Error::other(format!("a message of {} bytes", length + 1)));
    }
    let mut body = vec![0; length - 4];
    from.read_exact(&mut body).await?;
    Ok(Frame { tag: head[0], body })
}

/// Reads the untagged packet that opens a connection: its code, and what follows it.
pub async fn read_startup<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<(u32, Vec<u8>)> {
    let length = from.read_u32().await? as usize;
    if !(8..=10_000).contains(&length) {
        return Err(io::Error::other("not a start-up packet"));
    }
    let code = from.read_u32().await?;
    let mut body = vec![0; length - 8];
    from.read_exact(&mut body).await?;
    Ok((code, body))
}

/// Builds the packet that opens a connection.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        put_text(&mut body, name);
        put_text(&mut body, value);
    }
    body.push(0);
    let mut packet = length(body.len() + 4).to_vec();
    packet.extend(body);
    packet
}

pub fn query(sql: &str) -> Frame {
    let mut body = Vec::new();
    put_text(&mut body, sql);
    Frame::new(b'Q', body)
}

pub fn complete(tag: &str) -> Frame {
    let mut body = Vec::new();
    put_text(&mut body, tag);
    Frame::new(b'C', body)
}

/// `ReadyForQuery` with `I`, `T` or `E`.
pub fn ready(status: u8) -> Frame {
    Frame::new(b'Z', [status])
}

pub fn authentication(code: u32) -> Frame {
    Frame::new(b'R', code.to_be_bytes())
}

pub fn flush() -> Frame {
    Frame::new(b'H', [])
}

pub fn sync() -> Frame {
    Frame::new(b'S', [])
}
