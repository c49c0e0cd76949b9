//! Rows that were set aside: which of them have arrived since, and how a comparison leaves the others out.
//! Never holds a value, only keys and reasons.

use crate::data::catch_up::of_keys;
use crate::data::differ::Key;
use crate::data::open::Opened;
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

/// Takes the rows off the list that are on the target now.
pub async fn prune(to: &Opened, plan: &Plan) -> Result<()> {
    for row in set_aside(&to.session, "quarantine").await? {
        let Some(table) = plan.tables.iter().find(|table| table.label() == row.table) else { continue };
        let Some(key) = key_of(table, &row.key) else { continue };
        let sql = format!("select count(*) from {} where {}", table.rows_of(Side::Target), of_keys(table, Side::Target, &[key]));
        if to.session.value::<i64>(&sql, &[]).await? > 0 {
            to.session
                .affected(&format!(
                    "delete from migrate_wizard.quarantine where \"table\" = {} and key = {}",
                    literal(&row.table),
                    literal(&row.key)
                ))
                .await?;
        }
    }
    Ok(())
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
