//! Before a copy: how large each table is, how it would be moved, and what would not move. Reads both sides, writes nothing.
//! Never promises a time: that is measured while it runs.

use serde::{Deserialize, Serialize};

use crate::data::back;
use crate::data::catalog::{self, Table};
use crate::data::chunk::Cut;
use crate::data::cuts::cut_of;
use crate::data::ledger;
use crate::data::limits::Limits;
use crate::data::open;
use crate::data::options::Options;
use crate::data::plan::{Digest, TablePlan, plan};
use crate::data::preflight::preflight;
use crate::error::Result;
use crate::postgres::Connector;
use crate::text;

/// What a copy would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub tables: Vec<TableForecast>,
    pub rows: u64,
    pub bytes: u64,
    pub index_bytes: u64,
    pub notes: Vec<String>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableForecast {
    pub table: String,
    /// As the planner reckons.
    pub rows: u64,
    pub bytes: u64,
    pub index_bytes: u64,
    pub how: String,
}

impl Forecast {
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .tables
            .iter()
            .map(|t| {
                // A table that was never analyzed is not known to be empty.
                let rows = if t.rows == 0 && t.bytes > 8192 {
                    "rows unknown".to_owned()
                } else {
                    format!("about {}", text::plural(t.rows, "row"))
                };
                format!(
                    "{:>10}  {:>20}  {:>10} of indexes  {}  ({})",
                    text::bytes(t.bytes),
                    rows,
                    text::bytes(t.index_bytes),
                    t.table,
                    t.how
                )
            })
            .collect();
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.push(format!(
            "{} in {} tables, {} of indexes, about {}",
            text::bytes(self.bytes),
            self.tables.len(),
            text::bytes(self.index_bytes),
            text::plural(self.rows, "row")
        ));
        lines
    }
}

fn how(table: &TablePlan, options: &Options, limits: Option<Limits>, dsql: bool) -> String {
    let format = if table.binary { "binary" } else { "text" };
    let pieces = match cut_of(table, options, limits, dsql) {
        Cut::Whole => "one chunk".to_owned(),
        Cut::Rows(rows) => format!("chunks of {}", text::plural(rows, "row")),
        Cut::Pages(pages) => format!("chunks of {} pages", text::count(pages)),
    };
    format!("{format}, {pieces}")
}

/// Reads what would be copied. Where the target's tables are not made yet (`to_be_made`), they are taken to be like the source's.
pub async fn forecast(source: &Connector, target: &Connector, options: &Options, to_be_made: bool) -> Result<Forecast> {
    open::distinct(source, target)?;
    let lead = open::reader(source, None).await?;
    let from = if lead.dsql { catalog::read(&lead.session).await? } else { catalog::read_with_sizes(&lead.session).await? };
    let other = if to_be_made { None } else { Some(open::reader(target, None).await?) };
    let (to, dsql): (Vec<Table>, bool) = match &other {
        None => (from.clone(), false),
        Some(other) => {
            open::distinct_servers(&lead, other).await?;
            (catalog::read(&other.session).await?, other.dsql)
        }
    };
    let limits = if dsql { Some(options.limits.unwrap_or(Limits::dsql()?)) } else { options.limits };
    let mut plan = plan(&from, &to, &options.choice, Digest::Hash)?;
    if let Some(other) = &other {
        // Looks at many tables, each in a transaction of its own.
        other.session.rollback().await?;
        let way_back = back::recognise(&lead, other, source, target).await?.is_some();
        preflight(&plan, other, options.existing, way_back).await?;
        if way_back {
            plan.notes.push(
                "this is the way back: what changed on the source since is carried, and what changed on both sides is listed".to_owned(),
            );
        } else if ledger::exists(&other.session).await? {
            plan.notes.push("rows were copied before: only what differs is, and the sizes above are those of whole tables".to_owned());
        }
    }
    let tables: Vec<TableForecast> = plan
        .tables
        .iter()
        .map(|table| TableForecast {
            table: table.label(),
            rows: table.rows,
            bytes: table.bytes,
            index_bytes: table.index_bytes,
            how: how(table, options, limits, dsql),
        })
        .collect();
    Ok(Forecast {
        rows: tables.iter().map(|t| t.rows).sum(),
        bytes: tables.iter().map(|t| t.bytes).sum(),
        index_bytes: tables.iter().map(|t| t.index_bytes).sum(),
        tables,
        notes: plan.notes,
    })
}
