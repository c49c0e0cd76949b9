//! The drop-ins of `assets/shims` do what the packages did: apps' own calls run against them on a real Postgres and an emulated S3.
//! Bedrock, Polly and Transcribe are scripted stand-ins on loopback: what they would say comes from their documented shapes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use migrate_wizard::app::edits::{self, Asked, Decided};
use migrate_wizard::postgres::Connector;

use crate::support::emulator::Emulator;
use crate::support::postgres::database;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An S3 that checks signatures, also those of signed URLs.
pub fn s3() -> Emulator {
    Emulator::start(&[("AUTH", "true"), ("AWS_ACCESS_KEY_ID", "sandbox"), ("AWS_SECRET_ACCESS_KEY", "sandbox")])
}

/// A folder with the drop-ins, the packages that they name, and the scripts of `tests/shims`.
pub struct App(pub tempfile::TempDir);

impl App {
    pub fn new() -> Self {
        let packages = root().join("target/shims/node_modules");
        assert!(packages.join("pg").is_dir(), "the packages of the drop-ins are not installed: run `make shims`");
        let app = Self(tempfile::tempdir().unwrap());
        let modules = app.path().join("node_modules");
        std::fs::create_dir(&modules).unwrap();
        for entry in std::fs::read_dir(packages).unwrap() {
            let entry = entry.unwrap();
            std::os::unix::fs::symlink(entry.path(), modules.join(entry.file_name())).unwrap();
        }
        for name in ["object-storage", "database"] {
            copy(&root().join("assets/shims/node").join(name), &modules.join("@replit").join(name));
        }
        copy(&root().join("assets/shims/node/bedrock-openai"), &modules.join("openai"));
        copy(&root().join("tests/shims"), app.path());
        app
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn node(&self, script: &str, arguments: &[&str], environment: &[(String, String)]) -> Output {
        let mut command = Command::new("node");
        command.arg(script).args(arguments).current_dir(self.path());
        run(&mut command, environment)
    }

    /// The template's service, its policies and the routes that call it, through TypeScript's compiler into `out/`.
    pub fn compile_template(&self) -> PathBuf {
        let folder = self.path().join("template");
        for name in ["objectStorage.ts", "objectAcl.ts"] {
            std::fs::copy(root().join("assets/shims").join(name), folder.join(name)).unwrap();
        }
        let tsc = Command::new("node").args(["../node_modules/typescript/bin/tsc", "-p", "."]).current_dir(&folder).output().unwrap();
        assert!(tsc.status.success(), "{}", String::from_utf8_lossy(&tsc.stdout));
        let out = folder.join("out");
        for name in ["template.cjs", "inside_same.cjs"] {
            std::fs::copy(root().join("tests/shims").join(name), out.join(name)).unwrap();
        }
        out
    }

    pub fn bucket(&self, name: &str, environment: &[(String, String)]) {
        holds(&self.node("make_bucket.cjs", &[name], environment), "made");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Nothing of this machine's own credentials and databases.
pub fn run(command: &mut Command, environment: &[(String, String)]) -> Output {
    clean(command, environment).output().unwrap()
}

pub fn clean<'a>(command: &'a mut Command, environment: &[(String, String)]) -> &'a mut Command {
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("PG") || name.ends_with("DATABASE_URL") {
            command.env_remove(name);
        }
    }
    // The SDK announces which Node it will want next year.
    command.env("NODE_NO_WARNINGS", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(environment.iter().map(|(k, v)| (k, v))).stdin(std::process::Stdio::null())
}

#[track_caller]
pub fn holds(output: &Output, says: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains(says), "{}\n{out}\n{err}", output.status);
}

fn with(emulator: &Emulator, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = emulator.env();
    all.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    all.push(("AWS_DEFAULT_REGION".into(), "us-east-1".into()));
    all
}

/// The URL of a test's database, as an app has it; the test's servers have no TLS.
pub fn url(database: &Connector) -> String {
    format!("{}?sslmode=disable", database.secret_url().split('?').next().unwrap())
}

#[test]
fn the_object_storage_client_works_on_s3() {
    let (emulator, app) = (s3(), App::new());
    let environment = with(&emulator, &[("DEFAULT_OBJECT_STORAGE_BUCKET_ID", "app-objects")]);
    app.bucket("app-objects", &environment);
    holds(&app.node("object_storage.cjs", &[], &environment), "all of object-storage holds");
}

#[test]
fn the_templates_routes_compile_and_work_unchanged_on_s3() {
    let (emulator, app) = (s3(), App::new());
    let out = app.compile_template();
    let places =
        [("PRIVATE_OBJECT_DIR", "/app-objects/.private"), ("PUBLIC_OBJECT_SEARCH_PATHS", "/app-objects/none, /app-objects/public")];
    let environment = with(&emulator, &places);
    app.bucket("app-objects", &environment);
    holds(&app.node(out.join("template.cjs").to_str().unwrap(), &[], &environment), "all of the template's routes hold");
}

#[test]
fn typed_callers_compile_against_the_packages() {
    let app = App::new();
    let flags =
        ["--noEmit", "--strict", "--skipLibCheck", "--esModuleInterop", "--module", "nodenext", "--target", "es2022", "--types", "node"];
    let tsc = |file: &str| app.node("node_modules/typescript/bin/tsc", &[&flags[..], &[file]].concat(), &[]);
    for file in ["callers.ts", "chat.ts"] {
        holds(&tsc(file), "");
    }
    // And the types are held: a call that the packages do not know is an error.
    std::fs::write(
        app.path().join("wrong.ts"),
        "import { Client } from \"@replit/object-storage\";\nnew Client().uploadFromText(1, \"x\");\n",
    )
    .unwrap();
    let wrong = tsc("wrong.ts");
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("wrong.ts(2,29): error TS2345"), "{wrong:?}");
}

#[test]
fn the_key_value_client_works_on_postgres() {
    let database = database("shim_kv");
    let environment = [("DATABASE_URL".to_owned(), url(&database))];
    holds(&App::new().node("database.cjs", &[], &environment), "all of database holds");
}

/// The app of `tests/shims/uploads_app` once the edit was made in it, in a folder of its own below this one.
fn with_uploads_in_s3(app: &App) -> PathBuf {
    let folder = app.path().join("uploads_app");
    let files: Vec<(String, String)> = ["index.js", "package.json", "server/routes.ts"]
        .map(|name| (name.to_owned(), std::fs::read_to_string(folder.join(name)).unwrap()))
        .into();
    let asked = Asked { only: &["uploads".to_owned()], left: &BTreeSet::new(), decided: &Decided::default() };
    let prepared = edits::prepare(&files, &asked, None).unwrap();
    for change in prepared.iter().flat_map(|one| &one.changes) {
        std::fs::write(folder.join(&change.path), change.after.as_deref().unwrap()).unwrap();
    }
    folder
}

#[test]
fn uploads_are_kept_in_s3_and_without_a_bucket_on_the_disk() {
    let (emulator, app) = (s3(), App::new());
    std::fs::copy(root().join("assets/files/uploads.mjs"), app.path().join("kept.mjs")).unwrap();
    // CommonJS, as the edit puts it into an app
    let prepared = with_uploads_in_s3(&app);
    std::fs::copy(prepared.join("uploads.cjs"), app.path().join("kept.cjs")).unwrap();
    for (bucket, form) in [("of-modules", "./kept.mjs"), ("of-commonjs", "./kept.cjs")] {
        let environment = with(&emulator, &[("S3_BUCKET", bucket)]);
        app.bucket(bucket, &environment);
        holds(&app.node("uploads.mjs", &[form], &environment), "all of uploads holds in S3");
        holds(&app.node("uploads.mjs", &[form], &with(&emulator, &[])), "all of uploads holds on the disk");
    }
    let node = |environment: &[(String, String)]| run(Command::new("node").arg("index.js").current_dir(&prepared), environment);
    let environment = with(&emulator, &[("S3_BUCKET", "of-an-app")]);
    app.bucket("of-an-app", &environment);
    holds(&node(&environment), "the prepared app keeps its files in S3");
    holds(&node(&[]), "the prepared app keeps its files on the disk");
}

#[test]
fn the_module_for_uploads_compiles_and_is_the_same_in_both_forms() {
    let app = App::new();
    let folder = with_uploads_in_s3(&app);
    let tsc = |more: &[&str]| {
        let flags = ["--skipLibCheck", "--target", "es2022", "--types", "node"];
        app.node("node_modules/typescript/bin/tsc", &[&flags[..], more].concat(), &[])
    };
    let routes = folder.join("server/routes.ts");
    let text = std::fs::read_to_string(&routes).unwrap();
    assert!(
        text.contains("uploadStorage(") && text.contains("serveUploads(\"uploads\", {") && text.contains("await readUpload("),
        "{text}"
    );
    let routes = routes.to_str().unwrap();
    let strict = ["--noEmit", "--strict", "--noUnusedLocals", "--noImplicitReturns", "--noUncheckedIndexedAccess", "--esModuleInterop"];
    for module in [&["--module", "nodenext"][..], &["--module", "esnext", "--moduleResolution", "bundler", "--isolatedModules"]] {
        holds(&tsc(&[&strict[..], module, &[routes]].concat()), "");
    }
    let ours = folder.join("server/uploads.ts");
    let out = app.path().join("out");
    let plain = ["--esModuleInterop", "--module", "esnext", "--moduleResolution", "bundler", "--outDir", out.to_str().unwrap()];
    holds(&tsc(&[&plain[..], &[ours.to_str().unwrap()]].concat()), "");
    let words = |text: String| text.split_whitespace().collect::<String>();
    let made = words(std::fs::read_to_string(out.join("uploads.js")).unwrap());
    assert_eq!(
        made,
        words(std::fs::read_to_string(root().join("assets/files/uploads.mjs")).unwrap()),
        "uploads.mjs is uploads.ts without its types"
    );
}

fn python(script: &str, environment: &[(String, String)]) -> Output {
    let python = root().join("target/shims-python/bin/python");
    assert!(python.exists(), "Python's packages of the drop-ins are not installed: run `make shims`");
    let mut command = Command::new(python);
    command.arg(root().join("tests/shims").join(script)).env("PYTHONPATH", root().join("assets/shims/python"));
    run(&mut command, environment)
}

#[test]
fn pythons_db_works_on_postgres() {
    let database = database("shim_db");
    holds(&python("replit_db.py", &[("DATABASE_URL".to_owned(), url(&database))]), "all of replit.db holds");
}

#[test]
fn pythons_object_storage_works_on_s3() {
    let emulator = s3();
    let environment = with(&emulator, &[("DEFAULT_OBJECT_STORAGE_BUCKET_ID", "py-objects")]);
    App::new().bucket("py-objects", &environment);
    holds(&python("replit_storage.py", &environment), "all of replit.object_storage holds");
}

#[test]
fn flasks_uploads_are_kept_in_s3_and_without_a_bucket_on_the_disk() {
    let emulator = s3();
    let folder = ("PYTHONPATH".to_owned(), root().join("assets/files").display().to_string());
    let mut environment = with(&emulator, &[]);
    environment.push(folder);
    holds(&python("uploads_app.py", &environment), "all of Flask's uploads holds on the disk");
    environment.push(("S3_BUCKET".to_owned(), "py-uploads".to_owned()));
    App::new().bucket("py-uploads", &environment);
    holds(&python("uploads_app.py", &environment), "all of Flask's uploads holds in S3");
}

#[test]
fn modules_of_both_kinds_get_the_same_names() {
    holds(&App::new().node("names.mjs", &[], &[]), "all names are there");
}

#[test]
fn openais_client_works_on_bedrock_polly_and_transcribe() {
    holds(&App::new().node("bedrock.cjs", &[], &[]), "all of bedrock-openai holds");
}

#[test]
fn every_drop_in_names_what_it_needs_and_nothing_else() {
    let needed = regex::Regex::new(r#"require\("([^"]+)"\)"#).unwrap();
    for name in ["object-storage", "database", "bedrock-openai"] {
        let folder = root().join("assets/shims/node").join(name);
        let package: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("package.json")).unwrap()).unwrap();
        let code = std::fs::read_to_string(folder.join("index.js")).unwrap();
        let mut used: Vec<&str> =
            needed.captures_iter(&code).map(|c| c.get(1).unwrap().as_str()).filter(|n| !n.starts_with("node:")).collect();
        used.sort_unstable();
        used.dedup();
        let mut named: Vec<&String> = package["dependencies"].as_object().unwrap().keys().collect();
        named.sort_unstable();
        assert_eq!(used, named, "{name}");
        assert!(package.get("scripts").is_none(), "{name}: nothing is run at install");
    }
}
