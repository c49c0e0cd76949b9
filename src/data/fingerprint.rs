//! A fingerprint of the rows in a range, computed by the server that holds them.
//! Never moves a row; the same rows in any order give the same value on any server and version.

use std::fmt;
use std::ops::Add;

use crate::data::chunk::Range;
use crate::data::plan::{Side, TablePlan};
use crate::error::{Error, Result};
use crate::postgres::Session;

/// Number of rows and two sums of 64 bits of each row's MD5: duplicates count, order does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    pub rows: u64,
    high: i128,
    low: i128,
}

impl Add for Fingerprint {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, high: self.high.wrapping_add(other.high), low: self.low.wrapping_add(other.low) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:x}:{:x}", self.rows, self.high, self.low)
    }
}

/// The fingerprint of one range on one side.
pub async fn fingerprint(session: &Session, table: &TablePlan, side: Side, range: &Range) -> Result<Fingerprint> {
    let row = session.text(&sql(table, side, range)).await?.into_iter().next().unwrap_or_default();
    let value = |i: usize| row.get(i).and_then(Option::as_deref);
    let read = || Some(Fingerprint { rows: value(0)?.parse().ok()?, high: value(1)?.parse().ok()?, low: value(2)?.parse().ok()? });
    read().ok_or_else(|| Error::bug("a fingerprint could not be read").cause(table.label()))
}

fn sql(table: &TablePlan, side: Side, range: &Range) -> String {
    let prints: Vec<&str> = table
        .columns
        .iter()
        .map(|column| match side {
            Side::Source => column.source_print.as_str(),
            Side::Target => column.target_print.as_str(),
        })
        .collect();
    // `row(…)::text` tells null from empty and one column from the next; `offset 0` keeps the digest from being computed twice.
    format!(
        "select count(*), coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::bigint), 0), coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::bigint), 0) \
         from (select md5(row({})::text) as h from {}{} offset 0) as digests",
        prints.join(", "),
        table.rows_of(side),
        range.condition(table, side)
    )
}
