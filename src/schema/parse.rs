//! From the text of a dump to statements with their line, text and tree, by PostgreSQL's own parser.
//! Never interprets a statement beyond setting aside what makes no object: see [`super::aside`].

use pg_query::NodeEnum;

use super::aside::{self, Asides};
use super::place::Text;
use super::script::{Command, Part, Piece, Script};
use super::{threads, wrong};
use crate::error::Result;

/// One statement of the dump.
#[derive(Debug, Clone)]
pub struct Source {
    /// Line in the dump where it begins, from 1.
    pub line: usize,
    /// The same in bytes, from 0.
    pub offset: usize,
    /// Its text without leading comments and final semicolon.
    pub text: String,
    pub node: NodeEnum,
}

/// The statements that make objects, and all else.
#[derive(Debug, Default)]
pub struct Parsed {
    pub sources: Vec<Source>,
    pub asides: Asides,
}

/// Parses a dump. Errors: [`crate::error::Kind::Input`] with file, line, column and a caret.
pub fn parse(name: &str, dump: &str) -> Result<Parsed> {
    let text = Text { name, text: dump };
    let mut parsed = Parsed::default();
    let mut lines = Lines { dump, at: 0, line: 1 };
    let mut databases = Databases::default();
    let mut rows = None;
    let parts: Vec<Part<'_>> = Script::new(dump).collect();
    let pieces = parts.iter().filter_map(|part| match part {
        Part::Statement(piece) if !is_insert(piece.text) => Some(*piece),
        _ => None,
    });
    let mut trees = threads::map(pieces.collect(), |piece| tree(&text, piece)).into_iter();
    for part in parts {
        match part {
            Part::Open(at, what) => return Err(wrong::open(&text, at, what)),
            Part::Rows(count) => parsed.asides.rows(rows.take().unwrap_or_default(), count),
            Part::Command(command) => database(&text, &mut databases, &mut parsed.asides, command)?,
            Part::Statement(piece) if is_insert(piece.text) => parsed.asides.insert(piece.text),
            Part::Statement(piece) => {
                let Some(node) = trees.next().transpose()?.flatten() else { continue };
                if let NodeEnum::CopyStmt(copy) = &node {
                    rows = Some(super::names::relation(copy.relation.as_ref()));
                    continue;
                }
                if let Some(set) = aside::refuses(&node) {
                    return Err(wrong::at(&text, piece.offset, set.0, set.1));
                }
                if parsed.asides.take(&node) {
                    continue;
                }
                databases.hold(&text, piece.offset)?;
                parsed.sources.push(Source { line: lines.of(piece.offset), offset: piece.offset, text: piece.text.to_owned(), node });
            }
        }
    }
    if is_cut(dump) {
        return Err(wrong::cut(&text));
    }
    Ok(parsed)
}

fn tree(text: &Text<'_>, piece: Piece<'_>) -> Result<Option<NodeEnum>> {
    let found = pg_query::parse(piece.text, 0).map_err(|error| wrong::refused(text, piece, &error))?;
    // What the parser gives has room to grow, which it never does: a copy takes half of the memory.
    Ok(found.protobuf.stmts.first().and_then(|raw| raw.stmt.as_ref()).and_then(|stmt| stmt.node.clone()))
}

/// Rows of a dump made with `--inserts`: many, and not looked at.
fn is_insert(statement: &str) -> bool {
    statement.get(..12).is_some_and(|head| head.eq_ignore_ascii_case("INSERT INTO "))
}

/// `pg_dump` says when it begins and when it is done.
fn is_cut(dump: &str) -> bool {
    let says = |what: &str| dump.lines().any(|line| line.trim_end() == what);
    dump.lines().take(8).any(|line| line.trim_end() == "-- PostgreSQL database dump") && !says("-- PostgreSQL database dump complete")
}

/// Line numbers of offsets that only grow.
struct Lines<'a> {
    dump: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, offset: usize) -> usize {
        let passed = self.dump.get(self.at..offset).unwrap_or_default().matches('\n').count();
        (self.at, self.line) = (offset, self.line.saturating_add(passed));
        self.line
    }
}

/// The databases that a dump of a whole server goes through.
#[derive(Default)]
struct Databases {
    now: Option<String>,
    /// The one whose objects were seen first, if it has a name.
    first: Option<Option<String>>,
}

impl Databases {
    fn hold(&mut self, text: &Text<'_>, offset: usize) -> Result<()> {
        let first = self.first.get_or_insert_with(|| self.now.clone());
        if *first == self.now {
            return Ok(());
        }
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "the first".to_owned());
        let what = format!("the dump holds more than one database: {} and {}", name(first), name(&self.now));
        Err(wrong::at(text, offset, &what, "convert one database at a time: `pg_dump --schema-only -d NAME` for each"))
    }
}

fn database(text: &Text<'_>, databases: &mut Databases, asides: &mut Asides, command: Command<'_>) -> Result<()> {
    match command.name {
        "connect" | "c" => {
            databases.now = Some(aside::database(command.rest));
        }
        "restrict" | "unrestrict" => {}
        "encoding" | "echo" | "qecho" | "warn" | "set" | "unset" | "pset" | "timing" | "x" | "a" | "t" => {
            asides.psql(command.name);
        }
        other => {
            let what = format!("psql's command \\{other} is not run here");
            return Err(wrong::at(text, command.offset, &what, wrong::PSQL));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_carry_line_and_text_and_the_session_is_left_out() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\n-- Name: t\nCREATE TABLE public.t (\n    a integer -- kept\n);\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n";
        let found = parse("dump", dump).unwrap().sources;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].text.as_str()), (10, "CREATE TABLE public.t (\n    a integer -- kept\n)"));
    }

    #[test]
    fn an_error_names_the_place_and_shows_it() {
        let error = parse("d.sql", "CREATE TABLE a (b int);\n\n-- note\nCREATE TABEL c (d int);\n").unwrap_err();
        assert_eq!(error.what, "cannot parse d.sql:4:8: syntax error at or near \"TABEL\"");
        assert_eq!(error.causes, ["in this line\n    4 | CREATE TABEL c (d int);\n      |        ^", "expected: TABLE"]);
    }
}
