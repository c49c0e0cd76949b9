//! `maintenance`: does the old app no longer take requests? Seen from outside, by HTTP, twice.
//! Only looks; what cannot be told is never good.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks: one 503 may be a hiccup.
const APART: Duration = Duration::from_secs(1);
/// What is read of a page.
const MOST: usize = 256 * 1024;

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

/// One look.
enum Seen {
    Away(String),
    There(String),
    /// It cannot be told.
    Unknown(String),
}

impl Maintenance {
    async fn once(&self, client: &reqwest::Client) -> Seen {
        let mut answer = match client.get(&self.url).send().await {
            Ok(answer) => answer,
            Err(error) => return unanswered(&error),
        };
        let status = answer.status();
        if status.is_redirection() {
            return Seen::There(format!("{status}: a redirect is not followed, and is no maintenance"));
        }
        if !self.word.is_empty() {
            let mut page = Vec::new();
            while page.len() < MOST {
                match answer.chunk().await {
                    Ok(Some(chunk)) => page.extend_from_slice(&chunk),
                    Ok(None) => break,
                    Err(error) => return Seen::Unknown(format!("its page cannot be read: {}", text::redact(&deepest(&error)))),
                }
            }
            if String::from_utf8_lossy(&page).to_lowercase().contains(&self.word.to_lowercase()) {
                return Seen::Away(format!("{status}, and its page says {:?}", self.word));
            }
        }
        match status.as_u16() {
            503 => Seen::Away(status.to_string()),
            502 | 504 => Seen::Away(format!("{status}: nothing answers behind it")),
            404 | 410 => Seen::Unknown(format!(
                "{status}: a deployment that is gone and an app that lacks this path answer alike; agree on a word of the page"
            )),
            _ => Seen::There(status.to_string()),
        }
    }

    async fn look(&self) -> Result<Seen> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .user_agent("migrate-wizard")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::bug(format!("the HTTP client cannot be made: {error}")))?;
        match self.once(&client).await {
            Seen::Away(_) => {
                tokio::time::sleep(APART).await;
                Ok(self.once(&client).await)
            }
            seen @ (Seen::There(_) | Seen::Unknown(_)) => Ok(seen),
        }
    }
}

/// Refused: nobody is there. A name that does not resolve, a line that is down or silence may be this side's own.
fn unanswered(error: &reqwest::Error) -> Seen {
    let deepest = deepest(error);
    if refused(error) {
        Seen::Away("it does not take the connection".to_owned())
    } else {
        Seen::Unknown(format!("no answer, and this side may be to blame: {}", text::redact(&deepest)))
    }
}

fn refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(one) = at {
        if one.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        at = one.source();
    }
    false
}

fn deepest(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), deepest)
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
        Ok(vec![match self.look().await? {
            Seen::Away(how) => PreviewLine::new(Sign::Same, format!("{}: {how}", self.url)),
            Seen::There(how) => PreviewLine::new(Sign::Change, format!("{} still answers: {how}", self.url)),
            Seen::Unknown(why) => PreviewLine::new(Sign::Warning, format!("{}: {why}", self.url)),
        }])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(match self.look().await? {
            Seen::Away(_) => Probe::Present(Outputs::new()),
            Seen::There(_) => Probe::Absent,
            Seen::Unknown(why) => Probe::Conflict(format!("it cannot be told whether {} is in maintenance: {why}", self.url)),
        })
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        match self.look().await? {
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
