//! Rule: a declared width beyond what the target allows becomes text.
//! Never shortens a value.

use pg_query::protobuf::TypeName;

use super::draft::{Change, Draft};
use super::retype::{self, Mapped, Object, width};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    retype::in_tables(draft, map)?;
    retype::in_domains(draft, map)?;
    Ok(())
}

fn map(draft: &Draft<'_>, old: &TypeName, _: Object<'_>) -> Result<Option<Mapped>> {
    let limit = match names::type_base(old).as_str() {
        "varchar" => draft.capabilities.limit("varchar_bytes"),
        "bpchar" => draft.capabilities.limit("char_bytes"),
        _ => None,
    };
    match limit.filter(|limit| old.array_bounds.is_empty() && width(old).is_some_and(|width| width > limit.value)) {
        Some(limit) => Mapped::to("text", &limit.finding, Change::Declared).map(Some),
        None => Ok(None),
    }
}
