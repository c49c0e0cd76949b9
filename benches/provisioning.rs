//! How long a system takes to be made, beside the longest chain of its stacks: what waits for nothing must not wait. And how often it asks.
//! It asserts nothing. Simulated: AWS, by the endpoint emulator, slowed so that stacks take seconds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/chance.rs"]
#[allow(dead_code)]
mod chance;
#[path = "../tests/support/emulator.rs"]
#[allow(dead_code)]
mod emulator;
#[path = "../tests/support/faults.rs"]
#[allow(dead_code)]
mod faults;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_cloudformation as cloudformation;
use migrate_wizard::cloud::stacks::{self, Standing};
use migrate_wizard::cloud::{Access, Aws, Options};

fn main() {
    println!("{:<18} {:>8} {:>8} {:>14} {:>8} {:>24}", "profile", "whole", "stacks", "longest chain", "times", "describes in 2 s, a stack");
    for (profile, app, environment) in
        [("grievance-portal", "grievance-portal", "production"), ("alva", "alva", "staging"), ("shadowtwin", "shadowtwin", "production")]
    {
        let emulator = emulator::Emulator::start(&[("MWX_STEP_MS", "150")]);
        let faults = faults::Faults::before(emulator.port, 0);
        let folder = tempfile::tempdir().unwrap();
        migrate_wizard::library::write_sample(folder.path()).unwrap();
        let begun = Instant::now();
        let done = Command::new(env!("CARGO_BIN_EXE_migrate-wizard"))
            .args(["stacks", "deploy", "--profile", profile, "--set", "github_repository=acme/shop", "--yes", "--plain"])
            .current_dir(folder.path())
            .envs(emulator.env())
            .env("AWS_ENDPOINT_URL", faults.url())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success());
        let (whole, wall) = (begun.elapsed(), provisioned(folder.path()));
        let chain = tokio::runtime::Runtime::new().unwrap().block_on(longest_chain(&emulator.url(), app, environment));
        let asked = faults.asked();
        let describes = asked.iter().filter(|a| a.action.starts_with("DescribeStack")).count();
        let stacks: std::collections::BTreeSet<&str> = asked.iter().map(|a| a.stack.as_str()).filter(|s| !s.is_empty()).collect();
        let each = describes as f64 / stacks.len() as f64 / (whole.as_secs_f64() / 2.0);
        println!(
            "{profile:<18} {:>7.1}s {:>7.1}s {:>13.1}s {:>8.2} {each:>12.1} (looks every 200 ms here, every 2 s at AWS)",
            whole.as_secs_f64(),
            wall.as_secs_f64(),
            chain.as_secs_f64(),
            wall.as_secs_f64() / chain.as_secs_f64()
        );
    }
}

/// From the start of the first stack to the end of the last one, as the run's journal has it.
fn provisioned(folder: &std::path::Path) -> Duration {
    let run = std::fs::read_dir(folder.join(".migrate-wizard")).unwrap().next().unwrap().unwrap().path();
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |record: &serde_json::Value| record["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let begun: Vec<_> = records.iter().filter(|r| r["what"]["entry"] == "started" && r["what"]["kind"] == "stack").collect();
    let ended = records.iter().filter(|r| begun.iter().any(|b| b["what"]["step"] == r["what"]["step"])).map(at).max().unwrap();
    let first = begun.iter().map(|record| at(record)).min().unwrap();
    Duration::from_millis(u64::try_from(ended.duration_since(first).as_millis()).unwrap())
}

/// The most time that stacks which need each other took in a row.
async fn longest_chain(url: &str, app: &str, environment: &str) -> Duration {
    let keys =
        cloudformation::config::SharedCredentialsProvider::new(cloudformation::config::Credentials::new("a", "b", None, None, "bench"));
    let options = Options {
        region: Some("us-east-1".into()),
        endpoint: Some(url.into()),
        keys: Some(keys.clone()),
        ..Options::new(Access::ReadOnly)
    };
    let aws = Aws::connect(options).await.unwrap();
    let standing = stacks::standing(&aws, app, environment).await.unwrap();
    let client = cloudformation::Client::from_conf(
        cloudformation::Config::builder()
            .behavior_version(cloudformation::config::BehaviorVersion::latest())
            .region(cloudformation::config::Region::new("us-east-1"))
            .endpoint_url(url)
            .credentials_provider(keys)
            .build(),
    );
    let mut took = BTreeMap::new();
    for s in &standing {
        let events = client.describe_stack_events().stack_name(&s.stack.arn).send().await.unwrap();
        let own = events.stack_events().iter().filter(|e| e.physical_resource_id() == Some(&s.stack.arn));
        let at: Vec<f64> = own.filter_map(|e| e.timestamp()).map(cloudformation::primitives::DateTime::as_secs_f64).collect();
        let (first, last) = (at.iter().copied().fold(f64::MAX, f64::min), at.iter().copied().fold(0.0, f64::max));
        took.insert(s.stack.arn.clone(), Duration::from_secs_f64((last - first).max(0.0)));
    }
    standing.iter().map(|s| chain(s, &standing, &took)).max().unwrap_or_default()
}

fn chain(of: &Standing, all: &[Standing], took: &BTreeMap<String, Duration>) -> Duration {
    let before = all.iter().filter(|s| of.needs.contains(&s.stack.arn)).map(|s| chain(s, all, took)).max().unwrap_or_default();
    before + took[&of.stack.arn]
}
