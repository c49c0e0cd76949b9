//! A route that tells the load balancer how the app is: mounted before the login and before what answers every path.
//! What the route looks at is in `assets/files/health.*`; here it is only put in, with the app's own pool and Redis.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::{Part, Script};
use super::syntax::{express_app, is_typed};
use super::work::{Work, folder, is_client};

const WHY: &str = "the load balancer asks here whether the app can work: database, Redis and memory, each with a time limit";
const PATHS: &[&str] = &["/api/health", "/api/healthz", "/health", "/healthz"];

pub fn edit(work: &mut Work) {
    let is_there = |text: &str| PATHS.iter().any(|path| text.contains(&format!("\"{path}\"")) || text.contains(&format!("'{path}'")));
    if work.any(|path, text| !is_client(path) && is_there(text)) {
        return;
    }
    let servers = work.server(|_, text| text.contains("express()"));
    let Some((script, (statement, app))) = servers.iter().find_map(|script| Some((script, express_app(script)?))) else {
        flask(work);
        return;
    };
    let (file, text) = if is_typed(&script.path) {
        ("health.ts", include_str!("../../../assets/files/health.ts"))
    } else {
        ("health.mjs", include_str!("../../../assets/files/health.mjs"))
    };
    let path = format!("{}{file}", folder(&script.path));
    let imports = Imports::of(script);
    // CommonJS takes the file, which is a module, where it is called
    let common = imports.all.is_empty();
    if common && (is_typed(&script.path) || !script.text.contains("require(")) {
        work.put(&path, text, WHY);
        let what = format!("mount the health route at /api/health before every other route: its first lines say how ({path})");
        work.item(&script.path, Some(script.line(statement.range().start)), &what, WHY);
        return;
    }
    let style = script.style();
    let module = if is_typed(&script.path) { "./health".to_owned() } else { format!("./{file}") };
    let import = format!("import {{ health }} from {}{}", style.text(&module), style.end());
    let mut lines: Vec<String> = (!common).then_some(import).into_iter().collect();
    let mut checks = Vec::new();
    let within_reach = |found: &(String, Option<String>)| !common || found.1.is_none();
    match exported(work, script, &imports, is_pool).filter(within_reach) {
        Some((name, import)) => {
            lines.extend(import.map(|from| format!("import {{ {name} }} from {}{}", style.text(&from), style.end())));
            checks.push(format!("database: () => {name}.query({})", style.text("select 1")));
        }
        None if work.any(|_, text| text.contains("DATABASE_URL")) => {
            work.item(&script.path, None, "give the health route a query of the database (no exported pool was found)", WHY);
        }
        None => {}
    }
    if let Some((name, import)) = exported(work, script, &imports, is_redis).filter(within_reach) {
        lines.extend(import.map(|from| format!("import {{ {name} }} from {}{}", style.text(&from), style.end())));
        checks.push(format!("redis: () => {name}.ping()"));
    }
    let checks = if checks.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", checks.join(", ")) };
    let indent = script.indent(statement.range().start);
    let (end, newline) = (style.end(), style.newline);
    let taken = format!("  const {{ health }} = await import({}){end}", style.text(&module));
    let mut route = vec![String::new(), format!("{app}.get({}, async (_req, res) => {{", style.text("/api/health"))];
    route.extend(common.then_some(taken));
    route.extend([
        format!("  const answer = await health({checks}){end}"),
        format!("  res.status(answer.status).json(answer.body){end}"),
        format!("}}){end}"),
    ]);
    let mount: String =
        route.iter().map(|line| if line.is_empty() { newline.to_owned() } else { format!("{newline}{indent}{line}") }).collect();
    // Behind settings such as trust proxy, which are no routes.
    let mut last = statement.clone();
    for next in statement.next_all().filter(Part::is_named) {
        if !next.text().starts_with(&format!("{app}.set(")) {
            break;
        }
        last = next;
    }
    let after = imports.all.last().map_or(0, |import| import.statement.range().end);
    let text_of_imports: String = lines.iter().map(|line| format!("{newline}{line}")).collect();
    let mut edits = vec![Edit::new(last.range().end..last.range().end, mount, WHY)];
    if !common {
        edits.push(Edit::new(after..after, text_of_imports, WHY));
    }
    if work.text(&path).is_none() && !work.put(&path, text, WHY) {
        return;
    }
    work.edit(script, edits);
}

fn is_pool(value: &Part<'_>) -> bool {
    value.field("constructor").is_some_and(|class| class.text() == "Pool" || class.text().ends_with(".Pool"))
}

fn is_redis(value: &Part<'_>) -> bool {
    value.field("constructor").is_some_and(|class| matches!(class.text().as_ref(), "Redis" | "IORedis"))
        && !value.text().contains("Subscriber")
}

/// The name of an exported constant that is made so, and where to import it from (`None`: it is in this file, or imported already).
fn exported(work: &mut Work, script: &Script, imports: &Imports<'_>, is: fn(&Part<'_>) -> bool) -> Option<(String, Option<String>)> {
    let declared = |other: &Script, must: bool| {
        let root = other.root();
        root.dfs()
            .filter(|part| {
                part.kind() == "variable_declarator"
                    && part.field("value").is_some_and(|value| value.kind() == "new_expression" && is(&value))
            })
            .filter(|part| !must || part.ancestors().any(|up| up.kind() == "export_statement"))
            .find_map(|part| Some(part.field("name")?.text().into_owned()))
    };
    if let Some(name) = declared(script, false) {
        return Some((name, None));
    }
    let found = work
        .server(|_, text| text.contains("Pool(") || text.contains("Redis("))
        .iter()
        .filter(|other| other.path != script.path)
        .find_map(|other| Some((other.path.clone(), declared(other, true)?)));
    let (path, name) = found?;
    if imports.resolve(&name).is_some() {
        return Some((name, None));
    }
    let from = relative(&script.path, &path)?;
    Some((name, Some(from)))
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

/// Flask: the route follows the app, which a blueprint or another module may have made.
fn flask(work: &mut Work) {
    let Ok(made) = Regex::new(r"(?m)^(\w+)\s*=\s*Flask\(") else { return };
    let Some(path) = work.paths(|path, text| path.ends_with(".py") && made.is_match(text)).into_iter().next() else { return };
    let text = work.text(&path).unwrap_or_default().to_owned();
    let Some(app) = made.captures(&text).and_then(|found| found.get(1)).map(|name| name.as_str().to_owned()) else { return };
    let Ok(database) = Regex::new(r"(?m)^(\w+)\s*=\s*SQLAlchemy\(") else { return };
    let db = database.captures(&text).and_then(|found| found.get(1)).map(|name| name.as_str().to_owned());
    let check = match &db {
        Some(db) => format!("{{\"database\": lambda: {db}.session.execute({db}.text(\"select 1\"))}}"),
        None => {
            if work.any(|_, text| text.contains("DATABASE_URL")) {
                work.item(&path, None, "give the health route a query of the database", WHY);
            }
            "{}".to_owned()
        }
    };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = [
        "from health import health  # noqa: E402".to_owned(),
        String::new(),
        String::new(),
        format!("@{app}.get(\"/api/health\")"),
        "def api_health():".to_owned(),
        format!("    status, body = health({check}, {app})"),
        "    return body, status".to_owned(),
    ];
    let block: String = lines.iter().map(|line| format!("{line}{newline}")).collect();
    let at = text.find("\nif __name__").map_or(text.len(), |at| at);
    let (head, tail) = text.split_at(at);
    let head = head.trim_end();
    let file = format!("{}health.py", folder(&path));
    if work.text(&file).is_none() && !work.put(&file, include_str!("../../../assets/files/health.py"), WHY) {
        return;
    }
    let rest = if tail.trim().is_empty() { String::new() } else { format!("{newline}{newline}{}", tail.trim_start()) };
    work.put(&path, format!("{head}{newline}{newline}{block}{rest}"), WHY);
}
