//! What the stacks use up of the account's quotas, against what is in use and what the account may have.
//! A limit that was not told is AWS's default and marked so; what is in use and cannot be read is named as not known.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::Value;

use super::Stack;
use super::finding::{Check, Finding, Verdict};
use crate::cloud::Aws;
use crate::cloud::fault::{code, fault};
use crate::cloud::stacks::references;
use crate::error::{Error, Result};

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/quotas.toml"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quotas {
    as_of: String,
    #[serde(rename = "source")]
    _source: String,
    quota: Vec<Quota>,
    /// vCPU by instance type.
    vcpus: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    #[serde(rename = "id")]
    _id: String,
    name: String,
    service: String,
    code: String,
    default: f64,
    #[serde(default)]
    counts: Vec<String>,
    #[serde(default)]
    per_zone: bool,
    vcpu_of: Option<Vcpu>,
    in_use: Option<InUse>,
    /// The command that tells what is in use.
    see: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Vcpu {
    Fargate,
    FargateSpot,
    Instance,
}

/// A read that tells what is in use.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InUse {
    Fargate,
    FargateSpot,
    RdsInstances,
    RdsClusters,
}

/// What the account may have.
struct Limit {
    value: f64,
    /// Why it is AWS's default and not the account's own; empty if it is the account's.
    not_told: String,
}

pub(super) async fn findings(aws: &Aws, stacks: &[Stack<'_>]) -> Result<Vec<Finding>> {
    let quotas: Quotas = toml::from_str(LIST).map_err(|e| Error::bug(format!("assets/quotas.toml: {e}")))?;
    let needed = quotas.quota.iter().map(|quota| (quota, need(quota, stacks, &quotas.vcpus))).filter(|(_, need)| *need > 0.0);
    Ok(join_all(needed.map(async |(quota, need)| {
        let (limit, used) = tokio::join!(limit(aws, quota), in_use(aws, quota));
        judge(quota, need, &limit, used, &quotas.as_of)
    }))
    .await)
}

fn judge(quota: &Quota, need: f64, limit: &Limit, used: Result<Option<f64>>, as_of: &str) -> Finding {
    let whose = if limit.not_told.is_empty() {
        "this account's limit".to_owned()
    } else {
        format!("AWS's default of {as_of}; this account's own limit was not told: {}", limit.not_told)
    };
    let used_words = match &used {
        Ok(Some(used)) => format!("{used} in use"),
        Ok(None) => "in use: not known".to_owned(),
        Err(error) => format!("in use: not known ({})", error.line()),
    };
    let what = format!("{}: this system needs {need} more of {} ({whose}), {used_words}", quota.name, limit.value);
    let ask = format!(
        "ask for more: aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value {}",
        quota.service,
        quota.code,
        (used.as_ref().ok().copied().flatten().unwrap_or_default() + need).max(limit.value + need).ceil()
    );
    // a default may have been raised long ago: then it does not stop anybody
    let short = if limit.not_told.is_empty() { Verdict::Stops } else { Verdict::Warns };
    match used {
        _ if need > limit.value => Finding::new(Check::Quota, short, what, ask),
        Ok(Some(used)) if used + need > limit.value => Finding::new(Check::Quota, short, what, ask),
        Ok(Some(_)) => Finding::fine(Check::Quota, what),
        Ok(None) | Err(_) => Finding::note(Check::Quota, what, format!("see what is in use: {}", quota.see)),
    }
}

/// What the stacks that are not there yet use up.
fn need(quota: &Quota, stacks: &[Stack<'_>], vcpus: &BTreeMap<String, f64>) -> f64 {
    let mut by_place: BTreeMap<String, f64> = BTreeMap::new();
    for stack in stacks.iter().filter(|stack| !stack.is_ours()) {
        for resource in &stack.rendered.resources {
            let properties = &resource.properties;
            let amount = match quota.vcpu_of {
                Some(Vcpu::Instance) if resource.kind == "AWS::EC2::Instance" => {
                    properties.get("InstanceType").and_then(Value::as_str).and_then(|name| vcpus.get(name)).copied().unwrap_or_default()
                }
                Some(kind @ (Vcpu::Fargate | Vcpu::FargateSpot))
                    if resource.kind == "AWS::ECS::Service" && capacity(properties) == kind =>
                {
                    tasks(stack, stacks, properties)
                }
                Some(Vcpu::Fargate | Vcpu::FargateSpot | Vcpu::Instance) => 0.0,
                None if quota.counts.contains(&resource.kind) => number(properties.get("NumCacheClusters")).unwrap_or(1.0),
                None => 0.0,
            };
            let place = if quota.per_zone { properties.get("SubnetId").map(Value::to_string).unwrap_or_default() } else { String::new() };
            *by_place.entry(place).or_default() += amount;
        }
    }
    by_place.into_values().fold(0.0, f64::max)
}

fn capacity(service: &Value) -> Vcpu {
    let spot = service.pointer("/CapacityProviderStrategy/0/CapacityProvider").is_some_and(|p| p == "FARGATE_SPOT");
    if spot { Vcpu::FargateSpot } else { Vcpu::Fargate }
}

/// vCPU of a service at its widest: all tasks that scaling may start, or all that stand side by side while a new version is put in.
fn tasks(stack: &Stack<'_>, stacks: &[Stack<'_>], service: &Value) -> f64 {
    let cpu = stack.rendered.of_kind("AWS::ECS::TaskDefinition").filter_map(|task| number(task.properties.get("Cpu"))).fold(0.0, f64::max);
    let desired = number(service.get("DesiredCount")).unwrap_or(1.0);
    let deploying = (desired * number(service.pointer("/DeploymentConfiguration/MaximumPercent")).unwrap_or(200.0) / 100.0).floor();
    // a service begins with no task; its scaling, a stack of its own that takes the service's name, comes when tasks run
    let of_it = |other: &&Stack<'_>| {
        other.name == stack.name || other.parameters.values().flat_map(|value| references(value)).any(|(name, _)| name == stack.name)
    };
    let targets = stacks.iter().filter(of_it).flat_map(|other| other.rendered.of_kind("AWS::ApplicationAutoScaling::ScalableTarget"));
    let scaled = targets.filter_map(|target| number(target.properties.get("MaxCapacity"))).fold(0.0, f64::max);
    cpu / 1024.0 * deploying.max(scaled)
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

async fn limit(aws: &Aws, quota: &Quota) -> Limit {
    let applied = aws.quotas().get_service_quota().service_code(&quota.service).quota_code(&quota.code).send().await;
    let answer = match applied {
        Ok(answer) => Ok(answer.quota.and_then(|quota| quota.value)),
        // an account that never asked for more may have no value of its own
        Err(error) if code(&error) == "NoSuchResourceException" => {
            let default = aws.quotas().get_aws_default_service_quota().service_code(&quota.service).quota_code(&quota.code).send().await;
            default
                .map(|answer| answer.quota.and_then(|quota| quota.value))
                .map_err(|e| fault("servicequotas:GetAWSDefaultServiceQuota", e))
        }
        Err(error) => Err(fault("servicequotas:GetServiceQuota", error)),
    };
    match answer {
        Ok(Some(value)) => Limit { value, not_told: String::new() },
        Ok(None) => Limit { value: quota.default, not_told: "the answer has no value".to_owned() },
        Err(error) => Limit { value: quota.default, not_told: error.line() },
    }
}

/// `None`: there is no read for it here.
async fn in_use(aws: &Aws, quota: &Quota) -> Result<Option<f64>> {
    let Some(how) = quota.in_use else { return Ok(None) };
    match how {
        InUse::RdsInstances => {
            let mut pages = aws.rds().describe_db_instances().into_paginator().send();
            let mut count = 0;
            while let Some(page) = pages.next().await {
                count += page.map_err(|e| fault("rds:DescribeDBInstances", e))?.db_instances().len();
            }
            Ok(Some(count as f64))
        }
        InUse::RdsClusters => {
            let mut pages = aws.rds().describe_db_clusters().into_paginator().send();
            let mut count = 0;
            while let Some(page) = pages.next().await {
                count += page.map_err(|e| fault("rds:DescribeDBClusters", e))?.db_clusters().len();
            }
            Ok(Some(count as f64))
        }
        InUse::Fargate => fargate(aws, "FARGATE").await.map(Some),
        InUse::FargateSpot => fargate(aws, "FARGATE_SPOT").await.map(Some),
    }
}

/// vCPU of all Fargate tasks of the region that take this capacity.
async fn fargate(aws: &Aws, provider: &str) -> Result<f64> {
    let mut units = 0.0;
    let mut clusters = aws.ecs().list_clusters().into_paginator().send();
    while let Some(page) = clusters.next().await {
        for cluster in page.map_err(|e| fault("ecs:ListClusters", e))?.cluster_arns() {
            let mut tasks = aws.ecs().list_tasks().cluster(cluster).into_paginator().send();
            while let Some(page) = tasks.next().await {
                let arns = page.map_err(|e| fault("ecs:ListTasks", e))?.task_arns.unwrap_or_default();
                if arns.is_empty() {
                    continue;
                }
                let told = aws.ecs().describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await;
                for task in told.map_err(|e| fault("ecs:DescribeTasks", e))?.tasks() {
                    let on = task.capacity_provider_name().or(task.launch_type().map(|t| t.as_str())).unwrap_or_default();
                    if on == provider {
                        units += task.cpu().and_then(|cpu| cpu.parse::<f64>().ok()).unwrap_or_default();
                    }
                }
            }
        }
    }
    Ok(units / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::stacks::Rendered;

    const SERVICE: &str = "
Resources:
  Net: {Type: AWS::EC2::VPC}
  NatA: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: a}}
  NatB: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: b}}
  Task: {Type: AWS::ECS::TaskDefinition, Properties: {Cpu: 512}}
  Service:
    Type: AWS::ECS::Service
    Properties: {DesiredCount: '2', CapacityProviderStrategy: [{CapacityProvider: FARGATE}], DeploymentConfiguration: {MaximumPercent: 200}}
";
    const SCALING: &str = "
Parameters: {ServiceName: {Type: String}}
Resources:
  Scale: {Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: {MaxCapacity: 10}}
";

    fn needs(id: &str, scales: &str) -> f64 {
        let list: Quotas = toml::from_str(LIST).unwrap();
        let (none, name) = (BTreeMap::new(), BTreeMap::from([("ServiceName".to_owned(), format!("<{scales}.ServiceName>"))]));
        let stack = |name, parameters, body| Stack { name, parameters, rendered: Rendered::of(body, parameters).unwrap(), there: None };
        let stacks = [stack("shop", &none, SERVICE), stack("shop-scaling", &name, SCALING)];
        need(list.quota.iter().find(|q| q._id == id).unwrap(), &stacks, &list.vcpus)
    }

    #[test]
    fn what_a_system_uses_up_is_counted_from_its_resources() {
        assert_eq!(needs("vpcs", "shop"), 1.0);
        assert_eq!(needs("nat_gateways", "shop"), 1.0, "one in each zone");
        assert_eq!(needs("fargate", "shop"), 5.0, "ten tasks of half a vCPU when scaled out");
        assert_eq!(needs("fargate", "another"), 2.0, "twice two tasks while a new version is put in");
        assert_eq!(needs("fargate_spot", "shop"), 0.0);
        assert_eq!(needs("rds_instances", "shop"), 0.0);
    }

    #[test]
    fn only_a_limit_of_the_account_itself_stops_a_run() {
        let list: Quotas = toml::from_str(LIST).unwrap();
        let quota = &list.quota[0];
        let told = |value| Limit { value, not_told: String::new() };
        let verdict = |limit: &Limit, used| judge(quota, 1.0, limit, used, "d").verdict;
        assert_eq!(verdict(&told(5.0), Ok(Some(5.0))), Verdict::Stops);
        assert_eq!(verdict(&told(5.0), Ok(Some(4.0))), Verdict::Fine);
        assert_eq!(verdict(&told(5.0), Ok(None)), Verdict::Note);
        assert_eq!(verdict(&told(0.0), Ok(None)), Verdict::Stops);
        let default = Limit { value: 5.0, not_told: "refused".to_owned() };
        assert_eq!(verdict(&default, Ok(Some(5.0))), Verdict::Warns);
        assert!(
            judge(quota, 1.0, &default, Ok(None), "d").what.contains("AWS's default of d; this account's own limit was not told: refused")
        );
    }
}
