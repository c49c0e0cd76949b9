//! A pass: every chunk of every common table made equal to one moment of the source, by several workers that share the ledger.
//! Safe to drop at any await and to run again: what is settled stays settled, and a new pass copies only what differs.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use crate::data::again::{self, Tries};
use crate::data::cuts::Cutting;
use crate::data::horizon::{self, Horizon};
use crate::data::ledger::{self, Ledger};
use crate::data::limits::Limits;
use crate::data::open::{self, Opened};
use crate::data::options::{CopyReport, Options};
use crate::data::pass::{self, Opening, PassRow};
use crate::data::plan::{Digest, Plan, TablePlan, plan};
use crate::data::preflight::preflight;
use crate::data::tally::Tally;
use crate::data::worker::{Crew, Worker, is_pass_lost, pass_lost, short_id};
use crate::data::{aside, back, catalog, large_objects, quarantine, watch};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::{Access, Connector, Session};
use crate::progress::Reporter;

/// Makes the target's tables equal to the source's. The source is only read.
///
/// A lost connection begins a new pass by itself, as often as `patience` says without progress in between; one that never was is an error.
/// Where another process is at work on the same target with the same tables, this one shares its pass.
pub async fn copy(source: &Connector, target: &Connector, options: &Options, reporter: &Reporter) -> Result<CopyReport> {
    open::distinct(source, target)?;
    let start = Instant::now();
    let (mut tries, mut settled, mut met) = (0, 0, false);
    loop {
        let (outcome, now) = one_pass(source, target, options, reporter, start, &mut met).await;
        let error = match outcome {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        if now > settled {
            (tries, settled) = (0, now);
        }
        tries += 1;
        // Where no server ever answered an address is wrong, not a line broken.
        let wrong = !met && sqlstate(&error).is_none();
        if !again::transient(&error) || wrong || tries > options.patience {
            return Err(error);
        }
        reporter.log(format!("{}; begins anew, try {tries} of {}", error.line(), options.patience));
        tokio::time::sleep(Duration::from_millis(250 << tries.min(5))).await;
    }
}

/// One pass, and how many chunks it settled, whether it ended or not.
async fn one_pass(
    source: &Connector,
    target: &Connector,
    options: &Options,
    reporter: &Reporter,
    start: Instant,
    met: &mut bool,
) -> (Result<CopyReport>, u64) {
    let opened = match begin(source, target, options, reporter, met).await {
        Ok(opened) => opened,
        Err(error) => return (Err(error), 0),
    };
    if let Some(way_back) = &opened.way_back {
        return (back::carry(&opened, way_back, source, target, options, reporter, start).await, 0);
    }
    if options.schema_follows
        && let Err(error) = pass::schema_follows(&opened.to.session, opened.pass).await
    {
        return (Err(error), 0);
    }
    let tally = Tally::new(&opened.plan, reporter, options.ahead);
    let result = run(source, target, &opened, options, &tally, start).await;
    let settled = tally.tables().iter().map(|t| t.chunks_copied + t.chunks_equal).sum();
    (result, settled)
}

/// A pass that is begun or joined, with the sessions that lead it.
#[derive(Debug)]
pub struct Begun {
    pub lead: Opened,
    pub to: Opened,
    pub plan: Plan,
    pub pass: i32,
    resumed: bool,
    /// This process cuts the tables; another one does where it is false.
    leads: bool,
    pub snapshot: Option<String>,
    as_of: String,
    bases: BTreeMap<i32, Horizon>,
    pub empty: Vec<bool>,
    /// The moment of the target before this pass wrote.
    pub there: Option<Horizon>,
    pub way_back: Option<back::WayBack>,
}

/// `met`: both servers let us in.
async fn begin(source: &Connector, target: &Connector, options: &Options, reporter: &Reporter, met: &mut bool) -> Result<Begun> {
    let (lead, to) = tokio::try_join!(open::reader(source, None), open::writer(target))?;
    *met = true;
    // The first statement of the moment: what is open is looked at when it is taken.
    let now = Horizon::of_new(&lead).await?;
    open::distinct_servers(&lead, &to).await?;
    let identity = horizon::identity(&lead, source).await;
    let of_source = async { if lead.dsql { catalog::read(&lead.session).await } else { catalog::read_with_sizes(&lead.session).await } };
    let (from_tables, to_tables) = tokio::try_join!(of_source, catalog::read(&to.session))?;
    let digest = if lead.dsql || to.dsql { Digest::Md5 } else { Digest::Hash };
    let mut plan = plan(&from_tables, &to_tables, &options.choice, digest)?;
    for table in &mut plan.tables {
        // Without COPY rows are read as text.
        table.binary &= !lead.dsql;
    }
    let way_back = back::recognise(&lead, &to, source, target).await?;
    if options.only_back && way_back.is_none() {
        return Err(back::not_known(&lead));
    }
    let empty = preflight(&plan, &to, options.existing, way_back.is_some()).await?;
    ledger::create(&to.session).await?;
    let last = pass::last_pass(&to.session, to.dsql).await?;
    let choice = options.choice.text();
    let pass = last.as_ref().map_or(1, |last| last.pass + 1);
    let resumed = last.as_ref().is_some_and(|last| last.state != "ended");
    if let Some(other) = last
        && other.at_work()
    {
        pass::joinable(&other, &identity, &choice)?;
        let lost = match &other.snapshot {
            Some(snapshot) => !joins(&lead, snapshot).await?,
            None => false,
        };
        if !lost {
            reporter.log(format!("shares pass {} with the process that began it", other.pass));
            return opened(lead, to, plan, other.pass, other.state == "open", false, other.snapshot.clone(), empty, way_back).await;
        }
        if !to.dsql {
            return Err(pass_lost());
        }
        // Its lease has not ended, but its moment of the source has: the process is gone.
        lead.session.rollback().await?;
        open::at(&lead.session, None).await?;
    }
    if resumed {
        reporter.log(format!("pass {} did not end: pass {pass} copies what is missing and what changed since", pass - 1));
    }
    let snapshot = open::export(&lead).await?;
    let there = Horizon::of_new(&to).await?;
    if snapshot.is_none() {
        plan.notes
            .push("the source cannot share a moment among readers: each statement sees its own, so writes must have stopped".to_owned());
    }
    let (now, there) = (now.as_ref().map(Horizon::text), there.as_ref().map(Horizon::text));
    let opening =
        Opening { snapshot: snapshot.as_deref(), source: &identity, horizon: now.as_deref(), there: there.as_deref(), choice: &choice };
    if !pass::begin_pass(&to.session, pass, &opening, to.dsql).await? {
        return Err(Error::new(Kind::Unreachable, "another process began a pass at the same moment")
            .hint("run the same command again: it shares that pass"));
    }
    opened(lead, to, plan, pass, resumed, true, snapshot, empty, way_back).await
}

/// Sees the source at another process's moment; `false` when that is gone.
async fn joins(lead: &Opened, snapshot: &str) -> Result<bool> {
    lead.session.rollback().await?;
    match open::at(&lead.session, Some(snapshot)).await {
        Ok(()) => Ok(true),
        Err(error) if open::moment_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

#[allow(clippy::too_many_arguments)]
async fn opened(
    lead: Opened,
    to: Opened,
    plan: Plan,
    pass: i32,
    resumed: bool,
    leads: bool,
    snapshot: Option<String>,
    empty: Vec<bool>,
    way_back: Option<back::WayBack>,
) -> Result<Begun> {
    let all = pass::passes(&to.session, to.dsql).await?;
    let now = Horizon::of(&lead).await?;
    let own = all.iter().find(|row| row.pass == pass);
    let bases = bases(&all, pass, own.map(|row| row.source.as_str()).unwrap_or_default(), now.as_ref());
    let there = own.and_then(|row| Horizon::parse(row.there.as_deref()?));
    let as_of = if snapshot.is_some() { moment(&lead.session).await? } else { String::new() };
    Ok(Begun { lead, to, plan, pass, resumed, leads, snapshot, as_of, bases, empty, there, way_back })
}

/// When the transaction of the shared moment began.
async fn moment(lead: &Session) -> Result<String> {
    lead.value("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"')", &[]).await
}

/// The moments of earlier passes; one of another database, or of this one before it was set back, says nothing.
fn bases(all: &[PassRow], pass: i32, source: &str, now: Option<&Horizon>) -> BTreeMap<i32, Horizon> {
    let comparable = |row: &PassRow| {
        let base = Horizon::parse(row.horizon.as_deref()?)?;
        (row.pass != pass && row.source == source && base.reaches(now?)).then_some((row.pass, base))
    };
    all.iter().filter_map(comparable).collect()
}

impl Begun {
    /// What the workers of this process share.
    pub async fn crew<'a>(&'a self, source: &'a Connector, target: &'a Connector, options: &Options, tally: &'a Tally) -> Result<Crew<'a>> {
        let batch_limits = Limits::dsql()?;
        let limits = if self.to.dsql { Some(options.limits.unwrap_or(batch_limits)) } else { options.limits };
        let share = |bytes: usize| (bytes / options.jobs.max(1)).max(256 << 10);
        Ok(Crew {
            plan: &self.plan,
            source,
            target,
            snapshot: self.snapshot.clone(),
            process: short_id(),
            bases: self.bases.clone(),
            limits,
            batch_limits,
            // All batches in hand together stay within this.
            copy_bytes: share(COPIES),
            insert_bytes: share(INSERTS).min(INSERT),
            by_copy: limits.is_some() && (!self.to.dsql || takes_copy(target).await?),
            empty: self.empty.clone(),
            tables: self.plan.tables.iter().map(TablePlan::label).collect(),
            cleared: tokio::sync::Mutex::new(HashSet::new()),
            settled: tokio::sync::Notify::new(),
            tally,
        })
    }
}

async fn run(
    source: &Connector,
    target: &Connector,
    begun: &Begun,
    options: &Options,
    tally: &Tally,
    start: Instant,
) -> Result<CopyReport> {
    let jobs = options.jobs.max(1);
    let dsql = begun.to.dsql;
    let crew = begun.crew(source, target, options, tally).await?;
    let limits = crew.limits;
    let ledger = Ledger::new(begun.pass, "lead", dsql);
    let leads = begun.leads.then_some(begun.pass);
    if dsql {
        // Before the first chunk is held in its name.
        pass::keep(&begun.to.session, &crew.process, leads).await?;
    }
    let cut = async { if begun.leads { cut(Cutting::new(begun, target, &ledger, options, limits)).await } else { Ok(()) } };
    let work = async { futures_util::future::try_join_all((0..jobs).map(|number| one_worker(&crew, begun.pass, number))).await };
    let watching = watch::copies(target, tally, dsql);
    let keeping = keep(target, &crew.process, leads, dsql);
    let all = async {
        tokio::try_join!(cut, work)?;
        finish(begun, target, &ledger, tally, start).await
    };
    tokio::select! {
        done = all => done.map(|report| CopyReport { schema_follows: report.schema_follows && !options.schema_follows, ..report }),
        () = keeping => Err(Error::bug("the signs of life ended")),
        () = watching => Err(Error::bug("the watch of the copies ended")),
    }
}

/// Cuts every table, by sessions of its own until it is done.
async fn cut(mut cutting: Cutting<'_>) -> Result<()> {
    let mut tries = Tries::new()?;
    loop {
        match cutting.cut_all().await {
            // The moment went with its session, or the pass to another process.
            Err(error) if !is_pass_lost(&error) && !cutting.begun.lead.session.is_closed() => tries.after(error).await?,
            other => return other,
        }
    }
}

/// Ends the pass, likewise.
async fn finish(begun: &Begun, target: &Connector, ledger: &Ledger, tally: &Tally, start: Instant) -> Result<CopyReport> {
    let mut tries = Tries::new()?;
    loop {
        let done = async { finish_pass(begun, &open::writer(target).await?, ledger, tally, start).await };
        match done.await {
            Err(error) if !begun.lead.session.is_closed() => tries.after(error).await?,
            other => return other,
        }
    }
}

/// Bytes of all batches of a process by COPY, and by INSERT: there a batch is in memory as its rows, their statement, its message, and on
/// its way. One by INSERT is no larger than the last figure: measured with 600,000 rows of mixed width, the process then takes 57 MiB with two
/// jobs and 56 with eight; with 4 MiB and one job it was 67.
const COPIES: usize = 12 << 20;
const INSERTS: usize = 4 << 20;
const INSERT: usize = 2 << 20;

async fn one_worker(crew: &Crew<'_>, pass: i32, number: usize) -> Result<()> {
    Worker::open(crew, pass, number).await?.work().await
}

/// Gives signs of life for ever, where the server cannot see whether this process is there. One that fails is made up for by the next:
/// whoever takes the process for dead only does its work again.
async fn keep(target: &Connector, process: &str, leads: Option<i32>, dsql: bool) {
    if !dsql {
        return std::future::pending().await;
    }
    let mut session: Option<Session> = None;
    loop {
        tokio::time::sleep(pass::HEARTBEAT).await;
        if session.as_ref().is_none_or(Session::is_closed) {
            session = target.connect(Access::ReadWrite).await.ok();
        }
        if let Some(to) = &session
            && pass::keep(to, process, leads).await.is_err()
        {
            session = None;
        }
    }
}

/// Whether batches may go to DSQL by COPY: asked of the target itself, because what DSQL says of it is told in two ways; on a session of its own,
/// which a refusal leaves of no use.
async fn takes_copy(target: &Connector) -> Result<bool> {
    let to = open::writer(target).await?;
    let sql = "copy migrate_wizard.quarantine (\"table\", key) from stdin";
    let nothing: crate::postgres::session::Frames = Box::pin(futures_util::stream::empty());
    match to.session.copy_in(sql, nothing, |_| {}).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind == Kind::Unreachable => Err(error),
        Err(_) => Ok(false),
    }
}

async fn finish_pass(begun: &Begun, to: &Opened, ledger: &Ledger, tally: &Tally, start: Instant) -> Result<CopyReport> {
    if !to.dsql {
        aside::restore(&to.session).await?;
        to.session.settings(&[("synchronous_commit", "on")]).await?;
    }
    let mut notes = begun.plan.notes.clone();
    notes.extend(tally.notes());
    let large_objects = large_objects::copy(&begun.lead, to, &mut notes).await?;
    quarantine::prune(&begun.lead.session, &to.session, &begun.plan).await?;
    ledger.close(&to.session).await?;
    if to.dsql {
        pass::forget_processes(&to.session).await?;
    }
    tally.last();
    let tables = tally.tables();
    Ok(CopyReport {
        pass: begun.pass,
        resumed: begun.resumed,
        consistent: begun.snapshot.is_some(),
        rows_copied: tables.iter().map(|table| table.rows_copied).sum(),
        rows_equal: tables.iter().map(|table| table.rows_equal).sum(),
        tables,
        bytes: tally.bytes(),
        retries: tally.retries(),
        quarantine: quarantine::set_aside(&to.session, "quarantine").await?,
        conflicts: Vec::new(),
        large_objects,
        as_of: begun.as_of.clone(),
        schema_follows: ledger::schema_follows(&to.session).await?,
        way_back: false,
        seconds: start.elapsed().as_secs_f64(),
        notes,
    })
}
