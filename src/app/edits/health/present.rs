//! A health route that the app has already, and what it does not ask.
//! Never changes it: what it is for is the app's own, so a person decides.

use regex::Regex;

use super::super::super::comments::Comments;
use super::super::super::orm::script::{Part, Script, arguments};
use super::super::super::service;
use super::super::browser::Side;
use super::super::syntax::{calls, function, is_function, statement_of};
use super::super::work::{Server, Work, line_of};
use super::scope::Scope;
use super::{DATABASE, REDIS, has, is_code, next, store};

const WHY: &str = "the load balancer would go on sending people to a task that cannot work";

/// Whether there is one. What its answer does not depend on is said.
pub fn is_there(work: &mut Work, server: &Server) -> bool {
    let routes = |(path, text): (&str, &str)| {
        let comments = Comments::default();
        let written = service::health_in(path, text, |at| comments.inside(path, text, at)).map(|(at, route)| (at, Some(route)));
        let (at, route) = written.or_else(|| next::is_route(path).then_some((0, None)))?;
        Some((path.to_owned(), at, route))
    };
    let sides = work.sides();
    let is_one = |path: &str| server.holds(path) && is_code(path) && sides.side(path) != Side::Browser;
    let found: Vec<_> = work.own().filter(|(path, _)| is_one(path)).filter_map(routes).collect();
    let (Ok(database), Ok(redis), Ok(either)) = (
        Regex::new(
            r"(?i)\bselect\b|quer|execute|cursor|database|\bdb|pool|prisma|sequelize|knex|mongoose|engine|session|authenticate|connection",
        ),
        Regex::new(r"(?i)redis|ping|cache"),
        // a function of the app's own may ask anything
        Regex::new(r"(?i)\b\w*(?:health|check|probe|ready|alive)\w*\("),
    ) else {
        return !found.is_empty();
    };
    for (path, at, _) in &found {
        let scope = Scope::of(work, server, path);
        let within = |path: &str, text: &str| scope.speaks(path, text);
        let (uses_database, uses_redis) = (has(work, DATABASE, within), has(work, REDIS, within));
        let keeps = store(work, |path| scope.holds(path)).is_some();
        let Some(text) = work.text(path).map(str::to_owned) else { continue };
        let Some(body) = body(work, path, &text, *at).filter(|body| !either.is_match(body)) else { continue };
        let line = Some(line_of(&text, *at));
        if uses_database && !database.is_match(&body) {
            let what = "this health route does not ask the database: let it answer 503 where `select 1` fails or takes longer than 3 s";
            work.item(path, line, what, WHY);
        }
        if !uses_database && keeps && !database.is_match(&body) {
            let what = "this health route does not ask the key-value store, which lives in the database on AWS: let it answer 503 where a read fails or takes longer than 3 s";
            work.item(path, line, what, WHY);
        }
        if uses_redis && !redis.is_match(&body) {
            let what = "this health route does not ask Redis: where the app cannot work without it, let it answer 503 when a ping fails";
            work.item(path, line, what, WHY);
        }
    }
    !found.is_empty()
}

/// What the route does, as far as it can be seen.
fn body(work: &Work, path: &str, text: &str, at: usize) -> Option<String> {
    if !path.ends_with(".py") {
        return scripted(path, text, at);
    }
    let line = text.get(at..)?.lines().next()?;
    if path.ends_with("urls.py") {
        let name = Regex::new(r"^\w*\([^,]+,\s*(?:\w+\.)*(\w+)").ok()?.captures(line)?.get(1)?.as_str().to_owned();
        if name == "lambda" {
            return Some(line.to_owned());
        }
        let head = Regex::new(&format!(r"(?m)^(?:async )?def {name}\(")).ok()?;
        let other = work.paths(|path, text| path.ends_with(".py") && head.is_match(text)).into_iter().next()?;
        let text = work.text(&other)?;
        return defined(text, head.find(text)?.start());
    }
    defined(text, at)
}

/// The lines of the next function of Python.
fn defined(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
    let mut lines = text
        .get(start..)?
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("def ") && !line.trim_start().starts_with("async def "));
    let indent = |line: &str| line.len() - line.trim_start().len();
    let head = lines.next()?;
    let body: Vec<&str> = lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(head)).collect();
    Some(body.join("\n"))
}

fn scripted(path: &str, text: &str, at: usize) -> Option<String> {
    let script = Script::read(path, text)?;
    let root = script.root();
    if next::is_route(path) {
        return bodies(&root);
    }
    let here = root.dfs().filter(|part| part.range().contains(&at) && part.is_named()).last()?;
    // `@Get("health")` stands beside its method, `@Controller("health")` before its class
    let decorator = if here.kind() == "decorator" { Some(here.clone()) } else { here.ancestors().find(|up| up.kind() == "decorator") };
    if let Some(decorator) = decorator {
        let up = decorator.parent()?;
        return match up.kind().as_ref() {
            "class_body" => bodies(&decorator.next_all().find(|next| next.kind() == "method_definition")?),
            _ => bodies(&up),
        };
    }
    let statement = statement_of(&here)?;
    bodies(&statement).or_else(|| {
        let call = calls(&statement, "get").into_iter().chain(calls(&statement, "all")).next()?;
        let handler = arguments(&call).last()?.text().into_owned();
        bodies(&function(&root, &handler)?)
    })
}

fn bodies(part: &Part<'_>) -> Option<String> {
    let all: Vec<String> = part.dfs().filter(is_function).filter_map(|found| Some(found.field("body")?.text().into_owned())).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}
