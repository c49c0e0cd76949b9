//! Exports: each profile as CloudFormation and Terraform passes the tools of its own kind; the CDK app is made whole.
//! No provider of Terraform is here: its files are parsed, and every output that they name is looked up in the templates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use migrate_wizard::cloud::stacks::template_outputs;
use regex::Regex;

use super::support::wizard::Wizard;

const PROFILES: [&str; 5] = ["grievance-portal", "dougust", "alva", "shadowtwin", "shadowtwin-ec2"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sample app with an export of every profile in `<format>/<profile>`.
fn exported(format: &str) -> (Wizard, Vec<PathBuf>) {
    let wizard = Wizard::sample();
    let folders = PROFILES.map(|profile| {
        let folder = format!("{format}/{profile}");
        let done = wizard.run(&["stacks", "export", "--profile", profile, "--format", format, "--out", &folder]).expect(0);
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
    let again = ["stacks", "export", "--profile", PROFILES[0], "--out", folder.to_str().unwrap()];
    wizard.run(&again).expect(0);
    assert_eq!(texts(folder), first);
    assert!(!first.values().any(|text| text.contains("000000000000")), "no example of an account is left");
    // another format in the same folder: what only the first had goes
    let (first_args, other) = (again, "terraform");
    wizard.run(&[&first_args[..], &["--format", other]].concat()).expect(0);
    assert!(folder.join("main.tf").is_file() && !folder.join("deploy.sh").exists());
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

#[test]
fn a_cdk_app_has_a_class_for_each_template_and_a_stack_for_each_stack() {
    let (_wizard, folders) = exported("cdk");
    let news = Regex::new(r"new (\w+)\(app,").unwrap();
    for folder in &folders {
        let all = texts(folder);
        let (app, layers) = (&all["bin/app.ts"], &all["lib/layers.ts"]);
        let templates = all.keys().filter(|path| path.starts_with("templates/")).count();
        assert_eq!(layers.matches("\nexport class ").count(), templates, "{}", folder.display());
        let made: Vec<String> = news.captures_iter(app).map(|c| c[1].to_owned()).collect();
        assert!(made.len() >= templates && made.iter().all(|class| layers.contains(&format!("export class {class} "))), "{made:?}");
        // what only an account knows stands in one place
        assert!(!app.contains("000000000000") && all["config.json"].contains("000000000000"));
    }
}
