//! How an app runs its schema migrations: its own script, else what its files stand for; and the development packages that this takes.
//! Never runs them, and never names a push of a schema without migrations: that may drop columns.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::service::run_script;
use super::stack::Stack;
use super::tree::Tree;
use crate::error::{Error, Result};

const WAYS: &str = include_str!("../../assets/migrations.toml");
/// A script calls another one so often at most.
const DEEPEST: u8 = 4;

/// A command that brings the database to what the code expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrations {
    /// As a person would type it, in the app's root.
    pub command: String,
    /// What says so: `package.json: db:migrate`, `prisma/migrations`.
    pub from: String,
    /// Development packages of the root that it needs, in the version that is asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ways {
    runs: Vec<Way>,
    programs: BTreeMap<String, String>,
    settings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Way {
    #[serde(default)]
    script: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    command: String,
}

static IMPORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*["']([^"'.][^"']*)["']"#).ok());

/// What the app runs, if it has migrations.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn read(tree: &Tree, stack: &Stack, root: Option<&Manifest>) -> Result<Option<Migrations>> {
    let ways: Ways = toml::from_str(WAYS).map_err(|e| Error::bug("assets/migrations.toml cannot be read").because(&e))?;
    let found = ways.runs.iter().find_map(|way| {
        if root.is_some_and(|root| root.scripts.contains_key(&way.script)) {
            return Some((run_script(stack.package_manager, &way.script), format!("package.json: {}", way.script)));
        }
        let is_there = !way.file.is_empty() && (tree.has(&way.file) || tree.has_dir(&way.file));
        is_there.then(|| (way.command.clone(), way.file.clone()))
    });
    Ok(found.map(|(command, from)| {
        let mut packages = BTreeMap::new();
        if let Some(root) = root {
            let mut need = Need { tree, root, programs: &ways.programs, packages: &mut packages };
            need.line(&command, DEEPEST);
            if !need.packages.is_empty() {
                ways.settings.iter().for_each(|file| need.imports(file));
            }
        }
        Migrations { command, from, packages }
    }))
}

/// Which development packages a command comes to.
struct Need<'a> {
    tree: &'a Tree,
    root: &'a Manifest,
    programs: &'a BTreeMap<String, String>,
    packages: &'a mut BTreeMap<String, String>,
}

impl Need<'_> {
    fn package(&mut self, name: &str) {
        if let Some(range) = self.root.dev_dependencies.get(name).and_then(|range| range.as_str()) {
            self.packages.insert(name.to_owned(), range.to_owned());
        }
    }

    /// A word of the line may be a program of a package, a script, or a file.
    fn line(&mut self, line: &str, deep: u8) {
        for word in line.split(|c: char| c.is_whitespace() || "&|;()\"'".contains(c)).filter(|word| !word.is_empty()) {
            let package = self.programs.get(word).map_or(word, String::as_str).to_owned();
            self.package(&package);
            if let Some(body) = self.root.scripts.get(word).filter(|_| deep > 0) {
                self.line(body, deep - 1);
            }
            self.imports(word.trim_start_matches("./"));
        }
    }

    /// What a file of the app imports, by the package's name.
    fn imports(&mut self, file: &str) {
        let (Some(text), Some(import)) = (self.tree.text(file), IMPORT.as_ref()) else { return };
        for module in import.captures_iter(text).filter_map(|found| found.get(1)) {
            let parts: Vec<&str> = module.as_str().split('/').take(if module.as_str().starts_with('@') { 2 } else { 1 }).collect();
            self.package(&parts.join("/"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Option<Migrations> {
        App::new(files).scan().migrations
    }

    #[test]
    fn a_script_comes_before_a_folder_and_a_push_is_no_migration() {
        let scripts = r#"{"name":"a","scripts":{"db:migrate":"drizzle-kit migrate","db:push":"drizzle-kit push"}}"#;
        let with_both = found(&[("package.json", scripts), ("pnpm-lock.yaml", ""), ("prisma/migrations/1/migration.sql", "")]).unwrap();
        assert_eq!((with_both.command.as_str(), with_both.from.as_str()), ("pnpm run db:migrate", "package.json: db:migrate"));
        let folder = found(&[("package.json", r#"{"name":"a"}"#), ("prisma/migrations/1/migration.sql", "")]).unwrap();
        assert_eq!(folder.command, "npx prisma migrate deploy");
        assert_eq!(found(&[("package.json", r#"{"name":"a","scripts":{"db:push":"drizzle-kit push"}}"#)]), None);
    }

    #[test]
    fn development_packages_are_found_through_scripts_files_and_settings() {
        let packages = |files: &[(&str, &str)]| -> Vec<String> {
            found(files).unwrap().packages.into_iter().map(|(name, range)| format!("{name}@{range}")).collect()
        };
        let manifest = r#"{"name":"a","scripts":{"db:migrate":"npm run gen && NODE_ENV=production tsx ./scripts/up.ts","gen":"sequelize db:x"},
            "dependencies":{"pg":"8"},"devDependencies":{"tsx":"4","sequelize-cli":"6","kysely-ctl":"1","vite":"7","drizzle-kit":"^0.31.4","dotenv":"16"}}"#;
        let script = "import { up } from 'kysely-ctl/run';\nimport pg from \"pg\";\nimport { a } from './vite';\n";
        assert_eq!(packages(&[("package.json", manifest), ("scripts/up.ts", script)]), ["kysely-ctl@1", "sequelize-cli@6", "tsx@4"]);
        let manifest = manifest.replace("db:migrate", "other");
        let settings = "import 'dotenv/config';\nimport { defineConfig } from \"drizzle-kit\";\n";
        assert_eq!(
            packages(&[("package.json", &manifest), ("migrations/meta/_journal.json", "{}"), ("drizzle.config.ts", settings)]),
            ["dotenv@16", "drizzle-kit@^0.31.4"]
        );
        let production = r#"{"name":"a","scripts":{"db:migrate":"drizzle-kit migrate"},"dependencies":{"drizzle-kit":"1"}}"#;
        assert_eq!(packages(&[("package.json", production)]), [] as [&str; 0]);
    }
}
