//! ECS services: another image, another count, back to an earlier task definition, and what containers said when they stopped.
//! Never creates a service: that is a stack's work.

use aws_sdk_ecs::types::{DeploymentRolloutState, DesiredStatus, Service};
use serde::{Deserialize, Serialize};

use super::fault::fault;
use super::logs;
use super::revisions::{self, PREVIOUS, register, short, task_definition, with_image};
use super::session::Aws;
use super::tasks::{self, TaskState};
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

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
    /// ECS goes back by itself from a deployment whose tasks do not come up.
    pub breaker: bool,
    /// Deployments under way; 1 when it has settled.
    pub deployments: usize,
    /// The same, newest first.
    pub rollouts: Vec<Rollout>,
    /// Target groups of load balancers that its tasks are registered with.
    pub target_groups: Vec<String>,
    /// The last five, newest first.
    pub events: Vec<String>,
}

/// A deployment under way, or the settled one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    pub task_definition: String,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    pub failed: i32,
    pub state: Option<String>,
    pub reason: Option<String>,
    /// Seconds since 1970.
    pub created_s: Option<i64>,
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
    let revision = revision(aws, current, containers, carried, &found.task_definition).await?;
    reporter.log(format!("{service}: {} → {}", short(&found.task_definition), short(&revision)));
    update(aws, cluster, service, Some(&revision), desired).await?;
    wait(aws, cluster, service, &revision, desired.unwrap_or(found.desired), reporter).await?;
    Ok(Deployed { previous: found.task_definition, current: revision })
}

/// The revision that [`deploy`] would give the service for this image: registered if there is none, not used yet.
pub async fn prepare(aws: &Aws, cluster: &str, service: &str, image: &str) -> Result<String> {
    let found = present(aws, cluster, service).await?;
    let (current, carried) = task_definition(aws, &found.task_definition).await?;
    match with_image(&current, image)? {
        None => Ok(found.task_definition),
        Some(containers) => revision(aws, current, containers, carried, &found.task_definition).await,
    }
}

/// The latest revision of the family if it is just so, else a new one.
pub(super) async fn revision(
    aws: &Aws,
    current: aws_sdk_ecs::types::TaskDefinition,
    containers: Vec<aws_sdk_ecs::types::ContainerDefinition>,
    carried: Vec<aws_sdk_ecs::types::Tag>,
    running: &str,
) -> Result<String> {
    let (latest, _) = task_definition(aws, current.family().unwrap_or_default()).await?;
    if latest.container_definitions() == containers && latest.task_definition_arn() != current.task_definition_arn() {
        return Ok(latest.task_definition_arn().unwrap_or_default().to_owned());
    }
    register(aws, current, containers, carried, running).await
}

/// [`deploy`], and when it does not come up, back to what ran before: by ECS's own circuit breaker, else by us. The error then says so.
pub async fn deploy_or_back(
    aws: &Aws,
    cluster: &str,
    service: &str,
    image: Option<&str>,
    desired: Option<i32>,
    reporter: &Reporter,
) -> Result<Deployed> {
    let before = present(aws, cluster, service).await?;
    let error = match deploy(aws, cluster, service, image, desired, reporter).await {
        Ok(deployed) => return Ok(deployed),
        Err(error) if error.kind == Kind::Failed => error,
        // nothing was begun, or nobody knows how it stands: the same command finds out
        Err(error) => return Err(error),
    };
    let now = present(aws, cluster, service).await?;
    let back = short(&before.task_definition).to_owned();
    if now.task_definition == before.task_definition && image.is_some() && now.breaker {
        let error = error.cause(format!("ECS took the service back to {back} by itself (deployment circuit breaker)"));
        return Err(match wait(aws, cluster, service, &before.task_definition, now.desired, reporter).await {
            Ok(()) => error.cause(format!("{back} runs")),
            Err(also) => error.cause(also.line()),
        });
    }
    if now.task_definition == before.task_definition && now.desired == before.desired {
        return Err(error.cause(format!("the service still runs {back}: there is nothing to go back to")));
    }
    reporter.log(format!("{service}: back to {back} with {} tasks", before.desired));
    update(aws, cluster, service, Some(&before.task_definition), Some(before.desired)).await?;
    Err(match wait(aws, cluster, service, &before.task_definition, before.desired, reporter).await {
        Ok(()) => error.cause(format!("the service was put back on {back}, which runs")),
        Err(also) => error.cause(format!("the service was put back on {back}, which does not run either: {}", also.line())),
    })
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

/// The service; [`Kind::Conflict`] if there is none.
pub async fn present(aws: &Aws, cluster: &str, service: &str) -> Result<ServiceStatus> {
    status(aws, cluster, service).await?.ok_or_else(|| absent(cluster, service))
}

/// There is no such service.
pub fn absent(cluster: &str, service: &str) -> Error {
    Error::new(Kind::Conflict, format!("there is no service {service} in the cluster {cluster}"))
        .hint("its stack makes it (see `migrate-wizard plan`); check the names with `migrate-wizard service status`")
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
            Verdict::Settled => {
                // without this right the deployment history of ECS still tells which one to go back to
                if let Err(error) = revisions::mark_steady(aws, task_definition, now_s()).await {
                    reporter.log(format!("{} is not marked as steady: {}", short(task_definition), error.line()));
                }
                return Ok(());
            }
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
        // with a circuit breaker it is for ECS to say when it is enough
        _ if found.failed >= FAILED_TASKS && found.running == 0 && !found.breaker => {
            Verdict::Failed(format!("{} tasks stopped by themselves and none runs", found.failed))
        }
        _ => Verdict::Waiting,
    }
}

/// What a service that does not come up says: why its last tasks stopped, the last lines of the newest of them, its last events.
pub async fn evidence(aws: &Aws, cluster: &str, service: &str) -> Result<Vec<String>> {
    let stopped = tasks_of(aws, cluster, service, true).await?;
    let mut lines: Vec<String> = Vec::new();
    for task in &stopped {
        let line = format!("task stopped: {}", task.why());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let Some(newest) = stopped.first() {
        // whoever may not read the log still learns the reason
        lines.extend(last_words(aws, newest).await.unwrap_or_else(|error| vec![format!("its log is not read: {}", error.line())]));
    }
    if let Some(found) = status(aws, cluster, service).await? {
        lines.extend(found.events.iter().map(|event| format!("service: {event}")));
    }
    Ok(lines)
}

/// The last lines of the container that runs the app, `name: line` each, oldest first.
async fn last_words(aws: &Aws, task: &TaskState) -> Result<Vec<String>> {
    let revision = revisions::read(aws, &task.task_definition).await?;
    let Some((main, (group, stream))) = revision.main.as_deref().and_then(|main| Some((main, revision.log_of(main, task.id())?))) else {
        return Ok(Vec::new());
    };
    Ok(logs::tail(aws, &group, &stream, logs::SHOWN).await?.into_iter().map(|line| format!("{main}: {}", line.text)).collect())
}

/// The service's tasks: those that stopped within about an hour, newest first, or those that run.
pub async fn tasks_of(aws: &Aws, cluster: &str, service: &str, stopped: bool) -> Result<Vec<TaskState>> {
    let status = if stopped { DesiredStatus::Stopped } else { DesiredStatus::Running };
    let listed = aws.ecs().list_tasks().cluster(cluster).service_name(short(service)).desired_status(status).max_results(10).send().await;
    let arns = listed.map_err(|e| fault("ecs:ListTasks", e))?.task_arns.unwrap_or_default();
    let mut found = tasks::describe(aws, cluster, &arns).await?;
    found.sort_by_key(|task| std::cmp::Reverse(task.stopped_s.or(task.created_s)));
    Ok(found)
}

pub(super) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
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
        breaker: service
            .deployment_configuration()
            .and_then(|c| c.deployment_circuit_breaker())
            .is_some_and(|breaker| breaker.enable() && breaker.rollback()),
        deployments: service.deployments().len(),
        rollouts: service
            .deployments()
            .iter()
            .map(|one| Rollout {
                status: one.status().unwrap_or_default().to_owned(),
                task_definition: one.task_definition().unwrap_or_default().to_owned(),
                desired: one.desired_count(),
                running: one.running_count(),
                pending: one.pending_count(),
                failed: one.failed_tasks(),
                state: one.rollout_state().map(|state| state.as_str().to_owned()),
                reason: one.rollout_state_reason().map(str::to_owned),
                created_s: one.created_at().map(|at| at.secs()),
            })
            .collect(),
        target_groups: service.load_balancers().iter().filter_map(|lb| lb.target_group_arn()).map(str::to_owned).collect(),
        events: service.events().iter().take(5).filter_map(|event| event.message()).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            breaker: false,
            deployments: 1,
            rollouts: vec![],
            target_groups: vec![],
            events: vec![],
        };
        assert_eq!(judge(&found, "t/app:2", 1), Verdict::Settled);
        assert_eq!(judge(&ServiceStatus { rollout: None, deployments: 2, ..found.clone() }, "t/app:2", 1), Verdict::Waiting);
        assert_eq!(
            judge(&ServiceStatus { rollout: Some("IN_PROGRESS".into()), running: 0, failed: 5, ..found.clone() }, "t/app:2", 1),
            Verdict::Failed("5 tasks stopped by themselves and none runs".into())
        );
        let failing = ServiceStatus { rollout: Some("IN_PROGRESS".into()), running: 0, failed: 5, breaker: true, ..found.clone() };
        assert_eq!(judge(&failing, "t/app:2", 1), Verdict::Waiting, "ECS goes back by itself when it is enough");
        assert!(matches!(judge(&found, "t/app:3", 1), Verdict::Failed(_)), "a circuit breaker took it back");
    }
}
