//! libpq's password file: looking a password up, and the line that a client program finds one by.
//! Never prints what it finds.

use std::path::{Path, PathBuf};

use crate::postgres::layers::Env;

/// The password that `named` (else `PGPASSFILE`, else `~/.pgpass`) holds for these four; `None` when there is no file, no match, or others may read it.
pub fn look_up(named: Option<PathBuf>, env: Env<'_>, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let path =
        named.or_else(|| env("PGPASSFILE").map(PathBuf::from)).or_else(|| env("HOME").map(|home| Path::new(&home).join(".pgpass")))?;
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
