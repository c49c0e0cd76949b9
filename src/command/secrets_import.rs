//! `secrets import`: Replit's block sorted and taken over, and what became of each name.
//! Never prints a secret's value.

use serde::Serialize;

use super::secrets::Place;
use super::{out, out_json};
use crate::app::secrets::{Becomes, Block, Entry, OfDatabase, Sorted, Table, parse, plain_file, puts, sort};
use crate::app::{self, env};
use crate::cli::{ImportArgs, RunArgs};
use crate::cloud::Secret;
use crate::cloud::secrets::Change;
use crate::effects::{app_secrets, environment};
use crate::error::{Context, Kind, Result};
use crate::faces::line::hidden;
use crate::progress::Reporter;

/// What became of one name.
#[derive(Serialize)]
struct Taken {
    name: String,
    /// `secret`, `plain`, `replit`, `replaced` or `renew`.
    becomes: &'static str,
    secret: Option<String>,
    key: Option<String>,
    why: String,
    warnings: Vec<String>,
    /// `created`, `updated`, `unchanged`, `kept` (plain) or `none`.
    done: String,
}

async fn block(import: &ImportArgs) -> Result<Block> {
    if !import.ask.is_empty() {
        let ask = |name: &String| Ok(Entry { name: name.clone(), value: Secret::new(hidden::value(name)?), line: None });
        return Ok(Block { entries: import.ask.iter().map(ask).collect::<Result<_>>()?, notes: Vec::new() });
    }
    match import.file.as_deref() {
        None | Some("-") => {
            // the signals first: what ends this program from outside finds the terminal put back
            let text = tokio::select! {
                biased;
                () = super::inside::ended() => Err(hidden::stopped()),
                text = hidden::block() => text,
            };
            parse(&text?, "the block")
        }
        Some(path) => {
            let text =
                std::fs::read_to_string(path).or_fail(Kind::Input, format!("cannot read {path}"), "name a UTF-8 text file with --file")?;
            parse(&text, path)
        }
    }
}

pub async fn take_over(args: &RunArgs, import: &ImportArgs) -> Result<u8> {
    let place = Place::of(args, &import.whose)?;
    // Prisma's directUrl, and what no stack gives, are told by the code alone
    let table = if app::must_be_app(&args.dir).is_ok() {
        let scan = app::scan(&args.dir, &Reporter::silent())?;
        Table::of(&scan, &environment::plan(&scan, &place.decided)?)?
    } else {
        Table::bundled()?
    };
    let block = block(import).await?;
    // a value that was asked for is a new one
    let take: Vec<String> = import.take.iter().chain(&import.ask).cloned().collect();
    let sorted = sort(&block.entries, &table);
    let puts = puts(&sorted, &take)?;
    let mut rows: Vec<Taken> = sorted.iter().map(|s| taken(s, &place, &take, &table)).collect::<Result<_>>()?;
    if !args.dry_run {
        let aws = place.aws(args).await?;
        for put in &puts {
            let token = uuid::Uuid::new_v4().simple().to_string();
            let (_, change) = app_secrets::store(&aws, &place.app, &place.environment, put, &token).await?;
            let done = match change {
                Change::Created => "created",
                Change::Updated => "updated",
                Change::Unchanged => "unchanged",
            };
            let full = format!("{}{}", place.prefix(), put.secret);
            rows.iter_mut().filter(|r| r.secret.as_ref() == Some(&full) && r.becomes == "secret").for_each(|r| r.done = done.to_owned());
        }
        let path = plain_file::path(&args.dir, place.prefix().trim_end_matches('/'));
        let changed = plain_file::add(&path, &app_secrets::plain(&sorted))?;
        for row in rows.iter_mut().filter(|r| r.becomes == "plain") {
            row.done = if changed.contains(&row.name) { "kept" } else { "unchanged" }.to_owned();
        }
    }
    if args.json {
        out_json(&rows)?;
        return Ok(0);
    }
    tell(&rows, &block.notes, args.dry_run);
    Ok(0)
}

fn taken(sorted: &Sorted, place: &Place, take: &[String], table: &Table) -> Result<Taken> {
    let renew = sorted.renew && !take.contains(&sorted.name);
    let becomes = match sorted.becomes {
        Becomes::Secret if renew => "renew",
        Becomes::Secret => "secret",
        Becomes::Plain => "plain",
        Becomes::Replit => "replit",
        Becomes::Replaced => "replaced",
    };
    // what takes a name's place depends on what was decided
    let name = if table.database(&sorted.name) == Some(OfDatabase::Same) { "DATABASE_URL" } else { &sorted.name };
    let why = if sorted.becomes == Becomes::Replaced { env::unneeded(name, &place.decided)? } else { None };
    Ok(Taken {
        name: sorted.name.clone(),
        becomes,
        secret: sorted.home.as_ref().map(|home| format!("{}{}", place.prefix(), home.secret)),
        key: sorted.home.as_ref().and_then(|home| home.key.clone()),
        why: why.unwrap_or_else(|| sorted.why.clone()),
        warnings: sorted.warnings.clone(),
        done: "none".to_owned(),
    })
}

fn tell(rows: &[Taken], notes: &[String], dry: bool) {
    let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(0);
    for row in rows {
        let key = row.key.as_ref().map(|key| format!(" key {key}")).unwrap_or_default();
        let at = || format!("{}{key}", row.secret.clone().unwrap_or_default());
        let what = match row.becomes {
            "secret" => format!("secret {}", at()),
            "plain" => format!("plain variable: {}", row.why),
            "replit" => format!("dropped, Replit's own: {}", row.why),
            "replaced" => format!("dropped, another on AWS: {}", row.why),
            _ => format!("not taken, needs a new value: {}", at()),
        };
        let done = if row.done == "none" { String::new() } else { format!("  {}", row.done) };
        out(format!("  {:width$}  {what}{done}", row.name));
        for warning in &row.warnings {
            out(format!("  {:width$}  ! {warning}", ""));
        }
    }
    for note in notes {
        out(format!("  note: {note}"));
    }
    let count = |becomes: &str| rows.iter().filter(|r| r.becomes == becomes).count();
    out(format!(
        "\n{} secret, {} plain, {} dropped, {} to be renewed. {}",
        count("secret"),
        count("plain"),
        count("replit") + count("replaced"),
        count("renew"),
        if dry { "Nothing was stored. Next: the same command without --dry-run" } else { "Next: migrate-wizard secrets list" }
    ));
}
