//! `redeploy`: new tasks of a service that read their secrets anew; going back is the same once more.
//! Only hands the names to `cloud::redeploy`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::{redeploy, services};
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeploy {
    cluster: String,
    service: String,
    /// What changed: another one makes this step run again.
    #[serde(default)]
    because: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Redeploy>("redeploy", fields)?))
}

#[async_trait]
impl Apply<World> for Redeploy {
    fn describe(&self) -> Description {
        Description::new(
            format!("start new tasks of {} and wait until only they run", self.service),
            format!(
                "aws ecs update-service --cluster {0} --service {1} --force-new-deployment && aws ecs wait services-stable --cluster {0} --services {1}",
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
        let now = services::present(world.aws().await?, &self.cluster, &self.service).await?;
        Ok(vec![PreviewLine::new(Sign::Change, format!("{} running task(s) are replaced, one after the other", now.running))])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Tasks do not tell with which version of a secret they started.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let deployed = redeploy::force(world.aws().await?, &self.cluster, &self.service, &cx.reporter).await?;
        Ok(Outputs::from([("current".into(), json!(deployed.current))]))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        // A roll back goes backwards: the secret is put back after this, and `rotate_secret` restarts the tasks then.
        cx.reporter.log(format!("{} is restarted once its secret is back", self.service));
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("current".into(), json!("<task definition>"))])
    }
}
