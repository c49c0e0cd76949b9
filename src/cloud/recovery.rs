//! Recovery points of AWS Backup, and another DSQL cluster made of one.
//! Never touches the cluster that is there: a restore always makes a new one.

use std::collections::HashMap;

use aws_sdk_backup::types::{RecoveryPointStatus, RestoreJobStatus};
use serde::Serialize;
use uuid::Uuid;

use super::fault::fault;
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// What AWS Backup can restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryPoint {
    pub arn: String,
    pub vault: String,
    /// Seconds since 1970.
    pub at_s: Option<i64>,
}

/// Complete recovery points of a resource, newest first.
pub async fn points(aws: &Aws, resource_arn: &str) -> Result<Vec<RecoveryPoint>> {
    let mut all = Vec::new();
    let mut page = None;
    loop {
        let sent = aws.backup().list_recovery_points_by_resource().resource_arn(resource_arn).set_next_token(page.take()).send().await;
        let answer = sent.map_err(|e| fault("backup:ListRecoveryPointsByResource", e))?;
        let good = answer.recovery_points().iter().filter(|one| one.status() == Some(&RecoveryPointStatus::Completed));
        all.extend(good.filter_map(|one| {
            Some(RecoveryPoint {
                arn: one.recovery_point_arn()?.to_owned(),
                vault: one.backup_vault_name()?.to_owned(),
                at_s: one.creation_date().map(|at| at.secs()),
            })
        }));
        page = answer.next_token.filter(|token| !token.is_empty());
        if page.is_none() {
            break;
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at_s));
    Ok(all)
}

/// Restores a recovery point to a new cluster of this region and waits; returns the new cluster's ARN. The same `token` finds the job of
/// before instead of starting another.
pub async fn restore(aws: &Aws, point: &RecoveryPoint, role_arn: &str, token: &str, reporter: &Reporter) -> Result<String> {
    let sent = aws.backup().get_recovery_point_restore_metadata().backup_vault_name(&point.vault).recovery_point_arn(&point.arn).send();
    let known = sent.await.map_err(|e| fault("backup:GetRecoveryPointRestoreMetadata", e))?;
    let mut metadata: HashMap<String, String> = known.restore_metadata().cloned().unwrap_or_default();
    // the form of AWS Backup's developer guide, "Amazon Aurora DSQL restore" (2026-11); not tried on AWS
    metadata
        .entry("regionalConfig".to_owned())
        .or_insert_with(|| serde_json::json!([{ "region": aws.region(), "isDeletionProtectionEnabled": true }]).to_string());
    let started = aws
        .backup()
        .start_restore_job()
        .recovery_point_arn(&point.arn)
        .iam_role_arn(role_arn)
        .set_metadata(Some(metadata))
        .copy_source_tags_to_restored_resource(true)
        .idempotency_token(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{token}/{}", point.arn).as_bytes()).to_string())
        .send()
        .await
        .map_err(|e| fault("backup:StartRestoreJob", e))?;
    let job = started.restore_job_id.unwrap_or_default();
    loop {
        let sent = aws.backup().describe_restore_job().restore_job_id(&job).send().await;
        let found = sent.map_err(|e| fault("backup:DescribeRestoreJob", e))?;
        let state = found.status().cloned().unwrap_or(RestoreJobStatus::Pending);
        let percent = found.percent_done().and_then(|p| p.trim_end_matches('%').trim().parse::<f64>().ok()).unwrap_or(0.0);
        reporter.progress(percent.clamp(0.0, 100.0) as u64, Some(100), Unit::Steps, format!("restore {job}: {}", state.as_str()));
        match state {
            RestoreJobStatus::Completed => {
                return found.created_resource_arn.ok_or_else(|| Error::bug("AWS Backup restored a cluster and did not name it"));
            }
            RestoreJobStatus::Aborted | RestoreJobStatus::Failed => {
                return Err(Error::new(Kind::Failed, format!("the restore job {job} ended as {}", state.as_str()))
                    .cause(found.status_message().unwrap_or("no reason given"))
                    .hint("correct the cause named above, then run the same command"));
            }
            _ => tokio::time::sleep(aws.poll()).await,
        }
    }
}

/// The host of a DSQL cluster, of its ARN: `arn:aws:dsql:us-east-1:…:cluster/abc` is reached at `abc.dsql.us-east-1.on.aws`.
pub fn host(arn: &str) -> Option<String> {
    let region = arn.split(':').nth(3)?;
    let id = arn.split_once(":cluster/")?.1;
    (!region.is_empty() && !id.is_empty()).then(|| format!("{id}.dsql.{region}.on.aws"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_reached_by_the_name_in_its_arn() {
        assert_eq!(host("arn:aws:dsql:eu-west-1:123456789012:cluster/abc").as_deref(), Some("abc.dsql.eu-west-1.on.aws"));
        assert_eq!(host("arn:aws:rds:eu-west-1:123456789012:db:abc"), None);
    }
}
