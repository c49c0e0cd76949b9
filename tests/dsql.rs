//! The mover against a strict stand-in for Aurora DSQL: limits, conflicts, lost answers, closed connections, expired tokens, and the way back.
//! What it copies is equal by every fingerprint, what cannot go is named by key, and no transaction is over a limit.

use std::process::Stdio;
use std::time::Duration;

use migrate_wizard::data::{self, CopyReport, Existing, Options};
use migrate_wizard::error::{Error, Kind};
use migrate_wizard::postgres::{Connector, Password, Passwords};
use migrate_wizard::progress::Reporter;

use crate::support::chance::Chance;
use crate::support::dsql::{Rules, Standin};
use crate::support::postgres::{block, database, database_in_c, password, rows, sample, sql, value};
use crate::support::wizard::Wizard;

/// A source, and a stand-in as its target.
struct Move {
    from: Connector,
    standin: Standin,
}

/// Objects that both sides can have.
const OBJECTS: &str = "create table t (id int primary key, v text, n bigint not null default 0)";

impl Move {
    fn of(from: Connector, rules: Rules) -> Self {
        Self { from, standin: Standin::start(&database_in_c("dsql"), rules) }
    }

    /// The objects on both sides; `rows` on the source.
    fn with(objects: &str, rows: &str, rules: Rules) -> Self {
        let made = Self::of(database("moved"), rules);
        // DSQL takes one definition at a time.
        for object in objects.split("; ") {
            sql(&made.from, object);
            sql(&made.standin.connector(), object);
        }
        sql(&made.from, rows);
        made
    }

    fn try_copy(&self, options: &Options) -> Result<CopyReport, Error> {
        block(data::copy(&self.from, &self.standin.connector(), options, &Reporter::silent()))
    }

    #[track_caller]
    fn copy(&self, options: &Options) -> CopyReport {
        self.try_copy(options).unwrap()
    }

    /// Runs the copy again as a user would, until it ends.
    #[track_caller]
    fn copy_at_last(&self, options: &Options) -> CopyReport {
        let mut last = None;
        for _ in 0..10 {
            match self.try_copy(options) {
                Ok(report) => return report,
                Err(error) => last = Some(error),
            }
        }
        panic!("it does not end: {}", last.unwrap());
    }

    #[track_caller]
    fn must_be_equal(&self) {
        let report = block(data::verify(&self.from, self.standin.backing(), &small(), &Reporter::silent())).unwrap();
        assert!(report.equal && report.quarantined == 0, "{report:#?}");
    }

    fn wizard(&self) -> Wizard {
        Wizard::empty()
            .env("SOURCE_DATABASE_URL", &self.from.secret_url())
            .env("TARGET_DATABASE_URL", &self.standin.connector().secret_url())
    }
}

/// Chunks of a thousand rows, three at a time.
fn small() -> Options {
    Options { jobs: 3, chunk_rows: Some(1000), ..Options::default() }
}

/// `last` of the JSON lines that a command printed.
fn report(printed: &str) -> serde_json::Value {
    let line = printed.lines().rev().find(|line| line.contains("\"report\"")).unwrap();
    serde_json::from_str(line).unwrap()
}

/// Every `"name": number` of a report, wherever it stands.
fn figure(report: &serde_json::Value, name: &str) -> u64 {
    match report {
        serde_json::Value::Object(fields) => fields
            .get(name)
            .and_then(serde_json::Value::as_u64)
            .or_else(|| fields.values().map(|value| figure(value, name)).find(|n| *n != u64::MAX)),
        _ => None,
    }
    .unwrap_or(u64::MAX)
}

#[test]
fn an_app_moves_to_dsql_with_its_schema_within_every_limit() {
    // given the sample, and jobs that take a moment
    let moved = Move::of(sample(3), Rules { job_delay: Duration::from_millis(50), ..Rules::default() });
    let wizard = moved.wizard();
    // when it is copied with its schema
    let done = wizard.run(&["data", "copy", "--with-schema", "--json"]).expect(0);
    assert_eq!(figure(&report(&done.out()), "rows_copied"), 11_017, "{}", done.out());
    // then every fingerprint is equal, and no transaction was over a limit
    let verified = wizard.run(&["data", "verify"]).expect(0).out();
    assert!(verified.ends_with("11,017 rows in 20 tables: equal\n"), "{verified}");
    let seen = moved.standin.seen();
    assert!(seen.largest_transaction_rows <= 3000 && seen.largest_transaction_rows > 1000, "{seen:?}");
    assert!(seen.largest_transaction_bytes <= 10 << 20 && seen.largest_message <= 10 << 20, "{seen:?}");
    // and indexes are valid, foreign keys too, and counters go on behind the rows
    let there = moved.standin.backing();
    assert_eq!(value(there, "select count(*) from pg_index where not indisvalid"), "0");
    assert_eq!(
        value(there, "select count(*) filter (where convalidated) || ' of ' || count(*) from pg_constraint where contype = 'f'"),
        value(&moved.from, "select count(*) || ' of ' || count(*) from pg_constraint where contype = 'f'")
    );
    assert_eq!(value(there, "select count(*) from sys.jobs where status <> 'completed'"), "0");
    sql(&moved.standin.connector(), "insert into conversations (title) values ('new')");
    assert_eq!(
        value(there, "select id - (select max(id) from conversations where title <> 'new') from conversations where title = 'new'"),
        "1"
    );
    sql(&moved.standin.connector(), "delete from conversations where title = 'new'");
    // and a second run writes no row
    let again = report(&wizard.run(&["data", "copy", "--with-schema", "--json"]).expect(0).out());
    assert_eq!((figure(&again, "rows_copied"), figure(&again, "rows_equal")), (0, 11_017), "{again}");
    // and the ledger is there until the move is finished
    assert_eq!(value(there, "select count(*) from migrate_wizard.pass where state = 'ended'"), "2");
    wizard.run(&["data", "finish"]).expect(0);
    assert_eq!(value(there, "select count(*) from pg_namespace where nspname = 'migrate_wizard'"), "0");
    wizard.run(&["data", "finish"]).expect(0);
}

#[test]
fn an_undo_empties_what_was_copied_in_batches() {
    let moved = Move::of(sample(3), Rules::default());
    moved.wizard().run(&["data", "copy", "--with-schema"]).expect(0);
    let undone = block(data::undo(&moved.standin.connector())).unwrap();
    assert_eq!(undone.tables.len(), 20);
    let there = moved.standin.backing();
    assert_eq!(
        value(there, "select (select count(*) from grievances) + (select count(*) from users) + (select count(*) from app.access_log)"),
        "0"
    );
    assert_eq!(value(there, "select count(*) from pg_namespace where nspname = 'migrate_wizard'"), "0");
    assert!(moved.standin.seen().largest_transaction_rows <= 3000);
    assert_eq!(block(data::undo(&moved.standin.connector())).unwrap().tables.len(), 0);
}

/// 12,000 rows with a key, 4,000 without: a row that came twice would show in both.
fn mishaps(rules: Rules) -> (Move, CopyReport) {
    let moved = Move::with(
        "create table t (id int primary key, v text, n bigint not null default 0); create table log (at int, what text)",
        "insert into t select g, 'v' || g, g from generate_series(1, 12000) g; insert into log select g % 50, 'w' || g % 70 from generate_series(1, 4000) g; analyze",
        Rules::default(),
    );
    moved.standin.set(|now| *now = rules);
    // In batches of a tenth, so that there are enough of them.
    let limits = data::Limits { rows: 300, ..data::Limits::dsql().unwrap() };
    let report = moved.copy_at_last(&Options { limits: Some(limits), ..small() });
    moved.must_be_equal();
    assert_eq!(value(moved.standin.backing(), "select (select count(*) from t) || ' ' || (select count(*) from log)"), "12000 4000");
    (moved, report)
}

#[test]
fn conflicts_are_tried_again_and_counted() {
    let (moved, report) = mishaps(Rules { seed: 7, conflict_rate: 0.2, ..Rules::default() });
    assert!(moved.standin.seen().conflicts > 10, "{:?}", moved.standin.seen());
    assert!(report.retries > 5, "{report:?}");
}

#[test]
fn a_commit_whose_answer_is_lost_is_looked_up_in_the_ledger() {
    let (moved, report) = mishaps(Rules { seed: 8, lost_commit_rate: 0.05, ..Rules::default() });
    assert!(moved.standin.seen().lost_commits > 3, "{:?}", moved.standin.seen());
    assert!(report.quarantine.is_empty(), "{report:?}");
}

#[test]
fn conflicts_and_lost_answers_together_end_equal() {
    let (moved, _) = mishaps(Rules { seed: 9, conflict_rate: 0.2, lost_commit_rate: 0.05, schema_conflict_rate: 0.02, ..Rules::default() });
    let seen = moved.standin.seen();
    assert!(seen.lost_commits > 3 && seen.conflicts > 10, "{seen:?}");
}

#[test]
fn the_whole_app_arrives_through_conflicts_and_lost_answers() {
    let moved =
        Move::of(sample(1), Rules { seed: 10, conflict_rate: 0.1, lost_commit_rate: 0.03, schema_conflict_rate: 0.05, ..Rules::default() });
    let wizard = moved.wizard();
    let runs = (0..12).find(|_| wizard.run(&["data", "copy", "--with-schema"]).code() == 0);
    assert!(runs.is_some(), "{}", wizard.run(&["data", "copy", "--with-schema"]).err());
    moved.standin.set(|rules| *rules = Rules::default());
    assert!(wizard.run(&["data", "verify"]).expect(0).out().ends_with("3,717 rows in 20 tables: equal\n"));
    let there = moved.standin.backing();
    assert_eq!(value(there, "select count(*) from pg_index where not indisvalid"), "0");
    assert_eq!(value(there, "select count(*) from pg_constraint where contype = 'f' and not convalidated"), "0");
}

#[test]
fn rows_that_cannot_go_are_set_aside_by_key_until_they_are_mended() {
    // given rows whose batches are too large, and six that cannot go
    let moved = Move::of(database("large"), Rules::default());
    sql(&moved.from, "create table wide (id int primary key, v text, n numeric, s text)");
    sql(&moved.standin.connector(), "create table wide (id int primary key, v text, n numeric(5,2), s varchar(10))");
    sql(
        &moved.from,
        "insert into wide select g, repeat(md5(g::text), 200), 1.5, 'short' from generate_series(1, 3000) g;
         create function noise(n int) returns text language sql as $$ select string_agg(md5(g::text), '') from generate_series(1, n / 32) g $$;
         alter table wide alter v set storage external;
         update wide set v = noise(2 << 20) where id = 10;
         update wide set v = noise(3 << 20) where id = 20;
         update wide set v = noise(11 << 20) where id = 25;
         update wide set n = 12345.6 where id = 30;
         update wide set s = 'much too long for it' where id in (40, 50);
         analyze",
    );
    let wizard = moved.wizard();
    // when they are copied
    let done = wizard.run(&["data", "copy", "--json"]).expect(1);
    // then those and no others are named, with reasons
    let told = report(&done.out());
    let text = told.to_string();
    for (key, reason) in [
        ("10", "datatype limit greater than 1048576 bytes not supported for text"),
        ("25", "the row is longer than the target takes in one message"),
        ("30", "numeric field overflow"),
        ("40", "value too long for type character varying(10)"),
        ("50", "value too long for type character varying(10)"),
    ] {
        let named = format!("{:?}", format!("[\"{key}\"]"));
        assert!(text.contains(&named) && text.contains(reason), "{key} {reason}: {text}");
    }
    let kept = "select key || ' ' || \"table\" from migrate_wizard.quarantine order by key";
    let six = [
        "[\"10\"] public.wide",
        "[\"20\"] public.wide",
        "[\"25\"] public.wide",
        "[\"30\"] public.wide",
        "[\"40\"] public.wide",
        "[\"50\"] public.wide",
    ];
    assert_eq!(rows(moved.standin.backing(), kept), six);
    assert_eq!(figure(&told, "rows_copied"), 2994);
    let seen = moved.standin.seen();
    assert!(seen.largest_transaction_bytes <= 10 << 20 && seen.largest_transaction_rows <= 3000, "{seen:?}");
    // and the rest is equal
    let verified = wizard.run(&["data", "verify"]).expect(0).out();
    assert!(verified.ends_with("2,994 rows in 1 table: equal, but for 6 rows quarantined\n"), "{verified}");
    // when a row that is there becomes one that cannot go, its older version stays and is not called equal
    sql(&moved.from, "update wide set s = 'much too long as well' where id = 60");
    wizard.run(&["data", "copy"]).expect(1);
    assert_eq!(value(moved.standin.backing(), "select count(*) from migrate_wizard.quarantine"), "7");
    assert!(wizard.run(&["data", "verify"]).expect(0).out().ends_with("equal, but for 7 rows quarantined\n"));
    // when the rows are mended on the source, or go, the next copy takes them and the list is empty
    sql(&moved.from, "update wide set v = 'v', n = 2, s = 's' where id in (10, 20, 25, 30, 40, 60); delete from wide where id = 50");
    let mended = report(&wizard.run(&["data", "copy", "--json"]).expect(0).out());
    assert_eq!(figure(&mended, "rows_copied"), 6, "{mended}");
    assert_eq!(value(moved.standin.backing(), "select count(*) from migrate_wizard.quarantine"), "0");
    moved.must_be_equal();
}

#[test]
fn a_target_with_copy_is_loaded_by_it_and_one_without_by_insert() {
    for (copy, copy_out) in [(true, true), (false, true), (false, false)] {
        let moved = Move::with(
            OBJECTS,
            "insert into t select g, E'a\\\\b\\'\\t' || g, g from generate_series(1, 7000) g; insert into t values (0, null, 1)",
            Rules { copy, copy_out, ..Rules::default() },
        );
        let before = moved.standin.seen();
        assert_eq!(moved.copy(&small()).rows_copied, 7001);
        let seen = moved.standin.seen();
        // the probe alone is refused
        assert_eq!((seen.refusals - before.refusals, seen.largest_message > 20_000), (u64::from(!copy), true), "{seen:?}");
        moved.must_be_equal();
        // and what changed since is found without COPY
        sql(&moved.from, "update t set v = 'new' where id = 77");
        assert_eq!(moved.copy(&small()).rows_copied, 1);
        moved.must_be_equal();
    }
}

#[test]
fn connections_that_the_server_closes_and_tokens_that_expire_do_not_stop_a_copy() {
    let moved = Move::with(OBJECTS, "insert into t select g, repeat('v', 200) || g, g from generate_series(1, 60000) g", Rules::default());
    moved.standin.set(|rules| {
        rules.close_after = Some(Duration::from_secs(2));
        rules.token_life = Duration::from_secs(1);
    });
    let standin = std::sync::Arc::new(moved.standin);
    let fresh = standin.clone();
    let tokens = Passwords::new(move || {
        let token = password(&fresh.connector());
        async move { Ok(Password::new(token)) }
    });
    let to = standin.connector().with_passwords(tokens);
    standin.expire_tokens();
    let limits = data::Limits { rows: 100, ..data::Limits::dsql().unwrap() };
    let options = Options { limits: Some(limits), jobs: 2, chunk_rows: Some(3000), ..Options::default() };
    let report = block(data::copy(&moved.from, &to, &options, &Reporter::silent())).unwrap();
    assert!(report.quarantine.is_empty());
    let seen = standin.seen();
    assert!(seen.closed_connections > 2, "{seen:?}");
    let verified = block(data::verify(&moved.from, standin.backing(), &small(), &Reporter::silent())).unwrap();
    assert!(verified.equal, "{verified:#?}");
}

#[test]
fn a_server_that_lets_few_connections_in_is_waited_for() {
    let moved = Move::with(OBJECTS, "insert into t select g, 'v', g from generate_series(1, 12000) g", Rules::default());
    moved.standin.set(|rules| (rules.connections_per_second, rules.connection_burst) = (20.0, 5.0));
    assert_eq!(moved.copy(&Options { jobs: 8, ..small() }).rows_copied, 12_000);
    moved.must_be_equal();
    assert!(moved.standin.seen().refused_connections > 0);
}

#[test]
fn what_changed_on_either_side_is_mended_row_by_row() {
    // given a copy of ten thousand rows
    let moved = Move::with(OBJECTS, "insert into t select g, 'v' || g, g from generate_series(1, 10000) g; analyze", Rules::default());
    assert_eq!(moved.copy(&small()).rows_copied, 10_000);
    // when nothing changed, nothing is written
    let idle = moved.copy(&small());
    assert_eq!((idle.rows_copied, idle.rows_equal), (0, 10_000));
    // when ten rows each are updated, inserted and deleted, and ten keys change
    sql(
        &moved.from,
        "update t set v = 'new' where id % 1000 = 1; insert into t select g, 'added', 0 from generate_series(20001, 20010) g;
         delete from t where id % 1000 = 2; update t set id = id + 30000 where id % 1000 = 3 and id < 10000",
    );
    // then 49 rows are written: a key that changed is one row gone and one come, and 20002 came and went
    assert_eq!(moved.copy(&small()).rows_copied, 49);
    moved.must_be_equal();
    // when somebody changes, adds and removes rows on the other side
    sql(
        &moved.standin.connector(),
        "update t set v = 'theirs' where id = 500; insert into t values (-1, 'theirs', 0); delete from t where id = 700",
    );
    // then it is found, named, and mended, although the source did not change
    let wizard = moved.wizard();
    wizard.run(&["data", "verify"]).expect(1);
    let named = wizard.run(&["data", "diff"]).expect(1).out();
    assert!(named.contains("public.t: 1 only on the source, 1 only on the target, 1 with other values"), "{named}");
    assert!(
        named.contains("[\"500\"]  differs in v") && named.contains("[\"-1\"]  target only") && named.contains("[\"700\"]  source only"),
        "{named}"
    );
    assert_eq!(moved.copy(&small()).rows_copied, 3);
    moved.must_be_equal();
}

#[test]
fn foreign_keys_that_hold_do_not_take_rows_along() {
    // given a parent whose children go with it, in place on both sides
    let objects = "create table parent (id int primary key, v text unique, up int references parent); \
                   create table child (id int primary key, parent int references parent on delete cascade)";
    let moved = Move::with(
        objects,
        "insert into parent select g, 'v' || g, nullif(g - 1, 0) from generate_series(1, 2500) g; insert into child select g, 1 + g % 2500 from generate_series(1, 5000) g",
        Rules::default(),
    );
    assert_eq!(moved.copy(&small()).rows_copied, 7500);
    moved.must_be_equal();
    // when parents change, and rows come that need each other
    sql(
        &moved.from,
        "update parent set v = 'changed' where id = 7; insert into parent values (9001, 'new', 9000 - 8000); insert into parent values (9002, 'newer', 9001);
         insert into child values (9001, 9002); delete from child where parent = 2500; delete from parent where id = 2500",
    );
    let report = moved.copy(&small());
    // then only what changed is written: the children of the changed parent stay; those of the deleted one may go with it, uncounted
    assert!((5..=7).contains(&report.rows_copied), "{report:?}");
    moved.must_be_equal();
}

#[test]
fn a_unique_value_that_two_rows_exchange_arrives() {
    let moved = Move::with(
        "create table t (id int primary key, v text unique)",
        "insert into t select g, 'v' || g from generate_series(1, 5000) g",
        Rules::default(),
    );
    moved.copy(&small());
    sql(&moved.from, "update t set v = 'tmp' where id = 1; update t set v = 'v1' where id = 4999; update t set v = 'v4999' where id = 1");
    moved.copy(&small());
    moved.must_be_equal();
}

#[test]
fn a_unique_index_that_does_not_hold_is_dropped_and_named() {
    // given a case-insensitive unique column, whose values differ in case alone: it holds on the source, not by byte
    let moved = Move::of(database("folded"), Rules::default());
    sql(
        &moved.from,
        "create table u (id int primary key, mail text); insert into u values (1, 'a@x'), (2, 'b@x'); create unique index u_mail on u (lower(mail))",
    );
    let wizard = moved.wizard();
    // when a duplicate is on the other side already, beside the rows that come
    sql(&moved.standin.connector(), "create table u (id int primary key, mail text)");
    sql(&moved.from, "drop index u_mail; insert into u values (3, 'B@x')");
    sql(&moved.from, "create unique index u_mail on u (lower(mail)) where id < 3");
    sql(&moved.from, "alter index u_mail rename to u_mail_part");
    wizard.run(&["data", "copy", "--with-schema"]).expect(0);
    assert_eq!(value(moved.standin.backing(), "select indisvalid from pg_index where indexrelid = 'u_mail_part'::regclass"), "t");
    // and an index that the rows do not fulfil is asked for
    let made = block(async {
        let session = moved.standin.connector().connect(migrate_wizard::postgres::Access::ReadWrite).await.unwrap();
        let dialect = migrate_wizard::schema::Dialect::Dsql;
        migrate_wizard::schema::send(&session, dialect, "CREATE UNIQUE INDEX ASYNC u_mail ON public.u (lower(mail))").await
    });
    // then it is dropped, because it would refuse rows all the same, and said what to do
    let error = made.unwrap_err();
    assert!(
        error.kind == Kind::Conflict && error.what == "the unique index public.u_mail does not hold: the rows have duplicates",
        "{error}"
    );
    assert!(error.hint.contains("find the duplicates on the source"), "{error}");
    assert_eq!(value(moved.standin.backing(), "select count(*) from pg_class where relname = 'u_mail'"), "0");
    assert_eq!(value(moved.standin.backing(), "select count(*) from pg_class where relname = 'u_mail_part'"), "1");
}

#[test]
fn changes_made_on_dsql_go_back_and_what_both_changed_is_left_alone() {
    // given an app that moved with its schema
    let moved = Move::of(sample(1), Rules::default());
    moved.wizard().run(&["data", "copy", "--with-schema"]).expect(0);
    let (there, here) = (moved.standin.connector(), moved.from.clone());
    // when the app writes on the new side, and somebody on the old one
    sql(&there, "update grievances set title = 'changed there', tags = '[\"a,b\", null]' where id = 3");
    sql(&there, "insert into conversations (title) values ('new there')");
    sql(&there, "delete from replies where id = 5");
    sql(&there, "update messages set content = 'there' where id = 2");
    sql(&here, "update messages set content = 'here' where id = 2");
    // then the changes come back, and what both changed is listed and left alone
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &there.secret_url()).env("TARGET_DATABASE_URL", &here.secret_url());
    let done = wizard.run(&["data", "copy"]).expect(1).out();
    assert!(done.contains("conflict   public.messages [\"2\"]: changed on both sides since they were equal"), "{done}");
    assert!(done.contains("3 rows carried back"), "{done}");
    assert_eq!(value(&here, "select title || ' ' || tags::text from grievances where id = 3"), "changed there {\"a,b\",NULL}");
    assert_eq!(value(&here, "select count(*) from conversations where title = 'new there'"), "1");
    assert_eq!(value(&here, "select count(*) from replies where id = 5"), "0");
    assert_eq!(value(&here, "select content from messages where id = 2"), "here");
    assert_eq!(value(moved.standin.backing(), "select content from messages where id = 2"), "there");
    // and once that is settled by a person, both are equal
    sql(&here, "update messages set content = 'there' where id = 2");
    wizard.run(&["data", "copy"]).expect(0);
    wizard.run(&["data", "verify"]).expect(0);
}

#[test]
fn a_copy_killed_at_any_moment_goes_on() {
    let moved = Move::with(
        "create table t (id int primary key, v text, n bigint not null default 0); create table log (at int, what text)",
        "insert into t select g, repeat('v', 300) || g, g from generate_series(1, 30000) g; insert into log select g % 50, 'w' from generate_series(1, 3000) g; analyze",
        Rules::default(),
    );
    let wizard = moved.wizard();
    let args = ["data", "copy", "--chunk-rows", "2000", "--jobs", "2"];
    let mut chance = Chance::new(20_261_127);
    for _ in 0..10 {
        let mut child = wizard.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 + chance.number() % 900));
        // SIGKILL
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // then the last run needs no wait for the dead ones, and ends equal
    let start = std::time::Instant::now();
    wizard.run(&args).expect(0);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    moved.must_be_equal();
    assert_eq!(value(moved.standin.backing(), "select (select count(*) from t) || ' ' || (select count(*) from log)"), "30000 3000");
}

#[test]
fn rows_of_somebody_else_are_refused_until_they_may_be_replaced() {
    let moved = Move::with(OBJECTS, "insert into t values (1, 'ours', 0), (2, 'ours', 0)", Rules::default());
    sql(&moved.standin.connector(), "insert into t values (2, 'theirs', 0), (3, 'theirs', 0)");
    let refused = moved.try_copy(&small()).unwrap_err();
    assert!(
        refused.kind == Kind::Conflict && refused.causes == ["public.t already has rows that migrate-wizard did not write"],
        "{refused}"
    );
    assert_eq!(moved.copy(&Options { existing: Existing::Replace, ..small() }).rows_copied, 3);
    moved.must_be_equal();
}
