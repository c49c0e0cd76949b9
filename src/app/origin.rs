//! What a scan understood of an app, each value with the place that says so.
//! Never finds out anything by itself: it names the file, line or key behind what the scan already holds.

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use super::replit::{DeployTarget, ReplitFile};
use super::service::{Service, ServiceKind};
use super::stack::{Language, PackageManager, Stack};
use super::tree::Tree;

/// One value: `web port`, `3000`, `.replit:14 [[ports]] externalPort = 80`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Understood {
    pub what: String,
    pub value: String,
    /// `file:line`, a file and its key, or that nothing says it.
    pub from: String,
}

/// What is known when the places are looked for.
pub struct Known<'a> {
    pub tree: &'a Tree,
    pub replit: Option<&'a ReplitFile>,
    pub name: &'a str,
    pub generation: Option<Generation>,
    pub stack: &'a Stack,
    pub services: &'a [Service],
    pub port: Option<u16>,
}

/// All values, in the order in which a person reads them.
pub fn read(known: &Known) -> Vec<Understood> {
    let mut out = Vec::new();
    let mut say = |what: &str, value: String, from: String| out.push(Understood { what: what.to_owned(), value, from });
    say("name", known.name.to_owned(), name(known));
    if let Some(generation) = known.generation {
        say("template", format!("{generation:?}, {}", generation.title()), generation_mark(known, generation));
    }
    say("language", language(known.stack), stack_mark(known));
    if let Some(version) = &known.stack.version {
        say("version", version.clone(), version_mark(known));
    }
    if known.stack.package_manager != PackageManager::None {
        say("packages", format!("{:?}", known.stack.package_manager).to_lowercase(), manager_mark(known));
    }
    if !known.stack.frameworks.is_empty() {
        say("frameworks", known.stack.frameworks.join(", "), manifest_file(known).to_owned());
    }
    if let Some(target) = known.replit.and_then(|r| r.target.as_ref()) {
        let key = if *target == DeployTarget::PathRouter { "router" } else { "deploymentTarget" };
        say("published as", target_word(target), in_replit(known.tree, "deployment", key));
    }
    if let Some(port) = known.port {
        say("web port", port.to_string(), port_mark(known, port));
    }
    for service in known.services {
        say(&format!("service {}", service.name), service_line(service), service_mark(known, service));
    }
    if let Some(bucket) = known.replit.and_then(|r| r.bucket.as_ref()) {
        say("bucket", bucket.clone(), in_replit(known.tree, "objectStorage", "defaultBucketID"));
    }
    out
}

fn target_word(target: &DeployTarget) -> String {
    match target {
        DeployTarget::Autoscale => "autoscale: scales to zero".to_owned(),
        DeployTarget::ReservedVm => "reserved VM: one machine that never stops".to_owned(),
        DeployTarget::Static => "static files".to_owned(),
        DeployTarget::Scheduled => "scheduled job".to_owned(),
        DeployTarget::PathRouter => "several services behind one domain".to_owned(),
        DeployTarget::Other(other) => other.clone(),
    }
}

fn language(stack: &Stack) -> String {
    let word = match stack.language {
        Language::Node if stack.typescript => "Node, TypeScript",
        Language::Node => "Node",
        Language::Python => "Python",
        Language::Php => "PHP",
        Language::Html => "files only",
        Language::Unknown => "unknown",
    };
    word.to_owned()
}

fn service_line(service: &Service) -> String {
    let kind = match service.kind {
        ServiceKind::Web => "web",
        ServiceKind::Api => "API",
        ServiceKind::Static => "static files",
        ServiceKind::Worker => "worker",
        ServiceKind::Job => "job",
    };
    let mut parts = vec![kind.to_owned()];
    parts.extend(service.port.map(|port| format!("port {port}")));
    if !service.run.is_empty() {
        parts.push(format!("runs `{}`", super::command::line(&service.run)));
    }
    parts.extend(service.build.as_ref().map(|build| format!("built by `{build}`")));
    parts.extend(service.health.as_ref().map(|path| format!("answers {path}")));
    parts.extend((!service.paths.is_empty()).then(|| format!("serves {}", service.paths.join(" "))));
    parts.join(", ")
}

/// `file:line` of the first line that the test takes, or the file.
fn line(tree: &Tree, file: &str, test: impl Fn(&str) -> bool) -> String {
    let at = tree.text(file).and_then(|text| text.lines().position(test));
    at.map_or_else(|| file.to_owned(), |at| format!("{file}:{}", at + 1))
}

/// A key of a section of `.replit`, written below its header or with dots.
fn in_replit(tree: &Tree, section: &str, key: &str) -> String {
    let text = tree.text(".replit").unwrap_or("");
    let mut inside = section.is_empty();
    let is_key = |line: &str, key: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') && !trimmed.contains('=') {
            inside = trimmed.trim_matches(|c| c == '[' || c == ']').split('.').next() == Some(section);
        } else if (inside && is_key(line, key)) || (!section.is_empty() && is_key(line, &format!("{section}.{key}"))) {
            return format!(".replit:{} [{section}] {key}", at + 1).replace(" []", "");
        }
    }
    format!(".replit, {section} {key}")
}

fn name(known: &Known) -> String {
    if known.name == "app" {
        return "neither package.json nor the folder has a name of its own".to_owned();
    }
    let named = known.tree.text("package.json").is_some_and(|t| t.contains(&format!("\"{}\"", known.name)));
    if named {
        line(known.tree, "package.json", |l| l.trim_start().starts_with("\"name\"") || l.contains("{ \"name\""))
    } else {
        "the folder's name".to_owned()
    }
}

fn generation_mark(known: &Known, generation: Generation) -> String {
    let tree = known.tree;
    let file = |path: &str| tree.has(path).then(|| path.to_owned());
    let folder = |path: &str| tree.has_dir(path).then(|| format!("{path}/"));
    let found = match generation {
        Generation::G4 => known
            .replit
            .and_then(|r| r.stack.as_ref())
            .map(|_| in_replit(tree, "agent", "stack"))
            .or_else(|| tree.entries.iter().find(|e| e.path.ends_with(".replit-artifact/artifact.toml")).map(|e| e.path.clone())),
        Generation::G3 => folder("server/replit_integrations")
            .or_else(|| file("shared/models/auth.ts"))
            .or_else(|| file("shared/models/chat.ts"))
            .or_else(|| file("script/build.ts")),
        Generation::G2 => tree
            .text("package.json")
            .filter(|t| t.contains("\"rest-express\""))
            .map(|_| line(tree, "package.json", |l| l.contains("\"rest-express\"")))
            .or_else(|| file("server/replitAuth.ts"))
            .or_else(|| file("server/vite.ts")),
        Generation::G2x => {
            known.replit.and_then(|r| r.stack.as_ref()).map(|_| in_replit(tree, "agent", "stack")).or_else(|| folder("server_dist"))
        }
        Generation::G2p => file("replit_auth.py").or_else(|| Some(in_replit(tree, "deployment", "run"))),
        Generation::G1 => Some(".replit: no [deployment]".to_owned()),
        Generation::G0 => Some(".replit beside none of the marks of Replit's templates".to_owned()),
    };
    found.unwrap_or_else(|| "marks in the code".to_owned())
}

fn manifest_file<'a>(known: &'a Known) -> &'a str {
    let python = ["pyproject.toml", "requirements.txt", "main.py"];
    match known.stack.language {
        Language::Node => "package.json",
        Language::Python => python.into_iter().find(|f| known.tree.has(f)).unwrap_or("*.py"),
        Language::Php => "composer.json",
        Language::Html => "index.html",
        Language::Unknown => "no package.json, requirements.txt or pyproject.toml",
    }
}

fn stack_mark(known: &Known) -> String {
    let file = manifest_file(known);
    if known.stack.typescript && known.tree.has("tsconfig.json") { format!("{file}, tsconfig.json") } else { file.to_owned() }
}

fn version_mark(known: &Known) -> String {
    if known.stack.language == Language::Python {
        let from = super::python_version::read(known.tree, known.replit).from;
        return if from == ".replit modules" { in_replit(known.tree, "", "modules") } else { from };
    }
    if known.replit.is_some_and(|r| r.modules.iter().any(|m| m.starts_with("nodejs-"))) {
        return in_replit(known.tree, "", "modules");
    }
    let files = [".nvmrc", ".node-version"];
    files.into_iter().find(|f| known.tree.has(f)).map_or_else(|| "package.json engines".to_owned(), str::to_owned)
}

fn manager_mark(known: &Known) -> String {
    let named = known.tree.text("package.json").is_some_and(|t| t.contains("\"packageManager\""));
    if known.stack.language == Language::Node && named {
        return line(known.tree, "package.json", |l| l.contains("\"packageManager\""));
    }
    let files: &[&str] = match known.stack.package_manager {
        PackageManager::Npm => &["package-lock.json"],
        PackageManager::Pnpm => &["pnpm-lock.yaml", "pnpm-workspace.yaml"],
        PackageManager::Yarn => &["yarn.lock"],
        PackageManager::Bun => &["bun.lock", "bun.lockb"],
        PackageManager::Pip => &["requirements.txt"],
        PackageManager::Uv => &["uv.lock", "pyproject.toml"],
        PackageManager::Poetry => &["poetry.lock", "pyproject.toml"],
        PackageManager::Composer => &["composer.json"],
        PackageManager::None => &[],
    };
    files.iter().find(|f| known.tree.has(f)).map_or_else(|| "no lock file: the usual one".to_owned(), |f| (*f).to_owned())
}

fn port_mark(known: &Known, port: u16) -> String {
    let entry = known.replit.is_some_and(|r| r.ports.iter().any(|(local, _)| *local == port) && r.web_port() == Some(port));
    if entry {
        return line(known.tree, ".replit", |l| {
            l.trim_start().strip_prefix("localPort").is_some_and(|rest| rest.trim_start_matches([' ', '=']).trim() == port.to_string())
        }) + " [[ports]]";
    }
    if known.replit.and_then(ReplitFile::web_port) == Some(port) {
        return in_replit(known.tree, "env", "PORT");
    }
    let number = port.to_string();
    for (file, text) in known.tree.code("").filter(|(_, text)| text.contains(&number)) {
        let mentions = |l: &str| l.contains(&number) && (l.contains("PORT") || l.contains("listen") || l.contains("port"));
        if let Some(at) = text.lines().position(mentions) {
            return format!("{file}:{}", at + 1);
        }
    }
    let run = known.replit.and_then(|r| r.production.as_deref()).map(super::command::line).unwrap_or_default();
    if run.contains(&port.to_string()) {
        in_replit(known.tree, "deployment", "run")
    } else {
        "nothing names one: the usual port".to_owned()
    }
}

fn service_mark(known: &Known, service: &Service) -> String {
    let tree = known.tree;
    let of = |file: &str| if service.dir.is_empty() { file.to_owned() } else { format!("{}/{file}", service.dir) };
    for file in [".replit-artifact/artifact.toml", "project.json"] {
        if !service.dir.is_empty() && tree.has(&of(file)) {
            return of(file);
        }
    }
    if let Some(from) = &service.from {
        return from.clone();
    }
    if service.dir.is_empty() && known.replit.is_some_and(|r| r.production.is_some()) {
        return in_replit(tree, "deployment", "run");
    }
    let manifest = of("package.json");
    if tree.text(&manifest).is_some_and(|t| t.contains("\"start\"")) {
        return line(tree, &manifest, |l| l.contains("\"start\"")) + " scripts";
    }
    if known.replit.is_some_and(|r| r.run.is_some()) && !service.run.is_empty() {
        return in_replit(tree, "", "run");
    }
    if tree.has(&manifest) { manifest } else { manifest_file(known).to_owned() }
}
