//! `last_good`: which revision of a service's task definition was good before the one that runs.
//! Only asks `cloud::deployments`; puts nothing back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::{deployments, revisions, services};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastGood {
    cluster: String,
    service: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<LastGood>("last_good", fields)?))
}

/// The number after the last colon.
fn number(revision: &str) -> Option<u32> {
    revision.rsplit_once(':')?.1.parse().ok()
}

#[async_trait]
impl Look<World> for LastGood {
    fn describe(&self) -> Description {
        Description::new(
            format!("find the last good revision of {}", self.service),
            format!("aws ecs list-service-deployments --cluster {} --service {}", self.cluster, self.service),
        )
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let now = services::present(aws, &self.cluster, &self.service).await?;
        let good = deployments::last_good(aws, &self.cluster, &self.service).await?;
        let (running, target) = (revisions::read(aws, &now.task_definition).await?, revisions::read(aws, &good.task_definition).await?);
        // after a roll back what was left behind may look good too: it is not what to go back to
        if running.family == target.family && number(&target.arn) > number(&running.arn) {
            return Err(Error::new(
                Kind::Conflict,
                format!("{} runs {}, and the last that was good besides is newer: {}", self.service, running.short(), target.short()),
            )
            .hint("it was rolled back before; name the revision you mean: migrate-wizard service rollback --to REVISION"));
        }
        cx.reporter.log(format!("{}: {} → {} ({})", self.service, running.short(), target.short(), good.because));
        Ok(Outputs::from([
            ("from".into(), json!(running.arn)),
            ("to".into(), json!(target.arn)),
            ("image".into(), json!(target.image().unwrap_or("several containers"))),
            ("because".into(), json!(good.because)),
        ]))
    }

    fn example(&self) -> Outputs {
        let arn = |n: u32| format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{}:{n}", self.service);
        Outputs::from([
            ("from".into(), json!(arn(2))),
            ("to".into(), json!(arn(1))),
            ("image".into(), json!("<image>")),
            ("because".into(), json!("AWS was not asked")),
        ])
    }
}
