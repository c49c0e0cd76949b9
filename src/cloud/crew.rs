//! A crew: tasks of our own program that share a piece of work inside the VPC, followed by the JSON lines they write.
//! Never knows what the work is, and leaves no task running: not at its end, nor when it is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::apart;
use super::ground::Ground;
use super::logs::{Follower, stream_of};
use super::member::Member;
use super::session::Aws;
use super::stopped::{explained, for_good};
use super::tasks::{self, Override, Run, TaskState};
use crate::error::{Error, Kind, Result};
use crate::progress::{Figure, Part, Progress, Reporter, Unit, aside};
use crate::text;

/// Looks at the log of a task that stopped, until it has said what came of its work: CloudWatch shows lines some seconds late.
const LATE_LOOKS: u32 = 10;
/// Looks at a task that ECS does not show; a new one may take some seconds to be seen.
const UNSEEN_LOOKS: u32 = 20;
/// How long helpers may go on when the first one is done: they end by themselves.
const HELPERS_WITHIN: Duration = Duration::from_secs(120);

/// What a task of the crew runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub command: Vec<String>,
    /// Shown by `DescribeTasks`: never a secret.
    pub environment: Vec<(String, String)>,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Names it for good: tasks of an earlier start with the same name are found again.
    pub id: String,
    /// The one task whose end is the end of the work.
    pub lead: Words,
    /// What the others run, once the first one is under way.
    pub helper: Words,
    pub helpers: usize,
    /// Times that the first one is started again when it dies.
    pub restarts: u32,
    pub tags: BTreeMap<String, String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The first one's last event, and its exit code.
    pub result: Value,
    pub code: i32,
    /// The last events of the others that came to their end.
    pub helpers: Vec<Value>,
}

/// Does the work to its end. Dropping it stops every task.
///
/// # Errors
/// What the first one says went wrong, or why it could not run: [`super::stopped`].
pub async fn work(aws: &Aws, ground: &Ground, work: &Work, reporter: &Reporter) -> Result<Done> {
    let mut crew = Crew { aws, ground, work, reporter, leads: Vec::new(), helpers: Vec::new(), asked: false, closed: false };
    crew.find_again().await?;
    let done = crew.until_the_end().await;
    let stopped = stop(aws, ground, &work.id).await;
    crew.closed = stopped.is_ok();
    let done = done?;
    stopped?;
    Ok(done)
}

/// Stops every task of a piece of work; how many there were.
pub async fn stop(aws: &Aws, ground: &Ground, id: &str) -> Result<usize> {
    let mut running = Vec::new();
    for role in [LEAD, HELPER] {
        running.extend(found(aws, ground, id, role).await?.into_iter().filter(|task| !task.ended()));
    }
    for task in &running {
        tasks::stop(aws, &ground.cluster, &task.arn, "migrate-wizard: the work is over").await?;
    }
    Ok(running.len())
}

const LEAD: &str = "lead";
const HELPER: &str = "helper";

async fn found(aws: &Aws, ground: &Ground, id: &str, role: &str) -> Result<Vec<TaskState>> {
    tasks::find(aws, &ground.cluster, ground.family(), &tasks::started_by(&[id, role])).await
}

struct Crew<'a> {
    aws: &'a Aws,
    ground: &'a Ground,
    work: &'a Work,
    reporter: &'a Reporter,
    /// One after the other: the last one counts.
    leads: Vec<Member>,
    helpers: Vec<Member>,
    /// Helpers were asked for.
    asked: bool,
    closed: bool,
}

impl Crew<'_> {
    /// Tasks of an earlier start: those that run, and the first one if it came to its end.
    async fn find_again(&mut self) -> Result<()> {
        for task in found(self.aws, self.ground, &self.work.id, LEAD).await? {
            if !task.ended() || task.succeeded_in(&self.ground.container) {
                let member = self.member(task, String::new());
                self.leads.push(member);
            }
        }
        for task in found(self.aws, self.ground, &self.work.id, HELPER).await?.into_iter().filter(|task| !task.ended()) {
            let member = self.member(task, format!("worker {}: ", self.helpers.len() + 2));
            self.helpers.push(member);
        }
        self.asked = !self.helpers.is_empty();
        let running = self.leads.iter().chain(&self.helpers).filter(|member| !member.task.ended()).count();
        if running > 0 {
            self.reporter.log(format!("found {} of this work again", text::plural(running as u64, "running task")));
        }
        Ok(())
    }

    fn member(&self, task: TaskState, label: String) -> Member {
        let stream = stream_of(&self.ground.container, &self.ground.container, &task.arn);
        Member::new(task, Follower::new(&self.ground.logs, stream), label)
    }

    async fn start(&self, role: &str, words: &Words, count: usize) -> Result<Vec<TaskState>> {
        let run = Run {
            cluster: self.ground.cluster.clone(),
            task_definition: self.ground.task_definition.clone(),
            count,
            place: self.ground.place.clone(),
            overrides: vec![Override {
                container: self.ground.container.clone(),
                command: words.command.clone(),
                environment: words.environment.clone(),
            }],
            started_by: tasks::started_by(&[&self.work.id, role]),
            // What an earlier start asked for is found by who started it; a token that is known already would give back a task that stopped.
            token: uuid::Uuid::new_v4().to_string(),
            tags: self.work.tags.clone(),
        };
        let ran = tasks::run(self.aws, &run).await?;
        for refused in &ran.refused {
            self.reporter.log(format!("a task was not started: {refused}"));
        }
        Ok(ran.tasks)
    }

    async fn start_lead(&mut self) -> Result<()> {
        let started = self.start(LEAD, &self.work.lead, 1).await?;
        for task in started {
            self.reporter.log(format!("task {} asked for", task.id()));
            let member = self.member(task, String::new());
            self.leads.push(member);
        }
        Ok(())
    }

    /// Fewer helpers than asked for, or none, only makes it slower.
    async fn start_helpers(&mut self) {
        self.asked = true;
        if self.work.helpers == 0 {
            return;
        }
        match self.start(HELPER, &self.work.helper, self.work.helpers).await {
            Ok(started) => {
                self.reporter.log(format!("{} more asked for", text::plural(started.len() as u64, "task")));
                for task in started {
                    let member = self.member(task, format!("worker {}: ", self.helpers.len() + 2));
                    self.helpers.push(member);
                }
            }
            Err(error) => self.reporter.log(format!("going on with one task: {}", error.line())),
        }
    }

    async fn until_the_end(&mut self) -> Result<Done> {
        if self.leads.is_empty() {
            self.start_lead().await?;
        }
        let mut unseen = 0;
        loop {
            unseen = if self.look().await? { 0 } else { unseen + 1 };
            if unseen == UNSEEN_LOOKS {
                return Err(Error::new(Kind::Failed, "ECS no longer knows the task that did the work")
                    .hint("run the same command: what was copied stays"));
            }
            self.tell();
            let rounds = self.leads.len();
            let Some(lead) = self.leads.last_mut() else { return Err(Error::bug("a crew without its first task")) };
            if lead.task.ended() {
                // One that was killed, or never ran, has nothing more to say.
                let by_itself = lead.task.containers.iter().any(|container| matches!(container.exit_code, Some(0..=2)));
                for _ in 0..if by_itself { LATE_LOOKS } else { 2 } {
                    if lead.has_spoken() {
                        break;
                    }
                    tokio::time::sleep(self.aws.poll()).await;
                    hear(lead, self.aws, self.reporter).await?;
                }
                match judged(lead) {
                    Ok((result, code)) => {
                        self.wait_for_helpers().await?;
                        let helpers = self.helpers.iter().filter_map(|helper| helper.result.clone()).collect();
                        return Ok(Done { result, code, helpers });
                    }
                    Err((error, true)) => return Err(error),
                    Err((error, false)) if rounds > self.work.restarts as usize => {
                        return Err(error.cause(format!("it was started {rounds} times")));
                    }
                    Err((error, false)) => {
                        self.reporter.log(format!("{}; another one takes over", error.line()));
                        self.start_lead().await?;
                    }
                }
            } else if !self.asked && lead.progress.is_some() {
                self.start_helpers().await;
            }
            tokio::time::sleep(self.aws.poll()).await;
        }
    }

    /// Helpers end by themselves when nothing is left to do.
    async fn wait_for_helpers(&mut self) -> Result<()> {
        let end = tokio::time::Instant::now() + HELPERS_WITHIN;
        while self.helpers.iter().any(|helper| !helper.task.ended()) && tokio::time::Instant::now() < end {
            tokio::time::sleep(self.aws.poll()).await;
            self.look().await?;
        }
        for helper in self.helpers.iter_mut().filter(|helper| !helper.has_spoken()) {
            hear(helper, self.aws, self.reporter).await?;
        }
        Ok(())
    }

    /// How all tasks are and what they said since; whether the first one is known.
    async fn look(&mut self) -> Result<bool> {
        let lead = self.leads.last_mut().into_iter();
        let mut members: Vec<&mut Member> = lead.chain(&mut self.helpers).collect();
        let arns: Vec<String> = members.iter().filter(|member| !member.task.ended()).map(|member| member.task.arn.clone()).collect();
        let now = if arns.is_empty() { Vec::new() } else { tasks::describe(self.aws, &self.ground.cluster, &arns).await? };
        let known = arns.is_empty()
            || now.iter().any(|task| members.first().is_some_and(|lead| lead.task.arn == task.arn))
            || members.first().is_some_and(|lead| lead.task.ended());
        for task in now {
            if let Some(member) = members.iter_mut().find(|member| member.task.arn == task.arn) {
                if member.task.status != task.status {
                    let why = if task.ended() { format!(": {}", task.why()) } else { String::new() };
                    self.reporter.log(format!("{}task {} is {}{why}", member.label, task.id(), task.status.to_lowercase()));
                }
                member.task = task;
            }
        }
        for member in members {
            if !member.task.ended() || !member.has_spoken() {
                hear(member, self.aws, self.reporter).await?;
            }
        }
        Ok(known)
    }

    fn tell(&self) {
        let all: Vec<(usize, &Member)> =
            self.leads.iter().map(|lead| (1, lead)).chain(self.helpers.iter().enumerate().map(|(n, helper)| (n + 2, helper))).collect();
        let told: Vec<(usize, bool, &Progress)> =
            all.iter().filter_map(|(n, member)| Some((*n, member.task.ended(), member.progress.as_ref()?))).collect();
        if let Some(progress) = together(&told) {
            self.reporter.report(progress);
        }
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        if !self.closed {
            let (ground, id) = (self.ground.clone(), self.work.id.clone());
            apart::now(self.aws, async move |aws| {
                if let Err(error) = stop(&aws, &ground, &id).await {
                    aside(format_args!("{error}"));
                }
            });
        }
    }
}

async fn hear(member: &mut Member, aws: &Aws, reporter: &Reporter) -> Result<()> {
    for line in member.log.next(aws).await? {
        member.hear(&line.text, reporter);
    }
    Ok(())
}

/// What came of a task that stopped: its result and exit code, or an error and whether another start would end the same way.
fn judged(member: &Member) -> std::result::Result<(Value, i32), (Error, bool)> {
    let code = member.task.containers.iter().find_map(|container| container.exit_code);
    if let Some(error) = member.told() {
        let passing = matches!(error.kind, Kind::Unreachable | Kind::Interrupted) && !for_good(&member.task);
        return Err((error, !passing));
    }
    match (&member.result, code) {
        (Some(result), Some(code @ (0 | 1))) => Ok((result.clone(), code)),
        (_, _) => Err((explained(&member.task, &member.last_words()), for_good(&member.task))),
    }
}

/// The progress of several as one: what they did added up, each a part. Those that ended count, but are not shown.
fn together(all: &[(usize, bool, &Progress)]) -> Option<Progress> {
    let (_, _, first) = all.first()?;
    if let [(_, _, only)] = all {
        return Some((*only).clone());
    }
    let total = all.iter().filter_map(|(_, _, progress)| progress.total).max();
    let sum: u64 = all.iter().map(|(_, _, progress)| progress.done).sum();
    let done = total.map_or(sum, |total| sum.min(total));
    let speed: f64 = all
        .iter()
        .filter(|(_, ended, _)| !ended)
        .filter_map(|(_, _, p)| Some(p.total?.saturating_sub(p.done) as f64 / p.remaining_s.filter(|s| *s > 0)? as f64))
        .sum();
    let remaining_s = total.filter(|_| speed > 0.0).map(|total| ((total - done.min(total)) as f64 / speed).ceil() as u64);
    let mut figures: Vec<Figure> = Vec::new();
    for (_, ended, progress) in all {
        for figure in progress.figures.iter().filter(|figure| !ended || !figure.name.ends_with("_per_s")) {
            match figures.iter_mut().find(|known| known.name == figure.name) {
                Some(known) => known.value += figure.value,
                None => figures.push(figure.clone()),
            }
        }
    }
    let part = |(n, _, progress): &(usize, bool, &Progress)| {
        let rows = progress.figures.iter().find(|figure| figure.name == "rows").map(|figure| figure.value);
        Part {
            name: format!("worker {n}"),
            done: rows.unwrap_or(progress.done),
            total: None,
            unit: if rows.is_some() { Unit::Rows } else { progress.unit },
            note: progress.message.clone(),
            remaining_s: None,
        }
    };
    let parts: Vec<Part> = all.iter().filter(|(_, ended, _)| !ended).map(part).collect();
    let message = text::plural(parts.len() as u64, "worker");
    Some(Progress { done, total, unit: first.unit, message, remaining_s, figures, parts, graphs: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_of_all_is_added_up() {
        let one = |done, rows, remaining_s| {
            let mut progress = Progress::new(done, Some(100), Unit::Bytes, "public.a");
            progress.remaining_s = remaining_s;
            progress.figures = vec![Figure { name: "rows".into(), value: rows, unit: Unit::Rows }];
            progress
        };
        let (dead, lead, helper) = (one(10, 1, Some(9)), one(20, 2, Some(80)), one(50, 5, Some(50)));
        assert_eq!(together(&[(1, false, &lead)]), Some(lead.clone()));
        let all = together(&[(1, true, &dead), (1, false, &lead), (2, false, &helper)]).unwrap();
        assert_eq!((all.done, all.total, all.figures[0].value), (80, Some(100), 8));
        assert_eq!(all.remaining_s, Some(10), "20 left at 1 + 1 a second");
        assert_eq!(all.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["worker 1", "worker 2"]);
    }
}
