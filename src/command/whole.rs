//! `data copy --with-schema`: tables, rows, then indexes, keys, statistics and all else, and sequences. Run again it goes on.
//! Only puts the rooms `schema` and `data` in a row; what each does is theirs.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::cli::{CopyArgs, KindArg};
use crate::data::{self, CopyReport, Forecast, SequenceReport};
use crate::error::Result;
use crate::postgres::{Access, Connector, Session, dump};
use crate::progress::{Progress, Reporter, Unit};
use crate::schema::{self, Conversion, Dialect, Phase, Target, Task};
use crate::text;

/// What the whole move did.
#[derive(Debug, Clone, Serialize)]
pub struct Whole {
    pub copy: CopyReport,
    pub sequences: SequenceReport,
    /// Statements that were run now, and those whose object was there.
    pub made: u64,
    pub there: u64,
    /// What the conversion changed or left out, as "ID object: what".
    pub findings: Vec<String>,
    pub seconds: f64,
    pub stages: Vec<Stage>,
}

/// How long a part took.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    pub name: &'static str,
    pub seconds: f64,
}

impl Whole {
    pub fn words(&self) -> String {
        format!(
            "{} made ({} were there), {} set",
            text::plural(self.made, "object"),
            text::count(self.there),
            text::plural(self.sequences.set.len() as u64, "sequence")
        )
    }
}

/// The target that a conversion is made for: as asked, else what the server is.
async fn kind(to: &Session, what: &CopyArgs) -> Result<(Target, Dialect)> {
    let dsql = to.is_dsql().await?;
    let target = match what.target_kind {
        Some(KindArg::Dsql) => Target::Dsql,
        Some(KindArg::Postgres) => Target::Rds,
        None if dsql => Target::Dsql,
        None => Target::Rds,
    };
    Ok((target, if dsql { Dialect::Dsql } else { Dialect::Postgres }))
}

async fn conversion(from: &Connector, target: Target, what: &CopyArgs) -> Result<Conversion> {
    // A schema whose every table is left out is not made either.
    let mut except: Vec<String> = what.data.except.iter().filter_map(|entry| entry.strip_suffix(".*").map(str::to_owned)).collect();
    except.push("migrate_wizard".to_owned());
    let sql = dump::schema_only(from, &except).await?;
    schema::convert(&sql, target, &schema::Options::default())
}

fn findings(conversion: &Conversion) -> Vec<String> {
    let notable = conversion.findings.iter().filter(|finding| finding.severity != schema::Severity::Info);
    notable.map(|finding| format!("{} {}: {}", finding.id, finding.object, finding.what)).collect()
}

pub async fn run(from: &Connector, to: &Connector, what: &CopyArgs, options: &data::Options, reporter: &Reporter) -> Result<Whole> {
    let start = Instant::now();
    let mut stages = Vec::new();
    let mut lap = Instant::now();
    let session = to.connect(Access::ReadWrite).await?;
    let (target, dialect) = kind(&session, what).await?;
    let conversion = conversion(from, target, what).await?;
    let findings = findings(&conversion);
    for finding in &findings {
        reporter.log(finding);
    }
    let quiet = Reporter::silent();
    let before = schema::apply(
        conversion.phase(Phase::Before),
        dialect,
        |_| false,
        async |sql: String| schema::send(&session, dialect, &sql).await,
        &quiet,
    )
    .await?;
    drop(session);
    stages.push(Stage { name: "tables", seconds: lap.elapsed().as_secs_f64() });
    lap = Instant::now();
    let sizes = data::sizes(from).await?;
    let ahead = sizes.ahead();
    let copy = data::copy(from, to, &data::Options { ahead, ..options.clone() }, reporter).await?;
    stages.push(Stage { name: "rows", seconds: lap.elapsed().as_secs_f64() });
    lap = Instant::now();
    let analyzed: Vec<String> =
        copy.tables.iter().filter(|t| t.rows_copied > 0 || copy.pass == 1).map(|t| format!("{}.{}", t.schema, t.name)).collect();
    let tasks = schema::tasks(&conversion, &analyzed, |table| sizes.of(table));
    let built = build(to, tasks, dialect, options.jobs, sizes.all(), ahead.0, reporter).await?;
    stages.push(Stage { name: "indexes, keys and statistics", seconds: lap.elapsed().as_secs_f64() });
    lap = Instant::now();
    let sequences = data::set_sequences(from, to).await?;
    stages.push(Stage { name: "sequences", seconds: lap.elapsed().as_secs_f64() });
    Ok(Whole {
        copy,
        sequences,
        made: before.made.len() as u64 + built.made,
        there: before.there.len() as u64 + built.there,
        findings,
        seconds: start.elapsed().as_secs_f64(),
        stages,
    })
}

/// Runs what follows the rows on several sessions; on DSQL on one, because definitions there end each other in conflicts.
async fn build(
    to: &Connector,
    tasks: Vec<Task>,
    dialect: Dialect,
    jobs: usize,
    copied: u64,
    ahead: u64,
    reporter: &Reporter,
) -> Result<schema::Built> {
    let jobs = if dialect == Dialect::Dsql { 1 } else { jobs };
    let sessions = futures_util::future::try_join_all((0..jobs).map(|_| data::builder(to))).await?;
    let total: u64 = tasks.iter().filter(|task| task.is_long()).map(Task::weight).sum::<u64>().max(1);
    let state = std::sync::Mutex::new((0_u64, Vec::<String>::new()));
    let told = |task: &Task, done: bool| {
        let Ok(mut state) = state.lock() else { return };
        if done {
            state.0 += if task.is_long() { task.weight() } else { 0 };
            state.1.retain(|id| *id != task.id);
        } else {
            state.1.push(task.id.clone());
        }
        let share = state.0.min(total) as f64 / total as f64;
        let done = copied + (ahead as f64 * share) as u64;
        reporter.report(Progress::new(done, Some(copied + ahead), Unit::Bytes, state.1.join(", ")));
    };
    let run = |session: Arc<Session>, sql: String| async move { schema::send(&session, dialect, &sql).await };
    schema::build(tasks, sessions, dialect, run, told).await
}

/// What a copy would do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub data: Forecast,
    /// Statements before and after the rows; 0 without `--with-schema`.
    pub before: u64,
    pub after: u64,
    pub findings: Vec<String>,
}

impl Plan {
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.data.lines();
        if self.before + self.after > 0 {
            lines.push(format!(
                "schema: {} before the rows, {} after them, {}",
                text::plural(self.before, "statement"),
                text::count(self.after),
                text::plural(self.findings.len() as u64, "finding")
            ));
        }
        lines.extend(self.findings.iter().cloned());
        lines
    }
}

pub async fn forecast(from: &Connector, to: &Connector, what: &CopyArgs, options: &data::Options) -> Result<Plan> {
    let session = to.connect(Access::ReadOnly).await?;
    let (target, _) = kind(&session, what).await?;
    drop(session);
    let data = data::forecast(from, to, options, what.with_schema).await?;
    if !what.with_schema {
        return Ok(Plan { data, before: 0, after: 0, findings: Vec::new() });
    }
    let conversion = conversion(from, target, what).await?;
    let count = |phase| conversion.phase(phase).count() as u64;
    Ok(Plan { data, before: count(Phase::Before), after: count(Phase::After), findings: findings(&conversion) })
}
