//! What the database costs: Aurora DSQL, RDS for PostgreSQL or Aurora PostgreSQL.
//! Never doubles for Multi-AZ: RDS has its own Multi-AZ prices, DSQL and Aurora storage span zones by themselves.

use super::{Bill, HOURS, Layer, all_month};
use crate::decide::money::Quantity;

pub(super) fn write(bill: &mut Bill<'_>) {
    match bill.choice("database") {
        "dsql" => dsql(bill),
        "rds" => rds(bill),
        "aurora" => aurora(bill),
        other => bill.unknown("database", other),
    }
}

fn dsql(bill: &mut Bill<'_>) {
    bill.usage(
        Layer::Database,
        "dsql.dpu",
        "Aurora DSQL processing (DPU)",
        "the first 100,000 DPU of every month are free; nothing while idle",
    );
    bill.usage(Layer::Database, "dsql.storage", "Aurora DSQL storage", "the first GB is free");
}

fn replicas(bill: &mut Bill<'_>) -> u64 {
    match bill.choice("read_replica") {
        "none" | "" => 0,
        "one" => 1,
        other => {
            bill.unknown("read_replica", other);
            0
        }
    }
}

fn rds(bill: &mut Bill<'_>) {
    let (class, availability) = (bill.choice("db_class"), bill.choice("db_availability"));
    let storage = bill.number("db_storage");
    if class.is_empty() || availability.is_empty() {
        return;
    }
    let zones = if availability == "multi_az" { "Multi-AZ" } else { "one zone" };
    bill.fixed(Layer::Database, &format!("rds.{class}.{availability}"), all_month(1), format!("RDS PostgreSQL {class}, {zones}"));
    bill.fixed(
        Layer::Database,
        &format!("rds.storage.{availability}"),
        Quantity::whole(storage),
        format!("RDS storage gp3, {storage} GB, {zones}"),
    );
    if replicas(bill) > 0 {
        bill.fixed(Layer::Database, &format!("rds.{class}.single"), all_month(1), format!("RDS read replica {class}"));
        bill.fixed(Layer::Database, "rds.storage.single", Quantity::whole(storage), format!("read replica storage gp3, {storage} GB"));
    }
    bill.usage(Layer::Database, "rds.backup", "RDS backup storage", "only beyond the size of the database");
    match bill.choice("db_export") {
        "none" | "" => {}
        "weekly" => {
            bill.fixed(Layer::Database, "kms.key", Quantity::whole(1), "key of the weekly exports");
            bill.usage(Layer::Database, "kms.call", "calls for the key of the exports", "");
            bill.usage(Layer::Database, "s3.storage", "S3 storage of the weekly exports", "");
            bill.usage(Layer::Database, "s3.put", "S3 writes of the weekly exports", "");
            bill.usage(Layer::Database, "s3.get", "S3 reads of the weekly exports", "");
            bill.unpriced("RDS export to S3, by the GB of the database: no price is known here");
        }
        other => bill.unknown("db_export", other),
    }
}

fn aurora(bill: &mut Bill<'_>) {
    let (class, availability) = (bill.choice("aurora_class"), bill.choice("db_availability"));
    let writers = match availability {
        "single" => 1,
        "multi_az" => 2,
        other => return bill.unknown("db_availability", other),
    };
    let instances = writers + replicas(bill);
    if class == "serverless" {
        // half a capacity unit is the least that stays awake
        let half = Quantity::thousandths(500).by(HOURS).by(instances);
        bill.fixed(Layer::Database, "aurora.acu", half, format!("Aurora Serverless v2, {instances} × 0.5 ACU always on"));
        bill.usage(Layer::Database, "aurora.acu", "Aurora Serverless v2 capacity above 0.5 ACU", "");
    } else if !class.is_empty() {
        bill.fixed(
            Layer::Database,
            &format!("aurora.{class}"),
            all_month(instances),
            format!("Aurora PostgreSQL {class}, {instances} of them"),
        );
    }
    bill.usage(Layer::Database, "aurora.storage", "Aurora storage", "one copy is paid, whatever the number of zones");
    bill.usage(Layer::Database, "aurora.io", "Aurora reads and writes", "");
    bill.unpriced("Aurora backup storage beyond the size of the database: no price is known here");
}
