//! Kept rows put into a database: all in one transaction, each row only where the database has it as it was when it was kept.
//! Never writes over a row that was changed since: that one is named and left.

mod piece;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::piece::{Deed, Found, Piece, deed, look, table_of, write};
use super::file::{self, Item, Kept, KeptFile, TableHead};
use crate::data::catalog::{self, Table};
use crate::data::quarantine::Aside;
use crate::data::sequences::{self, SequenceSet};
use crate::data::{Tries, open};
use crate::error::Result;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{ident, qualified};
use crate::postgres::{Connector, Session};
use crate::progress::{Reporter, Unit};

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
