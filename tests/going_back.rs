//! After the switch something is wrong: each cause has its method, which can be looked at, rehearsed, killed, gone on with and taken back.
//! ECS, RDS, Secrets Manager and Route 53 are the emulator's; its restore of a database is ours (tests/support/emulator.py), and AWS
//! Backup's is a scripted endpoint.

use std::path::Path;
use std::process::Stdio;

use migrate_wizard::wizard::journal::{Entry, FORMAT, Journal};
use migrate_wizard::wizard::view::Mode;
use serde_json::{Value, json};

use super::effects::stage::{Run, Stage, elements};
use crate::support::emulator::Emulator;
use crate::support::rehearsal::{signal, wait_until};
use crate::support::scripted::{Answer, Scripted};
use crate::support::wizard::{Done, Wizard};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const SECRETS: &str = "secretsmanager";
const CAUSES: [&str; 4] = ["application", "database", "configuration", "infrastructure"];
/// A password of no known shape: what hides it is that it is never written.
const PLANTED: &str = "Plantedq8";

/// The emulator, an app's folder, and an eye of its own on AWS.
struct Shop {
    emulator: Emulator,
    wizard: Wizard,
    eye: Stage,
}

impl Shop {
    fn new(extra: &[(&str, &str)]) -> Self {
        let emulator = Emulator::start(extra);
        let wizard = Wizard::empty().envs(emulator.env());
        let eye = Stage::open(Run::Live, Some(emulator.url()), None);
        let shop = Self { emulator, wizard, eye };
        shop.ecs("CreateCluster", &json!({ "clusterName": "shop-staging" }));
        shop
    }

    fn ecs(&self, operation: &str, body: &Value) -> Value {
        self.eye.ask("ecs", &format!("{ECS}.{operation}"), body)
    }

    fn register(&self, service: &str, image: &str, container: &Value) {
        let mut one = json!({ "name": service, "image": image, "essential": true });
        one.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
        self.ecs("RegisterTaskDefinition", &json!({ "family": service, "containerDefinitions": [one], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }));
    }

    fn serve(&self, service: &str, revision: u32) {
        self.ecs("CreateService", &json!({ "cluster": "shop-staging", "serviceName": service, "taskDefinition": format!("{service}:{revision}"), "desiredCount": 1, "launchType": "FARGATE" }));
    }

    fn steady(&self, revision: &str) {
        let tags = json!([{ "key": "migrate-wizard-steady", "value": "1700000000" }]);
        self.ecs(
            "TagResource",
            &json!({ "resourceArn": format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{revision}"), "tags": tags }),
        );
    }

    /// `api:2`.
    fn runs(&self, service: &str) -> String {
        let found = self.ecs("DescribeServices", &json!({ "cluster": "shop-staging", "services": [service] }));
        found["services"][0]["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// A variable of the revision that runs.
    fn variable(&self, service: &str, name: &str) -> String {
        let described = self.ecs("DescribeTaskDefinition", &json!({ "taskDefinition": self.runs(service) }));
        let pairs = described["taskDefinition"]["containerDefinitions"][0]["environment"].as_array().unwrap().clone();
        pairs.iter().find(|pair| pair["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
    }

    fn secret(&self, name: &str, value: &str) -> Value {
        let ours = json!([{ "Key": "managed-by", "Value": "migrate-wizard" }]);
        self.eye.ask(SECRETS, "secretsmanager.CreateSecret", &json!({ "Name": name, "SecretString": value, "Tags": ours }))["ARN"].clone()
    }

    fn value(&self, name: &str) -> String {
        let found = self.eye.ask(SECRETS, "secretsmanager.GetSecretValue", &json!({ "SecretId": name }));
        found["SecretString"].as_str().unwrap().to_owned()
    }

    fn databases(&self) -> Vec<String> {
        let mut all = elements(&self.eye.query("rds", "DescribeDBInstances", &[]), "DBInstanceIdentifier");
        all.sort();
        all
    }

    fn args<'a>(because: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let fixed = ["rollback", "--because", because, "--plain", "--yes", "--region", "us-east-1"];
        let system = ["--set", "app_name=shop", "--set", "environment=staging", "--set", "database=rds"];
        let confirmed = ["--confirm", "works", "--confirm", "rows", "--confirm", "stacks_differ"];
        [&fixed[..], &system, &confirmed, more].concat()
    }

    fn back(&self, because: &str, more: &[&str]) -> Done {
        self.wizard.run(&Self::args(because, more))
    }

    fn undo(&self, because: &str, more: &[&str]) -> Done {
        self.wizard.run(&[&["rollback", "--because", because, "--undo", "--plain", "--yes", "--region", "us-east-1"], more].concat())
    }

    /// The same, killed right after each of these steps was begun, and gone on with.
    fn back_although_killed(&self, because: &str, more: &[&str], steps: &[&str]) -> Done {
        for step in steps {
            let mut command = self.wizard.command(&Self::args(because, more));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let begun = wait_until(&mut child, step, || self.holds("started", step));
            assert!(begun, "{step} was never begun");
            if child.try_wait().unwrap().is_none() {
                signal(&child, "KILL");
            }
            child.wait().unwrap();
        }
        self.back(because, more)
    }

    fn holds(&self, entry: &str, step: &str) -> bool {
        let runs = std::fs::read_dir(self.wizard.path().join(".migrate-wizard")).into_iter().flatten().flatten().map(|e| e.path());
        let live = runs.filter(|dir| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("back-2")));
        live.filter_map(|dir| std::fs::read_to_string(dir.join("journal.jsonl")).ok())
            .any(|text| text.contains(&format!("\"entry\":\"{entry}\",\"step\":\"{step}\"")))
    }

    fn live_runs(&self) -> usize {
        let runs = std::fs::read_dir(self.wizard.path().join(".migrate-wizard")).unwrap().flatten();
        runs.filter(|e| e.file_name().to_string_lossy().starts_with("back-2")).count()
    }
}

/// Files below a folder that hold what was planted.
fn files_with(dir: &Path, planted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
        if entry.is_dir() {
            found.extend(files_with(&entry, planted));
        } else if std::fs::read(&entry).is_ok_and(|bytes| bytes.windows(planted.len()).any(|w| w == planted.as_bytes())) {
            found.push(entry.display().to_string());
        }
    }
    found
}

#[test]
fn the_plan_of_a_cause_has_its_steps_and_times_and_touches_nothing() {
    let wizard = Wizard::empty();
    let plan = |because: &str, more: &[&str]| {
        let known = if more.iter().any(|flag| flag.starts_with("database=")) { &[][..] } else { &["--set", "database=rds"][..] };
        wizard.run(&[&["rollback", "--because", because, "--plan"], known, more].concat()).expect(0).out()
    };
    // which database it is, nobody here knows
    let plan_alone = ["rollback", "--plan", "--because"];
    wizard.run(&[&plan_alone[..], &["database"]].concat()).expect(2).says("which database has it?").says("--set database=dsql");
    let unknown = wizard.run(&[&plan_alone[..], &["application"]].concat()).expect(0).out();
    assert!(unknown.contains("not known here") && unknown.contains("--set app_name=NAME") && !unknown.contains("rds (rec"), "{unknown}");
    let own = [
        ("application", "5 to 10 minutes", "aws ecs list-service-deployments"),
        ("database", "30 to 60 minutes", "aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier"),
        ("configuration", "5 to 10 minutes", "aws secretsmanager update-secret-version-stage"),
        ("infrastructure", "2 to 5 minutes", "aws cloudformation continue-update-rollback"),
    ];
    for (because, time, command) in own {
        let told = plan(because, &[]);
        assert!(told.contains(time) && told.contains(command) && told.contains("Nothing was touched."), "{because}: {told}");
        for (other, _, foreign) in own.iter().filter(|(other, _, _)| *other != because) {
            assert!(!told.contains(foreign), "{because} does what {other} does: {told}");
        }
    }
    // when to stop stands beside the step that it is about
    assert!(plan("database", &[]).contains("! stop if it ends as failed or incompatible"));
    // a moment, a snapshot, the other databases
    let moment = plan("database", &["--set", "point=2026-11-20 10:00 UTC"]);
    assert!(moment.contains("--restore-time 2026-11-20T10:00:00Z"), "{moment}");
    let cluster = plan("database", &["--set", "database=aurora", "--set", "point=snapshot:s-1"]);
    assert!(cluster.contains("aws rds restore-db-cluster-from-snapshot") && cluster.contains("--snapshot-identifier s-1"), "{cluster}");
    assert!(plan("database", &["--set", "database=dsql"]).contains("aws backup start-restore-job"));
    let name =
        plan("infrastructure", &["--set", "where=name", "--set", "domain_name=www.shop.example", "--set", "old_value=shop.replit.app"]);
    assert!(name.contains("set www.shop.example CNAME shop.replit.app with a time to live of 300 s"), "{name}");
    for because in CAUSES {
        let coming: Value = serde_json::from_str(&plan(because, &["--json"])).unwrap();
        let undescribed: Vec<&Value> =
            coming.as_array().unwrap().iter().filter(|c| c["describe"].as_str().unwrap().starts_with("cannot be described yet")).collect();
        assert!(undescribed.is_empty() && coming.as_array().unwrap().len() > 8, "{because}: {undescribed:?}");
    }
    assert!(!wizard.path().join(".migrate-wizard").exists(), "a plan leaves nothing");
    // what makes no sense is refused before anything is read
    for wrong in [
        &["rollback", "--because", "weather"][..],
        &["rollback", "--because", "database", "--to", "freeze"],
        &["rollback", "--undo"],
        &["rollback", "--because", "database", "--plan", "--set", "point=yesterday"],
    ] {
        wizard.run(wrong).expect(2);
    }
    // without a cause nothing is different from before
    wizard.run(&["rollback", "--plan"]).expect(2).says("there is no run");
    wizard.run(&["rollback", "--because", "application", "--undo", "--yes"]).expect(2).says("there is no run");
}

#[test]
fn every_cause_is_rehearsed_without_aws() {
    for because in CAUSES {
        for mode in ["--dry-run", "--sandbox"] {
            let wizard = Wizard::empty();
            let done = wizard.run(&[&Shop::args(because, &[])[..], &[mode]].concat()).expect(0);
            let steps = wizard.journal().iter().filter(|e| e["what"]["entry"] == "done").count();
            assert!(steps >= 3, "{because} {mode}: {}", done.out());
        }
    }
}

#[test]
fn an_application_goes_back_to_what_was_good() {
    let shop = Shop::new(&[]);
    for (n, service) in [(2, "api"), (1, "web")] {
        for revision in 1..=n {
            shop.register(service, &format!("registry.example/{service}:{revision}"), &json!({}));
            shop.steady(&format!("{service}:{revision}"));
        }
        shop.serve(service, n);
    }
    let only = ["--set", "services=api"];
    shop.back("application", &[&only[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!((shop.runs("api"), shop.runs("web")), ("api:2".into(), "web:1".into()), "a dry run touches nothing");
    // killed on the way, it goes on where it was
    let done = shop.back_although_killed("application", &only, &["good[api]", "service_back[api]"]).expect(0);
    assert_eq!((shop.runs("api"), shop.runs("web")), ("api:1".into(), "web:1".into()));
    assert_eq!(shop.live_runs(), 1, "the same run went on");
    assert!(done.out().contains("rollback --because CAUSE --undo"), "{}", done.out());
    // and back again
    shop.undo("application", &[]).expect(0);
    assert_eq!(shop.runs("api"), "api:2");
    // once more for good; a second time does not go forward to what was left
    shop.back("application", &only).expect(0);
    assert_eq!(shop.runs("api"), "api:1");
    shop.back("application", &only).expect(1).says("is newer: api:2");
    assert_eq!(shop.runs("api"), "api:1");
    // one cause at a time
    shop.back("database", &[]).expect(1).says("the way back because of application is not finished");
    drop(shop.emulator);
}

#[test]
fn a_database_is_restored_beside_the_old_one() {
    let shop = Shop::new(&[("MWX_RESTORE_MS", "1500")]);
    let made = shop.eye.query(
        "rds",
        "CreateDBInstance",
        &[
            ("DBInstanceIdentifier", "shop-db"),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "master"),
            ("MasterUserPassword", "not-a-real-one"),
            ("DeletionProtection", "true"),
            ("StorageEncrypted", "true"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-shop"),
        ],
    );
    assert!(made.contains("shop-db"), "{made}");
    let old = "shop-db.old.example";
    let url = |host: &str| format!("postgresql://app:{PLANTED}@{host}:5432/app?sslmode=verify-full");
    let arn = shop.secret("shop-staging/database-url", &url(old));
    for service in ["api", "web"] {
        let own = json!({ "secrets": [{ "name": "DATABASE_URL", "valueFrom": arn }], "environment": [{ "name": "PGHOST", "value": old }] });
        shop.register(service, "registry.example/shop:1", &own);
        shop.serve(service, 1);
    }
    data_stack(&shop, "shop-db", old);
    let nameless = ["--new", "--dry-run", "--set", "app_name=other"];
    shop.back("database", &nameless).expect(2).says("no data stack of this app and environment is here");
    let named = ["--new", "--set", "new_name=shop-db-back"];
    shop.back("database", &[&named[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(shop.databases(), ["shop-db"], "a dry run touches nothing");

    let named = ["--set", "new_name=shop-db-back"];
    let steps = ["restore", "lead_there", "restart[api]", "restart[web]"];
    let done = shop.back_although_killed("database", &named, &steps).expect(0);
    assert_eq!(shop.live_runs(), 1, "the same run went on");
    assert_eq!(shop.databases(), ["shop-db", "shop-db-back"], "one more, and the old one is there");
    let new = "shop-db-back.restored.example";
    assert_eq!(shop.value("shop-staging/database-url"), url(new));
    for service in ["api", "web"] {
        assert_eq!(shop.variable(service, "PGHOST"), new, "{service}");
        assert_eq!(shop.runs(service), format!("{service}:2"), "one revision, however often it was tried");
    }
    let described = shop.eye.query("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", "shop-db-back")]);
    assert!(elements(&described, "VpcSecurityGroupId").contains(&"sg-shop".to_owned()), "{described}");
    assert_eq!(elements(&described, "StorageEncrypted"), ["true"]);
    // the old one is named with what it costs, and how to see which rows are only there
    let told = shop.wizard.run(&["log"]).expect(0).out() + &done.out();
    assert!(told.contains("restore"), "{told}");

    // taken back: the old version and the old revisions; the new database stays until its name is typed
    shop.undo("database", &[]).expect(0);
    assert_eq!(shop.value("shop-staging/database-url"), url(old));
    assert_eq!((shop.runs("api"), shop.runs("web")), ("api:1".into(), "web:1".into()));
    assert_eq!(shop.databases(), ["shop-db", "shop-db-back"]);

    // another one, which goes with its undo, because its name was typed; its rows are kept in a snapshot
    shop.back("database", &["--set", "new_name=shop-db-again"]).expect(0);
    shop.undo("database", &["--confirm", "shop-db-again"]).expect(0);
    assert_eq!(shop.databases(), ["shop-db", "shop-db-back"]);
    let kept = elements(&shop.eye.query("rds", "DescribeDBSnapshots", &[]), "DBSnapshotIdentifier");
    assert!(kept.contains(&"shop-db-again-last".to_owned()), "{kept:?}");
    // a name that is taken by something else
    shop.back("database", &["--set", "new_name=shop-db"]).expect(2).says("which is the database there is");

    assert_eq!(files_with(shop.wizard.path(), PLANTED), Vec::<String>::new(), "no password in a journal or report");
}

/// The data stack, as far as its outputs are read: made of something that costs nothing.
fn data_stack(shop: &Shop, id: &str, host: &str) {
    let outputs = json!({
        "Identifier": { "Value": id }, "Endpoint": { "Value": host }, "Port": { "Value": "5432" }, "DatabaseName": { "Value": "app" },
        "MasterUsername": { "Value": "master" }, "ResourceArn": { "Value": format!("arn:aws:rds:us-east-1:123456789012:db:{id}") }
    });
    stack(shop, "shop-staging-data", &outputs);
}

/// A stack of ours with these outputs.
fn stack(shop: &Shop, name: &str, outputs: &Value) {
    let template = json!({ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } }, "Outputs": outputs }).to_string();
    let encoded: String = template.bytes().map(|b| format!("%{b:02X}")).collect();
    let tags = [("managed-by", "migrate-wizard"), ("app", "shop"), ("environment", "staging")];
    let mut parameters = vec![("StackName".to_owned(), name.to_owned()), ("TemplateBody".to_owned(), encoded)];
    for (n, (key, value)) in tags.iter().enumerate() {
        parameters.push((format!("Tags.member.{}.Key", n + 1), (*key).to_owned()));
        parameters.push((format!("Tags.member.{}.Value", n + 1), (*value).to_owned()));
    }
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let made = shop.eye.query("cloudformation", "CreateStack", &parameters);
    assert!(made.contains(name), "{made}");
    for _ in 0..200 {
        let described = shop.eye.query("cloudformation", "DescribeStacks", &[("StackName", name)]);
        if described.contains("CREATE_COMPLETE") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the stack never came up");
}

#[test]
fn a_configuration_is_put_right() {
    let shop = Shop::new(&[]);
    let arn = shop.secret("shop-staging/session", &format!("{PLANTED}right"));
    shop.eye.ask(SECRETS, "secretsmanager.PutSecretValue", &json!({ "SecretId": arn, "SecretString": format!("{PLANTED}wrong") }));
    let reads =
        json!({ "secrets": [{ "name": "SESSION_SECRET", "valueFrom": arn }], "environment": [{ "name": "LOG_LEVEL", "value": "trace" }] });
    shop.register("api", "registry.example/api:1", &reads);
    shop.serve("api", 1);
    shop.register("web", "registry.example/web:1", &json!({ "environment": [{ "name": "LOG_LEVEL", "value": "info" }] }));
    shop.serve("web", 1);
    let session = ["--set", "what=secret", "--set", "secret=session", "--set", "value=before"];
    shop.back("configuration", &[&session[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(shop.value("shop-staging/session"), format!("{PLANTED}wrong"));
    // however often it is killed the label is moved once: it does not swing back
    shop.back_although_killed("configuration", &session, &["version_back", "restart_readers[api]"]).expect(0);
    assert_eq!(shop.value("shop-staging/session"), format!("{PLANTED}right"));
    assert!(shop.holds("done", "restart_readers[api]") && !shop.holds("done", "restart_readers[web]"), "only who reads it is restarted");
    shop.undo("configuration", &[]).expect(0);
    assert_eq!(shop.value("shop-staging/session"), format!("{PLANTED}wrong"));
    // a variable
    let variable =
        ["--set", "what=variable", "--set", "variable=LOG_LEVEL", "--set", "variable_value=warn", "--set", "variable_services=api"];
    shop.back("configuration", &variable).expect(0);
    assert_eq!((shop.variable("api", "LOG_LEVEL"), shop.variable("web", "LOG_LEVEL")), ("warn".into(), "info".into()));
    shop.undo("configuration", &[]).expect(0);
    assert_eq!(shop.variable("api", "LOG_LEVEL"), "trace");
    // one that is not there
    let missing = ["--set", "what=variable", "--set", "variable=NO_SUCH", "--set", "variable_value=x", "--set", "variable_services=api"];
    shop.back("configuration", &missing).expect(1).says("has a variable NO_SUCH");
    // a value has no place on a command line
    shop.back("configuration", &["--new", "--set", "what=secret", "--set", "value=enter", "--set", "new_value=x"])
        .expect(2)
        .says("does not belong on a command line");
    assert_eq!(files_with(shop.wizard.path(), PLANTED), Vec::<String>::new());
}

#[test]
fn the_stack_that_was_changed_last_is_the_one_that_goes_back() {
    let shop = Shop::new(&[]);
    stack(&shop, "shop-staging-network", &json!({ "Id": { "Value": "1" } }));
    // the times of stacks are in whole seconds
    let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let made = second();
    while second() == made {
        std::thread::yield_now();
    }
    stack(&shop, "shop-staging-edge", &json!({ "Id": { "Value": "2" } }));
    shop.back("infrastructure", &["--set", "where=stack"]).expect(0);
    let entries = shop.wizard.journal();
    let of = |entry: &str, step: &str| {
        entries.iter().map(|e| &e["what"]).find(|what| what["entry"] == entry && what["step"] == step).unwrap().clone()
    };
    assert_eq!(of("answered", "stack_name")["value"], "shop-staging-edge");
    assert_eq!(of("started", "stack_back")["fields"]["name"], "shop-staging-edge");
    assert_eq!(of("done", "stack_back")["outputs"]["status"], "CREATE_COMPLETE");
}

#[test]
fn a_name_goes_back_to_what_the_move_wrote_down() {
    let shop = Shop::new(&[]);
    let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>shop.example.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>";
    shop.eye.send("route53", "POST", "/2013-04-01/hostedzone", &[("content-type", "application/xml")], zone.into());
    shop.eye.apply("dns", json!({ "name": "www.shop.example", "value": "lb.aws.example", "ttl": "60" }));
    // a move of this folder: it lowered the time to live, and then switched
    let mut journal = Journal::create(&shop.wizard.path().join(".migrate-wizard/live-20261120-aaaa")).unwrap();
    let record =
        |ttl: u32| json!({ "name": "www.shop.example", "kind": "CNAME", "ttl": ttl, "values": ["shop.replit.app"], "alias": null });
    let dns = |step: &str, before: Value| Entry::Started {
        step: step.into(),
        attempt: 1,
        kind: "dns".into(),
        fields: json!({}),
        before: [("old".to_owned(), before)].into(),
        writes: true,
    };
    let done = |step: &str| Entry::Done { step: step.into(), outputs: Default::default(), took_ms: 1, simulated: false };
    let answer = |step: &str, value: &str| Entry::Answered {
        step: step.into(),
        value: json!(value),
        source: migrate_wizard::wizard::journal::Source::Asked,
    };
    for entry in [
        Entry::Opened {
            format: FORMAT,
            run: "live-20261120-aaaa".into(),
            journey: "move".into(),
            mode: Mode::Live,
            sandbox: false,
            tool: "test".into(),
            facts: Default::default(),
        },
        answer("app_name", "shop"),
        answer("environment", "staging"),
        answer("database", "rds"),
        answer("domain_name", "www.shop.example"),
        dns("lower_ttl", json!([record(3600)])),
        done("lower_ttl"),
        dns("switch", json!([record(60)])),
        done("switch"),
    ] {
        journal.append("2026-11-20T10:00:00Z".into(), entry).unwrap();
    }
    drop(journal);
    let plan = shop.wizard.run(&["rollback", "--because", "infrastructure", "--plan", "--set", "where=name"]).expect(0).out();
    assert!(plan.contains("set www.shop.example CNAME shop.replit.app with a time to live of 3600 s"), "{plan}");
    let go = [
        "rollback",
        "--because",
        "infrastructure",
        "--plain",
        "--yes",
        "--region",
        "us-east-1",
        "--set",
        "where=name",
        "--confirm",
        "works",
    ];
    shop.wizard.run(&go).expect(0);
    let records = || shop.eye.send("route53", "GET", &format!("/2013-04-01/hostedzone/{}/rrset", zone_id(&shop)), &[], String::new());
    assert!(records().contains("<Value>shop.replit.app</Value>") && records().contains("<TTL>3600</TTL>"), "{}", records());
    shop.undo("infrastructure", &[]).expect(0);
    assert!(records().contains("<Value>lb.aws.example</Value>"), "{}", records());
}

fn zone_id(shop: &Shop) -> String {
    let zones = shop.eye.send("route53", "GET", "/2013-04-01/hostedzone", &[], String::new());
    elements(&zones, "Id").first().unwrap().trim_start_matches("/hostedzone/").to_owned()
}

/// AWS Backup is scripted: the emulator's restores nothing.
#[test]
fn a_dsql_cluster_is_restored_from_the_newest_complete_recovery_point() {
    let cluster = "arn:aws:dsql:us-east-1:123456789012:cluster/old";
    let point = |n: u32, at: u32, status: &str| json!({ "RecoveryPointArn": format!("arn:aws:backup:us-east-1:123456789012:recovery-point:{n}"), "BackupVaultName": "shop", "CreationDate": at, "Status": status });
    let points = json!({ "RecoveryPoints": [point(1, 1_700_000_000, "COMPLETED"), point(3, 1_700_200_000, "PARTIAL"), point(2, 1_700_100_000, "COMPLETED")] });
    let job = json!({ "RestoreJobId": "job-1", "Status": "COMPLETED", "PercentDone": "100.00%", "CreatedResourceArn": "arn:aws:dsql:us-east-1:123456789012:cluster/new" });
    let aws = Scripted::new()
        .path("/resources/", Answer::json(&points.to_string()))
        .path("/backup-vaults/shop/", Answer::json(&json!({ "RestoreMetadata": { "useMultiRegion": "false" } }).to_string()))
        .path("/restore-jobs", Answer::json(&job.to_string()))
        .start();
    let stage = Stage::open(Run::Live, Some(aws.url()), None);
    let known = stage.apply("restore_points", json!({ "database": "dsql", "of": "old", "arn": cluster }));
    assert_eq!(known["latest"], json!("2023-11-16T02:00:00Z"));
    let fields = json!({ "database": "dsql", "of": "old", "arn": cluster, "role_arn": "arn:aws:iam::123456789012:role/b", "name": "old-back", "at": "latest" });
    for _twice in 0..2 {
        let made = stage.apply("restore", fields.clone());
        assert_eq!((made["id"].clone(), made["host"].clone()), (json!("new"), json!("new.dsql.us-east-1.on.aws")));
    }
    let sent: Vec<Value> = aws.asked("/restore-jobs").iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert!(sent.iter().all(|body| body["RecoveryPointArn"].as_str().unwrap().ends_with(":2")), "{sent:?}");
    assert_eq!(sent[0]["IdempotencyToken"], sent[1]["IdempotencyToken"], "AWS Backup sees one job");
    assert!(sent[0]["Metadata"]["regionalConfig"].as_str().unwrap().contains("us-east-1"));
    // no moment between backups
    let refused = migrate_wizard::effects::registry().build("restore", {
        let mut fields = fields;
        fields["at"] = json!("2026-11-20 10:00 UTC");
        fields
    });
    assert!(refused.err().unwrap().what.contains("has no point-in-time restore"));
}
