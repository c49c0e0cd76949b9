//! Rule: a column type that cannot be stored becomes one that can, as the capability file says; no type is guessed silently.
//! Never touches arrays, enums, bare numerics and long text, which have rules of their own.

use pg_query::protobuf::TypeName;

use super::draft::{Change, Draft};
use super::retype::{self, Mapped, Object};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    retype::in_tables(draft, map)?;
    retype::in_domains(draft, map)?;
    Ok(())
}

/// What a stored type becomes; `None` when it stays.
fn map(draft: &Draft<'_>, old: &TypeName, _: Object<'_>) -> Result<Option<Mapped>> {
    let types = &draft.capabilities.types;
    let base = names::type_base(old);
    let full = if names::is_built_in(old) { None } else { Some(names::type_full(old)) };
    if !old.array_bounds.is_empty() || full.as_ref().is_some_and(|full| draft.domains.iter().any(|(name, _)| name == full)) {
        return Ok(None);
    }
    let is_row = full.is_some_and(|full| draft.composites.contains(&full) || draft.tables.named(&full).is_some());
    if let (true, Some(composite)) = (is_row, &types.composite) {
        return Mapped::to(&composite.to, &composite.finding, Change::Other).map(Some);
    }
    if let Some(found) = draft.capabilities.replacement(&base) {
        let change = match (found.fold_case, found.to.starts_with("numeric")) {
            (true, _) => Change::FoldCase,
            (false, true) => Change::Number,
            (false, false) => Change::Other,
        };
        return Mapped::to(&found.to, &found.finding, change).map(Some);
    }
    match &types.unknown {
        Some(unknown) if !types.keep.contains(&base) => Mapped::to(&unknown.to, &unknown.finding, Change::Other).map(Some),
        _ => Ok(None),
    }
}
