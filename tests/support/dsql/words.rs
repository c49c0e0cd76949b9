//! A statement as PostgreSQL's scanner cuts it: where its parts are, which words stand in it, DSQL's own ASYNC taken out.
//! Judges nothing.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};

/// From this size on an INSERT is parsed without all but the first of its rows.
const LONG: usize = 1 << 14;

pub struct Words<'a> {
    sql: &'a str,
    tokens: Vec<ScanToken>,
}

impl<'a> Words<'a> {
    /// `None` when the text cannot be scanned.
    pub fn of(sql: &'a str) -> Option<Self> {
        // Without a word in it the scanner has no list at all, which the crate does not expect.
        if sql.trim().is_empty() {
            return None;
        }
        let tokens = pg_query::scan_tokens(sql).ok()?;
        let comment = [Token::SqlComment as i32, Token::CComment as i32];
        Some(Self { sql, tokens: tokens.into_iter().filter(|token| !comment.contains(&token.token)).collect() })
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    fn slice(&self, from: i32, to: i32) -> &'a str {
        self.sql.get(usize::try_from(from).unwrap_or_default()..usize::try_from(to).unwrap_or_default()).unwrap_or_default()
    }

    pub fn text(&self, place: usize) -> &'a str {
        self.tokens.get(place).map_or("", |token| self.slice(token.start, token.end))
    }

    /// Whether a keyword or a name, not a literal or a sign.
    pub fn is_word(&self, place: usize) -> bool {
        self.tokens
            .get(place)
            .is_some_and(|token| token.token == Token::Ident as i32 || token.keyword_kind != KeywordKind::NoKeyword as i32)
    }

    /// The word in lower case, without quotes; empty for what is none.
    pub fn word(&self, place: usize) -> String {
        if self.is_word(place) { self.text(place).trim_matches('"').to_ascii_lowercase() } else { String::new() }
    }

    pub fn is(&self, place: usize, word: &str) -> bool {
        self.text(place).eq_ignore_ascii_case(word)
    }

    /// Whether a literal stands there, and what is in it.
    pub fn literal(&self, place: usize) -> Option<&'a str> {
        let token = self.tokens.get(place)?;
        (token.token == Token::Sconst as i32).then(|| self.text(place).trim_matches('\''))
    }

    pub fn has(&self, word: &str) -> bool {
        (0..self.len()).any(|place| self.is(place, word))
    }

    /// The statements between semicolons; a function's own body is not cut.
    pub fn statements(&self) -> Vec<String> {
        if self.has("atomic") {
            return vec![self.sql.to_owned()];
        }
        let mut found = Vec::new();
        let (mut from, mut depth) = (0, 0);
        for place in 0..=self.len() {
            match self.text(place) {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            let ends = place == self.len() || (self.text(place) == ";" && depth == 0);
            if ends {
                if let (Some(first), Some(last)) = (self.tokens.get(from), place.checked_sub(1).and_then(|last| self.tokens.get(last)))
                    && from < place
                {
                    found.push(self.slice(first.start, last.end).to_owned());
                }
                from = place + 1;
            }
        }
        found
    }

    /// `CREATE [UNIQUE] INDEX ASYNC` and `ALTER TABLE ASYNC` as Postgres has them, and whether the word was there.
    pub fn without_async(&self) -> (String, bool) {
        let head: Vec<String> = (0..4).map(|place| self.word(place)).collect();
        let place = match head.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["create", "index", "async", _] | ["alter", "table", "async", _] => 2,
            ["create", "unique", "index", "async"] => 3,
            _ => return (self.sql.to_owned(), false),
        };
        (self.without(place), true)
    }

    /// The text without one of its words.
    pub fn without(&self, place: usize) -> String {
        let Some(token) = self.tokens.get(place) else { return self.sql.to_owned() };
        let after = i32::try_from(self.sql.len()).unwrap_or(i32::MAX);
        format!("{}{}", self.slice(0, token.start), self.slice(token.end, after))
    }

    /// A long `INSERT … VALUES` with its first row alone: all rows are alike to a parser, and thousands take their time.
    pub fn shortened(&self) -> Option<String> {
        if self.sql.len() < LONG || !self.is(0, "insert") {
            return None;
        }
        let mut depth = 0;
        let mut rows = None;
        let mut end_of_first = None;
        for place in 0..self.len() {
            match self.text(place) {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ if depth == 0 && rows.is_none() && self.is(place, "values") => rows = Some(place),
                _ => {}
            }
            if rows.is_some() && depth == 0 && self.text(place) == ")" {
                end_of_first.get_or_insert(place);
                if self.text(place + 1) != "," || self.text(place + 2) != "(" {
                    let (first, last) = (self.tokens.get(end_of_first?)?, self.tokens.get(place)?);
                    let after = i32::try_from(self.sql.len()).ok()?;
                    return Some(format!("{}{}", self.slice(0, first.end), self.slice(last.end, after)));
                }
            }
        }
        None
    }
}
