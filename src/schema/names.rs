//! Names of objects in the parse tree as text: `public.orders`, unquoted, for ids and findings; and names that rules make.
//! Never quotes for SQL: SQL text comes from the deparser.

use pg_query::protobuf::{RangeVar, TypeName};
use pg_query::{Node, NodeEnum};

/// PostgreSQL cuts longer names silently, in bytes.
const LONGEST: usize = 63;

/// The name that a rule gives to what it makes: `base` and `suffix`; where that is too long, `base` is cut and told apart by a digest.
pub fn made(base: &str, suffix: &str) -> String {
    let whole = format!("{base}{suffix}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let digest = crate::text::digest(base, 4);
    let room = LONGEST.saturating_sub(suffix.len()).saturating_sub(digest.len()).saturating_sub(1);
    let end = (0..=room.min(base.len())).rev().find(|&end| base.is_char_boundary(end)).unwrap_or_default();
    format!("{}_{digest}{suffix}", base.get(..end).unwrap_or_default())
}

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
    type_name.names.last().and_then(string).unwrap_or_default()
}

/// Whether a type is PostgreSQL's own.
pub fn is_built_in(type_name: &TypeName) -> bool {
    let own = |node: &Node| matches!(&node.node, Some(NodeEnum::String(schema)) if schema.sval == "pg_catalog");
    type_name.names.len() == 1 || type_name.names.first().is_some_and(own)
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

#[cfg(test)]
mod tests {
    use super::made;

    #[test]
    fn a_name_that_would_be_cut_is_cut_by_bytes_and_still_told_apart() {
        assert_eq!(made("orders_status", "_check"), "orders_status_check");
        assert_eq!(made(&"a".repeat(57), "_check"), format!("{}_check", "a".repeat(57)));
        let (one, two) = (format!("{}1", "é".repeat(40)), format!("{}2", "é".repeat(40)));
        let (one, two) = (made(&one, "_check"), made(&two, "_check"));
        assert!(one != two && one.len() <= 63 && two.len() <= 63 && one.ends_with("_check"), "{one} {two}");
    }
}
