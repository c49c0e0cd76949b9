//! How far a move is, as the ledger on the target tells: from another terminal, another machine, or after a crash.
//! Only reads the ledger, never a table.

use serde::{Deserialize, Serialize};

use crate::data::ledger;
use crate::data::pass::{self, LEASE_SECONDS};
use crate::data::quarantine::{self, Aside};
use crate::error::Result;
use crate::postgres::{Access, Connector};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// There is a ledger.
    pub begun: bool,
    pub pass: i32,
    /// `cutting`, `open`, `ended`, `left`.
    pub state: String,
    /// The process that began the pass is still there.
    pub alive: bool,
    pub tables: Vec<TableStatus>,
    pub workers: Vec<WorkerStatus>,
    pub quarantine: Vec<Aside>,
    pub conflicts: Vec<Aside>,
    /// Indexes, keys and what else was to follow the rows are still to be made.
    #[serde(default)]
    pub schema_follows: bool,
    /// Keys and triggers that are set aside while rows are written.
    pub set_aside: Vec<String>,
}

/// One table in the pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStatus {
    pub table: String,
    pub chunks: u64,
    /// Settled by this pass.
    pub settled: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// A chunk in hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    pub worker: String,
    pub table: String,
    pub chunk: i32,
    pub seconds: u64,
}

/// Reads the ledger.
pub async fn status(target: &Connector) -> Result<Status> {
    let session = target.connect(Access::ReadOnly).await?;
    let dsql = session.is_dsql().await?;
    if !ledger::exists(&session).await? {
        return Ok(Status::default());
    }
    let Some(last) = pass::last_pass(&session, dsql).await? else { return Ok(Status { begun: true, ..Status::default() }) };
    let pass = last.pass;
    let number = |value: Option<String>| value.and_then(|value| value.parse().ok()).unwrap_or_default();
    let rows = session
        .text(&format!(
            "select \"table\", count(*), count(*) filter (where pass = {pass}), coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint \
             from migrate_wizard.chunk group by 1 order by max(rank) desc, 1"
        ))
        .await?;
    let tables = rows.into_iter().filter_map(|row| {
        let [table, chunks, settled, rows, bytes] = <[Option<String>; 5]>::try_from(row).ok()?;
        Some(TableStatus { table: table?, chunks: number(chunks), settled: number(settled), rows: number(rows), bytes: number(bytes) })
    });
    let tables = tables.collect();
    let rows = session
        .text(&format!(
            "select worker, \"table\", chunk, extract(epoch from now() - (until - interval '{LEASE_SECONDS} seconds'))::bigint from migrate_wizard.chunk \
             where taken = {pass} and pass is distinct from {pass} and worker is not null order by 1, 2, 3"
        ))
        .await?;
    let workers = rows.into_iter().filter_map(|row| {
        let [worker, table, chunk, seconds] = <[Option<String>; 4]>::try_from(row).ok()?;
        Some(WorkerStatus { worker: worker?, table: table?, chunk: chunk?.parse().ok()?, seconds: number(seconds) })
    });
    let workers = workers.collect();
    let aside = session.text("select id from migrate_wizard.aside order by 1").await?;
    Ok(Status {
        begun: true,
        pass,
        state: last.state,
        alive: last.alive,
        tables,
        workers,
        quarantine: quarantine::set_aside(&session, "quarantine").await?,
        conflicts: quarantine::set_aside(&session, "conflict").await?,
        schema_follows: ledger::schema_follows(&session).await?,
        set_aside: aside.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect(),
    })
}
