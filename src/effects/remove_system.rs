//! `find_system`, `remove_system`: what AWS says is there of one system, and taking it away, newest first.
//! Only hands names to `cloud` and prices to people; what is kept is the templates' decision.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::secrets::Recovery;
use crate::cloud::stacks::{self, Kept, Retained};
use crate::cloud::{registry, secrets};
use crate::decide::Prices;
use crate::error::Result;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindSystem {
    app: String,
    environment: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveSystem {
    app: String,
    environment: String,
    /// ARNs of stacks, separated by commas, those first that nothing else was built on.
    stacks: String,
    /// Names, separated by commas.
    #[serde(default)]
    secrets: String,
    #[serde(default)]
    repositories: String,
}

pub fn build_find(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<FindSystem>("find_system", fields)?))
}

pub fn build_remove(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<RemoveSystem>("remove_system", fields)?))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The name in `arn:aws:cloudformation:us-east-1:123456789012:stack/NAME/ID`.
fn name_of(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

/// What keeping it costs, from the price list; named where that has no price.
fn price(prices: &Prices, kept: &Kept) -> String {
    let store = stacks::store(&kept.resource_type);
    let word = store.map_or(kept.resource_type.as_str(), |store| store.word.as_str());
    let what = if kept.snapshot { format!("a last snapshot of the {word}") } else { format!("the {word}") };
    let cost = match store.and_then(|store| prices.get(store.price.as_deref()?)) {
        Some(price) => format!("{} per {} (as of {})", price.price.exact(), price.unit, price.as_of),
        None => "no price in the list".to_owned(),
    };
    format!("{what} {} of {}: {cost}", kept.logical_id, kept.stack)
}

async fn kept(world: &World, arns: &[String]) -> Result<Vec<String>> {
    let aws = world.aws().await?;
    let mut lines = Vec::new();
    for arn in arns {
        if let Some(stack) = stacks::status(aws, arn).await? {
            lines.extend(stacks::keeps(aws, &stack).await?.iter().map(|kept| price(world.costs().prices(), kept)));
        }
    }
    Ok(lines)
}

/// What was left in place.
fn outputs(retained: Vec<Retained>) -> Outputs {
    let mut names: Vec<String> = retained.iter().map(|kept| format!("{} {}", kept.resource_type, kept.physical_id)).collect();
    names.sort();
    let summary = if names.is_empty() { "nothing was left in place".to_owned() } else { format!("left in place: {}", names.join(", ")) };
    Outputs::from([("kept".into(), json!(names.join(","))), ("summary".into(), json!(summary))])
}

#[async_trait]
impl Apply<World> for FindSystem {
    fn describe(&self) -> Description {
        Description::new(
            format!("see which stacks, secrets and repositories there are of {}-{}", self.app, self.environment),
            "aws cloudformation describe-stacks",
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(Vec::new())
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let standing = stacks::standing(aws, &self.app, &self.environment).await?;
        let arns: Vec<String> = standing.iter().map(|s| s.stack.arn.clone()).collect();
        let secrets = secrets::of_system(aws, &self.app, &self.environment).await?;
        let repositories = registry::of_system(aws, &self.app, &self.environment).await?;
        for standing in &standing {
            cx.reporter.log(format!("{:<22} {}", standing.stack.status, standing.stack.name));
        }
        let kept = kept(world, &arns).await?;
        for line in &kept {
            cx.reporter.log(format!("will be kept: {line}"));
        }
        let nothing = arns.is_empty() && secrets.is_empty() && repositories.is_empty();
        let counts = format!(
            "{}, {}, {}",
            text::plural(arns.len() as u64, "stack"),
            text::plural(secrets.len() as u64, "secret"),
            text::plural(repositories.len() as u64, "image repository").replace("repositorys", "repositories")
        );
        let stays = if kept.is_empty() { "nothing of it is kept".to_owned() } else { format!("kept: {}", kept.join("; ")) };
        let summary = if nothing { "nothing of it is there".to_owned() } else { format!("{counts}; {stays}") };
        Ok(Outputs::from([
            ("system".into(), json!(if nothing { String::new() } else { format!("{}-{}", self.app, self.environment) })),
            ("stacks".into(), json!(arns.join(","))),
            ("secrets".into(), json!(secrets.join(","))),
            ("repositories".into(), json!(repositories.join(","))),
            ("summary".into(), json!(summary)),
        ]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        let system = format!("{}-{}", self.app, self.environment);
        Outputs::from([
            ("system".into(), json!(system)),
            ("stacks".into(), json!(format!("arn:aws:cloudformation:us-east-1:000000000000:stack/{system}-network/example"))),
            ("secrets".into(), json!("")),
            ("repositories".into(), json!("")),
            ("summary".into(), json!("AWS was not asked")),
        ])
    }
}

#[async_trait]
impl Apply<World> for RemoveSystem {
    fn describe(&self) -> Description {
        let names: Vec<&str> = list(&self.stacks).map(name_of).collect();
        let commands = names.iter().map(|name| format!("aws cloudformation delete-stack --stack-name {name}"));
        let commands = commands.chain(
            list(&self.secrets).map(|name| format!("aws secretsmanager delete-secret --secret-id {name} --recovery-window-in-days 7")),
        );
        let commands =
            commands.chain(list(&self.repositories).map(|name| format!("aws ecr delete-repository --force --repository-name {name}")));
        Description::new(
            format!("delete {} of {}-{}: {}", text::plural(names.len() as u64, "stack"), self.app, self.environment, names.join(", ")),
            commands.collect::<Vec<_>>().join("\n"),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let arns: Vec<String> = list(&self.stacks).map(str::to_owned).collect();
        let kept = kept(world, &arns).await?;
        let gone = |what: &'static str| move |name: &str| PreviewLine::new(Sign::Remove, format!("{what} {name}"));
        let mut lines: Vec<PreviewLine> = list(&self.stacks).map(name_of).map(gone("stack")).collect();
        lines.extend(list(&self.secrets).map(gone("secret (can be restored for a week)")));
        lines.extend(list(&self.repositories).map(gone("images")));
        lines.extend(kept.into_iter().map(|line| PreviewLine::new(Sign::Same, format!("stays: {line}"))));
        Ok(lines)
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let aws = world.aws().await?;
        let standing = stacks::standing(aws, &self.app, &self.environment).await?;
        let wanted: BTreeSet<&str> = list(&self.stacks).collect();
        let left = standing.iter().any(|s| wanted.contains(s.stack.arn.as_str()));
        let secrets: BTreeSet<&str> = list(&self.secrets).collect();
        let left = left || secrets::of_system(aws, &self.app, &self.environment).await?.iter().any(|name| secrets.contains(name.as_str()));
        let images: BTreeSet<&str> = list(&self.repositories).collect();
        let left = left || registry::of_system(aws, &self.app, &self.environment).await?.iter().any(|name| images.contains(name.as_str()));
        if left {
            return Ok(Probe::Absent);
        }
        let mut retained = Vec::new();
        for arn in &wanted {
            retained.extend(stacks::left(aws, arn).await?);
        }
        Ok(Probe::Present(outputs(retained)))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let arns = list(&self.stacks).map(str::to_owned).collect();
        let retained = stacks::remove(aws, &arns, &cx.token, &cx.reporter).await?;
        for name in list(&self.secrets) {
            secrets::delete(aws, name, if world.is_sandbox() { Recovery::Never } else { Recovery::Days(7) }).await?;
            cx.reporter.log(format!("secret {name} is deleted"));
        }
        for name in list(&self.repositories) {
            registry::delete(aws, name).await?;
            cx.reporter.log(format!("images {name} are deleted"));
        }
        for kept in &retained {
            cx.reporter.log(format!("kept: {} {} ({})", kept.resource_type, kept.physical_id, kept.logical_id));
        }
        Ok(outputs(retained))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("what was deleted stays deleted: `migrate-wizard stacks deploy` makes it anew");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("kept".into(), json!("")), ("summary".into(), json!("AWS was not asked"))])
    }
}
