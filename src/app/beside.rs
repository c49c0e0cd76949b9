//! Services beside the web server: what a Procfile, a worker's script or a development workflow starts.
//! Never a service that runs only while developing; of such a command a note is made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::command;
use super::launch::{self, Launch};
use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::service::{Service, ServiceKind, slug};
use super::stack::{Language, Stack};
use super::tree::Tree;
use crate::error::{Error, Result};

/// `assets/services.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    worker_scripts: Vec<String>,
    development: Vec<String>,
    not_services: Vec<String>,
    /// File and name of stacks for which no image is generated.
    pub stacks: BTreeMap<String, String>,
}

impl Table {
    /// # Errors
    /// `Bug` if our own table does not parse.
    pub fn read() -> Result<Self> {
        toml::from_str(include_str!("../../assets/services.toml"))
            .map_err(|error| Error::bug("cannot read assets/services.toml").because(&error))
    }

    fn is_development(&self, line: &str) -> bool {
        let words = line.split(|c: char| c.is_whitespace() || c == '=');
        words.flat_map(|w| [w, w.rsplit(':').next().unwrap_or(w)]).any(|word| self.development.iter().any(|d| d == word))
    }
}

/// What runs beside the services that are known already; none of them twice, and none that the image cannot start.
pub fn services(table: &Table, tree: &Tree, root: Option<&Manifest>, stack: &Stack, launch: &Launch, known: &[Service]) -> Vec<Service> {
    let mut out: Vec<Service> = Vec::new();
    let add = |name: String, run: Vec<String>, from: String, out: &mut Vec<Service>| {
        let same = |s: &Service| s.run == run || s.name == name;
        if run.is_empty() || known.iter().chain(out.iter()).any(same) || obstacle(&command::line(&run), tree, stack).is_some() {
            return;
        }
        out.push(Service {
            name,
            dir: String::new(),
            port: None,
            port_variable: None,
            port_is_guessed: false,
            run,
            from_root: true,
            // one image: the web server's build is this one's, too
            build: known.iter().find(|s| s.dir.is_empty()).and_then(|s| s.build.clone()),
            health: None,
            health_is_ours: false,
            frameworks: Vec::new(),
            kind: ServiceKind::Worker,
            paths: Vec::new(),
            public_dir: None,
            package: None,
            from: Some(from),
        });
    };
    let script = |name: &str| root.and_then(|m| m.script(name));
    for (name, command, at) in processes(table, tree) {
        add(slug(name), command::resolve(&command::words(command), &script), format!("Procfile:{at}"), &mut out);
    }
    for name in &table.worker_scripts {
        let Some(line) = script(name).filter(|line| !table.is_development(line)) else { continue };
        let run = command::resolve(&["npm".into(), "run".into(), name.clone()], &script);
        let text = tree.text("package.json").unwrap_or("");
        let at = text.lines().position(|l| l.contains(&format!("\"{name}\"")) && l.contains(&line)).map_or(1, |at| at + 1);
        let word = name.split(':').find(|w| *w != "start" && *w != "prod").unwrap_or(name);
        add(slug(word), run, format!("package.json:{at} scripts"), &mut out);
    }
    for (run, from) in &launch.beside {
        let name = slug(&launch::stem(&command::line(run)));
        // two programs of one name are two services
        let taken = |name: &str| known.iter().chain(&out).any(|s| s.name == name && s.run != *run);
        let name = if taken(&name) { format!("{name}-2") } else { name };
        add(if name.is_empty() { "worker".to_owned() } else { name }, run.clone(), from.clone(), &mut out);
    }
    out
}

/// The processes of the Procfile that may be services: name, command, line.
fn processes<'a>(table: &'a Table, tree: &'a Tree) -> impl Iterator<Item = (&'a str, &'a str, usize)> {
    tree.text("Procfile").unwrap_or("").lines().enumerate().filter_map(|(at, line)| {
        let (name, command) = line.split_once(':').map(|(n, c)| (n.trim(), c.trim()))?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        // what serves the web is in .replit, and the Procfile is of an earlier host
        (is_name && name != "web" && !table.not_services.iter().any(|n| n == name)).then_some((name, command, at + 1))
    })
}

/// Folders of what a build makes: a file there need not be in the source.
const BUILT: [&str; 6] = ["dist", "build", "out", "lib", ".next", "node_modules"];

/// Why the image cannot start this command; `None`: nothing speaks against it.
fn obstacle(line: &str, tree: &Tree, stack: &Stack) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')'])).collect();
    let is_source =
        |word: &&&str| !word.starts_with('-') && [".py", ".js", ".mjs", ".cjs", ".ts", ".sh"].iter().any(|end| word.ends_with(end));
    let file = words.iter().find(is_source).map(|word| command::in_app(word));
    let is_built = |file: &str| file.split('/').any(|part| BUILT.contains(&part));
    let here = |file: &String| !file.starts_with(['/', '$', '~']) && !words.contains(&"cd");
    if let Some(file) = file.filter(|file| here(file) && !is_built(file) && !tree.has(file)) {
        return Some(format!("starts {file}, which is not there: no service is made of it"));
    }
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or(word)).unwrap_or_default();
    let python = ["python", "python3", "gunicorn", "uvicorn", "celery", "flask", "streamlit"].contains(&program);
    let node = ["node", "npm", "npx", "pnpm", "yarn", "bun", "tsx", "ts-node"].contains(&program);
    let (of, other) = match stack.language {
        Language::Node if python => ("Node", "Python"),
        Language::Python if node => ("Python", "Node"),
        Language::Node | Language::Python | Language::Php | Language::Html | Language::Unknown => return None,
    };
    Some(format!("starts {other} (`{line}`), and the image has {of} alone: build an image of its own for it"))
}

/// What the Procfile and the start script name and no image can start.
pub fn obstacles(table: &Table, tree: &Tree, stack: &Stack, launch: &Launch) -> Vec<String> {
    let processes = processes(table, tree).map(|(_, command, at)| (command.to_owned(), format!("Procfile:{at}")));
    let started = launch.beside.iter().map(|(run, place)| (command::line(run), place.clone()));
    processes.chain(started).filter_map(|(line, place)| Some(format!("{place} {}", obstacle(&line, tree, stack)?))).collect()
}

/// What the workflows start besides, for a person to decide: they are for developing, so nothing says how it runs in production.
pub fn notes(
    table: &Table,
    tree: &Tree,
    replit: Option<&ReplitFile>,
    root: Option<&Manifest>,
    stack: &Stack,
    known: &[Service],
) -> Vec<String> {
    let Some(replit) = replit else { return Vec::new() };
    let mut lines: Vec<&String> = replit.workflow_commands.iter().collect();
    lines.dedup();
    let main = replit.run.as_deref().map(command::line).unwrap_or_default();
    let script = |name: &str| root.and_then(|m| m.script(name));
    let known_line = |line: &str| {
        let run = command::resolve(&command::words(line), &script);
        known.iter().any(|s| {
            s.run == run || (!s.dir.is_empty() && line.contains(&s.name)) || s.package.as_ref().is_some_and(|p| line.contains(p.as_str()))
        })
    };
    let beside = lines.into_iter().filter(|line| **line != main && !table.is_development(line) && !known_line(line));
    let named: Vec<&str> = processes(table, tree).map(|(_, command, _)| command).collect();
    beside
        .filter(|line| !named.contains(&line.as_str()))
        .map(|line| match obstacle(line, tree, stack) {
            Some(why) => format!("a workflow of .replit {why}"),
            None => format!(
                "a workflow of .replit also starts `{line}`: if production needs it, name it in a Procfile (`worker: {line}`), then scan again"
            ),
        })
        .collect()
}
