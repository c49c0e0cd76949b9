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
}
