//! The domain: its zone, who answers for it, whether a certificate can be proven, and the role for a zone of another account.
//! Reads only; a look-up of name servers is made where `dig` is at hand, else its command is told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::finding::{Check, Finding};
use super::{Domain, Stack, Wanted};
use crate::cloud::Aws;
use crate::cloud::dns::{self, Zone};
use crate::cloud::fault::fault;
use crate::error::Result;

pub(super) async fn findings(aws: &Aws, wanted: &Wanted, stacks: &[Stack<'_>]) -> Vec<Finding> {
    match &wanted.domain {
        Domain::None => Vec::new(),
        Domain::Outside(name) => vec![Finding::note(
            Check::Domain,
            format!("{name} is kept outside AWS: its records, and those that prove the certificate, are set by hand"),
            "have the sign-in of your registrar ready; the checklist of the step names each record",
        )],
        Domain::Here(name) => here(aws, name, makes_zone(stacks, name)).await,
        Domain::Other { name, role_arn } => other(aws, name, role_arn).await,
    }
}

/// Whether a stack that is not there yet makes a zone for the name.
fn makes_zone(stacks: &[Stack<'_>], name: &str) -> bool {
    let of = |stack: &Stack<'_>| {
        stack.rendered.of_kind("AWS::Route53::HostedZone").any(|zone| zone.properties.get("Name").and_then(Value::as_str) == Some(name))
    };
    stacks.iter().any(|stack| !stack.is_ours() && of(stack))
}

async fn here(aws: &Aws, name: &str, makes_zone: bool) -> Vec<Finding> {
    match dns::find_zone(aws, name).await {
        Err(error) => vec![Finding::stops(Check::Domain, format!("the hosted zones cannot be read: {}", error.line()), error.hint)],
        Ok(None) if makes_zone => vec![Finding::note(
            Check::Domain,
            format!(
                "this account has no public hosted zone for {name}: the run makes one, and the certificate waits until your registrar points to it"
            ),
            "have the sign-in of your registrar ready",
        )],
        Ok(None) => vec![Finding::stops(
            Check::Domain,
            format!("this account has no public hosted zone for {name}"),
            format!(
                "make one (aws route53 create-hosted-zone --name {name} --caller-reference now) and point your registrar to it, or answer `domain` with another choice"
            ),
        )],
        Ok(Some(zone)) => {
            let says = format!(
                "the public hosted zone {} ({}) answers for {name}: the records are set there, and no zone is made",
                zone.name, zone.id
            );
            let mut all = if makes_zone { vec![Finding::fine(Check::Domain, says)] } else { Vec::new() };
            all.extend(delegated(aws, &zone).await);
            all
        }
    }
}

/// The zone of this account that answers for the domain already; `None` also where a stack of ours made it, which must keep it.
pub(super) async fn existing(aws: &Aws, wanted: &Wanted, stacks: &[Stack<'_>]) -> Result<Option<Zone>> {
    let Domain::Here(name) = &wanted.domain else { return Ok(None) };
    let zone = dns::find_zone(aws, name).await?;
    let made = |zone: &Zone| {
        let of = |stack: &Stack<'_>| {
            let there = stack.there.as_ref().filter(|_| stack.is_ours());
            there.is_some_and(|it| {
                it.parameters.get("Zone").is_some_and(|how| how == "create") && it.outputs.get("HostedZoneId") == Some(&zone.id)
            })
        };
        stacks.iter().any(of)
    };
    Ok(zone.filter(|zone| !made(zone)))
}

async fn other(aws: &Aws, name: &str, role_arn: &str) -> Vec<Finding> {
    let theirs = aws.as_role(role_arn).await;
    match dns::find_zone(&theirs, name).await {
        Ok(Some(zone)) => {
            let mut all =
                vec![Finding::fine(Check::Domain, format!("{role_arn} can be taken on and lists the zone {} ({})", zone.name, zone.id))];
            all.extend(delegated(&theirs, &zone).await);
            all
        }
        Ok(None) => vec![Finding::stops(
            Check::Domain,
            format!("{role_arn} can be taken on, but its account has no public hosted zone for {name}"),
            "check the domain, and that the role belongs to the account that holds its zone",
        )],
        Err(error) => vec![Finding::stops(
            Check::Domain,
            format!("the zones of the other account cannot be read as {role_arn}: {}", error.line()),
            "its owner must let this account take the role on (sts:AssumeRole in its trust policy) and give it route53:ListHostedZones, route53:ListResourceRecordSets and route53:ChangeResourceRecordSets",
        )],
    }
}

/// Whether the world asks the zone's own name servers: without that no certificate can be proven and no visitor comes.
async fn delegated(aws: &Aws, zone: &Zone) -> Vec<Finding> {
    let own = match servers(aws, zone).await {
        Ok(own) => own,
        Err(error) => {
            return vec![Finding::note(
                Check::Domain,
                format!("the name servers of {} are not known: {}", zone.name, error.line()),
                error.hint,
            )];
        }
    };
    let list = |servers: &BTreeSet<String>| servers.iter().cloned().collect::<Vec<_>>().join(", ");
    match asked(&zone.name).await {
        None => vec![Finding::note(
            Check::Domain,
            format!("whether {} is delegated to {} is not asked: there is no `dig` on this machine", zone.name, list(&own)),
            format!("dig +short NS {} must show exactly these", zone.name),
        )],
        Some(found) if found == own => {
            vec![Finding::fine(Check::Domain, format!("{} is delegated to its zone: the certificate can be proven", zone.name))]
        }
        Some(found) if found.is_empty() => vec![not_delegated(zone, &own, "no name server at all")],
        Some(found) => vec![not_delegated(zone, &own, &list(&found))],
    }
}

fn not_delegated(zone: &Zone, own: &BTreeSet<String>, found: &str) -> Finding {
    let own = own.iter().cloned().collect::<Vec<_>>().join(", ");
    Finding::warns(
        Check::Domain,
        format!("{} is not delegated to its zone {}: the world is told {found}, the zone answers at {own}", zone.name, zone.id),
        format!("set the name servers of {} at your registrar to {own}; until then the certificate cannot be proven", zone.name),
    )
}

async fn servers(aws: &Aws, zone: &Zone) -> Result<BTreeSet<String>> {
    let answer = aws.route53().get_hosted_zone().id(&zone.id).send().await.map_err(|e| fault("route53:GetHostedZone", e))?;
    Ok(answer.delegation_set().map(|set| set.name_servers().iter().map(|n| plain(n)).collect()).unwrap_or_default())
}

/// The name servers that the world is told; `None` where nobody can be asked.
async fn asked(name: &str) -> Option<BTreeSet<String>> {
    let dig = tokio::process::Command::new("dig").args(["+short", "+time=3", "+tries=1", "NS", name]).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(8), dig).await.ok()?.ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().filter(|line| !line.starts_with(';')).map(plain).filter(|line| !line.is_empty()).collect())
}

fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_lowercase()
}
