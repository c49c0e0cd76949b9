//! `schema edit-orm`: the app's own schema files brought in line with the converted schema.
//! Which edits those are is `app`'s, what the schema becomes is `schema`'s; here they only meet.

use std::path::Path;

use serde_json::json;

use super::{out, out_json, schema as commands, worktree};
use crate::app::{self, orm};
use crate::cli::{EditOrmArgs, RunArgs};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::aside;
use crate::schema::{self, Conversion, Target};
use crate::text;

/// The command; exit code 1 when something needs a hand.
pub async fn run(args: &RunArgs, what: &EditOrmArgs) -> Result<u8> {
    let root = super::app_dir(args, what.app.as_deref())?;
    let files = app::sources(root)?;
    if !files.iter().any(|(path, text)| text.contains("drizzle-orm") || path.ends_with(".prisma")) {
        return Err(Error::new(Kind::Input, format!("{} has no schema files of Drizzle or Prisma", root.display()))
            .cause("expected: a TypeScript file that imports drizzle-orm, or a .prisma file; node_modules and ignored files are not read")
            .hint("name the app's folder: migrate-wizard schema edit-orm DIR"));
    }
    let (sql, conversion) = commands::from_sql(args, &what.schema.input, what.schema.target.name().parse()?).await?;
    let change = change(&sql, &conversion)?;
    let outcome = orm::edit(&files, &change);
    // A dry run shows the diff.
    let what = &EditOrmArgs { apply: what.apply && !args.dry_run, patch: what.patch.clone().filter(|_| !args.dry_run), ..what.clone() };
    if what.apply {
        apply(root, &outcome, what.force)?;
    }
    let diff: String = outcome.files.iter().map(|file| file.diff.as_str()).collect();
    if let Some(path) = &what.patch {
        std::fs::write(path, &diff).or_fail(Kind::Unreachable, format!("cannot write {}", path.display()), "check the folder")?;
    }
    if args.json {
        out_json(
            &json!({ "target": conversion.target, "applied": what.apply, "files": outcome.files, "hands": outcome.hands, "notes": outcome.notes, "commands": outcome.commands }),
        )?;
    } else {
        if what.apply {
            for file in &outcome.files {
                out(format!("{}: {}", file.path, text::plural(file.edits.len() as u64, "edit")));
            }
        } else if what.patch.is_none() && !diff.is_empty() {
            out(diff.trim_end_matches('\n'));
        }
        tell(&outcome, what);
    }
    Ok(u8::from(!outcome.hands.is_empty()))
}

/// Both sides of the conversion, as the edits need them.
///
/// # Errors
/// As [`schema::convert`].
fn change(sql: &str, conversion: &Conversion) -> Result<orm::Change> {
    // What RDS gets is the source itself.
    let from = side(&schema::convert(sql, Target::Rds, &schema::Options::default())?)?;
    Ok(orm::Change { from, to: side(conversion)?, runs_drizzle_kit: conversion.target != Target::Dsql })
}

/// The outline has the same names; what the edits do not need is left out.
fn side(conversion: &Conversion) -> Result<orm::Schema> {
    let outline = schema::outline(conversion)?;
    serde_json::to_value(outline)
        .and_then(serde_json::from_value)
        .map_err(|error| Error::bug(format!("an outline is not what the edits read: {error}")))
}

fn apply(root: &Path, outcome: &orm::Outcome, force: bool) -> Result<()> {
    let paths: Vec<&str> = outcome.files.iter().map(|file| file.path.as_str()).collect();
    if !force && !paths.is_empty() {
        worktree::check_clean(root, &paths)?;
    }
    for file in &outcome.files {
        worktree::replace(&root.join(&file.path), &file.before, &file.after)?;
    }
    Ok(())
}

/// To standard error, so that a diff may go down a pipe.
fn tell(outcome: &orm::Outcome, what: &EditOrmArgs) {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !outcome.hands.is_empty() {
        aside(format_args!("needs a hand:"));
    }
    for hand in &outcome.hands {
        let side = |text: &str| if text.is_empty() { "nothing".to_owned() } else { plain(text) };
        aside(format_args!("  {}:{} {}: {} -> {}", hand.path, hand.line, hand.object, side(&hand.from), side(&hand.to)));
        aside(format_args!("      {}", plain(&hand.why)));
    }
    if !outcome.notes.is_empty() {
        aside(format_args!("good to know:"));
    }
    for note in &outcome.notes {
        aside(format_args!("  {}:{} {}", note.path, note.line, plain(&note.what)));
    }
    for command in &outcome.commands {
        aside(format_args!("run: {command}"));
    }
    let (files, hands) = (outcome.files.len() as u64, outcome.hands.len() as u64);
    let count = format!("{}, {} for a hand", text::plural(files, "file"), text::count(hands));
    let next = match (files, what.apply, &what.patch) {
        (0, _, _) => {
            aside(format_args!("nothing to change; {} for a hand", text::count(hands)));
            return;
        }
        (_, true, _) => "npx tsc --noEmit, then git diff".to_owned(),
        (_, false, Some(path)) => format!("git apply {}", path.display()),
        (_, false, None) => "the same with --apply writes it".to_owned(),
    };
    aside(format_args!("{count}. Next: {next}"));
}
