//! One task of a crew as its lines tell: how far it is, what came of it, its last words.
//! Never asks AWS.

use std::collections::VecDeque;

use serde_json::Value;

use super::logs::Follower;
use super::tasks::TaskState;
use crate::error::{Error, Kind};
use crate::progress::{Progress, Reporter};

/// Lines that are kept of what is no JSON: a panic, a library's complaint.
const KEPT: usize = 8;
/// A line that came in pieces is put together again up to so many bytes.
const LONGEST: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Member {
    pub task: TaskState,
    pub log: Follower,
    /// "worker 2: " before its lines; nothing before the first one's.
    pub label: String,
    pub progress: Option<Progress>,
    /// The last event that is neither progress nor a line for the log nor an error.
    pub result: Option<Value>,
    pub error: Option<Value>,
    said: VecDeque<String>,
    piece: String,
}

impl Member {
    pub fn new(task: TaskState, log: Follower, label: String) -> Self {
        Self { task, log, label, progress: None, result: None, error: None, said: VecDeque::new(), piece: String::new() }
    }

    /// One line that it wrote.
    pub fn hear(&mut self, line: &str, reporter: &Reporter) {
        let whole = std::mem::take(&mut self.piece) + line;
        let Ok(event) = serde_json::from_str::<Value>(&whole) else {
            // The log's driver cuts long lines: the rest comes with the next ones.
            if whole.starts_with("{\"event\"") && whole.len() < LONGEST {
                self.piece = whole;
                return;
            }
            if self.said.len() == KEPT {
                self.said.pop_front();
            }
            self.said.push_back(line.to_owned());
            return;
        };
        match event.get("event").and_then(Value::as_str) {
            Some("progress") => self.progress = event.get("progress").and_then(|p| serde_json::from_value(p.clone()).ok()),
            Some("log") => reporter.log(format!("{}{}", self.label, event.get("line").and_then(Value::as_str).unwrap_or_default())),
            Some("error") => self.error = Some(event),
            Some(_) => self.result = Some(event),
            None => {}
        }
    }

    /// It said what came of its work, well or not.
    pub fn has_spoken(&self) -> bool {
        self.result.is_some() || self.error.is_some()
    }

    /// Its own error as ours, when it told one.
    pub fn told(&self) -> Option<Error> {
        let error = self.error.as_ref()?;
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = error.get("kind").and_then(|kind| serde_json::from_value(kind.clone()).ok()).unwrap_or(Kind::Failed);
        let causes = error.get("causes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        Some(causes.fold(Error::new(kind, text("what")), |error, cause| error.cause(cause)).hint(text("hint")))
    }

    pub fn last_words(&self) -> Vec<String> {
        self.said.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        let task = TaskState {
            arn: "a/b".into(),
            task_definition: String::new(),
            started_by: String::new(),
            status: "RUNNING".into(),
            stop_code: None,
            stopped_reason: None,
            health: String::new(),
            created_s: None,
            stopped_s: None,
            containers: Vec::new(),
        };
        Member::new(task, Follower::new("g", "s"), String::new())
    }

    #[test]
    fn its_lines_are_told_apart_and_pieces_put_together() {
        let mut member = member();
        let quiet = Reporter::silent();
        for line in [
            r#"{"event":"progress","progress":{"done":3,"total":9,"unit":"bytes","message":"m"}}"#,
            "thread panicked",
            r#"{"event":"report","copy":{"rows"#,
            r#"_copied":7}}"#,
        ] {
            member.hear(line, &quiet);
        }
        assert_eq!(member.progress.as_ref().map(|p| p.done), Some(3));
        assert_eq!(member.result.as_ref().unwrap()["copy"]["rows_copied"], 7);
        assert_eq!(member.last_words(), ["thread panicked"]);
        assert!(member.told().is_none());
        member.hear(r#"{"event":"error","kind":"denied","what":"no","causes":["a"],"hint":"h"}"#, &quiet);
        let error = member.told().unwrap();
        assert_eq!((error.kind, error.what.as_str(), error.hint.as_str()), (Kind::Denied, "no", "h"));
    }
}
