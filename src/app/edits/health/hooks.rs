//! What of Flask and FastAPI stands before every route, the health route among them: a hook or a middleware that may refuse or send elsewhere.
//! Never changes one: whom it lets past is the app's own, so a person decides.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::super::comments::Comments;
use super::super::super::service;
use super::super::super::{mark, python};
use super::super::work::{Server, Work, line_of};
use super::WHY;

const ROUTE: &str = "/api/health";

struct Words {
    hook: Regex,
    named: Regex,
    class: Regex,
    https: Regex,
    hosts: Regex,
    refuses: Regex,
    redirects: Regex,
}

impl Words {
    fn new() -> Option<Self> {
        Some(Self {
            hook: Regex::new(r#"(?m)^[ \t]*@\w+\.(?:before_request|before_app_request|middleware\(\s*["']http["']\s*\))"#).ok()?,
            named: Regex::new(
                r"\.before_(?:app_)?request\(\s*(\w+)\s*\)|\badd_middleware\(\s*BaseHTTPMiddleware\s*,\s*dispatch\s*=\s*(\w+)",
            )
            .ok()?,
            class: Regex::new(r"(?m)^class \w+\([^)\n]*BaseHTTPMiddleware[^)\n]*\):").ok()?,
            https: Regex::new(r"\b(?:add_middleware|Middleware)\(\s*(?:\w+\.)*HTTPSRedirectMiddleware\b").ok()?,
            hosts: Regex::new(r"\b(?:add_middleware|Middleware)\(\s*(?:\w+\.)*TrustedHostMiddleware\b([^)]*)").ok()?,
            refuses: Regex::new(r"\b(?:401|403|abort|Unauthorized|Forbidden|HTTPException|HTTP_40[13]_\w+)\b").ok()?,
            redirects: Regex::new(r"\b(?:redirect|RedirectResponse)\(").ok()?,
        })
    }
}

/// One line for each that may keep the load balancer from the route.
pub fn told(work: &mut Work, server: &Server) {
    let Some(words) = Words::new() else { return };
    let concerned = |path: &str, text: &str| {
        path.ends_with(".py")
            && server.holds(path)
            && !mark::is_written(text)
            && ["flask", "quart", "fastapi", "starlette"].iter().any(|framework| text.contains(framework))
    };
    let route = work
        .own()
        .filter(|(path, _)| path.ends_with(".py") && server.holds(path))
        .find_map(|(path, text)| service::health_in(path, text, |at| Comments::default().inside(path, text, at)))
        .map_or_else(|| ROUTE.to_owned(), |(_, route)| route);
    for path in work.paths(concerned) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let code = python::code(&text);
        for (line, what) in lines(&words, &text, &code, &route) {
            work.item(&path, Some(line), &what, WHY);
        }
    }
}

fn lines(words: &Words, text: &str, code: &str, route: &str) -> BTreeSet<(usize, String)> {
    let mut out = BTreeSet::new();
    let is_code = |at: usize| code.get(at..).is_some_and(|rest| !rest.starts_with(' '));
    let mut add = |at: usize, body: &str| {
        // one that knows the route lets it past
        if body.contains("health") {
            return;
        }
        let bare = python::code(body);
        if words.refuses.is_match(&bare) {
            out.insert((line_of(text, at), format!("let {route} past this: the load balancer has no login and no key")));
        } else if words.redirects.is_match(&bare) {
            let what = format!("let {route} past this: the load balancer asks the task itself, by http, and a redirect is no answer to it");
            out.insert((line_of(text, at), what));
        }
    };
    for found in words.hook.find_iter(text) {
        let at = found.end() - found.as_str().trim_start().len();
        if is_code(at) {
            add(at, &function(text, code, at).unwrap_or_default());
        }
    }
    for found in words.named.captures_iter(code) {
        let name = found.get(1).or_else(|| found.get(2)).map(|name| name.as_str()).unwrap_or_default();
        let head = Regex::new(&format!(r"(?m)^[ \t]*(?:async )?def {name}\(")).ok().and_then(|head| head.find(code));
        if let (Some(whole), Some(head)) = (found.get(0), head) {
            let at = head.end() - head.as_str().trim_start().len();
            add(whole.start(), &function(text, code, at).unwrap_or_default());
        }
    }
    for found in words.class.find_iter(code) {
        add(found.start(), &function(text, code, found.start()).unwrap_or_default());
    }
    for found in words.https.find_iter(code) {
        let what = format!(
            "HTTPSRedirectMiddleware answers {route} with 307: the load balancer asks the task itself, by http; leave it to the load balancer, which sends http to https, or let {route} past"
        );
        out.insert((line_of(text, found.start()), what));
    }
    for found in words.hosts.captures_iter(text) {
        let (Some(whole), Some(given)) = (found.get(0), found.get(1)) else { continue };
        if is_code(whole.start()) && !["\"*\"", "'*'"].iter().any(|all| given.as_str().contains(all)) {
            let what = format!(
                "TrustedHostMiddleware answers {route} with 400: the load balancer asks by the task's address; let {route} past, or allow every host and leave it to the load balancer's rules"
            );
            out.insert((line_of(text, whole.start()), what));
        }
    }
    out
}

/// The function or class that begins here, with what stands above it.
fn function(text: &str, code: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
    let indent = at - start;
    let mut end = start;
    let mut has_head = false;
    for line in code.get(start..)?.split_inclusive('\n') {
        let bare = line.trim();
        let own = line.len() - line.trim_start().len();
        if has_head && !bare.is_empty() && own <= indent && !bare.starts_with(')') {
            break;
        }
        has_head |= ["def ", "async def ", "class "].iter().any(|head| bare.starts_with(head));
        end += line.len();
    }
    text.get(start..end).map(str::to_owned)
}
