//! `nothing_temporary`: the list of what was made on AWS for a while must be empty, and no rule of the door may stand.
//! Only looks: taking things away is the work of the command or step that made them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::door;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

/// What a rule that is left is called.
const DOOR: &str = "a rule of the door on the load balancer";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NothingTemporary {
    /// ARN of the load balancer whose door must be free; empty: there is none.
    #[serde(default)]
    load_balancer: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<NothingTemporary>("nothing_temporary", fields)?))
}

/// Files of the list, each of which names what a command made.
fn files(world: &World) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(world.app_dir.join(".migrate-wizard/inside")) else { return Vec::new() };
    let names = entries.filter_map(std::result::Result::ok).map(|e| e.file_name().to_string_lossy().into_owned());
    let mut left: Vec<String> = names.filter(|name| std::path::Path::new(name).extension().is_some_and(|e| e == "json")).collect();
    left.sort();
    left
}

impl NothingTemporary {
    async fn left(&self, world: &World) -> Result<Vec<String>> {
        let mut left = files(world);
        if !self.load_balancer.is_empty() && !door::look(world.aws().await?, &self.load_balancer).await?.is_free() {
            left.push(DOOR.to_owned());
        }
        Ok(left)
    }
}

#[async_trait]
impl Apply<World> for NothingTemporary {
    fn describe(&self) -> Description {
        Description::new("see that nothing that was made for a while is left", "ls .migrate-wizard/inside/")
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        if self.load_balancer.is_empty() { Need::Nothing } else { Need::Aws }
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let left = self.left(world).await?;
        Ok(vec![if left.is_empty() {
            PreviewLine::new(Sign::Same, "nothing temporary is left")
        } else {
            PreviewLine::new(Sign::Warning, format!("still there: {}", left.join(", ")))
        }])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if self.left(world).await?.is_empty() { Probe::Present(self.example()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, _cx: &Context) -> Result<Outputs> {
        let left = self.left(world).await?;
        if left.is_empty() {
            return Ok(self.example());
        }
        Err(Error::new(Kind::Conflict, format!("made for a while and not known to be gone: {}", left.join(", ")))
            .hint(if left.last().is_some_and(|last| last == DOOR) {
                "a roll back that comes to its end takes it away; else delete the rules that are tagged migrate-wizard-door: aws elbv2 delete-rule"
            } else {
                "run the same `data copy --on ecs` or `inside` command again: it goes on, and takes everything away at its end"
            }))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("summary".into(), json!("nothing temporary is left"))])
    }
}
