//! Data put back beside the data of now: another RDS instance or Aurora cluster, made of what one was at some point.
//! Never writes to the database that is there, and deletes only what was restored here.

use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{ServerlessV2ScalingConfiguration, Tag};

use super::databases::{Database, FROM, describe, id, named, present};
use super::fault::{begun, code, fault};
use super::session::Aws;
use super::snapshot::Source;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// What to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// As late as the backups reach: some five minutes ago.
    Latest,
    /// Seconds since 1970.
    At(i64),
    /// The name of a snapshot.
    Snapshot(String),
}

/// Makes another database `name` of what `source` was at that point, and waits until it can be used. Twice equals once: one of that name
/// that was restored from the same is waited for.
///
/// Network, security groups, parameters, class and login are those of `source`; the encryption goes with the data.
///
/// # Errors
/// `Conflict` if there is no such source, or something else has the name.
pub async fn restore(aws: &Aws, source: &Source, point: &Point, name: &str, reporter: &Reporter) -> Result<Database> {
    let old = present(aws, source).await?;
    let target = named(source, name);
    match describe(aws, &target).await? {
        None => {
            start(aws, source, &old, point, name).await?;
            reporter.log(format!("{name} is being made of {}", old.id));
        }
        Some(found) if found.restored_from.as_ref() == Some(&old.id) => reporter.log(format!("{name} is there: {}", found.status)),
        Some(_) => {
            return Err(Error::new(Kind::Conflict, format!("there is a database {name} already, and it was not restored from {}", old.id))
                .hint("choose another name for the restored one: change the answer to `new_name`"));
        }
    }
    let mut made = wait(aws, &target, reporter).await?;
    if let Source::Cluster(_) = source {
        let writer = format!("{name}-1");
        if !made.members.contains(&writer) {
            a_writer(aws, &old, name, &writer).await?;
        }
        wait(aws, &Source::Instance(writer), reporter).await?;
        made = present(aws, &target).await?;
    }
    if old.encrypted && !made.encrypted {
        return Err(Error::new(Kind::Conflict, format!("{name} is not encrypted, and {} is: it is not used", old.id))
            .hint("delete it in the RDS console, and restore it there with the key of the old one"));
    }
    Ok(made)
}

async fn wait(aws: &Aws, target: &Source, reporter: &Reporter) -> Result<Database> {
    let name = id(target);
    loop {
        let found = describe(aws, target).await?.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("{name} disappeared while it was restored")).hint("run the same command to restore it again")
        })?;
        reporter.progress(u64::from(found.status == "available"), Some(1), Unit::Steps, format!("{name}: {}", found.status));
        match found.status.as_str() {
            "available" => return Ok(found),
            "failed" | "incompatible-restore" | "incompatible-parameters" | "incompatible-network" | "deleting" => {
                return Err(Error::new(Kind::Failed, format!("the restored database {name} ended as {}", found.status))
                    .hint("look at its events in the RDS console; then restore under another name: change the answer to `new_name`"));
            }
            _ => tokio::time::sleep(aws.poll()).await,
        }
    }
}

fn tags_of(old: &Database) -> Vec<Tag> {
    [(tags::MANAGED_BY, tags::US), (FROM, old.id.as_str())].map(|(key, value)| Tag::builder().key(key).value(value).build()).to_vec()
}

fn some(all: &[String]) -> Option<Vec<String>> {
    Some(all.to_vec()).filter(|all| !all.is_empty())
}

async fn start(aws: &Aws, source: &Source, old: &Database, point: &Point, name: &str) -> Result<()> {
    match source {
        Source::Instance(_) => instance(aws, old, point, name).await,
        Source::Cluster(_) => cluster(aws, old, point, name).await,
    }
}

/// What a restored instance has of the old one; RDS keeps a password of its own for it where it did for the old. RDS has a call for a
/// snapshot and one for a moment, alike in all this but of no common type.
macro_rules! like_the_old_instance {
    ($call:expr, $old:expr) => {
        $call
            .db_instance_class(&$old.class)
            .port($old.port)
            .set_db_subnet_group_name($old.subnet_group.clone())
            .set_vpc_security_group_ids(some(&$old.security_groups))
            .set_db_parameter_group_name($old.parameter_group.clone())
            .multi_az($old.multi_az)
            .publicly_accessible($old.public)
            .enable_iam_database_authentication($old.iam)
            .deletion_protection($old.protected)
            .copy_tags_to_snapshot(true)
            .set_enable_cloudwatch_logs_exports(some(&$old.logs))
            .set_manage_master_user_password($old.master.is_some().then_some(true))
            .set_tags(Some(tags_of($old)))
    };
}

async fn instance(aws: &Aws, old: &Database, point: &Point, name: &str) -> Result<()> {
    let at = match point {
        Point::Snapshot(snapshot) => {
            let call = aws.rds().restore_db_instance_from_db_snapshot().db_instance_identifier(name).db_snapshot_identifier(snapshot);
            return begun("rds:RestoreDBInstanceFromDBSnapshot", like_the_old_instance!(call, old).send().await);
        }
        Point::At(at_s) => Some(DateTime::from_secs(*at_s)),
        Point::Latest => None,
    };
    let call = aws
        .rds()
        .restore_db_instance_to_point_in_time()
        .source_db_instance_identifier(&old.id)
        .target_db_instance_identifier(name)
        .set_use_latest_restorable_time(at.is_none().then_some(true))
        .set_restore_time(at);
    begun("rds:RestoreDBInstanceToPointInTime", like_the_old_instance!(call, old).send().await)
}

/// The same of a cluster.
macro_rules! like_the_old_cluster {
    ($call:expr, $old:expr) => {
        $call
            .port($old.port)
            .set_db_subnet_group_name($old.subnet_group.clone())
            .set_vpc_security_group_ids(some(&$old.security_groups))
            .set_db_cluster_parameter_group_name($old.parameter_group.clone())
            .enable_iam_database_authentication($old.iam)
            .deletion_protection($old.protected)
            .copy_tags_to_snapshot(true)
            .set_enable_cloudwatch_logs_exports(some(&$old.logs))
            .set_serverless_v2_scaling_configuration(
                $old.capacity.map(|(min, max)| ServerlessV2ScalingConfiguration::builder().min_capacity(min).max_capacity(max).build()),
            )
            .set_tags(Some(tags_of($old)))
    };
}

async fn cluster(aws: &Aws, old: &Database, point: &Point, name: &str) -> Result<()> {
    let at = match point {
        Point::Snapshot(snapshot) => {
            let call = aws.rds().restore_db_cluster_from_snapshot();
            let call = call.db_cluster_identifier(name).snapshot_identifier(snapshot).engine(&old.engine);
            return begun("rds:RestoreDBClusterFromSnapshot", like_the_old_cluster!(call, old).send().await);
        }
        Point::At(at_s) => Some(DateTime::from_secs(*at_s)),
        Point::Latest => None,
    };
    let call = aws
        .rds()
        .restore_db_cluster_to_point_in_time()
        .source_db_cluster_identifier(&old.id)
        .db_cluster_identifier(name)
        .set_use_latest_restorable_time(at.is_none().then_some(true))
        .set_restore_to_time(at);
    begun("rds:RestoreDBClusterToPointInTime", like_the_old_cluster!(call, old).send().await)
}

/// A restored cluster has no instance of its own.
async fn a_writer(aws: &Aws, old: &Database, cluster: &str, name: &str) -> Result<()> {
    let class = if old.class.is_empty() { "db.serverless" } else { &old.class };
    let sent = aws
        .rds()
        .create_db_instance()
        .db_instance_identifier(name)
        .db_cluster_identifier(cluster)
        .db_instance_class(class)
        .engine(&old.engine)
        .publicly_accessible(old.public)
        .set_tags(Some(tags_of(old)))
        .send()
        .await;
    begun("rds:CreateDBInstance", sent)
}

/// Deletes what [`restore`] made, with a last snapshot `<name>-last`, once its name was typed (`--confirm <name>`); else says that it
/// stays. Returns whether it goes. An absent one goes.
///
/// # Errors
/// `Conflict` if it was not restored here.
pub async fn delete(aws: &Aws, target: &Source, reporter: &Reporter) -> Result<bool> {
    let Some(found) = describe(aws, target).await? else { return Ok(true) };
    if found.restored_from.is_none() {
        return Err(Error::new(Kind::Conflict, format!("the database {} was not restored by migrate-wizard", found.id))
            .hint("delete it yourself in the RDS console if you no longer need it"));
    }
    if found.status == "deleting" {
        return Ok(true);
    }
    if !aws.agreed(&found.id) {
        return Ok(false);
    }
    let last = format!("{}-last", found.id);
    match target {
        Source::Instance(name) => {
            if found.protected {
                let sent = aws.rds().modify_db_instance().db_instance_identifier(name).deletion_protection(false).apply_immediately(true);
                sent.send().await.map_err(|e| fault("rds:ModifyDBInstance", e))?;
            }
            let sent = aws.rds().delete_db_instance().db_instance_identifier(name).final_db_snapshot_identifier(&last).send().await;
            sent.map_err(|e| fault("rds:DeleteDBInstance", e))?;
        }
        Source::Cluster(name) => {
            if found.protected {
                let sent = aws.rds().modify_db_cluster().db_cluster_identifier(name).deletion_protection(false).apply_immediately(true);
                sent.send().await.map_err(|e| fault("rds:ModifyDBCluster", e))?;
            }
            for member in &found.members {
                match aws.rds().delete_db_instance().db_instance_identifier(member).skip_final_snapshot(true).send().await {
                    Ok(_) => {}
                    Err(error) if code(&error).contains("NotFound") || code(&error).contains("InvalidDBInstanceState") => {}
                    Err(error) => return Err(fault("rds:DeleteDBInstance", error)),
                }
            }
            let sent = aws.rds().delete_db_cluster().db_cluster_identifier(name).final_db_snapshot_identifier(&last).send().await;
            sent.map_err(|e| fault("rds:DeleteDBCluster", e))?;
        }
    }
    reporter.log(format!("{} is deleted; its last snapshot is {last}", found.id));
    Ok(true)
}
