//! Which rows one side has no more: keys counted in buckets by both servers. A bucket that lacks one key names it by the sum of its keys;
//! of the other buckets that differ the keys are compared. Only for rows that are known to be the source's old ones: values are not looked at.

use std::collections::BTreeMap;

use crate::data::chunk::{Span, whose};
use crate::data::differ::{Difference, Key, What, differ_but};
use crate::data::open::Opened;
use crate::data::plan::{Side, TablePlan};
use crate::error::Result;

/// So many buckets; each is a line from either server.
const BUCKETS: u32 = 1 << 14;
/// Neighbouring keys share a bucket: rows mostly lie in the order of their keys, and a server counts in one place at a time much faster.
const NEIGHBOURS: u32 = 5;
/// With more buckets that differ, streaming all keys is no slower.
const MOST: usize = 1 << 12;

/// The rows of a bucket on one side, and the sum of their keys where those are whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    rows: i64,
    keys: Option<i128>,
}

/// The key as a whole number, where it is one on both sides.
fn whole_number(table: &TablePlan, side: Side) -> Option<String> {
    let [key] = table.key.as_slice() else { return None };
    let whole = |side| matches!(key.on(side).1, "smallint" | "integer" | "bigint");
    (whole(Side::Source) && whole(Side::Target)).then(|| format!("{}::bigint", key.on(side).0))
}

/// The bucket of a row's key, the same number on both sides.
fn bucket(table: &TablePlan, side: Side) -> String {
    match whole_number(table, side) {
        Some(key) => format!("({key} >> {NEIGHBOURS} & {})", BUCKETS - 1),
        None => format!("(hashtextextended(row({})::text collate \"C\", 0) & {})", table.key_prints(side).join(", "), BUCKETS - 1),
    }
}

async fn count(opened: &Opened, table: &TablePlan, side: Side, span: &Span, of: &[String]) -> Result<BTreeMap<String, Bucket>> {
    let mut conditions = span.conditions(table, side);
    conditions.extend_from_slice(of);
    let sum = whole_number(table, side).map_or_else(|| "null".to_owned(), |key| format!("sum({key})"));
    let sql = format!("select {}, count(*), {sum} from {}{} group by 1", bucket(table, side), table.rows_of(side), whose(&conditions));
    let read = |row: Vec<Option<String>>| {
        let [bucket, rows, keys] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some((bucket?, Bucket { rows: rows?.parse().ok()?, keys: keys.and_then(|keys| keys.parse().ok()) }))
    };
    Ok(opened.session.text(&sql).await?.into_iter().filter_map(read).collect())
}

/// What the buckets tell: keys that only the target has, and the buckets that must be looked into.
fn told(here: BTreeMap<String, Bucket>, mut there: BTreeMap<String, Bucket>) -> (Vec<Key>, Vec<String>) {
    let (mut gone, mut unclear) = (Vec::new(), Vec::new());
    for (name, bucket) in here {
        match there.remove(&name) {
            Some(other) if other == bucket => {}
            Some(Bucket { rows, keys: Some(keys) }) if rows == bucket.rows + 1 => match bucket.keys {
                Some(fewer) => gone.push(vec![(keys - fewer).to_string()]),
                None => unclear.push(name),
            },
            _ => unclear.push(name),
        }
    }
    for (name, bucket) in there {
        match bucket {
            Bucket { rows: 1, keys: Some(key) } => gone.push(vec![key.to_string()]),
            _ => unclear.push(name),
        }
    }
    (gone, unclear)
}

/// How many of these whole numbers are keys of a side.
async fn present(opened: &Opened, table: &TablePlan, side: Side, keys: &[Key]) -> Result<usize> {
    let Some(key) = table.key.first().map(|key| key.on(side).0) else { return Ok(0) };
    let mut present = 0;
    for keys in keys.chunks(5000) {
        let list: Vec<&str> = keys.iter().flatten().map(String::as_str).collect();
        let sql = format!("select count(*) from {} where {key} = any ('{{{}}}'::bigint[])", table.rows_of(side), list.join(","));
        present += usize::try_from(opened.session.value::<i64>(&sql, &[]).await?).unwrap_or_default();
    }
    Ok(present)
}

/// The keys of a span that only one side has; of the source only the rows that fulfil further conditions. `None` when there are too many
/// to hold, or when the target's keys do not hold the source's, as whoever asks believes.
pub async fn missing(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, of: &[String]) -> Result<Option<Difference>> {
    let (here, there) = tokio::try_join!(count(from, table, Side::Source, span, of), count(to, table, Side::Target, span, &[]))?;
    let (gone, unclear) = told(here, there);
    if !gone.is_empty() {
        let (here, there) = tokio::try_join!(present(from, table, Side::Source, &gone), present(to, table, Side::Target, &gone))?;
        if here != 0 || there != gone.len() {
            return Ok(None);
        }
    }
    let mut difference = if unclear.is_empty() {
        Difference::default()
    } else {
        let within = |side| match unclear.len() > MOST {
            true => Vec::new(),
            false => vec![format!("{} = any ('{{{}}}'::bigint[])", bucket(table, side), unclear.join(","))],
        };
        let here = [of, &within(Side::Source)].concat();
        match differ_but(from, to, table, span, What::Keys, [&here, &within(Side::Target)]).await? {
            Some(difference) => difference,
            None => return Ok(None),
        }
    };
    if unclear.len() <= MOST {
        difference.only_target.extend(gone);
    }
    Ok(Some(difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(buckets: &[(&str, i64, Option<i128>)]) -> BTreeMap<String, Bucket> {
        buckets.iter().map(|(name, rows, keys)| ((*name).to_owned(), Bucket { rows: *rows, keys: *keys })).collect()
    }

    #[test]
    fn a_bucket_that_lacks_one_key_names_it_and_the_others_are_looked_into() {
        let here = side(&[("0", 3, Some(6)), ("1", 3, Some(300)), ("2", 3, Some(9)), ("4", 2, Some(7)), ("5", 2, Some(7)), ("6", 1, None)]);
        let there = side(&[
            ("0", 3, Some(6)),
            ("1", 4, Some(290)),
            ("2", 5, Some(20)),
            ("3", 1, Some(i128::from(i64::MIN))),
            ("4", 2, Some(8)),
            ("5", 1, Some(3)),
            ("6", 2, None),
            ("7", 2, Some(1)),
        ]);
        let (gone, unclear) = told(here, there);
        assert_eq!(gone, [vec!["-10".to_owned()], vec![i64::MIN.to_string()]]);
        assert_eq!(unclear, ["2", "4", "5", "6", "7"]);
    }
}
