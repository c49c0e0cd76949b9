//! What of an app's own code is changed so that it runs on AWS: each edit gives changes to files, and what it must leave to a person.
//! Never reads or writes a file, and never runs anything: the app's texts in, changed texts out.

mod browser;
mod carry;
mod checklist;
mod connector;
mod driver;
mod drop_in;
mod dsql;
mod health;
mod hosts;
mod link;
mod link_prisma;
mod lock;
mod login;
mod login_python;
mod mailer;
mod migration;
mod models;
mod never;
mod package;
mod paths;
mod push;
mod pyproject;
mod redis_tls;
mod sessions;
mod shims;
mod split;
mod sql;
mod stripe;
mod syntax;
mod tls;
mod uploads;
mod vite;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use super::needs::{Decided, Needs};
pub use super::orm::edit::diff;
pub use checklist::{CHECKLIST, Standing};
pub use health::makes as makes_health;
pub use lock::FILES as LOCK_FILES;
pub use shims::BESIDE as STORAGE_FOLDER;
pub use sql::FOLDER as SQL_FOLDER;
pub use work::{Change, Item};

use lock::Lock;
use work::Work;

use super::reading::Reading;
use crate::error::{Error, Kind, Result};

const TABLE: &str = include_str!("../../../assets/edits.toml");

/// One edit as the table has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub id: String,
    pub title: String,
    pub why: String,
    /// Signals that it answers: a second scan has them no more.
    #[serde(default)]
    pub signals: Vec<String>,
    /// Signals that it eases: what they look for stays, harmless now.
    #[serde(default)]
    pub eases: Vec<String>,
    /// For some outcomes of a decision alone.
    #[serde(default)]
    pub needs: Option<Needs>,
}

impl Edit {
    fn is_wanted(&self, asked: &Asked<'_>) -> bool {
        if !asked.only.is_empty() {
            return asked.only.contains(&self.id);
        }
        self.needs.as_ref().is_none_or(|needs| needs.are_met(asked.decided))
    }
}

/// What a person wants of the edits.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Ids of edits; empty: all that the decisions allow.
    pub only: &'a [String],
    /// Files to keep as they are.
    pub left: &'a BTreeSet<String>,
    pub decided: &'a Decided,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    edit: Vec<Edit>,
}

/// What one edit comes to in this app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prepared {
    #[serde(flatten)]
    pub edit: Edit,
    /// Against the files as the edits before left them.
    pub changes: Vec<Change>,
    pub items: Vec<Item>,
    /// Commands for the person to run afterwards, in the app's folder.
    pub commands: Vec<String>,
    /// Of the checklist alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// All edits, in the order in which they are made.
///
/// # Errors
/// `Bug` if our own table cannot be read.
pub fn known() -> Result<Vec<Edit>> {
    let table: Table = toml::from_str(TABLE).map_err(|error| Error::bug("assets/edits.toml cannot be read").because(&error))?;
    Ok(table.edit)
}

/// What makes an edit: a function of the app's files alone.
fn make(id: &str) -> Option<fn(&mut Work)> {
    Some(match id {
        "vite-plugins" => vite::edit,
        "dev-banner" => vite::banner,
        "neon" => driver::edit,
        "login" => login::edit,
        "login-flask" => login_python::edit,
        "session-table" => sessions::table,
        "session-store" => sessions::store,
        "cookie-same-site" => sessions::same_site,
        "trust-proxy" => sessions::proxy,
        "connectors" => connector::edit,
        "mailer" => mailer::edit,
        "stripe-sync" => stripe::edit,
        "object-storage" => shims::object_storage,
        "key-value" => shims::key_value,
        "hosts" => hosts::addresses,
        "preview-hosts" => hosts::previews,
        "production-switch" => hosts::production,
        "vite-server" => split::edit,
        "paths" => paths::edit,
        "uploads" => uploads::edit,
        "schema-push" => push::edit,
        "database-tls" => tls::edit,
        "redis-tls" => redis_tls::edit,
        "dsql-sign-in" => dsql::edit,
        "sql" => sql::follow,
        "bedrock" => shims::bedrock,
        "openai-key" => models::edit,
        "health" => health::edit,
        _ => return None,
    })
}

/// Works out the edits for an app's files (path from its root, text). The same input gives the same outcome.
/// With what was looked for in the app, findings that no edit answers are on the checklist, too; not where only some edits are asked for.
///
/// # Errors
/// `Usage` for an id that no edit has, and for one that is asked for although another outcome of its decision was decided for.
pub fn prepare(files: &[(String, String)], asked: &Asked<'_>, reading: Option<&Reading>) -> Result<Vec<Prepared>> {
    let known = known()?;
    if let Some(wrong) = asked.only.iter().find(|id| !known.iter().any(|edit| edit.id == **id)) {
        let ids: Vec<&str> = known.iter().map(|edit| edit.id.as_str()).collect();
        return Err(Error::new(Kind::Usage, format!("there is no edit {wrong}{}", crate::text::meant(wrong, &ids)))
            .hint("migrate-wizard app prepare --list shows them"));
    }
    let contradicts = |edit: &Edit| {
        let needs = edit.needs.as_ref().filter(|_| asked.only.contains(&edit.id))?;
        Some((edit.id.clone(), needs.clone(), needs.other(asked.decided)?.to_owned()))
    };
    if let Some((id, needs, other)) = known.iter().find_map(contradicts) {
        let first = needs.is.first().map(String::as_str).unwrap_or_default();
        return Err(Error::new(Kind::Usage, format!("the edit {id} is for {needs}, and {} = {other} is decided", needs.decision))
            .hint(format!("leave it out of --only, or decide otherwise: --set {}={first}", needs.decision)));
    }
    let wanted: Vec<Edit> = known.into_iter().filter(|edit| edit.is_wanted(asked)).collect();
    let lock = Lock::of(files, &|path| reading.is_some_and(|reading| reading.has(path)) || files.iter().any(|(its, _)| its == path));
    let (answering, services) = reading.map(Reading::folders).unwrap_or_default();
    let ports = reading.map(Reading::ports).unwrap_or_default();
    let begun = |files: &[(String, String)]| {
        Work::new(files, asked.left, asked.decided).locked(&lock).serving(&answering, &services).at_ports(&ports)
    };
    let mut work = begun(files);
    let mut out = round(&mut work, &wanted)?;
    // A second round on the result says where things stand in it; it has nothing to change.
    let mut after = begun(&work.files());
    for ((first, then), (second, _)) in out.iter_mut().zip(round(&mut after, &wanted)?) {
        checklist::follow(&mut first.items, then, &work);
        first.items = checklist::newest(&first.items, second.items);
    }
    let mut out: Vec<Prepared> = out.into_iter().map(|(prepared, _)| prepared).collect();
    let reading = reading.filter(|_| asked.only.is_empty());
    let found = reading.map(|reading| reading.findings(&work.files())).transpose()?;
    let mut more = lock.items(files, &work, &|file| reading?.lock(file).map(str::to_owned));
    more.extend(reading.map(Reading::closed).unwrap_or_default().into_iter().map(|(path, why)| checklist::closed(path, why)));
    more.extend(checklist::findings(found.as_deref().unwrap_or_default(), &out, &wanted));
    more.extend(checklist::image(&more, reading.is_some_and(Reading::has_image)));
    let items: Vec<&Item> = out.iter().flat_map(|prepared| &prepared.items).collect();
    let list = checklist::list(&mut work, more, &items, found.is_some());
    out.retain(|prepared| !prepared.changes.is_empty() || !prepared.items.is_empty());
    out.push(list);
    Ok(out)
}

/// Texts by path, as they were when an edit said where in them something is.
type Then = BTreeMap<String, String>;

fn round(work: &mut Work, wanted: &[Edit]) -> Result<Vec<(Prepared, Then)>> {
    let mut out = Vec::new();
    for edit in wanted {
        let run = make(&edit.id).ok_or_else(|| Error::bug(format!("no code makes the edit {}", edit.id)))?;
        run(work);
        let (changes, items, commands) = work.taken();
        let mut edit = edit.clone();
        if let Some(title) = work.title() {
            edit.title = title.to_owned();
        }
        let placed = items.iter().filter(|item| item.line.is_some());
        let then = placed.filter_map(|item| Some((item.path.clone(), work.text(&item.path)?.to_owned()))).collect();
        out.push((Prepared { edit, changes, items, commands, standing: None }, then));
    }
    Ok(out)
}
