//! The bar: the keys that do something now, or why one does not, or the filter being typed.
//! Never knows a key of its own: all come from the key table.
//!
//! ```text
//!  Enter go on  Tab pane  c change  b roll back  / filter  ? help  q quit
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::model::{Filter, Model};
use super::super::paper;
use crate::wizard::keys::{self, Action, BINDINGS, Binding, Key};

/// While letters are text.
const TYPING: &str = "typing; Tab, then ? for help";

/// A message takes the lines it needs, at most three.
pub fn height(model: &Model, columns: u16, now_ms: u64) -> u16 {
    let Some(text) = model.message(now_ms).filter(|_| !matches!(model.filter, Filter::Editing(_))) else { return 1 };
    u16::try_from(message_lines(text, usize::from(columns)).len()).unwrap_or(1).clamp(1, 3)
}

fn message_lines(text: &str, columns: usize) -> Vec<String> {
    paper::wrap(text, columns.saturating_sub(4))
}

pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, now_ms: u64) {
    let theme = model.theme;
    let columns = usize::from(area.width);
    if let Filter::Editing(input) = &model.filter {
        let hint = "Enter keeps, Esc clears ";
        let room = columns.saturating_sub(hint.len() + 12);
        let (text, cursor) = input.shown(room, false);
        let line =
            paper::row(vec![Span::styled(" filter / ", theme.accent()), Span::raw(text)], Span::styled(hint, theme.muted()), columns);
        super::lines(frame, area, vec![line]);
        frame.set_cursor_position(Position { x: area.x + 10 + u16::try_from(cursor).unwrap_or(0), y: area.y });
        return;
    }
    if let Some(text) = model.message(now_ms) {
        let mut paper = paper::Paper::new(columns.saturating_sub(1));
        paper.hanging(" ! ", theme.warning(), text, theme.warning());
        return super::lines(frame, area, paper.lines);
    }
    if model.waiting(now_ms) {
        let line = Line::from(vec![Span::styled(" ● ", theme.accent()), Span::raw("finding out what comes next …")]);
        return super::lines(frame, area, vec![line]);
    }
    super::lines(frame, area, vec![keys_line(model, columns.saturating_sub(1))]);
}

/// Help and quit always; the others while there is room, in the order of the table: first what this screen alone has.
fn keys_line(model: &Model, columns: usize) -> Line<'static> {
    let own = |b: &&Binding| matches!(b.action, Action::Go | Action::Weight | Action::Code | Action::Option);
    let mut usable: Vec<&Binding> = BINDINGS
        .iter()
        .filter(|b| b.in_bar)
        .filter(|b| model.view.as_ref().is_none_or(|view| keys::enabled(b.action, view).is_ok()))
        .filter(|b| !model.typing() || !matches!(b.key, Key::Char(_)))
        .collect();
    usable.sort_by_key(|b| !own(b));
    let word = |b: &Binding| model.view.as_ref().map_or(b.text, |view| keys::word(b, view));
    let words: usize = usable.iter().map(|b| paper::width(&b.key.label()) + paper::width(word(b)) + 1).sum();
    let gap = if words + 3 * usable.len() < columns { 3 } else { 2 };
    let wide = |b: &Binding| paper::width(&b.key.label()) + paper::width(word(b)) + 1 + gap;
    let always = |b: &Binding| matches!(b.action, Action::Help | Action::Quit);
    let mut room = (columns + gap - 1).saturating_sub(usable.iter().filter(|b| always(b)).map(|b| wide(b)).sum());
    let mut spans = vec![Span::raw(" ")];
    for binding in usable {
        if !always(binding) {
            if wide(binding) > room {
                continue;
            }
            room -= wide(binding);
        }
        spans.push(Span::styled(binding.key.label(), model.theme.accent()));
        spans.push(Span::raw(format!(" {}{}", word(binding), " ".repeat(gap))));
    }
    let words = spans.pop().map(|s| Span::raw(s.content.trim_end().to_owned()));
    spans.extend(words);
    let used: usize = spans.iter().map(Span::width).sum();
    let hint = if model.typing() && used + TYPING.len() < columns { TYPING } else { "" };
    paper::row(spans, Span::styled(hint, model.theme.muted()), columns)
}
