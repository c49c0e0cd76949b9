//! The source's tables with what their data is measured by, read by `assets/sql/evidence.sql`.
//! Never reads a row.

use std::time::Duration;

use serde::Deserialize;

use crate::error::{Kind, Result};
use crate::postgres::Session;
use crate::postgres::quote::qualified;

/// A table, a partition of one among them.
#[derive(Debug, Clone, Deserialize)]
pub struct Table {
    pub schema: String,
    pub name: String,
    pub partitioned: bool,
    pub partition: bool,
    /// Other tables inherit from it: reading it must not read theirs.
    pub has_children: bool,
    pub readable: bool,
    /// What a scan reads, with large values.
    pub bytes: u64,
    /// Columns of the primary key.
    pub primary: Vec<String>,
    pub columns: Vec<Column>,
    pub keys: Vec<Key>,
    pub checks: Vec<Check>,
    pub foreign_keys: Vec<ForeignKey>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    pub name: String,
    /// The type below any domain, as in `pg_type`: `int4`, `_text`.
    pub base: String,
    /// `atttypmod`; -1 without.
    pub modifier: i64,
    /// Bytes of a value; negative where they vary.
    pub length: i64,
    pub array: bool,
    /// Of an array.
    pub element: String,
    pub not_null: bool,
    /// The domain that is declared over the base type.
    pub domain: Option<String>,
    pub domain_not_null: bool,
    /// SQL of the type below the domains.
    pub plain_type: String,
    pub domain_checks: Vec<Check>,
    /// The last number its sequence gave.
    pub counter: Option<i64>,
}

/// An index, of a constraint or by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    pub constraint: Option<String>,
    pub index: String,
    pub primary: bool,
    pub unique: bool,
    pub filter: Option<String>,
    pub nulls_distinct: bool,
    pub parts: Vec<Part>,
}

/// A column or an expression of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Part {
    pub column: Option<String>,
    pub sql: String,
    pub collated: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Check {
    pub name: String,
    pub expression: String,
    pub validated: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    /// Schema and name.
    pub parent: (String, String),
    pub validated: bool,
    /// MATCH FULL: a key that is null in part is an orphan too.
    pub full: bool,
    pub pairs: Vec<Pair>,
}

/// A column and the parent's column that it refers to.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    pub child: String,
    pub parent: String,
    /// `pg_catalog.=`
    pub operator: String,
}

impl Table {
    /// `public.orders`, as findings name it.
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// What stands after FROM: its own rows, and those of its partitions.
    pub fn from(&self) -> String {
        format!("{}{}", if self.has_children { "only " } else { "" }, qualified(&self.schema, &self.name))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Key {
    /// As findings and statements name it: a constraint below its table, an index below its schema.
    pub fn label(&self, table: &Table) -> String {
        match &self.constraint {
            Some(name) => format!("{}.{name}", table.label()),
            None => format!("{}.{}", table.schema, self.index),
        }
    }
}

/// Whether a column stands on either side of a foreign key.
pub fn refers(tables: &[Table], table: &Table, column: &str) -> bool {
    let child = table.foreign_keys.iter().flat_map(|key| &key.pairs).any(|pair| pair.child == column);
    let keys = tables.iter().flat_map(|table| &table.foreign_keys);
    let to_it = keys.filter(|key| key.parent.0 == table.schema && key.parent.1 == table.name);
    child || to_it.flat_map(|key| &key.pairs).any(|pair| pair.parent == column)
}

/// So often an answer with holes is asked for again.
const AGAIN: u32 = 50;

/// Reads them; needs no right on the tables.
///
/// An app that makes or drops tables meanwhile (Stripe's sync does at each boot) leaves holes in the answer: the server prints definitions as
/// they are now, and null for what is gone since the query began. Then it is asked again.
pub async fn read(session: &Session) -> Result<Vec<Table>> {
    let mut tried = 0;
    loop {
        match session.json(include_str!("../../../assets/sql/evidence.sql")).await {
            Err(error) if error.kind == Kind::Bug && tried < AGAIN => tried += 1,
            read => return read,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
