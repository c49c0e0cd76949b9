//! The same link of people in Prisma: the model of people, the method that writes one, and the column as the app's next migration.
//! Never touches a model or a method that has another form than Replit's templates: then the checklist says what was not found.

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::DateTime;
use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::script::{Part, Script, arguments, bare, items, key_of, value_of};
use super::sql::{self, Dialect};
use super::syntax::{calls, is_function, is_typed, name_of};
use super::work::{Work, folder};

const NAME: &str = "auth_subject";
const FIELD: &str = "authSubject";
const FORM: &str = "upsertUser that is one prisma.user.upsert({ where: { id }, update, create })";

/// The model of people, and the line that it gets.
pub struct Model {
    path: String,
    text: String,
    edit: Edit,
    /// `user` of `prisma.user`.
    accessor: String,
    table: String,
    /// The column of the e-mail.
    email: String,
}

/// A block of a schema: where its lines are.
fn block<'t>(text: &'t str, head: &Regex) -> Option<(String, Range<usize>, &'t str)> {
    let found = head.captures(text)?;
    let start = found.get(0)?.end();
    let end = start + text.get(start..)?.find("\n}")? + 1;
    Some((found.get(1)?.as_str().to_owned(), start..end, text.get(start..end)?))
}

/// Some schema of the app has a model of people, whatever its form.
pub fn is_used(work: &Work) -> bool {
    Regex::new(r"(?mi)^model\s+users?\s*\{").is_ok_and(|head| work.any(|path, text| path.ends_with(".prisma") && head.is_match(text)))
}

/// `model User` with a text as its id and an e-mail, in PostgreSQL.
pub fn model(work: &Work, why: &str) -> Option<Model> {
    let datasource = Regex::new(r#"(?m)^\s*provider\s*=\s*"(?:postgresql|postgres)""#).ok()?;
    work.any(|path, text| path.ends_with(".prisma") && datasource.is_match(text)).then_some(())?;
    let head = Regex::new(r"(?mi)^model\s+(users?)\s*\{").ok()?;
    let paths = work.paths(|path, text| path.ends_with(".prisma") && head.is_match(text));
    let [path] = paths.as_slice() else { return None };
    let text = work.text(path)?.to_owned();
    let (name, range, body) = block(&text, &head)?;
    let has = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(body));
    if !has(r"(?m)^\s*id\s+String\b.*@id\b") || has(r"@@schema\(") || has(&format!(r#"(?m)^\s*{FIELD}\s|"{NAME}""#)) {
        return None;
    }
    let email = Regex::new(r"(?m)^([ \t]*)email([ \t]+)(String\??)([ \t]*)([^\r\n]*)").ok()?.captures(body)?;
    let line = email.get(0)?;
    let mapped = |pattern: &str, text: &str| Some(Regex::new(pattern).ok()?.captures(text)?.get(1)?.as_str().to_owned());
    let part = |n: usize| email.get(n).map_or("", |part| part.as_str());
    // in columns, as Prisma's formatter puts them
    let wide = |text: &str, width: usize| format!("{text:width$} ");
    let kind = if part(5).is_empty() { "String? ".to_owned() } else { wide("String?", (part(3).len() + part(4).len()).saturating_sub(1)) };
    let field = format!("{}{}{kind}@unique @map(\"{NAME}\")", part(1), wide(FIELD, ("email".len() + part(2).len()).saturating_sub(1)),);
    let at = range.start + line.end();
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut letters = name.chars();
    let accessor = letters.next().map(|first| first.to_lowercase().chain(letters).collect())?;
    Some(Model {
        path: path.clone(),
        edit: Edit::new(at..at, format!("{newline}{field}"), why),
        accessor,
        table: mapped(r#"@@map\(\s*(?:name:\s*)?"([^"]+)""#, body).unwrap_or(name),
        email: mapped(r#"@map\(\s*(?:name:\s*)?"([^"]+)""#, line.as_str()).unwrap_or_else(|| "email".to_owned()),
        text,
    })
}

impl Model {
    /// The line in the schema, and who makes the column.
    pub fn put(self, work: &mut Work, why: &str) {
        let constraint = format!("{}_{NAME}_key", self.table);
        work.replace(&self.path, &self.text, vec![self.edit]);
        let exec = work.lock().exec;
        work.command(&format!("{exec} prisma generate"));
        if let Some((path, true)) = migration(work, &self.table, &constraint, why) {
            let what = format!("see that the app's migrations run on the target before its first start ({exec} prisma migrate deploy)");
            work.item(&path, None, &what, "this one adds the column that the login writes; a pipeline with a step for migrations runs it");
            return;
        }
        let text = sql::subject(work.dialect(), &self.table, "text", &constraint);
        work.put(sql::SUBJECT, text, why);
        work.item(sql::SUBJECT, None, sql::RUN, "the login writes the column that it adds");
    }
}

/// The app's next migration. `None`: it has no such migrations, or none of the names that Prisma gives.
fn migration(work: &mut Work, table: &str, constraint: &str, why: &str) -> Option<(String, bool)> {
    const LOCK: &str = "migration_lock.toml";
    if work.dialect() != Dialect::Postgres {
        return None;
    }
    let locks = work.paths(|path, text| path.ends_with(&format!("migrations/{LOCK}")) && text.contains("\"postgresql\""));
    let [lock] = locks.as_slice() else { return None };
    let root = folder(lock).to_owned();
    let paths = work.paths(|path, _| path.starts_with(&root) && path.ends_with("/migration.sql"));
    let names = paths.iter().filter_map(|path| path.strip_prefix(&root)?.strip_suffix("/migration.sql"));
    // Prisma runs them in the order of their names
    let last = names.max()?;
    let path = format!("{root}{}/migration.sql", after(last)?);
    if work.text(&path).is_some() {
        return None;
    }
    let done = work.put(&path, sql::subject(Dialect::Postgres, table, "text", constraint), why);
    Some((path, done))
}

/// The name of the migration behind one: a second later; behind a first one without a time (`0_init`) the earliest that is later.
fn after(last: &str) -> Option<String> {
    let time = last.split('_').next().filter(|time| time.len() == 14).and_then(|time| DateTime::strptime("%Y%m%d%H%M%S", time).ok());
    let next = time.and_then(|time| time.checked_add(1.second()).ok()).map(|time| time.strftime("%Y%m%d%H%M%S").to_string());
    let name = format!("{}_{NAME}", next.unwrap_or_else(|| "20000101000000".to_owned()));
    (name.as_str() > last).then_some(name)
}

/// The method that writes a person.
pub fn storage(work: &mut Work, model: &Model, why: &str) -> (Option<(Script, Vec<Edit>)>, Option<&'static str>) {
    for script in work.server(|_, text| text.contains("upsertUser") && text.contains(".upsert(")) {
        let Some(edits) = method(&script, model, why) else { continue };
        return (Some((script, edits)), None);
    }
    (None, Some(FORM))
}

fn method(script: &Script, model: &Model, why: &str) -> Option<Vec<Edit>> {
    let root = script.root();
    let method =
        root.dfs().find(|part| is_function(part) && name_of(part).as_deref() == Some("upsertUser") && part.text().contains(".upsert("))?;
    if method.field("return_type").is_some_and(|returns| returns.text().contains("void")) {
        return None;
    }
    let parameters = items(&method.field("parameters")?);
    let [parameter] = parameters.as_slice() else { return None };
    let parameter = parameter.field("pattern").unwrap_or_else(|| parameter.clone());
    let data = (parameter.kind() == "identifier").then(|| parameter.text().into_owned())?;
    let body = method.field("body").filter(|body| body.kind() == "statement_block")?;
    let call = calls(&body, "upsert").into_iter().next()?;
    is_all(&body, &call).then_some(())?;
    let people = call.field("function")?.field("object")?;
    people.field("property").filter(|own| own.text() == model.accessor)?;
    let db = people.field("object")?.text().into_owned();
    let people = people.text().into_owned();
    let given = arguments(&call);
    let [options] = given.as_slice() else { return None };
    if items(options).len() != 3 {
        return None;
    }
    let place = value_of(options, "where")?;
    let wanted = format!("{data}.id");
    (items(&place).len() == 1 && bare(&value_of(&place, "id")?).text() == wanted).then_some(())?;
    let update = written(&value_of(options, "update")?, &data)?;
    let create = written(&value_of(options, "create")?, &data)?;
    let spread = update.iter().chain(&create).any(|item| item == SPREAD);
    let style = script.style();
    let semi = style.end();
    let new = if create == without_time(&update) || create == update {
        format!("{{ id: {FIELD}, ...set }}")
    } else {
        format!("{{ id: {FIELD}, {}, {FIELD} }}", create.join(", "))
    };
    let rows = if is_typed(&script.path) { "<{ id: string }[]>" } else { "" };
    let first = if spread {
        vec![format!("const {{ id, ...profile }} = {data}{semi}"), format!("const {FIELD} = String(id){semi}")]
    } else {
        vec![format!("const {FIELD} = String({data}.id){semi}")]
    };
    let (table, email) = (sql::name(&model.table), sql::name(&model.email));
    let rest = [
        format!("const set = {{ {}, {FIELD} }}{semi}", update.join(", ")),
        format!("const known = await {people}.findUnique({{ where: {{ {FIELD} }} }}){semi}"),
        format!("if (known) return {people}.update({{ where: {{ id: known.id }}, data: set }}){semi}"),
        String::new(),
        "// The first login at Cognito: the caller gives an e-mail only if it is verified.".to_owned(),
        format!("if ({data}.email) {{"),
        format!("  const [same] = await {db}.$queryRaw{rows}`"),
        format!("    select id from {table} where lower({email}) = lower(${{{data}.email}})"),
        format!("    order by {email} = ${{{data}.email}} desc limit 1`{semi}"),
        format!("  if (same) return {people}.update({{ where: {{ id: same.id }}, data: set }}){semi}"),
        "}".to_owned(),
        String::new(),
        format!("return {people}.upsert({{ where: {{ {FIELD} }}, update: set, create: {new} }}){semi}"),
    ];
    let indent = format!("{}  ", script.indent(method.range().start));
    let head = "// The subject of the login is not the person's id: ids stay as they are, whoever issued them.".to_owned();
    let lines: Vec<String> = std::iter::once(head).chain(first).chain(rest).collect();
    let text: String = lines
        .iter()
        .map(|line| if line.is_empty() { style.newline.to_owned() } else { format!("{indent}{line}{}", style.newline) })
        .collect();
    let whole = format!("{{{}{text}{}}}", style.newline, script.indent(method.range().start));
    Some(vec![Edit::new(body.range(), whole, why)])
}

/// Nothing else happens in the body: the call is returned, or kept in a name that is.
fn is_all(body: &Part<'_>, call: &Part<'_>) -> bool {
    let statements = items(body);
    let holds = |part: &Part<'_>| part.range().start <= call.range().start && call.range().end <= part.range().end;
    match statements.as_slice() {
        [only] => holds(only) && only.kind() == "return_statement",
        [first, last] => {
            let name = first.dfs().find(|part| part.kind() == "variable_declarator").and_then(|made| made.field("name"));
            let returned = items(last).into_iter().next();
            holds(first)
                && last.kind() == "return_statement"
                && name.zip(returned).is_some_and(|(name, returned)| name.text() == returned.text())
        }
        _ => false,
    }
}

const SPREAD: &str = "...profile";

/// What is written of a person, item by item, but the id. `None`: something that the new code does not know.
fn written(value: &Part<'_>, data: &str) -> Option<Vec<String>> {
    let value = bare(value);
    if value.kind() == "identifier" {
        return (value.text() == data).then(|| vec![SPREAD.to_owned()]);
    }
    (value.kind() == "object").then_some(())?;
    let mut out = Vec::new();
    for item in items(&value) {
        match item.kind().as_ref() {
            "spread_element" => {
                (items(&item).first()?.text() == data).then_some(())?;
                out.push(SPREAD.to_owned());
            }
            "pair" if key_of(&item)? == "id" => {}
            "pair" => out.push(item.text().into_owned()),
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The items but the time of the change, which only an update writes.
fn without_time(items: &[String]) -> Vec<String> {
    items.iter().filter(|item| !item.starts_with("updatedAt")).cloned().collect()
}
