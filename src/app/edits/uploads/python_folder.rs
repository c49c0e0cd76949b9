//! Where a Flask app keeps what is uploaded: the folder by its name in the code and from the app's root, and names that hold it or a path in it.
//! Never takes a name that means something else elsewhere in its file.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::work::folder;

/// The folder that a value names: a literal, the last literals of a join, or the default of a variable.
pub fn named(value: &str) -> Option<String> {
    if value.contains("/tmp") || value.contains("tempfile") {
        return None;
    }
    let literals = Regex::new(r#"["']([^"']*)["']"#).ok()?;
    let all: Vec<&str> = literals.captures_iter(value).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let parts = match value.trim_start().chars().next()? {
        '"' | '\'' => all.get(..1)?,
        _ if value.contains("environ") || value.contains("getenv") => all.get(1..2)?,
        _ if value.contains("join(") || value.contains("/ \"") || value.contains("/ '") => all.as_slice(),
        _ => return None,
    };
    let path = parts.join("/");
    let path = path.trim_start_matches("./").trim_end_matches('/');
    (!path.is_empty() && !path.starts_with('/') && !path.contains("..")).then(|| path.to_owned())
}

/// The folder from the app's root, where a value names it from the place of its own file: a name in it may be that place.
pub fn real(path: &str, text: &str, value: &str, literal: &str) -> String {
    let is_place = |value: &str| value.contains("__file__") || value.contains("root_path");
    let of_name = || {
        let first = value.split_once("join(").map_or(value, |(_, rest)| rest);
        let name = first.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty() && *word != "str")?;
        let given = Regex::new(&format!(r"(?m)^[ \t]*{name}\s*=\s*([^\r\n]+)")).ok()?;
        Some(given.captures(text)?.get(1)?.as_str().to_owned())
    };
    let Some(place) = (if is_place(value) { Some(value.to_owned()) } else { of_name() }).filter(|place| is_place(place)) else {
        return literal.to_owned();
    };
    let up = place.matches("dirname(").count() + place.matches(".parent").count();
    let mut base = folder(path).trim_end_matches('/');
    for _ in 1..up {
        base = base.rsplit_once('/').map_or("", |(base, _)| base);
    }
    if base.is_empty() { literal.to_owned() } else { format!("{base}/{literal}") }
}

/// Names that hold the folder: `folder = app.config["UPLOAD_FOLDER"]`, and never anything else.
pub fn dirs(dir: &Regex, text: &str) -> BTreeSet<String> {
    let found: Vec<&str> = dir.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let count = |name: &str| found.iter().filter(|its| **its == name).count();
    let given = |name: &str| Regex::new(&format!(r"(?m)^[ \t]*{name}\s*=[^=]")).map_or(0, |own| own.find_iter(text).count());
    found.iter().filter(|name| **name != "UPLOAD_FOLDER" && count(name) == given(name)).map(|name| (*name).to_owned()).collect()
}

/// Names that hold a path of an upload: `path = os.path.join(app.config["UPLOAD_FOLDER"], name)`.
pub fn named_paths(text: &str, direct: &impl Fn(&str) -> bool) -> BTreeSet<String> {
    let Ok(pattern) = Regex::new(r#"(?m)^[ \t]*(\w+)\s*=\s*(os\.path\.join\([^\r\n]+|f["'][^\r\n]+)$"#) else { return BTreeSet::new() };
    let found: Vec<(&str, &str)> =
        pattern.captures_iter(text).filter_map(|found| Some((found.get(1)?.as_str(), found.get(2)?.as_str()))).collect();
    let meant = |name: &str| found.iter().filter(|(its, value)| *its == name && direct(value)).count();
    // a name that means something else elsewhere in the file is none
    let given = |name: &str| Regex::new(&format!(r"(?m)^[ \t]*{name}\s*=[^=]")).map_or(0, |own| own.find_iter(text).count());
    found.iter().map(|(name, _)| *name).filter(|name| *name != "UPLOAD_FOLDER" && meant(name) == given(name)).map(str::to_owned).collect()
}
