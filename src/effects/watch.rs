//! `watch`: asks the health URL for a time and compares error rate and p95 with the triggers of the runbook.
//! Only looks: what a breach means is the person's decision.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::progress::Unit;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    url: String,
    /// For how long: `10m`; `1s` is one look.
    #[serde(rename = "for")]
    length: String,
    /// Between two looks.
    #[serde(default = "five_seconds")]
    every: String,
    /// Per cent of failed looks that may not be exceeded.
    #[serde(default = "five")]
    error_percent: u64,
    /// Milliseconds that the slowest twentieth may take.
    #[serde(default = "three_seconds")]
    p95_ms: u64,
    /// What the content type must begin with: a single-page app answers every path with 200 and HTML.
    #[serde(default)]
    content_type: String,
}

fn five_seconds() -> String {
    "5s".into()
}

fn five() -> u64 {
    5
}

fn three_seconds() -> u64 {
    3000
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let watch = from_fields::<Watch>("watch", fields)?;
    for (name, value) in [("for", &watch.length), ("every", &watch.every)] {
        if text::parse_duration(value).is_none() {
            return Err(
                Error::new(Kind::Input, format!("effect `watch`: `{name}` is `{value}`, not a duration")).hint("write it like 90s or 10m")
            );
        }
    }
    Ok(Box::new(watch))
}

/// One look from outside.
struct Look {
    took: Duration,
    problem: Option<String>,
}

impl Watch {
    async fn look(&self, client: &reqwest::Client) -> Look {
        let begun = Instant::now();
        let answer = client.get(&self.url).send().await;
        let problem = match answer {
            Err(error) => Some(text::redact(&error.to_string())),
            Ok(answer) if !answer.status().is_success() => Some(format!("status {}", answer.status())),
            Ok(answer) => {
                let kind = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
                (!kind.starts_with(&self.content_type)).then(|| format!("content type is {kind}, expected {}", self.content_type))
            }
        };
        Look { took: begun.elapsed(), problem }
    }

    fn client() -> Result<reqwest::Client> {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .user_agent("migrate-wizard")
            .build()
            .map_err(|e| Error::bug(format!("the HTTP client cannot be made: {e}")))
    }
}

#[async_trait]
impl Apply<World> for Watch {
    fn describe(&self) -> Description {
        Description::new(
            format!("watch {} for {}: at most {} % errors, p95 under {} ms", self.url, self.length, self.error_percent, self.p95_ms),
            format!("curl -fsS -w '%{{http_code}} %{{time_total}}\\n' {}", self.url),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Network
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        let look = self.look(&Self::client()?).await;
        Ok(vec![match look.problem {
            None => PreviewLine::new(Sign::Same, format!("answers in {}", text::duration(look.took))),
            Some(problem) => PreviewLine::new(Sign::Warning, problem),
        }])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(match self.look(&Self::client()?).await.problem {
            None => Probe::Present(self.example()),
            Some(_) => Probe::Absent,
        })
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        let length = text::parse_duration(&self.length).unwrap_or(Duration::ZERO);
        let every = text::parse_duration(&self.every).unwrap_or(Duration::from_secs(5));
        let client = Self::client()?;
        let begun = Instant::now();
        let (mut times, mut problems): (Vec<Duration>, Vec<String>) = (Vec::new(), Vec::new());
        loop {
            let look = self.look(&client).await;
            times.push(look.took);
            if let Some(problem) = look.problem {
                cx.reporter.log(format!("{}: {problem}", self.url));
                problems.push(problem);
            }
            let spent = begun.elapsed().min(length);
            cx.reporter.progress(
                spent.as_secs(),
                Some(length.as_secs()),
                Unit::Seconds,
                format!("{} looks, {} failed", times.len(), problems.len()),
            );
            if begun.elapsed() >= length {
                break;
            }
            tokio::time::sleep(every.min(length.saturating_sub(begun.elapsed()))).await;
        }
        times.sort_unstable();
        let at = (times.len() * 95).div_ceil(100).saturating_sub(1);
        let p95 = times.get(at).copied().unwrap_or_default();
        let percent = problems.len() as u64 * 100 / times.len().max(1) as u64;
        let breach = if percent > self.error_percent {
            Some(format!(
                "{percent} % of {} looks failed, the limit is {} %; last: {}",
                times.len(),
                self.error_percent,
                problems.last().map_or("", String::as_str)
            ))
        } else if u64::try_from(p95.as_millis()).unwrap_or(u64::MAX) > self.p95_ms {
            Some(format!("p95 was {}, the limit is {} ms", text::duration(p95), self.p95_ms))
        } else {
            None
        };
        if let Some(breach) = breach {
            return Err(Error::new(Kind::Failed, format!("{} does not keep its limits: {breach}", self.url))
                .hint("b rolls back; r watches again after you have mended it"));
        }
        Ok(Outputs::from([
            ("looks".into(), json!(times.len())),
            ("errors".into(), json!(problems.len())),
            ("p95_ms".into(), json!(u64::try_from(p95.as_millis()).unwrap_or(u64::MAX))),
            ("summary".into(), json!(format!("{} looks, {percent} % errors, p95 {}", times.len(), text::duration(p95)))),
        ]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("looks".into(), json!(1)),
            ("errors".into(), json!(0)),
            ("p95_ms".into(), json!(100)),
            ("summary".into(), json!("not watched")),
        ])
    }
}
