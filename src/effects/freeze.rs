//! `freeze`: the source takes no more writes; a guard: its undo stands in the journal before it is touched.
//! The only effect that ever writes to the source.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Access, freeze};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Freeze>("freeze", fields)?))
}

#[async_trait]
impl Apply<World> for Freeze {
    fn describe(&self) -> Description {
        Description::new(
            "freeze the source database: new transactions are read-only, other sessions are ended",
            "psql \"$SOURCE_DATABASE_URL\" -c 'alter database … set default_transaction_read_only = on'",
        )
    }

    fn touch(&self) -> Touch {
        Touch::Guards
    }

    fn needs(&self) -> Need {
        Need::SourceWrite
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let source = world.source()?;
        let session = source.connect(Access::ReadOnly).await?;
        let frozen = freeze::is_frozen(&session).await?;
        Ok(vec![
            PreviewLine::new(if frozen { Sign::Same } else { Sign::Change }, format!("{}: read-only", source.label())),
            PreviewLine::new(
                Sign::Note,
                "from here the app on Replit cannot write; it is released on every way out until traffic is switched",
            ),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let session = world.source()?.connect(Access::ReadOnly).await?;
        Ok(if freeze::is_frozen(&session).await? { Probe::Present(Outputs::new()) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let session = world.source()?.connect(Access::ReadOnly).await?;
        Ok(Outputs::from([("was_frozen".into(), json!(freeze::is_frozen(&session).await?))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let session = world.source_to_freeze()?.connect(Access::ReadWrite).await?;
        let frozen = freeze::freeze(&session).await?;
        cx.reporter.log(format!("frozen; {} session(s) ended", frozen.ended));
        if frozen.left > 0 {
            return Err(Error::new(
                Kind::Conflict,
                format!("{} session(s) of the source cannot be ended and may still write", frozen.left),
            )
            .hint("stop the app on Replit (Deployments, Shut down), then try again"));
        }
        Ok(Outputs::from([("ended".into(), json!(frozen.ended)), ("since".into(), json!(jiff::Timestamp::now().to_string()))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        if cx.before.get("was_frozen").and_then(Value::as_bool).unwrap_or(false) {
            cx.reporter.log("the source was frozen before the wizard came: left as it was");
            return Ok(());
        }
        let session = world.source_to_freeze()?.connect(Access::ReadWrite).await?;
        freeze::thaw(&session).await?;
        cx.reporter.log("the source takes writes again");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("ended".into(), json!(0)), ("since".into(), json!("now"))])
    }
}
