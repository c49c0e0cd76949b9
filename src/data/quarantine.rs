//! Rows that were set aside: which of them are equal by now, and how a comparison leaves the others out.
//! Never holds a value, only keys and reasons.

use crate::data::again;
use crate::data::catch_up::of_keys;
use crate::data::differ::Key;
use crate::data::fingerprint::row_digest;
use crate::data::plan::{Plan, Side, TablePlan};
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// A row that could not be copied, or a conflict: table, key, reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Aside {
    pub table: String,
    pub key: String,
    pub reason: String,
}

/// The rows in quarantine, or the conflicts.
pub async fn set_aside(session: &Session, list: &str) -> Result<Vec<Aside>> {
    let sql = format!("select \"table\", key, reason from migrate_wizard.{list} order by 1, 2");
    let rows = session.text(&sql).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let [table, key, reason] = <[Option<String>; 3]>::try_from(row).ok()?;
            Some(Aside { table: table?, key: key?, reason: reason.unwrap_or_default() })
        })
        .collect())
}

/// Takes the rows off the list that are alike on both sides now: arrived since, or gone from both. One whose older version the target
/// still holds stays.
pub async fn prune(from: &Session, to: &Session, plan: &Plan) -> Result<()> {
    for row in set_aside(to, "quarantine").await? {
        let Some(table) = plan.tables.iter().find(|table| table.label() == row.table) else { continue };
        let Some(key) = key_of(table, &row.key) else { continue };
        let keys = [key];
        let digest =
            |side| format!("select {} from {} where {}", row_digest(table, side), table.rows_of(side), of_keys(table, side, &keys));
        if from.text(&digest(Side::Source)).await? == to.text(&digest(Side::Target)).await? {
            let sql =
                format!("delete from migrate_wizard.quarantine where \"table\" = {} and key = {}", literal(&row.table), literal(&row.key));
            again::write(to, &sql).await?;
        }
    }
    Ok(())
}

/// The statement that forgets the rows of a chunk that are told by their place in it.
pub fn forget_places(table: &TablePlan, chunk: i32) -> String {
    format!(
        "delete from migrate_wizard.quarantine where \"table\" = {} and starts_with(key, {})",
        literal(&table.label()),
        literal(&format!("[\"chunk {}, ", chunk + 1))
    )
}

/// A key from its text in the ledger; `None` for a row of a table without one.
pub fn key_of(table: &TablePlan, text: &str) -> Option<Key> {
    serde_json::from_str::<Key>(text).ok().filter(|key| !table.key.is_empty() && key.len() == table.key.len())
}

/// The keys of a table's rows that are set aside.
pub async fn keys(target: &Session, table: &TablePlan) -> Result<Vec<Key>> {
    let sql = format!("select key from migrate_wizard.quarantine where \"table\" = {} order by key", literal(&table.label()));
    let rows = target.text(&sql).await?;
    Ok(rows.into_iter().filter_map(|row| key_of(table, row.into_iter().next()?.as_deref()?)).collect())
}
