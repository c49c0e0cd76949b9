//! Arguments of `app prepare`.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct PrepareArgs {
    /// The app's checkout (default: --dir)
    #[arg(value_name = "DIR")]
    pub app: Option<PathBuf>,
    /// The new git branch that takes the changes, one commit for each edit
    #[arg(long, value_name = "NAME", default_value = "migrate-wizard/prepare", conflicts_with = "patches")]
    pub branch: String,
    /// Write patch files into this folder instead, one for each edit; the app is left alone
    #[arg(long, value_name = "DIR")]
    pub patches: Option<PathBuf>,
    /// Only these edits; --list shows their ids
    #[arg(long, value_name = "EDIT", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show all edits that there are, and what they answer
    #[arg(long)]
    pub list: bool,
}
