//! A conversion as files that a person can read, keep and run: ordered SQL, and a report in Markdown.
//! Never writes to disk.

use std::fmt::Write as _;

use super::conversion::Conversion;
use super::finding::{Evidence, Lossless, Severity};
use super::sides;
use super::statement::{Dialect, Kind, Phase};
use super::target::Target;
use crate::text::{digest, plural};

/// `(name, text)` of each SQL file, in the order to run them; the data is copied before `50-…`.
pub fn files(conversion: &Conversion, dialect: Dialect) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut last = (0_u8, "");
    let mut session = None;
    for statement in &conversion.statements {
        if statement.kind == Kind::Session {
            session = Some(statement.render(dialect));
            continue;
        }
        let wanted = bucket(statement.kind, statement.phase);
        if wanted.0 > last.0 {
            last = wanted;
            let when = match statement.phase {
                Phase::Before => "before the data",
                Phase::After => "after the data",
            };
            let mut head = format!("-- {} for {}; run {when}, one statement per transaction.\n", last.1, conversion.target);
            if let Some(sql) = &session {
                let _ = writeln!(head, "{sql};");
            }
            out.push((format!("{}-{}.sql", last.0, last.1), head));
        }
        if let Some((_, text)) = out.last_mut() {
            let _ = write!(text, "\n{};\n", statement.render(dialect));
        }
    }
    for (_, text) in &mut out {
        *text = sealed(text);
    }
    out
}

/// Bytes of a seal.
const SEAL: usize = 6;

/// The first line ends with a digest of all others, so that what a person changed is told from what we wrote.
fn sealed(text: &str) -> String {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{head} [{}]\n{rest}", digest(rest, SEAL))
}

/// Whether a file is as a conversion wrote it.
pub fn is_as_written(text: &str) -> bool {
    let sealed = text.split_once('\n').and_then(|(head, rest)| Some((head.rsplit_once(" [")?.1.strip_suffix(']')?, rest)));
    sealed.is_some_and(|(seal, rest)| seal == digest(rest, SEAL))
}

/// A statement that must follow an earlier file's stays in that file, so that file order is statement order.
fn bucket(kind: Kind, phase: Phase) -> (u8, &'static str) {
    match (phase, kind) {
        (Phase::Before, Kind::Schema) => (10, "schemas"),
        (Phase::Before, Kind::Extension | Kind::Enum | Kind::Composite | Kind::Range | Kind::Domain | Kind::Collation | Kind::Function) => {
            (20, "types")
        }
        (Phase::Before, Kind::Sequence) => (30, "sequences"),
        (Phase::Before, _) => (40, "tables"),
        (Phase::After, Kind::Index | Kind::PrimaryKey) => (50, "indexes"),
        (Phase::After, Kind::Unique | Kind::Exclusion | Kind::Check | Kind::IndexPartition) => (60, "constraints"),
        (Phase::After, Kind::ForeignKey | Kind::Validation) => (70, "foreign-keys"),
        (Phase::After, Kind::Function | Kind::Procedure | Kind::Aggregate | Kind::Statistics) => (80, "functions"),
        (Phase::After, _) => (90, "views"),
    }
}

/// All that a folder of a conversion holds: the SQL, `report.md`, and `tables.md` with each table of the dump before and after.
pub fn folder(conversion: &Conversion) -> Vec<(String, String)> {
    let mut out = files(conversion, conversion.target.dialect());
    out.push(("report.md".to_owned(), report(conversion)));
    out.push(("tables.md".to_owned(), sides::page(&sides::sides(conversion), conversion)));
    out
}

/// What the conversion does and what it asks, for people.
pub fn report(conversion: &Conversion) -> String {
    let mut out = format!("# Schema for {}\n\n", title(conversion.target));
    let count = |severity| u64::try_from(conversion.severity(severity).count()).unwrap_or_default();
    let _ = writeln!(
        out,
        "{} before the data, {} after. {} to decide, {}, {} for information.\n",
        plural(u64::try_from(conversion.phase(Phase::Before).count()).unwrap_or_default(), "statement"),
        conversion.phase(Phase::After).count(),
        plural(count(Severity::Blocks), "finding"),
        plural(count(Severity::Changes), "change"),
        count(Severity::Info)
    );
    for (severity, heading) in
        [(Severity::Blocks, "To decide before going on"), (Severity::Changes, "Changes"), (Severity::Info, "Good to know")]
    {
        let mut ids: Vec<&str> = conversion.severity(severity).map(|finding| finding.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            let _ = writeln!(out, "## {heading}\n");
        }
        for id in ids {
            let found: Vec<_> = conversion.severity(severity).filter(|finding| finding.id == id).collect();
            let Some(first) = found.first() else { continue };
            let _ = writeln!(out, "### {id}\n\n{} *({}, as of {})*\n", sentence(&first.why), first.source, first.as_of);
            for finding in found {
                let lossless = match &finding.lossless {
                    Lossless::Yes => "nothing is lost".to_owned(),
                    Lossless::IfHolds(condition) => format!("nothing is lost if {condition}"),
                    Lossless::No => "not without loss".to_owned(),
                };
                let _ = writeln!(out, "- `{}`: {}; {lossless}. {}", finding.object, finding.what.replace('\n', " "), finding.app_must);
                for line in finding.evidence.iter().flat_map(Evidence::lines) {
                    let _ = writeln!(out, "  - {line}");
                }
            }
            out.push('\n');
        }
    }
    if !conversion.type_changes.is_empty() {
        out.push_str("## Changed types\n\n| column | source | target |\n|---|---|---|\n");
        for change in &conversion.type_changes {
            let to = if change.to.is_empty() { "left out" } else { &change.to };
            let _ = writeln!(out, "| `{}.{}` | {} | {to} |", change.table, change.column, change.from);
        }
    }
    out
}

fn title(target: Target) -> &'static str {
    match target {
        Target::Rds => "Amazon RDS for PostgreSQL",
        Target::Aurora => "Amazon Aurora PostgreSQL",
        Target::Dsql => "Amazon Aurora DSQL",
    }
}

fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let head: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{head}{}.", letters.as_str())
}
