//! What cannot be asked in one scan: keys that must be unique, rows without a parent, parents with many children.
//! Never judges rows one by one: each question is a count, and the rows are named only when it is not zero.

use std::collections::BTreeMap;

use super::catalog::{ForeignKey, Key, Table};
use super::examples;
use super::facts::Facts;
use super::judge::broken;
use super::measure::Rows;
use super::outcome::Outcome;
use super::probe::Kept;
use crate::postgres::quote::ident;
use crate::schema::capabilities::Capabilities;
use crate::schema::conversion::Conversion;
use crate::schema::finding::{Severity, Verdict};
use crate::schema::statement::Kind;
use crate::text::{count, plural};

/// A question with all that its answer needs.
#[derive(Debug, Clone)]
pub struct Relation {
    pub about: About,
    pub table: String,
    pub object: String,
    pub sql: String,
    pub bytes: u64,
    examples: (String, Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// `folded`: the target compares what the source compared without case.
    Duplicates {
        folded: bool,
    },
    Orphans {
        parent: String,
        validated: bool,
    },
    FanOut {
        parent: String,
    },
}

/// Everything to ask of the tables that may be read.
pub fn relations(tables: &[Table], conversion: &Conversion, capabilities: &Capabilities, facts: &Facts) -> Vec<Relation> {
    let kept = Kept::of(conversion, capabilities);
    let named: BTreeMap<(&str, &str), &Table> = tables.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table)).collect();
    // Types that the target compares with upper and lower case apart.
    let folding: Vec<&str> = capabilities.types.replace.iter().filter(|r| r.fold_case).flat_map(|r| &r.from).map(String::as_str).collect();
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| kept.has(Kind::Table, &table.label())) {
        for key in table.keys.iter().filter(|key| key.unique && !table.partition) {
            let label = key.label(table);
            let folded = conversion.findings.iter().any(|finding| finding.id == facts.id("CITEXT-KEY") && finding.object == label);
            if folded || kept.key(table, key) {
                found.extend(duplicates(table, key, conversion, capabilities, folded));
            }
        }
        for key in &table.foreign_keys {
            let object = format!("{}.{}", table.label(), key.name);
            let Some(parent) = named.get(&(key.parent.0.as_str(), key.parent.1.as_str())) else { continue };
            if kept.has(Kind::ForeignKey, &object) {
                found.push(orphans(table, key, parent, &object, &folding));
            }
            let cascades = conversion.findings.iter().any(|finding| finding.id == facts.id("FK-CASCADE") && finding.object == object);
            if let (true, Some(limit)) = (cascades, facts.rows) {
                found.push(fan_out(table, key, parent, &object, limit));
            }
        }
    }
    found
}

/// A key can only be wrong where its order depends on a collation, which another C library sorts otherwise, or where the target compares
/// other values than the source. `None` where neither is so.
fn duplicates(table: &Table, key: &Key, conversion: &Conversion, capabilities: &Capabilities, folded: bool) -> Option<Relation> {
    let label = table.label();
    let mut suspect = key.parts.iter().any(|part| part.collated);
    let parts: Vec<String> = key
        .parts
        .iter()
        .map(|part| {
            let Some(column) = part.column.as_ref().and_then(|name| table.column(name)) else { return format!("({})", part.sql) };
            let own = ident(&column.name);
            let to = conversion.type_changes.iter().find(|change| change.table == label && change.column == column.name);
            if capabilities.replacement(&column.base).is_some_and(|replaced| replaced.fold_case) {
                suspect = true;
                return if folded { format!("lower({own}::text collate \"C\")") } else { format!("{own}::text") };
            }
            match to {
                Some(change) if change.to.starts_with("numeric") => {
                    suspect = true;
                    // Rounded only: what is too wide for the type is told by another question.
                    let scale = change.to.trim_end_matches(')').rsplit(',').next().and_then(|scale| scale.trim().parse::<u16>().ok());
                    format!("round({own}::numeric, {})", scale.unwrap_or_default())
                }
                _ => own,
            }
        })
        .collect();
    if !suspect {
        return None;
    }
    let mut conditions: Vec<String> = key.filter.iter().map(|filter| format!("({filter})")).collect();
    if key.nulls_distinct {
        conditions.extend(parts.iter().map(|part| format!("{part} is not null")));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let (parts, from) = (parts.join(", "), table.from());
    let sql = format!(
        "select count(*), coalesce(sum(n), 0), (select count(*) from {from}) from (select count(*) as n from {from}{filter} group by {parts} having count(*) > 1) d"
    );
    let shown = examples::keys(table, "");
    let names = examples::aliases(&shown);
    let examples = format!(
        "select {names} from (select {}, count(*) over (partition by {parts}) as n, dense_rank() over (order by {parts}) as at from {from}{filter}) d where n > 1 order by at, {names} limit {}",
        examples::select_as(&shown),
        examples::MOST
    );
    Some(Relation {
        about: About::Duplicates { folded },
        object: key.label(table),
        table: label,
        sql,
        bytes: table.bytes,
        examples: (examples, examples::labels(&shown)),
    })
}

fn on(key: &ForeignKey) -> String {
    let pairs = key.pairs.iter().map(|pair| {
        let (schema, operator) = pair.operator.rsplit_once('.').unwrap_or(("pg_catalog", &pair.operator));
        format!("p.{} operator({schema}.{operator}) c.{}", ident(&pair.parent), ident(&pair.child))
    });
    pairs.collect::<Vec<_>>().join(" and ")
}

/// The same as the target will compare.
fn on_target(table: &Table, key: &ForeignKey, folding: &[&str]) -> String {
    let folds = |name: &str| table.columns.iter().any(|column| column.name == name && folding.contains(&column.base.as_str()));
    let exact = key.pairs.iter().filter(|pair| folds(&pair.child));
    let exact: String = exact.map(|pair| format!(" and p.{}::text = c.{}::text", ident(&pair.parent), ident(&pair.child))).collect();
    format!("{}{exact}", on(key))
}

fn orphans(table: &Table, key: &ForeignKey, parent: &Table, object: &str, folding: &[&str]) -> Relation {
    let children: Vec<String> = key.pairs.iter().map(|pair| format!("c.{}", ident(&pair.child))).collect();
    let nulls = format!("num_nulls({})", children.join(", "));
    let exists = format!("not exists (select from {} p where {})", parent.from(), on_target(table, key, folding));
    // Without MATCH FULL a key that is null in part refers to nothing.
    let lost = if key.full && children.len() > 1 {
        format!("{nulls} < {} and ({nulls} > 0 or {exists})", children.len())
    } else {
        format!("{} and {exists}", children.iter().map(|child| format!("{child} is not null")).collect::<Vec<_>>().join(" and "))
    };
    let from = table.from();
    let shown = examples::keys(table, "c.");
    Relation {
        about: About::Orphans { parent: parent.label(), validated: key.validated },
        table: table.label(),
        object: object.to_owned(),
        sql: format!("select (select count(*) from {from} c where {lost}), (select count(*) from {from})"),
        bytes: table.bytes.saturating_add(parent.bytes),
        examples: (examples::statement(&shown, &format!("{from} c"), &lost), examples::labels(&shown)),
    }
}

fn fan_out(table: &Table, key: &ForeignKey, parent: &Table, object: &str, limit: u64) -> Relation {
    let children: Vec<String> = key.pairs.iter().map(|pair| ident(&pair.child)).collect();
    let (list, from) = (children.join(", "), table.from());
    let given = children.iter().map(|child| format!("{child} is not null")).collect::<Vec<_>>().join(" and ");
    let groups = |columns: &str| format!("select {columns} from {from} where {given} group by {list}");
    let shown = examples::keys(parent, "p.");
    let examples = format!(
        "select {} from {} p join ({} having count(*) > {limit}) c on {} order by c.n desc, 1 limit {}",
        examples::values(&shown),
        parent.from(),
        groups(&format!("{list}, count(*) as n")),
        on(key),
        examples::MOST
    );
    Relation {
        about: About::FanOut { parent: parent.label() },
        table: table.label(),
        object: object.to_owned(),
        sql: format!("select coalesce(max(n), 0), count(*) filter (where n > {limit}) from ({}) d", groups("count(*) as n")),
        bytes: table.bytes,
        examples: (examples, examples::labels(&shown)),
    }
}

impl Relation {
    /// The tables that it reads.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        let parent = match &self.about {
            About::Duplicates { .. } => None,
            About::Orphans { parent, .. } | About::FanOut { parent } => Some(parent.as_str()),
        };
        std::iter::once(self.table.as_str()).chain(parent)
    }

    /// What stays unknown when there is no answer.
    pub fn subject(&self) -> &'static str {
        match self.about {
            About::Duplicates { .. } => "unique keys",
            About::Orphans { .. } => "foreign keys",
            About::FanOut { .. } => "children of one parent",
        }
    }

    /// The verdict; `answer` is one row of counts.
    pub fn judge(&self, answer: &Rows, facts: &Facts) -> Vec<Outcome> {
        let number = |at: usize| -> u64 {
            answer.first().and_then(|row| row.get(at)?.as_deref()).and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let (first, second) = (number(0), number(1));
        let outcome = |verdict: Verdict, measured: String| {
            let outcome = Outcome::new(&self.object, verdict, measured).of(&self.table);
            outcome.selected_by(self.examples.0.clone(), self.examples.1.clone())
        };
        match &self.about {
            About::Duplicates { folded } => {
                let how = if *folded { ", compared by lower()" } else { "" };
                let measured =
                    format!("{} in more than one row{how}: {} of {}", plural(first, "key"), count(second), plural(number(2), "row"));
                let outcome = outcome(broken(first), measured);
                let added = outcome.clone().adds(facts.id("DUPLICATES"), "holds the same key more than once".to_owned());
                if *folded { vec![added, outcome.attaches(facts.id("CITEXT-KEY")).weighs(Severity::Blocks)] } else { vec![added] }
            }
            About::Orphans { parent, validated } => {
                let measured = format!("rows without a parent in {parent}: {} of {}", count(first), count(second));
                let what = format!("has rows without a parent in {parent}{}", if *validated { "" } else { ", and is NOT VALID" });
                let outcome = outcome(broken(first), measured).adds(facts.id("ORPHANS"), what);
                vec![if *validated { outcome } else { outcome.weighs(Severity::Changes) }]
            }
            About::FanOut { parent } => {
                let limit = facts.rows.unwrap_or(u64::MAX);
                let verdict = if first <= limit { Verdict::Holds } else { Verdict::Fails };
                let measured = format!(
                    "most children of one row of {parent}: {} of {}; {} more",
                    count(first),
                    count(limit),
                    if second == 1 { "1 parent has".to_owned() } else { format!("{} have", plural(second, "parent")) }
                );
                vec![outcome(verdict, measured).attaches(facts.id("FK-CASCADE")).weighs(Severity::Changes)]
            }
        }
    }
}
