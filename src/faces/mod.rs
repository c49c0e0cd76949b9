//! The faces: full screen, line mode, JSON, report; all over the same two channels.
//! They see the view and send commands; they never meet an effect, AWS or a database.

pub mod json;
pub mod line;
pub mod report;
pub mod tui;
