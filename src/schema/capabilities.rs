//! Dated facts about a target, read from `assets/targets/*.toml`; the rules ask here instead of knowing.
//! Never decides what to do about a fact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Lossless, Severity};
use super::statement::Kind;
use super::target::Target;
use crate::error::{Context, Error, Kind as ErrorKind, Result};

/// One target's capability file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    pub name: String,
    /// Date of every fact in the file that has none of its own.
    pub as_of: String,
    pub source: String,
    /// Tables are rebuilt by the rules; otherwise the dump's text is passed through.
    pub rewrite: bool,
    /// Counts and bytes, by name.
    pub limits: BTreeMap<String, Limit>,
    pub types: Types,
    /// Kinds of statement that cannot be carried over → finding.
    pub statements: BTreeMap<Kind, String>,
    pub extensions: Extensions,
    pub functions: Functions,
    /// `keep`, `btree` (build as one) or `drop`, by access method.
    pub index_methods: BTreeMap<String, IndexMethod>,
    /// What a load must keep to: the mover's, not the compiler's.
    #[serde(default)]
    pub load: BTreeMap<String, u64>,
    /// What a person may choose, in the order to ask.
    #[serde(default)]
    pub choices: Vec<ChoiceFact>,
    /// What to say, by finding id.
    pub findings: BTreeMap<String, Fact>,
}

/// A ceiling and the finding for what exceeds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub value: u64,
    pub finding: String,
}

/// What becomes of an index of some access method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexMethod {
    Keep,
    Btree,
    Drop,
}

/// Column types; names as in `pg_type` (`int4`, `varchar`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Types {
    pub keep: Vec<String>,
    #[serde(default)]
    pub not_indexable: Vec<String>,
    #[serde(default)]
    pub replace: Vec<Replacement>,
    pub composite: Option<Fallback>,
    pub unknown: Option<Fallback>,
    /// Elements of an array that are the same in JSON.
    #[serde(default)]
    pub json_elements: Vec<String>,
    /// Compressed before they are held to the limit of a value.
    #[serde(default)]
    pub compressed: Vec<String>,
}

/// Types that cannot be stored, and what is stored instead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    pub from: Vec<String>,
    pub to: String,
    pub finding: String,
    /// Casts to it still work in expressions.
    #[serde(default)]
    pub runtime: bool,
    /// Comparisons ignored case, so keys are built on `lower(column)`.
    #[serde(default)]
    pub fold_case: bool,
}

/// What any type of a class becomes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    pub to: String,
    pub finding: String,
}

/// Which extensions can be created.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extensions {
    pub supported: Vec<String>,
    /// Finding for an extension that is neither supported nor known.
    pub other: String,
    #[serde(default)]
    pub known: BTreeMap<String, String>,
}

/// Functions: languages of those in the dump, and built-in ones that the schema calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Functions {
    pub languages: Vec<String>,
    pub finding: String,
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    #[serde(default)]
    pub missing: Vec<String>,
}

/// A choice, what there is to choose from, and what is good for most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceFact {
    pub id: String,
    pub question: String,
    /// What one exception names (`column`, `enum type`, `foreign key`); empty when there are none.
    #[serde(default)]
    pub scope: String,
    /// The value that is the default.
    pub recommended: String,
    pub options: Vec<OptionFact>,
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionFact {
    pub value: String,
    pub label: String,
    /// What it means for the data, the app and the target.
    pub effect: String,
}

/// What is said when a rule uses this fact.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The file in `src/schema/rules` that says it; `passthrough` for targets whose tables are not rebuilt.
    pub rule: String,
    /// What in the source it is about.
    pub matches: String,
    /// What is there on the target instead.
    pub emits: String,
    pub severity: Severity,
    /// `yes`, `no`, or `if <condition>`.
    pub lossless: String,
    pub why: String,
    pub app_must: String,
    pub source: String,
    pub as_of: Option<String>,
}

impl Capabilities {
    /// The facts that travel with the program.
    pub fn of(target: Target) -> Result<Self> {
        Self::read(match target {
            Target::Rds => include_str!("../../assets/targets/rds.toml"),
            Target::Aurora => include_str!("../../assets/targets/aurora.toml"),
            Target::Dsql => include_str!("../../assets/targets/dsql.toml"),
        })
    }

    fn read(text: &str) -> Result<Self> {
        toml::from_str(text).or_fail(
            ErrorKind::Bug,
            "cannot read the target's capability file",
            "this is a bug in migrate-wizard: please report it",
        )
    }

    /// The limit of this name, if the file has one.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.get(name)
    }

    /// The replacement of a type name, if it cannot be stored.
    pub fn replacement(&self, type_name: &str) -> Option<&Replacement> {
        self.types.replace.iter().find(|replacement| replacement.from.iter().any(|from| from == type_name))
    }

    /// A finding about `object` with the file's reasons; `holes` fill `{column}` and the like. Errors when the file lacks the id.
    pub fn finding(&self, id: &str, object: &str, what: impl Into<String>, holes: &[(&str, &str)]) -> Result<Finding> {
        let fact = self.findings.get(id).ok_or_else(|| Error::bug(format!("no finding {id:?} in the capability file of {}", self.name)))?;
        let fill = |text: &str| {
            let holes = holes.iter().filter(|_| text.contains('{'));
            holes.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
        };
        let lossless = match fact.lossless.as_str() {
            "yes" => Lossless::Yes,
            "no" => Lossless::No,
            condition => Lossless::IfHolds(fill(condition.strip_prefix("if ").unwrap_or(condition))),
        };
        Ok(Finding {
            id: id.to_owned(),
            severity: fact.severity,
            object: object.to_owned(),
            what: what.into(),
            why: fill(&fact.why),
            lossless,
            app_must: fill(&fact.app_must),
            source: fact.source.clone(),
            as_of: fact.as_of.clone().unwrap_or_else(|| self.as_of.clone()),
            evidence: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_a_file_names_is_described_in_it() {
        for target in [Target::Rds, Target::Aurora, Target::Dsql] {
            let file = Capabilities::of(target).unwrap();
            let mut named: Vec<&String> = file.statements.values().chain(file.extensions.known.values()).collect();
            named.extend([&file.extensions.other, &file.functions.finding]);
            named.extend(file.limits.values().map(|limit| &limit.finding));
            named.extend(file.types.replace.iter().map(|replacement| &replacement.finding));
            named.extend([&file.types.composite, &file.types.unknown].into_iter().flatten().map(|fallback| &fallback.finding));
            for id in named {
                assert!(file.findings.contains_key(id), "{id} in {}", file.name);
            }
        }
    }

    #[test]
    fn a_finding_carries_reason_source_and_date() {
        let found = Capabilities::of(Target::Dsql).unwrap().finding("DSQL-WIDEN", "public.a.b", "widened", &[("column", "b")]).unwrap();
        assert_eq!(found.app_must, "In Drizzle replace integer('b') by bigint('b', { mode: 'number' }).");
        assert_eq!((found.lossless, found.as_of.as_str(), found.source.as_str()), (Lossless::Yes, "2026-11-20", "CREATE TABLE page"));
    }
}
