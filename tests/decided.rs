//! What was decided is one thing for all that is made for the app: its code, the table of its variables, the files, the SQL, and what a scan then finds.
//! The code is the sample's and the miniature apps'; SQL runs on a real Postgres and against the stand-in for Aurora DSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use dsql_lint::lint_sql;
use migrate_wizard::app::edits::{self, Asked, Decided};
use migrate_wizard::postgres::Access;
use migrate_wizard::schema::{self, Dialect};
use regex::Regex;
use serde_json::Value;

use crate::prepare::App;
use crate::support::dsql::{Rules, Standin};
use crate::support::postgres::{block, database, database_in_c, password, sql, value};
use crate::support::wizard::Wizard;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of one of the miniature apps.
fn miniature(name: &str) -> Wizard {
    let wizard = Wizard::empty();
    let from = root().join("tests/apps").join(name).join(".");
    assert!(Command::new("cp").arg("-R").arg(from).arg(wizard.path()).status().unwrap().success());
    wizard
}

/// The rows of `app env`, by name.
fn table(wizard: &Wizard, decided: &[&str]) -> BTreeMap<String, Value> {
    let sets: Vec<&str> = decided.iter().flat_map(|answer| ["--set", answer]).collect();
    let done = wizard.run(&[&["app", "env", "--json"], sets.as_slice()].concat()).expect(0);
    let told: Value = serde_json::from_str(&done.out()).unwrap();
    told["variables"].as_array().unwrap().iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row.clone())).collect()
}

/// What the table of variables says of the service's stack is so in its template.
#[test]
fn variables_that_the_stack_sets_are_set_by_the_stack() {
    let stack = std::fs::read_to_string(root().join("assets/stacks/service.yaml")).unwrap();
    let text = std::fs::read_to_string(root().join("assets/files/env.toml")).unwrap();
    let names: Vec<&str> =
        text.split("[[row]]\n").filter(|row| row.contains("\nstack = true\n")).filter_map(|row| row.split('"').nth(1)).collect();
    assert!(names.contains(&"COGNITO_CLIENT_ID") && names.len() >= 10, "{names:?}");
    for name in names {
        assert!(stack.contains(&format!("{{ Name: {name}, Value: ")), "{name}");
    }
    assert!(!stack.contains("Name: REPL_ID"));
    // so a person is asked for none of them
    let wizard = Wizard::sample();
    let decided = [("auth".to_owned(), "cognito".to_owned()), ("database".to_owned(), "dsql".to_owned())].into_iter().collect();
    let scan = migrate_wizard::app::scan(wizard.path(), &migrate_wizard::progress::Reporter::silent()).unwrap();
    let choices = migrate_wizard::app::Choices { decisions: decided, ..migrate_wizard::app::Choices::from_scan(&scan) };
    let files = migrate_wizard::app::files::generate(&scan, &choices).unwrap();
    let list = &files.iter().find(|file| file.path == "CHECKLIST.md").unwrap().contents;
    assert!(list.contains("- [ ] `SESSION_SECRET`") && !list.contains("`COGNITO_CLIENT_ID`") && !list.contains("- [ ] `PGHOST`"), "{list}");
}

fn kind<'t>(table: &'t BTreeMap<String, Value>, name: &str) -> &'t str {
    table.get(name).map_or("no row", |row| row["kind"].as_str().unwrap())
}

/// Names that the server's code reads, by the plainest reading.
fn read_by(app: &App) -> BTreeSet<String> {
    let reads = Regex::new(r#"process\.env(?:\.|\[["'])([A-Z][A-Z0-9_]*)"#).unwrap();
    let files = app.git(&["ls-files"]);
    let code = files.lines().filter(|path| path.ends_with(".ts") && !path.starts_with("client/") && !path.starts_with(".migrate/"));
    code.flat_map(|path| reads.captures_iter(&app.text(path)).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn with_cognito_the_prepared_code_reads_what_the_service_gets() {
    let app = App::new();
    assert!(read_by(&app).contains("REPL_ID"), "the sample no longer shows what the edit is for");
    let (code, _, told) = app.prepare(&["--yes", "--set", "auth=cognito"]);
    assert_eq!(code, 0, "{told}");
    let names = read_by(&app);
    for name in ["ISSUER_URL", "COGNITO_CLIENT_ID"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    let rows = table(&app.wizard, &["auth=cognito"]);
    for name in &names {
        assert!(rows.contains_key(name), "{name} is read, and app env does not know it");
        assert_ne!(kind(&rows, name), "never", "{name}: {}", rows[name]);
    }
    for name in ["ISSUER_URL", "COGNITO_CLIENT_ID"] {
        assert_eq!(rows[name]["on_aws"], "set by the service's stack");
    }
    assert_eq!(kind(&rows, "REPL_ID"), "no row", "nothing reads it any more");
    // where people go is where the pool lets them go
    let pool = std::fs::read_to_string(root().join("assets/stacks/identity.yaml")).unwrap();
    let login = app.text("server/replit_integrations/auth/replitAuth.ts");
    assert!(pool.contains("\"${AppUrl}/api/callback,") && login.contains("callbackURL: `https://${domain}/api/callback`"), "{login}");
    assert!(
        pool.contains("\"${AppUrl}/,") && login.contains("url.searchParams.set(\"logout_uri\", new URL(\"/\", wanted.logout_uri).href)"),
        "{login}"
    );
    // decided, they are in the table of an app that nobody has changed yet
    let rows = table(&Wizard::sample(), &["auth=cognito"]);
    assert_eq!((kind(&rows, "ISSUER_URL"), kind(&rows, "COGNITO_CLIENT_ID")), ("plain", "plain"));
    let rows = table(&Wizard::sample(), &["auth=app"]);
    assert_eq!(kind(&rows, "COGNITO_CLIENT_ID"), "no row");
}

/// `app env`, `secrets list` and the checklist say one thing.
#[test]
fn what_the_stack_does_not_set_with_what_was_decided_is_said_so_everywhere() {
    let wizard = Wizard::sample();
    std::fs::write(wizard.path().join("server/files.ts"), "export const dir = process.env.PRIVATE_OBJECT_DIR!;\n").unwrap();
    let listed = |decided: &str, name: &str| {
        let done = wizard.run(&["secrets", "list", "--set", decided]).expect(0).out();
        done.lines().find(|line| line.split_whitespace().any(|word| word == name)).unwrap_or_default().to_owned()
    };
    let checklist = |decided: &str| {
        let (id, outcome) = decided.split_once('=').unwrap();
        let scan = migrate_wizard::app::scan(wizard.path(), &migrate_wizard::progress::Reporter::silent()).unwrap();
        let decisions = [(id.to_owned(), outcome.to_owned())].into_iter().collect();
        let choices = migrate_wizard::app::Choices { decisions, ..migrate_wizard::app::Choices::from_scan(&scan) };
        let files = migrate_wizard::app::files::generate(&scan, &choices).unwrap();
        files.into_iter().find(|file| file.path == "CHECKLIST.md").unwrap().contents
    };
    // the app's own login: the code of the sample has a default
    let rows = table(&wizard, &["auth=app"]);
    assert!(!rows["ISSUER_URL"]["on_aws"].as_str().unwrap().contains("stack"), "{}", rows["ISSUER_URL"]);
    assert!(!listed("auth=app", "ISSUER_URL").contains("stack"), "{}", listed("auth=app", "ISSUER_URL"));
    assert!(!checklist("auth=app").contains("- [ ] `ISSUER_URL`"));
    // where it has none a person gives it
    let issuer = wizard.path().join("server/issuer.ts");
    std::fs::write(&issuer, "export const issuer = process.env.ISSUER_URL!;\n").unwrap();
    assert!(listed("auth=app", "ISSUER_URL").contains("MISSING"), "{}", listed("auth=app", "ISSUER_URL"));
    assert!(checklist("auth=app").contains("- [ ] `ISSUER_URL`: ") && !checklist("auth=cognito").contains("- [ ] `ISSUER_URL`"));
    std::fs::remove_file(&issuer).unwrap();
    assert!(listed("auth=cognito", "ISSUER_URL").contains("set by the service's stack"), "{}", listed("auth=cognito", "ISSUER_URL"));
    // no bucket
    let name = "PRIVATE_OBJECT_DIR";
    let rows = table(&wizard, &["storage=none"]);
    assert_eq!([&rows[name]["on_aws"], &rows[name]["why"]], ["not set", "there is no bucket"]);
    let line = listed("storage=none", name);
    assert!(line.contains("not set") && line.contains("there is no bucket"), "{line}");
    assert_eq!(table(&wizard, &["storage=s3"])[name]["on_aws"], "set by the service's stack");
    for decided in ["storage=none", "storage=s3"] {
        let list = checklist(decided);
        assert!(!list.contains(&format!("- [ ] `{name}`")), "{decided}: {list}");
    }
}

/// Whose decisions count is said; what a dry run only took to get on is no decision.
#[test]
fn decisions_of_an_earlier_run_are_named_and_defaults_of_a_dry_run_are_none() {
    let wizard = Wizard::sample();
    std::fs::write(wizard.path().join("server/files.ts"), "export const dir = process.env.PRIVATE_OBJECT_DIR!;\n").unwrap();
    wizard.run(&[
        "--dry-run",
        "--json",
        "--yes",
        "--set",
        "auth=app",
        "--set",
        "domain_name=shop.example.com",
        "--set",
        "github_repository=acme/shop",
    ]);
    let run = wizard.run_dir().file_name().unwrap().to_string_lossy().into_owned();
    let by_default = |entry: &Value| entry["what"]["step"] == "storage" && entry["what"]["source"] == "default";
    assert!(wizard.journal().iter().any(by_default), "the dry run took nothing by default");
    for command in [&["app", "env"][..], &["app", "container", "--stdout"], &["app", "prepare", "--dry-run"], &["secrets", "list"]] {
        let told = wizard.run(command).err();
        assert!(told.lines().next().unwrap_or_default().starts_with(&format!("note: decisions of {run} (20")), "{command:?}: {told}");
    }
    let rows = table(&wizard, &[]);
    // said by somebody, and only taken
    assert!(!rows["ISSUER_URL"]["on_aws"].as_str().unwrap().contains("stack"), "{}", rows["ISSUER_URL"]);
    assert_eq!(rows["PRIVATE_OBJECT_DIR"]["on_aws"], "set by the service's stack");
}

/// Names of `.env.example` that a person fills in.
fn example(wizard: &Wizard, decided: &[&str]) -> BTreeSet<String> {
    let sets: Vec<&str> = decided.iter().flat_map(|answer| ["--set", answer]).collect();
    wizard.run(&[&["app", "container", "--out", "made", "--force"], sets.as_slice()].concat()).expect(0);
    let text = std::fs::read_to_string(wizard.path().join("made/.env.example")).unwrap();
    text.lines().filter_map(|line| line.trim_start_matches('#').strip_suffix('=').map(str::to_owned)).collect()
}

#[test]
fn with_bedrock_nobody_is_asked_for_a_key_and_with_a_key_for_no_model() {
    let wizard = Wizard::sample();
    let (key, model) = ("AI_INTEGRATIONS_OPENAI_API_KEY", "BEDROCK_TEXT_MODEL_ID");
    for (decided, kinds) in [
        ("ai=bedrock", ["unneeded", "plain"]),
        ("ai=openai", ["secret", "no row"]),
        ("ai=none", ["secret", "no row"]),
        ("auth=app", ["secret", "no row"]),
    ] {
        let rows = table(&wizard, &[decided]);
        assert_eq!([kind(&rows, key), kind(&rows, model)], kinds, "{decided}");
        let listed = example(&wizard, &[decided]);
        assert_eq!([listed.contains(key), listed.contains(model)], kinds.map(|kind| ["secret", "plain"].contains(&kind)), "{decided}");
    }
    let rows = table(&wizard, &["ai=bedrock"]);
    assert_eq!((rows[key]["on_aws"].as_str(), rows[key]["why"].as_str()), (Some("not set"), Some("not needed with ai = bedrock")));
    assert_eq!(rows["AWS_REGION"]["on_aws"], "set by the service's stack");
    assert_eq!(rows["TRANSCRIBE_BUCKET"]["on_aws"], "set by the service's stack");
}

#[test]
fn stripes_sync_is_off_until_a_person_says_live() {
    let app = App::new();
    for prepared in [false, true] {
        if prepared {
            assert_eq!(app.prepare(&["--yes"]).0, 0);
            assert!(read_by(&app).contains("STRIPE_SYNC"));
        }
        let rows = table(&app.wizard, &[]);
        assert_eq!(
            (kind(&rows, "STRIPE_SYNC"), rows["STRIPE_SYNC"]["on_aws"].as_str()),
            ("plain", Some("task definition: off")),
            "{prepared}"
        );
        assert!(rows["STRIPE_SYNC"]["why"].as_str().unwrap().contains("only from the cutover on"));
        assert!(example(&app.wizard, &[]).contains("STRIPE_SYNC"));
    }
    assert_eq!(kind(&table(&miniature("fastapi"), &[]), "STRIPE_SYNC"), "no row");
}

#[test]
fn on_dsql_there_is_no_database_url_and_nobody_is_sent_for_one() {
    let wizard = Wizard::sample();
    let rows = table(&wizard, &["database=dsql"]);
    assert_eq!((kind(&rows, "DATABASE_URL"), rows["DATABASE_URL"]["on_aws"].as_str()), ("unneeded", Some("not set")));
    for name in ["PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "AWS_REGION"] {
        assert_eq!((kind(&rows, name), rows[name]["on_aws"].as_str()), ("plain", Some("set by the service's stack")), "{name}");
    }
    let listed = example(&wizard, &["database=dsql"]);
    assert!(!listed.contains("DATABASE_URL") && listed.contains("PGHOST"), "{listed:?}");
    let compose = std::fs::read_to_string(wizard.path().join("made/docker-compose.yml")).unwrap();
    assert!(compose.contains("DATABASE_URL: \"postgresql://app:app@db:5432/app\""), "one's own machine has a password: {compose}");
    let whose = ["--app", "shop", "--environment", "staging", "--set", "database=dsql"];
    let secrets = wizard.run(&[&["secrets", "list"], whose.as_slice()].concat()).expect(0).out();
    let line = secrets.lines().find(|line| line.contains(" DATABASE_URL ")).unwrap_or_else(|| panic!("{secrets}"));
    assert!(line.contains("not set, and not needed") && line.contains("signs in with a token"), "{line}");
    std::fs::write(wizard.path().join("block.env"), "DATABASE_URL=postgres://a:b@helium/x\n").unwrap();
    let import = wizard.run(&[&["secrets", "import", "--file", "block.env", "--dry-run"], whose.as_slice()].concat()).expect(0).out();
    assert!(import.contains("signs in with a token") && !import.contains("made by the wizard"), "{import}");
    for other in ["database=rds", "database=aurora", "auth=app"] {
        let rows = table(&wizard, &[other]);
        assert_eq!((kind(&rows, "DATABASE_URL"), kind(&rows, "PGUSER")), ("secret", "no row"), "{other}");
        assert!(example(&wizard, &[other]).contains("DATABASE_URL"), "{other}");
    }
}

/// Replit's login in Flask, as its template has it.
const FLASK: &[(&str, &str)] = &[
    (
        "replit_auth.py",
        "import os\nfrom app import app, db\nfrom models import OAuth, User\n\ndef make_replit_blueprint():\n    return OAuth2ConsumerBlueprint(\n        \"replit_auth\", __name__, client_id=os.environ['REPL_ID'])\n",
    ),
    (
        "models.py",
        "from app import db\n\nclass User(UserMixin, db.Model):\n    __tablename__ = 'users'\n    id = db.Column(db.String, primary_key=True)\n    email = db.Column(db.String, unique=True)\n",
    ),
    ("requirements.txt", "flask\n"),
];

fn files_of(app: &str) -> Vec<(String, String)> {
    match app {
        "flask" => FLASK.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
        "sample" => migrate_wizard::app::sources(&root().join("assets/sample")).unwrap(),
        name => migrate_wizard::app::sources(&root().join("tests/apps").join(name)).unwrap(),
    }
}

/// SQL files that the edits make of an app, by name.
fn sql_of(app: &str, database: &str) -> BTreeMap<String, String> {
    // without its snapshot the sample has no migrations that the column could be added to
    let files: Vec<(String, String)> = files_of(app).into_iter().filter(|(path, _)| !path.ends_with("_snapshot.json")).collect();
    let decided: Decided = [("database".to_owned(), database.to_owned())].into_iter().collect();
    let prepared = edits::prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None).unwrap();
    let changes = prepared.into_iter().flat_map(|one| one.changes).filter(|change| change.path.starts_with(".migrate/sql/"));
    changes.filter_map(|change| Some((change.path, change.after?))).collect()
}

const PEOPLE: &str = "create table users (id varchar primary key, email varchar unique)";
const THERE: &str =
    "select string_agg(tablename || ' ' || indexdef, '; ' order by indexname) from pg_indexes where indexdef ~ 'expire|auth_subject'";

#[test]
fn sql_of_the_edits_runs_on_the_database_that_was_decided_for() {
    let mut made = 0;
    for app in ["integrations", "rest-express", "sample", "flask"] {
        for (path, text) in sql_of(app, "rds") {
            made += 1;
            let name = format!("{app} {path}:\n{text}");
            let plain = database("edits");
            sql(&plain, PEOPLE);
            // twice is once
            sql(&plain, &text);
            sql(&plain, &text);
            assert_ne!(value(&plain, THERE), "", "{name}");

            let text = sql_of(app, "dsql").remove(&path).unwrap_or_else(|| panic!("{name}"));
            let name = format!("{app} {path}:\n{text}");
            let said: Vec<String> = lint_sql(&text).into_iter().map(|one| format!("{:?}: {}", one.rule, one.message)).collect();
            assert_eq!(said, [] as [String; 0], "{name}");
            assert!(!text.contains("do $$") && !text.contains("references"), "{name}");
            let standin = Standin::start(&database_in_c("edits"), Rules::default());
            let to = standin.connector();
            block(async {
                let session = to.connect(Access::ReadWrite).await.unwrap();
                let bare: String = text.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
                let statements: Vec<&str> = bare.split(";\n").map(str::trim).filter(|one| !one.is_empty()).collect();
                for statement in std::iter::once(PEOPLE).chain(statements) {
                    schema::send(&session, Dialect::Dsql, statement).await.unwrap_or_else(|error| panic!("{statement}\n{error}"));
                }
            });
            assert_ne!(value(standin.backing(), THERE), "", "{name}");
            // what is for another database is refused: the stand-in can say no
            let refused = block(async { to.connect(Access::ReadWrite).await.unwrap().batch("do $$ begin end $$").await });
            assert!(refused.is_err());
        }
    }
    assert_eq!(made, 3, "a table of sessions (rest-express has its own in its schema), two columns");
}

#[test]
fn sql_of_an_earlier_run_follows_the_database_and_what_a_person_changed_stays() {
    const FILE: &str = ".migrate/sql/auth_subject.sql";
    let written = |database: &str| sql_of("sample", database)[FILE].clone();
    let app = App::new();
    app.git(&["rm", "-q", "migrations/meta/0000_snapshot.json", "migrations/meta/0001_snapshot.json"]);
    app.git(&["commit", "-qm", "no snapshots"]);
    let prepare = |branch: &str, database: &str| {
        let set = format!("database={database}");
        let (code, done, told) = app.prepare(&["--yes", "--branch", branch, "--set", &set]);
        assert_eq!(code, 0, "{branch}: {done}{told}");
        done
    };
    prepare("one", "rds");
    assert_eq!(app.text(FILE), written("rds"));
    // without a decision nothing is taken back
    let (code, _, told) = app.prepare(&["--yes", "--branch", "none"]);
    assert!(code == 0 && told.contains("nothing to change"), "{told}");
    let done = prepare("two", "dsql");
    assert!(done.contains("sql: SQL for a person follows the database (1 file)"), "{done}");
    assert_eq!(app.text(FILE), written("dsql"));
    assert!(app.text("CHECKLIST-CODE.md").contains(&format!("- [ ] {FILE}: run this file on the target database")));
    prepare("three", "aurora");
    assert_eq!(app.text(FILE), written("rds"), "and the other way round");
    // a person's file, in both directions
    for (from, to, line, write) in [
        ("rds", "dsql", 3, "create unique index async if not exists \"users_auth_subject_unique\" on \"users\" (\"auth_subject\");"),
        ("dsql", "rds", 6, "constraint \"users_auth_subject_unique\" unique;"),
    ] {
        let own = written(from).replacen('\n', "\n-- ours\n", 1);
        std::fs::write(app.path(FILE), &own).unwrap();
        app.git(&["add", "."]);
        app.git(&["commit", "-qm", "ours"]);
        let (_, _, told) = app.prepare(&["--yes", "--branch", &format!("ours-{to}"), "--set", &format!("database={to}")]);
        assert_eq!(app.text(FILE), own, "{told}");
        let list = app.text("CHECKLIST-CODE.md");
        let item = list.lines().find(|item| item.starts_with(&format!("- [ ] {FILE}:{line}: this file was changed by hand")));
        assert!(item.is_some_and(|item| item.contains(write)), "{from} to {to}: {list}");
        // for the database that it is for there is nothing to say
        let (_, done, told) = app.prepare(&["--dry-run", "--only", "sql", "--set", &format!("database={from}")]);
        assert!(told.contains("sql: nothing to change in this app"), "{done}{told}");
    }
}

/// RDS first, then Aurora DSQL: the migration that the first preparation made is told, and what runs there is beside.
#[test]
fn the_logins_migration_is_told_when_dsql_is_decided_for_afterwards() {
    const FILE: &str = ".migrate/sql/auth_subject.sql";
    let app = App::new();
    let prepare = |branch: &str, database: &str| {
        let (code, done, told) = app.prepare(&["--yes", "--branch", branch, "--set", &format!("database={database}")]);
        assert_eq!(code, 0, "{branch}: {done}{told}");
    };
    prepare("one", "rds");
    let files = app.git(&["ls-files"]);
    let migration = files.lines().find(|path| path.ends_with("_auth_subject.sql") && !path.starts_with(".migrate/")).unwrap().to_owned();
    let (before, list) = (app.text(&migration), app.text("CHECKLIST-CODE.md"));
    assert!(!files.contains(FILE) && !list.contains("statements apart"), "{list}");
    prepare("two", "dsql");
    assert_eq!(app.text(&migration), before, "history stays");
    assert_eq!(app.text(FILE), sql_of("sample", "dsql")[FILE], "as for a fresh app");
    let list = app.text("CHECKLIST-CODE.md");
    assert!(list.contains(&format!("- [ ] {migration}:2: take this migration's statements apart for Aurora DSQL")), "{list}");
    assert!(list.contains(&format!("- [ ] {FILE}: run this file on the target database")), "{list}");
}

#[test]
fn bedrock_asks_for_no_stand_in_of_a_key() {
    let files = files_of("sample");
    let of = |ai: &str| -> Vec<String> {
        let decided: Decided = [("ai".to_owned(), ai.to_owned())].into_iter().collect();
        let prepared = edits::prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None).unwrap();
        let changes = prepared.into_iter().flat_map(|one| one.changes);
        changes
            .filter(|change| change.after.as_deref().is_some_and(|text| text.contains("?? \"not-set\"")))
            .map(|change| change.path)
            .collect()
    };
    assert_eq!(of("openai").len(), 3, "{:?}", of("openai"));
    assert_eq!(of("bedrock"), [] as [&str; 0]);
}

#[test]
fn what_the_drop_ins_read_is_in_every_list() {
    for (name, called, reads, keys_and_values) in [
        ("classic-kv", "classic-kv", "DATABASE_URL", true),
        ("classic-kv-js", "guestbook", "DATABASE_URL", true),
        ("fastapi", "fastapi", "DEFAULT_OBJECT_STORAGE_BUCKET_ID", false),
    ] {
        for decided in ["", "database=rds", "database=dsql", "storage=s3"] {
            let wizard = miniature(name);
            // the folder's name is the app's where nothing else has one
            std::fs::write(wizard.path().join(".gitignore"), ".migrate-wizard\n").unwrap();
            let app = App::of(wizard);
            let sets: Vec<&str> = if decided.is_empty() { Vec::new() } else { vec!["--set", decided] };
            let (code, _, told) = app.prepare(&[&["--yes"], sets.as_slice()].concat());
            assert_eq!(code, 0, "{name} {decided}: {told}");
            let rows = table(&app.wizard, &sets.iter().filter(|set| **set != "--set").copied().collect::<Vec<_>>());
            // without a run: the names that app env goes by
            let done = app.wizard.run(&[&["secrets", "list", "--json"], sets.as_slice()].concat()).expect(0);
            let listed: Value = serde_json::from_str(&done.out()).unwrap();
            let prefix = listed["prefix"].as_str().unwrap().to_owned();
            assert!(prefix.ends_with("-production/") && (called != "guestbook" || prefix == "guestbook-production/"), "{name}: {prefix}");
            let given = |name: &str| {
                listed["rows"].as_array().unwrap().iter().find(|row| row["variable"] == name).map(|row| row["given"]["how"].clone())
            };
            assert!(rows.contains_key(reads) && given(reads).is_some(), "{name} {decided}: {reads} is not in both lists");
            let dsql = decided == "database=dsql";
            let url = if dsql { ("unneeded", Some("unneeded".into())) } else { ("secret", Some("missing".into())) };
            assert_eq!((kind(&rows, "DATABASE_URL"), given("DATABASE_URL")), url, "{name} {decided}");
            // the drop-in has no other way in on Aurora DSQL
            let store = if dsql && keys_and_values { ("secret", Some("missing".into())) } else { ("no row", None) };
            assert_eq!((kind(&rows, "KV_DATABASE_URL"), given("KV_DATABASE_URL")), store, "{name} {decided}");
            let both: BTreeSet<&str> = rows.keys().map(String::as_str).filter(|name| kind(&rows, name) != "never").collect();
            let there: BTreeSet<&str> = listed["rows"].as_array().unwrap().iter().filter_map(|row| row["variable"].as_str()).collect();
            assert!(both.is_subset(&there), "{name} {decided}: {both:?} {there:?}");
        }
    }
}

#[test]
fn prepared_code_that_is_read_by_a_build_gets_its_address_there() {
    let app = App::of(miniature("nextjs"));
    assert_eq!(app.prepare(&["--yes"]).0, 0);
    assert!(app.text("app/layout.tsx").contains("process.env.APP_URL"), "{}", app.text("app/layout.tsx"));
    let made = |what: &[&str]| app.wizard.run(&[what, &["--stdout"]].concat()).expect(0).out();
    let image = made(&["app", "container"]);
    assert!(image.contains("\nARG APP_URL\n") && image.contains("RUN export APP_URL=\"${APP_URL:-http://localhost:3000}\" "), "{image}");
    assert!(image.contains("      args: [APP_URL]\n"), "{image}");
    let github = made(&["app", "pipeline", "--provider", "github"]);
    assert!(
        github.contains("          APP_URL: ${{ vars[format('APP_URL_{0}', needs.where.outputs.suffix)] || vars.APP_URL }}\n")
            && github.contains("options+=(--build-arg APP_URL)"),
        "{github}"
    );
    assert!(made(&["app", "pipeline", "--provider", "codepipeline"]).contains("options+=(--build-arg APP_URL)"));
    let rows = table(&app.wizard, &[]);
    assert_eq!((&rows["APP_URL"]["at_build"], &rows["APP_URL"]["at_run"]), (&true.into(), &true.into()));
    // before the edit nothing of it is read while building
    assert!(!miniature("nextjs").run(&["app", "container", "--stdout"]).expect(0).out().contains("ARG APP_URL"));
}

#[test]
fn an_app_without_a_health_route_is_told_so_and_gets_one() {
    const TOLD: &str = "# the app has no such route yet: migrate-wizard app prepare makes it, or its checklist says how\nHEALTHCHECK ";
    let app = App::of(miniature("classic-kv-js"));
    let image = || app.wizard.run(&["app", "container", "--stdout"]).expect(0).out();
    assert!(image().contains(TOLD), "{}", image());
    // the run's own files have it, too, with its place on the list
    let scan = migrate_wizard::app::scan(app.wizard.path(), &migrate_wizard::progress::Reporter::silent()).unwrap();
    let files = migrate_wizard::app::files::generate(&scan, &migrate_wizard::app::Choices::from_scan(&scan)).unwrap();
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.contents.as_str());
    assert!(text("health.mjs").is_some_and(|text| text.contains("export")), "{:?}", files.iter().map(|f| &f.path).collect::<Vec<_>>());
    assert!(text("CHECKLIST.md").unwrap().contains("- [ ] web: mount the generated health route at `/api/health`"));
    assert_eq!(app.prepare(&["--yes"]).0, 0);
    assert!(app.text("index.js").contains("/api/health"), "{}", app.text("index.js"));
    let prepared = image();
    assert!(!prepared.contains("no such route") && prepared.contains("/api/health"), "{prepared}");
}

#[test]
fn a_plan_names_services_as_the_scan_will() {
    let wizard = Wizard::sample();
    let steps = |what: &[&str]| -> Vec<String> {
        let told: Value = serde_json::from_str(&wizard.run(&[what, &["--json"]].concat()).expect(0).out()).unwrap();
        let list = told["runbook"]["lines"].as_array().or(told.as_array()).unwrap().clone();
        list.iter().map(|line| line["step"].as_str().unwrap().to_owned()).collect()
    };
    for what in [&["cutover", "plan"][..], &["plan"]] {
        let all = steps(what);
        let starts: Vec<&String> = all.iter().filter(|step| step.starts_with("start[")).collect();
        assert_eq!(starts, ["start[web]"], "{what:?}: {all:?}");
    }
}

#[test]
fn the_sample_prepared_for_dsql_compiles_and_says_what_is_left() {
    let app = App::with_packages();
    std::fs::write(
        app.path("server/signer.d.ts"),
        "declare module \"@aws-sdk/dsql-signer\" {\n  export class DsqlSigner {\n    constructor(config: { hostname: string; region?: string });\n    getDbConnectAuthToken(): Promise<string>;\n    getDbConnectAdminAuthToken(): Promise<string>;\n  }\n}\n",
    )
    .unwrap();
    app.git(&["add", "."]);
    app.git(&["commit", "-qm", "the signer's types"]);
    let (code, done, told) = app.prepare(&["--yes", "--set", "database=dsql"]);
    assert!(code == 0 && done.contains("dsql-sign-in: "), "{code} {done} {told}");
    assert!(app.text("server/db.ts").contains("new pg.Pool({ ...dsql() })"), "{}", app.text("server/db.ts"));
    let list = app.text("CHECKLIST-CODE.md");
    let items = [
        ("server/index.ts:", "DATABASE_URL"),
        ("server/stripeClient.ts:", "stripe-replit-sync cannot run on Aurora DSQL"),
        ("drizzle.config.ts:", "DATABASE_URL"),
    ];
    for (place, says) in items {
        assert!(list.lines().any(|line| line.contains(place) && line.contains(says)), "{place} {says}\n{list}");
    }
    assert_eq!(app.tsc(), "");
}

#[test]
fn each_connection_to_dsql_has_a_token_of_its_own() {
    let standin = Standin::start(&database_in_c("signin"), Rules::default());
    let tokens = [password(&standin.connector()), password(&standin.connector())];
    let at: String = standin.connector().secret_url();
    let at = at.rsplit_once('@').unwrap().1.to_owned();
    let (host, port) = at.split(['/', '?']).next().unwrap().rsplit_once(':').unwrap();
    let app = tempfile::tempdir().unwrap();
    let packages = root().join("target/shims/node_modules");
    assert!(packages.join("pg").is_dir(), "the packages of the drop-ins are not installed: run `make shims`");
    let modules = app.path().join("node_modules");
    std::fs::create_dir_all(modules.join("@aws-sdk/dsql-signer")).unwrap();
    for entry in std::fs::read_dir(packages).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "@aws-sdk") {
        std::os::unix::fs::symlink(entry.path(), modules.join(entry.file_name())).unwrap();
    }
    std::fs::write(modules.join("@aws-sdk/dsql-signer/package.json"), "{\"type\": \"module\", \"main\": \"index.js\"}").unwrap();
    std::fs::write(
        modules.join("@aws-sdk/dsql-signer/index.js"),
        "const tokens = process.env.TOKENS.split(\" \");\nexport class DsqlSigner {\n  constructor(config) { console.log(`${config.hostname} ${config.region}`); }\n  async getDbConnectAdminAuthToken() { console.log(`token, ${tokens.length} left`); return tokens.shift(); }\n}\n",
    )
    .unwrap();
    std::fs::copy(root().join("assets/files/dsql.ts"), app.path().join("dsql.mjs")).unwrap();
    std::fs::write(
        app.path().join("main.mjs"),
        "import pg from \"pg\";\nimport { dsql } from \"./dsql.mjs\";\n\nconst options = dsql();\nconsole.log(`verified ${options.ssl.rejectUnauthorized}`);\n// the stand-in speaks no TLS\nconst pool = new pg.Pool({ ...options, ssl: false, max: 1, maxUses: 1 });\nfor (let n = 0; n < 2; n++) console.log((await pool.query(\"select 40 + 2 as n\")).rows[0].n);\ntry { await pool.query(\"select 1\"); } catch { console.log(\"no third token\"); }\nawait pool.end();\n",
    )
    .unwrap();
    let run = |url: Option<&str>| {
        let mut command = Command::new("node");
        command.arg("main.mjs").current_dir(app.path()).env_remove("DATABASE_URL").env_remove("PGUSER").env_remove("PGPASSWORD");
        command.env("PGHOST", host).env("PGPORT", port).env("PGDATABASE", standin.backing().database()).env("AWS_REGION", "eu-central-1");
        command.env("TOKENS", tokens.join(" ")).envs(url.map(|url| ("DATABASE_URL", url)));
        let output = command.output().expect("node is not installed");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(
        run(None),
        format!("{host} eu-central-1\nverified true\ntoken, 2 left\n42\ntoken, 1 left\n42\ntoken, 0 left\nno third token\n")
    );
}

/// What a second scan finds of the signals that edits answer or ease: what a person still must do.
#[test]
fn a_scan_of_the_prepared_app_shows_only_what_a_person_must_do() {
    let app = App::new();
    assert!(app.signals().is_superset(&["D11", "F8"].map(str::to_owned).into()), "{:?}", app.signals());
    app.prepare(&["--yes"]);
    let left = app.signals();
    for gone in ["D11", "D12", "F8"] {
        assert!(!left.contains(gone), "{gone} is still found: {left:?}");
    }
    assert!(left.contains("D9"), "the key of OpenAI's is still to be given");
    let app = App::new();
    app.prepare(&["--yes", "--set", "ai=bedrock"]);
    assert!(!app.signals().contains("D9"), "{:?}", app.signals());
    // another decision afterwards takes nothing back, and that is told
    let (_, _, told) = app.prepare(&["--yes", "--set", "ai=openai"]);
    assert!(told.contains("package.json: the code answers OpenAI's calls by Bedrock, and ai = openai is decided here"), "{told}");

    for (name, package, code) in [
        ("D10", "@replit/database", "import Database from \"@replit/database\";\nexport const db = new Database();\n"),
        ("D2", "@replit/object-storage", "import { Client } from \"@replit/object-storage\";\nexport const files = new Client();\n"),
    ] {
        let wizard = Wizard::empty();
        std::fs::create_dir(wizard.path().join("server")).unwrap();
        std::fs::write(wizard.path().join("server/a.ts"), code).unwrap();
        std::fs::write(
            wizard.path().join("package.json"),
            format!("{{\n  \"dependencies\": {{\n    \"{package}\": \"^1.0.0\"\n  }}\n}}\n"),
        )
        .unwrap();
        let scan = || -> Value { serde_json::from_str(&wizard.run(&["app", "scan", "--json"]).expect(0).out()).unwrap() };
        let found = |scan: &Value, list: &str| scan[list].as_array().is_some_and(|all| all.iter().any(|one| one["signal"] == name));
        assert_eq!((found(&scan(), "findings"), found(&scan(), "settled")), (true, false), "{name}");
        let manifest = format!("{{\n  \"dependencies\": {{\n    \"{package}\": \"file:./.migrate/shims/x\"\n  }}\n}}\n");
        std::fs::write(wizard.path().join("package.json"), manifest).unwrap();
        assert_eq!((found(&scan(), "findings"), found(&scan(), "settled")), (false, true), "{name}");
        // what reaches the store by itself is nobody's drop-in
        if name == "D10" {
            std::fs::write(wizard.path().join("server/a.ts"), format!("{code}export const url = process.env.REPLIT_DB_URL;\n")).unwrap();
            assert_eq!((found(&scan(), "findings"), found(&scan(), "settled")), (true, true), "{name}");
        }
    }
}

#[test]
fn an_edit_for_another_decision_is_refused_on_the_command_line() {
    let app = App::new();
    let (code, _, told) = app.prepare(&["--yes", "--only", "bedrock", "--set", "ai=openai"]);
    assert!(code == 2 && told.contains("ai = openai is decided") && told.contains("--set ai=bedrock"), "{code} {told}");
}

/// Nothing is named on the command line: what the newest run of the checkout was answered counts for all of them.
#[test]
fn what_the_newest_run_decided_counts_for_everything_that_is_made() {
    let app = App::new();
    let none = table(&app.wizard, &[]);
    assert_eq!((kind(&none, "DATABASE_URL"), kind(&none, "COGNITO_CLIENT_ID")), ("secret", "no row"));
    // grievance-portal: DSQL, Cognito, Bedrock
    app.wizard.run(&["--dry-run", "--json", "--profile", "grievance-portal", "--set", "github_repository=acme/shop"]).expect(0);
    let rows = table(&app.wizard, &[]);
    let key = "AI_INTEGRATIONS_OPENAI_API_KEY";
    let kinds = ["DATABASE_URL", key, "COGNITO_CLIENT_ID", "BEDROCK_TEXT_MODEL_ID"].map(|name| kind(&rows, name));
    assert_eq!(kinds, ["unneeded", "unneeded", "plain", "plain"]);
    let listed = example(&app.wizard, &[]);
    assert!(!listed.contains("DATABASE_URL") && !listed.contains(key) && listed.contains("COGNITO_CLIENT_ID"), "{listed:?}");
    let given: Vec<Value> = app
        .wizard
        .journal()
        .into_iter()
        .filter(|entry| ["environment", "app_secrets", "files"].map(Value::from).contains(&entry["what"]["kind"]))
        .collect();
    assert!(given.len() >= 3, "{given:?}");
    for entry in given {
        let decided = &entry["what"]["fields"]["decided"];
        assert_eq!([&decided["ai"], &decided["auth"], &decided["database"]], ["bedrock", "cognito", "dsql"], "{entry}");
    }
    let (code, shown, told) = app.prepare(&["--dry-run"]);
    assert!(code == 0 && shown.contains("conObject: dsql()") && shown.contains(".migrate/shims/bedrock-openai"), "{told}");
    // what is named wins
    let rows = table(&app.wizard, &["database=rds"]);
    assert_eq!((kind(&rows, "DATABASE_URL"), kind(&rows, key)), ("secret", "unneeded"));
}

/// The code of the source reads its live database beside its own: followed to the letter, the app on AWS would write there.
#[test]
fn another_database_of_the_source_is_nobodys_to_give() {
    let app = miniature("nextjs");
    let put = |path: &str, text: &str| {
        let path = app.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(
        "app/api/more/route.ts",
        "const a = process.env.PROD_DATABASE_URL!;\nconst b = process.env.POSTGRES_URL_NON_POOLING!;\nconst c = process.env.ANALYTICS_DATABASE_URL!;\n",
    );
    put(
        "block.json",
        r#"{"DATABASE_URL": "postgres://a:b@old/x", "LIVE_DATABASE_URL": "postgres://a:b@live/x", "PROD_DATABASE_URL": "postgres://a:b@live/x", "ANALYTICS_DATABASE_URL": "postgres://a:b@other/x", "OTHER_KEY": "k"}"#,
    );
    const NAMES: [&str; 4] = ["LIVE_DATABASE_URL", "PROD_DATABASE_URL", "POSTGRES_URL_NON_POOLING", "ANALYTICS_DATABASE_URL"];
    let place = ["--app", "shop", "--environment", "staging"];
    for (database, expected, live) in [
        ("database=dsql", ["unneeded", "unneeded", "unneeded", "secret"], "token"),
        // the first is Prisma's directUrl, the third the same database without a pool
        ("database=rds", ["secret", "unneeded", "secret", "secret"], "has the value of DATABASE_URL"),
        ("database=aurora", ["secret", "unneeded", "secret", "secret"], "has the value of DATABASE_URL"),
    ] {
        let rows = table(&app, &[database]);
        assert_eq!(NAMES.map(|name| rows[name]["kind"].as_str().unwrap()), expected, "{database}");
        for name in NAMES {
            let on_aws = rows[name]["on_aws"].as_str().unwrap();
            let own = name == "ANALYTICS_DATABASE_URL";
            assert!(own || on_aws == "not set" || on_aws.ends_with("/database-url"), "{database} {name}: {on_aws}");
        }
        let listed = app.run(&[&["secrets", "list", "--set", database][..], &place].concat()).expect(0).out();
        let line =
            |name: &str| listed.lines().find(|line| line.contains(&format!(" {name} "))).unwrap_or_else(|| panic!("{name}: {listed}"));
        for name in NAMES {
            assert_eq!(line(name).contains("MISSING"), name == "ANALYTICS_DATABASE_URL", "{database}: {}", line(name));
        }
        let import = ["secrets", "import", "--dry-run", "--json", "--file", "block.json", "--set", database];
        let taken: Value = serde_json::from_str(&app.run(&[&import[..], &place].concat()).expect(0).out()).unwrap();
        let of = |name: &str| taken.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        let becomes: Vec<String> = ["DATABASE_URL", "LIVE_DATABASE_URL", "PROD_DATABASE_URL", "ANALYTICS_DATABASE_URL", "OTHER_KEY"]
            .iter()
            .map(|name| of(name)["becomes"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(becomes, ["replaced", "replaced", "replaced", "renew", "secret"], "{database}");
        assert!(of("LIVE_DATABASE_URL")["why"].as_str().unwrap().contains(live), "{}", of("LIVE_DATABASE_URL"));
        assert!(of("PROD_DATABASE_URL")["why"].as_str().unwrap().contains("would write there"), "{}", of("PROD_DATABASE_URL"));
        assert!(of("ANALYTICS_DATABASE_URL")["warnings"].to_string().contains("--take"), "{}", of("ANALYTICS_DATABASE_URL"));
    }
}

#[test]
fn one_variable_of_several_services_is_missing_once() {
    let app = Wizard::empty();
    let put = |path: &str, text: &str| {
        let path = app.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("package.json", r#"{"name": "shop", "private": true, "workspaces": ["apps/*", "packages/*"]}"#);
    for name in ["web", "api", "auth"] {
        put(
            &format!("apps/{name}/package.json"),
            &format!(r#"{{"name": "{name}", "scripts": {{"start": "node index.js"}}, "dependencies": {{"fastify": "5"}}}}"#),
        );
    }
    put("packages/keys/index.ts", "export const key = process.env.VENDOR_API_KEY!;\n");
    let listed = app.run(&["secrets", "list", "--app", "shop", "--environment", "staging"]).expect(0).out();
    assert_eq!(listed.matches("MISSING").count(), 3, "{listed}");
    assert!(listed.contains("\n1 variable that nobody is known to give."), "{listed}");
}

/// Told alike: what no code reads is missing in neither list.
#[test]
fn a_secret_that_no_code_reads_is_missing_nowhere() {
    let app = Wizard::sample();
    let row = &table(&app, &[])["MAIL_RELAY_API_KEY"];
    assert_eq!((&row["kind"], &row["by"], &row["at_run"]), (&"secret".into(), &"nobody".into(), &false.into()));
    assert!(row["on_aws"].as_str().unwrap().starts_with("not set: no code was seen to read it"), "{row}");
    let listed = app.run(&["secrets", "list", "--app", "shop", "--environment", "staging"]).expect(0).out();
    let line = |name: &str| {
        listed.lines().find(|line| line.contains(&format!(" {name} "))).unwrap_or_else(|| panic!("{name}: {listed}")).to_owned()
    };
    assert!(line("MAIL_RELAY_API_KEY").contains("not set, and not needed"), "{listed}");
    assert!(line("SESSION_SECRET").contains("MISSING"), "{listed}");
}
