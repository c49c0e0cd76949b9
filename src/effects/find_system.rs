//! `find_system`: what AWS says is there of one system, and what its templates keep, with what keeping it costs.
//! Only hands names to `cloud` and prices to people.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::stacks::{self, Kept};
use crate::cloud::{registry, secrets};
use crate::decide::{Answers, Prices};
use crate::error::Result;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindSystem {
    app: String,
    environment: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<FindSystem>("find_system", fields)?))
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

/// One line for each thing that stays when these stacks go. Reads.
pub(super) async fn kept(world: &World, arns: &[String]) -> Result<Vec<String>> {
    let aws = world.aws().await?;
    let mut lines = Vec::new();
    for arn in arns {
        if let Some(stack) = stacks::status(aws, arn).await? {
            lines.extend(
                stacks::keeps(aws, &stack)
                    .await?
                    .iter()
                    .map(|kept| price(world.costs().prices().of(&Answers::from([("region".to_owned(), aws.region().to_owned())])), kept)),
            );
        }
    }
    Ok(lines)
}

#[async_trait]
impl Look<World> for FindSystem {
    fn describe(&self) -> Description {
        Description::new(
            format!("see which stacks, secrets and repositories there are of {}-{}", self.app, self.environment),
            "aws cloudformation describe-stacks",
        )
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
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
        let last = standing.iter().max_by_key(|s| s.stack.changed);
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
            ("last".into(), json!(last.map(|s| s.stack.name.clone()).unwrap_or_default())),
            ("summary".into(), json!(summary)),
        ]))
    }

    fn example(&self) -> Outputs {
        let system = format!("{}-{}", self.app, self.environment);
        Outputs::from([
            ("system".into(), json!(system)),
            ("stacks".into(), json!(format!("arn:aws:cloudformation:us-east-1:000000000000:stack/{system}-network/example"))),
            ("secrets".into(), json!("")),
            ("repositories".into(), json!("")),
            ("last".into(), json!(format!("{system}-network"))),
            ("summary".into(), json!("AWS was not asked")),
        ])
    }
}
