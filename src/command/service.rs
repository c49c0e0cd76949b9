//! `service deploy` and `service rollback`: the calls of `cloud::services` in their order, told in words or as JSON.
//! No domain knowledge here: arguments in, words or JSON out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::data::{interrupted, unless_interrupted};
use super::out;
use super::service_status::{healths, short};
use super::telling::{out_event, reporter};
use super::workload::{Named, Newest};
use crate::app;
use crate::cli::{RunArgs, ServiceDeployArgs, ServiceRollbackArgs};
use crate::cloud::once::{self, Known, Once};
use crate::cloud::{Access, Aws, deployments, registry, revisions, services, tags};
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, aside};

pub async fn deploy(args: &RunArgs, what: &ServiceDeployArgs) -> Result<u8> {
    if what.image.is_none() && what.tag.is_none() && what.desired.is_none() {
        return Err(Error::new(Kind::Usage, "nothing to deploy was named")
            .hint("name an image with --image or --tag, a number of tasks with --desired, or both"));
    }
    let newest = Newest::read(args)?;
    let named = newest.service(&what.name)?;
    let aws = newest.aws(args, Access::ReadWrite).await?;
    let found = services::present(&aws, &named.cluster, &named.service).await?;
    let running = revisions::read(&aws, &found.task_definition).await?;
    let image = match wanted(what, running.image())? {
        Some(image) => Some(pinned(&aws, &image).await?),
        None => None,
    };
    let migrate = migrations(args, what, image.is_some(), newest.has("database", "dsql"))?;
    if args.dry_run {
        return would_deploy(args, &aws, &named, &found, image.as_deref(), what.desired, migrate.as_deref()).await;
    }
    let teller = reporter(args);
    let work = async {
        let ran = match (&image, &migrate) {
            (_, None) => None,
            (image, Some(command)) => Some(migrated(&aws, &newest, &named, image.as_deref(), command, &teller).await?),
        };
        let deployed = services::deploy_or_back(&aws, &named.cluster, &named.service, image.as_deref(), what.desired, &teller).await?;
        Ok((ran, deployed))
    };
    let done = unless_interrupted(work).await;
    drop(teller);
    let Some((ran, deployed)) = done? else { return interrupted() };
    let health = healths(&aws, &found.target_groups, what.health_url.as_deref()).await;
    if args.json {
        let value = json!({ "service": named.service, "previous": deployed.previous, "current": deployed.current, "image": image, "migrations": ran, "health": health });
        out_event("report", &value)?;
        return Ok(0);
    }
    for line in &health {
        out(line.words());
    }
    out(format!("{}: {} runs, {} before", named.service, short(&deployed.current), short(&deployed.previous)));
    out("Next: migrate-wizard service status; back again: migrate-wizard service rollback");
    Ok(0)
}

/// The image that was asked for, as a name; `None` keeps the one there is.
fn wanted(what: &ServiceDeployArgs, running: Option<&str>) -> Result<Option<String>> {
    match (&what.image, &what.tag) {
        (Some(image), _) => Ok(Some(image.clone())),
        (None, None) => Ok(None),
        (None, Some(tag)) => {
            let image = running.ok_or_else(|| {
                Error::new(
                    Kind::Conflict,
                    "cannot tell which container of the service runs the app, and so not which repository has the tag",
                )
                .hint("name the whole image with --image REPOSITORY:TAG")
            })?;
            Ok(Some(format!("{}:{tag}", revisions::repository(image))))
        }
    }
}

/// The image by its digest, where ECR knows it: a tag can be moved, and what runs must not change with it.
async fn pinned(aws: &Aws, image: &str) -> Result<String> {
    let repository = revisions::repository(image);
    let (host, name) = repository.split_once('/').unwrap_or(("", repository));
    if image.contains('@') || !host.contains(".dkr.ecr") {
        return Ok(image.to_owned());
    }
    let tag = image.strip_prefix(repository).and_then(|rest| rest.strip_prefix(':')).unwrap_or("latest");
    let digest = registry::image_digest(aws, name, tag).await?.ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the repository {name} has no image {tag}")).hint("push it first: migrate-wizard image push")
    })?;
    Ok(format!("{repository}@{digest}"))
}

/// The command that runs the migrations, as a line; by default only with another image.
fn migrations(args: &RunArgs, what: &ServiceDeployArgs, another: bool, dsql: bool) -> Result<Option<String>> {
    if what.no_migrate || (what.migrate.is_none() && !another) {
        return Ok(None);
    }
    if let Some(line) = &what.migrate {
        return Ok(Some(line.clone()));
    }
    let found = app::scan(&args.dir, &Reporter::silent())?.migrations;
    if let (true, Some(found)) = (dsql, &found) {
        aside(format_args!(
            "not run: {} ({}) sends several DDL statements in one transaction, which Aurora DSQL refuses; --migrate COMMAND runs another",
            found.command, found.from
        ));
        return Ok(None);
    }
    Ok(found.map(|found| found.command))
}

fn once(named: &Named, task_definition: String, line: &str, run: Option<&String>) -> Once {
    Once {
        cluster: named.cluster.clone(),
        service: named.service.clone(),
        task_definition,
        command: app::command::words(line),
        tags: run.map(|run| (tags::RUN.to_owned(), run.clone())).into_iter().collect::<BTreeMap<_, _>>(),
    }
}

async fn migrated(aws: &Aws, newest: &Newest, named: &Named, image: Option<&str>, line: &str, teller: &Reporter) -> Result<once::Ran> {
    let revision = match image {
        Some(image) => services::prepare(aws, &named.cluster, &named.service, image).await?,
        None => services::present(aws, &named.cluster, &named.service).await?.task_definition,
    };
    teller.log(format!("migrations first: {line}"));
    once::run(aws, &once(named, revision, line, newest.run.as_ref()), teller).await
}

async fn would_deploy(
    args: &RunArgs,
    aws: &Aws,
    named: &Named,
    found: &services::ServiceStatus,
    image: Option<&str>,
    desired: Option<i32>,
    migrate: Option<&str>,
) -> Result<u8> {
    let mut lines = match image {
        Some(image) => revisions::difference(aws, &found.task_definition, image).await?,
        None => Vec::new(),
    };
    if let Some(desired) = desired.filter(|desired| *desired != found.desired) {
        lines.extend([format!("- tasks {}", found.desired), format!("+ tasks {desired}")]);
    }
    let mut before = None;
    if let Some(line) = migrate {
        // without another image the revision is there, and so is what is known of it
        let known = if lines.is_empty() {
            let once = once(named, found.task_definition.clone(), line, None);
            matches!(once::known(aws, &once).await?.0, Known::Done(_))
        } else {
            false
        };
        before = Some(if known { format!("{line} (done before with this image)") } else { line.to_owned() });
    }
    if args.json {
        let value =
            json!({ "service": named.service, "task_definition": found.task_definition, "difference": lines, "migrations": before });
        return super::out_json(&value).map(|()| 0);
    }
    out(format!("{} runs {}", named.service, short(&found.task_definition)));
    if lines.is_empty() {
        out("  nothing would change");
    }
    for line in &lines {
        out(format!("  {line}"));
    }
    if let Some(line) = before {
        out(format!("  before it, as a one-off task: {line}"));
    }
    out("Nothing was touched. Next: the same command without --dry-run");
    Ok(0)
}

pub async fn rollback(args: &RunArgs, what: &ServiceRollbackArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let named = newest.service(&what.name)?;
    let aws = newest.aws(args, Access::ReadWrite).await?;
    let found = services::present(&aws, &named.cluster, &named.service).await?;
    let running = revisions::read(&aws, &found.task_definition).await?;
    let good = match &what.to {
        Some(to) => {
            let name = if to.bytes().all(|b| b.is_ascii_digit()) { format!("{}:{to}", running.family) } else { to.clone() };
            let revision = revisions::read(&aws, &name).await?;
            if revision.family != running.family {
                return Err(Error::new(Kind::Usage, format!("{} is no revision of {}", revision.short(), running.family))
                    .hint("`migrate-wizard service status` lists what was deployed"));
            }
            deployments::Good { task_definition: revision.arn, because: "you named it".to_owned() }
        }
        None => deployments::last_good(&aws, &named.cluster, &named.service).await?,
    };
    let target = revisions::read(&aws, &good.task_definition).await?;
    let image = target.image().unwrap_or("several containers").to_owned();
    if args.dry_run {
        if args.json {
            return super::out_json(&json!({ "from": found.task_definition, "to": good, "image": image })).map(|()| 0);
        }
        out(format!("{}: {} → {} ({})", named.service, running.short(), target.short(), good.because));
        out(format!("  image {image}\nNothing was touched. Next: the same command without --dry-run"));
        return Ok(0);
    }
    let teller = reporter(args);
    teller.log(format!("back to {}: {}", target.short(), good.because));
    let done = unless_interrupted(services::rollback(&aws, &named.cluster, &named.service, &good.task_definition, &teller)).await;
    drop(teller);
    if done?.is_none() {
        return interrupted();
    }
    if args.json {
        let value: Value = json!({ "from": found.task_definition, "to": good, "image": image });
        out_event("report", &value)?;
    } else {
        out(format!("{}: {} runs ({}), image {image}", named.service, target.short(), good.because));
        out("Migrations are not taken back. Next: migrate-wizard service status");
    }
    Ok(0)
}
