//! The file `.replit`: what Replit was told about the app.
//! Never keeps the value of anything that may be a secret; keys we do not know are kept as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::hide;
use crate::error::{Error, Kind, Result};

/// Top-level keys whose meaning is known (docs.replit.com, as of 2026-11-20); all others go to [`ReplitFile::other`].
const KNOWN: &[&str] = &[
    "modules",
    "run",
    "entrypoint",
    "language",
    "hidden",
    "nix",
    "deployment",
    "ports",
    "env",
    "userenv",
    "objectStorage",
    "agent",
    "workflows",
];

/// How the app is published on Replit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployTarget {
    /// Scales to zero: `autoscale`, formerly `cloudrun`.
    Autoscale,
    /// One machine that never stops: `vm`, formerly `gce`.
    ReservedVm,
    Static,
    Scheduled,
    /// Several services behind one domain, told apart by path.
    PathRouter,
    Other(String),
}

/// A line of `[env]` or `[userenv.*]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvValue {
    pub name: String,
    /// `env`, `shared`, `development` or `production`.
    pub section: String,
    /// `None` when name or value look like a secret.
    pub value: Option<String>,
}

/// One of `[agent] integrations`: listed does not mean still used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    pub name: String,
    pub version: String,
}

/// What `.replit` says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplitFile {
    pub modules: Vec<String>,
    pub nix_packages: Vec<String>,
    /// The development command.
    pub run: Option<Vec<String>>,
    pub language: Option<String>,
    pub has_deployment: bool,
    pub target: Option<DeployTarget>,
    pub build: Option<Vec<String>>,
    /// The production command.
    pub production: Option<Vec<String>>,
    pub public_dir: Option<String>,
    /// (local, external) as listed.
    pub ports: Vec<(u16, Option<u16>)>,
    pub env: Vec<EnvValue>,
    pub bucket: Option<String>,
    pub stack: Option<String>,
    pub integrations: Vec<Integration>,
    /// What the development workflows start.
    pub workflow_commands: Vec<String>,
    /// Keys that are not known here.
    pub other: BTreeMap<String, serde_json::Value>,
}

impl ReplitFile {
    /// Reads the text of `.replit`.
    ///
    /// # Errors
    /// `Input` if it is not TOML, with the line.
    pub fn parse(text: &str) -> Result<Self> {
        let table: Table = toml::from_str(text).map_err(|error| {
            // the library's full message quotes the line, which may hold a secret
            let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or("").lines().count().max(1));
            Error::new(Kind::Input, format!("cannot read .replit: line {line} is not valid TOML"))
                .cause(error.message())
                .hint("correct that line of .replit, or move the file aside to scan the app without it")
        })?;
        let deployment = table.get("deployment").and_then(Value::as_table);
        let get = |key: &str| deployment.and_then(|d| d.get(key));
        let agent = table.get("agent").and_then(Value::as_table);
        let target = match get("deploymentTarget").and_then(Value::as_str) {
            Some("autoscale" | "cloudrun") => Some(DeployTarget::Autoscale),
            Some("vm" | "gce") => Some(DeployTarget::ReservedVm),
            Some("static") => Some(DeployTarget::Static),
            Some("scheduled") => Some(DeployTarget::Scheduled),
            Some(other) => Some(DeployTarget::Other(other.to_owned())),
            None if get("router").and_then(Value::as_str) == Some("application") => Some(DeployTarget::PathRouter),
            None => None,
        };
        Ok(Self {
            modules: strings(table.get("modules")),
            nix_packages: strings(table.get("nix").and_then(|n| n.get("packages"))),
            run: command(table.get("run")),
            language: table.get("language").and_then(Value::as_str).map(str::to_owned),
            has_deployment: deployment.is_some(),
            target,
            build: command(get("build")),
            production: command(get("run")),
            public_dir: get("publicDir").and_then(Value::as_str).map(str::to_owned),
            ports: ports(&table),
            env: env(&table),
            bucket: table.get("objectStorage").and_then(|o| o.get("defaultBucketID")).and_then(Value::as_str).map(str::to_owned),
            stack: agent.and_then(|a| a.get("stack")).and_then(Value::as_str).map(str::to_owned),
            integrations: strings(agent.and_then(|a| a.get("integrations"))).iter().map(|i| integration(i)).collect(),
            workflow_commands: workflow_commands(&table),
            other: table
                .iter()
                .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
                .filter_map(|(key, value)| Some((key.clone(), kept(key, value)?)))
                .collect(),
        })
    }

    /// The port that faces the web: external port 80, else the only one, else `PORT` of the environment.
    pub fn web_port(&self) -> Option<u16> {
        let eighty = self.ports.iter().find(|(_, external)| *external == Some(80)).map(|(local, _)| *local);
        let only = match self.ports.as_slice() {
            [(local, _)] => Some(*local),
            _ => None,
        };
        let named =
            self.env.iter().filter(|e| e.name == "PORT" && e.section != "development").find_map(|e| e.value.as_deref()?.parse().ok());
        eighty.or(only).or(named)
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A command is a string, an array of words, or an array with one string in it.
fn command(value: Option<&Value>) -> Option<Vec<String>> {
    let words = match value? {
        Value::String(line) => vec![hide::text(line)],
        other => strings(Some(other)).iter().map(|w| hide::text(w)).collect(),
    };
    let words: Vec<String> = match words.as_slice() {
        [line] => super::command::words(line),
        _ => words,
    };
    (!words.is_empty()).then_some(words)
}

fn ports(table: &Table) -> Vec<(u16, Option<u16>)> {
    let port = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_integer).and_then(|n| u16::try_from(n).ok());
    let entries = table.get("ports").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|e| Some((port(e, "localPort")?, port(e, "externalPort")))).collect()
}

fn env(table: &Table) -> Vec<EnvValue> {
    let mut out = Vec::new();
    let mut take = |section: &str, values: Option<&Value>| {
        for (name, value) in values.and_then(Value::as_table).into_iter().flatten().filter(|(_, value)| !value.is_table()) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let secret = hide::is_secret_name(name) || hide::is_secret_value(&value);
            out.push(EnvValue { name: name.clone(), section: section.to_owned(), value: (!secret).then_some(value) });
        }
    };
    take("env", table.get("env"));
    let user = table.get("userenv");
    take("shared", user);
    for section in ["shared", "development", "production"] {
        take(section, user.and_then(|u| u.get(section)));
    }
    out
}

fn integration(text: &str) -> Integration {
    let (name, version) = text.split_once("==").or_else(|| text.split_once(':')).unwrap_or((text, ""));
    Integration { name: name.to_owned(), version: version.to_owned() }
}

fn workflow_commands(table: &Table) -> Vec<String> {
    let workflows = table.get("workflows").and_then(|w| w.get("workflow")).and_then(Value::as_array);
    let tasks = workflows.into_iter().flatten().filter_map(|w| w.get("tasks")).filter_map(Value::as_array).flatten();
    tasks
        .filter(|t| t.get("task").and_then(Value::as_str) == Some("shell.exec"))
        .filter_map(|t| t.get("args")?.as_str())
        .map(hide::text)
        .collect()
}

/// An unknown key as it was, strings redacted.
fn kept(key: &str, value: &Value) -> Option<serde_json::Value> {
    Some(match value {
        Value::String(text) if hide::is_secret_name(key) => {
            serde_json::Value::String(if text.is_empty() { String::new() } else { "***".to_owned() })
        }
        Value::String(text) => serde_json::Value::String(hide::text(text)),
        Value::Integer(n) => (*n).into(),
        Value::Float(n) => serde_json::Number::from_f64(*n)?.into(),
        Value::Boolean(b) => (*b).into(),
        Value::Datetime(d) => d.to_string().into(),
        Value::Array(items) => items.iter().filter_map(|item| kept(key, item)).collect::<Vec<_>>().into(),
        Value::Table(table) => serde_json::Value::Object(table.iter().filter_map(|(k, v)| Some((k.clone(), kept(k, v)?))).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_environment_and_unknown_keys() {
        let file = ReplitFile::parse(
            "modules = [\"nodejs-20\"]\nrun = \"npm run dev\"\nstrange = 7\n[[ports]]\nlocalPort = 3001\nexternalPort = 3001\n[[ports]]\nlocalPort = 3000\nexternalPort = 80\n\
             [userenv.production]\nADMIN_PASSWORD = \"hunter2\"\nBRAND = \"Acme\"\n[deployment]\ndeploymentTarget = \"gce\"\nbuild = [\"npm run build\"]\nrun = [\"node\", \"./dist/index.cjs\"]\n[agent]\nintegrations = [\"stripe:2.0.0\", \"python_openai==1.0.0\"]\n",
        )
        .unwrap();
        assert_eq!(file.web_port(), Some(3000));
        assert_eq!(file.target, Some(DeployTarget::ReservedVm));
        assert_eq!(file.build, Some(vec!["npm".into(), "run".into(), "build".into()]));
        assert_eq!(file.production, Some(vec!["node".into(), "./dist/index.cjs".into()]));
        assert_eq!(
            file.env.iter().map(|e| (e.name.as_str(), e.value.as_deref())).collect::<Vec<_>>(),
            [("ADMIN_PASSWORD", None), ("BRAND", Some("Acme"))]
        );
        assert_eq!(file.integrations.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["stripe", "python_openai"]);
        assert_eq!(file.other.get("strange"), Some(&serde_json::json!(7)));
        assert!(!serde_json::to_string(&file).unwrap().contains("hunter2"));
    }

    #[test]
    fn broken_toml_names_the_line_and_shows_no_value() {
        let error = ReplitFile::parse("run = \"x\"\n[env]\nAPI_KEY = hunter2\n").unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
