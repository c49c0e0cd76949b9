//! The health route in Next.js: a file at its place, for the app router or the pages router.
//! Never both, and never where the app has a prefix that the load balancer does not know.

use super::super::super::orm::script::{Part, Script, items};
use super::super::package::is_typed;
use super::super::syntax::calls;
use super::super::work::{Server, Work, folder, line_of};
use super::reach::{Place, clients};
use super::scope::Scope;
use super::{PLAIN, TYPED, WHY, file};

const ENDS: [&str; 4] = ["ts", "tsx", "js", "mjs"];

/// The path of a route handler named health, as Next.js takes it.
pub fn is_route(path: &str) -> bool {
    let Some((stem, end)) = path.rsplit_once('.') else { return false };
    let named = ["health", "healthz", "healthcheck"];
    let is = |tail: &str| stem == tail || stem.ends_with(&format!("/{tail}"));
    ENDS.contains(&end)
        && named
            .iter()
            .any(|name| is(&format!("app/api/{name}/route")) || is(&format!("app/{name}/route")) || is(&format!("pages/api/{name}")))
}

pub fn edit(work: &mut Work, server: &Server) -> bool {
    let is_next =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok_and(|package| package["dependencies"]["next"].is_string());
    let Some(package) =
        work.paths(|path, text| server.holds(path) && path.rsplit('/').next() == Some("package.json") && is_next(text)).into_iter().next()
    else {
        return false;
    };
    let dir = folder(&package).to_owned();
    let has = |below: &str| work.any(|path, _| path.starts_with(&format!("{dir}{below}")));
    let Some((below, app)) =
        [("app/", true), ("src/app/", true), ("pages/", false), ("src/pages/", false)].into_iter().find(|(below, _)| has(below))
    else {
        return false;
    };
    let config = work.paths(|path, text| path.starts_with(&format!("{dir}next.config.")) && text.contains("basePath")).into_iter().next();
    if let Some(config) = config {
        let text = work.text(&config).unwrap_or_default();
        let line = text.find("basePath").map(|at| line_of(text, at));
        let what = "make a health route (app/api/health/route), and tell the load balancer its path with this prefix: none was put in, because /api/health does not reach the app";
        work.item(&config, line, what, WHY);
        return true;
    }
    let typed = is_typed(work, &package);
    let (end, contents) = if typed { ("ts", TYPED) } else { ("mjs", PLAIN) };
    let code = if typed { "ts" } else { "js" };
    // what lies in `pages/api` is a route, so its checks are elsewhere
    let (route, checks, module) = if app {
        (format!("{dir}{below}api/health/route.{code}"), format!("{dir}{below}api/health/health.{end}"), "./health")
    } else {
        let lib = below.strip_suffix("pages/").unwrap_or_default();
        (format!("{dir}{below}api/health.{code}"), format!("{dir}{lib}lib/health.{end}"), "../../lib/health")
    };
    let module = if typed { module.to_owned() } else { format!("{module}.mjs") };
    if !file(work, &checks, contents) {
        return true;
    }
    let scope = Scope::of(work, server, &route);
    let place = Place { path: &route, scope: &scope, script: None, at: 0, alone: false, suffix: "", quote: |value| format!("\"{value}\"") };
    let reach = clients(work, &place, ";", None);
    let mut lines = vec![format!("import {{ health }} from \"{module}\";")];
    lines.extend(reach.imports.iter().cloned());
    let asked = reach.object();
    let answer = format!("  const answer = await health({asked});");
    if app {
        lines.extend(
            [
                "",
                "// asked anew each time: never an answer of the build",
                "export const dynamic = \"force-dynamic\";",
                "export const runtime = \"nodejs\";",
                "",
                "export async function GET() {",
                &answer,
                "  return Response.json(answer.body, { status: answer.status });",
                "}",
            ]
            .map(str::to_owned),
        );
    } else {
        let (import, head) = if typed {
            (
                Some("import type { NextApiRequest, NextApiResponse } from \"next\";"),
                "export default async function handler(_req: NextApiRequest, res: NextApiResponse) {",
            )
        } else {
            (None, "export default async function handler(_req, res) {")
        };
        lines.extend(import.map(str::to_owned));
        lines.extend(["", head, &answer, "  res.status(answer.status).json(answer.body);", "}"].map(str::to_owned));
    }
    work.put(&route, lines.iter().map(|line| format!("{line}\n")).collect::<String>(), WHY);
    middleware(work, &dir);
    true
}

/// Next.js' middleware stands before every route that its matcher does not leave out.
fn middleware(work: &mut Work, dir: &str) {
    let names = ["middleware.ts", "middleware.js", "src/middleware.ts", "src/middleware.js", "proxy.ts", "src/proxy.ts"];
    for path in names.map(|name| format!("{dir}{name}")) {
        let Some(text) = work.text(&path).map(str::to_owned) else { continue };
        let open = text.contains("(?!api") || text.contains("/api/health");
        let Some(script) = Script::read(&path, &text).filter(|_| !open) else { continue };
        let at = text.find("matcher").or_else(|| text.find("export")).unwrap_or_default();
        if let Some(what) = in_the_way(&script) {
            work.item(&path, Some(script.line(at)), what, WHY);
        }
    }
}

/// What keeps a request without a login, by the task's address, from the route; `None`: nothing that can be seen.
fn in_the_way(script: &Script) -> Option<&'static str> {
    let root = script.root();
    let is_config = |part: &Part<'_>| part.kind() == "export_statement" && part.text().contains("matcher");
    let code: String = items(&root).iter().filter(|part| !is_config(part)).map(|part| part.text().to_lowercase()).collect();
    let logins = ["auth", "login", "signin", "sign-in", "session", "cookie", "token", "jwt", "clerk", "401", "403"];
    if logins.iter().any(|word| code.contains(word)) {
        return Some("let /api/health past this: the load balancer has no login");
    }
    // a host by its name is never the one that the load balancer asks for
    let of_one_host = |part: &Part<'_>| {
        part.ancestors().filter(|up| up.kind() == "if_statement").filter_map(|up| up.field("condition")).any(|condition| {
            let text = condition.text();
            text.contains("ost") && text.contains("===") && !text.contains("!==")
        })
    };
    let answers = ["redirect", "rewrite", "json", "createMiddleware"].iter().flat_map(|name| calls(&root, name));
    let made = root.dfs().filter(|part| part.kind() == "new_expression" && part.text().contains("Response("));
    let mut any = answers.chain(made).filter(|part| !of_one_host(part));
    let is_own = code.contains("function") || code.contains("=>");
    (!is_own || any.next().is_some())
        .then_some("let /api/health past this: what it answers or leads elsewhere by itself never comes to the route")
}
