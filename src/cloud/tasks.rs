//! One-off tasks of ECS: run some, find them again by who started them, follow them until they stopped, stop them.
//! Never touches a service or a task that a service started.

mod place;
mod state;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerOverride, DesiredStatus, KeyValuePair, LaunchType, Tag, TaskOverride};

pub use self::place::{Place, place_of};
use self::place::{network, strategy};
pub(super) use self::state::state;
pub use self::state::{ContainerState, TaskState};
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

    #[test]
    fn the_name_is_the_same_for_the_same_parts_and_fits() {
        let name = started_by(&["run", "sha256:ab"]);
        assert_eq!(name.len(), 36);
        assert_eq!(name, started_by(&["run", "sha256:ab"]));
        assert_ne!(name, started_by(&["runsha256", ":ab"]));
    }
}
