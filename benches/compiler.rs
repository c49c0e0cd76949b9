//! The schema compiler: the command on a file of 1,000 and of 10,000 tables, its time from start to end and its greatest memory.
//! Never in this process: what the command itself takes is what counts.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::large_schema::large_schema;
use crate::{line, millis};

/// Runs what it is given, and prints the seconds and the greatest memory in KiB.
const WATCH: &str = "import resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

const ROUNDS: usize = 5;

pub fn run() {
    let folder = tempfile::tempdir().unwrap();
    for target in ["dsql", "rds"] {
        let mut small = Duration::ZERO;
        for tables in [1_000, 10_000] {
            let from = folder.path().join(format!("{tables}.sql"));
            let sql = large_schema(tables);
            std::fs::write(&from, &sql).unwrap();
            let (time, mebibytes) = middle_of((0..ROUNDS).map(|_| watch(&from, target, folder.path())).collect());
            let of = format!("{:.1} MB of SQL, all files written, middle of {ROUNDS}", sql.len() as f64 / 1e6);
            let what = format!("schema convert --target {target}, {tables} tables");
            let goals = if tables == 1_000 { ("< 1 s", "< 200 MB") } else { ("", "") };
            line(&what, &millis(time), goals.0, &of);
            line(&format!("{what}: memory"), &format!("{mebibytes:.0} MB"), goals.1, "greatest resident set of the process");
            if tables == 1_000 {
                small = time;
            } else {
                let ratio = time.as_secs_f64() / small.as_secs_f64();
                line(
                    &format!("schema convert --target {target}: 10 times the tables"),
                    &format!("x {ratio:.1}"),
                    "about x 10",
                    "time of 10,000 / of 1,000",
                );
            }
        }
    }
}

fn watch(from: &Path, target: &str, folder: &Path) -> (Duration, f64) {
    let out = folder.join("out");
    let _ = std::fs::remove_dir_all(&out);
    let mut command = Command::new("python3");
    command.args(["-c", WATCH, env!("CARGO_BIN_EXE_migrate-wizard"), "schema", "convert", "--from"]);
    let done = command.arg(from).args(["--target", target, "--out"]).arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let mut figures = text.split_whitespace().map(|figure| figure.parse::<f64>().unwrap());
    (Duration::from_secs_f64(figures.next().unwrap()), figures.next().unwrap() / 1024.0)
}

/// The middle time, and the greatest memory of all.
fn middle_of(mut found: Vec<(Duration, f64)>) -> (Duration, f64) {
    found.sort_by_key(|(time, _)| *time);
    let memory = found.iter().map(|(_, memory)| *memory).fold(0.0, f64::max);
    (found[found.len() / 2].0, memory)
}
