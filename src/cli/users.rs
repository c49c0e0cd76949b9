//! `app users …`: the words of its command line.
//! Never takes an address or a name: a process' arguments are seen by everybody on the machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Subcommand)]
pub enum UsersCmd {
    /// Who can have an account on AWS and who cannot: counts, and ids of those who need a decision; reads only
    #[command(
        after_help = "Examples:\n  migrate-wizard app users check\n  migrate-wizard app users check --source-env LIVE_PROD_DATABASE_URL --table public.members --json\n\nIds only: no address and no name is printed. Exit code 1: somebody cannot be linked, or ids stand in the code."
    )]
    Check(UsersSourceArgs),
    /// Write what a user pool needs into a file that only you may read (CSV as Cognito imports it)
    #[command(
        after_help = "Example:\n  migrate-wizard app users export --out users.csv\n\nThe file has mode 0600 and holds addresses and names: delete it when it is imported."
    )]
    Export(UsersExportArgs),
    /// Make an account for everybody, administrators first; nobody is written to unless you type your consent
    #[command(
        after_help = "Examples:\n  migrate-wizard app users create --pool us-east-1_AbCdEfGhI --dry-run\n  migrate-wizard app users create --pool us-east-1_AbCdEfGhI --admin 31415926\n  migrate-wizard app users create --pool us-east-1_AbCdEfGhI --invite 'e-mail 120 people'\n\nStop it anywhere: the same command goes on; whoever is there is left alone. Without --invite people get in with \"forgot password\"."
    )]
    Create(UsersCreateArgs),
    /// Write each user's new login into the column auth_subject of the target's table of users; never into the source
    #[command(after_help = "Example:\n  migrate-wizard app users link --pool us-east-1_AbCdEfGhI --target-env TARGET_DATABASE_URL")]
    Link(UsersLinkArgs),
}

#[derive(Debug, Clone, Args)]
pub struct UsersSourceArgs {
    /// Source URL without a password (it comes from ~/.pgpass); better: --source-env
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Environment variable that holds the source URL
    #[arg(long, value_name = "NAME", default_value = "SOURCE_DATABASE_URL")]
    pub source_env: String,
    /// The table of users, as schema.table (default: the one that its name and columns tell)
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// Id of an administrator whom the table does not call so; may be given again
    #[arg(long, value_name = "ID")]
    pub admin: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct UsersExportArgs {
    #[command(flatten)]
    pub from: UsersSourceArgs,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct UsersCreateArgs {
    #[command(flatten)]
    pub from: UsersSourceArgs,
    /// The user pool's id (default: the one of the newest run's identity stack)
    #[arg(long, value_name = "ID")]
    pub pool: Option<String>,
    /// Send invitations: the sentence that says to how many, as the command without it tells
    #[arg(long, value_name = "SENTENCE")]
    pub invite: Option<String>,
    /// Where to write old ids and new logins (default: .migrate-wizard/users.csv)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct UsersLinkArgs {
    /// The user pool's id (default: the one of the newest run's identity stack)
    #[arg(long, value_name = "ID")]
    pub pool: Option<String>,
    /// Target URL without a password (it comes from ~/.pgpass); better: --target-env
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Environment variable that holds the target URL
    #[arg(long, value_name = "NAME", default_value = "TARGET_DATABASE_URL")]
    pub target_env: String,
    /// The table of users, as schema.table (default: the one that its name and columns tell)
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
}
