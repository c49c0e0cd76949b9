//! Prints the draft as ordered statements.
//! Never decides: what is still in the draft is printed.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, Constraint, DropBehavior, ObjectType, RangeVar};

use super::draft::Draft;
use super::functions;
use crate::error::Result;
use crate::schema::names::IntoNode;
use crate::schema::order::{Ranked, finish};
use crate::schema::statement::{Kind, Statement};
use crate::schema::tree::{pretty, sql};

pub fn run(draft: &mut Draft<'_>) -> Result<Vec<Statement>> {
    let mut out = Vec::new();
    for schema in &draft.schemas {
        let mut schema = schema.clone();
        schema.if_not_exists = true;
        out.push(Ranked::new(Kind::Schema, schema.schemaname.clone(), sql(NodeEnum::CreateSchemaStmt(schema))?));
    }
    for (name, domain) in &draft.domains {
        out.push(Ranked::new(Kind::Domain, name, sql(NodeEnum::CreateDomainStmt(Box::new(domain.clone())))?));
    }
    for sequence in &draft.sequences {
        out.push(Ranked::new(Kind::Sequence, &sequence.name, tidy(sql(NodeEnum::CreateSeqStmt(sequence.create.clone()))?)));
        if let Some(owned_by) = &sequence.owned_by {
            out.push(Ranked::new(Kind::SequenceOwner, &sequence.name, owned_by));
        }
    }
    let called = functions::called_by_tables(draft);
    let views: BTreeSet<String> = draft.views.iter().map(|(name, _)| name.clone()).collect();
    for (name, function) in &draft.functions {
        let statement = Ranked::new(Kind::Function, name, pretty(NodeEnum::CreateFunctionStmt(Box::new(function.clone())))?);
        let late = functions::names_one(&statement.sql, &views);
        out.push(match (called.contains(name), late) {
            (true, _) => statement.at(140),
            (false, true) => statement.at(615),
            (false, false) => statement,
        });
    }
    for table in &draft.tables {
        let mut create = table.create.clone();
        create.if_not_exists = true;
        out.push(Ranked::new(Kind::Table, &table.name, tidy(pretty(NodeEnum::CreateStmt(create))?)));
    }
    for (name, sql) in &draft.values {
        out.push(Ranked::new(Kind::Values, name, sql));
    }
    for (name, index) in &draft.indexes {
        out.push(Ranked::new(Kind::Index, name, sql(NodeEnum::IndexStmt(Box::new(index.clone())))?).asynchronous());
    }
    for (kind, constraints) in
        [(Kind::Check, &draft.late_checks), (Kind::ForeignKey, &draft.foreign_keys), (Kind::ForeignKey, &draft.value_keys)]
    {
        for (table, constraint) in constraints {
            let object = format!("{table}.{}", constraint.conname);
            out.push(Ranked::new(kind, &object, sql(add(draft, table, constraint))?));
            // What the source itself has not validated stays so.
            if kind == Kind::ForeignKey && !constraint.skip_validation {
                out.push(Ranked::new(Kind::Validation, &object, sql(validate(draft, table, &constraint.conname))?).asynchronous());
            }
        }
    }
    for (name, statistics) in &draft.statistics {
        out.push(Ranked::new(Kind::Statistics, name, sql(NodeEnum::CreateStatsStmt(statistics.clone()))?));
    }
    for (name, view) in &draft.views {
        out.push(Ranked::new(Kind::View, name, pretty(NodeEnum::ViewStmt(Box::new(view.clone())))?));
    }
    for (object, comment) in &draft.comments {
        out.push(Ranked::new(Kind::Comment, object, sql(NodeEnum::CommentStmt(Box::new(comment.clone())))?));
    }
    Ok(finish(out))
}

fn add(draft: &Draft<'_>, table: &str, constraint: &Constraint) -> NodeEnum {
    let constraint = Constraint { skip_validation: true, initially_valid: false, ..constraint.clone() };
    let def = Some(Box::new(NodeEnum::Constraint(Box::new(constraint)).into_node()));
    alter(draft, table, AlterTableCmd { subtype: AlterTableType::AtAddConstraint.into(), def, ..Default::default() })
}

fn validate(draft: &Draft<'_>, table: &str, name: &str) -> NodeEnum {
    alter(draft, table, AlterTableCmd { subtype: AlterTableType::AtValidateConstraint.into(), name: name.to_owned(), ..Default::default() })
}

fn alter(draft: &Draft<'_>, table: &str, mut command: AlterTableCmd) -> NodeEnum {
    command.set_behavior(DropBehavior::DropRestrict);
    let relation: Option<RangeVar> = draft.tables.named(table).and_then(|found| found.create.relation.clone());
    let cmds = vec![NodeEnum::AlterTableCmd(Box::new(command)).into_node()];
    NodeEnum::AlterTableStmt(AlterTableStmt { relation, cmds, objtype: ObjectType::ObjectTable.into(), missing_ok: false })
}

/// The deparser leaves a space before the parenthesis that closes sequence options, and one at the end.
fn tidy(sql: String) -> String {
    sql.lines()
        .map(|line| {
            let at = line.find("AS IDENTITY (").and_then(|start| line.get(start..)?.find(" )").and_then(|end| start.checked_add(end)));
            match at.and_then(|at| Some((line.get(..at)?, line.get(at..)?.trim_start()))) {
                Some((head, tail)) => format!("{head}{tail}"),
                None => line.trim_end().to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}
