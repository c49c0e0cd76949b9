//! A step at work: how long, how far, how long still, and its own latest log lines.
//! Never guesses: no bar without a total, no time left without a measured speed.
//!
//! ```text
//!  ● running  1m02s  rehearsed: 2m10s
//!  ████████████░░░░░░░░  60 %  1,200 of 2,000 rows  about 40s left
//!  public.orders, chunk 3 of 8
//! ```
//!
//! With figures and parts:
//!
//! ```text
//!  ● running  1m02s  rehearsed: 2m10s
//!  ████████░░░░░░░░░░░░  21 %  about 46s left
//!  412.0 MiB of 1.9 GiB  34.1 MiB/s  rows 1,204,113  retries 3
//!  copying
//!
//!  public.events  ██████░░░░  60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8
//!  and 17 more
//! ```
//!
//! What is watched is drawn over time:
//!
//! ```text
//!  ▁▁▁▁▄█  12 %, at most 5 %  error rate (from outside)
//! ```

mod parts;

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::super::model::Model;
use super::super::super::paper;
use super::{Sheet, command};
use crate::faces::how_far::{self, clock};
use crate::progress::Progress;
use crate::wizard::view::RunningView;

/// Log lines of the step that are always tried for.
const LIVE: usize = 3;
/// Under so many rows the parts alone tell what is being done.
const ROOMY: usize = 12;
/// Lines of parts that are always tried for: what the step is about then scrolls away.
const PARTS: usize = 6;

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
    let tracked = model.tracked.as_ref().filter(|t| t.step == running.step);
    if let Some(tracked) = tracked {
        progress(sheet, model, &tracked.progress, tracked.remaining_s(now_ms));
        if tracked.progress.parts.is_empty() || rows >= ROOMY {
            sheet.body.text(&tracked.progress.message, theme.muted());
        }
    }
    if let Some(tracked) = tracked {
        let cells = (sheet.body.columns / 4).clamp(4, 40);
        for words in how_far::graphs(&tracked.progress, cells) {
            let style = if words.warns { theme.warning() } else { Style::new() };
            let text = paper::fit(&paper::clean(&words.text).replace('\n', " "), sheet.body.columns);
            sheet.body.row(vec![Span::styled(text, style)], Span::raw(""));
        }
    }
    if running.stopping {
        sheet.foot.hanging("! ", theme.warning(), "stopping after this step; start again to go on", theme.warning());
    }
    let foot = sheet.foot.lines.len() + usize::from(!sheet.foot.lines.is_empty());
    let parts = tracked.map(|t| &t.progress).filter(|p| !p.parts.is_empty());
    if let Some(progress) = parts {
        sheet.body.blank();
        let free = rows.saturating_sub(foot + sheet.body.lines.len());
        let most = rows.saturating_sub(foot + sheet.body.lines.len() - first);
        parts::table(&mut sheet.body, theme, progress, free.max(most.min(PARTS)));
    }
    sheet.keep = Some((first, sheet.body.lines.len()));
    // Parts tell more than the log does, and that has its own region.
    let tried = if parts.is_some() { 0 } else { LIVE };
    let room = rows.saturating_sub(sheet.body.lines.len() + sheet.foot.lines.len() + 2).max(tried);
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
    let left = remaining_s.map(|s| format!("  about {} left", how_far::roughly(s))).unwrap_or_default();
    let figures = how_far::figures(progress);
    let counted = |words: String| if figures.is_empty() { format!("  {words}") } else { String::new() };
    match progress.total.filter(|&total| total > 0) {
        Some(total) => {
            let done = progress.done.min(total);
            let percent = how_far::percent(done, Some(total)).unwrap_or(100);
            let words = format!("  {percent:>3} %{}{left}", counted(how_far::of_total(done, Some(total), progress.unit)));
            let cells = sheet.body.columns.saturating_sub(paper::width(&words)).clamp(8, 40);
            let full = how_far::full(done, total, cells);
            let bar = vec![
                Span::styled("█".repeat(full), theme.accent()),
                Span::styled("░".repeat(cells - full), theme.muted()),
                Span::raw(words),
            ];
            sheet.body.row(bar, Span::raw(""));
        }
        None => {
            let words = counted(format!("{} so far", how_far::counted(progress.done, progress.unit)));
            sheet.body.text(format!("{words}{left}").trim_start(), Style::new());
        }
    }
    let style = |warns| if warns { theme.warning() } else { Style::new() };
    sheet.body.side_by_side(figures.into_iter().map(|words| Span::styled(words.text, style(words.warns))));
}
