//! `maintenance`: does the old app no longer take requests? The look is `cloud::maintenance`.
//! Judges nothing itself; what cannot be told is never good.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use crate::cloud::maintenance::{self, Seen};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    url: String,
    /// What the page of the maintenance holds; empty: nothing was agreed.
    #[serde(default)]
    word: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Maintenance>("maintenance", fields)?))
}

#[async_trait]
impl Apply<World> for Maintenance {
    fn describe(&self) -> Description {
        Description::new(
            format!("{} no longer takes requests", if self.url.is_empty() { "the app on Replit" } else { &self.url }),
            format!("curl -sS -o /dev/null -w '%{{http_code}}' {}", self.url),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Network
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![match maintenance::look(&self.url, &self.word).await? {
            Seen::Away(how) => PreviewLine::new(Sign::Same, format!("{}: {how}", self.url)),
            Seen::There(how) => PreviewLine::new(Sign::Change, format!("{} still answers: {how}", self.url)),
            Seen::Unknown(why) => PreviewLine::new(Sign::Warning, format!("{}: {why}", self.url)),
        }])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(match maintenance::look(&self.url, &self.word).await? {
            Seen::Away(_) => Probe::Present(Outputs::new()),
            Seen::There(_) => Probe::Absent,
            Seen::Unknown(why) => Probe::Conflict(format!("it cannot be told whether {} is in maintenance: {why}", self.url)),
        })
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        match maintenance::look(&self.url, &self.word).await? {
            Seen::Away(how) => {
                cx.reporter.log(format!("{}: {how}", self.url));
                Ok(Outputs::new())
            }
            Seen::There(how) => Err(Error::new(Kind::Conflict, format!("{} still takes requests: {how}", self.url))
                .hint("put the app into maintenance or shut the deployment down, then try again")),
            Seen::Unknown(why) => Err(Error::new(Kind::Conflict, format!("it cannot be told whether {} is in maintenance", self.url))
                .cause(why)
                .hint("look at it in a browser; agree on a word of its page (maintenance_word), then try again")),
        }
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::new()
    }
}
