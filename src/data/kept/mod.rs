//! Rows of one side kept in a file: what a database has that another has not, by key with its values, to be put in later or never.
//! Never writes to a database but in `apply`, and there never over a row that somebody changed meanwhile.

mod apply;
mod compare;
mod file;
mod pairing;

pub use apply::{Applied, Manner, apply};
pub use compare::{Left, LeftTable, compare};
pub use file::KeptFile;
pub use pairing::{NO_KEY, pair};
