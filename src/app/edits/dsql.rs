//! Aurora DSQL has no password: a pool of node-postgres that is made from `DATABASE_URL` asks for a fresh token for each connection instead.
//! Every other place that opens a connection is left to a person, with what to write there; never touches what speaks to another database.

use std::collections::BTreeMap;

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::{Part, Script, arguments, items, key_of};
use super::health::relative;
use super::package;
use super::syntax::{env_name, is_typed};
use super::work::{Work, folder, line_of};

const URL: &str = "DATABASE_URL";
/// It says nothing of types, so it is JavaScript, too.
const HELPER: &str = include_str!("../../../assets/files/dsql.ts");
const SIGNER: &str = "@aws-sdk/dsql-signer";
const WHY: &str = "Aurora DSQL has no password: each connection signs in with a token that is good for minutes";

pub fn edit(work: &mut Work) {
    // One file with the sign-in for each package.
    let mut helpers: BTreeMap<String, String> = BTreeMap::new();
    let concerned = |path: &str, text: &str| !is_helper(path) && (text.contains(URL) || text.contains("Pool(") || text.contains("Client("));
    for script in work.server(concerned) {
        let found = places(&script);
        let imports = Imports::of(&script);
        let manifest = package::of(work, &script.path);
        let mut done = false;
        if let (Some(manifest), false, false) = (&manifest, found.edits.is_empty(), imports.all.is_empty()) {
            let helper = helpers.entry(manifest.clone()).or_insert_with(|| helper_for(&script.path)).clone();
            if let Some(module) = relative(&script.path, &helper).filter(|_| work.put(&helper, HELPER, WHY)) {
                let style = script.style();
                let mut edits = found.edits.clone();
                let after = imports.all.last().map_or(0, |import| import.statement.range().end);
                let import = format!("{}import {{ dsql }} from {}{}", style.newline, style.text(&module), style.end());
                edits.push(Edit::new(after..after, import, WHY));
                done = work.edit(&script, edits);
                if done {
                    package::add(work, manifest, false, SIGNER, WHY);
                }
            }
        }
        let left: Vec<(usize, &str)> = if done { found.left } else { found.left.into_iter().chain(found.mechanical).collect() };
        for (line, what) in left {
            work.item(&script.path, Some(line), what, WHY);
        }
    }
    python(work);
    prisma(work);
}

fn is_helper(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("dsql.ts" | "dsql.mjs"))
}

fn helper_for(path: &str) -> String {
    format!("{}{}", folder(path), if is_typed(path) { "dsql.ts" } else { "dsql.mjs" })
}

const POOL: &str = "give this pool of pg the parts and a token instead of DATABASE_URL: { host: process.env.PGHOST, user: process.env.PGUSER, \
                    database: \"postgres\", ssl: { rejectUnauthorized: true }, password: () => new DsqlSigner({ hostname: process.env.PGHOST }).getDbConnectAdminAuthToken() }";
const STORE: &str = "give connect-pg-simple a pool that signs in with a token: { pool }, instead of conString";
const DRIZZLE: &str =
    "give drizzle a pool of pg that signs in with a token: drizzle(new Pool({ …, password: () => signer.getDbConnectAdminAuthToken() }))";
const POSTGRES: &str = "give postgres.js the parts: postgres({ host: process.env.PGHOST, username: process.env.PGUSER, database: \"postgres\", ssl: \"verify-full\", \
                        password: () => new DsqlSigner({ hostname: process.env.PGHOST }).getDbConnectAdminAuthToken() })";
const CLIENT: &str = "give Prisma an adapter: new PrismaClient({ adapter: new PrismaPg({ host: process.env.PGHOST, user: process.env.PGUSER, …, \
                      password: () => signer.getDbConnectAdminAuthToken() }) })";
const TOOL: &str = "drizzle-kit has no token of its own: give it DATABASE_URL for the moment that it runs, with what `aws dsql \
                    generate-db-connect-admin-auth-token` prints as the password";
const STRIPE: &str = "stripe-replit-sync cannot run on Aurora DSQL: its migrations make triggers, their functions and enums, which it does not have, and the package knows no token. \
                      Give it a small PostgreSQL of its own (databaseUrl, and poolConfig of StripeSync), or read what the app needs from Stripe itself";
const OTHER: &str = "there is no DATABASE_URL on Aurora DSQL: use the app's pool here, or a pool of its own with { ...dsql() } (dsql.ts), which signs in with a token";

/// What one script says of its connections.
#[derive(Default)]
struct Places {
    edits: Vec<Edit>,
    /// What the edits do, for a person, where they cannot be made.
    mechanical: Vec<(usize, &'static str)>,
    left: Vec<(usize, &'static str)>,
}

fn places(script: &Script) -> Places {
    let mut found = Places::default();
    let root = script.root();
    let line = |part: &Part<'_>| script.line(part.range().start);
    let names = |module: &str| script.text.contains(&format!("\"{module}\"")) || script.text.contains(&format!("'{module}'"));
    let is_tool = script.path.rsplit('/').next().is_some_and(|name| name.starts_with("drizzle.config."));
    let mut guards = Vec::new();
    let mut others = 0;
    for part in root.dfs().filter(|part| env_name(part).as_deref() == Some(URL)) {
        if is_tool {
            found.left.push((line(&part), TOOL));
            continue;
        }
        match guard(&part) {
            Guard::Open(not) => {
                guards.push(not);
                continue;
            }
            Guard::Done => continue,
            Guard::None => {}
        }
        let key = alone_in(&part).and_then(|pair| Some((key_of(&pair)?, pair)));
        match key {
            Some((key, pair)) if key == "connectionString" && names("pg") && in_pool(&pair) => {
                found.edits.push(Edit::new(pair.range(), "...dsql()", WHY));
                found.mechanical.push((line(&part), POOL));
            }
            Some((key, pair)) if key == "conString" && names("connect-pg-simple") => {
                found.edits.push(Edit::new(pair.range(), "conObject: dsql()", WHY));
                found.mechanical.push((line(&part), STORE));
            }
            _ => {
                others += 1;
                let call = part.ancestors().find(|up| matches!(up.kind().as_ref(), "call_expression" | "new_expression"));
                let name = call.and_then(|call| call.field("function").or_else(|| call.field("constructor")));
                let what = match name.map(|name| name.text().into_owned()).as_deref() {
                    Some("runMigrations" | "StripeSync") if names("stripe-replit-sync") => STRIPE,
                    Some("drizzle") => DRIZZLE,
                    Some("PrismaClient") => CLIENT,
                    Some("postgres") => POSTGRES,
                    Some(_) | None if names("postgres") => POSTGRES,
                    Some(_) | None if names("@prisma/client") => CLIENT,
                    Some(_) | None => OTHER,
                };
                found.left.push((line(&part), what));
            }
        }
    }
    // `new Pool()`: all from PGHOST and its like, but for the password.
    for made in root.dfs().filter(|part| part.kind() == "new_expression" && names("pg") && is_pool(part)) {
        if let Some(list) = made.field("arguments").filter(|list| items(list).is_empty()) {
            found.edits.push(Edit::new(list.range(), "(dsql())", WHY));
            found.mechanical.push((line(&made), POOL));
        } else if arguments(&made).first().is_some_and(|options| {
            let text = options.text();
            options.kind() == "object" && ["connectionString", "dsql()", "password:"].iter().all(|word| !text.contains(word))
        }) {
            found.left.push((line(&made), POOL));
        }
    }
    // What stops where the URL is missing goes on where the cluster is named; not where the rest of the file relies on the URL.
    for not in guards {
        if !found.edits.is_empty() && others == 0 {
            found.edits.push(Edit::new(not.range(), format!("{} && !process.env.PGHOST", not.text()), WHY));
        } else if others == 0 {
            found.left.push((line(&not), "let the app start without DATABASE_URL where PGHOST is set"));
        }
    }
    found
}

/// What stands where the code asks whether there is a URL.
enum Guard<'r> {
    /// `!process.env.DATABASE_URL` as the whole condition of an `if`.
    Open(Part<'r>),
    /// `!process.env.DATABASE_URL && !process.env.PGHOST`.
    Done,
    None,
}

fn guard<'r>(part: &Part<'r>) -> Guard<'r> {
    let Some(not) = part.parent().filter(|up| up.kind() == "unary_expression" && up.text().starts_with('!')) else { return Guard::None };
    let Some(up) = not.parent() else { return Guard::None };
    match up.kind().as_ref() {
        "binary_expression" if up.text().contains("PGHOST") => Guard::Done,
        "parenthesized_expression" if up.parent().is_some_and(|statement| statement.kind() == "if_statement") => Guard::Open(not),
        _ => Guard::None,
    }
}

/// The pair whose value is the variable and nothing else: `connectionString: process.env.DATABASE_URL!`.
fn alone_in<'r>(part: &Part<'r>) -> Option<Part<'r>> {
    let up = part.parent()?;
    let value = if matches!(up.kind().as_ref(), "non_null_expression" | "as_expression") { up } else { part.clone() };
    value.parent().filter(|pair| pair.kind() == "pair" && pair.field("value").is_some_and(|own| own.range() == value.range()))
}

fn is_pool(made: &Part<'_>) -> bool {
    made.field("constructor").is_some_and(|class| matches!(class.text().rsplit('.').next(), Some("Pool" | "Client")))
}

/// The pair is an option of `new Pool({ … })`.
fn in_pool(pair: &Part<'_>) -> bool {
    let made = pair.parent().and_then(|options| options.parent()).and_then(|list| list.parent());
    made.is_some_and(|made| made.kind() == "new_expression" && is_pool(&made))
}

const BOTO: &str = "boto3.client(\"dsql\").generate_db_connect_admin_auth_token(os.environ[\"PGHOST\"], os.environ[\"AWS_REGION\"])";

fn python(work: &mut Work) {
    let Ok(read) = Regex::new(r#"environ(?:\.get\(|\[)\s*["']DATABASE_URL["']|getenv\(\s*["']DATABASE_URL["']"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && read.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let what = if text.contains("asyncpg") {
            format!(
                "asyncpg.create_pool(host=os.environ[\"PGHOST\"], user=os.environ[\"PGUSER\"], database=\"postgres\", ssl=\"verify-full\", password=…), where password is a function that returns {BOTO}"
            )
        } else if ["create_engine", "SQLALCHEMY_DATABASE_URI", "SQLAlchemy"].iter().any(|word| text.contains(word)) {
            format!(
                "postgresql+psycopg://admin@PGHOST:5432/postgres?sslmode=verify-full here, and in an event do_connect of the engine: cparams[\"password\"] = {BOTO}"
            )
        } else {
            format!(
                "psycopg.connect(host=os.environ[\"PGHOST\"], user=os.environ[\"PGUSER\"], dbname=\"postgres\", sslmode=\"verify-full\", password=…) with {BOTO}"
            )
        };
        for found in read.find_iter(&text) {
            work.item(&path, Some(line_of(&text, found.start())), &what, WHY);
        }
    }
}

fn prisma(work: &mut Work) {
    for path in work.paths(|path, text| path.ends_with(".prisma") && text.contains("env(\"DATABASE_URL\")")) {
        let text = work.text(&path).unwrap_or_default();
        let line = line_of(text, text.find("env(\"DATABASE_URL\")").unwrap_or_default());
        work.item(&path, Some(line), CLIENT, WHY);
    }
}
