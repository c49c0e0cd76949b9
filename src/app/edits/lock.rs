//! The app's package manager as a person types it, and its lock file: what renews it, and what is to be said when packages change without it.
//! Never touches a lock file: the package manager does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
/// Every lock file that is known.
pub const FILES: [&str; 7] = ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "uv.lock", "poetry.lock"];
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
        let named = serde_json::from_str::<Value>(root)
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

    /// Lock files that do not say what their packages' files ask for. `text`: what is in a lock file, where that can be read;
    /// of another it is known only that its packages' files have changed just now.
    pub fn items(&self, before: &[(String, String)], work: &Work, text: &dyn Fn(&str) -> Option<String>) -> Vec<Item> {
        let changed = |is: &dyn Fn(&str) -> bool, same: &dyn Fn(&str, &str) -> bool| {
            before.iter().find(|(path, text)| is(path) && work.text(path).is_some_and(|now| !same(text, now))).map(|(path, _)| path.clone())
        };
        let packages = |text: &str| -> Option<BTreeMap<&'static str, Value>> {
            let mut all: Value = serde_json::from_str(text).ok()?;
            Some(PACKAGES.into_iter().filter_map(|kind| Some((kind, all.get_mut(kind)?.take()))).collect())
        };
        let asks = |path: &str| path == "package.json" || path.ends_with("/package.json");
        let behind = |file: &str, asks: &str| {
            let (lock, now) = (text(file)?, work.text(asks)?);
            agrees(file, &lock, now).map(|agrees| (!agrees).then(|| asks.to_owned()))
        };
        let node = self.node.and_then(|file| {
            let by_change = || changed(&asks, &|a, b| packages(a) == packages(b));
            Some((
                file,
                behind(file, "package.json").unwrap_or_else(by_change).or_else(|| by_change().filter(|path| path != "package.json"))?,
            ))
        });
        let python = self.python.and_then(|(file, command)| {
            let by_change = || changed(&|path| path == "pyproject.toml", &|a, b| a == b);
            Some((file, command, behind(file, "pyproject.toml").unwrap_or_else(by_change)?))
        });
        let node = node.map(|(file, asks)| item(file, self.install, &asks));
        let python = python.map(|(file, command, asks)| item(file, command, &asks));
        node.into_iter().chain(python).collect()
    }
}

const COMMIT: &str = "and commit this file";

fn item(file: &str, command: &str, asks: &str) -> Item {
    Item {
        path: file.to_owned(),
        line: None,
        what: format!("run `{command}` {COMMIT}"),
        why: format!("{asks} asks for other packages than it holds, and an image is built only from a lock file that agrees"),
        done: false,
    }
}

/// A line of the checklist is about a lock file.
pub fn is_item(line: &str) -> bool {
    FILES.iter().any(|file| line.contains(&format!(" {file}: run `"))) && line.contains(COMMIT)
}

/// The lock file holds what the packages' file asks for; `None`: that cannot be told from its text.
fn agrees(file: &str, lock: &str, asks: &str) -> Option<bool> {
    if PYTHON.iter().any(|(name, _)| *name == file) {
        let (lock, asks): (toml::Table, toml::Table) = (lock.parse().ok()?, asks.parse().ok()?);
        let held: BTreeSet<String> =
            lock.get("package")?.as_array()?.iter().filter_map(|package| Some(plain(package.get("name")?.as_str()?))).collect();
        return Some(asked_in_python(&asks).iter().all(|name| held.contains(name)));
    }
    let asks: Value = serde_json::from_str(asks).ok()?;
    let wanted: Vec<(&str, &str)> = PACKAGES
        .into_iter()
        .filter(|kind| *kind != "peerDependencies")
        .filter_map(|kind| asks.get(kind)?.as_object())
        .flatten()
        .filter_map(|(name, version)| Some((name.as_str(), version.as_str()?)))
        .collect();
    match file {
        "package-lock.json" => {
            let lock: Value = serde_json::from_str(lock).ok()?;
            let root = lock.get("packages")?.get("")?;
            let of =
                |from: &Value, kind: &str| from.get(kind).cloned().filter(|held| held.as_object().is_some_and(|held| !held.is_empty()));
            Some(PACKAGES.iter().all(|kind| of(root, kind) == of(&asks, kind)))
        }
        "pnpm-lock.yaml" => {
            let lock: serde_yaml_ng::Value = serde_yaml_ng::from_str(lock).ok()?;
            let root = lock.get("importers").and_then(|all| all.get(".")).unwrap_or(&lock);
            let held = |name: &str| {
                let of = |kind: &str| {
                    let package = root.get(kind)?.get(name)?;
                    package.get("specifier").and_then(|specifier| specifier.as_str()).map(str::to_owned)
                };
                PACKAGES.iter().find_map(|kind| of(kind))
            };
            Some(wanted.iter().all(|(name, version)| held(name).as_deref() == Some(*version)))
        }
        // `"a@^1", "a@^2":` in the first Yarn, `"a@npm:^1, a@npm:^2":` in later ones
        "yarn.lock" => {
            let heads: String = lock.lines().filter(|line| !line.starts_with([' ', '#'])).map(|line| format!("{line}\n")).collect();
            let held = |name: &str, version: &str| {
                [format!("{name}@{version}"), format!("{name}@npm:{version}")].iter().any(|asked| {
                    heads.match_indices(asked.as_str()).any(|(at, _)| {
                        let (head, tail) = (heads.get(..at).unwrap_or_default(), heads.get(at + asked.len()..).unwrap_or_default());
                        !head.ends_with(|c: char| c.is_alphanumeric() || "/@-_.".contains(c)) && tail.starts_with(['"', ',', ':'])
                    })
                }) || version.starts_with("file:") && heads.contains(&format!("{name}@{version}"))
            };
            Some(wanted.iter().all(|(name, version)| held(name, version)))
        }
        _ => None,
    }
}

/// Names of packages are alike in Python however they are written.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// The packages that a `pyproject.toml` asks for, for the running app.
fn asked_in_python(asks: &toml::Table) -> Vec<String> {
    let project = asks.get("project").and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    let listed = project.into_iter().flatten().filter_map(toml::Value::as_str).filter_map(|text| {
        text.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).next().filter(|name| !name.is_empty()).map(plain)
    });
    let poetry = asks.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")).and_then(toml::Value::as_table);
    let named = poetry.into_iter().flat_map(|table| table.keys()).filter(|name| *name != "python").map(|name| plain(name));
    listed.chain(named).collect()
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
            lock.items(&before, &work, &|_| None).iter().map(|item| format!("{}: {}", item.path, item.what)).collect::<Vec<_>>()
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

    #[test]
    fn a_lock_file_that_holds_what_is_asked_for_is_done() {
        let asks = r#"{"dependencies":{"pg":"^8.16.3","@aws-sdk/client-s3":"^3.700.0"},"devDependencies":{"tsx":"4"}}"#;
        for (file, then, lock) in [
            (
                "package-lock.json",
                Some(true),
                r#"{"packages":{"":{"name":"a","dependencies":{"@aws-sdk/client-s3":"^3.700.0","pg":"^8.16.3"},"devDependencies":{"tsx":"4"}}}}"#,
            ),
            ("package-lock.json", Some(false), r#"{"packages":{"":{"dependencies":{"pg":"^8.16.3"},"devDependencies":{"tsx":"4"}}}}"#),
            (
                "package-lock.json",
                Some(false),
                r#"{"packages":{"":{"dependencies":{"old":"1","@aws-sdk/client-s3":"^3.700.0","pg":"^8.16.3"},"devDependencies":{"tsx":"4"}}}}"#,
            ),
            ("package-lock.json", None, r#"{"dependencies":{}}"#),
            (
                "pnpm-lock.yaml",
                Some(true),
                "importers:\n  .:\n    dependencies:\n      pg:\n        specifier: ^8.16.3\n        version: 8.16.3\n      '@aws-sdk/client-s3':\n        specifier: ^3.700.0\n    devDependencies:\n      tsx:\n        specifier: '4'\n",
            ),
            ("pnpm-lock.yaml", Some(false), "importers:\n  .:\n    dependencies:\n      pg:\n        specifier: ^8.11.0\n"),
            (
                "yarn.lock",
                Some(true),
                "# yarn\n\n\"@aws-sdk/client-s3@^3.700.0\":\n  version \"3\"\n\npg@^8.11.0, pg@^8.16.3:\n  version \"8\"\n\ntsx@4:\n  version \"4\"\n",
            ),
            ("yarn.lock", Some(true), "\"@aws-sdk/client-s3@npm:^3.700.0\":\n\"pg@npm:^8.16.3, pg@npm:^8.0\":\n\"tsx@npm:4\":\n"),
            ("yarn.lock", Some(false), "\"@aws-sdk/client-s3@npm:^3.700.0\":\n\"node-pg@npm:^8.16.3\":\n\"tsx@npm:4\":\n"),
            ("bun.lockb", None, ""),
        ] {
            assert_eq!(agrees(file, lock, asks), then, "{file}: {lock}");
        }
        let asks = "[project]\ndependencies = [\"Flask>=3\", \"psycopg2_binary\"]\n[tool.poetry.dependencies]\npython = \"^3.11\"\nAuthlib = \"1\"\n";
        let lock = |names: &[&str]| names.iter().map(|name| format!("[[package]]\nname = \"{name}\"\n")).collect::<String>();
        assert_eq!(agrees("uv.lock", &lock(&["flask", "psycopg2-binary", "authlib", "x"]), asks), Some(true));
        assert_eq!(agrees("poetry.lock", &lock(&["flask", "psycopg2-binary"]), asks), Some(false));

        let before = [("package.json".to_owned(), r#"{"dependencies":{"pg":"8"}}"#.to_owned())];
        let work = Work::new(&before, &BTreeSet::new(), &crate::app::needs::Decided::default());
        let own = Lock::of(&before, &|file| file == "package-lock.json");
        let open = |lock: &str| own.items(&before, &work, &|_| Some(lock.to_owned())).len();
        assert_eq!((open(r#"{"packages":{"":{"dependencies":{"pg":"8"}}}}"#), open(r#"{"packages":{"":{}}}"#)), (0, 1));
        assert!(
            is_item("- [ ] package-lock.json: run `npm install` and commit this file (x)")
                && !is_item("- [ ] a.ts:1: run `x` and commit this file")
        );
    }
}
