//! Rule: a foreign key that was chosen to be dropped is left out, and what it did is named.
//! Never drops one that nobody chose.

use pg_query::protobuf::Constraint;

use super::draft::Draft;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

/// Records that a foreign key is left out.
pub fn leave_out(draft: &mut Draft<'_>, object: &str, table: &str, key: &Constraint) -> Result<()> {
    let parent = names::relation(key.pktable.as_ref());
    let does = match key.fk_del_action.as_str() {
        "c" => format!("delete the rows of {table} with theirs of {parent}"),
        "n" => format!("set {} to null when a row of {parent} is deleted", names::parts(&key.fk_attrs).join(", ")),
        "d" => format!("set {} to its default when a row of {parent} is deleted", names::parts(&key.fk_attrs).join(", ")),
        _ => format!("refuse to delete a row of {parent} that {table} refers to"),
    };
    draft.drop(Kind::Check, "DSQL-FK-DROPPED", object, format!("foreign key to {parent} is left out, as chosen"), &does)
}
