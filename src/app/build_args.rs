//! Which of the names that some build of the app reads are arguments of an image: those that the image's own build needs.
//! Never a value of its own, and where a build may be that of the whole app it leaves no name out.

use super::env::EnvPlan;
use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::variable::place_for;

/// Words of a command that builds one package, with what it depends on.
const OF_ONE: &[&str] = &[
    "--filter",
    "-F ",
    "--workspace=",
    "--workspace ",
    "-w ",
    "yarn workspace ",
    "--prefix",
    "--cwd",
    "-C ",
    "--scope",
    "nx build ",
    "cd ",
];

/// Its build is that of its own folder.
fn builds_itself(service: &Service) -> bool {
    let of_one = |line: &str| OF_ONE.iter().any(|word| line.contains(word)) || line.contains(service.dir.as_str());
    !service.dir.is_empty() && service.build.as_deref().is_none_or(of_one)
}

/// The service's own code reads the name; `false` for one that only other services read.
fn is_read_by(scan: &Scan, service: &Service, name: &str) -> bool {
    scan.variables.iter().find(|v| v.name == name).is_none_or(|v| place_for(scan, &service.name, v).is_some())
}

/// The arguments of an image with these services, each with its value (empty: a person must give it), by name.
pub fn of<'p>(scan: &Scan, plan: &'p EnvPlan, services: &[&Service]) -> Vec<(&'p str, &'p str)> {
    let needs = |name: &str| services.iter().any(|s| !builds_itself(s) || is_read_by(scan, s, name));
    plan.build.iter().filter(|(name, _)| needs(name)).map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Services of files alone whose build reads the name.
pub fn statics<'s>(scan: &'s Scan, name: &str) -> Vec<&'s Service> {
    scan.services.iter().filter(|s| s.kind == ServiceKind::Static && is_read_by(scan, s, name)).collect()
}

/// Names that a person must give where this service of files alone is built.
pub fn open<'p>(scan: &Scan, plan: &'p EnvPlan, service: &Service) -> Vec<&'p str> {
    of(scan, plan, &[service])
        .into_iter()
        .filter(|(name, value)| value.is_empty() && is_read_by(scan, service, name))
        .map(|(name, _)| name)
        .collect()
}
