//! Rule: both sides of a foreign key have one type: what is tied to a key that became bigint becomes bigint.
//! Never narrows a column.

use super::draft::{Change, Draft};
use super::identity::to_bigint;
use super::references::References;
use crate::error::Result;
use crate::schema::names;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let references = References::of(draft);
    let wide: Vec<_> = draft.changed.iter().filter(|(_, change)| **change == Change::Widened).map(|(at, _)| at.clone()).collect();
    for at in wide {
        for (narrow, like) in references.tied(&at) {
            if draft.changed.contains_key(&narrow) {
                continue;
            }
            let Some(mut column) = draft.column(&narrow.0, &narrow.1).cloned() else { continue };
            if column.type_name.as_ref().map(names::type_base).as_deref() != Some("int8") {
                let what = format!("becomes bigint like {}.{}", like.0, like.1);
                draft.say("DSQL-WIDEN", &format!("{}.{}", narrow.0, narrow.1), what, &[("column", &narrow.1)])?;
            }
            to_bigint(draft, &narrow.0, &mut column)?;
            if let Some(place) = draft.column(&narrow.0, &narrow.1) {
                *place = column;
            }
        }
    }
    Ok(())
}
