//! What serves the built client leaves the file of vite's development server, which the production bundle then needs no more.
//! Only for the shape of Replit's template: `server/vite.ts` with `log` and `serveStatic`.

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::{Part, Script};
use super::syntax::{calls, exported, lines_of, name_of, statement_of};
use super::work::{Work, folder};

const WHY: &str = "the production bundle imported vite, a development package: without it the app does not start";
/// What moves, when it is there.
const MOVED: &[&str] = &["log", "serveStatic"];

pub fn edit(work: &mut Work) {
    for script in work.server(|path, text| path.ends_with("server/vite.ts") && text.contains("serveStatic") && text.contains("setupVite")) {
        let dir = folder(&script.path).to_owned();
        let target = format!("{dir}static.ts");
        let users: Vec<Script> = work
            .server(|path, text| path.starts_with(&dir) && path != script.path && (text.contains("/vite\"") || text.contains("/vite'")));
        if work.text(&target).is_some() {
            work.item(
                &script.path,
                None,
                "move log and serveStatic to a file of their own, and load ./vite in development only",
                "server/static.ts is there already",
            );
            continue;
        }
        let Some((moved, edits)) = split(&script) else { continue };
        let rewritten: Option<Vec<(Script, Vec<Edit>)>> =
            users.into_iter().map(|user| user_edits(&user).map(|edits| (user, edits))).collect();
        let Some(rewritten) = rewritten else {
            work.item(&script.path, None, "load ./vite by await import() in development only", WHY);
            continue;
        };
        if !work.put(&target, moved, WHY) {
            continue;
        }
        work.edit(&script, edits);
        for (user, edits) in rewritten {
            work.edit(&user, edits);
        }
    }
}

/// The new file, and what becomes of the old one.
fn split(script: &Script) -> Option<(String, Vec<Edit>)> {
    let root = script.root();
    let imports = Imports::of(script);
    let style = script.style();
    let functions: Vec<Part<'_>> = root
        .children()
        .filter(|part| part.kind() == "export_statement")
        .filter(|part| part.field("declaration").is_some_and(|inner| name_of(&inner).is_some_and(|name| MOVED.contains(&name.as_str()))))
        .collect();
    if functions.len() != MOVED.len() {
        return None;
    }
    let used = |name: &str, parts: &[Part<'_>]| {
        parts.iter().any(|part| {
            part.dfs().any(|inner| {
                matches!(inner.kind().as_ref(), "identifier" | "type_identifier" | "shorthand_property_identifier") && inner.text() == name
            })
        })
    };
    // A constant beside the functions that one of them needs cannot be moved blindly.
    let constants =
        root.children().filter(|part| part.kind() == "lexical_declaration").flat_map(|part| part.children().collect::<Vec<_>>());
    if constants
        .filter(|part| part.kind() == "variable_declarator")
        .filter_map(|part| part.field("name"))
        .any(|name| used(&name.text(), &functions))
    {
        return None;
    }
    let mut head = String::new();
    for import in &imports.all {
        let mut clauses = Vec::new();
        if let Some(default) = import.default.as_ref().filter(|name| used(name, &functions)) {
            clauses.push(default.clone());
        }
        if let Some(namespace) = import.namespace.as_ref().filter(|name| used(name, &functions)) {
            clauses.push(format!("* as {namespace}"));
        }
        let listed = import.named.as_ref().map(super::super::orm::script::items).unwrap_or_default();
        let names: Vec<String> = import
            .names
            .iter()
            .zip(listed)
            .filter(|(name, _)| used(&name.local, &functions))
            .map(|(_, part)| part.text().into_owned())
            .collect();
        if !names.is_empty() {
            clauses.push(format!("{{ {} }}", names.join(", ")));
        }
        if !clauses.is_empty() {
            let types = if import.types { "type " } else { "" };
            head.push_str(&format!(
                "import {types}{} from {}{}{}",
                clauses.join(", "),
                style.text(&import.module),
                style.end(),
                style.newline
            ));
        }
    }
    let bodies: Vec<String> = functions.iter().map(|part| format!("{}{}", part.text(), style.newline)).collect();
    let gap = if head.is_empty() { "" } else { style.newline };
    let moved = format!("{head}{gap}{}", bodies.join(style.newline));
    let mut edits: Vec<Edit> = functions.iter().map(|part| Edit::new(lines_of(script, part.range()), "", WHY)).collect();
    // What stays may still log.
    let stays: Vec<Part<'_>> = root.children().filter(|part| functions.iter().all(|gone| gone.range() != part.range())).collect();
    let needed: Vec<&str> = MOVED.iter().copied().filter(|name| used(name, &stays)).collect();
    let more = imports.edits(&edits);
    edits.extend(more);
    if !needed.is_empty() {
        let last = imports.all.last()?.statement.range().end;
        let text = format!("{}import {{ {} }} from {}{}", style.newline, needed.join(", "), style.text("./static"), style.end());
        edits.push(Edit::new(last..last, text, WHY));
    }
    Some((moved, edits))
}

/// A file that imports from ./vite: `setupVite` is loaded where it is called, the rest comes from ./static.
fn user_edits(script: &Script) -> Option<Vec<Edit>> {
    let imports = Imports::of(script);
    let import = imports.all.iter().find(|import| import.module == "./vite" || import.module.ends_with("/vite"))?;
    let style = script.style();
    if import.default.is_some() || import.namespace.is_some() || import.names.iter().any(|name| name.exported != name.local) {
        return None;
    }
    let kept: Vec<&str> = import.names.iter().map(|name| name.exported.as_str()).filter(|name| MOVED.contains(name)).collect();
    let module = import.module.trim_end_matches("vite");
    let mut edits = Vec::new();
    if kept.is_empty() {
        edits.push(Edit::new(imports.whole_line(import.statement.range()), "", WHY));
    } else {
        let text = format!("import {{ {} }} from {}{}", kept.join(", "), style.text(&format!("{module}static")), style.end());
        edits.push(Edit::new(import.statement.range(), text, WHY));
    }
    if !import.names.iter().any(|name| name.exported == "setupVite") {
        return Some(edits);
    }
    let called = calls(&script.root(), "setupVite");
    let [call] = called.as_slice() else { return None };
    call.parent().filter(|up| up.kind() == "await_expression")?;
    let statement = exported(&statement_of(call)?);
    let indent = script.indent(statement.range().start);
    let at = statement.range().start;
    let text = format!(
        "// An address that the bundler does not follow: vite's server is for development only.{nl}{indent}const {{ setupVite }} = await import(new URL({}, import.meta.url).href){}{nl}{indent}",
        style.text(&format!("{module}vite.ts")),
        style.end(),
        nl = style.newline
    );
    edits.push(Edit::new(at..at, text, WHY));
    Some(edits)
}
