//! Which rows one side has no more: keys counted in buckets by both servers, then only the keys of buckets that differ are compared.
//! Only for rows that are known to be the source's old ones; their values are not looked at.

use std::collections::BTreeMap;

use crate::data::chunk::{Span, whose};
use crate::data::differ::{Difference, What, differ_but};
use crate::data::open::Opened;
use crate::data::plan::{Side, TablePlan};
use crate::error::Result;

/// So many buckets; each is a line from either server.
const BUCKETS: u32 = 1 << 14;
/// With more buckets that differ, streaming all keys is no slower.
const MOST: usize = 1 << 12;

/// The bucket of a row's key, the same number on both sides.
fn bucket(table: &TablePlan, side: Side) -> String {
    if let [key] = table.key.as_slice()
        && [Side::Source, Side::Target].iter().all(|side| matches!(key.on(*side).1, "smallint" | "integer" | "bigint"))
    {
        return format!("({}::bigint & {})", key.on(side).0, BUCKETS - 1);
    }
    format!("(hashtextextended(row({})::text collate \"C\", 0) & {})", table.key_prints(side).join(", "), BUCKETS - 1)
}

async fn counts(opened: &Opened, table: &TablePlan, side: Side, span: &Span, of: &[String]) -> Result<BTreeMap<String, i64>> {
    let mut conditions = span.conditions(table, side);
    conditions.extend_from_slice(of);
    let sql = format!("select {}, count(*) from {}{} group by 1", bucket(table, side), table.rows_of(side), whose(&conditions));
    let pair = |row: Vec<Option<String>>| {
        let [bucket, count] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some((bucket?, count?.parse().ok()?))
    };
    Ok(opened.session.text(&sql).await?.into_iter().filter_map(pair).collect())
}

/// The keys of a span that only one side has; of the source only the rows that fulfil further conditions. `None` when there are too many
/// to hold. A key that is there for another one of its bucket is not found: whoever asks knows that one side's keys hold the other's.
pub async fn missing(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, of: &[String]) -> Result<Option<Difference>> {
    let (here, mut there) = tokio::try_join!(counts(from, table, Side::Source, span, of), counts(to, table, Side::Target, span, &[]))?;
    let mut buckets: Vec<String> = Vec::new();
    for (bucket, count) in here {
        if there.remove(&bucket) != Some(count) {
            buckets.push(bucket);
        }
    }
    buckets.extend(there.into_keys());
    if buckets.is_empty() {
        return Ok(Some(Difference::default()));
    }
    let within = |side| match buckets.len() > MOST {
        true => Vec::new(),
        false => vec![format!("{} = any ('{{{}}}'::bigint[])", bucket(table, side), buckets.join(","))],
    };
    let here = [of, &within(Side::Source)].concat();
    differ_but(from, to, table, span, What::Keys, [&here, &within(Side::Target)]).await
}
