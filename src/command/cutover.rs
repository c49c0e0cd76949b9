//! `cutover …`: the runbook as plan, as checklist and as it stands; rehearsing it; going.
//! Decides no step: it opens the run, which does.

use std::path::Path;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use serde_json::json;

use super::run::{answers, checked_books, open_with};
use super::{flavour, out, out_json, plan};
use crate::app;
use crate::cli::{CutoverAtArgs, CutoverCmd, CutoverPlanArgs, RunArgs};
use crate::effects::{self, Moment, Rehearsal, Setup, moment};
use crate::error::{Context, Error, Kind, Result};
use crate::runs::{self, Found};
use crate::text;
use crate::wizard::journal::Source;
use crate::wizard::plan::{Books, Suggestion};
use crate::wizard::runbook::{Line, Runbook, runbook, writes_stopped};
use crate::wizard::state::{End, State, Status};
use crate::wizard::template::plain;

/// The question that T is the answer to.
const AT: &str = "cutover_at";

pub async fn run(args: &RunArgs, what: &CutoverCmd) -> Result<u8> {
    match what {
        CutoverCmd::Plan(what) => show(args, what),
        CutoverCmd::Status => status(args),
        CutoverCmd::Rehearse => rehearse(args).await,
        CutoverCmd::Go(what) => go(args, what).await,
    }
}

fn asked(at: &CutoverAtArgs) -> Result<Option<Moment>> {
    at.at
        .as_deref()
        .map(|text| moment(text).map_err(|error| Error { what: format!("--at: {}", error.what), kind: Kind::Usage, ..error }))
        .transpose()
}

fn of(args: &RunArgs, state: &State) -> Result<Runbook> {
    let (_, books) = checked_books(args, "move")?;
    let answers = answers(args, &books)?;
    runbook(&books, state, &answers, &runs::rehearsed(&args.dir), &effects::registry()).ok_or_else(|| {
        Error::new(Kind::Input, "no step of these playbooks has a time")
            .hint("give the steps of the cutover `at = \"T-1h\"`, or leave --playbooks out")
    })
}

/// The newest run that is open, or one that has only begun.
fn newest(args: &RunArgs) -> Result<Option<Found>> {
    Ok(runs::newest(&args.dir, flavour(args))?.filter(|found| found.state.ended.is_none()))
}

/// T as it was answered; `None` for "now" and where nothing was.
fn answered(state: &State) -> Option<Zoned> {
    let text = state.steps.get(AT)?.answer.as_ref()?.0.as_str()?.to_owned();
    match moment(&text) {
        Ok(Moment::At(at)) => Some(at),
        Ok(Moment::Now) | Err(_) => None,
    }
}

fn show(args: &RunArgs, what: &CutoverPlanArgs) -> Result<u8> {
    let state = match newest(args)? {
        Some(found) => found.state,
        None => {
            app::must_be_app(&args.dir)?;
            plan::fresh(args)?
        }
    };
    let book = of(args, &plan::with_scan(args, state.clone()))?;
    let t = match asked(&what.at)? {
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Now) => Some(Zoned::now()),
        None => answered(&state),
    };
    if args.json {
        out_json(&json!({ "t": t.as_ref().map(Zoned::to_string), "runbook": book }))?;
        return Ok(0);
    }
    if what.markdown {
        let text = checklist(&book, t.as_ref());
        match &what.out {
            None => out(text.trim_end()),
            Some(path) => {
                std::fs::write(path, text).or_fail(
                    Kind::Input,
                    format!("cannot write {}", path.display()),
                    "name a file that can be written",
                )?;
                out(format!("wrote {}", path.display()));
            }
        }
        return Ok(0);
    }
    if let Some(t) = &t {
        let zone = if what.at.at.as_deref().is_some_and(is_without_zone) { " (no zone was named: this machine's)" } else { "" };
        out(format!("T is {}{zone}, {}", t.strftime("%A %-d %B %Y %H:%M %Q"), from_now(t)));
        if Timestamp::now().duration_since(t.timestamp()).as_secs() > 60 {
            out("! T has passed: `cutover go` would refuse it");
        }
        out("");
    }
    let width = book.lines.iter().map(|line| line.owner.len()).max().unwrap_or(0);
    for line in &book.lines {
        out(format!(
            "{:<7} {:<14} {:<width$} {:<18} {:<22} {}",
            line.at,
            clock(t.as_ref(), line),
            line.owner,
            takes(line),
            line.step,
            line.title
        ));
        if let Some(why) = &line.abort_if {
            out(format!("{:60} stop if {why}", ""));
        }
        if let Some(why) = &line.irreversible {
            out(format!("{:60} ! cannot be undone: {why}", ""));
        }
    }
    out(format!("\n{}", summary(&book).join("\n")));
    out("Nothing was touched. Next: migrate-wizard cutover rehearse, then migrate-wizard cutover go");
    Ok(0)
}

/// A day and hour alone: it is read in this machine's zone.
fn is_without_zone(text: &str) -> bool {
    let has_zone_word = text.trim().rsplit_once(' ').is_some_and(|(_, last)| last.starts_with(|c: char| c.is_ascii_alphabetic()));
    text.trim() != "now" && !has_zone_word && text.trim().parse::<Timestamp>().is_err()
}

/// The hour of a line; empty while T is open.
fn clock(t: Option<&Zoned>, line: &Line) -> String {
    let at = t.and_then(|t| t.checked_add(jiff::SignedDuration::from_secs(line.offset_s)).ok());
    at.map(|at| at.strftime("%a %-d %b %H:%M").to_string()).unwrap_or_default()
}

fn takes(line: &Line) -> String {
    let told = |ms: u64| text::duration(Duration::from_millis(ms));
    match (line.rehearsed_ms, line.estimate_ms) {
        (Some(ms), _) => format!("rehearsed: {}", told(ms)),
        (None, Some(ms)) => format!("about {}", told(ms)),
        (None, None) => String::new(),
    }
}

/// What a person must know of the whole.
fn summary(book: &Runbook) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((freeze, until)) = &book.freeze {
        lines.push(format!(
            "nobody can write from {freeze} to {until}: {} by the plan's hours, of which about {} are the steps' own time",
            text::duration(Duration::from_millis(book.planned_ms.max(book.frozen_ms))),
            text::duration(Duration::from_millis(book.frozen_ms))
        ));
        if !book.not_counted.is_empty() {
            lines.push(format!("  by hand, and not in that time: {}", book.not_counted.join(", ")));
        }
        if !book.not_rehearsed.is_empty() {
            lines.push(format!("  not rehearsed of that: {}", book.not_rehearsed.join(", ")));
        }
    }
    lines.push(match book.point_of_no_return() {
        Some(line) => format!("point of no return: {} ({})", line.step, line.at),
        None => "point of no return: none in these steps; the way back stays open until it is closed by hand".to_owned(),
    });
    lines
}

/// The runbook as a list to tick by hand.
fn checklist(book: &Runbook, t: Option<&Zoned>) -> String {
    let mut text = format!("# {}\n\n{}\n\n", book.title, book.why);
    text.push_str(&match t {
        Some(t) => format!("T is {}.\n\n", t.strftime("%A %-d %B %Y %H:%M %Q")),
        None => "T is not chosen yet.\n\n".to_owned(),
    });
    for line in &book.lines {
        let when = clock(t, line);
        let when = if when.is_empty() { line.at.clone() } else { format!("{} · {when}", line.at) };
        let takes = match (takes(line), line.timeout_ms) {
            (takes, _) if takes.is_empty() => String::new(),
            (takes, None) => format!(", {takes}"),
            (takes, Some(ms)) => format!(", {takes}, at most {}", text::duration(Duration::from_millis(ms))),
        };
        let mark = if line.is_done() { 'x' } else { ' ' };
        text.push_str(&format!("- [{mark}] **{when}** {} ({}, `{}`{takes})\n", line.title, line.owner, line.step));
        for item in line.does.iter().filter(|item| !item.is_empty()) {
            text.push_str(&if line.kind == "manual" { format!("  - [{mark}] {item}\n") } else { format!("  - {item}\n") });
        }
        for (word, told) in [("verified", &line.verify), ("stop if", &line.abort_if), ("cannot be undone", &line.irreversible)] {
            if let Some(told) = told {
                text.push_str(&format!("  - {word}: {told}\n"));
            }
        }
        line.undo.iter().for_each(|undo| text.push_str(&format!("  - way back: {undo}\n")));
    }
    text.push('\n');
    summary(book).iter().for_each(|line| text.push_str(&format!("{}{}\n", if line.starts_with(' ') { "  - " } else { "- " }, line.trim())));
    text
}

/// A moment of the journal; an hour that was awaited keeps its zone.
fn on_the_clock(at: &str) -> Option<Zoned> {
    at.parse().ok().or_else(|| at.parse().ok().map(local))
}

fn local(at: Timestamp) -> Zoned {
    at.to_zoned(jiff::tz::TimeZone::system())
}

fn ended(line: &Line) -> Option<Timestamp> {
    line.ended_at.as_deref()?.parse().ok()
}

/// How long writes have been stopped, and whether they still are.
fn frozen(state: &State, book: &Runbook) -> Option<(Duration, bool)> {
    let (freeze, until) = book.freeze.as_ref()?;
    let clock = |at: &str| on_the_clock(at).map(|at| at.timestamp().as_millisecond());
    let (ms, still) = writes_stopped(state, freeze, until, clock, Timestamp::now().as_millisecond())?;
    Some((Duration::from_millis(ms), still))
}

fn status(args: &RunArgs) -> Result<u8> {
    let newest = if args.dry_run || args.sandbox {
        runs::newest(&args.dir, flavour(args))?
    } else {
        runs::newest_that(&args.dir, |state| state.journey == "move")?
    };
    let found = newest.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no run in {}", args.dir.display()))
            .hint("begin one with `migrate-wizard`, or name the app's checkout with --dir")
    })?;
    let book = of(args, &found.state)?;
    let t = book.t(&found.state, on_the_clock).or_else(|| answered(&found.state));
    let frozen = frozen(&found.state, &book);
    if args.json {
        out_json(&json!({
            "run": found.state.run,
            "state": runs::standing(&found),
            "t": t.as_ref().map(Zoned::to_string),
            "next": book.next().map(|line| &line.step),
            "frozen_s": frozen.map(|(lasted, _)| lasted.as_secs()),
            "frozen_now": frozen.is_some_and(|(_, now)| now),
            "point_of_no_return": book.point_of_no_return().map(|line| &line.step),
            "runbook": book,
        }))?;
        return Ok(0);
    }
    out(format!("run      {} ({})", found.state.run, runs::standing(&found)));
    match &t {
        Some(t) => out(format!("T        {}, {}", t.strftime("%A %-d %B %Y %H:%M %Q"), from_now(t))),
        None => out("T        not chosen yet"),
    }
    match frozen {
        Some((lasted, true)) => out(format!("writes   stopped for {} now", text::duration(lasted))),
        Some((lasted, false)) => {
            out(format!("writes   were stopped for {} until the switch; the source stays frozen", text::duration(lasted)))
        }
        None => {
            let planned = Duration::from_millis(book.planned_ms.max(book.frozen_ms));
            out(format!("writes   not stopped; the freeze is planned to last {}", text::duration(planned)))
        }
    }
    match book.next() {
        Some(line) => out(format!("next     {} {}: {} ({})", line.at, line.step, line.title, line.owner)),
        None => out("next     nothing: every step is done"),
    }
    out(match book.point_of_no_return() {
        Some(line) => format!("back     open until {} ({})", line.step, line.at),
        None => "back     open until it is closed by hand".to_owned(),
    });
    out("");
    for line in &book.lines {
        let sign = match line.status {
            Status::Done | Status::Answered => 'x',
            Status::Failed | Status::UndoFailed => '!',
            Status::Started | Status::Undoing => '>',
            Status::Waiting | Status::Undone => ' ',
        };
        out(format!(
            "[{sign}] {:<7} {:<14} {:<24} {:<22} {}",
            line.at,
            clock(t.as_ref(), line),
            came(t.as_ref(), line),
            line.step,
            line.title
        ));
    }
    Ok(0)
}

fn from_now(t: &Zoned) -> String {
    let away: std::result::Result<Duration, _> = t.timestamp().duration_since(Timestamp::now()).try_into();
    match away {
        Ok(away) => format!("in {}", text::duration(away)),
        Err(_) => format!("{} ago", text::duration(Timestamp::now().duration_since(t.timestamp()).unsigned_abs())),
    }
}

/// When it came to its end and how far that is from the plan; for what is open, how long it will take.
fn came(t: Option<&Zoned>, line: &Line) -> String {
    let Some(end) = ended(line) else { return takes(line) };
    let planned = t.and_then(|t| t.checked_add(jiff::SignedDuration::from_secs(line.offset_s)).ok());
    let apart = planned.map(|planned| end.duration_since(planned.timestamp()));
    let apart =
        apart.map_or_else(String::new, |d| format!(" {}{}", if d.is_negative() { '-' } else { '+' }, text::duration(d.unsigned_abs())));
    let took = line.took_ms.map_or_else(String::new, |ms| format!(" in {}", text::duration(Duration::from_millis(ms))));
    format!("{}{apart}{took}", local(end).strftime("%H:%M:%S"))
}

/// The same journey in a sandbox, with the answers of the run that it is for.
async fn rehearse(args: &RunArgs) -> Result<u8> {
    let args = RunArgs { sandbox: true, dry_run: false, ..args.clone() };
    let (_, books) = checked_books(&args, "move")?;
    let mut given = answers(&args, &books)?;
    if let Some(live) = runs::newest(&args.dir, flavour(&RunArgs { sandbox: false, ..args.clone() }))? {
        for (id, step) in &live.state.steps {
            if let Some((value, source)) = &step.answer
                && let Some(text) = value.as_str()
            {
                given.entry(id.clone()).or_insert_with(|| Suggestion { value: text.to_owned(), source: *source });
            }
        }
    }
    // a rehearsal waits for no hour
    given.insert(AT.to_owned(), Suggestion { value: "now".to_owned(), source: Source::Flag });
    open_with(&args, flavour(&args), books, given, None, Setup::default()).await
}

/// Answers that say when and whether, not what: a rehearsal may have others.
const NOT_OF_THE_PLAN: [&str; 7] = [AT, "go", "go_without", "back_by_itself", "freeze_at_most", "maintenance_url", "maintenance_word"];

/// For a run that is being opened: whether the last rehearsal that came to its end was of the same plan.
pub fn rehearsal(app: &Path) -> Rehearsal {
    let app = app.to_owned();
    Rehearsal(Box::new(move |wanted| {
        let last = runs::newest_that(&app, |state| state.sandbox && state.journey == "move" && state.ended == Some(End::Finished));
        let found = last.map_err(|error| error.line())?.ok_or("no rehearsal has come to its end")?;
        let other = wanted.iter().filter(|(id, _)| !NOT_OF_THE_PLAN.contains(&id.as_str())).find_map(|(id, answer)| {
            let wanted = answer.get("value").filter(|value| !value.is_null())?;
            let had = found.state.steps.get(id).and_then(|step| step.answer.as_ref()).map(|(value, _)| value);
            (had != Some(wanted))
                .then(|| format!("{id} is {} and was {} then", plain(wanted), had.map_or_else(|| "not asked".to_owned(), plain)))
        });
        match other {
            None => Ok(format!("rehearsed as {} ({})", found.state.run, found.state.last_at)),
            Some(other) => Err(format!("the last rehearsal, {}, was of another plan: {other}", found.state.run)),
        }
    }))
}

async fn go(args: &RunArgs, what: &CutoverAtArgs) -> Result<u8> {
    asked(what)?;
    let found = newest(args)?.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no open run in {}", args.dir.display()))
            .hint("begin one with `migrate-wizard`: the cutover comes after everything else is ready")
    })?;
    let (_, books) = checked_books(args, "move")?;
    let given = answers(args, &books)?;
    let book = of(args, &found.state)?;
    if let Some(open) = first_open_before(&books, &found, &book) {
        return Err(Error::new(Kind::Refused, format!("the cutover cannot begin: {open} is not done yet"))
            .hint("go on with `migrate-wizard`; it comes to the cutover by itself"));
    }
    let mut given = given;
    if let Some(at) = &what.at {
        given.insert(AT.to_owned(), Suggestion { value: at.clone(), source: Source::Flag });
    }
    open_with(args, flavour(args), books, given, None, Setup::default()).await
}

/// The first step before the runbook that the run has not done.
fn first_open_before(books: &Books, found: &Found, book: &Runbook) -> Option<String> {
    let first = &book.lines.first()?.step;
    let facts = found.state.facts();
    let before = books.outline(&facts).into_iter().take_while(|p| p.id != *first).filter(|p| p.applies != Some(false));
    before.filter(|p| !matches!(found.state.status(&p.id), Status::Done | Status::Answered)).map(|p| p.id).next()
}
