//! The files that a health route may speak for: its service's own, and packages that the service's package.json asks for by name.
//! Never another service's: what that one uses says nothing of this one, and would keep it from ever being well.

use serde_json::Value;

use super::super::super::orm::script::{Script, text_of};
use super::super::work::{Server, Work, folder};
use super::reach::{is_candidate, relative};

/// What holds for the route in one file.
pub struct Scope {
    server: Server,
    /// The server is one of the app's; else its route is made in a library, which has no more than its own package.
    is_known: bool,
    /// Folder of the package that the route's file belongs to, with `/` at its end.
    own: String,
    packages: Vec<Package>,
}

struct Package {
    folder: String,
    name: String,
    manifest: Value,
    /// The route's own package asks for it.
    is_asked: bool,
}

/// How the route's file comes to another one.
enum Way<'a> {
    Near,
    Named(&'a Package),
    Away,
}

impl Scope {
    pub fn of(work: &Work, server: &Server, path: &str) -> Self {
        let is_manifest = |path: &str| path.rsplit('/').next() == Some("package.json");
        let read = |(path, text): (&str, &str)| {
            let manifest: Value = serde_json::from_str(text).ok()?;
            let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(Package { folder: folder(path).to_owned(), name, manifest, is_asked: false })
        };
        let mut packages: Vec<Package> = work.own().filter(|(path, _)| is_manifest(path)).filter_map(read).collect();
        let own = nearest(&packages, path).map(|package| package.folder.clone()).unwrap_or_default();
        let asked: Vec<String> = packages
            .iter()
            .filter(|package| package.folder == own)
            .flat_map(|package| {
                ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"].map(|kind| package.manifest.get(kind))
            })
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|list| list.keys().cloned())
            .collect();
        for package in &mut packages {
            package.is_asked = package.folder != own && asked.contains(&package.name);
        }
        Self { is_known: work.servers().contains(server), server: server.clone(), own, packages }
    }

    fn way(&self, path: &str) -> Way<'_> {
        if self.server.is_others(path) {
            return Way::Away;
        }
        let package = nearest(&self.packages, path);
        match package {
            Some(package) if package.is_asked => Way::Named(package),
            _ if package.map_or("", |package| &package.folder) == self.own => Way::Near,
            _ if self.is_known && self.server.holds(path) => Way::Near,
            _ => Way::Away,
        }
    }

    pub fn holds(&self, path: &str) -> bool {
        !matches!(self.way(path), Way::Away)
    }

    /// What it has is the service's: in a package, which others use, too, the name of a variable is not yet a client.
    pub fn speaks(&self, path: &str, text: &str) -> bool {
        match self.way(path) {
            Way::Near => true,
            Way::Named(_) => is_candidate(text),
            Way::Away => false,
        }
    }

    /// It lies beside the route, not in a package of its own.
    pub fn is_near(&self, path: &str) -> bool {
        matches!(self.way(path), Way::Near)
    }

    /// What stands behind `from` where the route's file imports this name of another one; `is_default`: it has none of its own.
    pub fn module(&self, work: &Work, from: &str, to: &str, name: &str, is_default: bool, suffix: &str) -> Option<String> {
        match self.way(to) {
            Way::Near => {
                let path = relative(from, to)?;
                Some(if super::super::syntax::is_typed(to) { format!("{path}{suffix}") } else { path })
            }
            Way::Named(package) => package.module(work, to, name, is_default),
            Way::Away => None,
        }
    }
}

fn nearest<'a>(packages: &'a [Package], path: &str) -> Option<&'a Package> {
    packages.iter().filter(|package| path.starts_with(&package.folder)).max_by_key(|package| package.folder.len())
}

impl Package {
    /// By the package's name, as far as its package.json lets a file of it be imported.
    fn module(&self, work: &Work, to: &str, name: &str, is_default: bool) -> Option<String> {
        let inner = to.strip_prefix(&self.folder)?;
        self.entries().into_iter().find_map(|(place, target)| {
            let module = |place: &str| format!("{}{}", self.name, place.strip_prefix('.').unwrap_or(place));
            if let (Some((head, tail)), Some((before, after))) = (target.split_once('*'), place.split_once('*')) {
                let star = sources(inner, tail).find_map(|inner| inner.strip_prefix(head)?.strip_suffix(tail).map(str::to_owned))?;
                return Some(module(&format!("{before}{star}{after}")));
            }
            let is_it =
                |source: &String| source == inner || (!is_default && passes_on(work, &format!("{}{source}", self.folder), to, name));
            built_from(&target).iter().any(is_it).then(|| module(&place))
        })
    }

    /// `.`, `./client` and what file they are.
    fn entries(&self) -> Vec<(String, String)> {
        let plain = |target: &str| target.trim_start_matches("./").to_owned();
        match self.manifest.get("exports") {
            Some(Value::Object(places)) if places.keys().any(|place| place.starts_with('.')) => {
                let one = |(place, value): (&String, &Value)| {
                    targets(value).into_iter().map(|target| (place.clone(), plain(target))).collect::<Vec<_>>()
                };
                places.iter().flat_map(one).collect()
            }
            Some(value) => targets(value).into_iter().map(|target| (".".to_owned(), plain(target))).collect(),
            None => {
                let named = ["module", "main", "types"].into_iter().filter_map(|key| self.manifest.get(key)?.as_str());
                let mut out: Vec<(String, String)> = named.map(|target| (".".to_owned(), plain(target))).collect();
                if out.is_empty() {
                    out.push((".".to_owned(), "index.js".to_owned()));
                }
                out
            }
        }
    }
}

/// All that a place may stand for, whatever the condition.
fn targets(value: &Value) -> Vec<&str> {
    match value {
        Value::String(target) => vec![target],
        Value::Object(conditions) => conditions.iter().filter(|(key, _)| *key != "browser").flat_map(|(_, value)| targets(value)).collect(),
        Value::Array(all) => all.iter().flat_map(targets).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

const BUILT: [&str; 6] = [".d.ts", ".js", ".mjs", ".cjs", ".d.mts", ".jsx"];
const WRITTEN: [&str; 6] = [".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs"];

/// The file itself, or those that it may be built from.
fn built_from(target: &str) -> Vec<String> {
    let mut out = vec![target.to_owned()];
    let Some(stem) = BUILT.iter().find_map(|end| target.strip_suffix(end)) else { return out };
    let moved = ["dist/", "build/", "lib/", "out/"].into_iter().find_map(|dir| stem.strip_prefix(dir));
    let stems = [Some(stem.to_owned()), moved.map(|stem| format!("src/{stem}")), moved.map(str::to_owned)];
    out.extend(stems.into_iter().flatten().flat_map(|stem| WRITTEN.map(|end| format!("{stem}{end}"))));
    out
}

/// A source file as the pattern of an entry may name it.
fn sources<'a>(inner: &'a str, tail: &'a str) -> impl Iterator<Item = String> + 'a {
    let stem = WRITTEN.iter().find_map(|end| inner.strip_suffix(end)).unwrap_or(inner);
    let as_built = BUILT.contains(&tail).then(|| stem.strip_prefix("src/").unwrap_or(stem));
    let built = as_built.into_iter().flat_map(move |stem| ["dist/", "build/", "lib/", ""].map(|dir| format!("{dir}{stem}{tail}")));
    std::iter::once(inner.to_owned()).chain(built)
}

/// `export * from "./client"`, `export { db } from "./client"`.
fn passes_on(work: &Work, entry: &str, to: &str, name: &str) -> bool {
    let Some(script) = work.text(entry).and_then(|text| Script::read(entry, text)) else { return false };
    let root = script.root();
    root.children().filter(|part| part.kind() == "export_statement").any(|statement| {
        let Some(module) = statement.field("source").and_then(|source| text_of(&source)).filter(|module| module.starts_with('.')) else {
            return false;
        };
        let Some(path) = joined(folder(entry), &module) else { return false };
        let stem = BUILT.iter().chain(&WRITTEN).find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
        let is_file = WRITTEN.iter().any(|end| format!("{stem}{end}") == to || format!("{stem}/index{end}") == to);
        let mut named = statement.dfs().filter(|part| part.kind() == "export_specifier").peekable();
        let has = match named.peek() {
            Some(_) => named.any(|one| one.field("alias").or_else(|| one.field("name")).is_some_and(|own| own.text() == name)),
            None => !statement.text().contains(" as "),
        };
        is_file && has
    })
}

fn joined(folder: &str, module: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
