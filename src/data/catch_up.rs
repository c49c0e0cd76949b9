//! What changed since an earlier pass, told by the row versions of both servers: one scan that reads no value, then only the changed rows.
//! Sound because a version that the earlier moment saw and that is still there is the row that was copied; never used without that moment,
//! nor on a target that shows no row versions (DSQL): there values are compared, because a count says nothing of a row that somebody changed.

use crate::data::chunk::{Span, whose};
use crate::data::horizon::{Horizon, not_by};
use crate::data::ledger::{Claim, Settled};
use crate::data::load::{is_about_a_row, read, select};
use crate::data::missing::missing;
use crate::data::plan::{Side, TablePlan};
use crate::data::quarantine;
use crate::data::worker::{Outcome, Worker};
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// Rows of a span, and how many of them have a version that `new` selects.
async fn count(session: &Session, table: &TablePlan, side: Side, span: &Span, new: &str) -> Result<(u64, u64)> {
    let sql =
        format!("select count(*), count(*) filter (where {new}) from {}{}", table.rows_of(side), whose(&span.conditions(table, side)));
    let row = session.query_opt(&sql, &[]).await?;
    let value = |i: usize| row.as_ref().and_then(|row| u64::try_from(row.get::<_, i64>(i)).ok()).unwrap_or_default();
    Ok((value(0), value(1)))
}

/// What the row versions say of a chunk.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Rows of the source, and how many of them are of a later moment.
    here: u64,
    new: u64,
    /// Rows of the target.
    there: u64,
}

/// A chunk whose changes are to be applied.
struct Change<'c> {
    claim: &'c Claim,
    /// Selects the rows of the source that are of a later moment.
    newer: String,
    seen: Seen,
}

impl Worker<'_> {
    /// Makes a chunk equal that was equal at the moment `base`.
    pub async fn catch_up(&mut self, claim: &Claim, table: &TablePlan, base: &Horizon) -> Result<Outcome> {
        if self.to.dsql {
            return self.compare(claim, table).await;
        }
        let Some(seen) = self.look(claim, table, base).await? else {
            // Somebody else wrote to the target.
            return self.compare(claim, table).await;
        };
        if seen.new == 0 && seen.here == seen.there {
            let settled = Settled { how: "equal", rows: seen.here, bytes: 0, anew: false, wrote: false };
            self.ledger.record(&self.to.session, claim, &settled).await?;
            return Ok(Outcome::equal(seen.here));
        }
        if self.crew.limits.is_some() {
            return self.compare(claim, table).await;
        }
        // Where most rows changed, or rows have no key, copying is quicker than telling them apart.
        if table.key.is_empty() || table.columns.is_empty() || seen.new > seen.here / 3 {
            return self.replace(claim, table).await;
        }
        let change = Change { claim, newer: base.newer(), seen };
        match self.apply_changes(&[change], table).await {
            Ok(Some(outcomes)) => Ok(outcomes.into_iter().next().unwrap_or_default()),
            // Something else than the app's own changes: the values decide.
            Ok(None) => self.compare(claim, table).await,
            // One of the rows cannot go: it is found and set aside.
            Err(error) if is_about_a_row(&error) => {
                self.out_of_transaction().await?;
                self.compare(claim, table).await
            }
            Err(error) => Err(error),
        }
    }

    /// `None` when the target does not have the rows that were written there, as they were written.
    async fn look(&self, claim: &Claim, table: &TablePlan, base: &Horizon) -> Result<Option<Seen>> {
        let span = &claim.range.span;
        let foreign = not_by(&claim.xids);
        let newer = base.newer();
        let ((here, new), (there, foreign)) = tokio::try_join!(
            count(&self.from.session, table, Side::Source, span, &newer),
            count(&self.to.session, table, Side::Target, span, &foreign)
        )?;
        // A row that somebody deleted there leaves no version behind: only their number tells.
        let gone = claim.rows.saturating_sub(there.saturating_sub(foreign));
        // Without our own transactions' numbers (there were too many) every row looks like somebody else's; and rows set aside never came.
        if foreign + gone > 0 && !claim.xids.is_empty() {
            let aside = if gone > 0 { quarantine::keys(&self.to.session, table).await?.len() as u64 } else { 0 };
            self.crew.tally.by_others(&table.label(), claim.range.chunk, foreign.max(gone.saturating_sub(aside)));
        }
        Ok((foreign == 0 && there == claim.rows).then_some(Seen { here, new, there }))
    }

    /// The changes of chunks that stood in each other's way, in one transaction; `None` when values or whole chunks must decide.
    pub async fn apply_together(&mut self, claims: &[Claim], table: &TablePlan) -> Result<Option<Vec<Outcome>>> {
        let mut changes = Vec::new();
        for claim in claims {
            let base = claim.settled.and_then(|pass| self.crew.bases.get(&pass)).filter(|_| !table.key.is_empty());
            let Some(base) = base else { return Ok(None) };
            let Some(seen) = self.look(claim, table, base).await? else { return Ok(None) };
            changes.push(Change { claim, newer: base.newer(), seen });
        }
        self.apply_changes(&changes, table).await
    }

    async fn apply_changes(&mut self, changes: &[Change<'_>], table: &TablePlan) -> Result<Option<Vec<Outcome>>> {
        self.clear_the_way(table).await?;
        let to = &self.to.session;
        let sum = |of: fn(&Seen) -> u64| changes.iter().map(|change| of(&change.seen)).sum::<u64>();
        let (here, new, there) = (sum(|seen| seen.here), sum(|seen| seen.new), sum(|seen| seen.there));
        let bytes = std::sync::atomic::AtomicU64::new(0);
        to.begin().await?;
        let mut left = there;
        if new > 0 {
            self.fetch(table, &["false".to_owned()]).await?;
            for change in changes {
                let mut conditions = change.claim.range.span.conditions(table, Side::Source);
                conditions.push(change.newer.clone());
                self.fetch_more(table, &conditions, &bytes).await?;
            }
            left = left.saturating_sub(self.delete_fetched(table).await?);
        }
        // What is left must be the source's old rows. Those that are gone there go before others come: they may hold a unique value.
        let mut gone = vec![0; changes.len()];
        if left + new != here {
            for (change, gone) in changes.iter().zip(&mut gone) {
                let old = [format!("not ({})", change.newer)];
                let difference = missing(&self.from, &self.to, table, &change.claim.range.span, &old).await?;
                let Some(difference) = difference.filter(|difference| difference.only_source.is_empty()) else {
                    to.rollback().await?;
                    return Ok(None);
                };
                for keys in difference.only_target.chunks(500) {
                    *gone += to.affected(&delete_keys(table, keys)).await?;
                }
            }
        }
        if left.saturating_sub(gone.iter().sum()) + new != here {
            to.rollback().await?;
            return Ok(None);
        }
        if new > 0 {
            self.insert_fetched(table).await?;
        }
        let (mut outcomes, mut bytes) = (Vec::new(), bytes.into_inner());
        for (change, gone) in changes.iter().zip(&gone) {
            let Seen { here, new, .. } = change.seen;
            let how = if new + gone > 0 { "changed" } else { "equal" };
            let settled = Settled { how, rows: here, bytes: std::mem::take(&mut bytes), anew: false, wrote: new > 0 };
            self.ledger.record(to, change.claim, &settled).await?;
            outcomes.push(Outcome { rows: here, written: new + gone, quarantined: 0 });
        }
        to.commit().await?;
        Ok(Some(outcomes))
    }

    /// Rows of the source into a temporary table of the open transaction; their bytes.
    pub async fn fetch(&self, table: &TablePlan, conditions: &[String]) -> Result<u64> {
        let to = &self.to.session;
        let list = table.column_list();
        to.batch(&format!(
            "drop table if exists pg_temp.migrate_wizard_rows; create temporary table migrate_wizard_rows on commit drop as select {list} from {} limit 0",
            table.qualified()
        ))
        .await?;
        let bytes = std::sync::atomic::AtomicU64::new(0);
        self.fetch_more(table, conditions, &bytes).await?;
        Ok(bytes.into_inner())
    }

    /// More rows into that table.
    pub async fn fetch_more(&self, table: &TablePlan, conditions: &[String], bytes: &std::sync::atomic::AtomicU64) -> Result<()> {
        let format = if table.binary { "binary" } else { "text" };
        let frames = match table.binary {
            true => self.from.session.copy_out(&read(table, conditions, format)).await?,
            false => self.from.rows(&select(table, conditions)).await?,
        };
        let write = format!("copy pg_temp.migrate_wizard_rows ({}) from stdin (format {format})", table.column_list());
        let sent = |count| {
            bytes.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            self.crew.tally.moved(&self.name, count);
        };
        self.to.session.copy_in(&write, frames, sent).await.map(drop)
    }

    /// Deletes the target's rows of the fetched keys.
    pub async fn delete_fetched(&self, table: &TablePlan) -> Result<u64> {
        let same: Vec<String> = table.key.iter().map(|key| format!("t.{0} = r.{0}", key.name)).collect();
        let to = &self.to.session;
        to.batch("analyze pg_temp.migrate_wizard_rows").await?;
        to.affected(&format!(
            "delete from {} t using pg_temp.migrate_wizard_rows r where {}",
            table.rows_of(Side::Target),
            same.join(" and ")
        ))
        .await
    }

    /// Inserts the fetched rows.
    pub async fn insert_fetched(&self, table: &TablePlan) -> Result<u64> {
        let overriding = if table.overriding { " overriding system value" } else { "" };
        let list = table.column_list();
        let sql = format!("insert into {} ({list}){overriding} select {list} from pg_temp.migrate_wizard_rows", table.qualified());
        self.to.session.affected(&sql).await
    }

    /// Replaces all rows of the chunk in one transaction.
    pub async fn replace(&mut self, claim: &Claim, table: &TablePlan) -> Result<Outcome> {
        if self.crew.limits.is_some() {
            return self.replace_in_batches(claim, table).await;
        }
        if claim.range.span.is_all() && table.plain && !table.columns.is_empty() {
            // Truncated, copied and frozen, as the first time.
            return self.load(claim, table).await;
        }
        match self.replace_all(std::slice::from_ref(claim), table).await {
            Ok(outcomes) => Ok(outcomes.into_iter().next().unwrap_or_default()),
            Err(error) if is_about_a_row(&error) && !table.columns.is_empty() => {
                self.out_of_transaction().await?;
                self.replace_in_batches(claim, table).await
            }
            Err(error) => Err(error),
        }
    }

    /// The same for several chunks of a table, in one transaction: two rows may have swapped a unique value.
    pub async fn replace_all(&mut self, claims: &[Claim], table: &TablePlan) -> Result<Vec<Outcome>> {
        self.clear_the_way(table).await?;
        let to = &self.to.session;
        to.begin().await?;
        for claim in claims {
            let whose = whose(&claim.range.span.conditions(table, Side::Target));
            to.affected(&format!("delete from {}{whose}", table.rows_of(Side::Target))).await?;
        }
        let mut outcomes = Vec::new();
        for claim in claims {
            let (rows, bytes) = self.write(claim, table, false).await?;
            let settled = Settled { how: "replaced", rows, bytes, anew: true, wrote: rows > 0 };
            self.ledger.record(&self.to.session, claim, &settled).await?;
            outcomes.push(Outcome { rows, written: rows, quarantined: 0 });
        }
        self.to.session.commit().await?;
        Ok(outcomes)
    }
}

/// A condition: the row has one of these keys.
pub fn of_keys(table: &TablePlan, side: Side, keys: &[Vec<String>]) -> String {
    let names: Vec<&str> = table.key.iter().map(|key| key.on(side).0).collect();
    let value = |key: &Vec<String>| {
        let fields: Vec<String> =
            table.key.iter().zip(key).map(|(plan, value)| format!("{}::{}", literal(value), plan.on(side).1)).collect();
        if fields.len() == 1 { fields.concat() } else { format!("({})", fields.join(", ")) }
    };
    let values: Vec<String> = keys.iter().map(value).collect();
    let names = if names.len() == 1 { names.concat() } else { format!("({})", names.join(", ")) };
    format!("{names} in ({})", values.join(", "))
}

/// Deletes rows of the target by their keys.
pub fn delete_keys(table: &TablePlan, keys: &[Vec<String>]) -> String {
    format!("delete from {} where {}", table.rows_of(Side::Target), of_keys(table, Side::Target, keys))
}
