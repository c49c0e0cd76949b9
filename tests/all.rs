//! All integration tests in one binary, by promise: each module is one promise of the wizard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::type_complexity)]

mod apply;
mod architecture;
mod back;
mod bad_input;
mod connect;
mod container;
mod converge;
mod cutover;
mod decisions;
mod dry_run;
mod dsql;
mod effects;
mod evidence;
mod exports;
mod going_back;
mod hurt;
mod images;
mod inside_replit;
mod line;
mod mover;
mod orm;
mod parallel;
mod playbooks;
mod preflight;
mod prepare;
mod provisioning;
mod resume;
mod rollback;
mod scan;
mod schema;
mod schema_input;
mod schema_proof;
mod screens;
mod secrets;
mod services;
mod shims;
mod stacks;
mod standin;
mod state;
mod support;
mod templates;
mod terminal;
mod users;
mod workers;
