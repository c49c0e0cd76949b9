//! The real binary, run in a folder of its own: a builder that makes a test a few lines.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder with (or without) the sample app, and how to run the binary in it.
pub struct Wizard {
    pub dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Wizard {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// The sample app.
    pub fn sample() -> Self {
        let wizard = Self::empty();
        migrate_wizard::library::write_sample(wizard.path()).unwrap();
        wizard
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn envs(mut self, all: Vec<(String, String)>) -> Self {
        self.env.extend(all);
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The command, with nothing of this machine's own credentials or databases.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migrate-wizard"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            if name.starts_with("AWS_") || name.starts_with("PG") || name.ends_with("DATABASE_URL") {
                command.env_remove(name);
            }
        }
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        let output = self.command(args).output().unwrap();
        Done(output)
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The folder of the newest run.
    pub fn run_dir(&self) -> PathBuf {
        let mut runs: Vec<_> = std::fs::read_dir(self.path().join(".migrate-wizard"))
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.join("journal.jsonl").exists())
            .collect();
        runs.sort_by_key(|p| std::fs::metadata(p.join("journal.jsonl")).unwrap().modified().unwrap());
        runs.pop().unwrap()
    }

    /// The entries of the newest run's journal.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.run_dir().join("journal.jsonl")).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

/// What a run left.
pub struct Done(pub Output);

impl Done {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The exit code must be this; shows both streams when it is not.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout:\n{}\nstderr:\n{}", self.out(), self.err());
        self
    }

    /// Standard error must say this.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.err().contains(part), "expected {part:?} in:\n{}", self.err());
        self
    }
}

/// The memory that a process holds now beside its program and libraries, in KiB: pages of a debug build's code are no measure of the work.
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    held.and_then(|held| held.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}
