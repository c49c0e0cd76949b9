//! Moving rows by convergence: chunk, fingerprint, copy what differs, record it in a ledger on the target in the same transaction.
//! Never writes to the source, never creates tables, indexes or constraints, and never trusts a row count alone.

pub mod catalog;
pub mod chunk;
pub mod copy;
pub mod copy_text;
pub mod fingerprint;
pub mod finish;
pub mod insert;
pub mod ledger;
pub mod open;
pub mod plan;
pub mod sequences;
pub mod settle;
pub mod verify;

pub use copy::{CopyReport, Existing, Options, copy};
pub use finish::{finish, undo};
pub use sequences::{SequenceReport, set_sequences};
pub use verify::{VerifyReport, verify};
