//! The sample's image without an engine: its Dockerfile's own lines install, build and start it, with a real Postgres behind.
//! `carry_out.rs` says what that leaves unproved.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use migrate_wizard::app::{self, Choices, context, env, files};
use migrate_wizard::progress::Reporter;
use serde_json::Value;

use super::super::support::postgres;
use super::super::support::wizard::Wizard;
use super::apps::{put, read};
use super::carry_out::{Stage, carry_out};

/// A server that goes with the test, and what it said.
struct Running {
    child: Child,
    log: std::sync::mpsc::Receiver<String>,
}

impl Running {
    fn log(&self) -> String {
        self.log.try_iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Status, kind and body; `None` while nobody answers.
fn get(port: u16, path: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let kind = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-type: ").map(str::to_owned)).unwrap_or_default();
    Some((status, kind, body.to_owned()))
}

fn until<T>(what: &str, running: &Running, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {seconds} s\n{}", running.log());
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The health route that the wizard generates, mounted as its own head says.
fn mount_health(wizard: &Wizard) {
    let scan = app::scan(wizard.path(), &Reporter::silent()).unwrap();
    if scan.services[0].health.is_some() {
        return;
    }
    let generated = files::generate(&scan, &Choices::from_scan(&scan)).unwrap();
    let health = generated.iter().find(|f| f.path == "server/health.ts").unwrap();
    put(wizard, &health.path, &health.contents);
    let routes = read(wizard, "server/routes.ts");
    let mounted = routes.replacen(
        "  await setupAuth(app);\n",
        "  app.get(\"/api/health\", async (_req, res) => {\n    const answer = await health({ database: () => pool.query(\"select 1\") });\n    res.status(answer.status).json(answer.body);\n  });\n  await setupAuth(app);\n",
        1,
    );
    assert_ne!(mounted, routes);
    put(wizard, "server/routes.ts", &format!("import {{ pool }} from \"./db\";\nimport {{ health }} from \"./health\";\n{mounted}"));
}

fn start(image: &Stage, port: u16, url: &str, scan: &app::Scan) -> Running {
    let mut command = image.program(&image.command);
    let plan = env::plan(scan, &Choices::from_scan(scan)).unwrap();
    // what docker-compose.yml gives, with this machine's database and port
    for (name, value) in &plan.local {
        let value = value.split_once(":-").map_or(value.as_str(), |(_, usual)| usual.trim_end_matches('}'));
        command.env(name, value);
    }
    command.env("PORT", port.to_string()).env("DATABASE_URL", url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (tell, log) = std::sync::mpsc::channel();
    let streams: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    for stream in streams {
        let tell = tell.clone();
        std::thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).all(|line| tell.send(line).is_ok()));
    }
    Running { child, log }
}

#[test]
fn the_image_of_the_sample_is_carried_out_and_answers_with_and_without_its_database() {
    let wizard = Wizard::sample();
    mount_health(&wizard);
    wizard.run(&["app", "container"]).expect(0);
    let scan = app::scan(wizard.path(), &Reporter::silent()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    // what an engine is given: the folder without what .dockerignore leaves out
    let context = scratch.path().join("context");
    context::gather(wizard.path()).unwrap().copy(&context).unwrap();
    assert!(!context.join(".replit").exists() && context.join("package-lock.json").is_file());
    let image = carry_out(&read(&wizard, "Dockerfile"), &context, scratch.path());

    assert_eq!(image.base, "node:20-bookworm-slim");
    assert_eq!(image.user, "1000", "the user node of the base image");
    assert_eq!(image.command, ["node", "./dist/index.cjs"]);
    assert_eq!((image.env["NODE_ENV"].as_str(), image.env["PORT"].as_str()), ("production", "3000"));
    let app_folder = image.root.join("app");
    assert!(app_folder.join("dist/index.cjs").is_file() && app_folder.join("dist/public/index.html").is_file());
    assert!(app_folder.join("node_modules/stripe-replit-sync").is_dir(), "the bundle leaves it outside");
    assert!(!app_folder.join("node_modules/vite").exists(), "development packages are gone");
    assert_eq!(scan.migrations.as_ref().map(|found| found.command.as_str()), Some("npx drizzle-kit migrate"));
    assert!(app_folder.join("node_modules/drizzle-kit").is_dir(), "but for the one that the migrations need");

    let database = postgres::sample(1);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // node-postgres takes some of the modes of libpq for another
    let url = database.secret_url().split('?').next().unwrap().to_owned();
    let running = start(&image, port, &url, &scan);
    let health = scan.services[0].health.clone().unwrap();
    let (status, kind, body) = until("the app answers", &running, 90, || get(port, &health));
    let told: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
    assert_eq!((status, &told["status"]), (200, &"ok".into()), "{body}\n{}", running.log());
    assert!(kind.starts_with("application/json") && body.contains("\"database\":true"), "{kind} {body}");
    let (status, kind, page) = get(port, "/").unwrap();
    assert!(status == 200 && kind.starts_with("text/html") && page.contains("<div id=\"root\">"), "{status} {kind}");
    let (status, kind, _) = get(port, "/api/departments").unwrap();
    assert!(status == 200 && kind.starts_with("application/json"), "{status} {kind}: the app reads its tables");
    assert!(probe(&image, port), "the image's own health check");

    // gone while nobody is connected: a driver that loses an idle connection may end the process
    let admin = database.with_database("postgres");
    let open = format!("select count(*) from pg_stat_activity where datname = '{}'", database.database());
    until("connections are given back", &running, 90, || (postgres::value(&admin, &open) == "0").then_some(()));
    postgres::sql(&admin, &format!("drop database {}", database.database()));
    let (status, kind, body) = get(port, &health).unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &told["status"]), (503, &"degraded".into()), "{body}");
    assert!(kind.starts_with("application/json") && body.contains("\"database\":false"), "{kind} {body}");
    assert!(!probe(&image, port), "the image's own health check");
    let (status, _, _) = get(port, "/").unwrap();
    assert_eq!(status, 200, "the pages are still served");
}

/// The image's own `HEALTHCHECK`, on the port that it was started with.
fn probe(image: &Stage, port: u16) -> bool {
    image.program(&image.health).env("PORT", port.to_string()).status().unwrap().success()
}

#[test]
fn a_step_that_fails_is_no_proof() {
    let scratch = tempfile::tempdir().unwrap();
    let failed = std::panic::catch_unwind(|| carry_out("FROM x\nWORKDIR /app\nRUN exit 3\n", Path::new("/nonexistent"), scratch.path()));
    assert!(failed.is_err());
    let done = carry_out(
        "FROM x AS a\nWORKDIR /app\nENV NAME=there\nRUN printf '%s' \"$NAME\" \\\n > out\nFROM x\nWORKDIR /app\nCOPY --from=a /app /app\n",
        scratch.path(),
        scratch.path(),
    );
    assert_eq!(std::fs::read_to_string(done.root.join("app/out")).unwrap(), "there");
}
