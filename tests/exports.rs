//! Exports: each profile as CloudFormation, CDK and Terraform passes the tools of its own kind; the CDK app is synthesized.
//! No provider of Terraform is here: its files are parsed, and every output that they name is looked up in the templates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use migrate_wizard::cloud::stacks::{Rendered, StackSpec, template_outputs};
use migrate_wizard::effects;
use regex::Regex;
use serde_json::{Value, json};

use super::support::wizard::Wizard;

const PROFILES: [&str; 5] = ["grievance-portal", "dougust", "alva", "shadowtwin", "shadowtwin-ec2"];

/// What only a checkout knows.
const REPOSITORY: &str = "github_repository=acme/shop";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sample app with an export of every profile in `<format>/<profile>`.
fn exported(format: &str) -> (Wizard, Vec<PathBuf>) {
    let wizard = Wizard::sample();
    let folders = PROFILES.map(|profile| {
        let folder = format!("{format}/{profile}");
        let done =
            wizard.run(&["stacks", "export", "--profile", profile, "--set", REPOSITORY, "--format", format, "--out", &folder]).expect(0);
        assert!(done.out().contains("Next: read README.md"), "{}", done.out());
        wizard.path().join(folder)
    });
    (wizard, folders.to_vec())
}

/// Every file below a folder with its text; what npm and a synthesis put there is left out.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else {
                found.insert(entry.strip_prefix(folder).unwrap().display().to_string(), std::fs::read_to_string(&entry).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn passes(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{text}");
    text
}

fn validator(name: &str) -> Command {
    let path = root().join("target/validators/bin").join(name);
    assert!(path.is_file(), "{name} is not installed: run `make validators`");
    Command::new(path)
}

#[test]
fn the_same_answers_give_the_same_bytes_and_what_was_changed_by_hand_stays() {
    let (wizard, folders) = exported("cloudformation");
    let folder = &folders[0];
    let first = texts(folder);
    let again = ["stacks", "export", "--profile", PROFILES[0], "--set", REPOSITORY, "--out", folder.to_str().unwrap()];
    wizard.run(&again).expect(0);
    assert_eq!(texts(folder), first);
    assert!(!first.values().any(|text| text.contains("000000000000")), "no example of an account is left");
    // another format in the same folder: what only the first had goes
    let (first_args, other) = (again, "terraform");
    wizard.run(&[&first_args[..], &["--format", other]].concat()).expect(0);
    assert!(folder.join("main.tf").is_file() && !folder.join("deploy.sh").exists());
    // another system in the same folder is refused
    let theirs = ["stacks", "export", "--profile", PROFILES[1], "--set", REPOSITORY, "--out", folder.to_str().unwrap()];
    let before = texts(folder);
    wizard.run(&theirs).expect(1).says("holds the export of another system").says("--out");
    assert_eq!(texts(folder), before);
    // a file that was changed by hand stops it, and nothing is written
    std::fs::write(folder.join("main.tf"), "# mine\n").unwrap();
    let before = texts(folder);
    wizard.run(&again).expect(1).says("1 file in").says("main.tf").says("--out");
    assert_eq!(texts(folder), before);
}

#[test]
fn the_script_is_one_that_shellcheck_likes() {
    let (_wizard, folders) = exported("cloudformation");
    let scripts: Vec<PathBuf> = folders.iter().map(|folder| folder.join("deploy.sh")).collect();
    passes(validator("shellcheck").args(&scripts));
    for script in &scripts {
        let text = std::fs::read_to_string(script).unwrap();
        let deployed = text.lines().filter(|line| line.starts_with("deploy '")).count();
        assert!(deployed >= 8, "{}: {deployed} stacks", script.display());
    }
}

#[test]
fn terraform_parses_and_names_only_outputs_that_there_are() {
    let (_wizard, folders) = exported("terraform");
    let parse = "import sys, hcl2, pathlib\nfor folder in sys.argv[1:]:\n  for file in sorted(pathlib.Path(folder).glob('*.tf')):\n    hcl2.loads(file.read_text())\n    print(file.name)";
    let parsed = passes(validator("python").args(["-c", parse]).args(&folders));
    assert_eq!(parsed.lines().filter(|line| *line == "main.tf").count(), PROFILES.len());
    let (named, template) = (
        Regex::new(r#"aws_cloudformation_stack\.(\w+)\.outputs\["(\w+)"\]"#).unwrap(),
        Regex::new(r#"(?s)resource "aws_cloudformation_stack" "(\w+)" \{.*?templates/([\w-]+)\.yaml"#).unwrap(),
    );
    let given = Regex::new(r"var\.(\w+)").unwrap();
    for folder in &folders {
        let main = std::fs::read_to_string(folder.join("main.tf")).unwrap();
        let of: BTreeMap<&str, &str> =
            template.captures_iter(&main).map(|c| (c.get(1).unwrap().as_str(), c.get(2).unwrap().as_str())).collect();
        let mut seen = 0;
        for reference in named.captures_iter(&main) {
            let body = std::fs::read_to_string(folder.join(format!("templates/{}.yaml", of[&reference[1]]))).unwrap();
            assert!(template_outputs(&body).unwrap().iter().any(|name| *name == reference[2]), "{}: {}", folder.display(), &reference[0]);
            seen += 1;
        }
        assert!(seen > 10, "{}: {seen} references", folder.display());
        assert!(!main.contains("000000000000") && main.contains("prevent_destroy"));
        // what is given is declared
        let variables = std::fs::read_to_string(folder.join("variables.tf")).unwrap();
        for used in given.captures_iter(&main) {
            assert!(variables.contains(&format!("variable \"{}\"", &used[1])), "{}: {}", folder.display(), &used[0]);
        }
    }
}

/// Logical id → type, deletion policy, properties.
type Resources = BTreeMap<String, (String, Option<String>, BTreeMap<String, Value>)>;

/// The resources of a template with everything put in; properties that name another stack or the account are left out.
fn resources(body: &str, parameters: &BTreeMap<String, String>) -> Resources {
    let foreign = |value: &Value| {
        let text = value.to_string();
        ["Fn::ImportValue", "000000000000", "AWS::AccountId", "<"].iter().any(|mark| text.contains(mark))
    };
    let rendered = Rendered::of(body, parameters).unwrap();
    let own = rendered.resources.into_iter().filter(|resource| resource.kind != "AWS::CDK::Metadata");
    own.map(|resource| {
        let properties = resource.properties.as_object().cloned().unwrap_or_default();
        let kept = properties.into_iter().filter(|(name, value)| name != "Tags" && !foreign(value)).collect();
        (resource.logical_id, (resource.kind, resource.deletion_policy, kept))
    })
    .collect()
}

/// Numbers and flags as text, an attribute in two words: CloudFormation takes either.
fn plain(value: &Value) -> Value {
    let attribute = value.get("Fn::GetAtt").and_then(Value::as_str).and_then(|of| of.split_once('.'));
    if let Some((resource, name)) = attribute {
        return json!({ "Fn::GetAtt": [resource, name] });
    }
    match value {
        Value::Number(number) => Value::from(number.to_string()),
        Value::Bool(flag) => Value::from(flag.to_string()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), plain(v))).collect(),
        Value::Null | Value::String(_) => value.clone(),
    }
}

#[test]
fn the_cdk_app_makes_the_same_resources() {
    let installed = root().join("target/cdk/node_modules");
    assert!(installed.is_dir(), "the CDK is not installed: run `make cdk`");
    let (wizard, folders) = exported("cdk");
    let together = wizard.path().join("cdk");
    for folder in folders.iter().chain([&together]) {
        std::os::unix::fs::symlink(&installed, folder.join("node_modules")).unwrap();
    }
    let node = |folder: &Path| {
        let mut node = Command::new("node");
        node.current_dir(folder).env("CDK_OUTDIR", folder.join("cdk.out"));
        node
    };
    // one by the command that a person types; types are the compiler's, below
    let said = passes(node(&folders[0]).env("TS_NODE_TRANSPILE_ONLY", "true").args(["node_modules/aws-cdk/bin/cdk", "synth", "--quiet"]));
    let warnings = said.lines().filter(|line| line.starts_with("WARNING"));
    let other: Vec<&str> = warnings.filter(|line| !line.contains("fill config.json")).collect();
    assert!(other.is_empty(), "{other:#?}");
    // all in one run of the compiler, as most of its time is the library's own types; what it makes is started for the others
    let tsconfig = format!(r#"{{"extends": "./{}/tsconfig.json", "include": ["*/bin", "*/lib"]}}"#, PROFILES[0]);
    std::fs::write(together.join("tsconfig.json"), tsconfig).unwrap();
    passes(node(&together).args(["node_modules/typescript/bin/tsc", "--noEmit", "false"]));
    for (profile, folder) in PROFILES.iter().zip(&folders) {
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let app = std::fs::read_to_string(folder.join("bin/app.ts")).unwrap();
        assert!(config.contains("000000000000") && !app.contains("000000000000"), "what only an account knows stands in one place");
        if *profile != PROFILES[0] {
            passes(node(folder).arg("bin/app.js"));
        }
        let made: BTreeSet<String> = std::fs::read_dir(folder.join("cdk.out"))
            .unwrap()
            .filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(".template.json")?.to_owned()))
            .collect();
        // the same stacks with the same resources as a dry run resolves them
        wizard.run(&["--dry-run", "--json", "--new", "--profile", profile, "--set", REPOSITORY]).expect(0);
        let journal = wizard.journal();
        let started = journal.iter().map(|entry| &entry["what"]).filter(|what| what["entry"] == "started" && what["kind"] == "stack");
        let stacks: BTreeMap<&str, &Value> = started.map(|what| (what["fields"]["name"].as_str().unwrap(), &what["fields"])).collect();
        assert_eq!(made.iter().map(String::as_str).collect::<Vec<_>>(), stacks.keys().copied().collect::<Vec<_>>(), "{profile}");
        let mut compared = 0;
        for (name, fields) in stacks {
            let StackSpec { template_body, parameters, .. } = effects::of_system(name, name, fields).unwrap().spec;
            let cdk = std::fs::read_to_string(folder.join(format!("cdk.out/{name}.template.json"))).unwrap();
            let (ours, theirs) = (resources(&template_body, &parameters), resources(&cdk, &BTreeMap::new()));
            assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{profile}: {name}");
            for (id, (kind, policy, properties)) in &ours {
                let (their_kind, their_policy, their_properties) = &theirs[id];
                assert_eq!((their_kind, their_policy), (kind, policy), "{profile}: {name}: {id}");
                for (property, value) in properties {
                    let Some(theirs) = their_properties.get(property) else { continue };
                    assert_eq!(plain(theirs), plain(value), "{profile}: {name}: {id}.{property}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 100, "{profile}: {compared} properties were compared");
    }
}
