//! A disposable PostgreSQL server on this machine, for a rehearsal or a test.
//! Never listens beyond loopback, never lives under a system service, never leaves a process behind after `stop`.
//!
//! In its folder: `data` (the cluster), `passfile` (libpq format, mode 0600: port and the random password), `log`, `socket`.
//! A server left by a killed run is found through `data/postmaster.pid` (line 1 is its process id, line 4 its port): `attach`
//! takes it over, and `stop` or `destroy` ends it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::connector::{Access, Connector};
use crate::postgres::programs::{self, Program};
use crate::postgres::service_user::ServiceUser;
use crate::postgres::{passfile, private_file};

const READY_WITHIN: Duration = Duration::from_secs(60);
const SETTINGS: &str = "
# written by migrate-wizard: disposable, so nothing waits for the disk
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_wal_size = '4GB'
max_connections = 100
log_min_messages = warning
";

/// How to make the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The lowest acceptable major version.
    pub min_major: u32,
    /// Created when it is not there.
    pub database: String,
    /// The folder of the server's programs; `None` is the lowest version on this machine that will do.
    pub programs: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { min_major: 13, database: "app".to_owned(), programs: None }
    }
}

/// A running server. Dropping this does not stop it: a rehearsal outlives the process that began it.
#[derive(Debug, Clone)]
pub struct LocalServer {
    folder: PathBuf,
    pid: u32,
    major: u32,
    connector: Connector,
}

impl LocalServer {
    /// Makes a cluster in `folder` and starts it; one that is there is started, one that runs is taken over.
    pub async fn start(folder: &Path, options: &Options) -> Result<Self> {
        std::fs::create_dir_all(folder).or_fail(Kind::Input, format!("cannot make {}", folder.display()), "name another folder")?;
        let folder = folder.canonicalize().or_fail(Kind::Input, format!("cannot enter {}", folder.display()), "name another folder")?;
        if let Some(server) = Self::attach(&folder, &options.database).await? {
            return Ok(server);
        }
        let made = folder.join("data/PG_VERSION");
        let major = std::fs::read_to_string(&made).ok().and_then(|text| text.trim().parse().ok());
        let initdb = match &options.programs {
            Some(folder) => programs::in_folder(folder, "initdb").await?,
            None => programs::find("initdb", major.unwrap_or(options.min_major)).await?,
        };
        let user = ServiceUser::choose(&folder).await?;
        if major.is_none() {
            create(&folder, &initdb, &user).await?;
        }
        let booted = boot(&folder, &initdb, &user).await;
        // A start that a killed run had begun may have come first: then ours is refused and that one serves.
        match (Self::attach(&folder, &options.database).await?, booted) {
            (Some(server), _) => Ok(server),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(broken(&folder, "it started and was gone again")),
        }
    }

    /// The server that runs in `folder`, if one does.
    pub async fn attach(folder: &Path, database: &str) -> Result<Option<Self>> {
        let Some((pid, port)) = running(folder).await else { return Ok(None) };
        let password = password(folder).ok_or_else(|| broken(folder, "its passfile is missing"))?;
        // It has no TLS, and node-postgres, which may be given this URL, takes `prefer` for `require`.
        let admin = Connector::from_url_alone(&format!("postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"))?
            .with_password(&password);
        let session = match ready(&admin, folder).await {
            Ok(session) => session,
            // It was about to end when it was looked for.
            Err(_) if running(folder).await.is_none() => return Ok(None),
            Err(error) => return Err(error),
        };
        if database != "postgres" && session.query("select 1 from pg_database where datname = $1", &[&database]).await?.is_empty() {
            session.batch(&format!("create database {}", crate::postgres::quote::ident(database))).await?;
        }
        let version: i32 = session.value("select current_setting('server_version_num')::int", &[]).await?;
        let major = u32::try_from(version / 10_000).unwrap_or_default();
        Ok(Some(Self { folder: folder.to_owned(), pid, major, connector: admin.with_database(database) }))
    }

    pub fn connector(&self) -> Connector {
        self.connector.clone()
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn major(&self) -> u32 {
        self.major
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops this server by its own process id and waits until it is gone.
    pub async fn stop(&self) -> Result<()> {
        halt(&self.folder, self.pid).await
    }

    /// Stops it and removes its folder.
    pub async fn destroy(self) -> Result<()> {
        destroy(&self.folder).await
    }
}

/// Stops whatever a run left running in `folder`; its data stays. Twice equals once.
pub async fn stop(folder: &Path) -> Result<()> {
    let Some((pid, _)) = running(folder).await else { return Ok(()) };
    halt(folder, pid).await
}

/// Stops and removes whatever a run left in `folder`. Twice equals once.
pub async fn destroy(folder: &Path) -> Result<()> {
    stop(folder).await?;
    remove(folder)
}

fn remove(folder: &Path) -> Result<()> {
    let whole = ["data", "socket", "log", "passfile"].map(|name| folder.join(name));
    for path in whole.into_iter().chain(unfinished(folder)) {
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::new(Kind::Failed, format!("cannot remove {}", path.display()))
                    .because(&error)
                    .hint("remove it by hand"));
            }
            _ => {}
        }
    }
    // Only when nothing of someone else's is in it.
    let _ = std::fs::remove_dir(folder);
    Ok(())
}

/// Process id and port, when `postmaster.pid` names a living postgres of this very cluster.
async fn running(folder: &Path) -> Option<(u32, u16)> {
    let text = std::fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid: u32 = lines.next()?.trim().parse().ok()?;
    let data = lines.next()?.trim().to_owned();
    let port = lines.nth(1)?.trim().parse().ok()?;
    (alive(pid, &data).await).then_some((pid, port))
}

/// The process's own command line must name the cluster: its id may have been given to another program.
async fn alive(pid: u32, data: &str) -> bool {
    let asked = Command::new("ps").args(["-ww", "-o", "stat=,args=", "-p", &pid.to_string()]).output().await;
    let line = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    !line.trim_start().starts_with('Z') && line.contains(data)
}

async fn halt(folder: &Path, pid: u32) -> Result<()> {
    let data = folder.join("data").to_string_lossy().into_owned();
    for (signal, patience) in [("-INT", 30), ("-QUIT", 15)] {
        if !alive(pid, &data).await {
            return Ok(());
        }
        let _ = Command::new("kill").args([signal, &pid.to_string()]).output().await;
        let until = Instant::now() + Duration::from_secs(patience);
        while Instant::now() < until {
            if !alive(pid, &data).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Err(Error::new(Kind::Failed, format!("the local server (process {pid}) does not stop"))
        .hint(format!("stop it by hand: kill -QUIT {pid}")))
}

/// What a killed `create` left in the folder.
fn unfinished(folder: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    names.filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("new-"))).collect()
}

/// initdb into a folder of its own, renamed when complete: a `data` folder is always whole, and the initdb of a killed run, which
/// may still be at work, is in nobody's way.
async fn create(folder: &Path, initdb: &Program, user: &ServiceUser) -> Result<()> {
    for path in unfinished(folder) {
        // What cannot be removed, because it is still being written, goes with the whole folder.
        let _later = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
    }
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let attempt = uuid::Uuid::new_v4().simple();
    let fresh = folder.join(format!("new-{attempt}"));
    let secret_file = folder.join(format!("new-{attempt}.password"));
    private_file::write(&secret_file, &secret)?;
    user.own(&secret_file)?;
    let locale = if cfg!(target_os = "linux") { "C.UTF-8" } else { "en_US.UTF-8" };
    let made = user
        .run(
            &initdb.path,
            &[
                "--pgdata".as_ref(),
                fresh.as_os_str(),
                "--username=postgres".as_ref(),
                "--auth=scram-sha-256".as_ref(),
                "--encoding=UTF8".as_ref(),
                "--no-sync".as_ref(),
                format!("--locale={locale}").as_ref(),
                format!("--pwfile={}", secret_file.display()).as_ref(),
            ],
        )
        .await;
    let _ = std::fs::remove_file(&secret_file);
    made.map_err(|error| {
        error.hint("a local server needs a complete PostgreSQL (package postgresql, not only the client) and a folder its user can enter")
    })?;
    append(&fresh.join("postgresql.conf"), SETTINGS)?;
    save(folder, 0, &secret)?;
    std::fs::rename(&fresh, folder.join("data")).or_fail(
        Kind::Failed,
        format!("cannot rename {}", fresh.display()),
        "remove the folder and try again",
    )
}

fn append(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let write = || std::fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes());
    write().or_fail(Kind::Failed, format!("cannot write {}", path.display()), "remove the folder and try again")
}

fn save(folder: &Path, port: u16, secret: &str) -> Result<()> {
    private_file::write(&folder.join("passfile"), &passfile::line("127.0.0.1", port, "*", "postgres", secret))
}

fn password(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join("passfile")).ok()?.trim_end().rsplit_once(':').map(|(_, secret)| secret.to_owned())
}

/// Starts a stopped cluster on a free loopback port and waits until it answers.
async fn boot(folder: &Path, initdb: &Program, user: &ServiceUser) -> Result<()> {
    let data = folder.join("data");
    let pid_file = data.join("postmaster.pid");
    let left = std::fs::read(&pid_file).ok();
    if running(folder).await.is_some() {
        return Ok(());
    }
    // Stale: nobody runs, and its number may belong to another program by now. One that was written meanwhile is a living server's.
    if left.is_some() && std::fs::read(&pid_file).ok() == left {
        let _gone = std::fs::remove_file(&pid_file);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).map(|address| address.port());
    let port = port.or_fail(Kind::Failed, "cannot find a free port", "check that loopback networking works here")?;
    let secret = password(folder).ok_or_else(|| broken(folder, "its passfile is missing"))?;
    save(folder, port, &secret)?;
    // A socket's path may have 107 bytes; a long folder does without one.
    let socket = folder.join("socket");
    let socket = if socket.as_os_str().len() < 85 {
        std::fs::create_dir_all(&socket).or_fail(Kind::Failed, "cannot make the socket's folder", "name another folder")?;
        user.own(&socket)?;
        socket.to_string_lossy().into_owned()
    } else {
        String::new()
    };
    let log = folder.join("log");
    if !log.exists() {
        std::fs::write(&log, "").or_fail(Kind::Failed, "cannot write the log", "name another folder")?;
    }
    user.own(&log)?;
    let options = format!("-p {port} -c unix_socket_directories='{socket}'");
    let pg_ctl = initdb.folder().join("pg_ctl");
    let start = ["start", "--no-wait", "--silent", "--pgdata"];
    let mut args: Vec<&std::ffi::OsStr> = start.iter().map(AsRef::as_ref).collect();
    args.extend([data.as_os_str(), "--log".as_ref(), log.as_os_str(), "--options".as_ref(), options.as_ref()]);
    user.run(&pg_ctl, &args).await?;
    let until = Instant::now() + READY_WITHIN;
    while running(folder).await.is_none() {
        if Instant::now() > until {
            return Err(broken(folder, "it did not start"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A session, as soon as the server gives one.
async fn ready(admin: &Connector, folder: &Path) -> Result<crate::postgres::Session> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        match admin.connect(Access::ReadWrite).await {
            Ok(session) => return Ok(session),
            Err(error) if Instant::now() > until || error.kind != Kind::Unreachable || running(folder).await.is_none() => {
                return Err(broken(folder, &error.line()));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn broken(folder: &Path, why: &str) -> Error {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let tail: Vec<&str> = log.lines().rev().take(3).collect();
    let error = Error::new(Kind::Failed, format!("the local server in {} cannot be used", folder.display())).cause(why);
    tail.into_iter().rev().fold(error, Error::cause).hint(format!("read {}/log; removing the folder begins anew", folder.display()))
}
