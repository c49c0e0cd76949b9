//! What was decided about the files to generate.
//! Never a secret, and nothing that a scan can tell by itself.

use serde::{Deserialize, Serialize};

use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::stack::Language;

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
    /// Debian release of the image; glibc, so that packages with compiled parts load.
    pub base: String,
    /// Container port of a single service; `None`: the one that the scan found.
    pub port: Option<u16>,
    /// Public host name, if there is one already.
    pub domain: Option<String>,
    pub ci: Ci,
    pub branch: String,
    /// Major version of the local Postgres.
    pub postgres: u16,
    /// Names of the services to generate for; empty: all.
    pub services: Vec<String>,
}

impl Choices {
    /// Where a choice has not been made, what the app does today.
    /// Node 20 and Python 3.11 are Replit's usual versions (as of 2026-11-20).
    pub fn from_scan(scan: &Scan) -> Self {
        let usual = match scan.stack.language {
            Language::Python => "3.11",
            Language::Node | Language::Php | Language::Html | Language::Unknown => "20",
        };
        Self {
            app_name: scan.name.clone(),
            region: "us-east-1".to_owned(),
            environment: "production".to_owned(),
            runtime: scan.stack.version.clone().unwrap_or_else(|| usual.to_owned()),
            base: "bookworm".to_owned(),
            port: None,
            domain: None,
            ci: Ci::None,
            branch: "main".to_owned(),
            postgres: 16,
            services: Vec::new(),
        }
    }

    /// The chosen services that run in a container.
    pub fn containers<'a>(&self, scan: &'a Scan) -> Vec<&'a Service> {
        scan.services
            .iter()
            .filter(|s| s.kind != ServiceKind::Static && (self.services.is_empty() || self.services.contains(&s.name)))
            .collect()
    }

    /// The port that a service listens on.
    pub fn port_of(&self, scan: &Scan, service: &Service) -> u16 {
        let only = if scan.services.len() == 1 { self.port } else { None };
        only.or(service.port).unwrap_or(3000)
    }
}
