//! Rule: a unique rule that ignored case becomes a unique index on `lower(...)`.
//! Never folds a column's values.

use pg_query::protobuf::{Constraint, CreateStmt, IndexElem, IndexStmt, SortByDir, SortByNulls};
use pg_query::{Node, NodeEnum};

use super::draft::{Change, Draft};
use crate::error::Result;
use crate::schema::names::{self, IntoNode};
use crate::schema::statement::Kind;
use crate::schema::tree;

/// Records that an index stands in for the unique constraint.
pub fn replaced(draft: &mut Draft<'_>, object: &str, columns: &str) -> Result<()> {
    draft.gone.insert((Kind::Check, object.to_owned()));
    draft.say("DSQL-CITEXT-KEY", object, "becomes a unique index on lower(...)", &[("column", columns)])
}

/// Records that a unique index compares by `lower(...)` now.
pub fn index_folded(draft: &mut Draft<'_>, object: &str, columns: &str) -> Result<()> {
    draft.say("DSQL-CITEXT-KEY", object, "compares by lower(...)", &[("column", columns)])
}

/// Records that a unique index on `lower(...)` stands beside the key, which foreign keys need as it is.
pub fn beside(draft: &mut Draft<'_>, object: &str, columns: &str) -> Result<()> {
    draft.say("DSQL-CITEXT-KEY", object, "stays, with a unique index on lower(...) beside it", &[("column", columns)])
}

/// The unique index that stands in for a unique constraint which ignored case.
pub fn index(draft: &mut Draft<'_>, create: &CreateStmt, constraint: &Constraint, beside: bool) -> Result<()> {
    let table = names::relation(create.relation.as_ref());
    let mut index_params = Vec::new();
    for key in names::parts(&constraint.keys) {
        let folded = draft.change(&table, &key) == Some(Change::FoldCase);
        let element = IndexElem {
            name: if folded { String::new() } else { key.clone() },
            expr: if folded { Some(Box::new(lower(&key)?)) } else { None },
            ordering: SortByDir::SortbyDefault.into(),
            nulls_ordering: SortByNulls::SortbyNullsDefault.into(),
            ..Default::default()
        };
        index_params.push(NodeEnum::IndexElem(Box::new(element)).into_node());
    }
    let idxname = if beside { names::made(&constraint.conname, "_lower") } else { constraint.conname.clone() };
    let schema = table.split('.').next().unwrap_or_default().to_owned();
    let name = format!("{schema}.{idxname}");
    let index = IndexStmt {
        idxname,
        relation: create.relation.clone(),
        access_method: "btree".into(),
        index_params,
        index_including_params: constraint.including.clone(),
        unique: true,
        nulls_not_distinct: constraint.nulls_not_distinct,
        if_not_exists: true,
        ..Default::default()
    };
    draft.indexes.push((name, index));
    Ok(())
}

/// `lower("column")`.
pub fn lower(column: &str) -> Result<Node> {
    tree::expression(&format!("lower(\"{}\")", column.replace('"', "\"\"")))
}
