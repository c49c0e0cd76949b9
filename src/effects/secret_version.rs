//! `secret_version`: makes another version of a secret current: one that is there, or that of now with one text in place of another.
//! The version of now is kept: the undo goes back to it. No value is shown or kept.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::{Secret, redeploy, secret_versions as versions};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretVersion {
    arn: String,
    /// The version that was current when this was decided.
    was: String,
    /// The version that becomes current. Empty: one is made of `was`.
    #[serde(default)]
    version: String,
    /// The text in `was`, such as a host, and what takes its place.
    #[serde(default)]
    text: String,
    #[serde(default)]
    by: String,
    cluster: String,
    /// Services that read it, comma separated: the undo restarts them.
    #[serde(default)]
    services: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let back = from_fields::<SecretVersion>("secret_version", fields)?;
    if back.version.is_empty() && (back.text.is_empty() || back.by.is_empty()) {
        return Err(Error::new(Kind::Input, "effect `secret_version`: neither `version` nor `text` and `by` say what becomes current")
            .hint("a secret that was never changed has no version before: enter the value instead (--set value=enter)"));
    }
    Ok(Box::new(back))
}

impl SecretVersion {
    /// The same however often it is tried.
    fn wanted(&self) -> String {
        if self.version.is_empty() {
            versions::version_of(&format!("{}/{}/{}/{}", self.arn, self.was, self.text, self.by))
        } else {
            self.version.clone()
        }
    }

    fn outputs(&self) -> Outputs {
        Outputs::from([("version".into(), json!(self.wanted()))])
    }

    async fn value(&self, world: &World) -> Result<Secret> {
        let was = versions::value_of(world.aws().await?, &self.arn, &self.was).await?;
        let was = was.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("the secret {} has no version {} any more", self.arn, self.was))
                .hint("see it in the Secrets Manager console, and begin anew with --new")
        })?;
        if !was.expose().contains(&self.text) {
            return Err(Error::new(Kind::Conflict, format!("the secret {} does not say {}", self.arn, self.text))
                .hint("it leads somewhere else already; change it by hand, or with `migrate-wizard secrets rotate`"));
        }
        Ok(Secret::new(was.expose().replace(&self.text, &self.by)))
    }
}

#[async_trait]
impl Apply<World> for SecretVersion {
    fn describe(&self) -> Description {
        if self.version.is_empty() {
            return Description::new(
                format!("store a new version of the secret that says {} instead of {}", self.by, self.text),
                format!("aws secretsmanager put-secret-value --secret-id {} --secret-string file:///dev/stdin", self.arn),
            );
        }
        Description::new(
            format!("make the version {} of the secret current again", self.version),
            format!(
                "aws secretsmanager update-secret-version-stage --secret-id {} --version-stage AWSCURRENT --move-to-version-id {} --remove-from-version-id {}",
                self.arn, self.version, self.was
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
        let now = versions::versions(world.aws().await?, &self.arn).await?.current;
        let (sign, what) =
            if now == self.wanted() { (Sign::Same, "is current") } else { (Sign::Change, "becomes current; that of now is kept") };
        Ok(vec![PreviewLine::new(sign, format!("version {} {what}", self.wanted()))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let now = versions::versions(world.aws().await?, &self.arn).await?.current;
        Ok(if now == self.wanted() { Probe::Present(self.outputs()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let wanted = self.wanted();
        if !self.version.is_empty() || versions::value_of(aws, &self.arn, &wanted).await?.is_some() {
            versions::back_to(aws, &self.arn, &wanted).await?;
        } else {
            versions::put(aws, &self.arn, &self.value(world).await?, &wanted).await?;
        }
        cx.reporter.log(format!("version {wanted} is current; {} is kept", self.was));
        Ok(self.outputs())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let aws = world.aws().await?;
        versions::back_to(aws, &self.arn, &self.was).await?;
        cx.reporter.log("the version from before is current again");
        for service in self.services.split(',').filter(|s| !s.is_empty()) {
            redeploy::force(aws, &self.cluster, service, &cx.reporter).await?;
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs()
    }
}
