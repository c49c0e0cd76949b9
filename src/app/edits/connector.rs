//! Keys that a Replit connector hands out come from the environment instead, for vendors that have keys.
//! Which settings are which variables is data (`assets/connectors.toml`); a vendor that is not in it is left to a person.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::{Part, Script, bare, items, key_of};
use super::package;
use super::syntax::{exported, function_of, is_function, lines_of, name_of, required, statement_of};
use super::work::{Work, line_of};

const HOST: &str = "REPLIT_CONNECTORS_HOSTNAME";
const SDK: &str = "@replit/connectors-sdk";
const WHY: &str = "the key was handed out by Replit's connector; on AWS it is a secret of your own, in the environment";

#[derive(Deserialize)]
struct Table {
    connector: Vec<Connector>,
}

#[derive(Deserialize)]
struct Connector {
    name: String,
    /// Setting → variable.
    settings: BTreeMap<String, String>,
}

pub fn edit(work: &mut Work) {
    let Ok(table) = toml::from_str::<Table>(include_str!("../../../assets/connectors.toml")) else { return };
    for script in work.server(|_, text| text.contains(HOST)) {
        let edits = of_file(&script, &table.connector, work);
        work.edit(&script, edits);
    }
    left(work);
    let other = |path: &str, text: &str| {
        text.contains(SDK) && !path.ends_with(".json")
            || (path.ends_with(".py") && (text.contains(HOST) || text.contains("connectors.replit.com/api/v2/connection")))
    };
    for path in work.paths(other) {
        let text = work.text(&path).unwrap_or_default();
        let at = text.find(SDK).or_else(|| text.find(HOST)).unwrap_or_default();
        let line = line_of(text, at);
        work.item(&path, Some(line), "read the vendor's key from the environment, or make an OAuth app of your own at the vendor", WHY);
    }
    for file in work.paths(|path, text| path.ends_with("package.json") && text.contains(SDK)) {
        if !package::is_used(work, SDK) {
            package::remove(work, &file, &[SDK], "no file uses it any more");
        }
    }
}

fn of_file(script: &Script, known: &[Connector], work: &mut Work) -> Vec<Edit> {
    let root = script.root();
    let mut edits = Vec::new();
    let mut done: Vec<std::ops::Range<usize>> = Vec::new();
    let mut vendors: Vec<&Connector> = Vec::new();
    for part in root
        .dfs()
        .filter(|part| matches!(part.kind().as_ref(), "property_identifier" | "string") && part.text().trim_matches(['"', '\'']) == HOST)
    {
        let line = Some(script.line(part.range().start));
        let Some(function) = outer_function(&part) else {
            work.item(&script.path, line, "read the vendor's key from the environment", WHY);
            continue;
        };
        if done.contains(&function.range()) {
            continue;
        }
        done.push(function.range());
        let vendor = vendor(&function);
        let connector = vendor.as_deref().and_then(|vendor| known.iter().find(|connector| connector.name == vendor));
        let Some(connector) = connector else {
            let vendor = vendor.unwrap_or_else(|| "the vendor".to_owned());
            let what = format!("make an app of your own at {vendor} (OAuth, or a service account) and get its token here");
            work.item(&script.path, line, &what, "there is no key to copy from this connector: Replit signed in for the app");
            continue;
        };
        match replaced(script, &function, connector) {
            Some(more) => {
                edits.extend(more);
                vendors.push(connector);
            }
            None => {
                let names: Vec<&str> = connector.settings.values().map(String::as_str).collect();
                work.item(&script.path, line, &format!("return {} from the environment", names.join(", ")), WHY);
            }
        }
    }
    if !edits.is_empty() {
        edits.extend(elsewhere(script, &edits, &vendors));
        edits.extend(kept_settings(script, &edits));
        let more = Imports::of(script).edits(&edits);
        edits.extend(more);
    }
    edits
}

/// The function of the file, not one within it.
fn outer_function<'r>(part: &Part<'r>) -> Option<Part<'r>> {
    let mut function = function_of(part)?;
    while let Some(outer) = function_of(&function) {
        function = outer;
    }
    Some(function)
}

/// `connector_names=stripe`, `set("connector_names", "stripe")`, `const connectorName = "stripe"`.
fn vendor(function: &Part<'_>) -> Option<String> {
    let pattern =
        regex::Regex::new(r#"connector_names=([a-z0-9-]+)|connector_names["'],\s*["']([a-z0-9-]+)|connectorName\s*=\s*["']([a-z0-9-]+)"#)
            .ok()?;
    let text = function.text().into_owned();
    let found = pattern.captures(&text)?;
    found.iter().skip(1).flatten().next().map(|name| name.as_str().to_owned())
}

/// The body anew: each setting that the function returned is read from its variable.
fn replaced(script: &Script, function: &Part<'_>, connector: &Connector) -> Option<Vec<Edit>> {
    let body = function.field("body").filter(|body| body.kind() == "statement_block")?;
    let own = |part: &Part<'_>| part.ancestors().find(is_function).is_some_and(|up| up.range() == function.range());
    let returned = body.dfs().filter(|part| part.kind() == "return_statement" && own(part)).last()?;
    let value = bare(&items(&returned).into_iter().next()?);
    // Name in the code, key in the answer, variable.
    let variable = |part: &Part<'_>| {
        let part = bare(part);
        let setting = part.field("property")?.text().into_owned();
        (part.kind() == "member_expression").then_some(())?;
        connector.settings.get(&setting).cloned()
    };
    let mut read: Vec<(String, String)> = Vec::new();
    let back = if value.kind() == "object" {
        for pair in items(&value) {
            read.push((key_of(&pair)?, variable(&pair.field("value")?)?));
        }
        format!("{{ {} }}", read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
    } else {
        read.push(("apiKey".to_owned(), variable(&value)?));
        "apiKey".to_owned()
    };
    let style = script.style();
    let indent = script.indent(function.range().start).to_owned();
    let mut lines: Vec<String> =
        read.iter().map(|(name, variable)| format!("const {name} = process.env.{variable}{}", style.end())).collect();
    let none: Vec<String> = read.iter().map(|(name, _)| format!("!{name}")).collect();
    let names: Vec<&str> = read.iter().map(|(_, variable)| variable.as_str()).collect();
    lines.push(format!("if ({}) {{", none.join(" || ")));
    lines.push(format!("  throw new Error({}){}", style.text(&format!("{} must be set", names.join(" and "))), style.end()));
    lines.push("}".to_owned());
    lines.push(format!("return {back}{}", style.end()));
    let text: String = lines.iter().map(|line| format!("{indent}  {line}{}", style.newline)).collect();
    let mut edits = vec![Edit::new(body.range(), format!("{{{}{text}{indent}}}", style.newline), WHY)];
    // A comment right above that speaks of the connector is no longer true.
    let statement = exported(&statement_of(function)?);
    let comment = statement
        .prev()
        .filter(|part| part.kind() == "comment" && script.line(part.range().end) + 1 == script.line(statement.range().start));
    if let Some(comment) = comment.filter(|comment| comment.text().to_lowercase().contains("connector")) {
        edits.push(Edit::new(lines_of(script, comment.range()), "", "speaks of Replit's connector"));
    }
    Some(edits)
}

/// `connectionSettings.settings.from_email` outside of the bodies that set it: nothing sets it any more.
fn elsewhere(script: &Script, edits: &[Edit], vendors: &[&Connector]) -> Vec<Edit> {
    let [vendor] = vendors else { return Vec::new() };
    let gone = |at: usize| edits.iter().any(|edit| edit.range.contains(&at));
    let of = |up: Option<Part<'_>>, object: &Part<'_>| {
        let up = up.filter(|up| up.kind() == "member_expression")?;
        let whole = up.field("object").is_some_and(|its| its.range().start == object.range().start);
        whole.then(|| up.field("property").map(|property| (up.range(), property.text().into_owned()))).flatten()
    };
    let mut out = Vec::new();
    for name in settings(script, edits) {
        for part in uses(script, &name).into_iter().filter(|part| !gone(part.range().start)) {
            // settings, then the name of one
            let mut steps = part.ancestors().filter(|up| up.kind() != "non_null_expression");
            let read = of(steps.next(), &part).filter(|(_, name)| name == "settings").and_then(|_| of(steps.next(), &part));
            let variable = read.and_then(|(range, key)| Some((range, vendor.settings.get(&key)?)));
            if let Some((range, variable)) = variable {
                out.push(Edit::new(range, required(script, variable), WHY));
            }
        }
    }
    out
}

/// A variable of a connector's that nothing sets and something reads.
fn left(work: &mut Work) {
    for script in work.server(|_, text| text.contains("ettings") && text.contains(".settings")) {
        let root = script.root();
        for name in root.children().filter(is_let).flat_map(|statement| items(&statement)).filter(|one| one.field("value").is_none()) {
            let Some(name) = name_of_variable(&name).filter(|name| sets(&script, name).is_empty()) else { continue };
            let reads =
                |part: &Part<'_>| part.ancestors().take(2).any(|up| up.text().starts_with(&name) && up.text().contains(".settings"));
            for part in uses(&script, &name).into_iter().filter(reads) {
                let what = format!("read what {name} held from the environment here");
                let why = "the connector filled this variable; nothing does so any more, and reading it fails";
                work.item(&script.path, Some(script.line(part.range().start)), &what, why);
            }
        }
    }
}

fn is_let(part: &Part<'_>) -> bool {
    part.kind() == "lexical_declaration" && part.text().starts_with("let ")
}

/// Where a name stands, but for its declaration.
fn uses<'r>(script: &'r Script, name: &str) -> Vec<Part<'r>> {
    let declared = |part: &Part<'_>| {
        part.parent()
            .is_some_and(|up| up.kind() == "variable_declarator" && up.field("name").is_some_and(|own| own.range() == part.range()))
    };
    script.root().dfs().filter(|part| part.kind() == "identifier" && part.text() == name && !declared(part)).collect()
}

/// Where a name is given a value.
fn sets(script: &Script, name: &str) -> Vec<usize> {
    let root = script.root();
    let is_it = |left: &Part<'_>| left.text() == name || (left.kind().ends_with("_pattern") && left.dfs().any(|part| part.text() == name));
    let assigned = root.dfs().filter(|part| part.kind() == "assignment_expression");
    assigned.filter(|part| part.field("left").is_some_and(|left| is_it(&left))).map(|part| part.range().start).collect()
}

/// Variables of the file that only the old bodies set.
fn settings(script: &Script, edits: &[Edit]) -> Vec<String> {
    let gone = |at: usize| edits.iter().any(|edit| edit.range.contains(&at));
    let names = script
        .root()
        .children()
        .filter(is_let)
        .flat_map(|statement| items(&statement))
        .filter_map(|one| name_of_variable(&one))
        .collect::<Vec<_>>();
    let ours = |name: &String| {
        let sets = sets(script, name);
        !sets.is_empty() && sets.iter().all(|at| gone(*at))
    };
    names.into_iter().filter(ours).collect()
}

/// `let connectionSettings: any;` that only the old bodies used.
fn kept_settings(script: &Script, edits: &[Edit]) -> Vec<Edit> {
    let root = script.root();
    let gone = |at: usize| edits.iter().any(|edit| edit.range.contains(&at));
    let mut out = Vec::new();
    for statement in root.children().filter(is_let) {
        let declared = items(&statement);
        let [one] = declared.as_slice() else { continue };
        let Some(name) = name_of_variable(one) else { continue };
        let uses: Vec<usize> = root
            .dfs()
            .filter(|part| part.kind() == "identifier" && part.text() == name && !statement.range().contains(&part.range().start))
            .map(|part| part.range().start)
            .collect();
        if !uses.is_empty() && uses.iter().all(|at| gone(*at)) {
            out.push(Edit::new(lines_of(script, statement.range()), "", "only the connector's code used it"));
        }
    }
    out
}

fn name_of_variable(part: &Part<'_>) -> Option<String> {
    (part.kind() == "variable_declarator")
        .then(|| part.field("name").map(|name| name.text().into_owned()))
        .flatten()
        .or_else(|| name_of(part))
}
