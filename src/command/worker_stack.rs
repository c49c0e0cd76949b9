//! Where tasks of our own program run: as named by flags, as the worker's stack says, or that stack made first, with its image.
//! Never changes a stack that is there, but for its image when another one is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::engines;
use crate::cli::{PlaceArgs, RunArgs};
use crate::cloud::ground::Ground;
use crate::cloud::stacks::{self, StackSpec, SystemStack};
use crate::cloud::tasks::Place;
use crate::cloud::{Aws, image, registry};
use crate::error::{Context, Error, Kind, Result};
use crate::library;
use crate::progress::Reporter;

/// The output that says where tasks run.
const PLACE: &str = "Place";
/// The step of the playbooks whose stack it is.
const STEP: &str = "worker_stack";
/// The binary that goes into the image, when it is not the one that runs.
const BINARY: &str = "MIGRATE_WIZARD_WORKER_BINARY";

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
        (None, Some(stack)) => stack.spec.name.clone(),
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
            let Some(stack) = planned.filter(|stack| stack.spec.name == name) else {
                return Err(Error::new(Kind::Conflict, format!("there is no stack {name} that says where tasks run"))
                    .hint("name its answers with --profile or --answers, so that it can be made"));
            };
            if args.dry_run {
                reporter.log(format!("would make the stack {name} (layer {}) and its image; nothing was made", stack.layer));
                return Ok(None);
            }
            make(aws, &stack, place, reporter).await?
        }
    };
    let text = outputs.get(PLACE).map(String::as_str).unwrap_or_default();
    let prefix = outputs.get("SecretPrefix").cloned().unwrap_or_else(|| place.secret_prefix.clone());
    Ok(Some((text.parse()?, prefix)))
}

/// The worker's stack of the answers that are given; `None` when none are.
fn planned(args: &RunArgs) -> Result<Option<SystemStack>> {
    if args.profile.is_none() && args.answers.is_none() {
        return Ok(None);
    }
    let system = engines::system(&engines::blueprint(args, "worker")?)?;
    Ok(system.stacks.into_iter().find(|stack| stack.step == STEP))
}

async fn make(aws: &Aws, stack: &SystemStack, place: &PlaceArgs, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    let image = match &place.worker_image {
        Some(image) => image.clone(),
        None => pushed(aws, &stack.spec, reporter).await?,
    };
    let mut outputs = BTreeMap::new();
    // What is given by the image and by no stack.
    let own: BTreeSet<&str> = ["ImageUri", "RepositoryArn", "Secret1", "SecretArns", "WritableSecretArns"].into();
    let mut wanted = stack.clone();
    wanted.spec.parameters.retain(|name, _| !own.contains(name.as_str()));
    for needed in wanted.needs() {
        let found = stacks::status(aws, needed).await?.filter(|found| found.succeeded()).ok_or_else(|| {
            Error::new(Kind::Conflict, format!("the worker's stack stands on the stack {needed}, which is not there"))
                .hint("run the provision phase first: migrate-wizard with the same answers")
        })?;
        outputs.insert(needed.to_owned(), found.outputs);
    }
    let mut spec = wanted.resolved(&outputs)?;
    spec.parameters.insert("ImageUri".to_owned(), image.clone());
    if let Some(found) = registry::describe(aws, &repository(&stack.spec)).await? {
        spec.parameters.insert("RepositoryArn".to_owned(), found.arn);
    }
    reporter.log(format!("making the stack {} with the image {image}", spec.name));
    stacks::deploy(aws, &spec, &format!("worker-{image}"), reporter).await
}

/// `shop-staging/migrate-worker`.
fn repository(spec: &StackSpec) -> String {
    let part = |name: &str| spec.parameters.get(name).map(String::as_str).unwrap_or_default();
    format!("{}-{}/migrate-worker", part("AppName"), part("Environment"))
}

/// Builds the image of this program and pushes it; the image's URI. One of this version that is there already is taken.
async fn pushed(aws: &Aws, spec: &StackSpec, reporter: &Reporter) -> Result<String> {
    let arm = spec.parameters.get("CpuArchitecture").is_some_and(|architecture| architecture == "ARM64");
    let binary = match std::env::var_os(BINARY) {
        Some(path) => path.into(),
        None => std::env::current_exe().or_fail(Kind::Failed, "cannot find this program's own file", format!("name it with {BINARY}"))?,
    };
    let bytes = std::fs::read(&binary).or_fail(Kind::Input, format!("cannot read {}", binary.display()), format!("check {BINARY}"))?;
    check_machine(&bytes, arm, &binary)?;
    let repository = registry::ensure_repository(aws, &repository(spec), &spec.tags).await?;
    let tag = format!("{}-{}", env!("CARGO_PKG_VERSION"), digest(&bytes));
    let uri = format!("{}:{tag}", repository.uri);
    if registry::image_digest(aws, &repository.name, &tag).await?.is_some() {
        return Ok(uri);
    }
    let login = registry::login(aws).await?;
    let Some(tool) = image::find_tool().await else {
        return Err(Error::new(Kind::Conflict, "neither docker, podman nor buildah is at hand to build the worker's image").hint(format!(
            "install one of them, or build it elsewhere ({}) and name it with --worker-image",
            "assets/files/worker.Dockerfile"
        )));
    };
    let folder = std::env::temp_dir().join(format!("migrate-wizard-worker-{}", uuid::Uuid::new_v4().simple()));
    let built = build(&tool, &folder, &bytes, &tag, arm, reporter).await;
    let _left_for_the_system = std::fs::remove_dir_all(&folder);
    let local = built?;
    image::push(&tool, &local, &login.reference(&repository.name, &tag), &login, login.plain_http, reporter).await?;
    Ok(uri)
}

async fn build(tool: &image::Tool, folder: &Path, bytes: &[u8], tag: &str, arm: bool, reporter: &Reporter) -> Result<String> {
    let (what, hint) = ("cannot lay out the worker's image", "check that the temporary folder (TMPDIR) can be written to");
    std::fs::create_dir_all(folder).or_fail(Kind::Failed, what, hint)?;
    std::fs::write(folder.join("migrate-wizard"), bytes).or_fail(Kind::Failed, what, hint)?;
    std::fs::write(folder.join("Dockerfile"), library::WORKER_DOCKERFILE).or_fail(Kind::Failed, what, hint)?;
    let work = image::Build {
        context: folder.to_owned(),
        dockerfile: folder.join("Dockerfile"),
        tag: format!("migrate-wizard-worker:{tag}"),
        platform: Some(if arm { "linux/arm64" } else { "linux/amd64" }.to_owned()),
        build_args: Vec::new(),
    };
    image::build(tool, &work, reporter).await?;
    Ok(work.tag)
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A program for Linux and the processor of the task: ELF, and its machine (62 is x86-64, 183 is AArch64; ELF specification, `e_machine`).
fn check_machine(bytes: &[u8], arm: bool, path: &Path) -> Result<()> {
    let machine = match bytes {
        [0x7f, b'E', b'L', b'F', rest @ ..] => rest.get(14..16).map(|two| u16::from(two[0]) | u16::from(two[1]) << 8),
        _ => None,
    };
    if machine == Some(if arm { 183 } else { 62 }) {
        return Ok(());
    }
    let wanted = if arm { "Linux on ARM64" } else { "Linux on x86-64" };
    Err(Error::new(Kind::Input, format!("{} is not a program for {wanted}, which the task runs", path.display()))
        .hint(format!("download or build one and name it with {BINARY}, or name an image with --worker-image")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_for_the_tasks_processor_goes_into_the_image() {
        let mut elf = vec![0x7f, b'E', b'L', b'F'];
        elf.resize(18, 0);
        elf.extend([62, 0, 0]);
        let path = Path::new("mw");
        assert!(check_machine(&elf, false, path).is_ok());
        assert!(check_machine(&elf, true, path).unwrap_err().what.contains("not a program for Linux on ARM64"));
        assert!(check_machine(b"\xcf\xfa\xed\xfe", false, path).is_err());
        assert!(check_machine(b"\x7fELF", false, path).is_err());
    }
}
