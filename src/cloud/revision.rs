//! A task definition that runs what another one runs, with secrets of its own: made for one piece of work and taken away with it.
//! Never touches the one that it is made from.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Secret, Tag, TaskDefinition};

use super::fault::{code, fault};
use super::revisions::copied;
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};

/// Registers `family` as `base` is, its container reading `secrets` (variable and ARN) when it starts; returns its ARN. Twice is once.
pub async fn with_secrets(
    aws: &Aws,
    base: &str,
    family: &str,
    container: &str,
    secrets: &[(String, String)],
    tags: &BTreeMap<String, String>,
) -> Result<String> {
    if let Some(there) = definition(aws, family).await?.filter(|found| reads(found, container, secrets)) {
        return Ok(there.task_definition_arn.unwrap_or_default());
    }
    let mut old = definition(aws, base).await?.ok_or_else(|| {
        Error::new(Kind::Conflict, format!("there is no task definition {base}"))
            .hint("deploy the worker's stack, or name one with --task-definition")
    })?;
    let mut containers = old.container_definitions.take().unwrap_or_default();
    let Some(own) = containers.iter_mut().find(|found| found.name() == Some(container)) else {
        let names: Vec<&str> = containers.iter().filter_map(|found| found.name()).collect();
        return Err(Error::new(Kind::Input, format!("the task definition {base} has no container {container}"))
            .hint(format!("name one with --container: {}", names.join(", "))));
    };
    let mut all: Vec<Secret> = own.secrets().iter().filter(|old| secrets.iter().all(|(name, _)| old.name() != name)).cloned().collect();
    for (name, arn) in secrets {
        let secret = Secret::builder().name(name).value_from(arn).build();
        all.push(secret.map_err(|e| Error::bug("a secret of a task lacks its name").because(&e))?);
    }
    own.secrets = Some(all);
    old.family = Some(family.to_owned());
    let tags = tags::ours(tags).iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    copied(aws, old, containers, tags).await
}

/// Whether a container of it reads these secrets.
fn reads(found: &TaskDefinition, container: &str, secrets: &[(String, String)]) -> bool {
    let own = found.container_definitions().iter().find(|own| own.name() == Some(container));
    own.is_some_and(|own| {
        secrets.iter().all(|(name, arn)| own.secrets().iter().any(|secret| secret.name() == name && secret.value_from() == arn))
    })
}

/// Takes away every revision of a family; none is no error.
pub async fn deregister(aws: &Aws, family: &str) -> Result<()> {
    let answer = aws.ecs().list_task_definitions().family_prefix(family).send().await.map_err(|e| fault("ecs:ListTaskDefinitions", e))?;
    // the prefix is the whole family here: another's name would differ before its revision
    let own = |arn: &&String| arn.rsplit('/').next().and_then(|name| name.split(':').next()) == Some(family);
    for arn in answer.task_definition_arns().iter().filter(own) {
        aws.ecs().deregister_task_definition().task_definition(arn).send().await.map_err(|e| fault("ecs:DeregisterTaskDefinition", e))?;
    }
    Ok(())
}

/// The active one of that name or ARN.
async fn definition(aws: &Aws, name: &str) -> Result<Option<TaskDefinition>> {
    match aws.ecs().describe_task_definition().task_definition(name).send().await {
        Ok(answer) => Ok(answer.task_definition),
        Err(error) if code(&error) == "ClientException" => Ok(None),
        Err(error) => Err(fault("ecs:DescribeTaskDefinition", error)),
    }
}
