//! Names of objects in the parse tree as text: `public.orders`, unquoted, for ids and findings.
//! Never quotes for SQL: SQL text comes from the deparser.

use pg_query::protobuf::{RangeVar, TypeName};
use pg_query::{Node, NodeEnum};

/// `schema.name`, with `public` when the dump left it out.
pub fn relation(range: Option<&RangeVar>) -> String {
    range.map_or_else(String::new, |range| join(&range.schemaname, &range.relname))
}

/// The text of a list of names: `schema.name`, with `public` when there is only one part.
pub fn list(nodes: &[Node]) -> String {
    let parts = parts(nodes);
    if parts.len() == 1 { format!("public.{}", parts.concat()) } else { parts.join(".") }
}

/// The strings in a list of nodes.
pub fn parts(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(string).collect()
}

/// The string of a string node.
pub fn string(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::String(string)) => Some(string.sval.clone()),
        _ => None,
    }
}

/// A string node.
pub fn string_node(text: &str) -> Node {
    NodeEnum::String(pg_query::protobuf::String { sval: text.to_owned() }).into_node()
}

/// The type's own name without schema: `int4`, `citext`.
pub fn type_base(type_name: &TypeName) -> String {
    parts(&type_name.names).pop().unwrap_or_default()
}

/// `schema.name` of a type; a dump qualifies every type that is not built in.
pub fn type_full(type_name: &TypeName) -> String {
    let parts = parts(&type_name.names);
    if parts.len() == 1 { format!("pg_catalog.{}", parts.concat()) } else { parts.join(".") }
}

fn join(schema: &str, name: &str) -> String {
    if schema.is_empty() { format!("public.{name}") } else { format!("{schema}.{name}") }
}

/// Wraps a node enum.
pub trait IntoNode {
    fn into_node(self) -> Node;
}

impl IntoNode for NodeEnum {
    fn into_node(self) -> Node {
        Node { node: Some(self) }
    }
}
