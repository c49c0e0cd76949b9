//! Every key of the full-screen face as data: key, words, and why it is disabled.
//! Never touches a terminal: dispatch, key bar and help overlay are all made from this one table.

use super::review::Review;
use super::view::{AnswerKind, Outcome, Screen, View};

/// A key as the table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
}

impl Key {
    /// As the bar and the help show it.
    pub fn label(self) -> String {
        match self {
            Key::Char(c) => c.to_string(),
            Key::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Key::Enter => "Enter".into(),
            Key::Esc => "Esc".into(),
            Key::Up => "↑".into(),
            Key::Down => "↓".into(),
            Key::PageUp => "PgUp".into(),
            Key::PageDown => "PgDn".into(),
            Key::Home => "Home".into(),
            Key::End => "End".into(),
            Key::Tab => "Tab".into(),
        }
    }
}

/// What a key asks for. Some become a [`super::view::Command`], some stay in the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Answer, apply, tick: whatever the screen waits for.
    Go,
    Back,
    Next,
    Previous,
    PageDown,
    PageUp,
    First,
    Last,
    /// Move between outline, step and log.
    Focus,
    Retry,
    /// Open the selected earlier question of the outline.
    Change,
    Rollback,
    Filter,
    Copy,
    /// Show fewer findings of a review, or all again.
    Weight,
    /// The code of the selected finding, with what it means and the edit.
    Code,
    /// The next option of the selected choice.
    Option,
    /// The runbook: planned against actual.
    Timeline,
    Help,
    Suspend,
    Quit,
    Interrupt,
}

/// One line of the key table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub key: Key,
    pub action: Action,
    /// One or two words for the bar.
    pub text: &'static str,
    /// A sentence for the help overlay.
    pub help: &'static str,
    /// Shown in the bar (all are shown in the help).
    pub in_bar: bool,
}

const fn binding(key: Key, action: Action, text: &'static str, help: &'static str, in_bar: bool) -> Binding {
    Binding { key, action, text, help, in_bar }
}

/// The table. The first binding of an action is the one the bar shows.
pub const BINDINGS: &[Binding] = &[
    binding(Key::Enter, Action::Go, "go on", "answer the question, apply the step, tick the checklist", true),
    binding(Key::Up, Action::Previous, "up", "previous line or option", false),
    binding(Key::Char('k'), Action::Previous, "up", "previous line or option", false),
    binding(Key::Down, Action::Next, "down", "next line or option", false),
    binding(Key::Char('j'), Action::Next, "down", "next line or option", false),
    binding(Key::PageUp, Action::PageUp, "page up", "a page up in the focused pane", false),
    binding(Key::PageDown, Action::PageDown, "page down", "a page down in the focused pane", false),
    binding(Key::Home, Action::First, "first", "to the first line", false),
    binding(Key::End, Action::Last, "last", "to the last line", false),
    binding(Key::Tab, Action::Focus, "pane", "move between outline, step and log", true),
    binding(Key::Char('r'), Action::Retry, "retry", "try the failed step again", true),
    binding(Key::Char('c'), Action::Change, "change", "change an earlier answer: select it in the outline first", true),
    binding(Key::Char('b'), Action::Rollback, "roll back", "show what a roll back would undo, then ask", true),
    binding(Key::Char('/'), Action::Filter, "filter", "filter outline and log by text", true),
    binding(Key::Char('y'), Action::Copy, "copy", "copy the equivalent command to the clipboard (OSC 52)", true),
    binding(
        Key::Char('s'),
        Action::Weight,
        "severity",
        "findings: leave out the lightest that are shown; after the gravest all again",
        true,
    ),
    binding(Key::Char('v'), Action::Code, "code", "the selected finding: its code, what it means and the edit; Esc closes it", true),
    binding(
        Key::Char('o'),
        Action::Option,
        "option",
        "choose the next option of the selected choice; what follows from it is shown anew",
        true,
    ),
    binding(
        Key::Char('t'),
        Action::Timeline,
        "timeline",
        "the runbook: planned against actual, what is next, how long writes have been stopped",
        true,
    ),
    binding(Key::Esc, Action::Back, "back", "leave help, filter, roll back or a reopened question", false),
    binding(Key::Char('?'), Action::Help, "help", "this help", true),
    binding(Key::Ctrl('z'), Action::Suspend, "suspend", "suspend to the shell; `fg` comes back", false),
    binding(Key::Char('q'), Action::Quit, "quit", "stop after the current step; start again to resume", true),
    binding(Key::Ctrl('c'), Action::Interrupt, "interrupt", "once: explain; twice: stop now, resumable", false),
];

/// The binding of a key.
pub fn find(key: Key) -> Option<&'static Binding> {
    BINDINGS.iter().find(|b| b.key == key)
}

/// The word of a binding on this view: Enter leaves at the end, and goes on everywhere else.
pub fn word(binding: &Binding, view: &View) -> &'static str {
    match (binding.action, &view.screen) {
        (Action::Go, Screen::Ended(_)) => "leave",
        (
            _,
            Screen::Ask(_)
            | Screen::Manual(_)
            | Screen::Gate(_)
            | Screen::RollbackGate(_)
            | Screen::Running(_)
            | Screen::Failed(_)
            | Screen::Ended(_),
        ) => binding.text,
    }
}

/// `Err(why)` when the action has nothing to do on this view.
pub fn enabled(action: Action, view: &View) -> Result<(), &'static str> {
    match action {
        Action::Go => match &view.screen {
            Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::RollbackGate(_) | Screen::Ended(_) => Ok(()),
            Screen::Running(_) => Err("a step is running and goes on by itself"),
            Screen::Failed(_) => Err("the step failed: r tries again, b rolls back, q stops"),
        },
        Action::Retry => match &view.screen {
            Screen::Failed(_) => Ok(()),
            Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::RollbackGate(_) | Screen::Running(_) | Screen::Ended(_) => {
                Err("nothing has failed")
            }
        },
        Action::Change => match &view.screen {
            Screen::Running(_) => Err("a step is running: wait, or stop with q"),
            Screen::RollbackGate(_) | Screen::Ended(_) => Err("not while rolling back or at the end"),
            Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::Failed(_) => Ok(()),
        },
        Action::Rollback => match &view.screen {
            Screen::Running(_) => Err("a step is running: wait, or stop with q"),
            Screen::RollbackGate(_) => Err("this is the roll back"),
            Screen::Ended(ended) if ended.outcome != Outcome::Finished => Err("there is nothing to roll back"),
            Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::Failed(_) | Screen::Ended(_) => Ok(()),
        },
        Action::Copy => match &view.screen {
            Screen::Gate(_) | Screen::Running(_) => Ok(()),
            Screen::Ask(_) | Screen::Manual(_) | Screen::Failed(_) | Screen::RollbackGate(_) | Screen::Ended(_) => {
                Err("this screen has no command to copy")
            }
        },
        Action::Weight | Action::Option => match &view.screen {
            Screen::Gate(gate) if action == Action::Option && gate.review.as_ref().is_some_and(|review| review.choices.is_empty()) => {
                Err("there is nothing to choose here")
            }
            Screen::Gate(gate) if gate.review.is_some() => Ok(()),
            Screen::Gate(_)
            | Screen::Ask(_)
            | Screen::Manual(_)
            | Screen::Running(_)
            | Screen::Failed(_)
            | Screen::RollbackGate(_)
            | Screen::Ended(_) => Err("this screen has no findings and no choices"),
        },
        Action::Code => match &view.screen {
            Screen::Gate(gate) if gate.review.as_ref().is_some_and(Review::has_code) => Ok(()),
            Screen::Gate(_)
            | Screen::Ask(_)
            | Screen::Manual(_)
            | Screen::Running(_)
            | Screen::Failed(_)
            | Screen::RollbackGate(_)
            | Screen::Ended(_) => Err("this screen has no findings in code"),
        },
        Action::Timeline if view.timeline.is_none() => Err("the runbook has not begun; migrate-wizard cutover plan shows it"),
        Action::Back
        | Action::Timeline
        | Action::Next
        | Action::Previous
        | Action::PageDown
        | Action::PageUp
        | Action::First
        | Action::Last
        | Action::Focus
        | Action::Filter
        | Action::Help
        | Action::Suspend
        | Action::Quit
        | Action::Interrupt => Ok(()),
    }
}

/// Does the screen take typed text (so that letters are text, not keys)?
pub fn takes_text(screen: &Screen) -> bool {
    match screen {
        Screen::Ask(ask) => ask.kind != AnswerKind::Choice,
        Screen::Gate(gate) => gate.type_to_confirm.is_some(),
        Screen::RollbackGate(_) => true,
        Screen::Manual(_) | Screen::Running(_) | Screen::Failed(_) | Screen::Ended(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice() {
        for (i, a) in BINDINGS.iter().enumerate() {
            assert!(BINDINGS.iter().skip(i + 1).all(|b| b.key != a.key), "{:?} is bound twice", a.key);
        }
    }
}
