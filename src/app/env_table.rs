//! The table of every variable of the app: where it comes from, who reads it, what becomes of it on AWS.
//! Never a second opinion: what a name becomes is said by the plan and by the rules of the secrets, here it is only set side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build_args;
use super::choices::Choices;
use super::env::EnvPlan;
use super::layout::line_key;
use super::replit::EnvValue;
use super::scan::Scan;
use super::secrets::{Given, Row as Wired, Table, UNREAD, is_missing, wire};
use super::variable::{Place, Variable, place_for};
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Plain,
    Secret,
    /// It must not be set.
    Never,
    /// With what was decided nobody has to give it.
    Unneeded,
}

/// Who gives a name on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The service's stack.
    Stack,
    /// The task definition, with a value that is known.
    Value,
    /// Nobody: the code has a default.
    Default,
    /// Somebody has to say it.
    Person,
    /// Secrets Manager.
    Secrets,
    /// The build of the image alone.
    Build,
    Nobody,
}

/// One place that a name comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `code`, `.replit [env]`, `.replit [userenv.production]`, …; `wizard` for a name that only AWS needs.
    pub from: String,
    pub place: Option<Place>,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvRow {
    pub name: String,
    pub kind: Kind,
    pub sources: Vec<Source>,
    /// Every place of the code that reads it has a default; `None`: no code was seen to read it.
    pub has_default: Option<bool>,
    /// The build reads it.
    pub at_build: bool,
    /// The running app reads it, or gets it.
    pub at_run: bool,
    /// Services whose code reads it (a shared package counts for all); of a name that no code was seen to read, those that get it.
    pub services: Vec<String>,
    /// Who gives it on AWS.
    pub by: By,
    /// What takes its place on AWS.
    pub on_aws: String,
    pub why: String,
}

/// Every variable of the app, by name. `own`: the variables that a service's stack sets by itself.
///
/// # Errors
/// `Bug` if our own rules cannot be read.
pub fn rows(scan: &Scan, choices: &Choices, plan: &EnvPlan, own: &BTreeSet<String>) -> Result<Vec<EnvRow>> {
    let services: Vec<String> = choices.containers(scan).iter().map(|s| s.name.clone()).collect();
    let table = Table::of(scan, plan)?;
    let nothing = BTreeMap::new();
    let wired = wire(scan, &services, plan, &table, &nothing, own, &BTreeMap::new());
    let given: BTreeMap<&str, &Wired> = wired.iter().map(|row| (row.variable.as_str(), row)).collect();
    let read: BTreeMap<&str, &Variable> = scan.variables.iter().map(|v| (v.name.as_str(), v)).collect();
    let replit: Vec<&EnvValue> = scan.replit.iter().flat_map(|r| &r.env).collect();
    let mut names: BTreeSet<&str> = plan.names().into_iter().chain(read.keys().copied()).collect();
    names.extend(replit.iter().map(|e| e.name.as_str()));
    names.extend(plan.build.keys().map(String::as_str));
    let prefix = format!("{}-{}/", choices.app_name, choices.environment);
    let in_images: BTreeSet<&str> = build_args::of(scan, plan, &choices.containers(scan)).into_iter().map(|(name, _)| name).collect();
    Ok(names
        .into_iter()
        .map(|name| {
            let variable = read.get(name).copied();
            let never = plan.never.iter().find(|n| n.name == name);
            let secret = plan.secrets.iter().find(|s| s.name == name);
            let plain = plan.plain.iter().find(|p| p.name == name);
            let unneeded = plan.unneeded.iter().find(|n| n.name == name);
            let kind = match (never, unneeded, secret) {
                (Some(_), _, _) => Kind::Never,
                (None, Some(_), _) => Kind::Unneeded,
                (None, None, Some(_)) => Kind::Secret,
                (None, None, None) => Kind::Plain,
            };
            // what a person stores nowhere is no secret of theirs
            let by_stack = given.get(name).is_some_and(|row| row.given == Given::Stack);
            let kind = if kind == Kind::Secret && by_stack { Kind::Plain } else { kind };
            let why = [never.map(|n| &n.why), unneeded.map(|n| &n.why), secret.map(|s| &s.why), plain.map(|p| &p.why)]
                .into_iter()
                .flatten()
                .next()
                .cloned();
            let only_development = replit.iter().any(|e| e.name == name) && why.is_none();
            let fixed: Vec<&str> = if in_images.contains(name) || !plan.build.contains_key(name) {
                Vec::new()
            } else {
                build_args::statics(scan, name).into_iter().map(|s| s.name.as_str()).collect()
            };
            let asked = Asked { name, kind, at_build: variable.is_some_and(|v| v.at_build), build: plan.build.get(name), fixed };
            let unread = variable.is_none() && given.get(name).is_some_and(|row| row.given == Given::Unneeded);
            let (by, on_aws) = on_aws(&asked, given.get(name).copied(), &table, &prefix);
            EnvRow {
                name: name.to_owned(),
                kind,
                sources: sources(scan, name, variable, &replit),
                has_default: variable.map(|v| v.has_default),
                at_build: plan.build.contains_key(name),
                at_run: !matches!(kind, Kind::Never | Kind::Unneeded)
                    && !unread
                    && !only_development
                    && !variable.is_some_and(|v| v.at_build)
                    && (given.contains_key(name) || !plan.build.contains_key(name)),
                services: match variable {
                    Some(v) => services.iter().filter(|s| place_for(scan, s, v).is_some()).cloned().collect(),
                    None => getters(&wired, name),
                },
                by,
                on_aws,
                why: why.unwrap_or_else(|| "for development only: the published app does not get it".to_owned()),
            }
        })
        .collect())
}

/// What only a person can give, each name once, with the reason: what `secrets list` calls missing where nothing is stored yet.
///
/// # Errors
/// `Bug` if our own rules cannot be read.
pub fn missing(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> Result<BTreeMap<String, String>> {
    let services: Vec<String> = choices.containers(scan).iter().map(|s| s.name.clone()).collect();
    let table = Table::of(scan, plan)?;
    let wired = wire(scan, &services, plan, &table, &BTreeMap::new(), &choices.set_by_stack, &BTreeMap::new());
    let why = |name: &str| {
        let plain = plan.plain.iter().filter(|p| p.name == name).map(|p| &p.why);
        plan.secrets.iter().filter(|s| s.name == name).map(|s| &s.why).chain(plain).next().cloned().unwrap_or_default()
    };
    // an assessment knows no stack
    let by_stack = |name: &str| plan.plain.iter().any(|p| p.name == name && p.by_stack);
    let missing = wired.iter().filter(|row| is_missing(row, plan, &table) && !by_stack(&row.variable));
    Ok(missing.map(|row| (row.variable.clone(), why(&row.variable))).collect())
}

fn sources(scan: &Scan, name: &str, variable: Option<&Variable>, replit: &[&EnvValue]) -> Vec<Source> {
    let mut out: Vec<Source> = replit
        .iter()
        .filter(|e| e.name == name)
        .map(|e| Source {
            from: format!(".replit [{}]", if e.section == "env" { "env".to_owned() } else { format!("userenv.{}", e.section) }),
            place: scan.layout.replit_lines.get(&line_key(&e.section, name)).map(|line| Place { file: ".replit".to_owned(), line: *line }),
        })
        .collect();
    let places = variable.map(|v| v.places.as_slice()).unwrap_or_default();
    out.extend(places.iter().map(|p| Source { from: "code".to_owned(), place: Some(p.clone()) }));
    if out.is_empty() {
        out.push(Source { from: "wizard".to_owned(), place: None });
    }
    out
}

/// The services that get a name, whoever gives it.
fn getters(wired: &[Wired], name: &str) -> Vec<String> {
    let gets = |row: &&Wired| row.variable == name && !matches!(row.given, Given::Dropped | Given::Unneeded);
    wired.iter().filter(gets).map(|row| row.service.clone()).collect()
}

/// A name, as far as it matters who gives it.
struct Asked<'a> {
    name: &'a str,
    kind: Kind,
    at_build: bool,
    /// What the build gets; empty: a person says it.
    build: Option<&'a String>,
    /// Services of files alone, where no image's build needs it.
    fixed: Vec<&'a str>,
}

fn on_aws(asked: &Asked<'_>, given: Option<&Wired>, table: &Table, prefix: &str) -> (By, String) {
    let Asked { name, kind, at_build, build, ref fixed } = *asked;
    let not_set = || (By::Nobody, "not set".to_owned());
    if matches!(kind, Kind::Never | Kind::Unneeded) {
        return not_set();
    }
    if at_build || (given.is_none() && build.is_some()) {
        let value = build.filter(|value| !value.is_empty()).map(|value| format!(": {value}")).unwrap_or_default();
        let place = if fixed.is_empty() {
            "an argument of the image build".to_owned()
        } else {
            format!("set for the build of {}, files alone", fixed.join(" and "))
        };
        return (By::Build, format!("{place}{value}"));
    }
    let stored = |home| (By::Secrets, in_secrets_manager(prefix, home));
    match given.map(|row| &row.given) {
        Some(Given::Stack) => (By::Stack, "set by the service's stack".to_owned()),
        Some(Given::Plain { value }) => (By::Value, format!("task definition: {value}")),
        Some(Given::Default) if kind == Kind::Secret => {
            let home = in_secrets_manager(prefix, &table.home(name));
            (By::Default, format!("not set: the code's default; a value of your own would be in {home}"))
        }
        Some(Given::Default) => (By::Default, "not set: the code's default".to_owned()),
        // of the plan's own this was said above
        Some(Given::Unneeded) if kind == Kind::Secret => {
            (By::Nobody, format!("not set: {UNREAD}; imported, it is in {}", in_secrets_manager(prefix, &table.home(name))))
        }
        Some(Given::Dropped | Given::Unneeded) => not_set(),
        Some(Given::MissingPlain) => (By::Person, "task definition: a person gives the value".to_owned()),
        Some(Given::Secret(home) | Given::Placeholder(home) | Given::Missing(home)) => stored(home),
        None if kind == Kind::Secret => stored(&table.home(name)),
        None => not_set(),
    }
}

fn in_secrets_manager(prefix: &str, home: &super::secrets::Home) -> String {
    let key = home.key.as_ref().map(|k| format!(", key {k}")).unwrap_or_default();
    format!("Secrets Manager: {prefix}{}{key}", home.secret)
}
