//! `cutover …`: the words of its command line.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Subcommand)]
pub enum CutoverCmd {
    /// The runbook: every step with its time, who does it, how long it takes, when to stop; nothing is touched
    #[command(
        after_help = "Examples:\n  migrate-wizard cutover plan\n  migrate-wizard cutover plan --at '2026-12-05 22:00 Europe/Berlin'\n  migrate-wizard cutover plan --markdown --out runbook.md    a checklist to print\n  migrate-wizard cutover plan --json\n\nTimes are those of the last rehearsal where there was one (migrate-wizard cutover rehearse), else those of the playbook."
    )]
    Plan(CutoverPlanArgs),
    /// Run the whole journey in a sandbox with the answers of this checkout's run: that measures how long each step takes
    #[command(
        after_help = "Example:\n  migrate-wizard cutover rehearse --yes\n\nThe source is read, never written to; the target is a disposable Postgres; AWS is the endpoint of AWS_ENDPOINT_URL, or simulated."
    )]
    Rehearse,
    /// Go on with the run into its cutover, now or at an hour
    #[command(
        after_help = "Examples:\n  migrate-wizard cutover go\n  migrate-wizard cutover go --at '2026-12-05 22:00 Europe/Berlin'   waits for it, by the clock on the wall\n\nRefused while a step before the cutover is open. Ctrl-C while it waits: nothing was begun, and the same command waits again."
    )]
    Go(CutoverAtArgs),
    /// What is done, planned and actual times, what is next, how long writes have been stopped
    #[command(after_help = "Examples:\n  watch migrate-wizard cutover status\n  migrate-wizard cutover status --json")]
    Status,
}

#[derive(Debug, Clone, Args)]
pub struct CutoverAtArgs {
    /// T: now, `2026-12-05 22:00 Europe/Berlin` or `2026-12-05T22:00+01:00` (default: as answered in the run)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct CutoverPlanArgs {
    #[command(flatten)]
    pub at: CutoverAtArgs,
    /// As a checklist in Markdown
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Into this file instead of standard output; with --markdown
    #[arg(long, value_name = "FILE", requires = "markdown")]
    pub out: Option<PathBuf>,
}
