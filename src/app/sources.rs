//! An app's files as text, for those who edit them.
//! Never reads more of an app than a scan does.

use std::path::Path;

use super::tree::Tree;
use crate::error::Result;
use crate::progress::Reporter;

/// Path from the app's root and text of every text file that a scan reads and git does not leave out.
///
/// # Errors
/// `Input` if `root` is not a folder, `Unreachable` if it cannot be listed.
pub fn sources(root: &Path) -> Result<Vec<(String, String)>> {
    let tree = Tree::read(root, &Reporter::silent())?;
    let text = |entry: super::tree::Entry| Some((entry.path, entry.text.filter(|_| !entry.local)?));
    Ok(tree.entries.into_iter().filter_map(text).collect())
}
