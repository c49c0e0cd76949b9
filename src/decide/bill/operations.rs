//! What running it safely costs: secrets, logs, metrics, alarms.
//! Never the secrets of third parties that only the scan can count; each of those has a price of its own in a usage line.

use super::{Bill, Layer};
use crate::decide::money::Quantity;

pub(super) fn write(bill: &mut Bill<'_>) {
    secrets(bill);
    bill.usage(Layer::Observability, "logs.ingest", "CloudWatch logs taken in", "often the largest line of a chatty app");
    let kept = bill.choice("log_days");
    bill.usage(Layer::Observability, "logs.storage", "CloudWatch logs kept", &format!("kept {kept} days"));
    bill.usage(Layer::Observability, "metric", "Container Insights metrics", "");
    let alarms = alarms(bill);
    bill.fixed(Layer::Observability, "alarm", Quantity::whole(alarms), format!("CloudWatch alarms, {alarms} of them"));
}

fn secrets(bill: &mut Bill<'_>) {
    let mut names = vec!["database", "session"];
    match bill.choice("auth") {
        "cognito" => names.push("cognito"),
        "app" => names.push("tokens"),
        _ => {}
    }
    if bill.choice("ai") == "openai" {
        names.push("openai");
    }
    if !matches!(bill.choice("cache"), "none" | "") {
        names.push("cache");
    }
    bill.fixed(Layer::Secrets, "secret", Quantity::whole(names.len() as u64), format!("secrets: {}", names.join(", ")));
    bill.usage(Layer::Secrets, "secret", "further secrets (Stripe, SMTP and the like)", "");
    bill.usage(Layer::Secrets, "secret.call", "calls for secrets", "");
}

/// For each service CPU and healthy targets; one for errors of the load balancer; the database's own.
fn alarms(bill: &mut Bill<'_>) -> u64 {
    let database = match bill.choice("database") {
        "dsql" => 1,   // processing units
        "rds" => 3,    // CPU, free storage, connections
        "aurora" => 2, // CPU, connections
        _ => 0,
    };
    bill.services() * 2 + 1 + database
}
