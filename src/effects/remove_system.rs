//! `remove_system`: takes all stacks, secrets and images of a system away, newest first.
//! Only hands names to `cloud`; what is kept is the templates' decision.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::find_system::kept;
use crate::cloud::secrets::Recovery;
use crate::cloud::stacks::{self, Retained};
use crate::cloud::{door, registry, secrets};
use crate::error::Result;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

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

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<RemoveSystem>("remove_system", fields)?))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The name in `arn:aws:cloudformation:us-east-1:123456789012:stack/NAME/ID`.
fn name_of(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

/// What was left in place.
fn outputs(retained: Vec<Retained>) -> Outputs {
    let mut names: Vec<String> = retained.iter().map(|kept| format!("{} {}", kept.resource_type, kept.physical_id)).collect();
    names.sort();
    let summary = if names.is_empty() { "nothing was left in place".to_owned() } else { format!("left in place: {}", names.join(", ")) };
    Outputs::from([("kept".into(), json!(names.join(","))), ("summary".into(), json!(summary))])
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
        let system = format!("{}-{}", self.app, self.environment);
        if list(&self.stacks).map(name_of).any(|name| name == format!("{system}-edge"))
            && let Err(error) = door::forget(aws, &system, &cx.reporter).await
        {
            // a rule that still leads to a target group makes its stack fail, which is told there
            cx.reporter.log(format!("rules of the door: {}", error.line()));
        }
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
