//! The way back: rows that were written on the target since the cutover, carried to the database they once came from.
//! A row that both sides changed is listed by its key and left as it is on both; nothing is ever overwritten silently.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::data::catch_up::{delete_keys, of_keys};
use crate::data::chunk::{Cut, Cutter, Range, Span};
use crate::data::copy::Begun;
use crate::data::differ::{Difference, Key, What, differ};
use crate::data::fingerprint;
use crate::data::horizon::{self, Horizon, not_by};
use crate::data::ledger::{self, Claim, Ledger, Settled};
use crate::data::open::Opened;
use crate::data::options::{CopyReport, Options};
use crate::data::pass;
use crate::data::plan::{Side, TablePlan};
use crate::data::quarantine::{self, Aside};
use crate::data::tally::Tally;
use crate::data::worker::{Outcome, Worker};
use crate::data::{aside, large_objects};
use crate::error::{Error, Kind, Result};
use crate::postgres::quote::literal;
use crate::postgres::{Connector, Session};
use crate::progress::Reporter;

/// Rows of a part that is compared at once.
pub const PART: u64 = 100_000;

/// When the two databases were last made equal, table by table, as the ledgers of both tell.
#[derive(Debug, Clone, Default)]
pub struct WayBack {
    tables: BTreeMap<String, Last>,
}

/// One table when it was last made equal.
#[derive(Debug, Clone)]
struct Last {
    /// The moment of the database that is written now.
    here: Horizon,
    /// The moment of the one that is read; `None` where row versions cannot be seen.
    there: Option<Horizon>,
    /// Rows here at that moment; `None` where some of them were in conflict.
    rows: Option<u64>,
    /// Transactions of ours that wrote rows there.
    xids: Vec<u32>,
}

/// One table in one ledger: the pass that settled it, with its moments.
#[derive(Debug, Clone)]
struct Entry {
    /// Of the database that the pass read.
    read: Option<Horizon>,
    /// Of the database that it wrote, which holds the ledger.
    written: Option<Horizon>,
    rows: u64,
    conflicts: bool,
    xids: Vec<u32>,
}

/// Whether the source is what an earlier copy made out of this target.
pub async fn recognise(from: &Opened, to: &Opened, source: &Connector, target: &Connector) -> Result<Option<WayBack>> {
    let (theirs, ours) =
        (entries(from, &horizon::identity(to, target).await).await?, entries(to, &horizon::identity(from, source).await).await?);
    let Some(theirs) = theirs else {
        let carried = "select count(*) from migrate_wizard.chunk where how = 'carried'";
        if ours.is_some() && to.session.value::<i64>(carried, &[]).await? > 0 {
            return Err(Error::new(Kind::Conflict, "rows were carried here before, and the ledger on the other side is gone")
                .hint("without it nobody can tell which side changed a row: to overwrite this side, run `migrate-wizard data finish` on it and copy with --replace"));
        }
        return Ok(None);
    };
    let ours = ours.unwrap_or_default();
    let (now_here, now_there) = (Horizon::of(to).await?, Horizon::of(from).await?);
    let near = |base: &Horizon, now: &Option<Horizon>| now.as_ref().is_some_and(|now| base.reaches(now));
    let mut way = WayBack::default();
    for (table, entry) in theirs {
        let own = ours.get(&table);
        let first = (entry.read, entry.written, Some(entry.rows).filter(|_| !entry.conflicts));
        let second = own.map(|own| (own.written.clone(), own.read.clone(), Some(own.rows)));
        let moments = std::iter::once(first).chain(second).filter_map(|(here, there, rows)| Some((here?, there, rows)));
        let last = moments.filter(|(here, _, _)| near(here, &now_here)).max_by_key(|(here, _, _)| here.next);
        let Some((here, there, rows)) = last else { continue };
        way.tables.insert(table, Last { here, there: there.filter(|there| near(there, &now_there)), rows, xids: entry.xids });
    }
    Ok(Some(way))
}

/// Nothing tells that the rows of a side once came from the other.
pub fn not_known(side: &Opened) -> Error {
    Error::new(Kind::Conflict, format!("nothing tells which rows of {} were written there since", side.session.label()))
        .cause("its ledger (schema migrate_wizard) is gone, or of another database")
        .hint("keep the rows in a file instead, or carry them over by hand")
}

/// Rows that were carried to this side on all ways back so far, by table: written with them, so it is true after any crash.
pub async fn carried(to: &Session) -> Result<BTreeMap<String, u64>> {
    if !ledger::exists(to).await? {
        return Ok(BTreeMap::new());
    }
    let rows = to.text("select \"table\", rows from migrate_wizard.carried").await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.first()?.clone()?, row.get(1)?.as_ref()?.parse().ok()?))).collect())
}

/// The tables that a side's ledger says were copied from the database `identity`; `None` when it knows none.
async fn entries(side: &Opened, identity: &str) -> Result<Option<BTreeMap<String, Entry>>> {
    if !ledger::exists(&side.session).await? {
        return Ok(None);
    }
    let passes = pass::passes(&side.session, side.dsql).await?;
    let passes: BTreeMap<i32, pass::PassRow> = passes.into_iter().filter(|row| row.source == identity).map(|row| (row.pass, row)).collect();
    if passes.is_empty() {
        return Ok(None);
    }
    let sql = "select \"table\", coalesce(min(pass), 0), coalesce(sum(rows), 0)::bigint + (select count(*) from migrate_wizard.quarantine q where q.\"table\" = c.\"table\"), coalesce(string_agg(nullif(xids, ''), ','), ''), \
               count(*) filter (where pass is null), (select count(*) from migrate_wizard.conflict f where f.\"table\" = c.\"table\"), \
               count(*) filter (where hi = '') \
               from migrate_wizard.chunk c group by \"table\"";
    let moment = |text: &Option<String>| Horizon::parse(text.as_deref()?);
    let mut entries = BTreeMap::new();
    for row in side.session.text(sql).await? {
        let [Some(table), Some(pass), Some(rows), Some(xids), Some(unsettled), Some(conflicts), Some(last)] = row.as_slice() else {
            continue;
        };
        let pass = pass.parse().ok().and_then(|pass: i32| passes.get(&pass));
        // Carried as a whole: every chunk is settled, and the last one, which is open at its end, was written down.
        let (Some(pass), "0", false) = (pass, unsettled.as_str(), last == "0") else { continue };
        let entry = Entry {
            read: moment(&pass.horizon),
            written: moment(&pass.there),
            rows: rows.parse().unwrap_or_default(),
            conflicts: conflicts != "0",
            xids: xids.split(',').filter_map(|xid| xid.parse().ok()).collect(),
        };
        entries.insert(table.clone(), entry);
    }
    Ok(Some(entries))
}

/// Carries the rows back, table by table.
pub async fn carry(
    begun: &Begun,
    way: &WayBack,
    source: &Connector,
    target: &Connector,
    options: &Options,
    reporter: &Reporter,
    start: Instant,
) -> Result<CopyReport> {
    let to = &begun.to.session;
    let tally = Tally::new(&begun.plan, reporter, options.ahead);
    let crew = begun.crew(source, target, options, &tally).await?;
    let mut worker = Worker::open(&crew, begun.pass, 0).await?;
    let ledger = Ledger::new(begun.pass, "lead", false);
    let mut notes = begun.plan.notes.clone();
    let mut conflicts = Vec::new();
    if !begun.lead.dsql && !large_objects::ids(&begun.lead).await?.is_empty() {
        notes.push("large objects are not carried back: nothing tells which side changed one".to_owned());
    }
    // Each table is cut when its turn comes, by this process alone.
    ledger.state(to, "open").await?;
    for (index, table) in begun.plan.tables.iter().enumerate() {
        let Some(last) = way.tables.get(&table.label()) else {
            notes.push(format!("{} was not carried there by this tool: it is left alone", table.label()));
            continue;
        };
        ledger.make_whole(to, &table.label()).await?;
        let whole = Range { chunk: 0, span: Span::ALL };
        ledger.add(to, table, std::slice::from_ref(&whole), table.bytes).await?;
        let claim = ledger.claim(to, &[table.label()]).await?;
        let Some(claim) = claim else { continue };
        worker.ledger.take_over(to, &claim).await?;
        worker.renew_when_old().await?;
        tally.begin(&worker.name, index, &claim.range);
        let (outcome, found) = worker.carry_table(&claim, table, last, begun.there.as_ref()).await?;
        tally.end(&worker.name, index, &outcome);
        conflicts.extend(found);
    }
    aside::restore(to).await?;
    ledger.close(to).await?;
    tally.last();
    let tables = tally.tables();
    Ok(CopyReport {
        pass: begun.pass,
        consistent: begun.snapshot.is_some(),
        rows_copied: tables.iter().map(|table| table.rows_copied).sum(),
        rows_equal: tables.iter().map(|table| table.rows_equal).sum(),
        tables,
        bytes: tally.bytes(),
        conflicts,
        way_back: true,
        seconds: start.elapsed().as_secs_f64(),
        notes,
        ..CopyReport::default()
    })
}

/// What is to be done about the keys that differ.
#[derive(Debug, Default)]
struct Verdict {
    delete: Vec<Key>,
    write: Vec<Key>,
    /// Of a table without a key: all rows of this side go, all of the other come.
    replace: bool,
    conflicts: Vec<(Key, String)>,
}

const BOTH: &str = "changed on both sides since they were equal";
const HERE: &str = "changed on this side since they were equal, and not there";
const ONLY_HERE: &str = "new or changed on this side since they were equal, and not on the other";
const ONLY_THERE: &str = "on the other side only, and rows of this table were deleted or changed here since they were equal";
const DELETED_HERE: &str = "deleted on this side since they were equal, and not there";
const NEVER_THERE: &str = "was set aside on the way there: it is on this side only";
const NO_KEY: &str = "changed here too since they were equal, and no key tells its rows apart";

/// What tells, in one table, who changed a row since the two were equal.
struct Evidence<'e> {
    /// Conditions.
    changed_here: &'e str,
    changed_there: &'e str,
    /// No row here was deleted or changed.
    intact: bool,
    /// Keys in conflict from before: whoever changed them, they stay so until both sides agree.
    before: BTreeMap<Key, String>,
    /// Keys that never were on the other side.
    never_there: BTreeSet<Key>,
}

impl Worker<'_> {
    async fn carry_table(
        &mut self,
        claim: &Claim,
        table: &TablePlan,
        last: &Last,
        begun: Option<&Horizon>,
    ) -> Result<(Outcome, Vec<Aside>)> {
        let changed_here = format!("({} and {})", last.here.newer(), not_by(&claim.xids));
        let newer_there = last.there.as_ref().map_or_else(|| "true".to_owned(), Horizon::newer);
        let changed_there = format!("({newer_there} and {})", if self.from.dsql { "true".to_owned() } else { not_by(&last.xids) });
        let sql = format!("select count(*) from {} where not {changed_here}", table.rows_of(Side::Target));
        let old: i64 = self.to.session.value(&sql, &[]).await?;
        let evidence = Evidence {
            changed_here: &changed_here,
            changed_there: &changed_there,
            intact: last.rows.is_some_and(|rows| u64::try_from(old) == Ok(rows)),
            before: self.conflicts_before(table).await?,
            never_there: quarantine::keys(&self.from.session, table).await?.into_iter().collect(),
        };
        // What may differ in a part stays within what can be held of it.
        let mut cutter = Cutter::new(table, Cut::for_comparing(table, Some(PART)));
        let mut verdict = Verdict::default();
        let mut rows = 0;
        while let Some(part) = cutter.next(&self.from.session).await? {
            let (a, b) = fingerprint::of_both(&self.from.session, &self.to.session, table, &part.span).await?;
            rows += a.rows;
            if a == b {
                continue;
            }
            if table.key.is_empty() {
                verdict.replace = evidence.intact && u64::try_from(old) == Ok(b.rows);
                if !verdict.replace {
                    verdict.conflicts.push((Key::new(), NO_KEY.to_owned()));
                }
                continue;
            }
            let difference = differ(&self.from, &self.to, table, &part.span, What::Rows).await?;
            let Some(difference) = difference else {
                return Err(Error::new(Kind::Conflict, format!("{} differs too much to be carried back row by row", table.label()))
                    .hint("restore it from a dump, or leave it out with --except"));
            };
            self.judge(table, &difference, &evidence, &mut verdict).await?;
        }
        let written = self.apply_verdict(claim, table, &verdict, begun).await?;
        let named = |(key, reason)| Aside { table: table.label(), key: serde_json::Value::from(key).to_string(), reason };
        let conflicts = verdict.conflicts.into_iter().map(named).collect();
        Ok((Outcome { rows, written, quarantined: 0 }, conflicts))
    }

    /// The conflicts of earlier ways, in either ledger.
    async fn conflicts_before(&self, table: &TablePlan) -> Result<BTreeMap<Key, String>> {
        let mut before = BTreeMap::new();
        for side in [&self.from.session, &self.to.session] {
            for row in quarantine::set_aside(side, "conflict").await?.into_iter().filter(|row| row.table == table.label()) {
                before.extend(quarantine::key_of(table, &row.key).map(|key| (key, row.reason)));
            }
        }
        Ok(before)
    }

    async fn judge(&self, table: &TablePlan, difference: &Difference, evidence: &Evidence<'_>, verdict: &mut Verdict) -> Result<()> {
        let (here, there) = (&self.to.session, &self.from.session);
        let Evidence { changed_here, changed_there, .. } = evidence;
        let mine = which(here, table, Side::Target, &difference.changed, changed_here).await?;
        let theirs = which(there, table, Side::Source, &difference.changed, changed_there).await?;
        let new_there = which(there, table, Side::Source, &difference.only_source, changed_there).await?;
        let new_here = which(here, table, Side::Target, &difference.only_target, changed_here).await?;
        let changed = difference.changed.iter().map(|key| match (theirs.contains(key), mine.contains(key)) {
            (true, true) => (key, Some(BOTH)),
            (false, true) => (key, Some(HERE)),
            (_, false) => (key, None),
        });
        let only_source = difference.only_source.iter().map(|key| match (new_there.contains(key), evidence.intact) {
            (true, true) => (key, None),
            (true, false) => (key, Some(ONLY_THERE)),
            (false, _) => (key, Some(DELETED_HERE)),
        });
        let only_target = difference.only_target.iter().map(|key| match (new_here.contains(key), evidence.never_there.contains(key)) {
            (true, _) => (key, Some(ONLY_HERE)),
            (false, true) => (key, Some(NEVER_THERE)),
            (false, false) => (key, None),
        });
        let mut sort =
            |list: &mut Vec<Key>, (key, reason): (&Key, Option<&str>)| match evidence.before.get(key).map(String::as_str).or(reason) {
                Some(reason) => verdict.conflicts.push((key.clone(), reason.to_owned())),
                None => list.push(key.clone()),
            };
        let (mut write, mut delete) = (Vec::new(), Vec::new());
        changed.chain(only_source).for_each(|found| sort(&mut write, found));
        only_target.for_each(|found| sort(&mut delete, found));
        verdict.write.append(&mut write);
        verdict.delete.append(&mut delete);
        Ok(())
    }

    /// All of it in one transaction with the ledger's rows. `begun`: this side's moment before the pass.
    async fn apply_verdict(&mut self, claim: &Claim, table: &TablePlan, verdict: &Verdict, begun: Option<&Horizon>) -> Result<u64> {
        if verdict.replace || !verdict.delete.is_empty() || !verdict.write.is_empty() {
            self.clear_the_way(table).await?;
        }
        let to = &self.to.session;
        to.begin().await?;
        let mut written = 0;
        if verdict.replace {
            to.affected(&format!("delete from {}", table.rows_of(Side::Target))).await?;
            written += self.write(claim, table, false).await?.0;
        }
        for keys in verdict.delete.chunks(500) {
            written += to.affected(&delete_keys(table, keys)).await?;
        }
        if !verdict.write.is_empty() {
            for keys in verdict.write.chunks(500) {
                to.affected(&delete_keys(table, keys)).await?;
            }
            let bytes = std::sync::atomic::AtomicU64::new(0);
            self.fetch(table, &["false".to_owned()]).await?;
            for keys in verdict.write.chunks(500) {
                self.fetch_more(table, &[of_keys(table, Side::Source, keys)], &bytes).await?;
            }
            written += self.insert_fetched(table).await?;
        }
        let label = literal(&table.label());
        if written > 0 {
            let sql = format!(
                "insert into migrate_wizard.carried as c (\"table\", rows) values ({label}, {written}) \
                 on conflict (\"table\") do update set rows = c.rows + excluded.rows"
            );
            to.affected(&sql).await?;
        }
        to.affected(&format!("delete from migrate_wizard.conflict where \"table\" = {label}")).await?;
        for (key, reason) in &verdict.conflicts {
            let key = literal(&serde_json::Value::from(key.clone()).to_string());
            let sql = format!("insert into migrate_wizard.conflict (\"table\", key, reason) values ({label}, {key}, {})", literal(reason));
            to.affected(&sql).await?;
        }
        // Rows that the app here writes from now on are not of them: the next way must see when one of these is gone.
        let ours = if written > 0 { " or xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295)" } else { "" };
        let changed = begun.map_or_else(|| "false".to_owned(), |begun| format!("({} and {})", begun.newer(), not_by(&claim.xids)));
        let sql = format!("select count(*) from {} where not {changed}{ours}", table.rows_of(Side::Target));
        let rows = u64::try_from(to.value::<i64>(&sql, &[]).await?).unwrap_or_default();
        let settled = Settled { how: "carried", rows, bytes: 0, anew: false, wrote: written > 0 };
        self.ledger.record(to, claim, &settled).await?;
        to.commit().await?;
        Ok(written)
    }
}

/// Those of the keys whose row on this side fulfils a condition.
async fn which(session: &Session, table: &TablePlan, side: Side, keys: &[Key], condition: &str) -> Result<BTreeSet<Key>> {
    let mut found = BTreeSet::new();
    for keys in keys.chunks(500) {
        let sql = format!(
            "select {} from {} where {} and ({condition})",
            table.key_prints(side).join(", "),
            table.rows_of(side),
            of_keys(table, side, keys)
        );
        for row in session.text(&sql).await? {
            found.insert(row.into_iter().map(Option::unwrap_or_default).collect());
        }
    }
    Ok(found)
}
