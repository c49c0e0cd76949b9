//! Before a pass: which tables of the target are empty, and whether rows of somebody else are in the way.
//! Only looks; never waits for what another process of ours has locked.

use crate::data::ledger;
use crate::data::open::Opened;
use crate::data::options::Existing;
use crate::data::plan::{Plan, Side};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;

/// Whether each table is known to be empty on the target; fails with everything that stands in the way.
pub async fn preflight(plan: &Plan, to: &Opened, existing: Existing, way_back: bool) -> Result<Vec<bool>> {
    let mut empty = vec![false; plan.tables.len()];
    for (at, tables) in (0..).step_by(100).zip(plan.tables.chunks(100)) {
        let looks: Vec<(usize, String)> = (at..).zip(tables.iter().map(|t| t.rows_of(Side::Target).to_owned())).collect();
        look(plan, to, &looks, &mut empty).await?;
    }
    // Asked after the rows: another process may write the first ones just now, and says so before it does.
    let known = known(to).await?;
    let foreign =
        |(table, empty): (&crate::data::plan::TablePlan, &bool)| (!empty && !known.contains(&table.label())).then(|| table.label());
    let foreign: Vec<String> = plan.tables.iter().zip(&empty).filter_map(foreign).collect();
    if foreign.is_empty() || existing == Existing::Replace || way_back {
        return Ok(empty);
    }
    let error = Error::new(Kind::Conflict, "the target is not ready for the copy");
    Err(foreign
        .iter()
        .fold(error, |error, label| error.cause(format!("{label} already has rows that migrate-wizard did not write")))
        .hint("check that this is the right target; empty these tables, or replace their rows with --replace"))
}

async fn known(to: &Opened) -> Result<Vec<String>> {
    if ledger::exists(&to.session).await? { ledger::tables(&to.session).await } else { Ok(Vec::new()) }
}

/// Looks at tables that are not known as ours; one that is locked meanwhile is perhaps becoming ours.
async fn look(plan: &Plan, to: &Opened, looks: &[(usize, String)], empty: &mut [bool]) -> Result<()> {
    loop {
        let known = known(to).await?;
        let ours = |at: &usize| plan.tables.get(*at).is_none_or(|table| known.contains(&table.label()));
        let asked: Vec<&(usize, String)> = looks.iter().filter(|(at, _)| !ours(at)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let values: Vec<String> = asked.iter().map(|(_, rows)| format!("not exists (select 1 from {rows})")).collect();
        let sql = format!("select {}", values.join(", "));
        let sql = if to.dsql { sql } else { format!("set local lock_timeout = '500ms'; {sql}") };
        match to.session.text(&sql).await {
            Ok(rows) => {
                for ((at, _), value) in asked.into_iter().zip(rows.into_iter().next().unwrap_or_default()) {
                    if let Some(empty) = empty.get_mut(*at) {
                        *empty = value.as_deref() == Some("t");
                    }
                }
                return Ok(());
            }
            Err(error) if sqlstate(&error) == Some("55P03") => {}
            Err(error) => return Err(error),
        }
    }
}
