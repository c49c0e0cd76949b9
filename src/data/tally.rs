//! How far a pass is: rows and bytes by table, what each worker is at, how long it takes still. Kept in memory, told at most ten times a second.
//! Never durable: what must not be lost is in the ledger.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::data::chunk::Range;
use crate::data::plan::Plan;
use crate::data::worker::Outcome;
use crate::progress::{Figure, Part, Progress, Reporter, Unit};
use crate::text;

/// One table's part of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCopied {
    pub schema: String,
    pub name: String,
    pub chunks_copied: u64,
    pub chunks_equal: u64,
    /// Rows that were written or deleted.
    pub rows_copied: u64,
    pub rows_equal: u64,
    pub quarantined: u64,
}

/// What is left of the work after the rows, in bytes that would take as long to copy: 0 when nothing follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead(pub u64);

#[derive(Debug)]
pub struct Tally {
    state: Mutex<State>,
    reporter: Reporter,
    /// Bytes on disk of each table, and rows as the planner knows them.
    sizes: Vec<(u64, u64)>,
    ahead: u64,
}

#[derive(Debug, Default)]
struct State {
    tables: Vec<TableCopied>,
    /// Rows of chunks that are done.
    done: Vec<u64>,
    ended: Vec<bool>,
    at_work: BTreeMap<String, AtWork>,
    /// Rows that were written for a chunk that was then given up, by table and chunk: whoever ends it ends these too.
    partly: BTreeMap<(usize, i32), u64>,
    /// Rows of the target that somebody else wrote or deleted since they were copied, by table and chunk.
    by_others: BTreeMap<(String, i32), u64>,
    bytes: u64,
    retries: u64,
    told: Option<Instant>,
    began: Option<Instant>,
}

#[derive(Debug)]
struct AtWork {
    table: usize,
    chunk: i32,
    whole: bool,
    /// Rows so far, as the server or the batches tell.
    rows: u64,
    bytes: u64,
}

const EVERY: Duration = Duration::from_millis(100);

impl Tally {
    pub fn new(plan: &Plan, reporter: &Reporter, ahead: Ahead) -> Self {
        let tables: Vec<TableCopied> =
            plan.tables.iter().map(|t| TableCopied { schema: t.schema.clone(), name: t.name.clone(), ..TableCopied::default() }).collect();
        let count = tables.len();
        let state = State { tables, done: vec![0; count], ended: vec![false; count], began: Some(Instant::now()), ..State::default() };
        Self {
            state: Mutex::new(state),
            reporter: reporter.clone(),
            sizes: plan.tables.iter().map(|t| (t.bytes.max(8192), t.rows)).collect(),
            ahead: ahead.0,
        }
    }

    pub fn log(&self, line: impl AsRef<str>) {
        self.reporter.log(line);
    }

    pub fn begin(&self, worker: &str, table: usize, range: &Range) {
        let Ok(mut state) = self.state.lock() else { return };
        let whole = range.span.is_all();
        state.at_work.insert(worker.to_owned(), AtWork { table, chunk: range.chunk, whole, rows: 0, bytes: 0 });
        self.tell(&mut state, false);
    }

    /// Bytes went from one side to the other.
    pub fn moved(&self, worker: &str, bytes: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        state.bytes += bytes;
        if let Some(work) = state.at_work.get_mut(worker) {
            work.bytes += bytes;
        }
        self.tell(&mut state, false);
    }

    /// Rows were written in a batch.
    pub fn wrote(&self, worker: &str, rows: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        if let Some(work) = state.at_work.get_mut(worker) {
            work.rows += rows;
        }
        self.tell(&mut state, false);
    }

    /// What the server says of the rows that a table's running COPY has taken.
    pub fn seen(&self, label: &str, rows: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        let Some(table) = state.tables.iter().position(|t| format!("{}.{}", t.schema, t.name) == label) else { return };
        if let Some(work) = state.at_work.values_mut().find(|work| work.table == table) {
            work.rows = work.rows.max(rows);
        }
    }

    pub fn end(&self, worker: &str, table: usize, outcome: &Outcome) {
        let Ok(mut state) = self.state.lock() else { return };
        let work = state.at_work.remove(worker);
        let earlier = work.as_ref().and_then(|work| state.partly.remove(&(work.table, work.chunk))).unwrap_or_default();
        let outcome = Outcome { written: outcome.written + earlier, ..*outcome };
        if let Some(done) = state.done.get_mut(table) {
            *done += outcome.rows;
        }
        if let (Some(ended), Some(true)) = (state.ended.get_mut(table), work.map(|work| work.whole)) {
            *ended = true;
        }
        if let Some(own) = state.tables.get_mut(table) {
            let written = outcome.written > 0 || outcome.quarantined > 0;
            own.chunks_copied += u64::from(written);
            own.chunks_equal += u64::from(!written);
            own.rows_copied += outcome.written;
            own.rows_equal += outcome.rows.saturating_sub(outcome.written + outcome.quarantined);
            own.quarantined += outcome.quarantined;
        }
        self.tell(&mut state, false);
    }

    /// A chunk is given up after `written` rows of it.
    pub fn drop_chunk(&self, worker: &str, written: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        if let Some(work) = state.at_work.remove(worker) {
            *state.partly.entry((work.table, work.chunk)).or_default() += written;
        }
    }

    pub fn retried(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.retries += 1;
        }
    }

    /// Rows of a chunk on the target were written or deleted by somebody else since it was copied.
    pub fn by_others(&self, table: &str, chunk: i32, rows: u64) {
        if rows > 0
            && let Ok(mut state) = self.state.lock()
        {
            state.by_others.insert((table.to_owned(), chunk), rows);
        }
    }

    /// What a person should know of it.
    pub fn notes(&self) -> Vec<String> {
        let mut tables: BTreeMap<String, u64> = BTreeMap::new();
        if let Ok(state) = self.state.lock() {
            state.by_others.iter().for_each(|((table, _), rows)| *tables.entry(table.clone()).or_default() += rows);
        }
        let words = |(table, rows): (String, u64)| {
            format!(
                "{table}: {} that somebody else wrote or deleted on the target since the last copy: now as on the source",
                text::plural(rows, "row")
            )
        };
        tables.into_iter().map(words).collect()
    }

    pub fn quarantined(&self, line: &str) {
        self.reporter.log(line);
    }

    pub fn tables(&self) -> Vec<TableCopied> {
        self.state.lock().map(|state| state.tables.clone()).unwrap_or_default()
    }

    pub fn bytes(&self) -> u64 {
        self.state.lock().map(|state| state.bytes).unwrap_or_default()
    }

    pub fn retries(&self) -> u64 {
        self.state.lock().map(|state| state.retries).unwrap_or_default()
    }

    /// The last word of the pass.
    pub fn last(&self) {
        if let Ok(mut state) = self.state.lock() {
            self.tell(&mut state, true);
        }
    }

    fn tell(&self, state: &mut State, now: bool) {
        if !now && state.told.is_some_and(|told| told.elapsed() < EVERY) {
            return;
        }
        state.told = Some(Instant::now());
        self.reporter.report(self.progress(state));
    }

    fn progress(&self, state: &State) -> Progress {
        let mut done_bytes = 0_u64;
        let mut rows = 0_u64;
        let mut parts = Vec::new();
        let elapsed = state.began.map(|began| began.elapsed().as_secs_f64()).unwrap_or_default();
        for (i, &(size, known)) in self.sizes.iter().enumerate() {
            let done = state.done.get(i).copied().unwrap_or_default();
            let working: Vec<(&String, &AtWork)> = state.at_work.iter().filter(|(_, work)| work.table == i).collect();
            let now: u64 = working.iter().map(|(_, work)| work.rows).sum();
            let seen = done + now;
            let total = if state.ended.get(i) == Some(&true) { done } else { known.max(seen) };
            let share = match (state.ended.get(i), total) {
                (Some(true), _) => 1.0,
                (_, 0) => {
                    let moved: u64 = working.iter().map(|(_, work)| work.bytes).sum();
                    moved as f64 / size as f64
                }
                (_, total) => seen as f64 / total as f64,
            }
            .min(1.0);
            done_bytes += (size as f64 * share) as u64;
            rows += seen;
            if let Some((worker, work)) = working.first() {
                let label = state.tables.get(i).map(|t| format!("{}.{}", t.schema, t.name)).unwrap_or_default();
                let chunk = if work.whole { String::new() } else { format!(", chunk {}", work.chunk + 1) };
                let others = if working.len() > 1 { format!(" and {} more", working.len() - 1) } else { String::new() };
                parts.push(Part {
                    name: label,
                    done: seen,
                    total: Some(total).filter(|total| *total > 0),
                    unit: Unit::Rows,
                    note: format!("{worker}{chunk}{others}"),
                    remaining_s: None,
                });
            }
        }
        let all: u64 = self.sizes.iter().map(|(size, _)| size).sum::<u64>() + self.ahead;
        let quarantined: u64 = state.tables.iter().map(|t| t.quarantined).sum();
        let rate = if elapsed > 0.0 { done_bytes as f64 / elapsed } else { 0.0 };
        let remaining = (elapsed > 1.0 && rate > 0.0).then(|| ((all - done_bytes.min(all)) as f64 / rate).ceil() as u64);
        for part in &mut parts {
            // A table at the speed of all workers together, shared by those at work.
            if let Some(total) = part.total {
                let table = state.tables.iter().position(|t| format!("{}.{}", t.schema, t.name) == part.name);
                let size = table.and_then(|i| self.sizes.get(i)).map_or(0, |(size, _)| *size);
                let left = size as f64 * (1.0 - part.done as f64 / total.max(1) as f64);
                let own = rate / state.at_work.len().max(1) as f64;
                part.remaining_s = (elapsed > 1.0 && own > 0.0).then(|| (left / own).ceil() as u64);
            }
        }
        let figure = |name: &str, value, unit| Figure { name: name.to_owned(), value, unit };
        let moved_rate = if elapsed > 0.0 { (state.bytes as f64 / elapsed) as u64 } else { 0 };
        Progress {
            done: done_bytes,
            total: Some(all),
            unit: Unit::Bytes,
            message: parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", "),
            remaining_s: remaining,
            figures: vec![
                figure("rows", rows, Unit::Rows),
                figure("bytes", state.bytes, Unit::Bytes),
                figure("bytes_per_s", moved_rate, Unit::Bytes),
                figure("retries", state.retries, Unit::Steps),
                figure("quarantined", quarantined, Unit::Rows),
            ],
            parts,
            graphs: Vec::new(),
        }
    }
}
