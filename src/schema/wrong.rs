//! Why a dump cannot be read: the place, the line with a caret, what was expected there and what to do.
//! Never reads on: the first thing that is wrong is the one that is told.

use super::place::Text;
use super::product::Product;
use super::script::{Open, Piece};
use crate::error::{Error, Kind};

const AGAIN: &str = "make the dump again with `pg_dump --schema-only --no-owner --no-privileges` in plain text; a statement of your own must be valid PostgreSQL 18";
const CUT: &str = "the file is cut off or was changed: make the dump again and see that pg_dump ends with exit code 0";

/// What to do with a script that only psql can run.
pub const PSQL: &str = "run the script with psql in an empty Postgres, then convert what `pg_dump --schema-only` prints there";

/// What may stand at a place, by the tokens that are tried there.
const TOKENS: [(&str, &str); 9] = [
    ("TABLE", "TABLE"),
    ("a name", "x"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    ("a type", "pg_catalog.int4"),
    ("a value", "1"),
    ("a text", "'x'"),
    ("NULL", "NULL"),
];

/// A statement that PostgreSQL's parser refuses.
pub fn refused(text: &Text<'_>, piece: Piece<'_>, cause: &pg_query::Error) -> Error {
    let said = match cause {
        pg_query::Error::Parse(said) | pg_query::Error::Scan(said) => said.clone(),
        pg_query::Error::Decode(_) => "it is nested too deeply to be read".to_owned(),
        pg_query::Error::Conversion(_)
        | pg_query::Error::InvalidJson(_)
        | pg_query::Error::InvalidPointer
        | pg_query::Error::IsUtility(_)
        | pg_query::Error::Split(_) => cause.to_string(),
    };
    let (within, expected) = offender(piece.text, &said);
    let at = piece.offset.saturating_add(within);
    let mut error = Error::new(Kind::Input, format!("cannot parse {}: {said}", text.place(at))).cause(text.shown(at));
    if within == 0 {
        error = error.cause("expected: the beginning of a statement of PostgreSQL, such as CREATE TABLE");
    } else if !expected.is_empty() {
        error = error.cause(format!("expected: {}", expected.join(" or ")));
    }
    if said.contains("near \":\"") || said.contains("near \"\\\"") {
        return error.hint(format!("psql's variables and commands are not followed: {PSQL}"));
    }
    let last = text.text.get(piece.offset.saturating_add(piece.text.len())..).is_none_or(|rest| rest.trim().is_empty());
    if last && said.contains("end of input") {
        return error.hint(CUT);
    }
    // The words of another product near the place say more than a whole file that may name them in passing.
    error.hint(Product::of(text.text).map_or_else(|| AGAIN.to_owned(), Product::hint))
}

/// What was opened and never closed.
pub fn open(text: &Text<'_>, at: usize, what: Open) -> Error {
    let (what, expected) = match what {
        Open::String => ("a quoted text begins here and never ends", "a closing '"),
        Open::Name => ("a quoted name begins here and never ends", "a closing \""),
        Open::Dollar => ("a dollar-quoted text begins here and never ends", "the same $tag$ again"),
        Open::Comment => ("a comment begins here and never ends", "a closing */"),
        Open::Rows => ("the rows of a COPY begin here and never end", "a line with \\. alone"),
    };
    Error::new(Kind::Input, format!("cannot parse {}: {what}", text.place(at)))
        .cause(text.shown(at))
        .cause(format!("expected: {expected} before the end of the file"))
        .hint(Product::of(text.text).map_or_else(|| CUT.to_owned(), Product::hint))
}

/// Anything else that is wrong with a place.
pub fn at(text: &Text<'_>, offset: usize, what: &str, hint: &str) -> Error {
    Error::new(Kind::Input, format!("{}: {what}", text.place(offset))).cause(text.shown(offset)).hint(hint)
}

/// A dump whose last line is missing.
pub fn cut(text: &Text<'_>) -> Error {
    let end = text.text.trim_end().len();
    Error::new(Kind::Input, format!("{}: the dump is cut off", text.place(end)))
        .cause(text.shown(end))
        .cause("expected: `-- PostgreSQL database dump complete`, as pg_dump writes last")
        .hint(format!("{CUT}. If it was cut on purpose, take the line `-- PostgreSQL database dump` at its beginning away too"))
}

/// Where in a statement the first token stands that cannot be there, and what could.
fn offender(statement: &str, said: &str) -> (usize, Vec<&'static str>) {
    let Ok(tokens) = pg_query::scan_tokens(statement) else { return (named(statement, said), Vec::new()) };
    let ends: Vec<(usize, usize)> =
        tokens.iter().filter_map(|t| Some((usize::try_from(t.start).ok()?, usize::try_from(t.end).ok()?))).collect();
    // A beginning is sound when nothing but its end is wrong.
    let sound = |text: &str| match pg_query::parse(text, 0) {
        Ok(_) | Err(pg_query::Error::Decode(_)) => true,
        Err(error) => error.to_string().contains("at end of input"),
    };
    let begins = |count: usize| {
        count.checked_sub(1).and_then(|last| ends.get(last)).map_or("", |(_, end)| statement.get(..*end).unwrap_or_default())
    };
    if sound(statement) && !said.contains("end of input") {
        // The grammar is kept; something else is wrong with it.
        return (named(statement, said), Vec::new());
    }
    let (mut good, mut bad) = (0, ends.len().saturating_add(1));
    while bad.saturating_sub(good) > 1 {
        let middle = good.midpoint(bad);
        if middle <= ends.len() && sound(begins(middle)) { good = middle } else { bad = middle }
    }
    let head = begins(good);
    let expected = TOKENS.iter().filter(|(_, token)| good > 0 && sound(&format!("{head} {token}"))).map(|(name, _)| *name).collect();
    (ends.get(good).map_or(statement.len(), |(start, _)| *start), expected)
}

/// The place of what the parser's message quotes.
fn named(statement: &str, said: &str) -> usize {
    let quoted = said.split_once("near \"").map(|(_, rest)| rest.strip_suffix('"').unwrap_or(rest));
    quoted.and_then(|quoted| statement.find(quoted)).unwrap_or_default()
}
