//! The read calls a run will need, tried before it starts.
//! Never writes; that a read is allowed does not prove that a write will be.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::finding::{Check, Finding};
use crate::cloud::Aws;
use crate::cloud::fault::fault;
use crate::error::Result;

/// A read call worth trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Identity,
    Stacks,
    Images,
    Services,
    Secrets,
    /// Only if a domain is moved.
    Dns,
    /// Only if the target is RDS or Aurora.
    Databases,
    /// Only if the target is DSQL.
    Backups,
}

impl Call {
    /// As IAM writes it.
    pub fn action(self) -> &'static str {
        match self {
            Self::Identity => "sts:GetCallerIdentity",
            Self::Stacks => "cloudformation:ListStacks",
            Self::Images => "ecr:DescribeRepositories",
            Self::Services => "ecs:ListClusters",
            Self::Secrets => "secretsmanager:ListSecrets",
            Self::Dns => "route53:ListHostedZones",
            Self::Databases => "rds:DescribeDBInstances",
            Self::Backups => "backup:ListBackupVaults",
        }
    }
}

/// Makes the calls side by side and returns what came of each, in their order.
pub(super) async fn calls(aws: &Aws, wanted: &[Call]) -> Vec<Finding> {
    join_all(wanted.iter().map(async |call| {
        let action = call.action();
        match attempt(aws, *call).await {
            Ok(()) => Finding::fine(Check::Calls, format!("{action} answers")),
            Err(error) => Finding::stops(Check::Calls, format!("{action} does not work: {}", error.line()), &error.hint),
        }
    }))
    .await
}

async fn attempt(aws: &Aws, call: Call) -> Result<()> {
    let action = call.action();
    match call {
        Call::Identity => aws.identity().await.map(drop),
        Call::Stacks => aws.cloudformation().list_stacks().send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Images => aws.ecr().describe_repositories().max_results(1).send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Services => aws.ecs().list_clusters().max_results(1).send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Secrets => aws.secretsmanager().list_secrets().max_results(1).send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Dns => aws.route53().list_hosted_zones().max_items(1).send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Databases => aws.rds().describe_db_instances().max_records(20).send().await.map(drop).map_err(|e| fault(action, e)),
        Call::Backups => aws.backup().list_backup_vaults().max_results(1).send().await.map(drop).map_err(|e| fault(action, e)),
    }
}
