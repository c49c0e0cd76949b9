//! migrate-wizard: moves an app and its Postgres from Replit to AWS, step by step, resumable and reversible.
//! This crate root only names the rooms; ARCHITECTURE.md says what each may do and who may import whom.

pub mod app;
pub mod cli;
pub mod cloud;
pub mod command;
pub mod data;
pub mod decide;
pub mod effects;
pub mod error;
pub mod faces;
pub mod library;
pub mod own_folder;
pub mod postgres;
pub mod progress;
pub mod runs;
pub mod schema;
pub mod text;
pub mod watch;
pub mod wizard;
