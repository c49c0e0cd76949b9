//! What git could give back of files that are about to be written, and writing them whole or not at all.
//! Never changes anything in git itself.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Context, Error, Kind, Result};

/// Refuses unless every file is in git and without changes that are not committed.
///
/// # Errors
/// `Refused`, naming the files.
pub fn check_clean(root: &Path, paths: &[&str]) -> Result<()> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(arguments).arg("--").args(paths).stdin(Stdio::null()).output();
        output.ok().filter(|output| output.status.success()).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let refused = |what: String| {
        Err(Error::new(Kind::Refused, what)
            .hint("commit or stash them first, or look at the diff without --apply; --force writes them all the same"))
    };
    let Some(known) = git(&["ls-files", "-z"]) else {
        return refused(format!("{} is not in a git work tree: what is written there cannot be taken back", root.display()));
    };
    let untracked: Vec<&str> = paths.iter().copied().filter(|path| !known.split('\0').any(|known| known == *path)).collect();
    if !untracked.is_empty() {
        return refused(format!("not in git: {}", untracked.join(", ")));
    }
    // Against the last commit, so that what is only staged counts, too.
    let Some(changed) = git(&["diff", "--name-only", "--relative", "-z", "HEAD"]) else {
        return refused(format!("{} has no commit yet: what is written there cannot be taken back", root.display()));
    };
    let changed: Vec<&str> = changed.split('\0').filter(|path| !path.is_empty()).collect();
    if changed.is_empty() { Ok(()) } else { refused(format!("not committed: {}", changed.join(", "))) }
}

/// Replaces a file's text by a new file that takes its place and its permissions, if the text is still `before`.
///
/// # Errors
/// `Conflict` when it changed meanwhile, `Unreachable` when it cannot be written.
pub fn replace(path: &Path, before: &str, after: &str) -> Result<()> {
    let shown = path.display();
    // A link stays one: what it leads to is replaced.
    let path = &std::fs::canonicalize(path).or_fail(Kind::Unreachable, format!("cannot find {shown}"), "check that it is still there")?;
    let found = std::fs::read(path).or_fail(Kind::Unreachable, format!("cannot read {shown}"), "check its permissions")?;
    if found != before.as_bytes() {
        return Err(Error::new(Kind::Conflict, format!("{shown} is not the text that was read: it changed meanwhile, or is not UTF-8"))
            .hint("run the command again"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, after)
        .and_then(|()| std::fs::metadata(path))
        .and_then(|meta| std::fs::set_permissions(&beside, meta.permissions()))
        .and_then(|()| std::fs::File::open(&beside)?.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _nothing_to_remove = std::fs::remove_file(&beside);
    }
    written.or_fail(Kind::Unreachable, format!("cannot write {shown}"), "check permissions and free space")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let status = Command::new("git").arg("-C").arg(root).args(identity).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn only_what_git_can_give_back_is_clean() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().join("app");
        std::fs::create_dir(root).unwrap();
        let said = |paths: &[&str]| check_clean(root, paths).map_err(|error| error.what);
        std::fs::write(root.join("a.ts"), "a").unwrap();
        std::fs::write(root.join("b.ts"), "b").unwrap();
        assert!(said(&["a.ts"]).unwrap_err().contains("is not in a git work tree"));
        git(folder.path(), &["init", "-q"]);
        assert_eq!(said(&["a.ts"]), Err("not in git: a.ts".into()));
        git(root, &["add", "a.ts"]);
        assert!(said(&["a.ts"]).unwrap_err().contains("has no commit yet"));
        git(root, &["commit", "-qm", "a"]);
        assert_eq!(said(&["a.ts"]), Ok(()));
        std::fs::write(root.join("b.ts"), "changed").unwrap();
        assert_eq!(said(&["a.ts"]), Ok(()), "another file is none of our concern");
        std::fs::write(root.join("a.ts"), "changed").unwrap();
        assert_eq!(said(&["a.ts"]), Err("not committed: a.ts".into()));
        git(root, &["add", "a.ts"]);
        assert_eq!(said(&["a.ts"]), Err("not committed: a.ts".into()));
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.ts");
        std::fs::write(&file, "theirs").unwrap();
        assert_eq!(replace(&file, "ours", "new").unwrap_err().kind, Kind::Conflict);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "theirs");
        replace(&file, "theirs", "new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    }
}
