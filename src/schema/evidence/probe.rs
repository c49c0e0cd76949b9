//! What to ask of a table's rows: for each rule that may fail, aggregates that all go into one scan.
//! Never judges an answer: that is `judge.rs`.

use std::collections::BTreeSet;

use super::catalog::{Column, Table};
use super::facts::Facts;
use super::size::{self, Size};
use crate::postgres::quote::ident;
use crate::schema::capabilities::Capabilities;
use crate::schema::conversion::Conversion;
use crate::schema::options::Numeric;
use crate::schema::statement::Kind;

/// One rule about one object, asked of all rows of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Digits before and after the point. `object` is the column's, or the domain's that declares the type.
    Digits {
        id: String,
        object: String,
        column: String,
        sql: String,
        to: Option<Numeric>,
        special: Special,
    },
    Value {
        object: String,
        column: String,
        sql: String,
        compressed: bool,
    },
    Row {
        sql: String,
        stored: String,
    },
    /// `columns` whose declared width could go.
    Key {
        object: String,
        sql: String,
        columns: Vec<String>,
    },
    Identity {
        object: String,
        column: String,
        counter: Option<i64>,
        end: i64,
    },
    Array {
        object: String,
        column: String,
        element: String,
    },
    NotNull {
        columns: Vec<String>,
    },
    Check {
        object: String,
        expression: String,
        validated: bool,
    },
}

/// Numbers that a column may hold beside numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    None,
    Nan,
    /// From PostgreSQL 14 on.
    NanAndInfinity,
}

/// What the conversion keeps, as far as measuring needs it.
pub struct Kept {
    objects: BTreeSet<(Kind, String)>,
    dropped: BTreeSet<String>,
    pub rewrite: bool,
}

impl Kept {
    pub fn of(conversion: &Conversion, capabilities: &Capabilities) -> Self {
        let objects = conversion.statements.iter().map(|statement| (statement.kind, statement.object.clone())).collect();
        let gone = |id: &str| ["-KEY-TYPE", "-DEPENDENT", "-CHECK"].iter().any(|end| id.ends_with(end));
        let dropped = conversion.findings.iter().filter(|finding| gone(&finding.id)).map(|finding| finding.object.clone()).collect();
        Self { objects, dropped, rewrite: capabilities.rewrite }
    }

    pub fn has(&self, kind: Kind, object: &str) -> bool {
        self.objects.contains(&(kind, object.to_owned()))
    }

    /// Keys and checks stand within their table where tables are rebuilt.
    pub fn within(&self, kind: Kind, object: &str) -> bool {
        (self.rewrite && !self.dropped.contains(object)) || self.has(kind, object)
    }

    /// Whether the key is made on the target.
    pub fn key(&self, table: &Table, key: &super::catalog::Key) -> bool {
        let label = key.label(table);
        match key.constraint {
            Some(_) if key.primary => self.within(Kind::PrimaryKey, &label),
            Some(_) => self.within(Kind::Unique, &label),
            None => self.has(Kind::Index, &label),
        }
    }
}

/// Everything to ask of one table.
pub fn asks(table: &Table, conversion: &Conversion, capabilities: &Capabilities, facts: &Facts, special: Special) -> Vec<Ask> {
    let kept = Kept::of(conversion, capabilities);
    let label = table.label();
    if table.partition || !kept.has(Kind::Table, &label) {
        return Vec::new();
    }
    let mut asks = Vec::new();
    let found = |id: &str, object: &str| conversion.findings.iter().any(|finding| finding.id == id && finding.object == object);
    let changed = |column: &Column| conversion.type_changes.iter().find(|change| change.table == label && change.column == column.name);
    let columns: Vec<&Column> = table.columns.iter().filter(|column| changed(column).is_none_or(|change| !change.to.is_empty())).collect();
    for column in &columns {
        let object = format!("{label}.{}", column.name);
        let (name, own) = (column.name.clone(), ident(&column.name));
        if column.base == "numeric" && column.modifier < 0 && facts.digits.is_some() {
            let declared = column.domain.clone().unwrap_or_else(|| object.clone());
            let id = facts.id("NUMERIC");
            asks.push(Ask::Digits { id, object: declared, column: name.clone(), sql: own.clone(), to: None, special });
        } else if let (Some(change), Some(replaced)) = (changed(column), capabilities.replacement(&column.base))
            && let Some(to) = declared(&change.to)
        {
            let (id, sql) = (replaced.finding.clone(), format!("{own}::numeric"));
            asks.push(Ask::Digits { id, object: object.clone(), column: name.clone(), sql, to: Some(to), special: Special::None });
        }
        if found(&facts.id("IDENTITY"), &object) && facts.exact.is_some() {
            asks.push(Ask::Identity { object: object.clone(), column: name.clone(), counter: column.counter, end: end(&column.base) });
        }
        if column.array && found(&facts.id("ARRAY"), &object) {
            // The values of an enum are text in JSON as they were.
            let element = if found(&facts.id("ENUM-ARRAY"), &object) { "text".to_owned() } else { column.element.clone() };
            asks.push(Ask::Array { object: object.clone(), column: name.clone(), element });
        }
        if let (Some(limit), Size::Varies { sql, at_most }) = (facts.value, size::of(column))
            && at_most.is_none_or(|most| most > limit)
            && column.base != "numeric"
        {
            let to = changed(column).map_or(column.base.as_str(), |change| change.to.split('(').next().unwrap_or_default());
            let compressed = facts.compressed.iter().any(|known| known == to);
            asks.push(Ask::Value { object, column: name, sql, compressed });
        }
    }
    if let Some(limit) = facts.row {
        let (sql, most) = size::sum(&columns.iter().map(|column| size::of(column)).collect::<Vec<_>>());
        if most.is_none_or(|most| most > limit) {
            let stored: Vec<String> =
                columns.iter().map(|column| format!("coalesce(pg_column_size({}), 0)", ident(&column.name))).collect();
            asks.push(Ask::Row { sql, stored: stored.join(" + ") });
        }
    }
    asks.extend(keys(table, &kept, facts));
    let not_null: Vec<String> =
        columns.iter().filter(|column| column.not_null || column.domain_not_null).map(|column| column.name.clone()).collect();
    if !not_null.is_empty() {
        asks.push(Ask::NotNull { columns: not_null });
    }
    for check in &table.checks {
        let object = format!("{label}.{}", check.name);
        if kept.within(Kind::Check, &object) || (!kept.rewrite && check.validated) {
            asks.push(Ask::Check { object, expression: check.expression.clone(), validated: check.validated });
        }
    }
    for column in &columns {
        for check in &column.domain_checks {
            let (object, own) = (format!("{label}.{}", column.name), ident(&column.name));
            // A domain's expression speaks of VALUE, which is a column here.
            let expression = format!("(select {} from (select {own}::{} as value) v)", check.expression, column.plain_type);
            asks.push(Ask::Check { object, expression, validated: check.validated });
        }
    }
    asks
}

/// Keys whose declaration does not say that they fit. A secondary key carries the primary key's columns too.
fn keys(table: &Table, kept: &Kept, facts: &Facts) -> Vec<Ask> {
    let Some(limit) = facts.key else { return Vec::new() };
    let primary: Vec<Size> = table.primary.iter().filter_map(|name| table.column(name)).map(size::of).collect();
    let mut asks = Vec::new();
    for key in table.keys.iter().filter(|key| kept.key(table, key)) {
        let mut sizes: Vec<Size> = key
            .parts
            .iter()
            .map(|part| match part.column.as_ref().and_then(|name| table.column(name)) {
                Some(column) => size::of(column),
                None => Size::Varies { sql: format!("octet_length(({})::text)", part.sql), at_most: None },
            })
            .collect();
        if !key.primary {
            sizes.extend(primary.iter().cloned());
        }
        let (sql, most) = size::sum(&sizes);
        if most.is_none_or(|most| most > limit) {
            let columns = key.parts.iter().filter_map(|part| part.column.clone());
            let wide = |name: &String| table.column(name).is_some_and(|column| column.base == "varchar");
            asks.push(Ask::Key { object: key.label(table), sql, columns: columns.filter(wide).collect() });
        }
    }
    asks
}

impl Ask {
    /// SQL of the aggregates, each with one value.
    pub fn aggregates(&self) -> Vec<String> {
        match self {
            Self::Digits { sql, special, .. } => {
                let (nan, infinite) = ("'NaN'::numeric", "'Infinity'::numeric, '-Infinity'::numeric");
                let usual = match special {
                    Special::None => String::new(),
                    Special::Nan => format!(" filter (where {sql} <> {nan})"),
                    Special::NanAndInfinity => format!(" filter (where {sql} not in ({nan}, {infinite}))"),
                };
                vec![
                    format!("max(abs({sql})){usual}"),
                    format!("max(min_scale({sql}))"),
                    if *special == Special::None { "0".to_owned() } else { format!("count(*) filter (where {sql} = {nan})") },
                    match special {
                        Special::None | Special::Nan => "0".to_owned(),
                        Special::NanAndInfinity => format!("count(*) filter (where {sql} in ({infinite}))"),
                    },
                ]
            }
            Self::Value { sql, column, .. } => vec![format!("max({sql})"), format!("max(pg_column_size({}))", ident(column))],
            Self::Row { sql, stored } => vec![format!("max({sql})"), format!("max({stored})")],
            Self::Key { sql, .. } => vec![format!("max({sql})")],
            Self::Identity { column, .. } => {
                let own = ident(column);
                vec![format!("greatest(max({own})::numeric, -(min({own})::numeric))")]
            }
            Self::Array { column, .. } => {
                let own = ident(column);
                vec![
                    format!("count(*) filter (where array_ndims({own}) > 1)"),
                    format!("count(*) filter (where {})", bounds(column)),
                    format!("count(*) filter (where case when array_ndims({own}) = 1 then array_position({own}, null) is not null end)"),
                ]
            }
            Self::NotNull { columns } => {
                vec![format!("coalesce(sum(num_nulls({})), 0)", columns.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", "))]
            }
            Self::Check { expression, .. } => vec![format!("count(*) filter (where not ({expression}))")],
        }
    }

    /// What stays unknown when there is no answer.
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Digits { .. } => "digits of numbers",
            Self::Value { .. } => "sizes of values",
            Self::Row { .. } => "sizes of rows",
            Self::Key { .. } => "sizes of keys",
            Self::Identity { .. } => "the largest numbers",
            Self::Array { .. } => "arrays",
            Self::NotNull { .. } => "NOT NULL",
            Self::Check { .. } => "CHECK",
        }
    }
}

/// A row whose array does not begin at 1 in every dimension that JSON has no word for.
pub fn bounds(column: &str) -> String {
    let own = ident(column);
    format!("array_lower({own}, 1) <> 1 or array_lower({own}, 2) <> 1")
}

/// The one statement that answers all of them: the number of rows first.
pub fn scan(table: &Table, asks: &[Ask]) -> String {
    let mut columns = vec!["count(*)".to_owned()];
    columns.extend(asks.iter().flat_map(Ask::aggregates));
    format!("select {} from {}", columns.join(", "), table.from())
}

/// `numeric(19,4)` → its figures.
fn declared(to: &str) -> Option<Numeric> {
    let (precision, scale) = to.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
    Some(Numeric { precision: precision.trim().parse().ok()?, scale: scale.trim().parse().ok()? })
}

/// The largest number of a type of PostgreSQL.
fn end(base: &str) -> i64 {
    match base {
        "int2" => i64::from(i16::MAX),
        "int4" => i64::from(i32::MAX),
        _ => i64::MAX,
    }
}
