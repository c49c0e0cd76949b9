//! A change looked at closely: choices, objects with their findings, and the selected object on both sides.
//! Only the selected line is open, so that a thousand tables cost no more than one.
//!
//! ```text
//!  Choices
//!    What holds the values of an enum?            a CHECK on each column
//!
//!  3 to decide, 12 changes                          s: without good to know
//!  ▸ public.orders                                 1 to decide, 2 changes
//!      ! DSQL-VECTOR public.orders.e: vector(3) becomes text
//!      CREATE TABLE public.orders (    │ CREATE TABLE public.orders (
//!    public.users                                                1 change
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::super::model::{Model, Pane};
use super::super::super::paper::{self, width};
use super::super::super::review::{Row, rows};
use super::Sheet;
use crate::wizard::review::{Choice, Object, Review, Weight, counts};

/// Each side of a definition needs this many columns, or they stand below each other.
const SIDE: usize = 34;

pub(super) fn draw(sheet: &mut Sheet, model: &Model, review: &Review) {
    let theme = model.theme;
    let shown = rows(model, review);
    let selected = model.option.min(shown.len().saturating_sub(1));
    sheet.body.blank();
    if !review.choices.is_empty() {
        sheet.body.text("Choices", theme.strong());
    }
    let mut headed = false;
    for (at, row) in shown.iter().enumerate() {
        if matches!(row, Row::Object(_)) && !headed {
            headed = true;
            head(sheet, model, review);
        }
        let first = sheet.body.lines.len();
        match row {
            Row::Choice(choice) => draw_choice(sheet, model, choice, at == selected),
            Row::Object(object) => draw_object(sheet, model, object, at == selected),
        }
        if at == selected {
            sheet.keep = Some((first, sheet.body.lines.len()));
        }
    }
    if !headed {
        head(sheet, model, review);
        sheet.body.text("  none of these; s and / show others", theme.muted());
    }
}

/// How much there is, and what is on show.
fn head(sheet: &mut Sheet, model: &Model, review: &Review) {
    sheet.body.blank();
    let all = counts(review.objects.iter().flat_map(|object| &object.findings));
    let told = if all.is_empty() { "nothing changes".to_owned() } else { all };
    let right = match model.least {
        Weight::Info => "",
        Weight::Changes => "without good to know",
        Weight::Blocks => "only to decide",
    };
    sheet.body.row(vec![Span::styled(told, model.theme.strong())], Span::styled(right, model.theme.muted()));
}

fn lead(model: &Model, selected: bool) -> Span<'static> {
    match (selected, selected && model.pane == Pane::Step) {
        (true, true) => Span::styled("▸ ", model.theme.accent()),
        (true, false) => Span::styled("▸ ", model.theme.strong()),
        (false, _) => Span::raw("  "),
    }
}

fn draw_choice(sheet: &mut Sheet, model: &Model, choice: &Choice, selected: bool) {
    let theme = model.theme;
    let chosen = choice.options.iter().find(|option| option.value == choice.chosen);
    let label = chosen.map_or(choice.chosen.as_str(), |option| option.label.as_str());
    let style = if selected { theme.accent() } else { Style::new() };
    let question = Span::styled(choice.question.clone(), style);
    if !selected {
        sheet.body.row(vec![lead(model, false), question], Span::styled(choice.chosen.clone(), theme.strong()));
        return;
    }
    sheet.body.row(vec![lead(model, true), question], Span::raw(""));
    for option in &choice.options {
        let mark = if option.value == choice.chosen { "● " } else { "○ " };
        let recommended = if option.recommended { " (recommended)" } else { "" };
        sheet.body.hanging(&format!("    {mark}"), style, &format!("{}{recommended}", option.label), Style::new());
        sheet.body.hanging("      ", Style::new(), &option.effect, theme.muted());
    }
    let about = match choice.objects.as_slice() {
        [one] => format!("about {one}"),
        many => format!("about {} and {} more", many.first().map_or("", String::as_str), many.len().saturating_sub(1)),
    };
    let how =
        if choice.asked { format!("o chooses the next option; now: {label}") } else { format!("chosen by --choose {}=…", choice.id) };
    sheet.body.hanging("    ", Style::new(), &format!("{about}; {how}"), theme.muted());
}

fn draw_object(sheet: &mut Sheet, model: &Model, object: &Object, selected: bool) {
    let theme = model.theme;
    let name = if object.name.is_empty() { "everything else" } else { &object.name };
    let style = match object.weight() {
        Some(Weight::Blocks) => theme.bad(),
        Some(Weight::Changes | Weight::Info) | None => Style::new(),
    };
    let right = Span::styled(counts(&object.findings), if selected { theme.strong() } else { theme.muted() });
    sheet.body.row(vec![lead(model, selected), Span::styled(name.to_owned(), style)], right);
    if !selected {
        return;
    }
    for found in object.findings.iter().filter(|found| found.weight <= model.least) {
        let (mark, style) = match found.weight {
            Weight::Blocks => ("    ! ", theme.bad()),
            Weight::Changes => ("    ~ ", theme.warning()),
            Weight::Info => ("    · ", theme.muted()),
        };
        sheet.body.hanging(mark, style, &format!("{} {}", found.id, found.what), Style::new());
        for line in &found.measured {
            sheet.body.hanging("      ", Style::new(), line, theme.accent());
        }
        if !found.then.is_empty() {
            sheet.body.hanging("      ", Style::new(), &found.then, theme.muted());
        }
    }
    sides(sheet, model, object);
}

/// The definition before and after: beside each other where there is room.
fn sides(sheet: &mut Sheet, model: &Model, object: &Object) {
    if object.before.is_empty() && object.after.is_empty() {
        return;
    }
    let theme = model.theme;
    let room = sheet.body.columns.saturating_sub(4 + 3) / 2;
    if room < SIDE {
        for (title, text) in [("before", &object.before), ("after", &object.after)] {
            sheet.body.hanging("    ", Style::new(), title, theme.strong());
            let text = if text.is_empty() { "nothing" } else { text };
            sheet.body.hanging("    ", Style::new(), text, theme.command());
        }
        return;
    }
    let side = |text: &str| if text.is_empty() { vec!["nothing".to_owned()] } else { paper::wrap(text, room) };
    let (left, right) = (side(&object.before), side(&object.after));
    let mut put = |a: &str, b: &str, style: Style| {
        let gap = " ".repeat(room.saturating_sub(width(a)));
        sheet.body.lines.push(Line::from(vec![
            Span::raw("    "),
            Span::styled(a.to_owned(), style),
            Span::raw(gap),
            Span::styled(" │ ", theme.muted()),
            Span::styled(b.to_owned(), style),
        ]));
    };
    put("before", "after", theme.strong());
    for at in 0..left.len().max(right.len()) {
        let line = |side: &[String]| side.get(at).cloned().unwrap_or_default();
        put(&line(&left), &line(&right), theme.command());
    }
}
