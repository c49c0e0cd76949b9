//! `stillness`: did anything write to the source since the freeze? By transaction numbers, else by what the server counted for each table.
//! Only reads; what cannot be told is an error, never good.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::postgres::Access;
use crate::postgres::freeze::{self, Moment, Verdict};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stillness {
    /// Where writing stood when the source was frozen, as the freeze says it.
    since: Value,
    /// `schema.table` or `schema.*`: written or not, they are not moved.
    #[serde(default)]
    except: Vec<String>,
    /// `yes` when both sides were compared since, and were equal.
    #[serde(default)]
    compared: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let stillness = from_fields::<Stillness>("stillness", fields)?;
    if !stillness.since.is_object() {
        return Err(Error::new(Kind::Input, "effect `stillness`: `since`: invalid type: expected what a freeze gives")
            .hint("write since = \"${freeze.moment}\""));
    }
    Ok(Box::new(stillness))
}

/// For a line of its own in the report.
fn proved(words: &str) -> Outputs {
    Outputs::from([("proof".into(), json!(words))])
}

impl Stillness {
    async fn look(&self, world: &World) -> Result<Verdict> {
        let then: Moment = serde_json::from_value(self.since.clone()).map_err(|e| {
            Error::new(Kind::Conflict, format!("nothing tells where writing stood at the freeze: {e}"))
                .hint("run the step freeze again: --to goes back to it")
        })?;
        let session = world.source()?.connect(Access::ReadOnly).await?;
        freeze::still(&session, &then, |table| {
            let schema = table.split_once('.').map_or(table, |(schema, _)| schema);
            !self.except.iter().any(|except| except == table || except.strip_suffix(".*") == Some(schema))
        })
        .await
    }

    fn compared(&self) -> &'static str {
        if self.compared == "yes" { "; the last comparison of both sides was equal" } else { "" }
    }

    /// `Err` is what was found instead.
    fn words(&self, verdict: &Verdict) -> std::result::Result<String, String> {
        match verdict {
            Verdict::Nothing => {
                Ok(format!("nothing wrote to the source since the freeze: no transaction number was given out{}", self.compared()))
            }
            Verdict::NoRow(given) => Ok(format!(
                "no row was written on the source since the freeze: {}, none of them wrote a row of the tables that move{}",
                text::plural(*given, "transaction"),
                self.compared()
            )),
            Verdict::Written(tables) => {
                let tables: Vec<String> = tables.iter().map(|(table, what)| format!("{table}: {what}")).collect();
                Err(tables.join("; "))
            }
            Verdict::Unknown(why) => Err(format!("it cannot be told: {why}")),
        }
    }
}

#[async_trait]
impl Apply<World> for Stillness {
    fn describe(&self) -> Description {
        Description::new(
            "prove that nothing was written to the source since the freeze",
            "psql \"$SOURCE_DATABASE_URL\" -c 'select pg_current_snapshot()' -c 'select * from pg_stat_user_tables'",
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    /// Where the freeze is simulated so is its proof.
    fn needs(&self) -> Need {
        Need::SourceWrite
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let line = match self.words(&self.look(world).await?) {
            Ok(words) => PreviewLine::new(Sign::Same, words),
            Err(why) => PreviewLine::new(Sign::Warning, why),
        };
        Ok(vec![line])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // A moment ago is not now.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let verdict = self.look(world).await?;
        match (self.words(&verdict), verdict) {
            (Ok(summary), _) => {
                cx.reporter.log(&summary);
                Ok(proved(&summary))
            }
            (Err(_), Verdict::Written(tables)) => {
                let error = Error::new(Kind::Conflict, "the source was written to since the freeze: nothing is switched");
                Err(tables
                    .iter()
                    .map(|(table, what)| format!("{table}: {what}"))
                    .fold(error, Error::cause)
                    .hint("find who gets past the freeze (docs/cutover.md) and stop it; then start again: the source is released, frozen anew and what was written is copied"))
            }
            (Err(why), Verdict::Nothing | Verdict::NoRow(_) | Verdict::Unknown(_)) => {
                Err(Error::new(Kind::Conflict, "nothing proves that the source stood still: nothing is switched")
                    .cause(why)
                    .hint("end these sessions (stop the app, jobs and consoles), then try again"))
            }
        }
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        proved("the source was not looked at")
    }
}
