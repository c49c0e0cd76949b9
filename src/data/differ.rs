//! Which keys of a span differ between the two sides: both are streamed in key order, as key and digest, and matched in bounded memory.
//! Moves no other column, and does not rely on the two sides ordering their keys alike: the order only keeps the memory small.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::data::chunk::{Span, whose};
use crate::data::copy_text::{Lines, unescape};
use crate::data::fingerprint::row_digest;
use crate::data::open::Opened;
use crate::data::plan::{Side, TablePlan};
use crate::error::Result;
use crate::postgres::session::Frames;

/// A key in its text form, column by column.
pub type Key = Vec<String>;

/// What the two sides disagree on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Difference {
    pub only_source: Vec<Key>,
    pub only_target: Vec<Key>,
    /// On both sides, with other values.
    pub changed: Vec<Key>,
}

impl Difference {
    pub fn len(&self) -> usize {
        self.only_source.len() + self.only_target.len() + self.changed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes of unmatched keys that are held at most; beyond, the sides differ too much to be told row by row.
const HELD: usize = 24 << 20;

/// What is compared of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Only which keys there are.
    Keys,
    /// All values.
    Rows,
}

/// The keys that differ; `None` when there are too many to hold.
pub async fn differ(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, what: What) -> Result<Option<Difference>> {
    differ_but(from, to, table, span, what, [&[], &[]]).await
}

/// The same; of the source and of the target only the rows that fulfil further conditions.
pub async fn differ_but(
    from: &Opened,
    to: &Opened,
    table: &TablePlan,
    span: &Span,
    what: What,
    [here, there]: [&[String]; 2],
) -> Result<Option<Difference>> {
    let (a, b) = tokio::try_join!(stream(from, table, Side::Source, span, what, here), stream(to, table, Side::Target, span, what, there))?;
    let mut sides = [Reader::new(a, table.key.len()), Reader::new(b, table.key.len())];
    let mut pending: [HashMap<Bytes, Bytes>; 2] = [HashMap::new(), HashMap::new()];
    let mut held = 0_usize;
    let mut changed = Vec::new();
    loop {
        // The side that is behind: fewer rows of it wait for their twin.
        let turn = match (sides[0].done, sides[1].done) {
            (true, true) => break,
            (true, false) => 1,
            (false, true) => 0,
            (false, false) => usize::from(pending[1].len() < pending[0].len()),
        };
        let other = 1 - turn;
        for (key, digest) in sides[turn].batch().await? {
            match pending[other].remove(&key) {
                Some(twin) => {
                    held = held.saturating_sub(key.len() + twin.len() + OVERHEAD);
                    if twin != digest {
                        changed.push(keys(&key));
                    }
                }
                None => {
                    held += key.len() + digest.len() + OVERHEAD;
                    pending[turn].insert(key, digest);
                }
            }
        }
        if held + changed.len() * OVERHEAD > HELD {
            return Ok(None);
        }
    }
    let [a, b] = pending;
    let sorted = |side: HashMap<Bytes, Bytes>| {
        let mut list: Vec<Key> = side.keys().map(|key| keys(key)).collect();
        list.sort();
        list
    };
    changed.sort();
    Ok(Some(Difference { only_source: sorted(a), only_target: sorted(b), changed }))
}

/// What an entry costs besides its bytes, about.
const OVERHEAD: usize = 100;

async fn stream(opened: &Opened, table: &TablePlan, side: Side, span: &Span, what: What, of: &[String]) -> Result<Frames> {
    let mut conditions = span.conditions(table, side);
    conditions.extend_from_slice(of);
    let mut fields: Vec<String> = table.key_prints(side).into_iter().map(str::to_owned).collect();
    if what == What::Rows {
        fields.push(row_digest(table, side));
    }
    let order: Vec<&str> = table.key.iter().map(|key| key.on(side).0).collect();
    let sql = format!("select {} from {}{} order by {}", fields.join(", "), table.rows_of(side), whose(&conditions), order.join(", "));
    opened.rows(&sql).await
}

struct Reader {
    frames: Frames,
    lines: Lines,
    columns: usize,
    done: bool,
}

impl Reader {
    fn new(frames: Frames, columns: usize) -> Self {
        Self { frames, lines: Lines::default(), columns, done: false }
    }

    /// The rows of the next frame: the key's fields, and the digest.
    async fn batch(&mut self) -> Result<Vec<(Bytes, Bytes)>> {
        let Some(frame) = self.frames.next().await else {
            self.done = true;
            return Ok(Vec::new());
        };
        let columns = self.columns;
        // Copies of their own: a slice would keep the whole frame alive.
        let own = |(key, digest): (&[u8], &[u8])| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(digest));
        Ok(self.lines.feed(&frame?).iter().map(|line| own(split(line, columns))).collect())
    }
}

/// The first `columns` fields of a line, and the rest.
pub fn split(line: &[u8], columns: usize) -> (&[u8], &[u8]) {
    let mut tabs = line.iter().enumerate().filter(|(_, byte)| **byte == b'\t').map(|(at, _)| at);
    match tabs.nth(columns.saturating_sub(1)) {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()),
        None => (line, &[]),
    }
}

/// The fields of a key.
pub fn keys(key: &[u8]) -> Key {
    key.split(|byte| *byte == b'\t').map(|field| String::from_utf8_lossy(&unescape(field)).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_key_and_digest() {
        assert_eq!(split(b"7\ta\\tb\tff", 2), (b"7\ta\\tb".as_slice(), b"ff".as_slice()));
        assert_eq!(split(b"7", 1), (b"7".as_slice(), b"".as_slice()));
        assert_eq!(keys(b"7\ta\\tb"), ["7", "a\tb"]);
    }
}
