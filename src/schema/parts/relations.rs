//! The forms of columns, foreign keys, counters, domains and indexes.
//! Never knows what else there is: each form says one thing.

use std::collections::BTreeMap;

use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, CreateDomainStmt, CreateSeqStmt, IndexStmt, SortByNulls};
use pg_query::{Node, NodeEnum};

use crate::error::Result;
use crate::schema::{names, plain, tree};

pub fn constraints(nodes: &[Node]) -> impl Iterator<Item = &Constraint> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(constraint.as_ref()),
        _ => None,
    })
}

pub fn foreign_key_form(key: &Constraint, columns: &str) -> String {
    let action = |code: &str| match code {
        "c" => "cascade",
        "n" => "set null",
        "d" => "set default",
        "r" => "restrict",
        _ => "no action",
    };
    let matched = if key.fk_matchtype == "f" { " match full" } else { "" };
    let some = names::parts(&key.fk_del_set_cols).join(", ");
    let when = match (key.deferrable, key.initdeferred) {
        (_, true) => " initially deferred",
        (true, false) => " deferrable",
        (false, false) => "",
    };
    format!(
        "foreign key ({columns}) references {} ({}){matched} on update {} on delete {}{}{when}",
        names::relation(key.pktable.as_ref()),
        names::parts(&key.pk_attrs).join(", "),
        action(&key.fk_upd_action),
        action(&key.fk_del_action),
        if some.is_empty() { some } else { format!(" ({some})") }
    )
}

pub fn column_form(column: &ColumnDef, key: bool) -> Result<String> {
    let mut form = column.type_name.as_ref().map(tree::type_sql).transpose()?.unwrap_or_default();
    let mut not_null = key || column.is_not_null;
    let mut said = Vec::new();
    for constraint in constraints(&column.constraints) {
        let expression = || constraint.raw_expr.as_deref().map(plain::expression).transpose().map(Option::unwrap_or_default);
        match constraint.contype() {
            ConstrType::ConstrNotnull | ConstrType::ConstrPrimary => not_null = true,
            ConstrType::ConstrDefault => said.push(format!("default {}", expression()?)),
            ConstrType::ConstrGenerated => said.push(format!("generated always as ({})", expression()?)),
            ConstrType::ConstrIdentity => {
                not_null = true;
                let when = if constraint.generated_when == "a" { "always" } else { "by default" };
                said.push(format!("generated {when} as identity ({})", counter(&constraint.options)));
            }
            _ => {}
        }
    }
    said.sort();
    if not_null {
        said.insert(0, "not null".to_owned());
    }
    for what in said {
        form = format!("{form} {what}");
    }
    Ok(form)
}

/// What is unusual of a counter, and its cache.
fn counter(options: &[Node]) -> String {
    let value = |node: &Node| match &node.node {
        Some(NodeEnum::Integer(number)) => Some(number.ival.to_string()),
        Some(NodeEnum::Float(number)) => Some(number.fval.clone()),
        Some(NodeEnum::Boolean(flag)) => Some(flag.boolval.to_string()),
        _ => None,
    };
    let mut said = BTreeMap::new();
    for option in options {
        let Some(NodeEnum::DefElem(element)) = &option.node else { continue };
        let Some(value) = element.arg.as_deref().and_then(value) else { continue };
        let usual = match element.defname.as_str() {
            "start" | "increment" | "minvalue" => value == "1",
            "maxvalue" => value == i64::MAX.to_string() || value == i32::MAX.to_string(),
            "cycle" => value == "false",
            "cache" => false,
            _ => true,
        };
        if !usual {
            said.insert(element.defname.clone(), value);
        }
    }
    said.into_iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

pub fn sequence_form(sequence: &CreateSeqStmt) -> String {
    counter(&sequence.options)
}

pub fn domain_form(domain: &CreateDomainStmt) -> Result<String> {
    let mut said = Vec::new();
    for constraint in constraints(&domain.constraints) {
        let expression = constraint.raw_expr.as_deref().map(plain::expression).transpose()?.unwrap_or_default();
        match constraint.contype() {
            ConstrType::ConstrNotnull => said.push("not null".to_owned()),
            ConstrType::ConstrDefault => said.push(format!("default {expression}")),
            ConstrType::ConstrCheck => said.push(format!("check ({expression})")),
            _ => {}
        }
    }
    said.sort();
    let type_name = domain.type_name.as_ref().map(tree::type_sql).transpose()?.unwrap_or_default();
    Ok(std::iter::once(type_name).chain(said).collect::<Vec<_>>().join(" "))
}

/// Without access method, operator classes and direction: a cluster's indexes have one of each.
pub fn index_form(index: &IndexStmt) -> Result<String> {
    let mut keys = Vec::new();
    for node in &index.index_params {
        let Some(NodeEnum::IndexElem(element)) = &node.node else { continue };
        let key = match element.expr.as_deref() {
            Some(expression) => plain::expression(expression)?,
            None => element.name.clone(),
        };
        // Last is where they are anyway.
        keys.push(if element.nulls_ordering() == SortByNulls::SortbyNullsFirst { format!("{key} nulls first") } else { key });
    }
    let include: Vec<String> = index
        .index_including_params
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::IndexElem(element)) => Some(element.name.clone()),
            _ => None,
        })
        .collect();
    let filter = index.where_clause.as_deref().map(plain::expression).transpose()?;
    Ok(format!(
        "{}on {} ({}){}{}{}",
        if index.unique { "unique " } else { "" },
        names::relation(index.relation.as_ref()),
        keys.join(", "),
        if include.is_empty() { String::new() } else { format!(" include ({})", include.join(", ")) },
        if index.nulls_not_distinct { " nulls not distinct" } else { "" },
        filter.map(|filter| format!(" where {filter}")).unwrap_or_default()
    ))
}
