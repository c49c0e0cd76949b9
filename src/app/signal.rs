//! Signals: what to look for in an app, what it means and what to do about it, loaded from TOML files.
//! Never looks at an app: matching is the work of `finding`.

use std::collections::BTreeMap;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use include_dir::{Dir, include_dir};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::finding::Severity;
use crate::error::{Context, Error, Kind, Result};

static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/signals");

/// How many findings one signal makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// The first place in the app.
    App,
    /// The first place in each file.
    #[default]
    File,
    /// Every line, up to 20 in one file.
    Line,
}

/// A signal as its file has it. Patterns are searched in the whole text, so they may span lines; `^` and `$` are line ends.
/// A group named `at` moves the finding to its own line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    title: String,
    severity: Severity,
    files: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    pattern: Option<String>,
    skip: Option<String>,
    near: Option<String>,
    unless: Option<String>,
    tree_has: Option<String>,
    tree_lacks: Option<String>,
    distinct: Option<usize>,
    folder_over: Option<u64>,
    #[serde(default)]
    committed: bool,
    #[serde(default)]
    per: Per,
    #[serde(default)]
    only_with: Vec<String>,
    #[serde(default)]
    not_with: Vec<String>,
    means: String,
    replacement: String,
    edit: Option<String>,
    source: Option<String>,
    as_of: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: String,
    source: String,
    /// Names for lists of globs, used as `@name`; those of `globs.toml` are known everywhere.
    #[serde(default)]
    globs: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    signal: Vec<Raw>,
}

/// One thing to look for.
#[derive(Debug, Clone)]
pub struct Signal {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub means: String,
    /// What takes its place on AWS.
    pub replacement: String,
    /// The edit to make, in a sentence; `None` when there is none to make in the code.
    pub edit: Option<String>,
    pub source: String,
    /// The day on which the source was read.
    pub as_of: String,
    pub(super) files: GlobSet,
    pub(super) exclude: GlobSet,
    /// `None`: the file being there is the finding.
    pub(super) pattern: Option<Regex>,
    /// Lines that match are no finding.
    pub(super) skip: Option<Regex>,
    /// Must also match somewhere in the same file.
    pub(super) near: Option<Regex>,
    /// Must not match anywhere in the same file.
    pub(super) unless: Option<Regex>,
    /// Must match somewhere in the app's code.
    pub(super) tree_has: Option<Regex>,
    /// Must match nowhere in the app's code.
    pub(super) tree_lacks: Option<Regex>,
    /// At least so many different texts (group 1, else the match) must be found.
    pub(super) distinct: Option<usize>,
    /// The first entry of `files` is a folder that must hold more than so many bytes.
    pub(super) folder_over: Option<(String, u64)>,
    /// Only files that git holds, or would take.
    pub(super) committed: bool,
    pub(super) per: Per,
    pub(super) only_with: Vec<String>,
    pub(super) not_with: Vec<String>,
}

/// The signals that travel inside the program.
///
/// # Errors
/// `Input`, naming file and key, if one of them is wrong (a unit test keeps that from happening).
pub fn builtin() -> Result<Vec<Signal>> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for file in BUILTIN.files() {
        let name = file.path().display().to_string();
        let text = file.contents_utf8().ok_or_else(|| wrong(&name, "the file", "is not UTF-8"))?;
        texts.push((format!("assets/signals/{name}"), text.to_owned()));
    }
    texts.sort();
    compile_all(&texts)
}

/// The built-in signals and those of `<dir>/.migrate-wizard/signals/*.toml`.
///
/// # Errors
/// `Input`, naming file and key: malformed TOML, a repeated id, a pattern or glob that does not compile.
pub fn load(dir: &Path) -> Result<Vec<Signal>> {
    let mut signals = builtin()?;
    let own = dir.join(".migrate-wizard/signals");
    let mut texts = Vec::new();
    for file in std::fs::read_dir(&own).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let shown = format!(".migrate-wizard/signals/{}", file.file_name().to_string_lossy());
            let text = std::fs::read_to_string(&path).or_fail(
                Kind::Input,
                format!("cannot read {shown}"),
                "make the file readable or remove it",
            )?;
            texts.push((shown, text));
        }
    }
    texts.sort();
    let globs = BUILTIN.get_file("globs.toml").and_then(include_dir::File::contents_utf8).unwrap_or("");
    texts.insert(0, ("assets/signals/globs.toml".to_owned(), globs.to_owned()));
    for signal in compile_all(&texts)? {
        if signals.iter().any(|s| s.id == signal.id) {
            return Err(wrong(".migrate-wizard/signals", &format!("id = \"{}\"", signal.id), "is the id of a built-in signal"));
        }
        signals.push(signal);
    }
    Ok(signals)
}

fn wrong(file: &str, key: &str, why: &str) -> Error {
    Error::new(Kind::Input, format!("signals in {file}: {key} {why}"))
        .hint("correct that key; the format is described at the top of assets/signals/globs.toml")
}

fn compile_all(texts: &[(String, String)]) -> Result<Vec<Signal>> {
    let mut files = Vec::new();
    for (name, text) in texts {
        let file: File = toml::from_str(text).map_err(|error| wrong(name, "the file", "is not as it must be").cause(error.to_string()))?;
        files.push((name, file));
    }
    let globs: BTreeMap<String, Vec<String>> = files.iter().flat_map(|(_, f)| f.globs.clone()).collect();
    let mut out: Vec<Signal> = Vec::new();
    for (name, file) in files {
        for raw in file.signal {
            let signal = compile(name, &file.as_of, &file.source, &globs, raw)?;
            if out.iter().any(|s| s.id == signal.id) {
                return Err(wrong(name, &format!("id = \"{}\"", signal.id), "is used twice"));
            }
            out.push(signal);
        }
    }
    Ok(out)
}

fn compile(file: &str, as_of: &str, source: &str, globs: &BTreeMap<String, Vec<String>>, raw: Raw) -> Result<Signal> {
    let id = raw.id.clone();
    let regex = |key: &str, pattern: Option<String>| -> Result<Option<Regex>> {
        let Some(pattern) = pattern else { return Ok(None) };
        let built = RegexBuilder::new(&pattern).multi_line(true).size_limit(4 << 20).build();
        built.map(Some).map_err(|error| wrong(file, &format!("signal {id}, key `{key}`"), "is not a pattern that compiles").because(&error))
    };
    let set = |key: &str, list: &[String]| -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for entry in list {
            let unknown = || wrong(file, &format!("signal {id}, key `{key}`"), &format!("names the unknown list {entry}"));
            let named = match entry.strip_prefix('@') {
                Some(name) => globs.get(name).ok_or_else(unknown)?.as_slice(),
                None => std::slice::from_ref(entry),
            };
            for glob in named {
                let built = GlobBuilder::new(glob).literal_separator(true).build();
                set.add(built.map_err(|error| wrong(file, &format!("signal {id}, key `{key}`"), "is not a glob").because(&error))?);
            }
        }
        set.build().map_err(|error| wrong(file, &format!("signal {id}, key `{key}`"), "is not a list of globs").because(&error))
    };
    let empty = [("id", &raw.id), ("title", &raw.title), ("means", &raw.means), ("replacement", &raw.replacement)]
        .into_iter()
        .find(|(_, v)| v.trim().is_empty());
    if let Some((key, _)) = empty {
        return Err(wrong(file, &format!("signal {id}, key `{key}`"), "is empty"));
    }
    if raw.pattern.is_none() && (raw.skip.is_some() || raw.distinct.is_some()) {
        return Err(wrong(file, &format!("signal {id}, key `skip` or `distinct`"), "needs a `pattern`"));
    }
    Ok(Signal {
        files: set("files", &raw.files)?,
        exclude: set("exclude", &raw.exclude)?,
        pattern: regex("pattern", raw.pattern)?,
        skip: regex("skip", raw.skip)?,
        near: regex("near", raw.near)?,
        unless: regex("unless", raw.unless)?,
        tree_has: regex("tree_has", raw.tree_has)?,
        tree_lacks: regex("tree_lacks", raw.tree_lacks)?,
        distinct: raw.distinct,
        folder_over: raw.folder_over.and_then(|bytes| Some((raw.files.first()?.clone(), bytes))),
        committed: raw.committed,
        per: raw.per,
        only_with: raw.only_with,
        not_with: raw.not_with,
        title: raw.title,
        severity: raw.severity,
        means: raw.means,
        replacement: raw.replacement,
        edit: raw.edit,
        source: raw.source.unwrap_or_else(|| source.to_owned()),
        as_of: raw.as_of.unwrap_or_else(|| as_of.to_owned()),
        id: raw.id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Result<Vec<Signal>> {
        compile_all(&[("x.toml".to_owned(), format!("as_of = \"2026-11-20\"\nsource = \"test\"\n{body}"))])
    }
    const GOOD: &str = "[[signal]]\nid = \"X1\"\ntitle = \"t\"\nseverity = \"M\"\nfiles = [\"**/*.ts\"]\npattern = 'a'\nmeans = \"m\"\nreplacement = \"r\"\n";

    #[test]
    fn builtin_signals_are_sound() {
        let signals = builtin().unwrap();
        assert!(signals.len() >= 80, "{}", signals.len());
        let ids: Vec<&str> = signals.iter().map(|s| s.id.as_str()).collect();
        for signal in &signals {
            for other in signal.only_with.iter().chain(&signal.not_with) {
                assert!(ids.contains(&other.as_str()), "{} refers to {other}", signal.id);
            }
        }
    }

    #[test]
    fn a_wrong_file_is_named_with_its_key() {
        for (body, part) in [
            (GOOD.replace("'a'", "'('"), "x.toml: signal X1, key `pattern`"),
            (GOOD.replace("\"M\"", "\"Z\""), "severity"),
            (GOOD.replace("pattern", "patern"), "patern"),
            (GOOD.replace("**/*.ts", "@nothing"), "unknown list @nothing"),
            (format!("{GOOD}{GOOD}"), "\"X1\" is used twice"),
            (GOOD.replace("\"r\"", "\"\""), "key `replacement` is empty"),
        ] {
            let error = one(&body).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("x.toml"), "{error}");
        }
        assert_eq!(one(GOOD).unwrap().len(), 1);
    }
}
