//! The last 10,000 log lines and which of them the filter lets through.
//! Never draws; adding a line costs the same however many there are.

use std::collections::VecDeque;

use super::paper;

/// How many lines are kept.
pub const KEPT: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// "14:03:22".
    pub time: String,
    pub step: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, Default)]
pub struct LogLines {
    lines: VecDeque<LogLine>,
    /// How many lines have been dropped at the front.
    dropped: usize,
    /// Lower case; empty lets everything through.
    filter: String,
    /// Numbers (counted from the very first line) of the lines that pass the filter.
    passing: VecDeque<usize>,
}

impl LogLines {
    /// Adds a line; `true` when the filter lets it through.
    pub fn push(&mut self, at: &str, step: Option<String>, line: &str) -> bool {
        // "2026-11-20T14:03:22.123Z" → "14:03:22"; anything else is shown as it is.
        let time = at.get(11..19).unwrap_or(at).to_owned();
        let line = LogLine { time, step, text: paper::clean(line).replace('\n', " ") };
        let passes = self.passes(&line);
        if passes {
            self.passing.push_back(self.dropped + self.lines.len());
        }
        self.lines.push_back(line);
        if self.lines.len() > KEPT {
            self.lines.pop_front();
            self.dropped += 1;
            if self.passing.front().is_some_and(|&n| n < self.dropped) {
                self.passing.pop_front();
            }
        }
        passes
    }

    pub fn set_filter(&mut self, filter: &str) {
        self.filter = filter.to_lowercase();
        self.passing =
            (0..self.lines.len()).filter(|&i| self.lines.get(i).is_some_and(|l| self.passes(l))).map(|i| i + self.dropped).collect();
    }

    fn passes(&self, line: &LogLine) -> bool {
        self.filter.is_empty()
            || line.text.to_lowercase().contains(&self.filter)
            || line.step.as_ref().is_some_and(|s| s.to_lowercase().contains(&self.filter))
    }

    /// How many lines pass the filter.
    pub fn len(&self) -> usize {
        self.passing.len()
    }

    pub fn is_empty(&self) -> bool {
        self.passing.is_empty()
    }

    /// The n-th line that passes the filter.
    pub fn get(&self, n: usize) -> Option<&LogLine> {
        self.passing.get(n).and_then(|number| self.lines.get(number - self.dropped))
    }

    /// The last lines of one step, oldest first, whatever the filter says.
    pub fn of_step(&self, step: &str, most: usize) -> Vec<&LogLine> {
        let mut found: Vec<_> = self.lines.iter().rev().filter(|l| l.step.as_deref() == Some(step)).take(most).collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_filtered() {
        let mut log = LogLines::default();
        for i in 0..KEPT + 5 {
            log.push("2026-11-20T14:03:22.123Z", Some("data.copy".into()), &format!("row {i}"));
        }
        assert_eq!(log.len(), KEPT);
        assert_eq!(log.get(0).map(|l| l.text.as_str()), Some("row 5"));
        assert_eq!(log.get(0).map(|l| l.time.as_str()), Some("14:03:22"));
        log.set_filter("ROW 1000");
        assert_eq!(log.len(), 6);
        assert!(!log.push("", None, "other"));
        assert_eq!(log.get(5).map(|l| l.text.as_str()), Some("row 10004"));
        assert_eq!(log.of_step("data.copy", 2).iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["row 10003", "row 10004"]);
    }
}
