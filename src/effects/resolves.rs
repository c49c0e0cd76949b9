//! `resolves`: does a host name lead to where it should? Verifies what human hands did at a registrar.
//! Only looks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use crate::error::{Context as _, Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolves {
    host: String,
    /// A host whose addresses it must share.
    to: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Resolves>("resolves", fields)?))
}

async fn addresses(host: &str) -> Result<BTreeSet<IpAddr>> {
    let found = tokio::net::lookup_host((host, 443)).await.or_fail(
        Kind::Unreachable,
        format!("{host} does not resolve"),
        "check the record at your DNS provider; a new record may take as long as its old time to live",
    )?;
    Ok(found.map(|a| a.ip()).collect())
}

impl Resolves {
    async fn agrees(&self) -> Result<bool> {
        let (host, to) = (addresses(&self.host).await?, addresses(&self.to).await?);
        Ok(!host.is_disjoint(&to))
    }
}

#[async_trait]
impl Apply<World> for Resolves {
    fn describe(&self) -> Description {
        let host = if self.host.is_empty() { "the app's host name" } else { &self.host };
        Description::new(format!("{host} resolves to the addresses of {}", self.to), format!("dig +short {} {}", self.host, self.to))
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Network
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(if self.agrees().await? { Sign::Same } else { Sign::Change }, self.describe().sentence)])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(if self.agrees().await? { Probe::Present(Outputs::new()) } else { Probe::Absent })
    }

    async fn apply(&self, _world: &World, _cx: &Context) -> Result<Outputs> {
        if self.agrees().await? {
            return Ok(Outputs::new());
        }
        Err(Error::new(Kind::Conflict, format!("{} does not resolve to {} yet", self.host, self.to))
            .hint("wait for the old time to live to pass, then try again"))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::new()
    }
}
