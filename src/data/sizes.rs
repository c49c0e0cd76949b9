//! How large the source's tables and indexes are, and what the work that follows the rows weighs beside copying them. All weights are in
//! bytes of a table that one worker would copy in the same time, as measured on one machine with a target beside the source.
//! Never a promise: they say what begins first and what a progress bar counts, and the bar goes by the clock as soon as there is one.

use std::collections::BTreeMap;

use crate::data::catalog::{self, SizedIndex};
use crate::data::open::{self, Opened};
use crate::error::Result;
use crate::postgres::Connector;

/// What making an index weighs for each of its bytes, by access method: one million rows, `maintenance_work_mem` of 512 MB, two cores. A GIN
/// index over jsonb of 84 MB takes 17 s, B-trees 25 ms a megabyte, copying 23 ms a megabyte.
const INDEX: [(&str, f64); 3] = [("btree", 1.0), ("gin", 8.5), ("brin", 0.0)];
/// Any other method's: not measured, between the two.
const OTHER_INDEX: f64 = 4.0;
/// For each byte of the table's pages: reading them for an index, for its statistics, for a foreign key.
const READ: f64 = 0.05;
const STATISTICS: f64 = 0.05;
const FOREIGN_KEY: f64 = 0.15;

/// How large the source's tables and indexes are.
#[derive(Debug, Clone, Default)]
pub struct Sizes {
    tables: BTreeMap<String, u64>,
    indexes: BTreeMap<String, SizedIndex>,
}

impl Sizes {
    /// Bytes of all tables.
    pub fn all(&self) -> u64 {
        self.tables.values().map(|bytes| (*bytes).max(8192)).sum()
    }

    pub fn tables(&self) -> impl Iterator<Item = &String> {
        self.tables.keys()
    }

    /// What making an index (`schema.name`) weighs; nothing where the source has none of the name, as of a partitioned table's own.
    pub fn index(&self, name: &str) -> u64 {
        self.indexes.get(name).map_or(0, |index| {
            let byte = INDEX.iter().find(|(method, _)| *method == index.method).map_or(OTHER_INDEX, |(_, byte)| *byte);
            (index.bytes as f64 * byte + index.pages_of as f64 * READ) as u64
        })
    }

    pub fn statistics(&self, table: &str) -> u64 {
        self.part(table, STATISTICS)
    }

    pub fn foreign_key(&self, table: &str) -> u64 {
        self.part(table, FOREIGN_KEY)
    }

    fn part(&self, table: &str, part: f64) -> u64 {
        self.tables.get(table).map_or(0, |bytes| (*bytes as f64 * part) as u64)
    }
}

/// Reads the sizes.
pub async fn sizes(source: &Connector) -> Result<Sizes> {
    let Opened { session, dsql, .. } = open::reader(source, None).await?;
    let tables = if dsql { catalog::read(&session).await? } else { catalog::read_with_sizes(&session).await? };
    Ok(Sizes {
        tables: tables.iter().map(|table| (table.label(), table.bytes)).collect(),
        indexes: tables.into_iter().flat_map(|table| table.sized).map(|index| (index.name.clone(), index)).collect(),
    })
}
