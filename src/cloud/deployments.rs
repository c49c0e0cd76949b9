//! What was deployed to a service before, and which of it is good to go back to.
//! Never changes anything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fault::{code, fault};
use super::revisions;
use super::services;
use super::session::Aws;
use crate::error::{Error, Kind, Result};

/// Service revisions of one question (ECS API reference of DescribeServiceRevisions, 2026-11).
const DESCRIBED: usize = 20;

/// One deployment of a service. ECS keeps those of the last 90 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment {
    pub task_definition: String,
    /// `SUCCESSFUL`, `IN_PROGRESS`, `STOPPED`, `ROLLBACK_SUCCESSFUL`, …
    pub status: String,
    pub reason: Option<String>,
    /// Seconds since 1970.
    pub created_s: Option<i64>,
}

/// What a service can go back to, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Good {
    pub task_definition: String,
    pub because: String,
}

/// The deployments of a service, newest first; none where ECS keeps no history.
pub async fn history(aws: &Aws, cluster: &str, service: &str) -> Result<Vec<Deployment>> {
    let listed = aws.ecs().list_service_deployments().cluster(cluster).service(service).send().await;
    let listed = match listed {
        Ok(listed) => listed.service_deployments.unwrap_or_default(),
        // a service with another deployment controller, or an endpoint without it
        Err(error) if matches!(code(&error), "UnsupportedFeatureException" | "InvalidParameterException" | "UnknownOperationException") => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(fault("ecs:ListServiceDeployments", error)),
    };
    let mut arns: Vec<String> = listed.iter().filter_map(|one| one.target_service_revision_arn().map(str::to_owned)).collect();
    arns.sort();
    arns.dedup();
    let mut definitions = BTreeMap::new();
    for some in arns.chunks(DESCRIBED) {
        let answer = aws.ecs().describe_service_revisions().set_service_revision_arns(Some(some.to_vec())).send().await;
        let answer = answer.map_err(|e| fault("ecs:DescribeServiceRevisions", e))?;
        for one in answer.service_revisions() {
            if let (Some(arn), Some(definition)) = (one.service_revision_arn(), one.task_definition()) {
                definitions.insert(arn.to_owned(), definition.to_owned());
            }
        }
    }
    let mut all: Vec<Deployment> = listed
        .iter()
        .filter_map(|one| {
            Some(Deployment {
                task_definition: definitions.get(one.target_service_revision_arn()?)?.clone(),
                status: one.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
                reason: one.status_reason().map(str::to_owned),
                created_s: one.created_at().map(|at| at.secs()),
            })
        })
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.created_s));
    Ok(all)
}

/// What to go back to: the revision of the last deployment that reached its steady state, other than the one of now;
/// where ECS keeps no history, the newest that we saw steady.
///
/// # Errors
/// `Conflict` if there is no service, or nothing is known to have been good.
pub async fn last_good(aws: &Aws, cluster: &str, service: &str) -> Result<Good> {
    let now = services::present(aws, cluster, service).await?;
    let past = history(aws, cluster, service).await?;
    if let Some(good) = choose(&past, &now.task_definition) {
        return Ok(good);
    }
    let running = revisions::read(aws, &now.task_definition).await?;
    if let Some(steady) = revisions::last_steady(aws, &running.family, &running.arn).await? {
        let because = "a deployment of ours was steady with it".to_owned();
        return Ok(Good { task_definition: steady, because });
    }
    let seen = past.iter().map(|one| format!("{} {}", revisions::short(&one.task_definition), one.status)).collect::<Vec<_>>();
    let error = Error::new(Kind::Conflict, format!("no revision before {} is known to have run steadily", running.short()));
    let error = seen.into_iter().fold(error, Error::cause);
    Err(error.hint("name the one you mean with --to, for example --to app:3 (`migrate-wizard service status` lists what was deployed)"))
}

fn choose(past: &[Deployment], current: &str) -> Option<Good> {
    let good = past.iter().find(|one| one.status == "SUCCESSFUL" && one.task_definition != current)?;
    let at = good.created_s.and_then(|at| jiff::Timestamp::from_second(at).ok()).map(|at| format!(" of {at}")).unwrap_or_default();
    Some(Good { task_definition: good.task_definition.clone(), because: format!("its deployment{at} was successful") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(revision: &str, status: &str) -> Deployment {
        Deployment { task_definition: revision.into(), status: status.into(), reason: None, created_s: None }
    }

    #[test]
    fn the_last_good_one_is_not_the_previous_number() {
        let past = [one("app:9", "IN_PROGRESS"), one("app:8", "ROLLBACK_SUCCESSFUL"), one("app:7", "STOPPED"), one("app:5", "SUCCESSFUL")];
        assert_eq!(choose(&past, "app:9").unwrap().task_definition, "app:5");
        assert_eq!(choose(&past, "app:5"), None);
        assert_eq!(choose(&[], "app:5"), None);
    }
}
