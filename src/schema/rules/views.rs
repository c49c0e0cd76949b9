//! Rule: views are kept in the dump's order; one that cannot work is left out.
//! Never rewrites what a query means.

use pg_query::NodeEnum;

use super::draft::Draft;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    for (name, mut view) in std::mem::take(&mut draft.views) {
        let Some(query) = view.query.as_deref_mut() else { continue };
        words.rewrite(query);
        let gone = |relation: &String| [Kind::Table, Kind::View, Kind::Foreign].into_iter().any(|kind| draft.is_gone(kind, relation));
        let missing = tree::relations(query).into_iter().find(gone).map(|relation| format!("{relation} is not carried over"));
        let tables = tree::relations(query);
        let obstacle = missing.or_else(|| words.obstacle(query, &tables)).or_else(|| lost_column(draft, query));
        if let Some(obstacle) = obstacle {
            draft.drop(Kind::View, "DSQL-VIEW", &name, format!("view {name} is left out: {obstacle}"), &obstacle)?;
            continue;
        }
        super::materialized::said(draft, &name)?;
        super::order::said(draft, &words, &name, query, &tables)?;
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
