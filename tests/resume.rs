//! Interrupt it anywhere: killed or stopped at any moment, the same command goes on and reaches the same end.
//! Nothing is done twice, nothing is lost, and what had to be released is released first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use migrate_wizard::wizard::journal::{self, Entry, Record};
use migrate_wizard::wizard::state::{End, State, Status};
use serde_json::Value;

use super::support::emulator::Emulator;
use super::support::postgres::{sql, value};
use super::support::rehearsal::{Rehearsal, check_resumes, holds, run_dirs, signal, silent, wait_until, word};
use super::support::wizard::{Done, Wizard};

// ---- the tour, killed at every entry

const TOUR: [&str; 4] = ["tour", "--yes", "--set", "speed=brisk"];

/// What stands at the end of every tour.
const TOUR_FILES: [&str; 5] = [
    "go-through-the-door-with-its-parts",
    "hold-the-door-closed",
    "make-a-thing-for-my-app",
    "make-the-part-api-beside-make-a-thing-for-my-app",
    "make-the-part-web-beside-make-a-thing-for-my-app",
];

fn records(wizard: &Wizard) -> Vec<Record> {
    let dirs = run_dirs(wizard.path());
    assert!(dirs.len() <= 1, "a second run was begun: {dirs:?}");
    dirs.first().map(|dir| journal::read(dir).unwrap()).unwrap_or_default()
}

fn simulated(wizard: &Wizard) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(wizard.run_dir().join("simulated")).into_iter().flatten().flatten();
    files.map(|f| (f.file_name().into_string().unwrap(), std::fs::read_to_string(f.path()).unwrap())).collect()
}

/// The journal grows in one place and every line ends with a line feed: this is cheap enough to be asked all the time.
fn entries(app: &Path) -> usize {
    let Some(dir) = run_dirs(app).pop() else { return 0 };
    std::fs::read(dir.join("journal.jsonl")).map_or(0, |text| String::from_utf8_lossy(&text).matches('\n').count())
}

/// Starts the tour and kills it when its journal holds `n` entries; gives the number that it then holds.
fn killed_at(wizard: &Wizard, n: usize) -> usize {
    let mut child = wizard.spawn(&TOUR);
    assert!(wait_until(&mut child, "an entry of the tour", || entries(wizard.path()) >= n), "the tour ended before entry {n}");
    child.kill().unwrap();
    child.wait().unwrap();
    records(wizard).len()
}

fn times(records: &[Record], what: &str) -> usize {
    records.iter().filter(|r| word(&r.what) == what).count()
}

fn status(wizard: &Wizard) -> Value {
    serde_json::from_str(&wizard.run(&["status", "--json"]).expect(0).out()).unwrap()
}

/// One kill at entry `n`, one resume, and everything that must hold then.
fn tour_survives_a_kill_at(n: usize) -> usize {
    let wizard = Wizard::empty();
    let landed = killed_at(&wizard, n);
    let before = records(&wizard);
    let state = State::replay(&before).unwrap();
    let door_was_held = matches!(state.status("hold"), Status::Started | Status::Done) && state.status("switch") != Status::Done;
    if state.ended.is_none() {
        wizard.run(&TOUR).expect(0);
    }

    let after = records(&wizard);
    assert_eq!(&after[..before.len()], &before[..], "what was written stays as it was");
    assert_eq!(State::replay(&after).unwrap().ended, Some(End::Finished));
    assert_eq!(status(&wizard)["state"], "finished");
    assert_eq!(simulated(&wizard).into_keys().collect::<Vec<_>>(), TOUR_FILES);
    for step in ["look", "build", "part[web]", "part[api]", "hold", "switch", "farewell"] {
        assert!(times(&after, &format!("started {step}")) <= 2, "killed at {landed}: `{step}` was begun more than once more");
        assert!((1..=2).contains(&times(&after, &format!("done {step}"))), "killed at {landed}: `{step}`");
    }
    for once in ["answered greeting", "answered speed", "answered parts", "ticked hands", "finished"] {
        assert_eq!(times(&after, once), 1, "killed at {landed}: {once}");
    }
    assert_eq!(
        times(&after, "undo_done hold"),
        usize::from(door_was_held),
        "killed at {landed}: the door is let go exactly when it was held"
    );
    check_resumes(&after, "hold", "switch");
    landed
}

/// Does the work, a few at a time: most of it is waiting.
fn at_once(workers: usize, jobs: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let job = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    if job >= jobs {
                        break;
                    }
                    work(job);
                }
            });
        }
    });
}

#[test]
fn the_tour_killed_at_every_journal_entry_reaches_the_same_end() {
    let calm = Wizard::empty();
    calm.run(&TOUR).expect(0);
    let whole = records(&calm);
    assert_eq!(simulated(&calm).into_keys().collect::<Vec<_>>(), TOUR_FILES);
    assert_eq!(whole.len(), 20, "{:?}", whole.iter().map(|r| word(&r.what)).collect::<Vec<_>>());

    let landed = Mutex::new(Vec::new());
    at_once(3, whole.len() - 1, |job| {
        let n = tour_survives_a_kill_at(job + 1);
        landed.lock().unwrap().push((job + 1, n));
    });
    let mut landed = landed.into_inner().unwrap();
    landed.sort_unstable();
    println!("the tour, wanted entry → entries when it died: {landed:?}");
    assert!(landed.iter().all(|(wanted, held)| held >= wanted));
    // Where work follows an entry there is time to die exactly there: between start and end of each of the seven effects.
    let begun = whole.iter().filter(|r| matches!(r.what, Entry::Started { .. })).map(|r| usize::try_from(r.n).unwrap());
    for n in begun {
        assert!(landed.contains(&(n, n)), "no kill fell between start and end of entry {n}: {landed:?}");
    }
}

// ---- the demo, killed at random moments

/// The stacks of profile 1 in the order they are made.
pub const STACKS: [&str; 12] = [
    "network",
    "data",
    "edge",
    "identity",
    "cluster",
    "app-registry",
    "observability",
    "backup",
    "app",
    "connection",
    "app-pipeline",
    "app-scaling",
];
pub const SECRETS: [&str; 3] = ["database", "session", "stripe"];
/// Rows of the sample at scale 1.
const ROWS: &str = "3,717 rows in 20 tables: equal";

const RUNS: usize = 8;
const KILLS: usize = 5;

/// A small generator of numbers, so that a printed seed brings a run back.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn seed() -> u64 {
    let given = std::env::var("MWX_SEED").ok().and_then(|s| s.parse().ok());
    given.unwrap_or_else(|| u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

/// When each entry of an undisturbed demo was written, from its start on.
struct Timeline {
    entries: Vec<(Duration, String)>,
    whole: Duration,
}

impl Timeline {
    /// The last entry before a moment, and how long after it the moment is.
    fn at(&self, moment: Duration) -> (Option<&str>, Duration) {
        match self.entries.iter().rfind(|(at, _)| *at <= moment) {
            Some((at, entry)) => (Some(entry), moment - *at),
            None => (None, moment),
        }
    }
}

fn undisturbed(rehearsal: &Rehearsal) -> Timeline {
    let (clock, begun) = (SystemTime::now(), Instant::now());
    rehearsal.finish();
    let whole = begun.elapsed();
    let since = |at: &str| {
        let at: jiff::Timestamp = at.parse().unwrap();
        SystemTime::from(at).duration_since(clock).unwrap_or_default()
    };
    Timeline { entries: rehearsal.records().iter().map(|r| (since(&r.at), word(&r.what))).collect(), whole }
}

/// Every step's status and every answer, but what follows from the app's name.
fn outcome(state: &State) -> BTreeMap<String, (Status, Option<Value>)> {
    let named = ["app_name", "github_repository"];
    state
        .steps
        .iter()
        .filter(|(id, _)| !named.contains(&id.as_str()))
        .map(|(id, s)| (id.clone(), (s.status, s.answer.clone().map(|(v, _)| v))))
        .collect()
}

/// Where a run stood when it was killed.
fn place(records: &[Record]) -> String {
    if records.is_empty() {
        return "before the journal".into();
    }
    let state = State::replay(records).unwrap();
    let under_way = state.steps.iter().find(|(_, s)| matches!(s.status, Status::Started | Status::Undoing));
    under_way.map_or_else(|| format!("after {}", word(&records.last().unwrap().what)), |(id, _)| format!("in {id}"))
}

/// Runs until about the moment that `entry` and `after` name, then is killed. `None`: it came to its end first.
fn killed_after(rehearsal: &Rehearsal, entry: Option<&str>, after: Duration) -> Option<String> {
    let before = rehearsal.records();
    let mut child = rehearsal.start();
    // An opening or a resuming entry says that this start has taken the run up.
    let reached = wait_until(&mut child, "the moment of a kill", || {
        entry.is_none_or(|entry| entries(&rehearsal.app()) > before.len() && rehearsal.holds(entry))
    });
    if reached {
        std::thread::sleep(after);
    }
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    let now = rehearsal.records();
    assert!(now.starts_with(&before), "what was written stays as it was");
    (!ended).then(|| place(&now))
}

/// The end of every demo, however it came there.
fn reached_the_end(rehearsal: &Rehearsal, emulator: &Emulator, calm: &State) {
    let records = rehearsal.records();
    let state = State::replay(&records).unwrap();
    assert_eq!(state.ended, Some(End::Finished));
    assert_eq!(outcome(&state), outcome(calm));
    check_resumes(&records, "freeze", "switched");
    assert_eq!(rehearsal.servers(), 0, "nothing is left running");

    let cloud = rehearsal.cloud(emulator);
    let mut expected: Vec<(String, String)> = STACKS.iter().map(|name| ((*name).to_owned(), "CREATE_COMPLETE".to_owned())).collect();
    expected.sort_unstable();
    let mut stacks = cloud.stacks.clone();
    stacks.sort_unstable();
    assert_eq!(stacks, expected, "every stack is made once, and none was made and taken away");
    assert_eq!(cloud.secrets, BTreeMap::from(SECRETS.map(|name| (name.to_owned(), 1))), "every secret is made once, with one value");
    assert_eq!(cloud.repositories, ["app"]);

    let verify = rehearsal.verify().expect(0);
    assert!(verify.out().contains(ROWS), "{}", verify.out());
    assert!(rehearsal.is_frozen(), "after the switch the source stays frozen");
}

#[test]
fn a_demo_killed_at_forty_random_moments_reaches_the_same_end() {
    let seed = seed();
    println!("MWX_SEED={seed}");
    let emulator = Emulator::start(&[("MWX_STEP_MS", "20")]);
    let calm = Rehearsal::new("calm", Some(&emulator));
    let timeline = undisturbed(&calm);
    let calm_state = calm.state();
    reached_the_end(&calm, &emulator, &calm_state);

    let fell: Mutex<Vec<String>> = Mutex::default();
    let run = |number: usize, kills: usize| {
        let mut chance = Chance(seed.wrapping_add(number as u64));
        let whole = u64::try_from(timeline.whole.as_millis()).unwrap();
        let mut moments: Vec<_> = (0..kills).map(|_| Duration::from_millis(chance.below(whole))).collect();
        moments.sort_unstable();
        let rehearsal = Rehearsal::new(&format!("run{number}"), Some(&emulator));
        for moment in moments {
            let (entry, after) = timeline.at(moment);
            // A kill can fall after the last entry: that run is over.
            if rehearsal.finished() {
                break;
            }
            if let Some(place) = killed_after(&rehearsal, entry, after) {
                fell.lock().unwrap().push(place);
            }
        }
        if rehearsal.finished() {
            rehearsal.stop_servers();
        } else {
            rehearsal.finish();
        }
        reached_the_end(&rehearsal, &emulator, &calm_state);
    };
    at_once(4, RUNS, |number| run(number, KILLS));
    // Killed when no further step needs the target: whoever goes on stops its server all the same.
    let late = Rehearsal::new("late", Some(&emulator));
    assert!(killed_after(&late, Some("done final_check"), Duration::ZERO).is_some() && !late.finished(), "it came to its end first");
    assert_eq!(late.servers(), 2, "of the source and of the target");
    late.finish();
    reached_the_end(&late, &emulator, &calm_state);
    // A kill that came too late is made up for.
    for number in RUNS.. {
        let left = (RUNS * KILLS).saturating_sub(fell.lock().unwrap().len());
        if left == 0 {
            break;
        }
        run(number, left.min(KILLS));
    }

    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let fell = fell.into_inner().unwrap();
    for place in &fell {
        *places.entry(place.clone()).or_default() += 1;
    }
    println!("an undisturbed demo takes {:.1} s; {} kills fell:", timeline.whole.as_secs_f64(), fell.len());
    for (place, kills) in &places {
        println!("{kills:4}  {place}");
    }
    assert!(fell.len() >= RUNS * KILLS);
}

// ---- asked to stop

/// A short journey with a slow step inside a guard.
const JOURNEY: &str = r#"
phase = "tour"
title = "A short journey"
why = "One slow step to stop in."
journey = "tour"
order = 1
[[step]]
id = "hold"
title = "Hold"
why = "A guard."
guard-until = "pass"
effect = { kind = "simulate", text = "hold", guard = true }
[[step]]
id = "slow"
title = "Slow"
why = "Long enough to be stopped in."
effect = { kind = "simulate", text = "slow", pace = "calm" }
[[step]]
id = "pass"
title = "Pass"
why = "What the guard was for."
effect = { kind = "simulate", text = "pass" }
"#;

struct Journey {
    wizard: Wizard,
    out: PathBuf,
}

impl Journey {
    fn new() -> Self {
        Self::of(JOURNEY)
    }

    fn of(book: &str) -> Self {
        let wizard = Wizard::empty();
        let folder = wizard.path().join("books");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("tour.toml"), book).unwrap();
        let out = wizard.path().join("out");
        Self { wizard, out }
    }

    fn command(&self, face: &str) -> Command {
        self.wizard.command(&["tour", "--yes", face, "--playbooks", "books"])
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    /// Starts, sends each signal when what was to come before it has come, and gives the exit code.
    fn stopped(&self, face: &str, signals: &[(&str, Before)]) -> i32 {
        let out = std::fs::File::create(&self.out).unwrap();
        let mut child = self.command(face).stdout(out).stderr(Stdio::inherit()).spawn().unwrap();
        for (name, before) in signals {
            let came = wait_until(&mut child, "the moment of a signal", || match before {
                Before::Entry(entry) => holds(self.wizard.path(), entry),
                Before::Word(said) => self.printed().contains(said),
            });
            assert!(came, "it ended before {name} could be sent");
            signal(&child, name);
        }
        child.wait().unwrap().code().expect("it ends by itself, not by the signal")
    }

    fn status(&self, step: &str) -> Status {
        State::replay(&records(&self.wizard)).unwrap().status(step)
    }

    /// Started again, it goes on to the end.
    fn goes_on(&self) {
        Done(self.command("--plain").output().unwrap()).expect(0);
        let records = records(&self.wizard);
        assert_eq!(State::replay(&records).unwrap().ended, Some(End::Finished));
        assert_eq!(simulated(&self.wizard).into_keys().collect::<Vec<_>>(), ["hold", "pass", "slow"]);
        check_resumes(&records, "hold", "pass");
    }
}

/// Steps as they were begun, and guards as they were released, since the last start.
fn since_the_last_start(records: &[Record]) -> Vec<String> {
    let resumed = records.iter().rposition(|record| matches!(record.what, Entry::Resumed { .. })).unwrap();
    let told = |record: &Record| match &record.what {
        Entry::Started { step, .. } => Some(format!("begins {step}")),
        Entry::UndoStarted { step, guard: true } => Some(format!("releases {step}")),
        _ => None,
    };
    records[resumed..].iter().filter_map(told).collect()
}

#[test]
fn what_is_cut_off_under_a_guard_comes_after_the_guard_again() {
    let journey = Journey::new();
    let mut child = journey.command("--plain").stdout(Stdio::null()).spawn().unwrap();
    assert!(wait_until(&mut child, "the slow step", || holds(journey.wizard.path(), "started slow")));
    signal(&child, "KILL");
    child.wait().unwrap();
    journey.goes_on();
    assert_eq!(since_the_last_start(&records(&journey.wizard)), ["releases hold", "begins hold", "begins slow", "begins pass"]);
}

#[test]
fn a_guard_is_kept_from_the_step_on_that_it_names_even_if_that_was_cut_off() {
    let journey = Journey::of(&JOURNEY.replace("guard-until = \"pass\"", "guard-until = \"pass\"\nguard-kept-from = \"slow\""));
    let mut child = journey.command("--plain").stdout(Stdio::null()).spawn().unwrap();
    assert!(wait_until(&mut child, "the slow step", || holds(journey.wizard.path(), "started slow")));
    signal(&child, "KILL");
    child.wait().unwrap();
    Done(journey.command("--plain").output().unwrap()).expect(0);
    assert_eq!(since_the_last_start(&records(&journey.wizard)), ["begins slow", "begins pass"]);
}

/// What a signal waits for.
enum Before {
    Entry(&'static str),
    Word(&'static str),
}

#[test]
fn ctrl_c_once_stops_after_the_step_and_says_so() {
    let journey = Journey::new();

    let code = journey.stopped("--plain", &[("INT", Before::Entry("started slow"))]);

    assert_eq!(code, 3);
    let printed = journey.printed();
    assert!(
        printed.contains("stopping after this step; Ctrl-C again stops now. Nothing is lost: the same command goes on from here"),
        "{printed}"
    );
    assert!(printed.contains("is stopped; the same command goes on from here"), "{printed}");
    assert_eq!(journey.status("slow"), Status::Done, "the step came to its end");
    assert_eq!(journey.status("pass"), Status::Waiting, "and no other was begun");
    assert_eq!(journey.status("hold"), Status::Undone, "the guard was released on the way out");
    assert_eq!(status(&journey.wizard)["state"], "stopped");
    journey.goes_on();
}

#[test]
fn ctrl_c_twice_stops_now() {
    let journey = Journey::new();

    let code = journey.stopped("--plain", &[("INT", Before::Entry("started slow")), ("INT", Before::Word("stopping after this step"))]);

    assert_eq!(code, 130);
    assert!(journey.printed().contains("stopping now"), "{}", journey.printed());
    assert_eq!(journey.status("slow"), Status::Started, "what became of the step is found out on resume");
    assert_eq!(journey.status("hold"), Status::Undone, "the guard was released on the way out");
    journey.goes_on();
}

#[test]
fn a_termination_a_closed_terminal_and_with_json_an_interrupt_stop_now() {
    for (name, face) in [("TERM", "--plain"), ("HUP", "--plain"), ("TERM", "--json"), ("INT", "--json")] {
        let journey = Journey::new();

        let code = journey.stopped(face, &[(name, Before::Entry("started slow"))]);

        assert_eq!(code, 130, "{name} {face}");
        assert_eq!(journey.status("slow"), Status::Started, "{name} {face}");
        assert_eq!(journey.status("hold"), Status::Undone, "{name} {face}: the guard was released on the way out");
        journey.goes_on();
    }
}

#[test]
fn a_demo_terminated_while_the_source_is_frozen_releases_it_and_goes_on_with_what_was_written_meanwhile() {
    let emulator = Emulator::start(&[]);
    let rehearsal = Rehearsal::new("frozen", Some(&emulator));
    let mut child = rehearsal.start();
    assert!(wait_until(&mut child, "the freeze", || rehearsal.holds("started final_rows")));
    signal(&child, "TERM");

    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(rehearsal.servers(), 0, "nothing is left running");
    assert!(!rehearsal.is_frozen(), "the app on Replit can write again");
    sql(&rehearsal.source(), "insert into public.categories (code, label) values ('late', 'written between stop and resume')");

    rehearsal.finish();
    check_resumes(&rehearsal.records(), "freeze", "switched");
    assert_eq!(value(&rehearsal.target(), "select label from public.categories where code = 'late'"), "written between stop and resume");
    assert!(rehearsal.verify().expect(0).out().contains("3,718 rows in 20 tables: equal"));
    assert!(rehearsal.is_frozen(), "after the switch the source stays frozen");
}

#[test]
fn a_demo_interrupted_while_its_sample_is_filled_leaves_no_server_and_goes_on() {
    let rehearsal = Rehearsal::new("early", None);
    // The full sample takes seconds to fill.
    let mut child = silent(rehearsal.demo_of(100));
    let pid_file = rehearsal.source_folder().join("data/postmaster.pid");
    assert!(wait_until(&mut child, "the source server", || pid_file.exists()));
    signal(&child, "INT");

    assert_eq!(child.wait().unwrap().code(), Some(130));
    // it was told to end before we were; on a loaded machine it may take a moment longer
    let until = Instant::now() + Duration::from_secs(20);
    while rehearsal.servers() > 0 {
        assert!(Instant::now() < until, "a server is left running");
        std::thread::sleep(Duration::from_millis(50));
    }
    rehearsal.finish();
}
