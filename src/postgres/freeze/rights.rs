//! What the source allows: which of the ways to freeze the connected user may go, and the reason where it may not.
//! Only reads.

use serde::Deserialize;

use super::How;
use super::revoke::Grant;
use crate::error::Result;
use crate::postgres::session::Session;

/// A way, and why it cannot be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub how: How,
    /// Empty: it can.
    pub against: String,
}

/// A table that a freeze holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    pub owner: String,
    /// Its owner's rights are the connected user's too.
    pub ours: bool,
    /// Our trigger is on it.
    pub held: bool,
    pub rights: Vec<Grant>,
    pub columns: Vec<Grant>,
}

impl Table {
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub fn all(&self) -> impl Iterator<Item = &Grant> {
        self.rights.iter().chain(&self.columns)
    }
}

#[derive(Debug, Deserialize)]
struct Found {
    user: String,
    owns_database: bool,
    database_owner: String,
    may_create: bool,
    has_plpgsql: bool,
    unheld: Vec<String>,
}

pub(super) async fn tables(session: &Session) -> Result<Vec<Table>> {
    session.json(include_str!("../../../assets/sql/freeze_tables.sql")).await
}

/// Each way, with what stands against it.
pub async fn allowed(session: &Session) -> Result<Vec<Allowed>> {
    let found: Found = session.json(include_str!("../../../assets/sql/freeze_rights.sql")).await?;
    let tables = tables(session).await?;
    Ok(How::ALL.into_iter().map(|how| Allowed { how, against: against(how, &found, &tables) }).collect())
}

fn against(how: How, found: &Found, tables: &[Table]) -> String {
    let user = &found.user;
    let foreign =
        tables.iter().find(|table| !table.ours).map(|table| format!("{} belongs to {}, not to {user}", table.label(), table.owner));
    match how {
        How::ReadOnly if !found.owns_database => format!("the database belongs to {}, not to {user}", found.database_owner),
        How::ReadOnly => String::new(),
        How::Triggers if !found.may_create => format!("{user} may not create a schema in this database"),
        How::Triggers if !found.has_plpgsql => format!("{user} may not use the language plpgsql"),
        How::Triggers => foreign.unwrap_or_default(),
        How::Revoke if !found.unheld.is_empty() => {
            format!("no right can be taken from {}: superusers and members of pg_write_all_data need none", found.unheld.join(", "))
        }
        How::Revoke => foreign.or_else(|| granted_on(tables)).unwrap_or_default(),
    }
}

/// Rights that somebody else than the owner gave: only the giver takes them, and gives them back as they were.
fn granted_on(tables: &[Table]) -> Option<String> {
    let passed = |table: &&Table| table.all().any(|grant| grant.grantor != table.owner);
    tables.iter().find(passed).map(|table| format!("rights on {} were passed on by somebody else than its owner", table.label()))
}
