//! Whole systems on the AWS endpoint emulator by the real binary: made, changed, taken away; killed on the way; behind a bad line.
//! Simulated: AWS (the emulator), the line (`support/faults.rs`), and what the emulator lacks (`support/scripted.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_sdk_cloudformation as cloudformation;
use migrate_wizard::cloud::stacks::{self, StackSpec};
use migrate_wizard::cloud::{Access, Aws, Options};
use migrate_wizard::error::Kind;
use migrate_wizard::progress::{Note, Reporter};
use serde_json::{Value, json};

use crate::support::aws_standin::StandIn;
use crate::support::chance::Chance;
use crate::support::emulator::Emulator;
use crate::support::faults::{Fault, Faults};
use crate::support::postgres::block;
use crate::support::rehearsal::{run_dirs, signal, silent, wait_until};
use crate::support::scripted_stacks::{Scripted, arn, event, stack};
use crate::support::wizard::{Done, Wizard};

/// A profile, what it calls its system, and one decision to change.
type Profile = (&'static str, &'static str, &'static str);

const PROFILES: [Profile; 5] = [
    ("grievance-portal", "grievance-portal-production", "log_days=90"),
    ("dougust", "dougust-production", "db_class=db.t3.medium"),
    ("alva", "alva-staging", "tasks_max=3"),
    ("shadowtwin", "shadowtwin-production", "backup_days=14"),
    ("shadowtwin-ec2", "shadowtwin-production", "log_days=90"),
];

/// Kills of each profile, spread over making, changing and taking away: 6 × 5 are 30.
const KILLS: usize = 6;

/// One system in a folder and an emulator of its own.
struct System {
    profile: Profile,
    emulator: Emulator,
    wizard: Wizard,
    failing: tempfile::NamedTempFile,
}

/// What stands: by stack its resources (logical id and type); names of secrets and repositories; what else would cost money.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    stacks: BTreeMap<String, BTreeMap<String, String>>,
    secrets: BTreeSet<String>,
    repositories: BTreeSet<String>,
    others: BTreeMap<&'static str, usize>,
}

impl System {
    fn new(profile: Profile) -> Self {
        let failing = tempfile::NamedTempFile::new().unwrap();
        let emulator = Emulator::start(&[("MWX_STEP_MS", "8"), ("MWX_FAIL_FILE", failing.path().to_str().unwrap())]);
        let wizard = Wizard::sample().envs(emulator.env());
        Self { profile, emulator, wizard, failing }
    }

    /// The same, reached through a proxy.
    fn behind(profile: Profile, seed: u64) -> (Self, Faults) {
        let mut system = Self::new(profile);
        let faults = Faults::before(system.emulator.port, seed);
        system.wizard = system.wizard.env("AWS_ENDPOINT_URL", &faults.url());
        (system, faults)
    }

    /// The creation of these resources fails from now on.
    fn fail(&self, logical_ids: &str) {
        std::fs::write(self.failing.path(), logical_ids).unwrap();
    }

    fn command(&self, verb: &str, more: &[&str]) -> std::process::Command {
        let (profile, system, _) = self.profile;
        let repository = "github_repository=acme/shop";
        let mut args = vec!["stacks", verb, "--profile", profile, "--set", repository, "--yes", "--plain", "--confirm", "delegate"];
        if verb == "destroy" {
            args.extend(["--confirm", system]);
        }
        self.wizard.command(&[&args, more].concat())
    }

    fn run(&self, verb: &str, more: &[&str]) -> Done {
        Done(self.command(verb, more).output().unwrap())
    }

    /// Entries in the journal of the run that began after those in `before`.
    fn entries(&self, before: &[PathBuf]) -> usize {
        let new = run_dirs(self.wizard.path()).into_iter().filter(|dir| !before.contains(dir));
        new.map(|dir| std::fs::read_to_string(dir.join("journal.jsonl")).unwrap_or_default().lines().count()).max().unwrap_or(0)
    }

    /// Runs a command to its end although it is killed `kills` times on the way, each time a moment after an entry of its journal that chance
    /// picks; returns how often it was. `usual`: entries and time without a kill.
    fn run_killed(&self, verb: &str, more: &[&str], kills: usize, usual: (usize, Duration), chance: &mut Chance) -> usize {
        let before = run_dirs(self.wizard.path());
        for killed in 0..kills {
            let now = self.entries(&before);
            // the last entries come at once; every resume has made one more
            let at = (now + 1 + chance.below((usual.0 / kills) as u64) as usize).min(usual.0 + killed - 3);
            let moment = usual.1.mul_f64(chance.fraction() / usual.0 as f64).min(Duration::from_millis(500));
            let mut child = silent(self.command(verb, more));
            if !wait_until(&mut child, "an entry of the journal", || self.entries(&before) >= at) {
                assert!(child.wait().unwrap().success(), "{}: stacks {verb} failed", self.profile.0);
                return killed;
            }
            std::thread::sleep(moment);
            if child.try_wait().unwrap().is_none() {
                signal(&child, "KILL");
            }
            child.wait().unwrap();
        }
        self.run(verb, more).expect(0);
        kills
    }

    fn seen(&self) -> Seen {
        let client = stranger(&self.emulator.url());
        let stacks = block(async {
            let all = client.describe_stacks().send().await.unwrap();
            let mut seen = BTreeMap::new();
            for stack in all.stacks().iter().filter(|s| s.stack_status().unwrap().as_str() != "DELETE_COMPLETE") {
                let status = stack.stack_status().unwrap().as_str();
                assert!(matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE"), "{} is {status}", stack.stack_name().unwrap());
                let resources = client.list_stack_resources().stack_name(stack.stack_id().unwrap()).send().await.unwrap();
                let there =
                    resources.stack_resource_summaries().iter().filter(|r| r.resource_status().unwrap().as_str() != "DELETE_COMPLETE");
                let there = there.map(|r| (r.logical_resource_id().unwrap().to_owned(), r.resource_type().unwrap().to_owned()));
                seen.insert(stack.stack_name().unwrap().to_owned(), there.collect());
            }
            seen
        });
        let query = |service: &str, body: &str| {
            self.emulator.call(service, &[("Content-Type", "application/x-www-form-urlencoded")], body.to_owned())
        };
        let buckets = self.emulator.http("GET", "/").unwrap_or_default();
        let others = BTreeMap::from([
            ("networks", query("ec2", "Action=DescribeVpcs&Version=2016-11-15").matches("<vpcId>").count()),
            ("NAT gateways", query("ec2", "Action=DescribeNatGateways&Version=2016-11-15").matches("<natGatewayId>").count()),
            ("databases", query("rds", "Action=DescribeDBInstances&Version=2014-10-31").matches("<DBInstanceIdentifier>").count()),
            ("buckets", buckets.matches("<Bucket>").count()),
        ]);
        let secrets = self.emulator.secrets().into_keys().filter(|name| !name.starts_with("rds!")).collect();
        Seen { stacks, secrets, repositories: self.emulator.repositories().into_iter().collect(), others }
    }

    /// What is there of each kind before anything is made (a default network).
    fn others(&self) -> BTreeMap<&'static str, usize> {
        self.seen().others
    }
}

/// Someone else's client, without our guard.
fn stranger(url: &str) -> cloudformation::Client {
    let config = cloudformation::Config::builder()
        .behavior_version(cloudformation::config::BehaviorVersion::latest())
        .region(cloudformation::config::Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(keys())
        .build();
    cloudformation::Client::from_conf(config)
}

fn keys() -> cloudformation::config::SharedCredentialsProvider {
    cloudformation::config::SharedCredentialsProvider::new(cloudformation::config::Credentials::new(
        "sandbox", "sandbox", None, None, "test",
    ))
}

async fn session(url: &str, poll: Duration) -> Aws {
    let options = Options {
        region: Some("us-east-1".into()),
        poll,
        endpoint: Some(url.to_owned()),
        keys: Some(keys()),
        outage: Duration::from_secs(5),
        ..Options::new(Access::ReadWrite)
    };
    Aws::connect(options).await.unwrap()
}

fn listening() -> (Reporter, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&lines);
    let reporter = Reporter::new(move |note| {
        if let Note::Log(line) = note {
            sink.lock().unwrap().push(line);
        }
    });
    (reporter, lines)
}

/// Made, changed and taken away, without a kill: what is seen after each, how many entries its journal has, and how long it took.
fn undisturbed(profile: Profile) -> [(Seen, (usize, Duration)); 3] {
    let system = System::new(profile);
    let empty = system.others();
    let stage = |verb: &str, more: &[&str]| {
        let (before, begun) = (run_dirs(system.wizard.path()), Instant::now());
        system.run(verb, more).expect(0);
        let took = begun.elapsed();
        (system.seen(), (system.entries(&before), took))
    };
    let made = stage("deploy", &[]);
    let changed = stage("deploy", &["--set", profile.2]);
    let gone = stage("destroy", &[]);
    assert_eq!(gone.0.stacks, BTreeMap::new(), "{}", profile.0);
    assert_eq!((&gone.0.secrets, &gone.0.repositories), (&BTreeSet::new(), &BTreeSet::new()), "{}", profile.0);
    for kind in ["networks", "NAT gateways", "databases"] {
        assert_eq!(gone.0.others[kind], empty[kind], "{}: {kind} are left over", profile.0);
    }
    [made, changed, gone]
}

#[test]
fn each_profile_comes_to_the_same_ends_however_often_it_is_killed() {
    let seed = std::env::var("MWX_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_128);
    println!("seed {seed} (another with MWX_SEED)");
    let kills: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = PROFILES
            .into_iter()
            .enumerate()
            .map(|(n, profile)| {
                scope.spawn(move || {
                    let expected = undisturbed(profile);
                    let system = System::new(profile);
                    let mut chance = Chance::new(seed + n as u64);
                    let mut killed = 0;
                    for (stage, (verb, more)) in
                        [("deploy", vec![]), ("deploy", vec!["--set", profile.2]), ("destroy", vec![])].into_iter().enumerate()
                    {
                        let (seen, usual) = &expected[stage];
                        let wanted = if stage == 2 { KILLS - killed } else { KILLS / 3 };
                        killed += system.run_killed(verb, &more, wanted, *usual, &mut chance);
                        assert_eq!(&system.seen(), seen, "{}: after stage {stage}, {killed} kills", profile.0);
                    }
                    println!("{}: {killed} kills", profile.0);
                    killed
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{kills} kills in all");
    assert_eq!(kills, 30, "a process came to its end before its kill");
}

#[test]
fn the_same_again_changes_nothing_and_a_diff_agrees() {
    let system = System::new(PROFILES[0]);
    system.run("deploy", &[]).expect(0);
    let made = system.seen();
    let events = |system: &System| {
        let client = stranger(&system.emulator.url());
        let count = async |name: &str| client.describe_stack_events().stack_name(name).send().await.unwrap().stack_events().len();
        block(async {
            let mut counts = Vec::new();
            for name in made.stacks.keys() {
                counts.push((name.clone(), count(name).await));
            }
            counts
        })
    };
    let before = events(&system);
    system.run("deploy", &[]).expect(0);
    assert_eq!((events(&system), &system.seen()), (before, &made));
    let open = |more: &[&str]| -> Vec<String> {
        let diff = system.run("diff", more).expect(0).out();
        diff.lines().filter(|line| line.starts_with(['~', '+'])).map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(open(&[]), Vec::<String>::new());
    let keep_logs = ["network", "edge", "app", "app-pipeline"].map(|layer| format!("grievance-portal-production-{layer}"));
    assert_eq!(open(&["--set", "log_days=90"]), keep_logs);
}

#[test]
fn five_in_a_hundred_answers_that_are_errors_are_borne_without_anybody_noticing() {
    let (system, faults) = System::behind(PROFILES[3], 5);
    faults.chance(Fault::Unavailable, 25);
    faults.chance(Fault::Throttled, 25);
    system.run("deploy", &[]).expect(0);
    let made = system.seen();
    system.run("destroy", &[]).expect(0);
    let faulty = faults.asked().iter().filter(|asked| asked.fault.is_some()).count();
    println!("{faulty} of {} answers were errors", faults.asked().len());
    assert!(faulty >= 5, "only {faulty} faults");
    assert!(made.stacks.len() >= 8, "{:?}", made.stacks.keys());
    assert_eq!(system.seen().stacks, BTreeMap::new());
}

#[test]
fn an_answer_that_is_lost_after_it_took_effect_does_nothing_twice() {
    let (system, faults) = System::behind(PROFILES[0], 6);
    let calls = ["CreateChangeSet", "ExecuteChangeSet", "CreateSecret", "UpdateTerminationProtection", "SetStackPolicy"];
    for call in calls.iter().chain(&calls[..2]) {
        faults.once(call, Fault::Lost);
    }
    faults.chance(Fault::Lost, 10);
    system.run("deploy", &[]).expect(0);
    let made = system.seen();
    faults.once("DeleteStack", Fault::Lost);
    faults.once("DeleteSecret", Fault::Lost);
    system.run("destroy", &[]).expect(0);
    let lost: BTreeSet<String> = faults.asked().into_iter().filter(|a| a.fault == Some(Fault::Lost)).map(|a| a.action).collect();
    for call in calls.iter().chain(&["DeleteStack", "DeleteSecret"]) {
        assert!(lost.contains(*call), "no answer to {call} was lost: {lost:?}");
    }
    let whole = System::new(PROFILES[0]);
    whole.run("deploy", &[]).expect(0);
    assert_eq!(made, whole.seen());
    whole.run("destroy", &[]).expect(0);
    assert_eq!(system.seen(), whole.seen());
}

#[test]
fn a_call_that_is_never_answered_is_given_up_and_made_again() {
    let (system, faults) = System::behind(PROFILES[3], 7);
    faults.once("CreateChangeSet", Fault::Swallowed);
    let begun = Instant::now();
    system.run("deploy", &[]).expect(0);
    assert!(faults.asked().iter().any(|a| a.fault == Some(Fault::Swallowed)));
    assert!(begun.elapsed() >= Duration::from_secs(15), "the call was not waited for");
    assert!(system.seen().stacks.len() >= 8);
}

#[test]
fn what_is_not_allowed_is_named_and_the_same_command_goes_on_once_it_is() {
    let (system, faults) = System::behind(PROFILES[4], 8);
    faults.always("ExecuteChangeSet", Fault::Denied);
    let refused = system.run("deploy", &[]).expect(1);
    let told = format!("{}{}", refused.out(), refused.err());
    assert!(told.contains("AWS does not allow cloudformation:ExecuteChangeSet"), "{told}");
    assert!(told.contains("give the role or user in use the right cloudformation:ExecuteChangeSet, then run the same command"), "{told}");
    faults.heal();
    system.run("deploy", &[]).expect(0);
    assert!(system.seen().stacks.len() >= 6);
}

#[test]
fn a_stack_that_fails_is_rolled_back_with_its_cause_and_the_same_command_tries_again() {
    let system = System::new(PROFILES[2]);
    system.fail("LoadBalancer");
    let failed = system.run("deploy", &[]).expect(1);
    let told = format!("{}{}", failed.out(), failed.err());
    assert!(told.contains("stack alva-staging-edge ended as ROLLBACK_COMPLETE"), "{told}");
    assert!(
        told.contains("AWS::ElasticLoadBalancingV2::LoadBalancer LoadBalancer") && told.contains("injected failure for LoadBalancer"),
        "{told}"
    );
    assert!(told.contains("everything this attempt made was rolled back"), "{told}");
    system.fail("");
    system.run("deploy", &[]).expect(0);
    assert!(system.seen().stacks.contains_key("alva-staging-edge"));
    // a change that fails leaves what was there
    let before = system.seen();
    system.fail("Replica");
    let failed = system.run("deploy", &["--set", "read_replica=one"]).expect(1);
    let told = format!("{}{}", failed.out(), failed.err());
    assert!(told.contains("stack alva-staging-data ended as UPDATE_ROLLBACK_COMPLETE"), "{told}");
    system.fail("");
    let status = || {
        block(async {
            let aws = session(&system.emulator.url(), Duration::from_millis(50)).await;
            stacks::status(&aws, "alva-staging-data").await.unwrap().unwrap()
        })
    };
    assert_eq!(status().parameters["ReadReplica"], "false");
    system.run("deploy", &["--set", "read_replica=one"]).expect(0);
    assert_eq!(status().parameters["ReadReplica"], "true");
    let mut after = system.seen();
    assert_eq!(after.stacks.get_mut("alva-staging-data").unwrap().remove("Replica").as_deref(), Some("AWS::RDS::DBInstance"));
    assert_eq!(after.stacks, before.stacks);
}

#[test]
fn data_is_not_replaced_or_removed_before_somebody_agreed_to_it() {
    let emulator = Emulator::start(&[("MWX_STEP_MS", "8")]);
    let bucket = |name: &str| {
        format!(
            "Resources:\n  Files: {{Type: AWS::S3::Bucket, DeletionPolicy: RetainExceptOnCreate, Properties: {{BucketName: {name}}}}}\n  Q: {{Type: AWS::SQS::Queue}}\n"
        )
    };
    let spec = |body: String| StackSpec {
        name: "store".into(),
        template_body: body,
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: true,
    };
    block(async {
        let aws = session(&emulator.url(), Duration::from_millis(20)).await;
        let quiet = Reporter::silent();
        stacks::deploy(&aws, &spec(bucket("one")), "t-1", &quiet).await.unwrap();
        let policy =
            async || stranger(&emulator.url()).get_stack_policy().stack_name("store").send().await.unwrap().stack_policy_body.unwrap();
        assert!(policy().await.contains("LogicalResourceId/Files"));
        // removal, by the change set's own word
        let without = spec("Resources:\n  Q: {Type: AWS::SQS::Queue}\n".into());
        let error = stacks::deploy(&aws, &without, "t-2", &quiet).await.unwrap_err();
        assert_eq!((error.kind, error.what.as_str()), (Kind::Refused, "this change of stack store would lose data; nothing was changed"));
        assert_eq!(error.causes, ["it takes the bucket Files (AWS::S3::Bucket) out of the stack"]);
        assert!(error.hint.ends_with("--confirm store/Files"), "{}", error.hint);
        let sets = stranger(&emulator.url()).list_change_sets().stack_name("store").send().await.unwrap();
        assert!(sets.summaries().iter().all(|s| s.execution_status().unwrap().as_str() != "AVAILABLE"), "{sets:?}");
        // agreed to, it is done, and the bucket stays where it was
        let options = Options {
            region: Some("us-east-1".into()),
            poll: Duration::from_millis(20),
            endpoint: Some(emulator.url()),
            keys: Some(keys()),
            consents: BTreeSet::from(["store/Files".to_owned()]),
            ..Options::new(Access::ReadWrite)
        };
        let agreed = Aws::connect(options).await.unwrap();
        stacks::deploy(&agreed, &without, "t-3", &quiet).await.unwrap();
        assert!(emulator.http("GET", "/one").is_some(), "the bucket is there");
        // the preview of a dry run sees a replacement by the property that causes it
        let deployed = stacks::Deployed { body: bucket("one"), parameters: BTreeMap::new() };
        let seen = stacks::preview(&bucket("two"), &BTreeMap::new(), Some(&deployed)).unwrap();
        assert_eq!(seen.len(), 1);
        assert!(seen[0].needs_consent() && seen[0].properties == ["BucketName"], "{seen:?}");
    });
}

#[test]
fn drift_is_found_where_somebody_changed_a_resource_by_hand() {
    let emulator = Emulator::start(&[("MWX_STEP_MS", "8")]);
    let body = "Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs, VisibilityTimeout: 30}}\n";
    let spec = StackSpec {
        name: "q".into(),
        template_body: body.into(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: false,
    };
    block(async {
        let aws = session(&emulator.url(), Duration::from_millis(20)).await;
        stacks::deploy(&aws, &spec, "t-1", &Reporter::silent()).await.unwrap();
        assert_eq!(stacks::drift(&aws, "q").await.unwrap(), []);
    });
    emulator.call(
        "sqs",
        &[("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.DeleteQueue")],
        format!("{{\"QueueUrl\": \"{}/123456789012/jobs\"}}", emulator.url()),
    );
    block(async {
        let aws = session(&emulator.url(), Duration::from_millis(20)).await;
        let found = stacks::drift(&aws, "q").await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].deleted && found[0].logical_id == "Q", "{found:?}");
    });
}

#[test]
fn a_wait_asks_once_in_two_seconds_and_outlives_an_outage() {
    let emulator = Emulator::start(&[("MWX_STEP_MS", "2000")]);
    let faults = Faults::before(emulator.port, 9);
    let body = "Resources:\n  A: {Type: AWS::SQS::Queue}\n  B: {Type: AWS::SQS::Queue, DependsOn: A}\n  C: {Type: AWS::SQS::Queue, DependsOn: B}\n";
    let spec = StackSpec {
        name: "slow".into(),
        template_body: body.into(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: false,
    };
    block(async {
        // just above two seconds, so that it is not taken for the default, which an endpoint on this machine shortens
        let aws = session(&faults.url(), Duration::from_millis(2001)).await;
        stacks::deploy(&aws, &spec, "t-1", &Reporter::silent()).await.unwrap();
    });
    let asked = faults.asked();
    let begun = asked.iter().find(|a| a.action == "ExecuteChangeSet").unwrap().at;
    let looks: Vec<Instant> = asked.iter().filter(|a| a.at > begun && a.action.starts_with("DescribeStack")).map(|a| a.at).collect();
    let ended = *looks.last().unwrap();
    let slots = ended.duration_since(begun).as_secs_f64() / 2.0;
    println!("{} describe calls in {slots:.1} times 2 s", looks.len());
    // after the last event: the verdict, one last look at the events, and whether it is protected
    assert!(looks.len() as f64 <= slots.ceil() + 4.0, "{} calls in {slots:.1} times 2 s", looks.len());
    assert!(looks.len() >= 3, "{looks:?}");
}

#[test]
fn early_validation_is_told_and_nothing_of_it_is_left() {
    let standin = Scripted::start()
        .refuses("DescribeStacks", "ValidationError", "Stack with id web does not exist")
        .on("CreateChangeSet", &[&format!("<Id>arn:aws:cloudformation:us-east-1:1:changeSet/c/1</Id><StackId>{}</StackId>", arn("web"))])
        .on("DescribeChangeSet", &[&format!("<Status>FAILED</Status><StatusReason>The following validation checks failed</StatusReason><StackId>{}</StackId>", arn("web"))])
        .on(
            "DescribeEvents",
            &["<OperationEvents><member><EventId>1</EventId><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Files</LogicalResourceId>\
               <ResourceType>AWS::S3::Bucket</ResourceType><ValidationName>NAME_CONFLICT_VALIDATION</ValidationName>\
               <ValidationFailureMode>FAIL</ValidationFailureMode><ValidationStatus>FAILED</ValidationStatus>\
               <ValidationStatusReason>Resource of type AWS::S3::Bucket with identifier one already exists</ValidationStatusReason>\
               <ValidationPath>/Resources/Files</ValidationPath></member></OperationEvents>"],
        )
        .on("DeleteChangeSet", &[""])
        .on("DeleteStack", &[""]);
    let spec = StackSpec {
        name: "web".into(),
        template_body: "Resources: {Files: {Type: AWS::S3::Bucket}}".into(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: false,
    };
    block(async {
        let aws = session(&standin.url(), Duration::from_millis(10)).await;
        let error = stacks::deploy(&aws, &spec, "t-1", &Reporter::silent()).await.unwrap_err();
        assert_eq!(error.what, "CloudFormation refuses the template or its parameters");
        assert_eq!(
            error.causes[1],
            "AWS::S3::Bucket Files /Resources/Files: Resource of type AWS::S3::Bucket with identifier one already exists (NAME_CONFLICT_VALIDATION)"
        );
    });
    let asked = &standin.calls("DescribeEvents")[0];
    assert_eq!(
        (asked["Filters.FailedEvents"].as_str(), asked["ChangeSetName"].as_str()),
        ("true", "arn:aws:cloudformation:us-east-1:1:changeSet/c/1")
    );
    assert_eq!(standin.calls("DeleteChangeSet").len(), 1);
}

#[test]
fn a_roll_back_that_failed_goes_on_and_skips_only_what_was_named() {
    let events = |token: &str, ends: &[(&str, &str, &str)]| {
        let mut list: Vec<String> =
            ends.iter().enumerate().map(|(n, (id, status, why))| event(n as u32 + 2, "db", id, status, why, token)).collect();
        list.reverse();
        format!("<StackEvents>{}</StackEvents>", list.join(""))
    };
    // it fails again: the cause is told, and how to leave it behind
    let again = events(
        "t-1",
        &[
            ("db", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
            ("Db", "UPDATE_FAILED", "Database is in state storage-full"),
            ("db", "UPDATE_ROLLBACK_FAILED", ""),
        ],
    );
    let standin = Scripted::start()
        .on("DescribeStacks", &[&stack("db", "UPDATE_ROLLBACK_FAILED")])
        .on("ContinueUpdateRollback", &[""])
        .on("DescribeStackEvents", &[&again]);
    block(async {
        let aws = session(&standin.url(), Duration::from_millis(10)).await;
        let error = stacks::recover(&aws, "db", &BTreeSet::new(), "t-1", &Reporter::silent()).await.unwrap_err();
        assert_eq!(error.what, "stack db ended as UPDATE_ROLLBACK_FAILED");
        assert_eq!(error.causes[0], "AWS::RDS::DBInstance Db: Database is in state storage-full");
        assert!(
            error.hint.contains("migrate-wizard stacks repair db --skip LOGICAL_ID") && error.hint.contains("cannot be taken back"),
            "{}",
            error.hint
        );
    });
    assert!(!standin.calls("ContinueUpdateRollback")[0].keys().any(|key| key.starts_with("ResourcesToSkip")));
    // with the skip list it comes back
    let good = events("t-2", &[("db", "UPDATE_ROLLBACK_IN_PROGRESS", ""), ("db", "UPDATE_ROLLBACK_COMPLETE", "")]);
    let standin = Scripted::start()
        .on("DescribeStacks", &[&stack("db", "UPDATE_ROLLBACK_FAILED"), &stack("db", "UPDATE_ROLLBACK_COMPLETE")])
        .on("ContinueUpdateRollback", &[""])
        .on("DescribeStackEvents", &[&good]);
    block(async {
        let aws = session(&standin.url(), Duration::from_millis(10)).await;
        let after = stacks::recover(&aws, "db", &BTreeSet::from(["Db".to_owned()]), "t-2", &Reporter::silent()).await.unwrap();
        assert_eq!(after.status, "UPDATE_ROLLBACK_COMPLETE");
    });
    let sent = &standin.calls("ContinueUpdateRollback")[0];
    assert_eq!((sent["ResourcesToSkip.member.1"].as_str(), sent["ClientRequestToken"].as_str()), ("Db", "t-2"));
}

#[test]
fn what_nobody_named_and_what_contradicts_itself_stops_before_anything_is_made() {
    let system = System::new(PROFILES[1]);
    let deploy = |more: &[&str]| {
        let args = [&["stacks", "deploy", "--profile", "dougust", "--yes", "--plain", "--new", "--confirm", "delegate"], more].concat();
        system.wizard.run(&args)
    };
    // no remote of git, no answer: the example would let a stranger in
    deploy(&[]).expect(1).says("stranger").says("--set github_repository=OWNER/NAME");
    let status = system.wizard.run(&["status"]).expect(0).out();
    assert!(status.contains("migrate-wizard stacks deploy goes on from here"), "{status}");
    // more tasks at least than at most
    deploy(&["--set", "github_repository=acme/shop", "--set", "tasks_min=5", "--set", "tasks_max=2"])
        .expect(1)
        .says("tasks_min")
        .says("nothing is provisioned");
    assert_eq!(system.seen().stacks, BTreeMap::new());
}

#[test]
fn a_service_that_does_not_start_tells_the_last_lines_of_its_container() {
    let name = "app";
    let token = "t-1";
    let failed = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'\"";
    let service = "arn:aws:ecs:us-east-1:123456789012:service/shop/web";
    let of_service = event(3, name, "Service", "CREATE_FAILED", failed, token)
        .replace("AWS::RDS::DBInstance", "AWS::ECS::Service")
        .replace("physical-Service", service);
    let events = format!(
        "<StackEvents>{}{of_service}{}</StackEvents>",
        event(4, name, name, "CREATE_FAILED", "", token),
        event(2, name, name, "CREATE_IN_PROGRESS", "", token)
    );
    let result = |action: &str, inner: &str| {
        let body = format!(
            "<{action}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{action}Result>{inner}</{action}Result></{action}Response>"
        );
        (200, Value::String(body))
    };
    let standin = StandIn::start(move |operation, body| match operation {
        "DescribeStacks" => result(operation, &stack(name, "CREATE_FAILED")),
        "DescribeStackEvents" => result(operation, &events),
        "ListTasks" => (200, json!({ "taskArns": ["arn:aws:ecs:us-east-1:123456789012:task/shop/abc"] })),
        "DescribeTasks" => (
            200,
            json!({ "tasks": [{
                "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/shop/abc", "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
                "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
                "containers": [{ "name": "web", "exitCode": 1, "lastStatus": "STOPPED" }],
            }], "failures": [] }),
        ),
        "DescribeTaskDefinition" => (
            200,
            json!({ "taskDefinition": {
                "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1", "family": "web",
                "containerDefinitions": [{ "name": "web", "image": "i", "essential": true, "logConfiguration": {
                    "logDriver": "awslogs", "options": { "awslogs-group": "/shop/web", "awslogs-stream-prefix": "app" } } }],
            } }),
        ),
        "GetLogEvents" => {
            assert_eq!((body["logGroupName"].as_str(), body["logStreamName"].as_str()), (Some("/shop/web"), Some("app/web/abc")));
            let lines = ["listening on 0.0.0.0:5000", "Error: connect ECONNREFUSED postgresql://app:hunter2@db.internal/app"];
            (200, json!({ "events": lines.map(|line| json!({ "timestamp": 1, "message": line })) }))
        }
        "DescribeServices" => (200, json!({ "services": [], "failures": [] })),
        other => panic!("{other}"),
    });
    block(async {
        let aws = standin.aws().await;
        let error = stacks::follow(&aws, &arn(name), Some("t-1"), None, &Reporter::silent()).await.unwrap_err();
        assert_eq!(error.what, "stack app ended as CREATE_FAILED");
        assert!(error.causes[0].contains("Circuit Breaker") && error.hint.contains("read what they said above"), "{error}");
        let rest = error.causes[1..].join("\n");
        assert!(rest.starts_with("task stopped: Essential container in task exited"), "{rest}");
        assert!(rest.contains("web: listening on 0.0.0.0:5000\nweb: Error: connect ECONNREFUSED"), "{rest}");
        assert!(!rest.contains("hunter2"), "{rest}");
    });
}

#[test]
fn a_stack_that_was_paused_after_a_failure_is_rolled_back() {
    let events = format!(
        "<StackEvents>{}{}</StackEvents>",
        event(3, "app", "app", "UPDATE_ROLLBACK_COMPLETE", "", "t-1"),
        event(2, "app", "app", "UPDATE_ROLLBACK_IN_PROGRESS", "", "t-1")
    );
    let standin = Scripted::start()
        .on("DescribeStacks", &[&stack("app", "UPDATE_FAILED"), &stack("app", "UPDATE_ROLLBACK_COMPLETE")])
        .on("RollbackStack", &[""])
        .on("DescribeStackEvents", &[&events]);
    block(async {
        let aws = session(&standin.url(), Duration::from_millis(10)).await;
        let (reporter, lines) = listening();
        let after = stacks::recover(&aws, "app", &BTreeSet::new(), "t-1", &reporter).await.unwrap();
        assert_eq!(after.status, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(lines.lock().unwrap()[0], "stack app was UPDATE_FAILED: taking it back to its last good state");
    });
    assert_eq!(standin.calls("RollbackStack")[0]["RetainExceptOnCreate"], "true");
}

#[test]
fn a_creation_whose_roll_back_failed_is_deleted_before_it_is_made_again() {
    let gone = format!(
        "<StackEvents>{}{}</StackEvents>",
        event(3, "app", "app", "DELETE_COMPLETE", "", "t-1-wreck"),
        event(2, "app", "app", "DELETE_IN_PROGRESS", "", "t-1-wreck")
    );
    let wreck = stack("app", "ROLLBACK_FAILED");
    let standin = Scripted::start()
        .on("DescribeStacks", &[&wreck, &wreck, &wreck, &stack("app", "DELETE_COMPLETE")])
        .on("DeleteStack", &[""])
        .on("DescribeStackEvents", &[&gone])
        .refuses("CreateChangeSet", "ValidationError", "enough seen");
    let spec = StackSpec {
        name: "app".into(),
        template_body: "Resources: {Q: {Type: AWS::SQS::Queue}}".into(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: false,
    };
    block(async {
        let aws = session(&standin.url(), Duration::from_millis(10)).await;
        let error = stacks::plan(&aws, &spec, "t-1").await.unwrap_err();
        assert!(error.line().contains("enough seen"), "{error}");
    });
    assert_eq!(standin.calls("DeleteStack")[0]["StackName"], arn("app"));
    assert_eq!(standin.calls("CreateChangeSet")[0]["ChangeSetType"], "CREATE");
}
