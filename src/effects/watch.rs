//! `watch`: looks at the app from outside and at what CloudWatch measured, and holds both against the triggers of a roll back.
//! Only looks: a broken limit fails the step with its evidence, and what follows is decided elsewhere.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::watch_metrics::{Metered, Metrics};
use crate::cloud::outside;
use crate::error::{Error, Kind, Result};
use crate::progress::{Progress, Unit};
use crate::text;
use crate::watch::{self, Book, Breach, Look, Measure, Source, Trigger, Watcher, Window};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field};
use crate::wizard::view::{PreviewLine, Sign};

/// A look that takes longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// So long after the look before nobody was looking: this machine slept, or CloudWatch kept us waiting.
const ASLEEP: Duration = Duration::from_secs(45);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    url: String,
    /// The host to connect to in place of the URL's, before the name leads there; empty: the URL's.
    #[serde(default)]
    at: String,
    /// The word that a closed door lets pass.
    #[serde(default)]
    pass: String,
    /// For how long: `10m`. While a limit is broken, not long enough yet, it goes on.
    #[serde(rename = "for")]
    length: String,
    /// Between two looks.
    #[serde(default = "five_seconds")]
    every: String,
    /// Looks of so long make one reading; never longer than the shortest trigger.
    #[serde(default = "half_a_minute")]
    span: String,
    /// What the status must be: `200-499`, or one code.
    #[serde(default = "success")]
    codes: String,
    /// What the content type must begin with: a single-page app answers every path with 200 and HTML.
    #[serde(default)]
    content_type: String,
    /// None: those of [`watch::defaults`], in no longer a time than the watch.
    #[serde(default)]
    trigger: Vec<Trigger>,
    #[serde(default)]
    metrics: Option<Metrics>,
}

fn five_seconds() -> String {
    "5s".into()
}

fn success() -> String {
    "200-299".into()
}

/// `200-499`, or one code.
fn codes(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let range = from.trim().parse().ok()?..=to.trim().parse().ok()?;
    (*range.start() >= 100 && range.start() <= range.end() && *range.end() <= 599).then_some(range)
}

fn half_a_minute() -> String {
    "30s".into()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let watch = from_fields::<Watch>("watch", fields)?;
    let metrics = watch.metrics.as_ref().map(|metrics| ("metrics.every", metrics.every()));
    for (name, value) in
        [("for", watch.length.as_str()), ("every", watch.every.as_str()), ("span", watch.span.as_str())].into_iter().chain(metrics)
    {
        if text::parse_duration(value).is_none_or(|value| value.is_zero()) {
            return Err(
                Error::new(Kind::Input, format!("effect `watch`: `{name}` is `{value}`, not a duration")).hint("write it like 90s or 10m")
            );
        }
    }
    if codes(&watch.codes).is_none() {
        let what = format!("effect `watch`: `codes` is `{}`, not one or two codes of HTTP", watch.codes);
        return Err(Error::new(Kind::Input, what).hint("write it like 200 or 200-499"));
    }
    for trigger in &watch.trigger {
        of_field("watch", "trigger", trigger.check())?;
        if trigger.length() > watch.length() {
            let what = format!("effect `watch`: `for` is {}, too short for the trigger {}", watch.length, trigger.words());
            return Err(Error::new(Kind::Input, what).hint("watch for longer, or give the trigger a shorter time"));
        }
    }
    Ok(Box::new(watch))
}

impl Watch {
    fn length(&self) -> Duration {
        text::parse_duration(&self.length).unwrap_or_default()
    }

    fn every(&self) -> Duration {
        text::parse_duration(&self.every).unwrap_or(Duration::from_secs(5))
    }

    fn triggers(&self) -> Vec<Trigger> {
        if !self.trigger.is_empty() {
            return self.trigger.clone();
        }
        watch::defaults().into_iter().map(|trigger| trigger.within(self.length())).collect()
    }

    /// How long the looks of one reading last.
    fn span(&self) -> Duration {
        let shortest = self.triggers().iter().map(Trigger::length).min().unwrap_or(Duration::MAX);
        text::parse_duration(&self.span).unwrap_or(shortest).min(shortest).min(self.length())
    }

    async fn look(&self, client: &reqwest::Client) -> Look {
        let begun = Instant::now();
        let answer = client.get(&self.url).send().await;
        let problem = match answer {
            Err(error) => Some(text::redact(&error.to_string())),
            Ok(answer) if codes(&self.codes).is_none_or(|codes| !codes.contains(&answer.status().as_u16())) => {
                Some(format!("status {}", answer.status()))
            }
            Ok(answer) => {
                let kind = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
                (!kind.starts_with(&self.content_type)).then(|| format!("content type is {kind}, expected {}", self.content_type))
            }
        };
        Look { took: begun.elapsed(), problem }
    }

    async fn client(&self) -> Result<reqwest::Client> {
        outside::client(&self.url, &self.at, &self.pass, ANSWER_WITHIN).await
    }

    fn broken(&self, breach: &Breach, world: &World) -> Error {
        let takes = world.going_back().map(|takes| format!(", which takes {takes}")).unwrap_or_default();
        let error = Error::new(Kind::Failed, format!("{} does not keep its limits: {}", self.url, breach.words()));
        let error = breach.evidence().into_iter().fold(error, Error::cause);
        error.hint(format!("b rolls back{takes}; r watches again after you have mended it"))
    }
}

#[async_trait]
impl Apply<World> for Watch {
    fn describe(&self) -> Description {
        let limits: Vec<String> = self.triggers().iter().map(Trigger::words).collect();
        Description::new(
            format!("watch {} for {}; a reason to go back: {}", self.url, self.length, limits.join(", ")),
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
        let look = self.look(&self.client().await?).await;
        Ok(vec![match look.problem {
            None => PreviewLine::new(Sign::Same, format!("answers in {}", text::duration(look.took))),
            Some(problem) => PreviewLine::new(Sign::Warning, problem),
        }])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(match self.look(&self.client().await?).await.problem {
            None => Probe::Present(self.example()),
            Some(_) => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let (length, every, span, client) = (self.length(), self.every(), self.span(), self.client().await?);
        let (book, mine) = (Book::of(&world.run_dir), format!("{} {}", cx.token, self.url));
        let known = book.of_watch(&mine)?;
        let began = known.first().map_or_else(Timestamp::now, |first| first.at);
        let mut metered = self.metrics.as_ref().map(|metrics| Metered::new(metrics, began));
        let mut watcher = Watcher::new(self.triggers(), metered.iter().flat_map(Metered::awaited));
        for reading in known {
            watcher.take(reading);
        }
        if watcher.count() > 0 {
            let left = text::duration(length.saturating_sub(watcher.watched()));
            cx.reporter.log(format!("{} of an earlier start; {left} are left", text::plural(watcher.count() as u64, "reading")));
        }
        metered.iter().flat_map(Metered::notes).for_each(|note| cx.reporter.log(note));
        let (mut looks, mut failed) = (0u64, 0u64);
        let mut window = Window::new(Timestamp::now());
        let mut seen = Timestamp::now();
        loop {
            if let Some(breach) = watcher.breach() {
                return Err(self.broken(breach, world));
            }
            let left = length.saturating_sub(watcher.watched());
            if left.is_zero() && !watcher.building() {
                break;
            }
            let mut new = Vec::new();
            let now = Timestamp::now();
            let away: Duration = now.duration_since(seen).try_into().unwrap_or_default();
            if away > every.saturating_mul(2) + ASLEEP {
                new.extend(std::mem::replace(&mut window, Window::new(now)).close(seen));
            }
            let look = self.look(&client).await;
            seen = Timestamp::now();
            looks += 1;
            if let Some(problem) = &look.problem {
                failed += 1;
                cx.reporter.log(format!("{}: {problem}", self.url));
            }
            window.push(look);
            let full = if left.is_zero() { span } else { span.min(left) };
            if window.lasts(seen) >= full {
                new.extend(std::mem::replace(&mut window, Window::new(seen)).close(seen));
            }
            if let Some(metered) = &mut metered {
                let (readings, told) = metered.ask(world, &watcher).await;
                told.into_iter().for_each(|line| cx.reporter.log(line));
                new.extend(readings);
            }
            // written before they are judged: a verdict can always be made again from what is written
            book.append(&mine, &new)?;
            new.into_iter().flat_map(|reading| watcher.take(reading)).for_each(|line| cx.reporter.log(line));
            let spent = (watcher.watched() + window.lasts(seen)).min(length);
            let message = format!("{}, {failed} failed", text::plural(looks, "look"));
            let progress = Progress::new(spent.as_secs(), Some(length.as_secs()), Unit::Seconds, message);
            cx.reporter.report(Progress { graphs: watcher.graphs(), ..progress });
            let still = length.saturating_sub(watcher.watched() + window.lasts(seen));
            tokio::time::sleep(if still.is_zero() { every.min(span) } else { every.min(still) }).await;
        }
        Ok(outcome(&watcher, looks, failed))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("looks".into(), json!(1)),
            ("errors".into(), json!(0)),
            ("readings".into(), json!(2)),
            ("p95_ms".into(), json!(100)),
            ("not_seen".into(), json!("")),
            ("summary".into(), json!("not watched")),
        ])
    }
}

/// What a watch to its end gives.
fn outcome(watcher: &Watcher, looks: u64, failed: u64) -> Outputs {
    let (not_seen, worst) = (watcher.not_seen().join(", "), |measure| watcher.worst(measure, Source::Outside).unwrap_or_default());
    let (errors, p95) = (worst(Measure::ErrorPercent), worst(Measure::P95Ms));
    let unseen = if not_seen.is_empty() { String::new() } else { format!("; never read: {not_seen}") };
    let summary = format!(
        "{} in {}, from outside at most {} errors and p95 {}{unseen}",
        text::plural(watcher.count() as u64, "reading"),
        text::duration(watcher.watched()),
        Measure::ErrorPercent.told(errors),
        Measure::P95Ms.told(p95),
    );
    Outputs::from([
        ("looks".into(), json!(looks)),
        ("errors".into(), json!(failed)),
        ("readings".into(), json!(watcher.count())),
        ("p95_ms".into(), json!(p95.round() as u64)),
        ("not_seen".into(), json!(not_seen)),
        ("summary".into(), json!(summary)),
    ])
}
