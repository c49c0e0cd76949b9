//! `report`: decisions, cost, findings, timings, verification and what is left to do, from the journal alone.
//! Writes only where it is told to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::out;
use super::run::checked_books;
use crate::cli::{OutArgs, RunArgs};
use crate::data::way_back::{Choice, Record, Stage};
use crate::effects::{self, Costs};
use crate::error::{Context, Error, Kind, Result};
use crate::faces::report::{Block, Document, Section, html, markdown};
use crate::own_folder;
use crate::runs::{self, Found};
use crate::text;
use crate::wizard::plan::{Books, Planned};
use crate::wizard::playbook::Action;
use crate::wizard::screens;
use crate::wizard::state::Status;
use crate::wizard::template;

pub fn run(args: &RunArgs, to: &OutArgs) -> Result<u8> {
    let newest = if args.dry_run || args.sandbox {
        runs::newest(&args.dir, super::flavour(args))?
    } else {
        runs::newest_or_tour(&args.dir, |_| true)?
    };
    let found = newest.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no run in {}", args.dir.display())).hint("begin one with `migrate-wizard`")
    })?;
    let (_, books) = checked_books(args, &found.state.journey)?;
    let folder = to.out.clone().unwrap_or_else(|| found.dir.clone());
    let path = write(&found, &books, &folder)?;
    out(format!("wrote {} and report.md beside it", path.display()));
    Ok(0)
}

/// Where the report of a run is, when it has been written.
pub fn written(run_dir: &Path) -> Option<PathBuf> {
    let path = run_dir.join("report.html");
    path.is_file().then_some(path)
}

/// Writes `report.md` and `report.html`; gives the latter's path.
pub fn write(found: &Found, books: &Books, folder: &Path) -> Result<PathBuf> {
    let document = document(found, books);
    let path = folder.join("report.html");
    let failed = || format!("cannot write the report into {}", folder.display());
    own_folder::make(folder).or_fail(Kind::Input, failed(), "choose another folder with --out")?;
    std::fs::write(folder.join("report.md"), markdown(&document)).or_fail(Kind::Input, failed(), "choose another folder with --out")?;
    std::fs::write(&path, html(&document)).or_fail(Kind::Input, failed(), "choose another folder with --out")?;
    Ok(path)
}

fn document(found: &Found, books: &Books) -> Document {
    let state = &found.state;
    let facts = state.facts();
    let outline: Vec<Planned<'_>> = books.outline(&facts).into_iter().filter(|p| p.applies != Some(false)).collect();
    let app = facts.get("app_name").or_else(|| facts.get("run.app")).map(template::plain).unwrap_or_default();
    let mut head = vec![
        ("run".to_owned(), state.run.clone()),
        ("state".into(), runs::standing(found).into()),
        ("opened".into(), state.opened_at.clone()),
        ("last entry".into(), state.last_at.clone()),
    ];
    if state.sandbox {
        head.push(("sandbox".into(), "yes: the target database was disposable; steps marked simulated touched nothing".into()));
    }
    if let Some((account, region)) = &state.account {
        head.push(("AWS".into(), format!("{account} {region}")));
    }
    let sections = [
        decisions(found, &outline),
        cost(&facts, found),
        against(&facts, found),
        findings(found, &outline),
        timings(found, &outline),
        verification(found),
        proof(found),
        way_back(found),
        left(found, &outline),
    ];
    let title = match state.journey.as_str() {
        "stacks" => "stacks on AWS",
        "destroy" => "taken away from AWS",
        "repair" => "a stack brought back",
        "rotate" => "a secret renewed",
        "back" => "gone back after the switch",
        _ => "from Replit to AWS",
    };
    Document { title: format!("{app}: {title}"), head, sections: sections.into_iter().flatten().collect() }
}

fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Option<Section> {
    (!rows.is_empty()).then(|| Section::new(title, vec![Block::Table { head: head.iter().map(|h| (*h).to_owned()).collect(), rows }]))
}

fn decisions(found: &Found, outline: &[Planned<'_>]) -> Option<Section> {
    let rows = outline
        .iter()
        .filter_map(|p| {
            let Action::Ask(ask) = &p.step.action else { return None };
            let (value, source) = found.state.steps.get(&p.id)?.answer.as_ref()?;
            let value = if value.is_null() { "(not kept)".to_owned() } else { template::plain(value) };
            let label = ask.options.iter().find(|o| o.id == value).map_or(value.clone(), |o| o.label.clone());
            Some(vec![screens::title(p), label, source.words().to_owned()])
        })
        .collect();
    table("Decisions", &["question", "answer", "from"], rows)
}

/// Prices and rules of the run's app; those that travel with the wizard where its own cannot be read.
fn costs(found: &Found) -> Option<Costs> {
    found.dir.parent().and_then(|runs| Costs::of_runs(runs).ok()).or_else(|| Costs::bundled().ok())
}

fn cost(facts: &template::Facts, found: &Found) -> Option<Section> {
    let costs = costs(found)?;
    let total = costs.words(facts)?;
    let estimate = costs.estimate(facts);
    let head = ["layer", "what", "monthly", "as of", "source"].map(str::to_owned).to_vec();
    let mut blocks = vec![Block::Text(total), Block::Table { head, rows: costs.lines(facts) }];
    for (title, items) in
        [("Not in the total, because no price is known:", estimate.unpriced), ("Prices that are not current:", estimate.stale)]
    {
        if !items.is_empty() {
            blocks.extend([Block::Text(title.to_owned()), Block::List(items)]);
        }
    }
    Some(Section::new("Cost", blocks))
}

/// What speaks against the decisions, the worst first.
fn against(facts: &template::Facts, found: &Found) -> Option<Section> {
    let rows = costs(found).filter(|_| facts.contains_key("database"))?.contradictions(facts);
    let rows = rows.into_iter().map(|c| vec![c.severity.word().to_owned(), c.message, c.instead.join(", or "), c.source]).collect();
    table("What speaks against these decisions", &["", "why", "instead", "source"], rows)
}

/// `findings` outputs: lists of {severity, id, what, app_must}.
fn findings(found: &Found, outline: &[Planned<'_>]) -> Option<Section> {
    let text = |v: &Value, key: &str| v.get(key).map(template::plain).unwrap_or_default();
    let rows = outline
        .iter()
        .filter_map(|p| {
            found.state.steps.get(&p.id).and_then(|s| s.outputs.get("findings")).and_then(Value::as_array).map(|list| (p, list))
        })
        .flat_map(|(p, list)| {
            list.iter().map(move |f| vec![p.id.clone(), text(f, "severity"), text(f, "id"), text(f, "what"), text(f, "then")])
        })
        .collect();
    table("Findings", &["step", "severity", "id", "what", "what to do"], rows)
}

fn timings(found: &Found, outline: &[Planned<'_>]) -> Option<Section> {
    let rows = outline
        .iter()
        .filter_map(|p| {
            let step = found.state.steps.get(&p.id).filter(|s| s.effect.is_some())?;
            let took = if step.simulated { "simulated".to_owned() } else { text::duration(Duration::from_millis(step.took_ms)) };
            Some(vec![p.phase.to_owned(), screens::title(p), format!("{:?}", step.status).to_lowercase(), took, step.at.clone()])
        })
        .collect();
    table("Steps and times", &["phase", "step", "state", "took", "at"], rows)
}

/// `tables` outputs of the newest verification: lists of {table, source_rows, target_rows, equal}.
fn verification(found: &Found) -> Option<Section> {
    let newest = found
        .state
        .steps
        .values()
        .filter(|s| s.outputs.contains_key("tables") && s.outputs.contains_key("equal"))
        .max_by_key(|s| s.started_n)?;
    let rows = newest
        .outputs
        .get("tables")?
        .as_array()?
        .iter()
        .map(|t| {
            ["table", "source_rows", "target_rows", "equal"].iter().map(|k| t.get(*k).map(template::plain).unwrap_or_default()).collect()
        })
        .collect();
    table("Verification", &["table", "rows at the source", "rows at the target", "equal"], rows)
}

/// What proves that nothing was written between the last look at both sides and the switch.
fn proof(found: &Found) -> Option<Section> {
    let proofs = found.state.steps.values().filter_map(|step| step.outputs.get("proof").map(template::plain));
    let proofs: Vec<Block> = proofs.map(Block::Text).collect();
    (!proofs.is_empty()).then(|| Section::new("Between freeze and switch", proofs))
}

/// What became, in a roll back, of rows that were written on AWS.
fn way_back(found: &Found) -> Option<Section> {
    let record = Record::read(&found.dir.join(effects::WAY_BACK)).filter(|record| record.stage == Stage::Done)?;
    let what = match record.choice {
        Choice::CarryBack => format!("carried back: {}", text::plural(record.rows_carried(), "row")),
        Choice::KeepAside => format!("kept aside: {}", text::plural(record.rows_left(), "row")),
        Choice::AcceptLoss => format!("lost: {}", text::plural(record.rows_left(), "row")),
    };
    let mut blocks = vec![Block::Text(format!("{what}, in {}", text::duration(Duration::from_millis(record.millis))))];
    let mut tables: BTreeMap<&str, [u64; 4]> = record.carried.iter().map(|(table, rows)| (table.as_str(), [*rows, 0, 0, 0])).collect();
    for left in &record.left {
        let row = tables.entry(&left.table).or_default();
        [row[1], row[2], row[3]] = [left.new, left.changed, left.deleted];
    }
    if !tables.is_empty() {
        let head = match record.choice {
            Choice::CarryBack => ["table", "carried back", "not: new on AWS", "not: changed there", "not: deleted there"],
            Choice::KeepAside | Choice::AcceptLoss => ["table", "carried back", "new on AWS", "changed there", "deleted there"],
        };
        let rows = tables.into_iter().map(|(table, counts)| std::iter::once(table.to_owned()).chain(counts.map(text::count)).collect());
        blocks.push(Block::Table { head: head.map(str::to_owned).to_vec(), rows: rows.collect() });
    }
    let mut items: Vec<String> = record.conflicts.iter().map(|row| format!("{} {}: {}", row.table, row.key, row.reason)).collect();
    items.extend(record.left.iter().filter(|left| !left.by_hand.is_empty()).map(|left| format!("{}: {}", left.table, left.by_hand)));
    if let Some(file) = &record.file {
        items.push(format!("{} in {}, SHA-256 {}", text::plural(file.rows, "row"), file.path.display(), file.sha256));
    }
    if let Some(rows) = record.agreed {
        items.push(format!("the loss of {} was agreed to", text::plural(rows, "row")));
    }
    if !items.is_empty() {
        blocks.push(Block::List(items));
    }
    Some(Section::new("Rows written on AWS", blocks))
}

fn left(found: &Found, outline: &[Planned<'_>]) -> Option<Section> {
    let mut items: Vec<String> = outline
        .iter()
        .filter(|p| !matches!(found.state.status(&p.id), Status::Done | Status::Answered))
        .map(|p| format!("{}: {}", p.id, screens::title(p)))
        .collect();
    items.extend(found.records.iter().filter_map(|r| match &r.what {
        crate::wizard::journal::Entry::Ticked { step, verified: false } => Some(format!("check by hand: {step}")),
        _ => None,
    }));
    (!items.is_empty()).then(|| Section::new("What is left to do", vec![Block::List(items)]))
}
