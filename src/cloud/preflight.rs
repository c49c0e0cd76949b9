//! The read calls a run will need, tried before it starts, with every problem told at once.
//! Never writes; that a read is allowed does not prove that a write will be.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::fault::fault;
use super::session::Aws;
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

/// What came of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// As IAM writes it: `ecs:ListClusters`.
    pub call: String,
    pub ok: bool,
    /// Empty if `ok`.
    pub problem: String,
    /// What to do about the problem; empty if `ok`.
    pub hint: String,
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

/// Makes the calls side by side and returns one check for each, in their order.
pub async fn calls(aws: &Aws, wanted: &[Call]) -> Vec<Check> {
    join_all(wanted.iter().map(async |call| {
        let problem = attempt(aws, *call).await.err();
        Check {
            call: call.action().to_owned(),
            ok: problem.is_none(),
            hint: problem.as_ref().map(|error| error.hint.clone()).unwrap_or_default(),
            problem: problem.map(|error| error.line()).unwrap_or_default(),
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
