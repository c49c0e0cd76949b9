//! The chunks of a table as the ledger has them: written down, cut anew, made one.
//! Never leaves a table of ours without a chunk: its rows would be taken for somebody else's.

use std::collections::BTreeMap;

use crate::data::again::{self, Tries};
use crate::data::chunk::{Cut, Cutter, Range};
use crate::data::copy::Begun;
use crate::data::ledger::Ledger;
use crate::data::limits::Limits;
use crate::data::open;
use crate::data::options::Options;
use crate::data::plan::{Side, TablePlan};
use crate::data::worker::{is_pass_lost, pass_lost};
use crate::error::Result;
use crate::postgres::quote::literal;
use crate::postgres::{Connector, Session};

/// What the ledger knows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Of the columns and the key that it was copied with.
    pub shape: String,
    /// All its chunks are written down.
    pub complete: bool,
    pub by_pages: bool,
    /// Every chunk was settled by some pass.
    pub settled: bool,
}

impl Ledger {
    /// The tables whose chunks are written down.
    pub async fn known(&self, target: &Session) -> Result<BTreeMap<String, Known>> {
        // The last chunk is open at its upper end; it is written last.
        let sql = "select \"table\", case when min(shape) = max(shape) then min(shape) else '' end, count(*) filter (where hi = ''), \
                   count(*) filter (where lo like 'page %'), count(*) filter (where pass is null) from migrate_wizard.chunk group by \"table\"";
        let read = |row: Vec<Option<String>>| {
            let [table, shape, last, pages, unsettled] = <[Option<String>; 5]>::try_from(row).ok()?;
            let known = Known { shape: shape?, complete: last? != "0", by_pages: pages? != "0", settled: unsettled? == "0" };
            Some((table?, known))
        };
        Ok(target.text(sql).await?.into_iter().filter_map(read).collect())
    }

    /// Writes down chunks of a table, each of about so many bytes; the last one last.
    pub async fn add(&self, target: &Session, table: &TablePlan, ranges: &[Range], bytes: u64) -> Result<()> {
        self.write_down(target, table, ranges, bytes, "null::integer").await
    }

    /// Writes down the chunks of a table that was cut before: in place of the old ones, so that the table stays known as ours at every
    /// moment, and whoever holds an old one loses it. Its rows prove nothing any more: with `emptied` they go.
    pub async fn cut_anew(&self, target: &Session, table: &TablePlan, ranges: &[Range], emptied: Option<&str>) -> Result<()> {
        if self.dsql {
            return self.put_in_place(target, table, ranges).await;
        }
        target.begin().await?;
        if let Some(rows) = emptied {
            target.batch(&format!("truncate {rows}")).await?;
        }
        self.put_in_place(target, table, ranges).await?;
        target.commit().await
    }

    async fn put_in_place(&self, target: &Session, table: &TablePlan, ranges: &[Range]) -> Result<()> {
        self.write_down(target, table, ranges, table.bytes / ranges.len().max(1) as u64, "0").await?;
        let sql = format!("delete from migrate_wizard.chunk where \"table\" = {} and chunk >= {}", literal(&table.label()), ranges.len());
        again::write(target, &sql).await.map(drop)
    }

    /// The largest chunks are taken first. `taken`: 0 where somebody may have written rows of it, null where nobody has.
    ///
    /// Only while this pass goes on: a process that slept over the beginning of a newer one must not change what that one has cut.
    async fn write_down(&self, target: &Session, table: &TablePlan, ranges: &[Range], rank: u64, taken: &str) -> Result<()> {
        let (label, shape) = (literal(&table.label()), literal(&table.shape()));
        let anew = match taken {
            "0" => ", taken = 0, worker = null, pass = null, how = null, rows = null, bytes = null, xids = null, batches = 0",
            _ => "",
        };
        for ranges in ranges.chunks(1000) {
            let values: Vec<String> = ranges
                .iter()
                .map(|range| {
                    let (lo, hi) = range.span.bounds();
                    format!("({label}, {}, {}, {}, {rank}, {shape}, {taken})", range.chunk, literal(&lo), literal(&hi))
                })
                .collect();
            let sql = format!(
                "insert into migrate_wizard.chunk (\"table\", chunk, lo, hi, rank, shape, taken) select * from (values {}) v \
                 where exists (select 1 from migrate_wizard.pass where pass = {} and state in ('cutting', 'open')) on conflict (\"table\", chunk) do update set lo = excluded.lo, hi = excluded.hi, rank = excluded.rank, shape = excluded.shape{anew}",
                values.join(", "),
                self.pass
            );
            if again::write(target, &sql).await? == 0 {
                return Err(pass_lost());
            }
        }
        Ok(())
    }

    /// Makes one chunk of a table that has several.
    pub async fn make_whole(&self, target: &Session, table: &str) -> Result<()> {
        let table = literal(table);
        target.begin().await?;
        target
            .affected(&format!(
                "update migrate_wizard.chunk set lo = '', hi = '', (pass, rows, xids) = (select min(pass), sum(rows), string_agg(nullif(xids, ''), ',') \
                 from migrate_wizard.chunk where \"table\" = {table}) where \"table\" = {table} and chunk = 0"
            ))
            .await?;
        target.affected(&format!("delete from migrate_wizard.chunk where \"table\" = {table} and chunk > 0")).await?;
        target.commit().await
    }
}

/// Chunks that are written down together.
const AT_ONCE: usize = 16;

/// How a table is cut for a copy.
pub fn cut_of(table: &TablePlan, options: &Options, limits: Option<Limits>, dsql: bool) -> Cut {
    let rows = options.chunk_rows.or_else(|| limits.map(|limits| limits.chunk_rows()));
    let bytes = options.chunk_bytes.or_else(|| limits.map(|limits| limits.chunk_bytes()));
    // DSQL has no pages to tell rows by, and where a part of some pages was written nothing tells which.
    if (dsql || limits.is_some()) && table.key.is_empty() { Cut::Whole } else { Cut::of(table, rows, bytes) }
}

/// Cuts the tables of a pass. What it has cut stays cut when it is called again.
#[derive(Debug)]
pub struct Cutting<'a> {
    pub begun: &'a Begun,
    target: &'a Connector,
    ledger: &'a Ledger,
    options: &'a Options,
    limits: Option<Limits>,
    /// Tables that are cut.
    done: usize,
}

impl<'a> Cutting<'a> {
    pub fn new(begun: &'a Begun, target: &'a Connector, ledger: &'a Ledger, options: &'a Options, limits: Option<Limits>) -> Self {
        Self { begun, target, ledger, options, limits, done: 0 }
    }

    /// Writes down the chunks of every table that the ledger does not know as it is now.
    pub async fn cut_all(&mut self) -> Result<()> {
        let to = &mut open::writer(self.target).await?.session;
        let known = self.ledger.known(to).await?;
        while let Some(table) = self.begun.plan.tables.get(self.done) {
            self.cut(to, table, known.get(&table.label())).await?;
            self.done += 1;
        }
        self.ledger.state(to, "open").await
    }

    async fn cut(&self, to: &mut Session, table: &TablePlan, before: Option<&Known>) -> Result<()> {
        let Self { begun, ledger, .. } = *self;
        let label = table.label();
        if let Some(known) = before.filter(|known| known.complete && known.shape == table.shape()) {
            if !known.by_pages {
                return Ok(());
            }
            if known.settled {
                // Pages say nothing of a later moment: from now on the table is one piece.
                return ledger.make_whole(to, &label).await;
            }
        }
        let cut = match cut_of(table, self.options, self.limits, begun.to.dsql) {
            // Rows of somebody else are in no run of the source's pages: they go when the whole table is emptied.
            Cut::Pages(_) if before.is_none() && begun.empty.get(self.done) != Some(&true) => Cut::Whole,
            cut => cut,
        };
        let mut cutter = Cutter::new(table, cut);
        let mut ranges = Vec::new();
        while let Some(range) = cutter.next(&begun.lead.session).await? {
            ranges.push(range);
            if before.is_none() && ranges.len() == AT_ONCE {
                // Whoever waits for work has some, however long the rest of the table takes to cut.
                self.add(to, table, &ranges, cut).await?;
                ranges.clear();
            }
        }
        match before {
            Some(known) => {
                let emptied = known.by_pages.then(|| table.rows_of(Side::Target));
                ledger.cut_anew(to, table, &ranges, emptied).await
            }
            None => self.add(to, table, &ranges, cut).await,
        }
    }

    /// On another session where this one breaks: to begin the table again would take chunks away that workers have in hand.
    async fn add(&self, to: &mut Session, table: &TablePlan, ranges: &[Range], cut: Cut) -> Result<()> {
        let mut tries = Tries::new()?;
        while let Err(error) = self.ledger.add(to, table, ranges, cut.bytes(table)).await {
            if is_pass_lost(&error) {
                return Err(error);
            }
            tries.after(error).await?;
            if to.is_closed() {
                match open::writer(self.target).await {
                    Ok(opened) => *to = opened.session,
                    Err(error) => tries.after(error).await?,
                }
            }
        }
        Ok(())
    }
}
