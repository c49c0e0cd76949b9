//! Rule: views are kept in the dump's order, materialized ones as plain views; one that cannot work is left out.
//! Never rewrites what a query means.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateTableAsStmt, ViewCheckOption, ViewStmt};

use super::draft::Draft;
use super::expressions::Vocabulary;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;
use crate::schema::tree;

/// The plain view with a materialized view's query.
pub fn from_materialized(statement: CreateTableAsStmt) -> ViewStmt {
    let (view, aliases) = statement.into.map(|into| (into.rel, into.col_names)).unwrap_or_default();
    ViewStmt { view, aliases, query: statement.query, with_check_option: ViewCheckOption::NoCheckOption.into(), ..Default::default() }
}

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    for (name, mut view) in std::mem::take(&mut draft.views) {
        let Some(query) = view.query.as_deref_mut() else { continue };
        words.rewrite(query);
        let gone = |relation: &String| [Kind::Table, Kind::View, Kind::Foreign].into_iter().any(|kind| draft.is_gone(kind, relation));
        let missing = tree::relations(query).into_iter().find(gone).map(|relation| format!("{relation} is not carried over"));
        let obstacle = missing.or_else(|| words.obstacle(query, &tree::relations(query))).or_else(|| lost_column(draft, query));
        if let Some(obstacle) = obstacle {
            draft.drop(Kind::View, "DSQL-VIEW", &name, format!("view {name} is left out: {obstacle}"), &obstacle)?;
            continue;
        }
        if draft.materialized.contains(&name) {
            draft.say("DSQL-MATVIEW", &name, format!("materialized view {name} becomes a plain view"), &[])?;
        }
        view.replace = true;
        draft.views.push((name, view));
    }
    Ok(())
}

/// A column the query names that is left out of one of its tables.
fn lost_column(draft: &Draft<'_>, query: &pg_query::Node) -> Option<String> {
    let mut columns = Vec::new();
    tree::any(query, &mut |node| {
        if let Some(NodeEnum::ColumnRef(column)) = &node.node {
            columns.extend(column.fields.last().and_then(names::string));
        }
        false
    });
    let tables = tree::relations(query);
    let named = tables.iter().flat_map(|table| columns.iter().map(move |column| format!("{table}.{column}")));
    named.into_iter().find(|object| draft.is_gone(Kind::Table, object)).map(|object| format!("{object} is left out"))
}
