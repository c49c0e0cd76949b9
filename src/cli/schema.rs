//! `schema …`: the words of its command line.
//! Never does anything: the commands are in `command/schema.rs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::TargetArgs;

#[derive(Debug, Clone, Subcommand)]
pub enum SchemaCmd {
    /// Convert a schema for a target, with a finding for every change
    #[command(
        after_help = "Examples:\n  migrate-wizard schema convert --from dump.sql --target dsql\n  SOURCE_DATABASE_URL=… migrate-wizard schema convert --target rds --out sql/\n  migrate-wizard schema convert --target dsql --choose serial_keys=cache_1 --choose enums:public.status=lookup_table\n  SOURCE_DATABASE_URL=… migrate-wizard schema convert --target dsql --no-data\n\nWith a live source what a finding depends on is measured in its rows: see docs/evidence.md."
    )]
    Convert(ConvertArgs),
    /// Only what a conversion would change, leave out or ask: no SQL
    #[command(
        after_help = "Examples:\n  migrate-wizard schema check --from dump.sql --target dsql\n  migrate-wizard schema check --source postgresql://me@host/shop --target rds --json\n  migrate-wizard schema check --source postgresql://me@host/shop --target dsql --evidence-timeout 600\n\nExit code 1: something is to be decided first."
    )]
    Check(SchemaArgs),
    /// Run the files that `schema convert --out DIR` wrote, one statement at a time; the same command goes on after an interruption
    #[command(
        after_help = "Examples:\n  migrate-wizard schema apply sql/ --target-env TARGET_DATABASE_URL --phase before\n  migrate-wizard schema apply sql/ --phase after       once the rows are there\n  migrate-wizard schema apply sql/ --dry-run           what it would run\n\nWhat stands in the files is what is run: edit them as you like. What is done is written to applied-*.jsonl beside them."
    )]
    Apply(SchemaApplyArgs),
    /// Is the target's schema what the conversion of the source says?
    #[command(
        after_help = "Examples:\n  migrate-wizard schema diff --source-env SOURCE_DATABASE_URL --target-env TARGET_DATABASE_URL\n  migrate-wizard schema diff --from dump.sql --target-env TARGET_DATABASE_URL --choose enums=lookup_table\n\nRun it after the move: before the rows are there, indexes and keys are named as missing.\nGive what was given to the conversion: --choose, --no-data, --except.\nExit code 1: they differ."
    )]
    Diff(SchemaDiffArgs),
    /// The rules of a target: what each matches, makes, loses and asks of the app, and what may be chosen
    #[command(after_help = "Example:\n  migrate-wizard schema rules --target dsql")]
    Rules(RulesArgs),
    /// Rewrite the app's Drizzle files to match the converted schema; for Prisma a list of the lines to change
    #[command(
        name = "edit-orm",
        after_help = "Examples:\n  migrate-wizard schema edit-orm --from dump.sql --target dsql            show the diff, write nothing\n  migrate-wizard schema edit-orm ../my-app --target dsql --apply          the source is read, the files are written\n  migrate-wizard schema edit-orm --target rds --patch orm.patch           then: git apply orm.patch\n\nThe diff goes to standard output, what needs a hand to standard error. --apply writes only files that git can give back\n(tracked, without changes of their own); --force writes the others, too. Give the same --choose as to the conversion.\nExit code 1: something needs a hand."
    )]
    EditOrm(EditOrmArgs),
}

#[derive(Debug, Clone, Args)]
pub struct RulesArgs {
    /// Whose rules
    #[arg(long, value_enum)]
    pub target: TargetArg,
}

/// A schema, and how it is to be converted.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// A `pg_dump --schema-only` file; without it the source database is dumped
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    pub from: Option<PathBuf>,
    /// Source URL without a password (it comes from ~/.pgpass); better: --source-env
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Environment variable that holds the source URL
    #[arg(long, value_name = "NAME", default_value = "SOURCE_DATABASE_URL")]
    pub source_env: String,
    /// Choose where the target leaves a choice: serial_keys=uuid, or for one object enums:public.status=lookup_table; may be given again
    #[arg(long, value_name = "NAME[:OBJECT]=VALUE")]
    pub choose: Vec<String>,
    /// Read no rows: findings keep their "if"
    #[arg(long)]
    pub no_data: bool,
    /// How long one question to the data may take; then its answer is "not measured"
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub evidence_timeout: u64,
    /// Not these schemas (stripe is rebuilt by its sync); may be given again
    #[arg(long, value_name = "SCHEMA")]
    pub except: Vec<String>,
}

/// A schema and what to convert it for.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// What to convert for
    #[arg(long, value_enum)]
    pub target: TargetArg,
}

#[derive(Debug, Clone, Args)]
pub struct ConvertArgs {
    #[command(flatten)]
    pub schema: SchemaArgs,
    /// Write ordered SQL files and the report here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct EditOrmArgs {
    /// The app's folder (default: --dir)
    #[arg(value_name = "DIR")]
    pub app: Option<PathBuf>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    /// Write the files (default: print a unified diff)
    #[arg(long, conflicts_with = "patch")]
    pub apply: bool,
    /// Write the diff to a file that `git apply` takes
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// With --apply: write also files that git could not give back
    #[arg(long, requires = "apply")]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
pub struct SchemaApplyArgs {
    /// The folder with the files
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Which files: those before the data (below 50), those after it, or all
    #[arg(long, value_enum, default_value = "all")]
    pub phase: PhaseArg,
}

/// Before or after the rows are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    Before,
    After,
    All,
}

#[derive(Debug, Clone, Args)]
pub struct SchemaDiffArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    /// What the target is (default: what it says of itself, dsql or rds)
    #[arg(long, value_enum, value_name = "KIND")]
    pub target_kind: Option<TargetArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetArg {
    Rds,
    Aurora,
    Dsql,
}

impl TargetArg {
    pub fn name(self) -> &'static str {
        match self {
            TargetArg::Rds => "rds",
            TargetArg::Aurora => "aurora",
            TargetArg::Dsql => "dsql",
        }
    }
}
