//! Whose host a name stands for, and which host to use instead of a connection pooler.
//! Never asks the network: the name alone tells.

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

impl HostKind {
    pub fn of(host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if host == "helium" {
            Self::Helium
        } else if host == "localhost" || host.starts_with('/') || loopback {
            Self::Localhost
        } else if host.ends_with(".neon.tech") {
            Self::Neon
        } else if host.ends_with(".rds.amazonaws.com") || host.ends_with(".rds.amazonaws.com.cn") {
            Self::Rds
        } else if host.contains(".dsql") && host.ends_with(".on.aws") {
            Self::Dsql
        } else {
            Self::Other
        }
    }
}

/// The host behind Neon's connection pooler; any other host as it is.
pub fn direct(host: &str) -> String {
    if HostKind::of(host) == HostKind::Neon { host.replacen("-pooler.", ".", 1) } else { host.to_owned() }
}

/// Whether two names lead to the same server, as far as names tell.
pub fn same(one: &str, other: &str) -> bool {
    direct(one).eq_ignore_ascii_case(&direct(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_and_its_direct_host_are_the_same_server() {
        assert_eq!(direct("ep-x-pooler.eu.neon.tech"), "ep-x.eu.neon.tech");
        assert_eq!(direct("my-pooler.example.com"), "my-pooler.example.com");
        assert!(same("EP-x.eu.neon.tech", "ep-x-pooler.eu.neon.tech"));
        assert!(!same("a.example.com", "b.example.com"));
    }
}
