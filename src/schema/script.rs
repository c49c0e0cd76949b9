//! A dump as psql reads it: cut into statements, with psql's own commands and the rows of COPY set aside.
//! Never parses SQL: quotes, comments, parentheses and semicolons are all it knows.

/// A statement without leading comments and final semicolon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// In bytes from the beginning of the dump.
    pub offset: usize,
    pub text: &'a str,
}

/// A psql command, `\connect shop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    pub offset: usize,
    pub name: &'a str,
    pub rest: &'a str,
}

/// One after the other as they stand in the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    Statement(Piece<'a>),
    Command(Command<'a>),
    /// Rows of the COPY statement before it: how many lines.
    Rows(u64),
    /// What began here and never ends.
    Open(usize, Open),
}

/// What can be left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    String,
    Name,
    Dollar,
    Comment,
    Rows,
}

/// Reads a dump part by part; the last one may be [`Part::Open`].
pub struct Script<'a> {
    text: &'a str,
    at: usize,
    /// The statement just given is a COPY: rows follow.
    rows: bool,
}

impl<'a> Script<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, rows: false }
    }

    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    /// The end of the line that `at` is on, and the beginning of the next.
    fn line_end(&self, at: usize) -> (usize, usize) {
        match self.rest(at).find('\n') {
            Some(length) => (at.saturating_add(length), at.saturating_add(length).saturating_add(1)),
            None => (self.text.len(), self.text.len()),
        }
    }

    fn copy_rows(&mut self) -> Part<'a> {
        let begun = self.at;
        // What is left of the line with the statement.
        self.at = self.line_end(self.at).1;
        let mut lines = 0_u64;
        while self.at < self.text.len() {
            let (end, next) = self.line_end(self.at);
            let line = self.text.get(self.at..end).unwrap_or_default();
            self.at = next;
            if line.trim_end_matches('\r') == "\\." {
                return Part::Rows(lines);
            }
            lines = lines.saturating_add(1);
        }
        Part::Open(begun, Open::Rows)
    }

    fn command(&mut self) -> Part<'a> {
        let offset = self.at;
        let (end, next) = self.line_end(offset);
        self.at = next;
        let line = self.text.get(offset.saturating_add(1)..end).unwrap_or_default().trim_end();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        Part::Command(Command { offset, name, rest: rest.trim() })
    }

    /// Past a quoted text that begins at `at`; `None` when it does not end.
    fn past(&self, at: usize, quote: u8, escapes: bool) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = at.saturating_add(1);
        while let Some(&byte) = bytes.get(at) {
            at = at.saturating_add(1);
            if byte == b'\\' && escapes {
                at = at.saturating_add(1);
            } else if byte == quote {
                if bytes.get(at) != Some(&quote) {
                    return Some(at);
                }
                at = at.saturating_add(1);
            }
        }
        None
    }

    /// Past a comment, which may hold others.
    fn past_comment(&self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (at, 0_u32);
        while at < bytes.len() {
            match (bytes.get(at), bytes.get(at.saturating_add(1))) {
                (Some(b'/'), Some(b'*')) => (at, depth) = (at.saturating_add(2), depth.saturating_add(1)),
                (Some(b'*'), Some(b'/')) => {
                    (at, depth) = (at.saturating_add(2), depth.saturating_sub(1));
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => at = at.saturating_add(1),
            }
        }
        None
    }

    /// The `$tag$` that begins at `at`, if one does.
    fn tag(&self, at: usize) -> Option<&'a str> {
        let rest = self.rest(at);
        let end = rest.get(1..)?.find('$')?.saturating_add(1);
        let name = rest.get(1..end)?;
        let word = |c: char| c == '_' || c.is_alphanumeric();
        (name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| rest.get(..=end)).flatten()
    }
}

/// Words of a statement, as far as they say where it ends.
#[derive(Default)]
struct Words {
    /// The first four, in lower case.
    first: Vec<String>,
    /// `BEGIN ATOMIC` and `CASE` that wait for their `END`.
    depth: u32,
}

impl Words {
    fn see(&mut self, word: &str) {
        if self.first.len() < 4 {
            self.first.push(word.to_ascii_lowercase());
        }
        let first: Vec<&str> = self.first.iter().map(String::as_str).collect();
        if !matches!(first.as_slice(), ["create", "function" | "procedure", ..] | ["create", "or", "replace", "function" | "procedure", ..])
        {
            return;
        }
        if word.eq_ignore_ascii_case("begin") || (self.depth > 0 && word.eq_ignore_ascii_case("case")) {
            self.depth = self.depth.saturating_add(1);
        } else if word.eq_ignore_ascii_case("end") {
            self.depth = self.depth.saturating_sub(1);
        }
    }
}

impl<'a> Iterator for Script<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if std::mem::take(&mut self.rows) {
            return Some(self.copy_rows());
        }
        let bytes = self.text.as_bytes();
        let mut begun: Option<usize> = None;
        let (mut words, mut parens) = (Words::default(), 0_u32);
        let mut suspect: Option<usize> = None;
        // A quoted text that does not end takes the rest with it.
        let open = |script: &mut Self, at: usize, what: Open| {
            script.at = script.text.len();
            Some(Part::Open(at, what))
        };
        while let Some(&byte) = bytes.get(self.at) {
            let at = self.at;
            let two = bytes.get(at..at.saturating_add(2)).unwrap_or_default();
            if two == b"--" {
                self.at = self.line_end(at).1;
                continue;
            }
            if two == b"/*" {
                match self.past_comment(at) {
                    Some(end) => self.at = end,
                    None => return open(self, at, Open::Comment),
                }
                continue;
            }
            if byte == b'\\' && begun.is_none() {
                return Some(self.command());
            }
            if byte.is_ascii_whitespace() || (byte == b';' && begun.is_none()) {
                self.at = at.saturating_add(1);
                continue;
            }
            let start = *begun.get_or_insert(at);
            match byte {
                b';' if parens == 0 && words.depth == 0 => {
                    self.at = at.saturating_add(1);
                    let text = self.text.get(start..at).unwrap_or_default().trim_end();
                    self.rows = words.first.first().is_some_and(|word| word == "copy") && reads_stdin(text);
                    return Some(Part::Statement(Piece { offset: start, text }));
                }
                b'(' | b'[' => (self.at, parens) = (at.saturating_add(1), parens.saturating_add(1)),
                b')' | b']' => (self.at, parens) = (at.saturating_add(1), parens.saturating_sub(1)),
                b'\'' | b'"' => {
                    let escapes = byte == b'\'' && is_escape_string(bytes, at);
                    match self.past(at, byte, escapes) {
                        Some(end) => {
                            self.at = end;
                            if suspect.is_none() && swallows(self.text.get(at..end).unwrap_or_default()) {
                                suspect = Some(at);
                            }
                        }
                        None => return open(self, suspect.unwrap_or(at), if byte == b'"' { Open::Name } else { Open::String }),
                    }
                }
                b'$' => match self.tag(at) {
                    Some(tag) => match self.rest(at.saturating_add(tag.len())).find(tag) {
                        Some(length) => self.at = at.saturating_add(length).saturating_add(tag.len().saturating_mul(2)),
                        None => return open(self, at, Open::Dollar),
                    },
                    None => self.at = at.saturating_add(1),
                },
                _ if is_word(byte) => {
                    let length = bytes.get(at..).unwrap_or_default().iter().take_while(|b| is_word(**b) || **b == b'$').count();
                    self.at = at.saturating_add(length);
                    if parens == 0 {
                        words.see(self.text.get(at..self.at).unwrap_or_default());
                    }
                }
                _ => self.at = at.saturating_add(1),
            }
        }
        let start = begun?;
        Some(Part::Statement(Piece { offset: start, text: self.text.get(start..).unwrap_or_default().trim_end() }))
    }
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// `E'…'`: the letter stands by itself before the quote.
fn is_escape_string(bytes: &[u8], quote: usize) -> bool {
    let before = |back: usize| quote.checked_sub(back).and_then(|at| bytes.get(at)).copied();
    matches!(before(1), Some(b'e' | b'E')) && !before(2).is_some_and(is_word)
}

/// Where a quote is missing, the text runs on into the next statement.
fn swallows(quoted: &str) -> bool {
    ["\nCREATE ", "\nALTER ", "\nCOMMENT ON ", "\n--\n"].iter().any(|head| quoted.contains(head))
}

fn reads_stdin(statement: &str) -> bool {
    let mut words = statement.rsplit(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty()).collect::<Vec<_>>();
    words.reverse();
    words.windows(2).any(|pair| matches!(pair, [from, stdin] if from.eq_ignore_ascii_case("from") && stdin.eq_ignore_ascii_case("stdin")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        Script::new(script)
            .map(|part| match part {
                Part::Statement(piece) => piece.text,
                Part::Command(command) => command.name,
                Part::Rows(_) => "rows",
                Part::Open(at, _) => &script[at..],
            })
            .collect()
    }

    #[test]
    fn a_semicolon_within_something_ends_nothing() {
        for whole in [
            "SELECT 'a;''b;', E'\\';', \"x;\"\"y\"",
            "SELECT $$;$$, $a$;$$;$b$;$a$",
            "SELECT 1 /* ; /* ; */ ; */ + 2",
            "SELECT 1 -- ;\n + 2",
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "SELECT E\n'\\'",
            "SELECT a$b, c$b",
            "SELECT '\u{e9};\u{1f600}', \"\u{fc};\"",
        ] {
            assert_eq!(texts(&format!("{whole};\nSELECT 3;")), [whole, "SELECT 3"], "{whole}");
        }
    }

    #[test]
    fn commands_and_rows_are_parts_of_their_own() {
        let script = "\\restrict a;b\nCOPY public.t (a) FROM stdin;\n1;\n'\n\\.\n\\unrestrict x\r\nSELECT 1;";
        assert_eq!(texts(script), ["restrict", "COPY public.t (a) FROM stdin", "rows", "unrestrict", "SELECT 1"]);
        assert_eq!(Script::new(script).nth(2), Some(Part::Rows(2)));
        assert_eq!(Script::new("COPY t TO STDOUT; SELECT 1").count(), 2);
    }

    #[test]
    fn what_never_ends_is_named_where_it_began() {
        for (script, at, what) in [
            ("SELECT 1; SELECT 'a", 17, Open::String),
            ("SELECT 'a;\nCREATE TABLE b (c text DEFAULT 'd');", 7, Open::String),
            ("SELECT \"a", 7, Open::Name),
            ("SELECT $a$ $b$", 7, Open::Dollar),
            ("SELECT /* /* */", 7, Open::Comment),
            ("COPY t FROM stdin;\n1\n", 18, Open::Rows),
        ] {
            assert_eq!(Script::new(script).last(), Some(Part::Open(at, what)), "{script}");
        }
    }
}
