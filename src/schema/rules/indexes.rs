//! Rule: an index keeps its columns, expressions, INCLUDE and WHERE; method, operator classes, direction and collation go.
//! Never invents an index: see `folded_keys` for the one rule that does.

use pg_query::NodeEnum;
use pg_query::protobuf::{IndexElem, IndexStmt, SortByDir, SortByNulls};

use super::dependents;
use super::draft::{Change, Draft};
use super::keys::type_of;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::capabilities::IndexMethod;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    for (name, mut index) in std::mem::take(&mut draft.indexes) {
        let table = names::relation(index.relation.as_ref());
        if super::materialized::leave_out_index(draft, &name, &table)? {
            continue;
        }
        if let Some((id, what)) = unusable(draft, &words, &table, &mut index)? {
            let method = format!("{} on {table}", index.access_method);
            let column = elements(&mut index).map(|element| element.name.clone()).collect::<Vec<_>>().join(", ");
            draft.drop(Kind::Index, id, &name, format!("index {name} is left out: {what}"), &method)?;
            if let Some(finding) = draft.findings.last_mut() {
                finding.app_must = finding.app_must.replace("{column}", &column);
            }
            continue;
        }
        let folded: Vec<String> =
            elements(&mut index).map(|e| e.name.clone()).filter(|name| draft.change(&table, name) == Some(Change::FoldCase)).collect();
        if index.unique && !folded.is_empty() {
            super::folded_keys::index_folded(draft, &name, &folded.join(", "))?;
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
    if draft.tables.named(table).is_none() {
        return Ok(Some((dependents::ID, format!("{table} is not there"))));
    }
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
        match draft.table(table).and_then(|found| type_of(&mut found.create, &element.name)) {
            None => return Ok(Some((dependents::ID, format!("column {} is not there", element.name)))),
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
            element.expr = Some(Box::new(super::folded_keys::lower(&element.name)?));
            element.name.clear();
        }
    }
    Ok(changes)
}

fn elements(index: &mut IndexStmt) -> impl Iterator<Item = &mut IndexElem> {
    index.index_params.iter_mut().filter_map(|node| match &mut node.node {
        Some(NodeEnum::IndexElem(element)) => Some(element.as_mut()),
        _ => None,
    })
}
