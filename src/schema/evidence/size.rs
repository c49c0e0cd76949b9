//! How many bytes a value has, as SQL, and the most it can have by its declaration.
//! Never knows a limit of a target.

use super::catalog::Column;
use crate::postgres::quote::ident;

/// Bytes of a column's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    /// Every value has as many.
    Fixed(u64),
    /// SQL of the bytes of one value, null for a null, and the most that the declaration allows.
    Varies { sql: String, at_most: Option<u64> },
}

/// The size of a column's values as they travel. The length of text and bytea is known without reading large values.
pub fn of(column: &Column) -> Size {
    if let Ok(bytes) = u64::try_from(column.length) {
        return Size::Fixed(bytes);
    }
    let name = ident(&column.name);
    let declared = u64::try_from(column.modifier.saturating_sub(4)).ok();
    match column.base.as_str() {
        "varchar" | "bpchar" => {
            // A letter takes at most four bytes.
            Size::Varies { sql: format!("octet_length({name})"), at_most: declared.map(|letters| letters.saturating_mul(4)) }
        }
        "text" | "bytea" => Size::Varies { sql: format!("octet_length({name})"), at_most: None },
        // Four digits take two bytes; without figures there are 131,072 before and 16,383 after the point at most.
        "numeric" => {
            let digits = declared.map_or(147_455, |packed| packed >> 16);
            Size::Varies { sql: format!("pg_column_size({name})"), at_most: Some(digits / 2 + 16) }
        }
        _ => Size::Varies { sql: format!("octet_length({name}::text)"), at_most: None },
    }
}

/// The sum over several values: SQL, and the most by declaration.
pub fn sum(sizes: &[Size]) -> (String, Option<u64>) {
    let mut fixed = 0_u64;
    let mut most = Some(0_u64);
    let mut terms = Vec::new();
    for size in sizes {
        match size {
            Size::Fixed(bytes) => fixed = fixed.saturating_add(*bytes),
            Size::Varies { sql, at_most } => {
                terms.push(format!("coalesce({sql}, 0)"));
                most = most.zip(*at_most).map(|(sum, bytes)| sum.saturating_add(bytes));
            }
        }
    }
    terms.push(fixed.to_string());
    (terms.join(" + "), most.map(|bytes| bytes.saturating_add(fixed)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn column(name: &str, base: &str, modifier: i64, length: i64) -> Column {
        Column {
            name: name.into(),
            base: base.into(),
            modifier,
            length,
            array: false,
            element: String::new(),
            not_null: false,
            domain: None,
            domain_not_null: false,
            plain_type: base.into(),
            domain_checks: Vec::new(),
            counter: None,
        }
    }

    #[test]
    fn what_is_declared_narrow_has_a_most_and_the_rest_has_none() {
        let sizes = [of(&column("id", "int8", -1, 8)), of(&column("we\"ird", "varchar", 14, -1))];
        assert_eq!(sum(&sizes), ("coalesce(octet_length(\"we\"\"ird\"), 0) + 8".to_owned(), Some(48)));
        assert_eq!(sum(&[of(&column("a", "jsonb", -1, -1))]), ("coalesce(octet_length(\"a\"::text), 0) + 0".to_owned(), None));
        assert_eq!(sum(&[of(&column("n", "numeric", ((10 << 16) | 2) + 4, -1))]).1, Some(21));
    }
}
