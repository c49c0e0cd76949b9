//! The objects that a piece of SQL makes, by PostgreSQL's parser and by no code of the compiler.
//! Never knows a target.

use std::collections::BTreeSet;

use pg_query::protobuf::{AlterTableType, ConstrType, Constraint, ObjectType, RangeVar};
use pg_query::{Node, NodeEnum};

/// `table public.a`, `column public.a.b`, `constraint public.a.c`, `index i`: what each statement makes.
pub fn objects(sql: &str) -> Result<BTreeSet<String>, String> {
    let parsed = pg_query::parse(sql, 0).map_err(|error| format!("{error}: {sql}"))?;
    let mut found = BTreeSet::new();
    for statement in parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt?.node) {
        one(&statement, &mut found);
    }
    Ok(found)
}

fn one(node: &NodeEnum, found: &mut BTreeSet<String>) {
    let mut put = |kind: &str, name: String| {
        found.insert(format!("{kind} {name}"));
    };
    match node {
        NodeEnum::CreateSchemaStmt(s) => put("schema", s.schemaname.clone()),
        NodeEnum::CreateExtensionStmt(s) => put("extension", s.extname.clone()),
        NodeEnum::CreateEnumStmt(s) => put("type", names(&s.type_name)),
        NodeEnum::CompositeTypeStmt(s) => put("type", range(s.typevar.as_ref())),
        NodeEnum::CreateRangeStmt(s) => put("type", names(&s.type_name)),
        NodeEnum::CreateDomainStmt(s) => put("domain", names(&s.domainname)),
        NodeEnum::CreateSeqStmt(s) => put("sequence", range(s.sequence.as_ref())),
        NodeEnum::CreateFunctionStmt(s) => put("function", names(&s.funcname)),
        NodeEnum::ViewStmt(s) => put("view", range(s.view.as_ref())),
        NodeEnum::CreateTableAsStmt(s) => put("materialized view", range(s.into.as_ref().and_then(|into| into.rel.as_ref()))),
        NodeEnum::IndexStmt(s) => put("index", s.idxname.clone()),
        NodeEnum::CreateTrigStmt(s) => put("trigger", s.trigname.clone()),
        NodeEnum::RuleStmt(s) => put("rule", s.rulename.clone()),
        NodeEnum::CreatePolicyStmt(s) => put("policy", s.policy_name.clone()),
        NodeEnum::CreateStatsStmt(s) => put("statistics", names(&s.defnames)),
        NodeEnum::CreatePublicationStmt(s) => put("publication", s.pubname.clone()),
        NodeEnum::CommentStmt(s) if matches!(s.objtype(), ObjectType::ObjectTable | ObjectType::ObjectColumn) => {
            if let Some(NodeEnum::List(list)) = s.object.as_ref().and_then(|object| object.node.as_ref()) {
                put("comment", names(&list.items));
            }
        }
        NodeEnum::CreateStmt(s) => {
            let table = range(s.relation.as_ref());
            put("table", table.clone());
            for element in &s.table_elts {
                match &element.node {
                    Some(NodeEnum::ColumnDef(column)) => put("column", format!("{table}.{}", column.colname)),
                    Some(NodeEnum::Constraint(constraint)) => put("constraint", format!("{table}.{}", constraint.conname)),
                    _ => {}
                }
            }
        }
        NodeEnum::AlterTableStmt(s) => {
            let table = range(s.relation.as_ref());
            for command in &s.cmds {
                let Some(NodeEnum::AlterTableCmd(command)) = &command.node else { continue };
                let def = command.def.as_ref().and_then(|def| def.node.as_ref());
                match (command.subtype(), def) {
                    (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) if named(constraint) => {
                        put("constraint", format!("{table}.{}", constraint.conname));
                    }
                    (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                        put("column", format!("{table}.{}", column.colname))
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// NOT NULL has a name in version 18, and is no object of its own.
fn named(constraint: &Constraint) -> bool {
    constraint.contype() != ConstrType::ConstrNotnull
}

fn range(range: Option<&RangeVar>) -> String {
    range.map(|range| format!("{}.{}", range.schemaname, range.relname)).unwrap_or_default()
}

fn names(nodes: &[Node]) -> String {
    let one = |node: &Node| match &node.node {
        Some(NodeEnum::String(string)) => Some(string.sval.clone()),
        _ => None,
    };
    nodes.iter().filter_map(one).collect::<Vec<_>>().join(".")
}
