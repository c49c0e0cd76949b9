//! `content`: the app's pages as a visitor gets them, held against words, against the old side, and with a login of the old side.
//! Only looks, by `cloud::pages`; a cookie stays in memory and is never told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::pages::{self, Page, Wanted};
use crate::cloud::{Secret, outside};
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field};
use crate::wizard::view::{PreviewLine, Sign};

/// A cookie of somebody who is logged in on the old side. Never stored, never shown.
pub const COOKIE: &str = "MIGRATE_WIZARD_SESSION_COOKIE";
/// A page that takes longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Between two tries.
const EVERY: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// `https://shop.example`; empty: there is nothing to look at, and that is told.
    url: String,
    /// The host to connect to, before the name leads there.
    #[serde(default)]
    at: String,
    /// The word that a closed door lets pass.
    #[serde(default)]
    pass: String,
    /// `/ = Welcome, /login`
    pages: String,
    /// What the same pages were on the old side: the output `seen` of an earlier look.
    #[serde(default)]
    like: String,
    /// `/account = Log out`: asked with the cookie of somebody who is logged in on the old side.
    #[serde(default)]
    logged_in: String,
    /// Only remembers what is there, whatever it is.
    #[serde(default)]
    remember: bool,
    /// Tries again for so long.
    #[serde(default = "a_minute")]
    within: String,
}

fn a_minute() -> String {
    "1m".into()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let content = from_fields::<Content>("content", fields)?;
    of_field("content", "pages", pages::parse(&content.pages))?;
    of_field("content", "logged_in", pages::parse(&content.logged_in))?;
    if text::parse_duration(&content.within).is_none() {
        let what = format!("effect `content`: `within` is `{}`, not a duration", content.within);
        return Err(Error::new(Kind::Input, what).hint("write it like 90s or 10m"));
    }
    Ok(Box::new(content))
}

/// The cookie, if it is set.
fn cookie() -> Option<Secret> {
    std::env::var(COOKIE).ok().filter(|value| !value.is_empty()).map(Secret::new)
}

/// What a round over all pages found.
#[derive(Default)]
struct Round {
    pages: BTreeMap<String, Page>,
    told: Vec<String>,
    /// What speaks against it, page by page.
    against: Vec<String>,
    login: &'static str,
}

impl Content {
    /// Also where only the name in it is empty.
    fn has_no_address(&self) -> bool {
        self.url.is_empty() || self.url.ends_with("://")
    }

    fn wanted(&self) -> Result<Vec<Wanted>> {
        let all = pages::parse(&self.pages)?;
        Ok(if all.is_empty() { pages::parse("/")? } else { all })
    }

    async fn round(&self) -> Result<Round> {
        let client = outside::client(&self.url, &self.at, &self.pass, ANSWER_WITHIN).await?;
        let old = pages::read(&self.like);
        let mut round = Round { login: "not looked at", ..Round::default() };
        for wanted in self.wanted()? {
            match pages::get(&client, &self.url, &wanted, None).await {
                Err(why) => round.against.push(format!("{}: {why}", wanted.path)),
                Ok((page, has_word)) => {
                    let bad = pages::against(&wanted, &page, has_word, old.get(&wanted.path));
                    round.told.push(format!("{}: {} {} \"{}\"", wanted.path, page.status, page.kind, page.title));
                    round.against.extend(bad.into_iter().map(|why| format!("{}: {why}", wanted.path)));
                    round.pages.insert(wanted.path, page);
                }
            }
        }
        if let (Some(cookie), Some(wanted)) = (cookie(), pages::parse(&self.logged_in)?.into_iter().next()) {
            let known = pages::get(&client, &self.url, &wanted, Some(&cookie)).await;
            round.login = match known {
                Ok((page, true)) if page.status < 300 => "a session of the old side is known",
                Ok(_) | Err(_) => "a session of the old side is not known",
            };
            if round.login.contains("not") {
                round.against.push(format!(
                    "{}: {}: \"{}\" is not there for somebody who is logged in on the old side",
                    wanted.path, round.login, wanted.word
                ));
            }
        }
        Ok(round)
    }

    fn outputs(&self, round: &Round) -> Outputs {
        let pages = text::plural(round.pages.len() as u64, "page");
        let login = if round.login == "a session of the old side is known" { ", and a login of the old side lives on" } else { "" };
        let summary = if self.remember { format!("{pages} remembered") } else { format!("{pages} as they should be{login}") };
        let mut out = Outputs::from([("summary".into(), json!(summary)), ("seen".into(), json!(pages::kept(&round.pages)))]);
        out.insert("login".into(), json!(round.login));
        out
    }

    fn bad(&self, round: &Round) -> Error {
        let error = Error::new(Kind::Conflict, format!("{} does not say what it should", self.url));
        let hint = "look at it in a browser; r looks again, c changes what is looked for (pages), and b goes back";
        round.against.iter().fold(error, Error::cause).hint(hint)
    }

    fn nothing(&self) -> Outputs {
        let summary = "no address is known: nothing was looked at";
        Outputs::from([("summary".into(), json!(summary)), ("seen".into(), json!("")), ("login".into(), json!("not looked at"))])
    }
}

#[async_trait]
impl Apply<World> for Content {
    fn describe(&self) -> Description {
        let pages = self.wanted().unwrap_or_default();
        let paths: Vec<&str> = pages.iter().map(|page| page.path.as_str()).collect();
        let (from, does) = (
            if self.at.is_empty() { String::new() } else { format!(" at {}", self.at) },
            if self.remember { "remember" } else { "look at" },
        );
        let url = if self.has_no_address() { "the app" } else { &self.url };
        let to = if self.at.is_empty() { String::new() } else { format!(" --connect-to ::{}", self.at) };
        Description::new(
            format!("{does} the pages of {url}{from}: {}", paths.join(", ")),
            format!("curl -s{to} {}{}", self.url, paths.first().copied().unwrap_or("/")),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Network
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        if self.has_no_address() {
            return Ok(vec![PreviewLine::new(Sign::Note, "no address is known: nothing is looked at")]);
        }
        let round = self.round().await?;
        let mut lines: Vec<PreviewLine> = round.told.iter().map(|line| PreviewLine::new(Sign::Same, line)).collect();
        let sign = if self.remember { Sign::Note } else { Sign::Warning };
        lines.extend(round.against.iter().map(|line| PreviewLine::new(sign, line)));
        Ok(lines)
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // it is looked at anew each time: a minute ago is not now
        Ok(Probe::Absent)
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        if self.has_no_address() {
            return Ok(self.nothing());
        }
        if !self.logged_in.is_empty() && cookie().is_none() {
            cx.reporter.log(format!("{COOKIE} is not set: whether a login of the old side lives on is not looked at"));
        }
        let (within, begun) = (text::parse_duration(&self.within).unwrap_or_default(), Instant::now());
        let mut said = Vec::new();
        loop {
            let round = self.round().await?;
            let lines: Vec<String> = round.told.iter().chain(&round.against).cloned().collect();
            if lines != said {
                lines.iter().for_each(|line| cx.reporter.log(line));
                said = lines;
            }
            if self.remember || round.against.is_empty() {
                return Ok(self.outputs(&round));
            }
            if begun.elapsed() >= within {
                return Err(self.bad(&round));
            }
            tokio::time::sleep(EVERY.min(within)).await;
        }
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.nothing()
    }
}
