//! Where a checkout comes from: the top of its git work tree, and the GitHub repository of git's remote `origin`.
//! Never runs git, never asks the network.

use std::path::{Path, PathBuf};

/// The top of the git work tree that holds the folder, and the folder from there (empty: it is the top); `None` without git.
pub fn top(dir: &Path) -> Option<(PathBuf, String)> {
    let dir = std::fs::canonicalize(dir).ok()?;
    let top = dir.ancestors().find(|at| at.join(".git").exists())?;
    let inside = dir.strip_prefix(top).ok()?;
    let parts: Vec<String> = inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    Some((top.to_owned(), parts.join("/")))
}

/// `owner/name`; `None` without git, without a remote, or where that is not GitHub.
pub fn github(dir: &Path) -> Option<String> {
    let config = std::fs::read_to_string(config(&top(dir)?.0.join(".git"))?).ok()?;
    let mut origin = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            origin = line == "[remote \"origin\"]";
        } else if let Some((_, url)) = line.split_once('=').filter(|(key, _)| origin && key.trim() == "url") {
            return of_url(url.trim());
        }
    }
    None
}

/// Git's settings of the repository: of a linked work tree they lie with the first one.
fn config(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.join("config"));
    }
    let text = std::fs::read_to_string(git).ok()?;
    let own = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = std::fs::read_to_string(own.join("commondir")).map_or_else(|_| own.clone(), |common| own.join(common.trim()));
    Some(common.join("config"))
}

fn of_url(url: &str) -> Option<String> {
    let (_, path) = url.split_once("github.com")?;
    let path = path.trim_start_matches([':', '/']).trim_end_matches('/').trim_end_matches(".git");
    let (owner, name) = path.split_once('/')?;
    let fit = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (fit(owner) && fit(name)).then(|| format!("{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remote_of_github_is_read_in_each_of_its_forms() {
        for (url, found) in [
            ("https://github.com/acme/shop.git", Some("acme/shop")),
            ("git@github.com:acme/shop.git", Some("acme/shop")),
            ("ssh://git@github.com/acme/my.shop/", Some("acme/my.shop")),
            ("https://x-token:secret@github.com/acme/shop", Some("acme/shop")),
            ("https://gitlab.com/acme/shop.git", None),
            ("https://github.com/acme", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join(".git")).unwrap();
            let config =
                format!("[remote \"other\"]\n\turl = https://github.com/a/b\n[remote \"origin\"]\n\turl = {url}\n\tfetch = +refs\n");
            std::fs::write(dir.path().join(".git/config"), config).unwrap();
            assert_eq!(github(dir.path()).as_deref(), found, "{url}");
        }
        assert_eq!(github(tempfile::tempdir().unwrap().path()), None);
    }

    #[test]
    fn a_folder_of_a_repository_and_a_linked_work_tree_have_the_same_remote() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::create_dir_all(root.join("one/.git/worktrees/two")).unwrap();
        std::fs::create_dir_all(root.join("one/apps/shop")).unwrap();
        std::fs::create_dir_all(root.join("two/apps/shop")).unwrap();
        std::fs::write(root.join("one/.git/config"), "[remote \"origin\"]\n\turl = git@github.com:acme/shop.git\n").unwrap();
        std::fs::write(root.join("one/.git/worktrees/two/commondir"), "../..\n").unwrap();
        std::fs::write(root.join("two/.git"), format!("gitdir: {}\n", root.join("one/.git/worktrees/two").display())).unwrap();
        for tree in ["one", "two"] {
            assert_eq!(top(&root.join(tree).join("apps/shop")), Some((root.join(tree), "apps/shop".to_owned())));
            assert_eq!(github(&root.join(tree).join("apps/shop")).as_deref(), Some("acme/shop"), "{tree}");
            assert_eq!(top(&root.join(tree)).unwrap().1, "");
        }
        assert_eq!(top(&root), None);
    }
}
