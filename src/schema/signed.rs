//! SQL files as a person signed them, read back as statements: what is run is what stands in the files, edited or not.
//! Never parses SQL for meaning: only PostgreSQL's scanner, which knows where a statement ends, looks at it.

use super::statement::{Kind, Phase, Statement};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::text::digest;

/// Files with this number or a greater one wait for the data.
const AFTER: u32 = 50;

/// A statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Of its text, so that an edited statement is a new one.
    pub digest: String,
    /// What runs it; its id begins with file and line, `40-tables.sql:12`.
    pub statement: Statement,
}

/// Whether a file is one that a conversion writes: `40-tables.sql`.
pub fn is_signed(name: &str) -> bool {
    number(name).is_some()
}

fn number(name: &str) -> Option<u32> {
    let (number, rest) = name.strip_suffix(".sql")?.split_once('-')?;
    (!rest.is_empty()).then(|| number.parse().ok()).flatten()
}

/// The statements of the files (name, text), in the order to run them.
///
/// # Errors
/// [`ErrorKind::Input`] when a file cannot be taken apart, naming it.
pub fn read(files: &[(String, String)]) -> Result<Vec<Signed>> {
    let mut files: Vec<(u32, &String, &String)> =
        files.iter().filter_map(|(name, text)| number(name).map(|number| (number, name, text))).collect();
    files.sort();
    let mut out = Vec::new();
    for (number, name, text) in files {
        let statements = pg_query::split_with_scanner(text).map_err(|error| {
            Error::new(ErrorKind::Input, format!("{name}: it cannot be told where its statements end"))
                .because(&error)
                .hint("look for a quote or a dollar quote that does not end, or convert again into a new folder")
        })?;
        let (mut line, mut counted) = (1_usize, 0_usize);
        for piece in statements {
            let sql = without_comments(piece);
            if sql.is_empty() {
                continue;
            }
            let offset = (sql.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            line = line.saturating_add(text.get(counted..offset).unwrap_or_default().matches('\n').count());
            counted = offset;
            let first: String = sql.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
            let kind = if sql.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("set ")) { Kind::Session } else { Kind::Other };
            let digest = digest(sql, 12);
            out.push(Signed {
                digest,
                statement: Statement {
                    id: format!("{name}:{line} {first}"),
                    phase: if number >= AFTER { Phase::After } else { Phase::Before },
                    order: u32::try_from(out.len()).unwrap_or(u32::MAX).saturating_add(1),
                    object: first,
                    kind,
                    belongs_to: String::new(),
                    sql: sql.to_owned(),
                    asynchronous: false,
                },
            });
        }
    }
    Ok(out)
}

/// The statement without the comments before it and the semicolon after it.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest.trim_end_matches(';').trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_come_in_the_order_of_the_files_with_their_lines() {
        let files = [
            ("50-indexes.sql".to_owned(), "-- indexes for dsql; run after the data\n\nCREATE INDEX ASYNC a_b ON a (b);\n".to_owned()),
            ("report.md".to_owned(), "not SQL".to_owned()),
            (
                "40-tables.sql".to_owned(),
                "-- tables\nSET x = 1;\n\nCREATE TABLE a (\n  b text DEFAULT ';'\n);\n-- note\nCREATE TABLE c (d int);".to_owned(),
            ),
        ];
        let found = read(&files).unwrap();
        let told: Vec<(&str, Phase, Kind)> = found.iter().map(|s| (s.statement.id.as_str(), s.statement.phase, s.statement.kind)).collect();
        assert_eq!(
            told,
            [
                ("40-tables.sql:2 SET x = 1", Phase::Before, Kind::Session),
                ("40-tables.sql:4 CREATE TABLE a ( b text", Phase::Before, Kind::Other),
                ("40-tables.sql:8 CREATE TABLE c (d int)", Phase::Before, Kind::Other),
                ("50-indexes.sql:3 CREATE INDEX ASYNC a_b ON a", Phase::After, Kind::Other),
            ]
        );
        assert_eq!(found[1].statement.sql, "CREATE TABLE a (\n  b text DEFAULT ';'\n)");
    }

    #[test]
    fn a_file_that_does_not_end_is_named() {
        let error = read(&[("40-tables.sql".to_owned(), "CREATE TABLE a (b text DEFAULT 'x);".to_owned())]).unwrap_err();
        assert_eq!(error.what, "40-tables.sql: it cannot be told where its statements end");
    }
}
