//! The port that a service's code listens on when nobody tells it another, and the variable that it takes it from.
//! Never the port of something that the code connects to: under a name of its own a default counts only where it is listened on.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::command;
use super::service::Service;
use super::tree::Tree;

/// The default of `PORT`, or a number that is listened on.
static READS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:\bPORT\b["']?\]?\s*\)?\s*(?:\|\||\?\?|,)\s*["']?|\.listen\(\s*)(\d{4,5})\b"#).ok());
static SAYS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bport\s*[:=]\s*(\d{4,5})\b").ok());
/// Another name (group 1) with its default (group 2).
static NAMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b([A-Z][A-Z0-9_]*PORT)\b["'`]?\]?\s*\)?\s*(?:\|\||\?\?|,|=|\bor\b)\s*["'`]?(\d{4,5})\b"#).ok());
static LISTENS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:\.listen|\bserve|\brun_app|\b(?:uvicorn|app|application)\.run)\(").ok());
/// A line that gives a name to what follows.
static ASSIGNS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(?:export\s+)?(?:(?:const|let|var)\s+)?([A-Za-z_$][\w$]*)\s*(?::[^=\n]*)?=[^=>]").ok());
static PORT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bPORT\b").ok());
/// Arguments are looked through so far (bytes).
const FAR: usize = 400;
/// Their own servers, and ours in their place, listen on PORT.
const READ_PORT: [&str; 7] = ["Next.js", "Nuxt", "Astro", "Remix", "React Router", "SvelteKit", "Django"];

fn server(file: &str) -> bool {
    !file.contains("client/") && !file.contains("vite.config")
}

/// The port that the code below `dir` falls back to.
pub fn of_code(tree: &Tree, dir: &str) -> Option<u16> {
    let number = |pattern: &Option<Regex>| {
        tree.code(dir).filter(|(file, _)| server(file)).find_map(|(file, text)| {
            let numbers = pattern.as_ref()?.captures_iter(text).filter_map(|c| c.get(1));
            numbers.filter(|number| !tree.in_comment(file, number.start())).find_map(|number| number.as_str().parse().ok())
        })
    };
    number(&READS).or_else(|| named(tree, dir).map(|(_, port)| port)).or_else(|| number(&SAYS))
}

/// What the code below `dir` listens on by a name of its own, with the default that it has.
pub fn named(tree: &Tree, dir: &str) -> Option<(String, u16)> {
    tree.code(dir).filter(|(file, _)| server(file)).find_map(|(file, text)| {
        let mut found = NAMED.as_ref()?.captures_iter(text).filter_map(|c| Some((c.get(1)?, c.get(2)?))).peekable();
        found.peek()?;
        let calls = calls(text);
        found
            .filter(|(name, _)| !tree.in_comment(file, name.start()) && is_listened_on(text, name.range(), &calls))
            .find_map(|(name, port)| Some((name.as_str().to_owned(), port.as_str().parse().ok()?)))
    })
}

/// The code below `dir` knows the name PORT.
fn reads_port(tree: &Tree, dir: &str) -> bool {
    let reads = |file: &str, text: &str| PORT.as_ref().is_some_and(|p| p.find_iter(text).any(|m| !tree.in_comment(file, m.start())));
    tree.code(dir).any(|(file, text)| server(file) && reads(file, text))
}

/// The variable that this service takes its port from instead of PORT.
pub fn variable(tree: &Tree, service: &Service) -> Option<String> {
    if !service.kind.answers() || reads_port(tree, &service.dir) {
        return None;
    }
    Some(named(tree, &service.dir)?.0)
}

/// Something sees to it that the service listens on PORT, whatever its number.
pub fn is_told(tree: &Tree, service: &Service) -> bool {
    let run = command::line(&service.run);
    let by_command = ["PORT", "gunicorn", "streamlit"].iter().any(|word| run.contains(word));
    by_command || service.frameworks.iter().any(|its| READ_PORT.contains(&its.as_str())) || reads_port(tree, &service.dir)
}

/// What is said where nothing names a port.
pub fn note(service: &Service) -> Option<String> {
    let port = service.port.filter(|_| service.port_is_guessed)?;
    let place = if service.dir.is_empty() { String::new() } else { format!(" ({})", service.dir) };
    Some(format!(
        "nothing says on which port {}{place} listens: {port} is taken for it, in the image and on AWS; let its code read PORT, which the image sets, or name the port in its start command",
        service.name
    ))
}

/// Where the arguments of calls lie that begin to listen; what such a call is given to run is no argument of it.
fn calls(text: &str) -> Vec<Range<usize>> {
    let Some(pattern) = LISTENS.as_ref() else { return Vec::new() };
    pattern.find_iter(text).map(|call| call.end()..call.end() + arguments(text.get(call.end()..).unwrap_or(""))).collect()
}

/// How long the arguments are at the head of this text (bytes).
fn arguments(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices().take_while(|(at, _)| *at < FAR) {
        let rest = text.get(at..).unwrap_or("");
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            _ if rest.starts_with("=>") || rest.starts_with("function") || rest.starts_with("new ") => return at,
            _ => {}
        }
    }
    text.len().min(FAR)
}

/// The name stands in such a call, or what its line makes of it does, by either name.
fn is_listened_on(text: &str, name: Range<usize>, calls: &[Range<usize>]) -> bool {
    if calls.iter().any(|call| call.contains(&name.start)) {
        return true;
    }
    let begin = text.get(..name.start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let given = ASSIGNS.as_ref().and_then(|p| p.captures(line)).and_then(|c| c.get(1)).map_or("", |its| its.as_str());
    let has_word = |call: &Range<usize>, word: &str| {
        let inside = text.get(call.clone()).unwrap_or("");
        !word.is_empty() && inside.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).any(|its| its == word)
    };
    let own = text.get(name).unwrap_or("");
    calls.iter().any(|call| has_word(call, given) || has_word(call, own))
}

#[cfg(test)]
mod tests {
    use super::super::choices::Choices;
    use super::super::files;
    use super::super::fixture::App;

    #[test]
    fn a_port_under_another_name_is_taken_where_it_is_listened_on() {
        let express = r#"{"name":"a","scripts":{"start":"node index.js"},"dependencies":{"express":"5"}}"#;
        for (code, port, variable) in [
            ("app.listen({ port: Number(process.env.AUTH_PORT || 4001), host: '0.0.0.0' });\n", 4001, Some("AUTH_PORT")),
            ("const { API_PORT } = process.env;\napp.listen(API_PORT ?? 4444);\n", 4444, Some("API_PORT")),
            ("const port = Number(process.env.API_PORT ?? 8123);\napp.listen(port, () => 1);\n", 8123, Some("API_PORT")),
            ("const { API_PORT = 8124 } = process.env;\nserve({ fetch: app.fetch, port: API_PORT });\n", 8124, Some("API_PORT")),
            // both are read: PORT is enough
            ("app.listen(process.env.API_PORT || process.env.PORT || 4002);\n", 4002, None),
            // what the code connects to
            ("new Redis({ port: process.env.REDIS_PORT || 6380 });\napp.listen(start());\n", 3000, None),
            ("app.listen(start(), () => connect(process.env.REDIS_PORT || 6380));\n", 3000, None),
            ("const db = Number(process.env.DB_PORT || 5433);\napp.listen(process.env.API_PORT || 4003);\n", 4003, Some("API_PORT")),
            // a name that is not of the environment
            ("import { API_PORT } from './own.js';\napp.listen(API_PORT ?? 4004);\n", 4004, None),
            ("// app.listen(process.env.API_PORT || 4005)\napp.listen(start());\n", 3000, None),
        ] {
            let scan = App::new(&[("package.json", express), ("index.js", code)]).scan();
            let service = &scan.services[0];
            assert_eq!((service.port, service.port_variable.as_deref()), (Some(port), variable), "{code}");
            let told = scan.notes.iter().any(|note| note.starts_with("nothing says on which port web listens: 3000"));
            assert_eq!(told, port == 3000, "{code} {:?}", scan.notes);
        }
        let python = "import os, uvicorn\nfrom fastapi import FastAPI\napp = FastAPI()\nuvicorn.run(app, port=int(os.environ.get(\"API_PORT\", \"8125\")))\n";
        let replit = "[deployment]\nrun = [\"python\", \"main.py\"]\n";
        let scan = App::new(&[(".replit", replit), ("requirements.txt", "fastapi\nuvicorn\n"), ("main.py", python)]).scan();
        assert_eq!((scan.services[0].port, scan.services[0].port_variable.as_deref()), (Some(8125), Some("API_PORT")));
    }

    #[test]
    fn each_service_has_its_own_and_the_image_and_compose_set_it() {
        let package = |name: &str| format!(r#"{{"name":"{name}","scripts":{{"start":"node index.js"}},"dependencies":{{"fastify":"5"}}}}"#);
        let app = App::new(&[
            ("package.json", r#"{"name":"many","workspaces":["apps/*"]}"#),
            ("apps/auth/package.json", &package("auth")),
            ("apps/auth/index.js", "app.listen({ port: Number(process.env.AUTH_PORT || 4001), host: '0.0.0.0' });\n"),
            ("apps/api/package.json", &package("api")),
            ("apps/api/index.js", "app.listen({ port: process.env.PORT || 4002 });\n"),
            ("apps/dark/package.json", &package("dark")),
            ("apps/dark/index.js", "start(app);\n"),
            ("apps/next/package.json", r#"{"name":"next","scripts":{"start":"next start"},"dependencies":{"next":"15"}}"#),
        ]);
        let scan = app.scan();
        let told: Vec<&String> = scan.notes.iter().filter(|note| note.contains("on which port")).collect();
        assert!(told.len() == 1 && told[0].contains("dark (apps/dark) listens: 3000"), "{told:?}");
        let files = files::container(&scan, &Choices::from_scan(&scan)).unwrap();
        let contents = |path: &str| files.iter().find(|file| file.path == path).unwrap().contents.clone();
        let auth = contents("Dockerfile.auth");
        assert!(auth.contains("ENV PORT=4001\nENV AUTH_PORT=4001\n") && auth.contains("EXPOSE 4001"), "{auth}");
        let api = contents("Dockerfile.api");
        assert!(api.contains("ENV PORT=4002\n") && !api.contains("_PORT"), "{api}");
        let compose = contents("docker-compose.yml");
        assert!(compose.contains("127.0.0.1:4001:4001") && compose.contains("AUTH_PORT: \"4001\""), "{compose}");
    }
}
