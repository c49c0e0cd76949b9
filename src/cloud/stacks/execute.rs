//! Making a stack as it should be, or going on where an interrupted run stopped.
//! Never plans by itself what a change set does; that is CloudFormation's.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{discard_plan, not_foreign};
use super::status::{StackStatus, status};
use super::{Plan, StackSpec, data, follow, plan, policy, recover, validation};
use crate::cloud::fault::{code, fault};
use crate::cloud::{Aws, tags};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// Starts the change set; [`follow`] watches it. Starting what was started already is no error.
pub async fn execute(aws: &Aws, plan: &Plan, token: &str, reporter: &Reporter) -> Result<()> {
    if plan.empty {
        reporter.log("no changes");
        return Ok(());
    }
    for change in &plan.changes {
        let replaced = change.replacement.as_deref().filter(|r| *r != "False").map(|r| format!(" (replacement: {r})")).unwrap_or_default();
        reporter.log(format!("{} {} {}{replaced}", change.action, change.resource_type, change.logical_id));
        if let Some(warning) = change.warning() {
            reporter.log(format!("warning: this {warning}"));
        }
    }
    for finding in validation::findings(aws, &plan.stack_arn, &plan.change_set_arn).await {
        reporter.log(format!("CloudFormation warns: {}", finding.words));
    }
    let sent = aws
        .cloudformation()
        .execute_change_set()
        .change_set_name(&plan.change_set_arn)
        .stack_name(&plan.stack_arn)
        .client_request_token(tags::request_token(token))
        // what a failed attempt made anew goes with it, also where the template would keep it: it holds nothing yet, and would be in the way
        .retain_except_on_create(true)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(()),
        // it was accepted before: by a call whose answer we never saw
        Err(error)
            if ["TokenAlreadyExistsException", "InvalidChangeSetStatus", "ChangeSetNotFound"]
                .iter()
                .any(|c| code(&error).starts_with(c)) =>
        {
            match status(aws, &plan.stack_arn).await? {
                Some(found) if found.in_progress() || found.succeeded() => Ok(()),
                Some(_) | None => Err(fault("cloudformation:ExecuteChangeSet", error)),
            }
        }
        Err(error) => Err(fault("cloudformation:ExecuteChangeSet", error)),
    }
}

/// Makes the stack as `spec` says and returns its outputs. Twice equals once; after an interruption it attaches to what is under way.
///
/// `token` names this attempt and must be stored before the call. Errors with [`Kind::Conflict`] if the stack is not ours, with
/// [`Kind::Refused`] if data would be lost and nobody agreed to it: then nothing is changed. A stack that an earlier failure left in the
/// middle of something is taken back to its last good state first.
///
/// A failure rolls back, for every stack: what is left is a state that CloudFormation knows, and the next attempt begins from it. With roll
/// backs disabled a stack would pause where it failed, and a change that replaces something is then refused.
pub async fn deploy(aws: &Aws, spec: &StackSpec, token: &str, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    let token = tags::request_token(token);
    if let Some(found) = status(aws, &spec.name).await?.filter(StackStatus::in_progress) {
        not_foreign(&found)?;
        reporter.log(format!("stack {} is {}: watching it", found.name, found.status));
        if found.status.starts_with("DELETE") {
            super::delete(aws, &found.arn, &token, reporter).await?;
        } else if let Err(error) = follow(aws, &found.arn, None, None, reporter).await {
            // whatever failed there, what is wanted now is decided by the plan below; only say what was seen
            reporter.log(error.line());
            if error.kind != Kind::Failed {
                return Err(error);
            }
            // it may have been this very attempt: then its failure is the answer
            if attempted(aws, &found.arn, &token).await? {
                return Err(error);
            }
        }
    }
    let paused = |found: &StackStatus| ["CREATE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"].contains(&found.status.as_str());
    if let Some(found) = status(aws, &spec.name).await?.filter(paused) {
        recover(aws, &found.arn, &BTreeSet::new(), &format!("{token}-recover"), reporter).await?;
    }
    let made = plan(aws, spec, &token).await?;
    let held = data::holders(&spec.template_body, &spec.parameters)?;
    if !made.empty {
        let open = agreed(aws, spec, &made).await?;
        if !made.creates {
            policy::protect_data(aws, &made.stack_arn, &held.union(&open).cloned().collect(), &open).await?;
        }
    }
    let outputs = if made.empty {
        reporter.log(format!("stack {}: no changes", spec.name));
        status(aws, &made.stack_arn).await?.map(|found| found.outputs).ok_or_else(|| vanished(&spec.name))?
    } else {
        execute(aws, &made, &token, reporter).await?;
        follow(aws, &made.stack_arn, Some(&token), Some(made.changes.len()), reporter).await?
    };
    protect(aws, &made.stack_arn, spec.termination_protection).await?;
    policy::protect_data(aws, &made.stack_arn, &held, &BTreeSet::new()).await?;
    Ok(outputs)
}

/// Logical ids of what may be lost, all agreed to; else the plan is discarded.
async fn agreed(aws: &Aws, spec: &StackSpec, made: &Plan) -> Result<BTreeSet<String>> {
    let losses: Vec<_> = made.changes.iter().filter(|change| change.needs_consent()).collect();
    let open: Vec<_> = losses.iter().filter(|change| !aws.agreed(&change.consent(&spec.name))).collect();
    if open.is_empty() {
        return Ok(losses.iter().map(|change| change.logical_id.clone()).collect());
    }
    discard_plan(aws, made).await?;
    let consents = open.iter().map(|change| format!("--confirm {}", change.consent(&spec.name))).collect::<Vec<_>>().join(" ");
    let refused = Error::new(Kind::Refused, format!("this change of stack {} would lose data; nothing was changed", spec.name));
    let refused = open.iter().filter_map(|change| change.warning()).fold(refused, |error, warning| error.cause(format!("it {warning}")));
    Err(refused.hint(format!("change the answer back; or, if the data may go (take a snapshot first), start again with {consents}")))
}

/// Whether the stack's last events belong to this attempt.
async fn attempted(aws: &Aws, arn: &str, token: &str) -> Result<bool> {
    let page = aws
        .cloudformation()
        .describe_stack_events()
        .stack_name(arn)
        .send()
        .await
        .map_err(|e| fault("cloudformation:DescribeStackEvents", e))?;
    Ok(page.stack_events().first().is_some_and(|event| event.client_request_token() == Some(token)))
}

/// Switches termination protection to `on` if it is not so yet.
pub async fn protect(aws: &Aws, arn: &str, on: bool) -> Result<()> {
    if status(aws, arn).await?.is_none_or(|found| found.termination_protection == on) {
        return Ok(());
    }
    aws.cloudformation()
        .update_termination_protection()
        .stack_name(arn)
        .enable_termination_protection(on)
        .send()
        .await
        .map_err(|e| fault("cloudformation:UpdateTerminationProtection", e))?;
    Ok(())
}

fn vanished(name: &str) -> Error {
    Error::new(Kind::Conflict, format!("stack {name} disappeared while it was being read"))
        .hint("someone else deleted it; run the same command to make it again")
}
