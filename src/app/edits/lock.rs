//! The app's package manager as a person types it, and its lock file: what renews it, and what is to be said when packages change without it.
//! Never touches a lock file: the package manager does.

use std::collections::BTreeMap;

use super::work::{Item, Work};

/// Where nothing says otherwise.
const NPM: (&str, &str, &str, &str) = ("npm", "package-lock.json", "npm install", "npx");
/// Name, lock file, what installs, what runs a package's program.
const NODE: &[(&str, &str, &str, &str)] = &[
    ("pnpm", "pnpm-lock.yaml", "pnpm install", "pnpm exec"),
    NPM,
    ("yarn", "yarn.lock", "yarn install", "yarn"),
    ("bun", "bun.lock", "bun install", "bunx"),
    ("bun", "bun.lockb", "bun install", "bunx"),
];
const PYTHON: [(&str, &str); 2] = [("uv.lock", "uv lock"), ("poetry.lock", "poetry lock")];
/// What a lock file of Node follows in `package.json`.
const PACKAGES: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// What the app's packages are locked with.
#[derive(Debug, Clone)]
pub struct Lock {
    /// `pnpm install`.
    pub install: &'static str,
    /// `pnpm exec`: before the name of a program that a package brings.
    pub exec: &'static str,
    node: Option<&'static str>,
    python: Option<(&'static str, &'static str)>,
}

impl Lock {
    /// `has`: a file of that name is in the app's root.
    pub fn of(files: &[(String, String)], has: &dyn Fn(&str) -> bool) -> Self {
        let root = files.iter().find(|(path, _)| path == "package.json").map_or("", |(_, text)| text.as_str());
        let named = serde_json::from_str::<serde_json::Value>(root)
            .ok()
            .and_then(|value| Some(value.get("packageManager")?.as_str()?.split('@').next()?.to_owned()));
        let by_name = || NODE.iter().find(|(name, ..)| named.as_deref() == Some(*name));
        let by_file = || NODE.iter().find(|(_, file, ..)| has(file));
        let workspace = || NODE.iter().find(|(name, ..)| *name == "pnpm" && has("pnpm-workspace.yaml"));
        let (name, _, install, exec) = *by_name().or_else(workspace).or_else(by_file).unwrap_or(&NPM);
        Self {
            install,
            exec,
            node: NODE.iter().find(|(its, file, ..)| *its == name && has(file)).map(|(_, file, ..)| *file),
            python: PYTHON.into_iter().find(|(file, _)| has(file)),
        }
    }

    /// What renews the lock file of the Python packages; `None`: they have none.
    pub fn python(&self) -> Option<&'static str> {
        self.python.map(|(_, command)| command)
    }

    /// Lock files that no longer say what their packages' files ask for.
    pub fn items(&self, before: &[(String, String)], work: &Work) -> Vec<Item> {
        let changed = |is: &dyn Fn(&str) -> bool, same: &dyn Fn(&str, &str) -> bool| {
            before.iter().find(|(path, text)| is(path) && work.text(path).is_some_and(|now| !same(text, now))).map(|(path, _)| path.clone())
        };
        let packages = |text: &str| -> Option<BTreeMap<&'static str, serde_json::Value>> {
            let mut all: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(PACKAGES.into_iter().filter_map(|kind| Some((kind, all.get_mut(kind)?.take()))).collect())
        };
        let node = changed(&|path| path == "package.json" || path.ends_with("/package.json"), &|a, b| packages(a) == packages(b));
        let python = changed(&|path| path == "pyproject.toml", &|a, b| a == b);
        let item = |file: &str, command: &str, asks: &str| Item {
            path: file.to_owned(),
            line: None,
            what: format!("run `{command}` and commit this file"),
            why: format!("{asks} asks for other packages now, and an image is built only from a lock file that agrees"),
        };
        let node = node.zip(self.node).map(|(asks, file)| item(file, self.install, &asks));
        let python = python.zip(self.python).map(|(asks, (file, command))| item(file, command, &asks));
        node.into_iter().chain(python).collect()
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::of(&[], &|_| false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_apps_own_package_manager_is_named() {
        let of = |manifest: &str, there: &'static [&'static str]| {
            let lock = Lock::of(&[("package.json".to_owned(), manifest.to_owned())], &|file| there.contains(&file));
            (lock.install, lock.exec, lock.node, lock.python())
        };
        assert_eq!(of("{}", &[]), ("npm install", "npx", None, None));
        assert_eq!(of("{}", &["pnpm-lock.yaml", "package-lock.json"]), ("pnpm install", "pnpm exec", Some("pnpm-lock.yaml"), None));
        assert_eq!(of("{}", &["yarn.lock", "poetry.lock"]), ("yarn install", "yarn", Some("yarn.lock"), Some("poetry lock")));
        assert_eq!(of("{}", &["bun.lockb"]), ("bun install", "bunx", Some("bun.lockb"), None));
        assert_eq!(of(r#"{"packageManager":"yarn@4.5.0"}"#, &["package-lock.json"]), ("yarn install", "yarn", None, None));
        assert_eq!(of("{}", &["uv.lock"]).3, Some("uv lock"));
    }

    #[test]
    fn a_lock_file_is_named_only_where_packages_changed() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let before = [file("package.json", r#"{"scripts":{"a":"b"},"dependencies":{"pg":"8"}}"#), file("pyproject.toml", "a = 1\n")];
        let lock = Lock::of(&before, &|file| ["pnpm-lock.yaml", "uv.lock"].contains(&file));
        let items = |after: &[(String, String)]| {
            let work = Work::new(after, &BTreeSet::new(), &crate::app::needs::Decided::default());
            lock.items(&before, &work).iter().map(|item| format!("{}: {}", item.path, item.what)).collect::<Vec<_>>()
        };
        assert_eq!(items(&before), [] as [&str; 0]);
        let scripts = [file("package.json", r#"{"scripts":{"a":"c"},"dependencies":{"pg":"8"}}"#), before[1].clone()];
        assert_eq!(items(&scripts), [] as [&str; 0], "a script is none of its matters");
        let packages = [file("package.json", r#"{"dependencies":{"pg":"9"}}"#), file("pyproject.toml", "a = 2\n")];
        assert_eq!(
            items(&packages),
            ["pnpm-lock.yaml: run `pnpm install` and commit this file", "uv.lock: run `uv lock` and commit this file"]
        );
    }
}
