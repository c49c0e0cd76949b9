//! Sessions and their cookies: kept in the database, its table made with the schema, sent through a load balancer.
//! Never touches who may sign in.

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::{Part, key_of, text_of, value_of};
use super::package;
use super::sql;
use super::syntax::{calls, express_app, is_typed, statement_of};
use super::work::{Work, line_of};

const STORE: &str = "connect-pg-simple";
/// The store's own name for its table.
const TABLE: &str = "session";

fn pairs<'r>(root: &Part<'r>, key: &str) -> Vec<Part<'r>> {
    root.dfs().filter(|part| part.kind() == "pair" && key_of(part).as_deref() == Some(key)).collect()
}

/// `createTableIfMissing: true` becomes false; the table is written down as SQL.
pub fn table(work: &mut Work) {
    for script in work.server(|_, text| text.contains("createTableIfMissing") && text.contains(STORE)) {
        let mut edits = Vec::new();
        for pair in pairs(&script.root(), "createTableIfMissing") {
            let Some(value) = pair.field("value").filter(|value| value.text() == "true") else { continue };
            let why = "in a bundle the file that makes the table is missing: the table comes with the schema";
            edits.push(Edit::new(value.range(), "false", why));
            let name = pair.parent().and_then(|options| value_of(&options, "tableName")).and_then(|name| text_of(&name));
            ddl(work, name.as_deref().unwrap_or(TABLE), &script.path, script.line(pair.range().start));
        }
        work.edit(&script, edits);
    }
}

/// The table of sessions, written down for a person to run.
fn ddl(work: &mut Work, name: &str, path: &str, line: usize) {
    if is_declared(work, name) {
        return;
    }
    let file = format!(".migrate/sql/{name}.sql");
    let text = sql::sessions(work.dialect(), name);
    work.put(&file, text, "the table of sessions, made with the schema");
    work.item(
        path,
        Some(line),
        &format!("run {file} on the target database before the first start"),
        "the app no longer makes its table of sessions; where the live database has it the table comes with the schema, and the file changes nothing",
    );
}

/// A schema file of the app declares the table, and says of which types its columns are: Replit's templates have `jsonb`,
/// the store's own table has `json`, and a second word about it would be a change for the next migration.
fn is_declared(work: &Work, name: &str) -> bool {
    let name = regex::escape(name);
    let table = format!(
        r#"\b(?:pgTable|createTable|\w+Schema\.table)\(\s*["'`]{name}["'`]|@@map\("{name}"\)|^model {name} \{{|__tablename__\s*=\s*["']{name}["']"#
    );
    regex::RegexBuilder::new(&table).multi_line(true).build().is_ok_and(|declares| work.any(|_, text| declares.is_match(text)))
}

/// `sameSite: "none"` was for Replit's preview frame.
pub fn same_site(work: &mut Work) {
    const WHY: &str = "only Replit's preview frame needed a cookie for foreign sites";
    for script in work.server(|_, text| text.contains("sameSite") && text.contains("none")) {
        let mut edits = Vec::new();
        for value in pairs(&script.root(), "sameSite").iter().filter_map(|pair| pair.field("value")) {
            let texts: Vec<Part<'_>> = value.dfs().filter(|part| part.kind() == "string").collect();
            let nones: Vec<&Part<'_>> = texts.iter().filter(|part| text_of(part).as_deref() == Some("none")).collect();
            let choice = value.kind() == "ternary_expression" && {
                let is_one = |field: &str| {
                    value.field(field).and_then(|part| text_of(&part)).is_some_and(|text| matches!(text.as_str(), "none" | "lax"))
                };
                is_one("consequence") && is_one("alternative")
            };
            let lax = |part: &Part<'_>| part.text().replace("none", "lax");
            match nones.first() {
                Some(none) if choice => edits.push(Edit::new(value.range(), lax(none), WHY)),
                Some(_) => edits.extend(nones.iter().map(|none| Edit::new(none.range(), lax(none), WHY))),
                None => {}
            }
        }
        work.edit(&script, edits);
    }
    let Ok(pattern) = regex::Regex::new(r#"(?i)same_?site["']?\]?\s*[:=]\s*["'](none)["']"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && pattern.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let edits = pattern.captures_iter(&text).filter_map(|found| found.get(1)).map(|none| Edit::new(none.range(), "Lax", WHY)).collect();
        work.replace(&path, &text, edits);
    }
}

/// Secure cookies are sent only where the app knows that the load balancer was spoken to by HTTPS.
pub fn proxy(work: &mut Work) {
    let Ok(trusts) = regex::Regex::new(r"trust proxy|trustProxy|proxy:\s*true") else { return };
    let Ok(secure) = regex::Regex::new(r"secure:\s*(?:true|process\.env\.NODE_ENV|\w*[pP]rod)") else { return };
    // other cookies are sent whatever the app believes
    let Ok(store) = regex::Regex::new(
        r#"["'](?:express-session|cookie-session|client-sessions|koa-session|@fastify/session|@fastify/secure-session)["']"#,
    ) else {
        return;
    };
    let scripts = work.server(|_, text| secure.is_match(text) || trusts.is_match(text) || text.contains("express()"));
    let Some(cookie) = scripts.iter().find(|script| secure.is_match(&script.text) && store.is_match(&script.text)) else { return };
    if scripts.iter().any(|script| trusts.is_match(&script.text)) {
        return;
    }
    let why = "secure cookies are sent only where the app believes the load balancer that the visitor came by HTTPS";
    let mut apps = scripts.iter().filter_map(|script| Some((script, express_app(script)?)));
    let Some((script, (statement, name))) = apps.next() else {
        let line = secure.find(&cookie.text).map(|found| line_of(&cookie.text, found.start()));
        work.item(&cookie.path, line, "trust the load balancer", why);
        return;
    };
    let style = script.style();
    let at = statement.range().end;
    let text =
        format!("{}{}{name}.set({}, 1){}", style.newline, script.indent(statement.range().start), style.text("trust proxy"), style.end());
    work.edit(script, vec![Edit::new(at..at, text, why)]);
}

/// A store in memory becomes the database.
pub fn store(work: &mut Work) {
    const WHY: &str = "sessions in memory end with every deployment, and each task has its own";
    let concerned = |_: &str, text: &str| text.contains("memorystore") || text.contains("MemoryStore(");
    let postgres = work.any(|_, text| text.contains("DATABASE_URL"));
    let mut changed = Vec::new();
    for script in work.server(concerned) {
        let root = script.root();
        let imports = Imports::of(&script);
        let made: Vec<Part<'_>> = root
            .dfs()
            .filter(|part| {
                part.kind() == "new_expression"
                    && part.field("constructor").is_some_and(|made| matches!(made.text().as_ref(), "MemoryStore" | "session.MemoryStore"))
            })
            .collect();
        let factory = imports.all.iter().find(|import| import.module == "memorystore");
        let first = made.first().map(|part| part.range().start).or_else(|| factory.map(|import| import.statement.range().start));
        let Some(first) = first else { continue };
        let line = Some(script.line(first));
        if !postgres {
            work.item(&script.path, line, "keep sessions in a store that all tasks share", WHY);
            continue;
        }
        let session = imports.all.iter().find(|import| import.module == "express-session").and_then(|import| import.default.clone());
        let (Some(session), false) = (session, made.is_empty()) else {
            work.item(&script.path, line, "keep sessions in connect-pg-simple with the app's database", WHY);
            continue;
        };
        let style = script.style();
        let known = imports.all.iter().find(|import| import.module == STORE).and_then(|import| import.default.clone());
        let local = known.clone().unwrap_or_else(|| "connectPg".to_owned());
        let import = format!("import {local} from {}{}", style.text(STORE), style.end());
        let mut edits = Vec::new();
        match factory {
            Some(old) if known.is_none() => edits.push(Edit::new(old.statement.range(), import, WHY)),
            Some(old) => edits.push(Edit::new(imports.whole_line(old.statement.range()), "", WHY)),
            None if known.is_none() => {
                let at = imports.all.first().map_or(0, |import| import.statement.range().start);
                edits.push(Edit::new(at..at, format!("{import}{}", style.newline), WHY));
            }
            None => {}
        }
        let old = factory.and_then(|import| import.default.clone());
        let class = match &old {
            // `const MemoryStore = createMemoryStore(session)`
            Some(old) => {
                for call in calls(&root, old) {
                    if let Some(function) = call.field("function") {
                        edits.push(Edit::new(function.range(), local.clone(), WHY));
                    }
                }
                for part in root
                    .dfs()
                    .filter(|part| matches!(part.kind().as_ref(), "identifier" | "type_identifier") && part.text() == "MemoryStore")
                {
                    let is_made = made.iter().any(|new| new.range().contains(&part.range().start));
                    if !is_made {
                        edits.push(Edit::new(part.range(), "PgStore", WHY));
                    }
                }
                "PgStore".to_owned()
            }
            None => format!("({local}({session}))"),
        };
        for new in &made {
            let text = format!(
                "new {class}({{ conString: process.env.DATABASE_URL, tableName: {}, createTableIfMissing: false }})",
                style.text(TABLE)
            );
            edits.push(Edit::new(new.range(), text, WHY));
        }
        if work.edit(&script, edits) {
            let line = made.first().and_then(|part| statement_of(part)).map_or(1, |part| script.line(part.range().start));
            ddl(work, TABLE, &script.path, line);
            changed.push(script.path.clone());
        }
    }
    for path in changed {
        let Some(file) = package::of(work, &path) else { continue };
        package::add(work, &file, false, STORE, WHY);
        if is_typed(&path) {
            package::add(work, &file, true, "@types/connect-pg-simple", WHY);
        }
        if !package::is_used(work, "memorystore") {
            package::remove(work, &file, &["memorystore"], "no file uses it any more");
        }
    }
}
