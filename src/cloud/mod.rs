//! Everything the wizard asks of AWS: sessions, stacks, images, services, secrets, names, snapshots.
//! Never decides what to do next, never knows a playbook, and no `aws_sdk_*` type leaves this room.

pub mod apart;
pub mod base64;
pub mod crew;
pub mod dns;
pub mod export;
pub mod fault;
pub mod ground;
pub mod guard;
pub mod identity;
pub mod image;
pub mod logs;
mod member;
pub mod preflight;
pub mod region;
pub mod registry;
pub mod revision;
pub mod secret;
pub mod secrets;
pub mod services;
pub mod session;
pub mod snapshot;
pub mod stacks;
pub mod stopped;
pub mod tags;
pub mod tasks;
pub mod tunnel;

pub use guard::Access;
pub use identity::Identity;
pub use secret::Secret;
pub use session::{Aws, CredentialState, Options};
