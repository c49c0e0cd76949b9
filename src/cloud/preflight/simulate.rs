//! What IAM's simulator says of every action that the stacks and the wizard need.
//! Advice only: AWS says that its answers can differ from the live environment (conditions, session policies), so nothing stops for them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::PolicyEvaluationDecisionType as Decision;

use super::finding::{Check, Finding};
use super::rights::{Need, Place, Rights};
use super::{Stack, Wanted, who};
use crate::cloud::fault::{code, fault};
use crate::cloud::{Aws, Identity};
use crate::error::{Error, Kind, Result};

/// Actions of one call: the answer holds as many results, at most 1,000 on a page.
const BATCH: usize = 100;

/// Why an action is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// No policy allows it.
    NotAllowed,
    /// A policy denies it.
    Denied,
    /// The organization does not allow it.
    Organization,
    /// The role's or user's boundary does not allow it.
    Boundary,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::NotAllowed => "no policy allows",
            Self::Denied => "a policy denies",
            Self::Organization => "the organization's policy does not allow",
            Self::Boundary => "the permissions boundary does not allow",
        }
    }
}

pub(super) async fn findings(aws: &Aws, identity: &Identity, wanted: &Wanted, stacks: &[Stack<'_>]) -> Result<Vec<Finding>> {
    if stacks.is_empty() || who::is_root(&identity.arn) {
        return Ok(Vec::new());
    }
    let rights = Rights::bundled()?;
    let needed = rights.needed(stacks.iter().map(|stack| (stack.name, &stack.rendered)), wanted);
    let Some(principal) = principal(aws, &identity.arn).await else {
        return Ok(vec![Finding::note(
            Check::Permission,
            format!("the rights of {} cannot be simulated: it is neither a user nor a role", identity.arn),
            "compare them with `migrate-wizard doctor --policy`",
        )]);
    };
    let place = place(identity, &wanted.prefix);
    let mut batches: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for action in needed.keys() {
        // a pattern stands for every name that fits it: one that fits is asked for
        let resource = rights.resources(action, &place).swap_remove(0);
        let resource = if resource == "*" { resource } else { resource.replace('*', "x") };
        batches.entry(resource).or_default().push(action);
    }
    let mut refused: BTreeMap<Why, BTreeMap<&str, &BTreeSet<Need>>> = BTreeMap::new();
    let mut unknown: Vec<String> = Vec::new();
    for (resource, actions) in &batches {
        let mut open: Vec<Vec<&str>> = actions.chunks(BATCH).map(<[&str]>::to_vec).collect();
        while let Some(batch) = open.pop() {
            match simulate(aws, &principal, resource, &batch).await {
                Ok(answers) => {
                    for (action, why) in answers {
                        if let Some((action, needs)) = needed.get_key_value(&action) {
                            refused.entry(why).or_default().insert(action, needs);
                        }
                    }
                }
                // one name that the simulator does not know spoils its whole batch
                Err(error) if error.kind == Kind::Input && batch.len() > 1 => {
                    let (left, right) = batch.split_at(batch.len() / 2);
                    open.extend([left.to_vec(), right.to_vec()]);
                }
                Err(error) if error.kind == Kind::Input => unknown.push(batch.concat()),
                Err(error) => {
                    return Ok(vec![Finding::note(
                        Check::Permission,
                        format!("the rights of {principal} are not known: {}", error.line()),
                        "allow iam:SimulatePrincipalPolicy to have them checked, or compare them with `migrate-wizard doctor --policy`",
                    )]);
                }
            }
        }
    }
    let mut all: Vec<Finding> = refused.iter().flat_map(|(why, actions)| told(*why, actions)).collect();
    if all.is_empty() {
        let asked = needed.len() - unknown.len();
        all.push(Finding::fine(
            Check::Permission,
            format!("IAM's simulator allows {principal} all {asked} actions that this system needs"),
        ));
    }
    if !unknown.is_empty() {
        all.push(Finding::note(
            Check::Permission,
            format!("IAM's simulator does not know {}", unknown.join(", ")),
            "nothing to do: CloudFormation says so if one of them is refused",
        ));
    }
    Ok(all)
}

/// One finding for each stack that lacks something.
fn told(why: Why, actions: &BTreeMap<&str, &BTreeSet<Need>>) -> Vec<Finding> {
    let mut by_stack: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for (action, needs) in actions {
        for stack in needs.iter().map(|need| need.stack.as_str()).collect::<BTreeSet<_>>() {
            let (make, later) = by_stack.entry(stack).or_default();
            if needs.iter().any(|need| need.stack == stack && need.to_make) {
                make.insert(action)
            } else {
                later.insert(action)
            };
        }
    }
    let list = |actions: BTreeSet<&str>| actions.into_iter().collect::<Vec<_>>().join(", ");
    by_stack
        .into_iter()
        .map(|(stack, (make, later))| {
            let later = if later.is_empty() { String::new() } else { format!("to change or remove it: {}", list(later)) };
            let make = if make.is_empty() { String::new() } else { format!("to make it: {}", list(make)) };
            let parts: Vec<String> = [make, later].into_iter().filter(|part| !part.is_empty()).collect();
            Finding::warns(
                Check::Permission,
                format!("by IAM's simulator {} what {stack} needs {}", why.words(), parts.join("; ")),
                match why {
                    Why::NotAllowed => "attach the policies of `migrate-wizard doctor --policy` to the role or user in use",
                    Why::Denied => "find the statement that denies it and make an exception, or use another role",
                    Why::Organization => "ask who runs the organization for an exception in its service control policy",
                    Why::Boundary => "ask who set the permissions boundary to widen it, or use another role",
                },
            )
        })
        .collect()
}

/// Actions that are not allowed.
async fn simulate(aws: &Aws, principal: &str, resource: &str, actions: &[&str]) -> Result<Vec<(String, Why)>> {
    let mut refused = Vec::new();
    let call = aws.iam().simulate_principal_policy().policy_source_arn(principal).resource_arns(resource);
    let call = call.set_action_names(Some(actions.iter().map(|&action| action.to_owned()).collect()));
    let mut marker = None;
    loop {
        let answer = call.clone().set_marker(marker.take()).send().await.map_err(|error| {
            let invalid = matches!(code(&error), "InvalidInput" | "InvalidInputException" | "ValidationError");
            let error = fault("iam:SimulatePrincipalPolicy", error);
            if invalid { Error { kind: Kind::Input, ..error } } else { error }
        })?;
        for result in answer.evaluation_results() {
            let organization = result.organizations_decision_detail().is_some_and(|detail| !detail.allowed_by_organizations());
            let boundary = result.permissions_boundary_decision_detail().is_some_and(|detail| !detail.allowed_by_permissions_boundary());
            if *result.eval_decision() == Decision::Allowed {
                continue;
            }
            let why = if organization {
                Why::Organization
            } else if boundary {
                Why::Boundary
            } else if *result.eval_decision() == Decision::ExplicitDeny {
                Why::Denied
            } else {
                Why::NotAllowed
            };
            refused.push((result.eval_action_name().to_owned(), why));
        }
        marker = answer.marker;
        if !answer.is_truncated || marker.is_none() {
            return Ok(refused);
        }
    }
}

/// The user or role behind a caller; a session of a role is answered for by the role. `None` for anybody else.
async fn principal(aws: &Aws, arn: &str) -> Option<String> {
    let (partition, account, rest) = parts(arn)?;
    if rest.starts_with("user/") || rest.starts_with("role/") {
        return Some(arn.to_owned());
    }
    let name = rest.strip_prefix("assumed-role/")?.split('/').next()?;
    // the session's ARN leaves out the role's path, which single sign-on always sets
    let told = aws.iam().get_role().role_name(name).send().await.ok().and_then(|answer| answer.role).map(|role| role.arn);
    Some(told.unwrap_or_else(|| format!("arn:{partition}:iam::{account}:role/{name}")))
}

fn parts(arn: &str) -> Option<(&str, &str, &str)> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", partition, _, _, account, rest] => Some((partition, account, rest)),
        _ => None,
    }
}

/// Where we are, for ARNs.
pub(super) fn place(identity: &Identity, prefix: &str) -> Place {
    let partition = parts(&identity.arn).map_or("aws", |(partition, _, _)| partition);
    Place { partition: partition.to_owned(), region: identity.region.clone(), account: identity.account.clone(), prefix: prefix.to_owned() }
}
