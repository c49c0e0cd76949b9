//! Every effect keeps the one contract: looking changes nothing, applying twice equals once, undoing twice equals once.
//! Each row of the table is a real effect in a real world; nothing here pretends to be one.

mod http;
pub mod stage;
mod table;

use std::collections::BTreeSet;
use std::pin::pin;
use std::process::Command;
use std::task::Poll;
use std::time::{Duration, Instant};

use migrate_wizard::cloud::image;
use migrate_wizard::effects::{self, World};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::wizard::effect::{Apply, Outputs, Probe, Touch, World as _};
use serde_json::{Value, json};

use crate::support::emulator::Emulator;
use crate::support::postgres::{database, sql, value};
use stage::{Part, Run, Stage, database_seen, words};
use table::{After, Found, Row, table, takes_writes};

#[test]
fn every_registered_effect_stands_in_the_table() {
    let registered: BTreeSet<&str> = effects::registry().names().into_iter().collect();
    let rows: BTreeSet<&str> = table().iter().map(|row| row.kind).collect();
    assert_eq!(registered, rows);
}

#[test]
fn effects_that_stay_here_keep_the_contract() {
    keep_the_contract(Part::Here);
}

#[test]
fn effects_on_aws_keep_the_contract() {
    keep_the_contract(Part::Aws);
}

#[test]
fn effects_on_postgres_keep_the_contract() {
    keep_the_contract(Part::Postgres);
}

/// Where nothing builds images the error is a checklist; the next test shows both sides of it.
#[test]
fn an_image_is_built_and_pushed_or_the_error_is_a_checklist() {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    if let Some(tool) = tokio.block_on(image::find_tool()) {
        keep_the_contract(Part::Builder);
        let removed = Command::new(tool.path).args(["rmi", "--force", "shop-test/web:run-1"]).output().unwrap();
        assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
        return;
    }
    let emulator = Emulator::start(&[]);
    let row = table().into_iter().find(|row| row.kind == "image").unwrap();
    let stage = Stage::new(row.part, Some(&emulator));
    (row.given)(&stage);
    let effect = stage.build("image", (row.fields)(&stage));
    let error = stage.run(effect.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert_eq!(error.what, "neither docker, podman, buildah nor nerdctl is at hand to build the image");
    assert!(
        error.hint.starts_with("install one of them (apt-get install buildah, or Docker Desktop); or build it elsewhere and send it with"),
        "{error}"
    );
    println!("nothing here builds images");
}

#[test]
fn without_a_builder_on_the_path_the_checklist_is_shown() {
    let empty = tempfile::tempdir().unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "effects::an_image_is_built_and_pushed_or_the_error_is_a_checklist", "--nocapture"])
        .env("PATH", empty.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed") && said.contains("nothing here builds images"), "{said}");
}

fn keep_the_contract(part: Part) {
    let emulator = (part != Part::Here).then(|| Emulator::start(&[]));
    let rows: Vec<Row> = table().into_iter().filter(|row| row.part == part).collect();
    // Each row has databases of its own, and waits for them; AWS is one for all rows and is emptied between them.
    let lanes = if part == Part::Postgres { 3 } else { 1 };
    let lane = &|first: usize| -> Vec<String> {
        let mut broken = Vec::new();
        for row in rows.iter().skip(first).step_by(lanes) {
            if let Some(emulator) = emulator.as_ref().filter(|_| lanes == 1) {
                emulator.reset();
            }
            broken.extend(live(row, emulator.as_ref()));
        }
        broken
    };
    let broken: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..lanes).map(|first| scope.spawn(move || lane(first))).collect();
        running.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// One row's life in a world of its own; what was broken in it.
fn live(row: &Row, emulator: Option<&Emulator>) -> Vec<String> {
    let begun = Instant::now();
    let stage = Stage::new(row.part, emulator);
    let problems = Contract { row, stage: &stage, problems: Vec::new() }.check();
    println!("{:>6} ms  {}: {}", begun.elapsed().as_millis(), row.name, if problems.is_empty() { "kept" } else { "BROKEN" });
    problems.into_iter().map(|problem| format!("{}: {problem}", row.name)).collect()
}

/// One row going through its life; collects what is not as it must be.
struct Contract<'a> {
    row: &'a Row,
    stage: &'a Stage,
    problems: Vec<String>,
}

impl Contract<'_> {
    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(what());
        }
    }

    fn seen(&self) -> Vec<String> {
        (self.row.seen)(self.stage)
    }

    fn probe(&mut self, effect: &dyn Apply<World>, when: &str, expected: Found, outputs: Option<&Outputs>) {
        match (self.stage.run(effect.probe(&self.stage.world)), expected) {
            (Ok(Probe::Absent), Found::Absent) => {}
            (Ok(Probe::Present(found)), Found::Present) => {
                // A step found done after a crash goes on with these: they must be those of the apply that was lost.
                if effect.touch() == Touch::Writes
                    && let Some(outputs) = outputs
                {
                    self.must(&found == outputs, || format!("the probe gives {found:?}, apply gave {outputs:?}"));
                }
            }
            (found, _) => self.problems.push(format!("{when} the probe must be {expected:?} and is {found:?}")),
        }
    }

    fn preview(&mut self, effect: &dyn Apply<World>, when: &str, expected: &str) {
        match self.stage.run(effect.preview(&self.stage.world)) {
            Ok(lines) => {
                let first = lines.first().map(|line| format!("{:?} {}", line.sign, line.text)).unwrap_or_default();
                self.must(first.starts_with(expected) && first.is_empty() == expected.is_empty(), || {
                    format!("{when} the preview must begin with {expected:?}: {first:?}")
                });
            }
            Err(error) => self.problems.push(format!("{when} the preview fails: {error}")),
        }
    }

    fn check(mut self) -> Vec<String> {
        let (row, stage) = (self.row, self.stage);
        (row.given)(stage);
        let fields = (row.fields)(stage);
        self.fields_are_checked(&fields);
        let effect = stage.build(row.kind, fields.clone());
        let effect = effect.as_ref();
        if row.part == Part::Postgres {
            stage.target();
        }

        // Looking changes nothing, also where the clients refuse to write.
        let about = effect.describe();
        self.must(!about.sentence.is_empty(), || "it is not described".into());
        let given = self.seen();
        self.preview(effect, "at first", row.preview[0]);
        self.probe(effect, "at first", row.probes[0], None);
        let before = match stage.run(effect.before(&stage.world)) {
            Ok(before) => before,
            Err(error) => {
                self.problems.push(format!("what was before cannot be read: {error}"));
                return self.problems;
            }
        };
        if row.part == Part::Aws {
            let dry = stage.dry();
            let looked =
                dry.run(async { (effect.preview(&dry.world).await, effect.probe(&dry.world).await, effect.before(&dry.world).await) });
            self.must(looked.0.is_ok() && looked.1.is_ok() && looked.2.is_ok(), || format!("a dry run cannot look: {looked:?}"));
        }
        let looked = self.seen();
        let outside = |lines: &[String]| lines.iter().filter(|l| !l.starts_with(".migrate-wizard")).cloned().collect::<Vec<_>>();
        self.must(outside(&looked) == outside(&given), || format!("looking changed {}", difference(&given, &looked)));

        // Twice equals once.
        let cx = stage.context(before.clone());
        let outputs = match stage.run(effect.apply(&stage.world, &cx)) {
            Ok(outputs) => outputs,
            Err(error) => {
                self.problems.push(format!("it cannot be applied: {error}"));
                return self.problems;
            }
        };
        let made = self.seen();
        let new: Vec<&String> = made.iter().filter(|line| !given.contains(line)).collect();
        for expected in row.makes {
            self.must(new.iter().any(|line| line.contains(expected)), || format!("no {expected:?} among what is new: {new:#?}"));
        }
        self.must(!row.makes.is_empty() || new.is_empty(), || format!("it must change nothing and makes {new:#?}"));
        for (name, expected) in (row.gives)().as_object().unwrap() {
            self.must(outputs.get(name) == Some(expected), || format!("the output {name} must be {expected}: {:?}", outputs.get(name)));
        }
        let example = effect.example();
        // that something was found is known only where an app was read
        let unknown: Vec<&String> = outputs.keys().filter(|name| !example.contains_key(*name) && !name.starts_with("found.")).collect();
        self.must(unknown.is_empty(), || format!("a dry run goes on without {unknown:?}"));

        let mut expected = outputs.clone();
        expected.extend((row.again)().as_object().unwrap().clone());
        match stage.run(effect.apply(&stage.world, &cx)) {
            Ok(mut again) => {
                for name in row.measured {
                    self.must(again.contains_key(*name), || format!("the output {name} is missing"));
                    again.insert((*name).to_owned(), expected[*name].clone());
                }
                self.must(again == expected, || format!("the second time it gives {again:?} instead of {expected:?}"));
            }
            Err(error) => self.problems.push(format!("it cannot be applied twice: {error}")),
        }
        let twice = self.seen();
        self.must(twice == made, || format!("the second time changed {}", difference(&made, &twice)));
        self.probe(effect, "when it is done", row.probes[1], Some(&outputs));
        self.preview(effect, "when it is done", row.preview[1]);

        // Undone twice equals once, also when it is not known what it gave.
        for (time, known) in [("first", &outputs), ("second", &outputs), ("third, nothing known,", &Outputs::new())] {
            if let Err(error) = stage.run(effect.undo(&stage.world, &cx, known)) {
                self.problems.push(format!("the {time} undo fails: {error}"));
            }
            let undone = self.seen();
            let left = if row.after == After::AsBefore { &given } else { &made };
            self.must(outside(&undone) == outside(left), || {
                format!("after the {time} undo there is another world: {}", difference(left, &undone))
            });
            self.probe(effect, "when it is undone", row.probes[2], None);
        }
        self.problems
    }

    /// Unknown, missing and wrong fields: the error names the effect and the field.
    fn fields_are_checked(&mut self, good: &Value) {
        let row = self.row;
        let with = |name: &str, value: Option<Value>| {
            let mut fields = good.as_object().unwrap().clone();
            match value {
                Some(value) => drop(fields.insert(name.to_owned(), value)),
                None => drop(fields.shift_remove(name)),
            }
            effects::registry().build(row.kind, Value::Object(fields)).map(drop)
        };
        let cases = std::iter::once(("colour", with("colour", Some(json!("blue"))), "unknown"))
            .chain(row.needs.iter().map(|name| (*name, with(name, None), "missing")))
            .chain(good.as_object().unwrap().keys().map(|name| (name.as_str(), with(name, Some(json!([[1]]))), "invalid")))
            .chain(row.wrong.iter().map(|(name, value)| (*name, with(name, Some(json!(value))), *value)));
        for (name, built, why) in cases.collect::<Vec<_>>() {
            match built {
                Ok(()) => self.problems.push(format!("the field {name} may be {why}")),
                Err(error) => {
                    let named = error.what.contains(&format!("effect `{}`", row.kind))
                        && error.what.contains(&format!("`{name}`"))
                        && error.what.contains(why);
                    self.must(named && !error.hint.is_empty(), || format!("{why} {name}: the error must name effect and field: {error}"));
                }
            }
        }
    }
}

fn difference(before: &[String], after: &[String]) -> String {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("\n  - {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("\n  + {line}"));
    gone.chain(new).collect()
}

/// Dropped at every point where it waits, the freeze is taken back by its undo, which knows nothing of how far it came.
#[test]
fn a_freeze_interrupted_anywhere_is_thawed_by_its_undo() {
    let source = database("frozen");
    sql(&source, stage::SEED);
    interrupted_anywhere(source, "read_only");
}

/// Applies a freeze, cut off at one point after the other, and undoes it each time.
pub fn interrupted_anywhere(source: Connector, how: &str) {
    let stage = Stage::open(Run::Live, None, Some(source));
    let effect = stage.build("freeze", json!({ "how": how }));
    let given = database_seen(&stage, stage.source());
    let (mut points, mut frozen) = (0, 0);
    loop {
        let before = stage.run(effect.before(&stage.world)).unwrap();
        assert_eq!(before["was"], json!({ "read_only": false, "triggers": false }));
        let cx = stage.context(before);
        let ended = stage.run(polled(points, effect.apply(&stage.world, &cx)));
        points += 1;
        frozen += u32::from(matches!(stage.run(effect.probe(&stage.world)), Ok(Probe::Present(_))));
        stage.run(effect.undo(&stage.world, &cx, &Outputs::new())).unwrap();
        no_session_left(&stage);
        assert!(takes_writes(&stage), "interrupted at {points} it stays frozen");
        assert_eq!(database_seen(&stage, stage.source()), given);
        if ended {
            break;
        }
    }
    println!("{points} points, frozen after {frozen} of them");
    assert!(frozen >= 1 && frozen < points, "{frozen} of {points} interruptions came after the freeze");
}

/// Polls a piece of work so many times and then drops it; whether it came to its end.
async fn polled<F: Future>(times: u32, work: F) -> bool {
    let mut work = pin!(work);
    let mut left = times;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// Waits until the server has ended what an interrupted session still did.
fn no_session_left(stage: &Stage) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let busy = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while value(stage.source(), busy) != "0" {
        assert!(Instant::now() < deadline, "sessions stay on the source");
        std::thread::yield_now();
    }
}

/// What stands in Secrets Manager is seen there and nowhere else.
#[test]
fn a_secret_is_shown_nowhere() {
    const PLANTED: &str = "planted-4f1d09c2";
    let emulator = Emulator::start(&[]);
    let stage = Stage::open(Run::Live, Some(emulator.url()), None);
    stage.world.keep_secret("key", PLANTED);
    let fields = json!({ "name": "shop-test/key", "from": "ask:key", "description": "a key", "app": "shop", "environment": "test" });
    let effect = stage.build("secret", fields.clone());
    let cx = stage.context(Outputs::new());
    let stored =
        || stage.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": "shop-test/key" }))["SecretString"].clone();
    let mut shown = vec![format!("{:?}", effect.describe())];
    let mut look = |words: String| shown.push(words);

    // Made, looked at, made again, taken back for a week, and restored: live, it is not lost at once.
    for round in ["made", "restored"] {
        look(format!("{:?}", stage.run(effect.preview(&stage.world)).unwrap()));
        look(format!("{:?}", stage.run(effect.before(&stage.world)).unwrap()));
        look(format!("{:?}", stage.run(effect.apply(&stage.world, &cx)).unwrap()));
        assert_eq!(stored(), PLANTED, "{round}");
        look(format!("{:?}", stage.run(effect.probe(&stage.world)).unwrap()));
        look(format!("{:?}", stage.run(effect.preview(&stage.world)).unwrap()));
        look(words(&stage.run(effect.undo(&stage.world, &cx, &Outputs::new()))));
        assert_ne!(stored(), PLANTED, "{round}");
        assert_eq!(stage.run(effect.probe(&stage.world)).unwrap(), Probe::Absent);
    }

    // Somebody else's secret in the way, a refused write, no endpoint at all: every error has its say.
    let foreign = json!({ "Name": "shop-test/foreign", "SecretString": "theirs" });
    stage.ask("secretsmanager", "secretsmanager.CreateSecret", &foreign);
    let mut in_the_way = fields.clone();
    in_the_way["name"] = json!("shop-test/foreign");
    let theirs = stage.build("secret", in_the_way);
    let refused = stage.run(theirs.apply(&stage.world, &cx));
    assert_eq!(refused.as_ref().unwrap_err().kind, Kind::Conflict);
    look(words(&refused));
    look(format!("{:?}", stage.run(theirs.probe(&stage.world)).unwrap()));
    let dry = Stage::open(Run::Dry, Some(emulator.url()), None);
    dry.world.keep_secret("key", PLANTED);
    let refused = dry.run(effect.apply(&dry.world, &cx));
    assert_eq!(refused.as_ref().unwrap_err().kind, Kind::Refused);
    look(words(&refused));
    drop(emulator);
    let unreachable = stage.run(effect.apply(&stage.world, &cx));
    assert_eq!(unreachable.as_ref().unwrap_err().kind, Kind::Unreachable);
    look(words(&unreachable));

    look(stage.log.lock().unwrap().join("\n"));
    look(stage.files().join("\n"));
    look(format!("{:?} {:?}", migrate_wizard::cloud::Secret::new(PLANTED), stage.world.banner()));
    assert_eq!(shown.iter().filter(|words| words.contains(PLANTED)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(shown.iter().any(|words| words.contains("shop-test/foreign")), "nothing was looked at: {shown:#?}");
}

/// Two roles take turns: the one in use keeps working while the other gets the next password, and going back moves a label only.
#[test]
fn a_database_password_is_rotated_by_turns() {
    let emulator = Emulator::start(&[]);
    let stage = Stage::new(Part::Postgres, Some(&emulator));
    sql(&stage.target(), "create table item (id int primary key); insert into item values (1)");
    stage.apply(
        "app_role",
        json!({ "role": "app", "secret": "shop-test/database-url", "app": "shop", "environment": "test", "target": stage.target_fields() }),
    );
    let arn = stage.ask("secretsmanager", "secretsmanager.DescribeSecret", &json!({ "SecretId": "shop-test/database-url" }))["ARN"].clone();
    let stored = || {
        let value = stage.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": "shop-test/database-url" }));
        value["SecretString"].as_str().unwrap().to_owned()
    };
    let works = |url: &str| {
        let connector = Connector::from_url_alone(url).unwrap();
        let session = stage.run(connector.connect(Access::ReadWrite));
        session.is_ok_and(|s| stage.run(s.batch("insert into public.item select max(id) + 1 from public.item")).is_ok())
    };
    let first = stored();
    assert!(first.starts_with("postgresql://app:") && works(&first), "{first}");

    // given a rotation
    let fields = json!({ "arn": arn, "how": "database", "cluster": "shop", "target": stage.target_fields() });
    let effect = stage.build("rotate_secret", fields);
    let before = stage.run(effect.before(&stage.world)).unwrap();
    assert_eq!(before["role"], "app");
    let cx = stage.context(before);
    let outputs = stage.run(effect.apply(&stage.world, &cx)).unwrap();
    // then the other role is in the secret and may do the same, and the first still works
    let second = stored();
    assert!(second.starts_with("postgresql://app_alt:"), "{second}");
    assert!(works(&second) && works(&first));
    assert_eq!(outputs["old_role"], "app");
    // a crash after it: the same attempt finds its version and makes no third
    assert_eq!(stage.run(effect.apply(&stage.world, &cx)).unwrap(), outputs);
    assert_eq!(stored(), second);
    // the old role is closed, opened again, and the way back works
    let retire = stage.build("retire_role", json!({ "role": "app", "target": stage.target_fields() }));
    stage.run(retire.apply(&stage.world, &cx)).unwrap();
    assert!(!works(&first) && works(&second));
    stage.run(retire.undo(&stage.world, &cx, &Outputs::new())).unwrap();
    stage.run(effect.undo(&stage.world, &cx, &outputs)).unwrap();
    assert_eq!(stored(), first);
    assert!(works(&first));
    // what was shown of it holds neither password
    let shown =
        format!("{:?} {:?} {}", effect.describe(), stage.run(effect.preview(&stage.world)).unwrap(), stage.log.lock().unwrap().join("\n"));
    for url in [&first, &second] {
        let password = url.split(['@', ':']).nth(2).unwrap();
        assert!(password.len() == 64 && !shown.contains(password) && !stage.files().join("\n").contains(password));
    }
}

/// A value from the environment arrives as it is, and nothing else of it is told.
#[test]
fn a_secret_from_the_environment_arrives() {
    let path = std::env::var("PATH").unwrap();
    let emulator = Emulator::start(&[]);
    let stage = Stage::open(Run::Sandbox, Some(emulator.url()), None);
    let outputs = stage.apply("secret", json!({ "name": "shop-test/path", "from": "env:PATH", "description": "", "variable": "SHOP_PATH", "app": "shop", "environment": "test" }));
    let arn = outputs["arn"].as_str().unwrap();
    assert_eq!(outputs["binding"], json!(format!("SHOP_PATH={arn}")));
    assert_eq!(
        stage.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({ "SecretId": "shop-test/path" }))["SecretString"],
        json!(path)
    );

    let none = stage.build(
        "secret",
        json!({ "name": "shop-test/none", "from": "env:NO_SUCH_VARIABLE_HERE", "description": "", "app": "shop", "environment": "test" }),
    );
    let error = stage.run(none.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Input, "no value for the secret shop-test/none"));
    assert!(error.hint.contains("export NO_SUCH_VARIABLE_HERE"), "{error}");
}

/// The four ways in which an app is not well, and the limits that they break.
#[test]
fn an_app_that_is_not_well_is_told_from_one_that_is() {
    let stage = Stage::open(Run::Live, None, None);
    let watch = |url: &str| {
        stage.build(
            "watch",
            json!({
                "url": url, "for": "1s", "every": "100ms", "content_type": "application/json",
                "trigger": [{ "measure": "error_percent", "over": 5, "for": "1s" }, { "measure": "p95_ms", "over": 200, "for": "1s" }],
            }),
        )
    };
    let nobody = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/api/health", free.local_addr().unwrap())
    };
    let cases = [
        (http::answers("200 OK", "application/json", Duration::from_millis(400)), "p95 (from outside) over 200ms for 1.0s", true),
        (http::answers("500 Internal Server Error", "application/json", Duration::ZERO), "status 500 Internal Server Error", false),
        (http::answers("200 OK", "text/html", Duration::ZERO), "content type is text/html, expected application/json", false),
        (nobody, "last 100 % of error rate", false),
    ];
    for (url, says, answers) in cases {
        let effect = watch(&url);
        let error = stage.run(effect.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.what.contains("does not keep its limits") && error.line().contains(says), "{says}: {error}");
        assert_eq!(error.hint, "b rolls back; r watches again after you have mended it");
        assert_eq!(matches!(stage.run(effect.probe(&stage.world)), Ok(Probe::Present(_))), answers, "{url}");
    }
    // One failed look in twenty is within five per cent; the limit is for the many.
    assert!(stage.run(watch(http::healthy()).apply(&stage.world, &stage.context(Outputs::new()))).is_ok());
}

/// A name that leads elsewhere is an error that says so; a name that is nowhere is another.
#[test]
fn a_name_that_does_not_lead_there_is_an_error() {
    let stage = Stage::open(Run::Live, None, None);
    let elsewhere = stage.build("resolves", json!({ "host": "127.0.0.1", "to": "127.0.0.2" }));
    assert_eq!(stage.run(elsewhere.probe(&stage.world)).unwrap(), Probe::Absent);
    let error = stage.run(elsewhere.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Conflict, "127.0.0.1 does not resolve to 127.0.0.2 yet"));
    let nowhere = stage.build("resolves", json!({ "host": "no-such-host.invalid", "to": "127.0.0.1" }));
    let error = stage.run(nowhere.probe(&stage.world)).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Unreachable, "no-such-host.invalid does not resolve"));
}

/// Each precondition that is missing is told with its fix, all at once; what does not concern this system is not asked.
#[test]
fn preconditions_that_are_missing_are_told_all_at_once() {
    let stage = Stage::open(Run::Live, None, None);
    let now = jiff::Timestamp::now();
    let ago = |seconds: i64| (now - jiff::SignedDuration::from_secs(seconds)).to_string();
    let check = |without: &str| {
        stage.build(
            "preconditions",
            json!({ "without": without, "check": [
                { "name": "snapshot", "what": "a snapshot", "only": "dsql", "among": ["rds"], "is": "no", "wanted": ["yes"], "fix": "-" },
                { "name": "early", "what": "lowered", "since": ago(60), "seconds": "3600", "fix": "wait." },
                { "name": "late", "what": "lowered", "since": ago(7200), "seconds": "3600", "fix": "-" },
                { "name": "never", "what": "lowered", "since": "", "seconds": "300", "fix": "lower it" },
                { "name": "certificate", "what": "a certificate", "https": "shop.example", "at": "127.0.0.1", "fix": "look at it" },
                { "name": "rehearsal", "what": "rehearsed", "rehearsed": true, "fix": "rehearse" },
                { "name": "way_back", "what": "the way back is chosen", "is": "", "wanted": ["keep_aside"], "fix": "choose it" },
            ] }),
        )
    };
    let error = stage.run(check("").apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Refused, "not ready for GO: early, never, certificate, rehearsal, way_back"));
    let told = error.causes.join("\n");
    for part in [
        "still to wait. wait.",
        "never: not done yet: lowered. lower it",
        "certificate: 127.0.0.1 has no valid certificate for shop.example",
        "rehearsal: nothing is known of other runs. rehearse",
        "way_back: not so: the way back is chosen. choose it",
    ] {
        assert!(told.contains(part), "{part:?} is missing:\n{told}");
    }
    assert!(error.hint.contains("change the answer go_without to early,never,certificate,rehearsal,way_back"), "{error}");
    let all = check("early, never,certificate, rehearsal,way_back");
    let outputs = stage.run(all.apply(&stage.world, &stage.context(Outputs::new()))).unwrap();
    assert_eq!(outputs["without"], "early,never,certificate,rehearsal,way_back");
}

/// One row that differs is found by name, and strictly it is an error.
#[test]
fn a_difference_is_found() {
    let source = database("differs");
    sql(&source, stage::SEED);
    let stage = Stage::open(Run::Sandbox, None, Some(source));
    let target = stage.target_fields();
    for phase in ["before", "after"] {
        stage.apply("schema", json!({ "phase": phase, "target": target }));
        if phase == "before" {
            stage.apply("rows", json!({ "target": target }));
        }
    }
    stage.apply("sequences", json!({ "target": target }));
    sql(&stage.target(), "update sale set cents = cents + 1 where id = 250");
    let loose = stage.apply("verify", json!({ "strict": false, "target": target }));
    assert_eq!((&loose["equal"], &loose["summary"]), (&json!(false), &json!("1 of 2 tables differ")));
    let strict = stage.build("verify", json!({ "strict": true, "target": target }));
    let error = stage.run(strict.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert_eq!((error.kind, error.causes.as_slice()), (Kind::Failed, ["tables: public.sale".to_owned()].as_slice()));
    assert!(stage.log.lock().unwrap().iter().any(|line| line.starts_with("public.sale differs: 500 rows and 500 rows")));
}
