//! The tables of one side with what the mover must know of them, read by `assets/sql/catalog.sql`.
//! Never compares the two sides: that is `plan.rs`.

use serde::Deserialize;

use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::qualified;

/// A table. System schemas, extensions' own tables, partitions (their parent stands for them) and our ledger are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Table {
    pub schema: String,
    pub name: String,
    pub partitioned: bool,
    /// Other tables inherit from it: reading it must not read theirs.
    pub has_children: bool,
    /// The planner's estimate; 0 when it has none.
    pub rows: u64,
    /// Of 8 KiB, without indexes and large values.
    pub pages: i64,
    pub triggers: Vec<Trigger>,
    /// Foreign keys from it or to it.
    pub foreign_keys: Vec<String>,
    /// Columns of the primary key, in its order; empty without one.
    pub key: Vec<String>,
    pub columns: Vec<Column>,
}

/// A user's trigger that is not disabled.
#[derive(Debug, Clone, Deserialize)]
pub struct Trigger {
    pub name: String,
    /// Fires even for a replication session.
    pub always: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    pub name: String,
    /// As SQL writes it: `character varying(20)`, `public.mood`.
    #[serde(rename = "type")]
    pub sql_type: String,
    pub modifier: i32,
    pub array: bool,
    /// Its binary form means the same on another server.
    pub binary: bool,
    pub not_null: bool,
    pub has_default: bool,
    pub generated: bool,
    pub identity: bool,
    pub identity_always: bool,
    /// Name and version of the rule that orders its text; empty when it has none.
    pub collation: String,
}

impl Table {
    /// `public.orders`, for people.
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// For `FROM` and `DELETE FROM`: its own rows only.
    pub fn rows_of(&self) -> String {
        format!("{}{}", if self.has_children { "only " } else { "" }, qualified(&self.schema, &self.name))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    /// Ordered by bytes, whatever the name says.
    pub fn ordered_by_bytes(&self) -> bool {
        let name = self.collation.split(':').next().unwrap_or_default();
        matches!(name, "C" | "POSIX" | "C.UTF-8" | "C.UTF8" | "C.utf8" | "ucs_basic" | "pg_c_utf8")
    }
}

/// The tables, largest first.
pub async fn read(session: &Session) -> Result<Vec<Table>> {
    session.json(include_str!("../../assets/sql/catalog.sql")).await
}
