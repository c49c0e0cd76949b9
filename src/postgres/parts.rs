//! What one layer (a URL, a service, the environment) says about a database, by libpq's keywords, and how layers lie on each other.
//! Never reads a file or a variable, and never shows a value that may be a password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::postgres::encryption::{MODES, SslMode, Trust};
use crate::postgres::host;

/// What a layer says; `None` where it says nothing.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Parts {
    pub host: Option<String>,
    /// libpq's `hostaddr`: where to connect to, while `host` stays the name in the certificate.
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
    pub database: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub passfile: Option<PathBuf>,
    pub ssl: Option<SslMode>,
    pub trust: Option<Trust>,
    pub options: Option<String>,
    pub require_channel_binding: Option<bool>,
    /// How long connecting may take.
    pub timeout: Option<Duration>,
    pub service: Option<String>,
}

/// Why a value does not fit its keyword.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("the port is not a number from 1 to 65535 (an unencoded `:` or `@` in the password also looks like this)")]
    Port,
    #[error("hostaddr is not an IP address")]
    Address,
    #[error("it names several hosts; name the one to use")]
    SeveralHosts,
    #[error("sslmode `{0}` is not known: {MODES}")]
    Mode(String),
    #[error("channel_binding is none of disable, prefer, require")]
    ChannelBinding,
    #[error("connect_timeout is not a number of seconds")]
    Timeout,
    #[error("{0} is not supported; {1}")]
    Unsupported(&'static str, &'static str),
}

/// Whether a keyword is one of libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    Known,
    Unknown,
}

/// libpq's keywords that say nothing about which database it is, nor about who may read along. `application_name` is among them
/// because ours must stay: by it the freeze knows its own sessions. Source: PostgreSQL 18 manual, 32.1.2 (2026-11-27).
const WITHOUT_A_SAY: [&str; 21] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "gssencmode",
    "gsslib",
    "gssdelegation",
    "krbsrvname",
    "sslcompression",
    "sslsni",
    "sslnegotiation",
    "sslcertmode",
    "target_session_attrs",
    "load_balance_hosts",
    "min_protocol_version",
    "max_protocol_version",
];

/// Far longer than any server takes: libpq's "wait without end".
const NO_END: Duration = Duration::from_secs(24 * 3600);

impl Parts {
    /// Takes one setting over; of the same one twice the last counts.
    pub fn set(&mut self, name: &str, value: &str) -> Result<Keyword, Unfit> {
        let filled = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "host" if value.contains(',') => return Err(Unfit::SeveralHosts),
            "host" => self.host = filled(),
            "hostaddr" => self.address = filled().map(|text| text.parse().map_err(|_| Unfit::Address)).transpose()?,
            "port" => self.port = filled().map(|text| port(&text)).transpose()?,
            "dbname" => self.database = filled(),
            "user" => self.user = filled(),
            "password" => self.password = filled(),
            "passfile" => self.passfile = filled().map(PathBuf::from),
            "options" => self.options = filled(),
            "sslmode" => self.ssl = Some(SslMode::named(value).ok_or_else(|| Unfit::Mode(value.to_owned()))?),
            "sslrootcert" => self.trust = filled().map(|text| Trust::named(&text)),
            "channel_binding" => {
                self.require_channel_binding = Some(match value {
                    "require" => true,
                    "prefer" | "disable" => false,
                    _ => return Err(Unfit::ChannelBinding),
                });
            }
            "connect_timeout" => {
                let seconds = value.trim().parse::<i64>().map_err(|_| Unfit::Timeout)?;
                self.timeout = Some(u64::try_from(seconds).ok().filter(|s| *s > 0).map_or(NO_END, Duration::from_secs));
            }
            "service" => self.service = filled(),
            "sslcert" | "sslkey" | "sslpassword" => {
                return Err(Unfit::Unsupported("logging in with a client certificate (sslcert, sslkey)", "use a user with a password"));
            }
            "sslcrl"
            | "sslcrldir"
            | "requirepeer"
            | "require_auth"
            | "requiressl"
            | "ssl_min_protocol_version"
            | "ssl_max_protocol_version" => {
                return Err(Unfit::Unsupported("a demand on the server beyond sslmode, sslrootcert and channel_binding", "leave it out"));
            }
            _ if WITHOUT_A_SAY.contains(&name) => {}
            _ => return Ok(Keyword::Unknown),
        }
        Ok(Keyword::Known)
    }

    /// Whether this layer says where the server is.
    pub fn names_a_host(&self) -> bool {
        self.host.is_some() || self.address.is_some()
    }

    /// Whether both layers lead to one server; a port that one of them leaves open does not tell them apart.
    pub fn same_server(&self, other: &Parts) -> bool {
        let same_host = match (&self.host, &other.host) {
            (Some(one), Some(another)) => host::same(one, another),
            (None, None) => self.address.is_some() && self.address == other.address,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_host && self.port.zip(other.port).is_none_or(|(one, another)| one == another)
    }

    /// This layer, filled up from one below it. Password and address of the lower one were written for its own server: they are
    /// taken only when that is `meant`.
    #[must_use]
    pub fn over(self, lower: Parts, meant: Meant) -> Parts {
        let (password, address) = match meant {
            Meant::ThisServer => (lower.password, lower.address),
            Meant::AnotherServer => (None, None),
        };
        Parts {
            address: self.address.or(address),
            host: self.host.or(lower.host),
            port: self.port.or(lower.port),
            database: self.database.or(lower.database),
            user: self.user.or(lower.user),
            password: self.password.or(password),
            passfile: self.passfile.or(lower.passfile),
            ssl: self.ssl.or(lower.ssl),
            trust: self.trust.or(lower.trust),
            options: self.options.or(lower.options),
            require_channel_binding: self.require_channel_binding.or(lower.require_channel_binding),
            timeout: self.timeout.or(lower.timeout),
            service: self.service,
        }
    }
}

/// Which server a layer's password was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    ThisServer,
    AnotherServer,
}

/// 1 to 65535.
pub fn port(text: &str) -> Result<u16, Unfit> {
    text.trim().parse().ok().filter(|port| *port > 0).ok_or(Unfit::Port)
}
