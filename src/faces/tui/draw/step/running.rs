//! A step at work: how long, how far, how long still, and its own latest log lines.
//! Never guesses: no bar without a total, no time left without a measured speed.
//!
//! ```text
//!  ● running  1m02s  rehearsed: 2m10s
//!  ████████████░░░░░░░░  60 %  1,200 of 2,000 rows  about 40s left
//!  public.orders, chunk 3 of 8
//! ```

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::super::model::Model;
use super::super::super::paper;
use super::{Sheet, command};
use crate::progress::{Progress, Unit};
use crate::text;
use crate::wizard::view::RunningView;

/// Log lines of the step that are always tried for.
const LIVE: usize = 3;

pub(super) fn sheet(sheet: &mut Sheet, model: &Model, running: &RunningView, rows: usize, now_ms: u64) {
    let theme = model.theme;
    sheet.head(model, &running.title, &running.why);
    sheet.body.blank();
    sheet.body.text(&running.describe, Style::new());
    command(&mut sheet.body, model, &running.command);
    sheet.body.blank();
    let first = sheet.body.lines.len();
    let elapsed_ms = running.elapsed_ms + now_ms.saturating_sub(model.view_ms);
    let doing = if running.undoing { "undoing" } else { "running" };
    let attempt = if running.attempt > 1 { format!("  attempt {}", running.attempt) } else { String::new() };
    let estimate = running.estimate.as_ref().map(|e| format!("  {e}")).unwrap_or_default();
    let words = vec![
        Span::styled(format!("● {doing}  "), theme.accent()),
        Span::styled(clock(elapsed_ms / 1000), theme.strong()),
        Span::styled(format!("{estimate}{attempt}"), theme.muted()),
    ];
    sheet.body.row(words, Span::raw(""));
    if let Some(tracked) = model.tracked.as_ref().filter(|t| t.step == running.step) {
        progress(sheet, model, &tracked.progress, tracked.remaining_s(now_ms));
    }
    if running.stopping {
        sheet.foot.hanging("! ", theme.warning(), "stopping after this step; start again to go on", theme.warning());
    }
    sheet.keep = Some((first, sheet.body.lines.len()));
    let room = rows.saturating_sub(sheet.body.lines.len() + sheet.foot.lines.len() + 2).max(LIVE);
    let live = model.log.of_step(&running.step, room);
    if !live.is_empty() {
        sheet.body.blank();
    }
    for line in live {
        sheet.body.row(vec![Span::styled(format!("{}  ", line.time), theme.muted()), Span::raw(line.text.clone())], Span::raw(""));
    }
}

fn progress(sheet: &mut Sheet, model: &Model, progress: &Progress, remaining_s: Option<u64>) {
    let theme = model.theme;
    let left = remaining_s.map(|s| format!("  about {} left", clock(s))).unwrap_or_default();
    match progress.total.filter(|&total| total > 0) {
        Some(total) => {
            let done = progress.done.min(total);
            let percent = u64::try_from(u128::from(done) * 100 / u128::from(total)).unwrap_or(100);
            let words = format!("  {percent:>3} %  {} of {}{left}", figure(done, progress.unit), counted(total, progress.unit));
            let cells = sheet.body.columns.saturating_sub(paper::width(&words)).clamp(8, 40);
            let full = usize::try_from(u128::from(done) * cells as u128 / u128::from(total)).unwrap_or(cells).min(cells);
            let bar = vec![
                Span::styled("█".repeat(full), theme.accent()),
                Span::styled("░".repeat(cells - full), theme.muted()),
                Span::raw(words),
            ];
            sheet.body.row(bar, Span::raw(""));
        }
        None => sheet.body.text(&format!("{} so far", counted(progress.done, progress.unit)), Style::new()),
    }
    sheet.body.text(&progress.message, theme.muted());
}

/// Whole seconds below a minute: a running clock needs no tenths.
fn clock(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { text::duration(Duration::from_secs(seconds)) }
}

fn figure(n: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => text::bytes(n),
        Unit::Seconds => clock(n),
        Unit::Rows | Unit::Tables | Unit::Statements | Unit::Resources | Unit::Files | Unit::Steps => text::count(n),
    }
}

fn counted(n: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes | Unit::Seconds => figure(n, unit),
        Unit::Rows => text::plural(n, "row"),
        Unit::Tables => text::plural(n, "table"),
        Unit::Statements => text::plural(n, "statement"),
        Unit::Resources => text::plural(n, "resource"),
        Unit::Files => text::plural(n, "file"),
        Unit::Steps => text::plural(n, "step"),
    }
}
