//! The step on show: a body that scrolls and a foot that stays: refusals, what Enter does, the text field.
//! Never makes up words about a step: they come from the view.
//!
//! ```text
//!  Title
//!  why, wrapped
//!
//!  … options, preview, progress, causes …
//!
//!  ✗ why the last answer was refused
//!  › text being typed
//! ```

mod ask;
mod effect;
mod end;
mod review;
mod running;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::model::{Model, Pane};
use super::super::paper::{self, Paper};
use crate::wizard::view::{Outcome, Screen};

/// What is put on the step's region.
pub(super) struct Sheet {
    body: Paper,
    /// First line and the one after the last that must be in sight unless the person scrolls.
    keep: Option<(usize, usize)>,
    foot: Paper,
    /// A text field under the foot; `true` shows dots.
    field: Option<bool>,
}

impl Sheet {
    fn new(columns: usize) -> Self {
        Self { body: Paper::new(columns), keep: None, foot: Paper::new(columns), field: None }
    }

    /// What every screen begins with.
    fn head(&mut self, model: &Model, title: &str, why: &str) {
        self.body.text(title, model.theme.strong());
        self.body.text(why, Style::new());
    }

    fn refused(&mut self, model: &Model, error: Option<&String>) {
        if let Some(error) = error {
            self.foot.hanging("✗ ", model.theme.bad(), error, model.theme.bad());
        }
    }
}

/// What was drawn: rows of the body, first line on show, the furthest it can be.
pub struct Body {
    pub rows: usize,
    pub top: usize,
    pub end: usize,
    /// First line of what is selected, and the one after its last.
    pub kept: (usize, usize),
}

/// The title of the region: what the screen wants and where in its phase it is.
pub fn title(model: &Model) -> String {
    let Some(view) = &model.view else { return "Starting".into() };
    let what = match &view.screen {
        Screen::Ask(_) => "Question",
        Screen::Manual(_) => "For your hands",
        Screen::Gate(gate) if gate.reads => "To look at",
        Screen::Gate(_) => "Ready",
        Screen::Running(running) if running.undoing => "Undoing",
        Screen::Running(_) => "Running",
        Screen::Failed(_) => "Failed",
        Screen::RollbackGate(_) => "Roll back",
        Screen::Ended(ended) => match ended.outcome {
            Outcome::Finished => "Finished",
            Outcome::Rehearsed => "Rehearsed",
            Outcome::RolledBack => "Rolled back",
            Outcome::Stopped => "Stopped",
            Outcome::Failed => "Failed",
            Outcome::Interrupted => "Interrupted",
        },
    };
    let place = view.screen.step().and_then(|id| {
        let step = view.steps.iter().find(|s| s.id == id)?;
        let own: Vec<_> = view.steps.iter().filter(|s| s.phase == step.phase).collect();
        let nth = own.iter().position(|s| s.id == id)? + 1;
        let phase = view.phases.iter().find(|p| p.id == step.phase)?;
        Some(format!(" · {} {nth} of {}", phase.title, own.len()))
    });
    format!("{what}{}", place.unwrap_or_default())
}

/// Draws the step.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, now_ms: u64) -> Body {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let columns = usize::from(area.width);
    let sheet = sheet(model, columns, usize::from(area.height), now_ms);
    let field_rows = usize::from(sheet.field.is_some());
    // The foot may take all but four lines; of a longer one the end counts.
    let most = usize::from(area.height).saturating_sub(4 + field_rows);
    let skip = sheet.foot.lines.len().saturating_sub(most);
    let foot: Vec<Line<'static>> = sheet.foot.lines.into_iter().skip(skip).collect();
    let foot_rows = foot.len() + field_rows;
    let gap = usize::from(foot_rows > 0);
    let rows = usize::from(area.height).saturating_sub(foot_rows + gap);
    let end = sheet.body.lines.len().saturating_sub(rows);
    let (first, last) = sheet.keep.unwrap_or_default();
    let kept = last.saturating_sub(rows).min(first);
    let top = model.step_top.unwrap_or(kept).min(end);
    // Right under a short body: what is asked and where it is answered belong together.
    let foot_y = area.y + cells(sheet.body.lines.len().min(rows) + gap);
    super::lines(frame, Rect { height: cells(rows), ..area }, sheet.body.lines.into_iter().skip(top).collect());
    let foot_area = Rect { y: foot_y, height: cells(foot_rows - field_rows), ..area };
    super::lines(frame, foot_area, foot);
    if let Some(dots) = sheet.field {
        let row = Rect { y: foot_y + cells(foot_rows - field_rows), height: 1, ..area };
        let (text, cursor) = model.input.shown(columns.saturating_sub(2), dots);
        let focused = model.pane == Pane::Step;
        let lead = Span::styled("› ", if focused { model.theme.accent() } else { model.theme.muted() });
        super::lines(frame, row, vec![Line::from(vec![lead, Span::raw(text)])]);
        if focused && model.sheet.is_none() && !matches!(model.filter, super::super::model::Filter::Editing(_)) {
            frame.set_cursor_position(Position { x: row.x + 2 + cells(cursor), y: row.y });
        }
    }
    Body { rows, top, end, kept: (first, last) }
}

fn cells(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

fn sheet(model: &Model, columns: usize, rows: usize, now_ms: u64) -> Sheet {
    let mut sheet = Sheet::new(columns);
    let Some(view) = &model.view else {
        sheet.body.text("reading where the run stands …", model.theme.muted());
        return sheet;
    };
    match &view.screen {
        Screen::Ask(ask) => ask::sheet(&mut sheet, model, ask),
        Screen::Manual(manual) => effect::manual(&mut sheet, model, manual),
        Screen::Gate(gate) => effect::gate(&mut sheet, model, view, gate),
        Screen::Running(running) => running::sheet(&mut sheet, model, running, rows, now_ms),
        Screen::Failed(failed) => end::failed(&mut sheet, model, failed),
        Screen::RollbackGate(rollback) => end::rollback(&mut sheet, model, rollback),
        Screen::Ended(ended) => end::ended(&mut sheet, model, ended),
    }
    while sheet.body.lines.last().is_some_and(|l| l.width() == 0) {
        sheet.body.lines.pop();
    }
    sheet
}

/// `$ command`, wrapped under itself.
fn command(paper: &mut Paper, model: &Model, command: &str) {
    if !command.is_empty() {
        paper.hanging("$ ", model.theme.muted(), command, model.theme.command());
    }
}

/// A list with a mark before each item.
fn list(paper: &mut Paper, mark: &str, mark_style: Style, items: &[String]) {
    let width = paper::width(mark);
    for item in items {
        if width < paper.columns {
            paper.hanging(mark, mark_style, item, Style::new());
        }
    }
}
