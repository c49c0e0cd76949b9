//! `scan_app`: reads the app's checkout and says what it is and what ties it to Replit.
//! Writes only its own record, `scan.json`, into the run's folder.

use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, write_files};
use crate::app::health::Health;
use crate::app::{self, Engine, Scan, Service, ServiceKind, Severity};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanApp {}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<ScanApp>("scan_app", fields)?))
}

/// The scan, on a thread of its own: it reads files.
pub async fn scan(world: &World, cx: Option<&Context>) -> Result<Scan> {
    let dir = world.app_dir.clone();
    let reporter = cx.map_or_else(Reporter::silent, |cx| cx.reporter.clone());
    tokio::task::spawn_blocking(move || app::scan(&dir, &reporter))
        .await
        .map_err(|e| Error::bug(format!("the scan stopped by itself: {e}")))?
}

/// The signal of a client of Redis in the code, though no package names one.
const REDIS: &str = "F10";

/// Does the app take payments through Stripe? Its sync, its connector or its variables say so.
fn has_stripe(scan: &Scan) -> bool {
    scan.was_found("D11") || scan.was_found("D12") || scan.variables.iter().any(|v| v.name.starts_with("STRIPE"))
}

/// Begins a repository that nobody named: whoever has that name on GitHub is a stranger.
pub const EXAMPLE_OWNER: &str = "owner/";

/// Where a signal was found, the first three places: `server/index.ts:12, server/jobs.ts:3 and 4 more`.
fn places(scan: &Scan, signal: &str) -> String {
    let place = |f: &app::Finding| f.line.map_or(f.file.clone(), |line| format!("{}:{line}", f.file));
    let all: Vec<String> = scan.findings.iter().chain(&scan.settled).filter(|f| f.signal == signal).map(place).collect();
    let (shown, more) = all.split_at(all.len().min(3));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", shown.join(", "))
}

/// The services as the question takes them, `web:3000,realtime:8081:/ws`: a path where the app itself says which one leads there.
/// The first takes what no other one takes.
fn as_answer(mut services: Vec<&Service>, port: Option<u16>) -> Vec<String> {
    services.sort_by_key(|s| !s.paths.iter().any(|path| path == "/"));
    let path = |s: &Service| s.paths.first().filter(|path| path.starts_with('/') && *path != "/" && !path.contains([',', ' '])).cloned();
    let one = |(at, s): (usize, &Service)| {
        let route = path(s).filter(|_| at > 0).map(|path| format!(":{path}")).unwrap_or_default();
        format!("{}:{}{route}", s.name, s.port.or(port).unwrap_or(3000))
    };
    services.into_iter().enumerate().map(one).collect()
}

fn outputs(scan: &Scan) -> Outputs {
    let containers = scan.services.iter().filter(|s| s.kind != ServiceKind::Static);
    let (silent, heard): (Vec<_>, Vec<_>) = containers.partition(|s| matches!(s.kind, ServiceKind::Worker | ServiceKind::Job));
    // where nothing has a port, what there is stands for the app
    let (containers, left_out) = if heard.is_empty() { (silent, heard) } else { (heard, silent) };
    let services = as_answer(containers, scan.port);
    let count = |severity| scan.met(severity).len();
    let told = |f: &&app::Finding| {
        let what = format!("{} ({})", f.title, places(scan, &f.signal));
        json!({ "severity": f.severity.word(), "id": f.signal, "what": what, "then": f.replacement })
    };
    let grave = [Severity::Blocks, Severity::Must, Severity::Should].into_iter().flat_map(|severity| scan.met(severity));
    let findings: Vec<Value> = grave.map(|f| told(&f)).collect();
    let found = |signal: &str| scan.findings.iter().any(|f| f.signal == signal);
    let mut out = Outputs::from([
        ("name".into(), json!(short(&scan.name))),
        ("is_replit".into(), json!(if scan.replit.is_some() { "yes" } else { "no" })),
        ("has_redis".into(), json!(if scan.uses(Engine::Redis) || found(REDIS) { "yes" } else { "no" })),
        ("has_stripe".into(), json!(if has_stripe(scan) { "yes" } else { "no" })),
        ("findings".into(), json!(findings)),
        ("notes".into(), json!(scan.notes)),
        (
            "summary".into(),
            json!(format!(
                "{}: {}, of which {} block, {} must change and {} should; {}",
                scan.name,
                scan.counted(),
                count(Severity::Blocks),
                count(Severity::Must),
                count(Severity::Should),
                crate::text::plural(scan.files, "file")
            )),
        ),
    ]);
    // what is settled asks as much of the decisions as what is not: objects want a bucket, whoever speaks to it
    for signal in scan.findings.iter().chain(&scan.settled).map(|f| &f.signal) {
        out.entry(format!("found.{signal}")).or_insert_with(|| json!(places(scan, signal)));
    }
    out.insert("health_checks".into(), json!(Health::list(scan)));
    if !services.is_empty() {
        out.insert("services".into(), json!(services.join(",")));
    }
    if !left_out.is_empty() {
        out.insert("without_port".into(), json!(left_out.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ")));
    }
    if let Some(port) = scan.port {
        out.insert("port".into(), json!(port.to_string()));
    }
    if let Some(generation) = scan.generation {
        out.insert("generation".into(), json!(format!("{generation:?}")));
    }
    out
}

/// What the step gives, with what git and the app's own tools say.
fn with_repository(app_dir: &Path, scan: &Scan) -> Outputs {
    let mut outputs = outputs(scan);
    let repository = app::remote::github(app_dir).unwrap_or_else(|| format!("{EXAMPLE_OWNER}{}", scan.name));
    outputs.insert("repository".into(), json!(repository));
    outputs.insert("has_migrations".into(), json!(if scan.migrations.is_some() { "yes" } else { "no" }));
    if let Some(found) = &scan.migrations {
        outputs.insert("migrations".into(), json!(found.command));
    }
    outputs
}

/// What the step would give for the app in a folder; nothing where it would fail.
pub fn foretold(app_dir: &Path) -> Outputs {
    let scan = app::scan(app_dir, &Reporter::silent()).ok().filter(|scan| !is_none(scan));
    scan.map(|scan| with_repository(app_dir, &scan)).unwrap_or_default()
}

fn is_none(scan: &Scan) -> bool {
    scan.replit.is_none() && scan.services.is_empty()
}

/// The app's name as far as it goes into the names of stacks (the question `app_name` says which will do).
fn short(name: &str) -> String {
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let name = name.get(..name.len().min(19)).unwrap_or_default().trim_end_matches('-');
    if name.len() < 3 { format!("app-{name}").trim_end_matches('-').to_owned() } else { name.to_owned() }
}

#[async_trait]
impl Look<World> for ScanApp {
    fn describe(&self) -> Description {
        Description::new("read the app's files: stack, services, what ties it to Replit", "migrate-wizard app scan")
    }

    fn needs(&self) -> Need {
        Need::App
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let mut lines = vec![PreviewLine::new(Sign::Note, format!("reads {}", world.app_dir.display()))];
        if is_none(&scan(world, None).await?) {
            lines.push(PreviewLine::new(Sign::Warning, "there is no app that the wizard knows: the run itself stops here"));
        }
        Ok(lines)
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let scan = scan(world, Some(cx)).await?;
        for note in &scan.notes {
            cx.reporter.log(note);
        }
        let text = serde_json::to_string_pretty(&scan).map_err(|e| Error::bug(format!("the scan cannot be written: {e}")))?;
        write_files(&world.run_dir, &[("scan.json".to_owned(), text)])?;
        if is_none(&scan) {
            return Err(Error::new(Kind::Input, format!("{} holds no app that the wizard knows", world.app_dir.display()))
                .cause(scan.notes.join("; "))
                .hint("name the app's checkout with --dir; it has a .replit file, a package.json or a pyproject.toml"));
        }
        Ok(with_repository(&world.app_dir, &scan))
    }

    fn example(&self) -> Outputs {
        // a playbook may ask for each signal that there is; nothing was found
        let nothing = app::signal_ids().map(|signal| (format!("found.{signal}"), json!("")));
        let known = Outputs::from([
            ("name".into(), json!("app")),
            ("repository".into(), json!(format!("{EXAMPLE_OWNER}app"))),
            ("is_replit".into(), json!("yes")),
            ("has_redis".into(), json!("no")),
            ("services".into(), json!("app:3000")),
            ("without_port".into(), json!("")),
            ("port".into(), json!("3000")),
            ("health_checks".into(), json!("app=/api/health json")),
            ("generation".into(), json!("unknown")),
            ("has_stripe".into(), json!("no")),
            ("has_migrations".into(), json!("yes")),
            ("migrations".into(), json!("npm run db:migrate")),
            ("findings".into(), json!([])),
            ("notes".into(), json!([])),
            ("summary".into(), json!("the app was not read")),
        ]);
        known.into_iter().chain(nothing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{foretold, short};

    #[test]
    fn what_is_counted_is_what_is_listed_and_a_folder_without_an_app_foretells_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(foretold(dir.path()).is_empty());
        std::fs::write(
            dir.path().join("package.json"),
            r#"{"name": "shop", "scripts": {"start": "node a.js"}, "dependencies": {"express": "5"}}"#,
        )
        .unwrap();
        for name in ["a.js", "b.js"] {
            std::fs::write(dir.path().join(name), "module.exports = \"https://shop.replit.app\";\n").unwrap();
        }
        let told = foretold(dir.path());
        assert!(
            told["summary"].as_str().unwrap().starts_with("shop: 1 finding in 2 places, of which 0 block, 1 must change and 0 should"),
            "{told:?}"
        );
        let listed = told["findings"].as_array().unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert!(listed[0]["what"].as_str().unwrap().ends_with("(a.js:1, b.js:1)"), "{listed:?}");
        assert_eq!((told["services"].as_str(), told.get("without_port")), (Some("web:3000"), None));
    }

    #[test]
    fn what_answers_no_port_is_no_service_that_takes_traffic_unless_there_is_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("package.json"),
            r#"{"name": "shop", "scripts": {"start": "node a.js"}, "dependencies": {"express": "5"}}"#,
        )
        .unwrap();
        std::fs::write(dir.path().join("a.js"), "require(\"express\")().listen(3000);\n").unwrap();
        for program in ["mail.js", "queue.js"] {
            std::fs::write(dir.path().join(program), "setInterval(() => {}, 1000);\n").unwrap();
        }
        std::fs::write(dir.path().join("Procfile"), "web: node a.js\nmailer: node mail.js\nqueue: node queue.js\n").unwrap();
        let told = foretold(dir.path());
        assert_eq!((told["services"].as_str(), told["without_port"].as_str()), (Some("web:3000"), Some("mailer, queue")));
    }

    #[test]
    fn a_service_keeps_the_path_that_the_app_gives_it() {
        let app = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/artifacts");
        let told = foretold(&app);
        assert_eq!(told["services"].as_str(), Some("api-server:8080,realtime:8081:/ws"));
        assert_eq!(told["health_checks"].as_str(), Some("api-server=/api/healthz,realtime=/ws/healthz"));
    }

    #[test]
    fn a_name_becomes_one_that_stacks_take() {
        for (name, expected) in
            [("shop", "shop"), ("9-lives", "lives"), ("a", "app-a"), ("", "app"), ("a-very-long-name-of-an-app", "a-very-long-name-of")]
        {
            assert_eq!(short(name), expected);
        }
    }
}
