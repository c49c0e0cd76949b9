//! Finding PostgreSQL's own programs (pg_dump, initdb, …) and their versions on this machine.
//! Never installs anything.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::{Error, Kind, Result};

/// A program and the major version of PostgreSQL that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub path: PathBuf,
    pub major: u32,
}

impl Program {
    /// The folder of the program, where its siblings are.
    pub fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

/// The program with the lowest major version that is at least `min_major`: closest to the server, and new enough for it.
pub async fn find(name: &str, min_major: u32) -> Result<Program> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in folders().into_iter().map(|folder| folder.join(name)) {
        if path.is_file() && !is_wrapper(&path) && !paths.contains(&path) {
            paths.push(path);
        }
    }
    // All at once: some are scripts that take their time to say what they are.
    let asked = paths.into_iter().map(|path| async move { major(&path).await.map(|major| Program { path, major }) });
    let found: Vec<Program> = futures_util::future::join_all(asked).await.into_iter().flatten().collect();
    let newest = found.iter().map(|program| program.major).max();
    found.into_iter().filter(|program| program.major >= min_major).min_by_key(|program| program.major).ok_or_else(|| {
        let what = match newest {
            Some(newest) => format!("{name} {min_major} or newer is needed, the newest here is {newest}"),
            None => format!("{name} was not found"),
        };
        Error::new(Kind::Input, what).hint(format!(
            "install PostgreSQL {min_major} or newer (Debian and Ubuntu: the repository apt.postgresql.org, package postgresql-client-{min_major}; macOS: brew install postgresql@{min_major}), or name the folder of its programs in MIGRATE_WIZARD_PG_BIN"
        ))
    })
}

/// Debian's script that starts one of the programs which its packages put side by side: those are looked at themselves.
fn is_wrapper(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.file_name().is_some_and(|name| name == "pg_wrapper"))
}

/// The program in this folder, and no other.
pub async fn in_folder(folder: &Path, name: &str) -> Result<Program> {
    let path = folder.join(name);
    let major = major(&path).await;
    major.map(|major| Program { path, major }).ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no {name} of PostgreSQL in {}", folder.display()))
            .hint("name the folder that holds its programs")
    })
}

/// Where to look, in order: MIGRATE_WIZARD_PG_BIN (one or more folders), PATH, then where packages put versions side by side.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for name in ["MIGRATE_WIZARD_PG_BIN", "PATH"] {
        folders.extend(std::env::var_os(name).iter().flat_map(std::env::split_paths));
    }
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/opt/homebrew/opt", "libpq", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/usr/local/opt", "libpq", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix)).map(|e| e.path().join(below)));
    }
    folders
}

async fn major(path: &Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").kill_on_drop(true).output().await.ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// `pg_dump (PostgreSQL) 16.14 (Debian …)` → 16; also `17beta1`.
fn parse_major(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("(PostgreSQL) ")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wrapper_is_passed_over_for_what_it_would_start() {
        let found = find("pg_dump", 1).await.unwrap();
        assert!(!is_wrapper(&found.path), "{}", found.path.display());
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("pg_wrapper");
        std::fs::write(&script, "").unwrap();
        std::os::unix::fs::symlink(&script, folder.path().join("pg_dump")).unwrap();
        assert!(is_wrapper(&folder.path().join("pg_dump")) && !is_wrapper(&folder.path().join("absent")));
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_major("pg_dump (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("something else"), None);
    }
}
