//! What is looked at from outside once a service is updated, and at which address: health, a page, a word in it.
//! Never an answer that the app is not known to give, and never an address: a variable or the task says it.

use crate::app::choices::Choices;
use crate::app::health::Health;
use crate::app::scan::Scan;
use crate::app::service::{Service, ServiceKind};

/// Folders that a page of a service lies in, from its own.
const PAGE_FOLDERS: [&str; 5] = ["", "client", "public", "src", "templates"];
/// Where the page of a service lies, from its folder.
const PAGES: [&str; 4] = ["index.html", "client/index.html", "public/index.html", "src/index.html"];

/// What is looked at from outside once a service is updated; empty: it has none.
pub struct Look<'a> {
    pub health: String,
    /// What kind of answer the health route gives; empty: a route of the app's own may answer as it likes.
    pub kind: &'static str,
    pub page: &'a str,
    pub word: String,
    pub address: Address,
}

/// Where a service answers to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// At the app's: the `APP_URL` of its task.
    App,
    /// At a host or port of its own, which a variable must say.
    Own,
    /// Nothing leads to its health from outside; a variable may know better.
    Unknown,
}

impl Address {
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Own => "own",
            Self::Unknown => "unknown",
        }
    }
}

pub fn look<'a>(scan: &Scan, choices: &Choices, service: &'a Service) -> Look<'a> {
    let known = Health::of(service).filter(Health::is_route);
    let kind = known.as_ref().map_or("", Health::content_type);
    let health = known.map(|its| its.path).unwrap_or_default();
    let has_page = service.kind == ServiceKind::Web && (choices.smoke_word.is_some() || has_page(scan, service));
    let page = if has_page { service.paths.first().map_or("/", String::as_str) } else { "" };
    let word = if page.is_empty() { String::new() } else { word(scan, choices, service) };
    let address = address(scan, choices, service, &health);
    Look { health, kind, page, word, address }
}

/// Where the load balancer leads to the service: the first of the list has what no other has, the rest as it was decided
/// (the order and the rules are those of the plan of the services).
fn address(scan: &Scan, choices: &Choices, service: &Service, health: &str) -> Address {
    let name = choices.name_of(service);
    let listed: Vec<(&str, Option<&str>)> = choices
        .listed
        .split(',')
        .filter_map(|item| {
            let mut parts = item.trim().splitn(3, ':');
            let name = parts.next().filter(|name| !name.is_empty())?;
            Some((name, parts.nth(1).filter(|route| !route.is_empty())))
        })
        .collect();
    let containers = choices.containers(scan);
    let first = listed.first().map(|(name, _)| *name).or_else(|| containers.first().map(|s| choices.name_of(s)));
    let route = listed.iter().find(|(listed, _)| *listed == name).and_then(|(_, route)| *route);
    let below = |prefix: &str| if health.starts_with(prefix) { Address::App } else { Address::Unknown };
    match (route, choices.decisions.outcome("routing")) {
        (Some(own), _) if own.starts_with('/') => below(own.trim_end_matches('*')),
        (Some(_), _) => Address::Own,
        (None, _) if containers.len() < 2 || first == Some(name) => Address::App,
        (None, Some("subdomain" | "port")) => Address::Own,
        (None, _) => below(&format!("/{name}")),
    }
}

/// The app's files say that the service has a page at `/`; what its code answers there cannot be told.
fn has_page(scan: &Scan, service: &Service) -> bool {
    let join = |folder: &str| [service.dir.as_str(), folder].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let streamlit = scan.stack.frameworks.iter().any(|name| name == "Streamlit");
    streamlit || PAGE_FOLDERS.iter().any(|folder| scan.layout.pages.contains(&join(folder)))
}

/// What the page of a service must contain: what was asked for, else its title.
fn word(scan: &Scan, choices: &Choices, service: &Service) -> String {
    if let Some(word) = &choices.smoke_word {
        return word.clone();
    }
    let at = |page: &str| if service.dir.is_empty() { page.to_owned() } else { format!("{}/{page}", service.dir) };
    PAGES.iter().find_map(|page| scan.layout.titles.get(&at(page))).cloned().unwrap_or_default()
}
