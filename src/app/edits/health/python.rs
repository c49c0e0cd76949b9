//! The health route in Flask, FastAPI and Django, with the app's own engine, pool or session.
//! Never inside a function that makes the app: there a person puts the lines.

use regex::Regex;

use super::super::super::orm::edit::Edit;
use super::super::work::{Server, Work, folder, line_of};
use super::{DJANGO, PYTHON, WHY, ask_store, file, has_database, has_redis};

/// The module of another file as Python finds it from this one; `None`: it does not.
pub fn module(work: &Work, from: &str, to: &str) -> Option<String> {
    let here = folder(from);
    let stem = to.strip_suffix(".py")?;
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let text = work.text(from).unwrap_or_default();
    let top = here.split('/').next().unwrap_or_default();
    let names_top = !top.is_empty() && (text.contains(&format!("\nfrom {top}.")) || text.starts_with(&format!("from {top}.")));
    let is_package = !here.is_empty() && work.any(|path, _| path == format!("{here}__init__.py"));
    if names_top {
        return Some(stem.replace('/', "."));
    }
    let below = stem.strip_prefix(here)?.replace('/', ".");
    let relative = is_package || text.contains("\nfrom .") || text.starts_with("from .");
    Some(if relative { format!(".{below}") } else { below })
}

struct Ask {
    /// Needed besides.
    import: Option<String>,
    /// The body of the function that asks.
    body: Vec<String>,
    waits: bool,
}

/// What a module of the app has under this pattern's first name: here, imported, or to be imported.
fn named(work: &Work, path: &str, pattern: &str) -> Option<(String, Option<String>, String)> {
    let pattern = Regex::new(pattern).ok()?;
    let name = |text: &str| pattern.captures(text).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
    let text = work.text(path)?;
    if let Some(name) = name(text) {
        return Some((name, None, text.to_owned()));
    }
    work.own().filter(|(other, _)| other.ends_with(".py") && *other != path).find_map(|(other, its)| {
        let name = name(its)?;
        let imported = Regex::new(&format!(r"(?m)^from [\w.]+ import [^\n]*\b{name}\b(?: *,|\s*$|\s*#)")).ok()?;
        let import =
            if imported.is_match(text) { None } else { Some(format!("from {} import {name}  # noqa: E402", module(work, path, other)?)) };
        Some((name, import, its.to_owned()))
    })
}

fn database(work: &Work, path: &str, app: &str) -> Option<Ask> {
    let own = |name: &str| format!(r"(?m)^({name})(?:\s*:\s*[\w.]+)?\s*=\s*");
    let of = |call: &str| named(work, path, &format!("{}{call}", own(r"\w+")));
    if let Some((name, import, _)) = of(r"(?:\w+\.)?create_engine\(") {
        let body = vec![format!("with {name}.connect() as connection:"), "    connection.exec_driver_sql(\"select 1\")".to_owned()];
        return Some(Ask { import, body, waits: false });
    }
    if let Some((name, import, _)) = of(r"(?:\w+\.)?create_async_engine\(") {
        let body =
            vec![format!("async with {name}.connect() as connection:"), "    await connection.exec_driver_sql(\"select 1\")".to_owned()];
        return Some(Ask { import, body, waits: true });
    }
    if let Some((name, import, _)) = of(r"(?:\w+\.)?ConnectionPool\(") {
        let body = vec![format!("with {name}.connection(timeout=3) as connection:"), "    connection.execute(\"select 1\")".to_owned()];
        return Some(Ask { import, body, waits: false });
    }
    if let Some((name, import, _)) = of(r"(?:\w+\.)?AsyncConnectionPool\(") {
        let body = vec![
            format!("async with {name}.connection(timeout=3) as connection:"),
            "    await connection.execute(\"select 1\")".to_owned(),
        ];
        return Some(Ask { import, body, waits: true });
    }
    let state = Regex::new(r"\.state\.(\w+)\s*=\s*await (?:asyncpg\.)?create_pool\(").ok()?;
    let name = state.captures(work.text(path)?)?.get(1)?.as_str().to_owned();
    Some(Ask { import: None, body: vec![format!("await {app}.state.{name}.fetchval(\"select 1\", timeout=3)")], waits: true })
}

/// An import and the ping of the app's Redis.
fn redis(work: &Work, path: &str) -> Option<(Option<String>, String)> {
    let made = r"(?m)^(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:\w+\.)*(?:Redis|StrictRedis|Redis\.from_url|from_url)\(";
    let (name, import, text) = named(work, path, made)?;
    text.contains("redis").then(|| (import, format!("{name}.ping")))
}

fn unreached(work: &mut Work, path: &str, database: bool, redis: bool) {
    let at = |work: &Work, marks: &[&str]| {
        work.own().filter(|(path, _)| path.ends_with(".py")).find_map(|(path, text)| {
            let at = marks.iter().find_map(|mark| text.find(mark))?;
            Some((path.to_owned(), Some(line_of(text, at))))
        })
    };
    if database && has_database(work) {
        let (path, line) = at(work, &["create_engine(", "create_async_engine(", "create_pool(", "ConnectionPool(", ".connect("])
            .unwrap_or((path.to_owned(), None));
        let what = "give the health route a query of the database (no engine or pool at the top of a module was found): a function that runs `select 1`, as \"database\" in what the route passes to `health`";
        work.item(&path, line, what, WHY);
    } else if database {
        ask_store(work);
    }
    if redis && has_redis(work) {
        let (path, line) = at(work, &["Redis(", "from_url(", "REDIS_URL"]).unwrap_or((path.to_owned(), None));
        let what = "give the health route a ping of Redis (no client at the top of a module was found): its `ping`, as \"redis\" in what the route passes to `health`";
        work.item(&path, line, what, WHY);
    }
}

/// Where the app is made.
enum Made {
    /// `app = Flask(…)` at the top of a module, and where the statement ends.
    Here { path: String, app: String, end: usize },
    /// In a function: a person is asked.
    Inside { path: String, line: usize, app: String },
}

fn app_of(work: &Work, server: &Server, class: &str) -> Option<Made> {
    let made = Regex::new(&format!(r"(?m)^([ \t]*)(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w+\.)?{class}\(")).ok()?;
    let mut inside = None;
    for (path, text) in work.own().filter(|(path, _)| path.ends_with(".py") && server.holds(path)) {
        for found in made.captures_iter(text) {
            let (Some(whole), Some(indent), Some(name)) = (found.get(0), found.get(1), found.get(2)) else { continue };
            let (path, app) = (path.to_owned(), name.as_str().to_owned());
            if indent.is_empty() {
                return Some(Made::Here { path, app, end: end_of_call(text, whole.end()) });
            }
            let line = line_of(text, whole.start() + indent.len());
            inside.get_or_insert(Made::Inside { path, line, app });
        }
    }
    inside
}

/// Behind the parenthesis that closes what is open.
fn end_of_call(text: &str, from: usize) -> usize {
    let (mut depth, mut quote, mut comment, mut escaped) = (1usize, None, false, false);
    for (at, c) in text.get(from..).unwrap_or_default().char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\n') if comment => comment = false,
            _ if comment => {}
            (Some(_), '\\') => escaped = true,
            (Some(open), _) => quote = (open != c).then_some(open),
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => comment = true,
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return from + at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn inside(work: &mut Work, path: &str, line: usize, app: &str, code: &str) -> bool {
    let checks = format!("{}health.py", folder(path));
    if file(work, &checks, PYTHON) {
        let what = format!(
            "mount the health route at /api/health behind this line ({checks} says how), since the app is made inside a function: {}",
            code.replace("APP", app)
        );
        work.item(path, Some(line), &what, WHY);
    }
    true
}

/// Flask: the route follows the app, which a blueprint or another module may have made.
pub fn flask(work: &mut Work, server: &Server) -> bool {
    let (path, app) = match app_of(work, server, "Flask") {
        None => return false,
        Some(Made::Here { path, app, .. }) => (path, app),
        Some(Made::Inside { path, line, app }) => {
            let code = "`APP.add_url_rule(\"/api/health\", \"api_health\", lambda: health({\"database\": lambda: db.session.execute(db.text(\"select 1\"))}, APP)[::-1])`";
            return inside(work, &path, line, &app, code);
        }
    };
    let checks = format!("{}health.py", folder(&path));
    if !file(work, &checks, PYTHON) {
        return true;
    }
    let text = work.text(&path).unwrap_or_default().to_owned();
    let mut imports =
        module(work, &path, &checks).map(|module| format!("from {module} import health  # noqa: E402")).into_iter().collect::<Vec<_>>();
    let (mut asks, mut head) = (Vec::new(), Vec::new());
    if let Some((db, import, _)) = named(work, &path, r"(?m)^(\w+)\s*=\s*(?:\w+\.)?SQLAlchemy\(") {
        imports.extend(import);
        asks.push(format!("\"database\": lambda: {db}.session.execute({db}.text(\"select 1\"))"));
    } else if let Some(ask) = database(work, &path, &app).filter(|ask| !ask.waits) {
        imports.extend(ask.import.clone());
        head = function(&ask);
        asks.push("\"database\": _health_database".to_owned());
    }
    let has_one = !asks.is_empty();
    let redis = redis(work, &path);
    if let Some((import, ping)) = &redis {
        imports.extend(import.clone());
        asks.push(format!("\"redis\": {ping}"));
    }
    unreached(work, &path, !has_one, redis.is_none());
    let newline = newline(&text);
    let mut lines = imports;
    lines.extend([String::new(), String::new()]);
    lines.extend(head);
    lines.extend([
        format!("@{app}.get(\"/api/health\")"),
        "def api_health():".to_owned(),
        format!("    status, body = health({{{}}}, {app})", asks.join(", ")),
        "    return body, status".to_owned(),
    ]);
    let block: String = lines.iter().map(|line| format!("{line}{newline}")).collect();
    let at = text.find("\nif __name__").map_or(text.len(), |at| at);
    let (head, tail) = text.split_at(at);
    let head = head.trim_end();
    let rest = if tail.trim().is_empty() { String::new() } else { format!("{newline}{newline}{}", tail.trim_start()) };
    work.put(&path, format!("{head}{newline}{newline}{block}{rest}"), WHY);
    true
}

fn function(ask: &Ask) -> Vec<String> {
    let mut lines = vec![format!("{}def _health_database():", if ask.waits { "async " } else { "" })];
    lines.extend(ask.body.iter().map(|line| format!("    {line}")));
    lines.extend([String::new(), String::new()]);
    lines
}

/// FastAPI takes the first route that fits, so ours is right behind the app.
pub fn fastapi(work: &mut Work, server: &Server) -> bool {
    let (path, app, at) = match app_of(work, server, "FastAPI") {
        None => return false,
        Some(Made::Here { path, app, end }) => (path, app, end),
        Some(Made::Inside { path, line, app }) => {
            let code = "an `async def` route of APP that returns `JSONResponse(body, status)` of `status, body = await health_async({\"database\": ask_the_database})`";
            return inside(work, &path, line, &app, code);
        }
    };
    let checks = format!("{}health.py", folder(&path));
    if !file(work, &checks, PYTHON) {
        return true;
    }
    let text = work.text(&path).unwrap_or_default().to_owned();
    let mut imports = vec!["from fastapi.responses import JSONResponse as HealthAnswer  # noqa: E402".to_owned()];
    imports.extend(module(work, &path, &checks).map(|module| format!("from {module} import health_async  # noqa: E402")));
    let (mut asks, mut head) = (Vec::new(), Vec::new());
    let ask = database(work, &path, &app);
    if let Some(ask) = &ask {
        imports.extend(ask.import.clone());
        head = function(ask);
        asks.push("\"database\": _health_database".to_owned());
    }
    let redis = redis(work, &path);
    if let Some((import, ping)) = &redis {
        imports.extend(import.clone());
        // it may be made further below
        asks.push(format!("\"redis\": lambda: {ping}()"));
    }
    unreached(work, &path, ask.is_none(), redis.is_none());
    let newline = newline(&text);
    let mut lines = vec![String::new()];
    lines.extend(imports);
    lines.extend([String::new(), String::new()]);
    lines.extend(head);
    lines.extend([
        format!("@{app}.get(\"/api/health\", include_in_schema=False)"),
        "async def api_health():".to_owned(),
        format!("    status, body = await health_async({{{}}})", asks.join(", ")),
        "    return HealthAnswer(body, status)".to_owned(),
    ]);
    let rest = text.get(at..).unwrap_or_default().trim_start_matches([' ', '\t']);
    let blank = if rest.trim().is_empty() { "" } else { newline };
    let block: String = lines.iter().map(|line| format!("{newline}{line}")).collect();
    work.replace(&path, &text, vec![Edit::new(at..at, format!("{block}{blank}"), WHY)]);
    true
}

/// Django: the first of the middleware. A view would be behind `ALLOWED_HOSTS`, which refuses the load balancer's way of asking
/// (by address), and behind the redirection to https.
pub fn django(work: &mut Work, server: &Server) -> bool {
    let Ok(list) = Regex::new(r"(?m)^MIDDLEWARE\s*=\s*\[") else { return false };
    let named = |path: &str, text: &str| path.ends_with(".py") && text.contains("ROOT_URLCONF") || path.ends_with("/settings.py");
    let is_django = work.any(|path, text| path.ends_with("manage.py") || path.ends_with(".py") && text.contains("django.core.wsgi"));
    let Some(path) = work.paths(|path, text| is_django && server.holds(path) && named(path, text)).into_iter().next() else { return false };
    let text = work.text(&path).unwrap_or_default().to_owned();
    let below = folder(&path).to_owned();
    let (checks, middleware) = (format!("{below}health.py"), format!("{below}health_django.py"));
    if !file(work, &checks, PYTHON) {
        return true;
    }
    let marks = ["django_redis", "RedisCache"];
    let mut asks = Vec::new();
    if text.contains("DATABASES") {
        asks.push("\"database\": _database");
    }
    if marks.iter().any(|mark| text.contains(mark)) {
        asks.push("\"redis\": _redis");
    }
    let has_redis = asks.iter().any(|ask| ask.contains("redis"));
    // what nothing calls is not there
    let django = if has_redis {
        DJANGO.to_owned()
    } else {
        DJANGO.replace("from django.core.cache import cache\n", "").replace("def _redis():\n    cache.get(\"health\")\n\n\n", "")
    };
    let contents = django.replace("{\"database\": _database, \"redis\": _redis}", &format!("{{{}}}", asks.join(", ")));
    if !file(work, &middleware, &contents) {
        return true;
    }
    // the package that holds the settings: what ROOT_URLCONF or WSGI_APPLICATION begin with, else the folder from manage.py's
    let manage = work.paths(|path, _| path.rsplit('/').next() == Some("manage.py")).into_iter().next().unwrap_or_default();
    let package = below.strip_prefix(folder(&manage)).unwrap_or(&below).replace('/', ".");
    let name = format!("{package}health_django.HealthMiddleware");
    if let Some(found) = list.find(&text) {
        let rest = text.get(found.end()..).unwrap_or_default();
        let newline = newline(&text);
        let inserted = if rest.trim_start_matches([' ', '\t']).starts_with(['\r', '\n']) {
            format!("{newline}    \"{name}\",")
        } else {
            format!("\"{name}\", ")
        };
        work.replace(&path, &text, vec![Edit::new(found.end()..found.end(), inserted, WHY)]);
    } else {
        let what = format!(
            "put `\"{name}\"` first in MIDDLEWARE: no such list was found here, and behind it the route is in front of ALLOWED_HOSTS"
        );
        work.item(&path, None, &what, WHY);
    }
    if !has_redis {
        unreached(work, &path, false, true);
    }
    true
}
