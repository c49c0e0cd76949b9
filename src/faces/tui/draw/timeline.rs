//! The timeline: the runbook over the screen, planned against actual, and the clock of the freeze.
//! Never reckons a plan: the lines come as they are, only the time that passes is added.
//!
//! ```text
//! ┌ Timeline ──────────────────────────────────────────┐
//! │ writes stopped for 1m12s                            │
//! │ ✓ T       Freeze the source    22:00:02  +2s   0.3s │
//! │ ▸ T+1m    Copy what changed              about 2m   │
//! └─────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::super::model::Model;
use super::super::paper::{self, Paper};
use crate::text;
use crate::wizard::view::TimelineView;

/// Draws the overlay from line `top`; how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, top: usize, now_ms: u64) -> usize {
    let Some(timeline) = model.view.as_ref().and_then(|view| view.timeline.as_ref()) else { return 0 };
    let width = super::overlay::columns(area);
    let paper = content(model, timeline, width, now_ms.saturating_sub(model.view_ms));
    super::overlay::draw(frame, area, model, "Timeline", paper, top)
}

fn content(model: &Model, timeline: &TimelineView, columns: usize, since_ms: u64) -> Paper {
    let theme = model.theme;
    let mut sheet = Paper::new(columns);
    let clock = |ms: u64| text::duration(std::time::Duration::from_secs(ms / 1000));
    match (timeline.frozen_ms, timeline.stopped) {
        (Some(ms), true) => sheet.text(&format!("writes stopped for {}", clock(ms + since_ms)), theme.warning()),
        (Some(ms), false) => sheet.text(&format!("writes were stopped for {}; the source stays frozen", clock(ms)), Style::new()),
        (None, _) => sheet.text("writes are not stopped", theme.muted()),
    }
    if let Some(next) = &timeline.next {
        sheet.text(&format!("next: {next}"), Style::new());
    }
    let back = timeline.no_return.as_ref().map_or_else(|| "until it is closed by hand".to_owned(), |step| format!("until: {step}"));
    sheet.text(&format!("the way back is open {back}"), Style::new());
    sheet.blank();
    for line in &timeline.lines {
        let (symbol, style) = theme.standing(line.standing);
        let right = match (&line.ended, &line.apart) {
            (Some(hour), apart) => {
                let parts = [Some(hour.clone()), apart.clone(), line.took.clone()];
                parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
            }
            (None, _) => line.estimate.clone().unwrap_or_default(),
        };
        let right = paper::fit(&right, columns / 2);
        let room = columns.saturating_sub(paper::width(&right) + 11);
        let left = vec![Span::styled(format!("{symbol} "), style), Span::raw(format!("{:<7} {}", line.at, paper::fit(&line.title, room)))];
        sheet.lines.push(paper::row(left, Span::styled(right, theme.muted()), columns));
    }
    sheet
}
