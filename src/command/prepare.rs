//! `app prepare`: the app's code changed for AWS, on a branch of its own or as patch files.
//! Which edits those are is `app::edits`'; here they are shown, accepted and handed to git.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::engines::{decisions, say_whose};
use super::prepared_branch::{self, Commit};
use super::{out, out_json};
use crate::app::{self, Reading, edits};
use crate::cli::{PrepareArgs, RunArgs};
use crate::error::{Context, Error, Kind, Result};
use crate::faces::line::accept::{self, Offer};
use crate::progress::aside;
use crate::text;

pub fn run(args: &RunArgs, what: &PrepareArgs) -> Result<u8> {
    if what.list {
        return list(args);
    }
    let root = super::app_dir(args, what.app.as_deref())?;
    app::must_be_app(root)?;
    say_whose(&RunArgs { dir: root.to_path_buf(), ..args.clone() })?;
    let reading = Reading::of(root)?;
    let files = with_ours(root, reading.files())?;
    if !reading.has(".replit") {
        aside(format_args!(
            "note: {} has no .replit file: it is not a Replit app, or not the app's root; going on from its other files",
            root.display()
        ));
    }
    let decided = decisions(&RunArgs { dir: root.to_path_buf(), ..args.clone() })?;
    for difference in app::made_for_other(&files, &decided) {
        aside(format_args!("note: {difference}"));
    }
    let mut kept = BTreeSet::new();
    let mut prepared = edits::prepare(&files, &edits::Asked { only: &what.only, left: &kept, decided: &decided }, Some(&reading))?;
    if prepared.iter().all(|one| one.changes.is_empty()) {
        return nothing(args, &what.only, &prepared);
    }
    // What would stop it is said before anybody reads a diff.
    let before = match &what.patches {
        _ if args.dry_run => None,
        Some(folder) => check_folder(folder).map(|()| None)?,
        None if !args.yes && !std::io::stdin().is_terminal() => None,
        None => Some(prepared_branch::check(root, &what.branch, &paths(&prepared))?),
    };
    let asks = !args.yes && !args.dry_run && !args.json && std::io::stdin().is_terminal();
    if args.dry_run || !(args.yes || asks) {
        show(args, &prepared, false)?;
        if !args.json {
            idle(&what.only, &prepared);
            stands(&prepared);
            aside(format_args!("nothing was changed. Next: the same with --yes takes all, in a terminal it asks by file"));
        }
        return Ok(u8::from(!args.dry_run));
    }
    if asks {
        prepared = accepted(&files, &reading, what, &decided, &mut kept, prepared)?;
        if prepared.iter().all(|one| one.changes.is_empty()) {
            aside(format_args!("nothing was changed: no file was taken"));
            return Ok(1);
        }
    }
    let commits: Vec<Commit<'_>> =
        prepared.iter().filter(|one| !one.changes.is_empty()).map(|one| Commit { message: message(one), changes: &one.changes }).collect();
    match (&what.patches, before) {
        (Some(folder), _) => write_patches(folder, &prepared)?,
        (None, Some(before)) => prepared_branch::make(root, &what.branch, &before, &commits)?,
        (None, None) => return Err(Error::bug("a branch was to be made that was not checked")),
    }
    show(args, &prepared, true)?;
    if !args.json {
        tell(what, root, &prepared);
    }
    Ok(0)
}

/// The app's texts, with what is no code of its own: the checklist, SQL and files on S3 of an earlier run.
fn with_ours(root: &Path, mut files: Vec<(String, String)>) -> Result<Vec<(String, String)>> {
    let mut paths = vec![edits::CHECKLIST.to_owned()];
    for (folder, end) in [(edits::SQL_FOLDER, ".sql"), (edits::STORAGE_FOLDER, ".ts")] {
        // without the folder there is none
        let there = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let names = there.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.ends_with(end));
        paths.extend(names.map(|name| format!("{folder}{name}")));
    }
    for ours in paths {
        let path = root.join(&ours);
        if path.is_file() {
            let what = format!("cannot read {} as UTF-8", path.display());
            files.push((ours, std::fs::read_to_string(&path).or_fail(Kind::Input, what, "correct the file, or move it away")?));
        }
    }
    Ok(files)
}

fn list(args: &RunArgs) -> Result<u8> {
    let known = edits::known()?;
    if args.json {
        out_json(&known)?;
        return Ok(0);
    }
    for edit in &known {
        let answers: Vec<&str> = edit.signals.iter().chain(&edit.eases).map(String::as_str).collect();
        let needs = edit
            .needs
            .as_ref()
            .map_or_else(String::new, |needs| format!(" (for {needs}{})", if needs.undecided { ", or nothing decided" } else { "" }));
        out(format!("{:<18} {:<10} {}{needs}", edit.id, answers.join(" "), edit.title));
        out(format!("{:<29} {}", "", edit.why));
    }
    Ok(0)
}

fn nothing(args: &RunArgs, only: &[String], prepared: &[edits::Prepared]) -> Result<u8> {
    if args.json {
        out_json(&json!({ "applied": false, "edits": prepared }))?;
    } else {
        aside(format_args!("nothing to change"));
        idle(only, prepared);
        for line in prepared.iter().filter_map(|one| one.standing.as_ref()).flat_map(|standing| &standing.open) {
            out(format!("for a person: {line}"));
        }
        stands(prepared);
        aside(format_args!("Next: migrate-wizard app scan"));
    }
    Ok(0)
}

/// Edits that were named and met nothing.
fn idle(only: &[String], prepared: &[edits::Prepared]) {
    for edit in only.iter().filter(|id| prepared.iter().all(|one| one.edit.id != **id)) {
        aside(format_args!("{edit}: nothing to change in this app"));
    }
}

/// How far a person is with the list; nothing where there is none.
fn stands(prepared: &[edits::Prepared]) {
    let written = |standing: &&edits::Standing| !standing.open.is_empty() || standing.ticked > 0;
    if let Some(standing) = prepared.iter().find_map(|one| one.standing.as_ref()).filter(written) {
        let open = text::plural(standing.open.len() as u64, "item");
        aside(format_args!("{}: {open} open, {} ticked", edits::CHECKLIST, standing.ticked));
    }
}

fn paths(prepared: &[edits::Prepared]) -> Vec<&edits::Change> {
    let mut seen = BTreeSet::new();
    prepared.iter().flat_map(|one| &one.changes).filter(|change| seen.insert(&change.path)).collect()
}

/// A file before the first edit and after the last, and why.
#[derive(Default)]
struct Whole<'a> {
    before: Option<&'a str>,
    after: Option<&'a str>,
    reasons: Vec<String>,
}

/// Each file once, with all that the edits do to it.
fn offers(prepared: &[edits::Prepared]) -> Vec<Offer> {
    let mut files: BTreeMap<&str, Whole<'_>> = BTreeMap::new();
    for (one, change) in prepared.iter().flat_map(|one| one.changes.iter().map(move |change| (one, change))) {
        let file = files.entry(&change.path).or_insert_with(|| Whole { before: change.before.as_deref(), ..Whole::default() });
        file.after = change.after.as_deref();
        file.reasons.extend(change.reasons.iter().map(|reason| format!("{reason} [{}]", one.edit.id)));
    }
    files
        .into_iter()
        .map(|(path, file)| Offer { path: path.to_owned(), reasons: file.reasons, diff: edits::diff(path, file.before, file.after) })
        .collect()
}

/// Asks about each file; what is kept is left out and the edits are worked out anew, until nothing unseen is among them.
fn accepted(
    files: &[(String, String)],
    reading: &Reading,
    what: &PrepareArgs,
    decided: &edits::Decided,
    kept: &mut BTreeSet<String>,
    mut prepared: Vec<edits::Prepared>,
) -> Result<Vec<edits::Prepared>> {
    let mut seen: Vec<(String, String)> = Vec::new();
    loop {
        let open: Vec<Offer> =
            offers(&prepared).into_iter().filter(|offer| !seen.contains(&(offer.path.clone(), offer.diff.clone()))).collect();
        if open.is_empty() {
            return Ok(prepared);
        }
        let taken = accept::files(&open)?;
        for offer in open {
            if taken.contains(&offer.path) {
                seen.push((offer.path, offer.diff));
            } else {
                kept.insert(offer.path);
            }
        }
        prepared = edits::prepare(files, &edits::Asked { only: &what.only, left: kept, decided }, Some(reading))?;
    }
}

fn message(one: &edits::Prepared) -> String {
    let mut out = format!("{}\n\n{}.\n", one.edit.title, one.edit.why);
    for change in &one.changes {
        out.push_str(&format!("\n{}: {}", change.path, change.reasons.join("; ")));
    }
    out.push('\n');
    out
}

fn show(args: &RunArgs, prepared: &[edits::Prepared], applied: bool) -> Result<()> {
    if args.json {
        return out_json(&json!({ "applied": applied, "edits": prepared }));
    }
    if applied {
        for one in prepared.iter().filter(|one| !one.changes.is_empty()) {
            out(format!("{}: {} ({})", one.edit.id, one.edit.title, text::plural(one.changes.len() as u64, "file")));
        }
        return Ok(());
    }
    for offer in offers(prepared) {
        aside(format_args!("{}", offer.path));
        offer.reasons.iter().for_each(|reason| aside(format_args!("  because: {reason}")));
        out(offer.diff.trim_end_matches('\n'));
    }
    for item in prepared.iter().flat_map(|one| &one.items).filter(|item| !item.done) {
        aside(format_args!("for a person: {}: {} ({})", item.place(), item.what, item.why));
    }
    for (edit, needs) in prepared.iter().filter(|one| !one.changes.is_empty()).filter_map(|one| Some((&one.edit, one.edit.needs.as_ref()?)))
    {
        aside(format_args!("{}: for {needs}; with another decision, say so: --set {}=…", edit.id, needs.decision));
    }
    Ok(())
}

/// To standard error, so that the list of edits may go down a pipe.
fn tell(what: &PrepareArgs, root: &Path, prepared: &[edits::Prepared]) {
    let commands: BTreeSet<&str> = prepared.iter().flat_map(|one| &one.commands).map(String::as_str).collect();
    for command in commands {
        let locks = [" install", " lock"].iter().any(|word| command.contains(word));
        aside(format_args!("run: {command}{}", if locks { "   (the lock file follows; commit it)" } else { "" }));
    }
    idle(&what.only, prepared);
    stands(prepared);
    match &what.patches {
        Some(folder) => aside(format_args!("Next, in the app's folder: git apply {}/*.patch", from_app(root, folder).display())),
        None => aside(format_args!("you are on {}. Next: look at it (git log -p), run the app's checks, and merge it", what.branch)),
    }
}

/// A folder as it is named in the app's folder; whole, where the command was run elsewhere.
fn from_app(root: &Path, folder: &Path) -> PathBuf {
    let is_here = std::fs::canonicalize(root).ok() == std::env::current_dir().and_then(std::fs::canonicalize).ok();
    if is_here { folder.to_path_buf() } else { std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()) }
}

fn check_folder(folder: &Path) -> Result<()> {
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(Error::new(Kind::Input, format!("cannot write patches to {}", folder.display()))
                .because(&error)
                .hint("name a folder that can be made"));
        }
    };
    if taken {
        return Err(Error::new(Kind::Refused, format!("{} is not empty", folder.display())).hint("name another folder, or empty it"));
    }
    Ok(())
}

/// All files in a folder of another name first: the folder is there whole or not at all.
fn write_patches(folder: &Path, prepared: &[edits::Prepared]) -> Result<()> {
    let what = || format!("cannot write patches to {}", folder.display());
    let hint = "check permissions and free space";
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::create_dir_all(&beside).and_then(|()| {
        for (number, one) in prepared.iter().filter(|one| !one.changes.is_empty()).enumerate() {
            let diffs: String = one.changes.iter().map(|change| change.diff.as_str()).collect();
            std::fs::write(beside.join(format!("{:04}-{}.patch", number + 1, one.edit.id)), format!("{}\n{diffs}", message(one)))?;
        }
        // An empty folder of that name gives way.
        if folder.is_dir() {
            std::fs::remove_dir(folder)?;
        }
        std::fs::rename(&beside, folder)
    });
    if written.is_err() {
        let _nothing_to_remove = std::fs::remove_dir_all(&beside);
    }
    written.or_fail(Kind::Unreachable, what(), hint)
}
