//! A Postgres server for the test binary, started once; each test takes databases of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use migrate_wizard::postgres::local::{LocalServer, Options};
use migrate_wizard::postgres::{Access, Connector};

/// A runtime for tests that call the library.
pub fn block<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

/// The server: in a folder named for this process, so that a killed test run cannot be confused with it. It is stopped by a
/// watcher that waits for this process to end, however it ends.
fn server() -> &'static Connector {
    static SERVER: OnceLock<Connector> = OnceLock::new();
    SERVER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("migrate-wizard-test-{}", std::process::id()));
        let server = block(LocalServer::start(&folder, &Options { database: "postgres".into(), ..Options::default() })).unwrap();
        let watcher = format!(
            "while kill -0 {} 2>/dev/null; do sleep 0.2; done; kill -INT {}; while kill -0 {} 2>/dev/null; do sleep 0.1; done; rm -rf '{}'",
            std::process::id(),
            server.pid(),
            server.pid(),
            folder.display()
        );
        std::process::Command::new("setsid")
            .args(["sh", "-c", &watcher])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        server.connector()
    })
}

/// A new empty database.
pub fn database(name: &str) -> Connector {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    sql(server(), &format!("create database {name} template template0 encoding 'UTF8'"));
    server().with_database(&name)
}

/// A new database filled with the sample at a scale (1: 3,757 rows, 100: 365,107 rows).
pub fn sample(scale: u32) -> Connector {
    let connector = database("sample");
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/seed.sql")).unwrap();
    let body: String = text.lines().filter(|l| !l.starts_with('\\')).collect::<Vec<_>>().join("\n").replace(":scale", &scale.to_string());
    sql(&connector, &body);
    connector
}

/// Runs statements.
pub fn sql(connector: &Connector, text: &str) {
    block(async { connector.connect(Access::ReadWrite).await.unwrap().batch(text).await.unwrap() });
}

/// The first column of the first row, as text.
pub fn value(connector: &Connector, text: &str) -> String {
    block(async {
        let rows = connector.connect(Access::ReadWrite).await.unwrap().text(text).await.unwrap();
        rows.first().and_then(|r| r.first()).cloned().flatten().unwrap_or_default()
    })
}
