//! A way back for data on AWS: snapshots of RDS and Aurora, backup jobs for DSQL, and DSQL's login token.
//! Never restores and never opens a database.

use aws_sdk_backup::types::BackupJobState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::{begun, code, fault};
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};
use crate::text::Secret;

/// What a snapshot is taken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An RDS instance by identifier.
    Instance(String),
    /// An Aurora cluster by identifier.
    Cluster(String),
}

/// A snapshot as RDS describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: String,
    pub arn: String,
    /// `creating`, `available`, `failed` …
    pub status: String,
    /// 0 to 100.
    pub percent: u32,
    pub ours: bool,
}

/// The snapshot of that name, if there is one.
pub async fn describe(aws: &Aws, source: &Source, id: &str) -> Result<Option<Snapshot>> {
    match source {
        Source::Instance(_) => match aws.rds().describe_db_snapshots().db_snapshot_identifier(id).send().await {
            Ok(answer) => Ok(answer.db_snapshots().first().map(|s| Snapshot {
                id: id.to_owned(),
                arn: s.db_snapshot_arn().unwrap_or_default().to_owned(),
                status: s.status().unwrap_or_default().to_owned(),
                percent: s.percent_progress().and_then(|p| u32::try_from(p).ok()).unwrap_or(0),
                ours: tags::is_ours(s.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))),
            })),
            Err(error) if code(&error).contains("SnapshotNotFound") => Ok(None),
            Err(error) => Err(fault("rds:DescribeDBSnapshots", error)),
        },
        Source::Cluster(_) => match aws.rds().describe_db_cluster_snapshots().db_cluster_snapshot_identifier(id).send().await {
            Ok(answer) => Ok(answer.db_cluster_snapshots().first().map(|s| Snapshot {
                id: id.to_owned(),
                arn: s.db_cluster_snapshot_arn().unwrap_or_default().to_owned(),
                status: s.status().unwrap_or_default().to_owned(),
                percent: s.percent_progress().and_then(|p| u32::try_from(p).ok()).unwrap_or(0),
                ours: tags::is_ours(s.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))),
            })),
            Err(error) if code(&error).contains("SnapshotNotFound") => Ok(None),
            Err(error) => Err(fault("rds:DescribeDBClusterSnapshots", error)),
        },
    }
}

/// Takes a snapshot and waits until it is available; one of that name that exists is waited for, not taken again.
pub async fn take(aws: &Aws, source: &Source, id: &str, reporter: &Reporter) -> Result<Snapshot> {
    if describe(aws, source, id).await?.is_none() {
        start(aws, source, id).await?;
    }
    loop {
        let found = describe(aws, source, id).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("the snapshot {id} disappeared while it was taken"))
                .hint("run the same command to take it again")
        })?;
        reporter.progress(u64::from(found.percent), Some(100), Unit::Steps, format!("snapshot {id}: {}", found.status));
        match found.status.as_str() {
            "available" => return Ok(found),
            "failed" | "incompatible-restore" | "incompatible-parameters" => {
                return Err(Error::new(Kind::Failed, format!("the snapshot {id} ended as {}", found.status))
                    .hint("look at the events of the database in the RDS console, then run the same command"));
            }
            _ => tokio::time::sleep(aws.poll()).await,
        }
    }
}

async fn start(aws: &Aws, source: &Source, id: &str) -> Result<()> {
    let tag = aws_sdk_rds::types::Tag::builder().key(tags::MANAGED_BY).value(tags::US).build();
    match source {
        Source::Instance(name) => {
            let call = aws.rds().create_db_snapshot().db_instance_identifier(name).db_snapshot_identifier(id).tags(tag);
            begun("rds:CreateDBSnapshot", call.send().await)
        }
        Source::Cluster(name) => {
            let call = aws.rds().create_db_cluster_snapshot().db_cluster_identifier(name).db_cluster_snapshot_identifier(id).tags(tag);
            begun("rds:CreateDBClusterSnapshot", call.send().await)
        }
    }
}

/// Deletes a snapshot of ours; an absent one is no error.
pub async fn delete(aws: &Aws, source: &Source, id: &str) -> Result<()> {
    let Some(found) = describe(aws, source, id).await? else { return Ok(()) };
    if !found.ours {
        return Err(Error::new(Kind::Conflict, format!("the snapshot {id} was not made by migrate-wizard"))
            .hint("delete it yourself in the RDS console if you no longer need it"));
    }
    match source {
        Source::Instance(_) => match aws.rds().delete_db_snapshot().db_snapshot_identifier(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error).contains("SnapshotNotFound") => Ok(()),
            Err(error) => Err(fault("rds:DeleteDBSnapshot", error)),
        },
        Source::Cluster(_) => match aws.rds().delete_db_cluster_snapshot().db_cluster_snapshot_identifier(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error).contains("SnapshotNotFound") => Ok(()),
            Err(error) => Err(fault("rds:DeleteDBClusterSnapshot", error)),
        },
    }
}

/// A backup job for a resource that has no snapshots of its own (DSQL).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub job: String,
    pub recovery_point_arn: String,
}

/// Backs a resource up into `vault` and waits. The same `token` finds the job of before instead of starting another.
pub async fn back_up(aws: &Aws, vault: &str, resource_arn: &str, role_arn: &str, token: &str, reporter: &Reporter) -> Result<Backup> {
    let started = aws
        .backup()
        .start_backup_job()
        .backup_vault_name(vault)
        .resource_arn(resource_arn)
        .iam_role_arn(role_arn)
        .idempotency_token(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{token}/{resource_arn}").as_bytes()).to_string())
        .send()
        .await
        .map_err(|e| fault("backup:StartBackupJob", e))?;
    let job = started.backup_job_id.unwrap_or_default();
    loop {
        let found =
            aws.backup().describe_backup_job().backup_job_id(&job).send().await.map_err(|e| fault("backup:DescribeBackupJob", e))?;
        let state = found.state().cloned().unwrap_or(BackupJobState::Pending);
        let percent = found.percent_done().and_then(|p| p.trim().parse::<f64>().ok()).unwrap_or(0.0).clamp(0.0, 100.0) as u64;
        reporter.progress(percent, Some(100), Unit::Steps, format!("backup {job}: {}", state.as_str()));
        match state {
            BackupJobState::Completed => return Ok(Backup { job, recovery_point_arn: found.recovery_point_arn.unwrap_or_default() }),
            BackupJobState::Aborted | BackupJobState::Expired | BackupJobState::Failed | BackupJobState::Partial => {
                return Err(Error::new(Kind::Failed, format!("the backup job {job} ended as {}", state.as_str()))
                    .cause(found.status_message().unwrap_or("no reason given"))
                    .hint("correct the cause named above, then run the same command"));
            }
            _ => tokio::time::sleep(aws.poll()).await,
        }
    }
}

/// The region in the name of a DSQL cluster's endpoint, `<id>.dsql.<region>.on.aws` (`dsql-fnh4` and the like with a private endpoint).
pub fn dsql_region(host: &str) -> Option<&str> {
    let host = host.strip_suffix(".on.aws")?;
    let mut labels = host.split('.').skip_while(|label| *label != "dsql" && !label.starts_with("dsql-"));
    labels.next()?;
    labels.next().filter(|region| !region.is_empty())
}

/// A login token for a DSQL cluster, good for connecting within 15 minutes. Signed here, for the region in the cluster's name; makes no
/// call. `host` is the cluster's endpoint.
pub async fn dsql_token(aws: &Aws, host: &str, admin: bool) -> Result<Secret> {
    use aws_sdk_dsql::auth_token::{AuthTokenGenerator, Config};
    let what = format!("cannot sign a login for {host}");
    let failed = |e: aws_sdk_sts::error::BoxError| {
        Error::new(Kind::Denied, &what).because(&*e).hint("sign in again (`aws sso login`, or new keys), then run the same command")
    };
    if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-') {
        // the signer would panic
        return Err(Error::new(Kind::Input, &what)
            .cause("that is no host name")
            .hint("the cluster's endpoint is an output of the database's stack: deploy it first"));
    }
    let config = Config::builder().hostname(host);
    let config = match dsql_region(host) {
        Some(region) => config.region(aws_config::Region::new(region.to_owned())),
        None => config,
    };
    let config = config.build().map_err(failed)?;
    let signer = AuthTokenGenerator::new(config);
    let token =
        if admin { signer.db_connect_admin_auth_token(aws.config()).await } else { signer.db_connect_auth_token(aws.config()).await };
    Ok(Secret::new(token.map_err(failed)?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Access;

    #[tokio::test]
    async fn a_token_is_signed_without_a_call() {
        let aws = Aws::for_test("http://127.0.0.1:9", Access::ReadOnly).await;
        let token = dsql_token(&aws, "abc.dsql.us-east-1.on.aws", true).await.unwrap();
        assert!(token.expose().starts_with("abc.dsql.us-east-1.on.aws/?Action=DbConnectAdmin&"));
        assert_eq!(dsql_token(&aws, "<data-dsql.Endpoint>", true).await.unwrap_err().kind, Kind::Input);
        let far = dsql_token(&aws, "abc.dsql-fnh4.eu-west-1.on.aws", true).await.unwrap();
        assert!(far.expose().contains("%2Feu-west-1%2Fdsql%2F"), "signed for the cluster's region, whatever the session's is");
        for (host, region) in [("abc.dsql.us-east-1.on.aws", Some("us-east-1")), ("db.example.com", None), ("dsql.on.aws", None)] {
            assert_eq!(dsql_region(host), region, "{host}");
        }
        assert!(dsql_token(&aws, "abc.dsql.us-east-1.on.aws", false).await.unwrap().expose().contains("Action=DbConnect&"));
    }
}
