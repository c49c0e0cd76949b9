//! Where a database is and how to reach it: host, login, encryption; made from a URL, keywords, a service or the environment.
//! Never shows its password (not in `Debug`, not in a label) and never opens a connection itself: that is `connect.rs`.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::postgres::encryption::{SslMode, Trust};
use crate::postgres::host::{self, HostKind};
use crate::postgres::layers::{self, Env};
use crate::postgres::pace::Pace;
use crate::postgres::parts::Parts;
use crate::postgres::passfile;
use crate::postgres::passwords::{Password, Passwords};

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server refuses every write.
    ReadOnly,
    ReadWrite,
}

/// How long connecting may take when nobody says: to reach the server, and twice that for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Everything needed to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct Connector {
    pub(super) host: String,
    /// Where to connect to, when not to what `host` resolves to.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    password: Option<Password>,
    /// Asked instead of `password`, for each connection.
    pub(super) passwords: Option<Passwords>,
    pub(super) ssl: SslMode,
    pub(super) trust: Trust,
    pub(super) options: Option<String>,
    pub(super) require_channel_binding: bool,
    timeout: Option<Duration>,
    pub(super) pace: Option<Pace>,
    /// The most that a session of this connector may ever do.
    pub(super) at_most: Access,
    /// Its writing sessions are not held back by the freeze.
    pub(super) past_the_freeze: bool,
    notes: Vec<String>,
}

impl Connector {
    /// Reads a `postgres://` or `postgresql://` URL, or libpq's keywords (`host=… dbname=…`). What it leaves out comes from its service
    /// or `PGSERVICE`, then from the `PG*` variables, then from libpq's defaults; a missing password from the password file. Which
    /// passwords count for which server: see `layers.rs`. Fails with [`Kind::Input`] and names the wrong part, never the password.
    pub fn from_url(text: &str) -> Result<Self> {
        Self::from_text(text, &variable)
    }

    /// Reads a URL that says everything, such as one that we made: service and `PG*` variables add nothing to it.
    pub fn from_url_alone(text: &str) -> Result<Self> {
        Self::from_parts(layers::named(text)?, &variable)
    }

    /// The first variable of `url_names` that is set, else libpq's `PG*` variables.
    pub fn from_env(url_names: &[&str]) -> Result<Self> {
        Self::from_lookup(url_names, &variable)
    }

    /// [`Self::from_env`] over any source of variables.
    pub fn from_lookup(url_names: &[&str], env: Env<'_>) -> Result<Self> {
        let get = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if let Some((name, value)) = url_names.iter().find_map(|name| Some((name, get(name)?))) {
            let parts = layers::named(&value).map_err(|error| Error { what: format!("{} in {name}", error.what), ..error })?;
            return Self::filled(parts, env);
        }
        if layers::NAMING.iter().all(|name| get(name).is_none()) {
            return Err(Error::new(
                Kind::Input,
                format!("no database is named: {}, PGHOST and PGSERVICE are not set", url_names.join(", ")),
            )
            .hint("set one of them, for example DATABASE_URL=postgresql://user:password@host:5432/database"));
        }
        Self::filled(Parts::default(), env)
    }

    /// [`Self::from_url`] over any source of variables.
    pub fn from_text(text: &str, env: Env<'_>) -> Result<Self> {
        Self::filled(layers::named(text)?, env)
    }

    fn filled(named: Parts, env: Env<'_>) -> Result<Self> {
        let (parts, notes) = layers::fill(named, env)?;
        let mut connector = Self::from_parts(parts, env)?;
        connector.notes.extend(notes);
        Ok(connector)
    }

    fn from_parts(parts: Parts, env: Env<'_>) -> Result<Self> {
        let mut notes = Vec::new();
        let named = parts.host.or_else(|| parts.address.map(|address| address.to_string())).unwrap_or_else(|| "localhost".to_owned());
        let host = host::direct(&named);
        if host != named {
            notes.push(format!(
                "{named} is Neon's connection pooler; the direct host {host} is used instead, because a snapshot needs a session of its own"
            ));
        }
        // DSQL has one database, and one user to begin with.
        let dsql = HostKind::of(&host) == HostKind::Dsql;
        let user = parts.user.or_else(|| if dsql { Some("admin".to_owned()) } else { env("USER") });
        let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "postgres".to_owned());
        let database = parts.database.unwrap_or_else(|| if dsql { "postgres".to_owned() } else { user.clone() });
        let port = parts.port.unwrap_or(5432);
        let trust = parts.trust.unwrap_or_default();
        let ssl = match (host.starts_with('/'), parts.ssl, &trust) {
            (true, _, _) => SslMode::Disable,
            (false, Some(weak), Trust::System) if weak < SslMode::VerifyFull => {
                return Err(Error::new(Kind::Input, format!("sslmode={} is too weak for sslrootcert=system", weak.name()))
                    .cause("anybody can have a certificate of a public authority: only its name tells who answers")
                    .hint("use sslmode=verify-full, or leave sslrootcert=system out"));
            }
            (false, Some(asked), _) => asked,
            (false, None, Trust::System) => SslMode::VerifyFull,
            (false, None, Trust::Usual | Trust::File(_)) => layers::usual(&host),
        };
        let password = parts.password.or_else(|| passfile::look_up(parts.passfile, env, &host, port, &database, &user));
        Ok(Self {
            host,
            address: parts.address,
            port,
            database,
            user,
            password: password.map(Password::new),
            passwords: None,
            ssl,
            trust,
            options: parts.options,
            require_channel_binding: parts.require_channel_binding.unwrap_or_default(),
            timeout: parts.timeout,
            pace: None,
            at_most: Access::ReadWrite,
            past_the_freeze: false,
            notes,
        })
    }

    /// A connector from its parts, with the default encryption for the host; `PG*` variables add nothing to it.
    pub fn new(host: &str, port: u16, database: &str, user: &str) -> Result<Self> {
        let parts = Parts {
            host: Some(host.to_owned()),
            port: Some(port),
            database: Some(database.to_owned()),
            user: Some(user.to_owned()),
            ..Parts::default()
        };
        Self::from_parts(parts, &variable)
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

    /// The PEM file whose authorities are trusted instead of the usual ones.
    pub fn root_cert(&self) -> Option<&Path> {
        match &self.trust {
            Trust::File(path) => Some(path),
            Trust::Usual | Trust::System => None,
        }
    }

    /// Whether there is a password, kept or made for each connection.
    pub fn has_password(&self) -> bool {
        self.password.is_some() || self.passwords.is_some()
    }

    /// The password for a connection that is opened now.
    pub(super) async fn password_for_now(&self) -> Result<Option<Password>> {
        match &self.passwords {
            Some(passwords) => passwords.next().await.map(Some),
            None => Ok(self.password.clone()),
        }
    }

    /// How long reaching the server may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    /// What was changed on reading the URL, and what came from elsewhere and matters; for the person to see.
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

    /// The same with another password.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        Self { password: Some(Password::new(password)), passwords: None, ..self.clone() }
    }

    /// The same with a password of its own for each connection, such as a DSQL token.
    #[must_use]
    pub fn with_passwords(&self, passwords: Passwords) -> Self {
        Self { password: None, passwords: Some(passwords), ..self.clone() }
    }

    /// The same, opening at most so many connections a second; clones share the count.
    #[must_use]
    pub fn with_rate(&self, per_second: u32) -> Self {
        Self { pace: Some(Pace::per_second(per_second)), ..self.clone() }
    }

    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    /// The same, trusting the authorities in this PEM file and checking the host name.
    #[must_use]
    pub fn with_root_cert(&self, path: &Path) -> Self {
        Self { trust: Trust::File(path.to_owned()), ssl: SslMode::VerifyFull, ..self.clone() }
    }

    /// The same with the certificate and the host name checked.
    #[must_use]
    pub fn verified(&self) -> Self {
        Self { ssl: SslMode::VerifyFull, ..self.clone() }
    }

    /// The same, whose sessions are read-only whatever is asked for: asking for more is refused before a byte is sent.
    #[must_use]
    pub fn only_reading(&self) -> Self {
        Self { at_most: Access::ReadOnly, ..self.clone() }
    }

    /// The same, whose writing sessions begin read-write although the database is frozen for everybody else: for the way back alone.
    #[must_use]
    pub fn past_the_freeze(&self) -> Self {
        Self { past_the_freeze: true, ..self.clone() }
    }

    /// The URL with its password: only for a secret store, never for a log, file or argument.
    pub fn secret_url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{}", encode(password.expose()))).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { encode(&self.host) };
        let root = match &self.trust {
            Trust::Usual => String::new(),
            Trust::System => "&sslrootcert=system".to_owned(),
            Trust::File(path) => format!("&sslrootcert={}", encode(&path.to_string_lossy())),
        };
        let address = self.address.map(|address| format!("&hostaddr={}", encode(&address.to_string()))).unwrap_or_default();
        format!(
            "postgresql://{}{password}@{host}:{}/{}?sslmode={}{root}{address}",
            encode(&self.user),
            self.port,
            encode(&self.database),
            self.ssl.name()
        )
    }

    pub fn kind(&self) -> HostKind {
        HostKind::of(&self.host)
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({}, sslmode={}, password {})", self.label(), self.ssl.name(), if self.has_password() { "***" } else { "none" })
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
    fn what_nobody_says_comes_from_the_host() {
        let dsql = from(&[("U", "postgres://abc.dsql.us-east-1.on.aws"), ("USER", "bob")], &["U"]).unwrap();
        assert_eq!((dsql.user(), dsql.database(), dsql.port()), ("admin", "postgres", 5432));
        let other = from(&[("U", "host=db.example.com"), ("USER", "bob")], &["U"]).unwrap();
        assert_eq!((other.user(), other.database(), other.timeout()), ("bob", "bob", TIMEOUT));
        let pooled = from(&[("PGHOST", "ep-x-pooler.eu.neon.tech")], &["U"]).unwrap();
        assert_eq!((pooled.host(), pooled.notes().len()), ("ep-x.eu.neon.tech", 1));
        let address = from(&[("U", "hostaddr=::1 host=db.example.com")], &["U"]).unwrap();
        assert_eq!(address.secret_url(), "postgresql://postgres@db.example.com:5432/postgres?sslmode=verify-full&hostaddr=%3A%3A1");
        // the system's authorities vouch for anybody's name: it must be checked
        assert_eq!(from(&[("U", "host=h sslrootcert=system")], &["U"]).unwrap().ssl_mode(), SslMode::VerifyFull);
        let weak = from(&[("U", "host=h sslrootcert=system sslmode=require")], &["U"]).unwrap_err();
        assert!(weak.kind == Kind::Input && weak.what.contains("too weak"), "{weak}");
    }

    #[test]
    fn copies_are_equal_and_a_source_of_passwords_is_not_shown() {
        let connector = from(&[("U", "postgres://u@h/d")], &["U"]).unwrap();
        let tokens = connector.with_passwords(Passwords::new(|| async { Ok(Password::new("hunter2")) })).with_rate(100);
        assert!(tokens.has_password() && tokens == tokens.clone() && tokens != connector);
        assert_eq!(format!("{tokens:?}"), "Connector(d on h:5432 as u, sslmode=verify-full, password ***)");
        assert!(!tokens.secret_url().contains("hunter2"));
        assert!(tokens.with_password("kept").passwords.is_none());
    }

    #[test]
    fn the_password_is_never_shown_but_survives_the_secret_url() {
        let connector = from(&[("U", "postgres://u:h%40nter2@db.example.com/d")], &["U"]).unwrap();
        assert!(!format!("{connector:?} {}", connector.label()).contains("nter2"));
        assert_eq!(connector.secret_url(), "postgresql://u:h%40nter2@db.example.com:5432/d?sslmode=verify-full");
    }
}
