//! `assessment`: what was understood of the app and what was found, put on show before anything is decided.
//! Judges nothing: weights, words and hours are the scan's.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, scan_app};
use crate::app::{self, Effort, Engine, Finding, Scan, Severity};
use crate::error::{Error, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::review::{About, CodeLine, Found, Known, Object, Review, Weight};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// What was put on show and is agreed to: the step goes on with that, and reads nothing again.
    #[serde(skip)]
    shown: OnceLock<Shown>,
}

/// What the step tells of a scan.
#[derive(Debug, Clone)]
struct Shown {
    findings: String,
    effort: String,
}

impl Shown {
    fn of(scan: &Scan) -> Self {
        let any = scan.findings.iter().any(|f| f.hours.is_some());
        Self { findings: scan.counted(), effort: if any { scan.effort().to_string() } else { String::new() } }
    }
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<Assessment>("assessment", fields)?))
}

fn weight(severity: Severity) -> Weight {
    match severity {
        Severity::Blocks => Weight::Blocks,
        Severity::Must => Weight::Must,
        Severity::Should => Weight::Changes,
        Severity::Info => Weight::Info,
    }
}

fn words(effort: Option<Effort>) -> String {
    effort.map(|e| e.to_string()).unwrap_or_default()
}

/// All of it, with the lines of code around each place.
fn review(dir: &std::path::Path, scan: &Scan) -> Review {
    let mut known: Vec<Known> =
        scan.understood.iter().map(|u| Known { name: u.what.clone(), value: u.value.clone(), from: u.from.clone() }).collect();
    known.extend(databases(scan));
    // the scan's order is by severity, then by signal: what belongs together stands together
    let mut objects: Vec<(String, Vec<&Finding>)> = Vec::new();
    for finding in &scan.findings {
        match objects.last_mut().filter(|(signal, _)| *signal == finding.signal) {
            Some((_, findings)) => findings.push(finding),
            None => objects.push((finding.signal.clone(), vec![finding])),
        }
    }
    let objects = objects.into_iter().map(|(signal, findings)| Object {
        name: format!("{signal} {}", findings.first().map_or("", |f| f.title.as_str())),
        effort: words(findings.iter().filter_map(|f| f.hours).reduce(|a, b| [a, b].into_iter().sum())),
        findings: findings.into_iter().map(|f| found(dir, f)).collect(),
        ..Object::default()
    });
    Review { about: About::App, known, objects: objects.collect(), effort: Shown::of(scan).effort, ..Review::default() }
}

/// One line for each database, however often the code names it.
fn databases(scan: &Scan) -> Vec<Known> {
    let mut by: BTreeMap<(Engine, &str), Vec<String>> = BTreeMap::new();
    for used in &scan.databases {
        by.entry((used.engine, used.by.as_str())).or_default().push(format!("{}:{}", used.place.file, used.place.line));
    }
    let word = |engine| match engine {
        Engine::Postgres => "Postgres",
        Engine::Redis => "Redis",
        Engine::Mongo => "MongoDB",
        Engine::Mysql => "MySQL",
        Engine::Sqlite => "SQLite",
        Engine::Supabase => "Supabase",
        Engine::ReplitKeyValue => "Replit's key-value store",
    };
    by.into_iter()
        .map(|((engine, by), places)| {
            let more = if places.len() > 1 { format!(" and {} more", places.len() - 1) } else { String::new() };
            let from = format!("{}{more}", places.first().map_or("", String::as_str));
            Known { name: "database".into(), value: format!("{} by {by}", word(engine)), from }
        })
        .collect()
}

fn found(dir: &std::path::Path, finding: &Finding) -> Found {
    let code = finding.line.map(|line| app::around(dir, &finding.file, line)).unwrap_or_default();
    let explained = [finding.means.as_str(), finding.replacement.as_str()];
    Found {
        weight: weight(finding.severity),
        id: finding.line.map_or(finding.file.clone(), |line| format!("{}:{line}", finding.file)),
        what: finding.excerpt.clone(),
        then: explained.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" → "),
        effort: words(finding.hours),
        code: code.into_iter().map(|line| CodeLine { number: line.number, text: line.text, meant: line.meant }).collect(),
        edit: finding.edit.clone().unwrap_or_default(),
        ..Found::default()
    }
}

#[async_trait]
impl Apply<World> for Assessment {
    fn describe(&self) -> Description {
        Description::new("show what the app is and what ties it to Replit, each with its place", "migrate-wizard app scan")
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::App
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Note, format!("the files below {}; none of them is changed or run", world.app_dir.display()))])
    }

    async fn review(&self, world: &World) -> Result<Option<Review>> {
        let scan = scan_app::scan(world, None).await?;
        let _the_first_stands = self.shown.set(Shown::of(&scan));
        let dir = world.app_dir.clone();
        tokio::task::spawn_blocking(move || Some(review(&dir, &scan)))
            .await
            .map_err(|e| Error::bug(format!("the assessment stopped by itself: {e}")))
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let Shown { findings, effort } = match self.shown.get() {
            Some(shown) => shown.clone(),
            None => Shown::of(&scan_app::scan(world, None).await?),
        };
        let told = if effort.is_empty() { String::new() } else { format!(", about {effort} of work") };
        cx.reporter.log(format!("{findings}{told}"));
        cx.reporter.log("what of it has a mechanical answer: migrate-wizard app prepare");
        Ok(Outputs::from([("effort".into(), json!(effort))]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("effort".into(), json!(""))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Reporter;

    #[test]
    fn an_app_is_shown_with_places_code_and_hours() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put(".replit", "modules = [\"nodejs-20\"]\n[deployment]\ndeploymentTarget = \"autoscale\"\nrun = [\"npm\", \"run\", \"start\"]\n");
        put(
            "package.json",
            r#"{ "name": "shop", "scripts": { "start": "node index.js" }, "dependencies": { "express": "5.1.0", "pg": "8" } }"#,
        );
        put(
            "server/db.ts",
            "import pg from 'pg';\nconst password = \"hunter2\";\nexport const ADMIN_USER_IDS = [\"31415926\"];\nnew pg.Pool({ url: process.env.DATABASE_URL });\n",
        );
        let mut scan = app::scan(dir.path(), &Reporter::silent()).unwrap();
        for finding in scan.findings.iter_mut().filter(|f| f.signal == "B6") {
            finding.hours = Effort::try_from([0.5, 2.0]).ok();
        }
        let review = review(dir.path(), &scan);
        assert_eq!(review.effort, "0.5–2 h");
        let ids = review.objects.iter().find(|o| o.name == "B6 hard-coded Replit user ids").unwrap();
        assert_eq!((ids.effort.as_str(), ids.weight()), ("0.5–2 h", Some(Weight::Must)));
        let place = &ids.findings[0];
        assert_eq!(place.id, "server/db.ts:3");
        assert!(!place.edit.is_empty() && place.then.contains(" → "), "{place:?}");
        let shown: Vec<_> = place.code.iter().map(|l| (l.number, l.text.as_str(), l.meant)).collect();
        assert_eq!(
            shown,
            [
                (1, "import pg from 'pg';", false),
                (2, "const password = ***;", false),
                (3, "export const ADMIN_USER_IDS = [\"31415926\"];", true),
                (4, "new pg.Pool({ url: process.env.DATABASE_URL });", false),
            ]
        );
        let value = |name: &str| review.known.iter().find(|k| k.name == name).map(|k| (k.value.as_str(), k.from.as_str()));
        assert_eq!(value("database"), Some(("Postgres by DATABASE_URL", "server/db.ts:4")));
        assert_eq!(value("service web").map(|(_, from)| from), Some(".replit:4 [deployment] run"));
        assert!(!serde_json::to_string(&review).unwrap().contains("hunter2"));
        assert!(review.objects.windows(2).all(|two| two[0].weight() <= two[1].weight()), "the gravest come first");
    }
}
