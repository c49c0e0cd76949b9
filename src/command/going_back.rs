//! How long a roll back takes, reckoned from what rehearsals measured and from what doing it took.
//! Reads journals only.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::effects::GoingBack;
use crate::runs;
use crate::text;
use crate::wizard::journal;
use crate::wizard::plan::{self, Books};
use crate::wizard::state::{Rollback, State};

/// For a run that is being opened: the words, whenever somebody asks.
pub fn of_run(app: &Path, run_dir: &Path, books: &Arc<Books>) -> GoingBack {
    let (app, run_dir, books) = (app.to_owned(), run_dir.to_owned(), Arc::clone(books));
    GoingBack(Box::new(move || {
        let records = journal::read(&run_dir).ok()?;
        words(&app, &books, State::replay(&records).ok()?)
    }))
}

/// `about 4m10s (9 steps, 8 as rehearsed)`: back to where a step that may go back by itself goes, else all the way.
fn words(app: &Path, books: &Books, mut state: State) -> Option<String> {
    let named = books.forward.iter().flat_map(|book| &book.steps).flat_map(|step| &step.rollback_to);
    let begun = named.filter_map(|name| plan::back_to(books, &state, name));
    let to = begun.min_by_key(|id| state.steps.get(id).map_or(u64::MAX, |step| step.started_n));
    state.rollback = Some(Rollback { to: to.clone(), since: u64::MAX });
    let steps = plan::undoable(books, &state);
    if steps.is_empty() {
        return None;
    }
    let rehearsed = runs::undone(app);
    let done = |id: &String| Duration::from_millis(state.steps.get(id).map_or(0, |step| step.took_ms));
    let all: Duration = steps.iter().map(|id| rehearsed.get(id).copied().unwrap_or_else(|| done(id))).sum();
    let known = steps.iter().filter(|id| rehearsed.contains_key(*id)).count();
    let how = match known {
        0 => "as long as doing it took, not rehearsed".to_owned(),
        known if known == steps.len() => "as rehearsed".to_owned(),
        known => format!("{known} of them rehearsed"),
    };
    let how_far = to.map(|to| format!(" back to {to}")).unwrap_or_default();
    Some(format!("about {}{how_far} ({}, {how})", text::duration(all), text::plural(steps.len() as u64, "step")))
}
