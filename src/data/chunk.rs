//! Key ranges: cutting a table into pieces of about the same number of rows, and the condition that selects one piece.
//! Never reads a row's other columns.

use crate::data::plan::{Side, TablePlan};
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// Rows in a chunk, at most; wide rows make smaller chunks.
pub const ROWS: u64 = 50_000;
/// Bytes in a chunk, about.
const BYTES: u64 = 256 << 20;

/// The rows whose key is above `lo` and not above `hi`; an open end takes all. Key values are in their text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub chunk: i32,
    pub lo: Option<Vec<String>>,
    pub hi: Option<Vec<String>>,
}

impl Range {
    /// For the ledger and for people: `["7","b"]`, empty when open.
    pub fn bound(end: Option<&Vec<String>>) -> String {
        end.map(|values| serde_json::Value::from(values.clone()).to_string()).unwrap_or_default()
    }

    /// `where …`, or nothing for the whole table.
    pub fn condition(&self, table: &TablePlan, side: Side) -> String {
        let ends = [(">", self.lo.as_ref()), ("<=", self.hi.as_ref())];
        let parts: Vec<String> = ends.iter().filter_map(|(sign, values)| Some(compare(table, side, sign, values.as_ref()?))).collect();
        if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) }
    }
}

fn compare(table: &TablePlan, side: Side, sign: &str, values: &[String]) -> String {
    let keys: Vec<&str> = table.key.iter().map(|key| key.on(side).0).collect();
    let values: Vec<String> = table.key.iter().zip(values).map(|(key, value)| format!("{}::{}", literal(value), key.on(side).1)).collect();
    match (keys.as_slice(), values.as_slice()) {
        ([key], [value]) => format!("{key} {sign} {value}"),
        _ => format!("({}) {sign} ({})", keys.join(", "), values.join(", ")),
    }
}

/// How many rows a chunk of this table should have.
pub fn size(table: &TablePlan, limit: u64) -> u64 {
    let by_width = BYTES.checked_div(table.width).unwrap_or(limit).max(1000);
    by_width.min(limit).max(1)
}

/// Walks a table's key on the source and cuts it, one range at a time.
#[derive(Debug)]
pub struct Cutter<'a> {
    table: &'a TablePlan,
    rows: u64,
    /// The end of the last range; `None` before the first.
    lo: Option<Vec<String>>,
    chunk: i32,
    done: bool,
}

impl<'a> Cutter<'a> {
    pub fn new(table: &'a TablePlan, rows: u64) -> Self {
        Self { table, rows: rows.max(1), lo: None, chunk: 0, done: false }
    }

    /// The next range; the last one is open, so that the ranges together hold every possible key.
    pub async fn next(&mut self, source: &Session) -> Result<Option<Range>> {
        if self.done {
            return Ok(None);
        }
        let hi = if self.table.key.is_empty() { None } else { self.boundary(source).await? };
        self.done = hi.is_none();
        let range = Range { chunk: self.chunk, lo: self.lo.take(), hi };
        self.lo.clone_from(&range.hi);
        self.chunk += 1;
        Ok(Some(range))
    }

    /// The key of the last row of the next range, when rows follow it.
    async fn boundary(&self, source: &Session) -> Result<Option<Vec<String>>> {
        let prints: Vec<&str> = self.table.key.iter().map(|key| key.print.as_str()).collect();
        let names: Vec<&str> = self.table.key.iter().map(|key| key.name.as_str()).collect();
        let order: Vec<&str> = self.table.key.iter().map(|key| key.on(Side::Source).0).collect();
        let after = Range { chunk: 0, lo: self.lo.clone(), hi: None };
        // Printed outside, because `order by "id"` would take an output column of that name, which is text.
        let sql = format!(
            "select {} from (select {} from {}{} order by {} offset {} limit 1) as last",
            prints.join(", "),
            names.join(", "),
            self.table.rows_of(Side::Source),
            after.condition(self.table, Side::Source),
            order.join(", "),
            self.rows - 1
        );
        Ok(source.text(&sql).await?.into_iter().next().and_then(|row| row.into_iter().collect()))
    }
}
