//! The schema between dump and target: what the rules read and change.
//! Never prints SQL for the target.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::NodeEnum;
use pg_query::protobuf::{
    ColumnDef, CommentStmt, ConstrType, Constraint, CreateDomainStmt, CreateFunctionStmt, CreateSchemaStmt, CreateSeqStmt, CreateStatsStmt,
    CreateStmt, IndexStmt, ViewStmt,
};

use super::tables::{Table, Tables};
use crate::error::Result;
use crate::schema::capabilities::Capabilities;
use crate::schema::conversion::TypeChange;
use crate::schema::finding::Finding;
use crate::schema::options::Options;
use crate::schema::statement::Kind;

/// A sequence, and the `table`, `column` that own it.
#[derive(Debug, Clone)]
pub struct Sequence {
    pub name: String,
    pub create: CreateSeqStmt,
    pub owner: Option<(String, String)>,
    /// The dump's `ALTER SEQUENCE ... OWNED BY`.
    pub owned_by: Option<String>,
}

/// How a column's type changed, as far as other rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Array,
    Enum,
    /// Comparisons ignored case.
    FoldCase,
    /// A bigint now.
    Widened,
    /// A uuid that stands for a number.
    Uuid,
    /// The same kind of value, only declared otherwise.
    Declared,
    /// A number of another type.
    Number,
    /// The text of a value: its operators and functions are gone.
    Other,
}

/// The schema in the making.
pub struct Draft<'a> {
    pub capabilities: &'a Capabilities,
    pub options: &'a Options,
    pub schemas: Vec<CreateSchemaStmt>,
    pub enums: BTreeMap<String, Vec<String>>,
    /// Composite and range types.
    pub composites: BTreeSet<String>,
    pub domains: Vec<(String, CreateDomainStmt)>,
    pub sequences: Vec<Sequence>,
    pub tables: Tables,
    pub foreign_keys: Vec<(String, Constraint)>,
    /// Checks that the source has not validated either.
    pub late_checks: Vec<(String, Constraint)>,
    /// Partition → parent.
    pub partitions: BTreeMap<String, String>,
    pub indexes: Vec<(String, IndexStmt)>,
    pub views: Vec<(String, ViewStmt)>,
    pub materialized: BTreeSet<String>,
    pub functions: Vec<(String, CreateFunctionStmt)>,
    pub statistics: Vec<(String, CreateStatsStmt)>,
    pub comments: Vec<(String, CommentStmt)>,
    /// Tables of an enum's values that are not in the dump: the statement that fills each.
    pub values: Vec<(String, String)>,
    /// Foreign keys to those tables.
    pub value_keys: Vec<(String, Constraint)>,
    /// Choice → the objects that it is about.
    pub decided: BTreeMap<&'static str, BTreeSet<String>>,
    /// What is not carried over; constraints as [`Kind::Check`], types as [`Kind::Enum`], columns as [`Kind::Table`].
    pub gone: BTreeSet<(Kind, String)>,
    /// (table, column) → change.
    pub changed: BTreeMap<(String, String), Change>,
    pub findings: Vec<Finding>,
    pub type_changes: Vec<TypeChange>,
}

impl<'a> Draft<'a> {
    pub fn new(capabilities: &'a Capabilities, options: &'a Options) -> Self {
        Self {
            capabilities,
            options,
            schemas: Vec::new(),
            enums: BTreeMap::new(),
            composites: BTreeSet::new(),
            domains: Vec::new(),
            sequences: Vec::new(),
            tables: Tables::default(),
            foreign_keys: Vec::new(),
            late_checks: Vec::new(),
            partitions: BTreeMap::new(),
            indexes: Vec::new(),
            views: Vec::new(),
            materialized: BTreeSet::new(),
            functions: Vec::new(),
            statistics: Vec::new(),
            comments: Vec::new(),
            values: Vec::new(),
            value_keys: Vec::new(),
            decided: BTreeMap::new(),
            gone: BTreeSet::new(),
            changed: BTreeMap::new(),
            findings: Vec::new(),
            type_changes: Vec::new(),
        }
    }

    /// Records a finding.
    pub fn say(&mut self, id: &str, object: &str, what: impl Into<String>, holes: &[(&str, &str)]) -> Result<()> {
        let finding = self.capabilities.finding(id, object, what, holes)?;
        self.findings.push(finding);
        Ok(())
    }

    /// Records that a choice is about an object of this schema.
    pub fn decide(&mut self, choice: &'static str, object: &str) {
        self.decided.entry(choice).or_default().insert(object.to_owned());
    }

    /// Records that an object is not carried over, and why.
    pub fn drop(&mut self, kind: Kind, id: &str, object: &str, what: impl Into<String>, detail: &str) -> Result<()> {
        self.gone.insert((kind, object.to_owned()));
        self.say(id, object, what, &[("detail", detail)])
    }

    pub fn is_gone(&self, kind: Kind, object: &str) -> bool {
        self.gone.contains(&(kind, object.to_owned()))
    }

    pub fn table(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.named_mut(name)
    }

    /// Hands each table, in order, to a rule that may ask the draft meanwhile: for that long the table is empty there.
    pub fn each(&mut self, mut rule: impl FnMut(&mut Self, &mut Table) -> Result<()>) -> Result<()> {
        for at in 0..self.tables.len() {
            let Some(place) = self.tables.get_mut(at) else { continue };
            let mut table = Table { name: place.name.clone(), create: std::mem::take(&mut place.create) };
            rule(self, &mut table)?;
            if let Some(place) = self.tables.get_mut(at) {
                *place = table;
            }
        }
        Ok(())
    }

    pub fn column(&mut self, table: &str, column: &str) -> Option<&mut ColumnDef> {
        columns(&mut self.table(table)?.create).find(|found| found.colname == column)
    }

    pub fn change(&self, table: &str, column: &str) -> Option<Change> {
        self.changed.get(&(table.to_owned(), column.to_owned())).copied()
    }
}

/// The columns of a table.
pub fn columns(create: &mut CreateStmt) -> impl Iterator<Item = &mut ColumnDef> {
    create.table_elts.iter_mut().filter_map(|node| match &mut node.node {
        Some(NodeEnum::ColumnDef(column)) => Some(column.as_mut()),
        _ => None,
    })
}

/// The constraints written beside the columns of a table.
pub fn constraints(create: &mut CreateStmt) -> impl Iterator<Item = &mut Constraint> {
    create.table_elts.iter_mut().filter_map(|node| match &mut node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(constraint.as_mut()),
        _ => None,
    })
}

/// A column's constraint of one kind: its default, its generation, its identity.
pub fn constraint(column: &mut ColumnDef, kind: ConstrType) -> Option<&mut Constraint> {
    column.constraints.iter_mut().find_map(|node| match &mut node.node {
        Some(NodeEnum::Constraint(constraint)) if constraint.contype() == kind => Some(constraint.as_mut()),
        _ => None,
    })
}

/// Takes a column's constraints of one kind away.
pub fn remove(column: &mut ColumnDef, kind: ConstrType) {
    column.constraints.retain(|node| !matches!(&node.node, Some(NodeEnum::Constraint(constraint)) if constraint.contype() == kind));
}
