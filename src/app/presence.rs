//! Whether a folder holds an app at all: the files by which one is known are looked for by name.
//! Opens none of them, and never says what the app is.

use std::path::Path;

use super::beside;
use crate::error::{Error, Kind, Result};

/// Any of these makes a folder an app's; so do the files of other stacks in `assets/services.toml`.
const MARKS: &[&str] = &[
    ".replit",
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "main.py",
    "manage.py",
    "index.html",
    "composer.json",
    "replit.nix",
    "Procfile",
    "pnpm-workspace.yaml",
    "nx.json",
];
/// As many are named to a person.
const NAMED: usize = 8;

/// # Errors
/// `Input` if nothing in `dir` says that an app is there; the error names folders below it that look like one. `Bug` if our table is wrong.
pub fn check(dir: &Path) -> Result<()> {
    // what is no folder, or cannot be listed, is told by who reads it
    if std::fs::read_dir(dir).is_err() {
        return Ok(());
    }
    let table = beside::Table::read()?;
    let is_app = |dir: &Path| {
        MARKS.iter().copied().chain(table.stacks.keys().map(String::as_str)).any(|mark| dir.join(mark).symlink_metadata().is_ok())
    };
    if is_app(dir) {
        return Ok(());
    }
    let shown = if dir == Path::new(".") { "this folder".to_owned() } else { dir.display().to_string() };
    let mut below: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| is_app(&entry.path()))
        .map(|entry| dir.join(entry.file_name()).display().to_string())
        .collect();
    below.sort();
    let error = Error::new(Kind::Input, format!("{shown} holds no app")).cause(format!(
        "looked for {} and the like; none of them is there",
        MARKS.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")
    ));
    Err(match below.first() {
        Some(first) => {
            let hint = format!("name the app's folder, as DIR or with --dir: {first}");
            error.cause(format!("below it there are: {}", below.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))).hint(hint)
        }
        None => error.hint("name the app's folder, as DIR or with --dir; an app at Replit comes by git, or as a zip file to unpack"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_known_by_its_files_and_folders_below_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        put("notes.txt");
        let error = check(dir.path()).unwrap_err();
        assert!(error.kind == Kind::Input && error.causes[0].contains(".replit, package.json, pyproject.toml"), "{error}");
        put("shop/package.json");
        put("docs/a.txt");
        let error = check(dir.path()).unwrap_err();
        assert!(error.hint.ends_with("shop") && !error.causes[1].contains("docs"), "{error}");
        put("go.mod");
        assert_eq!(check(dir.path()), Ok(()));
        assert_eq!(check(&dir.path().join("shop")), Ok(()));
        assert_eq!(check(&dir.path().join("nowhere")), Ok(()), "who reads it says so");
    }
}
