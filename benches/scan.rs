//! The scan: the command on an app of 1 GB and 20,000 files, its time from start to end and its greatest memory.
//! Never in this process: what the command itself takes is what counts.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{line, memory, middle, millis};

const ROUNDS: usize = 5;

/// (folder, files, bytes of each, ending, holds code): the makeup of large real apps, where files of users and pasted files weigh the most.
const PARTS: &[(&str, usize, usize, &str, bool)] = &[
    ("server", 1_500, 12_000, "ts", true),
    ("client/src", 2_500, 8_000, "tsx", true),
    ("lib/python", 500, 10_000, "py", true),
    ("data", 200, 400_000, "json", false),
    ("uploads", 3_300, 160_000, "jpg", false),
    ("attached_assets", 1_000, 200_000, "png", false),
    ("node_modules/a/lib", 10_995, 9_000, "js", true),
    ("exports", 4, 12_000_000, "csv", false),
    ("dumps", 1, 50_000_000, "sql", false),
];

pub fn run() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), PARTS);
    measure("app scan", folder.path(), made, ("< 3 s", "< 300 MB"));
    // the worst of all makeups: nothing but code
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), &[("server", 10_000, 50_000, "ts", true), ("client/src", 10_000, 50_000, "tsx", true)]);
    measure("app scan, all of it code", folder.path(), made, ("", "< 300 MB"));
}

fn measure(what: &str, dir: &Path, (files, bytes): (usize, usize), goals: (&str, &str)) {
    let mut times = Vec::new();
    let mut most = 0.0_f64;
    for _ in 0..=ROUNDS {
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_migrate-wizard"))
            .args(["app", "scan", "--json"])
            .arg(dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // the mark only rises, so the last look before the end is the peak but for what the last millisecond took
        let done = loop {
            most = memory(child.id(), "VmHWM").unwrap_or_default().max(most);
            if let Some(done) = child.try_wait().unwrap() {
                break done;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(done.success());
        times.push(begun.elapsed());
    }
    // the first run warms the file cache
    times.remove(0);
    let (time, worst) = middle(times);
    let of =
        format!("{files} files, {:.2} GB, {} processors, middle of {ROUNDS}, worst {}", bytes as f64 / 1e9, processors(), millis(worst));
    line(what, &millis(time), goals.0, &of);
    line(&format!("{what}: memory"), &format!("{most:.0} MB"), goals.1, "VmHWM of the process");
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn make(dir: &Path, parts: &[(&str, usize, usize, &str, bool)]) -> (usize, usize) {
    std::fs::write(
        dir.join(".replit"),
        "modules = [\"nodejs-20\"]\n[deployment]\ndeploymentTarget = \"autoscale\"\nrun = [\"node\", \"dist/index.js\"]\n",
    )
    .unwrap();
    std::fs::write(dir.join("package.json"), "{ \"name\": \"large\", \"dependencies\": { \"express\": \"5\", \"pg\": \"8\" } }\n").unwrap();
    let (mut files, mut bytes) = (2, 0);
    for (folder, count, size, ending, code) in parts {
        for number in 0..*count {
            // a hundred files in a folder, as people have them
            let below = dir.join(folder).join(format!("part{}", number / 100));
            std::fs::create_dir_all(&below).unwrap();
            let content =
                if *code { source(number, *size, ending).into_bytes() } else { vec![b'0' + u8::try_from(number % 10).unwrap(); *size] };
            bytes += content.len();
            files += 1;
            std::fs::write(below.join(format!("file{number}.{ending}")), content).unwrap();
        }
    }
    (files, bytes)
}

/// Code of that size; one file in fifty holds something to be found.
fn source(number: usize, size: usize, ending: &str) -> String {
    let mut text = String::with_capacity(size + 200);
    if number.is_multiple_of(50) {
        text += if ending == "py" {
            "from replit import db\n"
        } else {
            "const host = \"https://large.replit.app\";\nsetInterval(() => poll(process.env.POLL_URL), 1000);\n"
        };
    }
    let mut n = 0;
    while text.len() < size {
        n += 1;
        if ending == "py" {
            writeln!(text, "def total_{n}(rows, rate):\n    # sums what was billed\n    return sum(row[\"amount\"] * rate for row in rows if row[\"state\"] == \"open\")\n").unwrap();
        } else {
            writeln!(text, "// sums what was billed\nexport function total{n}(rows: Row[], rate: number): number {{\n  return rows.filter((row) => row.state === \"open\").reduce((sum, row) => sum + row.amount * rate, 0);\n}}\n").unwrap();
        }
    }
    text
}
