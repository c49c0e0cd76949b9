//! The switch: the door closed and opened, what resolvers say of the name, what the pages hold, and the secret that logins stand on.
//! Name servers and sites are real ones on loopback; the load balancer is the emulator's, and requests go through its rules.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use migrate_wizard::cloud::door;
use migrate_wizard::cloud::outside;
use migrate_wizard::cloud::question;
use migrate_wizard::cloud::resolvers::{self, Resolver, Verdict};
use migrate_wizard::error::Kind;
use migrate_wizard::progress::{Note, Reporter};
use migrate_wizard::wizard::effect::{Context, Outputs, Probe};
use serde_json::{Value, json};

use crate::effects::stage::{Part, Run, Stage, elements};
use crate::support::emulator::Emulator;
use crate::support::name_server::{NameServer, Says};
use crate::support::site::{self, Answer, Asked, Certificate};

const NEW: &str = "lb.new.example.test";

// --- where the name leads ---------------------------------------------------------------------------------------------------------

#[test]
fn every_resolver_is_told_with_what_it_answers_and_for_how_long() {
    let stage = Stage::open(Run::Live, None, None);
    let servers = [
        Says::Name(NEW, 60),
        Says::Name("old.replit.test", 300),
        Says::Address([192, 0, 2, 9], 40),
        Says::Nothing(20),
        Says::Fault(ResponseCode::ServFail),
        Says::Fault(ResponseCode::Refused),
        Says::Silent,
    ]
    .map(NameServer::start);
    let all: Vec<Resolver> = servers.iter().map(|server| Resolver::At(server.at)).collect();
    let seen = stage.run(resolvers::look(&all, "shop.example.test", NEW));
    let told: Vec<(Verdict, Option<u32>)> =
        seen.iter().map(|one| (one.verdict.clone(), one.ttl.map(|ttl| ttl.div_ceil(10) * 10))).collect();
    let elsewhere = |text: &str| Verdict::Elsewhere(text.to_owned());
    let silent = |text: &str| Verdict::Silent(text.to_owned());
    assert_eq!(
        told,
        [
            (Verdict::There, Some(60)),
            (elsewhere("still old.replit.test"), Some(300)),
            // the same address at the same resolver: it leads there, whatever the names are
            (Verdict::There, Some(40)),
            (elsewhere("says that there is no such name"), Some(20)),
            (silent("it answers SERVFAIL"), None),
            (silent("it answers REFUSED"), None),
            (silent("no answer within 2 s"), None),
        ]
    );
    assert!(resolvers::longest_left(&seen).unwrap() > Duration::from_secs(290));
    let by = servers[1].at;
    assert!(seen[1].words().starts_with(&format!("{by}: still old.replit.test, for another ")), "{}", seen[1].words());
    assert_eq!(seen[6].words(), format!("{}: no answer within 2 s; not counted", servers[6].at));
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_by_tcp_and_a_zone_is_found_from_below() {
    let stage = Stage::open(Run::Live, None, None);
    let long = NameServer::start(Says::Long([192, 0, 2, 7], 30));
    let said = stage.run(question::host(long.at, "shop.example.test")).unwrap();
    assert_eq!((said.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), said.ttl), (vec!["192.0.2.7".to_owned()], Some(30)));
    let zone = NameServer::start(Says::Zone("ns-1.dns.test"));
    assert_eq!(stage.run(question::name_servers(zone.at, "www.shop.example.test")).unwrap(), ["ns-1.dns.test"]);
    assert_eq!(stage.run(question::name_servers(zone.at, "shop.elsewhere.test")).unwrap(), Vec::<String>::new());
    // and where nothing tells them, that is said and not counted
    let seen = stage.run(resolvers::look(&[Resolver::At(long.at), Resolver::Zone], "shop.elsewhere.test", NEW));
    assert_eq!(seen[1].words(), "the zone's own name servers: they cannot be found from here; not counted");
}

fn resolves(
    stage: &Stage,
    servers: &[&NameServer],
    more: Value,
) -> Box<dyn migrate_wizard::wizard::effect::Apply<migrate_wizard::effects::World>> {
    let list: Vec<String> = servers.iter().map(|server| server.at.to_string()).collect();
    let mut fields = json!({ "host": "shop.example.test", "to": NEW, "resolvers": list.join(", ") });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.build("resolves", fields)
}

#[test]
fn it_waits_until_the_last_resolver_has_forgotten_the_old_answer() {
    let stage = Stage::open(Run::Live, None, None);
    let (new, late, silent) =
        (NameServer::start(Says::Name(NEW, 60)), NameServer::start(Says::Name("old.replit.test", 90)), NameServer::start(Says::Silent));
    let left: Arc<Mutex<Vec<u64>>> = Arc::default();
    let known = Arc::clone(&left);
    let says = Arc::new(late);
    let changed = Arc::clone(&says);
    // it forgets once it has been told that somebody waits for it
    let reporter = Reporter::new(move |note| {
        if let Note::Progress(progress) = note {
            known.lock().unwrap().push(progress.remaining_s.unwrap());
            changed.say(Says::Name(NEW, 60));
        }
    });
    let cx = Context { token: "seen-1".into(), reporter, before: Outputs::new() };
    let effect = resolves(&stage, &[&new, &says, &silent], json!({ "within": "60s" }));
    assert_eq!(stage.run(effect.probe(&stage.world)).unwrap(), Probe::Absent);
    let outputs = stage.run(effect.apply(&stage.world, &cx)).unwrap();
    let (new, late, silent) = (new.at, says.at, silent.at);
    assert_eq!(outputs["summary"], format!("seen by {new}, {late}; no answer from {silent}"));
    let left = left.lock().unwrap().clone();
    assert!(left.len() == 1 && (80..=90).contains(&left[0]), "it says how long the old answer is still held: {left:?}");
}

#[test]
fn one_old_answer_is_not_there_and_one_answer_alone_is_not_enough() {
    let stage = Stage::open(Run::Live, None, None);
    let (new, old, silent) =
        (NameServer::start(Says::Name(NEW, 60)), NameServer::start(Says::Name("old.replit.test", 90)), NameServer::start(Says::Silent));
    let apply = |servers: &[&NameServer], more: Value| {
        let effect = resolves(&stage, servers, more);
        stage.run(effect.apply(&stage.world, &stage.context(Outputs::new())))
    };
    let error = apply(&[&new, &old], json!({})).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Conflict, "shop.example.test does not resolve to lb.new.example.test yet"));
    assert!(error.causes.iter().any(|cause| cause.contains("still old.replit.test, for another 1m")), "{error:?}");
    assert!(error.hint.contains("wait for the old time to live"), "{error}");
    // the record was changed: enough for whoever changed it by hand
    assert!(apply(&[&new, &old], json!({ "wanted": "any" })).is_ok());
    let error = apply(&[&new, &silent], json!({})).unwrap_err();
    assert!(error.kind == Kind::Conflict && error.hint.contains("answers of two are wanted"), "{error}");
    assert!(apply(&[&new], json!({})).is_ok(), "the only one that was named is all of them");
    let error = apply(&[&silent], json!({})).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Unreachable, "shop.example.test does not resolve"));
}

// --- the door ---------------------------------------------------------------------------------------------------------------------

fn app(asked: &Asked) -> Answer {
    (200, "text/html", format!("<title>Shop</title>the app at {}", asked.path))
}

/// A load balancer with a port that only redirects, one that serves, and on that the rules of one service with admin pages.
pub struct Balancer {
    pub arn: String,
    listener: String,
    group: String,
}

impl Balancer {
    pub fn make(stage: &Stage, name: &str) -> Self {
        let ask = |action: &str, parameters: &[(&str, &str)]| stage.query("elasticloadbalancing", action, parameters);
        let one = |xml: &str, element: &str| elements(xml, element).first().cloned().unwrap_or_else(|| panic!("no {element} in {xml}"));
        let arn = one(&ask("CreateLoadBalancer", &[("Name", name)]), "LoadBalancerArn");
        let group = one(&ask("CreateTargetGroup", &[("Name", name), ("TargetType", "ip"), ("Port", "80")]), "TargetGroupArn");
        let fixed = [("DefaultActions.member.1.Type", "fixed-response"), ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404")];
        let listener = [&[("LoadBalancerArn", arn.as_str()), ("Port", "80"), ("Protocol", "HTTP")][..], &fixed].concat();
        let listener = one(&ask("CreateListener", &listener), "ListenerArn");
        // the emulator takes the first listener for a port that it does not know
        ask(
            "CreateListener",
            &[
                ("LoadBalancerArn", &arn),
                ("Port", "8080"),
                ("Protocol", "HTTP"),
                ("DefaultActions.member.1.Type", "redirect"),
                ("DefaultActions.member.1.RedirectConfig.Protocol", "HTTPS"),
                ("DefaultActions.member.1.RedirectConfig.StatusCode", "HTTP_301"),
            ],
        );
        let balancer = Self { arn, listener, group };
        balancer.rule(stage, 108, "/admin*", Some("198.51.100.0/24"), true);
        balancer.rule(stage, 109, "/admin*", None, false);
        balancer.rule(stage, 110, "/*", None, true);
        balancer
    }

    /// One that was made before.
    pub fn find(stage: &Stage, arn: &str) -> Self {
        let listeners = stage.query("elasticloadbalancing", "DescribeListeners", &[("LoadBalancerArn", arn)]);
        let serves = listeners.split("<ListenerArn>").skip(1).find(|listener| listener.contains("<Port>80</Port>")).unwrap();
        Self { arn: arn.to_owned(), listener: serves.split('<').next().unwrap().to_owned(), group: String::new() }
    }

    fn rule(&self, stage: &Stage, priority: u32, path: &str, from: Option<&str>, leads: bool) -> String {
        let priority = priority.to_string();
        let mut all = vec![
            ("ListenerArn", self.listener.as_str()),
            ("Priority", &priority),
            ("Conditions.member.1.Field", "path-pattern"),
            ("Conditions.member.1.PathPatternConfig.Values.member.1", path),
        ];
        if let Some(from) = from {
            all.push(("Conditions.member.2.Field", "source-ip"));
            all.push(("Conditions.member.2.SourceIpConfig.Values.member.1", from));
        }
        if leads {
            all.push(("Actions.member.1.Type", "forward"));
            all.push(("Actions.member.1.TargetGroupArn", &self.group));
        } else {
            all.push(("Actions.member.1.Type", "fixed-response"));
            all.push(("Actions.member.1.FixedResponseConfig.StatusCode", "403"));
        }
        let made = stage.query("elasticloadbalancing", "CreateRule", &all);
        elements(&made, "RuleArn")[0].clone()
    }

    fn serve(&self, stage: &Stage, at: std::net::SocketAddr) {
        let (ip, port) = (at.ip().to_string(), at.port().to_string());
        let target = [("TargetGroupArn", self.group.as_str()), ("Targets.member.1.Id", &ip), ("Targets.member.1.Port", &port)];
        stage.query("elasticloadbalancing", "RegisterTargets", &target);
    }

    /// Every rule of the listener that serves: priority and what it does.
    pub fn rules(&self, stage: &Stage) -> Vec<String> {
        let xml = stage.query("elasticloadbalancing", "DescribeRules", &[("ListenerArn", &self.listener)]);
        let types = xml.split("<RuleArn>").skip(1).map(|rule| {
            let header = if rule.contains("x-migrate-wizard") { " for our looks" } else { "" };
            format!("{} {}{header}", elements(rule, "Priority").join(""), elements(rule, "Type").join("+"))
        });
        let mut all: Vec<String> = types.collect();
        all.sort();
        all
    }
}

fn visit(stage: &Stage, name: &str, path: &str, pass: &str) -> (u16, String) {
    stage.run(async {
        let url = format!("{}/_alb/{name}{path}", stage.endpoint());
        let mut request = reqwest::Client::new().get(url);
        if !pass.is_empty() {
            request = request.header(outside::PASS, pass);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

fn door_step(
    stage: &Stage,
    balancer: &Balancer,
    does: &str,
) -> Box<dyn migrate_wizard::wizard::effect::Apply<migrate_wizard::effects::World>> {
    stage.build("door", json!({ "does": does, "load_balancer": balancer.arn, "run": "run-1" }))
}

#[test]
fn nobody_passes_a_closed_door_but_our_looks_and_going_back_closes_it_first() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::new(Part::Aws, Some(&emulator));
    let balancer = Balancer::make(&stage, "shop");
    balancer.serve(&stage, site::plain(app));
    let own = balancer.rules(&stage);
    let cx = || stage.context(Outputs::new());
    let apply = |does: &str| stage.run(door_step(&stage, &balancer, does).apply(&stage.world, &cx())).map(drop);
    let undo = |does: &str| stage.run(door_step(&stage, &balancer, does).undo(&stage.world, &cx(), &Outputs::new()));
    let (open, moved) = ((200, "the app at /cart"), (503, "This site is being moved"));
    let sees = |pass: &str, expected: (u16, &str)| {
        let (status, text) = visit(&stage, "shop", "/cart", pass);
        assert!(status == expected.0 && text.contains(expected.1), "{pass:?} sees {status}: {text}");
    };
    sees("", open);

    // closed: everybody gets the page
    apply("close").unwrap();
    sees("", moved);
    sees("run-1", moved);
    // our looks pass, another word does not
    apply("let_looks_in").unwrap();
    sees("", moved);
    sees("run-2", moved);
    sees("run-1", open);
    // and what is closed to the world stays closed to a look
    assert_eq!(visit(&stage, "shop", "/admin/users", "run-1").0, 403);
    let closed = balancer.rules(&stage);
    let new: Vec<&String> = closed.iter().filter(|rule| !own.contains(rule)).collect();
    assert_eq!(new, ["1 fixed-response for our looks", "2 forward for our looks", "40 fixed-response"]);
    let nothing = stage.build("nothing_temporary", json!({ "load_balancer": balancer.arn }));
    let error = stage.run(nothing.apply(&stage.world, &cx())).unwrap_err();
    assert!(error.what.contains("a rule of the door") && error.hint.contains("migrate-wizard-door"), "{error}");

    // open: the services' own rules, and nothing else
    apply("open").unwrap();
    sees("", open);
    assert_eq!(balancer.rules(&stage), own);
    assert!(stage.run(nothing.apply(&stage.world, &cx())).is_ok());

    // going back, in the order of the playbook: closed before the name changes, free at the end
    apply("close_going_back").unwrap();
    sees("", open);
    undo("close_going_back").unwrap();
    sees("", moved);
    undo("open").unwrap();
    undo("let_looks_in").unwrap();
    sees("run-1", moved);
    undo("close").unwrap();
    assert_eq!(balancer.rules(&stage), own);

    // a rule of somebody else that would come first is told, and nothing is done
    let foreign = balancer.rule(&stage, 3, "/*", None, true);
    let error = apply("close").unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(error.what.ends_with("priority 3 on port 80"), "{error}");
    stage.query("elasticloadbalancing", "DeleteRule", &[("RuleArn", &foreign)]);

    // what a crash left is taken away before a system is deleted, by the name that it has
    apply("close").unwrap();
    apply("let_looks_in").unwrap();
    stage.run(async { door::forget(stage.world.aws().await.unwrap(), "shop", &Reporter::silent()).await }).unwrap();
    assert_eq!(balancer.rules(&stage), own);
    stage.run(async { door::forget(stage.world.aws().await.unwrap(), "no-such", &Reporter::silent()).await }).unwrap();
}

// --- content ----------------------------------------------------------------------------------------------------------------------

fn shop(asked: &Asked) -> Answer {
    let page = |title: &str, text: &str| (200, "text/html; charset=utf-8", format!("<html><title>{title}</title>{text}</html>"));
    match asked.path.as_str() {
        "/" if asked.header("host").starts_with("shop.test") => page("Shop", "Welcome"),
        "/" => (421, "text/plain", "misdirected".into()),
        "/login" => page("Sign in", "<button>Sign in</button>"),
        "/account" if asked.header("cookie") == "sid=signed-by-replit" => page("Account", "Log out"),
        "/account" => page("Sign in", "Sign in first"),
        _ => (404, "text/html", "<title>Shop</title>".into()),
    }
}

/// A single-page app without its server: every path is the same page.
fn shell_of_an_app(_: &Asked) -> Answer {
    (200, "text/html", "<title>Vite App</title><div id=root></div>".into())
}

fn content(stage: &Stage, fields: Value) -> Result<Outputs, migrate_wizard::error::Error> {
    let effect = stage.build("content", fields);
    stage.run(effect.apply(&stage.world, &stage.context(Outputs::new())))
}

#[test]
fn pages_are_held_against_words_and_against_the_old_side() {
    let stage = Stage::open(Run::Live, None, None);
    let old = site::plain(shop);
    let pages = "/ = Welcome, /login = Sign in, /missing";
    let fields = |at: std::net::SocketAddr| json!({ "url": format!("http://shop.test:{}", at.port()), "at": at.ip().to_string(), "pages": pages, "within": "0s" });
    let mut remembering = fields(old);
    remembering["remember"] = json!(true);
    let seen = content(&stage, remembering).unwrap();
    assert_eq!(seen["summary"], "3 pages remembered");
    let with = |at, more: Value| {
        let mut fields = fields(at);
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        content(&stage, fields)
    };
    // the same app on the new side: also the page that is not there is as it was
    let same = with(site::plain(shop), json!({ "like": seen["seen"] })).unwrap();
    assert_eq!(same["summary"], "3 pages as they should be");
    // without the old side a missing page is missing
    let error = with(old, json!({})).unwrap_err();
    assert_eq!(error.causes, ["/missing: status 404"]);
    // 200 for everything: the word, the title and the status tell
    let error = with(site::plain(shell_of_an_app), json!({ "like": seen["seen"] })).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert_eq!(
        error.causes,
        [
            "/: \"Welcome\" is not in it",
            "/: its title is \"Vite App\", on the old side \"Shop\"",
            "/login: \"Sign in\" is not in it",
            "/login: its title is \"Vite App\", on the old side \"Sign in\"",
            "/missing: status 200, on the old side 404",
        ]
    );
    // no old side is known: nothing is looked at, and that is said
    let nothing = content(&stage, json!({ "url": "https://", "pages": "/", "remember": true })).unwrap();
    assert_eq!((&nothing["summary"], &nothing["seen"]), (&json!("no address is known: nothing was looked at"), &json!("")));
}

/// What only a process with another environment can do: see [`in_a_process_that_trusts`].
#[test]
fn with_the_authority_of_a_test() {
    let Ok(given) = std::env::var("MIGRATE_WIZARD_TEST_SITE") else { return };
    let stage = Stage::open(Run::Live, None, None);
    let at = given.as_str();
    let login = |word: &str| {
        let fields = json!({
            "url": "https://shop.test", "at": at, "pages": "/ = Welcome", "logged_in": format!("/account = {word}"), "within": "0s"
        });
        content(&stage, fields)
    };
    // the load balancer's address is asked by the app's own name, which the certificate is held against
    let known = login("Log out").unwrap();
    assert_eq!(known["login"], "a session of the old side is known");
    assert_eq!(known["summary"], "1 page as they should be, and a login of the old side lives on");
    let error = login("Your orders").unwrap_err();
    assert_eq!(error.causes.len(), 1);
    assert!(error.causes[0].starts_with("/account: a session of the old side is not known"), "{error:?}");
    let said = stage.log.lock().unwrap().join("\n") + &format!("{error:?}{known:?}");
    assert!(!said.contains("signed-by-replit"), "the cookie is told to nobody: {said}");
    let other = content(&stage, json!({ "url": "https://other.test", "at": at, "pages": "/", "within": "0s" })).unwrap_err();
    assert!(other.line().to_lowercase().contains("certificate"), "{other:?}");

    let valid = stage.run(outside::certificate("shop.test", at));
    assert_eq!(valid.unwrap(), format!("{at} has a valid certificate for shop.test"));
    let wrong = stage.run(outside::certificate("other.test", at)).unwrap_err();
    assert!(wrong.starts_with(&format!("{at} has no valid certificate for other.test: ")), "{wrong}");
    let check = json!([{ "name": "certificate", "what": "a certificate", "https": "shop.test", "at": at, "fix": "-" }]);
    let ready = stage.build("preconditions", json!({ "check": check }));
    assert!(stage.run(ready.apply(&stage.world, &stage.context(Outputs::new()))).is_ok());
    println!("trusted");
}

fn in_a_process_that_trusts(authority: Option<&Path>, at: std::net::SocketAddr) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "switch::with_the_authority_of_a_test", "--nocapture"]);
    command.env("MIGRATE_WIZARD_TEST_SITE", at.to_string()).env("MIGRATE_WIZARD_SESSION_COOKIE", "sid=signed-by-replit");
    match authority {
        Some(file) => command.env("SSL_CERT_FILE", file),
        None => command.env_remove("SSL_CERT_FILE"),
    };
    let run = command.output().unwrap();
    String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr)
}

#[test]
fn a_certificate_of_a_known_authority_is_valid_for_its_name_alone_and_a_login_lives_on() {
    let certificate = Certificate::of("shop.test");
    let at = certificate.serve(shop);
    let said = in_a_process_that_trusts(Some(&certificate.authority()), at);
    assert!(said.contains("trusted") && said.contains("1 passed"), "{said}");
    // and where nobody knows the authority, nothing of it holds
    let said = in_a_process_that_trusts(None, at);
    assert!(!said.contains("trusted") && said.contains("1 failed"), "{said}");
}

// --- preconditions ----------------------------------------------------------------------------------------------------------------

#[test]
fn the_secret_that_logins_stand_on_must_have_been_given() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::new(Part::Aws, Some(&emulator));
    let app = stage.app();
    stage.put(&app.join("package.json"), r#"{ "name": "shop", "dependencies": { "express": "5.1.0" } }"#);
    stage.put(
        &app.join("index.js"),
        "import express from 'express';\nexpress();\nconst a = process.env.SESSION_SECRET;\nconst b = process.env.JWT_SECRET;\nconst c = process.env.NEXTAUTH_SECRET;\n",
    );
    stage.apply("secret", json!({ "name": "shop-test/session", "from": "env-or-generate:NO_SUCH_VARIABLE", "description": "key", "app": "shop", "environment": "test" }));
    let fields = json!({ "app": "shop", "environment": "test" });
    let outputs = stage.apply("app_secrets", fields);
    assert_eq!(outputs["sessions"], "JWT_SECRET=jwt-secret,NEXTAUTH_SECRET=nextauth-secret,SESSION_SECRET=session");
    let said = stage.log.lock().unwrap().join("\n");
    assert!(said.contains("everybody signs in again: JWT_SECRET, NEXTAUTH_SECRET, SESSION_SECRET"), "{said}");
    let ready = |without: &str| {
        let check = json!([{ "name": "session_secret", "what": "it is Replit's own", "kept": outputs["sessions"], "at": "shop-test/", "fix": "import it" }]);
        let effect = stage.build("preconditions", json!({ "without": without, "check": check }));
        stage.run(effect.apply(&stage.world, &stage.context(Outputs::new())))
    };
    let error = ready("").unwrap_err();
    assert_eq!(error.causes, ["session_secret: not so for JWT_SECRET, NEXTAUTH_SECRET, SESSION_SECRET: it is Replit's own. import it"]);
    assert_eq!(ready("session_secret").unwrap()["without"], "session_secret");

    // Replit's block gives two of them
    stage.put(&app.join("block.env"), "SESSION_SECRET=from-replit-1\nJWT_SECRET=from-replit-2\n");
    let again = stage.apply("app_secrets", json!({ "app": "shop", "environment": "test", "file": "block.env" }));
    assert_eq!(again["sessions"], outputs["sessions"]);
    let error = ready("").unwrap_err();
    assert_eq!(error.causes, ["session_secret: not so for NEXTAUTH_SECRET: it is Replit's own. import it"]);
    stage.put(&app.join("block.env"), "NEXTAUTH_SECRET=from-replit-3\n");
    stage.apply("app_secrets", json!({ "app": "shop", "environment": "test", "file": "block.env" }));
    assert_eq!(ready("").unwrap()["summary"], "every precondition holds");
}

#[test]
fn what_runs_before_the_freeze_must_be_healthy() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::new(Part::Aws, Some(&emulator));
    let ecs = |action: &str, body: Value| stage.ask("ecs", &format!("AmazonEC2ContainerServiceV20141113.{action}"), &body);
    ecs("CreateCluster", json!({ "clusterName": "shop" }));
    let container = json!({ "name": "web", "image": "registry.example/shop:1", "essential": true });
    ecs(
        "RegisterTaskDefinition",
        json!({ "family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512" }),
    );
    ecs(
        "CreateService",
        json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 0, "launchType": "FARGATE" }),
    );
    let told = || {
        let check = json!([{ "name": "running", "what": "it is well", "running": "web", "at": "shop", "fix": "look" }]);
        let effect = stage.build("preconditions", json!({ "check": check }));
        stage.run(effect.preview(&stage.world)).unwrap()[0].text.clone()
    };
    assert_eq!(told(), "running: no service runs yet: they are looked at before the switch");
    ecs("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 2 }));
    assert_eq!(told(), "running: 1 running service healthy");
}
