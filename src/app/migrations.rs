//! How an app runs its schema migrations: its own script, else what its files stand for.
//! Never runs them, and never names a push of a schema without migrations: that may drop columns.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::scan::Scan;
use super::service::run_script;
use crate::error::{Error, Result};

const WAYS: &str = include_str!("../../assets/migrations.toml");

/// A command that brings the database to what the code expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrations {
    /// As a person would type it, in the app's root.
    pub command: String,
    /// What says so: `package.json: db:migrate`, `prisma/migrations`.
    pub from: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ways {
    runs: Vec<Way>,
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

/// What the app in `dir` runs, if it has migrations.
pub fn migrations(dir: &Path, scan: &Scan) -> Result<Option<Migrations>> {
    let ways: Ways = toml::from_str(WAYS).map_err(|e| Error::bug("assets/migrations.toml cannot be read").because(&e))?;
    Ok(ways.runs.into_iter().find_map(|way| {
        if scan.scripts.contains(&way.script) {
            let command = run_script(scan.stack.package_manager, &way.script);
            return Some(Migrations { command, from: format!("package.json: {}", way.script) });
        }
        (!way.file.is_empty() && dir.join(&way.file).exists()).then_some(Migrations { command: way.command, from: way.file })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Reporter;

    fn found(files: &[(&str, &str)]) -> Option<Migrations> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let scan = super::super::scan(dir.path(), &Reporter::silent()).unwrap();
        migrations(dir.path(), &scan).unwrap()
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
}
