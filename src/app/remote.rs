//! Where a checkout comes from: the GitHub repository of git's remote `origin`.
//! Never runs git, never asks the network.

use std::path::Path;

/// `owner/name`; `None` without git, without a remote, or where that is not GitHub.
pub fn github(dir: &Path) -> Option<String> {
    let config = std::fs::read_to_string(dir.join(".git/config")).ok()?;
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
}
