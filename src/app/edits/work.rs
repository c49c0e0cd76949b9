//! An app's files while edits change them, one edit after the other.
//! Never touches a disk: what is here are texts.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::super::needs::Decided;
use super::super::orm::edit::{self, Edit};
use super::super::orm::script::Script;
use super::super::tree::is_test;
use super::browser::{Side, Sides};
use super::lock::Lock;
use super::sql::Dialect;

/// A file before and after an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// From the app's root.
    pub path: String,
    /// `None`: the edit makes this file.
    #[serde(skip)]
    pub before: Option<String>,
    /// `None`: the edit takes it away.
    #[serde(skip)]
    pub after: Option<String>,
    pub reasons: Vec<String>,
    /// Unified, with `a/` and `b/` before the path.
    pub diff: String,
}

/// What a person must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    pub path: String,
    /// From 1; `None`: all of the file.
    pub line: Option<usize>,
    pub what: String,
    pub why: String,
    /// Something else of ours does it: nothing is left for a person.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

impl Item {
    /// `file:line`, or the file alone.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.path.clone(), |line| format!("{}:{line}", self.path))
    }
}

/// A program of the app that answers requests, by where its code lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// With `/` at its end; empty: the root.
    folder: String,
    /// Folders of other services, but those that its own lies in.
    others: Vec<String>,
}

impl Server {
    pub fn holds(&self, path: &str) -> bool {
        path.starts_with(&self.folder) && !self.is_others(path)
    }

    /// In the folder of another service.
    pub fn is_others(&self, path: &str) -> bool {
        self.others.iter().any(|other| path.starts_with(other.as_str()))
    }

    /// By the folders of those that answer, and of all services.
    fn of(answering: &[String], services: &[String]) -> Vec<Self> {
        let folder = |dir: &str| if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let others = |own: &str| services.iter().map(|dir| folder(dir)).filter(|other| !own.starts_with(other.as_str())).collect();
        let mut out: Vec<Self> = Vec::new();
        for own in answering.iter().map(|dir| folder(dir)) {
            if !out.iter().any(|known| known.folder == own) {
                out.push(Self { others: others(&own), folder: own });
            }
        }
        if out.is_empty() { vec![Self::default()] } else { out }
    }
}

/// The files, and what the edit at work has done to them.
#[derive(Debug)]
pub struct Work {
    files: BTreeMap<String, String>,
    left: BTreeSet<String>,
    dialect: Dialect,
    is_decided: bool,
    before: BTreeMap<String, Option<String>>,
    reasons: BTreeMap<String, Vec<String>>,
    items: Vec<Item>,
    commands: Vec<String>,
    lock: Lock,
    servers: Vec<Server>,
    ports: Vec<(String, u16)>,
    title: Option<&'static str>,
    sides: OnceCell<Arc<Sides>>,
}

impl Work {
    pub fn new(files: &[(String, String)], left: &BTreeSet<String>, decided: &Decided) -> Self {
        Self {
            files: files.iter().cloned().collect(),
            left: left.clone(),
            dialect: Dialect::of(decided),
            is_decided: decided.outcome("database").is_some(),
            before: BTreeMap::new(),
            reasons: BTreeMap::new(),
            items: Vec::new(),
            commands: Vec::new(),
            lock: Lock::default(),
            servers: vec![Server::default()],
            ports: Vec::new(),
            title: None,
            sides: OnceCell::new(),
        }
    }

    /// With the app's own package manager.
    pub fn locked(mut self, lock: &Lock) -> Self {
        self.lock = lock.clone();
        self
    }

    /// With the folders of the app's services: of those that answer, and of all.
    pub fn serving(mut self, answering: &[String], services: &[String]) -> Self {
        self.servers = Server::of(answering, services);
        self
    }

    /// With the ports of the app's services, by their folders.
    pub fn at_ports(mut self, ports: &[(String, u16)]) -> Self {
        self.ports = ports.to_vec();
        self
    }

    /// The port of the service that a file belongs to; Replit's usual one where none is known.
    pub fn port(&self, path: &str) -> u16 {
        let own = self.ports.iter().filter(|(dir, _)| dir.is_empty() || path.starts_with(&format!("{dir}/")));
        own.max_by_key(|(dir, _)| dir.len()).map_or(5000, |(_, port)| *port)
    }

    /// What the edit at work did in this app, where that is another thing than its title says.
    pub fn entitle(&mut self, title: &'static str) {
        self.title = Some(title);
    }

    pub fn title(&mut self) -> Option<&'static str> {
        self.title.take()
    }

    /// At least one: that of the whole app, where nothing is known.
    pub fn servers(&self) -> Vec<Server> {
        self.servers.clone()
    }

    /// How the app's packages are locked.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    pub fn files(&self) -> Vec<(String, String)> {
        self.files.iter().map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    /// Whose SQL the database that was decided for takes.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The same; `None` while no database is decided.
    pub fn decided_dialect(&self) -> Option<Dialect> {
        Some(self.dialect).filter(|_| self.is_decided)
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Files of the app's own, in the order of their paths: no tests, and nothing that an edit put there.
    pub fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = |path: &str| !is_test(path) && !path.starts_with(".migrate/");
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).filter(move |(path, _)| own(path))
    }

    /// Paths whose text is of interest, so that files may be changed while going through them.
    pub fn paths(&self, wanted: impl Fn(&str, &str) -> bool) -> Vec<String> {
        self.own().filter(|(path, text)| wanted(path, text)).map(|(path, _)| path.to_owned()).collect()
    }

    /// TypeScript and JavaScript of interest. What the grammar cannot read in full is left to a person.
    pub fn scripts(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Vec<Script> {
        let read = self.own().filter(|(path, text)| wanted(path, text)).filter_map(|(path, text)| Script::read(path, text));
        let (broken, whole): (Vec<Script>, Vec<Script>) = read.partition(Script::is_broken);
        for script in broken {
            self.item(&script.path, None, "look at this file by hand", "it cannot be read in full: nothing in it was changed");
        }
        whole
    }

    /// TypeScript and JavaScript that runs on the server, be it in the browser, too.
    pub fn server(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Vec<Script> {
        let sides = self.sides();
        self.scripts(|path, text| wanted(path, text) && sides.side(path) != Side::Browser)
    }

    /// Where the app's files run, as they were before any edit.
    pub fn sides(&self) -> Arc<Sides> {
        self.sides.get_or_init(|| Arc::new(Sides::of(&self.files))).clone()
    }

    /// Some file other than this one has the text.
    pub fn any(&self, has: impl Fn(&str, &str) -> bool) -> bool {
        self.own().any(|(path, text)| has(path, text))
    }

    /// A file's whole new text. Says whether it is so now: a file that the person keeps stays as it is.
    pub fn put(&mut self, path: &str, text: impl Into<String>, why: &str) -> bool {
        let text = text.into();
        if self.text(path) == Some(&text) {
            return true;
        }
        if self.left.contains(path) {
            let why = format!("you kept it as it is; the change was: {why}");
            self.item(path, None, "decide about this file", &why);
            return false;
        }
        let before = self.files.insert(path.to_owned(), text);
        self.before.entry(path.to_owned()).or_insert(before);
        let reasons = self.reasons.entry(path.to_owned()).or_default();
        if !reasons.iter().any(|known| known == why) {
            reasons.push(why.to_owned());
        }
        true
    }

    /// Applies edits to a script's text.
    pub fn edit(&mut self, script: &Script, edits: Vec<Edit>) -> bool {
        let edits = if uses_tabs(&script.text) { edits.into_iter().map(with_tabs).collect() } else { edits };
        self.replace(&script.path, &script.text, edits)
    }

    /// Applies edits to a file's text.
    pub fn replace(&mut self, path: &str, text: &str, edits: Vec<Edit>) -> bool {
        let Some(mut edited) = edit::apply(path, text, edits) else { return false };
        if !text.ends_with('\n') {
            edited.after.truncate(edited.after.trim_end_matches(['\r', '\n']).len());
        }
        let whys: BTreeSet<&str> = edited.edits.iter().map(|shown| shown.why.as_str()).collect();
        let mut done = true;
        for why in whys {
            done &= self.put(path, edited.after.clone(), why);
            self.reasons.entry(path.to_owned()).or_default().push(why.to_owned());
        }
        if let Some(reasons) = self.reasons.get_mut(path) {
            let mut seen = BTreeSet::new();
            reasons.retain(|why| seen.insert(why.clone()));
        }
        done
    }

    pub fn item(&mut self, path: &str, line: Option<usize>, what: &str, why: &str) {
        let item = Item { path: path.to_owned(), line, what: what.to_owned(), why: why.to_owned(), done: false };
        if !self.items.contains(&item) {
            self.items.push(item);
        }
    }

    pub fn command(&mut self, command: &str) {
        if !self.commands.iter().any(|known| known == command) {
            self.commands.push(command.to_owned());
        }
    }

    /// What was done since the last time.
    pub fn taken(&mut self) -> (Vec<Change>, Vec<Item>, Vec<String>) {
        let mut reasons = std::mem::take(&mut self.reasons);
        let changes = std::mem::take(&mut self.before)
            .into_iter()
            .filter(|(path, before)| before.as_deref() != self.text(path))
            .map(|(path, before)| {
                let after = self.text(&path).map(str::to_owned);
                let diff = edit::diff(&path, before.as_deref(), after.as_deref());
                Change { reasons: reasons.remove(&path).unwrap_or_default(), diff, before, after, path }
            })
            .collect();
        (changes, std::mem::take(&mut self.items), std::mem::take(&mut self.commands))
    }
}

/// More lines begin with a tab than with blanks.
fn uses_tabs(text: &str) -> bool {
    let with = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    with("\t") > with("  ")
}

/// What is put in below other lines goes in by tabs: two blanks of ours are one.
fn with_tabs(edit: Edit) -> Edit {
    let line = |line: &str| {
        let rest = line.trim_start_matches([' ', '\t']);
        let blanks = line.get(..line.len() - rest.len()).unwrap_or_default();
        format!("{}{rest}", blanks.replace("  ", "\t"))
    };
    Edit { text: edit.text.split('\n').map(line).collect::<Vec<_>>().join("\n"), ..edit }
}

/// The folder of a file, with `/` at its end; empty for the root.
pub fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or_default())
}

/// The line of a byte, from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(1, |head| head.matches('\n').count() + 1)
}
