//! The engines on their own: scan, stacks. Each is one call of its room.
//! No domain knowledge here: arguments in, words or JSON out.

use std::collections::{BTreeMap, BTreeSet};

use super::run::{answers, checked_books, given};
use super::{out, out_json};
use crate::app::{self, Severity};
use crate::cli::{OutArgs, RunArgs};
use crate::cloud::stacks::{self, System};
use crate::effects;
use crate::error::{Context, Kind, Result};
use crate::library;
use crate::progress::Reporter;
use crate::text;
use crate::wizard::forecast::{Coming, forecast};
use crate::wizard::journal::{Entry, FORMAT, Record};
use crate::wizard::state::State;
use crate::wizard::template;
use crate::wizard::view::Mode;

pub fn scan(args: &RunArgs) -> Result<u8> {
    let scan = app::scan(&args.dir, &Reporter::silent())?;
    if args.json {
        out_json(&scan)?;
        return Ok(0);
    }
    out(format!("{}: {}", scan.name, scan.generation.map_or("not a Replit app", |g| g.title())));
    for service in &scan.services {
        out(format!(
            "  service {} {} {}",
            service.name,
            service.port.map_or(String::new(), |p| format!("port {p}")),
            service.run.join(" ")
        ));
    }
    for note in &scan.notes {
        out(format!("  note: {note}"));
    }
    for finding in scan.findings.iter().filter(|f| f.severity != Severity::Info) {
        let place = finding.line.map_or(finding.file.clone(), |line| format!("{}:{line}", finding.file));
        out(format!("\n{:<13} {:<4} {} ({place})", finding.severity.word(), finding.signal, finding.title));
        if !finding.excerpt.is_empty() {
            out(format!("                   | {}", finding.excerpt));
        }
        out(format!("                   {} → {}", finding.means, finding.replacement));
    }
    let count = |severity| scan.of(severity).count();
    out(format!(
        "\n{} block, {} must change, {} should, {} for information; {}. Next: migrate-wizard plan",
        count(Severity::Blocks),
        count(Severity::Must),
        count(Severity::Should),
        count(Severity::Info),
        text::plural(scan.files, "file")
    ));
    Ok(0)
}

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
    let opened = Entry::Opened {
        format: FORMAT,
        run: run.into(),
        journey: "move".into(),
        mode: Mode::Dry,
        sandbox: args.sandbox,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts: given(&args.dir, run, args.sandbox),
    };
    let state = State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }])?;
    Ok(forecast(&books, &state, &answers(args, &books)?, &BTreeMap::new(), &effects::registry()))
}

/// The stacks among the steps to come.
pub fn system(coming: &[Coming]) -> Result<System> {
    let stacks = coming.iter().filter(|step| step.kind == "stack" && !step.fields.is_null());
    Ok(System { stacks: stacks.map(|step| effects::of_system(&step.step, &step.title, &step.fields)).collect::<Result<_>>()? })
}

/// The templates that the decisions need, as plain CloudFormation, with the command of each stack in order.
pub fn stacks_export(args: &RunArgs, to: &OutArgs) -> Result<u8> {
    let coming = blueprint(args, "export")?;
    let system = system(&coming)?;
    let folder = to.out.clone().unwrap_or_else(|| "infrastructure".into());
    let mut readme = String::from(
        "# Stacks\n\nPlain CloudFormation. Deploy in this order; a value in <angle brackets> is an output of the stack it names.\n",
    );
    let mut files = Vec::new();
    let mut layers = BTreeSet::new();
    for stack in &system.stacks {
        if layers.insert(stack.layer.clone()) {
            files.push((format!("{}.yaml", stack.layer), stack.spec.template_body.clone()));
        }
        let command = coming.iter().find(|step| step.step == stack.step).map(|step| step.command.as_str()).unwrap_or_default();
        readme.push_str(&format!("\n## {}\n\n{}\n\n```sh\n{command}\n```\n", stack.step, stack.title));
    }
    files.push(("README.md".to_owned(), readme));
    write_all(&folder, &files)?;
    out(format!(
        "{} templates and README.md in {}. Next: read README.md; it has the command of each stack",
        layers.len(),
        folder.display()
    ));
    Ok(0)
}
