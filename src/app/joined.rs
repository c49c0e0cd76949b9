//! Findings that no single line shows: several databases, a push that a script reaches through another one.
//! Never looks for what a pattern can see, and adds nothing where the search found the signal already.

use std::collections::BTreeSet;

use super::command;
use super::database::{DatabaseUse, Engine};
use super::finding::Finding;
use super::hide;
use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::search;
use super::signal::Signal;
use super::tree::Tree;

const SEVERAL: &str = "C3";
const FORCED: &str = "C6";
/// So deep are scripts followed that call each other.
const DEEPEST: u8 = 6;

/// What these places show beside the findings of the search; all of them in their order.
pub fn add(
    findings: &mut Vec<Finding>,
    signals: &[Signal],
    tree: &Tree,
    replit: Option<&ReplitFile>,
    manifests: &[(String, Manifest)],
    databases: &[DatabaseUse],
) {
    let places = [(SEVERAL, several(databases)), (FORCED, forced(tree, replit, manifests))];
    for (id, places) in places {
        let Some(signal) = signals.iter().find(|signal| signal.id == id) else { continue };
        let known: BTreeSet<String> = findings.iter().filter(|f| f.signal == id).map(Finding::place).collect();
        // the search has seen for itself that there are several
        if id == SEVERAL && !known.is_empty() {
            continue;
        }
        for (file, line) in places {
            if known.contains(&format!("{file}:{line}")) {
                continue;
            }
            let text = tree.text(&file).and_then(|text| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)).unwrap_or("");
            let at = findings.iter().filter(|f| f.signal == id).count();
            findings.push(Finding::new(signal, at, &file, Some(line), &hide::excerpt(&file, text)));
        }
    }
    search::sort(findings);
}

/// The first place in each file of all Postgres addresses, where there are several.
fn several(databases: &[DatabaseUse]) -> Vec<(String, u32)> {
    let other = ["TEST_", "SHADOW_", "DUMMY_", "DIRECT_"];
    let is_address =
        |d: &&DatabaseUse| d.engine == Engine::Postgres && d.by.ends_with("_URL") && !other.iter().any(|part| d.by.contains(part));
    let named: Vec<&DatabaseUse> = databases.iter().filter(is_address).collect();
    let mut out: Vec<(String, u32)> = Vec::new();
    if named.len() > 1 {
        for place in named.iter().map(|d| &d.place) {
            if !out.iter().any(|(file, _)| *file == place.file) {
                out.push((place.file.clone(), place.line));
            }
        }
    }
    out
}

/// What runs at each build or start and comes to a forced push by way of other scripts.
fn forced(tree: &Tree, replit: Option<&ReplitFile>, manifests: &[(String, Manifest)]) -> Vec<(String, u32)> {
    let mut out = Vec::new();
    let line_of = |file: &str, fits: &dyn Fn(&str) -> bool| {
        let at = tree.text(file).and_then(|text| text.lines().position(fits)).map_or(1, |at| at + 1);
        u32::try_from(at).unwrap_or(1)
    };
    for (dir, manifest) in manifests {
        let file = if dir.is_empty() { "package.json".to_owned() } else { format!("{dir}/package.json") };
        for name in ["prebuild", "build", "postbuild", "prestart", "start", "poststart"] {
            let Some(line) = manifest.script(name) else { continue };
            if pushes(&line, manifest, DEEPEST) {
                let key = format!("\"{name}\"");
                let first = line.split_whitespace().next().unwrap_or_default().to_owned();
                out.push((file.clone(), line_of(&file, &|l| l.contains(&key) && l.contains(&first))));
            }
        }
    }
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    if let (Some(replit), Some(root)) = (replit, root) {
        for (key, words) in [("build", &replit.build), ("run", &replit.production)] {
            let line = words.as_deref().map(command::line).unwrap_or_default();
            // build and start themselves were looked at above
            let own = called(&line).any(|name| !["build", "start"].contains(&name));
            if own && pushes(&line, root, DEEPEST) {
                let text = tree.text(".replit").unwrap_or("");
                let head = text.lines().position(|l| l.trim() == "[deployment]").unwrap_or(0);
                let below = text.lines().skip(head).position(|l| l.split('=').next().is_some_and(|k| k.trim() == key));
                out.push((".replit".to_owned(), u32::try_from(head + below.unwrap_or(0) + 1).unwrap_or(1)));
            }
        }
    }
    out
}

/// The scripts that a line runs: `npm run db:push`, `pnpm db:push`, `npm start`.
fn called(line: &str) -> impl Iterator<Item = &str> {
    let parts = line.split(['&', ';', '|']).map(str::trim).filter(|part| !part.is_empty());
    parts.filter_map(|part| {
        let mut words = part.split_whitespace().skip_while(|word| command::is_assignment(word));
        let manager = words.next()?;
        match (manager, words.next()?) {
            ("npm" | "pnpm" | "yarn" | "bun", "run") => words.next(),
            ("npm" | "pnpm" | "yarn", name @ ("start" | "test")) => Some(name),
            ("pnpm" | "yarn", name) => Some(name),
            _ => None,
        }
    })
}

/// The line, or a script that it runs, pushes a schema and asks nobody.
fn pushes(line: &str, manifest: &Manifest, depth: u8) -> bool {
    let is = |part: &str| {
        let push = ["drizzle-kit push", "prisma db push", "db:push"].iter().any(|word| part.contains(word));
        push && ["--force", "--accept-data-loss"].iter().any(|word| part.contains(word))
    };
    line.split(['&', ';', '|']).any(is)
        || (depth > 0 && called(line).any(|name| manifest.script(name).is_some_and(|line| pushes(&line, manifest, depth - 1))))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;

    fn places(app: &App, signal: &str) -> Vec<String> {
        app.scan().findings.iter().filter(|f| f.signal == signal).map(super::Finding::place).collect()
    }

    #[test]
    fn a_forced_push_is_followed_through_scripts() {
        let app = App::new(&[(
            "package.json",
            "{\n  \"scripts\": {\n    \"build\": \"vite build\",\n    \"start\": \"npm run db:push && node a.js\",\n    \"db:push\": \"npm run push:all\",\n    \"push:all\": \"drizzle-kit push --force\"\n  }\n}\n",
        )]);
        assert_eq!(places(&app, "C6"), ["package.json:4"]);
        app.put(
            "package.json",
            "{\n  \"scripts\": {\n    \"start\": \"node a.js\",\n    \"db:push\": \"drizzle-kit push --force\",\n    \"a\": \"npm run a\",\n    \"build\": \"npm run a\"\n  }\n}\n",
        );
        assert_eq!(places(&app, "C6"), [] as [&str; 0]);
        app.put(".replit", "run = \"npm run dev\"\n[deployment]\nbuild = [\"npm\", \"run\", \"build\"]\nrun = [\"sh\", \"-c\", \"npm run db:push; node a.js\"]\n");
        assert_eq!(places(&app, "C6"), [".replit:4"]);
    }

    #[test]
    fn several_databases_are_several_however_they_are_named() {
        let app = App::new(&[
            ("package.json", "{}"),
            ("a.ts", "const url = process.env.DATABASE_URL;\n"),
            ("b.ts", "\nconst { STAGING_DATABASE_URL } = process.env;\n"),
        ]);
        assert_eq!(places(&app, "C3"), ["a.ts:1", "b.ts:2"]);
        app.put("b.ts", "const { TEST_DATABASE_URL } = process.env;\n");
        assert_eq!(places(&app, "C3"), [] as [&str; 0]);
        app.put(".replit", "modules = [\"nodejs-20\"]\n[userenv.production]\nDATABASE_POOLER_URL = \"postgres://a:hunter2@db/x\"\n");
        let scan = app.scan();
        let named: Vec<_> = scan.databases.iter().map(|d| format!("{} {}:{}", d.by, d.place.file, d.place.line)).collect();
        assert_eq!(named, ["DATABASE_POOLER_URL .replit:3", "DATABASE_URL a.ts:1", "TEST_DATABASE_URL b.ts:1"]);
        assert_eq!(places(&app, "C3"), [".replit:3", "a.ts:1"]);
        assert!(!serde_json::to_string(&scan).unwrap().contains("hunter2"));
    }
}
