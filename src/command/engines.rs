//! The engines on their own: stacks. Each is one call of its room.
//! No domain knowledge here: arguments in, words or JSON out.

use std::collections::BTreeMap;

use super::preflight::coming;
use super::run::{answers, checked_books, given};
use super::{out, out_json};
use crate::app::needs::Decided;
use crate::cli::RunArgs;
use crate::cloud::stacks::{self, System};
use crate::effects;
use crate::error::{Context, Error, Kind, Result};
use crate::library;
use crate::progress::aside;
use crate::runs;
use crate::wizard::forecast::Coming;
use crate::wizard::journal::Source;
use crate::wizard::plan::Suggestion;
use crate::wizard::template;
use crate::wizard::view::Mode;

pub fn write_all(folder: &std::path::Path, files: &[(String, String)]) -> Result<()> {
    for (name, contents) in files {
        let path = folder.join(name);
        let what = format!("cannot write {}", path.display());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).or_fail(Kind::Input, &what, "choose another folder with --out")?;
        }
        std::fs::write(&path, contents).or_fail(Kind::Input, &what, "choose another folder with --out")?;
    }
    Ok(())
}

pub fn stacks_list(args: &RunArgs) -> Result<u8> {
    let mut all = Vec::new();
    for layer in library::stacks() {
        let body = library::stack(layer)?;
        let parameters: Vec<String> = stacks::template_parameters(body)?.into_keys().collect();
        all.push(serde_json::json!({ "layer": layer, "parameters": parameters, "outputs": stacks::template_outputs(body)? }));
    }
    if args.json {
        return out_json(&all).map(|()| 0);
    }
    for layer in &all {
        let names = |key: &str| {
            layer
                .get(key)
                .and_then(|v| v.as_array())
                .map(|list| list.iter().map(template::plain).collect::<Vec<_>>().join(" "))
                .unwrap_or_default()
        };
        out(format!(
            "{}\n  parameters  {}\n  outputs     {}",
            layer.get("layer").map(template::plain).unwrap_or_default(),
            names("parameters"),
            names("outputs")
        ));
    }
    out("\nNext: migrate-wizard stacks export --profile NAME --out DIR");
    Ok(0)
}

/// Every step of a new run with these arguments' answers, in order: nothing of it was done, nothing is asked.
pub fn blueprint(args: &RunArgs, run: &str) -> Result<Vec<Coming>> {
    let (_, books) = checked_books(args, "move")?;
    let mut known = decided_before(args)?;
    known.extend(answers(args, &books)?);
    coming(&books, given(&args.dir, run, args.sandbox), args.sandbox, &known)
}

/// What was decided so far, by id of the question: by the newest run of this checkout, and by what the command line names.
pub fn decisions(args: &RunArgs) -> Result<Decided> {
    let (_, books) = checked_books(args, "move")?;
    let mut known = match before(args)? {
        Some(found) => taken(&found),
        None => BTreeMap::new(),
    };
    known.extend(answers(args, &books)?);
    Ok(known.into_iter().map(|(id, suggestion)| (id, suggestion.value)).collect())
}

/// Says whose decisions count where the command line names none, before anything else is said.
pub fn say_whose(args: &RunArgs) -> Result<()> {
    if let Some(found) = before(args)?.filter(|found| !taken(found).is_empty()) {
        let day = found.state.opened_at.get(..10).unwrap_or(&found.state.opened_at);
        aside(format_args!("note: decisions of {} ({day}); --profile, --answers and --set say otherwise", found.state.run));
    }
    Ok(())
}

/// What a run decided: of a dry run only what somebody said or the app shows, not what it took to get on.
fn taken(found: &runs::Found) -> BTreeMap<String, Suggestion> {
    let steps = found.state.steps.iter().filter_map(|(id, step)| Some((id, step.answer.as_ref()?)));
    let counts = steps.filter(|(_, (_, source))| found.state.mode != Mode::Dry || *source != Source::Default);
    counts.map(|(id, (value, _))| (id.clone(), Suggestion { value: template::plain(value), source: Source::Detected })).collect()
}

/// What the newest run of this checkout that makes stacks was answered; nothing where a profile or a file of answers is named.
pub fn decided_before(args: &RunArgs) -> Result<BTreeMap<String, Suggestion>> {
    let Some(found) = before(args)? else { return Ok(BTreeMap::new()) };
    let told = found.state.steps.into_iter().filter_map(|(id, step)| Some((id, step.answer?.0)));
    Ok(told.map(|(id, value)| (id, Suggestion { value: template::plain(&value), source: Source::Detected })).collect())
}

/// The run whose decisions count: the newest that makes stacks, unless a profile or a file of answers is named.
fn before(args: &RunArgs) -> Result<Option<runs::Found>> {
    if args.profile.is_some() || args.answers.is_some() {
        return Ok(None);
    }
    runs::newest_that(&args.dir, |state| matches!(state.journey.as_str(), "move" | "stacks"))
}

/// The stacks among the steps to come.
pub fn system(coming: &[Coming]) -> Result<System> {
    let stacks = coming.iter().filter(|step| step.kind == "stack" && !step.fields.is_null());
    let stacks: Result<_> = stacks.map(|step| effects::of_system(&step.step, &step.title, &step.fields)).collect();
    let undecided =
        |error: Error| error.hint("say what was decided: --profile NAME, --answers FILE, or --set ID=VALUE for what is missing");
    Ok(System { stacks: stacks.map_err(undecided)? })
}
