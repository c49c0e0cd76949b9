//! The mover between real servers: what it copies is equal, what it was stopped in it goes on with, what it cannot do it says.
//! Figures come from its reports; equality is also seen by pg_dump, which shares no code with it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use migrate_wizard::data::Limits;
use migrate_wizard::data::plan::Choice;
use migrate_wizard::data::{self, Existing, Options};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::freeze::{self, How};
use migrate_wizard::postgres::local::{self, LocalServer};
use migrate_wizard::postgres::{Access, Connector, dump, facts};
use migrate_wizard::progress::{Note, Reporter};
use migrate_wizard::schema::{Phase, Target};

use crate::support::pair::{Pair, copied, dumped, small, tables};
use crate::support::postgres::{Server, block, database, database_on, password, printed, rows, sample, sql, value};
use crate::support::schema::{apply, target_for};
use crate::support::wizard::Wizard;

#[test]
fn one_changed_byte_is_found_with_its_table_and_key_range() {
    // given a copy of the sample that is equal
    let from = sample(1);
    let (to, _) = target_for(&from, Target::Rds);
    let pair = Pair { from, to };
    let fifty = Options { chunk_rows: Some(50), ..Options::default() };
    pair.copy(&fifty);
    let wizard = pair.wizard();
    wizard.run(&["data", "copy"]).expect(0);
    assert!(wizard.run(&["data", "verify"]).expect(0).out().ends_with("3,717 rows in 20 tables: equal\n"));
    // when one byte of one row changes on the target
    let key = |offset: u32| value(&pair.from, &format!("select id from attachments order by id offset {offset} limit 1"));
    let victim = key(120);
    sql(&pair.to, &format!("update attachments set file_name = overlay(file_name placing '~' from 1 for 1) where id = '{victim}'"));
    // then it is found, there and nowhere else
    let report = pair.verify(&fifty);
    let bad: Vec<_> = report.tables.iter().filter(|t| !t.equal).collect();
    assert_eq!(
        bad.iter().map(|t| (t.schema.as_str(), t.name.as_str(), t.different_chunks)).collect::<Vec<_>>(),
        [("public", "attachments", 1)]
    );
    assert_eq!(bad[0].different, [format!("keys after [\"{}\"] up to [\"{}\"]: 50 rows here, 50 there", key(99), key(149))]);
    let said = wizard.run(&["data", "verify"]).expect(1).out();
    assert_eq!(
        said.lines().filter(|l| l.starts_with("differs")).collect::<Vec<_>>(),
        ["differs          200          200  public.attachments"]
    );
    assert!(said.contains("keys after the first up to the last: 200 rows here, 200 there"), "{said}");
    // and the next copy repairs that one chunk
    assert_eq!(copied(&pair.copy(&fifty)), tables(&[("public.attachments", 1)]));
    pair.must_be_equal();
}

#[test]
fn changes_at_the_source_converge_and_only_their_chunks_are_copied() {
    // given a finished move: rows, then keys, triggers and views
    let from = sample(10);
    let (to, conversion) = target_for(&from, Target::Rds);
    let pair = Pair { from, to };
    let options = Options { jobs: 3, chunk_rows: Some(500), ..Options::default() };
    let first = pair.copy(&options);
    assert_eq!((first.pass, first.rows_copied), (1, 36_567));
    apply(&pair.to, &conversion, Phase::After);
    block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    pair.must_be_equal();
    // when rows change in the first and the last chunk of a table, one comes, one goes, and two swap a unique value
    sql(
        &pair.from,
        "update grievances set title = 'changed' where id in (1, 3999);
         insert into users (id, email) values ('00000000', 'new@example.org');
         delete from replies where id = 10;
         update departments set name = 'tmp' where id = 1; update departments set name = 'Roads' where id = 2; update departments set name = 'Water' where id = 1",
    );
    // then only these rows are written, and children of replaced rows stay although their keys cascade
    let second = pair.copy(&options);
    assert_eq!(copied(&second), tables(&[("public.grievances", 2), ("public.users", 1), ("public.replies", 1), ("public.departments", 1)]));
    assert_eq!((second.pass, second.rows_copied), (2, 2 + 1 + 1 + 2));
    block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    pair.must_be_equal();
    assert_eq!(pair.copy(&options).rows_copied, 0);
}

#[test]
fn wide_rows_that_go_in_batches_are_cut_by_their_bytes_so_that_all_workers_have_some() {
    let pair = Pair::new("wide", "create table t (id int primary key, v text)");
    sql(&pair.from, "insert into t select g, repeat('v', 500) from generate_series(1, 4500) g; analyze t");
    // a chunk: twice the bytes of a batch, or 1,000 rows; by rows alone the table would be one
    let report = pair.copy(&Options {
        jobs: 3,
        limits: Some(Limits { rows: 500, bytes: 100_000, ..Limits::dsql().unwrap() }),
        ..Options::default()
    });
    assert_eq!((report.tables[0].chunks_copied, report.rows_copied), (5, 4500), "{report:?}");
    pair.must_be_equal();
}

#[test]
fn a_unique_value_swapped_between_chunks_converges() {
    let pair = Pair::new("swapped", "create table t (id int primary key, v text unique)");
    sql(&pair.from, "insert into t select g, 'v' || g from generate_series(1, 5000) g; analyze");
    pair.copy(&small());
    sql(&pair.from, "update t set v = 'tmp' where id = 1; update t set v = 'v1' where id = 4999; update t set v = 'v4999' where id = 1");
    let report = pair.copy(&small());
    assert_eq!((report.tables[0].chunks_copied, report.rows_copied), (2, 2), "{report:?}");
    pair.must_be_equal();
}

#[test]
fn pg_dump_sees_the_same_rows_on_both_sides() {
    let from = sample(1);
    let (to, conversion) = target_for(&from, Target::Rds);
    let pair = Pair { from, to };
    pair.copy(&small());
    apply(&pair.to, &conversion, Phase::After);
    block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    block(data::finish(&pair.to, false)).unwrap();
    let (ours, theirs) = (dumped(&pair.from), dumped(&pair.to));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert_eq!(ours.values().map(|lines| lines.len()).sum::<usize>(), 3717);
    for (table, lines) in &ours {
        assert_eq!(lines, &theirs[table], "{table}");
    }
    // every counter stands where it stood, or further
    let counters = "select schemaname || '.' || sequencename, coalesce(last_value, 0) from pg_sequences order by 1";
    let ours = rows(&pair.from, counters);
    assert_eq!(ours.len(), 9);
    assert_eq!(ours, rows(&pair.to, counters));
}

#[test]
fn arrays_become_jsonb_on_a_schema_converted_for_dsql() {
    // given the sample on a schema made for DSQL, written in batches as DSQL wants them
    let from = sample(3);
    let (to, conversion) = target_for(&from, Target::Dsql);
    let pair = Pair { from, to };
    let options = Options { jobs: 3, limits: Some(Limits { rows: 500, bytes: 100_000, ..Limits::dsql().unwrap() }), ..Options::default() };
    assert_eq!(pair.copy(&options).rows_copied, 11_017);
    apply(&pair.to, &conversion, Phase::After);
    block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    let verified = pair.verify(&options);
    assert!(verified.equal, "{verified:#?}");
    // then arrays are jsonb of the same elements, enums their text, numbers exact
    let kinds = "select column_name, data_type from information_schema.columns where table_schema = 'public' and (table_name, column_name) in (('grievances', 'tags'), ('grievances', 'status'), ('categories', 'levels'), ('payments', 'exchange_rate')) order by 1";
    assert_eq!(rows(&pair.to, kinds), ["exchange_rate|numeric", "levels|jsonb", "status|text", "tags|jsonb"]);
    assert_eq!(
        rows(&pair.to, "select tags from grievances where id in (2, 3, 4) order by id"),
        [r#"["", "a,b", "NULL"]"#, r#"["🔥"]"#, "[]"]
    );
    assert_eq!(value(&pair.to, "select levels from categories where code = 'lighting'"), "[[1, 2], [3, 4]]");
    assert_eq!(value(&pair.to, "select trim_scale(max(exchange_rate)) from payments"), "12345678901234567890.123456789");
    // and a change of the source converges there too
    sql(&pair.from, "update grievances set tags = array['new'] where id = 3; delete from messages where id = 5");
    let second = pair.copy(&options);
    assert_eq!(copied(&second), tables(&[("public.grievances", 1), ("public.messages", 1)]));
    assert_eq!(value(&pair.to, "select tags from grievances where id = 3"), r#"["new"]"#);
    assert!(pair.verify(&options).equal);
    // undone, nothing of it is left
    assert_eq!(block(data::undo(&pair.to)).unwrap().tables.len(), 20);
    assert_eq!(value(&pair.to, "select count(*) from grievances"), "0");
}

#[test]
fn a_column_that_changed_its_type_holds_the_same_value_or_is_said_to_differ() {
    let pair = Pair::new("limited", "");
    sql(
        &pair.from,
        "create type mood as enum ('sad','ok');
         create table t (id uuid primary key, tags text[] default '{}', n numeric, m mood, ip inet, at timestamp, c char(4), j json);
         create table e (k mood primary key, v int); create table i (id int generated always as identity primary key, v text);
         insert into t select md5(g::text)::uuid, case when g%3=0 then null else array['a', 'q\"''\\'||g] end, g/8.0, 'ok', '10.0.0.1', '2026-01-01 00:00:00.5', 'ab', '{\"a\": 1}' from generate_series(1,3333) g;
         insert into e values ('sad',1),('ok',2); insert into i(v) select E'line\\n''\\t'||g from generate_series(1,2500) g; analyze",
    );
    sql(
        &pair.to,
        "create table t (id text primary key, tags jsonb, n numeric(38,10), m text, ip text, at timestamptz, c text, j jsonb);
         create table e (k text primary key, v bigint); create table i (id bigint generated always as identity primary key, v text)",
    );
    let batches = Options { limits: Some(Limits { rows: 500, bytes: 20_000, ..Limits::dsql().unwrap() }), ..small() };
    for options in [batches, small()] {
        assert_eq!(pair.copy(&options).rows_copied, 3333 + 2 + 2500);
        block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
        let verified = pair.verify(&options);
        assert!(verified.equal, "{verified:#?}");
        assert_eq!(value(&pair.to, "select tags->>1 from t where id = (select md5('4')::uuid::text)"), "q\"'\\4");
        assert_eq!(value(&pair.to, "select ip || '|' || c from t limit 1"), "10.0.0.1|ab");
        block(data::undo(&pair.to)).unwrap();
    }
    // lost digits show
    pair.copy(&small());
    sql(&pair.to, "alter table t alter n type numeric(18,1)");
    let bad: Vec<String> = pair.verify(&small()).tables.into_iter().filter(|t| !t.equal).map(|t| t.name).collect();
    assert_eq!(bad, ["t"]);
}

#[test]
fn sides_that_order_text_differently_agree_on_ranges() {
    let pair = Pair { from: database("orders"), to: database("orders_icu") };
    let icu = pair.to.with_database("postgres");
    sql(&icu, &format!("drop database {}", pair.to.database()));
    sql(&icu, &format!("create database {} template template0 locale_provider icu icu_locale 'en-US'", pair.to.database()));
    for side in [&pair.from, &pair.to] {
        sql(side, "create table t (k text, n int, v text, primary key (k, n)); create table empty ()");
    }
    sql(
        &pair.from,
        "insert into t select chr(65 + g % 58) || '-' || (g % 97) || case when g % 2 = 0 then 'é' else 'E' end, g, 'v' from generate_series(1, 6000) g",
    );
    assert_eq!(pair.copy(&small()).rows_copied, 6000);
    let verified = pair.verify(&small());
    assert!(verified.equal && verified.notes.iter().any(|n| n.contains("order its key differently")), "{verified:#?}");
    sql(&pair.from, "update t set v = 'w' where n = 77; delete from t where n = 78");
    let report = pair.copy(&small());
    assert!((1..=2).contains(&report.tables[0].chunks_copied), "{report:?}");
    pair.must_be_equal();
}

#[test]
fn a_copy_that_was_dropped_goes_on_and_leaves_on_request() {
    let pair = Pair::new(
        "resume",
        "create table big (id varchar primary key, n int not null, body text); create table small (id serial primary key, v text unique)",
    );
    sql(
        &pair.from,
        "insert into big select md5(g::text), g, repeat('x', g % 400) from generate_series(1, 60000) g; insert into small(v) select 'v'||g from generate_series(1,5000) g; analyze",
    );
    let options = Options { jobs: 2, chunk_rows: Some(3000), ..Options::default() };
    // given a copy that is dropped in the middle
    let seen = Arc::new(AtomicU64::new(0));
    let sink = seen.clone();
    let reporter = Reporter::new(move |note| {
        if let Note::Progress(progress) = note {
            let rows = progress.figures.iter().find(|figure| figure.name == "rows").unwrap();
            sink.store(rows.value, Ordering::Relaxed);
        }
    });
    let settled = "select coalesce(sum(rows), 0) from migrate_wizard.chunk where pass is not null";
    block(async {
        let work = data::copy(&pair.from, &pair.to, &options, &reporter);
        tokio::pin!(work);
        while seen.load(Ordering::Relaxed) < 12_000 {
            tokio::select! {
                done = &mut work => panic!("it ended before it could be dropped: {done:?}"),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    });
    let before: u64 = value(&pair.to, settled).parse().unwrap();
    // Of the rows that were seen those of two chunks may have been under way.
    assert!(before >= 6_000, "{before}");
    // when it is run again it goes on: nothing twice, nothing lost
    let second = pair.copy(&options);
    assert!(second.resumed && second.pass == 2 && second.rows_equal >= before, "{second:?}");
    assert_eq!(second.rows_equal + second.rows_copied, 65_000);
    let sequences = block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    assert_eq!(sequences.set.iter().map(|s| (s.sequence.as_str(), s.value)).collect::<Vec<_>>(), [("public.small_id_seq", 5000)]);
    // with headroom they stand further on, however often it is asked for, and never behind their end
    for (headroom, value) in [(100, 5100), (100, 5100), (u32::MAX, 2_147_483_647), (0, 5000)] {
        assert_eq!(block(data::set_sequences(&pair.from, &pair.to, headroom)).unwrap().set[0].value, value);
    }
    pair.must_be_equal();
    // once finished the rows are the app's: another copy is refused, an undo does nothing
    block(data::finish(&pair.to, false)).unwrap();
    block(data::finish(&pair.to, false)).unwrap();
    let refused = pair.try_copy(&options).unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict);
    assert_eq!(
        refused.causes,
        [
            "public.big already has rows that migrate-wizard did not write",
            "public.small already has rows that migrate-wizard did not write"
        ]
    );
    assert!(block(data::undo(&pair.to)).unwrap().tables.is_empty());
    assert_eq!(pair.copy(&Options { existing: Existing::Replace, ..options }).rows_copied, 0);
    assert_eq!(block(data::undo(&pair.to)).unwrap().tables, ["public.big", "public.small"]);
    assert_eq!(value(&pair.to, "select count(*) from big"), "0");
}

const FAMILY: &str = "create table parent (id int primary key, n text); create table kid (id int primary key, parent int)";

fn family(name: &str) -> Pair {
    let pair = Pair::new(name, FAMILY);
    sql(
        &pair.from,
        "insert into parent select g, 'p' from generate_series(1,3000) g; insert into kid select g, g from generate_series(1,3000) g",
    );
    pair
}

#[test]
fn the_source_cannot_be_written_to() {
    let pair = family("reader");
    block(async {
        let reader = pair.from.connect(Access::ReadOnly).await.unwrap();
        for write in [
            "insert into parent values (0, '')",
            "create table x ()",
            "set default_transaction_read_only = off",
            "begin read write; delete from kid",
        ] {
            let refused = reader.batch(write).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Refused, "{write}: {refused}");
            reader.rollback().await.unwrap();
        }
    });
    assert_eq!(value(&pair.from, "select count(*) from kid"), "3000");
}

#[test]
fn a_table_on_one_side_only_is_named_or_left_out_as_asked() {
    let pair = family("extra");
    sql(&pair.from, "create table extra (id int); create sequence free start 5; select nextval('free')");
    let error = pair.try_copy(&small()).unwrap_err();
    assert_eq!(
        (error.kind, error.causes.as_slice()),
        (Kind::Conflict, ["public.extra is on the source but not on the target".to_owned()].as_slice())
    );
    let options = Options { choice: Choice { except: vec!["public.extra".into()], ..Choice::default() }, ..small() };
    assert_eq!(pair.copy(&options).rows_copied, 6000);
    let sequences = block(data::set_sequences(&pair.from, &pair.to, 0)).unwrap();
    assert_eq!(sequences.notes, ["public.free is not on the target: left out"]);
}

#[test]
fn a_freeze_holds_writers_back_until_it_is_thawed() {
    let pair = family("frozen");
    block(async {
        let app = pair.from.connect(Access::ReadWrite).await.unwrap();
        app.batch("set application_name = 'the app'").await.unwrap();
        let ours = pair.from.connect(Access::ReadWrite).await.unwrap();
        assert!(!freeze::is_frozen(&ours, How::ReadOnly).await.unwrap());
        // frozen: the app's session is ended, its next one cannot write
        let first = freeze::freeze(&ours, How::ReadOnly).await.unwrap();
        assert_eq!((first.already, first.ended, first.left), (false, 1, 0));
        assert!(app.batch("select 1").await.is_err());
        assert!(freeze::freeze(&ours, How::ReadOnly).await.unwrap().already);
        let app = pair.from.connect(Access::ReadWrite).await.unwrap();
        let refused = app.batch("insert into kid values (0, 0)").await.unwrap_err();
        assert!(refused.kind == Kind::Refused && refused.hint.contains("must be thawed first"), "{refused}");
        // rows can still be read from it
        assert_eq!(data::copy(&pair.from, &pair.to, &small(), &Reporter::silent()).await.unwrap().rows_copied, 6000);
        // thawed, twice: writers are let in again
        freeze::thaw(&app, How::ReadOnly, &[]).await.unwrap();
        freeze::thaw(&app, How::ReadOnly, &[]).await.unwrap();
        assert!(!freeze::is_frozen(&ours, How::ReadOnly).await.unwrap());
        let reader = pair.from.connect(Access::ReadOnly).await.unwrap();
        assert_eq!(freeze::freeze(&reader, How::ReadOnly).await.unwrap_err().kind, Kind::Refused);
    });
    sql(&pair.from, "insert into kid values (0, 0)");
}

#[test]
fn every_way_of_not_connecting_says_what_to_do() {
    let here = database("doors");
    sql(
        &here,
        &format!(
            "create role crowded login password 'pw' connection limit 0; create role stranger login password 'pw'; revoke connect on database {} from public",
            here.database()
        ),
    );
    let url = |text: &str| Connector::from_url(text).unwrap();
    for (connector, kind, hint) in [
        (here.with_password("wrong"), Kind::Denied, "password is wrong"),
        (Connector::new("127.0.0.1", here.port(), "postgres", "postgres").unwrap(), Kind::Denied, "asks for a password"),
        (here.with_database("nope"), Kind::Input, "no such database"),
        (here.with_user("nobody-here"), Kind::Denied, "user name or password is wrong"),
        (here.with_database("postgres").with_user("crowded").with_password("pw"), Kind::Unreachable, "no free connection"),
        (here.with_user("stranger").with_password("pw"), Kind::Denied, "lacks a right"),
        (url("postgres://u:p@127.0.0.1:1/d"), Kind::Unreachable, "nothing listens"),
        (url("postgres://u:p@no-such-host.invalid/d"), Kind::Unreachable, "no such host"),
        (url("postgres://u:p@helium/heliumdb?sslmode=disable"), Kind::Unreachable, "inside the Repl"),
        (url(&format!("{}&sslmode=require", here.secret_url())), Kind::Denied, "does not offer encryption"),
    ] {
        let error = block(connector.connect(Access::ReadOnly)).unwrap_err();
        assert!(error.kind == kind && error.hint.contains(hint), "expected {kind:?} and {hint:?}: {error}");
        assert!(error.what.starts_with("cannot connect to "), "{error}");
    }
}

#[test]
fn an_address_where_nobody_ever_answered_is_an_error_at_once() {
    let here = database("answers");
    let nobody = "postgres://u:p@127.0.0.1:1/d";
    for (source, target) in [(nobody.to_owned(), here.secret_url()), (here.secret_url(), nobody.to_owned())] {
        let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &source).env("TARGET_DATABASE_URL", &target);
        let done = wizard.run(&["data", "copy"]).expect(1).says("cannot connect to d on 127.0.0.1:1 as u").says("nothing listens there");
        assert!(!done.err().contains("begins anew"), "{}", done.err());
    }
}

#[test]
fn a_planted_password_is_seen_nowhere() {
    const PLANTED: &str = "pl4nted-Zx9Qv7";
    // given a source and a target whose role has a known password, and a pg_dump that waits until it has been looked at
    let from = sample(1);
    sql(&from, &format!("create role planted superuser login password '{PLANTED}'"));
    let (to, _) = target_for(&from, Target::Rds);
    let planted = |connector: &Connector, word: &str| connector.with_user("planted").with_password(word).secret_url();
    let temp = tempfile::tempdir().unwrap();
    let (bin, waiting, go) = (temp.path().join("bin"), temp.path().join("waiting"), temp.path().join("go"));
    std::fs::create_dir(&bin).unwrap();
    let real = block(dump::find_pg_dump(13)).unwrap().path;
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec '{real}' --version\necho $$ > '{waiting}.new' && mv '{waiting}.new' '{waiting}'\nwhile [ ! -e '{go}' ]; do sleep 0.02; done\nexec '{real}' \"$@\"\n",
        real = real.display(),
        waiting = waiting.display(),
        go = go.display()
    );
    std::fs::write(bin.join("pg_dump"), script).unwrap();
    std::fs::set_permissions(bin.join("pg_dump"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let scratch = temp.path().join("tmp");
    std::fs::create_dir(&scratch).unwrap();
    let wizard = Wizard::sample()
        .env("SOURCE_DATABASE_URL", &planted(&from, PLANTED))
        .env("TARGET_DATABASE_URL", &planted(&to, PLANTED))
        .env("MIGRATE_WIZARD_PG_BIN", bin.to_str().unwrap())
        .env("TMPDIR", scratch.to_str().unwrap());
    // when the schema is dumped
    let child = wizard
        .command(&["schema", "convert", "--target", "rds"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !waiting.exists() {
        assert!(Instant::now() < until, "pg_dump was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    // then no process on this machine shows it in its arguments
    let processes = printed({
        let mut ps = Command::new("ps");
        ps.args(["-ww", "-A", "-o", "pid=,args="]);
        ps
    });
    let pid = std::fs::read_to_string(&waiting).unwrap();
    let dump = processes.lines().find(|line| line.trim_start().starts_with(&format!("{} ", pid.trim()))).unwrap();
    assert!(dump.contains("--schema-only"), "{dump}");
    assert!(!processes.contains(PLANTED), "{}", processes.lines().filter(|l| l.contains(PLANTED)).collect::<Vec<_>>().join("\n"));
    // it is in one file that only we can read, and that goes with the dump
    let files = || std::fs::read_dir(&scratch).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(files().len(), 1, "{:?}", files());
    assert_eq!(std::fs::metadata(&files()[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&files()[0]).unwrap().contains(PLANTED));
    std::fs::write(&go, "").unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    assert_eq!(files(), Vec::<std::path::PathBuf>::new());
    let mut said = vec![("schema convert", done)];
    // nor does any other command show it, when it works and when it fails
    said.push(("data copy", wizard.run(&["data", "copy"]).expect(0).0));
    said.push(("data verify", wizard.run(&["data", "verify", "--json"]).expect(0).0));
    said.push(("a dry run", wizard.run(&["--dry-run", "--yes", "--plain", "--profile", "grievance-portal"]).0));
    said.push(("the log", wizard.run(&["log", "--json"]).0));
    for (what, name, url) in [
        ("a wrong password", "SOURCE_DATABASE_URL", planted(&from, &format!("{PLANTED}x"))),
        ("a closed port", "SOURCE_DATABASE_URL", format!("postgresql://planted:{PLANTED}@127.0.0.1:1/db")),
        ("a bad port", "TARGET_DATABASE_URL", format!("postgresql://planted:{PLANTED}@127.0.0.1:port/db")),
        ("a bad mode", "TARGET_DATABASE_URL", format!("postgresql://planted:{PLANTED}@127.0.0.1/db?sslmode=yes")),
        ("a slash in it", "TARGET_DATABASE_URL", format!("postgresql://planted:{PLANTED}/@127.0.0.1/db")),
    ] {
        let output = wizard.command(&["data", "verify"]).env(name, url).output().unwrap();
        assert!(!output.status.success() && !output.stderr.is_empty(), "{what}");
        said.push((what, output));
    }
    for (what, output) in &said {
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains(PLANTED), "{what}: {}", text.lines().filter(|l| l.contains(PLANTED)).collect::<Vec<_>>().join("\n"));
        }
    }
    // and the journal, which has seen the source, does not hold it, nor does any other file
    assert!(wizard.journal().iter().any(|entry| entry["what"]["outputs"]["rows"] == 3717), "the dry run did not read the source");
    assert_eq!(holding(wizard.path(), PLANTED), Vec::<String>::new());
    assert_eq!(files(), Vec::<std::path::PathBuf>::new());
    assert_ne!(password(&from), PLANTED);
}

/// The files below `folder` that hold `text`.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_source_is_read_for_what_it_is() {
    let from = database_on(Server::Sixteen, "facts");
    sql(&from, FAMILY);
    let facts = block(async { facts::inspect(&from.connect(Access::ReadOnly).await.unwrap()).await.unwrap() });
    assert_eq!(facts.server.major(), 16);
    let mut names: Vec<&str> = facts.tables.iter().map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["kid", "parent"]);
}

#[test]
fn a_local_server_is_taken_over_started_again_and_removed() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("server");
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    block(async {
        let options = local::Options::default();
        let first = LocalServer::start(&folder, &options).await.unwrap();
        first.connector().connect(Access::ReadWrite).await.unwrap().batch("create table kept (id int)").await.unwrap();
        // taken over while it runs
        assert_eq!(LocalServer::start(&folder, &options).await.unwrap().pid(), first.pid());
        // started again when it was killed, with what it held
        Command::new("kill").args(["-9", &first.pid().to_string()]).status().unwrap();
        let second = LocalServer::start(&folder, &options).await.unwrap();
        assert_ne!(second.pid(), first.pid());
        second.connector().connect(Access::ReadOnly).await.unwrap().text("select * from kept").await.unwrap();
        second.destroy().await.unwrap();
        local::destroy(&folder).await.unwrap();
    });
    assert!(!folder.exists());
}

/// The futures can be spawned.
#[test]
fn copying_and_verifying_can_move_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let nowhere = Connector::from_url("postgres://u:p@127.0.0.1:1/d").unwrap();
    let (options, reporter) = (small(), Reporter::silent());
    drop(is_send(data::copy(&nowhere, &nowhere, &options, &reporter)));
    drop(is_send(data::verify(&nowhere, &nowhere, &options, &reporter)));
}

#[test]
fn rows_without_their_indexes_are_never_taken_for_a_move() {
    let from = database("half_from");
    sql(
        &from,
        "create table t (id int primary key, v text); insert into t select i, i::text from generate_series(1, 500) i; create index t_v on t (v)",
    );
    let to = database("half_to");
    // given a move that ended once its rows were there
    sql(
        &to,
        "create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'no indexes today'; end $$;
         create event trigger refuse on ddl_command_start when tag in ('CREATE INDEX') execute function refuse();
         alter event trigger refuse enable always",
    );
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    wizard.run(&["data", "copy", "--with-schema"]).expect(1).says("no indexes today");
    // then every command says what is left, and the ledger stays
    let follows = "indexes, keys and what else was to follow the rows";
    let left = |args: &[&str]| {
        let said = wizard.run(args).expect(0).out();
        assert!(said.contains(follows), "{said}");
        said
    };
    assert!(left(&["data", "status"]).contains("Next: migrate-wizard data copy --with-schema goes on"));
    assert!(left(&["data", "verify"]).ends_with("still to be made. Next: migrate-wizard data copy --with-schema\n"));
    assert!(left(&["data", "copy"]).ends_with("Next: migrate-wizard data copy --with-schema makes them\n"));
    left(&["data", "verify"]);
    wizard.run(&["data", "finish"]).expect(1).says("is not at its end").says("next:").says("--anyway");
    // until the same command has made it
    sql(&to, "drop event trigger refuse");
    let done = wizard.run(&["data", "copy", "--with-schema"]).expect(0).out();
    assert!(done.contains("2 objects made"), "{done}");
    assert_eq!(value(&to, "select count(*) from pg_indexes where tablename = 't'"), "2");
    assert!(!wizard.run(&["data", "status"]).expect(0).out().contains(follows));
    assert!(wizard.run(&["data", "finish"]).expect(0).out().starts_with("the ledger is gone"));
    assert!(wizard.run(&["data", "finish"]).expect(0).out().starts_with("there is no ledger on"));
}

#[test]
fn a_database_is_known_by_any_name() {
    let from = database("two_names");
    sql(&from, "create table t (id int primary key); insert into t values (1)");
    let url = from.secret_url();
    let other = if url.contains("127.0.0.1") { url.replace("127.0.0.1", "localhost") } else { url.replace("localhost", "127.0.0.1") };
    assert_ne!(url, other);
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &url).env("TARGET_DATABASE_URL", &other);
    for args in [&["data", "copy", "--replace"][..], &["data", "copy", "--dry-run"]] {
        wizard.run(args).expect(2).says("source and target are the same database").says("next:");
    }
    assert_eq!(value(&from, "select count(*) from pg_namespace where nspname = 'migrate_wizard'"), "0");
}

#[test]
fn rows_that_somebody_else_wrote_on_the_target_are_told_when_they_go() {
    let pair = Pair::new("others", "create table t (id int primary key, v text)");
    sql(&pair.from, "insert into t select i, 'v' from generate_series(1, 200) i");
    let first = pair.copy(&Options::default());
    assert!(first.notes.is_empty(), "{:?}", first.notes);
    sql(&pair.to, "insert into t values (201, 'aws'); update t set v = 'aws' where id = 5");
    let report = pair.copy(&Options::default());
    assert_eq!(
        report.notes,
        ["public.t: 2 rows that somebody else wrote or deleted on the target since the last copy: now as on the source"]
    );
    sql(&pair.to, "delete from t where id < 4");
    let report = pair.copy(&Options::default());
    assert_eq!(
        report.notes,
        ["public.t: 3 rows that somebody else wrote or deleted on the target since the last copy: now as on the source"]
    );
    pair.must_be_equal();
    // our own changes are not
    sql(&pair.from, "update t set v = 'new' where id < 9; delete from t where id = 100");
    assert!(pair.copy(&Options::default()).notes.is_empty());
}

#[test]
fn an_index_weighs_by_its_method_and_its_size() {
    let from = database("weights");
    sql(
        &from,
        "create table t (id int primary key, j jsonb) partition by range (id); create table t1 partition of t for values from (0) to (9000);
         insert into t select i, jsonb_build_object('k', i) from generate_series(1, 5000) i;
         create index t1_gin on t1 using gin (j); create index t1_brin on t1 using brin (id)",
    );
    let sizes = block(data::sizes(&from)).unwrap();
    let [gin, key, brin] = ["public.t1_gin", "public.t1_pkey", "public.t1_brin"].map(|name| sizes.index(name));
    assert!(gin > key && key > brin && brin > 0, "{gin} {key} {brin}");
    // a partitioned table's own index holds nothing
    assert_eq!((sizes.index("public.t_pkey"), sizes.index("public.absent")), (0, 0));
    assert!(sizes.statistics("public.t") > 0 && sizes.foreign_key("public.t") > sizes.statistics("public.t"));
}
