//! The head: what may be touched, which app and run, where, and what it costs.
//! Never leaves out the mode or the simulation: those come first, and the others give way.
//!
//! ```text
//!  SANDBOX  shop · run 7f3a       123456789012 us-east-1 · $71.20 a month + usage
//!  ! sandbox: target Postgres disposable, AWS simulated
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::model::Model;
use super::super::paper;
use crate::wizard::view::View;

/// One line where all fits, else two.
pub fn height(model: &Model, columns: u16) -> u16 {
    let Some(view) = &model.view else { return 1 };
    let one_line = [left(view), right(view, true)].iter().map(|t| paper::width(t)).sum::<usize>() + 14 <= usize::from(columns);
    if one_line && view.run.simulated.is_none() { 1 } else { 2 }
}

fn left(view: &View) -> String {
    if view.run.app.is_empty() { format!("run {}", view.run.id) } else { format!("{} · run {}", view.run.app, view.run.id) }
}

fn right(view: &View, account: bool) -> String {
    let account = view.run.account.clone().filter(|_| account);
    [account, view.cost.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let theme = model.theme;
    let columns = usize::from(area.width).saturating_sub(1);
    let Some(view) = &model.view else {
        super::lines(frame, area, vec![paper::row(vec![Span::styled(" migrate-wizard", theme.strong())], Span::raw(""), columns)]);
        return;
    };
    let (mode, mode_style) = theme.mode(&view.run);
    let all_on_one = paper::width(&left(view)) + paper::width(&right(view, true)) + 14 <= usize::from(area.width);
    let first = paper::row(
        vec![Span::raw(" "), Span::styled(mode, mode_style), Span::raw("  "), Span::styled(left(view), theme.strong())],
        Span::raw(right(view, all_on_one)),
        columns,
    );
    let simulated = view.run.simulated.clone().map(|s| format!("! {s}")).unwrap_or_default();
    let account = view.run.account.clone().filter(|_| !all_on_one).unwrap_or_default();
    let second = paper::row(
        vec![Span::raw(" "), Span::styled(simulated, theme.warning())],
        Span::styled(paper::fit(&account, columns / 2), theme.muted()),
        columns,
    );
    super::lines(frame, area, vec![first, second]);
}
