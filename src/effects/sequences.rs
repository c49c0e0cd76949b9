//! `sequences`: sets every sequence of the target past the source's value and the largest key.
//! Only hands both connections to `data`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::target_ref::TargetRef;
use crate::data;
use crate::error::Result;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequences {
    target: TargetRef,
    #[serde(default)]
    pass: String,
    /// Values left free behind those in use.
    #[serde(default)]
    headroom: u32,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let sequences = from_fields::<Sequences>("sequences", fields)?;
    sequences.target.check("sequences")?;
    one_of("sequences", "pass", &sequences.pass, &["", "first", "final"])?;
    Ok(Box::new(sequences))
}

#[async_trait]
impl Apply<World> for Sequences {
    fn describe(&self) -> Description {
        Description::new("set every sequence past the source's value and the largest key", "psql -c \"select setval('…', …)\"")
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Change, format!("sequences of {}", world.target(&self.target).await?.label()))])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let report = data::set_sequences(&world.source()?, &world.target(&self.target).await?, self.headroom).await?;
        for note in &report.notes {
            cx.reporter.log(note);
        }
        for set in &report.set {
            cx.reporter.log(format!("{}: next after {}", set.sequence, set.value));
        }
        let summary = format!("{} set", text::plural(report.set.len() as u64, "sequence"));
        Ok(Outputs::from([("set".into(), json!(report.set.len())), ("summary".into(), json!(summary))]))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("sequences go with their tables");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("set".into(), json!(0)), ("summary".into(), json!("no sequence was set"))])
    }
}
