//! What the target's server says of running copies, for the display alone: rows that each COPY has taken so far.
//! Never an error: a figure that cannot be had is not shown.

use std::time::Duration;

use crate::data::tally::Tally;
use crate::postgres::{Access, Connector};

/// Looks twice a second, for ever.
pub async fn copies(target: &Connector, tally: &Tally, dsql: bool) {
    const SQL: &str = "select n.nspname || '.' || c.relname, sum(p.tuples_processed)::bigint from pg_stat_progress_copy p \
        join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace where p.command = 'COPY FROM' group by 1";
    let session = if dsql { None } else { target.connect(Access::ReadOnly).await.ok() };
    let Some(session) = session else { return std::future::pending().await };
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Ok(rows) = session.text(SQL).await else { return std::future::pending().await };
        for row in rows {
            if let [Some(table), Some(rows)] = row.as_slice() {
                tally.seen(table, rows.parse().unwrap_or_default());
            }
        }
    }
}

/// What the server says of an index that is being built: by which statement, as far as the server keeps its text, how much of the table is
/// read, and what it is at.
#[derive(Debug, Clone, PartialEq)]
pub struct Building {
    pub statement: String,
    pub share: f64,
    pub phase: String,
}

/// Looks at index builds twice a second, for ever.
pub async fn builds(target: &Connector, seen: impl Fn(Vec<Building>)) {
    const SQL: &str = "select a.query, p.phase, \
        case when p.blocks_total > 0 then p.blocks_done::float8 / p.blocks_total when p.tuples_total > 0 then p.tuples_done::float8 / p.tuples_total else 0 end \
        from pg_stat_progress_create_index p join pg_stat_activity a using (pid)";
    let Ok(session) = target.connect(Access::ReadOnly).await else { return std::future::pending().await };
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Ok(rows) = session.text(SQL).await else { return std::future::pending().await };
        let read = |row: Vec<Option<String>>| {
            let [statement, phase, share] = <[Option<String>; 3]>::try_from(row).ok()?;
            Some(Building { statement: statement?, phase: phase?, share: share?.parse().ok()? })
        };
        seen(rows.into_iter().filter_map(read).collect());
    }
}
