//! The way back as one piece of work: carried, kept in a file, or counted as lost; and the record of what came of it.
//! Knows no freeze and asks nobody: whether a loss is agreed to is the caller's to find out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::data::catalog::Table;
use crate::data::kept::{KeptFile, Left, LeftTable, NO_KEY, compare, pair};
use crate::data::options::Options;
use crate::data::plan::Digest;
use crate::data::quarantine::Aside;
use crate::data::{back, catalog, copy, finish, open, raise_sequences};
use crate::error::{Context, Error, Kind, Result};
use crate::postgres::{Connector, private_file};
use crate::progress::Reporter;

/// What is done with rows that were written on the new side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    CarryBack,
    KeepAside,
    AcceptLoss,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Looked at, before the switch.
    #[default]
    Recorded,
    /// Begun, in a roll back.
    Begun,
    Done,
}

/// `way-back.json`: what was chosen and what came of it. Keys and counts; never another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub choice: Choice,
    pub stage: Stage,
    /// Rows that were carried, by table.
    #[serde(default)]
    pub carried: BTreeMap<String, u64>,
    /// What the new side still has that the old one has not: conflicts, kept rows or losses.
    #[serde(default)]
    pub left: Vec<LeftTable>,
    /// Rows that were not carried, and why.
    #[serde(default)]
    pub conflicts: Vec<Aside>,
    /// Where the rows that are left are kept.
    #[serde(default)]
    pub file: Option<KeptFile>,
    /// So many lost rows were agreed to.
    #[serde(default)]
    pub agreed: Option<u64>,
    /// Sequences that were set further.
    #[serde(default)]
    pub sequences: u64,
    #[serde(default)]
    pub millis: u64,
    #[serde(default)]
    pub notes: Vec<String>,
    /// Tables that are looked at.
    #[serde(default)]
    pub tables: u64,
    /// Tables that only the new side had before the app wrote there.
    #[serde(default)]
    pub beside: Vec<String>,
}

impl Record {
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            stage: Stage::Recorded,
            carried: BTreeMap::new(),
            left: Vec::new(),
            conflicts: Vec::new(),
            file: None,
            agreed: None,
            sequences: 0,
            millis: 0,
            notes: Vec::new(),
            tables: 0,
            beside: Vec::new(),
        }
    }

    /// The record at a path; `None` when there is none that can be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }

    /// Whole or not at all, for this user alone.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text =
            serde_json::to_string_pretty(self).map_err(|e| Error::bug(format!("the record of the way back cannot be written: {e}")))?;
        let partial = path.with_extension("partial");
        private_file::write(&partial, &text)?;
        std::fs::rename(&partial, path).or_fail(Kind::Failed, format!("cannot write {}", path.display()), "check the run's folder")
    }

    pub fn rows_carried(&self) -> u64 {
        self.carried.values().sum()
    }

    pub fn rows_left(&self) -> u64 {
        self.left.iter().map(LeftTable::rows).sum()
    }

    /// A table with rows that are left although no conflict and no other reason speaks of them.
    fn unexplained(&self) -> Option<String> {
        let conflicts = |table: &str| self.conflicts.iter().filter(|row| row.table == table).count() as u64;
        let left = self.left.iter().find(|left| match left.by_hand.as_str() {
            "" => conflicts(&left.table) < left.rows(),
            NO_KEY => conflicts(&left.table) == 0,
            _ => false,
        });
        left.map(|left| left.table.clone())
    }

    fn take(&mut self, left: Left) {
        self.left = left.tables;
        self.file = left.file;
    }
}

/// Read-only, before it is needed: what would stand in the way. Notes are for the person.
pub async fn look(new: &Connector, old: &Connector, choice: Choice, options: &Options) -> Result<Record> {
    let (here, there) = tokio::try_join!(open::reader(new, None), open::reader(old, None))?;
    let (ours, theirs) = tokio::try_join!(catalog::read(&here.session), catalog::read(&there.session))?;
    let mut record = Record::new(choice);
    record.beside = only_in(&ours, &theirs);
    let mut pairings = pair(&ours, &theirs, &options.choice, Digest::Md5);
    // Those that only the new side has are the conversion's own: no app has written there yet.
    pairings.retain(|pairing| !record.beside.contains(&pairing.here.label()));
    if choice == Choice::CarryBack {
        let hindered = pairings.iter().filter(|pairing| pairing.turned || pairing.plan.is_none());
        let hindered: Vec<String> = hindered.map(|pairing| format!("{}: {}", pairing.here.label(), pairing.by_hand)).collect();
        if !hindered.is_empty() {
            let error = Error::new(Kind::Conflict, "rows of some tables could not be carried back");
            return Err(hindered
                .iter()
                .fold(error, Error::cause)
                .hint("answer `keep_aside` or `accept_loss` to the question `writes_after`"));
        }
        if back::recognise(&here, &there, new, old).await?.is_none() {
            return Err(back::not_known(&here));
        }
    }
    let by_hand = pairings.iter().filter(|pairing| !pairing.by_hand.is_empty());
    record.notes.extend(by_hand.map(|pairing| format!("{}: {}", pairing.here.label(), pairing.by_hand)));
    record.tables = pairings.len() as u64;
    Ok(record)
}

fn only_in(here: &[Table], there: &[Table]) -> Vec<String> {
    let there: BTreeSet<String> = there.iter().map(Table::label).collect();
    here.iter().map(Table::label).filter(|label| !there.contains(label)).collect()
}

/// Carries the rows back to the old side; what could not be carried is kept in `file` with both sides' values, and never overwritten.
/// Safe to drop at any await and to run again. `earlier`: the record of a run before, whose counts may have left the ledger.
pub async fn carry(
    new: &Connector,
    old: &Connector,
    options: &Options,
    earlier: &Record,
    file: Option<&Path>,
    reporter: &Reporter,
) -> Result<Record> {
    let begun = Instant::now();
    let mut record = Record { stage: Stage::Begun, ..earlier.clone() };
    for _ in 0..TRIES {
        once(new, old, options, file, reporter, &mut record).await?;
        let Some(table) = record.unexplained() else {
            record.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            record.stage = Stage::Done;
            return Ok(record);
        };
        // A process that was killed may still hold a table for a moment: the server has not missed it yet.
        reporter.log(format!("{table} is still in another process's hand: once more"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(Error::new(Kind::Unreachable, "rows are left that nothing kept from being carried back")
        .cause(record.unexplained().unwrap_or_default())
        .hint("another process may be carrying them: run the same command again"))
}

/// Looks for tables that another process let go of.
const TRIES: u32 = 10;

async fn once(
    new: &Connector,
    old: &Connector,
    options: &Options,
    file: Option<&Path>,
    reporter: &Reporter,
    record: &mut Record,
) -> Result<()> {
    let report = {
        let (here, there) = tokio::try_join!(open::reader(new, None), open::reader(old, None))?;
        let (ours, theirs) = tokio::try_join!(catalog::read(&here.session), catalog::read(&there.session))?;
        let mut options = Options { only_back: true, ..options.clone() };
        options.choice.except.extend(only_in(&ours, &theirs));
        drop((here, there));
        copy(new, old, &options, reporter).await?
    };
    (record.conflicts, record.notes) = (report.conflicts, report.notes);
    let there = open::reader(old, None).await?;
    for (table, rows) in back::carried(&there.session).await? {
        let known = record.carried.entry(table).or_default();
        *known = rows.max(*known);
    }
    drop(there);
    if record.rows_carried() > 0 {
        record.sequences += raise_sequences(new, old).await?.set.len() as u64;
    }
    // By value, whatever was carried: what still differs is what is not there.
    record.take(compare(new, old, options, file, reporter).await?);
    Ok(())
}

/// The old side as if nothing had been carried by a tool: its ledger goes, once the record is safe.
pub async fn close(old: &Connector) -> Result<()> {
    finish(old, true).await.map(drop)
}

/// What the new side has that the old one has not: kept in `file`, or only counted.
pub async fn keep(
    new: &Connector,
    old: &Connector,
    options: &Options,
    choice: Choice,
    file: Option<&Path>,
    reporter: &Reporter,
) -> Result<Record> {
    let begun = Instant::now();
    let mut record = Record::new(choice);
    record.take(compare(new, old, options, file, reporter).await?);
    record.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    record.stage = Stage::Done;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conflicts_and_reasons_explain_what_is_left() {
        let left =
            |table: &str, new, by_hand: &str| LeftTable { table: table.into(), new, by_hand: by_hand.into(), ..LeftTable::default() };
        let of = |table: &str| Aside { table: table.into(), key: "[\"1\"]".into(), reason: "both".into() };
        for (table, conflicts, unexplained) in [
            (left("t", 2, ""), vec![of("t"), of("t")], false),
            (left("t", 2, ""), vec![of("t"), of("u")], true),
            (left("t", 9, NO_KEY), vec![of("t")], false),
            (left("t", 9, NO_KEY), vec![], true),
            (left("t", 9, "it is not on the other side"), vec![], false),
        ] {
            let record = Record { left: vec![table], conflicts, ..Record::new(Choice::CarryBack) };
            assert_eq!(record.unexplained().is_some(), unexplained, "{record:?}");
        }
    }
}
