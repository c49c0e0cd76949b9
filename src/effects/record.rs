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
    /// `CNAME`, `A`, `TXT`; default CNAME.
    #[serde(default = "cname")]
    kind_of_record: String,
}

fn cname() -> String {
    "CNAME".into()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Answer>("record", fields)?))
}

impl Answer {
    async fn record(&self, world: &World) -> Result<Option<Record>> {
        let zone = dns::find_zone(world.aws().await?, &self.name).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("no Route 53 zone of this account holds {}", self.name))
                .hint("make the zone and delegate to it, or answer the domain question with `external` to get a checklist instead")
        })?;
        dns::record(world.aws().await?, &zone, &self.name, &self.kind_of_record).await
    }

    fn words(&self, record: Option<&Record>) -> String {
        match record {
            None => format!("{} answers nothing yet", self.name),
            Some(found) => {
                let lives = found.ttl.map_or_else(|| "as an alias".to_owned(), |ttl| format!("for {ttl} s"));
                format!("{} answers {} {lives}", self.name, found.values.join(" "))
            }
        }
    }
}

#[async_trait]
impl Apply<World> for Answer {
    fn describe(&self) -> Description {
        Description::new(
            format!("read what {} answers today", self.name),
            format!("aws route53 list-resource-record-sets --hosted-zone-id … --start-record-name {} --max-items 1", self.name),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let record = self.record(world).await?;
        Ok(vec![PreviewLine::new(Sign::Same, self.words(record.as_ref()))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if self.record(world).await?.is_some() { Probe::Present(self.example()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let record = self.record(world).await?;
        let summary = self.words(record.as_ref());
        cx.reporter.log(summary.clone());
        Ok(Outputs::from([("ttl".into(), json!(record.and_then(|r| r.ttl).unwrap_or(0).to_string())), ("summary".into(), json!(summary))]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("ttl".into(), json!("300")), ("summary".into(), json!("not asked"))])
    }
}
