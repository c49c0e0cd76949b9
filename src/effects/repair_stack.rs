//! `repair_stack`: takes a stack that a failure left in the middle of something back to its last good state.
//! Only hands name and skip list to `cloud::stacks`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::stacks;
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairStack {
    name: String,
    /// Logical ids, separated by commas.
    #[serde(default)]
    skip: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<RepairStack>("repair_stack", fields)?))
}

impl RepairStack {
    fn skipped(&self) -> impl Iterator<Item = &str> {
        self.skip.split(',').map(str::trim).filter(|id| !id.is_empty())
    }
}

#[async_trait]
impl Apply<World> for RepairStack {
    fn describe(&self) -> Description {
        let skip: Vec<&str> = self.skipped().collect();
        let skip = if skip.is_empty() { String::new() } else { format!(" --resources-to-skip {}", skip.join(" ")) };
        Description::new(
            format!("take the stack {} back to its last good state", self.name),
            format!("aws cloudformation continue-update-rollback --stack-name {}{skip}", self.name),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let mut lines = Vec::new();
        match stacks::status(world.aws().await?, &self.name).await? {
            None => lines.push(PreviewLine::new(Sign::Warning, format!("there is no stack {}", self.name))),
            Some(found) => {
                let why = found.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                lines.push(PreviewLine::new(Sign::Note, format!("{} is {}{why}", self.name, found.status)));
            }
        }
        lines.extend(self.skipped().map(|id| {
            PreviewLine::new(Sign::Warning, format!("{id} is left as it is and counts as rolled back: this cannot be taken back"))
        }));
        Ok(lines)
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let skip = self.skipped().map(str::to_owned).collect();
        let after = stacks::recover(world.aws().await?, &self.name, &skip, &cx.token, &cx.reporter).await?;
        Ok(Outputs::from([
            ("status".into(), json!(after.status)),
            ("summary".into(), json!(format!("{} is {}", after.name, after.status))),
        ]))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("a stack in its last good state stays there");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("status".into(), json!("UPDATE_ROLLBACK_COMPLETE")), ("summary".into(), json!("AWS was not asked"))])
    }
}
