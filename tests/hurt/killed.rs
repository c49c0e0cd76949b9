//! The process is killed at any moment: the ledger tells the truth, and the same command goes on.

use std::time::{Duration, Instant};

use super::ground::{COPY, COUNT, Ground, between, digests, ended, quiet, report, schema_of, sequences, source, takes, written};
use crate::support::chance::Chance;
use crate::support::postgres::{database, sql, value};

const SEED: u64 = 20_261_127;

/// Small changes of the source, one after the other.
const CHANGES: [&str; 4] = [
    "update big set n = -n where id % 997 = 0; delete from pairs where a = 13; insert into words select md5('new' || g)::uuid, 'new' from generate_series(1, 50) g on conflict do nothing",
    "update swaps set v = 'tmp' where id = 1; update swaps set v = 'v1' where id = 4999; update swaps set v = 'v4999' where id = 1",
    "delete from nokey where a = 3; update toasted set body = reverse(body) where id % 50 = 0; update kinds set arr = null where id % 400 = 0",
    "truncate small_c; insert into small_a (v) select 'more' from generate_series(1, 300); update small_d set id = id || '-x' where id like 'd-1%'",
];

#[test]
fn killed_two_hundred_times_at_random_moments_it_ends_equal_and_the_ledger_never_lies() {
    let began = Instant::now();
    let ground = Ground::new("killed");
    let wizard = ground.wizard();
    let mut chance = Chance::new(SEED);
    // how long it takes undisturbed; other tests share the machine, so a run that outran its kill shortens it, one that was hit lengthens it
    let start = Instant::now();
    assert_eq!(report(&wizard.run(&[&COPY[..], &["--json"]].concat()).expect(0))["copy"]["rows_copied"], COUNT);
    let mut whole = u64::try_from(start.elapsed().as_micros()).unwrap();
    let (mut kills, mut amid, mut round) = (0, 0, 0);
    while kills < 200 {
        round += 1;
        ground.empty_target();
        let mut before = written(&ground.from);
        for kill in 0..8 {
            let seed = format!("seed {SEED}, round {round}, kill {kill}");
            let mut child = wizard.spawn(&COPY);
            std::thread::sleep(Duration::from_micros(chance.below(whole)));
            child.kill().unwrap();
            let hit = ended(child) == -1;
            kills += u32::from(hit);
            whole = if hit { whole * 103 / 100 } else { whole * 9 / 10 };
            quiet(&ground.to);
            let settled = ground.ledger_tells_the_truth(&seed);
            amid += u32::from(settled > 0);
            assert_eq!(written(&ground.from), before, "{seed}: the source was written to");
            if round % 2 == 1 && kill % 3 == 2 {
                sql(&ground.from, CHANGES[usize::try_from(chance.below(4)).unwrap()]);
                before = written(&ground.from);
            }
        }
        let seed = format!("seed {SEED}, round {round}");
        ground.ends_equal(&seed);
        assert_eq!(written(&ground.from), before, "{seed}: the source was written to");
        assert!(round < 60, "only {kills} of {} hit it at work", round * 8);
    }
    assert!(amid >= 50, "only {amid} of {kills} with chunks settled");
    eprintln!("{kills} kills, {amid} with chunks settled, in {:?}", began.elapsed());
}

/// What follows the rows.
const OBJECTS: &str = r#"
create index big_n on big (n); create index big_body on big (body text_pattern_ops); create unique index words_v on words (v) where v <> '';
create index kinds_j on kinds using gin (j); create index small_v on small_a (lower(v));
create table parent (id int primary key, n text); create table kid (id int primary key, parent int references parent on delete cascade);
alter table kid add constraint odd check (id > 0); alter table kinds add constraint kinds_num unique (num, id);
create function f() returns trigger language plpgsql as 'begin new.n := new.n || ''!''; return new; end';
create trigger tr before insert on parent for each row execute function f();
create view v as select p.id, count(k.id) from parent p left join kid k on k.parent = p.id group by 1;
insert into parent select g, 'p' from generate_series(1, 2000) g; insert into kid select g, 1 + g % 2000 from generate_series(1, 3000) g;
"#;

#[test]
fn killed_while_it_makes_tables_indexes_and_keys_it_leaves_what_an_undisturbed_run_leaves() {
    let from = source("whole");
    sql(&from, OBJECTS);
    let before = written(&from);
    let copy = [&COPY[..], &["--with-schema"]].concat();
    let undisturbed = database("whole_once");
    let whole = takes(&between(&from, &undisturbed), &copy);
    assert_eq!(value(&undisturbed, "select n from parent where id = 1"), "p!");
    let mut chance = Chance::new(SEED + 1);
    let mut kills = 0;
    for round in 0..10 {
        let to = database("whole_killed");
        let wizard = between(&from, &to);
        for _ in 0..3 {
            let mut child = wizard.spawn(&copy);
            std::thread::sleep(Duration::from_millis(whole / 8 + chance.below(whole / 2)));
            child.kill().unwrap();
            kills += u32::from(ended(child) == -1);
            quiet(&to);
        }
        let seed = format!("seed {}, round {round}", SEED + 1);
        let done = wizard.run(&copy);
        assert_eq!(done.code(), 0, "{seed}: {}", done.err());
        wizard.run(&["data", "verify"]).expect(0);
        assert_eq!(digests(&to), digests(&from), "{seed}");
        assert_eq!(schema_of(&to), schema_of(&undisturbed), "{seed}");
        assert_eq!(sequences(&to), sequences(&undisturbed), "{seed}");
        assert_eq!(value(&to, "select count(*) from v"), "2000");
        assert_eq!(value(&to, "select count(*) from migrate_wizard.aside"), "0");
        assert_eq!(value(&to, "select count(*) from pg_index where not indisvalid"), "0");
    }
    assert!(kills >= 15, "only {kills} of 30 hit it at work");
    assert_eq!(written(&from), before);
}

/// A table that is cut anew is known as ours at every moment, although its chunks are replaced.
#[test]
fn a_column_that_came_later_is_copied_and_a_kill_in_between_does_not_disown_the_rows() {
    let ground = Ground::new("wider");
    let wizard = ground.wizard();
    let mut chance = Chance::new(SEED + 2);
    let whole = takes(&wizard, &COPY);
    for round in 0..8 {
        for side in [&ground.from, &ground.to] {
            sql(side, &format!("alter table big add more_{round} int default {round}; alter table pairs add more_{round} text"));
        }
        sql(&ground.from, &format!("update big set more_{round} = id where id % 50 = 0"));
        let mut child = wizard.spawn(&COPY);
        std::thread::sleep(Duration::from_millis(chance.below(whole)));
        child.kill().unwrap();
        ended(child);
        quiet(&ground.to);
        ground.ends_equal(&format!("seed {}, round {round}", SEED + 2));
    }
}
