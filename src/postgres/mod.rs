//! Postgres as the wizard meets it: connecting, sessions, server facts, the client programs, a disposable server, the freeze.
//! Never converts a schema and never moves rows; nothing here knows AWS, the wizard or a terminal.

pub mod connect;
pub mod connector;
pub mod dump;
pub mod facts;
pub mod fault;
pub mod freeze;
pub mod local;
pub mod passfile;
pub mod programs;
pub mod quote;
pub mod role;
pub mod session;
pub mod tls;
pub mod url;

pub use connector::{Access, Connector, HostKind, SslMode};
pub use session::Session;
