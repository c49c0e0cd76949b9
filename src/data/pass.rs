//! Passes as the ledger has them: which one is the last, whether its first process is still there, and how a new one begins.
//! Never settles a chunk: that is `ledger.rs`.

use crate::data::ledger::{gone, mine};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// A pass as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRow {
    pub pass: i32,
    /// `cutting`, `open`, `ended`, `left`.
    pub state: String,
    /// Its first process is still there.
    pub alive: bool,
    pub snapshot: Option<String>,
    pub source: String,
    /// The moment of the source that it copies.
    pub horizon: Option<String>,
    /// The moment of the target before it wrote.
    pub there: Option<String>,
    pub choice: String,
}

impl PassRow {
    /// Some process works on it.
    pub fn at_work(&self) -> bool {
        self.alive && matches!(self.state.as_str(), "cutting" | "open")
    }
}

/// The newest pass.
pub async fn last_pass(session: &Session, dsql: bool) -> Result<Option<PassRow>> {
    Ok(passes(session, dsql).await?.pop())
}

/// All passes, oldest first.
pub async fn passes(session: &Session, dsql: bool) -> Result<Vec<PassRow>> {
    let sql = format!(
        "select pass, state, not ({}), snapshot, source, horizon, there, choice from migrate_wizard.pass p order by pass",
        gone("p", dsql)
    );
    let rows = session.text(&sql).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let mut values = row.into_iter();
            let mut next = || values.next().flatten();
            Some(PassRow {
                pass: next()?.parse().ok()?,
                state: next()?,
                alive: next()? == "t",
                snapshot: next(),
                source: next()?,
                horizon: next(),
                there: next(),
                choice: next().unwrap_or_default(),
            })
        })
        .collect())
}

/// What a new pass begins with.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    pub snapshot: Option<&'a str>,
    pub source: &'a str,
    pub horizon: Option<&'a str>,
    pub there: Option<&'a str>,
    pub choice: &'a str,
}

fn literal_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), literal)
}

/// Begins pass `pass`; `false` when another process began it first.
pub async fn begin_pass(target: &Session, pass: i32, opening: &Opening<'_>, dsql: bool) -> Result<bool> {
    target.affected("update migrate_wizard.pass set state = 'left' where state in ('cutting', 'open')").await?;
    let sql = format!(
        "insert into migrate_wizard.pass (pass, state, snapshot, source, horizon, there, choice) values ({pass}, 'cutting', {}, {}, {}, {}, {}) on conflict (pass) do nothing",
        literal_or_null(opening.snapshot),
        literal(opening.source),
        literal_or_null(opening.horizon),
        literal_or_null(opening.there),
        literal(opening.choice),
    );
    if target.affected(&sql).await? == 0 {
        return Ok(false);
    }
    target.affected(&format!("update migrate_wizard.pass set {} where pass = {pass}", mine(dsql))).await?;
    Ok(true)
}

/// Whether a process with this source and choice may share the pass.
pub fn joinable(other: &PassRow, identity: &str, choice: &str) -> Result<()> {
    if other.source != identity || other.choice != choice {
        return Err(Error::new(Kind::Conflict, format!("another copy (pass {}) writes to this target", other.pass))
            .cause(if other.source == identity { "it copies other tables" } else { "it copies from another database" })
            .hint("let it end, or stop it, then run the same command again"));
    }
    Ok(())
}
