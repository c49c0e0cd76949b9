//! A sheet over the screen, with a title, that scrolls and that Esc closes.
//! Never knows what is written on it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear};

use super::super::model::Model;
use super::super::paper::Paper;

fn width(area: Rect) -> u16 {
    area.width.saturating_sub(4).min(96)
}

/// Columns that its text has.
pub fn columns(area: Rect) -> usize {
    usize::from(width(area)).saturating_sub(4)
}

/// Draws it from line `top`; how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, title: &str, paper: Paper, top: usize) -> usize {
    let (width, lines) = (width(area), paper.lines);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let frame_area = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let end = lines.len().saturating_sub(usize::from(height.saturating_sub(2)));
    let top = top.min(end);
    let more = if top < end { format!(" ↓ {} more ", end - top) } else { String::new() };
    frame.render_widget(Clear, frame_area);
    let block = Block::bordered()
        .title(Span::styled(format!(" ▸ {title} "), model.theme.accent()))
        .title_bottom(Span::styled(format!(" Esc closes {more}"), model.theme.muted()));
    let inner = block.inner(frame_area);
    frame.render_widget(block, frame_area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    super::lines(frame, inner, lines.into_iter().skip(top).collect());
    end
}
