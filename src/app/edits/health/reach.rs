//! The app's own clients of database and Redis, as far as a file can reach them by an import.
//! Never makes a client: what is not exported is left to a person.

use super::super::super::orm::imports::Imports;
use super::super::super::orm::script::{Part, Script, bare};
use super::super::browser::Side;
use super::super::syntax::is_typed;
use super::super::work::{Work, folder};
use super::scope::Scope;
use super::{DATABASE, REDIS, WHY, ask_store_within, has};

/// What the route asks, and what its file imports for that.
#[derive(Default)]
pub struct Reach {
    pub imports: Vec<String>,
    pub checks: Vec<String>,
}

impl Reach {
    /// `{ database: () => pool.query("select 1") }`.
    pub fn object(&self) -> String {
        if self.checks.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", self.checks.join(", ")) }
    }
}

/// The file that the route is in.
pub struct Place<'a> {
    pub path: &'a str,
    /// Which files it may speak for.
    pub scope: &'a Scope,
    /// `None`: it is not there yet.
    pub script: Option<(&'a Script, &'a Imports<'a>)>,
    /// Where in it.
    pub at: usize,
    /// It cannot import (CommonJS).
    pub alone: bool,
    pub suffix: &'static str,
    pub quote: fn(&str) -> String,
}

type Ask = fn(&Part<'_>, &str) -> Option<&'static str>;

/// Database and Redis, with an item for each that cannot be reached. `known`: how the framework itself reaches the database.
pub fn clients(work: &mut Work, place: &Place<'_>, end: &str, known: Option<(Option<String>, String)>) -> Reach {
    let mut out = Reach::default();
    let within = |path: &str, text: &str| place.scope.speaks(path, text);
    let add = |out: &mut Reach, name: &str, found: Found| {
        out.imports.extend(found.import.map(|import| format!("{import}{end}")));
        out.checks.push(format!("{name}: {}", found.check));
    };
    if let Some((import, check)) = known {
        add(&mut out, "database", Found { import, check });
    } else if let Some(found) = found(work, place, database) {
        add(&mut out, "database", found);
    } else if has(work, DATABASE, within) {
        let (path, line) = unreached(work, place.scope, database).unwrap_or_else(|| (place.path.to_owned(), None));
        let what = "give the health route a query of the database (no exported pool was found): export it, and `database: () => pool.query(\"select 1\")` in what the route passes to `health`";
        work.item(&path, line, what, WHY);
    } else {
        ask_store_within(work, |path| place.scope.holds(path));
    }
    if let Some(found) = found(work, place, redis) {
        add(&mut out, "redis", found);
    } else if has(work, REDIS, within) {
        let (path, line) = unreached(work, place.scope, redis).unwrap_or_else(|| (place.path.to_owned(), None));
        let what = "give the health route a ping of Redis (no exported client was found): export it, and `redis: () => redis.ping()` in what the route passes to `health`";
        work.item(&path, line, what, WHY);
    }
    out
}

struct Found {
    import: Option<String>,
    check: String,
}

/// What makes the value, behind `globalThis.x ??`.
pub fn made<'r>(value: &Part<'r>) -> Part<'r> {
    let value = bare(value);
    if value.kind() == "binary_expression" { value.field("right").map_or_else(|| value.clone(), |right| bare(&right)) } else { value }
}

fn database(value: &Part<'_>, text: &str) -> Option<&'static str> {
    if let Some(class) = value.field("constructor") {
        return match class.text().rsplit('.').next()? {
            "Pool" | "DataSource" => Some("() => NAME.query(ONE)"),
            "PrismaClient" => Some("() => NAME.$queryRawUnsafe(ONE)"),
            "Sequelize" => Some("() => NAME.authenticate()"),
            _ => None,
        };
    }
    let is_sqlite = || text.contains("libsql") || text.contains("sqlite");
    match value.field("function")?.text().as_ref() {
        "postgres" => Some("async () => NAME.unsafe(ONE)"),
        "knex" => Some("async () => NAME.raw(ONE)"),
        "drizzle" if !is_sqlite() => Some("async () => NAME.execute(ONE)"),
        _ => None,
    }
}

fn redis(value: &Part<'_>, text: &str) -> Option<&'static str> {
    let is_client = match value.field("constructor") {
        Some(class) => matches!(class.text().as_ref(), "Redis" | "IORedis") && !value.text().contains("Subscriber"),
        None => {
            let module =
                ["from \"redis\"", "from 'redis'", "require(\"redis\")", "require('redis')"].iter().any(|from| text.contains(from));
            module
                && value.field("function").is_some_and(|function| matches!(function.text().as_ref(), "createClient" | "redis.createClient"))
        }
    };
    is_client.then_some("() => NAME.ping()")
}

/// Names in a file that are made so, with how they are asked.
fn declared<'r>(root: &Part<'r>, text: &str, ask: Ask) -> Vec<(Part<'r>, String, &'static str)> {
    root.dfs()
        .filter(|part| part.kind() == "variable_declarator")
        .filter_map(|part| {
            let value = made(&part.field("value")?);
            let known = matches!(value.kind().as_ref(), "new_expression" | "call_expression");
            let check = ask(&value, text).filter(|_| known)?;
            let name = part.field("name").filter(|name| name.kind() == "identifier")?.text().into_owned();
            Some((part, name, check))
        })
        .collect()
}

/// How another file imports this name: `{ pool }`, or `pool` where it is the default.
fn exported(root: &Part<'_>, part: &Part<'_>, name: &str) -> Option<(String, String)> {
    if part.ancestors().take(2).any(|up| up.kind() == "export_statement") {
        return Some((name.to_owned(), format!("{{ {name} }}")));
    }
    root.children().filter(|part| part.kind() == "export_statement" && part.field("source").is_none()).find_map(|statement| {
        if statement.field("value").is_some_and(|value| value.text() == name) {
            return Some((name.to_owned(), name.to_owned()));
        }
        let named = |part: &Part<'_>| part.kind() == "export_specifier" && part.field("name").is_some_and(|its| its.text() == name);
        let alias = statement.dfs().find(named)?.field("alias").map_or_else(|| name.to_owned(), |alias| alias.text().into_owned());
        Some((alias.clone(), format!("{{ {alias} }}"))).filter(|(alias, _)| alias != "default")
    })
}

fn found(work: &mut Work, place: &Place<'_>, ask: Ask) -> Option<Found> {
    let check = |check: &str, name: &str| check.replace("NAME", name).replace("ONE", &(place.quote)("select 1"));
    if let Some((script, _)) = place.script {
        let root = script.root();
        // in its own block, or at the top
        let is_seen = |part: &Part<'_>| {
            let block = part.ancestors().find(|up| matches!(up.kind().as_ref(), "program" | "statement_block"));
            block.is_some_and(|block| block.range().contains(&place.at) || block.kind() == "program")
        };
        if let Some((_, name, how)) = declared(&root, &script.text, ask).into_iter().find(|(part, ..)| is_seen(part)) {
            return Some(Found { import: None, check: check(how, &name) });
        }
    }
    if place.alone {
        return None;
    }
    let mut others = work.server(|path, text| path != place.path && place.scope.holds(path) && is_candidate(text));
    others.sort_by_key(|other| !place.scope.is_near(&other.path));
    for other in others {
        let root = other.root();
        for (part, name, how) in declared(&root, &other.text, ask) {
            let Some((name, clause)) = exported(&root, &part, &name) else { continue };
            let check = check(how, &name);
            if place.script.is_some_and(|(_, imports)| {
                imports.resolve(&name).is_some() || imports.all.iter().any(|import| import.default.as_ref() == Some(&name))
            }) {
                return Some(Found { import: None, check });
            }
            let is_default = !clause.starts_with('{');
            let Some(from) = place.scope.module(work, place.path, &other.path, &name, is_default, place.suffix) else { continue };
            return Some(Found { import: Some(format!("import {clause} from {}", (place.quote)(&from))), check });
        }
    }
    None
}

pub fn is_candidate(text: &str) -> bool {
    ["Pool(", "Redis(", "PrismaClient(", "Sequelize(", "DataSource(", "postgres(", "knex(", "drizzle(", "createClient("]
        .iter()
        .any(|mark| text.contains(mark))
}

/// Where one is made that nobody else can import.
fn unreached(work: &Work, scope: &Scope, ask: Ask) -> Option<(String, Option<usize>)> {
    let sides = work.sides();
    work.own().filter(|(path, text)| scope.holds(path) && sides.side(path) != Side::Browser && is_candidate(text)).find_map(
        |(path, text)| {
            let script = Script::read(path, text).filter(|script| !script.is_broken())?;
            let root = script.root();
            let at = declared(&root, text, ask).first()?.0.range().start;
            Some((path.to_owned(), Some(script.line(at))))
        },
    )
}

/// `./db` as a file imports another one.
pub fn relative(from: &str, to: &str) -> Option<String> {
    let stem = to.rsplit_once('.')?.0;
    let stem = if is_typed(to) { stem } else { to };
    let (mut here, mut there): (Vec<&str>, Vec<&str>) =
        (folder(from).split('/').filter(|part| !part.is_empty()).collect(), stem.split('/').collect());
    while here.first().is_some_and(|first| there.first() == Some(first)) && there.len() > 1 {
        here.remove(0);
        there.remove(0);
    }
    let up = if here.is_empty() { "./".to_owned() } else { "../".repeat(here.len()) };
    Some(format!("{up}{}", there.join("/")))
}

/// What imports of the app's own TypeScript end with: as the file has it, else as its package must.
pub fn suffix(work: &Work, path: &str, imports: &Imports<'_>) -> &'static str {
    if !is_typed(path) {
        return "";
    }
    let own: Vec<&str> = imports.all.iter().map(|import| import.module.as_str()).filter(|module| module.starts_with('.')).collect();
    if let Some(end) = [".js", ".ts"].into_iter().find(|end| own.iter().any(|module| module.ends_with(end))) {
        return end;
    }
    let mut folder = folder(path);
    let package = loop {
        match work.text(&format!("{folder}package.json")) {
            Some(text) => break text,
            None if folder.is_empty() => return "",
            None => folder = super::folder(folder.trim_end_matches('/')),
        }
    };
    let is_module = serde_json::from_str::<serde_json::Value>(package).is_ok_and(|package| package["type"] == "module");
    // Node itself asks for it; bundlers take both
    if own.is_empty() && is_module { ".js" } else { "" }
}
