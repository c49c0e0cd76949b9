//! Which Python an app runs with: what its files name, within what its own constraint allows and an image can be made for.
//! Never a guess where no file says anything, and never silently another one than what is named.

use std::sync::LazyLock;

use regex::Regex;

use super::replit::ReplitFile;
use super::tree::Tree;

/// Minor versions of Python 3 that the base images have and that get fixes, or did until lately (devguide.python.org/versions, 2026-11-28).
const OLDEST: u32 = 9;
const NEWEST: u32 = 14;
/// Replit's usual one (2026-11-20).
const USUAL: u32 = 11;
/// A base image has the newest patch of a minor version: higher than any that a constraint names.
const PATCH: u32 = 99;

/// The version, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonVersion {
    /// `3.12`; `None`: no file says anything.
    pub version: Option<String>,
    /// The files that say so.
    pub from: String,
    /// What a person must know.
    pub warning: Option<String>,
}

static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b3\.(\d+)").ok());
static CLAUSE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"([<>=!~^]*)\s*(\d+(?:\.(?:\d+|\*))*|\*)").ok());

/// What the app's files name, the one that counts first.
fn named(tree: &Tree, replit: Option<&ReplitFile>) -> Option<(u32, String)> {
    let minor = |text: &str| NAMED.as_ref()?.captures(text)?.get(1)?.as_str().parse::<u32>().ok();
    let module = replit.and_then(|r| r.modules.iter().find_map(|m| minor(m.strip_prefix("python-")?)));
    let file = |name: &str| Some((minor(tree.text(name)?)?, name.to_owned()));
    module.map(|minor| (minor, ".replit modules".to_owned())).or_else(|| file(".python-version")).or_else(|| file("runtime.txt"))
}

/// What `pyproject.toml` allows, and which key says so.
fn constraints(tree: &Tree) -> Vec<(String, &'static str)> {
    let Some(project) = tree.text("pyproject.toml").and_then(|text| toml::from_str::<toml::Table>(text).ok()) else { return Vec::new() };
    let requires = project.get("project").and_then(|p| p.get("requires-python")?.as_str());
    let poetry = project.get("tool").and_then(|t| t.get("poetry")?.get("dependencies")?.get("python"));
    let poetry = poetry.and_then(|p| p.as_str().or_else(|| p.get("version")?.as_str()));
    let both = [(requires, "requires-python"), (poetry, "tool.poetry.dependencies.python")];
    both.into_iter().filter_map(|(text, key)| Some((text?.to_owned(), key))).collect()
}

/// The newest patch of 3.`minor` is within the constraint: that of PEP 440, or Poetry's.
fn allows(constraint: &str, minor: u32) -> bool {
    let Some(pattern) = CLAUSE.as_ref() else { return true };
    constraint.split('|').filter(|part| !part.trim().is_empty()).any(|part| {
        pattern.captures_iter(part).all(|found| {
            let text = |group| found.get(group).map_or("", |m| m.as_str());
            clause(text(1), text(2), minor)
        })
    })
}

fn clause(operator: &str, version: &str, minor: u32) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let here = [3, minor, PATCH];
    let mut given = [0; 3];
    given.iter_mut().zip(&numbers).for_each(|(to, from)| *to = *from);
    let same = |length: usize| numbers.iter().zip(here).take(length).all(|(a, b)| *a == b);
    match operator {
        ">=" => here >= given,
        ">" => here > given,
        "<" => here < given,
        "<=" => here <= given,
        "!=" => !(version.ends_with('*') && same(numbers.len())),
        "~=" => here >= given && same(numbers.len().saturating_sub(1)),
        "^" => here >= given && same(1),
        "~" => here >= given && same(2),
        // `==3.11.4` and Poetry's bare `3.11`: which patch is not for the image to say
        _ => same(2),
    }
}

/// What the image's Python is.
pub fn read(tree: &Tree, replit: Option<&ReplitFile>) -> PythonVersion {
    let named = named(tree, replit);
    let constraints = constraints(tree);
    let told = constraints.iter().map(|(text, key)| format!("{key} = \"{text}\"")).collect::<Vec<_>>().join(" and ");
    let told = format!("pyproject.toml {told}");
    let allowed: Vec<u32> = (OLDEST..=NEWEST).filter(|minor| constraints.iter().all(|(text, _)| allows(text, *minor))).collect();
    let shown = |minor: u32| format!("3.{minor}");
    match (named, allowed.is_empty(), constraints.is_empty()) {
        (None, false, true) => PythonVersion { version: None, from: String::new(), warning: None },
        (Some((minor, from)), false, _) if allowed.contains(&minor) => PythonVersion { version: Some(shown(minor)), from, warning: None },
        (named, true, _) => {
            let (taken, from) = named.unwrap_or((USUAL, "the usual one".to_owned()));
            let taken = taken.clamp(OLDEST, NEWEST);
            let warning = format!(
                "{told}: no Python from 3.{OLDEST} to 3.{NEWEST} is within that; the image takes {}, and the install may refuse it: correct the constraint, or name a version with --runtime",
                shown(taken)
            );
            PythonVersion { version: Some(shown(taken)), from, warning: Some(warning) }
        }
        (named, false, free) => {
            let wish = named.as_ref().map_or(USUAL, |(minor, _)| *minor);
            let taken = allowed.iter().copied().min_by_key(|minor| minor.abs_diff(wish)).unwrap_or(USUAL);
            match named {
                None => PythonVersion { version: Some(shown(taken)), from: told, warning: None },
                Some((minor, from)) if free => PythonVersion {
                    version: Some(shown(taken)),
                    warning: Some(format!(
                        "{from} names Python {}: images are made for 3.{OLDEST} to 3.{NEWEST}, so {} is taken; name another with --runtime",
                        shown(minor),
                        shown(taken)
                    )),
                    from,
                },
                Some((minor, from)) => PythonVersion {
                    version: Some(shown(taken)),
                    from: format!("{told}, against {} of {from}", shown(minor)),
                    warning: None,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn constraints_are_read_as_pip_and_poetry_read_them() {
        let fits = |text: &str| (OLDEST..=NEWEST).filter(|minor| allows(text, *minor)).map(|m| m.to_string()).collect::<Vec<_>>().join(" ");
        for (constraint, minors) in [
            (">=3.11", "11 12 13 14"),
            (">= 3.10, < 3.13", "10 11 12"),
            (">=3.10 <3.12", "10 11"),
            ("~=3.12", "12 13 14"),
            ("~=3.12.1", "12"),
            ("==3.11.*", "11"),
            ("==3.11.4", "11"),
            ("3.12", "12"),
            ("^3.12", "12 13 14"),
            ("~3.12", "12"),
            ("*", "9 10 11 12 13 14"),
            (">=3.9,!=3.10.*,!=3.11.2,<3.13", "9 11 12"),
            ("<3.13.2", "9 10 11 12"),
            ("^2.7 || ^3.13", "13 14"),
            (">=3.15", ""),
            ("<3", ""),
        ] {
            assert_eq!(fits(constraint), minors, "{constraint}");
        }
    }

    #[test]
    fn what_is_named_counts_within_what_is_allowed() {
        let of = |files: &[(&str, &str)]| {
            let app = App::new(files);
            app.put("main.py", "x = 1\n");
            let scan = app.scan();
            let from = scan.understood.iter().find(|u| u.what == "version").map_or(String::new(), |u| u.from.clone());
            (
                scan.stack.version.unwrap_or_default(),
                from,
                scan.notes.into_iter().find(|note| note.contains("--runtime")).unwrap_or_default(),
            )
        };
        let project = |requires: &str| format!("[project]\nname = \"x\"\nrequires-python = \"{requires}\"\n");
        let poetry = "[tool.poetry.dependencies]\npython = \"^3.12\"\n";
        let replit = "modules = [\"python-3.11\"]\n";
        assert_eq!(of(&[]), (String::new(), String::new(), String::new()));
        assert_eq!(of(&[(".replit", replit)]).0, "3.11");
        assert_eq!(
            of(&[(".python-version", "3.13.1\n"), ("runtime.txt", "python-3.12.4")]),
            ("3.13".into(), ".python-version".into(), String::new())
        );
        assert_eq!(of(&[("runtime.txt", "python-3.12.4")]), ("3.12".into(), "runtime.txt".into(), String::new()));
        assert_eq!(of(&[("pyproject.toml", &project(">=3.9"))]).0, "3.11");
        assert_eq!(
            of(&[("pyproject.toml", poetry)]),
            ("3.12".into(), "pyproject.toml tool.poetry.dependencies.python = \"^3.12\"".into(), String::new())
        );
        assert_eq!(
            of(&[(".replit", replit), ("pyproject.toml", &project(">=3.13"))]),
            ("3.13".into(), "pyproject.toml requires-python = \">=3.13\", against 3.11 of .replit modules".into(), String::new())
        );
        let (version, _, note) = of(&[(".replit", replit), ("pyproject.toml", &project(">=3.15"))]);
        assert!(version == "3.11" && note.starts_with("pyproject.toml requires-python = \">=3.15\": no Python from 3.9 to 3.14"), "{note}");
        let (version, _, note) = of(&[(".python-version", "3.7")]);
        assert!(version == "3.9" && note.starts_with(".python-version names Python 3.7"), "{version} {note}");
    }
}
