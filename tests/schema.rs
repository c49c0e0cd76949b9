//! The schema compiler against real servers: what it makes can be applied, twice, and nothing of a dump is lost without a word.
//! What is there is asked of the servers' catalogues and of pg_dump, not of the parser that made it.

use std::collections::BTreeSet;

use migrate_wizard::postgres::Connector;
use migrate_wizard::schema::{Conversion, Kind, Phase, Severity, Target};

use crate::support::postgres::{Server, client, database, database_on, fill, printed, rows, sample, sql};
use crate::support::schema::{apply, convert, target_for};
use crate::support::wizard::Wizard;

const TARGETS: [Target; 3] = [Target::Dsql, Target::Rds, Target::Aurora];

/// One of everything.
fn rich() -> Connector {
    let database = database("rich");
    sql(&database, include_str!("support/rich.sql"));
    database
}

/// Every object a person made, as `kind identity`; what belongs to an extension or to the system is left out.
const OBJECTS: &str = "
with mine as (select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'migrate_wizard')),
     extension as (select classid, objid from pg_depend where deptype = 'e'),
     relation as (select c.*, m.nspname from pg_class c join mine m on m.oid = c.relnamespace
                  where not exists (select from extension e where e.classid = 'pg_class'::regclass and e.objid = c.oid))
select 'schema', nspname from mine
union all select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'i' then 'index' when 'I' then 'index' else 'table' end,
  nspname || '.' || relname from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'i', 'I')
union all select 'column', r.nspname || '.' || r.relname || '.' || a.attname from relation r join pg_attribute a on a.attrelid = r.oid
  where r.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
union all select 'constraint', r.nspname || '.' || r.relname || '.' || c.conname from relation r join pg_constraint c on c.conrelid = r.oid where c.contype <> 'n'
union all select 'trigger', r.nspname || '.' || r.relname || '.' || t.tgname from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
union all select 'policy', r.nspname || '.' || r.relname || '.' || p.polname from relation r join pg_policy p on p.polrelid = r.oid
union all select 'rule', r.nspname || '.' || r.relname || '.' || w.rulename from relation r join pg_rewrite w on w.ev_class = r.oid where w.rulename <> '_RETURN'
union all select 'function', m.nspname || '.' || p.proname from pg_proc p join mine m on m.oid = p.pronamespace
  where not exists (select from extension e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
union all select 'type', m.nspname || '.' || t.typname from pg_type t join mine m on m.oid = t.typnamespace
  where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')))
    and not exists (select from extension e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
union all select 'statistics', m.nspname || '.' || s.stxname from pg_statistic_ext s join mine m on m.oid = s.stxnamespace
union all select 'extension', extname from pg_extension where extname <> 'plpgsql'
union all select 'publication', pubname from pg_publication
union all select 'event trigger', evtname from pg_event_trigger
union all select 'comment on ' || (o).type, (o).identity from (select pg_identify_object(d.classoid, d.objoid, d.objsubid) as o, d.* from pg_description d) c
  where (o).schema in (select nspname from mine) and not exists (select from extension e where e.classid = c.classoid and e.objid = c.objoid)
order by 1, 2";

fn objects(database: &Connector) -> BTreeSet<String> {
    rows(database, OBJECTS).into_iter().collect()
}

/// What the source has and the target has not, and no finding names.
fn lost(from: &Connector, to: &Connector, conversion: &Conversion) -> Vec<String> {
    let there = objects(to);
    let told: Vec<String> = conversion.findings.iter().map(|f| format!("{} {}", f.object, f.what)).collect();
    let name = |object: &str| {
        object.rsplit(['|', '.']).next().unwrap_or_default().split('(').next().unwrap_or_default().trim_matches('"').to_owned()
    };
    let found = |object: &String| there.contains(object) || told.iter().any(|line| line.contains(&name(object)));
    objects(from).into_iter().filter(|object| !found(object)).collect()
}

#[test]
fn the_sample_applies_to_a_fresh_database_and_a_second_time_for_every_target() {
    let from = sample(1);
    for target in TARGETS {
        let conversion = convert(&from, target);
        let to = database(target.name());
        for phase in [Phase::Before, Phase::After] {
            let applied = apply(&to, &conversion, phase);
            let made: Vec<&String> = conversion.phase(phase).filter(|s| s.kind != Kind::Session).map(|s| &s.id).collect();
            assert_eq!(applied.made.iter().collect::<Vec<_>>(), made, "{target}: something was there in a fresh database");
        }
        let before = objects(&to);
        for phase in [Phase::Before, Phase::After] {
            apply(&to, &conversion, phase);
        }
        assert_eq!(objects(&to), before, "{target}: the second time changed something");
        assert_eq!(lost(&from, &to, &conversion), Vec::<String>::new(), "{target}");
        assert_eq!(rows(&to, "select count(*) from pg_tables where schemaname in ('public', 'app', 'drizzle')"), ["20"], "{target}");
    }
}

#[test]
fn nothing_of_a_rich_schema_is_lost_without_a_word() {
    let from = rich();
    for target in TARGETS {
        let (to, conversion) = target_for(&from, target);
        apply(&to, &conversion, Phase::After);
        assert_eq!(objects(&from).len(), 183);
        assert_eq!(lost(&from, &to, &conversion), Vec::<String>::new(), "{target}");
        for finding in &conversion.findings {
            assert!(!finding.why.is_empty() && !finding.source.is_empty() && finding.as_of.starts_with("20"), "{finding:?}");
            assert!(finding.severity == Severity::Info || !finding.app_must.is_empty(), "{finding:?}");
        }
    }
}

#[test]
fn dsql_gets_only_what_it_can_hold() {
    let (to, conversion) = target_for(&rich(), Target::Dsql);
    apply(&to, &conversion, Phase::After);
    let kinds: BTreeSet<Kind> = conversion.statements.iter().map(|s| s.kind).collect();
    for never in [
        Kind::Enum,
        Kind::Composite,
        Kind::Range,
        Kind::Extension,
        Kind::Trigger,
        Kind::MaterializedView,
        Kind::Exclusion,
        Kind::Partition,
        Kind::Policy,
    ] {
        assert!(!kinds.contains(&never), "{never:?}");
    }
    let types = "select distinct format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname = 'shop' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped order by 1";
    let known = [
        "bigint",
        "boolean",
        "bytea",
        "character",
        "character varying",
        "date",
        "double precision",
        "integer",
        "interval",
        "json",
        "jsonb",
        "numeric",
        "real",
        "smallint",
        "text",
        "time without time zone",
        "timestamp with time zone",
        "timestamp without time zone",
        "uuid",
    ];
    let strange: Vec<String> = rows(&to, types).into_iter().filter(|t| !known.contains(&t.as_str())).collect();
    assert_eq!(strange, Vec::<String>::new());
}

/// A schema as pg_dump of this version writes it, without what differs in every dump.
fn dumped(version: Server, database: &Connector) -> Vec<String> {
    let mut command = client(version, "pg_dump", database);
    command.args(["--schema-only", "--no-owner", "--no-privileges"]);
    let differs = |line: &str| ["\\restrict", "\\unrestrict", "-- Dumped"].iter().any(|head| line.starts_with(head));
    printed(command).lines().filter(|line| !differs(line)).map(str::to_owned).collect()
}

fn rds_is_faithful(version: Server) {
    let from = database_on(version, "sample");
    fill(&from, 1);
    let schema = dumped(version, &from).join("\n");
    let conversion = migrate_wizard::schema::convert(&schema, Target::Rds, &migrate_wizard::schema::Options::default()).unwrap();
    let to = database_on(version, "rds");
    for phase in [Phase::Before, Phase::After] {
        apply(&to, &conversion, phase);
    }
    let (ours, theirs) = (dumped(version, &from), dumped(version, &to));
    assert!(ours.len() > 700, "{}", ours.len());
    let first = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert_eq!((first, ours.len()), (None, theirs.len()), "{:?}\n{:?}", first.map(|i| &ours[i]), first.map(|i| &theirs[i]));
}

#[test]
fn pg_dump_sees_the_same_schema_on_rds() {
    rds_is_faithful(Server::Own);
}

#[test]
fn pg_dump_sees_the_same_schema_on_rds_of_version_16() {
    rds_is_faithful(Server::Sixteen);
}

#[test]
fn pg_dump_sees_the_same_schema_on_rds_of_version_18() {
    rds_is_faithful(Server::Eighteen);
}

#[test]
fn the_command_writes_ordered_files_that_psql_can_run() {
    // given a dump in a file
    let from = sample(1);
    let wizard = Wizard::empty();
    std::fs::write(wizard.path().join("dump.sql"), dumped(Server::Own, &from).join("\n")).unwrap();
    for target in TARGETS {
        let name = target.name();
        // when it is converted into a folder
        let done = wizard.run(&["schema", "convert", "--from", "dump.sql", "--target", name, "--out", name]).expect(0);
        assert!(done.out().contains("Next: read report.md and tables.md, then migrate-wizard schema apply"), "{}", done.out());
        let mut files: Vec<String> =
            std::fs::read_dir(wizard.path().join(name)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let expected: &[&str] = match target {
            Target::Dsql => &[
                "10-schemas.sql",
                "30-sequences.sql",
                "40-tables.sql",
                "50-indexes.sql",
                "70-foreign-keys.sql",
                "80-functions.sql",
                "90-views.sql",
                "report.md",
                "tables.md",
            ],
            Target::Rds | Target::Aurora => &[
                "10-schemas.sql",
                "20-types.sql",
                "40-tables.sql",
                "50-indexes.sql",
                "60-constraints.sql",
                "70-foreign-keys.sql",
                "90-views.sql",
                "report.md",
                "tables.md",
            ],
        };
        assert_eq!(files, expected, "{target}");
        // then standard output has the same files, in the same order
        let printed_all = wizard.run(&["schema", "convert", "--from", "dump.sql", "--target", name]).expect(0).out();
        let mut at = 0;
        for file in files.iter().filter(|f| f.ends_with(".sql")) {
            let text = std::fs::read_to_string(wizard.path().join(name).join(file)).unwrap();
            let found = printed_all[at..].find(text.trim_end());
            assert!(found.is_some(), "{target}: {file} is not printed in its place");
            at += found.unwrap_or_default();
        }
        // and psql runs them one after the other without an error
        if target == Target::Dsql {
            continue; // CREATE INDEX ASYNC is understood by DSQL alone
        }
        let to = database("psql");
        for file in files.iter().filter(|f| f.ends_with(".sql")) {
            let mut psql = client(Server::Own, "psql", &to);
            psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file"]).arg(wizard.path().join(name).join(file));
            printed(psql);
        }
        assert_eq!(objects(&to), objects(&from), "{target}");
    }
}

#[test]
fn a_live_source_of_a_newer_version_is_dumped_by_a_program_new_enough() {
    let from = database_on(Server::Eighteen, "live");
    sql(&from, "create table t (id int primary key, tags text[])");
    let programs = Server::Eighteen.programs().unwrap();
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("MIGRATE_WIZARD_PG_BIN", programs.to_str().unwrap());
    let done = wizard.run(&["schema", "convert", "--target", "dsql"]).expect(0);
    assert!(
        done.out().contains(
            "CREATE TABLE IF NOT EXISTS public.t (\n    id int NOT NULL,\n    tags jsonb,\n    CONSTRAINT t_pkey PRIMARY KEY (id)\n);"
        ),
        "{}",
        done.out()
    );
}

#[test]
fn a_syntax_error_names_its_line() {
    let wizard = Wizard::empty();
    std::fs::write(wizard.path().join("bad.sql"), "-- a dump\nCREATE TABLE a (b int);\n\nCREATE TABEL c (d int);\n").unwrap();
    let done = wizard.run(&["schema", "convert", "--from", "bad.sql", "--target", "dsql"]).expect(2);
    done.says("cannot parse bad.sql:4:8: syntax error at or near \"TABEL\"").says("CREATE TABEL c (d int)").says("next:");
    wizard.run(&["schema", "convert", "--from", "none.sql", "--target", "dsql"]).expect(2).says("cannot read none.sql").says("next:");
}

#[test]
fn a_check_tells_what_is_lost_and_writes_nothing() {
    let wizard = Wizard::empty();
    std::fs::write(
        wizard.path().join("dump.sql"),
        "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\nCREATE TABLE public.t (\n    id integer NOT NULL,\n    name text\n);\n",
    )
    .unwrap();
    let done = wizard.run(&["schema", "check", "--from", "dump.sql", "--target", "dsql"]).expect(1);
    let said = done.out();
    assert!(
        ["To decide:", "DSQL-EXTENSION-NEEDED", "Next: change the source, choose otherwise"].iter().all(|part| said.contains(part)),
        "{said}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&wizard.run(&["schema", "check", "--from", "dump.sql", "--target", "rds", "--json"]).expect(0).out()).unwrap();
    assert_eq!((json["target"].as_str(), json["blocks"].as_u64()), (Some("rds"), Some(0)), "{json}");
    let left: Vec<_> = std::fs::read_dir(wizard.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["dump.sql"]);
    wizard
        .run(&["schema", "check", "--from", "dump.sql", "--source", "postgresql://h/d", "--target", "rds"])
        .expect(2)
        .says("cannot be used with");
}

#[test]
fn a_diff_is_empty_after_a_move_and_names_what_differs() {
    let from = rich();
    let (to, conversion) = target_for(&from, Target::Rds);
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url()).env("TARGET_DATABASE_URL", &to.secret_url());
    // before the rows are there
    let said = wizard.run(&["schema", "diff"]).expect(1).out();
    assert!(said.contains("missing      primary_key:") && said.contains("Next:"), "{said}");
    apply(&to, &conversion, Phase::After);
    let said = wizard.run(&["schema", "diff"]).expect(0).out();
    assert!(said.starts_with("equal: "), "{said}");
    // whatever is changed by hand
    sql(&to, "create table public.by_hand (a int); alter table shop.blobs add column note text");
    let done = wizard.run(&["schema", "diff"]).expect(1);
    let said = done.out();
    assert!(
        ["not wanted   table:public.by_hand", "differs      table:shop.blobs", "2 differences"].iter().all(|part| said.contains(part)),
        "{said}"
    );
}

#[test]
fn a_folder_is_written_anew_but_never_over_what_a_person_changed() {
    let from = database("renewed");
    sql(&from, "create table t (id int primary key); create table u (id int primary key, t int references t)");
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &from.secret_url());
    let convert = |more: &[&str]| wizard.run(&[&["schema", "convert", "--target", "dsql", "--out", "sql"], more].concat());
    let there = |name: &str| wizard.path().join("sql").join(name).exists();
    // a dry run says what it would write
    let said = convert(&["--dry-run"]).expect(0).out();
    assert!(said.contains("nothing was written. Into sql would go: 40-tables.sql, 70-foreign-keys.sql") && !there(""), "{said}");
    convert(&[]).expect(0);
    assert!(there("70-foreign-keys.sql"));
    // what the conversion before left goes
    convert(&["--choose", "foreign_keys=dropped"]).expect(0);
    assert!(!there("70-foreign-keys.sql") && there("40-tables.sql"));
    // what was changed by hand stays, and nothing else is touched
    let file = wizard.path().join("sql/40-tables.sql");
    let edited = std::fs::read_to_string(&file).unwrap().replace("id int", "id bigint");
    std::fs::write(&file, &edited).unwrap();
    convert(&[]).expect(1).says("sql/40-tables.sql was changed by hand");
    assert!(std::fs::read_to_string(&file).unwrap() == edited && !there("70-foreign-keys.sql"));
    // a schema that is not there cannot be left out
    convert(&["--except", "nope"]).expect(2).says("there is no schema `nope`");
    // and the source is no target
    wizard.run(&["schema", "apply", "sql", "--target", &from.secret_url()]).expect(2).says("source and target are the same database");
}
