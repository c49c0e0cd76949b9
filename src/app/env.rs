//! The environment of the app on AWS: which names, plain or secret, what must never be set, what the build needs.
//! Never a secret's value; facts about names are data in `assets/files/env.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::choices::Choices;
use super::hide;
use super::needs::{Decided, Needs};
use super::scan::Scan;
use super::secrets::{Becomes, OfDatabase, Table as Rules};
use super::template;
use crate::error::{Context, Kind, Result};

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A shim: the code was written for Replit and expects it.
    Shim,
    /// `[env]` or `[userenv]` of `.replit`.
    Replit,
    /// The code reads it.
    Code,
}

/// A plain variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain {
    pub name: String,
    /// `None`: a person must give it, or the service's stack.
    pub value: Option<String>,
    /// The service's stack sets it.
    #[serde(default)]
    pub by_stack: bool,
    pub origin: Origin,
    pub why: String,
}

/// A name whose value lives in Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    pub origin: Origin,
    /// The code stops or fails without it.
    pub needed: bool,
    /// A stack makes it: nobody is asked for it.
    #[serde(default)]
    pub made: bool,
    pub why: String,
}

/// A name that must not be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Never {
    pub name: String,
    pub why: String,
}

/// A name that nothing on AWS gets with what was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unneeded {
    pub name: String,
    pub why: String,
}

/// The environment of the app's tasks on AWS. A name is in one list only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvPlan {
    pub plain: Vec<Plain>,
    pub secrets: Vec<Secret>,
    pub never: Vec<Never>,
    /// The code reads it, and with what was decided nobody has to give it.
    #[serde(default)]
    pub unneeded: Vec<Unneeded>,
    /// The stack would set it with another outcome of what was decided; with this one a person gives it, or nobody.
    #[serde(default)]
    pub not_by_stack: BTreeSet<String>,
    /// On one's own machine nothing needs it, whether the code reads it or not.
    #[serde(default)]
    pub only_on_aws: BTreeSet<String>,
    /// Plain names that the image build must know, with a value for it (empty: a person must give it).
    pub build: BTreeMap<String, String>,
    /// Values for work on one's own machine: none of them is a secret.
    pub local: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowKind {
    Plain,
    Secret,
    Never,
    Unneeded,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    kind: RowKind,
    value: Option<String>,
    /// Set it even if the code does not read it; with `needs`: where that is decided.
    #[serde(default)]
    always: bool,
    /// A signal: the row counts, too, when the app has that finding.
    found: Option<String>,
    needs: Option<Needs>,
    /// The service's stack sets it; with `needs`: where that is decided.
    #[serde(default)]
    stack: bool,
    /// A stack makes the secret: nobody is asked for it.
    #[serde(default)]
    made: bool,
    language: Option<super::stack::Language>,
    /// Also for the build.
    #[serde(default)]
    build: bool,
    /// A signal: the build needs the name when the app has that finding.
    build_when: Option<String>,
    /// A framework whose build runs the code: it needs the name where the code reads it.
    build_with: Option<String>,
    local: Option<String>,
    /// On one's own machine it may be left out, although the code reads it.
    #[serde(default)]
    only_on_aws: bool,
    why: String,
}

impl Row {
    fn is_met(&self, decided: &Decided) -> bool {
        self.needs.as_ref().is_none_or(|needs| needs.are_met(decided))
    }

    fn is_decided(&self, decided: &Decided) -> bool {
        self.needs.as_ref().is_none_or(|needs| decided.outcome(&needs.decision).is_some())
    }

    /// It counts although the code does not read the name.
    fn is_given(&self, scan: &Scan, decided: &Decided) -> bool {
        matches!(self.kind, RowKind::Never)
            || (self.always && self.is_decided(decided))
            || self.found.as_deref().is_some_and(|signal| scan.was_found(signal))
    }

    /// Why nobody has to give the name, where another outcome was decided for.
    fn otherwise(&self, decided: &Decided) -> Option<String> {
        let needs = self.needs.as_ref()?;
        Some(format!("not needed with {} = {}", needs.decision, needs.other(decided)?))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    row: Vec<Row>,
}

fn table() -> Result<Table> {
    toml::from_str(include_str!("../../assets/files/env.toml")).or_fail(Kind::Bug, "cannot read assets/files/env.toml", "report this")
}

/// Why nobody has to give a name with what was decided, whatever the app; `None`: somebody may have to.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn unneeded(name: &str, decided: &Decided) -> Result<Option<String>> {
    let table = table()?;
    let rows: Vec<&Row> = table.row.iter().filter(|row| row.name == name).collect();
    Ok(match rows.iter().find(|row| row.is_met(decided)) {
        Some(row) => matches!(row.kind, RowKind::Unneeded).then(|| row.why.clone()),
        None => rows.iter().find_map(|row| row.otherwise(decided)),
    })
}

/// The plan for an app: shims, `.replit`'s own values, and every name that the code reads.
///
/// # Errors
/// `Bug` if our own table does not parse or names an unknown value.
pub fn plan(scan: &Scan, choices: &Choices) -> Result<EnvPlan> {
    let table = table()?;
    let mut plan = EnvPlan::default();
    let port = scan.services.iter().find(|s| s.port.is_some()).map_or(3000, |s| choices.port_of(scan, s));
    let values = BTreeMap::from([
        ("domain", choices.domain.clone().unwrap_or_default()),
        ("port", port.to_string()),
        ("region", choices.region.clone()),
    ]);
    let decided = &choices.decisions;
    let ours: Vec<&Row> = table.row.iter().filter(|row| row.language.is_none_or(|l| l == scan.stack.language)).collect();
    for row in &ours {
        let reads = scan.variables.iter().find(|v| v.name == row.name);
        // of several rows for a name the first that fits counts
        if plan.has(&row.name) || !row.is_met(decided) || (reads.is_none() && !row.is_given(scan, decided)) {
            continue;
        }
        let template = row.value.as_deref();
        let unknown = template.is_some_and(|t| t.contains("{{domain}}")) && choices.domain.is_none();
        let value = template.filter(|_| !unknown).map(|t| template::fill("env.toml", t, &values)).transpose()?;
        if let Some(local) = &row.local {
            plan.local.insert(row.name.clone(), template::fill("env.toml", local, &values)?);
        }
        if row.only_on_aws {
            plan.only_on_aws.insert(row.name.clone());
        }
        if !row.stack && ours.iter().any(|other| other.name == row.name && other.stack) {
            plan.not_by_stack.insert(row.name.clone());
        }
        match row.kind {
            RowKind::Plain => {
                let runs_code = row.build_with.as_ref().is_some_and(|name| reads.is_some() && scan.stack.frameworks.contains(name));
                if row.build || runs_code || row.build_when.as_deref().is_some_and(|signal| scan.has_finding(signal)) {
                    plan.build.insert(row.name.clone(), value.clone().unwrap_or_default());
                }
                let by_stack = row.stack && row.is_decided(decided);
                plan.plain.push(Plain { name: row.name.clone(), value, by_stack, origin: Origin::Shim, why: row.why.clone() });
            }
            RowKind::Secret => plan.secrets.push(Secret {
                name: row.name.clone(),
                origin: Origin::Shim,
                needed: reads.is_some_and(|v| !v.has_default),
                made: row.made,
                why: row.why.clone(),
            }),
            RowKind::Never => plan.never.push(Never { name: row.name.clone(), why: row.why.clone() }),
            RowKind::Unneeded => plan.unneeded.push(Unneeded { name: row.name.clone(), why: row.why.clone() }),
        }
    }
    for row in &ours {
        let is_read = scan.variables.iter().any(|v| v.name == row.name);
        if let Some(why) = row.otherwise(decided).filter(|_| is_read && !plan.has(&row.name)) {
            plan.unneeded.push(Unneeded { name: row.name.clone(), why });
        }
    }
    let rules = Rules::knowing(&scan.layout.direct_urls)?;
    if let Some(url) = ours.iter().find(|row| row.name == "DATABASE_URL" && row.is_met(decided)) {
        plan.settle_databases(scan, &rules, url);
    }
    // production after shared: the later one wins
    let mut own: BTreeMap<&str, (&str, Option<String>)> = BTreeMap::new();
    for entry in scan.replit.iter().flat_map(|r| &r.env).filter(|e| e.section != "development") {
        own.insert(&entry.name, (&entry.section, entry.value.clone()));
    }
    for (name, (section, value)) in own {
        let why = format!("from [{}] of .replit", if section == "env" { "env".to_owned() } else { format!("userenv.{section}") });
        // on AWS a container finds itself there
        let here = value.as_deref().is_some_and(|v| ["http://localhost", "http://127.0.0.1"].iter().any(|own| v.starts_with(own)));
        if here && !plan.has(name) && scan.variables.iter().any(|v| v.name == name) {
            let why = format!("{why}, where it names the machine itself: its address on AWS");
            plan.plain.push(Plain { name: name.to_owned(), value: None, by_stack: false, origin: Origin::Code, why });
        } else {
            plan.add(name, value, Origin::Replit, false, why);
        }
    }
    for variable in &scan.variables {
        let place = variable.places.first().map(|p| format!("{}:{}", p.file, p.line)).unwrap_or_default();
        let why = format!("read at {place}{}", if variable.has_default { ", which has a default" } else { "" });
        if variable.at_build && !plan.build.contains_key(&variable.name) {
            plan.build.insert(variable.name.clone(), String::new());
        }
        // a value in the browser bundle is read by everyone
        if variable.at_build && !plan.has(&variable.name) {
            plan.plain.push(Plain {
                name: variable.name.clone(),
                value: None,
                by_stack: false,
                origin: Origin::Code,
                why: format!("{why}; it becomes part of the pages, so it is no secret"),
            });
        } else {
            plan.add(&variable.name, None, Origin::Code, !variable.has_default, why);
        }
    }
    plan.keep_as_imported(scan, &rules);
    Ok(plan)
}

impl EnvPlan {
    /// With what was decided nobody has to give it.
    pub fn is_unneeded(&self, name: &str) -> bool {
        self.unneeded.iter().any(|n| n.name == name)
    }

    /// A stack makes the secret: nobody is asked for it.
    pub fn is_made(&self, name: &str) -> bool {
        self.secrets.iter().any(|s| s.name == name && s.made)
    }

    fn has(&self, name: &str) -> bool {
        self.plain.iter().any(|p| p.name == name)
            || self.secrets.iter().any(|s| s.name == name)
            || self.never.iter().any(|n| n.name == name)
            || self.is_unneeded(name)
    }

    /// Adds a name unless a list has it; a value that was withheld makes it a secret.
    fn add(&mut self, name: &str, value: Option<String>, origin: Origin, needed: bool, why: String) {
        if self.has(name) {
            return;
        }
        if hide::is_secret_name(name) || (origin == Origin::Replit && value.is_none()) {
            self.secrets.push(Secret { name: name.to_owned(), origin, needed: needed || origin == Origin::Replit, made: false, why });
        } else {
            self.plain.push(Plain { name: name.to_owned(), value, by_stack: false, origin, why });
        }
    }

    /// A name that the import keeps in Secrets Manager is a secret here, too, whether the code has a default or not.
    fn keep_as_imported(&mut self, scan: &Scan, rules: &Rules) {
        let read = |name: &str| scan.variables.iter().find(|v| v.name == name && !v.at_build);
        let (kept, plain): (Vec<Plain>, Vec<Plain>) = std::mem::take(&mut self.plain).into_iter().partition(|p| {
            p.origin == Origin::Code && p.value.is_none() && read(&p.name).is_some() && rules.judge(&p.name, None).0 == Becomes::Secret
        });
        self.plain = plain;
        self.secrets.extend(kept.into_iter().map(|p| {
            let needed = read(&p.name).is_some_and(|v| !v.has_default);
            Secret { name: p.name, origin: p.origin, needed, made: false, why: p.why }
        }));
    }

    /// Other names of a PostgreSQL of the source follow `DATABASE_URL`, or nobody gives them: the source's address is never the app's on AWS.
    fn settle_databases(&mut self, scan: &Scan, rules: &Rules, url: &Row) {
        for variable in scan.variables.iter().filter(|v| !v.at_build) {
            let Some(database) = rules.database(&variable.name).filter(|_| !self.has(&variable.name)) else { continue };
            let name = variable.name.clone();
            self.local.extend(url.local.iter().map(|local| (name.clone(), local.clone())));
            match (database, &url.kind) {
                (OfDatabase::Old, _) => self.unneeded.push(Unneeded { why: rules.judge(&name, None).1, name }),
                (OfDatabase::Same, RowKind::Unneeded) => self.unneeded.push(Unneeded { name, why: url.why.clone() }),
                (OfDatabase::Same, RowKind::Plain | RowKind::Secret | RowKind::Never) => self.secrets.push(Secret {
                    name,
                    origin: Origin::Code,
                    needed: !variable.has_default,
                    made: false,
                    why: "the value of DATABASE_URL: the new database, never the source's address".to_owned(),
                }),
            }
        }
    }

    /// All names that are set, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.plain.iter().map(|p| p.name.as_str()).chain(self.secrets.iter().map(|s| s.name.as_str())).collect();
        names.sort_unstable();
        names
    }
}
