//! The rights that a person needs for a system, as IAM policies: exact actions, narrowed where names allow, split to IAM's size.
//! Gives nothing to anybody: it only writes documents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Wanted;
use super::rights::{Place, Rights};
use crate::error::Result;

/// Characters of a managed policy, white space not counted. Source: IAM user guide, IAM and STS quotas (2026-11-28)
pub const MOST: usize = 6144;

/// The policies for all that `wanted` makes: each is a whole document of at most [`MOST`] characters.
pub fn documents(wanted: &Wanted, place: &Place) -> Result<Vec<Value>> {
    let rights = Rights::bundled()?;
    let rendered = wanted.rendered()?;
    let needed = rights.needed(rendered.iter().map(|(spec, rendered)| (spec.name.as_str(), rendered)), wanted);
    Ok(split(&rights, needed.keys().map(String::as_str).chain(rights.of_checks()).collect(), place))
}

/// The policies for every system that there are templates for.
pub fn of_all_systems(place: &Place) -> Result<Vec<Value>> {
    let rights = Rights::bundled()?;
    Ok(split(&rights, rights.all(), place))
}

fn split(rights: &Rights, all: BTreeSet<&str>, place: &Place) -> Vec<Value> {
    let mut by_resource: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
    // IAM refuses a policy with an action that it does not know
    for action in all.into_iter().filter(|action| rights.is_listed(action)) {
        by_resource.entry(rights.resources(action, place)).or_default().push(action);
    }
    let mut documents = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    for (resources, actions) in &by_resource {
        let mut rest = actions.as_slice();
        while !rest.is_empty() {
            let fits = (1..=rest.len()).rev().find(|&n| size(&open, Some(&statement(&rest[..n], resources))) <= MOST);
            match fits {
                Some(n) => {
                    open.push(statement(&rest[..n], resources));
                    rest = &rest[n..];
                }
                None if open.is_empty() => {
                    // one action with its resources is far below the size: this ends the loop if that ever changes
                    open.push(statement(&rest[..1], resources));
                    rest = &rest[1..];
                }
                None => documents.push(document(std::mem::take(&mut open))),
            }
        }
    }
    if !open.is_empty() {
        documents.push(document(open));
    }
    documents
}

/// Characters as IAM counts them.
pub fn characters(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

fn size(open: &[Value], more: Option<&Value>) -> usize {
    characters(&document(open.iter().chain(more).cloned().collect()))
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(actions: &[&str], resources: &[String]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Place {
        let [partition, region, account, prefix] = ["aws", "REGION", "ACCOUNT", "APP-ENVIRONMENT"].map(str::to_owned);
        Place { partition, region, account, prefix }
    }

    /// Written with `MIGRATE_WIZARD_WRITE_DOCS=1`.
    #[test]
    fn the_policies_are_what_the_data_says() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/policy");
        let documents = of_all_systems(&words()).unwrap();
        let text = |document: &Value| serde_json::to_string_pretty(document).unwrap() + "\n";
        if std::env::var_os("MIGRATE_WIZARD_WRITE_DOCS").is_some() {
            let _gone = std::fs::remove_dir_all(folder);
            std::fs::create_dir_all(folder).unwrap();
            for (at, document) in documents.iter().enumerate() {
                std::fs::write(format!("{folder}/{}.json", at + 1), text(document)).unwrap();
            }
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), documents.len(), "run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1");
        for (at, document) in documents.iter().enumerate() {
            let written = std::fs::read_to_string(format!("{folder}/{}.json", at + 1)).unwrap();
            assert_eq!(written, text(document), "{}.json is old: run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1", at + 1);
        }
    }

    #[test]
    fn every_document_is_of_a_size_that_iam_takes_and_none_gives_everything() {
        let documents = of_all_systems(&words()).unwrap();
        // a role takes ten managed policies; source: IAM user guide, IAM and STS quotas (2026-11-28)
        assert!((1..=10).contains(&documents.len()), "{} policies", documents.len());
        let mut given = BTreeSet::new();
        for document in &documents {
            assert!(characters(document) <= MOST, "{} characters", characters(document));
            for statement in document["Statement"].as_array().unwrap() {
                for action in statement["Action"].as_array().unwrap() {
                    let action = action.as_str().unwrap();
                    assert!(!action.contains('*'), "{action}");
                    assert!(given.insert(action.to_owned()), "{action} is given twice");
                    // rights over rights are never given beyond our own names
                    if action.starts_with("iam:") && !["iam:List", "iam:Get", "iam:Simulate"].iter().any(|p| action.starts_with(p)) {
                        assert_ne!(statement["Resource"], json!(["*"]), "{action}");
                    }
                }
            }
        }
        let wanted: BTreeSet<String> = {
            let rights = Rights::bundled().unwrap();
            rights.all().into_iter().filter(|action| rights.is_listed(action)).map(str::to_owned).collect()
        };
        assert_eq!(given, wanted);
    }

    #[test]
    fn what_has_a_name_beforehand_is_narrowed_to_it() {
        let place = Place { prefix: "shop-test".to_owned(), account: "123456789012".to_owned(), region: "eu-west-1".to_owned(), ..words() };
        let rights = Rights::bundled().unwrap();
        assert_eq!(rights.resources("iam:PassRole", &place), ["arn:aws:iam::123456789012:role/shop-test*"]);
        assert_eq!(rights.resources("iam:CreateServiceLinkedRole", &place), ["arn:aws:iam::123456789012:role/aws-service-role/*"]);
        assert_eq!(rights.resources("ecr:PutImage", &place), ["arn:aws:ecr:eu-west-1:123456789012:repository/shop-test*"]);
        assert_eq!(rights.resources("ec2:CreateVpc", &place), ["*"]);
    }
}
