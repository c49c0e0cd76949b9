//! Which databases and stores the app names, and where.
//! Never connects; the live catalogue is another room's work.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::tree::Tree;
use super::variable::{self, Place, Variable};

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
        (r"\breplit\.(db)\b", Engine::ReplitKeyValue),
        (r#"["']django\.db\.backends\.(sqlite3)["']"#, Engine::Sqlite),
    ]
    .into_iter()
    .filter_map(|(p, engine)| Regex::new(p).ok().map(|r| (r, engine)))
    .collect()
});

/// The database that a variable of this name is about.
fn engine(name: &str) -> Option<Engine> {
    match name {
        name if name.ends_with("DATABASE_URL") || name.ends_with("POSTGRES_URL") || matches!(name, "PGHOST" | "DATABASE_POOLER_URL") => {
            Some(Engine::Postgres)
        }
        name if name.starts_with("REDIS_") || name.ends_with("_REDIS_URL") => Some(Engine::Redis),
        name if name.starts_with("MONGO") => Some(Engine::Mongo),
        "SUPABASE_URL" => Some(Engine::Supabase),
        "REPLIT_DB_URL" => Some(Engine::ReplitKeyValue),
        _ => None,
    }
}

/// Names that `[env]` and `[userenv.*]` of `.replit` set, with their lines.
fn given(tree: &Tree, replit: Option<&ReplitFile>) -> Vec<(String, Place)> {
    let text = tree.text(".replit").unwrap_or("");
    let line = |name: &str| {
        text.lines()
            .position(|l| l.split_once('=').is_some_and(|(key, _)| key.trim().trim_matches(['"', '\'']) == name))
            .map_or(1, |at| at + 1)
    };
    let names = replit.map(|r| r.env.as_slice()).unwrap_or_default();
    names.iter().map(|e| (e.name.clone(), Place { file: ".replit".to_owned(), line: u32::try_from(line(&e.name)).unwrap_or(1) })).collect()
}

/// By variable, by package and by import; one line for each engine and name.
pub fn read(tree: &Tree, replit: Option<&ReplitFile>, manifests: &[(String, Manifest)], variables: &[Variable]) -> Vec<DatabaseUse> {
    let mut out = Vec::new();
    let named = variables.iter().filter_map(|variable| Some((variable.name.clone(), variable.places.first()?.clone())));
    for (name, place) in named.chain(given(tree, replit)) {
        if let Some(engine) = engine(&name) {
            out.push(DatabaseUse { engine, by: name, place, hint: None });
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
            if let Some(name) = names.find(|name| !tree.in_comment(file, name.start())) {
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
    for (file, text) in tree.code("") {
        for (at, name) in variable::postgres(file, text).into_iter().filter(|(at, _)| !tree.in_comment(file, *at)) {
            let line = text.get(..at).unwrap_or("").matches('\n').count() + 1;
            let place = Place { file: file.to_owned(), line: u32::try_from(line).unwrap_or(1) };
            out.push(DatabaseUse { engine: Engine::Postgres, by: name, place, hint: None });
        }
    }
    out.sort_by(|a, b| (a.engine, &a.by).cmp(&(b.engine, &b.by)));
    out.dedup_by(|a, b| a.engine == b.engine && a.by == b.by);
    super::live::hints(tree, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::Engine;

    #[test]
    fn databases_of_python_are_told_by_what_the_code_uses() {
        let app = App::new(&[
            ("requirements.txt", "replit\n"),
            ("main.py", "import replit\n\nreplit.db[\"a\"] = 1\n"),
            ("site/settings.py", "E = \"django.db.backends.sqlite3\"\n"),
        ]);
        let scan = app.scan();
        let named: Vec<_> = scan.databases.iter().map(|d| (d.engine, format!("{}:{}", d.place.file, d.place.line))).collect();
        assert_eq!(named, [(Engine::Sqlite, "site/settings.py:1".to_owned()), (Engine::ReplitKeyValue, "main.py:3".to_owned())]);
    }
}
