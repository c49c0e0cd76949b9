//! Postgres as the wizard meets it: connecting, sessions, server facts, the client programs, a disposable server, the freeze.
//! Never converts a schema and never moves rows; nothing here knows AWS, the wizard or a terminal.

pub mod authorities;
pub mod connect;
pub mod connector;
mod dial;
pub mod dump;
pub mod encryption;
pub mod facts;
pub mod fault;
pub mod freeze;
pub mod host;
pub mod key_uuid;
pub mod keywords;
pub mod layers;
pub mod local;
pub mod pace;
pub mod parts;
pub mod passfile;
pub mod passwords;
pub mod private_file;
pub mod programs;
pub mod quote;
mod regroup;
pub mod role;
pub mod service;
mod service_user;
pub mod session;
pub mod tls;
pub mod url;
pub mod users;

pub use connector::{Access, Connector};
pub use encryption::SslMode;
pub use host::HostKind;
pub use passwords::{Password, Passwords};
pub use session::Session;
