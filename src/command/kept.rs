//! `data apply-kept`: kept rows put into a database, told in words or as JSON.
//! No domain knowledge here: arguments in, words or JSON out.

use super::telling::{out_event, reporter};
use super::{connections, data, out};
use crate::cli::{ApplyKeptArgs, RunArgs};
use crate::data::kept::{self, Manner};
use crate::error::Result;
use crate::text;

pub async fn apply(args: &RunArgs, what: &ApplyKeptArgs) -> Result<u8> {
    let to = connections::target(args, what.target.target.as_deref(), &what.target.target_env).await?;
    let manner = Manner { edited: what.edited, look_only: args.dry_run };
    let teller = reporter(args);
    let applied = data::unless_interrupted(kept::apply(&to, &what.file, manner, &teller)).await;
    drop(teller);
    let Some(applied) = applied? else { return data::interrupted() };
    let code = u8::from(!applied.conflicts.is_empty() || applied.left > 0);
    if args.json {
        out_event("report", &applied)?;
        return Ok(code);
    }
    for row in &applied.conflicts {
        out(format!("left       {} {}: {}", row.table, row.key, row.reason));
    }
    for (table, why) in &applied.by_hand {
        out(format!("by hand    {table}: {why}"));
    }
    let verb = if args.dry_run { "would be " } else { "" };
    out(format!(
        "{} {verb}put in, {} {verb}changed, {} {verb}deleted, {} there already, {} left as they are, {} for your hands",
        text::plural(applied.inserted, "row"),
        text::count(applied.updated),
        text::count(applied.deleted),
        text::count(applied.there),
        text::count(applied.conflicts.len() as u64),
        text::count(applied.left),
    ));
    let next = match (args.dry_run, code) {
        (true, _) => "nothing was written. Next: the same command without --dry-run",
        (false, 0) => "Next: nothing; the file can go when the app has been looked at",
        (false, _) => "Next: look at the rows that are named; their values are in the file",
    };
    out(next);
    Ok(code)
}
