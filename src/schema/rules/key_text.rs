//! Rule: a key declared too wide, whose values are short as the data says, holds text instead.
//! Never decides which: the options name the columns.

use pg_query::protobuf::TypeName;

use super::draft::{Change, Draft};
use super::retype::{self, Mapped, Object};
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    retype::in_tables(draft, map).map(|_| ())
}

fn map(draft: &Draft<'_>, old: &TypeName, object: Object<'_>) -> Result<Option<Mapped>> {
    let named = names::type_base(old) == "varchar" && old.array_bounds.is_empty() && draft.options.text_columns.contains(&object());
    if named { Mapped::to("text", "DSQL-KEY-TEXT", Change::Declared).map(Some) } else { Ok(None) }
}
