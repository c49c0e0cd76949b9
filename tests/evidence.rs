//! Evidence from data: what a finding depends on is measured in a real database, and the rows in the way are named.
//! Each probe sees a database in which its condition holds and one in which it fails.

use std::time::Duration;

use migrate_wizard::postgres::{Connector, dump};
use migrate_wizard::progress::Reporter;
use migrate_wizard::schema::{Conversion, Evidence, Finding, Lossless, Options, Severity, Target, Verdict, evidence};

use crate::support::postgres::{block, database, sample, sql};
use crate::support::wizard::Wizard;

const MINUTE: Duration = Duration::from_secs(60);

fn within(from: &Connector, target: Target, timeout: Duration) -> Conversion {
    block(async {
        let text = dump::schema_only(from, &["migrate_wizard".into()]).await.unwrap();
        evidence::convert(from, &text, target, &Options::default(), timeout, &Reporter::silent()).await.unwrap()
    })
}

fn measured(from: &Connector, target: Target) -> Conversion {
    within(from, target, MINUTE)
}

/// A database made by these statements, measured for a target.
fn given(statements: &str, target: Target) -> Conversion {
    let from = database("evidence");
    sql(&from, statements);
    measured(&from, target)
}

fn found<'a>(conversion: &'a Conversion, id: &str, object: &str) -> Option<&'a Finding> {
    conversion.findings.iter().find(|finding| finding.id == id && finding.object == object)
}

#[track_caller]
fn finding<'a>(conversion: &'a Conversion, id: &str, object: &str) -> &'a Finding {
    found(conversion, id, object).unwrap_or_else(|| {
        let all: Vec<String> = conversion.findings.iter().map(|f| format!("{} {}: {}", f.id, f.object, f.what)).collect();
        panic!("no {id} of {object} in:\n{}", all.join("\n"))
    })
}

#[track_caller]
fn shown(finding: &Finding) -> &Evidence {
    finding.evidence.as_ref().unwrap_or_else(|| panic!("nothing measured: {finding:?}"))
}

/// The finding carries this verdict, these figures and these rows.
#[track_caller]
fn says(conversion: &Conversion, id: &str, object: &str, verdict: &Verdict, figures: &str, examples: &[&str]) {
    let evidence = shown(finding(conversion, id, object));
    assert_eq!((&evidence.verdict, evidence.measured.as_str()), (verdict, figures));
    assert_eq!(evidence.examples, examples);
}

fn weighs(conversion: &Conversion, id: &str, object: &str) -> (Severity, Lossless) {
    let found = finding(conversion, id, object);
    (found.severity, found.lossless.clone())
}

fn type_of(conversion: &Conversion, column: &str) -> String {
    conversion.type_changes.iter().find(|change| change.column == column).map(|change| change.to.clone()).unwrap_or_default()
}

#[test]
fn a_bare_numeric_gets_a_precision_that_holds_its_data() {
    // given numbers that the default holds, too fine, too large
    let conversion = given(
        "create domain price as numeric;
         create table t (id int primary key, kept numeric, fine numeric, large numeric, priced price);
         insert into t values (1, 123456789.1234, 0.1234567890120, 1e35, 1.5), (2, null, 1, 2, 0.00000000001)",
        Target::Dsql,
    );
    // then each gets what it needs, with room, and nothing is lost
    assert_eq!(
        ["kept", "fine", "large"].map(|column| type_of(&conversion, column)),
        ["numeric(38, 9)", "numeric(49, 20)", "numeric(49, 9)"]
    );
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.t.kept",
        &Verdict::Holds,
        "widest value: 9 digits before and 4 after the point, in 2 rows",
        &[],
    );
    assert_eq!(weighs(&conversion, "DSQL-NUMERIC", "public.t.fine"), (Severity::Changes, Lossless::Yes));
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.t.large",
        &Verdict::Holds,
        "widest value: 36 digits before and 0 after the point, in 2 rows",
        &[],
    );
    assert!(finding(&conversion, "DSQL-NUMERIC", "public.price").what.contains("numeric(49, 20)"));
}

#[test]
fn nan_and_infinity_are_named() {
    let conversion = given(
        "create table t (id int primary key, nan numeric, endless numeric);
         insert into t values (1, 'NaN', 1), (2, 5.5, 'Infinity'), (3, 1, '-Infinity')",
        Target::Dsql,
    );
    let unknown = Verdict::Unknown("whether the target stores NaN is not known".into());
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.t.nan",
        &unknown,
        "widest value: 1 digit before and 1 after the point, in 3 rows; NaN in 1 row",
        &["id = 1"],
    );
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.t.endless",
        &Verdict::Fails,
        "widest value: 1 digit before and 0 after the point, in 3 rows; Infinity in 2 rows",
        &["id = 2", "id = 3"],
    );
    assert_eq!(weighs(&conversion, "DSQL-NUMERIC", "public.t.endless"), (Severity::Blocks, Lossless::No));
}

#[test]
fn a_precision_that_a_person_chose_stays_and_what_it_loses_is_named() {
    let from = database("evidence");
    sql(
        &from,
        "create table t (id int primary key, n numeric unique); insert into t values (1, 1.23), (2, 1.2301), (3, 123456), (4, null)",
    );
    let options: Options = serde_json::from_str(r#"{"numeric_columns":{"public.t.n":{"precision":5,"scale":2}}}"#).unwrap();
    let conversion = block(async {
        let text = dump::schema_only(&from, &[]).await.unwrap();
        evidence::convert(&from, &text, Target::Dsql, &options, MINUTE, &Reporter::silent()).await.unwrap()
    });
    assert_eq!(type_of(&conversion, "n"), "numeric(5, 2)");
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.t.n",
        &Verdict::Fails,
        "widest value: 6 digits before and 4 after the point, in 4 rows",
        &["id = 2", "id = 3"],
    );
    // and two keys are one when they are rounded
    says(
        &conversion,
        "DSQL-DUPLICATES",
        "public.t.t_n_key",
        &Verdict::Fails,
        "1 key in more than one row: 2 of 4 rows",
        &["id = 1", "id = 2"],
    );
}

#[test]
fn values_rows_and_keys_too_large_for_the_target_are_named() {
    let small = "create table t (id int primary key, name text unique, body text, raw bytea, doc jsonb);";
    let conversion = given(&format!("{small} insert into t values (1, 'a', 'b', 'c', '{{}}')"), Target::Dsql);
    for id in ["DSQL-VALUE-SIZE", "DSQL-ROW-SIZE", "DSQL-KEY-SIZE"] {
        assert!(conversion.findings.iter().all(|finding| finding.id != id), "{id}");
    }
    let random = "(select string_agg(encode(sha256(n::text::bytea), 'hex'), '') from generate_series(1, 40000) n)";
    let conversion = given(
        &format!(
            "{small} alter table t alter body set storage external;
             insert into t select 1, 'a', repeat('x', 2000000), null, null;
             insert into t select 2, 'b', null, decode(repeat('ab', 1500000), 'hex'), null;
             insert into t select 3, 'c', {random}, null, null;
             insert into t select 4, substr({random}, 1, 1990), null, null, jsonb_build_object('a', repeat('y', 2000000))"
        ),
        Target::Dsql,
    );
    says(
        &conversion,
        "DSQL-VALUE-SIZE",
        "public.t.raw",
        &Verdict::Fails,
        "longest value: 1,500,000 bytes of 1,048,576, in 4 rows",
        &["id = 2"],
    );
    says(
        &conversion,
        "DSQL-VALUE-SIZE",
        "public.t.body",
        &Verdict::Fails,
        "longest value: 2,560,000 bytes of 1,048,576 (2,560,000 compressed here), in 4 rows",
        &["id = 1", "id = 3"],
    );
    let doc = shown(finding(&conversion, "DSQL-VALUE-SIZE", "public.t.doc"));
    assert_eq!(doc.verdict, Verdict::Unknown("it fits only if the target compresses it as well as the source does".into()));
    assert!(doc.measured.starts_with("longest value: 2,000,009 bytes of 1,048,576 (") && doc.examples == ["id = 4"], "{doc:?}");
    let row = shown(finding(&conversion, "DSQL-ROW-SIZE", "public.t"));
    assert_eq!((&row.verdict, row.examples.as_slice()), (&Verdict::Fails, ["id = 3".to_owned()].as_slice()), "{row:?}");
    says(&conversion, "DSQL-KEY-SIZE", "public.t.t_name_key", &Verdict::Fails, "largest key: 1,994 bytes of 1,981, in 4 rows", &["id = 4"]);
    assert_eq!(weighs(&conversion, "DSQL-KEY-SIZE", "public.t.t_name_key"), (Severity::Blocks, Lossless::No));
}

#[test]
fn a_key_declared_too_wide_becomes_text_when_its_values_are_short() {
    let table = "create table t (id int primary key, code varchar(3000) unique);";
    let conversion = given(&format!("{table} insert into t values (1, 'short')"), Target::Dsql);
    assert_eq!(type_of(&conversion, "code"), "text");
    assert!(found(&conversion, "DSQL-KEY-WIDTH", "public.t.t_code_key").is_none());
    assert_eq!(weighs(&conversion, "DSQL-KEY-TEXT", "public.t.code"), (Severity::Changes, Lossless::Yes));
    // when they are long, it is left for a person
    let random = "(select string_agg(encode(sha256(n::text::bytea), 'hex'), '') from generate_series(1, 35) n)";
    let conversion = given(&format!("{table} insert into t select 7, {random}"), Target::Dsql);
    assert_eq!(type_of(&conversion, "code"), "");
    says(&conversion, "DSQL-KEY-WIDTH", "public.t.t_code_key", &Verdict::Fails, "largest key: 2,244 bytes of 1,981, in 1 row", &["id = 7"]);
}

#[test]
fn numbers_beyond_what_javascript_keeps_are_named_and_counters_told() {
    let conversion = given("create table t (id serial primary key); insert into t select from generate_series(1, 3)", Target::Dsql);
    says(
        &conversion,
        "DSQL-IDENTITY",
        "public.t.id",
        &Verdict::Holds,
        "largest number: 3, in 3 rows; its counter is at 3 of 2,147,483,647 (0 %)",
        &[],
    );
    assert_eq!(weighs(&conversion, "DSQL-IDENTITY", "public.t.id"), (Severity::Changes, Lossless::Yes));
    let conversion = given(
        "create table t (id bigint generated by default as identity primary key);
         insert into t values (9007199254740992), (9007199254740993), (-9223372036854775808)",
        Target::Dsql,
    );
    says(
        &conversion,
        "DSQL-IDENTITY",
        "public.t.id",
        &Verdict::Fails,
        "largest number: 9,223,372,036,854,775,808, in 3 rows",
        &["id = -9223372036854775808", "id = 9007199254740993"],
    );
    assert_eq!(weighs(&conversion, "DSQL-IDENTITY", "public.t.id"), (Severity::Changes, Lossless::No));
}

#[test]
fn arrays_are_looked_into() {
    let conversion = given(
        "create table t (id int primary key, tags text[], grid int[], shifted int[], times timestamptz[]);
         insert into t values (1, array['a', null], '{{1,2},{3,4}}', '[0:1]={1,2}', null), (2, '{}', null, '{1}', null)",
        Target::Dsql,
    );
    says(
        &conversion,
        "DSQL-ARRAY",
        "public.t.tags",
        &Verdict::Holds,
        "elements of type text stay what they are; 0 with more than one dimension, 0 not beginning at 1, 1 with NULL elements, in 2 rows",
        &[],
    );
    assert_eq!(weighs(&conversion, "DSQL-ARRAY", "public.t.tags"), (Severity::Changes, Lossless::Yes));
    says(
        &conversion,
        "DSQL-ARRAY",
        "public.t.grid",
        &Verdict::Holds,
        "elements of type int4 stay what they are; 1 with more than one dimension, 0 not beginning at 1, 0 with NULL elements, in 2 rows",
        &[],
    );
    says(
        &conversion,
        "DSQL-ARRAY",
        "public.t.shifted",
        &Verdict::Fails,
        "elements of type int4 stay what they are; 0 with more than one dimension, 1 not beginning at 1, 0 with NULL elements, in 2 rows",
        &["id = 1"],
    );
    assert_eq!(shown(finding(&conversion, "DSQL-ARRAY", "public.t.times")).verdict, Verdict::Fails);
}

#[test]
fn money_of_any_locale_is_held_to_the_type_that_replaces_it() {
    let conversion =
        given("create table t (id int primary key, m money); insert into t values (1, 12.5), (2, '92233720368547758.07')", Target::Dsql);
    says(
        &conversion,
        "DSQL-MONEY",
        "public.t.m",
        &Verdict::Fails,
        "widest value: 17 digits before and 2 after the point, in 2 rows",
        &["id = 2"],
    );
    assert_eq!(weighs(&conversion, "DSQL-MONEY", "public.t.m"), (Severity::Blocks, Lossless::No));
}

const FAMILY: &str = "create table customers (id int primary key);
    create table orders (id int primary key, customer_id int references customers on delete cascade);
    insert into customers select generate_series(1, 3);";

#[test]
fn rows_without_a_parent_are_named_for_every_target() {
    for (target, prefix) in [(Target::Dsql, "DSQL"), (Target::Rds, "RDS"), (Target::Aurora, "AURORA")] {
        let id = format!("{prefix}-ORPHANS");
        let whole = given(&format!("{FAMILY} insert into orders values (1, 1), (2, null)"), target);
        assert!(found(&whole, &id, "public.orders.orders_customer_id_fkey").is_none());
        // given rows written while triggers were off
        let broken = given(
            &format!(
                "{FAMILY} set session_replication_role = replica; insert into orders values (1, 1), (2, null), (3, 99), (4, 98);
                 alter table orders add constraint late foreign key (customer_id) references customers not valid"
            ),
            target,
        );
        says(
            &broken,
            &id,
            "public.orders.orders_customer_id_fkey",
            &Verdict::Fails,
            "rows without a parent in public.customers: 2 of 4",
            &["id = 3", "id = 4"],
        );
        assert_eq!(weighs(&broken, &id, "public.orders.orders_customer_id_fkey").0, Severity::Blocks);
        // one that is not validated there is not validated here
        assert_eq!(weighs(&broken, &id, "public.orders.late").0, Severity::Changes);
    }
}

#[test]
fn a_key_of_several_columns_is_matched_as_it_says() {
    let conversion = given(
        "create table p (a int, b text, primary key (a, b)); insert into p values (1, 'x');
         create table c (id int primary key, a int, b text,
            constraint simple foreign key (a, b) references p, constraint whole foreign key (a, b) references p match full);
         set session_replication_role = replica; insert into c values (1, 1, 'x'), (2, 5, null), (3, 1, 'y'), (4, null, null)",
        Target::Rds,
    );
    says(&conversion, "RDS-ORPHANS", "public.c.simple", &Verdict::Fails, "rows without a parent in public.p: 1 of 4", &["id = 3"]);
    says(&conversion, "RDS-ORPHANS", "public.c.whole", &Verdict::Fails, "rows without a parent in public.p: 2 of 4", &["id = 2", "id = 3"]);
}

#[test]
fn parents_with_more_children_than_a_transaction_takes_are_named() {
    let object = "public.orders.orders_customer_id_fkey";
    let conversion = given(&format!("{FAMILY} insert into orders select n, 1 from generate_series(1, 3000) n"), Target::Dsql);
    says(
        &conversion,
        "DSQL-FK-CASCADE",
        object,
        &Verdict::Holds,
        "most children of one row of public.customers: 3,000 of 3,000; 0 parents have more",
        &[],
    );
    let conversion = given(&format!("{FAMILY} insert into orders select n, 2 from generate_series(1, 3001) n"), Target::Dsql);
    says(
        &conversion,
        "DSQL-FK-CASCADE",
        object,
        &Verdict::Fails,
        "most children of one row of public.customers: 3,001 of 3,000; 1 parent has more",
        &["id = 2"],
    );
    assert_eq!(weighs(&conversion, "DSQL-FK-CASCADE", object), (Severity::Changes, Lossless::No));
}

#[test]
fn rows_outside_a_check_are_named() {
    for (target, prefix) in [(Target::Dsql, "DSQL"), (Target::Rds, "RDS")] {
        let id = format!("{prefix}-CHECK-ROWS");
        let whole = given("create table t (id int primary key, n int check (n > 0)); insert into t values (1, 1), (2, null)", target);
        assert!(found(&whole, &id, "public.t.t_n_check").is_none());
        let broken = given(
            "create domain small as int; create table t (id int primary key, n int, s small); insert into t values (1, 1, 1), (2, -1, 500);
             alter table t add constraint late check (n > 0) not valid; alter domain small add constraint few check (value < 100) not valid",
            target,
        );
        says(&broken, &id, "public.t.s", &Verdict::Fails, "rows that break it: 1 of 2", &["id = 2"]);
        if target == Target::Dsql {
            says(&broken, &id, "public.t.late", &Verdict::Fails, "rows that break it: 1 of 2", &["id = 2"]);
            assert_eq!(weighs(&broken, &id, "public.t.late").0, Severity::Changes);
        }
    }
}

#[test]
fn nulls_where_none_may_be_are_named() {
    let from = database("evidence");
    sql(&from, "create table t (id int primary key, a int, b int not null); insert into t values (1, null, 1), (2, 2, 2)");
    assert!(found(&measured(&from, Target::Rds), "RDS-NULLS", "public.t").is_none());
    // given a catalogue that promises what the rows do not keep
    sql(&from, "update pg_attribute set attnotnull = true where attrelid = 't'::regclass and attname = 'a'");
    says(
        &measured(&from, Target::Rds),
        "RDS-NULLS",
        "public.t",
        &Verdict::Fails,
        "1 NULL in columns that are NOT NULL, in 2 rows",
        &["id = 1"],
    );
}

#[test]
fn a_unique_key_whose_index_is_wrong_is_found_out_without_the_index() {
    let table = "create table t (id int primary key, name text collate \"en-x-icu\" unique, gone text unique);";
    for target in [Target::Rds, Target::Dsql] {
        let id = format!("{}-DUPLICATES", target.name().to_uppercase());
        let whole = given(&format!("{table} insert into t values (1, 'a'), (2, null), (3, null)"), target);
        assert!(found(&whole, &id, "public.t.t_name_key").is_none());
        // given an index that missed a row, as one does that was sorted by another version of the C library
        let from = database("evidence");
        sql(&from, &format!("{table} insert into t values (1, 'a')"));
        sql(&from, "update pg_index set indisready = false where indexrelid = 't_name_key'::regclass");
        sql(&from, "insert into t values (2, 'a'), (3, 'b'), (4, null), (5, null)");
        sql(&from, "update pg_index set indisready = true where indexrelid = 't_name_key'::regclass");
        let broken = measured(&from, target);
        says(&broken, &id, "public.t.t_name_key", &Verdict::Fails, "1 key in more than one row: 2 of 5 rows", &["id = 1", "id = 2"]);
        assert_eq!(weighs(&broken, &id, "public.t.t_name_key"), (Severity::Blocks, Lossless::No));
    }
}

#[test]
fn a_key_that_ignored_case_is_asked_for_by_lower() {
    let table = "create extension citext; create table t (id int primary key, email citext unique);";
    let conversion = given(&format!("{table} insert into t values (1, 'Ada@x'), (2, 'bob@x')"), Target::Dsql);
    says(
        &conversion,
        "DSQL-CITEXT-KEY",
        "public.t.t_email_key",
        &Verdict::Holds,
        "0 keys in more than one row, compared by lower(): 0 of 2 rows",
        &[],
    );
    let from = database("evidence");
    sql(&from, &format!("{table} insert into t values (1, 'Ada@x')"));
    sql(&from, "update pg_index set indisready = false where indexrelid = 't_email_key'::regclass");
    sql(&from, "insert into t values (2, 'ADA@x')");
    sql(&from, "update pg_index set indisready = true where indexrelid = 't_email_key'::regclass");
    let conversion = measured(&from, Target::Dsql);
    for id in ["DSQL-CITEXT-KEY", "DSQL-DUPLICATES"] {
        says(
            &conversion,
            id,
            "public.t.t_email_key",
            &Verdict::Fails,
            "1 key in more than one row, compared by lower(): 2 of 2 rows",
            &["id = 1", "id = 2"],
        );
        assert_eq!(weighs(&conversion, id, "public.t.t_email_key"), (Severity::Blocks, Lossless::No));
    }
}

#[test]
fn an_order_that_is_not_measured_says_so() {
    let conversion = given("create table t (id int primary key, name text collate \"en-x-icu\")", Target::Dsql);
    let evidence = shown(finding(&conversion, "DSQL-COLLATE", "public.t.name"));
    assert_eq!(evidence.measured, "not measured");
    assert!(matches!(&evidence.verdict, Verdict::Unknown(reason) if reason.contains("sorted twice")));
}

#[test]
fn a_table_without_a_key_is_named_by_the_place_of_its_rows() {
    let conversion = given("create table t (n numeric); insert into t values (1), ('Infinity')", Target::Dsql);
    assert_eq!(shown(finding(&conversion, "DSQL-NUMERIC", "public.t.n")).examples, ["ctid = (0,2)"]);
}

#[test]
fn partitions_count_with_their_parent_and_children_do_not() {
    let conversion = given(
        "create table p (id int primary key, n numeric) partition by range (id);
         create table p1 partition of p for values from (0) to (10); create table p2 partition of p for values from (10) to (20);
         insert into p values (1, 1), (11, 'Infinity');
         create table parent (n numeric); create table child () inherits (parent); insert into parent values (1); insert into child values (12.345)",
        Target::Dsql,
    );
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.p.n",
        &Verdict::Fails,
        "widest value: 1 digit before and 0 after the point, in 2 rows; Infinity in 1 row",
        &["id = 11"],
    );
    assert_eq!(
        shown(finding(&conversion, "DSQL-NUMERIC", "public.parent.n")).measured,
        "widest value: 1 digit before and 0 after the point, in 1 row"
    );
    assert_eq!(
        shown(finding(&conversion, "DSQL-NUMERIC", "public.child.n")).measured,
        "widest value: 2 digits before and 3 after the point, in 1 row"
    );
}

#[test]
fn names_that_need_quotes_are_quoted_and_long_keys_are_shortened() {
    let conversion = given(
        r#"create schema "My ""Schema"; create table "My ""Schema"."Weird ""Table" ("The Key" text, "B""b" int, "N""n" numeric, "Tags" text[], "Raw" bytea,
             constraint "C k" check ("N""n" > 0), primary key ("The Key", "B""b"));
           create table "My ""Schema"."Child" ("Id" int primary key, "P k" text, "P b" int,
             constraint "F k" foreign key ("P k", "P b") references "My ""Schema"."Weird ""Table" on delete cascade);
           insert into "My ""Schema"."Weird ""Table" values (repeat('k', 100), 1, 'Infinity', '{a}', null), (E'two\nlines', 2, 1, '[5:5]={b}', null);
           set session_replication_role = replica; insert into "My ""Schema"."Child" values (1, 'lost', 1)"#,
        Target::Dsql,
    );
    let table = "My \"Schema.Weird \"Table";
    let shown_of = |id: &str, object: &str| shown(finding(&conversion, id, object)).examples.clone();
    assert_eq!(shown_of("DSQL-NUMERIC", &format!("{table}.N\"n")), [format!("The Key = {}…, B\"b = 1", "k".repeat(39))]);
    assert_eq!(shown_of("DSQL-ARRAY", &format!("{table}.Tags")), ["The Key = two lines, B\"b = 2"]);
    assert_eq!(shown_of("DSQL-ORPHANS", "My \"Schema.Child.F k"), ["Id = 1"]);
}

#[test]
fn a_question_that_takes_too_long_leaves_its_answer_open() {
    let from = database("evidence");
    sql(&from, "create table t (id int primary key, n numeric); insert into t select g, g from generate_series(1, 300000) g");
    let conversion = within(&from, Target::Dsql, Duration::from_millis(1));
    let finding_of = finding(&conversion, "DSQL-NUMERIC", "public.t.n");
    assert_eq!(shown(finding_of).verdict, Verdict::Unknown("took longer than 1 ms: public.t".into()));
    assert_eq!(finding_of.severity, Severity::Changes);
    assert!(matches!(&finding_of.lossless, Lossless::IfHolds(_)), "{finding_of:?}");
    assert_eq!(type_of(&conversion, "n"), "numeric(38, 9)");
    let missing = finding(&conversion, "DSQL-NOT-MEASURED", "public.t");
    assert_eq!(missing.what, "was not measured: took longer than 1 ms: public.t; unknown: NOT NULL, digits of numbers");
}

#[test]
fn a_table_that_may_not_be_read_is_said_and_the_others_are_measured() {
    let from = database("evidence");
    let role = format!("reader_{}", from.database());
    sql(
        &from,
        &format!(
            "create table secret (id int primary key, n numeric); create table open (id int primary key, n numeric, s int references secret);
             insert into secret values (1, 1); insert into open values (1, 12, 1);
             create role {role} login password 'reader'; grant select on open to {role}"
        ),
    );
    let text = block(dump::schema_only(&from, &[])).unwrap();
    let reader = from.with_user(&role).with_password("reader");
    let conversion = block(evidence::convert(&reader, &text, Target::Dsql, &Options::default(), MINUTE, &Reporter::silent())).unwrap();
    let refused = Verdict::Unknown("this role may not read the table".into());
    says(&conversion, "DSQL-NUMERIC", "public.secret.n", &refused, "not measured", &[]);
    says(
        &conversion,
        "DSQL-NUMERIC",
        "public.open.n",
        &Verdict::Holds,
        "widest value: 2 digits before and 0 after the point, in 1 row",
        &[],
    );
    assert_eq!(
        finding(&conversion, "DSQL-NOT-MEASURED", "public.open").what,
        "was not measured: this role may not read public.secret; unknown: foreign keys"
    );
    // rows that a policy hides are not taken for all rows
    sql(&from, "alter table open enable row level security");
    let conversion = block(evidence::convert(&reader, &text, Target::Dsql, &Options::default(), MINUTE, &Reporter::silent())).unwrap();
    let hidden = shown(finding(&conversion, "DSQL-NUMERIC", "public.open.n"));
    assert!(matches!(&hidden.verdict, Verdict::Unknown(reason) if reason.contains("row-level security")), "{hidden:?}");
    sql(&from, &format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn one_question_that_the_server_cannot_answer_does_not_hide_the_others() {
    let conversion = given(
        "create function cannot(int) returns boolean language sql as 'select true';
         create table t (id int primary key, z int not null, constraint odd check (cannot(z)));
         insert into t values (1, 1); create or replace function cannot(int) returns boolean language plpgsql as
           $$ begin raise exception 'no answer'; end $$",
        Target::Rds,
    );
    assert_eq!(finding(&conversion, "RDS-NOT-MEASURED", "public.t").what, "was not measured: no answer (SQLSTATE P0001); unknown: CHECK");
}

#[test]
fn the_commands_measure_print_and_can_be_told_not_to() {
    let from = database("evidence");
    sql(
        &from,
        &format!(
            "{FAMILY} alter table orders add total numeric; set session_replication_role = replica; insert into orders values (3, 99, 1.5)"
        ),
    );
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url());
    let said = wizard.run(&["schema", "check", "--target", "dsql"]).expect(1).out();
    for part in [
        "DSQL-ORPHANS           public.orders.orders_customer_id_fkey: has rows without a parent in public.customers",
        "measured: rows without a parent in public.customers: 1 of 1: this is in the way",
        "rows: id = 3",
        "measured: widest value: 1 digit before and 1 after the point, in 1 row: nothing is in the way",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let blind = wizard.run(&["schema", "check", "--target", "dsql", "--no-data"]).expect(0).out();
    assert!(!blind.contains("measured") && !blind.contains("ORPHANS"), "{blind}");
    let json: Conversion = serde_json::from_str(&wizard.run(&["schema", "convert", "--target", "rds", "--json"]).expect(0).out()).unwrap();
    assert_eq!(shown(finding(&json, "RDS-ORPHANS", "public.orders.orders_customer_id_fkey")).examples, ["id = 3"]);
    wizard.run(&["schema", "convert", "--target", "dsql", "--out", "sql"]).expect(0);
    let report = std::fs::read_to_string(wizard.path().join("sql/report.md")).unwrap();
    assert!(
        report.contains("  - measured: rows without a parent in public.customers: 1 of 1: this is in the way\n  - rows: id = 3\n"),
        "{report}"
    );
}

#[test]
fn an_old_conversion_without_evidence_is_still_read() {
    let old = r#"{"id":"X","severity":"info","object":"o","what":"w","why":"y","lossless":"yes","app_must":"a","source":"s","as_of":"2026-11-20"}"#;
    let finding: Finding = serde_json::from_str(old).unwrap();
    assert_eq!(finding.evidence, None);
    assert_eq!(serde_json::to_string(&finding).unwrap(), old);
}

#[test]
fn nothing_is_in_the_way_of_the_sample() {
    let from = sample(1);
    for target in [Target::Dsql, Target::Rds] {
        let conversion = measured(&from, target);
        let evidence = conversion.findings.iter().filter_map(|finding| Some((finding, finding.evidence.as_ref()?)));
        let (holds, others): (Vec<_>, Vec<_>) = evidence.partition(|(_, evidence)| evidence.verdict == Verdict::Holds);
        assert_eq!(others, vec![], "{target}");
        assert_eq!(holds.len(), if target == Target::Dsql { 24 } else { 0 });
    }
}

#[test]
fn an_app_that_makes_and_drops_indexes_meanwhile_does_not_stop_it() {
    let from = database("meanwhile");
    let many = (0..40).map(|n| format!("create table t{n} (id int primary key, a int check (a > 0));")).collect::<String>();
    sql(&from, &many);
    let text = block(dump::schema_only(&from, &["migrate_wizard".into()])).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let all = |word: &str| (0..40).map(|n| format!("{word};").replace('$', &n.to_string())).collect::<Vec<_>>();
            let (make, drop) = (all("create index i$ on t$ (abs(a))"), all("drop index i$"));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for statement in make.iter().chain(&drop) {
                    sql(&from, statement);
                }
            }
        });
        let (options, silent) = (Options::default(), Reporter::silent());
        let measured = (0..40).map(|_| block(evidence::convert(&from, &text, Target::Rds, &options, MINUTE, &silent)).map(drop));
        let all: Vec<_> = measured.collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(all.iter().all(Result::is_ok), "{:?}", all.iter().find(|one| one.is_err()));
    });
}
