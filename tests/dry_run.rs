//! The dry run touches nothing: not the app, not AWS, not a database; and it says every change that it would make.
//! What reached a server is read from the wire, by taps in front of real servers; each tap is shown to notice a write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use clap::Parser;
use migrate_wizard::cli::Cli;
use migrate_wizard::cloud::{self, Aws, Secret, secrets};
use migrate_wizard::effects::{self, Setup, World};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::local::{self, LocalServer};
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::progress::Reporter;
use migrate_wizard::wizard::effect::{Context, Outputs};
use migrate_wizard::wizard::journal::{Entry, FORMAT, Record};
use migrate_wizard::wizard::state::State;
use migrate_wizard::wizard::view::Mode;
use regex::Regex;
use serde_json::Value;

use crate::support::emulator::Emulator;
use crate::support::postgres::{block, fill, sql, value};
use crate::support::wizard::{Done, Wizard};

// --- what a folder holds ----------------------------------------------------------------------------------------------------------

/// Every file below a folder but the wizard's own, with its kind, mode, size, time and content.
fn tree(dir: &Path) -> BTreeMap<PathBuf, String> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| *p != dir.join(".migrate-wizard")) {
            let meta = std::fs::symlink_metadata(&entry).unwrap();
            let content = if meta.is_file() { format!("{:?}", std::fs::read(&entry).unwrap()) } else { String::new() };
            found.insert(
                entry.strip_prefix(dir).unwrap().to_owned(),
                format!("{:o} {} {}.{} {content}", meta.mode(), meta.ino(), meta.mtime(), meta.mtime_nsec()),
            );
            if meta.is_dir() {
                open.push(entry);
            }
        }
    }
    found
}

#[test]
fn the_tree_notices_every_kind_of_change() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    std::fs::write(dir.path().join("src/a.ts"), "one").unwrap();
    let before = tree(dir.path());
    assert_eq!(before.len(), 2);
    std::fs::create_dir(dir.path().join(".migrate-wizard")).unwrap();
    std::fs::write(dir.path().join(".migrate-wizard/journal"), "its own").unwrap();
    assert_eq!(tree(dir.path()), before);
    std::fs::write(dir.path().join("src/a.ts"), "two").unwrap();
    assert_ne!(tree(dir.path()), before);
}

// --- with nothing at hand ---------------------------------------------------------------------------------------------------------

/// Where the machine lets us: in a network namespace of its own with no way out, not even to itself.
fn without_network(command: &Command) -> Command {
    let prefix: &[&str] = [&["unshare", "-n"][..], &["unshare", "-rn"], &["env"]]
        .into_iter()
        .find(|p| Command::new(p[0]).args(&p[1..]).arg("true").output().is_ok_and(|o| o.status.success()))
        .unwrap();
    let mut wrapped = Command::new(prefix[0]);
    wrapped.args(&prefix[1..]).arg(command.get_program()).args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// Log lines of a run with `--json`: step and line.
fn log(done: &Done) -> Vec<(String, String)> {
    let events = done.out().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let text = |e: &Value, key: &str| e[key].as_str().unwrap_or_default().to_owned();
    events.iter().filter(|e| e["event"] == "log").map(|e| (text(e, "step"), text(e, "line"))).collect()
}

/// Steps of a journal that would write.
fn writing(journal: &[Value]) -> Vec<String> {
    journal
        .iter()
        .map(|e| &e["what"])
        .filter(|e| e["entry"] == "started" && e["writes"] == true)
        .map(|e| e["step"].as_str().unwrap().to_owned())
        .collect()
}

/// Rehearses a profile with no credential, no database and no network; gives the steps that would write, in order.
fn rehearse(profile: &str) -> Vec<String> {
    // given the app, a home and a folder for temporary files, all watched
    let home = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let wizard = Wizard::sample().env("HOME", home.path().to_str().unwrap()).env("TMPDIR", temporary.path().to_str().unwrap());
    let before = tree(wizard.path());
    let offline = |args: &[&str]| Done(without_network(&wizard.command(args)).output().unwrap());
    offline(&["plan", "--profile", profile]).expect(0);
    assert!(!wizard.path().join(".migrate-wizard").exists(), "a plan leaves nothing behind");
    // and a dry run that was killed once it had read the app, so that the plan from there knows what it knows
    let mut cut = without_network(&wizard.command(&["--dry-run", "--json", "--profile", profile])).stdout(Stdio::null()).spawn().unwrap();
    let answered = |run: std::fs::DirEntry| {
        std::fs::read_to_string(run.path().join("journal.jsonl")).is_ok_and(|text| text.contains("\"entry\":\"answered\""))
    };
    let has_answered = || std::fs::read_dir(wizard.path().join(".migrate-wizard")).into_iter().flatten().flatten().any(answered);
    while !has_answered() {
        assert!(cut.try_wait().unwrap().is_none(), "{profile}: the dry run ended before it had read the app");
        std::thread::sleep(Duration::from_millis(5));
    }
    cut.kill().unwrap();
    cut.wait().unwrap();
    let plan = offline(&["plan", "--dry-run", "--json", "--profile", profile]).expect(0);
    // when it goes on to its end
    let done = offline(&["--dry-run", "--json", "--profile", profile]).expect(0);
    // then nothing outside its own folder has changed
    assert_eq!(tree(wizard.path()), before, "{profile}");
    assert_eq!((tree(home.path()).len(), tree(temporary.path()).len()), (0, 0), "{profile}");
    // and its log names each change of the plan, with the command that would do the same
    let told: BTreeMap<String, String> =
        log(&done).into_iter().filter_map(|(step, line)| Some((step, line.strip_prefix("dry run: ")?.to_owned()))).collect();
    let plan: Vec<Value> = serde_json::from_str(&plan.out()).unwrap();
    let changes: Vec<(&str, String)> = plan
        .iter()
        .filter(|c| c["writes"] == true)
        .map(|c| (c["step"].as_str().unwrap(), format!("{} — {}", c["describe"].as_str().unwrap(), c["command"].as_str().unwrap())))
        .collect();
    for (step, change) in &changes {
        let line = told.get(*step).unwrap_or_else(|| panic!("{profile}: nothing is told of {step}, of {:?}", told.keys()));
        assert_eq!(line, change, "{profile}: {step}");
        assert!(change.split(" — ").last().unwrap().len() > 5, "{step} has no command: {change}");
    }
    // and whatever it started as a change was told as one
    let journal = wizard.journal();
    let steps = writing(&journal);
    for step in &steps {
        assert!(told.contains_key(step), "{profile}: {step} was not told");
    }
    // and nothing that writes counts as done for real; the app was read for real
    let done: Vec<(&str, bool)> = journal
        .iter()
        .map(|entry| &entry["what"])
        .filter(|what| what["entry"] == "done")
        .map(|what| (what["step"].as_str().unwrap(), what["simulated"] == true))
        .collect();
    assert!(done.iter().all(|(step, simulated)| *simulated || !steps.iter().any(|writes| writes == step)), "{done:?}");
    assert!(done.contains(&("scan", false)), "{done:?}");
    assert_eq!(journal.last().unwrap()["what"]["entry"], "finished");
    steps
}

const AFTER_THE_STACKS: [&str; 4] = ["schema_before", "rows", "schema_after", "sequences"];
const AT_THE_DOOR: [&str; 3] = ["door_looks", "door_open", "door_back"];

fn expect(profile: &str, provision: &[&str], application: &[&str], cutover: &[&str]) {
    let wanted: Vec<&str> = [provision, application, &AFTER_THE_STACKS, cutover, &AT_THE_DOOR].concat();
    assert_eq!(rehearse(profile), wanted, "{profile}");
}

#[test]
fn grievance_portal_is_rehearsed_with_nothing_at_hand() {
    expect(
        "grievance-portal",
        &[
            "network",
            "data_dsql",
            "edge",
            "identity",
            "cluster",
            "repository[app]",
            "session_secret",
            "stripe_secret",
            "app_secrets",
            "observability",
            "backup",
        ],
        &["service[app]", "github_connection", "pipeline[app]"],
        &["users", "freeze", "final_rows", "schema_finish", "final_sequences", "way_back", "door_closed", "start[app]", "autoscaling[app]"],
    );
}

#[test]
fn dougust_is_rehearsed_with_nothing_at_hand() {
    expect(
        "dougust",
        &[
            "network",
            "data_rds",
            "edge",
            "cluster",
            "repository[app]",
            "database_url",
            "session_secret",
            "stripe_secret",
            "app_secrets",
            "master_rotation",
            "observability",
            "backup",
            "export",
            "source_url",
            "worker_repository",
            "worker_image",
            "worker_stack",
        ],
        &["image[app]", "service[app]", "pipeline_github"],
        &[
            "snapshot",
            "freeze",
            "final_rows",
            "schema_finish",
            "app_role",
            "final_sequences",
            "way_back",
            "door_closed",
            "start[app]",
            "autoscaling[app]",
        ],
    );
}

#[test]
fn alva_is_rehearsed_with_nothing_at_hand() {
    expect(
        "alva",
        &[
            "network",
            "data_rds",
            "cache_stack",
            "edge",
            "cluster",
            "repository[web]",
            "repository[api]",
            "repository[auth]",
            "repository[admin]",
            "database_url",
            "session_secret",
            "stripe_secret",
            "openai_secret",
            "app_secrets",
            "master_rotation",
            "observability",
            "backup",
            "source_url",
            "worker_repository",
            "worker_image",
            "worker_stack",
        ],
        &[
            "image[web]",
            "image[api]",
            "image[auth]",
            "image[admin]",
            "service[web]",
            "service[api]",
            "service[auth]",
            "service[admin]",
            "pipeline_github",
        ],
        &[
            "snapshot",
            "freeze",
            "final_rows",
            "schema_finish",
            "app_role",
            "final_sequences",
            "way_back",
            "door_closed",
            "start[web]",
            "start[api]",
            "start[auth]",
            "start[admin]",
            "autoscaling[web]",
            "autoscaling[api]",
            "autoscaling[auth]",
            "autoscaling[admin]",
        ],
    );
}

#[test]
fn shadowtwin_is_rehearsed_with_nothing_at_hand() {
    expect(
        "shadowtwin",
        &[
            "network",
            "data_rds",
            "cache_stack",
            "storage_stack",
            "edge",
            "distribution",
            "cluster",
            "repository[app]",
            "database_url",
            "session_secret",
            "stripe_secret",
            "openai_secret",
            "app_secrets",
            "master_rotation",
            "observability",
            "backup",
            "source_url",
            "worker_repository",
            "worker_image",
            "worker_stack",
        ],
        &["image[app]", "service[app]", "pipeline_github"],
        &[
            "snapshot",
            "freeze",
            "final_rows",
            "schema_finish",
            "app_role",
            "final_sequences",
            "way_back",
            "door_closed",
            "start[app]",
            "autoscaling[app]",
        ],
    );
}

#[test]
fn shadowtwin_on_ec2_is_rehearsed_with_nothing_at_hand() {
    expect(
        "shadowtwin-ec2",
        &[
            "network",
            "data_rds",
            "cache_stack",
            "storage_stack",
            "bundle_bucket",
            "edge",
            "distribution",
            "database_url",
            "session_secret",
            "stripe_secret",
            "openai_secret",
            "app_secrets",
            "master_rotation",
            "observability",
            "backup",
            "source_url",
            "worker_repository",
            "worker_image",
            "worker_stack",
        ],
        &[],
        &["snapshot", "freeze", "final_rows", "schema_finish", "app_role", "final_sequences", "way_back", "door_closed", "machine[app]"],
    );
}

#[test]
fn a_person_reads_every_change_in_line_mode() {
    let wizard = Wizard::sample();
    let done = wizard.run(&["--dry-run", "--yes", "--profile", "shadowtwin-ec2", "--dir", "."]).expect(0);
    let text = done.out().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "dry run: deploy the stack shadowtwin-production-network (network layer) — aws cloudformation deploy --stack-name shadowtwin-production-network",
        "dry run: keep the secret shadowtwin-production/session",
        "dry run: freeze the source database",
        "dry run: deploy the stack shadowtwin-production-app (ec2 layer)",
        "is finished: nothing was touched. Next: migrate-wizard plan, then migrate-wizard",
    ] {
        assert!(text.contains(words), "expected {words:?} in:\n{}", done.out());
    }
}

// --- taps -------------------------------------------------------------------------------------------------------------------------

/// A port that passes everything on to another and keeps what clients sent.
struct Tap {
    at: SocketAddr,
    heard: Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>,
}

impl Tap {
    /// Listens until the test program ends.
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>> = Arc::default();
        let connections = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::new(Mutex::new(Vec::new()));
                connections.lock().unwrap().push(Arc::clone(&kept));
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(client, server, Some(&kept)));
                std::thread::spawn(move || pass(back_from, back_to, None));
            }
        });
        Self { at, heard }
    }

    fn connections(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().iter().map(|kept| kept.lock().unwrap().clone()).collect()
    }

    fn bytes(&self) -> usize {
        self.connections().iter().map(Vec::len).sum()
    }

    /// Requests to AWS, as `service Operation` or `service METHOD path`.
    fn requests(&self) -> Vec<String> {
        self.connections().iter().flat_map(|bytes| http_requests(bytes)).collect()
    }

    /// SQL that clients of Postgres sent, one statement each.
    fn statements(&self) -> Vec<String> {
        self.connections().iter().flat_map(|bytes| sql_statements(bytes)).collect()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, keep: Option<&Mutex<Vec<u8>>>) {
    let mut piece = [0; 16 * 1024];
    while let Ok(n) = from.read(&mut piece) {
        if n == 0 {
            break;
        }
        if let Some(keep) = keep {
            keep.lock().unwrap().extend_from_slice(&piece[..n]);
        }
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Write);
}

fn http_requests(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let header = |name: &str| {
            head.lines()
                .skip(1)
                .find_map(|l| l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()))
        };
        let length: usize = header("content-length").map_or(0, |n| n.parse().unwrap());
        let body = String::from_utf8_lossy(&bytes[end + 4..(end + 4 + length).min(bytes.len())]).into_owned();
        let scope = header("authorization").unwrap_or_default();
        let service = scope.split('/').nth(3).unwrap_or("unsigned").to_owned();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
        let target = header("x-amz-target").and_then(|t| t.rsplit('.').next().map(str::to_owned));
        let line: Vec<&str> = head.lines().next().unwrap().split(' ').collect();
        found.push(format!("{service} {}", action.or(target).unwrap_or_else(|| format!("{} {}", line[0], line[1]))));
        bytes = bytes.get(end + 4 + length..).unwrap_or_default();
    }
    found
}

/// PostgreSQL manual, "Message Formats": a start-up packet without a tag, then tagged messages; `Q` and `P` carry SQL.
fn sql_statements(mut bytes: &[u8]) -> Vec<String> {
    let number = |b: &[u8]| b.get(..4).map(|n| u32::from_be_bytes(n.try_into().unwrap()));
    let mut found = Vec::new();
    while let (Some(length), Some(code)) = (number(bytes), bytes.get(4..).and_then(number)) {
        bytes = bytes.get(length as usize..).unwrap_or_default();
        if code == 196_608 {
            break;
        }
    }
    while let Some(length) = bytes.get(1..).and_then(number) {
        let end = (1 + length as usize).min(bytes.len());
        let body = String::from_utf8_lossy(&bytes[5..end]).into_owned();
        let text = match bytes[0] {
            b'Q' => body.split('\0').next(),
            b'P' => body.split('\0').nth(1),
            _ => None,
        };
        found.extend(text.map(plain).iter().flat_map(|t| t.split(';')).map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()));
        bytes = &bytes[end..];
    }
    found
}

/// In one line, without comments, in lower case.
fn plain(sql: &str) -> String {
    let words = sql.lines().map(|l| l.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Statements that are not known to leave everything as it is.
fn writes(statements: &[String]) -> Vec<&String> {
    const READS: [&str; 10] =
        ["select ", "show ", "set ", "begin", "start transaction", "commit", "rollback", "with ", "prepare dump", "execute dump"];
    const WORDS: [&str; 10] = ["insert", "update", "delete", "truncate", "create", "alter", "drop", "nextval", "setval", "into"];
    let reads = |s: &str| {
        READS.iter().any(|r| s.starts_with(r))
            || s.starts_with("copy ") && s.contains(" to stdout")
            || s.starts_with("lock table ") && s.ends_with(" in access share mode")
    };
    let word = |w: &str| WORDS.contains(&w);
    statements
        .iter()
        .filter(|s| !reads(s) || s.split(|c: char| !c.is_alphanumeric() && c != '_').any(word) || s.contains("read write"))
        .collect()
}

// --- with everything at hand ------------------------------------------------------------------------------------------------------

/// A server of the test's own that gives out a transaction id for nothing but a write.
struct Source {
    server: Option<LocalServer>,
    folder: PathBuf,
}

impl Source {
    fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder =
            std::env::temp_dir().join(format!("migrate-wizard-dry-run-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let options = local::Options { database: "shop".into(), ..local::Options::default() };
        let server = block(LocalServer::start(&folder, &options)).unwrap();
        let own = Self { server: Some(server), folder };
        for setting in ["alter system set autovacuum = off", "select pg_reload_conf()"] {
            value(&own.connector(), setting);
        }
        own
    }

    fn connector(&self) -> Connector {
        self.server.as_ref().unwrap().connector()
    }

    /// The same database through a tap.
    fn through(&self, tap: &Tap) -> String {
        let own = self.connector();
        own.secret_url().replace(&format!(":{}/", own.port()), &format!(":{}/", tap.at.port()))
    }

    /// The next transaction id: it moves with the first write of any transaction on the whole server, and with nothing else.
    fn next_transaction(&self) -> String {
        value(&self.connector(), "select pg_snapshot_xmax(pg_current_snapshot())::text")
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.server = None;
        let _left = block(local::destroy(&self.folder));
    }
}

fn keys() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("sandbox", "sandbox", None, None, "test"))
}

fn options(access: cloud::Access, port: u16) -> cloud::Options {
    cloud::Options {
        region: Some("us-east-1".into()),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        keys: Some(keys()),
        ..cloud::Options::new(access)
    }
}

/// A session with an endpoint on this machine.
async fn aws(access: cloud::Access, port: u16) -> Aws {
    Aws::connect(options(access, port)).await.unwrap()
}

#[test]
fn with_credentials_and_a_source_everything_is_read_and_nothing_is_written() {
    // given an endpoint in which one of the secrets is there already, and a source with rows, both tapped
    let emulator = Emulator::start(&[]);
    block(async {
        let session = aws(cloud::Access::ReadWrite, emulator.port).await;
        secrets::ensure(&session, "dougust-production/session", &Secret::new("kept".to_owned()), "session", &BTreeMap::new(), "t")
            .await
            .unwrap();
    });
    let cloud = Tap::before(emulator.port);
    let source = Source::start();
    fill(&source.connector(), 1);
    let database = Tap::before(source.connector().port());
    let before = source.next_transaction();
    let wizard = Wizard::sample()
        .envs(emulator.env())
        .env("AWS_ENDPOINT_URL", &format!("http://{}", cloud.at))
        .env("SOURCE_DATABASE_URL", &source.through(&database));
    // when
    let done = wizard.run(&["--dry-run", "--json", "--profile", "dougust", "--set", "github_repository=acme/shop"]).expect(0);
    // then AWS was asked, and only asked
    let requests: BTreeSet<String> = cloud.requests().into_iter().collect();
    assert_eq!(requests.iter().map(String::as_str).collect::<Vec<_>>(), READS_OF_AWS);
    // and so was the source, which gave out no transaction id
    let statements = database.statements();
    for read in ["show server_version_num", "from pg_class", "from \"public\".\"grievances\""] {
        assert!(statements.iter().any(|s| s.contains(read)), "{read} is not in {statements:#?}");
    }
    assert_eq!(writes(&statements), Vec::<&String>::new());
    assert_eq!(source.next_transaction(), before);
    // and what was found is told: the account, the size, what is there already
    let log = log(&done);
    let told = |step: &str, words: &str| {
        assert!(log.iter().any(|(s, line)| s == step && line.contains(words)), "{step}: {words:?} is not in {log:#?}")
    };
    told("source", "20 tables of 3 schemas, about 3,7");
    told("aws", "ok      sts:GetCallerIdentity");
    told("session_secret", "it is there already");
    assert!(wizard.journal().iter().any(|e| e["what"]["entry"] == "done" && e["what"]["outputs"]["aws_account"] == "123456789012"));
    // and the taps would have noticed a write
    block(async {
        let session = aws(cloud::Access::ReadWrite, cloud.at.port()).await;
        secrets::ensure(&session, "another", &Secret::new("x".to_owned()), "x", &BTreeMap::new(), "t").await.unwrap();
    });
    assert!(cloud.requests().iter().any(|r| r == "secretsmanager CreateSecret"));
    sql(&Connector::from_url(&source.through(&database)).unwrap(), "create table noticed (id int)");
    assert_eq!(writes(&database.statements()), ["create table noticed (id int)"]);
    assert_ne!(source.next_transaction(), before);
}

/// What a dry run asks of AWS, all of it.
const READS_OF_AWS: &[&str] = &[
    "cloudformation DescribeStacks",
    "cloudformation ListStacks",
    "ecr DescribeRepositories",
    "ecs DescribeClusters",
    "ecs DescribeServices",
    "ecs ListClusters",
    "elasticloadbalancing DescribeListeners",
    "iam ListOpenIDConnectProviders",
    "rds DescribeDBInstances",
    "rds DescribeDBSnapshots",
    "secretsmanager DescribeSecret",
    "secretsmanager GetSecretValue",
    "secretsmanager ListSecrets",
    "servicequotas GetServiceQuota",
    "sts GetCallerIdentity",
];

#[test]
fn a_dry_copy_reads_both_databases_and_writes_to_neither() {
    // given two databases of one server, the target without the rows of the source
    let server = Source::start();
    fill(&server.connector(), 1);
    sql(&server.connector(), "create database aside template template0");
    fill(&server.connector().with_database("aside"), 1);
    sql(&server.connector().with_database("aside"), "delete from public.sessions");
    let (from, to) = (Tap::before(server.connector().port()), Tap::before(server.connector().port()));
    let before = server.next_transaction();
    let wizard = Wizard::empty()
        .env("SOURCE_DATABASE_URL", &server.through(&from))
        .env("TARGET_DATABASE_URL", &server.through(&to).replace("/shop?", "/aside?"));
    // when
    wizard.run(&["data", "copy", "--dry-run"]).expect(1).says("already has rows that migrate-wizard did not write");
    let done = wizard.run(&["data", "copy", "--dry-run", "--replace"]).expect(0);
    // then both were read, neither was written to, and what would be done is told
    for (side, tap) in [("source", &from), ("target", &to)] {
        let statements = tap.statements();
        assert!(statements.iter().any(|s| s.starts_with("select ")), "{side}: {statements:#?}");
        assert_eq!(writes(&statements), Vec::<&String>::new(), "{side}");
    }
    assert_eq!(server.next_transaction(), before);
    assert!(done.out().contains(" in 20 tables, ") && done.out().contains("nothing was written"), "{}", done.out());
}

// --- the guard is in the clients --------------------------------------------------------------------------------------------------

/// A world as a dry run has it.
async fn dry_world(wizard: &Wizard, source: Option<Connector>, port: u16) -> World {
    let args = Cli::parse_from(["migrate-wizard", "--dry-run", "--dir", wizard.path().to_str().unwrap()]).run;
    let opened = Entry::Opened {
        format: FORMAT,
        run: "dry".into(),
        journey: "move".into(),
        mode: Mode::Dry,
        sandbox: false,
        tool: "0".into(),
        facts: BTreeMap::new(),
    };
    let state = State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }]).unwrap();
    let setup = Setup { source, aws: Some(options(cloud::Access::ReadWrite, port)), ..Setup::default() };
    World::open(&args, &wizard.path().join(".migrate-wizard/dry"), &state, setup).await.unwrap()
}

/// Applies every change of a profile's journey to the dry run's own world, as an engine without a mode would; gives the steps.
fn forget(profile: &str) -> Vec<String> {
    // given a source, and on AWS a service and a secret with the login of a database
    let source = Source::start();
    fill(&source.connector(), 1);
    let database = Tap::before(source.connector().port());
    let emulator = Emulator::start(&[]);
    let balancer = block(balancer(&emulator));
    let master = block(async {
        service(&emulator).await;
        let session = aws(cloud::Access::ReadWrite, emulator.port).await;
        let login = Secret::new(r#"{"username":"admin","password":"secret"}"#.to_owned());
        secrets::ensure(&session, "master", &login, "master", &BTreeMap::new(), "t").await.unwrap().0
    });
    // and the changes as a dry run resolved them, with what is there in place of its examples
    let wizard = Wizard::sample();
    wizard.run(&["--dry-run", "--json", "--profile", profile]).expect(0);
    let possible = |fields: &Value| -> Value {
        let port = database.at.port().to_string();
        let dsql = profile == "grievance-portal";
        let there = [
            ("data.Endpoint>", if dsql { "abc.dsql.us-east-1.on.aws" } else { "127.0.0.1" }),
            ("data.Port>", if dsql { "5432" } else { &port }),
            ("data.DatabaseName>", "another"),
            ("data.MasterSecretArn>", &master),
            ("cluster.ClusterName>", "shop"),
            ("app.ServiceName>", "app"),
            ("edge.LoadBalancerArn>", &balancer),
        ];
        let example = |text: String, (output, real): &(&str, &str)| {
            let name = Regex::new(&format!("<[a-z0-9-]+-{}", output.replace('.', "\\."))).unwrap();
            name.replace_all(&text, *real).into_owned()
        };
        serde_json::from_str(&there.iter().fold(fields.to_string(), example)).unwrap()
    };
    let journal = wizard.journal();
    let changes = journal.iter().map(|e| &e["what"]).filter(|e| e["entry"] == "started" && e["writes"] == true);
    let cloud = Tap::before(emulator.port);
    let before = source.next_transaction();
    // when
    let mut steps = Vec::new();
    block(async {
        let world = dry_world(&wizard, Some(Connector::from_url(&source.through(&database)).unwrap()), cloud.at.port()).await;
        world.settle_region("us-east-1").unwrap();
        for change in changes {
            let step = change["step"].as_str().unwrap();
            let effect = effects::registry().build(change["kind"].as_str().unwrap(), possible(&change["fields"])).unwrap();
            let cx = Context { token: format!("dry-{step}"), reporter: Reporter::silent(), before: Outputs::new() };
            if ["door_open", "door_back"].contains(&step) {
                // no rule of ours is there to take away; what its undo does is refused like all others
                assert!(effect.apply(&world, &cx).await.is_ok());
                let error = effect.undo(&world, &cx, &Outputs::new()).await.expect_err(step);
                assert_eq!(error.what, "CreateRule would change something, and this is a dry run");
                steps.push(step.to_owned());
                continue;
            }
            let error = effect.apply(&world, &cx).await.expect_err(step);
            println!("{step:<20} {:?}: {}", error.kind, error.line());
            steps.push(step.to_owned());
            if step == "users" {
                // it looks before it writes, and there is no pool yet
                assert!(error.what.starts_with("there is no user pool"), "{step}: {error}");
                continue;
            }
            if step == "app_role" {
                // it looks before it writes, and a server without encryption does not even let it look
                assert!(error.causes.iter().any(|c| c.contains("server does not support TLS")), "{step}: {error}");
                continue;
            }
            if step == "way_back" {
                // applied it only looks, and there is no database; what its undo writes by is refused like all others
                let error = world.source_past_the_freeze().unwrap().connect(Access::ReadWrite).await.expect_err(step);
                assert_eq!(error.kind, Kind::Refused, "{step}: {error}");
                assert!(error.what.starts_with("a session that may write was asked for on "), "{step}: {error}");
                continue;
            }
            // then it is refused by the client, by its own word
            assert_eq!(error.kind, Kind::Refused, "{step}: {error}");
            assert!(
                error.what.ends_with("would change something, and this is a dry run")
                    || error.what.starts_with("a session that may write was asked for on "),
                "{step}: {error}"
            );
        }
    });
    // and neither AWS nor the source heard of it
    let asks = |request: &String| ["Describe", "List", "Get"].iter().any(|verb| request.split(' ').nth(1).unwrap().starts_with(verb));
    assert!(cloud.requests().len() > 10);
    assert_eq!(cloud.requests().into_iter().filter(|r| !asks(r)).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(!database.statements().is_empty());
    assert_eq!(writes(&database.statements()), Vec::<&String>::new());
    assert_eq!(source.next_transaction(), before);
    steps
}

/// A load balancer with a rule that leads to a service.
async fn balancer(emulator: &Emulator) -> String {
    use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ProtocolEnum, RuleCondition, TargetTypeEnum};
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&emulator.config().await);
    let made = elb.create_load_balancer().name("shop").send().await.unwrap();
    let arn = made.load_balancers()[0].load_balancer_arn().unwrap().to_owned();
    let group = elb.create_target_group().name("shop").target_type(TargetTypeEnum::Ip).send().await.unwrap();
    let leads = Action::builder().r#type(ActionTypeEnum::Forward);
    let leads = leads.target_group_arn(group.target_groups()[0].target_group_arn().unwrap()).build();
    let listener = elb.create_listener().load_balancer_arn(&arn).port(80).protocol(ProtocolEnum::Http).default_actions(leads.clone());
    let listener = listener.send().await.unwrap();
    let every = RuleCondition::builder().field("path-pattern").values("/*").build();
    let rule = elb.create_rule().listener_arn(listener.listeners()[0].listener_arn().unwrap()).priority(100);
    rule.conditions(every).actions(leads).send().await.unwrap();
    arn
}

/// A service with no task in a cluster, as the application phase leaves it.
async fn service(emulator: &Emulator) {
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
        .region(aws_sdk_ecs::config::Region::new("us-east-1"))
        .endpoint_url(emulator.url())
        .credentials_provider(keys())
        .build();
    let ecs = aws_sdk_ecs::Client::from_conf(config);
    ecs.create_cluster().cluster_name("shop").send().await.unwrap();
    let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("app").image("app:1").build();
    ecs.register_task_definition().family("app").container_definitions(container).send().await.unwrap();
    ecs.create_service().cluster("shop").service_name("app").task_definition("app").desired_count(0).send().await.unwrap();
}

#[test]
fn an_effect_that_forgot_is_refused_by_the_client() {
    assert_eq!(forget("grievance-portal").len(), 30);
}

#[test]
fn an_effect_that_forgot_is_refused_by_the_client_on_rds_too() {
    let steps = forget("dougust");
    for step in ["data_rds", "repository[app]", "database_url", "image[app]", "snapshot", "freeze", "final_rows", "app_role", "start[app]"]
    {
        assert!(steps.iter().any(|s| s == step), "{step} is not among {steps:?}");
    }
}

#[test]
fn a_write_on_a_read_only_session_of_aws_sends_no_byte() {
    let emulator = Emulator::start(&[]);
    let cloud = Tap::before(emulator.port);
    block(async {
        let session = aws(cloud::Access::ReadOnly, cloud.at.port()).await;
        let restored = secrets::restore(&session, "arn:aws:secretsmanager:us-east-1:123456789012:secret:x").await.unwrap_err();
        assert_eq!((restored.kind, restored.what.as_str()), (Kind::Refused, "RestoreSecret would change something, and this is a dry run"));
        assert!(restored.hint.contains("run without --dry-run"), "{}", restored.hint);
        assert_eq!(cloud.bytes(), 0);
        // a read goes out, and the write after it does not
        let made = secrets::ensure(&session, "x", &Secret::new("y".to_owned()), "z", &BTreeMap::new(), "t").await.unwrap_err();
        assert_eq!((made.kind, made.what.as_str()), (Kind::Refused, "CreateSecret would change something, and this is a dry run"));
        assert_eq!(cloud.requests(), ["secretsmanager DescribeSecret"]);
    });
}

#[test]
fn a_write_on_a_read_only_session_of_postgres_is_refused() {
    let source = Source::start();
    sql(&source.connector(), "create table t (id int)");
    let database = Tap::before(source.connector().port());
    let through = Connector::from_url(&source.through(&database)).unwrap();
    let before = source.next_transaction();
    block(async {
        // a connector that only reads opens no session that may write: no byte is sent
        let refused = through.only_reading().connect(Access::ReadWrite).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Refused);
        assert!(refused.what.starts_with("a session that may write was asked for on shop on 127.0.0.1:"), "{}", refused.what);
        assert_eq!(database.bytes(), 0);
        // a session that only reads does so by the server's word
        let session = through.only_reading().connect(Access::ReadOnly).await.unwrap();
        let insert = session.batch("insert into t values (1)").await.unwrap_err();
        assert_eq!(insert.kind, Kind::Refused);
        assert!(insert.causes[0].contains("cannot execute INSERT in a read-only transaction (SQLSTATE 25006)"), "{insert}");
        // and nothing lifts that: the statement is not even sent
        let sent = database.bytes();
        for unlock in ["set default_transaction_read_only = off", "begin read write", "reset all"] {
            assert_eq!(session.batch(unlock).await.unwrap_err().kind, Kind::Refused, "{unlock}");
        }
        assert_eq!(database.bytes(), sent);
        assert_eq!(session.value::<i64>("select count(*) from t", &[]).await.unwrap(), 0);
    });
    assert_eq!(source.next_transaction(), before);
}
