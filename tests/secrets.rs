//! Secrets: whichever way they come in, they are in Secrets Manager and nowhere else; what each service gets; a rotation and its way back.
//! Secrets Manager, CloudFormation and ECS are the emulator's.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::emulator::Emulator;
use crate::support::pty::Pty;
use crate::support::rehearsal::Rehearsal;
use crate::support::wizard::{Done, Wizard};

/// What is planted has no shape that any pattern knows: what hides it is that it is never written.
const PLANTED: &str = "Plantedq7";

/// One call of a JSON service of the emulator.
fn ask(emulator: &Emulator, service: &str, target: &str, body: &Value) -> Value {
    let text = send(emulator, service, &[("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")], body.to_string());
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn send(emulator: &Emulator, service: &str, headers: &[(&str, &str)], body: String) -> String {
    let signed = format!("AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0");
    crate::support::postgres::block(async {
        let mut request = reqwest::Client::new().post(emulator.url()).header("authorization", signed).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().text().await.unwrap()
    })
}

fn cloudformation(emulator: &Emulator, action: &str, parameters: &str) -> String {
    let body = format!("Action={action}&Version=2010-05-15{parameters}");
    send(emulator, "cloudformation", &[("content-type", "application/x-www-form-urlencoded")], body)
}

fn value(emulator: &Emulator, name: &str) -> String {
    let answer = ask(emulator, "secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": name }));
    answer["SecretString"].as_str().unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
}

fn versions(emulator: &Emulator, name: &str) -> usize {
    let answer =
        ask(emulator, "secretsmanager", "secretsmanager.ListSecretVersionIds", &json!({ "SecretId": name, "IncludeDeprecated": true }));
    answer["Versions"].as_array().map_or(0, Vec::len)
}

fn names(emulator: &Emulator) -> Vec<String> {
    let answer = ask(emulator, "secretsmanager", "secretsmanager.ListSecrets", &json!({}));
    let mut all: Vec<String> = answer["SecretList"].as_array().unwrap().iter().map(|s| s["Name"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

const SHOP: [&str; 4] = ["--app", "shop", "--environment", "staging"];

/// An app of two services with a package that both use.
fn app(emulator: &Emulator) -> Wizard {
    let wizard = Wizard::empty().envs(emulator.env());
    put(&wizard, "package.json", r#"{"name": "shop", "private": true, "workspaces": ["apps/*"]}"#);
    put(&wizard, "pnpm-workspace.yaml", "packages: ['apps/*']\n");
    for name in ["web", "api"] {
        put(
            &wizard,
            &format!("apps/{name}/package.json"),
            &format!(r#"{{"name": "{name}", "scripts": {{"start": "node index.js"}}, "dependencies": {{"fastify": "5"}}}}"#),
        );
    }
    put(
        &wizard,
        "apps/api/index.ts",
        "export const keys = [process.env.JWT_SECRET!, process.env.STRIPE_SECRET_KEY!, process.env.NOT_GIVEN_KEY!];\n",
    );
    put(&wizard, "apps/web/index.ts", "export const api = process.env.API_URL!;\n");
    wizard
}

fn put(wizard: &Wizard, path: &str, text: &str) {
    let path = wizard.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn import(wizard: &Wizard, more: &[&str]) -> Done {
    wizard.run(&[&["secrets", "import"], &SHOP[..], more].concat())
}

/// The command with a block on its standard input.
fn piped(wizard: &Wizard, block: &str, more: &[&str]) -> Done {
    use std::io::Write;
    let mut command = wizard.command(&[&["secrets", "import"], &SHOP[..], more].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(block.as_bytes()).unwrap();
    Done(child.wait_with_output().unwrap())
}

/// Every file below a folder that holds what was planted.
fn files_with(dir: &Path, planted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
        if entry.is_dir() && !entry.is_symlink() {
            found.extend(files_with(&entry, planted));
        } else if std::fs::read(&entry).is_ok_and(|bytes| bytes.windows(planted.len()).any(|w| w == planted.as_bytes())) {
            found.push(entry.display().to_string());
        }
    }
    found
}

/// Looks at the arguments of every process on this machine until it is told to stop; what it saw that holds something planted.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(usize, BTreeSet<String>)>,
}

impl Watcher {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut looks, mut seen) = (0, BTreeSet::new());
            while !told.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").unwrap().flatten() {
                    let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).replace('\0', " ");
                    looks += usize::from(!line.is_empty());
                    if line.contains(PLANTED) {
                        seen.insert(line);
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            (looks, seen)
        });
        Self { stop, thread }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (looks, seen) = self.thread.join().unwrap();
        assert!(looks > 0, "no process was looked at");
        assert_eq!(seen, BTreeSet::new());
    }
}

/// The way through the wizard: exported variables and Replit's block in a file, through a whole move with its stacks.
#[test]
fn what_is_planted_in_a_move_is_in_secrets_manager_alone() {
    let emulator = Emulator::start(&[]);
    let rehearsal = Rehearsal::new("planted", Some(&emulator));
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("secrets.json");
    std::fs::write(&file, json!({ "RESEND_API_KEY": format!("{PLANTED}file"), "DATABASE_URL": format!("postgres://u:{PLANTED}old@helium/db"), "LOG_LEVEL": "debug" }).to_string())
        .unwrap();
    let watcher = Watcher::start();
    let mut demo = rehearsal.demo();
    demo.args(["--set", &format!("secrets_file={}", file.display())]);
    for name in ["SESSION_SECRET", "STRIPE_SECRET_KEY", "OPENAI_API_KEY", "AI_INTEGRATIONS_OPENAI_API_KEY"] {
        demo.env(name, format!("{PLANTED}{name}"));
    }
    let done = Done(demo.output().unwrap()).expect(0);
    watcher.end();
    // there, each as it was
    let prefix = names(&emulator).into_iter().find_map(|n| n.strip_suffix("/session").map(str::to_owned)).unwrap();
    assert_eq!(value(&emulator, &format!("{prefix}/session")), format!("{PLANTED}SESSION_SECRET"));
    assert_eq!(value(&emulator, &format!("{prefix}/stripe")), json!({ "secret": format!("{PLANTED}STRIPE_SECRET_KEY") }).to_string());
    assert_eq!(value(&emulator, &format!("{prefix}/resend-api-key")), format!("{PLANTED}file"));
    // and nowhere else: not in what was said, not in a file, not in a stack
    assert!(!done.out().contains(PLANTED) && !done.err().contains(PLANTED));
    assert_eq!(files_with(rehearsal.app().parent().unwrap(), PLANTED), Vec::<String>::new());
    let stacks = cloudformation(&emulator, "DescribeStacks", "");
    let stack_names: Vec<&str> = stacks.split("<StackName>").skip(1).filter_map(|s| s.split('<').next()).collect();
    assert!(stack_names.len() > 5 && !stacks.contains(PLANTED), "{stack_names:?}");
    let mut service = String::new();
    for name in stack_names {
        let template = cloudformation(&emulator, "GetTemplate", &format!("&StackName={name}"));
        let sets = cloudformation(&emulator, "ListChangeSets", &format!("&StackName={name}"));
        let events = cloudformation(&emulator, "DescribeStackEvents", &format!("&StackName={name}"));
        assert!(template.contains("Resources") && !format!("{template}{sets}{events}").contains(PLANTED), "{name}");
        if name.ends_with("-app") {
            service = template;
        }
    }
    // while the service's own template names each, and the key of the JSON secret too
    for part in [
        "Name: SESSION_SECRET, ValueFrom:",
        "Name: STRIPE_SECRET_KEY, ValueFrom:",
        ":secret::",
        "Name: RESEND_API_KEY, ValueFrom:",
        "Name: LOG_LEVEL, Value:",
    ] {
        assert!(service.contains(part), "{part} in\n{service}");
    }
    // and ECS was told the same; the role may read these and no other
    let families = ask(&emulator, "ecs", "AmazonEC2ContainerServiceV20141113.ListTaskDefinitions", &json!({}));
    let newest = families["taskDefinitionArns"].as_array().unwrap().last().unwrap().clone();
    let definition =
        ask(&emulator, "ecs", "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", &json!({ "taskDefinition": newest }));
    assert!(!definition.to_string().contains(PLANTED));
    let given: BTreeSet<&str> = definition["taskDefinition"]["containerDefinitions"][0]["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["name"].as_str())
        .collect();
    assert!(given.contains("SESSION_SECRET") && given.contains("STRIPE_SECRET_KEY") && given.contains("RESEND_API_KEY"), "{given:?}");
    rehearsal.stop_servers();
}

/// A file, a pipe and a question without echo; then again; then what is somebody else's.
#[test]
fn a_block_is_taken_over_once() {
    let emulator = Emulator::start(&[]);
    let wizard = app(&emulator);
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("block.json");
    let block = json!({
        "JWT_SECRET": format!("{PLANTED}jwt"), "STRIPE_SECRET_KEY": format!("sk_test_{PLANTED}"), "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
        "STRIPE_WEBHOOK_SECRET": format!("{PLANTED}whsec"), "DATABASE_URL": format!("postgres://a:{PLANTED}@helium/x"), "PGPASSWORD": PLANTED,
        "REPLIT_DB_URL": PLANTED, "API_URL": "https://api.example.com", "CALLBACK_URL": format!("https://me:{PLANTED}@x/")
    });
    std::fs::write(&file, block.to_string()).unwrap();
    let path = file.to_str().unwrap();
    let watcher = Watcher::start();

    // a look first: nothing is stored
    let dry = import(&wizard, &["--file", path, "--dry-run"]).expect(0);
    assert_eq!(names(&emulator), Vec::<String>::new());
    // then for good, and once more: no new version
    let first = import(&wizard, &["--file", path]).expect(0);
    assert_eq!(names(&emulator), ["shop-staging/callback-url", "shop-staging/jwt-secret", "shop-staging/stripe"]);
    assert_eq!(value(&emulator, "shop-staging/jwt-secret"), format!("{PLANTED}jwt"));
    let stripe = json!({ "publishable": "pk_test_1", "secret": format!("sk_test_{PLANTED}") });
    assert_eq!(value(&emulator, "shop-staging/stripe"), stripe.to_string());
    let again = import(&wizard, &["--file", path, "--json"]).expect(0);
    let rows: Value = serde_json::from_str(&again.out()).unwrap();
    let done = |name: &str| {
        rows.as_array().unwrap().iter().find(|r| r["name"] == name).map(|r| (r["becomes"].clone(), r["done"].clone())).unwrap()
    };
    assert_eq!(done("JWT_SECRET"), (json!("secret"), json!("unchanged")));
    assert_eq!(done("STRIPE_WEBHOOK_SECRET"), (json!("renew"), json!("none")));
    assert_eq!(done("API_URL"), (json!("plain"), json!("unchanged")));
    assert_eq!(done("DATABASE_URL"), (json!("replaced"), json!("none")));
    assert_eq!(done("REPLIT_DB_URL"), (json!("replit"), json!("none")));
    assert_eq!(versions(&emulator, "shop-staging/jwt-secret"), 1);
    assert_eq!(versions(&emulator, "shop-staging/stripe"), 1);

    // from a pipe, another key beside those that are there
    let piped =
        piped(&wizard, &format!("# new\nexport STRIPE_WEBHOOK_SECRET='{PLANTED}new'\n"), &["--take", "STRIPE_WEBHOOK_SECRET"]).expect(0);
    assert_eq!(
        value(&emulator, "shop-staging/stripe"),
        json!({ "publishable": "pk_test_1", "secret": format!("sk_test_{PLANTED}"), "webhook": format!("{PLANTED}new") }).to_string()
    );
    // somebody else's is left alone
    ask(&emulator, "secretsmanager", "secretsmanager.CreateSecret", &json!({ "Name": "shop-staging/theirs", "SecretString": "kept" }));
    let refused = self::piped(&wizard, &format!("THEIRS={PLANTED}"), &[]).expect(1).says("was not made by migrate-wizard");
    assert_eq!(value(&emulator, "shop-staging/theirs"), "kept");
    // what is wrong is told by its place
    let wrong = self::piped(&wizard, &format!("A=1\n{PLANTED}"), &[]).expect(2).says("line 2, column 1");
    let doubled =
        self::piped(&wizard, &format!("A={PLANTED}1\nA={PLANTED}2"), &[]).expect(2).says("stands twice with two different values");

    watcher.end();
    for done in [&dry, &first, &again, &piped, &refused, &wrong, &doubled] {
        assert!(!done.out().contains(PLANTED) && !done.err().contains(PLANTED), "{}{}", done.out(), done.err());
    }
    assert_eq!(files_with(wizard.path(), PLANTED), Vec::<String>::new());

    // what each service gets
    let listed = wizard.run(&[&["secrets", "list", "--json"], &SHOP[..]].concat()).expect(1);
    let listed: Value = serde_json::from_str(&listed.out()).unwrap();
    assert!(!listed.to_string().contains(PLANTED));
    let row = |service: &str, variable: &str| {
        let rows = listed["rows"].as_array().unwrap();
        rows.iter().find(|r| r["service"] == service && r["variable"] == variable).map(|r| (r["given"].clone(), r["read_at"].clone()))
    };
    assert_eq!(row("api", "JWT_SECRET"), Some((json!({ "how": "secret", "secret": "jwt-secret" }), json!("apps/api/index.ts:1"))));
    assert_eq!(row("api", "STRIPE_SECRET_KEY").unwrap().0, json!({ "how": "secret", "secret": "stripe", "key": "secret" }));
    assert_eq!(row("api", "NOT_GIVEN_KEY").unwrap().0, json!({ "how": "missing", "secret": "not-given-key" }));
    assert_eq!(row("web", "API_URL").unwrap().0, json!({ "how": "plain", "value": "https://api.example.com" }));
    assert_eq!(row("web", "JWT_SECRET"), None);
    let words = wizard.run(&[&["secrets", "list"], &SHOP[..]].concat()).expect(1).out();
    assert!(
        words.contains("NOT_GIVEN_KEY")
            && words.contains("MISSING")
            && words.contains("shop-staging/stripe (keys publishable, secret, webhook)"),
        "{words}"
    );
}

/// Pasted into a terminal, a value and a whole block are seen on no screen.
#[test]
fn what_is_pasted_is_not_shown() {
    let emulator = Emulator::start(&[]);
    let wizard = app(&emulator);
    let ask = [&["secrets", "import", "--ask", "RESEND_API_KEY"], &SHOP[..]].concat();
    let mut pty = Pty::wizard(&wizard, &ask, 100, 30);
    pty.wait_for("RESEND_API_KEY (not shown)").keys(&format!("{PLANTED}asked\r"));
    assert_eq!(pty.wait_exit(), 0, "{}", pty.screen());
    assert_eq!(value(&emulator, "shop-staging/resend-api-key"), format!("{PLANTED}asked"));
    assert!(!pty.raw().contains(PLANTED));

    let mut pty = Pty::wizard(&wizard, &[&["secrets", "import"], &SHOP[..]].concat(), 140, 30);
    pty.wait_for("Then press Ctrl-D.").wait_until_raw();
    // longer than a terminal's line may be
    let long = PLANTED.repeat(1000);
    pty.keys(&format!("{{\"JWT_SECRET\": \"{long}\",\n\"TOKEN\": \"{PLANTED}\"}}\n\x04"));
    assert_eq!(pty.wait_exit(), 0, "{}", pty.screen());
    assert_eq!(value(&emulator, "shop-staging/jwt-secret"), long);
    assert!(!pty.raw().contains(PLANTED), "{}", pty.raw());
    pty.assert_restored();

    // Ctrl-C leaves the terminal as it was
    let mut pty = Pty::wizard(&wizard, &[&["secrets", "import"], &SHOP[..]].concat(), 140, 30);
    pty.wait_for("Then press Ctrl-D.").wait_until_raw();
    pty.keys("{\"A\": \x03");
    assert_eq!(pty.wait_exit(), 130, "{}", pty.screen());
    pty.assert_restored();
}

/// The cache that the wizard makes is given by its parts, too: nobody says its host or its password.
#[test]
fn what_reads_the_cache_by_host_gets_it_from_its_stack() {
    let emulator = Emulator::start(&[]);
    let wizard = Wizard::sample().envs(emulator.env());
    put(
        &wizard,
        "server/queue.ts",
        "import Redis from \"ioredis\";\nexport const redis = new Redis({ host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT), password: process.env.REDIS_PASSWORD });\n",
    );
    let profile = ["stacks", "deploy", "--profile", "grievance-portal", "--set", "github_repository=acme/shop", "--yes", "--plain"];
    let cache = ["--confirm", "delegate", "--set", "cache=valkey", "--set", "cache_class=cache.t4g.micro"];
    wizard.run(&[&profile[..], &cache].concat()).expect(0);
    let described = |stack: &str| cloudformation(&emulator, "DescribeStacks", &format!("&StackName=grievance-portal-production-{stack}"));
    let after = |text: &str, mark: &str, open: &str| -> String {
        let rest = text.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {text}")).1;
        rest.split_once(open).unwrap().1.split('<').next().unwrap().to_owned()
    };
    let output = |name: &str| after(&described("cache"), &format!("<OutputKey>{name}</OutputKey>"), "<OutputValue>");
    let parameter = |name: &str| after(&described("app"), &format!("<ParameterKey>{name}</ParameterKey>"), "<ParameterValue>");
    assert!(output("Endpoint").contains('.') || !output("Endpoint").is_empty());
    assert_eq!([parameter("CacheHost"), parameter("CachePort")], [output("Endpoint"), output("Port")]);
    let password = output("PasswordSecretArn");
    assert!(password.contains(":secret:grievance-portal-production/cache-password"), "{password}");
    assert_eq!(parameter("SecretRedisPassword"), password);
    assert!(parameter("SecretArns").split(',').any(|arn| arn == password), "{}", parameter("SecretArns"));
    // and ECS was told: host and port plainly, the password by its secret alone
    let families = ask(&emulator, "ecs", &format!("{ECS}.ListTaskDefinitions"), &json!({}));
    let newest = families["taskDefinitionArns"].as_array().unwrap().last().unwrap().clone();
    let told = ask(&emulator, "ecs", &format!("{ECS}.DescribeTaskDefinition"), &json!({ "taskDefinition": newest }));
    let container = &told["taskDefinition"]["containerDefinitions"][0];
    let plain = |name: &str| container["environment"].as_array().unwrap().iter().find(|v| v["name"] == name).map(|v| v["value"].clone());
    assert_eq!(
        [plain("REDIS_HOST"), plain("REDIS_PORT"), plain("REDIS_TLS")],
        [output("Endpoint"), output("Port"), "true".to_owned()].map(|v| Some(v.into()))
    );
    assert_eq!(plain("REDIS_PASSWORD"), None);
    let secret = container["secrets"].as_array().unwrap().iter().find(|s| s["name"] == "REDIS_PASSWORD").map(|s| s["valueFrom"].clone());
    assert_eq!(secret, Some(password.into()));
}

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

/// A new value, its reader restarted, and the value before back: through the journey, as the command opens it.
#[test]
fn a_rotation_restarts_who_reads_it_and_goes_back() {
    let emulator = Emulator::start(&[]);
    let wizard = app(&emulator);
    piped(&wizard, &format!("SESSION_SECRET={PLANTED}old"), &[]).expect(0);
    let arn =
        ask(&emulator, "secretsmanager", "secretsmanager.DescribeSecret", &json!({ "SecretId": "shop-staging/session" }))["ARN"].clone();
    ask(&emulator, "ecs", &format!("{ECS}.CreateCluster"), &json!({ "clusterName": "shop-staging" }));
    for (name, secrets) in [("api", json!([{ "name": "SESSION_SECRET", "valueFrom": arn }])), ("web", json!([]))] {
        let container = json!({ "name": name, "image": "registry.example/shop:1", "essential": true, "secrets": secrets });
        ask(
            &emulator,
            "ecs",
            &format!("{ECS}.RegisterTaskDefinition"),
            &json!({ "family": name, "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }),
        );
        ask(
            &emulator,
            "ecs",
            &format!("{ECS}.CreateService"),
            &json!({ "cluster": "shop-staging", "serviceName": name, "taskDefinition": format!("{name}:1"), "desiredCount": 0, "launchType": "FARGATE" }),
        );
    }
    let rotate = |more: &[&str]| {
        let fixed = ["secrets", "rotate", "--plain", "--yes", "--region", "us-east-1", "--set", "database=rds", "--confirm", "works"];
        wizard.run(&[&fixed[..], &SHOP[..], more].concat())
    };
    // a look: nothing changes
    rotate(&["session", "--dry-run"]).expect(0);
    assert_eq!(value(&emulator, "shop-staging/session"), format!("{PLANTED}old"));
    // for good
    let done = rotate(&["session"]).expect(0);
    let new = value(&emulator, "shop-staging/session");
    assert!(new.len() == 64 && new != format!("{PLANTED}old"));
    let steps: Vec<String> =
        wizard.journal().iter().filter(|e| e["what"]["entry"] == "done").map(|e| e["what"]["step"].as_str().unwrap().to_owned()).collect();
    assert!(steps.contains(&"rotate".to_owned()) && steps.contains(&"restart[api]".to_owned()), "{steps:?}");
    assert!(!steps.contains(&"restart[web]".to_owned()), "only who reads it is restarted: {steps:?}");
    // back
    let back = wizard.run(&["secrets", "rotate", "--back", "--plain", "--yes"]).expect(0);
    assert_eq!(value(&emulator, "shop-staging/session"), format!("{PLANTED}old"));
    // another rotation is a run of its own
    rotate(&["session"]).expect(0);
    let third = value(&emulator, "shop-staging/session");
    assert!(third.len() == 64 && third != new, "a value of its own");
    for text in [&done.out(), &done.err(), &back.out(), &back.err()] {
        assert!(!text.contains(PLANTED) && !text.contains(&new));
    }
    for planted in [PLANTED, &new, &third] {
        assert_eq!(files_with(wizard.path(), planted), Vec::<String>::new());
    }
    // a value has no place on a command line
    rotate(&["session", "--new", "--set", "new_value=x"]).expect(2).says("does not belong on a command line");
    rotate(&["nothing-of-that-name"]).expect(2).says("there is no secret shop-staging/nothing-of-that-name of ours");
}
