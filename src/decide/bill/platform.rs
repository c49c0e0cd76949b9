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
    match bill.choice("storage") {
        "s3" => {
            bill.usage(Layer::Storage, "s3.storage", "S3 storage", "");
            bill.usage(Layer::Storage, "s3.put", "S3 writes", "");
            bill.usage(Layer::Storage, "s3.get", "S3 reads", "");
        }
        "none" | "" => {}
        other => bill.unknown("storage", other),
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
