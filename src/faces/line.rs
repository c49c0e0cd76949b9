//! Line mode: the same flow for pipes, `TERM=dumb` and `--plain`; asks with inquire, shows bars with indicatif.
//! Never decides: it prints what is in the view and sends what the person said.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use inquire::{InquireError, Password, Select, Text};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::progress::{Progress, Unit};
use crate::text;
use crate::wizard::view::{
    AnswerKind, AskView, Command, EndedView, Event, FailedView, GateView, ManualView, Outcome, RollbackView, Screen, Sign, View,
};

/// Where line mode is: what it has printed, so that it prints only what is new.
struct Printer {
    bar: Option<ProgressBar>,
    /// The last screen printed, so that the same one is not printed twice.
    shown: Option<Screen>,
    phase: String,
    /// Nobody is there to answer.
    unattended: bool,
    terminal: bool,
}

/// Prints events and, unless `unattended`, asks for what they wait for.
pub async fn run(mut events: UnboundedReceiver<Event>, commands: UnboundedSender<Command>, unattended: bool) -> Outcome {
    let mut printer = Printer { bar: None, shown: None, phase: String::new(), unattended, terminal: std::io::stderr().is_terminal() };
    let mut outcome = Outcome::Interrupted;
    let mut interrupts = 0;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tokio::signal::ctrl_c() => {
                interrupts += 1;
                let command = if interrupts == 1 { Command::Stop } else { Command::Abort };
                printer.say(if interrupts == 1 {
                    "stopping after this step; Ctrl-C again stops now. Nothing is lost: the same command goes on from here"
                } else {
                    "stopping now"
                });
                if commands.send(command).is_err() { break }
                continue;
            }
        };
        let Some(event) = event else { break };
        match event {
            Event::Log { at, line, .. } => {
                let time = at.get(11..19).unwrap_or("");
                printer.say(&format!("{time}  {line}"));
            }
            Event::Progress { progress, .. } => printer.progress(&progress),
            Event::Ended { outcome: ended } => {
                outcome = ended;
                break;
            }
            Event::View(view) => {
                printer.heading(&view);
                if let Some(command) = printer.screen(&view.screen).await
                    && commands.send(command).is_err()
                {
                    break;
                }
            }
        }
    }
    printer.clear();
    outcome
}

impl Printer {
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) if self.terminal => bar.println(line),
            Some(_) | None => {
                // A closed pipe ends the output, not the work.
                let _closed = writeln!(std::io::stdout().lock(), "{line}");
            }
        }
    }

    fn heading(&mut self, view: &View) {
        let step = view.screen.step().and_then(|id| view.steps.iter().find(|s| s.id == id));
        let Some(phase) = step.and_then(|s| view.phases.iter().find(|p| p.id == s.phase)) else { return };
        if phase.id != self.phase {
            self.phase.clone_from(&phase.id);
            let cost = view.cost.as_ref().map(|c| format!("   {c}")).unwrap_or_default();
            let simulated = view.run.simulated.as_ref().map(|s| format!("   [{s}]")).unwrap_or_default();
            self.clear();
            self.say(&format!("\n== {} ({} of {}){cost}{simulated}", phase.title, phase.done, phase.total));
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if !self.terminal {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("  {bar:30} {percent:>3}%  {msg}  {elapsed} (about {eta} left)") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        bar.set_length(progress.total.unwrap_or(progress.done.max(1)));
        bar.set_position(progress.done);
        let figure = match progress.unit {
            Unit::Bytes => text::bytes(progress.done),
            Unit::Rows => text::plural(progress.done, "row"),
            Unit::Tables | Unit::Statements | Unit::Resources | Unit::Files | Unit::Seconds | Unit::Steps => text::count(progress.done),
        };
        bar.set_message(format!("{figure}  {}", progress.message));
    }

    /// Prints the screen and gives what the person says to it.
    async fn screen(&mut self, screen: &Screen) -> Option<Command> {
        if !matches!(screen, Screen::Running(_)) {
            self.clear();
        }
        let same = self.shown.as_ref() == Some(screen);
        self.shown = Some(screen.clone());
        match screen {
            Screen::Ask(ask) => Some(self.ask(ask).await),
            Screen::Manual(manual) => Some(self.manual(manual).await),
            Screen::Gate(gate) => Some(self.gate(gate).await),
            Screen::Running(running) => {
                if !same {
                    let estimate = running.estimate.as_ref().map(|e| format!(" ({e})")).unwrap_or_default();
                    self.say(&format!("-- {}{}{estimate}", if running.undoing { "undo: " } else { "" }, running.describe));
                    self.say(&format!("   $ {}", running.command));
                }
                None
            }
            Screen::Failed(failed) => Some(self.failed(failed).await),
            Screen::RollbackGate(rollback) => Some(self.rollback(rollback).await),
            Screen::Ended(ended) => {
                self.ended(ended);
                (!self.unattended).then_some(Command::Stop)
            }
        }
    }

    async fn ask(&self, ask: &AskView) -> Command {
        self.say(&format!("\n{}\n  {}", ask.title, ask.why));
        if let Some(error) = &ask.error {
            self.say(&format!("  ! {error}"));
        }
        if !ask.stales.is_empty() {
            self.say(&format!("  a change is looked at again by: {}", ask.stales.join(", ")));
        }
        let step = ask.step.clone();
        let ask = ask.clone();
        let answer = prompt(move || match ask.kind {
            AnswerKind::Choice => {
                let width = ask.options.iter().map(|o| o.label.chars().count()).max().unwrap_or(0);
                let lines: Vec<String> = ask
                    .options
                    .iter()
                    .map(|o| {
                        let cost = o.cost.as_deref().map(|c| format!("  {c}")).unwrap_or_default();
                        let mark = if o.recommended { "  (recommended)" } else { "" };
                        format!("{:width$}  {}{cost}{mark}", o.label, o.consequence)
                    })
                    .collect();
                let at = ask.suggested.as_ref().and_then(|s| ask.options.iter().position(|o| &o.id == s)).unwrap_or(0);
                Select::new("  Choose:", lines)
                    .with_starting_cursor(at)
                    .with_help_message(if ask.because.is_empty() { "Enter chooses, Esc stops" } else { &ask.because })
                    .raw_prompt()
                    .map(|chosen| ask.options.get(chosen.index).map(|o| o.id.clone()).unwrap_or_default())
            }
            AnswerKind::Text | AnswerKind::Number => {
                let default = ask.suggested.clone().unwrap_or_default();
                let text = Text::new("  >");
                if default.is_empty() { text.prompt() } else { text.with_default(&default).prompt() }
            }
            AnswerKind::Secret => Password::new("  > (kept in memory only)").without_confirmation().prompt(),
        })
        .await;
        match answer {
            Ok(value) => Command::Answer { step, value },
            Err(command) => command,
        }
    }

    async fn manual(&self, manual: &ManualView) -> Command {
        self.say(&format!("\n{}\n  {}", manual.title, manual.why));
        for item in &manual.items {
            self.say(&format!("  [ ] {item}"));
        }
        if let Some(how) = &manual.verified_by {
            self.say(&format!("  checked by: {how}"));
        }
        if let Some(error) = &manual.error {
            self.say(&format!("  ! {error}"));
        }
        match prompt(|| Text::new("  Enter when it is done:").prompt()).await {
            Ok(_) => Command::ManualDone { step: manual.step.clone() },
            Err(command) => command,
        }
    }

    async fn gate(&self, gate: &GateView) -> Command {
        self.say(&format!("\n{}\n  {}\n  {}\n  $ {}", gate.title, gate.why, gate.describe, gate.command));
        for line in &gate.preview {
            self.say(&format!("   {} {}", sign(line.sign), line.text));
        }
        if let Some(estimate) = &gate.estimate {
            self.say(&format!("  takes {estimate}"));
        }
        if let Some(why) = &gate.irreversible {
            self.say(&format!("  ! cannot be undone: {why}"));
        }
        if let Some(error) = &gate.error {
            self.say(&format!("  ! {error}"));
        }
        let typed = gate.type_to_confirm.clone();
        let answer = prompt(move || match typed {
            Some(id) => Text::new(&format!("  Type {id} to go on:")).prompt().map(Some),
            None => Text::new("  Enter goes on, Esc stops:").prompt().map(|_| None),
        })
        .await;
        match answer {
            Ok(typed) => Command::Apply { step: gate.step.clone(), typed },
            Err(command) => command,
        }
    }

    async fn failed(&self, failed: &FailedView) -> Command {
        self.say(&format!("\n! {}: {}", failed.title, failed.what));
        for cause in &failed.causes {
            self.say(&format!("  because: {cause}"));
        }
        self.say(&format!("  next:    {}", failed.hint));
        let choices = vec!["try again", "stop here (start again to go on)", "roll back"];
        match prompt(move || Select::new("  What now?", choices).raw_prompt().map(|c| c.index)).await {
            Ok(0) => Command::Retry { step: failed.step.clone() },
            Ok(2) => Command::Rollback { to: None },
            Ok(_) => Command::Stop,
            Err(command) => command,
        }
    }

    async fn rollback(&self, view: &RollbackView) -> Command {
        self.say("\nRoll back: this is undone, newest first");
        for step in &view.steps {
            self.say(&format!("  - {}: {}", step.title, step.describe));
        }
        for why in &view.irreversible {
            self.say(&format!("  ! cannot be undone: {why}"));
        }
        if let Some(error) = &view.error {
            self.say(&format!("  ! {error}"));
        }
        let id = view.type_to_confirm.clone();
        match prompt(move || Text::new(&format!("  Type {id} to roll back, Esc to leave:")).prompt()).await {
            Ok(typed) => Command::ConfirmRollback { typed },
            Err(Command::Stop) => Command::Back,
            Err(command) => command,
        }
    }

    fn ended(&self, ended: &EndedView) {
        let words = match ended.outcome {
            Outcome::Finished => "Finished",
            Outcome::Rehearsed => "Dry run finished: nothing was touched",
            Outcome::RolledBack => "Rolled back",
            Outcome::Stopped => "Stopped",
            Outcome::Failed => "Failed",
            Outcome::Interrupted => "Interrupted",
        };
        self.say(&format!("\n== {words}"));
        for line in &ended.summary {
            self.say(&format!("   {line}"));
        }
        for line in &ended.next {
            self.say(&format!("   next: {line}"));
        }
    }
}

fn sign(sign: Sign) -> char {
    match sign {
        Sign::Add => '+',
        Sign::Change => '~',
        Sign::Replace => '±',
        Sign::Remove => '-',
        Sign::Same => '=',
        Sign::Note => ' ',
        Sign::Warning => '!',
    }
}

/// Runs a blocking prompt; Esc stops after this screen, Ctrl-C stops now, a closed input stops.
async fn prompt<T: Send + 'static>(ask: impl FnOnce() -> Result<T, InquireError> + Send + 'static) -> Result<T, Command> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(InquireError::OperationInterrupted)) | Err(_) => Err(Command::Abort),
        Ok(Err(
            InquireError::OperationCanceled | InquireError::NotTTY | InquireError::IO(_) | InquireError::InvalidConfiguration(_) | InquireError::Custom(_),
        )) => Err(Command::Stop),
    }
}
