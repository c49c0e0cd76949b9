//! What says where the mover runs: here, or as tasks inside the VPC.
//! Decides nothing: it says what was asked for.

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::CopyArgs;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnArg {
    /// On this machine
    Here,
    /// As Fargate tasks inside the VPC, where a private database can be reached
    Ecs,
}

#[derive(Debug, Clone, Args)]
pub struct CopyOnArgs {
    #[command(flatten)]
    pub copy: CopyArgs,
    /// Where the copy runs
    #[arg(long, value_enum, default_value = "here", value_name = "WHERE")]
    pub on: OnArg,
    /// With --on ecs: tasks at once
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=50))]
    pub workers: usize,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Which tasks, and where. Without --cluster it is what the worker's stack says.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// The worker's stack (default: the one of --profile or --answers; made if it is not there)
    #[arg(long, value_name = "NAME", conflicts_with = "cluster")]
    pub worker_stack: Option<String>,
    /// Image of this program for the worker's stack (default: what the stack has; built and pushed if there is none)
    #[arg(long, value_name = "URI", conflicts_with = "cluster")]
    pub worker_image: Option<String>,
    /// ECS cluster, with --task-definition, --subnets, --security-groups and --log-group
    #[arg(long, value_name = "NAME", requires_all = ["task_definition", "subnets", "security_groups", "log_group"])]
    pub cluster: Option<String>,
    /// Task definition whose image is this program: family:revision or ARN
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub task_definition: Option<String>,
    /// Container of the task definition, and prefix of its log streams
    #[arg(long, value_name = "NAME", default_value = "worker")]
    pub container: String,
    /// Subnets from which the database and the source are reached, comma separated
    #[arg(long, value_name = "IDS", requires = "cluster")]
    pub subnets: Option<String>,
    /// Security groups of the tasks, comma separated
    #[arg(long, value_name = "IDS", requires = "cluster")]
    pub security_groups: Option<String>,
    /// Log group of the task definition
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub log_group: Option<String>,
    /// Tasks get a public address: subnets without NAT
    #[arg(long, requires = "cluster")]
    pub public_ip: bool,
    /// First part of the temporary secrets' names; the execution role must be allowed to read them
    #[arg(long, value_name = "NAME", requires = "cluster", default_value = "migrate-wizard")]
    pub secret_prefix: String,
    /// Only stop what an earlier start left running, and take its secrets away
    #[arg(long)]
    pub stop: bool,
}

#[derive(Debug, Clone, Args)]
pub struct InsideArgs {
    #[command(flatten)]
    pub data: super::DataArgs,
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The command of migrate-wizard that runs inside, after --; it gets both databases by SOURCE_DATABASE_URL and TARGET_DATABASE_URL
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct TunnelArgs {
    #[command(flatten)]
    pub target: super::TargetArgs,
    /// Port of this machine
    #[arg(long, value_name = "N", default_value_t = 15432)]
    pub port: u16,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What a worker is for, beside taking chunks.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    pub copy: CopyArgs,
    /// Do one thing of a wizard's step, described in MIGRATE_WIZARD_DO, and print its outcome: used by the wizard inside the VPC
    #[arg(long = "do", value_enum, value_name = "WHAT", hide = true)]
    pub what: Option<DoArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoArg {
    Probe,
    Before,
    Apply,
    Undo,
    /// Nothing, for some hours: what a tunnel goes through
    Hold,
}
