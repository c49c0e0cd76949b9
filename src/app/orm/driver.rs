//! Neon's driver becomes node-postgres: imports, its settings, its names for types.
//! Never touches the HTTP driver: its queries give another shape, which code relies on.

use super::edit::Edit;
use super::imports::{Import, Imports};
use super::list::ListEdit;
use super::report::{Hand, Work};
use super::script::{Part, Script, arguments, items};

const NEON: &str = "@neondatabase/serverless";
const SERVERLESS: &str = "drizzle-orm/neon-serverless";
const HTTP: &str = "drizzle-orm/neon-http";
const WHY: &str = "Neon's driver speaks to Neon alone; node-postgres speaks to any PostgreSQL";

/// Drizzle's names of one driver, and of the other.
const RENAMED: &[(&str, &str)] = &[
    ("NeonDatabase", "NodePgDatabase"),
    ("NeonQueryResultHKT", "NodePgQueryResultHKT"),
    ("NeonTransaction", "NodePgTransaction"),
    ("NeonSession", "NodePgSession"),
    ("NeonClient", "NodePgClient"),
];

/// The edits of one file.
pub fn edit(script: &Script, imports: &Imports<'_>, work: &mut Work) {
    let http = imports
        .all
        .iter()
        .find(|import| import.module == HTTP || (import.module == NEON && import.names.iter().any(|name| name.exported == "neon")));
    if let Some(import) = http {
        let why = "the HTTP driver's `sql` is called as a tagged template and gives rows themselves, node-postgres gives `{ rows }`; it has `batch` and no `transaction`: \
                   write these calls anew for a `pg.Pool`";
        work.hands.push(Hand {
            path: script.path.clone(),
            line: script.line(import.statement.range().start),
            object: import.module.clone(),
            from: import.statement.text().into_owned(),
            to: "import pg from \"pg\"; drizzle from \"drizzle-orm/node-postgres\"".to_owned(),
            why: why.to_owned(),
        });
        return;
    }
    for import in &imports.all {
        if import.module == NEON {
            client(script, imports, import, work);
        } else if let Some(rest) = import.module.strip_prefix(SERVERLESS) {
            source(script, import, &format!("drizzle-orm/node-postgres{rest}"), work);
            names(script, import, work);
        }
    }
}

fn source(script: &Script, import: &Import<'_>, module: &str, work: &mut Work) {
    if let Some(source) = import.statement.field("source") {
        let quote = source.text().chars().next().unwrap_or(script.style().quote);
        work.edits.push(Edit::new(source.range(), format!("{quote}{module}{quote}"), WHY));
    }
}

/// `import { Pool, neonConfig } from "@neondatabase/serverless"`.
fn client(script: &Script, imports: &Imports<'_>, import: &Import<'_>, work: &mut Work) {
    settings(script, imports, import, work);
    if import.types {
        source(script, import, "pg", work);
        return;
    }
    let style = script.style();
    let listed = import.named.as_ref().map(items).unwrap_or_default();
    let (types, values): (Vec<_>, Vec<_>) = import
        .names
        .iter()
        .zip(listed)
        .filter(|(name, _)| name.exported != "neonConfig")
        .partition(|(_, part)| part.children().any(|child| child.kind() == "type"));
    let have = imports.all.iter().find(|other| other.module == "pg").and_then(|other| other.default.clone());
    let pg = have.clone().unwrap_or_else(|| "pg".to_owned());
    let mut lines = Vec::new();
    if have.is_none() && !values.is_empty() {
        lines.push(format!("import pg from {}{}", style.text("pg"), style.end()));
    }
    if !types.is_empty() {
        let names: Vec<String> = types.iter().map(|(_, part)| part.text().trim_start_matches("type ").trim().to_owned()).collect();
        lines.push(format!("import type {{ {} }} from {}{}", names.join(", "), style.text("pg"), style.end()));
    }
    if !values.is_empty() {
        let names: Vec<String> = values
            .iter()
            .map(|(name, _)| if name.exported == name.local { name.local.clone() } else { format!("{}: {}", name.exported, name.local) })
            .collect();
        lines.push(format!("const {{ {} }} = {pg}{}", names.join(", "), style.end()));
    }
    let range = if lines.is_empty() { imports.whole_line(import.statement.range()) } else { import.statement.range() };
    work.edits.push(Edit::new(range, lines.join(style.newline), WHY));
    // A constant is no type: where the class was one, it is named in full.
    for (name, _) in values {
        for part in script.root().dfs().filter(|part| part.kind() == "type_identifier" && part.text() == name.local) {
            work.edits.push(Edit::new(part.range(), format!("{pg}.{}", name.exported), WHY));
        }
    }
}

/// `neonConfig.webSocketConstructor = ws` has no meaning for node-postgres.
fn settings(script: &Script, imports: &Imports<'_>, import: &Import<'_>, work: &mut Work) {
    let Some(config) = import.names.iter().find(|name| name.exported == "neonConfig") else { return };
    let uses: Vec<Part<'_>> = script.root().dfs().filter(|part| part.kind() == "identifier" && part.text() == config.local).collect();
    for part in uses.iter().filter(|part| !import.statement.range().contains(&part.range().start)) {
        let statement = part.ancestors().find(|up| up.kind() == "expression_statement");
        let sets = |statement: &Part<'_>| {
            items(statement).first().is_some_and(|inner| {
                inner.kind() == "assignment_expression" && inner.field("left").is_some_and(|left| left.range().start == part.range().start)
            })
        };
        match statement.filter(sets) {
            Some(statement) => {
                let line = imports.whole_line(statement.range());
                let start = line.start - script.indent(line.start).len();
                // One empty line stays of two that would meet.
                let (head, tail) = (script.text.get(..start).unwrap_or_default(), script.text.get(line.end..).unwrap_or_default());
                let newline = script.style().newline;
                let meet = head.ends_with(&newline.repeat(2)) && tail.starts_with(newline);
                let line = line.start..line.end + if meet { newline.len() } else { 0 };
                work.edits.push(Edit::new(start..line.end, "", "a setting of Neon's driver"));
            }
            None => work.hands.push(Hand {
                path: script.path.clone(),
                line: script.line(part.range().start),
                object: "neonConfig".to_owned(),
                from: part.parent().map(|up| up.text().into_owned()).unwrap_or_default(),
                to: String::new(),
                why: "node-postgres has no such settings: take it away".to_owned(),
            }),
        }
    }
}

/// Drizzle's own names, and the option for web sockets.
fn names(script: &Script, import: &Import<'_>, work: &mut Work) {
    for (old, new) in RENAMED.iter().filter(|(old, _)| import.names.iter().any(|name| name.exported == *old)) {
        for part in
            script.root().dfs().filter(|part| matches!(part.kind().as_ref(), "identifier" | "type_identifier") && part.text() == *old)
        {
            work.edits.push(Edit::new(part.range(), *new, WHY));
        }
    }
    let Some(drizzle) = import.names.iter().find(|name| name.exported == "drizzle") else { return };
    for call in script.root().dfs().filter(|part| part.kind() == "call_expression") {
        if call.field("function").is_none_or(|function| function.text() != drizzle.local) {
            continue;
        }
        for options in arguments(&call).iter().filter(|argument| argument.kind() == "object") {
            let is_ws = |item: &Part<'_>| item.text() == "ws" || item.field("key").is_some_and(|key| key.text() == "ws");
            let gone: Vec<(usize, String)> =
                items(options).iter().enumerate().filter(|(_, item)| is_ws(item)).map(|(place, _)| (place, WHY.to_owned())).collect();
            if !gone.is_empty() {
                work.edits.extend(ListEdit { script, list: options, gone: &gone, added: &[] }.edits());
            }
        }
    }
}

/// What to run so that the packages follow, when some file uses the new driver.
pub fn command(package: Option<&str>) -> Option<String> {
    let package: serde_json::Value = serde_json::from_str(package?).ok()?;
    let has =
        |name: &str| ["dependencies", "devDependencies"].iter().any(|kind| package.get(kind).is_some_and(|all| all.get(name).is_some()));
    let steps = [
        (!has("pg")).then_some("npm install pg"),
        (!has("@types/pg")).then_some("npm install -D @types/pg"),
        has(NEON).then_some("npm uninstall @neondatabase/serverless"),
    ];
    let steps: Vec<&str> = steps.into_iter().flatten().collect();
    (!steps.is_empty()).then(|| steps.join(" && "))
}

/// Whether a file is about this driver at all.
pub fn concerns(text: &str) -> bool {
    text.contains(NEON) || text.contains("drizzle-orm/neon-")
}
