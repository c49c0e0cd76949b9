//! `ledger`: drops the mover's ledger from the target; the way back by rows ends with it.
//! Only hands the connection to `data`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::target_ref::TargetRef;
use crate::data;
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    target: TargetRef,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let ledger = from_fields::<Ledger>("ledger", fields)?;
    ledger.target.check("ledger")?;
    Ok(Box::new(ledger))
}

#[async_trait]
impl Apply<World> for Ledger {
    fn describe(&self) -> Description {
        Description::new("drop the ledger (schema migrate_wizard) from the new database", "migrate-wizard data finish")
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let target = world.target(&self.target).await?;
        Ok(vec![if data::has_ledger(&target).await? {
            PreviewLine::new(Sign::Remove, format!("schema migrate_wizard on {}", target.label()))
        } else {
            PreviewLine::new(Sign::Same, format!("there is no schema migrate_wizard on {}", target.label()))
        }])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let there = data::has_ledger(&world.target(&self.target).await?).await?;
        Ok(if there { Probe::Absent } else { Probe::Present(self.example()) })
    }

    async fn apply(&self, world: &World, _cx: &Context) -> Result<Outputs> {
        data::finish(&world.target(&self.target).await?, false).await?;
        Ok(self.example())
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("the ledger cannot be made again: rows written on AWS stay there");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("summary".into(), json!("the ledger is gone"))])
    }
}
