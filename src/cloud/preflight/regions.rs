//! Whether the region has what the stacks make and what the app calls.
//! Knows what dated lists say; a region or a service that they do not have is not known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Stack;
use super::finding::{Check, Finding};
use super::rights::{Rights, There};
use crate::cloud::region::{Offer, offers};
use crate::error::Result;

pub(super) fn findings(region: &str, stacks: &[Stack<'_>]) -> Result<Vec<Finding>> {
    let rights = Rights::bundled()?;
    let mut where_used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for stack in stacks {
        for resource in &stack.rendered.resources {
            where_used.entry(&resource.kind).or_default().insert(stack.name);
        }
    }
    let mut all = Vec::new();
    let (mut known, mut unknown) = (0, Vec::new());
    for (kind, stacks) in &where_used {
        let stacks = stacks.iter().copied().collect::<Vec<_>>().join(", ");
        match rights.there(region, kind) {
            There::Yes => known += 1,
            There::Unknown => unknown.push(*kind),
            There::No(as_of) => all.push(Finding::stops(
                Check::Region,
                format!("{region} has no {kind}, which {stacks} makes ({as_of})"),
                "choose another region (--set region=us-east-1), or another answer to the question that brings it",
            )),
        }
    }
    if known > 0 {
        all.push(Finding::fine(Check::Region, format!("{region} has {known} types of resource that the stacks make ({})", rights.as_of())));
    }
    if !unknown.is_empty() {
        all.push(Finding::note(
            Check::Region,
            format!("whether {region} has {} is not known", unknown.join(", ")),
            "look at https://aws.amazon.com/about-aws/global-infrastructure/regional-product-services",
        ));
    }
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
