//! People keep their ids: a login from Cognito is found by its subject, then by its verified e-mail, and only then is it somebody new.
//! All five places change or none does: half of it would give people a second account.

use super::super::orm::edit::Edit;
use super::super::orm::imports::{DRIZZLE, Imports, PG_CORE};
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Script, arguments, bare, items, key_of, text_of, value_of};
use super::syntax::{calls, function, function_of, is_typed, name_of, statement_of};
use super::work::Work;
use super::{link_prisma, migration, sql};

const WHY: &str = "ids from Replit stay; people are found again by the login's subject, then by verified e-mail";

const MODEL: &str = "the model User in a Prisma schema for PostgreSQL, with a text as its id and an e-mail";

/// A file and what changes in it, or what was not found.
type Found = (Option<(Script, Vec<Edit>)>, Option<&'static str>);

/// Says whether it was done.
pub fn edit(work: &mut Work, concerned: impl Fn(&str, &str) -> bool) -> bool {
    let (login, missing_login) = login(work, &concerned);
    let (mut schema, mut missing_schema) = schema(work);
    let people = if schema.is_none() { link_prisma::model(work, WHY) } else { None };
    if schema.is_none() && link_prisma::is_used(work) {
        missing_schema = people.is_none().then_some(MODEL);
    }
    let (storage, missing_storage) = match &people {
        Some(model) => link_prisma::storage(work, model, WHY),
        None => storage(work),
    };
    let missing: Vec<&str> = [missing_login, missing_storage, missing_schema].into_iter().flatten().collect();
    let (Some(login), Some(storage), []) = (login, storage, missing.as_slice()) else {
        let at = work.server(&concerned).first().map(|script| script.path.clone()).unwrap_or_default();
        let what = format!("link people by verified e-mail and keep their ids; not found: {}", missing.join(", "));
        work.item(
            &at,
            None,
            &what,
            "the same person comes back from Cognito with another subject: the e-mail is taken, or a second account is made",
        );
        return false;
    };
    for (script, edits) in [Some(login), Some(storage), schema.take()].into_iter().flatten() {
        work.edit(&script, edits);
    }
    match people {
        Some(model) => model.put(work, WHY),
        None => column(work),
    }
    work.item(
        "the database",
        None,
        "list people without an e-mail: select id from users where email is null",
        "they cannot be found again by e-mail; write their auth_subject by hand after their first login",
    );
    true
}

/// The column as the app's next migration, which its pipeline runs; else as SQL for a person.
fn column(work: &mut Work) {
    const CONSTRAINT: &str = "users_auth_subject_unique";
    if let Some((path, true)) = migration::subject(work, "users", "text", CONSTRAINT, WHY) {
        let what =
            format!("see that the app's migrations run on the target before its first start ({} drizzle-kit migrate)", work.lock().exec);
        let why = "this one adds the column that the login writes; a pipeline with a step for migrations runs it";
        work.item(&path, None, &what, why);
        return;
    }
    let text = sql::subject(work.dialect(), "users", "text", CONSTRAINT);
    work.put(sql::SUBJECT, text, WHY);
    work.item(sql::SUBJECT, None, sql::RUN, "the login writes the column that it adds");
}

/// The file of the login: upsertUser tells a verified e-mail alone, and the session knows people by the app's id.
fn login(work: &mut Work, concerned: &impl Fn(&str, &str) -> bool) -> Found {
    for script in work.server(concerned) {
        let Some(edits) = login_edits(&script) else { continue };
        return (Some((script, edits)), None);
    }
    (None, Some("the login's upsertUser, verify and updateUserSession as in Replit's template"))
}

fn login_edits(script: &Script) -> Option<Vec<Edit>> {
    let root = script.root();
    let mut edits = Vec::new();
    // async function upsertUser(claims) { await storage.upsertUser({ id: …, email: … }) }
    let upsert = function(&root, "upsertUser")?;
    let call = calls(&upsert, "upsertUser")
        .into_iter()
        .find(|call| call.field("function").is_some_and(|function| function.kind() == "member_expression"))?;
    let person = arguments(&call).into_iter().next().filter(|person| person.kind() == "object")?;
    let email = value_of(&person, "email")?;
    value_of(&person, "id")?;
    let claims = email.field("object")?.text().into_owned();
    let quote = script.style();
    let verified = format!("String({claims}[{}]) === {} ? {} : undefined", quote.text("email_verified"), quote.text("true"), email.text());
    edits.push(Edit::new(email.range(), verified, "only an e-mail that Cognito has verified says who somebody is"));
    let awaited = call.parent().filter(|up| up.kind() == "await_expression")?;
    awaited.parent().filter(|up| up.kind() == "expression_statement")?;
    edits.push(Edit::new(awaited.range().start..call.range().start, "return ", WHY));
    if let Some(returns) = upsert.field("return_type") {
        edits.push(Edit::new(returns.range(), "", WHY));
    }
    // const user = {}; updateUserSession(user, tokens); await upsertUser(tokens.claims());
    let called = calls(&root, "upsertUser")
        .into_iter()
        .find(|call| call.field("function").is_some_and(|function| function.kind() == "identifier"))?;
    let statement = statement_of(&called)?;
    let verify = function_of(&called)?;
    let session = calls(&verify, "updateUserSession").into_iter().find(|call| call.range().end < statement.range().start)?;
    let user = arguments(&session).into_iter().next().filter(|user| user.kind() == "identifier")?.text().into_owned();
    let declared =
        verify.dfs().find(|part| part.kind() == "variable_declarator" && part.field("name").is_some_and(|name| name.text() == user))?;
    if is_typed(&script.path) && declared.field("type").is_none() {
        let name = declared.field("name")?;
        edits.push(Edit::new(name.range().end..name.range().end, ": any", WHY));
    }
    let indent = script.indent(statement.range().start);
    let end = quote.end();
    let text = format!(
        "const known = await {}{end}{}{indent}{user}.claims = {{ ...{user}.claims, sub: known.id }}{end}",
        called.text(),
        quote.newline
    );
    edits.push(Edit::new(statement.range(), text, "the session knows people by the app's id, not by the login's subject"));
    // user.claims = tokens.claims(): a refresh must not bring the subject back
    let update = function(&root, "updateUserSession")?;
    let set = update
        .dfs()
        .find(|part| part.kind() == "assignment_expression" && part.field("left").is_some_and(|left| left.text().ends_with(".claims")))?;
    let (left, right) = (set.field("left")?, set.field("right")?);
    let text = format!("{{ ...{}, ...({left} && {{ sub: {left}.sub }}) }}", right.text(), left = left.text());
    edits.push(Edit::new(right.range(), text, "a refresh keeps the app's id"));
    Some(edits)
}

/// The method that writes a person, as Replit's templates have it.
fn storage(work: &mut Work) -> Found {
    for script in work.server(|_, text| text.contains("upsertUser") && text.contains("onConflictDoUpdate")) {
        let Some(edits) = storage_edits(&script) else { continue };
        return (Some((script, edits)), None);
    }
    (None, Some("upsertUser with insert(users)….onConflictDoUpdate({ target: users.id })"))
}

fn storage_edits(script: &Script) -> Option<Vec<Edit>> {
    let root = script.root();
    let method = root.dfs().find(|part| {
        super::syntax::is_function(part) && name_of(part).as_deref() == Some("upsertUser") && part.text().contains("onConflictDoUpdate")
    })?;
    let conflict = calls(&method, "onConflictDoUpdate").into_iter().next()?;
    let target = arguments(&conflict).first().and_then(|options| value_of(options, "target"))?;
    let target = if target.kind() == "array" { items(&target).into_iter().next()? } else { target };
    let table = target.field("object")?.text().into_owned();
    target.field("property").filter(|property| property.text() == "id")?;
    let insert = calls(&method, "insert").into_iter().next()?;
    let db = insert.field("function")?.field("object")?.text().into_owned();
    let parameter = items(&method.field("parameters")?).into_iter().next()?;
    let parameter = parameter.field("pattern").unwrap_or_else(|| parameter.clone());
    let data = (parameter.kind() == "identifier").then(|| parameter.text().into_owned())?;
    let body = method.field("body")?;
    let imports = Imports::of(script);
    let (eq, sql) = (imports.name(DRIZZLE, "eq"), imports.name(DRIZZLE, "sql"));
    let style = script.style();
    let indent = format!("{}  ", script.indent(method.range().start));
    let updated = if body.text().contains("updatedAt") { ", updatedAt: new Date()" } else { "" };
    let semi = style.end();
    let lines = [
        "// The subject of the login is not the person's id: ids stay as they are, whoever issued them.".to_owned(),
        format!("const {{ id, ...profile }} = {data}{semi}"),
        format!("const authSubject = String(id){semi}"),
        format!("const set = {{ ...profile, authSubject{updated} }}{semi}"),
        format!("const [known] = await {db}.update({table}).set(set).where({eq}({table}.authSubject, authSubject)).returning(){semi}"),
        format!("if (known) return known{semi}"),
        String::new(),
        "// The first login at Cognito: the caller gives an e-mail only if it is verified.".to_owned(),
        "if (profile.email) {".to_owned(),
        format!("  const [same] = await {db}"),
        format!("    .select({{ id: {table}.id }})"),
        format!("    .from({table})"),
        format!("    .where({sql}`lower(${{{table}.email}}) = lower(${{profile.email}})`)"),
        format!("    .orderBy({sql}`${{{table}.email}} = ${{profile.email}} desc`)"),
        format!("    .limit(1){semi}"),
        "  if (same) {".to_owned(),
        format!("    const [linked] = await {db}.update({table}).set(set).where({eq}({table}.id, same.id)).returning(){semi}"),
        format!("    return linked{semi}"),
        "  }".to_owned(),
        "}".to_owned(),
        String::new(),
        format!("const [created] = await {db}"),
        format!("  .insert({table})"),
        "  .values({ id: authSubject, ...set })".to_owned(),
        format!("  .onConflictDoUpdate({{ target: {table}.authSubject, set }})"),
        format!("  .returning(){semi}"),
        format!("return created{semi}"),
    ];
    let text: String = lines
        .iter()
        .map(|line| if line.is_empty() { style.newline.to_owned() } else { format!("{indent}{line}{}", style.newline) })
        .collect();
    let whole = format!("{{{}{text}{}}}", style.newline, script.indent(method.range().start));
    let mut edits = vec![Edit::new(body.range(), whole, WHY)];
    let more = imports.edits(&edits);
    edits.extend(more);
    Some(edits)
}

/// The table of people gets a column for the subject.
fn schema(work: &mut Work) -> Found {
    for script in work.server(|_, text| text.contains("pgTable") && text.contains("users")) {
        let Some(edits) = schema_edits(&script) else { continue };
        return (Some((script, edits)), None);
    }
    (None, Some("the table users in a Drizzle schema, with an e-mail"))
}

fn schema_edits(script: &Script) -> Option<Vec<Edit>> {
    let root = script.root();
    let table = calls(&root, "pgTable").into_iter().find(|call| arguments(call).first().and_then(text_of).as_deref() == Some("users"))?;
    let columns = arguments(&table).get(1).map(bare).filter(|columns| columns.kind() == "object")?;
    let keys: Vec<Option<String>> = items(&columns).iter().map(key_of).collect();
    let email = keys.iter().position(|key| key.as_deref() == Some("email"))?;
    if keys.iter().any(|key| key.as_deref() == Some("authSubject")) {
        return None;
    }
    let imports = Imports::of(script);
    let text = imports.name(PG_CORE, "text");
    let column = format!("authSubject: {text}({}).unique()", script.style().text("auth_subject"));
    let mut edits = ListEdit { script, list: &columns, gone: &[], added: &[(Some(email), column, WHY.to_owned())] }.edits();
    let more = imports.edits(&edits);
    edits.extend(more);
    Some(edits)
}
