//! Edits of an app's own schema files, so that they say what the converted database is: Drizzle by syntax tree, Prisma as a report.
//! Never converts a schema, never reads or writes a file.

mod builder;
mod columns;
mod config;
mod database;
mod defaults;
pub(super) mod driver;
pub(super) mod edit;
mod enums;
mod extras;
pub(super) mod imports;
pub(super) mod list;
mod prisma;
mod project;
pub(super) mod report;
pub(super) mod script;
mod sql_type;

pub use database::{Change, Schema};
pub use edit::{FileEdit, Shown};
pub use report::{Hand, Note, Outcome};

use columns::Place;
use edit::apply;
use project::{Project, returned};
use report::Work;
use script::Script;

/// Builders of arrays' operators that JSON does not have.
const ARRAY_OPERATORS: &[&str] = &["arrayContains", "arrayContained", "arrayOverlaps"];

/// Works out the edits for an app's files (path from its root, text). The same input gives the same outcome;
/// files that already say what the database becomes are left as they are.
pub fn edit(files: &[(String, String)], change: &Change) -> Outcome {
    let scripts: Vec<Script> = files
        .iter()
        .filter(|(path, text)| text.contains("drizzle-orm") || driver::concerns(text) || config::is_config(path))
        .filter_map(|(path, text)| Script::read(path, text))
        .collect();
    let project = Project::read(&scripts);
    let tables: Vec<_> = (0..scripts.len()).map(|file| project.tables(file)).collect();
    let old_form = old_form(&tables, files);
    let mut outcome = Outcome::default();
    let mut new_driver = false;
    for (file, script) in scripts.iter().enumerate() {
        let Some(imports) = project.imports.get(file) else { continue };
        let mut work = Work::default();
        for declared in project.declared.iter().filter(|declared| declared.file == file) {
            enums::edit(&project, script, declared, change, &mut work);
        }
        for call in tables.get(file).into_iter().flatten() {
            match (change.from.table(&call.name), change.to.table(&call.name)) {
                (Some(from), Some(to)) => {
                    let place = Place { project: &project, script, imports, file, call, from, to };
                    place.columns(&mut work);
                    place.extras(old_form, &mut work);
                }
                (from, _) => {
                    let what = if from.is_some() { "the conversion leaves this table out" } else { "the database has no such table" };
                    let line = script.line(call.call.range().start);
                    work.notes.push(Note { path: script.path.clone(), line, what: format!("{}: {what}", call.name) });
                }
            }
        }
        array_operators(script, imports, change, &mut work);
        if config::is_config(&script.path) {
            config::read(script, change, &mut work);
        }
        let before_driver = work.edits.len();
        driver::edit(script, imports, &mut work);
        new_driver |= work.edits.len() > before_driver;
        if !work.edits.is_empty() {
            if script.is_broken() {
                let what = "this file cannot be read in full: look at its edits closely".to_owned();
                work.notes.push(Note { path: script.path.clone(), line: 1, what });
            }
            let more = imports.edits(&work.edits);
            work.edits.extend(more);
        }
        outcome.files.extend(apply(&script.path, &script.text, work.edits));
        outcome.hands.extend(work.hands);
        outcome.notes.extend(work.notes);
    }
    let text_of = |name: &str| files.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str());
    if new_driver {
        outcome.commands.extend(driver::command(text_of("package.json")));
    }
    undeclared(&scripts, &tables, change, &mut outcome);
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".prisma")) {
        outcome.hands.extend(prisma::report(path, text, change));
    }
    outcome
}

/// Whether what stands beside columns is written `(t) => ({ … })`: as the app does, else by the version it asks for.
fn old_form(tables: &[Vec<project::TableCall<'_>>], files: &[(String, String)]) -> bool {
    let mut forms = tables.iter().flatten().filter_map(|call| returned(call.extras.as_ref()?)).map(|list| list.kind() == "object");
    if let Some(first) = forms.next() {
        return first;
    }
    let package =
        files.iter().find(|(path, _)| path == "package.json").and_then(|(_, text)| serde_json::from_str::<serde_json::Value>(text).ok());
    let version = package.as_ref().and_then(|package| package.pointer("/dependencies/drizzle-orm")).and_then(|version| version.as_str());
    let mut numbers = version.unwrap_or_default().split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(0), Some(minor)) if minor < 36)
}

fn array_operators(script: &Script, imports: &imports::Imports<'_>, change: &Change, work: &mut Work) {
    let arrays = change.from.tables.iter().any(|from| {
        let to = change.to.table(&from.name);
        from.columns.iter().any(|column| {
            column.type_name.ends_with(']') && to.and_then(|to| to.column(&column.name)).is_some_and(|to| !to.type_name.ends_with(']'))
        })
    });
    if !arrays {
        return;
    }
    for import in &imports.all {
        for name in
            import.names.iter().filter(|name| import.module == imports::DRIZZLE && ARRAY_OPERATORS.contains(&name.exported.as_str()))
        {
            work.hands.push(Hand {
                path: script.path.clone(),
                line: script.line(import.statement.range().start),
                object: name.exported.clone(),
                from: name.exported.clone(),
                to: "sql`${column} @> ${JSON.stringify(values)}::jsonb`".to_owned(),
                why: "arrays become jsonb: this operator does not know it".to_owned(),
            });
        }
    }
}

/// Tables of the database that no file declares, in schemas that the app declares tables of.
fn undeclared(scripts: &[Script], tables: &[Vec<project::TableCall<'_>>], change: &Change, outcome: &mut Outcome) {
    let schema = |name: &str| name.split_once('.').map(|(schema, _)| schema.to_owned());
    let declared: Vec<&str> = tables.iter().flatten().map(|call| call.name.as_str()).collect();
    for table in change.from.tables.iter().filter(|table| !declared.contains(&table.name.as_str())) {
        // Said at the first table of its schema; schemas that the app declares nothing of are somebody else's.
        let mut places = tables.iter().zip(scripts).flat_map(|(calls, script)| calls.iter().map(move |call| (call, script)));
        if let Some((call, script)) = places.find(|(call, _)| schema(&call.name) == schema(&table.name)) {
            let what = format!("{}: the database has this table, no file declares it", table.name);
            outcome.notes.push(Note { path: script.path.clone(), line: script.line(call.call.range().start), what });
        }
    }
}

#[cfg(test)]
mod tests;
