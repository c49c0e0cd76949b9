//! The verdict: every table compared row for row by fingerprint, every sequence by the values in use.
//! Read-only on both sides; never says equal because a count is.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as Turn, mpsc};

use crate::data::chunk::{self, Cutter, Range};
use crate::data::copy::Options;
use crate::data::fingerprint::{Fingerprint, fingerprint};
use crate::data::plan::{Side, plan};
use crate::data::sequences::{self, SequenceVerdict};
use crate::data::{catalog, open};
use crate::error::Result;
use crate::postgres::Connector;
use crate::progress::{Reporter, Unit};

/// Chunks named for a table, at most.
const NAMED: usize = 5;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Every table is equal and every sequence is ahead.
    pub equal: bool,
    pub tables: Vec<TableVerdict>,
    pub sequences: Vec<SequenceVerdict>,
    pub rows: u64,
    pub seconds: f64,
    pub notes: Vec<String>,
}

/// One table on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVerdict {
    pub schema: String,
    pub name: String,
    pub equal: bool,
    pub source_rows: u64,
    pub target_rows: u64,
    pub source_fingerprint: String,
    pub target_fingerprint: String,
    pub chunks: u64,
    pub different_chunks: u64,
    /// The first few ranges that differ, by their last key.
    pub different: Vec<String>,
}

#[derive(Default)]
struct Sum {
    source: Fingerprint,
    target: Fingerprint,
    chunks: u64,
    different: BTreeMap<i32, String>,
    different_chunks: u64,
}

/// Compares all common tables. Fails, as the copy does, when the tables themselves differ.
pub async fn verify(source: &Connector, target: &Connector, options: &Options, reporter: &Reporter) -> Result<VerifyReport> {
    let start = Instant::now();
    open::distinct(source, target)?;
    let lead = open::source(source, None).await?;
    let here = open::export(&lead).await?;
    let other = open::source(target, None).await?;
    let there = open::export(&other).await?;
    let plan = plan(&catalog::read(&lead).await?, &catalog::read(&other).await?, &options.choice)?;
    let rows = options.chunk_rows.unwrap_or(chunk::ROWS);
    let sums: Mutex<Vec<Sum>> = Mutex::new(plan.tables.iter().map(|_| Sum::default()).collect());
    let (sender, receiver) = mpsc::channel::<(usize, Range)>(options.jobs.max(1) * 2);
    let receiver = Turn::new(receiver);
    let cut = async {
        for (index, table) in plan.tables.iter().enumerate() {
            let mut cutter = Cutter::new(table, chunk::size(table, rows));
            while let Some(range) = cutter.next(&lead).await? {
                if sender.send((index, range)).await.is_err() {
                    break;
                }
            }
        }
        drop(sender);
        Ok(())
    };
    let work = || async {
        let from = open::source(source, here.as_deref()).await?;
        let to = open::source(target, there.as_deref()).await?;
        loop {
            let Some((index, range)) = receiver.lock().await.recv().await else { return Ok(()) };
            let Some(table) = plan.tables.get(index) else { continue };
            let (a, b) = tokio::try_join!(fingerprint(&from, table, Side::Source, &range), fingerprint(&to, table, Side::Target, &range))?;
            let Ok(mut sums) = sums.lock() else { continue };
            if let Some(sum) = sums.get_mut(index) {
                sum.add(&range, a, b);
            }
            let done: u64 = sums.iter().map(|sum| sum.source.rows).sum();
            let total: u64 = sums.iter().zip(&plan.tables).map(|(sum, table)| sum.source.rows.max(table.rows)).sum();
            drop(sums);
            reporter.progress(done, Some(total), Unit::Rows, format!("comparing {}, chunk {}", table.label(), range.chunk + 1));
        }
    };
    let workers = futures_util::future::try_join_all((0..options.jobs.max(1)).map(|_| work()));
    tokio::try_join!(cut, workers)?;
    let sums = sums.into_inner().unwrap_or_default();
    let tables: Vec<TableVerdict> = plan.tables.iter().zip(sums).map(|(table, sum)| sum.verdict(&table.schema, &table.name)).collect();
    let sequences = sequences::check(&other).await?;
    Ok(VerifyReport {
        equal: tables.iter().all(|table| table.equal) && sequences.iter().all(|sequence| sequence.ahead),
        rows: tables.iter().map(|table| table.source_rows).sum(),
        tables,
        sequences,
        seconds: start.elapsed().as_secs_f64(),
        notes: plan.notes,
    })
}

impl Sum {
    fn add(&mut self, range: &Range, source: Fingerprint, target: Fingerprint) {
        self.chunks += 1;
        self.source = self.source + source;
        self.target = self.target + target;
        if source == target {
            return;
        }
        self.different_chunks += 1;
        if self.different.len() < NAMED {
            let (lo, hi) = (Range::bound(range.lo.as_ref()), Range::bound(range.hi.as_ref()));
            self.different.insert(
                range.chunk,
                format!(
                    "keys after {} up to {}: {} rows here, {} there",
                    end(&lo, "the first"),
                    end(&hi, "the last"),
                    source.rows,
                    target.rows
                ),
            );
        }
    }

    fn verdict(self, schema: &str, name: &str) -> TableVerdict {
        TableVerdict {
            schema: schema.to_owned(),
            name: name.to_owned(),
            equal: self.different_chunks == 0 && self.source == self.target,
            source_rows: self.source.rows,
            target_rows: self.target.rows,
            source_fingerprint: self.source.to_string(),
            target_fingerprint: self.target.to_string(),
            chunks: self.chunks,
            different_chunks: self.different_chunks,
            different: self.different.into_values().collect(),
        }
    }
}

fn end<'a>(bound: &'a str, open: &'a str) -> &'a str {
    if bound.is_empty() { open } else { bound }
}
