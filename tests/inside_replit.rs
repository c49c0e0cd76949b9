//! What is reached only inside Replit comes out whole: the scripts of `app export` against stand-ins of the sidecar, the store and the
//! key-value store, a real Postgres and an S3 that checks signatures; killed in the middle, run again, checked at home.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use migrate_wizard::postgres::dump;

use crate::shims::{App, clean, holds, root, run, s3, url};
use crate::support::emulator::Emulator;
use crate::support::postgres::{block, database, password, rows, sql, value};
use crate::support::wizard::Wizard;

/// What no output may hold.
const SECRET: &str = "plantedSecret0815";

/// A Repl: the scripts in a folder, stand-ins of what only it reaches, S3 outside.
struct Repl {
    app: App,
    emulator: Emulator,
    standin: Child,
    url: String,
    wizard: Wizard,
}

impl Drop for Repl {
    fn drop(&mut self) {
        let _gone = self.standin.kill();
        let _waited = self.standin.wait();
    }
}

impl Repl {
    fn new(standin: &[(&str, &str)]) -> Self {
        let (app, emulator) = (App::new(), s3());
        let mut child = Command::new("node")
            .arg(root().join("tests/shims/replit_standin.mjs"))
            .env("STANDIN_SECRET", SECRET)
            .envs(standin.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let wizard = Wizard::empty().envs(emulator.env());
        app.bucket("app-objects", &emulator.env());
        Self { app, emulator, standin: child, url: format!("http://127.0.0.1:{}", port.trim()), wizard }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut all = self.emulator.env();
        let more = [
            ("MIGRATE_SIDECAR_URL", self.url.clone()),
            ("MIGRATE_STORE_URL", self.url.clone()),
            ("MIGRATE_ONE_PUT_BYTES", "6000000".into()),
            ("MIGRATE_PART_BYTES", "5242880".into()),
            ("REPLIT_DB_URL", format!("{}/v0/{SECRET}", self.url)),
            ("MIGRATE_KV_FILE", "/nonexistent".into()),
        ];
        all.extend(more.map(|(k, v)| (k.to_owned(), v)));
        all
    }

    /// The scripts, as the wizard writes them.
    fn export(&self, arguments: &[&str]) {
        self.wizard.run(&[&["app", "export", "--out", "inside"][..], arguments].concat()).expect(0);
    }

    fn command(&self, program: &str, arguments: &[&str], more: &[(String, String)]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.wizard.path().join("inside"));
        clean(&mut command, &[self.environment(), more.to_vec()].concat());
        command
    }

    fn run(&self, program: &str, arguments: &[&str], more: &[(String, String)]) -> Output {
        let output = self.command(program, arguments, more).output().unwrap();
        silent(&[&output.stdout[..], &output.stderr[..]].concat());
        output
    }

    /// Starts it and kills it as soon as it has said this.
    fn killed_after(&self, program: &str, arguments: &[&str], more: &[(String, String)], said: &str) {
        let mut child = self.command(program, arguments, more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(said)), "it never said `{said}`");
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it came to its end before it could be killed");
    }

    fn left(&self, name: &str) -> std::path::PathBuf {
        self.wizard.path().join("inside/migrate-out").join(name)
    }

    fn check(&self, name: &str, more: &[&str]) -> crate::support::wizard::Done {
        let manifest = self.left(name);
        self.wizard.run(&[&["app", "export", "--check", manifest.to_str().unwrap()][..], more].concat())
    }
}

#[track_caller]
fn silent(output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    for secret in [SECRET, "X-Amz-Signature", "AWS4-HMAC"] {
        assert!(!text.contains(secret), "a secret is printed:\n{text}");
    }
}

#[track_caller]
fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn objects_come_out_whole_though_killed_and_spoiled_on_the_way() {
    let repl = Repl::new(&[("STANDIN_DELAY_MS", "25"), ("STANDIN_FLIP", "composed")]);
    repl.export(&["--what", "objects"]);
    let send = ["objects.mjs", "--to", "s3://app-objects", "--yes"];

    let asked = repl.run("node", &send[..3], &[]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(both(&asked).contains("reads:  30 objects, 18.6 MiB, of replit-objstore-7"), "{}", both(&asked));
    assert!(both(&asked).contains("nobody is there to ask: say --yes"), "{}", both(&asked));

    repl.killed_after("node", &send, &[], "big.bin: part 1 of 4");
    let second = repl.run("node", &send, &[]);
    // The spoiled object is met in the killed run or in this one; either way the end is whole.
    let mut text = both(&second);
    if !second.status.success() {
        assert!(text.contains("composed: the bytes that came are not those of its CRC32C: run this again"), "{text}");
        assert!(!repl.left("objects.manifest.jsonl").exists());
        let third = repl.run("node", &send, &[]);
        holds(&third, "all 30 objects are there");
        text.push_str(&both(&third));
    }
    assert!(!text.contains("big.bin: part 1 of 4"), "what arrived before is not sent again:\n{text}");
    holds(&repl.run("node", &send, &[]), "to do:  0 (30 were sent before)");

    let out = repl.app.compile_template();
    let same = out.join("inside_same.cjs");
    holds(&repl.app.node(same.to_str().unwrap(), &[&repl.url, "app-objects"], &repl.emulator.env()), "30 objects are the same");

    let said = repl.check("objects.manifest.jsonl", &["--to", "s3://app-objects"]).expect(0).out();
    assert!(said.contains("30 of 30 expected (18.6 MiB), 29 proved by digest"), "{said}");
    assert!(said.contains("1 right in size; S3 keeps no digest") && said.contains("big.bin"), "{said}");

    // What happens to them later is found: another object of the same size, one that is gone, one that is new.
    for (name, arguments) in [("put", ["put", "composed", "300000"]), ("delete", ["delete", "empty", ""]), ("put", ["put", "new", "1"])] {
        holds(&repl.app.node("touch_bucket.cjs", &[&["app-objects"][..], &arguments[..]].concat(), &repl.emulator.env()), name);
    }
    let said = repl.check("objects.manifest.jsonl", &["--to", "s3://app-objects"]).expect(1).out();
    assert!(said.contains("composed: its MD5 is another") && said.contains("empty: missing"), "{said}");
    assert!(said.contains("1 there, but not in the manifest (left alone): new") && said.contains("2 things to mend"), "{said}");
    let json = repl.check("objects.manifest.jsonl", &["--to", "s3://app-objects", "--json"]).expect(1).out();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["holds"].as_bool(), json["verdict"]["proved"].as_u64()), (Some(false), Some(27)));
}

#[test]
fn an_object_that_is_spoiled_on_the_way_is_refused_and_comes_right_the_next_time() {
    let repl = Repl::new(&[("STANDIN_FLIP", "composed")]);
    repl.export(&["--what", "objects"]);
    let send = ["objects.mjs", "--to", "s3://app-objects", "--yes", "--prefix", "comp"];
    let first = repl.run("node", &send, &[]);
    assert_eq!(first.status.code(), Some(1));
    assert!(both(&first).contains("composed: the bytes that came are not those of its CRC32C: run this again"), "{}", both(&first));
    holds(&repl.run("node", &send, &[]), "all 1 objects are there");
}

#[test]
fn what_is_missing_or_misspelt_is_told() {
    let repl = Repl::new(&[]);
    repl.export(&["--what", "objects"]);
    let send = ["objects.mjs", "--to", "s3://app-objects", "--yes", "--prefix", "public/"];
    let none = repl.run("node", &send, &[("AWS_REGION".into(), String::new())]);
    assert_eq!(none.status.code(), Some(1));
    assert!(both(&none).contains("AWS_REGION is not set") && !both(&none).contains("Run it again"), "{}", both(&none));
    let usage = repl.run("node", &["objects.mjs", "--too", "x"], &[]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(both(&usage).contains("--too is not known here") && both(&usage).contains("usage: node objects.mjs"), "{}", both(&usage));
}

#[test]
fn signatures_of_headers_are_those_of_amazons_own_signer() {
    let app = App::new();
    let scripts = root().join("assets/inside");
    holds(&app.node("signing.mjs", &[scripts.to_str().unwrap()], &[]), "32 signatures are right");
}

#[test]
fn the_key_value_store_comes_out_as_lines_and_goes_into_postgres() {
    let repl = Repl::new(&[("STANDIN_DELAY_MS", "15")]);
    repl.export(&["--what", "kv", "--to", "s3://app-objects/kv"]);
    let send = ["kv.mjs", "--urls", "kv.urls", "--yes", "--jobs", "1"];
    let mut child = repl.command("node", &send, &[]).stdout(Stdio::null()).spawn().unwrap();
    let partial = repl.left("kv.jsonl.partial");
    while !std::fs::read_to_string(&partial).is_ok_and(|text| text.lines().count() > 5) {
        assert!(child.try_wait().unwrap().is_none(), "it came to its end before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let read = std::fs::read_to_string(&partial).unwrap().lines().count();
    std::fs::write(&partial, std::fs::read_to_string(&partial).unwrap() + "{\"key\":\"torn").unwrap();
    let second = repl.run("node", &send, &[]);
    holds(&second, &format!("({read} were read before)"));
    let lines = std::fs::read_to_string(repl.left("kv.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 66);
    assert!(lines.contains("{\"key\":\"not json\",\"raw\":\"plain words\"}\n"), "{lines}");
    repl.check("kv.manifest.jsonl", &["--to", "s3://app-objects/kv"]).expect(0);
    repl.check("kv.manifest.jsonl", &[]).expect(0);

    // As docs/inside-replit.md says it is loaded.
    let target = database("inside_kv");
    let docs = std::fs::read_to_string(root().join("docs/inside-replit.md")).unwrap();
    let load = docs.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let mut psql = Command::new(block(dump::find_pg_dump(13)).unwrap().folder().join("psql"));
    psql.args(["-v", "ON_ERROR_STOP=1", "-d", &url(&target)]).current_dir(repl.left(""));
    let file = repl.left("load.sql");
    std::fs::write(&file, load).unwrap();
    psql.arg("-f").arg(&file);
    holds(&run(&mut psql, &[]), "");
    assert_eq!(value(&target, "select count(*) from kv"), "66");
    assert_eq!(
        rows(&target, "select value from kv where key in ('user:1', 'not json', E'line\\nbreak') order by key collate \"C\""),
        ["null".to_owned(), "\"plain words\"".to_owned(), r#"{"name": "Ann", "tags": ["ü"]}"#.to_owned()]
    );

    // A file that lost a line, or was changed, is found.
    std::fs::write(repl.left("kv.jsonl"), lines.replace("plain words", "plain wordz")).unwrap();
    let said = repl.check("kv.manifest.jsonl", &[]).expect(1).out();
    assert!(said.contains("kv.jsonl: its SHA-256 is another"), "{said}");
}

#[test]
fn the_database_comes_out_in_parts_by_signed_urls_though_killed_and_a_spoiled_part_is_found() {
    let repl = Repl::new(&[]);
    let source = database("inside_source");
    sql(
        &source,
        "create schema app; create table app.big as select g as id, md5(g::text) || md5((g * 7)::text) as x from generate_series(1, 120000) g",
    );
    let path = format!("{}:{}", block(dump::find_pg_dump(13)).unwrap().folder().display(), std::env::var("PATH").unwrap());
    let environment = [("DATABASE_URL".to_owned(), url(&source)), ("PATH".to_owned(), path.clone())];
    repl.export(&["--what", "database", "--to", "s3://app-objects/dump", "--size", "1GiB"]);
    let urls = repl.wizard.path().join("inside/database.urls");
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&urls).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_to_string(&urls).unwrap().lines().count(), 18, "where they lead, 16 parts, the manifest");

    let send = ["database.sh", "--urls", "database.urls", "--part-mib", "1", "--yes"];
    repl.killed_after("bash", &send, &environment, "1 of 5 parts");
    assert!(!repl.left("database.manifest.jsonl").exists());
    let second = repl.run("bash", &send, &environment);
    holds(&second, "all 5 parts");
    let text = both(&second);
    assert!(text.contains("dump:   goes on with the one of") && !text.contains("1 of 5 parts"), "{text}");
    assert!(text.contains("--check database.manifest.jsonl --to s3://app-objects/dump/"), "{text}");
    assert!(!text.contains(&password(&source)), "the password is printed");
    let said = repl.check("database.manifest.jsonl", &["--to", "s3://app-objects/dump"]).expect(0).out();
    assert!(
        said.contains("5 of 5 expected") && said.contains("5 proved by digest") && said.contains("Next: cat database.dump.part-*"),
        "{said}"
    );

    // Another part in its place is found in S3; here, by the folder with what was downloaded.
    holds(
        &repl.app.node("touch_bucket.cjs", &["app-objects", "put", "dump/database.dump.part-0002", "1048576"], &repl.emulator.env()),
        "put",
    );
    let said = repl.check("database.manifest.jsonl", &["--to", "s3://app-objects/dump"]).expect(1).out();
    assert!(said.contains("database.dump.part-0002: its MD5 is another"), "{said}");

    let here = ["database.sh", "--part-mib", "1", "--yes", "--out", "here"];
    holds(&repl.run("bash", &here, &environment), "all 5 parts");
    let folder = repl.wizard.path().join("inside/here");
    let manifest = folder.join("database.manifest.jsonl");
    let check = || repl.wizard.run(&["app", "export", "--check", manifest.to_str().unwrap()]);
    check().expect(0);

    // It is restored with the command that the check names.
    let target = database("inside_target");
    let restore = "cat database.dump.part-* > database.dump && pg_restore --no-owner --no-acl --exit-on-error -d \"$TARGET\" database.dump";
    let mut shell = Command::new("bash");
    shell.args(["-c", restore]).current_dir(&folder);
    holds(&run(&mut shell, &[("TARGET".to_owned(), url(&target)), ("PATH".to_owned(), path)]), "");
    let sum = "select count(*), sum(hashtext(x)) from app.big";
    assert_eq!(rows(&target, sum), rows(&source, sum));

    let part = folder.join("database.dump.part-0003");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    let said = check().expect(1).out();
    assert!(
        said.contains("database.dump.part-0003: its SHA-256 is another") && said.contains("the parts together are not the dump"),
        "{said}"
    );
    std::fs::remove_file(&part).unwrap();
    assert!(check().expect(1).out().contains("database.dump.part-0003: missing"));
}

#[test]
fn a_password_of_any_characters_is_taken_and_never_printed() {
    let repl = Repl::new(&[]);
    let source = database("inside_odd");
    sql(&source, r"create role inside_odd login superuser password E'p:a\\s@s%w''ö +x'");
    let path = format!("{}:{}", block(dump::find_pg_dump(13)).unwrap().folder().display(), std::env::var("PATH").unwrap());
    repl.export(&["--what", "database"]);
    let dump = |password: &str| {
        let url = format!("postgresql://inside_odd:{password}@{}:{}/{}?sslmode=disable", source.host(), source.port(), source.database());
        let environment = [("LIVE_DATABASE_URL".to_owned(), url), ("PATH".to_owned(), path.clone())];
        repl.run("bash", &["database.sh", "--yes", "--url-env", "LIVE_DATABASE_URL"], &environment)
    };
    let wrong = dump("wrong%20one");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(both(&wrong).contains("password authentication failed") && !both(&wrong).contains("wrong one"), "{}", both(&wrong));
    let right = dump("p%3Aa%5Cs%40s%25w%27%C3%B6%20%2Bx");
    holds(&right, "all 1 parts");
    assert!(!both(&right).contains("s@s%w"), "{}", both(&right));
}

#[test]
fn the_scripts_are_clean_and_say_what_they_do() {
    let shellcheck = root().join("target/validators/bin/shellcheck");
    assert!(shellcheck.exists(), "shellcheck is not installed: run `make validators`");
    let output = Command::new(shellcheck).arg(root().join("assets/inside/database.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for (program, script) in [("bash", "database.sh"), ("node", "objects.mjs"), ("node", "kv.mjs")] {
        let mut command = Command::new(program);
        command.arg(root().join("assets/inside").join(script)).arg("--help");
        let help = run(&mut command, &[]);
        holds(&help, "usage:");
        assert!(String::from_utf8_lossy(&help.stdout).to_lowercase().contains("workflow") || script == "kv.mjs", "{script}");
    }
}

#[test]
fn a_dry_run_of_the_export_writes_nothing_and_bad_input_is_told() {
    let wizard = Wizard::empty();
    let said = wizard.run(&["app", "export", "--to", "s3://my-bucket/x", "--dry-run"]).expect(0).out();
    assert!(said.contains("would sign 19 URLs") && said.contains("would write"), "{said}");
    assert_eq!(std::fs::read_dir(wizard.path()).unwrap().count(), 0);
    for (arguments, code, says) in [
        (vec!["app", "export", "--to", "my-bucket", "--dry-run"], 2, "expected: s3://bucket"),
        (vec!["app", "export", "--size", "3 apples"], 2, "write it as 500MiB or 3GiB"),
        (vec!["app", "export", "--check", "none.jsonl"], 2, "cannot read none.jsonl"),
        (vec!["app", "export", "--check", "bad.jsonl"], 2, "bad.jsonl:1: this is no manifest"),
    ] {
        std::fs::write(wizard.path().join("bad.jsonl"), "{}\n").unwrap();
        let done = wizard.run(&arguments).expect(code);
        assert!(done.err().contains(says), "{}", done.err());
    }
}

/// What is done to one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// The line is cut in the middle of its bytes.
    Cut,
    /// Its bytes are taken, and nothing is ever answered.
    Silence,
    /// As S3 says it when the bytes are not those of the MD5.
    Refuse,
}

/// Takes uploads by signed URLs as S3 does, but for those that it is told otherwise of.
struct Uploads {
    url: String,
    does: Arc<Mutex<BTreeMap<String, Does>>>,
    /// What arrived, in its order, again and again.
    got: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
    /// What was begun.
    begun: Arc<Mutex<Vec<String>>>,
}

impl Uploads {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (does, got, begun) = (Arc::default(), Arc::default(), Arc::default());
        let uploads = Self { url, does, got, begun };
        let (does, got, begun) = (uploads.does.clone(), uploads.got.clone(), uploads.begun.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (does, got, begun) = (does.clone(), got.clone(), begun.clone());
                std::thread::spawn(move || Self::take(stream.unwrap(), &does, &got, &begun));
            }
        });
        uploads
    }

    fn take(mut stream: TcpStream, does: &Mutex<BTreeMap<String, Does>>, got: &Mutex<Vec<(String, Vec<u8>)>>, begun: &Mutex<Vec<String>>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let value = |name: &str| head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix(name).map(|v| v.trim().to_owned()));
        let name = head.split(' ').nth(1).unwrap().trim_start_matches('/').split('?').next().unwrap().to_owned();
        let length: usize = value("content-length:").unwrap().parse().unwrap();
        begun.lock().unwrap().push(name.clone());
        if value("expect:").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        }
        let does = does.lock().unwrap().get(&name).copied();
        let mut body = vec![0; if does == Some(Does::Cut) { length / 2 } else { length }];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let answer = match does {
            Some(Does::Cut) => return,
            Some(Does::Silence) => {
                std::thread::sleep(std::time::Duration::from_secs(600));
                return;
            }
            Some(Does::Refuse) => {
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 49\r\n\r\n<Error><Code>BadDigest</Code><Message/></Error>\r\n"
            }
            None => {
                got.lock().unwrap().push((name, body));
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            }
        };
        let _closed = stream.write_all(answer.as_bytes());
    }

    /// The file of URLs, as the wizard makes it.
    fn urls(&self, path: &std::path::Path, to: &str) {
        let names = migrate_wizard::app::inside::database_names(16 << 20, 1 << 20);
        let lines = names.iter().map(|name| format!("{name}\t{}/{name}?X-Amz-Signature={SECRET}\n", self.url));
        std::fs::write(path, format!("#to\t{to}\n") + &lines.collect::<String>()).unwrap();
    }

    fn names(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|(name, _)| name.replace("database.", "").replace("dump.part-000", "")).collect()
    }

    /// As it lies there in the end.
    fn download(&self, folder: &std::path::Path) {
        std::fs::create_dir_all(folder).unwrap();
        for (name, body) in self.got.lock().unwrap().iter() {
            std::fs::write(folder.join(name), body).unwrap();
        }
    }
}

/// The environment of a Shell whose database is this one.
fn shell_of(source: &migrate_wizard::postgres::Connector, name: &str) -> [(String, String); 2] {
    let path = format!("{}:{}", block(dump::find_pg_dump(13)).unwrap().folder().display(), std::env::var("PATH").unwrap());
    [(name.to_owned(), url(source)), ("PATH".to_owned(), path)]
}

fn filled(name: &str, rows: u32) -> migrate_wizard::postgres::Connector {
    let source = database(name);
    sql(&source, &format!("create table big as select g as id, md5(g::text) || md5((g * 7)::text) as x from generate_series(1, {rows}) g"));
    source
}

#[test]
fn a_part_that_is_cut_off_killed_or_refused_on_its_way_is_sent_again_and_no_other() {
    let repl = Repl::new(&[]);
    let environment = shell_of(&filled("inside_cut", 120_000), "DATABASE_URL");
    repl.export(&["--what", "database"]);
    let uploads = Uploads::new();
    uploads.urls(&repl.wizard.path().join("inside/database.urls"), "s3://app-objects/dump");
    let send = ["database.sh", "--urls", "database.urls", "--part-mib", "1"];
    let asked = repl.run("bash", &send, &environment);
    let text = both(&asked);
    assert!(asked.status.code() == Some(1) && text.contains("nobody is there to ask: say --yes"), "{text}");
    assert!(
        text.contains("reads:  database inside_cut")
            && text.contains("sends:  to the signed URLs of database.urls (s3://app-objects/dump)"),
        "{text}"
    );
    assert!(uploads.begun.lock().unwrap().is_empty() && !repl.left("database.dump").exists(), "it did something before it was told yes");

    let send = [&send[..], &["--yes"]].concat();
    let set = |at: u32, does: Does| {
        let name = format!("database.dump.part-{at:04}");
        *uploads.does.lock().unwrap() = BTreeMap::from([(name, does)]);
    };
    set(1, Does::Cut);
    let cut = repl.run("bash", &send, &environment);
    assert!(!cut.status.success() && both(&cut).contains("database.dump.part-0001 could not be sent\nRun it again"), "{}", both(&cut));
    assert_eq!(uploads.names(), ["0"]);

    set(2, Does::Silence);
    let mut running = repl.command("bash", &send, &environment);
    let mut running = running.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let part = "database.dump.part-0002".to_owned();
    while !uploads.begun.lock().unwrap().contains(&part) {
        assert!(running.try_wait().unwrap().is_none(), "it came to its end before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-KILL", "--", &format!("-{}", running.id())]).status().unwrap().success());
    running.wait().unwrap();
    assert_eq!(uploads.names(), ["0", "1"]);

    set(3, Does::Refuse);
    let refused = repl.run("bash", &send, &environment);
    assert!(
        !refused.status.success() && both(&refused).contains("database.dump.part-0003 was refused with 400 BadDigest"),
        "{}",
        both(&refused)
    );
    assert_eq!(uploads.names(), ["0", "1", "2"]);

    uploads.does.lock().unwrap().clear();
    let whole = repl.run("bash", &send, &environment);
    holds(&whole, "all 5 parts");
    assert!(both(&whole).contains("dump:   goes on with the one of"), "{}", both(&whole));
    assert_eq!(uploads.names(), ["0", "1", "2", "3", "4", "manifest.jsonl"], "nothing twice");
    let home = repl.wizard.path().join("home");
    uploads.download(&home);
    let check = || repl.wizard.run(&["app", "export", "--check", "home/database.manifest.jsonl"]);
    assert!(check().expect(0).out().contains("5 of 5 expected"));
    // again: it is all there
    holds(&repl.run("bash", &send, &environment), "all 5 parts");
    assert_eq!(uploads.names().len(), 7, "only the manifest is sent once more");
    // half of a part, as a download leaves it
    let part = home.join("database.dump.part-0004");
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    let said = check().expect(1).out();
    assert!(
        said.contains(" bytes, expected ")
            && said.contains("the manifest is of the run of 20")
            && said.contains("sent to s3://app-objects/dump"),
        "{said}"
    );
}

#[test]
fn what_was_sent_elsewhere_or_of_another_database_is_not_taken_for_sent() {
    let repl = Repl::new(&[]);
    let (small, large) = (filled("inside_small", 20_000), filled("inside_large", 60_000));
    let environment = [shell_of(&large, "DATABASE_URL"), shell_of(&small, "LIVE_DATABASE_URL")].concat();
    repl.export(&["--what", "database"]);
    let (first, second) = (Uploads::new(), Uploads::new());
    let urls = repl.wizard.path().join("inside/database.urls");
    first.urls(&urls, "s3://one/dump");
    let send = ["database.sh", "--urls", "database.urls", "--part-mib", "1", "--yes"];
    holds(&repl.run("bash", &send, &environment), "all 3 parts");
    // the same dump goes to another place as a whole
    second.urls(&urls, "s3://two/dump");
    let said = both(&repl.run("bash", &send, &environment));
    assert!(said.contains("goes on with the one of") && said.contains("all 3 parts"), "{said}");
    assert_eq!(second.names(), first.names());
    // another database is another dump, and never the one that lies there
    let live = [&send[..], &["--url-env", "LIVE_DATABASE_URL"]].concat();
    let said = both(&repl.run("bash", &live, &environment));
    assert!(said.contains("reads:  database inside_small") && said.contains("(the one that is there is of another database)"), "{said}");
    assert!(said.contains("all 1 parts"), "{said}");
    // at home: the older run's pieces lie beside the newer one's
    let home = repl.wizard.path().join("home");
    second.download(&home);
    let check = |manifest: &str| repl.wizard.run(&["app", "export", "--check", manifest]);
    let said = check("home/database.manifest.jsonl").expect(1).out();
    for part in ["0001", "0002"] {
        assert!(said.contains(&format!("database.dump.part-{part}: a piece of another run: delete it")), "{said}");
        std::fs::remove_file(home.join(format!("database.dump.part-{part}"))).unwrap();
    }
    assert!(check("home/database.manifest.jsonl").expect(0).out().contains("1 of 1 expected"));
    // and the older run's manifest is not that of these pieces
    first.download(&repl.wizard.path().join("old"));
    std::fs::copy(repl.wizard.path().join("old/database.manifest.jsonl"), home.join("old.manifest.jsonl")).unwrap();
    let said = check("home/old.manifest.jsonl").expect(1).out();
    assert!(
        said.contains("sent to s3://one/dump") && said.contains("database.dump.part-0000: ") && said.contains("part-0001: missing"),
        "{said}"
    );
    // pieces in a folder: a newer dump leaves none of an older one
    let here = ["database.sh", "--part-mib", "1", "--yes", "--out", "here"];
    holds(&repl.run("bash", &here, &environment), "all 3 parts");
    holds(&repl.run("bash", &[&here[..], &["--url-env", "LIVE_DATABASE_URL"]].concat(), &environment), "all 1 parts");
    let folder = repl.wizard.path().join("inside/here");
    assert!(!folder.join("database.dump.part-0001").exists());
    check(folder.join("database.manifest.jsonl").to_str().unwrap()).expect(0);
}

#[test]
fn the_key_value_store_is_asked_about_first() {
    let repl = Repl::new(&[]);
    repl.export(&["--what", "kv"]);
    let asked = repl.run("node", &["kv.mjs", "--to", "s3://app-objects/kv"], &[]);
    let text = both(&asked);
    assert!(asked.status.code() == Some(1) && text.contains("nobody is there to ask"), "{text}");
    assert!(
        text.contains("reads:  66 keys of the key-value store at 127.0.0.1") && text.contains("sends:  to s3://app-objects/kv"),
        "{text}"
    );
    assert!(!repl.left("kv.jsonl").exists());
}

#[test]
fn only_what_the_app_uses_is_exported_unless_more_is_asked_for() {
    let app = |name: &str| {
        let wizard = Wizard::empty();
        assert!(
            Command::new("cp").arg("-R").arg(root().join("tests/apps").join(name).join(".")).arg(wizard.path()).status().unwrap().success()
        );
        wizard
    };
    let scripts = |wizard: &Wizard| {
        let folder = wizard.path().join(".migrate-wizard/inside");
        ["database.sh", "objects.mjs", "kv.mjs"].into_iter().filter(|name| folder.join(name).exists()).collect::<Vec<_>>()
    };
    for (name, written, left) in [
        (
            "rest-express",
            &["database.sh", "objects.mjs"][..],
            &["left out: kv, since the app is not seen to use the key-value store (--what kv or --all writes it)"][..],
        ),
        ("classic-kv", &["kv.mjs"], &["left out: database, since the app is not seen to use PostgreSQL", "left out: objects, since"]),
        ("fastapi", &["database.sh", "objects.mjs"], &["left out: kv"]),
    ] {
        let wizard = app(name);
        let said = wizard.run(&["app", "export"]).expect(0).out();
        assert_eq!(scripts(&wizard), written, "{name}: {said}");
        assert!(left.iter().all(|line| said.contains(line)), "{said}");
        assert!(wizard.path().join(".migrate-wizard/inside/README.md").exists());
    }
    let wizard = app("classic-kv");
    let said = wizard.run(&["app", "export", "--all"]).expect(0).out();
    assert!(scripts(&wizard).len() == 3 && !said.contains("left out"), "{said}");
    let named = app("classic-kv");
    named.run(&["app", "export", "--what", "database", "--what", "database"]).expect(0);
    assert_eq!(scripts(&named), ["database.sh"]);
    let told: serde_json::Value = serde_json::from_str(&app("classic-kv").run(&["app", "export", "--json"]).expect(0).out()).unwrap();
    assert_eq!(told["left_out"], serde_json::json!(["database", "objects"]));
    let nothing = Wizard::empty();
    std::fs::write(nothing.path().join("index.html"), "<p>hello</p>").unwrap();
    nothing.run(&["app", "export"]).expect(2).says("nothing was found that is reached only inside Replit").says("--all writes all three");
    nothing.run(&["app", "export", "--all", "--what", "kv"]).expect(2);
}
