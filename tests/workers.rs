//! A private database is reached by our own program inside the VPC: tasks that share a copy, die, are found again, and leave nothing behind.
//! What is simulated of AWS stands in `support/fargate.rs`; the tasks are real processes, the servers are real.

use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use clap::Parser;
use migrate_wizard::cli::Cli;
use migrate_wizard::cloud::ground::Ground as Place;
use migrate_wizard::cloud::stacks::{self, StackSpec};
use migrate_wizard::cloud::{self, Aws};
use migrate_wizard::effects::{self, Setup, World};
use migrate_wizard::library;
use migrate_wizard::postgres::freeze::{self, How};
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::progress::{Note, Reporter};
use migrate_wizard::wizard::effect::{Apply, Context, Outputs, Touch};
use migrate_wizard::wizard::journal::{Entry, FORMAT, Record};
use migrate_wizard::wizard::state::State;
use migrate_wizard::wizard::view::Mode;
use serde_json::{Value, json};

use crate::hurt::ground::{Ground, signal, source, until};
use crate::support::chaos::Chaos;
use crate::support::emulator::Emulator;
use crate::support::fargate::Fargate;
use crate::support::postgres::{block, database, password, rows, sql, value};
use crate::support::wizard::{Done, Wizard};

const COPY: [&str; 18] = [
    "data",
    "copy",
    "--on",
    "ecs",
    "--workers",
    "3",
    "--jobs",
    "2",
    "--chunk-rows",
    "1000",
    "--cluster",
    "shop",
    "--task-definition",
    "mover",
    "--subnets",
    "subnet-1",
    "--security-groups",
    "sg-1",
];
const LOGS: [&str; 2] = ["--log-group", "/ecs/mover"];
const SETTLED: &str = "select count(*) from migrate_wizard.chunk where pass is not null";

/// A source behind a slow line, a target, tasks, and the laptop from which they are started.
struct Scene {
    ground: Ground,
    fargate: Fargate,
    laptop: Wizard,
    _line: Chaos,
}

impl Scene {
    fn new(name: &str, bytes_per_second: u64) -> Self {
        let ground = Ground::new(name);
        let line = Chaos::start(&ground.from, 7);
        line.bytes_per_second(Some(bytes_per_second));
        let fargate = Fargate::start();
        fargate.define("mover", &[]);
        let laptop = Wizard::empty()
            .envs(fargate.env())
            .env("SOURCE_DATABASE_URL", &line.connector().secret_url())
            .env("TARGET_DATABASE_URL", &ground.to.secret_url());
        Self { ground, fargate, laptop, _line: line }
    }

    fn start(&self) -> Child {
        self.laptop.command(&[&COPY[..], &LOGS].concat()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn settled(&self) -> u64 {
        match value(&self.ground.to, "select to_regclass('migrate_wizard.aside') is not null").as_str() {
            "t" => value(&self.ground.to, SETTLED).parse().unwrap(),
            _ => 0,
        }
    }

    /// Waits until all three are at work and some of it is done.
    fn under_way(&self) {
        until("three tasks are at work", || self.fargate.running().len() == 3 && self.settled() > 0);
    }

    /// No task, no secret, no task definition, no note of any is left.
    #[track_caller]
    fn leaves_nothing(&self) {
        assert_eq!(self.fargate.running(), Vec::<String>::new());
        assert_eq!(self.fargate.secrets(), Vec::<String>::new());
        assert_eq!(self.fargate.definitions().len(), 1, "{:?}", self.fargate.definitions());
        let notes = std::fs::read_dir(self.laptop.path().join(".migrate-wizard/inside")).unwrap();
        assert_eq!(notes.count(), 0);
    }
}

fn done(child: Child) -> Done {
    Done(child.wait_with_output().unwrap())
}

#[test]
fn three_tasks_share_a_copy_and_nothing_is_left_of_them() {
    let scene = Scene::new("inside", 900_000);
    let done = done(scene.start()).expect(0);
    assert!(done.out().contains("60,000 rows copied") && done.out().contains("by 3 tasks"), "{}", done.out());
    scene.ground.is_equal("inside");
    let all = scene.fargate.all();
    assert_eq!(all.iter().filter(|command| command.starts_with("data copy --json")).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|command| command.starts_with("worker --json")).count(), 2, "{all:?}");
    assert_eq!(rows(&scene.ground.to, "select count(distinct pass) from migrate_wizard.chunk"), ["1"]);
    let secrets = [password(&scene.ground.to), password(&scene.ground.from)];
    for said in scene.fargate.bodies().iter().chain([&done.out(), &done.err()]) {
        assert!(secrets.iter().all(|secret| !said.contains(secret.as_str())), "{said}");
    }
    scene.leaves_nothing();
}

#[test]
fn tasks_that_are_killed_are_replaced_by_the_others_and_by_a_new_one() {
    let scene = Scene::new("inside_killed", 600_000);
    let laptop = scene.start();
    scene.under_way();
    scene.fargate.kill("worker");
    scene.fargate.kill("data copy");
    let done = done(laptop).expect(0).says("another one takes over");
    assert!(done.err().contains("exit code 137"), "{}", done.err());
    assert_eq!(scene.fargate.all().iter().filter(|command| command.starts_with("data copy")).count(), 2);
    scene.ground.is_equal("inside_killed");
    scene.leaves_nothing();
}

#[test]
fn a_laptop_that_died_finds_its_tasks_again() {
    let scene = Scene::new("inside_laptop", 600_000);
    let laptop = scene.start();
    scene.under_way();
    signal("-KILL", laptop.id());
    let _killed = done(laptop);
    assert_eq!(scene.fargate.running().len(), 3, "they go on without it");
    done(scene.start()).expect(0).says("going on with it").says("found 3 running tasks of this work again");
    assert_eq!(scene.fargate.all().len(), 3, "none was started twice");
    scene.ground.is_equal("inside_laptop");
    scene.leaves_nothing();
}

#[test]
fn ctrl_c_stops_every_task_and_deletes_the_secrets_and_the_same_command_goes_on() {
    let scene = Scene::new("inside_ctrl_c", 600_000);
    let laptop = scene.start();
    scene.under_way();
    let settled = scene.settled();
    signal("-INT", laptop.id());
    done(laptop).expect(130).says("tasks stopped, temporary secrets deleted");
    scene.leaves_nothing();
    assert!(scene.settled() >= settled && settled > 0);
    done(scene.start()).expect(0);
    scene.ground.is_equal("inside_ctrl_c");
    // a laptop that died for good: its tasks and secrets are taken away by hand
    let laptop = scene.start();
    until("a task runs", || !scene.fargate.running().is_empty());
    signal("-KILL", laptop.id());
    let _killed = done(laptop);
    assert_eq!(scene.fargate.secrets().len(), 2);
    scene.laptop.run(&[&COPY[..], &LOGS, &["--stop"]].concat()).expect(0);
    scene.leaves_nothing();
}

#[test]
fn a_task_that_cannot_start_is_explained_once_and_a_dry_run_makes_none() {
    let scene = Scene::new("inside_refused", 1_000_000);
    let dry = scene.laptop.run(&[&COPY[..], &LOGS, &["--dry-run"]].concat()).expect(0).says("would run 3 tasks of mover");
    assert!(scene.fargate.all().is_empty() && scene.fargate.secrets().is_empty(), "{}", dry.err());
    scene.fargate.refuse(
        "TaskFailedToStart",
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref mw:1",
    );
    done(scene.start()).expect(1).says("the image cannot be pulled").says("endpoints for ecr.api");
    assert_eq!(scene.fargate.all().len(), 1, "trying again would end the same way");
    scene.leaves_nothing();
}

#[test]
fn any_other_command_runs_inside_and_its_verdict_is_ours() {
    let scene = Scene::new("inside_verify", 5_000_000);
    let inside = |words: &[&str]| scene.laptop.run(&[&["inside"], &COPY[10..], &LOGS, &["--"], words].concat());
    let differs = inside(&["data", "verify"]).expect(1);
    assert!(differs.out().contains(r#""equal":false"#), "{}", differs.out());
    let wrong = inside(&["data", "copy", "--only", "public.none"]);
    assert_ne!(wrong.code(), 0, "{}", wrong.out());
    scene.leaves_nothing();
}

/// The wizard's own steps on a private target: what each task is told, and what comes back.
#[test]
fn the_steps_of_the_wizard_run_inside_where_the_target_is_private() {
    let (from, to) = (source("inside_steps"), database("inside_steps_to"));
    let fargate = Fargate::start();
    let secrets = [fargate.secret("source", &from.secret_url()), fargate.secret("target", &to.secret_url())];
    let definition = fargate.define("steps", &[("SOURCE_DATABASE_URL", &secrets[0]), ("TARGET_DATABASE_URL", &secrets[1])]);
    let dir = tempfile::tempdir().unwrap();
    let world = block(world(&fargate.url(), &from, dir.path(), &[]));
    let place = format!("cluster=shop task={definition} container=worker logs=/ecs/steps subnets=subnet-1 security=sg-1 public=DISABLED");
    let target =
        json!({ "kind": "rds", "host": "db.private", "port": "5432", "database": "app", "secret_arn": "arn:none", "place": place });
    let apply = |kind: &str, mut fields: Value| {
        fields["target"] = target.clone();
        let effect: Box<dyn Apply<World>> = effects::registry().build(kind, fields).unwrap();
        assert!(effect.describe().sentence.ends_with("by tasks inside the VPC"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = log.clone();
        let reporter = Reporter::new(move |note| kept.lock().unwrap().push(format!("{note:?}")));
        let before = if effect.touch() == Touch::Writes { block(effect.before(&world)).unwrap() } else { Outputs::new() };
        let cx = Context { token: format!("steps-{kind}-{}", uuid::Uuid::new_v4().simple()), reporter, before };
        let outputs = block(effect.apply(&world, &cx)).unwrap();
        let said = log.lock().unwrap().join("\n");
        (outputs, said)
    };
    let (tables, _) = apply("schema", json!({ "phase": "before" }));
    assert_eq!(value(&to, "select count(*) from pg_tables where schemaname = 'public'"), "12", "{tables:?}");
    let (copied, said) = apply("rows", json!({ "workers": "2" }));
    assert_eq!(copied["rows_copied"], json!(60_000), "{copied:?} {said}");
    assert!(said.contains("Progress("), "{said}");
    apply("schema", json!({ "phase": "after" }));
    apply("sequences", json!({}));
    let (verdict, _) = apply("verify", json!({ "strict": true }));
    assert_eq!(verdict["equal"], json!(true), "{verdict:?}");
    assert_eq!(fargate.running(), Vec::<String>::new());
    // the way back too, while the source is frozen: a row of both sides is left, and as no file comes home its loss must be agreed to
    let (opened, _) = apply("way_back", json!({ "choice": "carry_back" }));
    sql(&to, "insert into small_a (v) values ('new there'); update small_b set v = 'there' where id = 1");
    sql(&from, "update small_b set v = 'here' where id = 1");
    block(async { freeze::freeze(&from.connect(Access::ReadWrite).await.unwrap(), How::ReadOnly).await.unwrap() });
    let back = effects::registry().build("way_back", json!({ "choice": "carry_back", "target": target })).unwrap();
    let cx = Context { token: "steps-back".into(), reporter: Reporter::silent(), before: Outputs::new() };
    let refused = block(back.undo(&world, &cx, &opened)).unwrap_err();
    assert!(refused.what.contains("1 row on AWS would be lost") && refused.hint.contains("--confirm lose-1-rows"), "{refused}");
    let agreeing = block(self::world(&fargate.url(), &from, dir.path(), &["--confirm", "lose-1-rows"]));
    block(back.undo(&agreeing, &cx, &opened)).unwrap();
    let seen = "select (select count(*) from small_a where v = 'new there') || ' ' || (select v from small_b where id = 1)";
    assert_eq!(value(&from, seen), "1 here");
    let record: Value = serde_json::from_str(&std::fs::read_to_string(dir.path().join("way-back.json")).unwrap()).unwrap();
    assert_eq!((&record["carried"]["public.small_a"], &record["agreed"]), (&json!(1), &json!(1)), "{record}");
    assert_eq!(record["conflicts"][0]["table"], "public.small_b", "{record}");
    assert_eq!(fargate.running(), Vec::<String>::new());
    // an error inside is told as it would be here
    let fields = json!({ "strict": true, "target": target });
    sql(&to, "delete from small_c where id = 1");
    let effect = effects::registry().build("verify", fields).unwrap();
    let cx = Context { token: "steps-differs".into(), reporter: Reporter::new(|_: Note| {}), before: Outputs::new() };
    let error = block(effect.apply(&world, &cx)).unwrap_err();
    assert!(error.what.contains("2 of 12 tables differ"), "{error}");
}

async fn world(endpoint: &str, from: &Connector, dir: &std::path::Path, more: &[&str]) -> World {
    let opened = Entry::Opened {
        format: FORMAT,
        run: "steps".into(),
        journey: "move".into(),
        mode: Mode::Live,
        sandbox: false,
        tool: "test".into(),
        facts: [].into(),
    };
    let state = State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }]).unwrap();
    let words = ["migrate-wizard", "--region", "us-east-1", "--dir", dir.to_str().unwrap()];
    let args = Cli::parse_from(words.iter().chain(more)).run;
    let setup = Setup { source: Some(from.clone()), aws: Some(options(endpoint)), ..Setup::default() };
    World::open(&args, dir, &state, setup).await.unwrap()
}

fn options(endpoint: &str) -> cloud::Options {
    cloud::Options {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".into()),
        keys: Some(SharedCredentialsProvider::new(Credentials::new("sandbox", "sandbox", None, None, "test"))),
        poll: Duration::from_millis(100),
        ..cloud::Options::new(cloud::Access::ReadWrite)
    }
}

#[test]
fn the_stack_says_in_one_output_where_its_tasks_run() {
    let emulator = Emulator::start(&[]);
    let aws = block(Aws::connect(options(&emulator.url()))).unwrap();
    let parameters = [
        ("AppName", "shop"),
        ("Environment", "staging"),
        ("ServiceName", "migrate-worker"),
        ("OneOff", "true"),
        ("SubnetIds", "subnet-1,subnet-2"),
        ("SecurityGroupId", "sg-1"),
        ("RepositoryArn", "arn:aws:ecr:us-east-1:123456789012:repository/shop"),
        ("ImageUri", "shop:1"),
        ("SecretPrefix", "shop-staging"),
    ];
    let spec = StackSpec {
        name: "shop-staging-migrate".into(),
        template_body: library::stack("worker").unwrap().into(),
        parameters: parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        tags: [].into(),
        termination_protection: false,
    };
    let outputs = block(stacks::deploy(&aws, &spec, "token-1", &Reporter::silent())).unwrap();
    let place: Place = outputs["Place"].parse().unwrap();
    assert_eq!((place.family(), place.container.as_str()), ("shop-staging-migrate-worker", "migrate-worker"), "{place}");
    assert_eq!(place.place.subnets, ["subnet-1", "subnet-2"]);
    assert_eq!((place.cluster.as_str(), place.logs.as_str()), ("shop-staging-migrate-worker", "/ecs/shop-staging/migrate-worker"));
    assert_eq!(outputs["SecretPrefix"], "shop-staging");
    assert!(!outputs.contains_key("ServiceName"), "{outputs:?}");
}

/// The AWS CLI and its plugin are stood in for by a program that keeps the words it was given and forwards the port to the real server, as the
/// session does through the task.
#[test]
fn a_tunnel_leads_to_the_target_on_loopback_and_its_task_ends_with_it() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new("inside_tunnel", 1_000_000);
    let bin = tempfile::tempdir().unwrap();
    let cli = r#"#!/usr/bin/env python3
import json, os, socket, sys, threading
words = sys.argv[1:]
open(os.path.join(os.path.dirname(__file__), "words"), "w").write(json.dumps(words))
to = json.loads(words[words.index("--parameters") + 1])
door = socket.create_server(("127.0.0.1", int(to["localPortNumber"][0])))
def carry(a, b):
    while data := a.recv(65536): b.sendall(data)
    b.shutdown(socket.SHUT_WR)
while True:
    near, _ = door.accept()
    far = socket.create_connection((to["host"][0], int(to["portNumber"][0])))
    threading.Thread(target=carry, args=(near, far), daemon=True).start()
    threading.Thread(target=carry, args=(far, near), daemon=True).start()
"#;
    for (name, text) in [("aws", cli), ("session-manager-plugin", "#!/bin/sh\n")] {
        std::fs::write(bin.path().join(name), text).unwrap();
        std::fs::set_permissions(bin.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let number = port.to_string();
    let words = [&["data", "tunnel", "--port"][..], &[&number], &COPY[10..], &LOGS].concat();
    let without = scene.laptop.command(&words).env("PATH", "/nonexistent").output().unwrap();
    assert!(String::from_utf8_lossy(&without.stderr).contains("is not on PATH"));
    assert!(scene.fargate.all().is_empty());
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let mut tunnel = scene.laptop.command(&words).env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the port answers", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let through = Connector::from_url(&format!(
        "{}&hostaddr=127.0.0.1",
        scene.ground.to.secret_url().replace(&format!(":{}/", scene.ground.to.port()), &format!(":{port}/"))
    ))
    .unwrap();
    assert_eq!((through.host(), through.port()), (scene.ground.to.host(), port));
    assert_eq!(value(&through, "select current_database()"), scene.ground.to.database());
    assert_eq!(scene.fargate.running(), ["worker --do hold"]);
    let words: Vec<String> = serde_json::from_str(&std::fs::read_to_string(bin.path().join("words")).unwrap()).unwrap();
    assert_eq!(words[..2], ["ssm", "start-session"]);
    assert!(words[3].starts_with("ecs:shop_") && words[3].ends_with("_0123-4567"), "{words:?}");
    assert_eq!(words[5], "AWS-StartPortForwardingSessionToRemoteHost");
    let mut told = String::new();
    let mut out = std::io::BufReader::new(tunnel.stdout.take().unwrap());
    while !told.contains("Ctrl-C closes it") {
        assert!(std::io::BufRead::read_line(&mut out, &mut told).unwrap() > 0, "{told}");
    }
    assert!(told.contains("sslmode=verify-full") && !told.contains(&password(&scene.ground.to)), "{told}");
    signal("-INT", tunnel.id());
    done(tunnel).expect(0);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is closed");
    assert_eq!(scene.fargate.running(), Vec::<String>::new());
}
