//! What tests stand on: the real binary, real Postgres servers, the AWS endpoint emulator.
//! Servers are started once per test binary on free loopback ports in temporary folders and stopped by their own pid.

pub mod chance;
pub mod chaos;
pub mod dsql;
pub mod emulator;
pub mod fargate;
pub mod lister;
pub mod pair;
pub mod postgres;
pub mod pty;
pub mod random_schema;
pub mod rehearsal;
pub mod schema;
pub mod wizard;
