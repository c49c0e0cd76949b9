//! `schema apply`: what stands in the files is what is made, whatever interrupts it; and what was chosen holds for the rows too.
//! The end is judged by pg_dump and by the servers' catalogues.

use std::path::Path;

use migrate_wizard::data::{self, Options as CopyOptions};
use migrate_wizard::postgres::{Connector, key_uuid};
use migrate_wizard::progress::Reporter;
use migrate_wizard::schema::{self, Options, Phase, Target};

use crate::support::dsql::{Rules, Standin};
use crate::support::postgres::{Server, block, client, database, database_in_c, printed, rows, sample, sql, value};
use crate::support::schema::apply;
use crate::support::wizard::Wizard;

/// The schema as pg_dump sees it.
fn dumped(database: &Connector) -> String {
    let mut command = client(Server::Own, "pg_dump", database);
    command.args(["--schema-only", "--no-owner", "--no-privileges"]);
    printed(command).lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
}

fn convert(wizard: &Wizard, target: &str, more: &[&str]) {
    wizard.run(&[&["schema", "convert", "--target", target, "--out", "sql"], more].concat()).expect(0);
}

/// Lines of the journal beside the files.
fn journal(folder: &Path) -> Vec<String> {
    let found = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "jsonl"));
    found.map(|path| std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()).unwrap_or_default()
}

#[test]
fn killed_at_every_statement_it_ends_as_if_it_had_not_been() {
    // given the files of a conversion
    let (from, to) = (sample(1), database("applied"));
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "rds", &[]);
    let folder = wizard.path().join("sql");
    // when it is killed each time it has written one line more, or two, or three: before a statement, after it, and before the next
    let (mut kills, mut code) = (0, -1);
    while code != 0 {
        let enough = journal(&folder).len() + 1 + kills % 3;
        let mut child = wizard.spawn(&["schema", "apply", "sql"]);
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if journal(&folder).len() >= enough {
                child.kill().unwrap();
                break child.wait().unwrap().code();
            }
        };
        kills += usize::from(ended.is_none());
        code = ended.unwrap_or(-1);
        assert!(code <= 0, "it failed with {code} after {kills} kills");
        assert!(kills < 400);
    }
    // then the schema is the source's, and the journal names each statement before it was sent
    assert!(kills > 30, "{kills}");
    assert_eq!(dumped(&to), dumped(&from));
    let lines = journal(&folder);
    let entries: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| entries.iter().filter(|e| e["entry"] == kind).map(|e| e["digest"].as_str().unwrap()).collect::<Vec<_>>();
    for done in of("done") {
        assert!(of("started").contains(&done), "{done}");
    }
    assert!(!lines.concat().contains(&from.secret_url()) && entries[0]["target"] == to.label().as_str());
    // and once more there is nothing to do
    let again = wizard.run(&["schema", "apply", "sql"]).expect(0).out();
    assert!(again.starts_with("0 statements made, "), "{again}");
    let said = wizard.run(&["schema", "diff"]).expect(0).out();
    assert!(said.starts_with("equal: "), "{said}");
}

#[test]
fn what_a_person_changed_in_the_files_is_what_is_made() {
    let (from, to) = (database("edited"), database("edited_to"));
    sql(&from, "create table t (id int primary key, name text)");
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "rds", &[]);
    let file = wizard.path().join("sql/40-tables.sql");
    let edited = std::fs::read_to_string(&file).unwrap().replace("name text", "name varchar(40) NOT NULL");
    std::fs::write(&file, edited).unwrap();
    // a dry run lists what it would run, and runs nothing
    let dry = wizard.run(&["schema", "apply", "sql", "--dry-run"]).expect(0).out();
    assert!(dry.contains("40-tables.sql:3 CREATE TABLE public.t") && dry.contains("nothing was"), "{dry}");
    assert_eq!((rows(&to, "select 1 from pg_class where relname = 't'").len(), journal(&wizard.path().join("sql")).len()), (0, 0));
    // before the rows only the tables, after them the key
    let said = wizard.run(&["schema", "apply", "sql", "--phase", "before"]).expect(0).out();
    assert!(said.starts_with("1 statement made, 0 there already") && said.contains("--phase after"), "{said}");
    assert_eq!(
        value(&to, "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attname = 'name'"),
        "character varying(40)"
    );
    assert_eq!(value(&to, "select count(*) from pg_index where indrelid = 't'::regclass"), "0");
    wizard.run(&["schema", "apply", "sql", "--phase", "after"]).expect(0);
    assert_eq!(value(&to, "select count(*) from pg_index where indrelid = 't'::regclass"), "1");
}

#[test]
fn a_statement_that_fails_is_named_with_its_file_and_line_and_the_same_command_goes_on() {
    let (from, to) = (database("failing"), database("failing_to"));
    sql(&from, "create table t (id int primary key); create table u (id int primary key)");
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "rds", &[]);
    let file = wizard.path().join("sql/40-tables.sql");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("CREATE TABLE public.u (\n    id integer", "CREATE TABLE public.u (\n    id intger")).unwrap();
    wizard
        .run(&["schema", "apply", "sql"])
        .expect(1)
        .says("cannot apply 40-tables.sql:")
        .says("type \"intger\" does not exist")
        .says("next:");
    std::fs::write(&file, good).unwrap();
    let said = wizard.run(&["schema", "apply", "sql"]).expect(0).out();
    assert!(said.starts_with("3 statements made, 1 there already"), "{said}");
    // the journal of one target is not another's, and a damaged one is refused by line
    let journal = std::fs::read_dir(wizard.path().join("sql"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "jsonl"))
        .unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("failing_to", "another", 1)).unwrap();
    wizard.run(&["schema", "apply", "sql"]).expect(1).says("is the journal of").says("next:");
    std::fs::write(&journal, text.replacen("{\"entry\":\"started\"", "{\"entry\":\"begun\"", 1)).unwrap();
    wizard.run(&["schema", "apply", "sql"]).expect(2).says(":2: this line is no entry of a journal");
    // a torn last line says nothing and is cut off
    std::fs::write(&journal, format!("{text}{{\"entry\":\"don")).unwrap();
    wizard.run(&["schema", "apply", "sql"]).expect(0);
    wizard.run(&["schema", "apply", "nowhere"]).expect(2).says("cannot read nowhere").says("schema convert --out");
}

#[test]
fn on_dsql_jobs_are_awaited_and_a_half_built_index_is_built_again() {
    // given a cluster on which the index's job failed once and left it invalid
    let from = database("jobs");
    sql(
        &from,
        "create table t (id serial primary key, name text unique, status text); create index t_status on t (status); create table u (t_id int references t)",
    );
    let standin = Standin::start(&database_in_c("jobs"), Rules::default());
    let to = standin.connector();
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "dsql", &[]);
    wizard.run(&["schema", "apply", "sql", "--phase", "before"]).expect(0);
    sql(
        standin.backing(),
        "create index t_status on t (status); update pg_index set indisvalid = false where indexrelid = 't_status'::regclass",
    );
    // when what follows the data is applied
    wizard.run(&["schema", "apply", "sql", "--phase", "after"]).expect(0);
    // then the index is whole and the foreign key validated
    assert_eq!(value(standin.backing(), "select indisvalid from pg_index where indexrelid = 't_status'::regclass"), "t");
    assert_eq!(rows(standin.backing(), "select convalidated from pg_constraint where contype = 'f'"), ["t"]);
    // and files for RDS are not for it
    wizard.run(&["schema", "convert", "--target", "rds", "--out", "rds"]).expect(0);
    wizard.run(&["schema", "apply", "rds"]).expect(1).says("is an Aurora DSQL cluster, and these files are not for DSQL");
}

#[test]
fn a_cluster_is_compared_with_the_conversion_part_by_part() {
    // given a cluster with the sample's schema
    let (from, standin) = (sample(1), Standin::start(&database_in_c("compared"), Rules::default()));
    let to = standin.connector();
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "dsql", &[]);
    // before the rows what follows them is missing
    wizard.run(&["schema", "apply", "sql", "--phase", "before"]).expect(0);
    let said = wizard.run(&["schema", "diff"]).expect(1).out();
    assert!(said.contains("missing      index:") && said.contains("missing      view:") && !said.contains("column:"), "{said}");
    wizard.run(&["schema", "apply", "sql", "--phase", "after"]).expect(0);
    // after them all of it is there, a dump of the source says so too
    let said = wizard.run(&["schema", "diff"]).expect(0).out();
    assert!(said.starts_with("equal: "), "{said}");
    std::fs::write(wizard.path().join("dump.sql"), dumped(&from)).unwrap();
    wizard.run(&["schema", "diff", "--from", "dump.sql"]).expect(0);
    // other choices are another schema
    let said = wizard.run(&["schema", "diff", "--choose", "enums=lookup_table"]).expect(1).out();
    assert!(said.contains("missing      table:") && said.contains("not wanted   constraint:"), "{said}");
    // when each sort of thing is changed by hand
    let changed = [
        ("alter table users add column by_hand int", "not wanted   column:public.users.by_hand"),
        ("alter table users drop column last_name cascade", "missing      column:public.users.last_name"),
        ("alter table users alter column created_at drop default", "differs      column:public.users.created_at"),
        ("alter table conversations alter column created_at drop not null", "differs      column:public.conversations.created_at"),
        ("alter table sessions alter column expire type timestamptz", "differs      column:public.sessions.expire"),
        ("alter table messages alter column id set cache 70000", "differs      column:public.messages.id"),
        ("alter table users drop constraint users_email_unique", "missing      constraint:public.users.users_email_unique"),
        ("alter table messages add constraint by_hand check (role <> '')", "not wanted   constraint:public.messages.by_hand"),
        (
            "alter table app.office_hours drop constraint office_hours_weekday_check, add constraint office_hours_weekday_check check (weekday between 1 and 6)",
            "differs      constraint:app.office_hours.office_hours_weekday_check",
        ),
        (
            "update pg_constraint set convalidated = false where conname = 'messages_conversation_id_conversations_id_fk'",
            "differs      constraint:public.messages.messages_conversation_id_conversations_id_fk",
        ),
        ("drop index users_email_lower_idx", "missing      index:public.users_email_lower_idx"),
        ("create index by_hand on sessions (sid)", "not wanted   index:public.by_hand"),
        (
            "update pg_index set indisvalid = false where indexrelid = 'replies_grievance_idx'::regclass",
            "differs      index:public.replies_grievance_idx",
        ),
        (
            "create or replace view open_grievances as select g.id, g.reference, g.title, g.priority, d.name as department, g.created_at from grievances g join departments d on d.id = g.department_id",
            "differs      view:public.open_grievances",
        ),
        ("create view app.by_hand as select 1 as one", "not wanted   view:app.by_hand"),
        ("create function app.by_hand() returns int language sql as 'select 1'", "not wanted   function:app.by_hand()"),
        ("create sequence app.by_hand_seq", "not wanted   sequence:app.by_hand_seq"),
        ("alter sequence app.receipt_number_seq increment by 1", "differs      sequence:app.receipt_number_seq"),
        ("comment on schema app is 'by hand'", "not wanted   comment:schema app"),
        ("create table hand_made (a int)", "not wanted   table:public.hand_made"),
        ("create schema by_hand", "not wanted   schema:by_hand"),
    ];
    for (by_hand, says) in changed {
        sql(standin.backing(), &format!("begin; {by_hand}; commit"));
        let said = wizard.run(&["schema", "diff"]).expect(1).out();
        assert!(said.contains(says), "{by_hand}: {says} is not in\n{said}");
    }
}

#[test]
fn what_was_there_and_is_otherwise_than_the_files_say_is_named() {
    let (from, standin) = (database("unlike"), Standin::start(&database_in_c("unlike"), Rules::default()));
    sql(&from, "create table t (id uuid primary key, name text not null); create table u (id uuid primary key)");
    sql(standin.backing(), "create table t (id uuid primary key, name varchar(9))");
    let to = standin.connector();
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    convert(&wizard, "dsql", &[]);
    let done = wizard.run(&["schema", "apply", "sql"]).expect(1).out();
    let told = "differs      column:public.t.name\n  - name varchar(9)\n  + name text not null";
    assert!(done.contains(told) && done.contains("1 object not as the files say. Next: change what is there"), "{done}");
    sql(standin.backing(), "drop table t");
    let done = wizard.run(&["schema", "apply", "sql"]).expect(1).out();
    assert!(done.contains("missing      table:public.t"), "{done}");
}

/// Three tables whose numbers become uuids, in a cycle and through another table.
const NUMBERED: &str = "create table users (id serial primary key, name text, boss int references users);
create table profiles (user_id int primary key references users on delete cascade, bio text);
create table notes (id bigserial primary key, profile_id int not null references profiles, body text);
create table \"Odd \"\"Name\" (id int generated always as identity primary key, user_id int references users);
insert into users (name, boss) select 'u' || g, case when g > 1 then g / 2 end from generate_series(1, 500) g;
insert into profiles select id, 'b' || id from users where id % 2 = 0;
insert into notes (profile_id, body) select (g % 250 + 1) * 2, 'n' || g from generate_series(1, 900) g where g % 250 < 249;
insert into \"Odd \"\"Name\" (user_id) select g from generate_series(1, 40) g";

fn uuids() -> Options {
    let mut options = Options::default();
    options.choose("serial_keys=uuid", &schema::Capabilities::of(Target::Dsql).unwrap().choices).unwrap();
    options
}

#[test]
fn keys_that_become_uuids_keep_every_row_with_its_relations_and_can_be_made_again() {
    // given a source with numbered keys, and a target made for uuids
    let (from, to) = (database("numbered"), database("uuids"));
    sql(&from, NUMBERED);
    let dump = block(migrate_wizard::postgres::dump::schema_only(&from, &[])).unwrap();
    let conversion = schema::convert(&dump, Target::Dsql, &uuids()).unwrap();
    apply(&to, &conversion, Phase::Before);
    // when the rows are copied, and what follows them is made
    let options = CopyOptions { jobs: 2, chunk_rows: Some(200), ..CopyOptions::default() };
    let copied = block(data::copy(&from, &to, &options, &Reporter::silent())).unwrap();
    apply(&to, &conversion, Phase::After);
    // then every foreign key holds, relations are as they were, and both sides are equal
    assert_eq!(rows(&to, "select distinct convalidated from pg_constraint where contype = 'f'"), ["t"]);
    let related = "select u.name, b.name, p.bio, n.body from users u left join users b on b.id = u.boss left join profiles p on p.user_id = u.id left join notes n on n.profile_id = p.user_id order by 1, 2, 3, 4";
    assert_eq!(rows(&to, related), rows(&from, related));
    assert_eq!(value(&to, "select id from users where name = 'u42'"), key_uuid::of("public.users.id", "42").to_string());
    assert_eq!(value(&to, "select user_id from profiles where bio = 'b42'"), key_uuid::of("public.users.id", "42").to_string());
    assert!(block(data::verify(&from, &to, &options, &Reporter::silent())).unwrap().equal);
    // and again: only what changed is copied, by the same uuids
    sql(
        &from,
        "update users set name = 'changed' where id = 42; insert into users (name, boss) values ('new', 42); delete from notes where id = 7",
    );
    let again = block(data::copy(&from, &to, &options, &Reporter::silent())).unwrap();
    assert!(again.rows_copied < 20 && copied.rows_copied > 1600, "{} after {}", again.rows_copied, copied.rows_copied);
    assert!(block(data::verify(&from, &to, &options, &Reporter::silent())).unwrap().equal);
    // the expression that the report gives finds a row by its old number
    let made = key_uuid::expression("public.users.id", "42");
    assert_eq!(value(&to, &format!("select name from users where id = {made}")), "changed");
    // the way back is refused with the reason: a uuid made on AWS has no number
    let error = block(data::copy(&to, &from, &options, &Reporter::silent())).unwrap_err();
    assert!(error.line().contains("public.users.id is a uuid on the source and a number on the target"), "{}", error.line());
}

#[test]
fn an_enum_that_became_a_table_holds_its_rows_and_its_columns() {
    let (from, to) = (database("moods"), database("mood_table"));
    sql(
        &from,
        "create type mood as enum ('sad', 'ok', 'happy'); create table t (id int primary key, m mood default 'ok'); insert into t values (1, 'happy'), (2, 'sad'), (3, null)",
    );
    let dump = block(migrate_wizard::postgres::dump::schema_only(&from, &[])).unwrap();
    let mut options = Options::default();
    options.choose("enums=lookup_table", &schema::Capabilities::of(Target::Dsql).unwrap().choices).unwrap();
    let conversion = schema::convert(&dump, Target::Dsql, &options).unwrap();
    for _ in 0..2 {
        apply(&to, &conversion, Phase::Before);
    }
    block(data::copy(&from, &to, &CopyOptions::default(), &Reporter::silent())).unwrap();
    apply(&to, &conversion, Phase::After);
    let sorted = "select t.id from t left join mood on mood.value = t.m order by position nulls last";
    assert_eq!(rows(&to, sorted), ["2", "1", "3"], "the order of the enum");
    assert_eq!(rows(&to, "select value from mood order by position"), ["sad", "ok", "happy"]);
    let refused = block(async {
        to.connect(migrate_wizard::postgres::Access::ReadWrite).await.unwrap().batch("insert into t values (9, 'angry')").await
    });
    assert!(refused.unwrap_err().line().contains("t_m_value"));
}
