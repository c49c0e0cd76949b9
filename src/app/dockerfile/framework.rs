//! What the app's frameworks want of its image: the rows of `assets/files/frameworks.toml` that apply.
//! Never a framework's name in code.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::env::EnvPlan;
use super::super::placeholder;
use super::super::scan::Scan;
use super::super::service::Service;
use crate::error::{Context, Kind, Result};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    name: String,
    #[serde(default)]
    pub build_env: BTreeMap<String, String>,
    #[serde(default)]
    pub run_env: BTreeMap<String, String>,
    #[serde(default)]
    placeholders: BTreeMap<String, String>,
    before: Option<String>,
    needs: Option<String>,
    pub serve: Option<String>,
    instead_of: Option<String>,
    package: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    framework: Vec<Framework>,
}

/// Those of the app.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn of(scan: &Scan) -> Result<Vec<Framework>> {
    let table: Table = toml::from_str(include_str!("../../../assets/files/frameworks.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/frameworks.toml",
        "report this",
    )?;
    Ok(table.framework.into_iter().filter(|f| scan.stack.frameworks.contains(&f.name)).collect())
}

/// `export NAME=value …` in front of a build that loads the app's code: what the code reads and nobody can give while building.
/// Arguments of the build keep their own value.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn placeholders(scan: &Scan, plan: &EnvPlan, services: &[&Service], frameworks: &[Framework]) -> Result<String> {
    if frameworks.iter().all(|f| f.placeholders.is_empty()) {
        return Ok(String::new());
    }
    let read = |name: &String| scan.variables.iter().any(|v| v.name == *name);
    let own = frameworks.iter().flat_map(|f| &f.placeholders).filter(|(name, _)| read(name));
    let table = placeholder::Table::read()?;
    let mut pairs: BTreeMap<&str, &str> = BTreeMap::new();
    for service in services {
        pairs.extend(table.wanted(scan, plan, service).filter(|(name, _)| !plan.build.contains_key(*name)));
    }
    pairs.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
    let quoted = |value: &str| if value.contains(['$', '&', ' ', ';']) { format!("\"{value}\"") } else { value.to_owned() };
    let list: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    Ok(if list.is_empty() { String::new() } else { format!("export {}", list.join(" \\\n      ")) })
}

/// Build steps besides the app's own.
pub fn before(scan: &Scan, frameworks: &[Framework]) -> Vec<String> {
    let holds = |f: &&Framework| f.needs.as_deref() != Some("STATIC_ROOT") || scan.layout.static_root;
    frameworks.iter().filter(holds).filter_map(|f| f.before.clone()).collect()
}

/// The row whose development server the command is, when what should serve instead is there.
pub fn serving<'a>(scan: &Scan, frameworks: &'a [Framework], words: &[String]) -> Option<&'a Framework> {
    frameworks.iter().find(|f| {
        f.instead_of.as_ref().is_some_and(|dev| words.contains(dev))
            && f.package.as_ref().is_some_and(|p| scan.layout.python.contains(p))
            && scan.layout.wsgi.is_some()
    })
}
