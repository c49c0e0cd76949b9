//! The outline: phases with how much of them is done, and steps with where they stand.
//! Never formats a row that cannot be seen: a run may have a thousand steps.
//!
//! ```text
//!  ✓ Assess                 4/4
//!    ✓ Read the app          2s
//!  ▸ Decide                 1/3
//!    ▸ Database  aurora (asked)
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::model::{Model, Pane};
use super::super::paper;
use crate::wizard::view::{PhaseView, Standing, StepView};

/// A row before it is formatted.
enum Row<'a> {
    Phase(&'a PhaseView),
    Step(&'a StepView),
}

/// Columns that the phases need when they stand alone.
pub fn phase_columns(model: &Model) -> u16 {
    let phases = model.view.iter().flat_map(|v| &v.phases);
    // Room for the count at its widest: the divider must not move while the run goes on.
    let widest = phases.map(|p| paper::width(&p.title) + 2 * p.total.to_string().len() + 7).max().unwrap_or(0);
    u16::try_from(widest).unwrap_or(24).clamp(14, 24)
}

pub fn title(model: &Model, phases_only: bool) -> String {
    if phases_only {
        return "Phases".into();
    }
    let all = model.view.as_ref().map_or(0, |v| v.steps.len());
    match model.filter_text() {
        Some(filter) => format!("Outline /{filter} {} of {all}", model.shown_steps().len()),
        None => "Outline".into(),
    }
}

/// Draws the part around the current or selected step; how many rows it had.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, phases_only: bool) -> usize {
    let room = usize::from(area.height);
    let Some(view) = &model.view else { return room };
    let at = model.outline_step();
    let at_phase = at.and_then(|id| view.steps.iter().find(|s| s.id == id)).map(|s| s.phase.as_str());
    let rows = rows(model, &view.phases, at_phase, phases_only, room);
    let focus = rows
        .iter()
        .position(|row| match row {
            Row::Phase(phase) => phases_only && Some(phase.id.as_str()) == at_phase,
            Row::Step(step) => Some(step.id.as_str()) == at,
        })
        .unwrap_or(0);
    let top = focus.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    let columns = usize::from(area.width).saturating_sub(1);
    let focused = model.pane == Pane::Outline;
    let shown = rows
        .iter()
        .enumerate()
        .skip(top)
        .take(room)
        .map(|(i, row)| match row {
            Row::Phase(phase) => phase_line(model, phase, columns),
            Row::Step(step) => {
                let line = step_line(model, step, columns);
                if focused && i == focus { line.style(model.theme.selected()) } else { line }
            }
        })
        .collect();
    super::lines(frame, area, shown);
    room
}

/// All rows where they fit or the outline is being used; else the steps of the phase that the run is in.
fn rows<'a>(model: &'a Model, phases: &'a [PhaseView], at: Option<&str>, phases_only: bool, room: usize) -> Vec<Row<'a>> {
    if phases_only {
        return phases.iter().map(Row::Phase).collect();
    }
    let steps = model.shown_steps();
    let open = model.pane == Pane::Outline || model.filter_text().is_some() || steps.len() + phases.len() <= room;
    let mut by_phase: std::collections::HashMap<&str, Vec<&'a StepView>> = std::collections::HashMap::new();
    for step in steps {
        by_phase.entry(step.phase.as_str()).or_default().push(step);
    }
    let filtered = model.filter_text().is_some();
    let mut rows = Vec::new();
    for phase in phases {
        let own = by_phase.remove(phase.id.as_str()).unwrap_or_default();
        if filtered && own.is_empty() {
            continue;
        }
        rows.push(Row::Phase(phase));
        if open || Some(phase.id.as_str()) == at {
            rows.extend(own.into_iter().map(Row::Step));
        }
    }
    rows
}

fn count(phase: &PhaseView) -> String {
    if phase.total == 0 { String::new() } else { format!("{}/{}", phase.done, phase.total) }
}

fn phase_line(model: &Model, phase: &PhaseView, columns: usize) -> Line<'static> {
    let (symbol, style) = model.theme.standing(phase.status);
    let left = vec![Span::styled(format!(" {symbol} "), style), Span::styled(phase.title.clone(), model.theme.strong())];
    paper::row(left, Span::styled(count(phase), model.theme.muted()), columns)
}

fn step_line(model: &Model, step: &StepView, columns: usize) -> Line<'static> {
    let (symbol, style) = model.theme.standing(step.standing);
    let ahead = !matches!(step.standing, Standing::Done | Standing::Stale | Standing::Skipped | Standing::Undone);
    let expected = step.at.clone().or_else(|| step.estimate.clone()).filter(|_| ahead);
    let right = step.took.clone().or(expected).unwrap_or_default();
    let right = paper::fit(&right, columns / 3);
    let mut left = vec![Span::styled(format!("   {symbol} "), style), Span::raw(step.title.clone())];
    let room = columns.saturating_sub(5 + paper::width(&step.title) + paper::width(&right) + 1);
    if let Some(note) = step.note.as_ref().filter(|_| room > 8) {
        left.push(Span::styled(format!("  {}", paper::fit(&paper::clean(note).replace('\n', " "), room - 2)), model.theme.muted()));
    }
    paper::row(left, Span::styled(right, model.theme.muted()), columns)
}
