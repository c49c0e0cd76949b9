//! Taking a whole system away: every stack with its tags, none before those that were built on it, as many at a time as can be.
//! Never touches a stack without our tag, and never deletes what a template keeps.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::events::watch;
use super::rendered::Rendered;
use super::status::{StackStatus, tagged};
use super::{Deleted, Retained, StackSpec, delete, deploy, deployed_template, left, status};
use crate::cloud::Aws;
use crate::error::{Error, Result};
use crate::progress::{Note, Reporter, Unit};

/// Deletions at the same time.
const AT_ONCE: usize = 8;
/// An output shorter than this is found in parameters by chance: a port, a name.
const TELLING: usize = 6;

/// A stack that stands, and what was built on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub stack: StackStatus,
    /// ARNs of the stacks whose outputs it was given.
    pub needs: BTreeSet<String>,
}

/// What stays when a stack goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub stack: String,
    pub logical_id: String,
    pub resource_type: String,
    /// A last snapshot stays, not the resource itself.
    pub snapshot: bool,
}

/// Every stack of a system, those first that nothing else was built on. Reads.
pub async fn standing(aws: &Aws, app: &str, environment: &str) -> Result<Vec<Standing>> {
    Ok(in_order(tagged(aws, &[("app", app), ("environment", environment)]).await?))
}

/// Newest first; a stack needs those older ones whose outputs are among its parameters.
fn in_order(mut stacks: Vec<StackStatus>) -> Vec<Standing> {
    stacks.sort_by(|a, b| (b.created, &b.name).cmp(&(a.created, &a.name)));
    let needs = |stack: &StackStatus| {
        let given = |output: &String| output.len() >= TELLING && stack.parameters.values().any(|value| value.contains(output.as_str()));
        let older = stacks.iter().filter(|other| other.arn != stack.arn && other.created <= stack.created);
        older.filter(|other| other.outputs.values().any(given)).map(|other| other.arn.clone()).collect()
    };
    stacks.iter().map(|stack| Standing { stack: stack.clone(), needs: needs(stack) }).collect()
}

/// What stays when this stack is deleted, read from its own template. Reads.
pub async fn keeps(aws: &Aws, stack: &StackStatus) -> Result<Vec<Kept>> {
    let Some(body) = deployed_template(aws, &stack.arn).await? else { return Ok(Vec::new()) };
    let resources = Rendered::of(&body, &stack.parameters)?.resources;
    let kept = resources.into_iter().filter_map(|resource| {
        let snapshot = match resource.deletion_policy.as_deref() {
            Some("Retain" | "RetainExceptOnCreate") => false,
            Some("Snapshot") => true,
            Some(_) | None => return None,
        };
        Some(Kept { stack: stack.name.clone(), logical_id: resource.logical_id, resource_type: resource.kind, snapshot })
    });
    Ok(kept.collect())
}

/// Deletes the stacks with these ARNs, each as soon as nothing that was built on it stands; returns what was retained. Twice equals once.
///
/// `token` names the attempt. One that fails does not hold up those that do not depend on it; at the end the first cause is the error.
pub async fn remove(aws: &Aws, arns: &BTreeSet<String>, token: &str, reporter: &Reporter) -> Result<Vec<Retained>> {
    let (mut there, mut retained) = (Vec::new(), Vec::new());
    for arn in arns {
        match status(aws, arn).await? {
            Some(found) => there.push(found),
            // it went while nobody watched
            None => retained.extend(left(aws, arn).await?),
        }
    }
    // still there: waiting, being deleted, or failed
    let mut standing = in_order(there);
    let mut waiting: Vec<StackStatus> = standing.iter().map(|s| s.stack.clone()).collect();
    let total = standing.len();
    let mut failed = Vec::new();
    let mut working = FuturesUnordered::new();
    loop {
        while working.len() < AT_ONCE {
            let held = |arn: &str| standing.iter().any(|other| other.stack.arn != arn && other.needs.contains(arn));
            let free = waiting.iter().position(|stack| !held(&stack.arn));
            // two that seem to need each other: a coincidence of names, so the newer goes first
            let Some(at) = free.or_else(|| (working.is_empty() && failed.is_empty() && !waiting.is_empty()).then_some(0)) else { break };
            let stack = waiting.remove(at);
            working.push(async move { (remove_one(aws, &stack, token, reporter).await, stack) });
        }
        let Some((ended, stack)) = working.next().await else { break };
        match ended {
            Ok(deleted) => {
                standing.retain(|other| other.stack.arn != stack.arn);
                retained.extend(deleted.retained);
            }
            Err(error) => {
                reporter.log(format!("{}: {}", stack.name, error.line()));
                failed.push(error);
            }
        }
        let gone = total - standing.len();
        reporter.progress(gone as u64, Some(total as u64), Unit::Steps, format!("{gone} of {total} stacks are gone"));
    }
    match failed.into_iter().next() {
        None => {
            retained.sort_by(|a, b| (&a.resource_type, &a.physical_id).cmp(&(&b.resource_type, &b.physical_id)));
            Ok(retained)
        }
        Some(first) => {
            let names: Vec<&str> = waiting.iter().map(|stack| stack.name.as_str()).collect();
            let waits = if names.is_empty() { String::new() } else { format!("; waiting for it: {}", names.join(", ")) };
            Err(Error { what: format!("{}{waits}", first.what), ..first })
        }
    }
}

async fn remove_one(aws: &Aws, stack: &StackStatus, token: &str, reporter: &Reporter) -> Result<Deleted> {
    let (name, out) = (stack.name.clone(), reporter.clone());
    let own = Reporter::new(move |note| match note {
        Note::Log(line) => out.log(format!("{name}: {line}")),
        Note::Progress(_) => {}
    });
    // the run's token names the attempt, the stack which of its operations
    take_away(aws, &stack.arn, &format!("{token}-{}", stack.name), &own).await
}

/// Deletes one stack, by name or ARN, whatever state it is in: what is under way comes to its end first, and the protection of its data from
/// deletion is taken off, since the decision was made above. An absent stack is no error. Twice equals once.
pub async fn take_away(aws: &Aws, name: &str, token: &str, reporter: &Reporter) -> Result<Deleted> {
    let mut found = status(aws, name).await?;
    if let Some(busy) = found.take_if(|found| found.ours && found.in_progress() && !found.status.starts_with("DELETE")) {
        reporter.log(format!("stack {} is {}: waiting for its end", busy.name, busy.status));
        watch(aws, &busy.arn, None, None, reporter).await?;
        found = status(aws, &busy.arn).await?;
    }
    // a creation that was rolled back left nothing to protect
    let stands = |found: &&StackStatus| found.ours && found.status.ends_with("_COMPLETE") && found.status != "ROLLBACK_COMPLETE";
    if let Some(standing) = found.as_ref().filter(stands)
        && let Some(open) = unprotected(aws, standing).await?
    {
        reporter.log("taking deletion protection off; what the template keeps stays");
        deploy(aws, &open, &format!("{token}-open"), reporter).await?;
    }
    let name = found.as_ref().map_or(name, |found| found.arn.as_str());
    delete(aws, name, token, reporter).await
}

/// The same stack with its data no longer protected from deletion; `None` where nothing that goes is protected: what stays keeps its protection.
async fn unprotected(aws: &Aws, stack: &StackStatus) -> Result<Option<StackSpec>> {
    let open = match stack.parameters.get("DeletionProtection").map(String::as_str) {
        Some("true") => "false",
        Some("ACTIVE") => "INACTIVE",
        Some(_) | None => return Ok(None),
    };
    let Some(template_body) = deployed_template(aws, &stack.arn).await? else { return Ok(None) };
    let mut parameters = stack.parameters.clone();
    parameters.insert("DeletionProtection".to_owned(), open.to_owned());
    let stays = |policy: &Option<String>| matches!(policy.as_deref(), Some("Retain" | "RetainExceptOnCreate"));
    let (was, will) = (Rendered::of(&template_body, &stack.parameters)?, Rendered::of(&template_body, &parameters)?);
    if was.resources.iter().zip(&will.resources).all(|(was, will)| stays(&was.deletion_policy) || was == will) {
        return Ok(None);
    }
    let (name, tags) = (stack.name.clone(), stack.tags.clone());
    Ok(Some(StackSpec { name, template_body, parameters, tags, termination_protection: false }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn stack(name: &str, created: i64, outputs: &[&str], parameters: &[&str]) -> StackStatus {
        let map = |values: &[&str]| values.iter().enumerate().map(|(i, v)| (i.to_string(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
        StackStatus {
            name: name.into(),
            arn: format!("arn:{name}"),
            status: "CREATE_COMPLETE".into(),
            reason: None,
            outputs: map(outputs),
            parameters: map(parameters),
            tags: BTreeMap::new(),
            created,
            changed: created,
            ours: true,
            run: None,
            termination_protection: false,
        }
    }

    #[test]
    fn what_was_built_on_another_is_known_by_what_it_was_given() {
        let all = in_order(vec![
            stack("net", 1, &["vpc-12345", "subnet-1,subnet-2"], &["10.0.0.0/16"]),
            stack("data", 2, &["db.example.com", "5432"], &["subnet-1,subnet-2"]),
            stack("app", 3, &[], &["vpc-12345", "postgres://db.example.com", "5432"]),
            stack("alone", 4, &["vpc-99999"], &["5432"]),
        ]);
        let told: Vec<(&str, Vec<&str>)> =
            all.iter().map(|s| (s.stack.name.as_str(), s.needs.iter().map(String::as_str).collect())).collect();
        assert_eq!(told, [("alone", vec![]), ("app", vec!["arn:data", "arn:net"]), ("data", vec!["arn:net"]), ("net", vec![])]);
    }
}
