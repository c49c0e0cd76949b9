//! `app_role`: the app's own role on the target, and its connection URL in Secrets Manager; the password is seen by neither screen nor journal.
//! Only hands a password from `cloud::secrets` to `postgres::role` and back.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::target_ref::TargetRef;
use crate::cloud::{self, secrets};
use crate::error::Result;
use crate::postgres::{Access, Connector, role};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRole {
    role: String,
    /// The secret that holds the URL.
    secret: String,
    app: String,
    environment: String,
    target: TargetRef,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let role = from_fields::<AppRole>("app_role", fields)?;
    role.target.check("app_role")?;
    Ok(Box::new(role))
}

impl AppRole {
    fn outputs(&self) -> Outputs {
        Outputs::from([("role".into(), json!(self.role)), ("secret".into(), json!(self.secret))])
    }

    /// The connection that the secret holds, when it is already this role's.
    async fn kept(&self, world: &World, target: &Connector) -> Result<Option<Connector>> {
        let aws = world.aws().await?;
        let Some(found) = secrets::describe(aws, &self.secret).await?.filter(|s| !s.scheduled_for_deletion) else { return Ok(None) };
        let value = secrets::value(aws, &found.arn).await?;
        Ok(Connector::from_url_alone(value.expose())
            .ok()
            .filter(|c| c.user() == self.role && c.host() == target.host() && c.port() == target.port()))
    }
}

#[async_trait]
impl Apply<World> for AppRole {
    fn describe(&self) -> Description {
        Description::new(
            format!("make the role {} that reads and writes the app's tables, and keep its URL in {}", self.role, self.secret),
            format!(
                "psql -c 'create role {} login password …; grant …' && aws secretsmanager put-secret-value --secret-id {}",
                self.role, self.secret
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let session = world.target(&self.target).await?.connect(Access::ReadOnly).await?;
        let there = role::exists(&session, &self.role).await?;
        Ok(vec![
            PreviewLine::new(if there { Sign::Same } else { Sign::Add }, format!("role {}", self.role)),
            PreviewLine::new(Sign::Change, format!("secret {}", self.secret)),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let target = world.target(&self.target).await?;
        let there = role::exists(&target.connect(Access::ReadOnly).await?, &self.role).await?;
        let Some(own) = self.kept(world, &target).await?.filter(|_| there) else { return Ok(Probe::Absent) };
        // Present only when the app could really connect with it.
        Ok(if own.connect(Access::ReadOnly).await.is_ok() { Probe::Present(self.outputs()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let target = world.target(&self.target).await?;
        if let Probe::Present(outputs) = self.probe(world).await? {
            cx.reporter.log("the role is there and its URL works");
            return Ok(outputs);
        }
        let password = super::secret::random();
        role::ensure(&target.connect(Access::ReadWrite).await?, &self.role, &password).await?;
        let url = cloud::Secret::new(target.with_user(&self.role).with_password(&password).secret_url());
        let tags = BTreeMap::from([("app".to_owned(), self.app.clone()), ("environment".to_owned(), self.environment.clone())]);
        // The password is new with every try: so is the request.
        let token = format!("{}-{}", cx.token, uuid::Uuid::new_v4().simple());
        secrets::ensure(world.aws().await?, &self.secret, &url, &format!("connection URL of {}", self.app), &tags, &token).await?;
        cx.reporter.log(format!("role {} made; its URL is in {}", self.role, self.secret));
        Ok(self.outputs())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let session = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        role::drop(&session, &self.role).await?;
        cx.reporter.log(format!("role {} taken away; its secret goes with its own step", self.role));
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs()
    }
}
