//! The rights to write taken from everybody who has them, the owners too, and exactly those given back.
//! Never takes what was not written down, and holds back nobody who needs no right.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::How;
use super::rights::{Table, allowed, tables};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{ident, qualified};
use crate::postgres::session::Session;

/// A right that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who gave it; its table's owner, else it is not taken.
    pub grantor: String,
    /// Empty: everybody.
    pub grantee: String,
    /// `insert`, `update`, `delete` or `truncate`.
    pub right: String,
    pub grantable: bool,
    /// Of one column alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// What is taken on one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub schema: String,
    pub name: String,
    pub grants: Vec<Grant>,
}

impl From<Table> for Taken {
    fn from(table: Table) -> Self {
        Self { grants: table.all().cloned().collect(), schema: table.schema, name: table.name }
    }
}

pub(super) async fn to_be_taken(session: &Session) -> Result<Vec<Taken>> {
    Ok(tables(session).await?.into_iter().map(Taken::from).filter(|taken| !taken.grants.is_empty()).collect())
}

pub(super) async fn is_frozen(session: &Session) -> Result<bool> {
    let all = tables(session).await?;
    Ok(!all.is_empty() && all.iter().all(|table| table.all().next().is_none()))
}

pub(super) async fn freeze(session: &Session) -> Result<(u64, u64)> {
    let against = allowed(session).await?.into_iter().find(|one| one.how == How::Revoke).map(|one| one.against).unwrap_or_default();
    if !against.is_empty() {
        return Err(Error::new(Kind::Refused, "rights cannot be taken away here")
            .cause(against)
            .hint("choose another way to freeze (freeze_how)"));
    }
    let (mut ended, mut tries) = (0, 8);
    loop {
        let (some, left) = super::end_others(session).await?;
        ended += some;
        let begun = async {
            session.batch("begin read write; set local lock_timeout = '2s'").await?;
            let open = to_be_taken(session).await?;
            if !open.is_empty() {
                // Whoever writes now comes to an end first; a statement that waits for this lock is judged by the rights that it finds after it.
                let names: Vec<String> = open.iter().map(|taken| qualified(&taken.schema, &taken.name)).collect();
                session.batch(&format!("lock table {} in share row exclusive mode", names.join(", "))).await?;
            }
            for taken in &open {
                session.batch(&take(taken)).await?;
            }
            session.commit().await
        };
        let Err(error) = begun.await else { return Ok((ended, left)) };
        session.rollback().await?;
        tries -= 1;
        if tries == 0 || !matches!(sqlstate(&error), Some("55P03" | "40P01")) {
            return Err(
                error.hint("every table's owner must be the connected user: choose another way (freeze_how), or stop what holds the table")
            );
        }
    }
}

fn who(grantee: &str) -> String {
    if grantee.is_empty() { "public".to_owned() } else { ident(grantee) }
}

/// Rights of columns go with those of their table.
fn take(taken: &Taken) -> String {
    let from: BTreeSet<String> = taken.grants.iter().map(|grant| who(&grant.grantee)).collect();
    let from: Vec<String> = from.into_iter().collect();
    format!("revoke insert, update, delete, truncate on table {} from {}", qualified(&taken.schema, &taken.name), from.join(", "))
}

/// As few statements as there are grantees; each right as it was.
fn give(taken: &Taken) -> Vec<String> {
    let mut by: BTreeMap<(&str, bool), Vec<String>> = BTreeMap::new();
    for grant in &taken.grants {
        let right = match &grant.column {
            Some(column) => format!("{} ({})", grant.right, ident(column)),
            None => grant.right.clone(),
        };
        by.entry((&grant.grantee, grant.grantable)).or_default().push(right);
    }
    let on = qualified(&taken.schema, &taken.name);
    let one = |((grantee, grantable), rights): ((&str, bool), Vec<String>)| {
        let option = if grantable { " with grant option" } else { "" };
        format!("grant {} on table {on} to {}{option}", rights.join(", "), who(grantee))
    };
    by.into_iter().map(one).collect()
}

/// Of what was taken, what is not there now.
fn missing(taken: &[Taken], now: &[Taken]) -> Vec<Taken> {
    let lacks = |table: &Taken| {
        let there = now.iter().find(|one| (&one.schema, &one.name) == (&table.schema, &table.name)).map_or(&[][..], |one| &one.grants[..]);
        let grants: Vec<Grant> = table.grants.iter().filter(|grant| !there.contains(grant)).cloned().collect();
        Taken { grants, ..table.clone() }
    };
    taken.iter().map(lacks).filter(|table| !table.grants.is_empty()).collect()
}

pub(super) async fn thaw(session: &Session, taken: &[Taken]) -> Result<()> {
    let mut problems = Vec::new();
    if taken.is_empty() {
        return Ok(());
    }
    for table in &missing(taken, &to_be_taken(session).await?) {
        for statement in give(table) {
            session.batch("begin read write").await?;
            match session.batch(&statement).await {
                Ok(()) => session.commit().await?,
                Err(error) if error.kind == Kind::Unreachable => return Err(error),
                Err(error) => {
                    session.rollback().await?;
                    // What went meanwhile needs no right: the table, its column, the role.
                    if !matches!(sqlstate(&error), Some("42P01" | "3F000" | "42703" | "42704")) {
                        problems.push(format!("{statement}: {}", error.line()));
                    }
                }
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let error = Error::new(Kind::Conflict, "rights that the freeze took away could not all be given back");
    Err(problems.iter().fold(error, Error::cause).hint("run these statements as the tables' owner, or run the same command again"))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn grant(grantee: &str, right: &str, grantable: bool, column: Option<&str>) -> Grant {
        let column = column.map(str::to_owned);
        Grant { grantor: "app".into(), grantee: grantee.into(), right: right.into(), grantable, column }
    }

    #[test]
    fn what_is_taken_is_given_back_as_it_was() {
        let grants = vec![
            grant("app", "insert", false, None),
            grant("app", "update", false, None),
            grant("", "insert", false, None),
            grant("re\"port", "update", true, Some("the note")),
        ];
        let taken = Taken { schema: "public".into(), name: "sale".into(), grants };
        assert_eq!(
            take(&taken),
            "revoke insert, update, delete, truncate on table \"public\".\"sale\" from \"app\", \"re\"\"port\", public"
        );
        assert_eq!(
            give(&taken),
            [
                "grant insert on table \"public\".\"sale\" to public",
                "grant insert, update on table \"public\".\"sale\" to \"app\"",
                "grant update (\"the note\") on table \"public\".\"sale\" to \"re\"\"port\" with grant option",
            ]
        );
        // and only what is not there
        let there = Taken { grants: taken.grants[1..].to_vec(), ..taken.clone() };
        assert_eq!(missing(from_ref(&taken), &[there])[0].grants, taken.grants[..1]);
        assert!(missing(from_ref(&taken), from_ref(&taken)).is_empty());
        assert_eq!(missing(from_ref(&taken), &[]), [taken]);
    }
}
