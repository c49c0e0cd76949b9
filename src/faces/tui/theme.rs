//! Colours and symbols, by meaning: 16 named ANSI colours, and only bold and reverse where `NO_COLOR` is set.
//! Never lets a colour speak alone: whatever has a colour here has a symbol or a word as well.

use ratatui::style::{Color, Modifier, Style};

use crate::wizard::view::{Mode, RunView, Sign, Standing};

/// How things look; cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    pub const COLOUR: Self = Self { colour: true };
    pub const PLAIN: Self = Self { colour: false };

    /// Plain when `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub fn from_env() -> Self {
        let asked = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        if asked { Self::PLAIN } else { Self::COLOUR }
    }

    fn paint(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// Side remarks: dim, so that it can be read on any background.
    pub fn muted(self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What has the focus or is being done.
    pub fn accent(self) -> Style {
        self.paint(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub fn command(self) -> Style {
        self.paint(Color::Cyan)
    }

    pub fn good(self) -> Style {
        self.paint(Color::Green)
    }

    pub fn warning(self) -> Style {
        self.paint(Color::Yellow)
    }

    pub fn bad(self) -> Style {
        self.paint(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The line under the selection in a focused list.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The badge that says whether the world may be touched.
    pub fn mode(self, run: &RunView) -> (&'static str, Style) {
        let (word, colour) = match (run.mode, &run.simulated) {
            (Mode::Dry, _) => (" DRY RUN ", Color::Green),
            (Mode::Live, Some(_)) => (" SANDBOX ", Color::Yellow),
            (Mode::Live, None) => (" LIVE ", Color::Red),
        };
        (word, self.paint(colour).add_modifier(Modifier::BOLD | Modifier::REVERSED))
    }

    /// Where a step or phase stands: one column wide.
    pub fn standing(self, standing: Standing) -> (&'static str, Style) {
        match standing {
            Standing::Waiting => ("○", self.muted()),
            Standing::Current => ("▸", self.accent()),
            Standing::Running => ("●", self.accent()),
            Standing::Done => ("✓", self.good()),
            Standing::Stale => ("↻", self.warning()),
            Standing::Failed => ("✗", self.bad()),
            Standing::Skipped => ("–", self.muted()),
            Standing::Undone => ("↶", self.paint(Color::Magenta)),
        }
    }

    /// What happens to the thing a preview line names: one column wide.
    pub fn sign(self, sign: Sign) -> (&'static str, Style) {
        match sign {
            Sign::Add => ("+", self.good()),
            Sign::Change => ("~", self.warning()),
            Sign::Replace => ("±", self.bad()),
            Sign::Remove => ("-", self.bad()),
            Sign::Same => ("=", self.muted()),
            Sign::Note => ("·", self.muted()),
            Sign::Warning => ("!", self.warning().add_modifier(Modifier::BOLD)),
        }
    }
}

/// The words of a standing, for the help.
pub fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "waiting",
        Standing::Current => "on show",
        Standing::Running => "running",
        Standing::Done => "done",
        Standing::Stale => "done, but built from an answer that has changed",
        Standing::Failed => "failed",
        Standing::Skipped => "nothing to do",
        Standing::Undone => "undone",
    }
}
