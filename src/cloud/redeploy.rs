//! Services that must start new tasks because a secret changed: which ones read it, and a forced deployment of one.
//! Never changes an image, a count or a task definition: ECS reads the secret anew when it starts a task.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::ServiceField;

use super::fault::{code, fault};
use super::services::{self, Deployed};
use super::session::Aws;
use crate::error::Result;
use crate::progress::Reporter;

/// The services of a cluster by name, each with its task definition. No such cluster: none.
pub async fn all(aws: &Aws, cluster: &str) -> Result<BTreeMap<String, String>> {
    let mut arns = Vec::new();
    let mut token = None;
    loop {
        let page = match aws.ecs().list_services().cluster(cluster).set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) if code(&error) == "ClusterNotFoundException" => return Ok(BTreeMap::new()),
            Err(error) => return Err(fault("ecs:ListServices", error)),
        };
        arns.extend(page.service_arns.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let mut all = BTreeMap::new();
    // DescribeServices takes ten at once
    for some in arns.chunks(10) {
        let answer = aws
            .ecs()
            .describe_services()
            .cluster(cluster)
            .set_services(Some(some.to_vec()))
            .include(ServiceField::Tags)
            .send()
            .await
            .map_err(|e| fault("ecs:DescribeServices", e))?;
        let there = answer.services().iter().filter(|s| s.status() != Some("INACTIVE"));
        all.extend(there.filter_map(|s| Some((s.service_name()?.to_owned(), s.task_definition()?.to_owned()))));
    }
    Ok(all)
}

/// The services of a cluster whose containers read a secret, in the order of their names, each with the variables that it becomes.
/// No such cluster: none.
pub async fn readers(aws: &Aws, cluster: &str, arn: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let mut readers = BTreeMap::new();
    for (name, definition) in all(aws, cluster).await? {
        let read = variables(aws, &definition, arn).await?;
        if !read.is_empty() {
            readers.insert(name, read);
        }
    }
    Ok(readers)
}

/// The variables that a task definition's containers take from a secret or from one of its keys.
async fn variables(aws: &Aws, definition: &str, arn: &str) -> Result<Vec<String>> {
    let answer = aws
        .ecs()
        .describe_task_definition()
        .task_definition(definition)
        .send()
        .await
        .map_err(|e| fault("ecs:DescribeTaskDefinition", e))?;
    let containers = answer.task_definition.as_ref().map(|found| found.container_definitions()).unwrap_or_default();
    let reads = |from: &str| from == arn || from.strip_prefix(arn).is_some_and(|rest| rest.starts_with(':'));
    Ok(containers.iter().flat_map(|c| c.secrets()).filter(|s| reads(s.value_from())).map(|s| s.name().to_owned()).collect())
}

/// Starts new tasks of the same task definition, which read their secrets anew, and waits until only they run.
/// The old ones serve until then; what does not come up is left to the service's circuit breaker and told.
pub async fn force(aws: &Aws, cluster: &str, service: &str, reporter: &Reporter) -> Result<Deployed> {
    aws.ecs()
        .update_service()
        .cluster(cluster)
        .service(service)
        .force_new_deployment(true)
        .send()
        .await
        .map_err(|e| fault("ecs:UpdateService", e))?;
    reporter.log(format!("{service}: new tasks are started"));
    services::deploy(aws, cluster, service, None, None, reporter).await
}
