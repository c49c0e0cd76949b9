//! Findings: a signal met in a place of the app.
//! Never shows a secret (excerpts pass through `hide`) and never knows what a signal is about.

use std::collections::BTreeSet;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::effort::Effort;
use super::hide;
use super::signal::{Per, Signal};
use super::tree::{Entry, Tree, folder_bytes, is_comment, is_test};

/// How much a finding matters, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Cannot work on AWS, or loses data.
    #[serde(rename = "B")]
    Blocks,
    #[serde(rename = "M")]
    Must,
    #[serde(rename = "S")]
    Should,
    #[serde(rename = "I")]
    Info,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Must => "must change",
            Self::Should => "should change",
            Self::Info => "info",
        }
    }
}

/// One signal in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The signal's id, such as `B1`.
    pub signal: String,
    pub severity: Severity,
    pub title: String,
    pub means: String,
    pub replacement: String,
    pub edit: Option<String>,
    pub file: String,
    /// From 1; `None` when the file itself is the finding.
    pub line: Option<u32>,
    /// At most 160 characters, secrets replaced by `***`.
    pub excerpt: String,
    /// What it takes a person; `None`: nothing to do, or done with another place of the same signal.
    #[serde(default)]
    pub hours: Option<Effort>,
    pub source: String,
    pub as_of: String,
}

/// Lines of one file that one signal may report.
const MOST_LINES: usize = 20;

/// All findings, worst first, then by signal, file and line.
pub fn find(tree: &Tree, signals: &[Signal]) -> Vec<Finding> {
    let mut out: Vec<Finding> = signals.iter().flat_map(|signal| of_signal(tree, signal)).collect();
    let ids: BTreeSet<String> = out.iter().map(|f| f.signal.clone()).collect();
    for signal in signals {
        let wanted = signal.only_with.iter().all(|id| ids.contains(id)) && !signal.not_with.iter().any(|id| ids.contains(id));
        if !wanted {
            out.retain(|f| f.signal != signal.id);
        }
    }
    out.sort_by(|a, b| (a.severity, order(&a.signal), &a.file, a.line).cmp(&(b.severity, order(&b.signal), &b.file, b.line)));
    out
}

/// `B2` before `B10`.
fn order(id: &str) -> (String, u32, String) {
    let letters: String = id.chars().take_while(char::is_ascii_alphabetic).collect();
    let number = id.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(u32::MAX);
    (letters, number, id.to_owned())
}

fn of_signal(tree: &Tree, signal: &Signal) -> Vec<Finding> {
    if let Some((folder, limit)) = &signal.folder_over {
        let bytes = folder_bytes(&tree.root.join(folder));
        return if bytes > *limit { vec![finding(signal, folder, None, &crate::text::bytes(bytes))] } else { Vec::new() };
    }
    let in_code = |pattern: &Regex| tree.code("").any(|(_, text)| pattern.is_match(text));
    if signal.tree_has.as_ref().is_some_and(|p| !in_code(p)) || signal.tree_lacks.as_ref().is_some_and(in_code) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut texts = BTreeSet::new();
    for entry in &tree.entries {
        let wanted = signal.files.is_match(&entry.path) && !signal.exclude.is_match(&entry.path) && !(signal.committed && entry.local);
        if !wanted {
            continue;
        }
        match &signal.pattern {
            None => out.push(finding(signal, &entry.path, None, "")),
            Some(pattern) if !is_test(&entry.path) => in_file(signal, pattern, entry, &mut out, &mut texts),
            Some(_) => {}
        }
    }
    if signal.distinct.is_some_and(|n| texts.len() < n) {
        return Vec::new();
    }
    if signal.per == Per::App {
        out.truncate(1);
    }
    out
}

fn in_file(signal: &Signal, pattern: &Regex, entry: &Entry, out: &mut Vec<Finding>, texts: &mut BTreeSet<String>) {
    let Some(text) = entry.text.as_deref() else { return };
    if signal.near.as_ref().is_some_and(|p| !p.is_match(text)) || signal.unless.as_ref().is_some_and(|p| p.is_match(text)) {
        return;
    }
    let mut last = 0;
    let mut count = 0;
    for captures in pattern.captures_iter(text) {
        let Some(at) = captures.name("at").or_else(|| captures.get(0)) else { continue };
        let before = text.get(..at.start()).unwrap_or("");
        // a match that opens with white space begins on the line of its first word
        let lead = at.as_str().len() - at.as_str().trim_start().len();
        let number = before.matches('\n').count() + at.as_str().get(..lead).unwrap_or("").matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or("");
        if number == last || is_comment(&entry.path, line) || signal.skip.as_ref().is_some_and(|p| p.is_match(line)) {
            continue;
        }
        last = number;
        count += 1;
        texts.insert(captures.get(1).filter(|_| captures.name("at").is_none()).unwrap_or(at).as_str().to_owned());
        out.push(finding(signal, &entry.path, u32::try_from(number).ok(), &hide::excerpt(&entry.path, line)));
        let enough = match signal.per {
            Per::Line => count >= MOST_LINES,
            Per::App | Per::File => signal.distinct.is_none(),
        };
        if enough {
            break;
        }
    }
}

fn finding(signal: &Signal, file: &str, line: Option<u32>, excerpt: &str) -> Finding {
    Finding {
        signal: signal.id.clone(),
        severity: signal.severity,
        title: signal.title.clone(),
        means: signal.means.clone(),
        replacement: signal.replacement.clone(),
        edit: signal.edit.clone(),
        file: file.to_owned(),
        line,
        excerpt: excerpt.to_owned(),
        hours: None,
        source: signal.source.clone(),
        as_of: signal.as_of.clone(),
    }
}
