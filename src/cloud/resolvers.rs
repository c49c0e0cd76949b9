//! Where a host name leads, as several resolvers see it: which of them know the new side, and for how long the others hold the old answer.
//! Only asks; what it counts as answered was answered. A silent resolver is never taken for a good one.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;

use super::question::{self, Said};
use crate::error::{Error, Kind, Result};
use crate::text;

/// Of a zone's own name servers so many are asked.
const OF_A_ZONE: usize = 2;
/// Answers that are wanted before all that answered are believed.
const ENOUGH: usize = 2;

/// Somebody who can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolver {
    /// What this machine uses, with its hosts file.
    System,
    /// The zone's own name servers, once they are found.
    Zone,
    At(SocketAddr),
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It leads to the new side.
    There,
    /// Elsewhere: what it answers.
    Elsewhere(String),
    /// It did not answer: why.
    Silent(String),
}

/// One resolver's view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `1.1.1.1`, `this machine`, `ns-1.example (the zone's own)`.
    pub by: String,
    pub verdict: Verdict,
    /// Seconds for which it goes on saying so.
    pub ttl: Option<u32>,
}

/// What is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All that answer lead there, and at least two answer (or all, if fewer were named).
    All,
    /// One that answers leads there: the record was changed.
    Any,
}

/// A list such as `system, 1.1.1.1, 127.0.0.1:5353, [2606:4700:4700::1111]:53, zone`.
///
/// # Errors
/// `Input` names the word that is none of these.
pub fn parse(list: &str) -> Result<Vec<Resolver>> {
    let mut all = Vec::new();
    for word in list.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        let resolver = match word {
            "system" => Resolver::System,
            "zone" => Resolver::Zone,
            _ => {
                let at = word.parse::<SocketAddr>().or_else(|_| word.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
                Resolver::At(at.map_err(|_| {
                    Error::new(Kind::Input, format!("`{word}` is no resolver")).hint("write system, zone, or an address such as 1.1.1.1")
                })?)
            }
        };
        if !all.contains(&resolver) {
            all.push(resolver);
        }
    }
    if all.is_empty() {
        return Err(
            Error::new(Kind::Input, format!("`{list}` names no resolver")).hint("write system, zone, or an address such as 1.1.1.1")
        );
    }
    Ok(all)
}

/// Asks all of them at once where `host` leads, and whether that is where `to` leads.
pub async fn look(resolvers: &[Resolver], host: &str, to: &str) -> Vec<Seen> {
    let there = addresses(to).await.unwrap_or_default();
    let asked = resolvers.iter().map(|resolver| async {
        match resolver {
            Resolver::System => vec![by_the_system(host, &there).await],
            Resolver::At(at) => vec![by(*at, label(*at), host, to, &there).await],
            Resolver::Zone => by_the_zone(resolvers, host, to, &there).await,
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Is it enough? Nothing is, when nobody answers.
pub fn holds(seen: &[Seen], wanted: Wanted) -> bool {
    let there = seen.iter().filter(|one| one.verdict == Verdict::There).count();
    let answered = seen.iter().filter(|one| !matches!(one.verdict, Verdict::Silent(_))).count();
    match wanted {
        Wanted::Any => there > 0,
        Wanted::All => there == answered && answered >= ENOUGH.min(seen.len()) && answered > 0,
    }
}

/// Did anybody answer at all?
pub fn answered(seen: &[Seen]) -> bool {
    seen.iter().any(|one| !matches!(one.verdict, Verdict::Silent(_)))
}

/// The longest that one of them still holds another answer; `None` where none says.
pub fn longest_left(seen: &[Seen]) -> Option<Duration> {
    let old = seen.iter().filter(|one| matches!(one.verdict, Verdict::Elsewhere(_)));
    old.filter_map(|one| one.ttl).max().map(|ttl| Duration::from_secs(ttl.into()))
}

impl Seen {
    pub fn words(&self) -> String {
        let by = &self.by;
        match (&self.verdict, self.ttl) {
            (Verdict::There, _) => format!("{by}: leads to the new side"),
            (Verdict::Elsewhere(what), None) => format!("{by}: {what}"),
            (Verdict::Elsewhere(what), Some(ttl)) => {
                format!("{by}: {what}, for another {}", text::duration(Duration::from_secs(ttl.into())))
            }
            (Verdict::Silent(why), _) => format!("{by}: {why}; not counted"),
        }
    }
}

/// `1.1.1.1`, with its port where it is not the usual one.
fn label(at: SocketAddr) -> String {
    if at.port() == 53 { at.ip().to_string() } else { at.to_string() }
}

async fn addresses(host: &str) -> std::result::Result<BTreeSet<IpAddr>, String> {
    let found = tokio::net::lookup_host((host, 443)).await.map_err(|_| "it does not resolve the name".to_owned())?;
    Ok(found.map(|at| at.ip()).collect())
}

async fn by_the_system(host: &str, there: &BTreeSet<IpAddr>) -> Seen {
    let verdict = match addresses(host).await {
        Err(why) => Verdict::Silent(why),
        Ok(found) if !found.is_disjoint(there) => Verdict::There,
        Ok(found) => Verdict::Elsewhere(format!("still {}", list(&found))),
    };
    Seen { by: "this machine".to_owned(), verdict, ttl: None }
}

async fn by(at: SocketAddr, by: String, host: &str, to: &str, there: &BTreeSet<IpAddr>) -> Seen {
    let said = match question::host(at, host).await {
        Ok(said) => said,
        Err(why) => return Seen { by, verdict: Verdict::Silent(why), ttl: None },
    };
    // a load balancer's addresses change, and a network of caches has others at each place: the same resolver is asked for both
    let leads = leads_to(&said, to, there)
        || (!said.addresses.is_empty() && question::host(at, to).await.is_ok_and(|new| !said.addresses.is_disjoint(&new.addresses)));
    let verdict = if leads { Verdict::There } else { Verdict::Elsewhere(still(&said)) };
    Seen { by, verdict, ttl: said.ttl }
}

fn leads_to(said: &Said, to: &str, there: &BTreeSet<IpAddr>) -> bool {
    said.through.iter().any(|name| *name == to.trim_end_matches('.').to_lowercase()) || !said.addresses.is_disjoint(there)
}

fn still(said: &Said) -> String {
    match (said.through.last(), said.addresses.is_empty()) {
        (Some(name), _) => format!("still {name}"),
        (None, false) => format!("still {}", list(&said.addresses)),
        (None, true) => "says that there is no such name".to_owned(),
    }
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The zone's own name servers, found by the first of the named resolvers that tells them.
async fn by_the_zone(resolvers: &[Resolver], host: &str, to: &str, there: &BTreeSet<IpAddr>) -> Vec<Seen> {
    let silent =
        |why: &str| vec![Seen { by: "the zone's own name servers".to_owned(), verdict: Verdict::Silent(why.to_owned()), ttl: None }];
    let mut ways: Vec<SocketAddr> = resolvers.iter().filter_map(|r| if let Resolver::At(at) = r { Some(*at) } else { None }).collect();
    if ways.is_empty() {
        ways = of_this_machine();
    }
    for way in ways {
        let Ok(names) = question::name_servers(way, host).await else { continue };
        let mut all = Vec::new();
        for name in names.iter().take(OF_A_ZONE) {
            let Ok(said) = question::host(way, name).await else { continue };
            let Some(ip) = said.addresses.iter().find(|ip| ip.is_ipv4()).or(said.addresses.first()) else { continue };
            all.push(by(SocketAddr::new(*ip, 53), format!("{name} (the zone's own)"), host, to, there).await);
        }
        if !all.is_empty() {
            return all;
        }
    }
    silent("they cannot be found from here")
}

/// The name servers that this machine is told to ask.
fn of_this_machine() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    named.filter_map(|at| at.trim().parse::<IpAddr>().ok()).map(|ip| SocketAddr::new(ip, 53)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(verdicts: &[Verdict]) -> Vec<Seen> {
        verdicts.iter().map(|verdict| Seen { by: "one".into(), verdict: verdict.clone(), ttl: Some(60) }).collect()
    }

    #[test]
    fn a_list_names_the_system_the_zone_and_addresses() {
        let all = parse("system, 1.1.1.1 127.0.0.1:5353,zone, 1.1.1.1").unwrap();
        let at = |text: &str| Resolver::At(text.parse().unwrap());
        assert_eq!(all, [Resolver::System, at("1.1.1.1:53"), at("127.0.0.1:5353"), Resolver::Zone]);
        assert!(parse("system, everybody").unwrap_err().what.contains("`everybody` is no resolver"));
        assert!(parse(" , ").unwrap_err().what.contains("names no resolver"));
    }

    #[test]
    fn silence_is_never_agreement() {
        let (old, silent) = (Verdict::Elsewhere("old".into()), Verdict::Silent("no answer".into()));
        let there = Verdict::There;
        for (all, any, verdicts) in [
            (false, false, vec![]),
            (false, false, vec![silent.clone(), silent.clone()]),
            (false, true, vec![there.clone(), silent.clone()]),
            (true, true, vec![there.clone()]),
            (true, true, vec![there.clone(), there.clone(), silent]),
            (false, true, vec![there.clone(), there, old.clone()]),
            (false, false, vec![old]),
        ] {
            let seen = seen(&verdicts);
            assert_eq!((holds(&seen, Wanted::All), holds(&seen, Wanted::Any)), (all, any), "{verdicts:?}");
        }
    }
}
