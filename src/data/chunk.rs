//! Chunks: cutting a table into key ranges or runs of pages of similar size, and the condition that selects one of them.
//! Never reads a row's other columns.

use crate::data::plan::{Side, TablePlan};
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// A table of up to so many pieces is one chunk: loaded frozen, in the transaction that truncates it.
const WHOLE: u64 = 8;
/// Bytes of a chunk of a larger table.
const PIECE: u64 = 256 << 20;

/// Which rows of a table. Key values are in their text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// The rows whose key is above `lo` and not above `hi`; an open end takes all.
    Keys { lo: Option<Vec<String>>, hi: Option<Vec<String>> },
    /// The source's pages from `from` up to, not including, `to`: where there is no key. Only for a first load.
    Pages { from: u64, to: Option<u64> },
}

/// A span with its number in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub chunk: i32,
    pub span: Span,
}

impl Span {
    pub const ALL: Self = Self::Keys { lo: None, hi: None };

    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Both ends for the ledger: `["7","b"]`, `page 800`, empty when open.
    pub fn bounds(&self) -> (String, String) {
        match self {
            Self::Keys { lo, hi } => {
                let text = |end: &Option<Vec<String>>| {
                    end.as_ref().map(|values| serde_json::Value::from(values.clone()).to_string()).unwrap_or_default()
                };
                (text(lo), text(hi))
            }
            Self::Pages { from, to } => (format!("page {from}"), to.map(|page| format!("page {page}")).unwrap_or_default()),
        }
    }

    /// The reverse of [`Self::bounds`].
    pub fn parse(lo: &str, hi: &str) -> Option<Self> {
        if let Some(from) = lo.strip_prefix("page ") {
            let to = if hi.is_empty() { None } else { Some(hi.strip_prefix("page ")?.parse().ok()?) };
            return Some(Self::Pages { from: from.parse().ok()?, to });
        }
        let keys = |text: &str| if text.is_empty() { Some(None) } else { serde_json::from_str(text).ok().map(Some) };
        Some(Self::Keys { lo: keys(lo)?, hi: keys(hi)? })
    }

    /// For people: `keys after ["7"] up to the last`.
    pub fn words(&self) -> String {
        let (lo, hi) = self.bounds();
        let end = |bound: String, open: &str| if bound.is_empty() { open.to_owned() } else { bound };
        match self {
            Self::Keys { .. } => format!("keys after {} up to {}", end(lo, "the first"), end(hi, "the last")),
            Self::Pages { .. } => format!("{lo} to {}", end(hi, "the last")),
        }
    }

    /// Conditions that select these rows on one side, to be joined by `and`; none for the whole table.
    pub fn conditions(&self, table: &TablePlan, side: Side) -> Vec<String> {
        match self {
            Self::Keys { lo, hi } => {
                let ends = [(">", lo.as_ref()), ("<=", hi.as_ref())];
                ends.iter().filter_map(|(sign, values)| Some(compare(table, side, sign, values.as_ref()?))).collect()
            }
            Self::Pages { from, to } => {
                let mut parts = vec![format!("ctid >= '({from},0)'::tid")];
                parts.extend(to.map(|page| format!("ctid < '({page},0)'::tid")));
                parts
            }
        }
    }
}

/// ` where a and b`, or nothing.
pub fn whose(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) }
}

fn compare(table: &TablePlan, side: Side, sign: &str, values: &[String]) -> String {
    let keys: Vec<&str> = table.key.iter().map(|key| key.on(side).0).collect();
    let values: Vec<String> = table.key.iter().zip(values).map(|(key, value)| format!("{}::{}", literal(value), key.on(side).1)).collect();
    match (keys.as_slice(), values.as_slice()) {
        ([key], [value]) => format!("{key} {sign} {value}"),
        _ => format!("({}) {sign} ({})", keys.join(", "), values.join(", ")),
    }
}

/// How a table is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Whole,
    /// Rows in a chunk.
    Rows(u64),
    /// Pages in a chunk.
    Pages(u64),
}

impl Cut {
    /// By bytes as well as rows: a table that fits stays whole. `bytes` of a chunk (default: 256 MiB); `rows` is the largest number of
    /// rows a chunk may have, where one is set; a table with a key is then always walked, because the number of its rows is an estimate.
    pub fn of(table: &TablePlan, rows: Option<u64>, bytes: Option<u64>) -> Self {
        let piece = bytes.unwrap_or(PIECE);
        let large = table.bytes > piece.saturating_mul(WHOLE);
        if table.key.is_empty() {
            return match large && table.plain && table.pages > 0 {
                true => Self::Pages((piece / 8192).max(1)),
                false => Self::Whole,
            };
        }
        match rows {
            Some(rows) => Self::Rows(by_width(table, piece).min(rows).max(1)),
            None if large => Self::Rows(by_width(table, piece)),
            None => Self::Whole,
        }
    }

    /// Bytes of a chunk, about.
    pub fn bytes(self, table: &TablePlan) -> u64 {
        match self {
            Self::Whole => table.bytes,
            Self::Rows(rows) => (table.bytes / table.rows.max(1)).saturating_mul(rows).min(table.bytes),
            Self::Pages(pages) => pages.saturating_mul(8192).min(table.bytes),
        }
    }

    /// For comparing: ranges that a query gets through within a minute or so, whatever the table's size.
    pub fn for_comparing(table: &TablePlan, rows: Option<u64>) -> Self {
        match (table.key.is_empty(), rows) {
            (true, _) => Self::Whole,
            (false, Some(rows)) => Self::Rows(by_width(table, PIECE).min(rows).max(1)),
            (false, None) if table.bytes > PIECE => Self::Rows(by_width(table, PIECE)),
            (false, None) => Self::Whole,
        }
    }
}

/// Rows in so many bytes; a table whose rows nobody has counted is taken to have rows of 200 bytes.
fn by_width(table: &TablePlan, bytes: u64) -> u64 {
    let width = table.bytes.checked_div(table.rows).filter(|width| *width > 0).unwrap_or(200);
    (bytes / width).max(1000)
}

/// Cuts a table on the source, one range at a time.
#[derive(Debug)]
pub struct Cutter<'a> {
    table: &'a TablePlan,
    cut: Cut,
    /// The end of the last range; before the first, where to begin.
    lo: Option<Vec<String>>,
    /// Where to end.
    hi: Option<Vec<String>>,
    chunk: i32,
    done: bool,
}

impl<'a> Cutter<'a> {
    pub fn new(table: &'a TablePlan, cut: Cut) -> Self {
        Self { table, cut, lo: None, hi: None, chunk: 0, done: false }
    }

    /// Cuts one span of keys further.
    pub fn within(table: &'a TablePlan, cut: Cut, span: &Span) -> Self {
        match span {
            Span::Keys { lo, hi } => Self { lo: lo.clone(), hi: hi.clone(), ..Self::new(table, cut) },
            Span::Pages { .. } => Self::new(table, Cut::Whole),
        }
    }

    /// The next range; the last one is open, so that the ranges together hold every possible row.
    pub async fn next(&mut self, source: &Session) -> Result<Option<Range>> {
        if self.done {
            return Ok(None);
        }
        let span = match self.cut {
            Cut::Whole => Span::Keys { lo: self.lo.clone(), hi: self.hi.clone() },
            Cut::Rows(rows) => Span::Keys { lo: self.lo.clone(), hi: self.boundary(source, rows).await?.or_else(|| self.hi.clone()) },
            Cut::Pages(pages) => {
                let from = u64::try_from(self.chunk).unwrap_or_default() * pages;
                Span::Pages { from, to: Some(from + pages).filter(|to| *to < self.table.pages) }
            }
        };
        self.done = match &span {
            Span::Keys { hi, .. } => *hi == self.hi,
            Span::Pages { to, .. } => to.is_none(),
        };
        if let Span::Keys { hi, .. } = &span {
            self.lo.clone_from(hi);
        }
        let range = Range { chunk: self.chunk, span };
        self.chunk += 1;
        Ok(Some(range))
    }

    /// The key of the last row of the next range, when rows follow it.
    async fn boundary(&self, source: &Session, rows: u64) -> Result<Option<Vec<String>>> {
        let names: Vec<&str> = self.table.key.iter().map(|key| key.name.as_str()).collect();
        let order: Vec<&str> = self.table.key.iter().map(|key| key.on(Side::Source).0).collect();
        let after = Span::Keys { lo: self.lo.clone(), hi: self.hi.clone() };
        // Printed outside, because `order by "id"` would take an output column of that name, which is text.
        let sql = format!(
            "select {} from (select {} from {}{} order by {} offset {} limit 1) as last",
            self.table.key_prints(Side::Source).join(", "),
            names.join(", "),
            self.table.rows_of(Side::Source),
            whose(&after.conditions(self.table, Side::Source)),
            order.join(", "),
            rows.max(1) - 1
        );
        Ok(source.text(&sql).await?.into_iter().next().and_then(|row| row.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_back() {
        for span in [
            Span::ALL,
            Span::Keys { lo: Some(vec!["7".into(), "b\"".into()]), hi: None },
            Span::Keys { lo: None, hi: Some(vec![String::new()]) },
            Span::Pages { from: 0, to: Some(800) },
            Span::Pages { from: 800, to: None },
        ] {
            let (lo, hi) = span.bounds();
            assert_eq!(Span::parse(&lo, &hi), Some(span));
        }
    }
}
