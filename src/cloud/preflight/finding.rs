//! What a check before a run found, and what to do about it.
//! Plain data: it asks nothing.

use serde::{Deserialize, Serialize};

use crate::cloud::Identity;
use crate::cloud::dns::Zone;
use crate::error::{Error, Kind};

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Identity,
    Calls,
    Region,
    Quota,
    Name,
    Domain,
    Permission,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Fine,
    /// Not known, or good to know.
    Note,
    /// It may stop the run: look at it before.
    Warns,
    /// The run would stop there.
    Stops,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Check,
    pub verdict: Verdict,
    /// One sentence without a final full stop.
    pub what: String,
    /// What to do about it; empty where there is nothing to do.
    pub fix: String,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warns => "warning",
            Self::Stops => "stops",
        }
    }
}

impl Finding {
    pub(super) fn new(check: Check, verdict: Verdict, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, verdict, what: what.into(), fix: fix.into() }
    }

    pub(super) fn fine(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fine, what, "")
    }

    pub(super) fn note(check: Check, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Verdict::Note, what, fix)
    }

    pub fn warns(check: Check, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warns, what, fix)
    }

    pub fn stops(check: Check, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Verdict::Stops, what, fix)
    }

    /// For a log: verdict, what, and what to do.
    pub fn line(&self) -> String {
        let next = if self.fix.is_empty() { String::new() } else { format!("; {}", self.fix) };
        format!("{:<7} {}{next}", self.verdict.word(), self.what)
    }
}

/// All that was found, in the order of [`Check`], the worst of each first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub identity: Identity,
    pub findings: Vec<Finding>,
    /// The hosted zone of this account that answers for the domain, unless a stack of ours made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

impl Report {
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }

    /// All that would stop the run as one error; `None` if nothing would.
    pub fn stopped(&self) -> Option<Error> {
        let stopping: Vec<&Finding> = self.of(Verdict::Stops).collect();
        let kind = if stopping.iter().all(|f| f.check == Check::Calls) { Kind::Denied } else { Kind::Conflict };
        let what = match stopping.len() {
            0 => return None,
            1 => "AWS is not ready for this run".to_owned(),
            more => format!("AWS is not ready for this run: {more} problems"),
        };
        let hints: Vec<&str> = stopping.iter().map(|f| f.fix.as_str()).collect();
        Some(stopping.iter().fold(Error::new(kind, what), |error, f| error.cause(&f.what)).hint(hints.join("; ")))
    }
}
