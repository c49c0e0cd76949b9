//! What the mover is hurt on: a source of about 60,000 rows in 12 tables, targets for it, and what must hold afterwards.
//! Equality is told by the servers' own text forms, which share no code with the mover.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use migrate_wizard::postgres::Connector;

use crate::support::postgres::{database, rows, sql, value};
use crate::support::wizard::{Done, Wizard};

pub const TABLES: &str = r#"
create table big (id bigint generated always as identity primary key, body text, n int);
create table pairs (a int, b text, v text, primary key (a, b));
create table words (id uuid primary key, v text);
create table swaps (id serial primary key, v text unique);
create table nokey (a int, b text);
create table toasted (id int primary key, body text);
create table kinds (id bigserial primary key, at timestamptz, j jsonb, num numeric, arr int[]);
create table small_a (id serial primary key, v text);
create table small_b (id serial primary key, v text);
create table small_c (id serial primary key, v text);
create table small_d (id varchar(40) primary key, v text);
create table nothing (id int primary key);
"#;

pub const ROWS: &str = r#"
insert into big (body, n) select md5(g::text) || repeat('x', g % 50), g from generate_series(1, 30000) g;
insert into pairs select g % 100, 'k' || g, md5(g::text) from generate_series(1, 8000) g;
insert into words select md5(g::text)::uuid, 'w' || g from generate_series(1, 6000) g;
insert into swaps (v) select 'v' || g from generate_series(1, 5000) g;
insert into nokey select g % 7, case when g % 3 = 0 then null else 'n' || g end from generate_series(1, 3000) g;
insert into toasted select g, (select string_agg(md5((g * 1000 + i)::text), '') from generate_series(1, 250) i) from generate_series(1, 300) g;
insert into kinds (at, j, num, arr) select timestamptz '2026-01-01' + g * interval '1 minute', jsonb_build_object('g', g, 'n', null), g / 7.0, array[g, null, g * 2] from generate_series(1, 4000) g;
insert into small_a (v) select 'a' || g from generate_series(1, 1500) g;
insert into small_b (v) select 'b' || g from generate_series(1, 1200) g;
insert into small_c (v) select 'c' || g from generate_series(1, 700) g;
insert into small_d select 'd-' || g, 'd' from generate_series(1, 300) g;
analyze
"#;

/// Rows of [`ROWS`].
pub const COUNT: u64 = 60_000;

/// The tables with the columns and types of their keys.
const KEYS: [(&str, &[(&str, &str)]); 12] = [
    ("big", &[("id", "bigint")]),
    ("pairs", &[("a", "integer"), ("b", "text")]),
    ("words", &[("id", "uuid")]),
    ("swaps", &[("id", "integer")]),
    ("nokey", &[]),
    ("toasted", &[("id", "integer")]),
    ("kinds", &[("id", "bigint")]),
    ("small_a", &[("id", "integer")]),
    ("small_b", &[("id", "integer")]),
    ("small_c", &[("id", "integer")]),
    ("small_d", &[("id", "character varying")]),
    ("nothing", &[("id", "integer")]),
];

/// A copy as most tests run it.
pub const COPY: [&str; 6] = ["data", "copy", "--jobs", "3", "--chunk-rows", "2000"];
pub const WORKER: [&str; 5] = ["worker", "--jobs", "2", "--chunk-rows", "1000"];

/// A source and a target, and the binary between them.
pub struct Ground {
    pub from: Connector,
    pub to: Connector,
}

impl Ground {
    /// The source, and an empty target with the same tables.
    pub fn new(name: &str) -> Self {
        let ground = Self { from: source(name), to: database(&format!("{name}_to")) };
        sql(&ground.to, TABLES);
        ground
    }

    pub fn wizard(&self) -> Wizard {
        between(&self.from, &self.to)
    }

    /// Back to empty tables, without a ledger.
    pub fn empty_target(&self) {
        let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
        sql(&self.to, &format!("drop schema if exists migrate_wizard cascade; truncate {} restart identity", names.join(", ")));
    }

    /// The same command again to its end; then all is equal.
    #[track_caller]
    pub fn ends_equal(&self, seed: &str) {
        let wizard = self.wizard();
        let done = wizard.run(&COPY);
        assert_eq!(done.code(), 0, "{seed}: {}", done.err());
        self.is_equal(seed);
    }

    /// Every fingerprint, and every row as the servers print it.
    #[track_caller]
    pub fn is_equal(&self, seed: &str) {
        let verified = self.wizard().run(&["data", "verify"]);
        assert_eq!(verified.code(), 0, "{seed}: {}{}", verified.out(), verified.err());
        assert_eq!(digests(&self.to), digests(&self.from), "{seed}");
    }

    /// Every row, after workers, which leave the sequences alone.
    #[track_caller]
    pub fn is_equal_but_for_sequences(&self, seed: &str) {
        assert_eq!(digests(&self.to), digests(&self.from), "{seed}");
    }

    /// What the ledger says of each settled chunk is what is there; how many chunks are settled.
    #[track_caller]
    pub fn ledger_tells_the_truth(&self, seed: &str) -> usize {
        if value(&self.to, "select to_regclass('migrate_wizard.chunk') is not null") != "t" {
            return 0;
        }
        let chunks = rows(
            &self.to,
            "select \"table\", chunk, rows, coalesce(lo, ''), coalesce(hi, '') from migrate_wizard.chunk where pass is not null order by 1, 2",
        );
        let looks: Vec<String> = chunks.iter().map(|row| look(row)).collect();
        if !looks.is_empty() {
            let lies = rows(&self.to, &format!("select * from ({}) l where said <> found", looks.join(" union all ")));
            assert_eq!(lies, Vec::<String>::new(), "{seed}");
        }
        chunks.len()
    }
}

/// A filled source.
pub fn source(name: &str) -> Connector {
    let from = database(name);
    sql(&from, TABLES);
    sql(&from, ROWS);
    from
}

pub fn between(from: &Connector, to: &Connector) -> Wizard {
    Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url())
}

/// A query for one chunk: its name, the rows it is said to have, the rows in its key range.
fn look(row: &str) -> String {
    let [table, chunk, said, lo, hi] = row.splitn(5, '|').collect::<Vec<_>>().try_into().unwrap();
    let name = table.strip_prefix("public.").unwrap();
    let keys = KEYS.iter().find(|(table, _)| *table == name).unwrap().1;
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let end = |sign: &str, bound: &str| {
        if bound.is_empty() {
            return "true".to_owned();
        }
        let values: Vec<String> = serde_json::from_str(bound).unwrap();
        let values: Vec<String> = values.iter().zip(keys).map(|(value, (_, kind))| format!("'{value}'::{kind}")).collect();
        format!("({}) {sign} ({})", names.join(", "), values.join(", "))
    };
    format!(
        "select '{table} {chunk}' as name, {said} as said, (select count(*) from {name} where {} and {}) as found",
        end(">", lo),
        end("<=", hi)
    )
}

/// Count and sum of digests of every table.
pub fn digests(database: &Connector) -> Vec<String> {
    let names = KEYS.iter().map(|(name, _)| name);
    let each =
        names.map(|name| format!("select '{name}', count(*), coalesce(sum(hashtextextended(t::text, 7)::numeric), 0)::text from {name} t"));
    rows(database, &format!("{} order by 1", each.collect::<Vec<_>>().join(" union all ")))
}

/// Waits until nobody else is connected: what others did is counted, what they left behind is gone.
#[track_caller]
pub fn quiet(database: &Connector) {
    let sessions = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and backend_type = 'client backend' and pid <> pg_backend_pid()",
        database.database()
    );
    let until = Instant::now() + Duration::from_secs(60);
    while value(&database.with_database("postgres"), &sessions) != "0" {
        assert!(Instant::now() < until, "sessions do not end on {}", database.label());
    }
}

/// What was ever written to the database's tables, as its server counts.
pub fn written(database: &Connector) -> String {
    quiet(database);
    rows(database, "select sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) from pg_stat_user_tables where schemaname = 'public'").concat()
}

/// How long a command takes undisturbed, in milliseconds; it must end well.
pub fn takes(wizard: &Wizard, args: &[&str]) -> u64 {
    let start = Instant::now();
    wizard.run(args).expect(0);
    u64::try_from(start.elapsed().as_millis()).unwrap()
}

/// Waits until a child ends; its exit code, `-1` for a signal.
pub fn ended(mut child: Child) -> i32 {
    child.wait().unwrap().code().unwrap_or(-1)
}

/// The report of a command that ran with `--json`.
pub fn report(done: &Done) -> serde_json::Value {
    let text = done.out();
    let last =
        text.lines().rfind(|line| line.contains("\"event\":\"report\"")).unwrap_or_else(|| panic!("no report in {text}{}", done.err()));
    serde_json::from_str(last).unwrap()
}

pub fn signal(name: &str, pid: u32) {
    Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
}

/// Waits until a question is answered so.
#[track_caller]
pub fn until(what: &str, mut answer: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !answer() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Objects of a database as pg_dump writes them, without what changes with every run.
pub fn schema_of(database: &Connector) -> String {
    let mut command = crate::support::postgres::client(crate::support::postgres::Server::Own, "pg_dump", database);
    command.args(["--schema-only", "--exclude-schema=migrate_wizard"]);
    let text = crate::support::postgres::printed(command);
    text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect::<Vec<_>>().join("\n")
}

/// Every sequence and where it stands.
pub fn sequences(database: &Connector) -> BTreeMap<String, String> {
    let all = rows(database, "select sequencename, coalesce(last_value, 0) from pg_sequences where schemaname = 'public' order by 1");
    all.iter().map(|row| row.split_once('|').unwrap()).map(|(name, last)| (name.to_owned(), last.to_owned())).collect()
}
