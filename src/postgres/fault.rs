//! A Postgres error as a person reads it: sentence, cause with SQLSTATE, what to do next.
//! Never passes on the values of a row: details that quote data are left out, names are kept.

use std::error::Error as StdError;
use std::io;

use crate::error::{Error, Kind};
use crate::postgres::connector::Connector;
use crate::postgres::dial::DialError;
use crate::postgres::host::HostKind;

/// An error of a statement.
pub fn fault(what: impl AsRef<str>, error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        let kind = if error.is_closed() || io_kind(error).is_some() { Kind::Unreachable } else { Kind::Failed };
        return Error::new(kind, what)
            .because(error)
            .hint("check the network and that the server still runs; the same command goes on where it stopped");
    };
    let code = db.code().code();
    let (kind, hint) = advice(code);
    let mut place = Vec::new();
    for (name, value) in [("table", db.table()), ("column", db.column()), ("constraint", db.constraint())] {
        if let Some(value) = value {
            place.push(format!("{name} {value}"));
        }
    }
    let place = if place.is_empty() { String::new() } else { format!("; {}", place.join(", ")) };
    let error = Error::new(kind, what).cause(format!("{} (SQLSTATE {code}{place})", db.message()));
    match db.hint() {
        Some(own) if hint.is_empty() => error.hint(own),
        _ if hint.is_empty() => error.hint("read the cause; the same command goes on where it stopped"),
        _ => error.hint(hint),
    }
}

/// The SQLSTATE that [`fault`] wrote into an error.
pub fn sqlstate(error: &Error) -> Option<&str> {
    error.causes.iter().find_map(|cause| cause.split_once("(SQLSTATE ")?.1.get(..5))
}

/// What a SQLSTATE means for the person; an empty hint when the server's own says more.
/// Source: PostgreSQL manual, appendix A; DSQL's codes from its user guide (2026-11-20).
fn advice(code: &str) -> (Kind, &'static str) {
    match code {
        "28P01" => (Kind::Denied, "the user name or password is wrong: take the URL again from where the database is managed"),
        "28000" => (
            Kind::Denied,
            "the server does not let this user in from here: allow this address, or turn encryption on with sslmode=require or verify-full",
        ),
        "3D000" => (Kind::Input, "there is no such database on that server: check the name at the end of the URL"),
        "42501" => (Kind::Denied, "the user lacks a right: use the owner of the database, or grant it"),
        "25006" => {
            (Kind::Refused, "this session or database is read-only: the source is never written to; a frozen database must be thawed first")
        }
        "53300" | "53400" => {
            (Kind::Unreachable, "the server has no free connection: stop other clients, lower --jobs, or raise max_connections")
        }
        "53100" => (Kind::Failed, "the server's disk is full: enlarge it, then run the same command again"),
        "57014" => {
            (Kind::Failed, "a time limit or an operator cancelled the statement: raise statement_timeout for this user and run again")
        }
        "57P01" | "57P02" | "57P03" => {
            (Kind::Unreachable, "the server is starting, stopping or restarting: wait a little and run the same command again")
        }
        "40001" | "40P01" => (Kind::Conflict, "another transaction was in the way: run the same command again"),
        "54000" => (Kind::Failed, "a limit of the server was reached: see the cause for which one"),
        "42P01" | "3F000" => (Kind::Conflict, "create the schema on this database first"),
        _ if code.starts_with("08") => (Kind::Unreachable, "check the network and run the same command again"),
        _ => (Kind::Failed, ""),
    }
}

/// An error of connecting to `to`.
pub fn connect_fault(to: &Connector, error: &DialError) -> Error {
    let what = format!("cannot connect to {}", to.label());
    if let DialError::Postgres(error) = error
        && error.as_db_error().is_some()
    {
        return db_connect_fault(&what, error);
    }
    let text = chain(error);
    let (kind, hint) = if text.contains("certificate") || text.contains("UnknownIssuer") {
        (Kind::Denied, certificate_hint(to.kind()))
    } else if text.contains("does not support TLS") {
        (Kind::Denied, "the server does not offer encryption: if that is right, say so with sslmode=disable")
    } else if text.contains("password missing") {
        (
            Kind::Denied,
            "the server asks for a password: put it into the URL or into ~/.pgpass (mode 0600); PGPASSWORD counts only for the server that PGHOST or PGSERVICE names",
        )
    } else if to.kind() == HostKind::Helium {
        (
            Kind::Unreachable,
            "helium is Replit's own database and answers only inside the Repl: run this in the Repl's shell, or dump there with pg_dump and bring the file",
        )
    } else {
        match io_kind(error) {
            Some(io::ErrorKind::ConnectionRefused) => {
                (Kind::Unreachable, "nothing listens there: check host and port, and that the server runs")
            }
            Some(io::ErrorKind::TimedOut) => (
                Kind::Unreachable,
                "no answer in time: check that a firewall or security group lets this machine in, and that the database is reachable from here",
            ),
            Some(_) if text.contains("lookup") || text.contains("resolve") => {
                (Kind::Unreachable, "no such host: check its name, and the network's DNS")
            }
            Some(_) | None => (Kind::Unreachable, "check host, port and network, then run the same command again"),
        }
    };
    Error::new(kind, what).because(error).hint(hint)
}

/// Whether DSQL calls the token expired: a new one is worth one more try. Without its hint the right is missing, and trying again is
/// useless. Source: DSQL's user guide, troubleshooting (2026-11-20).
pub fn login_has_expired(error: &DialError) -> bool {
    matches!(error, DialError::Postgres(error) if expired(error))
}

fn expired(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        db.message().contains(NO_ACCESS) && db.hint().is_some_and(|hint| hint.to_ascii_lowercase().contains("signature expired"))
    })
}

/// What DSQL says to a login that it does not take.
const NO_ACCESS: &str = "unable to accept connection, access denied";

fn db_connect_fault(what: &str, error: &tokio_postgres::Error) -> Error {
    let fault = fault(what, error);
    if expired(error) {
        return Error { kind: Kind::Denied, ..fault }
            .hint("the login token was too old when it arrived: set this machine's clock right, then run the same command again");
    }
    if error.as_db_error().is_some_and(|db| db.message().contains(NO_ACCESS)) {
        return Error { kind: Kind::Denied, ..fault }.hint(
            "the AWS identity may not log in as this user: it needs dsql:DbConnectAdmin on the cluster (user admin) or dsql:DbConnect and `AWS IAM GRANT` (another user); see who you are with `aws sts get-caller-identity`",
        );
    }
    if fault.causes.iter().any(|cause| cause.contains("unsupported startup parameter")) {
        return fault
            .hint("this is a connection pooler, which cannot hold a read-only session: use the direct host and port of the database");
    }
    fault
}

fn certificate_hint(kind: HostKind) -> &'static str {
    match kind {
        HostKind::Rds => {
            "Amazon's authorities of 2026-11-27 are built in, and this server's certificate is from none of them for this host name: use the endpoint's own name rather than an alias; leave sslrootcert out if it is set; for a newer region add sslrootcert=<the bundle that AWS publishes for RDS>"
        }
        HostKind::Helium | HostKind::Neon | HostKind::Dsql | HostKind::Localhost | HostKind::Other => {
            "the server's certificate is not trusted for this host name: add sslrootcert=<its authority as PEM>; sslmode=require encrypts without checking who answers"
        }
    }
}

/// Whether trying again shortly may help: the server starts up or wakes from scale to zero.
pub fn passes_with_time(to: &Connector, error: &DialError) -> bool {
    let (db, closed) = match error {
        DialError::Postgres(error) => (error.as_db_error(), error.is_closed()),
        DialError::Io(_) | DialError::NoTls => (None, false),
    };
    match db {
        Some(db) => {
            let text = db.message().to_ascii_lowercase();
            matches!(db.code().code(), "57P03" | "57P01" | "53400")
                || ["starting up", "waking up", "compute node", "control plane", "not yet accepting"].iter().any(|sign| text.contains(sign))
        }
        None => {
            let wakes = matches!(to.kind(), HostKind::Neon | HostKind::Dsql | HostKind::Rds);
            let again = [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof, io::ErrorKind::BrokenPipe];
            closed || io_kind(error).is_some_and(|kind| again.contains(&kind) || (wakes && kind == io::ErrorKind::TimedOut))
        }
    }
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sqlstate_can_be_read_back() {
        let error = Error::new(Kind::Failed, "x").cause("duplicate key (SQLSTATE 23505; constraint a_pkey)");
        assert_eq!(sqlstate(&error), Some("23505"));
        assert_eq!(sqlstate(&Error::new(Kind::Failed, "x")), None);
    }
}
