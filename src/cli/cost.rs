//! Arguments of `cost`.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CostArgs {
    #[command(subcommand)]
    pub command: Option<CostCmd>,
    /// Two to five scenarios side by side, each a profile, an answers file, or one of them with other answers: alva+nat=none,tasks_min=2.
    /// A scenario that begins with + is that of --profile, --answers and --set
    #[arg(long, num_args = 1.., value_name = "SCENARIO")]
    pub compare: Vec<String>,
    /// A price list of your own in place of ours of its region; may be given again
    #[arg(long, value_name = "FILE")]
    pub prices: Vec<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum CostCmd {
    /// Make a price list of a region (--region) from AWS's own; it is used from then on for the app in --dir
    #[command(
        after_help = "Examples:\n  migrate-wizard cost prices --region eu-central-1\n  migrate-wizard cost prices --region eu-central-1 --out prices.toml   then: migrate-wizard cost --prices prices.toml\n\nNeeds credentials that may call pricing:GetProducts; the calls are free and go to us-east-1, whatever region is asked about.\nExit code 1: a line was not found. The list is written all the same, and the estimate names what it lacks."
    )]
    Prices(PricesArgs),
}

#[derive(Debug, Clone, Args)]
pub struct PricesArgs {
    /// File to write (default: .migrate-wizard/prices/REGION.toml in the app's folder)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
