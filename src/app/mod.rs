//! The app room: reads a Replit app's tree, says what it is and what ties it to Replit, and writes the files that AWS needs.
//! Never reaches a network, a database or AWS, never runs the app's code, and never keeps a value that may be a secret.

mod around;
mod choices;
pub mod command;
pub mod context;
mod database;
mod dockerfile;
mod effort;
pub mod env;
pub mod files;
mod finding;
mod generation;
mod hide;
mod manifest;
mod migrations;
mod origin;
pub mod orm;
mod packages;
mod replit;
mod scan;
pub mod secrets;
mod service;
mod signal;
mod sources;
mod stack;
mod template;
mod tree;
mod variable;
mod workspace;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use around::{Line, around};
pub use choices::{Choices, Ci};
pub use database::{DatabaseUse, Engine};
pub use effort::Effort;
pub use files::GeneratedFile;
pub use finding::{Finding, Severity};
pub use generation::Generation;
pub use migrations::{Migrations, migrations};
pub use origin::Understood;
pub use packages::SystemPackage;
pub use replit::{DeployTarget, EnvValue, Integration, ReplitFile};
pub use scan::{Scan, scan};
pub use service::{Service, ServiceKind};
pub use signal::{Signal, builtin as builtin_signals, load as load_signals};
pub use sources::sources;
pub use stack::{Language, PackageManager, Stack};
pub use variable::{Place, Variable};
