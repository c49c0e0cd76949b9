//! What the edits come to: changed files, what needs a hand, what is good to know.
//! Never prints anything.

use serde::Serialize;

use super::edit::{Edit, FileEdit};

/// All that is to be done about an app's own schema files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub files: Vec<FileEdit>,
    /// Changes that have no mechanical form.
    pub hands: Vec<Hand>,
    pub notes: Vec<Note>,
    /// Commands to run in the app's folder.
    pub commands: Vec<String>,
}

/// A change that a person must make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hand {
    pub path: String,
    /// From 1.
    pub line: usize,
    /// `public.orders.total`.
    pub object: String,
    /// What stands there, or its type in the source.
    pub from: String,
    /// What should stand there, or its type in the target.
    pub to: String,
    pub why: String,
}

/// Something that nobody needs to change for the conversion's sake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    pub path: String,
    pub line: usize,
    pub what: String,
}

/// What one file needs, while it is read.
#[derive(Debug, Default)]
pub struct Work {
    pub edits: Vec<Edit>,
    pub hands: Vec<Hand>,
    pub notes: Vec<Note>,
}
