//! What the app is written in: language, version, package manager, frameworks.
//! Never guesses a stack that no file names.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::tree::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Node,
    Python,
    Php,
    /// Files only: an `index.html` and nothing that runs.
    Html,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
    Pip,
    Uv,
    Poetry,
    Composer,
    None,
}

/// The app's stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub language: Language,
    /// Major version for Node ("20"), major.minor for Python ("3.11"); `None` if nothing says it.
    pub version: Option<String>,
    pub package_manager: PackageManager,
    /// Of the package manager, where `packageManager` of package.json names it ("10.4.1").
    pub package_manager_version: Option<String>,
    /// The package manager's lock file is there.
    pub lock_file: bool,
    pub typescript: bool,
    pub frameworks: Vec<String>,
    /// Packages with compiled parts that the app runs with.
    pub native: Vec<String>,
    /// The wizard can build an image for it.
    pub supported: bool,
}

/// (package, name shown), by what it says about the app.
const NODE_FRAMEWORKS: &[(&str, &str)] = &[
    ("next", "Next.js"),
    ("nuxt", "Nuxt"),
    ("astro", "Astro"),
    ("@remix-run/node", "Remix"),
    ("@react-router/node", "React Router"),
    ("@sveltejs/kit", "SvelteKit"),
    ("@nestjs/core", "NestJS"),
    ("express", "Express"),
    ("fastify", "Fastify"),
    ("hono", "Hono"),
    ("koa", "Koa"),
    ("expo", "Expo"),
    ("vite", "Vite"),
    ("react", "React"),
    ("vue", "Vue"),
    ("svelte", "Svelte"),
    ("nx", "Nx"),
    ("drizzle-orm", "Drizzle"),
    ("@prisma/client", "Prisma"),
];
/// Those of Node whose program answers requests.
const SERVERS: [&str; 11] =
    ["Next.js", "Nuxt", "Astro", "Remix", "React Router", "SvelteKit", "NestJS", "Express", "Fastify", "Hono", "Koa"];
const PYTHON_FRAMEWORKS: &[(&str, &str)] = &[
    ("flask", "Flask"),
    ("fastapi", "FastAPI"),
    ("django", "Django"),
    ("streamlit", "Streamlit"),
    ("sqlalchemy", "SQLAlchemy"),
    ("gunicorn", "gunicorn"),
    ("uvicorn", "uvicorn"),
];
/// Packages whose binary must match the image (glibc), each with the expression that fails without it. Source: signal F5; each was tried
/// without its binary, 2026-11-29: all but better-sqlite3 load it with the package, that one only when a database is opened.
const NATIVE: &[(&str, &str)] = &[
    ("canvas", "require('canvas')"),
    ("sharp", "require('sharp')"),
    ("bcrypt", "require('bcrypt')"),
    ("argon2", "require('argon2')"),
    ("better-sqlite3", "new (require('better-sqlite3'))(':memory:')"),
    ("@napi-rs/canvas", "require('@napi-rs/canvas')"),
];

/// What fails, run by Node, where a package's compiled part is missing.
pub fn proof(package: &str) -> Option<&'static str> {
    NATIVE.iter().find(|(name, _)| *name == package).map(|(_, proof)| *proof)
}

static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)?").ok());

/// Reads the stack from the root of the app.
pub fn read(tree: &Tree, replit: Option<&ReplitFile>, manifests: &[(String, Manifest)]) -> Stack {
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    let python = tree.has("requirements.txt") || tree.has("pyproject.toml") || tree.has("main.py") || tree.has("manage.py");
    let module = |prefix: &str| replit.and_then(|r| r.modules.iter().find_map(|m| m.strip_prefix(prefix).and_then(version)));
    // both kinds of file in one root: the production command decides
    let python_runs = replit
        .and_then(|r| r.production.as_ref())
        .is_some_and(|run| run.iter().any(|w| ["gunicorn", "python", "uvicorn", "streamlit", "flask"].iter().any(|p| w.contains(p))));
    match root {
        Some(root) if !(python && python_runs) => node(tree, root, manifests, module("nodejs-")),
        Some(_) | None if python => python_stack(tree, super::python_version::read(tree, replit).version),
        Some(_) | None => {
            let language = if tree.has("composer.json") {
                Language::Php
            } else if tree.has("index.html") {
                Language::Html
            } else {
                Language::Unknown
            };
            Stack {
                language,
                version: None,
                package_manager: if language == Language::Php { PackageManager::Composer } else { PackageManager::None },
                package_manager_version: None,
                lock_file: false,
                typescript: false,
                frameworks: if tree.has("artisan") { vec!["Laravel".into()] } else { Vec::new() },
                native: Vec::new(),
                supported: false,
            }
        }
    }
}

fn version(text: &str) -> Option<String> {
    Some(VERSION.as_ref()?.find(text)?.as_str().to_owned())
}

fn node(tree: &Tree, root: &Manifest, manifests: &[(String, Manifest)], module: Option<String>) -> Stack {
    let named = root.package_manager.as_deref().and_then(|p| p.split_once('@'));
    let (package_manager, lock) = match named.map(|(name, _)| name) {
        Some("pnpm") => (PackageManager::Pnpm, "pnpm-lock.yaml"),
        Some("yarn") => (PackageManager::Yarn, "yarn.lock"),
        Some("bun") => (PackageManager::Bun, "bun.lock"),
        Some("npm") => (PackageManager::Npm, "package-lock.json"),
        Some(_) | None if tree.has("pnpm-lock.yaml") || tree.has("pnpm-workspace.yaml") => (PackageManager::Pnpm, "pnpm-lock.yaml"),
        Some(_) | None if tree.has("package-lock.json") => (PackageManager::Npm, "package-lock.json"),
        Some(_) | None if tree.has("yarn.lock") => (PackageManager::Yarn, "yarn.lock"),
        Some(_) | None if tree.has("bun.lock") => (PackageManager::Bun, "bun.lock"),
        Some(_) | None if tree.has("bun.lockb") => (PackageManager::Bun, "bun.lockb"),
        Some(_) | None => (PackageManager::Npm, "package-lock.json"),
    };
    let any = |package: &str| manifests.iter().any(|(_, m)| m.depends_on(package));
    let engine = root.engines.get("node").and_then(|v| v.as_str()).and_then(version);
    let file = [".nvmrc", ".node-version"].iter().find_map(|f| tree.text(f)).and_then(version);
    Stack {
        language: Language::Node,
        version: module.or(file).or(engine).map(|v| v.split('.').next().unwrap_or(&v).to_owned()),
        package_manager,
        package_manager_version: named.map(|(_, v)| v.split('+').next().unwrap_or(v).to_owned()),
        lock_file: tree.has(lock),
        typescript: tree.has("tsconfig.json") || any("typescript"),
        frameworks: NODE_FRAMEWORKS.iter().filter(|(package, _)| any(package)).map(|(_, name)| (*name).to_owned()).collect(),
        native: NATIVE
            .iter()
            .filter(|(p, _)| manifests.iter().any(|(_, m)| m.dependencies.contains_key(*p)))
            .map(|(p, _)| (*p).to_owned())
            .collect(),
        supported: true,
    }
}

/// What a folder's package is written with; the whole app, where that package names nothing that answers requests.
pub fn of_folder(stack: &Stack, manifests: &[(String, Manifest)], dir: &str) -> Vec<String> {
    let holds = |its: &str| its == dir || its.is_empty() || dir.strip_prefix(its).is_some_and(|rest| rest.starts_with('/'));
    let own = manifests.iter().filter(|(its, _)| holds(its)).max_by_key(|(its, _)| its.len());
    let frameworks: Vec<String> = own.map_or_else(Vec::new, |(_, manifest)| {
        NODE_FRAMEWORKS.iter().filter(|(package, _)| manifest.depends_on(package)).map(|(_, name)| (*name).to_owned()).collect()
    });
    let serves = frameworks.iter().any(|name| SERVERS.contains(&name.as_str()));
    if stack.language == Language::Node && serves { frameworks } else { stack.frameworks.clone() }
}

fn python_stack(tree: &Tree, version: Option<String>) -> Stack {
    let wanted =
        [tree.text("requirements.txt"), tree.text("pyproject.toml")].into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase();
    let (package_manager, lock_file) = if tree.has("uv.lock") {
        (PackageManager::Uv, true)
    } else if tree.has("poetry.lock") {
        (PackageManager::Poetry, true)
    } else if tree.has("requirements.txt") {
        (PackageManager::Pip, false)
    } else if tree.text("pyproject.toml").is_some_and(|text| text.contains("[tool.poetry.dependencies]") && !text.contains("[project]")) {
        // uv reads nothing of this
        (PackageManager::Poetry, false)
    } else if tree.has("pyproject.toml") {
        (PackageManager::Uv, false)
    } else {
        (PackageManager::None, false)
    };
    let names: Vec<&str> = wanted.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).collect();
    Stack {
        language: Language::Python,
        version,
        package_manager,
        package_manager_version: None,
        lock_file,
        typescript: false,
        frameworks: PYTHON_FRAMEWORKS.iter().filter(|(package, _)| names.contains(package)).map(|(_, name)| (*name).to_owned()).collect(),
        native: Vec::new(),
        supported: package_manager != PackageManager::None,
    }
}
