//! Rule: a column of an enum type becomes text whose values are held by a CHECK, or by a foreign key to a table of the values.
//! Never changes a value, and keeps the order of the values where there is a table to keep it in.

use std::collections::BTreeMap;

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateStmt, TypeName};

use super::draft::{Change, Draft, constraints};
use super::retype::{self, Mapped, Object, quoted};
use super::tables::Table;
use crate::error::Result;
use crate::postgres::quote::{ident, qualified};
use crate::schema::names::{self, IntoNode};
use crate::schema::options::EnumForm;
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let labels_of = draft.enums.clone();
    // The table that holds an enum's values, where that was chosen.
    let mut tables = BTreeMap::new();
    for (name, labels) in &labels_of {
        let form = draft.options.enums.of(name);
        draft.decide("enums", name);
        let what = match form {
            EnumForm::Check => "becomes a CHECK on each column of the type",
            EnumForm::LookupTable => "becomes a table of its values",
        };
        draft.drop(Kind::Enum, "DSQL-ENUM-TYPE", name, format!("enum type {name} {what}"), name)?;
        if form == EnumForm::LookupTable {
            tables.insert(name.clone(), lookup_table(draft, name, labels)?);
        }
    }
    let map = |draft: &Draft<'_>, old: &TypeName, _: Object<'_>| {
        let full = if names::is_built_in(old) || !old.array_bounds.is_empty() { String::new() } else { names::type_full(old) };
        if !draft.enums.contains_key(&full) {
            return Ok(None);
        }
        let beside = match draft.options.enums.of(&full) {
            EnumForm::Check => " with a CHECK",
            EnumForm::LookupTable => " with a foreign key to its values",
        };
        Ok(Some(Mapped { beside, ..Mapped::to("text", "DSQL-ENUM", Change::Enum)? }))
    };
    for (table, column, old) in retype::in_tables(draft, map)? {
        let name = names::type_full(&old);
        if let Some(to) = tables.get(&name) {
            refer(draft, &table, &column, to)?;
        } else if let (Some(labels), Some(found)) = (labels_of.get(&name), draft.table(&table)) {
            let check_name = free_name(&mut found.create, &table, &column);
            found.create.table_elts.push(check(&check_name, &ident(&column), labels)?);
        }
    }
    // A domain cannot refer to a table: its values are held by a CHECK in either form.
    for (domain, old) in retype::in_domains(draft, map)? {
        let Some(labels) = labels_of.get(&names::type_full(&old)) else { continue };
        if let Some((_, found)) = draft.domains.iter_mut().find(|(name, _)| *name == domain) {
            found.constraints.push(check("", "VALUE", labels)?);
        }
    }
    Ok(())
}

/// A table `value, position`, named like the type, and its rows; gives its name.
fn lookup_table(draft: &mut Draft<'_>, name: &str, labels: &[String]) -> Result<String> {
    let (schema, table) = name.split_once('.').unwrap_or(("public", name));
    let own = names::made(table, "_values");
    let table = if draft.table(name).is_some() { own.as_str() } else { table };
    let name = format!("{schema}.{table}");
    let quoted_name = qualified(schema, table);
    let key = ident(&names::made(table, "_pkey"));
    let sql = format!("CREATE TABLE {quoted_name} (value text NOT NULL, \"position\" int NOT NULL, CONSTRAINT {key} PRIMARY KEY (value))");
    let NodeEnum::CreateStmt(create) = tree::statement(&sql)? else { return Ok(name) };
    draft.tables.push(Table { name: name.clone(), create });
    let rows: Vec<String> = (1..).zip(labels).map(|(position, label)| format!("({}, {position})", quoted(label))).collect();
    if !rows.is_empty() {
        let sql = format!("INSERT INTO {quoted_name} (value, \"position\") VALUES {} ON CONFLICT (value) DO NOTHING", rows.join(", "));
        draft.values.push((name.clone(), sql));
    }
    Ok(name)
}

/// The foreign key from a column to the table of its values.
fn refer(draft: &mut Draft<'_>, table: &str, column: &str, to: &str) -> Result<()> {
    let (schema, name) = to.split_once('.').unwrap_or(("public", to));
    let own = names::made(&format!("{}_{column}", table.rsplit('.').next().unwrap_or(table)), "_value");
    let sql = format!(
        "ALTER TABLE t ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} (value)",
        ident(&own),
        ident(column),
        qualified(schema, name)
    );
    let NodeEnum::AlterTableStmt(alter) = tree::statement(&sql)? else { return Ok(()) };
    if let Some(key) = crate::schema::classify::command(&alter).and_then(crate::schema::classify::added) {
        draft.value_keys.push((table.to_owned(), key.clone()));
    }
    Ok(())
}

/// `CONSTRAINT name CHECK (column IN ('a', 'b'))`.
fn check(name: &str, column: &str, labels: &[String]) -> Result<pg_query::Node> {
    let list = labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ");
    let constraint = Constraint {
        contype: ConstrType::ConstrCheck.into(),
        conname: name.to_owned(),
        is_enforced: true,
        initially_valid: true,
        raw_expr: Some(Box::new(tree::expression(&format!("{column} IN ({list})"))?)),
        ..Default::default()
    };
    Ok(NodeEnum::Constraint(Box::new(constraint)).into_node())
}

/// PostgreSQL's own name for such a check, or the next free one.
fn free_name(create: &mut CreateStmt, table: &str, column: &str) -> String {
    let taken: Vec<String> = constraints(create).map(|constraint| constraint.conname.clone()).collect();
    let base = format!("{}_{column}", table.rsplit('.').next().unwrap_or(table));
    let mut free =
        std::iter::once("_check".to_owned()).chain((1..).map(|n| format!("_check{n}"))).map(|suffix| names::made(&base, &suffix));
    free.find(|name| !taken.contains(name)).unwrap_or_default()
}
