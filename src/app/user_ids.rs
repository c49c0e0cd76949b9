//! Where the app's code names one of its own users by id: ids come from the table, so every form of comparison is met.
//! Never returns an id, only places; an id too short to be told from any other text is passed over.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::tree::{Entry, Tree, is_code, is_test};
use crate::error::{Error, Result};

/// Shorter ones are like any other figure or word.
const SHORTEST: usize = 5;
/// A text between quotes that may be an id.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"["'`]([^\s"'`]{5,128})["'`]"#).ok());
/// A figure of its own, as numbers are compared.
static FIGURE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[^\w.])(\d{5,20})(?:[^\w.]|$)").ok());

/// Places, `file:line`, of code that names one of `ids`; comments and the app's tests left out.
///
/// # Errors
/// As reading the tree: `Input` if `root` is no folder.
pub fn places(root: &Path, ids: &BTreeSet<&str>) -> Result<Vec<String>> {
    let (Some(quoted), Some(figure)) = (QUOTED.as_ref(), FIGURE.as_ref()) else {
        return Err(Error::bug("a pattern of user ids cannot be read"));
    };
    let telling = |id: &str| id.len() >= SHORTEST && id.contains(|c: char| c.is_ascii_digit()) && ids.contains(id);
    let look = |entry: &Entry| -> Vec<usize> {
        let Some(text) = entry.text.as_deref().filter(|_| is_code(&entry.path) && !is_test(&entry.path)) else { return Vec::new() };
        let found = [quoted, figure].into_iter().flat_map(|pattern| pattern.captures_iter(text)).filter_map(|found| found.get(1));
        let mut hits: Vec<usize> = found.filter(|id| telling(id.as_str())).map(|id| id.start()).collect();
        hits.retain(|at| !entry.comments().inside(&entry.path, text, *at));
        let mut lines: Vec<usize> = hits.iter().filter_map(|at| Some(text.get(..*at)?.matches('\n').count() + 1)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    };
    let (tree, hits) = Tree::look_and_keep(root, &look)?;
    let at = |(entry, lines): (&Entry, Vec<usize>)| lines.into_iter().map(|line| format!("{}:{line}", entry.path)).collect::<Vec<_>>();
    Ok(tree.entries.iter().zip(hits).flat_map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::App;

    #[test]
    fn an_id_of_the_table_is_found_in_every_form_and_nothing_else_is() {
        let dir = App::new(&[
            (
                "a.ts",
                "if (claims.sub === \"40000017\") grant();\nconst s = new Set(['31415926', `40000017`]);\nconst n = id === 40000017;\n",
            ),
            ("b.py", "ADMINS = {\"31415926\"}\n# 40000017 was one\n"),
            ("decoy.ts", "// \"40000017\"\nconst a = \"400000170\"; const b = 3.40000017; const c = \"12\"; const d = x40000017;\n"),
            ("tests/a.test.ts", "expect(\"40000017\")\n"),
            ("notes.md", "40000017\n"),
        ]);
        let ids = BTreeSet::from(["40000017", "31415926", "12"]);
        assert_eq!(places(dir.path(), &ids).unwrap(), ["a.ts:1", "a.ts:2", "a.ts:3", "b.py:1"]);
    }
}
