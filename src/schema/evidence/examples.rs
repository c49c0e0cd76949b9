//! Rows named by their primary key: `id = 17`; by their place (`ctid`) in a table without one, which holds until they are updated.
//! Never shows what another column holds.

use super::catalog::Table;
use crate::postgres::quote::ident;

/// Rows that are named at most.
pub const MOST: usize = 5;
/// Letters of a value that are shown at most.
const LETTERS: usize = 40;

/// What names a row: a label and the SQL of its value.
pub type Shown = Vec<(String, String)>;

/// The key of a table; `of` stands before each column (`c.`).
pub fn keys(table: &Table, of: &str) -> Shown {
    match (table.primary.is_empty(), table.partitioned) {
        (false, _) => table.primary.iter().map(|name| (name.clone(), format!("{of}{}", ident(name)))).collect(),
        (true, false) => vec![("ctid".into(), format!("{of}ctid"))],
        (true, true) => vec![("partition".into(), format!("{of}tableoid::regclass")), ("ctid".into(), format!("{of}ctid"))],
    }
}

pub fn labels(shown: &Shown) -> Vec<String> {
    shown.iter().map(|(label, _)| label.clone()).collect()
}

/// The values as a list of columns.
pub fn values(shown: &Shown) -> String {
    shown.iter().map(|(_, sql)| format!("({sql})::text")).collect::<Vec<_>>().join(", ")
}

/// The same under names of their own, see [`aliases`].
pub fn select_as(shown: &Shown) -> String {
    shown.iter().enumerate().map(|(at, (_, sql))| format!("{sql} as k{at}")).collect::<Vec<_>>().join(", ")
}

pub fn aliases(shown: &Shown) -> String {
    (0..shown.len()).map(|at| format!("k{at}")).collect::<Vec<_>>().join(", ")
}

/// The first rows by their key for which the condition is true.
pub fn statement(shown: &Shown, from: &str, condition: &str) -> String {
    let order = shown.iter().map(|(_, sql)| sql.clone()).collect::<Vec<_>>().join(", ");
    format!("select {} from {from} where {condition} order by {order} limit {MOST}", values(shown))
}

/// `a = 1, b = x`.
pub fn name(labels: &[String], row: &[Option<String>]) -> String {
    let one = |(label, value): (&String, &Option<String>)| format!("{label} = {}", short(value.as_deref().unwrap_or("NULL")));
    labels.iter().zip(row).map(one).collect::<Vec<_>>().join(", ")
}

/// On one line, and not for ever.
fn short(value: &str) -> String {
    let line: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.chars().count() <= LETTERS {
        return line;
    }
    format!("{}…", line.chars().take(LETTERS.saturating_sub(1)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_by_its_key_and_long_values_are_shortened() {
        let labels = ["a".to_owned(), "b".to_owned()];
        assert_eq!(name(&labels, &[Some("1".into()), None]), "a = 1, b = NULL");
        let long = name(&labels, &[Some("two\nlines".into()), Some("x".repeat(100))]);
        assert_eq!(long, format!("a = two lines, b = {}…", "x".repeat(39)));
    }
}
