//! Names that the run will take, and whether somebody else has them: stacks, and the fixed names of what they make.
//! Derived from the rendered templates; a kind of name that no client here can ask for is said to be unasked.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use super::finding::{Check, Finding};
use super::{Stack, Wanted};
use crate::cloud::fault::{code, fault};
use crate::cloud::{Aws, registry, secrets};
use crate::error::Result;

/// How a name is asked for.
#[derive(Clone, Copy)]
enum Ask {
    Repository,
    Cluster,
    Secret,
    DbInstance,
    DbCluster,
    BackupVault,
    Role,
    InstanceProfile,
    OidcProvider,
    /// No client for it: the command that tells.
    Nobody(&'static str),
}

/// Type, property that holds its fixed name, and how to ask.
const NAMED: [(&str, &str, Ask); 21] = [
    ("AWS::ECR::Repository", "RepositoryName", Ask::Repository),
    ("AWS::ECS::Cluster", "ClusterName", Ask::Cluster),
    ("AWS::SecretsManager::Secret", "Name", Ask::Secret),
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier", Ask::DbInstance),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier", Ask::DbCluster),
    ("AWS::Backup::BackupVault", "BackupVaultName", Ask::BackupVault),
    ("AWS::IAM::Role", "RoleName", Ask::Role),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName", Ask::InstanceProfile),
    ("AWS::IAM::OIDCProvider", "Url", Ask::OidcProvider),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name", Ask::Nobody("aws elbv2 describe-load-balancers --names")),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name", Ask::Nobody("aws elbv2 describe-target-groups --names")),
    ("AWS::Cognito::UserPoolDomain", "Domain", Ask::Nobody("aws cognito-idp describe-user-pool-domain --domain")),
    ("AWS::S3::Bucket", "BucketName", Ask::Nobody("aws s3api head-bucket --bucket")),
    ("AWS::Logs::LogGroup", "LogGroupName", Ask::Nobody("aws logs describe-log-groups --log-group-name-prefix")),
    ("AWS::CodeBuild::Project", "Name", Ask::Nobody("aws codebuild batch-get-projects --names")),
    ("AWS::CodePipeline::Pipeline", "Name", Ask::Nobody("aws codepipeline get-pipeline --name")),
    ("AWS::CloudWatch::Dashboard", "DashboardName", Ask::Nobody("aws cloudwatch get-dashboard --dashboard-name")),
    ("AWS::CloudWatch::Alarm", "AlarmName", Ask::Nobody("aws cloudwatch describe-alarms --alarm-names")),
    ("AWS::SNS::Topic", "TopicName", Ask::Nobody("aws sns list-topics; look for")),
    (
        "AWS::ElastiCache::ReplicationGroup",
        "ReplicationGroupId",
        Ask::Nobody("aws elasticache describe-replication-groups --replication-group-id"),
    ),
    ("AWS::WAFv2::WebACL", "Name", Ask::Nobody("aws wafv2 list-web-acls --scope REGIONAL; look for")),
];

pub(super) async fn findings(aws: &Aws, wanted: &Wanted, stacks: &[Stack<'_>]) -> Vec<Finding> {
    let mut all: Vec<Finding> = stacks.iter().filter_map(stack).collect();
    let (mut asked, mut unasked) = (Vec::new(), Vec::new());
    for stack in stacks.iter().filter(|stack| !stack.is_ours()) {
        for (kind, property, ask) in NAMED {
            for resource in stack.rendered.of_kind(kind) {
                let Some(name) = resource.properties.get(property).and_then(Value::as_str) else { continue };
                match ask {
                    Ask::Nobody(command) => unasked.push(format!("{command} {name}")),
                    asks => asked.push((asks, kind, name, stack.name)),
                }
            }
        }
    }
    let made = asked.len();
    let answers = join_all(asked.into_iter().map(async |(ask, kind, name, stack)| {
        let maker = format!("{kind} {name}, which {stack} makes");
        match taken(aws, ask, name).await {
            Ok(None) => None,
            Ok(Some(how)) => Some(Finding::stops(Check::Name, format!("{maker}: {how}"), remedy(ask))),
            Err(error) => {
                Some(Finding::note(Check::Name, format!("{maker}: whether the name is free is not known: {}", error.line()), error.hint))
            }
        }
    }));
    let own = join_all(wanted.secrets.iter().collect::<BTreeSet<_>>().into_iter().map(async |name| own_secret(aws, name).await));
    let repositories = join_all(wanted.repositories.iter().map(async |name| repository(aws, name).await));
    let (answers, own, repositories) = tokio::join!(answers, own, repositories);
    let found: Vec<Finding> = answers.into_iter().chain(own).chain(repositories).flatten().collect();
    let asked = made + wanted.secrets.len() + wanted.repositories.len();
    if found.is_empty() && asked > 0 {
        all.push(Finding::fine(Check::Name, format!("{asked} fixed names are free")));
    }
    all.extend(found);
    if !unasked.is_empty() {
        all.push(Finding::note(
            Check::Name,
            format!("whether {} more fixed names are free is not asked here", unasked.len()),
            format!("each of these should find nothing: {}", unasked.join("; ")),
        ));
    }
    all
}

fn stack(stack: &Stack<'_>) -> Option<Finding> {
    let status = stack.there.as_ref()?;
    if !status.ours {
        return Some(Finding::stops(
            Check::Name,
            format!("a stack called {} is there ({}) and was not made by migrate-wizard", stack.name, status.status),
            "choose another app name or environment (--set environment=…), or remove that stack if nobody needs it",
        ));
    }
    if status.in_progress() {
        return Some(Finding::warns(
            Check::Name,
            format!("the stack {} is being worked on ({})", stack.name, status.status),
            "the run waits for it; see that no other run is at it",
        ));
    }
    Some(Finding::fine(Check::Name, format!("the stack {} is there and ours ({})", stack.name, status.status)))
}

/// How the name is taken; `None` if it is free.
async fn taken(aws: &Aws, ask: Ask, name: &str) -> Result<Option<String>> {
    let there = |found: bool| found.then(|| "one of that name is there".to_owned());
    Ok(match ask {
        Ask::Repository => there(registry::describe(aws, name).await?.is_some()),
        Ask::Cluster => {
            let answer = aws.ecs().describe_clusters().clusters(name).send().await.map_err(|e| fault("ecs:DescribeClusters", e))?;
            there(answer.clusters().iter().any(|cluster| cluster.status() == Some("ACTIVE")))
        }
        Ask::Secret => secrets::describe(aws, name).await?.map(|found| {
            if found.scheduled_for_deletion {
                "one of that name is being deleted, and keeps the name until then"
            } else {
                "one of that name is there"
            }
            .to_owned()
        }),
        Ask::DbInstance => match aws.rds().describe_db_instances().db_instance_identifier(name).send().await {
            Ok(answer) => there(!answer.db_instances().is_empty()),
            Err(error) if code(&error).contains("NotFound") => None,
            Err(error) => return Err(fault("rds:DescribeDBInstances", error)),
        },
        Ask::DbCluster => match aws.rds().describe_db_clusters().db_cluster_identifier(name).send().await {
            Ok(answer) => there(!answer.db_clusters().is_empty()),
            Err(error) if code(&error).contains("NotFound") => None,
            Err(error) => return Err(fault("rds:DescribeDBClusters", error)),
        },
        Ask::BackupVault => match aws.backup().describe_backup_vault().backup_vault_name(name).send().await {
            Ok(_) => there(true),
            // AWS Backup says no to who asks for a vault that is not there
            Err(error) if matches!(code(&error), "ResourceNotFoundException" | "AccessDeniedException") => None,
            Err(error) => return Err(fault("backup:DescribeBackupVault", error)),
        },
        Ask::Role => match aws.iam().get_role().role_name(name).send().await {
            Ok(_) => there(true),
            Err(error) if code(&error) == "NoSuchEntity" => None,
            Err(error) => return Err(fault("iam:GetRole", error)),
        },
        Ask::InstanceProfile => match aws.iam().get_instance_profile().instance_profile_name(name).send().await {
            Ok(_) => there(true),
            Err(error) if code(&error) == "NoSuchEntity" => None,
            Err(error) => return Err(fault("iam:GetInstanceProfile", error)),
        },
        Ask::OidcProvider => {
            let host = name.trim_start_matches("https://");
            let answer = aws.iam().list_open_id_connect_providers().send().await.map_err(|e| fault("iam:ListOpenIDConnectProviders", e))?;
            let found = answer.open_id_connect_provider_list().iter().filter_map(|p| p.arn()).any(|arn| arn.ends_with(&format!("/{host}")));
            found.then(|| "an account can have only one of it, and it is there already".to_owned())
        }
        Ask::Nobody(_) => None,
    })
}

fn remedy(ask: Ask) -> &'static str {
    match ask {
        Ask::OidcProvider => {
            "let the stack use the one that is there: --set oidc_provider=ARN with the ARN of above; or remove it if no other pipeline signs in with it"
        }
        Ask::Secret => {
            "choose another app name or environment, or `aws secretsmanager delete-secret --force-delete-without-recovery --secret-id NAME` if nobody needs it"
        }
        Ask::Repository
        | Ask::Cluster
        | Ask::DbInstance
        | Ask::DbCluster
        | Ask::BackupVault
        | Ask::Role
        | Ask::InstanceProfile
        | Ask::Nobody(_) => "choose another app name or environment (--set environment=…), or remove it if nobody needs it",
    }
}

/// A secret that the wizard makes: ours is taken over, another's is not touched.
async fn own_secret(aws: &Aws, name: &str) -> Option<Finding> {
    match secrets::describe(aws, name).await {
        Ok(Some(found)) if !found.ours => {
            let how = if found.scheduled_for_deletion { "is being deleted, keeps its name until then," } else { "is there" };
            Some(Finding::stops(Check::Name, format!("the secret {name} {how} and was not made by migrate-wizard"), remedy(Ask::Secret)))
        }
        Ok(Some(found)) if found.scheduled_for_deletion => Some(Finding::note(
            Check::Name,
            format!("the secret {name} is ours and scheduled for deletion: the run restores it"),
            "nothing to do",
        )),
        Ok(_) => None,
        Err(error) => {
            Some(Finding::note(Check::Name, format!("whether the secret {name} is there is not known: {}", error.line()), error.hint))
        }
    }
}

/// A repository that the wizard makes: one that is there is used as it is.
async fn repository(aws: &Aws, name: &str) -> Option<Finding> {
    match registry::describe(aws, name).await {
        Ok(Some(_)) => Some(Finding::note(
            Check::Name,
            format!("the image repository {name} is there: the run pushes its images into it"),
            "choose another app name or environment if it belongs to something else",
        )),
        Ok(None) => None,
        Err(error) => Some(Finding::note(
            Check::Name,
            format!("whether the image repository {name} is there is not known: {}", error.line()),
            error.hint,
        )),
    }
}
