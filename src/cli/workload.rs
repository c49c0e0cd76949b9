//! `image …` and `service …`: what runs on AWS and from which image.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Clone, Subcommand)]
pub enum ImageCmd {
    /// Build the image of the checkout with the container tool at hand: what goes in is listed, secrets never do
    #[command(
        after_help = "Examples:\n  migrate-wizard image build --dry-run                       what would go in, and how large it is\n  migrate-wizard image build --platform linux/arm64\n  migrate-wizard image build --repository shop/web --tag 1.4.0\n\nWhat goes in is what .dockerignore leaves in, without one what .gitignore does. .env, private keys and their like never go in.\nThe tool is the first of docker, podman, buildah and nerdctl that works."
    )]
    Build(ImageBuildArgs),
    /// Push an image to ECR: one that was built here, or an archive that was made elsewhere, without any container tool
    #[command(
        after_help = "Examples:\n  migrate-wizard image push                                  what `image build` built\n  docker save shop-web:1.4.0 -o app.tar                      on another machine or in CI, then\n  migrate-wizard image push --archive app.tar --repository shop/web --tag 1.4.0\n\nAn archive is what `docker save`, `podman save --format oci-archive`, `buildah push … oci-archive:` or `docker buildx build --output\ntype=oci,dest=…` wrote, packed or not, or a folder in OCI layout. Layers that are there are not sent; stop it anywhere and run the same\ncommand again: it goes on with the part that is missing."
    )]
    Push(ImagePushArgs),
}

/// What the image is called and what it is for.
#[derive(Debug, Clone, Args)]
pub struct ImageNameArgs {
    /// Repository in ECR (default: the one of the newest run's service)
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// Service of the run, if it has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Tag (default: the commit of the checkout and the run)
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Platform that the task runs on (default: what the run decided, else linux/amd64)
    #[arg(long, value_enum, value_name = "PLATFORM")]
    pub platform: Option<PlatformArg>,
}

#[derive(Debug, Clone, Args)]
pub struct ImageBuildArgs {
    #[command(flatten)]
    pub name: ImageNameArgs,
    /// Dockerfile (default: the one that the newest run wrote, else the checkout's)
    #[arg(long, value_name = "FILE")]
    pub dockerfile: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct ImagePushArgs {
    #[command(flatten)]
    pub name: ImageNameArgs,
    /// Archive or folder with an image that was built elsewhere
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlatformArg {
    #[value(name = "linux/amd64", alias = "amd64", alias = "x86_64")]
    Amd64,
    #[value(name = "linux/arm64", alias = "arm64")]
    Arm64,
}

impl PlatformArg {
    pub fn word(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum ServiceCmd {
    /// Give a service another image or number of tasks: migrations first, then follow it until it is steady; back when it is not
    #[command(
        after_help = "Examples:\n  migrate-wizard service deploy --tag 3f2a9c1d04be-move-20261128-a1b2 --dry-run   only what would change\n  migrate-wizard service deploy --tag 3f2a9c1d04be-move-20261128-a1b2\n  migrate-wizard service deploy --cluster shop --service shop-web --image 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:1.4.0\n  migrate-wizard service deploy --tag 1.4.0 --migrate 'npx prisma migrate deploy'\n  migrate-wizard service deploy --desired 4\n\nThe task definition names the image by its digest. With a new image the app's migrations run first, as a one-off task with that image;\nthey are not run twice for the same image, and when they fail nothing is deployed. Exit code 1: the deployment failed."
    )]
    Deploy(ServiceDeployArgs),
    /// What runs: deployments, tasks, why others stopped, image, events, health
    #[command(
        after_help = "Examples:\n  migrate-wizard service status\n  migrate-wizard service status --cluster shop --service shop-web --json"
    )]
    Status(ServiceStatusArgs),
    /// Back to the last revision that ran steadily, or to the one you name
    #[command(
        after_help = "Examples:\n  migrate-wizard service rollback --dry-run\n  migrate-wizard service rollback\n  migrate-wizard service rollback --to shop-web:3\n\nMigrations are not taken back: an older image must be able to live with the newer schema."
    )]
    Rollback(ServiceRollbackArgs),
}

#[derive(Debug, Clone, Args)]
pub struct ServiceNameArgs {
    /// Cluster (default: the newest run's)
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Service (default: the newest run's, if it has one)
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ServiceDeployArgs {
    #[command(flatten)]
    pub name: ServiceNameArgs,
    /// Image, by tag or digest
    #[arg(long, value_name = "IMAGE", conflicts_with = "tag")]
    pub image: Option<String>,
    /// Tag in the repository that the service's image comes from
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Number of tasks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub desired: Option<i32>,
    /// Command that runs the migrations in the new image (default: what the checkout's scripts and files say)
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_migrate")]
    pub migrate: Option<String>,
    /// Run no migrations
    #[arg(long)]
    pub no_migrate: bool,
    /// Where to look at the health (default: the load balancer's address and health path)
    #[arg(long, value_name = "URL")]
    pub health_url: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ServiceStatusArgs {
    #[command(flatten)]
    pub name: ServiceNameArgs,
    /// Where to look at the health (default: the load balancer's address and health path)
    #[arg(long, value_name = "URL")]
    pub health_url: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ServiceRollbackArgs {
    #[command(flatten)]
    pub name: ServiceNameArgs,
    /// Revision to go back to: 3, app:3 or its ARN
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
}
