//! Names in Route 53: find the zone, read a record, set it, take it away.
//! Never touches a record that is routed by weight or place: those belong to someone who knows why.

mod lead;

use aws_sdk_route53::types::{AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType};
use serde::{Deserialize, Serialize};

use super::fault::{code, fault, message};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

pub use lead::Lead;

/// The zone of every CloudFront host name, for alias records.
const CLOUDFRONT: &str = "Z2FDTNDATAQYW2";

/// A public hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Without `/hostedzone/`.
    pub id: String,
    /// Without the final dot.
    pub name: String,
}

/// Where an alias record points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub zone_id: String,
    pub dns_name: String,
    pub evaluate_health: bool,
}

/// A record: either values with a time to live, or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Without the final dot.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `TXT` …
    pub kind: String,
    /// Seconds; `None` for an alias.
    pub ttl: Option<u32>,
    /// As Route 53 writes them (`TXT` in quotes); empty for an alias.
    pub values: Vec<String>,
    pub alias: Option<Alias>,
}

/// The public zone that answers for a domain: the longest whose name ends it. `None` if this account has none.
pub async fn find_zone(aws: &Aws, domain: &str) -> Result<Option<Zone>> {
    let domain = plain(domain);
    let mut best: Option<Zone> = None;
    let mut page = None;
    loop {
        let answer =
            aws.route53().list_hosted_zones().set_marker(page.take()).send().await.map_err(|e| fault("route53:ListHostedZones", e))?;
        for zone in answer.hosted_zones() {
            let name = plain(zone.name());
            let answers = domain == name || domain.ends_with(&format!(".{name}"));
            let private = zone.config().is_some_and(|config| config.private_zone());
            if answers && !private && best.as_ref().is_none_or(|best| best.name.len() < name.len()) {
                best = Some(Zone { id: zone.id().trim_start_matches("/hostedzone/").to_owned(), name });
            }
        }
        page = answer.next_marker;
        if !answer.is_truncated || page.is_none() {
            return Ok(best);
        }
    }
}

/// The record of that name and type, if there is one. Errors with [`Kind::Conflict`] if it is one of several with routing rules.
pub async fn record(aws: &Aws, zone: &Zone, name: &str, kind: &str) -> Result<Option<Record>> {
    let answer = aws
        .route53()
        .list_resource_record_sets()
        .hosted_zone_id(&zone.id)
        .start_record_name(name)
        .start_record_type(RrType::from(kind))
        .max_items(1)
        .send()
        .await
        .map_err(|e| fault("route53:ListResourceRecordSets", e))?;
    let found = answer.resource_record_sets().iter().find(|set| plain(set.name()) == plain(name) && set.r#type().as_str() == kind);
    found.map(read).transpose()
}

/// The records that say where a name leads: its CNAME, or its A and AAAA. Errors as [`record`] does.
pub async fn addresses(aws: &Aws, zone: &Zone, name: &str) -> Result<Vec<Record>> {
    let mut all = Vec::new();
    for kind in ["A", "AAAA", "CNAME"] {
        all.extend(record(aws, zone, name, kind).await?);
    }
    Ok(all)
}

/// A record that answers with the addresses of a load balancer (whose zone is given) or of a CloudFront distribution.
pub fn alias(name: &str, to: &str, zone_id: &str) -> Record {
    let dns_name = plain(to);
    let zone_id = if dns_name.ends_with(".cloudfront.net") { CLOUDFRONT } else { zone_id }.to_owned();
    let alias = Some(Alias { zone_id, dns_name, evaluate_health: false });
    Record { name: plain(name), kind: "A".into(), ttl: None, values: Vec::new(), alias }
}

fn read(set: &ResourceRecordSet) -> Result<Record> {
    let (name, kind) = (plain(set.name()), set.r#type().as_str().to_owned());
    if set.set_identifier().is_some() {
        return Err(Error::new(Kind::Conflict, format!("{name} {kind} is several records with routing rules"))
            .hint("change it yourself in the Route 53 console; this step can then be confirmed by hand"));
    }
    Ok(Record {
        name,
        kind,
        ttl: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()),
        values: set.resource_records().iter().map(|value| value.value().to_owned()).collect(),
        alias: set.alias_target().map(|to| Alias {
            zone_id: to.hosted_zone_id().to_owned(),
            dns_name: plain(to.dns_name()),
            evaluate_health: to.evaluate_target_health(),
        }),
    })
}

/// Makes `now` into `wanted` in one batch, so that no moment is between, and waits until all of Route 53's servers answer so.
pub async fn replace(aws: &Aws, zone: &Zone, now: &[Record], wanted: &[Record], reporter: &Reporter) -> Result<()> {
    let gone = now.iter().filter(|old| wanted.iter().all(|new| new.kind != old.kind)).map(|old| (ChangeAction::Delete, old));
    let set = wanted.iter().filter(|new| !now.contains(new)).map(|new| (ChangeAction::Upsert, new));
    let changes: Vec<(ChangeAction, &Record)> = gone.chain(set).collect();
    if changes.is_empty() {
        reporter.log("the records are unchanged");
        return Ok(());
    }
    change(aws, zone, &changes, reporter).await
}

async fn change(aws: &Aws, zone: &Zone, changes: &[(ChangeAction, &Record)], reporter: &Reporter) -> Result<()> {
    let deleting = changes.iter().all(|(action, _)| *action == ChangeAction::Delete);
    let said = changes.iter().map(|(_, record)| format!("{} {}", record.name, record.kind)).collect::<Vec<_>>().join(", ");
    let bad = |e: aws_sdk_route53::error::BuildError| Error::bug(format!("{said} cannot be written")).because(&e);
    let mut batch = ChangeBatch::builder().comment("by migrate-wizard");
    for (action, record) in changes {
        let set = written(record).map_err(bad)?;
        batch = batch.changes(Change::builder().action(action.clone()).resource_record_set(set).build().map_err(bad)?);
    }
    let batch = batch.build().map_err(bad)?;
    let sent = match aws.route53().change_resource_record_sets().hosted_zone_id(&zone.id).change_batch(batch).send().await {
        Ok(sent) => sent,
        Err(error) if deleting && code(&error) == "InvalidChangeBatch" && message(&error).contains("not found") => return Ok(()),
        Err(error) => return Err(fault("route53:ChangeResourceRecordSets", error)),
    };
    let Some(info) = sent.change_info() else { return Ok(()) };
    let mut state = info.status().clone();
    while state != ChangeStatus::Insync {
        reporter.log(format!("{said}: {}", state.as_str()));
        tokio::time::sleep(aws.poll()).await;
        let answer = aws
            .route53()
            .get_change()
            .id(info.id().trim_start_matches("/change/"))
            .send()
            .await
            .map_err(|e| fault("route53:GetChange", e))?;
        match answer.change_info() {
            Some(info) => state = info.status().clone(),
            None => break,
        }
    }
    reporter.log(format!("{said}: answered by all of Route 53's servers"));
    Ok(())
}

fn written(record: &Record) -> std::result::Result<ResourceRecordSet, aws_sdk_route53::error::BuildError> {
    let values =
        record.values.iter().map(|value| ResourceRecord::builder().value(value).build()).collect::<std::result::Result<Vec<_>, _>>()?;
    let to = |to: &Alias| {
        AliasTarget::builder().hosted_zone_id(&to.zone_id).dns_name(&to.dns_name).evaluate_target_health(to.evaluate_health).build()
    };
    ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(RrType::from(record.kind.as_str()))
        .set_ttl(record.ttl.map(i64::from))
        .set_resource_records((!values.is_empty()).then_some(values))
        .set_alias_target(record.alias.as_ref().map(to).transpose()?)
        .build()
}

/// A name in lower case, without the final dot, with `*` as itself.
pub fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase().replace("\\052", "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_form() {
        assert_eq!(plain("WWW.Example.com."), "www.example.com");
        assert_eq!(plain("\\052.example.com."), "*.example.com");
    }
}
