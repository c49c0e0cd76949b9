//! `resolves`: does a host name lead to where it should, as several resolvers see it? Also what verifies human hands at a registrar.
//! Only looks.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::resolvers::{self, Resolver, Seen, Verdict, Wanted};
use crate::error::{Error, Kind, Result};
use crate::progress::{Progress, Unit};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field, one_of};
use crate::wizard::view::{PreviewLine, Sign};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolves {
    host: String,
    /// A host that it must lead to: by its name, or by an address that both have.
    to: String,
    /// `system`, `zone`, addresses; comma separated.
    #[serde(default = "system")]
    resolvers: String,
    /// `all` that answer, or `any`: the record was changed, whoever still remembers the old one.
    #[serde(default = "all")]
    wanted: String,
    /// Looks again and again for so long; empty: looks once.
    #[serde(default)]
    within: String,
}

fn system() -> String {
    "system".into()
}

fn all() -> String {
    "all".into()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let resolves = from_fields::<Resolves>("resolves", fields)?;
    of_field("resolves", "resolvers", resolvers::parse(&resolves.resolvers))?;
    one_of("resolves", "wanted", &resolves.wanted, &["all", "any"])?;
    if !resolves.within.is_empty() && text::parse_duration(&resolves.within).is_none() {
        let what = format!("effect `resolves`: `within` is `{}`, not a duration", resolves.within);
        return Err(Error::new(Kind::Input, what).hint("write it like 90s or 10m"));
    }
    Ok(Box::new(resolves))
}

impl Resolves {
    fn wanted(&self) -> Wanted {
        if self.wanted == "any" { Wanted::Any } else { Wanted::All }
    }

    fn resolvers(&self) -> Result<Vec<Resolver>> {
        resolvers::parse(&self.resolvers)
    }

    async fn look(&self) -> Result<Vec<Seen>> {
        Ok(resolvers::look(&self.resolvers()?, &self.host, &self.to).await)
    }

    fn told(seen: &[Seen], error: Error) -> Error {
        seen.iter().fold(error, |error, one| error.cause(one.words()))
    }

    fn nobody(&self, seen: &[Seen]) -> Error {
        let hint = "check the record at your DNS provider; a new record may take as long as its old time to live";
        Self::told(seen, Error::new(Kind::Unreachable, format!("{} does not resolve", self.host)).hint(hint))
    }

    fn not_yet(&self, seen: &[Seen]) -> Error {
        let few = "answers of two are wanted: where port 53 is closed, name the resolvers that can be asked (--set resolvers=system)";
        let old = "wait for the old time to live to pass, then try again";
        let all_there = seen.iter().all(|one| !matches!(one.verdict, Verdict::Elsewhere(_)));
        let error = Error::new(Kind::Conflict, format!("{} does not resolve to {} yet", self.host, self.to));
        Self::told(seen, error.hint(if all_there { few } else { old }))
    }

    fn outputs(seen: &[Seen]) -> Outputs {
        let of = |good: fn(&Verdict) -> bool| {
            let names: Vec<&str> = seen.iter().filter(|one| good(&one.verdict)).map(|one| one.by.as_str()).collect();
            names.join(", ")
        };
        let (there, silent) = (of(|v| *v == Verdict::There), of(|v| matches!(v, Verdict::Silent(_))));
        let not_asked = if silent.is_empty() { String::new() } else { format!("; no answer from {silent}") };
        Outputs::from([("summary".into(), json!(format!("seen by {there}{not_asked}"))), ("silent".into(), json!(silent))])
    }
}

#[async_trait]
impl Apply<World> for Resolves {
    fn describe(&self) -> Description {
        let host = if self.host.is_empty() { "the app's host name" } else { &self.host };
        let by = if self.resolvers == "system" { String::new() } else { format!(", as {} see it", self.resolvers) };
        Description::new(format!("{host} resolves to the addresses of {}{by}", self.to), format!("dig +short {} {}", self.host, self.to))
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Network
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        let seen = self.look().await?;
        if !resolvers::answered(&seen) {
            return Err(self.nobody(&seen));
        }
        let sign = if resolvers::holds(&seen, self.wanted()) { Sign::Same } else { Sign::Change };
        let mut lines = vec![PreviewLine::new(sign, self.describe().sentence)];
        lines.extend(seen.iter().map(|one| PreviewLine::new(Sign::Note, one.words())));
        Ok(lines)
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        let seen = self.look().await?;
        if !resolvers::answered(&seen) {
            return Err(self.nobody(&seen));
        }
        Ok(if resolvers::holds(&seen, self.wanted()) { Probe::Present(Self::outputs(&seen)) } else { Probe::Absent })
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        let (within, begun) = (text::parse_duration(&self.within).unwrap_or_default(), Instant::now());
        let mut told: Vec<String> = Vec::new();
        loop {
            let seen = self.look().await?;
            let lines: Vec<String> = seen.iter().map(Seen::words).collect();
            let short: Vec<String> = seen.iter().map(|one| format!("{} {:?}", one.by, one.verdict)).collect();
            if short != told {
                lines.iter().for_each(|line| cx.reporter.log(line));
                told = short;
            }
            if resolvers::holds(&seen, self.wanted()) {
                return Ok(Self::outputs(&seen));
            }
            if begun.elapsed() >= within {
                return Err(if resolvers::answered(&seen) { self.not_yet(&seen) } else { self.nobody(&seen) });
            }
            let there = seen.iter().filter(|one| one.verdict == Verdict::There).count() as u64;
            let message = format!("{there} of {} lead to the new side", seen.len());
            let progress = Progress::new(there, Some(seen.len() as u64), Unit::Steps, message);
            let remaining_s = resolvers::longest_left(&seen).map(|left| left.as_secs());
            cx.reporter.report(Progress { remaining_s, ..progress });
            tokio::time::sleep(EVERY.min(within.saturating_sub(begun.elapsed()))).await;
        }
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("summary".into(), json!("not asked")), ("silent".into(), json!(""))])
    }
}
