//! `service_back`: puts a service back on an earlier revision of its task definition and waits until only that runs.
//! Which revision is decided before; migrations are not taken back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::services;
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceBack {
    cluster: String,
    service: String,
    /// The revision's ARN.
    to: String,
    /// What ran when that was decided: the undo goes there.
    from: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<ServiceBack>("service_back", fields)?))
}

fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl ServiceBack {
    fn outputs(&self) -> Outputs {
        Outputs::from([("current".into(), json!(self.to))])
    }
}

#[async_trait]
impl Apply<World> for ServiceBack {
    fn describe(&self) -> Description {
        Description::new(
            format!("put {} back on {} and wait until only that runs", self.service, short(&self.to)),
            format!(
                "aws ecs update-service --cluster {0} --service {1} --task-definition {2} && aws ecs wait services-stable --cluster {0} --services {1}",
                self.cluster,
                self.service,
                short(&self.to)
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let now = services::present(world.aws().await?, &self.cluster, &self.service).await?;
        if now.task_definition == self.to {
            return Ok(vec![PreviewLine::new(Sign::Same, format!("{} runs {}", self.service, short(&self.to)))]);
        }
        Ok(vec![
            PreviewLine::new(Sign::Change, format!("{}: {} → {}", self.service, short(&now.task_definition), short(&self.to))),
            PreviewLine::new(Sign::Note, "migrations are not taken back: the older code must be able to live with the schema of now"),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(now) = services::status(world.aws().await?, &self.cluster, &self.service).await? else { return Ok(Probe::Absent) };
        let steady = now.task_definition == self.to && now.running == now.desired && now.deployments == 1;
        Ok(if steady { Probe::Present(self.outputs()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        services::rollback(world.aws().await?, &self.cluster, &self.service, &self.to, &cx.reporter).await?;
        Ok(self.outputs())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let aws = world.aws().await?;
        if services::status(aws, &self.cluster, &self.service).await?.is_none() {
            return Ok(());
        }
        services::rollback(aws, &self.cluster, &self.service, &self.from, &cx.reporter).await
    }

    fn example(&self) -> Outputs {
        self.outputs()
    }
}
