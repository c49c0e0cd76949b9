//! A listener for idle connections that break: without one node-postgres ends the whole process when the server stops or fails over.
//! Never a second one, and never in a program that only its own file knows.

use regex::Regex;

use super::super::super::orm::edit::Edit;
use super::super::super::orm::script::{Part, bare};
use super::super::syntax::{is_typed, statement_of};
use super::super::work::Work;

const WHY: &str =
    "where nobody listens for it, an idle connection that breaks (Postgres stops or fails over) is an error that ends the whole process";

/// Behind each statement that makes a pool for all of a module.
pub fn edit(work: &mut Work) {
    let Ok(listens) = Regex::new(r#"\.(?:on|once|addListener)\(\s*["'`]error["'`]"#) else { return };
    let is_pg = |text: &str| ["\"pg\"", "'pg'"].iter().any(|module| text.contains(module)) && text.contains("Pool(");
    let is_shared = |text: &str| text.contains("export ") || text.contains("module.exports") || text.contains("exports.");
    for script in work.server(|_, text| is_pg(text) && is_shared(text) && !listens.is_match(text)) {
        let style = script.style();
        let mut edits = Vec::new();
        for part in script.root().dfs().filter(|part| part.kind() == "variable_declarator") {
            let Some((name, statement)) = pool(&part) else { continue };
            let elsewhere = Regex::new(&format!(r#"\b{name}\s*\.(?:on|once|addListener)\(\s*["'`]error["'`]"#));
            if elsewhere.is_ok_and(|elsewhere| work.any(|_, text| elsewhere.is_match(text))) {
                continue;
            }
            let error = if is_typed(&script.path) { "error: Error" } else { "error" };
            let line = format!(
                "{name}.on({}, ({error}) => console.error(`idle connection to Postgres: ${{error.message}}`))",
                style.text("error")
            );
            let end = statement.range().end;
            // a word behind the statement is about it
            let rest = script.text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
            let at = if rest.trim_start_matches([';', ' ', '\t']).starts_with("//") || rest.trim_start().starts_with(';') {
                end + rest.len()
            } else {
                end
            };
            edits.push(Edit::new(at..at, format!("{}{line}{}", style.newline, style.end()), WHY));
        }
        work.edit(&script, edits);
    }
}

/// `const pool = new Pool(…)` of a module: the name, and the statement.
fn pool<'r>(part: &Part<'r>) -> Option<(String, Part<'r>)> {
    let name = part.field("name").filter(|name| name.kind() == "identifier")?.text().into_owned();
    let value = super::reach::made(&part.field("value")?);
    let class = bare(&value).field("constructor")?;
    let statement = statement_of(part)?;
    let is_one = class.text().rsplit('.').next() == Some("Pool") && statement.parent().is_some_and(|up| up.kind() == "program");
    is_one.then_some((name, statement))
}
