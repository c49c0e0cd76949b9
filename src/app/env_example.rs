//! `.env.example`: every name of the table in its group, with what it is, where it is read and what takes its place on AWS.
//! Never a value: right of `=` is nothing, and a name that must not be empty stands behind a `#`; never a second opinion beside the table.

use super::choices::Choices;
use super::env::EnvPlan;
use super::env_table::{self, By, EnvRow, Kind};
use super::scan::Scan;
use crate::error::Result;

/// Set by every Dockerfile that we make: an empty line would take away what the image sets.
const IN_IMAGE: &[&str] = &["NODE_ENV", "PORT", "NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT"];
const HEAD: &str =
    "# Names only: copy this file to .env for work on your own machine (docker compose reads it) and fill it in there. Never commit values.
# A name behind # has a value without you, in the code or in docker-compose.yml, or may be left out: take the # away to give your
# own, and leave none empty, for an empty line counts as empty. A fixed value of docker-compose.yml is changed there.
";
const SECRETS: &str = "secrets: on AWS they live in Secrets Manager (migrate-wizard secrets import)";
const PERSON: &str = "settings that a person gives, on AWS too";
const GIVEN: &str = "settings that AWS gets without you; here they are yours";
const BUILD: &str = "settings of the image build";
const HERE: &str = "for work on your own machine alone";

/// The file's text.
///
/// # Errors
/// `Bug` if our own rules cannot be read.
pub fn text(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> Result<String> {
    let rows = env_table::rows(scan, choices, plan, &choices.set_by_stack)?;
    let mut out = HEAD.to_owned();
    for title in [SECRETS, PERSON, GIVEN, BUILD, HERE] {
        let of: Vec<&EnvRow> = rows.iter().filter(|row| group(row) == Some(title)).collect();
        if !of.is_empty() {
            out.push_str(&format!("\n# --- {title}\n"));
        }
        for row in of {
            let sign = if may_stay_out(row, plan) { "#" } else { "" };
            out.push_str(&format!("# {}\n{sign}{}=\n", words(row), row.name));
        }
    }
    let image: Vec<&str> = rows.iter().map(|row| row.name.as_str()).filter(|name| IN_IMAGE.contains(name)).collect();
    out.push_str(&format!("\n# --- set by the image: {}\n", image.join(", ")));
    let unread: Vec<&str> = plan.never.iter().map(|n| n.name.as_str()).filter(|name| rows.iter().all(|row| row.name != *name)).collect();
    for (kind, title) in [(Kind::Unneeded, "not needed on AWS, with what was decided"), (Kind::Never, "never set these outside Replit")] {
        let of: Vec<&EnvRow> = rows.iter().filter(|row| row.kind == kind).collect();
        if !of.is_empty() || (kind == Kind::Never && !unread.is_empty()) {
            out.push_str(&format!("\n# --- {title}\n"));
        }
        out.extend(of.iter().map(|row| format!("# {}: {}\n", row.name, words(row))));
    }
    if !unread.is_empty() {
        let nor = if rows.iter().any(|row| row.kind == Kind::Never) { "nor any of these" } else { "these" };
        out.push_str(&format!("# {nor}, which no code of the app was seen to read: {}\n", unread.join(", ")));
    }
    Ok(out)
}

/// Where a name stands; `None`: in none of the groups that are filled in.
fn group(row: &EnvRow) -> Option<&'static str> {
    if IN_IMAGE.contains(&row.name.as_str()) {
        return None;
    }
    match (row.kind, row.by) {
        (Kind::Never | Kind::Unneeded, _) => None,
        (Kind::Secret, _) => Some(SECRETS),
        (Kind::Plain, By::Build) => Some(BUILD),
        (Kind::Plain, By::Nobody) => Some(HERE),
        (Kind::Plain, By::Person | By::Secrets) => Some(PERSON),
        (Kind::Plain, By::Stack | By::Value | By::Default) => Some(GIVEN),
    }
}

/// The code, the compose file or what the wizard knows has a value, or nothing needs it.
fn may_stay_out(row: &EnvRow, plan: &EnvPlan) -> bool {
    row.has_default == Some(true)
        || row.by == By::Value
        // no code reads it
        || (matches!(row.by, By::Stack | By::Nobody) && row.has_default.is_none())
        || plan.only_on_aws.contains(&row.name)
        // the Dockerfile has a value, and an empty one would take its place
        || plan.build.get(&row.name).is_some_and(|value| !value.is_empty())
        || plan.local.contains_key(&row.name)
        || plan.secrets.iter().any(|secret| secret.name == row.name && !secret.needed)
}

/// What it is, the first place that it comes from, what takes its place.
fn words(row: &EnvRow) -> String {
    // the reason may be the place itself
    let is_place = row.why.starts_with("read at ") || row.why.starts_with("from [");
    let mut parts = vec![row.why.clone()];
    if let Some(source) = row.sources.iter().find(|source| source.place.is_some()).filter(|_| !is_place) {
        let place = source.place.as_ref().map(|p| format!("{}:{}", p.file, p.line)).unwrap_or_default();
        let from = if source.from == "code" { "read" } else { "set" };
        let more = match row.sources.len() {
            0 | 1 => String::new(),
            all => format!(" and in {} more", all - 1),
        };
        parts.push(format!("{from} at {place}{more}"));
    }
    match row.by {
        // a value of `.replit` stands there, and nowhere else
        By::Value if row.why.starts_with("from [") => parts.push("on AWS the same".to_owned()),
        By::Nobody => {}
        By::Stack | By::Value | By::Default | By::Person | By::Secrets | By::Build => parts.push(format!("on AWS: {}", row.on_aws)),
    }
    parts.join("; ")
}
