//! Whether the region has what the stacks make and what the app calls.
//! Dated lists say yes; no is said by CloudFormation alone, and what neither can say is not known.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::types::RegistryType;
use futures_util::future::join_all;
use serde_json::Value;

use super::Stack;
use super::finding::{Check, Finding};
use super::rights::{Rights, There};
use crate::cloud::Aws;
use crate::cloud::fault::{code, fault};
use crate::cloud::region::{Offer, offers};
use crate::error::Result;

pub(super) async fn findings(aws: &Aws, stacks: &[Stack<'_>]) -> Result<Vec<Finding>> {
    let region = aws.region();
    let rights = Rights::bundled()?;
    let mut where_used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for stack in stacks {
        for resource in &stack.rendered.resources {
            where_used.entry(&resource.kind).or_default().insert(stack.name);
        }
    }
    let mut all = Vec::new();
    let (mut known, mut asked) = (0, Vec::new());
    for (kind, stacks) in &where_used {
        match rights.there(region, kind) {
            There::Yes => known += 1,
            // a list grows old: only CloudFormation itself can say no
            There::No(as_of) => asked.push((*kind, stacks, format!("the list of {as_of} says no"))),
            There::Unknown => asked.push((*kind, stacks, "no list has it".to_owned())),
        }
    }
    if known > 0 {
        all.push(Finding::fine(Check::Region, format!("{region} has {known} types of resource that the stacks make ({})", rights.as_of())));
    }
    let answers = join_all(asked.into_iter().map(async |(kind, stacks, list)| {
        let stacks = stacks.iter().copied().collect::<Vec<_>>().join(", ");
        told(region, kind, &stacks, &list, has(aws, kind).await)
    }));
    all.extend(answers.await);
    for (service, stacks) in called(stacks) {
        let stacks = stacks.into_iter().collect::<Vec<_>>().join(", ");
        match offers(region, &service)? {
            Offer::Unknown => {}
            Offer::Listed => all.push(Finding::fine(Check::Region, format!("{region} has {service}, which the app of {stacks} calls"))),
            Offer::NotListed(source) => all.push(Finding::warns(
                Check::Region,
                format!("whether {region} has {service}, which the app of {stacks} calls, is not known: it is not in the list ({source})"),
                format!("look at the AWS documentation, \"{service} endpoints and quotas\"; else choose another region"),
            )),
        }
        if service == "bedrock" {
            all.push(Finding::note(
                Check::Region,
                format!("which Bedrock models {region} has, and which your account may use, is not known here"),
                format!("`aws bedrock list-foundation-models --region {region} --query 'modelSummaries[].modelId'`; ask for access in the Bedrock console before the first call"),
            ));
        }
    }
    Ok(all)
}

fn told(region: &str, kind: &str, stacks: &str, list: &str, there: Result<bool>) -> Finding {
    let another = "choose another region (--set region=us-east-1), or another answer to the question that brings it";
    match there {
        Ok(true) => Finding::fine(Check::Region, format!("{region} has {kind}: CloudFormation there knows it, although {list}")),
        Ok(false) => Finding::stops(
            Check::Region,
            format!("{region} has no {kind}, which {stacks} makes: CloudFormation there does not know it, and {list}"),
            another,
        ),
        Err(error) => Finding::warns(
            Check::Region,
            format!(
                "whether {region} has {kind}, which {stacks} makes, is not known: {list}, and CloudFormation did not answer ({})",
                error.line()
            ),
            another,
        ),
    }
}

/// Whether the region's CloudFormation knows the type.
async fn has(aws: &Aws, kind: &str) -> Result<bool> {
    match aws.cloudformation().describe_type().r#type(RegistryType::Resource).type_name(kind).send().await {
        Ok(_) => Ok(true),
        Err(error) if code(&error).starts_with("TypeNotFound") => Ok(false),
        Err(error) => Err(fault("cloudformation:DescribeType", error)),
    }
}

/// Services in the actions that the stacks' own roles may take, with the stacks.
fn called<'a>(stacks: &'a [Stack<'_>]) -> BTreeMap<String, BTreeSet<&'a str>> {
    let mut all: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for stack in stacks {
        for role in stack.rendered.of_kind("AWS::IAM::Role") {
            let mut actions = Vec::new();
            collect(&role.properties, &mut actions);
            for service in actions.iter().filter_map(|action| action.split_once(':')).map(|(service, _)| service) {
                all.entry(service.to_owned()).or_default().insert(stack.name);
            }
        }
    }
    all
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("Action", Value::String(one)) => into.push(one),
                    ("Action", Value::Array(many)) => into.extend(many.iter().filter_map(Value::as_str)),
                    (_, inner) => collect(inner, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
