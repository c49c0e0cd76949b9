//! The layers a connection is made of, in libpq's order: what is named (URL or keywords), the service, the PG* variables.
//! Never lets a password reach a server that it was not written for.
//!
//! The rule, stricter than libpq's, because two databases are at hand here and a shell's variables mean only one of them:
//! - A service's password (and `hostaddr`) counts unless the URL names a server of its own that is not the service's.
//! - `PGPASSWORD` (and `PGHOSTADDR`) counts unless the URL, by itself or by the service it names, leads to a server that is not
//!   the one in `PGHOST`.
//! - Servers are the same when their host is (Neon's pooler and its direct host are one) and no two ports contradict.
//! - A password file needs no such rule: its lines name the host themselves.

use crate::error::{Error, Kind, Result};
use crate::postgres::encryption::SslMode;
use crate::postgres::host::HostKind;
use crate::postgres::parts::{Meant, Parts};
use crate::postgres::{keywords, service, url};

/// A source of variables.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// libpq's variables and the keywords they stand for.
const VARIABLES: [(&str, &str); 13] = [
    ("PGSERVICE", "service"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGOPTIONS", "options"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
];

/// Variables that name a database by themselves.
pub const NAMING: [&str; 3] = ["PGHOST", "PGDATABASE", "PGSERVICE"];

/// A URL or a keyword/value string, by itself.
pub fn named(text: &str) -> Result<Parts> {
    if keywords::are_meant(text) { keywords::parse(text) } else { url::parse(text) }
}

/// What is named, filled up from its service and the environment; and what a person should know of it.
pub fn fill(text: Parts, env: Env<'_>) -> Result<(Parts, Vec<String>)> {
    let variables = environment(env)?;
    let asked = text.ssl;
    let service_is_named = text.service.is_some();
    let service = match text.service.as_ref().or(variables.service.as_ref()) {
        Some(name) => service::look_up(name, env)?,
        None => Parts::default(),
    };
    let leads_elsewhere = text.names_a_host() || (service_is_named && service.names_a_host());
    let meant = meant(!text.names_a_host() || text.same_server(&service));
    let from_service = service.ssl;
    let parts = text.over(service, meant);
    let meant = self::meant(!leads_elsewhere || parts.same_server(&variables));
    let parts = parts.over(variables, meant);
    let notes = weakened(&parts, asked, from_service).filter(|_| leads_elsewhere);
    Ok((parts, notes.into_iter().collect()))
}

fn meant(this_server: bool) -> Meant {
    if this_server { Meant::ThisServer } else { Meant::AnotherServer }
}

/// The layer of the environment; an empty variable says nothing.
fn environment(env: Env<'_>) -> Result<Parts> {
    let mut parts = Parts::default();
    for (variable, keyword) in VARIABLES {
        if let Some(value) = env(variable).filter(|value| !value.trim().is_empty()) {
            parts.set(keyword, &value).map_err(|unfit| {
                Error::new(Kind::Input, format!("cannot read the variable {variable}"))
                    .cause(unfit.to_string())
                    .hint(format!("correct {variable}, or unset it"))
            })?;
        }
    }
    Ok(parts)
}

/// Says so when a lower layer asks for less encryption than the host would get without it.
fn weakened(parts: &Parts, asked: Option<SslMode>, from_service: Option<SslMode>) -> Option<String> {
    let (mode, usual) = (parts.ssl?, usual(parts.host.as_deref().unwrap_or("localhost")));
    let layer = if from_service.is_some() { "the service" } else { "PGSSLMODE" };
    (asked.is_none() && usual == SslMode::VerifyFull && mode < usual).then(|| {
        format!(
            "sslmode={} comes from {layer}; without it this host's certificate would be checked (sslmode={})",
            mode.name(),
            usual.name()
        )
    })
}

/// The encryption of a host when nobody says which.
pub fn usual(host: &str) -> SslMode {
    match HostKind::of(host) {
        HostKind::Helium | HostKind::Localhost => SslMode::Prefer,
        HostKind::Neon | HostKind::Rds | HostKind::Dsql | HostKind::Other => SslMode::VerifyFull,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a text and some variables, with a service file that has one service, `shop` at `svc`.
    fn filled(text: &str, variables: &[(&str, &str)]) -> Result<(Parts, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("services");
        std::fs::write(&file, "[shop]\nhost=svc\nport=1111\ndbname=svc-db\nuser=svc-user\npassword=svc-pw\nsslmode=require\n").unwrap();
        let file = file.display().to_string();
        let env = |name: &str| match name {
            "PGSERVICEFILE" => Some(file.clone()),
            _ => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        };
        fill(if text.is_empty() { Parts::default() } else { named(text)? }, &env)
    }

    /// `host port database user password`, `-` where nothing is said.
    fn words(text: &str, variables: &[(&str, &str)]) -> String {
        let (parts, _) = filled(text, variables).unwrap();
        let word = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        [word(parts.host), word(parts.port.map(|p| p.to_string())), word(parts.database), word(parts.user), word(parts.password)].join(" ")
    }

    const PG: [(&str, &str); 5] =
        [("PGHOST", "pg"), ("PGPORT", "2222"), ("PGDATABASE", "pg-db"), ("PGUSER", "pg-user"), ("PGPASSWORD", "pg-pw")];

    #[test]
    fn what_is_named_comes_before_the_service_and_the_service_before_the_variables() {
        let service = [("PGSERVICE", "shop")];
        let both = [&service[..], &PG].concat();
        let only_password = [("PGSERVICE", "shop"), ("PGPASSWORD", "pg-pw")];
        for (text, variables, then) in [
            ("", &PG[..], "pg 2222 pg-db pg-user pg-pw"),
            ("", &service, "svc 1111 svc-db svc-user svc-pw"),
            ("", &both, "svc 1111 svc-db svc-user svc-pw"),
            ("", &only_password, "svc 1111 svc-db svc-user svc-pw"),
            ("postgres:///", &PG, "pg 2222 pg-db pg-user pg-pw"),
            ("postgres:///mine", &both, "svc 1111 mine svc-user svc-pw"),
            ("postgres://me:own@/mine", &PG, "pg 2222 mine me own"),
            ("service=shop user=me", &PG, "svc 1111 svc-db me svc-pw"),
            ("postgres://pg/?service=shop", &[], "pg 1111 svc-db svc-user -"),
        ] {
            assert_eq!(words(text, variables), then, "{text} {variables:?}");
        }
    }

    #[test]
    fn a_password_goes_only_to_the_server_that_it_was_written_for() {
        let service = [("PGSERVICE", "shop")];
        let neon = [("PGHOST", "ep-x-pooler.eu.neon.tech"), ("PGPASSWORD", "pg-pw")];
        for (text, variables, password) in [
            // another host, and another port of the same host
            ("postgres://other/db", &PG[..], None),
            ("postgres://pg:9999/db", &PG, None),
            ("host=other", &service, None),
            ("host=svc port=9999", &service, None),
            // no variable says whose password it is
            ("postgres://other/db", &[("PGPASSWORD", "pg-pw")], None),
            // the URL's own service leads elsewhere
            ("postgres:///?service=shop&password=", &[("PGPASSWORD", "pg-pw")], Some("svc-pw")),
            // the same server
            ("postgres://PG/db", &PG, Some("pg-pw")),
            ("postgres://pg:2222/db", &PG, Some("pg-pw")),
            ("postgres://svc/db", &service, Some("svc-pw")),
            ("postgres://ep-x.eu.neon.tech/db", &neon, Some("pg-pw")),
            // none is named
            ("dbname=db", &PG, Some("pg-pw")),
        ] {
            let (parts, _) = filled(text, variables).unwrap();
            assert_eq!(parts.password.as_deref(), password, "{text} {variables:?}");
        }
        // an address leads to a server as well
        let elsewhere = [("PGHOST", "pg"), ("PGHOSTADDR", "10.0.0.9")];
        assert_eq!(filled("postgres://other/db", &elsewhere).unwrap().0.address, None);
        assert_eq!(filled("postgres://pg/db", &elsewhere).unwrap().0.address, Some([10, 0, 0, 9].into()));
    }

    #[test]
    fn less_encryption_from_elsewhere_is_said() {
        let notes = |text: &str| filled(text, &[("PGSSLMODE", "disable")]).unwrap().1;
        assert_eq!(
            notes("postgres://db.example.com/d"),
            ["sslmode=disable comes from PGSSLMODE; without it this host's certificate would be checked (sslmode=verify-full)"]
        );
        assert!(notes("postgres://db.example.com/d?sslmode=require").is_empty());
        assert!(notes("postgres://localhost/d").is_empty());
    }

    #[test]
    fn a_bad_variable_is_named_without_its_value() {
        for (name, value) in
            [("PGPORT", "hunter2"), ("PGHOSTADDR", "hunter2"), ("PGCHANNELBINDING", "hunter2"), ("PGCONNECT_TIMEOUT", "hunter2")]
        {
            let error = filled("postgres://h/d", &[(name, value)]).err().unwrap();
            assert!(error.kind == Kind::Input && error.what.ends_with(name) && !error.hint.is_empty(), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
