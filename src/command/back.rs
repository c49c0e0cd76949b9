//! `rollback --because`: after the switch something is wrong, and the cause picks the method; a journey of its own.
//! Knows no method: the steps of each cause are in `playbooks/back.toml`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::run::{answers, checked_books, given, open_with};
use super::{out, out_json};
use crate::app;
use crate::cli::{BecauseArg, RollbackArgs, RunArgs};
use crate::effects::{self, Setup};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::runs::{self, Flavour};
use crate::text;
use crate::wizard::forecast::{Coming, forecast};
use crate::wizard::journal::{Entry, FORMAT, Record, Source};
use crate::wizard::plan::{Books, Suggestion};
use crate::wizard::playbook::Action;
use crate::wizard::state::State;
use crate::wizard::template::plain;
use crate::wizard::view::Mode;

const JOURNEY: &str = "back";
/// What the move was told and this journey asks too.
const SAME: [&str; 5] = ["app_name", "environment", "region", "database", "domain_name"];

pub async fn run(args: &RunArgs, rollback: &RollbackArgs, because: BecauseArg) -> Result<u8> {
    let flavour = Flavour { journey: JOURNEY, ..super::flavour(args) };
    let (_, books) = checked_books(args, JOURNEY)?;
    let open = runs::newest(&args.dir, flavour)?;
    let told = |state: &State, question: &str| state.steps.get(question).and_then(|s| s.answer.as_ref()).map(|(value, _)| plain(value));
    let about = open.as_ref().and_then(|found| told(&found.state, "because"));
    let unfinished = open.as_ref().is_some_and(|found| found.state.ended.is_none());
    if let Some(other) = about.filter(|other| other != because.word() && !args.new && (unfinished || rollback.undo)) {
        let what = if unfinished { "is not finished" } else { "is the last one" };
        return Err(Error::new(Kind::Conflict, format!("the way back because of {other} {what}")).hint(format!(
            "go on with it (--because {other}), take it back (--because {other} --undo), or leave it as it is and begin another with --new"
        )));
    }
    let given = known(args, &books, because)?;
    if rollback.plan {
        let state = match open.filter(|found| found.state.ended.is_none() && !args.new) {
            Some(found) => found.state,
            None => fresh(args)?,
        };
        return plan(args, &books, &state, &given, because);
    }
    open_with(args, flavour, books, given, rollback.undo.then_some(None), Setup::default()).await
}

/// What flags, file and profile say, then what the newest move of this folder was told and what its journal remembers of the name.
fn known(args: &RunArgs, books: &Books, because: BecauseArg) -> Result<BTreeMap<String, Suggestion>> {
    let asked = |id: &str| books.find(id).is_some_and(|(_, step)| matches!(step.action, Action::Ask(_)));
    // a profile or a file answers the move's questions, a flag those of this journey
    let (_, moving) = checked_books(args, "move")?;
    let mut all = answers(&RunArgs { set: Vec::new(), ..args.clone() }, &moving)?;
    all.retain(|id, _| SAME.contains(&id.as_str()) && asked(id));
    all.extend(answers(&RunArgs { profile: None, answers: None, ..args.clone() }, books)?);
    let mut say = |id: &str, value: String, source: Source| {
        if !value.is_empty() {
            all.entry(id.to_owned()).or_insert(Suggestion { value, source });
        }
    };
    say("because", because.word().to_owned(), Source::Flag);
    if let Some(region) = &args.region {
        say("region", region.clone(), Source::Flag);
    }
    // of what was made for real, also where this is a dry run
    let of = |journey| runs::newest(&args.dir, Flavour { journey, mode: Mode::Live, sandbox: args.sandbox });
    let newest = [of("move")?, of("stacks")?].into_iter().flatten().max_by(|a, b| a.state.opened_at.cmp(&b.state.opened_at));
    let Some(newest) = newest else {
        // the name that the app's other files have, too
        if app::must_be_app(&args.dir).is_ok() {
            say("app_name", app::scan(&args.dir, &Reporter::silent())?.name, Source::Detected);
        }
        return Ok(all);
    };
    for name in SAME {
        let answer = newest.state.steps.get(name).and_then(|s| s.answer.as_ref());
        say(name, answer.map(|(value, _)| plain(value)).unwrap_or_default(), Source::Detected);
    }
    let (value, ttl) = before_the_switch(&newest.state);
    say("old_value", value.unwrap_or_default(), Source::Detected);
    say("old_ttl", ttl.map(|ttl| ttl.to_string()).unwrap_or_default(), Source::Detected);
    Ok(all)
}

/// What the name answered before the move changed it: the value, and the time to live from before that was lowered.
fn before_the_switch(state: &State) -> (Option<String>, Option<u64>) {
    let old = |step: &str| {
        let before = state.steps.get(step).and_then(|s| s.before.get("old"));
        before.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let value = |records: &Vec<Value>| {
        let values = records.iter().filter_map(|record| record.get("values")?.as_array()).flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let ttl = |records: &Vec<Value>| records.iter().filter_map(|record| record.get("ttl")?.as_u64()).max();
    let known = [old("lower_ttl"), old("switch")];
    (known.iter().find_map(value), known.iter().find_map(ttl))
}

/// A state that has only been opened, kept nowhere.
fn fresh(args: &RunArgs) -> Result<State> {
    let opened = Entry::Opened {
        format: FORMAT,
        run: "plan".into(),
        journey: JOURNEY.into(),
        mode: Mode::Dry,
        sandbox: args.sandbox,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts: given(&args.dir, "plan", args.sandbox),
    };
    State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }])
}

/// The steps of this cause with their times; calls nothing.
fn plan(args: &RunArgs, books: &Books, state: &State, given: &BTreeMap<String, Suggestion>, because: BecauseArg) -> Result<u8> {
    let is_open = |id: &str| !given.contains_key(id) && state.steps.get(id).is_none_or(|step| step.answer.is_none());
    if is_open("database") && because == BecauseArg::Database {
        return Err(Error::new(Kind::Usage, "which database has it? No run of this folder says")
            .hint("say it: --set database=rds, --set database=aurora or --set database=dsql"));
    }
    let coming = forecast(books, state, given, &runs::rehearsed(&args.dir), &effects::registry());
    if args.json {
        out_json(&coming)?;
        return Ok(0);
    }
    if let Some((_, step)) = books.find("because")
        && let Action::Ask(ask) = &step.action
        && let Some(option) = ask.options.iter().find(|option| option.id == because.word())
    {
        out(format!("{}\n{}\n", option.label, option.consequence));
    }
    if is_open("app_name") {
        out("note: no run and no app is in this folder, so the app's name below is the folder's: --set app_name=NAME says it\n");
    }
    for step in &coming {
        let sign = match (step.writes, step.kind.as_str()) {
            (true, _) => '+',
            (false, "ask") => '?',
            (false, "manual") => '-',
            (false, _) => ' ',
        };
        out(format!(
            "{sign} {:<28} {:<8} {}",
            step.step,
            step.estimate.as_deref().unwrap_or_default().trim_start_matches("about "),
            if step.step == "database" && is_open("database") { "not known here: --set database=rds, aurora or dsql" } else { said(step) }
        ));
        if !step.command.is_empty() {
            out(format!("{:39}$ {}", "", step.command));
        }
        if let Some(abort) = books.find(&step.step).and_then(|(_, found)| found.abort_if.as_ref()) {
            out(format!("{:39}! stop if {abort}", ""));
        }
    }
    let sandbox = if args.sandbox { " --sandbox" } else { "" };
    out(format!(
        "\n{}, {} of them change something (+). What is not known before AWS is asked is an example. Nothing was touched.\nNext: migrate-wizard rollback --because {}{sandbox}; it can be rehearsed with --dry-run",
        text::plural(coming.len() as u64, "step"),
        coming.iter().filter(|step| step.writes).count(),
        because.word(),
    ));
    Ok(0)
}

/// What is done by hand is told by its title: its items are for the one who does it.
fn said(step: &Coming) -> &str {
    if step.kind == "manual" { &step.title } else { &step.describe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_an_option_of_the_question() {
        let args = <crate::cli::Cli as clap::Parser>::parse_from(["migrate-wizard"]).run;
        let (_, books) = checked_books(&args, JOURNEY).unwrap();
        let (_, step) = books.find("because").unwrap();
        let Action::Ask(ask) = &step.action else { panic!("a question") };
        let options: Vec<&str> = ask.options.iter().map(|o| o.id.as_str()).collect();
        let causes: Vec<&str> = <BecauseArg as clap::ValueEnum>::value_variants().iter().map(|cause| cause.word()).collect();
        assert_eq!(options, causes);
    }
}
