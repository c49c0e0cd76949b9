//! Sorts the dump's statements into the draft; keys, checks and defaults that the dump adds later go back into their table.
//! Never changes a type or an expression.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, AlterTableCmd, AlterTableStmt, AlterTableType as Alter, ConstrType, Constraint, ObjectType};

use super::draft::{Draft, Sequence};
use super::tables::Table;
use super::unsupported;
use crate::error::Result;
use crate::schema::classify::{added, classify, command};
use crate::schema::names::{self, IntoNode};
use crate::schema::parse::Source;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>, sources: Vec<Source>) -> Result<()> {
    for source in sources {
        let (kind, object) = classify(&source.node);
        if !unsupported::leave_out(draft, kind, &object, &source.text)? {
            one(draft, kind, object, source)?;
        }
    }
    Ok(())
}

fn one(draft: &mut Draft<'_>, kind: Kind, object: String, source: Source) -> Result<()> {
    match source.node {
        NodeEnum::CreateSchemaStmt(s) => draft.schemas.push(s),
        NodeEnum::CreateExtensionStmt(s) => {
            super::extensions::leave_out(draft, &s.extname)?;
        }
        NodeEnum::CreateEnumStmt(s) => {
            draft.enums.insert(object, names::parts(&s.vals));
        }
        NodeEnum::CompositeTypeStmt(_) | NodeEnum::CreateRangeStmt(_) => {
            draft.composites.insert(object);
        }
        NodeEnum::CreateDomainStmt(s) => draft.domains.push((object, *s)),
        NodeEnum::CreateSeqStmt(s) => draft.sequences.push(Sequence { name: object, create: s, owner: None, owned_by: None }),
        NodeEnum::AlterSeqStmt(s) => own(draft, &object, &s, source.text),
        NodeEnum::CreateStmt(s) => draft.tables.push(Table { name: object, create: s }),
        NodeEnum::AlterTableStmt(s) => alter(draft, &object, s)?,
        NodeEnum::IndexStmt(s) => draft.indexes.push((object, *s)),
        NodeEnum::ViewStmt(s) => {
            // The dump's empty stand-in gives way to the real view.
            draft.views.retain(|(name, _)| *name != object);
            draft.views.push((object, *s));
        }
        NodeEnum::CreateTableAsStmt(s) => {
            draft.materialized.insert(object.clone());
            draft.views.push((object, super::materialized::as_view(*s)));
        }
        NodeEnum::CreateFunctionStmt(s) => draft.functions.push((object, *s)),
        NodeEnum::CreateStatsStmt(s) => draft.statistics.push((object, s)),
        NodeEnum::CommentStmt(s) => draft.comments.push((object, *s)),
        // They change what another statement made, which stays.
        NodeEnum::AlterDomainStmt(_) | NodeEnum::AlterStatsStmt(_) => unsupported::left_out(draft, Kind::Setting, &object, &source.text)?,
        _ => unsupported::left_out(draft, kind, &object, &source.text)?,
    }
    Ok(())
}

fn own(draft: &mut Draft<'_>, sequence: &str, statement: &AlterSeqStmt, text: String) {
    let owner = statement.options.iter().find_map(|option| match &option.node {
        Some(NodeEnum::DefElem(element)) if element.defname == "owned_by" => match &element.arg.as_ref()?.node {
            Some(NodeEnum::List(list)) => {
                let mut parts = names::parts(&list.items);
                let column = parts.pop()?;
                Some((if parts.len() == 1 { format!("public.{}", parts.concat()) } else { parts.join(".") }, column))
            }
            _ => None,
        },
        _ => None,
    });
    // The owner follows its sequence in a dump.
    if let Some(found) = draft.sequences.iter_mut().rev().find(|found| found.name == sequence) {
        found.owner = owner;
        found.owned_by = Some(text);
    }
}

fn alter(draft: &mut Draft<'_>, object: &str, statement: AlterTableStmt) -> Result<()> {
    let table = names::relation(statement.relation.as_ref());
    let Some(command) = command(&statement).cloned() else { return Ok(()) };
    match command.subtype() {
        Alter::AtAddConstraint => {
            if let Some(constraint) = added(&command) {
                add_constraint(draft, &table, constraint.clone());
            }
        }
        Alter::AtColumnDefault => {
            if let Some(column) = draft.column(&table, &command.name) {
                let default = Constraint { contype: ConstrType::ConstrDefault.into(), raw_expr: command.def, ..Default::default() };
                column.constraints.push(NodeEnum::Constraint(Box::new(default)).into_node());
            } else {
                unsupported::left_out(draft, Kind::Default, object, &format!("the default of {object}, which is no table's column,"))?;
            }
        }
        Alter::AtAddIdentity => add_identity(draft, &table, &command),
        // The partition's index has a finding of its own.
        Alter::AtAttachPartition if statement.objtype() == ObjectType::ObjectIndex => {}
        Alter::AtAddColumn if draft.table(&table).is_some() => {
            if let (Some(found), Some(column)) = (draft.table(&table), command.def) {
                found.create.table_elts.push(*column);
            }
        }
        Alter::AtAttachPartition => {
            if let Some(NodeEnum::PartitionCmd(partition)) = command.def.and_then(|def| def.node) {
                draft.partitions.insert(names::relation(partition.name.as_ref()), table);
            }
        }
        _ => unsupported::left_out(draft, Kind::Setting, object, &format!("ALTER TABLE {table}"))?,
    }
    Ok(())
}

fn add_constraint(draft: &mut Draft<'_>, table: &str, constraint: Constraint) {
    match constraint.contype() {
        ConstrType::ConstrForeign => draft.foreign_keys.push((table.to_owned(), constraint)),
        ConstrType::ConstrCheck if constraint.skip_validation => draft.late_checks.push((table.to_owned(), constraint)),
        _ => {
            if let Some(found) = draft.table(table) {
                found.create.table_elts.push(NodeEnum::Constraint(Box::new(constraint)).into_node());
            }
        }
    }
}

fn add_identity(draft: &mut Draft<'_>, table: &str, command: &AlterTableCmd) {
    let Some(constraint) = added(command).cloned() else { return };
    if let Some(column) = draft.column(table, &command.name) {
        column.constraints.push(NodeEnum::Constraint(Box::new(constraint)).into_node());
    }
}
