//! Names in Route 53: find the zone, read a record, set it, take it away.
//! Never touches a record that is routed by weight or place: those belong to someone who knows why.

use aws_sdk_route53::types::{AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType};
use serde::{Deserialize, Serialize};

use super::fault::{code, fault, message};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

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
    let Some(set) = answer.resource_record_sets().iter().find(|set| plain(set.name()) == plain(name) && set.r#type().as_str() == kind)
    else {
        return Ok(None);
    };
    if set.set_identifier().is_some() {
        return Err(Error::new(Kind::Conflict, format!("{name} {kind} is several records with routing rules"))
            .hint("change it yourself in the Route 53 console; this step can then be confirmed by hand"));
    }
    Ok(Some(Record {
        name: plain(set.name()),
        kind: kind.to_owned(),
        ttl: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()),
        values: set.resource_records().iter().map(|value| value.value().to_owned()).collect(),
        alias: set.alias_target().map(|to| Alias {
            zone_id: to.hosted_zone_id().to_owned(),
            dns_name: plain(to.dns_name()),
            evaluate_health: to.evaluate_target_health(),
        }),
    }))
}

/// Sets a record and waits until all of Route 53's servers answer so. Returns what was there before; an equal record is left alone.
pub async fn upsert(aws: &Aws, zone: &Zone, wanted: &Record, reporter: &Reporter) -> Result<Option<Record>> {
    let old = record(aws, zone, &wanted.name, &wanted.kind).await?;
    if old.as_ref() == Some(wanted) {
        reporter.log(format!("{} {}: unchanged", wanted.name, wanted.kind));
        return Ok(old);
    }
    change(aws, zone, ChangeAction::Upsert, wanted, reporter).await?;
    Ok(old)
}

/// Takes the record of that name and type away, whatever its values; an absent one is no error. Returns what was there.
pub async fn delete(aws: &Aws, zone: &Zone, name: &str, kind: &str, reporter: &Reporter) -> Result<Option<Record>> {
    let Some(old) = record(aws, zone, name, kind).await? else { return Ok(None) };
    change(aws, zone, ChangeAction::Delete, &old, reporter).await?;
    Ok(Some(old))
}

async fn change(aws: &Aws, zone: &Zone, action: ChangeAction, record: &Record, reporter: &Reporter) -> Result<()> {
    let deleting = action == ChangeAction::Delete;
    let bad = |e: aws_sdk_route53::error::BuildError| {
        Error::bug(format!("the record {} {} cannot be written", record.name, record.kind)).because(&e)
    };
    let values =
        record.values.iter().map(|value| ResourceRecord::builder().value(value).build()).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    let alias = record
        .alias
        .as_ref()
        .map(|to| {
            AliasTarget::builder().hosted_zone_id(&to.zone_id).dns_name(&to.dns_name).evaluate_target_health(to.evaluate_health).build()
        })
        .transpose()
        .map_err(bad)?;
    let set = ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(RrType::from(record.kind.as_str()))
        .set_ttl(record.ttl.map(i64::from))
        .set_resource_records((!values.is_empty()).then_some(values))
        .set_alias_target(alias)
        .build()
        .map_err(bad)?;
    let change = Change::builder().action(action).resource_record_set(set).build().map_err(bad)?;
    let batch = ChangeBatch::builder().comment("by migrate-wizard").changes(change).build().map_err(bad)?;
    let sent = match aws.route53().change_resource_record_sets().hosted_zone_id(&zone.id).change_batch(batch).send().await {
        Ok(sent) => sent,
        Err(error) if deleting && code(&error) == "InvalidChangeBatch" && message(&error).contains("not found") => return Ok(()),
        Err(error) => return Err(fault("route53:ChangeResourceRecordSets", error)),
    };
    let Some(info) = sent.change_info() else { return Ok(()) };
    let mut state = info.status().clone();
    while state != ChangeStatus::Insync {
        reporter.log(format!("{} {}: {}", record.name, record.kind, state.as_str()));
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
    reporter.log(format!("{} {}: answered by all of Route 53's servers", record.name, record.kind));
    Ok(())
}

/// A name in lower case, without the final dot, with `*` as itself.
fn plain(name: &str) -> String {
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
