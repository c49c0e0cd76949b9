//! Watching what runs on AWS: a broken limit is told with its evidence, a restart goes on, and going back by itself needs a word given before.
//! The app is a real HTTP server on loopback. CloudWatch is the emulator, whose figures are those that the test wrote into it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use migrate_wizard::cloud::metrics::{self, Place, What};
use migrate_wizard::error::Kind;
use migrate_wizard::wizard::effect::Outputs;
use serde_json::{Value, json};

use super::effects::stage::{Part, Run, Stage};
use super::support::emulator::Emulator;
use super::support::wizard::{Done, Wizard};

/// An app that is well until it is not.
struct App {
    url: String,
    ill: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl App {
    /// Ill from the request on that has this number.
    fn ill_after(requests: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/health", listener.local_addr().unwrap());
        let (ill, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (state, count) = (ill.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 2048];
                let _asked = stream.read(&mut request);
                if count.fetch_add(1, Ordering::SeqCst) + 1 > requests {
                    state.store(true, Ordering::SeqCst);
                }
                let status = if state.load(Ordering::SeqCst) { "500 Internal Server Error" } else { "200 OK" };
                let _left = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
                );
            }
        });
        Self { url, ill, asked }
    }

    fn well() -> Self {
        Self::ill_after(usize::MAX)
    }
}

fn fields(url: &str, length: &str) -> Value {
    json!({
        "url": url, "for": length, "every": "50ms", "span": "250ms",
        "trigger": [{ "measure": "error_percent", "over": 5, "for": "1s" }, { "measure": "p95_ms", "over": 3000, "for": "1s" }],
    })
}

fn readings(stage: &Stage) -> Vec<Value> {
    let text = std::fs::read_to_string(stage.out("watch.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn values(readings: &[Value], measure: &str) -> Vec<f64> {
    let of = readings.iter().filter(|r| r["reading"]["series"]["measure"] == measure);
    of.map(|r| r["reading"]["value"].as_f64().unwrap()).collect()
}

#[test]
fn an_app_that_falls_ill_breaks_the_limit_with_its_evidence() {
    let stage = Stage::open(Run::Live, None, None);
    let app = App::ill_after(20);
    let effect = stage.build("watch", fields(&app.url, "30s"));
    let begun = Instant::now();
    let error = stage.run(effect.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for the end of the watch: {:?}", begun.elapsed());
    assert_eq!(error.kind, Kind::Failed);
    assert_eq!(error.what, format!("{} does not keep its limits: error rate (from outside) over 5 % for 1.0s", app.url));
    assert!(error.causes[0].starts_with("since 20") && error.causes[0].contains("last ") && error.causes[0].contains("100 %"), "{error}");
    assert!(error.causes[1].contains("looks failed; last: status 500"), "{error}");
    assert_eq!(error.hint, "b rolls back; r watches again after you have mended it");
    // what was seen is written down: good at first, then a second of nothing but errors
    let percents = values(&readings(&stage), "error_percent");
    assert_eq!(percents[0], 0.0, "{percents:?}");
    assert!(percents.iter().rev().take_while(|percent| **percent > 5.0).count() >= 3, "{percents:?}");
    let log = stage.log.lock().unwrap().join("\n");
    assert!(log.contains("at most 5 % are allowed") && log.contains("graphs: [Graph { name: \"error rate (from outside)\""), "{log}");
}

#[test]
fn errors_that_pass_in_time_break_nothing_and_the_watch_waits_for_them() {
    let stage = Stage::open(Run::Live, None, None);
    let app = App::well();
    let effect = stage.build("watch", fields(&app.url, "1500ms"));
    let mender = {
        let (ill, asked) = (app.ill.clone(), app.asked.clone());
        std::thread::spawn(move || {
            let end = Instant::now() + Duration::from_secs(60);
            while asked.load(Ordering::SeqCst) == 0 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            // by the clock, not by a number of looks: a busy machine looks less often, and the watch would end before
            std::thread::sleep(Duration::from_millis(1_100));
            ill.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(500));
            ill.store(false, Ordering::SeqCst);
        })
    };
    let outputs = stage.run(effect.apply(&stage.world, &stage.context(Outputs::new()))).unwrap();
    mender.join().unwrap();
    assert!(outputs["errors"].as_u64().unwrap() > 0, "{outputs:?}");
    let percents = values(&readings(&stage), "error_percent");
    assert!(*percents.last().unwrap() <= 5.0 && percents.iter().any(|percent| *percent > 5.0), "{percents:?}");
}

#[test]
fn a_watch_that_was_interrupted_goes_on_with_the_time_that_is_left() {
    let stage = Stage::open(Run::Live, None, None);
    let app = App::well();
    let effect = stage.build("watch", fields(&app.url, "4s"));
    let cx = stage.context(Outputs::new());
    let cut = stage.run(async { tokio::time::timeout(Duration::from_millis(2600), effect.apply(&stage.world, &cx)).await });
    assert!(cut.is_err(), "it was to be interrupted: {cut:?}");
    let before = readings(&stage);
    assert!(before.len() >= 8, "{before:?}");
    let begun = Instant::now();
    let outputs = stage.run(effect.apply(&stage.world, &cx)).unwrap();
    assert!(begun.elapsed() < Duration::from_millis(3500), "it began anew: {:?}", begun.elapsed());
    let after = readings(&stage);
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(outputs["readings"], json!(after.len()));
    let log = stage.log.lock().unwrap().join("\n");
    assert!(log.contains(&format!("{} readings of an earlier start; ", before.len())), "{log}");
    // another attempt of the step begins anew
    let other = migrate_wizard::wizard::effect::Context { token: "another-attempt".into(), ..cx };
    let begun = Instant::now();
    stage.run(stage.build("watch", fields(&app.url, "1s")).apply(&stage.world, &other)).unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn metrics_that_cannot_be_read_are_told_and_not_counted_as_good() {
    let stage = Stage::open(Run::Live, None, None);
    let app = App::well();
    let mut fields = fields(&app.url, "1s");
    fields["metrics"] = json!({
        "load_balancer": "app/shop/1", "target_groups": "targetgroup/web/1, targetgroup/api/2",
        "database": "rds", "identifier": "shop-test", "rds_class": "db.t4g.micro", "connections": { "db.t4g.micro": 112 },
    });
    let outputs = stage.run(stage.build("watch", fields).apply(&stage.world, &stage.context(Outputs::new()))).unwrap();
    let log = stage.log.lock().unwrap().join("\n");
    assert!(log.contains("CloudWatch cannot be read, which counts neither as good nor as bad: "), "{log}");
    for series in [
        "error rate (CloudWatch)",
        "p95 (CloudWatch)",
        "healthy targets (CloudWatch, targetgroup/web/1)",
        "healthy targets (CloudWatch, targetgroup/api/2)",
        "connections (CloudWatch, shop-test)",
        "connections of the most (CloudWatch, shop-test)",
    ] {
        assert!(outputs["not_seen"].as_str().unwrap().contains(series), "{series} is missing: {outputs:?}");
    }
    assert!(outputs["summary"].as_str().unwrap().contains("; never read: "), "{outputs:?}");
}

#[test]
fn a_trigger_that_could_never_fire_is_refused() {
    let stage = Stage::open(Run::Live, None, None);
    let build = |trigger: Value| {
        let fields = json!({ "url": "http://127.0.0.1:9/", "for": "1m", "trigger": [trigger] });
        migrate_wizard::effects::registry().build("watch", fields).map(drop)
    };
    for (trigger, says) in [
        (json!({ "measure": "error_percent", "over": 5, "for": "5m" }), "too short for the trigger error rate over 5 % for 5m00s"),
        (json!({ "measure": "error_percent", "for": "1m" }), "needs one limit"),
        (json!({ "measure": "mood", "over": 1, "for": "1m" }), "unknown variant `mood`"),
    ] {
        let error = build(trigger).unwrap_err();
        assert!(error.what.contains(says) && error.what.contains("effect `watch`") && !error.hint.is_empty(), "{says}: {error}");
    }
    assert!(build(json!({ "measure": "error_percent", "over": 5, "for": "1m" })).is_ok());
    drop(stage);
}

/// The emulator holds what the test puts in: minute by minute, as CloudWatch keeps it.
#[test]
fn figures_come_from_cloudwatch_by_the_minute() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::new(Part::Aws, Some(&emulator));
    let minute = jiff::Timestamp::now().as_second() / 60 * 60 - 300;
    let balancer = json!([{ "Name": "LoadBalancer", "Value": "app/shop/1" }]);
    let group = json!([{ "Name": "LoadBalancer", "Value": "app/shop/1" }, { "Name": "TargetGroup", "Value": "targetgroup/web/1" }]);
    let put = |namespace: &str, name: &str, dimensions: &Value, after: i64, value: f64| {
        let datum = json!({ "MetricName": name, "Dimensions": dimensions, "Timestamp": minute + after, "Value": value });
        let body = json!({ "Namespace": namespace, "MetricData": [datum] });
        stage.ask("monitoring", "GraniteServiceVersion20100801.PutMetricData", &body);
    };
    for (after, requests, errors) in [(0, 100.0, 2.0), (60, 50.0, 0.0)] {
        put("AWS/ApplicationELB", "RequestCount", &balancer, after, requests);
        put("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", &balancer, after, errors);
    }
    put("AWS/ApplicationELB", "HealthyHostCount", &group, 0, 2.0);
    put("AWS/ApplicationELB", "HealthyHostCount", &group, 60, 1.0);
    put("AWS/RDS", "DatabaseConnections", &json!([{ "Name": "DBInstanceIdentifier", "Value": "shop-test" }]), 60, 17.0);
    put("AWS/RDS", "DatabaseConnections", &json!([{ "Name": "DBInstanceIdentifier", "Value": "another" }]), 60, 99.0);
    let place = Place {
        load_balancer: Some("app/shop/1".into()),
        target_groups: vec!["targetgroup/web/1".into()],
        database: Some(("DBInstanceIdentifier".into(), "shop-test".into())),
    };
    let read =
        stage.run(async { metrics::read(stage.world.aws().await?, &place, (minute - 60) * 1000, (minute + 180) * 1000).await }).unwrap();
    let of = |what: What| read.iter().find(|points| points.what == what).unwrap().points.clone();
    let at = |after: i64| (minute + after) * 1000;
    assert_eq!(of(What::Requests), [(at(0), 100.0), (at(60), 50.0)]);
    assert_eq!(of(What::TargetErrors), [(at(0), 2.0), (at(60), 0.0)]);
    assert_eq!(of(What::Healthy), [(at(0), 2.0), (at(60), 1.0)]);
    assert_eq!(of(What::Connections), [(at(60), 17.0)]);
    // what nobody measured has no points: it is not zero
    assert_eq!(of(What::P95Seconds), []);
    assert_eq!(read.len(), 7);
}

/// The watch began some minutes ago, as the book of an earlier start says; since then no target was healthy.
#[test]
fn a_limit_on_what_cloudwatch_measured_is_broken_too() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::open(Run::Live, Some(emulator.url()), None);
    let app = App::well();
    let cx = stage.context(Outputs::new());
    let minute = jiff::Timestamp::now().as_second() / 60 * 60 - 420;
    let at = jiff::Timestamp::from_second(minute).unwrap();
    let series = json!({ "measure": "error_percent", "source": "outside" });
    let kept =
        json!({ "watch": format!("{} {}", cx.token, app.url), "reading": { "series": series, "at": at, "span_ms": 1000, "value": 0.0 } });
    std::fs::write(stage.out("watch.jsonl"), format!("{kept}\n")).unwrap();
    let group = json!([{ "Name": "LoadBalancer", "Value": "app/shop/1" }, { "Name": "TargetGroup", "Value": "targetgroup/web/1" }]);
    for (after, healthy) in [(-60, 0.0), (0, 1.0), (60, 0.0), (120, 0.0), (180, 0.0)] {
        let datum = json!({ "MetricName": "HealthyHostCount", "Dimensions": group, "Timestamp": minute + after, "Value": healthy });
        let body = json!({ "Namespace": "AWS/ApplicationELB", "MetricData": [datum] });
        stage.ask("monitoring", "GraniteServiceVersion20100801.PutMetricData", &body);
    }
    let fields = json!({
        "url": app.url, "for": "10m", "every": "50ms",
        "trigger": [{ "measure": "healthy", "under": 1, "for": "3m" }],
        "metrics": { "load_balancer": "app/shop/1", "target_groups": "targetgroup/web/1" },
    });
    let begun = Instant::now();
    let error = stage.run(stage.build("watch", fields).apply(&stage.world, &cx)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(error.what.ends_with("healthy targets (CloudWatch, targetgroup/web/1) under 1 for 3m00s"), "{error}");
    let since = jiff::Timestamp::from_second(minute + 60).unwrap().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    assert!(error.causes[0].starts_with(&format!("since {since}, for 3m00s: last 0, 0, 0 of healthy targets")), "{error}");
    // the minute before the watch is not held against it
    let healthy = values(&readings(&stage), "healthy");
    assert_eq!(healthy[..4], [1.0, 0.0, 0.0, 0.0]);
}

/// A small journey: a question, something made before and after, and a watch that fails.
fn journey(url: &str, length: &str, back: &str) -> (Wizard, Vec<String>) {
    let wizard = Wizard::empty();
    let make = |id: &str| {
        format!("[[step]]\nid = \"{id}\"\ntitle = \"Make {id}\"\nwhy = \"w\"\n[step.effect]\nkind = \"simulate\"\ntext = \"{id}\"\n")
    };
    let parts: [&str; 9] = [
        "phase = \"tour\"\ntitle = \"Tour\"\nwhy = \"w\"\njourney = \"tour\"\n",
        "[[step]]\nid = \"back_by_itself\"\ntitle = \"Back?\"\nwhy = \"w\"\n[step.ask]\nkind = \"choice\"\nrecommended = \"no\"\n",
        "[[step.ask.option]]\nid = \"no\"\nlabel = \"No\"\nconsequence = \"c\"\n[[step.ask.option]]\nid = \"yes\"\nlabel = \"Yes\"\nconsequence = \"c\"\n",
        &make("kept"),
        &make("first"),
        &make("second"),
        "[[step]]\nid = \"look\"\ntitle = \"Watch it\"\nwhy = \"w\"\nrollback-when = { back_by_itself = [\"yes\"] }\nrollback-to = [\"first\"]\n",
        &format!("[step.effect]\nkind = \"watch\"\nurl = \"{url}\"\nfor = \"{length}\"\nevery = \"50ms\"\nspan = \"250ms\"\n"),
        "[[step.effect.trigger]]\nmeasure = \"error_percent\"\nover = 5\nfor = \"500ms\"\n",
    ];
    let folder = wizard.path().join("playbooks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tour.toml"), parts.concat()).unwrap();
    let said = format!("back_by_itself={back}");
    let args = ["tour", "--yes", "--playbooks", folder.to_str().unwrap(), "--set", said.as_str()];
    (wizard, args.map(str::to_owned).to_vec())
}

fn run(wizard: &Wizard, args: &[String]) -> Done {
    wizard.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What stands in the run's folder for the steps that were made.
fn made(wizard: &Wizard) -> Vec<String> {
    let files = std::fs::read_dir(wizard.run_dir().join("simulated")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn entries<'a>(journal: &'a [Value], name: &str) -> Vec<&'a Value> {
    journal.iter().map(|record| &record["what"]).filter(|what| what["entry"] == name).collect()
}

#[test]
fn unattended_it_goes_back_by_itself_only_where_that_was_said_before() {
    let app = App::ill_after(0);
    let (wizard, args) = journey(&app.url, "5s", "yes");
    let done = run(&wizard, &args).expect(1).says("step `look` (Watch it) failed, and the run went back by itself").says("status 500");
    assert!(done.out().contains("rolling back to first, by itself: look failed, and back_by_itself is yes"), "{}", done.out());
    let journal = wizard.journal();
    let started = entries(&journal, "rollback_started");
    assert_eq!((started.len(), &started[0]["to"]), (1, &json!("first")));
    assert!(started[0]["because"].as_str().unwrap().contains("error rate (from outside) over 5 %"), "{started:?}");
    let undone: Vec<&Value> = entries(&journal, "undo_done").iter().map(|what| &what["step"]).collect();
    assert_eq!(undone, ["second", "first"]);
    assert_eq!(made(&wizard), ["kept"]);
    assert_eq!(entries(&journal, "rolled_back").len(), 1);

    let (wizard, args) = journey(&app.url, "5s", "no");
    run(&wizard, &args)
        .expect(1)
        .says("step `look` (Watch it) failed: ")
        .says("b rolls back, which takes about ")
        .says("back to first (2 steps, ");
    assert_eq!(entries(&wizard.journal(), "rollback_started").len(), 0);
    assert_eq!(made(&wizard), ["first", "kept", "second"]);
}

#[test]
fn the_command_watches_what_the_run_brought_to_aws() {
    let app = App::well();
    let (wizard, args) = journey(&app.url, "1s", "no");
    Wizard::empty().run(&["watch"]).expect(2).says("there is no live run");
    run(&wizard, &args).expect(0);
    let watch = |more: &[&str]| wizard.run(&[&["watch", "--playbooks", args[3].as_str()][..], more].concat());
    let entries = wizard.journal().len();
    let told = watch(&["--for", "2s"]).expect(0).out();
    assert!(told.contains("as in its step look") && told.contains("no limit was broken: "), "{told}");
    let json = watch(&["--for", "1s", "--json"]).expect(0).out();
    let events: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["errors"]), (&json!("watched"), &json!(0)), "{json}");
    let progress = events.iter().rfind(|event| event["event"] == "progress").unwrap();
    assert_eq!(progress["progress"]["graphs"][0]["name"], "error rate (from outside)");
    app.ill.store(true, Ordering::SeqCst);
    watch(&["--for", "5s", "--json"]).expect(1).says("does not keep its limits").says("status 500");
    watch(&["--for", "100ms"]).expect(2).says("too short for the trigger");
    watch(&["--for", "soon"]).expect(2).says("write it like 90s");
    assert_eq!(wizard.journal().len(), entries, "the command writes nothing into the journal");
    let watches: std::collections::BTreeSet<String> = std::fs::read_to_string(wizard.run_dir().join("watch.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["watch"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(watches.len(), 4, "{watches:?}");
}

#[test]
fn a_command_that_was_stopped_goes_on_with_the_time_that_is_left() {
    let app = App::well();
    let (wizard, args) = journey(&app.url, "1s", "no");
    run(&wizard, &args).expect(0);
    let folder = args[3].clone();
    let watch = ["watch", "--playbooks", folder.as_str(), "--for", "4s"];
    let file = wizard.run_dir().join("watch.jsonl");
    let count = || std::fs::read_to_string(&file).unwrap_or_default().matches("\"watch\":\"watch-").count();
    let mut child = wizard.spawn(&watch);
    let until = Instant::now() + Duration::from_secs(60);
    while count() < 10 {
        assert!(Instant::now() < until, "nothing was read");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = count();
    let done = wizard.run(&watch).expect(0);
    assert!(done.err().contains(&format!("{before} readings of an earlier start; ")), "{}{}", done.out(), done.err());
    // sixteen spans of a quarter of a second, two readings each; a second watch of four seconds would have added as many
    assert!(count() < 32 + 8, "{} readings", count());
}
