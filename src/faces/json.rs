//! The face for machines: every event as one line of JSON on standard output.
//! Asks nothing: it runs unattended, and a missing answer is an error that names the question.

use std::io::{Stdout, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::progress::{Note, Progress, Reporter};
use crate::wizard::view::{Event, Outcome};

/// Two lines of a [`reporter`]'s progress are at least this far apart: no more than five in a second.
const APART_MS: u64 = 200;
/// The variable that says otherwise, for a task whose lines go to a log that costs by the byte.
pub const APART: &str = "MIGRATE_WIZARD_PROGRESS_MS";

/// Prints events until the engine ends. A view is cut down to its screen: the outline is in `status --json`.
pub async fn run(mut events: UnboundedReceiver<Event>) -> Outcome {
    let mut outcome = Outcome::Interrupted;
    while let Some(event) = events.recv().await {
        if let Ok(line) = line(&event) {
            // A closed pipe ends the output, not the work.
            let _closed = writeln!(std::io::stdout().lock(), "{line}");
        }
        if let Event::Ended { outcome: ended } = event {
            outcome = ended;
            break;
        }
    }
    outcome
}

fn line(event: &Event) -> serde_json::Result<String> {
    match event {
        Event::View(view) => {
            serde_json::to_string(&json!({ "event": "screen", "run": view.run, "screen": view.screen, "cost": view.cost }))
        }
        Event::Progress { .. } | Event::Log { .. } | Event::Ended { .. } => serde_json::to_string(event),
    }
}

/// Progress of a command that runs outside the wizard, as lines on standard output:
/// `{"event":"progress","progress":{…}}`, at most five in a second (or as [`APART`] says), and `{"event":"log","line":…}`, every one.
/// What was held back last is written when the last clone is dropped, so drop it before anything else is printed.
pub fn reporter() -> Reporter {
    let apart_ms = std::env::var(APART).ok().and_then(|ms| ms.parse().ok()).unwrap_or(APART_MS);
    let (lines, began) = (Mutex::new(Lines::new(std::io::stdout(), apart_ms)), Instant::now());
    Reporter::new(move |note| {
        let now_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        lines.lock().unwrap_or_else(PoisonError::into_inner).take(note, now_ms);
    })
}

/// Notes on their way out.
struct Lines<W: Write = Stdout> {
    out: W,
    apart_ms: u64,
    last_ms: Option<u64>,
    /// The latest progress, when it came too soon after the one before.
    held: Option<Progress>,
}

impl<W: Write> Lines<W> {
    fn new(out: W, apart_ms: u64) -> Self {
        Self { out, apart_ms, last_ms: None, held: None }
    }

    fn take(&mut self, note: Note, now_ms: u64) {
        match note {
            Note::Log(line) => self.write(&json!({ "event": "log", "line": line })),
            Note::Progress(progress) if self.last_ms.is_none_or(|last| now_ms.saturating_sub(last) >= self.apart_ms) => {
                self.last_ms = Some(now_ms);
                self.held = None;
                self.write(&json!({ "event": "progress", "progress": progress }));
            }
            Note::Progress(progress) => self.held = Some(progress),
        }
    }

    fn write(&mut self, line: &serde_json::Value) {
        // A closed pipe ends the output, not the work.
        let _closed = writeln!(self.out, "{line}");
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        if let Some(progress) = self.held.take() {
            self.write(&json!({ "event": "progress", "progress": progress }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Figure, Part, Unit};

    fn copying() -> Progress {
        let mut progress = Progress::new(5, Some(9), Unit::Bytes, "copying");
        progress.remaining_s = Some(4);
        progress.figures = vec![Figure { name: "rows".into(), value: 2, unit: Unit::Rows }];
        progress.parts = vec![Part {
            name: "public.events".into(),
            done: 1,
            total: None,
            unit: Unit::Rows,
            note: "chunk 1 of 2".into(),
            remaining_s: Some(3),
        }];
        progress
    }

    const COPYING: &str = concat!(
        r#"{"done":5,"total":9,"unit":"bytes","message":"copying","remaining_s":4,"figures":[{"name":"rows","value":2,"unit":"rows"}],"#,
        r#""parts":[{"name":"public.events","done":1,"total":null,"unit":"rows","note":"chunk 1 of 2","remaining_s":3}]}"#
    );

    #[test]
    fn the_progress_of_a_step_has_figures_parts_and_time_left() {
        let event = Event::Progress { step: "data.copy".into(), progress: copying() };
        assert_eq!(line(&event).unwrap(), format!(r#"{{"event":"progress","step":"data.copy","progress":{COPYING}}}"#));
        let event = Event::Progress { step: "s".into(), progress: Progress::new(1, None, Unit::Steps, "m") };
        assert_eq!(
            line(&event).unwrap(),
            r#"{"event":"progress","step":"s","progress":{"done":1,"total":null,"unit":"steps","message":"m"}}"#
        );
    }

    #[test]
    fn a_reporter_holds_progress_back_but_never_the_last_nor_a_log_line() {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out, APART_MS);
        for (ms, done) in [(0, 0), (1, 1), (199, 2), (200, 3), (201, 4), (399, 5)] {
            lines.take(Note::Progress(Progress::new(done, Some(6), Unit::Rows, "")), ms);
        }
        lines.take(Note::Log("a \"line\"".into()), 399);
        lines.take(Note::Progress(copying()), 399);
        drop(lines);
        let progress = |done: u64| format!(r#"{{"event":"progress","progress":{{"done":{done},"total":6,"unit":"rows","message":""}}}}"#);
        let last = format!(r#"{{"event":"progress","progress":{COPYING}}}"#);
        assert_eq!(
            String::from_utf8(out).unwrap().lines().collect::<Vec<_>>(),
            [&*progress(0), &*progress(3), r#"{"event":"log","line":"a \"line\""}"#, &*last]
        );
    }
}
