//! Text laid out on a given width: cleaned, wrapped with hanging indents, or cut with an ellipsis.
//! Never draws: it makes lines; where they go is the business of `draw`.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Columns that a text takes in a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { Span::raw(text).width() }
}

/// The text in `columns`, with "…" in place of what does not fit.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for symbol in symbols(text) {
        let wide = width(&symbol);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push_str(&symbol);
    }
    if columns > 0 {
        let end = out.trim_end().len();
        out.truncate(end);
        out.push('…');
    }
    out
}

/// The end of the text in `columns`, with "…" in front.
pub fn fit_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = Vec::new();
    let mut used = 1;
    for symbol in symbols(text).into_iter().rev() {
        used += width(&symbol);
        if used > columns {
            break;
        }
        kept.push(symbol);
    }
    let tail: String = kept.into_iter().rev().collect();
    if columns == 0 { String::new() } else { format!("…{tail}") }
}

/// Beginning and end of the text in `columns`, with "…" in place of its middle.
pub fn fit_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 3 {
        return fit(text, columns);
    }
    let head = columns / 2;
    let begin = fit(text, head + 1);
    format!("{begin}{}", fit_end(text, columns + 1 - width(&begin)).trim_start_matches('…'))
}

/// The text as what a person sees as single characters.
pub fn symbols(text: &str) -> Vec<String> {
    Span::raw(text).styled_graphemes(Style::new()).map(|g| g.symbol.to_owned()).collect()
}

/// Without terminal sequences and control characters; tabs become two spaces; line feeds stay.
pub fn clean(text: &str) -> String {
    if !text.contains(|c: char| c.is_control()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' => out.push_str("  "),
            '\n' => out.push('\n'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// What follows an escape: `[…letter` or `]…BEL`, else one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\\') {},
        Some(_) | None => {}
    }
}

/// The text in lines of at most `columns`, broken between words; a longer word is broken where the line ends.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut out = Vec::new();
    for paragraph in clean(text).lines() {
        let lead = (paragraph.len() - paragraph.trim_start().len()).min(columns / 2);
        let mut line = " ".repeat(lead);
        let mut used = lead;
        for word in paragraph.split_whitespace() {
            let wide = width(word);
            if used > lead && used + 1 + wide > columns {
                out.push(std::mem::replace(&mut line, " ".repeat(lead)));
                used = lead;
            }
            if used > lead {
                line.push(' ');
                used += 1;
            }
            if used + wide <= columns {
                line.push_str(word);
                used += wide;
                continue;
            }
            for symbol in symbols(word) {
                let wide = width(&symbol);
                if used > lead && used + wide > columns {
                    out.push(std::mem::replace(&mut line, " ".repeat(lead)));
                    used = lead;
                }
                line.push_str(&symbol);
                used += wide;
            }
        }
        out.push(line);
    }
    out
}

/// Lines being written from top to bottom on a given width.
#[derive(Debug, Clone)]
pub struct Paper {
    pub columns: usize,
    pub lines: Vec<Line<'static>>,
}

impl Paper {
    pub fn new(columns: usize) -> Self {
        Self { columns, lines: Vec::new() }
    }

    /// An empty line, unless there is one or nothing above it.
    pub fn blank(&mut self) {
        if self.lines.last().is_some_and(|l| l.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    pub fn text(&mut self, text: &str, style: Style) {
        self.lines.extend(wrap(text, self.columns).into_iter().map(|l| Line::styled(l, style)));
    }

    /// A heading and, under it, indented text; nothing when the text is empty.
    pub fn section(&mut self, heading: &str, heading_style: Style, text: &str, style: Style) {
        if !text.is_empty() {
            self.blank();
            self.text(heading, heading_style);
            self.hanging("  ", style, text, style);
        }
    }

    /// `lead` before the first line; the others start under the text.
    pub fn hanging(&mut self, lead: &str, lead_style: Style, text: &str, style: Style) {
        let indent = width(lead);
        for (i, line) in wrap(text, self.columns.saturating_sub(indent)).into_iter().enumerate() {
            let start = if i == 0 { Span::styled(lead.to_owned(), lead_style) } else { Span::raw(" ".repeat(indent)) };
            self.lines.push(Line::from(vec![start, Span::styled(line, style)]));
        }
    }

    /// Pieces with two blanks between them, each whole on one of as many lines as they need.
    pub fn side_by_side(&mut self, pieces: impl IntoIterator<Item = Span<'static>>) {
        let mut line: Vec<Span<'static>> = Vec::new();
        let mut used = 0;
        for piece in pieces {
            if used > 0 && used + 2 + piece.width() > self.columns {
                self.row(std::mem::take(&mut line), Span::raw(""));
                used = 0;
            }
            if used > 0 {
                line.push(Span::raw("  "));
                used += 2;
            }
            used += piece.width();
            line.push(piece);
        }
        if !line.is_empty() {
            self.row(line, Span::raw(""));
        }
    }

    /// `left` at the left edge, cut where needed, and `right` at the right edge.
    pub fn row(&mut self, left: Vec<Span<'static>>, right: Span<'static>) {
        self.lines.push(row(left, right, self.columns));
    }
}

/// One line: `left` cut with an ellipsis so that `right` fits at the right edge.
pub fn row(left: Vec<Span<'static>>, right: Span<'static>, columns: usize) -> Line<'static> {
    let right = if right.width() > columns { Span::styled(fit(&right.content, columns), right.style) } else { right };
    let gap = usize::from(right.width() > 0);
    let mut room = columns.saturating_sub(right.width() + gap);
    let mut spans = Vec::with_capacity(left.len() + 2);
    for span in left {
        let wide = span.width();
        if wide <= room {
            room -= wide;
            spans.push(span);
        } else {
            let text = fit(&span.content, room);
            room -= width(&text).min(room);
            spans.push(Span::styled(text, span.style));
            break;
        }
    }
    if right.width() > 0 {
        spans.push(Span::raw(" ".repeat((room + gap).min(columns.saturating_sub(right.width())))));
        spans.push(right);
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_with_an_ellipsis() {
        for (given, columns, then) in [
            ("short", 5, "short"),
            ("a longer text", 8, "a longe…"),
            ("a longer text", 3, "a…"),
            ("漢字漢字", 5, "漢字…"),
            ("x", 0, ""),
            ("xy", 1, "…"),
        ] {
            assert_eq!(fit(given, columns), then);
        }
        assert_eq!(fit_end("postgres://host", 5), "…host");
        for (given, columns, then) in [
            ("public.orders", 13, "public.orders"),
            ("public.orders", 9, "publ…ders"),
            ("public.orders", 8, "publ…ers"),
            ("public.orders", 3, "p…s"),
            ("public.orders", 2, "p…"),
            ("public.orders", 0, ""),
            ("漢字漢字漢字", 7, "漢…漢字"),
        ] {
            assert_eq!(fit_middle(given, columns), then);
        }
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("the source is never harmed", 12), ["the source", "is never", "harmed"]);
        assert_eq!(wrap("  indented text here", 12), ["  indented", "  text here"]);
        assert_eq!(wrap("arn:aws:iam::123", 6), ["arn:aw", "s:iam:", ":123"]);
        assert_eq!(wrap("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
    }

    #[test]
    fn terminal_sequences_are_taken_out() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\tand\u{7} \u{1b}]0;title\u{7}plain"), "red  and plain");
    }

    #[test]
    fn pieces_stay_whole_on_as_many_lines_as_they_need() {
        let mut paper = Paper::new(12);
        paper.side_by_side(["412 of 900", "34/s", "rows 7", "quarantined 12"].map(Span::raw));
        let lines: Vec<String> = paper.lines.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["412 of 900", "34/s  rows 7", "quarantined…"]);
    }

    #[test]
    fn a_row_gives_way_to_its_right_side() {
        let line = row(vec![Span::raw("✓ "), Span::raw("Create the network")], Span::raw("1m02s"), 16);
        assert_eq!(line.to_string(), "✓ Create… 1m02s".replace("… ", "…  ").as_str());
        assert_eq!(line.width(), 16);
    }
}
