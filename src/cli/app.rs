//! `app`: the app's files for AWS, and the table of its variables.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What the generated files depend on. With --profile, --answers or --set a run's decisions count; these go before them.
#[derive(Debug, Clone, Args)]
pub struct ChoiceArgs {
    /// The app's folder (default: --dir)
    #[arg(value_name = "DIR")]
    pub app: Option<PathBuf>,
    /// Short name of the app in AWS (default: from package.json or the folder)
    #[arg(long, value_name = "NAME")]
    pub app_name: Option<String>,
    /// Environment name, such as staging or production
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Only these services; may be given again
    #[arg(long = "service", value_name = "NAME")]
    pub services: Vec<String>,
    /// One Dockerfile with a target for each service
    #[arg(long)]
    pub one_image: bool,
    /// What the tasks run on
    #[arg(long, value_enum, value_name = "KIND")]
    pub architecture: Option<ArchitectureArg>,
}

#[derive(Debug, Clone, Args)]
pub struct WriteArgs {
    /// Folder to write into (default: the app's)
    #[arg(long, value_name = "DIR", conflicts_with = "stdout")]
    pub out: Option<PathBuf>,
    /// Print the files, write nothing
    #[arg(long)]
    pub stdout: bool,
    /// Write also over files that the wizard did not make, or that were changed since
    #[arg(long, conflicts_with = "stdout")]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ContainerArgs {
    #[command(flatten)]
    pub choice: ChoiceArgs,
    #[command(flatten)]
    pub write: WriteArgs,
    /// The image's Linux
    #[arg(long, value_enum, default_value = "debian", value_name = "KIND")]
    pub base: BaseArg,
    /// Node's or Python's version (default: the one of the app)
    #[arg(long, value_name = "VERSION")]
    pub runtime: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    #[command(flatten)]
    pub choice: ChoiceArgs,
    #[command(flatten)]
    pub write: WriteArgs,
    /// What builds and deploys
    #[arg(long, value_enum, value_name = "KIND")]
    pub provider: ProviderArg,
    /// A branch that is deployed: develop and staging by themselves, main to production after an approval; may be given again
    #[arg(long = "branch", value_name = "NAME")]
    pub branches: Vec<String>,
    /// Push the images to GitHub's registry, too
    #[arg(long)]
    pub ghcr: bool,
    /// The command that migrates the database (default: what the app's files say); an empty one: none
    #[arg(long, value_name = "COMMAND")]
    pub migrate: Option<String>,
    /// What the page must contain after a deployment (default: the title of its index.html); an empty one: nothing
    #[arg(long, value_name = "WORD")]
    pub smoke_word: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct EnvArgs {
    #[command(flatten)]
    pub choice: ChoiceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BaseArg {
    Debian,
    Alpine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProviderArg {
    Github,
    Codepipeline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ArchitectureArg {
    #[value(name = "x86_64")]
    X86_64,
    Arm64,
}

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
