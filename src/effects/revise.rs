//! `revise`: another value for plain variables of a service: one by its name, or all that name a host; new tasks run with it.
//! Only hands names to `cloud::variables`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::services;
use crate::cloud::variables::{self, Which};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revise {
    cluster: String,
    service: String,
    /// The variable's name; empty: all whose value is `from`.
    #[serde(default)]
    name: String,
    #[serde(default)]
    from: String,
    to: String,
    /// What ran before, `service=revision` with commas between: the undo goes there, however often this was tried.
    was: String,
    /// What changed besides: another one makes this step run again.
    #[serde(default)]
    because: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let revise = from_fields::<Revise>("revise", fields)?;
    if revise.name.is_empty() && revise.from.is_empty() {
        return Err(Error::new(Kind::Input, "effect `revise`: neither `name` nor `from` says which variables").hint("give one of them"));
    }
    Ok(Box::new(revise))
}

impl Revise {
    fn which(&self) -> Which<'_> {
        if self.name.is_empty() { Which::Holding(&self.from) } else { Which::Named(&self.name) }
    }

    fn before(&self) -> Option<&str> {
        self.was
            .split(',')
            .filter_map(|one| one.split_once('='))
            .find(|(service, _)| *service == self.service)
            .map(|(_, revision)| revision)
    }
}

#[async_trait]
impl Apply<World> for Revise {
    fn describe(&self) -> Description {
        let what = match self.which() {
            Which::Named(name) => format!("give {} another value for {name}", self.service),
            Which::Holding(from) => format!("point {} to {} instead of {from}", self.service, self.to),
        };
        Description::new(
            format!("{what}, and wait until only new tasks run"),
            format!(
                "aws ecs register-task-definition … && aws ecs update-service --cluster {} --service {} --task-definition … --force-new-deployment",
                self.cluster, self.service
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
        let names = variables::concerned(world.aws().await?, &self.cluster, &self.service, self.which()).await?;
        let mut lines: Vec<_> = names.iter().map(|name| PreviewLine::new(Sign::Change, format!("variable {name}"))).collect();
        lines.push(PreviewLine::new(Sign::Change, format!("the tasks of {} are replaced, one after the other", self.service)));
        Ok(lines)
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Tasks do not tell with which version of a secret they started.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let done = variables::set(world.aws().await?, &self.cluster, &self.service, self.which(), &self.to, &cx.reporter).await?;
        Ok(Outputs::from([("current".into(), json!(done.current))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let aws = world.aws().await?;
        let Some(before) = self.before() else { return Ok(()) };
        if services::status(aws, &self.cluster, &self.service).await?.is_none() {
            return Ok(());
        }
        services::rollback(aws, &self.cluster, &self.service, before, &cx.reporter).await
    }

    fn example(&self) -> Outputs {
        Outputs::from([("current".into(), json!("<task definition>"))])
    }
}
