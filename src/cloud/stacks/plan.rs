//! What a deployment would change: a change set, made and read but not executed.
//! Never executes; the one thing it removes is the wreck of a creation that failed.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, Tag};
use sha2::{Digest, Sha256};

use super::status::{StackStatus, status};
use super::{Plan, PlannedChange, StackSpec, data, validation};
use crate::cloud::fault::{code, fault, message};
use crate::cloud::patience::Patience;
use crate::cloud::{Aws, tags};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// Every change set of ours is called so.
pub(super) const CHANGE_SET_PREFIX: &str = "migrate-wizard-";
/// CloudFormation's limit for a template given in the call.
const TEMPLATE_LIMIT: usize = 51_200;

/// Makes the change set for `spec` and reads what it would do. A write. With the same spec and token it finds the change set of before.
///
/// A stack whose creation failed and was rolled back is deleted first, since CloudFormation can do nothing else with it.
/// Errors with [`Kind::Conflict`] if the stack is not ours, or in a state that only a person can settle.
pub async fn plan(aws: &Aws, spec: &StackSpec, token: &str) -> Result<Plan> {
    if spec.template_body.len() > TEMPLATE_LIMIT {
        return Err(Error::new(
            Kind::Input,
            format!("the template of stack {} has {} bytes; CloudFormation takes {TEMPLATE_LIMIT}", spec.name, spec.template_body.len()),
        )
        .hint("split the template into two stacks"));
    }
    let token = tags::request_token(token);
    let existing = match status(aws, &spec.name).await? {
        Some(found) if must_be_deleted_first(&found)? => {
            super::delete(aws, &found.name, &format!("{token}-wreck"), &Reporter::silent()).await?;
            None
        }
        found => found,
    };
    let creates = existing.as_ref().is_none_or(StackStatus::in_review);
    let made = change_set(aws, spec, &token, creates, existing.as_ref()).await?;
    let changes = match read_changes(aws, &made).await? {
        Some(changes) => Some(marked(aws, spec, existing.as_ref(), changes).await?),
        None => None,
    };
    Ok(match changes {
        Some(changes) => Plan { stack_arn: made.stack, change_set_arn: made.arn, changes, creates, empty: false },
        None => Plan { stack_arn: made.stack, change_set_arn: String::new(), changes: Vec::new(), creates, empty: true },
    })
}

/// The changes with those marked that may lose data. What holds data is read from what is deployed, and only if something might be lost.
async fn marked(
    aws: &Aws,
    spec: &StackSpec,
    existing: Option<&StackStatus>,
    mut changes: Vec<PlannedChange>,
) -> Result<Vec<PlannedChange>> {
    let at_stake = changes.iter().any(|change| change.action != "Add" && data::store(&change.resource_type).is_some());
    if let Some(existing) = existing.filter(|existing| at_stake && !existing.in_review()) {
        let deployed = super::deployed_template(aws, &existing.arn).await?;
        let ids = data::holders(deployed.as_deref().unwrap_or(&spec.template_body), &existing.parameters)?;
        data::mark(&mut changes, &ids);
    }
    Ok(changes)
}

/// Whether this stack must go before a new one can be made; an error if it may not be touched.
fn must_be_deleted_first(found: &StackStatus) -> Result<bool> {
    not_foreign(found)?;
    let conflict =
        |what: &str, hint: &str| Err(Error::new(Kind::Conflict, format!("stack {} {what} ({})", found.name, found.status)).hint(hint));
    match found.status.as_str() {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Ok(true),
        "UPDATE_ROLLBACK_FAILED" | "CREATE_FAILED" | "UPDATE_FAILED" => conflict(
            "stands in the middle of something",
            &format!("run `migrate-wizard stacks repair {}`, then the same command", found.name),
        ),
        "DELETE_FAILED" => {
            conflict("was being deleted, and that failed", "finish it with `migrate-wizard stacks destroy`, then run the same command")
        }
        _ if found.in_progress() => conflict("is being changed right now", "wait until it is done, then run the same command"),
        _ => Ok(false),
    }
}

/// Errors with [`Kind::Conflict`] if the stack does not carry our tag.
pub(super) fn not_foreign(found: &StackStatus) -> Result<()> {
    if found.ours {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("stack {} exists and was not made by migrate-wizard", found.name)).hint(format!(
        "choose another name for this app, or another region; if it is yours to give up, tag it {}={} and run the same command",
        tags::MANAGED_BY,
        tags::US
    )))
}

struct ChangeSet {
    arn: String,
    stack: String,
}

async fn change_set(aws: &Aws, spec: &StackSpec, token: &str, creates: bool, existing: Option<&StackStatus>) -> Result<ChangeSet> {
    // the name says what is in it: a rerun finds the same set, another template never meets an old one
    let stem = name_for(spec, token);
    for attempt in 0..5_u32 {
        let name = if attempt == 0 { stem.clone() } else { format!("{stem}-{attempt}") };
        if let Some(existing) = existing {
            match look(aws, &spec.name, &name).await? {
                Some(found) if usable(&found) => return Ok(ids(&found, existing)),
                Some(_) => continue,
                None => {}
            }
        }
        let kind = if creates { ChangeSetType::Create } else { ChangeSetType::Update };
        let answer = aws
            .cloudformation()
            .create_change_set()
            .stack_name(&spec.name)
            .change_set_name(&name)
            .change_set_type(kind)
            .client_token(if attempt == 0 { token.to_owned() } else { format!("{token}-{attempt}") })
            .template_body(&spec.template_body)
            .capabilities(Capability::CapabilityNamedIam)
            .set_role_arn(aws.deploy_role().map(str::to_owned))
            .description("made by migrate-wizard")
            .set_parameters(Some(
                spec.parameters.iter().map(|(k, v)| Parameter::builder().parameter_key(k).parameter_value(v).build()).collect(),
            ))
            .set_tags(Some(tags_of(spec, existing).iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect()))
            .send()
            .await;
        match answer {
            Ok(made) => return Ok(ChangeSet { arn: made.id.unwrap_or(name), stack: made.stack_id.unwrap_or_else(|| spec.name.clone()) }),
            // made by a call whose answer was lost
            Err(error) if code(&error).starts_with("AlreadyExists") && message(&error).contains(&name) => {
                if let Some(found) = look(aws, &spec.name, &name).await?.filter(usable) {
                    let stack = found.stack_id().unwrap_or(&spec.name).to_owned();
                    return Ok(ChangeSet { arn: found.change_set_id.unwrap_or(name), stack });
                }
            }
            Err(error) => return Err(fault("cloudformation:CreateChangeSet", error)),
        }
    }
    Err(Error::new(Kind::Conflict, format!("stack {} has too many old change sets of this run", spec.name))
        .hint("delete its change sets in the CloudFormation console, then run the same command"))
}

/// Ours and the spec's; the run that made a stack stays on it, because a changed tag would touch every one of its resources.
fn tags_of(spec: &StackSpec, existing: Option<&StackStatus>) -> BTreeMap<String, String> {
    let mut all = tags::ours(&spec.tags);
    if let Some(run) = existing.and_then(|existing| existing.tags.get(tags::RUN)) {
        all.insert(tags::RUN.to_owned(), run.clone());
    }
    all
}

fn name_for(spec: &StackSpec, token: &str) -> String {
    let mut digest = Sha256::new();
    for part in [token, &spec.name, &spec.template_body] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    for (key, value) in spec.parameters.iter().chain(&spec.tags) {
        digest.update(format!("{key}\u{1}{value}\u{0}"));
    }
    let hex = tags::hex(&digest.finalize());
    format!("{CHANGE_SET_PREFIX}{}", hex.get(..20).unwrap_or(&hex))
}

async fn look(aws: &Aws, stack: &str, name: &str) -> Result<Option<DescribeChangeSetOutput>> {
    match aws.cloudformation().describe_change_set().stack_name(stack).change_set_name(name).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if code(&error).starts_with("ChangeSetNotFound") => Ok(None),
        Err(error) => Err(fault("cloudformation:DescribeChangeSet", error)),
    }
}

/// It is being made, or is made and waits to be executed.
fn usable(set: &DescribeChangeSetOutput) -> bool {
    match set.status() {
        Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => true,
        Some(ChangeSetStatus::CreateComplete) => set.execution_status() == Some(&ExecutionStatus::Available),
        _ => false,
    }
}

fn ids(set: &DescribeChangeSetOutput, existing: &StackStatus) -> ChangeSet {
    ChangeSet {
        arn: set.change_set_id().or(set.change_set_name()).unwrap_or_default().to_owned(),
        stack: set.stack_id().unwrap_or(&existing.arn).to_owned(),
    }
}

/// Waits until the set is made; `None` if nothing would change.
async fn read_changes(aws: &Aws, made: &ChangeSet) -> Result<Option<Vec<PlannedChange>>> {
    let mut changes = Vec::new();
    let mut page = None;
    let mut patience = Patience::new(aws.outage());
    loop {
        let asked = aws
            .cloudformation()
            .describe_change_set()
            .stack_name(&made.stack)
            .change_set_name(&made.arn)
            .set_next_token(page.clone())
            .send()
            .await
            .map_err(|e| fault("cloudformation:DescribeChangeSet", e));
        let Some(set) = patience.hear(asked, &Reporter::silent())? else {
            tokio::time::sleep(aws.poll()).await;
            continue;
        };
        match set.status() {
            Some(ChangeSetStatus::CreateComplete) => {
                changes.extend(set.changes().iter().filter_map(|change| change.resource_change()).map(|change| PlannedChange {
                    action: change.action().map(|a| a.as_str().to_owned()).unwrap_or_default(),
                    logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
                    resource_type: change.resource_type().unwrap_or_default().to_owned(),
                    physical_id: change.physical_resource_id().filter(|id| !id.is_empty()).map(str::to_owned),
                    replacement: change.replacement().map(|r| r.as_str().to_owned()),
                    properties: properties(change),
                    danger: None,
                }));
                page = set.next_token;
                if page.is_none() {
                    return Ok(Some(changes));
                }
            }
            Some(ChangeSetStatus::Failed) => {
                let reason = set.status_reason().unwrap_or("no reason given").to_owned();
                let nothing = reason.contains("didn't contain changes") || reason.contains("No updates are to be performed");
                let findings = if nothing { Vec::new() } else { validation::findings(aws, &made.stack, &made.arn).await };
                discard(aws, made).await?;
                return if nothing {
                    Ok(None)
                } else {
                    let refused = Error::new(Kind::Failed, "CloudFormation refuses the template or its parameters").cause(reason);
                    let refused = findings.iter().filter(|f| f.fails).take(10).fold(refused, |error, finding| error.cause(&finding.words));
                    Err(refused.hint("correct what CloudFormation names above, then run the same command; nothing was changed"))
                };
            }
            _ => tokio::time::sleep(aws.poll()).await,
        }
    }
}

/// The properties that a change names.
fn properties(change: &aws_sdk_cloudformation::types::ResourceChange) -> Vec<String> {
    let names = change.details().iter().filter_map(|detail| detail.target()?.name());
    let names: std::collections::BTreeSet<String> = names.map(str::to_owned).collect();
    names.into_iter().collect()
}

/// Discards a plan that is not to be carried out.
pub(super) async fn discard_plan(aws: &Aws, plan: &Plan) -> Result<()> {
    discard(aws, &ChangeSet { arn: plan.change_set_arn.clone(), stack: plan.stack_arn.clone() }).await
}

/// Deletes a change set that cannot be executed, and the shell of a stack if it made one.
async fn discard(aws: &Aws, made: &ChangeSet) -> Result<()> {
    let cloudformation = aws.cloudformation();
    cloudformation
        .delete_change_set()
        .stack_name(&made.stack)
        .change_set_name(&made.arn)
        .send()
        .await
        .map_err(|e| fault("cloudformation:DeleteChangeSet", e))?;
    if status(aws, &made.stack).await?.is_some_and(|found| found.in_review() && found.ours) {
        cloudformation.delete_stack().stack_name(&made.stack).send().await.map_err(|e| fault("cloudformation:DeleteStack", e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: &str, ours: bool) -> StackStatus {
        StackStatus {
            name: "app".into(),
            arn: "arn".into(),
            status: status.into(),
            reason: None,
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            created: 0,
            changed: 0,
            ours,
            run: None,
            termination_protection: false,
        }
    }

    #[test]
    fn a_foreign_stack_is_a_conflict_whatever_its_state() {
        for state in ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"] {
            assert_eq!(must_be_deleted_first(&found(state, false)).map_err(|e| e.kind), Err(Kind::Conflict), "{state}");
        }
    }

    #[test]
    fn each_state_has_its_answer() {
        for (state, answer) in [
            ("CREATE_COMPLETE", Ok(false)),
            ("UPDATE_ROLLBACK_COMPLETE", Ok(false)),
            ("REVIEW_IN_PROGRESS", Ok(false)),
            ("ROLLBACK_COMPLETE", Ok(true)),
            ("ROLLBACK_FAILED", Ok(true)),
            ("UPDATE_ROLLBACK_FAILED", Err(Kind::Conflict)),
            ("UPDATE_FAILED", Err(Kind::Conflict)),
            ("DELETE_FAILED", Err(Kind::Conflict)),
            ("UPDATE_IN_PROGRESS", Err(Kind::Conflict)),
        ] {
            assert_eq!(must_be_deleted_first(&found(state, true)).map_err(|e| e.kind), answer, "{state}");
        }
    }

    #[test]
    fn the_name_of_a_change_set_says_what_is_in_it() {
        let spec = StackSpec {
            name: "a".into(),
            template_body: "t".into(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            termination_protection: false,
        };
        let other = StackSpec { parameters: BTreeMap::from([("P".into(), "1".into())]), ..spec.clone() };
        assert_eq!(name_for(&spec, "t1"), name_for(&spec, "t1"));
        assert_ne!(name_for(&spec, "t1"), name_for(&other, "t1"));
        assert_ne!(name_for(&spec, "t1"), name_for(&spec, "t2"));
        assert!(name_for(&spec, "t1").starts_with("migrate-wizard-"));
    }
}
