//! On which Linux the image stands, and for which processor: what the app's packages leave open.
//! Never a wish against a fact: a base that cannot run the app is refused, with the reasons.

use super::super::choices::Choices;
use super::super::scan::Scan;
use super::super::stack::Language;
use crate::error::{Error, Kind, Result};

/// What keeps the app on glibc, each with its place or name.
fn needs_glibc(scan: &Scan) -> Vec<String> {
    let mut out = Vec::new();
    if !scan.stack.native.is_empty() {
        out.push(format!("packages with compiled parts: {}", scan.stack.native.join(", ")));
    }
    let system: Vec<&str> = scan.system_packages.iter().filter(|p| !p.apt.is_empty()).map(|p| p.name.as_str()).collect();
    if !system.is_empty() {
        out.push(format!("system packages that our table knows for Debian: {}", system.join(", ")));
    }
    if let Some(finding) = scan.findings.iter().find(|f| f.signal == "A11") {
        out.push(format!("{}:{} leaves out the packages for musl", finding.file, finding.line.unwrap_or(1)));
    }
    if scan.stack.language == Language::Python {
        out.push("wheels of Python packages are made for glibc first".to_owned());
    }
    out
}

/// # Errors
/// `Input` if base or processor cannot run the app.
pub fn check(scan: &Scan, choices: &Choices) -> Result<()> {
    let reasons = needs_glibc(scan);
    if choices.base == "alpine" && !reasons.is_empty() {
        let error = Error::new(Kind::Input, format!("{} cannot run on Alpine", scan.name));
        return Err(reasons.iter().fold(error, Error::cause).hint("leave out --base alpine: Debian (slim) is the default"));
    }
    if choices.platform == "linux/arm64"
        && let Some(finding) = scan.findings.iter().find(|f| f.signal == "A11")
    {
        return Err(Error::new(Kind::Input, format!("{} cannot be built for linux/arm64", scan.name))
            .cause(format!("{}:{} leaves out the packages for ARM", finding.file, finding.line.unwrap_or(1)))
            .hint("build for linux/amd64, or delete these overrides and lock the packages again"));
    }
    Ok(())
}

/// The tag after the runtime's version.
pub fn tag(scan: &Scan, choices: &Choices) -> String {
    match (choices.base.as_str(), scan.stack.language) {
        ("alpine", _) => "alpine".to_owned(),
        (release, Language::Python) => format!("slim-{release}"),
        (release, Language::Node | Language::Php | Language::Html | Language::Unknown) => format!("{release}-slim"),
    }
}

/// Why this base, for the head of the file.
pub fn why(scan: &Scan, choices: &Choices) -> String {
    if choices.base == "alpine" {
        return "Alpine, since nothing here was compiled for glibc".to_owned();
    }
    match needs_glibc(scan).first() {
        Some(reason) => format!("Debian with glibc: {reason}"),
        None => "Debian with glibc; nothing here needs it, so --base alpine would do, too".to_owned(),
    }
}

/// The workspace has packages for one processor only: say so while building, not with a riddle while running.
pub fn platform_check(scan: &Scan) -> String {
    if !scan.has_finding("A11") {
        return String::new();
    }
    "# the workspace leaves out the packages for other processors\nRUN test \"$(uname -m)\" = x86_64 || { echo 'build this with --platform linux/amd64' >&2; exit 1; }".to_owned()
}
