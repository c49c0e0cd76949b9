//! The scan: everything the wizard knows about an app from its files, as one serializable value.
//! Never a secret's value, never a network call; it blocks, so call it on a blocking thread.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::beside;
use super::by_container::Image;
use super::database::{self, DatabaseUse, Engine};
use super::edits;
use super::effort::Effort;
use super::finding::{Finding, Severity};
use super::front_end::{self, FrontEnd};
use super::generation::{self, Generation};
use super::hide;
use super::joined;
use super::layout::{self, Layout};
use super::manifest::Manifest;
use super::migrations::{self, Migrations};
use super::origin::{self, Known, Understood};
use super::packages::{self, SystemPackage};
use super::pasted;
use super::port;
use super::replit::{DeployTarget, Integration, ReplitFile};
use super::search::Search;
use super::service::{self, Service};
use super::signal;
use super::stack::{self, Language, Stack};
use super::tree::Tree;
use super::undeclared::{self, Undeclared};
use super::variable::{self, Variable};
use crate::error::{Error, Result};
use crate::progress::{Reporter, Unit};
use crate::text;

/// What the app is and what ties it to Replit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// Lower case with dashes, from package.json or the folder.
    pub name: String,
    /// `None`: there is no `.replit`, so this is not a Replit app (or not its root).
    pub replit: Option<ReplitFile>,
    pub generation: Option<Generation>,
    pub stack: Stack,
    pub services: Vec<Service>,
    /// The port that faces the web.
    pub port: Option<u16>,
    pub target: Option<DeployTarget>,
    pub system_packages: Vec<SystemPackage>,
    pub variables: Vec<Variable>,
    pub databases: Vec<DatabaseUse>,
    pub integrations: Vec<Integration>,
    /// The Replit object storage bucket to copy.
    pub bucket: Option<String>,
    pub findings: Vec<Finding>,
    /// What is still in the code and has its answer: drop-ins for Replit's packages, a gate before Stripe's sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Finding>,
    /// The app's own description, from replit.md; a hint, never a fact.
    pub overview: Option<String>,
    /// What a person must be told before anything else: not a Replit app, stack not supported, files that could not be read.
    pub notes: Vec<String>,
    /// Files seen.
    pub files: u64,
    /// Files and folders of interest to the generator that are there.
    pub present: Vec<String>,
    /// `package.json` script names of the root.
    pub scripts: Vec<String>,
    /// Each value above that a person should check, with the place that says so.
    #[serde(default)]
    pub understood: Vec<Understood>,
    /// What the image needs to know of the tree.
    pub layout: Layout,
    /// How the app migrates its schema.
    #[serde(default)]
    pub migrations: Option<Migrations>,
    /// Pages that Node builds in an app that runs something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front_ends: Vec<FrontEnd>,
    /// Packages that the code imports and no file declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<Undeclared>,
}

impl Scan {
    pub fn has_finding(&self, signal: &str) -> bool {
        self.findings.iter().any(|f| f.signal == signal)
    }

    /// The app has that finding, or had it and it is settled.
    pub fn was_found(&self, signal: &str) -> bool {
        self.has_finding(signal) || self.settled.iter().any(|f| f.signal == signal)
    }

    pub fn uses(&self, engine: Engine) -> bool {
        self.databases.iter().any(|d| d.engine == engine)
    }

    /// Findings of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.severity == severity)
    }

    /// What was met of one severity, each signal by its first place: what is counted is what is listed.
    pub fn met(&self, severity: Severity) -> Vec<&Finding> {
        let mut met: Vec<&Finding> = Vec::new();
        for finding in self.of(severity) {
            if !met.iter().any(|known| known.signal == finding.signal) {
                met.push(finding);
            }
        }
        met
    }

    /// All that was met, as [`Scan::met`] counts.
    pub fn met_in_all(&self) -> u64 {
        [Severity::Blocks, Severity::Must, Severity::Should, Severity::Info].iter().map(|severity| self.met(*severity).len() as u64).sum()
    }

    /// `28 findings in 40 places`: what was met is one finding, however many places it has.
    pub fn counted(&self) -> String {
        let places = self.findings.len() as u64;
        format!("{} in {}", text::plural(self.met_in_all(), "finding"), text::plural(places, "place"))
    }

    /// The work that all findings together take.
    pub fn effort(&self) -> Effort {
        self.findings.iter().filter_map(|f| f.hours).sum()
    }

    pub fn has_file(&self, path: &str) -> bool {
        self.present.iter().any(|p| p == path)
    }
}

/// Files that could not be read, one line each, up to so many.
const MOST_NOTES: usize = 20;

/// What the generator asks about.
const INTEREST: &[&str] = &[
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
    "pnpm-workspace.yaml",
    ".npmrc",
    ".yarnrc.yml",
    "requirements.txt",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "main.py",
    "Dockerfile",
    ".dockerignore",
    "docker-compose.yml",
    ".env.example",
    "buildspec.yml",
    "buildspec-release.yml",
    ".github/workflows/deploy.yml",
    "CHECKLIST.md",
    edits::CHECKLIST,
    ".replitignore",
    "manage.py",
];
/// Where `app prepare` puts packages that stand in for Replit's.
pub const DROP_INS: &str = ".migrate/shims";
const INTEREST_DIRS: &[&str] = &["server", "src", "prisma", "patches", ".yarn"];

/// Reads the app in `dir`.
///
/// # Errors
/// `Input` if `dir` is not a folder, if `.replit` is not TOML, or if a signal file is wrong; `Unreachable` if `dir` cannot be listed.
pub fn scan(dir: &Path, reporter: &Reporter) -> Result<Scan> {
    let signals = signal::load(dir)?;
    let search = Search::new(&signals)?;
    let (tree, looks) = Tree::look(dir, reporter, &|entry| search.look(entry))?;
    let replit = tree.text(".replit").map(ReplitFile::parse).transpose()?;
    let manifests = manifests(&tree);
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    let folder = dir.canonicalize().ok().and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned())).unwrap_or_default();
    let name = [root.map_or("", |m| m.name.as_str()), folder.as_str(), "app"]
        .iter()
        .map(|n| service::slug(n))
        .find(|n| !n.is_empty() && n != "rest-express" && n != "workspace")
        .unwrap_or_else(|| "app".into());
    let stack = stack::read(&tree, replit.as_ref(), &manifests);
    let beside = beside::Table::read()?;
    let (mut services, variables) = std::thread::scope(|scope| {
        let variables = scope.spawn(|| variable::read(&tree));
        let services = service::read(&tree, replit.as_ref(), &stack, &manifests, &beside);
        (services, variables.join())
    });
    let mut variables = variables.map_err(|_| Error::bug("the thread that looked for variables failed"))?;
    for service in &mut services {
        // a name of the code's own is none of the environment
        service.port_variable = service.port_variable.take().filter(|name| variables.iter().any(|its| its.name == *name));
    }
    let total = tree.entries.len() as u64;
    reporter.progress(total, Some(total), Unit::Files, "reading the app");
    let seen: Vec<_> = tree.entries.iter().zip(&looks).collect();
    let (mut findings, settled) = search.findings(&tree.root, &seen);
    variable::of_drop_ins(&mut variables, &settled, &signals);
    let layout = layout::read(&tree, &manifests);
    let system_packages = packages::read(&tree, replit.as_ref(), &manifests, &layout.python)?;
    let databases = database::read(&tree, replit.as_ref(), &manifests, &variables);
    joined::add(&mut findings, &signals, &tree, replit.as_ref(), &manifests, &databases);
    pasted::add(&mut findings, &signals, dir);
    Image::of(&tree, &stack, &services, system_packages.clone()).fit(&mut findings, &tree);
    let mut notes = notes(&tree, replit.as_ref(), &stack, &services, &beside);
    let started = service::started(&tree, replit.as_ref(), root, &services);
    let unknown = service::unknown_framework(replit.as_ref(), &stack, root, &services);
    if unknown.is_none() {
        notes.extend(services.iter().filter_map(port::note));
    }
    notes.extend(unknown);
    notes.extend(migrations::elsewhere(&tree, &stack, &manifests)?);
    notes.extend(started.notes.iter().cloned());
    notes.extend(beside::obstacles(&beside, &tree, &stack, &started));
    notes.extend(beside::notes(&beside, &tree, replit.as_ref(), root, &stack, &services));
    let declared = undeclared::Declared { manifests: &manifests, stack: &stack, layout: &layout };
    let undeclared = undeclared::read(&tree, &declared)?;
    let front_ends = front_end::read(&tree, replit.as_ref(), &stack, &manifests);
    let generation = generation::detect(&tree, replit.as_ref(), root);
    let port = replit.as_ref().and_then(ReplitFile::web_port).or_else(|| services.iter().find_map(|s| s.port));
    let known = Known { tree: &tree, replit: replit.as_ref(), name: &name, generation, stack: &stack, services: &services, port };
    let understood = origin::read(&known);
    let scan = Scan {
        generation,
        port,
        target: replit.as_ref().and_then(|r| r.target.clone()),
        system_packages,
        integrations: replit.as_ref().map(|r| r.integrations.clone()).unwrap_or_default(),
        bucket: replit.as_ref().and_then(|r| r.bucket.clone()),
        overview: overview(&tree),
        files: total,
        present: INTEREST
            .iter()
            .filter(|p| tree.has(p))
            .chain(INTEREST_DIRS.iter().filter(|d| tree.has_dir(d)))
            // the walk leaves it out
            .chain(dir.join(DROP_INS).is_dir().then_some(&DROP_INS))
            .map(|p| (*p).to_owned())
            .collect(),
        scripts: root.map(|m| m.scripts.keys().cloned().collect()).unwrap_or_default(),
        layout,
        migrations: migrations::read(&tree, &stack, &manifests)?,
        name,
        replit,
        stack,
        services,
        variables,
        databases,
        findings,
        settled,
        notes,
        understood,
        front_ends,
        undeclared,
    };
    reporter.log(format!("scanned {}: {}", text::plural(scan.files, "file"), scan.counted()));
    Ok(scan)
}

/// Every package.json by its folder (empty for the root).
pub(super) fn manifests(tree: &Tree) -> Vec<(String, Manifest)> {
    let files = tree.entries.iter().filter(|e| e.path == "package.json" || e.path.ends_with("/package.json"));
    files
        .filter_map(|e| {
            Some((e.path.trim_end_matches("package.json").trim_end_matches('/').to_owned(), Manifest::parse(e.text.as_deref()?)?))
        })
        .collect()
}

/// What can be done for an app of any stack.
const STILL: &str = "the database can still be moved (schema convert, data copy), and the stacks deployed with an image of your own";

fn notes(tree: &Tree, replit: Option<&ReplitFile>, stack: &Stack, services: &[Service], beside: &beside::Table) -> Vec<String> {
    let mut out = Vec::new();
    if replit.is_none() {
        out.push(
            "this folder has no .replit file: it is not a Replit app, or not the app's root; what follows comes from its other files alone"
                .to_owned(),
        );
    }
    let wrong = tree.text("package.json").and_then(|text| serde_json::from_str::<serde_json::Value>(text).err());
    if let Some(error) = &wrong {
        out.push(format!("package.json:{} cannot be read as JSON, so what follows may be wrong: {error}", error.line()));
    }
    match stack.language {
        Language::Unknown => match beside.stacks.iter().find(|(file, _)| tree.has(file)) {
            Some((file, name)) => out.push(format!("{name} ({file}): this stack is not supported, no image is generated; {STILL}")),
            None if wrong.is_some() => {}
            None => out.push(format!(
                "no package.json, requirements.txt or pyproject.toml: the stack is not supported, no image is generated; {STILL}"
            )),
        },
        Language::Php => out.push(format!("a PHP app: findings are listed, but no image is generated for this stack; {STILL}")),
        Language::Html => out.push("files only, nothing runs: publish them with S3 and CloudFront; no image is generated".to_owned()),
        Language::Python if !stack.supported => {
            out.push("Python without requirements.txt or pyproject.toml: list the packages in one of them, then scan again".to_owned())
        }
        Language::Node | Language::Python => {}
    }
    if stack.language == Language::Python {
        out.extend(super::python_version::read(tree, replit).warning);
    }
    let runs = |s: &&Service| s.kind != service::ServiceKind::Static && s.run.is_empty();
    for service in services.iter().filter(runs) {
        out.push(format!("no production command found for {}: add `run` to [deployment] in .replit, or a `start` script", service.name));
    }
    out.extend(tree.unreadable.iter().take(MOST_NOTES).cloned());
    if let Some(more) = tree.unreadable.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        out.push(format!("{} more could not be read in full", crate::text::plural(more as u64, "file")));
    }
    out
}

/// The first paragraph of replit.md that is no heading, at most 400 characters.
fn overview(tree: &Tree) -> Option<String> {
    let line =
        tree.text("replit.md")?.lines().map(str::trim).find(|l| l.chars().count() > 20 && !l.starts_with(['#', '-', '*', '|', '`']))?;
    Some(hide::text(&line.chars().take(400).collect::<String>()))
}
