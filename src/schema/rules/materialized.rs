//! Rule: a materialized view becomes a plain view, which has no indexes.
//! Never fills a table instead.

use pg_query::protobuf::{CreateTableAsStmt, ViewCheckOption, ViewStmt};

use super::draft::Draft;
use crate::error::Result;
use crate::schema::statement::Kind;

const ID: &str = "DSQL-MATVIEW";

/// The plain view with a materialized view's query.
pub fn as_view(statement: CreateTableAsStmt) -> ViewStmt {
    let (view, aliases) = statement.into.map(|into| (into.rel, into.col_names)).unwrap_or_default();
    ViewStmt { view, aliases, query: statement.query, with_check_option: ViewCheckOption::NoCheckOption.into(), ..Default::default() }
}

/// Says so of a view that was materialized.
pub fn said(draft: &mut Draft<'_>, name: &str) -> Result<()> {
    if !draft.materialized.contains(name) {
        return Ok(());
    }
    draft.say(ID, name, format!("materialized view {name} becomes a plain view"), &[])
}

/// Leaves out an index of what is a plain view now; says whether it did.
pub fn leave_out_index(draft: &mut Draft<'_>, index: &str, of: &str) -> Result<bool> {
    let is_view = draft.materialized.contains(of);
    if is_view {
        draft.drop(Kind::Index, ID, index, format!("index {index} is left out: {of} is a plain view now"), of)?;
    }
    Ok(is_view)
}
