//! A file of signals as it is written, and how it becomes signals that can be looked for.
//! Never looks at an app.

use std::collections::BTreeMap;

use globset::{Glob, GlobBuilder};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::super::effort::Effort;
use super::super::finding::Severity;
use super::super::syntax::Shapes;
use super::{Per, Settled, Signal};
use crate::error::{Error, Kind, Result};

/// A file of signals: its name as it is shown, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub name: String,
    pub text: String,
}

impl Text {
    /// The line (from 1) of a key of the signal with this id; of its id where the key is not written.
    pub fn line_of(&self, id: &str, key: &str) -> Option<usize> {
        let is_key = |line: &str, key: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        let lines: Vec<&str> = self.text.lines().collect();
        let start = lines.iter().position(|line| is_key(line, "id") && line.split(['"', '\'']).nth(1) == Some(id))?;
        let first = lines.get(..start)?.iter().rposition(|line| line.trim() == "[[signal]]").unwrap_or(start);
        let last = lines.get(start..)?.iter().position(|line| line.trim() == "[[signal]]").map_or(lines.len(), |n| start + n);
        let at = lines.get(first..last)?.iter().position(|line| is_key(line, key)).map_or(start, |n| first + n);
        Some(at + 1)
    }
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
    #[serde(default)]
    syntax: Vec<String>,
    part: Option<String>,
    #[serde(default)]
    inside: Vec<String>,
    #[serde(default)]
    not_inside: Vec<String>,
    holding: Option<String>,
    lacking: Option<String>,
    skip: Option<String>,
    near: Option<String>,
    unless: Option<String>,
    tree_has: Option<String>,
    tree_lacks: Option<String>,
    settled_by: Option<String>,
    #[serde(default)]
    settled_in: Vec<String>,
    settles: Option<String>,
    #[serde(default)]
    settled_reads: Vec<String>,
    distinct: Option<usize>,
    folder_over: Option<u64>,
    #[serde(default)]
    not_ours: bool,
    #[serde(default)]
    committed: bool,
    #[serde(default)]
    alone: Vec<String>,
    by_container: Option<String>,
    #[serde(default)]
    per: Per,
    #[serde(default)]
    only_with: Vec<String>,
    #[serde(default)]
    not_with: Vec<String>,
    means: String,
    replacement: String,
    edit: Option<String>,
    hours: Option<[f64; 2]>,
    more_hours: Option<[f64; 2]>,
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

pub fn wrong(file: &str, line: Option<usize>, key: &str, why: &str) -> Error {
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    Error::new(Kind::Input, format!("signals in {file}{line}: {key} {why}"))
        .hint("correct that key; the format is described at the top of assets/signals/globs.toml and in docs/app.md")
}

pub fn compile_all(texts: &[Text]) -> Result<Vec<Signal>> {
    let mut files = Vec::new();
    for text in texts {
        let file: File = toml::from_str(&text.text).map_err(|error| {
            let line = error.span().map(|span| text.text.get(..span.start).unwrap_or("").matches('\n').count() + 1);
            wrong(&text.name, line, "the file", "is not as it must be").cause(error.message())
        })?;
        files.push((text, file));
    }
    let globs: BTreeMap<String, Vec<String>> = files.iter().flat_map(|(_, f)| f.globs.clone()).collect();
    let mut out: Vec<Signal> = Vec::new();
    for (text, file) in files {
        for raw in file.signal {
            let signal = compile(text, &file.as_of, &file.source, &globs, raw)?;
            if out.iter().any(|s| s.id == signal.id) {
                let key = format!("id = \"{}\"", signal.id);
                return Err(wrong(&text.name, text.line_of(&signal.id, "id"), &key, "is used twice"));
            }
            out.push(signal);
        }
    }
    Ok(out)
}

fn compile(text: &Text, as_of: &str, source: &str, globs: &BTreeMap<String, Vec<String>>, raw: Raw) -> Result<Signal> {
    let bad = |key: &str, why: &str| wrong(&text.name, text.line_of(&raw.id, key), &format!("signal {}, key `{key}`", raw.id), why);
    let regex = |key: &str, pattern: &Option<String>| -> Result<Option<Regex>> {
        let Some(pattern) = pattern else { return Ok(None) };
        let built = RegexBuilder::new(pattern).multi_line(true).size_limit(4 << 20).build();
        built.map(Some).map_err(|error| bad(key, "is not a pattern that compiles").because(&error))
    };
    let set = |key: &str, list: &[String]| -> Result<Vec<Glob>> {
        let mut set = Vec::new();
        for entry in list {
            let named = match entry.strip_prefix('@') {
                Some(name) => globs.get(name).ok_or_else(|| bad(key, &format!("names the unknown list {entry}")))?.as_slice(),
                None => std::slice::from_ref(entry),
            };
            for glob in named {
                let built = GlobBuilder::new(glob).literal_separator(true).build();
                set.push(built.map_err(|error| bad(key, "is not a glob").because(&error))?);
            }
        }
        Ok(set)
    };
    let effort = |key: &str, hours: Option<[f64; 2]>| -> Result<Option<Effort>> {
        hours.map(Effort::try_from).transpose().map_err(|why| bad(key, "is not a range of hours").cause(why))
    };
    let empty = [("id", &raw.id), ("title", &raw.title), ("means", &raw.means), ("replacement", &raw.replacement)]
        .into_iter()
        .find(|(_, v)| v.trim().is_empty());
    if let Some((key, _)) = empty {
        return Err(bad(key, "is empty"));
    }
    if raw.files.is_empty() {
        return Err(bad("files", "is empty: nothing would ever be read"));
    }
    if raw.pattern.is_none() && raw.syntax.is_empty() && (raw.skip.is_some() || raw.distinct.is_some()) {
        return Err(bad(if raw.skip.is_some() { "skip" } else { "distinct" }, "needs a `pattern` or `syntax`"));
    }
    let beside = [
        ("part", raw.part.is_some()),
        ("inside", !raw.inside.is_empty()),
        ("not_inside", !raw.not_inside.is_empty()),
        ("holding", raw.holding.is_some()),
        ("lacking", raw.lacking.is_some()),
    ];
    if let Some((key, _)) = beside.into_iter().find(|(_, there)| *there && raw.syntax.is_empty()) {
        return Err(bad(key, "needs `syntax`"));
    }
    let of_settled =
        [("settles", raw.settles.is_some()), ("settled_in", !raw.settled_in.is_empty()), ("settled_reads", !raw.settled_reads.is_empty())];
    if let Some((key, _)) = of_settled.into_iter().find(|(_, there)| *there && raw.settled_by.is_none()) {
        return Err(bad(key, "needs `settled_by`"));
    }
    let settled_in = if raw.settled_in.is_empty() { set("files", &raw.files)? } else { set("settled_in", &raw.settled_in)? };
    let settles = regex("settles", &raw.settles)?;
    let shapes = (!raw.syntax.is_empty())
        .then(|| Shapes::new(&raw.syntax, raw.part.as_deref(), raw.inside.clone(), raw.not_inside.clone()))
        .transpose()
        .map_err(|(key, why)| bad(key, &why))?;
    Ok(Signal {
        files: set("files", &raw.files)?,
        exclude: set("exclude", &raw.exclude)?,
        pattern: regex("pattern", &raw.pattern)?,
        shapes,
        holding: regex("holding", &raw.holding)?,
        lacking: regex("lacking", &raw.lacking)?,
        skip: regex("skip", &raw.skip)?,
        near: regex("near", &raw.near)?,
        unless: regex("unless", &raw.unless)?,
        tree_has: regex("tree_has", &raw.tree_has)?,
        tree_lacks: regex("tree_lacks", &raw.tree_lacks)?,
        settled: regex("settled_by", &raw.settled_by)?.map(|by| Settled { by, files: settled_in, what: settles, reads: raw.settled_reads }),
        hours: effort("hours", raw.hours)?,
        more_hours: effort("more_hours", raw.more_hours)?,
        distinct: raw.distinct,
        folder_over: raw.folder_over.and_then(|bytes| Some((raw.files.first()?.clone(), bytes))),
        not_ours: raw.not_ours,
        committed: raw.committed,
        alone: set("alone", &raw.alone)?,
        by_container: raw.by_container,
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
