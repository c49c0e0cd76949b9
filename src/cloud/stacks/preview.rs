//! What a deployment would change, judged from the templates alone: for a dry run, where no change set may be made.
//! Never claims more than the text shows: conditions are not evaluated, and changed parameters are not followed.

use serde_yaml_ng::Value;

use super::PlannedChange;
use super::outputs::{parse, section};
use crate::cloud::Aws;
use crate::cloud::fault::{code, fault, message};
use crate::error::Result;

/// The resources `body` would add, modify or remove, in the template's order, compared with the template that is deployed (`None`: nothing is).
pub fn preview(body: &str, deployed: Option<&str>) -> Result<Vec<PlannedChange>> {
    let wanted = section(&parse(body)?, "Resources");
    let present = deployed.map(parse).transpose()?.map(|template| section(&template, "Resources")).unwrap_or_default();
    let find = |list: &[(String, Value)], id: &str| list.iter().find(|(name, _)| name == id).map(|(_, value)| value.clone());
    let mut changes = Vec::new();
    for (id, resource) in &wanted {
        match find(&present, id) {
            None => changes.push(change("Add", id, resource, None)),
            Some(old) if old == *resource => {}
            Some(old) => {
                let replacement = if old.get("Type") == resource.get("Type") { "Conditional" } else { "True" };
                changes.push(change("Modify", id, resource, Some(replacement)));
            }
        }
    }
    changes.extend(present.iter().filter(|(id, _)| find(&wanted, id).is_none()).map(|(id, resource)| change("Remove", id, resource, None)));
    Ok(changes)
}

fn change(action: &str, id: &str, resource: &Value, replacement: Option<&str>) -> PlannedChange {
    PlannedChange {
        action: action.to_owned(),
        logical_id: id.to_owned(),
        resource_type: resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned(),
        physical_id: None,
        replacement: replacement.map(str::to_owned),
    }
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
    use super::*;

    #[test]
    fn resources_are_compared_by_name_and_body() {
        let old = "Resources:\n  A: {Type: T::A, Properties: {X: !Ref P}}\n  B: {Type: T::B}\n  C: {Type: T::C}\n";
        let new = "Resources:\n  A: {Type: T::A, Properties: {X: !Ref Q}}\n  B: {Type: T::B}\n  D: {Type: T::D}\n";
        let line = |c: PlannedChange| format!("{} {} {}", c.action, c.resource_type, c.logical_id);
        assert_eq!(
            preview(new, Some(old)).unwrap().into_iter().map(line).collect::<Vec<_>>(),
            ["Modify T::A A", "Add T::D D", "Remove T::C C"]
        );
        assert_eq!(preview(new, None).unwrap().len(), 3);
        assert_eq!(preview(new, Some(new)), Ok(vec![]));
    }
}
