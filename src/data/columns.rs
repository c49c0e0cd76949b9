//! How a column and a key are read on the source and compared on both sides, when their types are the same or not.
//! Pure: two columns in, SQL expressions out.

use super::catalog::Column;
use super::plan::{ColumnPlan, KeyPlan};
use crate::postgres::key_uuid;
use crate::postgres::quote::ident;

pub fn same_type(from: &Column, to: &Column) -> bool {
    from.sql_type == to.sql_type && from.modifier == to.modifier
}

pub fn is_whole(column: &Column) -> bool {
    matches!(column.sql_type.as_str(), "smallint" | "integer" | "bigint")
}

fn is_number(column: &Column) -> bool {
    is_whole(column) || column.sql_type.starts_with("numeric")
}

fn is_text(column: &Column) -> bool {
    column.sql_type == "text" || column.sql_type.starts_with("character varying")
}

/// A value as the text that the app saw it as.
fn as_text(column: &Column) -> String {
    let name = ident(&column.name);
    match column.sql_type.as_str() {
        // A cast would add the mask that the type's own output leaves out.
        "inet" => format!("case when {name} is not null then format('%s', {name}) end"),
        _ => format!("{name}::text"),
    }
}

/// An array's text form made of the jsonb that it became: of one dimension or two, which is all that such columns hold in practice;
/// what has more is refused by the array's own type, or found to differ.
fn array_of(name: &str) -> String {
    let list = |of: &str| {
        format!("(select coalesce(array_agg(e order by n), '{{}}') from jsonb_array_elements_text({of}) with ordinality as l(e, n))")
    };
    format!(
        "case when {name} is null then null when jsonb_typeof({name}::jsonb -> 0) = 'array' \
         then (select array_agg({} order by m) from jsonb_array_elements({name}::jsonb) with ordinality as o(r, m))::text else {}::text end",
        list("r"),
        list(&format!("{name}::jsonb"))
    )
}

/// `root`: the key that the column's numbers come from, which names them when they become uuids.
pub fn column_plan(from: &Column, to: &Column, root: &str) -> ColumnPlan {
    let name = ident(&from.name);
    let plain = format!("{name}::text");
    let (value, source_print, target_print) = if same_type(from, to) {
        (name, plain.clone(), plain)
    } else if is_whole(from) && to.sql_type == "uuid" {
        let made = key_uuid::expression(root, &name);
        (made.clone(), format!("({made})::text"), plain)
    } else if from.array && matches!(to.sql_type.as_str(), "json" | "jsonb") {
        (format!("to_jsonb({name})"), format!("to_jsonb({name})::text"), format!("{name}::jsonb::text"))
    } else if to.array && matches!(from.sql_type.as_str(), "json" | "jsonb") {
        (array_of(&name), format!("{name}::jsonb::text"), format!("to_jsonb({name})::text"))
    } else if from.sql_type.starts_with("numeric") && to.sql_type.starts_with("numeric") {
        // The scale may differ, the number may not: a lost digit must show.
        (plain, format!("trim_scale({name})::text"), format!("trim_scale({name})::text"))
    } else if to.sql_type.contains('.') {
        (as_text(from), as_text(from), plain)
    } else {
        // What the target will hold once it has read the text.
        (as_text(from), format!("({})::{}::text", as_text(from), to.sql_type), plain)
    };
    ColumnPlan { name: from.name.clone(), value, source_print, target_print }
}

/// Both sides must put the same rows into the same range. Where they order text by different rules, bytes decide on both.
pub fn key_plan(from: &Column, to: &Column, root: &str) -> KeyPlan {
    let name = ident(&from.name);
    let by_bytes =
        |column: &Column, expression: String| if column.ordered_by_bytes() { expression } else { format!("{expression} collate \"C\"") };
    let alike = same_type(from, to) || (is_number(from) && is_number(to)) || (is_text(from) && is_text(to));
    if !alike {
        let columns = column_plan(from, to, root);
        return KeyPlan {
            source: format!("({}) collate \"C\"", columns.source_print),
            target: by_bytes(to, format!("({})", columns.target_print)),
            source_type: "text".to_owned(),
            target_type: "text".to_owned(),
            name,
            source_print: columns.source_print,
            target_print: columns.target_print,
        };
    }
    // 1.0 and 1.00 are one number and one key.
    let print = if is_number(from) && !same_type(from, to) && (from.sql_type.starts_with("numeric") || to.sql_type.starts_with("numeric")) {
        format!("trim_scale({name}::numeric)::text")
    } else {
        format!("{name}::text")
    };
    let versioned = from.collation.split_once(':').is_some_and(|(_, version)| !version.is_empty());
    let same_order =
        from.collation.is_empty() || (from.ordered_by_bytes() && to.ordered_by_bytes()) || (from.collation == to.collation && versioned);
    let (source, target) =
        if same_order { (name.clone(), name.clone()) } else { (by_bytes(from, name.clone()), by_bytes(to, name.clone())) };
    KeyPlan {
        source,
        target,
        source_type: from.sql_type.clone(),
        target_type: to.sql_type.clone(),
        source_print: print.clone(),
        target_print: print,
        name,
    }
}
