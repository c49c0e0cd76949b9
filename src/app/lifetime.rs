//! Until when a runtime gets fixes, by `assets/files/lifetimes.toml`: what has ended is told, with the next that has not.
//! Never chooses another version than the app's own, and knows no clock: what has ended by the table's date has ended.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::scan::Scan;
use super::stack::Language;
use crate::error::{Context, Kind, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    next: Vec<String>,
    ends: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    as_of: String,
    #[serde(rename = "source")]
    _source: String,
    node: Row,
    python: Row,
    postgresql: Row,
}

fn table() -> Result<Table> {
    toml::from_str(include_str!("../../assets/files/lifetimes.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/lifetimes.toml",
        "report this",
    )
}

impl Table {
    fn of(&self, language: Language) -> Option<&Row> {
        match language {
            Language::Node => Some(&self.node),
            Language::Python => Some(&self.python),
            Language::Php | Language::Html | Language::Unknown => None,
        }
    }

    /// What has ended, and what has not; `instead`: how to take it.
    fn ended(&self, row: &Row, version: &str, instead: &dyn Fn(&str) -> String) -> Option<String> {
        let end = row.ends.get(version).filter(|end| **end <= self.as_of)?;
        let open = row.next.iter().find(|next| row.ends.get(*next).is_some_and(|end| *end > self.as_of))?;
        let until = row.ends.get(open)?;
        let name = &row.name;
        Some(format!("{name} {version} gets no fixes since {end}: {} ({name} {open} is supported until {until})", instead(open)))
    }
}

/// The key of a version: major of Node, major.minor of Python.
fn key(language: Language, version: &str) -> String {
    let parts = if language == Language::Python { 2 } else { 1 };
    version.split('.').take(parts).collect::<Vec<_>>().join(".")
}

/// What the image's runtime has ended with, and the module of PostgreSQL that the app names; nothing of what gets fixes.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn note(scan: &Scan, runtime: &str) -> Result<Vec<String>> {
    let table = table()?;
    let language = scan.stack.language;
    let ours = table.of(language).and_then(|row| {
        table.ended(row, &key(language, runtime), &|next| {
            format!("the image keeps it, because the app names it; try `app container --runtime {next}`, then raise it in the app")
        })
    });
    let modules = scan.replit.iter().flat_map(|r| &r.modules).filter_map(|module| module.strip_prefix("postgresql-"));
    let database = modules.filter_map(|version| {
        let version = version.split(':').next().unwrap_or(version);
        table.ended(&table.postgresql, version, &|next| format!("choose {next} or later for the new database"))
    });
    Ok(ours.into_iter().chain(database).collect())
}

/// The line for the head of a Dockerfile; empty for a version that the table does not have.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn line(language: Language, runtime: &str) -> Result<String> {
    let table = table()?;
    let Some(row) = table.of(language) else { return Ok(String::new()) };
    let Some(end) = row.ends.get(&key(language, runtime)) else { return Ok(String::new()) };
    Ok(if *end <= table.as_of {
        format!("# {} {runtime} gets no fixes since {end}: raise it in the app, then here", row.name)
    } else {
        format!("# {} {runtime} gets fixes until {end}", row.name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn what_has_ended_is_told_with_its_day_and_the_next() {
        let app = App::new(&[
            (".replit", "modules = [\"nodejs-18\", \"postgresql-13\"]\n"),
            ("package.json", r#"{"name":"a","scripts":{"start":"node a.js"},"dependencies":{"express":"5"}}"#),
        ]);
        let scan = app.scan();
        assert_eq!(
            note(&scan, "18").unwrap(),
            [
                "Node 18 gets no fixes since 2025-04-30: the image keeps it, because the app names it; try `app container --runtime 22`, then raise it in the app (Node 22 is supported until 2027-04-30)",
                "PostgreSQL 13 gets no fixes since 2025-11-13: choose 16 or later for the new database (PostgreSQL 16 is supported until 2028-11-09)",
            ]
        );
        assert_eq!(note(&scan, "22").unwrap().len(), 1);
        assert_eq!(
            line(Language::Python, "3.10.4").unwrap(),
            "# Python 3.10.4 gets no fixes since 2026-10-31: raise it in the app, then here"
        );
        assert_eq!(line(Language::Node, "24").unwrap(), "# Node 24 gets fixes until 2028-04-30");
        assert_eq!(line(Language::Node, "99").unwrap(), "");
    }

    #[test]
    fn each_proposal_has_its_end_and_each_day_is_one() {
        let table = table().unwrap();
        for row in [&table.node, &table.python, &table.postgresql] {
            assert!(row.next.iter().any(|next| row.ends[next] > table.as_of), "{}: nothing to propose", row.name);
            for end in row.ends.values().chain([&table.as_of]) {
                assert!(end.parse::<jiff::civil::Date>().is_ok(), "{end}");
            }
        }
    }
}
