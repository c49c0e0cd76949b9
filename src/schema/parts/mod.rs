//! A schema taken apart to what can differ by itself: tables, columns, constraints, indexes, views, functions, comments; each with a form
//! that says the same however it was written. Never reads a server: statements in, parts out.

mod code;
mod relations;

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::{AlterTableType as Alter, CommentStmt, ConstrType, Constraint, CreateStmt};
use pg_query::{Node, NodeEnum};

use super::classify::{added, classify, command};
use super::conversion::Conversion;
use super::statement::without_async;
use super::{names, plain, tree};
use crate::error::{Error, Kind, Result};
use code::{arguments, function_form, view_form};
use relations::{column_form, constraints, domain_form, foreign_key_form, index_form, sequence_form};

/// One part: its SQL for people, and the form that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub sql: String,
    pub form: String,
}

/// Parts by id: `column:public.orders.total`.
pub type Parts = BTreeMap<String, Part>;

/// Takes statements apart; each comes with a state, empty or `invalid`. What makes no part (rows, settings) is passed over.
///
/// # Errors
/// [`Kind::Input`] naming the statement that PostgreSQL's parser does not take.
pub fn parts<'a>(statements: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Parts> {
    let mut found = Found::default();
    for (sql, state) in statements {
        let plain = without_async(sql);
        let shown: String = sql.chars().take(200).collect();
        let parsed = pg_query::parse(&plain, 0).map_err(|error| {
            Error::new(Kind::Input, format!("cannot read the statement {shown:?}")).because(&error).hint("correct the file")
        })?;
        for node in parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt?.node) {
            found.add(node, &plain, state)?;
        }
    }
    for id in &found.unvalidated {
        if let Some(part) = found.parts.get_mut(id) {
            part.form.push_str(" not valid");
        }
    }
    Ok(found.parts)
}

/// The parts that a conversion makes.
pub fn of(conversion: &Conversion) -> Result<Parts> {
    parts(conversion.statements.iter().map(|statement| (statement.sql.as_str(), "")))
}

#[derive(Default)]
struct Found {
    parts: Parts,
    /// Constraints that are not validated (yet).
    unvalidated: BTreeSet<String>,
}

impl Found {
    fn put(&mut self, id: String, sql: String, form: String) {
        self.parts.insert(id, Part { sql, form });
    }

    fn add(&mut self, node: NodeEnum, sql: &str, state: &str) -> Result<()> {
        let (_, object) = classify(&node);
        let shown = sql.trim().to_owned();
        match node {
            // It is there in every database.
            NodeEnum::CreateSchemaStmt(schema) if schema.schemaname == "public" => {}
            NodeEnum::CreateSchemaStmt(_) => self.put(format!("schema:{object}"), shown, String::new()),
            NodeEnum::CreateDomainStmt(domain) => self.put(format!("domain:{object}"), shown, domain_form(&domain)?),
            NodeEnum::CreateSeqStmt(sequence) => self.put(format!("sequence:{object}"), shown, sequence_form(&sequence)),
            NodeEnum::CreateStmt(create) => self.table(&object, &create)?,
            NodeEnum::AlterTableStmt(alter) => {
                let table = names::relation(alter.relation.as_ref());
                let Some(command) = command(&alter) else { return Ok(()) };
                if command.subtype() == Alter::AtValidateConstraint {
                    self.unvalidated.remove(&format!("constraint:{table}.{}", command.name));
                } else if let (Alter::AtAddConstraint, Some(constraint)) = (command.subtype(), added(command)) {
                    self.constraint(&table, constraint, None)?;
                }
            }
            NodeEnum::IndexStmt(index) => {
                let mut form = index_form(&index)?;
                if !state.is_empty() {
                    form = format!("{form} {state}");
                }
                let shown = if state.is_empty() { shown } else { format!("{shown} -- {state}") };
                self.put(format!("index:{object}"), shown, form);
            }
            NodeEnum::ViewStmt(view) => self.put(format!("view:{object}"), shown, view_form(*view)?),
            NodeEnum::CreateFunctionStmt(function) => {
                let id = format!("function:{object}({})", arguments(&function)?.join(", "));
                self.put(id, shown, function_form(&function)?);
            }
            NodeEnum::CreateStatsStmt(mut statistics) => {
                statistics.if_not_exists = false;
                self.put(format!("statistics:{object}"), shown, tree::sql(NodeEnum::CreateStatsStmt(statistics))?);
            }
            NodeEnum::CommentStmt(comment) => self.comment(&object, *comment, shown),
            _ => {}
        }
        Ok(())
    }

    fn comment(&mut self, object: &str, comment: CommentStmt, shown: String) {
        let kind = comment.objtype().as_str_name().trim_start_matches("OBJECT_").to_lowercase().replace("tabconstraint", "constraint");
        self.put(format!("comment:{kind} {object}"), shown, comment.comment);
    }

    fn table(&mut self, table: &str, create: &CreateStmt) -> Result<()> {
        self.put(format!("table:{table}"), format!("CREATE TABLE {table}"), String::new());
        let mut key = Vec::new();
        for element in &create.table_elts {
            match &element.node {
                Some(NodeEnum::Constraint(constraint)) => {
                    if constraint.contype() == ConstrType::ConstrPrimary {
                        key = names::parts(&constraint.keys);
                    }
                    self.constraint(table, constraint, None)?;
                }
                Some(NodeEnum::ColumnDef(column)) => {
                    for constraint in constraints(&column.constraints) {
                        if constraint.contype() == ConstrType::ConstrPrimary {
                            key = vec![column.colname.clone()];
                        }
                        self.constraint(table, constraint, Some(&column.colname))?;
                    }
                }
                _ => {}
            }
        }
        for element in &create.table_elts {
            if let Some(NodeEnum::ColumnDef(column)) = &element.node {
                let form = column_form(column, key.contains(&column.colname))?;
                self.put(format!("column:{table}.{}", column.colname), format!("{} {form}", column.colname), form);
            }
        }
        Ok(())
    }

    /// `own`: the column that it stands beside.
    fn constraint(&mut self, table: &str, constraint: &Constraint, own: Option<&str>) -> Result<()> {
        let listed =
            |columns: &[Node]| if columns.is_empty() { own.map(str::to_owned).into_iter().collect() } else { names::parts(columns) };
        let columns = match constraint.contype() {
            ConstrType::ConstrForeign => listed(&constraint.fk_attrs),
            _ => listed(&constraint.keys),
        };
        let list = columns.join(", ");
        let mut unique = String::new();
        if constraint.nulls_not_distinct {
            unique.push_str(" nulls not distinct");
        }
        // The key of a cluster's table holds the whole row.
        if constraint.contype() == ConstrType::ConstrUnique && !constraint.including.is_empty() {
            unique = format!("{unique} include ({})", names::parts(&constraint.including).join(", "));
        }
        let (form, suffix) = match constraint.contype() {
            ConstrType::ConstrPrimary => (format!("primary key ({list}){unique}"), "pkey"),
            ConstrType::ConstrUnique => (format!("unique ({list}){unique}"), "key"),
            ConstrType::ConstrExclusion => (tree::sql(NodeEnum::Constraint(Box::new(constraint.clone()))).unwrap_or_default(), "excl"),
            ConstrType::ConstrCheck => {
                let condition = constraint.raw_expr.as_deref().map(plain::expression).transpose()?.unwrap_or_default();
                (format!("check ({condition})"), "check")
            }
            ConstrType::ConstrForeign => (foreign_key_form(constraint, &list), "fkey"),
            _ => return Ok(()),
        };
        // PostgreSQL's own names for those that have none.
        let name = if constraint.conname.is_empty() {
            let table = table.rsplit('.').next().unwrap_or(table);
            let middle = if suffix == "pkey" { String::new() } else { format!("_{}", columns.join("_")) };
            names::made(&format!("{table}{}", middle.trim_end_matches('_')), &format!("_{suffix}"))
        } else {
            constraint.conname.clone()
        };
        let id = format!("constraint:{table}.{name}");
        if constraint.skip_validation {
            self.unvalidated.insert(id.clone());
        }
        self.put(id, format!("ALTER TABLE {table} ADD CONSTRAINT {name} {form}"), form);
        Ok(())
    }
}
