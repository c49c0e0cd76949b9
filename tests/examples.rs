//! Every example in the help of `app`, `app users` and `secrets` does what it says, or names what it needs: run as a person would type it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::CommandFactory;

use crate::support::wizard::Wizard;

/// Examples of a command and of those below it, without the words behind them.
fn examples(command: &clap::Command, path: &str, out: &mut BTreeMap<String, Vec<String>>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut lines = Vec::new();
    for line in help.lines().skip_while(|line| !line.starts_with("Example")).skip(1).take_while(|line| !line.is_empty()) {
        let example = line.trim().split("  ").next().unwrap_or_default();
        assert!(example.contains("migrate-wizard "), "{path}: `{line}` is no example");
        lines.push(example.to_owned());
    }
    out.insert(path.to_owned(), lines);
    for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
        examples(below, &format!("{path} {}", below.get_name()), out);
    }
}

/// A folder with the app (a git repository) and its neighbour, as the examples have it.
fn place(path: &str) -> (Wizard, std::path::PathBuf) {
    let wizard = Wizard::empty();
    let root = wizard.path().to_path_buf();
    for name in ["here", "my-app"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/rest-express/.");
        std::fs::create_dir(root.join(name)).unwrap();
        assert!(Command::new("cp").arg("-R").arg(from).arg(root.join(name)).status().unwrap().success());
    }
    let bin = root.join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_migrate-wizard"), bin.join("migrate-wizard")).unwrap();
    let pbpaste = bin.join("pbpaste");
    std::fs::write(&pbpaste, "#!/bin/sh\necho 'OPENAI_API_KEY=not-a-real-one'\n").unwrap();
    std::fs::set_permissions(&pbpaste, std::fs::Permissions::from_mode(0o755)).unwrap();
    let here = root.join("here");
    if path.starts_with("secrets") {
        std::fs::write(here.join("secrets.json"), r#"{"OPENAI_API_KEY":"not-a-real-one"}"#).unwrap();
    }
    for line in [&["init", "-q"][..], &["add", "-A"], &["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "app"]] {
        assert!(Command::new("git").arg("-C").arg(&here).args(line).status().unwrap().success());
    }
    (wizard, here)
}

/// As it is typed; what must be there already is put there.
fn typed(wizard: &Wizard, here: &Path, example: &str) -> (i32, String) {
    let root = here.parent().unwrap();
    let mut command = wizard.command(&[]);
    let environment: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(std::ffi::OsStr::to_owned))).collect();
    command = Command::new("bash");
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap());
    let output = command
        .args(["-o", "pipefail", "-c", example])
        .current_dir(here)
        .env("PATH", path)
        .env("HOME", root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// What each needs that is not here, and how it says so; all others end with 0 (or as it stands here).
const ENDS: &[(&str, i32, &str)] = &[
    ("migrate-wizard app scan --fail-on blocks", 1, "Next: "),
    // without a terminal and without --yes
    ("migrate-wizard app prepare", 1, "the same with --yes takes all"),
    ("migrate-wizard app prepare --only neon,hosts", 1, "the same with --yes takes all"),
    ("migrate-wizard app export --what database --to s3://my-app-import/dump --size 3GiB", 2, "no AWS region is set"),
    ("migrate-wizard app export --check objects.manifest.jsonl --to s3://my-app-objects", 2, "give the manifest that the script wrote"),
    ("migrate-wizard app export --check database.manifest.jsonl --in ~/Downloads --json", 2, "give the manifest that the script wrote"),
    ("migrate-wizard app users check", 2, "SOURCE_DATABASE_URL is not set"),
    ("migrate-wizard app users check --source-env SOURCE_DATABASE_URL", 2, "SOURCE_DATABASE_URL is not set"),
    (
        "migrate-wizard app users check --source-env LIVE_PROD_DATABASE_URL --table public.members --json",
        2,
        "LIVE_PROD_DATABASE_URL is not set",
    ),
    ("migrate-wizard app users export --out users.csv", 2, "SOURCE_DATABASE_URL is not set"),
    ("migrate-wizard app users create --pool us-east-1_AbCdEfGhI --dry-run", 2, "SOURCE_DATABASE_URL is not set"),
    ("migrate-wizard app users create --pool us-east-1_AbCdEfGhI --admin 31415926", 2, "SOURCE_DATABASE_URL is not set"),
    ("migrate-wizard app users create --pool us-east-1_AbCdEfGhI --invite 'e-mail 120 people'", 2, "SOURCE_DATABASE_URL is not set"),
    ("migrate-wizard app users link --pool us-east-1_AbCdEfGhI --target-env TARGET_DATABASE_URL", 2, "TARGET_DATABASE_URL is not set"),
    ("migrate-wizard secrets import --profile alva", 2, "Edit as JSON"),
    ("pbpaste | migrate-wizard secrets import --app shop --environment staging", 2, "no AWS region is set"),
    ("migrate-wizard secrets import --profile alva --ask OPENAI_API_KEY --ask STRIPE_SECRET_KEY", 2, ""),
    ("migrate-wizard secrets rotate database-url", 2, "whose secrets? no app is named"),
    ("migrate-wizard secrets rotate stripe:secret", 2, "whose secrets? no app is named"),
    ("migrate-wizard secrets rotate session --dry-run", 2, "whose secrets? no app is named"),
    ("migrate-wizard secrets rotate --back", 2, "there is no run"),
];

#[test]
fn each_example_works_in_an_app_or_names_what_it_needs() {
    let mut all = BTreeMap::new();
    let cli = migrate_wizard::cli::Cli::command();
    for family in ["app", "secrets"] {
        examples(cli.find_subcommand(family).unwrap(), family, &mut all);
    }
    let without: Vec<&String> = all.iter().filter(|(_, lines)| lines.is_empty()).map(|(path, _)| path).collect();
    assert!(without.is_empty(), "no example: {without:?}");
    let mut faults = Vec::new();
    let mut met = Vec::new();
    for (path, lines) in &all {
        for example in lines {
            let (wizard, here) = place(path);
            let (code, said) = typed(&wizard, &here, example);
            let (wanted, says) = ENDS.iter().find(|(line, _, _)| line == example).map_or((0, ""), |(_, code, says)| (*code, *says));
            met.push(example.clone());
            if code != wanted || !said.contains(says) || said.contains("panicked") {
                faults.push(format!("{path}: `{example}` ended with {code}, expected {wanted} and `{says}`:\n{said}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let unknown: Vec<_> = ENDS.iter().filter(|(line, _, _)| !met.iter().any(|example| example == line)).collect();
    assert!(unknown.is_empty(), "no longer an example: {unknown:?}");
}
