//! `repository`: an ECR repository for a service's images: scanned on push, encrypted; undone only if it is ours.
//! Only hands the name to `cloud::registry`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::registry::{self, Repository as Found};
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    name: String,
    app: String,
    environment: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Repository>("repository", fields)?))
}

fn outputs(found: &Found) -> Outputs {
    Outputs::from([("name".into(), json!(found.name)), ("arn".into(), json!(found.arn)), ("uri".into(), json!(found.uri))])
}

#[async_trait]
impl Apply<World> for Repository {
    fn describe(&self) -> Description {
        Description::new(
            format!("make the image repository {}", self.name),
            format!("aws ecr create-repository --repository-name {} --image-scanning-configuration scanOnPush=true", self.name),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let there = registry::describe(world.aws().await?, &self.name).await?.is_some();
        Ok(vec![PreviewLine::new(if there { Sign::Same } else { Sign::Add }, format!("AWS::ECR::Repository {}", self.name))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(registry::describe(world.aws().await?, &self.name).await?.map_or(Probe::Absent, |found| Probe::Present(outputs(&found))))
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let there = registry::describe(world.aws().await?, &self.name).await?.is_some();
        Ok(Outputs::from([("was_there".into(), json!(there))]))
    }

    async fn apply(&self, world: &World, _cx: &Context) -> Result<Outputs> {
        let tags = BTreeMap::from([("app".to_owned(), self.app.clone()), ("environment".to_owned(), self.environment.clone())]);
        registry::ensure_repository(world.aws().await?, &self.name, &tags).await.map(|found| outputs(&found))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        if cx.before.get("was_there").and_then(Value::as_bool).unwrap_or(false) {
            cx.reporter.log(format!("{} was there before: left alone", self.name));
            return Ok(());
        }
        registry::delete(world.aws().await?, &self.name).await
    }

    fn example(&self) -> Outputs {
        outputs(&Found {
            name: self.name.clone(),
            arn: format!("arn:aws:ecr:us-east-1:000000000000:repository/{}", self.name),
            uri: format!("000000000000.dkr.ecr.us-east-1.amazonaws.com/{}", self.name),
        })
    }
}
