//! Which resources hold data, and what of a change would lose it; from `assets/resources.toml`.
//! Makes no call and never decides whether a loss is acceptable: a person does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use super::rendered::{Rendered, Resource};
use super::{Danger, PlannedChange};
use crate::error::Result;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[allow(dead_code)] // for readers of the file
    as_of: String,
    #[allow(dead_code)]
    source: String,
    data: BTreeMap<String, Store>,
    minutes: BTreeMap<String, u64>,
}

/// A resource type that holds data.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// "database", "bucket".
    pub word: String,
    /// What keeping it costs, as an id of the price list.
    pub price: Option<String>,
    /// Properties whose change makes CloudFormation build a new one.
    #[serde(default)]
    pub create_only: BTreeSet<String>,
    /// Properties that do so in some cases.
    #[serde(default)]
    pub maybe: BTreeSet<String>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    // the file travels in the binary, and a test reads it: an unreadable one names no stores rather than ending the program
    KNOWN.get_or_init(|| toml::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/resources.toml"))).unwrap_or_default())
}

/// What is known of a type that holds data; `None` for all others.
pub fn store(resource_type: &str) -> Option<&'static Store> {
    known().data.get(resource_type)
}

/// How long a resource of that type usually takes to be made.
pub(super) fn usual(resource_type: &str) -> Option<Duration> {
    known().minutes.get(resource_type).map(|minutes| Duration::from_secs(minutes * 60))
}

/// Whether this resource holds data of its own: its type does, and its template does not say that it may just go (a read replica).
pub(super) fn holds(resource: &Resource) -> bool {
    store(&resource.kind).is_some() && resource.deletion_policy.as_deref() != Some("Delete")
}

/// Logical ids of the resources that hold data.
pub fn holders(body: &str, parameters: &BTreeMap<String, String>) -> Result<BTreeSet<String>> {
    Ok(Rendered::of(body, parameters)?.resources.iter().filter(|r| holds(r)).map(|r| r.logical_id.clone()).collect())
}

/// Marks the changes that may lose data: those of `ids` that are removed or replaced.
pub(super) fn mark(changes: &mut [PlannedChange], ids: &BTreeSet<String>) {
    for change in changes.iter_mut().filter(|change| ids.contains(&change.logical_id)) {
        change.danger = match (change.action.as_str(), change.replacement.as_deref()) {
            ("Remove", _) => Some(Danger::Removed),
            (_, Some("True")) => Some(Danger::Replaced),
            (_, Some("Conditional")) => Some(Danger::MayBeReplaced),
            (_, _) => None,
        };
    }
}

/// Whether changing these properties (top level) makes CloudFormation build a new resource: `True`, `False` or `Conditional`, as in a change set.
pub(super) fn replacement<'a>(resource_type: &str, mut properties: impl Iterator<Item = &'a String> + Clone) -> &'static str {
    match store(resource_type) {
        None => "Conditional",
        Some(store) if properties.clone().any(|p| store.create_only.contains(p)) => "True",
        Some(store) if properties.any(|p| store.maybe.contains(p)) => "Conditional",
        Some(_) => "False",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_knows_what_must_not_be_lost() {
        for kind in [
            "AWS::RDS::DBInstance",
            "AWS::RDS::DBCluster",
            "AWS::DSQL::Cluster",
            "AWS::ElastiCache::ReplicationGroup",
            "AWS::S3::Bucket",
            "AWS::Cognito::UserPool",
            "AWS::KMS::Key",
            "AWS::EFS::FileSystem",
        ] {
            assert!(store(kind).is_some_and(|store| !store.word.is_empty()), "{kind}");
        }
        assert!(store("AWS::EC2::VPC").is_none());
        assert_eq!(usual("AWS::RDS::DBInstance"), Some(Duration::from_secs(540)));
    }

    #[test]
    fn what_is_replaced_follows_from_the_properties() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            replacement("AWS::RDS::DBInstance", names.iter())
        };
        assert_eq!((of(&["DBInstanceClass"]), of(&["DBInstanceClass", "MultiAZ"]), of(&["DBName"])), ("False", "Conditional", "True"));
        assert_eq!(replacement("AWS::EC2::VPC", [].iter()), "Conditional");
    }

    #[test]
    fn a_read_replica_may_go_and_its_source_may_not() {
        let body = "Resources:\n  A: {Type: AWS::RDS::DBInstance, DeletionPolicy: Snapshot}\n  B: {Type: AWS::RDS::DBInstance, DeletionPolicy: Delete}\n";
        let ids = holders(body, &BTreeMap::new()).unwrap();
        assert_eq!(ids, BTreeSet::from(["A".to_owned()]));
        let change = |id: &str, action: &str, replacement: Option<&str>| PlannedChange {
            action: action.into(),
            logical_id: id.into(),
            replacement: replacement.map(str::to_owned),
            ..PlannedChange::default()
        };
        let mut changes = [change("A", "Modify", Some("True")), change("B", "Remove", None), change("A", "Modify", Some("False"))];
        mark(&mut changes, &ids);
        assert_eq!(changes.map(|c| c.danger), [Some(Danger::Replaced), None, None]);
    }
}
