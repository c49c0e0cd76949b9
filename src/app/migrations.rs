//! How an app runs its schema migrations: its own script, else what its files stand for; and the development packages that this takes.
//! Never runs them, and never names a push of a schema without migrations: that may drop columns.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::service::run_script;
use super::stack::{PackageManager, Stack};
use super::tree::Tree;
use super::workspace;
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
    /// The folder of the package of the workspace that it is of; empty: the root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
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

fn ways() -> Result<Ways> {
    toml::from_str(WAYS).map_err(|e| Error::bug("assets/migrations.toml cannot be read").because(&e))
}

/// What the app runs, if it has migrations: the root's own, else those of a package of the workspace.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn read(tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)]) -> Result<Option<Migrations>> {
    let ways = ways()?;
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    let found = of_root(&ways, tree, stack, root);
    Ok(found.or_else(|| of_members(&ways, tree, stack, manifests).into_iter().find_map(|member| member.run)))
}

fn of_root(ways: &Ways, tree: &Tree, stack: &Stack, root: Option<&Manifest>) -> Option<Migrations> {
    let found = ways.runs.iter().find_map(|way| {
        if root.is_some_and(|root| root.scripts.contains_key(&way.script)) {
            return Some((run_script(stack.package_manager, &way.script), format!("package.json: {}", way.script)));
        }
        let is_there = !way.file.is_empty() && (tree.has(&way.file) || tree.has_dir(&way.file));
        is_there.then(|| (way.command.clone(), way.file.clone()))
    });
    found.map(|(command, from)| {
        let mut packages = BTreeMap::new();
        if let Some(root) = root {
            let mut need = Need { tree, root, programs: &ways.programs, packages: &mut packages };
            need.line(&command, DEEPEST);
            if !need.packages.is_empty() {
                ways.settings.iter().for_each(|file| need.imports(file));
            }
        }
        Migrations { command, from, dir: String::new(), packages }
    })
}

/// Migrations of a package that is not the root's.
struct Member {
    /// As [`Migrations::from`].
    from: String,
    /// `None`: no command of the root runs it.
    run: Option<Migrations>,
}

/// Each package below the root that has migrations, what is looked for first in front.
fn of_members(ways: &Ways, tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)]) -> Vec<Member> {
    let members = workspace::members(tree, manifests);
    let mut seen: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for way in &ways.runs {
        for (dir, manifest) in manifests.iter().filter(|(dir, _)| !dir.is_empty()) {
            let file = format!("{dir}/{}", way.file);
            let program = way.command.strip_prefix("npx ").filter(|_| tree.has(&file) || tree.has_dir(&file));
            let is_script = manifest.scripts.contains_key(&way.script);
            if seen.contains(&dir.as_str()) || !(is_script || program.is_some()) {
                continue;
            }
            seen.push(dir);
            let from = if is_script { format!("{dir}/package.json: {}", way.script) } else { file.clone() };
            let name = Some(manifest.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| format!("./{dir}"));
            let line =
                if is_script { in_package(stack, &name, &way.script) } else { program.and_then(|line| by_program(stack, &name, line)) };
            let command = line.filter(|_| members.as_ref().is_some_and(|members| members.is_match(dir)));
            let run = command.map(|command| Migrations { command, from: from.clone(), dir: dir.clone(), packages: BTreeMap::new() });
            out.push(Member { from, run });
        }
    }
    out
}

/// A script of a package of the workspace, from any folder of it; all packages of a workspace stay in its image.
fn in_package(stack: &Stack, name: &str, script: &str) -> Option<String> {
    Some(match stack.package_manager {
        PackageManager::Pnpm => format!("pnpm --filter {name} run {script}"),
        PackageManager::Yarn => format!("yarn workspace {name} run {script}"),
        PackageManager::Bun => format!("bun run --filter {name} {script}"),
        PackageManager::Npm => format!("npm run {script} --workspace {name}"),
        PackageManager::Pip | PackageManager::Uv | PackageManager::Poetry | PackageManager::Composer | PackageManager::None => return None,
    })
}

/// A program of a package of the workspace, in its folder.
fn by_program(stack: &Stack, name: &str, line: &str) -> Option<String> {
    Some(match stack.package_manager {
        PackageManager::Pnpm => format!("pnpm --filter {name} exec {line}"),
        PackageManager::Yarn => format!("yarn workspace {name} run {line}"),
        PackageManager::Npm => format!("npm exec --workspace {name} -- {line}"),
        PackageManager::Bun
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => return None,
    })
}

/// What a person is told of migrations that lie in a package below the root.
///
/// # Errors
/// As [`read`].
pub fn elsewhere(tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)]) -> Result<Vec<String>> {
    let ways = ways()?;
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    if of_root(&ways, tree, stack, root).is_some() {
        return Ok(Vec::new());
    }
    let mut is_run = false;
    let told = of_members(&ways, tree, stack, manifests).into_iter().map(|member| match member.run.filter(|_| !is_run) {
        Some(run) => {
            is_run = true;
            format!(
                "the migrations are those of {}: the pipeline runs `{}`; --migrate COMMAND of app pipeline is another",
                run.from, run.command
            )
        }
        None => format!("the pipeline does not run the migrations of {}: app pipeline --migrate COMMAND names what does", member.from),
    });
    Ok(told.collect())
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
    fn migrations_of_a_package_of_the_workspace_run_there_and_others_are_told() {
        let api = r#"{"name":"@m/api","scripts":{"start":"node a.js","db:migrate":"node dist/migrate.js"},"dependencies":{"express":"5"}}"#;
        let other = r#"{"name":"other","scripts":{"start":"node a.js","migrate":"node b.js"},"dependencies":{"express":"5"}}"#;
        let of = |more: &[(&str, &str)]| {
            let scan = App::new(&[&[("apps/api/package.json", api)], more].concat()).scan();
            let told = scan.notes.iter().filter(|note| note.contains("migrations of") || note.contains("migrations are")).count();
            (scan.migrations.map(|found| (found.command, found.dir)), told)
        };
        let there = |command: &str, dir: &str| Some((command.to_owned(), dir.to_owned()));
        let npm = ("package.json", r#"{"name":"m","workspaces":["apps/*"]}"#);
        let pnpm = ("pnpm-workspace.yaml", "packages:\n  - apps/*\n");
        let plain = ("package.json", r#"{"name":"m"}"#);
        assert_eq!(of(&[npm]), (there("npm run db:migrate --workspace @m/api", "apps/api"), 1));
        assert_eq!(of(&[plain, pnpm]), (there("pnpm --filter @m/api run db:migrate", "apps/api"), 1));
        let yarn = ("yarn.lock", "");
        assert_eq!(of(&[npm, yarn]), (there("yarn workspace @m/api run db:migrate", "apps/api"), 1));
        assert_eq!(of(&[npm, ("apps/other/package.json", other)]), (there("npm run db:migrate --workspace @m/api", "apps/api"), 2));
        // no package of a workspace, and a root with its own
        assert_eq!(of(&[plain]), (None, 1));
        let root = ("package.json", r#"{"name":"m","workspaces":["apps/*"],"scripts":{"migrate":"x"}}"#);
        assert_eq!(of(&[root]), (there("npm run migrate", ""), 0));
        let database = r#"{"name":"db"}"#;
        let scan = App::new(&[npm, ("apps/db/package.json", database), ("apps/db/prisma/migrations/1/migration.sql", "")]).scan();
        assert_eq!(scan.migrations.unwrap().command, "npm exec --workspace db -- prisma migrate deploy");
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
