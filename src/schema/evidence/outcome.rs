//! What was found out about one object, before it stands below a finding.
//! Never changes a finding: that is `attach.rs`.

use crate::schema::finding::{Severity, Verdict};

/// A verdict with where it belongs and which rows to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub table: String,
    pub object: String,
    pub verdict: Verdict,
    pub measured: String,
    /// The finding that it belongs to, if there is one.
    pub attaches: Option<String>,
    /// A finding of its own when it does not hold: id and what.
    pub adds: Option<(String, String)>,
    /// Whether holding settles the condition of the finding.
    pub settles: bool,
    /// How much it asks of a person when it fails, where that is not what the finding says.
    pub weighs: Option<Severity>,
    pub rows: Naming,
}

/// How to name the rows that are in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    None,
    /// Rows of the table for which this is true.
    Where(String),
    /// A statement of its own that gives values for these labels.
    Select {
        sql: String,
        labels: Vec<String>,
    },
}

impl Outcome {
    pub fn new(object: &str, verdict: Verdict, measured: String) -> Self {
        Self {
            table: String::new(),
            object: object.to_owned(),
            verdict,
            measured,
            attaches: None,
            adds: None,
            settles: true,
            weighs: None,
            rows: Naming::None,
        }
    }

    /// Nothing was found out.
    pub fn unknown(object: &str, reason: &str) -> Self {
        Self::new(object, Verdict::Unknown(reason.to_owned()), "not measured".to_owned())
    }

    pub fn of(self, table: &str) -> Self {
        Self { table: table.to_owned(), ..self }
    }

    pub fn attaches(self, id: String) -> Self {
        Self { attaches: Some(id), ..self }
    }

    pub fn adds(self, id: String, what: String) -> Self {
        Self { adds: Some((id, what)), ..self }
    }

    pub fn settles(self, settles: bool) -> Self {
        Self { settles, ..self }
    }

    pub fn weighs(self, severity: Severity) -> Self {
        Self { weighs: Some(severity), ..self }
    }

    /// The rows in the way, as a condition; empty names none.
    pub fn named_by(self, condition: String) -> Self {
        let rows = if condition.is_empty() { Naming::None } else { Naming::Where(condition) };
        Self { rows, ..self }
    }

    pub fn selected_by(self, sql: String, labels: Vec<String>) -> Self {
        Self { rows: Naming::Select { sql, labels }, ..self }
    }
}
