//! What the services beside the app cost: cache, identity, AI, object storage.
//! Never a figure for what somebody else bills; that is named as unpriced.

use super::{Bill, Layer, all_month};

pub(super) fn write(bill: &mut Bill<'_>) {
    cache(bill);
    match bill.choice("auth") {
        "cognito" => bill.usage(Layer::Identity, "cognito.essentials", "Cognito Essentials", "the first 10,000 users a month are free"),
        "app" | "oidc" | "none" | "" => {}
        other => bill.unknown("auth", other),
    }
    match bill.choice("ai") {
        "bedrock" => bill.unpriced("Bedrock, Polly and Transcribe: the price depends on the model and on tokens, characters and minutes"),
        "openai" => bill.unpriced("OpenAI: billed by OpenAI to your own key"),
        "none" | "" => {}
        other => bill.unknown("ai", other),
    }
    storage(bill);
}

fn storage(bill: &mut Bill<'_>) {
    let mut buckets = Vec::new();
    match bill.choice("storage") {
        "s3" => buckets.push("files"),
        "none" | "" => {}
        other => bill.unknown("storage", other),
    }
    let (compute, cicd) = (bill.choice("compute"), bill.choice("cicd"));
    if compute == "ec2" {
        buckets.push("the built app");
    }
    if compute == "fargate" && cicd == "codepipeline" {
        buckets.push("the pipeline's artifacts");
    }
    if !buckets.is_empty() {
        bill.usage(Layer::Storage, "s3.storage", format!("S3 storage: {}", buckets.join(", ")), "");
        bill.usage(Layer::Storage, "s3.put", "S3 writes", "");
        bill.usage(Layer::Storage, "s3.get", "S3 reads", "");
    }
}

fn cache(bill: &mut Bill<'_>) {
    let (engine, nodes) = match bill.choice("cache") {
        "none" | "" => return,
        "valkey" => ("valkey", 1),
        "redis" => ("redis", 1),
        "redis_replicated" => ("redis", 2),
        other => return bill.unknown("cache", other),
    };
    let class = bill.choice("cache_class");
    if !class.is_empty() {
        bill.fixed(
            Layer::Cache,
            &format!("cache.{engine}.{class}"),
            all_month(nodes),
            format!("ElastiCache {engine} {class}, {nodes} of them"),
        );
    }
}
