//! Packages that read variables by themselves: no code of the app names them.
//! Never knows a package of its own: all are in `assets/files/clients.toml`.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::super::stack::Language;

/// A package that reads variables by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    language: Language,
    /// What the code imports.
    package: String,
    /// How it is used (group 1: its arguments).
    made: String,
    /// Among the arguments it means that the variables are not read.
    given: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    client: Vec<Client>,
}

static CLIENTS: LazyLock<Vec<(Regex, Client)>> = LazyLock::new(|| {
    let table = toml::from_str::<Clients>(include_str!("../../../assets/files/clients.toml"));
    let clients = table.map(|table| table.client).unwrap_or_default();
    clients.into_iter().filter_map(|client| Some((Regex::new(&client.made).ok()?, client))).collect()
});

/// Most files name none of them: all names are looked for in one pass.
static PACKAGES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names: Vec<String> = CLIENTS.iter().map(|(_, client)| regex::escape(&client.package)).collect();
    Regex::new(&names.join("|")).ok()
});

impl Client {
    fn is_imported(&self, file: &str, text: &str) -> bool {
        let package = &self.package;
        match self.language {
            Language::Python => {
                file.ends_with(".py")
                    && [format!("from {package} import"), format!("import {package}")].iter().any(|line| text.contains(line))
            }
            Language::Node => !file.ends_with(".py") && ["\"", "'"].iter().any(|mark| text.contains(&format!("{mark}{package}{mark}"))),
            Language::Php | Language::Html | Language::Unknown => false,
        }
    }
}

/// Names that clients read by themselves, with where in the text.
pub fn names(file: &str, text: &str) -> Vec<(usize, &'static str)> {
    let mut out = Vec::new();
    if PACKAGES.as_ref().is_some_and(|packages| !packages.is_match(text)) {
        return out;
    }
    for (pattern, client) in CLIENTS.iter().filter(|(_, client)| client.is_imported(file, text)) {
        let mut made = pattern.captures_iter(text).filter(|found| found.get(1).is_none_or(|given| !given.as_str().contains(&client.given)));
        // one place is enough of a package that is used in many
        let places: Vec<usize> = match client.language {
            Language::Python => made.filter_map(|found| Some(found.get(0)?.start())).collect(),
            Language::Node | Language::Php | Language::Html | Language::Unknown => {
                made.next().and_then(|found| Some(found.get(0)?.start())).into_iter().collect()
            }
        };
        out.extend(places.iter().flat_map(|at| client.names.iter().map(|name| (*at, name.as_str()))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_of_the_table_can_be_looked_for() {
        let table: Clients = toml::from_str(include_str!("../../../assets/files/clients.toml")).unwrap();
        assert_eq!(CLIENTS.len(), table.client.len());
    }
}
