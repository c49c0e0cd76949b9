//! A Dockerfile carried out without an engine: its stages are folders, its commands run with exactly the environment that it gives them.
//! What that leaves unproved: the base image with its own Node and Debian packages, the user that it runs as, and the absolute path /app.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A stage: a folder that stands for the root of a file system, and what has been set.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    pub root: PathBuf,
    pub workdir: String,
    pub env: BTreeMap<String, String>,
    pub user: String,
    pub health: Vec<String>,
    pub command: Vec<String>,
    /// What `FROM` named, where it is no stage.
    pub base: String,
    /// Every command that was run.
    pub ran: Vec<String>,
}

/// Instructions with their continuation lines joined.
pub fn instructions(text: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
        open.push_str(line.trim_end_matches('\\'));
        if !line.ends_with('\\') {
            lines.push(std::mem::take(&mut open));
        }
    }
    lines.iter().filter_map(|l| l.trim().split_once(' ')).map(|(name, rest)| (name.to_owned(), rest.trim().to_owned())).collect()
}

fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
}

impl Stage {
    /// A path of the image on this machine.
    fn at(&self, path: &str) -> PathBuf {
        let absolute = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.workdir) };
        // a folder cannot be made by a name that ends in a dot
        self.root.join(absolute.trim_start_matches('/')).components().collect()
    }

    /// A program with the image's environment and nothing else of this machine but the way to its programs.
    pub fn program(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.at(".")).env_clear().stdin(Stdio::null());
        for name in ["PATH", "HOME", "SSL_CERT_FILE", "npm_config_registry"] {
            command.envs(std::env::var(name).ok().map(|value| (name, value)));
        }
        command.env("npm_config_prefer_offline", "true");
        for (name, value) in &self.env {
            let inside = value.starts_with('/') && self.root.join(value.trim_start_matches('/')).exists();
            command.env(name, if inside { self.at(value).display().to_string() } else { value.clone() });
        }
        command
    }

    fn run(&mut self, line: &str) {
        assert!(!line.contains("apt-get"), "a system package cannot be proved here: {line}");
        // the users are the base image's, and /app is a folder of this machine's
        if line.starts_with("chown ") {
            return self.ran.push(line.to_owned());
        }
        let done = self.program(&["sh".into(), "-c".into(), line.into()]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "RUN {line}\n{said}");
        self.ran.push(line.to_owned());
    }

    /// The content of a folder into a folder; a file into a folder (`to` ends with /) or to its place.
    fn copy(&self, from: &Path, to: &str) {
        let target = self.at(to);
        let is_folder = from.is_dir() || to.ends_with('/');
        std::fs::create_dir_all(if is_folder { &target } else { target.parent().unwrap() }).unwrap();
        let source = if from.is_dir() { from.join(".") } else { from.to_owned() };
        let done = Command::new("cp").arg("-a").arg(&source).arg(&target).output().unwrap();
        assert!(done.status.success(), "COPY {} {to}: {}", from.display(), String::from_utf8_lossy(&done.stderr));
    }
}

/// Carries out every stage in `scratch`; `context` is what an engine would be given. The last stage is the image.
pub fn carry_out(text: &str, context: &Path, scratch: &Path) -> Stage {
    let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
    let mut now = Stage::default();
    let mut name = String::new();
    for (number, (instruction, rest)) in instructions(text).into_iter().enumerate() {
        match instruction.as_str() {
            "FROM" => {
                if !name.is_empty() {
                    stages.insert(name.clone(), now.clone());
                }
                let (from, own) = rest.split_once(" AS ").map_or((rest.as_str(), ""), |(f, n)| (f, n));
                name = if own.is_empty() { format!("stage-{number}") } else { own.to_owned() };
                now = stages.get(from).cloned().unwrap_or_else(|| Stage { base: from.to_owned(), workdir: "/".into(), ..Stage::default() });
                let before = std::mem::replace(&mut now.root, scratch.join(&name));
                std::fs::create_dir_all(&now.root).unwrap();
                if before != PathBuf::new() {
                    now.copy(&before, "/");
                }
            }
            "WORKDIR" => {
                now.workdir = rest.clone();
                std::fs::create_dir_all(now.at(".")).unwrap();
            }
            "ENV" | "ARG" => {
                if let Some((key, value)) = rest.split_once('=') {
                    now.env.insert(key.to_owned(), value.to_owned());
                }
            }
            "COPY" => {
                let parts: Vec<&str> = rest.split_whitespace().collect();
                let from = parts.iter().find_map(|p| p.strip_prefix("--from="));
                let mut paths: Vec<&str> = parts.iter().copied().filter(|p| !p.starts_with("--")).collect();
                let to = paths.pop().unwrap();
                for path in paths {
                    let source = from.map_or_else(|| context.join(path), |stage| stages[stage].at(path));
                    now.copy(&source, to);
                }
            }
            "ADD" => {
                // the certificates that the wizard carries are the same file
                let to = rest.rsplit_once(' ').unwrap().1;
                assert!(rest.contains("truststore.pki.rds.amazonaws.com/global/global-bundle.pem"), "ADD {rest}");
                std::fs::create_dir_all(now.at(to).parent().unwrap()).unwrap();
                std::fs::write(now.at(to), include_str!("../../assets/certificates/rds.pem")).unwrap();
            }
            "RUN" => now.run(&rest),
            "USER" => now.user = rest,
            "CMD" => now.command = words(&rest),
            "HEALTHCHECK" => now.health = rest.split_once("CMD ").map(|(_, json)| words(json)).unwrap_or_default(),
            "EXPOSE" => assert_eq!(Some(&rest), now.env.get("PORT")),
            other => panic!("no such instruction is generated: {other} {rest}"),
        }
    }
    now
}
