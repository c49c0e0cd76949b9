//! Where a statement stands: before or after the data, and after which others.
//! Never changes a statement; within one rank the dump's own order, which honours dependencies, is kept.

use super::statement::{Kind, Phase, Statement};

/// A statement with its rank, before it has a number.
#[derive(Debug, Clone)]
pub struct Ranked {
    pub rank: u16,
    pub kind: Kind,
    pub object: String,
    pub belongs_to: String,
    pub sql: String,
    pub asynchronous: bool,
}

impl Ranked {
    pub fn new(kind: Kind, object: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { rank: rank(kind), kind, object: object.into(), belongs_to: String::new(), sql: sql.into(), asynchronous: false }
    }

    /// Says whose statement it is.
    pub fn of(mut self, object: impl Into<String>) -> Self {
        self.belongs_to = object.into();
        self
    }

    pub fn at(mut self, rank: u16) -> Self {
        self.rank = rank;
        self
    }

    pub fn asynchronous(mut self) -> Self {
        self.asynchronous = true;
        self
    }
}

/// From here on statements wait for the data.
pub const AFTER: u16 = 500;
/// Tables, and whatever must be interleaved with them in the dump's order.
pub const DEFINITIONS: u16 = 200;

/// The usual place of a kind.
pub fn rank(kind: Kind) -> u16 {
    match kind {
        Kind::Session => 0,
        Kind::Schema => 100,
        Kind::Language | Kind::AccessMethod | Kind::Extension => 110,
        Kind::Enum | Kind::Composite | Kind::Range | Kind::Domain | Kind::Collation | Kind::Operator | Kind::Cast | Kind::TextSearch => 120,
        Kind::Sequence => 130,
        Kind::Table | Kind::Foreign | Kind::Partition => DEFINITIONS,
        Kind::Values => 205,
        Kind::Default | Kind::Identity => 210,
        Kind::PrimaryKey => 220,
        Kind::Index => AFTER,
        Kind::Unique | Kind::Exclusion => 510,
        Kind::IndexPartition => 520,
        Kind::Check => 530,
        Kind::ForeignKey => 540,
        Kind::Validation => 550,
        Kind::Statistics => 560,
        Kind::Function | Kind::Procedure | Kind::Aggregate => 600,
        Kind::View | Kind::MaterializedView => 610,
        Kind::Refresh => 620,
        Kind::Trigger | Kind::Rule | Kind::RowSecurity | Kind::Policy => 630,
        // A setting may name an index, a rule or a trigger.
        Kind::Setting => 635,
        Kind::Publication | Kind::Subscription | Kind::Privilege | Kind::Other => 640,
        Kind::Comment => 650,
        Kind::SequenceOwner => 660,
        // Last: from its creation on it fires on our own statements.
        Kind::EventTrigger => 670,
    }
}

/// Sorts (stable), numbers and names the statements.
pub fn finish(mut ranked: Vec<Ranked>) -> Vec<Statement> {
    ranked.sort_by_key(|statement| statement.rank);
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    let mut order = 0_u32;
    ranked
        .into_iter()
        .map(|statement| {
            order = order.saturating_add(1);
            let phase = if statement.rank >= AFTER { Phase::After } else { Phase::Before };
            let mut id = format!("{}:{}", slug(statement.kind), statement.object);
            let times = seen.entry(id.clone()).or_insert(0);
            *times = times.saturating_add(1);
            if *times > 1 {
                id = format!("{id}#{times}");
            }
            Statement {
                id,
                phase,
                order,
                object: statement.object,
                kind: statement.kind,
                belongs_to: statement.belongs_to,
                sql: statement.sql,
                asynchronous: statement.asynchronous,
            }
        })
        .collect()
}

/// The kind as it is written in JSON.
pub fn slug(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
