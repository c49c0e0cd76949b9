//! Stacks: made, changed, interrupted, failed and taken away on the AWS endpoint emulator, each twice.
//! An interrupted process is a dropped future: what it had sent stays sent, and a new session goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudformation as cloudformation;
use migrate_wizard::cloud::stacks::{self, StackSpec};
use migrate_wizard::cloud::{Access, Aws, Options, tags};
use migrate_wizard::error::Kind;
use migrate_wizard::progress::{Note, Reporter};

use crate::support::emulator::Emulator;
use crate::support::postgres::block;

/// The longest an operation of a few resources may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// An emulator of the test's own, slow enough for a stack to be seen in progress.
struct Cloud {
    emulator: Emulator,
    failing: tempfile::NamedTempFile,
}

impl Cloud {
    fn start() -> Self {
        let failing = tempfile::NamedTempFile::new().unwrap();
        let emulator = Emulator::start(&[("MWX_STEP_MS", "60"), ("MWX_FAIL_FILE", failing.path().to_str().unwrap())]);
        Self { emulator, failing }
    }

    /// The creation of these resources fails from now on.
    fn fail(&self, logical_ids: &str) {
        std::fs::write(self.failing.path(), logical_ids).unwrap();
    }

    fn keys() -> cloudformation::config::SharedCredentialsProvider {
        cloudformation::config::SharedCredentialsProvider::new(cloudformation::config::Credentials::new(
            "sandbox", "sandbox", None, None, "test",
        ))
    }

    /// A session, as a new process would open it.
    async fn session(&self, access: Access) -> Aws {
        let options = Options {
            region: Some("us-east-1".into()),
            poll: Duration::from_millis(30),
            endpoint: Some(self.emulator.url()),
            keys: Some(Self::keys()),
            ..Options::new(access)
        };
        Aws::connect(options).await.unwrap()
    }

    async fn aws(&self) -> Aws {
        self.session(Access::ReadWrite).await
    }

    /// Someone else's client, without our guard.
    fn stranger(&self) -> cloudformation::Client {
        let config = cloudformation::Config::builder()
            .behavior_version(cloudformation::config::BehaviorVersion::latest())
            .region(cloudformation::config::Region::new("us-east-1"))
            .endpoint_url(self.emulator.url())
            .credentials_provider(Self::keys())
            .build();
        cloudformation::Client::from_conf(config)
    }

    /// Every stack that is there, as `name STATUS`.
    async fn stacks(&self) -> Vec<String> {
        let answer = self.stranger().describe_stacks().send().await.unwrap();
        let mut all: Vec<String> =
            answer.stacks().iter().map(|s| format!("{} {}", s.stack_name().unwrap(), s.stack_status().unwrap().as_str())).collect();
        all.retain(|line| !line.ends_with("DELETE_COMPLETE"));
        all.sort();
        all
    }

    /// Logical ids of a stack's resources that are there.
    async fn resources(&self, stack: &str) -> Vec<String> {
        let answer = self.stranger().describe_stack_resources().stack_name(stack).send().await.unwrap();
        let there = answer.stack_resources().iter().filter(|r| r.resource_status().unwrap().as_str() != "DELETE_COMPLETE");
        let mut ids: Vec<String> = there.map(|r| r.logical_resource_id().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    async fn events(&self, stack: &str) -> usize {
        self.stranger().describe_stack_events().stack_name(stack).send().await.unwrap().stack_events().len()
    }
}

/// A VPC with a group, and what else `resources` names.
fn spec(name: &str, resources: &str) -> StackSpec {
    let template_body = format!(
        "Parameters:\n  Cidr: {{Type: String}}\nResources:\n  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: !Ref Cidr}}}}\n  \
         Group: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: x, VpcId: !Ref Vpc}}}}\n{resources}\
         Outputs:\n  VpcId: {{Value: !Ref Vpc}}\n"
    );
    StackSpec {
        name: name.into(),
        template_body,
        parameters: BTreeMap::from([("Cidr".into(), "10.9.0.0/16".into())]),
        tags: BTreeMap::from([(tags::RUN.into(), "r1".into())]),
        termination_protection: true,
    }
}

const QUEUES: &str = "  Queue: {Type: AWS::SQS::Queue}\n  Second: {Type: AWS::SQS::Queue, DependsOn: Queue}\n";

/// Log lines of an operation.
fn listening() -> (Reporter, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let reporter = Reporter::new(move |note| {
        if let Note::Log(line) = note {
            sink.lock().unwrap().push(line);
        }
    });
    (reporter, lines)
}

fn silent() -> Reporter {
    Reporter::silent()
}

#[test]
fn a_stack_comes_up_and_the_second_time_nothing_changes() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        let spec = spec("net", "");
        // given a stack that was made
        let outputs = stacks::deploy(&aws, &spec, "r1-net-1", &silent()).await.unwrap();
        assert!(outputs["VpcId"].starts_with("vpc-"), "{outputs:?}");
        let events = cloud.events("net").await;
        // when it is made again, by the same attempt and by another
        for token in ["r1-net-1", "r1-net-2"] {
            let (reporter, lines) = listening();
            assert_eq!(stacks::deploy(&aws, &spec, token, &reporter).await.unwrap(), outputs);
            assert_eq!(*lines.lock().unwrap(), ["stack net: no changes"], "{token}");
        }
        // then nothing happened to it, and it is ours and protected
        assert_eq!(cloud.events("net").await, events);
        assert_eq!(cloud.stacks().await, ["net CREATE_COMPLETE"]);
        let status = stacks::status(&aws, "net").await.unwrap().unwrap();
        assert_eq!((status.ours, status.termination_protection, status.run.as_deref()), (true, true, Some("r1")));
    });
}

#[test]
fn an_update_is_shown_before_it_is_made_and_a_dry_run_cannot_make_it() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        let outputs = stacks::deploy(&aws, &spec("net", ""), "r1-net-1", &silent()).await.unwrap();
        let wider = spec("net", QUEUES);
        // a dry run reads what is there and says what would come
        let dry = cloud.session(Access::ReadOnly).await;
        let deployed = stacks::deployed(&dry, "net").await.unwrap();
        let preview = stacks::preview(&wider.template_body, &wider.parameters, deployed.as_ref()).unwrap();
        let shown: Vec<String> = preview.iter().map(|c| format!("{} {} {}", c.action, c.resource_type, c.logical_id)).collect();
        assert_eq!(shown, ["Add AWS::SQS::Queue Queue", "Add AWS::SQS::Queue Second"]);
        let refused = stacks::deploy(&dry, &wider, "r1-net-2", &silent()).await.unwrap_err();
        assert_eq!((refused.kind, refused.what.as_str()), (Kind::Refused, "CreateChangeSet would change something, and this is a dry run"));
        assert_eq!(cloud.resources("net").await, ["Group", "Vpc"]);
        // a live run adds exactly that
        let (reporter, lines) = listening();
        assert_eq!(stacks::deploy(&aws, &wider, "r1-net-2", &reporter).await.unwrap(), outputs);
        assert_eq!(lines.lock().unwrap()[..2], ["Add AWS::SQS::Queue Queue", "Add AWS::SQS::Queue Second"]);
        assert_eq!(cloud.resources("net").await, ["Group", "Queue", "Second", "Vpc"]);
        assert_eq!(cloud.stacks().await, ["net UPDATE_COMPLETE"]);
    });
}

#[test]
fn a_failed_update_names_its_cause_first_and_leaves_what_was_there() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        let outputs = stacks::deploy(&aws, &spec("net", ""), "r1-net-1", &silent()).await.unwrap();
        cloud.fail("Second");
        let error = stacks::deploy(&aws, &spec("net", QUEUES), "r1-net-2", &silent()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Failed);
        assert_eq!(error.what, "stack net ended as UPDATE_ROLLBACK_COMPLETE");
        assert!(
            error.causes[0].starts_with("AWS::SQS::Queue Second: ") && error.causes[0].contains("injected failure for Second"),
            "{error}"
        );
        assert!(error.hint.contains("run the same command"), "{error}");
        assert_eq!(stacks::status(&aws, "net").await.unwrap().unwrap().outputs, outputs);
        // once the cause is gone the next attempt goes through
        cloud.fail("");
        assert_eq!(stacks::deploy(&aws, &spec("net", QUEUES), "r1-net-3", &silent()).await.unwrap(), outputs);
        assert_eq!(cloud.stacks().await, ["net UPDATE_COMPLETE"]);
    });
}

#[test]
fn a_creation_that_was_rolled_back_is_removed_and_made_again() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        cloud.fail("Queue");
        let error = stacks::deploy(&aws, &spec("new", QUEUES), "r1-new-1", &silent()).await.unwrap_err();
        assert!(error.causes[0].starts_with("AWS::SQS::Queue Queue: "), "{error}");
        let wreck = stacks::status(&aws, "new").await.unwrap().unwrap();
        assert_eq!(wreck.status, "ROLLBACK_COMPLETE");
        cloud.fail("");
        let outputs = stacks::deploy(&aws, &spec("new", QUEUES), "r1-new-2", &silent()).await.unwrap();
        assert!(outputs["VpcId"].starts_with("vpc-"));
        assert_ne!(stacks::status(&aws, "new").await.unwrap().unwrap().arn, wreck.arn);
        assert_eq!(cloud.stacks().await, ["new CREATE_COMPLETE"]);
    });
}

#[test]
fn killed_between_plan_and_execute_it_goes_on_with_the_same_change_set() {
    let cloud = Cloud::start();
    block(async {
        // given a process that made its change set and was gone, for a new stack and for a change of one
        for (resources, token, changes, creates) in [("", "r1-net-1", 2, true), (QUEUES, "r1-net-2", 2, false)] {
            let spec = spec("net", resources);
            let first = stacks::plan(&cloud.aws().await, &spec, token).await.unwrap();
            assert_eq!((first.changes.len(), first.creates, first.empty), (changes, creates, false));
            // when another takes over
            let aws = cloud.aws().await;
            let second = stacks::plan(&aws, &spec, token).await.unwrap();
            // then it finds that change set and carries it out
            assert_eq!((second.change_set_arn, second.stack_arn.clone()), (first.change_set_arn, first.stack_arn));
            stacks::deploy(&aws, &spec, token, &silent()).await.unwrap();
            let sets = cloud.stranger().list_change_sets().stack_name("net").send().await.unwrap();
            assert!(sets.summaries().iter().all(|set| set.execution_status().unwrap().as_str() != "AVAILABLE"), "{sets:?}");
        }
        assert_eq!(cloud.stacks().await, ["net UPDATE_COMPLETE"]);
        assert_eq!(cloud.resources("net").await, ["Group", "Queue", "Second", "Vpc"]);
    });
}

#[test]
fn cut_short_anywhere_making_and_deleting_come_to_the_same_end() {
    let cloud = Cloud::start();
    block(async {
        let mut cuts = 0;
        for ms in [5, 20, 45, 80, 120, 180, 250, 330, 420] {
            let spec = spec(&format!("cut-{ms}"), QUEUES);
            let after = Duration::from_millis(ms);
            cuts += u32::from(tokio::time::timeout(after, stacks::deploy(&cloud.aws().await, &spec, "r1-cut-1", &silent())).await.is_err());
            let aws = cloud.aws().await;
            let outputs = tokio::time::timeout(PATIENCE, stacks::deploy(&aws, &spec, "r1-cut-1", &silent())).await.unwrap();
            assert!(outputs.unwrap()["VpcId"].starts_with("vpc-"), "{ms} ms");
            assert_eq!(cloud.stacks().await, [format!("cut-{ms} CREATE_COMPLETE")]);
            assert_eq!(cloud.resources(&spec.name).await, ["Group", "Queue", "Second", "Vpc"], "{ms} ms");
            cuts += u32::from(
                tokio::time::timeout(after, stacks::delete(&cloud.aws().await, &spec.name, "r1-cut-2", &silent())).await.is_err(),
            );
            tokio::time::timeout(PATIENCE, stacks::delete(&aws, &spec.name, "r1-cut-2", &silent())).await.unwrap().unwrap();
            assert_eq!(cloud.stacks().await, Vec::<String>::new(), "{ms} ms");
        }
        assert!(cuts >= 6, "only {cuts} of 18 were cut short");
    });
}

#[test]
fn a_stack_that_is_not_ours_is_neither_changed_nor_deleted() {
    let cloud = Cloud::start();
    block(async {
        let theirs = "Resources: {Queue: {Type: AWS::SQS::Queue}}";
        cloud.stranger().create_stack().stack_name("shop").template_body(theirs).send().await.unwrap();
        let aws = cloud.aws().await;
        let until = tokio::time::Instant::now() + PATIENCE;
        while cloud.stacks().await != ["shop CREATE_COMPLETE"] {
            assert!(tokio::time::Instant::now() < until);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let deploy = stacks::deploy(&aws, &spec("shop", ""), "r1-shop-1", &silent()).await.unwrap_err();
        let delete = stacks::delete(&aws, "shop", "r1-shop-2", &silent()).await.unwrap_err();
        for error in [deploy, delete] {
            assert_eq!((error.kind, error.what.as_str()), (Kind::Conflict, "stack shop exists and was not made by migrate-wizard"));
            assert!(error.hint.contains("choose another name"), "{error}");
        }
        assert_eq!(cloud.stacks().await, ["shop CREATE_COMPLETE"]);
        assert_eq!(cloud.resources("shop").await, ["Queue"]);
    });
}

#[test]
fn another_account_than_the_runs_is_refused_before_anything_is_made() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        aws.pin("999999999999");
        let error = aws.check_pin().await.unwrap_err();
        assert_eq!(
            (error.kind, error.what.as_str()),
            (Kind::Refused, "the credentials belong to account 123456789012, but this run belongs to account 999999999999")
        );
        assert_eq!(stacks::deploy(&aws, &spec("net", ""), "r1-net-1", &silent()).await.unwrap_err().kind, Kind::Refused);
        assert_eq!(cloud.stacks().await, Vec::<String>::new());
        // the right one goes through
        aws.pin("123456789012");
        aws.check_pin().await.unwrap();
        stacks::deploy(&aws, &spec("net", ""), "r1-net-1", &silent()).await.unwrap();
        assert_eq!(cloud.stacks().await, ["net CREATE_COMPLETE"]);
    });
}

#[test]
fn deleting_twice_equals_once_and_what_stays_is_named() {
    let cloud = Cloud::start();
    assert!(cloud.emulator.http("GET", "/no-such-bucket").is_none());
    block(async {
        let aws = cloud.aws().await;
        stacks::deploy(&aws, &spec("store", "  Keep: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}\n"), "r1-store-1", &silent())
            .await
            .unwrap();
        let arn = stacks::status(&aws, "store").await.unwrap().unwrap().arn;
        // the first time what the template retains is named
        let first = stacks::delete(&aws, "store", "r1-store-2", &silent()).await.unwrap();
        assert!(!first.absent);
        let kept: Vec<(&str, &str)> = first.retained.iter().map(|r| (r.logical_id.as_str(), r.resource_type.as_str())).collect();
        assert_eq!(kept, [("Keep", "AWS::S3::Bucket")]);
        assert!(cloud.emulator.http("GET", &format!("/{}", first.retained[0].physical_id)).is_some(), "the bucket is there");
        // the second time there is nothing to do, and by ARN it is still known what stayed
        let second = stacks::delete(&aws, "store", "r1-store-2", &silent()).await.unwrap();
        assert!(second.absent && second.retained.is_empty());
        let again = stacks::delete(&aws, &arn, "r1-store-2", &silent()).await.unwrap();
        assert!(again.absent);
        assert_eq!(again.retained, first.retained);
        assert_eq!(cloud.stacks().await, Vec::<String>::new());
    });
}

#[test]
fn a_template_that_cloudformation_refuses_leaves_nothing_behind() {
    let cloud = Cloud::start();
    block(async {
        let aws = cloud.aws().await;
        let mut without_its_parameter = spec("bad", "");
        without_its_parameter.parameters.clear();
        let error = stacks::deploy(&aws, &without_its_parameter, "r1-bad-1", &silent()).await.unwrap_err();
        assert!(error.causes.iter().any(|cause| cause.contains("Cidr")), "{error}");
        assert!(!error.hint.is_empty());
        assert_eq!(cloud.stacks().await, Vec::<String>::new());
        let mut large = spec("bad", "");
        large.template_body.push_str(&"#".repeat(51_200));
        let error = stacks::deploy(&aws, &large, "r1-bad-2", &silent()).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_str()), (Kind::Input, "split the template into two stacks"));
    });
}
