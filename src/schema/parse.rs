//! From the text of a dump to statements with their line, text and tree, by PostgreSQL's own parser.
//! Never interprets a statement beyond leaving out what only speaks to psql or sets up pg_dump's session.

use pg_query::NodeEnum;

use super::names;
use crate::error::{Error, Kind, Result};

/// One statement of the dump.
#[derive(Debug, Clone)]
pub struct Source {
    /// Line in the dump where it begins, from 1.
    pub line: usize,
    /// Its text without leading comments and final semicolon.
    pub text: String,
    pub node: NodeEnum,
}

/// Parses a dump. Errors: [`Kind::Input`] that names the line and shows the text.
pub fn parse(dump: &str) -> Result<Vec<Source>> {
    let sql = without_meta_commands(dump);
    let parsed = pg_query::parse(&sql, 0).map_err(|error| explain(&sql, &error))?;
    let mut sources = Vec::with_capacity(parsed.protobuf.stmts.len());
    for raw in parsed.protobuf.stmts {
        let start = usize::try_from(raw.stmt_location).unwrap_or(0);
        let end = if raw.stmt_len == 0 { sql.len() } else { start.saturating_add(usize::try_from(raw.stmt_len).unwrap_or(0)) };
        let slice = sql.get(start..end).unwrap_or_default();
        let text = without_leading_comments(slice);
        let line = line_of(&sql, start.saturating_add(slice.len().saturating_sub(text.len())));
        let Some(node) = raw.stmt.and_then(|stmt| stmt.node) else { continue };
        if !is_session(&node) {
            sources.push(Source { line, text: text.trim_end().to_owned(), node });
        }
    }
    Ok(sources)
}

/// Blanks psql's `\restrict` and friends, keeping every line where it was.
fn without_meta_commands(dump: &str) -> String {
    let meta = |line: &str| ["\\restrict ", "\\unrestrict ", "\\connect "].iter().any(|command| line.starts_with(command));
    dump.lines().map(|line| if meta(line) { "" } else { line }).collect::<Vec<_>>().join("\n")
}

fn without_leading_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest
}

fn line_of(sql: &str, offset: usize) -> usize {
    sql.get(..offset).unwrap_or_default().matches('\n').count().saturating_add(1)
}

/// `SET` and `SELECT pg_catalog.set_config(...)`: pg_dump's own session, no object.
fn is_session(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::VariableSetStmt(_) => true,
        NodeEnum::SelectStmt(select) => select.target_list.iter().any(|target| {
            let Some(NodeEnum::ResTarget(target)) = &target.node else { return false };
            let Some(NodeEnum::FuncCall(call)) = target.val.as_ref().and_then(|val| val.node.as_ref()) else { return false };
            names::parts(&call.funcname).last().is_some_and(|name| name == "set_config")
        }),
        _ => false,
    }
}

/// Finds the statement that fails by trying them one by one.
fn explain(sql: &str, error: &pg_query::Error) -> Error {
    let hint = "make the dump again with `pg_dump --schema-only --no-owner --no-privileges` in plain text; a statement of your own must be valid PostgreSQL 18";
    for statement in pg_query::split_with_scanner(sql).unwrap_or_default() {
        let Err(cause) = pg_query::parse(statement, 0) else { continue };
        let text = without_leading_comments(statement);
        let offset = (text.as_ptr() as usize).saturating_sub(sql.as_ptr() as usize);
        let shown: String = text.lines().take(4).collect::<Vec<_>>().join("\n").chars().take(300).collect();
        return Error::new(Kind::Input, format!("cannot parse the dump at line {}", line_of(sql, offset)))
            .because(&cause)
            .cause(shown)
            .hint(hint);
    }
    Error::new(Kind::Input, "cannot parse the dump").because(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_carry_line_and_text_and_the_session_is_left_out() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\n-- Name: t\nCREATE TABLE public.t (\n    a integer -- kept\n);\n\n\\unrestrict abc\n";
        let found = parse(dump).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].text.as_str()), (10, "CREATE TABLE public.t (\n    a integer -- kept\n)"));
    }

    #[test]
    fn an_error_names_the_line_and_shows_the_text() {
        let error = parse("CREATE TABLE a (b int);\n\n-- note\nCREATE TABEL c (d int);\n").unwrap_err();
        assert_eq!(error.what, "cannot parse the dump at line 4");
        assert_eq!(error.causes, ["Invalid statement: syntax error at or near \"TABEL\"", "CREATE TABEL c (d int)"]);
    }
}
