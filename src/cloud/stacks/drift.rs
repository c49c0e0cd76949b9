//! What was changed behind CloudFormation's back.
//! Never repairs: it asks CloudFormation to look, and reads what it saw.

use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDriftStatus};
use serde::Serialize;

use crate::cloud::Aws;
use crate::cloud::fault::fault;
use crate::error::{Error, Kind, Result};

/// A resource that is not as its template says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    pub logical_id: String,
    pub resource_type: String,
    pub physical_id: String,
    /// It was deleted outside of CloudFormation.
    pub deleted: bool,
    /// "DBInstanceClass: expected db.t3.micro, found db.t3.large"
    pub differences: Vec<String>,
}

/// Looks at every resource of a stack that CloudFormation can look at. It writes nothing but CloudFormation's own note of what it saw,
/// and is still refused by a session that only reads, since AWS counts it as an operation on the stack.
pub async fn drift(aws: &Aws, stack: &str) -> Result<Vec<Drifted>> {
    let client = aws.cloudformation();
    let begun = client.detect_stack_drift().stack_name(stack).send().await.map_err(|e| fault("cloudformation:DetectStackDrift", e))?;
    let id = begun.stack_drift_detection_id.unwrap_or_default();
    loop {
        let asked = client.describe_stack_drift_detection_status().stack_drift_detection_id(&id).send().await;
        let now = asked.map_err(|e| fault("cloudformation:DescribeStackDriftDetectionStatus", e))?;
        match now.detection_status() {
            Some(StackDriftDetectionStatus::DetectionInProgress) => tokio::time::sleep(aws.poll()).await,
            Some(StackDriftDetectionStatus::DetectionFailed) if now.drifted_stack_resource_count().unwrap_or(0) == 0 => {
                let reason = now.detection_status_reason().unwrap_or("no reason given");
                return Err(Error::new(Kind::Failed, format!("CloudFormation could not look for drift in {stack}"))
                    .cause(reason)
                    .hint("give the role or user in use the right to read what is named above, then run the same command"));
            }
            _ => break,
        }
    }
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let asked = client
            .describe_stack_resource_drifts()
            .stack_name(stack)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Modified)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Deleted)
            .set_next_token(page.take())
            .send()
            .await
            .map_err(|e| fault("cloudformation:DescribeStackResourceDrifts", e))?;
        for resource in asked.stack_resource_drifts() {
            let differences = resource.property_differences().iter().map(|d| {
                let path = d.property_path().unwrap_or_default().trim_start_matches('/');
                format!("{path}: expected {}, found {}", d.expected_value().unwrap_or("nothing"), d.actual_value().unwrap_or("nothing"))
            });
            found.push(Drifted {
                logical_id: resource.logical_resource_id().unwrap_or_default().to_owned(),
                resource_type: resource.resource_type().unwrap_or_default().to_owned(),
                physical_id: resource.physical_resource_id().unwrap_or_default().to_owned(),
                deleted: resource.stack_resource_drift_status() == Some(&StackResourceDriftStatus::Deleted),
                differences: differences.collect(),
            });
        }
        page = asked.next_token().map(str::to_owned).filter(|token| !token.is_empty());
        if page.is_none() {
            return Ok(found);
        }
    }
}
