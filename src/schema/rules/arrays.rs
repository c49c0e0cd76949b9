//! Rule: a column that holds an array holds jsonb, or the array's own text.
//! Never changes the elements or their order.

use pg_query::protobuf::TypeName;

use super::draft::{Change, Draft};
use super::retype::{self, Mapped, Object};
use crate::error::Result;
use crate::schema::names;
use crate::schema::options::ArrayForm;

const ID: &str = "DSQL-ARRAY";

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for (table, column, old) in retype::in_tables(draft, map)? {
        let object = format!("{table}.{column}");
        draft.decide("arrays", &object);
        let element = names::type_full(&old);
        if draft.enums.contains_key(&element) {
            draft.say(
                "DSQL-ENUM-ARRAY",
                &object,
                format!("its elements are no longer held to the values of {element}"),
                &[("column", &column)],
            )?;
        }
    }
    retype::in_domains(draft, map)?;
    Ok(())
}

fn map(draft: &Draft<'_>, old: &TypeName, object: Object<'_>) -> Result<Option<Mapped>> {
    if old.array_bounds.is_empty() {
        return Ok(None);
    }
    match draft.options.arrays.of(&object()) {
        ArrayForm::Jsonb => Mapped::to("jsonb", ID, Change::Array),
        ArrayForm::Text => Mapped::to("text", "DSQL-ARRAY-TEXT", Change::Other),
    }
    .map(Some)
}
