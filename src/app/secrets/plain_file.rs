//! The plain variables that a person gave for an app and environment: a small TOML file beside the runs, which may be edited by hand.
//! Never a secret: what looks like one is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::hide;
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

const HEAD: &str = "# Plain variables of the services on AWS: they stand in the task definition, where everybody who may read it sees them.\n\
                    # Secrets are not here: migrate-wizard secrets import\n";

/// `<app folder>/.migrate-wizard/environment/<app>-<environment>.toml`
pub fn path(app_dir: &Path, prefix: &str) -> PathBuf {
    app_dir.join(own_folder::NAME).join("environment").join(format!("{prefix}.toml"))
}

/// The variables; none when there is no such file.
///
/// # Errors
/// `Input` if it is not TOML or holds what looks like a credential; the error shows no value.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).or_fail(Kind::Input, format!("cannot read {shown}"), "check its permissions"),
    };
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        // what toml says shows the line, and with it a value
        Error::new(Kind::Input, format!("{shown}: line {line} is not NAME = \"value\" below [variables]"))
            .hint("correct that line, or delete the file and import again")
    })?;
    match file.variables.iter().find(|(_, value)| hide::is_secret_value(value)) {
        Some((name, _)) => Err(Error::new(Kind::Input, format!("{shown}: the value of {name} looks like a credential"))
            .hint("take it out of the file and keep it as a secret: migrate-wizard secrets import")),
        None => Ok(file.variables),
    }
}

/// Adds variables to the file; returns the names whose value is new or another one. Whole or not at all.
pub fn add(path: &Path, variables: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut all = read(path)?;
    let changed: Vec<String> =
        variables.iter().filter(|(name, value)| all.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect();
    if changed.is_empty() {
        return Ok(changed);
    }
    all.extend(variables.clone());
    let text = toml::to_string(&File { variables: all }).map_err(|e| Error::bug(format!("variables cannot be written: {e}")))?;
    let what = format!("cannot write {}", path.display());
    let hint = "check that the folder can be written to";
    if let Some(parent) = path.parent() {
        own_folder::make(parent).or_fail(Kind::Failed, &what, hint)?;
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, format!("{HEAD}{text}")).and_then(|()| std::fs::rename(&partial, path)).or_fail(Kind::Failed, &what, hint)?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_kept_and_secrets_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "shop-staging");
        assert_eq!(read(&path), Ok(BTreeMap::new()));
        let all = BTreeMap::from([("TENANT_ID".to_owned(), "a \"b\" = c".to_owned())]);
        assert_eq!(add(&path, &all), Ok(vec!["TENANT_ID".to_owned()]));
        assert_eq!(add(&path, &all), Ok(vec![]));
        assert_eq!(read(&path), Ok(all));
        std::fs::write(&path, "[variables]\nA = \"https://u:hunter2@h/\"\n").unwrap();
        assert!(!read(&path).unwrap_err().to_string().contains("hunter2"));
        std::fs::write(&path, "[variables]\nA = hunter2\n").unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.what.contains("line 2") && !error.to_string().contains("hunter2"), "{error}");
    }
}
