//! What CloudFormation finds wrong with a change set before anything is made: property syntax, names that are taken, buckets that are not empty.
//! Reads only, and never stands in the way: an endpoint or a role that does not answer this call costs the findings, not the deployment.

use aws_sdk_cloudformation::types::{EventFilter, HookFailureMode, OperationEvent};

use crate::cloud::Aws;

/// One finding of the early validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// CloudFormation will not execute the change set as long as this stands.
    pub fails: bool,
    pub words: String,
}

/// The failed events of a change set, in the order of CloudFormation; empty where they cannot be had.
pub(super) async fn findings(aws: &Aws, stack: &str, change_set: &str) -> Vec<Finding> {
    let failed = EventFilter::builder().failed_events(true).build();
    let asked = aws.cloudformation().describe_events().stack_name(stack).change_set_name(change_set).filters(failed).send().await;
    asked.map(|answer| answer.operation_events().iter().filter_map(finding).collect()).unwrap_or_default()
}

fn finding(event: &OperationEvent) -> Option<Finding> {
    let reason = event.validation_status_reason().or(event.hook_status_reason()).or(event.resource_status_reason())?;
    let place = [event.resource_type(), event.logical_resource_id(), event.validation_path()];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = event.validation_name().map(|name| format!(" ({name})")).unwrap_or_default();
    let words = if place.is_empty() { format!("{reason}{name}") } else { format!("{place}: {reason}{name}") };
    Some(Finding { fails: event.validation_failure_mode() != Some(&HookFailureMode::Warn), words })
}
