//! Kept rows of one table: what the database has of each, what is therefore done, and doing it.
//! Begins and ends no transaction.

use super::super::file::{Kept, TableHead};
use crate::data::catalog::{self, Table};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::quote::{ident, literal, qualified};
use crate::text;

const CHANGED: &str = "changed since it was kept";
const GONE: &str = "deleted since it was kept";
const TAKEN: &str = "another row has its key";

/// Rows of one table that are written at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'w> {
    pub(super) head: &'w TableHead,
    pub(super) rows: &'w [Kept],
    pub(super) table: &'w Table,
}

impl Piece<'_> {
    pub(super) fn halves(self) -> [Self; 2] {
        let (first, second) = self.rows.split_at(self.rows.len() / 2);
        [Self { rows: first, ..self }, Self { rows: second, ..self }]
    }
}

pub(super) fn table_of<'t>(head: &TableHead, tables: &'t [Table]) -> Result<&'t Table> {
    let table = tables.iter().find(|table| table.schema == head.schema && table.name == head.name).ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the database has no table {}", head.table))
            .hint("check that this is the right database; take the table's lines out of the file and use --edited to leave it out")
    })?;
    let missing: Vec<&str> = head.columns.iter().chain(&head.key).filter(|name| table.column(name).is_none()).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(table);
    }
    Err(Error::new(Kind::Conflict, format!("{} has no column {}", head.table, missing.join(", ")))
        .hint("check that this is the right database; its columns must be those of the file"))
}

/// What a database has of a kept row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// As the file keeps it.
    Now,
    /// As it was when it was kept.
    Was,
    Other,
}

/// What is to be done about one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Insert,
    Update,
    Delete,
    There,
    Leave(&'static str),
}

pub(super) fn deed(row: &Kept, found: Found) -> Deed {
    match (row.was.is_some(), row.now.is_some(), found) {
        (_, true, Found::Now) | (_, false, Found::Nothing) => Deed::There,
        (false, true, Found::Nothing) => Deed::Insert,
        (true, true, Found::Was) => Deed::Update,
        (true, false, Found::Was) => Deed::Delete,
        (true, true, Found::Nothing) => Deed::Leave(GONE),
        (false, true, Found::Was | Found::Other) => Deed::Leave(TAKEN),
        (true, true, Found::Other) | (_, false, Found::Now | Found::Other) | (false, false, Found::Was) => Deed::Leave(CHANGED),
    }
}

/// What the database has of each row, told by the server: both texts are read as the column's own type first.
pub(super) async fn look(to: &Session, piece: &Piece<'_>, lock: bool) -> Result<Vec<Found>> {
    let Piece { head, rows, table } = *piece;
    let columns: Vec<&catalog::Column> = head.columns.iter().filter_map(|name| table.column(name)).collect();
    let cast = |value: &Option<String>, column: &catalog::Column| {
        value.as_ref().map_or_else(|| format!("null::{}", column.sql_type), |value| format!("{}::{}", literal(value), column.sql_type))
    };
    let mut kept = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for (now, values) in [(false, &row.was), (true, &row.now)] {
            let Some(values) = values else { continue };
            let values: Vec<String> = values.iter().zip(&columns).map(|(value, column)| cast(value, column)).collect();
            kept.push(format!("({n}, {now}, {})", values.join(", ")));
        }
    }
    let mut found = vec![Found::Nothing; rows.len()];
    if kept.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    let texts = |of: &str| names.iter().map(|name| format!("{of}.{name}::text")).collect::<Vec<_>>().join(", ");
    let same: Vec<String> = head.key.iter().map(|key| format!("t.{0} = k.{0}", ident(key))).collect();
    let sql = format!(
        "with k (mw_n, mw_now, {}) as (values {}) \
         select k.mw_n, k.mw_now, row({})::text collate \"C\" = row({})::text collate \"C\" from k join {} t on {}{}",
        names.join(", "),
        kept.join(", "),
        texts("t"),
        texts("k"),
        table.rows_of(),
        same.join(" and "),
        if lock { " for update of t" } else { "" }
    );
    for row in to.text(&sql).await? {
        let [Some(n), Some(now), Some(equal)] = row.as_slice() else { continue };
        let Some(place) = n.parse().ok().and_then(|n: usize| found.get_mut(n)) else { continue };
        let this = match (equal.as_str(), now.as_str()) {
            ("t", "t") => Found::Now,
            ("t", _) => Found::Was,
            (_, _) => Found::Other,
        };
        // A row may be as it was and as it is kept at once: then there is nothing to do.
        *place = match (*place, this) {
            (Found::Now, _) | (_, Found::Now) => Found::Now,
            (Found::Was, _) | (_, Found::Was) => Found::Was,
            (_, _) => Found::Other,
        };
    }
    Ok(found)
}

/// Writes what is to be written of a batch.
pub(super) async fn write(to: &Session, piece: &Piece<'_>) -> Result<Vec<Found>> {
    let Piece { head, rows, table } = *piece;
    let found = look(to, piece, true).await?;
    let name = qualified(&table.schema, &table.name);
    let columns: Vec<&catalog::Column> = head.columns.iter().filter_map(|column| table.column(column)).collect();
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    let overriding = if columns.iter().any(|column| column.identity_always) { " overriding system value" } else { "" };
    let plain = |value: &Option<String>| value.as_ref().map_or_else(|| "null".to_owned(), |value| literal(value));
    let (mut statements, mut expected) = (Vec::new(), 0);
    let mut inserts = Vec::new();
    for (row, found) in rows.iter().zip(&found) {
        let of_key = || -> Vec<String> {
            let value = |key: &String| {
                let at = head.columns.iter().position(|column| column == key)?;
                row.was.as_ref()?.get(at)?.clone()
            };
            head.key.iter().map(|key| format!("{} = {}", ident(key), plain(&value(key)))).collect()
        };
        match (deed(row, *found), &row.now) {
            (Deed::Insert, Some(now)) => inserts.push(format!("({})", now.iter().map(plain).collect::<Vec<_>>().join(", "))),
            (Deed::Update, Some(now)) => {
                let fixed = |column: &catalog::Column| column.identity_always || head.key.contains(&column.name);
                let sets: Vec<String> = columns
                    .iter()
                    .zip(now)
                    .filter(|(column, _)| !fixed(column))
                    .map(|(column, value)| format!("{} = {}", ident(&column.name), plain(value)))
                    .collect();
                statements.push(format!("update {name} set {} where {}", sets.join(", "), of_key().join(" and ")));
            }
            (Deed::Delete, _) => statements.push(format!("delete from {name} where {}", of_key().join(" and "))),
            (Deed::Insert | Deed::Update | Deed::There | Deed::Leave(_), _) => {}
        }
    }
    expected += (statements.len() + inserts.len()) as u64;
    if !inserts.is_empty() {
        statements.push(format!("insert into {name} ({}){overriding} values {}", names.join(", "), inserts.join(", ")));
    }
    if statements.is_empty() {
        return Ok(found);
    }
    let written = to.affected(&statements.join("; ")).await?;
    if written != expected {
        return Err(Error::new(Kind::Conflict, format!("{}: {} of {expected} rows could be written", head.table, text::count(written)))
            .hint("something of the database keeps rows away (a rule, a policy, a partition): nothing was written"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_it_was_is_written() {
        let value = || Some(vec![None]);
        let kept = |was: bool, now: bool| Kept { key: Vec::new(), was: value().filter(|_| was), now: value().filter(|_| now) };
        for (was, now, found, then) in [
            (false, true, Found::Nothing, Deed::Insert),
            (false, true, Found::Now, Deed::There),
            (false, true, Found::Other, Deed::Leave(TAKEN)),
            (true, true, Found::Was, Deed::Update),
            (true, true, Found::Now, Deed::There),
            (true, true, Found::Other, Deed::Leave(CHANGED)),
            (true, true, Found::Nothing, Deed::Leave(GONE)),
            (true, false, Found::Was, Deed::Delete),
            (true, false, Found::Nothing, Deed::There),
            (true, false, Found::Other, Deed::Leave(CHANGED)),
        ] {
            assert_eq!(deed(&kept(was, now), found), then, "{was} {now} {found:?}");
        }
    }
}
