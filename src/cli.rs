//! The command line: one definition per flag feeds parsing, help and completions.
//! Decides nothing: it says what was asked for.

mod app;
mod app_export;
mod cost;
mod cutover;
mod doctor;
mod inside;
mod kept;
mod prepare;
mod rollback;
mod schema;
mod secrets;
mod stacks;
mod users;
mod watch;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use app::{ArchitectureArg, BaseArg, ChoiceArgs, ContainerArgs, EnvArgs, PipelineArgs, ProviderArg, WriteArgs};
pub use app::{ScanArgs, SeverityArg};
pub use app_export::{AppExportArgs, WhatArg};
pub use cost::{CostArgs, CostCmd, PricesArgs};
pub use cutover::{CutoverAtArgs, CutoverCmd, CutoverPlanArgs};
pub use doctor::DoctorArgs;
pub use inside::{CopyOnArgs, DoArg, InsideArgs, OnArg, PlaceArgs, TunnelArgs, WorkerArgs};
pub use kept::ApplyKeptArgs;
pub use prepare::PrepareArgs;
pub use rollback::{BecauseArg, RollbackArgs};
pub use schema::{
    ConvertArgs, EditOrmArgs, InputArgs, PhaseArg, RulesArgs, SchemaApplyArgs, SchemaArgs, SchemaCmd, SchemaDiffArgs, TargetArg,
};
pub use secrets::{AppArgs, ImportArgs, RotateArgs, SecretsCmd};
pub use stacks::{DiffStacksArgs, ExportArgs, FormatArg, RepairArgs, StacksCmd};
pub use users::{UsersCmd, UsersCreateArgs, UsersExportArgs, UsersLinkArgs, UsersSourceArgs};
pub use watch::WatchArgs;
pub use workload::{
    ImageBuildArgs, ImageCmd, ImageNameArgs, ImagePushArgs, PlatformArg, ServiceCmd, ServiceDeployArgs, ServiceNameArgs,
    ServiceRollbackArgs, ServiceStatusArgs,
};

#[derive(Debug, Parser)]
#[command(
    name = "migrate-wizard",
    version,
    about = "Moves an app and its Postgres from Replit to AWS, step by step, resumable and reversible",
    after_help = "Examples:\n  migrate-wizard                              open or resume the run of this checkout\n  migrate-wizard --dry-run                    rehearse everything, touch nothing\n  migrate-wizard --sandbox --profile dougust  the same steps against a disposable Postgres\n  migrate-wizard --yes --answers answers.toml unattended\n  migrate-wizard demo                         a sample app and database, moved from end to end\n\nThe source database is read from SOURCE_DATABASE_URL, DATABASE_URL, PGSERVICE or PG*; a password may stand in ~/.pgpass.\nExit codes: 0 done, 1 a step failed, 2 usage or input, 3 stopped by you (q, Ctrl-C) and resumable, 70 our bug, 130 ended from outside (SIGTERM) and resumable.",
    max_term_width = 110
)]
pub struct Cli {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(subcommand)]
    pub command: Option<Cmd>,
}

/// What shapes a run; the same for every command that opens one.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The app's checkout
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    pub dir: PathBuf,
    /// Rehearse everything, touch nothing: lists every change it would make
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Run the same steps against a disposable Postgres and the AWS endpoint of AWS_ENDPOINT_URL (none: AWS is simulated)
    #[arg(long, global = true, conflicts_with = "dry_run")]
    pub sandbox: bool,
    /// In a sandbox whose endpoint runs the app and whose names resolve here: look at the app for real instead of simulating it
    #[arg(long, global = true, conflicts_with = "dry_run")]
    pub real_network: bool,
    /// Answer every decision from a profile: grievance-portal, dougust, alva, shadowtwin, shadowtwin-ec2
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Answer questions from a TOML file: version = 1, then a table "answers" with id = "value"
    #[arg(long, global = true, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Answer one question; may be given again
    #[arg(long, global = true, value_name = "ID=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Ask nothing: a missing answer is an error
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// With --yes: confirm an irreversible step or a checklist by its id; may be given again
    #[arg(long, global = true, value_name = "STEP")]
    pub confirm: Vec<String>,
    /// Line mode instead of full screen
    #[arg(long, global = true)]
    pub plain: bool,
    /// For machines: the events of a run as lines of JSON, what a command tells as one document
    #[arg(long, global = true)]
    pub json: bool,
    /// A folder of playbooks that override ours by file name
    #[arg(long, global = true, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
    /// AWS region (else AWS_REGION or the profile's)
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// AWS credentials profile (else AWS_PROFILE)
    #[arg(long, global = true, value_name = "NAME")]
    pub aws_profile: Option<String>,
    /// The role that CloudFormation takes to make resources, so that you need few rights yourself
    #[arg(long, global = true, value_name = "ARN")]
    pub deploy_role: Option<String>,
    /// Begin a new run although one is there
    #[arg(long, global = true)]
    pub new: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())).ok_or_else(|| "write it as ID=VALUE".into())
}

impl RunArgs {
    pub fn flags(&self) -> BTreeMap<String, String> {
        self.set.iter().cloned().collect()
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum Cmd {
    /// Move a sample app with its database in a sandbox, from end to end
    #[command(after_help = "Example:\n  migrate-wizard demo --plain --yes")]
    Demo(DemoArgs),
    /// Five minutes through every screen; nothing is read, nothing is touched
    #[command(after_help = "Example:\n  migrate-wizard tour")]
    Tour,
    /// What is missing on this machine, and how to get it; --aws: what of AWS would stop a run
    #[command(
        after_help = "Examples:\n  migrate-wizard doctor\n  migrate-wizard doctor --aws --profile grievance-portal      exit code 1 if something would stop the run\n  migrate-wizard doctor --aws --answers answers.toml --json\n  migrate-wizard doctor --policy --profile alva              the rights that a person needs, as IAM policies"
    )]
    Doctor(DoctorArgs),
    /// Where the newest run of this checkout stands
    #[command(
        after_help = "Example:\n  migrate-wizard status --json   {run, state: new|running|stopped|stuck|finished|rolled_back, phase, step, …}"
    )]
    Status,
    /// The journal of the newest run, in words (--json: the entries)
    #[command(after_help = "Example:\n  migrate-wizard log | tail")]
    Log,
    /// Every effect to come, with the command that would do the same
    #[command(after_help = "Example:\n  migrate-wizard plan --profile grievance-portal")]
    Plan,
    /// Undo what the run did, newest first; --because: after the switch something is wrong, and the cause picks the way back
    #[command(
        after_help = "Examples:\n  migrate-wizard rollback --plan            show it, do nothing\n  migrate-wizard rollback --to provision    back to and including that step\n\nAfter the switch, by cause (docs/rollback.md):\n  migrate-wizard rollback --because application             the last good task definition, 5 to 10 minutes\n  migrate-wizard rollback --because database --plan         the steps with their times, nothing touched\n  migrate-wizard rollback --because database --set point='2026-12-05 22:00 Europe/Berlin'\n  migrate-wizard rollback --because configuration --set what=secret --set secret=stripe:secret\n  migrate-wizard rollback --because infrastructure --set where=name\n  migrate-wizard rollback --because database --undo         that way back itself taken back"
    )]
    Rollback(RollbackArgs),
    /// The runbook of the cutover: plan it, rehearse it, go, see where it stands
    #[command(subcommand, after_help = "Example:\n  migrate-wizard cutover plan --at '2026-12-05 22:00 Europe/Berlin'")]
    Cutover(CutoverCmd),
    /// Watch the app on AWS: error rate, p95, healthy targets, connections, against the triggers of a roll back
    #[command(
        after_help = "Examples:\n  migrate-wizard watch --for 1h\n  migrate-wizard watch --json     lines of JSON; exit code 1 when a limit is broken"
    )]
    Watch(WatchArgs),
    /// Write the report of the newest run: Markdown and one self-contained HTML file
    #[command(after_help = "Example:\n  migrate-wizard report --out report/")]
    Report(OutArgs),
    /// Completions for a shell
    #[command(after_help = "Example:\n  migrate-wizard completions bash > /etc/bash_completion.d/migrate-wizard")]
    Completions { shell: clap_complete::Shell },
    /// Playbooks: validate them
    #[command(subcommand, after_help = "Example:\n  migrate-wizard playbooks check --playbooks ./my-playbooks")]
    Playbooks(PlaybooksCmd),
    /// The app: read it, change its code for AWS, write its image and pipeline, list its variables, bring over its users
    #[command(subcommand, after_help = "Example:\n  migrate-wizard app scan --dir ../my-app")]
    App(AppCmd),
    /// The schema: convert it for a target
    #[command(subcommand, after_help = "Example:\n  migrate-wizard schema convert --from dump.sql --target dsql --out sql/")]
    Schema(SchemaCmd),
    /// The data: copy and verify
    #[command(
        subcommand,
        after_help = "Example:\n  migrate-wizard data verify --source-env SOURCE_DATABASE_URL --target-env TARGET_DATABASE_URL"
    )]
    Data(DataCmd),
    /// Take chunks from the ledger on the target until none is left: several of them share one copy
    #[command(
        after_help = "Example:\n  migrate-wizard worker --jobs 2 &   as often as you like, on as many machines\n\nThe first one begins the pass. It must live until the others have opened their sessions; any of them may be killed:\nits chunks are taken over. Progress is in `migrate-wizard data status`."
    )]
    Worker(WorkerArgs),
    /// Run another command of this program inside the VPC, where a private database can be reached
    #[command(
        after_help = "Examples:\n  migrate-wizard inside --profile dougust -- data verify\n  migrate-wizard inside --worker-stack shop-staging-worker -- data status\n\nThe database URLs go by temporary secrets; the task and they are gone at the end, however it ends."
    )]
    Inside(InsideArgs),
    /// The CloudFormation stacks: list, export, diff, deploy, destroy, repair
    #[command(subcommand, after_help = "Example:\n  migrate-wizard stacks export --profile alva --out infrastructure/")]
    Stacks(StacksCmd),
    /// The app's secrets on AWS: list what each service gets, take over Replit's, renew one
    #[command(subcommand, after_help = "Example:\n  migrate-wizard secrets import --profile alva")]
    Secrets(SecretsCmd),
    /// The app's image: build it, push it to ECR
    #[command(subcommand, after_help = "Example:\n  migrate-wizard image push --archive app.tar --repository shop/web --tag 1.4.0")]
    Image(ImageCmd),
    /// A service on ECS: deploy, status, roll back
    #[command(subcommand, after_help = "Example:\n  migrate-wizard service status --cluster shop --service shop-web")]
    Service(ServiceCmd),
    /// Monthly cost of a profile or an answers file, scenarios side by side, price lists
    #[command(
        after_help = "Examples:\n  migrate-wizard cost --profile grievance-portal\n  migrate-wizard cost --compare grievance-portal dougust\n  migrate-wizard cost --compare alva alva+nat=none alva+architecture=arm64,cache=valkey\n  migrate-wizard cost prices --region eu-central-1"
    )]
    Cost(CostArgs),
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Rows: 100 gives the full sample (365,067 rows), 1 gives 3,717
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub scale: u32,
}

#[derive(Debug, Clone, Args)]
pub struct OutArgs {
    /// Folder to write into (default: the run's own)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum PlaybooksCmd {
    /// Check all playbooks: ours and the overriding ones
    #[command(after_help = "Example:\n  migrate-wizard playbooks check --playbooks ./my-playbooks")]
    Check,
    /// List phases and steps
    #[command(after_help = "Example:\n  migrate-wizard playbooks list")]
    List,
}

#[derive(Debug, Clone, Subcommand)]
pub enum AppCmd {
    /// Read the app: stack, services, findings with file and line, and the work they take
    #[command(
        after_help = "Examples:\n  migrate-wizard app scan ../my-app\n  migrate-wizard app scan --json | jq '.services'\n  migrate-wizard app scan --sarif > app.sarif       for code review tools: SARIF 2.1.0\n  migrate-wizard app scan --fail-on blocks          exit code 1 while something blocks\n\nNothing of the app is run, and nothing outside its folder is read.\nSignals of your own: <app>/.migrate-wizard/signals/*.toml; the format is in docs/app.md."
    )]
    Scan(ScanArgs),
    /// Scripts for the Replit Shell that bring out what is reached only there (database, objects, key-value store); --check: what arrived
    #[command(
        after_help = "Examples:\n  migrate-wizard app export                    scripts for what the app uses, into .migrate-wizard/inside/\n  migrate-wizard app export --all              database, objects and key-value store\n  migrate-wizard app export --what database --to s3://my-app-import/dump --size 3GiB   with signed URLs: no key at Replit\n  migrate-wizard app export --check objects.manifest.jsonl --to s3://my-app-objects\n  migrate-wizard app export --check database.manifest.jsonl --in ~/Downloads --json\n\n--check: exit code 0 when everything is there with the right size and digest, 1 when something is missing or different.\nSee docs/inside-replit.md."
    )]
    Export(AppExportArgs),
    /// Dockerfile, .dockerignore, docker-compose.yml and .env.example for the app
    #[command(
        after_help = "Examples:\n  migrate-wizard app container ../my-app --dry-run     which files, and which are there already\n  migrate-wizard app container ../my-app --stdout\n  migrate-wizard app container --one-image --architecture arm64 --out container/\n  migrate-wizard app container --profile dougust       the decisions of a profile\n\nA file that the wizard did not make, or that was changed since, is not written over: exit code 1, and nothing is written."
    )]
    Container(ContainerArgs),
    /// What builds and deploys after a push: GitHub Actions or CodePipeline
    #[command(
        after_help = "Examples:\n  migrate-wizard app pipeline --provider github --branch develop --branch staging --branch main\n  migrate-wizard app pipeline --provider github --profile alva --ghcr\n  migrate-wizard app pipeline --provider codepipeline --out .\n\nWhat must be set up at GitHub once stands at the head of the workflow."
    )]
    Pipeline(PipelineArgs),
    /// Every variable: where it comes from, who reads it, plain or secret, what becomes of it on AWS
    #[command(
        after_help = "Examples:\n  migrate-wizard app env ../my-app\n  migrate-wizard app env --json | jq '.variables[] | select(.kind == \"secret\") | .name'"
    )]
    Env(EnvArgs),
    /// Change the app's code so that it runs on AWS: shown as a diff, accepted by file, put on a branch of its own
    #[command(
        after_help = "Examples:\n  migrate-wizard app prepare                     show each file, ask, commit what was accepted to migrate-wizard/prepare\n  migrate-wizard app prepare --yes               take all\n  migrate-wizard app prepare --patches ../patches --yes\n  migrate-wizard app prepare --only neon,hosts   these edits alone\n  migrate-wizard app prepare --list\n\nWithout a terminal and without --yes it shows the diff, changes nothing and ends with exit code 1.\nWhat is left for a person is in CHECKLIST-CODE.md, with place and reason: what an edit cannot do, and findings that no edit answers."
    )]
    Prepare(PrepareArgs),
    /// The app's users: who can have an account in a user pool, making it, keeping their ids
    #[command(subcommand, after_help = "Example:\n  migrate-wizard app users check --source-env SOURCE_DATABASE_URL")]
    Users(UsersCmd),
}

#[derive(Debug, Clone, Subcommand)]
pub enum DataCmd {
    /// Copy rows; run it again and only what differs is copied
    #[command(
        after_help = "Examples:\n  migrate-wizard data copy --source-env SOURCE_DATABASE_URL --target-env TARGET_DATABASE_URL --except public.sessions\n  migrate-wizard data copy --with-schema --jobs 4       tables, rows, indexes, keys, sequences\n  migrate-wizard data copy --with-schema --dry-run      what it would do\n  migrate-wizard data copy --source $AWS_URL --target $REPLIT_URL   the way back, after a copy the other way\n  migrate-wizard data copy --with-schema --on ecs --workers 4 --profile dougust   inside the VPC: a private database\n\nStop it anywhere: the same command goes on. Exit code 1: rows were quarantined or in conflict, or it failed."
    )]
    Copy(CopyOnArgs),
    /// Compare every table's rows and fingerprint
    #[command(after_help = "Example:\n  migrate-wizard data verify --source-env SOURCE_DATABASE_URL --target-env TARGET_DATABASE_URL")]
    Verify(DataArgs),
    /// Which rows differ, by key and column; never their values
    #[command(after_help = "Example:\n  migrate-wizard data diff --only public.orders --rows 50")]
    Diff(DiffArgs),
    /// How far the copy is, as the ledger on the target tells: from any terminal, after any crash
    #[command(after_help = "Example:\n  watch migrate-wizard data status --target-env TARGET_DATABASE_URL")]
    Status(TargetArgs),
    /// Lead a port of this machine to a private target, through a task inside the VPC, until Ctrl-C
    #[command(
        after_help = "Example:\n  migrate-wizard data tunnel --port 15432 --worker-stack shop-staging-migrate\n\nNeeds the AWS CLI and session-manager-plugin on PATH. Loopback only; the database's host name is still checked."
    )]
    Tunnel(TunnelArgs),
    /// Put kept rows (a roll back wrote them to a file) into a database: only where it has each row as it was when it was kept
    #[command(
        name = "apply-kept",
        after_help = "Examples:\n  migrate-wizard data apply-kept .migrate-wizard/RUN/way-back/kept.jsonl --dry-run --target-env SOURCE_DATABASE_URL\n  migrate-wizard data apply-kept kept.jsonl --target-env SOURCE_DATABASE_URL\n\nOne transaction: all of it or nothing. Twice equals once. Exit code 1: rows were changed since, or can only be put in by hand.\nSee docs/cutover.md."
    )]
    ApplyKept(ApplyKeptArgs),
    /// The move is done: remove the ledger (schema migrate_wizard) from the target; the way back ends with it
    #[command(after_help = "Example:\n  migrate-wizard data finish --target-env TARGET_DATABASE_URL")]
    Finish(FinishArgs),
}

#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// Source URL without a password (it comes from ~/.pgpass); better: --source-env
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Environment variable that holds the source URL
    #[arg(long, value_name = "NAME", default_value = "SOURCE_DATABASE_URL")]
    pub source_env: String,
    /// Target URL without a password (it comes from ~/.pgpass); better: --target-env
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Environment variable that holds the target URL
    #[arg(long, value_name = "NAME", default_value = "TARGET_DATABASE_URL")]
    pub target_env: String,
    /// Chunks (and indexes) at once
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub jobs: usize,
    /// Only these tables (schema.table or schema.*); may be given again
    #[arg(long, value_name = "TABLE")]
    pub only: Vec<String>,
    /// Not these tables; may be given again
    #[arg(long, value_name = "TABLE")]
    pub except: Vec<String>,
    /// Rows of a chunk at most (default: by bytes)
    #[arg(long, value_name = "N")]
    pub chunk_rows: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub struct CopyArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Make the tables first, and indexes, keys, statistics and all else after the rows
    #[arg(long)]
    pub with_schema: bool,
    /// What the target is (default: what its server says)
    #[arg(long, value_enum, value_name = "KIND")]
    pub target_kind: Option<KindArg>,
    /// Begin although the target has rows that this tool never copied: they are made equal to the source, which may delete them
    #[arg(long)]
    pub replace: bool,
    /// Leave so many values of each sequence free behind those in use
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub sequence_headroom: u32,
    /// Write in batches within the limits of another kind of target
    #[arg(long, value_enum, value_name = "KIND")]
    pub limits: Option<LimitsArg>,
}

#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Rows named for each table
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub rows: usize,
}

#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Target URL without a password (it comes from ~/.pgpass); better: --target-env
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Environment variable that holds the target URL
    #[arg(long, value_name = "NAME", default_value = "TARGET_DATABASE_URL")]
    pub target_env: String,
}

#[derive(Debug, Clone, Args)]
pub struct FinishArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    /// Also while indexes and keys that were to follow the rows are not made: you made them by hand
    #[arg(long)]
    pub anyway: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    Postgres,
    Dsql,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LimitsArg {
    Dsql,
}
