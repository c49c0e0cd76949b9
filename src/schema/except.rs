//! Leaving whole schemas out, as asked, with what stands on them.
//! Never leaves anything out without a finding.

use std::collections::BTreeMap;

use pg_query::NodeEnum;

use super::capabilities::Capabilities;
use super::classify::{added, classify, command};
use super::finding::Finding;
use super::order::slug;
use super::parse::Source;
use super::statement::Kind;
use super::{names, tree};
use crate::error::Result;

/// Takes out what is in these schemas, and foreign keys and views elsewhere that need it.
pub fn leave_out(sources: &mut Vec<Source>, schemas: &[String], capabilities: &Capabilities, prefix: &str) -> Result<Vec<Finding>> {
    if schemas.is_empty() {
        return Ok(Vec::new());
    }
    let id = format!("{prefix}-EXCEPT");
    let mut counts: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut findings = Vec::new();
    let mut kept = Vec::with_capacity(sources.len());
    for source in sources.drain(..) {
        let (kind, object) = classify(&source.node);
        let within = |name: &str| schemas.iter().find(|schema| is_in(name, schema));
        let whole = matches!(kind, Kind::Schema | Kind::Comment);
        if let Some(schema) = within(&object).or_else(|| schemas.iter().find(|schema| whole && **schema == object)) {
            let count = counts.entry(schema).or_default().entry(slug(kind).replace('_', " ")).or_default();
            *count = count.saturating_add(1);
        } else if let Some(needed) = needs(&source.node).iter().find(|name| within(name).is_some()) {
            let what = format!("{} {object} is left out: it needs {needed}", slug(kind).replace('_', " "));
            findings.push(capabilities.finding(&id, &object, what, &[("detail", needed)])?);
        } else {
            kept.push(source);
        }
    }
    *sources = kept;
    for (schema, kinds) in counts {
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let what = format!("schema {schema} is left out, as asked: {}", kinds.join(", "));
        findings.push(capabilities.finding(&id, schema, what, &[("detail", schema)])?);
    }
    Ok(findings)
}

fn is_in(name: &str, schema: &str) -> bool {
    name.strip_prefix(schema).is_some_and(|rest| rest.starts_with('.'))
}

/// The tables that a foreign key or a view stands on.
fn needs(node: &NodeEnum) -> Vec<String> {
    match node {
        NodeEnum::AlterTableStmt(alter) => {
            let table = command(alter).and_then(added).and_then(|constraint| constraint.pktable.as_ref());
            table.map(|table| names::relation(Some(table))).into_iter().collect()
        }
        NodeEnum::ViewStmt(view) => view.query.as_deref().map(tree::relations).unwrap_or_default(),
        NodeEnum::CreateTableAsStmt(view) => view.query.as_deref().map(tree::relations).unwrap_or_default(),
        _ => Vec::new(),
    }
}
