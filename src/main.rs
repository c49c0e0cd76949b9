//! The binary: parses the command line, runs the command, turns an error into text and an exit code.
//! The only place where that happens.

use std::process::ExitCode;

use clap::Parser;
use migrate_wizard::cli::Cli;
use migrate_wizard::command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.run.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("migrate-wizard: cannot start: {error}");
            return ExitCode::from(70);
        }
    };
    let result = runtime.block_on(command::dispatch(cli));
    // A prompt that still waits for a key must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if json {
                let line = serde_json::json!({ "event": "error", "kind": error.kind, "what": error.what, "causes": error.causes, "hint": error.hint });
                command::out(line.to_string());
            }
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
