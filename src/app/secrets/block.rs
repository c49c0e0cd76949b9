//! The block of names and values that Replit's Secrets pane gives: a JSON object, or lines of NAME=value as in a `.env` file.
//! Never shows a value: an error says line, column and at most a name.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// One name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: Secret,
    /// From 1; `None` in JSON.
    pub line: Option<usize>,
}

/// What was read, in the block's order, and what a person should know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    pub entries: Vec<Entry>,
    /// Sentences without a value: names that stand twice with the same value, names without a value.
    pub notes: Vec<String>,
}

/// How both forms are written, as a hint.
const FORMS: &str = "paste what Replit's Secrets pane shows under \"Edit as JSON\": {\"NAME\": \"value\", …}; or lines of NAME=value, \
                     where a value with spaces, # or several lines stands in quotes";

/// Reads a block. `from` names it in errors: a file's name or "the pasted block".
///
/// # Errors
/// `Input` with line and column, never with a value: no JSON object, a line that is not `NAME=value`, a quote that is not closed,
/// a name that no environment takes, or a name that stands twice with two values.
pub fn parse(text: &str, from: &str) -> Result<Block> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw = if text.trim_start().starts_with('{') { json(text, from)? } else { lines(text, from)? };
    let mut block = Block::default();
    for entry in raw {
        let at = entry.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        match block.entries.iter().find(|known| known.name == entry.name) {
            Some(known) if known.value == entry.value => {
                block.notes.push(format!("{} stands twice with the same value{at}: taken once", entry.name));
            }
            Some(known) => {
                let first = known.line.map(|line| format!(", first in line {line}")).unwrap_or_default();
                return Err(wrong(from, format!("{} stands twice with two different values{at}{first}", entry.name))
                    .hint("delete the one that is no longer used"));
            }
            None if entry.value.expose().trim().is_empty() => {
                block.notes.push(format!("{} has no value{at}: left out", entry.name));
            }
            None => block.entries.push(entry),
        }
    }
    if block.entries.is_empty() {
        return Err(wrong(from, "there is no name with a value in it".to_owned()).hint(FORMS));
    }
    Ok(block)
}

fn wrong(from: &str, what: String) -> Error {
    Error::new(Kind::Input, format!("{from}: {what}"))
}

fn at(from: &str, line: usize, column: usize, what: &str) -> Error {
    wrong(from, format!("line {line}, column {column}: {what}"))
}

/// A name as every shell and ECS take it.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

// ── JSON ──

/// The object's members with their order and their doubles, which a map would lose.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !is_name(&name) {
                        return Err(A::Error::custom("a name holds more than letters, digits and _, or begins with a digit"));
                    }
                    let value = match map.next_value::<Value>()? {
                        Value::String(text) => text,
                        Value::Null => String::new(),
                        Value::Bool(flag) => flag.to_string(),
                        Value::Number(number) => number.to_string(),
                        Value::Array(_) | Value::Object(_) => {
                            return Err(A::Error::custom(format!("the value of {name} is a list or an object, and a text is expected")));
                        }
                    };
                    all.push((name, value));
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn json(text: &str, from: &str) -> Result<Vec<Entry>> {
    match serde_json::from_str::<Members>(text) {
        Ok(Members(all)) => Ok(all.into_iter().map(|(name, value)| Entry { name, value: Secret::new(value), line: None }).collect()),
        Err(error) => {
            // what serde says is a fixed sentence or one of ours above: neither holds a value
            let said = error.to_string();
            let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
            Err(at(from, error.line(), error.column(), what).hint(FORMS))
        }
    }
}

// ── lines ──

/// The text character by character, with the place of the next one.
struct Cursor<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&what) {
            self.next();
        }
    }

    fn take(&mut self, what: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| what(*c)) {
            taken.push(c);
            self.next();
        }
        taken
    }
}

fn blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn lines(text: &str, from: &str) -> Result<Vec<Entry>> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut cursor = Cursor { rest: text.chars().peekable(), line: 1, column: 1 };
    let mut all = Vec::new();
    loop {
        cursor.skip(|c| c.is_whitespace());
        match cursor.peek() {
            None => return Ok(all),
            Some('#') => cursor.skip(|c| c != '\n'),
            Some(_) => all.push(assignment(&mut cursor, from)?),
        }
    }
}

/// `[export] NAME = value [# comment]`
fn assignment(cursor: &mut Cursor<'_>, from: &str) -> Result<Entry> {
    let (line, column) = (cursor.line, cursor.column);
    let no_assignment = |what: &str| at(from, line, column, what).hint(FORMS);
    let word = |c: char| c != '=' && c != '\n' && !blank(c);
    let mut name = cursor.take(word);
    cursor.skip(blank);
    if name == "export" && cursor.peek().is_some_and(word) {
        name = cursor.take(word);
        cursor.skip(blank);
    }
    if cursor.peek() != Some('=') {
        return Err(no_assignment("this line is not NAME=value; a value over several lines stands in quotes"));
    }
    if !is_name(&name) {
        return Err(no_assignment("a name holds more than letters, digits and _, or begins with a digit"));
    }
    cursor.next();
    cursor.skip(blank);
    let value = match cursor.peek() {
        Some(quote @ ('"' | '\'' | '`')) => quoted(cursor, quote, &name, from)?,
        Some(_) | None => plain(cursor),
    };
    Ok(Entry { name, value: Secret::new(value), line: Some(line) })
}

/// To the end of the line, or to a `#` after a blank.
fn plain(cursor: &mut Cursor<'_>) -> String {
    let mut value = String::new();
    while let Some(c) = cursor.peek().filter(|c| *c != '\n') {
        if c == '#' && (value.is_empty() || value.ends_with(blank)) {
            cursor.skip(|c| c != '\n');
            break;
        }
        value.push(c);
        cursor.next();
    }
    value.trim_end().to_owned()
}

/// To the closing quote, over as many lines as it takes. Escapes count in double quotes only.
fn quoted(cursor: &mut Cursor<'_>, quote: char, name: &str, from: &str) -> Result<String> {
    let (line, column) = (cursor.line, cursor.column);
    cursor.next();
    let mut value = String::new();
    loop {
        match cursor.next() {
            None => {
                return Err(at(from, line, column, &format!("the quote that opens the value of {name} is not closed"))
                    .hint("close it, or take the quote away if it belongs to no pair"));
            }
            Some(c) if c == quote => break,
            Some('\\') if quote == '"' => match cursor.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(c @ ('"' | '\\' | '$' | '\'' | '`')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            Some(c) => value.push(c),
        }
    }
    cursor.skip(blank);
    match cursor.peek() {
        None | Some('\n') => Ok(value),
        Some('#') => {
            cursor.skip(|c| c != '\n');
            Ok(value)
        }
        Some(_) => Err(at(from, cursor.line, cursor.column, &format!("something follows the closing quote of {name}"))
            .hint("put a backslash before a double quote that belongs to the value, or use single quotes around it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text, "x").unwrap().entries.into_iter().map(|e| (e.name, e.value.expose().to_owned())).collect()
    }

    fn refused(text: &str) -> String {
        parse(text, "x").unwrap_err().what
    }

    #[test]
    fn both_forms_give_the_same() {
        let expected = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        for (text, pairs) in [
            ("{\"A\": \"1\", \"B\": \"x \\\"y\\\" \\n z\"}", &[("A", "1"), ("B", "x \"y\" \n z")][..]),
            ("\u{feff}{\"N\": 5, \"T\": true}", &[("N", "5"), ("T", "true")]),
            ("A=1\r\nB = two words \r\n", &[("A", "1"), ("B", "two words")]),
            ("# c\nexport A=1 # why\n\n  B='it # stays' # c\nC=a#b\n", &[("A", "1"), ("B", "it # stays"), ("C", "a#b")]),
            ("export=1\nE=a=b==\n", &[("export", "1"), ("E", "a=b==")]),
            (
                "K=\"-----BEGIN\nline\\tend\\\\ \\\"q\\\" \\$x \\d\"\nL=`a\n'b' \"c\"`",
                &[("K", "-----BEGIN\nline\tend\\ \"q\" $x \\d"), ("L", "a\n'b' \"c\"")],
            ),
            ("A=${HOME}$x", &[("A", "${HOME}$x")]),
        ] {
            assert_eq!(read(text), expected(pairs), "{text}");
        }
    }

    #[test]
    fn doubles_and_empty_values_are_told() {
        let block = parse("A=1\nB=\nA=1\nC=''", "x").unwrap();
        assert_eq!(block.entries.len(), 1);
        assert_eq!(
            block.notes,
            [
                "B has no value (line 2): left out",
                "A stands twice with the same value (line 3): taken once",
                "C has no value (line 4): left out"
            ]
        );
        assert_eq!(refused("A=hunter1\n\nA=hunter2"), "x: A stands twice with two different values (line 3), first in line 1");
        assert_eq!(refused("{\"A\":\"hunter1\",\"A\":\"hunter2\"}"), "x: A stands twice with two different values");
    }

    #[test]
    fn errors_have_a_place_and_no_value() {
        for (text, place) in [
            ("A=1\nhunter2hunter2", "line 2, column 1"),
            ("A=1\n  2B=hunter2", "line 2, column 3"),
            ("A='hunter2", "line 1, column 3"),
            ("A=\"hunter2\" hunter2", "line 1, column 13"),
            ("{\"A\": \"hunter2\",\n \"B\": hunter2}", "line 2, column 7"),
            ("{\"A\": [\"hunter2\"]}", "line 1, column 18"),
            ("{\"A\": \"hunter2\"", "line 1, column"),
            ("{\"hunter2 x\": \"hunter2\"}", "line 1, column"),
            ("", "there is no name with a value in it"),
        ] {
            let error = parse(text, "the pasted block").unwrap_err();
            assert_eq!(error.kind, Kind::Input);
            assert!(error.what.contains(place), "{text}: {}", error.what);
            assert!(!format!("{error:?}{error}").contains("hunter2"), "{text}: {error}");
        }
    }
}
