//! A change looked at closely: choices, objects with their findings, and the selected object on both sides.
//! Only the selected line is open, so that a thousand tables cost no more than one.
//!
//! ```text
//!  Choices
//!    What holds the values of an enum?            a CHECK on each column
//!
//!  What was understood
//!    stack      Node, npm, Express                       package.json
//!                                        (one line while another is selected)
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
use crate::wizard::review::{About, Choice, Found, Object, Review, Weight, in_all, of_object};

/// Each side of a definition needs this many columns, or they stand below each other.
const SIDE: usize = 34;

pub(super) fn draw(sheet: &mut Sheet, model: &Model, review: &Review) {
    let theme = model.theme;
    let shown = rows(model, review);
    let selected = model.option.min(shown.len().saturating_sub(1));
    sheet.body.blank();
    let (mut headed, mut chosen) = (false, false);
    for (at, row) in shown.iter().enumerate() {
        if matches!(row, Row::Choice(_)) && !chosen {
            chosen = true;
            sheet.body.blank();
            sheet.body.text("Choices", theme.strong());
        }
        if matches!(row, Row::Object(_)) && !headed {
            headed = true;
            head(sheet, model, review);
        }
        let first = sheet.body.lines.len();
        match row {
            Row::Known => understood(sheet, model, review, at == selected),
            Row::Choice(choice) => draw_choice(sheet, model, choice, at == selected),
            Row::Object(object) => draw_object(sheet, model, review.about, object, at == selected),
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

/// Each value with where it comes from: beside each other where there is room.
fn understood(sheet: &mut Sheet, model: &Model, review: &Review, selected: bool) {
    let theme = model.theme;
    let style = if selected { theme.accent() } else { theme.strong() };
    let told = if selected { String::new() } else { crate::text::plural(review.known.len() as u64, "value") };
    sheet.body.row(vec![lead(model, selected), Span::styled("What was understood", style)], Span::styled(told, theme.muted()));
    if !selected {
        return;
    }
    let widest = review.known.iter().map(|known| width(&known.name)).max().unwrap_or_default();
    for known in &review.known {
        let gap = " ".repeat(widest.saturating_sub(width(&known.name)));
        let lead = format!("    {}{gap}  ", known.name);
        let beside = width(&lead) + width(&known.value) + 2 + width(&known.from) <= sheet.body.columns;
        if beside {
            let spans = vec![Span::styled(lead, theme.muted()), Span::raw(known.value.clone())];
            sheet.body.row(spans, Span::styled(known.from.clone(), theme.muted()));
        } else {
            sheet.body.hanging(&lead, theme.muted(), &format!("{} ({})", known.value, known.from), Style::new());
        }
    }
}

/// How much there is, and what is on show.
fn head(sheet: &mut Sheet, model: &Model, review: &Review) {
    sheet.body.blank();
    let all = in_all(review);
    let told = match (all.is_empty(), review.about) {
        (true, About::Schema) => "nothing changes".to_owned(),
        (true, About::App) => "nothing was found".to_owned(),
        (false, _) => all,
    };
    let effort = if review.effort.is_empty() { String::new() } else { format!("about {} in all", review.effort) };
    let right = Span::styled(review.about.shown(model.least), model.theme.muted());
    let whole = if effort.is_empty() { told.clone() } else { format!("{told}; {effort}") };
    // what does not fit beside the filter stands below it
    if effort.is_empty() || width(&whole) + 2 + width(&right.content) <= sheet.body.columns {
        sheet.body.row(vec![Span::styled(whole, model.theme.strong())], right);
    } else {
        sheet.body.row(vec![Span::styled(told, model.theme.strong())], right);
        sheet.body.text(&effort, model.theme.strong());
    }
    if let Some(filter) = model.filter_text().filter(|filter| !filter.is_empty()) {
        let objects = rows(model, review).iter().filter(|row| matches!(row, Row::Object(_))).count();
        let told = format!("  {objects} of {} with “{filter}”; Esc shows all", review.objects.len());
        sheet.body.hanging("", Style::new(), &told, model.theme.warning());
    }
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

fn draw_object(sheet: &mut Sheet, model: &Model, about: About, object: &Object, selected: bool) {
    let theme = model.theme;
    let name = if object.name.is_empty() { "everything else" } else { &object.name };
    let style = match object.weight() {
        Some(Weight::Blocks) => theme.bad(),
        Some(Weight::Must) => theme.warning(),
        Some(Weight::Changes | Weight::Info) | None => Style::new(),
    };
    let mut told = of_object(about, object);
    if !object.effort.is_empty() {
        told = format!("{told}  {}", object.effort);
    }
    let right = Span::styled(told, if selected { theme.strong() } else { theme.muted() });
    sheet.body.row(vec![lead(model, selected), Span::styled(name.to_owned(), style)], right);
    if !selected {
        return;
    }
    for found in object.findings.iter().filter(|found| found.weight <= model.least) {
        let (mark, style) = match found.weight {
            Weight::Blocks => ("    ! ", theme.bad()),
            Weight::Must => ("    ! ", theme.warning()),
            Weight::Changes => ("    ~ ", theme.warning()),
            Weight::Info => ("    · ", theme.muted()),
        };
        sheet.body.hanging(mark, style, &format!("{} {}", found.id, found.what), Style::new());
        for line in &found.measured {
            sheet.body.hanging("      ", Style::new(), line, theme.accent());
        }
        if model.code {
            code(sheet, model, found);
        }
        if !found.then.is_empty() {
            sheet.body.hanging("      ", Style::new(), &found.then, theme.muted());
        }
        if model.code && !found.edit.is_empty() {
            sheet.body.hanging("      edit: ", theme.strong(), &found.edit, Style::new());
        }
    }
    if !model.code && object.findings.iter().any(|found| !found.code.is_empty() || !found.edit.is_empty()) {
        sheet.body.text("    v shows the code and the edit", theme.muted());
    }
    sides(sheet, model, object);
}

/// The lines of a place, each with its number; the one that is meant stands out. Cut, not wrapped: code is read by its shape.
fn code(sheet: &mut Sheet, model: &Model, found: &Found) {
    let theme = model.theme;
    let digits = found.code.iter().map(|line| line.number.to_string().len()).max().unwrap_or_default();
    for line in &found.code {
        let (mark, style) = if line.meant { ('▸', theme.command()) } else { (' ', theme.muted()) };
        let lead = format!("    {mark} {:>digits$} │ ", line.number);
        let room = sheet.body.columns.saturating_sub(width(&lead));
        let text = paper::fit(&paper::clean(&line.text), room);
        sheet.body.lines.push(Line::from(vec![Span::styled(lead, theme.muted()), Span::styled(text, style)]));
    }
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
