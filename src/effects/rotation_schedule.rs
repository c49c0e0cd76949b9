//! `rotation_schedule`: how often AWS gives a secret that it manages itself (the master password of RDS) a new value.
//! Only hands ARN and days to `cloud::secret_versions`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::secret_versions as versions;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationSchedule {
    secret_arn: String,
    /// 1 to 1000.
    days: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let schedule = from_fields::<RotationSchedule>("rotation_schedule", fields)?;
    if !schedule.days.parse::<i64>().is_ok_and(|days| (1..=1000).contains(&days)) {
        return Err(Error::new(Kind::Input, format!("effect `rotation_schedule`: `days` is `{}`", schedule.days))
            .hint("give a whole number of days from 1 to 1000"));
    }
    Ok(Box::new(schedule))
}

impl RotationSchedule {
    fn days(&self) -> i64 {
        self.days.parse().unwrap_or(30)
    }

    fn outputs(&self) -> Outputs {
        Outputs::from([("days".into(), json!(self.days))])
    }
}

#[async_trait]
impl Apply<World> for RotationSchedule {
    fn describe(&self) -> Description {
        Description::new(
            format!("let AWS give the database's master password a new value every {} days", self.days),
            format!(
                "aws secretsmanager rotate-secret --secret-id {} --no-rotate-immediately --rotation-rules AutomaticallyAfterDays={}",
                self.secret_arn, self.days
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
        let now = versions::schedule(world.aws().await?, &self.secret_arn).await?;
        let words = now.map_or("never".to_owned(), |days| format!("every {days} days"));
        let sign = if now == Some(self.days()) { Sign::Same } else { Sign::Change };
        Ok(vec![PreviewLine::new(sign, format!("rotation: {words} → every {} days", self.days))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let now = versions::schedule(world.aws().await?, &self.secret_arn).await?;
        Ok(if now == Some(self.days()) { Probe::Present(self.outputs()) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let now = versions::schedule(world.aws().await?, &self.secret_arn).await?;
        Ok(Outputs::from([("days".into(), json!(now))]))
    }

    async fn apply(&self, world: &World, _cx: &Context) -> Result<Outputs> {
        versions::set_schedule(world.aws().await?, &self.secret_arn, self.days()).await?;
        Ok(self.outputs())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        match cx.before.get("days").and_then(Value::as_i64) {
            Some(days) => versions::set_schedule(world.aws().await?, &self.secret_arn, days).await,
            // it goes with its database
            None => Ok(()),
        }
    }

    fn example(&self) -> Outputs {
        self.outputs()
    }
}
