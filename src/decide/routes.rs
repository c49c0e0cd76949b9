//! How each service is reached: by path, by host name or by a port of its own, in listener rules' terms.
//! Pure: services and the routing decision in, rules out.

use super::services::Service;

/// One service's listener rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Empty: any host.
    pub host: String,
    pub path: String,
    /// 0: the shared listener.
    pub listener_port: u16,
    /// Unique per listener; the one that takes everything comes last.
    pub priority: u32,
}

/// The rule of each service, in the same order. Without a domain, `subdomain` falls back to a port for each service
/// but the first. `environment` goes before the name of what is not production: `api-staging.example.com`.
pub fn routes(services: &[Service], routing: &str, domain: &str, environment: &str) -> Vec<Route> {
    let count = u32::try_from(services.len()).unwrap_or(u32::MAX);
    (0u32..)
        .zip(services)
        .map(|(i, service)| {
            let first = i == 0;
            let mut route = Route {
                host: String::new(),
                path: "/*".into(),
                listener_port: 0,
                priority: if first { 100 + 10 * count } else { 100 + 10 * i },
            };
            match (routing, service.route.as_deref()) {
                (_, Some(own)) if own.starts_with('/') => route.path = format!("{}*", own.trim_end_matches('*')),
                (_, Some(own)) => own.clone_into(&mut route.host),
                ("subdomain", None) if !domain.is_empty() => {
                    let stage = if environment == "production" { String::new() } else { environment.to_owned() };
                    let label = match (first, stage.is_empty()) {
                        (true, true) => String::new(),
                        (true, false) => stage,
                        (false, true) => service.name.clone(),
                        (false, false) => format!("{}-{stage}", service.name),
                    };
                    route.host = if label.is_empty() { domain.to_owned() } else { format!("{label}.{domain}") };
                }
                ("path", None) if !first => route.path = format!("/{}*", service.name),
                (_, None) if !first => route.listener_port = service.port,
                (_, None) => {}
            }
            route
        })
        .collect()
}

/// What of each service is admin pages, in the same order; `None`: nothing of it.
///
/// A service called `admin` is nothing else. Where there is none, they are what begins with `/admin` on the service that
/// takes every path of the shared listener.
pub fn admin_paths(services: &[Service], routes: &[Route]) -> Vec<Option<String>> {
    let own = services.iter().any(|service| service.name == "admin");
    let of = |(service, route): (&Service, &Route)| match own {
        true if service.name == "admin" => Some(route.path.clone()),
        false if route.path == "/*" => Some("/admin*".to_owned()),
        true | false => None,
    };
    services.iter().zip(routes).map(of).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn admin_pages_are_a_service_of_that_name_or_a_path() {
        let of = |text: &str, routing: &str| {
            let services = services(text).unwrap();
            admin_paths(&services, &routes(&services, routing, "", "production"))
        };
        assert_eq!(of("web:3000,admin:3003", "path"), [None, Some("/admin*".to_owned())]);
        assert_eq!(of("web:3000,admin:3003", "port"), [None, Some("/*".to_owned())]);
        assert_eq!(of("app:3000,api:3001", "path"), [Some("/admin*".to_owned()), None]);
    }

    use super::super::services;
    use super::*;

    fn shown(text: &str, routing: &str, domain: &str, environment: &str) -> Vec<String> {
        routes(&services(text).unwrap(), routing, domain, environment)
            .into_iter()
            .map(|r| format!("{} {} {} {}", r.host, r.path, r.listener_port, r.priority))
            .collect()
    }

    #[test]
    fn each_routing_gives_its_rules() {
        assert_eq!(shown("web:3000", "path", "", "production"), [" /* 0 110"]);
        assert_eq!(shown("web:3000,api:3001", "path", "", "production"), [" /* 0 120", " /api* 0 110"]);
        assert_eq!(shown("web:3000,api:3001", "subdomain", "", "staging"), [" /* 0 120", " /* 3001 110"]);
        assert_eq!(shown("web:3000,api:3001", "subdomain", "x.org", "staging"), ["staging.x.org /* 0 120", "api-staging.x.org /* 0 110"]);
        assert_eq!(shown("web:3000,api:3001", "subdomain", "x.org", "production"), ["x.org /* 0 120", "api.x.org /* 0 110"]);
    }
}
