//! From figures to a verdict: does the condition of a rule hold for the rows that are there.
//! Never asks the database; which rows to name it says as a condition.

use super::facts::Facts;
use super::numeric::{self, Digits};
use super::outcome::Outcome;
use super::probe::{self, Ask};
use crate::postgres::quote::ident;
use crate::schema::finding::{Severity, Verdict};
use crate::schema::options::{Numeric, Options};
use crate::text::{count, plural};

/// The answer to one question: rows in all, and a value for each aggregate.
#[derive(Debug, Clone)]
pub struct Figures<'a> {
    pub rows: u64,
    pub values: &'a [Option<String>],
}

impl Figures<'_> {
    pub fn number(&self, at: usize) -> u64 {
        self.values.get(at).and_then(Option::as_deref).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    fn in_rows(&self) -> String {
        format!("in {}", plural(self.rows, "row"))
    }
}

/// The verdict on one question.
pub fn judge(ask: &Ask, figures: &Figures<'_>, facts: &Facts, options: &Options, table: &str) -> Vec<Outcome> {
    match ask {
        Ask::Digits { id, object, sql, to, .. } => {
            let to = to.or_else(|| options.numeric_columns.get(object).copied()).unwrap_or(options.numeric);
            vec![digits(id, object, sql, figures, to).of(table).settles(to_is_ours(ask))]
        }
        Ask::Value { object, column, sql, compressed } => {
            let limit = facts.value.unwrap_or(u64::MAX);
            let (verdict, measured) = size("longest value", figures, limit, *compressed);
            let over = if *compressed && verdict == Verdict::Fails { format!("pg_column_size({})", ident(column)) } else { sql.clone() };
            let what = format!("holds values of more than {} bytes", count(limit));
            vec![Outcome::new(object, verdict, measured).of(table).adds(facts.id("VALUE-SIZE"), what).named_by(format!("{over} > {limit}"))]
        }
        Ask::Row { sql, stored } => {
            let limit = facts.row.unwrap_or(u64::MAX);
            let (verdict, measured) = size("largest row", figures, limit, !facts.compressed.is_empty());
            let over = if verdict == Verdict::Fails { stored } else { sql };
            let what = format!("has rows of more than {} bytes", count(limit));
            vec![Outcome::new(table, verdict, measured).of(table).adds(facts.id("ROW-SIZE"), what).named_by(format!("{over} > {limit}"))]
        }
        Ask::Key { object, sql, .. } => {
            let limit = facts.key.unwrap_or(u64::MAX);
            let (verdict, measured) = size("largest key", figures, limit, false);
            let what = format!("has keys of more than {} bytes", count(limit));
            let outcome = |found: Verdict| Outcome::new(object, found, measured.clone()).of(table).named_by(format!("{sql} > {limit}"));
            vec![outcome(verdict.clone()).adds(facts.id("KEY-SIZE"), what), outcome(verdict).attaches(facts.id("KEY-WIDTH")).settles(false)]
        }
        Ask::Identity { object, column, counter, end } => vec![identity(object, column, *counter, *end, figures, facts).of(table)],
        Ask::Array { object, column, element } => vec![array(object, column, element, figures, facts).of(table)],
        Ask::NotNull { columns } => {
            let nulls = figures.number(0);
            let measured = format!("{} {}, {}", plural(nulls, "NULL"), "in columns that are NOT NULL", figures.in_rows());
            let own: Vec<String> = columns.iter().map(|name| ident(name)).collect();
            vec![
                Outcome::new(table, broken(nulls), measured)
                    .of(table)
                    .adds(facts.id("NULLS"), "holds NULL in a column that is NOT NULL".to_owned())
                    .named_by(format!("num_nulls({}) > 0", own.join(", "))),
            ]
        }
        Ask::Check { object, expression, validated } => {
            let rows = figures.number(0);
            let measured = format!("rows that break it: {} of {}", count(rows), count(figures.rows));
            let what = if *validated { "has rows outside its CHECK" } else { "has rows outside its CHECK, which is NOT VALID" };
            let outcome = Outcome::new(object, broken(rows), measured).of(table).adds(facts.id("CHECK-ROWS"), what.to_owned());
            let outcome = outcome.named_by(format!("not ({expression})"));
            vec![if *validated { outcome } else { outcome.weighs(Severity::Changes) }]
        }
    }
}

/// Whether the finding's condition is about nothing but the digits.
fn to_is_ours(ask: &Ask) -> bool {
    matches!(ask, Ask::Digits { to: None, .. })
}

pub fn broken(rows: u64) -> Verdict {
    if rows == 0 { Verdict::Holds } else { Verdict::Fails }
}

fn size(what: &str, figures: &Figures<'_>, limit: u64, compressed: bool) -> (Verdict, String) {
    let (raw, stored) = (figures.number(0), figures.number(1));
    let packed = if compressed && raw > limit { format!(" ({} compressed here)", count(stored)) } else { String::new() };
    let measured = format!("{what}: {} bytes of {}{packed}, {}", count(raw), count(limit), figures.in_rows());
    let verdict = if raw <= limit {
        Verdict::Holds
    } else if compressed && stored <= limit {
        Verdict::Unknown("it fits only if the target compresses it as well as the source does".to_owned())
    } else {
        Verdict::Fails
    };
    (verdict, measured)
}

fn digits(id: &str, object: &str, sql: &str, figures: &Figures<'_>, to: Numeric) -> Outcome {
    let found = Digits::read(figures.values);
    let special: Vec<String> = [("NaN", found.nan), ("Infinity", found.infinite)]
        .into_iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(name, rows)| format!("{name} in {}", plural(rows, "row")))
        .collect();
    let mut measured =
        format!("widest value: {} before and {} after the point, {}", plural(found.whole, "digit"), found.scale, figures.in_rows());
    for one in special {
        measured = format!("{measured}; {one}");
    }
    let infinite = if found.infinite > 0 { format!(" or {sql} in ('Infinity'::numeric, '-Infinity'::numeric)") } else { String::new() };
    let wide = |over: &str| format!("({sql} <> 'NaN'::numeric and ({over})){infinite}");
    let over = format!(
        "trunc(abs({sql})) >= 1e{}::numeric or min_scale({sql}) > {}",
        u64::from(to.precision).saturating_sub(u64::from(to.scale)),
        to.scale
    );
    let outcome = |verdict, rows| Outcome::new(object, verdict, measured.clone()).attaches(id.to_owned()).named_by(rows);
    if found.infinite > 0 || !numeric::holds(to, &found) {
        return outcome(Verdict::Fails, wide(&over)).weighs(Severity::Blocks);
    }
    if found.nan > 0 {
        let reason = "whether the target stores NaN is not known".to_owned();
        return outcome(Verdict::Unknown(reason), format!("{sql} = 'NaN'::numeric"));
    }
    outcome(Verdict::Holds, String::new())
}

fn identity(object: &str, column: &str, counter: Option<i64>, end: i64, figures: &Figures<'_>, facts: &Facts) -> Outcome {
    let exact = facts.exact.unwrap_or(u64::MAX);
    let largest = figures.number(0);
    let counter = counter.and_then(|at| u64::try_from(at).ok()).map_or_else(String::new, |at| {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let percent = u128::from(at).saturating_mul(100) / u128::from(end.max(1));
        format!("; its counter is at {} of {} ({percent} %)", count(at), count(end))
    });
    let measured = format!("largest number: {}, {}{counter}", count(largest), figures.in_rows());
    let verdict = if largest <= exact { Verdict::Holds } else { Verdict::Fails };
    let own = ident(column);
    Outcome::new(object, verdict, measured).attaches(facts.id("IDENTITY")).named_by(format!("{own} > {exact} or {own} < -{exact}"))
}

fn array(object: &str, column: &str, element: &str, figures: &Figures<'_>, facts: &Facts) -> Outcome {
    let (deep, shifted, nulls) = (figures.number(0), figures.number(1), figures.number(2));
    let same = facts.json_elements.iter().any(|known| known == element);
    let elements =
        if same { format!("elements of type {element} stay what they are") } else { format!("elements of type {element} become text") };
    let measured = format!(
        "{elements}; {} with more than one dimension, {} not beginning at 1, {} with NULL elements, {}",
        count(deep),
        count(shifted),
        count(nulls),
        figures.in_rows()
    );
    let verdict = if same && shifted == 0 { Verdict::Holds } else { Verdict::Fails };
    let rows = if shifted > 0 { probe::bounds(column) } else { String::new() };
    Outcome::new(object, verdict, measured).attaches(facts.id("ARRAY")).named_by(rows)
}
