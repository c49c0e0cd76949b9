//! The text form of COPY, read back into SQL: frames to lines, lines to `('a', null, …)`.
//! Knows nothing of tables.

use bytes::{Buf, Bytes, BytesMut};

/// Cuts a stream of frames into lines, without their line feed.
#[derive(Debug, Default)]
pub struct Lines {
    rest: BytesMut,
    /// How much of `rest` is known to hold no line feed.
    seen: usize,
}

impl Lines {
    /// The complete lines that this frame ends.
    pub fn feed(&mut self, frame: &[u8]) -> Vec<Bytes> {
        self.rest.extend_from_slice(frame);
        let mut lines = Vec::new();
        while let Some(end) = self.rest[self.seen..].iter().position(|byte| *byte == b'\n') {
            let line = self.rest.split_to(self.seen + end).freeze();
            self.rest.advance(1);
            self.seen = 0;
            lines.push(line);
        }
        self.seen = self.rest.len();
        lines
    }

    /// Bytes of the line that has not ended yet.
    pub fn open(&self) -> usize {
        self.rest.len()
    }

    /// What that line begins with, at most so many bytes.
    pub fn beginning(&self, most: usize) -> Bytes {
        Bytes::copy_from_slice(self.rest.get(..most).unwrap_or(&self.rest))
    }

    /// Forgets what has come of that line: it is too long to be held.
    pub fn forget(&mut self) {
        self.rest.clear();
        self.seen = 0;
    }
}

/// Writes a line as a row of a `VALUES` list to `out`.
pub fn push_row(out: &mut Vec<u8>, line: &[u8]) {
    for (i, field) in line.split(|byte| *byte == b'\t').enumerate() {
        out.extend_from_slice(if i == 0 { b"(" } else { b"," });
        push_literal(out, field);
    }
    out.push(b')');
}

/// A field of a line as a literal: with `E''` only where a backslash needs it.
pub fn push_literal(out: &mut Vec<u8>, field: &[u8]) {
    if field == b"\\N" {
        out.extend_from_slice(b"null");
        return;
    }
    let plain;
    let text = if field.contains(&b'\\') {
        plain = unescape(field);
        plain.as_slice()
    } else {
        field
    };
    let escaped = text.contains(&b'\\');
    out.extend_from_slice(if escaped { b"E'" } else { b"'" });
    for &byte in text {
        if byte == b'\'' || (escaped && byte == b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'\'');
}

/// A field without COPY's escapes.
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 11,
                Some(other) => other,
                None => b'\\',
            },
            other => other,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> String {
        let mut out = Vec::new();
        push_row(&mut out, line.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_becomes_values() {
        assert_eq!(row("1\t\\N\tit's\\ta\\\\b\\nc\t"), "('1',null,E'it''s\ta\\\\b\nc','')");
        assert_eq!(row("\\\\N"), "(E'\\\\N')");
        assert_eq!(row("a\\tb"), "('a\tb')");
    }

    #[test]
    fn frames_may_cut_lines_anywhere() {
        let mut lines = Lines::default();
        assert!(lines.feed(b"a\tb").is_empty());
        assert_eq!(lines.feed(b"c\n\nd\r\ne"), ["a\tbc", "", "d\r"]);
        assert_eq!(lines.open(), 1);
        assert_eq!(lines.feed(b"\n"), ["e"]);
    }
}
