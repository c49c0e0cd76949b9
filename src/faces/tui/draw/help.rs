//! The help: every key of the key table, why it does nothing now, and what the symbols mean.
//! Never holds a text about a key: the table does.
//!
//! ```text
//! ┌ Help ──────────────────────────────┐
//! │  Enter       go on    answer …     │
//! │  r           retry    try …        │
//! │                       not now: …   │
//! └────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::paper::{self, Paper};
use super::super::theme;
use crate::wizard::keys::{self, Action, BINDINGS};
use crate::wizard::view::Standing;

const KEYS: usize = 9;
const TEXT: usize = 12;

/// Draws the overlay from line `top`; how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, top: usize) -> usize {
    super::overlay::draw(frame, area, model, "Help", content(model, super::overlay::columns(area)), top)
}

fn content(model: &Model, columns: usize) -> Paper {
    let mut paper = Paper::new(columns);
    let mut told: Vec<Action> = Vec::new();
    for binding in BINDINGS {
        if told.contains(&binding.action) {
            continue;
        }
        told.push(binding.action);
        let labels: Vec<String> = BINDINGS.iter().filter(|b| b.action == binding.action).map(|b| b.key.label()).collect();
        let lead = format!("{:<KEYS$} {:<TEXT$} ", paper::fit(&labels.join(" "), KEYS), paper::fit(binding.text, TEXT));
        paper.hanging(&lead, model.theme.accent(), binding.help, Style::new());
        if let Some(Err(why)) = model.view.as_ref().map(|view| keys::enabled(binding.action, view)) {
            paper.hanging(&" ".repeat(KEYS + TEXT + 2), Style::new(), &format!("not now: {why}"), model.theme.muted());
        }
    }
    paper.blank();
    paper.text("While you type an answer, letters are text: Tab leaves the field, and they are keys again.", Style::new());
    paper.blank();
    for standing in [
        Standing::Waiting,
        Standing::Current,
        Standing::Running,
        Standing::Done,
        Standing::Stale,
        Standing::Failed,
        Standing::Skipped,
        Standing::Undone,
    ] {
        let (symbol, style) = model.theme.standing(standing);
        paper.hanging(&format!("{symbol:<KEYS$} "), style, theme::words(standing), Style::new());
    }
    paper
}
