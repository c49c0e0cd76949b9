//! `rotate_secret`: a new version of a secret; the version before stays and is what the undo goes back to.
//! Only hands values between `postgres::role`, `cloud::secret_versions` and memory; none is shown or kept.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::target_ref::TargetRef;
use crate::cloud::{Secret, redeploy, secret_group, secret_versions as versions};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Access, Connector, role};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    arn: String,
    /// For one key of a JSON secret.
    #[serde(default)]
    key: String,
    /// `database`, `generate` or `enter`.
    how: String,
    /// For `enter`: the question whose answer is the new value.
    #[serde(default)]
    answer: String,
    cluster: String,
    /// Services that read it, comma separated: the undo restarts them once the value before is current again.
    #[serde(default)]
    services: String,
    /// For `database`.
    target: TargetRef,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let rotate = from_fields::<RotateSecret>("rotate_secret", fields)?;
    one_of("rotate_secret", "how", &rotate.how, &["database", "generate", "enter"])?;
    if rotate.how == "database" {
        rotate.target.check("rotate_secret")?;
    }
    Ok(Box::new(rotate))
}

impl RotateSecret {
    async fn current(&self, world: &World) -> Result<Secret> {
        secret_group::current(world.aws().await?, &self.arn).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("the secret {} has no value", self.arn))
                .hint("give it one with `migrate-wizard secrets import`")
        })
    }

    /// The role in use, by the URL that the secret holds.
    async fn used(&self, world: &World) -> Result<Connector> {
        Connector::from_url_alone(self.current(world).await?.expose()).map_err(|_| {
            Error::new(Kind::Conflict, "the secret does not hold the app's connection URL yet")
                .hint("the cutover makes the app's role and stores its URL: rotate after it")
        })
    }

    /// The other of two roles gets a new password and is tried; the role in use is not touched.
    async fn next_url(&self, world: &World, cx: &Context) -> Result<(Secret, String)> {
        let used = self.used(world).await?;
        let admin = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        let password = super::secret::random();
        let next = role::ensure_twin(&admin, used.user(), &password).await?;
        let connector = used.with_user(&next).with_password(&password);
        connector.connect(Access::ReadOnly).await?;
        cx.reporter.log(format!("role {next} has a new password and connects; {} stays as it is", used.user()));
        Ok((Secret::new(connector.secret_url()), used.user().to_owned()))
    }

    fn outputs(&self, version: &str, old_role: &str) -> Outputs {
        Outputs::from([("version".into(), json!(version)), ("old_role".into(), json!(old_role))])
    }
}

#[async_trait]
impl Apply<World> for RotateSecret {
    fn describe(&self) -> Description {
        let what = match self.how.as_str() {
            "database" => "give the other of the app's two database roles a new password and store its URL",
            "generate" => "store a new random value",
            _ => "store the value that you enter",
        };
        Description::new(what, format!("aws secretsmanager put-secret-value --secret-id {} --secret-string file:///dev/stdin", self.arn))
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let mut lines = vec![PreviewLine::new(Sign::Change, "the secret gets a new version; the one before stays as AWSPREVIOUS")];
        if self.how == "database" {
            let used = self.used(world).await?;
            lines.push(PreviewLine::new(Sign::Change, format!("role {} gets a new password", role::twin(used.user()))));
            lines.push(PreviewLine::new(Sign::Same, format!("role {} keeps its password until you close it", used.user())));
        }
        Ok(lines)
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Whether a version is this rotation's shows only its token: `apply` looks.
        Ok(Probe::Absent)
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let now = versions::versions(world.aws().await?, &self.arn).await?;
        let used = if self.how == "database" { self.used(world).await?.user().to_owned() } else { String::new() };
        Ok(Outputs::from([("version".into(), json!(now.current)), ("role".into(), json!(used))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let version = versions::version_of(&format!("{}/{}", cx.token, self.arn));
        let old_role = cx.before.get("role").and_then(Value::as_str).unwrap_or_default();
        if versions::versions(aws, &self.arn).await?.current == version {
            cx.reporter.log("the new version is there already");
            return Ok(self.outputs(&version, old_role));
        }
        // undone before: the version is there and only has to be current again
        if versions::value_of(aws, &self.arn, &version).await?.is_some() {
            versions::back_to(aws, &self.arn, &version).await?;
            return Ok(self.outputs(&version, old_role));
        }
        let value = match self.how.as_str() {
            "database" => {
                let (url, used) = self.next_url(world, cx).await?;
                versions::put(aws, &self.arn, &url, &version).await?;
                return Ok(self.outputs(&version, &used));
            }
            "generate" => Secret::new(super::secret::random()),
            _ => world.secret(&self.answer).map(Secret::new).ok_or_else(|| {
                Error::new(Kind::Input, "no new value was entered").hint("start the wizard again: it asks for the value without showing it")
            })?,
        };
        let value = if self.key.is_empty() { value } else { versions::with_key(&self.current(world).await?, &self.key, &value)? };
        versions::put(aws, &self.arn, &value, &version).await?;
        cx.reporter.log("a new version is stored");
        Ok(self.outputs(&version, old_role))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let Some(before) = cx.before.get("version").and_then(Value::as_str) else { return Ok(()) };
        versions::back_to(world.aws().await?, &self.arn, before).await?;
        cx.reporter.log("the version before is current again");
        for service in self.services.split(',').filter(|s| !s.is_empty()) {
            redeploy::force(world.aws().await?, &self.cluster, service, &cx.reporter).await?;
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs("<version>", "app")
    }
}
