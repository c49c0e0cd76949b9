//! Watching a system that runs: readings, the limits they are held against, the file they are kept in.
//! Asks nobody and waits for nothing: looks and metrics are handed in, and what a breach means is decided elsewhere.

mod book;
mod minutes;
mod reading;
mod trigger;
mod watcher;
mod window;

pub use book::{Book, Kept};
pub use minutes::{error_percent, share};
pub use reading::{Measure, Reading, Series, Source};
pub use trigger::{Standing, Trigger, defaults, judge};
pub use watcher::{Breach, Watcher};
pub use window::{Look, Window};
