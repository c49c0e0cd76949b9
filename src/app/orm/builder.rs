//! Drizzle's column builders: which SQL type each one is, what it is in the app, and which builder a SQL type has.
//! Source: drizzle-orm 0.39 to 0.45, `pg-core/columns`, read 2026-11-28. Never looks at a file.

use super::script::{Part, items, key_of, text_of, value_of};
use super::sql_type::SqlType;

/// A builder for a type of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// Its name in `drizzle-orm/pg-core`.
    pub export: String,
    /// The options after the column's name, as `key: value`.
    pub options: Vec<String>,
}

/// The SQL type of `integer("x")`, `varchar("x", { length: 20 })`; without arrays.
pub fn sql_type(export: &str, options: Option<&Part<'_>>) -> Option<SqlType> {
    let figure = |key: &str| value_of(options?, key)?.text().parse::<u32>().ok();
    let zoned = options.and_then(|options| value_of(options, "withTimezone")).is_some_and(|value| value.text() == "true");
    let mut found = SqlType::named(match export {
        "integer" | "serial" => "int4",
        "bigint" | "bigserial" => "int8",
        "smallint" | "smallserial" => "int2",
        "boolean" => "bool",
        "char" => "bpchar",
        "decimal" | "numeric" => "numeric",
        "real" => "float4",
        "doublePrecision" => "float8",
        "timestamp" if zoned => "timestamptz",
        "time" if zoned => "timetz",
        same @ ("text" | "varchar" | "json" | "jsonb" | "date" | "time" | "timestamp" | "interval" | "uuid" | "inet" | "cidr"
        | "macaddr" | "macaddr8" | "point" | "line" | "vector" | "halfvec" | "sparsevec" | "bit" | "geometry") => same,
        _ => return None,
    });
    if found.base == "numeric" {
        found.figures = [figure("precision"), figure("scale")].into_iter().flatten().collect();
    } else {
        found.figures.extend(figure("length"));
    }
    Some(found)
}

/// What a value of such a column is in the app.
pub fn js_type(export: &str, options: Option<&Part<'_>>) -> String {
    let mode = options.and_then(|options| value_of(options, "mode")).and_then(|mode| text_of(&mode));
    let labels = options.and_then(|options| value_of(options, "enum"));
    match (export, mode.as_deref()) {
        ("timestamp", Some("string")) | ("date", None | Some("string")) => "string".to_owned(),
        ("timestamp" | "date", _) => "Date".to_owned(),
        ("bigint" | "bigserial", Some("bigint")) | ("numeric" | "decimal", Some("bigint")) => "bigint".to_owned(),
        ("numeric" | "decimal", Some("number")) => "number".to_owned(),
        ("integer" | "serial" | "smallint" | "smallserial" | "bigint" | "bigserial" | "real" | "doublePrecision", _) => "number".to_owned(),
        ("boolean", _) => "boolean".to_owned(),
        ("json" | "jsonb", _) => "unknown".to_owned(),
        ("point" | "geometry", _) => "[number, number]".to_owned(),
        ("line", _) => "[number, number, number]".to_owned(),
        ("vector" | "halfvec", _) => "number[]".to_owned(),
        _ => match labels.filter(|labels| labels.kind() == "array") {
            Some(labels) => format!("({})", items(&labels).iter().map(|label| label.text().into_owned()).collect::<Vec<_>>().join(" | ")),
            None => "string".to_owned(),
        },
    }
}

/// The builder of a type; what the app says of mode and labels stays.
pub fn builder(to: &SqlType, export: &str, options: Option<&Part<'_>>, quote: char) -> Option<Builder> {
    let kept = |keys: &[&str]| -> Vec<String> {
        let pairs = options.map(items).unwrap_or_default();
        pairs
            .iter()
            .filter(|pair| key_of(pair).is_some_and(|key| keys.contains(&key.as_str())))
            .map(|pair| pair.text().into_owned())
            .collect()
    };
    let figure = |at: usize, key: &str| to.figures.get(at).map(|figure| format!("{key}: {figure}"));
    let plain = |export: &str, options: Vec<String>| Some(Builder { export: export.to_owned(), options });
    if to.dimensions > 0 {
        return None;
    }
    match to.base.as_str() {
        "int8" => {
            let mode = kept(&["mode"]);
            plain("bigint", if mode.is_empty() { vec![format!("mode: {quote}number{quote}")] } else { mode })
        }
        "int4" => plain("integer", Vec::new()),
        "int2" => plain("smallint", Vec::new()),
        "bool" => plain("boolean", Vec::new()),
        "float4" => plain("real", Vec::new()),
        "float8" => plain("doublePrecision", Vec::new()),
        "numeric" => {
            let mut all: Vec<String> = [figure(0, "precision"), figure(1, "scale")].into_iter().flatten().collect();
            all.extend(kept(&["mode"]));
            plain(if export == "decimal" { "decimal" } else { "numeric" }, all)
        }
        "text" => plain("text", kept(&["enum"])),
        "varchar" => plain("varchar", figure(0, "length").into_iter().chain(kept(&["enum"])).collect()),
        "bpchar" => plain("char", figure(0, "length").into_iter().chain(kept(&["enum"])).collect()),
        "timestamptz" => plain("timestamp", std::iter::once("withTimezone: true".to_owned()).chain(kept(&["precision", "mode"])).collect()),
        "timestamp" => plain("timestamp", kept(&["precision", "mode"])),
        "time" => plain("time", kept(&["precision"])),
        same @ ("uuid" | "json" | "jsonb" | "interval") => plain(same, Vec::new()),
        "date" => plain("date", kept(&["mode"])),
        _ => None,
    }
}
