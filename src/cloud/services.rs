//! ECS services: another image, another count, back to an earlier task definition, and what containers said when they stopped.
//! Never creates a service: that is a stack's work.

use aws_sdk_ecs::types::{ContainerDefinition, DeploymentRolloutState, DesiredStatus, Service, Tag, TaskDefinition, TaskDefinitionField};
use serde::{Deserialize, Serialize};

use super::fault::fault;
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// On a task definition we registered: the one the service ran before.
const PREVIOUS: &str = "migrate-wizard-previous";
/// After so many tasks that stopped by themselves with none running, waiting longer is pointless.
const FAILED_TASKS: i32 = 5;

/// A service as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub arn: String,
    /// The task definition that the service should run.
    pub task_definition: String,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    /// Tasks of the newest deployment that stopped by themselves.
    pub failed: i32,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`; `None` for services that ECS does not roll out.
    pub rollout: Option<String>,
    pub rollout_reason: Option<String>,
    /// Deployments under way; 1 when it has settled.
    pub deployments: usize,
    /// The last five, newest first.
    pub events: Vec<String>,
}

/// What a deployment did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// What [`rollback`] goes back to.
    pub previous: String,
    pub current: String,
}

/// The service, if there is one that is not inactive.
pub async fn status(aws: &Aws, cluster: &str, service: &str) -> Result<Option<ServiceStatus>> {
    let answer = aws.ecs().describe_services().cluster(cluster).services(service).send().await;
    match answer {
        Ok(answer) => Ok(answer.services().first().filter(|found| found.status() != Some("INACTIVE")).map(from)),
        Err(error) if super::fault::code(&error) == "ClusterNotFoundException" => Ok(None),
        Err(error) => Err(fault("ecs:DescribeServices", error)),
    }
}

/// What a service runs now: the image of a container, and how many tasks it should have. `None` if there is no such service or it runs none.
pub async fn running(aws: &Aws, cluster: &str, service: &str, container: &str) -> Result<Option<(String, i32)>> {
    let Some(found) = status(aws, cluster, service).await?.filter(|found| found.desired > 0) else { return Ok(None) };
    let (definition, _) = task_definition(aws, &found.task_definition).await?;
    let image = definition.container_definitions().iter().find(|c| c.name() == Some(container)).and_then(|c| c.image());
    Ok(image.map(|image| (image.to_owned(), found.desired)))
}

/// Gives the service another image (`None`: keeps it) and another count (`None`: keeps it), and waits until it runs.
///
/// Everything else in the task definition stays. Twice equals once: a revision that already says so is used again.
/// Errors with what the stopped containers and the service said.
pub async fn deploy(
    aws: &Aws,
    cluster: &str,
    service: &str,
    image: Option<&str>,
    desired: Option<i32>,
    reporter: &Reporter,
) -> Result<Deployed> {
    let found = present(aws, cluster, service).await?;
    let (current, carried) = task_definition(aws, &found.task_definition).await?;
    let wanted = match image {
        None => None,
        Some(image) => with_image(&current, image)?,
    };
    let Some(containers) = wanted else {
        // it says so already: by this deployment, begun before, or by a stack
        let previous = carried
            .into_iter()
            .find(|tag| tag.key() == Some(PREVIOUS))
            .and_then(|tag| tag.value)
            .unwrap_or_else(|| found.task_definition.clone());
        if desired.is_some_and(|desired| desired != found.desired) {
            update(aws, cluster, service, None, desired).await?;
        }
        let settled = wait(aws, cluster, service, &found.task_definition, desired.unwrap_or(found.desired), reporter).await;
        return settled.map(|()| Deployed { previous, current: found.task_definition });
    };
    let family = current.family().unwrap_or_default().to_owned();
    let (latest, _) = task_definition(aws, &family).await?;
    let revision = if latest.container_definitions() == containers && latest.task_definition_arn() != current.task_definition_arn() {
        latest.task_definition_arn().unwrap_or_default().to_owned()
    } else {
        register(aws, current, containers, carried, &found.task_definition).await?
    };
    reporter.log(format!("{service}: {} → {}", short(&found.task_definition), short(&revision)));
    update(aws, cluster, service, Some(&revision), desired).await?;
    wait(aws, cluster, service, &revision, desired.unwrap_or(found.desired), reporter).await?;
    Ok(Deployed { previous: found.task_definition, current: revision })
}

/// Puts the service back on a task definition and waits until it runs.
pub async fn rollback(aws: &Aws, cluster: &str, service: &str, task_definition: &str, reporter: &Reporter) -> Result<()> {
    let found = present(aws, cluster, service).await?;
    if found.task_definition != task_definition {
        reporter.log(format!("{service}: {} → {}", short(&found.task_definition), short(task_definition)));
        update(aws, cluster, service, Some(task_definition), None).await?;
    }
    wait(aws, cluster, service, task_definition, found.desired, reporter).await
}

async fn present(aws: &Aws, cluster: &str, service: &str) -> Result<ServiceStatus> {
    status(aws, cluster, service).await?.ok_or_else(|| {
        Error::new(Kind::Conflict, format!("there is no service {service} in cluster {cluster}"))
            .hint("run the provision phase first, or check the names")
    })
}

async fn task_definition(aws: &Aws, name: &str) -> Result<(TaskDefinition, Vec<Tag>)> {
    let answer = aws
        .ecs()
        .describe_task_definition()
        .task_definition(name)
        .include(TaskDefinitionField::Tags)
        .send()
        .await
        .map_err(|e| fault("ecs:DescribeTaskDefinition", e))?;
    let tags = answer.tags.unwrap_or_default();
    let found = answer.task_definition.ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the task definition {name} is gone")).hint("deploy the service's stack again")
    })?;
    Ok((found, tags))
}

/// The containers with another image; `None` if they have it already.
fn with_image(current: &TaskDefinition, image: &str) -> Result<Option<Vec<ContainerDefinition>>> {
    let mut containers = current.container_definitions().to_vec();
    let essential = containers.iter().filter(|c| c.essential() != Some(false)).count();
    let main = containers
        .iter_mut()
        .find(|c| (essential == 1 && c.essential() != Some(false)) || repository(c.image().unwrap_or_default()) == repository(image));
    let Some(main) = main else {
        return Err(Error::new(
            Kind::Conflict,
            format!("cannot tell which container of {} should run {image}", current.family().unwrap_or_default()),
        )
        .hint("mark the side containers as not essential in the service's stack"));
    };
    if main.image() == Some(image) {
        return Ok(None);
    }
    main.image = Some(image.to_owned());
    Ok(Some(containers))
}

/// An image's name without tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => image,
    }
}

async fn register(
    aws: &Aws,
    old: TaskDefinition,
    containers: Vec<ContainerDefinition>,
    carried: Vec<Tag>,
    previous: &str,
) -> Result<String> {
    let mut all: Vec<Tag> = carried
        .into_iter()
        .filter(|tag| tag.key().is_some_and(|key| key != PREVIOUS && key != tags::MANAGED_BY && !key.starts_with("aws:")))
        .collect();
    all.push(Tag::builder().key(tags::MANAGED_BY).value(tags::US).build());
    all.push(Tag::builder().key(PREVIOUS).value(previous).build());
    let made = aws
        .ecs()
        .register_task_definition()
        .set_family(old.family)
        .set_container_definitions(Some(containers))
        .set_task_role_arn(old.task_role_arn)
        .set_execution_role_arn(old.execution_role_arn)
        .set_network_mode(old.network_mode)
        .set_volumes(old.volumes)
        .set_placement_constraints(old.placement_constraints)
        .set_requires_compatibilities(old.requires_compatibilities)
        .set_cpu(old.cpu)
        .set_memory(old.memory)
        .set_pid_mode(old.pid_mode)
        .set_ipc_mode(old.ipc_mode)
        .set_proxy_configuration(old.proxy_configuration)
        .set_ephemeral_storage(old.ephemeral_storage)
        .set_runtime_platform(old.runtime_platform)
        .set_enable_fault_injection(old.enable_fault_injection)
        .set_tags(Some(all))
        .send()
        .await
        .map_err(|e| fault("ecs:RegisterTaskDefinition", e))?;
    made.task_definition
        .and_then(|made| made.task_definition_arn)
        .ok_or_else(|| Error::bug("ECS registered a task definition and did not name it"))
}

async fn update(aws: &Aws, cluster: &str, service: &str, task_definition: Option<&str>, desired: Option<i32>) -> Result<()> {
    aws.ecs()
        .update_service()
        .cluster(cluster)
        .service(service)
        .set_task_definition(task_definition.map(str::to_owned))
        .set_desired_count(desired)
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("ecs:UpdateService", e))
}

/// Waits until the service runs `task_definition` and nothing else.
async fn wait(aws: &Aws, cluster: &str, service: &str, task_definition: &str, desired: i32, reporter: &Reporter) -> Result<()> {
    let mut last_event = None;
    loop {
        let found = present(aws, cluster, service).await?;
        let newest = found.events.first().cloned();
        if newest != last_event {
            if let Some(event) = &newest {
                reporter.log(event);
            }
            last_event = newest;
        }
        let rollout = found.rollout.as_deref().unwrap_or("settling");
        reporter.progress(
            found.running.max(0).unsigned_abs().into(),
            Some(desired.max(0).unsigned_abs().into()),
            Unit::Resources,
            format!("{service}: {rollout}"),
        );
        match judge(&found, task_definition, desired) {
            Verdict::Settled => return Ok(()),
            Verdict::Waiting => tokio::time::sleep(aws.poll()).await,
            Verdict::Failed(why) => {
                let mut error = Error::new(Kind::Failed, format!("service {service} does not run {}", short(task_definition))).cause(why);
                for line in evidence(aws, cluster, service).await.unwrap_or_default() {
                    error = error.cause(line);
                }
                return Err(error.hint("read what the containers said above and in the service's log group; correct the image or its settings, then run the same command"));
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Settled,
    Waiting,
    Failed(String),
}

fn judge(found: &ServiceStatus, task_definition: &str, desired: i32) -> Verdict {
    let settled = found.deployments == 1 && found.running == desired && found.desired == desired && found.pending == 0;
    let reason = || found.rollout_reason.clone().unwrap_or_else(|| "ECS gave up on the deployment".to_owned());
    if found.task_definition != task_definition {
        return Verdict::Failed(format!("the service went back to {}: {}", short(&found.task_definition), reason()));
    }
    match found.rollout.as_deref() {
        Some("FAILED") => Verdict::Failed(reason()),
        Some("COMPLETED") if found.running == desired && found.desired == desired => Verdict::Settled,
        None if settled => Verdict::Settled,
        _ if found.failed >= FAILED_TASKS && found.running == 0 => {
            Verdict::Failed(format!("{} tasks stopped by themselves and none runs", found.failed))
        }
        _ => Verdict::Waiting,
    }
}

/// What a service that does not come up says: why its last tasks stopped, and its last events.
pub async fn evidence(aws: &Aws, cluster: &str, service: &str) -> Result<Vec<String>> {
    let name = short(service);
    let stopped = aws
        .ecs()
        .list_tasks()
        .cluster(cluster)
        .service_name(name)
        .desired_status(DesiredStatus::Stopped)
        .max_results(10)
        .send()
        .await
        .map_err(|e| fault("ecs:ListTasks", e))?
        .task_arns
        .unwrap_or_default();
    let mut lines = Vec::new();
    if !stopped.is_empty() {
        let tasks =
            aws.ecs().describe_tasks().cluster(cluster).set_tasks(Some(stopped)).send().await.map_err(|e| fault("ecs:DescribeTasks", e))?;
        for task in tasks.tasks() {
            let containers =
                task.containers().iter().filter(|c| c.exit_code().is_some_and(|code| code != 0) || c.reason().is_some()).map(|c| {
                    let code = c.exit_code().map(|code| format!(" exit code {code}")).unwrap_or_default();
                    format!("{}{code} {}", c.name().unwrap_or_default(), c.reason().unwrap_or_default()).trim_end().to_owned()
                });
            let said = containers.collect::<Vec<_>>().join("; ");
            let line = format!("task stopped: {} {said}", task.stopped_reason().unwrap_or("no reason given")).trim_end().to_owned();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    if let Some(found) = status(aws, cluster, service).await? {
        lines.extend(found.events.iter().map(|event| format!("service: {event}")));
    }
    Ok(lines)
}

/// What follows the last slash of an ARN: `app:7`.
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn from(service: &Service) -> ServiceStatus {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    ServiceStatus {
        arn: service.service_arn().unwrap_or_default().to_owned(),
        task_definition: primary.and_then(|d| d.task_definition()).or(service.task_definition()).unwrap_or_default().to_owned(),
        desired: service.desired_count(),
        running: service.running_count(),
        pending: service.pending_count(),
        failed: primary.map_or(0, |d| d.failed_tasks()),
        rollout: primary.and_then(|d| d.rollout_state()).map(DeploymentRolloutState::as_str).map(str::to_owned),
        rollout_reason: primary.and_then(|d| d.rollout_state_reason()).map(str::to_owned),
        deployments: service.deployments().len(),
        events: service.events().iter().take(5).filter_map(|event| event.message()).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, image: &str, essential: bool) -> ContainerDefinition {
        ContainerDefinition::builder().name(name).image(image).essential(essential).build()
    }

    #[test]
    fn the_image_goes_to_the_container_that_runs_the_app() {
        let one = TaskDefinition::builder()
            .container_definitions(container("log", "fluent:1", false))
            .container_definitions(container("app", "r/app:1", true))
            .build();
        let images = |containers: Vec<ContainerDefinition>| containers.into_iter().filter_map(|c| c.image).collect::<Vec<_>>();
        assert_eq!(with_image(&one, "r/app:2").unwrap().map(images), Some(vec!["fluent:1".into(), "r/app:2".into()]));
        assert!(with_image(&one, "r/app:1").unwrap().is_none());
        let two = TaskDefinition::builder()
            .container_definitions(container("a", "x/a:1", true))
            .container_definitions(container("b", "y/b:1", true))
            .build();
        assert_eq!(with_image(&two, "z/c:1").map(drop).unwrap_err().kind, Kind::Conflict);
        assert_eq!(repository("host:5000/app"), "host:5000/app");
        assert_eq!(repository("host:5000/app:1@sha256:ab"), "host:5000/app");
    }

    #[test]
    fn a_deployment_settles_waits_or_fails() {
        let found = ServiceStatus {
            arn: "s".into(),
            task_definition: "t/app:2".into(),
            desired: 1,
            running: 1,
            pending: 0,
            failed: 0,
            rollout: Some("COMPLETED".into()),
            rollout_reason: None,
            deployments: 1,
            events: vec![],
        };
        assert_eq!(judge(&found, "t/app:2", 1), Verdict::Settled);
        assert_eq!(judge(&ServiceStatus { rollout: None, deployments: 2, ..found.clone() }, "t/app:2", 1), Verdict::Waiting);
        assert_eq!(
            judge(&ServiceStatus { rollout: Some("IN_PROGRESS".into()), running: 0, failed: 5, ..found.clone() }, "t/app:2", 1),
            Verdict::Failed("5 tasks stopped by themselves and none runs".into())
        );
        assert!(matches!(judge(&found, "t/app:3", 1), Verdict::Failed(_)), "a circuit breaker took it back");
    }
}
