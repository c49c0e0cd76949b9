//! One line of text being typed, with a cursor: what a text field holds.
//! Never draws and never prints what it holds: a secret may be in it.

use super::paper;

/// The text and where the cursor is, counted in what a person sees as characters.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Input {
    symbols: Vec<String>,
    cursor: usize,
}

impl Input {
    /// A field that already holds `text`, with the cursor after it.
    pub fn with(text: &str) -> Self {
        let mut input = Self::default();
        input.insert(text);
        input
    }

    pub fn text(&self) -> String {
        self.symbols.concat()
    }

    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Puts text in at the cursor; line ends and control characters are left out.
    pub fn insert(&mut self, text: &str) {
        let line: String = paper::clean(text).chars().filter(|c| !c.is_control()).collect();
        let before: String = self.symbols.iter().take(self.cursor).map(String::as_str).collect::<String>() + &line;
        let after: String = self.symbols.iter().skip(self.cursor).map(String::as_str).collect();
        // Counted anew as a whole: an accent joins the letter before it.
        self.cursor = paper::symbols(&before).len();
        self.symbols = paper::symbols(&(before + &after));
        self.cursor = self.cursor.min(self.symbols.len());
    }

    pub fn backspace(&mut self) {
        if let Some(before) = self.cursor.checked_sub(1) {
            self.symbols.remove(before);
            self.cursor = before;
        }
    }

    pub fn delete(&mut self) {
        if self.cursor < self.symbols.len() {
            self.symbols.remove(self.cursor);
        }
    }

    pub fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    pub fn right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.symbols.len());
    }

    pub fn home(&mut self) {
        self.cursor = 0;
    }

    pub fn end(&mut self) {
        self.cursor = self.symbols.len();
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What to show in `columns` and the column of the cursor in it; `dots` hides the text.
    pub fn shown(&self, columns: usize, dots: bool) -> (String, usize) {
        let part = |symbols: &[String]| if dots { "•".repeat(symbols.len()) } else { symbols.concat() };
        let (before, after) = self.symbols.split_at(self.cursor.min(self.symbols.len()));
        let room = columns.saturating_sub(1);
        let left = paper::fit_end(&part(before), room);
        let column = paper::width(&left);
        let right = paper::fit(&part(after), columns.saturating_sub(column));
        (left + &right, column)
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({} characters)", self.symbols.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_are_one_step_of_the_cursor() {
        let mut input = Input::with("né漢👍🏽");
        assert_eq!(input.text(), "né漢👍🏽");
        input.backspace();
        input.left();
        input.insert("e\u{301}");
        assert_eq!(input.text(), "née\u{301}漢");
        input.home();
        input.delete();
        input.right();
        input.backspace();
        assert_eq!(input.text(), "e\u{301}漢");
    }

    #[test]
    fn pasted_lines_become_one_and_long_text_follows_the_cursor() {
        let mut input = Input::with("a\nb\u{1b}[31mc");
        assert_eq!(input.text(), "abc");
        input.insert("0123456789");
        assert_eq!(input.shown(6, false), ("…6789".into(), 5));
        input.home();
        assert_eq!(input.shown(6, false), ("abc01…".into(), 0));
        assert_eq!(input.shown(20, true), ("•••••••••••••".into(), 0));
        assert_eq!(format!("{input:?}"), "Input(13 characters)");
    }
}
