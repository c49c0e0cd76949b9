//! What a deployment would change, judged from templates and parameters alone: for a dry run, where no change set may be made.
//! Never claims more than the text shows: what only AWS knows stays a function, and is compared as one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rendered::{Rendered, Resource};
use super::{PlannedChange, data};
use crate::cloud::Aws;
use crate::cloud::fault::{code, fault, message};
use crate::error::Result;

/// What a stack was last given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    pub body: String,
    pub parameters: BTreeMap<String, String>,
}

/// The resources that `body` with `parameters` would add, modify or remove, in the template's order, compared with what is deployed
/// (`None`: nothing is).
pub fn preview(body: &str, parameters: &BTreeMap<String, String>, deployed: Option<&Deployed>) -> Result<Vec<PlannedChange>> {
    let wanted = Rendered::of(body, parameters)?;
    let present = deployed.map(|d| Rendered::of(&d.body, &d.parameters)).transpose()?.map(|r| r.resources).unwrap_or_default();
    let find = |list: &[Resource], id: &str| list.iter().find(|r| r.logical_id == id).cloned();
    let mut changes = Vec::new();
    for resource in &wanted.resources {
        match find(&present, &resource.logical_id) {
            None => changes.push(change("Add", resource)),
            Some(old) if old == *resource => {}
            Some(old) => {
                let properties = differing(&old.properties, &resource.properties);
                let same = old.kind == resource.kind;
                let replacement = if same { data::replacement(&resource.kind, properties.iter()) } else { "True" };
                // a policy alone touches nothing
                let replacement = if properties.is_empty() && same { "False" } else { replacement };
                let properties = properties.into_iter().collect();
                changes.push(PlannedChange { replacement: Some(replacement.to_owned()), properties, ..change("Modify", resource) });
            }
        }
    }
    changes.extend(present.iter().filter(|old| find(&wanted.resources, &old.logical_id).is_none()).map(|old| change("Remove", old)));
    let holders = present.iter().filter(|r| data::holds(r)).map(|r| r.logical_id.clone()).collect();
    data::mark(&mut changes, &holders);
    Ok(changes)
}

/// Names of the properties (top level) that are not the same.
fn differing(old: &Value, new: &Value) -> BTreeSet<String> {
    let names = [old, new].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys());
    names.filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}

fn change(action: &str, resource: &Resource) -> PlannedChange {
    PlannedChange {
        action: action.to_owned(),
        logical_id: resource.logical_id.clone(),
        resource_type: resource.kind.clone(),
        ..PlannedChange::default()
    }
}

/// What a stack was last given; `None` if there is no such stack. Two reads.
pub async fn deployed(aws: &Aws, name: &str) -> Result<Option<Deployed>> {
    let Some(found) = super::status(aws, name).await?.filter(|found| !found.in_review()) else { return Ok(None) };
    let body = deployed_template(aws, &found.arn).await?;
    Ok(body.map(|body| Deployed { body, parameters: found.parameters }))
}

/// The template that a stack was last given; `None` if there is no such stack. A read.
pub async fn deployed_template(aws: &Aws, name: &str) -> Result<Option<String>> {
    match aws.cloudformation().get_template().stack_name(name).send().await {
        Ok(answer) => Ok(answer.template_body.filter(|body| !body.trim().is_empty())),
        Err(error) if code(&error) == "ValidationError" && message(&error).contains("does not exist") => Ok(None),
        Err(error) => Err(fault("cloudformation:GetTemplate", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Danger;
    use super::*;

    fn plain(body: &str) -> Deployed {
        Deployed { body: body.to_owned(), parameters: BTreeMap::new() }
    }

    #[test]
    fn resources_are_compared_by_name_and_body() {
        let old = "Resources:\n  A: {Type: T::A, Properties: {X: 1}}\n  B: {Type: T::B}\n  C: {Type: T::C}\n";
        let new = "Resources:\n  A: {Type: T::A, Properties: {X: 2}}\n  B: {Type: T::B}\n  D: {Type: T::D}\n";
        let line = |c: PlannedChange| format!("{} {} {}", c.action, c.resource_type, c.logical_id);
        let none = BTreeMap::new();
        assert_eq!(
            preview(new, &none, Some(&plain(old))).unwrap().into_iter().map(line).collect::<Vec<_>>(),
            ["Modify T::A A", "Add T::D D", "Remove T::C C"]
        );
        assert_eq!(preview(new, &none, None).unwrap().len(), 3);
        assert_eq!(preview(new, &none, Some(&plain(new))), Ok(vec![]));
    }

    #[test]
    fn a_changed_parameter_is_followed_to_what_it_changes() {
        let body = "Parameters: {Class: {Type: String}, Name: {Type: String, Default: app}, Copy: {Type: String, Default: 'no'}}\n\
                    Conditions: {HasCopy: !Equals [!Ref Copy, 'yes']}\nResources:\n  \
                    Db: {Type: AWS::RDS::DBInstance, DeletionPolicy: Snapshot, Properties: {DBInstanceClass: !Ref Class, DBName: !Ref Name}}\n  \
                    Replica: {Type: AWS::RDS::DBInstance, DeletionPolicy: Delete, Condition: HasCopy}\n  Other: {Type: T::O}\n";
        let with = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
        let old = Deployed { body: body.to_owned(), parameters: with(&[("Class", "small"), ("Copy", "yes")]) };
        let seen = |parameters: &[(&str, &str)]| {
            let changes = preview(body, &with(parameters), Some(&old)).unwrap();
            changes.into_iter().map(|c| (c.logical_id, c.properties, c.replacement, c.danger)).collect::<Vec<_>>()
        };
        let db = |property: &str, replacement: &str, danger| {
            vec![("Db".to_owned(), vec![property.to_owned()], Some(replacement.to_owned()), danger)]
        };
        assert_eq!(seen(&[("Class", "large"), ("Copy", "yes")]), db("DBInstanceClass", "False", None));
        assert_eq!(seen(&[("Class", "small"), ("Copy", "yes"), ("Name", "b")]), db("DBName", "True", Some(Danger::Replaced)));
        assert_eq!(seen(&[("Class", "small")]), [("Replica".to_owned(), vec![], None, None)]);
    }
}
