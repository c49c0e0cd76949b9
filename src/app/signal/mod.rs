//! Signals: what to look for in an app, what it means and what to do about it, loaded from TOML files.
//! Never looks at an app: matching is the work of `finding`.

mod raw;

use std::path::Path;

use globset::Glob;
use include_dir::{Dir, include_dir};
use regex::Regex;
use serde::Deserialize;

use super::effort::Effort;
use super::finding::Severity;
use super::syntax::Shapes;
use crate::error::{Context, Kind, Result};
use raw::{Text, compile_all, wrong};

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

/// What shows that an app has its answer to a signal, although what the signal looks for is still there.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Matches somewhere in one of these files.
    pub(super) by: Regex,
    pub(super) files: Vec<Glob>,
    /// Only finds whose text matches this are settled; `None`: all.
    pub(super) what: Option<Regex>,
    /// Variables that the answer reads wherever the app uses it, and cannot do without.
    pub(super) reads: Vec<String>,
}

impl Settled {
    /// A find with this text can be settled.
    pub(super) fn concerns(&self, text: &str) -> bool {
        self.what.as_ref().is_none_or(|what| what.is_match(text))
    }
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
    /// What the change takes, wherever the signal is met.
    pub hours: Option<Effort>,
    /// What each place beyond the first adds.
    pub more_hours: Option<Effort>,
    pub(super) files: Vec<Glob>,
    pub(super) exclude: Vec<Glob>,
    /// With neither pattern nor shapes the file being there is the finding.
    pub(super) pattern: Option<Regex>,
    /// In TypeScript and JavaScript, beside the pattern.
    pub(super) shapes: Option<Shapes>,
    /// What has a shape must also match this.
    pub(super) holding: Option<Regex>,
    /// What has a shape must not match this.
    pub(super) lacking: Option<Regex>,
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
    pub(super) settled: Option<Settled>,
    /// At least so many different texts (group 1, else the match) must be found.
    pub(super) distinct: Option<usize>,
    /// The first entry of `files` is a folder that must hold more than so many bytes.
    pub(super) folder_over: Option<(String, u64)>,
    /// Files that we wrote are passed over.
    pub(super) not_ours: bool,
    /// Only files that git holds, or would take.
    pub(super) committed: bool,
    /// Programs of their own: a find in one of these counts only where another file imports it.
    pub(super) alone: Vec<Glob>,
    /// What the files of `app container` do about it.
    pub(super) by_container: Option<String>,
    pub(super) per: Per,
    pub(super) only_with: Vec<String>,
    pub(super) not_with: Vec<String>,
}

/// The signals that travel inside the program.
///
/// # Errors
/// `Input`, naming file and key, if one of them is wrong (a unit test keeps that from happening).
pub fn builtin() -> Result<Vec<Signal>> {
    let mut texts = Vec::new();
    for file in BUILTIN.files() {
        let name = format!("assets/signals/{}", file.path().display());
        let text = file.contents_utf8().ok_or_else(|| wrong(&name, None, "the file", "is not UTF-8"))?;
        texts.push(Text { name, text: text.to_owned() });
    }
    texts.sort();
    compile_all(&texts)
}

/// Ids of the built-in signals, without making them: nothing is compiled.
pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
    let lines = BUILTIN.files().filter_map(include_dir::File::contents_utf8).flat_map(str::lines);
    lines.filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'))
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
        // a link could lead out of the app
        if !file.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if path.extension().is_some_and(|e| e == "toml") {
            let shown = format!(".migrate-wizard/signals/{}", file.file_name().to_string_lossy());
            let text = std::fs::read_to_string(&path).or_fail(
                Kind::Input,
                format!("cannot read {shown}"),
                "make the file readable or remove it",
            )?;
            texts.push(Text { name: shown, text });
        }
    }
    texts.sort();
    let globs = BUILTIN.get_file("globs.toml").and_then(include_dir::File::contents_utf8).unwrap_or("");
    texts.insert(0, Text { name: "assets/signals/globs.toml".to_owned(), text: globs.to_owned() });
    for signal in compile_all(&texts)? {
        if signals.iter().any(|s| s.id == signal.id) {
            let id = format!("id = \"{}\"", signal.id);
            let place = texts.iter().find_map(|t| Some((t, t.line_of(&signal.id, "id")?)));
            let (name, line) = place.map_or((".migrate-wizard/signals", None), |(t, line)| (t.name.as_str(), Some(line)));
            return Err(wrong(name, line, &id, "is the id of a built-in signal"));
        }
        signals.push(signal);
    }
    for signal in &signals {
        let all = signal.only_with.iter().chain(&signal.not_with);
        if let Some(other) = all.clone().find(|id| signals.iter().all(|s| s.id != **id)) {
            let place = texts.iter().find_map(|t| Some((t, t.line_of(&signal.id, "id")?)));
            let (name, line) = place.map_or(("assets/signals", None), |(t, line)| (t.name.as_str(), Some(line)));
            return Err(wrong(
                name,
                line,
                &format!("signal {}, key `only_with` or `not_with`", signal.id),
                &format!("names the unknown signal {other}"),
            ));
        }
    }
    Ok(signals)
}

#[cfg(test)]
mod tests;
