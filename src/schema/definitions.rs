//! The definitions that stand in a live database, read back from its catalogue: where `pg_dump` gets no answer, as from Aurora DSQL.
//! Reads only the catalogue, never a row of a table.

use super::differences::{Difference, between};
use super::parts::{Parts, parts};
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;

const QUERIES: &str = include_str!("../../assets/sql/definitions.sql");

/// SQLSTATEs of a catalogue that does not have what is asked for: a relation, a function, a column, the feature itself.
const UNKNOWN: [&str; 4] = ["42P01", "42883", "42703", "0A000"];

/// What was read, and what could not be asked of this server.
#[derive(Debug, Default)]
pub struct Definitions {
    pub parts: Parts,
    /// `statistics`: a kind that the server's catalogue does not tell.
    pub untold: Vec<String>,
}

impl Definitions {
    /// What differs from what is wanted, of the kinds that the server tells.
    pub fn against(&self, wanted: &Parts) -> Vec<Difference> {
        let told = |id: &str| !self.untold.iter().any(|kind| id.split(':').next() == Some(kind));
        between(wanted, &self.parts).into_iter().filter(|difference| told(&difference.id)).collect()
    }
}

/// Reads all schemas but the system's own and those named.
pub async fn definitions(session: &Session, except: &[String]) -> Result<Definitions> {
    session.batch("set search_path = ''").await?;
    let mut found = Vec::new();
    let mut untold = Vec::new();
    for (kind, query) in queries() {
        match session.text(query).await {
            Ok(rows) => found.extend(rows.into_iter().map(|row| {
                let mut row = row.into_iter().map(Option::unwrap_or_default);
                (row.next().unwrap_or_default(), row.next().unwrap_or_default())
            })),
            Err(error) if sqlstate(&error).is_some_and(|state| UNKNOWN.contains(&state)) => untold.push(kind.to_owned()),
            Err(error) => return Err(error),
        }
    }
    let mut parts = parts(found.iter().map(|(sql, state)| (sql.as_str(), state.as_str())))?;
    parts.retain(|id, _| {
        let object = id.split_once(':').map_or("", |(_, object)| object);
        let object = if id.starts_with("comment:") { object.split_once(' ').map_or("", |(_, object)| object) } else { object };
        !except.iter().any(|schema| object == schema || object.starts_with(&format!("{schema}.")))
    });
    Ok(Definitions { parts, untold })
}

fn queries() -> impl Iterator<Item = (&'static str, &'static str)> {
    QUERIES.split("-- kind: ").skip(1).filter_map(|section| section.split_once('\n'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kind_has_its_query() {
        let kinds: Vec<&str> = super::queries().map(|(kind, _)| kind).collect();
        let wanted = ["schema", "domain", "sequence", "table", "constraint", "index", "view", "function", "statistics", "comment"];
        assert_eq!(kinds, wanted);
        assert!(super::queries().all(|(_, query)| query.trim_start().starts_with("select ")));
    }
}
