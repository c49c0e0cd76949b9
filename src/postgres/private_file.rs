//! Files that only this user may read: written with mode 0600 from their first byte, and gone when they are no longer needed.
//! Never leaves a moment in which others could read one.

use std::path::{Path, PathBuf};

use crate::error::{Context, Kind, Result};

/// A private file in the system's temporary folder; removed when dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Writes `text` to a new file whose name ends in `.{ending}`.
    pub fn new(ending: &str, text: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("migrate-wizard-{}.{ending}", uuid::Uuid::new_v4()));
        write(&path, text)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Replaces `path` by a file of mode 0600 that holds `text`; it never exists with wider rights.
pub fn write(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    told(path, anew(path).and_then(|mut file| file.write_all(text.as_bytes())))
}

/// Replaces `path` by an empty file of mode 0600, to be written piece by piece.
pub fn create(path: &Path) -> Result<std::fs::File> {
    told(path, anew(path))
}

fn anew(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    options.open(path)
}

/// What the system says of a file that is written, with what to do next.
pub fn told<T>(path: &Path, done: std::io::Result<T>) -> Result<T> {
    done.or_fail(Kind::Failed, format!("cannot write {}", path.display()), "check that the folder exists, is yours and has space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_we_can_read_it_and_it_goes_when_dropped() {
        use std::os::unix::fs::PermissionsExt;
        let file = Temporary::new("pem", "text").unwrap();
        let path = file.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
        drop(file);
        assert!(!path.exists());
    }
}
