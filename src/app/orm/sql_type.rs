//! A column's SQL type, compared whatever way it is written.
//! Never decides what a type becomes.

/// `varchar(20)[]`: base `varchar`, figures `20`, one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlType {
    /// PostgreSQL's own short name: `int4`, `timestamptz`; with its schema where the type is the database's own.
    pub base: String,
    pub figures: Vec<u32>,
    pub dimensions: usize,
}

impl SqlType {
    /// Reads what the database or a deparser wrote.
    pub fn read(text: &str) -> Self {
        let mut rest = text.trim().to_owned();
        let mut dimensions = 0;
        while let Some((head, _)) = rest.strip_suffix(']').and_then(|head| head.rsplit_once('[')) {
            dimensions += 1;
            rest = head.trim_end().to_owned();
        }
        let mut figures = Vec::new();
        if let Some((head, tail)) = rest.clone().split_once('(')
            && let Some((inside, after)) = tail.split_once(')')
        {
            figures = inside.split(',').filter_map(|figure| figure.trim().parse().ok()).collect();
            rest = format!("{}{after}", head.trim_end());
        }
        let plain = rest.trim().trim_start_matches("pg_catalog.").replace('"', "");
        Self { base: base(&plain).to_owned(), figures, dimensions }
    }

    pub fn named(base: &str) -> Self {
        Self { base: base.to_owned(), figures: Vec::new(), dimensions: 0 }
    }

    /// The same type. PostgreSQL does not keep how many dimensions an array has; figures count only where they change what fits, or how it is written.
    pub fn is(&self, other: &Self) -> bool {
        let figures = self.base != "numeric"
            || self.figures == other.figures
            || self.figures.is_empty() == other.figures.is_empty() && {
                let whole = |figures: &[u32]| (figures.first().copied(), figures.get(1).copied().unwrap_or(0));
                whole(&self.figures) == whole(&other.figures)
            };
        self.base == other.base && (self.dimensions > 0) == (other.dimensions > 0) && figures
    }
}

fn base(name: &str) -> &str {
    match name {
        "int" | "integer" | "serial" | "serial4" => "int4",
        "bigint" | "bigserial" | "serial8" => "int8",
        "smallint" | "smallserial" | "serial2" => "int2",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "boolean" => "bool",
        "double precision" => "float8",
        "real" => "float4",
        "decimal" => "numeric",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        "bit varying" => "varbit",
        other => match other.strip_prefix("public.") {
            // What an extension brings is known by its own name.
            Some(own @ ("citext" | "hstore" | "vector" | "halfvec" | "sparsevec" | "geometry" | "ltree")) => own,
            Some(_) | None => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_type_in_many_spellings() {
        for (one, other) in [
            ("int", "integer"),
            ("bigserial", "bigint"),
            ("character varying(20)", "varchar(20)"),
            ("timestamp(3) with time zone", "timestamptz(3)"),
            ("pg_catalog.int4", "int4"),
            ("numeric(12, 2)", "decimal(12,2)"),
            ("text[]", "text[3]"),
            ("int[]", "int[][]"),
            ("public.citext", "citext"),
            ("numeric(5)", "numeric(5,0)"),
        ] {
            assert!(SqlType::read(one).is(&SqlType::read(other)), "{one} {other}");
        }
        for (one, other) in [("numeric", "numeric(38, 9)"), ("text", "text[]"), ("int", "bigint"), ("public.status", "shop.status")] {
            assert!(!SqlType::read(one).is(&SqlType::read(other)), "{one} {other}");
        }
    }
}
