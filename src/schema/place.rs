//! A place in a file: line, column, and the line itself with a caret below.
//! Never looks at what is wrong there.

/// A text and what to call it.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// How much of a line is shown, in characters.
const SHOWN: usize = 100;

impl Text<'_> {
    /// Line and column, both from 1; the column in characters.
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.before(offset);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        (line, column)
    }

    /// `dump.sql:4:8`.
    pub fn place(&self, offset: usize) -> String {
        let (line, column) = self.line_and_column(offset);
        format!("{}:{line}:{column}", self.name)
    }

    /// The line with its number, and a caret under the place.
    pub fn shown(&self, offset: usize) -> String {
        let (line, column) = self.line_and_column(offset);
        let before = self.before(offset);
        let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let whole = self.text.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default().trim_end();
        // A long line is shown around the place.
        let from = column.saturating_sub(SHOWN / 2).saturating_sub(1);
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = whole.chars().skip(from).take(SHOWN).map(plain).collect();
        let (head, tail) = (if from > 0 { "…" } else { "" }, if whole.chars().count() > from.saturating_add(SHOWN) { "…" } else { "" });
        let number = line.to_string();
        let indent = column.saturating_sub(1).saturating_sub(from).saturating_add(head.chars().count());
        let shown = without_password(&shown);
        format!("in this line\n    {number} | {head}{shown}{tail}\n    {} | {}^", " ".repeat(number.len()), " ".repeat(indent))
    }

    fn before(&self, offset: usize) -> &str {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.text.get(..end).unwrap_or_default()
    }
}

/// `ALTER ROLE … PASSWORD '…'`, as long as it was.
fn without_password(line: &str) -> String {
    let upper = line.to_ascii_uppercase();
    let Some(start) = upper.find("PASSWORD '").map(|at| at.saturating_add(10)) else { return line.to_owned() };
    let (head, rest) = line.split_at_checked(start).unwrap_or((line, ""));
    let (secret, tail) = rest.split_once('\'').map_or((rest, String::new()), |(secret, tail)| (secret, format!("'{tail}")));
    format!("{head}{}{tail}", "*".repeat(secret.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_and_shown() {
        let text = Text { name: "d.sql", text: "one\n\u{e9}\u{e9}\tthree\r\nfour" };
        assert_eq!(text.place(text.text.find("three").unwrap()), "d.sql:2:4");
        assert_eq!(text.shown(text.text.find("three").unwrap()), "in this line\n    2 | \u{e9}\u{e9} three\n      |    ^");
        assert_eq!((text.place(0), text.place(9_999), text.place(5)), ("d.sql:1:1".into(), "d.sql:3:5".into(), "d.sql:2:1".into()));
    }

    #[test]
    fn a_long_line_is_shown_around_its_place() {
        let long = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let shown = Text { name: "d", text: &long }.shown(500);
        let (above, below) = shown.strip_prefix("in this line\n").unwrap().split_once('\n').unwrap();
        assert!(above.chars().count() < 120, "{above}");
        assert_eq!(above.chars().position(|c| c == 'X'), below.chars().position(|c| c == '^'), "{shown}");
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = Text { name: "d", text: "ALTER ROLE a PASSWORD 'md5x' VALUD" }.shown(29);
        assert_eq!(shown, "in this line\n    1 | ALTER ROLE a PASSWORD '****' VALUD\n      |                              ^");
    }
}
