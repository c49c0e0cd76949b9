//! `simulate`: pretends to do a thing, with progress; what it "did" is a file in the run's own folder.
//! Touches nothing outside that folder: the tour and the engine's own tests are made of it.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Context as _, Error, Kind, Result};
use crate::progress::Unit;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// What is pretended: "make a thing".
    text: String,
    /// `calm` takes seconds, anything else a moment.
    #[serde(default)]
    pace: String,
    #[serde(default)]
    reads: bool,
    #[serde(default)]
    guard: bool,
    /// `fail` or `panic`: for rehearsing what happens then.
    #[serde(default)]
    trouble: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let simulate = from_fields::<Simulate>("simulate", fields)?;
    one_of("simulate", "trouble", &simulate.trouble, &["", "fail", "panic"])?;
    Ok(Box::new(simulate))
}

impl Simulate {
    fn name(&self) -> String {
        self.text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
    }

    fn outputs(&self) -> Outputs {
        Outputs::from([("name".into(), json!(self.name())), ("names".into(), json!(self.name()))])
    }

    fn path(&self, world: &World) -> std::path::PathBuf {
        world.run_dir.join("simulated").join(self.name())
    }
}

#[async_trait]
impl Apply<World> for Simulate {
    fn describe(&self) -> Description {
        Description::new(self.text.clone(), format!("echo {:?}", self.text))
    }

    fn touch(&self) -> Touch {
        match (self.reads, self.guard) {
            (true, _) => Touch::Reads,
            (false, true) => Touch::Guards,
            (false, false) => Touch::Writes,
        }
    }

    fn needs(&self) -> Need {
        Need::Nothing
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let there = self.path(world).exists();
        Ok(vec![PreviewLine::new(if there { Sign::Same } else { Sign::Add }, format!("simulated/{}", self.name()))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if self.path(world).exists() { Probe::Present(self.outputs()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let (ticks, pause) = if self.pace == "calm" { (40, 50) } else { (10, 5) };
        for done in 0..=ticks {
            cx.reporter.progress(done, Some(ticks), Unit::Steps, self.text.clone());
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        match self.trouble.as_str() {
            "fail" => {
                return Err(Error::new(Kind::Failed, format!("{} did not work", self.text))
                    .hint("this is a rehearsed failure: try again to see it again, or roll back"));
            }
            #[allow(clippy::panic)]
            "panic" => panic!("a rehearsed panic"),
            _ => {}
        }
        if !self.reads {
            let path = self.path(world);
            let what = format!("cannot write {}", path.display());
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).or_fail(Kind::Failed, &what, "check the run's folder")?;
            }
            std::fs::write(&path, &self.text).or_fail(Kind::Failed, &what, "check the run's folder")?;
        }
        cx.reporter.log(format!("{}: pretended", self.text));
        Ok(self.outputs())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let path = self.path(world);
        if path.exists() {
            std::fs::remove_file(&path).or_fail(Kind::Failed, format!("cannot remove {}", path.display()), "check the run's folder")?;
        }
        cx.reporter.log(format!("{}: taken back", self.text));
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs()
    }
}
