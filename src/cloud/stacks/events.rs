//! Watching CloudFormation work: events as lines, a count, a verdict, and the first cause if it went wrong.
//! Never starts or stops anything.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use aws_sdk_cloudformation::types::StackEvent;

use super::data;
use super::status::{StackStatus, verdict};
use crate::cloud::fault::fault;
use crate::cloud::patience::Patience;
use crate::cloud::{Aws, services};
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// How often a verdict that cannot belong to our operation yet is read again.
const STALE_READS: u32 = 5;
/// One look in so many is at the stack itself: often while there are no events, rarely once they tell.
const STACK_EVERY_AT_FIRST: u32 = 2;
const STACK_EVERY: u32 = 5;
/// Lines of what containers said that an error shows: reasons, the end of a log, the service's events.
const EVIDENCE: usize = 24;

/// Watches the operation that runs on a stack until CloudFormation's verdict, and returns the stack's outputs.
///
/// `token` is the request token of the operation; `None` means whichever operation is the latest. `total` counts resources, if known.
/// Errors with the first cause, the other independent failures, and what containers said before they stopped.
pub async fn follow(
    aws: &Aws,
    arn: &str,
    token: Option<&str>,
    total: Option<usize>,
    reporter: &Reporter,
) -> Result<BTreeMap<String, String>> {
    let (last, watch) = watch(aws, arn, token, total, reporter).await?;
    match last {
        Some(last) if last.succeeded() => Ok(last.outputs),
        last => Err(watch.error(last.as_ref(), arn)),
    }
}

/// Watches until the verdict. `None`: the stack is gone.
///
/// One call a look: at the events, whose last one is the verdict, and only now and then at the stack itself. While AWS cannot be reached it
/// is asked again, for as long as the session allows.
pub(super) async fn watch(
    aws: &Aws,
    arn: &str,
    token: Option<&str>,
    total: Option<usize>,
    reporter: &Reporter,
) -> Result<(Option<StackStatus>, Watch)> {
    let token = token.map(crate::cloud::tags::request_token);
    let mut watch = Watch::default();
    let mut patience = Patience::new(aws.outage());
    let (mut looks, mut stale) = (0_u32, 0_u32);
    loop {
        looks += 1;
        let every = if watch.seen.is_empty() { STACK_EVERY_AT_FIRST } else { STACK_EVERY };
        if watch.ended || looks.is_multiple_of(every) {
            if let Some(last) = patience.hear(verdict(aws, arn).await, reporter)? {
                let working = last.as_ref().is_some_and(|last| last.status.ends_with("_IN_PROGRESS") && !last.in_review());
                // right after the start the old verdict may still be shown: believe it only when an event of ours was seen; a stack that is
                // gone does not come back
                let gone = last.as_ref().is_none_or(|last| last.status == "DELETE_COMPLETE");
                let early = last.as_ref().is_some_and(StackStatus::in_review) || token.is_some() && watch.seen.is_empty() && !gone;
                if !working && (!early || stale >= STALE_READS) {
                    // the last look at the events is later than the verdict, so that its reason is never missed
                    watch.look(aws, arn, token.as_deref(), &mut patience, reporter).await?;
                    return Ok((last, watch));
                }
                stale += u32::from(!working);
            }
        } else {
            watch.look(aws, arn, token.as_deref(), &mut patience, reporter).await?;
            let (done, of) = (watch.done() as u64, total.map(|n| n.max(watch.latest.len()) as u64));
            reporter.progress(done, of, Unit::Resources, watch.words(jiff::Timestamp::now().as_second()));
            if watch.ended {
                continue;
            }
        }
        tokio::time::sleep(aws.poll()).await;
    }
}

/// What has been seen of one operation.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: HashSet<String>,
    /// The stack's own status as its last event says it.
    state: String,
    /// When the operation began, in seconds since 1970.
    since: Option<i64>,
    /// The stack itself came to an end: the verdict can be read.
    ended: bool,
    /// Latest status of each resource by logical id.
    latest: BTreeMap<String, String>,
    /// What is being worked on: logical id → type, since when.
    working: BTreeMap<String, (String, i64)>,
    /// Failures that are not consequences, first first.
    failures: Vec<String>,
    /// Why containers stopped and the last lines they said, read before a roll back removes them.
    evidence: Vec<String>,
    /// The operation is the stack's deletion.
    deleting: bool,
    /// Resources that were left in place: logical id, type, physical id.
    pub(super) skipped: Vec<(String, String, String)>,
}

impl Watch {
    /// Takes in what happened since the last look.
    async fn look(&mut self, aws: &Aws, arn: &str, token: Option<&str>, patience: &mut Patience, reporter: &Reporter) -> Result<()> {
        let Some(fresh) = patience.hear(new_events(aws, arn, token, &self.seen).await, reporter)? else { return Ok(()) };
        for event in fresh {
            self.take(&event, reporter);
            if is_failure(&event) && event.resource_type() == Some("AWS::ECS::Service") {
                self.ask_service(aws, &event, reporter).await;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: &StackEvent, reporter: &Reporter) {
        self.seen.insert(event.event_id().unwrap_or_default().to_owned());
        let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
        let (kind, id) = (event.resource_type().unwrap_or_default(), event.logical_resource_id().unwrap_or_default());
        let reason = event.resource_status_reason().unwrap_or_default();
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let at = event.timestamp().map(aws_sdk_cloudformation::primitives::DateTime::secs);
        reporter.log(format!("{status} {kind} {id}{why}"));
        if is_start(event) {
            self.deleting = status == "DELETE_IN_PROGRESS";
            self.since = at;
        }
        if is_the_stack(event) {
            status.clone_into(&mut self.state);
            self.ended = !status.ends_with("_IN_PROGRESS");
        } else {
            self.latest.insert(id.to_owned(), status.to_owned());
            match at {
                Some(at) if status.ends_with("_IN_PROGRESS") => {
                    self.working.entry(id.to_owned()).or_insert_with(|| (kind.to_owned(), at));
                }
                Some(_) | None => {
                    self.working.remove(id);
                }
            }
        }
        if status == "DELETE_SKIPPED" {
            self.skipped.push((id.to_owned(), kind.to_owned(), event.physical_resource_id().unwrap_or_default().to_owned()));
        }
        if is_failure(event) && !is_consequence(event) {
            self.failures.push(format!("{kind} {id}{why}"));
        }
    }

    /// `CREATE_IN_PROGRESS, 4m10s; AWS::RDS::DBInstance Database since 3m40s (usually 9m00s)`
    fn words(&self, now: i64) -> String {
        let long = |since: i64| crate::text::duration(Duration::from_secs(now.saturating_sub(since).max(0).unsigned_abs()));
        let mut words = self.state.clone();
        if let Some(since) = self.since.filter(|_| !self.ended) {
            words.push_str(&format!(", {}", long(since)));
        }
        if let Some((id, (kind, since))) = self.working.iter().min_by_key(|(_, (_, since))| *since).filter(|_| !self.ended) {
            let usual = data::usual(kind).filter(|_| !self.deleting).map(|usual| format!(" (usually {})", crate::text::duration(usual)));
            words.push_str(&format!("; {kind} {id} since {}{}", long(*since), usual.unwrap_or_default()));
        }
        words
    }

    async fn ask_service(&mut self, aws: &Aws, event: &StackEvent, reporter: &Reporter) {
        let Some(service) = event.physical_resource_id() else { return };
        // arn:aws:ecs:region:account:service/cluster/name
        let Some(cluster) = service.split('/').nth(1).filter(|_| service.starts_with("arn:")) else { return };
        if let Ok(lines) = services::evidence(aws, cluster, service).await {
            for line in &lines {
                reporter.log(line);
            }
            self.evidence.extend(lines);
        }
    }

    /// Resources that have arrived (or gone, when the stack is deleted); a roll back takes them off again.
    fn done(&self) -> usize {
        let counts = |status: &&String| match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => !self.deleting,
            "DELETE_COMPLETE" | "DELETE_SKIPPED" => self.deleting,
            _ => false,
        };
        self.latest.values().filter(counts).count()
    }

    pub(super) fn error(&self, last: Option<&StackStatus>, arn: &str) -> Error {
        let name = last.map_or_else(|| arn.to_owned(), |last| last.name.clone());
        let state = last.map_or("deleted", |last| last.status.as_str());
        if last.is_some_and(StackStatus::in_review) {
            return Error::new(Kind::Conflict, format!("stack {name} waits for its change set to be executed"))
                .hint("run the same command again");
        }
        let cause = self
            .failures
            .first()
            .cloned()
            .or_else(|| last.and_then(|last| last.reason.clone()))
            .unwrap_or_else(|| "CloudFormation gave no reason".to_owned());
        let mut error = Error::new(Kind::Failed, format!("stack {name} ended as {state}")).hint(advice(&cause, state)).cause(&cause);
        for line in self.failures.iter().skip(1).take(4).chain(self.evidence.iter().take(EVIDENCE)) {
            error = error.cause(line);
        }
        error
    }
}

/// What to do about a failure, by the words AWS uses for it.
fn advice(cause: &str, state: &str) -> &'static str {
    let words = cause.to_lowercase();
    let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if has(&["accessdenied", "not authorized", "access denied"]) {
        "give the role or user in use the right named above, then run the same command"
    } else if has(&["already exists"]) {
        "something of that name exists outside this stack: remove or rename it, then run the same command"
    } else if has(&["limitexceeded", "limit exceeded", "quota", "maximum number"]) {
        "ask for a higher quota in the Service Quotas console or remove what is no longer needed, then run the same command"
    } else if has(&["circuit breaker"]) {
        "the containers did not start: read what they said above and in the service's log group, correct the image or its settings, then run the same command"
    } else if has(&["capacity", "not available", "unsupported"]) {
        "choose another size or region, then run the same command"
    } else if state.contains("ROLLBACK") {
        "correct the cause and run the same command; everything this attempt made was rolled back"
    } else {
        "correct the cause and run the same command"
    }
}

/// Events of the operation that are not in `seen`, oldest first.
async fn new_events(aws: &Aws, arn: &str, token: Option<&str>, seen: &HashSet<String>) -> Result<Vec<StackEvent>> {
    let mut fresh = Vec::new();
    let mut page = None;
    'pages: loop {
        let answer = aws
            .cloudformation()
            .describe_stack_events()
            .stack_name(arn)
            .set_next_token(page.take())
            .send()
            .await
            .map_err(|e| fault("cloudformation:DescribeStackEvents", e))?;
        for event in answer.stack_events.unwrap_or_default() {
            let start = is_start(&event);
            if event.event_id().is_some_and(|id| seen.contains(id)) {
                break 'pages;
            }
            if token.is_none_or(|token| event.client_request_token() == Some(token)) {
                fresh.push(event);
            }
            if start {
                break 'pages;
            }
        }
        page = answer.next_token;
        if page.is_none() {
            break;
        }
    }
    fresh.reverse();
    Ok(fresh)
}

fn is_the_stack(event: &StackEvent) -> bool {
    event.resource_type() == Some("AWS::CloudFormation::Stack") && event.physical_resource_id() == event.stack_id()
}

/// The event by which an operation begins.
fn is_start(event: &StackEvent) -> bool {
    let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
    is_the_stack(event) && matches!(status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS")
}

fn is_failure(event: &StackEvent) -> bool {
    !is_the_stack(event) && event.resource_status().is_some_and(|status| status.as_str().ends_with("_FAILED"))
}

/// It failed because another had failed.
fn is_consequence(event: &StackEvent) -> bool {
    let reason = event.resource_status_reason().unwrap_or_default().to_lowercase();
    reason.contains("cancelled") || reason.contains("canceled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudformation::types::ResourceStatus;

    fn event(id: &str, logical: &str, status: ResourceStatus, reason: &str) -> StackEvent {
        StackEvent::builder()
            .event_id(id)
            .stack_id("arn:stack")
            .physical_resource_id(format!("physical-{logical}"))
            .logical_resource_id(logical)
            .resource_type("AWS::EC2::VPC")
            .resource_status(status)
            .resource_status_reason(reason)
            .build()
    }

    #[test]
    fn the_first_failure_that_is_not_a_consequence_is_the_cause() {
        let mut watch = Watch::default();
        for e in [
            event("1", "A", ResourceStatus::CreateFailed, "Resource creation cancelled"),
            event("2", "B", ResourceStatus::CreateFailed, "The maximum number of VPCs has been reached"),
            event("3", "C", ResourceStatus::CreateFailed, "other"),
        ] {
            watch.take(&e, &Reporter::silent());
        }
        let error = watch.error(None, "arn:stack");
        assert_eq!(error.causes, ["AWS::EC2::VPC B: The maximum number of VPCs has been reached", "AWS::EC2::VPC C: other"]);
        assert!(error.hint.contains("quota"), "{}", error.hint);
    }

    #[test]
    fn what_is_waited_for_is_named_with_how_long_it_usually_takes() {
        let at = |id: &str, kind: &str, logical: &str, physical: &str, status: ResourceStatus, seconds: i64| {
            StackEvent::builder()
                .event_id(id)
                .stack_id("arn:stack")
                .physical_resource_id(physical)
                .logical_resource_id(logical)
                .resource_type(kind)
                .resource_status(status)
                .timestamp(aws_sdk_cloudformation::primitives::DateTime::from_secs(seconds))
                .build()
        };
        let stack = |id: &str, status, seconds| at(id, "AWS::CloudFormation::Stack", "net", "arn:stack", status, seconds);
        let mut watch = Watch::default();
        watch.take(&stack("1", ResourceStatus::CreateInProgress, 100), &Reporter::silent());
        watch.take(&at("2", "AWS::RDS::DBInstance", "Db", "db", ResourceStatus::CreateInProgress, 130), &Reporter::silent());
        assert_eq!(watch.words(350), "CREATE_IN_PROGRESS, 4m10s; AWS::RDS::DBInstance Db since 3m40s (usually 9m00s)");
        assert!(!watch.ended);
        watch.take(&stack("3", ResourceStatus::CreateComplete, 400), &Reporter::silent());
        assert_eq!((watch.ended, watch.words(400)), (true, "CREATE_COMPLETE".to_owned()));
    }

    #[test]
    fn a_roll_back_takes_the_count_down_again() {
        let mut watch = Watch::default();
        watch.take(&event("1", "A", ResourceStatus::CreateComplete, ""), &Reporter::silent());
        watch.take(&event("2", "B", ResourceStatus::CreateComplete, ""), &Reporter::silent());
        assert_eq!(watch.done(), 2);
        watch.take(&event("3", "B", ResourceStatus::DeleteInProgress, ""), &Reporter::silent());
        assert_eq!(watch.done(), 1);
    }
}
