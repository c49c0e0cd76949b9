//! Which rows one side has no more. Keys that are whole numbers are ticked off in a map of bits; others are counted in buckets by both servers,
//! and only the keys of buckets that differ are compared. Only for rows that are known to be the source's old ones: values are not looked at.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;

use crate::data::chunk::{Span, whose};
use crate::data::differ::{Difference, Key, What, differ_but};
use crate::data::open::Opened;
use crate::data::plan::{Side, TablePlan};
use crate::error::Result;

/// So many buckets; each is a line from either server.
const BUCKETS: u32 = 1 << 14;
/// With more buckets that differ, streaming all keys is no slower.
const MOST: usize = 1 << 12;
/// A page of the map has the bits of so many neighbouring keys, as a power of two: 8 KiB.
const PAGE: u32 = 16;
/// Pages of a map at most, 2 MiB; keys that lie further apart are counted in buckets.
const PAGES: usize = 1 << 8;
/// Keys that are told at most; with more of them the sides differ too much to be told row by row.
const TOLD: usize = 200_000;

/// The keys that only one side has; of the source only the rows that fulfil further conditions. `None` when there are too many to hold, or
/// when the target's keys do not hold the source's, as whoever asks believes.
pub async fn missing(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, of: &[String]) -> Result<Option<Difference>> {
    if whole_number(table)
        && let Some(left) = ticked(from, to, table, span, of).await?
    {
        if left.len() > TOLD {
            return Ok(None);
        }
        let (here, there) = tokio::try_join!(present(from, table, Side::Source, &left), present(to, table, Side::Target, &left))?;
        let only_target = left.into_iter().map(|key| vec![key.to_string()]).collect::<Vec<Key>>();
        return Ok((here == 0 && there == only_target.len()).then(|| Difference { only_target, ..Difference::default() }));
    }
    in_buckets(from, to, table, span, of).await
}

/// Whether the key is one whole number on both sides.
fn whole_number(table: &TablePlan) -> bool {
    let whole = |side| table.key.first().is_some_and(|key| matches!(key.on(side).1, "smallint" | "integer" | "bigint"));
    table.key.len() == 1 && whole(Side::Source) && whole(Side::Target)
}

/// A bit for each key that one side has and the other has not, so far.
#[derive(Debug, Default)]
struct Map(BTreeMap<i64, Vec<u64>>);

impl Map {
    /// Turns the bits of these keys; `false` when they lie too far apart, before there is a page too many.
    fn turn(&mut self, keys: &[i64]) -> bool {
        for run in keys.chunk_by(|a, b| a >> PAGE == b >> PAGE) {
            let Some(first) = run.first() else { continue };
            if self.0.len() == PAGES && !self.0.contains_key(&(first >> PAGE)) {
                return false;
            }
            let page = self.0.entry(first >> PAGE).or_insert_with(|| vec![0; 1 << (PAGE - 6)]);
            for key in run {
                let bit = usize::try_from(key & ((1 << PAGE) - 1)).unwrap_or_default();
                if let Some(word) = page.get_mut(bit >> 6) {
                    *word ^= 1 << (bit & 63);
                }
            }
        }
        true
    }

    /// The keys whose bit is set, in order.
    fn left(&self) -> Vec<i64> {
        let mut left = Vec::new();
        for (page, words) in &self.0 {
            for (at, word) in (0_i64..).zip(words).filter(|(_, word)| **word != 0) {
                left.extend((0..64).filter(|bit| word >> bit & 1 == 1).map(|bit| (page << PAGE) + (at << 6) + bit));
            }
        }
        left
    }
}

/// Whole numbers, one on each line, wherever the frames cut them.
#[derive(Debug, Default)]
struct Numbers {
    size: u64,
    negative: bool,
}

impl Numbers {
    /// The numbers whose lines this frame ends.
    fn feed(&mut self, frame: &[u8]) -> Vec<i64> {
        let mut numbers = Vec::with_capacity(frame.len() / 4);
        for byte in frame {
            match byte {
                b'\n' => {
                    let number = self.size.cast_signed();
                    numbers.push(if self.negative { number.wrapping_neg() } else { number });
                    *self = Self::default();
                }
                b'-' => self.negative = true,
                digit => self.size = self.size.wrapping_mul(10).wrapping_add(u64::from(digit & 15)),
            }
        }
        numbers
    }
}

/// The keys of a span that only one side has; `None` when they lie too far apart for a map.
async fn ticked(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, of: &[String]) -> Result<Option<Vec<i64>>> {
    let map = Mutex::new(Map::default());
    let tick = async |opened: &Opened, side: Side, of: &[String]| -> Result<bool> {
        let mut conditions = span.conditions(table, side);
        conditions.extend_from_slice(of);
        let sql = format!("select {} from {}{}", table.key_prints(side).join(", "), table.rows_of(side), whose(&conditions));
        let (mut frames, mut numbers) = (opened.rows(&sql).await?, Numbers::default());
        while let Some(frame) = frames.next().await {
            let keys = numbers.feed(&frame?);
            if !map.lock().unwrap_or_else(PoisonError::into_inner).turn(&keys) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let (here, there) = tokio::try_join!(tick(from, Side::Source, of), tick(to, Side::Target, &[]))?;
    let map = map.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((here && there).then(|| map.left()))
}

/// How many of these whole numbers are keys of a side.
async fn present(opened: &Opened, table: &TablePlan, side: Side, keys: &[i64]) -> Result<usize> {
    let Some(key) = table.key.first().map(|key| key.on(side).0) else { return Ok(0) };
    let mut present = 0;
    for keys in keys.chunks(5000) {
        let list: Vec<String> = keys.iter().map(i64::to_string).collect();
        let sql = format!("select count(*) from {} where {key} = any ('{{{}}}'::bigint[])", table.rows_of(side), list.join(","));
        present += usize::try_from(opened.session.value::<i64>(&sql, &[]).await?).unwrap_or_default();
    }
    Ok(present)
}

/// The bucket of a row's key, the same number on both sides.
fn bucket(table: &TablePlan, side: Side) -> String {
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

/// A key that is there for another one of its bucket is not found: whoever asks knows that one side's keys hold the other's.
async fn in_buckets(from: &Opened, to: &Opened, table: &TablePlan, span: &Span, of: &[String]) -> Result<Option<Difference>> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_that_lie_too_far_apart_are_told_so() {
        let mut map = Map::default();
        assert!(map.turn(&(0..256).map(|page| page << PAGE).collect::<Vec<_>>()));
        assert!(!map.turn(&(0..10_000).map(|key| key << 40).collect::<Vec<_>>()));
        assert_eq!(map.0.len(), PAGES);
    }

    proptest! {
        #[test]
        fn what_one_side_has_alone_is_left_wherever_frames_are_cut(
            keys in proptest::collection::btree_set(prop_oneof![-100_000..100_000_i64, Just(i64::MIN), Just(i64::MAX), Just(0)], 0..200),
            gone in proptest::collection::vec(any::<bool>(), 200),
            cut in 1_usize..9,
        ) {
            let mut map = Map::default();
            let missing: Vec<i64> = keys.iter().zip(&gone).filter(|(_, gone)| **gone).map(|(key, _)| *key).collect();
            for side in [keys.iter().copied().collect::<Vec<_>>(), keys.iter().copied().filter(|key| !missing.contains(key)).collect()] {
                let text: String = side.iter().map(|key| format!("{key}\n")).collect();
                let mut numbers = Numbers::default();
                let read: Vec<i64> = text.as_bytes().chunks(cut).flat_map(|frame| numbers.feed(frame)).collect();
                prop_assert_eq!(&read, &side);
                prop_assert!(map.turn(&read));
            }
            prop_assert_eq!(map.left(), missing);
        }
    }
}
