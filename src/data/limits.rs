//! What a target takes in one transaction and how fast it lets connections in: dated facts from `assets/targets/dsql.toml`.
//! Never a figure of our own: what is kept free below a limit is said here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Kind, Result};

/// The `[load]` table of a target's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Rows that one transaction may insert, update and delete together.
    pub rows: u64,
    /// Bytes that one transaction may write, as the target counts them.
    pub bytes: usize,
    /// Bytes of a row, of a value, of a message on the wire.
    pub row_bytes: usize,
    pub value_bytes: usize,
    pub message_bytes: usize,
    /// What the target adds for each row, and for each entry of an index.
    pub row_overhead: usize,
    pub index_overhead: usize,
    /// Seconds that a transaction may last.
    pub transaction_seconds: u64,
    pub connections_per_second: u32,
    pub connection_minutes: u64,
    /// A conflict is tried again so often, after pauses from `retry_ms` on.
    pub retries: u32,
    pub retry_ms: u64,
}

#[derive(Deserialize)]
struct File {
    load: Limits,
}

impl Limits {
    /// Those of Aurora DSQL.
    pub fn dsql() -> Result<Self> {
        let text = include_str!("../../assets/targets/dsql.toml");
        let file: File = toml::from_str(text).or_fail(Kind::Bug, "assets/targets/dsql.toml cannot be read", "report this")?;
        Ok(file.load)
    }

    /// Rows of a batch: the ledger's own row goes with it; a row that replaces another counts twice.
    pub fn batch_rows(&self, replacing: bool) -> usize {
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX).saturating_sub(1);
        (if replacing { rows / 2 } else { rows }).max(1)
    }

    /// Bytes of a batch: a fifth stays free, because how the target counts is not published.
    pub fn batch_bytes(&self) -> usize {
        self.bytes / 5 * 4
    }

    /// Bytes of a statement: what the protocol adds stays free.
    pub fn statement_bytes(&self) -> usize {
        self.message_bytes.saturating_sub(64 << 10)
    }

    /// What a row of so many bytes counts.
    pub fn row_counts(&self, bytes: usize, indexes: u64) -> usize {
        bytes + self.row_overhead + usize::try_from(indexes).unwrap_or_default() * self.index_overhead
    }

    /// A session older than this is replaced before the target closes it.
    pub fn session_age(&self) -> Duration {
        Duration::from_secs(self.connection_minutes * 60 / 6 * 5)
    }

    /// A chunk: small enough that a query over it ends long before a transaction's end, and that little is done twice after a crash.
    pub fn chunk_rows(&self) -> u64 {
        self.rows.saturating_mul(20).max(1)
    }

    /// The same by bytes: wide rows are split among the workers too.
    pub fn chunk_bytes(&self) -> u64 {
        (self.bytes as u64).saturating_mul(2).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_dsql_are_read_and_kept_below() {
        let limits = Limits::dsql().unwrap();
        assert_eq!((limits.rows, limits.bytes, limits.connections_per_second), (3000, 10 << 20, 100));
        assert_eq!((limits.batch_rows(false), limits.batch_rows(true)), (2999, 1499));
        assert!(limits.batch_bytes() < limits.bytes && limits.statement_bytes() < limits.message_bytes);
    }
}
