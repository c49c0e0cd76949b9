//! What the wizard promises about its own speed and size, measured on the release build and printed beside the goal.
//! It asserts nothing: a busy machine is no failure, and a figure is read by a person.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compiler;
mod large_schema;
mod scan;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use migrate_wizard::cli::Cli;
use migrate_wizard::command;
use migrate_wizard::decide::Profile;
use migrate_wizard::effects::Costs;
use migrate_wizard::faces::tui::{Model, Theme, draw};
use migrate_wizard::library;
use migrate_wizard::wizard::journal::{Entry, FORMAT, Journal};
use migrate_wizard::wizard::state::State;
use migrate_wizard::wizard::template::Facts;
use migrate_wizard::wizard::view::{Event, Mode, PhaseView, RunView, RunningView, Screen, Standing, StepView, View};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ratatui::backend::TestBackend;
use serde_json::json;

fn main() {
    println!("{:<58} {:>12}   {:<10} of", "measure", "figure", "goal");
    first_frame();
    replay();
    frame();
    decisions();
    idle();
    compiler::run();
    scan::run();
}

fn line(what: &str, figure: &str, goal: &str, of: &str) {
    println!("{what:<58} {figure:>12}   {goal:<10} {of}");
}

fn millis(d: Duration) -> String {
    format!("{:.2} ms", d.as_secs_f64() * 1_000.0)
}

/// The middle and the worst of some times.
fn middle(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], *times.last().unwrap())
}

/// The binary in a pseudo-terminal, with what it has drawn.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    _master: Box<dyn MasterPty + Send>,
}

fn size(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

impl Terminal {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_migrate-wizard"));
        command.args(args);
        command.cwd(dir);
        for (name, _) in std::env::vars() {
            if name.starts_with("AWS_") || name.starts_with("PG") || name.ends_with("DATABASE_URL") {
                command.env_remove(name);
            }
        }
        command.env("TERM", "xterm-256color");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_CONFIG_FILE", "/nonexistent");
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(40), size(120), 0)));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut writer = pair.master.take_writer().unwrap();
        let into = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 16_384];
            while let Ok(n) = reader.read(&mut bytes) {
                if n == 0 {
                    break;
                }
                into.lock().unwrap().process(&bytes[..n]);
                // as every terminal does when it is asked where its cursor is
                if bytes[..n].windows(4).any(|w| w == b"\x1b[6n") {
                    writer.write_all(b"\x1b[1;1R").unwrap();
                }
            }
        });
        Self { child, screen, _master: pair.master }
    }

    /// Waits until the screen holds this text.
    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let contents = self.screen.lock().unwrap().screen().contents();
            if contents.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} did not come:\n{contents}");
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn first_frame() {
    let dir = tempfile::tempdir().unwrap();
    let times = (0..21)
        .map(|_| {
            let begun = Instant::now();
            let terminal = Terminal::start(dir.path(), &["tour", "--new"]);
            terminal.wait_for("What is your app called?");
            begun.elapsed()
        })
        .collect();
    let (middle, worst) = middle(times);
    line("start to first frame (tour, 120x40 pty)", &millis(middle), "< 100 ms", &format!("21 starts, worst {}", millis(worst)));
}

fn replay() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path()).unwrap();
    let mut put = |entry| {
        journal.append("2026-11-20T14:03:22.123Z".into(), entry).unwrap();
    };
    put(Entry::Opened {
        format: FORMAT,
        run: "bench".into(),
        journey: "move".into(),
        mode: Mode::Live,
        sandbox: false,
        tool: "0".into(),
        facts: BTreeMap::new(),
    });
    let fields = json!({ "layer": "service", "name": "shop-production-web", "app": "shop", "environment": "production", "parameters": {
        "VpcId": "vpc-0123456789abcdef0", "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1", "ContainerPort": "3000", "Cpu": "256", "Memory": "512" } });
    for i in 0..9_999_u32 {
        let step = format!("step{}", i / 2 % 400);
        if i % 2 == 0 {
            put(Entry::Started {
                step,
                attempt: i / 800 + 1,
                kind: "stack".into(),
                fields: fields.clone(),
                before: BTreeMap::new(),
                writes: true,
            });
        } else {
            put(Entry::Done {
                step,
                outputs: BTreeMap::from([("arn".into(), json!("arn:aws:ecs:us-east-1:123456789012:service/web"))]),
                took_ms: 130_000,
                simulated: false,
            });
        }
    }
    drop(journal);
    let bytes = std::fs::metadata(dir.path().join("journal.jsonl")).unwrap().len();
    let times = (0..21)
        .map(|_| {
            let begun = Instant::now();
            let (_journal, records) = Journal::open(dir.path()).unwrap();
            let state = State::replay(&records).unwrap();
            assert_eq!(state.entries, 10_000);
            begun.elapsed()
        })
        .collect();
    let (middle, worst) = middle(times);
    line(
        "replay of a journal of 10,000 entries",
        &millis(middle),
        "< 50 ms",
        &format!("21 times, worst {}, {} KiB", millis(worst), bytes / 1024),
    );
}

fn frame() {
    let step = |i: usize| StepView {
        id: format!("rows[{i}]"),
        phase: "data".into(),
        title: format!("Copy table {i}"),
        question: false,
        standing: if i < 700 { Standing::Done } else { Standing::Waiting },
        took: Some("1m02s".into()),
        estimate: Some("rehearsed: 2m10s".into()),
        at: None,
        note: Some("equal".into()),
    };
    let view = View {
        run: RunView {
            id: "live-20261120-ab12".into(),
            app: "shop".into(),
            mode: Mode::Live,
            simulated: None,
            account: Some("123456789012 us-east-1".into()),
        },
        phases: vec![PhaseView { id: "data".into(), title: "Data".into(), status: Standing::Current, done: 700, total: 1_000 }],
        steps: (0..1_000).map(step).collect(),
        screen: Screen::Running(RunningView {
            step: "rows[700]".into(),
            title: "Copy table 700".into(),
            why: "Only chunks whose fingerprints differ are copied.".into(),
            describe: "copy the rows that differ from the source to the target".into(),
            command: "migrate-wizard data copy".into(),
            estimate: Some("rehearsed: 2m10s".into()),
            elapsed_ms: 0,
            attempt: 1,
            undoing: false,
            stopping: false,
        }),
        cost: Some("$71.20 a month + usage".into()),
        timeline: None,
    };
    let mut model = Model::new(Theme::from_env());
    model.on_event(Event::View(Box::new(view)), 0);
    for i in 0..10_000 {
        model.on_event(
            Event::Log { at: "2026-11-20T14:03:22Z".into(), step: Some("rows[700]".into()), line: format!("chunk {i} of 10000 copied") },
            0,
        );
    }
    let mut terminal = ratatui::Terminal::new(TestBackend::new(200, 60)).unwrap();
    let times = (0..201_u64)
        .map(|n| {
            let begun = Instant::now();
            terminal.draw(|frame| draw::draw(frame, &model, n * 1_000)).unwrap();
            begun.elapsed()
        })
        .collect();
    let (middle, worst) = middle(times);
    line("a frame at 200x60, 1,000 steps, 10,000 log lines", &millis(middle), "< 5 ms", &format!("201 frames, worst {}", millis(worst)));
}

/// What one changed decision costs to reckon, and a whole profile to render: the estimate, what speaks against it, and every stack of it.
fn decisions() {
    let costs = Costs::bundled().unwrap();
    for profile in Profile::names() {
        let answers = Profile::load(profile, costs.questions()).unwrap().answers;
        let mut facts: Facts = answers.into_iter().map(|(id, value)| (id, json!(value))).collect();
        let times = (0..101)
            .map(|n| {
                facts.insert("nat".into(), json!(["none", "one", "per_az"][n % 3]));
                let begun = Instant::now();
                assert!(costs.words(&facts).is_some() && costs.of(&facts, "nat", "one").is_some());
                let _ = costs.against(&facts, "nat", "one");
                begun.elapsed()
            })
            .collect();
        let (usual, worst) = middle(times);
        line(
            "a changed decision: estimate, difference, rules",
            &millis(usual),
            "< 5 ms",
            &format!("{profile}, 101 times, worst {}", millis(worst)),
        );
        let args = Cli::parse_from(["migrate-wizard", "cost", "--profile", profile]).run;
        let mut made = 0;
        let times = (0..21)
            .map(|_| {
                let begun = Instant::now();
                made = command::cost::made(&command::engines::blueprint(&args, "bench").unwrap()).unwrap().len();
                begun.elapsed()
            })
            .collect();
        let (usual, worst) = middle(times);
        line(
            "every stack of a profile, rendered",
            &millis(usual),
            "< 50 ms",
            &format!("{profile}, {made} resources, 21 times, worst {}", millis(worst)),
        );
    }
}

/// User and system time of a process, from `/proc` (Linux).
fn cpu(pid: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // 100 clock ticks a second on every Linux that we know
    Some(Duration::from_millis(ticks * 10))
}

/// `VmRSS` or `VmHWM` in MiB.
fn memory(pid: u32, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|l| l.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

fn idle() {
    const WATCHED: Duration = Duration::from_secs(10);
    let dir = tempfile::tempdir().unwrap();
    library::write_sample(dir.path()).unwrap();
    for (what, args, screen) in [
        ("the tour at its first question", ["tour", "--new"], "What is your app called?"),
        ("a dry run of the sample app at its first question", ["--dry-run", "--new"], "Is this the live database?"),
    ] {
        let terminal = Terminal::start(dir.path(), &args);
        terminal.wait_for(screen);
        // what starting it still has to finish is not idling
        std::thread::sleep(Duration::from_secs(1));
        let (Some(before), begun) = (cpu(terminal.pid()), Instant::now()) else {
            line(&format!("idle: {what}"), "unknown", "", "only where there is /proc");
            continue;
        };
        std::thread::sleep(WATCHED);
        let used = cpu(terminal.pid()).unwrap().saturating_sub(before);
        let percent = used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
        line("idle CPU over 10 s", &format!("{percent:.2} %"), "< 1 %", what);
        let (now, most) = (memory(terminal.pid(), "VmRSS").unwrap_or_default(), memory(terminal.pid(), "VmHWM").unwrap_or_default());
        line("resident memory, idle", &format!("{now:.1} MB"), "< 40 MB", &format!("{what}; at most {most:.1} MB"));
    }
}
