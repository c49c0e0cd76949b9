//! `stacks diff`: each stack of the decisions against what is deployed, parameter by parameter and resource by resource.
//! Writes nothing; with `--drift` it lets CloudFormation look at its own resources, which AWS counts as an operation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::engines::decided_before;
use super::engines::system;
use super::run::{checked_books, given};
use super::stacks::answers_to;
use super::{out, out_json};
use crate::cli::{DiffStacksArgs, RunArgs};
use crate::cloud::stacks::{self, Deployed, Drifted, PlannedChange, StackSpec, SystemStack};
use crate::cloud::{Access, Aws, Options};
use crate::effects::{self, Setup, World};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::runs;
use crate::text;
use crate::wizard::effect::{Context, Outputs, Probe};
use crate::wizard::forecast::forecast;
use crate::wizard::journal::{Entry, FORMAT, Record};
use crate::wizard::state::State;
use crate::wizard::template::plain;
use crate::wizard::view::Mode;

/// One stack, as it is and as it would be.
#[derive(Debug, Serialize)]
struct Difference {
    stack: String,
    layer: String,
    /// `None`: it is not there.
    status: Option<String>,
    /// Parameters that would change: name, as it is, as it would be.
    parameters: Vec<(String, Option<String>, Option<String>)>,
    changes: Vec<PlannedChange>,
    drift: Vec<Drifted>,
}

impl Difference {
    fn is_none(&self) -> bool {
        self.changes.is_empty() && self.parameters.is_empty() && self.drift.is_empty()
    }
}

pub async fn diff(args: &RunArgs, what: &DiffStacksArgs) -> Result<u8> {
    let (_, books) = checked_books(args, "stacks")?;
    let mut answers = decided_before(args)?;
    answers.extend(answers_to(args, &books)?);
    let mut known = Known::new(args)?;
    let registry = effects::registry();
    let rehearsed = BTreeMap::new();
    let first = forecast(&books, &known.state, &answers, &rehearsed, &registry);
    let world = World::open(args, &args.dir.join(runs::FOLDER).join("diff"), &known.state, Setup::default()).await?;
    let region = first.iter().find(|step| step.kind == "check_aws").and_then(|step| step.fields.get("region")).map(plain);
    if let Some(region) = &region {
        world.settle_region(region)?;
    }
    for step in first.iter().filter(|step| step.kind == "scan_app") {
        // only reads; where there is no app to read, the example goes on
        let cx = Context { token: String::new(), reporter: Reporter::silent(), before: Outputs::new() };
        if let Ok(outputs) = registry.build(&step.kind, step.fields.clone())?.apply(&world, &cx).await {
            known.take(&step.step, &step.kind, step.fields.clone(), outputs)?;
        }
    }
    let first = forecast(&books, &known.state, &answers, &rehearsed, &registry);
    for step in first.iter().filter(|step| ["secret", "repository"].contains(&step.kind.as_str()) && !step.fields.is_null()) {
        // what is there already is known by its own name, not by an example
        if let Probe::Present(outputs) = registry.build(&step.kind, step.fields.clone())?.probe(&world).await? {
            known.take(&step.step, &step.kind, step.fields.clone(), outputs)?;
        }
    }
    let system = system(&forecast(&books, &known.state, &answers, &rehearsed, &registry))?;
    let aws = world.aws().await?;
    let mut outputs = BTreeMap::new();
    for stack in &system.stacks {
        if let Some(found) = stacks::status(aws, &stack.spec.name).await? {
            outputs.insert(found.name, found.outputs);
        }
    }
    let looking = if what.drift { Some(looker(args, region).await?) } else { None };
    let mut all = Vec::new();
    for stack in &system.stacks {
        all.push(difference(aws, looking.as_ref(), stack, &outputs).await?);
    }
    if args.json {
        out_json(&all)?;
    } else {
        all.iter().for_each(print);
        let changed = all.iter().filter(|d| !d.is_none()).count();
        out(format!(
            "\n{}, {changed} of them would change or drifted. Nothing was touched. Next: migrate-wizard stacks deploy with the same answers",
            text::plural(all.len() as u64, "stack")
        ));
    }
    Ok(0)
}

/// A session that may start a look for drift; nothing else is called with it.
async fn looker(args: &RunArgs, region: Option<String>) -> Result<Aws> {
    Aws::connect(Options { profile: args.aws_profile.clone(), region, ..Options::new(Access::ReadWrite) }).await
}

async fn difference(
    aws: &Aws,
    looking: Option<&Aws>,
    stack: &SystemStack,
    outputs: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Difference> {
    let name = &stack.spec.name;
    let found = stacks::status(aws, name).await?;
    if found.as_ref().is_some_and(|found| !found.ours) {
        return Err(Error::new(Kind::Conflict, format!("stack {name} exists and was not made by migrate-wizard"))
            .hint("choose another name for this app (--set app_name=…), or another region"));
    }
    let deployed = stacks::deployed(aws, name).await?;
    // an output that is not there yet stays a reference
    let mut wanted = stack.resolved(outputs).unwrap_or_else(|_| stack.spec.clone());
    if let Some(deployed) = &deployed {
        as_it_runs(&mut wanted, deployed, &stack.layer);
    }
    let changes = stacks::preview(&wanted.template_body, &wanted.parameters, deployed.as_ref())?;
    let defaults = stacks::template_parameters(&wanted.template_body)?;
    let mut parameters = Vec::new();
    if let Some(deployed) = &deployed {
        for (name, declared) in &defaults {
            let will = wanted.parameters.get(name).cloned().or_else(|| declared.default.clone());
            let was = deployed.parameters.get(name).cloned();
            if was != will {
                parameters.push((name.clone(), was, will));
            }
        }
    }
    let drift = match (looking, &deployed) {
        (Some(looking), Some(_)) => stacks::drift(looking, name).await?,
        (_, _) => Vec::new(),
    };
    let status = found.filter(|found| !found.in_review()).map(|found| found.status);
    Ok(Difference { stack: name.clone(), layer: stack.layer.clone(), status, parameters, changes, drift })
}

fn print(d: &Difference) {
    let shown = |value: &Option<String>| value.clone().filter(|v| !v.is_empty()).unwrap_or_else(|| "(empty)".into());
    match &d.status {
        None => return out(format!("+ {:<40} would be made: {}", d.stack, text::plural(d.changes.len() as u64, "resource"))),
        Some(status) if d.is_none() => return out(format!("= {:<40} {status}", d.stack)),
        Some(status) => out(format!("~ {:<40} {status}", d.stack)),
    }
    for (name, was, will) in &d.parameters {
        out(format!("    {name}: {} → {}", shown(was), shown(will)));
    }
    for change in &d.changes {
        let of = if change.properties.is_empty() { String::new() } else { format!(": {}", change.properties.join(", ")) };
        let replaced = change.replacement.as_deref().filter(|r| *r != "False").map(|r| format!(" (replacement: {r})")).unwrap_or_default();
        out(format!("    {:<6} {} {}{of}{replaced}", change.action, change.resource_type, change.logical_id));
        if let Some(warning) = change.warning() {
            let how =
                if change.needs_consent() { format!("; refused without --confirm {}", change.consent(&d.stack)) } else { String::new() };
            out(format!("    ! {warning}{how}"));
        }
    }
    for drifted in &d.drift {
        let what = if drifted.deleted { "was deleted".to_owned() } else { drifted.differences.join("; ") };
        out(format!("    drift  {} {}: {what}", drifted.resource_type, drifted.logical_id));
    }
}

/// What is known of a run that has not begun, with what is already there taken as done; kept nowhere.
struct Known {
    state: State,
    n: u64,
}

impl Known {
    fn new(args: &RunArgs) -> Result<Self> {
        let opened = Entry::Opened {
            format: FORMAT,
            run: "diff".into(),
            journey: "stacks".into(),
            mode: Mode::Dry,
            sandbox: false,
            tool: env!("CARGO_PKG_VERSION").into(),
            facts: given(&args.dir, "diff", args.sandbox),
        };
        Ok(Self { state: State::replay([&record(1, opened)])?, n: 1 })
    }

    fn take(&mut self, step: &str, kind: &str, fields: Value, outputs: Outputs) -> Result<()> {
        let step = step.to_owned();
        let started = Entry::Started { step: step.clone(), attempt: 1, kind: kind.into(), fields, before: Outputs::new(), writes: true };
        for entry in [started, Entry::Done { step, outputs, took_ms: 0, simulated: false }] {
            self.n += 1;
            self.state.apply(&record(self.n, entry))?;
        }
        Ok(())
    }
}

fn record(n: u64, what: Entry) -> Record {
    Record { n, at: String::new(), sum: String::new(), what }
}

/// What a deployment settles and not the decisions: image and number of tasks, and which variables and secrets the service reads.
fn as_it_runs(wanted: &mut StackSpec, deployed: &Deployed, layer: &str) {
    let mut kept: BTreeSet<&str> = if layer == "service" { ["ImageUri", "DesiredCount"].into() } else { BTreeSet::new() };
    let own = stacks::environment_parameters(&deployed.body);
    let same = stacks::without_environment(&deployed.body).trim() == stacks::without_environment(&wanted.template_body).trim();
    if same && !own.is_empty() {
        for name in stacks::environment_parameters(&wanted.template_body) {
            wanted.parameters.remove(name);
        }
        wanted.template_body = deployed.body.clone();
        kept.extend(own);
        kept.insert("SecretArns");
    }
    for name in kept {
        if let Some(value) = deployed.parameters.get(name) {
            wanted.parameters.insert(name.to_owned(), value.clone());
        }
    }
}
