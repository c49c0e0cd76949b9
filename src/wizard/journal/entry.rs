//! What a journal's lines say: the entries, and a record with its number, time and check sum.
//! Opens no file. Never holds a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::wizard::view::Mode;

/// Format of the lines; a journal with a higher one is refused.
pub const FORMAT: u32 = 1;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Asked,
    Flag,
    File,
    Profile,
    Detected,
    Default,
}

impl Source {
    pub fn words(self) -> &'static str {
        match self {
            Source::Asked => "you said",
            Source::Flag => "flag",
            Source::File => "answers file",
            Source::Profile => "profile",
            Source::Detected => "detected",
            Source::Default => "default",
        }
    }
}

/// A durable fact of a run. `Started` without an end means "unknown": probe first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// First line of every journal.
    Opened {
        format: u32,
        run: String,
        journey: String,
        mode: Mode,
        sandbox: bool,
        tool: String,
        facts: BTreeMap<String, Value>,
    },
    /// Another process took the run up again.
    Resumed {
        tool: String,
    },
    /// The AWS account and region this run is tied to.
    Pinned {
        account: String,
        region: String,
    },
    /// `value` is null for a secret.
    Answered {
        step: String,
        value: Value,
        source: Source,
    },
    /// Written and synced before the world is touched; holds the resolved effect.
    /// `writes` is false when the effect only reads: a roll back passes it by.
    Started {
        step: String,
        attempt: u32,
        kind: String,
        fields: Value,
        before: BTreeMap<String, Value>,
        writes: bool,
    },
    Done {
        step: String,
        outputs: BTreeMap<String, Value>,
        took_ms: u64,
        simulated: bool,
    },
    Failed {
        step: String,
        error: String,
        hint: String,
        took_ms: u64,
    },
    /// A checklist was ticked (and verified, where it can be).
    Ticked {
        step: String,
        verified: bool,
    },
    /// Roll back back to and including `to`; everything when `None`. `because`: it was begun by itself, and why.
    RollbackStarted {
        to: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    UndoStarted {
        step: String,
        guard: bool,
    },
    UndoDone {
        step: String,
        took_ms: u64,
    },
    UndoFailed {
        step: String,
        error: String,
        hint: String,
    },
    RolledBack {},
    Finished {},
}

/// An entry with its number, time and check sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// 1, 2, 3 … without a gap.
    pub n: u64,
    /// UTC, RFC 3339.
    pub at: String,
    /// First 8 hex digits of SHA-256 over number, time and entry.
    pub sum: String,
    pub what: Entry,
}

impl Record {
    pub(super) fn seal(n: u64, at: String, what: Entry) -> Result<Self> {
        let body = serde_json::to_string(&what).map_err(|e| Error::bug(format!("a journal entry cannot be written: {e}")))?;
        let sum = sum(n, &at, &body);
        Ok(Self { n, at, sum, what })
    }
}

pub(super) fn sum(n: u64, at: &str, what: &str) -> String {
    crate::text::digest(&format!("{n}|{at}|{what}"), 4)
}

/// The entry's own text in a line. The check sum is over what was written: a number need not be written again as it was read.
pub(super) fn body(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line).ok()?.split_once(",\"what\":")?.1.strip_suffix('}')
}
