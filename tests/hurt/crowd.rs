//! Several processes at one target: they share the work, take over from the dead, and refuse what cannot be shared.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use migrate_wizard::data::{catalog, chunk, ledger, open, pass, plan};
use migrate_wizard::postgres::{Access, Connector};

use super::ground::{COPY, COUNT, Ground, WORKER, between, ended, quiet, report, signal, source, until, written};
use crate::support::chance::Chance;
use crate::support::chaos::Chaos;
use crate::support::postgres::{block, database, rows, sql, value};
use crate::support::wizard::Done;

const SEED: u64 = 99;

/// A source that takes some seconds to read, so that processes meet.
fn slowly(from: &Connector, bytes_per_second: u64) -> Chaos {
    let line = Chaos::start(from, SEED);
    line.bytes_per_second(Some(bytes_per_second));
    line
}

struct Process {
    child: Child,
    // Its folder, for as long as it runs.
    _wizard: crate::support::wizard::Wizard,
}

impl Process {
    fn new(from: &Connector, to: &Connector, args: &[&str]) -> Self {
        let wizard = between(from, to);
        let child = wizard.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, _wizard: wizard }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn done(self) -> Done {
        let output: Output = self.child.wait_with_output().unwrap();
        Done(output)
    }
}

/// What the ledger says, `0` as long as there is none.
fn ledger(to: &Connector, question: &str) -> u64 {
    match value(to, "select to_regclass('migrate_wizard.aside') is not null").as_str() {
        "t" => value(to, question).parse().unwrap(),
        _ => 0,
    }
}

const SETTLED: &str = "select count(*) from migrate_wizard.chunk where pass is not null";

#[test]
fn three_workers_do_what_one_does() {
    let ground = Ground::new("three");
    let before = written(&ground.from);
    let line = slowly(&ground.from, 300_000);
    let json = [&WORKER[..], &["--json"]].concat();
    let all: Vec<Process> = (0..3).map(|_| Process::new(&line.connector(), &ground.to, &json)).collect();
    let reports: Vec<serde_json::Value> = all.into_iter().map(|process| report(&process.done().expect(0))).collect();
    let copied: Vec<u64> = reports.iter().map(|report| report["copy"]["rows_copied"].as_u64().unwrap()).collect();
    assert_eq!(copied.iter().sum::<u64>(), COUNT, "{copied:?}");
    assert!(copied.iter().all(|rows| *rows > 0), "{copied:?}");
    assert_eq!(rows(&ground.to, "select pass, state from migrate_wizard.pass"), ["1|ended"]);
    ground.ledger_tells_the_truth("three");
    ground.ends_equal("three");
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_worker_killed_with_a_chunk_in_hand_loses_nothing_and_the_others_take_it_over() {
    let ground = Ground::new("orphaned");
    let line = slowly(&ground.from, 400_000);
    let mut held = 0;
    for round in 0..6 {
        ground.empty_target();
        let lead = Process::new(&line.connector(), &ground.to, &WORKER);
        until("the pass is open", || ledger(&ground.to, "select count(*) from migrate_wizard.pass where state = 'open'") > 0);
        let others = [Process::new(&line.connector(), &ground.to, &WORKER), Process::new(&line.connector(), &ground.to, &WORKER)];
        // when one of them is stopped, the others do all that they can
        until("all have come", || ledger(&ground.to, "select count(distinct split_part(worker, '-', 1)) from migrate_wizard.chunk") == 3);
        signal("-STOP", others[0].pid());
        let chunks = ledger(&ground.to, "select count(*) from migrate_wizard.chunk");
        let mut last = (ledger(&ground.to, SETTLED), Instant::now());
        while last.1.elapsed() < Duration::from_millis(600) && last.0 < chunks {
            let now = ledger(&ground.to, SETTLED);
            if now > last.0 {
                last = (now, Instant::now());
            }
        }
        held += u64::from(last.0 < chunks);
        // then it is killed, and they do the rest
        let [victim, other] = others;
        signal("-KILL", victim.pid());
        assert_eq!(victim.done().code(), -1);
        lead.done().expect(0);
        other.done().expect(0);
        assert_eq!(rows(&ground.to, "select pass, state from migrate_wizard.pass"), ["1|ended"], "round {round}");
        assert_eq!(ledger(&ground.to, SETTLED), chunks);
        ground.ledger_tells_the_truth("orphaned");
        ground.is_equal_but_for_sequences("orphaned");
    }
    assert!(held >= 3, "only in {held} of 6 rounds it had a chunk in hand");
}

#[test]
fn the_one_that_began_the_pass_is_killed_and_the_others_end_what_it_began() {
    let ground = Ground::new("headless");
    let before = written(&ground.from);
    let line = slowly(&ground.from, 600_000);
    let mut chance = Chance::new(SEED);
    for round in 0..8 {
        ground.empty_target();
        let lead = Process::new(&line.connector(), &ground.to, &WORKER);
        until("the pass is begun", || ledger(&ground.to, "select count(*) from migrate_wizard.pass") > 0);
        let others = [Process::new(&line.connector(), &ground.to, &WORKER), Process::new(&line.connector(), &ground.to, &WORKER)];
        std::thread::sleep(Duration::from_millis(chance.below(1500)));
        signal("-KILL", lead.pid());
        let _killed = lead.done();
        for other in others {
            other.done().expect(0);
        }
        let seed = format!("seed {SEED}, round {round}");
        quiet(&ground.to);
        ground.ledger_tells_the_truth(&seed);
        ground.is_equal_but_for_sequences(&seed);
        ground.ends_equal(&seed);
    }
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_copy_that_is_interrupted_says_so_and_leaves_nothing_running() {
    let ground = Ground::new("interrupted");
    let line = slowly(&ground.from, 300_000);
    let copy = Process::new(&line.connector(), &ground.to, &COPY);
    until("rows are there", || ledger(&ground.to, SETTLED) > 0);
    signal("-INT", copy.pid());
    copy.done().expect(130).says("interrupted: nothing is lost. Next: the same command goes on from here");
    quiet(&ground.to);
    between(&ground.from, &ground.to).run(&COPY).expect(0);
    ground.ledger_tells_the_truth("interrupted");
    ground.is_equal("interrupted");
}

#[test]
fn two_copies_of_the_same_share_the_work_and_another_choice_or_source_is_refused() {
    let ground = Ground::new("choices");
    let line = slowly(&ground.from, 300_000);
    let json = [&COPY[..], &["--json"]].concat();
    let first = Process::new(&line.connector(), &ground.to, &json);
    until("the pass is begun", || ledger(&ground.to, SETTLED) > 0);
    let second = Process::new(&line.connector(), &ground.to, &json);
    let other = source("choices_other");
    for (from, args, why) in [
        (&ground.from, &[&COPY[..], &["--only", "public.words"]].concat(), "it copies other tables"),
        (&other, &COPY.to_vec(), "it copies from another database"),
    ] {
        between(from, &ground.to)
            .run(args)
            .expect(1)
            .says("another copy (pass 1) writes to this target")
            .says(why)
            .says("let it end, or stop it");
    }
    let copied = [first, second].map(|process| report(&process.done().expect(0))["copy"]["rows_copied"].as_u64().unwrap());
    assert_eq!(copied.iter().sum::<u64>(), COUNT, "{copied:?}");
    assert!(copied.iter().all(|rows| *rows > 0), "{copied:?}");
    assert_eq!(rows(&ground.to, "select pass, state from migrate_wizard.pass"), ["1|ended"]);
    ground.is_equal("choices");
}

#[test]
fn five_that_are_started_at_the_same_instant_all_end_well() {
    let ground = Ground::new("five");
    let before = written(&ground.from);
    for round in 0..5 {
        ground.empty_target();
        let all: Vec<Process> = (0..5).map(|_| Process::new(&ground.from, &ground.to, &COPY)).collect();
        let codes: Vec<(i32, String)> = all.into_iter().map(Process::done).map(|done| (done.code(), done.err())).collect();
        assert!(codes.iter().all(|(code, _)| *code == 0), "round {round}: {codes:#?}");
        ground.ledger_tells_the_truth("five");
        ground.is_equal("five");
    }
    assert_eq!(written(&ground.from), before);
}

#[test]
fn a_ledger_that_many_make_at_once_is_made() {
    let to = database("ledgers");
    for round in 0..40 {
        sql(&to, "drop schema if exists migrate_wizard cascade");
        let one = async || {
            let session = to.connect(Access::ReadWrite).await?;
            ledger::create(&session).await
        };
        let made = block(futures_util::future::join_all((0..8).map(|_| one())));
        assert!(made.iter().all(Result::is_ok), "round {round}: {made:#?}");
    }
}

/// On a server that cannot see its sessions a process may sleep past its lease, and wake up amid cutting.
#[test]
fn a_process_that_slept_over_a_newer_pass_writes_no_chunks_down() {
    let to = database("sleepers");
    sql(&to, "create table public.items (id integer primary key, name text)");
    block(async {
        let session = to.connect(Access::ReadWrite).await.unwrap();
        ledger::create(&session).await.unwrap();
        let tables = catalog::read(&session).await.unwrap();
        let plan = plan::plan(&tables, &tables, &plan::Choice::default(), plan::Digest::Hash).unwrap();
        let items = &plan.tables[0];
        let opening = pass::Opening { snapshot: None, source: "it", horizon: None, there: None, choice: "all" };
        let range = |chunk, lo: &str, hi: &str| chunk::Range { chunk, span: chunk::Span::parse(lo, hi).unwrap() };
        let (old, new) = (ledger::Ledger::new(1, "old", false), ledger::Ledger::new(2, "new", false));
        assert!(pass::begin_pass(&session, 1, &opening, false).await.unwrap());
        old.add(&session, items, &[range(0, "", "[\"5\"]")], 8192).await.unwrap();
        assert!(pass::begin_pass(&session, 2, &opening, false).await.unwrap());
        new.cut_anew(&session, items, &[range(0, "", "[\"7\"]"), range(1, "[\"7\"]", "")], None).await.unwrap();
        let late = old.add(&session, items, &[range(1, "[\"5\"]", "[\"6\"]")], 8192).await;
        assert!(late.unwrap_err().what.contains("the process that began this pass is gone"));
    });
    assert_eq!(rows(&to, "select chunk, lo, hi from migrate_wizard.chunk order by 1"), ["0||[\"7\"]", "1|[\"7\"]|"]);
}

/// Whoever shares a pass takes over the moment of its first process, which may end at that very time.
#[test]
fn a_moment_that_ends_while_it_is_taken_over_is_known_as_gone() {
    let from = database("moments");
    block(async {
        let (one, other) = (from.connect(Access::ReadOnly).await.unwrap(), from.connect(Access::ReadOnly).await.unwrap());
        let mut gone = 0;
        for round in 0..4000 {
            open::at(&one, None).await.unwrap();
            let moment: String = one.value("select pg_export_snapshot()", &[]).await.unwrap();
            let (ended, taken) = tokio::join!(one.rollback(), open::at(&other, Some(&moment)));
            ended.unwrap();
            if let Err(error) = taken {
                assert!(open::moment_gone(&error), "round {round}: {error:?}");
                gone += 1;
            }
            other.rollback().await.unwrap();
        }
        assert!(gone > 0, "it never ended in time");
    });
}

#[test]
fn a_source_that_is_written_to_all_the_time_is_equal_once_it_is_quiet() {
    let ground = Ground::new("busy");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (busy, stopped) = (ground.from.clone(), stop.clone());
    let writer = std::thread::spawn(move || {
        let mut rounds = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            rounds += 1;
            sql(
                &busy,
                &format!(
                    "insert into big (body, n) select 'live', g from generate_series(1, 20) g; update big set n = n + 1 where id % 211 = {0} % 211; delete from pairs where b = 'k' || {0}; \
                 update swaps set v = 'live-' || id where id = 1 + {0} % 5000; insert into nokey values ({0}, 'live'); update words set v = v || '.' where id = md5('{0}')::uuid",
                    rounds
                ),
            );
        }
        rounds
    });
    // while it is written to, passes end
    for pass in 1..=3 {
        let done = report(&ground.wizard().run(&[&COPY[..], &["--json"]].concat()).expect(0));
        assert_eq!((&done["copy"]["pass"], &done["copy"]["consistent"]), (&pass.into(), &true.into()));
        let verified = ground.wizard().run(&["data", "verify"]);
        assert!(matches!(verified.code(), 0 | 1), "{}", verified.err());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let rounds: u32 = writer.join().unwrap();
    assert!(rounds >= 20, "it was hardly written to: {rounds} times");
    // when it is quiet one more pass makes all equal, and counts each row of the source once
    let done = report(&ground.wizard().run(&[&COPY[..], &["--json"]].concat()).expect(0));
    let rows: u64 = super::ground::digests(&ground.from).iter().map(|row| row.split('|').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    let sum = done["copy"]["rows_copied"].as_u64().unwrap() + done["copy"]["rows_equal"].as_u64().unwrap();
    assert!(done["copy"]["consistent"] == true && sum >= rows && sum < rows + 5000, "{sum} of {rows}: {done}");
    ground.is_equal("busy");
    assert_eq!(ended(ground.wizard().spawn(&COPY)), 0);
}
