//! `retire_role`: a database role may no longer log in; its undo lets it again, with the password that it had.
//! Only hands the name to `postgres::role`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use super::target_ref::TargetRef;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Access, role};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetireRole {
    role: String,
    target: TargetRef,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let retire = from_fields::<RetireRole>("retire_role", fields)?;
    if retire.role.is_empty() {
        return Err(Error::new(Kind::Input, "effect `retire_role`: `role` is empty").hint("name the role that is no longer used"));
    }
    retire.target.check("retire_role")?;
    Ok(Box::new(retire))
}

#[async_trait]
impl Apply<World> for RetireRole {
    fn describe(&self) -> Description {
        Description::new(
            format!("let the role {} log in no longer, and end its sessions", self.role),
            format!("psql -c 'alter role {} nologin'", self.role),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let session = world.target(&self.target).await?.connect(Access::ReadOnly).await?;
        let may = role::may_login(&session, &self.role).await?;
        Ok(vec![PreviewLine::new(if may { Sign::Change } else { Sign::Same }, format!("role {} may not log in", self.role))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let session = world.target(&self.target).await?.connect(Access::ReadOnly).await?;
        Ok(if role::may_login(&session, &self.role).await? { Probe::Absent } else { Probe::Present(Outputs::new()) })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let session = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        role::let_login(&session, &self.role, false).await?;
        cx.reporter.log(format!("role {} may no longer log in", self.role));
        Ok(Outputs::new())
    }

    async fn undo(&self, world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        let session = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        role::let_login(&session, &self.role, true).await
    }

    fn example(&self) -> Outputs {
        Outputs::new()
    }
}
