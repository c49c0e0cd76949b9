//! `secret`: a value in Secrets Manager, generated or taken from the environment or a question; its text never leaves memory.
//! Only hands name and value to `cloud::secrets`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::secret_group::{self, Contents, MADE, PLACEHOLDER};
use crate::cloud::secrets::{self, Change, Recovery};
use crate::cloud::{self};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretStep {
    name: String,
    /// `source` (the source database's URL), `generate`, `env:NAME`, `env-or-generate:NAME`, `env-or-placeholder:NAME` or `ask:QUESTION`.
    from: String,
    description: String,
    /// The environment variable that the app reads it from, when a task gets it by name.
    #[serde(default)]
    variable: String,
    /// The key, when the secret is a JSON object that several variables share.
    #[serde(default)]
    key: String,
    app: String,
    environment: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let secret = from_fields::<SecretStep>("secret", fields)?;
    match secret.from.split(':').next() {
        Some("source" | "generate" | "env" | "env-or-generate" | "env-or-placeholder" | "ask") => Ok(Box::new(secret)),
        Some(_) | None => Err(Error::new(Kind::Input, format!("effect `secret`: `from` is `{}`", secret.from))
            .hint("one of: source, generate, env:NAME, env-or-generate:NAME, env-or-placeholder:NAME, ask:QUESTION")),
    }
}

/// 256 bits as text without special characters: such values survive every URL and shell.
pub fn random() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

impl SecretStep {
    fn value(&self, world: &World) -> Result<cloud::Secret> {
        let (how, name) = self.from.split_once(':').unwrap_or((&self.from, ""));
        let env = || std::env::var(name).ok().filter(|v| !v.is_empty());
        let value = match how {
            "generate" => Some(random()),
            "source" => Some(world.source()?.secret_url()),
            "env" => env(),
            "env-or-generate" => env().or_else(|| Some(random())),
            "env-or-placeholder" => env().or_else(|| Some(PLACEHOLDER.to_owned())),
            _ => world.secret(name),
        };
        value.map(cloud::Secret::new).ok_or_else(|| {
            Error::new(Kind::Input, format!("no value for the secret {}", self.name))
                .hint(format!("export {name} in this shell (copy it from Replit's Secrets pane), and start the wizard again"))
        })
    }

    /// `binding` is `VARIABLE=arn`, as a task definition takes it.
    fn outputs(&self, arn: &str) -> Outputs {
        let mut out = Outputs::from([("arn".into(), json!(arn)), ("name".into(), json!(self.name))]);
        if !self.variable.is_empty() {
            let key = if self.key.is_empty() { String::new() } else { format!(":{}::", self.key) };
            out.insert("binding".into(), json!(format!("{}={arn}{key}", self.variable)));
        }
        out
    }

    /// Nobody gives the value: it is random.
    fn is_made(&self) -> bool {
        matches!(self.from.split(':').next(), Some("generate" | "env-or-generate")) && self.keeps()
    }

    /// A generated value is made once: what is there stays.
    fn keeps(&self) -> bool {
        let (how, name) = self.from.split_once(':').unwrap_or((&self.from, ""));
        match how {
            "generate" => true,
            "env-or-generate" | "env-or-placeholder" => std::env::var(name).map_or(true, |v| v.is_empty()),
            _ => false,
        }
    }
}

#[async_trait]
impl Apply<World> for SecretStep {
    fn describe(&self) -> Description {
        Description::new(
            format!("keep the secret {} ({})", self.name, self.from),
            format!("aws secretsmanager create-secret --name {} --secret-string file:///dev/stdin", self.name),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let there = secrets::describe(world.aws().await?, &self.name).await?.is_some();
        let sign = match (there, self.keeps()) {
            (false, _) => Sign::Add,
            (true, true) => Sign::Same,
            (true, false) => Sign::Change,
        };
        Ok(vec![PreviewLine::new(sign, format!("secret {} (the value is not shown and not kept by the wizard)", self.name))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(match secrets::describe(world.aws().await?, &self.name).await? {
            None => Probe::Absent,
            Some(found) if found.scheduled_for_deletion => Probe::Absent,
            Some(found) if !found.ours => {
                Probe::Conflict(format!("a secret called {} is there and was not made by migrate-wizard", self.name))
            }
            Some(found) => Probe::Present(self.outputs(&found.arn)),
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let there = secrets::describe(aws, &self.name).await?.filter(|s| s.ours && !s.scheduled_for_deletion);
        let arn = match there {
            Some(found) if self.keeps() => found.arn,
            Some(_) | None => {
                let mut tags = BTreeMap::from([("app".to_owned(), self.app.clone()), ("environment".to_owned(), self.environment.clone())]);
                let (value, made) = (self.value(world)?, self.is_made());
                if made {
                    tags.insert(MADE.to_owned(), "yes".to_owned());
                }
                if self.key.is_empty() {
                    let (arn, change) = secrets::ensure(aws, &self.name, &value, &self.description, &tags, &cx.token).await?;
                    if change == Change::Updated {
                        secret_group::tell_made(aws, &arn, made).await?;
                    }
                    arn
                } else {
                    let contents = Contents::Keys(BTreeMap::from([(self.key.clone(), value)]));
                    let variables = BTreeMap::from([(self.variable.clone(), Some(self.key.clone()))]);
                    secret_group::store(aws, &self.name, &contents, &variables, &tags, &cx.token).await?.0
                }
            }
        };
        Ok(self.outputs(&arn))
    }

    async fn undo(&self, world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        // A rehearsal leaves nothing; a live secret can be restored for a week.
        let recovery = if world.is_sandbox() { Recovery::Never } else { Recovery::Days(7) };
        secrets::delete(world.aws().await?, &self.name, recovery).await
    }

    fn example(&self) -> Outputs {
        self.outputs(&format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{}", self.name))
    }
}
