//! The health route in Express, Fastify, Hono and NestJS: behind the statement that makes the app, so before every other route.
//! Never in a file that the grammar cannot read in full.

use super::super::super::orm::edit::Edit;
use super::super::super::orm::imports::Imports;
use super::super::super::orm::script::{Part, Script, bare};
use super::super::syntax::{calls, express_app, is_typed, statement_of};
use super::super::work::{Server, Work, folder};
use super::reach::{Place, clients, suffix};
use super::scope::Scope;
use super::{PLAIN, TYPED, WHY, file};

/// One framework's way of writing the route.
struct Way {
    /// Of the app's name.
    head: fn(&str) -> String,
    /// What is done with the answer, without the end of the statement.
    answer: fn(&str) -> String,
}

const PATH: &str = "/api/health";

pub fn express(work: &mut Work, server: &Server) -> bool {
    let way = Way {
        head: |app| format!("{app}.get(PATH, async (_req, res) => {{"),
        answer: |_| "res.status(answer.status).json(answer.body)".to_owned(),
    };
    let servers = work.server(|path, text| server.holds(path) && text.contains("express()"));
    let Some((script, (statement, app))) = servers.iter().find_map(|script| Some((script, express_app(script)?))) else { return false };
    mount(work, server, script, &statement, &app, &way, None);
    true
}

pub fn fastify(work: &mut Work, server: &Server) -> bool {
    let way = Way {
        head: |app| format!("{app}.get(PATH, async (_req, reply) => {{"),
        answer: |_| "return reply.code(answer.status).send(answer.body)".to_owned(),
    };
    let starts = ["Fastify(", "fastify(", "require(\"fastify\")(", "require('fastify')("];
    let servers = work.server(|path, text| server.holds(path) && ["\"fastify\"", "'fastify'"].iter().any(|module| text.contains(module)));
    let Some((script, (statement, app))) =
        servers.iter().find_map(|script| Some((script, made(script, |value| starts.iter().any(|start| value.starts_with(start)))?)))
    else {
        return false;
    };
    mount(work, server, script, &statement, &app, &way, None);
    for other in work.server(|path, text| server.holds(path) && text.contains(".addHook(")) {
        for hook in calls(&other.root(), "addHook") {
            let text = hook.text();
            if ["401", "nauthorized", "jwtVerify", "uthenticat"].iter().any(|mark| text.contains(mark)) {
                let what = "let /api/health past this hook: the load balancer has no login";
                work.item(&other.path, Some(other.line(hook.range().start)), what, WHY);
            }
        }
    }
    true
}

pub fn hono(work: &mut Work, server: &Server) -> bool {
    let way = Way {
        head: |app| format!("{app}.get(PATH, async (c) => {{"),
        answer: |_| "return c.json(answer.body, answer.status === 200 ? 200 : 503)".to_owned(),
    };
    for script in work.server(|path, text| server.holds(path) && text.contains("new Hono")) {
        let Some((statement, app)) = made(&script, |value| value.starts_with("new Hono")) else { continue };
        let text = &script.text;
        let starts = [format!("{app}.fetch"), format!("export default {app}"), format!("serve({app}")];
        if !starts.iter().any(|start| text.contains(start)) {
            continue;
        }
        if statement.text().contains(".basePath(") {
            let what = "mount the health route at /api/health on an app without basePath: all that this one answers has its prefix";
            work.item(&script.path, Some(script.line(statement.range().start)), what, WHY);
            return true;
        }
        mount(work, server, &script, &statement, &app, &way, None);
        return true;
    }
    false
}

/// On the HTTP adapter: no prefix, version, guard or interceptor of the app stands before it.
pub fn nest(work: &mut Work, server: &Server) -> bool {
    let way = Way {
        head: |app| format!("{app}.getHttpAdapter().get(PATH, async (_req, res) => {{"),
        answer: |app| format!("{app}.getHttpAdapter().reply(res, answer.body, answer.status)"),
    };
    let starts = ["NestFactory.create(", "NestFactory.create<"];
    for script in work.server(|path, text| server.holds(path) && starts.iter().any(|start| text.contains(start))) {
        let is_app = |value: &str| starts.iter().any(|start| value.trim_start_matches("await").trim_start().starts_with(start));
        let Some((statement, app)) = made(&script, is_app) else { continue };
        let known = injected(work, server, &script, &app);
        mount(work, server, &script, &statement, &app, &way, known);
        return true;
    }
    false
}

/// The database as Nest hands it out: an import and a check.
fn injected(work: &mut Work, server: &Server, script: &Script, app: &str) -> Option<(Option<String>, String)> {
    let scope = Scope::of(work, server, &script.path);
    let style = script.style();
    let import = |name: &str, from: &str| {
        let there = Imports::of(script).resolve(name).is_some();
        (!there).then(|| format!("import {{ {name} }} from {}", style.text(from)))
    };
    let one = style.text("select 1");
    if work.any(|path, text| scope.holds(path) && text.contains("TypeOrmModule.forRoot")) {
        return Some((import("DataSource", "typeorm"), format!("() => {app}.get(DataSource).query({one})")));
    }
    for other in work.server(|path, text| scope.holds(path) && text.contains("extends PrismaClient")) {
        let root = other.root();
        let class = root.dfs().find(|part| part.kind() == "class_declaration" && part.text().contains("extends PrismaClient"));
        let name = class.and_then(|class| Some(class.field("name")?.text().into_owned()));
        let end = suffix(work, &script.path, &Imports::of(script));
        let Some(name) = name else { continue };
        if let Some(from) = scope.module(work, &script.path, &other.path, &name, false, end) {
            return Some((import(&name, &from), format!("() => {app}.get({name}).$queryRawUnsafe({one})")));
        }
    }
    None
}

/// `const app = …`: the statement, and the name.
fn made<'r>(script: &'r Script, is: impl Fn(&str) -> bool) -> Option<(Part<'r>, String)> {
    let declarator = script.root().dfs().find(|part| {
        part.kind() == "variable_declarator"
            && part.field("name").is_some_and(|name| name.kind() == "identifier")
            && part.field("value").is_some_and(|value| is(&bare(&value).text()))
    })?;
    let name = declarator.field("name")?.text().into_owned();
    Some((statement_of(&declarator)?, name))
}

fn mount(
    work: &mut Work,
    server: &Server,
    script: &Script,
    statement: &Part<'_>,
    app: &str,
    way: &Way,
    known: Option<(Option<String>, String)>,
) {
    let typed = is_typed(&script.path);
    let (name, text) = if typed { ("health.ts", TYPED) } else { ("health.mjs", PLAIN) };
    let path = format!("{}{name}", folder(&script.path));
    let imports = Imports::of(script);
    // CommonJS takes the file, which is a module, where it is called
    let common = imports.all.is_empty();
    if common && (typed || !script.text.contains("require(")) {
        work.put(&path, text, WHY);
        let what = format!("mount the health route at /api/health before every other route: its first lines say how ({path})");
        work.item(&script.path, Some(script.line(statement.range().start)), &what, WHY);
        return;
    }
    if !file(work, &path, text) {
        return;
    }
    let style = script.style();
    let end_of_module = suffix(work, &script.path, &imports);
    let module = if typed { format!("./health{end_of_module}") } else { format!("./{name}") };
    let scope = Scope::of(work, server, &script.path);
    let place = Place {
        path: &script.path,
        scope: &scope,
        script: Some((script, &imports)),
        at: statement.range().start,
        alone: common,
        suffix: end_of_module,
        quote: if style.quote == '"' { |value| format!("\"{value}\"") } else { |value| format!("'{value}'") },
    };
    let reach = clients(work, &place, style.end(), known);
    let indent = script.indent(statement.range().start);
    let (end, newline) = (style.end(), style.newline);
    let head = (way.head)(app).replace("PATH", &style.text(PATH));
    let mut route = vec![String::new(), head];
    route.extend(common.then(|| format!("  const {{ health }} = await import({}){end}", style.text(&module))));
    route.extend([
        format!("  const answer = await health({}){end}", reach.object()),
        format!("  {}{end}", (way.answer)(app)),
        format!("}}){end}"),
    ]);
    // Behind settings such as trust proxy, which are no routes.
    let mut last = statement.clone();
    for next in statement.next_all().filter(Part::is_named) {
        if !next.text().starts_with(&format!("{app}.set(")) {
            break;
        }
        last = next;
    }
    let behind = last.range().end;
    let rest = script.text.get(behind..).unwrap_or_default();
    let goes_on = !rest.is_empty() && !rest.trim_start_matches([' ', '\t', ';']).starts_with(['\r', '\n', '/']);
    let mut mount: String =
        route.iter().map(|line| if line.is_empty() { newline.to_owned() } else { format!("{newline}{indent}{line}") }).collect();
    if goes_on {
        mount.push_str(newline);
    }
    let mut edits = vec![Edit::new(behind..behind, mount, WHY)];
    if !common {
        let after = imports.all.last().map_or(0, |import| import.statement.range().end);
        let import = format!("import {{ health }} from {}{end}", style.text(&module));
        let lines: String = std::iter::once(&import).chain(&reach.imports).map(|line| format!("{newline}{line}")).collect();
        edits.push(Edit::new(after..after, lines, WHY));
    }
    work.edit(script, edits);
}
