//! What is on show, as plain data: the TUI draws it, line mode prints it, JSON serializes it.
//! Never holds a handle, a secret or a decision; a face needs nothing else to be complete.

use serde::Serialize;

use crate::progress::Progress;
use crate::wizard::review::Review;

/// The whole of what a face may show at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    pub run: RunView,
    pub phases: Vec<PhaseView>,
    /// Every step that applies, in order, over all phases.
    pub steps: Vec<StepView>,
    pub screen: Screen,
    /// Monthly cost of what has been decided so far: "$71.20 a month + usage".
    pub cost: Option<String>,
    /// From the first step of the runbook on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<TimelineView>,
}

/// The runbook as it goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineView {
    pub lines: Vec<TimelineLine>,
    /// Title of the first step that is open.
    pub next: Option<String>,
    /// Title of the first step that cannot be undone and is open: until then the way back is.
    pub no_return: Option<String>,
    /// How long writes had been stopped when this view was made; it goes on while `stopped`.
    pub frozen_ms: Option<u64>,
    pub stopped: bool,
}

/// One step of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineLine {
    pub step: String,
    /// "T+10m"
    pub at: String,
    pub title: String,
    pub standing: Standing,
    /// The hour at which it ended: "22:00:31".
    pub ended: Option<String>,
    /// How far that is from the plan: "+31s".
    pub apart: Option<String>,
    pub took: Option<String>,
    pub estimate: Option<String>,
}

/// The head line: which run this is and what it may touch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    pub id: String,
    /// The app's name or, before it is known, its folder's.
    pub app: String,
    pub mode: Mode,
    /// What is simulated, in words for every screen: "sandbox: target Postgres disposable, AWS simulated".
    pub simulated: Option<String>,
    /// "123456789012 us-east-1" once it is pinned.
    pub account: Option<String>,
}

/// May the world be touched?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    Dry,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseView {
    pub id: String,
    pub title: String,
    pub status: Standing,
    pub done: usize,
    pub total: usize,
}

/// Where a phase or a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Waiting,
    /// Being shown or run now.
    Current,
    Running,
    Done,
    /// Done, but something it was built from has changed since.
    Stale,
    Failed,
    Skipped,
    Undone,
}

/// One line of the outline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    pub id: String,
    pub phase: String,
    pub title: String,
    /// A question that can be opened again.
    pub question: bool,
    pub standing: Standing,
    /// "1m02s" when it is done.
    pub took: Option<String>,
    /// "rehearsed: 2m10s" or "about 3m", when known.
    pub estimate: Option<String>,
    /// Runbook time: "T-2h".
    pub at: Option<String>,
    /// The answer, an output worth a word, or why it is stale or failed.
    pub note: Option<String>,
}

/// What the middle of the screen is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "screen", rename_all = "snake_case")]
pub enum Screen {
    Ask(AskView),
    Manual(ManualView),
    /// An effect is ready and waits for a yes.
    Gate(GateView),
    Running(RunningView),
    Failed(FailedView),
    /// A roll back is ready and waits for a yes.
    RollbackGate(RollbackView),
    Ended(EndedView),
}

impl Screen {
    /// The step that the screen is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            Screen::Ask(v) => Some(&v.step),
            Screen::Manual(v) => Some(&v.step),
            Screen::Gate(v) => Some(&v.step),
            Screen::Running(v) => Some(&v.step),
            Screen::Failed(v) => Some(&v.step),
            Screen::RollbackGate(_) | Screen::Ended(_) => None,
        }
    }
}

/// What kind of answer a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    Choice,
    Text,
    Number,
    /// Held in memory only; shown as dots; never in the journal.
    Secret,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AskView {
    pub step: String,
    pub title: String,
    pub why: String,
    pub kind: AnswerKind,
    pub options: Vec<OptionView>,
    /// What Enter gives: detected, from the profile, the default or the earlier answer.
    pub suggested: Option<String>,
    /// Where the suggestion comes from: "profile grievance-portal", "detected", "recommended".
    pub source: Option<String>,
    /// Why the recommended option is recommended.
    pub because: String,
    /// Why the last answer was refused.
    pub error: Option<String>,
    /// It was answered before and is open again: Esc leaves it as it was.
    pub reopened: bool,
    /// What would become stale if the answer changes (step titles).
    pub stales: Vec<String>,
    /// What speaks against the suggested text or number; options carry their own.
    pub against: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionView {
    pub id: String,
    pub label: String,
    pub consequence: String,
    pub recommended: bool,
    /// Difference of the monthly cost against the suggestion: "+$36.50/month", "same".
    pub cost: Option<String>,
    /// What speaks against it, given the answers so far: "contradiction: …", "warning: …".
    pub against: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManualView {
    pub step: String,
    pub title: String,
    pub why: String,
    pub items: Vec<String>,
    /// How the wizard will check it: "resolves app.example.com and compares"; `None` when it cannot be checked.
    pub verified_by: Option<String>,
    /// Why the check said no last time.
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateView {
    pub step: String,
    pub title: String,
    pub why: String,
    /// One sentence: what will be done.
    pub describe: String,
    /// The equivalent command.
    pub command: String,
    /// What would change, line by line.
    pub preview: Vec<PreviewLine>,
    /// The same looked at closely, where there is more to see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// It only reads: there is nothing to apply, only something to look at.
    pub reads: bool,
    /// Why it cannot be undone.
    pub irreversible: Option<String>,
    /// The text that has to be typed before it goes on.
    pub type_to_confirm: Option<String>,
    pub estimate: Option<String>,
    /// Why what was typed was refused.
    pub error: Option<String>,
}

/// One line of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct PreviewLine {
    pub sign: Sign,
    pub text: String,
}

impl PreviewLine {
    pub fn new(sign: Sign, text: impl Into<String>) -> Self {
        Self { sign, text: text.into() }
    }
}

/// What happens to the thing a line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    Add,
    Change,
    /// Taken away and made anew: shown in red.
    Replace,
    Remove,
    Same,
    /// Only a remark.
    Note,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunningView {
    pub step: String,
    pub title: String,
    pub why: String,
    pub describe: String,
    pub command: String,
    /// "rehearsed: 2m10s" or "about 3m".
    pub estimate: Option<String>,
    /// Seconds it had already been running when the view was made; the face counts on from there.
    pub elapsed_ms: u64,
    pub attempt: u32,
    /// It is being undone rather than done.
    pub undoing: bool,
    /// The person asked to stop; it stops after this step.
    pub stopping: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedView {
    pub step: String,
    pub title: String,
    pub what: String,
    pub causes: Vec<String>,
    pub hint: String,
    pub undoing: bool,
    /// Steps that are done and that a roll back would undo.
    pub undoable: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackView {
    /// Newest first: what will be undone.
    pub steps: Vec<RollbackLine>,
    /// What cannot be undone, and why.
    pub irreversible: Vec<String>,
    /// The text that has to be typed: the run's id.
    pub type_to_confirm: String,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackLine {
    pub step: String,
    pub title: String,
    pub describe: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndedView {
    pub outcome: Outcome,
    /// What was done, in a few lines.
    pub summary: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

/// How a run's session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Finished,
    /// A dry run came to its end.
    Rehearsed,
    RolledBack,
    Stopped,
    Failed,
    Interrupted,
}

/// Engine → face.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The whole view anew; replaces the one before.
    View(Box<View>),
    /// Latest wins; any may be dropped.
    Progress { step: String, progress: Progress },
    /// A line for the log; never dropped.
    Log { at: String, step: Option<String>, line: String },
    /// The engine is gone after this.
    Ended { outcome: Outcome },
}

/// Face → engine.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Answers the question on show or changes an earlier answer.
    Answer {
        step: String,
        value: String,
    },
    /// Opens an earlier question again.
    Reopen {
        step: String,
    },
    /// The checklist is done.
    ManualDone {
        step: String,
    },
    /// Go on with the effect on show; `typed` where the gate asks for it.
    Apply {
        step: String,
        typed: Option<String>,
    },
    Retry {
        step: String,
    },
    /// Show what a roll back would do, back to and including `to` (all when `None`).
    Rollback {
        to: Option<String>,
    },
    /// Yes to the roll back on show.
    ConfirmRollback {
        typed: String,
    },
    /// Leave the roll back or reopened question and go back to where the run was.
    Back,
    /// Stop after the current step; resumable.
    Stop,
    /// Stop now; what is under way is found out on resume.
    Abort,
}
