//! `record`: what a name of a Route 53 zone answers today, and for how long the world remembers it.
//! Only asks `cloud::dns`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::dns::{self, Record};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    name: String,
    /// Such as `TXT`. Empty: what leads somewhere, so `CNAME`, `A` and `AAAA` together.
    #[serde(default)]
    kind_of_record: String,
}

/// Route 53 answers for an alias with the time to live of what it leads to: 60 seconds for a load balancer and for CloudFront.
const OF_AN_ALIAS: u32 = 60;

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Answer>("record", fields)?))
}

impl Answer {
    async fn records(&self, world: &World) -> Result<Vec<Record>> {
        let zone = dns::find_zone(world.aws().await?, &self.name).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("no Route 53 zone of this account holds {}", self.name))
                .hint("make the zone and delegate to it, or answer the domain question with `external` to get a checklist instead")
        })?;
        if self.kind_of_record.is_empty() {
            return dns::addresses(world.aws().await?, &zone, &self.name).await;
        }
        Ok(dns::record(world.aws().await?, &zone, &self.name, &self.kind_of_record).await?.into_iter().collect())
    }

    fn words(&self, records: &[Record]) -> String {
        let one = |r: &Record| match (&r.alias, r.ttl) {
            (Some(to), _) => format!("as an alias of {}, which has no time to live of its own: {OF_AN_ALIAS} s", to.dns_name),
            (None, ttl) => format!("{} for {} s", r.values.join(" "), ttl.unwrap_or_default()),
        };
        match records {
            [] => format!("{} answers nothing yet", self.name),
            found => format!("{} answers {}", self.name, found.iter().map(one).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[async_trait]
impl Apply<World> for Answer {
    fn describe(&self) -> Description {
        Description::new(
            format!("read what {} answers today", self.name),
            format!("aws route53 list-resource-record-sets --hosted-zone-id … --start-record-name {} --max-items 3", self.name),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let records = self.records(world).await?;
        Ok(vec![PreviewLine::new(Sign::Same, self.words(&records))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if self.records(world).await?.is_empty() { Probe::Absent } else { Probe::Present(self.example()) })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let records = self.records(world).await?;
        let summary = self.words(&records);
        cx.reporter.log(summary.clone());
        let ttl = records.iter().map(|r| r.ttl.unwrap_or(OF_AN_ALIAS)).max().unwrap_or(0);
        Ok(Outputs::from([("ttl".into(), json!(ttl.to_string())), ("summary".into(), json!(summary))]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("ttl".into(), json!("300")), ("summary".into(), json!("not asked"))])
    }
}
