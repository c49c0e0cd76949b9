//! `app_secrets`: every secret that the app's code reads is in Secrets Manager: from Replit's block, an exported variable, a random value,
//! or a placeholder that says so. Only hands values from `app::secrets` to `cloud::secret_group`; keeps and shows none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::environment::{held, plan, prefix};
use super::{World, scan_app};
use crate::app::Scan;
use crate::app::needs::Decided;
use crate::app::secrets::{Becomes, Home, Put, Sorted, Table, Wanted, fill, parse, plain_file, puts, sort, wanted};
use crate::cloud::secret_group::{self, Contents, Held, MADE, PLACEHOLDER};
use crate::cloud::secrets::{self, Change, Recovery};
use crate::cloud::{Aws, Secret};
use crate::error::{Context as _, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSecrets {
    app: String,
    environment: String,
    /// Replit's block, from the app's folder; empty: none.
    #[serde(default)]
    file: String,
    /// By id of the question: what the app needs follows from it.
    #[serde(default)]
    decided: Decided,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<AppSecrets>("app_secrets", fields)?))
}

/// Puts one secret where the app reads it.
pub async fn store(aws: &Aws, app: &str, environment: &str, put: &Put, token: &str) -> Result<(String, Change)> {
    let name = format!("{}{}", prefix(app, environment), put.secret);
    let contents = match &put.text {
        Some(text) => Contents::Text(text.clone()),
        None => Contents::Keys(put.keys.clone()),
    };
    let mut tags = BTreeMap::from([("app".to_owned(), app.to_owned()), ("environment".to_owned(), environment.to_owned())]);
    if put.made {
        tags.insert(MADE.to_owned(), "yes".to_owned());
    }
    let (arn, change) = secret_group::store(aws, &name, &contents, &put.variables, &tags, token).await?;
    if change == Change::Updated {
        secret_group::tell_made(aws, &arn, put.made).await?;
    }
    Ok((arn, change))
}

/// The variables that the app's logins stand on and whose value is not Replit's: made anew, or only held open.
fn new_sessions(wanted: &[Wanted], puts: &[Put], held: &BTreeMap<String, Held>) -> Vec<String> {
    let is_new = |want: &&Wanted| match puts.iter().find(|put| put.secret == want.home.secret) {
        Some(put) => put.made || is_open(put),
        None => held.get(&want.home.secret).is_some_and(|held| held.made || held.placeholder),
    };
    wanted.iter().filter(|want| want.sessions).filter(is_new).map(|want| want.variable.clone()).collect()
}

/// It holds a place for a value that nobody gave.
fn is_open(put: &Put) -> bool {
    put.text.iter().chain(put.keys.values()).any(|value| value.expose() == PLACEHOLDER)
}

/// The plain variables of a block.
pub fn plain(sorted: &[Sorted]) -> BTreeMap<String, String> {
    let plain = sorted.iter().filter(|s| s.becomes == Becomes::Plain);
    plain.map(|s| (s.name.clone(), s.value.expose().to_owned())).collect()
}

fn holds(held: &BTreeMap<String, Held>, home: &Home) -> bool {
    held.get(&home.secret).is_some_and(|h| match (&h.keys, &home.key) {
        (Some(keys), Some(key)) => keys.contains(key),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}

impl AppSecrets {
    fn block(&self, app_dir: &Path, table: &Table) -> Result<Vec<Sorted>> {
        if self.file.is_empty() {
            return Ok(Vec::new());
        }
        let path: PathBuf = app_dir.join(&self.file);
        let text = std::fs::read_to_string(&path).or_fail(
            Kind::Input,
            format!("cannot read {}", path.display()),
            "save Replit's block there (Secrets, Edit as JSON), or answer with an empty line",
        )?;
        Ok(sort(&parse(&text, &self.file)?.entries, table))
    }

    /// What is to be put, in the order of names.
    fn puts(&self, app_dir: &Path, scan: &Scan, held: &BTreeMap<String, Held>) -> Result<(Vec<Put>, BTreeMap<String, String>)> {
        let table = Table::of(scan, &plan(scan, &self.decided)?)?;
        let sorted = self.block(app_dir, &table)?;
        let exported = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty()).map(Secret::new);
        let all = fill(
            puts(&sorted, &[])?,
            &self.wants(scan)?,
            &|home| holds(held, home),
            &exported,
            &|| Secret::new(super::secret::random()),
            &Secret::new(PLACEHOLDER),
        );
        Ok((all, plain(&sorted)))
    }

    fn outputs(&self, names: &BTreeSet<String>, placeholders: &[String], wanted: &[Wanted]) -> Outputs {
        let sessions: Vec<String> =
            wanted.iter().filter(|want| want.sessions).map(|want| format!("{}={}", want.variable, want.home.secret)).collect();
        Outputs::from([
            ("sessions".into(), json!(sessions.join(","))),
            ("names".into(), json!(names.iter().cloned().collect::<Vec<_>>().join(","))),
            ("placeholders".into(), json!(placeholders.join(","))),
        ])
    }

    fn wants(&self, scan: &Scan) -> Result<Vec<Wanted>> {
        let plan = plan(scan, &self.decided)?;
        Ok(wanted(scan, &plan, &Table::of(scan, &plan)?))
    }
}

#[async_trait]
impl Apply<World> for AppSecrets {
    fn describe(&self) -> Description {
        let from = if self.file.is_empty() { String::new() } else { format!(" --file {}", self.file) };
        Description::new(
            format!("keep every secret that the code reads below {}", prefix(&self.app, &self.environment)),
            format!("migrate-wizard secrets import{from} --app {} --environment {}", self.app, self.environment),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let held = held(world.aws().await?, &self.app, &self.environment).await?;
        let scan = scan_app::scan(world, None).await?;
        let (all, plain) = self.puts(&world.app_dir, &scan, &held)?;
        let mut lines: Vec<PreviewLine> = all
            .iter()
            .map(|put| {
                let sign = if held.contains_key(&put.secret) { Sign::Change } else { Sign::Add };
                let open = is_open(put);
                let words: Vec<&str> = put.variables.keys().map(String::as_str).collect();
                let note = if open { ": a placeholder, nobody gave a value" } else { "" };
                PreviewLine::new(sign, format!("secret {} ({}){note}", put.secret, words.join(", ")))
            })
            .collect();
        lines.extend(plain.keys().map(|name| PreviewLine::new(Sign::Note, format!("plain variable {name}"))));
        if lines.is_empty() {
            lines.push(PreviewLine::new(Sign::Same, "every secret that the code reads is there"));
        }
        Ok(lines)
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        if !self.file.is_empty() {
            return Ok(Probe::Absent);
        }
        let held = held(world.aws().await?, &self.app, &self.environment).await?;
        let scan = scan_app::scan(world, None).await?;
        let wants = self.wants(&scan)?;
        if wants.iter().any(|w| w.needed && !holds(&held, &w.home)) {
            return Ok(Probe::Absent);
        }
        let names = wants.iter().map(|w| w.home.secret.clone()).filter(|name| held.contains_key(name)).collect();
        let open: Vec<String> = held.iter().filter(|(_, h)| h.placeholder).map(|(name, _)| name.clone()).collect();
        Ok(Probe::Present(self.outputs(&names, &open, &wants)))
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let held = held(world.aws().await?, &self.app, &self.environment).await?;
        Ok(Outputs::from([("there".into(), json!(held.keys().collect::<Vec<_>>()))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let held = held(aws, &self.app, &self.environment).await?;
        let scan = scan_app::scan(world, Some(cx)).await?;
        let (all, plain) = self.puts(&world.app_dir, &scan, &held)?;
        let wants = self.wants(&scan)?;
        let mut names: BTreeSet<String> = wants.iter().map(|w| w.home.secret.clone()).filter(|name| held.contains_key(name)).collect();
        let mut open: Vec<String> = held.iter().filter(|(_, h)| h.placeholder).map(|(name, _)| name.clone()).collect();
        for put in &all {
            let (_, change) = store(aws, &self.app, &self.environment, put, &cx.token).await?;
            let placeholder = is_open(put);
            open.retain(|name| *name != put.secret);
            if placeholder {
                open.push(put.secret.clone());
            }
            let done = match change {
                Change::Created => "made",
                Change::Updated => "changed",
                Change::Unchanged => "unchanged",
            };
            cx.reporter.log(format!("{}: {done}{}", put.secret, if placeholder { ", with a placeholder" } else { "" }));
            names.insert(put.secret.clone());
        }
        plain_file::add(&plain_file::path(&world.app_dir, &format!("{}-{}", self.app, self.environment)), &plain)?;
        let new_sessions = new_sessions(&wants, &all, &held);
        if !new_sessions.is_empty() {
            cx.reporter.log(format!("not Replit's value, so everybody signs in again: {}", new_sessions.join(", ")));
        }
        Ok(self.outputs(&names, &open, &wants))
    }

    async fn undo(&self, world: &World, cx: &Context, outputs: &Outputs) -> Result<()> {
        let aws = world.aws().await?;
        let there: BTreeSet<&str> =
            cx.before.get("there").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let made: BTreeSet<String> = match outputs.get("names").and_then(Value::as_str) {
            Some(names) => names.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect(),
            // it never came to its end: whatever is wanted and was not there before
            None => self.wants(&scan_app::scan(world, Some(cx)).await?)?.into_iter().map(|w| w.home.secret).collect(),
        };
        let recovery = if world.is_sandbox() { Recovery::Never } else { Recovery::Days(7) };
        for name in made.iter().filter(|name| !there.contains(name.as_str())) {
            secrets::delete(aws, &format!("{}{name}", prefix(&self.app, &self.environment)), recovery).await?;
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs(&BTreeSet::new(), &[], &[])
    }
}
