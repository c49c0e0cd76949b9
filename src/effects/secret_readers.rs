//! `secret_readers`: what a rotation of a secret needs to know: its ARN, how its next value comes about, which services read it, and
//! where its database is. Reads names and ARNs only.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::environment::prefix;
use crate::app::secrets::{Rotation, Table};
use crate::cloud::{redeploy, secret_versions, secrets, stacks};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretReaders {
    /// Below `<app>-<environment>/`; one key of a JSON secret as `secret:key`.
    secret: String,
    app: String,
    environment: String,
    cluster: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<SecretReaders>("secret_readers", fields)?))
}

impl SecretReaders {
    fn name(&self) -> (&str, &str) {
        self.secret.split_once(':').unwrap_or((&self.secret, ""))
    }

    /// How the next value comes about, in the table's word; a secret that no rule knows is entered.
    fn how(&self) -> Result<(Rotation, String, String)> {
        let table = Table::bundled()?;
        let rule = table.rule_of_secret(self.name().0);
        let every = rule.and_then(|r| r.every).map_or("on compromise".to_owned(), |days| format!("every {days} days"));
        let ends = rule.and_then(|r| r.ends.clone()).unwrap_or_else(|| "the old value, once you take it back at its vendor".to_owned());
        Ok((rule.and_then(|r| r.rotation).unwrap_or(Rotation::Enter), every, ends))
    }

    fn outputs(&self, arn: &str, readers: &str) -> Result<Outputs> {
        let (how, every, ends) = self.how()?;
        Ok(Outputs::from([
            ("arn".into(), json!(arn)),
            ("name".into(), json!(format!("{}{}", prefix(&self.app, &self.environment), self.name().0))),
            ("key".into(), json!(self.name().1)),
            ("how".into(), json!(how)),
            ("every".into(), json!(every)),
            ("ends".into(), json!(ends)),
            ("services".into(), json!(readers)),
            ("read".into(), json!(if readers.is_empty() { "no" } else { "yes" })),
            ("host".into(), json!("")),
            ("port".into(), json!("")),
            ("database".into(), json!("")),
            ("master".into(), json!("")),
            ("version".into(), json!("")),
            ("previous".into(), json!("")),
        ]))
    }
}

#[async_trait]
impl Look<World> for SecretReaders {
    fn describe(&self) -> Description {
        Description::new(
            format!("find out which services read {}", self.name().0),
            format!("aws ecs list-services --cluster {} && aws ecs describe-task-definition …", self.cluster),
        )
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let name = format!("{}{}", prefix(&self.app, &self.environment), self.name().0);
        let found = secrets::describe(aws, &name).await?.filter(|s| s.ours && !s.scheduled_for_deletion).ok_or_else(|| {
            Error::new(Kind::Input, format!("there is no secret {name} of ours"))
                .hint("see the names with `migrate-wizard secrets list`; Aurora DSQL has no passwords, only tokens of 15 minutes: nothing to rotate")
        })?;
        let readers = redeploy::readers(aws, &self.cluster, &found.arn).await?;
        for (service, variables) in &readers {
            cx.reporter.log(format!("{service} reads it as {}", variables.join(", ")));
        }
        if readers.is_empty() {
            cx.reporter.log(format!("no service of the cluster {} reads it", self.cluster));
        }
        let mut outputs = self.outputs(&found.arn, &readers.keys().cloned().collect::<Vec<_>>().join(","))?;
        let held = secret_versions::versions(aws, &found.arn).await?;
        outputs.insert("version".into(), json!(held.current));
        outputs.insert("previous".into(), json!(held.previous.unwrap_or_default()));
        if self.how()?.0 == Rotation::Database {
            let stack = format!("{}-{}-data", self.app, self.environment);
            let data = stacks::status(aws, &stack).await?.map(|s| s.outputs).unwrap_or_default();
            for (fact, output) in [("host", "Endpoint"), ("port", "Port"), ("database", "DatabaseName"), ("master", "MasterSecretArn")] {
                outputs.insert(fact.into(), json!(data.get(output).cloned().unwrap_or_default()));
            }
        }
        Ok(outputs)
    }

    fn example(&self) -> Outputs {
        let name = format!("{}{}", prefix(&self.app, &self.environment), self.name().0);
        let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}");
        let mut example = self.outputs(&arn, &format!("{}-{}-web", self.app, self.environment)).unwrap_or_default();
        example.insert("version".into(), json!("<version>"));
        example.insert("previous".into(), json!("<version before>"));
        example
    }
}
