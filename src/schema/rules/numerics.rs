//! Rule: `numeric` without figures gets a precision and a scale: as measured in the data, else wide ones.
//! Never narrows a numeric that has figures.

use pg_query::protobuf::TypeName;

use super::draft::{Change, Draft};
use super::retype::{self, Mapped, Object};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for (table, column, _) in retype::in_tables(draft, map)? {
        draft.decide("numerics", &format!("{table}.{column}"));
    }
    retype::in_domains(draft, map)?;
    Ok(())
}

fn map(draft: &Draft<'_>, old: &TypeName, object: Object<'_>) -> Result<Option<Mapped>> {
    if names::type_base(old) != "numeric" || !old.typmods.is_empty() || !old.array_bounds.is_empty() {
        return Ok(None);
    }
    let numeric = draft.options.numeric_columns.get(&object()).copied().unwrap_or(draft.options.numeric);
    Mapped::to(&format!("numeric({},{})", numeric.precision, numeric.scale), "DSQL-NUMERIC", Change::Declared).map(Some)
}
