//! The full-screen face: draws the view and turns keys into commands.
//! Never decides and never meets an effect, AWS or a database: all it has is two channels and a terminal.

mod clipboard;
mod dispatch;
pub mod draw;
mod input;
mod log_lines;
mod model;
mod paper;
mod review;
pub mod sample_views;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;

use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::{FutureExt as _, StreamExt};
use ratatui::backend::TestBackend;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep, sleep_until};

pub use dispatch::{Press, Reply};
pub use model::Model;
pub use paper::{clean, fit_middle, width, wrap};
pub use terminal::{columns, cooked, raw, stderr_columns};
pub use theme::Theme;

use crate::error::{Context, Error, Kind, Result};
use crate::wizard::keys::Key;
use crate::wizard::view::{Command, Event, Outcome, Screen, View};
use terminal::Guard;

/// Frames are at least this far apart, however many events come.
const FRAME: Duration = Duration::from_millis(16);
/// How often a running step is drawn when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
/// Events taken in before a frame is due again.
const BURST: usize = 5_000;

fn panicked() -> Error {
    Error::bug("something panicked while the screen was up; the message is above")
}

/// Shows the run until it ends or the person leaves.
///
/// # Errors
/// `Unreachable` when there is no terminal, `Bug` when the engine goes without saying how or something panicked.
pub async fn run(mut events: UnboundedReceiver<Event>, commands: UnboundedSender<Command>) -> Result<Outcome> {
    let mut terminal = Guard::enter()?;
    let mut keys = EventStream::new();
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).or_fail(
        Kind::Bug,
        "cannot listen for the terminate signal",
        "run it with --plain",
    )?;
    let mut model = Model::new(Theme::from_env());
    let began = Instant::now();
    let now_ms = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut due = tokio::time::Instant::now();
    let mut dirty = true;
    let mut open = true;
    loop {
        if dirty && tokio::time::Instant::now() >= due {
            model.on_tick(now_ms());
            terminal.draw(&model, now_ms())?;
            due = tokio::time::Instant::now() + FRAME;
            dirty = false;
        }
        tokio::select! {
            event = events.recv(), if open => match event {
                Some(event) => {
                    model.on_event(event, now_ms());
                    for _ in 1..BURST {
                        let Ok(event) = events.try_recv() else { break };
                        model.on_event(event, now_ms());
                    }
                    dirty = true;
                }
                None => open = false,
            },
            key = keys.next() => {
                let key = key.transpose().or_fail(Kind::Unreachable, "cannot read keys from this terminal", "run it in a terminal, or use --plain")?;
                let Some(key) = key else {
                    return Err(Error::new(Kind::Unreachable, "the terminal is gone").hint("start again to go on from here"));
                };
                dirty = true;
                for reply in press(key).map(|press| model.on_key(press, now_ms())).unwrap_or_default() {
                    match reply {
                        // The engine may have gone: that is told by its last event.
                        Reply::Send(command) => drop(commands.send(command)),
                        Reply::Copy(text) => terminal.send(&clipboard::sequence(&text))?,
                        Reply::Suspend => terminal.suspend().await?,
                        Reply::Leave(outcome) => return Ok(outcome),
                    }
                }
            },
            _ = terminated.recv() => {
                let _gone = commands.send(Command::Abort);
                model.aborting = true;
            },
            () = terminal.lost() => return Err(panicked()),
            () = sleep_until(due), if dirty => {}
            () = sleep(TICK), if !dirty && model.ticks() => dirty = true,
        }
        let stays = matches!(model.screen(), Some(Screen::Ended(_))) && !model.aborting;
        match model.ended {
            Some(outcome) if !stays => return Ok(outcome),
            // A panic takes the screen away before it takes the run away.
            None if !open && !stays && terminal.lost().now_or_never().is_some() => return Err(panicked()),
            None if !open && !stays => return Err(Error::bug("the run went away without saying how it ended")),
            Some(_) | None => {}
        }
    }
}

/// What a person did, as the model knows it; `None` for what only needs a new frame or nothing.
fn press(event: TerminalEvent) -> Option<Press> {
    match event {
        TerminalEvent::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) => {
            from_code(code, modifiers)
        }
        TerminalEvent::Paste(text) => Some(Press::Paste(text)),
        TerminalEvent::Key(_)
        | TerminalEvent::Resize(..)
        | TerminalEvent::FocusGained
        | TerminalEvent::FocusLost
        | TerminalEvent::Mouse(_) => None,
    }
}

fn from_code(code: KeyCode, modifiers: KeyModifiers) -> Option<Press> {
    Some(Press::Key(match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(_) if modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => return Some(Press::BackTab),
        KeyCode::Left => return Some(Press::Left),
        KeyCode::Right => return Some(Press::Right),
        KeyCode::Backspace => return Some(Press::Backspace),
        KeyCode::Delete => return Some(Press::Delete),
        // Not ours but the terminal's: no key of the table can be meant.
        _ => return None,
    }))
}

/// The screen as plain text, lines without trailing blanks.
pub fn render_to_text(view: &View, width: u16, height: u16) -> String {
    let mut model = Model::new(Theme::PLAIN);
    model.on_event(Event::View(Box::new(view.clone())), 0);
    render_model(&model, width, height, 0)
}

/// The same for a model: what a person would see `now_ms` after the face began.
pub fn render_model(model: &Model, width: u16, height: u16, now_ms: u64) -> String {
    let Ok(mut terminal) = ratatui::Terminal::new(TestBackend::new(width.max(1), height.max(1)));
    let Ok(_) = terminal.draw(|frame| draw::draw(frame, model, now_ms));
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area.width.max(1))) {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = paper::width(cell.symbol()).saturating_sub(1);
            line.push_str(cell.symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
