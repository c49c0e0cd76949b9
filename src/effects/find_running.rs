//! `find_running`: what runs of one system and where it answers, which database it has and which secret leads there.
//! Reads names, addresses and versions only, never a secret's value.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::environment::prefix;
use crate::cloud::{Aws, redeploy, secret_versions, secrets, services, stacks, targets};
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindRunning {
    app: String,
    environment: String,
    cluster: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<FindRunning>("find_running", fields)?))
}

/// What a stack of the system says of the database.
const OF_DATA: [(&str, &str); 6] = [
    ("database_id", "Identifier"),
    ("database_arn", "ResourceArn"),
    ("host", "Endpoint"),
    ("port", "Port"),
    ("database", "DatabaseName"),
    ("user", "MasterUsername"),
];

impl FindRunning {
    fn outputs(running: &BTreeMap<String, String>, url: &str) -> Outputs {
        let services: Vec<&str> = running.keys().map(String::as_str).collect();
        let revisions: Vec<String> = running.iter().map(|(service, revision)| format!("{service}={revision}")).collect();
        let mut all = Outputs::from([
            ("services".into(), json!(services.join(","))),
            ("runs".into(), json!(if services.is_empty() { "no" } else { "yes" })),
            ("revisions".into(), json!(revisions.join(","))),
            ("url".into(), json!(url)),
            ("answers".into(), json!(if url.is_empty() { "no" } else { "yes" })),
        ]);
        for name in OF_DATA.iter().map(|(fact, _)| *fact).chain(["secret", "secret_version", "role_arn"]) {
            all.insert(name.to_owned(), json!(""));
        }
        all.insert("reads_url".into(), json!("no"));
        all
    }

    async fn of_stack(&self, aws: &Aws, layer: &str) -> Result<BTreeMap<String, String>> {
        let name = format!("{}-{}-{layer}", self.app, self.environment);
        Ok(stacks::status(aws, &name).await?.map(|found| found.outputs).unwrap_or_default())
    }

    /// Where the first service that is behind a load balancer says how it is.
    async fn url(&self, aws: &Aws, running: &BTreeMap<String, String>) -> Result<String> {
        for name in running.keys() {
            let Some(found) = services::status(aws, &self.cluster, name).await? else { continue };
            for group in targets::describe(aws, &found.target_groups).await? {
                if let (Some(address), Some(path)) = (group.address, group.health_path) {
                    return Ok(address.url(&path));
                }
            }
        }
        Ok(String::new())
    }
}

#[async_trait]
impl Look<World> for FindRunning {
    fn describe(&self) -> Description {
        Description::new(
            format!("see what runs of {}-{}, and which database it has", self.app, self.environment),
            format!("aws ecs list-services --cluster {} && aws cloudformation describe-stacks", self.cluster),
        )
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let running = redeploy::all(aws, &self.cluster).await?;
        let mut outputs = Self::outputs(&running, &self.url(aws, &running).await?);
        for (service, revision) in &running {
            cx.reporter.log(format!("{service} runs {revision}"));
        }
        if running.is_empty() {
            cx.reporter.log(format!("no service runs in the cluster {}", self.cluster));
        }
        let data = self.of_stack(aws, "data").await?;
        for (fact, output) in OF_DATA {
            outputs.insert(fact.into(), json!(data.get(output).cloned().unwrap_or_default()));
        }
        let backup = self.of_stack(aws, "backup").await?;
        outputs.insert("role_arn".into(), json!(backup.get("RoleArn").cloned().unwrap_or_default()));
        let name = format!("{}database-url", prefix(&self.app, &self.environment));
        if let Some(found) = secrets::describe(aws, &name).await?.filter(|s| s.ours && !s.scheduled_for_deletion) {
            let versions = secret_versions::versions(aws, &found.arn).await?;
            outputs.insert("secret".into(), json!(found.arn));
            outputs.insert("secret_version".into(), json!(versions.current));
            outputs.insert("reads_url".into(), json!("yes"));
        }
        Ok(outputs)
    }

    fn example(&self) -> Outputs {
        let system = format!("{}-{}", self.app, self.environment);
        let service = format!("{system}-web");
        let running = BTreeMap::from([(service.clone(), format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{service}:2"))]);
        let mut all = Self::outputs(&running, "https://app.example/api/health");
        let known = [
            ("database_id", system.clone()),
            ("database_arn", format!("arn:aws:rds:us-east-1:000000000000:db:{system}")),
            ("host", format!("{system}.example.us-east-1.rds.amazonaws.com")),
            ("port", "5432".to_owned()),
            ("database", "app".to_owned()),
            ("user", "postgres".to_owned()),
            ("secret", format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{system}/database-url")),
            ("secret_version", "<version>".to_owned()),
            ("reads_url", "yes".to_owned()),
            ("role_arn", format!("arn:aws:iam::000000000000:role/{system}-backup")),
        ];
        all.extend(known.map(|(name, value)| (name.to_owned(), json!(value))));
        all
    }
}
