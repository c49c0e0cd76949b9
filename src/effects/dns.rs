//! `dns`: where a name of a Route 53 zone leads, with its time to live; the records that were there are kept for the undo.
//! Only hands `cloud::dns` what is there; which records there shall be is chosen there.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::World;
use crate::cloud::dns::{self, Lead, Record, Zone};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

/// The fields are those of [`Lead`].
#[derive(Debug, Clone)]
struct Dns(Lead);

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let lead = from_fields::<Lead>("dns", fields)?;
    if lead.ttl.parse::<u32>().is_err() {
        return Err(Error::new(Kind::Input, format!("effect `dns`: `ttl` is `{}`", lead.ttl)).hint("give whole seconds, such as 60"));
    }
    Ok(Box::new(Dns(lead)))
}

impl Dns {
    async fn zone(&self, world: &World) -> Result<Zone> {
        dns::find_zone(world.aws().await?, &self.0.name).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("no Route 53 zone of this account holds {}", self.0.name))
                .hint("make the zone and delegate to it, or answer the domain question with `external` to get a checklist instead")
        })
    }

    async fn old(&self, world: &World, zone: &Zone) -> Result<Vec<Record>> {
        let aws = world.aws().await?;
        if self.0.kind_of_record.is_empty() {
            return dns::addresses(aws, zone, &self.0.name).await;
        }
        Ok(dns::record(aws, zone, &self.0.name, &self.0.kind_of_record).await?.into_iter().collect())
    }
}

/// The records that the journal kept of before.
fn kept(old: Option<&Value>) -> Result<Vec<Record>> {
    serde_json::from_value(old.cloned().unwrap_or_default())
        .map_err(|e| Error::bug("the records that were there before cannot be read from the journal").because(&e))
}

#[async_trait]
impl Apply<World> for Dns {
    fn describe(&self) -> Description {
        let to = if self.0.value.is_empty() { String::new() } else { format!(" {}", self.0.value) };
        Description::new(
            format!("set {} {}{to} with a time to live of {} s", self.0.name, self.0.kinds(), self.0.ttl),
            format!(
                "aws route53 change-resource-record-sets --hosted-zone-id … --change-batch 'UPSERT {} {} {}{to}'",
                self.0.name,
                self.0.kinds(),
                self.0.ttl
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
        let wanted = self.0.wanted(&old);
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
        Ok(if self.0.wanted(&old) == old { Probe::Present(self.example()) } else { Probe::Absent })
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
        dns::replace(world.aws().await?, &zone, &old, &self.0.wanted(&old), &cx.reporter).await?;
        Ok(Outputs::from([("name".into(), json!(self.0.name))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let zone = self.zone(world).await?;
        let now = self.old(world, &zone).await?;
        let old = kept(cx.before.get("old"))?;
        dns::replace(world.aws().await?, &zone, &now, &old, &cx.reporter).await
    }

    fn example(&self) -> Outputs {
        Outputs::from([("name".into(), json!(self.0.name))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, value: &str) -> Record {
        Record { name: "shop.example".into(), kind: kind.into(), ttl: Some(300), values: vec![value.into()], alias: None }
    }

    #[test]
    fn what_was_there_before_is_a_list_and_nothing_else() {
        let cname = record("CNAME", "shop.replit.app");
        assert_eq!(kept(Some(&json!([cname]))).unwrap(), vec![cname]);
        assert_eq!(kept(Some(&json!([]))).unwrap(), vec![]);
        for damaged in [None, Some(&Value::Null), Some(&json!("?"))] {
            assert!(kept(damaged).is_err());
        }
    }
}
