//! What the schema compiler makes, proved: nothing of any schema is lost without a word, and everything that is made runs.
//! Random schemas of every feature beside the sample and the rich one; `PROPTEST_CASES` says how many.

use std::collections::BTreeSet;

use dsql_lint::lint_sql;
use migrate_wizard::postgres::{Access, Connector};
use migrate_wizard::progress::Reporter;
use migrate_wizard::schema::{self, Conversion, Dialect, Options, Phase, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::dsql::{Rules, Standin};
use crate::support::lister::objects;
use crate::support::postgres::{Server, block, client, database_in_c, database_on, fill, printed};
use crate::support::random_schema::{random_schema, random_statements};

const TARGETS: [Target; 3] = [Target::Dsql, Target::Rds, Target::Aurora];

fn try_convert(sql: &str, target: Target) -> Result<Conversion, String> {
    schema::convert(sql, target, &Options::default()).map_err(|error| format!("{target}: {error}"))
}

/// Objects of the input that are neither in the output nor named in a finding.
fn lost(sql: &str, conversion: &Conversion) -> Result<Vec<String>, String> {
    let there = objects(sql)?;
    let mut made = BTreeSet::new();
    for statement in &conversion.statements {
        made.extend(objects(&statement.sql)?);
    }
    let told: Vec<String> = conversion.findings.iter().map(|finding| format!("{} {}", finding.object, finding.what)).collect();
    let is_told = |object: &str| told.iter().any(|line| line.contains(last_name(object)));
    // What stands in a table that is named as left out goes with it.
    let with_table = |object: &str| {
        let name = object.strip_prefix("column ").or_else(|| object.strip_prefix("constraint ")).unwrap_or_default();
        // Names of columns may have dots in them.
        let tables = name.match_indices('.').filter_map(|(at, _)| name.get(..at)).filter(|table| there.contains(&format!("table {table}")));
        tables.into_iter().any(|table| !made.contains(&format!("table {table}")) && is_told(&format!("table {table}")))
    };
    Ok(there.iter().filter(|object| !made.contains(*object) && !is_told(object) && !with_table(object)).cloned().collect())
}

/// The name of an object without its kind; of what stands in a table, its own.
fn last_name(object: &str) -> &str {
    let name = object.strip_prefix("materialized view ").or_else(|| object.split_once(' ').map(|(_, name)| name)).unwrap();
    // One name of the generator has a dot in it.
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

/// How a schema is told that PostgreSQL itself does not take: such a case proves nothing.
const REFUSED: &str = "the schema itself: ";

fn proves(runner: &mut TestRunner, check: impl Fn(u64, usize) -> Result<(), String>) {
    let strategy = (any::<u64>(), 1..9_usize);
    let judge = |error: String| if error.starts_with(REFUSED) { TestCaseError::reject(error) } else { TestCaseError::fail(error) };
    runner.run(&strategy, |(seed, tables)| check(seed, tables).map_err(judge)).unwrap();
}

/// As many cases as the environment asks for, each time others; without it a few, always the same: a failure is then the change's own.
fn runner(default: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config { cases: asked.unwrap_or(default), failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32])),
    }
}

#[test]
fn nothing_of_a_random_schema_is_lost_and_the_same_gives_the_same() {
    proves(&mut runner(150), |seed, tables| {
        let sql = random_schema(seed, tables, true);
        for target in TARGETS {
            let conversion = try_convert(&sql, target)?;
            if try_convert(&sql, target)? != conversion {
                return Err(format!("{target}: the second time is another"));
            }
            let lost = lost(&sql, &conversion).map_err(|error| format!("{target}: {error}"))?;
            if !lost.is_empty() {
                return Err(format!("{target}: lost {lost:#?}"));
            }
            if let Some(finding) = conversion.findings.iter().find(|finding| finding.object.is_empty() || finding.why.is_empty()) {
                return Err(format!("{target}: {finding:?}"));
            }
        }
        Ok(())
    });
}

/// What a random schema's dump lacks at its end is refused at any byte, or handled.
#[test]
fn a_dump_that_is_cut_anywhere_is_no_panic() {
    let cases = runner(4);
    for seed in 0..u64::from(cases.config().cases) {
        let whole = format!(
            "--\n-- PostgreSQL database dump\n--\n\n{}\n--\n-- PostgreSQL database dump complete\n--\n",
            random_schema(seed, 3, true)
        );
        try_convert(&whole, Target::Dsql).unwrap();
        let end = whole.len() - "dump complete\n--\n".len();
        for at in (60..end).step_by(97).chain(end - 20..end).filter(|&at| whole.is_char_boundary(at)) {
            let error = schema::convert_file("cut.sql", &whole[..at], Target::Rds, &Options::default()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.what.contains("cut.sql:") && error.causes[0].ends_with('^') && !error.hint.is_empty(), "{at}: {error}");
        }
    }
}

/// The false alarms of dsql-lint 0.2.22, by rule: (rule, what the statement holds, why it is none).
const FALSE_ALARMS: [(&str, &str, &str); 3] = [
    ("ParseError", "BEGIN ATOMIC", "its parser does not know function bodies of the SQL standard"),
    ("ParseError", "COMMENT ON FUNCTION ", "its parser does not know a function's arguments there"),
    ("ParseError", "COMMENT ON CONSTRAINT ", "its parser does not know comments on constraints"),
];

fn lint(conversion: &Conversion) -> Vec<String> {
    let texts = conversion.statements.iter().filter(|s| s.kind != schema::Kind::Session).map(|s| s.render(Dialect::Dsql));
    let mut said = Vec::new();
    for text in texts {
        for diagnostic in lint_sql(&text) {
            let rule = format!("{:?}", diagnostic.rule);
            if !FALSE_ALARMS.iter().any(|(known, holds, _)| *known == rule && text.contains(holds)) {
                said.push(format!("{rule}: {}\n    {text}", diagnostic.message));
            }
        }
    }
    said
}

/// `pg_dump` of a database, without what differs in every dump.
fn dumped(version: Server, database: &Connector) -> String {
    let mut command = client(version, "pg_dump", database);
    command.args(["--schema-only", "--no-owner", "--no-privileges"]);
    let differs = |line: &&str| ["\\restrict", "\\unrestrict", "-- Dumped"].iter().any(|head| line.starts_with(head));
    printed(command).lines().filter(|line| !differs(line)).collect::<Vec<_>>().join("\n")
}

/// Runs all statements in a fresh database; nothing may be there already.
fn applies(to: &Connector, conversion: &Conversion, dialect: Dialect) -> Result<(), String> {
    block(async {
        let session = to.connect(Access::ReadWrite).await.map_err(|error| error.to_string())?;
        for phase in [Phase::Before, Phase::After] {
            let statements = conversion.phase(phase).filter(|s| dialect == Dialect::Postgres || s.kind != schema::Kind::Session);
            let run = async |sql: String| schema::send(&session, dialect, &sql).await;
            let applied = schema::apply(statements, dialect, |_| false, |_, _| Ok(()), run, &Reporter::silent())
                .await
                .map_err(|error| format!("{dialect:?}: {error}"))?;
            if !applied.there.is_empty() {
                return Err(format!("{dialect:?}: already there in a fresh database: {:?}", applied.there));
            }
        }
        Ok(())
    })
}

/// The conversion for RDS makes the same schema, by pg_dump and by our own comparison.
fn rds_is_equal(version: Server, ours: &str) -> Result<(), String> {
    let conversion = try_convert(ours, Target::Rds)?;
    let to = database_on(version, "rds");
    applies(&to, &conversion, Dialect::Postgres)?;
    let theirs = dumped(version, &to);
    if ours != theirs {
        let at = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b).unwrap_or_default();
        let around = |text: &str| text.lines().skip(at.saturating_sub(3)).take(9).collect::<Vec<_>>().join("\n");
        return Err(format!("not equal at line {at}\n--- source\n{}\n--- target\n{}", around(ours), around(&theirs)));
    }
    let differences = schema::differences(&conversion, &try_convert(&theirs, Target::Rds)?).map_err(|error| error.to_string())?;
    if differences.is_empty() { Ok(()) } else { Err(format!("{differences:#?}")) }
}

/// The conversion for DSQL is let pass by dsql-lint and by the stand-in, and runs on an ordinary Postgres.
fn dsql_runs(ours: &str, options: &Options) -> Result<(), String> {
    let conversion = schema::convert(ours, Target::Dsql, options).map_err(|error| error.to_string())?;
    let said = lint(&conversion);
    if !said.is_empty() {
        return Err(format!("dsql-lint: {}", said.join("\n")));
    }
    let plain = database_in_c("plain");
    applies(&plain, &conversion, Dialect::Postgres)?;
    let standin = Standin::start(&database_in_c("standin"), Rules::default());
    applies(&standin.connector(), &conversion, Dialect::Dsql)?;
    // and what stands there then is what the conversion says, read back part by part
    for to in [plain, standin.connector()] {
        let differences = unlike(&to, &conversion)?;
        if !differences.is_empty() {
            return Err(format!("{}: {differences:#?}", to.label()));
        }
    }
    Ok(())
}

/// What stands in a database and is not what a conversion for DSQL says.
fn unlike(to: &Connector, conversion: &Conversion) -> Result<Vec<schema::Difference>, String> {
    block(async {
        let session = to.connect(Access::ReadOnly).await?;
        let found = schema::definitions(&session, &[]).await?;
        assert_eq!(found.untold, Vec::<String>::new());
        Ok(found.against(&schema::parts_of(conversion)?))
    })
    .map_err(|error: migrate_wizard::error::Error| error.to_string())
}

/// The dump of a database with these statements.
fn made(version: Server, statements: &[String]) -> Result<String, String> {
    let from = database_on(version, "proof");
    block(async {
        let session = from.connect(Access::ReadWrite).await.map_err(|error| error.to_string())?;
        if session.batch(&statements.join(";\n")).await.is_ok() {
            return Ok(());
        }
        for statement in statements {
            session.batch(statement).await.map_err(|error| format!("{REFUSED}{statement}\n{error}"))?;
        }
        Ok::<(), String>(())
    })?;
    Ok(dumped(version, &from))
}

fn sample(version: Server) -> String {
    let from = database_on(version, "proof");
    fill(&from, 1);
    dumped(version, &from)
}

const RICH: &str = include_str!("support/rich.sql");

#[test]
fn the_sample_and_the_rich_schema_are_equal_on_rds() {
    for (version, schema) in [
        (Server::Own, sample(Server::Own)),
        (Server::Sixteen, sample(Server::Sixteen)),
        (Server::Eighteen, sample(Server::Eighteen)),
        (Server::Own, made(Server::Own, &[RICH.to_owned()]).unwrap()),
    ] {
        rds_is_equal(version, &schema).unwrap_or_else(|error| panic!("{version:?}: {error}"));
    }
}

#[test]
fn the_sample_runs_on_dsql() {
    dsql_runs(&sample(Server::Own), &Options::default()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_rich_schema_runs_on_dsql_once_its_wide_key_is_decided() {
    let rich = made(Server::Own, &[RICH.to_owned()]).unwrap();
    // given the one thing that is to be decided first: a key that is declared wider than a cluster takes
    let wide: Vec<String> =
        try_convert(&rich, Target::Dsql).unwrap().findings.into_iter().filter(|f| f.id == "DSQL-KEY-WIDTH").map(|f| f.object).collect();
    assert_eq!(wide, ["shop.lines.lines_kind_what_key"]);
    // when its columns are let go of their widths
    let text_columns = ["shop.lines.kind", "shop.lines.what"].map(str::to_owned).into();
    // then everything runs
    dsql_runs(&rich, &Options { text_columns, ..Options::default() }).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_schemas_are_equal_on_rds_of_every_version() {
    proves(&mut runner(2), |seed, tables| {
        for (version, extensions) in [(Server::Own, true), (Server::Sixteen, false), (Server::Eighteen, false)] {
            let schema = made(version, &random_statements(seed, tables, extensions))?;
            rds_is_equal(version, &schema).map_err(|error| format!("{version:?}: {error}"))?;
        }
        Ok(())
    });
}

#[test]
fn random_schemas_run_on_dsql() {
    proves(&mut runner(3), |seed, tables| dsql_runs(&made(Server::Own, &random_statements(seed, tables, true))?, &Options::default()));
}
