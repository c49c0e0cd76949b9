//! `dns`: where a name of a Route 53 zone leads, with its time to live; the records that were there are kept for the undo.
//! Only chooses among the types that AWS accepts, and hands them to `cloud::dns`.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::dns::{self, Record, Zone};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    name: String,
    /// Such as `TXT`. Empty: what leads somewhere, so `CNAME`, `A` and `AAAA` together.
    #[serde(default)]
    kind_of_record: String,
    /// A host name, or addresses parted by commas. Empty: keep what is there and change only the time to live.
    #[serde(default)]
    value: String,
    /// The zone of a load balancer's host name: where the name is no CNAME today, it becomes an alias.
    #[serde(default)]
    alias_zone: String,
    /// Seconds.
    ttl: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let dns = from_fields::<Dns>("dns", fields)?;
    if dns.ttl.parse::<u32>().is_err() {
        return Err(Error::new(Kind::Input, format!("effect `dns`: `ttl` is `{}`", dns.ttl)).hint("give whole seconds, such as 60"));
    }
    Ok(Box::new(dns))
}

impl Dns {
    async fn zone(&self, world: &World) -> Result<Zone> {
        dns::find_zone(world.aws().await?, &self.name).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("no Route 53 zone of this account holds {}", self.name))
                .hint("make the zone and delegate to it, or answer the domain question with `external` to get a checklist instead")
        })
    }

    /// The records as they shall be. A CNAME stays one; over other records, or none, AWS takes an alias where it refuses a CNAME.
    fn wanted(&self, old: &[Record]) -> Vec<Record> {
        let ttl = self.ttl.parse().ok();
        if self.value.is_empty() {
            let lowered = |r: &Record| Record { ttl: if r.alias.is_some() { r.ttl } else { ttl }, ..r.clone() };
            return old.iter().map(lowered).collect();
        }
        let is_cname = old.iter().any(|r| r.kind == "CNAME");
        if self.kind_of_record.is_empty() && !self.alias_zone.is_empty() && !is_cname {
            return vec![dns::alias(&self.name, &self.value, &self.alias_zone)];
        }
        let mut all: Vec<Record> = Vec::new();
        for value in self.value.split(',').map(str::trim) {
            let kind = self.kind_of(value);
            match all.iter_mut().find(|r| r.kind == kind) {
                Some(record) => record.values.push(value.to_owned()),
                None => {
                    let values = vec![value.to_owned()];
                    all.push(Record { name: dns::plain(&self.name), kind: kind.to_owned(), ttl, values, alias: None });
                }
            }
        }
        all
    }

    fn kind_of(&self, value: &str) -> &str {
        match value.parse() {
            _ if !self.kind_of_record.is_empty() => &self.kind_of_record,
            Ok(IpAddr::V4(_)) => "A",
            Ok(IpAddr::V6(_)) => "AAAA",
            Err(_) => "CNAME",
        }
    }

    /// The type, for people; what is there decides it where an alias may be made.
    fn kinds(&self) -> &str {
        match self.value.split(',').next() {
            _ if !self.kind_of_record.is_empty() => &self.kind_of_record,
            Some(first) if !first.is_empty() && self.alias_zone.is_empty() => self.kind_of(first.trim()),
            Some("") | None => "CNAME, A or AAAA",
            Some(_) => "CNAME or alias",
        }
    }

    async fn old(&self, world: &World, zone: &Zone) -> Result<Vec<Record>> {
        let aws = world.aws().await?;
        if self.kind_of_record.is_empty() {
            return dns::addresses(aws, zone, &self.name).await;
        }
        Ok(dns::record(aws, zone, &self.name, &self.kind_of_record).await?.into_iter().collect())
    }
}

/// What the journal keeps: a list; of runs of earlier days one record or none, and that was a CNAME.
fn kept(old: Option<&Value>, now: &[Record]) -> Result<Vec<Record>> {
    let old = old.cloned().unwrap_or_default();
    let bad = |e| Error::bug("the records that were there before cannot be read from the journal").because(&e);
    match old {
        Value::Null => Ok(now.iter().filter(|r| r.kind != "CNAME").cloned().collect()),
        Value::Object(_) => Ok(vec![serde_json::from_value(old).map_err(bad)?]),
        _ => serde_json::from_value(old).map_err(bad),
    }
}

#[async_trait]
impl Apply<World> for Dns {
    fn describe(&self) -> Description {
        let to = if self.value.is_empty() { String::new() } else { format!(" {}", self.value) };
        Description::new(
            format!("set {} {}{to} with a time to live of {} s", self.name, self.kinds(), self.ttl),
            format!(
                "aws route53 change-resource-record-sets --hosted-zone-id … --change-batch 'UPSERT {} {} {}{to}'",
                self.name,
                self.kinds(),
                self.ttl
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let zone = self.zone(world).await?;
        let old = self.old(world, &zone).await?;
        let wanted = self.wanted(&old);
        if wanted.is_empty() {
            return Ok(vec![PreviewLine::new(Sign::Note, "there is no record whose time to live could be changed")]);
        }
        let line = |sign, r: &Record| match &r.alias {
            Some(to) => PreviewLine::new(sign, format!("{} {} alias of {}", r.name, r.kind, to.dns_name)),
            None => PreviewLine::new(sign, format!("{} {} {:?} {}", r.name, r.kind, r.ttl, r.values.join(" "))),
        };
        let gone = old.iter().filter(|r| !wanted.contains(r)).map(|r| line(Sign::Remove, r));
        Ok(gone.chain(wanted.iter().map(|r| line(if old.contains(r) { Sign::Same } else { Sign::Add }, r))).collect())
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let zone = self.zone(world).await?;
        let old = self.old(world, &zone).await?;
        Ok(if self.wanted(&old) == old { Probe::Present(self.example()) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let zone = self.zone(world).await?;
        let old = self.old(world, &zone).await?;
        let old = serde_json::to_value(&old).map_err(|e| Error::bug(format!("a record cannot be kept: {e}")))?;
        Ok(Outputs::from([("old".into(), old)]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let zone = self.zone(world).await?;
        let old = self.old(world, &zone).await?;
        dns::replace(world.aws().await?, &zone, &old, &self.wanted(&old), &cx.reporter).await?;
        Ok(Outputs::from([("name".into(), json!(self.name))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let zone = self.zone(world).await?;
        let now = self.old(world, &zone).await?;
        let old = kept(cx.before.get("old"), &now)?;
        dns::replace(world.aws().await?, &zone, &now, &old, &cx.reporter).await
    }

    fn example(&self) -> Outputs {
        Outputs::from([("name".into(), json!(self.name))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, value: &str) -> Record {
        Record { name: "shop.example".into(), kind: kind.into(), ttl: Some(300), values: vec![value.into()], alias: None }
    }

    fn to(value: &str, alias_zone: &str) -> Dns {
        let all = json!({ "name": "Shop.example.", "value": value, "alias_zone": alias_zone, "ttl": "60" });
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn an_alias_leads_to_the_zone_of_its_host() {
        let zone = |host: &str| to(host, "ZELB").wanted(&[record("A", "192.0.2.1")])[0].alias.clone().unwrap().zone_id;
        assert_eq!(zone("shop.us-east-1.elb.amazonaws.com"), "ZELB");
        assert_eq!(zone("d1.cloudfront.net"), "Z2FDTNDATAQYW2");
    }

    #[test]
    fn a_cname_stays_one_and_addresses_are_told_from_host_names() {
        let kinds = |dns: Dns, old: &[Record]| dns.wanted(old).iter().map(|r| r.kind.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(kinds(to("lb.example", "ZELB"), &[record("CNAME", "shop.replit.app")]), "CNAME");
        assert_eq!(kinds(to("lb.example", "ZELB"), &[]), "A");
        assert_eq!(kinds(to("lb.example", ""), &[]), "CNAME");
        assert_eq!(kinds(to("192.0.2.1,2001:db8::1, 192.0.2.2", ""), &[]), "A AAAA");
    }

    #[test]
    fn journals_of_earlier_days_are_read_too() {
        let (a, cname) = (record("A", "192.0.2.1"), record("CNAME", "shop.replit.app"));
        let now = [a.clone(), record("CNAME", "lb.example")];
        assert_eq!(kept(Some(&json!(cname)), &now).unwrap(), vec![cname.clone()]);
        assert_eq!(kept(Some(&Value::Null), &now).unwrap(), vec![a.clone()]);
        assert_eq!(kept(Some(&json!([a])), &now).unwrap(), vec![a]);
        assert!(kept(Some(&json!("?")), &now).is_err());
    }
}
