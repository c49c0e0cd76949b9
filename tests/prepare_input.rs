//! What an app's folder may hold or be, for `app scan` and `app prepare`: told in a line each, and nothing is lost.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::prepare::App;
use crate::support::wizard::Wizard;

/// Without root's right to read what nobody may read; root may not be who runs the tests.
fn without_override(wizard: &Wizard, args: &[&str]) -> Output {
    let plain = wizard.command(args);
    let uid = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&uid.stdout).trim() != "0" {
        return wizard.command(args).output().unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    command.arg(plain.get_program()).args(args).current_dir(wizard.path()).output().unwrap()
}

fn put(dir: &Path, path: &str, text: impl AsRef<[u8]>) {
    let file = dir.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

const HOST: &str = "export const url = \"https://shop.replit.app\";\n";

fn small() -> App {
    let wizard = Wizard::empty();
    put(wizard.path(), ".replit", "run = \"npm start\"\n");
    put(wizard.path(), "package.json", "{ \"name\": \"shop\", \"scripts\": { \"start\": \"node a.js\" } }\n");
    put(wizard.path(), "server/a.ts", HOST);
    App::of(wizard)
}

#[test]
fn files_that_cannot_be_edited_stay_as_they_are() {
    let wizard = Wizard::empty();
    let dir = wizard.path();
    put(dir, "package.json", "{ \"name\": \"shop\" }\n");
    put(dir, "server/a.ts", HOST);
    put(dir, "server/binary.ts", [HOST.as_bytes(), b"\0\x01"].concat());
    put(dir, "server/latin.ts", [HOST.as_bytes(), b"// \xe9\n"].concat());
    put(dir, "server/huge.ts", [HOST.as_bytes(), &vec![b'\n'; 50_000_000]].concat());
    put(dir, "server/closed.ts", HOST);
    std::os::unix::fs::symlink("loop-b.ts", dir.join("server/loop-a.ts")).unwrap();
    std::os::unix::fs::symlink("loop-a.ts", dir.join("server/loop-b.ts")).unwrap();
    std::os::unix::fs::symlink(".", dir.join("server/itself")).unwrap();
    // git compares what is as new as its index by the text, which it cannot read later
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(dir.join("server/closed.ts")).unwrap().set_modified(before).unwrap();
    let app = App::of(wizard);
    std::fs::set_permissions(app.path("server/closed.ts"), std::fs::Permissions::from_mode(0o000)).unwrap();
    app.git(&["update-index", "-q", "--refresh"]);
    let output = without_override(&app.wizard, &["app", "prepare", "--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::set_permissions(app.path("server/closed.ts"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let changed = app.git(&["diff", "--name-only", "main..HEAD"]);
    assert_eq!(changed.lines().collect::<Vec<_>>(), ["CHECKLIST-CODE.md", "server/a.ts"]);
    // what is found in it and cannot be edited is on the list
    assert!(app.text("CHECKLIST-CODE.md").contains("- [ ] server/latin.ts:1: [E1] "), "{}", app.text("CHECKLIST-CODE.md"));
}

#[test]
fn a_settings_file_that_cannot_be_read_is_named_with_its_line() {
    let app = small();
    put(app.wizard.path(), ".replit", "run = \"npm start\"\n[deployment\nrun = \"x\"\n");
    app.git(&["commit", "-qam", "broken"]);
    let before = app.git(&["rev-parse", "HEAD"]);
    for args in [&["app", "scan"][..], &["app", "prepare", "--yes"]] {
        let done = app.wizard.run(args);
        let said = done.err();
        assert!(done.code() == 2 && said.contains(".replit") && said.contains("line 2") && said.contains("next:"), "{args:?}: {said}");
    }
    assert_eq!(app.git(&["rev-parse", "HEAD"]), before);
    // a package.json that is none is told, and the rest goes on
    let app = small();
    put(app.wizard.path(), "package.json", "{ \"name\": \"shop\", \n");
    app.git(&["commit", "-qam", "broken"]);
    assert!(app.wizard.run(&["app", "scan"]).expect(0).out().contains("package.json:2 cannot be read as JSON"));
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!((code, app.text("package.json").as_str()), (0, "{ \"name\": \"shop\", \n"), "{told}");
}

#[test]
fn a_head_without_a_branch_is_no_hindrance() {
    let app = small();
    app.git(&["checkout", "-q", "--detach"]);
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(app.git(&["branch", "--show-current"]).trim(), "migrate-wizard/prepare");
    assert_eq!(app.git(&["merge-base", "main", "HEAD"]), app.git(&["rev-parse", "main"]));
}

#[test]
fn another_repository_inside_is_left_alone_and_told_of() {
    let app = small();
    let other = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert!(Command::new("git").current_dir(other.path()).args(identity).args(arguments).status().unwrap().success());
    };
    put(other.path(), "b.ts", HOST);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    app.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.path().to_str().unwrap(), "shared"]);
    app.git(&["commit", "-qm", "with another"]);
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(app.text("shared/b.ts"), HOST);
    assert!(app.text("CHECKLIST-CODE.md").contains("- [ ] shared/b.ts:1: [E1] "), "{}", app.text("CHECKLIST-CODE.md"));
    assert_eq!(app.git(&["diff", "--name-only", "main..HEAD"]), "CHECKLIST-CODE.md\nserver/a.ts\n");
}

#[test]
fn a_repository_without_files_or_commits_is_refused() {
    let app = small();
    let bare = tempfile::tempdir().unwrap();
    app.git(&["clone", "-q", "--bare", ".", bare.path().to_str().unwrap()]);
    for args in [["app", "scan"], ["app", "prepare"]] {
        let done = app.wizard.run(&[args[0], args[1], bare.path().to_str().unwrap()]);
        let said = done.err();
        assert!(done.code() == 2 && said.contains("holds no app") && said.contains("next:"), "{args:?} {}: {said}", done.code());
    }
    let wizard = Wizard::empty();
    put(wizard.path(), "package.json", "{}\n");
    put(wizard.path(), "server/a.ts", HOST);
    assert!(Command::new("git").current_dir(wizard.path()).args(["init", "-q"]).status().unwrap().success());
    let done = wizard.run(&["app", "prepare", "--yes"]);
    assert!(done.code() == 1 && done.err().contains("has no commit yet") && done.err().contains("git add ."), "{}", done.err());
    assert_eq!(std::fs::read_to_string(wizard.path().join("server/a.ts")).unwrap(), HOST);
}

/// The container's part and the lock file are told as done once they are.
#[test]
fn what_is_done_leaves_the_checklist() {
    let wizard = Wizard::empty();
    let dir = wizard.path();
    put(
        dir,
        ".replit",
        "[deployment]\nrun = [\"sh\", \"-c\", \"npm ci && node server/a.js\"]\n[nix]\npackages = [\n  \"openssl\",\n  \"ffmpeg\",\n]\n",
    );
    put(
        dir,
        "package.json",
        "{\n  \"name\": \"shop\",\n  \"scripts\": { \"start\": \"node server/a.js\" },\n  \"dependencies\": {\n    \"@neondatabase/serverless\": \"^0.10.0\",\n    \"sharp\": \"^0.33.0\"\n  }\n}\n",
    );
    put(
        dir,
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"\": {\"dependencies\": {\"@neondatabase/serverless\": \"^0.10.0\", \"sharp\": \"^0.33.0\"}}}}\n",
    );
    put(
        dir,
        "server/a.js",
        "import { Pool } from \"@neondatabase/serverless\";\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL });\n",
    );
    let app = App::of(wizard);
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    let list = app.text("CHECKLIST-CODE.md");
    let lock = "- [ ] package-lock.json: run `npm install` and commit this file";
    for line in [
        "- [x] .replit:2: [F14] done by the container (migrate-wizard app container): its command leaves the install out",
        "- [x] .replit:6: [F7] done by the container (migrate-wizard app container): its Dockerfile installs the Debian packages",
        "- [ ] Dockerfile: run `migrate-wizard app container` and commit what it makes",
        lock,
    ] {
        assert!(list.contains(line), "{line} is missing in\n{list}");
    }
    assert!(list.contains("[F5] done by the container") && !list.contains("- [ ] package.json"), "{list}");

    app.wizard.run(&["app", "container"]).expect(0);
    let package: serde_json::Value = serde_json::from_str(&app.text("package.json")).unwrap();
    let held = serde_json::json!({ "lockfileVersion": 3, "packages": { "": { "dependencies": package["dependencies"] } } });
    put(app.wizard.path(), "package-lock.json", held.to_string());
    app.git(&["add", "-A"]);
    app.git(&["commit", "-qm", "container and packages"]);
    let (code, _, told) = app.prepare(&["--yes", "--branch", "again"]);
    assert_eq!(code, 0, "{told}");
    let list = app.text("CHECKLIST-CODE.md");
    assert!(!list.contains(lock) && !list.contains("- [ ] Dockerfile") && list.contains("- [x] .replit:6: [F7] done by"), "{list}");
}

/// TypeScript's and Python's own parsers read what the edits leave, whatever form the files had.
#[test]
fn what_comes_out_is_still_the_language() {
    const CHECK: &str = "const ts = require(process.argv[1]); let wrong = 0, seen = 0;\
        for (const file of process.argv.slice(2)) { seen++;\
          const all = ts.createSourceFile(file, require('fs').readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, /x$/.test(file) ? ts.ScriptKind.TSX : undefined).parseDiagnostics;\
          for (const one of all) { wrong++; console.log(file, one.messageText); } }\
        console.log(seen + ' read'); process.exit(wrong ? 1 : 0);";
    let typescript = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sample/node_modules/typescript");
    assert!(typescript.is_dir(), "the sample's packages are not installed: run `make typescript`");
    let plain: fn(&str) -> String = str::to_owned;
    let windows: fn(&str) -> String = |text| text.replace('\n', "\r\n").trim_end().to_owned();
    let marked: fn(&str) -> String = |text| format!("\u{feff}{}", text.replace("  ", "\t"));
    let mut read = 0;
    for name in [
        "rest-express",
        "integrations",
        "flask-auth",
        "classic-kv",
        "classic-kv-js",
        "nx-nest",
        "bullmq-worker",
        "fastapi",
        "artifacts",
        "nextjs",
    ] {
        for form in [plain, windows, marked] {
            let wizard = Wizard::empty();
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name);
            let copied = Command::new("cp").arg("-rT").arg(&source).arg(wizard.path()).status().unwrap();
            assert!(copied.success());
            let is = |path: &str, ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
            let all = |dir: &Path| {
                let listed = Command::new("find").arg(dir).args(["-type", "f", "-not", "-path", "*/.git/*"]).output().unwrap();
                String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
            };
            for file in all(wizard.path()).iter().filter(|file| is(file, &[".ts", ".tsx", ".js", ".mjs", ".py"])) {
                let text = std::fs::read_to_string(file).unwrap();
                std::fs::write(file, form(&text)).unwrap();
            }
            let app = App::of(wizard);
            let (code, _, told) = app.prepare(&["--yes"]);
            assert_eq!(code, 0, "{name}: {told}");
            let files = all(app.wizard.path());
            let scripts: Vec<&String> = files.iter().filter(|file| is(file, &[".ts", ".tsx", ".js", ".mjs"])).collect();
            let output = Command::new("node").args(["-e", CHECK]).arg(&typescript).args(&scripts).output().expect("node is not installed");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && said.contains(&format!("{} read", scripts.len())),
                "{name}:\n{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            read += scripts.len();
            for file in files.iter().filter(|file| is(file, &[".py"])) {
                let program = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8-sig').read())";
                let output = Command::new("python3").args(["-c", program, file]).output().expect("python3 is not installed");
                assert!(output.status.success(), "{name} {file}:\n{}", String::from_utf8_lossy(&output.stderr));
                read += 1;
            }
        }
    }
    assert!(read > 150, "only {read} files were read");
}
