//! What may be tried again: a conflict with another transaction, a connection that ended. How long to wait before it.
//! Never decides what became of a commit without an answer: that is asked of the ledger.

use std::time::Duration;

use crate::data::limits::Limits;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;

/// A conflict with another transaction: nothing of it was kept, or (server unavailable) perhaps all.
pub fn conflict(error: &Error) -> bool {
    matches!(sqlstate(error), Some("40001" | "40P01")) || unavailable(error)
}

pub fn unavailable(error: &Error) -> bool {
    sqlstate(error) == Some("XX000") && error.causes.iter().any(|cause| cause.contains("server unavailable"))
}

/// The connection ended, or the server let no other one in.
pub fn broken(error: &Error) -> bool {
    error.kind == Kind::Unreachable && !conflict(error)
}

/// Trying again, by a new session where the old one broke, may mend it.
pub fn transient(error: &Error) -> bool {
    conflict(error) || broken(error)
}

/// Longer each time, and by chance, so that two writers that met part.
pub async fn pause(limits: &Limits, tries: u32) {
    let longest = limits.retry_ms.saturating_mul(1 << tries.min(7)).min(5000);
    let chance = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis(longest / 2 + longest * chance / 510)).await;
}

/// The tries at something that may be done twice, each on a session that works.
#[derive(Debug)]
pub struct Tries {
    limits: Limits,
    tries: u32,
}

impl Tries {
    pub fn new() -> Result<Self> {
        Ok(Self { limits: Limits::dsql()?, tries: 0 })
    }

    /// After a try that failed: a pause, or the error where it will not pass or came too often.
    pub async fn after(&mut self, error: Error) -> Result<()> {
        if !transient(&error) || self.tries >= self.limits.retries {
            return Err(error);
        }
        self.tries += 1;
        pause(&self.limits, self.tries).await;
        Ok(())
    }
}

/// How often a statement of the ledger's own is tried.
const TRIES: u32 = 12;

/// A statement that changes rows, in a transaction of its own; twice must equal once. Rows touched.
pub async fn write(session: &Session, sql: &str) -> Result<u64> {
    let mut tries = 0;
    loop {
        match session.affected(sql).await {
            Err(error) if tries < TRIES && conflict(&error) => {
                tries += 1;
                rest(tries).await;
            }
            other => return other,
        }
    }
}

/// A definition, in a transaction of its own; one that finds its object made, or gone, must be no error of the caller's.
pub async fn define(session: &Session, sql: &str) -> Result<()> {
    let mut tries = 0;
    loop {
        match session.batch(sql).await {
            // Another process made it between the look and the deed, or changed the catalogue of a DSQL cluster.
            Err(error)
                if tries < TRIES
                    && (conflict(&error) || matches!(sqlstate(&error), Some("23505" | "42710" | "42P06" | "42P07" | "XX000"))) =>
            {
                tries += 1;
                rest(tries).await;
            }
            other => return other,
        }
    }
}

async fn rest(tries: u32) {
    let chance = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis(u64::from(tries) * (10 + chance / 4))).await;
}
