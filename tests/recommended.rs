//! What the wizard proposes follows from what its scan found: every miniature app goes through a dry run with all that is recommended.
//! The app's files are real; nothing else is at hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::pty::Pty;
use crate::support::wizard::{Done, Wizard};

/// A copy of one of the miniature apps.
fn copy(app: &str) -> Wizard {
    let wizard = Wizard::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(app).join(".");
    assert!(Command::new("cp").arg("-R").arg(from).arg(wizard.path()).status().unwrap().success());
    wizard
}

/// What nothing can be found of: these are a person's alone.
const OWN: [&str; 4] = ["--set", "domain_name=shop.example.com", "--set", "alarm_email=you@example.com"];

fn dry(wizard: &Wizard, more: &[&str]) -> Done {
    wizard.run(&[&["--dry-run", "--json"], OWN.as_slice(), more].concat())
}

fn events(done: &Done) -> Vec<Value> {
    done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines of the log, of one step or of all.
fn lines(done: &Done, step: Option<&str>) -> Vec<String> {
    let log = events(done).into_iter().filter(|e| e["event"] == "log" && step.is_none_or(|step| e["step"] == step));
    log.map(|e| e["line"].as_str().unwrap_or_default().to_owned()).collect()
}

fn answers(wizard: &Wizard) -> BTreeMap<String, String> {
    let entries = wizard.journal().into_iter().map(|line| line["what"].clone()).filter(|what| what["entry"] == "answered");
    entries.map(|what| (what["step"].as_str().unwrap().to_owned(), what["value"].as_str().unwrap_or_default().to_owned())).collect()
}

/// App, then what is taken: database, login, files, cache, language models, size of a task, tasks at least and at most.
const TAKEN: [(&str, [&str; 8]); 10] = [
    ("artifacts", ["dsql", "oidc", "s3", "none", "none", "512-1024", "1", "1"]),
    ("bullmq-worker", ["dsql", "app", "none", "valkey", "none", "512-1024", "1", "1"]),
    ("classic-kv", ["dsql", "app", "none", "none", "none", "512-1024", "2", "4"]),
    ("classic-kv-js", ["dsql", "cognito", "none", "none", "none", "512-1024", "2", "4"]),
    ("fastapi", ["dsql", "app", "s3", "none", "openai", "512-1024", "1", "1"]),
    ("flask-auth", ["dsql", "cognito", "s3", "none", "none", "512-1024", "2", "4"]),
    ("integrations", ["dsql", "cognito", "none", "none", "openai", "512-1024", "1", "1"]),
    ("nextjs", ["dsql", "app", "none", "none", "none", "512-1024", "2", "4"]),
    ("nx-nest", ["rds", "app", "none", "none", "none", "512-1024", "1", "1"]),
    ("rest-express", ["dsql", "cognito", "s3", "none", "none", "1024-2048", "1", "1"]),
];
const OF: [&str; 8] = ["database", "auth", "storage", "cache", "ai", "task_size", "tasks_min", "tasks_max"];

/// App, question, and what its reason names.
const REASONS: [(&str, &str, &str); 13] = [
    ("artifacts", "auth", "B11: people log in with Clerk (artifacts/api-server/package.json:1)"),
    ("artifacts", "tasks_min", "F11: web sockets live in one task (artifacts/realtime/src/index.ts:5)"),
    ("bullmq-worker", "services", "mailer, worker answer no port: "),
    ("bullmq-worker", "cache", "F10: the app uses Redis (src/queue.ts:1, src/worker.ts:1)"),
    ("bullmq-worker", "tasks_min", "A4: it was published on one reserved machine (.replit:5)"),
    ("classic-kv-js", "auth", "B4: the app trusts Replit's login headers (index.js:10, public/index.html:3)"),
    ("fastapi", "storage", "D2: the app keeps objects in Replit's object storage (main.py:7)"),
    ("fastapi", "tasks_max", "F9: timers run inside the server (main.py:4)"),
    ("flask-auth", "storage", "F12: files of users are written to the local disk (app.py:13)"),
    ("integrations", "ai", "D9: the app calls language models that Replit pays for (server/summary.ts:5)"),
    (
        "nx-nest",
        "database",
        "C11: the app keeps a database connection of its own for notifications or advisory locks (apps/backend/src/app.module.ts:10)",
    ),
    ("rest-express", "auth", "B1: people log in with Replit (server/replitAuth.ts:31)"),
    ("rest-express", "task_size", "F6: the app starts a browser (.replit:7, server/routes.ts:4)"),
];

#[test]
fn every_app_goes_to_its_end_with_all_that_is_recommended_and_contradicts_nothing() {
    let all: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(all.len(), TAKEN.len(), "{all:?}");
    for (app, expected) in TAKEN {
        // given an app, when nobody says anything but its name in the world
        let wizard = copy(app);
        let done = dry(&wizard, &["--yes"]).expect(0);
        // then what was found has its answer
        let given = answers(&wizard);
        let taken = OF.map(|question| given[question].as_str());
        assert_eq!(taken, expected, "{app}: {OF:?}");
        // and nothing speaks against what the wizard itself proposed
        let spoken: Vec<String> =
            lines(&done, None).into_iter().filter(|l| l.starts_with("contradiction:") || l.starts_with("warning:")).collect();
        assert_eq!(spoken, Vec::<String>::new(), "{app}");
        // with the place that it follows from
        for (_, question, reason) in REASONS.iter().filter(|(its, _, _)| *its == app) {
            let told = lines(&done, Some(question));
            assert!(
                told.iter().any(|line| line.starts_with("recommended because ") && line.contains(reason)),
                "{app} {question}: {told:#?}"
            );
        }
        // and no hole is left open in anything that was said
        let open: Vec<String> =
            lines(&done, None).into_iter().filter(|l| l.contains("${") || l.contains(".. ") || l.contains(", .")).collect();
        assert_eq!(open, Vec::<String>::new(), "{app}");
    }
}

#[test]
fn the_question_on_show_and_the_plan_say_the_same_with_the_place() {
    let wizard = copy("rest-express");
    let place = "B1: people log in with Replit (server/replitAuth.ts:31)";
    // the plan, before anything was run
    let plan: Value = serde_json::from_str(&wizard.run(&["plan", "--json"]).expect(0).out()).unwrap();
    let line = plan.as_array().unwrap().iter().find(|line| line["step"] == "auth").unwrap();
    let told = line["describe"].as_str().unwrap();
    assert!(told.starts_with("cognito (recommended: ") && told.contains(place), "{told}");
    // the question on the screen and in lines, when it is the only one that nobody answered
    dry(&wizard, &["--yes"]).expect(0);
    let sets: Vec<String> =
        answers(&wizard).into_iter().filter(|(id, _)| id != "auth").map(|(id, value)| format!("{id}={value}")).collect();
    for (face, reason) in [(None, format!("Recommended because: {place}")), (Some("--plain"), format!("recommended because: {place}"))] {
        let sets = sets.iter().flat_map(|set| ["--set", set.as_str()]);
        let args: Vec<&str> = ["--dry-run", "--new"].into_iter().chain(face).chain(sets).collect();
        // so tall that lines, too, still have their beginning on the screen
        let mut pty = Pty::wizard(&wizard, &args, 200, 200);
        pty.wait_for("What was understood").wait_stable();
        pty.keys("\r");
        pty.wait_for("How do users log in?").wait_for("Cognito user pool  (recommended)").wait_for(&reason);
        assert!(!pty.screen().contains("own login  (recommended)"), "{}", pty.screen());
    }
}

#[test]
fn an_answer_against_a_finding_is_taken_and_told_or_refused_where_it_cannot_work() {
    let wizard = copy("rest-express");
    let done = dry(&wizard, &["--yes", "--set", "auth=app", "--set", "tasks_min=2", "--set", "tasks_max=3"]).expect(0);
    assert_eq!(answers(&wizard)["auth"], "app");
    let told = lines(&done, None);
    for part in [
        "`cognito` is recommended instead because B1: people log in with Replit",
        "`1` is recommended instead because A4: it was published on one reserved machine",
        "warning: The app logs people in with Replit (server/replitAuth.ts:31)",
        "warning: The app was published on one reserved machine (.replit:10)",
    ] {
        assert!(told.iter().any(|line| line.starts_with(part)), "{part}: {told:#?}");
    }
    let wizard = copy("bullmq-worker");
    dry(&wizard, &["--yes", "--set", "cache=none"]).expect(1).says("contradiction: The app uses Redis").says("--set cache=valkey");
}

#[test]
fn findings_are_counted_in_one_way_wherever_they_are_told() {
    let wizard = Wizard::sample();
    let counted = "28 findings in 40 places";
    let scanned = wizard.run(&["app", "scan"]).expect(0).out();
    assert!(scanned.contains(&format!("\n{counted}: ")), "{scanned}");
    let done = dry(&wizard, &["--yes"]).expect(0);
    assert_eq!(lines(&done, Some("scan")).iter().filter(|line| line.contains(counted)).count(), 1, "{:?}", lines(&done, Some("scan")));
    assert_eq!(lines(&done, Some("assessment")).iter().filter(|line| line.starts_with(counted)).count(), 1);
    let read = wizard.journal().into_iter().map(|line| line["what"].clone()).find(|what| what["entry"] == "done" && what["step"] == "scan");
    let summary = read.unwrap()["outputs"]["summary"].to_string();
    assert!(summary.contains(counted), "{summary}");
    // and nowhere is another number of them
    let figures = regex::Regex::new(r"(\d+) findings?\b").unwrap();
    let all = lines(&done, None).join("\n") + &summary + &scanned;
    let others: Vec<&str> = figures.captures_iter(&all).map(|found| found.get(1).unwrap().as_str()).filter(|n| *n != "28").collect();
    assert_eq!(others, Vec::<&str>::new());
}

#[test]
fn a_tour_is_never_what_a_move_is_looked_up_by() {
    const TOUR: [&str; 4] = ["tour", "--yes", "--set", "speed=brisk"];
    // given nothing but a tour
    let wizard = Wizard::sample();
    wizard.run(&TOUR).expect(0);
    let told = wizard.run(&["status"]).expect(0).out();
    assert!(told.contains("tour-") && told.contains("nothing of it is for real"), "{told}");
    wizard.run(&["cutover", "status"]).expect(2).says("there is no run");
    // when a move was begun and another tour was taken
    dry(&wizard, &["--yes"]).expect(0);
    wizard.run(&TOUR).expect(0);
    // then it is the move that is told of
    let status: Value = serde_json::from_str(&wizard.run(&["status", "--json"]).expect(0).out()).unwrap();
    assert_eq!((status["journey"].as_str(), status["mode"].as_str()), (Some("move"), Some("dry")), "{status}");
    let run = status["run"].as_str().unwrap();
    assert!(wizard.run(&["cutover", "status"]).expect(0).out().contains(run));
    assert!(!wizard.run(&["status"]).expect(0).out().contains("nothing of it is for real"));
}
