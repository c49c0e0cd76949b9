//! ElastiCache speaks TLS alone: a client of Redis that is made from a host and a port asks for TLS where REDIS_TLS says so.
//! Never touches a client that is made from a URL, nor one that says something of TLS by itself.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, Script, arguments, items, key_of, text_of};
use super::syntax::is_typed;
use super::work::{Work, line_of};

const WHY: &str = "ElastiCache speaks TLS alone; REDIS_TLS is true there, and not set on one's own machine";
const OPTIONS: &str = "give this client of Redis TLS: tls: process.env.REDIS_TLS === \"true\" ? {} : undefined among its options";
const PARTS: &str = "give this client of Redis TLS: { tls: process.env.REDIS_TLS === \"true\" ? {} : undefined } as its third argument";
const ADDRESS: &str =
    "redis:// speaks no TLS: write ${process.env.REDIS_TLS === \"true\" ? \"rediss\" : \"redis\"}:// here, or read REDIS_URL instead";
const PYTHON: &str = "give this client of Redis TLS: ssl=os.environ.get(\"REDIS_TLS\") == \"true\"";
const PASSWORD: &str = "and the password: password=os.environ.get(\"REDIS_PASSWORD\")";
const CELERY: &str = "Celery takes rediss:// only where the address says how the certificate is looked at: add ?ssl_cert_reqs=CERT_REQUIRED where it begins with rediss:// (or set broker_use_ssl and redis_backend_use_ssl to {\"ssl_cert_reqs\": ssl.CERT_REQUIRED})";
const CELERY_WHY: &str = "without it the worker does not start: A rediss:// URL must have parameter ssl_cert_reqs";
const PYTHON_ADDRESS: &str =
    "redis:// speaks no TLS: write rediss:// here where os.environ.get(\"REDIS_TLS\") is \"true\", or read REDIS_URL instead";

/// Which client takes the options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    /// ioredis, and what is built on it: BullMQ, Bull.
    Io,
    /// `redis`: its `socket`.
    Node,
}

pub fn edit(work: &mut Work) {
    let uses = |work: &Work, module: &str| work.any(|_, text| ["\"", "'"].iter().any(|q| text.contains(&format!("{q}{module}{q}"))));
    let only_io = ["ioredis", "bullmq", "bull"].iter().any(|module| uses(work, module)) && !uses(work, "redis");
    let concerned = |_: &str, text: &str| {
        let text = text.to_lowercase();
        text.contains("host") && text.contains("redis")
    };
    for script in work.server(concerned) {
        let mut edits = Vec::new();
        let mut left = Vec::new();
        for part in script.root().dfs() {
            match part.kind().as_ref() {
                "object" => match options(&script, &part, only_io) {
                    Some(Ok(client)) => edits.extend(with_tls(&script, &part, client)),
                    Some(Err(what)) => left.push((part.range().start, what)),
                    None => {}
                },
                "new_expression" if is_by_parts(&script, &part) => left.push((part.range().start, PARTS)),
                "template_string" if part.text().starts_with("`redis://$") || part.text().starts_with("`redis://:$") => {
                    left.push((part.range().start, ADDRESS));
                }
                _ => {}
            }
        }
        for (at, what) in left {
            work.item(&script.path, Some(script.line(at)), what, WHY);
        }
        work.edit(&script, edits);
    }
    python(work);
    celery(work);
}

/// Options with a host, and whose; what a person must do where they are not plain. `None`: no client of Redis, or one that is settled.
fn options(script: &Script, object: &Part<'_>, only_io: bool) -> Option<std::result::Result<Client, &'static str>> {
    let all = items(object);
    let host = all.iter().find(|item| key(item).as_deref() == Some("host"))?;
    // an address that is written down is another finding's
    if object.text().contains("tls") || host.field("value").is_some_and(|value| text_of(&value).is_some()) {
        return None;
    }
    let client = match given_to(script, object) {
        Some(client) => Ok(client),
        None if !is_named(host) => return None,
        None if only_io && is_open(object) => Ok(Client::Io),
        None => Err(OPTIONS),
    };
    let has_more = all.iter().any(|item| item.kind() == "spread_element");
    Some(if has_more { Err(OPTIONS) } else { client })
}

fn key(item: &Part<'_>) -> Option<String> {
    if item.kind() == "shorthand_property_identifier" { Some(item.text().into_owned()) } else { key_of(item) }
}

/// `process.env.REDIS_HOST`, `config.get("REDIS_HOST")`, also with what stands in for it.
fn is_named(host: &Part<'_>) -> bool {
    let text = host.text();
    text.contains("REDIS") && text.contains("HOST")
}

/// Nothing says which form the options have, or it is one that has TLS.
fn is_open(object: &Part<'_>) -> bool {
    let declared = object.parent().filter(|up| up.kind() == "variable_declarator").and_then(|up| up.field("type"));
    declared.is_none_or(|kind| ["RedisOptions", "ConnectionOptions", "any"].iter().any(|known| kind.text().contains(known)))
}

/// Whose options these are, by where they stand.
fn given_to(script: &Script, object: &Part<'_>) -> Option<Client> {
    let up = object.parent()?;
    if up.kind() == "arguments" {
        return (module_of_call(script, &up.parent()?)? == "ioredis").then_some(Client::Io);
    }
    let name = key_of(&up).filter(|_| up.kind() == "pair")?;
    let call = up.parent()?.parent().filter(|list| list.kind() == "arguments")?.parent()?;
    match (name.as_str(), module_of_call(script, &call)?.as_str()) {
        ("connection", "bullmq") | ("redis", "bull") => Some(Client::Io),
        ("socket", "redis" | "@redis/client") => Some(Client::Node),
        _ => None,
    }
}

/// The package whose function is called, or whose class is made.
fn module_of_call(script: &Script, call: &Part<'_>) -> Option<String> {
    let called = call.field("constructor").or_else(|| call.field("function"))?;
    let text = called.text();
    let name = text.split('.').next()?;
    let imports = Imports::of(script);
    let imported = imports.all.iter().find(|import| {
        import.default.as_deref() == Some(name)
            || import.namespace.as_deref() == Some(name)
            || import.names.iter().any(|other| other.local == name)
    });
    imported.map(|import| import.module.to_string()).or_else(|| {
        // const { createClient } = require("redis")
        let is_it = |made: &Part<'_>| {
            made.field("name")
                .is_some_and(|names| names.text().split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').any(|one| one == name))
        };
        let made = script.root().dfs().find(|part| part.kind() == "variable_declarator" && is_it(part))?;
        let value = made.field("value")?;
        let required = value.dfs().find(|part| part.field("function").is_some_and(|function| function.text() == "require"))?;
        text_of(arguments(&required).first()?)
    })
}

/// `new Redis(port, host)`.
fn is_by_parts(script: &Script, made: &Part<'_>) -> bool {
    let given = arguments(made);
    given.len() > 1
        && !made.text().contains("tls")
        && given.iter().take(2).all(|one| one.kind() != "object" && one.kind() != "template_string")
        && given.get(1).is_some_and(|host| text_of(host).is_none())
        && module_of_call(script, made).as_deref() == Some("ioredis")
}

fn with_tls(script: &Script, object: &Part<'_>, client: Client) -> Vec<Edit> {
    const BESIDE: [&str; 5] = ["host", "port", "username", "password", "db"];
    let last = items(object).iter().rposition(|item| key(item).is_some_and(|key| BESIDE.contains(&key.as_str())));
    let is_on = format!("process.env.REDIS_TLS === {}", script.style().text("true"));
    let text = match client {
        Client::Io => format!("tls: {is_on} ? {{}} : undefined"),
        // its types know no `tls` that is either
        Client::Node if is_typed(&script.path) => format!("...({is_on} ? {{ tls: true as const }} : {{}})"),
        Client::Node => format!("...({is_on} ? {{ tls: true }} : {{}})"),
    };
    ListEdit { script, list: object, gone: &[], added: &[(last, text, WHY.to_owned())] }.edits()
}

fn python(work: &mut Work) {
    let (Ok(made), Ok(import), Ok(address)) = (
        Regex::new(r"\b(?:Strict)?Redis\(|\bConnectionPool\("),
        Regex::new(r"(?m)^\s*(?:import|from)\s+(?:redis|aioredis)\b"),
        Regex::new(r#"[fF]["']redis://:?\{"#),
    ) else {
        return;
    };
    for path in work.paths(|path, text| path.ends_with(".py") && (import.is_match(text) || address.is_match(text))) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let clients = made.find_iter(&text).filter(|_| import.is_match(&text)).filter(|found| {
            let given = in_brackets(text.get(found.end()..).unwrap_or_default());
            given.contains("host") && !given.contains("ssl") && !given.contains("SSL")
        });
        let clients: Vec<usize> = clients.map(|found| found.start()).collect();
        for at in clients {
            let has_password =
                text.get(at..).and_then(|rest| rest.split_once('(')).is_some_and(|(_, rest)| in_brackets(rest).contains("password"));
            let what = if has_password { PYTHON.to_owned() } else { format!("{PYTHON}, {PASSWORD}") };
            work.item(&path, Some(line_of(&text, at)), &what, WHY);
        }
        for found in address.find_iter(&text) {
            work.item(&path, Some(line_of(&text, found.start())), PYTHON_ADDRESS, WHY);
        }
    }
}

/// Celery and kombu ask for more than a URL: the first place of a file that reads it for them.
fn celery(work: &mut Work) {
    let (Ok(uses), Ok(reads), Ok(settled)) = (
        Regex::new(r"(?m)^\s*(?:import|from)\s+(?:celery|kombu)\b|\bCELERY_\w+|\bCelery\("),
        Regex::new(r#"["'][A-Z0-9_]*REDIS[A-Z0-9_]*UR[LI]["']|["']CELERY_(?:BROKER_URL|RESULT_BACKEND)["']|\bREDIS_URL\b"#),
        Regex::new(r"(?i)ssl_cert_reqs|broker_use_ssl|redis_backend_use_ssl"),
    ) else {
        return;
    };
    if work.any(|path, text| path.ends_with(".py") && settled.is_match(text)) {
        return;
    }
    for path in work.paths(|path, text| path.ends_with(".py") && uses.is_match(text) && reads.is_match(text)) {
        let text = work.text(&path).unwrap_or_default();
        // the line that gives it to Celery, else the first that reads it
        let lines: Vec<(usize, &str)> =
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#') && reads.is_match(line)).collect();
        let given = lines.iter().find(|(_, line)| uses.is_match(line)).or_else(|| lines.first());
        if let Some((at, _)) = given {
            let line = Some(at + 1);
            work.item(&path, line, CELERY, CELERY_WHY);
        }
    }
}

/// Up to the bracket that closes what was opened before.
fn in_brackets(text: &str) -> &str {
    let mut depth = 1usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}
