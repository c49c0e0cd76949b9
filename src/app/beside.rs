//! Services beside the web server: what a Procfile, a worker's script or a development workflow starts.
//! Never a service that runs only while developing; of such a command a note is made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::command;
use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::service::{Service, ServiceKind, slug};
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

/// What runs beside the services that are known already; none of them twice.
pub fn services(table: &Table, tree: &Tree, root: Option<&Manifest>, known: &[Service]) -> Vec<Service> {
    let mut out: Vec<Service> = Vec::new();
    let mut add = |name: String, run: Vec<String>, from: String| {
        let same = |s: &Service| s.run == run || s.name == name;
        if !run.is_empty() && !known.iter().chain(&out).any(same) {
            out.push(Service {
                name,
                dir: String::new(),
                port: None,
                run,
                from_root: true,
                // one image: the web server's build is this one's, too
                build: known.iter().find(|s| s.dir.is_empty()).and_then(|s| s.build.clone()),
                health: None,
                kind: ServiceKind::Worker,
                paths: Vec::new(),
                public_dir: None,
                package: None,
                from: Some(from),
            });
        }
    };
    let script = |name: &str| root.and_then(|m| m.script(name));
    for (at, line) in tree.text("Procfile").unwrap_or("").lines().enumerate() {
        let Some((name, command)) = line.split_once(':').map(|(n, c)| (n.trim(), c.trim())) else { continue };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        // what serves the web is in .replit, and the Procfile is of an earlier host
        if is_name && name != "web" && !table.not_services.iter().any(|n| n == name) {
            add(slug(name), command::resolve(&command::words(command), &script), format!("Procfile:{}", at + 1));
        }
    }
    for name in &table.worker_scripts {
        let Some(line) = script(name).filter(|line| !table.is_development(line)) else { continue };
        let run = command::resolve(&["npm".into(), "run".into(), name.clone()], &script);
        let text = tree.text("package.json").unwrap_or("");
        let at = text.lines().position(|l| l.contains(&format!("\"{name}\"")) && l.contains(&line)).map_or(1, |at| at + 1);
        let word = name.split(':').find(|w| *w != "start" && *w != "prod").unwrap_or(name);
        add(slug(word), run, format!("package.json:{at} scripts"));
    }
    out
}

/// What the workflows start besides, for a person to decide: they are for developing, so nothing says how it runs in production.
pub fn notes(table: &Table, replit: Option<&ReplitFile>, root: Option<&Manifest>, known: &[Service]) -> Vec<String> {
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
    beside
        .map(|line| format!("a workflow of .replit also starts `{line}`: if production needs it, name it in a Procfile (`worker: {line}`), then scan again"))
        .collect()
}
