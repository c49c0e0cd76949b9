//! What the conversion changes or leaves out, and what that means for the app.
//! Never composes its reasons in code: why, source and date come from the target's capability file.

use serde::{Deserialize, Serialize};

/// How much a finding asks of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is lost that the conversion cannot replace: decide before going on.
    Blocks,
    /// The target's form differs; the app may have to follow.
    Changes,
    /// Good to know.
    Info,
}

/// Whether the data and the promises about it survive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lossless {
    Yes,
    /// Yes, if this condition holds.
    IfHolds(String),
    No,
}

/// Whether the condition of a finding is true of the rows that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Fails,
    /// Not known, for this reason.
    Unknown(String),
}

/// What was measured in the source's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub verdict: Verdict,
    /// "widest value: 9 digits before and 4 after the point, in 120,000 rows".
    pub measured: String,
    /// At most five of the rows that are in the way, by primary key: `id = 17`.
    pub examples: Vec<String>,
}

impl Evidence {
    /// The figures with their verdict, and the rows that are in the way if there are any: for a person.
    pub fn lines(&self) -> Vec<String> {
        let first = match &self.verdict {
            Verdict::Holds => format!("measured: {}: nothing is in the way", self.measured),
            Verdict::Fails => format!("measured: {}: this is in the way", self.measured),
            Verdict::Unknown(reason) if self.measured == "not measured" => format!("not measured: {reason}"),
            Verdict::Unknown(reason) => format!("measured: {}: {reason}", self.measured),
        };
        let rows = (!self.examples.is_empty()).then(|| format!("rows: {}", self.examples.join("; ")));
        std::iter::once(first).chain(rows).collect()
    }
}

/// One change, said once for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule: `DSQL-ENUM`.
    pub id: String,
    pub severity: Severity,
    /// `public.orders.status`: schema, object, and column or constraint.
    pub object: String,
    /// What happened to it, a clause: "enum public.status becomes text with a CHECK".
    pub what: String,
    pub why: String,
    pub lossless: Lossless,
    /// What an engineer must change in the app.
    pub app_must: String,
    /// Where the fact comes from.
    pub source: String,
    /// When the fact was gathered, `2026-11-20`.
    pub as_of: String,
    /// What the data says to it; none when it was not measured or need not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}
