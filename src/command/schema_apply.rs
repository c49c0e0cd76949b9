//! `schema apply`: the SQL files of a conversion run one statement at a time, each written down before and after it.
//! Never changes what stands in the files, and never runs a statement twice that is known to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::schema::told;
use super::telling::{out_event, reporter};
use super::{connections, out};
use crate::cli::{PhaseArg, RunArgs, SchemaApplyArgs};
use crate::data;
use crate::error::{Context, Error, Kind, Result};
use crate::postgres::{Access, Session};
use crate::progress::aside;
use crate::schema::{self, Dialect, Difference, Phase, Signed, Statement};
use crate::text;

/// A line of the journal beside the files.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
enum Entry {
    /// The first line: whose journal this is.
    Opened { format: u32, target: String },
    /// Written before the statement is sent.
    Started { at: String, statement: String, digest: String },
    /// It is made, or was found to be there.
    Done { at: String, statement: String, digest: String },
}

/// What has been done to one target, on disk.
struct Journal {
    file: std::fs::File,
    done: BTreeSet<String>,
}

impl Journal {
    /// Opens or begins the journal of `target`; refuses while another process holds it.
    fn open(path: &Path, target: &str) -> Result<Self> {
        let what = || format!("cannot keep the journal {}", path.display());
        let hint = "the folder must be writable: what is done must be written down before it is done";
        let mut file = std::fs::OpenOptions::new().read(true).append(true).create(true).open(path).or_fail(Kind::Input, what(), hint)?;
        if file.try_lock().is_err() {
            return Err(Error::new(Kind::Conflict, format!("another process is applying these files: it holds {}", path.display()))
                .hint("wait for it to end, or stop it; then run the same command again"));
        }
        let mut written = String::new();
        file.read_to_string(&mut written).or_fail(Kind::Input, what(), hint)?;
        // A line that was being written when the power went says nothing.
        let whole = written.rfind('\n').map_or(0, |end| end.saturating_add(1));
        if whole < written.len() {
            file.set_len(u64::try_from(whole).unwrap_or_default()).or_fail(Kind::Input, what(), hint)?;
            file.seek(std::io::SeekFrom::End(0)).or_fail(Kind::Input, what(), hint)?;
        }
        let mut journal = Self { file, done: BTreeSet::new() };
        let lines = written.get(..whole).unwrap_or_default().lines();
        let mut opened = false;
        for (number, line) in (1..).zip(lines) {
            match serde_json::from_str(line) {
                Ok(Entry::Opened { target: whose, format: 1 }) if whose == target => opened = true,
                Ok(Entry::Opened { target: whose, .. }) => {
                    return Err(Error::new(Kind::Conflict, format!("{} is the journal of {whose}, not of {target}", path.display()))
                        .hint("name the target that it was begun with, or move the journal away"));
                }
                Ok(Entry::Started { .. }) => {}
                Ok(Entry::Done { digest, .. }) => {
                    journal.done.insert(digest);
                }
                Err(error) => {
                    return Err(Error::new(Kind::Input, format!("{}:{number}: this line is no entry of a journal", path.display()))
                        .because(&error)
                        .hint("move the journal away to begin anew: what is there already is found out, statement by statement"));
                }
            }
        }
        if !opened {
            journal.write(&Entry::Opened { format: 1, target: target.to_owned() })?;
        }
        Ok(journal)
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        let what = "cannot write the journal of what is applied";
        let hint = "make room on the disk, then run the same command again: it goes on from here";
        let mut line = serde_json::to_string(entry).or_fail(Kind::Bug, what, hint)?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()).or_fail(Kind::Failed, what, hint)
    }
}

/// The files of the folder, named as a conversion names them.
fn files(folder: &Path) -> Result<Vec<(String, String)>> {
    let what = format!("cannot read {}", folder.display());
    let hint = "name the folder that `migrate-wizard schema convert --out DIR` wrote";
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).or_fail(Kind::Input, &what, hint)? {
        let path = entry.or_fail(Kind::Input, &what, hint)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        if schema::is_signed(&name) {
            let text = std::fs::read_to_string(&path).or_fail(Kind::Input, format!("cannot read {}", path.display()), hint)?;
            found.push((name, text));
        }
    }
    if found.is_empty() {
        return Err(Error::new(Kind::Input, format!("{} has no files like 40-tables.sql", folder.display())).hint(hint));
    }
    Ok(found)
}

fn chosen(phase: PhaseArg, statement: &Signed) -> bool {
    match phase {
        PhaseArg::All => true,
        PhaseArg::Before => statement.statement.phase == Phase::Before,
        PhaseArg::After => statement.statement.phase == Phase::After,
    }
}

/// `applied-db.example.com-5432-shop.jsonl`.
fn journal_path(folder: &Path, target: &str) -> PathBuf {
    let safe: String = target.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    folder.join(format!("applied-{safe}.jsonl"))
}

pub async fn apply(args: &RunArgs, what: &SchemaApplyArgs) -> Result<u8> {
    let files = files(&what.folder)?;
    let for_dsql = files.iter().any(|(_, text)| text.lines().next().is_some_and(|head| head.contains(" for dsql;")));
    let signed = schema::read_signed(&files)?;
    let wanted: Vec<&Signed> = signed.iter().filter(|signed| chosen(what.phase, signed)).collect();
    let to = connections::target(args, what.target.target.as_deref(), &what.target.target_env).await?;
    // Whoever has the source at hand in the shell must not write to it.
    if let Ok(source) = connections::source(args, None, "SOURCE_DATABASE_URL").await {
        data::distinct(&source, &to)?;
    }
    let access = if args.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let session = to.connect(access).await?;
    let dialect = if session.is_dsql().await? { Dialect::Dsql } else { Dialect::Postgres };
    if dialect == Dialect::Dsql && !for_dsql {
        return Err(Error::new(Kind::Conflict, format!("{} is an Aurora DSQL cluster, and these files are not for DSQL", to.label()))
            .hint("convert with --target dsql into another folder"));
    }
    let path = journal_path(&what.folder, &to.label());
    if args.dry_run {
        for signed in &wanted {
            out(&signed.statement.id);
        }
        out(format!(
            "\n{} would be run on {}, nothing was. Next: the same command without --dry-run",
            statements(wanted.len()),
            to.label()
        ));
        return Ok(0);
    }
    let journal = Journal::open(&path, &to.label())?;
    let done_before = journal.done.clone();
    let digests: BTreeMap<&str, &str> = wanted.iter().map(|signed| (signed.statement.id.as_str(), signed.digest.as_str())).collect();
    let digest = |statement: &Statement| digests.get(statement.id.as_str()).copied().unwrap_or_default();
    let journal = std::sync::Mutex::new(journal);
    let teller = reporter(args);
    if dialect == Dialect::Postgres && for_dsql {
        teller.log(format!("{} is a PostgreSQL: ASYNC, which only Aurora DSQL knows, is left out", to.label()));
    }
    let run = async |sql: String| schema::send(&session, dialect, &sql).await;
    let entry = |statement: &Statement, done: bool| {
        let (at, digest, statement) = (now(), digest(statement).to_owned(), statement.id.clone());
        let entry = if done { Entry::Done { at, statement, digest } } else { Entry::Started { at, statement, digest } };
        journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write(&entry)
    };
    let done = |statement: &Statement| done_before.contains(digest(statement));
    let work = schema::apply(wanted.iter().map(|signed| &signed.statement), dialect, done, entry, run, &teller);
    let applied = tokio::select! {
        applied = work => Some(applied),
        _ = tokio::signal::ctrl_c() => None,
    };
    drop(teller);
    let Some(applied) = applied else {
        aside(format_args!("interrupted: nothing is lost. Next: the same command goes on from here"));
        return Ok(130);
    };
    let applied = match applied {
        Ok(applied) => applied,
        Err(mut error) => {
            // Often something of the same name was there.
            let clashes = if for_dsql { unlike(&session, &wanted).await.unwrap_or_default() } else { Vec::new() };
            error.causes.extend(clashes.iter().filter(|clash| clash.found.is_some()).map(told));
            return Err(error);
        }
    };
    let unlike = if for_dsql { unlike(&session, &wanted).await? } else { Vec::new() };
    if args.json {
        let (made, there) = (applied.made.len(), applied.there.len());
        out_event("report", &json!({ "made": made, "there": there, "unlike": unlike, "target": to.label(), "journal": path }))?;
        return Ok(u8::from(!unlike.is_empty()));
    }
    if !unlike.is_empty() {
        unlike.iter().for_each(|difference| out(told(difference)));
        let counted = text::plural(u64::try_from(unlike.len()).unwrap_or(u64::MAX), "object");
        out(format!(
            "\n{} made, {} there already, on {}; {counted} not as the files say. Next: change what is there, or the files; a table, index or view that is missing is made once {} is deleted",
            statements(applied.made.len()),
            applied.there.len(),
            to.label(),
            path.display()
        ));
        return Ok(1);
    }
    let next = match (what.phase, for_dsql) {
        (PhaseArg::Before, _) => "copy the rows (`migrate-wizard data copy`), then the same command with --phase after",
        (PhaseArg::All | PhaseArg::After, false) => "migrate-wizard schema diff, which says whether all of it is what the files say",
        (PhaseArg::All | PhaseArg::After, true) => "migrate-wizard schema diff and migrate-wizard data verify",
    };
    out(format!("{} made, {} there already, on {}. Next: {next}", statements(applied.made.len()), applied.there.len(), to.label()));
    Ok(0)
}

/// What stands on the target and is not what the files say: `IF NOT EXISTS` is content with anything of that name.
async fn unlike(session: &Session, wanted: &[&Signed]) -> Result<Vec<Difference>> {
    let wanted = schema::parts(wanted.iter().map(|signed| (signed.statement.sql.as_str(), "")))?;
    let found = schema::definitions(session, &[]).await?;
    Ok(found.against(&wanted).into_iter().filter(|difference| difference.wanted.is_some()).collect())
}

fn statements(count: usize) -> String {
    text::plural(u64::try_from(count).unwrap_or(u64::MAX), "statement")
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
