//! Convergence between real servers: every type, every way of cutting, every kind of change; a second pass ends equal and writes only
//! what is needed. Equality is seen by fingerprints and by pg_dump.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use migrate_wizard::data::{self, Existing, Options};
use migrate_wizard::error::Kind;
use migrate_wizard::postgres::local::{self, LocalServer};
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::progress::Reporter;

use crate::support::chance::Chance;
use crate::support::chaos::Chaos;
use crate::support::pair::{Pair, copied, dumped, report, small, tables};
use crate::support::postgres::{Server, block, database, database_on, rows, sql, value};
use crate::support::wizard::memory;

/// Every type of PostgreSQL 15 that a column can have and a value can be written of, with values at its edges.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("aclitem", &["'pg_monitor=r/pg_monitor'"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("bit(3)", &["'101'"]),
    ("bit varying", &["''", "'1'", "'101010101'"]),
    ("boolean", &["true", "false"]),
    ("box", &["'(1,2),(3,4.5)'"]),
    ("bytea", &["''", "decode('00ff0a5c', 'hex')"]),
    ("\"char\"", &["'x'", "''"]),
    ("character(5)", &["'ab'", "''"]),
    ("character varying(20)", &["''", "'é 🎉'"]),
    ("cid", &["'7'"]),
    ("cidr", &["'10.0.0.0/8'", "'2001:db8::/32'"]),
    ("circle", &["'<(1,2),3>'"]),
    ("date", &["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'2024-02-29'", "'5874897-12-31'"]),
    ("datemultirange", &["'{}'", "'{[2024-01-01,2024-02-01),[2025-01-01,)}'"]),
    ("daterange", &["'empty'", "'(,2024-02-01)'"]),
    ("double precision", &["'NaN'", "'infinity'", "'-infinity'", "'-0'", "0.1", "5e-324", "1.7976931348623157e308"]),
    ("inet", &["'10.0.0.1'", "'10.0.0.1/24'", "'::ffff:1.2.3.4'"]),
    ("int2vector", &["'1 2'", "''"]),
    ("int4multirange", &["'{[1,3),[7,9)}'"]),
    ("int4range", &["'[1,5)'", "'(,)'", "'empty'"]),
    ("int8multirange", &["'{[1,3),[7,)}'"]),
    ("int8range", &["'[1,9223372036854775807)'"]),
    ("integer", &["-2147483648", "2147483647"]),
    ("interval", &["'1 mon 2 days 03:04:05.5'", "'-1 years +2 days -00:00:00.000001'"]),
    ("json", &[r#"'{"b":1,  "a":[1,2], "b":2}'"#, r#"'"\u0000"'"#]),
    ("jsonb", &[r#"'{"b":1.50,"a":null,"é":"🎉"}'"#, r#"'"\\u0000 \u0001 \\"'"#, "'1e300'"]),
    ("jsonpath", &["'$.a[*] ? (@ > 1)'"]),
    ("line", &["'{1,2,3}'"]),
    ("lseg", &["'[(1,2),(3,4)]'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("money", &["'12.34'", "'-92233720368547758.08'"]),
    ("name", &["'a name'"]),
    (
        "numeric",
        &[
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1.50",
            "repeat('9', 1000)::numeric",
            "('0.' || repeat('0', 999) || '1')::numeric",
            "0.000",
        ],
    ),
    ("numeric(10,2)", &["1.25", "'NaN'"]),
    ("nummultirange", &["'{[1.5,2.5)}'"]),
    ("numrange", &["'[1.50,2.500]'"]),
    ("oid", &["4294967295"]),
    ("oidvector", &["'1 2'"]),
    ("path", &["'[(1,2),(3,4)]'", "'((1,2),(3,4))'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("pg_snapshot", &["'10:20:10,14,15'"]),
    ("point", &["'(1.5,-0)'"]),
    ("polygon", &["'((0,0),(1,1),(2,0))'"]),
    ("real", &["'NaN'", "'infinity'", "0.1", "1e-45"]),
    ("refcursor", &["'c'"]),
    ("regclass", &["'pg_class'"]),
    ("regcollation", &["'\"C\"'"]),
    ("regconfig", &["'english'"]),
    ("regdictionary", &["'simple'"]),
    ("regnamespace", &["'pg_catalog'"]),
    ("regoper", &["'||/'"]),
    ("regoperator", &["'+(integer,integer)'"]),
    ("regproc", &["'now'"]),
    ("regprocedure", &["'abs(integer)'"]),
    ("regrole", &["'pg_monitor'"]),
    ("regtype", &["'integer'", "'text[]'"]),
    ("smallint", &["-32768", "32767"]),
    ("text", &["''", r"E'tab\there\nnl\\back é 🎉 \r'", r"'\N'", r"'\.'"]),
    ("tid", &["'(4294967295,65535)'"]),
    ("time without time zone", &["'24:00'", "'12:30:01.5'"]),
    ("time with time zone", &["'12:30+02'", "'24:00-15:59'"]),
    ("timestamp without time zone", &["'infinity'", "'-infinity'", "'4713-11-24 12:00:00.000001 BC'", "'2026-01-02 03:04:05.678901'"]),
    ("timestamp with time zone", &["'infinity'", "'-infinity'", "'0001-01-01 00:00:00 BC'", "'2026-03-29 02:30:00 Europe/Berlin'"]),
    ("tsmultirange", &["'{[2024-01-01,2024-02-01)}'"]),
    ("tsquery", &["'fat & (rat | cat:AB)'"]),
    ("tsrange", &["'[2024-01-01,infinity)'"]),
    ("tstzmultirange", &["'{[2024-01-01,2024-02-01)}'"]),
    ("tstzrange", &["'[2024-01-01 BC,)'"]),
    ("tsvector", &["'a:1A fat:2B,4C cat'"]),
    ("txid_snapshot", &["'10:20:10,14,15'"]),
    ("uuid", &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    ("xid", &["'7'"]),
    ("xid8", &["'18446744073709551615'"]),
];

/// Types that no value can be written of, and XML, which not every server is built with.
const NOT_WRITTEN: &str =
    "{gtsvector,pg_brin_bloom_summary,pg_brin_minmax_multi_summary,pg_dependencies,pg_mcv_list,pg_ndistinct,pg_node_tree,xml}";

/// A column for each type, and one for its arrays.
fn built_in() -> String {
    let columns: Vec<String> = BUILT_IN.iter().enumerate().map(|(i, (name, _))| format!("c{i} {name}, a{i} {name}[]")).collect();
    format!("create table built_in (id int primary key, {})", columns.join(", "))
}

fn built_in_values() -> String {
    let most = BUILT_IN.iter().map(|(_, values)| values.len()).max().unwrap();
    let row = |at: usize| {
        let value = |(name, values): &(&str, &[&str])| {
            let one = values.get(at).map_or("null".to_owned(), |value| format!("({value})::{name}"));
            let array = match at {
                0 => format!("array[{}, null]::{name}[]", values.iter().map(|v| format!("({v})::{name}")).collect::<Vec<_>>().join(", ")),
                1 => format!("'{{}}'::{name}[]"),
                2 => format!("array[array[({0})::{name}], array[null]]::{name}[]", values[0]),
                3 => format!("array_fill(({})::{name}, array[1], array[5])", values[0]),
                _ => "null".to_owned(),
            };
            format!("{one}, {array}")
        };
        format!("insert into built_in values ({at}, {})", BUILT_IN.iter().map(value).collect::<Vec<_>>().join(", "))
    };
    (0..most).map(row).collect::<Vec<_>>().join(";\n")
}

const MADE: &str = r#"
create schema "Quo""ted";
create type mood as enum ('sad', 'it''s ok', 'hap py');
create type "Quo""ted"."Mo""od" as enum ('A', 'b,"');
create type pt as (x int, y text);
create type nested as (p pt, ps pt[], m mood);
create domain email as text check (value ~ '@');
create domain tags as text[] check (array_length(value, 1) < 9);
create domain place as pt;
create type span as range (subtype = float8, multirange_type_name = spans);
create table made (id bigint generated always as identity primary key, m mood, ms mood[], q "Quo""ted"."Mo""od", qs "Quo""ted"."Mo""od"[], p pt, ps pt[], n nested,
  e email, es email[], t tags, d place, s span, ss spans, sa span[], x xml, "we ird""col" text default 'x', c text collate "C", g text generated always as (e || '!') stored);
"#;

const MADE_VALUES: &str = r#"
insert into made (m, ms, q, qs, p, ps, n, e, es, t, d, s, ss, sa, "we ird""col", c) values
  ('it''s ok', '{sad,"hap py",null}', 'b,"', array['A', 'b,"']::"Quo""ted"."Mo""od"[], row(1, 'q,"z\'), array[row(null, '')::pt, null], row(row(2, null), array[row(3, '(")')::pt], 'sad'),
   'a@b', array['c@d', null], '{a,"b c",null}', row(4, E'\n'), '[1.5,NaN]', '{[1,2),[3,infinity)}', array['empty'::span], E'\t', 'é'),
  (null, '{}', null, '{}', row(null, null), '{}', row(null, null, null), null, '{}', '{}', null, 'empty', '{}', '{}', null, '');
insert into made default values;
insert into made (e) select 'u' || g || '@x' from generate_series(1, 2500) g;
analyze;
"#;

/// Objects and rows arrive as they are, in any direction; a second pass writes nothing.
fn types_survive(from: Server, to: Server) {
    let pair = Pair::on(from, to, "types", &format!("{}; {MADE}", built_in()));
    sql(&pair.from, &built_in_values());
    sql(&pair.from, MADE_VALUES);
    let report = pair.copy(&small());
    assert!(report.consistent);
    assert_eq!(report.rows_copied, 7 + 2503);
    pair.must_be_dumped_alike("first pass");
    let again = pair.copy(&small());
    assert_eq!((again.pass, again.rows_copied, again.rows_equal), (2, 0, 7 + 2503), "{again:#?}");
}

#[test]
fn every_type_survives_the_way_from_15_to_15() {
    types_survive(Server::Own, Server::Own);
}

#[test]
fn every_type_survives_the_way_from_16_to_18() {
    types_survive(Server::Sixteen, Server::Eighteen);
}

#[test]
fn every_type_survives_the_way_from_15_to_18() {
    types_survive(Server::Own, Server::Eighteen);
}

#[test]
fn no_type_of_version_15_is_left_out() {
    let here = database("all_types");
    sql(&here, &built_in());
    let forgotten = format!(
        "select t.typname from pg_type t where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm') and t.typcategory <> 'A' \
         and t.typname <> all ('{NOT_WRITTEN}') \
         and not exists (select 1 from pg_attribute a where a.attrelid = 'built_in'::regclass and a.atttypid = t.oid) order by 1"
    );
    assert_eq!(rows(&here, &forgotten), Vec::<String>::new());
    let without_arrays =
        "select count(*) from pg_attribute a where a.attrelid = 'built_in'::regclass and a.attname ~ '^a' and a.attndims = 1";
    assert_eq!(value(&here, without_arrays), BUILT_IN.len().to_string());
}

#[test]
fn types_of_extensions_survive() {
    let pair = Pair::new(
        "extensions",
        "create extension hstore; create extension citext; create extension ltree; create extension cube; create extension pg_trgm; create extension seg; create extension isn;
         create table e (id citext primary key, h hstore, l ltree, c cube, s seg, i isbn, hs hstore[], lq lquery, x xml);
         create index on e using gin (id gin_trgm_ops)",
    );
    sql(
        &pair.from,
        "insert into e values ('Ab', 'a=>1, b=>NULL, \"c d\"=>\"\\\"\"', 'Top.Science', '(1,2),(3,4)', '1.5 .. 2', '0-393-04002-X', array['a=>1'::hstore], 'a.*{2}', '<a b=\"1\">é</a>'),
           ('c', '', '', '(0)', '<1', null, '{}', '*', null);
         insert into e (id) select 'K' || g from generate_series(1, 2000) g",
    );
    assert_eq!(pair.copy(&small()).rows_copied, 2002);
    pair.must_be_dumped_alike("extensions");
    sql(&pair.from, "update e set h = h || 'z=>2' where id = 'AB'; delete from e where id = 'k7'");
    assert_eq!(pair.copy(&small()).rows_copied, 2);
    pair.must_be_dumped_alike("extensions, changed");
    // vectors, where the servers have them
    let vectors = Pair::on(
        Server::Sixteen,
        Server::Eighteen,
        "vectors",
        "create extension vector; create table v (id int primary key, e vector(3), f vector)",
    );
    sql(&vectors.from, "insert into v select g, array[g, 0.1, -1e-7]::vector, null from generate_series(1, 1500) g");
    assert_eq!(vectors.copy(&small()).rows_copied, 1500);
    vectors.must_be_dumped_alike("vectors");
}

/// Its tables are made, and removed, each in a transaction of its own: a kill may come between any two.
#[test]
fn a_ledger_that_is_there_in_part_is_none_and_is_made_or_removed_whole() {
    let pair = Pair::new("part", "create table part (id int primary key, t text)");
    sql(&pair.from, "insert into part select g, 'x' from generate_series(1, 50) g");
    let ours = || {
        rows(
            &pair.to,
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'migrate_wizard' and c.relkind = 'r'",
        )
    };
    assert_eq!(pair.copy(&small()).rows_copied, 50);
    let whole = ours();
    // given one whose making was interrupted: nothing stands in it
    let emptied = "truncate part, migrate_wizard.pass, migrate_wizard.chunk, migrate_wizard.process; drop table migrate_wizard.quarantine, migrate_wizard.conflict";
    sql(&pair.to, emptied);
    pair.wizard().run(&["data", "status"]).expect(0);
    assert_eq!(pair.copy(&small()).rows_copied, 50);
    assert_eq!(ours(), whole);
    pair.must_be_equal();
    // and one whose removal was
    sql(&pair.to, "drop table migrate_wizard.pass, migrate_wizard.conflict");
    pair.wizard().run(&["data", "finish"]).expect(0);
    assert_eq!(ours(), ["0"]);
}

#[test]
fn a_row_of_90_megabytes_goes_through_in_little_memory() {
    let pair = Pair::new(
        "wide",
        "create table wide (id int primary key, t text, b bytea); alter table wide alter t set storage external, alter b set storage external",
    );
    sql(&pair.from, "insert into wide values (1, repeat('äö🎉x', 2796203), decode(repeat('00ff0a5c1122', 10485760), 'hex')), (2, '', '')");
    assert_eq!(
        rows(&pair.from, "select id, octet_length(t), octet_length(b) from wide order by id"),
        ["1|25165827|62914560", "2|0|0"].map(String::from)
    );
    let most = peak(&pair, &["data", "copy"]);
    assert!(most < 64 << 10, "it held {most} KiB");
    pair.must_be_equal();
    // the same for a row that changed, which goes by a temporary table
    sql(&pair.from, "insert into wide select g, 'x', null from generate_series(3, 10) g; update wide set b = b || '\\x01' where id = 1");
    let most = peak(&pair, &["data", "copy"]);
    assert!(most < 64 << 10, "it held {most} KiB");
    pair.must_be_equal();
}

/// The largest memory of the binary in KiB while it runs.
fn peak(pair: &Pair, args: &[&str]) -> u64 {
    let mut child = pair.wizard().spawn(args);
    let mut most = 0;
    let status = loop {
        most = most.max(memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success() && most > 0, "{status} {most}");
    most
}

#[test]
fn two_hundred_and_fifty_columns_are_copied_and_compared() {
    let columns =
        (0..250).map(|i| format!("c{i} {}", ["int", "text", "numeric", "timestamptz", "jsonb"][i % 5])).collect::<Vec<_>>().join(", ");
    let pair = Pair::new("columns", &format!("create table t ({columns}, primary key (c0, c5, c10))"));
    let values = (0..250).map(|i| ["g", "'v' || g", "g / 7.0", "'2026-01-01'", "'{}'"][i % 5].to_owned()).collect::<Vec<_>>().join(", ");
    sql(&pair.from, &format!("insert into t select {values} from generate_series(1, 2000) g"));
    assert_eq!(pair.copy(&small()).rows_copied, 2000);
    pair.must_be_dumped_alike("wide");
    sql(&pair.to, "update t set c249 = '{\"a\":1}' where c0 = 1234");
    assert!(!pair.verify(&small()).equal);
    assert_eq!(pair.copy(&small()).rows_copied, 1);
    pair.must_be_dumped_alike("wide, mended");
}

const KEYS: &[(&str, &str, &str)] = &[
    ("int", "g", "primary key (k)"),
    ("bigint", "g::bigint * 4000000000", "primary key (k)"),
    ("text", "chr(65 + g % 58) || md5(g::text) || case when g % 2 = 0 then 'é' else 'E' end", "primary key (k)"),
    ("varchar(40)", "'''\\' || md5(g::text)", "primary key (k)"),
    ("character(9)", "'c' || g", "primary key (k)"),
    ("uuid", "md5(g::text)::uuid", "primary key (k)"),
    ("timestamptz", "timestamptz '2026-01-01' + g * interval '1 microsecond'", "primary key (k)"),
    ("date", "date '0100-01-01 BC' + g", "primary key (k)"),
    ("numeric", "g / 8.0 - 100", "primary key (k)"),
    ("double precision", "sqrt(g)", "primary key (k)"),
    ("bytea", "decode(md5(g::text), 'hex')", "primary key (k)"),
    ("inet", "inet '10.0.0.0' + g", "primary key (k)"),
    ("text", "'t' || g % 100", "primary key (n, k)"),
    ("text", "'u' || g", "unique (k)"),
    ("text", "'i' || g", "unique (n) include (k)"),
];

#[test]
fn a_table_is_cut_by_any_key_and_its_chunks_hold_every_row_once() {
    let objects: Vec<String> = KEYS
        .iter()
        .enumerate()
        .map(|(i, (kind, _, key))| format!("create table k{i} (v text, n int not null, k {kind} not null, {key})"))
        .collect();
    let pair = Pair::new("keys", &objects.join(";"));
    for (i, (_, value, _)) in KEYS.iter().enumerate() {
        sql(&pair.from, &format!("insert into k{i} select 'v' || g, g, {value} from generate_series(1, 3500) g; analyze k{i}"));
    }
    let count = KEYS.len() as u64;
    let first = pair.copy(&small());
    assert_eq!(first.rows_copied, 3500 * count);
    let chunks = rows(&pair.to, "select count(*), min(rows), max(rows) from migrate_wizard.chunk group by \"table\"");
    assert_eq!(chunks, vec!["4|500|1000".to_owned(); KEYS.len()]);
    pair.must_be_dumped_alike("keys");
    // one row of each changes, one goes, one moves from the first chunk to the last
    for (i, (_, value, _)) in KEYS.iter().enumerate() {
        sql(
            &pair.from,
            &format!(
                "update k{i} set v = 'changed' where n = 1700; delete from k{i} where n = 1800; \
                 update k{i} set (n, k) = (select g, ({value})::{} from generate_series(9001, 9001) g) where n = 2",
                KEYS[i].0
            ),
        );
    }
    let second = pair.copy(&small());
    assert_eq!(second.rows_copied, 4 * count, "{second:#?}");
    pair.must_be_dumped_alike("keys, changed");
}

#[test]
fn a_table_without_a_key_is_one_chunk_or_runs_of_pages() {
    let pair = Pair::new(
        "pages",
        "create table little (a int, b text); create table large (a int, b text); alter table large alter b set storage plain",
    );
    sql(
        &pair.from,
        "insert into little select g % 7, null from generate_series(1, 100) g; insert into little values (1, ''), (null, 'N'), (null, E'\\\\N');
         insert into large select g % 1000, repeat('x', 900) from generate_series(1, 3000) g; insert into large select * from large limit 10; analyze",
    );
    // given pieces of eight pages
    let options = Options { jobs: 3, chunk_bytes: Some(8 * 8192), ..Options::default() };
    let first = pair.copy(&options);
    assert_eq!(first.rows_copied, 103 + 3010);
    let pages = value(&pair.from, "select (relpages + 7) / 8 from pg_class where relname = 'large'").parse().unwrap();
    assert_eq!(copied(&first), tables(&[("public.large", pages), ("public.little", 1)]));
    assert!(pages > 40);
    pair.must_be_dumped_alike("pages");
    // a second pass knows the table as one piece, and writes nothing
    let second = pair.copy(&options);
    assert_eq!((second.rows_copied, second.rows_equal), (0, 3113));
    // a changed row copies its table, and only that
    sql(&pair.from, "update large set b = 'y' where ctid = '(0,1)'");
    let third = pair.copy(&options);
    assert_eq!((copied(&third), third.rows_copied), (tables(&[("public.large", 1)]), 3010));
    pair.must_be_dumped_alike("pages, changed");
    // duplicates count: one more of the same row on the target is found
    sql(&pair.to, "insert into little values (1, '')");
    assert!(!pair.verify(&options).equal);
    assert_eq!(pair.copy(&options).rows_copied, 103);
    pair.must_be_dumped_alike("pages, mended");
}

#[test]
fn runs_of_pages_whose_line_breaks_are_written_once() {
    let pair = Pair::new("torn", "create table large (a int, b text); alter table large alter b set storage plain");
    sql(&pair.from, "insert into large select g, repeat('x', 900) from generate_series(1, 6000) g; analyze");
    let options = Options { jobs: 3, chunk_bytes: Some(16 * 8192), ..Options::default() };
    // given a line to the target that breaks in the middle of every second or third run of pages
    let line = Chaos::start(&pair.to, 31);
    line.cut_after_bytes(200_000..500_000);
    let report = block(data::copy(&pair.from, &line.connector(), &options, &Reporter::silent())).unwrap();
    // then nothing was taken for another run's rows, although both servers give them other places
    assert!(line.passed().cut > 10 && report.retries > 10, "{:?} {report:#?}", line.passed());
    pair.must_be_dumped_alike("pages, torn");
    // nor where one of the rows cannot go: then the runs go in batches
    sql(&pair.to, "drop schema migrate_wizard cascade; truncate large; alter table large add check (a <> 3000)");
    let report = block(data::copy(&pair.from, &line.connector(), &options, &Reporter::silent())).unwrap();
    assert_eq!(report.quarantine.len(), 1, "{report:#?}");
    assert_eq!(value(&pair.to, "select count(*) || ' ' || count(distinct a) from large"), "5999 5999");
    // and rows of somebody else, which are in no run, go when they may
    sql(&pair.to, "drop schema migrate_wizard cascade; alter table large drop constraint large_a_check");
    assert_eq!(copied(&pair.copy(&Options { existing: Existing::Replace, ..options })), tables(&[("public.large", 1)]));
    pair.must_be_dumped_alike("pages, replaced");
}

const SHAPES: &str = r#"
create table by_list (id int, k text, v text, primary key (id, k)) partition by list (k);
create table by_list_a partition of by_list for values in ('a', 'b');
create table by_list_rest partition of by_list default partition by hash (id);
create table by_list_0 partition of by_list_rest for values with (modulus 2, remainder 0);
create table by_list_1 partition of by_list_rest for values with (modulus 2, remainder 1);
create table by_range (id int, at date, v text, primary key (id, at)) partition by range (at);
create table by_range_1 partition of by_range for values from ('2020-01-01') to ('2021-01-01');
create table by_range_2 partition of by_range default;
create table by_hash (id uuid primary key, v text) partition by hash (id);
create table by_hash_0 partition of by_hash for values with (modulus 2, remainder 0);
create table by_hash_1 partition of by_hash for values with (modulus 2, remainder 1);
create table parent (id int primary key, v text);
create table child (extra int) inherits (parent);
create table empty (id int primary key);
create table nothing ();
create table computed (a int generated always as (7) stored, b text generated always as ('x') stored);
create schema "Quo""ted.x";
create table "Quo""ted.x"."Ta'ble" ("k 1" text, "k""2" int, v text, "order" int generated always as ("k""2" * 2) stored, primary key ("k 1", "k""2"));
"#;

fn shapes(name: &str) -> Pair {
    let pair = Pair::new(name, SHAPES);
    sql(
        &pair.from,
        r#"insert into by_list select g, chr(97 + g % 5), 'v' from generate_series(1, 3000) g;
           insert into by_range select g, date '2020-06-01' + g % 600, 'v' from generate_series(1, 3000) g;
           insert into by_hash select md5(g::text)::uuid, 'v' from generate_series(1, 3000) g;
           insert into parent select g, 'p' from generate_series(1, 50) g; insert into child select g, 'c', g from generate_series(1000, 1020) g;
           insert into nothing select from generate_series(1, 4); insert into computed select from generate_series(1, 3);
           insert into "Quo""ted.x"."Ta'ble" select case when g % 3 = 0 then 'Ä' || g else chr(65 + g % 57) || '''\' || g end, g % 5, 'v' || g from generate_series(1, 3500) g; analyze"#,
    );
    pair
}

#[test]
fn tables_of_every_shape_converge() {
    let pair = shapes("shapes");
    let first = pair.copy(&small());
    assert_eq!(first.rows_copied, 3000 * 3 + 50 + 21 + 4 + 3 + 3500);
    pair.must_be_dumped_alike("shapes");
    assert_eq!(pair.copy(&small()).rows_copied, 0);
    let emptied: u64 = value(&pair.from, "select count(*) from by_list_1").parse().unwrap();
    assert!(emptied > 500);
    for (what, change, written) in [
        ("a row moves to another partition", "update by_range set at = '2025-01-01' where id = 7", 2),
        ("a partition is emptied", "truncate by_list_1", emptied),
        ("a row moves to a partition below", "update by_list set k = 'c' where id = 5", 2),
        ("a row of a partition changes", "update by_hash_0 set v = 'w' where id = (select id from by_hash_0 order by id limit 1)", 1),
        (
            "a partition leaves and comes back",
            "alter table by_range detach partition by_range_1; alter table by_range attach partition by_range_1 for values from ('2020-01-01') to ('2021-01-01')",
            0,
        ),
        ("a child's row of the same key as a parent's", "insert into child values (7, 'c', 7)", 22),
        ("a parent's row", "update only parent set v = 'q' where id = 8", 1),
        ("one more of nothing", "insert into nothing select", 5),
        ("one less of what is computed", "delete from computed where ctid = '(0,1)'", 2),
        ("a quoted key", r#"update "Quo""ted.x"."Ta'ble" set v = 'w' where "k""2" = 3 and "k 1" = 'Ä3'"#, 1),
    ] {
        sql(&pair.from, change);
        let report = pair.copy(&small());
        assert_eq!(report.rows_copied, written, "{what}: {report:#?}");
        pair.must_be_dumped_alike(what);
    }
}

#[test]
fn columns_may_stand_in_another_order_or_have_been_dropped_on_one_side() {
    let pair = Pair { from: database("order_here"), to: database("order_there") };
    sql(
        &pair.from,
        "create table t (a int, gone text, b text, c timestamptz, id int primary key); insert into t select g, 'x', 'b' || g, '2026-01-01', g from generate_series(1, 1500) g; alter table t drop column gone",
    );
    sql(
        &pair.to,
        "create table t (id int primary key, c timestamptz, more int default 3, b text, old int, a int); alter table t drop column old",
    );
    assert_eq!(pair.copy(&small()).rows_copied, 1500);
    pair.must_be_equal();
    sql(&pair.from, "update t set b = 'z' where id = 9; delete from t where id = 10");
    assert_eq!(pair.copy(&small()).rows_copied, 2);
    pair.must_be_equal();
    let list = "select string_agg(format('%s|%s|%s', id, a, b), ',' order by id) from t";
    assert_eq!(value(&pair.from, list), value(&pair.to, list));
    assert_eq!(value(&pair.to, "select count(*) from t where more = 3"), "1499");
}

#[test]
fn what_the_target_computes_is_compared_and_not_copied() {
    let pair = Pair { from: database("computed_here"), to: database("computed_there") };
    sql(
        &pair.from,
        "create table t (id int primary key, b int, twice int generated always as (b * 2) stored); insert into t select g, g from generate_series(1, 300) g",
    );
    sql(
        &pair.to,
        "create table t (id int primary key, b int, twice int generated always as (b * 2 + case when b = 77 then 1 else 0 end) stored)",
    );
    assert_eq!(pair.copy(&Options::default()).rows_copied, 300);
    let wizard = pair.wizard();
    assert_eq!(wizard.run(&["data", "verify"]).expect(1).out().lines().next(), Some("differs          300          300  public.t"));
    let said = wizard.run(&["data", "diff"]).expect(1).out();
    assert!(said.contains("  [\"77\"]  differs in twice\n"), "{said}");
}

const CHANGING: &str = "create table t (id int primary key, v text unique, big text, n int); alter table t alter big set storage external;
    create table nokey (a int, b text)";

#[test]
fn a_second_pass_finds_every_kind_of_change_and_writes_only_what_is_needed() {
    let pair = Pair::new("changes", CHANGING);
    sql(
        &pair.from,
        "insert into t select g, 'v' || g, case when g % 10 = 0 then repeat(md5(g::text), 200) end, g from generate_series(1, 3000) g;
         insert into nokey select g, 'x' from generate_series(1, 500) g; analyze",
    );
    assert_eq!(pair.copy(&small()).rows_copied, 3500);
    let (mut all, mut before, mut twice) = (3000, 0, 0);
    for (what, change, there, written) in [
        ("nothing", "", "", 0),
        ("update", "update t set n = n + 1 where id = 7", "", 1),
        ("insert", "insert into t select g, 'v' || g, null, g from generate_series(3001, 3005) g", "", 5),
        ("delete", "delete from t where id between 11 and 13", "", 3),
        ("a key changes within its chunk", "update t set id = 11 where id = 14", "", 2),
        ("a key moves to another chunk", "update t set id = 100000 where id = 15", "", 2),
        (
            "unique values are swapped within a chunk",
            "update t set v = 'tmp' where id = 1; update t set v = 'v1' where id = 2; update t set v = 'v2' where id = 1",
            "",
            2,
        ),
        (
            "unique values are swapped between chunks",
            "update t set v = 'tmp' where id = 3; update t set v = 'v3' where id = 2999; update t set v = 'v2999' where id = 3",
            "",
            2,
        ),
        ("only a large value changes", "update t set big = repeat(md5(id::text || 'x'), 200) where id = 30", "", 1),
        ("all but a large value changes", "update t set n = 0 where id = 40", "", 1),
        (
            "deleted and inserted again under the same key",
            "delete from t where id = 41; insert into t values (41, 'v41', 'again', 41)",
            "",
            1,
        ),
        ("an update that changes nothing", "update t set n = n where id = 50", "", 1),
        ("a row comes and goes", "insert into t values (200000, 'brief'); delete from t where id = 200000", "", 0),
        ("rolled back", "begin; update t set n = -1; rollback", "", 0),
        (
            "savepoints",
            "begin; insert into t values (300001, 's1'); savepoint a; update t set n = -2 where id = 60; savepoint b; delete from t where id = 61; rollback to b; release a; commit",
            "",
            2,
        ),
        ("VACUUM FULL", "vacuum full t", "", 0),
        ("CLUSTER", "cluster t using t_pkey", "", 0),
        ("VACUUM FREEZE", "vacuum freeze t", "", 0),
        ("a table without a key", "update nokey set b = 'y' where a = 1", "", 500),
        ("a table without a key, a row less", "delete from nokey where a = 2", "", 499),
        ("the target changed", "", "update t set n = -5 where id = 70", 1),
        ("the target has more", "", "insert into t values (400000, 'more')", 1),
        ("the target has less", "", "delete from t where id = 71", 1),
        ("a row went on either side", "delete from t where id = 72", "delete from t where id = 73", 2),
        ("a row changed on both sides", "update t set n = 1 where id = 74", "update t set n = 2 where id = 74", 1),
        ("the target was emptied", "", "truncate nokey", 499),
        ("the target was written anew with the same rows", "", "update t set n = n", 0),
        ("and knows its writers from then on", "update t set n = n + 1 where id = 75", "", 1),
    ] {
        if !change.is_empty() {
            sql(&pair.from, change);
        }
        if !there.is_empty() {
            sql(&pair.to, there);
        }
        let report = pair.copy(&small());
        // A transaction that another database of the server begins at that very moment counts as open here: then the rows that the step
        // before changed come once more.
        let most = if report.rows_copied == written { written } else { written + before };
        assert!((written..=most).contains(&report.rows_copied), "{what}: {report:#?}");
        twice += u32::from(report.rows_copied != written);
        before = written;
        pair.must_be_dumped_alike(what);
        all = value(&pair.from, "select count(*) from t").parse().unwrap();
    }
    assert!(twice <= 3, "{twice} steps wrote rows of the step before");
    // all rows new: they are copied, and nothing is told apart
    for (what, change) in [
        ("truncated and filled again", "create temporary table kept as select * from t; truncate t; insert into t select * from kept"),
        ("rewritten by ALTER TYPE", "alter table t alter n type int using n + 0"),
    ] {
        sql(&pair.from, change);
        assert_eq!(pair.copy(&small()).rows_copied, all, "{what}");
        pair.must_be_dumped_alike(what);
    }
}

#[test]
fn a_change_that_was_open_during_a_pass_is_found_by_the_next() {
    let pair = Pair::new("open", CHANGING);
    sql(&pair.from, "insert into t select g, 'v' || g, null, g from generate_series(1, 2000) g");
    pair.copy(&small());
    block(async {
        let app = pair.from.connect(Access::ReadWrite).await.unwrap();
        app.batch("begin; update t set n = -1 where id = 5; delete from t where id = 6; savepoint s; insert into t values (5000, 'open')")
            .await
            .unwrap();
        // others commit later transactions before it
        pair.from.connect(Access::ReadWrite).await.unwrap().batch("update t set n = -2 where id = 7").await.unwrap();
        let during = data::copy(&pair.from, &pair.to, &small(), &Reporter::silent()).await.unwrap();
        assert_eq!(during.rows_copied, 1);
        app.batch("commit").await.unwrap();
    });
    let next = pair.copy(&small());
    // the row that came later than the open transaction counts as new once more
    assert_eq!(next.rows_copied, 3 + 1);
    pair.must_be_dumped_alike("committed");
    assert_eq!(pair.copy(&small()).rows_copied, 0);
}

#[test]
fn prepared_transactions_and_a_source_set_back_in_time_are_not_missed() {
    // given a server of its own that can prepare transactions
    let temp = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = temp.path().join("server");
    let start = || block(LocalServer::start(&folder, &local::Options::default())).unwrap();
    let server = start();
    sql(&server.connector(), "alter system set max_prepared_transactions = 5");
    block(server.stop()).unwrap();
    let server = start();
    let pair = Pair { from: server.connector(), to: database("set_back") };
    for side in [&pair.from, &pair.to] {
        sql(side, CHANGING);
    }
    sql(&pair.from, "insert into t select g, 'v' || g, null, g from generate_series(1, 2000) g; analyze");
    sql(&pair.from, "begin; update t set n = -1 where id = 5; insert into t values (5000, 'prepared'); prepare transaction 'p'");
    // when it is committed after the first pass
    pair.copy(&small());
    sql(&pair.from, "commit prepared 'p'");
    assert_eq!(pair.copy(&small()).rows_copied, 2);
    pair.must_be_dumped_alike("prepared");
    // given a copy of the server's files of before some changes
    block(server.stop()).unwrap();
    let kept = temp.path().join("kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    copy(&folder.join("data"), &kept);
    let server = start();
    let pair = Pair { from: server.connector(), ..pair };
    sql(&pair.from, "update t set n = -3 where id < 100");
    (0..5).for_each(|_| sql(&pair.from, "delete from t where id = 500; insert into nokey values (1, 'x')"));
    pair.copy(&small());
    // when it is set back, and other changes are made under the same transaction numbers
    block(server.stop()).unwrap();
    std::fs::remove_dir_all(folder.join("data")).unwrap();
    copy(&kept, &folder.join("data"));
    let server = start();
    let pair = Pair { from: server.connector(), ..pair };
    sql(&pair.from, "update t set n = -4 where id = 600");
    // then values decide: what was undone is undone there too
    assert_eq!(pair.copy(&small()).rows_copied, 99 + 1 + 1);
    pair.must_be_dumped_alike("set back");
    block(server.destroy()).unwrap();
}

#[test]
fn a_source_that_moved_to_another_server_is_compared_by_values() {
    let pair = Pair::new("moved", CHANGING);
    let fill = "insert into t select g, 'v' || g, null, g from generate_series(1, 2000) g; insert into nokey values (1, 'x'); analyze";
    sql(&pair.from, fill);
    pair.copy(&small());
    let pair = Pair { from: database_on(Server::Sixteen, "moved"), ..pair };
    sql(&pair.from, CHANGING);
    sql(&pair.from, fill);
    sql(&pair.from, "update t set n = 0 where id = 9; delete from t where id = 10");
    assert_eq!(pair.copy(&small()).rows_copied, 2);
    pair.must_be_dumped_alike("moved");
}

const WALKED: &str = "
create table a (id int primary key, u int unique, v text);
create table b (k text, n int, big text, primary key (k, n)); alter table b alter big set storage external;
create table c (id int, part int, v numeric, primary key (id, part)) partition by list (part);
create table c_0 partition of c for values in (0, 1, 2); create table c_1 partition of c for values in (3, 4); create table c_2 partition of c default;
create table d (x int, y text)";

/// One random statement.
fn step(chance: &mut Chance) -> String {
    let mut below = |end: u64| chance.number() % end;
    let (id, other, value) = (below(400), below(400), below(1_000_000));
    let statement = match below(16) {
        0 | 1 => format!("insert into a values ({id}, {other}, 'v{value}')"),
        2 | 3 => format!("update a set v = 'w{value}' where id = {id}"),
        4 => format!("update a set u = {other} where id = {id}"),
        5 => format!("update a set id = {other} where id = {id}"),
        6 => format!("delete from a where id = {id}"),
        7 => format!("update a set u = -1 - u where id in ({id}, {other})"),
        8 => format!(
            "insert into b values ('k{}', {}, repeat(md5('{value}'), {})) on conflict (k, n) do update set big = excluded.big",
            id % 40,
            other % 9,
            1 + value % 150
        ),
        9 => format!("update b set n = n + 1 where k = 'k{}' and n = {}", id % 40, other % 9),
        10 => format!("delete from b where k = 'k{}' and n > {}", id % 40, other % 9),
        11 => format!("insert into c values ({id}, {}, {value} / 7.0)", other % 7),
        12 => format!("update c set part = {}, v = v + 1 where id = {id}", other % 7),
        13 => format!("delete from c where id between {id} and {}", id + 3),
        14 => format!("insert into d values ({}, 'y')", id % 9),
        _ => format!("update d set y = 'z{}' where x = {}", value % 3, id % 9),
    };
    // Half of them within a subtransaction.
    match below(2) {
        0 => format!("do $$ begin {statement}; exception when unique_violation then null; end $$"),
        _ => statement,
    }
}

#[test]
fn thirty_passes_amid_random_changes_always_end_equal() {
    let pair = Pair::new("walk", WALKED);
    sql(&pair.from, "insert into a select g, g, 'v' from generate_series(0, 399) g; analyze");
    let mut chance = Chance::new(20_261_127);
    let options = Options { jobs: 2, chunk_rows: Some(60), ..Options::default() };
    let began = Instant::now();
    for pass in 0..30 {
        block(async {
            let app = pair.from.connect(Access::ReadWrite).await.unwrap();
            for _ in 0..200 {
                // A unique value that is taken is part of the walk.
                if app.batch(&step(&mut chance)).await.is_err() {
                    app.rollback().await.unwrap();
                }
            }
        });
        match pass % 10 {
            3 => sql(&pair.from, "vacuum full a"),
            5 => sql(&pair.to, "update a set v = 'by somebody else' where id % 50 = 1; delete from b where n = 2"),
            7 => sql(&pair.from, "create temporary table kept as select * from c; truncate c; insert into c select * from kept"),
            9 => sql(&pair.to, "insert into d values (1, 'by somebody else'); delete from c where id = (select max(id) from c)"),
            _ => {}
        }
        pair.copy(&options);
        pair.must_be_dumped_alike(&format!("pass {pass}"));
    }
    assert_eq!(pair.copy(&options).rows_copied, 0);
    assert!(dumped(&pair.from).values().all(|lines| !lines.is_empty()), "the walk left a table empty");
    eprintln!("thirty passes in {:?}", began.elapsed());
}

#[test]
fn large_objects_are_copied_when_they_differ_and_named_when_a_right_is_lacking() {
    let pair = Pair::new("objects", "create table doc (id int primary key, body oid)");
    sql(
        &pair.from,
        "select lo_from_bytea(700001, ''), lo_from_bytea(700002, '\\x00ff'), lo_from_bytea(700003, decode(repeat('00ff0a5c11', 1048576), 'hex'));
         insert into doc values (1, 700001), (2, 700002), (3, 700003)",
    );
    let digests = "select oid, md5(lo_get(oid)), length(lo_get(oid)) from pg_largeobject_metadata order by 1";
    assert_eq!(pair.copy(&Options::default()).large_objects, 3);
    assert_eq!(rows(&pair.from, digests).len(), 3);
    assert_eq!(rows(&pair.from, digests), rows(&pair.to, digests));
    assert_eq!(pair.copy(&Options::default()).large_objects, 0);
    // changed, shortened, and one more
    sql(
        &pair.from,
        "select lo_put(700003, 3000000, '\\x07'), lo_from_bytea(700004, 'new'); select lo_unlink(700002); select lo_from_bytea(700002, 'x')",
    );
    assert_eq!(pair.copy(&Options::default()).large_objects, 3);
    assert_eq!(rows(&pair.from, digests), rows(&pair.to, digests));
    // a user who may not read one: the rows go, and a note names it
    let name = pair.from.database();
    sql(
        &pair.from,
        &format!(
            "create role narrow login password 'pw'; grant connect on database {name} to narrow; grant usage on schema public to narrow; grant select on doc to narrow"
        ),
    );
    sql(
        &pair.from,
        "grant select on large object 700001, 700002, 700004 to narrow; select lo_put(700003, 0, '\\x09'); update doc set body = null where id = 1; select lo_put(700004, 0, 'w')",
    );
    let narrow = Pair { from: pair.from.with_user("narrow").with_password("pw"), to: pair.to.clone() };
    let report = narrow.copy(&Options::default());
    assert_eq!((report.rows_copied, report.large_objects), (1, 1));
    assert!(
        report
            .notes
            .contains(&"1 large object could not be copied, because one of the two users lacks the right to them, 700003 first".to_owned()),
        "{:?}",
        report.notes
    );
    narrow.must_be_equal();
}

#[test]
fn what_stands_on_a_partition_alone_is_set_aside_for_a_plain_owner() {
    let pair = Pair { from: database("owner_here"), to: database("owner_there") };
    let objects = "create table shop (id int primary key); create table sale (id int, at int, shop int, primary key (id, at)) partition by range (at);
        create table sale_1 partition of sale for values from (0) to (10); create table sale_2 partition of sale default";
    sql(&pair.from, objects);
    sql(
        &pair.from,
        "insert into shop select generate_series(1, 9); insert into sale select g, g % 20, 1 + g % 9 from generate_series(1, 500) g",
    );
    sql(
        &pair.to,
        &format!(
            "create role owner_of_it login password 'pw'; grant all on database {} to owner_of_it; grant all on schema public to owner_of_it",
            pair.to.database()
        ),
    );
    let pair = Pair { to: pair.to.with_user("owner_of_it").with_password("pw"), ..pair };
    sql(&pair.to, objects);
    sql(
        &pair.to,
        "alter table sale_1 add foreign key (shop) references shop; create function no() returns trigger language plpgsql as 'begin raise exception ''fired''; end';
         create trigger guard before insert or delete on sale_2 for each row execute function no()",
    );
    let guards = "select conname || convalidated::text || pg_get_constraintdef(oid) from pg_constraint where contype = 'f' union all select tgname || tgenabled::text from pg_trigger where not tgisinternal order by 1";
    let before = rows(&pair.to, guards);
    assert_eq!(before.len(), 2);
    assert_eq!(pair.copy(&small()).rows_copied, 509);
    assert_eq!(rows(&pair.to, guards), before);
    sql(
        &pair.from,
        "delete from sale where id = 15; update sale set shop = 2 where id = 3; delete from shop where id = 0; insert into shop values (100)",
    );
    assert_eq!(pair.copy(&small()).rows_copied, 3);
    assert_eq!(rows(&pair.to, guards), before);
    assert_eq!(value(&pair.to, "select count(*) from migrate_wizard.aside"), "0");
    pair.must_be_dumped_alike("plain owner");
}

/// What a planted value must not be seen in.
const PLANTED: &str = "pl4nted-Qx7";

#[test]
fn the_commands_name_keys_and_columns_and_never_a_value() {
    let pair = Pair::new(
        "commands",
        "create table keyed (id int primary key, secret text, other text); create table plain (secret text); create schema more; create table more.t (id serial primary key, secret text)",
    );
    sql(
        &pair.from,
        &format!(
            "insert into keyed select g, '{PLANTED}', 'o' from generate_series(1, 100) g; insert into plain values ('{PLANTED}'); insert into more.t (secret) values ('{PLANTED}')"
        ),
    );
    let wizard = pair.wizard();
    let mut said = Vec::new();
    let mut run = |args: &[&str], code: i32| {
        let done = wizard.run(args).expect(code);
        said.push((args.join(" "), done.out(), done.err()));
        done
    };
    // a dry run lists, and writes nothing
    let before = written_to(&pair.to);
    let forecast = run(&["data", "copy", "--dry-run"], 0).out();
    assert!(
        forecast.contains("public.keyed")
            && forecast.contains("more.t")
            && forecast.ends_with("nothing was written. Next: the same command without --dry-run\n"),
        "{forecast}"
    );
    run(&["data", "copy", "--dry-run", "--json"], 0);
    run(&["data", "finish", "--dry-run"], 0);
    assert_eq!(written_to(&pair.to), before);
    // what the copy would refuse, it refuses
    sql(&pair.to, "insert into keyed values (-1, 'theirs')");
    run(&["data", "copy", "--dry-run"], 1).says("public.keyed already has rows that migrate-wizard did not write");
    run(&["data", "copy", "--dry-run", "--replace"], 0);
    sql(&pair.to, "delete from keyed");
    // no ledger yet
    assert_eq!(
        run(&["data", "status"], 0).out(),
        "no ledger on the target: no copy was begun, or it was finished. Next: migrate-wizard data copy\n"
    );
    // a table that is not there is an error that names it
    run(&["data", "copy", "--only", "public.keyd"], 2).says("there is no table public.keyd");
    run(&["data", "copy", "--only", "keyed"], 2).says("there is no table keyed; did you mean public.keyed?");
    run(&["data", "copy", "--only", "mor.*"], 2).says("there is no table mor.*");
    // patterns choose
    let done = report(&run(&["data", "copy", "--json", "--only", "more.*", "--only", "public.keyed"], 0));
    assert_eq!(done["copy"]["rows_copied"], 101);
    assert_eq!(done["sequences"]["set"], serde_json::json!([{ "sequence": "more.t_id_seq", "value": 1 }]));
    let done = report(&run(&["data", "copy", "--json", "--except", "more.*"], 0));
    assert_eq!((&done["copy"]["rows_copied"], &done["copy"]["rows_equal"]), (&1.into(), &100.into()));
    assert!(run(&["data", "copy", "--dry-run"], 0).out().contains("note: rows were copied before: only what differs is"));
    // what differs is named by key and column
    sql(
        &pair.to,
        "update keyed set secret = 'x', other = 'y' where id = 7; delete from keyed where id = 8; insert into keyed values (1000, 'x'); update plain set secret = 'x'",
    );
    assert_eq!(
        run(&["data", "diff"], 1).out(),
        "public.keyed: 1 only on the source, 1 only on the target, 1 with other values\n  [\"8\"]  source only\n  [\"1000\"]  target only\n  [\"7\"]  differs in secret, other\n\
         public.plain: 0 only on the source, 0 only on the target, 0 with other values; it has no key that tells its rows apart\n\
         Next: migrate-wizard data copy makes the target equal to the source\n"
    );
    let told = report(&run(&["data", "diff", "--json", "--rows", "1"], 1));
    assert_eq!(told["tables"][0]["rows"], serde_json::json!([{ "key": ["8"], "how": "only_source", "columns": [] }]));
    run(&["data", "verify"], 1);
    run(&["data", "copy"], 0);
    assert_eq!(run(&["data", "diff"], 0).out(), "every table is equal. Next: migrate-wizard data verify, which looks at sequences too\n");
    // a row that cannot go is told by key and reason
    sql(&pair.to, "alter table keyed add check (id <> 9 or secret is null) not valid");
    sql(&pair.from, "update keyed set other = 'p' where id = 9");
    let done = run(&["data", "copy"], 1);
    let out = done.out() + &done.err();
    assert!(out.contains("set aside  public.keyed [\"9\"]: "), "{out}");
    // the ledger tells the same from elsewhere
    let status = run(&["data", "status"], 0).out();
    assert!(
        status.contains("set aside  public.keyed [\"9\"]: ") && status.contains("ended. Next: migrate-wizard data verify\n"),
        "{status}"
    );
    let status: serde_json::Value = serde_json::from_str(&run(&["data", "status", "--json"], 0).out()).unwrap();
    assert_eq!(
        (&status["event"], &status["begun"], &status["state"], &status["pass"]),
        (&"status".into(), &true.into(), &"ended".into(), &4.into())
    );
    assert_eq!(status["quarantine"][0]["key"], "[\"9\"]");
    // gone on request, twice
    run(&["data", "finish"], 0);
    run(&["data", "finish"], 0);
    assert_eq!(value(&pair.to, "select count(*) from pg_namespace where nspname = 'migrate_wizard'"), "0");
    run(&["data", "copy"], 1).says("public.keyed already has rows that migrate-wizard did not write");
    for (args, out, err) in &said {
        assert!(!out.contains(PLANTED) && !err.contains(PLANTED), "{args}:\n{out}\n{err}");
    }
}

/// Rows that were ever written to this database, of catalogues too.
fn written_to(database: &Connector) -> String {
    value(database, "select tup_inserted + tup_updated + tup_deleted from pg_stat_database where datname = current_database()")
}

#[test]
fn rows_that_nobody_recorded_are_replaced_only_on_request() {
    let pair = Pair::new("recorded", CHANGING);
    sql(&pair.from, "insert into t select g, 'v' || g, null, g from generate_series(1, 100) g");
    sql(&pair.to, "insert into t values (1, 'v1', null, 1), (500, 'mine', null, 0)");
    let refused = pair.try_copy(&Options::default()).unwrap_err();
    assert_eq!(
        (refused.kind, refused.causes),
        (Kind::Conflict, vec!["public.t already has rows that migrate-wizard did not write".to_owned()])
    );
    assert_eq!(pair.copy(&Options { existing: Existing::Replace, ..Options::default() }).rows_copied, 99 + 1);
    pair.must_be_dumped_alike("replaced");
}
