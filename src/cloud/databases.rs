//! What an RDS instance or Aurora cluster is, as far as another one like it asks, and its snapshots.
//! Only reads.

use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{DbCluster, DbInstance, Tag, VpcSecurityGroupMembership};
use serde::Serialize;

use super::fault::{code, fault};
use super::session::Aws;
use super::snapshot::Source;
use crate::error::{Error, Kind, Result};

/// On what was restored: the database that it was made of.
pub(super) const FROM: &str = "migrate-wizard-restored-from";

/// An instance or a cluster, as far as another one like it asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Database {
    pub id: String,
    pub arn: String,
    /// `available`, `creating`, `backing-up` …
    pub status: String,
    pub host: String,
    pub port: i32,
    /// Of the instance; of a cluster's writer.
    pub class: String,
    pub engine: String,
    pub subnet_group: Option<String>,
    pub security_groups: Vec<String>,
    pub parameter_group: Option<String>,
    pub multi_az: bool,
    pub encrypted: bool,
    pub public: bool,
    /// Roles may log in with IAM tokens.
    pub iam: bool,
    pub protected: bool,
    /// Logs that go to CloudWatch.
    pub logs: Vec<String>,
    /// The latest moment that it can be restored to, in seconds since 1970.
    pub latest_s: Option<i64>,
    /// The secret of the administrative role, where RDS manages it.
    pub master: Option<String>,
    /// What it was restored from, if it was restored here.
    pub restored_from: Option<String>,
    /// Instances of a cluster.
    pub members: Vec<String>,
    /// Capacity units of a serverless cluster, from and to.
    pub capacity: Option<(f64, f64)>,
}

/// A snapshot that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    pub id: String,
    /// Seconds since 1970.
    pub at_s: Option<i64>,
}

/// The same kind of thing by another name.
pub fn named(source: &Source, name: &str) -> Source {
    match source {
        Source::Instance(_) => Source::Instance(name.to_owned()),
        Source::Cluster(_) => Source::Cluster(name.to_owned()),
    }
}

pub(super) fn id(source: &Source) -> &str {
    match source {
        Source::Instance(id) | Source::Cluster(id) => id,
    }
}

/// The database of that name, if there is one.
pub async fn describe(aws: &Aws, source: &Source) -> Result<Option<Database>> {
    match source {
        Source::Instance(id) => match aws.rds().describe_db_instances().db_instance_identifier(id).send().await {
            Ok(answer) => Ok(answer.db_instances().first().map(of_instance)),
            Err(error) if code(&error).contains("NotFound") => Ok(None),
            Err(error) => Err(fault("rds:DescribeDBInstances", error)),
        },
        Source::Cluster(id) => match aws.rds().describe_db_clusters().db_cluster_identifier(id).send().await {
            Ok(answer) => Ok(answer.db_clusters().first().map(of_cluster)),
            Err(error) if code(&error).contains("NotFound") => Ok(None),
            Err(error) => Err(fault("rds:DescribeDBClusters", error)),
        },
    }
}

/// The same; there must be one. A cluster's class is that of its first instance.
pub async fn present(aws: &Aws, source: &Source) -> Result<Database> {
    let missing = || {
        Error::new(Kind::Conflict, format!("there is no database {} here", id(source)))
            .hint("check region and account; the data stack's output Identifier is its name")
    };
    let mut found = describe(aws, source).await?.ok_or_else(missing)?;
    if let (true, Some(first)) = (found.class.is_empty(), found.members.first()) {
        let writer = describe(aws, &Source::Instance(first.clone())).await?;
        found.class = writer.map(|one| one.class).unwrap_or_default();
    }
    Ok(found)
}

/// Snapshots of it that can be restored, newest first.
pub async fn snapshots(aws: &Aws, source: &Source) -> Result<Vec<Taken>> {
    let mut all: Vec<Taken> = match source {
        Source::Instance(id) => {
            let answer = aws.rds().describe_db_snapshots().db_instance_identifier(id).send().await;
            let answer = answer.map_err(|e| fault("rds:DescribeDBSnapshots", e))?;
            let good = answer.db_snapshots().iter().filter(|s| s.status() == Some("available"));
            good.filter_map(|s| Some(taken(s.db_snapshot_identifier()?, s.snapshot_create_time()))).collect()
        }
        Source::Cluster(id) => {
            let answer = aws.rds().describe_db_cluster_snapshots().db_cluster_identifier(id).send().await;
            let answer = answer.map_err(|e| fault("rds:DescribeDBClusterSnapshots", e))?;
            let good = answer.db_cluster_snapshots().iter().filter(|s| s.status() == Some("available"));
            good.filter_map(|s| Some(taken(s.db_cluster_snapshot_identifier()?, s.snapshot_create_time()))).collect()
        }
    };
    all.sort_by_key(|one| std::cmp::Reverse(one.at_s));
    Ok(all)
}

fn taken(id: &str, at: Option<&DateTime>) -> Taken {
    Taken { id: id.to_owned(), at_s: at.map(DateTime::secs) }
}

fn groups(all: &[VpcSecurityGroupMembership]) -> Vec<String> {
    all.iter().filter_map(|one| one.vpc_security_group_id()).map(str::to_owned).collect()
}

fn origin(tags: &[Tag]) -> Option<String> {
    tags.iter().find(|tag| tag.key() == Some(FROM)).and_then(Tag::value).map(str::to_owned)
}

fn of_instance(one: &DbInstance) -> Database {
    let endpoint = one.endpoint();
    Database {
        id: one.db_instance_identifier().unwrap_or_default().to_owned(),
        arn: one.db_instance_arn().unwrap_or_default().to_owned(),
        status: one.db_instance_status().unwrap_or_default().to_owned(),
        host: endpoint.and_then(|e| e.address()).unwrap_or_default().to_owned(),
        port: endpoint.and_then(|e| e.port()).unwrap_or(5432),
        class: one.db_instance_class().unwrap_or_default().to_owned(),
        engine: one.engine().unwrap_or_default().to_owned(),
        subnet_group: one.db_subnet_group().and_then(|g| g.db_subnet_group_name()).map(str::to_owned),
        security_groups: groups(one.vpc_security_groups()),
        parameter_group: one.db_parameter_groups().first().and_then(|g| g.db_parameter_group_name()).map(str::to_owned),
        multi_az: one.multi_az() == Some(true),
        encrypted: one.storage_encrypted() == Some(true),
        public: one.publicly_accessible() == Some(true),
        iam: one.iam_database_authentication_enabled() == Some(true),
        protected: one.deletion_protection() == Some(true),
        logs: one.enabled_cloudwatch_logs_exports().to_vec(),
        latest_s: one.latest_restorable_time().map(DateTime::secs),
        master: one.master_user_secret().and_then(|s| s.secret_arn()).map(str::to_owned),
        restored_from: origin(one.tag_list()),
        members: Vec::new(),
        capacity: None,
    }
}

fn of_cluster(one: &DbCluster) -> Database {
    let capacity = one.serverless_v2_scaling_configuration().and_then(|s| Some((s.min_capacity()?, s.max_capacity()?)));
    Database {
        id: one.db_cluster_identifier().unwrap_or_default().to_owned(),
        arn: one.db_cluster_arn().unwrap_or_default().to_owned(),
        status: one.status().unwrap_or_default().to_owned(),
        host: one.endpoint().unwrap_or_default().to_owned(),
        port: one.port().unwrap_or(5432),
        class: String::new(),
        engine: one.engine().unwrap_or_default().to_owned(),
        subnet_group: one.db_subnet_group().map(str::to_owned),
        security_groups: groups(one.vpc_security_groups()),
        parameter_group: one.db_cluster_parameter_group().map(str::to_owned),
        multi_az: false,
        encrypted: one.storage_encrypted() == Some(true),
        public: false,
        iam: one.iam_database_authentication_enabled() == Some(true),
        protected: one.deletion_protection() == Some(true),
        logs: one.enabled_cloudwatch_logs_exports().to_vec(),
        latest_s: one.latest_restorable_time().map(DateTime::secs),
        master: one.master_user_secret().and_then(|s| s.secret_arn()).map(str::to_owned),
        restored_from: origin(one.tag_list()),
        members: one.db_cluster_members().iter().filter_map(|m| m.db_instance_identifier()).map(str::to_owned).collect(),
        capacity,
    }
}
