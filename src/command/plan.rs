//! `plan` and `rollback`: what is to come and what would be undone.
//! `plan` and `rollback --plan` read only.

use super::run::{answers, back_to, checked_books, given, journey};
use super::{flavour, out, out_json};
use crate::cli::{RollbackArgs, RunArgs};
use crate::decide;
use crate::effects::{self, Costs};
use crate::error::{Error, Kind, Result};
use crate::runs;
use crate::wizard::forecast::forecast;
use crate::wizard::journal::{Entry, FORMAT, Record};
use crate::wizard::screens;
use crate::wizard::state::{State, Status};
use crate::wizard::view::Mode;

/// Every effect to come, from where the newest run stands or, without one, from the beginning.
pub async fn run(args: &RunArgs) -> Result<u8> {
    let (_, books) = checked_books(args, "move")?;
    let state = match runs::newest(&args.dir, flavour(args))? {
        Some(found) if found.state.ended.is_none() => found.state,
        Some(_) | None => fresh(args)?,
    };
    let state = with_scan(args, state);
    let answers = answers(args, &books)?;
    let coming = forecast(&books, &state, &answers, &runs::rehearsed(&args.dir), &effects::registry());
    if args.json {
        out_json(&coming)?;
        return Ok(0);
    }
    let mut phase = "";
    for step in &coming {
        if step.phase != phase {
            phase = &step.phase;
            out(format!("\n== {phase}"));
        }
        let sign = if step.writes { '+' } else { ' ' };
        let estimate = step.estimate.as_ref().map(|e| format!("  [{e}]")).unwrap_or_default();
        out(format!("{sign} {:<28} {}{estimate}", step.step, step.describe));
        if !step.command.is_empty() {
            for line in step.command.lines() {
                out(format!("{:31}$ {line}", ""));
            }
        }
        if let Some(why) = &step.irreversible {
            out(format!("{:31}! cannot be undone: {why}", ""));
        }
    }
    let mut facts = state.facts();
    facts.extend(
        answers
            .iter()
            .filter(|(id, _)| state.steps.get(*id).is_none_or(|s| s.answer.is_none()))
            .map(|(id, given)| (id.clone(), given.value.clone().into())),
    );
    let against = decide::told(&Costs::of_runs(&args.dir.join(runs::FOLDER))?.contradictions(&facts));
    if !against.is_empty() {
        out(against.trim_end());
    }
    let writes = coming.iter().filter(|c| c.writes).count();
    out(format!(
        "\n{} steps to come, {writes} of them change something (+). Nothing was touched. Next: migrate-wizard --dry-run, then migrate-wizard",
        coming.len()
    ));
    Ok(0)
}

/// A state that has only been opened, kept nowhere.
pub fn fresh(args: &RunArgs) -> Result<State> {
    let opened = Entry::Opened {
        format: FORMAT,
        run: "plan".into(),
        journey: "move".into(),
        mode: Mode::Dry,
        sandbox: args.sandbox,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts: given(&args.dir, "plan", args.sandbox),
    };
    State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }])
}

/// Where the run has not read the app yet, its files say now what the run will find: a plan names services as they are, not as an example.
pub fn with_scan(args: &RunArgs, mut state: State) -> State {
    const SCAN: &str = "scan";
    if state.status(SCAN) != Status::Done {
        for (name, value) in effects::scan_foretold(&args.dir) {
            state.given.entry(format!("{SCAN}.{name}")).or_insert(value);
        }
    }
    state
}

pub async fn rollback(args: &RunArgs, rollback: &RollbackArgs) -> Result<u8> {
    if let Some(because) = rollback.because {
        return super::back::run(args, rollback, because).await;
    }
    if !rollback.plan {
        return journey(args, Some(rollback.to.clone())).await;
    }
    let (_, books) = checked_books(args, "move")?;
    let found = runs::newest(&args.dir, flavour(args))?.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no run in {} to roll back", args.dir.display()))
            .hint("name the app's checkout with --dir, and add --sandbox for a sandbox run")
    })?;
    let registry = effects::registry();
    let describe = |id: &str| {
        let effect = found.state.steps.get(id).and_then(|s| s.effect.clone());
        effect.and_then(|(kind, fields)| registry.build(&kind, fields).ok()).map_or_else(String::new, |e| e.describe().sentence)
    };
    let to = rollback.to.as_deref().map(|name| back_to(&books, &found.state, name)).transpose()?;
    let view = screens::rollback(&books, &found.state, to.as_deref(), None, &describe);
    if args.json {
        out_json(&view)?;
        return Ok(0);
    }
    if view.steps.is_empty() {
        out("nothing to undo");
        return Ok(0);
    }
    for step in &view.steps {
        let undo = if step.describe.is_empty() { &step.title } else { &step.describe };
        out(format!("- {:<28} undo: {undo}", step.step));
    }
    for why in &view.irreversible {
        out(format!("! cannot be undone: {why}"));
    }
    out(format!(
        "\n{} steps would be undone, newest first. Nothing was touched. Next: migrate-wizard rollback{}",
        view.steps.len(),
        if args.sandbox { " --sandbox" } else { "" }
    ));
    Ok(0)
}
