//! The book of a watch: readings appended to `watch.jsonl` in the run's folder, and read again at the next start.
//! Holds no verdict: that is made anew from the readings.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::reading::Reading;
use crate::error::{Context, Error, Kind, Result};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Whose: one attempt of a step, or one call of the command.
    pub watch: String,
    pub reading: Reading,
}

/// The file, not held open: it may be read by another process meanwhile.
#[derive(Debug, Clone)]
pub struct Book {
    path: PathBuf,
}

impl Book {
    pub fn of(run_dir: &Path) -> Self {
        Self { path: run_dir.join("watch.jsonl") }
    }

    /// Everything that can be read, in order; a line that a crash tore is left out.
    ///
    /// # Errors
    /// `Input` when there is a file and it cannot be read.
    pub fn read(&self) -> Result<Vec<Kept>> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let what = format!("cannot read {}", self.path.display());
        let text = std::fs::read(&self.path).or_fail(Kind::Input, what, "check its permissions and the disk")?;
        Ok(String::from_utf8_lossy(&text).lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The readings of one watch.
    ///
    /// # Errors
    /// As [`Book::read`].
    pub fn of_watch(&self, watch: &str) -> Result<Vec<Reading>> {
        Ok(self.read()?.into_iter().filter(|kept| kept.watch == watch).map(|kept| kept.reading).collect())
    }

    /// Appends readings.
    ///
    /// # Errors
    /// `Failed` when they cannot be written: a watch that cannot remember must not go on.
    pub fn append(&self, watch: &str, readings: &[Reading]) -> Result<()> {
        let mut lines = String::new();
        for reading in readings {
            let kept = Kept { watch: watch.to_owned(), reading: reading.clone() };
            lines.push_str(&serde_json::to_string(&kept).map_err(|e| Error::bug(format!("a reading cannot be written: {e}")))?);
            lines.push('\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let what = format!("cannot write {}", self.path.display());
        self.put(&lines).or_fail(Kind::Failed, what, "check that the run's folder can be written to and the disk is not full")
    }

    fn put(&self, lines: &str) -> std::io::Result<()> {
        let mut file: File = OpenOptions::new().create(true).read(true).append(true).open(&self.path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if length > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        // what a crash tore keeps its own line
        let begin = if last == [b'\n'] { "" } else { "\n" };
        file.write_all(format!("{begin}{lines}").as_bytes())?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::watch::reading::{Measure, Series, Source};

    fn reading(n: i64) -> Reading {
        let series = Series::new(Measure::Healthy, Source::Cloudwatch, "targetgroup/web/1");
        Reading { series, at: Timestamp::from_millisecond(n * 1000).unwrap(), span_ms: 1000, value: Some(2.0), why: None }
    }

    #[test]
    fn what_was_read_is_there_at_the_next_start_and_a_torn_line_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let book = Book::of(dir.path());
        assert_eq!(book.read().unwrap(), []);
        book.append("a", &[reading(1), reading(2)]).unwrap();
        book.append("b", &[reading(3)]).unwrap();
        let path = dir.path().join("watch.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            r#"{"watch":"a","reading":{"series":{"measure":"healthy","source":"cloudwatch","of":"targetgroup/web/1"},"at":"1970-01-01T00:00:01Z","span_ms":1000,"value":2.0}}"#
        );
        std::fs::write(&path, format!("{text}{{\"watch\":\"a\",\"rea")).unwrap();
        book.append("a", &[reading(4)]).unwrap();
        assert_eq!(book.of_watch("a").unwrap(), [reading(1), reading(2), reading(4)]);
        assert_eq!(book.of_watch("b").unwrap(), [reading(3)]);
    }
}
