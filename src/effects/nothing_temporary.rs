//! `nothing_temporary`: the list of what was made on AWS for a while must be empty.
//! Only reads the list: taking things away is the work of the command that made them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NothingTemporary {}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<NothingTemporary>("nothing_temporary", fields)?))
}

/// Files of the list, each of which names what a command made.
fn left(world: &World) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(world.app_dir.join(".migrate-wizard/inside")) else { return Vec::new() };
    let names = entries.filter_map(std::result::Result::ok).map(|e| e.file_name().to_string_lossy().into_owned());
    let mut left: Vec<String> = names.filter(|name| std::path::Path::new(name).extension().is_some_and(|e| e == "json")).collect();
    left.sort();
    left
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
        Need::Nothing
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let left = left(world);
        Ok(vec![if left.is_empty() {
            PreviewLine::new(Sign::Same, "nothing temporary is left")
        } else {
            PreviewLine::new(Sign::Warning, format!("still there: {}", left.join(", ")))
        }])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if left(world).is_empty() { Probe::Present(self.example()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, _cx: &Context) -> Result<Outputs> {
        let left = left(world);
        if left.is_empty() {
            return Ok(self.example());
        }
        Err(Error::new(Kind::Conflict, format!("made for a while and not known to be gone: {}", left.join(", ")))
            .hint("run the same `data copy --on ecs` or `inside` command again: it goes on, and takes everything away at its end"))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("summary".into(), json!("nothing temporary is left"))])
    }
}
