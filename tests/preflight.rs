//! Before a run: what of AWS would stop it, all told at once, each with its fix; and the rights that a person needs.
//! IAM's simulator and Service Quotas are scripted HTTP stand-ins here, because the emulator has none; everything else is the emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use migrate_wizard::cloud::preflight::policy;
use migrate_wizard::cloud::preflight::rights::{Place, Rights};
use migrate_wizard::cloud::preflight::{self, Check, Domain, Finding, Report, Verdict, Wanted};
use migrate_wizard::cloud::stacks::{StackSpec, System, SystemStack};
use migrate_wizard::cloud::{Access, Aws, Options};
use migrate_wizard::library;
use regex::Regex;
use serde_json::Value;

use crate::support::emulator::Emulator;
use crate::support::scripted::{Answer, Scripted};
use crate::support::wizard::Wizard;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

// --- data ------------------------------------------------------------------------------------------------------------------------

#[test]
fn every_type_in_a_template_has_its_rights() {
    let rights = Rights::bundled().unwrap();
    let kind = Regex::new(r"\bType:\s*(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+)\s*(?:[,}]|$)").unwrap();
    let mut seen = BTreeSet::new();
    for layer in library::stacks() {
        let body = library::stack(layer).unwrap();
        let resources = body.split_once("\nResources:").unwrap().1;
        for found in resources.lines().flat_map(|line| kind.captures_iter(line)) {
            assert!(rights.knows(&found[1]), "{layer}: {} is not in assets/permissions.toml: run `make permissions`", &found[1]);
            seen.insert(found[1].to_owned());
        }
    }
    assert!(seen.len() > 50, "the templates were not read: {seen:?}");
}

/// Crates whose service IAM knows by another name.
const RENAMED: [(&str, &str); 8] = [
    ("applicationautoscaling", "application-autoscaling"),
    ("cloudwatchlogs", "logs"),
    ("cognitoidentityprovider", "cognito-idp"),
    ("costexplorer", "ce"),
    ("elasticloadbalancingv2", "elasticloadbalancing"),
    ("resourcegroupstagging", "tag"),
    ("sesv2", "ses"),
    ("sfn", "states"),
];

/// Operations whose right has another name. Source: Service Authorization Reference (2026-11-28)
const OTHER_RIGHT: [(&str, &str); 11] = [
    ("s3:AbortMultipartUpload", "s3:AbortMultipartUpload"),
    ("s3:CompleteMultipartUpload", "s3:PutObject"),
    ("s3:CopyObject", "s3:PutObject"),
    ("s3:CreateMultipartUpload", "s3:PutObject"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:UploadPart", "s3:PutObject"),
];

/// The clients of a session, by the name that the code calls each, and the service that IAM knows it by.
fn clients() -> BTreeMap<String, String> {
    let session = std::fs::read_to_string(format!("{ROOT}/src/cloud/session.rs")).unwrap();
    let client = Regex::new(r"(?:fn |\n    )([a-z0-9_]+)(?:\(&self\) -> &|: )aws_sdk_([a-z0-9]+)(?:::Client|,)").unwrap();
    let service = |name: &str| RENAMED.iter().find(|(crate_name, _)| *crate_name == name).map_or(name, |(_, service)| service).to_owned();
    let found: BTreeMap<String, String> = client.captures_iter(&session).map(|c| (c[1].to_owned(), service(&c[2]))).collect();
    assert!(found.len() >= 10 && found["quotas"] == "servicequotas", "{found:?}");
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|e| e == "rs") {
            files.push(entry);
        }
    }
    files
}

/// `create_db_snapshot` as the service names the operation.
fn operation(method: &str) -> String {
    let word = |w: &str| match w {
        "db" => "DB".to_owned(),
        "aws" => "AWS".to_owned(),
        "id" => "ID".to_owned(),
        other => other[..1].to_uppercase() + &other[1..],
    };
    method.split('_').map(word).collect()
}

/// File of `src/cloud` → actions of the operations in it.
fn calls_in_the_code() -> BTreeMap<String, BTreeSet<String>> {
    // `aws.ecs().list_tasks()`, or `ecs.list_tasks()` where the client has a name
    let call = Regex::new(r"\b([a-z0-9]+)(?:\(\))?\s*\.\s*([a-z]+_[a-z0-9_]*)\(").unwrap();
    let clients = clients();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let room = PathBuf::from(ROOT).join("src/cloud");
    for path in rust_files(&room).into_iter().filter(|path| !path.ends_with("session.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let file = path.strip_prefix(&room).unwrap().iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        for found in call.captures_iter(code) {
            let Some(service) = clients.get(&found[1]) else { continue };
            let action = format!("{service}:{}", operation(&found[2]));
            let right = OTHER_RIGHT.iter().find(|(operation, _)| *operation == action).map_or(action.as_str(), |(_, right)| right);
            all.entry(file.clone()).or_default().insert(right.to_owned());
        }
    }
    all
}

/// Written with `MIGRATE_WIZARD_WRITE_DOCS=1`.
#[test]
fn every_call_of_our_own_is_in_the_list() {
    let path = format!("{ROOT}/assets/calls.toml");
    let calls = calls_in_the_code();
    assert!(calls["stacks"].contains("cloudformation:CreateChangeSet"), "{calls:?}");
    let old = std::fs::read_to_string(&path).unwrap();
    let extra = old.split_once("[extra]").unwrap().1;
    let mut text = String::from(
        "# The actions of our own calls to AWS, by the file of src/cloud that makes them. Written by the tests with\n# MIGRATE_WIZARD_WRITE_DOCS=1 from the code itself; `make permissions` afterwards finds what each can be narrowed to.\n[calls]\n",
    );
    for (file, actions) in &calls {
        text.push_str(&format!("{file} = [\n"));
        actions.iter().for_each(|action| text.push_str(&format!("  \"{action}\",\n")));
        text.push_str("]\n");
    }
    text.push_str("\n# What is called without an operation of an SDK: by hand, with the reason.\n[extra]");
    text.push_str(extra);
    if std::env::var_os("MIGRATE_WIZARD_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let now = std::fs::read_to_string(&path).unwrap();
    assert_eq!(now, text, "assets/calls.toml is old: run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1, then `make permissions`");
}

// --- the policies ----------------------------------------------------------------------------------------------------------------

fn words() -> Place {
    let [partition, region, account, prefix] = ["aws", "REGION", "ACCOUNT", "APP-ENVIRONMENT"].map(str::to_owned);
    Place { partition, region, account, prefix }
}

/// Written with `MIGRATE_WIZARD_WRITE_DOCS=1`.
#[test]
fn the_policies_are_what_the_data_says() {
    let folder = format!("{ROOT}/assets/policy");
    let documents = policy::of_all_systems(&words()).unwrap();
    let text = |document: &Value| serde_json::to_string_pretty(document).unwrap() + "\n";
    if std::env::var_os("MIGRATE_WIZARD_WRITE_DOCS").is_some() {
        let _gone = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (at, document) in documents.iter().enumerate() {
            std::fs::write(format!("{folder}/{}.json", at + 1), text(document)).unwrap();
        }
    }
    let written = std::fs::read_dir(&folder).map_or(0, Iterator::count);
    assert_eq!(written, documents.len(), "assets/policy is old: run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1");
    for (at, document) in documents.iter().enumerate() {
        let written = std::fs::read_to_string(format!("{folder}/{}.json", at + 1)).unwrap();
        assert_eq!(written, text(document), "{}.json is old: run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1", at + 1);
    }
}

#[test]
fn every_policy_is_of_a_size_that_iam_takes_and_none_gives_everything() {
    let rights = Rights::bundled().unwrap();
    let documents = policy::of_all_systems(&words()).unwrap();
    // a role takes ten managed policies; source: IAM user guide, IAM and STS quotas (2026-11-28)
    assert!((1..=10).contains(&documents.len()), "{} policies", documents.len());
    let mut given = BTreeSet::new();
    for document in &documents {
        assert!(policy::characters(document) <= policy::MOST, "{} characters", policy::characters(document));
        for statement in document["Statement"].as_array().unwrap() {
            for action in statement["Action"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()) {
                assert!(!action.contains('*'), "{action}");
                assert!(given.insert(action.to_owned()), "{action} is given twice");
                // rights over rights are never given beyond our own names
                if action.starts_with("iam:") && !["iam:List", "iam:Get", "iam:Simulate"].iter().any(|p| action.starts_with(p)) {
                    assert_ne!(statement["Resource"], serde_json::json!(["*"]), "{action}");
                }
            }
        }
    }
    let wanted: BTreeSet<String> = rights.all().into_iter().filter(|action| rights.is_listed(action)).map(str::to_owned).collect();
    assert_eq!(given, wanted);
}

#[test]
fn what_has_a_name_beforehand_is_narrowed_to_it() {
    let place = Place { prefix: "shop-test".to_owned(), account: "123456789012".to_owned(), region: "eu-west-1".to_owned(), ..words() };
    let rights = Rights::bundled().unwrap();
    assert_eq!(rights.resources("iam:PassRole", &place), ["arn:aws:iam::123456789012:role/shop-test*"]);
    assert_eq!(rights.resources("iam:CreateServiceLinkedRole", &place), ["arn:aws:iam::123456789012:role/aws-service-role/*"]);
    assert_eq!(rights.resources("ecr:PutImage", &place), ["arn:aws:ecr:eu-west-1:123456789012:repository/shop-test*"]);
    assert_eq!(rights.resources("ec2:CreateVpc", &place), ["*"]);
}

// --- a system and an account -----------------------------------------------------------------------------------------------------

fn stack(name: &str, body: &str) -> SystemStack {
    let spec = StackSpec {
        name: name.to_owned(),
        template_body: body.to_owned(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        termination_protection: false,
    };
    SystemStack { step: name.to_owned(), title: String::new(), layer: name.to_owned(), spec }
}

fn system(stacks: &[(&str, &str)]) -> Wanted {
    let stacks = stacks.iter().map(|(name, body)| stack(name, body)).collect();
    Wanted { prefix: "shop-test".to_owned(), system: System { stacks }, ..Wanted::default() }
}

async fn session(url: &str) -> Aws {
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let options = Options {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(url.to_owned()),
        keys: Some(SharedCredentialsProvider::new(keys)),
        ..Options::new(Access::ReadOnly)
    };
    Aws::connect(options).await.unwrap()
}

fn of(report: &Report, check: Check) -> Vec<&Finding> {
    report.findings.iter().filter(|f| f.check == check).collect()
}

#[track_caller]
fn finding<'a>(report: &'a Report, part: &str) -> &'a Finding {
    report.findings.iter().find(|f| f.what.contains(part)).unwrap_or_else(|| panic!("{part:?} is not in {:#?}", report.findings))
}

const NET: &str = "
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
";
const APP: &str = "
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: shop-test}}
  Images: {Type: AWS::ECR::Repository, Properties: {RepositoryName: shop-test/web}}
  Door: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Name: shop-test}}
";

/// An account that has nothing: IAM's simulator and Service Quotas as told, every other call answered as empty.
fn account(arn: &str) -> Scripted {
    Scripted::new()
        .form("GetCallerIdentity", Answer::xml(&format!("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")))
        .form("DescribeStacks", Answer::xml("<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>").status(400))
        .json("DescribeClusters", Answer::json(r#"{"clusters":[],"failures":[]}"#))
        .json("DescribeRepositories", Answer::json(r#"{"__type":"RepositoryNotFoundException","message":"none"}"#).status(400))
        .json("DescribeSecret", Answer::json(r#"{"__type":"ResourceNotFoundException","message":"none"}"#).status(400))
        .json("GetServiceQuota", Answer::json(r#"{"Quota":{"Value":5.0}}"#))
        .form("SimulatePrincipalPolicy", Answer::simulated(&[]))
}

const USER: &str = "arn:aws:iam::123456789012:user/ada";

#[tokio::test]
async fn an_account_that_has_room_is_told_as_such() {
    let aws = account(USER).start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET), ("shop-test-app", APP)])).await.unwrap();
    assert_eq!(report.of(Verdict::Stops).count(), 0, "{:#?}", report.findings);
    assert_eq!(report.of(Verdict::Warns).count(), 0, "{:#?}", report.findings);
    assert!(report.stopped().is_none());
    assert!(finding(&report, "IAM's simulator allows").what.contains(USER));
    // what cannot be read is never called good
    let vpcs = finding(&report, "VPCs per Region");
    assert_eq!(vpcs.verdict, Verdict::Note);
    assert_eq!(vpcs.what, "VPCs per Region: this system needs 1 more of 5 (this account's limit), in use: not known");
    assert_eq!(vpcs.fix, "see what is in use: aws ec2 describe-vpcs --query 'length(Vpcs)'");
    assert!(
        finding(&report, "1 more fixed names are free is not asked").fix.contains("aws elbv2 describe-load-balancers --names shop-test")
    );
    // the exact actions, the ones that can be narrowed with a name of ours
    let asked = aws.asked("SimulatePrincipalPolicy");
    assert!(asked.iter().any(|body| body.contains("iam%3APassRole") || body.contains("iam%3ACreateRole")), "{asked:#?}");
    let role = asked.iter().find(|body| body.contains("iam%3ACreateRole")).unwrap();
    assert!(role.contains("role%2Fshop-testx"), "{role}");
    assert!(asked.iter().all(|body| body.contains("PolicySourceArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Auser%2Fada")));
}

#[tokio::test]
async fn all_problems_are_told_at_once_each_with_its_fix() {
    let aws = account(USER)
        .json("GetServiceQuota", Answer::json(r#"{"Quota":{"Value":0.0}}"#))
        .json("DescribeClusters", Answer::json(r#"{"clusters":[{"clusterName":"shop-test","status":"ACTIVE"}]}"#))
        .json("DescribeSecret", Answer::json(r#"{"ARN":"arn:x","Name":"shop-test/session","DeletedDate":1763600000.0,"Tags":[]}"#))
        .form("SimulatePrincipalPolicy", Answer::simulated(&[("ec2:CreateVpc", "implicitDeny"), ("iam:CreateRole", "explicitDeny")]))
        .start();
    let wanted = Wanted { secrets: vec!["shop-test/session".to_owned()], ..system(&[("shop-test-network", NET), ("shop-test-app", APP)]) };
    let report = preflight::run(&session(&aws.url()).await, &wanted).await.unwrap();

    let vpcs = finding(&report, "VPCs per Region");
    assert_eq!(vpcs.verdict, Verdict::Stops);
    assert!(
        vpcs.fix.contains("aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 1"),
        "{}",
        vpcs.fix
    );
    let cluster = finding(&report, "AWS::ECS::Cluster shop-test, which shop-test-app makes: one of that name is there");
    assert_eq!(cluster.verdict, Verdict::Stops);
    let secret =
        finding(&report, "the secret shop-test/session is being deleted, keeps its name until then, and was not made by migrate-wizard");
    assert!(secret.fix.contains("--force-delete-without-recovery"));
    // rights are advice
    let denied = finding(&report, "no policy allows what shop-test-network needs to make it: ec2:CreateVpc");
    assert_eq!(denied.verdict, Verdict::Warns);
    assert!(denied.fix.contains("doctor --policy"));
    let explicit = finding(&report, "a policy denies what shop-test-app needs to make it: iam:CreateRole");
    assert!(explicit.fix.contains("find the statement"));
    let error = report.stopped().unwrap();
    assert!(error.what.contains("problems"), "{error}");
    assert!(error.causes.len() >= 3 && !error.hint.is_empty(), "{error}");
}

#[tokio::test]
async fn a_session_of_a_role_is_answered_for_by_the_role_with_its_path() {
    let aws = account("arn:aws:sts::123456789012:assumed-role/Engineer/ada")
        .form("GetRole", Answer::xml("<GetRoleResponse><GetRoleResult><Role><Path>/sso/</Path><RoleName>Engineer</RoleName><RoleId>R</RoleId><Arn>arn:aws:iam::123456789012:role/sso/Engineer</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></GetRoleResponse>"))
        .start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET)])).await.unwrap();
    assert!(finding(&report, "IAM's simulator allows").what.contains("role/sso/Engineer"));
    assert!(aws.asked("SimulatePrincipalPolicy").iter().all(|b| b.contains("role%2Fsso%2FEngineer")));
}

#[tokio::test]
async fn root_and_who_may_not_simulate_get_a_note_and_no_verdict() {
    let aws = account("arn:aws:iam::123456789012:root").start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET)])).await.unwrap();
    assert_eq!(finding(&report, "root user").verdict, Verdict::Note);
    assert!(of(&report, Check::Permission).is_empty());
    assert!(aws.asked("SimulatePrincipalPolicy").is_empty());

    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>";
    let aws = account(USER).form("SimulatePrincipalPolicy", Answer::xml(denied).status(403)).start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET)])).await.unwrap();
    let note = finding(&report, "are not known: AWS does not allow iam:SimulatePrincipalPolicy");
    assert_eq!((note.check, note.verdict), (Check::Permission, Verdict::Note));
    assert!(report.stopped().is_none());
}

#[tokio::test]
async fn a_limit_that_is_not_told_is_aws_default_and_says_so() {
    let aws =
        account(USER).json("GetServiceQuota", Answer::json(r#"{"__type":"AccessDeniedException","Message":"no"}"#).status(400)).start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET)])).await.unwrap();
    let vpcs = finding(&report, "VPCs per Region");
    assert!(
        vpcs.what.contains("needs 1 more of 5 (AWS's default of ") && vpcs.what.contains("servicequotas:GetServiceQuota"),
        "{}",
        vpcs.what
    );
    assert_eq!(vpcs.verdict, Verdict::Note);
}

#[tokio::test]
async fn a_name_that_the_simulator_does_not_know_spoils_only_itself() {
    let aws = account(USER).simulator_that_does_not_know("ec2:DescribeVpcAttribute").start();
    let report = preflight::run(&session(&aws.url()).await, &system(&[("shop-test-network", NET)])).await.unwrap();
    assert_eq!(finding(&report, "does not know ec2:DescribeVpcAttribute").verdict, Verdict::Note);
    assert!(finding(&report, "IAM's simulator allows").verdict == Verdict::Fine);
}

#[tokio::test]
async fn a_region_without_the_service_is_told_by_cloudformation_itself() {
    let dsql = "\nResources:\n  Db: {Type: AWS::DSQL::Cluster}\n";
    let look = async |aws: Scripted| {
        let aws = aws.start();
        let options = Options {
            region: Some("me-central-1".to_owned()),
            endpoint: Some(aws.url()),
            keys: Some(SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))),
            ..Options::new(Access::ReadOnly)
        };
        preflight::run(&Aws::connect(options).await.unwrap(), &system(&[("shop-test-data", dsql)])).await.unwrap()
    };
    // the list says no, and so does CloudFormation
    let unknown =
        "<ErrorResponse><Error><Type>Sender</Type><Code>TypeNotFoundException</Code><Message>no</Message></Error></ErrorResponse>";
    let report = look(account(USER).form("DescribeType", Answer::xml(unknown).status(404))).await;
    let told = finding(&report, "me-central-1 has no AWS::DSQL::Cluster, which shop-test-data makes");
    assert_eq!(told.verdict, Verdict::Stops);
    assert!(told.what.contains("cfn-lint"), "{}", told.what);
    // the list is old
    let there =
        "<DescribeTypeResponse><DescribeTypeResult><TypeName>AWS::DSQL::Cluster</TypeName></DescribeTypeResult></DescribeTypeResponse>";
    let report = look(account(USER).form("DescribeType", Answer::xml(there))).await;
    assert_eq!(finding(&report, "CloudFormation there knows it").verdict, Verdict::Fine);
    // nobody says: not known, and no stop
    let report = look(account(USER)).await;
    assert_eq!(
        finding(&report, "whether me-central-1 has AWS::DSQL::Cluster, which shop-test-data makes, is not known").verdict,
        Verdict::Warns
    );
    assert!(report.stopped().is_none());
}

#[tokio::test]
async fn a_zone_that_answers_already_is_used_and_one_is_made_only_where_none_does() {
    let zones = |name: &str| {
        format!(
            "<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>{name}.</Name><CallerReference>r</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones><Marker></Marker><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"
        )
    };
    let wanted = || Wanted { domain: Domain::Here("www.shop.example".to_owned()), ..system(&[]) };
    for (name, found) in [("shop.example", Some("Z1")), ("www.shop.example", Some("Z1")), ("other.example", None)] {
        let aws = account(USER).path("/2013-04-01/hostedzone", Answer::xml(&zones(name))).start();
        let report = preflight::run(&session(&aws.url()).await, &wanted()).await.unwrap();
        assert_eq!(report.zone.as_ref().map(|zone| zone.id.as_str()), found, "{name}");
    }
}

#[tokio::test]
async fn a_zone_of_another_account_is_read_as_its_role() {
    let zones = |name: &str| {
        format!(
            "<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>{name}.</Name><CallerReference>r</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones><Marker></Marker><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"
        )
    };
    let role = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>R:x</AssumedRoleId><Arn>arn:aws:sts::999999999999:assumed-role/dns/x</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";
    let wanted = || Wanted {
        domain: Domain::Other { name: "shop.example".to_owned(), role_arn: "arn:aws:iam::999999999999:role/dns".to_owned() },
        ..system(&[])
    };
    let aws =
        account(USER).form("AssumeRole", Answer::xml(role)).path("/2013-04-01/hostedzone", Answer::xml(&zones("shop.example"))).start();
    let report = preflight::run(&session(&aws.url()).await, &wanted()).await.unwrap();
    assert_eq!(finding(&report, "can be taken on and lists the zone shop.example (Z1)").verdict, Verdict::Fine);

    let aws =
        account(USER).form("AssumeRole", Answer::xml(role)).path("/2013-04-01/hostedzone", Answer::xml(&zones("other.example"))).start();
    let report = preflight::run(&session(&aws.url()).await, &wanted()).await.unwrap();
    assert_eq!(finding(&report, "has no public hosted zone for shop.example").verdict, Verdict::Stops);

    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>";
    let aws = account(USER).form("AssumeRole", Answer::xml(denied).status(403)).start();
    let report = preflight::run(&session(&aws.url()).await, &wanted()).await.unwrap();
    let told = finding(&report, "the zones of the other account cannot be read as arn:aws:iam::999999999999:role/dns");
    assert!(told.fix.contains("sts:AssumeRole in its trust policy"), "{}", told.fix);
}

// --- the command -----------------------------------------------------------------------------------------------------------------

#[test]
fn the_doctor_looks_at_the_emulator_and_names_what_is_taken() {
    let emulator = Emulator::start(&[]);
    let wizard = Wizard::sample().envs(emulator.env());
    // an account with room: the emulator has neither quotas nor a caller that could be simulated, and that is said
    let args = ["doctor", "--aws", "--profile", "grievance-portal"];
    let done = wizard.run(&args).expect(0);
    for part in [
        "root user",
        "in use: not known",
        "Fargate On-Demand vCPU resource count: this system needs 0.75 more of 6",
        "this account's own limit was not told",
        "0 would stop the run",
    ] {
        assert!(done.out().contains(part), "{part:?} is not in:\n{}", done.out());
    }
    // somebody else's stack of that name, and a zone that is not there
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = aws_sdk_cloudformation::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_cloudformation::config::Region::new("us-east-1"))
            .endpoint_url(emulator.url())
            .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
            .build();
        let foreign = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}";
        let client = aws_sdk_cloudformation::Client::from_conf(config);
        client.create_stack().stack_name("grievance-portal-production-network").template_body(foreign).send().await.unwrap();
    });
    let done = wizard.run(&args).expect(1);
    assert!(done.out().contains("a stack called grievance-portal-production-network is there"), "{}", done.out());
    assert!(done.out().contains("next: choose another app name or environment"), "{}", done.out());
    let json = wizard.run(&[&args[..], &["--json"]].concat()).expect(1);
    let report: Value = serde_json::from_str(&json.out()).unwrap();
    assert_eq!(report["identity"]["account"], "123456789012");
    assert!(report["findings"].as_array().unwrap().iter().any(|f| f["verdict"] == "stops" && f["check"] == "name"));
}

#[test]
fn the_policy_of_a_system_has_what_it_makes_and_nothing_of_what_it_does_not() {
    let wizard = Wizard::sample();
    let actions = |profile: &str| -> BTreeSet<String> {
        let done = wizard.run(&["doctor", "--policy", "--json", "--profile", profile]).expect(0);
        let documents: Vec<Value> = serde_json::from_str(&done.out()).unwrap();
        let statements = documents.iter().flat_map(|d| d["Statement"].as_array().unwrap());
        statements.flat_map(|s| s["Action"].as_array().unwrap()).map(|a| a.as_str().unwrap().to_owned()).collect()
    };
    let (dsql, rds) = (actions("grievance-portal"), actions("alva"));
    for (action, in_dsql, in_rds) in [
        ("dsql:CreateCluster", true, false),
        ("rds:CreateDBInstance", false, true),
        ("elasticache:CreateReplicationGroup", false, true),
        ("cognito-idp:CreateUserPool", true, false),
        ("ec2:CreateVpc", true, true),
        ("iam:PassRole", true, true),
        ("cloudformation:ExecuteChangeSet", true, true),
        ("ecr:PutImage", true, true),
    ] {
        assert_eq!((dsql.contains(action), rds.contains(action)), (in_dsql, in_rds), "{action}");
    }
    let words = wizard.run(&["doctor", "--policy", "--profile", "alva"]).expect(0);
    assert!(words.out().contains("arn:aws:iam::ACCOUNT:role/alva-staging*"), "{}", words.out());
}
