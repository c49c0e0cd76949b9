//! What a server sends during COPY, in frames of a better size: it sends one message for each row, however small or large. Small ones are read
//! many at a time and put together, which spares the client most of its work; large ones are cut, so that a value of a gigabyte passes
//! through a few kilobytes.
//! Never changes a byte of what is copied nor the order of messages, and knows nothing of any other message.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes of copied data in a frame, at most.
const FRAME: usize = 64 << 10;
/// Bytes read from the server at once.
const READ: usize = 128 << 10;
/// A server sends eight kilobytes at a time. Amid copied data, after a read that brought little, more is let come together for so long.
const LITTLE: usize = 48 << 10;
const LET_COME: Duration = Duration::from_millis(1);
const COPY_DATA: u8 = b'd';
/// A kind and a length.
const HEAD: usize = 5;

/// A connection whose incoming messages are regrouped.
#[derive(Debug)]
pub struct Regrouped<S> {
    inner: S,
    /// Bytes from the server, not looked at yet from `at` to `end`; what follows is room, cleared once and not for every read.
    input: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes for the client, not taken yet from `taken` on.
    output: Vec<u8>,
    taken: usize,
    /// What is left of the message that began last: it goes on as it is, or as frames of its own.
    left: usize,
    copied: bool,
    /// Until when the next bytes are let come together.
    rest: Option<Pin<Box<Sleep>>>,
}

impl<S> Regrouped<S> {
    /// Nothing but whole messages may come from `inner`: whatever is said before the first of them was said.
    pub fn new(inner: S) -> Self {
        Self { inner, input: Vec::new(), at: 0, end: 0, output: Vec::new(), taken: 0, left: 0, copied: false, rest: None }
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The head of the next message, if all of it is here: its kind and the bytes that follow.
    fn head(&self) -> Option<(u8, usize)> {
        let (kind, length) = self.input.get(self.at..self.end)?.get(..HEAD)?.split_first()?;
        Some((*kind, length.iter().fold(0_usize, |all, byte| all << 8 | usize::from(*byte)).saturating_sub(4)))
    }

    fn here(&self) -> usize {
        self.end - self.at
    }

    /// All that is understood of the input, as output.
    fn regroup(&mut self) {
        self.output.clear();
        self.taken = 0;
        while self.here() > 0 && self.output.len() < FRAME {
            if self.left > 0 {
                self.go_on();
                continue;
            }
            let Some((kind, length)) = self.head() else { break };
            self.at += HEAD;
            self.left = length;
            self.copied = kind == COPY_DATA;
            if self.copied {
                self.small_ones();
            } else {
                self.output.extend_from_slice(self.input.get(self.at - HEAD..self.at).unwrap_or_default());
            }
        }
        if self.here() == 0 {
            (self.at, self.end) = (0, 0);
        }
    }

    /// The rest of a message, as far as it is here.
    fn go_on(&mut self) {
        let here = self.left.min(self.here()).min(FRAME);
        if self.copied {
            frame(&mut self.output, here);
        }
        self.output.extend_from_slice(self.input.get(self.at..self.at + here).unwrap_or_default());
        self.at += here;
        self.left -= here;
    }

    /// The message whose head was just read and all that follow it whole, as one frame.
    fn small_ones(&mut self) {
        let start = self.output.len();
        frame(&mut self.output, 0);
        loop {
            if self.left > self.here() || self.output.len() - start > FRAME {
                break;
            }
            self.output.extend_from_slice(self.input.get(self.at..self.at + self.left).unwrap_or_default());
            self.at += self.left;
            self.left = 0;
            let Some((kind, length)) = self.head() else { break };
            // Only what is here as a whole is put together with the others.
            if kind != COPY_DATA || length > self.here() - HEAD {
                break;
            }
            self.at += HEAD;
            self.left = length;
        }
        let length = self.output.len() - start - HEAD;
        if length == 0 && self.left > 0 {
            self.output.truncate(start);
            return;
        }
        write_length(&mut self.output, start, length);
    }
}

fn frame(output: &mut Vec<u8>, length: usize) {
    let start = output.len();
    output.extend_from_slice(&[COPY_DATA, 0, 0, 0, 0]);
    write_length(output, start, length);
}

fn write_length(output: &mut [u8], start: usize, length: usize) {
    let bytes = u32::try_from(length + 4).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = output.get_mut(start + 1..start + HEAD) {
        place.copy_from_slice(&bytes);
    }
}

impl<S: AsyncRead + Unpin> Regrouped<S> {
    /// Reads once; amid copied data all that is there, as far as there is room. The number of bytes.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // What is left of the input moves to its beginning.
        self.input.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.here());
        if self.input.len() < self.end + READ {
            self.input.resize(self.end + READ, 0);
        }
        let held = self.end;
        loop {
            let mut more = ReadBuf::new(self.input.get_mut(self.end..).unwrap_or_default());
            let read = Pin::new(&mut self.inner).poll_read(cx, &mut more);
            let came = more.filled().len();
            self.end += came;
            let all = self.end - held;
            match read {
                Poll::Ready(Ok(())) if self.copied && came > 0 && self.end < self.input.len() => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if all == 0 => return Poll::Pending,
                Poll::Ready(Ok(())) | Poll::Pending => {
                    if self.copied && (1..LITTLE).contains(&all) {
                        self.rest = Some(Box::pin(tokio::time::sleep(LET_COME)));
                    }
                    return Poll::Ready(Ok(all));
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Regrouped<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.taken < this.output.len() {
                let rest = this.output.get(this.taken..).unwrap_or_default();
                let some = rest.len().min(buf.remaining());
                buf.put_slice(rest.get(..some).unwrap_or_default());
                this.taken += some;
                return Poll::Ready(Ok(()));
            }
            this.regroup();
            if !this.output.is_empty() {
                continue;
            }
            if let Some(rest) = this.rest.as_mut().filter(|_| this.copied) {
                ready!(rest.as_mut().poll(cx));
            }
            this.rest = None;
            if ready!(this.fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Regrouped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    /// Messages as they came, with runs of copied data put together: what must be the same on both sides.
    fn essence(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut out: Vec<(u8, Vec<u8>)> = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
            let (kind, body) = (bytes[0], &bytes[5..=length]);
            match out.last_mut() {
                Some((COPY_DATA, all)) if kind == COPY_DATA => all.extend_from_slice(body),
                _ => out.push((kind, body.to_vec())),
            }
            bytes = &bytes[length + 1..];
        }
        out
    }

    fn regrouped(wire: &[u8], piece: usize) -> Vec<u8> {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let (mut server, client) = tokio::io::duplex(piece);
            let wire = wire.to_vec();
            let writing = tokio::spawn(async move { server.write_all(&wire).await });
            let mut all = Vec::new();
            Regrouped::new(client).read_to_end(&mut all).await.unwrap();
            writing.await.unwrap().unwrap();
            all
        })
    }

    #[test]
    fn small_rows_are_put_together_and_large_ones_are_cut() {
        let mut wire = message(b'H', &[1, 0, 0]);
        for row in 0..1000_u32 {
            wire.extend(message(COPY_DATA, &row.to_be_bytes()));
        }
        wire.extend(message(COPY_DATA, &vec![7; 300_000]));
        wire.extend(message(b'c', &[]));
        let out = regrouped(&wire, 1 << 20);
        assert_eq!(essence(&out), essence(&wire));
        let mut frames = Vec::new();
        let mut rest = out.as_slice();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
            if rest[0] == COPY_DATA {
                frames.push(length - 4);
            }
            rest = &rest[length + 1..];
        }
        assert!(frames.len() < 20 && frames.iter().all(|bytes| *bytes <= FRAME + READ), "{frames:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_changed_however_it_is_cut(
            rows in proptest::collection::vec((prop_oneof![4 => Just(COPY_DATA), 1 => Just(b'D'), 1 => Just(b'N')], 0usize..70_000), 0..12),
            piece in 1usize..9000,
        ) {
            let wire: Vec<u8> = rows.iter().enumerate().flat_map(|(i, (kind, size))| message(*kind, &vec![i as u8; if i % 3 == 0 { *size } else { size % 50 }])).collect();
            prop_assert_eq!(essence(&regrouped(&wire, piece)), essence(&wire));
        }
    }
}
