//! `data copy --on ecs` and `inside`: the same commands as tasks inside the VPC, followed from here.
//! Never passes a database's password but by a temporary secret, and leaves neither task nor secret behind.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cleanup::{self, Cleanup};
use super::telling::reporter;
use super::{connections, data, out, worker_stack};
use crate::cli::{CopyArgs, CopyOnArgs, DataArgs, InsideArgs, KindArg, LimitsArg, OnArg, PlaceArgs, RunArgs};
use crate::cloud::crew::{self, Done, Words, Work};
use crate::cloud::ground::Ground;
use crate::cloud::{self, Aws, Secret, revision, secrets};
use crate::data::CopyReport;
use crate::error::{Error, Kind, Result};
use crate::faces::json::APART;
use crate::postgres::{Connector, HostKind};
use crate::progress::{Reporter, aside};
use crate::text;

/// Between two lines of a task's progress, in milliseconds: what is written to a log costs by the byte.
const EVERY_MS: &str = "2000";
/// Times that the first task is started again when it dies.
const RESTARTS: u32 = 3;

pub async fn copy(args: &RunArgs, what: &CopyOnArgs) -> Result<u8> {
    if what.on == OnArg::Here {
        return data::copy(args, &what.copy).await;
    }
    if what.place.stop {
        return stop(args).await;
    }
    let words = |command: Vec<String>| Words { command, environment: environment() };
    let task = Task {
        data: &what.copy.data,
        place: &what.place,
        lead: words([vec!["data".to_owned(), "copy".to_owned()], copy_words(&what.copy, true)].concat()),
        helper: words([vec!["worker".to_owned()], copy_words(&what.copy, false)].concat()),
        helpers: what.workers - 1,
    };
    let teller = reporter(args);
    let done = task.run(args, &teller).await;
    drop(teller);
    let Some(done) = done? else { return Ok(if args.dry_run { 0 } else { 130 }) };
    let mut report = copied(&done.result)?;
    for helper in &done.helpers {
        report.rows_copied += copied(helper)?.rows_copied;
    }
    let sequences = done.result.pointer("/sequences/set").and_then(Value::as_array).map_or(0, Vec::len);
    let seconds = done.result.get("seconds").and_then(Value::as_f64).unwrap_or(report.seconds);
    let mut value = done.result.clone();
    if let (Some(all), Ok(own)) = (value.as_object_mut(), serde_json::to_value(&report)) {
        all.shift_remove("event");
        all.insert("copy".into(), own);
    }
    let words = format!("{} set, by {}", text::plural(sequences as u64, "sequence"), text::plural(done.helpers.len() as u64 + 1, "task"));
    data::told(args, &report, &value, seconds, &words)
}

/// The report in a task's last event.
fn copied(event: &Value) -> Result<CopyReport> {
    let report = event.get("copy").cloned().unwrap_or_default();
    serde_json::from_value(report).map_err(|e| {
        Error::new(Kind::Conflict, "the task's report is not one that this version knows")
            .because(&e)
            .hint("use an image of this version: --worker-image")
    })
}

/// Any other command, in one task; its last event is printed as it came, and its exit code is ours.
pub async fn run(args: &RunArgs, what: &InsideArgs) -> Result<u8> {
    if what.place.stop {
        return stop(args).await;
    }
    if what.command.is_empty() {
        return Err(Error::new(Kind::Usage, "nothing is said to be run inside").hint("for example: migrate-wizard inside -- data verify"));
    }
    let mut command = what.command.clone();
    if !command.iter().any(|word| word == "--json") {
        command.push("--json".to_owned());
    }
    let lead = Words { command, environment: environment() };
    let task = Task { data: &what.data, place: &what.place, lead, helper: Words::default(), helpers: 0 };
    let teller = reporter(args);
    let done = task.run(args, &teller).await;
    drop(teller);
    let Some(done) = done? else { return Ok(if args.dry_run { 0 } else { 130 }) };
    out(done.result.to_string());
    Ok(u8::try_from(done.code).unwrap_or(1))
}

async fn stop(args: &RunArgs) -> Result<u8> {
    let swept = cleanup::sweep(&args.dir, &session(args).await?).await?;
    out(format!("{} of earlier starts stopped and taken away; what was copied stays", text::plural(swept as u64, "piece of work")));
    Ok(0)
}

fn environment() -> Vec<(String, String)> {
    vec![(APART.to_owned(), EVERY_MS.to_owned())]
}

pub async fn session(args: &RunArgs) -> Result<Aws> {
    let access = if args.dry_run { cloud::Access::ReadOnly } else { cloud::Access::ReadWrite };
    let mut options = cloud::Options::new(access);
    options.profile.clone_from(&args.aws_profile);
    options.region.clone_from(&args.region);
    Aws::connect(options).await
}

/// The flags of a copy, as a task is given them. `lead` also makes what only one may make.
fn copy_words(what: &CopyArgs, lead: bool) -> Vec<String> {
    let mut words = vec!["--json".to_owned(), "--jobs".to_owned(), what.data.jobs.to_string()];
    let mut flag = |name: &str, value: String| words.extend([name.to_owned(), value]);
    what.data.only.iter().for_each(|table| flag("--only", table.clone()));
    what.data.except.iter().for_each(|table| flag("--except", table.clone()));
    if let Some(rows) = what.data.chunk_rows {
        flag("--chunk-rows", rows.to_string());
    }
    match what.limits {
        Some(LimitsArg::Dsql) => flag("--limits", "dsql".to_owned()),
        None => {}
    }
    match what.target_kind {
        Some(KindArg::Postgres) => flag("--target-kind", "postgres".to_owned()),
        Some(KindArg::Dsql) => flag("--target-kind", "dsql".to_owned()),
        None => {}
    }
    if lead {
        flag("--sequence-headroom", what.sequence_headroom.to_string());
    }
    if what.replace {
        words.push("--replace".to_owned());
    }
    if lead && what.with_schema {
        words.push("--with-schema".to_owned());
    }
    words
}

/// A piece of work between two databases.
struct Task<'a> {
    data: &'a DataArgs,
    place: &'a PlaceArgs,
    lead: Words,
    helper: Words,
    helpers: usize,
}

impl Task<'_> {
    /// To its end; `None` when a person ends it, or in a dry run.
    async fn run(&self, args: &RunArgs, reporter: &Reporter) -> Result<Option<Done>> {
        let done = tokio::select! {
            done = self.work(args, reporter) => done?,
            () = ended() => {
                // Leaving the block above stopped the tasks and took the secrets away.
                aside(format_args!("interrupted: tasks stopped, temporary secrets deleted, nothing copied is lost. Next: the same command goes on from here"));
                None
            }
        };
        Ok(done)
    }

    async fn work(&self, args: &RunArgs, reporter: &Reporter) -> Result<Option<Done>> {
        let from = connections::source(args, self.data.source.as_deref(), &self.data.source_env).await?;
        let to = connections::target(args, self.data.target.as_deref(), &self.data.target_env).await?;
        fit(&from, "source")?;
        fit(&to, "target")?;
        let aws = session(args).await?;
        let Some((ground, prefix)) = worker_stack::ground(args, &aws, self.place, reporter).await? else { return Ok(None) };
        let tasks = text::plural(self.helpers as u64 + 1, "task");
        if args.dry_run {
            reporter.log(format!(
                "would run {tasks} of {} in cluster {}: {}",
                ground.family(),
                ground.cluster,
                self.lead.command.join(" ")
            ));
            reporter.log(format!(
                "with {} and {} in two temporary secrets below {prefix}/worker/; nothing was made",
                from.label(),
                to.label()
            ));
            return Ok(None);
        }
        let what = format!("{} → {}: {}", from.label(), to.label(), self.lead.command.join(" "));
        let cleanup = Cleanup::open(&args.dir, &aws, &ground, &what, &prefix)?;
        if cleanup.resumed {
            reporter.log("an earlier start of this command ended before its work: going on with it");
        }
        let tags = BTreeMap::from([(cloud::tags::RUN.to_owned(), cleanup.left.id.clone())]);
        let mut read = Vec::new();
        for ((name, variable), side) in cleanup.left.secrets.iter().zip(["SOURCE_DATABASE_URL", "TARGET_DATABASE_URL"]).zip([&from, &to]) {
            let value = Secret::new(side.secret_url());
            let (arn, _) = secrets::ensure(&aws, name, &value, "temporary: for a copy inside the VPC", &tags, &cleanup.left.id).await?;
            read.push((variable.to_owned(), arn));
        }
        let definition =
            revision::with_secrets(&aws, &ground.task_definition, &cleanup.left.family, &ground.container, &read, &tags).await?;
        let temporary = Ground { task_definition: definition, ..ground };
        let work = Work {
            id: cleanup.left.id.clone(),
            lead: self.lead.clone(),
            helper: self.helper.clone(),
            helpers: self.helpers,
            restarts: RESTARTS,
            tags,
        };
        let done = crew::work(&aws, &temporary, &work, reporter).await?;
        cleanup.clean().await?;
        Ok(Some(done))
    }
}

/// A database that a task can be told by its URL alone.
fn fit(side: &Connector, name: &str) -> Result<()> {
    if side.kind() == HostKind::Dsql {
        return Err(Error::new(Kind::Usage, format!("the {name} is Aurora DSQL, which is reached from everywhere"))
            .hint("leave --on ecs out; to run workers in the same region start `migrate-wizard worker` there"));
    }
    if !side.has_password() {
        return Err(Error::new(Kind::Input, format!("no password is known for the {name} {}", side.label()))
            .hint("put it into the URL or ~/.pgpass: it reaches the task by a temporary secret"));
    }
    match side.root_cert() {
        Some(path) => Err(Error::new(Kind::Input, format!("the {name} is checked with {}, a file of this machine", path.display()))
            .hint("leave sslrootcert out: a task trusts the system's and Amazon's authorities")),
        None => Ok(()),
    }
}

/// Ctrl-C, a request to end, a terminal that is closed.
pub async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
            let _heard = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _heard = tokio::signal::ctrl_c().await;
}
