//! migrate-wizard: moves an app and its Postgres from Replit to AWS, step by step, resumable and reversible.
//! This crate root only names the rooms; ARCHITECTURE.md says what each may do and who may import whom.

pub mod error;
pub mod progress;
pub mod text;
pub mod wizard;
