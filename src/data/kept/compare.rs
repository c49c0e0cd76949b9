//! What one side has that the other has not: counted by table and, where a file is asked for, written with both sides' values.
//! Only reads, both sides at one moment each; judges nothing: who changed a row is told by `data::back`.

use std::path::Path;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::file::{Kept, KeptFile, TableHead, Writer};
use super::pairing::{Pairing, pair};
use crate::data::back::PART;
use crate::data::catalog;
use crate::data::catch_up::of_keys;
use crate::data::chunk::{Cut, Cutter};
use crate::data::copy_text::{Lines, unescape};
use crate::data::differ::{Difference, Key, What, differ};
use crate::data::fingerprint;
use crate::data::open::{self, Opened};
use crate::data::options::Options;
use crate::data::plan::{Digest, Side, TablePlan};
use crate::error::{Error, Kind, Result};
use crate::postgres::Connector;
use crate::postgres::quote::ident;
use crate::progress::{Reporter, Unit};

/// Rows whose values are asked for at once.
const ROWS: usize = 200;

/// What one side has that the other has not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Tables with differences alone.
    pub tables: Vec<LeftTable>,
    pub file: Option<KeptFile>,
}

/// One table that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftTable {
    /// `public.orders`.
    pub table: String,
    /// Rows that only the new side has; where rows cannot be told apart, all that it has.
    pub new: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows that only the old side has.
    pub deleted: u64,
    /// Why its rows can only be put back by hand; empty where they need not be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by_hand: String,
}

impl LeftTable {
    pub fn rows(&self) -> u64 {
        self.new + self.changed + self.deleted
    }
}

impl Left {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(LeftTable::rows).sum()
    }
}

/// Compares every table of `here` (written last) with `there`, by value. `file`: where the rows are kept; one without rows is not made.
pub async fn compare(here: &Connector, there: &Connector, options: &Options, file: Option<&Path>, reporter: &Reporter) -> Result<Left> {
    let (here, there) = tokio::try_join!(open::reader(here, None), open::reader(there, None))?;
    let (ours, theirs) = tokio::try_join!(catalog::read(&here.session), catalog::read(&there.session))?;
    let digest = if here.dsql || there.dsql { Digest::Md5 } else { Digest::Hash };
    let mut writer = file.map(|path| Writer::create(path, here.session.label())).transpose()?;
    let mut left = Left::default();
    let pairings = pair(&ours, &theirs, &options.choice, digest);
    let total = pairings.len() as u64;
    for (done, pairing) in (0..).zip(&pairings) {
        let label = pairing.here.label();
        reporter.progress(done, Some(total), Unit::Tables, format!("compares {label}"));
        let mut look = Look { here: &here, there: &there, pairing, writer: writer.as_mut(), headed: false };
        let found = look.table().await?;
        if found.rows() > 0 {
            left.tables.push(LeftTable { table: label, by_hand: pairing.by_hand.clone(), ..found });
        }
    }
    left.file = writer.map(Writer::finish).transpose()?.flatten();
    Ok(left)
}

/// One table being looked at.
struct Look<'l> {
    here: &'l Opened,
    there: &'l Opened,
    pairing: &'l Pairing<'l>,
    writer: Option<&'l mut Writer>,
    headed: bool,
}

impl Look<'_> {
    async fn table(&mut self) -> Result<LeftTable> {
        let pairing = self.pairing;
        let Some(plan) = &pairing.plan else {
            return self.all().await;
        };
        let (from, to) = if pairing.turned { (self.there, self.here) } else { (self.here, self.there) };
        let mut found = LeftTable::default();
        let mut cutter = Cutter::new(plan, Cut::for_comparing(plan, Some(PART)));
        while let Some(part) = cutter.next(&from.session).await? {
            let (a, b) = fingerprint::of_both(&from.session, &to.session, plan, &part.span).await?;
            if a == b {
                continue;
            }
            if plan.key.is_empty() {
                let all = self.all().await?;
                // All rows are gone here: that is a difference too.
                let deleted = if all.new == 0 { a.rows.max(b.rows) } else { 0 };
                return Ok(LeftTable { deleted, ..all });
            }
            let Some(difference) = differ(from, to, plan, &part.span, What::Rows).await? else {
                return Err(Error::new(Kind::Conflict, format!("{} differs too much to be told row by row", plan.label()))
                    .hint("take a dump of it (pg_dump --table), and leave it out with --except"));
            };
            let Difference { only_source, only_target, changed } = difference;
            let (new, deleted) = if pairing.turned { (only_target, only_source) } else { (only_source, only_target) };
            found.new += new.len() as u64;
            found.changed += changed.len() as u64;
            found.deleted += deleted.len() as u64;
            // Deleted ones first: what they held may be needed by others.
            for keys in [deleted, changed, new] {
                self.keep(plan, &keys).await?;
            }
        }
        Ok(found)
    }

    fn head(&mut self) -> Result<()> {
        let Some(writer) = self.writer.as_mut().filter(|_| !self.headed) else { return Ok(()) };
        self.headed = true;
        let table = self.pairing.here;
        writer.table(&TableHead {
            table: table.label(),
            schema: table.schema.clone(),
            name: table.name.clone(),
            key: self.pairing.plan.as_ref().map(|plan| plan.key.iter().map(|key| bare(&key.name)).collect()).unwrap_or_default(),
            columns: self.pairing.columns(),
            by_hand: self.pairing.by_hand.clone(),
        })
    }

    /// Writes down the rows of these keys, as both sides have them.
    async fn keep(&mut self, plan: &TablePlan, keys: &[Key]) -> Result<()> {
        if self.writer.is_none() || keys.is_empty() {
            return Ok(());
        }
        self.head()?;
        let pairing = self.pairing;
        let old: Vec<String> = plan.columns.iter().map(|column| format!("{}::text", ident(&column.name))).collect();
        let new = pairing.values_here();
        for keys in keys.chunks(ROWS) {
            let (mut now, mut was) = tokio::try_join!(
                values(self.here, plan, pairing.here(), keys, &new),
                values(self.there, plan, pairing.there(), keys, &old)
            )?;
            let Some(writer) = self.writer.as_mut() else { return Ok(()) };
            for key in keys {
                writer.row(Kept { key: key.clone(), was: was.remove(key), now: now.remove(key) })?;
            }
        }
        Ok(())
    }

    /// All rows of the new side, which nothing tells from those of the old one.
    async fn all(&mut self) -> Result<LeftTable> {
        let rows_of = self.pairing.here.rows_of();
        if self.writer.is_none() {
            let rows: i64 = self.here.session.value(&format!("select count(*) from {rows_of}"), &[]).await?;
            return Ok(LeftTable { new: u64::try_from(rows).unwrap_or_default(), ..LeftTable::default() });
        }
        let values = self.pairing.values_here();
        let mut frames = self.here.rows(&format!("select {} from {rows_of}", values.join(", "))).await?;
        let (mut lines, mut new) = (Lines::default(), 0);
        while let Some(frame) = frames.next().await {
            for line in lines.feed(&frame?) {
                self.head()?;
                new += 1;
                if let Some(writer) = self.writer.as_mut() {
                    writer.row(Kept { key: Vec::new(), was: None, now: Some(fields(&line)) })?;
                }
            }
        }
        Ok(LeftTable { new, ..LeftTable::default() })
    }
}

type Values = std::collections::HashMap<Key, Vec<Option<String>>>;

/// Values of the rows of these keys on one side.
async fn values(side: &Opened, plan: &TablePlan, of: Side, keys: &[Key], values: &[String]) -> Result<Values> {
    let sql = format!(
        "select {}, {} from {} where {}",
        plan.key_prints(of).join(", "),
        values.join(", "),
        plan.rows_of(of),
        of_keys(plan, of, keys)
    );
    let mut found = Values::new();
    for row in side.session.text(&sql).await? {
        let mut row = row.into_iter();
        let key: Key = row.by_ref().take(plan.key.len()).map(Option::unwrap_or_default).collect();
        found.insert(key, row.collect());
    }
    Ok(found)
}

/// The values of a line of COPY.
fn fields(line: &[u8]) -> Vec<Option<String>> {
    let field = |field: &[u8]| (field != b"\\N").then(|| String::from_utf8_lossy(&unescape(field)).into_owned());
    line.split(|byte| *byte == b'\t').map(field).collect()
}

/// A column without its quotes.
fn bare(quoted: &str) -> String {
    quoted.trim_matches('"').replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_copy_is_its_values() {
        assert_eq!(fields(b"7\t\\N\ta\\tb\t"), [Some("7".to_owned()), None, Some("a\tb".to_owned()), Some(String::new())]);
        assert_eq!(bare("\"a\"\"b\""), "a\"b");
    }
}
