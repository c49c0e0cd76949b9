//! The images of the app: which base, which packages, how to install, build and start.
//! Never a template's text (that is `assets/files/`), and never a package that neither a file of the app nor its start command asks for.

mod base;
mod framework;
mod node;
mod pages;
mod python;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use super::choices::Choices;
use super::command;
use super::env::EnvPlan;
use super::lifetime;
use super::scan::Scan;
use super::service::Service;
use super::stack::Language;
use super::template;
use crate::error::{Error, Kind, Result};

/// A Dockerfile and the services that are built from it, each with its target.
#[derive(Debug, Clone)]
pub struct Dockerfile<'a> {
    pub path: String,
    pub text: String,
    pub services: Vec<(&'a Service, Option<String>)>,
}

/// The Dockerfiles of the chosen services: one for each, or one with a target for each. None for a stack that we cannot build.
///
/// # Errors
/// `Input` if the chosen base or processor cannot run the app; `Bug` if one of our templates names an unknown value.
pub fn all<'a>(scan: &'a Scan, choices: &Choices, plan: &EnvPlan) -> Result<Vec<Dockerfile<'a>>> {
    let services: Vec<&Service> = choices.containers(scan).into_iter().filter(|s| !s.run.is_empty()).collect();
    if !scan.stack.supported || services.is_empty() || !matches!(scan.stack.language, Language::Node | Language::Python) {
        return Ok(Vec::new());
    }
    base::check(scan, choices)?;
    let standalone = services.iter().find(|s| node::is_standalone(scan, s));
    if choices.one_image && services.len() > 1 {
        if let Some(service) = standalone {
            return Err(Error::new(Kind::Input, format!("one Dockerfile cannot hold {}", service.name))
                .cause(format!("next.config in {} says output: \"standalone\": its build is an image of its own", service.dir))
                .hint("leave out --one-image"));
        }
        let text = one(scan, choices, plan, &services, true)?;
        let services = services.into_iter().map(|s| (s, Some(s.name.clone()))).collect();
        return Ok(vec![Dockerfile { path: "Dockerfile".to_owned(), text, services }]);
    }
    let alone = scan.services.len() == 1;
    services
        .into_iter()
        .map(|service| {
            let path = if alone { "Dockerfile".to_owned() } else { format!("Dockerfile.{}", service.name) };
            Ok(Dockerfile { path, text: one(scan, choices, plan, &[service], false)?, services: vec![(service, None)] })
        })
        .collect()
}

fn one(scan: &Scan, choices: &Choices, plan: &EnvPlan, services: &[&Service], targets: bool) -> Result<String> {
    let frameworks = framework::of(scan)?;
    let (file, text) = match scan.stack.language {
        Language::Node => ("node.Dockerfile", include_str!("../../../assets/files/node.Dockerfile")),
        Language::Python | Language::Php | Language::Html | Language::Unknown => {
            ("python.Dockerfile", include_str!("../../../assets/files/python.Dockerfile"))
        }
    };
    let set = |pick: fn(&super::packages::SystemPackage) -> &Vec<String>| -> BTreeSet<String> {
        scan.system_packages.iter().flat_map(|p| pick(p).iter().cloned()).collect()
    };
    let mut image_env: BTreeMap<String, String> = scan.system_packages.iter().flat_map(|p| p.env.clone()).collect();
    let mut build_env = image_env.clone();
    for framework in &frameworks {
        image_env.extend(framework.run_env.clone());
        build_env.extend(framework.build_env.clone());
    }
    let names: Vec<&str> = services.iter().map(|s| s.name.as_str()).collect();
    let mut values = BTreeMap::from([
        ("service", names.join(", ")),
        ("runtime", choices.runtime.clone()),
        ("base", base::tag(scan, choices)),
        ("base_why", base::why(scan, choices)),
        ("lifetime", lifetime::line(scan.stack.language, &choices.runtime)?),
        ("platform_check", base::platform_check(scan)),
        ("apt", apt(&set(|p| &p.apt))),
        ("unknown", unknown(scan)),
        ("image_env", env(&image_env)),
        ("build_env", env(&build_env)),
        ("build_args", build_args(scan, plan, services)),
    ]);
    let compiled = set(|p| &p.build);
    let given = framework::placeholders(scan, plan, services, &frameworks)?;
    match scan.stack.language {
        Language::Node => values.extend(node::values(scan, choices, services, &compiled, &given)),
        Language::Python => {
            let mut missing = BTreeSet::new();
            for service in services {
                missing.extend(start::undeclared(scan, choices, service, &frameworks)?);
            }
            values.extend(python::values(scan, choices, &given, &compiled, &frameworks, &missing));
            values.extend(pages::values(scan, &build_args(scan, plan, services))?);
        }
        Language::Php | Language::Html | Language::Unknown => {}
    }
    let mut out = template::fill(file, text, &values)?;
    let migrate = node::migrate_stage(scan, choices, services);
    out.push_str(migrate.as_deref().unwrap_or_default());
    for service in services {
        let head = match (&migrate, targets) {
            (Some(_), _) => format!("FROM run AS {}\n{}", service.name, node::copy_app(scan, services)),
            (None, true) => format!("FROM run AS {}", service.name),
            (None, false) => String::new(),
        };
        if !head.is_empty() {
            out.push('\n');
        }
        out.push_str(&start::of(scan, choices, service, &frameworks, head)?);
    }
    Ok(out)
}

/// The target of this service's Dockerfile that runs the migrations, where its own image cannot.
pub fn migrate_target(scan: &Scan, choices: &Choices, service: &Service) -> Option<&'static str> {
    node::migrate_stage(scan, choices, &[service]).map(|_| node::MIGRATE)
}

/// Packages by name that the start commands need and the app does not declare, each once.
///
/// # Errors
/// As [`all`].
pub fn undeclared(scan: &Scan, choices: &Choices) -> Result<BTreeSet<&'static str>> {
    let frameworks = framework::of(scan)?;
    let mut names = BTreeSet::new();
    for service in choices.containers(scan) {
        names.extend(start::undeclared(scan, choices, service, &frameworks)?.into_iter().map(|(name, _)| name));
    }
    Ok(names)
}

/// What nobody knows a Debian package for, or nothing.
fn unknown(scan: &Scan) -> String {
    let names: Vec<&str> = scan.system_packages.iter().filter(|p| !p.known).map(|p| p.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("# not installed, since our table does not know it: {}. If the app needs it, find the Debian package", names.join(", "))
}

/// `RUN apt-get …`, or nothing.
fn apt(packages: &BTreeSet<String>) -> String {
    if packages.is_empty() {
        return String::new();
    }
    let list = packages.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    format!(
        "# versions are left to the release of the base image: Debian keeps only the newest of each\n# hadolint ignore=DL3008\nRUN apt-get update \\\n && apt-get install -y --no-install-recommends {list} \\\n && rm -rf /var/lib/apt/lists/*"
    )
}

fn env(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("ENV {name}={value}")).collect::<Vec<_>>().join("\n")
}

/// Names that the build of these services reads. An argument that is not given stays unset, so that a default in the code counts.
fn build_args(scan: &Scan, plan: &EnvPlan, services: &[&Service]) -> String {
    let line = |(name, value): (&str, &str)| if value.is_empty() { format!("ARG {name}") } else { format!("ARG {name}={value}") };
    let lines: Vec<String> = super::build_args::of(scan, plan, services).into_iter().map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("# what the build writes into the pages, so it is no secret: docker build --build-arg NAME=value\n{}", lines.join("\n"))
}

/// Several commands as one layer; the first that fails ends it.
fn run(commands: &[String]) -> String {
    let guarded = |line: &String| if line.contains(';') || line.contains("||") { format!("( {line} )") } else { line.clone() };
    let lines: Vec<String> = commands.iter().filter(|c| !c.is_empty()).map(guarded).collect();
    if lines.is_empty() { String::new() } else { format!("RUN {}", lines.join(" \\\n && ")) }
}

fn json(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| serde_json::Value::from(w.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// The command as a person reads it, for comments.
pub fn shown(service: &Service) -> String {
    command::line(&service.run)
}
