//! The log: what has happened, newest last.
//! Never formats a line that cannot be seen.
//!
//! ```text
//!  14:03:22  Create the network: created subnet-a
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::log_lines::LogLine;
use super::super::model::{Model, Pane};
use super::super::paper;

pub fn title(model: &Model) -> String {
    let filter = model.filter_text().map(|f| format!(" /{f} {} lines", model.log.len())).unwrap_or_default();
    let back = if model.log_back > 0 { format!(" ↓ {} newer", model.log_back) } else { String::new() };
    format!("Log{filter}{back}")
}

/// Draws the end of the log, or what was scrolled to; how many rows it had.
/// With the focus on it long lines are wrapped; without, they are cut.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model) -> usize {
    let room = usize::from(area.height);
    let columns = usize::from(area.width).saturating_sub(1);
    let last = model.log.len().saturating_sub(model.log_back);
    let mut upwards: Vec<Line<'static>> = Vec::with_capacity(room + 4);
    let mut first = last;
    while upwards.len() < room && first > 0 {
        first -= 1;
        if let Some(line) = model.log.get(first) {
            upwards.extend(format(model, line, columns).into_iter().rev());
        }
    }
    upwards.truncate(room);
    upwards.reverse();
    let mut shown = upwards;
    for next in last..model.log.len() {
        if shown.len() >= room {
            break;
        }
        if let Some(line) = model.log.get(next) {
            shown.extend(format(model, line, columns));
        }
    }
    super::lines(frame, area, shown);
    room
}

fn format(model: &Model, line: &LogLine, columns: usize) -> Vec<Line<'static>> {
    let time = Span::styled(format!(" {}  ", line.time), model.theme.muted());
    if model.pane != Pane::Log {
        return vec![paper::row(vec![time, Span::raw(line.text.clone())], Span::raw(""), columns)];
    }
    let mut paper = paper::Paper::new(columns);
    paper.hanging(&time.content, time.style, &line.text, ratatui::style::Style::new());
    paper.lines
}
