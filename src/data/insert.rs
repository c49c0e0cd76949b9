//! Writing a chunk in small transactions, for a target that limits them (Aurora DSQL): batches of rows and bytes, conflicts tried again.
//! Never one transaction over the limit; a chunk cut short by a crash shows in its fingerprint and is copied again.

use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use crate::data::chunk::Range;
use crate::data::copy_text::{Lines, row};
use crate::data::plan::{Side, TablePlan};
use crate::error::{Error, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;
use crate::postgres::session::Frames;

/// What one transaction may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub rows: u64,
    pub bytes: usize,
}

impl Limits {
    /// Below DSQL's 3,000 rows and 10 MiB (user guide, quotas page, as of 2026-11-20), because index entries count too.
    pub const DSQL: Self = Self { rows: 2000, bytes: 8 << 20 };
    /// A chunk's delete and insert fit one transaction together.
    pub fn chunk_rows(self) -> u64 {
        (self.rows / 2).max(1)
    }
}

const TRIES: u32 = 10;

/// Replaces the rows of a range: `there` rows go, the rows of `frames` (COPY text) come, `record` goes with the last of them.
pub async fn replace(
    to: &Session,
    table: &TablePlan,
    range: &Range,
    there: u64,
    limits: Limits,
    mut frames: Frames,
    record: impl Fn(u64) -> String,
) -> Result<u64> {
    let mut statements = clear(to, table, range, there, limits).await?;
    let head = format!(
        "insert into {} ({}){} values ",
        table.qualified(),
        table.column_list(),
        if table.overriding { " overriding system value" } else { "" }
    );
    let (mut lines, mut values, mut bytes, mut rows) = (Lines::default(), Vec::new(), 0, 0_u64);
    while let Some(frame) = frames.next().await {
        for line in lines.feed(&frame?) {
            let value = row(&line);
            let full = values.len() as u64 >= limits.chunk_rows() || bytes + value.len() > limits.bytes;
            if full && !values.is_empty() {
                statements.push(format!("{head}{}", values.join(", ")));
                transact(to, &std::mem::take(&mut statements)).await?;
                values.clear();
                bytes = 0;
            }
            bytes += value.len() + 2;
            rows += 1;
            values.push(value);
        }
    }
    if !values.is_empty() {
        statements.push(format!("{head}{}", values.join(", ")));
    }
    statements.push(record(rows));
    transact(to, &statements).await?;
    Ok(rows)
}

/// The delete that may go with the first batch; more rows than that are deleted before, in batches.
async fn clear(to: &Session, table: &TablePlan, range: &Range, there: u64, limits: Limits) -> Result<Vec<String>> {
    let rows = table.rows_of(Side::Target);
    let condition = range.condition(table, Side::Target);
    if there == 0 {
        return Ok(Vec::new());
    }
    if there <= limits.chunk_rows() || table.key.is_empty() {
        return Ok(vec![format!("delete from {rows}{condition}")]);
    }
    let key = table.key.iter().map(|key| key.on(Side::Target).0).collect::<Vec<_>>().join(", ");
    for _ in 0..=there / limits.rows {
        transact(to, &[format!("delete from {rows} where ({key}) in (select {key} from {rows}{condition} limit {})", limits.rows)]).await?;
    }
    Ok(Vec::new())
}

/// Statements in one transaction; a conflict with another transaction is tried again from the start.
pub async fn transact(to: &Session, statements: &[String]) -> Result<()> {
    let mut pause = Duration::from_millis(50);
    for attempt in 1.. {
        let Err(error) = once(to, statements).await else { break };
        let _ = to.rollback().await;
        if attempt >= TRIES || !conflict(&error) {
            return Err(error);
        }
        // Random enough to part two writers that met.
        let jitter = Duration::from_millis(u64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 4);
        tokio::time::sleep(pause + jitter).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    Ok(())
}

fn conflict(error: &Error) -> bool {
    sqlstate(error) == Some("40001")
        || (sqlstate(error) == Some("XX000") && error.causes.iter().any(|cause| cause.contains("server unavailable")))
}

async fn once(to: &Session, statements: &[String]) -> Result<()> {
    to.begin().await?;
    for statement in statements {
        to.batch(statement).await?;
    }
    to.commit().await
}
