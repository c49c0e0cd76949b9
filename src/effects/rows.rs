//! `rows`: copies every chunk that differs from the source into the target; undone by emptying what was copied.
//! Only hands both connections to `data`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::target_ref::TargetRef;
use crate::data::{self, Existing, Options};
use crate::error::Result;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    target: TargetRef,
    /// `schema.table` or `schema.*`.
    #[serde(default)]
    except: Vec<String>,
    /// `first` or `final`: only the first is undone, it empties all.
    #[serde(default = "first")]
    pass: String,
}

fn first() -> String {
    "first".into()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let rows = from_fields::<Rows>("rows", fields)?;
    rows.target.check("rows")?;
    one_of("rows", "pass", &rows.pass, &["first", "final"])?;
    Ok(Box::new(rows))
}

/// Options for copying and comparing, from a list of left-out tables.
pub fn options(except: &[String]) -> Options {
    let mut options = Options { existing: Existing::Refuse, ..Options::default() };
    options.choice.except = except.to_vec();
    options.choice.except.push("migrate_wizard.*".to_owned());
    options
}

#[async_trait]
impl Apply<World> for Rows {
    fn describe(&self) -> Description {
        Description::new("copy the rows that differ from the source to the target", "migrate-wizard data copy")
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let source = world.source()?;
        let target = world.target(&self.target).await?;
        Ok(vec![
            PreviewLine::new(Sign::Change, format!("{} → {}", source.label(), target.label())),
            PreviewLine::new(Sign::Note, "the source is only read"),
        ])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Copying again is how it is found out: equal chunks are not written.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let report = data::copy(&world.source()?, &world.target(&self.target).await?, &options(&self.except), &cx.reporter).await?;
        for note in &report.notes {
            cx.reporter.log(note);
        }
        if !report.as_of.is_empty() {
            cx.reporter.log(format!("equal to the source as it was at {}; what is written since comes with the next pass", report.as_of));
        }
        for row in &report.quarantine {
            cx.reporter.log(format!("set aside: {} {}: {}", row.table, row.key, row.reason));
        }
        let summary = format!(
            "{} copied, {} were equal, {} tables",
            text::plural(report.rows_copied, "row"),
            text::count(report.rows_equal),
            report.tables.len()
        ) + &if report.quarantine.is_empty() { String::new() } else { format!(", {} quarantined", report.quarantine.len()) };
        cx.reporter.log(&summary);
        Ok(Outputs::from([
            ("rows_copied".into(), json!(report.rows_copied)),
            ("rows_equal".into(), json!(report.rows_equal)),
            ("quarantined".into(), json!(report.quarantine.len())),
            ("seconds".into(), json!(report.seconds)),
            ("summary".into(), json!(summary)),
        ]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        if self.pass == "final" {
            cx.reporter.log("emptied with the first copy");
            return Ok(());
        }
        let undone = data::undo(&world.target(&self.target).await?).await?;
        cx.reporter.log(format!("{} emptied", text::plural(undone.tables.len() as u64, "table")));
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("rows_copied".into(), json!(0)),
            ("rows_equal".into(), json!(0)),
            ("quarantined".into(), json!(0)),
            ("seconds".into(), json!(0)),
            ("summary".into(), json!("no row was copied")),
        ])
    }
}
