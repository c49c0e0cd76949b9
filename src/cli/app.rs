//! `app scan`: the words of its command line.
//! Never does anything: the command is in `command/app_scan.rs`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// The app's checkout (else --dir)
    #[arg(value_name = "DIR")]
    pub app: Option<PathBuf>,
    /// As SARIF 2.1.0, for code review tools
    #[arg(long)]
    pub sarif: bool,
    /// Exit code 1 if there is a finding of this severity or a worse one
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<SeverityArg>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    /// Cannot work on AWS, or loses data
    Blocks,
    /// Must change
    Must,
    /// Should change
    Should,
}
