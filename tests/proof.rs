//! The whole promise at once: people write through the app while it moves, is switched, breaks on AWS and goes back by itself; every write
//! that the app acknowledged is in the source afterwards. Once undisturbed, and with the wizard killed at sixty moments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use migrate_wizard::library;
use migrate_wizard::wizard::journal::{Entry, Record};

use super::support::chance::Chance;
use super::support::emulator::Emulator;
use super::support::outside::{Answer, OLD_NAME, Outside};
use super::support::postgres::{rows, sql, value};
use super::support::rehearsal::{Rehearsal, signal, silent, wait_until};

/// What the app on Replit signs its sessions with; taken over, so that people stay logged in.
const SESSION_SECRET: &str = "a-secret-that-is-kept-0123456789abcdef";
/// A citizen of the sample's data.
const CITIZEN: &str = "40000101";

// --- the app -----------------------------------------------------------------------------------------------------------------------

/// The sample app, built as it is, and built as `app prepare` leaves it.
struct Builds {
    _dir: tempfile::TempDir,
    old: PathBuf,
    new: PathBuf,
}

fn passes(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Builds {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sample/node_modules");
        assert!(packages.exists(), "the sample's packages are not installed: run `make sample`");
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        for build in [&old, &new] {
            library::write_sample(build).unwrap();
        }
        for args in [&["init", "-q"][..], &["add", "-A"], &["-c", "user.email=a@example.test", "-c", "user.name=a", "commit", "-qm", "app"]]
        {
            passes(Command::new("git").args(args).current_dir(&new));
        }
        let decided = ["database=rds", "auth=cognito", "ai=none", "storage=none"].map(|answer| ["--set", answer]).concat();
        let mut prepare = Command::new(env!("CARGO_BIN_EXE_migrate-wizard"));
        passes(prepare.args(["app", "prepare", "--yes", "--plain"]).args(decided).current_dir(&new));
        for build in [&old, &new] {
            std::os::unix::fs::symlink(&packages, build.join("node_modules")).unwrap();
            passes(Command::new("npm").args(["run", "build"]).current_dir(build));
        }
        Self { _dir: dir, old, new }
    }
}

// --- people ------------------------------------------------------------------------------------------------------------------------

/// One write that the app said it has.
#[derive(Debug, Clone)]
struct Acknowledged {
    title: String,
    at: Timestamp,
    on_aws: bool,
}

/// People who write all the time, each with the session that they got on Replit.
struct People {
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<Acknowledged>>>,
    /// Requests by where and how they ended.
    answers: Arc<Mutex<BTreeMap<String, usize>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl People {
    fn begin(outside: &Arc<Outside>, cookie: &str) -> Self {
        let (stop, heard, answers) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Acknowledged>>>::default(), Arc::default());
        let next = Arc::new(AtomicUsize::new(0));
        let one = |_| {
            let (stop, heard, answers, next) = (Arc::clone(&stop), Arc::clone(&heard), Arc::clone(&answers), Arc::clone(&next));
            let (outside, cookie) = (Arc::clone(outside), cookie.to_owned());
            std::thread::spawn(move || write_on(&outside, &cookie, &stop, &heard, &answers, &next))
        };
        let threads = (0..3).map(one).collect();
        Self { stop, heard, answers, threads }
    }

    fn heard(&self) -> Vec<Acknowledged> {
        self.heard.lock().unwrap().clone()
    }

    fn count(&self, on_aws: bool) -> usize {
        self.heard.lock().unwrap().iter().filter(|one| one.on_aws == on_aws).count()
    }

    /// Waits until so many more writes were acknowledged there.
    fn wait_for(&self, more: usize, on_aws: bool, logs: impl Fn() -> String) {
        let (before, end) = (self.count(on_aws), Instant::now() + Duration::from_secs(60));
        while self.count(on_aws) < before + more {
            let answers = self.answers.lock().unwrap().clone();
            assert!(Instant::now() < end, "nobody could write (on AWS: {on_aws}): {answers:?}\n{}", logs());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in std::mem::take(&mut self.threads) {
            thread.join().unwrap();
        }
        eprintln!("answers by host and status: {:?}", self.answers.lock().unwrap());
        self.heard()
    }
}

impl Drop for People {
    /// After a failure too: who writes holds the apps' processes.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in std::mem::take(&mut self.threads) {
            let _failed_too = thread.join();
        }
    }
}

fn write_on(
    outside: &Outside,
    cookie: &str,
    stop: &AtomicBool,
    heard: &Mutex<Vec<Acknowledged>>,
    answers: &Mutex<BTreeMap<String, usize>>,
    next: &AtomicUsize,
) {
    while !stop.load(Ordering::Relaxed) {
        let title = format!("written by people, number {}", next.fetch_add(1, Ordering::Relaxed));
        let body = format!(r#"{{"title":"{title}","body":"it's \\ a \u2028 test"}}"#);
        let answer = outside.ask("POST", "/api/grievances", cookie, &body);
        let word = match &answer {
            Ok(Answer { status, on_aws }) => format!("{} {status}", if *on_aws { "AWS" } else { "Replit" }),
            Err(error) => error.to_string(),
        };
        *answers.lock().unwrap().entry(word).or_default() += 1;
        if let Ok(Answer { status: 201, on_aws }) = answer {
            heard.lock().unwrap().push(Acknowledged { title, at: Timestamp::now(), on_aws });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

// --- the move ----------------------------------------------------------------------------------------------------------------------

struct Move {
    rehearsal: Rehearsal,
    outside: Arc<Outside>,
    books: PathBuf,
    secrets: PathBuf,
    old_build: PathBuf,
    _files: tempfile::TempDir,
}

/// The cutover as it is shipped, with shorter watches and times to live.
fn quick_cutover(outside: &Outside) -> String {
    let shipped = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/cutover.toml")).unwrap();
    let quicker = [
        ("for = \"5m\"\nevery = \"5s\"", "for = \"60s\"\nevery = \"100ms\"\nspan = \"500ms\""),
        ("for = \"5m\"", "for = \"2s\""),
        ("for = \"2m\"", "for = \"2s\""),
        ("for = \"20s\"\nevery = \"2s\"", "for = \"500ms\"\nevery = \"100ms\"\nspan = \"250ms\""),
        ("for = \"20s\"", "for = \"500ms\""),
        ("ttl = \"60\"", "ttl = \"1\""),
    ];
    // the load balancer's own name does not resolve here
    let direct = format!("at = \"127.0.0.1:{}\"", outside.balancer);
    let quick = quicker.iter().fold(shipped, |text, (long, short)| {
        assert!(text.contains(long), "the playbook has changed: {long}");
        text.replace(long, short)
    });
    let looks =
        ["\npass", "\nfor"].map(|next| (format!("at = \"${{distribution.RecordTarget,edge.DnsName|}}\"{next}"), format!("{direct}{next}")));
    looks.iter().fold(quick, |text, (shipped, direct)| text.replace(shipped, direct))
}

impl Move {
    fn new(name: &str, emulator: &Arc<Emulator>, builds: &Builds) -> Self {
        let outside = Arc::new(Outside::start(Arc::clone(emulator), name, &builds.new));
        let rehearsal = Rehearsal::within(name, outside.env());
        let files = tempfile::tempdir().unwrap();
        let books = files.path().join("playbooks");
        std::fs::create_dir(&books).unwrap();
        std::fs::write(books.join("cutover.toml"), quick_cutover(&outside)).unwrap();
        let secrets = files.path().join("replit.env");
        std::fs::write(&secrets, format!("SESSION_SECRET={SESSION_SECRET}\nMAIL_RELAY_API_KEY=relay\n")).unwrap();
        Self { rehearsal, outside, books, secrets, old_build: builds.old.clone(), _files: files }
    }

    fn wizard(&self) -> Command {
        let mut command = self.rehearsal.demo();
        let named = [format!("domain_name={}", self.outside.name), format!("secrets_file={}", self.secrets.display())];
        let plain = ["database=rds", "domain=route53", "back_by_itself=yes", "cicd=none"].map(str::to_owned);
        let named = named.into_iter().chain([format!("resolvers=127.0.0.1:{}", self.outside.resolver)]);
        command.args(["--real-network", "--playbooks", self.books.to_str().unwrap()]);
        for answer in named.chain(plain) {
            command.args(["--set", &answer]);
        }
        command
    }

    /// The wizard, its words in a file.
    fn go(&self) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        self.wizard().stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> PathBuf {
        self.books.join("../wizard.log")
    }

    fn said(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{}\n{}", lines[lines.len().saturating_sub(60)..].join("\n"), self.outside.logs())
    }

    /// The sample's database is filled, the app runs on it on the old host, people have their sessions and write.
    fn life(&self) -> People {
        let mut child = silent(self.wizard());
        assert!(wait_until(&mut child, "the first stack", || self.rehearsal.holds("started network")));
        signal(&child, "KILL");
        child.wait().unwrap();
        let source = self.rehearsal.source();
        let sess = format!(
            r#"{{"cookie":{{"originalMaxAge":604800000,"expires":"2099-01-01T00:00:00.000Z","secure":true,"httpOnly":true,"path":"/"}},"passport":{{"user":{{"claims":{{"sub":"{CITIZEN}"}},"expires_at":4000000000}}}}}}"#
        );
        sql(&source, &format!("insert into users (id, email) values ('{CITIZEN}', 'people@example.test') on conflict do nothing"));
        sql(&source, &format!("insert into sessions (sid, sess, expire) values ('people', '{sess}', '2099-01-01')"));
        self.old_host();
        let cookie = format!("connect.sid=s%3Apeople.{}", signature("people"));
        let people = People::begin(&self.outside, &cookie);
        people.wait_for(20, false, || self.said());
        people
    }

    fn old_host(&self) {
        let pid_file = self.rehearsal.source_folder().join("data/postmaster.pid");
        let source = self.rehearsal.source();
        self.outside.old_host(&self.old_build, move || {
            // the database may be down, or have come up on another port: then the app is started again
            let port = std::fs::read_to_string(&pid_file).ok()?.lines().nth(3)?.parse::<u16>().ok()?;
            let url = source.secret_url().replace(&format!(":{}/", source.port()), &format!(":{port}/"));
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            Some(vec![
                pair("DATABASE_URL", &url),
                pair("SESSION_SECRET", SESSION_SECRET),
                pair("REPL_ID", "sample"),
                pair("AI_INTEGRATIONS_OPENAI_API_KEY", "none"),
                pair("AI_INTEGRATIONS_OPENAI_BASE_URL", "http://127.0.0.1:9"),
                pair("REPLIT_DOMAINS", OLD_NAME),
            ])
        });
    }

    /// The app on AWS can no longer reach its database.
    fn breaks(&self) {
        let target = self.rehearsal.target();
        sql(&target, "alter role app nologin");
        sql(&target, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    }

    /// Back to before the freeze; what stands on AWS stays for another try.
    fn went_back(&self) -> bool {
        self.rehearsal.holds("rolled_back") && self.rehearsal.state().rollback.is_none()
    }

    /// Everything is as it was, and has all that was acknowledged, once.
    fn is_back(&self, people: People) {
        assert!(self.went_back(), "{}", self.said());
        assert!(!self.rehearsal.is_frozen(), "the source takes writes");
        assert!(!self.outside.serves(), "nothing serves on AWS");
        // the server was started again, and so is the app: people go on where they were
        self.old_host();
        people.wait_for(10, false, || self.said());
        let all = people.end();
        let (there, on_aws) = (all.iter().filter(|one| !one.on_aws).count(), all.iter().filter(|one| one.on_aws).count());
        let found = rows(&self.rehearsal.source(), "select title from grievances where title like 'written by people%'");
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &found {
            *times.entry(row.as_str()).or_default() += 1;
        }
        let lost: Vec<&str> = all.iter().map(|one| one.title.as_str()).filter(|title| !times.contains_key(title)).collect();
        let twice: Vec<&str> = times.iter().filter(|(_, n)| **n > 1).map(|(title, _)| *title).collect();
        eprintln!("{} acknowledged ({there} on Replit, {on_aws} on AWS), {} in the source", all.len(), found.len());
        assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}\n{}", self.said());
        assert!(on_aws > 0, "somebody wrote on AWS");
        assert_eq!(value(&self.rehearsal.source(), "select count(*) from pg_namespace where nspname like 'migrate_wizard%'"), "0");
        assert_eq!(self.outside.record(), OLD_NAME, "the name leads to the old host");
    }
}

/// As express-session signs its cookies.
fn signature(id: &str) -> String {
    let sign = format!("printf %s '{id}' | openssl dgst -sha256 -hmac '{SESSION_SECRET}' -binary | openssl base64 -A");
    let output = Command::new("sh").args(["-c", &sign]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('=').replace('+', "%2B").replace('/', "%2F")
}

/// Seconds between two entries.
fn between(records: &[Record], from: &str, to: &str) -> f64 {
    let at = |wanted: fn(&Entry) -> Option<&str>, step: &str| {
        let record = records.iter().rfind(|record| wanted(&record.what) == Some(step)).unwrap_or_else(|| panic!("no entry of {step}"));
        record.at.parse::<Timestamp>().unwrap()
    };
    let begun = at(|entry| if let Entry::Started { step, .. } = entry { Some(step) } else { None }, from);
    let done = at(|entry| if let Entry::Done { step, .. } = entry { Some(step) } else { None }, to);
    done.duration_since(begun).as_secs_f64()
}

/// The longest time in which nobody's write was acknowledged: when it began, and its seconds.
fn longest_silence(heard: &[Acknowledged]) -> (Timestamp, f64) {
    let mut at: Vec<Timestamp> = heard.iter().map(|one| one.at).collect();
    at.sort();
    let gaps = at.windows(2).map(|pair| (pair[0], pair[1].duration_since(pair[0]).as_secs_f64()));
    gaps.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap()
}

#[test]
fn no_acknowledged_write_is_lost_on_the_way_to_aws_and_back() {
    let (emulator, builds) = (Arc::new(Emulator::start(&[])), Builds::make());
    let moving = Move::new("proof", &emulator, &builds);
    let people = moving.life();
    let mut wizard = moving.go();
    assert!(wait_until(&mut wizard, "the switch", || moving.rehearsal.holds("done switch")), "{}", moving.said());
    people.wait_for(50, true, || moving.said());
    let (since, silence) = longest_silence(&people.heard());
    let frozen = between(&moving.rehearsal.records(), "freeze", "switch");
    eprintln!("frozen for {frozen:.1} s; people could not write for {silence:.1} s from {since} on");
    moving.breaks();
    let code = wizard.wait().unwrap().code();
    assert_eq!(code, Some(1), "{}", moving.said());
    assert!(moving.said().contains("the run went back by itself"), "{}", moving.said());
    moving.is_back(people);
}

#[test]
fn a_wizard_that_is_killed_at_sixty_moments_loses_no_write_either() {
    let (emulator, builds) = (Arc::new(Emulator::start(&[])), Builds::make());
    let seed = std::env::var("MIGRATE_WIZARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut chance = Chance::new(seed);
    let (mut kills, mut after_the_switch, mut moments, mut round) = (0, 0, BTreeMap::<String, usize>::new(), 0);
    while kills < 60 {
        round += 1;
        let moving = Move::new(&format!("killed{round}"), &emulator, &builds);
        let people = moving.life();
        let (mut broken, mut here) = (false, 0);
        while !moving.went_back() {
            let mut wizard = moving.go();
            let mut ends = None;
            while wizard.try_wait().unwrap().is_none() && ends.is_none_or(|ends| Instant::now() < ends) {
                if !broken && people.count(true) >= 20 {
                    moving.breaks();
                    broken = true;
                }
                // From GO on each life is a short one, until this part of the round has had its share of kills.
                let (share, longest) = if moving.rehearsal.holds("done switch") { (15, 1_200) } else { (8, 2_500) };
                if ends.is_none() && here < share && moving.rehearsal.holds("answered go") {
                    ends = Some(Instant::now() + Duration::from_millis(50 + chance.below(longest)));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            if wizard.try_wait().unwrap().is_none() {
                signal(&wizard, "KILL");
                (kills, here) = (kills + 1, here + 1);
                after_the_switch += usize::from(moving.rehearsal.holds("done switch"));
                let last = moving.rehearsal.records().pop().unwrap();
                *moments.entry(super::support::rehearsal::word(&last.what)).or_default() += 1;
            }
            wizard.wait().unwrap();
        }
        moving.rehearsal.stop_servers();
        eprintln!("round {round}: {here} kills");
        moving.is_back(people);
    }
    eprintln!("{kills} kills in {round} rounds, {after_the_switch} after the switch: {moments:?}");
    assert!(after_the_switch >= 10 && kills - after_the_switch >= 10, "before and after the switch: {moments:?}");
}
