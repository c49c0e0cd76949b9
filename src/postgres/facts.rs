//! What a server and its database are: version, size, tables, roles, extensions; read by the SQL in `assets/sql`.
//! Read-only, and never a row's content except the newest time stamp of a few tables.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::postgres::quote::{ident, qualified};
use crate::postgres::session::Session;

/// Everything about one database that a person or a later step asks for. System schemas and our own are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerFacts {
    #[serde(flatten)]
    pub server: Server,
    pub schemas: Vec<String>,
    /// Largest first.
    pub tables: Vec<TableFact>,
    pub extensions: Vec<Extension>,
    pub roles: Vec<Role>,
    pub sequences: Vec<SequenceFact>,
    /// Schemas that have enum types, columns of arrays, columns of `numeric` without figures.
    pub enums: Vec<String>,
    pub arrays: Vec<String>,
    pub bare_numerics: Vec<String>,
    /// The newest time stamps of the five largest tables that have one and are small enough to ask: "is this the live one?".
    pub newest: Vec<Newest>,
}

/// The server, the database, the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// `160014` is 16.14.
    pub version_num: u32,
    pub version: String,
    pub database: String,
    pub database_bytes: Option<u64>,
    pub encoding: String,
    pub collation: Option<String>,
    pub wal_level: Option<String>,
    pub user: String,
    pub user_is_super: bool,
    pub user_owns_database: bool,
    pub user_may_replicate: bool,
    /// Tables that this user may not read: a copy would leave them out.
    pub unreadable_tables: u64,
}

impl Server {
    /// `16` for `160014`.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// A table; `rows` is the planner's estimate, `bytes` holds indexes and large values too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableFact {
    pub schema: String,
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub has_primary_key: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    #[serde(rename = "super")]
    pub superuser: bool,
    pub login: bool,
    pub replication: bool,
}

/// A sequence; `last_value` is `None` while nothing was drawn from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceFact {
    pub schema: String,
    pub name: String,
    pub last_value: Option<i64>,
}

/// The newest value of a time column, as the server prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Newest {
    pub schema: String,
    pub table: String,
    pub column: String,
    pub at: Option<String>,
}

#[derive(Deserialize)]
struct Objects {
    schemas: Vec<String>,
    extensions: Vec<Extension>,
    roles: Vec<Role>,
    sequences: Vec<SequenceFact>,
    enums: Vec<String>,
    arrays: Vec<String>,
    bare_numerics: Vec<String>,
    time_columns: Vec<Newest>,
}

impl ServerFacts {
    /// The `n` largest tables.
    pub fn largest(&self, n: usize) -> &[TableFact] {
        self.tables.get(..n.min(self.tables.len())).unwrap_or_default()
    }

    /// Estimated rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// The oldest server that the wizard reads.
const OLDEST: u32 = 13;

/// Errors with [`Kind::Conflict`] for a server older than what the wizard reads. Asks first and with a word that every server knows:
/// an old one would stumble over the questions that follow.
async fn readable(session: &Session) -> Result<()> {
    let told = session.text("show server_version_num").await?.into_iter().flatten().next().flatten().unwrap_or_default();
    let major = told.trim().parse::<u32>().unwrap_or_default() / 10_000;
    if major >= OLDEST {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("{} runs PostgreSQL {major} (version number {told}); the wizard reads {OLDEST} and newer", session.label()))
        .hint("upgrade the server first, or dump the database with pg_dump, restore it into a newer server and name that one in SOURCE_DATABASE_URL"))
}

/// Reads everything; a few statements, no scan of a large table.
pub async fn inspect(session: &Session) -> Result<ServerFacts> {
    readable(session).await?;
    let server: Server = session.json(include_str!("../../assets/sql/facts.sql")).await?;
    let tables: Vec<TableFact> = session.json(include_str!("../../assets/sql/facts_tables.sql")).await?;
    let objects: Objects = session.json(include_str!("../../assets/sql/facts_objects.sql")).await?;
    let Objects { schemas, extensions, roles, sequences, enums, arrays, bare_numerics, time_columns } = objects;
    let newest = newest(session, &tables, time_columns).await?;
    Ok(ServerFacts { server, schemas, tables, extensions, roles, sequences, enums, arrays, bare_numerics, newest })
}

async fn newest(session: &Session, tables: &[TableFact], columns: Vec<Newest>) -> Result<Vec<Newest>> {
    let mut found = Vec::new();
    for table in tables {
        // One column for each table: the first that says when a row was made, else when it was changed.
        let mut own: Vec<&Newest> = columns.iter().filter(|c| c.schema == table.schema && c.table == table.name).collect();
        own.sort_by_key(|c| c.column.starts_with("updated"));
        let Some(column) = own.first() else { continue };
        let sql = format!("select max({})::timestamp(0)::text from {}", ident(&column.column), qualified(&table.schema, &table.name));
        found.push(Newest { at: session.value(&sql, &[]).await?, ..(*column).clone() });
        if found.len() == 5 {
            break;
        }
    }
    Ok(found)
}
