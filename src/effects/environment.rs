//! `environment`: which variables and secrets one service gets, as its stack takes them.
//! Only hands what the code reads and what Secrets Manager holds to `app::secrets`; reads no value but those of plain variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, scan_app};
use crate::app::env::{self, EnvPlan};
use crate::app::needs::Decided;
use crate::app::secrets::{Given, Home, Provided, Row, Table, plain_file, wire};
use crate::app::{Choices, Scan};
use crate::cloud::Aws;
use crate::cloud::secret_group::{self, Held};
use crate::cloud::stacks;
use crate::error::Result;
use crate::library;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    app: String,
    environment: String,
    service: String,
    /// What earlier steps made: `NAME=arn,…`; an item without an ARN counts as none.
    #[serde(default)]
    bindings: String,
    /// What was put before: other names make this step run again.
    #[serde(default)]
    because: String,
    /// By id of the question: what the variables follow from.
    #[serde(default)]
    decided: Decided,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Environment>("environment", fields)?))
}

/// Names below this are the app's.
pub fn prefix(app: &str, environment: &str) -> String {
    format!("{app}-{environment}/")
}

/// What Secrets Manager holds for the app, by name below its prefix; only what is ours.
pub async fn held(aws: &Aws, app: &str, environment: &str) -> Result<BTreeMap<String, Held>> {
    let prefix = prefix(app, environment);
    let all = secret_group::list(aws, &prefix).await?;
    Ok(all.into_iter().filter(|h| h.ours && !h.empty).map(|h| (h.name[prefix.len()..].to_owned(), h)).collect())
}

/// The table of what each service gets, with what was decided.
pub fn rows(
    scan: &Scan,
    app_dir: &Path,
    prefix: &str,
    services: &[String],
    held: &BTreeMap<String, Held>,
    decided: &Decided,
) -> Result<Vec<Row>> {
    let provided = held
        .iter()
        .map(|(name, held)| {
            let keys = held.keys.as_ref().map(|keys| keys.iter().cloned().collect());
            (name.clone(), Provided { keys, placeholder: held.placeholder, variables: held.variables.clone() })
        })
        .collect();
    let plan = plan(scan, decided)?;
    let plain = plain_file::read(&plain_file::path(app_dir, prefix.trim_end_matches('/')))?;
    let own = stacks::own_variables(library::stack("service")?);
    let table = Table::of(scan, &plan)?;
    Ok(wire(scan, services, &plan, &table, &provided, &own, &plain))
}

/// The app's variables, with what was decided.
pub fn plan(scan: &Scan, decided: &Decided) -> Result<EnvPlan> {
    env::plan(scan, &Choices { decisions: decided.clone(), ..Choices::from_scan(scan) })
}

/// A secret's ARN with its key, as a task definition takes it.
fn value_from(arn: &str, home: &Home) -> String {
    home.key.as_ref().map_or_else(|| arn.to_owned(), |key| format!("{arn}:{key}::"))
}

impl Environment {
    fn bound(&self) -> BTreeMap<String, String> {
        let pairs = self.bindings.split(',').filter_map(|item| item.split_once('='));
        pairs.filter(|(_, arn)| !arn.is_empty()).map(|(name, arn)| (name.trim().to_owned(), arn.trim().to_owned())).collect()
    }

    fn outputs(secrets: &BTreeMap<String, String>, variables: &BTreeMap<String, String>, missing: &[String]) -> Outputs {
        let arns: BTreeSet<&str> = secrets.values().map(|from| stacks::split_arn(from).0).collect();
        Outputs::from([
            ("secrets".into(), json!(json!(secrets).to_string())),
            ("variables".into(), json!(json!(variables).to_string())),
            ("arns".into(), json!(arns.into_iter().collect::<Vec<_>>().join(","))),
            ("missing".into(), json!(missing.join(","))),
        ])
    }

    async fn all(&self, world: &World, cx: Option<&Context>) -> Result<Vec<Row>> {
        let held = held(world.aws().await?, &self.app, &self.environment).await?;
        let scan = scan_app::scan(world, cx).await?;
        let services = std::slice::from_ref(&self.service);
        rows(&scan, &world.app_dir, &prefix(&self.app, &self.environment), services, &held, &self.decided)
    }
}

#[async_trait]
impl Look<World> for Environment {
    fn describe(&self) -> Description {
        Description::new(format!("settle which variables and secrets {} gets", self.service), "migrate-wizard secrets list".to_owned())
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let rows = self.all(world, None).await?;
        Ok(rows.iter().map(|row| PreviewLine::new(Sign::Note, format!("{}: {}", row.variable, row.source))).collect())
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let held = held(world.aws().await?, &self.app, &self.environment).await?;
        let (mut secrets, mut variables, mut missing) = (self.bound(), BTreeMap::new(), Vec::new());
        for row in self.all(world, Some(cx)).await? {
            match row.given {
                Given::Secret(home) | Given::Placeholder(home) => {
                    if let Some(held) = held.get(&home.secret) {
                        secrets.insert(row.variable, value_from(&held.arn, &home));
                    }
                }
                Given::Plain { value } => drop(variables.insert(row.variable, value)),
                Given::Missing(_) | Given::MissingPlain if !secrets.contains_key(&row.variable) => {
                    cx.reporter.log(format!("{}: nobody gives {}, read at {}", self.service, row.variable, row.read_at));
                    missing.push(row.variable);
                }
                Given::Missing(_) | Given::MissingPlain | Given::Stack | Given::Default | Given::Dropped | Given::Unneeded => {}
            }
        }
        variables.retain(|name, _| !secrets.contains_key(name));
        Ok(Self::outputs(&secrets, &variables, &missing))
    }

    fn example(&self) -> Outputs {
        Self::outputs(&self.bound(), &BTreeMap::new(), &[])
    }
}
