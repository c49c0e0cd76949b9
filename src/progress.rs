//! How a long piece of work says how far it is: a figure and a word, latest wins, any may be dropped.
//! Never durable: what must not be lost goes to the journal.

use std::sync::Arc;

/// Writes a line beside the results, on stderr; a closed pipe is the reader's choice, not an error.
pub fn aside(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}

/// What `done` and `total` count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Rows,
    Bytes,
    Tables,
    Statements,
    Resources,
    Files,
    Seconds,
    Steps,
}

/// One report of progress. `total` is `None` while it is not known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub unit: Unit,
    /// What is being done now: "public.orders, chunk 3 of 8".
    pub message: String,
    /// Seconds still to go, where the work itself knows better than `done` and `total` tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
    /// Exact counts beside the one of the bar, by name: `rows`, `bytes`, `bytes_per_s`, `retries`, `quarantined`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What it is made of, those at work first: a table, an index that is built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What is watched, over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graphs: Vec<Graph>,
}

/// A figure over time, with its limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Graph {
    /// "error rate (from outside)".
    pub name: String,
    /// The newest last; `None`: it could not be read.
    pub points: Vec<Option<u64>>,
    pub limit: Option<u64>,
    /// "7 %, at most 5 %".
    pub now: String,
    /// The newest is beyond the limit.
    pub breaks: bool,
}

/// A count with its name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Figure {
    pub name: String,
    pub value: u64,
    pub unit: Unit,
}

/// One piece of the work: a table that is copied, an index that is built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// "public.orders".
    pub name: String,
    pub done: u64,
    pub total: Option<u64>,
    pub unit: Unit,
    /// "chunk 3 of 8", "waits", "done". One that begins with "waits" or "done" says that nothing is at work on it.
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
}

impl Progress {
    /// A figure and a word; no more is known.
    pub fn new(done: u64, total: Option<u64>, unit: Unit, message: impl Into<String>) -> Self {
        Self { done, total, unit, message: message.into(), remaining_s: None, figures: Vec::new(), parts: Vec::new(), graphs: Vec::new() }
    }
}

/// Where work reports to. Cheap to clone and to call; must not block.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Note) + Send + Sync>);

/// What a piece of work tells while it runs.
#[derive(Debug, Clone)]
pub enum Note {
    Progress(Progress),
    /// A line for the log.
    Log(String),
}

impl Reporter {
    pub fn new(sink: impl Fn(Note) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Reports to nobody.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub fn progress(&self, done: u64, total: Option<u64>, unit: Unit, message: impl Into<String>) {
        self.report(Progress::new(done, total, unit, message));
    }

    pub fn report(&self, progress: Progress) {
        (self.0)(Note::Progress(progress));
    }

    pub fn log(&self, line: impl AsRef<str>) {
        (self.0)(Note::Log(crate::text::redact(line.as_ref())));
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}
