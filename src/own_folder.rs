//! The folder that the wizard keeps in an app, `.migrate-wizard`: made here and nowhere else, so that git leaves out what is in it.
//! Knows nothing of what stands in it, and never changes one that was there before.

use std::path::Path;

/// The folder's name.
pub const NAME: &str = ".migrate-wizard";

const IGNORE: &str = "# runs, reports and answers of migrate-wizard: nothing of it is for git (git add --force where it is)\n*\n";

/// Makes a folder and those above it. If one of them is ours and was not there yet, git is told to leave it out.
///
/// # Errors
/// What the file system says.
pub fn make(folder: &Path) -> std::io::Result<()> {
    let ours = folder.ancestors().find(|above| above.file_name().is_some_and(|name| name == NAME));
    let new = ours.filter(|ours| !ours.exists());
    std::fs::create_dir_all(folder)?;
    new.map_or(Ok(()), |ours| std::fs::write(ours.join(".gitignore"), IGNORE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_told_once_and_what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let ignore = dir.path().join(".migrate-wizard/.gitignore");
        make(&dir.path().join(".migrate-wizard/inside/a")).unwrap();
        assert!(std::fs::read_to_string(&ignore).unwrap().lines().any(|line| line == "*"));
        std::fs::write(&ignore, "mine\n").unwrap();
        make(&dir.path().join(".migrate-wizard/uploads")).unwrap();
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "mine\n");
        make(&dir.path().join("elsewhere/b")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join("elsewhere")).unwrap().count(), 1, "no other folder gets one");
        let own = tempfile::tempdir().unwrap();
        std::fs::create_dir(own.path().join(NAME)).unwrap();
        make(&own.path().join(NAME).join("live-1")).unwrap();
        assert!(!own.path().join(".migrate-wizard/.gitignore").exists(), "a person made this folder");
    }
}
