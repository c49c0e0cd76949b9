//! The files that AWS and local work need, made from templates and a scan: image, compose, pipeline, health route, checklist.
//! Never writes to disk, and never holds a value from the app's environment but what `.replit` shows in the open.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::choices::{Choices, Ci};
use super::dockerfile::{self, Dockerfile};
use super::env::{self, EnvPlan};
use super::finding::{Finding, Severity};
use super::health::Health;
use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::stack::Language;
use super::{build_args, compose, edits, env_example, env_table, lifetime, mark, pipeline};
use crate::error::{Error, Kind, Result};

/// A file to write, relative to the app's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedFile {
    pub path: String,
    pub contents: String,
    pub why: String,
    /// The app has a file of that name: show the difference before writing.
    pub exists: bool,
}

/// All files for the chosen services.
///
/// # Errors
/// `Input` if a choice cannot run the app; `Bug` if one of our templates names an unknown value.
pub fn generate(scan: &Scan, choices: &Choices) -> Result<Vec<GeneratedFile>> {
    let plan = env::plan(scan, choices)?;
    let images = dockerfile::all(scan, choices, &plan)?;
    let mut out = Files { scan, out: Vec::new() };
    container_files(&mut out, choices, &plan, &images)?;
    pipeline_files(&mut out, choices, &plan, &images)?;
    for (path, text) in health_files(scan, &images) {
        out.put(
            &path,
            text.to_owned(),
            "a health route that looks at the database and at memory and answers 503 when degraded; the file says how to mount it",
        );
    }
    out.put(
        ".env.example",
        mark::seal(&env_example::text(scan, choices, &plan)?),
        "the names that the app needs; values never belong here",
    );
    out.put("CHECKLIST.md", checklist(scan, choices, &plan)?, "what a person must change or look at, with places");
    Ok(out.out)
}

/// Dockerfiles, `.dockerignore`, `docker-compose.yml` and `.env.example`.
///
/// # Errors
/// As [`generate`]; `Input` for a stack that we cannot build.
pub fn container(scan: &Scan, choices: &Choices) -> Result<Vec<GeneratedFile>> {
    let plan = env::plan(scan, choices)?;
    let images = images(scan, choices, &plan)?;
    let mut out = Files { scan, out: Vec::new() };
    container_files(&mut out, choices, &plan, &images)?;
    out.put(
        ".env.example",
        mark::seal(&env_example::text(scan, choices, &plan)?),
        "the names that the app needs; values never belong here",
    );
    Ok(out.out)
}

/// The pipeline of [`Choices::ci`].
///
/// # Errors
/// As [`container`].
pub fn pipeline(scan: &Scan, choices: &Choices) -> Result<Vec<GeneratedFile>> {
    let plan = env::plan(scan, choices)?;
    let images = images(scan, choices, &plan)?;
    let mut out = Files { scan, out: Vec::new() };
    pipeline_files(&mut out, choices, &plan, &images)?;
    Ok(out.out)
}

/// At least one image, or why there is none.
fn images<'a>(scan: &'a Scan, choices: &Choices, plan: &EnvPlan) -> Result<Vec<Dockerfile<'a>>> {
    let images = dockerfile::all(scan, choices, plan)?;
    if !images.is_empty() {
        return Ok(images);
    }
    let error = Error::new(Kind::Input, format!("{}: there is nothing to build an image of", scan.name));
    let error = scan.notes.iter().cloned().chain(statics(scan)).fold(error, Error::cause);
    let error = if choices.services.is_empty() {
        error
    } else {
        let known: Vec<&str> = scan.services.iter().map(|s| s.name.as_str()).collect();
        error.cause(format!("services of the app: {}; asked for: {}", known.join(", "), choices.services.join(", ")))
    };
    Err(error.hint("give the app's folder: expected a package.json, requirements.txt or pyproject.toml, and a production command"))
}

/// What a person must know of these files that does not stand in them: services that get no image, runtimes that get no fixes,
/// packages that nobody declares.
///
/// # Errors
/// `Bug` if our own tables do not parse.
pub fn notes(scan: &Scan, choices: &Choices) -> Result<Vec<String>> {
    // said before the scan
    let mut out: Vec<String> =
        scan.notes.iter().filter(|note| scan.replit.is_some() || !note.contains("no .replit file")).cloned().collect();
    out.extend(statics(scan));
    if scan.stack.supported {
        out.extend(lifetime::note(scan, &choices.runtime)?);
    }
    out.extend(undeclared(scan));
    out.extend(unprepared(scan, choices)?);
    let unknown: Vec<&str> = scan.system_packages.iter().filter(|p| !p.known).map(|p| p.name.as_str()).collect();
    if !unknown.is_empty() {
        out.push(format!("not in the image, since our table does not know a Debian package for it: {}", unknown.join(", ")));
    }
    Ok(out)
}

/// What becomes of services that are files alone.
fn statics(scan: &Scan) -> Vec<String> {
    let told = |s: &super::Service| {
        let built = s.build.as_deref().map(|line| format!("built with `{line}`")).unwrap_or_else(|| "not built".to_owned());
        let files = s.static_files().map(|path| format!(", {path}")).unwrap_or_default();
        format!("{} is files alone ({built}{files}): it goes to S3 and CloudFront, and gets no container", s.name)
    };
    scan.services.iter().filter(|s| s.kind == ServiceKind::Static).map(told).collect()
}

/// What blocks and `app prepare` answers with what is decided: code that does not reach the database beside it yet, and the rest.
fn unprepared(scan: &Scan, choices: &Choices) -> Result<Vec<String>> {
    const DATABASE: [&str; 2] = ["C4", "D10"];
    let edits = edits::known()?;
    let is_answered = |signal: &String| {
        let mut wanted = edits.iter().filter(|edit| edit.needs.as_ref().is_none_or(|needs| needs.are_met(&choices.decisions)));
        wanted.any(|edit| edit.signals.contains(signal) || edit.eases.contains(signal))
    };
    let met = scan.met(Severity::Blocks).into_iter().chain(scan.findings.iter().filter(|f| f.severity != Severity::Blocks));
    let mut told: Vec<&Finding> = Vec::new();
    for finding in met.filter(|f| DATABASE.contains(&f.signal.as_str()) || f.severity == Severity::Blocks) {
        if !told.iter().any(|known| known.signal == finding.signal) {
            told.push(finding);
        }
    }
    let (database, rest): (Vec<&Finding>, Vec<&Finding>) = told.into_iter().partition(|f| DATABASE.contains(&f.signal.as_str()));
    let places = |of: Vec<&Finding>| of.iter().map(|f| format!("{} ({})", f.title, f.place())).collect::<Vec<_>>().join(", ");
    // what an edit left open is a person's
    let first = if scan.has_file(edits::CHECKLIST) { "see CHECKLIST-CODE.md, which `app prepare` made" } else { "run `app prepare` first" };
    let mut out = Vec::new();
    if !database.is_empty() {
        out.push(format!("{first}, for this code does not reach the database of docker-compose.yml: {}", places(database)));
    }
    let rest: Vec<&Finding> = rest.into_iter().filter(|f| f.by_container.is_none() && is_answered(&f.signal)).collect();
    if !rest.is_empty() {
        out.push(format!("{first}, for this code cannot work outside Replit as it is: {}", places(rest)));
    }
    Ok(out)
}

/// What the image would not find at its start.
fn undeclared(scan: &Scan) -> Vec<String> {
    let told = |u: &super::Undeclared| {
        let what = match &u.program {
            None => format!("imports '{}', which {} does not declare", u.package, u.manifest),
            Some(program) => format!("runs `{program}`, whose package {} no package.json declares", u.package),
        };
        format!("{}:{} {what}: the image would fail, while it is built or when it starts", u.place.file, u.place.line)
    };
    scan.undeclared.iter().map(told).collect()
}

struct Files<'a> {
    scan: &'a Scan,
    out: Vec<GeneratedFile>,
}

impl Files<'_> {
    fn put(&mut self, path: &str, contents: String, why: &str) {
        let exists = self.scan.has_file(path);
        self.out.push(GeneratedFile { path: path.to_owned(), contents, why: why.to_owned(), exists });
    }
}

fn container_files(out: &mut Files<'_>, choices: &Choices, plan: &EnvPlan, images: &[Dockerfile<'_>]) -> Result<()> {
    for image in images {
        let services: Vec<String> = image.services.iter().map(|(s, _)| format!("{} starts `{}`", s.name, dockerfile::shown(s))).collect();
        out.put(&image.path, mark::seal(&image.text), &format!("the image: {}", services.join("; ")));
    }
    if !images.is_empty() {
        out.put(
            ".dockerignore",
            mark::seal(&compose::dockerignore(out.scan)?),
            "keeps secrets, chat attachments and build results out of the image",
        );
        out.put(
            "docker-compose.yml",
            mark::seal(&compose::of(out.scan, choices, plan, images)?),
            "runs the app on your own machine with what it needs beside it",
        );
    }
    Ok(())
}

fn pipeline_files(out: &mut Files<'_>, choices: &Choices, plan: &EnvPlan, images: &[Dockerfile<'_>]) -> Result<()> {
    if images.is_empty() {
        return Ok(());
    }
    match choices.ci {
        Ci::Github => out.put(
            &pipeline::workflow_path(choices),
            mark::seal(&pipeline::github(out.scan, choices, plan, images)?),
            "checks, builds, migrates and deploys from GitHub with a role, no keys",
        ),
        Ci::Codepipeline => {
            out.put(
                "buildspec.yml",
                mark::seal(&pipeline::buildspec(out.scan, choices, plan, images)?),
                "what CodeBuild runs inside the pipeline of each service: checks, the image",
            );
            out.put(
                "buildspec-release.yml",
                mark::seal(&pipeline::release_buildspec(out.scan, choices, images)?),
                "what it runs before and after the update: the migrations, a look from outside",
            );
        }
        Ci::None => {}
    }
    Ok(())
}

/// It has no health route yet, and one can be made for what it is written with.
fn wants_health(service: &Service) -> bool {
    service.health.is_none() && Health::of(service).is_some_and(|health| health.is_route())
}

/// One for each service that has no health route yet and gets one.
fn health_files(scan: &Scan, images: &[Dockerfile<'_>]) -> Vec<(String, &'static str)> {
    let (name, text) = match scan.stack.language {
        Language::Node if scan.stack.typescript => ("health.ts", include_str!("../../assets/files/health.ts")),
        Language::Node => ("health.mjs", include_str!("../../assets/files/health.mjs")),
        Language::Python => ("health.py", include_str!("../../assets/files/health.py")),
        Language::Php | Language::Html | Language::Unknown => return Vec::new(),
    };
    let wanted = images.iter().flat_map(|i| &i.services).map(|(s, _)| *s).filter(|s| wants_health(s));
    wanted
        .map(|service| {
            let folder = match (service.dir.as_str(), scan.stack.language) {
                ("", Language::Node) if scan.has_file("server") => "server/".to_owned(),
                ("", Language::Node) if scan.has_file("src") => "src/".to_owned(),
                ("", _) => String::new(),
                (dir, _) => format!("{dir}/src/"),
            };
            (format!("{folder}{name}"), text)
        })
        .collect()
}

fn checklist(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> Result<String> {
    let mut out = format!("# {}: what is left for a person\n\n", choices.app_name);
    for note in &scan.notes {
        out.push_str(&format!("> {note}\n\n"));
    }
    for (severity, title) in [(Severity::Blocks, "Blocks: cannot work on AWS, or loses data"), (Severity::Must, "Must change")] {
        out.push_str(&format!("## {title}\n\n"));
        let findings: Vec<&Finding> = scan.of(severity).collect();
        if findings.is_empty() {
            out.push_str("Nothing.\n\n");
        }
        let mut done = BTreeSet::new();
        for finding in &findings {
            if done.insert(&finding.signal) {
                out.push_str(&item(finding, &findings));
            }
        }
        if !findings.is_empty() {
            out.push('\n');
        }
    }
    out.push_str(&without_password(scan, choices));
    out.push_str("## Environment that only a person can give\n\n");
    let missing = env_table::missing(scan, choices, plan)?;
    out.extend(missing.iter().map(|(name, why)| format!("- [ ] `{name}`: {why}\n")));
    if missing.is_empty() {
        out.push_str("Nothing.\n");
    }
    let unknown: Vec<String> =
        scan.system_packages.iter().filter(|p| !p.known).map(|p| format!("- [ ] `{}`: {}\n", p.name, p.note)).collect();
    if !unknown.is_empty() {
        out.push_str(&format!("\n## System packages we do not know\n\n{}", unknown.concat()));
    }
    let undeclared: Vec<String> = dockerfile::undeclared(scan, choices)?
        .into_iter()
        .map(|name| {
            format!("- [ ] declare `{name}` among the app's packages: the start command needs it (the Dockerfile installs it until then)\n")
        })
        .collect();
    let imported: Vec<String> = self::undeclared(scan).into_iter().map(|line| format!("- [ ] {line}\n")).collect();
    if !imported.is_empty() {
        out.push_str(&format!("\n## Packages that the code imports\n\n{}", imported.concat()));
    }
    let ended = lifetime::note(scan, &choices.runtime)?;
    if !ended.is_empty() {
        let lines: String = ended.iter().map(|line| format!("- [ ] {line}\n")).collect();
        out.push_str(&format!("\n## Versions that get no fixes\n\n{lines}"));
    }
    if !undeclared.is_empty() {
        out.push_str(&format!("\n## Packages that the start command needs\n\n{}", undeclared.concat()));
    }
    let health: Vec<String> = scan
        .services
        .iter()
        .filter(|s| wants_health(s))
        .map(|s| format!("- [ ] {}: mount the generated health route at `/api/health`, before any route that catches all paths\n", s.name))
        .collect();
    if !health.is_empty() {
        out.push_str(&format!("\n## Health\n\n{}", health.concat()));
    }
    if !choices.folder.is_empty() && choices.ci != Ci::None {
        out.push_str(&format!(
            "\n## Pipeline\n\n- [ ] the app lies in `{}` of its repository: the files of the pipeline go to the top of that, all others to the app's folder\n",
            choices.folder
        ));
    }
    let fixed: Vec<String> = scan
        .services
        .iter()
        .filter(|s| s.kind == ServiceKind::Static)
        .map(|s| {
            let line = s.build.as_deref().map(|line| format!(" with `{line}`")).unwrap_or_default();
            let open = build_args::open(scan, plan, s);
            let with = if open.is_empty() { String::new() } else { format!(", {} set,", open.join(" and ")) };
            format!("- [ ] {}: build it{line}{with} and copy `{}` to S3\n", s.name, s.static_files().as_deref().unwrap_or("its files"))
        })
        .collect();
    if !fixed.is_empty() {
        out.push_str(&format!("\n## Static services\n\n{}", fixed.concat()));
    }
    Ok(out)
}

/// The places that open the database by its URL, where there will be none.
fn without_password(scan: &Scan, choices: &Choices) -> String {
    let places: Vec<String> = scan
        .variables
        .iter()
        .filter(|v| v.name == "DATABASE_URL" && choices.decisions.is("database", "dsql"))
        .flat_map(|v| v.places.iter().map(|place| format!("  - {}:{}\n", place.file, place.line)))
        .collect();
    if places.is_empty() {
        return String::new();
    }
    format!(
        "## Database\n\n- [ ] Aurora DSQL has no password and no DATABASE_URL: each connection signs in with a token that is good for minutes.\n  \
         Do: `migrate-wizard app prepare --set database=dsql` changes the pools that it can and says what to write at the others.\n{}\n",
        places.concat()
    )
}

/// One signal with all its places.
fn item(first: &Finding, all: &[&Finding]) -> String {
    // what these files do themselves is done with them
    let done = all.iter().filter(|f| f.signal == first.signal).all(|f| f.by_container.is_some());
    let tick = if done { "x" } else { " " };
    let mut out = format!("- [{tick}] **{} {}**: {}. On AWS: {}.\n", first.signal, first.title, first.means, first.replacement);
    match (&first.by_container, &first.edit) {
        (Some(how), _) if done => out.push_str(&format!("  Done: {how}.\n")),
        (_, Some(edit)) => out.push_str(&format!("  Do: {edit}.\n")),
        (_, None) => {}
    }
    for finding in all.iter().filter(|f| f.signal == first.signal) {
        let place = finding.line.map_or_else(|| finding.file.clone(), |line| format!("{}:{line}", finding.file));
        let excerpt = if finding.excerpt.is_empty() { String::new() } else { format!(" `{}`", finding.excerpt.replace('`', "'")) };
        out.push_str(&format!("  - {place}{excerpt}\n"));
    }
    out
}
