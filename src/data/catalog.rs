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
    pub oid: i64,
    pub partitioned: bool,
    /// Other tables inherit from it: reading it must not read theirs.
    pub has_children: bool,
    /// It inherits from another table.
    pub is_child: bool,
    /// The planner's estimate; 0 when it has none.
    pub rows: u64,
    /// Of 8 KiB, without indexes and large values.
    pub pages: u64,
    /// With large values, without indexes; measured by [`read_with_sizes`], else reckoned from `pages`.
    #[serde(default)]
    pub bytes: u64,
    /// Its indexes, as [`read_with_sizes`] finds them.
    #[serde(default)]
    pub sized: Vec<SizedIndex>,
    /// How many indexes it has, those of keys too.
    pub indexes: u64,
    pub triggers: Vec<Trigger>,
    /// Foreign keys from it or to it.
    pub foreign_keys: Vec<String>,
    /// What its columns refer to.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// `key` is the primary key; otherwise a unique index without nulls.
    pub primary: bool,
    /// Columns of the key, in its order; empty without one.
    pub key: Vec<String>,
    pub columns: Vec<Column>,
}

/// An index on disk.
#[derive(Debug, Clone, Deserialize)]
pub struct SizedIndex {
    /// `public.orders_pkey`.
    pub name: String,
    /// `btree`, `gin`.
    pub method: String,
    pub bytes: u64,
    /// Of its table's own pages, without large values.
    pub pages_of: u64,
}

/// One column of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Reference {
    pub column: String,
    /// `public.users.id`.
    pub to: String,
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

    /// What its indexes take.
    pub fn index_bytes(&self) -> u64 {
        self.sized.iter().map(|index| index.bytes).sum()
    }

    /// Whether `schema.table` or `schema.*` means it.
    pub fn is_named(&self, entry: &str) -> bool {
        entry == self.label() || entry.strip_suffix(".*") == Some(self.schema.as_str())
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

/// The tables, in the order of their main part's size.
pub async fn read(session: &Session) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = session.json(include_str!("../../assets/sql/catalog.sql")).await?;
    for table in &mut tables {
        table.bytes = table.pages.saturating_mul(8192);
    }
    Ok(tables)
}

#[derive(Deserialize)]
struct Size {
    oid: i64,
    bytes: u64,
    indexes: Vec<SizedIndex>,
}

/// The tables, largest first, with their measured sizes; DSQL has no such figures.
pub async fn read_with_sizes(session: &Session) -> Result<Vec<Table>> {
    let mut tables = read(session).await?;
    let sizes: Vec<Size> = session.json(include_str!("../../assets/sql/sizes.sql")).await?;
    for table in &mut tables {
        if let Some(size) = sizes.iter().find(|size| size.oid == table.oid) {
            (table.bytes, table.sized) = (size.bytes, size.indexes.clone());
        }
    }
    tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    Ok(tables)
}
