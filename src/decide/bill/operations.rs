//! What running it safely costs by use: further secrets, logs, metrics, backups.
//! Never what is counted (secrets, alarms, dashboards): those are in `counts`.

use super::{Bill, Layer};

pub(super) fn write(bill: &mut Bill<'_>) {
    bill.usage(Layer::Secrets, "secret", "further secrets (SMTP and the like)", "");
    bill.usage(Layer::Secrets, "secret.call", "calls for secrets", "");
    bill.usage(
        Layer::Observability,
        "logs.ingest",
        "CloudWatch logs taken in",
        "of the app, the network's flow logs and builds; often the largest line of a chatty app",
    );
    let kept = bill.choice("log_days");
    bill.usage(Layer::Observability, "logs.storage", "CloudWatch logs kept", &format!("kept {kept} days"));
    if bill.choice("compute") == "fargate" {
        bill.usage(Layer::Observability, "metric", "Container Insights metrics", "some for the cluster and some for each service");
    } else if bill.moves_inside() {
        bill.usage(Layer::Observability, "metric", "Container Insights metrics of the mover's own cluster", "");
    }
    bill.unpriced("AWS Backup storage of the nightly backups: no price is known here");
}
