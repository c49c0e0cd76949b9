//! `data copy --with-schema`: tables, rows, then indexes, keys, statistics and all else, and sequences. Run again it goes on.
//! Only puts the rooms `schema` and `data` in a row; what each does is theirs.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;

use crate::cli::{CopyArgs, KindArg};
use crate::data::{self, CopyReport, Forecast, SequenceReport};
use crate::error::{Error, Result};
use crate::postgres::{Access, Connector, Session, dump};
use crate::progress::{Part, Progress, Reporter, Unit};
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
    let session = data::builder(to).await?;
    let (target, dialect) = kind(&session, what).await?;
    let (conversion, sizes) = tokio::try_join!(conversion(from, target, what), data::sizes(from))?;
    let sender = Sender { to: to.clone(), dialect, session: tokio::sync::Mutex::new(Some(session)) };
    let findings = findings(&conversion);
    for finding in &findings {
        reporter.log(finding);
    }
    let quiet = Reporter::silent();
    let send = async |sql: String| sender.send(&sql).await;
    let before = schema::apply(conversion.phase(Phase::Before), dialect, |_| false, |_, _| Ok(()), send, &quiet).await?;
    drop(sender);
    stages.push(Stage { name: "tables", seconds: lap.elapsed().as_secs_f64() });
    lap = Instant::now();
    let weigh = |work: schema::Work| match work {
        schema::Work::Index(index) => sizes.index(index),
        schema::Work::Statistics(table) => sizes.statistics(table),
        schema::Work::ForeignKey(table) => sizes.foreign_key(table),
    };
    let all: Vec<String> = sizes.tables().cloned().collect();
    let ahead = data::Ahead(schema::left(schema::tasks(&conversion, &all, weigh).iter().map(Task::weight), hands(dialect, options.jobs)));
    let copy = data::copy(from, to, &data::Options { ahead, schema_follows: true, ..options.clone() }, reporter).await?;
    let copied = Copied { bytes: sizes.all(), in_s: lap.elapsed().as_secs_f64() };
    stages.push(Stage { name: "rows", seconds: copied.in_s });
    lap = Instant::now();
    let analyzed: Vec<String> =
        copy.tables.iter().filter(|t| t.rows_copied > 0 || copy.pass == 1).map(|t| format!("{}.{}", t.schema, t.name)).collect();
    let tasks = schema::tasks(&conversion, &analyzed, weigh);
    let built = build(to, tasks, dialect, options.jobs, copied, ahead.0, reporter).await?;
    data::schema_made(to).await?;
    stages.push(Stage { name: "indexes, keys and statistics", seconds: lap.elapsed().as_secs_f64() });
    lap = Instant::now();
    let sequences = data::set_sequences(from, to, what.sequence_headroom).await?;
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

/// Sends statements one at a time, on another session where the first breaks: each finds what it was to make when only the answer was lost.
struct Sender {
    to: Connector,
    dialect: Dialect,
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Sender {
    async fn send(&self, sql: &str) -> Result<()> {
        let mut session = self.session.lock().await;
        let mut tries = data::Tries::new()?;
        loop {
            let open = match session.take().filter(|session| !session.is_closed()) {
                Some(open) => Ok(open),
                None => data::builder(&self.to).await,
            };
            let sent = match open {
                Ok(open) => schema::send(session.insert(open), self.dialect, sql).await,
                Err(error) => Err(error),
            };
            match sent {
                Err(error) => tries.after(error).await?,
                done => return done,
            }
        }
    }
}

/// How many statements go at a time after the rows: on DSQL one, because definitions there end each other in conflicts.
fn hands(dialect: Dialect, jobs: usize) -> usize {
    if dialect == Dialect::Dsql { 1 } else { jobs.max(1) }
}

/// Runs what follows the rows on several sessions.
async fn build(
    to: &Connector,
    tasks: Vec<Task>,
    dialect: Dialect,
    jobs: usize,
    copied: Copied,
    ahead: u64,
    reporter: &Reporter,
) -> Result<schema::Built> {
    let jobs = hands(dialect, jobs);
    let senders = (0..jobs).map(|_| Sender { to: to.clone(), dialect, session: tokio::sync::Mutex::new(None) }).collect();
    let bar = Bar::new(&tasks, jobs, copied, ahead, reporter);
    let told = |task: &Task, done: bool| bar.told(task, done);
    let run = |sender: Arc<Sender>, sql: String| async move { sender.send(&sql).await };
    let building = schema::build(tasks, senders, dialect, run, told);
    if dialect == Dialect::Dsql {
        return building.await;
    }
    tokio::select! {
        built = building => built,
        () = data::builds(to, |builds| bar.seen(&builds)) => Err(Error::bug("the watch of the index builds ended")),
    }
}

/// What was copied before, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Copied {
    bytes: u64,
    in_s: f64,
}

/// How far the work after the rows is, on the same bar as the rows.
struct Bar<'a> {
    state: Mutex<BarState>,
    jobs: usize,
    /// What is left at first, as [`schema::left`] reckons.
    total: u64,
    copied: Copied,
    ahead: u64,
    began: Instant,
    reporter: &'a Reporter,
}

struct BarState {
    /// Weights of the tasks that have not begun, by id.
    pending: Vec<(String, u64)>,
    at_work: Vec<AtWork>,
    /// Weight of what is done.
    done: f64,
}

struct AtWork {
    task: Task,
    /// What the server says of it.
    share: f64,
    phase: String,
}

impl AtWork {
    /// Reading the table is not all of it.
    fn done(&self) -> f64 {
        self.task.weight() as f64 * self.share * 0.9
    }
}

impl<'a> Bar<'a> {
    fn new(tasks: &[Task], jobs: usize, copied: Copied, ahead: u64, reporter: &'a Reporter) -> Self {
        let pending = tasks.iter().map(|task| (task.id.clone(), task.weight())).collect();
        let state = BarState { pending, at_work: Vec::new(), done: 0.0 };
        let total = schema::left(tasks.iter().map(Task::weight), jobs);
        Self { state: Mutex::new(state), jobs, total, copied, ahead, began: Instant::now(), reporter }
    }

    fn told(&self, task: &Task, done: bool) {
        let Ok(mut state) = self.state.lock() else { return };
        if done {
            state.done += task.weight() as f64;
            state.at_work.retain(|work| work.task.id != task.id);
        } else {
            state.pending.retain(|(id, _)| *id != task.id);
            state.at_work.push(AtWork { task: task.clone(), share: 0.0, phase: String::new() });
        }
        self.tell(&state);
    }

    fn seen(&self, builds: &[data::Building]) {
        let Ok(mut state) = self.state.lock() else { return };
        for build in builds {
            if let Some(work) = state.at_work.iter_mut().find(|work| work.task.is_run_by(&build.statement)) {
                (work.share, work.phase) = (build.share, build.phase.clone());
            }
        }
        self.tell(&state);
    }

    fn tell(&self, state: &BarState) {
        let under_way = state.at_work.iter().map(|work| (work.task.weight() as f64 - work.done()) as u64);
        let left = schema::left(state.pending.iter().map(|(_, weight)| *weight).chain(under_way), self.jobs);
        let share = 1.0 - (left as f64 / self.total.max(1) as f64).min(1.0);
        let elapsed = self.began.elapsed().as_secs_f64();
        // By the clock of this part once it says something, before by that of the copy.
        let worked = state.done + state.at_work.iter().map(AtWork::done).sum::<f64>();
        let speed = if share > 0.1 && elapsed > 1.0 { worked / elapsed } else { self.copied.bytes as f64 / self.copied.in_s.max(0.001) };
        let parts = state.at_work.iter().map(|work| Part {
            name: work.task.id.clone(),
            done: (work.share * 100.0) as u64,
            total: Some(100),
            unit: Unit::Steps,
            note: work.phase.clone(),
            remaining_s: None,
        });
        self.reporter.report(Progress {
            remaining_s: (speed > 0.0).then(|| (left as f64 / speed).ceil() as u64),
            parts: parts.collect(),
            ..Progress::new(
                self.copied.bytes + (self.ahead as f64 * share) as u64,
                Some(self.copied.bytes + self.ahead),
                Unit::Bytes,
                state.at_work.iter().map(|work| work.task.id.as_str()).collect::<Vec<_>>().join(", "),
            )
        });
    }
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
