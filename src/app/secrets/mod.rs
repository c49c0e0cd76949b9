//! The app's environment on AWS: Replit's block of secrets read, every name sorted by rules that are data, and what each service gets.
//! Never reaches AWS, and shows or keeps no value but that of a plain variable.

mod block;
pub mod plain_file;
mod put;
mod sort;
mod table;
mod wiring;

pub use block::{Block, Entry, parse};
pub use put::{Put, Wanted, fill, puts, wanted};
pub use sort::{Sorted, sort};
pub use table::{Becomes, Home, OfDatabase, Rotation, Rule, Table};
pub use wiring::{Given, Provided, Row, UNREAD, is_made, is_missing, wire};
