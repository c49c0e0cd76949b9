//! `schema convert`, `check` and `diff`: a schema read, converted, and told about.
//! What is converted how is the room's; nothing here writes to a database.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::engines::write_all;
use super::{connections, out, out_json, telling};
use crate::cli::{ConvertArgs, InputArgs, RulesArgs, RunArgs, SchemaArgs, SchemaDiffArgs};
use crate::error::{Context, Error, Kind, Result};
use crate::postgres::{Access, dump};
use crate::progress::{Reporter, aside};
use crate::schema::{self, Conversion, Difference, Evidence, Finding, Severity, Target};
use crate::text;

/// The ledger is ours, and goes when the move is done.
const OURS: &str = "migrate_wizard";

/// The schema's own SQL (the file, or a dump of the source), and what it is converted to.
pub async fn from_sql(args: &RunArgs, what: &InputArgs, target: Target) -> Result<(String, Conversion)> {
    let options = options(target, what)?;
    if let Some(path) = &what.from {
        let name = path.display().to_string();
        let sql = schema::decode(&name, contents(path)?)?;
        let conversion = schema::convert_file(&name, &sql, target, &options)?;
        return excepted(conversion, &what.except).map(|conversion| (sql, conversion));
    }
    let source = connections::source(args, what.source.as_deref(), &what.source_env).await?;
    let sql = dump::schema_only(&source, &[OURS.to_owned()]).await?;
    if what.no_data {
        let conversion = schema::convert(&sql, target, &options)?;
        return excepted(conversion, &what.except).map(|conversion| (sql, conversion));
    }
    // With --json the conversion is all that standard output has.
    let reporter = if args.json { Reporter::silent() } else { telling::reporter(args) };
    let conversion =
        schema::evidence::convert(&source, &sql, target, &options, Duration::from_secs(what.evidence_timeout), &reporter).await?;
    excepted(conversion, &what.except).map(|conversion| (sql, conversion))
}

/// A schema that is to be left out must be there.
fn excepted(conversion: Conversion, except: &[String]) -> Result<Conversion> {
    let gone = |schema: &&String| conversion.findings.iter().any(|f| f.id.ends_with("-EXCEPT") && f.object == **schema);
    match except.iter().find(|schema| !gone(schema)) {
        Some(schema) => Err(Error::new(Kind::Usage, format!("--except {schema}: there is no schema `{schema}`"))
            .hint("name a schema that the source has, without quotes, or leave it out")),
        None => Ok(conversion),
    }
}

/// The bytes of a file; a folder may be a dump too, but not one to read.
fn contents(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        let name = path.display();
        let what = if path.join("toc.dat").exists() { "a dump in pg_dump's directory format" } else { "a folder" };
        return Err(Error::new(Kind::Input, format!("{name} is {what}"))
            .cause("expected: SQL as pg_dump prints it, plain text in UTF-8")
            .hint(format!("pg_restore --schema-only --no-owner --no-privileges -f dump.sql {name}")));
    }
    std::fs::read(path).or_fail(Kind::Input, format!("cannot read {}", path.display()), "name a `pg_dump --schema-only` file")
}

/// What was chosen, in the order given.
fn options(target: Target, what: &InputArgs) -> Result<schema::Options> {
    let known = schema::Capabilities::of(target)?.choices;
    let mut options = schema::Options { except: what.except.clone(), ..schema::Options::default() };
    what.choose.iter().try_for_each(|written| options.choose(written, &known))?;
    Ok(options)
}

/// The rules of a target.
pub fn rules(args: &RunArgs, what: &RulesArgs) -> Result<u8> {
    let capabilities = schema::Capabilities::of(what.target.name().parse()?)?;
    if args.json {
        out_json(&json!({ "target": what.target.name(), "choices": capabilities.choices, "rules": capabilities.findings }))?;
    } else {
        out(schema::rules(&capabilities));
    }
    Ok(0)
}

pub async fn convert(args: &RunArgs, what: &ConvertArgs) -> Result<u8> {
    let (_, conversion) = from_sql(args, &what.schema.input, what.schema.target.name().parse()?).await?;
    if args.json {
        out_json(&conversion)?;
        return Ok(0);
    }
    match &what.out {
        Some(folder) => {
            let files = schema::folder(&conversion);
            listed(&conversion, &[Severity::Blocks, Severity::Changes]);
            let counts = counted(&conversion);
            if args.dry_run {
                let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
                out(format!("\n{counts}; nothing was written. Into {} would go: {}", folder.display(), names.join(", ")));
                return Ok(0);
            }
            renew(folder, &files)?;
            out(format!(
                "\n{counts}, in {}. Next: read report.md and tables.md, then migrate-wizard schema apply {}",
                folder.display(),
                folder.display()
            ));
        }
        None => {
            for (_, contents) in schema::files(&conversion, conversion.target.dialect()) {
                out(contents);
            }
            // The SQL may go down a pipe; what was changed must be seen all the same.
            for finding in &conversion.findings {
                aside(format_args!("-- {:<22} {}: {}", finding.id, finding.object, finding.what));
                for line in measured(finding) {
                    aside(format_args!("-- {:<22} {line}", ""));
                }
            }
        }
    }
    Ok(0)
}

/// What the data says to a finding.
fn measured(finding: &Finding) -> Vec<String> {
    finding.evidence.iter().flat_map(Evidence::lines).collect()
}

/// Writes a folder anew: what an earlier conversion left there goes, what a person changed stops it before anything is touched.
fn renew(folder: &Path, files: &[(String, String)]) -> Result<()> {
    let what = || format!("cannot write into {}", folder.display());
    let mut stale = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.or_fail(Kind::Input, what(), "choose another folder with --out")?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| schema::is_signed(name)) else { continue };
        let text = std::fs::read_to_string(&path).or_fail(Kind::Input, what(), "choose another folder with --out")?;
        let same = files.iter().any(|(new, contents)| new == name && *contents == text);
        if !same && !schema::is_as_written(&text) {
            return Err(Error::new(Kind::Conflict, format!("{} was changed by hand, and would be overwritten", path.display()))
                .hint("convert into another folder and compare, or delete the file"));
        }
        if !files.iter().any(|(new, _)| new == name) {
            stale.push(path);
        }
    }
    for path in stale {
        std::fs::remove_file(&path).or_fail(Kind::Input, what(), "choose another folder with --out")?;
    }
    write_all(folder, files)
}

/// `35 statements for dsql: 3 to decide, 40 changes, 8 for information`.
fn counted(conversion: &Conversion) -> String {
    let count = |severity| conversion.severity(severity).count() as u64;
    let statements = conversion.statements.iter().filter(|statement| statement.kind != schema::Kind::Session).count();
    format!(
        "{} for {}: {} to decide, {}, {} for information",
        text::plural(statements as u64, "statement"),
        conversion.target,
        text::count(count(Severity::Blocks)),
        text::plural(count(Severity::Changes), "change"),
        count(Severity::Info)
    )
}

/// The findings of these severities under their headings, with what the data says and what the app must do.
fn listed(conversion: &Conversion, severities: &[Severity]) {
    for severity in severities {
        let heading = match severity {
            Severity::Blocks => "To decide",
            Severity::Changes => "Changes",
            Severity::Info => "Good to know",
        };
        let findings: Vec<_> = conversion.severity(*severity).collect();
        if !findings.is_empty() {
            out(format!("{heading}:"));
        }
        for finding in findings {
            out(format!("  {:<22} {}: {}", finding.id, finding.object, finding.what));
            for line in measured(finding) {
                out(format!("  {:<22} {line}", ""));
            }
            if *severity != Severity::Info {
                out(format!("  {:<22} {}", "", finding.app_must));
            }
        }
    }
}

pub async fn check(args: &RunArgs, what: &SchemaArgs) -> Result<u8> {
    let (_, conversion) = from_sql(args, &what.input, what.target.name().parse()?).await?;
    let count = |severity| conversion.severity(severity).count() as u64;
    let (blocks, changes, info) = (count(Severity::Blocks), count(Severity::Changes), count(Severity::Info));
    if args.json {
        out_json(
            &json!({ "target": conversion.target, "blocks": blocks, "changes": changes, "info": info, "findings": conversion.findings }),
        )?;
    } else {
        listed(&conversion, &[Severity::Blocks, Severity::Changes, Severity::Info]);
        let next = if blocks > 0 {
            "change the source, choose otherwise (--choose), or convert and mend the SQL files"
        } else {
            "migrate-wizard schema convert --out DIR"
        };
        out(format!("{}. Next: {next}", counted(&conversion)));
    }
    Ok(u8::from(blocks > 0))
}

/// What differs, among how many, and what could not be asked.
async fn compare(args: &RunArgs, what: &SchemaDiffArgs) -> Result<(Vec<Difference>, usize, Vec<String>)> {
    let to = connections::target(args, what.target.target.as_deref(), &what.target.target_env).await?;
    let session = to.connect(Access::ReadOnly).await?;
    let target = match what.target_kind {
        Some(kind) => kind.name().parse()?,
        None if session.is_dsql().await? => Target::Dsql,
        None => Target::Rds,
    };
    if target == Target::Dsql {
        let (_, wanted) = from_sql(args, &what.input, target).await?;
        let wanted = schema::parts_of(&wanted)?;
        let except: Vec<String> = what.input.except.iter().cloned().chain([OURS.to_owned()]).collect();
        let found = schema::definitions(&session, &except).await?;
        return Ok((found.against(&wanted), wanted.len(), found.untold));
    }
    drop(session);
    // What stands in the rows changes no statement here.
    let input = InputArgs { no_data: true, ..what.input.clone() };
    let except = [OURS.to_owned()];
    let ((_, wanted), found) = tokio::try_join!(from_sql(args, &input, target), dump::schema_only(&to, &except))?;
    let found = schema::convert(&found, target, &options(target, &input)?)?;
    Ok((schema::differences(&wanted, &found)?, wanted.statements.len(), Vec::new()))
}

pub async fn diff(args: &RunArgs, what: &SchemaDiffArgs) -> Result<u8> {
    let (differences, objects, untold) = compare(args, what).await?;
    if args.json {
        out_json(&json!({ "equal": differences.is_empty(), "objects": objects, "differences": differences, "not_compared": untold }))?;
        return Ok(u8::from(!differences.is_empty()));
    }
    differences.iter().for_each(|difference| out(told(difference)));
    for kind in &untold {
        out(format!("not compared {kind}: this server's catalogue does not tell"));
    }
    if differences.is_empty() {
        out(format!("equal: {}", text::plural(objects as u64, "object")));
        return Ok(0);
    }
    out(format!(
        "\n{} of {}. Next: `schema apply` of a folder without its applied-*.jsonl, or `data copy --with-schema`, makes tables, indexes and views that are missing; the rest is yours to decide",
        text::plural(differences.len() as u64, "difference"),
        text::plural(objects as u64, "object")
    ));
    Ok(1)
}

/// A difference in words, with both sides.
pub fn told(difference: &Difference) -> String {
    let Difference { id, wanted, found } = difference;
    match (wanted, found) {
        (Some(wanted), None) => format!("missing      {id}\n{}", indented("  + ", wanted)),
        (None, Some(found)) => format!("not wanted   {id}\n{}", indented("  - ", found)),
        _ => {
            let side = |sign, sql: &Option<String>| indented(sign, sql.as_deref().unwrap_or_default());
            format!("differs      {id}\n{}\n{}", side("  - ", found), side("  + ", wanted))
        }
    }
}

fn indented(sign: &str, sql: &str) -> String {
    sql.lines().map(|line| format!("{sign}{line}")).collect::<Vec<_>>().join("\n")
}
