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
