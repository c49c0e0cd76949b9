//! A `package.json` as far as we need it: name, scripts, dependencies.
//! Never the lock file, and never a judgement about what is found.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One `package.json`. Unknown keys are of no interest; malformed ones leave the field empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Manifest {
    pub name: String,
    pub scripts: BTreeMap<String, String>,
    pub dependencies: BTreeMap<String, serde_json::Value>,
    pub dev_dependencies: BTreeMap<String, serde_json::Value>,
    pub package_manager: Option<String>,
    pub engines: BTreeMap<String, serde_json::Value>,
    pub workspaces: serde_json::Value,
    pub peer_dependencies: BTreeMap<String, serde_json::Value>,
    pub optional_dependencies: BTreeMap<String, serde_json::Value>,
}

impl Manifest {
    /// `None` if the text is not a `package.json`.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// In `dependencies` or `devDependencies`.
    pub fn depends_on(&self, package: &str) -> bool {
        self.dependencies.contains_key(package) || self.dev_dependencies.contains_key(package)
    }

    /// Declared in any of its lists.
    pub fn has(&self, package: &str) -> bool {
        self.depends_on(package) || self.peer_dependencies.contains_key(package) || self.optional_dependencies.contains_key(package)
    }

    pub fn script(&self, name: &str) -> Option<String> {
        self.scripts.get(name).cloned()
    }
}
