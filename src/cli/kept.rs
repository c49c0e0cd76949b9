//! `data apply-kept`: which file of kept rows, and into which database.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::Args;

use super::TargetArgs;

#[derive(Debug, Clone, Args)]
pub struct ApplyKeptArgs {
    /// The file, as a roll back wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Lines were taken out of the file by hand: its digest does not count
    #[arg(long)]
    pub edited: bool,
}
