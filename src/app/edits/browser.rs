//! Which scripts of an app run in the browser: what a page loads, what a static service is built from, and what these import.
//! Never follows an import that it cannot find, and knows nothing of hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::super::tree::is_test;
use super::work::folder;

/// Where a file runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Browser,
    /// A page loads it and the server imports it, or a framework runs it in both.
    Both,
}

/// The scripts that are not the server's alone.
#[derive(Debug, Default)]
pub struct Sides {
    browser: BTreeSet<String>,
    both: BTreeSet<String>,
}

type Files = BTreeMap<String, String>;

const ENDS: [&str; 10] = [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"];

static PAGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"<script\b[^>]*\btype\s*=\s*["']module["'][^>]*>"#).ok());
static SOURCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\bsrc\s*=\s*["']([^"']+)["']"#).ok());
static IMPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?:\b(?:import|export)\s+(type\s+)?[\w*{][^;"'`]*?\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\brequire\s*\(\s*)["']([^"'\n]+)["']"#,
    )
    .ok()
});
/// Node's own modules, what answers requests, what speaks to a database.
static SERVER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?:from\s*|require\(\s*|import\s+)["'](?:node:[a-z/_]+|fs|fs/promises|http|https|net|path|os|child_process|express|fastify|koa|hono|@hono/node-server|@nestjs/[a-z-]+|pg|postgres|drizzle-orm/(?:node-postgres|neon-http|neon-serverless|postgres-js))["']"#,
    )
    .ok()
});
static STATIC: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)^\s*(?:serve\s*=\s*["']static["']|kind\s*=\s*["'](?:static|design)["'])"#).ok());
static ROOT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\broot\s*[:,]").ok());
static CLIENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\A(?:\s|//[^\n]*\n|/\*(?s:.*?)\*/)*["']use client["']"#).ok());

impl Sides {
    pub fn of(files: &Files) -> Self {
        let apart = |path: &str| is_test(path) || path.starts_with(".migrate/");
        let scripts = || files.keys().map(String::as_str).filter(|path| is_script(path) && !apart(path));
        let graph = Graph { files, packages: packages(files) };
        let mut pages: BTreeSet<String> = BTreeSet::new();
        let mut roots: Vec<Root> = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| !apart(path)) {
            roots.extend(Root::of(path, text, files));
            pages.extend(loaded(path, text, files));
        }
        let is_server = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let named = name.contains(".server.") || name.starts_with("+server.") || name.starts_with("entry-server.");
            named || files.get(path).is_some_and(|text| matches(&SERVER, text))
        };
        let within = |path: &str, both: bool| roots.iter().any(|root| root.both == both && root.holds(path));
        let folders: Vec<String> =
            scripts().filter(|path| is_client(path) || (within(path, false) && !is_server(path))).map(str::to_owned).collect();
        let mut browser = graph.reached(pages.into_iter().chain(folders));
        let twice: Vec<String> = scripts()
            .filter(|path| within(path, true) && !is_server(path) || files.get(*path).is_some_and(|text| matches(&CLIENT, text)))
            .map(str::to_owned)
            .collect();
        let mut both = graph.reached(twice);
        let builds = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.contains(".config.") || name.contains(".stories.") || path.split('/').any(|part| part.starts_with('.'))
        };
        if !browser.is_empty() {
            let servers = scripts().filter(|path| !browser.contains(*path) && !builds(path)).map(str::to_owned).collect::<Vec<_>>();
            both.extend(graph.reached(servers).intersection(&browser).cloned());
        }
        browser.retain(|path| !both.contains(path));
        Self { browser, both }
    }

    pub fn side(&self, path: &str) -> Side {
        if self.both.contains(path) {
            Side::Both
        } else if self.browser.contains(path) || is_client(path) {
            Side::Browser
        } else {
            Side::Server
        }
    }
}

/// Folders whose name says that they are the browser's.
fn is_client(path: &str) -> bool {
    let page = path.starts_with("src/pages/") && !path.starts_with("src/pages/api/");
    page || ["client/", "src/components/", "public/"].iter().any(|folder| path.starts_with(folder)) || path.contains("/client/src/")
}

fn is_script(path: &str) -> bool {
    ENDS.iter().any(|end| path.ends_with(end))
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// A folder that a browser's files are in.
struct Root {
    folders: Vec<String>,
    /// A framework runs them on the server, too.
    both: bool,
}

impl Root {
    fn of(path: &str, text: &str, files: &Files) -> Option<Self> {
        let own = folder(path);
        let src = |both| Some(Self { folders: vec![format!("{own}src/"), format!("{own}app/")], both });
        let page = || files.contains_key(&format!("{own}index.html"));
        match path.rsplit('/').next()? {
            "index.html" if matches(&PAGE, text) => src(false),
            // a Vite with another root has its page there
            name if name.starts_with("vite.config.") && (page() || !matches(&ROOT, text)) => src(!page()),
            "artifact.toml" if matches(&STATIC, text) => {
                let whole = own.strip_suffix(".replit-artifact/")?;
                (!whole.is_empty()).then(|| Self { folders: vec![whole.to_owned()], both: false })
            }
            "package.json" if text.contains("\"react-scripts\"") => src(false),
            _ => None,
        }
    }

    fn holds(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.contains(".config.") && self.folders.iter().any(|folder| path.starts_with(folder.as_str()))
    }
}

/// The scripts that a page loads as modules.
fn loaded(path: &str, text: &str, files: &Files) -> Vec<String> {
    let (Some(page), Some(source)) = (PAGE.as_ref(), SOURCE.as_ref()) else { return Vec::new() };
    if !path.ends_with(".html") {
        return Vec::new();
    }
    let own = folder(path);
    let of = |tag: &str| {
        let source = source.captures(tag)?.get(1)?.as_str().to_owned();
        let below = source.split('?').next()?.trim_start_matches("./").trim_start_matches('/');
        (!source.contains("://") && !source.starts_with("//")).then(|| format!("{own}{below}"))
    };
    page.find_iter(text).filter_map(|tag| of(tag.as_str())).filter(|path| files.contains_key(path)).collect()
}

/// Folders of the workspace's packages, by name.
fn packages(files: &Files) -> BTreeMap<String, String> {
    let manifests = files.iter().filter(|(path, _)| path.ends_with("/package.json") && !is_test(path));
    let named = manifests.filter_map(|(path, text)| {
        let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
        Some((manifest.get("name")?.as_str()?.to_owned(), folder(path).to_owned()))
    });
    named.collect()
}

/// Who imports whom.
struct Graph<'a> {
    files: &'a Files,
    packages: BTreeMap<String, String>,
}

impl Graph<'_> {
    fn reached(&self, from: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut open: Vec<String> = from.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(path) = open.pop() {
            if seen.contains(&path) {
                continue;
            }
            let text = self.files.get(&path).map(String::as_str).unwrap_or_default();
            if let Some(import) = IMPORT.as_ref() {
                // what is imported as a type alone is not there when it runs
                let modules = import.captures_iter(text).filter(|found| found.get(1).is_none());
                open.extend(modules.filter_map(|found| self.file(&path, found.get(2)?.as_str())));
            }
            seen.insert(path);
        }
        seen
    }

    /// The file of the app that a module is.
    fn file(&self, from: &str, module: &str) -> Option<String> {
        let module = module.split('?').next()?;
        if module.starts_with('.') {
            return self.found(&joined(folder(from), module)?);
        }
        if let Some((below, own)) = self.packages.iter().find_map(|(name, own)| {
            let rest = module.strip_prefix(name.as_str())?;
            Some((rest.strip_prefix('/').or_else(|| rest.is_empty().then_some(""))?, own))
        }) {
            let tried =
                if below.is_empty() { ["src/index", "index"].map(str::to_owned) } else { [format!("src/{below}"), below.to_owned()] };
            return tried.iter().find_map(|rest| self.found(&format!("{own}{rest}")));
        }
        // `@/x`, `~/x`, `@shared/x`: a folder of the package, or of one that it is in
        let rest = module.strip_prefix('@').or_else(|| module.strip_prefix('~'))?;
        let rest = rest.trim_start_matches('/');
        let mut own = folder(from);
        loop {
            if let Some(found) = [format!("{own}src/{rest}"), format!("{own}{rest}")].iter().find_map(|path| self.found(path)) {
                return Some(found);
            }
            own = folder(own.strip_suffix('/')?);
        }
    }

    fn found(&self, path: &str) -> Option<String> {
        let is_there = |path: &String| self.files.contains_key(path);
        if is_script(path) && self.files.contains_key(path) {
            return Some(path.to_owned());
        }
        // `./a.js` is a.ts as it is written
        let bare = [".js", ".jsx", ".mjs"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let direct = ENDS.iter().map(|end| format!("{bare}{end}"));
        direct.chain(ENDS.iter().map(|end| format!("{path}/index{end}"))).find(is_there)
    }
}

/// `a/b/` and `../c`: `a/c`.
fn joined(folder: &str, module: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
