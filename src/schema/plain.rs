//! Expressions and queries in a form that does not depend on who printed them: a server writes `status = ANY (ARRAY['a'::text])`
//! where a person wrote `status IN ('a')`. Never for SQL that is run: casts, collations and redundant names are gone.

use std::collections::BTreeMap;

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AArrayExpr, AConst, AExprKind, BoolExpr, BoolExprType, CoercionForm, String as Text};
use pg_query::{Node, NodeEnum};
use serde_json::Value;

use super::names;
use super::tree;
use crate::error::Result;

/// The text of an expression in that form.
pub fn expression(expression: &Node) -> Result<String> {
    let mut expression = expression.clone();
    simplify(&mut expression, false);
    tree::expression_sql(&expression)
}

/// The text of a query in that form.
pub fn query(query: &Node) -> Result<String> {
    match &query.node {
        // The body of a function: lists of statements.
        Some(NodeEnum::List(list)) => return Ok(list.items.iter().map(self::query).collect::<Result<Vec<_>>>()?.join("; ")),
        Some(NodeEnum::ReturnStmt(returned)) => return returned.returnval.as_deref().map_or_else(|| Ok(String::new()), expression),
        _ => {}
    }
    let mut query = query.clone();
    // A server names a column by its table only where there are several, and not every version does so alike.
    let single = tables(&query) == 1;
    simplify(&mut query, single);
    query.node.map_or_else(|| Ok(String::new()), tree::sql)
}

fn tables(query: &Node) -> usize {
    let mut count = 0_usize;
    tree::any(query, &mut |node| {
        if matches!(node.node, Some(NodeEnum::RangeVar(_) | NodeEnum::RangeSubselect(_) | NodeEnum::RangeFunction(_))) {
            count = count.saturating_add(1);
        }
        false
    });
    count
}

/// `alone`: columns lose the name of the only table.
fn simplify(node: &mut Node, alone: bool) {
    tree::walk(node, &mut |node| {
        while let Some(NodeEnum::TypeCast(_) | NodeEnum::CollateClause(_)) = &node.node {
            let inner = match node.node.take() {
                Some(NodeEnum::TypeCast(cast)) => cast.arg,
                Some(NodeEnum::CollateClause(collate)) => collate.arg,
                _ => None,
            };
            node.node = inner.and_then(|inner| inner.node);
        }
        match &mut node.node {
            Some(NodeEnum::AConst(constant)) => as_text(constant),
            Some(NodeEnum::AExpr(operation)) => {
                operation.name = operation.name.pop().into_iter().collect();
                match operation.kind() {
                    AExprKind::AexprLike | AExprKind::AexprIlike => operation.set_kind(AExprKind::AexprOp),
                    AExprKind::AexprIn => {
                        let Some(NodeEnum::List(list)) = operation.rexpr.as_mut().and_then(|side| side.node.take()) else { return };
                        let array = AArrayExpr { elements: list.items, ..AArrayExpr::default() };
                        operation.rexpr = Some(Box::new(Node { node: Some(NodeEnum::AArrayExpr(array)) }));
                        let negated = operation.name.first().and_then(names::string).is_some_and(|name| name == "<>");
                        operation.set_kind(if negated { AExprKind::AexprOpAll } else { AExprKind::AexprOpAny });
                    }
                    _ => {}
                }
            }
            Some(NodeEnum::FuncCall(call)) => {
                call.funcname = without_catalog(&call.funcname);
                call.set_funcformat(CoercionForm::CoerceExplicitCall);
            }
            Some(NodeEnum::BoolExpr(all)) => flatten(all),
            Some(NodeEnum::ColumnRef(column)) if alone => {
                column.fields = column.fields.pop().into_iter().collect();
            }
            Some(NodeEnum::ResTarget(target)) => {
                let own = target.val.as_deref().and_then(last_name);
                if own.is_some_and(|own| own == target.name) {
                    target.name.clear();
                }
            }
            Some(NodeEnum::RangeVar(table)) => {
                if table.schemaname.is_empty() {
                    table.schemaname = "public".to_owned();
                }
                if alone || table.alias.as_ref().is_some_and(|alias| alias.aliasname == table.relname) {
                    table.alias = None;
                }
            }
            _ => {}
        }
    });
}

/// A number, a truth value and a text that say the same are the same.
fn as_text(constant: &mut AConst) {
    let text = match &constant.val {
        Some(Val::Ival(number)) => number.ival.to_string(),
        Some(Val::Fval(number)) => number.fval.clone(),
        Some(Val::Boolval(flag)) => flag.boolval.to_string(),
        Some(Val::Sval(text)) => match serde_json::from_str(&text.sval) {
            // A server keeps jsonb without its spaces and in an order of its own.
            Ok(json @ (Value::Array(_) | Value::Object(_))) => sorted(json).to_string(),
            Ok(_) | Err(_) => return,
        },
        Some(Val::Bsval(_)) | None => return,
    };
    constant.val = Some(Val::Sval(Text { sval: text }));
}

fn sorted(json: Value) -> Value {
    match json {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(pairs) => {
            pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        other => other,
    }
}

fn without_catalog(name: &[Node]) -> Vec<Node> {
    let own = name.len() > 1 && name.first().and_then(names::string).is_some_and(|schema| schema == "pg_catalog");
    name.iter().skip(usize::from(own)).cloned().collect()
}

/// `(a AND b) AND c` is `a AND b AND c`.
fn flatten(all: &mut BoolExpr) {
    if all.boolop() == BoolExprType::NotExpr {
        return;
    }
    let mut flat = Vec::new();
    for arg in std::mem::take(&mut all.args) {
        match arg.node {
            Some(NodeEnum::BoolExpr(mut inner)) if inner.boolop == all.boolop => {
                flatten(&mut inner);
                flat.extend(inner.args);
            }
            node => flat.push(Node { node }),
        }
    }
    all.args = flat;
}

/// The name that a column gets of itself, seen through casts.
fn last_name(value: &Node) -> Option<String> {
    match value.node.as_ref()? {
        NodeEnum::ColumnRef(column) => column.fields.last().and_then(names::string),
        NodeEnum::TypeCast(cast) => last_name(cast.arg.as_deref()?),
        NodeEnum::FuncCall(call) => call.funcname.last().and_then(names::string),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn same(one: &str, other: &str) {
        let form = |text: &str| expression(&tree::expression(text).unwrap()).unwrap();
        assert_eq!(form(one), form(other));
    }

    fn differ(one: &str, other: &str) {
        let form = |text: &str| expression(&tree::expression(text).unwrap()).unwrap();
        assert_ne!(form(one), form(other));
    }

    #[test]
    fn what_a_server_prints_is_what_was_written() {
        same("status IN ('a', 'b')", "(status = ANY (ARRAY['a'::text, 'b'::text]))");
        same("status NOT IN ('a')", "((status)::text <> ALL (ARRAY['a'::text]))");
        same("a > 0 AND b > 0 AND c > 0", "(((a > 0) AND (b > 0)) AND (c > (0)::numeric))");
        same("-1", "'-1'::integer");
        same("name LIKE 'a%'", "(name ~~ 'a%'::text)");
        same("pg_catalog.now()", "now()");
        same("'{\"b\":1,\"a\":[1,2]}'::jsonb", "'{\"a\": [1, 2], \"b\": 1}'::jsonb");
        same("a COLLATE \"C\" < 'b'", "(a < 'b'::text)");
    }

    #[test]
    fn what_means_something_else_stays_apart() {
        differ("a > 0 AND b > 0", "a > 0 OR b > 0");
        differ("(a + b) * c", "a + b * c");
        differ("status IN ('a', 'b')", "status IN ('a', 'c')");
        differ("lower(a)", "upper(a)");
        differ("app.now()", "now()");
    }

    #[test]
    fn a_query_may_name_its_only_table_or_not() {
        let form = |sql: &str| query(&Node { node: Some(tree::statement(sql).unwrap()) }).unwrap();
        let one = form("SELECT orders.id, orders.total AS total FROM public.orders WHERE orders.paid");
        assert_eq!(one, form("SELECT id, total FROM public.orders WHERE paid"));
        assert_ne!(one, form("SELECT id, total AS sum FROM public.orders WHERE paid"));
        assert_ne!(form("SELECT a.id FROM a JOIN b ON a.id = b.a"), form("SELECT b.id FROM a JOIN b ON a.id = b.a"));
    }
}
