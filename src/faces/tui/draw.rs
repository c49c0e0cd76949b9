//! One frame: where each region goes, and one small function per region that fills it.
//! Pure over the model: it sends nothing, decides nothing, and formats only what can be seen.
//!
//! ```text
//! ┌ head ────────────────────────────────┐   1 or 2 lines: mode, app, run · cost; account, what is simulated
//! ├ Outline ─────┬ Step ─────────────────┤   rules with titles; the focused one has a ▸
//! │ phases and   │ the step              │   under 100 columns: phases only; with the focus on it,
//! │ steps        │ pinned foot: input    │   the outline takes the whole width
//! ├ Log ─────────┴───────────────────────┤
//! │ time  line                           │   grows while it has the focus
//! └ keys, a message, or the filter ──────┘
//! ```

mod bar;
mod head;
mod help;
mod log;
mod outline;
mod overlay;
mod step;
mod timeline;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::model::{Measured, Model, Pane, Sheet};
use super::paper;

/// The smallest terminal that can be worked in: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 16);
/// From here on the outline shows steps beside the step on show.
const WIDE: u16 = 100;

/// Where each region goes.
struct Regions {
    head: Rect,
    top_rule: Rect,
    /// `None` while the outline has the whole body.
    step: Option<Rect>,
    outline: Rect,
    /// The outline shows phases only.
    phases_only: bool,
    log_rule: Rect,
    log: Rect,
    bar: Rect,
}

/// Draws the whole screen; `now_ms` since the face began.
pub fn draw(frame: &mut Frame<'_>, model: &Model, now_ms: u64) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(frame, area);
    }
    let regions = regions(area, model, now_ms);
    let mut measured = Measured::default();
    head::draw(frame, regions.head, model);
    let outline_rows = outline::draw(frame, regions.outline, model, regions.phases_only);
    measured.outline_rows = outline_rows;
    let mut hidden = (0, 0);
    if let Some(area) = regions.step {
        let body = step::draw(frame, area, model, now_ms);
        measured.step_rows = body.rows;
        measured.step_top = body.top;
        measured.step_end = body.end;
        measured.kept = body.kept;
        hidden = (body.top, body.end - body.top);
    }
    rules(frame, &regions, model, hidden);
    measured.log_rows = log::draw(frame, regions.log, model);
    bar::draw(frame, regions.bar, model, now_ms);
    if let Some((sheet, top)) = model.sheet {
        measured.sheet_end = match sheet {
            Sheet::Help => help::draw(frame, area, model, top),
            Sheet::Timeline => timeline::draw(frame, area, model, top, now_ms),
        };
    }
    model.measured.set(measured);
}

fn regions(area: Rect, model: &Model, now_ms: u64) -> Regions {
    let row = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width: area.width, height };
    let head = head::height(model, area.width);
    let bar = bar::height(model, area.width, now_ms);
    let inner = area.height - head - bar - 2;
    let log = if model.pane == Pane::Log { inner / 2 } else { (area.height / 6).clamp(2, 9) }.min(inner / 2);
    let body = inner - log;
    let wide = area.width >= WIDE;
    let body_area = row(head + 1, body);
    let (outline, step, phases_only) = if wide {
        let columns = (area.width * 3 / 10).clamp(32, 52);
        (Rect { width: columns, ..body_area }, true, false)
    } else if model.pane == Pane::Outline {
        (body_area, false, false)
    } else {
        (Rect { width: outline::phase_columns(model), ..body_area }, true, true)
    };
    let step = step.then(|| Rect { x: outline.right() + 1, width: area.width - outline.width - 1, ..body_area });
    Regions {
        head: row(0, head),
        top_rule: row(head, 1),
        step,
        outline,
        phases_only,
        log_rule: row(head + 1 + body, 1),
        log: row(head + 2 + body, log),
        bar: row(area.height - bar, bar),
    }
}

/// The lines between regions, with titles and with what is scrolled out of sight.
fn rules(frame: &mut Frame<'_>, regions: &Regions, model: &Model, (above, below): (usize, usize)) {
    let theme = model.theme;
    let columns = usize::from(regions.top_rule.width);
    let title = |pane: Pane, text: String| {
        if model.pane == pane {
            Span::styled(format!(" ▸ {text} "), theme.accent())
        } else {
            Span::styled(format!(" {text} "), theme.muted())
        }
    };
    let outline_title = title(Pane::Outline, outline::title(model, regions.phases_only));
    let more = |text: String| if text.is_empty() { Span::raw("") } else { Span::styled(format!(" {text} "), theme.muted()) };
    let above = more(if above > 0 { format!("↑ {above} more") } else { String::new() });
    let below = more(if below > 0 { format!("↓ {below} more, PgDn") } else { String::new() });
    let log_title = title(Pane::Log, log::title(model));
    match regions.step {
        Some(step) => {
            let left = usize::from(regions.outline.width);
            let right = columns - left - 1;
            let mut top = rule(outline_title, Span::raw(""), left, theme.muted());
            top.push(Span::styled("┬", theme.muted()));
            top.extend(rule(title(Pane::Step, step::title(model)), above, right, theme.muted()));
            frame.render_widget(Line::from(top), regions.top_rule);
            let mut bottom = rule(log_title, Span::raw(""), left, theme.muted());
            bottom.push(Span::styled("┴", theme.muted()));
            bottom.extend(rule(Span::raw(""), below, right, theme.muted()));
            frame.render_widget(Line::from(bottom), regions.log_rule);
            let divider: Vec<Line<'_>> = (0..step.height).map(|_| Line::styled("│", theme.muted())).collect();
            frame.render_widget(Paragraph::new(divider), Rect { x: regions.outline.right(), width: 1, ..step });
        }
        None => {
            frame.render_widget(Line::from(rule(outline_title, Span::raw(""), columns, theme.muted())), regions.top_rule);
            frame.render_widget(Line::from(rule(log_title, Span::raw(""), columns, theme.muted())), regions.log_rule);
        }
    }
}

/// `─ title ─────── right ─` in exactly `columns`.
fn rule(title: Span<'static>, right: Span<'static>, columns: usize, style: ratatui::style::Style) -> Vec<Span<'static>> {
    let title = Span::styled(paper::fit(&title.content, columns.saturating_sub(2)), title.style);
    let right = if title.width() + right.width() + 4 > columns { Span::raw("") } else { right };
    let end = if right.width() > 0 { 1 } else { 0 };
    let fill = columns.saturating_sub(1 + title.width() + right.width() + end);
    vec![Span::styled("─", style), title, Span::styled("─".repeat(fill), style), right, Span::styled("─".repeat(end), style)]
}

/// The lines in the area, no more than it has.
fn lines(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>) {
    for (line, y) in lines.into_iter().zip(area.top()..area.bottom()) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!("too small: this is {}x{}, needed is {}x{}", area.width, area.height, SMALLEST.0, SMALLEST.1);
    let rows = u16::try_from(paper::wrap(&text, usize::from(area.width)).len()).unwrap_or(1).min(area.height);
    let middle = Rect { y: area.y + (area.height - rows) / 2, height: rows, ..area };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).alignment(Alignment::Center), middle);
}
