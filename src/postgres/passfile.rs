//! libpq's password file: looking a password up, and writing a short-lived one for a client program.
//! Never prints what it finds.

use std::path::{Path, PathBuf};

use crate::error::{Context, Kind, Result};

/// The password that `PGPASSFILE` (or `~/.pgpass`) holds for these four; `None` when there is no file, no match, or others may read it.
pub fn look_up(env: &dyn Fn(&str) -> Option<String>, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let path = env("PGPASSFILE").map(PathBuf::from).or_else(|| env("HOME").map(|home| Path::new(&home).join(".pgpass")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(&path).ok()?.permissions().mode() & 0o077 != 0 {
            return None;
        }
    }
    find(&std::fs::read_to_string(path).ok()?, host, port, database, user)
}

/// The first line of `text` that matches, as libpq matches: `*` is any, a socket folder is `localhost`.
fn find(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let host = if host.starts_with('/') { "localhost" } else { host };
    let port = port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = split(line);
        let [h, p, d, u, password] = fields.as_slice() else { return None };
        let fits = |field: &str, value: &str| field == "*" || field == value;
        (fits(h, host) && fits(p, &port) && fits(d, database) && fits(u, user)).then(|| password.clone())
    })
}

/// Five fields at unescaped colons; the last keeps its colons.
fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let last = fields.len() == 5;
        let escaped = if c == '\\' { chars.next() } else { None };
        match (c, escaped) {
            ('\\', Some(next)) => fields.iter_mut().last().into_iter().for_each(|f| f.push(next)),
            (':', _) if !last => fields.push(String::new()),
            (other, _) => fields.iter_mut().last().into_iter().for_each(|f| f.push(other)),
        }
    }
    fields
}

/// One line of a password file.
pub fn line(host: &str, port: u16, database: &str, user: &str, password: &str) -> String {
    let safe = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    format!("{}:{port}:{}:{}:{}\n", safe(host), safe(database), safe(user), safe(password))
}

/// A password file that only this user can read; removed when dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Writes `text` to a new file with mode 0600 in the system's temporary folder.
    pub fn new(text: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("migrate-wizard-{}.pgpass", uuid::Uuid::new_v4()));
        write_private(&path, text)?;
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
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let write = || {
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
        options.open(path)?.write_all(text.as_bytes())
    };
    write().or_fail(Kind::Failed, format!("cannot write {}", path.display()), "check that the folder exists, is yours and has space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_wins_and_escapes_are_undone() {
        let text = "# old\nother:5432:*:bob:no\ndb:*:shop:bob:a\\:b\\\\c:d\n*:*:*:*:last\n";
        assert_eq!(find(text, "db", 5432, "shop", "bob").as_deref(), Some("a:b\\c:d"));
        assert_eq!(find(text, "/run/postgresql", 1, "x", "y").as_deref(), Some("last"));
        assert_eq!(find("h:1:d:u", "h", 1, "d", "u"), None);
    }

    #[test]
    fn what_is_written_is_found_again() {
        assert_eq!(find(&line("h", 1, "d:b", "u", "p:\\x"), "h", 1, "d:b", "u").as_deref(), Some("p:\\x"));
    }
}
