//! What expressions may use on the target: types, functions and operators; how the others are written there.
//! Never evaluates an expression, and says nothing: the rules do.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::{AExprKind, CoercionForm, FuncCall, TypeName};
use pg_query::{Node, NodeEnum};

use super::draft::{Change, Draft};
use crate::error::Result;
use crate::schema::names;
use crate::schema::tree;

/// Operators that text has of its own.
const COMPARISONS: [&str; 14] = ["=", "<>", "<", ">", "<=", ">=", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*"];

/// Functions and operators of arrays that jsonb does not have, or has with another meaning.
const ARRAY_FUNCTIONS: [&str; 11] = [
    "unnest",
    "array_length",
    "cardinality",
    "array_position",
    "array_positions",
    "array_to_string",
    "array_append",
    "array_remove",
    "array_cat",
    "array_upper",
    "array_lower",
];
const ARRAY_OPERATORS: [&str; 5] = ["@>", "<@", "&&", "||", "="];
/// How a comparison that ignored case is written for text: LIKE and patterns have forms of their own.
const FOLDED: [(&str, &str); 4] = [("~", "~*"), ("!~", "!~*"), ("~~", "~~*"), ("!~~", "!~~*")];
/// Comparisons and functions that follow the order of an enum's values, and those that know the values.
const ORDER_OPERATORS: [&str; 4] = ["<", ">", "<=", ">="];
const ORDER_FUNCTIONS: [&str; 2] = ["min", "max"];
const ENUM_FUNCTIONS: [&str; 3] = ["enum_range", "enum_first", "enum_last"];
/// Functions that take a text as well as they took the type before.
const ANY_TYPE_FUNCTIONS: [&str; 7] = ["count", "array_agg", "json_agg", "jsonb_agg", "to_json", "to_jsonb", "format"];

/// What an expression may use; taken from the draft so that the draft can change meanwhile.
pub struct Vocabulary {
    types: BTreeMap<String, TypeName>,
    extension_types: BTreeMap<String, TypeName>,
    rename: BTreeMap<String, String>,
    missing: Vec<String>,
    functions: BTreeSet<String>,
    /// (table, column) that hold jsonb now where an array was.
    arrays: BTreeSet<(String, String)>,
    /// (table, column) that hold the text of a value now.
    texts: BTreeSet<(String, String)>,
    /// (table, column) that hold a uuid now where a number was.
    uuids: BTreeSet<(String, String)>,
    /// (table, column) that hold a text now where an enum was.
    enums: BTreeSet<(String, String)>,
    /// (table, column) that ignored case.
    folded: BTreeSet<(String, String)>,
}

impl Vocabulary {
    pub fn of(draft: &Draft<'_>) -> Result<Self> {
        let text = tree::type_name("text")?;
        let types = draft.enums.keys().chain(&draft.composites).map(|name| (name.clone(), text.clone())).collect();
        let mut extension_types = BTreeMap::new();
        for replacement in draft.capabilities.types.replace.iter().filter(|replacement| !replacement.runtime) {
            let to = tree::type_name(&replacement.to)?;
            extension_types.extend(replacement.from.iter().map(|from| (from.clone(), to.clone())));
        }
        let changed = |wanted| draft.changed.iter().filter(|(_, change)| **change == wanted).map(|(column, _)| column.clone()).collect();
        Ok(Self {
            types,
            extension_types,
            rename: draft.capabilities.functions.rename.clone(),
            missing: draft.capabilities.functions.missing.clone(),
            functions: draft.functions.iter().map(|(name, _)| name.clone()).collect(),
            arrays: changed(Change::Array),
            texts: changed(Change::Other),
            uuids: changed(Change::Uuid),
            enums: changed(Change::Enum),
            folded: changed(Change::FoldCase),
        })
    }

    /// The type to write for this one in an expression; `None` when it stays.
    pub fn type_for(&self, old: &TypeName) -> Option<TypeName> {
        let found = self.types.get(&names::type_full(old)).or_else(|| self.extension_types.get(&names::type_base(old)))?;
        Some(TypeName { array_bounds: old.array_bounds.clone(), setof: old.setof, ..found.clone() })
    }

    /// Rewrites types, functions and collations in place; gives the functions that were renamed.
    pub fn rewrite(&self, node: &mut Node) -> Vec<String> {
        let mut renamed = Vec::new();
        tree::walk(node, &mut |node| {
            if let Some(NodeEnum::CollateClause(collate)) = &mut node.node
                && let Some(inner) = collate.arg.take()
            {
                *node = *inner;
            }
            match &mut node.node {
                Some(NodeEnum::TypeCast(cast)) => {
                    if let Some(to) = cast.type_name.as_ref().and_then(|old| self.type_for(old)) {
                        cast.type_name = Some(to);
                    }
                }
                // An extension's operator where the built-in one now does the same: citext's, once the operands are text.
                Some(NodeEnum::AExpr(expression)) if qualified(&expression.name) => {
                    if let Some(own) =
                        expression.name.last().filter(|own| names::string(own).is_some_and(|own| COMPARISONS.contains(&own.as_str())))
                    {
                        let text = names::string(own).unwrap_or_default();
                        match FOLDED.iter().find(|(from, _)| *from == text) {
                            Some((_, to)) => expression.name = vec![names::string_node(to)],
                            None => {
                                expression.name = vec![own.clone()];
                                let sides = [&mut expression.lexpr, &mut expression.rexpr];
                                sides.into_iter().flatten().for_each(|side| fold(side));
                            }
                        }
                    }
                }
                Some(NodeEnum::FuncCall(call)) => {
                    let parts = names::parts(&call.funcname);
                    let (Some(own), true) = (parts.last(), parts.len() < 2 || !self.functions.contains(&parts.join("."))) else { return };
                    // A built-in that an extension also brings, as pgcrypto its gen_random_uuid.
                    let built_in = self.rename.get(own).or_else(|| self.rename.values().find(|to| *to == own));
                    if let Some(to) = built_in {
                        if to != own {
                            renamed.push(own.clone());
                        }
                        call.funcname = vec![names::string_node(to)];
                    }
                }
                _ => {}
            }
        });
        renamed
    }

    /// The first thing in a rewritten expression that the target does not have, in words. `tables`: whose columns it may name.
    pub fn obstacle(&self, node: &mut Node, tables: &[String]) -> Option<String> {
        let mut found = None;
        tree::any_in(node, &mut |node| {
            if found.is_none() {
                found = self.obstacle_here(node, tables);
            }
            found.is_some()
        });
        found
    }

    fn obstacle_here(&self, node: &Node, tables: &[String]) -> Option<String> {
        let column = |node: &Node, of: &BTreeSet<(String, String)>| column_among(node, of, tables);
        match node.node.as_ref()? {
            NodeEnum::FuncCall(call) => {
                let name = names::parts(&call.funcname);
                let own = name.last()?.as_str();
                let array = ARRAY_FUNCTIONS.contains(&own).then(|| call.args.iter().find_map(|arg| column(arg, &self.arrays))).flatten();
                let text =
                    (!ANY_TYPE_FUNCTIONS.contains(&own)).then(|| call.args.iter().find_map(|arg| column(arg, &self.texts))).flatten();
                let uuid =
                    (!ANY_TYPE_FUNCTIONS.contains(&own)).then(|| call.args.iter().find_map(|arg| column(arg, &self.uuids))).flatten();
                let order = ORDER_FUNCTIONS.contains(&own).then(|| call.args.iter().find_map(|arg| column(arg, &self.enums))).flatten();
                self.function(&call.funcname)
                    .or_else(|| ENUM_FUNCTIONS.contains(&own).then(|| format!("{own}() has no enum to read")))
                    .or_else(|| order.map(|column| format!("{own}() on {column}, which is text now and sorts by letters")))
                    .or_else(|| uuid.map(|column| format!("{own}() on {column}, which is a uuid now")))
                    .or_else(|| array.map(|column| format!("{own}() on {column}, which is jsonb now")))
                    .or_else(|| text.map(|column| format!("{own}() on {column}, which is text now")))
            }
            NodeEnum::AExpr(expression) => {
                let operator = names::parts(&expression.name);
                if qualified(&expression.name) {
                    return Some(format!("operator {} is not carried over", operator.join(".")));
                }
                let operator = operator.concat();
                let sides: Vec<&Node> = [expression.lexpr.as_deref(), expression.rexpr.as_deref()].into_iter().flatten().collect();
                let any = matches!(expression.kind(), AExprKind::AexprOpAny | AExprKind::AexprOpAll);
                let array = (any || ARRAY_OPERATORS.contains(&operator.as_str()))
                    .then(|| sides.iter().find_map(|side| column(side, &self.arrays)))
                    .flatten();
                // Two such columns may be compared with each other, and with nothing else.
                let all = sides.iter().all(|side| column(side, &self.uuids).is_some());
                let uuid = (!all).then(|| sides.iter().find_map(|side| column(side, &self.uuids))).flatten();
                let text = || sides.iter().find_map(|side| column(side, &self.texts));
                let ordered = ORDER_OPERATORS.contains(&operator.as_str());
                let order = || ordered.then(|| sides.iter().find_map(|side| column(side, &self.enums))).flatten();
                let distinct = matches!(expression.kind(), AExprKind::AexprDistinct | AExprKind::AexprNotDistinct | AExprKind::AexprNullif);
                let case = || distinct.then(|| sides.iter().find_map(|side| column(side, &self.folded))).flatten();
                array
                    .map(|column| format!("operator {operator} on {column}, which is jsonb now"))
                    .or_else(|| uuid.map(|column| format!("operator {operator} on {column}, which is a uuid now")))
                    .or_else(|| text().map(|column| format!("operator {operator} on {column}, which is text now")))
                    .or_else(|| order().map(|column| format!("operator {operator} on {column}, which is text now and sorts by letters")))
                    .or_else(|| case().map(|column| format!("{column} is compared with upper and lower case apart now")))
            }
            NodeEnum::MinMaxExpr(found) => {
                let found = found.args.iter().find_map(|arg| column(arg, &self.enums));
                found.map(|column| format!("the greatest or least of {column}, which is text now and sorts by letters"))
            }
            NodeEnum::AIndirection(indirection) => {
                let of = indirection.arg.as_deref()?;
                let text = || column(of, &self.texts).map(|column| format!("a subscript of {column}, which is text now"));
                column(of, &self.arrays).map(|column| format!("a subscript of {column}, which is jsonb now")).or_else(text)
            }
            _ => None,
        }
    }

    /// The columns that a query sorts or groups by and whose order or equality changed.
    pub fn sorted(&self, query: &Node, tables: &[String]) -> BTreeMap<String, Change> {
        let mut found = BTreeMap::new();
        let mut put = |node: &Node, sorts: bool| {
            if let Some(column) = column_among(node, &self.folded, tables) {
                found.insert(column, Change::FoldCase);
            } else if let (true, Some(column)) = (sorts, column_among(node, &self.enums, tables)) {
                found.insert(column, Change::Enum);
            }
        };
        tree::any(query, &mut |node| {
            match &node.node {
                Some(NodeEnum::SortBy(sort)) => sort.node.iter().for_each(|by| put(by, true)),
                Some(NodeEnum::SelectStmt(select)) => {
                    select.group_clause.iter().for_each(|by| put(by, false));
                    let distinct = !select.distinct_clause.is_empty();
                    for target in select.target_list.iter().filter(|_| distinct) {
                        if let Some(NodeEnum::ResTarget(target)) = &target.node {
                            target.val.iter().for_each(|value| put(value, false));
                        }
                    }
                }
                Some(NodeEnum::WindowDef(window)) => window.partition_clause.iter().for_each(|by| put(by, false)),
                _ => {}
            }
            false
        });
        found
    }

    fn function(&self, name: &[Node]) -> Option<String> {
        let parts = names::parts(name);
        let own = parts.last()?;
        if self.missing.contains(own) {
            return Some(format!("{own}() is not available"));
        }
        (qualified(name) && !self.functions.contains(&parts.join("."))).then(|| format!("{}() is not carried over", parts.join(".")))
    }
}

/// `lower(...)` around a side of a comparison that ignored case; around each element of an array.
fn fold(side: &mut Node) {
    if let Some(NodeEnum::TypeCast(cast)) = &mut side.node
        && !cast.type_name.as_ref().is_some_and(|named| named.array_bounds.is_empty())
    {
        return cast.arg.iter_mut().for_each(|arg| fold(arg));
    }
    if let Some(NodeEnum::AArrayExpr(array)) = &mut side.node {
        return array.elements.iter_mut().for_each(fold);
    }
    let lower = FuncCall {
        funcname: vec![names::string_node("lower")],
        args: vec![std::mem::take(side)],
        funcformat: CoercionForm::CoerceExplicitCall.into(),
        ..FuncCall::default()
    };
    side.node = Some(NodeEnum::FuncCall(Box::new(lower)));
}

/// The column that a node is, seen through casts, when it is one of these.
fn column_among(node: &Node, columns: &BTreeSet<(String, String)>, tables: &[String]) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(column) => {
            let name = column.fields.last().and_then(names::string)?;
            tables.iter().any(|table| columns.contains(&(table.clone(), name.clone()))).then_some(name)
        }
        NodeEnum::TypeCast(cast) => column_among(cast.arg.as_deref()?, columns, tables),
        _ => None,
    }
}

/// Whether a function or operator is one of the dump's or of an extension.
fn qualified(name: &[Node]) -> bool {
    name.len() > 1 && name.first().and_then(names::string).is_some_and(|schema| schema != "pg_catalog")
}
