//! A Postgres URL taken apart, by libpq's rules plus what ORMs append.
//! Never prints the password: an error names the part that is wrong, not its text.

use crate::error::{Error, Kind, Result};
use crate::postgres::encryption::SslMode;
use crate::postgres::parts::{self, Parts, Unfit};

/// Takes `postgres://user:password@host:port/database?sslmode=…` apart.
pub fn parse(url: &str) -> Result<Parts> {
    let url = url.trim();
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or_else(|| wrong("it does not start with postgres:// or postgresql://, nor with a keyword such as host="))?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !authority.contains('@') && tail.split('?').next().is_some_and(|path| path.contains('@')) {
        return Err(wrong("the password holds a `/`, `?` or `#` that is not percent-encoded (`/` is %2F, `?` is %3F, `#` is %23)"));
    }
    let mut parts = Parts::default();
    let host = match authority.rsplit_once('@') {
        Some((login, host)) => {
            let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
            parts.user = filled(decode(user, "user name")?);
            parts.password = filled(decode(password.unwrap_or_default(), "password")?);
            host
        }
        None => authority,
    };
    host_and_port(host, &mut parts)?;
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    if path.contains('#') || query.contains('#') {
        return Err(wrong("it holds a `#` that is not percent-encoded (%23)"));
    }
    parts.database = filled(decode(path.trim_start_matches('/'), "database name")?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameter(name, &decode(value, name)?, &mut parts)?;
    }
    Ok(parts)
}

fn host_and_port(text: &str, into: &mut Parts) -> Result<()> {
    if text.contains(',') {
        return Err(wrong(Unfit::SeveralHosts.to_string()));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| wrong("the IPv6 address has no closing `]`"))?;
            (host, after.strip_prefix(':').unwrap_or_default())
        }
        None => text.rsplit_once(':').unwrap_or((text, "")),
    };
    into.host = filled(decode(host, "host")?);
    if !port.is_empty() {
        into.port = Some(parts::port(port).map_err(|unfit| wrong(unfit.to_string()))?);
    }
    Ok(())
}

/// What ORMs and poolers append (schema, pgbouncer, connection_limit, …) says nothing about where the database is: it is passed over.
fn parameter(name: &str, value: &str, parts: &mut Parts) -> Result<()> {
    match name {
        "ssl" if value == "true" => parts.ssl = parts.ssl.or(Some(SslMode::Require)),
        _ => {
            parts.set(name, value).map_err(|unfit| wrong(unfit.to_string()))?;
        }
    }
    Ok(())
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Undoes percent-encoding.
fn decode(text: &str, part: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut hex = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        let code = hex().zip(hex()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        out.push(
            code.filter(|code| *code != 0).ok_or_else(|| {
                wrong(format!("the {part} holds a `%` that does not begin a percent-encoded character (`%` itself is %25)"))
            })?,
        );
    }
    String::from_utf8(out).map_err(|_| wrong(format!("the {part} is not UTF-8 after percent-decoding")))
}

fn wrong(why: impl AsRef<str>) -> Error {
    Error::new(Kind::Input, "cannot read the database URL")
        .cause(why)
        .hint("write it as postgresql://user:password@host:5432/database?sslmode=verify-full, with special characters percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::encryption::Trust;

    #[test]
    fn every_part_is_read() {
        let parts = parse("postgres://b%40b:p%2Fw:%25@db.example.com:6543/my%20shop?sslmode=verify-ca&sslrootcert=%2Fca.pem&schema=public")
            .unwrap();
        assert_eq!(parts.user.as_deref(), Some("b@b"));
        assert_eq!(parts.password.as_deref(), Some("p/w:%"));
        assert_eq!(parts.host.as_deref(), Some("db.example.com"));
        assert_eq!((parts.port, parts.database.as_deref()), (Some(6543), Some("my shop")));
        assert_eq!(parts.ssl, Some(SslMode::VerifyCa));
        assert_eq!(parts.trust, Some(Trust::File("/ca.pem".into())));
        let more = parse("postgres:///d?service=shop&hostaddr=10.0.0.1&connect_timeout=3&passfile=%2Fp&sslrootcert=system").unwrap();
        assert_eq!((more.service.as_deref(), more.timeout), (Some("shop"), Some(std::time::Duration::from_secs(3))));
        assert_eq!((more.address, more.trust), (Some([10, 0, 0, 1].into()), Some(Trust::System)));
    }

    #[test]
    fn sockets_and_ipv6_are_hosts() {
        assert_eq!(parse("postgresql://u@%2Frun%2Fpg/d").unwrap().host.as_deref(), Some("/run/pg"));
        assert_eq!(parse("postgresql:///d?host=/run/pg").unwrap().host.as_deref(), Some("/run/pg"));
        assert_eq!(parse("postgresql://[::1]:5433/d").unwrap().host.as_deref(), Some("::1"));
    }

    #[test]
    fn a_bad_url_says_what_is_wrong_and_hides_the_password() {
        for (url, says) in [
            ("mysql://u:hunter2@h/d", "does not start with"),
            ("postgres://u:hun/ter2@h/d", "%2F"),
            ("postgres://u:hunter2@h:70000/d", "port"),
            ("postgres://u:hunter2%zz@h/d", "the password holds a `%`"),
            ("postgres://u:hunter2@h/d?sslmode=maybe", "sslmode"),
            ("postgres://u:hunter2@a,b/d", "several hosts"),
            ("postgres://u:hunter2@a/d?hostaddr=ter2", "hostaddr"),
        ] {
            let error = parse(url).err().expect(url);
            assert_eq!(error.kind, Kind::Input, "{url}");
            assert!(error.to_string().contains(says), "{url}: {error}");
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
    }
}
