//! `way_back_check`: refuses a way back that could not be gone, before anything is frozen, with the reason and the answers that can.
//! Only weighs answers against each other; opens nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

const KIND: &str = "way_back_check";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayBackCheck {
    /// `carry_back`, `keep_aside` or `accept_loss`.
    choice: String,
    /// What keys that the database numbers became.
    #[serde(default)]
    serial_keys: String,
    /// Where tasks reach a private database; empty where it is reached from here.
    #[serde(default)]
    place: String,
    /// In which way the source is frozen.
    #[serde(default)]
    how: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let check = from_fields::<WayBackCheck>(KIND, fields)?;
    one_of(KIND, "choice", &check.choice, &["carry_back", "keep_aside", "accept_loss"])?;
    Ok(Box::new(check))
}

#[async_trait]
impl Apply<World> for WayBackCheck {
    fn describe(&self) -> Description {
        Description::new("check that the way back that was chosen can be gone", "migrate-wizard plan")
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Nothing
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Note, "looks at answers alone")])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, _world: &World, _cx: &Context) -> Result<Outputs> {
        let refused = |what: &str, why: &str, instead: &str| {
            let hint = format!("change the answer to `writes_after` (c, or --set writes_after={instead}); nothing is frozen yet");
            Err(Error::new(Kind::Conflict, what).cause(why).hint(hint))
        };
        match self.choice.as_str() {
            "carry_back" if self.serial_keys == "uuid" => refused(
                "rows written on AWS cannot be carried back",
                "keys that the database numbered became uuids: a row that is made on AWS has no old number",
                "keep_aside",
            ),
            "keep_aside" if !self.place.is_empty() => refused(
                "rows written on AWS cannot be kept aside",
                "the database is reached only by tasks inside the VPC, and no file of a task comes home",
                "carry_back",
            ),
            "carry_back" if self.how == "revoke" => Err(Error::new(Kind::Conflict, "rows written on AWS could not be carried back")
                .cause("a freeze that takes the rights to write takes them from the wizard too, and they come back only after the rows")
                .hint("freeze in another way (c, or --set freeze_how=triggers), or change the answer to `writes_after` (--set writes_after=keep_aside); nothing is frozen yet")),
            _ => Ok(self.example()),
        }
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("summary".into(), json!(format!("{} can be done", self.choice.replace('_', " "))))])
    }
}
