//! Prints the draft as ordered statements.
//! Never decides: what is still in the draft is printed.

use std::collections::BTreeSet;
use std::mem::take;

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, Constraint, DropBehavior, ObjectType, RangeVar};

use super::draft::Draft;
use super::functions;
use crate::error::Result;
use crate::schema::names::{self, IntoNode};
use crate::schema::order::{Ranked, finish};
use crate::schema::statement::{Kind, Statement};
use crate::schema::threads;
use crate::schema::tree::{pretty, sql};

/// How a statement is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Line,
    /// A line for each column or clause.
    Lines,
}

/// What is to be printed.
struct Job {
    statement: Ranked,
    node: NodeEnum,
    layout: Layout,
}

impl Job {
    fn new(statement: Ranked, node: NodeEnum, layout: Layout) -> Self {
        Self { statement, node, layout }
    }

    fn print(self) -> Result<Ranked> {
        let sql = match self.layout {
            Layout::Line => sql(self.node)?,
            Layout::Lines => pretty(self.node)?,
        };
        let tidied = matches!(self.statement.kind, Kind::Table | Kind::Sequence);
        Ok(Ranked { sql: if tidied { tidy(&sql) } else { sql }, ..self.statement })
    }
}

/// Takes all that is to be printed out of the draft.
pub fn run(draft: &mut Draft<'_>) -> Result<Vec<Statement>> {
    let (mut out, mut jobs) = (Vec::new(), Vec::new());
    let mut job = |statement, node, layout| jobs.push(Job::new(statement, node, layout));
    let made = |kind, object: &str| Ranked::new(kind, object, String::new());
    for mut schema in take(&mut draft.schemas) {
        schema.if_not_exists = true;
        job(made(Kind::Schema, &schema.schemaname), NodeEnum::CreateSchemaStmt(schema), Layout::Line);
    }
    let called = functions::called_by_tables(draft);
    let views: BTreeSet<String> = draft.views.iter().map(|(name, _)| name.clone()).collect();
    for (name, function) in take(&mut draft.functions) {
        let statement = Ranked::new(Kind::Function, &name, pretty(NodeEnum::CreateFunctionStmt(Box::new(function)))?).of(&name);
        let late = functions::names_one(&statement.sql, &views);
        out.push(match (called.contains(&name), late) {
            (true, _) => statement.at(140),
            (false, true) => statement.at(615),
            (false, false) => statement,
        });
    }
    for (name, domain) in take(&mut draft.domains) {
        job(made(Kind::Domain, &name).of(&name), NodeEnum::CreateDomainStmt(Box::new(domain)), Layout::Line);
    }
    for sequence in take(&mut draft.sequences) {
        job(made(Kind::Sequence, &sequence.name), NodeEnum::CreateSeqStmt(sequence.create), Layout::Line);
        out.extend(sequence.owned_by.map(|owned_by| Ranked::new(Kind::SequenceOwner, &sequence.name, owned_by)));
    }
    for (name, sql) in take(&mut draft.values) {
        out.push(Ranked::new(Kind::Values, &name, sql).of(&name));
    }
    let late_checks = take(&mut draft.late_checks).into_iter().map(|found| (Kind::Check, found));
    let keys = take(&mut draft.foreign_keys).into_iter().chain(take(&mut draft.value_keys)).map(|found| (Kind::ForeignKey, found));
    for (kind, (table, constraint)) in late_checks.chain(keys) {
        let object = format!("{table}.{}", constraint.conname);
        // What the source itself has not validated stays so.
        if kind == Kind::ForeignKey && !constraint.skip_validation {
            let statement = made(Kind::Validation, &object).of(&table).asynchronous();
            job(statement, validate(draft, &table, &constraint.conname), Layout::Line);
        }
        job(made(kind, &object).of(&table), add(draft, &table, constraint), Layout::Line);
    }
    for mut table in take(&mut draft.tables) {
        table.create.if_not_exists = true;
        job(made(Kind::Table, &table.name).of(&table.name), NodeEnum::CreateStmt(table.create), Layout::Lines);
    }
    for (name, index) in take(&mut draft.indexes) {
        let table = names::relation(index.relation.as_ref());
        job(made(Kind::Index, &name).of(table).asynchronous(), NodeEnum::IndexStmt(Box::new(index)), Layout::Line);
    }
    for (name, statistics) in take(&mut draft.statistics) {
        job(made(Kind::Statistics, &name), NodeEnum::CreateStatsStmt(statistics), Layout::Line);
    }
    for (name, view) in take(&mut draft.views) {
        job(made(Kind::View, &name).of(&name), NodeEnum::ViewStmt(Box::new(view)), Layout::Lines);
    }
    for (object, comment) in take(&mut draft.comments) {
        job(made(Kind::Comment, &object), NodeEnum::CommentStmt(Box::new(comment)), Layout::Line);
    }
    out.extend(threads::map(jobs, Job::print).into_iter().collect::<Result<Vec<_>>>()?);
    Ok(finish(out))
}

fn add(draft: &Draft<'_>, table: &str, constraint: Constraint) -> NodeEnum {
    let constraint = Constraint { skip_validation: true, initially_valid: false, ..constraint };
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
fn tidy(sql: &str) -> String {
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
