//! A fingerprint of the rows in a span, computed by the server that holds them.
//! Never moves a row; the same rows in any order give the same value on any server and version.

use std::fmt;
use std::ops::Add;

use crate::data::chunk::{Span, whose};
use crate::data::plan::{Digest, Side, TablePlan};
use crate::error::{Error, Result};
use crate::postgres::Session;

/// Number of rows and two sums of 64 bits of each row's digest: duplicates count, order does not.
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

/// A row as one text: `row(…)::text` tells null from empty and one column from the next.
fn whole_row(table: &TablePlan, side: Side) -> String {
    format!("row({})::text", table.prints(side).join(", "))
}

/// A row's digest as text, for telling two rows of one key apart.
pub fn row_digest(table: &TablePlan, side: Side) -> String {
    let row = whole_row(table, side);
    match table.digest {
        Digest::Md5 => format!("md5({row})"),
        Digest::Hash => format!("hashtextextended({row} collate \"C\", 0)::text"),
    }
}

/// The fingerprint of a span on one side; `but` are further conditions.
pub async fn fingerprint(session: &Session, table: &TablePlan, side: Side, span: &Span, but: &[String]) -> Result<Fingerprint> {
    let mut conditions = span.conditions(table, side);
    conditions.extend_from_slice(but);
    let row = session.text(&sql(table, side, &conditions)).await?.into_iter().next().unwrap_or_default();
    let value = |i: usize| row.get(i).and_then(Option::as_deref);
    let read = || Some(Fingerprint { rows: value(0)?.parse().ok()?, high: value(1)?.parse().ok()?, low: value(2)?.parse().ok()? });
    read().ok_or_else(|| Error::bug("a fingerprint could not be read").cause(table.label()))
}

/// The fingerprints of a span on both sides, asked for at once.
pub async fn of_both(source: &Session, target: &Session, table: &TablePlan, span: &Span) -> Result<(Fingerprint, Fingerprint)> {
    tokio::try_join!(fingerprint(source, table, Side::Source, span, &[]), fingerprint(target, table, Side::Target, span, &[]))
}

fn sql(table: &TablePlan, side: Side, conditions: &[String]) -> String {
    let (row, from, whose) = (whole_row(table, side), table.rows_of(side), whose(conditions));
    // `offset 0` keeps the row's text from being made twice.
    match table.digest {
        Digest::Md5 => format!(
            "select count(*), coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::bigint), 0), coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::bigint), 0) \
             from (select md5({row}) as h from {from}{whose} offset 0) as digests"
        ),
        Digest::Hash => format!(
            "select count(*), coalesce(sum(hashtextextended(t, 0)), 0), coalesce(sum(hashtextextended(t, 1)), 0) \
             from (select {row} collate \"C\" as t from {from}{whose} offset 0) as rows"
        ),
    }
}
