//! One file for each command; each returns its exit code and ends by saying what to do next.
//! Glue between the command line and the rooms: no domain knowledge of its own.

mod app_export;
mod app_files;
mod app_scan;
mod back;
mod cleanup;
mod connections;
pub mod cost;
mod cutover;
mod data;
mod demo;
mod doctor;
mod edit_orm;
pub mod engines;
mod export;
mod going_back;
mod image;
mod inside;
mod kept;
mod plan;
mod playbooks;
mod preflight;
mod prepare;
mod prepared_branch;
mod report;
mod run;
mod schema;
mod schema_apply;
mod secrets;
mod secrets_import;
mod service;
mod service_status;
mod stacks;
mod stacks_diff;
mod status;
mod telling;
mod tunnel;
mod users;
mod watch;
mod whole;
mod worker_do;
mod worker_stack;
mod workload;
mod worktree;

use std::path::{Path, PathBuf};

use crate::cli::{AppCmd, Cli, Cmd, DataCmd, ImageCmd, RunArgs, SchemaCmd, ServiceCmd, StacksCmd};
use crate::error::{Error, Kind, Result};
use crate::runs::Flavour;
use crate::wizard::view::{Mode, Outcome};

/// The app's folder: named as an argument, else with --dir.
///
/// # Errors
/// `Usage` if both are given and lead to different folders.
fn app_dir<'a>(args: &'a RunArgs, named: Option<&'a Path>) -> Result<&'a Path> {
    let Some(app) = named else { return Ok(&args.dir) };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if args.dir != Path::new(".") && real(app) != real(&args.dir) {
        return Err(Error::new(Kind::Usage, format!("two folders are named: {}, and --dir {}", app.display(), args.dir.display()))
            .hint("name the app's folder once: as the argument or with --dir"));
    }
    Ok(app)
}

/// Runs the command and gives the process exit code.
pub async fn dispatch(cli: Cli) -> Result<u8> {
    let args = cli.run;
    // the demo makes its own
    if !args.dir.is_dir() && !matches!(cli.command, Some(Cmd::Demo(_))) {
        return Err(Error::new(Kind::Usage, format!("{} is not a folder", args.dir.display())).hint("name the app's checkout with --dir"));
    }
    match cli.command {
        None => run::journey(&args, None).await,
        Some(Cmd::Tour) => run::tour(&args).await,
        Some(Cmd::Demo(demo)) => demo::run(&args, &demo).await,
        Some(Cmd::Doctor(what)) if what.aws || what.policy => preflight::run(&args, &what).await,
        Some(Cmd::Doctor(_)) => doctor::run(&args).await,
        Some(Cmd::Status) => status::status(&args),
        Some(Cmd::Log) => status::log(&args),
        Some(Cmd::Plan) => plan::run(&args).await,
        Some(Cmd::Rollback(rollback)) => plan::rollback(&args, &rollback).await,
        Some(Cmd::Cutover(what)) => cutover::run(&args, &what).await,
        Some(Cmd::Watch(what)) => watch::run(&args, &what).await,
        Some(Cmd::Report(out)) => report::run(&args, &out),
        Some(Cmd::Completions { shell }) => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "migrate-wizard", &mut script);
            out(String::from_utf8_lossy(&script).trim_end());
            Ok(0)
        }
        Some(Cmd::Playbooks(what)) => playbooks::run(&args, &what),
        Some(Cmd::App(AppCmd::Scan(what))) => app_scan::run(&args, &what),
        Some(Cmd::App(AppCmd::Export(what))) => app_export::run(&args, &what).await,
        Some(Cmd::App(AppCmd::Container(what))) => app_files::container(&args, &what),
        Some(Cmd::App(AppCmd::Pipeline(what))) => app_files::pipeline(&args, &what),
        Some(Cmd::App(AppCmd::Env(what))) => app_files::env(&args, &what),
        Some(Cmd::App(AppCmd::Prepare(what))) => prepare::run(&args, &what),
        Some(Cmd::App(AppCmd::Users(what))) => users::run(&args, &what).await,
        Some(Cmd::Schema(SchemaCmd::Convert(what))) => schema::convert(&args, &what).await,
        Some(Cmd::Schema(SchemaCmd::Check(what))) => schema::check(&args, &what).await,
        Some(Cmd::Schema(SchemaCmd::Apply(what))) => schema_apply::apply(&args, &what).await,
        Some(Cmd::Schema(SchemaCmd::Rules(what))) => schema::rules(&args, &what),
        Some(Cmd::Schema(SchemaCmd::Diff(what))) => schema::diff(&args, &what).await,
        Some(Cmd::Schema(SchemaCmd::EditOrm(what))) => edit_orm::run(&args, &what).await,
        Some(Cmd::Data(DataCmd::Copy(what))) => inside::copy(&args, &what).await,
        Some(Cmd::Data(DataCmd::Verify(what))) => data::verify(&args, &what).await,
        Some(Cmd::Data(DataCmd::Diff(what))) => data::diff(&args, &what).await,
        Some(Cmd::Data(DataCmd::Status(what))) => data::status(&args, &what).await,
        Some(Cmd::Data(DataCmd::Tunnel(what))) => tunnel::run(&args, &what).await,
        Some(Cmd::Data(DataCmd::ApplyKept(what))) => kept::apply(&args, &what).await,
        Some(Cmd::Data(DataCmd::Finish(what))) => data::finish(&args, &what).await,
        Some(Cmd::Worker(what)) => worker_do::worker(&args, &what).await,
        Some(Cmd::Inside(what)) => inside::run(&args, &what).await,
        Some(Cmd::Stacks(StacksCmd::List)) => engines::stacks_list(&args),
        Some(Cmd::Stacks(StacksCmd::Export(out))) => export::run(&args, &out),
        Some(Cmd::Secrets(what)) => secrets::run(&args, &what).await,
        Some(Cmd::Stacks(StacksCmd::Diff(what))) => stacks::diff(&args, &what).await,
        Some(Cmd::Stacks(StacksCmd::Deploy)) => stacks::deploy(&args).await,
        Some(Cmd::Stacks(StacksCmd::Destroy)) => stacks::destroy(&args).await,
        Some(Cmd::Stacks(StacksCmd::Repair(what))) => stacks::repair(&args, &what).await,
        Some(Cmd::Cost(cost)) => cost::run(&args, &cost).await,
        Some(Cmd::Image(ImageCmd::Build(what))) => image::build(&args, &what).await,
        Some(Cmd::Image(ImageCmd::Push(what))) => image::push(&args, &what).await,
        Some(Cmd::Service(ServiceCmd::Deploy(what))) => service::deploy(&args, &what).await,
        Some(Cmd::Service(ServiceCmd::Status(what))) => service_status::run(&args, &what).await,
        Some(Cmd::Service(ServiceCmd::Rollback(what))) => service::rollback(&args, &what).await,
    }
}

/// The exit code of an outcome.
pub fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Finished | Outcome::Rehearsed | Outcome::RolledBack => 0,
        Outcome::Failed => 1,
        Outcome::Stopped => 3,
        Outcome::Interrupted => 130,
    }
}

/// The flavour of run that these arguments ask for.
pub fn flavour(args: &RunArgs) -> Flavour {
    Flavour { journey: "move", mode: if args.dry_run { Mode::Dry } else { Mode::Live }, sandbox: args.sandbox }
}

/// The command that goes on with a run of this journey.
pub fn command_of(journey: &str) -> &'static str {
    match journey {
        "stacks" => "migrate-wizard stacks deploy",
        "destroy" => "migrate-wizard stacks destroy",
        "repair" => "migrate-wizard stacks repair",
        "rotate" => "migrate-wizard secrets rotate",
        "back" => "migrate-wizard rollback --because CAUSE",
        "tour" => "migrate-wizard tour",
        _ => "migrate-wizard",
    }
}

/// Folders whose playbooks override ours.
pub fn playbook_folders(args: &RunArgs) -> Vec<PathBuf> {
    let own = args.dir.join(crate::runs::FOLDER).join("playbooks");
    own.is_dir().then_some(own).into_iter().chain(args.playbooks.clone()).collect()
}

/// Prints a line; a closed pipe is the reader's choice, not an error.
pub fn out(line: impl AsRef<str>) {
    use std::io::Write;
    let _closed = writeln!(std::io::stdout().lock(), "{}", line.as_ref());
}

/// Prints a value as JSON.
pub fn out_json(value: &impl serde::Serialize) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| crate::error::Error::bug(format!("a result cannot be written as JSON: {e}")))?;
    out(text);
    Ok(())
}
