//! The app room: reads a Replit app's tree, says what it is and what ties it to Replit, and writes the files that AWS needs.
//! Never reaches a network, a database or AWS, never runs the app's code, and never keeps a value that may be a secret.

mod alone;
mod around;
mod beside;
mod branch;
mod build_args;
mod by_container;
mod choices;
pub mod command;
mod comments;
mod compose;
pub mod context;
mod database;
mod dockerfile;
pub mod edits;
mod effort;
pub mod env;
mod env_example;
pub mod env_table;
pub mod files;
mod finding;
mod generation;
pub mod health;
mod hide;
pub mod inside;
mod joined;
mod launch;
mod layout;
mod lifetime;
mod live;
mod made_for;
mod manifest;
pub mod mark;
mod migrations;
pub mod needs;
mod origin;
pub mod orm;
mod packages;
mod pasted;
mod pipeline;
mod placeholder;
mod port;
mod presence;
mod python_version;
mod reading;
pub mod remote;
mod replit;
mod sarif;
mod scan;
mod search;
pub mod secrets;
mod service;
mod signal;
mod sources;
mod stack;
mod syntax;
mod template;
mod tree;
mod undeclared;
pub mod user_ids;
mod variable;
mod walk;
mod workspace;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use around::{Line, around};
pub use branch::{
    Branch, is_folder as is_folder_name, is_name as is_branch_name, of_profile as branches_of_profile, rules as branch_rules,
};
pub use choices::{Choices, Ci};
pub use database::{DatabaseUse, Engine};
pub use effort::Effort;
pub use files::GeneratedFile;
pub use finding::{Finding, Severity};
pub use generation::Generation;
pub use layout::Layout;
pub use lifetime::note as lifetime_note;
pub use made_for::differs as made_for_other;
pub use migrations::Migrations;
pub use origin::Understood;
pub use packages::SystemPackage;
pub use pipeline::{is_of_another as is_of_another_app, left_out as left_out_of_pipeline};
pub use presence::check as must_be_app;
pub use reading::Reading;
pub use replit::{DeployTarget, EnvValue, Integration, ReplitFile};
pub use sarif::log as sarif;
pub use scan::{Scan, scan};
pub use service::{Service, ServiceKind};
pub use signal::{Signal, builtin as builtin_signals, builtin_ids as signal_ids, load as load_signals};
pub use sources::sources;
pub use stack::{Language, PackageManager, Stack};
pub use undeclared::Undeclared;
pub use variable::{Place, Variable};
