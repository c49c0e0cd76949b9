//! The result of converting a schema: statements in order, findings, changed types.
//! Never holds rows or connections.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::capabilities::ChoiceFact;
use super::finding::{Finding, Severity};
use super::statement::{Phase, Statement};
use super::target::Target;

/// A column whose type differs on the target; the mover casts by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeChange {
    /// `public.orders`.
    pub table: String,
    pub column: String,
    /// SQL text of the type in the source.
    pub from: String,
    /// SQL text of the type in the target; empty when the column (always a generated one) is left out.
    pub to: String,
}

/// A statement of the dump and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// `public.orders`: the table, view, function or type that people know it by.
    pub object: String,
    pub sql: String,
}

/// A choice that the schema asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub fact: ChoiceFact,
    /// What was chosen for all objects that are not among the exceptions.
    pub chosen: String,
    /// Object → what was chosen for it.
    pub exceptions: BTreeMap<String, String>,
    /// What the choice is about: `public.orders.id`.
    pub objects: Vec<String>,
}

/// A converted schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    pub target: Target,
    /// In the order to run them: all of [`Phase::Before`], the data, all of [`Phase::After`].
    pub statements: Vec<Statement>,
    pub findings: Vec<Finding>,
    pub type_changes: Vec<TypeChange>,
    /// The dump's own statements, to be shown beside what became of them.
    #[serde(default)]
    pub source: Vec<Definition>,
    /// Empty when there was nothing to choose.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

impl Conversion {
    /// One of nothing.
    pub fn empty(target: Target) -> Self {
        let (statements, findings, type_changes, source, choices) = Default::default();
        Self { target, statements, findings, type_changes, source, choices }
    }

    /// The statements of one phase, in order.
    pub fn phase(&self, phase: Phase) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.phase == phase)
    }

    /// The findings of one severity, in order.
    pub fn severity(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }
}
