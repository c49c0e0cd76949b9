//! What will be copied: the tables that both sides have, and how each column and key is read and compared on each side.
//! Pure: two catalogues in, a plan or every problem at once out; never asks a server.

use super::columns::{column_plan, is_whole, key_plan, same_type};
use super::key_roots::KeyRoots;
use crate::data::catalog::Table;
use crate::error::{Error, Kind, Result};
use crate::postgres::quote::{ident, qualified};

/// One of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// How a row's values become a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// Every server has it, Aurora DSQL too.
    Md5,
    /// `hashtextextended` over bytes: several times faster, the same on every PostgreSQL since 11.
    Hash,
}

/// Which tables, as `schema.table` or `schema.*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Empty means all.
    pub only: Vec<String>,
    pub except: Vec<String>,
}

impl Choice {
    /// For the ledger: two processes share a pass only when they chose the same.
    pub fn text(&self) -> String {
        serde_json::json!({ "only": self.only, "except": self.except }).to_string()
    }

    /// Whether a table is among them.
    pub fn takes(&self, table: &Table) -> bool {
        let named = |list: &[String]| list.iter().any(|entry| table.is_named(entry));
        (self.only.is_empty() || named(&self.only)) && !named(&self.except)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Largest first.
    pub tables: Vec<TablePlan>,
    /// What a person should know: left-out tables, columns that are computed, slow orders.
    pub notes: Vec<String>,
}

/// How one table is read, compared and written.
#[derive(Debug, Clone)]
pub struct TablePlan {
    pub schema: String,
    pub name: String,
    source_rows: String,
    target_rows: String,
    pub columns: Vec<ColumnPlan>,
    /// Computed on both sides: compared, never copied.
    pub computed: Vec<ColumnPlan>,
    /// Empty: rows cannot be told apart, so a table that changed is copied as a whole.
    pub key: Vec<KeyPlan>,
    /// A plain table: it may be truncated, frozen and cut by pages.
    pub plain: bool,
    pub digest: Digest,
    /// Binary COPY means the same on both sides.
    pub binary: bool,
    pub overriding: bool,
    /// A row can be written over the one of its key that is there, without deleting that first.
    pub upserts: bool,
    /// The source's estimate.
    pub rows: u64,
    /// On the source's disk, with large values.
    pub bytes: u64,
    pub index_bytes: u64,
    /// Indexes on the target: each adds an entry to every row that is written.
    pub indexes: u64,
    /// The source's pages of the main part.
    pub pages: u64,
    pub triggers: Vec<String>,
    pub always_triggers: Vec<String>,
    pub foreign_keys: Vec<String>,
}

/// A column as SQL expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPlan {
    pub name: String,
    /// What is read from the source and written to the target.
    pub value: String,
    /// Text that must be equal on both sides.
    pub source_print: String,
    pub target_print: String,
}

/// A key column as SQL expressions that order alike on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlan {
    pub source: String,
    pub target: String,
    /// What a value is cast to before it is compared.
    pub(super) source_type: String,
    pub(super) target_type: String,
    /// The column, quoted.
    pub name: String,
    /// The value as text, equal on both sides.
    pub(super) source_print: String,
    pub(super) target_print: String,
}

impl TablePlan {
    /// `public.orders`, for people and for the ledger.
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub fn qualified(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// For `FROM`.
    pub fn rows_of(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.source_rows,
            Side::Target => &self.target_rows,
        }
    }

    /// A short text that changes with the columns and the key: rows copied by another plan prove nothing.
    pub fn shape(&self) -> String {
        let text = format!("{:?} {:?} {:?}", self.columns, self.computed, self.key);
        crate::text::digest(&text, 8)
    }

    /// All that must be equal, as text on one side.
    pub fn prints(&self, side: Side) -> Vec<&str> {
        self.columns
            .iter()
            .chain(&self.computed)
            .map(|column| match side {
                Side::Source => column.source_print.as_str(),
                Side::Target => column.target_print.as_str(),
            })
            .collect()
    }

    /// The key as text on one side, column by column.
    pub fn key_prints(&self, side: Side) -> Vec<&str> {
        self.key.iter().map(|key| key.print(side)).collect()
    }

    /// `"a", "b"`.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")
    }
}

impl KeyPlan {
    pub fn on(&self, side: Side) -> (&str, &str) {
        match side {
            Side::Source => (&self.source, &self.source_type),
            Side::Target => (&self.target, &self.target_type),
        }
    }

    /// The value as text.
    pub fn print(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.source_print,
            Side::Target => &self.target_print,
        }
    }
}

/// Pairs the two catalogues. Every problem is named in one error of [`Kind::Conflict`].
pub fn plan(source: &[Table], target: &[Table], choice: &Choice, digest: Digest) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut problems = Vec::new();
    let keys = KeyRoots::of(source);
    for from in source {
        let label = from.label();
        if !choice.takes(from) {
            plan.notes.push(format!("{label} is left out, as asked"));
            continue;
        }
        match target.iter().find(|to| to.schema == from.schema && to.name == from.name) {
            Some(to) => match pair(from, to, digest, &keys, &mut plan.notes) {
                Ok(table) => plan.tables.push(table),
                Err(missing) => problems.extend(missing),
            },
            None => problems.push(format!("{label} is on the source but not on the target")),
        }
    }
    let unknown = |entry: &&String| !source.iter().any(|table| table.is_named(entry));
    let wrong: Vec<&String> = choice.only.iter().filter(unknown).collect();
    if !wrong.is_empty() {
        return Err(not_there(&wrong, source));
    }
    for entry in choice.except.iter().filter(unknown) {
        plan.notes.push(format!("{entry} was to be left out and is not on the source"));
    }
    for to in target.iter().filter(|to| !source.iter().any(|from| from.schema == to.schema && from.name == to.name)) {
        plan.notes.push(format!("{} is only on the target and stays as it is", to.label()));
    }
    if problems.is_empty() {
        return Ok(plan);
    }
    let error = Error::new(Kind::Conflict, "the two databases do not have the same tables and columns");
    Err(problems
        .iter()
        .fold(error, Error::cause)
        .hint("make the tables on the target first (`data copy --with-schema` does), or leave tables out (--except schema.table)"))
}

/// The tables that were asked for by names that nothing on the source has.
fn not_there(wrong: &[&String], source: &[Table]) -> Error {
    let error = Error::new(Kind::Input, "tables that were asked for are not on the source");
    let named = wrong.iter().fold(error, |error, entry| {
        let meant: Vec<String> = source.iter().filter(|table| table.name == **entry).map(Table::label).collect();
        let meant = if meant.is_empty() { String::new() } else { format!("; did you mean {}?", meant.join(" or ")) };
        error.cause(format!("there is no table {entry}{meant}"))
    });
    named.hint("name each as schema.table, or all of a schema as schema.*; --dry-run without --only lists them")
}

fn pair(from: &Table, to: &Table, digest: Digest, keys: &KeyRoots, notes: &mut Vec<String>) -> Result<TablePlan, Vec<String>> {
    let label = from.label();
    let mut problems = Vec::new();
    let (mut columns, mut computed) = (Vec::new(), Vec::new());
    let mut binary = true;
    for column in &from.columns {
        let root = keys.root(from, column);
        match to.column(&column.name) {
            Some(twin) if column.sql_type == "uuid" && is_whole(twin) => problems.push(format!(
                "{label}.{} is a uuid on the source and a number on the target: no number can be made of a uuid",
                column.name
            )),
            Some(twin) if twin.generated => {
                if !column.generated {
                    notes.push(format!("{label}.{} is computed on the target, not copied", column.name));
                } else {
                    computed.push(column_plan(column, twin, &root));
                }
            }
            Some(twin) => {
                binary &= same_type(column, twin) && column.binary && twin.binary;
                columns.push(column_plan(column, twin, &root));
            }
            None if column.generated => {
                notes.push(format!("{label}.{} is computed on the source and not on the target: left out", column.name))
            }
            None => problems.push(format!("{label}.{} is on the source but not on the target", column.name)),
        }
    }
    for column in to.columns.iter().filter(|column| from.column(&column.name).is_none()) {
        if column.not_null && !column.has_default && !column.generated && !column.identity {
            problems.push(format!("{label}.{} is only on the target and must not be null", column.name));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let key: Option<Vec<KeyPlan>> = from
        .key
        .iter()
        .map(|name| {
            let column = from.column(name)?;
            Some(key_plan(column, to.column(name).filter(|twin| !twin.generated)?, &keys.root(from, column)))
        })
        .collect();
    let key = key.unwrap_or_default();
    if key.is_empty() {
        notes.push(format!("{label} has no key that tells its rows apart: when it changes it is copied again as a whole"));
    } else if !from.primary {
        notes.push(format!("{label} has no primary key: its unique index on {} tells its rows apart", from.key.join(", ")));
    }
    if key.iter().any(|key| key.source.contains(" collate ") || key.target.contains(" collate ")) {
        notes.push(format!("{label}: the two sides order its key differently, so one of them compares chunks without an index, slowly when the table is large"));
    }
    let mut same_key = [from.key.clone(), to.key.clone()];
    same_key.iter_mut().for_each(|key| key.sort());
    let upserts = !key.is_empty()
        && same_key[0] == same_key[1]
        // A generated identity outside the key can be inserted, but not updated.
        && !to.columns.iter().any(|column| column.identity_always && !to.key.contains(&column.name));
    let names = |always: bool| to.triggers.iter().filter(|trigger| trigger.always == always).map(|trigger| trigger.name.clone()).collect();
    Ok(TablePlan {
        schema: from.schema.clone(),
        name: from.name.clone(),
        source_rows: from.rows_of(),
        target_rows: to.rows_of(),
        columns,
        computed,
        key,
        plain: !from.partitioned && !to.partitioned,
        digest,
        binary,
        overriding: to.columns.iter().any(|column| column.identity_always),
        upserts,
        rows: from.rows,
        bytes: from.bytes,
        index_bytes: from.index_bytes(),
        indexes: to.indexes,
        pages: from.pages,
        triggers: names(false),
        always_triggers: names(true),
        foreign_keys: to.foreign_keys.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog::Column;

    fn column(name: &str, sql_type: &str, collation: &str) -> Column {
        Column {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            modifier: -1,
            array: sql_type.ends_with("[]"),
            binary: true,
            not_null: false,
            has_default: false,
            generated: false,
            identity: false,
            identity_always: false,
            collation: collation.to_owned(),
        }
    }

    fn table(name: &str, columns: Vec<Column>, key: &[&str]) -> Table {
        Table {
            schema: "public".to_owned(),
            name: name.to_owned(),
            oid: 1,
            partitioned: false,
            has_children: false,
            is_child: false,
            rows: 10,
            pages: 1,
            bytes: 8192,
            sized: Vec::new(),
            indexes: 1,
            primary: true,
            triggers: Vec::new(),
            foreign_keys: Vec::new(),
            references: Vec::new(),
            key: key.iter().map(|k| (*k).to_owned()).collect(),
            columns,
        }
    }

    #[test]
    fn equal_tables_go_binary_and_keys_in_their_own_order() {
        let t = table("a", vec![column("id", "integer", "")], &["id"]);
        let plan = plan(std::slice::from_ref(&t), std::slice::from_ref(&t), &Choice::default(), Digest::Hash).unwrap();
        assert!(plan.tables[0].binary);
        assert_eq!(plan.tables[0].key[0].source, "\"id\"");
    }

    #[test]
    fn text_keys_of_different_order_are_compared_by_bytes() {
        let us = table("a", vec![column("id", "text", "en_US.UTF-8:2.36")], &["id"]);
        let c = table("a", vec![column("id", "text", "C:")], &["id"]);
        let key = plan(&[us], &[c], &Choice::default(), Digest::Hash).unwrap().tables[0].key[0].clone();
        assert_eq!((key.source.as_str(), key.target.as_str()), ("\"id\" collate \"C\"", "\"id\""));
    }

    #[test]
    fn arrays_become_jsonb_and_numbers_keep_their_digits() {
        let from = table("a", vec![column("tags", "text[]", ""), column("n", "numeric", "")], &[]);
        let to = table("a", vec![column("tags", "jsonb", ""), column("n", "numeric(18,6)", "")], &[]);
        let plan = plan(&[from], &[to], &Choice::default(), Digest::Hash).unwrap();
        assert!(!plan.tables[0].binary);
        assert_eq!(plan.tables[0].columns[0].value, "to_jsonb(\"tags\")");
        assert_eq!(plan.tables[0].columns[1].source_print, "trim_scale(\"n\")::text");
    }

    #[test]
    fn every_problem_is_named_at_once_unless_left_out() {
        let a = table("a", vec![column("id", "integer", ""), column("x", "text", "C:")], &["id"]);
        let b = table("b", vec![], &[]);
        let to = table("a", vec![column("id", "integer", "")], &["id"]);
        let error = plan(&[a.clone(), b.clone()], std::slice::from_ref(&to), &Choice::default(), Digest::Hash).unwrap_err();
        assert_eq!(error.causes, ["public.a.x is on the source but not on the target", "public.b is on the source but not on the target"]);
        let except = Choice { except: vec!["public.*".to_owned()], ..Choice::default() };
        assert!(plan(&[a, b], &[to], &except, Digest::Hash).unwrap().tables.is_empty());
    }
}
