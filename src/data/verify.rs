//! The verdict: every table compared row for row by fingerprint, every sequence by the values in use.
//! Read-only on both sides; never says equal because a count is.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as Turn, mpsc};

use crate::data::catch_up::of_keys;
use crate::data::chunk::{Cut, Cutter, Range, Span};
use crate::data::fingerprint::{Fingerprint, fingerprint};
use crate::data::open::{self, Opened};
use crate::data::options::Options;
use crate::data::plan::{Digest, Plan, Side, TablePlan, plan};
use crate::data::sequences::{self, SequenceVerdict};
use crate::data::{catalog, ledger, quarantine};
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
    /// Rows that are known not to be on the target, set aside by key and reason; they are left out of the comparison.
    pub quarantined: u64,
    /// Indexes, keys and what else was to follow the rows of a copy are still to be made: equal rows are not all of a move.
    #[serde(default)]
    pub schema_follows: bool,
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
    pub quarantined: u64,
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

/// Both sides opened at one moment each, with the plan of what to compare.
pub struct Compared {
    pub lead: Opened,
    pub other: Opened,
    here: Option<String>,
    there: Option<String>,
    pub plan: Plan,
    /// By table: conditions that leave out the rows that are set aside, on the source and on the target, which may hold older ones.
    but: Vec<[Vec<String>; 2]>,
    pub quarantined: Vec<u64>,
}

impl Compared {
    pub async fn open(source: &Connector, target: &Connector, options: &Options) -> Result<Self> {
        open::distinct(source, target)?;
        let (lead, other) = tokio::try_join!(open::reader(source, None), open::reader(target, None))?;
        let (here, there) = (open::export(&lead).await?, open::export(&other).await?);
        let digest = if lead.dsql || other.dsql { Digest::Md5 } else { Digest::Hash };
        let from_tables = if lead.dsql { catalog::read(&lead.session).await? } else { catalog::read_with_sizes(&lead.session).await? };
        let plan = plan(&from_tables, &catalog::read(&other.session).await?, &options.choice, digest)?;
        let aside = ledger::exists(&other.session).await?;
        let (mut but, mut quarantined) = (Vec::new(), Vec::new());
        for table in &plan.tables {
            let keys = if aside { quarantine::keys(&other.session, table).await? } else { Vec::new() };
            quarantined.push(keys.len() as u64);
            but.push(
                [Side::Source, Side::Target]
                    .map(|side| keys.chunks(500).map(|keys| format!("not ({})", of_keys(table, side, keys))).collect()),
            );
        }
        Ok(Self { lead, other, here, there, plan, but, quarantined })
    }

    /// Fingerprints of every chunk on both sides, several at a time; `each` gets them as they come.
    pub async fn fingerprints(
        &self,
        source: &Connector,
        target: &Connector,
        options: &Options,
        each: impl Fn(usize, &TablePlan, &Range, Fingerprint, Fingerprint) + Sync,
    ) -> Result<()> {
        let (sender, receiver) = mpsc::channel::<(usize, Range)>(options.jobs.max(1) * 2);
        let receiver = Turn::new(receiver);
        let cut = async {
            for (index, table) in self.plan.tables.iter().enumerate() {
                let mut cutter = Cutter::new(table, Cut::for_comparing(table, options.chunk_rows));
                while let Some(range) = cutter.next(&self.lead.session).await? {
                    if sender.send((index, range)).await.is_err() {
                        break;
                    }
                }
            }
            drop(sender);
            Ok(())
        };
        let each = &each;
        let receiver = &receiver;
        let work = async || {
            let (from, to) = tokio::try_join!(open::reader(source, self.here.as_deref()), open::reader(target, self.there.as_deref()))?;
            loop {
                let Some((index, range)) = receiver.lock().await.recv().await else { return Ok(()) };
                let (Some(table), Some([but_here, but_there])) = (self.plan.tables.get(index), self.but.get(index)) else { continue };
                let (a, b) = tokio::try_join!(
                    fingerprint(&from.session, table, Side::Source, &range.span, but_here),
                    fingerprint(&to.session, table, Side::Target, &range.span, but_there)
                )?;
                each(index, table, &range, a, b);
            }
        };
        let workers = futures_util::future::try_join_all((0..options.jobs.max(1)).map(|_| work()));
        tokio::try_join!(cut, workers).map(drop)
    }
}

/// Compares all common tables. Fails, as the copy does, when the tables themselves differ.
pub async fn verify(source: &Connector, target: &Connector, options: &Options, reporter: &Reporter) -> Result<VerifyReport> {
    let start = Instant::now();
    let compared = Compared::open(source, target, options).await?;
    let sums: Mutex<Vec<Sum>> = Mutex::new(compared.plan.tables.iter().map(|_| Sum::default()).collect());
    let take = |index: usize, table: &TablePlan, range: &Range, a: Fingerprint, b: Fingerprint| {
        let Ok(mut sums) = sums.lock() else { return };
        if let Some(sum) = sums.get_mut(index) {
            sum.add(range, a, b);
        }
        let done: u64 = sums.iter().map(|sum| sum.source.rows).sum();
        let total: u64 = sums.iter().zip(&compared.plan.tables).map(|(sum, table)| sum.source.rows.max(table.rows)).sum();
        drop(sums);
        reporter.progress(done, Some(total), Unit::Rows, format!("comparing {}, chunk {}", table.label(), range.chunk + 1));
    };
    compared.fingerprints(source, target, options, take).await?;
    let sums = sums.into_inner().unwrap_or_default();
    let tables: Vec<TableVerdict> = compared
        .plan
        .tables
        .iter()
        .zip(sums)
        .zip(&compared.quarantined)
        .map(|((table, sum), quarantined)| TableVerdict { quarantined: *quarantined, ..sum.verdict(&table.schema, &table.name) })
        .collect();
    let sequences = sequences::check(&compared.other.session).await?;
    let schema_follows = ledger::schema_follows(&compared.other.session).await?;
    Ok(VerifyReport {
        equal: tables.iter().all(|table| table.equal) && sequences.iter().all(|sequence| sequence.ahead),
        rows: tables.iter().map(|table| table.source_rows).sum(),
        quarantined: compared.quarantined.iter().sum(),
        tables,
        sequences,
        schema_follows,
        seconds: start.elapsed().as_secs_f64(),
        notes: compared.plan.notes.clone(),
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
            let span: &Span = &range.span;
            self.different.insert(range.chunk, format!("{}: {} rows here, {} there", span.words(), source.rows, target.rows));
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
            quarantined: 0,
            different: self.different.into_values().collect(),
        }
    }
}
