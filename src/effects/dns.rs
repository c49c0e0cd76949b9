//! `dns`: a Route 53 record with its time to live; the record that was there is kept for the undo.
//! Only hands the record to `cloud::dns`.

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
    /// `CNAME`, `A`, `TXT`; default CNAME.
    #[serde(default = "cname")]
    kind_of_record: String,
    /// Empty: keep what is there and change only the time to live.
    #[serde(default)]
    value: String,
    /// Seconds.
    ttl: String,
}

fn cname() -> String {
    "CNAME".into()
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

    /// The record as it shall be; `None` when there is nothing whose time to live could be changed.
    fn wanted(&self, old: Option<&Record>) -> Option<Record> {
        let ttl = self.ttl.parse().ok();
        match (self.value.is_empty(), old) {
            (true, None) => None,
            (true, Some(old)) => Some(Record { ttl, ..old.clone() }),
            (false, _) => Some(Record {
                name: self.name.clone(),
                kind: self.kind_of_record.clone(),
                ttl,
                values: vec![self.value.clone()],
                alias: None,
            }),
        }
    }

    async fn old(&self, world: &World, zone: &Zone) -> Result<Option<Record>> {
        dns::record(world.aws().await?, zone, &self.name, &self.kind_of_record).await
    }
}

#[async_trait]
impl Apply<World> for Dns {
    fn describe(&self) -> Description {
        let to = if self.value.is_empty() { String::new() } else { format!(" {}", self.value) };
        Description::new(
            format!("set {} {}{to} with a time to live of {} s", self.name, self.kind_of_record, self.ttl),
            format!(
                "aws route53 change-resource-record-sets --hosted-zone-id … --change-batch 'UPSERT {} {} {}{to}'",
                self.name, self.kind_of_record, self.ttl
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
        let line = |sign, r: &Record| PreviewLine::new(sign, format!("{} {} {:?} {}", r.name, r.kind, r.ttl, r.values.join(" ")));
        let wanted = self.wanted(old.as_ref());
        Ok(match (old, wanted) {
            (Some(old), Some(wanted)) if old == wanted => vec![line(Sign::Same, &old)],
            (Some(old), Some(wanted)) => vec![line(Sign::Remove, &old), line(Sign::Add, &wanted)],
            (None, Some(wanted)) => vec![line(Sign::Add, &wanted)],
            (_, None) => vec![PreviewLine::new(Sign::Note, "there is no record whose time to live could be changed")],
        })
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let zone = self.zone(world).await?;
        let old = self.old(world, &zone).await?;
        let wanted = self.wanted(old.as_ref());
        Ok(if wanted == old { Probe::Present(self.example()) } else { Probe::Absent })
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
        if let Some(wanted) = self.wanted(old.as_ref()) {
            dns::upsert(world.aws().await?, &zone, &wanted, &cx.reporter).await?;
        }
        Ok(Outputs::from([("name".into(), json!(self.name))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let zone = self.zone(world).await?;
        let aws = world.aws().await?;
        let old: Option<Record> = cx.before.get("old").cloned().and_then(|v| serde_json::from_value(v).ok()).flatten();
        match old {
            Some(old) => dns::upsert(aws, &zone, &old, &cx.reporter).await.map(drop),
            None => dns::delete(aws, &zone, &self.name, &self.kind_of_record, &cx.reporter).await.map(drop),
        }
    }

    fn example(&self) -> Outputs {
        Outputs::from([("name".into(), json!(self.name))])
    }
}
