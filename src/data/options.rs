//! How to copy, and what a copy did: what goes into the mover and what comes out.
//! Plain data; never reads an argument or a server.

use serde::{Deserialize, Serialize};

use crate::data::limits::Limits;
use crate::data::plan::Choice;
use crate::data::quarantine::Aside;
use crate::data::tally::{Ahead, TableCopied};

/// What to do with rows on the target that this tool did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Stop with an error that names the tables.
    Refuse,
    /// Make them equal to the source, which may delete them.
    Replace,
}

/// How to copy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Chunks at the same time; each takes one session on either side, and two more lead.
    pub jobs: usize,
    pub choice: Choice,
    pub existing: Existing,
    /// Rows of a chunk at most; `None`: by bytes alone.
    pub chunk_rows: Option<u64>,
    /// Bytes of a chunk of a table that is too large to stay whole; `None`: 256 MiB.
    pub chunk_bytes: Option<u64>,
    /// Batches within these limits; a DSQL target gets them by itself.
    pub limits: Option<Limits>,
    /// What follows the rows, for the time it takes still.
    pub ahead: Ahead,
    /// Indexes, keys and what else of the schema follow the rows: the ledger remembers it until they are made.
    pub schema_follows: bool,
    /// Only the way back: an error where nothing tells that the rows once came from this target.
    pub only_back: bool,
    /// Times that a pass which lost a connection is begun anew, without progress in between.
    pub patience: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 4,
            choice: Choice::default(),
            existing: Existing::Refuse,
            chunk_rows: None,
            chunk_bytes: None,
            limits: None,
            ahead: Ahead(0),
            schema_follows: false,
            only_back: false,
            patience: 10,
        }
    }
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CopyReport {
    pub pass: i32,
    /// An earlier pass was begun and did not end.
    pub resumed: bool,
    /// All readers saw the same moment.
    pub consistent: bool,
    pub tables: Vec<TableCopied>,
    /// Rows that were written or deleted on the target.
    pub rows_copied: u64,
    pub rows_equal: u64,
    /// Bytes that crossed from one side to the other.
    pub bytes: u64,
    pub retries: u64,
    /// All rows that are set aside, of this and earlier passes.
    pub quarantine: Vec<Aside>,
    /// Rows that both sides changed since the cutover: left as they are on both.
    pub conflicts: Vec<Aside>,
    pub large_objects: u64,
    /// The moment of the source that the target is equal to, by the source's clock; empty where its readers did not share one.
    pub as_of: String,
    /// Indexes, keys and what else was to follow the rows are still to be made, and not by this copy.
    #[serde(default)]
    pub schema_follows: bool,
    /// The rows went back to the database that they once came from.
    pub way_back: bool,
    pub seconds: f64,
    pub notes: Vec<String>,
}
