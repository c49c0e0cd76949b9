//! What a step at work is made of, one line for each part: those at work first, as many as the height lets in.
//! Never wraps: a column that does not fit is left out, and a name gives way in its middle.
//!
//! ```text
//!  public.events    ██████░░░░  60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8
//!  public.sessions  ░░░░░░░░░░   0 %      0 of 1,000 rows            waits
//!  and 17 more
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::super::super::paper::{self, Paper};
use super::super::super::super::theme::Theme;
use crate::faces::how_far::{self, Standing};
use crate::progress::{Part, Progress};

/// Cells of a part's bar.
const BAR: usize = 10;
/// A name is cut no shorter than this for the sake of another column.
const NAME: usize = 16;
/// Nor is a note.
const NOTE: usize = 13;
/// Blanks between columns.
const GAP: usize = 2;

/// A column beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Bar,
    Percent,
    Count,
    Left,
    Note,
}

/// Which columns stand beside the name, the richest first.
const LAYOUTS: [&[Column]; 6] = [
    &[Column::Bar, Column::Percent, Column::Count, Column::Left, Column::Note],
    &[Column::Percent, Column::Count, Column::Left, Column::Note],
    &[Column::Percent, Column::Left, Column::Note],
    &[Column::Percent, Column::Note],
    &[Column::Percent],
    &[],
];

/// Columns with a width each, gaps not counted: the name's first.
struct Widths {
    name: usize,
    columns: Vec<(Column, usize)>,
}

/// Writes the parts on at most `rows` lines.
pub(super) fn table(paper: &mut Paper, theme: Theme, progress: &Progress, rows: usize) {
    let parts = how_far::parts(progress);
    let shown = if parts.len() > rows { rows.saturating_sub(1) } else { parts.len() };
    let (kept, cut) = parts.split_at(shown);
    let widths = widths(kept, paper.columns);
    for part in kept {
        paper.lines.push(line(theme, part, &widths));
    }
    if rows > 0 && !cut.is_empty() {
        paper.row(vec![Span::styled(format!("and {} more", cut.len()), theme.muted())], Span::raw(""));
    }
}

/// The richest layout whose names and notes are not cut too short; what is left over goes to the names, then to the notes.
fn widths(parts: &[&Part], columns: usize) -> Widths {
    let names = parts.iter().map(|p| paper::width(&name(p))).max().unwrap_or(0);
    let widest = |column| parts.iter().map(|p| paper::width(&cell(p, column))).max().unwrap_or(0);
    for layout in LAYOUTS {
        let mut wide: Vec<(Column, usize)> = layout.iter().map(|&c| (c, widest(c))).filter(|&(_, w)| w > 0).collect();
        let least = |&(column, w): &(Column, usize)| GAP + if column == Column::Note { w.min(NOTE) } else { w };
        let needs: usize = wide.iter().map(least).sum();
        if needs + names.min(NAME) <= columns {
            let name = names.min(columns - needs);
            if let Some((Column::Note, w)) = wide.last_mut() {
                *w = (*w).min(NOTE.min(*w) + columns - needs - name);
            }
            return Widths { name, columns: wide };
        }
    }
    Widths { name: names.min(columns), columns: Vec::new() }
}

fn name(part: &Part) -> String {
    paper::clean(&part.name).replace('\n', " ")
}

/// What stands in a column, not yet aligned.
fn cell(part: &Part, column: Column) -> String {
    match column {
        Column::Bar => part.total.filter(|&total| total > 0).map_or(String::new(), |total| {
            let full = how_far::full(part.done, total, BAR);
            format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
        }),
        Column::Percent => how_far::percent(part.done, part.total).map_or(String::new(), |percent| format!("{percent:>3} %")),
        Column::Count => how_far::of_total(part.done, part.total, part.unit),
        Column::Left => part.remaining_s.map_or(String::new(), |s| format!("{} left", how_far::roughly(s))),
        Column::Note => paper::clean(&part.note).replace('\n', " "),
    }
}

fn line(theme: Theme, part: &Part, widths: &Widths) -> Line<'static> {
    let standing = how_far::standing(part);
    let plain = match standing {
        Standing::AtWork => Style::new(),
        Standing::Waits | Standing::Done => theme.muted(),
    };
    let name = paper::fit_middle(&name(part), widths.name);
    let pad = " ".repeat(widths.name.saturating_sub(paper::width(&name)));
    let mut spans = vec![Span::styled(format!("{name}{pad}"), plain)];
    let gap = " ".repeat(GAP);
    for &(column, wide) in &widths.columns {
        let text = paper::fit(&cell(part, column), wide);
        let pad = " ".repeat(wide.saturating_sub(paper::width(&text)));
        let text = match column {
            Column::Percent | Column::Count | Column::Left => format!("{gap}{pad}{text}"),
            Column::Bar | Column::Note => format!("{gap}{text}{pad}"),
        };
        let style = match (column, standing) {
            (Column::Bar, Standing::AtWork) => theme.command(),
            (Column::Note, Standing::Done) => theme.good(),
            (Column::Bar | Column::Percent | Column::Count | Column::Left | Column::Note, _) => plain,
        };
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Unit;

    fn progress() -> Progress {
        let mut progress = Progress::new(0, None, Unit::Rows, "");
        let part = |name: &str, done, total, note: &str, remaining_s| Part {
            name: name.into(),
            done,
            total,
            unit: Unit::Rows,
            note: note.into(),
            remaining_s,
        };
        progress.parts = vec![
            part("public.users", 4_210, Some(4_210), "done", None),
            part("public.events", 1_200, Some(2_000), "chunk 3 of 8", Some(40)),
            part("public.customer_shipping_addresses", 10, None, "keys are read", None),
            part("public.sessions", 0, Some(1_000), "waits", None),
        ];
        progress
    }

    fn lines(columns: usize, rows: usize) -> Vec<String> {
        let mut paper = Paper::new(columns);
        table(&mut paper, Theme::PLAIN, &progress(), rows);
        paper.lines.iter().map(|l| l.to_string().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_wide_paper_has_every_column() {
        assert_eq!(
            lines(110, 9),
            [
                "public.events                       ██████░░░░   60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8",
                "public.customer_shipping_addresses                                 10 rows            keys are read",
                "public.sessions                     ░░░░░░░░░░    0 %      0 of 1,000 rows            waits",
                "public.users                        ██████████  100 %  4,210 of 4,210 rows            done",
            ]
        );
    }

    #[test]
    fn a_narrow_paper_leaves_columns_out_and_cuts_names_in_the_middle() {
        assert_eq!(
            lines(39, 9),
            [
                "public.events       60 %  chunk 3 of 8",
                "public.c…ddresses         keys are read",
                "public.sessions      0 %  waits",
                "public.users       100 %  done",
            ]
        );
        assert_eq!(lines(6, 9), ["pub…ts", "pub…es", "pub…ns", "pub…rs"]);
    }

    #[test]
    fn a_long_note_gives_way_before_the_count_does() {
        assert_eq!(lines(82, 2)[0], "public.events  ██████░░░░   60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8");
        let mut long = progress();
        long.parts[1].note = "index events_at_idx is built".into();
        let mut paper = Paper::new(72);
        table(&mut paper, Theme::PLAIN, &long, 2);
        assert_eq!(paper.lines[0].to_string(), "public.events   60 %  1,200 of 2,000 rows  40s left  index events_at_id…");
    }

    #[test]
    fn what_does_not_fit_the_height_is_counted() {
        assert_eq!(lines(39, 3), ["public.events       60 %  chunk 3 of 8", "public.c…ddresses         keys are read", "and 2 more"]);
        assert_eq!(lines(39, 1), ["and 4 more"]);
        assert_eq!(lines(39, 0), Vec::<String>::new());
    }

    #[test]
    fn no_line_is_wider_than_the_paper() {
        for columns in 0..130 {
            for rows in 0..6 {
                for line in lines(columns, rows) {
                    assert!(paper::width(&line) <= columns, "{columns}x{rows}: {line:?}");
                }
            }
        }
    }
}
