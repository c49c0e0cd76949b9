//! `task`: a one-off task with a service's own image, network and roles, run once for that image: migrations.
//! Only hands the names to `cloud::once`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::app;
use crate::cloud::once::{self, Known, Once};
use crate::cloud::{services, tags};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    cluster: String,
    service: String,
    /// As a person would type it. Seen by whoever may describe tasks: never a secret.
    command: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let task = from_fields::<Task>("task", fields)?;
    if task.command.trim().is_empty() {
        return Err(Error::new(Kind::Input, "effect `task`: `command` is empty").hint("give the command that the container is to run"));
    }
    Ok(Box::new(task))
}

impl Task {
    async fn once(&self, world: &World) -> Result<Option<Once>> {
        let Some(found) = services::status(world.aws().await?, &self.cluster, &self.service).await? else { return Ok(None) };
        Ok(Some(Once {
            cluster: self.cluster.clone(),
            service: self.service.clone(),
            task_definition: found.task_definition,
            command: app::command::words(&self.command),
            tags: BTreeMap::from([(tags::RUN.to_owned(), world.run.clone())]),
        }))
    }
}

fn outputs(started_by: &str, task: Option<&str>) -> Outputs {
    Outputs::from([("started_by".into(), json!(started_by)), ("task".into(), json!(task.unwrap_or_default()))])
}

#[async_trait]
impl Apply<World> for Task {
    fn describe(&self) -> Description {
        Description::new(
            format!("run `{}` once, as a task with the image of {}", self.command, self.service),
            format!(
                "aws ecs run-task --cluster {} --task-definition <of {}> --network-configuration <the same> --overrides '{{\"containerOverrides\":[{{\"name\":\"…\",\"command\":{}}}]}}'",
                self.cluster,
                self.service,
                json!(app::command::words(&self.command))
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
        let Some(once) = self.once(world).await? else { return Ok(vec![PreviewLine::new(Sign::Add, format!("task {}", self.command))]) };
        let (sign, note) = match once::known(world.aws().await?, &once).await?.0 {
            Known::Done(_) => (Sign::Same, "was run with this image"),
            Known::Running(_) => (Sign::Same, "runs now"),
            Known::Failed(_) => (Sign::Add, "failed before"),
            Known::Never => (Sign::Add, "not run yet"),
        };
        Ok(vec![PreviewLine::new(sign, format!("task {}: {note}", self.command))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(once) = self.once(world).await? else { return Ok(Probe::Absent) };
        let (known, name) = once::known(world.aws().await?, &once).await?;
        Ok(match known {
            Known::Done(task) => Probe::Present(outputs(&name, task.as_ref().map(|task| task.arn.as_str()))),
            // one that runs is joined by `apply`
            Known::Running(_) | Known::Failed(_) | Known::Never => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let once = self.once(world).await?.ok_or_else(|| services::absent(&self.cluster, &self.service))?;
        let ran = once::run(world.aws().await?, &once, &cx.reporter).await?;
        Ok(outputs(&ran.started_by, ran.task.as_ref().map(|task| task.arn.as_str())))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("what a task did to the database is not taken back: an older image must be able to live with it");
        Ok(())
    }

    fn example(&self) -> Outputs {
        outputs("mw-0000", Some("<task>"))
    }
}
