//! Runs on disk: `.migrate-wizard/<run>/` in the app's folder; which one to go on with and how a new one is named.
//! Knows nothing of what a run does; the journal is the only thing read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Result;
use crate::wizard::journal::{self, Entry, Record};
use crate::wizard::screens::Rehearsed;
use crate::wizard::state::{End, State, Status};
use crate::wizard::view::Mode;

/// The folder of all runs of an app.
pub const FOLDER: &str = crate::own_folder::NAME;

/// What is done with the newest run of a flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    New,
    Resume,
    /// A roll back was asked for and there is none to roll back.
    Refuse,
}

/// The table "Opening a run" of ARCHITECTURE.md. `newest` is how the newest run of the flavour ended: `None` when there is none,
/// `Some(None)` when it is open.
pub fn opening(newest: Option<Option<End>>, flavour: Flavour, new: bool, rollback: bool) -> Opening {
    match (newest, rollback) {
        (None, true) => Opening::Refuse,
        (Some(_), true) => Opening::Resume,
        (None, false) => Opening::New,
        (Some(_), false) if new => Opening::New,
        (Some(None), false) => Opening::Resume,
        // A finished run is looked at again where something real came of it.
        (Some(Some(End::Finished)), false) if flavour.journey == "move" && flavour.mode == Mode::Live => Opening::Resume,
        (Some(Some(End::Finished | End::RolledBack)), false) => Opening::New,
    }
}

/// What flavour of run: each goes on only with its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flavour {
    pub journey: &'static str,
    pub mode: Mode,
    pub sandbox: bool,
}

impl Flavour {
    fn word(self) -> &'static str {
        match (self.journey, self.mode, self.sandbox) {
            ("tour", _, _) => "tour",
            ("rotate", Mode::Live, _) => "rotate",
            ("stacks" | "destroy" | "repair" | "back", Mode::Live, false) => self.journey,
            ("stacks", Mode::Dry, _) => "stacks-dry",
            ("stacks", Mode::Live, true) => "stacks-sandbox",
            ("destroy", Mode::Dry, _) => "destroy-dry",
            ("destroy", Mode::Live, true) => "destroy-sandbox",
            ("repair", Mode::Dry, _) => "repair-dry",
            ("repair", Mode::Live, true) => "repair-sandbox",
            ("back", Mode::Dry, _) => "back-dry",
            ("back", Mode::Live, true) => "back-sandbox",
            (_, Mode::Dry, _) => "dry",
            (_, Mode::Live, true) => "sandbox",
            (_, Mode::Live, false) => "live",
        }
    }
}

/// A run found on disk.
#[derive(Debug)]
pub struct Found {
    pub dir: PathBuf,
    pub state: State,
    pub records: Vec<Record>,
}

/// All readable runs, oldest first; a damaged journal is returned beside them by its error.
pub fn all(app: &Path) -> (Vec<Found>, Vec<crate::error::Error>) {
    let mut found = Vec::new();
    let mut damaged = Vec::new();
    let Ok(entries) = std::fs::read_dir(app.join(FOLDER)) else { return (found, damaged) };
    for dir in entries.filter_map(std::result::Result::ok).map(|e| e.path()).filter(|p| p.join("journal.jsonl").is_file()) {
        let read = journal::read(&dir)
            .and_then(|records| if records.is_empty() { Ok(None) } else { State::replay(&records).map(|state| Some((state, records))) });
        match read {
            Ok(Some((state, records))) => found.push(Found { dir, state, records }),
            Ok(None) => {}
            Err(error) => damaged.push(error),
        }
    }
    found.sort_by(|a, b| a.state.opened_at.cmp(&b.state.opened_at));
    (found, damaged)
}

/// The newest run of that flavour, whatever its state; `Err` when a journal is damaged and could be it.
pub fn newest(app: &Path, flavour: Flavour) -> Result<Option<Found>> {
    newest_where(app, |state| state.journey == flavour.journey && state.mode == flavour.mode && state.sandbox == flavour.sandbox)
}

/// The newest run of any flavour but a tour.
pub fn newest_of_any(app: &Path) -> Result<Option<Found>> {
    newest_that(app, |_| true)
}

/// The newest run but a tour that is as it must be: nobody's move is looked up by a tour.
pub fn newest_that(app: &Path, fits: impl Fn(&State) -> bool) -> Result<Option<Found>> {
    newest_where(app, |state| !is_tour(state) && fits(state))
}

/// The same; a tour only where there is nothing else.
pub fn newest_or_tour(app: &Path, fits: impl Fn(&State) -> bool) -> Result<Option<Found>> {
    Ok(newest_that(app, &fits)?.or(newest_where(app, |state| is_tour(state) && fits(state))?))
}

/// Is it a tour, of which nothing is for real?
pub fn is_tour(state: &State) -> bool {
    state.journey == "tour"
}

fn newest_where(app: &Path, fits: impl Fn(&State) -> bool) -> Result<Option<Found>> {
    let (found, damaged) = all(app);
    if let Some(error) = damaged.into_iter().next() {
        return Err(error);
    }
    Ok(found.into_iter().rfind(|found| fits(&found.state)))
}

/// A name for a new run: flavour, day, four letters.
pub fn name(flavour: Flavour) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}-{}", flavour.word(), jiff::Timestamp::now().strftime("%Y%m%d"), id.get(..4).unwrap_or("0000"))
}

/// Durations of the last finished sandbox run, by step.
pub fn rehearsed(app: &Path) -> Rehearsed {
    let (found, _) = all(app);
    let mut times = BTreeMap::new();
    for run in found.iter().filter(|f| f.state.sandbox) {
        for (id, step) in &run.state.steps {
            if step.status == Status::Done && !step.simulated && step.took_ms > 0 {
                times.insert(id.clone(), Duration::from_millis(step.took_ms));
            }
        }
    }
    times
}

/// How long undoing each step took in the last sandbox run that undid it.
pub fn undone(app: &Path) -> Rehearsed {
    let (found, _) = all(app);
    let records = found.iter().filter(|f| f.state.sandbox).flat_map(|run| &run.records);
    records
        .filter_map(|record| match &record.what {
            Entry::UndoDone { step, took_ms } => Some((step.clone(), Duration::from_millis(*took_ms))),
            Entry::Opened { .. }
            | Entry::Resumed { .. }
            | Entry::Pinned { .. }
            | Entry::Answered { .. }
            | Entry::Started { .. }
            | Entry::Done { .. }
            | Entry::Failed { .. }
            | Entry::Ticked { .. }
            | Entry::RollbackStarted { .. }
            | Entry::UndoStarted { .. }
            | Entry::UndoFailed { .. }
            | Entry::RolledBack {}
            | Entry::Finished {} => None,
        })
        .collect()
}

/// `new|running|stopped|stuck|finished|rolled_back`, for `status`.
pub fn standing(found: &Found) -> &'static str {
    match found.state.ended {
        Some(End::Finished) => "finished",
        Some(End::RolledBack) => "rolled_back",
        None if journal::held(&found.dir).is_some() => "running",
        None if found.records.len() == 1 => "new",
        None if matches!(found.records.last().map(|r| &r.what), Some(Entry::Failed { .. } | Entry::UndoFailed { .. })) => "stuck",
        None => "stopped",
    }
}
