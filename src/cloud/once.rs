//! A one-off task that is not to run twice: migrations of a database, before the service gets the image that needs them.
//! Never decides what to run, and never starts a second one beside one that runs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::logs::{self, Follower};
use super::revisions::{self, Revision};
use super::session::Aws;
use super::tasks::{self, Override, Run, TaskState};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// What to run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    pub cluster: String,
    /// Whose network, capacity and, without `task_definition`, revision it takes.
    pub service: String,
    /// ARN of the revision with the image; its container that runs the app runs the command.
    pub task_definition: String,
    pub command: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Known {
    /// It ended well: the task, or nothing when ECS has forgotten it and the revision's tag remembers.
    Done(Option<TaskState>),
    Running(TaskState),
    /// So many attempts failed that ECS still knows.
    Failed(Vec<TaskState>),
    Never,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ran {
    pub task: Option<TaskState>,
    /// It had been done before.
    pub already: bool,
    pub started_by: String,
}

impl Once {
    /// The same service, image and command give the same name: whoever runs it, and however often.
    fn name(&self, revision: &Revision) -> String {
        let image = revision.image().unwrap_or_default();
        let command = self.command.join("\0");
        tasks::started_by(&["once", &self.cluster, revisions::short(&self.service), image, &command])
    }
}

/// What is known of it; reads only.
pub async fn known(aws: &Aws, once: &Once) -> Result<(Known, String)> {
    let revision = revisions::read(aws, &once.task_definition).await?;
    look(aws, once, &revision).await
}

async fn look(aws: &Aws, once: &Once, revision: &Revision) -> Result<(Known, String)> {
    let name = once.name(revision);
    let main = main_of(revision)?;
    let mut found = tasks::find(aws, &once.cluster, &revision.family, &name).await?;
    if let Some(running) = found.iter().position(|task| !task.ended()) {
        return Ok((Known::Running(found.swap_remove(running)), name));
    }
    if let Some(good) = found.iter().position(|task| task.succeeded_in(main)) {
        return Ok((Known::Done(Some(found.swap_remove(good))), name));
    }
    if revision.is_done(&name) {
        return Ok((Known::Done(None), name));
    }
    Ok((if found.is_empty() { Known::Never } else { Known::Failed(found) }, name))
}

/// Runs it unless it was done, joins it if it runs, and waits for its end; its log goes to the reporter.
///
/// # Errors
/// `Failed` if its exit code is not 0, with the reason and its last lines; whatever ECS refuses.
pub async fn run(aws: &Aws, once: &Once, reporter: &Reporter) -> Result<Ran> {
    let revision = revisions::read(aws, &once.task_definition).await?;
    let main = main_of(&revision)?.to_owned();
    let (known, name) = look(aws, once, &revision).await?;
    let arn = match known {
        Known::Done(task) => {
            reporter.log(format!("done before with this image: {}", once.command.join(" ")));
            return Ok(Ran { task, already: true, started_by: name });
        }
        Known::Running(task) => {
            reporter.log(format!("it runs already: task {}", task.id()));
            task.arn
        }
        Known::Failed(attempts) => start(aws, once, &main, &name, attempts.len(), reporter).await?,
        Known::Never => start(aws, once, &main, &name, 0, reporter).await?,
    };
    let ended = follow(aws, once, &revision, &main, &arn, reporter).await?;
    if !ended.succeeded_in(&main) {
        let mut error = Error::new(Kind::Failed, format!("the one-off task did not end well: {}", once.command.join(" "))).cause(format!(
            "task {}: {}",
            ended.id(),
            ended.why()
        ));
        if let Some((group, stream)) = revision.log_of(&main, ended.id()) {
            for line in logs::tail(aws, &group, &stream, logs::SHOWN).await.unwrap_or_default() {
                error = error.cause(line.text);
            }
        }
        return Err(
            error.hint("nothing was deployed. Read its last lines above, correct the migration or the image, then run the same command")
        );
    }
    // ECS forgets the task in an hour; the revision remembers
    if let Err(error) = revisions::mark_done(aws, &revision.arn, &name).await {
        reporter.log(format!("{} is not marked: in an hour nobody will know that this was done: {}", revision.short(), error.line()));
    }
    Ok(Ran { task: Some(ended), already: false, started_by: name })
}

async fn start(aws: &Aws, once: &Once, main: &str, name: &str, failed: usize, reporter: &Reporter) -> Result<String> {
    let hour = super::services::now_s() / 3600;
    let run = Run {
        cluster: once.cluster.clone(),
        task_definition: once.task_definition.clone(),
        count: 1,
        place: tasks::place_of(aws, &once.cluster, &once.service).await?,
        overrides: vec![Override { container: main.to_owned(), command: once.command.clone(), environment: Vec::new() }],
        started_by: name.to_owned(),
        // another attempt is another request; a call that was cut off within the hour is the same one
        token: tasks::started_by(&[name, &failed.to_string(), &hour.to_string()]),
        tags: once.tags.clone(),
    };
    let ran = tasks::run(aws, &run).await?;
    let task = ran.tasks.into_iter().next().ok_or_else(|| Error::bug("ECS started a task and did not name it"))?;
    reporter.log(format!("task {} runs {}", task.id(), once.command.join(" ")));
    Ok(task.arn)
}

async fn follow(aws: &Aws, once: &Once, revision: &Revision, main: &str, arn: &str, reporter: &Reporter) -> Result<TaskState> {
    let id = revisions::short(arn);
    let mut log = revision.log_of(main, id).map(|(group, stream)| Follower::new(group, stream));
    if log.is_none() {
        reporter.log(format!("{main} does not log to CloudWatch: only its exit code is seen"));
    }
    let mut following = tasks::Following::new(&once.cluster, &[arn.to_owned()]);
    loop {
        let mut found = following.look(aws, reporter).await?;
        // after the look: what it said before it ended is in the log by then
        let said = match &mut log {
            Some(follower) => follower.next(aws).await,
            None => Ok(Vec::new()),
        };
        match said {
            Ok(lines) => lines.iter().for_each(|line| reporter.log(format!("{main}: {}", line.text))),
            Err(error) => {
                // the exit code counts, also for somebody who may not read the log
                reporter.log(format!("its log is not read: {}", error.line()));
                log = None;
            }
        }
        if following.ended(&found) {
            return found.pop().ok_or_else(|| Error::bug("a task ended and is not described"));
        }
        tokio::time::sleep(aws.poll()).await;
    }
}

fn main_of(revision: &Revision) -> Result<&str> {
    revision.main.as_deref().ok_or_else(|| {
        Error::new(Kind::Conflict, format!("cannot tell which container of {} runs the app", revision.short()))
            .hint("mark the side containers as not essential in the service's stack")
    })
}
