//! The faces: full screen, line mode, JSON, report; all over the same two channels.
//! They see the view and send commands; they never meet an effect, AWS or a database.

mod how_far;
pub mod json;
pub mod line;
pub mod report;
pub mod tui;
