//! `service status`: what runs, what stopped and why, what was deployed, what the load balancer and the health path say.
//! Reads only.

use serde::Serialize;
use serde_json::json;

use super::workload::Newest;
use super::{out, out_json};
use crate::cli::{RunArgs, ServiceStatusArgs};
use crate::cloud::tasks::TaskState;
use crate::cloud::{Access, Aws, deployments, revisions, services, targets};
use crate::error::Result;

/// Deployments of the past that are shown.
const PAST: usize = 5;

/// What was seen at a health path, or why nothing was.
#[derive(Debug, Serialize)]
pub struct Health {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<targets::Look>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Health {
    pub fn words(&self) -> String {
        match (&self.answer, &self.error) {
            (Some(look), _) => {
                let body = look.body.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
                format!("health: {} says {} {} {body}", self.url, look.status, look.content_type)
            }
            (None, error) => format!("health: {}", error.as_deref().unwrap_or("not looked at")),
        }
    }
}

/// Asks the health path of each group, or the one URL that was named. What cannot be asked is told, and is no failure.
pub async fn healths(aws: &Aws, groups: &[String], named: Option<&str>) -> Vec<Health> {
    if let Some(url) = named {
        return vec![look(url.to_owned(), None).await];
    }
    let found = match targets::describe(aws, groups).await {
        Ok(found) => found,
        Err(error) => return vec![Health { url: String::new(), answer: None, error: Some(error.line()) }],
    };
    let mut all = Vec::new();
    for group in &found {
        if let (Some(address), Some(path)) = (&group.address, &group.health_path) {
            all.push(look(address.url(path), Some(address)).await);
        }
    }
    all
}

async fn look(url: String, through: Option<&targets::Address>) -> Health {
    match targets::look(&url, through).await {
        Ok(answer) => Health { url, answer: Some(answer), error: None },
        Err(error) => Health { url, answer: None, error: Some(error.line()) },
    }
}

/// What follows the last slash of an ARN: `app:7`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

pub async fn run(args: &RunArgs, what: &ServiceStatusArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let named = newest.service(&what.name)?;
    let aws = newest.aws(args, Access::ReadOnly).await?;
    let (cluster, service) = (named.cluster.as_str(), named.service.as_str());
    let found = services::present(&aws, cluster, service).await?;
    let revision = revisions::read(&aws, &found.task_definition).await?;
    let running = services::tasks_of(&aws, cluster, service, false).await?;
    let stopped = services::tasks_of(&aws, cluster, service, true).await?;
    let past = deployments::history(&aws, cluster, service).await?;
    // a role that may not look at load balancers still sees the rest
    let groups = targets::describe(&aws, &found.target_groups).await;
    let health = healths(&aws, &found.target_groups, what.health_url.as_deref()).await;
    let is_steady = found.deployments == 1 && found.running == found.desired && found.pending == 0;
    if args.json {
        let groups = groups.map_err(|error| error.line());
        let value = json!({ "service": found, "steady": is_steady, "revision": revision, "tasks": running, "stopped": stopped, "deployments": past,
            "target_groups": groups.as_ref().ok(), "target_groups_error": groups.as_ref().err(), "health": health });
        return out_json(&value).map(|()| 0);
    }
    out(format!("{service} in {cluster}: {} of {} tasks run, {} pending", found.running, found.desired, found.pending));
    out(format!("  revision {}  image {}", revision.short(), revision.image().unwrap_or("of several containers")));
    for one in &found.rollouts {
        let state = one.state.as_deref().unwrap_or("no state");
        let reason = one.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let failed = if one.failed > 0 { format!(", {} failed", one.failed) } else { String::new() };
        out(format!(
            "  deployment {} {} {state}, {} of {}{failed}{reason}",
            one.status,
            short(&one.task_definition),
            one.running,
            one.desired
        ));
    }
    for task in &running {
        out(format!("  task {} {} {} {}", task.id(), task.status, task.health, digest(task)));
    }
    for task in &stopped {
        out(format!("  stopped {} {}: {}", task.id(), at(task.stopped_s), task.why()));
    }
    match &groups {
        Ok(groups) => {
            for target in groups.iter().flat_map(|group| &group.targets) {
                let reason = target.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                out(format!("  target {} {}{reason}", target.id, target.state));
            }
        }
        Err(error) => out(format!("  targets are not known: {}", error.line())),
    }
    for event in &found.events {
        out(format!("  event {event}"));
    }
    for one in past.iter().take(PAST) {
        let reason = one.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        out(format!("  deployed {} {} {}{reason}", at(one.created_s), short(&one.task_definition), one.status));
    }
    for one in &health {
        out(format!("  {}", one.words()));
    }
    out(if is_steady {
        "It is steady. Next: migrate-wizard service deploy --tag TAG"
    } else {
        "It is not steady. Next: look again, or migrate-wizard service rollback"
    });
    Ok(0)
}

fn digest(task: &TaskState) -> String {
    let all = task.containers.iter().filter_map(|c| Some(format!("{} {}", c.name, c.digest.as_deref()?)));
    all.collect::<Vec<_>>().join(", ")
}

fn at(seconds: Option<i64>) -> String {
    seconds.and_then(|s| jiff::Timestamp::from_second(s).ok()).map(|at| at.to_string()).unwrap_or_default()
}
