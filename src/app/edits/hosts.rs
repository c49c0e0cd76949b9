//! Addresses of Replit's that the code has written down: they come from the environment.
//! Never guesses the new host: APP_URL says it, at run time.

use std::sync::LazyLock;

use regex::Regex;

use super::super::comments;
use super::super::orm::edit::Edit;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, Script, arguments, bare, items, key_of, text_of};
use super::browser::Side;
use super::never::{self, Around};
use super::syntax::{env_name, function_of, is_module, is_value, required, strings};
use super::work::{Work, line_of};

pub(super) const WHY: &str = "the app's own address comes from the environment";
const BOTH: &str = "put the app's new address here: this file runs in the browser, too, which knows no process.env (a VITE_ or NEXT_PUBLIC_ variable at build)";
const MAIL: &str = "put a sender here that the mail provider has verified, from the environment where it can be: nothing is sent from an address at replit.app elsewhere";
const NEVER: &str =
    "ask for APP_URL in this condition: on AWS, where Replit's variables are not set, the address behind it is never reached";
/// An address at Replit, also one that is put together from the repl's name.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"https?://(?:\$\{process\.env\.REPL_SLUG\}\.(?:\$\{process\.env\.REPL_OWNER\}\.)?|[a-z0-9-]+\.(?:[a-z0-9-]+\.)?)(?:replit\.app|repl\.co)\b").ok()
});
static HOST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[a-z0-9-]+\.replit\.app\b|[\w}]\.repl\.co\b|\bREPL_SLUG\b|\bREPL_OWNER\b").ok());

fn is_script(path: &str) -> bool {
    [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"].iter().any(|end| path.ends_with(end))
}

pub fn addresses(work: &mut Work) {
    let (Some(address), Some(host)) = (ADDRESS.as_ref(), HOST.as_ref()) else { return };
    let sides = work.sides();
    for script in work.scripts(|_, text| address.is_match(text)) {
        // where both read it neither way of telling it is right
        let Some(own) = own(&script, sides.side(&script.path)) else { continue };
        let mut edits: Vec<Edit> = Vec::new();
        let own_machine = script.style().text(&format!("http://localhost:{}", work.port(&script.path)));
        for part in strings(&script.root()).iter().filter(|part| is_value(part)) {
            let own = stood_in(part, &own, &own_machine);
            let Some(edit) = anew(part, address, &own) else { continue };
            let conditions = match never::around(&script, part, &edit, |text| address.is_match(text)) {
                Around::Open => Vec::new(),
                Around::Beside(condition) if sides.side(&script.path) == Side::Server => vec![condition],
                Around::Whole(whole) if sides.side(&script.path) == Side::Server => {
                    edits.push(whole);
                    continue;
                }
                Around::Beside(condition) | Around::Whole(condition) => {
                    work.item(&script.path, Some(script.line(condition.range.start)), NEVER, WHY);
                    Vec::new()
                }
                Around::Closed(line) => {
                    work.item(&script.path, Some(line), NEVER, WHY);
                    Vec::new()
                }
            };
            edits.extend(conditions.into_iter().filter(|one| !edits.contains(one)).collect::<Vec<_>>());
            edits.push(edit);
        }
        work.edit(&script, edits);
    }
    for path in work.paths(|path, text| path.ends_with(".py") && address.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let edits = if text.lines().any(|line| line.trim() == "import os") { python(&path, &text, address) } else { Vec::new() };
        for edit in &edits {
            let number = line_of(&text, edit.range.start);
            let line = |at: usize| text.lines().nth(at).unwrap_or_default();
            let (own, up) = (line(number - 1), line(number.saturating_sub(2)).trim_start());
            let asks = |line: &str| never::NAMES.iter().any(|name| line.contains(name));
            if own.contains(" if ") && asks(own) || up.starts_with("if ") && up.trim_end().ends_with(':') && asks(up) {
                work.item(&path, Some(number), NEVER, WHY);
            }
        }
        work.replace(&path, &text, edits);
    }
    let wanted = |path: &str, text: &str| {
        (is_script(path) || [".py", ".html", ".vue", ".svelte", "app.json"].iter().any(|end| path.ends_with(end))) && host.is_match(text)
    };
    for path in work.paths(wanted) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let spoken_of = comments::ranges(&path, &text, Script::read(&path, &text).as_ref());
        for found in host.find_iter(&text) {
            let number = line_of(&text, found.start());
            let line = text.lines().nth(number - 1).unwrap_or_default();
            if !spoken_of.iter().any(|range| range.contains(&found.start())) && !line.contains("auth.util.repl.co") {
                let is_mail = text
                    .get(..found.start())
                    .is_some_and(|head| head.trim_end_matches(|c: char| c.is_alphanumeric() || c == '.' || c == '-').ends_with('@'));
                let what = match sides.side(&path) {
                    _ if is_mail => MAIL,
                    Side::Both => BOTH,
                    Side::Server | Side::Browser => "put the app's new address here, from the environment where it can be",
                };
                work.item(&path, Some(number), what, WHY);
            }
        }
    }
}

/// How a file tells the app's own address: whole, and inside of a text. The browser knows no `process`.
fn own(script: &Script, side: Side) -> Option<(String, String)> {
    const PAGE: &str = "window.location.origin";
    match side {
        Side::Server => Some((required(script, "APP_URL"), "process.env.APP_URL".to_owned())),
        Side::Browser => Some((PAGE.to_owned(), PAGE.to_owned())),
        Side::Both => None,
    }
}

/// A default stays an address that can be read (`new URL("undefined")` stops a build): without APP_URL it is that of one's own machine.
fn stood_in(part: &Part<'_>, own: &(String, String), own_machine: &str) -> (String, String) {
    const OWN: &str = "process.env.APP_URL";
    if own.1 != OWN {
        return own.clone();
    }
    let mut whole = part.clone();
    while let Some(up) = whole.parent().filter(|up| bare(up).range() == part.range()) {
        whole = up;
    }
    let Some(up) = whole.parent() else { return own.clone() };
    let operator = match up.kind().as_ref() {
        "binary_expression" if up.field("right").is_some_and(|right| right.range() == whole.range()) => {
            let operator =
                up.field("operator").map(|operator| operator.text().into_owned()).filter(|one| matches!(one.as_str(), "??" | "||"));
            let Some(operator) = operator else { return own.clone() };
            if up.field("left").is_some_and(|left| left.text().ends_with(OWN)) {
                return (own_machine.to_owned(), format!("{OWN} {operator} {own_machine}"));
            }
            operator
        }
        "assignment_pattern" | "object_assignment_pattern" if up.field("right").is_some_and(|right| right.range() == whole.range()) => {
            "??".to_owned()
        }
        "required_parameter" => "??".to_owned(),
        "arguments" => {
            let is_url = up.parent().and_then(|call| call.field("constructor")).is_some_and(|class| class.text() == "URL");
            if !is_url || function_of(part).is_some() {
                return own.clone();
            }
            "??".to_owned()
        }
        _ => return own.clone(),
    };
    let text = format!("{OWN} {operator} {own_machine}");
    (text.clone(), text)
}

fn anew(part: &Part<'_>, address: &Regex, (whole, own): &(String, String)) -> Option<Edit> {
    let text = part.text().into_owned();
    let inside = text.get(1..text.len().saturating_sub(1))?;
    let found = address.find(inside)?;
    let is_template = part.kind() == "template_string";
    if found.start() == 0 && found.end() == inside.len() {
        // JSX wants braces around what is no text.
        let jsx = part.parent().is_some_and(|up| up.kind() == "jsx_attribute");
        return Some(Edit::new(part.range(), if jsx { format!("{{{whole}}}") } else { whole.clone() }, WHY));
    }
    if part.parent().is_some_and(|up| up.kind() == "jsx_attribute") {
        return None;
    }
    let hole = format!("${{{own}}}");
    let plain = if is_template {
        inside.to_owned()
    } else if text_of(part).is_some() {
        inside.replace('`', "\\`").replace("${", "\\${")
    } else {
        return None;
    };
    Some(Edit::new(part.range(), format!("`{}`", address.replace_all(&plain, hole.replace('$', "$$").as_str())), WHY))
}

/// `"https://shop.replit.app/x"` in Python, where it is a plain text.
fn python(path: &str, text: &str, address: &Regex) -> Vec<Edit> {
    let Ok(literal) = Regex::new(r#"(^|[^\w"'])("(https?://[^"\n]*)"|'(https?://[^'\n]*)')"#) else { return Vec::new() };
    let mut edits = Vec::new();
    let spoken_of = comments::ranges(path, text, None);
    for found in literal.captures_iter(text) {
        let (Some(whole), Some(inside)) = (found.get(2), found.get(3).or_else(|| found.get(4))) else { continue };
        let is_code = !spoken_of.iter().any(|range| range.contains(&whole.start()));
        let Some(at) = address.find(inside.as_str()).filter(|at| at.start() == 0 && is_code) else { continue };
        let rest = inside.as_str().get(at.end()..).unwrap_or_default();
        let quote = whole.as_str().chars().next().unwrap_or('"');
        // at the top of a module a name that is not set would keep the app from starting
        let own = format!("os.environ.get({quote}APP_URL{quote}, {quote}http://localhost:5000{quote})");
        let value = if rest.is_empty() { own } else { format!("({own} + {quote}{rest}{quote})") };
        edits.push(Edit::new(whole.range(), value, WHY));
    }
    edits
}

/// Preview hosts in lists of origins and in conditions.
pub fn previews(work: &mut Work) {
    const GONE: &str = "a preview host of Replit's, which is no longer to be let in";
    let Ok(preview) = Regex::new(r#"\.replit\.dev\b|\.repl\.co\b|["'`/]\\?\.replit\\?\.app\b|\\\.replit\\?\.(?:dev|app)|\\\.repl\\?\.co"#)
    else {
        return;
    };
    for path in work.paths(|path, text| is_script(path) && preview.is_match(text)) {
        // One at a time: a condition may have several of them.
        for _ in 0..50 {
            let scripts = work.scripts(|other, text| other == path && preview.is_match(text));
            let Some(script) = scripts.first() else { break };
            let is_preview =
                |part: &Part<'_>| matches!(part.kind().as_ref(), "string" | "regex") && preview.is_match(&part.text()) && !is_module(part);
            let edits = script.root().dfs().filter(is_preview).find_map(|part| without(script, &part, GONE));
            let Some(edits) = edits else {
                for part in script
                    .root()
                    .dfs()
                    .filter(|part| matches!(part.kind().as_ref(), "string" | "regex" | "template_string") && preview.is_match(&part.text()))
                    // an address, and one that is put together, is no list of hosts: the edit before has told of it
                    .filter(|part| part.kind() == "regex" || !HOST.as_ref().is_some_and(|host| host.is_match(&part.text())))
                {
                    work.item(&path, Some(script.line(part.range().start)), "let in the new host instead", GONE);
                }
                break;
            };
            let Without { edits, line, lets_in } = edits;
            if !work.edit(script, edits) {
                break;
            }
            if !lets_in {
                let what = "let in the app's new host here, from the environment (APP_URL), unless it is let in already";
                work.item(&path, Some(line), what, "Replit's preview hosts are let in no longer, and AWS has another host");
            }
        }
    }
}

/// What takes a preview host away.
struct Without {
    edits: Vec<Edit>,
    /// Where the list or the condition begins.
    line: usize,
    /// The app's own address from the environment is let in there.
    lets_in: bool,
}

/// Takes away an item of a list, or one side of a condition.
fn without(script: &Script, part: &Part<'_>, why: &str) -> Option<Without> {
    let up = part.parent()?;
    let of = |whole: &Part<'_>, edits| Without { edits, line: script.line(whole.range().start), lets_in: whole.text().contains("APP_URL") };
    if up.kind() == "array" {
        let place = items(&up).iter().position(|item| item.range() == part.range())?;
        return Some(of(&up, ListEdit { script, list: &up, gone: &[(place, why.to_owned())], added: &[] }.edits()));
    }
    // origin.endsWith(".replit.dev"), /\.replit\.dev$/.test(origin)
    let call = part.ancestors().find(|up| up.kind() == "call_expression")?;
    let is_argument = arguments(&call).iter().any(|argument| argument.range() == part.range());
    let is_pattern = part.kind() == "regex" && call.field("function")?.field("object")?.range() == part.range();
    if !is_argument && !is_pattern {
        return None;
    }
    let mut side = call;
    // `origin?.endsWith(…)`, brackets around it
    while side.parent().is_some_and(|up| up.kind() == "parenthesized_expression") {
        side = side.parent()?;
    }
    let or = side
        .parent()
        .filter(|up| up.kind() == "binary_expression" && up.field("operator").is_some_and(|operator| operator.text() == "||"))?;
    let (left, right) = (or.field("left")?, or.field("right")?);
    let gone = if left.range() == side.range() { left.range().start..right.range().start } else { left.range().end..right.range().end };
    Some(of(&or, vec![Edit::new(gone, "", why)]))
}

/// `process.env.REPLIT_DEPLOYMENT` says that this is production.
pub fn production(work: &mut Work) {
    const SWITCH: &str = "NODE_ENV says that this is production";
    const COOKIE: &str =
        "Replit's variable is not set on AWS, where cookies would go without `secure`: NODE_ENV says that this is production";
    let is_asked = |text: &str| text.contains("REPLIT_DEPLOYMENT") || text.contains("REPLIT_ENVIRONMENT");
    let is_secure = |text: &str| text.contains("process.env.REPL_") && text.contains("ecure");
    for script in work.scripts(|_, text| is_asked(text) || is_secure(text)) {
        let mut edits = Vec::new();
        let quote = script.style();
        let production = quote.text("production");
        for part in script.root().dfs() {
            let name = env_name(&part);
            let Some(up) = part.parent() else { continue };
            match name.as_deref() {
                Some("REPLIT_ENVIRONMENT") => edits.push(Edit::new(part.range(), "process.env.NODE_ENV", SWITCH)),
                Some("REPLIT_DEPLOYMENT") => {
                    let (range, is) = switched(&part, &up);
                    edits.push(Edit::new(range, format!("process.env.NODE_ENV {} {production}", if is { "===" } else { "!==" }), SWITCH));
                }
                // whether a cookie goes over TLS alone was asked by where the app runs
                Some("REPL_ID" | "REPL_SLUG" | "REPL_OWNER") => {
                    let (range, is) = switched(&part, &up);
                    if is_of_cookie(&part, &range) {
                        let sign = if is { "===" } else { "!==" };
                        edits.push(Edit::new(range, format!("process.env.NODE_ENV {sign} {production}"), COOKIE));
                    }
                }
                Some(_) | None => {}
            }
        }
        work.edit(&script, edits);
    }
    let Ok(python) = Regex::new(r"\bREPLIT_DEPLOYMENT\b|\bREPLIT_ENVIRONMENT\b") else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && python.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        for found in python.find_iter(&text) {
            work.item(
                &path,
                Some(line_of(&text, found.start())),
                "ask a variable of your own whether this is production",
                "Replit's variable is not set on AWS",
            );
        }
    }
}

fn is_nothing(part: &Part<'_>) -> bool {
    matches!(part.text().as_ref(), "undefined" | "null")
}

/// All that it decides is whether a cookie goes over TLS alone: `secure: !!process.env.REPL_ID`.
fn is_of_cookie(part: &Part<'_>, asked: &std::ops::Range<usize>) -> bool {
    let is_around = |up: &Part<'_>| match up.kind().as_ref() {
        "unary_expression" | "parenthesized_expression" | "arguments" => true,
        "call_expression" => up.text().starts_with("Boolean("),
        _ => up.range() == *asked,
    };
    let of = part.ancestors().find(|up| !is_around(up));
    of.filter(|of| of.kind() == "pair").and_then(|pair| key_of(&pair)).is_some_and(|key| key == "secure" || key == "useSecureCookies")
}

/// What to replace, and whether it is asked for production (`=== "1"`, `!!`) or against it (`!`, `!== "1"`).
fn switched(part: &Part<'_>, up: &Part<'_>) -> (std::ops::Range<usize>, bool) {
    match up.kind().as_ref() {
        "binary_expression" => match up.field("operator").map(|operator| operator.text().into_owned()).as_deref() {
            Some("===" | "==") => (up.range(), !up.field("right").is_some_and(|right| is_nothing(&right))),
            Some("!==" | "!=") => (up.range(), up.field("right").is_some_and(|right| is_nothing(&right))),
            Some(_) | None => (part.range(), true),
        },
        "unary_expression" if up.text().starts_with('!') => {
            match up.parent().filter(|outer| outer.kind() == "unary_expression" && outer.text().starts_with("!!")) {
                Some(outer) => (outer.range(), true),
                None => (up.range(), false),
            }
        }
        _ => (part.range(), true),
    }
}
