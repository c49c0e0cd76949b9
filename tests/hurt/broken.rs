//! Servers that die, lines that break, answers that are lost, disks that are full: the command goes on by itself or by running again.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use migrate_wizard::postgres::Connector;
use migrate_wizard::postgres::local::{LocalServer, Options};

use super::ground::{COPY, Ground, TABLES, between, digests, ended, source, until, written};
use crate::support::chance::Chance;
use crate::support::chaos::Chaos;
use crate::support::postgres::{block, sql, value};
use crate::support::wizard::memory;

const SEED: u64 = 4_711;

/// Does something to the world at random moments while the command runs, begins it again where it gave up, and empties the target
/// where it ended before there was harm enough. How often the command was begun, and how often it ended well.
fn while_copying(
    ground: &Ground,
    over: (&Connector, &Connector),
    chance: &mut Chance,
    longest: u64,
    mut harm: impl FnMut() -> bool,
) -> (u32, u32) {
    let wizard = between(over.0, over.1);
    let (mut begun, mut ended_well) = (0, 0);
    let mut child: Option<Child> = None;
    loop {
        let running = child.get_or_insert_with(|| {
            begun += 1;
            wizard.spawn(&COPY)
        });
        let wait = Instant::now() + Duration::from_millis(20 + chance.below(longest));
        let mut code = None;
        while code.is_none() && Instant::now() < wait {
            code = running.try_wait().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        match code.map(|status| status.code()) {
            None => {
                if harm() {
                    let code = ended(child.take().unwrap());
                    assert!(matches!(code, 0 | 1), "it ended with {code}");
                    return (begun, ended_well + u32::from(code == 0));
                }
            }
            Some(Some(0)) => {
                ended_well += 1;
                child = None;
                // it may have ended well a moment before the harm was done
                until("the target answers", || block(ground.to.connect(migrate_wizard::postgres::Access::ReadOnly)).is_ok());
                ground.empty_target();
            }
            Some(Some(1)) => child = None,
            Some(other) => panic!("seed {SEED}: it ended with {other:?}"),
        }
    }
}

/// A server of its own that is killed, and started again on its port.
struct Mortal {
    _folder: tempfile::TempDir,
    server: LocalServer,
    /// How it is started.
    line: Vec<String>,
    /// The process that was started last: the server's own file names the one before until it is past its first steps.
    pid: Cell<u32>,
}

impl Mortal {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let server = block(LocalServer::start(&folder.path().join("server"), &Options::default())).unwrap();
        // A killed server may have written half a page.
        sql(&server.connector(), "alter system set full_page_writes = on");
        sql(&server.connector(), "select pg_reload_conf()");
        let told = |file: &str| std::fs::read_to_string(Self::data(&server).join(file)).unwrap();
        let line = told("postmaster.opts").trim().split(' ').map(|word| word.trim_matches('"').to_owned()).collect();
        let pid = Cell::new(told("postmaster.pid").lines().next().unwrap().parse().unwrap());
        Self { _folder: folder, server, line, pid }
    }

    fn data(server: &LocalServer) -> std::path::PathBuf {
        server.folder().join("data")
    }

    fn kill(&self) {
        let pid = self.pid.get();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &pid.to_string()]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<u32> = std::iter::once(pid).chain(children.split_whitespace().map(|child| child.parse().unwrap())).collect();
        for pid in &all {
            Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
        }
        let gone = |pid: &u32| !std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        until("the killed server's processes are gone", || all.iter().all(gone));
    }

    /// As it was started, by the user who owns its data.
    fn start(&self) {
        let data = Self::data(&self.server);
        let owner = std::fs::metadata(&data).unwrap();
        let log = std::fs::OpenOptions::new().append(true).open(self.server.folder().join("log")).unwrap();
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]).current_dir(data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.uid(owner.uid()).gid(owner.gid());
        let mut child = command.spawn().unwrap();
        self.pid.set(child.id());
        // Its parent must take note of its end, or it stays as a zombie.
        std::thread::spawn(move || child.wait());
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-QUIT", &self.pid.get().to_string()]).status();
    }
}

#[test]
fn a_target_server_that_dies_twenty_times_comes_back_and_so_does_the_copy() {
    let mortal = Mortal::new();
    let ground = Ground { from: source("mortal"), to: mortal.server.connector() };
    sql(&ground.to, TABLES);
    let before = written(&ground.from);
    let mut chance = Chance::new(SEED);
    let mut deaths = 0;
    let (begun, ended_well) = while_copying(&ground, (&ground.from, &ground.to), &mut chance, 900, || {
        mortal.kill();
        mortal.start();
        deaths += 1;
        deaths == 20
    });
    assert!(begun - ended_well <= 10, "by itself it went on only seldom: begun {begun} times, {ended_well} ended well");
    until("the server answers", || block(ground.to.connect(migrate_wizard::postgres::Access::ReadOnly)).is_ok());
    ground.ledger_tells_the_truth(&format!("seed {SEED}"));
    ground.ends_equal(&format!("seed {SEED}"));
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_source_that_is_cut_off_fifty_times_is_copied_all_the_same() {
    let ground = Ground::new("cut");
    let before = written(&ground.from);
    let line = Chaos::start(&ground.from, SEED);
    let mut chance = Chance::new(SEED + 1);
    let (begun, ended_well) = while_copying(&ground, (&line.connector(), &ground.to), &mut chance, 700, || {
        line.cut_all();
        line.passed().cut >= 50
    });
    assert!(begun - ended_well <= 10, "by itself it went on only seldom: begun {begun} times, {ended_well} ended well");
    ground.ledger_tells_the_truth(&format!("seed {SEED}"));
    ground.ends_equal(&format!("seed {SEED}"));
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_commit_whose_answer_is_lost_is_neither_made_twice_nor_missed() {
    let ground = Ground::new("answers");
    let before = written(&ground.from);
    let mut lost = 0;
    for round in 0..4 {
        ground.empty_target();
        let line = Chaos::losing_commits(&ground.to, SEED + round, 0.05);
        let seed = format!("seed {SEED}, round {round}");
        let done = between(&ground.from, &line.connector()).run(&COPY);
        assert_eq!(done.code(), 0, "{seed}: {}", done.err());
        lost += line.passed().lost_commits;
        assert!(ground.ledger_tells_the_truth(&seed) >= 30);
        assert_eq!(value(&ground.to, "select count(*) from migrate_wizard.pass"), "1", "{seed}: {}", done.err());
        ground.is_equal(&seed);
    }
    assert!(lost >= 8, "only {lost} answers were lost");
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_slow_line_takes_little_memory_and_the_time_that_is_told() {
    // given eight megabytes that come with one megabyte a second
    let ground = Ground::new("slow");
    sql(
        &ground.from,
        "insert into toasted select g, (select string_agg(md5((g * 1000 + i)::text), '') from generate_series(1, 250) i) from generate_series(301, 700) g; analyze toasted",
    );
    let line = Chaos::start(&ground.from, SEED);
    line.bytes_per_second(Some(1_000_000));
    let wizard = between(&line.connector(), &ground.to);
    let mut command = wizard.command(&[&COPY[..], &["--json"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (start, pid, mut most) = (Instant::now(), child.id(), 0);
    let mut told: Vec<(f64, f64)> = Vec::new();
    for event in BufReader::new(child.stdout.take().unwrap()).lines() {
        most = most.max(memory(pid));
        let event: serde_json::Value = serde_json::from_str(&event.unwrap()).unwrap();
        if let Some(remaining) = find(&event, "remaining_s").and_then(serde_json::Value::as_f64) {
            told.push((start.elapsed().as_secs_f64(), remaining));
        }
    }
    assert_eq!(ended(child), 0);
    let took = start.elapsed().as_secs_f64();
    assert!(took > 5.0, "the line was not slow: {took} s");
    let middle: Vec<&(f64, f64)> = told.iter().filter(|(at, _)| (0.3..0.8).contains(&(at / took))).collect();
    assert!(middle.len() >= 5, "{told:?}");
    for (at, remaining) in middle {
        let truth = took - at;
        assert!((truth / 3.0 - 2.0..truth * 3.0 + 2.0).contains(remaining), "after {at} s of {took} s it said {remaining} s");
    }
    assert!(most > 0 && most < 24 << 10, "it took {most} KiB");
    ground.is_equal("slow");
}

/// A field of an event, however deep; the first one.
fn find<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    match value {
        serde_json::Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().filter(|v| v.is_object()).find_map(|v| find(v, name)))
        }
        _ => None,
    }
}

/// A small disk, for as long as this lives.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this user may not mount one.
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(&format!("size={size}"), folder.path()).then_some(Self(folder))
    }
}

fn mount(options: &str, at: &Path) -> bool {
    Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(at)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_named_with_what_to_do_and_more_room_is_all_it_takes() {
    let mortal = Mortal::new();
    let from = source("room");
    let before = written(&from);
    let admin = mortal.server.connector();
    let disk = Disk::new("14m");
    let to = admin.with_database("small");
    match &disk {
        Some(disk) => {
            // given a target whose tables lie on a disk of 14 MB
            let owner = std::fs::metadata(Mortal::data(&mortal.server)).unwrap();
            std::os::unix::fs::chown(disk.0.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            std::fs::set_permissions(disk.0.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
            sql(&admin, "create database small");
            sql(&to, TABLES);
            sql(&admin, &format!("create tablespace room location '{}'", disk.0.path().display()));
            sql(
                &to,
                "alter table big set tablespace room; alter table toasted set tablespace room; alter table words set tablespace room; alter table pairs set tablespace room; alter table kinds set tablespace room",
            );
            fill(disk.0.path(), 12 << 20);
        }
        None => {
            // No disk can be mounted here: a check that raises what the server raises, until a setting says that there is room.
            sql(&admin, "create database small");
            sql(&to, TABLES);
            sql(
                &to,
                "create function room() returns boolean language plpgsql as $$ begin if current_setting('hurt.room', true) is distinct from 'yes' then \
                raise exception 'could not extend file' using errcode = 'disk_full'; end if; return true; end $$; alter table big add constraint room check (room())",
            );
        }
    }
    let ground = Ground { from, to };
    let wizard = ground.wizard();
    for _ in 0..2 {
        wizard.run(&COPY).expect(1).says("SQLSTATE 53100").says("the server's disk is full: enlarge it, then run the same command again");
        ground.ledger_tells_the_truth("full");
    }
    match &disk {
        Some(disk) => std::fs::remove_file(disk.0.path().join("filler")).unwrap(),
        None => sql(&admin, "alter database small set hurt.room = 'yes'"),
    }
    ground.ends_equal("full");
    assert_eq!(written(&ground.from), before);
    drop(mortal);
}

/// Takes so many bytes of the disk away.
fn fill(folder: &Path, bytes: usize) {
    std::fs::write(folder.join("filler"), vec![0; bytes]).unwrap();
}

#[test]
fn a_table_that_is_locked_for_a_while_is_waited_for() {
    let ground = Ground::new("locked");
    let holder = ground.from.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let holding = std::thread::spawn(move || {
        block(async {
            let session = holder.connect(migrate_wizard::postgres::Access::ReadWrite).await.unwrap();
            session.batch("begin; lock table words in access exclusive mode").await.unwrap();
            tell.send(()).unwrap();
            session.batch("select pg_sleep(2); commit").await.unwrap();
        });
    });
    told.recv().unwrap();
    ground.ends_equal("locked");
    holding.join().unwrap();
    assert_eq!(digests(&ground.from), digests(&ground.to));
}
