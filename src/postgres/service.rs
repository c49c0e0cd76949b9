//! libpq's connection service files: `[name]` and settings below it, found by `service=` or `PGSERVICE`.
//! Never shows a value: an error names file and line.

use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::parts::{Keyword, Parts};

/// Where Debian's libpq looks when `PGSYSCONFDIR` is not set. Source: `pg_config --sysconfdir` of its packages (2026-11-27).
const SYSTEM: &str = "/etc/postgresql-common";

/// What the service says: from `PGSERVICEFILE`, else `~/.pg_service.conf`; when it is not in there, from `pg_service.conf` in
/// `PGSYSCONFDIR`. Errors with [`Kind::Input`] for a service that no file has, and for a line that libpq would not understand.
pub fn look_up(name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Parts> {
    let get = |name: &str| env(name).filter(|value| !value.is_empty());
    let own = match get("PGSERVICEFILE") {
        Some(path) => Some(PathBuf::from(path)),
        None => get("HOME").map(|home| Path::new(&home).join(".pg_service.conf")).filter(|path| path.exists()),
    };
    let system = PathBuf::from(get("PGSYSCONFDIR").unwrap_or_else(|| SYSTEM.to_owned())).join("pg_service.conf");
    let mut looked_in = Vec::new();
    for path in own.into_iter().chain(Some(system).filter(|path| path.exists())) {
        let text = std::fs::read_to_string(&path).or_fail(
            Kind::Input,
            format!("cannot read the service file {}", path.display()),
            "name the right file in PGSERVICEFILE, or leave the variable out: then it is ~/.pg_service.conf",
        )?;
        if let Some(parts) = find(&text, name, &path)? {
            return Ok(parts);
        }
        looked_in.push(path.display().to_string());
    }
    let where_to =
        if looked_in.is_empty() { "there is no service file".to_owned() } else { format!("looked in {}", looked_in.join(" and ")) };
    Err(Error::new(Kind::Input, format!("there is no service `{name}`")).cause(where_to).hint(format!(
        "write [{name}] and below it host=, dbname= and user= into ~/.pg_service.conf, or name the file that has it in PGSERVICEFILE"
    )))
}

/// The settings below `[name]`; of the same one twice the first counts, as with libpq.
fn find(text: &str, name: &str, path: &Path) -> Result<Option<Parts>> {
    let mut found: Option<Parts> = None;
    let mut seen: Vec<&str> = Vec::new();
    for (n, line) in text.lines().enumerate().map(|(n, line)| (n + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.split_once(']').is_some_and(|(section, _)| section == name) {
                found = Some(Parts::default());
            }
            continue;
        }
        let Some(parts) = &mut found else { continue };
        let wrong = |why: &str| {
            Error::new(Kind::Input, format!("cannot read the service `{name}`"))
                .cause(format!("{}, line {n}: {why}", path.display()))
                .hint("write each setting as keyword=value on a line of its own, without blanks around `=` and without quotes: host, port, dbname, user, password, sslmode, sslrootcert, …")
        };
        let Some((key, value)) = line.split_once('=') else { return Err(wrong("it has no `=`")) };
        if key == "service" {
            return Err(wrong("a service cannot name another service"));
        }
        if seen.contains(&key) {
            continue;
        }
        match parts.set(key, value) {
            Ok(Keyword::Known) => seen.push(key),
            Ok(Keyword::Unknown) => return Err(wrong(&format!("`{key}` is not a keyword of libpq"))),
            Err(unfit) => return Err(wrong(&unfit.to_string())),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\n[other]\nhost=no\n\n[shop]\n  host=db.example.com\nport=6000\ndbname=my shop\npassword= p=w#1\nhost=second\n# end\n[later]\nnonsense\n";

    fn read(name: &str, text: &str) -> Result<Option<Parts>> {
        find(text, name, Path::new("/etc/pg_service.conf"))
    }

    #[test]
    fn a_section_is_read_as_libpq_reads_it() {
        let parts = read("shop", FILE).unwrap().unwrap();
        assert_eq!(parts.host.as_deref(), Some("db.example.com"));
        assert_eq!((parts.port, parts.database.as_deref()), (Some(6000), Some("my shop")));
        assert_eq!(parts.password.as_deref(), Some(" p=w#1"));
        assert!(read("absent", FILE).unwrap().is_none());
    }

    #[test]
    fn a_bad_line_is_named_by_file_and_line() {
        for (text, says) in [
            ("[s]\n\nhots=x", "/etc/pg_service.conf, line 3: `hots` is not a keyword of libpq"),
            ("[s]\nhost", "line 2: it has no `=`"),
            ("[s]\nservice=t", "cannot name another service"),
            ("[s]\nsslmode=maybe", "line 2: sslmode `maybe` is not known"),
        ] {
            let error = read("s", text).err().expect(text);
            assert!(error.kind == Kind::Input && error.to_string().contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn files_are_looked_in_by_turns_and_named_when_none_has_it() {
        let home = tempfile::tempdir().unwrap();
        let system = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".pg_service.conf"), "[mine]\nhost=mine\n[both]\nhost=mine\n").unwrap();
        std::fs::write(system.path().join("pg_service.conf"), "[both]\nhost=system\n[system]\nhost=system\n").unwrap();
        let env = |name: &str| match name {
            "HOME" => Some(home.path().display().to_string()),
            "PGSYSCONFDIR" => Some(system.path().display().to_string()),
            _ => None,
        };
        for (service, host) in [("mine", "mine"), ("both", "mine"), ("system", "system")] {
            assert_eq!(look_up(service, &env).unwrap().host.as_deref(), Some(host), "{service}");
        }
        let error = look_up("absent", &env).err().unwrap().to_string();
        assert!(error.contains("there is no service `absent`") && error.contains(".pg_service.conf and /"), "{error}");
        let named = |name: &str| if name == "PGSERVICEFILE" { Some("/nonexistent/file".to_owned()) } else { None };
        assert!(look_up("mine", &named).err().unwrap().to_string().contains("cannot read the service file /nonexistent/file"));
    }
}
