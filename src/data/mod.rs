//! Moving rows by convergence: chunk, fingerprint, copy what differs, record it in a ledger on the target in the same transaction.
//! Never writes to the source, never creates tables or indexes, and never trusts a row count alone.

pub mod aside;
pub mod back;
pub mod batches;
pub mod catalog;
pub mod catch_up;
pub mod chunk;
pub mod compare;
pub mod copy;
pub mod copy_text;
pub mod diff;
pub mod differ;
pub mod fingerprint;
pub mod finish;
pub mod forecast;
pub mod horizon;
pub mod large_objects;
pub mod late;
pub mod ledger;
pub mod limits;
pub mod load;
pub mod open;
pub mod options;
pub mod pass;
pub mod plan;
pub mod quarantine;
pub mod sequences;
pub mod status;
pub mod tally;
pub mod verify;
pub mod watch;
pub mod worker;

pub use copy::copy;
pub use diff::{Diff, diff};
pub use finish::{finish, undo};
pub use forecast::{Forecast, Sizes, forecast, sizes};
pub use limits::Limits;
pub use open::builder;
pub use options::{CopyReport, Existing, Options};
pub use sequences::{SequenceReport, set_sequences};
pub use status::{Status, status};
pub use verify::{VerifyReport, verify};
pub use watch::{Building, builds};
