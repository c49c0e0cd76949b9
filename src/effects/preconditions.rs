//! `preconditions`: what must hold before the source is frozen; the playbook lists it, each with how it is known and its fix.
//! Only looks; what somebody goes without was typed by name and stands in the journal.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::World;
use crate::cloud::{outside, secret_group, targets};
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Preconditions {
    check: Vec<Check>,
    /// Names, parted by commas, that somebody goes without.
    #[serde(default)]
    without: String,
    /// The answers for which a rehearsal must have come to its end. Of the effect, not of a check: so only those before this step count.
    #[serde(default)]
    answers: Map<String, Value>,
}

/// One of them. Exactly one of `is`, `kept`, `since`, `https`, `running` and `rehearsed` says how it is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    name: String,
    what: String,
    fix: String,
    /// It counts only if this is one of `among`.
    #[serde(default)]
    only: Option<String>,
    #[serde(default)]
    among: Vec<String>,
    /// A fact, and the values that are good.
    #[serde(default)]
    is: Option<String>,
    #[serde(default)]
    wanted: Vec<String>,
    /// `VARIABLE=secret` by comma, below `at`: each must hold a value that somebody gave, not one that was made.
    #[serde(default)]
    kept: Option<String>,
    /// Services of the cluster `at`, by comma: those that run already must be healthy.
    #[serde(default)]
    running: Option<String>,
    /// A moment, and the seconds that must have passed since.
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    seconds: String,
    /// A name whose certificate must be served at the address.
    #[serde(default)]
    https: Option<String>,
    #[serde(default)]
    at: String,
    /// `answers` must have been rehearsed.
    #[serde(default)]
    rehearsed: bool,
}

/// Tells whether the steps to come were rehearsed with these answers: `Err` says what is missing. Only a command can: it may look at other runs.
pub struct Rehearsal(pub Box<Rehearsed>);

type Rehearsed = dyn Fn(&Map<String, Value>) -> std::result::Result<String, String> + Send + Sync;

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rehearsal")
    }
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let all = from_fields::<Preconditions>("preconditions", fields)?;
    for check in &all.check {
        let listed = [check.is.is_some(), check.kept.is_some(), check.since.is_some()];
        let looked = [check.https.is_some(), check.running.is_some(), check.rehearsed];
        let ways = [listed, looked].concat();
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Error::new(
                Kind::Input,
                format!("effect `preconditions`: `check`: {} must say in one way how it is known", check.name),
            )
            .hint("give it exactly one of is, kept, since, https, running and rehearsed"));
        }
    }
    let unknown: Vec<&str> = all.names().into_iter().filter(|name| !all.check.iter().any(|check| check.name == **name)).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = all.check.iter().map(|check| check.name.as_str()).collect();
        return Err(Error::new(Kind::Input, format!("effect `preconditions`: `without`: there is no precondition {}", unknown.join(", ")))
            .hint(format!("one of: {}", known.join(", "))));
    }
    Ok(Box::new(all))
}

/// What became of one check.
struct Found<'a> {
    check: &'a Check,
    /// `Ok` says why it holds, `Err` what is missing.
    verdict: std::result::Result<String, String>,
}

impl Check {
    async fn look(&self, world: &World, answers: &Map<String, Value>) -> std::result::Result<String, String> {
        if let Some(value) = &self.is {
            return if self.wanted.contains(value) { Ok(self.what.clone()) } else { Err(format!("not so: {}", self.what)) };
        }
        if let Some(list) = &self.kept {
            return self.given(world, list).await;
        }
        if let Some(services) = &self.running {
            return self.healthy(world, services).await;
        }
        match (&self.since, &self.https) {
            (Some(since), _) => self.passed(since),
            (_, Some(name)) => outside::certificate(name, &self.at).await,
            (None, None) if self.rehearsed => world.rehearsed(answers),
            (None, None) => Err("nobody knows".to_owned()),
        }
    }

    async fn given(&self, world: &World, list: &str) -> std::result::Result<String, String> {
        let wanted: Vec<(&str, &str)> = list.split(',').filter_map(|one| one.trim().split_once('=')).collect();
        if wanted.is_empty() {
            return Ok("the app's code reads no such secret".to_owned());
        }
        let looked = async { secret_group::not_given(world.aws().await?, &self.at, &wanted).await };
        match looked.await {
            Ok(made) if made.is_empty() => Ok(self.what.clone()),
            Ok(made) => Err(format!("not so for {}: {}", made.join(", "), self.what)),
            Err(error) => Err(error.line()),
        }
    }

    async fn healthy(&self, world: &World, services: &str) -> std::result::Result<String, String> {
        let names: Vec<&str> = services.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let looked = async { targets::healthy(world.aws().await?, &self.at, &names).await };
        match looked.await {
            Ok(found) if found.ill.is_empty() => Ok(match found.running {
                0 => "no service runs yet: they are looked at before the switch".to_owned(),
                n => format!("{} healthy", text::plural(n as u64, "running service")),
            }),
            Ok(found) => Err(format!("not healthy: {}", found.ill.join("; "))),
            Err(error) => Err(error.line()),
        }
    }

    fn passed(&self, since: &str) -> std::result::Result<String, String> {
        let begun: Timestamp = since.parse().map_err(|_| format!("not done yet: {}", self.what))?;
        let wanted = Duration::from_secs(self.seconds.parse().unwrap_or(0));
        let spent: Duration = Timestamp::now().duration_since(begun).try_into().unwrap_or(Duration::ZERO);
        match wanted.checked_sub(spent).filter(|left| !left.is_zero()) {
            None => Ok(format!("{}: {} ago", self.what, text::duration(spent))),
            Some(left) => Err(format!("{}: {} still to wait", self.what, text::duration(left))),
        }
    }
}

impl Preconditions {
    fn names(&self) -> BTreeSet<&str> {
        self.without.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    async fn look(&self, world: &World) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        for check in &self.check {
            if check.only.as_ref().is_some_and(|only| !check.among.contains(only)) {
                continue;
            }
            all.push(Found { check, verdict: check.look(world, &self.answers).await });
        }
        all
    }
}

fn outputs(missing: &[&str], without: &BTreeSet<&str>) -> Outputs {
    let gone: Vec<&str> = missing.iter().copied().filter(|name| without.contains(name)).collect();
    let summary = if gone.is_empty() { "every precondition holds".to_owned() } else { format!("gone without: {}", gone.join(", ")) };
    Outputs::from([("without".into(), json!(gone.join(","))), ("summary".into(), json!(summary))])
}

#[async_trait]
impl Apply<World> for Preconditions {
    fn describe(&self) -> Description {
        let names: Vec<&str> = self.check.iter().map(|check| check.name.as_str()).collect();
        Description::new(format!("check before GO: {}", names.join(", ")), "migrate-wizard cutover status")
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Time
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let without = self.names();
        let line = |found: &Found<'_>| {
            let name = &found.check.name;
            match &found.verdict {
                Ok(why) => PreviewLine::new(Sign::Same, format!("{name}: {why}")),
                Err(why) if without.contains(name.as_str()) => PreviewLine::new(Sign::Note, format!("{name}: {why}; you go without it")),
                Err(why) => PreviewLine::new(Sign::Warning, format!("{name}: {why}. {}", found.check.fix)),
            }
        };
        Ok(self.look(world).await.iter().map(line).collect())
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // it is looked at anew each time: an hour ago is not now
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let (without, found) = (self.names(), self.look(world).await);
        let mut missing: Vec<&str> = Vec::new();
        let mut open: Vec<&Found<'_>> = Vec::new();
        for one in &found {
            let name = one.check.name.as_str();
            match &one.verdict {
                Ok(why) => cx.reporter.log(format!("{name}: {why}")),
                Err(why) if without.contains(name) => {
                    cx.reporter.log(format!("{name}: {why}; gone without, as you said"));
                    missing.push(name);
                }
                Err(why) => {
                    cx.reporter.log(format!("{name}: {why}. {}", one.check.fix));
                    open.push(one);
                }
            }
        }
        if open.is_empty() {
            return Ok(outputs(&missing, &without));
        }
        let names: Vec<&str> = open.iter().map(|one| one.check.name.as_str()).collect();
        let mut error = Error::new(Kind::Refused, format!("not ready for GO: {}", names.join(", ")));
        for one in open {
            error =
                error.cause(format!("{}: {}. {}", one.check.name, one.verdict.as_ref().err().map_or("", String::as_str), one.check.fix));
        }
        Err(error.hint(format!("mend it and r looks again; to go without it, change the answer go_without to {}", names.join(","))))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        outputs(&[], &BTreeSet::new())
    }
}
