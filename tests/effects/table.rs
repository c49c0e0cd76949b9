//! The table: for each effect what a playbook hands it, what stands before it, and what must be true of it.
//! A registered kind without a row fails `every_registered_effect_stands_in_the_table`.

use migrate_wizard::cloud::tasks::started_by;
use serde_json::{Value, json};

use super::http;
use super::stage::{Part, Stage, database_seen, elements};
use crate::support::postgres::{sql, value};
use crate::switch::Balancer;
use migrate_wizard::postgres::{Access, freeze};

/// What a probe must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Absent,
    /// With the outputs of `apply`.
    Present,
}
use Found::{Absent, Present};

/// What an undo leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The world as it was.
    AsBefore,
    /// What it made stays, by design: why.
    Stays(&'static str),
}
use After::{AsBefore, Stays};

pub struct Row {
    pub name: &'static str,
    pub kind: &'static str,
    pub part: Part,
    /// What must be there first.
    pub given: fn(&Stage),
    /// As a playbook fills them.
    pub fields: fn(&Stage) -> Value,
    /// Fields without which it cannot be built.
    pub needs: &'static [&'static str],
    /// A field, a value of the right shape and a wrong meaning.
    pub wrong: &'static [(&'static str, &'static str)],
    /// The first line of the preview before it is applied, and after.
    pub preview: [&'static str; 2],
    /// Before, after applying, after undoing.
    pub probes: [Found; 3],
    /// Outputs that are known beforehand.
    pub gives: fn() -> Value,
    /// Outputs that the second apply says differently.
    pub again: fn() -> Value,
    /// Outputs that are measured: another figure each time.
    pub measured: &'static [&'static str],
    /// What an eye of our own sees of the part of the world that it changes.
    pub seen: fn(&Stage) -> Vec<String>,
    /// Lines of `seen` that are there after applying and were not before; empty: it changes nothing.
    pub makes: &'static [&'static str],
    pub after: After,
}

const ROW: Row = Row {
    name: "",
    kind: "",
    part: Part::Here,
    given: |_| {},
    fields: |_| json!({}),
    needs: &[],
    wrong: &[],
    preview: ["", ""],
    probes: [Absent, Absent, Absent],
    gives: || json!({}),
    again: || json!({}),
    measured: &[],
    seen: Stage::files,
    makes: &[],
    after: AsBefore,
};

const READS: After = Stays("it only reads; its record is in the run's own folder");

fn express_app(stage: &Stage) {
    let app = stage.app();
    stage.put(&app.join(".replit"), "modules = [\"nodejs-20\"]\nrun = \"npm run start\"\n[[ports]]\nlocalPort = 3000\nexternalPort = 80\n");
    stage.put(
        &app.join("package.json"),
        r#"{ "name": "shop", "scripts": { "start": "node index.js" }, "dependencies": { "express": "5.1.0" } }"#,
    );
    stage.put(&app.join("index.js"), "import express from 'express';\nexpress().listen(process.env.PORT);\n");
}

fn source_and_target(stage: &Stage) -> Vec<String> {
    let target = stage.target();
    let mark = |side: &'static str| move |line: String| format!("{side} {line}");
    let mut all: Vec<String> = database_seen(stage, stage.source()).into_iter().map(mark("source")).collect();
    all.extend(database_seen(stage, &target).into_iter().map(mark("target")));
    all
}

fn schema(stage: &Stage, phase: &str) -> Value {
    json!({ "phase": phase, "except": ["stripe"], "foreign_keys": "kept", "serial_keys": "", "target": stage.target_fields() })
}

fn tables_made(stage: &Stage) {
    stage.apply("schema", schema(stage, "before"));
}

fn rows_copied(stage: &Stage) {
    tables_made(stage);
    stage.apply("rows", json!({ "except": ["stripe.*"], "target": stage.target_fields() }));
}

fn indexes_made(stage: &Stage) {
    rows_copied(stage);
    stage.apply("schema", schema(stage, "after"));
}

fn stack(layer: &str, protect: bool, parameters: Value) -> Value {
    json!({ "layer": layer, "name": format!("shop-test-{layer}"), "protect": protect, "app": "shop", "environment": "test", "run": "run-1", "parameters": parameters })
}

fn a_cluster(stage: &Stage) {
    let parameters = json!({ "AppName": "shop", "Environment": "test", "VpcId": "vpc-0123", "ServiceDiscovery": "false" });
    stage.apply("stack", stack("cluster", true, parameters));
}

fn stacks_seen(stage: &Stage, layer: &str) -> Vec<String> {
    let name = format!("shop-test-{layer}");
    let described = stage.query("cloudformation", "DescribeStacks", &[("StackName", &name)]);
    let resources = stage.query("cloudformation", "DescribeStackResources", &[("StackName", &name)]);
    let mut all: Vec<String> = elements(&described, "StackStatus").into_iter().map(|s| format!("stack {s}")).collect();
    let gone = all.iter().any(|s| s.contains("DELETE_COMPLETE"));
    if gone || all.is_empty() {
        all.clear();
    } else {
        all.extend(
            elements(&resources, "LogicalResourceId")
                .into_iter()
                .zip(elements(&resources, "PhysicalResourceId"))
                .map(|(l, p)| format!("{l}={p}")),
        );
    }
    all.extend(
        elements(&stage.query("ec2", "DescribeVpcs", &[("Filter.1.Name", "tag:app"), ("Filter.1.Value.1", "shop")]), "cidrBlock")
            .into_iter()
            .map(|c| format!("vpc {c}")),
    );
    all
}

fn secrets_seen(stage: &Stage) -> Vec<String> {
    let all = stage.ask("secretsmanager", "secretsmanager.ListSecrets", &json!({ "IncludePlannedDeletion": true }));
    let mut lines = Vec::new();
    for secret in all["SecretList"].as_array().unwrap() {
        let name = secret["Name"].as_str().unwrap();
        let value = stage.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": name }));
        let versions = stage.ask("secretsmanager", "secretsmanager.ListSecretVersionIds", &json!({ "SecretId": name }));
        lines.push(format!(
            "{name}: {} versions, value {}",
            versions["Versions"].as_array().map_or(0, Vec::len),
            value["SecretString"].as_str().map_or("none".into(), |v| format!("of {} characters {v}", v.len()))
        ));
    }
    lines
}

fn repositories_seen(stage: &Stage) -> Vec<String> {
    let all = stage.ask("ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", &json!({}));
    let mut lines = Vec::new();
    for repository in all["repositories"].as_array().unwrap() {
        let name = repository["repositoryName"].as_str().unwrap();
        lines.push(format!("repository {name}, scan on push {}", repository["imageScanningConfiguration"]["scanOnPush"]));
        let images = stage.ask("ecr", "AmazonEC2ContainerRegistry_V20150921.ListImages", &json!({ "repositoryName": name }));
        lines.extend(images["imageIds"].as_array().into_iter().flatten().map(|i| {
            format!(
                "{name}:{} {}",
                i["imageTag"].as_str().unwrap_or("untagged"),
                if i["imageDigest"].is_string() { "with a digest" } else { "without a digest" }
            )
        }));
    }
    lines
}

const COGNITO: &str = "AWSCognitoIdentityProviderService";

fn pool_name(stage: &Stage) -> String {
    stage.world.run.clone()
}

fn a_pool(stage: &Stage) {
    let schema = json!([{ "Name": "legacy_id", "AttributeDataType": "String", "Mutable": true }]);
    let pool = json!({ "PoolName": pool_name(stage), "UsernameAttributes": ["email"], "Schema": schema });
    stage.ask("cognito-idp", &format!("{COGNITO}.CreateUserPool"), &pool);
    let group = json!({ "UserPoolId": pool_id(stage), "GroupName": "admins" });
    stage.ask("cognito-idp", &format!("{COGNITO}.CreateGroup"), &group);
}

/// Rows share one emulator: each has a pool named for its run.
fn pool_id(stage: &Stage) -> String {
    let all = stage.ask("cognito-idp", &format!("{COGNITO}.ListUserPools"), &json!({ "MaxResults": 60 }));
    let own = all["UserPools"].as_array().unwrap().iter().find(|pool| pool["Name"] == pool_name(stage).as_str());
    own.map_or("none".to_owned(), |pool| pool["Id"].as_str().unwrap().to_owned())
}

fn accounts_seen(stage: &Stage) -> Vec<String> {
    let all = stage.ask("cognito-idp", &format!("{COGNITO}.ListUsers"), &json!({ "UserPoolId": pool_id(stage) }));
    let mut lines: Vec<String> = all["Users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| {
            let attribute = |name: &str| {
                let found = user["Attributes"].as_array().unwrap().iter().find(|a| a["Name"] == name).cloned();
                found.map_or("none".to_owned(), |a| a["Value"].as_str().unwrap().to_owned())
            };
            format!("{} {} {}", attribute("custom:legacy_id"), attribute("email"), user["UserStatus"].as_str().unwrap())
        })
        .collect();
    lines.sort();
    lines
}

fn snapshots_seen(stage: &Stage) -> Vec<String> {
    elements(&stage.query("rds", "DescribeDBSnapshots", &[("SnapshotType", "manual")]), "DBSnapshotIdentifier")
        .into_iter()
        .map(|id| format!("snapshot {id}"))
        .collect()
}

fn an_instance(stage: &Stage) {
    let made = stage.query(
        "rds",
        "CreateDBInstance",
        &[
            ("DBInstanceIdentifier", "shop-db"),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "master"),
            ("MasterUserPassword", "not-a-real-one"),
        ],
    );
    assert!(made.contains("shop-db"), "{made}");
}

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

fn a_service(stage: &Stage) {
    stage.ask("ecs", &format!("{ECS}.CreateCluster"), &json!({ "clusterName": "shop" }));
    let container = json!({ "name": "web", "image": "registry.example/shop:1", "essential": true });
    stage.ask("ecs", &format!("{ECS}.RegisterTaskDefinition"), &json!({ "family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }));
    let made = stage.ask(
        "ecs",
        &format!("{ECS}.CreateService"),
        &json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 0, "launchType": "FARGATE" }),
    );
    assert_eq!(made["service"]["serviceName"], "web", "{made}");
}

fn service_seen(stage: &Stage) -> Vec<String> {
    let found = stage.ask("ecs", &format!("{ECS}.DescribeServices"), &json!({ "cluster": "shop", "services": ["web"] }));
    let service = &found["services"][0];
    let definition = service["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let described = stage.ask("ecs", &format!("{ECS}.DescribeTaskDefinition"), &json!({ "taskDefinition": definition }));
    vec![format!(
        "{definition} with {}: {} wanted, {} run",
        described["taskDefinition"]["containerDefinitions"][0]["image"].as_str().unwrap(),
        service["desiredCount"],
        service["runningCount"]
    )]
}

const ROUTE53: &str = "2013-04-01";

fn a_zone(stage: &Stage) {
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/{ROUTE53}/\"><Name>shop.example.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>"
    );
    let made = stage.send("route53", "POST", &format!("/{ROUTE53}/hostedzone"), &[("content-type", "application/xml")], body);
    assert!(made.contains("shop.example"), "{made}");
}

fn a_zone_with_a_record(stage: &Stage) {
    a_zone(stage);
    stage.apply("dns", json!({ "name": "www.shop.example", "value": "old.example", "ttl": "3600" }));
}

/// The name of the zone itself, as Replit has a domain of one's own: A and TXT, here with an AAAA.
fn a_zone_with_addresses(stage: &Stage) {
    a_zone(stage);
    stage.apply("dns", json!({ "name": "shop.example", "value": "192.0.2.1, 192.0.2.2, 2001:db8::1", "ttl": "300" }));
    stage.apply("dns", json!({ "name": "shop.example", "kind_of_record": "TXT", "value": "\"replit-verify=1\"", "ttl": "300" }));
}

fn records_seen(stage: &Stage) -> Vec<String> {
    let zones = stage.send("route53", "GET", &format!("/{ROUTE53}/hostedzone"), &[], String::new());
    let id = elements(&zones, "Id").first().unwrap().trim_start_matches("/hostedzone/").to_owned();
    let all = stage.send("route53", "GET", &format!("/{ROUTE53}/hostedzone/{id}/rrset"), &[], String::new());
    all.split("<ResourceRecordSet>")
        .skip(1)
        .map(|set| {
            format!(
                "{} {} {} {}",
                elements(set, "Name").join(""),
                elements(set, "Type").join(""),
                elements(set, "TTL").join(""),
                [elements(set, "Value"), elements(set, "DNSName")].concat().join(" ")
            )
        })
        .filter(|line| !line.contains(" NS ") && !line.contains(" SOA "))
        .collect()
}

/// An app that reads two secrets and a setting with a default.
fn an_app_with_secrets(stage: &Stage) {
    express_app(stage);
    stage.put(
        &stage.app().join("mail.js"),
        "const key = process.env.JWT_SECRET;\nconst token = process.env.MAIL_TOKEN;\nconst level = process.env.LOG_LEVEL ?? 'info';\n",
    );
}

fn secrets_made(stage: &Stage) {
    an_app_with_secrets(stage);
    stage.apply("app_secrets", json!({ "app": "shop", "environment": "test" }));
}

/// A secret of ours that a service reads.
fn a_read_secret(stage: &Stage) {
    let ours = json!([{ "Key": "managed-by", "Value": "migrate-wizard" }]);
    let made = stage.ask(
        "secretsmanager",
        "secretsmanager.CreateSecret",
        &json!({ "Name": "shop-test/token", "SecretString": "first", "Tags": ours }),
    );
    stage.ask("ecs", &format!("{ECS}.CreateCluster"), &json!({ "clusterName": "shop" }));
    let container = json!({ "name": "web", "image": "registry.example/shop:1", "essential": true, "secrets": [{ "name": "TOKEN", "valueFrom": made["ARN"] }] });
    stage.ask("ecs", &format!("{ECS}.RegisterTaskDefinition"), &json!({ "family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }));
    stage.ask(
        "ecs",
        &format!("{ECS}.CreateService"),
        &json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 0, "launchType": "FARGATE" }),
    );
}

fn a_balancer(stage: &Stage) {
    Balancer::make(stage, "shop");
}

fn balancer_arn(stage: &Stage) -> String {
    elements(&stage.query("elasticloadbalancing", "DescribeLoadBalancers", &[]), "LoadBalancerArn").first().unwrap().clone()
}

fn rules_seen(stage: &Stage) -> Vec<String> {
    Balancer::find(stage, &balancer_arn(stage)).rules(stage)
}

fn arn_of(stage: &Stage, name: &str) -> Value {
    stage.ask("secretsmanager", "secretsmanager.DescribeSecret", &json!({ "SecretId": name }))["ARN"].clone()
}

fn token_seen(stage: &Stage) -> Vec<String> {
    let value = stage.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": "shop-test/token" }));
    let text = value["SecretString"].as_str().unwrap();
    vec![format!("token of {} characters: {text}", text.len())]
}

/// A secret that AWS renews every week, as RDS makes it.
fn a_managed_secret(stage: &Stage) {
    stage.ask("secretsmanager", "secretsmanager.CreateSecret", &json!({ "Name": "rds-db-1", "SecretString": "{}" }));
    stage.ask(
        "secretsmanager",
        "secretsmanager.RotateSecret",
        &json!({ "SecretId": "rds-db-1", "RotationRules": { "AutomaticallyAfterDays": 7 } }),
    );
}

fn schedule_seen(stage: &Stage) -> Vec<String> {
    let found = stage.ask("secretsmanager", "secretsmanager.DescribeSecret", &json!({ "SecretId": "rds-db-1" }));
    vec![format!("every {} days", found["RotationRules"]["AutomaticallyAfterDays"])]
}

/// `web` has run two revisions: the first was steady, the second runs now.
fn a_service_of_two(stage: &Stage) {
    a_service(stage);
    let first = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1";
    let steady = json!([{ "key": "migrate-wizard-steady", "value": "1700000000" }]);
    stage.ask("ecs", &format!("{ECS}.TagResource"), &json!({ "resourceArn": first, "tags": steady }));
    let container = json!({ "name": "web", "image": "registry.example/shop:2", "essential": true });
    stage.ask("ecs", &format!("{ECS}.RegisterTaskDefinition"), &json!({ "family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }));
    let update = json!({ "cluster": "shop", "service": "web", "taskDefinition": "web:2" });
    let made = stage.ask("ecs", &format!("{ECS}.UpdateService"), &update);
    assert!(made["service"]["taskDefinition"].as_str().unwrap().ends_with("web:2"), "{made}");
}

/// `web` reads where its database is from a plain variable.
fn a_service_with_a_host(stage: &Stage) {
    stage.ask("ecs", &format!("{ECS}.CreateCluster"), &json!({ "clusterName": "shop" }));
    let variables = json!([{ "name": "PGHOST", "value": "db.old" }, { "name": "URL", "value": "https://db.old/" }]);
    let container = json!({ "name": "web", "image": "registry.example/shop:1", "essential": true, "environment": variables });
    stage.ask("ecs", &format!("{ECS}.RegisterTaskDefinition"), &json!({ "family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }));
    stage.ask(
        "ecs",
        &format!("{ECS}.CreateService"),
        &json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 0, "launchType": "FARGATE" }),
    );
}

/// The variables of the revision that runs.
fn variables_seen(stage: &Stage) -> Vec<String> {
    let found = stage.ask("ecs", &format!("{ECS}.DescribeServices"), &json!({ "cluster": "shop", "services": ["web"] }));
    let described =
        stage.ask("ecs", &format!("{ECS}.DescribeTaskDefinition"), &json!({ "taskDefinition": found["services"][0]["taskDefinition"] }));
    let pairs = described["taskDefinition"]["containerDefinitions"][0]["environment"].as_array().cloned().unwrap_or_default();
    pairs.iter().map(|pair| format!("{}={}", pair["name"].as_str().unwrap(), pair["value"].as_str().unwrap())).collect()
}

/// Instances and clusters with what was asked for them.
fn databases_seen(stage: &Stage) -> Vec<String> {
    let instances = stage.query("rds", "DescribeDBInstances", &[]);
    let clusters = stage.query("rds", "DescribeDBClusters", &[]);
    let mut all: Vec<String> = elements(&instances, "DBInstanceIdentifier").into_iter().map(|id| format!("instance {id}")).collect();
    all.extend(elements(&clusters, "DBClusterIdentifier").into_iter().map(|id| format!("cluster {id}")));
    all.extend(elements(&instances, "VpcSecurityGroupId").into_iter().map(|id| format!("group {id}")));
    all.extend(elements(&instances, "Value").into_iter().map(|value| format!("tag {value}")));
    all
}

fn a_snapshot(stage: &Stage) {
    an_instance(stage);
    let made =
        stage.query("rds", "CreateDBSnapshot", &[("DBInstanceIdentifier", "shop-db"), ("DBSnapshotIdentifier", "before-the-damage")]);
    assert!(made.contains("before-the-damage"), "{made}");
}

fn a_database_cluster(stage: &Stage) {
    let made = stage.query(
        "rds",
        "CreateDBCluster",
        &[
            ("DBClusterIdentifier", "shop-db"),
            ("Engine", "aurora-postgresql"),
            ("MasterUsername", "master"),
            ("MasterUserPassword", "not-a-real-one"),
        ],
    );
    assert!(made.contains("shop-db"), "{made}");
}

fn current_version(stage: &Stage, name: &str) -> Value {
    let found = stage.ask("secretsmanager", "secretsmanager.DescribeSecret", &json!({ "SecretId": name }));
    let stages = found["VersionIdsToStages"].as_object().unwrap();
    let current = stages.iter().find(|(_, labels)| labels.as_array().unwrap().contains(&json!("AWSCURRENT"))).unwrap();
    json!(current.0)
}

fn nothing_seen(_: &Stage) -> Vec<String> {
    Vec::new()
}

pub fn table() -> Vec<Row> {
    vec![
        Row {
            name: "simulate",
            kind: "simulate",
            fields: |_| json!({ "text": "make a thing" }),
            needs: &["text"],
            wrong: &[("trouble", "sometimes")],
            preview: ["Add simulated/make-a-thing", "Same simulated/make-a-thing"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "make-a-thing", "names": "make-a-thing" }),
            makes: &["simulated/make-a-thing: make a thing"],
            ..ROW
        },
        Row {
            name: "scan_app",
            kind: "scan_app",
            given: express_app,
            preview: ["Note reads ", "Note reads "],
            gives: || json!({ "name": "shop", "is_replit": "yes", "has_redis": "no", "has_stripe": "no", "has_migrations": "no", "port": "3000" }),
            makes: &["scan.json"],
            after: READS,
            ..ROW
        },
        Row {
            name: "assessment",
            kind: "assessment",
            given: express_app,
            preview: ["Note the files below ", "Note the files below "],
            gives: || json!({ "effort": "" }),
            after: READS,
            ..ROW
        },
        Row {
            name: "decision_records",
            kind: "decision_records",
            fields: |_| json!({ "answers": { "region": { "value": "us-east-1", "source": "asked" }, "database": { "value": "rds", "source": "profile" }, "domain": { "value": "none", "source": "profile" } } }),
            needs: &["answers"],
            preview: ["Add decisions/…-region.md", "Add decisions/…-region.md"],
            makes: &["decisions/"],
            after: READS,
            ..ROW
        },
        Row {
            name: "service_plan",
            kind: "service_plan",
            fields: |_| json!({ "services": "web:3000,api:3001", "routing": "path", "environment": "test", "domain": "" }),
            needs: &["services", "routing", "environment"],
            wrong: &[("services", "9web")],
            gives: || json!({ "names": "web,api", "first": "web", "migrator": "api", "count": "2", "port_from": "3000", "port_to": "3001", "[web].port": "3000", "[api].port": "3001" }),
            after: READS,
            ..ROW
        },
        Row {
            name: "files",
            kind: "files",
            given: express_app,
            fields: |_| json!({ "app": "shop", "environment": "test", "region": "us-east-1", "cicd": "github", "branch": "main", "domain": "" }),
            needs: &["app", "environment", "region", "cicd"],
            wrong: &[("cicd", "jenkins")],
            preview: ["Add files in the run's own folder", "Add files in the run's own folder"],
            gives: || json!({ "dockerfile": "app/Dockerfile" }),
            makes: &["app/Dockerfile", "app/CHECKLIST.md", "app/.github/workflows"],
            after: READS,
            ..ROW
        },
        Row {
            name: "resolves: it does",
            kind: "resolves",
            fields: |_| json!({ "host": "localhost", "to": "127.0.0.1" }),
            needs: &["host", "to"],
            wrong: &[("resolvers", "everybody"), ("wanted", "most"), ("within", "soon")],
            gives: || json!({ "summary": "seen by this machine", "silent": "" }),
            preview: ["Same localhost resolves to the addresses of 127.0.0.1", "Same localhost resolves to the addresses of 127.0.0.1"],
            probes: [Present, Present, Present],
            after: READS,
            ..ROW
        },
        Row {
            name: "preconditions: one holds, one is gone without",
            kind: "preconditions",
            fields: |_| {
                json!({ "without": "way_back", "check": [
                    { "name": "verified_copy", "what": "the copy was compared", "is": "yes", "wanted": ["yes"], "fix": "compare it" },
                    { "name": "way_back", "what": "the way back is chosen", "is": "no", "wanted": ["yes"], "fix": "choose it" },
                ] })
            },
            needs: &["check"],
            wrong: &[("without", "luck")],
            preview: ["Same verified_copy: the copy was compared", "Same verified_copy: the copy was compared"],
            probes: [Absent, Absent, Absent],
            gives: || json!({ "without": "way_back", "summary": "gone without: way_back" }),
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "wait: in two seconds",
            kind: "wait",
            fields: |_| json!({ "until": (jiff::Timestamp::now() + std::time::Duration::from_secs(2)).to_string() }),
            needs: &["until"],
            wrong: &[("until", "tonight"), ("until", "2026-12-05 22:00 Europe/Atlantis")],
            preview: ["Same wait until ", "Same wait until "],
            probes: [Absent, Present, Present],
            measured: &["at"],
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "watch: a healthy app",
            kind: "watch",
            fields: |_| {
                json!({
                    "url": http::healthy(), "for": "1s", "every": "100ms", "span": "500ms", "content_type": "application/json",
                    "trigger": [{ "measure": "error_percent", "over": 5, "for": "1s" }, { "measure": "p95_ms", "over": 3000, "for": "1s" }],
                })
            },
            needs: &["url", "for"],
            wrong: &[("for", "a while"), ("every", "often"), ("span", "0s")],
            preview: ["Same answers in ", "Same answers in "],
            probes: [Present, Present, Present],
            gives: || json!({ "errors": 0, "not_seen": "" }),
            measured: &["looks", "readings", "p95_ms", "summary"],
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "check_aws",
            kind: "check_aws",
            part: Part::Aws,
            fields: |_| json!({ "region": "us-east-1", "database": "rds", "domain": "none" }),
            needs: &["region", "database"],
            wrong: &[("database", "oracle")],
            preview: ["Note tries sts:GetCallerIdentity", "Note tries sts:GetCallerIdentity"],
            gives: || json!({ "aws_account": "123456789012", "aws_region": "us-east-1", "summary": "account 123456789012 in us-east-1, 6 calls answer" }),
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "stack: network",
            kind: "stack",
            part: Part::Aws,
            fields: |_| {
                stack(
                    "network",
                    false,
                    json!({ "AppName": "shop", "Environment": "test", "NatGateways": "none", "ServicePortFrom": "3000", "ServicePortTo": "3000", "ExtraPublicPortFrom": "" }),
                )
            },
            needs: &["layer", "name", "app", "environment", "run"],
            wrong: &[("layer", "no-such-layer")],
            preview: ["Add AWS::EC2::", "Same the stack is deployed like this already"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "AssignPublicIp": "ENABLED" }),
            seen: |stage| stacks_seen(stage, "network"),
            makes: &["stack CREATE_COMPLETE", "vpc 10.0.0.0/16"],
            ..ROW
        },
        Row {
            name: "stack: cluster, protected",
            kind: "stack",
            part: Part::Aws,
            fields: |_| {
                stack(
                    "cluster",
                    true,
                    json!({ "AppName": "shop", "Environment": "test", "VpcId": "vpc-0123", "ServiceDiscovery": "false" }),
                )
            },
            needs: &["layer", "name", "app", "environment", "run"],
            preview: ["Add AWS::ECS::Cluster", "Same the stack is deployed like this already"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "ClusterName": "shop-test" }),
            seen: |stage| stacks_seen(stage, "cluster"),
            makes: &["stack CREATE_COMPLETE", "Cluster=shop-test"],
            ..ROW
        },
        Row {
            name: "find_system: a cluster",
            kind: "find_system",
            part: Part::Aws,
            given: a_cluster,
            fields: |_| json!({ "app": "shop", "environment": "test" }),
            needs: &["app", "environment"],
            gives: || json!({ "system": "shop-test", "secrets": "", "repositories": "", "last": "shop-test-cluster" }),
            seen: |stage| stacks_seen(stage, "cluster"),
            after: READS,
            ..ROW
        },
        Row {
            name: "remove_system: a cluster",
            kind: "remove_system",
            part: Part::Aws,
            given: a_cluster,
            fields: |stage| {
                let described = stage.query("cloudformation", "DescribeStacks", &[("StackName", "shop-test-cluster")]);
                json!({ "app": "shop", "environment": "test", "stacks": elements(&described, "StackId")[0], "secrets": "", "repositories": "" })
            },
            needs: &["app", "environment", "stacks"],
            preview: ["Remove stack shop-test-cluster", "Remove stack shop-test-cluster"],
            probes: [Absent, Present, Present],
            gives: || json!({ "kept": "" }),
            seen: |stage| stacks_seen(stage, "cluster"),
            after: Stays("what was deleted stays deleted"),
            ..ROW
        },
        Row {
            name: "repair_stack: nothing to repair",
            kind: "repair_stack",
            part: Part::Aws,
            given: a_cluster,
            fields: |_| json!({ "name": "shop-test-cluster", "skip": "" }),
            needs: &["name"],
            preview: ["Note shop-test-cluster is CREATE_COMPLETE", "Note shop-test-cluster is CREATE_COMPLETE"],
            gives: || json!({ "status": "CREATE_COMPLETE" }),
            seen: |stage| stacks_seen(stage, "cluster"),
            after: Stays("a stack in its last good state stays there"),
            ..ROW
        },
        Row {
            name: "secret: generated",
            kind: "secret",
            part: Part::Aws,
            fields: |_| json!({ "name": "shop-test/session", "from": "generate", "description": "session key", "variable": "SESSION_SECRET", "app": "shop", "environment": "test" }),
            needs: &["name", "from", "description", "app", "environment"],
            wrong: &[("from", "the attic")],
            preview: ["Add secret shop-test/session", "Same secret shop-test/session"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "shop-test/session" }),
            seen: secrets_seen,
            makes: &["shop-test/session: 1 versions, value of 64 characters"],
            ..ROW
        },
        Row {
            name: "secret: asked",
            kind: "secret",
            part: Part::Aws,
            given: |stage| migrate_wizard::wizard::effect::World::keep_secret(&stage.world, "stripe_key", "a value that was asked"),
            fields: |_| json!({ "name": "shop-test/stripe", "from": "ask:stripe_key", "description": "Stripe key", "app": "shop", "environment": "test" }),
            needs: &["name", "from", "description", "app", "environment"],
            preview: ["Add secret shop-test/stripe", "Change secret shop-test/stripe"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "shop-test/stripe" }),
            seen: secrets_seen,
            makes: &["shop-test/stripe: 1 versions, value of 22 characters a value that was asked"],
            ..ROW
        },
        Row {
            name: "app_secrets",
            kind: "app_secrets",
            part: Part::Aws,
            given: an_app_with_secrets,
            fields: |_| json!({ "app": "shop", "environment": "test" }),
            needs: &["app", "environment"],
            preview: ["Add secret jwt-secret (JWT_SECRET)", "Same every secret that the code reads is there"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "names": "jwt-secret,mail-token", "placeholders": "mail-token", "sessions": "JWT_SECRET=jwt-secret" }),
            seen: secrets_seen,
            makes: &[
                "shop-test/jwt-secret: 1 versions, value of 64 characters",
                "shop-test/mail-token: 1 versions, value of 26 characters",
            ],
            ..ROW
        },
        Row {
            name: "environment",
            kind: "environment",
            part: Part::Aws,
            given: secrets_made,
            fields: |_| json!({ "app": "shop", "environment": "test", "service": "app", "bindings": "DATABASE_URL=,X_KEY=arn:x" }),
            needs: &["app", "environment", "service"],
            preview: ["Note APP_URL: set by the service's stack", "Note APP_URL: set by the service's stack"],
            gives: || json!({ "missing": "", "variables": "{\"NODE_EXTRA_CA_CERTS\":\"/etc/ssl/rds.pem\"}" }),
            seen: secrets_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "rotation_schedule",
            kind: "rotation_schedule",
            part: Part::Aws,
            given: a_managed_secret,
            fields: |stage| json!({ "secret_arn": arn_of(stage, "rds-db-1"), "days": "30" }),
            needs: &["secret_arn", "days"],
            wrong: &[("days", "soon")],
            preview: ["Change rotation: every 7 days → every 30 days", "Same rotation: every 30 days"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "days": "30" }),
            seen: schedule_seen,
            makes: &["every 30 days"],
            ..ROW
        },
        Row {
            name: "secret_readers",
            kind: "secret_readers",
            part: Part::Aws,
            given: a_read_secret,
            fields: |_| json!({ "secret": "token", "app": "shop", "environment": "test", "cluster": "shop" }),
            needs: &["secret", "app", "environment", "cluster"],
            gives: || json!({ "name": "shop-test/token", "how": "enter", "services": "web", "read": "yes", "previous": "" }),
            seen: token_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "rotate_secret",
            kind: "rotate_secret",
            part: Part::Aws,
            given: a_read_secret,
            fields: |stage| json!({ "arn": arn_of(stage, "shop-test/token"), "how": "generate", "cluster": "shop", "services": "web", "target": { "kind": "rds", "host": "" } }),
            needs: &["arn", "how", "cluster", "target"],
            wrong: &[("how", "by magic")],
            preview: ["Change the secret gets a new version", "Change the secret gets a new version"],
            gives: || json!({ "old_role": "" }),
            seen: token_seen,
            makes: &["token of 64 characters"],
            ..ROW
        },
        Row {
            name: "redeploy",
            kind: "redeploy",
            part: Part::Aws,
            given: a_service,
            fields: |_| json!({ "cluster": "shop", "service": "web" }),
            needs: &["cluster", "service"],
            preview: ["Change 0 running task(s) are replaced", "Change 0 running task(s) are replaced"],
            seen: service_seen,
            ..ROW
        },
        Row {
            name: "retire_role",
            kind: "retire_role",
            part: Part::Postgres,
            given: |stage| sql(&stage.target(), "create role app login password 'x'"),
            fields: |stage| json!({ "role": "app", "target": stage.target_fields() }),
            needs: &["role", "target"],
            preview: ["Change role app may not log in", "Same role app may not log in"],
            probes: [Absent, Present, Absent],
            seen: source_and_target,
            makes: &["target role|app|f"],
            ..ROW
        },
        Row {
            name: "snapshot: rds",
            kind: "snapshot",
            part: Part::Aws,
            given: an_instance,
            fields: |_| json!({ "database": "rds", "of": "shop-db", "name": "pre-migration-run-1" }),
            needs: &["database", "of", "name"],
            wrong: &[("database", "oracle")],
            preview: ["Add snapshot pre-migration-run-1", "Same snapshot pre-migration-run-1"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "arn": "arn:aws:rds:us-east-1:123456789012:snapshot:pre-migration-run-1" }),
            seen: snapshots_seen,
            makes: &["snapshot pre-migration-run-1"],
            ..ROW
        },
        Row {
            name: "find_running",
            kind: "find_running",
            part: Part::Aws,
            given: a_service,
            fields: |_| json!({ "app": "shop", "environment": "test", "cluster": "shop" }),
            needs: &["app", "environment", "cluster"],
            gives: || json!({ "services": "web", "runs": "yes", "answers": "no", "reads_url": "no", "revisions": "web=arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }),
            seen: service_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "last_good",
            kind: "last_good",
            part: Part::Aws,
            given: a_service_of_two,
            fields: |_| json!({ "cluster": "shop", "service": "web" }),
            needs: &["cluster", "service"],
            gives: || json!({ "from": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2", "to": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1", "image": "registry.example/shop:1" }),
            seen: service_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "service_back",
            kind: "service_back",
            part: Part::Aws,
            given: a_service_of_two,
            fields: |_| json!({ "cluster": "shop", "service": "web", "to": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1", "from": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2" }),
            needs: &["cluster", "service", "to", "from"],
            preview: ["Change web: web:2 → web:1", "Same web runs web:1"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "current": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }),
            seen: service_seen,
            makes: &["web:1 with registry.example/shop:1"],
            ..ROW
        },
        Row {
            name: "restore_points",
            kind: "restore_points",
            part: Part::Aws,
            given: a_snapshot,
            fields: |_| json!({ "database": "rds", "of": "shop-db" }),
            needs: &["database", "of"],
            wrong: &[("database", "oracle")],
            gives: || json!({ "costs": "$0.016 per hour and its storage (as of 2026-10-06)" }),
            measured: &["name", "latest"],
            seen: databases_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "restore: rds, the latest moment",
            kind: "restore",
            part: Part::Aws,
            given: an_instance,
            fields: |_| json!({ "database": "rds", "of": "shop-db", "name": "shop-db-back", "at": "latest" }),
            needs: &["database", "of", "name", "at"],
            wrong: &[("database", "oracle"), ("at", "some day"), ("name", "shop-db")],
            preview: ["Add database shop-db-back made of shop-db (latest)", "Same database shop-db-back is there: available"],
            probes: [Absent, Present, Present],
            gives: || json!({ "id": "shop-db-back", "host": "shop-db-back.restored.example" }),
            seen: databases_seen,
            makes: &["instance shop-db-back", "tag migrate-wizard", "tag shop-db"],
            after: Stays("what may be in use is deleted by its typed name alone; tests/going_back.rs has that"),
            ..ROW
        },
        Row {
            name: "restore: rds, a snapshot",
            kind: "restore",
            part: Part::Aws,
            given: a_snapshot,
            fields: |_| json!({ "database": "rds", "of": "shop-db", "name": "shop-db-back", "at": "snapshot:before-the-damage" }),
            needs: &["database", "of", "name", "at"],
            preview: [
                "Add database shop-db-back made of shop-db (snapshot:before-the-damage)",
                "Same database shop-db-back is there: available",
            ],
            probes: [Absent, Present, Present],
            gives: || json!({ "id": "shop-db-back" }),
            seen: databases_seen,
            makes: &["instance shop-db-back", "tag shop-db"],
            after: Stays("what may be in use is deleted by its typed name alone"),
            ..ROW
        },
        Row {
            name: "restore: aurora, with a writer of its own (whether it can be used is found out by applying it)",
            kind: "restore",
            part: Part::Aws,
            given: a_database_cluster,
            fields: |_| json!({ "database": "aurora", "of": "shop-db", "name": "shop-db-back", "at": "2026-11-20 10:00 UTC" }),
            needs: &["database", "of", "name", "at"],
            preview: ["Add database shop-db-back made of shop-db", "Same database shop-db-back is there: available"],
            gives: || json!({ "id": "shop-db-back" }),
            seen: databases_seen,
            makes: &["cluster shop-db-back", "instance shop-db-back-1"],
            after: Stays("what may be in use is deleted by its typed name alone"),
            ..ROW
        },
        Row {
            name: "secret_version: another host",
            kind: "secret_version",
            part: Part::Aws,
            given: a_read_secret,
            fields: |stage| json!({ "arn": arn_of(stage, "shop-test/token"), "was": current_version(stage, "shop-test/token"), "text": "first", "by": "second", "cluster": "shop", "services": "web" }),
            needs: &["arn", "was", "cluster"],
            preview: ["Change version", "Same version"],
            probes: [Absent, Present, Absent],
            seen: token_seen,
            makes: &["token of 6 characters: second"],
            ..ROW
        },
        Row {
            name: "revise: a host",
            kind: "revise",
            part: Part::Aws,
            given: a_service_with_a_host,
            fields: |_| json!({ "cluster": "shop", "service": "web", "from": "db.old", "to": "db.new", "was": "api=x,web=arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }),
            needs: &["cluster", "service", "to", "was"],
            preview: ["Change variable PGHOST", "Change the tasks of web are replaced"],
            gives: || json!({ "current": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2" }),
            seen: variables_seen,
            makes: &["PGHOST=db.new"],
            ..ROW
        },
        Row {
            name: "revise: a variable by its name",
            kind: "revise",
            part: Part::Aws,
            given: a_service_with_a_host,
            fields: |_| json!({ "cluster": "shop", "service": "web", "name": "URL", "to": "https://right/", "was": "web=arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }),
            needs: &["cluster", "service", "to", "was"],
            preview: ["Change variable URL", "Change variable URL"],
            gives: || json!({ "current": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2" }),
            seen: variables_seen,
            makes: &["URL=https://right/"],
            ..ROW
        },
        Row {
            name: "service: tasks",
            kind: "service",
            part: Part::Aws,
            given: a_service,
            fields: |_| json!({ "cluster": "shop", "service": "web", "desired": "2" }),
            needs: &["cluster", "service", "desired"],
            wrong: &[("desired", "a few")],
            preview: ["Change tasks 0 → 2", "Change tasks 2 → 2"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "current": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }),
            seen: service_seen,
            makes: &["web:1 with registry.example/shop:1: 2 wanted, 2 run"],
            ..ROW
        },
        Row {
            name: "service: another image (which one runs is not told by its status)",
            kind: "service",
            part: Part::Aws,
            given: a_service,
            fields: |_| json!({ "cluster": "shop", "service": "web", "image": "registry.example/shop:2", "desired": "1" }),
            needs: &["cluster", "service", "desired"],
            preview: ["Change tasks 0 → 1", "Change tasks 1 → 1"],
            gives: || json!({ "current": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2" }),
            seen: service_seen,
            makes: &["web:2 with registry.example/shop:2: 1 wanted, 1 run"],
            ..ROW
        },
        Row {
            name: "task: done before, as the revision's tag says (the emulator runs no task; tests/services.rs has the rest)",
            kind: "task",
            part: Part::Aws,
            given: |stage| {
                a_service(stage);
                let name = started_by(&["once", "shop", "web", "registry.example/shop:1", "true"]);
                let tags = json!([{ "key": format!("migrate-wizard-done-{name}"), "value": "yes" }]);
                let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1";
                stage.ask("ecs", &format!("{ECS}.TagResource"), &json!({ "resourceArn": arn, "tags": tags }));
            },
            fields: |_| json!({ "cluster": "shop", "service": "web", "command": "true" }),
            needs: &["cluster", "service", "command"],
            wrong: &[("command", " ")],
            preview: ["Same task true: was run with this image", "Same task true: was run with this image"],
            probes: [Present, Present, Present],
            gives: || json!({ "task": "" }),
            seen: service_seen,
            ..ROW
        },
        Row {
            name: "users: one account each, none without an address",
            kind: "users",
            part: Part::Postgres,
            given: |stage| {
                sql(
                    stage.source(),
                    "create table users (id text primary key, email text, is_admin boolean);
                     insert into users values ('1', 'ann@example.org', true), ('2', 'bob@example.org', false), ('3', null, false)",
                );
                a_pool(stage);
            },
            fields: |stage| json!({ "pool": pool_id(stage), "mail": "nobody" }),
            needs: &["pool", "mail"],
            wrong: &[("mail", "perhaps"), ("pool", "")],
            preview: ["Add 2 new accounts of 3 in public.users; nobody is written to", "Same 0 new accounts of 3 in public.users"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "accounts": 2, "left_out": 1 }),
            seen: accounts_seen,
            makes: &["1 ann@example.org CONFIRMED", "2 bob@example.org CONFIRMED"],
            ..ROW
        },
        Row {
            name: "record: what the name answers",
            kind: "record",
            part: Part::Aws,
            given: a_zone_with_a_record,
            fields: |_| json!({ "name": "www.shop.example" }),
            needs: &["name"],
            preview: ["Same www.shop.example answers old.example for 3600 s", "Same www.shop.example answers old.example for 3600 s"],
            probes: [Present, Present, Present],
            gives: || json!({ "ttl": "3600", "summary": "www.shop.example answers old.example for 3600 s" }),
            seen: records_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "dns: a new record",
            kind: "dns",
            part: Part::Aws,
            given: a_zone,
            fields: |_| json!({ "name": "www.shop.example", "value": "lb.example", "ttl": "60" }),
            needs: &["name", "ttl"],
            wrong: &[("ttl", "soon")],
            preview: ["Add www.shop.example CNAME Some(60) lb.example", "Same www.shop.example CNAME Some(60) lb.example"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "www.shop.example" }),
            seen: records_seen,
            makes: &["www.shop.example. CNAME 60 lb.example"],
            ..ROW
        },
        Row {
            name: "dns: the record that is there, replaced",
            kind: "dns",
            part: Part::Aws,
            given: a_zone_with_a_record,
            fields: |_| json!({ "name": "www.shop.example", "value": "lb.example", "ttl": "60" }),
            needs: &["name", "ttl"],
            preview: ["Remove www.shop.example CNAME Some(3600) old.example", "Same www.shop.example CNAME Some(60) lb.example"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "www.shop.example" }),
            seen: records_seen,
            makes: &["www.shop.example. CNAME 60 lb.example"],
            ..ROW
        },
        Row {
            name: "dns: only its time to live",
            kind: "dns",
            part: Part::Aws,
            given: a_zone_with_a_record,
            fields: |_| json!({ "name": "www.shop.example", "ttl": "60" }),
            needs: &["name", "ttl"],
            preview: ["Remove www.shop.example CNAME Some(3600) old.example", "Same www.shop.example CNAME Some(60) old.example"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "www.shop.example" }),
            seen: records_seen,
            makes: &["www.shop.example. CNAME 60 old.example"],
            ..ROW
        },
        Row {
            name: "dns: a name with addresses, at the apex, becomes an alias",
            kind: "dns",
            part: Part::Aws,
            given: a_zone_with_addresses,
            fields: |_| json!({ "name": "shop.example", "value": "LB.example", "alias_zone": "Z35SXDOTRQ7X7K", "ttl": "60" }),
            needs: &["name", "ttl"],
            preview: ["Remove shop.example A Some(300) 192.0.2.1 192.0.2.2", "Same shop.example A alias of lb.example"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "shop.example" }),
            seen: records_seen,
            makes: &["shop.example. A  lb.example."],
            ..ROW
        },
        Row {
            name: "dns: an alias is not put over a CNAME",
            kind: "dns",
            part: Part::Aws,
            given: a_zone_with_a_record,
            fields: |_| json!({ "name": "www.shop.example", "value": "lb.example", "alias_zone": "Z35SXDOTRQ7X7K", "ttl": "60" }),
            needs: &["name", "ttl"],
            preview: ["Remove www.shop.example CNAME Some(3600) old.example", "Same www.shop.example CNAME Some(60) lb.example"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "www.shop.example" }),
            seen: records_seen,
            makes: &["www.shop.example. CNAME 60 lb.example"],
            ..ROW
        },
        Row {
            name: "dns: only the time to live of addresses",
            kind: "dns",
            part: Part::Aws,
            given: a_zone_with_addresses,
            fields: |_| json!({ "name": "shop.example", "ttl": "60" }),
            needs: &["name", "ttl"],
            preview: ["Remove shop.example A Some(300) 192.0.2.1 192.0.2.2", "Same shop.example A Some(60) 192.0.2.1 192.0.2.2"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "name": "shop.example" }),
            seen: records_seen,
            makes: &["shop.example. A 60 192.0.2.1 192.0.2.2", "shop.example. AAAA 60 2001:db8::1"],
            ..ROW
        },
        Row {
            name: "record: addresses",
            kind: "record",
            part: Part::Aws,
            given: a_zone_with_addresses,
            fields: |_| json!({ "name": "shop.example" }),
            needs: &["name"],
            preview: [
                "Same shop.example answers 192.0.2.1 192.0.2.2 for 300 s, 2001:db8::1 for 300 s",
                "Same shop.example answers 192.0.2.1 192.0.2.2 for 300 s, 2001:db8::1 for 300 s",
            ],
            probes: [Present, Present, Present],
            gives: || json!({ "ttl": "300" }),
            seen: records_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "inspect_source",
            kind: "inspect_source",
            part: Part::Postgres,
            preview: ["Note reads ", "Note reads "],
            gives: || json!({ "tables": 2, "schemas": ["public"], "host": "this machine" }),
            seen: source_and_target,
            after: READS,
            ..ROW
        },
        Row {
            name: "schema: before",
            kind: "schema",
            part: Part::Postgres,
            fields: |stage| schema(stage, "before"),
            needs: &["phase", "target"],
            wrong: &[("phase", "during"), ("foreign_keys", "some"), ("serial_keys", "cache_7")],
            preview: ["Add ", "Add "],
            probes: [Absent, Present, Absent],
            gives: || json!({ "findings": [] }),
            seen: source_and_target,
            makes: &["target relation|sale|r", "target relation|shop|r", "target function|upper_note()"],
            ..ROW
        },
        Row {
            name: "schema: after (many kinds: applying again finds out by itself)",
            kind: "schema",
            part: Part::Postgres,
            given: rows_copied,
            fields: |stage| schema(stage, "after"),
            needs: &["phase", "target"],
            preview: ["Add ", "Add "],
            seen: source_and_target,
            makes: &["target relation|sale_shop|i", "target constraint|shop|shop_name_key|u"],
            ..ROW
        },
        Row {
            name: "schema: finish",
            kind: "schema",
            part: Part::Postgres,
            given: indexes_made,
            fields: |stage| schema(stage, "finish"),
            needs: &["phase", "target"],
            preview: ["Add ", "Add "],
            seen: source_and_target,
            makes: &["target constraint|sale|sale_shop_id_fkey|f|t", "target trigger|sale|sale_note"],
            ..ROW
        },
        Row {
            name: "rows (equal chunks are not written: copying again finds out)",
            kind: "rows",
            part: Part::Postgres,
            given: tables_made,
            fields: |stage| json!({ "except": ["stripe.*"], "target": stage.target_fields() }),
            needs: &["target"],
            wrong: &[("pass", "last")],
            preview: ["Change effects_", "Change effects_"],
            gives: || json!({ "rows_copied": 503, "rows_equal": 0, "summary": "503 rows copied, 0 were equal, 2 tables" }),
            again: || json!({ "rows_copied": 0, "rows_equal": 503, "summary": "0 rows copied, 503 were equal, 2 tables" }),
            measured: &["seconds"],
            seen: source_and_target,
            makes: &["target rows|sale|500:", "target rows|shop|3:", "target schema|migrate_wizard"],
            ..ROW
        },
        Row {
            name: "app_role",
            kind: "app_role",
            part: Part::Postgres,
            given: rows_copied,
            fields: |stage| json!({ "role": "app", "secret": "shop-test/database-url", "app": "shop", "environment": "test", "target": stage.target_fields() }),
            needs: &["role", "secret", "app", "environment", "target"],
            preview: ["Add role app", "Same role app"],
            probes: [Absent, Present, Absent],
            gives: || json!({ "role": "app", "secret": "shop-test/database-url" }),
            seen: source_and_target,
            makes: &["target role|app|t"],
            ..ROW
        },
        Row {
            name: "sequences",
            kind: "sequences",
            part: Part::Postgres,
            given: indexes_made,
            fields: |stage| json!({ "target": stage.target_fields() }),
            needs: &["target"],
            wrong: &[("pass", "last")],
            preview: ["Change sequences of app on ", "Change sequences of app on "],
            gives: || json!({ "set": 2, "summary": "2 sequences set" }),
            seen: source_and_target,
            makes: &["target sequence|public|sale_id_seq|500", "target sequence|public|shop_id_seq|3"],
            after: Stays("sequences go with their tables"),
            ..ROW
        },
        Row {
            name: "ledger",
            kind: "ledger",
            part: Part::Postgres,
            given: indexes_made,
            fields: |stage| json!({ "target": stage.target_fields() }),
            needs: &["target"],
            preview: ["Remove schema migrate_wizard on ", "Same there is no schema migrate_wizard on "],
            probes: [Absent, Present, Present],
            gives: || json!({ "summary": "the ledger is gone" }),
            seen: source_and_target,
            after: Stays("a ledger that was dropped cannot be made again"),
            ..ROW
        },
        Row {
            name: "door: closed",
            kind: "door",
            part: Part::Aws,
            given: a_balancer,
            fields: |stage| json!({ "does": "close", "load_balancer": balancer_arn(stage), "run": "run-1" }),
            needs: &["does", "load_balancer", "run"],
            wrong: &[("does", "slam")],
            preview: ["Change 0 of 1 listeners are closed", "Same 1 of 1 listeners are closed"],
            probes: [Absent, Present, Absent],
            seen: rules_seen,
            makes: &["40 fixed-response"],
            ..ROW
        },
        Row {
            name: "door: our looks pass",
            kind: "door",
            part: Part::Aws,
            given: a_balancer,
            fields: |stage| json!({ "does": "let_looks_in", "load_balancer": balancer_arn(stage), "run": "run-1" }),
            needs: &["does", "load_balancer", "run"],
            preview: ["Change 0 of 1 listeners are closed", "Same 0 of 1 listeners are closed"],
            probes: [Absent, Present, Absent],
            seen: rules_seen,
            makes: &["1 fixed-response for our looks", "2 forward for our looks"],
            ..ROW
        },
        Row {
            name: "content: a page",
            kind: "content",
            fields: |_| json!({ "url": http::healthy().trim_end_matches("/api/health"), "pages": "/api/health", "within": "0s" }),
            needs: &["url", "pages"],
            wrong: &[("pages", "home"), ("within", "soon")],
            preview: ["Same /api/health: 200 application/json", "Same /api/health: 200 application/json"],
            gives: || {
                json!({
                    "summary": "1 page as they should be", "login": "not looked at",
                    "seen": r#"{"/api/health":{"status":200,"kind":"application/json","title":""}}"#,
                })
            },
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "nothing_temporary",
            kind: "nothing_temporary",
            preview: ["Same nothing temporary is left", "Same nothing temporary is left"],
            probes: [Present, Present, Present],
            gives: || json!({ "summary": "nothing temporary is left" }),
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "verify",
            kind: "verify",
            part: Part::Postgres,
            given: |stage| {
                indexes_made(stage);
                stage.apply("sequences", json!({ "target": stage.target_fields() }));
            },
            fields: |stage| json!({ "except": ["stripe.*"], "strict": true, "pass": "final", "target": stage.target_fields() }),
            needs: &["target", "strict"],
            wrong: &[("pass", "last")],
            preview: ["Note reads effects_", "Note reads effects_"],
            gives: || json!({ "equal": true, "rows": 503, "summary": "503 rows in 2 tables equal" }),
            seen: source_and_target,
            after: READS,
            ..ROW
        },
        Row {
            name: "way_back_check",
            kind: "way_back_check",
            fields: |_| json!({ "choice": "carry_back", "serial_keys": "cache_1", "place": "" }),
            needs: &["choice"],
            wrong: &[("choice", "maybe")],
            preview: ["Note looks at answers alone", "Note looks at answers alone"],
            gives: || json!({ "summary": "carry back can be done" }),
            after: READS,
            ..ROW
        },
        Row {
            name: "way_back, carried",
            kind: "way_back",
            part: Part::Postgres,
            given: indexes_made,
            fields: |stage| json!({ "choice": "carry_back", "except": ["stripe.*"], "target": stage.target_fields() }),
            needs: &["choice", "target"],
            wrong: &[("choice", "maybe")],
            preview: ["Note a roll back carries ", "Note a roll back carries "],
            gives: || json!({ "choice": "carry_back", "beside": [], "summary": "rows of 2 tables can be carried back" }),
            seen: source_and_target,
            ..ROW
        },
        Row {
            name: "way_back, kept",
            kind: "way_back",
            part: Part::Postgres,
            given: rows_copied,
            fields: |stage| json!({ "choice": "keep_aside", "except": ["stripe.*"], "target": stage.target_fields() }),
            needs: &["choice", "target"],
            preview: ["Note a roll back keeps ", "Note a roll back keeps "],
            gives: || json!({ "choice": "keep_aside" }),
            seen: source_and_target,
            ..ROW
        },
        Row {
            name: "way_back, lost",
            kind: "way_back",
            part: Part::Postgres,
            given: rows_copied,
            fields: |stage| json!({ "choice": "accept_loss", "except": ["stripe.*"], "target": stage.target_fields() }),
            needs: &["choice", "target"],
            preview: ["Note a roll back counts ", "Note a roll back counts "],
            gives: || json!({ "choice": "accept_loss" }),
            seen: source_and_target,
            ..ROW
        },
        Row {
            name: "freeze",
            kind: "freeze",
            part: Part::Postgres,
            wrong: &[("how", "hard")],
            preview: ["Change effects_", "Same effects_"],
            probes: [Absent, Present, Absent],
            measured: &["ended", "since", "moment"],
            seen: |stage| database_seen(stage, stage.source()),
            makes: &["setting|default_transaction_read_only=on"],
            ..ROW
        },
        Row {
            name: "freeze, by triggers",
            kind: "freeze",
            part: Part::Postgres,
            fields: |_| json!({ "how": "triggers" }),
            preview: ["Change effects_", "Same effects_"],
            probes: [Absent, Present, Absent],
            measured: &["ended", "since", "moment"],
            seen: |stage| database_seen(stage, stage.source()),
            makes: &["schema|migrate_wizard_freeze", "trigger|sale|migrate_wizard_freeze|A", "trigger|shop|migrate_wizard_freeze|A"],
            ..ROW
        },
        Row {
            name: "freeze_rights",
            kind: "freeze_rights",
            part: Part::Postgres,
            fields: |_| json!({ "how": "triggers" }),
            wrong: &[("how", "hard")],
            preview: ["Same read-only: can be had", "Same read-only: can be had"],
            gives: || json!({ "read_only": "yes", "triggers": "yes", "revoke": "no", "against_read_only": "", "against_triggers": "" }),
            measured: &["against_revoke", "summary"],
            seen: source_and_target,
            after: READS,
            ..ROW
        },
        Row {
            name: "stillness",
            kind: "stillness",
            part: Part::Postgres,
            fields: |stage| {
                let moment =
                    stage.run(async { freeze::moment(&stage.source().connect(Access::ReadOnly).await.unwrap(), false).await.unwrap() });
                json!({ "since": moment, "except": ["stripe.*"], "compared": "yes" })
            },
            needs: &["since"],
            preview: ["Same no", "Same no"],
            measured: &["proof"],
            seen: source_and_target,
            after: READS,
            ..ROW
        },
        Row {
            name: "maintenance",
            kind: "maintenance",
            fields: |_| json!({ "url": http::away(), "word": "" }),
            needs: &["url"],
            preview: ["Same http://127.0.0.1:", "Same http://127.0.0.1:"],
            probes: [Present, Present, Present],
            seen: nothing_seen,
            after: READS,
            ..ROW
        },
        Row {
            name: "image",
            kind: "image",
            part: Part::Builder,
            given: |stage| {
                let parameters = json!({ "AppName": "shop", "Environment": "test", "ServiceName": "web", "EmptyOnDelete": "true" });
                stage.apply("stack", json!({ "layer": "registry", "name": "shop-test-web-registry", "app": "shop", "environment": "test", "run": "r", "parameters": parameters }));
                stage.put(&stage.app().join("hello.txt"), "hello");
                stage.put(&stage.out("app/Dockerfile"), "FROM scratch\nCOPY hello.txt /hello.txt\n");
            },
            fields: |_| json!({ "repository": "shop-test/web", "tag": "run-1", "dockerfile": "app/Dockerfile", "architecture": "x86_64" }),
            needs: &["repository", "tag", "dockerfile", "architecture"],
            wrong: &[("architecture", "sparc")],
            preview: ["Add shop-test/web:run-1", "Same shop-test/web:run-1"],
            probes: [Absent, Present, Present],
            seen: repositories_seen,
            makes: &["shop-test/web:run-1 with a digest"],
            after: Stays("it goes with its repository"),
            ..ROW
        },
    ]
}

/// The source takes writes: a row is written over with itself.
pub fn takes_writes(stage: &Stage) -> bool {
    value(stage.source(), "update shop set name = name where id = 1 returning 1") == "1"
}
