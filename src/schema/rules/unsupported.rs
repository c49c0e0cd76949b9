//! Rule: a statement of a kind that the target does not have is left out; the capability file says which, and what to do instead.
//! Never looks into a statement.

use super::draft::Draft;
use crate::error::Result;
use crate::schema::statement::Kind;

/// Leaves a statement out if its kind is one that the target does not have; says whether it did.
pub fn leave_out(draft: &mut Draft<'_>, kind: Kind, object: &str, text: &str) -> Result<bool> {
    let Some(id) = draft.capabilities.statements.get(&kind).cloned() else { return Ok(false) };
    draft.drop(kind, &id, object, format!("{} is left out", first_words(text)), object)?;
    if kind == Kind::Exclusion {
        draft.gone.insert((Kind::Check, object.to_owned()));
    }
    Ok(true)
}

/// Leaves out what no rule knows.
pub fn left_out(draft: &mut Draft<'_>, kind: Kind, object: &str, text: &str) -> Result<()> {
    draft.drop(kind, "DSQL-UNSUPPORTED", object, format!("{} is left out", first_words(text)), object)
}

/// The beginning of a statement, whole words up to about 70 characters.
fn first_words(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if out.len().saturating_add(word.len()) > 70 {
            out.push_str(" ...");
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
