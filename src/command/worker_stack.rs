//! Where tasks of our own program run: as named by flags, as the worker's stack says, or that stack made first, with its image.
//! Never changes a stack that is there, but for its image when another one is named.

use std::collections::{BTreeMap, BTreeSet};

use super::engines;
use crate::cli::{PlaceArgs, RunArgs};
use crate::cloud::Aws;
use crate::cloud::ground::Ground;
use crate::cloud::stacks::{self, SystemStack};
use crate::cloud::tasks::Place;
use crate::effects;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// The output that says where tasks run.
const PLACE: &str = "Place";
/// The step of the playbooks whose stack it is.
const STEP: &str = "worker_stack";
/// The step whose stack holds the repository of its image.
const REGISTRY: &str = "worker_repository";

/// The worker's stack of the answers that are given, and the repository its image comes from.
struct Planned {
    registry: SystemStack,
    worker: SystemStack,
}

/// Where, and the first part of the names of temporary secrets; `None` in a dry run in which the stack is not there.
pub async fn ground(args: &RunArgs, aws: &Aws, place: &PlaceArgs, reporter: &Reporter) -> Result<Option<(Ground, String)>> {
    if let Some(cluster) = &place.cluster {
        let list = |text: &Option<String>| text.iter().flat_map(|text| text.split(',')).map(|one| one.trim().to_owned()).collect();
        let ground = Ground {
            cluster: cluster.clone(),
            task_definition: place.task_definition.clone().unwrap_or_default(),
            container: place.container.clone(),
            logs: place.log_group.clone().unwrap_or_default(),
            place: Place {
                subnets: list(&place.subnets),
                security_groups: list(&place.security_groups),
                public_ip: place.public_ip,
                launch_type: Some("FARGATE".to_owned()),
                ..Place::default()
            },
        };
        return Ok(Some((ground, place.secret_prefix.clone())));
    }
    let planned = planned(args)?;
    let name = match (&place.worker_stack, &planned) {
        (Some(name), _) => name.clone(),
        (None, Some(planned)) => planned.worker.spec.name.clone(),
        (None, None) => {
            return Err(Error::new(Kind::Usage, "it is not said where the tasks run").hint(
                "name the answers (--profile or --answers), the worker's stack (--worker-stack), or --cluster and what goes with it",
            ));
        }
    };
    let found = stacks::status(aws, &name).await?;
    let there = found.as_ref().filter(|found| found.succeeded() && found.outputs.contains_key(PLACE));
    let same = |image: &String| there.is_some_and(|found| found.parameters.get("ImageUri") == Some(image));
    let outputs = match there {
        Some(found) if place.worker_image.as_ref().is_none_or(same) => found.outputs.clone(),
        Some(_) | None => {
            let Some(planned) = planned.filter(|planned| planned.worker.spec.name == name) else {
                return Err(Error::new(Kind::Conflict, format!("there is no stack {name} that says where tasks run"))
                    .hint("name its answers with --profile or --answers, so that it can be made"));
            };
            if args.dry_run {
                reporter.log(format!("would make the stack {name} (layer {}) and its image; nothing was made", planned.worker.layer));
                return Ok(None);
            }
            make(aws, &planned, place, reporter).await?
        }
    };
    let text = outputs.get(PLACE).map(String::as_str).unwrap_or_default();
    let prefix = outputs.get("SecretPrefix").cloned().unwrap_or_else(|| place.secret_prefix.clone());
    Ok(Some((text.parse()?, prefix)))
}

/// `None` when no answers are named, or the system of the answers has no such tasks.
fn planned(args: &RunArgs) -> Result<Option<Planned>> {
    if args.profile.is_none() && args.answers.is_none() {
        return Ok(None);
    }
    let system = engines::system(&engines::blueprint(args, "worker")?)?;
    let of = |step: &str| system.stacks.iter().find(|stack| stack.step == step).cloned();
    Ok(of(REGISTRY).zip(of(STEP)).map(|(registry, worker)| Planned { registry, worker }))
}

async fn make(aws: &Aws, planned: &Planned, place: &PlaceArgs, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    let Planned { registry, worker } = planned;
    let mut outputs = BTreeMap::from([(registry.spec.name.clone(), repository(aws, registry, reporter).await?)]);
    let image = match &place.worker_image {
        Some(image) => image.clone(),
        None => {
            let arm = worker.spec.parameters.get("CpuArchitecture").is_some_and(|architecture| architecture == "ARM64");
            let name = outputs[&registry.spec.name].get("RepositoryName").map(String::as_str).unwrap_or_default();
            effects::worker_image(aws, name, arm, reporter).await?
        }
    };
    // What is given by the image and by no stack.
    let own: BTreeSet<&str> = ["ImageUri", "Secret1", "SecretArns", "WritableSecretArns"].into();
    let mut wanted = worker.clone();
    wanted.spec.parameters.retain(|name, _| !own.contains(name.as_str()));
    for needed in wanted.needs() {
        if outputs.contains_key(needed) {
            continue;
        }
        let found = stacks::status(aws, needed).await?.filter(|found| found.succeeded()).ok_or_else(|| {
            Error::new(Kind::Conflict, format!("the worker's stack stands on the stack {needed}, which is not there"))
                .hint("run the provision phase first: migrate-wizard with the same answers")
        })?;
        outputs.insert(needed.to_owned(), found.outputs);
    }
    let mut spec = wanted.resolved(&outputs)?;
    spec.parameters.insert("ImageUri".to_owned(), image.clone());
    reporter.log(format!("making the stack {} with the image {image}", spec.name));
    stacks::deploy(aws, &spec, &format!("worker-{image}"), reporter).await
}

/// What the repository's stack gives; it is made when it is not there.
async fn repository(aws: &Aws, registry: &SystemStack, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    if let Some(found) = stacks::status(aws, &registry.spec.name).await?.filter(|found| found.succeeded()) {
        return Ok(found.outputs);
    }
    reporter.log(format!("making the stack {}", registry.spec.name));
    stacks::deploy(aws, &registry.spec, &format!("worker-{}", registry.spec.name), reporter).await
}
