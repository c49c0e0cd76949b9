//! A moment of a database that a later look can be compared with: which row versions it saw, told by their transaction numbers.
//! Never trusted when the database may be another one, or one that was set back in time.

use serde::{Deserialize, Serialize};

use crate::data::open::Opened;
use crate::error::Result;
use crate::postgres::{Access, Connector};

/// Transaction numbers are compared over at most so many; beyond, they may have come round.
const REACH: u64 = 1_500_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// Every row version of an older transaction was seen, or was already gone: the oldest transaction that was open in this database,
    /// else the next one. 64 bits: with the epoch.
    pub xmin: u64,
    /// The next transaction's number.
    pub next: u64,
    /// `pg_current_snapshot()`, for an exact answer about versions near the edge.
    pub snapshot: String,
}

/// The oldest transaction that the session's moment does not see, the next one, the moment itself, and whether each of those that it does
/// not see is known. Transactions that are seen to be at work in another database of the cluster write nothing here; any other counts, its
/// subtransactions have higher numbers. A standby does not list them. One statement, so that a session's first one looks at what is open at
/// that very moment; one that ended in between is not listed any more.
const NOW: &str = "
with known as (
  select backend_xid::text::bigint as xid, datid <> (select oid from pg_database where datname = current_database()) as other from pg_stat_activity
    where backend_xid is not null
  union all select transaction::text::bigint, database <> current_database() from pg_prepared_xacts)
select case when pg_is_in_recovery() then pg_snapshot_xmin(s)::text::bigint
    else coalesce((select min(x::text::bigint) from pg_snapshot_xip(s) x where x::text::bigint & 4294967295 not in (select xid from known where other)), pg_snapshot_xmax(s)::text::bigint) end,
  pg_snapshot_xmax(s)::text, s::text,
  pg_is_in_recovery() or not exists (select from pg_snapshot_xip(s) x where x::text::bigint & 4294967295 not in (select xid from known))
from pg_current_snapshot() s";

/// How often a moment is taken at most until all its open transactions are known. One that is not counts as a writer of this database: rows
/// written shortly before are then copied again, and listed as conflicts on the way back. Nothing is ever missed by it.
const TRIES: u32 = 8;

/// Which database this is, however it is reached: the cluster's own number where the server tells it, else the address.
pub async fn identity(opened: &Opened, connector: &Connector) -> String {
    // Asked first: a refusal would end the caller's transaction.
    let may = "select has_function_privilege('pg_catalog.pg_control_system()', 'execute')";
    let sql = "select (select system_identifier::text from pg_control_system()) || '/' || current_database()";
    let told = match opened.dsql {
        false if opened.session.value(may, &[]).await.unwrap_or_default() => opened.session.text(sql).await.ok(),
        _ => None,
    };
    told.and_then(|rows| rows.into_iter().next()?.into_iter().next()?)
        .unwrap_or_else(|| format!("{}:{}/{}", connector.host(), connector.port(), connector.database()))
}

impl Horizon {
    /// Of the session's own transaction; `None` where transactions have no such numbers (DSQL).
    pub async fn of(opened: &Opened) -> Result<Option<Self>> {
        Ok(Self::look(opened).await?.map(|(now, _)| now))
    }

    /// The same at a moment that nobody else has taken over yet: a reader's transaction is begun anew until all is known.
    pub async fn of_new(opened: &Opened) -> Result<Option<Self>> {
        let session = &opened.session;
        let mut found = Self::look(opened).await?;
        for _ in 1..TRIES {
            if found.as_ref().is_none_or(|(_, sure)| *sure) {
                break;
            }
            if session.access() == Access::ReadOnly {
                session.rollback().await?;
                session.begin_snapshot().await?;
            }
            found = Self::look(opened).await?;
        }
        Ok(found.map(|(now, _)| now))
    }

    async fn look(opened: &Opened) -> Result<Option<(Self, bool)>> {
        if opened.dsql {
            return Ok(None);
        }
        let row = opened.session.text(NOW).await?.into_iter().next().unwrap_or_default();
        let value = |i: usize| row.get(i).cloned().flatten();
        let read = || Some((Self { xmin: value(0)?.parse().ok()?, next: value(1)?.parse().ok()?, snapshot: value(2)? }, value(3)? == "t"));
        Ok(read())
    }

    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether row versions can be compared with this horizon at the moment `now` of the same database.
    pub fn reaches(&self, now: &Self) -> bool {
        self.next <= now.next && self.xmin <= now.xmin && now.next - self.xmin < REACH
    }

    /// A condition: the row's version is of a transaction that this horizon may not have seen.
    pub fn newer(&self) -> String {
        format!("age(xmin) <= age('{}'::xid)", self.xmin & 0xffff_ffff)
    }
}

/// A condition: the row was not written by one of these transactions.
pub fn not_by(xids: &[u32]) -> String {
    let list: Vec<String> = xids.iter().map(u32::to_string).collect();
    if list.is_empty() { "true".to_owned() } else { format!("xmin <> all ('{{{}}}'::xid[])", list.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_set_back_in_time_is_not_compared() {
        let at = |next| Horizon { xmin: next - 1, next, snapshot: String::new() };
        assert!(at(100).reaches(&at(100)) && at(100).reaches(&at(5_000)));
        assert!(!at(100).reaches(&at(99)), "set back");
        assert!(!at(100).reaches(&at(2_000_000_000)), "too long ago");
        assert_eq!(Horizon::parse(&at(7).text()), Some(at(7)));
    }
}
