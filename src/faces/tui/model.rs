//! All that the face knows: the latest view, progress, log, and where the person is in them.
//! Never touches a terminal and reads no clock: time comes in as milliseconds since the face began.

use std::cell::Cell;

use super::input::Input;
use super::log_lines::LogLines;
use super::theme::Theme;
use crate::progress::Progress;
use crate::wizard::keys;
use crate::wizard::review::Weight;
use crate::wizard::view::{AnswerKind, Event, Outcome, Screen, Standing, StepView, View};

/// Which part of the screen the arrow keys move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Outline,
    Step,
    Log,
}

/// What can lie over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheet {
    Help,
    Timeline,
}

/// The filter over outline and log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    Off,
    /// Being typed in the bar.
    Editing(Input),
    Kept(String),
}

/// The latest progress of a step and since when it has had any.
#[derive(Debug, Clone)]
pub struct Tracked {
    pub step: String,
    pub progress: Progress,
    first_ms: u64,
    first_done: u64,
    last_ms: u64,
}

impl Tracked {
    /// Seconds still to go: as the work says, else at the speed so far; `None` while nobody can know.
    pub fn remaining_s(&self, now_ms: u64) -> Option<u64> {
        if let Some(told) = self.progress.remaining_s {
            return Some(told.saturating_sub(now_ms.saturating_sub(self.last_ms) / 1000));
        }
        let left = self.progress.total?.checked_sub(self.progress.done).filter(|&left| left > 0)?;
        let done = self.progress.done.checked_sub(self.first_done).filter(|&done| done > 0)?;
        let spent_ms = self.last_ms.saturating_sub(self.first_ms).max(1);
        let needs_ms = u128::from(left) * u128::from(spent_ms) / u128::from(done);
        let since_ms = u128::from(now_ms.saturating_sub(self.last_ms));
        u64::try_from(needs_ms.saturating_sub(since_ms) / 1000).ok()
    }
}

/// What the last drawing measured, so that paging and scrolling know their ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    pub outline_rows: usize,
    pub step_rows: usize,
    /// How far the step can be scrolled, and where it was.
    pub step_end: usize,
    pub step_top: usize,
    /// Lines of what is selected in it: the first, and the one after the last.
    pub kept: (usize, usize),
    pub log_rows: usize,
    pub sheet_end: usize,
}

/// A word in the bar in place of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub until_ms: u64,
}

/// How long a message stays when no key is pressed.
const MESSAGE_MS: u64 = 6_000;

/// How long an answer may wait for its view before the bar says that work goes on.
const WAITING_MS: u64 = 700;

/// The state of the face.
#[derive(Debug)]
pub struct Model {
    pub theme: Theme,
    pub view: Option<Box<View>>,
    /// When the view came.
    pub view_ms: u64,
    pub tracked: Option<Tracked>,
    pub log: LogLines,
    pub pane: Pane,
    /// The selected step of the outline; `None` follows the run.
    pub selected: Option<String>,
    /// The selected option of a choice, or line of a review.
    pub option: usize,
    /// The lightest findings of a review that are on show.
    pub least: Weight,
    /// The selected line of a review is open to its code.
    pub code: bool,
    pub input: Input,
    /// First line of the step on show; `None` keeps the selected option in sight.
    pub step_top: Option<usize>,
    /// How many log lines below the last one on show; 0 follows the log.
    pub log_back: usize,
    /// What lies over the screen, and its first line on show.
    pub sheet: Option<(Sheet, usize)>,
    pub filter: Filter,
    pub message: Option<Message>,
    /// Ctrl-C was pressed once, at this time.
    pub armed_ms: Option<u64>,
    /// "Stop now" was sent.
    pub aborting: bool,
    /// An answer was sent at this time and no view has come since.
    pub sent_ms: Option<u64>,
    /// The engine is gone.
    pub ended: Option<Outcome>,
    pub measured: Cell<Measured>,
}

impl Model {
    pub fn new(theme: Theme) -> Self {
        Self {
            theme,
            view: None,
            view_ms: 0,
            tracked: None,
            log: LogLines::default(),
            pane: Pane::Step,
            selected: None,
            option: 0,
            least: Weight::Info,
            code: false,
            input: Input::default(),
            step_top: None,
            log_back: 0,
            sheet: None,
            filter: Filter::Off,
            message: None,
            armed_ms: None,
            aborting: false,
            sent_ms: None,
            ended: None,
            measured: Cell::default(),
        }
    }

    /// Takes in what the engine says.
    pub fn on_event(&mut self, event: Event, now_ms: u64) {
        match event {
            Event::View(view) => self.on_view(view, now_ms),
            Event::Progress { step, progress } => {
                let same =
                    self.tracked.take().filter(|t| t.step == step && t.progress.unit == progress.unit && t.progress.done <= progress.done);
                let (first_ms, first_done) = same.map_or((now_ms, progress.done), |t| (t.first_ms, t.first_done));
                self.tracked = Some(Tracked { step, progress, first_ms, first_done, last_ms: now_ms });
            }
            Event::Log { at, step, line } => {
                let shown = self.log.push(&at, step, &line);
                if shown && self.log_back > 0 {
                    self.log_back = (self.log_back + 1).min(self.log.len().saturating_sub(1));
                }
            }
            Event::Ended { outcome } => self.ended = Some(outcome),
        }
    }

    fn on_view(&mut self, view: Box<View>, now_ms: u64) {
        let same = self.view.as_ref().is_some_and(|old| {
            std::mem::discriminant(&old.screen) == std::mem::discriminant(&view.screen) && old.screen.step() == view.screen.step()
        });
        if !same {
            self.begin_screen(&view.screen);
            // What was said about the last screen is said no more; that a second Ctrl-C stops stays true.
            if self.armed_ms.is_none() {
                self.message = None;
            }
        }
        self.sent_ms = None;
        self.view = Some(view);
        self.view_ms = now_ms;
    }

    /// A new screen starts from its suggestion; what was typed for another one is forgotten.
    fn begin_screen(&mut self, screen: &Screen) {
        self.pane = Pane::Step;
        self.selected = None;
        self.step_top = None;
        self.option = 0;
        self.least = Weight::Info;
        self.code = false;
        self.input = Input::default();
        if let Screen::Ask(ask) = screen {
            self.option = ask
                .options
                .iter()
                .position(|o| ask.suggested.as_ref() == Some(&o.id))
                .or_else(|| ask.options.iter().position(|o| o.recommended))
                .unwrap_or(0);
            if ask.kind != AnswerKind::Choice && ask.kind != AnswerKind::Secret {
                self.input = Input::with(ask.suggested.as_deref().unwrap_or_default());
            }
        }
    }

    pub fn screen(&self) -> Option<&Screen> {
        self.view.as_ref().map(|v| &v.screen)
    }

    /// Are letters text just now?
    pub fn typing(&self) -> bool {
        self.pane == Pane::Step && self.screen().is_some_and(keys::takes_text)
    }

    /// What outline and log are filtered by.
    pub fn filter_text(&self) -> Option<String> {
        match &self.filter {
            Filter::Off => None,
            Filter::Editing(input) => Some(input.text()).filter(|t| !t.is_empty()),
            Filter::Kept(text) => Some(text.clone()),
        }
    }

    /// The steps that the filter lets through, in order.
    pub fn shown_steps(&self) -> Vec<&StepView> {
        let filter = self.filter_text().map(|f| f.to_lowercase());
        let passes = |step: &&StepView| {
            filter.as_ref().is_none_or(|f| {
                [Some(&step.title), Some(&step.id), step.note.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|text| text.to_lowercase().contains(f.as_str()))
            })
        };
        self.view.iter().flat_map(|v| &v.steps).filter(passes).collect()
    }

    /// The step that the outline keeps in sight: the selected one, else where the run is.
    pub fn outline_step(&self) -> Option<&str> {
        self.selected.as_deref().or_else(|| self.current_step())
    }

    fn current_step(&self) -> Option<&str> {
        let view = self.view.as_ref()?;
        let busy = |s: &&StepView| matches!(s.standing, Standing::Current | Standing::Running | Standing::Failed);
        view.screen.step().or_else(|| view.steps.iter().find(busy).map(|s| s.id.as_str()))
    }

    pub fn say(&mut self, text: impl Into<String>, now_ms: u64) {
        self.message = Some(Message { text: text.into(), until_ms: now_ms + MESSAGE_MS });
    }

    /// The message while it is fresh.
    pub fn message(&self, now_ms: u64) -> Option<&str> {
        self.message.as_ref().filter(|m| now_ms < m.until_ms).map(|m| m.text.as_str())
    }

    /// Has an answer been waiting so long that the person should be told that work goes on?
    pub fn waiting(&self, now_ms: u64) -> bool {
        self.ended.is_none() && self.sent_ms.is_some_and(|sent| now_ms >= sent + WAITING_MS)
    }

    /// Does the screen change with time alone?
    pub fn ticks(&self) -> bool {
        let clock = || self.sheet.is_some_and(|(sheet, _)| sheet == Sheet::Timeline);
        self.message.is_some() || self.sent_ms.is_some() || clock() || matches!(self.screen(), Some(Screen::Running(_)))
    }

    /// Time has passed: what was only for a while goes.
    pub fn on_tick(&mut self, now_ms: u64) {
        if self.message.as_ref().is_some_and(|m| now_ms >= m.until_ms) {
            self.message = None;
        }
    }
}
