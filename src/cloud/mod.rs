//! Everything the wizard asks of AWS: sessions, stacks, images, services, secrets, names, snapshots.
//! Never decides what to do next, never knows a playbook, and no `aws_sdk_*` type leaves this room.

pub mod apart;
pub mod archive;
pub mod base64;
pub mod bucket;
pub mod crew;
pub mod databases;
pub mod deployments;
pub mod dns;
pub mod door;
pub mod export;
pub mod fault;
pub mod ground;
pub mod guard;
pub mod identity;
pub mod image;
pub mod layers;
pub mod logs;
pub mod maintenance;
mod member;
pub mod metrics;
pub mod once;
pub mod outside;
pub mod pages;
mod patience;
pub mod pool;
pub mod preflight;
pub mod prices;
pub mod question;
pub mod recovery;
pub mod redeploy;
pub mod region;
pub mod registry;
pub mod resolvers;
pub mod restore;
pub mod revision;
pub mod revisions;
pub mod secret_group;
pub mod secret_versions;
pub mod secrets;
pub mod services;
pub mod session;
pub mod snapshot;
pub mod stacks;
pub mod stopped;
pub mod tags;
pub mod targets;
pub mod tasks;
pub mod tunnel;
pub mod users;
pub mod variables;

pub use guard::Access;
pub use identity::Identity;
pub use session::{Aws, CredentialState, Options};

pub use crate::text::Secret;
