//! What the database is and what it becomes, as the edits need it: tables, columns, keys and indexes before and after the conversion.
//! Never knows how a schema is converted: whoever calls gives both sides.

use serde::{Deserialize, Serialize};

/// Both sides of a conversion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub from: Schema,
    pub to: Schema,
    /// The target runs what drizzle-kit sends: one transaction with many DDL statements.
    pub runs_drizzle_kit: bool,
}

/// One side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    pub tables: Vec<Table>,
    pub enums: Vec<Enum>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// `public.orders`.
    pub name: String,
    pub columns: Vec<Column>,
    pub uniques: Vec<Unique>,
    pub checks: Vec<Check>,
    pub foreign_keys: Vec<ForeignKey>,
    pub indexes: Vec<Index>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    pub name: String,
    /// SQL text: `numeric(12, 2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// SQL text.
    pub default: Option<String>,
    /// `always` or `by default`.
    pub identity: Option<String>,
    /// SQL text.
    pub generated: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// SQL text.
    pub expression: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    /// `public.users`.
    pub references: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Index {
    pub name: String,
    pub unique: bool,
    pub method: String,
    pub keys: Vec<IndexKey>,
    /// SQL text of the condition.
    pub predicate: Option<String>,
    pub with: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexKey {
    pub column: String,
    pub expression: String,
    pub descending: bool,
    /// `first` or `last`.
    pub nulls: Option<String>,
    pub operator_class: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enum {
    /// `public.status`.
    pub name: String,
    pub labels: Vec<String>,
}

impl Schema {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub fn has_enum(&self, name: &str) -> bool {
        self.enums.iter().any(|found| found.name == name)
    }
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// A foreign key over just these columns.
    pub fn refers(&self, columns: &[String]) -> bool {
        self.foreign_keys.iter().any(|key| key.columns == columns)
    }

    /// A unique constraint over just these columns.
    pub fn is_unique(&self, columns: &[String]) -> bool {
        self.uniques.iter().any(|unique| unique.columns == columns)
    }
}
