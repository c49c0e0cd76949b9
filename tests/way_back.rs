//! Going back after the switch loses no row in silence: what was written on AWS is carried back, kept in a file, or counted and agreed to,
//! after the services there have stopped and before the source takes writes again; killed anywhere it goes on.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use migrate_wizard::data::Options;
use migrate_wizard::data::kept::{self, Applied, Manner};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::freeze::{self, How};
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::progress::Reporter;
use migrate_wizard::wizard::effect::Outputs;
use migrate_wizard::wizard::journal::Entry;
use migrate_wizard::wizard::state::{End, Status};
use serde_json::{Value, json};

use super::effects::stage::{self, Part, Run, Stage};
use super::support::emulator::Emulator;
use super::support::pair::Pair;
use super::support::postgres::{block, database, rows, sql, value};
use super::support::rehearsal::{Rehearsal, signal, silent, wait_until};
use super::support::wizard::{Done, Wizard};

/// What the app wrote on AWS after the switch: `$new` new rows and a few of every other kind.
const WRITTEN: &str = "
insert into public.categories (code, label) select 'aws ' || g, 'it''s \\ new' || chr(10) || 'on AWS' from generate_series(1, $new) g;
update public.departments set name = name || ' (AWS)', languages = '[\"de\", \"fr\"]' where id in (2, 3);
delete from public.grievance_watchers where ctid in (select ctid from public.grievance_watchers limit 4);
insert into public.conversations (title) values ('from AWS');
insert into public.messages (conversation_id, role, content) select max(id), 'user', 'hello' from public.conversations";

/// Rows of [`WRITTEN`] but for the new ones.
const FEW: u64 = 2 + 4 + 1 + 1;

/// The tables that it wrote to, alike on both sides.
const TABLES: [(&str, &str); 5] = [
    ("categories", "select code, label from public.categories order by 1"),
    ("departments", "select id::text, name, to_jsonb(languages)::text from public.departments order by id"),
    ("grievance_watchers", "select grievance_id::text, user_id from public.grievance_watchers order by 1, 2"),
    ("conversations", "select id::text, title from public.conversations order by id"),
    ("messages", "select conversation_id::text, content from public.messages order by id"),
];

fn seen(side: &Connector) -> Vec<(&'static str, Vec<String>)> {
    TABLES.iter().map(|(name, query)| (*name, rows(side, query))).collect()
}

/// A demo at its end with this answer, and what the app wrote on AWS since.
struct Moved {
    rehearsal: Rehearsal,
    /// Of the source, before.
    old: Vec<(&'static str, Vec<String>)>,
    /// Of the target, after.
    new: Vec<(&'static str, Vec<String>)>,
}

impl Moved {
    fn new(name: &str, emulator: Option<&Emulator>, choice: &str, new: u64) -> Self {
        let rehearsal = Rehearsal::new(name, emulator);
        let answer = format!("writes_after={choice}");
        Done(rehearsal.demo().args(["--set", &answer]).output().unwrap()).expect(0);
        assert!(rehearsal.is_frozen());
        sql(&rehearsal.target(), &WRITTEN.replace("$new", &new.to_string()));
        let (old, new) = (seen(&rehearsal.source()), seen(&rehearsal.target()));
        assert!(old.iter().zip(&new).all(|(old, new)| old != new), "every one of the tables was written to");
        Self { rehearsal, old, new }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.rehearsal.run_dir().unwrap().join(name)
    }

    fn record(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.file("way-back.json")).unwrap()).unwrap()
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.file("report.md")).unwrap()
    }

    fn back(&self, more: &[&str]) -> Done {
        self.rehearsal.run(&[&["rollback", "--yes"], more].concat())
    }

    /// The steps that were undone, in their order.
    fn undone(&self) -> Vec<String> {
        let records = self.rehearsal.records();
        records.into_iter().filter_map(|r| if let Entry::UndoDone { step, .. } = r.what { Some(step) } else { None }).collect()
    }

    fn is_rolled_back(&self) {
        assert_eq!(self.rehearsal.state().ended, Some(End::RolledBack));
        let undone = self.undone();
        let at = |step: &str| undone.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} of {undone:?}"));
        assert!(at("start[app]") < at("way_back") && at("way_back") < at("freeze") && at("way_back") < at("rows"), "{undone:?}");
        assert!(!self.rehearsal.is_frozen(), "the app on Replit can write again");
        let ours = "select count(*) from pg_namespace where nspname = 'migrate_wizard'";
        assert_eq!(value(&self.rehearsal.source(), ours), "0", "no ledger is left on the source");
    }

    /// A row that a client writes on the source although it is frozen.
    fn writes_past_the_freeze(&self, statement: &str) {
        sql(&self.rehearsal.source().past_the_freeze(), statement);
    }

    /// How often the step's undo was begun.
    fn begun(&self) -> u64 {
        let text = std::fs::read_to_string(self.file("journal.jsonl")).unwrap();
        text.matches("\"entry\":\"undo_started\",\"step\":\"way_back\"").count() as u64
    }

    fn apply(&self, file: &str, more: &[&str]) -> Done {
        let wizard = Wizard::empty().env("TARGET_DATABASE_URL", &self.rehearsal.source().secret_url());
        let file = self.file(file);
        wizard.run(&[&["data", "apply-kept", file.to_str().unwrap()], more].concat())
    }
}

#[test]
fn rows_are_carried_back_and_what_both_sides_changed_is_kept_and_named() {
    let emulator = Emulator::start(&[]);
    let moved = Moved::new("carried", Some(&emulator), "carry_back", 20_000);
    // given a row that somebody wrote on the frozen source meanwhile, and the app on AWS too
    moved.writes_past_the_freeze("update public.departments set contact_email = 'old side' where id = 2");
    let of_two = "select name || ' ' || contact_email from public.departments where id = 2";
    let left = value(&moved.rehearsal.source(), of_two);

    moved.back(&[]).expect(0);

    moved.is_rolled_back();
    let now = seen(&moved.rehearsal.source());
    for ((name, now), (_, new)) in now.iter().zip(&moved.new) {
        if *name == "departments" {
            let differ: Vec<_> = now.iter().zip(new).filter(|(a, b)| a != b).collect();
            assert!(differ.len() == 1 && differ[0].0.starts_with("2|"), "only the row of both sides: {differ:?}");
        } else {
            assert!(now == new, "{name}: {} rows of {}", now.len(), new.len());
        }
    }
    assert_eq!(value(&moved.rehearsal.source(), of_two), left, "it is never overwritten");
    // new rows get numbers past those that came
    let next = "select nextval('public.conversations_id_seq') > (select max(id) from public.conversations)";
    assert_eq!(value(&moved.rehearsal.source(), next), "t");

    // what came of it is written down and told
    let record = moved.record();
    assert_eq!((&record["stage"], &record["carried"]["public.categories"]), (&json!("done"), &json!(20_000)));
    let conflicts = record["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!((&conflicts[0]["table"], &conflicts[0]["key"]), (&json!("public.departments"), &json!("[\"2\"]")));
    let carried: u64 = record["carried"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
    assert_eq!(carried, 20_000 + FEW - 1);
    let report = moved.report();
    for words in
        ["## Rows written on AWS", "| public.categories | 20,000 |", "public.departments [\"2\"]: changed on both sides", "SHA-256 "]
    {
        assert!(report.contains(words), "{words}: {report}");
    }
    println!("carried back {carried} rows in {} ms", record["millis"]);

    // the row of both sides, with both sides' values, can be put in by a person's decision; twice equals once
    let file = moved.file("way-back/conflicts.jsonl");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let would = moved.apply("way-back/conflicts.jsonl", &["--dry-run"]).expect(0);
    assert!(would.out().contains("0 rows would be put in, 1 would be changed"), "{}", would.out());
    assert_eq!(value(&moved.rehearsal.source(), of_two), left);
    assert!(moved.apply("way-back/conflicts.jsonl", &[]).expect(0).out().contains("1 changed"));
    assert_eq!(seen(&moved.rehearsal.source())[1], moved.new[1]);
    assert!(moved.apply("way-back/conflicts.jsonl", &[]).expect(0).out().contains("0 changed, 0 deleted, 1 there already"));
}

#[test]
fn a_way_back_killed_at_many_moments_goes_on_and_counts_right() {
    let moved = Moved::new("killed", None, "carry_back", 6_000);
    let old: Vec<_> = moved.old.clone();
    let mut kills = 0;
    for at in 0_u64.. {
        let mut child = silent(moved.rehearsal.command(&["rollback", "--yes"]));
        // from the first word of this step in this session on, a little further each time
        let begun = wait_until(&mut child, "the way back", || moved.begun() > at);
        assert!(begun, "it ended before its way back");
        std::thread::sleep(std::time::Duration::from_millis(at * 60));
        if child.try_wait().unwrap().is_some() || moved.rehearsal.state().status("way_back") == Status::Undone {
            // this time it came past it: it may end
            let ended = child.wait().unwrap().code();
            let journal = std::fs::read_to_string(moved.rehearsal.run_dir().unwrap().join("journal.jsonl")).unwrap();
            let last: Vec<&str> = journal.lines().rev().take(6).collect();
            assert_eq!(ended, Some(0), "after {kills} kills: {last:#?}");
            break;
        }
        // one is cut off, the next is asked to stop: neither may release the source
        signal(&child, if at % 2 == 0 { "KILL" } else { "TERM" });
        child.wait().unwrap();
        kills += 1;
        if moved.rehearsal.state().status("way_back") == Status::Undone {
            moved.back(&[]).expect(0);
            break;
        }
        assert!(moved.rehearsal.is_frozen(), "the source is not released before its rows are back");
        // a table is as it was or as it becomes, never in between
        let now = seen(&moved.rehearsal.source());
        for ((now, old), new) in now.iter().zip(&old).zip(&moved.new) {
            assert!(now == old || now == new, "kill {kills}: {}: {} rows", now.0, now.1.len());
        }
        assert!(at < 60, "it does not come to its end");
    }
    assert!(kills >= 4, "only {kills} kills");
    println!("{kills} kills");
    moved.is_rolled_back();
    assert_eq!(seen(&moved.rehearsal.source()), moved.new);
    let carried: u64 = moved.record()["carried"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
    assert_eq!(carried, 6_000 + FEW, "counted once, however often it was begun");
    assert_eq!(moved.record()["left"], json!([]));
}

#[test]
fn rows_are_kept_in_a_file_that_can_be_put_in_later() {
    let moved = Moved::new("kept", None, "keep_aside", 3_000);
    moved.back(&[]).expect(0);
    moved.is_rolled_back();
    assert_eq!(seen(&moved.rehearsal.source()), moved.old, "nothing was written to the source");
    let record = moved.record();
    assert_eq!((&record["file"]["rows"], &record["choice"]), (&json!(3_000 + FEW), &json!("keep_aside")));
    assert_eq!(std::fs::metadata(moved.file("way-back/kept.jsonl")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(moved.report().contains("kept aside: 3,008 rows"), "{}", moved.report());

    // given an app on Replit that has gone on: a changed row of the file, and a row that only it has
    sql(
        &moved.rehearsal.source(),
        "update public.departments set name = 'gone on' where id = 3; insert into public.categories (code, label) values ('replit', 'mine')",
    );
    let begun = std::time::Instant::now();
    let told = moved.apply("way-back/kept.jsonl", &[]).expect(1).out();
    println!("kept 3,008 rows in {} ms, put in in {} ms", record["millis"], begun.elapsed().as_millis());
    assert!(told.contains("left       public.departments [\"3\"]: changed since it was kept"), "{told}");
    assert!(told.contains("3,002 rows put in, 1 changed, 4 deleted, 0 there already, 1 left as they are"), "{told}");
    let now = seen(&moved.rehearsal.source());
    assert_eq!(value(&moved.rehearsal.source(), "select name from public.departments where id = 3"), "gone on");
    assert_eq!(value(&moved.rehearsal.source(), "select label from public.categories where code = 'replit'"), "mine");
    assert_eq!((&now[2], &now[3], &now[4]), (&moved.new[2], &moved.new[3], &moved.new[4]));
    // the triggers are as they were, and none fired
    assert_eq!(value(&moved.rehearsal.source(), "select count(*) from pg_trigger where not tgisinternal and tgenabled <> 'O'"), "0");
    // twice equals once
    let again = moved.apply("way-back/kept.jsonl", &[]).expect(1).out();
    assert!(again.contains("0 rows put in, 0 changed, 0 deleted, 3,007 there already, 1 left as they are"), "{again}");
    assert_eq!(seen(&moved.rehearsal.source()), now);
}

#[test]
fn a_loss_is_counted_and_needs_a_word_for_its_number() {
    let moved = Moved::new("lost", None, "accept_loss", 100);
    let refused = moved.back(&[]).expect(1);
    refused.says("108 rows on AWS would be lost").says("public.categories: 100 new, 0 changed, 0 deleted").says("--confirm lose-108-rows");
    assert_eq!(moved.rehearsal.state().status("way_back"), Status::UndoFailed);
    assert!(moved.rehearsal.is_frozen(), "nothing more is undone until then");
    moved.back(&["--confirm", "lose-1-rows"]).expect(1).says("108 rows");

    moved.back(&["--confirm", "lose-108-rows"]).expect(0);

    moved.is_rolled_back();
    assert_eq!(seen(&moved.rehearsal.source()), moved.old);
    assert_eq!(moved.record()["agreed"], json!(108));
    let report = moved.report();
    assert!(report.contains("lost: 108 rows") && report.contains("the loss of 108 rows was agreed to"), "{report}");
}

/// The app's own migration changed a table on AWS: what cannot be carried is kept instead, at the person's word.
#[test]
fn what_cannot_be_carried_any_more_is_kept_at_a_word() {
    let moved = Moved::new("instead", None, "carry_back", 50);
    sql(&moved.rehearsal.target(), "alter table public.categories add added text not null default 'x'");
    let refused = moved.back(&[]).expect(1);
    assert!(refused.err().contains("public.categories.added is on the source but not on the target"), "{}", refused.err());
    refused.says("--confirm keep-aside").says("--confirm no-way-back");
    assert!(moved.rehearsal.is_frozen());
    assert_eq!(seen(&moved.rehearsal.source()), moved.old, "nothing was written to it");

    moved.back(&["--confirm", "keep-aside"]).expect(0);

    moved.is_rolled_back();
    assert_eq!((&moved.record()["choice"], &moved.record()["file"]["rows"]), (&json!("keep_aside"), &json!(50 + FEW)));
    let told = moved.apply("way-back/kept.jsonl", &[]).expect(1).out();
    assert!(told.contains("by hand    public.categories: "), "{told}");
    assert!(told.contains("2 rows put in, 2 changed, 4 deleted, 0 there already, 0 left as they are, 50 for your hands"), "{told}");
}

/// Keys that became uuids, a table without a key, one that only the new side has: all of it is kept, and named with its reason.
#[test]
fn what_a_file_cannot_put_back_is_in_it_all_the_same() {
    let (old, new) = (database("kept_old"), database("kept_new"));
    let tables = "create table log (at int, what text); create table plain (id int primary key, v text, n numeric(12, 2))";
    sql(&old, tables);
    sql(&new, tables);
    sql(&old, "create table num (id serial primary key, v text); insert into num (v) select g::text from generate_series(1, 5) g");
    sql(&new, "create table num (id uuid primary key, v text)");
    sql(&old, "insert into log values (1, 'a'), (2, 'b'); insert into plain values (1, 'one', 1), (2, null, 2)");
    let pair = Pair { from: old.clone(), to: new.clone() };
    pair.copy(&Options::default());
    // given an app that wrote on the new side
    sql(&new, "create table made (id int); insert into made values (1)");
    sql(
        &new,
        "insert into log values (3, E'tab\\tand\\nline'); update plain set v = 'two', n = 2.5 where id = 2; insert into plain values (3, '', null);
         insert into num values (gen_random_uuid(), 'new'); update num set v = 'changed' where v = '1'; delete from num where v = '2'",
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kept.jsonl");
    let silent = Reporter::silent();
    let left = block(kept::compare(&new, &old, &rows_options(), Some(&path), &silent)).unwrap();
    let mut found: Vec<_> = left.tables.iter().map(|t| (t.table.as_str(), t.new, t.changed, t.deleted, t.by_hand.is_empty())).collect();
    found.sort_unstable();
    let expected =
        [("public.log", 3, 0, 0, false), ("public.made", 1, 0, 0, false), ("public.num", 1, 1, 1, false), ("public.plain", 1, 1, 0, true)];
    assert_eq!(found, expected);
    let text = std::fs::read_to_string(&path).unwrap();
    for words in
        ["tab\\tand\\nline", "no key tells its rows apart", "a row that was made here has no number", "it is not on the other side"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // what can be put in is put in, the rest is named
    let put = |look_only| block(kept::apply(&old, &path, Manner { edited: false, look_only }, &silent));
    let would = put(true).unwrap();
    assert_eq!((would.inserted, would.updated, would.left), (1, 1, 7));
    assert_eq!(put(false).unwrap().written(), 2);
    assert_eq!(put(false).unwrap(), Applied { there: 2, inserted: 0, updated: 0, ..would.clone() });
    assert_eq!(rows(&old, "select id::text, v, n::text from plain order by id"), ["1|one|1.00", "2|two|2.50", "3||NULL"]);
    assert_eq!(would.by_hand.keys().collect::<Vec<_>>(), ["public.log", "public.made", "public.num"]);
    // a database that is not the right one is refused as a whole
    sql(&old, "alter table plain rename column v to w");
    let wrong = put(false).unwrap_err();
    assert!(wrong.kind == Kind::Conflict && wrong.what == "public.plain has no column v", "{wrong}");
}

/// Rows that need each other, in an order that does not suit: all or nothing, with triggers still and as they were.
#[test]
fn rows_that_stand_on_each_other_are_put_in_together() {
    let objects = "create table child (id int primary key, parent int not null); create table parent (id int primary key, name text unique);
                   alter table child add foreign key (parent) references parent;
                   create table fired (n int); create function noted() returns trigger language plpgsql as 'begin insert into fired values (1); return new; end';
                   create trigger a after insert or update on parent for each row execute function noted();
                   create trigger b after insert on parent for each row execute function noted(); alter table parent enable always trigger b";
    let pair = Pair::new("together", objects);
    sql(&pair.from, "insert into parent values (1, 'one'), (2, 'two'); insert into child values (1, 1), (2, 2); truncate fired");
    pair.copy(&Options::default());
    // 'two' goes from one row to another, a child moves, the old parent goes
    sql(
        &pair.to,
        "alter table parent disable trigger a, disable trigger b; insert into parent values (4, 'four'); update child set parent = 4 where id = 2;
         delete from parent where id = 2; insert into parent values (5, 'two'); insert into child select g, 5 from generate_series(10, 700) g",
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kept.jsonl");
    let silent = Reporter::silent();
    block(kept::compare(&pair.to, &pair.from, &rows_options(), Some(&path), &silent)).unwrap();
    // given a row that is in the way, nothing is written
    sql(
        &pair.from,
        "alter table parent disable trigger a, disable trigger b; insert into parent values (9, 'four'); alter table parent enable trigger a, enable always trigger b",
    );
    let put = || block(kept::apply(&pair.from, &path, Manner::default(), &silent));
    let refused = put().unwrap_err();
    assert!(refused.to_string().contains("nothing was written"), "{refused}");
    assert_eq!(value(&pair.from, "select count(*) from child"), "2");
    sql(&pair.from, "delete from parent where id = 9");
    assert_eq!(put().unwrap().written(), 1 + 1 + 1 + 1 + 691);
    for query in ["select id::text, parent::text from child order by id", "select id::text, name from parent order by id"] {
        assert_eq!(rows(&pair.from, query), rows(&pair.to, query));
    }
    assert_eq!(value(&pair.from, "select count(*) from fired"), "0");
    let triggers = "select tgname, tgenabled::text from pg_trigger where not tgisinternal order by 1";
    assert_eq!(rows(&pair.from, triggers), ["a|O", "b|A"]);
}

fn rows_options() -> Options {
    let mut options = Options::default();
    options.choice.except.push("migrate_wizard.*".to_owned());
    options
}

#[test]
fn a_way_back_that_cannot_be_gone_is_refused_before_anything_is_frozen() {
    let stage = Stage::open(Run::Live, None, None);
    let check = |fields: Value| {
        let effect = stage.build("way_back_check", fields);
        stage.run(effect.apply(&stage.world, &stage.context(Outputs::new())))
    };
    for (fields, cause, instead) in [
        (json!({ "choice": "carry_back", "serial_keys": "uuid" }), "has no old number", "writes_after=keep_aside"),
        (json!({ "choice": "keep_aside", "place": "cluster=shop" }), "only by tasks inside the VPC", "writes_after=carry_back"),
    ] {
        let error = check(fields).unwrap_err();
        assert!(error.kind == Kind::Conflict && error.causes[0].contains(cause) && error.hint.contains(instead), "{error}");
    }
    for fields in [
        json!({ "choice": "carry_back", "serial_keys": "cache_1", "place": "cluster=shop" }),
        json!({ "choice": "keep_aside", "serial_keys": "uuid" }),
        json!({ "choice": "accept_loss", "serial_keys": "uuid", "place": "cluster=shop" }),
    ] {
        check(fields).unwrap();
    }
}

/// Without the ledger of the way there nobody can tell who wrote a row: it is refused when the way back is opened, not when it is needed.
#[test]
fn without_the_ledger_the_way_back_is_not_opened() {
    let stage = Stage::new(Part::Postgres, None);
    let fields = |choice: &str| json!({ "choice": choice, "target": stage.target_fields() });
    stage.apply("schema", json!({ "phase": "before", "target": stage.target_fields() }));
    let effect = stage.build("way_back", fields("carry_back"));
    let error = stage.run(effect.apply(&stage.world, &stage.context(Outputs::new()))).unwrap_err();
    assert!(error.kind == Kind::Conflict && error.what.starts_with("nothing tells which rows of "), "{error}");
    stage.apply("way_back", fields("keep_aside"));
    stage.apply("rows", json!({ "target": stage.target_fields() }));
    stage.apply("way_back", fields("carry_back"));
}

#[test]
fn only_the_way_back_writes_past_the_freeze() {
    let source = database("past");
    sql(&source, stage::SEED);
    block(async { freeze::freeze(&source.connect(Access::ReadWrite).await.unwrap(), How::ReadOnly).await.unwrap() });
    let write = "update shop set name = 'x' where id = 1";
    let tried = |connector: &Connector| block(async { connector.connect(Access::ReadWrite).await?.batch(write).await });
    assert!(tried(&source).is_err(), "everybody else is held back");
    tried(&source.past_the_freeze()).unwrap();
    assert_eq!(tried(&source.past_the_freeze().only_reading()).unwrap_err().kind, Kind::Refused);
}
