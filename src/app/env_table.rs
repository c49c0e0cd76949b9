//! The table of every variable of the app: where it comes from, who reads it, what becomes of it on AWS; and the list of names for a person.
//! Never a second opinion: what a name becomes is said by the plan and by the rules of the secrets, here it is only set side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::choices::Choices;
use super::env::{EnvPlan, Plain};
use super::layout::line_key;
use super::replit::EnvValue;
use super::scan::Scan;
use super::secrets::{Given, Row as Wired, Table, wire};
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
    let table = Table::bundled()?;
    let nothing = BTreeMap::new();
    let wired = wire(scan, &services, plan, &table, &nothing, own, &BTreeMap::new());
    let given: BTreeMap<&str, &Wired> = wired.iter().map(|row| (row.variable.as_str(), row)).collect();
    let read: BTreeMap<&str, &Variable> = scan.variables.iter().map(|v| (v.name.as_str(), v)).collect();
    let replit: Vec<&EnvValue> = scan.replit.iter().flat_map(|r| &r.env).collect();
    let mut names: BTreeSet<&str> = plan.names().into_iter().chain(read.keys().copied()).collect();
    names.extend(replit.iter().map(|e| e.name.as_str()));
    names.extend(plan.build.keys().map(String::as_str));
    let prefix = format!("{}-{}/", choices.app_name, choices.environment);
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
            EnvRow {
                name: name.to_owned(),
                kind,
                sources: sources(scan, name, variable, &replit),
                has_default: variable.map(|v| v.has_default),
                at_build: plan.build.contains_key(name),
                at_run: !matches!(kind, Kind::Never | Kind::Unneeded) && !only_development && !(variable.is_some_and(|v| v.at_build)),
                services: match variable {
                    Some(v) => services.iter().filter(|s| place_for(scan, s, v).is_some()).cloned().collect(),
                    None => getters(&wired, name),
                },
                on_aws: on_aws(name, kind, variable, given.get(name).copied(), &table, &prefix),
                why: why.unwrap_or_else(|| "for development only: the published app does not get it".to_owned()),
            }
        })
        .collect())
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

fn on_aws(name: &str, kind: Kind, variable: Option<&Variable>, given: Option<&Wired>, table: &Table, prefix: &str) -> String {
    if matches!(kind, Kind::Never | Kind::Unneeded) {
        return "not set".to_owned();
    }
    if variable.is_some_and(|v| v.at_build) {
        return "an argument of the image build".to_owned();
    }
    match given.map(|row| &row.given) {
        Some(Given::Stack) => "set by the service's stack".to_owned(),
        Some(Given::Plain { value }) => format!("task definition: {value}"),
        Some(Given::Default) if kind == Kind::Secret => {
            format!("not set: the code's default; a value of your own would be in {}", in_secrets_manager(prefix, &table.home(name)))
        }
        Some(Given::Default) => "not set: the code's default".to_owned(),
        Some(Given::Dropped | Given::Unneeded) => "not set".to_owned(),
        Some(Given::MissingPlain) => "task definition: a person gives the value".to_owned(),
        Some(Given::Secret(home) | Given::Placeholder(home) | Given::Missing(home)) => in_secrets_manager(prefix, home),
        None if kind == Kind::Secret => in_secrets_manager(prefix, &table.home(name)),
        None => "not set".to_owned(),
    }
}

fn in_secrets_manager(prefix: &str, home: &super::secrets::Home) -> String {
    let key = home.key.as_ref().map(|k| format!(", key {k}")).unwrap_or_default();
    format!("Secrets Manager: {prefix}{}{key}", home.secret)
}

/// Set by every Dockerfile that we make.
const IN_IMAGE: &[&str] = &["NODE_ENV", "PORT", "NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT"];

/// `.env.example`: names and reasons; the right side of every line is empty. What has a value without it is commented out: copied as it is, the
/// file must not take away a default of the code, for an empty value is a value.
pub fn example(plan: &EnvPlan) -> String {
    let mut out = String::from(
        "# Names only: copy this file to .env for local work (docker compose reads it) and fill it in there. Never commit values.\n# A line with # has a value without it, in the code or in docker-compose.yml: take the # away to give your own, and leave\n# none empty. A fixed value of docker-compose.yml is changed there.\n\n# secrets: on AWS they live in Secrets Manager\n",
    );
    if plan.secrets.is_empty() {
        out.push_str("# none\n");
    }
    for secret in &plan.secrets {
        let mark = if secret.needed && !plan.local.contains_key(&secret.name) { "" } else { "#" };
        out.push_str(&format!("# {}\n{mark}{}=\n", secret.why, secret.name));
    }
    out.push_str("\n# settings\n");
    let (image, open): (Vec<&Plain>, Vec<&Plain>) = plan.plain.iter().partition(|p| IN_IMAGE.contains(&p.name.as_str()));
    for plain in open {
        out.push_str(&format!("# {}\n#{}=\n", plain.why, plain.name));
    }
    // an empty line here would take away what the image sets
    let image: Vec<&str> = image.iter().map(|p| p.name.as_str()).collect();
    out.push_str(&format!("\n# set by the image: {}\n", image.join(", ")));
    if !plan.unneeded.is_empty() {
        out.push_str("\n# not needed on AWS, with what was decided:\n");
    }
    for unneeded in &plan.unneeded {
        out.push_str(&format!("# {}: {}\n", unneeded.name, unneeded.why));
    }
    out.push_str("\n# never set these outside Replit:\n");
    for never in &plan.never {
        out.push_str(&format!("# {}: {}\n", never.name, never.why));
    }
    out
}
