//! `playbooks check` and `playbooks list`.
//! Reads only.

use super::{out, out_json, playbook_folders};
use crate::cli::{PlaybooksCmd, RunArgs};
use crate::effects;
use crate::error::Result;
use crate::library;
use crate::wizard::playbook::Action;

pub fn run(args: &RunArgs, what: &PlaybooksCmd) -> Result<u8> {
    let library = library::playbooks(&playbook_folders(args))?;
    for journey in ["move", "stacks", "destroy", "repair", "tour", "rotate", "back"] {
        effects::check_books(&library, &library.journey(journey)?)?;
    }
    match what {
        PlaybooksCmd::Check => {
            for (name, path) in &library.overridden {
                out(format!("{name}: yours, from {}", path.display()));
            }
            let steps: usize = library.books.iter().map(|b| b.steps.len()).sum();
            out(format!("{} playbooks, {steps} steps: all good. Next: migrate-wizard plan", library.books.len()));
        }
        PlaybooksCmd::List => {
            let rows: Vec<_> = library
                .books
                .iter()
                .flat_map(|b| b.steps.iter().map(move |s| (b, s)))
                .map(|(book, step)| {
                    let (kind, options) = match &step.action {
                        Action::Ask(ask) => ("ask".to_owned(), ask.options.iter().map(|o| o.id.clone()).collect()),
                        Action::Manual(_) => ("manual".to_owned(), Vec::new()),
                        Action::Effect(spec) => (spec.kind.clone(), Vec::new()),
                    };
                    (book.phase.clone(), step.id.clone(), kind, options, step.title.clone())
                })
                .collect();
            if args.json {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|(phase, id, kind, options, title)| serde_json::json!({ "phase": phase, "step": id, "kind": kind, "options": options, "title": title }))
                    .collect();
                out_json(&rows)?;
            } else {
                for (phase, id, kind, options, title) in rows {
                    let options = if options.is_empty() { String::new() } else { format!("  [{}]", options.join("|")) };
                    out(format!("{phase:<12} {id:<26} {kind:<16} {title}{options}"));
                }
            }
        }
    }
    Ok(0)
}
