//! Rule: a query that sorts or groups by a column whose order or equality changed stays, with a word: its rows come otherwise.
//! Never changes the query: what compares such a column is the vocabulary's to rewrite or to refuse.

use pg_query::Node;

use super::draft::{Change, Draft};
use super::vocabulary::Vocabulary;
use crate::error::Result;

/// Says what is sorted or grouped otherwise in a view or function.
pub fn said(draft: &mut Draft<'_>, words: &Vocabulary, object: &str, query: &Node, tables: &[String]) -> Result<()> {
    for (column, change) in words.sorted(query, tables) {
        let how = match change {
            Change::Enum => "by letters, no longer by declaration",
            _ => "with upper and lower case apart",
        };
        draft.say("DSQL-ORDER", object, format!("sorts or groups by {column}: {how}"), &[("column", &column)])?;
    }
    Ok(())
}
