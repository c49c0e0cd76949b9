//! What was decided about the files to generate.
//! Never a secret, and nothing that a scan can tell by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::branch::{self, Branch};
use super::needs::Decided;
use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::stack::Language;
use crate::error::Result;

/// What builds and deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ci {
    Github,
    Codepipeline,
    None,
}

/// Decisions that the generated files depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    pub app_name: String,
    pub region: String,
    pub environment: String,
    /// Node major ("20") or Python major.minor ("3.11").
    pub runtime: String,
    /// `alpine`, or the Debian release of the image: glibc, so that packages with compiled parts load.
    pub base: String,
    /// What the tasks run on: `linux/amd64` or `linux/arm64`.
    pub platform: String,
    /// One Dockerfile with a target for each service, instead of one for each.
    pub one_image: bool,
    /// Container port of a single service; `None`: the one that the scan found.
    pub port: Option<u16>,
    /// Public host name, if there is one already.
    pub domain: Option<String>,
    pub ci: Ci,
    pub branch: String,
    /// Which branches the pipeline deploys, and where to; empty: `branch` to `environment`.
    pub branches: Vec<Branch>,
    /// What brings the database to what the code expects, before the services are updated.
    pub migrations: Option<String>,
    /// Images go to GitHub's registry, too.
    pub ghcr: bool,
    /// What a page must contain to be the app's; `None`: its title; empty: nothing is looked for.
    pub smoke_word: Option<String>,
    /// The app's folder from the top of its git repository; empty: it is the top.
    #[serde(default)]
    pub folder: String,
    /// The answer about the services, as it was given (`web:3000,api:3001`): the first has what no other has.
    #[serde(default)]
    pub listed: String,
    /// Variables that the service's stack sets by itself.
    #[serde(default)]
    pub set_by_stack: BTreeSet<String>,
    /// Names of services on AWS, by their name here, where they differ.
    pub names: BTreeMap<String, String>,
    /// Major version of the local Postgres.
    pub postgres: u16,
    /// Names of the services to generate for; empty: all.
    pub services: Vec<String>,
    /// What was decided of the app as a whole: its variables follow from it.
    #[serde(default)]
    pub decisions: Decided,
}

impl Choices {
    /// Where a choice has not been made, what the app does today.
    /// Where no file names a version: Python 3.11 is Replit's usual one, of Node the oldest that gets fixes (2026-11-29).
    pub fn from_scan(scan: &Scan) -> Self {
        let usual = match scan.stack.language {
            Language::Python => "3.11",
            Language::Node | Language::Php | Language::Html | Language::Unknown => "22",
        };
        Self {
            app_name: scan.name.clone(),
            region: "us-east-1".to_owned(),
            environment: "production".to_owned(),
            runtime: scan.stack.version.clone().unwrap_or_else(|| usual.to_owned()),
            base: "bookworm".to_owned(),
            platform: "linux/amd64".to_owned(),
            one_image: false,
            port: None,
            domain: None,
            ci: Ci::None,
            branch: "main".to_owned(),
            branches: Vec::new(),
            migrations: scan.migrations.as_ref().map(|found| found.command.clone()),
            ghcr: false,
            smoke_word: None,
            folder: String::new(),
            listed: String::new(),
            set_by_stack: BTreeSet::new(),
            names: BTreeMap::new(),
            postgres: 16,
            services: Vec::new(),
            decisions: Decided::default(),
        }
    }

    /// Takes over what a run decided: fields of the step that generates the files.
    pub fn decided(&mut self, scan: &Scan, field: &dyn Fn(&str) -> Option<String>) {
        let take = |into: &mut String, name: &str| {
            if let Some(value) = field(name) {
                *into = value;
            }
        };
        take(&mut self.app_name, "app");
        take(&mut self.environment, "environment");
        take(&mut self.region, "region");
        take(&mut self.branch, "branch");
        self.domain = field("domain").or_else(|| self.domain.take());
        self.ci = match field("cicd").as_deref() {
            Some("github") => Ci::Github,
            Some("codepipeline") => Ci::Codepipeline,
            Some(_) | None => Ci::None,
        };
        self.ghcr = field("registry").is_some_and(|r| r.contains("ghcr"));
        if field("architecture").as_deref() == Some("arm64") {
            "linux/arm64".clone_into(&mut self.platform);
        }
        // the usual tools send several DDL statements in one transaction, which DSQL refuses
        if field("database").as_deref() == Some("dsql") {
            self.migrations = None;
        }
        self.listed = field("services").unwrap_or_default();
        let listed = self.listed.clone();
        self.rename(scan, &listed);
    }

    /// The chosen services that run in a container.
    pub fn containers<'a>(&self, scan: &'a Scan) -> Vec<&'a Service> {
        scan.services
            .iter()
            .filter(|s| s.kind != ServiceKind::Static && (self.services.is_empty() || self.services.contains(&s.name)))
            .collect()
    }

    /// The service's name on AWS.
    pub fn name_of<'a>(&'a self, service: &'a Service) -> &'a str {
        self.names.get(&service.name).map_or(service.name.as_str(), String::as_str)
    }

    /// Takes the names of `web:3000,api:3001`: the same name, else the same port, else the only one that is left.
    pub fn rename(&mut self, scan: &Scan, listed: &str) {
        let wanted = listed.split(',').filter_map(|item| {
            let (name, port) = item.split_once(':').unwrap_or((item, ""));
            Some((name.trim().to_owned(), port.trim().parse::<u16>().ok())).filter(|(name, _)| !name.is_empty())
        });
        let mut wanted: Vec<(String, Option<u16>)> = wanted.collect();
        let mut open: Vec<&Service> = self.containers(scan);
        open.retain(|service| match wanted.iter().position(|(name, _)| *name == service.name) {
            Some(at) => {
                wanted.remove(at);
                false
            }
            None => true,
        });
        open.retain(|service| match wanted.iter().position(|(_, port)| port.is_some() && *port == service.port) {
            Some(at) => {
                self.names.insert(service.name.clone(), wanted.remove(at).0);
                false
            }
            None => true,
        });
        if let ([service], [(name, _)]) = (open.as_slice(), wanted.as_slice()) {
            self.names.insert(service.name.clone(), name.clone());
        }
    }

    /// What a push to the pipeline's branches does.
    ///
    /// # Errors
    /// `Bug` if our own table does not parse.
    pub fn deployed(&self) -> Result<Vec<Branch>> {
        if !self.branches.is_empty() {
            return Ok(self.branches.clone());
        }
        let rules = branch::rules(std::slice::from_ref(&self.branch))?;
        Ok(rules.into_iter().map(|rule| Branch { environment: self.environment.clone(), ..rule }).collect())
    }

    /// The port that a service listens on.
    pub fn port_of(&self, scan: &Scan, service: &Service) -> u16 {
        let only = if scan.services.len() == 1 { self.port } else { None };
        only.or(service.port).unwrap_or(3000)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn services_take_the_names_that_they_have_on_aws() {
        let service = |name: &str, port: u16| {
            (
                format!("apps/{name}/package.json"),
                format!(r#"{{"name":"{name}","scripts":{{"start":"node a.js --port {port}"}},"dependencies":{{"fastify":"5"}}}}"#),
            )
        };
        let app = App::new(&[("package.json", r#"{"name":"a","workspaces":["apps/*"]}"#)]);
        for (path, text) in [service("web", 3000), service("server", 3001), service("login", 3002)] {
            app.put(&path, &text);
        }
        let scan = app.scan();
        let mut choices = Choices::from_scan(&scan);
        // web by its name, server by its port, login because it is what is left
        choices.rename(&scan, "web:8080,api:3001,auth:4002");
        let names: Vec<&str> = scan.services.iter().map(|s| choices.name_of(s)).collect();
        assert_eq!(scan.services.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["login", "server", "web"]);
        assert_eq!(names, ["auth", "api", "web"]);
        let mut nothing = Choices::from_scan(&scan);
        nothing.rename(&scan, "");
        assert!(nothing.names.is_empty());
    }
}
