//! `data …` and `worker`: the mover on its own. Each is one call of the room `data`, told in words or as JSON.
//! No domain knowledge here: arguments in, words or JSON out.

use super::telling::{out_event, reporter};
use super::{connections, out, whole};
use crate::cli::{CopyArgs, DataArgs, DiffArgs, FinishArgs, LimitsArg, RunArgs, TargetArgs};
use crate::data::{self, CopyReport, Existing, Limits};
use crate::error::Result;
use crate::postgres::Connector;
use crate::progress::{Reporter, aside};
use crate::text;

pub async fn sides(args: &RunArgs, what: &DataArgs) -> Result<(Connector, Connector)> {
    let from = connections::source(args, what.source.as_deref(), &what.source_env).await?;
    let to = connections::target(args, what.target.as_deref(), &what.target_env).await?;
    Ok((from, to))
}

/// What both sides are to be compared in.
pub fn options(what: &DataArgs) -> data::Options {
    let mut options = data::Options { jobs: what.jobs.max(1), chunk_rows: what.chunk_rows, ..data::Options::default() };
    options.choice.only.clone_from(&what.only);
    options.choice.except.clone_from(&what.except);
    options
}

pub fn copy_options(what: &CopyArgs) -> Result<data::Options> {
    let mut options = options(&what.data);
    options.existing = if what.replace { Existing::Replace } else { Existing::Refuse };
    options.limits = match what.limits {
        Some(LimitsArg::Dsql) => Some(Limits::dsql()?),
        None => None,
    };
    Ok(options)
}

pub async fn copy(args: &RunArgs, what: &CopyArgs) -> Result<u8> {
    let (from, to) = sides(args, &what.data).await?;
    let options = copy_options(what)?;
    if args.dry_run {
        return plan(args, what, &from, &to, &options).await;
    }
    if what.with_schema {
        let teller = reporter(args);
        let done = unless_interrupted(whole::run(&from, &to, what, &options, &teller)).await;
        drop(teller);
        let Some(done) = done? else { return interrupted() };
        return told(args, &done.copy, &serde_json::to_value(&done).unwrap_or_default(), done.seconds, &done.words());
    }
    let teller = reporter(args);
    let report = unless_interrupted(data::copy(&from, &to, &options, &teller)).await;
    drop(teller);
    let Some(report) = report? else { return interrupted() };
    let sequences = data::set_sequences(&from, &to, what.sequence_headroom).await?;
    let value = serde_json::json!({ "copy": report, "sequences": sequences });
    let words = format!("{} set", text::plural(sequences.set.len() as u64, "sequence"));
    told(args, &report, &value, report.seconds, &words)
}

/// What is done, or nothing when a person ends it: then the servers are asked to give up what runs for us.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    let done = tokio::select! {
        done = work => Some(done?),
        _ = tokio::signal::ctrl_c() => None,
    };
    if done.is_none() {
        // Sessions that end amid a statement cancel it, each on a connection of its own.
        tokio::time::sleep(GIVEN_UP).await;
    }
    Ok(done)
}

/// Time for servers to hear that their statements are not wanted any more.
const GIVEN_UP: std::time::Duration = std::time::Duration::from_millis(500);

pub fn interrupted() -> Result<u8> {
    aside(format_args!("interrupted: nothing is lost. Next: the same command goes on from here"));
    Ok(130)
}

/// The end of a copy, in words or as the last event.
pub fn told(args: &RunArgs, report: &CopyReport, value: &serde_json::Value, seconds: f64, words: &str) -> Result<u8> {
    let clean = report.quarantine.is_empty() && report.conflicts.is_empty();
    if args.json {
        out_event("report", value)?;
        return Ok(u8::from(!clean));
    }
    for note in &report.notes {
        out(format!("note: {note}"));
    }
    for row in &report.quarantine {
        out(format!("set aside  {} {}: {}", row.table, row.key, row.reason));
    }
    for row in &report.conflicts {
        out(format!("conflict   {} {}: {}", row.table, row.key, row.reason));
    }
    let mut line = format!(
        "{} {}, {} were equal, {}, {words}, {seconds:.1} s",
        text::plural(report.rows_copied, "row"),
        if report.way_back { "carried back" } else { "copied" },
        text::count(report.rows_equal),
        text::plural(report.tables.len() as u64, "table"),
    );
    if report.schema_follows {
        line.push_str("; indexes, keys and what else was to follow the rows are still to be made");
    }
    if report.large_objects > 0 {
        line.push_str(&format!(", {}", text::plural(report.large_objects, "large object")));
    }
    if !report.consistent {
        line.push_str("; the readers did not share a moment: the result is right only if nothing was written meanwhile");
    }
    if !report.quarantine.is_empty() {
        line.push_str(&format!("; with {} quarantined", report.quarantine.len()));
    }
    if !report.conflicts.is_empty() {
        line.push_str(&format!("; {} left as they are on both sides", text::plural(report.conflicts.len() as u64, "conflict")));
    }
    let next = match (report.quarantine.is_empty(), report.conflicts.is_empty()) {
        (true, true) if report.schema_follows => "migrate-wizard data copy --with-schema makes them",
        (_, false) => "mend the rows that are named on one side or the other, then run the same command again",
        (false, _) => "mend the rows that are named on the source, or live without them; the same command tries them again",
        (true, true) => "migrate-wizard data verify",
    };
    if !report.as_of.is_empty() && !report.way_back {
        out(format!("equal to the source as it was at {}; what was written since comes with the next copy", report.as_of));
    }
    out(format!("{line}. Next: {next}"));
    Ok(u8::from(!clean))
}

/// `--dry-run`: what would be done, read from both sides; nothing is written.
async fn plan(args: &RunArgs, what: &CopyArgs, from: &Connector, to: &Connector, options: &data::Options) -> Result<u8> {
    let forecast = whole::forecast(from, to, what, options).await?;
    if args.json {
        out_event("plan", &forecast)?;
        return Ok(0);
    }
    for line in forecast.lines() {
        out(line);
    }
    out("nothing was written. Next: the same command without --dry-run");
    Ok(0)
}

pub async fn verify(args: &RunArgs, what: &DataArgs) -> Result<u8> {
    let (from, to) = sides(args, what).await?;
    let teller = reporter(args);
    let report = data::verify(&from, &to, &options(what), &teller).await;
    drop(teller);
    let report = report?;
    if args.json {
        out_event("report", &report)?;
        return Ok(u8::from(!report.equal));
    }
    for table in &report.tables {
        let aside = if table.quarantined > 0 { format!("  ({} quarantined)", table.quarantined) } else { String::new() };
        out(format!(
            "{} {:>12} {:>12}  {}.{}{aside}",
            if table.equal { "equal  " } else { "differs" },
            table.source_rows,
            table.target_rows,
            table.schema,
            table.name
        ));
        for range in &table.different {
            out(format!("                                   {range}"));
        }
    }
    for sequence in report.sequences.iter().filter(|s| !s.ahead) {
        out(format!("behind  sequence {}: a value in use is past its last one", sequence.sequence));
    }
    let aside =
        if report.quarantined > 0 { format!(", but for {} quarantined", text::plural(report.quarantined, "row")) } else { String::new() };
    let (verdict, next) = match (report.tables.iter().all(|table| table.equal), report.equal) {
        (false, _) => ("different", ". Next: migrate-wizard data diff names the rows, migrate-wizard data copy mends them"),
        (true, _) if report.schema_follows => (
            "equal",
            "; indexes, keys and what else was to follow the rows are still to be made. Next: migrate-wizard data copy --with-schema",
        ),
        (true, false) => ("equal", "; sequences are behind. Next: migrate-wizard data copy sets them"),
        (true, true) => ("equal", ""),
    };
    out(format!("\n{} in {}: {verdict}{aside}{next}", text::plural(report.rows, "row"), text::plural(report.tables.len() as u64, "table")));
    Ok(u8::from(!report.equal))
}

pub async fn diff(args: &RunArgs, what: &DiffArgs) -> Result<u8> {
    let (from, to) = sides(args, &what.data).await?;
    let teller = reporter(args);
    let diff = data::diff(&from, &to, &options(&what.data), what.rows, &teller).await;
    drop(teller);
    let diff = diff?;
    let code = u8::from(!diff.tables.is_empty());
    if args.json {
        out_event("report", &diff)?;
        return Ok(code);
    }
    for table in &diff.tables {
        out(format!(
            "{}.{}: {} only on the source, {} only on the target, {} with other values{}",
            table.schema,
            table.name,
            text::count(table.only_source),
            text::count(table.only_target),
            text::count(table.changed),
            if table.not_told.is_empty() { String::new() } else { format!("; {}", table.not_told) }
        ));
        for row in &table.rows {
            let how = match row.how.as_str() {
                "only_source" => "source only".to_owned(),
                "only_target" => "target only".to_owned(),
                _ => format!("differs in {}", row.columns.join(", ")),
            };
            out(format!("  {}  {how}", serde_json::Value::from(row.key.clone())));
        }
        let named = table.rows.len() as u64;
        let all = table.only_source + table.only_target + table.changed;
        if all > named {
            out(format!("  and {} more: --rows {all} names them all", text::count(all - named)));
        }
    }
    if diff.tables.is_empty() && diff.quarantined > 0 {
        out(format!(
            "every table is equal, but for {} quarantined. Next: migrate-wizard data status names them",
            text::plural(diff.quarantined, "row")
        ));
    } else if diff.tables.is_empty() {
        out("every table is equal. Next: migrate-wizard data verify, which looks at sequences too");
    } else {
        out("Next: migrate-wizard data copy makes the target equal to the source");
    }
    Ok(code)
}

pub async fn status(args: &RunArgs, what: &TargetArgs) -> Result<u8> {
    let to = connections::target(args, what.target.as_deref(), &what.target_env).await?;
    let status = data::status(&to).await?;
    if args.json {
        out_event("status", &status)?;
        return Ok(0);
    }
    if !status.begun {
        out("no ledger on the target: no copy was begun, or it was finished. Next: migrate-wizard data copy");
        return Ok(0);
    }
    for table in &status.tables {
        out(format!(
            "{:>6} of {:<6} {:>12}  {:>9}  {}",
            table.settled,
            table.chunks,
            text::plural(table.rows, "row"),
            text::bytes(table.bytes),
            table.table
        ));
    }
    for worker in &status.workers {
        out(format!("at work  {} at {}, chunk {}", worker.worker, worker.table, worker.chunk + 1));
    }
    for row in &status.quarantine {
        out(format!("set aside  {} {}: {}", row.table, row.key, row.reason));
    }
    for row in &status.conflicts {
        out(format!("conflict   {} {}: {}", row.table, row.key, row.reason));
    }
    for id in &status.set_aside {
        out(format!("to be put back  {id}"));
    }
    let (settled, chunks): (u64, u64) = status.tables.iter().fold((0, 0), |sum, t| (sum.0 + t.settled, sum.1 + t.chunks));
    let words = match (status.state.as_str(), status.alive) {
        ("ended", _) if status.schema_follows => {
            "ended; indexes, keys and what else was to follow the rows are at work or still to be made. Next: migrate-wizard data copy --with-schema goes on"
        }
        ("ended", _) if !status.conflicts.is_empty() => {
            "ended with conflicts. Next: mend the rows that are named, then migrate-wizard data copy"
        }
        ("ended", _) => "ended. Next: migrate-wizard data verify",
        (_, true) => "at work",
        (_, false) => "stopped before its end. Next: migrate-wizard data copy goes on",
    };
    out(format!("pass {}: {settled} of {} settled, {words}", status.pass, text::plural(chunks, "chunk")));
    Ok(0)
}

pub async fn finish(args: &RunArgs, what: &FinishArgs) -> Result<u8> {
    let to = connections::target(args, what.target.target.as_deref(), &what.target.target_env).await?;
    if args.dry_run {
        out("would put back what is set aside and drop schema migrate_wizard on the target; nothing was written");
        return Ok(0);
    }
    if data::finish(&to, what.anyway).await? {
        out(format!("the ledger is gone from {}; its rows are the app's now, and the way back by `data copy` is closed", to.label()));
    } else {
        out(format!("there is no ledger on {}: nothing to remove", to.label()));
    }
    Ok(0)
}

/// Log lines and now and then how far it is, for a task whose output somebody collects.
pub async fn worker(args: &RunArgs, what: &CopyArgs) -> Result<u8> {
    let (from, to) = sides(args, &what.data).await?;
    let teller: Reporter = reporter(args);
    let options = copy_options(what)?;
    let report = unless_interrupted(data::copy(&from, &to, &options, &teller)).await;
    drop(teller);
    let Some(report) = report? else { return interrupted() };
    let value = serde_json::json!({ "copy": report });
    told(args, &report, &value, report.seconds, "sequences untouched")
}
