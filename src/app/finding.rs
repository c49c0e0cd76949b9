//! Findings: a signal met in a place of the app.
//! Never looks for one (that is `search`), and never shows a secret: excerpts pass through `hide`.

use serde::{Deserialize, Serialize};

use super::effort::Effort;
use super::signal::Signal;

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
    /// What the files of `app container` do about it; `None`: nothing, or they cannot in this app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_container: Option<String>,
    pub source: String,
    pub as_of: String,
}

impl Finding {
    /// The place number `at` (from 0) in which the signal was met.
    pub(super) fn new(signal: &Signal, at: usize, file: &str, line: Option<u32>, excerpt: &str) -> Self {
        Self {
            signal: signal.id.clone(),
            severity: signal.severity,
            title: signal.title.clone(),
            means: signal.means.clone(),
            replacement: signal.replacement.clone(),
            edit: signal.edit.clone(),
            file: file.to_owned(),
            line,
            excerpt: excerpt.to_owned(),
            hours: if at == 0 { signal.hours } else { signal.more_hours },
            by_container: signal.by_container.clone(),
            source: signal.source.clone(),
            as_of: signal.as_of.clone(),
        }
    }

    /// `file:line`, or the file alone.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}
