//! What the stand-in enforces and how often it misbehaves, with DSQL's own figures as defaults; and what it has seen.
//! Plain data that may change while it runs: a limit holds from the next transaction, a connection's life from the next connection.

use std::time::Duration;

/// The limits, and the mishaps. A rate is a chance from 0 to 1.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Of the chances; taken at the start alone.
    pub seed: u64,
    /// Rows a transaction may change; those of cascades count.
    pub rows: u64,
    /// Bytes a transaction may write, as [`Rules::row_overhead`] and [`Rules::index_overhead`] count them; seen at COMMIT.
    pub bytes: u64,
    /// What a row costs beyond Postgres's own size of it, which has a header of 24 bytes. A batch of 500 rows on a cluster took
    /// 9.93 MiB of values with no secondary index, which leaves 147 bytes for each row.
    pub row_overhead: u64,
    /// What a row costs in each secondary index: 9.11 MiB fitted with 4 of them, so 430 bytes, their key of 100 bytes among them.
    pub index_overhead: u64,
    /// How long a transaction may take. The error says 300 s whatever is set here.
    pub age: Duration,
    /// Bytes of a message of the protocol.
    pub message: usize,
    pub row_bytes: u64,
    /// Bytes of one value as it was sent. (DSQL compresses text and json first; the stand-in is the stricter one.)
    pub value_bytes: u64,
    /// Bytes of a key; a secondary one's has the primary one's columns too.
    pub key_bytes: u64,
    /// Whether there is COPY FROM STDIN: the sources disagree.
    pub copy: bool,
    /// Whether there is COPY TO STDOUT.
    pub copy_out: bool,
    /// Transactions that wrote rows and fail at COMMIT with 40001 (OC000).
    pub conflict_rate: f64,
    /// Transactions that wrote or defined anything and fail at COMMIT with 40001 (OC001).
    pub schema_conflict_rate: f64,
    /// Transactions that wrote or defined anything and are committed, whereupon the connection closes without the answer.
    pub lost_commit_rate: f64,
    /// New connections that the bucket gains in a second, and the most that it holds.
    pub connections_per_second: f64,
    pub connection_burst: f64,
    /// Connections at the same time.
    pub connections: u64,
    /// How long a connection may last.
    pub close_after: Option<Duration>,
    /// How long a token is good for connecting.
    pub token_life: Duration,
    /// How long an asynchronous job waits before it begins.
    pub job_delay: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            seed: 0,
            rows: 3000,
            bytes: 10 << 20,
            row_overhead: 123,
            index_overhead: 430,
            age: Duration::from_secs(300),
            message: 10 << 20,
            row_bytes: 2 << 20,
            value_bytes: 1 << 20,
            key_bytes: 1981,
            copy: true,
            copy_out: true,
            conflict_rate: 0.0,
            schema_conflict_rate: 0.0,
            lost_commit_rate: 0.0,
            connections_per_second: 100.0,
            connection_burst: 1000.0,
            connections: 10_000,
            close_after: Some(Duration::from_secs(3600)),
            token_life: Duration::from_secs(900),
            job_delay: Duration::ZERO,
        }
    }
}

/// What came by, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections that were let in.
    pub connections: u64,
    pub refused_connections: u64,
    /// Connections ended because of their age.
    pub closed_connections: u64,
    /// Statements that reached judgement; transaction control is among them.
    pub statements: u64,
    /// Statements and commits refused in DSQL's name; conflicts are not among them.
    pub refusals: u64,
    /// Transactions that wrote or defined something and were committed.
    pub commits: u64,
    pub conflicts: u64,
    pub lost_commits: u64,
    pub jobs: u64,
    pub largest_transaction_rows: u64,
    /// As the limit counts them.
    pub largest_transaction_bytes: u64,
    pub largest_message: u64,
}
