//! The end of an image: port, user, health check and command of one service.
//! Never how it is built.

use std::collections::BTreeMap;

use super::super::choices::Choices;
use super::super::command;
use super::super::health::Health;
use super::super::scan::Scan;
use super::super::service::Service;
use super::super::stack::Language;
use super::super::template;
use super::framework::{self, Framework};
use super::{json, node};
use crate::error::Result;

/// The user `node` of Node's images, and the one that the Python image makes: by number, so that any host can tell that it is not root.
const NODE: &str = "1000";
const APP: &str = "10001";

/// The lines; `head`: those that begin a stage of their own, or empty.
pub fn of(scan: &Scan, choices: &Choices, service: &Service, frameworks: &[Framework], head: String) -> Result<String> {
    let port = choices.port_of(scan, service);
    let answers = service.kind.answers();
    let dir = !(service.from_root || service.dir.is_empty() || node::is_standalone(scan, service));
    let (words, note) = command(scan, choices, service, frameworks)?;
    let values = BTreeMap::from([
        ("target", head),
        ("port_env", if answers { port_env(service, port) } else { String::new() }),
        ("workdir", if dir { format!("WORKDIR /app/{}", service.dir) } else { String::new() }),
        ("user", if scan.stack.language == Language::Python { APP } else { NODE }.to_owned()),
        ("expose", if answers { format!("EXPOSE {port}") } else { String::new() }),
        ("health", health(scan, service)),
        ("run_note", note),
        ("cmd", json(&words)),
    ]);
    template::fill("start.Dockerfile", include_str!("../../../assets/files/start.Dockerfile"), &values)
}

/// The port by its name, and by the name that the code reads instead.
fn port_env(service: &Service, port: u16) -> String {
    let own = service.port_variable.as_ref().map(|name| format!("\nENV {name}={port}")).unwrap_or_default();
    format!("ENV PORT={port}{own}")
}

/// A program of the start command that the app may not declare.
struct Program {
    name: &'static str,
    version: &'static str,
    /// The last that runs on Python 3.9.
    old: &'static str,
    /// Both with what a web socket needs, where the program alone answers it with 404.
    sockets: Option<(&'static str, &'static str)>,
}

/// Of one time, so that gunicorn finds uvicorn's worker (checked on PyPI, and started together, 2026-11-29).
const PROGRAMS: [Program; 2] = [
    Program { name: "gunicorn", version: "gunicorn==27.0.1", old: "gunicorn==23.0.0", sockets: None },
    Program {
        name: "uvicorn",
        version: "uvicorn==0.54.0",
        old: "uvicorn==0.39.0",
        sockets: Some(("'uvicorn[standard]==0.54.0'", "'uvicorn[standard]==0.39.0'")),
    },
];

/// Python before 3.10, which newer packages no longer run on.
pub fn is_old(runtime: &str) -> bool {
    runtime.strip_prefix("3.").and_then(|minor| minor.split('.').next()?.parse::<u32>().ok()).is_some_and(|minor| minor < 10)
}

/// Packages that the command of a service starts with and the app does not declare, with the version that we take.
pub fn undeclared(
    scan: &Scan,
    choices: &Choices,
    service: &Service,
    frameworks: &[Framework],
) -> Result<Vec<(&'static str, &'static str)>> {
    // what the files that requirements.txt takes in declare is not read
    if scan.stack.language != Language::Python || !scan.layout.requirements.is_empty() {
        return Ok(Vec::new());
    }
    let declared = |name: &str| scan.layout.python.iter().any(|package| package == name);
    let (words, _) = command(scan, choices, service, frameworks)?;
    let starts = |name: &str| {
        let worker = format!("{name}.");
        words.iter().flat_map(|word| word.split_whitespace()).any(|word| word == name || word.starts_with(&worker))
    };
    // `fastapi[standard]` brings uvicorn with it
    let brought = |name: &str| name == "uvicorn" && declared("fastapi") && (declared("standard") || declared("all"));
    let old = is_old(&choices.runtime);
    let missing = PROGRAMS.into_iter().filter(|p| starts(p.name) && !declared(p.name) && !brought(p.name));
    let sockets = scan.has_finding("F11") && !["websockets", "wsproto"].iter().any(|its| declared(its));
    let picked = |p: Program| p.sockets.filter(|_| sockets).unwrap_or((p.version, p.old));
    Ok(missing.map(|p| (p.name, if old { picked(p).1 } else { picked(p).0 })).collect())
}

/// The command with the chosen port where a port was written into it, and without reloading; a remark when it is another program.
fn command(scan: &Scan, choices: &Choices, service: &Service, frameworks: &[Framework]) -> Result<(Vec<String>, String)> {
    let port = choices.port_of(scan, service);
    if node::is_standalone(scan, service) {
        let program = if service.dir.is_empty() { "server.js".to_owned() } else { format!("{}/server.js", service.dir) };
        return Ok((vec!["node".to_owned(), program], String::new()));
    }
    if let Some(serve) = framework::serving(scan, frameworks, &service.run).and_then(|f| f.serve.as_deref()) {
        let values = BTreeMap::from([("port", port.to_string()), ("wsgi", scan.layout.wsgi.clone().unwrap_or_default())]);
        let line = template::fill("frameworks.toml", serve, &values)?;
        return Ok((command::words(&line), format!("# instead of `{}`, which is for development only", command::line(&service.run))));
    }
    let old = service.port.unwrap_or(port);
    let mut words: Vec<String> = service.run.iter().filter(|w| *w != "--reload").cloned().collect();
    for word in &mut words {
        // Replit's folder of the app is the image's working folder
        *word = command::WORKSPACE.iter().fold(word.clone(), |word, root| word.replace(root, "/app"));
    }
    if port != old {
        // `:5000`, `=5000`, `-p 5000`: whole numbers only
        let mut after_flag = false;
        for word in &mut words {
            if after_flag && *word == old.to_string() {
                *word = port.to_string();
            }
            after_flag = matches!(word.as_str(), "-p" | "--port" | "--server.port");
            for mark in [":", "="] {
                if word.contains(' ') {
                    // a line for a shell
                    *word = word.replace(&format!("{mark}{old} "), &format!("{mark}{port} "));
                }
                if let Some(head) = word.strip_suffix(&format!("{mark}{old}")) {
                    *word = format!("{head}{mark}{port}");
                }
            }
        }
    }
    if scan.has_finding("F15") && words.first().is_some_and(|w| w == "gunicorn") {
        words.extend(["-k".to_owned(), "uvicorn.workers.UvicornWorker".to_owned()]);
    }
    Ok((words, String::new()))
}

fn health(scan: &Scan, service: &Service) -> String {
    let Some(known) = Health::of(service) else {
        return "# runs without a port: no health check over HTTP\nHEALTHCHECK NONE".to_owned();
    };
    let (path, is_asked) = (&known.path, known.is_route());
    let check = match scan.stack.language {
        Language::Python => json(&[
            "python".to_owned(),
            "-c".to_owned(),
            if is_asked {
                format!("import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '{path}', timeout=4)")
            } else {
                "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 4)".to_owned()
            },
        ]),
        Language::Node | Language::Php | Language::Html | Language::Unknown => json(&[
            "node".to_owned(),
            "-e".to_owned(),
            if is_asked {
                format!(
                    "fetch('http://127.0.0.1:' + process.env.PORT + '{path}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
                )
            } else {
                "require('net').connect(process.env.PORT, '127.0.0.1', () => process.exit(0)).on('error', () => process.exit(1))".to_owned()
            },
        ]),
    };
    let told = match (&service.health, is_asked) {
        (Some(_), _) => "",
        (None, true) => "# the app has no such route yet: migrate-wizard app prepare makes it, or its checklist says how\n",
        (None, false) => {
            "# no health route is known, and app prepare makes none for such a server: its port alone is looked at until the code has one\n"
        }
    };
    format!("{told}HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \\\n  CMD {check}")
}
