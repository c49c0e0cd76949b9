//! SQL text made safe: identifiers and literals.
//! Never builds a whole statement.

/// `we"ird` → `"we""ird"`.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `public`, `order` → `"public"."order"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// `it's` → `'it''s'`; correct while `standard_conforming_strings` is on, as it is unless someone turned it off.
pub fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(ident("we\"ird"), "\"we\"\"ird\"");
        assert_eq!(qualified("a", "b c"), "\"a\".\"b c\"");
        assert_eq!(literal("it's \\ ok"), "'it''s \\ ok'");
    }
}
