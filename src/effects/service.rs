//! `service`: gives an ECS service an image and a number of tasks, and waits until it is steady; says why when it fails.
//! Only hands the names to `cloud::services`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::services;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    cluster: String,
    service: String,
    /// Empty: the image it has.
    #[serde(default)]
    image: String,
    desired: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let service = from_fields::<Service>("service", fields)?;
    if service.desired.parse::<i32>().is_err() {
        return Err(
            Error::new(Kind::Input, format!("effect `service`: `desired` is `{}`", service.desired)).hint("give a whole number of tasks")
        );
    }
    Ok(Box::new(service))
}

impl Service {
    fn desired(&self) -> Option<i32> {
        self.desired.parse().ok()
    }

    fn image(&self) -> Option<&str> {
        Some(self.image.as_str()).filter(|i| !i.is_empty())
    }

    async fn now(&self, world: &World) -> Result<services::ServiceStatus> {
        services::present(world.aws().await?, &self.cluster, &self.service).await
    }
}

#[async_trait]
impl Apply<World> for Service {
    fn describe(&self) -> Description {
        Description::new(
            format!("run {} task(s) of {} and wait until they are steady", self.desired, self.service),
            format!(
                "aws ecs update-service --cluster {0} --service {1} --desired-count {2} && aws ecs wait services-stable --cluster {0} --services {1}",
                self.cluster, self.service, self.desired
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
        let now = self.now(world).await?;
        let mut lines = vec![PreviewLine::new(Sign::Change, format!("tasks {} → {}", now.desired, self.desired))];
        if let Some(image) = self.image() {
            lines.push(PreviewLine::new(Sign::Change, format!("image → {image}")));
        }
        Ok(lines)
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(now) = services::status(world.aws().await?, &self.cluster, &self.service).await? else { return Ok(Probe::Absent) };
        let steady = Some(now.desired) == self.desired() && now.running == now.desired && now.deployments == 1;
        // Which image runs is not told by the status: only without one to set can it be known to be done.
        Ok(if steady && self.image.is_empty() {
            Probe::Present(Outputs::from([("current".into(), json!(now.task_definition))]))
        } else {
            Probe::Absent
        })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let now = self.now(world).await?;
        Ok(Outputs::from([("task_definition".into(), json!(now.task_definition)), ("desired".into(), json!(now.desired))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let deployed =
            services::deploy(world.aws().await?, &self.cluster, &self.service, self.image(), self.desired(), &cx.reporter).await?;
        Ok(Outputs::from([("current".into(), json!(deployed.current))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let aws = world.aws().await?;
        if services::status(aws, &self.cluster, &self.service).await?.is_none() {
            return Ok(());
        }
        if let Some(previous) = cx.before.get("task_definition").and_then(Value::as_str) {
            services::rollback(aws, &self.cluster, &self.service, previous, &cx.reporter).await?;
        }
        let desired = cx.before.get("desired").and_then(Value::as_i64).and_then(|d| i32::try_from(d).ok());
        services::deploy(aws, &self.cluster, &self.service, None, desired, &cx.reporter).await.map(drop)
    }

    fn example(&self) -> Outputs {
        Outputs::from([("current".into(), json!("<task definition>"))])
    }
}
