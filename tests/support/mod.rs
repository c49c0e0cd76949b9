//! What tests stand on: the real binary, real Postgres servers, the AWS endpoint emulator.
//! Servers are started once per test binary on free loopback ports in temporary folders and stopped by their own pid.

pub mod aws_standin;
pub mod chance;
pub mod chaos;
pub mod dsql;
pub mod emulator;
pub mod fargate;
pub mod faults;
pub mod iam;
pub mod lister;
pub mod name_server;
pub mod outside;
pub mod pair;
pub mod pairwise;
pub mod postgres;
pub mod price_list;
pub mod pty;
pub mod random_schema;
pub mod rehearsal;
pub mod schema;
pub mod scripted;
pub mod scripted_stacks;
pub mod site;
pub mod systems;
pub mod wizard;
