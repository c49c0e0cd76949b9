//! `status` and `log`: the newest run in words or JSON, from its journal alone.
//! Reads only; takes no lock, so that it works while a run goes on.

use std::collections::BTreeSet;

use super::run::checked_books;
use super::{out, out_json};
use crate::cli::RunArgs;
use crate::error::{Error, Kind, Result};
use crate::runs::{self, Found};
use crate::wizard::engine;
use crate::wizard::plan::{self, Next};
use crate::wizard::state::Status;

fn newest(args: &RunArgs) -> Result<Option<Found>> {
    if args.dry_run || args.sandbox { runs::newest(&args.dir, super::flavour(args)) } else { runs::newest_or_tour(&args.dir, |_| true) }
}

fn none(args: &RunArgs) -> Error {
    Error::new(Kind::Input, format!("there is no run in {}", args.dir.display()))
        .hint("begin one with `migrate-wizard`, or name the app's checkout with --dir")
}

pub fn status(args: &RunArgs) -> Result<u8> {
    let Some(found) = newest(args)? else {
        if args.json {
            out_json(&serde_json::json!({ "run": null, "state": "new" }))?;
            return Ok(0);
        }
        return Err(none(args));
    };
    let (_, books) = checked_books(args, &found.state.journey)?;
    let facts = found.state.facts();
    let outline: Vec<_> = books.outline(&facts).into_iter().filter(|p| p.applies != Some(false)).collect();
    let done = outline.iter().filter(|p| matches!(found.state.status(&p.id), Status::Done | Status::Answered)).count();
    let next = match plan::next(&books, &found.state, &BTreeSet::new(), &|_| true) {
        Next::Ask(p) | Next::Manual(p) | Next::Effect(p) | Next::UndoManual { planned: p, .. } => Some(p.id),
        Next::Recover { id, .. } | Next::Undo { id, .. } => Some(id),
        Next::Wait | Next::Finish | Next::CloseRollback | Next::Ended(_) => None,
    };
    let step = next.as_deref().and_then(|id| books.find(id));
    let error = next.as_ref().and_then(|id| found.state.steps.get(id)).and_then(|s| s.error.clone());
    let standing = runs::standing(&found);
    if args.json {
        out_json(&serde_json::json!({
            "run": found.state.run,
            "journey": found.state.journey,
            "state": standing,
            "phase": step.map(|(b, _)| b.phase.as_str()),
            "step": next,
            "title": step.map(|(_, s)| s.title.as_str()),
            "done": done,
            "total": outline.len(),
            "mode": found.state.mode,
            "sandbox": found.state.sandbox,
            "account": found.state.account.as_ref().map(|(a, _)| a),
            "region": found.state.account.as_ref().map(|(_, r)| r),
            "error": error.as_ref().map(|(what, _)| what),
            "hint": error.as_ref().map(|(_, hint)| hint),
            "entries": found.state.entries,
            "opened_at": found.state.opened_at,
            "last_at": found.state.last_at,
        }))?;
        return Ok(0);
    }
    out(format!("run      {} ({standing})", found.state.run));
    if runs::is_tour(&found.state) {
        out("tour     nothing of it is for real, and nothing goes on from it: your own move has not begun");
    }
    out(format!("steps    {done} of {} done", outline.len()));
    if let (Some(id), Some((book, step))) = (&next, step) {
        out(format!("next     {}: {} ({id})", book.title, step.title));
    }
    if let Some((account, region)) = &found.state.account {
        out(format!("account  {account} {region}"));
    }
    if let Some((what, hint)) = error {
        out(format!("failed   {what}\nhint     {hint}"));
    }
    out(format!("since    {}, last entry {}", found.state.opened_at, found.state.last_at));
    let command = super::command_of(&found.state.journey);
    let back = if found.state.journey == "move" { ", or migrate-wizard rollback" } else { "" };
    out(match standing {
        "finished" if runs::is_tour(&found.state) => {
            "next     migrate-wizard --dry-run rehearses your own move and touches nothing".to_owned()
        }
        "finished" => format!("next     migrate-wizard report{back}"),
        "rolled_back" => format!("next     {command} --new begins anew"),
        "running" => "next     it is open in another terminal".to_owned(),
        _ => format!("next     {command} goes on from here"),
    });
    Ok(0)
}

pub fn log(args: &RunArgs) -> Result<u8> {
    let found = newest(args)?.ok_or_else(|| none(args))?;
    let (_, books) = checked_books(args, &found.state.journey)?;
    for record in &found.records {
        if args.json {
            let line = serde_json::to_string(record).map_err(|e| Error::bug(e.to_string()))?;
            out(line);
        } else if let Some((_, line)) = engine::words(&record.what, &books) {
            out(format!("{:>4}  {}  {line}", record.n, record.at));
        }
    }
    Ok(0)
}
