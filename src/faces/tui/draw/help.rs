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
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear};

use super::super::model::Model;
use super::super::paper::{self, Paper};
use super::super::theme;
use crate::wizard::keys::{self, Action, BINDINGS};
use crate::wizard::view::Standing;

const KEYS: usize = 9;
const TEXT: usize = 12;

/// Draws the overlay from line `top`; how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, top: usize) -> usize {
    let width = area.width.saturating_sub(4).min(96);
    let lines = content(model, usize::from(width).saturating_sub(4)).lines;
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let frame_area = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let end = lines.len().saturating_sub(usize::from(height.saturating_sub(2)));
    let top = top.min(end);
    let more = if top < end { format!(" ↓ {} more ", end - top) } else { String::new() };
    frame.render_widget(Clear, frame_area);
    let block = Block::bordered()
        .title(Span::styled(" ▸ Help ", model.theme.accent()))
        .title_bottom(Span::styled(format!(" Esc closes {more}"), model.theme.muted()));
    let inner = block.inner(frame_area);
    frame.render_widget(block, frame_area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    super::lines(frame, inner, lines.into_iter().skip(top).collect());
    end
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
