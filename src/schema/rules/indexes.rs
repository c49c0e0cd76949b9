//! Rule: an index keeps its columns, expressions, INCLUDE and WHERE; method, operator classes, direction and collation go.
//! Never invents an index, except for a unique rule that ignored case.

use pg_query::protobuf::{Constraint, CreateStmt, IndexElem, IndexStmt, SortByDir, SortByNulls};
use pg_query::{Node, NodeEnum};

use super::draft::{Change, Draft};
use super::expressions::Vocabulary;
use super::keys::type_of;
use crate::error::Result;
use crate::schema::capabilities::IndexMethod;
use crate::schema::names::{self, IntoNode};
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    for (name, mut index) in std::mem::take(&mut draft.indexes) {
        let table = names::relation(index.relation.as_ref());
        if let Some((id, what)) = unusable(draft, &words, &table, &mut index)? {
            let method = format!("{} on {table}", index.access_method);
            let column = elements(&mut index).map(|element| element.name.clone()).collect::<Vec<_>>().join(", ");
            draft.drop(Kind::Index, id, &name, format!("index {name} is left out: {what}"), &method)?;
            if let Some(finding) = draft.findings.last_mut() {
                finding.app_must = finding.app_must.replace("{column}", &column);
            }
            continue;
        }
        let changes = simplify(draft, &table, &mut index)?;
        if !changes.is_empty() {
            draft.say("DSQL-INDEX-CHANGED", &name, format!("built without {}", changes.join(", ")), &[])?;
        }
        draft.indexes.push((name, index));
    }
    Ok(())
}

/// Why an index cannot be built, if so.
fn unusable(draft: &mut Draft<'_>, words: &Vocabulary, table: &str, index: &mut IndexStmt) -> Result<Option<(&'static str, String)>> {
    if draft.materialized.contains(table) {
        return Ok(Some(("DSQL-MATVIEW", format!("{table} is a plain view now"))));
    }
    let Some(mut create) = draft.table(table).map(|table| table.create.clone()) else {
        return Ok(Some(("DSQL-DEPENDENT", format!("{table} is not there"))));
    };
    if draft.capabilities.index_methods.get(&index.access_method).copied().unwrap_or(IndexMethod::Drop) == IndexMethod::Drop {
        return Ok(Some(("DSQL-INDEX-METHOD", format!("{} indexes do not exist", index.access_method))));
    }
    for element in elements(index) {
        if let Some(expression) = element.expr.as_deref_mut() {
            words.rewrite(expression);
            if let Some(obstacle) = words.obstacle(expression, &[table.to_owned()]) {
                return Ok(Some(("DSQL-INDEX", obstacle)));
            }
            continue;
        }
        match type_of(&mut create, &element.name) {
            None => return Ok(Some(("DSQL-DEPENDENT", format!("column {} is not there", element.name)))),
            Some(base) if draft.capabilities.types.not_indexable.contains(&base) => {
                return Ok(Some(("DSQL-INDEX-TYPE", format!("column {} is {base}", element.name))));
            }
            Some(_) => {}
        }
    }
    if let Some(filter) = index.where_clause.as_deref_mut() {
        words.rewrite(filter);
        return Ok(words.obstacle(filter, &[table.to_owned()]).map(|obstacle| ("DSQL-INDEX", obstacle)));
    }
    Ok(None)
}

/// Takes away what the target has no word for; gives what was taken.
fn simplify(draft: &Draft<'_>, table: &str, index: &mut IndexStmt) -> Result<Vec<String>> {
    let mut changes = Vec::new();
    if index.access_method != "btree" {
        changes.push(format!("USING {}", index.access_method));
    }
    index.access_method.clear();
    index.table_space.clear();
    index.options.clear();
    index.concurrent = false;
    index.if_not_exists = true;
    if let Some(relation) = index.relation.as_mut() {
        relation.inh = true;
    }
    for element in elements(index) {
        if !element.opclass.is_empty() {
            changes.push(names::parts(&element.opclass).join("."));
        }
        if !element.collation.is_empty() {
            changes.push(format!("COLLATE {}", names::parts(&element.collation).join(".")));
        }
        element.opclass.clear();
        element.opclassopts.clear();
        element.collation.clear();
        if element.ordering() == SortByDir::SortbyDesc {
            changes.push("DESC".into());
            // Read backwards, this is the order that was asked for.
            let nulls = if element.nulls_ordering() == SortByNulls::SortbyNullsLast {
                SortByNulls::SortbyNullsFirst
            } else {
                SortByNulls::SortbyNullsDefault
            };
            element.nulls_ordering = nulls.into();
        }
        element.ordering = SortByDir::SortbyDefault.into();
        if draft.change(table, &element.name) == Some(Change::FoldCase) {
            element.expr = Some(Box::new(lower(&element.name)?));
            element.name.clear();
        }
    }
    Ok(changes)
}

/// The unique index that stands in for a unique constraint which ignored case.
pub fn unique_without_case(draft: &mut Draft<'_>, create: &CreateStmt, constraint: &Constraint, beside: bool) -> Result<()> {
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
    let idxname = if beside { format!("{}_lower", constraint.conname) } else { constraint.conname.clone() };
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

fn lower(column: &str) -> Result<Node> {
    tree::expression(&format!("lower(\"{}\")", column.replace('"', "\"\"")))
}

fn elements(index: &mut IndexStmt) -> impl Iterator<Item = &mut IndexElem> {
    index.index_params.iter_mut().filter_map(|node| match &mut node.node {
        Some(NodeEnum::IndexElem(element)) => Some(element.as_mut()),
        _ => None,
    })
}
