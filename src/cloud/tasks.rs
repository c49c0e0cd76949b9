//! One-off tasks of ECS: run some, find them again by who started them, follow them until they stopped, stop them.
//! Never touches a service or a task that a service started.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, DesiredStatus, KeyValuePair, LaunchType,
    NetworkConfiguration, Service, Tag, Task, TaskOverride,
};
use serde::{Deserialize, Serialize};

use super::fault::fault;
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// Tasks that one call starts at most (ECS API reference of RunTask, 2026-11).
const PER_CALL: usize = 10;
/// Tasks that one call describes at most (ECS API reference of DescribeTasks, 2026-11).
const DESCRIBED_PER_CALL: usize = 100;
/// `startedBy` was limited to so many characters until 2024; letters, digits, `-`, `_` and `/`.
const STARTED_BY_LENGTH: usize = 36;

/// Where tasks run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_ip: bool,
    /// `FARGATE`, `EC2`; `None` with `providers`, or as the cluster has it.
    pub launch_type: Option<String>,
    /// Capacity providers with base and weight.
    pub providers: Vec<(String, i32, i32)>,
    /// Of Fargate; `None` is the latest.
    pub platform_version: Option<String>,
}

/// Tasks to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub cluster: String,
    /// ARN or `family:revision`.
    pub task_definition: String,
    pub count: usize,
    pub place: Place,
    pub overrides: Vec<Override>,
    /// What [`find`] finds them by: see [`started_by`].
    pub started_by: String,
    /// The same token and the same request give the same tasks, however often it is asked.
    pub token: String,
    pub tags: BTreeMap<String, String>,
}

/// What a container does otherwise than its task definition says. Shown by `DescribeTasks`: never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    pub container: String,
    /// Empty: as the task definition or the image has it.
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
}

/// What came of [`run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub tasks: Vec<TaskState>,
    /// Why others did not start, in the words of ECS.
    pub refused: Vec<String>,
}

/// A task as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    pub arn: String,
    pub task_definition: String,
    pub started_by: String,
    /// `PROVISIONING`, `PENDING`, `RUNNING`, … `STOPPED`.
    pub status: String,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `UserInitiated`, …
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// Seconds since 1970.
    pub created_s: Option<i64>,
    pub stopped_s: Option<i64>,
    pub containers: Vec<ContainerState>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    pub name: String,
    pub image: String,
    /// `sha256:…`, once it was pulled.
    pub digest: Option<String>,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
}

impl TaskState {
    /// What follows the last slash of its ARN: also the end of its log streams' names.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    pub fn ended(&self) -> bool {
        self.status == "STOPPED"
    }

    /// It ended and every container that ran said 0; one that never ran or was killed is no success.
    pub fn succeeded(&self) -> bool {
        self.ended() && !self.containers.is_empty() && self.containers.iter().all(|c| c.exit_code == Some(0))
    }

    /// Whether the container of that name ended with 0: what counts where side containers are killed at the end.
    pub fn succeeded_in(&self, container: &str) -> bool {
        self.ended() && self.containers.iter().any(|c| c.name == container && c.exit_code == Some(0))
    }

    /// Why it stopped, with exit codes: one line.
    pub fn why(&self) -> String {
        let mut line = self.stopped_reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        for container in self.containers.iter().filter(|c| c.exit_code.is_some_and(|code| code != 0) || c.reason.is_some()) {
            let code = container.exit_code.map(|code| format!(" exit code {code}{}", meaning(code))).unwrap_or_default();
            let reason = container.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
            line.push_str(&format!("; {}{code}{reason}", container.name));
        }
        line
    }
}

/// What an exit code means by convention, if it does.
fn meaning(code: i32) -> &'static str {
    match code {
        126 => " (the command cannot be executed)",
        127 => " (the command was not found)",
        137 => " (killed: out of memory, or it did not stop when asked)",
        139 => " (segmentation fault)",
        143 => " (asked to stop)",
        _ => "",
    }
}

/// A name for [`Run::started_by`], made of parts such as run and digest: equal in gives equal out, and it fits what ECS takes.
pub fn started_by(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut name = format!("mw-{}", tags::hex(&hash.finalize()));
    name.truncate(STARTED_BY_LENGTH);
    name
}

/// Where the tasks of a service run; [`Kind::Conflict`] if there is no such service.
pub async fn place_of(aws: &Aws, cluster: &str, service: &str) -> Result<Place> {
    let answer = aws.ecs().describe_services().cluster(cluster).services(service).send().await;
    let answer = answer.map_err(|e| fault("ecs:DescribeServices", e))?;
    answer.services().first().filter(|found| found.status() != Some("INACTIVE")).map(place).ok_or_else(|| {
        Error::new(Kind::Conflict, format!("there is no service {service} in cluster {cluster}"))
            .hint("check the names with `migrate-wizard service status`, or deploy the service's stack first")
    })
}

fn place(service: &Service) -> Place {
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let providers = service.capacity_provider_strategy();
    Place {
        subnets: vpc.map(|v| v.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|v| v.security_groups().to_vec()).unwrap_or_default(),
        public_ip: vpc.and_then(|v| v.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        launch_type: service.launch_type().filter(|_| providers.is_empty()).map(|t| t.as_str().to_owned()),
        providers: providers.iter().map(|p| (p.capacity_provider().to_owned(), p.base(), p.weight())).collect(),
        platform_version: service.platform_version().map(str::to_owned),
    }
}

/// Starts the tasks. Some may have started and others not: both are told. Nothing started at all is an error.
pub async fn run(aws: &Aws, run: &Run) -> Result<Ran> {
    let mut ran = Ran { tasks: Vec::new(), refused: Vec::new() };
    let mut left = run.count;
    for call in 0.. {
        if left == 0 {
            break;
        }
        let now = left.min(PER_CALL);
        left -= now;
        let token = tags::request_token(&format!("{}-{call}", run.token)).chars().take(64).collect::<String>();
        let answer = aws
            .ecs()
            .run_task()
            .cluster(&run.cluster)
            .task_definition(&run.task_definition)
            .count(i32::try_from(now).unwrap_or(1))
            .set_network_configuration(network(&run.place)?)
            .set_launch_type(run.place.launch_type.as_deref().map(LaunchType::from))
            .set_capacity_provider_strategy(strategy(&run.place)?)
            .set_platform_version(run.place.platform_version.clone())
            .overrides(overrides(&run.overrides))
            .started_by(&run.started_by)
            .client_token(token)
            .enable_ecs_managed_tags(true)
            .set_tags(Some(tags::ours(&run.tags).iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()))
            .send()
            .await
            .map_err(|e| fault("ecs:RunTask", e))?;
        ran.tasks.extend(answer.tasks().iter().map(state));
        ran.refused.extend(answer.failures().iter().map(|failure| {
            let words = [failure.reason(), failure.detail(), failure.arn()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }));
    }
    if ran.tasks.is_empty() && run.count > 0 {
        let error = Error::new(Kind::Failed, format!("ECS started no task of {}", short(&run.task_definition)));
        let error = ran.refused.iter().fold(error, |error, refused| error.cause(refused));
        return Err(error.hint(
            "RESOURCE or capacity: wait and run the same command; else check subnets, security groups and the cluster's capacity providers",
        ));
    }
    Ok(ran)
}

fn network(place: &Place) -> Result<Option<NetworkConfiguration>> {
    if place.subnets.is_empty() {
        return Ok(None);
    }
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(place.subnets.clone()))
        .set_security_groups(Some(place.security_groups.clone()))
        .assign_public_ip(if place.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled })
        .build()
        .map_err(|e| Error::bug("a task's network lacks its subnets").because(&e))?;
    Ok(Some(NetworkConfiguration::builder().awsvpc_configuration(vpc).build()))
}

fn strategy(place: &Place) -> Result<Option<Vec<CapacityProviderStrategyItem>>> {
    if place.providers.is_empty() {
        return Ok(None);
    }
    let items = place
        .providers
        .iter()
        .map(|(name, base, weight)| CapacityProviderStrategyItem::builder().capacity_provider(name).base(*base).weight(*weight).build());
    items.collect::<Result<Vec<_>, _>>().map(Some).map_err(|e| Error::bug("a capacity provider lacks its name").because(&e))
}

fn overrides(all: &[Override]) -> TaskOverride {
    let containers = all.iter().map(|one| {
        let pair = |(name, value): &(String, String)| KeyValuePair::builder().name(name).value(value).build();
        ContainerOverride::builder()
            .name(&one.container)
            .set_command(Some(one.command.clone()).filter(|command| !command.is_empty()))
            .set_environment(Some(one.environment.iter().map(pair).collect::<Vec<_>>()).filter(|pairs| !pairs.is_empty()))
            .build()
    });
    TaskOverride::builder().set_container_overrides(Some(containers.collect())).build()
}

/// Tasks of that name, running and stopped, oldest first. ECS forgets a stopped task about an hour later.
pub async fn find(aws: &Aws, cluster: &str, family: &str, started_by: &str) -> Result<Vec<TaskState>> {
    // `startedBy` stands no other filter beside it, so that the stopped ones are found by family
    let mut running = aws.ecs().list_tasks().cluster(cluster).started_by(started_by).into_paginator().items().send();
    let mut stopped =
        aws.ecs().list_tasks().cluster(cluster).family(family).desired_status(DesiredStatus::Stopped).into_paginator().items().send();
    let mut arns = Vec::new();
    while let Some(arn) = running.next().await {
        arns.push(arn.map_err(|e| fault("ecs:ListTasks", e))?);
    }
    while let Some(arn) = stopped.next().await {
        let arn = arn.map_err(|e| fault("ecs:ListTasks", e))?;
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    let mut found = describe(aws, cluster, &arns).await?;
    found.retain(|task| task.started_by == started_by);
    found.sort_by_key(|task| task.created_s);
    Ok(found)
}

/// These tasks; those that ECS no longer knows are missing.
pub async fn describe(aws: &Aws, cluster: &str, arns: &[String]) -> Result<Vec<TaskState>> {
    let mut found = Vec::new();
    for some in arns.chunks(DESCRIBED_PER_CALL) {
        let answer = aws.ecs().describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec())).send().await;
        found.extend(answer.map_err(|e| fault("ecs:DescribeTasks", e))?.tasks().iter().map(state));
    }
    Ok(found)
}

/// Waits until all of them stopped; each change of state is told.
///
/// Errors if ECS does not know one of them any more (a new one may not be known for some seconds: that is waited for).
pub async fn follow(aws: &Aws, cluster: &str, arns: &[String], reporter: &Reporter) -> Result<Vec<TaskState>> {
    let mut following = Following::new(cluster, arns);
    loop {
        let found = following.look(aws, reporter).await?;
        if following.ended(&found) {
            return Ok(found);
        }
        tokio::time::sleep(aws.poll()).await;
    }
}

/// Tasks that are looked at again and again: for those who do something else between two looks.
#[derive(Debug)]
pub struct Following {
    cluster: String,
    arns: Vec<String>,
    told: BTreeMap<String, String>,
    missing: usize,
}

impl Following {
    /// Looks in a row at which a task may be unknown to ECS.
    const MISSING: usize = 20;

    pub fn new(cluster: &str, arns: &[String]) -> Self {
        Self { cluster: cluster.to_owned(), arns: arns.to_vec(), told: BTreeMap::new(), missing: 0 }
    }

    /// The tasks as they are; what changed since the last look is told.
    pub async fn look(&mut self, aws: &Aws, reporter: &Reporter) -> Result<Vec<TaskState>> {
        let found = describe(aws, &self.cluster, &self.arns).await?;
        for task in &found {
            if self.told.insert(task.arn.clone(), task.status.clone()).as_ref() != Some(&task.status) {
                let why = if task.ended() { format!(": {}", task.why()) } else { String::new() };
                reporter.log(format!("task {} {}{why}", task.id(), task.status));
            }
        }
        let ended = found.iter().filter(|task| task.ended()).count();
        reporter.progress(count(ended), Some(count(self.arns.len())), Unit::Resources, "tasks that ended");
        self.missing = if found.len() < self.arns.len() { self.missing + 1 } else { 0 };
        if self.missing == Self::MISSING {
            return Err(Error::new(Kind::Failed, format!("ECS no longer knows {} of the tasks", self.arns.len() - found.len()))
                .hint("look into the log group of the task definition for what they did; then run the same command"));
        }
        Ok(found)
    }

    /// Did all of them stop?
    pub fn ended(&self, found: &[TaskState]) -> bool {
        found.len() == self.arns.len() && found.iter().all(TaskState::ended)
    }
}

/// Asks a task to stop; one that stopped or is gone is no error.
pub async fn stop(aws: &Aws, cluster: &str, arn: &str, reason: &str) -> Result<()> {
    match aws.ecs().stop_task().cluster(cluster).task(arn).reason(reason).send().await {
        Ok(_) => Ok(()),
        Err(error)
            if super::fault::code(&error) == "InvalidParameterException" && super::fault::message(&error).contains("was not found") =>
        {
            Ok(())
        }
        Err(error) => Err(fault("ecs:StopTask", error)),
    }
}

pub(super) fn state(task: &Task) -> TaskState {
    TaskState {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        task_definition: task.task_definition_arn().unwrap_or_default().to_owned(),
        started_by: task.started_by().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        health: task.health_status().map_or("UNKNOWN", |health| health.as_str()).to_owned(),
        created_s: task.created_at().map(|at| at.secs()),
        stopped_s: task.stopped_at().map(|at| at.secs()),
        containers: task
            .containers()
            .iter()
            .map(|container| ContainerState {
                name: container.name().unwrap_or_default().to_owned(),
                image: container.image().unwrap_or_default().to_owned(),
                digest: container.image_digest().map(str::to_owned),
                exit_code: container.exit_code(),
                reason: container.reason().map(str::to_owned),
            })
            .collect(),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// What follows the last slash of an ARN: `app:7`.
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(exit_codes: &[Option<i32>]) -> TaskState {
        let container = |(n, exit_code): (usize, &Option<i32>)| ContainerState {
            name: format!("c{n}"),
            image: "r/app:1".into(),
            digest: None,
            exit_code: *exit_code,
            reason: None,
        };
        TaskState {
            arn: "arn:aws:ecs:us-east-1:123456789012:task/shop/0123".into(),
            task_definition: "app:1".into(),
            started_by: "mw-1".into(),
            status: "STOPPED".into(),
            stop_code: None,
            stopped_reason: Some("Essential container in task exited".into()),
            health: "UNKNOWN".into(),
            created_s: None,
            stopped_s: None,
            containers: exit_codes.iter().enumerate().map(container).collect(),
        }
    }

    #[test]
    fn only_zero_is_success() {
        assert!(task(&[Some(0)]).succeeded());
        assert!(!task(&[Some(0), Some(1)]).succeeded());
        assert!(!task(&[None]).succeeded(), "it never ran");
        assert!(!task(&[]).succeeded());
        assert!(task(&[Some(0), Some(143)]).succeeded_in("c0"));
        assert!(!TaskState { status: "RUNNING".into(), ..task(&[Some(0)]) }.succeeded());
    }

    #[test]
    fn a_stop_says_its_exit_codes_and_what_they_mean() {
        assert_eq!(task(&[Some(127)]).why(), "Essential container in task exited; c0 exit code 127 (the command was not found)");
        assert_eq!(task(&[Some(0)]).id(), "0123");
    }

    #[test]
    fn the_name_is_the_same_for_the_same_parts_and_fits() {
        let name = started_by(&["run", "sha256:ab"]);
        assert_eq!(name.len(), 36);
        assert_eq!(name, started_by(&["run", "sha256:ab"]));
        assert_ne!(name, started_by(&["runsha256", ":ab"]));
    }
}
