//! `app export`: scripts for the Replit Shell with signed URLs for their uploads, and the check of what arrived.
//! What the scripts are and what a manifest means is `app`'s, S3 is `cloud`'s; here they only meet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{inside, out, out_json};
use crate::app;
use crate::app::inside::{self as scripts, Found, Manifest, Verdict, What};
use crate::cli::{AppExportArgs, RunArgs, WhatArg};
use crate::cloud::bucket::Place;
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;
use crate::postgres::private_file;
use crate::progress::Reporter;
use crate::text;

/// Of a part; the script's own default.
const PART: u64 = 64 << 20;
/// What is named of a long list.
const NAMED: usize = 20;
/// More signed URLs than this are a mistake in --size.
const MOST: u64 = 5 << 40;

pub async fn run(args: &RunArgs, what: &AppExportArgs) -> Result<u8> {
    match &what.check {
        Some(manifest) => check(args, what, manifest).await,
        None => write(args, what).await,
    }
}

async fn write(args: &RunArgs, what: &AppExportArgs) -> Result<u8> {
    if what.out.is_none() && !args.dry_run {
        app::must_be_app(&args.dir)?;
    }
    let (chosen, left_out) = chosen(args, what)?;
    let folder = what.out.clone().unwrap_or_else(|| args.dir.join(crate::runs::FOLDER).join("inside"));
    let place: Option<Place> = what.to.as_deref().map(str::parse).transpose()?;
    let mut files: BTreeMap<String, String> =
        chosen.iter().flat_map(|w| w.scripts()).map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
    files.insert("README.md".to_owned(), scripts::README.to_owned());
    let mut urls = BTreeMap::new();
    if let Some(place) = &place {
        let names = names(&chosen, what.size.min(MOST));
        if args.dry_run {
            out(format!("would sign {} for uploads to {place}", text::plural(names.iter().map(|(_, n)| n.len() as u64).sum(), "URL")));
        } else {
            let aws = inside::session(args).await?;
            for (file, names) in names {
                // Where they lead, for what the script says at its end.
                let mut lines = format!("#to\t{place}\n");
                for name in names {
                    let url = place.upload_url(&aws, &name, Duration::from_secs(what.hours * 3600)).await?;
                    lines.push_str(&format!("{name}\t{}\n", url.expose()));
                }
                urls.insert(file, lines);
            }
        }
    }
    if !urls.is_empty() {
        // each of them lets whoever has it write there
        files.insert(".gitignore".to_owned(), "*.urls\n".to_owned());
    }
    if !args.dry_run {
        let why = format!("cannot write into {}", folder.display());
        own_folder::make(&folder).or_fail(Kind::Input, &why, "choose another folder with --out")?;
        for (name, text) in &files {
            std::fs::write(folder.join(name), text).or_fail(Kind::Input, &why, "choose another folder with --out")?;
        }
        for (name, lines) in &urls {
            private_file::write(&folder.join(name), lines)?;
        }
    }
    let commands: Vec<String> = chosen.iter().map(|w| command(*w, place.as_ref())).collect();
    if args.json {
        let names: Vec<&String> = files.keys().chain(urls.keys()).collect();
        let left_out: Vec<&str> = left_out.iter().map(|w| w.name()).collect();
        out_json(&json!({ "folder": folder, "files": names, "commands": commands, "left_out": left_out, "written": !args.dry_run }))?;
        return Ok(0);
    }
    let verb = if args.dry_run { "would write" } else { "wrote" };
    out(format!("{verb} {} into {}", text::plural((files.len() + urls.len()) as u64, "file"), folder.display()));
    for one in &left_out {
        out(format!("left out: {}, since the app is not seen to use {} (--what {0} or --all writes it)", one.name(), one.looked_for()));
    }
    if !urls.is_empty() {
        out(format!(
            "{} hold signed URLs: whoever has one may upload there for {} h. Delete them afterwards",
            list(urls.keys()),
            what.hours
        ));
    }
    out("Next: put the folder into the app at Replit (drag it into the file tree), and run there, best as a workflow:");
    for command in commands {
        out(format!("  {command}"));
    }
    out("Then, here: migrate-wizard app export --check WHAT.manifest.jsonl");
    Ok(0)
}

/// What is written, and what is left out: what was named, else what the app is seen to use; all of it where there is no app to read.
fn chosen(args: &RunArgs, what: &AppExportArgs) -> Result<(Vec<What>, Vec<What>)> {
    if !what.what.is_empty() {
        let named: BTreeSet<What> = what.what.iter().copied().map(kind).collect();
        return Ok((named.into_iter().collect(), Vec::new()));
    }
    if what.all || app::must_be_app(&args.dir).is_err() {
        return Ok((What::ALL.to_vec(), Vec::new()));
    }
    let scan = app::scan(&args.dir, &Reporter::silent())?;
    let (used, left): (Vec<What>, Vec<What>) = What::ALL.into_iter().partition(|one| one.is_used(&scan));
    if used.is_empty() {
        let error = Error::new(Kind::Input, format!("{}: nothing was found that is reached only inside Replit", scan.name));
        let error = left.iter().fold(error, |error, one| error.cause(format!("the app is not seen to use {}", one.looked_for())));
        return Err(error.hint("--what WHAT writes the script for one of them, --all writes all three"));
    }
    Ok((used, left))
}

fn kind(what: WhatArg) -> What {
    match what {
        WhatArg::Database => What::Database,
        WhatArg::Objects => What::Objects,
        WhatArg::Kv => What::Kv,
    }
}

/// File of URLs → names of the uploads. Objects are too many to be signed one by one: their script signs itself.
fn names(chosen: &[What], size: u64) -> Vec<(String, Vec<String>)> {
    chosen
        .iter()
        .filter_map(|what| match what {
            What::Database => Some(("database.urls".to_owned(), scripts::database_names(size, PART))),
            What::Kv => Some(("kv.urls".to_owned(), scripts::KV_NAMES.map(str::to_owned).to_vec())),
            What::Objects => None,
        })
        .collect()
}

fn command(what: What, place: Option<&Place>) -> String {
    match (what, place) {
        (What::Database, Some(_)) => "bash database.sh --urls database.urls".to_owned(),
        (What::Database, None) => "bash database.sh".to_owned(),
        (What::Kv, Some(_)) => "node kv.mjs --urls kv.urls".to_owned(),
        (What::Kv, None) => "node kv.mjs".to_owned(),
        (What::Objects, Some(place)) => format!("node objects.mjs --to s3://{}", place.bucket),
        (What::Objects, None) => "node objects.mjs --to s3://BUCKET".to_owned(),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.cloned().collect::<Vec<_>>().join(" and ")
}

async fn check(args: &RunArgs, what: &AppExportArgs, path: &Path) -> Result<u8> {
    let text = std::fs::read_to_string(path).or_fail(
        Kind::Input,
        format!("cannot read {}", path.display()),
        "give the manifest that the script wrote: WHAT.manifest.jsonl",
    )?;
    let manifest = Manifest::parse(&path.display().to_string(), &text)?;
    let folder = what.folder.clone().or_else(|| path.parent().map(Path::to_owned)).unwrap_or_else(|| PathBuf::from("."));
    let (found, whole, place) = match &what.to {
        Some(to) => {
            let place: Place = to.parse()?;
            let stored = place.list(&inside::session(args).await?).await?;
            let found = stored.into_iter().map(|s| (s.name, Found { size: s.bytes, etag: Some(s.etag), ..Found::default() })).collect();
            (found, None, place.to_string())
        }
        None if manifest.what == What::Objects => {
            return Err(Error::new(Kind::Usage, "objects are checked where they are").hint("say where they were sent: --to s3://BUCKET"));
        }
        None => {
            let (found, whole) = scripts::files(&manifest, &folder)?;
            (found, whole, folder.display().to_string())
        }
    };
    let mut verdict = scripts::check(&manifest, &found);
    verdict.faults.extend(whole);
    // a manifest of another run is whole in itself
    let elsewhere = what.to.is_some() && manifest.to.as_deref().is_some_and(|to| to.trim_end_matches('/') != place.trim_end_matches('/'));
    if args.json {
        out_json(&json!({ "holds": verdict.holds(), "at": manifest.at, "sent_to": manifest.to, "verdict": verdict }))?;
    } else {
        if let (Some(at), true) = (&manifest.at, elsewhere || !verdict.holds()) {
            let to = manifest.to.as_deref().map(|to| format!(", which sent to {to}")).unwrap_or_default();
            out(format!("the manifest is of the run of {at}{to}; is that the one you mean?"));
        }
        tell(&verdict, &manifest, &place);
    }
    Ok(u8::from(!verdict.holds()))
}

fn tell(verdict: &Verdict, manifest: &Manifest, place: &str) {
    out(format!(
        "{} in {place}: {} of {} expected ({}), {} proved by digest",
        verdict.what.name(),
        text::count(verdict.proved + verdict.by_size.len() as u64),
        text::count(verdict.expected),
        text::bytes(verdict.bytes),
        text::count(verdict.proved),
    ));
    for fault in verdict.faults.iter().take(NAMED) {
        out(format!("  {}: {}", fault.name, fault.why));
    }
    named("right in size; S3 keeps no digest of them that can be compared (sent in parts, or encrypted with KMS)", &verdict.by_size);
    named("there, but not in the manifest (left alone)", &verdict.extra);
    if !verdict.holds() {
        out(format!(
            "{} to mend. Next: run the script at Replit again, it sends what is missing; then this",
            text::plural(verdict.faults.len() as u64, "thing")
        ));
        return;
    }
    let next = match manifest.what {
        What::Database => {
            "cat database.dump.part-* > database.dump && pg_restore --no-owner --no-acl --exit-on-error -d TARGET database.dump"
        }
        What::Objects => "set DEFAULT_OBJECT_STORAGE_BUCKET_ID, PRIVATE_OBJECT_DIR and PUBLIC_OBJECT_SEARCH_PATHS to the bucket",
        What::Kv => "load it into the table kv: docs/inside-replit.md",
    };
    out(format!("everything is there. Next: {next}"));
}

fn named(why: &str, names: &[String]) {
    if !names.is_empty() {
        let some: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        out(format!("{} {why}: {}{}", text::count(names.len() as u64), some.join(", "), if names.len() > NAMED { ", …" } else { "" }));
    }
}
