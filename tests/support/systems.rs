//! Systems as the playbooks make them, rendered without an account: what only AWS knows is stood in for by made-up ids of the right shape.

use std::collections::{BTreeMap, BTreeSet};

use migrate_wizard::cloud::stacks::{Rendered, Resource, SystemStack};
use migrate_wizard::effects;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::playbooks::Journey;

/// A stack with its template rendered.
pub struct Built {
    pub stack: SystemStack,
    /// The parameters with every reference filled.
    pub parameters: BTreeMap<String, String>,
    pub rendered: Rendered,
}

/// Every stack of the system that these answers make.
pub fn build(journey: &Journey, answers: &BTreeMap<String, String>) -> Vec<Built> {
    let mut known: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let coming = journey.coming(answers);
    let steps = coming.iter().filter(|step| step.kind == "stack");
    steps
        .map(|step| {
            let stack = effects::of_system(&step.step, &step.title, &step.fields).unwrap_or_else(|e| panic!("{}: {e}", step.step));
            let mut parameters = stack.resolved(&known).unwrap_or_else(|e| panic!("{}: {e}", step.step)).parameters;
            // what AWS looks up by itself
            if stack.layer == "ec2" {
                parameters.insert("ImageId".to_owned(), "ami-0123456789abcdef0".to_owned());
            }
            let rendered = Rendered::of(&stack.spec.template_body, &parameters).unwrap_or_else(|e| panic!("{}: {e}", step.step));
            let outputs = rendered.outputs.iter().map(|(name, value)| (name.clone(), output(name, value))).collect();
            known.insert(stack.spec.name.clone(), outputs);
            Built { stack, parameters, rendered }
        })
        .collect()
}

/// An output as AWS would give it, in shape.
fn output(name: &str, value: &Value) -> String {
    if let Value::String(literal) = value {
        return literal.clone();
    }
    let two = |id: &str| format!("{id}aaaa1111,{id}bbbb2222");
    let arn = |service: &str, what: &str| format!("arn:aws:{service}:us-east-1:123456789012:{what}");
    match name {
        "VpcId" => "vpc-0123456789abcdef0".into(),
        "ConnectionArn" => arn("codeconnections", "connection/0123abcd-0123-abcd-0123-0123456789ab"),
        "CertificateArn" => arn("acm", "certificate/0123abcd-0123-abcd-0123-0123456789ab"),
        "ListenerArn" => arn("elasticloadbalancing", "listener/app/shop/0123456789abcdef/0123456789abcdef"),
        "LoadBalancerArn" => arn("elasticloadbalancing", "loadbalancer/app/shop/0123456789abcdef"),
        "LoadBalancerFullName" => "app/shop/0123456789abcdef".into(),
        "TargetGroupFullName" => "targetgroup/shop/0123456789abcdef".into(),
        "TopicArn" => arn("sns", "shop"),
        "RepositoryArn" => arn("ecr", "repository/shop-production/app"),
        "RepositoryUri" => "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop-production/app".into(),
        "TaskRoleArn" | "ExecutionRoleArn" | "RoleArn" => "arn:aws:iam::123456789012:role/shop".into(),
        "ResourceArn" => arn("rds", "db:shop"),
        "HostedZoneId" => "Z0123456789ABCDEFGHIJ".into(),
        "NamespaceId" => "ns-0123456789abcdef".into(),
        "Identifier" | "ClusterName" | "ServiceName" => "shop-production".into(),
        "Port" => "5432".into(),
        "Url" | "HttpsUrl" => "https://shop.example.com".into(),
        "DnsName" | "Endpoint" | "RecordTarget" => "shop.us-east-1.example.amazonaws.com".into(),
        name if name.ends_with("SecretArn") => arn("secretsmanager", "secret:shop/thing-AbCdEf"),
        name if name.ends_with("SubnetIds") => two("subnet-"),
        name if name.ends_with("SecurityGroupId") => "sg-0123456789abcdef0".into(),
        name if name.ends_with("Arn") => arn("states", "stateMachine:shop"),
        name => name.to_lowercase(),
    }
}

/// Values that only name or number things, and what stands for all of them where templates are compared.
const NAMES: [(&str, &str); 7] = [
    ("Variables", "NAME"),
    ("Secrets", "NAME"),
    ("Environment", "production"),
    ("ServiceName", "app"),
    ("ContainerPort", "3000"),
    ("Port", "3000"),
    ("LogRetentionDays", "30"),
];

impl Built {
    /// The resources as CloudFormation takes them.
    fn resources(&self) -> Map<String, Value> {
        let resource = |r: &Resource| {
            let mut entry = Map::from_iter([("Type".to_owned(), json!(r.kind)), ("Properties".to_owned(), r.properties.clone())]);
            let policies = [("DeletionPolicy", &r.deletion_policy), ("UpdateReplacePolicy", &r.update_replace_policy)];
            entry.extend(policies.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
            (r.logical_id.clone(), Value::Object(entry))
        };
        self.rendered.resources.iter().map(resource).collect()
    }

    /// What a validator could judge differently: each resource without what only names it, and which resources there are.
    fn parts(&self) -> BTreeSet<String> {
        let resources = self.resources();
        let ids: Vec<&String> = resources.keys().collect();
        let mut parts = BTreeSet::from([format!("{}: {ids:?}", self.stack.layer)]);
        let names = NAMES.iter().filter_map(|(name, to)| Some((self.parameters.get(*name)?, *to)));
        let words: Vec<(regex::Regex, &str)> =
            names.map(|(value, to)| (regex::Regex::new(&format!(r"\b{}(\b|')", regex::escape(value))).unwrap(), to)).collect();
        for (id, resource) in resources {
            let plain = words.iter().fold(resource.to_string(), |text, (word, to)| word.replace_all(&text, *to).into_owned());
            parts.insert(format!("{}.{id} {plain}", self.stack.layer));
        }
        parts
    }
}

/// Templates without parameters and conditions, by `layer-digest`: as many as hold every resource in every way in which it
/// is rendered, in every company in which it stands. What is left out has nothing that is not in one of them.
pub fn distinct<'a>(all: impl IntoIterator<Item = &'a Built>) -> BTreeMap<String, String> {
    let mut seen = BTreeSet::new();
    let mut found = BTreeMap::new();
    for built in all {
        let parts = built.parts();
        if parts.is_subset(&seen) {
            continue;
        }
        seen.extend(parts);
        let template = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": built.resources() });
        let text = serde_json::to_string_pretty(&template).unwrap();
        let digest: String = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        found.insert(format!("{}-{digest}", built.stack.layer), text);
    }
    found
}

/// Is `pattern` in `actual`? Tables by key, each item of a list anywhere in the list, `~text` inside of what is there; else equal as text.
pub fn holds(actual: &Value, pattern: &toml::Value) -> bool {
    match pattern {
        toml::Value::Table(table) => table.iter().all(|(key, inner)| actual.get(key).is_some_and(|value| holds(value, inner))),
        toml::Value::Array(items) => {
            items.iter().all(|item| actual.as_array().is_some_and(|values| values.iter().any(|value| holds(value, item))))
        }
        toml::Value::String(text) => match text.strip_prefix('~') {
            Some(part) => plain(actual).contains(part),
            None => plain(actual) == *text,
        },
        other => plain(actual) == other.to_string(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
