//! The text form of COPY, read back into SQL: frames to lines, lines to `('a', null, …)`.
//! Knows nothing of tables.

use crate::postgres::quote::literal;

/// Cuts a stream of frames into lines.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// The complete lines that this frame ends.
    pub fn feed(&mut self, frame: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(frame);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).lines_exact()
    }
}

trait LinesExact {
    fn lines_exact(&self) -> Vec<String>;
}

impl LinesExact for std::borrow::Cow<'_, str> {
    /// At every line feed and nowhere else.
    fn lines_exact(&self) -> Vec<String> {
        self.strip_suffix('\n').unwrap_or(self).split('\n').map(str::to_owned).collect()
    }
}

/// A line as a row of a `VALUES` list.
pub fn row(line: &str) -> String {
    let fields: Vec<String> =
        line.split('\t').map(|field| if field == "\\N" { "null".to_owned() } else { literal(&unescape(field)) }).collect();
    format!("({})", fields.join(", "))
}

fn unescape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_values() {
        assert_eq!(row("1\t\\N\tit's\\ta\\\\b\\nc\t"), "('1', null, 'it''s\ta\\b\nc', '')");
        assert_eq!(row("\\\\N"), "('\\N')");
    }

    #[test]
    fn frames_may_cut_lines_anywhere() {
        let mut lines = Lines::default();
        assert!(lines.feed(b"a\tb").is_empty());
        assert_eq!(lines.feed(b"c\n\nd\r\ne"), ["a\tbc", "", "d\r"]);
        assert_eq!(lines.feed(b"\n"), ["e"]);
    }
}
