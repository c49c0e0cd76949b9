//! Which databases and stores the app names, and where.
//! Never connects; the live catalogue is another room's work.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::comments;
use super::manifest::Manifest;
use super::tree::Tree;
use super::variable::{Place, Variable};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Postgres,
    Redis,
    Mongo,
    Mysql,
    Sqlite,
    Supabase,
    ReplitKeyValue,
}

/// One database as the app names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseUse {
    pub engine: Engine,
    /// The environment variable or the package.
    pub by: String,
    pub place: Place,
    /// Whether it may be the live one, and what says so.
    #[serde(default)]
    pub hint: Option<String>,
}

/// Packages that mean a database, Node and Python.
const PACKAGES: &[(&str, Engine)] = &[
    ("pg", Engine::Postgres),
    ("postgres", Engine::Postgres),
    ("@neondatabase/serverless", Engine::Postgres),
    ("ioredis", Engine::Redis),
    ("redis", Engine::Redis),
    ("bullmq", Engine::Redis),
    ("mongoose", Engine::Mongo),
    ("mongodb", Engine::Mongo),
    ("mysql2", Engine::Mysql),
    ("better-sqlite3", Engine::Sqlite),
    ("sqlite3", Engine::Sqlite),
    ("@supabase/supabase-js", Engine::Supabase),
    ("@replit/database", Engine::ReplitKeyValue),
];

static PYTHON: LazyLock<Vec<(Regex, Engine)>> = LazyLock::new(|| {
    [
        (r"(?m)^(?:import|from) (psycopg2?|asyncpg)\b", Engine::Postgres),
        (r"(?m)^(?:import|from) (redis)\b", Engine::Redis),
        (r"(?m)^(?:import|from) (pymongo)\b", Engine::Mongo),
        (r"(?m)^(?:import|from) (sqlite3)\b", Engine::Sqlite),
        (r"(?m)^(?:from replit import (?:.*, ?)?(db))\b", Engine::ReplitKeyValue),
    ]
    .into_iter()
    .filter_map(|(p, engine)| Regex::new(p).ok().map(|r| (r, engine)))
    .collect()
});

/// By variable, by package and by import; one line for each engine and name.
pub fn read(tree: &Tree, manifests: &[(String, Manifest)], variables: &[Variable]) -> Vec<DatabaseUse> {
    let mut out = Vec::new();
    for variable in variables {
        let engine = match variable.name.as_str() {
            name if name.ends_with("DATABASE_URL")
                || name.ends_with("POSTGRES_URL")
                || matches!(name, "PGHOST" | "DATABASE_POOLER_URL") =>
            {
                Engine::Postgres
            }
            name if name.starts_with("REDIS_") || name.ends_with("_REDIS_URL") => Engine::Redis,
            name if name.starts_with("MONGO") => Engine::Mongo,
            "SUPABASE_URL" => Engine::Supabase,
            "REPLIT_DB_URL" => Engine::ReplitKeyValue,
            _ => continue,
        };
        if let Some(place) = variable.places.first() {
            out.push(DatabaseUse { engine, by: variable.name.clone(), place: place.clone(), hint: None });
        }
    }
    for (dir, manifest) in manifests {
        let file = if dir.is_empty() { "package.json".to_owned() } else { format!("{dir}/package.json") };
        for (package, engine) in PACKAGES.iter().filter(|(package, _)| manifest.dependencies.contains_key(*package)) {
            let text = tree.text(&file).unwrap_or("");
            let line = text.lines().position(|l| l.trim_start().starts_with(&format!("\"{package}\""))).map_or(1, |at| at + 1);
            out.push(DatabaseUse {
                engine: *engine,
                by: (*package).to_owned(),
                place: Place { file: file.clone(), line: u32::try_from(line).unwrap_or(1) },
                hint: None,
            });
        }
    }
    for (file, text) in tree.code("").filter(|(file, _)| file.ends_with(".py")) {
        for (pattern, engine) in PYTHON.iter() {
            let mut names = pattern.captures_iter(text).filter_map(|c| c.get(1));
            if let Some(name) = names.find(|name| !comments::inside(file, text, name.start())) {
                let line = text.get(..name.start()).unwrap_or("").matches('\n').count() + 1;
                out.push(DatabaseUse {
                    engine: *engine,
                    by: name.as_str().to_owned(),
                    place: Place { file: file.to_owned(), line: u32::try_from(line).unwrap_or(1) },
                    hint: None,
                });
            }
        }
    }
    out.sort_by(|a, b| (a.engine, &a.by).cmp(&(b.engine, &b.by)));
    out.dedup_by(|a, b| a.engine == b.engine && a.by == b.by);
    super::live::hints(tree, &mut out);
    out
}
