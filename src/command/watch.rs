//! `watch`: the watch of the cutover again, for as long as one likes, on the newest run whose traffic is on AWS.
//! Never writes to the journal: readings go into the run's `watch.jsonl`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::run::checked_books;
use super::telling::{out_event, reporter};
use super::{going_back, out};
use crate::cli::{RunArgs, WatchArgs};
use crate::effects::{self, Setup, World};
use crate::error::{Error, Kind, Result};
use crate::runs::{self, Found};
use crate::text;
use crate::watch::Book;
use crate::wizard::effect::Context;
use crate::wizard::plan::{self, Books};
use crate::wizard::playbook::Action;
use crate::wizard::state::{State, Status};
use crate::wizard::template::plain;
use crate::wizard::view::Mode;

/// A watch that stopped so long ago is not gone on with: the next is a new one.
const GOES_ON_WITHIN: Duration = Duration::from_secs(15 * 60);

pub async fn run(args: &RunArgs, what: &WatchArgs) -> Result<u8> {
    let found = runs::newest_or_tour(&args.dir, |state| state.mode == Mode::Live && !state.sandbox && state.rollback.is_none())?;
    let found = found.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no live run in {}", args.dir.display()))
            .hint("watching begins when a run's traffic is on AWS; in a sandbox there is no deployed app to look at")
    })?;
    let books = Arc::new(checked_books(args, &found.state.journey)?.1);
    let (step, fields) = watch_of(&books, &found, what)?;
    let length = fields.get("for").map(plain).unwrap_or_default();
    let setup = Setup { going_back: Some(going_back::of_run(&args.dir, &found.dir, &books)), ..Setup::default() };
    let world = World::open(args, &found.dir, &found.state, setup).await?;
    let effect = effects::registry().build("watch", fields)?;
    let token = token(&Book::of(&found.dir), &found.state, &length)?;
    let told = reporter(args);
    if !args.json {
        out(format!("run {}, as in its step {step}: {}", found.state.run, effect.describe().sentence));
    }
    let cx = Context { token, reporter: told.clone(), before: std::collections::BTreeMap::new() };
    let outputs = tokio::select! {
        ended = effect.apply(&world, &cx) => ended,
        _ = tokio::signal::ctrl_c() => Err(Error::new(Kind::Interrupted, "the watch was stopped").hint("the same command goes on with the time that is left")),
    };
    drop((cx, told));
    let outputs = outputs?;
    let summary = outputs.get("summary").map(plain).unwrap_or_default();
    if args.json {
        out_event("watched", &outputs)?;
    } else {
        out(format!("no limit was broken: {summary}"));
        out("Next: migrate-wizard cutover status, or watch for longer with --for");
    }
    Ok(0)
}

/// The last watch of the run's playbooks, with its holes filled; refused before traffic is on AWS.
fn watch_of(books: &Books, found: &Found, what: &WatchArgs) -> Result<(String, Value)> {
    let facts = found.state.facts();
    let mut guards = books.forward.iter().flat_map(|book| &book.steps).filter_map(|step| step.guard_until.as_deref());
    let switched = guards.all(|until| found.state.status(until) == Status::Done);
    let outline = books.outline(&facts);
    let last = outline.iter().rev().filter(|planned| planned.applies == Some(true)).find_map(|planned| match &planned.step.action {
        Action::Effect(spec) if spec.kind == "watch" => Some((planned, spec)),
        Action::Effect(_) | Action::Ask(_) | Action::Manual(_) => None,
    });
    let Some((planned, spec)) = last.filter(|_| switched) else {
        return Err(Error::new(Kind::Refused, format!("the traffic of run {} is not on AWS yet", found.state.run))
            .hint("go on with the run: migrate-wizard, or migrate-wizard cutover go; the watch is a step of its own there"));
    };
    let mut fields = plan::resolve(planned, spec, &facts)?;
    if let (Some(length), Some(map)) = (&what.length, fields.as_object_mut()) {
        map.insert("for".to_owned(), json!(length));
    }
    Ok((planned.id.clone(), fields))
}

/// Under which name the readings are kept: that of the last watch by command where it was stopped just now, else a new one.
fn token(book: &Book, state: &State, length: &str) -> Result<String> {
    let own = format!("watch-{}-{length}-", state.run);
    let kept = book.read()?;
    let last = kept.iter().rev().find(|kept| kept.watch.starts_with(&own));
    let now = jiff::Timestamp::now();
    let wanted = text::parse_duration(length).unwrap_or_default().as_millis();
    let open = last.filter(|last| {
        let away: Duration = now.duration_since(last.reading.at).try_into().unwrap_or_default();
        let mine = kept.iter().filter(|one| one.watch == last.watch);
        let watched: u128 = crate::watch::Watcher::of(mine.map(|one| one.reading.clone())).watched().as_millis();
        away < GOES_ON_WITHIN && watched < wanted
    });
    let again = open.and_then(|last| last.watch.split(' ').next()).map(str::to_owned);
    Ok(again.unwrap_or_else(|| format!("{own}{}", now.as_second())))
}
