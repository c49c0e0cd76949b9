//! Operating-system packages: from Nix names and from npm packages to what `apt-get` installs.
//! Never decides more than `assets/files/apt.toml` says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::tree::Tree;
use crate::error::{Context, Kind, Result};

/// A system package that the app asks for, and what it becomes in a Debian image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPackage {
    /// The name in `.replit`, `replit.nix` or `package.json`.
    pub name: String,
    /// Debian packages; empty when nothing is needed or nothing is known.
    pub apt: Vec<String>,
    /// Debian packages for the build stage only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build: Vec<String>,
    /// Environment the image must set.
    pub env: BTreeMap<String, String>,
    pub note: String,
    /// The name is in our table.
    pub known: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    nix: BTreeMap<String, Row>,
    npm: BTreeMap<String, Row>,
    pip: BTreeMap<String, Row>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    apt: Vec<String>,
    #[serde(default)]
    build: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    note: String,
}

static PKGS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"pkgs\.([A-Za-z0-9_.-]+)").ok());

/// What the app's files ask for, once each.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn read(tree: &Tree, replit: Option<&ReplitFile>, manifests: &[(String, Manifest)], python: &[String]) -> Result<Vec<SystemPackage>> {
    let table: Table = toml::from_str(include_str!("../../assets/files/apt.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/apt.toml",
        "report this",
    )?;
    let mut names: Vec<String> = replit.map(|r| r.nix_packages.clone()).unwrap_or_default();
    for file in ["replit.nix", ".replit.nix"] {
        let text = tree.text(file).unwrap_or("");
        let lines = text.lines().filter(|l| !l.trim_start().starts_with('#'));
        names.extend(
            lines.flat_map(|l| PKGS.iter().flat_map(move |p| p.captures_iter(l))).filter_map(|c| c.get(1)).map(|m| m.as_str().to_owned()),
        );
    }
    let package = |name: &str, row: Option<&Row>| SystemPackage {
        name: name.to_owned(),
        apt: row.map(|r| r.apt.clone()).unwrap_or_default(),
        build: row.map(|r| r.build.clone()).unwrap_or_default(),
        env: row.map(|r| r.env.clone()).unwrap_or_default(),
        note: row.map_or_else(
            || "not in our table: find the Debian package and add it to the Dockerfile if the app needs it".to_owned(),
            |r| r.note.clone(),
        ),
        known: row.is_some(),
    };
    let mut out: Vec<SystemPackage> = names
        .iter()
        .map(|name| {
            let row = table.nix.get(name).or_else(|| {
                table.nix.iter().find(|(key, _)| key.ends_with('*') && name.starts_with(key.trim_end_matches('*'))).map(|(_, row)| row)
            });
            package(name, row)
        })
        .collect();
    for (name, row) in &table.npm {
        if manifests.iter().any(|(_, m)| m.dependencies.contains_key(name)) {
            out.push(package(name, Some(row)));
        }
    }
    for (name, row) in table.pip.iter().filter(|(name, _)| python.contains(name)) {
        out.push(package(name, Some(row)));
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out.dedup_by(|a, b| a.name == b.name);
    Ok(out)
}
