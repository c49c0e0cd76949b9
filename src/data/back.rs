//! The way back: rows that were written on the target since the cutover, carried to the database they once came from.
//! A row that both sides changed is listed by its key and left as it is on both; nothing is ever overwritten silently.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::data::aside;
use crate::data::catch_up::{delete_keys, of_keys};
use crate::data::chunk::{Cut, Cutter, Range, Span};
use crate::data::copy::{Begun, CopyReport, Options};
use crate::data::differ::{Difference, Key, What, differ};
use crate::data::fingerprint::fingerprint;
use crate::data::horizon::{self, Horizon, not_by};
use crate::data::ledger::{self, Aside, Claim, Ledger, Settled};
use crate::data::open::Opened;
use crate::data::plan::{Side, TablePlan};
use crate::data::tally::Tally;
use crate::data::worker::{Outcome, Worker};
use crate::error::{Error, Kind, Result};
use crate::postgres::quote::literal;
use crate::postgres::{Connector, Session};
use crate::progress::Reporter;

/// What the way there left in its ledger, which now stands in the source.
#[derive(Debug, Clone, Default)]
pub struct WayBack {
    tables: BTreeMap<String, There>,
}

/// One table as the way there left it.
#[derive(Debug, Clone)]
struct There {
    /// The moment of the older database up to which its rows were carried there.
    base: Horizon,
    rows: u64,
    /// Transactions that wrote the rows which were carried there.
    xids: Vec<u32>,
}

/// Whether the source is what an earlier copy made out of this target.
pub async fn recognise(from: &Opened, to: &Opened, target: &Connector) -> Result<Option<WayBack>> {
    if !ledger::exists(&from.session).await? {
        return Ok(None);
    }
    let identity = horizon::identity(to, target).await;
    let passes = ledger::passes(&from.session, from.dsql).await?;
    let passes: Vec<ledger::PassRow> = passes.into_iter().filter(|pass| pass.source == identity).collect();
    if passes.is_empty() {
        return Ok(None);
    }
    let bases: BTreeMap<i32, Horizon> =
        passes.iter().filter_map(|pass| Some((pass.pass, Horizon::parse(pass.horizon.as_deref()?)?))).collect();
    let now = Horizon::of(to).await?;
    let sql = "select \"table\", coalesce(min(pass), 0), coalesce(sum(rows), 0)::bigint, coalesce(string_agg(nullif(xids, ''), ','), ''), \
               count(*) filter (where pass is null) from migrate_wizard.chunk group by \"table\"";
    let mut way = WayBack::default();
    for row in from.session.text(sql).await? {
        let [Some(table), Some(pass), Some(rows), Some(xids), Some(unsettled)] = row.as_slice() else { continue };
        let base =
            pass.parse().ok().and_then(|pass: i32| bases.get(&pass)).filter(|base| now.as_ref().is_some_and(|now| base.reaches(now)));
        let (Some(base), "0") = (base, unsettled.as_str()) else { continue };
        let there = There {
            base: base.clone(),
            rows: rows.parse().unwrap_or_default(),
            xids: xids.split(',').filter_map(|xid| xid.parse().ok()).collect(),
        };
        way.tables.insert(table.clone(), there);
    }
    Ok(Some(way))
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
    to.affected("delete from migrate_wizard.conflict").await?;
    for (index, table) in begun.plan.tables.iter().enumerate() {
        let Some(there) = way.tables.get(&table.label()) else {
            notes.push(format!("{} was not carried there by this tool: it is left alone", table.label()));
            continue;
        };
        if table.key.is_empty() {
            notes.push(format!(
                "{} has no key that tells its rows apart: it is left alone; compare it with `migrate-wizard data verify`",
                table.label()
            ));
            continue;
        }
        let whole = Range { chunk: 0, span: Span::ALL };
        ledger.add(to, table, std::slice::from_ref(&whole)).await?;
        let claim = ledger.claim(to, &[table.label()]).await?;
        let Some(claim) = claim else { continue };
        worker.ledger.take_over(to, &claim).await?;
        tally.begin(&worker.name, index, &claim.range);
        let (outcome, found) = worker.carry_table(&claim, table, there).await?;
        tally.end(&worker.name, index, &outcome);
        conflicts.extend(found);
    }
    aside::restore(to).await?;
    ledger.state(to, "open").await?;
    ledger.close(to).await?;
    tally.last();
    for row in &conflicts {
        to.affected(&format!(
            "insert into migrate_wizard.conflict (\"table\", key, reason) values ({}, {}, {}) on conflict do nothing",
            literal(&row.table),
            literal(&row.key),
            literal(&row.reason)
        ))
        .await?;
    }
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
    conflicts: Vec<(Key, &'static str)>,
}

const BOTH: &str = "changed on both sides since the cutover";
const HERE: &str = "changed on this side since the cutover, and not there";
const ONLY_HERE: &str = "new or changed on this side since the cutover, and not on the other";
const ONLY_THERE: &str = "on the other side only, and rows of this table were deleted or changed here since the cutover";
const DELETED_HERE: &str = "deleted on this side since the cutover, and not there";

impl Worker<'_> {
    async fn carry_table(&mut self, claim: &Claim, table: &TablePlan, there: &There) -> Result<(Outcome, Vec<Aside>)> {
        let mut cutter = Cutter::new(table, Cut::for_comparing(table, None));
        let mut verdict = Verdict::default();
        let mut rows = 0;
        // Rows here that are of the time before the cutover, or that an earlier way back wrote.
        let ours_here = if claim.xids.is_empty() { "false".to_owned() } else { format!("not ({})", not_by(&claim.xids)) };
        let changed_here = format!("({} and not ({ours_here}))", there.base.newer());
        let old: i64 = self
            .to
            .session
            .value(&format!("select count(*) from {} where not ({})", table.rows_of(Side::Target), there.base.newer()), &[])
            .await?;
        let intact = u64::try_from(old).is_ok_and(|old| old == there.rows) || !claim.xids.is_empty();
        while let Some(part) = cutter.next(&self.from.session).await? {
            let (a, b) = tokio::try_join!(
                fingerprint(&self.from.session, table, Side::Source, &part.span, &[]),
                fingerprint(&self.to.session, table, Side::Target, &part.span, &[])
            )?;
            rows += a.rows;
            if a == b {
                continue;
            }
            let difference = differ(&self.from.session, &self.to.session, table, &part.span, What::Rows).await?;
            let Some(difference) = difference else {
                return Err(Error::new(Kind::Conflict, format!("{} differs too much to be carried back row by row", table.label()))
                    .hint("restore it from a dump, or leave it out with --except"));
            };
            self.judge(table, &difference, &changed_here, &there.xids, intact, &mut verdict).await?;
        }
        let written = self.apply_verdict(claim, table, rows, &verdict).await?;
        let named = |(key, reason): (Key, &str)| Aside {
            table: table.label(),
            key: serde_json::Value::from(key).to_string(),
            reason: reason.to_owned(),
        };
        let conflicts = verdict.conflicts.into_iter().map(named).collect();
        Ok((Outcome { rows, written, quarantined: 0 }, conflicts))
    }

    async fn judge(
        &self,
        table: &TablePlan,
        difference: &Difference,
        changed_here: &str,
        carried: &[u32],
        intact: bool,
        verdict: &mut Verdict,
    ) -> Result<()> {
        // On DSQL no row version can be seen: what differs counts as changed there.
        let written_there = if self.from.dsql { "true".to_owned() } else { not_by(carried) };
        let (here, there) = (&self.to.session, &self.from.session);
        let changed_here_keys = which(here, table, Side::Target, &difference.changed, changed_here).await?;
        let changed_there = which(there, table, Side::Source, &difference.changed, &written_there).await?;
        for key in &difference.changed {
            match (changed_there.contains(key), changed_here_keys.contains(key)) {
                (true, true) => verdict.conflicts.push((key.clone(), BOTH)),
                (false, true) => verdict.conflicts.push((key.clone(), HERE)),
                (_, false) => verdict.write.push(key.clone()),
            }
        }
        let new_there = which(there, table, Side::Source, &difference.only_source, &written_there).await?;
        for key in &difference.only_source {
            match (new_there.contains(key), intact) {
                (true, true) => verdict.write.push(key.clone()),
                (true, false) => verdict.conflicts.push((key.clone(), ONLY_THERE)),
                (false, _) => verdict.conflicts.push((key.clone(), DELETED_HERE)),
            }
        }
        let new_here = which(here, table, Side::Target, &difference.only_target, changed_here).await?;
        for key in &difference.only_target {
            if new_here.contains(key) {
                verdict.conflicts.push((key.clone(), ONLY_HERE));
            } else {
                verdict.delete.push(key.clone());
            }
        }
        Ok(())
    }

    async fn apply_verdict(&mut self, claim: &Claim, table: &TablePlan, rows: u64, verdict: &Verdict) -> Result<u64> {
        let nothing = verdict.delete.is_empty() && verdict.write.is_empty();
        if !nothing {
            self.clear_the_way(table).await?;
        }
        let to = &self.to.session;
        to.begin().await?;
        let mut written = 0;
        if !nothing {
            for keys in verdict.delete.chunks(500) {
                written += to.affected(&delete_keys(table, keys)).await?;
            }
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
        let settled = Settled { how: if nothing { "equal" } else { "changed" }, rows, bytes: 0, anew: false, wrote: written > 0 };
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
