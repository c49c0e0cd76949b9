//! The face for machines: every event as one line of JSON on standard output.
//! Asks nothing: it runs unattended, and a missing answer is an error that names the question.

use std::io::Write;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::wizard::view::{Event, Outcome};

/// Prints events until the engine ends. A view is cut down to its screen: the outline is in `status --json`.
pub async fn run(mut events: UnboundedReceiver<Event>) -> Outcome {
    let mut outcome = Outcome::Interrupted;
    while let Some(event) = events.recv().await {
        let line = match &event {
            Event::View(view) => {
                serde_json::to_string(&serde_json::json!({ "event": "screen", "run": view.run, "screen": view.screen, "cost": view.cost }))
            }
            Event::Progress { .. } | Event::Log { .. } => serde_json::to_string(&event),
            Event::Ended { outcome: ended } => {
                outcome = *ended;
                serde_json::to_string(&event)
            }
        };
        if let Ok(line) = line {
            // A closed pipe ends the output, not the work.
            let _closed = writeln!(std::io::stdout().lock(), "{line}");
        }
        if matches!(event, Event::Ended { .. }) {
            break;
        }
    }
    outcome
}
