//! `freeze`: the source takes no more writes, in the way that was chosen; a guard: its undo stands in the journal before it is touched.
//! The only effect that ever writes to the source.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::postgres::freeze::{self, How, Taken};
use crate::postgres::{Access, Session};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

/// The rights of before, in the journal.
const TAKEN: &str = "taken";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// `read_only`, `triggers` or `revoke`.
    #[serde(default = "usual")]
    how: String,
}

fn usual() -> String {
    How::default().name().to_owned()
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let freeze = from_fields::<Freeze>("freeze", fields)?;
    one_of("freeze", "how", &freeze.how, &How::ALL.map(How::name))?;
    Ok(Box::new(freeze))
}

impl Freeze {
    fn how(&self) -> How {
        How::ALL.into_iter().find(|how| how.name() == self.how).unwrap_or_default()
    }

    fn words(&self) -> &'static str {
        match self.how() {
            How::ReadOnly => "read-only",
            How::Triggers => "a trigger on every table refuses writes",
            How::Revoke => "nobody has the right to write",
        }
    }

    async fn is_frozen(&self, world: &World) -> Result<bool> {
        freeze::is_frozen(&reader(world).await?, self.how()).await
    }
}

async fn reader(world: &World) -> Result<Session> {
    world.source()?.connect(Access::ReadOnly).await
}

#[async_trait]
impl Apply<World> for Freeze {
    fn describe(&self) -> Description {
        match self.how() {
            How::ReadOnly => Description::new(
                "freeze the source database: new transactions are read-only, other sessions are ended",
                "psql \"$SOURCE_DATABASE_URL\" -c 'alter database … set default_transaction_read_only = on'",
            ),
            How::Triggers => Description::new(
                "freeze the source database: a trigger on every table refuses writes, other sessions are ended",
                "psql \"$SOURCE_DATABASE_URL\" -c 'create trigger migrate_wizard_freeze before insert or update or delete or truncate on … execute function migrate_wizard_freeze.hold()'",
            ),
            How::Revoke => Description::new(
                "freeze the source database: the rights to write are taken from everybody, other sessions are ended",
                "psql \"$SOURCE_DATABASE_URL\" -c 'revoke insert, update, delete, truncate on … from …'",
            ),
        }
    }

    fn touch(&self) -> Touch {
        Touch::Guards
    }

    fn needs(&self) -> Need {
        Need::SourceWrite
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let frozen = self.is_frozen(world).await?;
        Ok(vec![
            PreviewLine::new(if frozen { Sign::Same } else { Sign::Change }, format!("{}: {}", world.source()?.label(), self.words())),
            PreviewLine::new(
                Sign::Note,
                "from here the app on Replit cannot write; it is released on every way out until AWS is opened for visitors",
            ),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(if self.is_frozen(world).await? { Probe::Present(Outputs::new()) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let session = reader(world).await?;
        // Of each way: the answer may be changed while the source is frozen, and the undo then takes back the one and the other.
        let mut was = Outputs::new();
        for how in [How::ReadOnly, How::Triggers] {
            was.insert(how.name().into(), json!(freeze::is_frozen(&session, how).await?));
        }
        let mut before = Outputs::from([("was".into(), json!(was))]);
        if self.how() == How::Revoke {
            before.insert(TAKEN.into(), json!(freeze::to_be_taken(&session).await?));
        }
        Ok(before)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        if self.how() == How::Revoke && !cx.before.contains_key(TAKEN) {
            return Err(Error::new(Kind::Conflict, "the source is frozen in another way, and the rights of before were not written down")
                .hint("stop, which releases the source, and start again: then they are"));
        }
        let session = world.source_to_freeze()?.connect(Access::ReadWrite).await?;
        let frozen = freeze::freeze(&session, self.how()).await?;
        cx.reporter.log(format!("frozen ({}); {} ended", self.words(), text::plural(frozen.ended, "session")));
        match (frozen.left, self.how()) {
            (0, _) => {}
            (left, How::ReadOnly) => {
                return Err(Error::new(Kind::Conflict, format!("{left} session(s) of the source cannot be ended and may still write"))
                    .hint("stop the app on Replit (Deployments, Shut down), then try again; or freeze in another way (freeze_how)"));
            }
            (left, How::Triggers | How::Revoke) => {
                cx.reporter.log(format!("{} cannot be ended, and cannot write any more either", text::plural(left, "session")));
            }
        }
        Ok(Outputs::from([
            ("ended".into(), json!(frozen.ended)),
            ("since".into(), json!(jiff::Timestamp::now().to_string())),
            ("moment".into(), json!(frozen.moment)),
        ]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let taken: Vec<Taken> = match cx.before.get(TAKEN) {
            Some(taken) => serde_json::from_value(taken.clone())
                .map_err(|e| Error::bug(format!("what was taken from the source cannot be read in the journal: {e}")))?,
            None => Vec::new(),
        };
        let session = world.source_to_freeze()?.connect(Access::ReadWrite).await?;
        let mut left = false;
        for how in How::ALL {
            if cx.before.get("was").and_then(|was| was.get(how.name())).and_then(Value::as_bool).unwrap_or(false) {
                left = true;
            } else {
                freeze::thaw(&session, how, &taken).await?;
            }
        }
        cx.reporter.log(if left {
            "the source was frozen before the wizard came: left as it was"
        } else {
            "the source takes writes again"
        });
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("ended".into(), json!(0)), ("since".into(), json!("now")), ("moment".into(), json!({}))])
    }
}
