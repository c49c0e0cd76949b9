//! Which actions the stacks and the wizard take, from dated data that is generated and never typed: `assets/permissions.toml` (types of
//! resource), `assets/calls.toml` (our own calls) and `assets/scopes.toml` (what they can be narrowed to). Asks nothing of AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Wanted;
use crate::cloud::stacks::Rendered;
use crate::error::{Error, Result};

const TYPES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/permissions.toml"));
const CALLS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/calls.toml"));
const SCOPES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/scopes.toml"));

/// Who the wizard is when it calls, as a stack would be named.
pub const WIZARD: &str = "the wizard itself";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    as_of: String,
    source: String,
    #[serde(rename = "scopes_source")]
    _scopes_source: String,
    regions: Vec<String>,
    unlisted: BTreeSet<String>,
    types: BTreeMap<String, Handlers>,
    narrowed: BTreeMap<String, Vec<String>>,
}

/// What CloudFormation calls for one type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handlers {
    create: Vec<String>,
    read: Vec<String>,
    update: Vec<String>,
    delete: Vec<String>,
    not_in: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    /// File of `src/cloud` and the actions of the operations in it.
    calls: BTreeMap<String, Vec<String>>,
    /// What is called without an operation of an SDK, and why.
    extra: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scopes {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    kinds: BTreeMap<String, Vec<String>>,
    actions: BTreeMap<String, Vec<String>>,
}

/// The data, read.
#[derive(Debug)]
pub struct Rights {
    types: Types,
    calls: Calls,
    scopes: Scopes,
}

/// Whether a region's CloudFormation knows a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum There {
    Yes,
    /// Date and source.
    No(String),
    Unknown,
}

/// For what an action is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Stack, or [`WIZARD`].
    pub stack: String,
    /// Without it nothing can be made; else it is for a later change or for taking it away.
    pub to_make: bool,
}

/// The account's words that stand in an ARN.
#[derive(Debug, Clone)]
pub struct Place {
    pub partition: String,
    pub region: String,
    pub account: String,
    pub prefix: String,
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| Error::bug(format!("assets/{name}: {e}")))
}

impl Rights {
    pub fn bundled() -> Result<Self> {
        Ok(Self { types: parse("permissions.toml", TYPES)?, calls: parse("calls.toml", CALLS)?, scopes: parse("scopes.toml", SCOPES)? })
    }

    /// Date and source of what is said of types.
    pub fn as_of(&self) -> String {
        format!("{}, {}", self.types.as_of, self.types.source)
    }

    /// Whether anything is known of a type.
    pub fn knows(&self, kind: &str) -> bool {
        self.types.types.contains_key(kind)
    }

    /// Whether the region can make that type.
    pub fn there(&self, region: &str, kind: &str) -> There {
        match self.types.types.get(kind) {
            Some(_) if !self.types.regions.iter().any(|r| r == region) => There::Unknown,
            Some(handlers) if handlers.not_in.iter().any(|r| r == region) => There::No(self.as_of()),
            Some(_) => There::Yes,
            None => There::Unknown,
        }
    }

    /// Every action that these stacks and the wizard need, with what it is needed for. A type that is not known adds nothing.
    pub fn needed<'a>(
        &self,
        stacks: impl IntoIterator<Item = (&'a str, &'a Rendered)>,
        wanted: &Wanted,
    ) -> BTreeMap<String, BTreeSet<Need>> {
        let mut all: BTreeMap<String, BTreeSet<Need>> = BTreeMap::new();
        let mut put = |action: &str, stack: &str, to_make| {
            all.entry(action.to_owned()).or_default().insert(Need { stack: stack.to_owned(), to_make });
        };
        for (stack, rendered) in stacks {
            for handlers in rendered.resources.iter().filter_map(|resource| self.types.types.get(&resource.kind)) {
                handlers.create.iter().chain(&handlers.read).for_each(|action| put(action, stack, true));
                handlers.update.iter().chain(&handlers.delete).for_each(|action| put(action, stack, false));
            }
        }
        let mut services: BTreeSet<String> = all.keys().filter_map(|action| Some(action.split_once(':')?.0.to_owned())).collect();
        services.extend(["cloudformation", "sts"].map(str::to_owned));
        for (service, needed) in [("secretsmanager", &wanted.secrets), ("ecr", &wanted.repositories)] {
            if !needed.is_empty() {
                services.insert(service.to_owned());
            }
        }
        for action in self
            .calls
            .calls
            .iter()
            .filter(|(file, _)| file.as_str() != "preflight")
            .flat_map(|(_, actions)| actions)
            .chain(self.calls.extra.values().flatten())
        {
            if action.split_once(':').is_some_and(|(service, _)| services.contains(service)) {
                all.entry(action.clone()).or_default().insert(Need { stack: WIZARD.to_owned(), to_make: true });
            }
        }
        all
    }

    /// Every action that there is data of: all types of all templates, all our own calls.
    pub fn all(&self) -> BTreeSet<&str> {
        let types = self.types.types.values().flat_map(|h| [&h.create, &h.read, &h.update, &h.delete]).flatten();
        types.chain(self.calls.calls.values().flatten()).chain(self.calls.extra.values().flatten()).map(String::as_str).collect()
    }

    /// What the checks of this room read; a run goes on without them.
    pub fn of_checks(&self) -> impl Iterator<Item = &str> {
        self.calls.calls.get("preflight").into_iter().flatten().map(String::as_str)
    }

    /// Whether IAM's reference lists the action: if not, its simulator may not know it.
    pub fn is_listed(&self, action: &str) -> bool {
        !self.types.unlisted.contains(action)
    }

    /// What the action may be narrowed to; `*` where no name is known beforehand.
    pub fn resources(&self, action: &str, place: &Place) -> Vec<String> {
        let service = action.split_once(':').map_or("", |(service, _)| service);
        let patterns: BTreeSet<&String> = match self.scopes.actions.get(action) {
            Some(own) => own.iter().collect(),
            None => {
                let kinds = self.types.narrowed.get(action).into_iter().flatten();
                kinds.filter_map(|kind| self.scopes.kinds.get(&format!("{service}:{kind}"))).flatten().collect()
            }
        };
        if patterns.is_empty() {
            return vec!["*".to_owned()];
        }
        patterns.into_iter().map(|pattern| place.fill(pattern)).collect()
    }
}

impl Place {
    fn fill(&self, pattern: &str) -> String {
        pattern
            .replace("{partition}", &self.partition)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account)
            .replace("{prefix}", &self.prefix)
    }
}
