//! Revisions of task definitions: read one, the same with another image, which of them was steady.
//! Never updates a service.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, LogDriver, SortOrder, Tag, TaskDefinition, TaskDefinitionField};
use serde::Serialize;

use super::fault::fault;
use super::logs;
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};

/// On a task definition we registered: the one the service ran before.
pub(super) const PREVIOUS: &str = "migrate-wizard-previous";
/// On a revision with which a service was steady: when, in seconds since 1970.
const STEADY: &str = "migrate-wizard-steady";
/// Begins the tag of a one-off task that ended well with a revision's image.
const DONE: &str = "migrate-wizard-done-";
/// Revisions looked through for one that was steady.
const LOOKED_THROUGH: i32 = 25;

/// A revision as far as a deployment asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revision {
    pub arn: String,
    pub family: String,
    /// `linux/amd64` or `linux/arm64`.
    pub platform: &'static str,
    pub containers: Vec<Container>,
    /// The one that gets a new image; `None` where that cannot be told.
    pub main: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub essential: bool,
    /// Where the `awslogs` driver writes: group and prefix of the streams.
    pub log: Option<(String, String)>,
}

impl Revision {
    /// `app:7`.
    pub fn short(&self) -> &str {
        short(&self.arn)
    }

    /// The image of the container that runs the app.
    pub fn image(&self) -> Option<&str> {
        let main = self.main.as_deref()?;
        self.containers.iter().find(|c| c.name == main).map(|c| c.image.as_str())
    }

    /// Group and stream of what `container` says in the task of this id; none where it does not log to CloudWatch.
    pub fn log_of(&self, container: &str, task: &str) -> Option<(String, String)> {
        let (group, prefix) = self.containers.iter().find(|c| c.name == container)?.log.clone()?;
        Some((group, logs::stream_of(&prefix, container, task)))
    }

    /// When a service was steady with it, in seconds since 1970.
    pub fn steady(&self) -> Option<i64> {
        self.tags.get(STEADY).and_then(|at| at.parse().ok())
    }

    /// Did the one-off task of that name end well?
    pub fn is_done(&self, started_by: &str) -> bool {
        self.tags.contains_key(&format!("{DONE}{started_by}"))
    }
}

/// The revision of that ARN or `family:revision`; a family alone is its latest.
pub async fn read(aws: &Aws, name: &str) -> Result<Revision> {
    let (found, carried) = task_definition(aws, name).await?;
    Ok(from(&found, &carried))
}

/// What would change in the containers with another image, a line each; nothing if they have it.
pub async fn difference(aws: &Aws, name: &str, image: &str) -> Result<Vec<String>> {
    let (current, _) = task_definition(aws, name).await?;
    let Some(wanted) = with_image(&current, image)? else { return Ok(Vec::new()) };
    let pairs = current.container_definitions().iter().zip(&wanted).filter(|(old, new)| old != new);
    Ok(pairs
        .flat_map(|(old, new)| {
            let name = new.name().unwrap_or_default().to_owned();
            [format!("- {name} image {}", old.image().unwrap_or("none")), format!("+ {name} image {}", new.image().unwrap_or("none"))]
        })
        .collect())
}

/// Marks a revision as one that a service was steady with.
pub(super) async fn mark_steady(aws: &Aws, arn: &str, at_s: i64) -> Result<()> {
    mark(aws, arn, STEADY, &at_s.to_string()).await
}

/// Marks a one-off task as ended well with a revision.
pub(super) async fn mark_done(aws: &Aws, arn: &str, started_by: &str) -> Result<()> {
    mark(aws, arn, &format!("{DONE}{started_by}"), "yes").await
}

async fn mark(aws: &Aws, arn: &str, key: &str, value: &str) -> Result<()> {
    let tag = Tag::builder().key(key).value(value).build();
    aws.ecs().tag_resource().resource_arn(arn).tags(tag).send().await.map(drop).map_err(|e| fault("ecs:TagResource", e))
}

/// The newest revision of a family, other than `current`, that is marked as steady.
pub(super) async fn last_steady(aws: &Aws, family: &str, current: &str) -> Result<Option<String>> {
    let listed = aws.ecs().list_task_definitions().family_prefix(family).sort(SortOrder::Desc).max_results(LOOKED_THROUGH).send().await;
    for arn in listed.map_err(|e| fault("ecs:ListTaskDefinitions", e))?.task_definition_arns() {
        // a prefix finds other families too
        if arn != current && short(arn).rsplit_once(':').is_some_and(|(name, _)| name == family) && read(aws, arn).await?.steady().is_some()
        {
            return Ok(Some(arn.clone()));
        }
    }
    Ok(None)
}

pub(super) async fn task_definition(aws: &Aws, name: &str) -> Result<(TaskDefinition, Vec<Tag>)> {
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
pub(super) fn with_image(current: &TaskDefinition, image: &str) -> Result<Option<Vec<ContainerDefinition>>> {
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
pub fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => image,
    }
}

pub(super) async fn register(
    aws: &Aws,
    old: TaskDefinition,
    containers: Vec<ContainerDefinition>,
    carried: Vec<Tag>,
    previous: &str,
) -> Result<String> {
    // what we noted of the old image does not hold for the new one
    let ours = |key: &str| key == tags::MANAGED_BY || key == PREVIOUS || key == STEADY || key.starts_with(DONE);
    let mut all: Vec<Tag> = carried.into_iter().filter(|tag| tag.key().is_some_and(|key| !ours(key) && !key.starts_with("aws:"))).collect();
    all.push(Tag::builder().key(tags::MANAGED_BY).value(tags::US).build());
    all.push(Tag::builder().key(PREVIOUS).value(previous).build());
    copied(aws, old, containers, all).await
}

/// Registers what `old` is with other containers and tags; returns its ARN.
pub(super) async fn copied(aws: &Aws, old: TaskDefinition, containers: Vec<ContainerDefinition>, tags: Vec<Tag>) -> Result<String> {
    let made = aws
        .ecs()
        .register_task_definition()
        .set_family(old.family)
        .set_container_definitions(Some(containers))
        .set_task_role_arn(old.task_role_arn)
        .set_execution_role_arn(old.execution_role_arn)
        .set_network_mode(old.network_mode)
        .set_volumes(old.volumes.filter(|volumes| !volumes.is_empty()))
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
        .set_tags(Some(tags))
        .send()
        .await
        .map_err(|e| fault("ecs:RegisterTaskDefinition", e))?;
    made.task_definition
        .and_then(|made| made.task_definition_arn)
        .ok_or_else(|| Error::bug("ECS registered a task definition and did not name it"))
}

fn from(found: &TaskDefinition, carried: &[Tag]) -> Revision {
    let arm = found.runtime_platform().and_then(|platform| platform.cpu_architecture()).is_some_and(|cpu| cpu.as_str() == "ARM64");
    let containers: Vec<Container> = found.container_definitions().iter().map(container).collect();
    let essential: Vec<&Container> = containers.iter().filter(|c| c.essential).collect();
    let main = if let [one] = essential.as_slice() { Some(one.name.clone()) } else { None };
    Revision {
        arn: found.task_definition_arn().unwrap_or_default().to_owned(),
        family: found.family().unwrap_or_default().to_owned(),
        platform: if arm { "linux/arm64" } else { "linux/amd64" },
        main,
        containers,
        tags: carried.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect(),
    }
}

fn container(one: &ContainerDefinition) -> Container {
    let options = one.log_configuration().filter(|log| *log.log_driver() == LogDriver::Awslogs).and_then(|log| log.options());
    let log = options.and_then(|all| Some((all.get("awslogs-group")?.clone(), all.get("awslogs-stream-prefix")?.clone())));
    Container {
        name: one.name().unwrap_or_default().to_owned(),
        image: one.image().unwrap_or_default().to_owned(),
        essential: one.essential() != Some(false),
        log,
    }
}

/// What follows the last slash of an ARN: `app:7`.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, image: &str, essential: bool) -> ContainerDefinition {
        ContainerDefinition::builder().name(name).image(image).essential(essential).build()
    }

    #[test]
    fn the_image_goes_to_the_container_that_runs_the_app() {
        let side = TaskDefinition::builder()
            .container_definitions(one("log", "fluent:1", false))
            .container_definitions(one("app", "r/app:1", true))
            .build();
        let images = |containers: Vec<ContainerDefinition>| containers.into_iter().filter_map(|c| c.image).collect::<Vec<_>>();
        assert_eq!(with_image(&side, "r/app:2").unwrap().map(images), Some(vec!["fluent:1".into(), "r/app:2".into()]));
        assert!(with_image(&side, "r/app:1").unwrap().is_none());
        assert_eq!(from(&side, &[]).image(), Some("r/app:1"));
        let two =
            TaskDefinition::builder().container_definitions(one("a", "x/a:1", true)).container_definitions(one("b", "y/b:1", true)).build();
        assert_eq!(with_image(&two, "z/c:1").map(drop).unwrap_err().kind, Kind::Conflict);
        assert_eq!(from(&two, &[]).main, None);
        assert_eq!(repository("host:5000/app"), "host:5000/app");
        assert_eq!(repository("host:5000/app:1@sha256:ab"), "host:5000/app");
    }
}
