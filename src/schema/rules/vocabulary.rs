//! What expressions may use on the target: types, functions and operators; how the others are written there.
//! Never evaluates an expression, and says nothing: the rules do.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::{AExprKind, TypeName};
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
                        expression.name = vec![own.clone()];
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
    pub fn obstacle(&self, node: &Node, tables: &[String]) -> Option<String> {
        let mut found = None;
        tree::any(node, &mut |node| {
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
                self.function(&call.funcname)
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
                array
                    .map(|column| format!("operator {operator} on {column}, which is jsonb now"))
                    .or_else(|| uuid.map(|column| format!("operator {operator} on {column}, which is a uuid now")))
                    .or_else(|| text().map(|column| format!("operator {operator} on {column}, which is text now")))
            }
            NodeEnum::AIndirection(indirection) => {
                column(indirection.arg.as_deref()?, &self.arrays).map(|column| format!("a subscript of {column}, which is jsonb now"))
            }
            _ => None,
        }
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
