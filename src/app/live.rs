//! Which of the databases that an app names may be the live one: by name, by host, and by what the agent noted.
//! Never connects and never decides: each hint says where it comes from, and a person chooses.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::database::{DatabaseUse, Engine};
use super::hide;
use super::tree::{MAX_TEXT, Tree};

/// (part of the variable's name, what it says). Source: variables of 25 Replit apps, as of 2026-11-20.
const NAMES: &[(&str, &str)] = &[
    ("LIVE_", "may be the live one: its name says so"),
    ("PROD", "may be the live one: its name says so"),
    ("SYNC_", "another app's database, as a scheduled job gets it: may be the live one"),
    ("NEON_DATABASE_URL", "kept by Replit from before its own Postgres; that database is switched off: do not copy from it"),
    ("POOLER", "the pooled address of a database: copy through the direct one"),
    ("DEV_", "not the live one: its name says so"),
    ("TEST_", "not the live one: its name says so"),
];

/// (part of the host, what it says).
const HOSTS: &[(&str, &str)] = &[
    ("helium", "Replit's development database: inside Replit only"),
    (".neon.tech", "a Neon host: Replit's production databases are often there"),
    (".supabase.", "a Supabase host: not Replit's"),
    ("localhost", "this machine"),
    ("127.0.0.1", "this machine"),
];

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b([A-Z][A-Z0-9_]*)\s*[:=]\s*["']?postgres(?:ql)?://(?:[^\s@"'/]*@)?([A-Za-z0-9._-]+)"#).ok());
static LIVE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:live|production|prod|real data|customers?|do not use|old|unused|stale)\b").ok());

/// Fills the hints of all Postgres databases.
pub fn hints(tree: &Tree, databases: &mut [DatabaseUse]) {
    let notes = memory(&tree.root);
    let several = databases.iter().filter(|d| d.engine == Engine::Postgres && d.by.ends_with("_URL")).count() > 1;
    for database in databases.iter_mut().filter(|d| d.engine == Engine::Postgres && d.by.ends_with("_URL")) {
        let mut said: Vec<String> =
            NAMES.iter().filter(|(part, _)| database.by.contains(part)).map(|(_, says)| (*says).to_owned()).take(1).collect();
        said.extend(hosts(tree, &database.by));
        // a note about PROD_DATABASE_URL says nothing of DATABASE_URL
        let named = Regex::new(&format!(r"(?:^|[^A-Z0-9_]){}(?:$|[^A-Z0-9_])", regex::escape(&database.by))).ok();
        let speaks = |line: &str| named.as_ref().is_some_and(|n| n.is_match(line)) && LIVE.as_ref().is_some_and(|l| l.is_match(line));
        let lines = notes.iter().flat_map(|(file, text)| text.lines().enumerate().map(move |(at, line)| (file, at + 1, line)));
        said.extend(
            lines
                .filter(|(.., line)| speaks(line))
                .take(2)
                .map(|(file, at, line)| format!("{file}:{at} says: {}", hide::excerpt(file, line))),
        );
        if said.is_empty() && several && database.by == "DATABASE_URL" {
            said.push("the usual name, in development and in production".to_owned());
        }
        database.hint = (!said.is_empty()).then(|| said.join("; "));
    }
}

/// What the hosts say to which this variable is set in the app's files.
fn hosts(tree: &Tree, name: &str) -> Vec<String> {
    let Some(address) = ADDRESS.as_ref() else { return Vec::new() };
    let mut out = Vec::new();
    let files = tree.entries.iter().filter(|e| e.path == ".replit" || e.path.rsplit('/').next().is_some_and(|n| n.starts_with(".env")));
    for entry in files {
        for (at, line) in entry.text.as_deref().unwrap_or("").lines().enumerate() {
            let hit = address.captures_iter(line).filter(|c| c.get(1).is_some_and(|n| n.as_str() == name)).find_map(|c| c.get(2));
            let Some(host) = hit.map(|m| m.as_str()) else { continue };
            if let Some((_, says)) = HOSTS.iter().find(|(part, _)| host.contains(part)) {
                out.push(format!("{says} ({}:{})", entry.path, at + 1));
            }
        }
    }
    out.dedup();
    out
}

/// What Replit's agent noted of databases: `.agents/memory/*db*.md` and the like, which the scan itself passes over.
fn memory(root: &Path) -> Vec<(String, String)> {
    let folder = root.join(".agents/memory");
    let own = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    if !own(&root.join(".agents")) || !own(&folder) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let concerns = name.ends_with(".md") && ["db", "database", "deploy", "prod"].iter().any(|word| name.to_lowercase().contains(word));
        let small = file.metadata().is_ok_and(|m| m.is_file() && m.len() <= MAX_TEXT);
        if concerns
            && small
            && let Ok(text) = std::fs::read_to_string(file.path())
        {
            out.push((format!(".agents/memory/{name}"), text));
        }
    }
    out.sort();
    out
}
