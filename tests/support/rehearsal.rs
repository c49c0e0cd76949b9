//! The demo as a fixture: a folder of its own for app, source, target and temporary files.
//! Whatever a killed demo leaves running is stopped by its own pid when the value goes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use migrate_wizard::postgres::freeze::{self, How};
use migrate_wizard::postgres::local::{self, LocalServer, Options};
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::wizard::journal::{self, Entry, Record};
use migrate_wizard::wizard::state::{State, Status, StepState};
use serde_json::{Value, json};

use super::emulator::Emulator;
use super::postgres::block;
use super::wizard::{Done, Wizard};

/// One demo, from its first start to its end, however often it is interrupted.
pub struct Rehearsal {
    wizard: Wizard,
    name: String,
}

impl Rehearsal {
    /// `name` is the app's: it keeps the stacks of several rehearsals on one emulator apart. Without an emulator AWS is simulated.
    pub fn new(name: &str, emulator: Option<&Emulator>) -> Self {
        Self::within(name, emulator.map(Emulator::env).unwrap_or_default())
    }

    /// The same with an environment of its own.
    pub fn within(name: &str, env: Vec<(String, String)>) -> Self {
        let wizard = Wizard::empty();
        // PostgreSQL does not run as root: the user who runs it then must be able to enter.
        std::fs::set_permissions(wizard.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let temporary = wizard.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let wizard = wizard.env("TMPDIR", temporary.to_str().unwrap()).envs(env);
        Self { wizard, name: name.to_owned() }
    }

    pub fn app(&self) -> PathBuf {
        self.wizard.path().join("app")
    }

    /// The demo, which goes on where it was.
    pub fn demo(&self) -> Command {
        self.demo_of(1)
    }

    pub fn demo_of(&self, scale: u32) -> Command {
        let (app, name, scale) = (self.app(), format!("app_name={}", self.name), scale.to_string());
        self.wizard.command(&["demo", "--dir", app.to_str().unwrap(), "--scale", &scale, "--yes", "--plain", "--set", &name])
    }

    pub fn start(&self) -> Child {
        silent(self.demo())
    }

    /// Runs the demo to its end, which must be a good one.
    pub fn finish(&self) -> Done {
        Done(self.demo().output().unwrap()).expect(0)
    }

    /// Another command on the demo's run.
    pub fn command(&self, args: &[&str]) -> Command {
        let app = self.app();
        self.wizard.command(&[&["--sandbox", "--plain", "--dir", app.to_str().unwrap()], args].concat())
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done(self.command(args).output().unwrap())
    }

    /// The folder of the one run, once there is one.
    pub fn run_dir(&self) -> Option<PathBuf> {
        run_dirs(&self.app()).pop()
    }

    /// What the journal holds; its numbers and check sums must be right.
    pub fn records(&self) -> Vec<Record> {
        let dirs = run_dirs(&self.app());
        assert!(dirs.len() <= 1, "a demo that was interrupted goes on instead of beginning anew: {dirs:?}");
        dirs.first().map(|dir| journal::read(dir).unwrap()).unwrap_or_default()
    }

    pub fn state(&self) -> State {
        State::replay(&self.records()).unwrap()
    }

    pub fn finished(&self) -> bool {
        !self.records().is_empty() && self.state().ended.is_some()
    }

    /// Does the journal hold this entry? Asked often while a demo runs, so the text is not taken apart.
    pub fn holds(&self, entry: &str) -> bool {
        holds(&self.app(), entry)
    }

    /// The source, started again: the demo stops it at its end.
    pub fn source(&self) -> Connector {
        serve(&self.source_folder())
    }

    /// The disposable target, started again.
    pub fn target(&self) -> Connector {
        let run = self.run_dir().unwrap();
        serve(&self.targets().join(run.file_name().unwrap()))
    }

    pub fn source_folder(&self) -> PathBuf {
        self.wizard.path().join("app-source")
    }

    fn targets(&self) -> PathBuf {
        self.wizard.path().join("tmp/migrate-wizard")
    }

    /// Servers of this rehearsal that run now.
    pub fn servers(&self) -> usize {
        self.folders().iter().filter(|folder| block(LocalServer::attach(folder, "postgres")).unwrap().is_some()).count()
    }

    /// Of the source and of the target.
    fn folders(&self) -> Vec<PathBuf> {
        let targets = std::fs::read_dir(self.targets()).into_iter().flatten().flatten().map(|e| e.path());
        targets.chain([self.source_folder()]).collect()
    }

    /// Stops what a demo left that was killed after its last entry: no further start takes that over.
    pub fn stop_servers(&self) {
        for folder in self.folders() {
            if let Some(server) = block(LocalServer::attach(&folder, "postgres")).unwrap() {
                block(server.stop()).unwrap();
            }
        }
    }

    pub fn is_frozen(&self) -> bool {
        self.is_held(How::ReadOnly)
    }

    /// Frozen in this way.
    pub fn is_held(&self, how: How) -> bool {
        let source = self.source();
        block(async { freeze::is_frozen(&source.connect(Access::ReadOnly).await.unwrap(), how).await.unwrap() })
    }

    /// What `data verify` says of both sides.
    pub fn verify(&self) -> Done {
        let (source, target) = (self.source(), self.target());
        let mut command = self.wizard.command(&["data", "verify"]);
        command.env("SOURCE_DATABASE_URL", source.secret_url()).env("TARGET_DATABASE_URL", target.secret_url());
        Done(command.output().unwrap())
    }

    /// What the emulator holds of this app.
    pub fn cloud(&self, emulator: &Emulator) -> Cloud {
        let mine = format!("{}-production", self.name);
        Cloud {
            stacks: emulator
                .stacks()
                .into_iter()
                .filter_map(|(name, status)| Some((name.strip_prefix(&mine)?.trim_start_matches('-').to_owned(), status)))
                .collect(),
            secrets: emulator
                .secrets()
                .into_iter()
                .filter_map(|(name, versions)| Some((name.strip_prefix(&mine)?.trim_start_matches('/').to_owned(), versions)))
                .collect(),
            repositories: emulator
                .repositories()
                .into_iter()
                .filter_map(|name| Some(name.strip_prefix(&mine)?.trim_start_matches('/').to_owned()))
                .collect(),
        }
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        for folder in self.folders() {
            if let Err(error) = block(local::destroy(&folder)) {
                eprintln!("{error}");
            }
        }
    }
}

/// What is there of one app: names without the app's.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Every stack that ever was, in the order it was made, with its status.
    pub stacks: Vec<(String, String)>,
    /// Every secret with the number of its versions.
    pub secrets: BTreeMap<String, usize>,
    pub repositories: Vec<String>,
}

impl Cloud {
    /// Stacks that are there now.
    pub fn standing(&self) -> Vec<&(String, String)> {
        self.stacks.iter().filter(|(_, status)| status != "DELETE_COMPLETE").collect()
    }
}

impl Emulator {
    pub fn call(&self, service: &str, headers: &[(&str, &str)], body: String) -> String {
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=none");
        block(async {
            let mut request = reqwest::Client::new().post(self.url()).header("Authorization", credential).body(body);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{service}: {status} {text}");
            text
        })
    }

    pub fn json(&self, service: &str, target: &str) -> Value {
        let text = self.call(service, &[("X-Amz-Target", target), ("Content-Type", "application/x-amz-json-1.1")], json!({}).to_string());
        serde_json::from_str(&text).unwrap()
    }

    fn stacks(&self) -> Vec<(String, String)> {
        let pattern = regex::Regex::new("<StackName>([^<]+)</StackName>.*?<StackStatus>([^<]+)</StackStatus>").unwrap();
        let next = regex::Regex::new("<NextToken>([^<]+)</NextToken>").unwrap();
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let asked = format!("Action=ListStacks&Version=2010-05-15{page}");
            let text = self.call("cloudformation", &[("Content-Type", "application/x-www-form-urlencoded")], asked);
            all.extend(pattern.captures_iter(&text).map(|c| (c[1].to_owned(), c[2].to_owned())));
            let Some(token) = next.captures(&text) else { return all };
            page = format!("&NextToken={}", token[1].replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
        }
    }

    pub fn secrets(&self) -> BTreeMap<String, usize> {
        let all = self.json("secretsmanager", "secretsmanager.ListSecrets");
        let versions = |secret: &Value| secret["SecretVersionsToStages"].as_object().map_or(0, serde_json::Map::len);
        all["SecretList"].as_array().unwrap().iter().map(|secret| (secret["Name"].as_str().unwrap().to_owned(), versions(secret))).collect()
    }

    pub fn repositories(&self) -> Vec<String> {
        let all = self.json("ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories");
        all["repositories"].as_array().unwrap().iter().map(|r| r["repositoryName"].as_str().unwrap().to_owned()).collect()
    }
}

fn serve(folder: &Path) -> Connector {
    block(LocalServer::start(folder, &Options { database: "app".into(), ..Options::default() })).unwrap().connector()
}

/// Does the journal of the newest run hold this entry, in the words of [`word`]?
pub fn holds(app: &Path, entry: &str) -> bool {
    let text = run_dirs(app).pop().and_then(|dir| std::fs::read_to_string(dir.join("journal.jsonl")).ok()).unwrap_or_default();
    let (entry, step) = entry.split_once(' ').map_or((entry, String::new()), |(entry, step)| (entry, format!(",\"step\":\"{step}\"")));
    text.contains(&format!("\"entry\":\"{entry}\"{step}"))
}

/// Starts a command whose output nobody reads.
pub fn silent(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Folders of the runs of an app whose journal holds an entry.
pub fn run_dirs(app: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(app.join(".migrate-wizard")).into_iter().flatten().flatten().map(|e| e.path());
    entries.filter(|dir| std::fs::metadata(dir.join("journal.jsonl")).is_ok_and(|m| m.len() > 0)).collect()
}

/// Sends a signal to a process that the test started.
pub fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(done.success(), "kill -{name} found no process");
}

/// Waits for a condition while the process lives; `false` when it ended first.
pub fn wait_until(child: &mut Child, what: &str, mut come: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        if come() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return come();
        }
        assert!(Instant::now() < deadline, "waited 300 s for {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// An entry in two words: `started network`, `answered region`, `finished`.
pub fn word(entry: &Entry) -> String {
    let all = serde_json::to_value(entry).unwrap();
    let step = all["step"].as_str().map(|step| format!(" {step}")).unwrap_or_default();
    format!("{}{step}", all["entry"].as_str().unwrap())
}

/// The two promises of a resume, read off a journal: what is done is not begun again unless it would be another thing now or the guard
/// it relied on was released meanwhile, and a guard that was up is released before anything else happens.
pub fn check_resumes(records: &[Record], guard: &str, until: &str) {
    for (i, record) in records.iter().enumerate().skip(1) {
        let before = State::replay(&records[..i]).unwrap();
        match &record.what {
            Entry::Started { step, fields, .. } if before.rollback.is_none() => {
                let was = before.steps.get(step);
                let same = |s: &StepState| s.effect.as_ref().is_some_and(|(_, had)| had == fields);
                let again = was.is_some_and(|s| s.status == Status::Done && !s.refresh && same(s));
                assert!(!again, "entry {}: `{step}` was done and is begun again", record.n);
            }
            Entry::Resumed { .. } if before.ended.is_none() => {
                let up =
                    matches!(before.status(guard), Status::Started | Status::Done | Status::Failed | Status::Undoing | Status::UndoFailed);
                let stands = up && !before.reached(until, guard) && !before.begun_under("door_open", guard);
                if let (true, Some(next)) = (stands, records.get(i + 1)) {
                    let expected = Entry::UndoStarted { step: guard.to_owned(), guard: true };
                    assert!(
                        next.what == expected || matches!(next.what, Entry::Resumed { .. }),
                        "entry {}: {} comes before the release of `{guard}`",
                        next.n,
                        word(&next.what)
                    );
                }
            }
            _ => {}
        }
    }
}
