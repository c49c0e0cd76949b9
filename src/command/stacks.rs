//! `stacks diff`, `deploy`, `destroy` and `repair`: the stacks of a system on their own.
//! Each that writes is a run like any other, with playbooks of its own: journal, pin, gates, resume and faces are the wizard's, not made again here.

use std::collections::BTreeMap;

use super::run::{answers, checked_books, open_with};
use crate::cli::{RepairArgs, RunArgs};
use crate::effects::Setup;
use crate::error::{Error, Kind, Result};
use crate::progress::aside;
use crate::runs::{self, Flavour, Found};
use crate::wizard::journal::Source;
use crate::wizard::plan::{Books, Suggestion};
use crate::wizard::playbook::Action;
use crate::wizard::state::{State, Status};
use crate::wizard::template::plain;
use crate::wizard::view::Mode;

pub use super::stacks_diff::diff;

/// What names a system.
const NAMES: [&str; 3] = ["app_name", "environment", "region"];

fn flavour(args: &RunArgs, journey: &'static str) -> Flavour {
    Flavour { journey, ..super::flavour(args) }
}

/// The answers that flags, file and profile give to the questions of these playbooks; those to a move's other questions are left out.
pub fn answers_to(args: &RunArgs, books: &Books) -> Result<BTreeMap<String, Suggestion>> {
    let (_, all) = checked_books(args, "move")?;
    let mut given = answers(args, &all)?;
    given.retain(|id, _| books.find(id).is_some_and(|(_, step)| matches!(step.action, Action::Ask(_))));
    Ok(given)
}

/// What a run was told.
fn told(state: &State, question: &str) -> Option<String> {
    state.steps.get(question).and_then(|step| step.answer.as_ref()).map(|(value, _)| plain(value))
}

/// Is this run about another system than the one that is asked for?
fn is_of_another(found: &Found, given: &BTreeMap<String, Suggestion>, questions: &[&str]) -> Option<String> {
    let differs = |name: &&&str| told(&found.state, name).zip(given.get(**name)).is_some_and(|(was, now)| was != now.value);
    let other = questions.iter().any(|name| differs(&name));
    other.then(|| questions.iter().filter_map(|name| told(&found.state, name)).collect::<Vec<_>>().join(" "))
}

pub async fn deploy(args: &RunArgs) -> Result<u8> {
    let flavour = flavour(args, "stacks");
    let (_, books) = checked_books(args, flavour.journey)?;
    let given = answers_to(args, &books)?;
    let mut args = args.clone();
    if let Some(found) = runs::newest(&args.dir, flavour)?.filter(|found| found.state.ended.is_none() && !args.new) {
        if let Some(other) = is_of_another(&found, &given, &NAMES) {
            return Err(Error::new(
                Kind::Usage,
                format!("the run {} of this folder is not finished, and it is about {other}", found.state.run),
            )
            .hint("finish it with the answers it was begun with, or begin another with --new"));
        }
        let otherwise = changed(&found.state, &given);
        if !otherwise.is_empty() {
            // stacks are brought to what is decided now, whatever a run before had begun with
            aside(format_args!("{} was begun with other answers ({}): a new run begins", found.state.run, otherwise.join(", ")));
        }
        // or what it made is gone since
        args.new = !otherwise.is_empty() || removed_since(&args, &found)?;
    }
    open_with(&args, flavour, books, given, None, Setup::default()).await
}

/// Answers that are given now and were others: `database: dsql, now rds`.
fn changed(state: &State, given: &BTreeMap<String, Suggestion>) -> Vec<String> {
    let differs = |(id, now): (&String, &Suggestion)| {
        told(state, id).filter(|was| *was != now.value).map(|was| format!("{id}: {was}, now {}", now.value))
    };
    given.iter().filter_map(differs).collect()
}

/// Was the system taken away after this run had begun?
fn removed_since(args: &RunArgs, found: &Found) -> Result<bool> {
    let removal = runs::newest(&args.dir, flavour(args, "destroy"))?;
    Ok(removal.is_some_and(|removal| {
        let begun = removal.state.steps.iter().any(|(id, step)| id.starts_with("remove[") && step.status != Status::Waiting);
        let same = NAMES.iter().all(|name| told(&removal.state, name) == told(&found.state, name));
        begun && same && removal.state.opened_at > found.state.opened_at
    }))
}

pub async fn destroy(args: &RunArgs) -> Result<u8> {
    let flavour = flavour(args, "destroy");
    let (_, books) = checked_books(args, flavour.journey)?;
    let mut given = answers_to(args, &books)?;
    let mut args = args.clone();
    let open = runs::newest(&args.dir, flavour)?.filter(|found| found.state.ended.is_none());
    match open {
        Some(found) if is_of_another(&found, &given, &NAMES).is_some() => args.new = true,
        Some(_) => {}
        None => {
            // what this folder's newest run is about, where nothing else was said
            let newest = runs::newest_of_any(&args.dir)?;
            for name in NAMES {
                if let Some(value) = newest.as_ref().and_then(|found| told(&found.state, name)) {
                    given.entry(name.to_owned()).or_insert(Suggestion { value, source: Source::Detected });
                }
            }
        }
    }
    region_of_flag(&args, &mut given);
    // the system's name is enough to agree to its end
    let agreed: Vec<String> = args.confirm.iter().map(|name| format!("remove[{name}]")).collect();
    args.confirm.extend(agreed);
    open_with(&args, flavour, books, given, None, Setup::default()).await
}

pub async fn repair(args: &RunArgs, what: &RepairArgs) -> Result<u8> {
    let flavour = flavour(args, "repair");
    if let Some(missing) = what.skip.iter().find(|id| args.yes && flavour.mode == Mode::Live && !args.confirm.contains(id)) {
        return Err(Error::new(
            Kind::Input,
            format!("--skip {missing} cannot be taken back: CloudFormation will believe that it was rolled back"),
        )
        .hint(format!("add --confirm {missing}, or run it without --yes")));
    }
    let (_, books) = checked_books(args, flavour.journey)?;
    let mut given = answers_to(args, &books)?;
    let mut say = |id: &str, value: String| given.insert(id.to_owned(), Suggestion { value, source: Source::Flag });
    say("stack_name", what.stack.clone());
    say("skip", what.skip.join(","));
    region_of_flag(args, &mut given);
    let mut args = args.clone();
    let open = runs::newest(&args.dir, flavour)?.filter(|found| found.state.ended.is_none());
    args.new |= open.is_some_and(|found| is_of_another(&found, &given, &["stack_name"]).is_some());
    open_with(&args, flavour, books, given, None, Setup::default()).await
}

/// `--region` says where, as an answer would.
fn region_of_flag(args: &RunArgs, given: &mut BTreeMap<String, Suggestion>) {
    let named = args.region.clone().or_else(|| std::env::var("AWS_REGION").ok().filter(|name| !name.is_empty()));
    if let Some(value) = named {
        given.entry("region".to_owned()).or_insert(Suggestion { value, source: Source::Flag });
    }
}
