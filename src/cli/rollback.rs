//! `rollback …`: the words of its command line.
//! Decides nothing: which cause calls for which method is the playbook's.

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Show what would be undone or done and how long it takes, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Back to and including this step
    #[arg(long, value_name = "STEP", conflicts_with = "because")]
    pub to: Option<String>,
    /// After the switch: what is wrong; the cause picks the method
    #[arg(long, value_enum, value_name = "CAUSE")]
    pub because: Option<BecauseArg>,
    /// With --because: take that way back itself back, newest step first
    #[arg(long, requires = "because", conflicts_with = "plan")]
    pub undo: bool,
}

/// The rows of the roll-back matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BecauseArg {
    /// The code: the last good task definition (5 to 10 minutes)
    Application,
    /// The data or the server: another database as it was at a moment (30 to 60 minutes)
    Database,
    /// A secret or a variable (5 to 10 minutes)
    Configuration,
    /// A stack, the name, the load balancer (2 to 5 minutes)
    Infrastructure,
}

impl BecauseArg {
    /// As the playbook's question takes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Database => "database",
            Self::Configuration => "configuration",
            Self::Infrastructure => "infrastructure",
        }
    }
}
