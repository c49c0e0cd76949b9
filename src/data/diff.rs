//! Which rows differ, by key and column, for a person to look at. Read-only on both sides.
//! Never shows a value: keys and names of columns only.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::data::catch_up::of_keys;
use crate::data::chunk::Span;
use crate::data::differ::{Key, What, differ};
use crate::data::options::Options;
use crate::data::plan::{Side, TablePlan};
use crate::data::verify::Compared;
use crate::error::Result;
use crate::postgres::{Connector, Session};
use crate::progress::{Reporter, Unit};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    pub tables: Vec<TableDiff>,
    /// Rows that are known not to be on the target, set aside by key and reason; they are left out of the comparison.
    #[serde(default)]
    pub quarantined: u64,
    pub notes: Vec<String>,
}

/// One table whose rows differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDiff {
    pub schema: String,
    pub name: String,
    pub only_source: u64,
    pub only_target: u64,
    pub changed: u64,
    /// The first of them, as many as were asked for.
    pub rows: Vec<RowDiff>,
    /// Why its rows are not told one by one; empty when they are.
    pub not_told: String,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDiff {
    pub key: Vec<String>,
    /// `only_source`, `only_target`, `changed`.
    pub how: String,
    /// Columns whose values differ.
    pub columns: Vec<String>,
}

/// Compares all common tables and names up to `most` rows of each that differs.
pub async fn diff(source: &Connector, target: &Connector, options: &Options, most: usize, reporter: &Reporter) -> Result<Diff> {
    let compared = Compared::open(source, target, options).await?;
    let different: Mutex<BTreeMap<usize, Vec<Span>>> = Mutex::default();
    compared
        .fingerprints(source, target, options, |index, table, range, a, b| {
            reporter.progress(0, None, Unit::Rows, format!("comparing {}, chunk {}", table.label(), range.chunk + 1));
            if a != b
                && let Ok(mut different) = different.lock()
            {
                different.entry(index).or_default().push(range.span.clone());
            }
        })
        .await?;
    let mut out = Diff { tables: Vec::new(), quarantined: compared.quarantined.iter().sum(), notes: compared.plan.notes.clone() };
    for (index, spans) in different.into_inner().unwrap_or_default() {
        let Some(table) = compared.plan.tables.get(index) else { continue };
        out.tables.push(table_diff(&compared, table, &spans, most).await?);
    }
    Ok(out)
}

async fn table_diff(compared: &Compared, table: &TablePlan, spans: &[Span], most: usize) -> Result<TableDiff> {
    let (from, to) = (&compared.lead.session, &compared.other.session);
    let mut out = TableDiff { schema: table.schema.clone(), name: table.name.clone(), ..TableDiff::default() };
    if table.key.is_empty() {
        out.not_told = "it has no key that tells its rows apart".to_owned();
        return Ok(out);
    }
    for span in spans {
        let Some(difference) = differ(&compared.lead, &compared.other, table, span, What::Rows).await? else {
            out.not_told = "too many rows differ to name them all".to_owned();
            continue;
        };
        out.only_source += difference.only_source.len() as u64;
        out.only_target += difference.only_target.len() as u64;
        out.changed += difference.changed.len() as u64;
        let lists = [("only_source", &difference.only_source), ("only_target", &difference.only_target)];
        for (how, keys) in lists {
            let room = most.saturating_sub(out.rows.len());
            out.rows.extend(keys.iter().take(room).map(|key| RowDiff { key: key.clone(), how: how.to_owned(), columns: Vec::new() }));
        }
        let room = most.saturating_sub(out.rows.len());
        for key in difference.changed.iter().take(room) {
            let columns = columns(from, to, table, key).await?;
            out.rows.push(RowDiff { key: key.clone(), how: "changed".to_owned(), columns });
        }
    }
    Ok(out)
}

/// The columns of one row that differ.
async fn columns(from: &Session, to: &Session, table: &TablePlan, key: &Key) -> Result<Vec<String>> {
    let read = async |session: &Session, side: Side| -> Result<Vec<Option<String>>> {
        let digests: Vec<String> = table.prints(side).iter().map(|print| format!("md5({print})")).collect();
        let sql =
            format!("select {} from {} where {}", digests.join(", "), table.rows_of(side), of_keys(table, side, std::slice::from_ref(key)));
        Ok(session.text(&sql).await?.into_iter().next().unwrap_or_default())
    };
    let (a, b) = (read(from, Side::Source).await?, read(to, Side::Target).await?);
    let names = table.columns.iter().chain(&table.computed).map(|column| column.name.clone());
    Ok(names.zip(a.iter().zip(&b)).filter(|(_, (a, b))| a != b).map(|(name, _)| name).collect())
}
