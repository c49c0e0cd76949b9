//! `app scan`: what an app is, where each value comes from, what ties it to Replit and the work that takes.
//! Reads the app's files and nothing else; finds nothing by itself.

use super::engines::decisions;
use super::{app_dir, out, out_json};
use crate::app::{self, Choices, Finding, Scan, Severity};
use crate::cli::{RunArgs, ScanArgs, SeverityArg};
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, aside};
use crate::text;

/// Places of findings for information that are shown without --json; the first of each signal always is.
const MOST_INFO: usize = 30;

pub fn run(args: &RunArgs, what: &ScanArgs) -> Result<u8> {
    if what.sarif && args.json {
        return Err(Error::new(Kind::Usage, "--sarif and --json are two forms of the same answer").hint("give one of them"));
    }
    let dir = app_dir(args, what.app.as_deref())?;
    app::must_be_app(dir)?;
    if !args.set.is_empty() {
        decisions(args)?;
        aside(format_args!("note: a scan says what the code has; what is decided, as by --set, changes nothing here"));
    }
    let scan = app::scan(dir, &Reporter::silent())?;
    if what.sarif {
        out_json(&app::sarif(&scan, &app::load_signals(dir)?))?;
    } else if args.json {
        out_json(&scan)?;
    } else {
        show(&scan, &app::lifetime_note(&scan, &Choices::from_scan(&scan).runtime)?);
    }
    let limit = what.fail_on.map(|limit| match limit {
        SeverityArg::Blocks => Severity::Blocks,
        SeverityArg::Must => Severity::Must,
        SeverityArg::Should => Severity::Should,
    });
    let failed = limit.is_some_and(|limit| scan.findings.iter().any(|f| f.severity <= limit));
    Ok(u8::from(failed))
}

fn show(scan: &Scan, ended: &[String]) {
    for note in scan.notes.iter().chain(ended) {
        out(format!("note: {note}"));
    }
    if !scan.notes.is_empty() || !ended.is_empty() {
        out("");
    }
    out("Understood");
    for known in &scan.understood {
        out(format!("  {:<14} {}  ({})", known.what, known.value, known.from));
    }
    for database in &scan.databases {
        let live = database.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        out(format!(
            "  {:<14} {:?} by {}{live}  ({}:{})",
            "database", database.engine, database.by, database.place.file, database.place.line
        ));
    }
    let names: Vec<&str> = scan.variables.iter().map(|v| v.name.as_str()).collect();
    if !names.is_empty() {
        let more = names.len().saturating_sub(12);
        let shown = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
        out(format!("  {:<14} {shown}{}", "variables", if more > 0 { format!(" and {more} more") } else { String::new() }));
    }
    for severity in [Severity::Blocks, Severity::Must, Severity::Should, Severity::Info] {
        let found: Vec<&Finding> = scan.of(severity).collect();
        if found.is_empty() {
            continue;
        }
        out(format!("\n{} ({})", heading(severity), scan.met(severity).len()));
        let most = if severity == Severity::Info { MOST_INFO } else { usize::MAX };
        let mut last = "";
        let mut kept = 0;
        for finding in &found {
            let first = finding.signal != last;
            if !first && kept >= most {
                continue;
            }
            kept += 1;
            if first {
                last = &finding.signal;
                let hours = finding.hours.map_or(String::new(), |hours| format!("  [{hours}]"));
                out(format!("  {:<4} {}{hours}", finding.signal, finding.title));
                out(format!("       {}", finding.means));
                out(format!("       → {}", finding.replacement));
                if let Some(edit) = finding.edit.as_ref().filter(|_| severity != Severity::Info) {
                    out(format!("       to do: {edit}"));
                }
                place(finding, "");
            } else {
                place(finding, &finding.hours.map_or(String::new(), |hours| format!("  [+ {hours}]")));
            }
        }
        if found.len() > kept {
            out(format!("  and {}: --json shows all", text::plural((found.len() - kept) as u64, "more place")));
        }
    }
    let count = |severity| scan.met(severity).len();
    out(format!(
        "\n{}: {} block, {} must change, {} should, {} for information; {} read",
        scan.counted(),
        count(Severity::Blocks),
        count(Severity::Must),
        count(Severity::Should),
        count(Severity::Info),
        text::plural(scan.files, "file")
    ));
    if scan.findings.iter().any(|f| f.hours.is_some()) {
        out(format!("Work by hand, as estimated: {}", scan.effort()));
    }
    out("Next: migrate-wizard app prepare (the code: what has a mechanical answer), then migrate-wizard plan");
}

fn place(finding: &Finding, hours: &str) {
    let code = if finding.excerpt.is_empty() { String::new() } else { format!(" | {}", finding.excerpt) };
    out(format!("       {}{code}{hours}", finding.place()));
}

fn heading(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocks => "Blocks: cannot work on AWS, or loses data",
        Severity::Must => "Must change",
        Severity::Should => "Should change",
        Severity::Info => "For information",
    }
}
