//! What a scan says of whole apps, literally: nothing missing, nothing false, whatever else lies in the folder; and what stops it: nothing.
//! The apps are in `tests/apps`: small, but in the shapes that Replit's templates have.

use std::path::{Path, PathBuf};
use std::process::Command;

use migrate_wizard::app::{self, Scan};
use migrate_wizard::progress::Reporter;
use serde_json::{Value, json};

use crate::support::wizard::Wizard;

mod catalogue;
mod expected;
mod sarif;

fn scan(dir: &Path) -> Scan {
    app::scan(dir, &Reporter::silent()).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name)
}

fn put(dir: &Path, path: &str, text: impl AsRef<[u8]>) {
    let file = dir.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// A copy of one of the apps, to add files to.
fn copy(name: &str) -> Wizard {
    fn folder(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folder(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let wizard = Wizard::empty();
    folder(&source(name), &wizard.path().join(name));
    wizard
}

/// `B1 server/replitAuth.ts:40`, worst first.
fn findings(scan: &Scan) -> Vec<String> {
    scan.findings.iter().map(|f| format!("{} {}", f.signal, f.place())).collect()
}

/// `web Web :5000 node dist/index.js`.
fn services(scan: &Scan) -> Vec<String> {
    let port = |s: &app::Service| s.port.map_or("-".to_owned(), |p| p.to_string());
    scan.services.iter().map(|s| format!("{} {:?} :{} {}", s.name, s.kind, port(s), s.run.join(" ")).trim_end().to_owned()).collect()
}

/// What was found and what should have been, by what differs.
#[track_caller]
fn same(what: &str, found: &[String], wanted: &[&str]) {
    let missing: Vec<_> = wanted.iter().filter(|w| !found.iter().any(|f| f == *w)).collect();
    let wrong: Vec<_> = found.iter().filter(|f| !wanted.contains(&f.as_str())).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "{what}\n  missing: {missing:#?}\n  false: {wrong:#?}");
    assert_eq!(found.len(), wanted.len(), "{what}: one of them twice: {found:#?}");
}

#[test]
fn as_many_are_listed_as_are_counted() {
    for dir in [source("integrations"), source("rest-express"), source("../../assets/sample")] {
        let wizard = Wizard::empty();
        let told = wizard.run(&["app", "scan", dir.to_str().unwrap()]).expect(0).out();
        let is_entry = |line: &str| line.starts_with("  ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_uppercase);
        let mut listed = Vec::new();
        for part in told.split("\n\n") {
            let head = part.lines().next().unwrap_or_default();
            let Some(count) =
                head.strip_suffix(')').and_then(|head| head.rsplit_once(" (")).and_then(|(_, count)| count.parse::<usize>().ok())
            else {
                continue;
            };
            assert_eq!(part.lines().filter(|line| is_entry(line)).count(), count, "{part}");
            listed.push(count);
        }
        let last = told.lines().find(|line| line.contains(" block, ")).unwrap_or_else(|| panic!("{told}"));
        let counted: Vec<usize> = last.split([':', ',', ';']).filter_map(|part| part.trim().split(' ').next()?.parse().ok()).collect();
        assert_eq!(listed, counted[1..5], "{last}");
        assert_eq!(listed.iter().sum::<usize>(), counted[0], "{last}");
        // places are more than entries: the counts are not those of the places
        assert!(scan(&dir).findings.len() > listed.iter().sum(), "{}", dir.display());
    }
}

#[test]
fn every_app_is_known_for_what_it_is() {
    for app in expected::APPS {
        let scan = scan(&source(app.name));
        let generation = scan.generation.map_or("none".to_owned(), |g| format!("{g:?}"));
        assert_eq!((generation.as_str(), scan.port), (app.generation, app.port), "{}", app.name);
        assert_eq!(services(&scan), app.services, "{}", app.name);
        same(app.name, &findings(&scan), app.findings);
    }
}

#[test]
fn the_sample_is_known_for_what_it_is() {
    let scan = scan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample"));
    assert_eq!((format!("{:?}", scan.generation).as_str(), scan.port), ("Some(G3)", Some(3000)));
    assert_eq!(services(&scan), ["web Web :3000 node ./dist/index.cjs"]);
    same("assets/sample", &findings(&scan), expected::SAMPLE);
}

/// Words of nearly every signal, as they stand in code.
const WORDS: &str = r#"import Database from "@replit/database"; const kv = "https://kv.replit.com/v0/x"; setInterval(poll, 1000);
new OpenAI({ apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY }); const store = session({ cookie: { secure: true, sameSite: "none" } });
fetch("http://127.0.0.1:1106/token"); fetch("http://127.0.0.1:1105/getIdentityToken"); const url = "https://old.replit.app/x.repl.co";
const io = process.env.REPLIT_CONNECTORS_HOSTNAME + process.env.REPL_SLUG + process.env.REPLIT_DOMAINS + process.env.WEB_REPL_RENEWAL;
import { neon } from "@neondatabase/serverless"; multer({ dest: "uploads/" }); app.use(express.static("dist")); new WebSocketServer({ port: 5000 });
discovery("https://replit.com/oidc"); createTableIfMissing: true; db.create_all(); CREATE EXTENSION vector; pg_advisory_lock(1); drizzle-kit push --force
from replit import db; OAuth2ConsumerBlueprint("replit_auth"); /home/runner/app; import stripe from "stripe"; X-Replit-User-Id; storage.googleapis.com
"#;

/// Files that are not the app's own code, or no code at all, with all those words in them.
fn add_decoys(dir: &Path) {
    let commented = |mark: &str| WORDS.lines().map(|l| format!("{mark}{l}\n")).collect::<String>();
    let quoted = WORDS.replace('\\', "").replace("*/", "");
    for path in [
        "README.md",
        "docs/replit.md",
        "docs/notes.txt",
        "node_modules/replit/index.js",
        "packages/one/node_modules/replit/index.js",
        "dist/index.js",
        "packages/one/dist/index.js",
        ".replit_integration_files/server/replit_integrations/auth/replitAuth.ts",
        "attached_assets/pasted_1.ts",
        ".agents/skills/storage/example.ts",
        ".agent/notes.py",
        ".local/state/replit/agent/x.ts",
        ".config/x.ts",
        "archive/server/old.ts",
        "packages/one/archive/old.ts",
        "backups/2025/server.ts",
        "tests/one.ts",
        "packages/one/__tests__/two.ts",
        "server/three.test.ts",
        "server/four.spec.ts",
        "test_five.py",
        "conftest.py",
        "package-lock.json.lock",
        "packages/one/Cargo.lock",
        "packages/one/pnpm-lock.yaml",
        "public/lib.min.js",
        ".cache/x.ts",
        ".pythonlibs/lib/replit.py",
        ".venv/lib/replit.py",
    ] {
        put(dir, path, WORDS);
    }
    put(
        dir,
        "server/comments.ts",
        format!("{}/*\n{quoted}*/\n/** {quoted} */\nexport const nothing = 0; // {}\n", commented("// "), WORDS.lines().next().unwrap()),
    );
    put(dir, "client/src/Comment.tsx", format!("export const A = () => <p>{{/* {quoted} */}}</p>;\n"));
    put(
        dir,
        "comments.py",
        format!("{}def f():\n    '''{}'''\n    return 0  # {}\n", commented("# "), WORDS.replace('\'', ""), WORDS.lines().nth(6).unwrap()),
    );
    put(dir, "server/comments.sql", format!("{}/* {quoted} */\n", commented("-- ")));
    put(dir, "client/comments.html", format!("<p>x</p>\n<!--\n{}-->\n", WORDS.replace("--", "")));
    put(
        dir,
        "server/types.ts",
        "export type Timer = typeof setInterval;\nexport interface Cookie { sameSite: \"none\"; secure: true }\nexport type Ai = import(\"./x\").OpenAI;\n",
    );
    put(
        dir,
        "server/texts.ts",
        "export const text = \"new OpenAI() and setInterval(f, 1) and express.static(x) and multer({ dest: 'a' })\";\nexport const more = `cookie: { sameSite: 'none' } new MemoryStore()`;\n",
    );
    // a replit.md that is there already is the app's own description
    let mut own = std::fs::read_to_string(dir.join("replit.md")).unwrap_or_default();
    own += WORDS;
    put(dir, "replit.md", own);
}

#[test]
fn what_is_not_the_apps_own_code_finds_nothing() {
    for app in expected::APPS {
        let wizard = copy(app.name);
        let dir = wizard.path().join(app.name);
        add_decoys(&dir);
        let with = scan(&dir);
        same(&format!("{} with decoys", app.name), &findings(&with), app.findings);
        let without = scan(&source(app.name));
        assert_eq!((services(&with), with.port, with.generation), (services(&without), without.port, without.generation), "{}", app.name);
        assert_eq!(with.databases, without.databases, "{}", app.name);
    }
    // the same words where they are code do find: the decoys can fail
    let wizard = Wizard::empty();
    put(wizard.path(), "server/real.ts", WORDS);
    assert!(findings(&scan(wizard.path())).len() > 15, "{:?}", findings(&scan(wizard.path())));
}

#[test]
fn each_value_says_where_it_comes_from() {
    let understood = |name: &str| -> Vec<String> {
        scan(&source(name)).understood.iter().map(|u| format!("{}: {} <- {}", u.what, u.value, u.from)).collect()
    };
    assert_eq!(understood("rest-express"), expected::UNDERSTOOD_REST_EXPRESS);
    assert_eq!(understood("bullmq-worker"), expected::UNDERSTOOD_BULLMQ);
    assert_eq!(understood("fastapi"), expected::UNDERSTOOD_FASTAPI);
}

#[test]
fn databases_say_whether_they_may_be_the_live_one() {
    let wizard = copy("nextjs");
    let dir = wizard.path().join("nextjs");
    put(
        &dir,
        ".env",
        "DATABASE_URL=\"postgresql://postgres:password@helium/heliumdb?sslmode=disable\"\nLIVE_DATABASE_URL=postgres://neondb_owner:s3cr3tpass@ep-a-1.eu.neon.tech/neondb\n",
    );
    let found = scan(&dir);
    let hints: Vec<_> = found
        .databases
        .iter()
        .filter(|d| d.by.ends_with("DATABASE_URL"))
        .map(|d| (d.by.as_str(), d.hint.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        hints,
        [
            (
                "DATABASE_URL",
                "Replit's development database: inside Replit only (.env:1); .agents/memory/db-targets.md:4 says: - DATABASE_URL is the development copy, do not use its rows."
            ),
            (
                "LIVE_DATABASE_URL",
                "may be the live one: its name says so; a Neon host: Replit's production databases are often there (.env:2); .agents/memory/db-targets.md:3 says: - LIVE_DATABASE_URL is the production database; customers write to it."
            ),
        ]
    );
    assert!(!serde_json::to_string(&found).unwrap().contains("s3cr3tpass"));
}

#[test]
fn the_command_tells_it_to_people() {
    let wizard = copy("classic-kv-js");
    let done = wizard.run(&["app", "scan", "classic-kv-js"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    assert_eq!(done.out(), expected::TOLD);
    // the global flag names the same folder
    assert_eq!(wizard.run(&["app", "scan", "--dir", "classic-kv-js"]).out(), expected::TOLD);
}

#[test]
fn a_severity_may_fail_the_command() {
    let wizard = copy("fastapi");
    let code = |limit: &str| wizard.run(&["app", "scan", "fastapi", "--fail-on", limit]).code();
    assert_eq!((code("blocks"), code("must"), code("should")), (1, 1, 1));
    put(wizard.path(), "plain/package.json", "{\n  \"name\": \"plain\",\n  \"dependencies\": {\n    \"sharp\": \"1\"\n  }\n}\n");
    let code = |limit: &str| wizard.run(&["app", "scan", "plain", "--fail-on", limit]).code();
    assert_eq!((code("blocks"), code("must")), (0, 1));
    assert_eq!(wizard.run(&["app", "scan", "plain", "--sarif", "--json"]).code(), 2);
    let missing = wizard.run(&["app", "scan", "nowhere"]);
    assert!(missing.code() == 2 && missing.err().contains("cannot open the app folder nowhere"), "{}", missing.err());
}

const OWN: &str = "as_of = \"2026-11-28\"\nsource = \"our own list\"\n\n[[signal]]\nid = \"X1\"\ntitle = \"old client\"\nseverity = \"M\"\nfiles = [\"@js\"]\nsyntax = [\"new LegacyClient($$$)\"]\nmeans = \"m\"\nreplacement = \"r\"\nhours = [1, 2]\n";

#[test]
fn signals_of_the_project_are_looked_for_too() {
    let wizard = copy("classic-kv-js");
    let dir = wizard.path().join("classic-kv-js");
    put(&dir, "lib/a.js", "// new LegacyClient()\nconst t = \"new LegacyClient()\";\nmodule.exports = new LegacyClient({ a: 1 });\n");
    put(&dir, ".migrate-wizard/signals/ours.toml", OWN);
    let done = wizard.run(&["app", "scan", "classic-kv-js", "--json"]);
    let value: Value = serde_json::from_str(&done.out()).unwrap();
    let ours: Vec<&Value> = value["findings"].as_array().unwrap().iter().filter(|f| f["signal"] == "X1").collect();
    assert_eq!(ours.len(), 1);
    assert_eq!((&ours[0]["file"], &ours[0]["line"], &ours[0]["hours"]), (&json!("lib/a.js"), &json!(3), &json!([1.0, 2.0])));

    for (wrong, place) in [
        (OWN.replace("new LegacyClient($$$)", "new LegacyClient("), "ours.toml:9: signal X1, key `syntax`"),
        (OWN.replace("\"M\"", "\"urgent\""), "ours.toml:7: the file is not as it must be"),
        (OWN.replace("X1", "B1"), "ours.toml:5: id = \"B1\" is the id of a built-in signal"),
        (format!("{OWN}only_with = [\"Z9\"]\n"), "names the unknown signal Z9"),
    ] {
        put(&dir, ".migrate-wizard/signals/ours.toml", &wrong);
        let done = wizard.run(&["app", "scan", "classic-kv-js"]);
        assert!(
            done.code() == 2 && done.err().contains(place) && done.err().contains(".migrate-wizard/signals/"),
            "{place}\n{}",
            done.err()
        );
    }
}

#[test]
fn nothing_stops_a_scan_and_nothing_outside_is_read() {
    let wizard = copy("classic-kv-js");
    let dir = wizard.path().join("classic-kv-js");
    put(wizard.path(), "outside/secret.ts", "fetch(\"https://kv.replit.com\");\n");
    put(wizard.path(), "outside/.env", "URL=postgres://a:b@helium/heliumdb\n");
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.join(name)).unwrap();
    link("../outside/secret.ts", "linked.ts");
    link("../outside", "folder");
    link("../outside/.env", ".env");
    link(".", "itself");
    link("loop-b", "loop-a");
    link("loop-a", "loop-b");
    link("nowhere.ts", "broken.ts");
    link("index.js", "same.js");
    put(&dir, "huge.json", vec![b' '; 50_000_000]);
    put(&dir, "binary.ts", b"const a = 1;\0\x01\x02kv.replit.com");
    put(&dir, "latin.ts", b"const a = 1;\nconst b = \"\xe9\"; fetch(\"https://kv.replit.com\");\n");
    put(&dir, "closed.ts", "fetch(\"https://kv.replit.com\");\n");
    put(&dir, "long.js", format!("x=\"{}\";fetch(\"https://kv.replit.com\")", "y".repeat(40_000)));
    put(&dir, ".gitignore", "ignored/\n");
    put(&dir, "ignored/a.ts", "fetch(\"https://kv.replit.com\");\n");
    put(&dir, "sub/.gitignore", "made.ts\n");
    put(&dir, "sub/made.ts", "fetch(\"https://kv.replit.com\");\n");
    close(&dir.join("closed.ts"));
    let done = without_override(&wizard, &["app", "scan", "classic-kv-js", "--json"]);
    let value: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&done.stderr)));
    let notes: Vec<&str> = value["notes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert_eq!(
        notes,
        [
            ".env: a link that leads out of the app: not followed",
            "binary.ts: holds binary data: not read",
            "broken.ts: a link that leads nowhere: not followed",
            "closed.ts: cannot be read: Permission denied (os error 13)",
            "folder: a link that leads out of the app: not followed",
            "huge.json: 47.7 MiB, larger than 976.6 KiB: not read",
            "itself: a link to a folder that holds it: not followed",
            "latin.ts: not UTF-8 from line 2: read with those characters replaced",
            "linked.ts: a link that leads out of the app: not followed",
            "loop-a: a link that leads in a circle: not followed",
            "loop-b: a link that leads in a circle: not followed",
        ]
    );
    let d10: Vec<String> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["signal"] == "D10")
        .map(|f| format!("{}:{}", f["file"].as_str().unwrap(), f["line"]))
        .collect();
    assert_eq!(d10, ["index.js:2", "latin.ts:2"]);
}

fn close(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o000)).unwrap();
}

/// Runs the wizard without root's right to read what nobody may read; root may not be who runs the tests.
fn without_override(wizard: &Wizard, args: &[&str]) -> std::process::Output {
    let plain = wizard.command(args);
    let uid = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&uid.stdout).trim() != "0" {
        return wizard.command(args).output().unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    command.arg(plain.get_program()).args(args).current_dir(wizard.path());
    command.output().unwrap()
}

#[test]
fn what_a_workflow_starts_besides_is_told() {
    assert_eq!(
        scan(&source("nx-nest")).notes,
        ["a workflow of .replit starts tools/feed.py, which is not there: no service is made of it"]
    );
    let wizard = copy("nx-nest");
    let dir = wizard.path().join("nx-nest");
    let workers = |found: &Scan| services(found).into_iter().filter(|service| service.contains("Worker")).collect::<Vec<_>>();
    // named where services are named, it is told there
    put(&dir, "Procfile", "web: node x.js\nfeed: python tools/feed.py\n");
    let found = scan(&dir);
    assert_eq!(found.notes, ["Procfile:2 starts tools/feed.py, which is not there: no service is made of it"]);
    assert_eq!(workers(&found), [] as [String; 0]);
    // there, it is still no program for an image of Node
    put(&dir, "tools/feed.py", "print(1)\n");
    let found = scan(&dir);
    assert_eq!(
        found.notes,
        ["Procfile:2 starts Python (`python tools/feed.py`), and the image has Node alone: build an image of its own for it"]
    );
    assert_eq!(workers(&found), [] as [String; 0]);
    // a program that the image can start is a service, and there is nothing more to tell
    put(&dir, "Procfile", "feed: node tools/feed.js\n");
    put(&dir, "tools/feed.js", "setInterval(() => {}, 1000);\n");
    assert_eq!(workers(&scan(&dir)), ["feed Worker :- node tools/feed.js"]);
    assert_eq!(
        scan(&dir).notes,
        ["a workflow of .replit starts Python (`python tools/feed.py`), and the image has Node alone: build an image of its own for it"]
    );
    // what only develops is not told
    assert_eq!(scan(&source("rest-express")).notes, Vec::<String>::new());
}

#[test]
fn an_app_of_another_stack_is_told_what_can_still_be_done() {
    let wizard = Wizard::empty();
    put(wizard.path(), "go.mod", "module x\n");
    put(wizard.path(), ".replit", "run = \"go run .\"\n");
    let scan = scan(wizard.path());
    assert_eq!(
        scan.notes,
        [
            "Go (go.mod): this stack is not supported, no image is generated; the database can still be moved (schema convert, data copy), and the stacks deployed with an image of your own"
        ]
    );
}
