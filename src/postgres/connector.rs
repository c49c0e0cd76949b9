//! Where a database is and how to reach it: host, login, encryption; made from a URL or from the environment.
//! Never shows its password (not in `Debug`, not in a label) and never opens a connection itself: that is `connect.rs`.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::postgres::{passfile, url};

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server refuses every write.
    ReadOnly,
    ReadWrite,
}

/// libpq's `sslmode`; what each one checks is in `tls.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" | "no-verify" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            other => Err(Error::new(Kind::Input, format!("sslmode `{other}` is not known"))
                .hint("use disable, prefer, require, verify-ca or verify-full")),
        }
    }

    /// As libpq writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Whose host it is, as far as the name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// Replit's own development database: reachable only inside the Repl.
    Helium,
    Neon,
    /// Amazon RDS or Aurora.
    Rds,
    Dsql,
    Localhost,
    Other,
}

/// Everything needed to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct Connector {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) ssl: SslMode,
    pub(super) root_cert: Option<PathBuf>,
    pub(super) options: Option<String>,
    pub(super) require_channel_binding: bool,
    /// The most that a session of this connector may ever do.
    pub(super) at_most: Access,
    notes: Vec<String>,
}

impl Connector {
    /// Reads `postgres://` and `postgresql://` URLs; a missing password is looked up in the password file.
    /// Fails with [`Kind::Input`] and names the wrong part, never the password.
    pub fn from_url(text: &str) -> Result<Self> {
        Self::from_parts(url::parse(text)?, &|name| std::env::var(name).ok())
    }

    /// The first variable of `url_names` that is set, else libpq's `PG*` variables.
    pub fn from_env(url_names: &[&str]) -> Result<Self> {
        Self::from_lookup(url_names, &|name| std::env::var(name).ok())
    }

    /// [`Self::from_env`] over any source of variables.
    pub fn from_lookup(url_names: &[&str], env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if let Some((name, value)) = url_names.iter().find_map(|name| Some((name, get(name)?))) {
            return url::parse(&value)
                .and_then(|parts| Self::from_parts(parts, env))
                .map_err(|error| Error { what: format!("{} in {name}", error.what), ..error });
        }
        if get("PGHOST").or_else(|| get("PGDATABASE")).is_none() {
            return Err(Error::new(Kind::Input, format!("no database is named: {} and PGHOST are not set", url_names.join(", ")))
                .hint("set one of them, for example DATABASE_URL=postgresql://user:password@host:5432/database"));
        }
        let parts = url::Parts {
            host: get("PGHOST"),
            port: get("PGPORT").map(|port| url::parse_port(&port)).transpose()?,
            database: get("PGDATABASE"),
            user: get("PGUSER"),
            password: get("PGPASSWORD"),
            ssl: get("PGSSLMODE").map(|mode| SslMode::parse(&mode)).transpose()?,
            root_cert: get("PGSSLROOTCERT").filter(|path| path != "system").map(PathBuf::from),
            options: get("PGOPTIONS"),
            require_channel_binding: get("PGCHANNELBINDING").is_some_and(|value| value == "require"),
        };
        Self::from_parts(parts, env)
    }

    fn from_parts(parts: url::Parts, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut notes = Vec::new();
        let mut host = parts.host.unwrap_or_else(|| "localhost".to_owned());
        if kind_of(&host) == HostKind::Neon && host.contains("-pooler.") {
            host = host.replacen("-pooler.", ".", 1);
            notes.push(format!("the URL names Neon's connection pooler; the direct host {host} is used instead, because a snapshot needs a session of its own"));
        }
        let user = parts.user.or_else(|| env("USER")).unwrap_or_else(|| "postgres".to_owned());
        let database = parts.database.unwrap_or_else(|| user.clone());
        let port = parts.port.unwrap_or(5432);
        let ssl = parts.ssl.unwrap_or(match kind_of(&host) {
            HostKind::Helium | HostKind::Localhost => SslMode::Prefer,
            HostKind::Neon | HostKind::Rds | HostKind::Dsql | HostKind::Other => SslMode::VerifyFull,
        });
        let ssl = if host.starts_with('/') { SslMode::Disable } else { ssl };
        let password = parts.password.or_else(|| passfile::look_up(env, &host, port, &database, &user));
        let (root_cert, options, require_channel_binding) = (parts.root_cert, parts.options, parts.require_channel_binding);
        Ok(Self {
            host,
            port,
            database,
            user,
            password,
            ssl,
            root_cert,
            options,
            require_channel_binding,
            at_most: Access::ReadWrite,
            notes,
        })
    }

    /// A connector from its parts, with the default encryption for the host.
    pub fn new(host: &str, port: u16, database: &str, user: &str) -> Result<Self> {
        let parts = url::Parts {
            host: Some(host.to_owned()),
            port: Some(port),
            database: Some(database.to_owned()),
            user: Some(user.to_owned()),
            ..url::Parts::default()
        };
        Self::from_parts(parts, &|name| std::env::var(name).ok())
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn ssl_mode(&self) -> SslMode {
        self.ssl
    }

    pub fn root_cert(&self) -> Option<&Path> {
        self.root_cert.as_deref()
    }

    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// What was changed on reading the URL, for the person to see.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// "db on host:port as user".
    pub fn label(&self) -> String {
        format!("{} on {}:{} as {}", self.database, self.host, self.port, self.user)
    }

    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The same with another password, such as a fresh DSQL token.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        Self { password: Some(password.to_owned()), ..self.clone() }
    }

    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    /// The same, trusting the authorities in this PEM file and checking the host name.
    #[must_use]
    pub fn with_root_cert(&self, path: &Path) -> Self {
        Self { root_cert: Some(path.to_owned()), ssl: SslMode::VerifyFull, ..self.clone() }
    }

    /// The same, whose sessions are read-only whatever is asked for: asking for more is refused before a byte is sent.
    #[must_use]
    pub fn only_reading(&self) -> Self {
        Self { at_most: Access::ReadOnly, ..self.clone() }
    }

    /// The URL with its password: only for a secret store, never for a log, file or argument.
    pub fn secret_url(&self) -> String {
        let password = self.password.as_deref().map(|password| format!(":{}", encode(password))).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { encode(&self.host) };
        let root = self.root_cert.as_ref().map(|path| format!("&sslrootcert={}", encode(&path.to_string_lossy()))).unwrap_or_default();
        format!(
            "postgresql://{}{password}@{host}:{}/{}?sslmode={}{root}",
            encode(&self.user),
            self.port,
            encode(&self.database),
            self.ssl.name()
        )
    }

    pub fn kind(&self) -> HostKind {
        kind_of(&self.host)
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn kind_of(host: &str) -> HostKind {
    let host = host.to_ascii_lowercase();
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if host == "helium" {
        HostKind::Helium
    } else if host == "localhost" || host.starts_with('/') || loopback {
        HostKind::Localhost
    } else if host.ends_with(".neon.tech") {
        HostKind::Neon
    } else if host.ends_with(".rds.amazonaws.com") || host.ends_with(".rds.amazonaws.com.cn") {
        HostKind::Rds
    } else if host.contains(".dsql") && host.ends_with(".on.aws") {
        HostKind::Dsql
    } else {
        HostKind::Other
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Connector({}, sslmode={}, password {})",
            self.label(),
            self.ssl.name(),
            if self.password.is_some() { "***" } else { "none" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)], names: &[&str]) -> Result<Connector> {
        Connector::from_lookup(names, &|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn hosts_are_recognised_and_encrypted_by_default() {
        for (host, kind, ssl) in [
            ("helium", HostKind::Helium, SslMode::Prefer),
            ("ep-x-1.us-east-2.aws.neon.tech", HostKind::Neon, SslMode::VerifyFull),
            ("shop.abc.eu-west-1.rds.amazonaws.com", HostKind::Rds, SslMode::VerifyFull),
            ("abc.dsql.us-east-1.on.aws", HostKind::Dsql, SslMode::VerifyFull),
            ("abc.dsql-fnh4.us-east-1.on.aws", HostKind::Dsql, SslMode::VerifyFull),
            ("127.0.0.1", HostKind::Localhost, SslMode::Prefer),
            ("db.example.com", HostKind::Other, SslMode::VerifyFull),
        ] {
            let connector = from(&[("U", &format!("postgres://u@{host}/d"))], &["U"]).unwrap();
            assert_eq!((connector.kind(), connector.ssl_mode()), (kind, ssl), "{host}");
        }
    }

    #[test]
    fn neons_pooler_becomes_the_direct_host_with_a_note() {
        let connector = from(&[("U", "postgres://u:p@ep-x-pooler.us-east-2.aws.neon.tech/d?sslmode=require")], &["U"]).unwrap();
        assert_eq!(connector.host(), "ep-x.us-east-2.aws.neon.tech");
        assert_eq!(connector.ssl_mode(), SslMode::Require);
        assert_eq!(connector.notes().len(), 1);
    }

    #[test]
    fn the_first_set_variable_wins_then_the_pg_variables() {
        let vars = [("A", ""), ("B", "postgres://u@b/d"), ("PGHOST", "pg"), ("PGUSER", "bob"), ("PGPASSWORD", "x"), ("PGPORT", "6000")];
        assert_eq!(from(&vars, &["A", "B"]).unwrap().host(), "b");
        let pg = from(&vars, &["A"]).unwrap();
        assert_eq!(pg.label(), "bob on pg:6000 as bob");
        assert!(pg.has_password());
        assert_eq!(from(&[], &["A"]).unwrap_err().kind, Kind::Input);
        assert!(from(&[("A", "nonsense")], &["A"]).unwrap_err().what.ends_with("in A"));
    }

    #[test]
    fn the_password_is_never_shown_but_survives_the_secret_url() {
        let connector = from(&[("U", "postgres://u:h%40nter2@db.example.com/d")], &["U"]).unwrap();
        assert!(!format!("{connector:?} {}", connector.label()).contains("nter2"));
        assert_eq!(connector.secret_url(), "postgresql://u:h%40nter2@db.example.com:5432/d?sslmode=verify-full");
    }
}
