//! The templates: each line of the four systems is to be seen in them, every combination of decisions passes the validators,
//! and none holds a secret, an open policy or unprotected data.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use migrate_wizard::cloud::tags;
use migrate_wizard::library;
use migrate_wizard::wizard::playbook::Action;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::playbooks::Journey;
use crate::support::iam::{Actions, Of, findings};
use crate::support::pairwise::{self, Dimension, Row};
use crate::support::systems::{self, Built};

// ── every line of the systems ──

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    line: Vec<Line>,
}

/// A line of a system and where it is to be seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    profile: String,
    /// Answers other than the profile's: what the line calls optional.
    #[serde(default)]
    with: BTreeMap<String, String>,
    words: String,
    #[serde(rename = "type")]
    kind: String,
    /// What such a resource must have; see `systems::holds`.
    #[serde(default = "anything")]
    has: toml::Value,
    /// Exactly so many of them; at least one where it is left out.
    count: Option<usize>,
    deletion: Option<String>,
}

fn anything() -> toml::Value {
    toml::Value::Table(toml::Table::new())
}

impl Line {
    fn complaint(&self, all: &[Built]) -> Option<String> {
        // what is there for the move only is no part of the system
        let of_the_system = all.iter().filter(|built| !built.stack.step.starts_with("worker_"));
        let same = of_the_system.flat_map(|built| built.rendered.of_kind(&self.kind));
        let matching = same
            .filter(|r| systems::holds(&r.properties, &self.has))
            .filter(|r| self.deletion.is_none() || r.deletion_policy == self.deletion)
            .count();
        let good = self.count.map_or(matching > 0, |count| matching == count);
        let wanted = self.count.map_or("at least one".to_owned(), |count| count.to_string());
        (!good).then(|| {
            format!("{} {:?}: {:?}: {matching} of {} with {}, wanted {wanted}", self.profile, self.with, self.words, self.kind, self.has)
        })
    }
}

fn lines() -> Vec<Line> {
    let mut lines = toml::from_str::<Lines>(include_str!("support/systems.toml")).unwrap().line;
    lines.sort_by(|a, b| (&a.profile, &a.with).cmp(&(&b.profile, &b.with)));
    lines
}

#[test]
fn every_line_of_the_four_systems_is_in_what_their_profiles_make() {
    let journey = Journey::ours();
    let mut wrong = Vec::new();
    let all = lines();
    let profiles: BTreeSet<&str> = all.iter().map(|line| line.profile.as_str()).collect();
    assert_eq!(profiles, ["alva", "dougust", "grievance-portal", "shadowtwin", "shadowtwin-ec2"].into());
    for group in all.chunk_by(|a, b| (&a.profile, &a.with) == (&b.profile, &b.with)) {
        let mut answers = journey.profile(&group[0].profile);
        answers.extend(group[0].with.clone());
        let built = systems::build(&journey, &answers);
        wrong.extend(group.iter().filter_map(|line| line.complaint(&built)));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn a_line_that_is_not_there_is_missed() {
    let journey = Journey::ours();
    let other = systems::build(&journey, &journey.profile("alva"));
    // what says something of one system is not said of every other
    let missed = lines().iter().filter(|line| line.profile == "grievance-portal" && line.complaint(&other).is_some()).count();
    assert!(missed > 10, "only {missed} lines of another system are missed");
    let actual = json!({ "A": { "B": ["x", { "C": 1 }] }, "T": "one two" });
    for (pattern, good) in [
        ("A.B = [{ C = 1 }]", true),
        ("A.B = [{ C = 2 }]", false),
        ("A.B = ['x']", true),
        ("T = '~two'", true),
        ("T = 'two'", false),
        ("D = 1", false),
    ] {
        assert_eq!(systems::holds(&actual, &toml::Value::Table(toml::from_str(pattern).unwrap())), good, "{pattern}");
    }
}

// ── every combination of decisions ──

/// Questions with choices, as they stand in `decide.toml`, and how many services there are.
fn dimensions(journey: &Journey) -> Vec<Dimension> {
    let decide = journey.books.forward.iter().find(|book| book.phase == "decide").unwrap();
    let mut all = vec![Dimension {
        id: "services".into(),
        choices: vec!["app:3000".into(), "web:3000,api:3001,auth:3002,admin:3003".into()],
        when: BTreeMap::new(),
    }];
    for step in &decide.steps {
        let Action::Ask(ask) = &step.action else { continue };
        if ask.options.is_empty() {
            continue;
        }
        // what a source has is no decision; the journey's has all of it
        let when = step.when.iter().filter(|(id, _)| !id.contains('.')).map(|(id, values)| (id.clone(), values.clone())).collect();
        all.push(Dimension { id: step.id.clone(), choices: ask.options.iter().map(|option| option.id.clone()).collect(), when });
    }
    all
}

/// A row with what a person would write where the question is no choice.
fn answers(row: &Row) -> BTreeMap<String, String> {
    let mut answers = row.clone();
    let words = [
        ("app_name", "shop"),
        ("region", "us-east-1"),
        ("domain_name", "shop.example.com"),
        ("dns_role_arn", "arn:aws:iam::210987654321:role/dns"),
        ("admin_cidrs", "203.0.113.7/32,198.51.100.0/24"),
        ("alarm_email", "ops@example.com"),
    ];
    answers.extend(words.map(|(id, value)| (id.to_owned(), value.to_owned())));
    answers
}

struct Combination {
    row: Row,
    built: Vec<Built>,
}

/// Made once for all tests of this file.
fn combinations() -> &'static [Combination] {
    static ALL: OnceLock<Vec<Combination>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rows = pairwise::rows(&dimensions(&Journey::ours()));
        // for two processors
        let half = rows.len() / 2;
        let build = |rows: &[Row]| {
            let journey = Journey::ours();
            let built = |row: &Row| Combination { built: systems::build(&journey, &answers(row)), row: row.clone() };
            rows.iter().map(built).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let second = scope.spawn(|| build(&rows[half..]));
            let mut all = build(&rows[..half]);
            all.extend(second.join().unwrap());
            all
        })
    })
}

/// All stacks of all combinations.
fn stacks() -> impl Iterator<Item = (&'static Row, &'static Built)> {
    combinations().iter().flat_map(|combination| combination.built.iter().map(move |built| (&combination.row, built)))
}

#[test]
fn the_combinations_have_every_pair_of_choices() {
    let journey = Journey::ours();
    let dimensions = dimensions(&journey);
    let rows = pairwise::rows(&dimensions);
    let covered: BTreeSet<_> = rows.iter().flat_map(|row| pairwise::of_row(row, &dimensions)).collect();
    // counted from the questions alone, not by the walk that made the rows
    let mut possible = 0;
    for (i, one) in dimensions.iter().enumerate() {
        for other in &dimensions[i + 1..] {
            let seen = covered.iter().filter(|[a, b]| a.0 == one.id && b.0 == other.id).count();
            let excluded =
                one.when.iter().any(|(id, mine)| other.when.get(id).is_some_and(|theirs| mine.iter().all(|v| !theirs.contains(v))));
            let parent = other.when.get(&one.id).map_or(one.choices.len(), Vec::len);
            let wanted = if excluded { 0 } else { parent * other.choices.len() };
            assert_eq!(seen, wanted, "{} and {}", one.id, other.id);
            possible += wanted;
        }
    }
    assert_eq!(covered.len(), possible);
    assert!(rows.len() >= 40, "only {} combinations", rows.len());
    // each row answers what is asked, and nothing else
    for row in &rows {
        for dimension in &dimensions {
            let asked = dimension.when.iter().all(|(id, values)| row.get(id).is_some_and(|value| values.contains(value)));
            assert_eq!(row.contains_key(&dimension.id), asked, "{}: {row:?}", dimension.id);
        }
    }
    println!(
        "{} combinations, {} pairs, {} stacks, {} templates that differ",
        rows.len(),
        covered.len(),
        stacks().count(),
        std::fs::read_dir(folder()).unwrap().count()
    );
}

// ── the validators, once over all templates ──

fn tool(venv: &str, name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(venv).join("bin").join(name);
    assert!(path.is_file(), "{name} is not installed: run `make validators`");
    path
}

/// A folder with the templates as they are (`layer.yaml`) and as every combination renders them (`layer-digest.json`);
/// it stays for whoever wants to look.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for layer in library::stacks() {
            std::fs::write(folder.join(format!("{layer}.yaml")), library::stack(layer).unwrap()).unwrap();
        }
        for (name, text) in systems::distinct(stacks().map(|(_, built)| built)) {
            std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
        }
        folder
    })
}

fn said(output: &Output) -> String {
    format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_template_and_everything_rendered_passes_cfn_lint() {
    let there = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/stacks")).unwrap().count();
    assert_eq!(library::stacks().len(), there, "the embedded templates are the folder");
    let cfn_lint = tool("validators", "cfn-lint");
    let version = Command::new(&cfn_lint).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&version.stdout).trim(), "cfn-lint 1.58.0", "{}", said(&version));
    // W3691 knows full versions only: RDS takes a major version alone and chooses the newest minor one
    let lint = |files: &[PathBuf]| {
        Command::new(&cfn_lint)
            .args(["--non-zero-exit-code", "informational", "--regions", "us-east-1", "--ignore-checks", "W3691", "--"])
            .args(files)
            .output()
            .unwrap()
    };
    let files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    // in two processes, for two processors
    let (one, two) = files.split_at(files.len() / 2);
    let found = std::thread::scope(|scope| {
        let other = scope.spawn(|| lint(two));
        [lint(one), other.join().unwrap()]
    });
    for done in found {
        assert!(done.status.success(), "{}", said(&done));
    }
    // and it would say so: a resource that does not exist
    let bad = tempfile::tempdir().unwrap();
    let path = bad.path().join("bad.yaml");
    std::fs::write(&path, "Resources:\n  Bucket:\n    Type: AWS::S3::Bukket\n").unwrap();
    assert!(!lint(&[path]).status.success());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    check: Vec<Check>,
}

/// A check of checkov that may fail, where, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    id: String,
    /// Layers and logical ids: `network.AlbSecurityGroup`; a layer alone stands for all of it, `*` for every layer.
    at: Vec<String>,
    why: String,
}

#[test]
fn every_template_and_everything_rendered_passes_checkov() {
    let accepted = toml::from_str::<Accepted>(include_str!("support/checkov.toml")).unwrap().check;
    let done = Command::new(tool("checkov", "checkov"))
        .args(["--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json", "--directory"])
        .arg(folder())
        .env("LOG_LEVEL", "ERROR")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&done)));
    assert_eq!(report["summary"]["checkov_version"], "3.3.30");
    assert_eq!(report["summary"]["parsing_errors"], 0);
    let mut used = BTreeSet::new();
    let mut wrong = BTreeSet::new();
    for failed in report["results"]["failed_checks"].as_array().unwrap() {
        let file = failed["file_path"].as_str().unwrap().trim_start_matches('/');
        let stem = file.split('.').next().unwrap();
        let layer = if file.ends_with(".json") { stem.rsplit_once('-').unwrap().0 } else { stem };
        let logical = failed["resource"].as_str().unwrap().rsplit('.').next().unwrap();
        let (id, place) = (failed["check_id"].as_str().unwrap(), format!("{layer}.{logical}"));
        let taken = accepted
            .iter()
            .flat_map(|check| check.at.iter().map(move |at| (check, at)))
            .find(|(check, at)| check.id == id && [layer, &place, "*"].contains(&at.as_str()));
        match taken {
            Some((check, at)) => {
                used.insert((check.id.clone(), at.clone()));
            }
            None => {
                wrong.insert(format!("{id} {place} ({file}): {}", failed["check_name"].as_str().unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    // an exception that nothing needs any more must go
    let idle: Vec<_> = accepted
        .iter()
        .flat_map(|check| check.at.iter().map(move |at| (check.id.clone(), at.clone())))
        .filter(|entry| !used.contains(entry))
        .collect();
    assert!(idle.is_empty(), "accepted, but not found: {idle:?}");
    assert!(accepted.iter().all(|check| check.why.len() > 20), "each exception says why");
    assert!(report["summary"]["passed"].as_u64().unwrap() > 1000, "{}", report["summary"]);
}

// ── policies ──

fn policies(properties: &Value, kind: &str) -> Vec<(Of, Value)> {
    let mut found = Vec::new();
    let mut put = |of, value: &Value| {
        if value.is_object() {
            found.push((of, value.clone()));
        }
    };
    put(Of::Trust, &properties["AssumeRolePolicyDocument"]);
    let resource = kind != "AWS::IAM::Policy" && kind != "AWS::IAM::ManagedPolicy";
    put(if resource { Of::Resource } else { Of::Role }, &properties["PolicyDocument"]);
    put(Of::Resource, &properties["KeyPolicy"]);
    for policy in properties["Policies"].as_array().into_iter().flatten() {
        put(Of::Role, &policy["PolicyDocument"]);
    }
    found
}

#[test]
fn no_policy_allows_more_than_it_must() {
    let actions = Actions::known();
    let mut looked = 0;
    let mut wrong = BTreeSet::new();
    for (_, built) in stacks() {
        for resource in &built.rendered.resources {
            for (of, document) in policies(&resource.properties, &resource.kind) {
                looked += 1;
                let place = format!("{}.{}", built.stack.layer, resource.logical_id);
                wrong.extend(findings(&document, of, &actions).into_iter().map(|finding| format!("{place}: {finding}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(looked > 500, "only {looked} policies");
}

#[test]
fn a_policy_that_allows_too_much_is_seen() {
    let actions = Actions::known();
    let one = |statement: Value, of| findings(&json!({ "Statement": [statement] }), of, &actions).join("; ");
    let allow = |action: &str, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    for (statement, of, expected) in [
        (allow("*", "*"), Of::Role, "wildcard"),
        (allow("s3:Get*", "arn:aws:s3:::b/*"), Of::Role, "wildcard"),
        (allow("s3:GetObject", "*"), Of::Role, "on every resource"),
        (allow("s3:GetObjekt", "arn:aws:s3:::b/*"), Of::Role, "no such action"),
        (allow("iam:PassRole", "arn:aws:iam::123456789012:role/a"), Of::Role, "another role"),
        (allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"), Of::Role, "every secret"),
        (json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }), Of::Role, "NotAction"),
        (json!({ "Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b" }), Of::Role, "NotResource"),
        (
            json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*" }),
            Of::Resource,
            "everybody",
        ),
        (
            json!({ "Effect": "Allow", "Principal": { "Service": "backup.amazonaws.com" }, "Action": "sts:AssumeRole" }),
            Of::Trust,
            "another account",
        ),
        (
            json!({ "Effect": "Allow", "Principal": { "Federated": "x" }, "Action": "sts:AssumeRoleWithWebIdentity" }),
            Of::Trust,
            "audience and subject",
        ),
    ] {
        let said = one(statement.clone(), of);
        assert!(said.contains(expected), "expected {expected:?} of {statement}, got {said:?}");
    }
    assert_eq!(one(allow("ecr:GetAuthorizationToken", "*"), Of::Role), "", "AWS knows no narrower one");
    assert_eq!(one(allow("dsql:DbConnect", "arn:aws:dsql:us-east-1:123456789012:cluster/a"), Of::Role), "");
}

// ── properties of all ──

/// What holds data that cannot be made again, with where its own protection from deletion stands.
const STORES: [(&str, Option<&str>); 9] = [
    ("AWS::RDS::DBInstance", Some("DeletionProtection")),
    ("AWS::RDS::DBCluster", Some("DeletionProtection")),
    ("AWS::DSQL::Cluster", Some("DeletionProtectionEnabled")),
    ("AWS::Cognito::UserPool", Some("DeletionProtection")),
    ("AWS::ElastiCache::ReplicationGroup", None),
    ("AWS::S3::Bucket", None),
    ("AWS::Backup::BackupVault", None),
    ("AWS::KMS::Key", None),
    ("AWS::Route53::HostedZone", None),
];

#[test]
fn what_holds_data_outlives_its_stack() {
    let mut seen = BTreeSet::new();
    for (row, built) in stacks() {
        for resource in &built.rendered.resources {
            let Some((kind, protection)) = STORES.iter().find(|(kind, _)| *kind == resource.kind) else { continue };
            // a replica, or an instance of a cluster: the data is elsewhere
            let copy = ["SourceDBInstanceIdentifier", "DBClusterIdentifier"].iter().any(|key| resource.properties.get(key).is_some())
                && *kind == "AWS::RDS::DBInstance";
            if copy {
                continue;
            }
            seen.insert(*kind);
            let place = format!("{}.{} with {row:?}", built.stack.layer, resource.logical_id);
            let kept = |policy: &Option<String>| policy.as_deref().is_some_and(|policy| policy != "Delete");
            assert!(kept(&resource.deletion_policy) && kept(&resource.update_replace_policy), "{place}");
            if let Some(key) = protection {
                let wanted = row["environment"] != "development";
                let found = resource.properties[*key].as_str().map_or_else(|| resource.properties[*key].to_string(), str::to_owned);
                assert_eq!(["true", "ACTIVE"].contains(&found.as_str()), wanted, "{place}: {key} is {found}");
                assert!(built.stack.spec.termination_protection, "{place}: the stack is not protected");
            }
        }
    }
    assert_eq!(seen.len(), STORES.len(), "only {seen:?}");
}

#[test]
fn no_parameter_and_no_variable_is_a_secret() {
    let secret = regex::Regex::new("(?i)(password|passwd|secret|token|api_?key|private_?key|credential)").unwrap();
    // names that only say where a secret is, or how long something of that name lives
    let place = regex::Regex::new("^Secret[A-Z]|(Arn|Arns|SecretArn|Secret|Secrets|ReadsSecrets)$").unwrap();
    let mut looked = 0;
    for (_, built) in stacks() {
        for (name, value) in &built.parameters {
            // the first part of names of secrets
            if secret.is_match(name) && name != "SecretPrefix" {
                let arns = value.split(',').all(|item| item.is_empty() || item.ends_with('=') || item.contains("arn:aws:secretsmanager:"));
                let flag = ["true", "false"].contains(&value.as_str());
                assert!(flag || (place.is_match(name) && arns), "{}: {name} = {value}", built.stack.layer);
            }
        }
        for task in built.rendered.of_kind("AWS::ECS::TaskDefinition") {
            for container in task.properties["ContainerDefinitions"].as_array().unwrap() {
                for variable in container["Environment"].as_array().into_iter().flatten() {
                    looked += 1;
                    let name = variable["Name"].as_str().unwrap();
                    assert!(!secret.is_match(name), "{}: the variable {name} is not kept in Secrets Manager", built.stack.layer);
                    let value = variable["Value"].to_string();
                    assert!(!value.contains("resolve:") && !value.contains("://:"), "{}: {name} = {value}", built.stack.layer);
                }
                for entry in container["Secrets"].as_array().into_iter().flatten() {
                    assert!(entry["ValueFrom"].to_string().contains("secretsmanager"), "{entry}");
                }
            }
        }
    }
    assert!(looked > 200, "only {looked} variables");
}

#[test]
fn everything_is_private_encrypted_and_tagged() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, built) in stacks() {
        let tags = tags::ours(&built.stack.spec.tags);
        for (key, value) in
            [("app", "shop"), ("environment", row["environment"].as_str()), (tags::MANAGED_BY, tags::US), (tags::RUN, "plan")]
        {
            assert_eq!(tags.get(key).map(String::as_str), Some(value), "{}: {key}", built.stack.spec.name);
        }
        for resource in &built.rendered.resources {
            let of = |key: &str| resource.properties[key].as_str().map_or_else(|| resource.properties[key].to_string(), str::to_owned);
            // what a property must be; tags of a stack do not reach what its resources make by themselves
            let wanted: &[(&str, &str)] = match resource.kind.as_str() {
                "AWS::RDS::DBInstance" if resource.properties.get("Engine").is_some_and(|e| e == "postgres") => &[
                    ("StorageEncrypted", "true"),
                    ("PubliclyAccessible", "false"),
                    ("CopyTagsToSnapshot", "true"),
                    ("ManageMasterUserPassword", "true"),
                ],
                "AWS::RDS::DBInstance" => &[("PubliclyAccessible", "false")],
                "AWS::RDS::DBCluster" => {
                    &[("StorageEncrypted", "true"), ("CopyTagsToSnapshot", "true"), ("ManageMasterUserPassword", "true")]
                }
                "AWS::ElastiCache::ReplicationGroup" => &[("AtRestEncryptionEnabled", "true"), ("TransitEncryptionEnabled", "true")],
                "AWS::ECS::Service" => &[("PropagateTags", "SERVICE"), ("EnableECSManagedTags", "true")],
                "AWS::EC2::Instance" => &[("PropagateTagsToVolumeOnCreation", "true"), ("EbsOptimized", "true")],
                "AWS::KMS::Key" => &[("EnableKeyRotation", "true")],
                _ => &[],
            };
            for (key, value) in wanted {
                *seen.entry(key).or_default() += 1;
                assert_eq!(of(key), *value, "{}.{}: {key}", built.stack.layer, resource.logical_id);
            }
            if resource.kind == "AWS::Logs::LogGroup" {
                *seen.entry("RetentionInDays").or_default() += 1;
                assert!(resource.properties.get("RetentionInDays").is_some(), "{}.{}", built.stack.layer, resource.logical_id);
            }
            if resource.kind == "AWS::S3::Bucket" {
                let block = &resource.properties["PublicAccessBlockConfiguration"];
                assert!(block.as_object().is_some_and(|all| all.len() == 4 && all.values().all(|v| v == true)), "{block}");
            }
            if resource.kind == "AWS::EC2::Instance" {
                assert_eq!(resource.properties["MetadataOptions"]["HttpTokens"], "required");
                assert_eq!(resource.properties["BlockDeviceMappings"][0]["Ebs"]["Encrypted"], true);
            }
        }
    }
    assert_eq!(seen.len(), 12, "{seen:?}");
}

/// Is the whole text what the pattern says?
fn is_whole(pattern: &str, text: &str) -> bool {
    regex::Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(text)
}

#[test]
fn every_parameter_is_one_that_cloudformation_takes() {
    let mut looked = 0;
    for (row, built) in stacks() {
        let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&built.stack.spec.template_body).unwrap();
        for (name, value) in &built.parameters {
            let declared = &template["Parameters"][name.as_str()];
            let place = format!("{}: {name} = {value} with {row:?}", built.stack.layer);
            let list = declared["Type"].as_str().is_some_and(|kind| kind.starts_with("List<") || kind == "CommaDelimitedList");
            let items: Vec<&str> = if list { value.split(',').collect() } else { vec![value] };
            for item in items {
                looked += 1;
                if let Some(pattern) = declared["AllowedPattern"].as_str() {
                    assert!(is_whole(pattern, item), "{place}: {pattern}");
                }
                if let Some(values) = declared["AllowedValues"].as_sequence() {
                    let texts: Vec<String> = values
                        .iter()
                        .map(|v| v.as_str().map_or_else(|| serde_yaml_ng::to_string(v).unwrap().trim().to_owned(), str::to_owned))
                        .collect();
                    assert!(texts.iter().any(|text| text == item), "{place}: one of {texts:?}");
                }
                if declared["Type"] == "Number" {
                    let number: f64 = item.parse().unwrap_or_else(|_| panic!("{place}: no number"));
                    assert!(declared["MinValue"].as_f64().is_none_or(|least| number >= least), "{place}: too small");
                    assert!(declared["MaxValue"].as_f64().is_none_or(|most| number <= most), "{place}: too large");
                }
            }
        }
    }
    assert!(looked > 5000, "only {looked} values");
}

#[test]
fn every_template_says_what_it_is_and_fits() {
    for layer in library::stacks() {
        let body = library::stack(layer).unwrap();
        assert!(body.len() < 51_200, "{layer}: {} bytes", body.len());
        let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(body).unwrap();
        for section in ["Parameters", "Outputs"] {
            for (name, entry) in template[section].as_mapping().unwrap_or_else(|| panic!("{layer} has {section}")) {
                assert!(
                    entry["Description"].as_str().is_some_and(|text| text.len() > 5),
                    "{layer}: {section}: {name:?} has no description"
                );
            }
        }
        assert!(template["Description"].as_str().is_some(), "{layer}");
    }
}

// ── what counts as well ──

/// A server that answers everything with one status, and its port.
fn answering(status: u16) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let elsewhere = if status == 302 { "Location: https://shop.invalid/login\r\n" } else { "" };
            let _ = write!(stream, "HTTP/1.1 {status} x\r\n{elsewhere}Content-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    port
}

/// The lines of a template from the one that holds `first` to the one that holds `last`, as `!Sub` would fill them.
fn shell_of(template: &str, first: &str, last: &str, values: &[(&str, &str)]) -> String {
    let text = std::fs::read_to_string(Path::new("assets/stacks").join(template)).unwrap();
    let lines = text.lines().skip_while(|line| !line.contains(first));
    let mut out = String::new();
    for line in lines {
        out.push_str(line.trim());
        out.push('\n');
        if line.contains(last) {
            break;
        }
    }
    values.iter().fold(out, |out, (name, value)| out.replace(&format!("${{{name}}}"), value))
}

#[test]
fn the_container_and_the_machine_take_any_answer_only_where_no_health_route_is_known() {
    // where neither node nor python3 is found first, the other is asked
    let without_node = tempfile::tempdir().unwrap();
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    std::os::unix::fs::symlink(String::from_utf8(python.stdout).unwrap().trim(), without_node.path().join("python3")).unwrap();
    let path = std::env::var("PATH").unwrap();
    for (status, is_well, is_well_without_route) in
        [(200, true, true), (302, false, true), (404, false, true), (500, false, false), (503, false, false)]
    {
        let port = answering(status).to_string();
        for (codes, expected) in [("200", is_well), ("200-499", is_well_without_route)] {
            let values = [("ContainerPort", port.as_str()), ("Port", &port), ("HealthPath", "/up"), ("HealthCodes", codes)];
            let container = shell_of("service.yaml", "if command -v node", "fi", &values);
            assert!(container.contains("node -e") && container.contains("python3 -c"), "{container}");
            let machine = shell_of("ec2.yaml", "status=$(curl", "esac", &values);
            let machine = format!("set -euo pipefail\n{machine}exit 1\n");
            let without_node = without_node.path().to_str().unwrap();
            for (who, text, path) in
                [("node", &container, path.as_str()), ("python", &container, without_node), ("machine", &machine, path.as_str())]
            {
                let got = Command::new("/bin/bash").args(["-c", text]).env("PATH", path).output().unwrap();
                assert_eq!(got.status.success(), expected, "{who} {status} {codes}: {}", String::from_utf8_lossy(&got.stderr));
            }
        }
    }
    // nobody listens
    let values = [("Port", "1"), ("HealthPath", "/"), ("HealthCodes", "200-499")];
    let machine = format!("set -euo pipefail\n{}exit 1\n", shell_of("ec2.yaml", "status=$(curl", "esac", &values));
    assert_eq!(Command::new("bash").args(["-c", &machine]).status().unwrap().code(), Some(1));
}
