//! `freeze_rights`: in which ways the source can be frozen by the connected user; where one was chosen, whether it can.
//! Only reads.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::postgres::Access;
use crate::postgres::freeze::{self, Allowed, How};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeRights {
    /// The way that was chosen, which then must be had; empty while nobody has.
    #[serde(default)]
    how: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let rights = from_fields::<FreezeRights>("freeze_rights", fields)?;
    one_of("freeze_rights", "how", &rights.how, &["", How::ReadOnly.name(), How::Triggers.name(), How::Revoke.name()])?;
    Ok(Box::new(rights))
}

fn label(how: How) -> &'static str {
    match how {
        How::ReadOnly => "read-only",
        How::Triggers => "write-lock triggers",
        How::Revoke => "rights taken away",
    }
}

async fn look(world: &World) -> Result<Vec<Allowed>> {
    freeze::allowed(&world.source()?.connect(Access::ReadOnly).await?).await
}

fn outputs(all: &[Allowed]) -> Outputs {
    let mut found = Outputs::new();
    let mut words = Vec::new();
    for one in all {
        let can = one.against.is_empty();
        found.insert(one.how.name().into(), json!(if can { "yes" } else { "no" }));
        found.insert(format!("against_{}", one.how.name()), json!(one.against));
        words.push(if can { format!("{}: yes", label(one.how)) } else { format!("{}: no, {}", label(one.how), one.against) });
    }
    found.insert("summary".into(), json!(words.join("; ")));
    found
}

#[async_trait]
impl Apply<World> for FreezeRights {
    fn describe(&self) -> Description {
        Description::new("look in which ways the source can be frozen", "psql \"$SOURCE_DATABASE_URL\" -c '\\l' -c '\\dp'")
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Source
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let line = |one: &Allowed| match one.against.as_str() {
            "" => PreviewLine::new(Sign::Same, format!("{}: can be had", label(one.how))),
            why => PreviewLine::new(Sign::Warning, format!("{}: {why}", label(one.how))),
        };
        Ok(look(world).await?.iter().map(line).collect())
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Rights change: they are looked at anew each time.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let all = look(world).await?;
        if let Some(refused) = all.iter().find(|one| one.how.name() == self.how && !one.against.is_empty()) {
            let can: Vec<&str> = all.iter().filter(|one| one.against.is_empty()).map(|one| one.how.name()).collect();
            let hint = match can.as_slice() {
                [] => "connect as the owner of the database and its tables; nothing is frozen yet".to_owned(),
                can => {
                    format!("change the answer to `freeze_how` (c, or --set freeze_how=…) to {}; nothing is frozen yet", can.join(" or "))
                }
            };
            return Err(Error::new(Kind::Conflict, format!("the source cannot be frozen that way ({})", label(refused.how)))
                .cause(&refused.against)
                .hint(hint));
        }
        let found = outputs(&all);
        if let Some(Value::String(summary)) = found.get("summary") {
            cx.reporter.log(summary);
        }
        Ok(found)
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        let mut found = outputs(&How::ALL.map(|how| Allowed { how, against: String::new() }));
        found.insert("summary".into(), json!("the source was not looked at"));
        found
    }
}
