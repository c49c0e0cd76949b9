//! The freeze in each of its ways: who is held back and what gets past, that its undo leaves the catalog as it was, wherever it is cut off,
//! how long it may stand, and the proof that nothing was written under it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use migrate_wizard::postgres::freeze::{self, Frozen, How, Moment, Verdict};
use migrate_wizard::postgres::local::{self, LocalServer, Options};
use migrate_wizard::postgres::{Access, Connector, Session, dump};
use migrate_wizard::progress::Reporter;
use migrate_wizard::wizard::effect::Probe;
use migrate_wizard::wizard::journal::Entry;
use migrate_wizard::wizard::state::{End, State, Status};
use migrate_wizard::{data, effects};
use serde_json::json;

use super::effects::interrupted_anywhere;
use super::effects::stage::{Part, Run, Stage};
use super::support::pair::{Pair, small};
use super::support::postgres::{Server, block, client, database, database_on, rows, sql, value};
use super::support::rehearsal::{Rehearsal, check_resumes, signal, silent, wait_until};
use super::support::wizard::{Done, Wizard};

/// A shop of an owner who is no superuser, with partitions, a name that needs quotes, a parent by inheritance, a trigger of its own;
/// a clerk with a few rights, one of them of a column, one to hand on; and everybody may write to one table.
const SHOP: &str = r#"
create table sale (id bigint primary key, cents int not null, note text);
create table "Odd ""Name" (id int primary key, v text);
create table part (id int, day date not null, v text, primary key (id, day)) partition by range (day);
create table part_2025 partition of part for values from ('2025-01-01') to ('2026-01-01');
create table part_2026 partition of part for values from ('2026-01-01') to ('2027-01-01');
create table base (id int primary key);
create table derived (more text) inherits (base);
create function upper_note() returns trigger language plpgsql as 'begin new.note := upper(new.note); return new; end';
create trigger sale_note before insert or update on sale for each row execute function upper_note();
insert into sale select n, n from generate_series(1, 100) n;
insert into part values (1, '2025-05-05', 'old'), (2, '2026-05-05', 'new');
grant select on all tables in schema public to $clerk;
grant insert, update, truncate on sale to $clerk with grant option;
grant update (v), insert (id, v) on "Odd ""Name" to $clerk;
grant insert on base to public;
"#;

/// A database, its superuser, its owner and a clerk.
struct Shop {
    root: Connector,
    owner: Connector,
    clerk: Connector,
}

impl Shop {
    fn new(server: Server, name: &str) -> Self {
        let root = database_on(server, name);
        let (owner, clerk) = (format!("{}_owner", root.database()), format!("{}_clerk", root.database()));
        sql(
            &root,
            &format!(
                "create role {owner} login password 'secret'; create role {clerk} login password 'secret'; alter database {} owner to {owner}; \
                 alter schema public owner to {owner}; grant usage on schema public to {clerk}",
                root.database()
            ),
        );
        let shop =
            Self { owner: root.with_user(&owner).with_password("secret"), clerk: root.with_user(&clerk).with_password("secret"), root };
        sql(&shop.owner, &SHOP.replace("$clerk", &clerk));
        shop
    }

    fn freeze(&self, how: How) -> Frozen {
        block(async { freeze::freeze(&self.owner.connect(Access::ReadWrite).await.unwrap(), how).await }).unwrap()
    }

    /// As the effect does it: what is taken was written down.
    fn taken(&self) -> Vec<freeze::Taken> {
        block(async { freeze::to_be_taken(&self.owner.connect(Access::ReadOnly).await.unwrap()).await }).unwrap()
    }

    fn thaw(&self, how: How, taken: &[freeze::Taken]) {
        block(async { freeze::thaw(&self.owner.connect(Access::ReadWrite).await.unwrap(), how, taken).await }).unwrap();
    }

    fn is_frozen(&self, how: How) -> bool {
        block(async { freeze::is_frozen(&self.owner.connect(Access::ReadOnly).await.unwrap(), how).await }).unwrap()
    }

    fn still(&self, then: &Moment) -> Verdict {
        block(async { freeze::still(&self.owner.connect(Access::ReadOnly).await.unwrap(), then, |_| true).await }).unwrap()
    }

    /// Waits until the server has seen the end of every session of this test.
    fn alone(&self) {
        let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while value(&self.root, others) != "0" {
            assert!(std::time::Instant::now() < deadline, "sessions stay");
            std::thread::yield_now();
        }
    }

    /// pg_dump with owners and rights, its lines in order; and the database's own settings.
    fn catalog(&self, server: Server) -> Vec<String> {
        let mut pg_dump = client(server, "pg_dump", &self.root);
        let done = pg_dump.arg("--schema-only").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // The newest ones write a word of their own, which is another one each time.
        let text = String::from_utf8(done.stdout).unwrap();
        let mut lines: Vec<String> = text.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect();
        lines.extend(rows(&self.root, "select unnest(setconfig) from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())"));
        lines.sort();
        lines
    }

    /// The schema as the wizard reads it; where this machine has only older programs on its path, nothing.
    fn sees(&self, server: Server) -> String {
        if server == Server::Own { schema_of(&self.root) } else { String::new() }
    }
}

/// Without the word that the newest programs write, which is another one each time.
fn schema_of(connector: &Connector) -> String {
    block(dump::schema_only(connector, &[])).unwrap().lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

/// Every way to write a row.
const WRITES: [&str; 9] = [
    "insert into sale values (1001, 1)",
    "update sale set cents = 7 where id = 1",
    "delete from sale where id = 2",
    "truncate base cascade",
    "insert into part values (9, '2026-06-06', 'x')",
    "update part_2025 set v = 'direct'",
    "with w as (insert into \"Odd \"\"Name\" values (5, 'x') returning 1) select * from w",
    "insert into derived values (7, 'x')",
    "merge_or_upsert",
];

fn statement(write: &str) -> &str {
    if write == "merge_or_upsert" { "insert into sale values (1, 1) on conflict (id) do update set cents = 9" } else { write }
}

async fn refused(session: &Session, write: &str, who: &str) {
    let error = session.batch(statement(write)).await.err().unwrap_or_else(|| panic!("{who} got through with {write}"));
    let code = format!("{error:?}");
    assert!(code.contains("25006") || code.contains("42501"), "{who}: {write}: {error}");
    session.batch("rollback").await.unwrap();
}

async fn copies_in(connector: &Connector, set: &str) -> bool {
    let session = connector.connect(Access::ReadWrite).await.unwrap();
    session.batch(set).await.unwrap();
    let frame = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"2001\t5\t\\N\n"))]);
    session.copy_in("copy sale from stdin", Box::pin(frame), |_| {}).await.is_ok()
}

fn held_back(server: Server) {
    for how in How::ALL {
        let shop = Shop::new(server, &format!("held_{}", how.name()));
        let (before, seen, taken) = (shop.catalog(server), shop.sees(server), shop.taken());
        shop.alone();
        block(async {
            // given a writer who is in the middle of it, and one who is idle
            let writer = shop.owner.connect(Access::ReadWrite).await.unwrap();
            writer.batch("set application_name = 'the app'; begin; insert into sale values (5000, 1)").await.unwrap();
            let idle = shop.owner.connect(Access::ReadWrite).await.unwrap();
            idle.batch("set application_name = 'the app'").await.unwrap();
            let ours = shop.owner.connect(Access::ReadWrite).await.unwrap();
            let frozen = freeze::freeze(&ours, how).await.unwrap();
            assert_eq!((frozen.already, frozen.ended, frozen.left), (false, 2, 0), "{how:?}");
            assert!(writer.batch("commit").await.is_err(), "{how:?}: it was ended");
            // again: nothing is written, the same moment or a later one
            let again = freeze::freeze(&ours, how).await.unwrap();
            assert!(again.already, "{how:?}");

            for (who, connector) in [("owner", &shop.owner), ("clerk", &shop.clerk)] {
                let session = connector.connect(Access::ReadWrite).await.unwrap();
                for write in WRITES {
                    refused(&session, write, &format!("{how:?} {who}")).await;
                }
                assert!(!copies_in(connector, "").await, "{how:?} {who}: COPY");
                // it can be read all the while
                assert_eq!(session.value::<i64>("select count(*) from sale", &[]).await.unwrap(), 100);
            }
            // a session that sets itself to read-write gets past the first way alone, which says so
            let bold = shop.owner.connect(Access::ReadWrite).await.unwrap();
            bold.batch("set default_transaction_read_only = off").await.unwrap();
            if how == How::ReadOnly {
                bold.batch("begin; insert into sale values (6000, 1)").await.unwrap();
                bold.batch("rollback").await.unwrap();
            } else {
                for write in WRITES {
                    refused(&bold, write, &format!("{how:?} read-write")).await;
                }
                assert!(!copies_in(&shop.owner, "set default_transaction_read_only = off").await, "{how:?}: COPY");
            }
            // a replica's sessions fire no triggers but these
            if how == How::Triggers {
                let root = shop.root.connect(Access::ReadWrite).await.unwrap();
                root.batch("set session_replication_role = replica").await.unwrap();
                for write in WRITES {
                    refused(&root, write, "a superuser as replica").await;
                }
            }
        });
        assert!(shop.is_frozen(how), "{how:?}");
        for other in How::ALL.into_iter().filter(|other| *other != how) {
            assert!(!shop.is_frozen(other), "{how:?} is not {other:?}");
        }
        // schema and mover see the app as it is
        assert_eq!(shop.sees(server), seen, "{how:?}");
        // a freeze that went on after the list was written down gives back the same
        shop.thaw(how, &taken);
        shop.thaw(how, &taken);
        assert!(!shop.is_frozen(how), "{how:?}");
        assert_eq!(shop.catalog(server), before, "{how:?}");
        for write in WRITES {
            sql(&shop.owner, &format!("begin; {}; rollback", statement(write)));
        }
        sql(&shop.clerk, "insert into sale values (7000, 1); update \"Odd \"\"Name\" set v = 'y'");
    }
}

#[test]
fn each_way_holds_writers_back_and_leaves_the_catalog_as_it_was_on_the_oldest_server() {
    held_back(Server::Own);
}

#[test]
fn each_way_holds_writers_back_and_leaves_the_catalog_as_it_was_on_the_newest_server() {
    held_back(Server::Eighteen);
}

/// A session that cannot be ended: its triggers wait for it to let go of the table, and then it cannot write either.
#[test]
fn who_cannot_be_ended_is_held_back_by_triggers_all_the_same() {
    let shop = Shop::new(Server::Own, "left");
    shop.alone();
    block(async {
        let root = shop.root.connect(Access::ReadWrite).await.unwrap();
        root.batch("set application_name = 'a console'").await.unwrap();
        let ours = shop.owner.connect(Access::ReadWrite).await.unwrap();
        // read-only: it may still write, and the freeze says that somebody is left
        let frozen = freeze::freeze(&ours, How::ReadOnly).await.unwrap();
        assert_eq!((frozen.ended, frozen.left), (0, 1));
        root.batch("begin; insert into sale values (1, 1) on conflict do nothing; rollback").await.unwrap();
        freeze::thaw(&ours, How::ReadOnly, &[]).await.unwrap();
        // triggers: while it holds the table nothing is done
        root.batch("begin; update sale set cents = 3 where id = 3").await.unwrap();
        let error = freeze::freeze(&ours, How::Triggers).await.unwrap_err();
        assert!(error.what.contains("holds a table of the source"), "{error}");
        assert!(!freeze::is_frozen(&ours, How::Triggers).await.unwrap());
        root.batch("commit").await.unwrap();
        let frozen = freeze::freeze(&ours, How::Triggers).await.unwrap();
        assert_eq!((frozen.ended, frozen.left), (0, 1));
        refused(&root, "insert into sale values (1, 1)", "the console").await;
        // rights: a superuser needs none, so it is not even tried
        freeze::thaw(&ours, How::Triggers, &[]).await.unwrap();
        let error = freeze::freeze(&ours, How::Revoke).await.unwrap_err();
        assert!(error.causes[0].contains("no right can be taken from"), "{error}");
    });
}

/// A reader who stays does not keep the source frozen: the triggers let go at once and are dropped when it leaves.
#[test]
fn a_reader_who_stays_does_not_keep_the_source_frozen() {
    let shop = Shop::new(Server::Own, "reader");
    shop.freeze(How::Triggers);
    let hold = async {
        let reader = shop.clerk.connect(Access::ReadWrite).await.unwrap();
        reader.batch("begin; select * from sale").await.unwrap();
        let thaw = async { freeze::thaw(&shop.owner.connect(Access::ReadWrite).await.unwrap(), How::Triggers, &[]).await };
        tokio::join!(thaw, async {
            let app = shop.owner.connect(Access::ReadWrite).await.unwrap();
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            while app.batch("insert into part values (77, '2026-07-07', 'x')").await.is_err() {
                assert!(std::time::Instant::now() < deadline, "it stays frozen while somebody reads");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            reader.batch("commit").await.unwrap();
        })
        .0
    };
    block(hold).unwrap();
    assert_eq!(value(&shop.root, "select count(*) from pg_trigger where tgname = 'migrate_wizard_freeze'"), "0");
    assert_eq!(value(&shop.root, "select count(*) from pg_namespace where nspname = 'migrate_wizard_freeze'"), "0");
}

#[test]
fn triggers_interrupted_anywhere_are_taken_away_by_their_undo() {
    let source = database("cut_triggers");
    sql(&source, super::effects::stage::SEED);
    interrupted_anywhere(source, "triggers");
}

#[test]
fn a_revoke_interrupted_anywhere_is_given_back_by_its_undo() {
    let shop = Shop::new(Server::Own, "cut_revoke");
    sql(&shop.owner, "create table shop (id int primary key, name text); insert into shop values (1, 'north')");
    let before = shop.catalog(Server::Own);
    shop.alone();
    interrupted_anywhere(shop.owner.clone(), "revoke");
    assert_eq!(shop.catalog(Server::Own), before);
}

/// The answer is changed while the source is frozen: the undo of the one that was applied last takes both back.
#[test]
fn another_way_over_the_first_is_taken_back_with_it() {
    let shop = Shop::new(Server::Own, "over");
    let before = shop.catalog(Server::Own);
    let stage = Stage::open(Run::Live, None, Some(shop.owner.clone()));
    for pair in [["read_only", "triggers"], ["triggers", "read_only"], ["revoke", "triggers"], ["revoke", "read_only"]] {
        // A superuser who is still on his way out would be one that no right can be taken from.
        shop.alone();
        let [first, second] = pair.map(|how| stage.build("freeze", json!({ "how": how })));
        let cx = stage.context(stage.run(first.before(&stage.world)).unwrap());
        stage.run(first.apply(&stage.world, &cx)).unwrap();
        stage.run(second.apply(&stage.world, &cx)).unwrap();
        stage.run(second.undo(&stage.world, &cx, &Default::default())).unwrap();
        assert_eq!(shop.catalog(Server::Own), before, "{pair:?}");
    }
    // rights that were not written down before are not taken
    shop.alone();
    let [first, second] = ["read_only", "revoke"].map(|how| stage.build("freeze", json!({ "how": how })));
    let cx = stage.context(stage.run(first.before(&stage.world)).unwrap());
    stage.run(first.apply(&stage.world, &cx)).unwrap();
    let error = stage.run(second.apply(&stage.world, &cx)).unwrap_err();
    assert!(error.hint.contains("start again"), "{error}");
    stage.run(second.undo(&stage.world, &cx, &Default::default())).unwrap();
    assert_eq!(shop.catalog(Server::Own), before);
}

#[test]
fn what_the_source_allows_is_said_with_the_reason() {
    let shop = Shop::new(Server::Own, "allows");
    let against = |connector: &Connector| {
        let found = block(async { freeze::allowed(&connector.connect(Access::ReadOnly).await.unwrap()).await.unwrap() });
        found.into_iter().map(|one| one.against).collect::<Vec<_>>()
    };
    assert_eq!(against(&shop.owner), ["", "", ""]);
    let root = against(&shop.root);
    assert!(root[0].is_empty() && root[1].is_empty() && root[2].contains("superusers"), "{root:?}");
    // the session of the root may still be on its way out
    let mut clerk = against(&shop.clerk);
    for _ in 0..100 {
        if !clerk[2].contains("superusers") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        clerk = against(&shop.clerk);
    }
    assert!(clerk[0].contains("the database belongs to"), "{clerk:?}");
    assert!(clerk[1].contains("may not create a schema"), "{clerk:?}");
    assert!(clerk[2].contains(" belongs to "), "{clerk:?}");
    // rights that were handed on are not the owner's to give back
    sql(&shop.clerk, "grant insert on sale to public");
    let handed = against(&shop.owner);
    assert!(handed[1].is_empty() && handed[2] == "rights on public.sale were passed on by somebody else than its owner", "{handed:?}");
    // Neon's own roles may write everywhere without a right of a table
    sql(&shop.root, &format!("grant pg_write_all_data to {}", shop.owner.user()));
    assert!(against(&shop.owner)[2].contains("pg_write_all_data"));
}

// ---- the proof

/// On a server of its own, where nobody else gives out transaction numbers.
#[test]
fn reading_the_source_gives_out_no_transaction_number() {
    let folder = std::env::temp_dir().join(format!("migrate-wizard-still-{}", std::process::id()));
    let source = block(LocalServer::start(&folder, &Options { database: "app".into(), ..Options::default() })).unwrap().connector();
    sql(&source, "alter system set autovacuum = off");
    sql(&source, "select pg_reload_conf()");
    sql(&source, super::effects::stage::SEED);
    let to = database("still_target");
    sql(&to, &schema_of(&source));
    for how in [How::ReadOnly, How::Triggers] {
        let then = block(async { freeze::freeze(&source.connect(Access::ReadWrite).await.unwrap(), how).await.unwrap() }).moment;
        // what the steps under the freeze do: dump, copy with a shared snapshot, sequences, compare
        block(dump::schema_only(&source, &[])).unwrap();
        block(data::copy(&source, &to, &small(), &Reporter::silent())).unwrap();
        block(data::set_sequences(&source, &to, 0)).unwrap();
        let now = block(async { freeze::still(&source.connect(Access::ReadOnly).await.unwrap(), &then, |_| true).await.unwrap() });
        assert_eq!(now, Verdict::Nothing, "{how:?}");
        block(async { freeze::thaw(&source.connect(Access::ReadWrite).await.unwrap(), how, &[]).await.unwrap() });
    }
    block(local::destroy(&folder)).unwrap();
}

fn hidden_writers(server: Server) {
    let shop = Shop::new(server, "hidden");
    shop.alone();
    let then = shop.freeze(How::ReadOnly).moment;
    assert!(matches!(shop.still(&then), Verdict::Nothing | Verdict::NoRow(_)));
    // somebody who sets himself to read-write
    // A session hands in what it counted when it ends, and ours are not waited for by name.
    let bold = |text: &str| {
        sql(&shop.owner, &format!("begin read write; {text}"));
        shop.alone();
    };
    // numbers that wrote no row are told apart
    bold("select pg_current_xact_id(); commit");
    let found = shop.still(&then);
    assert!(matches!(found, Verdict::NoRow(n) if n >= 1), "{found:?}");
    bold("insert into sale values (3001, 1), (3002, 1); commit");
    assert_eq!(shop.still(&then), Verdict::Written(vec![("public.sale".into(), "2 rows written".into())]));
    // what was taken back counts too: it cannot be told from what was not
    let then = shop.freeze(How::ReadOnly).moment;
    bold("delete from part_2026; rollback");
    assert_eq!(shop.still(&then), Verdict::Written(vec![("public.part_2026".into(), "1 row written".into())]));
    let then = shop.freeze(How::ReadOnly).moment;
    bold("truncate part_2026; create table fresh (id int); insert into fresh values (1); commit");
    let found = shop.still(&then);
    let expected = vec![("public.part_2026".into(), "emptied or rewritten".into()), ("public.fresh".into(), "new, 1 row written".into())];
    assert_eq!(found, Verdict::Written(expected));
    // only the tables that move are asked
    let then = shop.freeze(How::ReadOnly).moment;
    bold("insert into sale values (3003, 1); commit");
    let of_others =
        block(async { freeze::still(&shop.owner.connect(Access::ReadOnly).await.unwrap(), &then, |table| table != "public.sale").await });
    assert!(matches!(of_others.unwrap(), Verdict::NoRow(_)));
    // who has written and not committed is no good news, and neither is what is prepared
    let then = shop.freeze(How::ReadOnly).moment;
    block(async {
        let open = shop.owner.connect(Access::ReadWrite).await.unwrap();
        open.batch("begin read write; insert into sale values (3004, 1)").await.unwrap();
        let found = freeze::still(&shop.owner.connect(Access::ReadOnly).await.unwrap(), &then, |_| true).await.unwrap();
        assert!(matches!(&found, Verdict::Unknown(why) if why.contains("1 session(s) have written and not committed")), "{found:?}");
        open.batch("rollback").await.unwrap();
    });
}

#[test]
fn a_hidden_writer_is_found_on_the_oldest_server() {
    hidden_writers(Server::Own);
}

#[test]
fn a_hidden_writer_is_found_on_the_newest_server() {
    hidden_writers(Server::Eighteen);
}

/// A session that stays open hands in what it counted seconds later: the look waits for it.
#[test]
fn a_hidden_writer_who_stays_connected_is_found() {
    let shop = Shop::new(Server::Sixteen, "late");
    shop.alone();
    let then = shop.freeze(How::ReadOnly).moment;
    let begun = std::time::Instant::now();
    block(async {
        let app = shop.owner.connect(Access::ReadWrite).await.unwrap();
        app.batch("set application_name = 'the app'; set default_transaction_read_only = off").await.unwrap();
        // Within a second of what it handed in last, so that it keeps this to itself.
        app.batch("select 1").await.unwrap();
        app.batch("insert into sale values (4001, 1)").await.unwrap();
        let found = freeze::still(&shop.owner.connect(Access::ReadOnly).await.unwrap(), &then, |_| true).await.unwrap();
        assert_eq!(found, Verdict::Written(vec![("public.sale".into(), "1 row written".into())]));
    });
    assert!(begun.elapsed() > Duration::from_secs(10), "it waited for figures that come late");
}

#[test]
fn the_step_says_what_was_written_and_nothing_is_switched() {
    let source = database("step");
    sql(&source, super::effects::stage::SEED);
    let stage = Stage::open(Run::Live, None, Some(source.clone()));
    let frozen = stage.apply("freeze", json!({ "how": "read_only" }));
    let look = stage.build("stillness", json!({ "since": frozen["moment"], "except": ["stripe.*"], "compared": "yes" }));
    let good = stage.run(look.apply(&stage.world, &stage.context(Default::default()))).unwrap();
    let summary = good["proof"].as_str().unwrap();
    assert!(summary.ends_with("; the last comparison of both sides was equal"), "{summary}");
    sql(&source.past_the_freeze(), "update shop set name = name || '!'");
    let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while value(&source, others) != "0" {
        std::thread::yield_now();
    }
    let error = stage.run(look.apply(&stage.world, &stage.context(Default::default()))).unwrap_err();
    assert_eq!(error.what, "the source was written to since the freeze: nothing is switched");
    assert_eq!(error.causes, ["public.shop: 3 rows written"]);
    // a table that does not move does not matter
    let look = stage.build("stillness", json!({ "since": frozen["moment"], "except": ["public.shop"] }));
    stage.run(look.apply(&stage.world, &stage.context(Default::default()))).unwrap();
    // without a freeze there is nothing to hold it against
    let look = stage.build("stillness", json!({ "since": {} }));
    let error = stage.run(look.apply(&stage.world, &stage.context(Default::default()))).unwrap_err();
    assert!(error.what.starts_with("nothing tells where writing stood"), "{error}");
}

// ---- maintenance

/// Answers every request so.
fn serves(status: &'static str, head: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _asked = stream.read(&mut [0; 2048]);
            let _left = write!(stream, "HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        }
    });
    url
}

#[test]
fn maintenance_is_what_an_address_says_twice_and_nothing_else() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved = "Location: http://127.0.0.1:9/maintenance\r\n";
    let cases = [
        (serves("503 Service Unavailable", "", "back soon"), "", "present"),
        (serves("502 Bad Gateway", "", ""), "", "present"),
        (format!("http://{free}/"), "", "present"),
        (serves("200 OK", "", "<h1>Back at NOON</h1>"), "back at noon", "present"),
        (serves("404 Not Found", "", "This deployment is shut down"), "shut down", "present"),
        (serves("200 OK", "", "<h1>Shop</h1>"), "", "absent"),
        (serves("200 OK", "", "<h1>Shop</h1>"), "back at noon", "absent"),
        (serves("401 Unauthorized", "", "log in"), "", "absent"),
        (serves("500 Internal Server Error", "", "oops"), "", "absent"),
        (serves("302 Found", moved, ""), "", "absent"),
        (serves("404 Not Found", "", "nothing here"), "", "agree on a word of the page"),
        ("http://no-such-host.invalid/".to_owned(), "", "this side may be to blame"),
    ];
    let stage = Stage::new(Part::Here, None);
    for (url, word, expected) in cases {
        let effect = stage.build("maintenance", json!({ "url": url, "word": word }));
        let found = match stage.run(effect.probe(&stage.world)).unwrap() {
            Probe::Present(_) => "present".to_owned(),
            Probe::Absent => "absent".to_owned(),
            Probe::Conflict(why) => why,
        };
        assert!(found.contains(expected), "{url} {word:?}: {found}, expected {expected}");
        let applied = stage.run(effect.apply(&stage.world, &stage.context(Default::default())));
        assert_eq!(applied.is_ok(), expected == "present", "{url} {word:?}");
    }
    // one 503 may be a hiccup: it is asked again
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (n, mut stream) in listener.incoming().flatten().enumerate() {
            let _asked = stream.read(&mut [0; 2048]);
            let status = if n == 0 { "503 Service Unavailable" } else { "200 OK" };
            let _left = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let effect = effects::registry().build("maintenance", json!({ "url": url })).unwrap();
    assert!(matches!(stage.run(effect.probe(&stage.world)).unwrap(), Probe::Absent));
}

// ---- how long it may stand

/// A guard that may stand for `$time`, with a slow step under it.
const JOURNEY: &str = r#"
phase = "tour"
title = "A short journey"
why = "One slow step under a guard."
journey = "tour"
order = 1
[[step]]
id = "time"
title = "Time"
why = "How long."
ask = { kind = "text", default = "1h" }
[[step]]
id = "hold"
title = "Hold"
why = "A guard."
guard-until = "pass"
guard-at-most = { time = "${time}", until = "look" }
effect = { kind = "simulate", text = "hold", guard = true }
[[step]]
id = "slow"
title = "Slow"
why = "It takes seconds."
effect = { kind = "simulate", text = "slow", pace = "calm", trouble = "$trouble" }
[[step]]
id = "look"
title = "Look"
why = "From here on its time does not count."
effect = { kind = "simulate", text = "look", reads = true }
[[step]]
id = "late"
title = "Late"
why = "It takes seconds too."
effect = { kind = "simulate", text = "late", pace = "$late", trouble = "$after" }
[[step]]
id = "pass"
title = "Pass"
why = "What the guard was for."
effect = { kind = "simulate", text = "pass" }
"#;

fn journey(trouble: &str, late: &str) -> Wizard {
    written(&JOURNEY.replace("$trouble", trouble).replace("$late", late).replace("$after", ""))
}

fn written(text: &str) -> Wizard {
    let wizard = Wizard::empty();
    let folder = wizard.path().join("books");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tour.toml"), text).unwrap();
    wizard
}

fn tour(wizard: &Wizard, time: &str) -> Done {
    wizard.run(&["tour", "--yes", "--plain", "--playbooks", "books", "--set", &format!("time={time}")])
}

fn replayed(wizard: &Wizard) -> State {
    State::replay(&migrate_wizard::wizard::journal::read(&wizard.run_dir()).unwrap()).unwrap()
}

#[test]
fn a_guard_whose_time_is_over_is_released_and_the_run_can_go_on() {
    let wizard = journey("", "");
    let stopped = tour(&wizard, "300ms").expect(1);
    stopped.says("`hold` may stand for 300ms at most, and `look` was not reached: it is released").says("--set time=1h");
    let state = replayed(&wizard);
    assert_eq!((state.status("hold"), state.status("slow")), (Status::Undone, Status::Started));

    tour(&wizard, "1h").expect(0);

    let records = migrate_wizard::wizard::journal::read(&wizard.run_dir()).unwrap();
    assert_eq!(State::replay(&records).unwrap().ended, Some(End::Finished));
    check_resumes(&records, "hold", "pass");
}

#[test]
fn its_time_no_longer_counts_once_the_last_look_was_taken() {
    let wizard = journey("", "calm");
    // longer than the first slow step, shorter than both
    let begun = std::time::Instant::now();
    let code = tour(&wizard, "1h").expect(0).code();
    let both = begun.elapsed();
    let wizard = journey("", "calm");
    let most = format!("{}ms", both.as_millis() * 3 / 4);
    assert_eq!((tour(&wizard, &most).code(), code), (0, 0), "{most} of {both:?}");
}

/// What was reached under a guard that was released since is not reached under the next.
#[test]
fn its_time_counts_again_when_it_is_put_up_again() {
    let wizard = written(&JOURNEY.replace("$trouble", "").replace("$late", "").replace("$after", "fail"));
    tour(&wizard, "1h").expect(1);
    let state = replayed(&wizard);
    assert_eq!((state.status("hold"), state.status("look")), (Status::Undone, Status::Done));
    tour(&wizard, "300ms").expect(1).says("`hold` may stand for 300ms at most");
    assert_eq!(replayed(&wizard).status("hold"), Status::Undone);
}

#[test]
fn a_failure_under_a_guard_releases_it_and_a_bad_time_is_refused() {
    let wizard = journey("fail", "");
    tour(&wizard, "1h").expect(1);
    assert_eq!(replayed(&wizard).status("hold"), Status::Undone);
    let wizard = journey("", "");
    tour(&wizard, "soon").expect(2).says("`soon` is not a duration");
    assert_eq!(replayed(&wizard).status("pass"), Status::Waiting);
    // a playbook that says nonsense is refused with its place
    let text = JOURNEY.replace("default = \"1h\"", "default = \"soon\"").replace("$trouble", "").replace("$late", "").replace("$after", "");
    std::fs::write(wizard.path().join("books/tour.toml"), text).unwrap();
    tour(&wizard, "1h").expect(2).says("`soon` is not a duration").says("tour.toml:");
}

// ---- the whole way

/// Killed under its triggers, gone on with, switched, written to on AWS, and back.
#[test]
fn a_demo_under_triggers_is_killed_goes_on_and_comes_back_with_its_rows() {
    let rehearsal = Rehearsal::new("triggers", None);
    let demo = || {
        let mut command = rehearsal.demo();
        command.args(["--set", "freeze_how=triggers", "--set", "writes_after=carry_back"]);
        command
    };
    let seen = "select 'relation', c.oid::regclass::text, c.relkind::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
                union all select 'trigger', tgname, tgenabled::text from pg_trigger where not tgisinternal union all select 'schema', nspname, '' from pg_namespace where nspname !~ '^pg_' order by 1, 2, 3";
    let mut child = silent(demo());
    assert!(wait_until(&mut child, "the last copy", || rehearsal.holds("started final_rows")));
    signal(&child, "KILL");
    child.wait().unwrap();
    assert!(rehearsal.is_held(How::Triggers) && !rehearsal.is_frozen(), "a kill cannot be heard: it stays until the next start");

    Done(demo().output().unwrap()).expect(0);

    check_resumes(&rehearsal.records(), "freeze", "switched");
    assert!(rehearsal.is_held(How::Triggers), "after the switch the source stays frozen");
    let state = rehearsal.state();
    let told = state.facts()["stillness.proof"].as_str().unwrap().to_owned();
    assert!(told.contains("since the freeze") && told.ends_with("the last comparison of both sides was equal"), "{told}");
    let report = std::fs::read_to_string(rehearsal.run_dir().unwrap().join("report.md")).unwrap();
    assert!(report.contains("## Between freeze and switch") && report.contains(&told), "{report}");
    assert!(rehearsal.verify().expect(0).out().contains("rows in 20 tables: equal"));

    sql(
        &rehearsal.target(),
        "insert into public.categories (code, label) values ('aws', 'written there'); update public.departments set name = 'there' where id = 2",
    );
    rehearsal.run(&["rollback", "--yes"]).expect(0);

    assert_eq!(rehearsal.state().ended, Some(End::RolledBack));
    assert!(!rehearsal.is_held(How::Triggers));
    let source = rehearsal.source();
    assert_eq!(value(&source, "select label from public.categories where code = 'aws'"), "written there");
    assert_eq!(value(&source, "select name from public.departments where id = 2"), "there");
    let left = rows(&source, seen);
    assert!(!left.iter().any(|line| line.contains("migrate_wizard")), "{left:?}");
    sql(&source, "update public.departments set name = 'here' where id = 2");
}

/// The demo's user is a superuser: nothing can be taken from it, and it is said before GO.
#[test]
fn a_way_that_cannot_be_had_is_refused_before_go() {
    let rehearsal = Rehearsal::new("revoke", None);
    let mut demo = rehearsal.demo();
    demo.args(["--set", "freeze_how=revoke", "--set", "writes_after=keep_aside"]);
    let refused = Done(demo.output().unwrap()).expect(1);
    refused
        .says("the source cannot be frozen that way (rights taken away)")
        .says("superusers and members of pg_write_all_data need none")
        .says("to read_only or triggers; nothing is frozen yet");
    assert_eq!(rehearsal.state().status("freeze"), Status::Waiting);
    // and with rows to carry back it is refused whatever the source says
    let stage = Stage::new(Part::Here, None);
    let check = stage.build("way_back_check", json!({ "choice": "carry_back", "how": "revoke" }));
    let error = stage.run(check.apply(&stage.world, &stage.context(Default::default()))).unwrap_err();
    assert!(error.hint.contains("freeze_how=triggers"), "{error}");
}

/// A real freeze whose time is over: the source takes writes again, and the run goes on later.
#[test]
fn a_demo_whose_freeze_lasts_too_long_releases_the_source_and_goes_on() {
    let rehearsal = Rehearsal::new("too-long", None);
    let mut demo = rehearsal.demo_of(10);
    demo.args(["--set", "freeze_at_most=1s"]);
    let stopped = Done(demo.output().unwrap()).expect(1);
    stopped.says("`freeze` may stand for").says("--set freeze_at_most=1h");
    assert!(!rehearsal.is_frozen(), "the app on Replit can write again");
    let released = rehearsal.records().into_iter().any(|r| matches!(r.what, Entry::UndoStarted { guard: true, .. }));
    assert!(released);
    let mut demo = rehearsal.demo_of(10);
    demo.args(["--set", "freeze_at_most=30m"]);
    Done(demo.output().unwrap()).expect(0);
    check_resumes(&rehearsal.records(), "freeze", "switched");
    assert!(rehearsal.is_frozen());
}

/// A copy under triggers sees none of them, and none of them reaches the other side.
#[test]
fn what_a_freeze_makes_is_neither_copied_nor_compared() {
    let pair = Pair::new("unseen", "create table t (id int primary key, v text)");
    sql(&pair.from, "insert into t select n, n from generate_series(1, 500) n");
    block(async { freeze::freeze(&pair.from.connect(Access::ReadWrite).await.unwrap(), How::Triggers).await.unwrap() });
    assert_eq!(pair.copy(&small()).rows_copied, 500);
    let text = block(dump::schema_only(&pair.from, &[])).unwrap();
    assert!(!text.contains("migrate_wizard_freeze") && text.contains("CREATE TABLE public.t"), "{text}");
    let found =
        block(async { migrate_wizard::postgres::facts::inspect(&pair.from.connect(Access::ReadOnly).await.unwrap()).await.unwrap() });
    assert_eq!(found.schemas, ["public"]);
}
