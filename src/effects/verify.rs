//! `verify`: rows and fingerprints of every table on both sides, and sequences ahead of their keys.
//! Only reads; only hands both connections to `data`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::rows::options;
use super::target_ref::TargetRef;
use crate::data;
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    target: TargetRef,
    #[serde(default)]
    except: Vec<String>,
    /// A difference is an error: when the source stands still.
    strict: bool,
    #[serde(default)]
    pass: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let verify = from_fields::<Verify>("verify", fields)?;
    verify.target.check("verify")?;
    one_of("verify", "pass", &verify.pass, &["", "first", "final"])?;
    Ok(Box::new(verify))
}

#[async_trait]
impl Look<World> for Verify {
    fn describe(&self) -> Description {
        Description::new("compare rows and fingerprints of every table on both sides", "migrate-wizard data verify")
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(
            Sign::Note,
            format!("reads {} and {}", world.source()?.label(), world.target(&self.target).await?.label()),
        )])
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let report = data::verify(&world.source()?, &world.target(&self.target).await?, &options(&self.except), &cx.reporter).await?;
        for note in &report.notes {
            cx.reporter.log(note);
        }
        let different: Vec<_> = report.tables.iter().filter(|t| !t.equal).collect();
        for table in &different {
            cx.reporter.log(format!(
                "{}.{} differs: {} rows and {} rows; up to key {}",
                table.schema,
                table.name,
                table.source_rows,
                table.target_rows,
                table.different.join(", ")
            ));
        }
        if self.strict && !report.equal {
            let behind: Vec<String> = report.sequences.iter().filter(|s| !s.ahead).map(|s| s.sequence.clone()).collect();
            let names: Vec<String> = different.iter().map(|t| format!("{}.{}", t.schema, t.name)).collect();
            let mut error = Error::new(
                Kind::Failed,
                format!("{} of {} tables differ although the source stands still", different.len(), report.tables.len()),
            );
            if !names.is_empty() {
                error = error.cause(format!("tables: {}", names.join(", ")));
            }
            if !behind.is_empty() {
                error = error.cause(format!("sequences behind their keys: {}", behind.join(", ")));
            }
            return Err(error.hint(
                "see the keys in the log; r compares again after you have mended it, b goes back: the source is released by itself",
            ));
        }
        let summary = if report.equal {
            format!("{} in {} tables equal", text::plural(report.rows, "row"), report.tables.len())
        } else {
            format!("{} of {} tables differ", different.len(), report.tables.len())
        };
        let tables: Vec<Value> = report
            .tables
            .iter()
            .map(|t| json!({ "table": format!("{}.{}", t.schema, t.name), "source_rows": t.source_rows, "target_rows": t.target_rows, "equal": t.equal }))
            .collect();
        Ok(Outputs::from([
            ("equal".into(), json!(report.equal)),
            ("rows".into(), json!(report.rows)),
            ("tables".into(), json!(tables)),
            ("summary".into(), json!(summary)),
        ]))
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("equal".into(), json!(true)),
            ("rows".into(), json!(0)),
            ("tables".into(), json!([])),
            ("summary".into(), json!("nothing was compared")),
        ])
    }
}
