//! From a key to what it does: by the key table of the wizard, to the model and to commands.
//! Pure: it changes the model and says what is to be sent; it never reads a terminal or a clock.

use super::input::Input;
use super::model::{Filter, Model, Pane, Sheet};
use crate::wizard::keys::{self, Action, Key};
use crate::wizard::view::{AnswerKind, Command, Outcome, Screen, Standing, StepView};

/// What a person pressed: a key of the table, or one that only edits text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    Key(Key),
    Left,
    Right,
    Backspace,
    Delete,
    BackTab,
    Paste(String),
}

/// What is to be done outside the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Send(Command),
    /// Put it on the clipboard.
    Copy(String),
    /// Back to the shell until `fg`.
    Suspend,
    Leave(Outcome),
}

/// How soon the second Ctrl-C must come to stop now.
const ARMED_MS: u64 = 3_000;
/// How long an answer may wait for its view before another Enter counts.
const SENT_MS: u64 = 2_000;

impl Model {
    /// Takes in a key; `now_ms` since the face began.
    pub fn on_key(&mut self, press: Press, now_ms: u64) -> Vec<Reply> {
        self.message = None;
        match press {
            Press::Key(Key::Ctrl('c')) => return self.interrupt(now_ms),
            Press::Key(Key::Ctrl('z')) => return vec![Reply::Suspend],
            Press::Key(_) | Press::Left | Press::Right | Press::Backspace | Press::Delete | Press::BackTab | Press::Paste(_) => {}
        }
        self.armed_ms = None;
        if matches!(self.filter, Filter::Editing(_)) {
            self.edit_filter(&press);
            return Vec::new();
        }
        if let Some((sheet, top)) = self.sheet {
            self.in_sheet(sheet, top, &press);
            return Vec::new();
        }
        if self.typing() && edit(&mut self.input, &press) {
            return Vec::new();
        }
        match press {
            Press::Key(key) => self.on_bound(key, now_ms),
            Press::BackTab => {
                self.pane = match self.pane {
                    Pane::Outline => Pane::Log,
                    Pane::Step => Pane::Outline,
                    Pane::Log => Pane::Step,
                };
                Vec::new()
            }
            Press::Left | Press::Right | Press::Backspace | Press::Delete | Press::Paste(_) => Vec::new(),
        }
    }

    fn on_bound(&mut self, key: Key, now_ms: u64) -> Vec<Reply> {
        let Some(binding) = keys::find(key) else {
            self.say(format!("{} does nothing here; ? shows every key", key.label()), now_ms);
            return Vec::new();
        };
        if let Some(view) = &self.view
            && let Err(why) = keys::enabled(binding.action, view)
        {
            self.say(format!("{} ({}): {why}", key.label(), keys::word(binding, view)), now_ms);
            return Vec::new();
        }
        self.act(binding.action, now_ms)
    }

    fn act(&mut self, action: Action, now_ms: u64) -> Vec<Reply> {
        match action {
            Action::Go => return self.go(now_ms),
            Action::Back => return self.back(now_ms),
            Action::Next => self.step_by(1),
            Action::Previous => self.step_by(-1),
            Action::PageDown => self.page(1),
            Action::PageUp => self.page(-1),
            Action::First => self.step_by(isize::MIN / 2),
            Action::Last => self.step_by(isize::MAX / 2),
            Action::Focus => {
                self.pane = match self.pane {
                    Pane::Outline => Pane::Step,
                    Pane::Step => Pane::Log,
                    Pane::Log => Pane::Outline,
                }
            }
            Action::Retry => {
                if let Some(Screen::Failed(failed)) = self.screen() {
                    let step = failed.step.clone();
                    return self.send(Command::Retry { step }, now_ms);
                }
            }
            Action::Change => return self.change(now_ms),
            Action::Rollback => return self.send(Command::Rollback { to: None }, now_ms),
            Action::Filter => {
                self.filter = Filter::Editing(Input::with(&self.filter_text().unwrap_or_default()));
            }
            Action::Copy => {
                let command = match self.screen() {
                    Some(Screen::Gate(gate)) => gate.command.clone(),
                    Some(Screen::Running(running)) => running.command.clone(),
                    Some(Screen::Ask(_) | Screen::Manual(_) | Screen::Failed(_) | Screen::RollbackGate(_) | Screen::Ended(_)) | None => {
                        return Vec::new();
                    }
                };
                self.say("the command was sent to the clipboard (OSC 52; the terminal must allow it)", now_ms);
                return vec![Reply::Copy(command)];
            }
            Action::Weight => self.next_weight(),
            Action::Code => self.show_code(),
            Action::Option => match self.next_option() {
                Ok(command) => return self.send(command, now_ms),
                Err(why) => self.say(why, now_ms),
            },
            Action::Help => self.sheet = Some((Sheet::Help, 0)),
            Action::Timeline => self.sheet = Some((Sheet::Timeline, 0)),
            Action::Suspend => return vec![Reply::Suspend],
            Action::Quit => return self.quit(now_ms),
            Action::Interrupt => return self.interrupt(now_ms),
        }
        Vec::new()
    }

    /// Enter: what the screen waits for.
    fn go(&mut self, now_ms: u64) -> Vec<Reply> {
        if self.pane != Pane::Step {
            self.pane = Pane::Step;
            self.say("back at the step: Enter again goes on", now_ms);
            return Vec::new();
        }
        if self.sent_ms.is_some_and(|sent| now_ms < sent + SENT_MS) {
            self.say("one moment: the last answer is being worked on", now_ms);
            return Vec::new();
        }
        let typed = self.input.text();
        let command = match self.screen() {
            Some(Screen::Ask(ask)) if ask.kind == AnswerKind::Choice => {
                let Some(chosen) = ask.options.get(self.option) else {
                    self.say("there is nothing to choose from", now_ms);
                    return Vec::new();
                };
                Command::Answer { step: ask.step.clone(), value: chosen.id.clone() }
            }
            Some(Screen::Ask(ask)) => Command::Answer { step: ask.step.clone(), value: typed },
            Some(Screen::Manual(manual)) => Command::ManualDone { step: manual.step.clone() },
            Some(Screen::Gate(gate)) => {
                if let Some(text) = gate.type_to_confirm.clone().filter(|_| typed.trim().is_empty()) {
                    self.say(format!("type {text} first: this step cannot be taken back by a key"), now_ms);
                    return Vec::new();
                }
                Command::Apply { step: gate.step.clone(), typed: gate.type_to_confirm.as_ref().map(|_| typed) }
            }
            Some(Screen::RollbackGate(rollback)) => {
                if typed.trim().is_empty() {
                    let text = format!("type {} first, or Esc goes back", rollback.type_to_confirm);
                    self.say(text, now_ms);
                    return Vec::new();
                }
                Command::ConfirmRollback { typed }
            }
            Some(Screen::Ended(ended)) => return self.leave(ended.outcome),
            Some(Screen::Running(_) | Screen::Failed(_)) | None => return Vec::new(),
        };
        self.send(command, now_ms)
    }

    /// Esc: out of the innermost thing that is open.
    fn back(&mut self, now_ms: u64) -> Vec<Reply> {
        if self.code && self.pane == Pane::Step {
            self.show_code();
        } else if self.filter != Filter::Off {
            self.filter = Filter::Off;
            self.refilter();
        } else if self.pane != Pane::Step {
            self.pane = Pane::Step;
            self.selected = None;
            self.log_back = 0;
        } else {
            match self.screen() {
                Some(Screen::RollbackGate(_)) => return self.send(Command::Back, now_ms),
                Some(Screen::Ask(ask)) if ask.reopened => return self.send(Command::Back, now_ms),
                Some(Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::Running(_) | Screen::Failed(_) | Screen::Ended(_))
                | None => {}
            }
        }
        Vec::new()
    }

    fn quit(&mut self, now_ms: u64) -> Vec<Reply> {
        match self.screen() {
            Some(Screen::Ended(ended)) => return self.leave(ended.outcome),
            Some(Screen::Running(_)) => self.say("stopping after this step; Ctrl-C twice stops now", now_ms),
            Some(Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::Failed(_) | Screen::RollbackGate(_)) | None => {}
        }
        vec![Reply::Send(Command::Stop)]
    }

    /// The engine waits at the end too: it is told, and need not be heard again.
    fn leave(&self, outcome: Outcome) -> Vec<Reply> {
        vec![Reply::Send(Command::Stop), Reply::Leave(outcome)]
    }

    fn interrupt(&mut self, now_ms: u64) -> Vec<Reply> {
        if let Some(Screen::Ended(ended)) = self.screen() {
            return self.leave(ended.outcome);
        }
        if self.aborting {
            return vec![Reply::Leave(Outcome::Interrupted)];
        }
        if self.armed_ms.is_some_and(|at| now_ms < at + ARMED_MS) {
            self.aborting = true;
            self.say("stopping now …", now_ms);
            return vec![Reply::Send(Command::Abort)];
        }
        self.armed_ms = Some(now_ms);
        self.say("press Ctrl-C again to stop now; nothing is lost, start again to resume", now_ms);
        if let Some(message) = &mut self.message {
            message.until_ms = now_ms + ARMED_MS;
        }
        Vec::new()
    }

    /// Sends what the engine answers with a new view.
    fn send(&mut self, command: Command, now_ms: u64) -> Vec<Reply> {
        if self.ended.is_some() {
            self.say("the run has ended; start again to go on", now_ms);
            return Vec::new();
        }
        self.sent_ms = Some(now_ms);
        vec![Reply::Send(command)]
    }

    /// Opens the selected answer again, or goes to where one can be selected.
    fn change(&mut self, now_ms: u64) -> Vec<Reply> {
        let answered = |s: &&&StepView| s.question && matches!(s.standing, Standing::Done | Standing::Stale);
        let steps = self.shown_steps();
        if self.pane == Pane::Outline
            && let Some(step) = steps.iter().find(|s| Some(s.id.as_str()) == self.selected.as_deref())
        {
            if answered(&step) {
                let command = Command::Reopen { step: step.id.clone() };
                return self.send(command, now_ms);
            }
            let why = if step.question {
                "this question has not been answered yet"
            } else {
                "only an answer can be changed, and this step is not a question"
            };
            self.say(why, now_ms);
            return Vec::new();
        }
        let last = steps.iter().rev().find(answered).map(|s| s.id.clone());
        if last.is_none() {
            self.say("nothing has been answered yet", now_ms);
            return Vec::new();
        }
        if self.pane != Pane::Outline {
            self.pane = Pane::Outline;
            self.selected = last;
        }
        self.say("select the answer to change with ↑ ↓, then press c; Esc goes back", now_ms);
        Vec::new()
    }

    fn page(&mut self, sign: isize) {
        let measured = self.measured.get();
        let rows = match self.pane {
            Pane::Outline => measured.outline_rows,
            Pane::Step => measured.step_rows,
            Pane::Log => measured.log_rows,
        };
        let by = sign * isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1);
        if self.pane == Pane::Step && self.review().is_none() {
            self.scroll_step(by);
        } else {
            self.step_by(by);
        }
    }

    /// Moves the selection, or scrolls where there is none.
    fn step_by(&mut self, by: isize) {
        match self.pane {
            Pane::Outline => {
                let steps = self.shown_steps();
                let at = self.outline_step().and_then(|id| steps.iter().position(|s| s.id == id)).unwrap_or(0);
                let to = at.saturating_add_signed(by).min(steps.len().saturating_sub(1));
                self.selected = steps.get(to).map(|s| s.id.clone());
            }
            Pane::Step => match self.screen() {
                Some(Screen::Ask(ask)) if ask.kind == AnswerKind::Choice => {
                    self.option = self.option.saturating_add_signed(by).min(ask.options.len().saturating_sub(1));
                    self.step_top = None;
                }
                Some(Screen::Gate(gate)) if gate.review.is_some() => self.walk(by),
                Some(
                    Screen::Ask(_)
                    | Screen::Manual(_)
                    | Screen::Gate(_)
                    | Screen::Running(_)
                    | Screen::Failed(_)
                    | Screen::RollbackGate(_)
                    | Screen::Ended(_),
                )
                | None => self.scroll_step(by),
            },
            Pane::Log => self.log_back = self.log_back.saturating_add_signed(by.saturating_neg()).min(self.log.len().saturating_sub(1)),
        }
    }

    pub(super) fn scroll_step(&mut self, by: isize) {
        let measured = self.measured.get();
        self.step_top = Some(measured.step_top.saturating_add_signed(by).min(measured.step_end));
    }

    fn edit_filter(&mut self, press: &Press) {
        let Filter::Editing(input) = &mut self.filter else { return };
        let kept = input.text();
        match press {
            Press::Key(Key::Enter) => self.filter = if kept.is_empty() { Filter::Off } else { Filter::Kept(kept) },
            Press::Key(Key::Esc) => self.filter = Filter::Off,
            Press::Key(_) | Press::Left | Press::Right | Press::Backspace | Press::Delete | Press::BackTab | Press::Paste(_) => {
                edit(input, press);
            }
        }
        self.refilter();
    }

    fn refilter(&mut self) {
        let text = self.filter_text().unwrap_or_default();
        self.log.set_filter(&text);
        self.log_back = 0;
        let gone = self.selected.as_ref().is_some_and(|id| self.shown_steps().iter().all(|s| s.id != *id));
        if gone {
            self.selected = None;
        }
    }

    fn in_sheet(&mut self, sheet: Sheet, top: usize, press: &Press) {
        let Press::Key(key) = press else { return };
        let end = self.measured.get().sheet_end;
        let top = match keys::find(*key).map(|b| b.action) {
            Some(Action::Next) => Some((top + 1).min(end)),
            Some(Action::Previous) => Some(top.saturating_sub(1)),
            Some(Action::PageDown) => Some((top + 10).min(end)),
            Some(Action::PageUp) => Some(top.saturating_sub(10)),
            Some(Action::First) => Some(0),
            Some(Action::Last) => Some(end),
            Some(Action::Back | Action::Go | Action::Help | Action::Timeline | Action::Quit) => None,
            Some(
                Action::Focus
                | Action::Retry
                | Action::Change
                | Action::Rollback
                | Action::Filter
                | Action::Copy
                | Action::Weight
                | Action::Code
                | Action::Option
                | Action::Suspend
                | Action::Interrupt,
            )
            | None => Some(top),
        };
        self.sheet = top.map(|top| (sheet, top));
    }
}

/// Does the key edit text? Then it has.
fn edit(input: &mut Input, press: &Press) -> bool {
    match press {
        Press::Key(Key::Char(c)) => input.insert(c.encode_utf8(&mut [0; 4])),
        Press::Paste(text) => input.insert(text),
        Press::Key(Key::Ctrl('u')) => input.clear(),
        Press::Key(Key::Home | Key::Ctrl('a')) => input.home(),
        Press::Key(Key::End | Key::Ctrl('e')) => input.end(),
        Press::Left => input.left(),
        Press::Right => input.right(),
        Press::Backspace | Press::Key(Key::Ctrl('h')) => input.backspace(),
        Press::Delete => input.delete(),
        Press::BackTab | Press::Key(_) => return false,
    }
    true
}
