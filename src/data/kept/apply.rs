//! Kept rows put into a database: all in one transaction, each row only where the database has it as it was when it was kept.
//! Never writes over a row that was changed since: that one is named and left.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::{self, Item, Kept, KeptFile, TableHead};
use crate::data::catalog::{self, Table};
use crate::data::quarantine::Aside;
use crate::data::sequences::{self, SequenceSet};
use crate::data::{Tries, open};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{ident, literal, qualified};
use crate::postgres::{Connector, Session};
use crate::progress::{Reporter, Unit};
use crate::text;

/// Rows that are looked at and written at once, and bytes of their values.
const ROWS: usize = 200;
const BYTES: usize = 4 << 20;

/// How kept rows are put in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Lines of the file were taken out by hand.
    pub edited: bool,
    /// Only says what would be done.
    pub look_only: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// The database has them as the file does.
    pub there: u64,
    /// Changed since they were kept: left as they are.
    pub conflicts: Vec<Aside>,
    /// Tables whose rows can only be put in by hand, and why.
    pub by_hand: BTreeMap<String, String>,
    /// Rows of such tables.
    pub left: u64,
    pub sequences: Vec<SequenceSet>,
}

impl Applied {
    pub fn written(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

const CHANGED: &str = "changed since it was kept";
const GONE: &str = "deleted since it was kept";
const TAKEN: &str = "another row has its key";

/// Puts the rows of a file into a database. Twice equals once.
pub async fn apply(target: &Connector, path: &Path, manner: Manner, reporter: &Reporter) -> Result<Applied> {
    let (told, batches) = batches(path, manner.edited)?;
    let mut tries = Tries::new()?;
    loop {
        match once(target, &told, &batches, manner, reporter).await {
            // An answer to the commit that was lost: what is there is found to be there.
            Err(error) => tries.after(error).await?,
            done => return done,
        }
    }
}

/// Some rows of one table.
#[derive(Debug)]
struct Batch {
    head: TableHead,
    rows: Vec<Kept>,
}

fn batches(path: &Path, edited: bool) -> Result<(KeptFile, Vec<Batch>)> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    let told = file::read(path, edited, |item| {
        match item {
            Item::Table(head) => batches.push(Batch { head, rows: Vec::new() }),
            Item::Row(row) => {
                let full = batches.last().is_some_and(|batch| batch.rows.len() >= ROWS || (bytes > BYTES && !batch.rows.is_empty()));
                if full && let Some(head) = batches.last().map(|batch| batch.head.clone()) {
                    batches.push(Batch { head, rows: Vec::new() });
                    bytes = 0;
                }
                bytes += row.was.iter().chain(&row.now).flatten().flatten().map(String::len).sum::<usize>();
                if let Some(batch) = batches.last_mut() {
                    batch.rows.push(row);
                }
            }
        }
        Ok(())
    })?;
    Ok((told, batches))
}

async fn once(target: &Connector, told: &KeptFile, batches: &[Batch], manner: Manner, reporter: &Reporter) -> Result<Applied> {
    let to = if manner.look_only { open::reader(target, None).await? } else { open::plain_writer(target).await? };
    let tables = catalog::read(&to.session).await?;
    let mut applied = Applied::default();
    let mut work = Vec::new();
    for batch in batches {
        if !batch.head.by_hand.is_empty() || batch.head.key.is_empty() {
            applied.by_hand.insert(batch.head.table.clone(), batch.head.by_hand.clone());
            applied.left += batch.rows.len() as u64;
            continue;
        }
        work.push(Piece { head: &batch.head, rows: &batch.rows, table: table_of(&batch.head, &tables)? });
    }
    if manner.look_only {
        for piece in &work {
            let found = look(&to.session, piece, false).await?;
            count(piece, &found, &mut applied);
        }
        return Ok(applied);
    }
    to.session.begin().await?;
    let done = write_all(&to.session, told, &work, &mut applied, reporter).await;
    if let Err(error) = done {
        // The first error says more than what comes of it.
        let _ = to.session.rollback().await;
        return Err(error);
    }
    to.session.commit().await?;
    // A column that holds no numbers is asked in vain, which would end a transaction.
    applied.sequences = sequences::raise_to_use(&to.session).await?;
    Ok(applied)
}

/// Rows of one table that are written at once.
#[derive(Debug, Clone, Copy)]
struct Piece<'w> {
    head: &'w TableHead,
    rows: &'w [Kept],
    table: &'w Table,
}

impl Piece<'_> {
    fn halves(self) -> [Self; 2] {
        let (first, second) = self.rows.split_at(self.rows.len() / 2);
        [Self { rows: first, ..self }, Self { rows: second, ..self }]
    }
}

async fn write_all(to: &Session, told: &KeptFile, work: &[Piece<'_>], applied: &mut Applied, reporter: &Reporter) -> Result<()> {
    let on = still_triggers(to, work).await?;
    let mut waiting = work.to_vec();
    let mut done = 0;
    while !waiting.is_empty() {
        let before = waiting.len();
        let (mut later, mut why) = (Vec::new(), None);
        for piece in waiting {
            to.batch("savepoint kept").await?;
            match write(to, &piece).await {
                Ok(found) => {
                    to.batch("release savepoint kept").await?;
                    count(&piece, &found, applied);
                    done += piece.rows.len() as u64;
                    reporter.progress(done, Some(told.rows), Unit::Rows, piece.head.table.clone());
                }
                // It stands on rows of another piece, or needs what one of them still holds.
                Err(error) if matches!(sqlstate(&error), Some("23503" | "23505" | "23P01")) => {
                    to.batch("rollback to savepoint kept").await?;
                    why = Some(error);
                    later.push(piece);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = why.filter(|_| later.len() == before) {
            // Two pieces may wait for rows of each other.
            if later.iter().all(|piece| piece.rows.len() <= 1) {
                return Err(
                    error.hint("mend the row that is named, or take its line out of the file and use --edited; nothing was written")
                );
            }
            later = later.into_iter().flat_map(Piece::halves).filter(|piece| !piece.rows.is_empty()).collect();
        }
        waiting = later;
    }
    to.batch("set constraints all immediate").await?;
    for sql in on {
        to.batch(&sql).await?;
    }
    Ok(())
}

/// What the app did when the rows were written must not happen again: triggers are off until the same transaction ends.
async fn still_triggers(to: &Session, work: &[Piece<'_>]) -> Result<Vec<String>> {
    let tables: BTreeMap<String, &Table> = work.iter().map(|piece| (piece.table.label(), piece.table)).collect();
    let mut on = Vec::new();
    for table in tables.into_values() {
        let name = qualified(&table.schema, &table.name);
        let kinds = "select tgname, tgenabled from pg_trigger where tgrelid = $1::text::regclass and not tgisinternal and tgenabled <> 'D'";
        if table.triggers.is_empty() {
            continue;
        }
        for row in to.query(kinds, &[&name]).await? {
            let (trigger, enabled): (String, i8) = (row.get(0), row.get(1));
            let trigger = ident(&trigger);
            let how = match u8::try_from(enabled).unwrap_or_default() {
                b'A' => "always ",
                b'R' => "replica ",
                _ => "",
            };
            to.batch(&format!("alter table {name} disable trigger {trigger}")).await.map_err(|error| {
                error.hint(format!("connect as the owner of {}: its triggers must not fire for rows that come from a file", table.label()))
            })?;
            on.push(format!("alter table {name} enable {how}trigger {trigger}"));
        }
    }
    Ok(on)
}

fn table_of<'t>(head: &TableHead, tables: &'t [Table]) -> Result<&'t Table> {
    let table = tables.iter().find(|table| table.schema == head.schema && table.name == head.name).ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the database has no table {}", head.table))
            .hint("check that this is the right database; take the table's lines out of the file and use --edited to leave it out")
    })?;
    let missing: Vec<&str> = head.columns.iter().chain(&head.key).filter(|name| table.column(name).is_none()).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(table);
    }
    Err(Error::new(Kind::Conflict, format!("{} has no column {}", head.table, missing.join(", ")))
        .hint("check that this is the right database; its columns must be those of the file"))
}

/// What a database has of a kept row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// As the file keeps it.
    Now,
    /// As it was when it was kept.
    Was,
    Other,
}

/// What is to be done about one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Insert,
    Update,
    Delete,
    There,
    Leave(&'static str),
}

fn deed(row: &Kept, found: Found) -> Deed {
    match (row.was.is_some(), row.now.is_some(), found) {
        (_, true, Found::Now) | (_, false, Found::Nothing) => Deed::There,
        (false, true, Found::Nothing) => Deed::Insert,
        (true, true, Found::Was) => Deed::Update,
        (true, false, Found::Was) => Deed::Delete,
        (true, true, Found::Nothing) => Deed::Leave(GONE),
        (false, true, Found::Was | Found::Other) => Deed::Leave(TAKEN),
        (true, true, Found::Other) | (_, false, Found::Now | Found::Other) | (false, false, Found::Was) => Deed::Leave(CHANGED),
    }
}

fn count(piece: &Piece<'_>, found: &[Found], applied: &mut Applied) {
    for (row, found) in piece.rows.iter().zip(found) {
        match deed(row, *found) {
            Deed::Insert => applied.inserted += 1,
            Deed::Update => applied.updated += 1,
            Deed::Delete => applied.deleted += 1,
            Deed::There => applied.there += 1,
            Deed::Leave(reason) => applied.conflicts.push(Aside {
                table: piece.head.table.clone(),
                key: serde_json::Value::from(row.key.clone()).to_string(),
                reason: reason.to_owned(),
            }),
        }
    }
}

/// What the database has of each row, told by the server: both texts are read as the column's own type first.
async fn look(to: &Session, piece: &Piece<'_>, lock: bool) -> Result<Vec<Found>> {
    let Piece { head, rows, table } = *piece;
    let columns: Vec<&catalog::Column> = head.columns.iter().filter_map(|name| table.column(name)).collect();
    let cast = |value: &Option<String>, column: &catalog::Column| {
        value.as_ref().map_or_else(|| format!("null::{}", column.sql_type), |value| format!("{}::{}", literal(value), column.sql_type))
    };
    let mut kept = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for (now, values) in [(false, &row.was), (true, &row.now)] {
            let Some(values) = values else { continue };
            let values: Vec<String> = values.iter().zip(&columns).map(|(value, column)| cast(value, column)).collect();
            kept.push(format!("({n}, {now}, {})", values.join(", ")));
        }
    }
    let mut found = vec![Found::Nothing; rows.len()];
    if kept.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    let texts = |of: &str| names.iter().map(|name| format!("{of}.{name}::text")).collect::<Vec<_>>().join(", ");
    let same: Vec<String> = head.key.iter().map(|key| format!("t.{0} = k.{0}", ident(key))).collect();
    let sql = format!(
        "with k (mw_n, mw_now, {}) as (values {}) \
         select k.mw_n, k.mw_now, row({})::text collate \"C\" = row({})::text collate \"C\" from k join {} t on {}{}",
        names.join(", "),
        kept.join(", "),
        texts("t"),
        texts("k"),
        table.rows_of(),
        same.join(" and "),
        if lock { " for update of t" } else { "" }
    );
    for row in to.text(&sql).await? {
        let [Some(n), Some(now), Some(equal)] = row.as_slice() else { continue };
        let Some(place) = n.parse().ok().and_then(|n: usize| found.get_mut(n)) else { continue };
        let this = match (equal.as_str(), now.as_str()) {
            ("t", "t") => Found::Now,
            ("t", _) => Found::Was,
            (_, _) => Found::Other,
        };
        // A row may be as it was and as it is kept at once: then there is nothing to do.
        *place = match (*place, this) {
            (Found::Now, _) | (_, Found::Now) => Found::Now,
            (Found::Was, _) | (_, Found::Was) => Found::Was,
            (_, _) => Found::Other,
        };
    }
    Ok(found)
}

/// Writes what is to be written of a batch.
async fn write(to: &Session, piece: &Piece<'_>) -> Result<Vec<Found>> {
    let Piece { head, rows, table } = *piece;
    let found = look(to, piece, true).await?;
    let name = qualified(&table.schema, &table.name);
    let columns: Vec<&catalog::Column> = head.columns.iter().filter_map(|column| table.column(column)).collect();
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    let overriding = if columns.iter().any(|column| column.identity_always) { " overriding system value" } else { "" };
    let plain = |value: &Option<String>| value.as_ref().map_or_else(|| "null".to_owned(), |value| literal(value));
    let (mut statements, mut expected) = (Vec::new(), 0);
    let mut inserts = Vec::new();
    for (row, found) in rows.iter().zip(&found) {
        let of_key = || -> Vec<String> {
            let value = |key: &String| {
                let at = head.columns.iter().position(|column| column == key)?;
                row.was.as_ref()?.get(at)?.clone()
            };
            head.key.iter().map(|key| format!("{} = {}", ident(key), plain(&value(key)))).collect()
        };
        match (deed(row, *found), &row.now) {
            (Deed::Insert, Some(now)) => inserts.push(format!("({})", now.iter().map(plain).collect::<Vec<_>>().join(", "))),
            (Deed::Update, Some(now)) => {
                let fixed = |column: &catalog::Column| column.identity_always || head.key.contains(&column.name);
                let sets: Vec<String> = columns
                    .iter()
                    .zip(now)
                    .filter(|(column, _)| !fixed(column))
                    .map(|(column, value)| format!("{} = {}", ident(&column.name), plain(value)))
                    .collect();
                statements.push(format!("update {name} set {} where {}", sets.join(", "), of_key().join(" and ")));
            }
            (Deed::Delete, _) => statements.push(format!("delete from {name} where {}", of_key().join(" and "))),
            (Deed::Insert | Deed::Update | Deed::There | Deed::Leave(_), _) => {}
        }
    }
    expected += (statements.len() + inserts.len()) as u64;
    if !inserts.is_empty() {
        statements.push(format!("insert into {name} ({}){overriding} values {}", names.join(", "), inserts.join(", ")));
    }
    if statements.is_empty() {
        return Ok(found);
    }
    let written = to.affected(&statements.join("; ")).await?;
    if written != expected {
        return Err(Error::new(Kind::Conflict, format!("{}: {} of {expected} rows could be written", head.table, text::count(written)))
            .hint("something of the database keeps rows away (a rule, a policy, a partition): nothing was written"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_it_was_is_written() {
        let value = || Some(vec![None]);
        let kept = |was: bool, now: bool| Kept { key: Vec::new(), was: value().filter(|_| was), now: value().filter(|_| now) };
        for (was, now, found, then) in [
            (false, true, Found::Nothing, Deed::Insert),
            (false, true, Found::Now, Deed::There),
            (false, true, Found::Other, Deed::Leave(TAKEN)),
            (true, true, Found::Was, Deed::Update),
            (true, true, Found::Now, Deed::There),
            (true, true, Found::Other, Deed::Leave(CHANGED)),
            (true, true, Found::Nothing, Deed::Leave(GONE)),
            (true, false, Found::Was, Deed::Delete),
            (true, false, Found::Nothing, Deed::There),
            (true, false, Found::Other, Deed::Leave(CHANGED)),
        ] {
            assert_eq!(deed(&kept(was, now), found), then, "{was} {now} {found:?}");
        }
    }
}
