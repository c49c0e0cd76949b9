//! Line mode: the same flow for pipes, `TERM=dumb` and `--plain`; asks with inquire, shows bars with indicatif.
//! Never decides: it prints what is in the view and sends what the person said.

pub mod accept;
mod bars;
pub mod hidden;
mod plain;
mod reporter;
mod review;

pub use bars::Bars;
pub use plain::Plain;
pub use reporter::reporter;

use std::io::{IsTerminal, Write};
use std::time::Instant;

use inquire::{InquireError, Password, Select, Text};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::tui::{columns, cooked, width, wrap};
use crate::progress::{Progress, aside};
use crate::wizard::view::{
    AnswerKind, AskView, Command, EndedView, Event, FailedView, GateView, ManualView, OptionView, Outcome, RollbackView, Screen, Sign, View,
};

/// Where line mode is: what it has printed, so that it prints only what is new.
struct Printer {
    bars: Bars,
    /// In place of bars where there is no terminal.
    plain: Plain,
    began: Instant,
    /// The step that progress is shown of.
    at_work: String,
    /// The last screen printed, so that the same one is not printed twice.
    shown: Option<Screen>,
    phase: String,
    /// Nobody is there to answer.
    unattended: bool,
    terminal: bool,
}

/// Prints events and, unless `unattended`, asks for what they wait for.
pub async fn run(mut events: UnboundedReceiver<Event>, commands: UnboundedSender<Command>, unattended: bool) -> Outcome {
    let mut printer = Printer {
        bars: Bars::new(),
        plain: Plain::default(),
        began: Instant::now(),
        at_work: String::new(),
        shown: None,
        phase: String::new(),
        unattended,
        terminal: std::io::stderr().is_terminal(),
    };
    let mut outcome = Outcome::Interrupted;
    let mut interrupts = 0;
    // One listener for all of the run: a Ctrl-C while a line is printed is heard too.
    let Ok(mut ctrl_c) = signal(SignalKind::interrupt()) else { return outcome };
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = ctrl_c.recv() => {
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
            Event::Log { at, step, line } => printer.logged(&at, step.as_deref(), &line),
            Event::Progress { step, progress } => printer.progress(step, &progress),
            Event::Ended { outcome: ended } => {
                outcome = ended;
                break;
            }
            Event::View(view) => {
                printer.heading(&view);
                let mut meanwhile = Vec::new();
                let said = tokio::select! {
                    // A screen that asks nothing is printed in one go: only a waiting prompt lets the other arm have its turn.
                    biased;
                    said = printer.screen(&view.screen) => said,
                    ended = end(&mut events, &mut meanwhile) => {
                        // Stopped from outside while a prompt was waiting: it must not keep the terminal.
                        cooked();
                        printer.say("");
                        meanwhile.iter().for_each(|(at, step, line)| printer.logged(at, step.as_deref(), line));
                        outcome = ended;
                        break;
                    }
                };
                meanwhile.iter().for_each(|(at, step, line)| printer.logged(at, step.as_deref(), line));
                if let Some(command) = said
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

/// When, of which step, and what was logged.
type Logged = (String, Option<String>, String);

/// The end of the run; log lines before it are kept for when the prompt has gone. Steps that are at work go on while a prompt waits.
async fn end(events: &mut UnboundedReceiver<Event>, lines: &mut Vec<Logged>) -> Outcome {
    loop {
        match events.recv().await {
            Some(Event::Log { at, step, line }) => lines.push((at, step, line)),
            Some(Event::View(_) | Event::Progress { .. }) => {}
            Some(Event::Ended { outcome }) => return outcome,
            None => return Outcome::Interrupted,
        }
    }
}

impl Printer {
    fn clear(&mut self) {
        self.bars.clear();
        self.plain = Plain::default();
    }

    fn say(&self, line: &str) {
        // A closed pipe ends the output, not the work.
        let print = || drop(writeln!(std::io::stdout().lock(), "{line}"));
        if self.terminal { self.bars.above(print) } else { print() }
    }

    /// A line of the log; of another step than the one on show it says which.
    fn logged(&self, at: &str, step: Option<&str>, line: &str) {
        let time = at.get(11..19).unwrap_or("");
        let shown = self.shown.as_ref().and_then(Screen::step);
        let of = step.filter(|step| shown.is_some_and(|shown| shown != *step)).map(|step| format!("[{step}] ")).unwrap_or_default();
        self.told(&format!("{time}  "), &format!("{of}{line}"));
    }

    /// `lead` and the text; in a terminal the text is wrapped between words, under itself.
    fn told(&self, lead: &str, text: &str) {
        let Some(room) = columns().map(|all| all.saturating_sub(width(lead) + 1)).filter(|room| *room >= 20) else {
            return self.say(&format!("{lead}{text}"));
        };
        for (i, line) in wrap(text, room).into_iter().enumerate() {
            let lead = if i == 0 { lead.to_owned() } else { " ".repeat(width(lead)) };
            self.say(&format!("{lead}{line}"));
        }
    }

    fn heading(&mut self, view: &View) {
        let step = view.screen.step().and_then(|id| view.steps.iter().find(|s| s.id == id));
        let Some(phase) = step.and_then(|s| view.phases.iter().find(|p| p.id == s.phase)) else { return };
        if phase.id != self.phase {
            self.phase.clone_from(&phase.id);
            let cost = view.cost.as_ref().map(|c| format!("   {c}")).unwrap_or_default();
            self.clear();
            self.say("");
            self.told("== ", &format!("{} ({} of {} done){cost}", phase.title, phase.done, phase.total));
            if let Some(simulated) = &view.run.simulated {
                self.told("   ! ", simulated);
            }
        }
    }

    fn progress(&mut self, step: String, progress: &Progress) {
        if self.at_work != step {
            self.clear();
            self.at_work = step;
        }
        if self.terminal {
            self.bars.progress(progress);
        } else if let Some(line) = self.plain.line(progress, u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)) {
            self.say(&line);
        }
    }

    /// Prints the screen and gives what the person says to it.
    async fn screen(&mut self, screen: &Screen) -> Option<Command> {
        let goes_on = matches!(screen, Screen::Running(_)) && screen.step() == Some(self.at_work.as_str());
        if !goes_on {
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
                    self.told("-- ", &format!("{}{}{estimate}", if running.undoing { "undo: " } else { "" }, running.describe));
                    if !running.command.is_empty() {
                        self.told("   $ ", &running.command);
                    }
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

    fn title(&self, title: &str, why: &str) {
        self.say("");
        self.told("", title);
        self.told("  ", why);
    }

    fn refused(&self, error: Option<&String>) {
        if let Some(error) = error {
            self.told("  ! ", error);
        }
    }

    async fn ask(&self, ask: &AskView) -> Command {
        self.title(&ask.title, &ask.why);
        let costs_matter = ask.options.iter().any(|o| o.cost != ask.options.first().and_then(|first| first.cost.clone()));
        for option in &ask.options {
            let cost = option.cost.as_ref().filter(|_| costs_matter).map(|c| format!(" ({c})")).unwrap_or_default();
            self.told("  - ", &format!("{}{cost}: {}", option.label, option.consequence));
            for words in &option.against {
                self.told("    ! ", words);
            }
        }
        for words in &ask.against {
            self.told("  ! ", words);
        }
        if !ask.because.is_empty() {
            self.told("  recommended because: ", &ask.because);
        }
        self.refused(ask.error.as_ref());
        if !ask.stales.is_empty() {
            self.told("  ", &format!("a change is looked at again by: {}", ask.stales.join(", ")));
        }
        let step = ask.step.clone();
        let ask = ask.clone();
        let answer = prompt(move || match ask.kind {
            AnswerKind::Choice => {
                let label = |o: &OptionView| if o.recommended { format!("{}  (recommended)", o.label) } else { o.label.clone() };
                let lines: Vec<String> = ask.options.iter().map(label).collect();
                let at = ask.suggested.as_ref().and_then(|s| ask.options.iter().position(|o| &o.id == s)).unwrap_or(0);
                Select::new("  Choose:", lines)
                    .with_starting_cursor(at)
                    .with_help_message("up and down move, Enter chooses, Esc stops")
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
        self.title(&manual.title, &manual.why);
        for item in &manual.items {
            self.told("  [ ] ", item);
        }
        match &manual.verified_by {
            Some(how) => self.told("  checked by the wizard: ", how),
            None => self.told("  ", "the wizard cannot check this: your word counts"),
        }
        self.refused(manual.error.as_ref());
        match prompt(|| Text::new("  Enter when it is done:").prompt()).await {
            Ok(_) => Command::ManualDone { step: manual.step.clone() },
            Err(command) => command,
        }
    }

    async fn gate(&self, gate: &GateView) -> Command {
        self.title(&gate.title, &gate.why);
        self.told("  ", &gate.describe);
        self.told("  $ ", &gate.command);
        if let Some(review) = &gate.review {
            for line in review::lines(review) {
                self.say(&line);
            }
        }
        for line in &gate.preview {
            self.told(&format!("   {} ", sign(line.sign)), &line.text);
        }
        if let Some(estimate) = &gate.estimate {
            self.say(&format!("  takes {estimate}"));
        }
        if let Some(why) = &gate.irreversible {
            self.told("  ! ", &format!("cannot be undone: {why}"));
        }
        self.refused(gate.error.as_ref());
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
        self.say("");
        self.told("! ", &format!("{}: {}", failed.title, failed.what));
        for cause in &failed.causes {
            self.told("  because: ", cause);
        }
        self.told("  next:    ", &failed.hint);
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
            self.told("  - ", &format!("{}: {}", step.title, step.describe));
        }
        for why in &view.irreversible {
            self.told("  ! ", &format!("cannot be undone: {why}"));
        }
        self.refused(view.error.as_ref());
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
            self.told("   ", line);
        }
        for line in &ended.next {
            self.told("   next: ", line);
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
        Ok(Err(InquireError::OperationCanceled)) => Err(Command::Stop),
        Ok(Err(error @ (InquireError::NotTTY | InquireError::IO(_) | InquireError::InvalidConfiguration(_) | InquireError::Custom(_)))) => {
            aside(format_args!(
                "nobody can be asked here ({error}): run it in a terminal, or with --yes and --profile, --answers or --set"
            ));
            Err(Command::Stop)
        }
    }
}
