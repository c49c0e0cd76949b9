//! `secrets …`: the words of its command line.
//! Never takes a value: a process' arguments are seen by everybody on the machine.

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Subcommand)]
pub enum SecretsCmd {
    /// What each service gets: service, variable, secret or plain value, where the code reads it, what is missing
    #[command(
        after_help = "Examples:\n  migrate-wizard secrets list --profile alva\n  migrate-wizard secrets list --app shop --environment staging --json\n\nNames only, never a secret's value. Exit code 1: something that the code reads is given by nobody; 0 where Secrets Manager could not\nbe asked: the list says so, and what is missing is not known."
    )]
    List(AppArgs),
    /// Take over Replit's secrets: its block as JSON or NAME=value lines, from a file, a pipe or pasted without echo
    #[command(
        after_help = "Examples:\n  migrate-wizard secrets import --profile alva               paste, then Ctrl-D\n  migrate-wizard secrets import --profile alva --file secrets.json --dry-run   what would become of each name\n  pbpaste | migrate-wizard secrets import --app shop --environment staging\n  migrate-wizard secrets import --profile alva --ask OPENAI_API_KEY --ask STRIPE_SECRET_KEY\n\nIn Replit: Tools, Secrets, Edit as JSON. Values go straight to Secrets Manager, below <app>-<environment>/; plain\nconfiguration goes into .migrate-wizard/environment/; Replit's own names and the old database's are dropped."
    )]
    Import(ImportArgs),
    /// A new value for one secret: stored as a new version, its readers restarted, the value before kept for the way back
    #[command(
        after_help = "Examples:\n  migrate-wizard secrets rotate database-url        a new password, by turns of two roles\n  migrate-wizard secrets rotate stripe:secret       asks for the new key without echo\n  migrate-wizard secrets rotate session --dry-run\n  migrate-wizard secrets rotate --back              the version before, and its readers restarted\n\nA rotation is a run of its own: stop it anywhere, the same command goes on. See docs/secrets.md."
    )]
    Rotate(RotateArgs),
}

/// Whose secrets.
#[derive(Debug, Clone, Default, Args)]
pub struct AppArgs {
    /// The app's name on AWS (else from --profile, --answers or the newest run)
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// The environment's name (else from --profile, --answers or the newest run)
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub whose: AppArgs,
    /// The block; `-` or nothing: standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<String>,
    /// Ask for the value of this name without echo; may be given again
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub ask: Vec<String>,
    /// Take the value of this name although one from Replit is of no use on AWS: it is a new one; may be given again
    #[arg(long, value_name = "NAME")]
    pub take: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct RotateArgs {
    #[command(flatten)]
    pub whose: AppArgs,
    /// The secret below APP-ENVIRONMENT/, one key of a JSON secret as SECRET:KEY
    #[arg(value_name = "SECRET")]
    pub secret: Option<String>,
    /// Go back: the version before becomes current again and its readers are restarted
    #[arg(long, conflicts_with = "secret")]
    pub back: bool,
}
