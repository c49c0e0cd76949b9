//! Sides that are strict: a source whose role has time limits, a target whose owner may not silence keys and triggers.

use std::time::Duration;

use super::ground::{COPY, Ground, between, digests, ended, quiet, schema_of, takes, written};
use crate::support::chance::Chance;
use crate::support::chaos::Chaos;
use crate::support::postgres::{block, database, rows, sql, value};
use migrate_wizard::postgres::{Access, Connector};

const SEED: u64 = 55;

#[test]
fn time_limits_of_the_sources_role_are_lifted_by_our_sessions_alone() {
    let ground = Ground::new("limited");
    let role = format!("limited_{}", ground.from.database());
    sql(
        &ground.from,
        &format!(
            "create role {role} login password 'pw'; grant select on all tables in schema public to {role}; grant select on all sequences in schema public to {role}; \
             alter role {role} set statement_timeout = '50ms'; alter role {role} set idle_in_transaction_session_timeout = '50ms'; \
             alter role {role} set idle_session_timeout = '1s'; alter role {role} set lock_timeout = '10ms'"
        ),
    );
    let limited = ground.from.with_user(&role).with_password("pw");
    // given a role that ends what takes long, and a session that may say otherwise
    block(async {
        let session = limited.connect(Access::ReadWrite).await.unwrap();
        let ended = session.text("select pg_sleep(0.2)").await.unwrap_err();
        assert!(ended.causes[0].contains("SQLSTATE 57014"), "{ended}");
        session.batch("set statement_timeout = 0").await.unwrap();
        session.text("select pg_sleep(0.2)").await.unwrap();
    });
    // then a slow copy and a slow comparison end well
    let line = Chaos::start(&limited, SEED);
    line.bytes_per_second(Some(2_000_000));
    let slow = line.connector();
    assert_eq!(value(&slow, "show statement_timeout"), "50ms");
    let wizard = between(&slow, &ground.to);
    wizard.run(&["data", "copy", "--jobs", "2"]).expect(0);
    sql(&ground.from, "update big set n = n + 1 where id % 3 = 0");
    wizard.run(&COPY).expect(0);
    wizard.run(&["data", "verify"]).expect(0);
    assert_eq!(digests(&ground.to), digests(&ground.from));
    assert_eq!(value(&limited, "show statement_timeout"), "50ms");
    // and with the schema too
    let to = database("limited_whole");
    between(&slow, &to).run(&["data", "copy", "--with-schema"]).expect(0);
    assert_eq!(digests(&to), digests(&ground.from));
}

const FAMILY: &str = "create table parent (id int primary key, n text unique); create table kid (id int primary key, parent int)";

/// A target of a role that owns everything there and is no superuser, with keys and triggers that would refuse or change rows.
struct Family {
    from: Connector,
    to: Connector,
}

impl Family {
    fn new(name: &str) -> Self {
        let (from, admin) = (database(name), database(&format!("{name}_to")));
        let role = format!("owner_{}", admin.database());
        sql(
            &admin,
            &format!(
                "create role {role} login password 'pw'; alter database {} owner to {role}; grant all on schema public to {role}",
                admin.database()
            ),
        );
        let to = admin.with_user(&role).with_password("pw");
        sql(&from, FAMILY);
        sql(
            &from,
            "insert into parent select g, 'p' || g from generate_series(1, 6000) g; insert into kid select g, 1 + g % 6000 from generate_series(1, 9000) g; analyze",
        );
        sql(&to, FAMILY);
        sql(
            &to,
            "alter table kid add constraint kid_parent_fkey foreign key (parent) references parent on delete cascade;
             create function f() returns trigger language plpgsql as 'begin raise exception ''fired''; end';
             create trigger plain before insert or update or delete on parent for each row execute function f();
             create trigger steady before insert on kid for each row execute function f(); alter table kid enable always trigger steady;
             create trigger asleep before insert on kid for each row execute function f(); alter table kid disable trigger asleep",
        );
        Self { from, to }
    }

    fn change(&self) {
        sql(
            &self.from,
            "update parent set n = n || '.' where id % 500 = 0; delete from kid where id % 333 = 0; insert into kid select 10000 + coalesce(max(id), 0), 1 from kid; analyze",
        );
    }

    #[track_caller]
    fn is_equal(&self) {
        for table in ["parent", "kid"] {
            let digest = format!("select count(*), sum(hashtextextended(t::text, 1)::numeric)::text from {table} t");
            assert_eq!(rows(&self.to, &digest), rows(&self.from, &digest), "{table}");
        }
    }
}

const SMALL: [&str; 6] = ["data", "copy", "--jobs", "3", "--chunk-rows", "1000"];

#[test]
fn keys_and_triggers_are_set_aside_and_put_back_for_an_owner_who_may_not_silence_them() {
    let family = Family::new("guards");
    let wizard = between(&family.from, &family.to);
    let schema = schema_of(&family.to);
    let before = written(&family.from);
    for pass in 0..3 {
        let said = wizard.run(&SMALL).expect(0).err();
        assert!(said.contains("kid_parent_fkey is set aside while rows are written") || pass > 0, "{said}");
        wizard.run(&["data", "verify"]).expect(0);
        family.is_equal();
        assert_eq!(schema_of(&family.to), schema, "pass {pass}");
        assert_eq!(value(&family.to, "select count(*) from migrate_wizard.aside"), "0");
        if pass == 0 {
            assert_eq!(written(&family.from), before);
        }
        family.change();
    }
    // a superuser's session silences all but the trigger that always fires: that one is set aside and put back
    between(&family.from, &family.from.with_database(family.to.database())).run(&SMALL).expect(0).says("steady is set aside");
    family.is_equal();
    assert_eq!(schema_of(&family.to), schema);
}

#[test]
fn killed_while_keys_are_set_aside_the_next_run_puts_them_back() {
    let family = Family::new("dropped");
    let wizard = between(&family.from, &family.to);
    let schema = schema_of(&family.to);
    let mut chance = Chance::new(SEED);
    family.change();
    let whole = takes(&wizard, &SMALL);
    let mut aside = 0;
    for round in 0..5 {
        for _ in 0..5 {
            family.change();
            let mut child = wizard.spawn(&SMALL);
            std::thread::sleep(Duration::from_millis(whole / 4 + chance.below(whole * 3 / 4)));
            child.kill().unwrap();
            ended(child);
            let admin = family.from.with_database(family.to.database());
            quiet(&admin);
            let ledger = value(&admin, "select to_regclass('migrate_wizard.aside') is not null") == "t";
            aside += u32::from(ledger && value(&family.to, "select count(*) from migrate_wizard.aside") != "0");
        }
        let seed = format!("seed {SEED}, round {round}");
        let done = wizard.run(&SMALL);
        assert_eq!(done.code(), 0, "{seed}: {}", done.err());
        family.is_equal();
        assert_eq!(schema_of(&family.to), schema, "{seed}");
        assert_eq!(value(&family.to, "select count(*) from migrate_wizard.aside"), "0", "{seed}");
    }
    assert!(aside >= 3, "only {aside} of 25 kills came while something was set aside");
}

#[test]
fn rows_without_their_parent_are_told_by_the_name_of_the_key() {
    let family = Family::new("orphans");
    let wizard = between(&family.from, &family.to);
    let schema = schema_of(&family.to);
    sql(&family.from, "insert into kid values (50000, 70000)");
    for _ in 0..2 {
        let done = wizard.run(&SMALL).expect(1);
        assert!(done.err().contains("could not all be put back") && done.err().contains("kid_parent_fkey"), "{}", done.err());
        assert!(wizard.run(&["data", "status"]).expect(0).out().contains("to be put back  foreign key kid.kid_parent_fkey"));
    }
    // mended, everything is as it was
    sql(&family.from, "insert into parent values (70000, 'late')");
    wizard.run(&SMALL).expect(0);
    family.is_equal();
    assert_eq!(schema_of(&family.to), schema);
}
