//! The way back: what was written on the target since the cutover is carried to the database it once came from, by the same command with
//! source and target exchanged. Nothing that was written there meanwhile is overwritten: it is listed.

use migrate_wizard::data::plan::Choice;
use migrate_wizard::data::{self, CopyReport, Options};
use migrate_wizard::error::Kind;

use crate::support::pair::{Pair, report, small};
use crate::support::postgres::{Server, block, rows, sql, value};

const SHOP: &str = "
create table shop (id serial primary key, name text unique not null);
create table sale (id bigserial primary key, shop int not null references shop on delete cascade, amount numeric, note text);
create table line (sale bigint, n int, what text, primary key (sale, n));
create table log (at int, what text);
create function noted() returns trigger language plpgsql as $$ begin insert into log values (-1, 'fired'); return new; end $$;
create trigger tr after insert or update on sale for each row execute function noted()";

/// A move from `from` to `to` that is done: rows equal, the app writes on `to` from now on.
fn moved(from: Server, to: Server, name: &str) -> Pair {
    let pair = Pair::on(from, to, name, SHOP);
    sql(
        &pair.from,
        "insert into shop (name) select 's' || g from generate_series(1, 10) g;
         insert into sale (shop, amount, note) select 1 + g % 10, g, 'n' from generate_series(1, 3000) g;
         insert into line select g, 1, 'l' from generate_series(1, 1500) g; delete from log; insert into log values (1, 'begun'); analyze",
    );
    let first = pair.copy(&small());
    assert_eq!((first.way_back, first.rows_copied), (false, 10 + 3000 + 1500 + 1));
    pair.must_be_dumped_alike("moved");
    pair
}

/// Table, key and reason of each conflict.
fn conflicts(report: &CopyReport) -> Vec<(String, String, String)> {
    report.conflicts.iter().map(|row| (row.table.clone(), row.key.clone(), row.reason.clone())).collect()
}

fn conflict(table: &str, key: &str, reason: &str) -> (String, String, String) {
    (table.to_owned(), key.to_owned(), reason.to_owned())
}

const WRITTEN: &str = "
insert into shop (name) values ('new'); insert into sale (shop, amount, note) select 11, g, 'late' from generate_series(1, 5) g;
update sale set note = 'changed' where id in (7, 2999); delete from sale where id between 20 and 22;
update shop set name = 'tmp' where id = 1; update shop set name = 's1' where id = 2; update shop set name = 's2' where id = 1;
update line set n = 2 where sale = 5";

#[test]
fn what_was_written_after_the_cutover_is_carried_back() {
    for (from, to) in [(Server::Own, Server::Own), (Server::Sixteen, Server::Eighteen)] {
        let pair = moved(from, to, "back");
        let objects = "select conname || pg_get_constraintdef(oid) || convalidated::text from pg_constraint where connamespace = 'public'::regnamespace union all \
                       select tgname || tgenabled::text from pg_trigger where not tgisinternal order by 1";
        let before = rows(&pair.from, objects);
        // given an app that wrote on the new side, with its trigger
        sql(&pair.to, WRITTEN);
        assert_eq!(value(&pair.to, "select count(*) from log where what = 'fired'"), "7");
        let back = pair.exchanged();
        // when it is carried back
        let first = back.copy(&small());
        // then it is there: shops 1, 2, 11; sales 5 new, 2 changed, 3 gone; a line's key changed; the log, which has no key, as a whole
        assert!(first.way_back, "{first:#?}");
        assert_eq!((first.rows_copied, conflicts(&first)), (3 + 10 + 2 + 8, Vec::new()), "{first:#?}");
        back.must_be_dumped_alike("carried back");
        // keys and triggers are as they were, and no trigger fired
        assert_eq!(rows(&pair.from, objects), before);
        // serial values go on where the new side stood
        assert_eq!(value(&pair.from, "select nextval('shop_id_seq') || ' ' || nextval('sale_id_seq')"), "12 3006");
        // twice equals once
        let second = back.copy(&small());
        assert_eq!((second.way_back, second.rows_copied, conflicts(&second)), (true, 0, Vec::new()));
        // what came later is carried too, what was carried may change again or go
        sql(
            &pair.to,
            "update sale set note = 'again' where id in (7, 3001); delete from sale where id = 3002; insert into line values (9000, 1, 'x')",
        );
        let third = back.copy(&small());
        assert_eq!((third.rows_copied, conflicts(&third)), (2 + 1 + 1 + 10, Vec::new()), "{third:#?}");
        back.must_be_dumped_alike("carried back again");
        // and leaves on request
        block(data::finish(&pair.from, false)).unwrap();
        assert_eq!(value(&pair.from, "select count(*) from pg_namespace where nspname = 'migrate_wizard'"), "0");
    }
}

#[test]
fn what_the_old_side_wrote_meanwhile_is_listed_and_never_overwritten() {
    let pair = moved(Server::Own, Server::Own, "conflicts");
    // given writes on both sides: one row each
    for side in [&pair.to, &pair.from] {
        sql(side, "alter table sale disable trigger tr");
    }
    for (new, old) in [
        ("update sale set note = 'new' where id = 1", "update sale set note = 'old' where id = 1"),
        ("", "update sale set note = 'old' where id = 2"),
        ("", "insert into sale values (5001, 1, 1, 'old')"),
        ("delete from sale where id = 3", "update sale set note = 'old' where id = 3"),
        ("update sale set note = 'new' where id = 4", "delete from sale where id = 4"),
        ("", "delete from sale where id = 5"),
        ("insert into sale values (5002, 1, 1, 'new')", "insert into sale values (5002, 1, 1, 'old')"),
        // the same on both sides is none
        ("update sale set note = 'same' where id = 6", "update sale set note = 'same' where id = 6"),
        ("delete from sale where id = 8", "delete from sale where id = 8"),
        // and changes of other rows are no conflict
        ("update sale set note = 'new' where id = 9", ""),
        ("delete from sale where id = 10", ""),
    ] {
        for (side, change) in [(&pair.to, new), (&pair.from, old)] {
            if !change.is_empty() {
                sql(side, change);
            }
        }
    }
    let of_sale = "select string_agg(format('%s:%s', id, note), ',' order by id) from sale where id < 10 or id > 3000";
    // when it is carried back
    let back = pair.exchanged();
    let wizard = back.wizard();
    let done = wizard.run(&["data", "copy", "--json"]).expect(1);
    let told = report(&done)["copy"].clone();
    let first: CopyReport = serde_json::from_value(told).unwrap();
    // then every conflict is listed by its key, with the reason
    let expected = vec![
        conflict("public.sale", "[\"1\"]", "changed on both sides since they were equal"),
        conflict("public.sale", "[\"2\"]", "changed on this side since they were equal, and not there"),
        conflict("public.sale", "[\"3\"]", "new or changed on this side since they were equal, and not on the other"),
        conflict(
            "public.sale",
            "[\"4\"]",
            "on the other side only, and rows of this table were deleted or changed here since they were equal",
        ),
        conflict("public.sale", "[\"5\"]", "deleted on this side since they were equal, and not there"),
        conflict("public.sale", "[\"5001\"]", "new or changed on this side since they were equal, and not on the other"),
        conflict("public.sale", "[\"5002\"]", "changed on both sides since they were equal"),
    ];
    let mut found = conflicts(&first);
    found.sort();
    assert_eq!((first.rows_copied, found), (2, expected.clone()), "{first:#?}");
    let after = "1:old,2:old,3:old,6:same,7:n,9:new,5001:old,5002:old";
    assert_eq!(value(&pair.from, of_sale), after);
    let ledger = "select \"table\", key, reason from migrate_wizard.conflict order by key collate \"C\"";
    assert_eq!(rows(&pair.from, ledger).len(), 7);
    // and in words, with what to do next
    let said = wizard.run(&["data", "copy"]).expect(1).out();
    assert!(said.contains("conflict   public.sale [\"5\"]: deleted on this side since they were equal, and not there\n"), "{said}");
    assert!(said.ends_with("Next: mend the rows that are named on one side or the other, then run the same command again\n"), "{said}");
    let status = back.wizard().run(&["data", "status"]).expect(0).out();
    assert!(status.contains("conflict   public.sale [\"5001\"]: "), "{status}");
    // run again and again it stays so
    let mut found = conflicts(&back.copy(&small()));
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(value(&pair.from, of_sale), after);
    // mended on one side or the other it is none any more
    sql(
        &pair.from,
        "update sale set note = 'new' where id = 1; update sale set note = 'n' where id = 2; delete from sale where id = 3; insert into sale select 4, shop, 4, 'new' from sale where id = 14; insert into sale select 5, 6, 5, 'n'",
    );
    sql(&pair.to, "insert into sale values (5001, 1, 1, 'old'); update sale set note = 'old' where id = 5002");
    let mended = back.copy(&small());
    assert_eq!(conflicts(&mended), Vec::new(), "{mended:#?}");
    back.must_be_dumped_alike("mended");
    assert_eq!(rows(&pair.from, ledger), Vec::<String>::new());
    wizard.run(&["data", "copy"]).expect(0);
}

#[test]
fn a_table_without_a_key_goes_back_as_a_whole_or_not_at_all() {
    let pair = Pair::new("keyless_back", "create table log (at int, what text)");
    sql(&pair.from, "insert into log select g, 'x' from generate_series(1, 100) g");
    pair.copy(&small());
    let back = pair.exchanged();
    sql(&pair.to, "update log set what = 'y' where at = 3; insert into log values (101, 'x')");
    assert_eq!((back.copy(&small()).rows_copied, conflicts(&back.copy(&small()))), (101, Vec::new()));
    back.must_be_dumped_alike("whole");
    sql(&pair.to, "insert into log values (102, 'x')");
    sql(&pair.from, "delete from log where at = 50");
    let report = back.copy(&small());
    assert_eq!(
        conflicts(&report),
        [conflict("public.log", "[]", "changed here too since they were equal, and no key tells its rows apart")]
    );
    assert_eq!(value(&pair.from, "select count(*) from log"), "100");
}

#[test]
fn a_row_that_never_arrived_there_is_not_taken_for_deleted() {
    let pair = Pair::new("never", "create table t (id int primary key, v text)");
    sql(&pair.to, "alter table t add check (v <> 'bad')");
    sql(&pair.from, "insert into t values (1, 'a'), (2, 'bad'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f')");
    assert_eq!(pair.copy(&small()).quarantine.len(), 1);
    sql(&pair.to, "update t set v = 'z' where id = 1; delete from t where id = 3");
    let report = pair.exchanged().copy(&small());
    assert_eq!(conflicts(&report), [conflict("public.t", "[\"2\"]", "was set aside on the way there: it is on this side only")]);
    assert_eq!(value(&pair.from, "select string_agg(id || v, ',' order by id) from t"), "1z,2bad,4d,5e,6f");
}

#[test]
fn a_table_that_never_went_there_as_a_whole_is_left_alone() {
    let pair = moved(Server::Own, Server::Own, "half");
    // given a way there that ended while a table was still being cut: what was cut is settled, the rest was never written down and never went
    sql(&pair.to, "delete from line where sale > 1000; delete from migrate_wizard.chunk where \"table\" = 'public.line' and hi = ''");
    // then no row that never went there counts as deleted there
    let report = pair.exchanged().copy(&small());
    assert_eq!(value(&pair.from, "select count(*) from line"), "1500");
    assert!(report.way_back && report.notes.iter().any(|note| note.starts_with("public.line was not carried there")), "{report:#?}");
}

#[test]
fn chosen_tables_go_back_alone() {
    let pair = moved(Server::Own, Server::Own, "chosen");
    sql(&pair.to, WRITTEN);
    let back = pair.exchanged();
    let only = |table: &str| Options { choice: Choice { only: vec![table.to_owned()], ..Choice::default() }, ..small() };
    assert_eq!(back.copy(&only("public.line")).rows_copied, 2);
    assert_eq!(value(&pair.from, "select count(*) from shop"), "10");
    assert_eq!(back.copy(&only("public.shop")).rows_copied, 3);
    let rest = back.copy(&small());
    assert_eq!((rest.rows_copied, conflicts(&rest)), (10 + 8, Vec::new()), "{rest:#?}");
    back.must_be_dumped_alike("the rest");
}

#[test]
fn there_and_back_and_there_again() {
    let pair = moved(Server::Own, Server::Own, "again");
    let back = pair.exchanged();
    sql(&pair.to, "update sale set note = 'new' where id = 1; delete from line where sale = 1");
    back.copy(&small());
    back.must_be_dumped_alike("back");
    // the app writes on the old side again, then moves again
    sql(
        &pair.from,
        "update sale set note = 'old again' where id in (1, 2); delete from line where sale = 2; insert into line values (9000, 1, 'x')",
    );
    let there = pair.copy(&small());
    assert_eq!((there.way_back, conflicts(&there)), (true, Vec::new()), "{there:#?}");
    // two sales and their two log entries with the one before, which is copied as a whole
    assert_eq!(there.rows_copied, 2 + 1 + 1 + 4);
    pair.must_be_dumped_alike("there again");
    // a row that is deleted on the new side is not brought back by the old side's next change
    sql(&pair.to, "delete from line where sale = 3");
    sql(&pair.from, "update line set what = 'm' where sale = 4");
    let next = pair.copy(&small());
    assert_eq!(conflicts(&next), [conflict("public.line", "[\"3\",\"1\"]", "deleted on this side since they were equal, and not there")]);
    assert_eq!(value(&pair.to, "select count(*) from line where sale = 3"), "0");
    // and back once more: the same row is in conflict there, the other's change is not carried twice
    let last = back.copy(&small());
    assert_eq!(
        conflicts(&last).iter().map(|(table, key, _)| (table.as_str(), key.as_str())).collect::<Vec<_>>(),
        [("public.line", "[\"3\",\"1\"]")]
    );
    assert_eq!(value(&pair.from, "select count(*) from line where sale = 3"), "1");
}

#[test]
fn without_the_ledger_of_the_way_there_nothing_is_overwritten() {
    let pair = moved(Server::Own, Server::Own, "lost");
    let back = pair.exchanged();
    // the way back is closed by finishing before the first one
    let fresh = moved(Server::Own, Server::Own, "closed");
    block(data::finish(&fresh.to, false)).unwrap();
    assert_eq!(fresh.exchanged().try_copy(&small()).unwrap_err().kind, Kind::Conflict);
    // and after it
    back.copy(&small());
    block(data::finish(&pair.to, false)).unwrap();
    sql(&pair.from, "update shop set name = 'mine' where id = 1");
    let refused = back.try_copy(&small()).unwrap_err();
    assert_eq!(
        (refused.kind, refused.what.as_str()),
        (Kind::Conflict, "rows were carried here before, and the ledger on the other side is gone")
    );
    assert_eq!(value(&pair.from, "select name from shop where id = 1"), "mine");
}
