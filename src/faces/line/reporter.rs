//! Progress of a command that runs outside the wizard, on standard error: bars in a terminal, else a line now and then.
//! Never standard output: that is for what the command came for.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::{Bars, Plain};
use crate::progress::{Note, Reporter};

/// Tells on standard error how far the work is; log lines stand above the bars.
/// The bars are taken away when the last clone is dropped, so drop it before anything else is printed.
pub fn reporter() -> Reporter {
    if std::io::stderr().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb") {
        let bars = Mutex::new(Bars::new());
        return Reporter::new(move |note| {
            let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
            match note {
                Note::Progress(progress) => bars.progress(&progress),
                Note::Log(line) => bars.above(|| say(&line)),
            }
        });
    }
    let (plain, began) = (Mutex::new(Plain::default()), Instant::now());
    Reporter::new(move |note| match note {
        Note::Progress(progress) => {
            let now_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            if let Some(line) = plain.lock().unwrap_or_else(PoisonError::into_inner).line(&progress, now_ms) {
                say(&line);
            }
        }
        Note::Log(line) => say(&line),
    })
}

fn say(line: &str) {
    // A closed pipe ends the output, not the work.
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}
