//! The services of an app as one line of text: `web:3000,api:3001:/api`.
//! Never looks at the app itself; the text comes from the scan or from a person.

use crate::error::{Error, Kind, Result};

/// One service that takes traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Letters, digits and `-`, starting with a letter.
    pub name: String,
    pub port: u16,
    /// A path that begins with `/`, or a host name; `None` lets the routing decision choose.
    pub route: Option<String>,
}

/// Reads `name[:port[:route]]` separated by commas. A service without a port takes that of the next one that has a port
/// (else of the one before), so `web,api:3000` means that both listen on 3000, each in its own container.
pub fn services(text: &str) -> Result<Vec<Service>> {
    let wrong =
        |what: String| Error::new(Kind::Input, what).hint("write services like `web:3000,api:3001:/api` or `api:3001:api.example.com`");
    let mut found: Vec<(String, Option<u16>, Option<String>)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut fields = part.splitn(3, ':').map(str::trim);
        let name = fields.next().unwrap_or_default();
        let legal = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !legal {
            return Err(wrong(format!("`{name}` is not a service name: letters, digits and `-`, starting with a letter")));
        }
        if found.iter().any(|(other, _, _)| other == name) {
            return Err(wrong(format!("the service `{name}` stands twice")));
        }
        let port = match fields.next() {
            None | Some("") => None,
            Some(digits) => Some(
                digits
                    .parse()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(|| wrong(format!("`{digits}` is not a port (service `{name}`)")))?,
            ),
        };
        found.push((name.to_owned(), port, fields.next().filter(|route| !route.is_empty()).map(str::to_owned)));
    }
    let mut port = found.iter().rev().find_map(|(_, port, _)| *port).ok_or_else(|| wrong("no service with a port".to_owned()))?;
    let mut services: Vec<Service> = found
        .into_iter()
        .rev()
        .map(|(name, own, route)| {
            port = own.unwrap_or(port);
            Service { name, port, route }
        })
        .collect();
    services.reverse();
    Ok(services)
}

/// The service whose image runs the app's migrations: `api` where there is one, else the first.
pub fn migrator<'a>(names: &[&'a str]) -> Option<&'a str> {
    names.iter().find(|name| **name == "api").or(names.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, port: u16, route: Option<&str>) -> Service {
        Service { name: name.to_owned(), port, route: route.map(str::to_owned) }
    }

    #[test]
    fn services_are_read_with_ports_and_routes() {
        assert_eq!(services("app:3000").unwrap(), [service("app", 3000, None)]);
        assert_eq!(
            services("web:3000:/, api:3001:api.example.com").unwrap(),
            [service("web", 3000, Some("/")), service("api", 3001, Some("api.example.com"))]
        );
    }

    #[test]
    fn a_missing_port_is_that_of_the_next_service() {
        let ports: Vec<u16> = services("web,api,auth:3002,admin").unwrap().iter().map(|s| s.port).collect();
        assert_eq!(ports, [3002, 3002, 3002, 3002]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, what) in [
            ("", "no service"),
            ("web", "no service with a port"),
            ("1x:80", "`1x` is not a service name"),
            ("a:0", "`0` is not a port"),
            ("a:1,a:2", "stands twice"),
        ] {
            assert!(services(text).unwrap_err().what.contains(what), "{text}");
        }
    }
}
