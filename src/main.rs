//! The binary: parses the command line, runs the command, turns an error into text and an exit code.
//! The only place where that happens.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use migrate_wizard::cli::Cli;
use migrate_wizard::command;
use migrate_wizard::error::{Error, Kind};
use migrate_wizard::progress::aside;

/// Stack of each thread of the runtime, in bytes: what a main thread usually has, for the parser goes as deep as a statement does.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return not_a_command(&said),
    };
    let json = cli.run.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            aside(format_args!("migrate-wizard: cannot start: {error}"));
            return ExitCode::from(70);
        }
    };
    // As a task of its own: what runs beside the runtime's threads wakes and is woken across threads for every message of a connection.
    let result = runtime.block_on(runtime.spawn(command::dispatch(cli)));
    // A prompt that still waits for a key must not hold the process.
    runtime.shutdown_background();
    match result.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic())) {
        Ok(code) => ExitCode::from(code),
        Err(error) => tell(&error, json),
    }
}

/// An error as text, for machines too where they listen, and its exit code.
fn tell(error: &Error, json: bool) -> ExitCode {
    if json {
        let line =
            serde_json::json!({ "event": "error", "kind": error.kind, "what": error.what, "causes": error.causes, "hint": error.hint });
        command::out(line.to_string());
    }
    aside(format_args!("error: {error}"));
    ExitCode::from(error.exit_code())
}

/// Help and version as they were asked for; a command line that is wrong in the words of every other error.
fn not_a_command(said: &clap::Error) -> ExitCode {
    if matches!(said.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        let _nobody_reads = said.print();
        return ExitCode::from(u8::from(said.use_stderr()) * 2);
    }
    let text = said.to_string();
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("For more information") && !line.starts_with("Usage:"));
    let what = lines.next().unwrap_or("the command line is not understood").trim_start_matches("error: ").to_owned();
    let error = lines
        .fold(Error::new(Kind::Usage, what), |error, line| error.cause(line.trim_start_matches("tip: ")))
        .hint("see `migrate-wizard --help`; each command has a --help with an example");
    tell(&error, std::env::args_os().any(|word| word == "--json"))
}
