//! `stacks …`: the words of its command line.
//! Never does anything: the commands are in `command/stacks.rs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Clone, Subcommand)]
pub enum StacksCmd {
    /// The templates and their parameters
    #[command(after_help = "Example:\n  migrate-wizard stacks list")]
    List,
    /// Write the stacks that the decisions need as files of your own: CloudFormation with a script, a CDK app, or Terraform
    #[command(
        after_help = "Examples:\n  migrate-wizard stacks export --profile alva --format cdk --out infrastructure/\n  migrate-wizard stacks export --answers answers.toml --format terraform --out terraform/\n\nThe same answers give the same bytes. Files that were changed by hand are not overwritten."
    )]
    Export(ExportArgs),
    /// What would change: each stack's parameters and resources against what is deployed; nothing is written
    #[command(
        after_help = "Examples:\n  migrate-wizard stacks diff --profile alva\n  migrate-wizard stacks diff --profile alva --set db_class=db.t4g.medium --json\n  migrate-wizard stacks diff --profile alva --drift    also what was changed behind CloudFormation's back"
    )]
    Diff(DiffStacksArgs),
    /// Make or change all stacks of the decisions; run it again and it goes on where it was
    #[command(
        after_help = "Examples:\n  migrate-wizard stacks deploy --profile alva --dry-run     what it would do\n  migrate-wizard stacks deploy --profile alva --yes\n  migrate-wizard stacks deploy --profile alva --yes --set task_size=1024-2048     one decision changed\n\nA change that would lose data is refused until it is agreed to: --confirm STACK/RESOURCE, as the refusal says.\nImage and number of tasks of a service that runs stay as they are. Stop it anywhere: the same command goes on."
    )]
    Deploy,
    /// Take everything of one system away, newest first; what its templates keep is named with its price
    #[command(
        after_help = "Examples:\n  migrate-wizard stacks destroy --profile alva --dry-run    what would go, what stays\n  migrate-wizard stacks destroy --set app_name=alva --set environment=staging --set region=us-east-1 --yes --confirm alva-staging\n\nIt works from what AWS says is there, so it needs nothing of the run that made it. It asks for the system's name, typed.\nStop it anywhere: the same command goes on."
    )]
    Destroy,
    /// Take a stack back to its last good state after a roll back that failed
    #[command(
        after_help = "Examples:\n  migrate-wizard stacks repair alva-staging-edge --region us-east-1\n  migrate-wizard stacks repair alva-staging-edge --skip Listener --yes --confirm Listener\n\nA skipped resource stays as it is while CloudFormation believes that it was rolled back: that cannot be taken back."
    )]
    Repair(RepairArgs),
}

#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// What to write (default: what was decided as iac_export)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
    /// Folder to write into (default: infrastructure)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Cloudformation,
    Cdk,
    Terraform,
}

#[derive(Debug, Clone, Args)]
pub struct DiffStacksArgs {
    /// Let CloudFormation compare its resources with their templates (some minutes)
    #[arg(long, conflicts_with = "dry_run")]
    pub drift: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RepairArgs {
    /// Its name
    #[arg(value_name = "STACK")]
    pub stack: String,
    /// Leave this resource behind, by its logical id; may be given again
    #[arg(long, value_name = "LOGICAL_ID")]
    pub skip: Vec<String>,
}
