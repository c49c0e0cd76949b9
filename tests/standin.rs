//! The stand-ins that other tests rely on, held to the table of facts: what DSQL refuses is refused with its SQLSTATE and words.
//! One row for each fact; what works is there too, because a stand-in that refused everything would prove nothing.

mod facts;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::{Access, Connector};
use tokio_postgres::{Client, NoTls};

use self::facts::{OBJECTS, STATEMENTS};
use crate::support::chaos::Chaos;
use crate::support::dsql::{Rules, Standin};
use crate::support::postgres::{block, database, database_in_c, password, rows, sql, value};

/// How long anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

fn standin(name: &str, rules: Rules) -> Standin {
    Standin::start(&database_in_c(name), rules)
}

/// A client without any of the wizard's care.
async fn client(to: &Connector) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(to.host()).port(to.port()).dbname(to.database()).user(to.user()).password(password(to));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What an error says: SQLSTATE and message; of a connection that is gone, `closed`.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} {}", db.code().code(), db.message()),
        None => "closed".to_owned(),
    }
}

/// Sends texts one after the other on a connection of their own, each as one query: the first error, or `works`.
async fn outcome(to: &Connector, texts: &[&str]) -> String {
    let client = client(to).await.unwrap();
    for text in texts {
        if let Err(error) = client.batch_execute(text).await {
            return said(&error);
        }
    }
    "works".to_owned()
}

/// The same by the extended protocol.
async fn prepared_outcome(to: &Connector, text: &str) -> String {
    let client = client(to).await.unwrap();
    client.execute(text, &[]).await.map_or_else(|error| said(&error), |_| "works".to_owned())
}

#[track_caller]
fn holds(facts: &[(&str, &str)], outcome: impl AsyncFn(&str) -> String) {
    let wrong: Vec<String> = block(async {
        let mut wrong = Vec::new();
        for (text, expected) in facts {
            let found = outcome(text).await;
            let right = if *expected == "works" { found == "works" } else { found.starts_with(expected) };
            if !right {
                wrong.push(format!("{text}\n    expected {expected}\n    found    {found}"));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{} of {} facts do not hold:\n  {}", wrong.len(), facts.len(), wrong.join("\n  "));
}

fn with_objects(name: &str, rules: Rules) -> Standin {
    let standin = standin(name, rules);
    let to = standin.connector();
    assert_eq!(block(outcome(&to, &OBJECTS)), "works");
    standin
}

#[test]
fn every_statement_is_judged_as_the_facts_have_it() {
    let standin = with_objects("facts", Rules::default());
    let to = standin.connector();
    let used = tokio::sync::Mutex::new(None::<Client>);
    holds(STATEMENTS, async |text| {
        let mut used = used.lock().await;
        let client = match used.take() {
            Some(client) => client,
            None => client(&to).await.unwrap(),
        };
        let found = client.batch_execute(text).await.map_or_else(|error| said(&error), |()| "works".to_owned());
        client.batch_execute("rollback").await.unwrap();
        if text.contains(" async ") {
            // Jobs end before the next fact: it may speak of the same table.
            end_jobs(&client).await;
        }
        // A setting is not for the next.
        *used = Some(client).filter(|_| !text.starts_with("set "));
        found
    });
}

/// Waits until no job is at work.
async fn end_jobs(client: &Client) {
    let until = Instant::now() + PATIENCE;
    loop {
        let open = client.query("select job_id from sys.jobs where status in ('submitted', 'processing')", &[]).await.unwrap();
        let Some(job) = open.first() else { return };
        assert!(Instant::now() < until, "a job does not end");
        client.execute("call sys.wait_for_job($1)", &[&job.get::<_, String>(0)]).await.unwrap();
    }
}

#[test]
fn the_extended_protocol_is_judged_alike() {
    let standin = with_objects("extended", Rules::default());
    let to = standin.connector();
    holds(
        &[
            ("select 1", "works"),
            ("insert into parent values (1, 'a')", "works"),
            ("truncate parent", "0A000 TRUNCATE"),
            ("set work_mem = '64MB'", "0A000 setting configuration parameter \"work_mem\""),
            ("create table x (a text[])", "0A000 datatype text[] not supported"),
            ("create table y (a numeric)", "works"),
            ("create index async by_v on parent (v)", "works"),
            ("select ctid from parent", "42703 column \"ctid\""),
            ("insert into parent select g, 'x' from generate_series(100, 4000) g", "54000 transaction row limit exceeded"),
        ],
        async |text| prepared_outcome(&to, text).await,
    );
    assert_eq!(value(standin.backing(), "select count(*) from parent"), "1");
}

#[test]
fn three_thousand_rows_fit_a_transaction_and_one_more_does_not() {
    let standin = with_objects("rows", Rules::default());
    let to = standin.connector();
    let ids = |from: u32, to: u32| format!("insert into parent select g, 'x' from generate_series({from}, {to}) g");
    assert_eq!(block(outcome(&to, &[&ids(1, 3000)])), "works");
    assert_eq!(block(outcome(&to, &[&ids(10_001, 13_001)])), "54000 transaction row limit exceeded");
    // inserts, updates and deletes of one transaction count together, whichever statement is one too many
    let three = ["begin", "update parent set v = 'y' where id <= 1500", &ids(20_001, 21_500), "delete from parent where id = 1"];
    assert_eq!(block(outcome(&to, &three)), "54000 transaction row limit exceeded");
    assert_eq!(value(standin.backing(), "select count(*) || ' ' || count(*) filter (where v = 'y') from parent"), "3000 0");
    // a cascade's rows count too
    assert_eq!(block(outcome(&to, &["create table leaf (id int primary key, parent int references parent on delete cascade)"])), "works");
    assert_eq!(block(outcome(&to, &["insert into leaf select g, 1 + g % 2 from generate_series(1, 3000) g"])), "works");
    assert_eq!(block(outcome(&to, &["delete from parent where id in (1, 2)"])), "54000 transaction row limit exceeded");
    assert_eq!(block(outcome(&to, &["delete from parent where id = 1"])), "works");
    assert_eq!((standin.seen().largest_transaction_rows, standin.seen().commits), (3000, 4 + 4));
}

#[test]
fn a_transaction_of_more_than_ten_megabytes_fails_at_its_commit() {
    let standin = with_objects("bytes", Rules::default());
    let to = standin.connector();
    let insert = |from: u32, rows: u32, bytes: u32| {
        format!("insert into parent select g, repeat('x', {bytes}) from generate_series({from}, {}) g", from + rows - 1)
    };
    // 500 rows of 20,600 bytes are 9.82 MiB of values, 500 of 21,000 are 10.01
    assert_eq!(block(outcome(&to, &[&insert(1, 500, 20_600)])), "works");
    let (found, detail) = block(async {
        let client = client(&to).await.unwrap();
        client.batch_execute("begin").await.unwrap();
        client.batch_execute(&insert(1001, 500, 21_000)).await.unwrap();
        let error = client.batch_execute("commit").await.unwrap_err();
        // the transaction is over
        client.batch_execute("select 1").await.unwrap();
        (said(&error), error.as_db_error().unwrap().detail().unwrap().to_owned())
    });
    assert_eq!(found, "54000 transaction size limit 10mb exceeded");
    assert!(detail.starts_with("Current transaction size 105"), "{detail}");
    assert_eq!(block(outcome(&to, &[&insert(1001, 500, 21_000)])), "54000 transaction size limit 10mb exceeded");
    assert_eq!(value(standin.backing(), "select count(*) from parent"), "500");
    // what an index costs counts
    block(async {
        let client = client(&to).await.unwrap();
        client.batch_execute("create index async on parent (id, v)").await.unwrap();
        end_jobs(&client).await;
    });
    standin.set(|rules| rules.bytes = 1_000_000);
    assert_eq!(block(outcome(&to, &[&insert(2001, 1500, 100)])), "54000 transaction size limit 10mb exceeded");
    standin.set(|rules| rules.index_overhead = 0);
    assert_eq!(block(outcome(&to, &[&insert(2001, 1500, 100)])), "works");
}

#[test]
fn large_values_rows_and_keys_are_refused_and_a_large_message_ends_the_connection() {
    let standin = with_objects("large", Rules::default());
    let to = standin.connector();
    block(outcome(&to, &["create table wide (id int primary key, a text, b text, c text)"]));
    let text = |bytes: usize| "x".repeat(bytes);
    let mib = 1 << 20;
    for (statement, expected) in [
        (format!("insert into parent values (1, '{}')", text(mib)), "works"),
        (
            format!("insert into parent values (2, '{}')", text(mib + 1)),
            "54000 datatype limit greater than 1048576 bytes not supported for text",
        ),
        (
            format!("insert into wide values (1, '{}', '{}', '{}')", text(700_000), text(700_000), text(700_000)),
            "54000 maximum row size exceeded",
        ),
        (format!("insert into wide values (2, '{}', '{}', '')", text(700_000), text(700_000)), "works"),
        (format!("select length('{}')", text(10 * mib - 100)), "works"),
        (format!("select length('{}')", text(10 * mib)), "closed"),
    ] {
        assert_eq!(block(outcome(&to, &[&statement])), expected, "{} bytes", statement.len());
    }
    // a parameter is no different
    let by_parameter = |bytes: usize| {
        block(async {
            let client = client(&to).await.unwrap();
            client
                .execute("insert into parent values ($1, $2)", &[&3, &text(bytes)])
                .await
                .map_or_else(|e| said(&e), |n| format!("{n} row"))
        })
    };
    assert_eq!(by_parameter(mib + 1), "54000 datatype limit greater than 1048576 bytes not supported for text");
    assert_eq!(by_parameter(mib), "1 row");
    assert_eq!(by_parameter(10 * mib), "closed");
    // keys
    block(outcome(&to, &["create table keyed (k text primary key)"]));
    assert_eq!(block(outcome(&to, &[&format!("insert into keyed values ('{}')", text(1900))])), "works");
    assert_eq!(block(outcome(&to, &[&format!("insert into keyed values ('{}')", text(2100))])), "54000 key size too large");
    assert!(standin.seen().largest_message < 10 * (1 << 20));
}

#[test]
fn a_transaction_that_is_too_old_fails() {
    let standin = with_objects("age", Rules::default());
    standin.set(|rules| rules.age = Duration::from_secs(1));
    let to = standin.connector();
    let slow = "select pg_sleep(1.1)";
    let old = "54000 transaction age limit of 300s exceeded";
    assert_eq!(block(outcome(&to, &[slow])), old);
    assert_eq!(block(outcome(&to, &["begin", "insert into parent values (1)", slow, "commit"])), old);
    assert_eq!(value(standin.backing(), "select count(*) from parent"), "0");
    assert_eq!(block(outcome(&to, &["insert into parent values (1)"])), "works");
    // afterwards the transaction is an aborted one, and a rollback ends it
    let aborted = block(async {
        let client = client(&to).await.unwrap();
        client.batch_execute("begin").await.unwrap();
        client.batch_execute(slow).await.unwrap_err();
        let masked = said(&client.batch_execute("select 1").await.unwrap_err());
        client.batch_execute("rollback").await.unwrap();
        client.batch_execute("select 1").await.unwrap();
        masked
    });
    assert!(aborted.starts_with("25P02"), "{aborted}");
}

#[test]
fn conflicts_come_at_the_commit_at_their_rate_and_leave_nothing() {
    let standin = with_objects("conflicts", Rules { conflict_rate: 0.3, seed: 7, ..Rules::default() });
    let to = standin.connector();
    let run = async || {
        let client = client(&to).await.unwrap();
        let mut conflicts = 0;
        for id in 0..200 {
            let explicit = id % 2 == 0;
            if explicit {
                client.batch_execute("begin").await.unwrap();
            }
            let end = match client.execute("insert into parent values ($1)", &[&id]).await {
                Ok(_) if explicit => client.batch_execute("commit").await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = end {
                assert_eq!(said(&error), "40001 change conflicts with another transaction, please retry: (OC000)");
                conflicts += 1;
            }
            // reading never conflicts, and the transaction is over
            client.query("select count(*) from parent", &[]).await.unwrap();
        }
        conflicts
    };
    let conflicts: u64 = block(run());
    assert!((40..=80).contains(&conflicts), "{conflicts} of 200 at a rate of 0.3");
    let seen = standin.seen();
    assert_eq!((seen.conflicts, seen.commits), (conflicts, 4 + 200 - conflicts));
    assert_eq!(value(standin.backing(), "select count(*) from parent"), (200 - conflicts).to_string());
}

#[test]
fn two_writers_of_one_row_conflict_for_real() {
    let standin = with_objects("writers", Rules::default());
    let to = standin.connector();
    block(async {
        outcome(&to, &["insert into parent values (1, 'a')"]).await;
        let (one, two) = (client(&to).await.unwrap(), client(&to).await.unwrap());
        for writer in [&one, &two] {
            writer.batch_execute("begin; select * from parent").await.unwrap();
        }
        one.batch_execute("update parent set v = 'one'; commit").await.unwrap();
        let error = two.batch_execute("update parent set v = 'two'; commit").await.unwrap_err();
        assert!(said(&error).starts_with("40001 "), "{}", said(&error));
        two.batch_execute("rollback").await.unwrap();
        // a definition of another's breaks a transaction that writes
        two.batch_execute("begin; update parent set v = 'two'").await.unwrap();
        one.batch_execute("create schema other").await.unwrap();
        let error = two.batch_execute("commit").await.unwrap_err();
        assert_eq!(said(&error), "40001 schema has been updated by another transaction, please retry: (OC001)");
        two.batch_execute("update parent set v = 'two'").await.unwrap();
    });
    assert_eq!(value(standin.backing(), "select v from parent"), "two");
}

#[test]
fn a_lost_commit_was_made() {
    let standin = with_objects("lost", Rules::default());
    standin.set(|rules| rules.lost_commit_rate = 1.0);
    let to = standin.connector();
    assert_eq!(block(outcome(&to, &["begin", "insert into parent values (1)", "commit"])), "closed");
    assert_eq!(block(outcome(&to, &["insert into parent values (2)"])), "closed");
    assert_eq!(block(prepared_outcome(&to, "insert into parent values (3)")), "closed");
    assert_eq!(block(outcome(&to, &["select count(*) from parent"])), "works");
    assert_eq!(rows(standin.backing(), "select id from parent order by 1"), ["1", "2", "3"]);
    assert_eq!(standin.seen().lost_commits, 3);
}

#[test]
fn a_token_opens_connections_until_it_expires() {
    let standin = standin("tokens", Rules::default());
    let refused = |to: &Connector| {
        let error = block(client(to)).err().unwrap();
        (said(&error), error.as_db_error().unwrap().hint().map(str::to_owned))
    };
    let to = standin.connector();
    let denied = "28000 unable to accept connection, access denied".to_owned();
    block(async {
        // given a session from when the token was good
        let open = client(&to).await.unwrap();
        // when it expires
        standin.expire_tokens();
        // then the session goes on
        open.batch_execute("select 1").await.unwrap();
    });
    assert_eq!(refused(&to), (denied.clone(), Some("Signature expired".to_owned())));
    assert_eq!(refused(&to.with_password("guessed")), (denied.clone(), None));
    assert_eq!(refused(&standin.connector().with_user("somebody")), (denied.clone(), None));
    assert_eq!(block(outcome(&standin.connector(), &["select 1"])), "works");
    standin.set(|rules| rules.token_life = Duration::ZERO);
    assert_eq!(refused(&standin.connector()), (denied, Some("Signature expired".to_owned())));
    assert_eq!((standin.seen().connections, standin.seen().refused_connections), (2, 4));
}

#[test]
fn connections_come_no_faster_than_the_bucket_fills() {
    let standin = standin("rate", Rules { connection_burst: 3.0, connections_per_second: 0.0, ..Rules::default() });
    let to = standin.connector();
    let error = block(async {
        for _ in 0..3 {
            client(&to).await.unwrap();
        }
        client(&to).await.err().unwrap()
    });
    assert_eq!(said(&error), "53400 unable to accept connection, rate exceeded");
    // the wizard's own connector waits for the bucket
    standin.set(|rules| (rules.connection_burst, rules.connections_per_second) = (0.0, 0.0));
    let waits = std::thread::spawn({
        let to = to.clone();
        move || value(&to, "select 1")
    });
    let until = Instant::now() + PATIENCE;
    while standin.seen().refused_connections < 2 {
        assert!(Instant::now() < until, "it does not try");
        std::thread::sleep(Duration::from_millis(1));
    }
    standin.set(|rules| rules.connection_burst = 1.0);
    assert_eq!(waits.join().unwrap(), "1");
}

#[test]
fn connections_at_the_same_time_have_a_limit() {
    let standin = standin("many", Rules { connections: 1, ..Rules::default() });
    let to = standin.connector();
    block(async {
        let _one = client(&to).await.unwrap();
        assert_eq!(said(&client(&to).await.err().unwrap()), "53300 unable to accept connection, too many open connections");
    });
}

#[test]
fn a_connection_closes_when_its_time_is_up() {
    let standin = standin("close", Rules { close_after: Some(Duration::from_millis(300)), ..Rules::default() });
    let to = standin.connector();
    let start = Instant::now();
    let lasted = block(async {
        let client = client(&to).await.unwrap();
        while client.batch_execute("select 1").await.is_ok() {
            assert!(start.elapsed() < PATIENCE, "it does not close");
        }
        start.elapsed()
    });
    assert!(lasted >= Duration::from_millis(300), "{lasted:?}");
    assert_eq!(standin.seen().closed_connections, 1);
}

#[test]
fn an_index_is_built_by_a_job() {
    let standin = with_objects("jobs", Rules { job_delay: Duration::from_millis(200), ..Rules::default() });
    let to = standin.connector();
    block(async {
        let client = client(&to).await.unwrap();
        client.batch_execute("insert into parent values (1, 'a'), (2, 'a'), (3, 'b')").await.unwrap();
        let submit = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, String>("job_id");
        let status = async |job: &str| {
            let row = client.query_one("select status, coalesce(details, '') from sys.jobs where job_id = $1", &[&job]).await.unwrap();
            (row.get::<_, String>(0), row.get::<_, String>(1))
        };
        let wait = async |job: &str| client.query_one("call sys.wait_for_job($1)", &[&job]).await.unwrap().get::<_, bool>("succeeded");
        // one that succeeds
        let job = submit("create index async by_v on parent (v)").await;
        assert_eq!((job.len(), status(&job).await.0.as_str()), (26, "submitted"));
        assert!(wait(&job).await);
        assert_eq!(status(&job).await, ("completed".to_owned(), String::new()));
        // a unique one that fails, and stays behind
        let job = submit("create unique index async one_v on parent (v)").await;
        assert!(!wait(&job).await);
        assert_eq!(status(&job).await, ("failed".to_owned(), "could not create unique index \"one_v\"".to_owned()));
        let valid = "select indisvalid, indisunique from pg_index where indexrelid = 'one_v'::regclass";
        let row = client.query_one(valid, &[]).await.unwrap();
        assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
        // it refuses duplicates until it is dropped
        assert!(said(&client.batch_execute("insert into parent values (4, 'b')").await.unwrap_err()).starts_with("23505"));
        client.batch_execute("drop index one_v").await.unwrap();
        client.batch_execute("insert into parent values (4, 'b')").await.unwrap();
        // a constraint
        client.batch_execute("insert into child (id, parent, n) values (1, 77, 1)").await.unwrap();
        client.batch_execute("alter table child add constraint up foreign key (parent) references parent not valid").await.unwrap();
        let job = submit("alter table async child validate constraint up").await;
        assert!(!wait(&job).await);
        assert!(status(&job).await.1.contains("violates foreign key constraint \"up\""));
        client.batch_execute("update child set parent = 1").await.unwrap();
        let job = submit("alter table async child validate constraint up").await;
        assert!(wait(&job).await);
        // a unique constraint from an index
        let job = submit("create unique index async one_parent on child (parent)").await;
        client.batch_execute(&format!("call sys.wait_for_job('{job}')")).await.unwrap();
        client.batch_execute("alter table child add constraint one_parent unique using index one_parent").await.unwrap();
        // rolled back, nothing is begun
        client.batch_execute("begin; create index async never on parent (v); rollback").await.unwrap();
        // and nobody waits in a transaction
        let within = client.batch_execute(&format!("begin; call sys.wait_for_job('{job}')")).await.unwrap_err();
        assert!(said(&within).starts_with("2D000"), "{}", said(&within));
    });
    assert_eq!(standin.seen().jobs, 5);
    assert_eq!(value(standin.backing(), "select count(*) from sys.jobs"), "5");
}

#[test]
fn a_bare_numeric_keeps_six_digits() {
    let standin = standin("numeric", Rules::default());
    let to = standin.connector();
    let texts = [
        "create table n (id int primary key, bare numeric, exact decimal(20,9))",
        "alter table n add column later numeric",
        "insert into n values (1, 1.23456789, 1.23456789, 2.00000049)",
    ];
    assert_eq!(block(outcome(&to, &texts)), "works");
    assert_eq!(rows(standin.backing(), "select bare, exact, later from n"), ["1.234568|1.234567890|2.000000"]);
    assert_eq!(block(outcome(&to, &["insert into n values (2, 1234567890123, 0, 0)"])), "22003 numeric field overflow");
    assert_eq!(block(outcome(&to, &["select 1.23456789::numeric"])), "works");
}

#[test]
fn parameters_pass_text_and_binary_and_statements_can_be_used_again() {
    let standin = standin("parameters", Rules::default());
    let to = standin.connector();
    block(async {
        let client = client(&to).await.unwrap();
        client.batch_execute("create table p (id int primary key, v text, at timestamptz, j jsonb, n bigint)").await.unwrap();
        let insert = client.prepare("insert into p values ($1, $2, '2026-01-02 03:04:05Z', $3, $4) returning id").await.unwrap();
        for id in 0..5_i32 {
            let row = client.query_one(&insert, &[&id, &format!("v{id}"), &serde_json::json!({"a": id}), &None::<i64>]).await.unwrap();
            assert_eq!(row.get::<_, i32>(0), id);
        }
        let many = client.query("select v, j->>'a' from p where id = any($1) order by id", &[&vec![1, 3]]).await.unwrap();
        assert_eq!(many.iter().map(|row| row.get::<_, String>(0) + row.get(1)).collect::<Vec<_>>(), ["v11", "v33"]);
        // an error in the middle leaves the connection usable, in a transaction and outside one
        assert!(said(&client.query(&insert, &[&1, &"x", &serde_json::json!(1), &None::<i64>]).await.unwrap_err()).starts_with("23505"));
        client.batch_execute("begin").await.unwrap();
        client.query(&insert, &[&1, &"x", &serde_json::json!(1), &None::<i64>]).await.unwrap_err();
        assert!(said(&client.query("select 1", &[]).await.unwrap_err()).starts_with("25P02"));
        client.execute("rollback", &[]).await.unwrap();
        // transaction control by the extended protocol
        client.execute("begin", &[]).await.unwrap();
        client.query(&insert, &[&9, &"nine", &serde_json::json!(null), &Some(9_i64)]).await.unwrap();
        client.execute("commit", &[]).await.unwrap();
        // many at the same time on one connection
        let counts = futures_util::future::join_all((0..20).map(|_| client.query_one("select count(*) from p", &[]))).await;
        assert!(counts.into_iter().all(|row| row.unwrap().get::<_, i64>(0) == 6));
        // a few rows at a time
        let mut own = client;
        let transaction = own.transaction().await.unwrap();
        let portal = transaction.bind("select id from p order by id", &[]).await.unwrap();
        assert_eq!(transaction.query_portal(&portal, 4).await.unwrap().len(), 4);
        assert_eq!(transaction.query_portal(&portal, 4).await.unwrap().len(), 2);
        transaction.commit().await.unwrap();
    });
    assert_eq!(standin.seen().largest_transaction_rows, 1);
}

/// Copies lines in: the rows taken, or the error.
async fn copy_in(to: &Connector, lines: &str) -> String {
    let client = client(to).await.unwrap();
    let sink = match client.copy_in::<_, Bytes>("copy parent (id, v) from stdin").await {
        Ok(sink) => sink,
        Err(error) => return said(&error),
    };
    let mut sink = std::pin::pin!(sink);
    if let Err(error) = sink.send(Bytes::from(lines.to_owned())).await {
        return said(&error);
    }
    let end = sink.finish().await.map_or_else(|error| said(&error), |rows| format!("{rows} rows"));
    client.batch_execute("select 1").await.unwrap();
    end
}

#[test]
fn copy_works_where_there_is_copy() {
    let standin = with_objects("copy", Rules::default());
    let to = standin.connector();
    let lines = |from: u32, rows: u32| (from..from + rows).map(|id| format!("{id}\tv{id}\n")).collect::<String>();
    assert_eq!(block(copy_in(&to, &lines(1, 3000))), "3000 rows");
    assert_eq!(block(copy_in(&to, &lines(4001, 3001))), "54000 transaction row limit exceeded");
    assert!(block(copy_in(&to, "x\ty\n")).starts_with("22P02"));
    let large = format!("9001\t{}\n", "x".repeat((1 << 20) + 1));
    assert_eq!(block(copy_in(&to, &large)), "54000 datatype limit greater than 1048576 bytes not supported for text");
    let out = block(async {
        let client = client(&to).await.unwrap();
        let stream = client.copy_out("copy (select id, v from parent order by id limit 2) to stdout").await.unwrap();
        stream.map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect::<Vec<_>>().await.concat()
    });
    assert_eq!(out, "1\tv1\n2\tv2\n");
    // where there is none
    standin.set(|rules| (rules.copy, rules.copy_out) = (false, false));
    assert_eq!(block(copy_in(&to, &lines(1, 1))), "0A000 COPY is not supported");
    assert_eq!(block(outcome(&to, &["copy parent to stdout"])), "0A000 COPY is not supported");
    assert_eq!(value(standin.backing(), "select count(*) from parent"), "3000");
}

#[test]
fn a_long_insert_is_judged_whole() {
    let standin = with_objects("long", Rules::default());
    let to = standin.connector();
    let values: Vec<String> = (1..=3000).map(|id| format!("({id}, 'it''s; (no) values, ({id})')")).collect();
    let insert = format!("insert into parent (id, v) values {} on conflict (id) do nothing", values.join(", "));
    assert_eq!(block(outcome(&to, &["begin", &insert, "commit"])), "works");
    assert_eq!(value(standin.backing(), "select count(*) from parent"), "3000");
    // what is refused is found behind the rows too
    let hidden = format!("insert into parent (id, v) values {}, (1, (select ctid::text from parent limit 1))", values.join(", "));
    assert_eq!(block(outcome(&to, &[&hidden])), "42703 column \"ctid\" does not exist");
}

#[test]
fn the_wizard_knows_it_for_dsql_and_reads_it_read_only() {
    let standin = with_objects("wizard", Rules::default());
    let to = standin.connector();
    block(async {
        let reader = to.connect(Access::ReadOnly).await.unwrap();
        assert!(reader.is_dsql().await.unwrap());
        let refused = reader.batch("insert into parent values (1)").await.unwrap_err();
        assert_eq!(refused.kind, Kind::Refused);
        let writer = to.connect(Access::ReadWrite).await.unwrap();
        let refused = writer.settings(&[("timezone", "'UTC'"), ("statement_timeout", "0"), ("row_security", "off")]).await.unwrap();
        assert_eq!(refused, ["statement_timeout", "row_security"]);
        assert_eq!(writer.execute("insert into parent values ($1, $2)", &[&1, &"a"]).await.unwrap(), 1);
    });
    assert_eq!(value(&to, "select current_setting('transaction_isolation') || ' ' || current_setting('timezone')"), "repeatable read UTC");
    // nothing of the stand-in's own shows among the user's triggers
    assert_eq!(value(&to, "select count(*) from pg_trigger where not tgisinternal"), "0");
}

#[test]
fn a_network_cuts_every_connection_and_refuses_new_ones() {
    let server = database("chaos");
    let chaos = Chaos::start(&server, 1);
    let to = chaos.connector();
    block(async {
        let (one, two) = (client(&to).await.unwrap(), client(&to).await.unwrap());
        for client in [&one, &two] {
            client.batch_execute("select 1").await.unwrap();
        }
        chaos.cut_all();
        for client in [&one, &two] {
            assert_eq!(said(&client.batch_execute("select 1").await.unwrap_err()), "closed");
        }
        chaos.refuse(true);
        assert_eq!(said(&client(&to).await.err().unwrap()), "closed");
        chaos.refuse(false);
        client(&to).await.unwrap().batch_execute("select 1").await.unwrap();
    });
    let passed = chaos.passed();
    assert_eq!((passed.connections, passed.refused, passed.cut), (3, 1, 2));
}

#[test]
fn a_network_cuts_after_a_number_of_bytes_that_its_seed_repeats() {
    let server = database("cut");
    let run = |seed: u64| {
        let chaos = Chaos::start(&server, seed);
        chaos.cut_after_bytes(2000..20_000);
        let to = chaos.connector();
        let lengths: Vec<u64> = (0..4)
            .map(|_| {
                let before = chaos.passed().bytes;
                block(async {
                    let client = client(&to).await.unwrap();
                    let start = Instant::now();
                    while client.batch_execute("select repeat('x', 300)").await.is_ok() {
                        assert!(start.elapsed() < PATIENCE, "it is not cut");
                    }
                });
                chaos.passed().bytes - before
            })
            .collect();
        assert_eq!(chaos.passed().cut, 4);
        chaos.cut_after_bytes(0..0);
        block(async { client(&to).await.unwrap().batch_execute("select repeat('x', 30000)").await.unwrap() });
        lengths
    };
    let (first, again) = (run(11), run(11));
    assert_eq!(first, again);
    assert!(first.iter().all(|bytes| (2000..20_000).contains(bytes)), "{first:?}");
    assert_ne!(first, run(12));
}

#[test]
fn a_slow_network_takes_its_time_for_all_connections_together() {
    let server = database("slow");
    let chaos = Chaos::start(&server, 1);
    let to = chaos.connector();
    let took = block(async {
        let (one, two) = (client(&to).await.unwrap(), client(&to).await.unwrap());
        chaos.bytes_per_second(Some(200_000));
        let start = Instant::now();
        let read = "select repeat('x', 50000)";
        let (a, b) = tokio::join!(one.batch_execute(read), two.batch_execute(read));
        a.unwrap();
        b.unwrap();
        let slow = start.elapsed();
        chaos.bytes_per_second(None);
        one.batch_execute(read).await.unwrap();
        slow
    });
    // 100,000 bytes at 200,000 a second
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_network_loses_the_answer_of_a_commit_that_was_made() {
    let server = database("lost_answer");
    sql(&server, "create table t (id int primary key)");
    let chaos = Chaos::losing_commits(&server, 3, 0.5);
    let to = chaos.connector();
    let lost: Vec<i32> = block(async {
        let mut lost = Vec::new();
        for id in 0..20 {
            let client = client(&to).await.unwrap();
            client.batch_execute(&format!("begin; insert into t values ({id})")).await.unwrap();
            if client.batch_execute("commit").await.is_err() {
                lost.push(id);
            }
        }
        lost
    });
    assert!((4..=16).contains(&lost.len()), "{lost:?}");
    assert_eq!(chaos.passed().lost_commits, lost.len() as u64);
    assert_eq!(value(&server, "select count(*) from t"), "20");
}
