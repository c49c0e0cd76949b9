//! A question: options with consequence and cost, or a text field, and where the suggestion comes from.
//! Never shows what a secret holds.
//!
//! ```text
//!  ▸ ● RDS for PostgreSQL  (recommended)          +$36.50/month
//!      one server, the same Postgres …
//!    ○ Aurora DSQL                                          same
//! ```

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::super::model::{Model, Pane};
use super::super::super::paper;
use super::Sheet;
use crate::wizard::view::{AnswerKind, AskView, OptionView};

pub(super) fn sheet(sheet: &mut Sheet, model: &Model, ask: &AskView) {
    let theme = model.theme;
    sheet.head(model, &ask.title, &ask.why);
    // Where every option costs the same, saying so on each line says nothing.
    let costs_matter = ask.options.iter().any(|o| o.cost != ask.options.first().and_then(|first| first.cost.clone()));
    for (i, option) in ask.options.iter().enumerate() {
        sheet.body.blank();
        let first = sheet.body.lines.len();
        let cost = option.cost.clone().filter(|_| costs_matter).unwrap_or_default();
        draw_option(sheet, model, option, cost, i == model.option);
        if i == model.option {
            sheet.keep = Some((first, sheet.body.lines.len()));
        }
    }
    sheet.body.blank();
    if !ask.because.is_empty() {
        sheet.body.hanging("Recommended because: ", theme.muted(), &ask.because, Style::new());
    }
    let recommended = ask.options.iter().find(|o| o.recommended).map(|o| &o.id);
    if let Some(suggested) = ask.suggested.as_ref().filter(|s| ask.reopened || Some(*s) != recommended) {
        let label = ask.options.iter().find(|o| o.id == *suggested).map_or(suggested, |o| &o.label);
        let source = ask.source.as_ref().map(|s| format!(" ({s})")).unwrap_or_default();
        let (lead, esc) = if ask.reopened { ("Answered: ", "; Esc leaves it so") } else { ("Suggested: ", "") };
        sheet.body.hanging(lead, theme.muted(), &format!("{label}{source}{esc}"), Style::new());
    }
    if !ask.stales.is_empty() {
        let what = format!("changing this answer makes stale: {}", ask.stales.join(", "));
        sheet.body.hanging("↻ ", theme.warning(), &what, theme.warning());
    }
    for words in &ask.against {
        sheet.body.hanging("! ", theme.warning(), words, theme.warning());
    }
    sheet.refused(model, ask.error.as_ref());
    match ask.kind {
        AnswerKind::Choice => {}
        AnswerKind::Text => field(sheet, model, "Your answer; Enter goes on", false),
        AnswerKind::Number => field(sheet, model, "A number; Enter goes on", false),
        AnswerKind::Secret => field(sheet, model, "Kept in memory only, never written down; Enter goes on", true),
    }
}

fn field(sheet: &mut Sheet, model: &Model, label: &str, dots: bool) {
    sheet.foot.text(label, model.theme.muted());
    sheet.field = Some(dots);
}

fn draw_option(sheet: &mut Sheet, model: &Model, option: &OptionView, cost: String, selected: bool) {
    let theme = model.theme;
    let focused = selected && model.pane == Pane::Step;
    let (mark, style) = match (selected, focused) {
        (true, true) => ("▸ ● ", theme.accent()),
        (true, false) => ("  ● ", theme.strong()),
        (false, _) => ("  ○ ", Style::new()),
    };
    let mut left = vec![Span::styled(mark, style), Span::styled(option.label.clone(), style)];
    if option.recommended {
        left.push(Span::styled("  (recommended)", theme.good()));
    }
    // The label is never cut for the sake of the price: that takes a line of its own where both do not fit.
    let together = left.iter().map(Span::width).sum::<usize>() + paper::width(&cost) + 2 <= sheet.body.columns;
    if together {
        sheet.body.row(left, Span::styled(cost, theme.strong()));
    } else {
        sheet.body.row(left, Span::raw(""));
        sheet.body.hanging("    ", Style::new(), &cost, theme.strong());
    }
    sheet.body.hanging("    ", Style::new(), &option.consequence, if selected { Style::new() } else { theme.muted() });
    for words in &option.against {
        sheet.body.hanging("    ! ", theme.warning(), words, if selected { theme.warning() } else { theme.muted() });
    }
}
