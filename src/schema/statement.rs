//! One statement for the target: plain PostgreSQL text plus what a dialect must add.
//! Never more than one SQL statement, so that it can be a transaction of its own.

use serde::{Deserialize, Serialize};

/// Before or after the rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Before,
    After,
}

/// Who will read the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// An ordinary PostgreSQL: RDS, Aurora, or the sandbox standing in for DSQL.
    Postgres,
    /// A real DSQL cluster: index builds and validations run as background jobs.
    Dsql,
}

/// What sort of object a statement makes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A setting of the session: run every time, it makes nothing.
    Session,
    Schema,
    Extension,
    Enum,
    Composite,
    Range,
    Domain,
    Sequence,
    Table,
    /// Rows of a table that the conversion itself made: the values of an enum.
    Values,
    Default,
    Identity,
    PrimaryKey,
    Index,
    Unique,
    Exclusion,
    Check,
    ForeignKey,
    Validation,
    View,
    MaterializedView,
    Refresh,
    Function,
    Procedure,
    Aggregate,
    Operator,
    Cast,
    Collation,
    TextSearch,
    Language,
    AccessMethod,
    Trigger,
    EventTrigger,
    Rule,
    Policy,
    RowSecurity,
    Statistics,
    Comment,
    SequenceOwner,
    /// A partition attached to its table.
    Partition,
    /// A partition's index attached to the parent's index.
    IndexPartition,
    /// Storage, statistics target, replica identity, clustering, disabled triggers.
    Setting,
    Publication,
    Subscription,
    /// Foreign data wrapper, server, user mapping, foreign table.
    Foreign,
    Privilege,
    Other,
}

/// A statement, where it stands and what it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Unique and stable for the same dump: `table:public.orders`.
    pub id: String,
    pub phase: Phase,
    /// Position among all statements, from 1.
    pub order: u32,
    /// `public.orders`; of a constraint or trigger `public.orders.orders_pkey`.
    pub object: String,
    pub kind: Kind,
    /// `public.orders`: the table, view, function or type whose statement it is; empty for what stands by itself.
    #[serde(default)]
    pub belongs_to: String,
    /// PostgreSQL text without a final semicolon.
    pub sql: String,
    /// On DSQL this starts a background job that must be waited for.
    pub asynchronous: bool,
}

/// What starts a background job on DSQL once ASYNC stands behind it.
const JOBS: [&str; 3] = ["CREATE UNIQUE INDEX ", "CREATE INDEX ", "ALTER TABLE "];

/// Head and rest of a statement that may start a job, without the word.
fn job(sql: &str) -> Option<(&'static str, &str)> {
    let (head, rest) = JOBS.iter().find_map(|head| sql.strip_prefix(head).map(|rest| (*head, rest)))?;
    Some((head, rest.strip_prefix("ASYNC ").unwrap_or(rest)))
}

/// A statement as PostgreSQL's parser knows it: without ASYNC.
pub fn without_async(sql: &str) -> String {
    job(sql).map_or_else(|| sql.to_owned(), |(head, rest)| format!("{head}{rest}"))
}

impl Statement {
    /// The SQL to send. On a DSQL server an asynchronous one returns a `job_id`: whoever sends it waits with
    /// `CALL sys.wait_for_job(job_id)` before the next. Every other PostgreSQL gets none, even where a file has it.
    pub fn render(&self, dialect: Dialect) -> String {
        match (dialect, job(&self.sql)) {
            (Dialect::Dsql, Some((head, rest))) if self.asynchronous => format!("{head}ASYNC {rest}"),
            (Dialect::Dsql, _) => self.sql.clone(),
            (Dialect::Postgres, _) => without_async(&self.sql),
        }
    }
}
