//! The terminal while it is ours: raw mode and the alternate screen, given back on every way out.
//! Draws nothing itself and prints nothing before the alternate screen is on.

use std::io::{IsTerminal, Stdout, Write, stderr, stdout};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use tokio::sync::Notify;

use super::draw;
use super::model::Model;
use crate::error::{Context, Error, Kind, Result};

const HINT: &str = "run it in a terminal, or use --plain";

/// Holds the terminal; dropping it gives it back.
pub struct Guard {
    screen: ratatui::Terminal<CrosstermBackend<Stdout>>,
    /// The terminal is ours. The panic hook, on whatever thread, takes this away before anything is printed.
    ours: Arc<AtomicBool>,
    /// A panic has taken it.
    lost: Arc<Notify>,
}

impl Guard {
    /// Takes the terminal and lets panics give it back first.
    ///
    /// # Errors
    /// `Unreachable` when standard output is no terminal that can be drawn on.
    pub fn enter() -> Result<Self> {
        let ours = Arc::new(AtomicBool::new(false));
        let screen =
            ratatui::Terminal::new(CrosstermBackend::new(stdout())).or_fail(Kind::Unreachable, "cannot draw on this terminal", HINT)?;
        let lost = Arc::new(Notify::new());
        let mut guard = Self { screen, ours: Arc::clone(&ours), lost: Arc::clone(&lost) };
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back(&ours);
            before(info);
            lost.notify_one();
        }));
        guard.take()?;
        Ok(guard)
    }

    fn take(&mut self) -> Result<()> {
        raw()?;
        self.ours.store(true, Ordering::SeqCst);
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste).or_fail(Kind::Unreachable, "cannot write to this terminal", HINT)?;
        self.screen.clear().or_fail(Kind::Unreachable, "cannot clear this terminal", HINT)
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// `Bug` when a panic elsewhere has taken the terminal away, `Unreachable` when it cannot be written to.
    pub fn draw(&mut self, model: &Model, now_ms: u64) -> Result<()> {
        if !self.ours.load(Ordering::SeqCst) {
            return Err(Error::bug("something panicked while the screen was up; the message is above"));
        }
        self.screen.draw(|frame| draw::draw(frame, model, now_ms)).map(|_| ()).or_fail(
            Kind::Unreachable,
            "cannot write to this terminal",
            HINT,
        )
    }

    /// Comes back when a panic, on whatever thread, has taken the terminal away.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Sends a sequence that shows nothing, such as OSC 52.
    pub fn send(&mut self, sequence: &str) -> Result<()> {
        let mut out = stdout();
        out.write_all(sequence.as_bytes()).and_then(|()| out.flush()).or_fail(Kind::Unreachable, "cannot write to this terminal", HINT)
    }

    /// Ctrl-Z: gives the terminal back, stops the whole foreground job as the terminal itself would, and takes it again on `fg`.
    pub async fn suspend(&mut self) -> Result<()> {
        give_back(&self.ours);
        // The job and not only this process: a wrapper (sudo, npx) must stop too, or the shell would never come back.
        let stop = tokio::process::Command::new("sh")
            .args(["-c", "kill -TSTP 0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        if let Ok(mut stop) = stop {
            // `sh` stops with the job; where nothing could stop it, go on after a moment.
            let _stopped = tokio::time::timeout(Duration::from_millis(500), stop.wait()).await;
        }
        self.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.ours);
    }
}

/// Puts the terminal back as it was, once. There is nobody left to tell when it fails.
fn give_back(ours: &AtomicBool) {
    if ours.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Columns of the terminal behind standard output; `None` where there is none.
pub fn columns() -> Option<usize> {
    stdout().is_terminal().then(size).flatten()
}

/// The same behind standard error, where bars are.
pub fn stderr_columns() -> Option<usize> {
    stderr().is_terminal().then(size).flatten()
}

fn size() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns))
}

/// No echo, no lines: each key is a byte, Ctrl-C too. [`cooked`] puts it back.
///
/// # Errors
/// `Unreachable` when there is no terminal to read keys from.
pub fn raw() -> Result<()> {
    enable_raw_mode().or_fail(Kind::Unreachable, "cannot read keys from this terminal", HINT)
}

/// Takes the terminal back from a prompt that nobody will answer any more; prompts write to standard error.
pub fn cooked() {
    if stderr().is_terminal() {
        let _nobody_to_tell = execute!(stderr(), DisableBracketedPaste, Show);
    }
    let _nobody_to_tell = disable_raw_mode();
}
